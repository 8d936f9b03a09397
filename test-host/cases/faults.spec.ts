// Faults at the plug: the contactor opens at once, whatever CSMS, network and flash do; then the right events and states
// follow, and what was faulted can be used again.
// Source: OCPP 2.0.1 Part 2, E06.FR.16, G01, G05.

import { FaultBit, LogCode } from "../../modules/ports/events.js";
import { quietOptions, type SimOptions } from "../sim/options.js";
import { Simulation } from "../sim/run.js";

const TOKEN = "04A2B3C4";
const MINUTE_MS = 60_000;

/** A station on a virtual board with one transaction that charges. */
class Plug {
	readonly sim: Simulation;
	/** CALLs that arrived at the CSMS. */
	readonly calls: [action: string, payload: any][] = [];

	constructor(change: (options: SimOptions) => void = () => undefined) {
		const options = quietOptions(1);
		change(options);
		this.sim = new Simulation(options);
		const { checkers } = this.sim;
		const arrived = checkers.arrived.bind(checkers);
		checkers.arrived = (text) => {
			arrived(text);
			const frame = JSON.parse(text);
			if (frame[0] === 2) this.calls.push([frame[2], frame[3]]);
		};
		this.sim.begin();
		this.sim.pass(MINUTE_MS);
	}

	get evse() {
		return this.sim.board.evses[0];
	}

	charge(ms = 5 * MINUTE_MS): this {
		this.evse.plug();
		this.evse.ev(true, 16);
		this.sim.board.reader.present(TOKEN);
		this.sim.pass(ms);
		expect(this.evse.relayClosed).toBeTrue();
		return this;
	}

	/** A fault begins or ends; everything of this very instant happens, and no time passes. */
	fault(bit: number, isOn: boolean): void {
		this.evse.fault(bit, isOn);
		this.sim.pass(0);
		this.sim.clock.settle();
	}

	leave(): void {
		this.evse.unplug("ev");
		this.evse.unplug("station");
		this.sim.pass(MINUTE_MS);
	}

	get events(): any[] {
		return this.calls.filter(([action]) => action === "TransactionEvent").map(([, payload]) => payload);
	}

	get ends(): unknown[] {
		return this.events.filter((event) => event.eventType === "Ended")
			.map(({ triggerReason, transactionInfo }) => [triggerReason, transactionInfo.stoppedReason, transactionInfo.chargingState]);
	}

	get statuses(): string[] {
		return this.calls.filter(([action]) => action === "StatusNotification").map(([, payload]) => payload.connectorStatus);
	}

	finish(): void {
		expect(this.sim.finish().findings).toEqual([]);
	}
}

/** What the hardware opens by itself, and what the firmware has to open for it. */
const KINDS = [
	["ground fault", FaultBit.ground, "GroundFault"],
	["overcurrent", FaultBit.overcurrent, "OvercurrentFault"],
	["internal fault", FaultBit.internal, "Other"],
	["lock fault", FaultBit.lock, "Other"],
	["meter silence", FaultBit.meter, "Other"],
] as const;

/** The worlds in which a fault may come: what makes them, and what ends them. */
const WORLDS: readonly [name: string, begin: (plug: Plug) => void, end: (plug: Plug) => void][] = [
	["all is well", () => undefined, () => undefined],
	["the CSMS is silent", (plug) => (plug.sim.csms.habits = { ...plug.sim.csms.habits, silent: 1 }),
		(plug) => (plug.sim.csms.habits = { ...plug.sim.csms.habits, silent: 0 })],
	["the CSMS refuses everything", (plug) => (plug.sim.csms.habits = { ...plug.sim.csms.habits, callError: 1 }),
		(plug) => (plug.sim.csms.habits = { ...plug.sim.csms.habits, callError: 0 })],
	["the station is offline", (plug) => plug.sim.board.net.down("drop"), (plug) => plug.sim.board.net.up()],
	["the network is a black hole", (plug) => plug.sim.board.net.down("blackhole"), (plug) => plug.sim.board.net.up()],
	["the flash refuses every write", (plug) => (plug.sim.flash.failNext = Infinity), (plug) => (plug.sim.flash.failNext = 0)],
];

