// N. Customer information: what the station knows of a customer is told, and what it may forget is forgotten.
// There is little: no cache, no local list. Tokens live in the running transaction, at a cable that is locked for its
// owner, and in events that wait for the CSMS. All that is needed for the bill or the cable, so it is kept, and the
// report says so.
// Source: OCPP 2.0.1 Part 2, N09, N10.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import type {
	CustomerInformationRequest,
	CustomerInformationResponse,
	NotifyCustomerInformationRequest,
} from "../../preload/payloads.js";
import { formatDateTime } from "../core/datetime.js";
import { TokenState, sameText } from "../model/pending-token.js";
import { Registration } from "../model/registration.js";
import { Failure, type Block, type Station } from "./block.js";

const ACCEPTED: CustomerInformationResponse = freeze({ status: "Accepted" } as const);
const REJECTED: CustomerInformationResponse = freeze({ status: "Rejected" } as const);
const INVALID: CustomerInformationResponse = freeze({ status: "Invalid" } as const);

/** Longest `data` of one message; what is known of a customer stays below, so there is always one (N09.FR.06). */
const DATA_MAX = 512;

function customerInformation(station: Station, request: CustomerInformationRequest): CustomerInformationResponse {
	if (!request.report && !request.clear) return REJECTED; // N09.FR.07, N10.FR.07
	if (identifiers(request) !== 1) return INVALID; // N09.FR.09
	if (station.customerReport !== null) return REJECTED;
	const idToken = request.idToken === undefined ? undefined : request.idToken.idToken;
	const data = (request.report ? known(station, idToken) : "") + (request.clear ? clear(station, idToken) : "");
	station.customerReport = { requestId: request.requestId, data: data.slice(0, DATA_MAX), isReleased: false };
	return ACCEPTED;
}

function identifiers(request: CustomerInformationRequest): number {
	return (
		(request.idToken === undefined ? 0 : 1) +
		(request.customerCertificate === undefined ? 0 : 1) +
		(request.customerIdentifier === undefined ? 0 : 1)
	);
}

/** True when the EVSE has to do with the token. */
function isUsed(station: Station, evseIndex: number, idToken: string): boolean {
	const evse = station.evses[evseIndex]!;
	return sameText(evse.idToken, idToken) || sameText(evse.lockedFor, idToken);
}

function isPending(station: Station, idToken: string): boolean {
	const token = station.pendingToken;
	return token.state !== TokenState.none && sameText(token.idToken, idToken);
}

/** Only tokens are kept; certificates and customer identifiers are nowhere. */
function known(station: Station, idToken: string | undefined): string {
	if (idToken === undefined || idToken === "") return "No data about this customer is stored. ";
	let text = "";
	for (let i = 0; i < station.evses.length; i++) {
		if (!isUsed(station, i, idToken)) continue;
		const id = station.evses[i]!.transactionId;
		text += "idToken in use at EVSE " + (i + 1) + (id === "" ? ". " : ", transaction " + id + ". ");
	}
	if (isPending(station, idToken)) text += "idToken waits for authorization or a cable. ";
	if (station.outbox.count > 0) text += station.outbox.count + " transaction events wait and may hold the idToken. ";
	return text === "" ? "No data about this customer is stored. " : text;
}

/** N10: the token that waits is forgotten; what belongs to a transaction is billing data. */
function clear(station: Station, idToken: string | undefined): string {
	if (idToken === undefined || idToken === "") return "Nothing to clear.";
	let text = "";
	if (isPending(station, idToken) && station.pendingToken.state === TokenState.accepted) {
		station.pendingToken.clear();
		text = "Waiting idToken cleared. ";
	}
	let isKept = station.outbox.count > 0;
	for (let i = 0; i < station.evses.length; i++) if (isUsed(station, i, idToken)) isKept = true;
	if (isKept) return text + "The idToken of transactions and of events that wait is billing data and is kept.";
	return text === "" ? "Nothing to clear." : text;
}

function informationAsked(station: Station): void {
	if (station.customerReport !== null) station.customerReport.isReleased = true;
}

function informationDue(station: Station): boolean {
	return station.customerReport !== null && station.customerReport.isReleased;
}

/** N09.FR.06, N10.FR.06: exactly one message, for a clearing without a report too. */
function notifyCustomerInformation(station: Station): NotifyCustomerInformationRequest {
	const report = station.customerReport!;
	return {
		data: report.data,
		seqNo: 0,
		generatedAt: formatDateTime(station.host.clock.utc()),
		requestId: report.requestId,
	};
}

function informationTold(station: Station): void {
	station.customerReport = null;
}

function informationFailed(station: Station, failure: Failure): void {
	if (failure !== Failure.offline) informationTold(station);
}

function customerInformationLink(station: Station, up: boolean): void {
	if (!up) informationAsked(station); // the answer is lost, but the CSMS may have seen it
}

export const customerInformationBlock: Block = freeze({
	section: "N",
	calls: [
		{
			action: Action.CustomerInformation,
			gate: Registration.Accepted,
			handle: customerInformation,
			afterwards: informationAsked,
		},
	],
	sends: [
		{
			action: Action.NotifyCustomerInformation,
			gate: Registration.Accepted,
			isDue: informationDue,
			build: notifyCustomerInformation,
			onResult: informationTold,
			onFailure: informationFailed,
		},
	],
	link: customerInformationLink,
});
