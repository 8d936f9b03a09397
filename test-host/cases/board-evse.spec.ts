import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventCode, FaultBit } from "../../modules/ports/events.js";
import type { MeterReading } from "../../modules/ports/evse-port.js";
import { BoardMemory, StoreProblem, type NamePlate } from "../board/board-memory.js";
import { VirtualClock } from "../board/clock.js";
import { EvseModel, type EvseOptions } from "../board/evse.js";

function newReading(): MeterReading {
	return { energyWh: NaN, powerW: NaN, currentA: [NaN, NaN, NaN], voltageV: [NaN, NaN, NaN] };
}

class Bench {
	readonly clock = new VirtualClock();
	readonly posts: [number, number, number][] = [];
	readonly relays: boolean[] = [];
	readonly locks: boolean[] = [];
	kept = 0;
	readonly evse: EvseModel;
	readonly reading = newReading();

	constructor(options: Partial<EvseOptions> = {}) {
		this.evse = new EvseModel({
			index: 0,
			clock: this.clock,
			post: (code, evseIndex, value) => this.posts.push([code, evseIndex, value]) > 0,
			listener: {
				relay: (_, on) => this.relays.push(on),
				lock: (_, locked) => this.locks.push(locked),
				changed: () => this.kept++,
			},
			...options,
		});
	}

	/** Cable in, EV asks for power, the firmware offers `milliamps`. */
	charge(milliamps: number = 16000, amps: number = 32): this {
		this.evse.plug();
		this.evse.ev(true, amps);
		this.evse.energize(milliamps);
		this.clock.settle();
		return this;
	}
}

describe("board EVSE", () => {
	it("IEC 61851 the contactor closes only with cable, EV in state C and an offer of at least 6 A", () => {
		const bench = new Bench();
		bench.evse.energize(16000);
		expect(bench.evse.relayClosed).toBeFalse();
		bench.evse.plug();
		expect(bench.evse.relayClosed).toBeFalse();
		bench.evse.ev(true);
		expect(bench.evse.relayClosed).toBeTrue();
		bench.evse.energize(5999);
		expect(bench.evse.relayClosed).toBeFalse();
		bench.evse.energize(6000);
		bench.evse.ev(false);
		expect(bench.relays).toEqual([true, false, true, false]);
	});

	it("release() opens the contactor in the same call", () => {
		const bench = new Bench().charge();
		bench.evse.release();
		expect(bench.evse.relayClosed).toBeFalse();
		expect(bench.evse.limitA).toBe(0);
	});

	it("ports/events.ts plugging, readiness, current and unplugging are posted in this order", () => {
		const bench = new Bench().charge();
		expect(bench.evse.unplug("ev")).toBeTrue();
		bench.clock.settle();
		expect(bench.posts).toEqual([
			[EventCode.cablePluggedIn, 0, 0],
			[EventCode.evReady, 0, 1],
			[EventCode.energyFlowed, 0, 1],
			[EventCode.cableUnplugged, 0, 0],
			[EventCode.energyFlowed, 0, 0],
		]);
	});

	it("current is reported from an empty stack, and not at all when it did not last", () => {
		const bench = new Bench();
		bench.evse.plug();
		bench.evse.ev(true);
		const before = bench.posts.length;
		bench.evse.energize(16000);
		bench.evse.release();
		bench.clock.settle();
		expect(bench.posts.length).toBe(before);
	});

	it("the meter integrates current, voltage and time on all phases", () => {
		const bench = new Bench().charge(16000);
		bench.clock.advance(3_600_000);
		expect(bench.evse.sample(bench.reading)).toBeTrue();
		expect(bench.reading).toEqual({ energyWh: 11040, powerW: 11040, currentA: [16, 16, 16], voltageV: [230, 230, 230] });
	});

	it("the EV takes no more than it wants, and one phase leaves the others NaN", () => {
		const bench = new Bench({ phases: 1 }).charge(32000, 10);
		bench.clock.advance(1_800_000);
		bench.evse.sample(bench.reading);
		expect(bench.reading.energyWh).toBe(1150);
		expect(bench.reading.currentA).toEqual([10, NaN, NaN]);
	});

	it("J02.FR.16 the register never falls, whatever is done to the EVSE", () => {
		const bench = new Bench();
		let last = 0;
		for (let n = 0; n < 200; n++) {
			[
				() => bench.evse.plug(),
				() => bench.evse.ev(n % 3 === 0, 6 + (n % 20)),
				() => bench.evse.energize(6000 + n * 100),
				() => bench.evse.unplug(n % 2 === 0 ? "ev" : "station"),
				() => bench.evse.reset(),
				() => bench.evse.fault(1 << n % 6, n % 4 < 2),
				() => bench.evse.meter({ watts: n % 2 === 0 ? 500 : undefined }, last - 10 + (n % 30)),
			][(n * 5) % 7]();
			bench.clock.advance(n * 37);
			const now = bench.evse.readEnergyWh();
			expect(now).toBeGreaterThanOrEqual(last);
			last = now;
		}
		expect(last).toBeGreaterThan(0);
	});

	it("a forced reading replaces what is measured until it is lifted, and may not turn the register back", () => {
		const bench = new Bench().charge();
		expect(bench.evse.meter({ amps: 7, volts: 240 }, 5000)).toBeTrue();
		bench.evse.sample(bench.reading);
		expect(bench.reading).toEqual({ energyWh: 5000, powerW: 5040, currentA: [7, 7, 7], voltageV: [240, 240, 240] });
		expect(bench.evse.meter({}, 4999)).toBeFalse();
		bench.evse.meter({});
		bench.evse.sample(bench.reading);
		expect(bench.reading.currentA).toEqual([16, 16, 16]);
	});

	it("a ground fault opens the contactor before the firmware hears of it", () => {
		const bench = new Bench().charge();
		let closedAtPost: boolean | undefined;
		const evse: EvseModel = new EvseModel({
			index: 0,
			clock: bench.clock,
			memory: bench.evse.memory,
			post: (code) => {
				if (code === EventCode.faultRaised) closedAtPost = evse.relayClosed;
				return true;
			},
		});
		evse.energize(16000);
		expect(evse.relayClosed).toBeTrue();
		evse.fault(FaultBit.ground, true);
		expect(closedAtPost).toBeFalse();
		evse.fault(FaultBit.ground, false);
		expect(evse.relayClosed).toBeTrue();
	});

	it("welded contacts stay together when they should open", () => {
		const bench = new Bench().charge();
		bench.evse.fault(FaultBit.welded, true);
		bench.evse.release();
		expect(bench.evse.relayClosed).toBeTrue();
		bench.evse.fault(FaultBit.welded, false);
		expect(bench.evse.relayClosed).toBeFalse();
	});

	it("a silent meter gives no sample and goes on counting", () => {
		const bench = new Bench().charge();
		bench.evse.fault(FaultBit.meter, true);
		bench.clock.advance(3_600_000);
		expect(bench.evse.sample(bench.reading)).toBeFalse();
		bench.evse.fault(FaultBit.meter, false);
		expect(bench.evse.sample(bench.reading)).toBeTrue();
		expect(bench.reading.energyWh).toBe(11040);
	});

	it("a locked cable cannot be pulled out of the station", () => {
		const bench = new Bench();
		bench.evse.plug();
		bench.evse.lock(true);
		expect(bench.evse.unplug("station")).toBeFalse();
		expect(bench.evse.isPlugged).toBeTrue();
		expect(bench.evse.unplug("ev")).toBeTrue();
		bench.evse.lock(false);
		expect(bench.evse.unplug("station")).toBeTrue();
		expect(bench.locks).toEqual([true, false]);
		expect(bench.posts.slice(1)).toEqual([[EventCode.cableUnplugged, 0, 0], [EventCode.cableUnplugged, 0, 1]]);
	});

	it("a jammed lock does not move and is reported as a fault when it is asked to", () => {
		const bench = new Bench();
		bench.evse.jamLock(true);
		expect(bench.posts).toEqual([]);
		bench.evse.lock(true);
		bench.clock.settle();
		expect(bench.evse.isLocked).toBeFalse();
		expect(bench.posts).toEqual([[EventCode.faultRaised, 0, FaultBit.lock]]);
		bench.evse.jamLock(false);
		expect(bench.posts[1]).toEqual([EventCode.faultCleared, 0, FaultBit.lock]);
	});

	it("after a reset the contactor is open and the drivers report cable, EV and faults again", () => {
		const bench = new Bench().charge();
		bench.evse.fault(FaultBit.meter, true);
		bench.evse.reset();
		expect(bench.evse.relayClosed).toBeFalse();
		bench.posts.length = 0;
		bench.evse.announce();
		expect(bench.posts).toEqual([
			[EventCode.cablePluggedIn, 0, 0],
			[EventCode.evReady, 0, 1],
			[EventCode.faultRaised, 0, FaultBit.meter],
		]);
	});

	it("what a sample shows was kept before, and a charging EVSE is kept every second", () => {
		const bench = new Bench().charge();
		bench.kept = 0;
		bench.clock.advance(10_000);
		expect(bench.kept).toBe(10);
		bench.evse.sample(bench.reading);
		expect(bench.kept).toBe(11);
		bench.evse.release();
		bench.clock.advance(2000);
		const quiet = bench.kept;
		bench.clock.advance(60_000);
		expect(bench.kept).toBe(quiet);
	});
});

