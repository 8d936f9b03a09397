// E: transactions as the CSMS sees them. Source: OCPP 2.0.1 Part 2, E01 to E14, and its table of expected events.

import { FaultBit } from "../../modules/ports/events.js";
import type { StatusNotificationRequest, TransactionEventRequest } from "../../preload/payloads.js";
import { rpcError, WITHHOLD } from "../csms/scripted.js";
import { Rig, rigPerCase } from "./rig.js";

const SHORT_BACK_OFF = { "OCPPCommCtrlr.RetryBackOffWaitMinimum": "1", "OCPPCommCtrlr.RetryBackOffRandomRange": "0" };
const NO_SAMPLES = { "SampledDataCtrlr.TxUpdatedInterval": "0" };
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function contexts(event: TransactionEventRequest): unknown[] {
	return (event.meterValue ?? []).map((value) => value.sampledValue[0].context);
}

function ending({ eventType, triggerReason, transactionInfo }: TransactionEventRequest): unknown[] {
	return [eventType, triggerReason, transactionInfo.chargingState, transactionInfo.stoppedReason];
}

function ofEvse(rig: Rig, transactionId: string): TransactionEventRequest[] {
	return rig.transactionEvents().filter((event) => event.transactionInfo.transactionId === transactionId);
}

describe("E01 to E07 expected events", () => {
	const open = rigPerCase();

	it("E01.FR.05, E02.FR.01 cable first: Started by Authorized, Charging, Ended by the same token", async () => {
		const rig = await open();
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

	it("E02.FR.01 cable first, the EV ready at once: Started, then Charging", async () => {
		const rig = await open();
		await rig.ev(true);
		await rig.plug();
		await rig.token("04A2B3");
		expect(rig.story()).toEqual(["Started/Authorized/EVConnected", "Updated/ChargingStateChanged/Charging"]);
	});

	it("E03.FR.01, E02.FR.17 card first: nothing before the cable, then Started by CablePluggedIn with the idToken, after Occupied or before", async () => {
		const rig = await open();
		await rig.token("04A2B3");
		await rig.advance(10_000);
		expect(rig.story()).toEqual([]);
		const from = rig.csms.messages.length;
		await rig.plug();
		const [started] = rig.transactionEvents();
		expect(started.triggerReason).toBe("CablePluggedIn");
		expect(started.idToken).toEqual({ idToken: "04A2B3", type: "ISO14443" });
		expect(started.evse).toEqual({ id: 1, connectorId: 1 });
		const status = rig.csms.calls("StatusNotification", from).map((m) => (m.payload as StatusNotificationRequest).connectorStatus);
		expect(status).toEqual(["Occupied"]);
	});

	it("E02.FR.17 a cable whose EV is ready in the same moment is CablePluggedIn all the same, and one that comes and goes is nothing", async () => {
		const rig = await open({ evses: 1 });
		await rig.ev(true);
		await rig.token("04A2B3");
		await rig.plug();
		expect(rig.story()).toEqual(["Started/CablePluggedIn/EVConnected", "Updated/ChargingStateChanged/Charging"]);
		await rig.token("04A2B3");
		await rig.unplug("station");
		const before = rig.transactionEvents().length;
		await rig.token("04A2B3");
		const [evse] = rig.desktop.board.evses;
		evse.plug();
		evse.unplug("station");
		await rig.settle();
		expect(rig.transactionEvents().length).toBe(before);
		await rig.plug();
		expect(rig.transactionEvents()[before].triggerReason).toBe("CablePluggedIn");
	});

	it("E01.FR.05 a transaction starts although no energy flows: the EV is not ready", async () => {
		const rig = await open();
		await rig.plug();
		await rig.token("04A2B3");
		expect(rig.story()).toEqual(["Started/Authorized/EVConnected", "Updated/ChargingStateChanged/SuspendedEV"]);
		expect(rig.locked()).toBeTrue();
	});

	it("E01.FR.07, E01.FR.10, E02.FR.20, E01.FR.16, E01.FR.18 seqNo rises by one from 0; idToken and evse come once; every event has its state", async () => {
		const rig = await open();
		await rig.charge();
		await rig.advance(181_000);
		await rig.token("04A2B3");
		const events = rig.transactionEvents();
		expect(events.length).toBeGreaterThan(5);
		expect(events.map((event) => event.seqNo)).toEqual(events.map((_, index) => index));
		expect(events.filter((event) => event.evse !== undefined).map((event) => event.seqNo)).toEqual([0]);
		expect(events.filter((event) => event.idToken !== undefined).map((event) => event.eventType)).toEqual(["Started", "Ended"]);
		expect(new Set(events.map((event) => event.transactionInfo.transactionId)).size).toBe(1);
		for (const event of events) expect(event.transactionInfo.chargingState).toBeDefined();
		const times = events.map((event) => Date.parse(event.timestamp));
		expect([...times].sort((a, b) => a - b)).toEqual(times);
	});

	it("E01.FR.08 transaction ids are random UUIDs, other ones after a power cut too", async () => {
		const rig = await open();
		const ids = [];
		for (let round = 0; round < 3; round++) {
			ids.push(await rig.charge());
			await rig.token("04A2B3");
			await rig.unplug("station");
			if (round === 1) await rig.powerCut();
		}
		expect(new Set(ids).size).toBe(3);
		for (const id of ids) expect(id).toMatch(UUID);
	});

	it("E01.FR.14 one transaction per EVSE: two EVSEs charge side by side, each with its own id and seqNo", async () => {
		const rig = await open({ evses: 2 });
		const first = await rig.charge("A", 1);
		const second = await rig.charge("B", 2);
		await rig.advance(120_000);
		await rig.token("A", 1);
		await rig.unplug("ev", 2);
		expect(first).not.toBe(second);
		for (const [id, evseId, reason] of [[first, 1, "Local"], [second, 2, "EVDisconnected"]] as const) {
			const events = ofEvse(rig, id);
			expect(events.map((event) => event.seqNo)).toEqual(events.map((_, index) => index));
			expect(events[0].evse).toEqual({ id: evseId, connectorId: 1 });
			expect([events.at(-1)!.eventType, events.at(-1)!.transactionInfo.stoppedReason]).toEqual(["Ended", reason]);
			expect(events.filter((event) => event.eventType === "Started").length).toBe(1);
		}
	});

	it("E02.FR.09 Started carries the TxStartedMeasurands with context Transaction.Begin", async () => {
		const rig = await open({ variables: { "SampledDataCtrlr.TxStartedMeasurands": "Voltage,Energy.Active.Import.Register" } });
		await rig.plug();
		await rig.token("04A2B3");
		const values = rig.transactionEvents()[0].meterValue![0].sampledValue;
		expect(new Set(values.map((value) => value.context))).toEqual(new Set(["Transaction.Begin"]));
		expect(new Set(values.map((value) => value.measurand ?? "Energy.Active.Import.Register"))).toEqual(new Set(["Energy.Active.Import.Register", "Voltage"]));
	});

	it("E02.FR.13 the EV pauses and goes on: both are told", async () => {
		const rig = await open();
		await rig.charge();
		await rig.ev(false);
		expect(rig.relay()).toBeFalse();
		await rig.ev(true);
		expect(rig.story().slice(-2)).toEqual(["Updated/ChargingStateChanged/SuspendedEV", "Updated/ChargingStateChanged/Charging"]);
		expect(rig.relay()).toBeTrue();
	});

	it("E06.FR.11, J02.FR.16 the bill: begin and end registers in Ended, and the next Begin is the last End", async () => {
		const rig = await open();
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

	it("E06.FR.06, E06.FR.08, E06.FR.09 the transaction ends once, when authorization ends or the EV is gone, whichever comes first", async () => {
		const rig = await open();
		await rig.charge();
		await rig.token("04A2B3");
		expect(ending(rig.transactionEvents().at(-1)!)).toEqual(["Ended", "StopAuthorized", "EVConnected", "Local"]);
		expect(rig.transactionEvents().at(-1)!.idToken).toEqual({ idToken: "04A2B3", type: "ISO14443" });
		expect([rig.relay(), rig.locked()]).toEqual([false, false]);
		const count = rig.transactionEvents().length;
		await rig.unplug("ev");
		await rig.advance(120_000);
		expect(rig.transactionEvents().length).toBe(count);
	});

	it("E09.FR.01, E09.FR.02, E09.FR.03 EV side unplugged: Ended at once by EVCommunicationLost, the contactor opens, the socket frees its cable", async () => {
		const rig = await open();
		await rig.charge();
		const from = rig.csms.messages.length;
		await rig.unplug("ev");
		const ended = rig.transactionEvents().at(-1)!;
		expect(ending(ended)).toEqual(["Ended", "EVCommunicationLost", "Idle", "EVDisconnected"]);
		expect(ended.idToken).toBeUndefined();
		expect(rig.relay()).toBeFalse();
		expect(rig.locked()).toBeFalse();
		expect(rig.actions(from)).toContain("StatusNotification");
	});

	it("E06.FR.16 a fault ends it: AbnormalCondition with the fitting reason, and the contactor opens before anybody is told", async () => {
		const rig = await open({ evses: 1 });
		for (const [bit, reason] of [[FaultBit.ground, "GroundFault"], [FaultBit.overcurrent, "OvercurrentFault"], [FaultBit.internal, "Other"]] as const) {
			await rig.charge();
			await rig.fault(bit, true);
			expect(rig.relay()).toBeFalse();
			expect(ending(rig.transactionEvents().at(-1)!)).toEqual(["Ended", "AbnormalCondition", "EVConnected", reason]);
			await rig.token("04A2B3");
			expect(rig.transactionEvents().at(-1)!.eventType).toBe("Ended");
			await rig.fault(bit, false);
			await rig.unplug("station");
		}
		expect(rig.story().filter((line) => line.startsWith("Started")).length).toBe(3);
	});

	it("E05.FR.10 a token that the CSMS refuses in its answer to Started ends the transaction as Deauthorized", async () => {
		const rig = await open({ variables: { "SampledDataCtrlr.TxUpdatedInterval": "0" } });
		const statuses = ["Invalid", "Blocked", "ConcurrentTx", "Expired", "NoCredit", "NotAllowedTypeEVSE", "NotAtThisLocation", "NotAtThisTime", "Unknown"];
		for (const status of statuses) {
			rig.csms.once("TransactionEvent", { idTokenInfo: { status } });
			await rig.charge();
			const ended = rig.transactionEvents().at(-1)!;
			expect([ended.eventType, ended.triggerReason, ended.transactionInfo.stoppedReason]).withContext(status).toEqual(["Ended", "Deauthorized", "DeAuthorized"]);
			expect(rig.relay()).withContext(status).toBeFalse();
			// The owner shows the card again and takes the cable.
			await rig.token("04A2B3");
			await rig.unplug("station");
		}
	});

	it("E05.FR.11 the cable of a deauthorized transaction stays locked until its owner's token", async () => {
		const rig = await open();
		rig.csms.once("TransactionEvent", { idTokenInfo: { status: "Blocked" } });
		await rig.charge();
		expect(rig.locked()).toBeTrue();
		rig.csms.once("Authorize", { idTokenInfo: { status: "Invalid" } });
		await rig.token("STRANGER");
		expect(rig.locked()).toBeTrue();
		await rig.token("04a2b3");
		expect(rig.locked()).toBeFalse();
	});

	it("E05.FR.02 with StopTxOnInvalidId false the energy stops, the transaction stays open, and its token ends it", async () => {
		const rig = await open({ variables: { "TxCtrlr.StopTxOnInvalidId": "false" } });
		rig.csms.once("TransactionEvent", { idTokenInfo: { status: "Invalid" } });
		await rig.charge();
		expect(rig.story().at(-1)).toBe("Updated/ChargingStateChanged/SuspendedEVSE");
		expect(rig.relay()).toBeFalse();
		await rig.ev(false);
		await rig.ev(true);
		expect(rig.relay()).toBeFalse();
		await rig.token("04A2B3");
		expect(rig.transactionEvents().at(-1)!.eventType).toBe("Ended");
	});
});

describe("E04, E08, E11, E12 offline", () => {
	const open = rigPerCase();

	it("E08.FR.01, E08.FR.07, E12.FR.01, E12.FR.02 what happens offline is told afterwards, marked offline, in order", async () => {
		const rig = await open({ variables: SHORT_BACK_OFF });
		await rig.charge();
		const online = rig.transactionEvents().length;
		rig.net("drop");
		await rig.advance(125_000);
		await rig.token("04A2B3");
		expect(rig.relay()).toBeFalse();
		rig.net("up");
		await rig.advance(30_000);
		const events = rig.transactionEvents();
		expect(events.length).toBe(rig.generated().length);
		expect(events.map((event) => event.seqNo)).toEqual(events.map((_, index) => index));
		expect(events.at(-1)!.eventType).toBe("Ended");
		for (const event of events) expect([event.seqNo, event.offline === true]).toEqual([event.seqNo, event.seqNo >= online]);
		expect(rig.csms.calls("BootNotification").length).toBe(1);
	});

	it("E04.FR.01, E11.FR.01, E11.FR.02 a transaction goes on offline, and what comes after the reconnect is online again", async () => {
		const rig = await open({ variables: SHORT_BACK_OFF });
		await rig.charge();
		rig.net("drop");
		await rig.advance(125_000);
		expect(rig.relay()).toBeTrue();
		rig.net("up");
		await rig.advance(70_000);
		const events = rig.transactionEvents();
		expect(events.map((event) => event.seqNo)).toEqual(events.map((_, index) => index));
		expect(events.filter((event) => event.offline === true).length).toBeGreaterThan(1);
		expect(events.at(-1)!.offline).not.toBeTrue();
		expect(Math.abs(Date.parse(events.at(-1)!.timestamp) - rig.nowMs())).toBeLessThan(61_000);
	});

	it("E11.FR.07 events that wait when the link drops are marked offline too, though they happened online", async () => {
		const rig = await open({ variables: SHORT_BACK_OFF });
		rig.csms.once("TransactionEvent", WITHHOLD);
		await rig.charge();
		expect(rig.transactionEvents().length).toBe(1);
		expect(rig.transactionEvents()[0].offline).not.toBeTrue();
		await rig.csms.disconnect(true);
		await rig.advance(10_000);
		const again = rig.transactionEvents().slice(1);
		expect(again.map((event) => [event.seqNo, event.offline])).toEqual([[0, true], [1, true], [2, true]]);
	});

	it("E12.FR.01, B01.FR.08 what was queued when the power went is delivered once, oldest first, after Accepted", async () => {
		const rig = await open();
		await rig.charge();
		const online = rig.transactionEvents().length;
		rig.net("drop");
		await rig.advance(200_000);
		await rig.token("04A2B3");
		const generated = rig.generated();
		rig.powerOff();
		rig.net("up");
		const from = rig.csms.messages.length;
		rig.powerOn();
		await rig.told("TransactionEvent", generated.length);
		await rig.settle();
		expect(rig.actions(from)[0]).toBe("BootNotification");
		expect(rig.transactionEvents().map((event) => event.seqNo)).toEqual(generated);
		expect(rig.transactionEvents().slice(online).every((event) => event.offline === true)).toBeTrue();
		await rig.powerCut();
		expect(rig.transactionEvents().length).toBe(generated.length);
	});

	it("E01.FR.07 power cut in a transaction: it is ended with PowerLoss under its id and its next seqNo, with the right bill", async () => {
		const rig = await open();
		const transactionId = await rig.charge();
		await rig.advance(120_000);
		const before = rig.transactionEvents();
		const wh = rig.energyWh();
		await rig.powerCut();
		const ended = rig.transactionEvents().at(-1)!;
		expect([ended.transactionInfo.transactionId, ended.eventType, ended.transactionInfo.stoppedReason]).toEqual([transactionId, "Ended", "PowerLoss"]);
		expect(ended.seqNo).toBe(before.length);
		expect(contexts(ended)).toEqual(["Transaction.Begin", "Transaction.End"]);
		expect(ended.meterValue![0].sampledValue[0].value).toBe(before[0].meterValue![0].sampledValue[0].value);
		expect(ended.meterValue![1].sampledValue[0].value).toBeCloseTo(wh, 0);
		expect(rig.relay()).toBeFalse();
		await rig.powerCut();
		expect(rig.transactionEvents().filter((event) => event.eventType === "Ended").length).toBe(1);
		expect(rig.transactionEvents().filter((event) => event.eventType === "Started").length).toBe(1);
	});

	it("E11.FR.04, E11.FR.05, E12.FR.08 with the store full only Updated events go, from the middle: first, last, Started and Ended stay in order", async () => {
		const rig = await open({
			blocks: 11,
			variables: {
				"OCPPCommCtrlr.RetryBackOffWaitMinimum": "600", "OCPPCommCtrlr.RetryBackOffRandomRange": "0", "OCPPCommCtrlr.RetryBackOffRepeatTimes": "0",
				"SampledDataCtrlr.TxUpdatedInterval": "10", "SampledDataCtrlr.TxUpdatedMeasurands": "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage",
			},
		});
		await rig.plug();
		await rig.token("04A2B3");
		rig.net("drop");
		await rig.advance(28_800_000);
		await rig.token("04A2B3");
		const generated = rig.generated();
		rig.net("up");
		await rig.advance(1_200_000);
		const events = rig.transactionEvents();
		const seqNos = events.map((event) => event.seqNo);
		expect(generated.length).toBeGreaterThan(2800);
		expect(seqNos.length).toBeLessThan(generated.length - 100);
		expect(seqNos.length).toBeGreaterThan(100);
		expect([...seqNos].sort((a, b) => a - b)).toEqual(seqNos);
		expect(new Set(seqNos).size).toBe(seqNos.length);
		expect([events[0].eventType, events.at(-1)!.eventType, events.at(-1)!.seqNo]).toEqual(["Started", "Ended", generated.at(-1)!]);
		const gaps = seqNos.slice(1).map((seqNo, index) => seqNo - seqNos[index]);
		expect(Math.max(...gaps)).toBeLessThanOrEqual(64);
	});

	it("E01.FR.07 a card that was accepted but never got a cable leaves no trace after a power cut", async () => {
		const rig = await open();
		await rig.token("04A2B3");
		await rig.powerCut();
		await rig.plug();
		expect(rig.story()).toEqual([]);
	});
});

describe("E13 retransmission", () => {
	const open = rigPerCase();
	const THREE = {
		...NO_SAMPLES, "OCPPCommCtrlr.MessageAttempts.TransactionEvent": "3", "OCPPCommCtrlr.MessageAttemptInterval.TransactionEvent": "10",
	};

	it("E13.FR.02, E13.FR.03, E13.FR.04 an event that is refused waits longer each time, is dropped after the last, and the next goes", async () => {
		const rig = await open({ variables: THREE });
		for (let i = 0; i < 3; i++) rig.csms.once("TransactionEvent", () => { throw rpcError("InternalError"); });
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
		expect(rig.transactionEvents().map((event) => event.seqNo)).toEqual([0, 0, 0, 1]);
	});

	it("E13.FR.02, E13.FR.03 a CSMS that is silent: the wait counts from the end of MessageTimeout, and nothing else is sent meanwhile", async () => {
		const rig = await open({ variables: THREE });
		const timeoutMs = Number(await rig.get("OCPPCommCtrlr.MessageTimeout.Default")) * 1000;
		for (let i = 0; i < 2; i++) rig.csms.once("TransactionEvent", WITHHOLD);
		await rig.plug();
		await rig.token("04A2B3");
		const from = rig.csms.messages.length;
		await rig.unplug("station");
		await rig.advance(timeoutMs - 1000);
		expect(rig.actions(from)).toEqual([]);
		await rig.advance(2_000);
		await rig.advance(8_000);
		expect(rig.csms.calls("TransactionEvent").length).toBe(1);
		await rig.advance(2_000);
		expect(rig.csms.calls("TransactionEvent").length).toBe(2);
		await rig.advance(timeoutMs + 18_000);
		expect(rig.csms.calls("TransactionEvent").length).toBe(2);
		await rig.advance(5_000);
		expect(rig.transactionEvents().slice(0, 4).map((event) => event.seqNo)).toEqual([0, 0, 0, 1]);
		expect(rig.csms.connections).toBe(1);
	});

	it("E13.FR.02 MessageAttempts 1 transmits once", async () => {
		const rig = await open({ variables: { ...THREE, "OCPPCommCtrlr.MessageAttempts.TransactionEvent": "1" } });
		rig.csms.once("TransactionEvent", () => { throw rpcError("InternalError"); });
		await rig.charge();
		await rig.advance(100_000);
		expect(rig.transactionEvents().map((event) => event.seqNo)).toEqual([0, 1, 2]);
	});

	it("E13.FR.04 each event has its own attempts, and a dropped Updated or Started does not stop the Ended", async () => {
		const rig = await open({ variables: THREE });
		rig.csms.always("TransactionEvent", (payload) => {
			if ((payload as TransactionEventRequest).seqNo < 2) throw rpcError("InternalError");
			return {};
		});
		await rig.charge();
		await rig.token("04A2B3");
		await rig.advance(120_000);
		expect(rig.transactionEvents().map((event) => event.seqNo)).toEqual([0, 0, 0, 1, 1, 1, 2, 3]);
		expect(rig.transactionEvents().at(-1)!.eventType).toBe("Ended");
	});

	it("E13.FR.03 other traffic goes on during the wait", async () => {
		const rig = await open({ variables: { ...THREE, "OCPPCommCtrlr.MessageAttemptInterval.TransactionEvent": "1000" }, interval: 100 });
		rig.csms.once("TransactionEvent", () => { throw rpcError("InternalError"); });
		await rig.charge();
		const from = rig.csms.messages.length;
		await rig.advance(250_000);
		await rig.unplug("ev");
		expect(await rig.get("TxCtrlr.TxStartPoint")).toBe("PowerPathClosed");
		expect(rig.actions(from).filter((action) => action === "Heartbeat").length).toBe(2);
		expect(rig.actions(from)).toContain("StatusNotification");
		expect(rig.actions(from)).not.toContain("TransactionEvent");
	});

	it("E13.FR.02 a lost connection uses up no attempt", async () => {
		const rig = await open({ variables: { ...THREE, ...SHORT_BACK_OFF } });
		rig.csms.always("TransactionEvent", WITHHOLD);
		await rig.charge();
		for (let i = 0; i < 5; i++) {
			await rig.csms.disconnect(true);
			await rig.advance(6_000);
		}
		rig.csms.always("TransactionEvent", {});
		await rig.csms.disconnect(true);
		await rig.advance(6_000);
		expect(rig.transactionEvents().map((event) => event.seqNo)).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 2]);
	});

	it("E13.FR.03 an answer that comes after its timeout is ignored, and the event is not sent twice too often", async () => {
		const rig = await open({ variables: THREE });
		rig.isHostile = true;
		rig.csms.once("TransactionEvent", WITHHOLD);
		await rig.plug();
		await rig.token("04A2B3");
		const [late] = rig.csms.calls("TransactionEvent");
		await rig.advance(31_000);
		rig.csms.sendRaw(`[3,"${late.id}",{}]`);
		await rig.advance(11_000);
		expect(rig.transactionEvents().map((event) => event.seqNo)).toEqual([0, 0, 1]);
	});
});

describe("E14 GetTransactionStatus", () => {
	const open = rigPerCase();

	async function status(rig: Rig, transactionId?: string): Promise<object> {
		return rig.call("GetTransactionStatus", { transactionId });
	}

	it("E14.FR.01 an unknown transaction is neither ongoing nor queued", async () => {
		const rig = await open();
		expect(await status(rig, "no-such-transaction")).toEqual({ ongoingIndicator: false, messagesInQueue: false });
	});

	it("E14.FR.02, E14.FR.05 a running one with everything delivered is ongoing, in any case of letters", async () => {
		const rig = await open();
		const id = await rig.charge();
		expect(await status(rig, id)).toEqual({ ongoingIndicator: true, messagesInQueue: false });
		expect(await status(rig, id.toUpperCase())).toEqual({ ongoingIndicator: true, messagesInQueue: false });
	});

	it("E14.FR.03, E14.FR.06 an ended one is not ongoing, and forgotten when nothing of it waits", async () => {
		const rig = await open();
		const id = await rig.charge();
		await rig.token("04A2B3");
		expect(await status(rig, id)).toEqual({ ongoingIndicator: false, messagesInQueue: false });
	});

	it("E14.FR.04, E14.FR.07, E14.FR.08 right after a reconnect, before the queue drains: by its id, and for all without ongoingIndicator", async () => {
		const rig = await open({ variables: SHORT_BACK_OFF });
		expect(await status(rig)).toEqual({ messagesInQueue: false });
		const ended = await rig.charge("A");
		rig.net("drop");
		await rig.token("A");
		await rig.advance(5_000);
		rig.csms.always("TransactionEvent", WITHHOLD);
		rig.net("up");
		await rig.advance(5_000);
		expect(rig.csms.connections).toBe(2);
		expect(await status(rig, ended)).toEqual({ ongoingIndicator: false, messagesInQueue: true });
		expect(await status(rig, "other")).toEqual({ ongoingIndicator: false, messagesInQueue: false });
		expect(await status(rig)).toEqual({ messagesInQueue: true });
	});

	it("E14.FR.04 a running one of which something waits is both", async () => {
		const rig = await open({ variables: SHORT_BACK_OFF });
		const id = await rig.charge();
		rig.csms.always("TransactionEvent", WITHHOLD);
		await rig.advance(61_000);
		expect(await status(rig, id)).toEqual({ ongoingIndicator: true, messagesInQueue: true });
	});
});
