// Payloads to bytes and back: nothing is lost, whatever the schemas allow; bad bytes never do harm.

import "../board/xs-globals.js";
import { ACTION_NAMES, Action, REQUEST_TYPE, RESPONSE_TYPE } from "../../preload/actions.js";
import { ENUM_AT, ENUM_VALUES, KIND_MASK, Kind, LIST, NAMES, RANGES, REQUIRED, ROWS, ROW_SIZE, TYPE_AT, VALUES } from "../../preload/schema.js";
import { Packer, numbersRoom, rowOf } from "../../modules/storage/pack.js";

const TYPES = TYPE_AT.length - 1;
const TRANSACTION_EVENT = REQUEST_TYPE[Action.TransactionEvent];

function chance(seed: number): (below: number) => number {
	let state = (seed * 2654435761 + 1) >>> 0;
	return (below) => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return Math.floor((state / 4294967296) * below);
	};
}

const ALPHABET = ["a", "Z", "0", " ", "\"", "\\", "\u0000", "\n", "é", "ß", "€", "\uffff", "🔌", "\u{10ffff}"];

/** Random payloads of all shapes that the tables allow. */
class Maker {
	constructor(private readonly random: (below: number) => number) {}

	object(type: number, depth = 0): Record<string, unknown> {
		const made: Record<string, unknown> = {};
		for (let row = TYPE_AT[type]; row < TYPE_AT[type + 1]; row++) {
			const flags = ROWS[row * ROW_SIZE + 1];
			if ((flags & REQUIRED) === 0 && this.random(10) < 4 + depth) continue;
			const one = (): unknown => this.value(flags & KIND_MASK, ROWS[row * ROW_SIZE + 2], depth);
			const name = NAMES[ROWS[row * ROW_SIZE]];
			if ((flags & LIST) === 0) made[name] = one();
			else {
				const least = ROWS[row * ROW_SIZE + 3];
				const most = ROWS[row * ROW_SIZE + 4] || 5;
				made[name] = Array.from({ length: Math.min(most, least + this.random(4)) }, one);
			}
		}
		return made;
	}

	private value(kind: number, detail: number, depth: number): unknown {
		const { random } = this;
		switch (kind) {
			case Kind.String: {
				const most = detail === 0 ? 300 : detail;
				return this.text(random(30) === 0 ? most : random(Math.min(most, 40) + 1));
			}
			case Kind.Enum:
				return VALUES[ENUM_VALUES[ENUM_AT[detail] + random(ENUM_AT[detail + 1] - ENUM_AT[detail])]];
			case Kind.Object:
				return this.object(detail, depth + 1);
			case Kind.Integer:
				return this.within(detail, [random(10), random(1_000_000), 2_147_483_647, 0, -random(1000), -2_147_483_648][random(6)]);
			case Kind.Decimal:
				return this.within(detail, this.decimal());
			case Kind.Boolean:
				return random(2) === 0;
			case Kind.DateTime:
				return this.dateTime();
			case Kind.Any:
				return { vendorId: this.text(random(20)), ...(random(2) === 0 ? { more: this.any(0) } : {}) };
			default:
				return this.any(0);
		}
	}

	private text(length: number): string {
		let text = "";
		for (let i = 0; i < length; i++) text += this.random(4) === 0 ? ALPHABET[this.random(ALPHABET.length)] : String.fromCharCode(97 + this.random(26));
		return text;
	}

	private decimal(): number {
		const { random } = this;
		const choices = [
			random(100), random(10_000_000) / 10, random(1_000_000_000) / 1000, -random(50_000) / 100, random(1_000_000) / 1e6,
			Math.sqrt(random(1000)), 1 / (1 + random(1000)), 1e21 + random(9) * 1e6, -1e-9 * random(100), 5e-324, Number.MAX_VALUE,
			230.1, 0.1 + 0.2, 99_999_999.9, 2 ** 47, 2 ** 53, random(1e9) * 1e9 + 1,
		];
		return choices[random(choices.length)];
	}

	private within(range: number, value: number): number {
		return Math.min(RANGES[2 * range + 1], Math.max(RANGES[2 * range], value));
	}

