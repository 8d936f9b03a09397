// Time that does what it likes: no time at all, steps, the wrap of the 32-bit counter, and long silence. All of it virtual.

import { LIMITS } from "../../preload/limits.js";
import { Variable } from "../../preload/variables.js";
import { optionsOf, quietOptions, type SimOptions } from "../sim/options.js";
import { Simulation, type Verdict } from "../sim/run.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const TOKEN = "04A2B3C4";

/** A quiet station with a hand on everything. */
class Quiet {
	readonly sim: Simulation;
	/** Messages that arrived at the CSMS, as [action, payload]. */
	readonly calls: [string, any][] = [];

	constructor(change: (options: SimOptions) => void = () => undefined) {
		const options = quietOptions(1);
		change(options);
		this.sim = new Simulation(options);
		const arrived = this.sim.checkers.arrived.bind(this.sim.checkers);
		this.sim.checkers.arrived = (text) => {
			arrived(text);
			const frame = JSON.parse(text);
			if (frame[0] === 2) this.calls.push([frame[2], frame[3]]);
		};
	}

	/** A station that is registered. */
	begin(): this {
		this.sim.begin();
		this.sim.pass(MINUTE_MS);
		return this;
	}

	get evse() {
		return this.sim.board.evses[0];
	}

	get station() {
		return this.sim.station!;
	}

	plug(): void {
		this.evse.plug();
		this.evse.ev(true, 16);
		this.sim.pass(1000);
	}

	token(): void {
		this.sim.board.reader.present(TOKEN);
		this.sim.pass(1000);
	}

	charge(ms: number): void {
		this.plug();
		this.token();
		this.sim.pass(ms);
	}

	leave(): void {
		this.evse.unplug("ev");
		this.evse.unplug("station");
		this.sim.pass(1000);
	}

	set(variable: number, value: string): void {
		expect(this.station.variables.set(variable, value)).toBeTrue();
	}

	get events(): any[] {
		return this.calls.filter(([action]) => action === "TransactionEvent").map(([, payload]) => payload);
	}

	count(action: string): number {
		return this.calls.filter(([name]) => name === action).length;
	}

	/** Ends; every rule must have been kept. */
	finish(): Verdict {
		const verdict = this.sim.finish();
		expect(verdict.findings).toEqual([]);
		return verdict;
	}
}

