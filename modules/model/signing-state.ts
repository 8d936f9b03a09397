// How far the station is with getting a certificate of its own. What must last, the key, is in the vault.

export const enum Signing {
	/** Nothing is asked for. */
	idle = 0,
	/** A request is to be sent, for a key that is made then. */
	newKey = 1,
	/** It is to be sent, or was and the CSMS has not answered yet. */
	send = 2,
	/** The CSMS has taken the request; the certificate may come, or the request is repeated. */
	waiting = 3,
}

export class SigningState {
	phase: Signing = Signing.idle;
	/** Repetitions of the request at hand. */
	repeats = 0;
	mark = 0;
	waitMs = 0;
	/** A renewal was begun since the last certificate came. */
	hasRenewed = false;
	/** A certificate was taken; the connection is made anew when the answer is out. */
	isInstalled = false;
	/** End of the newest certificate, UTC ms; NaN while there is none, or no connection has stood yet. */
	notAfterMs = NaN;
}
