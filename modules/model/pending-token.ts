// The one token that waits for the CSMS's answer. A newer token or remote start replaces it, as a driver would expect
// who shows another card.

import { NO_REMOTE_START } from "./evse.js";

export const enum TokenState {
	none = 0,
	/** An AuthorizeRequest is to be sent. */
	toAsk = 1,
	/** It was sent; the answer is awaited. */
	asked = 2,
	/** Accepted, but no cable says yet which EVSE is meant. */
	accepted = 3,
	/** A remote start was accepted; it takes effect when the response is out. */
	held = 4,
	/** Authorized for the EVSE `evseIndex`; the next step hands it over. */
	granted = 5,
}

/** EVSE not known yet: the next one that gets a cable. */
export const ANY_EVSE = -1;

/** Value of PendingToken.allowed while the CSMS has named no EVSEs. */
export const EVERYWHERE = -1;

export class PendingToken {
	state: TokenState = TokenState.none;
	idToken = "";
	type = "";
	groupIdToken = "";
	evseIndex = ANY_EVSE;
	/** One bit per EVSE, by index, where the CSMS allows the token (C01.FR.21). */
	allowed = EVERYWHERE;
	remoteStartId = NO_REMOTE_START;
	/** Clock mark of the acceptance, for EVConnectionTimeOut. */
	mark = 0;

	set(state: TokenState, idToken: string, type: string, evseIndex: number, remoteStartId: number): void {
		this.state = state;
		this.idToken = idToken;
		this.type = type;
		this.groupIdToken = "";
		this.evseIndex = evseIndex;
		this.allowed = EVERYWHERE;
		this.remoteStartId = remoteStartId;
	}

	clear(): void {
		this.set(TokenState.none, "", "", ANY_EVSE, NO_REMOTE_START);
	}
}

/** Tokens are equal when text (case-insensitive) and type are; additionalInfo does not count (C01.FR.25). */
export function sameToken(idToken: string, type: string, otherToken: string, otherType: string): boolean {
	return type === otherType && sameText(idToken, otherToken);
}

/** Case-insensitive equality of identifiers, as Part 4 §4.1.6 asks. */
export function sameText(text: string, other: string): boolean {
	return text === other || (text.length === other.length && text.toLowerCase() === other.toLowerCase());
}