describe("faults at the plug", () => {
	for (const [kind, bit, stoppedReason] of KINDS) {
		for (const [world, begin, end] of WORLDS) {
			it(`E06.FR.16 ${kind} while ${world}: the contactor is open in the same instant, Ended tells why, and charging is possible again`, () => {
				const plug = new Plug().charge();
				begin(plug);
				plug.sim.pass(1000);
				expect(plug.evse.relayClosed).toBeTrue();
				const { elapsedMs } = plug.sim.clock;
				plug.fault(bit, true);
				expect(plug.evse.relayClosed).toBeFalse();
				expect(plug.evse.limitA).toBe(0);
				expect(plug.sim.clock.elapsedMs).toBe(elapsedMs);
				plug.sim.pass(10_000);
				end(plug);
				plug.sim.pass(10 * MINUTE_MS);
				// A CSMS that never answered may have got its last event for good; it is the only world where one is given up.
				expect(plug.ends.at(-1)).toEqual(["AbnormalCondition", stoppedReason, "EVConnected"]);
				expect(new Set(plug.events.filter((event) => event.eventType === "Ended").map((event) => event.seqNo)).size).toBe(1);
				expect(plug.statuses.at(-1)).toBe("Faulted");
				// The EV still asks and the card is shown: nothing starts here while the fault lasts.
				plug.sim.board.reader.present(TOKEN);
				plug.sim.pass(MINUTE_MS);
				expect(plug.evse.relayClosed).toBeFalse();
				plug.fault(bit, false);
				plug.sim.pass(MINUTE_MS);
				expect(plug.evse.relayClosed).toBeFalse();
				expect(plug.statuses.at(-1)).toBe("Occupied");
				plug.leave();
				expect(plug.statuses.at(-1)).toBe("Available");
				plug.charge();
				plug.leave();
				expect(plug.ends.at(-1)).toEqual(["EVCommunicationLost", "EVDisconnected", "Idle"]);
				plug.finish();
			});
		}
	}

	it("E06.FR.16 a welded contactor: Ended at once, no offer any more, Faulted; energy that still flows is in the register", () => {
		const plug = new Plug().charge();
		plug.fault(FaultBit.welded, true);
		expect(plug.evse.limitA).toBe(0);
		plug.sim.pass(1000);
		expect(plug.ends).toEqual([["AbnormalCondition", "Other", "EVConnected"]]);
		expect(plug.statuses.at(-1)).toBe("Faulted");
		// Welded contacts do not open: only the mechanic can do something.
		expect(plug.evse.relayClosed).toBeTrue();
		plug.sim.board.reader.present(TOKEN);
		plug.sim.pass(MINUTE_MS);
		expect(plug.ends.length).toBe(1);
		expect(plug.events.filter((event) => event.eventType === "Started").length).toBe(1);
		plug.fault(FaultBit.welded, false);
		expect(plug.evse.relayClosed).toBeFalse();
		plug.leave();
		plug.charge().leave();
		plug.finish();
	});

	it("G05 a bolt that is stuck when the transaction begins: no energy at any time, the fault ends it, and the cable comes free", () => {
		const plug = new Plug();
		plug.evse.jamLock(true);
		plug.evse.plug();
		plug.evse.ev(true, 16);
		let wasClosed = false;
		const look = plug.sim.checkers.contactorClosed.bind(plug.sim.checkers);
		plug.sim.checkers.contactorClosed = (...args) => {
			wasClosed = true;
			look(...args);
		};
		plug.sim.board.reader.present(TOKEN);
		plug.sim.pass(MINUTE_MS);
		expect(wasClosed).toBeFalse();
		expect(plug.ends).toEqual([["AbnormalCondition", "Other", "EVConnected"]]);
		expect(plug.statuses.at(-1)).toBe("Faulted");
		plug.evse.jamLock(false);
		plug.sim.pass(MINUTE_MS);
		expect(plug.evse.unplug("station")).toBeTrue();
		plug.charge().leave();
		plug.finish();
	});

	it("G05 a bolt that does not go back at the end: the transaction is over, the connector Faulted until the bolt moves", () => {
		const plug = new Plug().charge();
		plug.evse.jamLock(true);
		plug.sim.board.reader.present(TOKEN);
		plug.sim.pass(MINUTE_MS);
		expect(plug.ends).toEqual([["StopAuthorized", "Local", "EVConnected"]]);
		expect(plug.statuses.at(-1)).toBe("Faulted");
		expect(plug.evse.unplug("station")).toBeFalse();
		plug.evse.jamLock(false);
		plug.sim.pass(MINUTE_MS);
		expect(plug.statuses.at(-1)).toBe("Occupied");
		expect(plug.evse.unplug("station")).toBeTrue();
		plug.finish();
	});

	it("J02 a silent meter at the start: a transaction without readings is possible only when the meter is no fault of the hardware", () => {
		const plug = new Plug();
		plug.fault(FaultBit.meter, true);
		plug.evse.plug();
		plug.evse.ev(true, 16);
		plug.sim.board.reader.present(TOKEN);
		plug.sim.pass(MINUTE_MS);
		expect(plug.events).toEqual([]);
		expect(plug.evse.relayClosed).toBeFalse();
		expect(plug.sim.board.log.times(LogCode.meterSilent)).toBe(0);
		plug.fault(FaultBit.meter, false);
		plug.sim.board.reader.present(TOKEN);
		plug.sim.pass(MINUTE_MS);
		expect(plug.evse.relayClosed).toBeTrue();
		plug.leave();
		plug.finish();
	});

	it("several faults at once: the reason is the first one's, and Faulted lasts until the last is gone", () => {
		const plug = new Plug().charge();
		plug.fault(FaultBit.ground, true);
		plug.fault(FaultBit.meter, true);
		plug.fault(FaultBit.ground, false);
		plug.sim.pass(MINUTE_MS);
		expect(plug.ends).toEqual([["AbnormalCondition", "GroundFault", "EVConnected"]]);
		expect(plug.statuses.at(-1)).toBe("Faulted");
		plug.fault(FaultBit.meter, false);
		plug.sim.pass(MINUTE_MS);
		expect(plug.statuses.at(-1)).toBe("Occupied");
		plug.leave();
		plug.finish();
	});

	it("a fault on one of two EVSEs leaves the other alone", () => {
		const plug = new Plug((options) => (options.evses = 2)).charge();
		const [, second] = plug.sim.board.evses;
		second.plug();
		second.ev(true, 16);
		plug.sim.board.reader.present("DEADBEEF", "ISO14443", 1);
		plug.sim.pass(MINUTE_MS);
		expect(second.relayClosed).toBeTrue();
		plug.fault(FaultBit.ground, true);
		plug.sim.pass(MINUTE_MS);
		expect([plug.evse.relayClosed, second.relayClosed]).toEqual([false, true]);
		expect(plug.ends.length).toBe(1);
		plug.fault(FaultBit.ground, false);
		second.unplug("ev");
		plug.leave();
		expect(plug.ends.length).toBe(2);
		plug.finish();
	});

	for (const darkMs of [1000, 10 * MINUTE_MS]) {
		it(`a power cut of ${darkMs / 1000} s in the middle of a ground fault: open by wiring, ended with PowerLoss, still Faulted`, () => {
			const plug = new Plug().charge();
			plug.sim.flash.failNext = Infinity;
			plug.fault(FaultBit.ground, true);
			plug.sim.cutPower(darkMs);
			plug.sim.flash.failNext = 0;
			plug.sim.pass(darkMs + 5 * MINUTE_MS);
			expect(plug.evse.relayClosed).toBeFalse();
			// The reason was lost with the power; that it ended was not.
			expect(plug.ends).toEqual([["AbnormalCondition", "PowerLoss", "EVConnected"]]);
			expect(plug.statuses.at(-1)).toBe("Faulted");
			plug.fault(FaultBit.ground, false);
			plug.leave();
			plug.charge().leave();
			plug.finish();
		});
	}

	it("E06 the flash refuses while a transaction is ended by its driver: open at once, Ended is kept as soon as it can be, once", () => {
		const plug = new Plug().charge();
		plug.sim.flash.failNext = Infinity;
		plug.sim.board.reader.present(TOKEN);
		plug.sim.clock.settle();
		expect(plug.evse.relayClosed).toBeFalse();
		expect(plug.evse.isLocked).toBeTrue();
		plug.sim.pass(30 * MINUTE_MS);
		expect(plug.ends).toEqual([]);
		plug.sim.flash.failNext = 0;
		plug.sim.pass(5000);
		expect(plug.ends).toEqual([["StopAuthorized", "Local", "EVConnected"]]);
		expect(plug.evse.isLocked).toBeFalse();
		plug.leave();
		plug.finish();
	});

	it("E01 the flash refuses when a transaction would begin: no energy; the card works again when the flash does", () => {
		const plug = new Plug();
		plug.sim.flash.failNext = Infinity;
		plug.evse.plug();
		plug.evse.ev(true, 16);
		plug.sim.board.reader.present(TOKEN);
		plug.sim.pass(MINUTE_MS);
		expect(plug.evse.relayClosed).toBeFalse();
		expect(plug.events).toEqual([]);
		plug.sim.flash.failNext = 0;
		plug.sim.board.reader.present(TOKEN);
		plug.sim.pass(MINUTE_MS);
		expect(plug.evse.relayClosed).toBeTrue();
		plug.leave();
		plug.finish();
	});
});
