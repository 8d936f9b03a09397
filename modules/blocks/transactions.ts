// E. Transactions: turns changes of facts into TransactionEvents and keeps their order.
// Owns: the running transaction of each EVSE, seqNo, the events on their way to the CSMS. Not the token
// (authorization.ts).
// Order of durability: Started is on flash before the contactor may close; opening waits for nothing; Ended is on
// flash before the cable is unlocked and the transaction forgotten.
// Source: OCPP 2.0.1 Part 2, E01 to E13; Part 4 §4.1.4.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import type {
	GetTransactionStatusRequest,
	GetTransactionStatusResponse,
	IdTokenEnumType,
	MeterValueType,
	ReasonEnumType,
	TransactionEventRequest,
	TransactionEventResponse,
	TriggerReasonEnumType,
} from "../../preload/payloads.js";
import { Variable } from "../../preload/variables.js";
import { uuid } from "../core/uuid.js";
import { formatDateTime } from "../core/datetime.js";
import { isFree } from "../model/availability.js";
import { NOT_ENDING, NO_REMOTE_START, NO_START } from "../model/evse.js";
import type { Evse } from "../model/evse.js";
import { Fact, chargingStateOf, mustStart, mustStop } from "../model/facts.js";
import { Due, meterValue } from "../model/measure.js";
import { Claim } from "../model/permit.js";
import { Registration } from "../model/registration.js";
import { Exhausted, SecurityEvent, securityEvent } from "../model/security-event.js";
import { Triggered } from "../model/trigger.js";
import { EventCode, FaultBit, InternalEvent, LogCode, StopCause } from "../ports/events.js";
import { EventType } from "../storage/outbox.js";
import { Failure } from "./block.js";
import type { Block, Station } from "./block.js";

type Event = TransactionEventRequest;

/** By StopCause: what the Ended event says (requirements: "Expected events"). */
const STOP_TRIGGERS: readonly TriggerReasonEnumType[] = freeze([
	"StopAuthorized",
	"RemoteStop",
	"Deauthorized",
	"EVCommunicationLost",
	"AbnormalCondition",
	"AbnormalCondition",
	"AbnormalCondition",
	"ResetCommand",
	"AbnormalCondition",
	"AbnormalCondition",
]);
const STOP_REASONS: readonly ReasonEnumType[] = freeze([
	"Local",
	"Remote",
	"DeAuthorized",
	"EVDisconnected",
	"GroundFault",
	"OvercurrentFault",
	"Other",
	"ImmediateReset",
	"PowerLoss",
	"Reboot",
]);

function transactionsOn(station: Station, code: number, evseIndex: number, value: number): void {
	const evse = station.evses[evseIndex];
	if (evse === undefined) return;
	switch (code) {
		case EventCode.cablePluggedIn:
			return change(station, evse, Fact.EVConnected, 0, "CablePluggedIn");
		case EventCode.cableUnplugged:
			return change(station, evse, 0, Fact.EVConnected | Fact.EvReady | Fact.EnergyTransfer, "EVCommunicationLost");
		case EventCode.evReady:
			return change(station, evse, value ? Fact.EvReady : 0, value ? 0 : Fact.EvReady, "ChargingStateChanged");
		case EventCode.energyFlowed:
			return change(
				station,
				evse,
				value ? Fact.EnergyTransfer : 0,
				value ? 0 : Fact.EnergyTransfer,
				"ChargingStateChanged",
			);
		case EventCode.faultRaised:
			return faultRaised(station, evse, value);
		case EventCode.faultCleared:
			evse.faults &= ~value;
			if (evse.faults === 0) evse.permit.claim(Claim.Safety, evse.port.milliampsMax);
			// The bolt moves again: nobody's cable stays locked without a transaction.
			if (value === FaultBit.lock && evse.transactionId === "" && evse.lockedFor === "") evse.port.lock(false);
			return;
		case InternalEvent.authorized:
			evse.owesIdToken = true;
			evse.owesRemoteStartId = evse.remoteStartId !== NO_REMOTE_START;
			return change(station, evse, Fact.Authorized, 0, value ? "RemoteStart" : "Authorized");
		case InternalEvent.authorizationEnded:
			return end(evse, value as StopCause);
		case InternalEvent.tokenRefused:
			return tokenRefused(station, evse);
		case EventCode.buttonPressed:
			if (value === 0 && evse.idTokenType === "NoAuthorization") end(evse, StopCause.local);
			return;
	}
}

