// F. Remote control: the CSMS starts and stops transactions, unlocks a cable, and asks for messages.
// Source: OCPP 2.0.1 Part 2, F01 to F03, F05, F06, C05, B02.FR.05.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import type {
	RequestStartTransactionRequest,
	RequestStartTransactionResponse,
	RequestStopTransactionRequest,
	RequestStopTransactionResponse,
	TriggerMessageRequest,
	TriggerMessageResponse,
	UnlockConnectorRequest,
	UnlockConnectorResponse,
} from "../../preload/payloads.js";
import { Variable } from "../../preload/variables.js";
import { NONE_SENT, isFree } from "../model/availability.js";
import type { Evse } from "../model/evse.js";
import { Fact } from "../model/facts.js";
import { TokenState, sameText } from "../model/pending-token.js";
import { Registration } from "../model/registration.js";
import { Signing } from "../model/signing-state.js";
import { StationTriggered, Triggered } from "../model/trigger.js";
import { InternalEvent, StopCause } from "../ports/events.js";
import { VaultKind } from "../storage/vault.js";
import type { Answer, Block, Station } from "./block.js";

const START_ACCEPTED: RequestStartTransactionResponse = freeze({ status: "Accepted" } as const);
const START_REJECTED: RequestStartTransactionResponse = freeze({ status: "Rejected" } as const);
const STOP_ACCEPTED: RequestStopTransactionResponse = freeze({ status: "Accepted" } as const);
const STOP_REJECTED: RequestStopTransactionResponse = freeze({ status: "Rejected" } as const);

const UNLOCKED: UnlockConnectorResponse = freeze({ status: "Unlocked" } as const);
const UNLOCK_FAILED: UnlockConnectorResponse = freeze({ status: "UnlockFailed" } as const);
const UNLOCK_REFUSED: UnlockConnectorResponse = freeze({ status: "OngoingAuthorizedTransaction" } as const);
const UNKNOWN_CONNECTOR: UnlockConnectorResponse = freeze({ status: "UnknownConnector" } as const);
const TRIGGER_ACCEPTED: TriggerMessageResponse = freeze({ status: "Accepted" } as const);
const TRIGGER_REJECTED: TriggerMessageResponse = freeze({ status: "Rejected" } as const);
const TRIGGER_NOT_IMPLEMENTED: TriggerMessageResponse = freeze({ status: "NotImplemented" } as const);

/** A chargingProfile in the request is ignored: smart charging is not built in (F01.FR.12). */
function requestStartTransaction(station: Station, request: RequestStartTransactionRequest): Answer {
	if (station.registration !== Registration.Accepted) return START_REJECTED; // B02.FR.05
	const evse = request.evseId === undefined ? anyFree(station) : station.evses[request.evseId - 1];
	if (evse === undefined || !isOffered(evse)) return START_REJECTED; // F01.FR.07, F01.FR.23, F01.FR.24
	// Replaces what was pending here; it takes effect `afterwards`, when the response is out (F01.FR.01).
	const token = station.pendingToken;
	token.set(TokenState.held, request.idToken.idToken, request.idToken.type, evse.index, request.remoteStartId);
	if (request.groupIdToken !== undefined) token.groupIdToken = request.groupIdToken.idToken;
	return START_ACCEPTED;
}

/** Without an evseId: an EVSE where a cable waits, else any free one (F01.FR.20). */
function anyFree(station: Station): Evse | undefined {
	let free: Evse | undefined;
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (!isOffered(evse)) continue;
		if (evse.facts & Fact.EVConnected) return evse;
		if (free === undefined) free = evse;
	}
	return free;
}

/** F01.FR.24: an EVSE that somebody is authorized for is not free for another. */
function isOffered(evse: Evse): boolean {
	return isFree(evse) && !(evse.facts & Fact.Authorized);
}

/** AuthorizeRemoteStart decides whether the CSMS is asked about its own token; Central never is (C05.FR.01). */
function startRequested(station: Station): void {
	const token = station.pendingToken;
	if (token.state !== TokenState.held) return;
	const ask =
		station.variables.number(Variable.AuthAuthorizeRemoteStart) === 1 &&
		token.type !== "Central" &&
		token.type !== "NoAuthorization";
	token.state = ask ? TokenState.toAsk : TokenState.granted;
}

function requestStopTransaction(station: Station, request: RequestStopTransactionRequest): Answer {
	if (station.registration !== Registration.Accepted) return STOP_REJECTED; // B02.FR.05
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (evse.transactionId === "" || !sameText(evse.transactionId, request.transactionId)) continue;
		evse.remoteStopHeld = true;
		return STOP_ACCEPTED;
	}
	return STOP_REJECTED; // F03.FR.08: an ended transaction counts as unknown
}

