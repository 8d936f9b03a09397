// What the CSMS has set or ordered, under a power cut at each flash operation that it leads to: a password, availability,
// a reset, a variable, a network profile. Source: OCPP 2.0.1 Part 2, A01, B05, B09, B12, G03.FR.08, G04.FR.09.

import { TORN } from "../board/flash-memory.js";
import { quietOptions } from "../sim/options.js";
import { Simulation } from "../sim/run.js";

const MINUTE_MS = 60_000;
/** Longer than the board may be dark after a cut, and than every back-off behind it. */
const LATER_MS = 12 * 60 * MINUTE_MS;
const OPERATIONS_MAX = 60;

/** A station on a virtual board, accepted and idle. */
class World {
	readonly sim = new Simulation(quietOptions(1));
	/** CALLs of the station, and its answers to ours, as they arrived. */
	readonly calls: [action: string, payload: any][] = [];
	readonly answers: any[] = [];
	private readonly lives: () => number;

	constructor() {
		const { sim } = this;
		const { checkers } = sim;
		const arrived = checkers.arrived.bind(checkers);
		checkers.arrived = (text) => {
			arrived(text);
			const frame = JSON.parse(text);
			if (frame[0] === 2) this.calls.push([frame[2], frame[3]]);
			else this.answers.push(frame[2]);
		};
		this.lives = () => this.of("BootNotification").length;
		sim.begin();
		sim.pass(MINUTE_MS);
		expect(sim.station!.isOnline).toBeTrue();
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
		return this.lives();
	}

	get status(): string {
		return this.of("StatusNotification").at(-1).connectorStatus;
	}

	charge(): void {
		const [evse] = this.sim.board.evses;
		evse.plug();
		evse.ev(true, 16);
		this.sim.board.reader.present("04A2B3C4");
		this.sim.pass(MINUTE_MS);
		expect(evse.relayClosed).toBeTrue();
	}
}

/**
 * Plays `act` in a new world for each operation on flash that it leads to, with a power cut there; then `judge` looks at a station that
 * has had half a day to come back. Returns the number of cuts.
 */
function sweep(prepare: (world: World) => void, act: (world: World) => void, judge: (world: World, where: string) => void): number {
	let cuts = 0;
	for (const torn of TORN) {
		for (let n = 1; n < OPERATIONS_MAX; n++) {
			const world = new World();
			prepare(world);
			const { flash } = world.sim;
			flash.cutAt(n, torn, n);
			const boots = world.boots;
			act(world);
			world.sim.pass(LATER_MS);
			flash.cutAt(0, "before");
			const where = `${torn} ${n}`;
			const isOnline = world.sim.station?.isOnline === true;
			expect([where, isOnline]).toEqual([where, true]);
			judge(world, where);
			expect([where, world.sim.finish().findings]).toEqual([where, []]);
			if (world.sim["cuts"] === 0) break;
			cuts++;
			// The cut itself, and what was ordered: never a reset without end.
			expect(world.boots - boots).toBeLessThanOrEqual(3);
		}
	}
	return cuts;
}

function item(name: string, attributeValue: string): object {
	const [component, variable] = name.split(".");
	return { attributeValue, component: { name: component }, variable: { name: variable } };
}

