import { CableSwitch } from "../../drivers/cable-switch.js";
import { Contactor } from "../../drivers/contactor.js";
import { Evse } from "../../drivers/evse.js";
import { MeterPzem004t } from "../../drivers/meter-pzem004t.js";
import { NoneLock } from "../../drivers/none/lock.js";
import { NoneMeter } from "../../drivers/none/meter.js";
import { NonePilot } from "../../drivers/none/pilot.js";
import { NoneReader } from "../../drivers/none/reader.js";
import { ReaderButton } from "../../drivers/reader-button.js";
import * as events from "../../modules/ports/events.js";
import { EventCode, FaultBit } from "../../modules/ports/events.js";
import { numbersOf } from "../board/enums.js";
import { FakePins, FakeSerial, FakeTimer } from "./drivers-fakes.js";

const COIL = 26;
const AUXILIARY = 27;
const CABLE = 33;
const nameOf = (code: number): string => Object.entries(numbersOf(events, "EventCode")).find(([, value]) => value === code)![0];

// 230.0 V, 16.000 A, 3680.0 W, 1234 Wh.
const FLOWING = [0xf8, 4, 20, 8, 0xfc, 0x3e, 0x80, 0, 0, 0x8f, 0xc0, 0, 0, 4, 0xd2, 0, 0, 1, 0xf4, 0, 100, 0, 0,
	0x02, 0x1f];

describe("drivers/evse", () => {
	let pins: FakePins;
	let timer: FakeTimer;
	let line: FakeSerial;
	let posted: string[];

	function make(): Evse<typeof Contactor, typeof MeterPzem004t, typeof CableSwitch, typeof NoneLock> {
		return new Evse({
			evseIndex: 1,
			phases: 1,
			milliampsMax: 16_000,
			connectorType: "cType2",
			post: (code, evseIndex, value) => posted.push(`${nameOf(code)} ${evseIndex} ${value}`) > 0,
			timer,
			contactor: {
				io: Contactor,
				output: { io: pins.io, pin: COIL, mode: 8 },
				auxiliary: { io: pins.io, pin: AUXILIARY, mode: 1 },
			},
			meter: { io: MeterPzem004t, sensor: { io: line.io } },
			pilot: { io: CableSwitch, input: { io: pins.io, pin: CABLE, mode: 1 } },
			lock: { io: NoneLock },
		});
	}
	function follow(): void {
		timer.advance(20);
		pins.input(AUXILIARY, pins.levels[COIL]);
	}
	function plug(on: boolean): void {
		pins.input(CABLE, on ? 1 : 0);
		timer.advance(50);
	}

	beforeEach(() => {
		pins = new FakePins();
		timer = new FakeTimer();
		line = new FakeSerial();
		posted = [];
	});

	it("posts cable and EV in order, and closes only when offered and asked", () => {
		const evse = make();
		evse.energize(16_000);
		expect(pins.levels[COIL]).toBe(0);
		plug(true);
		expect(posted).toEqual(["cablePluggedIn 1 0", "evReady 1 1"]);
		expect(pins.levels[COIL]).toBe(1);
		evse.release();
		expect(pins.levels[COIL]).toBe(0);
	});

	it("opens before it tells anybody when the cable is pulled under current", () => {
		const evse = make();
		plug(true);
		evse.energize(16_000);
		follow();
		posted.length = 0;
		plug(false);
		expect(pins.levels[COIL]).toBe(0);
		expect(posted).toEqual(["evReady 1 0", "cableUnplugged 1 1"]);
		plug(true);
		timer.advance(5000);
		expect(pins.levels[COIL]).withContext("the offer ended with the cable").toBe(0);
	});

	it("a limit of 0 opens, one above the hardware's is cut", () => {
		const evse = make();
		plug(true);
		evse.energize(99_000);
		expect(pins.levels[COIL]).toBe(1);
		evse.energize(0);
		expect(pins.levels[COIL]).toBe(0);
		evse.energize(NaN);
		expect(pins.levels[COIL]).toBe(0);
	});

	it("a switch that bounces posts once", () => {
		make();
		for (let i = 0; i < 20; i++) {
			pins.input(CABLE, (i + 1) & 1);
			timer.advance(10);
		}
		pins.input(CABLE, 1);
		timer.advance(50);
		expect(posted).toEqual(["cablePluggedIn 1 0", "evReady 1 1"]);
	});

	it("reports a cable that was in before the power came", () => {
		pins.levels[CABLE] = 1;
		make();
		timer.advance(50);
		expect(posted).toEqual(["cablePluggedIn 1 0", "evReady 1 1"]);
	});

	it("posts energyFlowed when the meter sees current, and when it sees none any more", () => {
		const evse = make();
		plug(true);
		evse.energize(16_000);
		follow();
		line.deliver(FLOWING);
		timer.advance(1000);
		line.deliver(FLOWING);
		expect(posted.slice(2)).toEqual(["energyFlowed 1 1"]);
		const reading = { energyWh: 0, powerW: 0, currentA: [0, 0, 0], voltageV: [0, 0, 0] };
		expect(evse.sample(reading)).toBeTrue();
		expect(reading.energyWh).toBe(1234);
		expect(reading.powerW).toBe(3680);
	});

	it("a silent meter is a fault; with an open contactor nothing flows", () => {
		const evse = make();
		plug(true);
		evse.energize(16_000);
		follow();
		line.deliver(FLOWING);
		evse.release();
		follow();
		posted.length = 0;
		timer.advance(5000);
		expect(posted).toEqual([`faultRaised 1 ${FaultBit.meter}`, "energyFlowed 1 0"]);
		expect(evse.sample({ energyWh: 0, powerW: 0, currentA: [0], voltageV: [0] })).toBeFalse();
	});

	it("welded contacts become a fault fact", () => {
		const evse = make();
		plug(true);
		evse.energize(16_000);
		follow();
		timer.advance(180);
		evse.release();
		posted.length = 0;
		timer.advance(200);
		expect(posted).toContain(`faultRaised 1 ${FaultBit.welded}`);
		pins.input(AUXILIARY, 0);
		expect(posted).toContain(`faultCleared 1 ${FaultBit.welded}`);
	});

	for (const [name, wrong] of Object.entries({
		"two phases": { phases: 2 },
		"a current below 6 A": { milliampsMax: 5999 },
		"a current above 80 A": { milliampsMax: 80_001 },
		"an EVSE below 0": { evseIndex: -1 },
		"a flow of 0": { flowMilliamps: 0 },
	}))
		it(`refuses ${name} before any part is made`, () => {
			const part = { io: class {} as never };
			const options = {
				evseIndex: 0, phases: 1, milliampsMax: 16_000, connectorType: "cType2", post: () => true, timer,
				contactor: { io: Contactor, output: { io: pins.io, pin: COIL, mode: 8 } },
				meter: part, pilot: part, lock: part, ...wrong,
			};
			expect(() => new Evse(options as never)).toThrowError(RangeError);
			expect(pins.open.size).toBe(0);
		});

	it("close() leaves every pin and timer behind, and may be called twice", () => {
		const evse = make();
		plug(true);
		evse.energize(16_000);
		evse.close();
		evse.close();
		expect(pins.levels[COIL]).toBe(0);
		expect(pins.open.size).toBe(0);
		expect(timer.count).toBe(0);
	});

	it("a board without pilot, meter, lock and reader is complete: it boots, stays dark and never charges", () => {
		const evse = new Evse({
			evseIndex: 0, phases: 3, milliampsMax: 32_000, connectorType: "sType2",
			post: (code) => posted.push(nameOf(code)) > 0,
			timer,
			contactor: { io: Contactor, output: { io: pins.io, pin: COIL, mode: 8 } },
			meter: { io: NoneMeter },
			pilot: { io: NonePilot },
			lock: { io: NoneLock },
		});
		evse.energize(16_000);
		expect(evse.lock(true)).toBeTrue();
		timer.advance(60_000);
		expect(evse.hasLock).toBeFalse();
		expect(evse.sample({ energyWh: 7, powerW: 0, currentA: [], voltageV: [] })).toBeFalse();
		expect(pins.levels[COIL]).toBe(0);
		expect(posted).toEqual([]);
		const reader = new NoneReader();
		expect([reader.idToken, reader.type]).toEqual(["", "NoAuthorization"]);
		evse.close();
		reader.close();
	});
});

