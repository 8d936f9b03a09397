import { crc16Step, MeterPzem004t, type MeterPzem004tOptions } from "../../drivers/meter-pzem004t.js";
import type { MeterReading } from "../../modules/ports/evse-port.js";
import { FakeSerial, FakeTimer } from "./drivers-fakes.js";

const bytesOf = (hex: string): number[] => hex.split(" ").map((byte) => parseInt(byte, 16));

// Replies of a PZEM-004T v3 at address 1 behind a kettle, caught on the line by the user JameZUK in 2021
// (arendst/Tasmota, issue 11817), one per second. 242.7 V, 13.318 A, 3018.8 W, 7960 Wh, 50.0 Hz, power factor 0.93.
const RECORDED = [
	"01 04 14 09 7B 34 06 00 00 75 EC 00 00 1F 18 00 00 01 F4 00 5D 00 00 B9 03",
	"01 04 14 09 7B 33 CB 00 00 75 65 00 00 1F 19 00 00 01 F4 00 5D 00 00 23 41",
	"01 04 14 09 7B 33 CB 00 00 75 65 00 00 1F 1A 00 00 01 F4 00 5D 00 00 37 B1",
	"01 04 14 09 7B 33 D3 00 00 75 56 00 00 1F 1B 00 00 01 F4 00 5D 00 00 F4 15",
	"01 04 14 09 7A 33 AB 00 00 75 0B 00 00 1F 1C 00 00 01 F4 00 5D 00 00 9E DD",
].map(bytesOf);

/** A reply with its own check sum. */
function reply(address: number, words: readonly number[]): number[] {
	const bytes = [address, 4, 20];
	for (const word of words) bytes.push(word >> 8, word & 0xff);
	return withCrc(bytes);
}
// Bit by bit as in the Modbus guide, appendix B, so that the driver is not its own judge.
function withCrc(bytes: number[]): number[] {
	let register = 0xffff;
	for (const byte of bytes) {
		register ^= byte;
		for (let i = 0; i < 8; i++) {
			const low = register & 1;
			register >>>= 1;
			if (low) register ^= 0xa001;
		}
	}
	return [...bytes, register & 0xff, register >>> 8];
}