describe("power cuts", () => {
	it("A01.FR.01 A01.FR.03 at every cut of a change of password the station finds its way back, with the one that the CSMS has", () => {
		const cuts = sweep(
			() => undefined,
			(world) => world.call("SetVariables", { setVariableData: [item("SecurityCtrlr.BasicAuthPassword", "pass-word-number-new")] }),
			(world, where) => {
				const isTaken = world.answers[0]?.setVariableResult[0].attributeStatus === "Accepted";
				expect([where, world.sim.csms.password]).toEqual([where, isTaken ? "pass-word-number-new" : "0123456789abcdef"]);
				// And once more, from flash alone.
				const boots = world.boots;
				world.sim.cutPower(1000);
				world.sim.pass(30 * MINUTE_MS);
				expect([where, world.boots]).toEqual([where, boots + 1]);
			},
		);
		expect(cuts).toBeGreaterThanOrEqual(2 * TORN.length);
	}, 120_000);

	it("G03.FR.08 G04.FR.09 at every cut of a ChangeAvailability: what was answered holds, what was not is whole or absent", () => {
		const cuts = sweep(
			() => undefined,
			(world) => world.call("ChangeAvailability", { operationalStatus: "Inoperative", evse: { id: 1 } }),
			(world, where) => {
				const { barred } = world.sim.station!.evses[0];
				expect([where, world.status]).toEqual([where, barred === 0 ? "Available" : "Unavailable"]);
				if (world.answers[0]?.status === "Accepted") expect([where, world.status]).toEqual([where, "Unavailable"]);
				world.call("ChangeAvailability", { operationalStatus: "Operative", evse: { id: 1 } });
				world.sim.pass(MINUTE_MS);
				expect([where, world.status]).toEqual([where, "Available"]);
			},
		);
		expect(cuts).toBeGreaterThanOrEqual(TORN.length);
	}, 120_000);

	it("B12.FR.02 B12.FR.04 at every cut of a reset in a transaction: one Ended, one boot for the order at most, its reason or PowerUp", () => {
		const cuts = sweep(
			(world) => world.charge(),
			(world) => world.call("Reset", { type: "Immediate" }),
			(world, where) => {
				const ends = world.of("TransactionEvent").filter((event) => event.eventType === "Ended");
				expect([where, new Set(ends.map((event) => event.seqNo)).size]).toEqual([where, 1]);
				const { stoppedReason } = ends[0].transactionInfo;
				expect(["ImmediateReset", "PowerLoss", "Reboot"]).withContext(where).toContain(stoppedReason);
				for (const boot of world.of("BootNotification")) expect(["PowerUp", "RemoteReset"]).withContext(where).toContain(boot.reason);
				expect(world.of("BootNotification").filter((boot) => boot.reason === "RemoteReset").length).withContext(where).toBeLessThanOrEqual(1);
				expect([where, world.status]).toEqual([where, "Occupied"]);
			},
		);
		expect(cuts).toBeGreaterThanOrEqual(3 * TORN.length);
	}, 120_000);

	it("B05.FR.10 B09.FR.01 at every cut of variables and a network profile: what was Accepted is there, each of the others is old or new", () => {
		const INTERVAL = "SampledDataCtrlr.TxUpdatedInterval";
		const connectionData = {
			ocppVersion: "OCPP20", ocppTransport: "JSON", ocppCsmsUrl: "ws://csms.example/ocpp", messageTimeout: 30, securityProfile: 1, ocppInterface: "Wired0",
		};
		const get = (world: World): string[] => {
			const asked = [INTERVAL, "OCPPCommCtrlr.OfflineThreshold"].map((name) => item(name, "")).map(({ ...its }: any) => ({ component: its.component, variable: its.variable }));
			world.call("GetVariables", { getVariableData: asked });
			return world.answers.at(-1).getVariableResult.map((result: any) => result.attributeValue);
		};
		const cuts = sweep(
			() => undefined,
			(world) => {
				world.call("SetVariables", { setVariableData: [item(INTERVAL, "17"), item("OCPPCommCtrlr.OfflineThreshold", "18")] });
				if (world.sim.station?.isOnline) world.call("SetNetworkProfile", { configurationSlot: 2, connectionData });
			},
			(world, where) => {
				const [variables, profile] = world.answers;
				const [interval, threshold] = get(world);
				expect(["60", "17"]).withContext(where).toContain(interval);
				expect(["60", "18"]).withContext(where).toContain(threshold);
				if (variables !== undefined) expect([where, interval, threshold]).toEqual([where, "17", "18"]);
				if (profile?.status === "Accepted") expect(world.sim.station!.isSlotSet(2)).withContext(where).toBeTrue();
				if (world.sim.station!.isSlotSet(2)) expect(world.sim.station!.securityProfileOf(2)).withContext(where).toBe(1);
			},
		);
		expect(cuts).toBeGreaterThanOrEqual(3 * TORN.length);
	}, 120_000);
});
