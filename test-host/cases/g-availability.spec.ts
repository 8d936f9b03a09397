// G01 and G02: status of the connectors, and the sign of life. Source: OCPP 2.0.1 Part 2, G01, G02; Part 4 §5.2.

import { FaultBit } from "../../modules/ports/events.js";
import type { StatusNotificationRequest } from "../../preload/payloads.js";
import { rpcError, WITHHOLD } from "../csms/scripted.js";
import { Rig, rigPerCase } from "./rig.js";

const HOUR = 3_600_000;

function statuses(rig: Rig, from = 0): string[] {
	return rig.csms.calls("StatusNotification", from).map((message) => {
		const { evseId, connectorId, connectorStatus } = message.payload as StatusNotificationRequest;
		return `${evseId}/${connectorId} ${connectorStatus}`;
	});
}

describe("G01 status of a connector", () => {
	const open = rigPerCase();

	it("G01.FR.03, G01.FR.04 plug is Occupied, unplug is Available, each told once and with the present time", async () => {
		const rig = await open();
		const from = rig.csms.messages.length;
		await rig.advance(12_000);
		await rig.plug();
		await rig.advance(30_000);
		await rig.unplug("station");
		expect(statuses(rig, from)).toEqual(["1/1 Occupied", "1/1 Available"]);
		const [occupied] = rig.csms.calls("StatusNotification", from);
		expect(Math.abs(Date.parse((occupied.payload as StatusNotificationRequest).timestamp) - (rig.nowMs() - 30_000))).toBeLessThan(2000);
	});

	it("G01.FR.05 one style only: no NotifyEvent tells the same once more", async () => {
		const rig = await open();
		await rig.plug();
		await rig.unplug("station");
		expect(rig.csms.calls("NotifyEvent")).toEqual([]);
	});

	it("G01.FR.03 each EVSE tells its own status", async () => {
		const rig = await open({ evses: 2 });
		const from = rig.csms.messages.length;
		await rig.plug(2);
		await rig.plug(1);
		await rig.unplug("station", 2);
		expect(statuses(rig, from)).toEqual(["2/1 Occupied", "1/1 Occupied", "2/1 Available"]);
	});

	it("G01.FR.03 a fault is Faulted as long as it is there", async () => {
		const rig = await open({ evses: 2 });
		const from = rig.csms.messages.length;
		await rig.fault(FaultBit.overcurrent, true, 2);
		await rig.fault(FaultBit.ground, true, 2);
		await rig.fault(FaultBit.overcurrent, false, 2);
		await rig.plug(2);
		expect(statuses(rig, from)).toEqual(["2/1 Faulted"]);
		await rig.fault(FaultBit.ground, false, 2);
		expect(statuses(rig, from)).toEqual(["2/1 Faulted", "2/1 Occupied"]);
	});

	it("G01 the device model shows the same status, of connector, EVSE and station", async () => {
		const rig = await open({ evses: 2 });
		const read = async (evse: number): Promise<string[]> => {
			const result = await rig.call("GetVariables", {
				getVariableData: [
					{ component: { name: "Connector", evse: { id: evse, connectorId: 1 } }, variable: { name: "AvailabilityState" } },
					{ component: { name: "EVSE", evse: { id: evse } }, variable: { name: "AvailabilityState" } },
					{ component: { name: "ChargingStation" }, variable: { name: "AvailabilityState" } },
				],
			});
			return result.getVariableResult.map((item: { attributeValue: string }) => item.attributeValue);
		};
		await rig.plug(1);
		expect(await read(1)).toEqual(["Occupied", "Occupied", "Available"]);
		expect(await read(2)).toEqual(["Available", "Available", "Available"]);
		await rig.plug(2);
		expect((await read(2))[2]).toBe("Occupied");
	});

	it("G01.FR.04 a status that changes while the one before is on its way is told next", async () => {
		const rig = await open({ evses: 1 });
		const from = rig.csms.messages.length;
		rig.csms.once("StatusNotification", WITHHOLD);
		await rig.plug();
		await rig.unplug("station");
		await rig.advance(31_000); // MessageTimeout
		expect((await rig.told<StatusNotificationRequest>("StatusNotification", 2, from)).map((its) => its.connectorStatus)).toEqual(["Occupied", "Available"]);
		await rig.advance(120_000);
		expect(rig.csms.calls("StatusNotification", from).length).toBe(2);
	});

	it("G01 a status that the CSMS refuses is not sent again and again; one that got lost is sent once more", async () => {
		const rig = await open({ variables: { "OCPPCommCtrlr.RetryBackOffWaitMinimum": "1", "OCPPCommCtrlr.RetryBackOffRandomRange": "0" } });
		const from = rig.csms.messages.length;
		rig.csms.once("StatusNotification", () => { throw rpcError("InternalError"); });
		await rig.plug();
		await rig.advance(300_000);
		expect(statuses(rig, from)).toEqual(["1/1 Occupied"]);
		rig.csms.once("StatusNotification", WITHHOLD);
		await rig.unplug("station");
		await rig.csms.disconnect(true);
		await rig.advance(20_000);
		expect(statuses(rig, from)).toEqual(["1/1 Occupied", "1/1 Available", "1/1 Available"]);
	});

	it("G01 a status does not wait for the backlog of transaction events", async () => {
		const rig = await open({ evses: 1, variables: { "OCPPCommCtrlr.RetryBackOffWaitMinimum": "1", "OCPPCommCtrlr.RetryBackOffRandomRange": "0" } });
		await rig.charge();
		rig.net("drop");
		await rig.advance(600_000);
		const from = rig.csms.messages.length;
		rig.net("up");
		await rig.advance(120_000);
		expect(statuses(rig, from)).toEqual(["1/1 Occupied"]);
		const actions = rig.actions(from).filter((action) => action !== "Heartbeat");
		expect(actions.slice(0, 2)).toEqual(["StatusNotification", "TransactionEvent"]);
		expect(actions.length).toBeGreaterThan(10);
	});
});

