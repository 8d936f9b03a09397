import { crc32 as zlibCrc32 } from "node:zlib";

import { fullFormats } from "ajv-formats/dist/formats.js";

import { Action } from "../../preload/actions.js";
import { RpcError } from "../../preload/errors.js";
import { assert, Fault } from "../../modules/core/assert.js";
import { codePoints, findText, sameBytes, text, Utf8, writeText } from "../../modules/core/bytes.js";
import { crc32 } from "../../modules/core/crc.js";
import {
	DATE_TIME_BYTES, dateTimeOf, formatDateTime, parseDateTime, writeDateTime,
} from "../../modules/core/datetime.js";
import { numberOf, parseDecimal, parseInteger, writeDecimal } from "../../modules/core/decimal.js";
import { Encoder, type LazyList } from "../../modules/core/encode.js";
import { Ring } from "../../modules/core/ring.js";
import { Random } from "../vectors/generate.js";

const bytesOf = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));

describe("core bytes", () => {
	it("writes what it reads, short and long, of all lengths of characters", () => {
		const buffer = new Uint8Array(600);
		for (const value of ["", "a", "äß€漢🔌", "x".repeat(100), "🔌".repeat(40) + "é", "a\u0000b"]) {
			const end = writeText(buffer, 3, value);
			expect(Buffer.from(buffer.slice(3, end)).toString()).toBe(value);
			expect(text(buffer, 3, end)).toBe(value);
			expect(codePoints(buffer, 3, end)).toBe([...value].length);
		}
		expect(Buffer.from(buffer.slice(0, writeText(buffer, 0, "a\ud83db"))).toString()).toBe("a\ufffdb");
	});

	it("finds a text in a table by its bytes alone", () => {
		const table = bytesOf("onetwothree");
		const at = new Uint16Array([0, 3, 6, 11]);
		expect(findText(bytesOf("two"), 0, 3, table, at, 0, 3)).toBe(1);
		expect(findText(bytesOf("-three-"), 1, 6, table, at, 0, 3)).toBe(2);
		expect(findText(bytesOf("thre"), 0, 4, table, at, 0, 3)).toBe(-1);
		expect(sameBytes(table, 0, 3, table, 3, 6)).toBeFalse();
	});

	it("RFC 3629: every pair of bytes, and random longer runs in random pieces, is judged as the platform does", () => {
		const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
		const isText = (bytes: Uint8Array): boolean => {
			try {
				decoder.decode(bytes);
				return true;
			} catch {
				return false;
			}
		};
		const utf8 = new Utf8();
		const judge = (bytes: Uint8Array, cuts: number[]): boolean => {
			utf8.reset();
			let from = 0;
			for (const cut of [...cuts, bytes.length]) {
				if (!utf8.accept(bytes, from, cut)) return false;
				from = cut;
			}
			return utf8.complete;
		};
		const mixed = new Uint8Array(2);
		for (let pair = 0; pair < 65_536; pair++) {
			mixed[0] = pair >> 8;
			mixed[1] = pair & 0xff;
			if (judge(mixed, [1]) !== isText(mixed)) fail("bytes " + pair.toString(16));
		}
		const random = new Random(5);
		const leads = [
			0x41, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf3, 0xf4, 0xf5, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
		];
		let good = 0;
		for (let times = 0; times < 30_000; times++) {
			const bytes = new Uint8Array(1 + random.below(4)).map(() => random.pick(leads));
			const cut = random.below(bytes.length + 1);
			const expected = isText(bytes);
			if (expected) good++;
			if (judge(bytes, [cut]) !== expected) fail(Buffer.from(bytes).toString("hex"));
		}
		expect(good).toBeGreaterThan(500);
	});
});

