import { Contactor, type ContactorOptions } from "../../drivers/contactor.js";
import { FaultBit } from "../../modules/ports/events.js";
import { FakePins, FakeTimer } from "./drivers-fakes.js";

const COIL = 5;
const AUXILIARY = 4;

describe("drivers/contactor", () => {
	let pins: FakePins;
	let timer: FakeTimer;
	let faults: string[];

	function make(options: Partial<ContactorOptions> = {}): Contactor {
		return new Contactor({
			output: { io: pins.io, pin: COIL, mode: 8 },
			auxiliary: { io: pins.io, pin: AUXILIARY, mode: 1, edge: 3 },
			timer,
			onFault: (fault, present) => faults.push(`${fault}${present ? "+" : "-"}`),
			...options,
		});
	}
	/** The main contacts follow the coil after 20 ms, unless they are stuck. */
	function follow(): void {
		timer.advance(20);
		pins.input(AUXILIARY, pins.levels[COIL]);
	}

	beforeEach(() => {
		pins = new FakePins();
		timer = new FakeTimer();
		faults = [];
	});

	it("opens its pins with the coil off, and leaves the board's options as they are", () => {
		const output = Object.freeze({ io: pins.io, pin: COIL, mode: 8 });
		make({ output });
		expect(pins.writes).toEqual([[COIL, 0]]);
		expect(pins.open.get(COIL)!.initialValue).toBe(0);
		expect(pins.open.get(AUXILIARY)!.edge).toBe(3);
	});

	for (const [name, wrong] of Object.entries({
		"a rest below 0": { restMs: -1 },
		"a rest that is no number": { restMs: NaN },
		"a settling time of 0": { settleMs: 0 },
		"an auxiliary contact without io": { auxiliary: {} as never },
	}))
		it(`refuses ${name} before any pin is touched`, () => {
			expect(() => make(wrong)).toThrowError(RangeError);
			expect(pins.open.size).toBe(0);
		});

	it("gives the coil's pin back when the auxiliary pin is in use", () => {
		pins.broken = AUXILIARY;
		expect(() => make()).toThrowError("in use");
		expect(pins.open.size).toBe(0);
		expect(pins.levels[COIL]).toBe(0);
	});

	it("closes at once the first time and is content when the contacts follow", () => {
		const contactor = make();
		timer.advance(1000);
		contactor.energize();
		expect(pins.levels[COIL]).toBe(1);
		follow();
		timer.advance(1000);
		expect(faults).toEqual([]);
		expect(contactor.driven).toBeTrue();
	});

	it("opens inside release(), whatever it was doing", () => {
		const contactor = make();
		contactor.energize();
		contactor.release();
		expect(pins.levels[COIL]).toBe(0);
		expect(contactor.driven).toBeFalse();
	});

	it("never closes twice within its rest, however often it is asked", () => {
		const contactor = make();
		for (let i = 0; i < 200; i++) {
			contactor.energize();
			timer.advance(25);
			pins.input(AUXILIARY, pins.levels[COIL]);
			contactor.release();
			timer.advance(25);
			pins.input(AUXILIARY, pins.levels[COIL]);
		}
		const closings = pins.writes.filter(([pin, value]) => pin === COIL && value === 1).length;
		expect(closings).toBeGreaterThan(5);
		expect(closings).toBeLessThanOrEqual(10);
		expect(faults).toEqual([]);
	});

	it("closes when the rest is over if it is still wanted, and not otherwise", () => {
		const contactor = make({ restMs: 1000 });
		contactor.energize();
		follow();
		contactor.release();
		follow();
		contactor.energize();
		expect(pins.levels[COIL]).toBe(0);
		timer.advance(1000);
		expect(pins.levels[COIL]).toBe(1);
		follow();
		contactor.release();
		follow();
		contactor.energize();
		contactor.release();
		timer.advance(5000);
		expect(pins.levels[COIL]).toBe(0);
	});

	it("reports welded contacts after the settling time, keeps the coil off, and reports the end", () => {
		const contactor = make();
		contactor.energize();
		follow();
		timer.advance(1000);
		contactor.release();
		expect(faults).toEqual([]);
		timer.advance(200);
		expect(faults).toEqual([`${FaultBit.welded}+`]);
		contactor.energize();
		timer.advance(5000);
		expect(pins.levels[COIL]).toBe(0);
		contactor.release();
		pins.input(AUXILIARY, 0);
		expect(faults).toEqual([`${FaultBit.welded}+`, `${FaultBit.welded}-`]);
		contactor.energize();
		expect(pins.levels[COIL]).toBe(1);
	});

	it("reports contacts that are welded when the power comes", () => {
		pins.levels[AUXILIARY] = 1;
		const contactor = make();
		expect(faults).toEqual([]);
		timer.advance(200);
		expect(faults).toEqual([`${FaultBit.welded}+`]);
		expect(contactor.faults).toBe(FaultBit.welded);
	});

	it("takes a closing back that the contacts do not confirm, and tries again only after release()", () => {
		const contactor = make();
		contactor.energize();
		timer.advance(200);
		expect(pins.levels[COIL]).toBe(0);
		expect(faults).toEqual([`${FaultBit.internal}+`]);
		timer.advance(10_000);
		contactor.energize();
		expect(pins.levels[COIL]).toBe(0);
		contactor.release();
		timer.advance(200);
		expect(faults).toEqual([`${FaultBit.internal}+`, `${FaultBit.internal}-`]);
		contactor.energize();
		follow();
		timer.advance(1000);
		expect(pins.levels[COIL]).toBe(1);
		expect(faults.length).toBe(2);
	});

	it("opens the coil when the contacts drop out while they should be closed", () => {
		const contactor = make();
		contactor.energize();
		follow();
		timer.advance(1000);
		pins.input(AUXILIARY, 0);
		expect(pins.levels[COIL]).toBe(0);
		expect(faults).toEqual([`${FaultBit.internal}+`]);
	});

	it("believes the coil where there is no auxiliary contact", () => {
		const contactor = make({ auxiliary: undefined });
		contactor.energize();
		timer.advance(1000);
		contactor.release();
		timer.advance(1000);
		expect(faults).toEqual([]);
		expect(pins.writes).toEqual([[COIL, 0], [COIL, 1], [COIL, 0]]);
	});

	it("close() leaves the coil off and no timer, may be called twice, and is quiet afterwards", () => {
		const contactor = make();
		contactor.energize();
		contactor.close();
		contactor.close();
		expect(pins.levels[COIL]).toBe(0);
		expect(pins.open.size).toBe(0);
		expect(timer.count).toBe(0);
		contactor.energize();
		contactor.release();
		expect(pins.levels[COIL]).toBe(0);
		expect(faults).toEqual([]);
	});

	it("ECMA-419 §8: calls back only from a timer or an edge, never inside a public call", () => {
		let inside = false;
		let called = 0;
		const contactor = make({ onFault: () => (called += inside ? 100 : 1) });
		const call = (what: () => void): void => {
			inside = true;
			what();
			inside = false;
		};
		call(() => contactor.energize());
		timer.advance(200);
		call(() => contactor.release());
		timer.advance(200);
		pins.input(AUXILIARY, 1);
		call(() => contactor.energize());
		call(() => contactor.release());
		timer.advance(2000);
		expect(called).toBe(3);
	});
});