describe("time of day", () => {
	it("E01 before the first contact with a CSMS nothing is started and nothing is dated", () => {
		const quiet = new Quiet((options) => (options.network.refused = 1));
		quiet.begin();
		quiet.charge(10 * MINUTE_MS);
		expect(quiet.evse.relayClosed).toBeFalse();
		quiet.leave();
		expect(quiet.sim.checkers.generated).toBe(0);
		quiet.sim.network.setting = { ...quiet.sim.network.setting, refused: 0 };
		quiet.sim.pass(10 * MINUTE_MS);
		quiet.charge(MINUTE_MS);
		expect(quiet.events[0].eventType).toBe("Started");
		quiet.finish();
	});

	it("B01.FR.06 a CSMS without a clock of its own is asked again, and no message carries a date of 1970", () => {
		const quiet = new Quiet((options) => (options.csms.lostClock = 1));
		quiet.begin();
		quiet.charge(10 * MINUTE_MS);
		expect(quiet.station.host.clock.utc()).toBeNaN();
		expect(quiet.count("BootNotification")).toBe(1 + Math.floor((11 * MINUTE_MS) / (LIMITS.bootIntervalSeconds * 1000)));
		expect(quiet.calls.every(([action]) => action === "BootNotification")).toBeTrue();
		quiet.finish();
		expect(quiet.count("StatusNotification")).toBeGreaterThan(0);
	});

	it("G02.FR.07 a time of 1970 in a Heartbeat is not taken, and the next Heartbeat comes when it is due", () => {
		const quiet = new Quiet((options) => (options.csms.heartbeatSeconds = 60)).begin();
		quiet.sim.csms.habits = { ...quiet.sim.csms.habits, lostClock: 1 };
		quiet.sim.pass(HOUR_MS);
		expect(quiet.station.host.clock.utc()).toBe(quiet.sim.csms.nowMs() - 5);
		expect(quiet.count("Heartbeat")).toBeGreaterThan(55);
		expect(quiet.count("Heartbeat")).toBeLessThan(62);
		quiet.finish();
	});

	it("E12 a power cut in a transaction on a board without a battery: the Ended waits for the time, and has it", () => {
		const quiet = new Quiet().begin();
		quiet.charge(5 * MINUTE_MS);
		const before = quiet.sim.checkers.generated;
		quiet.sim.board.net.down("drop");
		quiet.sim.cutPower(MINUTE_MS);
		quiet.sim.pass(2 * HOUR_MS);
		expect(quiet.station.host.clock.utc()).toBeNaN();
		expect(quiet.sim.checkers.generated).toBe(before);
		expect(quiet.evse.relayClosed).toBeFalse();
		quiet.sim.board.net.up();
		quiet.sim.pass(HOUR_MS);
		const ended = quiet.events.at(-1);
		expect([ended.eventType, ended.transactionInfo.stoppedReason]).toEqual(["Ended", "PowerLoss"]);
		expect(Date.parse(ended.timestamp)).toBeGreaterThan(quietOptions(1).baseUtc + 2 * HOUR_MS);
		quiet.finish();
	});

	for (const stepMs of [1000, -1000, HOUR_MS, -HOUR_MS, 30 * DAY_MS, -2 * DAY_MS]) {
		it(`G02 the CSMS's clock steps by ${stepMs / 1000} s in a transaction: dates follow it, readings keep their beat`, () => {
			const quiet = new Quiet((options) => (options.csms.heartbeatSeconds = 60)).begin();
			quiet.set(Variable.SampledDataTxUpdatedInterval, "60");
			quiet.set(Variable.AlignedDataInterval, "900");
			quiet.charge(10 * MINUTE_MS);
			const from = quiet.events.length;
			quiet.sim.csms.clockOffsetMs += stepMs;
			quiet.set(Variable.OCPPCommHeartbeatInterval, "10");
			quiet.sim.pass(10 * MINUTE_MS);
			const periodic = quiet.events.slice(from).filter((event) => event.triggerReason === "MeterValuePeriodic");
			expect(periodic.length).toBe(10);
			const last = Date.parse(quiet.events.at(-1).timestamp);
			expect(Math.abs(last - quiet.sim.csms.nowMs())).toBeLessThan(2 * MINUTE_MS);
			quiet.leave();
			expect(quiet.events.at(-1).eventType).toBe("Ended");
			quiet.finish();
		});
	}
});

describe("32-bit counter", () => {
	/** Everything that was said in a run, from a start of the counter. */
	function digestOf(options: SimOptions, startTicks: number): string {
		const verdict = new Simulation({ ...options, startTicks }).run();
		expect(verdict.findings).toEqual([]);
		return verdict.digest;
	}

	it("where it wraps makes no difference to a day's story: transactions, back-off, retries, pings, heartbeats, samples", () => {
		// Seeds with much trouble, each with wraps of both signs at many places of its first two hours and its calm.
		for (const seed of [7, 19, 42]) {
			const options = optionsOf(seed, 2);
			const wanted = digestOf(options, 0);
			for (const place of [5, 61, 600, 1500, 3601, 5000, 7199, 9000]) {
				for (const wrap of [0x7fffffff, -1]) {
					expect([seed, place, wrap, digestOf(options, (wrap - place * 1000 - 137) | 0)]).toEqual([seed, place, wrap, wanted]);
				}
			}
		}
	}, 120_000);

	it("it wraps while the station waits for its CSMS, and the wait is as long as ever", () => {
		for (const startTicks of [0, 0x7fffffff - 2 * MINUTE_MS, -1 - 2 * MINUTE_MS]) {
			const quiet = new Quiet((options) => (options.startTicks = startTicks)).begin();
			const opened = quiet.sim.csms.connections;
			quiet.sim.board.net.down("drop");
			quiet.sim.pass(2 * MINUTE_MS);
			quiet.sim.board.net.up();
			quiet.sim.pass(3 * MINUTE_MS);
			expect(quiet.sim.csms.connections).toBe(opened + 1);
			quiet.finish();
		}
	});
});