/** The only place where facts of a cable, an EV or an authorization change. What follows is done in the step. */
function change(station: Station, evse: Evse, set: number, clear: number, trigger: TriggerReasonEnumType): void {
	evse.facts = (evse.facts & ~clear) | set;
	const active = evse.transactionId !== "";
	if (mustStop(evse.facts, active)) return end(evse, StopCause.evDisconnected);
	// E02.FR.17: what made it due names the start, not what the EV did right after.
	// F02.FR.21: a remote start keeps its name.
	if (!mustStart(evse.facts, active)) evse.startTrigger = NO_START;
	else if (evse.startTrigger === NO_START) evse.startTrigger = evse.owesRemoteStartId ? "RemoteStart" : trigger;
}

/** E01.FR.05. Without its Started on flash no transaction exists and no energy flows. */
function start(station: Station, evse: Evse, triggerReason: TriggerReasonEnumType): void {
	const utcMs = station.host.clock.utc();
	if (isNaN(utcMs) || !isFree(evse)) return revoke(evse);
	evse.transactionId = uuid(station.host.entropy);
	evse.seqNo = 0;
	evse.owesEvse = true;
	evse.startUtc = utcMs;
	evse.sampleMark = station.host.clock.ticks();
	evse.samples.begin(keepsSamples(station));
	evse.endedSampleMark = evse.sampleMark;
	evse.chargingState = "EVConnected";
	const event = make(station, evse, "Started", triggerReason, utcMs);
	if (station.sample(evse)) {
		evse.startWh = station.reading.energyWh;
		evse.samples.add(utcMs, station.reading);
		const mask = station.variables.number(Variable.SampledDataTxStartedMeasurands);
		addMeterValue(event, meterValue(station.reading, mask, "Transaction.Begin", utcMs));
	}
	// The note first, then the event: a note without its Started is of a transaction that never was.
	if (!station.saveTransaction(evse) || !append(station, evse, event, utcMs)) {
		evse.transactionId = "";
		station.forgetTransaction(evse);
		return revoke(evse);
	}
	// G05: a bolt that does not move is a fault, and the driver is about to say so; no energy meanwhile.
	if (evse.port.lock(true)) evse.permit.claim(Claim.Transaction, evse.port.milliampsMax);
}

/** True when Ended is to carry more than the first and the last reading. */
function keepsSamples(station: Station): boolean {
	const variables = station.variables;
	if (variables.number(Variable.SampledDataTxEndedInterval) > 0) return true;
	const isAligned = variables.number(Variable.AlignedDataTxEndedInterval) > 0;
	return isAligned && variables.number(Variable.AlignedDataTxEndedMeasurands) > 0;
}

/** Takes the authorization back: nothing was started. */
function revoke(evse: Evse): void {
	evse.facts &= ~(Fact.Authorized | Fact.Suspended);
	evse.forgetToken();
}

/** E02.FR.13: every change of the charging state is told. */
function follow(station: Station, evse: Evse): void {
	const state = chargingStateOf(evse.facts, evse.permit.limitMilliamps, evse.chargingState);
	if (state === evse.chargingState) return;
	evse.chargingState = state;
	const utcMs = station.host.clock.utc();
	append(station, evse, make(station, evse, "Updated", "ChargingStateChanged", utcMs), utcMs);
}

/** An Updated that carries the measurands of a list; an empty list or a silent meter gives none. */
function sampled(station: Station, evse: Evse, list: number, trigger: SampleTrigger, utcMs: number): Event | undefined {
	const mask = station.variables.number(list);
	if (mask === 0 || !station.sample(evse)) return undefined;
	const event = make(station, evse, "Updated", trigger, utcMs);
	addMeterValue(event, meterValue(station.reading, mask, SAMPLE_CONTEXTS[trigger], utcMs));
	return event;
}

