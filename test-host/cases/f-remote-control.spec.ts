// F: the CSMS starts and stops transactions. Source: OCPP 2.0.1 Part 2, F01 to F03; Part 6, F cases.

import { FaultBit } from "../../modules/ports/events.js";
import { Rig, rigPerCase } from "./rig.js";

const CENTRAL = { idToken: "APP-1", type: "Central" };
const CARD = { idToken: "T1", type: "ISO14443" };
const NO_MATTER = { remoteStartId: 1 };

describe("F01, F02 remote start", () => {
	const open = rigPerCase();

	it("F01.FR.19, F01.FR.25 with the cable in: RemoteStart, remoteStartId and idToken, no transactionId in the answer, and energy flows", async () => {
		const rig = await open();
		await rig.plug();
		expect(await rig.call("RequestStartTransaction", { idToken: CENTRAL, remoteStartId: 77, evseId: 1 })).toEqual({ status: "Accepted" });
		await rig.ev(true);
		const [started, ...rest] = rig.transactionEvents();
		expect([started.triggerReason, started.transactionInfo.remoteStartId, started.idToken!.idToken]).toEqual(["RemoteStart", 77, "APP-1"]);
		expect(started.evse).toEqual({ id: 1, connectorId: 1 });
		for (const event of rest) expect(event.transactionInfo.remoteStartId).toBeUndefined();
		expect(rig.relay()).toBeTrue();
		expect(rig.csms.calls("Authorize").length).toBe(0);
	});

	it("F02.FR.01, F02.FR.21 then the cable: Started is still RemoteStart with its id", async () => {
		const rig = await open();
		await rig.call("RequestStartTransaction", { idToken: CENTRAL, remoteStartId: 78 });
		expect(rig.story()).toEqual([]);
		await rig.plug();
		const [started] = rig.transactionEvents();
		expect<unknown[]>([started.triggerReason, started.transactionInfo.remoteStartId, started.idToken]).toEqual(["RemoteStart", 78, CENTRAL]);
	});

	it("F01.FR.01 AuthorizeRemoteStart asks the CSMS after the answer, and a refusal starts nothing", async () => {
		const rig = await open({ variables: { "AuthCtrlr.AuthorizeRemoteStart": "true" } });
		await rig.plug();
		rig.csms.once("Authorize", { idTokenInfo: { status: "Blocked" } });
		const from = rig.csms.messages.length;
		expect(await rig.call("RequestStartTransaction", { idToken: CARD, remoteStartId: 1 })).toEqual({ status: "Accepted" });
		const order = rig.csms.find((m) => m.fromStation, from).map((m) => `${m.type} ${m.action}`);
		expect(order).toEqual(["3 RequestStartTransaction", "2 Authorize"]);
		expect(rig.story()).toEqual([]);
		await rig.call("RequestStartTransaction", { idToken: CARD, remoteStartId: 2 });
		expect(rig.transactionEvents()[0].transactionInfo.remoteStartId).toBe(2);
	});

	it("F02.FR.09 AuthorizeRemoteStart before the cable: Authorize at once, Started by RemoteStart on plug", async () => {
		const rig = await open({ variables: { "AuthCtrlr.AuthorizeRemoteStart": "true" } });
		await rig.call("RequestStartTransaction", { idToken: CARD, remoteStartId: 3 });
		expect(rig.csms.calls("Authorize").length).toBe(1);
		await rig.plug();
		expect(rig.story()[0]).toBe("Started/RemoteStart/EVConnected");
	});

	it("F01.FR.02, F02.FR.10 without AuthorizeRemoteStart it starts at once and obeys the answer to its event", async () => {
		const rig = await open();
		await rig.plug();
		rig.csms.once("TransactionEvent", { idTokenInfo: { status: "Invalid" } });
		await rig.call("RequestStartTransaction", { idToken: CARD, remoteStartId: 4 });
		expect(rig.csms.calls("Authorize").length).toBe(0);
		const ended = rig.transactionEvents().at(-1)!;
		expect([ended.eventType, ended.triggerReason, ended.transactionInfo.stoppedReason]).toEqual(["Ended", "Deauthorized", "DeAuthorized"]);
	});

	it("F01.FR.20 without an evseId an EVSE is chosen: the one where a cable waits, else a free one; F01.FR.07 none free is Rejected", async () => {
		const rig = await open({ evses: 2 });
		await rig.plug(2);
		const start = (remoteStartId: number) => rig.call("RequestStartTransaction", { idToken: { ...CENTRAL, idToken: `A${remoteStartId}` }, remoteStartId });
		expect((await start(1)).status).toBe("Accepted");
		expect(rig.transactionEvents()[0].evse!.id).toBe(2);
		expect((await start(2)).status).toBe("Accepted");
		expect((await start(3)).status).toBe("Rejected");
		await rig.plug(1);
		const second = rig.transactionEvents().find((event) => event.evse?.id === 1)!;
		expect([second.triggerReason, second.transactionInfo.remoteStartId]).toEqual(["RemoteStart", 2]);
		expect((await start(4)).status).toBe("Rejected");
	});

	it("F01.FR.24, F02.FR.26 an EVSE with an authorised transaction, or one that somebody is authorised for, is Rejected", async () => {
		const rig = await open({ evses: 1 });
		await rig.token("04A2B3");
		expect((await rig.call("RequestStartTransaction", { ...NO_MATTER, idToken: CENTRAL, evseId: 1 })).status).toBe("Rejected");
		await rig.plug();
		expect((await rig.call("RequestStartTransaction", { ...NO_MATTER, idToken: CENTRAL, evseId: 1 })).status).toBe("Rejected");
		expect((await rig.call("RequestStartTransaction", { ...NO_MATTER, idToken: CENTRAL })).status).toBe("Rejected");
		expect(rig.transactionEvents()[0].idToken!.idToken).toBe("04A2B3");
	});

	it("F01.FR.23, F02.FR.25 an EVSE that is Faulted, or does not exist, is Rejected", async () => {
		const rig = await open({ evses: 2 });
		await rig.fault(FaultBit.ground, true, 1);
		for (const evseId of [1, 0, 3, -1, 2147483647])
			expect([evseId, (await rig.call("RequestStartTransaction", { ...NO_MATTER, idToken: CENTRAL, evseId })).status]).toEqual([evseId, "Rejected"]);
		expect((await rig.call("RequestStartTransaction", { ...NO_MATTER, idToken: CENTRAL })).status).toBe("Accepted");
		await rig.plug(2);
		expect(rig.transactionEvents()[0].evse!.id).toBe(2);
	});

	it("F01.FR.12, F02.FR.20 a chargingProfile in the request is ignored", async () => {
		const rig = await open();
		await rig.plug();
		const chargingProfile = {
			id: 1, stackLevel: 0, chargingProfilePurpose: "TxProfile", chargingProfileKind: "Relative",
			chargingSchedule: [{ id: 1, chargingRateUnit: "A", chargingSchedulePeriod: [{ startPeriod: 0, limit: 6 }] }],
		};
		expect((await rig.call("RequestStartTransaction", { ...NO_MATTER, idToken: CENTRAL, chargingProfile })).status).toBe("Accepted");
		expect(rig.story()[0]).toBe("Started/RemoteStart/EVConnected");
	});

	it("F02.FR.07 without a cable in EVConnectionTimeOut it is forgotten, no event is sent, and a new remote start works at once", async () => {
		const rig = await open({ variables: { "TxCtrlr.EVConnectionTimeOut": "20" } });
		await rig.call("RequestStartTransaction", { idToken: CENTRAL, remoteStartId: 5, evseId: 1 });
		await rig.advance(21_000);
		expect((await rig.call("RequestStartTransaction", { idToken: CENTRAL, remoteStartId: 6, evseId: 1 })).status).toBe("Accepted");
		await rig.advance(10_000);
		expect(rig.story()).toEqual([]);
		await rig.plug();
		expect(rig.transactionEvents()[0].transactionInfo.remoteStartId).toBe(6);
		await rig.unplug("ev");
		await rig.call("RequestStartTransaction", { idToken: CENTRAL, remoteStartId: 7, evseId: 1 });
		await rig.advance(21_000);
		const before = rig.transactionEvents().length;
		await rig.plug();
		expect(rig.transactionEvents().length).toBe(before);
	});
});