describe("core datetime", () => {
	it("RFC 3339: dates of ten thousand years go out and come back as the platform writes them", () => {
		const random = new Random(1);
		const times = [0, -1, 951_782_399_999, 951_868_800_000, 253_402_300_799_999, -62_167_219_200_000];
		for (let count = 0; count < 20_000; count++)
			times.push(Math.floor((random.below(2 ** 31) / 2 ** 31) * 315_569_520_000_000) - 62_167_219_200_000);
		for (const time of times) {
			const expected = new Date(time).toISOString();
			if (formatDateTime(time) !== expected || parseDateTime(expected) !== time)
				fail(`${time} ${expected} ${formatDateTime(time)}`);
		}
		expect(formatDateTime(0)).toBe("1970-01-01T00:00:00.000Z");
	});

	it("a clock that was never set gives no date", () => {
		expect(formatDateTime(NaN)).toBe("");
		expect(formatDateTime(253_402_300_800_000)).toBe("");
		expect(writeDateTime(new Uint8Array(DATE_TIME_BYTES), 0, NaN)).toBe(0);
	});

	it("offsets, fractions and leap seconds mean the right instant", () => {
		const cases: [string, string][] = [
			["2024-03-01T01:30:00+02:00", "2024-02-29T23:30:00.000Z"],
			["2024-02-29T23:30:00-0030", "2024-03-01T00:00:00.000Z"],
			["2024-01-01t00:00:00.1239z", "2024-01-01T00:00:00.123Z"],
			["2024-01-01 00:00:00+05", "2023-12-31T19:00:00.000Z"],
			["2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"],
			["2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00.000Z"],
		];
		for (const [given, instant] of cases) expect(parseDateTime(given)).withContext(given).toBe(Date.parse(instant));
		for (const bad of ["", "2024-01-01T12:00:60Z", "2024-02-30T00:00:00Z", "x".repeat(70)])
			expect(parseDateTime(bad)).withContext(bad).toBeNaN();
	});

	it("60,000 damaged dates are judged as ajv-formats judges them", () => {
		const format = fullFormats["date-time"] as { validate: (value: string) => boolean };
		const random = new Random(2);
		const seeds = [
			"2024-02-29T23:59:59.999Z", "2016-12-31T23:59:60Z", "2017-01-01T00:59:60.5+01:00",
			"1999-12-31t10:20:30-1130", "2023-03-26 02:30:00+02",
		];
		let valid = 0;
		for (let count = 0; count < 60_000; count++) {
			const seed = random.pick(seeds);
			const at = random.below(seed.length);
			const value = random.below(4) === 0
				? seed.slice(0, at) + seed.slice(at + 1)
				: seed.slice(0, at) + random.pick([..."0123456789012356:+-Zz.T "]) + seed.slice(at + random.below(2));
			// ajv-formats lets hour and minute be out of range where an offset brings them to 23:59 UTC.
			const inRange = Number(value.slice(11, 13)) <= 23 && Number(value.slice(14, 16)) <= 59;
			const expected = format.validate(value) && inRange;
			if (expected) valid++;
			const bytes = bytesOf(value);
			if (isNaN(dateTimeOf(bytes, 0, bytes.length)) === expected) fail(`${value}: ajv-formats says ${expected}`);
		}
		expect(valid).toBeGreaterThan(5_000);
	});
});

describe("core decimal", () => {
	const written = (value: number): string => {
		const bytes = new Uint8Array(32);
		return Buffer.from(bytes.slice(0, writeDecimal(bytes, 0, value))).toString();
	};

	it("Part 2 §3.1: at most six places, never an exponent, no trailing zeros, no minus zero", () => {
		const cases: [number, string][] = [
			[0, "0"], [-0, "0"], [1.5, "1.5"], [-0.0000001, "0"], [0.1 + 0.2, "0.3"], [-230.01, "-230.01"],
			[123456789.123456, "123456789.123456"], [-2147483648, "-2147483648"], [0.05, "0.05"], [100, "100"],
			[0.999999999, "1"], [-0.9999999, "-1"], [1e-6, "0.000001"], [1e15, "1000000000000000"], [NaN, "0"],
			[Infinity, "9007199254740991"],
		];
		for (const [value, expected] of cases) expect(written(value)).withContext(String(value)).toBe(expected);
		const random = new Random(3);
		for (let count = 0; count < 20_000; count++) {
			const value = (random.below(2 ** 31) - 2 ** 30) / random.pick([1, 10, 1000, 1e6]);
			if (Number(written(value)) !== value) fail(`${value} became ${written(value)}`);
		}
	});

	it("numbers of the wire are read as JSON.parse reads them", () => {
		for (const value of [
			"0", "-0", "12", "-123456789", "1234567890", "1.25", "1e2", "-1.5E-3", "123456789012345678", "1e400",
		]) {
			const bytes = bytesOf(" " + value);
			expect(numberOf(bytes, 1, bytes.length)).withContext(value).toBe(Number(value));
		}
	});

	it("B05.FR.07: texts of variables are integers or decimals in plain digits, or nothing", () => {
		const integers = [["0", 0], ["-7", -7], ["2147483647", 2147483647], ["007", 7]] as const;
		expect(parseInteger("-2147483648")).toBe(-2147483648);
		for (const [value, expected] of integers) expect(parseInteger(value)).withContext(value).toBe(expected);
		for (const bad of ["", "-", "1.0", "300.1", "true", "1e3", "+1", " 1", "2147483648", "12345678901", "٣"])
			expect(parseInteger(bad)).withContext(bad).toBeNaN();
		for (const [value, expected] of [["0.5", 0.5], ["-12.25", -12.25], ["3", 3]] as const)
			expect(parseDecimal(value)).withContext(value).toBe(expected);
		for (const bad of ["", "-", ".5", "1.", "1.2.3", "-.5", "1e3", "Infinity", "0x10", "1".repeat(30)])
			expect(parseDecimal(bad)).withContext(bad).toBeNaN();
	});
});