describe("drivers/meter-pzem004t", () => {
	let line: FakeSerial;
	let timer: FakeTimer;
	let events: string[];
	let reading: MeterReading;

	function make(options: Partial<MeterPzem004tOptions> = {}): MeterPzem004t {
		return new MeterPzem004t({
			sensor: { io: line.io, port: 2 },
			timer,
			onSample: (currentA) => events.push(`sample ${currentA}`),
			onSilent: (silent) => events.push(`silent ${silent}`),
			onAlarm: (present) => events.push(`alarm ${present}`),
			...options,
		});
	}

	beforeEach(() => {
		line = new FakeSerial();
		timer = new FakeTimer();
		events = [];
		reading = { energyWh: -1, powerW: -1, currentA: [-1, -1, -1], voltageV: [-1, -1, -1] };
	});

	it("opens the line with 9600 baud in number format and the board's own pins", () => {
		make();
		expect(line.options[0]).toEqual(jasmine.objectContaining({ baud: 9600, format: "number", port: 2 }));
	});

	it("PZEM manual §2.3: asks for ten input registers from 0, F8 04 00 00 00 0A 64 64 at the general address", () => {
		make();
		timer.advance(1);
		expect(line.written).toEqual(bytesOf("F8 04 00 00 00 0A 64 64"));
	});

	it("PZEM manual §2.3: asks a meter with its own address, 01 04 00 00 00 0A 70 0D", () => {
		make({ address: 1 });
		timer.advance(1);
		expect(line.written).toEqual(bytesOf("01 04 00 00 00 0A 70 0D"));
	});

	it("reads recorded replies: volts, amperes, watts, watt-hours, hertz and power factor", () => {
		const meter = make({ address: 1 });
		timer.advance(1);
		line.deliver(RECORDED[0]);
		expect(meter.sample(reading)).toBeTrue();
		expect(reading).toEqual({
			energyWh: 7960,
			powerW: 3018.8,
			currentA: [13.318, NaN, NaN],
			voltageV: [242.7, NaN, NaN],
		});
		expect(meter.frequencyHz).toBe(50);
		expect(meter.powerFactor).toBe(0.93);
		expect(meter.alarm).toBeFalse();
		expect(events).toEqual(["sample 13.318"]);
	});

	it("follows a recorded series, and the same bytes in pieces of every size", () => {
		for (let piece = 1; piece <= 25; piece++) {
			line = new FakeSerial();
			timer = new FakeTimer();
			const meter = make({ address: 1 });
			const energies: number[] = [];
			timer.advance(1);
			for (const bytes of RECORDED) {
				for (let at = 0; at < bytes.length; at += piece) line.deliver(bytes.slice(at, at + piece));
				expect(meter.sample(reading)).toBeTrue();
				energies.push(reading.energyWh);
				timer.advance(1000);
			}
			expect(energies).toEqual([7960, 7961, 7962, 7963, 7964]);
			meter.close();
		}
	});

	it("PZEM manual §2.2: puts the low word of 32-bit registers first, without a sign", () => {
		const meter = make();
		timer.advance(1);
		line.deliver(reply(0xf8, [2300, 0x86a0, 1, 0x59d8, 3, 0xffff, 0xffff, 499, 100, 0xffff]));
		meter.sample(reading);
		expect(reading.currentA[0]).toBe(100);
		expect(reading.powerW).toBe(0x359d8 / 10);
		expect(reading.energyWh).toBe(0xffffffff);
		expect(meter.alarm).toBeTrue();
	});

	it("reports the alarm once when it begins and once when it ends", () => {
		make();
		timer.advance(1);
		const words = [2300, 0, 0, 0, 0, 0, 0, 500, 0, 0];
		for (const alarm of [0, 0xffff, 0xffff, 0, 0]) {
			line.deliver(reply(0xf8, [...words.slice(0, 9), alarm]));
			timer.advance(1000);
		}
		expect(events.filter((event) => event.startsWith("alarm"))).toEqual(["alarm true", "alarm false"]);
	});

	it("every byte of a reply damaged in every bit is refused", () => {
		let accepted = 0;
		for (let at = 0; at < 25; at++) {
			for (let bit = 0; bit < 8; bit++) {
				line = new FakeSerial();
				timer = new FakeTimer();
				const meter = make({ address: 1 });
				timer.advance(1);
				const damaged = [...RECORDED[0]];
				damaged[at] ^= 1 << bit;
				line.deliver(damaged);
				timer.advance(500);
				if (meter.sample(reading)) accepted++;
				// The next reply is read whatever the damaged one was taken for.
				timer.advance(500);
				line.deliver(RECORDED[1]);
				if (!meter.sample(reading) || reading.energyWh !== 7961) fail(`byte ${at} bit ${bit}`);
				meter.close();
			}
		}
		expect(accepted).toBe(0);
	});

	it("noise before a reply is skipped, and what the line held before the question is thrown away", () => {
		const meter = make({ address: 1 });
		line.noise([1, 4, 20, 9, 9, 9]);
		timer.advance(1);
		line.deliver([0x00, 0xff, 0x7e]);
		line.deliver(RECORDED[0]);
		expect(meter.sample(reading)).toBeTrue();
	});

	it("an address byte in the noise does not hide the reply", () => {
		const meter = make({ address: 1 });
		timer.advance(1);
		line.deliver([0x01, ...RECORDED[0]]);
		expect(meter.sample(reading)).toBeTrue();
	});

	it("PZEM manual §2.6: an error reply is a failed exchange, and the next question is asked in time", () => {
		const meter = make({ retries: 2 });
		timer.advance(1);
		line.deliver(withCrc([0xf8, 0x84, 0x04]));
		expect(meter.sample(reading)).toBeFalse();
		timer.advance(1000);
		line.deliver(withCrc([0xf8, 0x84, 0x04]));
		expect(events).toEqual(["silent true"]);
		timer.advance(1000);
		line.deliver(reply(0xf8, [2300, 0, 0, 0, 0, 5, 0, 500, 0, 0]));
		expect(events).toEqual(["silent true", "silent false", "sample 0"]);
		expect(line.written.length).toBe(24);
	});

	it("is silent after three questions without an answer, says so once, and recovers", () => {
		const meter = make({ address: 1 });
		timer.advance(1);
		line.deliver(RECORDED[0]);
		timer.advance(1000 + 200);
		timer.advance(1000);
		expect(meter.sample(reading)).toBeTrue();
		timer.advance(1000);
		expect(meter.sample(reading)).toBeFalse();
		timer.advance(10_000);
		expect(events).toEqual(["sample 13.318", "silent true"]);
		timer.advance(800);
		line.deliver(RECORDED[1]);
		expect(meter.sample(reading)).toBeTrue();
		expect(events.slice(2)).toEqual(["silent false", "sample 13.259"]);
	});

	it("an answer after the timeout is nobody's", () => {
		const meter = make({ address: 1, timeoutMs: 200 });
		timer.advance(201);
		line.deliver(RECORDED[0]);
		expect(meter.sample(reading)).toBeFalse();
	});

	it("a line that takes no bytes counts as a failed exchange", () => {
		line.isFull = true;
		make({ retries: 2 });
		timer.advance(3000);
		expect(events).toEqual(["silent true"]);
	});

	it("J02.FR.16: the energy never falls, neither at the turn of the register nor when it is cleared", () => {
		const meter = make();
		const energies: number[] = [];
		timer.advance(1);
		for (const wh of [9_999_990, 9_999_999, 4, 5000, 0, 7]) {
			line.deliver(reply(0xf8, [2300, 0, 0, 0, 0, wh & 0xffff, wh >>> 16, 500, 0, 0]));
			meter.sample(reading);
			energies.push(reading.energyWh);
			timer.advance(1000);
		}
		expect(energies).toEqual([9_999_990, 9_999_999, 10_000_004, 10_005_000, 10_005_000, 10_005_007]);
	});

	it("fills phase L1 only, whatever length the caller's arrays have", () => {
		const meter = make({ address: 1 });
		timer.advance(1);
		line.deliver(RECORDED[0]);
		const single: MeterReading = { energyWh: 0, powerW: 0, currentA: [0], voltageV: [0] };
		meter.sample(single);
		expect(single.currentA).toEqual([13.318]);
		expect(single.voltageV).toEqual([242.7]);
	});

	for (const [name, wrong] of Object.entries({
		"an address above 247": { address: 249 },
		"address 0": { address: 0 },
		"a timeout as long as the period": { timeoutMs: 1000 },
		"no retries": { retries: 0 },
		"a line without io": { sensor: {} as never },
	}))
		it(`refuses ${name} before the line is opened`, () => {
			expect(() => make(wrong)).toThrowError(RangeError);
			expect(line.options.length).toBe(0);
		});

	it("close() ends all questions, may be called twice, and late bytes are not looked at", () => {
		const meter = make({ address: 1 });
		timer.advance(1);
		meter.close();
		meter.close();
		expect(line.closed).toBe(1);
		expect(timer.count).toBe(0);
		line.deliver(RECORDED[0]);
		timer.advance(5000);
		expect(meter.sample(reading)).toBeFalse();
		expect(events).toEqual([]);
	});

	it("close() from inside a callback is safe", () => {
		const meter: MeterPzem004t = make({ address: 1, onSample: () => meter.close() });
		timer.advance(1);
		line.deliver([...RECORDED[0], ...RECORDED[1]]);
		expect(line.closed).toBe(1);
		expect(timer.count).toBe(0);
	});

	it("Modbus over serial line §2.5.1.2: the check sum of 02 07 is 41 12", () => {
		const crc = crc16Step(crc16Step(0xffff, 2), 7);
		expect([crc & 0xff, crc >> 8]).toEqual([0x41, 0x12]);
	});

	it("asks once per period while answers come", () => {
		make({ address: 1 });
		timer.advance(1);
		for (let i = 0; i < 5; i++) {
			line.deliver(RECORDED[i]);
			timer.advance(1000);
		}
		expect(line.written.length).toBe(6 * 8);
		expect(events.length).toBe(5);
	});
});