describe("F03 remote stop", () => {
	const open = rigPerCase();

	it("F03.FR.03, F03.FR.07 the response first, then Ended by RemoteStop without an idToken", async () => {
		const rig = await open();
		const transactionId = await rig.charge();
		const from = rig.csms.messages.length;
		expect(await rig.call("RequestStopTransaction", { transactionId })).toEqual({ status: "Accepted" });
		const ended = rig.transactionEvents().at(-1)!;
		expect([ended.eventType, ended.triggerReason, ended.transactionInfo.stoppedReason]).toEqual(["Ended", "RemoteStop", "Remote"]);
		expect(ended.idToken).toBeUndefined();
		const order = rig.csms.find((m) => m.fromStation, from).map((m) => `${m.type} ${m.action}`);
		expect(order.slice(0, 2)).toEqual(["3 RequestStopTransaction", "2 TransactionEvent"]);
		expect([rig.relay(), rig.locked()]).toEqual([false, false]);
	});

	it("F03.FR.08 an unknown transaction, an ended one included, is Rejected and nothing happens", async () => {
		const rig = await open();
		expect(await rig.call("RequestStopTransaction", { transactionId: "unknown" })).toEqual({ status: "Rejected" });
		expect(await rig.call("RequestStopTransaction", { transactionId: "" })).toEqual({ status: "Rejected" });
		const transactionId = await rig.charge();
		expect(await rig.call("RequestStopTransaction", { transactionId: "unknown" })).toEqual({ status: "Rejected" });
		expect(rig.relay()).toBeTrue();
		await rig.token("04A2B3");
		const count = rig.transactionEvents().length;
		expect(await rig.call("RequestStopTransaction", { transactionId })).toEqual({ status: "Rejected" });
		expect(rig.transactionEvents().length).toBe(count);
	});

	it("F03.FR.03, Part 4 §4.1.6 the id is matched in any case of letters, and only its EVSE stops", async () => {
		const rig = await open({ evses: 2 });
		const first = await rig.charge("A", 1);
		await rig.charge("B", 2);
		expect(await rig.call("RequestStopTransaction", { transactionId: first.toUpperCase() })).toEqual({ status: "Accepted" });
		expect([rig.relay(1), rig.relay(2)]).toEqual([false, true]);
		expect(rig.transactionEvents().filter((event) => event.eventType === "Ended").map((event) => event.transactionInfo.transactionId)).toEqual([first]);
	});

	it("F03.FR.03 a remote stop ends what a card has started, and a card then starts anew", async () => {
		const rig = await open();
		const first = await rig.charge();
		await rig.call("RequestStopTransaction", { transactionId: first });
		await rig.token("04A2B3");
		const started = rig.transactionEvents().filter((event) => event.eventType === "Started");
		expect(started.length).toBe(2);
		expect(started[1].transactionInfo.transactionId).not.toBe(first);
	});
});