	private dateTime(): string {
		const { random } = this;
		const canonical = new Date(1_577_836_800_000 + random(1e9) * 1000 + random(1000)).toISOString();
		const choices = [
			canonical, canonical, canonical, canonical.replace(/\.\d+/, ""), canonical.replace("Z", "+02:00"), canonical.replace("T", "t"),
			canonical.replace("Z", "123Z"), "2019-12-31T23:59:59.999Z", "1970-01-01T00:00:00.000Z", "2024-02-29T12:00:00.000Z",
			"2020-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "2016-12-31T23:59:60.000Z",
		];
		return choices[random(choices.length)];
	}

	private any(depth: number): unknown {
		const { random } = this;
		switch (random(depth > 3 ? 5 : 7)) {
			case 0:
				return null;
			case 1:
				return random(2) === 0;
			case 2:
				return this.decimal();
			case 3:
			case 4:
				return this.text(random(12));
			case 5:
				return Array.from({ length: random(4) }, () => this.any(depth + 1));
			default:
				return Object.fromEntries(Array.from({ length: random(4) }, (_, i) => [`member${i}`, this.any(depth + 1)]));
		}
	}
}

function sorted(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(sorted);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, sorted(member)]));
}

const printed = (value: unknown): string => JSON.stringify(sorted(value));

