// A whole station on a virtual board, with a CSMS, under power cuts: what the CSMS has set or ordered, a session with and without
// network, boots, security events. After each cut the station has half a day to come back; then it is looked at from outside.
// Source: OCPP 2.0.1 Part 2, A01, A04, B01, B05, B09, B12, E01, E12, G03.FR.08, G04.FR.09.

import { quietOptions } from "../sim/options.js";
import { Simulation } from "../sim/run.js";
import type { Attempt, Cut, CutCase } from "./sweep.js";

const MINUTE_MS = 60_000;
/** Longer than the board may be dark after a cut, and than every back-off behind it. */
const LATER_MS = 12 * 60 * MINUTE_MS;
const CARD = "04A2B3C4";
const OLD_PASSWORD = "0123456789abcdef";
const NEW_PASSWORD = "pass-word-number-new";
/** The cuts, and what was ordered: never a reset without end. */
const BOOTS_MAX = 4;

/** A station on a virtual board. */
class World {
	readonly sim = new Simulation(quietOptions(1));
	/** CALLs of the station, and its answers to ours, as they arrived. */
	readonly calls: [action: string, payload: any][] = [];
	readonly answers: any[] = [];
	readonly wrong: string[] = [];

	constructor() {
		const { checkers } = this.sim;
		const arrived = checkers.arrived.bind(checkers);
		checkers.arrived = (text) => {
			arrived(text);
			const frame = JSON.parse(text);
			if (frame[0] === 2) this.calls.push([frame[2], frame[3]]);
			else this.answers.push(frame[2]);
		};
	}

	/** Boots until the CSMS has accepted the station. */
	begin(): void {
		this.sim.begin();
		this.sim.pass(MINUTE_MS);
	}

	/** Arms the first cut, and each of the others for the boot behind the one before. A restart of the firmware leaves them armed. */
	arm(cuts: readonly Cut[]): void {
		const { flash } = this.sim;
		const armNext = (): void => {
			const next = cuts[this.cuts];
			if (next !== undefined) flash.cutAt(next.n, next.torn, next.seed, next.bytes);
		};
		armNext();
		const powerOn = flash.powerOn.bind(flash);
		flash.powerOn = () => {
			if (!flash.isOff) return;
			powerOn();
			armNext();
		};
	}

	/** Cuts that have happened. */
	get cuts(): number {
		return this.sim["cuts"];
	}

	of(action: string): any[] {
		return this.calls.filter(([name]) => name === action).map(([, payload]) => payload);
	}

	/** CALLs the station; the answer is in `answers` when it arrives. */
	call(action: string, payload: object): void {
		this.sim.csms["call"](action, payload);
		this.sim.pass(1000);
	}

	get boots(): number {
		return this.of("BootNotification").length;
	}

	get status(): string {
		return this.of("StatusNotification").at(-1)?.connectorStatus;
	}

	charge(): void {
		const [evse] = this.sim.board.evses;
		evse.plug();
		evse.ev(true, 16);
		this.sim.board.reader.present(CARD);
		this.sim.pass(3 * MINUTE_MS);
	}

	/** The same card again, and the cable out. */
	leave(): void {
		const [evse] = this.sim.board.evses;
		this.sim.board.reader.present(CARD);
		this.sim.pass(1000);
		evse.unplug("ev");
		this.sim.pass(MINUTE_MS);
	}

	expect(what: string, found: unknown, ...allowed: readonly unknown[]): void {
		if (!allowed.includes(found)) this.wrong.push(`${what} is ${String(found)}, should be ${allowed.map(String).join(" or ")}`);
	}

	/** Each transaction that the CSMS has heard of has one Started and one Ended; a message that is sent again is the same one. */
	expectWhole(): void {
		const bounds = new Map<string, Set<string>>();
		for (const { eventType, seqNo, transactionInfo } of this.of("TransactionEvent")) {
			const its = bounds.get(transactionInfo.transactionId) ?? new Set();
			bounds.set(transactionInfo.transactionId, its);
			if (eventType !== "Updated") its.add(`${eventType} ${seqNo}`);
		}
		for (const its of bounds.values()) this.expect("a transaction", [...its].map((text) => text.split(" ")[0]).sort().join(), "Ended,Started");
	}
}

