// What a block is, and what it may touch. A block is a frozen table of functions; it owns no timer, socket or promise.
// station/station.ts implements Station and hands itself to every function.

import type { RpcError } from "../../preload/errors.js";
import type { Evse } from "../model/evse.js";
import type { Registration } from "../model/registration.js";
import type { Host } from "../ports/host.js";
import type { MeterReading } from "../ports/evse-port.js";
import type { Cells } from "../storage/cells.js";
import type { Journal } from "../storage/journal.js";
import type { Outbox } from "../storage/outbox.js";
import type { Variables } from "../storage/variables.js";
import type { Vault } from "../storage/vault.js";
import type { Verdict } from "../core/decode.js";
import type { BaseReport } from "../model/report.js";
import type { PendingReset } from "../model/reset.js";
import type { PendingToken } from "../model/pending-token.js";
import type { SecurityState } from "../model/security-state.js";
import type { SigningState } from "../model/signing-state.js";
import type { Trust } from "../ports/socket.js";

/** A response object, or the RPC error that answers the CALL. */
export type Answer = object | RpcError;

/** A CALL that the CSMS may send. */
export interface CallRow {
	/** Id of preload/actions.ts. */
	readonly action: number;
	/** Least registration in which it is served; below it the answer is SecurityError. */
	readonly gate: Registration;
	/** The request's long text (PEM) stays in Station.received, where Station.verdict says; its member is "". */
	readonly keepsLong?: boolean;
	/** Returns the response. The request's strings are its own; the object may be kept. */
	handle(station: Station, request: never): Answer;
	/** Runs when the response is with the transport (Part 2, generic FR.05). */
	afterwards?(station: Station): void;
}

/** A CALL that the station sends. Nothing is queued: `isDue` says whether there is something to say. */
export interface SendRow {
	readonly action: number;
	/** Least registration in which it may be sent. */
	readonly gate: Registration;
	/** True when it is time to send. Asked at every step, so it must be cheap. */
	isDue(station: Station): boolean;
	/** Makes the payload, at the moment of sending; undefined when there is nothing to say after all. */
	build(station: Station): object | undefined;
	/** The response has arrived, checked against its schema. */
	onResult(station: Station, response: never): void;
	/** No valid response. */
	onFailure(station: Station, failure: Failure): void;
}

/** Why a CALL of ours got no usable CALLRESULT. */
export const enum Failure {
	/** The CSMS answered CALLERROR, or a CALLRESULT that breaks its schema. */
	refused = 1,
	/** No answer within MessageTimeout. */
	timeout = 2,
	/** The connection ended first; the message may or may not have arrived. */
	offline = 3,
}

export interface Block {
	/** Letter of the section of Part 2. */
	readonly section: string;
	readonly calls: readonly CallRow[];
	readonly sends: readonly SendRow[];
	/** After boot, when storage is open: take up what was going on. */
	restore?(station: Station): void;
	/** An event of ports/events.ts or one that another block raised. */
	on?(station: Station, code: number, evseIndex: number, value: number): void;
	/** Once per step; timers are comparisons against clock.since(). */
	step?(station: Station): void;
	/** The link to the CSMS came up (true) or went down. */
	link?(station: Station, up: boolean): void;
}

/** A log on its way to a file server; diagnostics.ts owns it. */
export interface Upload {
	/** True until it has ended. */
	readonly isBusy: boolean;
	/** The journal is being read: what reading takes of RAM is wanted again at once. */
	readonly readsJournal: boolean;
}

/** What a CSMS is told of a customer; customer-information.ts owns it. */
export interface CustomerReport {
	readonly requestId: number;
	readonly data: string;
	/** The answer to CustomerInformation is out. */
	isReleased: boolean;
}

