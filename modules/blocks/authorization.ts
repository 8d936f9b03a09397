// C. Authorization: a token becomes the right to charge at an EVSE, or ends it.
// Owns: the pending token. Not the transaction (transactions.ts).
// Source: OCPP 2.0.1 Part 2, C01, C05, C09, E03.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import type { AuthorizeRequest, AuthorizeResponse, IdTokenEnumType } from "../../preload/payloads.js";
import { Variable } from "../../preload/variables.js";
import { isFree } from "../model/availability.js";
import type { Evse } from "../model/evse.js";
import { NO_REMOTE_START } from "../model/evse.js";
import { Fact } from "../model/facts.js";
import { ANY_EVSE, TokenState, sameText, sameToken } from "../model/pending-token.js";
import { Registration } from "../model/registration.js";
import { EventCode, InternalEvent, LogCode, StopCause } from "../ports/events.js";
import type { Block, Failure, Station } from "./block.js";

function authorizationOn(station: Station, code: number, evseIndex: number, value: number): void {
	if (code === EventCode.tokenPresented) tokenPresented(station, evseIndex);
	if (code === EventCode.buttonPressed && value === 1) startPressed(station, evseIndex);
	// The token came first: the cable says which EVSE is meant.
	if (code !== EventCode.cablePluggedIn || station.pendingToken.state !== TokenState.accepted) return;
	if (mayUse(station, evseIndex)) grant(station, station.evses[evseIndex]!);
}

/** C02.FR.01: a start button needs no token and asks nobody, so it works offline too, once the station was accepted. */
function startPressed(station: Station, evseIndex: number): void {
	const evse = station.evses[evseIndex];
	if (evse === undefined || !isFree(evse) || evse.facts & Fact.Authorized) return;
	if (station.registration !== Registration.Accepted) return;
	station.pendingToken.set(TokenState.granted, "", "NoAuthorization", evseIndex, NO_REMOTE_START);
	grant(station, evse);
}

/** E05.FR.11: the owner's token frees a cable that was kept locked; true when that was all it was shown for. */
function freesCable(station: Station, idToken: string): boolean {
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (evse.lockedFor === "" || !sameText(evse.lockedFor, idToken)) continue;
		evse.lockedFor = "";
		evse.port.lock(false);
		return true;
	}
	return false;
}

function tokenPresented(station: Station, evseIndex: number): void {
	const reader = station.host.reader;
	const idToken = reader.idToken;
	const type = reader.type;
	if (idToken === "") return;
	// C01.FR.03, E07.FR.01: who started may stop, at once and offline too.
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (evseIndex >= 0 && evseIndex !== i) continue;
		if (evse.transactionId !== "" && sameToken(idToken, type, evse.idToken, evse.idTokenType))
			return station.raise(InternalEvent.authorizationEnded, i, StopCause.local);
	}
	if (freesCable(station, idToken)) return;
	// C01.FR.02: no cache and no list here, so only the CSMS can say yes.
	if (!station.isOnline) return station.host.log.event(LogCode.tokenRefused, evseIndex, 0);
	station.pendingToken.set(TokenState.toAsk, idToken, type, only(station, evseIndex), NO_REMOTE_START);
}

/** With one EVSE there is no doubt which one a shared reader means. */
function only(station: Station, evseIndex: number): number {
	return station.evses.length === 1 ? 0 : evseIndex;
}

function authorizeDue(station: Station): boolean {
	return station.pendingToken.state === TokenState.toAsk;
}

function authorize(station: Station): AuthorizeRequest {
	const token = station.pendingToken;
	token.state = TokenState.asked;
	return { idToken: { idToken: token.idToken, type: token.type as IdTokenEnumType } };
}

function authorizeResult(station: Station, response: AuthorizeResponse): void {
	const token = station.pendingToken;
	if (token.state !== TokenState.asked) return; // another card was shown meanwhile: this answer is not about it
	const info = response.idTokenInfo;
	if (info.status !== "Accepted") {
		station.host.log.event(LogCode.tokenRefused, token.evseIndex, 1);
		return token.clear();
	}
	token.groupIdToken = info.groupIdToken === undefined ? "" : info.groupIdToken.idToken;
	if (token.remoteStartId === NO_REMOTE_START && stopsByGroup(station)) return token.clear();
	token.mark = station.host.clock.ticks();
	if (info.evseId !== undefined) token.allowed = bitsOf(station, info.evseId);
	const evse = choose(station);
	if (evse !== undefined) {
		token.evseIndex = evse.index;
		token.state = TokenState.granted; // the next step hands it over, from a short stack
		return station.host.wake();
	}
	if (token.evseIndex === ANY_EVSE && someFree(station)) token.state = TokenState.accepted;
	else token.clear();
}

