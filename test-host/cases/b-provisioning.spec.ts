// B01 to B04: the station introduces itself, waits to be accepted, and tells its states after a time without a link.
// Source: OCPP 2.0.1 Part 2, B01 to B04 and the Booted state of Part 6.

import { RestartCause } from "../../modules/ports/events.js";
import type { BootNotificationRequest, StatusNotificationRequest } from "../../preload/payloads.js";
import { rpcError, WITHHOLD } from "../csms/scripted.js";
import { Rig, rigPerCase } from "./rig.js";

const SHORT_BACK_OFF = { "OCPPCommCtrlr.RetryBackOffWaitMinimum": "1", "OCPPCommCtrlr.RetryBackOffRandomRange": "0" };

function boots(rig: Rig, from = 0): BootNotificationRequest[] {
	return rig.csms.calls("BootNotification", from).map((message) => message.payload as BootNotificationRequest);
}

function statuses(rig: Rig, from = 0): string[] {
	return rig.csms.calls("StatusNotification", from).map((message) => {
		const { evseId, connectorId, connectorStatus } = message.payload as StatusNotificationRequest;
		return `${evseId}/${connectorId} ${connectorStatus}`;
	});
}

describe("B01 a station that is accepted", () => {
	const open = rigPerCase();

	it("B01.FR.01 tells first of all who it is, with PowerUp as its reason", async () => {
		const rig = await open();
		expect(rig.actions()[0]).toBe("BootNotification");
		expect(boots(rig)).toEqual([{
			reason: "PowerUp",
			chargingStation: { model: "Model", vendorName: "Vendor", serialNumber: "1", firmwareVersion: "0.1.0" },
		}]);
	});

	it("B01.FR.03, B01.FR.09 a reboot by the firmware tells its reason once, and the transaction ends with Reboot", async () => {
		const rig = await open();
		await rig.charge();
		const from = rig.csms.messages.length;
		await rig.restart(RestartCause.watchdog);
		await rig.told("StatusNotification", 1, from);
		await rig.settle();
		expect(boots(rig, from).map((boot) => boot.reason)).toEqual(["Watchdog"]);
		expect(rig.transactionEvents().at(-1)!.transactionInfo.stoppedReason).toBe("Reboot");
		const again = rig.csms.messages.length;
		await rig.restart(RestartCause.localReset);
		await rig.told("StatusNotification", 1, again);
		expect(boots(rig, again).map((boot) => boot.reason)).toEqual(["LocalReset"]);
	});

	it("B01.FR.04, G02.FR.01 takes the interval as its HeartbeatInterval; 0 leaves the one it had", async () => {
		const rig = await open({ interval: 1234 });
		expect(await rig.get("OCPPCommCtrlr.HeartbeatInterval")).toBe("1234");
		rig.csms.heartbeatSeconds = 0;
		await rig.powerCut();
		expect(await rig.get("OCPPCommCtrlr.HeartbeatInterval")).toBe("1234");
	});

	it("B01.FR.05 tells the status of every connector after Accepted", async () => {
		const rig = await open({ evses: 2 });
		expect(statuses(rig)).toEqual(["1/1 Available", "2/1 Available"]);
		await rig.plug(2);
		const from = rig.csms.messages.length;
		await rig.powerOff();
		rig.powerOn();
		await rig.told("StatusNotification", 2, from);
		expect(statuses(rig, from)).toEqual(["1/1 Available", "2/1 Occupied"]);
		expect(rig.actions(from).indexOf("BootNotification")).toBe(0);
	});

	it("B01.FR.06 sets its clock from the answer before anything is stamped", async () => {
		const rig = await open();
		for (const message of rig.csms.calls("StatusNotification")) {
			const stamp = Date.parse((message.payload as StatusNotificationRequest).timestamp);
			expect(Math.abs(stamp - rig.nowMs())).toBeLessThan(2000);
		}
		const far = Date.UTC(2031, 5, 6, 7, 8, 9);
		rig.csms.once("BootNotification", { currentTime: new Date(far).toISOString(), interval: 86_400, status: "Accepted" });
		rig.powerOff();
		const from = rig.csms.messages.length;
		rig.powerOn();
		const [status] = await rig.told<StatusNotificationRequest>("StatusNotification", 1, from);
		expect(Math.abs(Date.parse(status.timestamp) - far)).toBeLessThan(2000);
		expect(Math.abs(Date.parse(await rig.get("ClockCtrlr.DateTime")) - far)).toBeLessThan(2000);
	});

	it("B01.FR.08 sends nothing of its last life before Accepted, Pending included", async () => {
		const rig = await open();
		await rig.charge();
		rig.net("drop");
		await rig.advance(130_000);
		await rig.token("04A2B3");
		const generated = rig.generated();
		rig.powerOff();
		rig.net("up");
		rig.csms.bootOnce("Pending", 30);
		rig.csms.bootOnce("Rejected", 30);
		const from = rig.csms.messages.length;
		rig.powerOn();
		await rig.told("BootNotification", 1, from);
		await rig.advance(29_000);
		expect(rig.actions(from)).toEqual(["BootNotification"]);
		await rig.advance(2_000);
		await rig.advance(25_000);
		expect(rig.actions(from)).toEqual(["BootNotification", "BootNotification"]);
		await rig.advance(6_000);
		expect(rig.actions(from).slice(0, 3)).toEqual(["BootNotification", "BootNotification", "BootNotification"]);
		expect(rig.transactionEvents().map((event) => event.seqNo)).toEqual(generated);
	});

	it("Part 4 §5.3 sends no BootNotification when it only reconnects", async () => {
		const rig = await open({ variables: SHORT_BACK_OFF });
		await rig.csms.disconnect(true);
		await rig.advance(5_000);
		expect(rig.csms.connections).toBe(2);
		expect(boots(rig).length).toBe(1);
	});

	it("B01.FR.01 asks again after its own wait when the CSMS refuses to answer or stays silent", async () => {
		const rig = await open({ evses: 1, boot: "Pending", interval: 10 });
		rig.csms.once("BootNotification", () => { throw rpcError("InternalError"); });
		rig.csms.once("BootNotification", WITHHOLD);
		await rig.advance(11_000);
		expect(boots(rig).length).toBe(2);
		await rig.advance(58_000);
		expect(boots(rig).length).toBe(2);
		await rig.advance(3_000);
		expect(boots(rig).length).toBe(3);
		await rig.advance(29_000 + 58_000);
		expect(boots(rig).length).toBe(3);
		await rig.advance(4_000);
		expect(boots(rig).length).toBe(4);
		expect(statuses(rig)).toEqual(["1/1 Available"]);
	});
});

