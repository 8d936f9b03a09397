// F. UnlockConnector and TriggerMessage. Source: OCPP 2.0.1 Part 2, F05, F06.

import { rigPerCase } from "./rig.js";

describe("F05 UnlockConnector", () => {
	const open = rigPerCase();
	const FIRST = { evseId: 1, connectorId: 1 };

	it("F05.FR.02 an authorized transaction is never stopped by it", async () => {
		const rig = await open();
		await rig.charge();
		expect((await rig.call("UnlockConnector", FIRST)).status).toBe("OngoingAuthorizedTransaction");
		expect([rig.relay(), rig.locked()]).toEqual([true, true]);
	});

	it("F05.FR.03 an unknown EVSE or connector is UnknownConnector", async () => {
		const rig = await open({ evses: 1 });
		for (const place of [{ evseId: 0, connectorId: 1 }, { evseId: 2, connectorId: 1 }, { evseId: 1, connectorId: 2 }])
			expect((await rig.call("UnlockConnector", place)).status).toBe("UnknownConnector");
	});

	it("F05.FR.01, F05.FR.04 without a cable it is tried all the same", async () => {
		const rig = await open();
		expect((await rig.call("UnlockConnector", FIRST)).status).toBe("Unlocked");
	});

	it("F05.FR.05, F05.FR.06, E05.FR.11 it frees a cable that was kept for its owner; a jammed bolt is UnlockFailed", async () => {
		const rig = await open();
		rig.csms.once("TransactionEvent", { idTokenInfo: { status: "Invalid" } });
		await rig.charge();
		expect([rig.relay(), rig.locked()]).toEqual([false, true]);
		await rig.jamLock(true);
		expect((await rig.call("UnlockConnector", FIRST)).status).toBe("UnlockFailed");
		expect(rig.locked()).toBeTrue();
		await rig.jamLock(false);
		expect((await rig.call("UnlockConnector", FIRST)).status).toBe("Unlocked");
		expect(rig.locked()).toBeFalse();
	});
});

describe("F06 TriggerMessage", () => {
	const open = rigPerCase();

	it("F06.FR.04, F06.FR.05 Accepted first, then the message", async () => {
		const rig = await open({ evses: 1 });
		for (const [requestedMessage, action] of [
			["Heartbeat", "Heartbeat"],
			["StatusNotification", "StatusNotification"],
			["MeterValues", "MeterValues"],
		]) {
			const from = rig.csms.messages.length;
			expect((await rig.call("TriggerMessage", { requestedMessage })).status).toBe("Accepted");
			const ours = rig.csms.messages.slice(from).filter((message) => message.fromStation);
			expect(ours.map((message) => `${message.type} ${message.action}`)).toEqual(["3 TriggerMessage", `2 ${action}`]);
		}
	});

	it("F06.FR.06 triggered readings have the context Trigger", async () => {
		const rig = await open();
		await rig.call("TriggerMessage", { requestedMessage: "MeterValues", evse: { id: 1 } });
		const [values] = await rig.told("MeterValues", 1);
		expect(values.evseId).toBe(1);
		expect(values.meterValue[0].sampledValue[0].context).toBe("Trigger");
	});

	it("F06.FR.07 a triggered TransactionEvent is Updated by Trigger with its state and readings; without a transaction Rejected", async () => {
		const rig = await open();
		const trigger = { requestedMessage: "TransactionEvent" };
		expect((await rig.call("TriggerMessage", trigger)).status).toBe("Rejected");
		await rig.charge();
		const before = rig.transactionEvents().length;
		expect((await rig.call("TriggerMessage", trigger)).status).toBe("Accepted");
		const events = rig.transactionEvents().slice(before);
		expect(events.map((event) => [event.eventType, event.triggerReason, event.transactionInfo.chargingState])).toEqual([
			["Updated", "Trigger", "Charging"],
		]);
		expect(events[0].meterValue![0].sampledValue[0].context).toBe("Trigger");
	});

	it("F06.FR.03, F06.FR.11 an EVSE that means nothing is ignored, a missing one means all", async () => {
		const rig = await open({ evses: 2 });
		let from = rig.csms.messages.length;
		await rig.call("TriggerMessage", { requestedMessage: "StatusNotification" });
		expect(rig.csms.calls("StatusNotification", from).length).toBe(2);
		from = rig.csms.messages.length;
		await rig.call("TriggerMessage", { requestedMessage: "StatusNotification", evse: { id: 2, connectorId: 1 } });
		expect(rig.csms.calls("StatusNotification", from).map((message) => (message.payload as { evseId: number }).evseId)).toEqual([2]);
		expect((await rig.call("TriggerMessage", { requestedMessage: "Heartbeat", evse: { id: 9 } })).status).toBe("Accepted");
	});

	it("F06.FR.16 FirmwareStatusNotification without an update under way is Idle without a requestId, while Pending too", async () => {
		for (const boot of ["Accepted", "Pending"] as const) {
			const rig = await open({ boot, interval: 600 });
			expect((await rig.call("TriggerMessage", { requestedMessage: "FirmwareStatusNotification" })).status).toBe("Accepted");
			expect(await rig.told("FirmwareStatusNotification", 1)).toEqual([{ status: "Idle" }]);
			await rig.advance(60_000);
			expect((await rig.told("FirmwareStatusNotification", 1)).length).toBe(1);
			if (boot === "Accepted") await rig.close();
		}
	});

	it("F06.FR.08 what is not built in is NotImplemented", async () => {
		const rig = await open();
		for (const requestedMessage of ["SignCombinedCertificate", "SignV2GCertificate", "PublishFirmwareStatusNotification"])
			expect((await rig.call("TriggerMessage", { requestedMessage })).status).toBe("NotImplemented");
	});

	it("F06.FR.12, F06.FR.17 StatusNotification of a whole EVSE and a BootNotification after Accepted are Rejected", async () => {
		const rig = await open();
		expect((await rig.call("TriggerMessage", { requestedMessage: "StatusNotification", evse: { id: 1 } })).status).toBe("Rejected");
		expect((await rig.call("TriggerMessage", { requestedMessage: "BootNotification" })).status).toBe("Rejected");
	});

	it("B02.FR.04 while Pending a triggered BootNotification comes at once, with its reason", async () => {
		const rig = await open({ boot: "Pending", interval: 600 });
		expect((await rig.call("TriggerMessage", { requestedMessage: "BootNotification" })).status).toBe("Accepted");
		const boots = await rig.told("BootNotification", 2);
		expect(boots[1].reason).toBe("Triggered");
	});
});
