// What a reboot must know of a running transaction, as the text of one cell.
// Order of writing: the event first, then this cell; the queue is asked when the two disagree (station.ts).

import type { Evse } from "../model/evse.js";

const SEPARATOR = "\n";
const LINES = 6;

/** Lines: transaction id, remoteStartId, start as UTC milliseconds, register at the start in Wh ("" when the meter was
 *  silent), token type, length of the token; then token and group without a separator. */
export function runningText(evse: Evse): string {
	const startWh = evse.samples.count === 0 ? "" : String(evse.startWh);
	return (
		[evse.transactionId, evse.remoteStartId, evse.startUtc, startWh].join(SEPARATOR) +
		SEPARATOR +
		evse.idTokenType +
		SEPARATOR +
		evse.idToken.length +
		SEPARATOR +
		evse.idToken +
		evse.groupIdToken
	);
}

/** Gives an EVSE what runningText() kept of it; false when the text is none of ours. */
export function takeRunning(evse: Evse, text: string): boolean {
	const lines: string[] = [];
	let from = 0;
	for (let i = 0; i < LINES; i++) {
		const end = text.indexOf(SEPARATOR, from);
		if (end < 0) return false;
		lines.push(text.slice(from, end));
		from = end + 1;
	}
	const tokenEnd = from + Number(lines[5]);
	if (!(tokenEnd <= text.length)) return false;
	evse.transactionId = lines[0]!;
	evse.remoteStartId = Number(lines[1]);
	evse.startUtc = Number(lines[2]);
	evse.samples.begin(false);
	if (lines[3] !== "") {
		evse.startWh = Number(lines[3]);
		evse.samples.restore(evse.startUtc, evse.startWh);
	}
	evse.idTokenType = lines[4]!;
	evse.idToken = text.slice(from, tokenEnd);
	evse.groupIdToken = text.slice(tokenEnd);
	return true;
}