describe("B02 a station that is Pending", () => {
	const open = rigPerCase();

	it("B02.FR.01 serves GetVariables, SetVariables and GetBaseReport", async () => {
		const rig = await open({ boot: "Pending", interval: 600 });
		expect(await rig.set("OCPPCommCtrlr.OfflineThreshold", "77")).toBe("Accepted");
		expect(await rig.get("OCPPCommCtrlr.OfflineThreshold")).toBe("77");
		expect(await rig.call("GetBaseReport", { requestId: 5, reportBase: "ConfigurationInventory" })).toEqual({ status: "Accepted" });
		const reports = await rig.told<{ tbc: boolean; requestId: number }>("NotifyReport", 1);
		expect(reports.at(-1)!.tbc).toBeFalse();
		expect(reports.every((report) => report.requestId === 5)).toBeTrue();
	});

	it("B02.FR.02 sends nothing but BootNotification and the report that was asked for, whatever happens at the plug", async () => {
		const rig = await open({ boot: "Pending", interval: 600 });
		await rig.plug();
		await rig.token("04A2B3");
		await rig.ev(true);
		await rig.unplug("ev");
		await rig.advance(550_000);
		expect(rig.actions()).toEqual(["BootNotification"]);
		await rig.call("GetBaseReport", { requestId: 1, reportBase: "ConfigurationInventory" });
		expect(new Set(rig.actions())).toEqual(new Set(["BootNotification", "NotifyReport"]));
		expect(rig.relay()).toBeFalse();
	});

	it("B02.FR.04, B02.FR.06 asks again after the interval, not earlier, on the same connection, until it is accepted", async () => {
		const rig = await open({ evses: 1, boot: "Pending", interval: 45 });
		rig.csms.bootOnce("Pending", 90);
		await rig.advance(44_000);
		expect(boots(rig).length).toBe(1);
		await rig.advance(2_000);
		expect(boots(rig).length).toBe(2);
		await rig.advance(88_000);
		expect(boots(rig).length).toBe(2);
		await rig.advance(3_000);
		expect(boots(rig).length).toBe(3);
		expect(statuses(rig)).toEqual(["1/1 Available"]);
		expect(rig.csms.connections).toBe(1);
	});

	it("B02.FR.07 an interval of 0 makes it wait as long as it thinks right, at least some seconds", async () => {
		const rig = await open({ boot: "Pending", interval: 0 });
		await rig.advance(10_000);
		expect(boots(rig).length).toBe(1);
		await rig.advance(290_000);
		expect(boots(rig).length).toBe(2);
	});

	it("B02.FR.05 rejects RequestStartTransaction and RequestStopTransaction", async () => {
		const rig = await open({ boot: "Pending", interval: 600 });
		await rig.plug();
		const start = { idToken: { idToken: "A", type: "Central" }, remoteStartId: 1 };
		expect(await rig.call("RequestStartTransaction", start)).toEqual({ status: "Rejected" });
		expect(await rig.call("RequestStopTransaction", { transactionId: "a" })).toEqual({ status: "Rejected" });
		await rig.advance(601_000);
		expect(rig.story()).toEqual([]);
	});

	it("B02.FR.02 a car that was plugged in before Accepted is told as Occupied and may charge then", async () => {
		const rig = await open({ evses: 1, boot: "Pending", interval: 30 });
		await rig.plug();
		await rig.advance(31_000);
		expect(statuses(rig)).toEqual(["1/1 Occupied"]);
		await rig.token("04A2B3");
		expect(rig.story()[0]).toBe("Started/Authorized/EVConnected");
	});
});