describe("core crc", () => {
	it("equals zlib's on every range, at once and in parts", () => {
		const random = new Random(4);
		const bytes = new Uint8Array(300).map(() => random.below(256));
		expect(crc32(bytesOf("123456789"), 0, 9)).toBe(0xcbf43926);
		for (let count = 0; count < 500; count++) {
			const from = random.below(300);
			const to = from + random.below(301 - from);
			const middle = from + random.below(to - from + 1);
			const range = bytes.slice(from, to);
			const expected = zlibCrc32 === undefined ? slowCrc(range) : zlibCrc32(range);
			expect(crc32(bytes, from, to)).toBe(expected);
			expect(crc32(bytes, middle, to, crc32(bytes, from, middle))).toBe(expected);
		}
	});

	/** Bit by bit from the definition, for Node before zlib.crc32. */
	function slowCrc(bytes: Uint8Array): number {
		let rest = 0xffffffffn;
		for (const byte of bytes) {
			rest ^= BigInt(byte);
			for (let bit = 0; bit < 8; bit++) rest = rest & 1n ? (rest >> 1n) ^ 0xedb88320n : rest >> 1n;
		}
		return Number(rest ^ 0xffffffffn);
	}
});

describe("core ring", () => {
	it("gives entries in order, refuses when full, never overwrites", () => {
		const ring = new Ring(3);
		expect(ring.shift()).toBeFalse();
		let next = 0;
		let seen = 0;
		for (let round = 0; round < 50; round++) {
			for (let count = round % 4; count > 0; count--) if (ring.push(next, ~next, next * 2)) next++;
			while (ring.length > round % 3) {
				expect(ring.shift()).toBeTrue();
				expect([ring.a, ring.b, ring.c]).toEqual([seen, ~seen, seen * 2]);
				seen++;
			}
		}
		expect(next).toBeGreaterThan(40);
		const full = new Ring(1);
		expect([full.push(1, 2, 3), full.push(4, 5, 6), full.refused]).toEqual([true, false, 1]);
		expect(full.shift() && full.a).toBe(1);
	});
});