function item(name: string, attributeValue?: string): object {
	const [component, variable] = name.split(".");
	return { ...(attributeValue === undefined ? {} : { attributeValue }), component: { name: component }, variable: { name: variable } };
}

interface StationSteps {
	/** Before the cut; a station that is to boot for the first time has none. */
	prepare?: (world: World) => void;
	act: (world: World) => void;
	judge: (world: World) => void;
}

function stationCase(name: string, { prepare, act, judge }: StationSteps): CutCase {
	return {
		name: `station-${name}`,
		attempt: (cuts): Attempt => {
			const world = new World();
			prepare?.(world);
			const { boots } = world;
			world.arm(cuts);
			act(world);
			world.sim.pass(LATER_MS);
			const happened = world.cuts;
			const bytes = world.sim.flash.cutBytes;
			world.sim.flash.cutAt(0, "before");
			world.expect("online", world.sim.station?.isOnline, true);
			if (world.boots - boots > BOOTS_MAX) world.wrong.push(`${world.boots - boots} boots`);
			if (world.wrong.length === 0) judge(world);
			world.expectWhole();
			const { findings } = world.sim.finish();
			return { cuts: happened, bytes, wrong: [...world.wrong, ...findings.map(({ rule, text }) => `${rule}: ${text}`)].join("; ") };
		},
	};
}

const INTERVAL = "SampledDataCtrlr.TxUpdatedInterval";
const THRESHOLD = "OCPPCommCtrlr.OfflineThreshold";
const CONNECTION = {
	ocppVersion: "OCPP20", ocppTransport: "JSON", ocppCsmsUrl: "ws://csms.example/ocpp", messageTimeout: 30, securityProfile: 1, ocppInterface: "Wired0",
};
const accepted = (world: World): void => world.begin();

/** The station boots for the first time: what it writes then may be there or not, it comes to the CSMS. */
export const FIRST_BOOT = stationCase("first-boot", {
	act: (world) => world.begin(),
	judge: (world) => world.expect("status", world.status, "Available"),
});

/** A password: the station finds its way back with the one that the CSMS has. */
export const PASSWORD = stationCase("password", {
	prepare: accepted,
	act: (world) => world.call("SetVariables", { setVariableData: [item("SecurityCtrlr.BasicAuthPassword", NEW_PASSWORD)] }),
	judge: (world) => {
		const isTaken = world.answers[0]?.setVariableResult[0].attributeStatus === "Accepted";
		world.expect("password of the CSMS", world.sim.csms.password, isTaken ? NEW_PASSWORD : OLD_PASSWORD);
		// And once more, from flash alone.
		const { boots } = world;
		world.sim.cutPower(1000);
		world.sim.pass(30 * MINUTE_MS);
		world.expect("boots", world.boots, boots + 1);
	},
});

/** Availability: what was answered holds, what was not is whole or absent. */
export const AVAILABILITY = stationCase("availability", {
	prepare: accepted,
	act: (world) => world.call("ChangeAvailability", { operationalStatus: "Inoperative", evse: { id: 1 } }),
	judge: (world) => {
		world.expect("status", world.status, world.sim.station!.evses[0].barred === 0 ? "Available" : "Unavailable");
		if (world.answers[0]?.status === "Accepted") world.expect("status after Accepted", world.status, "Unavailable");
		world.call("ChangeAvailability", { operationalStatus: "Operative", evse: { id: 1 } });
		world.sim.pass(MINUTE_MS);
		world.expect("status at last", world.status, "Available");
	},
});

/** A reset in a transaction: one Ended, one boot for the order at most, its reason or PowerUp. */
export const RESET = stationCase("reset", {
	prepare: (world) => {
		world.begin();
		world.charge();
		world.expect("charging", world.sim.board.evses[0].relayClosed, true);
	},
	act: (world) => world.call("Reset", { type: "Immediate" }),
	judge: (world) => {
		const ends = world.of("TransactionEvent").filter((event) => event.eventType === "Ended");
		world.expect("ends", new Set(ends.map((event) => event.seqNo)).size, 1);
		world.expect("stoppedReason", ends[0]?.transactionInfo.stoppedReason, "ImmediateReset", "PowerLoss", "Reboot");
		for (const boot of world.of("BootNotification")) world.expect("boot reason", boot.reason, "PowerUp", "RemoteReset");
		world.expect("boots for the order", world.of("BootNotification").filter((boot) => boot.reason === "RemoteReset").length, 0, 1);
		world.expect("status", world.status, "Occupied");
	},
});