describe("G02 Heartbeat", () => {
	const open = rigPerCase();

	it("G02.FR.02 comes after the interval without other messages, and again", async () => {
		const rig = await open({ interval: 100 });
		await rig.advance(98_000);
		expect(rig.csms.calls("Heartbeat").length).toBe(0);
		await rig.advance(3_000);
		expect(rig.csms.calls("Heartbeat").length).toBe(1);
		await rig.advance(100_000);
		expect(rig.csms.calls("Heartbeat").length).toBe(2);
	});

	it("G02.FR.05 is put off by other messages of the station", async () => {
		const rig = await open({ interval: 100 });
		await rig.advance(60_000);
		await rig.plug();
		await rig.advance(60_000);
		await rig.unplug("station");
		await rig.advance(60_000);
		expect(rig.csms.calls("Heartbeat").length).toBe(0);
		await rig.advance(41_000);
		expect(rig.csms.calls("Heartbeat").length).toBe(1);
	});

	it("G02.FR.02 a new HeartbeatInterval applies at once", async () => {
		const rig = await open({ interval: 3600 });
		expect(await rig.set("OCPPCommCtrlr.HeartbeatInterval", "30")).toBe("Accepted");
		await rig.advance(95_000);
		expect(rig.csms.calls("Heartbeat").length).toBe(3);
	});

	it("G02.FR.07 the answer sets the clock", async () => {
		const rig = await open({ interval: 60 });
		const far = Date.UTC(2027, 0, 2, 3, 4, 5);
		rig.csms.once("Heartbeat", { currentTime: new Date(far).toISOString() });
		await rig.advance(61_000);
		expect(Math.abs(Date.parse(await rig.get("ClockCtrlr.DateTime")) - far)).toBeLessThan(3000);
	});

	it("G02.FR.02 a CSMS that refuses or ignores it is asked again only after the interval", async () => {
		const rig = await open({ interval: 100 });
		rig.csms.once("Heartbeat", () => { throw rpcError("InternalError"); });
		rig.csms.once("Heartbeat", WITHHOLD);
		await rig.advance(101_000);
		await rig.advance(98_000);
		expect(rig.csms.calls("Heartbeat").length).toBe(1);
		await rig.advance(3_000);
		expect(rig.csms.calls("Heartbeat").length).toBe(2);
		await rig.advance(125_000);
		expect(rig.csms.calls("Heartbeat").length).toBe(2);
		await rig.advance(10_000);
		expect(rig.csms.calls("Heartbeat").length).toBe(3);
	});

	it("G02.FR.07, Part 4 §5.2 is sent once a day for the clock, however much else is said", async () => {
		const rig = await open({
			interval: 3600,
			variables: { "SampledDataCtrlr.TxUpdatedInterval": "1800", "OCPPCommCtrlr.WebSocketPingInterval": "0" },
		});
		await rig.plug();
		await rig.token("04A2B3");
		await rig.advance(25 * HOUR);
		expect(rig.csms.calls("Heartbeat").length).toBe(1);
		expect(rig.transactionEvents().length).toBeGreaterThan(49);
	});
});