/** C09.FR.03: a token of the same group ends the transaction, under its own name. */
function stopsByGroup(station: Station): boolean {
	const token = station.pendingToken;
	if (token.groupIdToken === "") return false;
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (token.evseIndex >= 0 && token.evseIndex !== i) continue;
		if (evse.transactionId === "" || !sameText(evse.groupIdToken, token.groupIdToken)) continue;
		evse.idToken = token.idToken;
		evse.idTokenType = token.type;
		station.raise(InternalEvent.authorizationEnded, i, StopCause.local);
		return true;
	}
	return false;
}

/** The EVSE that the accepted token is for; undefined when none fits now. */
function choose(station: Station): Evse | undefined {
	const index = station.pendingToken.evseIndex;
	if (index >= 0) {
		const evse = station.evses[index]!;
		return isFree(evse) && mayUse(station, index) ? evse : undefined;
	}
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (isFree(evse) && evse.facts & Fact.EVConnected && mayUse(station, i)) return evse;
	}
	return undefined;
}

/** C01.FR.21: a list of EVSEs in the answer limits the token to them, also when the cable comes later. */
function mayUse(station: Station, evseIndex: number): boolean {
	return (station.pendingToken.allowed & (1 << evseIndex)) !== 0;
}

/** One bit per EVSE that a list of ids names; ids of others do not count. */
function bitsOf(station: Station, evseIds: readonly number[]): number {
	let bits = 0;
	for (let i = 0; i < station.evses.length; i++) if (evseIds.indexOf(i + 1) >= 0) bits |= 1 << i;
	return bits;
}

function someFree(station: Station): boolean {
	for (let i = 0; i < station.evses.length; i++)
		if (isFree(station.evses[i]!) && mayUse(station, i)) return true;
	return false;
}

/** Hands the pending token to an EVSE; a transaction starts there now or when the cable comes. */
function grant(station: Station, evse: Evse): void {
	const token = station.pendingToken;
	if (!isFree(evse)) return token.clear();
	const isRemote = token.remoteStartId !== NO_REMOTE_START;
	evse.idToken = token.idToken;
	evse.idTokenType = token.type;
	evse.groupIdToken = token.groupIdToken;
	evse.remoteStartId = token.remoteStartId;
	evse.authorizedMark = station.host.clock.ticks();
	token.clear();
	station.raise(InternalEvent.authorized, evse.index, isRemote ? 1 : 0);
}

/** §4.1.2: no answer is no authorization, and nobody asks again. */
function authorizeFailed(station: Station, _failure: Failure): void {
	if (station.pendingToken.state === TokenState.asked) station.pendingToken.clear();
}

/** C01.FR.26, E03.FR.05: without a cable in time the authorization is gone; nothing started, so nothing is told. */
function authorizationStep(station: Station): void {
	const token = station.pendingToken;
	if (token.state === TokenState.granted) grant(station, station.evses[token.evseIndex]!);
	const timeoutMs = station.variables.number(Variable.TxEVConnectionTimeOut) * 1000;
	if (timeoutMs === 0) return;
	const clock = station.host.clock;
	if (token.state === TokenState.accepted) {
		if (clock.since(token.mark) >= timeoutMs) token.clear();
		else station.wakeWithin(timeoutMs - clock.since(token.mark));
	}
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (!(evse.facts & Fact.Authorized) || evse.transactionId !== "" || evse.facts & Fact.EVConnected) continue;
		const left = timeoutMs - clock.since(evse.authorizedMark);
		if (left > 0) {
			station.wakeWithin(left);
			continue;
		}
		evse.facts &= ~Fact.Authorized;
		evse.forgetToken();
	}
}

export const authorizationBlock: Block = freeze({
	section: "C",
	calls: [],
	sends: [
		{
			action: Action.Authorize,
			gate: Registration.Accepted,
			isDue: authorizeDue,
			build: authorize,
			onResult: authorizeResult,
			onFailure: authorizeFailed,
		},
	],
	on: authorizationOn,
	step: authorizationStep,
});