type SampleTrigger = "MeterValuePeriodic" | "MeterValueClock";
const SAMPLE_CONTEXTS = freeze({ MeterValuePeriodic: "Sample.Periodic", MeterValueClock: "Sample.Clock" } as const);

/** J01.FR.22: in a transaction a clock-aligned reading travels as a TransactionEvent, outside in MeterValues. */
function takeSamples(station: Station, evse: Evse, due: number): void {
	if (due & Due.sampled) {
		const utcMs = station.host.clock.utc();
		const list = Variable.SampledDataTxUpdatedMeasurands;
		append(station, evse, sampled(station, evse, list, "MeterValuePeriodic", utcMs), utcMs);
	}
	if (due & Due.aligned) {
		const utcMs = evse.boundaryUtc;
		append(station, evse, sampled(station, evse, Variable.AlignedDataMeasurands, "MeterValueClock", utcMs), utcMs);
	}
	if (due & Due.alignedEnded && station.sample(evse)) evse.samples.add(evse.boundaryUtc, station.reading, true);
}

/** F06.FR.07: the state of a transaction and its readings, because the CSMS has asked. */
function triggeredEvent(station: Station, evse: Evse): void {
	evse.triggered &= ~Triggered.transactionEvent;
	if (evse.transactionId === "" || evse.endCause !== NOT_ENDING) return;
	const utcMs = station.host.clock.utc();
	const event = make(station, evse, "Updated", "Trigger", utcMs);
	const mask = station.variables.number(Variable.SampledDataTxUpdatedMeasurands);
	if (station.sample(evse)) addMeterValue(event, meterValue(station.reading, mask, "Trigger", utcMs));
	append(station, evse, event, utcMs);
}

/** Opens the contactor now; the Ended event follows in this step, or as soon as flash and clock allow. */
function end(evse: Evse, cause: StopCause): void {
	evse.permit.claim(Claim.Transaction, 0);
	evse.facts &= ~(Fact.Authorized | Fact.Suspended | Fact.EnergyTransfer);
	if (evse.transactionId === "") return evse.forgetToken();
	if (evse.endCause === NOT_ENDING) evse.endCause = cause;
}

/** E06.FR.11, E07. Tried again at every step until the event is on flash: an Ended is never given up. */
function finish(station: Station, evse: Evse): void {
	const utcMs = station.host.clock.utc();
	if (isNaN(utcMs)) return;
	const cause = evse.endCause;
	evse.chargingState = chargingStateOf(evse.facts, 0, evse.chargingState);
	evse.owesIdToken = cause === StopCause.local;
	const event = make(station, evse, "Ended", STOP_TRIGGERS[cause] as TriggerReasonEnumType, utcMs);
	event.transactionInfo.stoppedReason = STOP_REASONS[cause];
	addEndedMeterValues(station, evse, event, utcMs);
	if (!append(station, evse, event, utcMs)) return station.wakeWithin(1000);
	// E05.FR.11: a cable that came with a refused token stays locked until its owner shows the token again.
	evse.lockedFor = cause === StopCause.deauthorized ? evse.idToken : "";
	evse.endCause = NOT_ENDING;
	evse.transactionId = "";
	evse.forgetToken();
	station.forgetTransaction(evse);
	if (evse.lockedFor === "") evse.port.lock(false);
}

/** First sample, interval and clock-aligned samples, last sample. */
function addEndedMeterValues(station: Station, evse: Evse, event: MutableEvent, utcMs: number): void {
	const mask = station.variables.number(Variable.SampledDataTxEndedMeasurands);
	const alignedMask = station.variables.number(Variable.AlignedDataTxEndedMeasurands);
	for (let i = 0; i < evse.samples.count; i++) {
		const sampledUtc = evse.samples.read(i, station.reading);
		const context = i === 0 ? "Transaction.Begin" : evse.samples.isAligned ? "Sample.Clock" : "Sample.Periodic";
		const list = evse.samples.isAligned ? alignedMask : mask;
		addMeterValue(event, meterValue(station.reading, list, context, sampledUtc));
	}
	if (station.sample(evse)) addMeterValue(event, meterValue(station.reading, mask, "Transaction.End", utcMs));
}