describe("storage pack", () => {
	const packer = new Packer(rowOf(TRANSACTION_EVENT, "seqNo"), rowOf(TRANSACTION_EVENT, "eventType"));
	const bytes = new Uint8Array(200_000);

	it("50,000 random TransactionEvents come out as they went in", () => {
		const maker = new Maker(chance(1));
		let total = 0;
		for (let i = 0; i < 50_000; i++) {
			const payload = maker.object(TRANSACTION_EVENT);
			const from = i % 7;
			const end = packer.pack(TRANSACTION_EVENT, payload, bytes, from, bytes.length);
			const back = packer.unpack(TRANSACTION_EVENT, bytes, from, end);
			total += end - from;
			if (printed(back) !== printed(payload)) {
				fail(`${i}: ${printed(payload)} became ${printed(back)}`);
				return;
			}
		}
		expect(total).toBeGreaterThan(0);
	}, 60_000);

	it("random payloads of all requests and responses come out as they went in", () => {
		const maker = new Maker(chance(2));
		const types = new Set<number>();
		for (let action = 0; action < ACTION_NAMES.length; action++) types.add(REQUEST_TYPE[action]).add(RESPONSE_TYPE[action]);
		for (const type of types) {
			if (type >= TYPES) continue;
			for (let i = 0; i < 60; i++) {
				const payload = maker.object(type);
				const end = packer.pack(type, payload, bytes, 0, bytes.length);
				if (printed(packer.unpack(type, bytes, 0, end)) !== printed(payload)) {
					fail(`type ${type}: ${printed(payload)}`);
					return;
				}
			}
		}
		expect(types.size).toBeGreaterThan(60);
	}, 60_000);

	it("a usual sample takes few bytes, and an amount is exact", () => {
		const payload = {
			eventType: "Updated", timestamp: "2026-03-01T12:00:00.000Z", triggerReason: "MeterValuePeriodic", seqNo: 17,
			transactionInfo: { transactionId: "0b9d5d4e-2f6c-4d7e-9d55-0123456789ab", chargingState: "Charging" },
			meterValue: [{
				timestamp: "2026-03-01T12:00:00.000Z",
				sampledValue: [{ value: 1234567.8, context: "Sample.Periodic", measurand: "Energy.Active.Import.Register" }],
			}],
		};
		const end = packer.pack(TRANSACTION_EVENT, payload, bytes, 0, bytes.length);
		const numbersEnd = packer.putNumbers(bytes, end, bytes.length);
		expect(numbersEnd + packer.textsEnd).toBeLessThan(60);
		expect(JSON.stringify(payload).length).toBeGreaterThan(300);
		expect(printed(packer.unpack(TRANSACTION_EVENT, bytes, 0, end))).toBe(printed(payload));
	});

	it("the next sample has the same shape and texts, though its amount has a digit less, and its numbers differ little", () => {
		const sample = (minute: number, value: number): object => ({
			eventType: "Updated", timestamp: `2026-03-01T12:${minute}:00.012Z`, triggerReason: "MeterValuePeriodic", seqNo: minute,
			transactionInfo: { transactionId: "0b9d5d4e-2f6c-4d7e-9d55-0123456789ab", chargingState: "Charging" },
			meterValue: [{ timestamp: `2026-03-01T12:${minute}:00.012Z`, sampledValue: [{ value, unitOfMeasure: { unit: "Wh" } }] }],
		});
		const end = packer.pack(TRANSACTION_EVENT, sample(10, 1234567.8), bytes, 0, 500);
		const others = numbersRoom();
		others.set(packer.numbers);
		const texts = packer.texts.slice(0, packer.textsEnd);
		const next = packer.like(bytes, 0, end).pack(TRANSACTION_EVENT, sample(11, 1234685), bytes, 500, 1000);
		expect(bytes.slice(500, next)).toEqual(bytes.slice(0, end));
		expect(packer.hasTexts(texts, 0, texts.length)).toBeTrue();
		expect(packer.putNumbers(bytes, 1000, 1500, others) - 1000).toBeLessThan(10);
		expect(printed(packer.unpack(TRANSACTION_EVENT, bytes, 500, next))).toBe(printed(sample(11, 1234685)));
	});

	it("whatever does not fit is refused at every size, and nothing is written outside", () => {
		const maker = new Maker(chance(3));
		for (let i = 0; i < 60; i++) {
			const payload = maker.object(TRANSACTION_EVENT);
			const size = packer.pack(TRANSACTION_EVENT, payload, bytes, 0, bytes.length);
			for (let room = 0; room < Math.min(size, 200); room++) {
				const small = new Uint8Array(room + 8).fill(0xee);
				if (packer.pack(TRANSACTION_EVENT, payload, small, 4, 4 + room) !== -1) fail(`${i}: ${room} of ${size}`);
				for (let k = 0; k < 4; k++) if (small[k] !== 0xee || small[room + 4 + k] !== 0xee) fail(`${i}: outside at ${room}`);
			}
			const exact = new Uint8Array(size + 8).fill(0xee);
			expect(packer.pack(TRANSACTION_EVENT, payload, exact, 4, 4 + size)).toBe(4 + size);
			expect(exact[3] + exact[size + 4]).toBe(2 * 0xee);
		}
	});

	it("what is no payload of the type is refused", () => {
		const good = { eventType: "Started", timestamp: "x", triggerReason: "Authorized", seqNo: 0, transactionInfo: { transactionId: "t" } };
		const pack = (payload: object): number => packer.pack(TRANSACTION_EVENT, payload, bytes, 0, bytes.length);
		expect(pack(good)).toBeGreaterThan(0);
		expect(pack({ ...good, seqNo: undefined })).toBe(-1);
		expect(pack({ ...good, seqNo: 1.5 })).toBe(-1);
		expect(pack({ ...good, seqNo: "1" })).toBe(-1);
		expect(pack({ ...good, eventType: "Begun" })).toBe(-1);
		expect(pack({ ...good, transactionInfo: "t" })).toBe(-1);
		expect(pack({ ...good, meterValue: {} })).toBe(-1);
		expect(pack({ ...good, meterValue: [{ timestamp: "x", sampledValue: [{ value: NaN }] }] })).toBe(-1);
		expect(pack({ ...good, offline: 1 })).toBe(-1);
	});

	it("100,000 damaged records are refused or give some payload, and never throw", () => {
		const maker = new Maker(chance(4));
		const random = chance(5);
		let refused = 0;
		for (let i = 0; i < 2000; i++) {
			const end = packer.pack(TRANSACTION_EVENT, maker.object(TRANSACTION_EVENT), bytes, 0, 8000);
			if (end < 0) continue;
			for (let k = 0; k < 50; k++) {
				const damaged = bytes.slice(0, end);
				damaged[random(end)] ^= 1 << random(8);
				// The decoder of the test engine throws on bytes that are no UTF-8, as XS does; a CRC stands in front of both.
				try {
					if (packer.unpack(TRANSACTION_EVENT, damaged, 0, random(4) === 0 ? random(end) : end) === undefined) refused++;
				} catch (error) {
					if (!(error instanceof TypeError) || !/encoded data/.test(error.message)) throw error;
				}
			}
		}
		expect(refused).toBeGreaterThan(10_000);
	}, 60_000);
});