describe("board memory", () => {
	const plate: NamePlate = {
		identity: "CS001", url: "ws://localhost:9000", password: "0123456789abcdef", securityProfile: 1,
		vendorName: "V", model: "M", serialNumber: "S", firmwareVersion: "1", evses: 2,
	};
	let directory = "";
	beforeEach(() => {
		directory = mkdtempSync(join(tmpdir(), "board-"));
	});
	afterEach(() => rmSync(directory, { recursive: true, force: true }));

	it("the first name plate wins over later ones, registers and cables come back, runs are counted", () => {
		const first = BoardMemory.open(directory, plate);
		first.evses[1].energyWh = 123.456;
		first.evses[1].cable = "both";
		first.save();
		const second = BoardMemory.open(directory, { ...plate, url: "ws://elsewhere", evses: 4 });
		expect(second.plate).toEqual(plate);
		expect(second.evses[1]).toEqual(first.evses[1]);
		expect([first.runs, second.runs]).toEqual([1, 2]);
	});

	it("a store of a newer format, a torn or a foreign file is refused in one line and stays as it was", () => {
		const path = join(directory, "board.json");
		for (const text of ['{"format":2}', '{"format":1,"plate":', "[]", "{}", '{"format":1,"runs":1}', "null", ""]) {
			writeFileSync(path, text);
			let problem: unknown;
			try {
				BoardMemory.open(directory, plate);
			} catch (error) {
				problem = error;
			}
			expect(problem).toBeInstanceOf(StoreProblem);
			expect((problem as Error).message).toMatch(/^[^\n]*(newer format 2|corrupt)[^\n]*$/);
			expect(readFileSync(path, "utf8")).toBe(text);
		}
	});

	it("an empty store needs a name plate", () => {
		expect(() => BoardMemory.open(directory, undefined)).toThrowError(StoreProblem);
	});
});