function faultRaised(station: Station, evse: Evse, fault: number): void {
	evse.faults |= fault;
	evse.permit.claim(Claim.Safety, 0);
	const cause =
		fault === FaultBit.ground
			? StopCause.groundFault
			: fault === FaultBit.overcurrent
				? StopCause.overcurrentFault
				: StopCause.otherFault;
	if (evse.transactionId !== "" || evse.facts & Fact.Authorized) end(evse, cause);
}

/** E05.FR.10 ends the transaction; with StopTxOnInvalidId false it stays open without energy (E05.FR.02). */
function tokenRefused(station: Station, evse: Evse): void {
	if (station.variables.number(Variable.TxStopTxOnInvalidId) === 1) return end(evse, StopCause.deauthorized);
	evse.facts |= Fact.Suspended;
	evse.permit.claim(Claim.Transaction, 0);
}

/** An event while it is put together. */
interface MutableEvent extends Event {
	meterValue?: MeterValueType[];
}

function make(
	station: Station,
	evse: Evse,
	eventType: Event["eventType"],
	triggerReason: TriggerReasonEnumType,
	utcMs: number,
): MutableEvent {
	const event: MutableEvent = {
		eventType,
		timestamp: formatDateTime(utcMs),
		triggerReason,
		seqNo: evse.seqNo,
		transactionInfo: { transactionId: evse.transactionId, chargingState: evse.chargingState },
	};
	if (!station.isOnline) event.offline = true; // E12.FR.02
	if (evse.owesRemoteStartId) event.transactionInfo.remoteStartId = evse.remoteStartId;
	if (evse.owesEvse) event.evse = { id: evse.evseId, connectorId: 1 };
	if (evse.owesIdToken) event.idToken = { idToken: evse.idToken, type: evse.idTokenType as IdTokenEnumType };
	return event;
}

function addMeterValue(event: MutableEvent, value: MeterValueType | undefined): void {
	if (value === undefined) return;
	if (event.meterValue === undefined) event.meterValue = [value];
	else event.meterValue.push(value);
}

/** Puts an event on flash, if there is one. The packing goes deep: the path to here is kept short. */
function append(station: Station, evse: Evse, event: Event | undefined, utcMs: number): boolean {
	return event !== undefined && appended(station, evse, event, utcMs, station.outbox.append(event));
}

/** seqNo is used up even when an Updated cannot be kept: the gap shows the loss (E01.FR.07). */
function appended(station: Station, evse: Evse, event: Event, utcMs: number, kept: boolean): boolean {
	const eventType = EventType[event.eventType];
	if (kept || eventType === EventType.Updated) evse.seqNo++;
	if (!kept) {
		station.host.log.event(LogCode.queueRefused, event.seqNo, eventType);
		const exhausted = securityEvent(SecurityEvent.memoryExhaustion, Exhausted.eventRefused);
		station.raise(InternalEvent.securityEvent, evse.index, exhausted);
		return false;
	}
	evse.owesEvse = false;
	evse.owesIdToken = false;
	evse.owesRemoteStartId = false;
	station.host.observer?.generated(evse.transactionId, event.seqNo, eventType, utcMs);
	return true;
}

function transactionsStep(station: Station): void {
	const intervalMs = station.variables.number(Variable.SampledDataTxEndedInterval) * 1000;
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (evse.triggered & Triggered.transactionEvent && !station.isAnswering) triggeredEvent(station, evse);
		const startTrigger = evse.startTrigger;
		evse.startTrigger = NO_START;
		if (startTrigger !== NO_START && mustStart(evse.facts, evse.transactionId !== "")) start(station, evse, startTrigger);
		const due = evse.due;
		evse.due = 0;
		if (evse.transactionId === "") continue;
		if (evse.endCause !== NOT_ENDING) {
			finish(station, evse);
			continue;
		}
		follow(station, evse);
		if (due !== 0) takeSamples(station, evse, due);
		if (intervalMs > 0) endedSample(station, evse, intervalMs);
	}
}