describe("long silence", () => {
	for (const [name, days] of [["a day", 1], ["a week", 7]] as const) {
		it(`E11, E12 ${name} without a CSMS: every transaction arrives, in order and marked offline`, () => {
			const quiet = new Quiet().begin();
			quiet.set(Variable.SampledDataTxUpdatedInterval, "900");
			// A transaction may only begin online: each of these is started in a minute of good network.
			quiet.charge(5 * MINUTE_MS);
			quiet.sim.board.net.down("drop");
			const delivered = quiet.events.length;
			quiet.sim.pass(days * DAY_MS);
			expect(quiet.station.outbox.count).toBeGreaterThan(days * 96 - 3);
			expect(quiet.evse.relayClosed).toBeTrue();
			quiet.leave();
			quiet.sim.board.net.up();
			quiet.sim.pass(HOUR_MS);
			expect(quiet.station.outbox.count).toBe(0);
			const late = quiet.events.slice(delivered);
			expect(late.every((event) => event.offline === true)).toBeTrue();
			expect(late.map((event) => event.seqNo)).toEqual(late.map((_, index) => delivered + index));
			expect(late.at(-1).eventType).toBe("Ended");
			expect(quiet.sim.checkers.thinned + quiet.sim.checkers.refused).toBe(0);
			quiet.finish();
		});
	}

	it("E04.FR.07 a week of 60-second readings in 44 kB of flash: only Updated go, Ended comes, energy is right", () => {
		const quiet = new Quiet((options) => (options.blocks = 11)).begin();
		quiet.set(Variable.SampledDataTxUpdatedInterval, "60");
		quiet.charge(5 * MINUTE_MS);
		quiet.sim.board.net.down("blackhole");
		quiet.sim.pass(7 * DAY_MS);
		quiet.leave();
		const { energyWh } = quiet.evse;
		quiet.sim.board.net.up();
		quiet.sim.pass(3 * HOUR_MS);
		expect(quiet.sim.checkers.thinned).toBeGreaterThan(5000);
		const ended = quiet.events.at(-1);
		expect(ended.eventType).toBe("Ended");
		expect(ended.meterValue.at(-1).sampledValue[0].value).toBe(energyWh);
		quiet.finish();
	});

	// The signed half of the counter is over after 24.8 days, all of it after 49.7.
	for (const days of [25, 40, 50]) {
		it(`${days} days without a CSMS from the first boot on: BootNotification goes out with the first connection`, () => {
			const quiet = new Quiet((options) => (options.network.refused = 1));
			quiet.begin();
			quiet.sim.pass(days * DAY_MS);
			quiet.sim.network.setting = { ...quiet.sim.network.setting, refused: 0 };
			quiet.sim.pass(10 * MINUTE_MS);
			expect([quiet.count("BootNotification"), quiet.count("StatusNotification")]).toEqual([1, 1]);
			quiet.finish();
		});

		it(`${days} days idle and online: a Heartbeat a day, then a transaction as ever`, () => {
			const quiet = new Quiet((options) => (options.csms.heartbeatSeconds = 86_400)).begin();
			quiet.set(Variable.OCPPCommWebSocketPingInterval, "0");
			quiet.sim.pass(days * DAY_MS);
			expect(quiet.count("Heartbeat")).toBe(days);
			quiet.charge(5 * MINUTE_MS);
			expect(quiet.evse.relayClosed).toBeTrue();
			quiet.leave();
			expect(quiet.events.at(-1).eventType).toBe("Ended");
			quiet.finish();
		});

		it(`E13.FR.03 ${days} days without a CSMS after a failed attempt: the event goes out with the next connection`, () => {
			const quiet = new Quiet().begin();
			quiet.charge(1000);
			quiet.sim.csms.habits = { ...quiet.sim.csms.habits, callError: 1 };
			quiet.evse.ev(false);
			quiet.sim.pass(1000);
			expect(quiet.station.attempts).toBe(1);
			quiet.sim.board.net.down("drop");
			quiet.sim.csms.habits = { ...quiet.sim.csms.habits, callError: 0 };
			quiet.set(Variable.SampledDataTxUpdatedInterval, "0");
			quiet.sim.pass(days * DAY_MS);
			quiet.sim.board.net.up();
			quiet.sim.pass(10 * MINUTE_MS);
			expect(quiet.station.outbox.count).toBe(0);
			quiet.finish();
		});

		it(`J02.FR.11 ${days} days of a transaction without readings: they begin when the CSMS wants them`, () => {
			const quiet = new Quiet().begin();
			quiet.set(Variable.SampledDataTxUpdatedInterval, "0");
			quiet.charge(days * DAY_MS);
			const from = quiet.events.length;
			quiet.set(Variable.SampledDataTxUpdatedInterval, "60");
			quiet.sim.pass(10 * MINUTE_MS);
			expect(quiet.events.slice(from).filter((event) => event.triggerReason === "MeterValuePeriodic").length).toBeGreaterThanOrEqual(9);
			quiet.leave();
			quiet.finish();
		});
	}
});