function stopRequested(station: Station): void {
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (!evse.remoteStopHeld) continue;
		evse.remoteStopHeld = false;
		station.raise(InternalEvent.authorizationEnded, i, StopCause.remote);
	}
}

/** The link broke before the response was out: what was promised is done all the same. */
function remoteControlLink(station: Station, up: boolean): void {
	if (up) return;
	startRequested(station);
	stopRequested(station);
}

// --- UnlockConnector ---

/** F05. It never stops a transaction; without one it is tried even if no cable is known to be in. */
function unlockConnector(station: Station, request: UnlockConnectorRequest): Answer {
	const evse = station.evses[request.evseId - 1];
	if (evse === undefined || request.connectorId !== 1) return UNKNOWN_CONNECTOR;
	if (evse.transactionId !== "") return UNLOCK_REFUSED;
	if (!evse.port.hasLock || !evse.port.lock(false)) return UNLOCK_FAILED;
	evse.lockedFor = "";
	return UNLOCKED;
}

// --- TriggerMessage ---

/** F06. What was asked for is only marked here; the answer goes first because nothing is sent while it waits. */
function triggerMessage(station: Station, request: TriggerMessageRequest): Answer {
	const place = request.evse;
	switch (request.requestedMessage) {
		case "BootNotification":
			if (station.registration === Registration.Accepted) return TRIGGER_REJECTED; // F06.FR.17
			station.triggered |= StationTriggered.boot;
			station.bootWaitMs = 0;
			return TRIGGER_ACCEPTED;
		case "Heartbeat":
			station.triggered |= StationTriggered.heartbeat;
			return TRIGGER_ACCEPTED;
		case "StatusNotification":
			if (place !== undefined && place.connectorId !== 1) return TRIGGER_REJECTED; // F06.FR.12
			return mark(station, place?.id, forgetStatus);
		case "MeterValues":
			return mark(station, place?.id, wantMeterValues);
		case "TransactionEvent":
			return mark(station, place?.id, wantTransactionEvent);
		case "SignChargingStationCertificate":
			return wantCertificate(station);
		case "LogStatusNotification":
			station.triggered |= StationTriggered.logStatus;
			return TRIGGER_ACCEPTED;
		case "FirmwareStatusNotification":
			station.triggered |= StationTriggered.firmwareStatus;
			return TRIGGER_ACCEPTED;
		default:
			return TRIGGER_NOT_IMPLEMENTED; // F06.FR.08
	}
}

/** A02.FR.02: a new key, so there has to be room for one. */
function wantCertificate(station: Station): Answer {
	const vault = station.vault;
	if (station.host.crypto === undefined) return TRIGGER_NOT_IMPLEMENTED;
	if (vault.find(VaultKind.pendingKey, 0) < 0 && vault.free() < 0) return TRIGGER_REJECTED;
	station.signing.phase = Signing.newKey;
	station.signing.repeats = 0;
	return TRIGGER_ACCEPTED;
}

/** Marks one EVSE, or all where none is named (F06.FR.11). Accepted must be followed by a message (F06.FR.05). */
function mark(station: Station, evseId: number | undefined, wish: (evse: Evse, station: Station) => boolean): Answer {
	let isGranted = false;
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if ((evseId === undefined || evseId === evse.evseId) && wish(evse, station)) isGranted = true;
	}
	return isGranted ? TRIGGER_ACCEPTED : TRIGGER_REJECTED;
}

function forgetStatus(evse: Evse): boolean {
	evse.reportedStatus = NONE_SENT;
	evse.triggered |= Triggered.statusNotification;
	return true;
}

function wantMeterValues(evse: Evse, station: Station): boolean {
	if (station.variables.number(Variable.AlignedDataMeasurands) === 0) return false;
	evse.triggered |= Triggered.meterValues;
	return true;
}

function wantTransactionEvent(evse: Evse): boolean {
	if (evse.transactionId === "") return false;
	evse.triggered |= Triggered.transactionEvent;
	return true;
}

export const remoteControlBlock: Block = freeze({
	section: "F",
	calls: [
		{
			action: Action.RequestStartTransaction,
			gate: Registration.Pending,
			handle: requestStartTransaction,
			afterwards: startRequested,
		},
		{
			action: Action.RequestStopTransaction,
			gate: Registration.Pending,
			handle: requestStopTransaction,
			afterwards: stopRequested,
		},
		{ action: Action.UnlockConnector, gate: Registration.Accepted, handle: unlockConnector },
		{ action: Action.TriggerMessage, gate: Registration.Pending, handle: triggerMessage },
	],
	sends: [],
	link: remoteControlLink,
});