describe("drivers/reader-button", () => {
	it("presents its token once per press, and not for a touch shorter than its debouncing", () => {
		const pins = new FakePins();
		const timer = new FakeTimer();
		let tokens = 0;
		const reader = new ReaderButton({
			input: { io: pins.io, pin: 0, mode: 1 }, timer, idToken: "04A2B3C4", onToken: () => tokens++,
		});
		pins.input(0, 1);
		timer.advance(10);
		pins.input(0, 0);
		timer.advance(100);
		expect(tokens).toBe(0);
		for (let i = 0; i < 3; i++) {
			pins.input(0, 1);
			timer.advance(500);
			pins.input(0, 0);
			timer.advance(500);
		}
		expect(tokens).toBe(3);
		expect([reader.idToken, reader.type]).toEqual(["04A2B3C4", "Local"]);
		pins.input(0, 1);
		reader.close();
		reader.close();
		timer.advance(500);
		expect(tokens).toBe(3);
		expect(pins.open.size).toBe(0);
	});

	it("refuses a token that OCPP could not carry, before the pin is touched", () => {
		const pins = new FakePins();
		const make = (idToken: string): ReaderButton => new ReaderButton({
			input: { io: pins.io, pin: 0, mode: 1 }, timer: new FakeTimer(), idToken, onToken: () => undefined,
		});
		expect(() => make("")).toThrowError(RangeError);
		expect(() => make("x".repeat(37))).toThrowError(RangeError);
		expect(pins.open.size).toBe(0);
		make("x".repeat(36)).close();
	});
});
