// B11, B12: the CSMS resets the station, with and without a transaction. Source: OCPP 2.0.1 Part 2, B11, B12, B01.FR.03.

import type { BootNotificationRequest, StatusNotificationRequest } from "../../preload/payloads.js";
import { WITHHOLD } from "../csms/scripted.js";
import { Rig, rigPerCase } from "./rig.js";

function reasons(rig: Rig, from = 0): string[] {
	return rig.csms.calls("BootNotification", from).map((message) => (message.payload as BootNotificationRequest).reason);
}

function statuses(rig: Rig, from = 0): string[] {
	return rig.csms.calls("StatusNotification", from).map((message) => {
		const { evseId, connectorStatus } = message.payload as StatusNotificationRequest;
		return `${evseId} ${connectorStatus}`;
	});
}

describe("B11, B12 Reset", () => {
	const open = rigPerCase();

	it("B11.FR.01, B11.FR.03 without a transaction both types are Accepted, then the station boots with RemoteReset", async () => {
		const rig = await open({ evses: 1 });
		for (const type of ["OnIdle", "Immediate"]) {
			const from = rig.csms.messages.length;
			expect(await rig.call("Reset", { type })).toEqual({ status: "Accepted" });
			await rig.advance(2_000);
			await rig.told("StatusNotification", 1, from);
			expect(reasons(rig, from)).toEqual(["RemoteReset"]);
			expect(statuses(rig, from).at(-1)).toBe("1 Available");
		}
		await rig.powerCut();
		expect(reasons(rig).at(-1)).toBe("PowerUp");
	});

	it("B11.FR.09 one EVSE alone cannot be reset: Rejected, and nothing happens", async () => {
		const rig = await open({ evses: 2 });
		expect(await rig.call("Reset", { type: "Immediate", evseId: 1 })).toEqual({ status: "Rejected" });
		expect(await rig.call("Reset", { type: "OnIdle", evseId: 9 })).toEqual({ status: "Rejected" });
		await rig.advance(5_000);
		expect(reasons(rig)).toEqual(["PowerUp"]);
	});

	it("B12.FR.01, B12.FR.03 OnIdle in a transaction is Scheduled: it charges on, free EVSEs close, and after Ended it boots with ScheduledReset", async () => {
		const rig = await open({ evses: 2 });
		await rig.charge("A", 1);
		const from = rig.csms.messages.length;
		expect(await rig.call("Reset", { type: "OnIdle" })).toEqual({ status: "Scheduled" });
		await rig.advance(60_000);
		expect(rig.relay(1)).toBeTrue();
		expect(statuses(rig, from)).toEqual(["2 Unavailable"]);
		expect((await rig.call("RequestStartTransaction", { idToken: { idToken: "B", type: "Central" }, remoteStartId: 1, evseId: 2 })).status).toBe("Rejected");
		const before = rig.csms.messages.length;
		await rig.token("A", 1);
		await rig.advance(2_000);
		await rig.told("StatusNotification", 2, before);
		await rig.settle();
		expect(reasons(rig, before)).toEqual(["ScheduledReset"]);
		const actions = rig.actions(before);
		expect(actions.indexOf("TransactionEvent")).toBeLessThan(actions.indexOf("BootNotification"));
		expect(statuses(rig, before).slice(-2)).toEqual(["1 Occupied", "2 Available"]);
		expect(rig.transactionEvents().filter((event) => event.eventType === "Ended").length).toBe(1);
	});

	it("B12.FR.02, B12.FR.04 Immediate ends the transaction: ResetCommand, ImmediateReset, EVConnected, no idToken; then RemoteReset", async () => {
		const rig = await open({ evses: 1 });
		await rig.charge();
		const from = rig.csms.messages.length;
		expect(await rig.call("Reset", { type: "Immediate" })).toEqual({ status: "Accepted" });
		await rig.advance(2_000);
		await rig.told("StatusNotification", 1, from);
		await rig.settle();
		const ended = rig.transactionEvents().at(-1)!;
		expect([ended.eventType, ended.triggerReason, ended.transactionInfo.stoppedReason, ended.transactionInfo.chargingState])
			.toEqual(["Ended", "ResetCommand", "ImmediateReset", "EVConnected"]);
		expect(ended.idToken).toBeUndefined();
		const order = rig.csms.find((m) => m.fromStation, from).map((m) => m.action).filter((action) => action !== "StatusNotification");
		expect(order.slice(0, 3)).toEqual(["Reset", "TransactionEvent", "BootNotification"]);
		expect(reasons(rig, from)).toEqual(["RemoteReset"]);
		expect(rig.relay()).toBeFalse();
		expect(statuses(rig, from).at(-1)).toBe("1 Occupied");
	});

	it("B12.FR.05 a CSMS that is silent on that Ended gets it after the reboot, once, after BootNotification", async () => {
		const rig = await open();
		await rig.charge();
		rig.csms.once("TransactionEvent", WITHHOLD);
		const from = rig.csms.messages.length;
		await rig.call("Reset", { type: "Immediate" });
		await rig.advance(60_000);
		await rig.told("StatusNotification", 1, from);
		await rig.settle();
		const ended = rig.csms.calls("TransactionEvent", from);
		expect(ended.length).toBe(2);
		expect(ended[1].payload).toEqual(jasmine.objectContaining({ eventType: "Ended", seqNo: (ended[0].payload as { seqNo: number }).seqNo }));
		const actions = rig.actions(from);
		expect(actions.lastIndexOf("TransactionEvent")).toBeGreaterThan(actions.indexOf("BootNotification"));
	});

	it("B12.FR.03 a scheduled reset is forgotten by a power cut, and the EVSE is open again", async () => {
		const rig = await open({ evses: 2 });
		await rig.charge("A", 1);
		await rig.call("Reset", { type: "OnIdle" });
		const from = rig.csms.messages.length;
		await rig.powerCut();
		expect(reasons(rig, from)).toEqual(["PowerUp"]);
		expect(statuses(rig, from)).toEqual(["1 Occupied", "2 Available"]);
	});

	it("B12.FR.01 an Immediate reset overtakes a scheduled one", async () => {
		const rig = await open();
		await rig.charge();
		expect(await rig.call("Reset", { type: "OnIdle" })).toEqual({ status: "Scheduled" });
		await rig.advance(10_000);
		const from = rig.csms.messages.length;
		expect(await rig.call("Reset", { type: "Immediate" })).toEqual({ status: "Accepted" });
		await rig.advance(3_000);
		await rig.told("BootNotification", 1, from);
		expect(reasons(rig, from)).toEqual(["RemoteReset"]);
	});

	it("B11.FR.02, B12.FR.06, B01.FR.07 what was set Inoperative stays so over a reset", async () => {
		const rig = await open({ evses: 2 });
		await rig.call("ChangeAvailability", { operationalStatus: "Inoperative", evse: { id: 2 } });
		const from = rig.csms.messages.length;
		await rig.call("Reset", { type: "OnIdle" });
		await rig.advance(2_000);
		await rig.told("BootNotification", 1, from);
		await rig.settle();
		expect(statuses(rig, from).slice(-2)).toEqual(["1 Available", "2 Unavailable"]);
	});
});