describe("core encode", () => {
	const drained = (encoder: Encoder, piece = 5): string => {
		const buffer = new Uint8Array(piece);
		let message = "";
		while (!encoder.done)
			message += Buffer.from(buffer.slice(0, encoder.fill(buffer, 0, piece))).toString("latin1");
		return Buffer.from(message, "latin1").toString();
	};

	it("a report comes out row by row: each row is made once, in order, and may be the same object", () => {
		const row = { component: { name: "" }, variable: { name: "V" }, variableAttribute: [{ value: "1" }] };
		const made: number[] = [];
		const rows: LazyList = {
			length: 3,
			item(index: number) {
				made.push(index);
				row.component.name = "C" + index;
				return row;
			},
		};
		const encoder = new Encoder();
		encoder.startCall("x", Action.NotifyReport, { requestId: 7, generatedAt: 0, seqNo: 0, reportData: rows });
		type Report = { generatedAt: string; reportData: { component: { name: string } }[] };
		const payload = (JSON.parse(drained(encoder)) as unknown[])[3] as Report;
		expect(payload.reportData.map((item) => item.component.name)).toEqual(["C0", "C1", "C2"]);
		expect(made).toEqual([0, 1, 2]);
		expect(payload.generatedAt).toBe("1970-01-01T00:00:00.000Z");
	});

	it("Part 4 §4.1.5: undefined, null, NaN, empty lists and empty optional objects are left out", () => {
		const encoder = new Encoder();
		encoder.startCall(
			"x", Action.StatusNotification,
			{ timestamp: "t", evseId: 1, connectorId: undefined, connectorStatus: "Available", foreign: 1 },
		);
		expect(drained(encoder)).toBe(
			'[2,"x","StatusNotification",{"timestamp":"t","connectorStatus":"Available","evseId":1}]'
		);
		encoder.startResult("x", Action.Authorize, {
			idTokenInfo: { status: "Accepted", evseId: [], groupIdToken: null, personalMessage: {}, language1: undefined,
				chargingPriority: NaN },
		});
		expect(drained(encoder)).toBe('[3,"x",{"idTokenInfo":{"status":"Accepted"}}]');
		encoder.startResult("x", Action.GetVariables, { getVariableResult: [] });
		expect(drained(encoder)).toBe('[3,"x",{}]');
	});

	it("customData goes out with its vendorId, data of a DataTransfer as text, number or truth", () => {
		const encoder = new Encoder();
		encoder.startCall("x", Action.DataTransfer, { vendorId: "v", data: 'a"b', customData: { vendorId: "w" } });
		expect(drained(encoder)).toBe(
			'[2,"x","DataTransfer",{"customData":{"vendorId":"w"},"data":"a\\"b","vendorId":"v"}]'
		);
		encoder.startCall("x", Action.DataTransfer, { vendorId: "v", data: 1.5 });
		expect(drained(encoder)).toContain('"data":1.5');
		encoder.startCall("x", Action.DataTransfer, { vendorId: "v", data: false });
		expect(drained(encoder)).toContain('"data":false');
	});

	it("Part 4 §4.2.3: a CALLERROR has five elements and a description of at most 255 characters", () => {
		const encoder = new Encoder();
		encoder.startError("x", RpcError.OccurrenceConstraintViolation, "no \n evse");
		expect(drained(encoder)).toBe('[4,"x","OccurrenceConstraintViolation","no \\n evse",{}]');
		encoder.startError("x", RpcError.GenericError, "a".repeat(254) + "🔌b");
		expect((JSON.parse(drained(encoder)) as string[])[3]).toBe("a".repeat(254));
		encoder.startError("-1", RpcError.RpcFrameworkError, "");
		expect(drained(encoder)).toBe('[4,"-1","RpcFrameworkError","",{}]');
	});

	it("long texts with characters of all lengths pass through every piece size unharmed", () => {
		const encoder = new Encoder();
		const long = "ä€🔌x\"\\\n\u0001".repeat(70);
		for (let piece = 1; piece < 80; piece += 3) {
			encoder.startCall(long.slice(0, 6), Action.SignCertificate, { csr: long });
			expect(JSON.parse(drained(encoder, piece))).toEqual([
				2, long.slice(0, 6), "SignCertificate", { csr: long },
			]);
		}
		encoder.startCall("x", Action.SignCertificate, { csr: "\ud83d" });
		expect(JSON.parse(drained(encoder))).toEqual([2, "x", "SignCertificate", { csr: "\ufffd" }]);
	});

	it("a message that is given up in the middle leaves nothing behind for the next", () => {
		const encoder = new Encoder();
		const whole = '[2,"b","Heartbeat",{}]';
		for (let bytes = 1; bytes < 100; bytes++) {
			encoder.startCall(
				"a", Action.BootNotification,
				{ chargingStation: { vendorName: "x".repeat(100), model: "m" }, reason: "PowerUp" },
			);
			encoder.fill(new Uint8Array(bytes), 0, bytes);
			if (bytes % 2 === 0) {
				encoder.abandon();
				expect(encoder.done).toBeTrue();
			}
			encoder.startCall("b", Action.Heartbeat, {});
			expect(drained(encoder)).toBe(whole);
		}
	});
});

describe("core assert", () => {
	it("throws with the code and passes what holds", () => {
		expect(() => assert(true, Fault.state)).not.toThrow();
		expect(() => assert(false, Fault.depth)).toThrowError("fault 4");
	});
});