describe("G03, G04 a change that waits, and one that lasts", () => {
	const open = rigPerCase();

	async function change(rig: Rig, operationalStatus: string, evse?: { id: number; connectorId?: number }): Promise<string> {
		return (await rig.call("ChangeAvailability", { operationalStatus, evse })).status;
	}

	/** Effective state of both EVSEs, as the device model tells it. */
	async function states(rig: Rig): Promise<string> {
		const answer = await rig.call("GetVariables", {
			getVariableData: [1, 2].map((id) => ({ component: { name: "EVSE", evse: { id } }, variable: { name: "AvailabilityState" } })),
		});
		return answer.getVariableResult.map((result: { attributeValue: string }) => result.attributeValue).join(" ");
	}

	it("G03.FR.05 in a transaction it is Scheduled: nothing changes until the transaction ends, then Unavailable at once with the cable in", async () => {
		const rig = await open();
		await rig.charge();
		const from = rig.csms.messages.length;
		expect(await change(rig, "Inoperative", { id: 1 })).toBe("Scheduled");
		expect(await change(rig, "Inoperative", { id: 1 })).toBe("Scheduled");
		await rig.advance(61_000);
		expect(statuses(rig, from)).toEqual([]);
		expect(rig.relay()).toBeTrue();
		await rig.token("04A2B3");
		expect(statuses(rig, from)).toEqual(["1/1 Unavailable"]);
		await rig.unplug("station");
		expect(statuses(rig, from)).toEqual(["1/1 Unavailable"]);
	});

	it("G03.FR.05 a scheduled change that is taken back before the end never happens", async () => {
		const rig = await open({ evses: 1 });
		await rig.charge();
		const from = rig.csms.messages.length;
		expect(await change(rig, "Inoperative")).toBe("Scheduled");
		expect(await change(rig, "Operative")).toBe("Accepted");
		await rig.token("04A2B3");
		await rig.unplug("station");
		expect(statuses(rig, from)).toEqual(["1/1 Available"]);
	});

	it("G03.FR.08, G04.FR.09 every layer survives a power cut, a scheduled one too", async () => {
		const rig = await open({ evses: 2 });
		await change(rig, "Inoperative", { id: 2, connectorId: 1 });
		await rig.charge("A", 1);
		expect(await change(rig, "Inoperative", { id: 1 })).toBe("Scheduled");
		const from = rig.csms.messages.length;
		await rig.powerCut();
		expect(statuses(rig, from).slice(-2)).toEqual(["1/1 Unavailable", "2/1 Unavailable"]);
		await change(rig, "Operative", { id: 2 });
		expect(await states(rig)).toBe("Unavailable Unavailable");
		await change(rig, "Operative", { id: 2, connectorId: 1 });
		await change(rig, "Operative", { id: 1 });
		await rig.powerCut();
		expect(await states(rig)).toBe("Occupied Available");
	});

	it("G01.FR.05, G03.FR.04 unplugged while Unavailable stays Unavailable; plugged while Unavailable becomes Occupied with Operative", async () => {
		const rig = await open({ evses: 1 });
		const from = rig.csms.messages.length;
		await change(rig, "Inoperative");
		await rig.plug();
		await change(rig, "Operative");
		expect(statuses(rig, from)).toEqual(["1/1 Unavailable", "1/1 Occupied"]);
	});
});

describe("G05 the lock", () => {
	const open = rigPerCase();

	it("G05 a bolt that does not move: no energy, ConnectorPlugRetentionLock.Problem is told, the connector is Faulted until it moves", async () => {
		const rig = await open();
		await rig.jamLock(true);
		await rig.plug();
		await rig.ev(true);
		await rig.token("04A2B3");
		await rig.advance(1_000);
		expect(rig.relay()).toBeFalse();
		const [event] = rig.csms.calls("NotifyEvent").map((message) => (message.payload as { eventData: { component: object; variable: object; actualValue: string }[] }).eventData[0]);
		expect([event.component, event.variable, event.actualValue]).toEqual([{ name: "ConnectorPlugRetentionLock", evse: { id: 1, connectorId: 1 } }, { name: "Problem" }, "true"]);
		expect(statuses(rig).at(-1)).toBe("1/1 Faulted");
		expect(rig.story().filter((line) => line.startsWith("Started")).length).toBe(rig.story().filter((line) => line.startsWith("Ended")).length);
		await rig.jamLock(false);
		expect(statuses(rig).at(-1)).toBe("1/1 Occupied");
		await rig.token("04A2B3");
		expect(rig.relay()).toBeTrue();
	});
});
