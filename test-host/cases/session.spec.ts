// Charging sessions as drivers and operators have them. Source: OCPP 2.0.1 Part 2, C, E and F; requirements "Expected
// events". Every message of every case is judged by the schemas.

import { RestartCause } from "../../modules/ports/events.js";
import { Rig } from "./rig.js";

describe("a session", () => {
	let rig: Rig;
	afterEach(async () => {
		expect(rig.csms.violations).toEqual([]);
		expect(rig.csms.refused).toEqual([]);
		await rig.close();
	});

	it("E02.FR.01 cable first: Started by Authorized, Charging, Ended by the same token", async () => {
		rig = await Rig.open();
		await rig.charge();
		await rig.advance(61_000);
		await rig.token("04a2b3");
		await rig.unplug("station");
		expect(rig.story()).toEqual([
			"Started/Authorized/EVConnected",
			"Updated/ChargingStateChanged/SuspendedEV",
			"Updated/ChargingStateChanged/Charging",
			"Updated/MeterValuePeriodic/Charging",
			"Ended/StopAuthorized/EVConnected",
		]);
	});

	it("E03.FR.01 card first: nothing before the cable, then Started by CablePluggedIn with the idToken", async () => {
		rig = await Rig.open();
		await rig.token("04A2B3");
		expect(rig.story()).toEqual([]);
		await rig.plug();
		const [started] = rig.transactionEvents();
		expect(started.triggerReason).toBe("CablePluggedIn");
		expect(started.idToken).toEqual({ idToken: "04A2B3", type: "ISO14443" });
		expect(started.evse).toEqual({ id: 1, connectorId: 1 });
	});

	it("E03.FR.05 card without a cable: gone after EVConnectionTimeOut, and plugging later starts nothing", async () => {
		rig = await Rig.open({ variables: { "TxCtrlr.EVConnectionTimeOut": "30" } });
		await rig.token("04A2B3");
		await rig.advance(31_000);
		await rig.plug();
		expect(rig.story()).toEqual([]);
	});

	it("E01.FR.07 seqNo starts at 0 and rises by one; E01.FR.10, E01.FR.16 idToken and evse come once", async () => {
		rig = await Rig.open();
		await rig.charge();
		await rig.advance(181_000);
		await rig.token("04A2B3");
		const events = rig.transactionEvents();
		expect(events.map((event) => event.seqNo)).toEqual(events.map((_, index) => index));
		expect(events.filter((event) => event.evse !== undefined).length).toBe(1);
		expect(events.filter((event) => event.idToken !== undefined).map((event) => event.eventType)).toEqual(["Started", "Ended"]);
		expect(new Set(events.map((event) => event.transactionInfo.transactionId)).size).toBe(1);
	});

	it("E06.FR.11, J02.FR.16 the bill: begin and end registers in Ended, and the next Begin is the last End", async () => {
		rig = await Rig.open();
		await rig.charge();
		await rig.advance(600_000);
		await rig.token("04A2B3");
		const ended = rig.transactionEvents().at(-1)!;
		const registers = ended.meterValue!.map((value) => [value.sampledValue[0].context, value.sampledValue[0].value]);
		expect(registers.map(([context]) => context)).toEqual(["Transaction.Begin", "Transaction.End"] as never);
		const energy = (registers[1][1] as number) - (registers[0][1] as number);
		expect(energy).toBeGreaterThan(3670); // 3 × 230 V × 32 A for ten minutes
		expect(energy).toBeLessThan(3690);
		await rig.unplug("station");
		const before = rig.transactionEvents().length;
		await rig.plug();
		await rig.token("04A2B3");
		const started = rig.transactionEvents()[before];
		expect(started.meterValue![0].sampledValue[0]).toEqual(jasmine.objectContaining({ value: registers[1][1], context: "Transaction.Begin" }));
	});

	it("E09.FR.01 EV side unplugged: Ended by EVCommunicationLost, EVDisconnected, and the contactor opens", async () => {
		rig = await Rig.open();
		await rig.charge();
		await rig.unplug("ev");
		const ended = rig.transactionEvents().at(-1)!;
		expect([ended.eventType, ended.triggerReason, ended.transactionInfo.stoppedReason, ended.transactionInfo.chargingState])
			.toEqual(["Ended", "EVCommunicationLost", "EVDisconnected", "Idle"]);
		expect(ended.idToken).toBeUndefined();
		expect(rig.desktop.board.evses[0].relayClosed).toBeFalse();
	});

	it("F01.FR.19 remote start with the cable in: RemoteStart, remoteStartId and idToken, and energy flows", async () => {
		rig = await Rig.open();
		await rig.plug();
		const answer = await rig.call("RequestStartTransaction", {
			idToken: { idToken: "APP-1", type: "Central" }, remoteStartId: 77, evseId: 1,
		});
		expect(answer.status).toBe("Accepted");
		await rig.ev(true);
		const [started] = rig.transactionEvents();
		expect([started.triggerReason, started.transactionInfo.remoteStartId, started.idToken!.idToken]).toEqual(["RemoteStart", 77, "APP-1"]);
		expect(rig.desktop.board.evses[0].relayClosed).toBeTrue();
		expect(rig.csms.calls("Authorize").length).toBe(0);
	});

	it("F02.FR.21 remote start, then the cable: Started is still RemoteStart with its id", async () => {
		rig = await Rig.open();
		await rig.call("RequestStartTransaction", { idToken: { idToken: "APP-1", type: "Central" }, remoteStartId: 78 });
		await rig.plug();
		const [started] = rig.transactionEvents();
		expect([started.triggerReason, started.transactionInfo.remoteStartId]).toEqual(["RemoteStart", 78]);
	});

	it("F01.FR.01 AuthorizeRemoteStart asks the CSMS after the answer, and a refusal starts nothing", async () => {
		rig = await Rig.open({ variables: { "AuthCtrlr.AuthorizeRemoteStart": "true" } });
		await rig.plug();
		rig.csms.once("Authorize", { idTokenInfo: { status: "Blocked" } });
		const answer = await rig.call("RequestStartTransaction", { idToken: { idToken: "T1", type: "ISO14443" }, remoteStartId: 1 });
		expect(answer.status).toBe("Accepted");
		expect(rig.csms.calls("Authorize").length).toBe(1);
		expect(rig.story()).toEqual([]);
		await rig.call("RequestStartTransaction", { idToken: { idToken: "T1", type: "ISO14443" }, remoteStartId: 2 });
		expect(rig.transactionEvents()[0].transactionInfo.remoteStartId).toBe(2);
	});

	it("F01.FR.23 remote start is Rejected while a transaction runs, and for an unknown EVSE", async () => {
		rig = await Rig.open();
		await rig.charge();
		const again = await rig.call("RequestStartTransaction", { idToken: { idToken: "T1", type: "Central" }, remoteStartId: 1, evseId: 1 });
		const unknown = await rig.call("RequestStartTransaction", { idToken: { idToken: "T1", type: "Central" }, remoteStartId: 1, evseId: 9 });
		expect([again.status, unknown.status]).toEqual(["Rejected", "Rejected"]);
	});

	it("F03.FR.03 remote stop: the response first, then Ended by RemoteStop without an idToken", async () => {
		rig = await Rig.open();
		const transactionId = await rig.charge();
		const from = rig.csms.messages.length;
		expect((await rig.call("RequestStopTransaction", { transactionId: "unknown" })).status).toBe("Rejected");
		expect((await rig.call("RequestStopTransaction", { transactionId })).status).toBe("Accepted");
		const ended = rig.transactionEvents().at(-1)!;
		expect([ended.eventType, ended.triggerReason, ended.transactionInfo.stoppedReason]).toEqual(["Ended", "RemoteStop", "Remote"]);
		expect(ended.idToken).toBeUndefined();
		const order = rig.csms.messages.slice(from).filter((m) => m.fromStation).map((m) => `${m.type} ${m.action}`);
		expect(order).toEqual(["3 RequestStopTransaction", "3 RequestStopTransaction", "2 TransactionEvent"]);
		expect((await rig.call("RequestStopTransaction", { transactionId })).status).toBe("Rejected");
	});

	it("C01.FR.02 a refused token starts nothing, and another card may be shown", async () => {
		rig = await Rig.open();
		for (const status of ["Invalid", "Blocked", "Expired", "Unknown", "NotAtThisTime"]) {
			rig.csms.once("Authorize", { idTokenInfo: { status } });
			await rig.token("BAD");
		}
		await rig.plug();
		expect(rig.story()).toEqual([]);
		await rig.token("GOOD");
		expect(rig.story()[0]).toBe("Started/Authorized/EVConnected");
	});

	it("C01.FR.25 another token during a transaction is asked about but changes nothing", async () => {
		rig = await Rig.open();
		await rig.charge();
		const before = rig.transactionEvents().length;
		await rig.token("OTHER");
		expect(rig.csms.calls("Authorize").length).toBe(2);
		expect(rig.transactionEvents().length).toBe(before);
		await rig.unplug("ev");
		await rig.plug();
		expect(rig.story().filter((line) => line.startsWith("Started")).length).toBe(1);
	});

	it("C09.FR.03 another token of the same group stops the transaction under its own name", async () => {
		rig = await Rig.open();
		const group = { idTokenInfo: { status: "Accepted", groupIdToken: { idToken: "FAMILY", type: "Central" } } };
		rig.csms.always("Authorize", group);
		await rig.charge("MOTHER");
		await rig.token("FATHER");
		const ended = rig.transactionEvents().at(-1)!;
		expect([ended.eventType, ended.triggerReason, ended.idToken!.idToken]).toEqual(["Ended", "StopAuthorized", "FATHER"]);
	});

	it("E05.FR.10 a token that the CSMS refuses in its answer to Started ends the transaction as Deauthorized", async () => {
		rig = await Rig.open();
		rig.csms.once("TransactionEvent", { idTokenInfo: { status: "Invalid" } });
		await rig.charge();
		const ended = rig.transactionEvents().at(-1)!;
		expect([ended.eventType, ended.triggerReason, ended.transactionInfo.stoppedReason]).toEqual(["Ended", "Deauthorized", "DeAuthorized"]);
		expect(rig.desktop.board.evses[0].relayClosed).toBeFalse();
	});

	it("E05.FR.02 with StopTxOnInvalidId false the energy stops and the transaction stays open", async () => {
		rig = await Rig.open({ variables: { "TxCtrlr.StopTxOnInvalidId": "false" } });
		rig.csms.once("TransactionEvent", { idTokenInfo: { status: "Invalid" } });
		await rig.charge();
		expect(rig.story().at(-1)).toBe("Updated/ChargingStateChanged/SuspendedEVSE");
		expect(rig.desktop.board.evses[0].relayClosed).toBeFalse();
	});

	it("E02.FR.13 the EV pauses and goes on: both are told", async () => {
		rig = await Rig.open();
		await rig.charge();
		await rig.ev(false);
		await rig.ev(true);
		expect(rig.story().slice(-2)).toEqual(["Updated/ChargingStateChanged/SuspendedEV", "Updated/ChargingStateChanged/Charging"]);
	});

	it("E13.FR.03, E13.FR.04 an event that is refused waits longer each time, is dropped after the last, and the next goes", async () => {
		rig = await Rig.open({
			variables: { "OCPPCommCtrlr.MessageAttempts.TransactionEvent": "3", "OCPPCommCtrlr.MessageAttemptInterval.TransactionEvent": "10" },
		});
		for (let i = 0; i < 3; i++) rig.csms.once("TransactionEvent", () => { throw new Error("not now"); });
		await rig.plug();
		await rig.token("04A2B3");
		expect(rig.transactionEvents().length).toBe(1);
		await rig.advance(9_500);
		expect(rig.transactionEvents().length).toBe(1);
		await rig.advance(1_000);
		expect(rig.transactionEvents().length).toBe(2);
		await rig.advance(19_000);
		expect(rig.transactionEvents().length).toBe(2);
		await rig.advance(1_500);
		const seqNos = rig.transactionEvents().map((event) => event.seqNo);
		expect(seqNos.slice(0, 4)).toEqual([0, 0, 0, 1]);
	});

	it("E12.FR.02 what happens offline is told afterwards, marked offline, in order", async () => {
		rig = await Rig.open();
		await rig.charge();
		const online = rig.transactionEvents().length;
		rig.desktop.board.net.down("drop");
		await rig.advance(125_000);
		await rig.token("04A2B3");
		expect(rig.desktop.board.evses[0].relayClosed).toBeFalse();
		rig.desktop.board.net.up();
		await rig.advance(120_000);
		const events = rig.transactionEvents();
		expect(events.map((event) => event.seqNo)).toEqual(events.map((_, index) => index));
		expect(events.at(-1)!.eventType).toBe("Ended");
		for (const event of events) expect(event.offline === true).toBe(event.seqNo >= online);
		expect(rig.csms.calls("BootNotification").length).toBe(1);
	});

	it("B01.FR.08, E12 power cut in a transaction: it is ended with PowerLoss under its id, after Accepted, with the right bill", async () => {
		rig = await Rig.open();
		const transactionId = await rig.charge();
		await rig.advance(120_000);
		const before = rig.transactionEvents();
		const wh = rig.desktop.board.evses[0].readEnergyWh();
		rig.powerOff();
		const from = rig.csms.messages.length;
		rig.powerOn();
		await rig.told("TransactionEvent", before.length + 1);
		const actions = rig.csms.find((m) => m.fromStation && m.type === 2, from).map((m) => m.action);
		expect(actions[0]).toBe("BootNotification");
		expect(rig.csms.calls("BootNotification", from)[0].payload).toEqual(jasmine.objectContaining({ reason: "PowerUp" }));
		const ended = rig.transactionEvents().at(-1)!;
		expect([ended.transactionInfo.transactionId, ended.eventType, ended.transactionInfo.stoppedReason]).toEqual([transactionId, "Ended", "PowerLoss"]);
		expect(ended.seqNo).toBe(before.length);
		expect(ended.meterValue!.map((value) => value.sampledValue[0].context)).toEqual(["Transaction.Begin", "Transaction.End"]);
		expect(ended.meterValue![0].sampledValue[0].value).toBe(before[0].meterValue![0].sampledValue[0].value);
		expect(ended.meterValue![1].sampledValue[0].value).toBeCloseTo(wh, 0);
		expect(rig.desktop.board.evses[0].relayClosed).toBeFalse();
		rig.powerOff();
		rig.powerOn();
		await rig.told("BootNotification", 3);
		await rig.settle();
		expect(rig.transactionEvents().filter((event) => event.eventType === "Ended").length).toBe(1);
	});

	it("E08, E12 what was queued when the power went is delivered once, oldest first, after Accepted", async () => {
		rig = await Rig.open();
		await rig.charge();
		const online = rig.transactionEvents().length;
		rig.desktop.board.net.down("drop");
		await rig.advance(200_000);
		await rig.token("04A2B3");
		const generated = rig.desktop.ledger.entries.map((entry) => entry.seqNo);
		rig.powerOff();
		rig.powerOn();
		await rig.told("TransactionEvent", generated.length);
		await rig.settle();
		expect(rig.transactionEvents().map((event) => event.seqNo)).toEqual(generated);
		expect(rig.transactionEvents().slice(online).every((event) => event.offline === true)).toBeTrue();
	});

	it("B01.FR.03 a reboot by the firmware tells its reason once, and the transaction ends with Reboot", async () => {
		rig = await Rig.open();
		await rig.charge();
		const from = rig.csms.messages.length;
		await rig.restart(RestartCause.watchdog);
		await rig.told("StatusNotification", 1, from);
		expect(rig.csms.calls("BootNotification", from).map((m) => (m.payload as { reason: string }).reason)).toEqual(["Watchdog"]);
		expect(rig.transactionEvents().at(-1)!.transactionInfo.stoppedReason).toBe("Reboot");
	});
});
