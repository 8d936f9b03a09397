// F. Remote control: the CSMS starts and stops transactions.
// Source: OCPP 2.0.1 Part 2, F01 to F03, C05, B02.FR.05.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import type {
	RequestStartTransactionRequest,
	RequestStartTransactionResponse,
	RequestStopTransactionRequest,
	RequestStopTransactionResponse,
} from "../../preload/payloads.js";
import { Variable } from "../../preload/variables.js";
import type { Evse } from "../model/evse.js";
import { Fact } from "../model/facts.js";
import { TokenState } from "../model/pending-token.js";
import { Registration } from "../model/registration.js";
import { InternalEvent, StopCause } from "../ports/events.js";
import type { Answer, Block, Station } from "./block.js";

const START_ACCEPTED: RequestStartTransactionResponse = freeze({ status: "Accepted" } as const);
const START_REJECTED: RequestStartTransactionResponse = freeze({ status: "Rejected" } as const);
const STOP_ACCEPTED: RequestStopTransactionResponse = freeze({ status: "Accepted" } as const);
const STOP_REJECTED: RequestStopTransactionResponse = freeze({ status: "Rejected" } as const);

/** A chargingProfile in the request is ignored: smart charging is not built in (F01.FR.12). */
function requestStartTransaction(station: Station, request: RequestStartTransactionRequest): Answer {
	if (station.registration !== Registration.Accepted) return START_REJECTED; // B02.FR.05
	const evse = request.evseId === undefined ? anyFree(station) : station.evses[request.evseId - 1];
	if (evse === undefined || !isFree(evse)) return START_REJECTED; // F01.FR.07, F01.FR.23, F01.FR.24
	// Replaces what was pending here; it takes effect in `after`, when the response is out (F01.FR.01).
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
		if (!isFree(evse)) continue;
		if (evse.facts & Fact.EVConnected) return evse;
		if (free === undefined) free = evse;
	}
	return free;
}

function isFree(evse: Evse): boolean {
	return evse.transactionId === "" && evse.faults === 0 && !(evse.facts & Fact.Authorized);
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
		if (evse.transactionId === "" || evse.transactionId !== request.transactionId) continue;
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

export const remoteControlBlock: Block = freeze({
	section: "F",
	calls: [
		{
			action: Action.RequestStartTransaction,
			gate: Registration.Pending,
			handle: requestStartTransaction,
			after: startRequested,
		},
		{
			action: Action.RequestStopTransaction,
			gate: Registration.Pending,
			handle: requestStopTransaction,
			after: stopRequested,
		},
	],
	sends: [],
	link: remoteControlLink,
});