describe("B03 a station that is Rejected", () => {
	const open = rigPerCase();

	it("B03.FR.02, B03.FR.06 is silent until the interval has passed, then asks again", async () => {
		const rig = await open({ evses: 1, boot: "Rejected", interval: 120 });
		await rig.plug();
		await rig.token("04A2B3");
		await rig.advance(118_000);
		expect(rig.actions()).toEqual(["BootNotification"]);
		await rig.advance(3_000);
		expect(rig.actions()).toEqual(jasmine.arrayContaining(["BootNotification", "BootNotification", "StatusNotification"]));
		expect(statuses(rig)).toEqual(["1/1 Occupied"]);
	});

	it("B03.FR.06 an interval of 0 is no reason to ask without a pause", async () => {
		const rig = await open({ boot: "Rejected", interval: 0 });
		await rig.advance(10_000);
		expect(boots(rig).length).toBe(1);
		await rig.advance(290_000);
		expect(boots(rig).length).toBe(2);
	});

	it("B03.FR.08 answers SecurityError to every CALL", async () => {
		const rig = await open({ boot: "Rejected", interval: 600 });
		const calls: [string, object][] = [
			["GetVariables", { getVariableData: [{ component: { name: "TxCtrlr" }, variable: { name: "TxStartPoint" } }] }],
			["SetVariables", { setVariableData: [{ component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut" }, attributeValue: "5" }] }],
			["GetBaseReport", { requestId: 1, reportBase: "FullInventory" }],
			["RequestStartTransaction", { idToken: { idToken: "A", type: "Central" }, remoteStartId: 1 }],
			["RequestStopTransaction", { transactionId: "a" }],
			["DataTransfer", { vendorId: "v" }],
			["ReserveNow", {}],
		];
		for (const [action, payload] of calls) expect([action, await rig.refused(action, payload)]).toEqual([action, "SecurityError"]);
		expect(rig.actions()).toEqual(["BootNotification"]);
		await rig.advance(601_000);
		expect(await rig.get("TxCtrlr.EVConnectionTimeOut")).toBe("60");
	});

	it("B03.FR.06 a lost connection does not bring the next BootNotification forward", async () => {
		const rig = await open({ boot: "Rejected", interval: 300 });
		await rig.csms.disconnect(true);
		await rig.advance(60_000);
		expect(rig.csms.connections).toBe(2);
		expect(boots(rig).length).toBe(1);
		await rig.advance(241_000);
		expect(boots(rig).length).toBe(2);
	});
});

describe("B04 a station that was offline", () => {
	const open = rigPerCase();

	async function offline(rig: Rig, ms: number): Promise<void> {
		rig.net("drop");
		await rig.advance(ms);
		rig.net("up");
	}

	it("B04.FR.01 longer than OfflineThreshold tells the status of all connectors", async () => {
		const rig = await open({ evses: 2, variables: { ...SHORT_BACK_OFF, "OCPPCommCtrlr.OfflineThreshold": "60" } });
		const from = rig.csms.messages.length;
		await offline(rig, 70_000);
		await rig.advance(20_000);
		expect(statuses(rig, from)).toEqual(["1/1 Available", "2/1 Available"]);
	});

	it("B04.FR.02 shorter than OfflineThreshold tells only what has changed", async () => {
		const rig = await open({ evses: 2, variables: { ...SHORT_BACK_OFF, "OCPPCommCtrlr.OfflineThreshold": "300" } });
		const from = rig.csms.messages.length;
		rig.net("drop");
		await rig.advance(30_000);
		await rig.plug(2);
		rig.net("up");
		await rig.advance(40_000);
		expect(rig.csms.connections).toBe(2);
		expect(statuses(rig, from)).toEqual(["2/1 Occupied"]);
	});

	it("B04.FR.02, G01 what changed and changed back while offline is not told", async () => {
		const rig = await open({ variables: { ...SHORT_BACK_OFF, "OCPPCommCtrlr.OfflineThreshold": "300" } });
		const from = rig.csms.messages.length;
		rig.net("drop");
		await rig.plug();
		await rig.advance(20_000);
		await rig.unplug("station");
		rig.net("up");
		await rig.advance(40_000);
		expect(rig.csms.connections).toBe(2);
		expect(statuses(rig, from)).toEqual([]);
	});

	it("B04.FR.01 after a long time offline the present status is told once, not its history", async () => {
		const rig = await open({ evses: 1, variables: { ...SHORT_BACK_OFF, "OCPPCommCtrlr.OfflineThreshold": "10" } });
		const from = rig.csms.messages.length;
		rig.net("drop");
		for (let i = 0; i < 3; i++) {
			await rig.plug();
			await rig.advance(10_000);
			await rig.unplug("station");
		}
		await rig.plug();
		rig.net("up");
		await rig.advance(40_000);
		expect(statuses(rig, from)).toEqual(["1/1 Occupied"]);
	});
});