describe("F06 TriggerMessage that cannot be followed, or comes early", () => {
	const open = rigPerCase();

	async function trigger(rig: Rig, requestedMessage: string, evse?: object): Promise<string> {
		return (await rig.call("TriggerMessage", { requestedMessage, evse })).status;
	}

	it("F06.FR.05 MeterValues with an empty list of measurands cannot follow, so it is not Accepted", async () => {
		const rig = await open({ variables: { "AlignedDataCtrlr.Measurands": "" } });
		expect(await trigger(rig, "MeterValues")).toBe("Rejected");
	});

	it("B02.FR.08, F06.FR.04 while Pending it brings BootNotification forward, with reason Triggered; F06.FR.05 and other messages too", async () => {
		const rig = await open({ evses: 1, boot: "Pending", interval: 600 });
		rig.csms.bootOnce("Pending", 600);
		expect(await trigger(rig, "BootNotification")).toBe("Accepted");
		const boots = await rig.told<{ reason: string }>("BootNotification", 2);
		expect(boots.map((boot) => boot.reason)).toEqual(["PowerUp", "Triggered"]);
		await rig.advance(60_000);
		expect(rig.csms.calls("BootNotification").length).toBe(2);
		for (const message of ["Heartbeat", "StatusNotification", "MeterValues"]) {
			const from = rig.csms.messages.length;
			const status = await trigger(rig, message);
			expect([message, rig.actions(from)]).toEqual([message, status === "Accepted" ? [message] : []]);
		}
	});
});