function endedSample(station: Station, evse: Evse, intervalMs: number): void {
	const elapsed = station.host.clock.since(evse.endedSampleMark);
	if (elapsed < intervalMs) return station.wakeWithin(intervalMs - elapsed);
	evse.endedSampleMark = elapsed < 2 * intervalMs ? (evse.endedSampleMark + intervalMs) | 0 : station.host.clock.ticks();
	if (station.sample(evse)) evse.samples.add(station.host.clock.utc(), station.reading);
}

/** E11.FR.07: what waits when the link drops counts as offline, though it happened online. */
function transactionsLink(station: Station, up: boolean): void {
	if (!up) station.outbox.markOffline();
}

/** The head of the queue, unless it waits for its next attempt (E13.FR.03). */
function eventDue(station: Station): boolean {
	if (station.outbox.count === 0) return false;
	if (station.attempts === 0) return true;
	const left = station.retryWaitMs - station.host.clock.since(station.retryMark);
	if (left <= 0) return true;
	station.wakeWithin(left);
	return false;
}

/** Undefined when what was left of the queue could not be read any more. */
function event(station: Station): object | undefined {
	return station.outbox.peek();
}

function eventResult(station: Station, response: TransactionEventResponse): void {
	const info = response.idTokenInfo;
	if (info !== undefined) {
		const sent = station.outbox.peek();
		const evse = sent === undefined ? undefined : running(station, sent.transactionInfo.transactionId);
		if (evse !== undefined) {
			if (info.status !== "Accepted") station.raise(InternalEvent.tokenRefused, evse.index, 0);
			else if (info.groupIdToken !== undefined && info.groupIdToken.idToken !== evse.groupIdToken) {
				evse.groupIdToken = info.groupIdToken.idToken; // C09: kept with the transaction
				station.saveTransaction(evse);
			}
		}
	}
	acknowledge(station);
}

function running(station: Station, transactionId: string): Evse | undefined {
	for (let i = 0; i < station.evses.length; i++)
		if (station.evses[i]!.transactionId === transactionId) return station.evses[i];
	return undefined;
}

function acknowledge(station: Station): void {
	station.attempts = 0;
	station.outbox.acknowledge();
}

/** E13.FR.02 to E13.FR.04. A lost connection is not a failed attempt. */
function eventFailed(station: Station, failure: Failure): void {
	if (failure === Failure.offline) return;
	station.attempts++;
	if (station.attempts >= station.variables.number(Variable.OCPPCommMessageAttemptsTransactionEvent)) {
		const given = station.outbox.peek();
		station.host.log.event(LogCode.eventDiscarded, given === undefined ? -1 : given.seqNo, station.attempts);
		return acknowledge(station);
	}
	const intervalMs = station.variables.number(Variable.OCPPCommMessageAttemptIntervalTransactionEvent) * 1000;
	station.retryMark = station.host.clock.ticks();
	station.retryWaitMs = station.attempts * intervalMs;
}

// --- GetTransactionStatus ---

/** E14: an ended transaction is known as long as something of it waits. Without an id only the queue is told. */
function getTransactionStatus(station: Station, request: GetTransactionStatusRequest): GetTransactionStatusResponse {
	// Identifiers compare without case (Part 4 §4.1.6), and ours have small letters.
	const id = request.transactionId?.toLowerCase();
	if (id === undefined) return { messagesInQueue: station.outbox.count > 0 };
	return { ongoingIndicator: running(station, id) !== undefined, messagesInQueue: station.outbox.holds(id) };
}

export const transactionsBlock: Block = freeze({
	section: "E",
	calls: [{ action: Action.GetTransactionStatus, gate: Registration.Accepted, handle: getTransactionStatus }],
	sends: [
		{
			action: Action.TransactionEvent,
			gate: Registration.Accepted,
			isDue: eventDue,
			build: event,
			onResult: eventResult,
			onFailure: eventFailed,
		},
	],
	on: transactionsOn,
	step: transactionsStep,
	link: transactionsLink,
});