/** Variables and a network profile: what was Accepted is there, each of the others is old or new. */
export const VARIABLES = stationCase("variables", {
	prepare: accepted,
	act: (world) => {
		world.call("SetVariables", { setVariableData: [item(INTERVAL, "17"), item(THRESHOLD, "18")] });
		if (world.sim.station?.isOnline) world.call("SetNetworkProfile", { configurationSlot: 2, connectionData: CONNECTION });
	},
	judge: (world) => {
		const [variables, profile] = world.answers;
		world.call("GetVariables", { getVariableData: [item(INTERVAL), item(THRESHOLD)] });
		const [interval, threshold] = (world.answers.at(-1).getVariableResult as { attributeValue: string }[]).map((result) => result.attributeValue);
		const isTaken = variables !== undefined;
		world.expect(INTERVAL, interval, "17", isTaken ? "17" : "60");
		world.expect(THRESHOLD, threshold, "18", isTaken ? "18" : "60");
		const station = world.sim.station!;
		if (profile?.status === "Accepted") world.expect("slot 2 is set", station.isSlotSet(2), true);
		if (station.isSlotSet(2)) world.expect("its profile", station.securityProfileOf(2), 1);
	},
});

/** A boot reason: the one of the order at most once. */
export const BOOT_REASON = stationCase("boot-reason", {
	prepare: accepted,
	act: (world) => world.call("Reset", { type: "OnIdle" }),
	judge: (world) => {
		const reasons = world.of("BootNotification").slice(1).map((boot) => boot.reason);
		for (const reason of reasons) world.expect("boot reason", reason, "PowerUp", "RemoteReset");
		world.expect("boots for the order", reasons.filter((reason) => reason === "RemoteReset").length, 0, 1);
		// Without a cut, and after one behind the answer, the reason is told.
		if (world.cuts === 0) world.expect("boot reasons", reasons.join(), "RemoteReset");
	},
});

/** A session, message by message. */
export const SESSION = stationCase("session", {
	prepare: accepted,
	act: (world) => {
		world.charge();
		world.leave();
	},
	judge: (world) => {
		if (world.cuts === 0) world.expect("events", world.of("TransactionEvent").length >= 4, true);
	},
});

/** The network goes in a session; its bill is sent later. */
export const OFFLINE_SESSION = stationCase("offline-session", {
	prepare: (world) => {
		world.begin();
		world.charge();
		world.sim.board.net.down("drop");
		world.sim.pass(MINUTE_MS);
	},
	act: (world) => {
		world.sim.pass(5 * MINUTE_MS);
		world.leave();
		world.sim.board.net.up();
	},
	judge: (world) => {
		if (world.cuts > 0) return;
		const offline = world.of("TransactionEvent").filter((event) => event.offline === true);
		world.expect("offline events", offline.length >= 5, true);
		world.expect("the last one", offline.at(-1)?.eventType, "Ended");
	},
});

/** Security events: told at least once (the checkers of the simulator see to that), and after the answer not again. */
export const SECURITY = stationCase("security", {
	prepare: accepted,
	act: (world) => {
		world.sim.board.tamper();
		world.sim.pass(MINUTE_MS);
	},
	judge: (world) => {
		const told = (): number => world.of("SecurityEventNotification").filter(({ type }) => type === "TamperDetectionActivated").length;
		if (world.cuts === 0) world.expect("told", told(), 1);
		// It was answered by now.
		const before = told();
		world.sim.cutPower(1000);
		world.sim.pass(30 * MINUTE_MS);
		world.expect("told after one boot more", told(), before);
	},
});

export const STATION_CASES: readonly CutCase[] = [
	FIRST_BOOT, PASSWORD, AVAILABILITY, RESET, VARIABLES, BOOT_REASON, SESSION, OFFLINE_SESSION, SECURITY,
];