/** The part of the station that blocks see. */
export interface Station {
	readonly host: Host;
	readonly evses: readonly Evse[];
	readonly variables: Variables;
	readonly cells: Cells;
	readonly outbox: Outbox;
	/** The security log. */
	readonly journal: Journal;
	readonly security: SecurityState;
	/** Certificate of the station that is asked for. */
	readonly signing: SigningState;
	/** The log that is being uploaded, null when none is. */
	upload: Upload | null;
	/** What is to be told of a customer, null when nothing is. */
	customerReport: CustomerReport | null;
	/** Certificates and keys. */
	readonly vault: Vault;
	/** Whom TLS may trust. */
	readonly trust: Trust;
	/** The message at hand, only inside CallRow.handle; it may be changed. */
	readonly received: Uint8Array;
	/** What decoding the message at hand has found. */
	readonly verdict: Verdict;
	/** No clock can be before this, UTC ms: for dates of certificates while the clock was never set. */
	readonly timeFloorMs: number;
	/** One reading, filled again and again. */
	readonly reading: MeterReading;
	/** The report that is being sent. */
	readonly report: BaseReport;
	/** The token that waits for the CSMS's answer. */
	readonly pendingToken: PendingToken;

	registration: Registration;
	/** Clock mark and milliseconds until the next BootNotification may be sent. */
	bootMark: number;
	bootWaitMs: number;
	/** Cause of this boot, ports/events.ts RestartCause. */
	readonly bootCause: number;
	/** Clock mark of the last message of ours that the CSMS answered. */
	readonly trafficMark: number;
	/** Clock mark of the last time that the CSMS told the time of day, or was asked for it in vain. */
	clockMark: number;
	/** Attempts and waiting time of the transaction event at the head of the outbox (E13). */
	attempts: number;
	retryMark: number;
	retryWaitMs: number;
	/** What TriggerMessage asked for, bits of model/trigger.ts StationTriggered. */
	triggered: number;
	/** The last clock-aligned boundaries that were seen, UTC ms: of readings that are sent, of those kept for Ended. */
	sentBoundary: number;
	endedBoundary: number;
	/** Number of the next event of NotifyEvent. */
	nextEventId: number;
	/** The Reset that the CSMS has asked for. */
	readonly reset: PendingReset;
	/** HTTP status with which the CSMS refused the last attempt to connect, 0 when it did not. */
	readonly refusedStatus: number;
	/** Security profile in use, 1 to 3. */
	readonly securityProfile: number;
	/** How long the answer to a CALL may take, as the network profile in use says. */
	readonly messageTimeoutSeconds: number;
	/** True while messages pass between station and CSMS and the station is registered. */
	readonly isOnline: boolean;
	/** How long the station was without its CSMS when the link came up. */
	readonly offlineMs: number;
	/** True until the answer to the CALL at hand is with the transport: what it causes must wait (Part 2, FR.05). */
	readonly isAnswering: boolean;
	/** Slot of the network profile in use. */
	readonly slot: number;
	/** The password was changed; the connection is made anew when the answer is out. */
	credentialsChanged: boolean;

	/** The CSMS has told the time of day: sets the clock and raises InternalEvent.clockSet. */
	setClock(utcMs: number): void;
	/** Raises an internal event: every block's `on` runs before this returns. */
	raise(code: number, evseIndex: number, value: number): void;
	/** The owner may sleep at most this long; called from step(). */
	wakeWithin(ms: number): void;
	/** Takes a reading; false when the meter is silent (then `reading` holds the last good register). */
	sample(evse: Evse): boolean;
	/** Keeps on flash what a reboot must know of the running transaction (false: it could not), and forgets it again. */
	saveTransaction(evse: Evse): boolean;
	forgetTransaction(evse: Evse): void;
	/** Security profile of a slot for network profiles, 0 when it holds none. */
	securityProfileOf(slot: number): number;
	/** True when the slot holds a network profile. */
	isSlotSet(slot: number): boolean;
	/** Keeps a new Basic authentication password; true when it is on flash. */
	setPassword(password: string): boolean;
	/** Ends the connection and opens a new one at once. */
	reconnect(): void;
	/** Keeps the cause on flash and asks the host for a reboot once nothing is being sent. */
	restart(cause: number): void;
}
