// A. Security, the part that needs no TLS: what happened is written to the journal, and what is critical is told to the
// CSMS until it has answered, over reboots, oldest first. Other blocks raise InternalEvent.securityEvent.
// Owns: SecurityState, the journal's head. Not: the journal's blocks (storage/journal.ts), its upload (diagnostics.ts).
// Source: OCPP 2.0.1 Part 2, A01.FR.11, A01.FR.12, A04, A00.FR.310 to A00.FR.316, appendix 1.

import { Action } from "../../preload/actions.js";
import { RPC_ERROR_NAMES } from "../../preload/errors.js";
import { freeze } from "../../preload/freeze.js";
import { LIMITS } from "../../preload/limits.js";
import type { SecurityEventNotificationRequest } from "../../preload/payloads.js";
import { formatDateTime } from "../core/datetime.js";
import { BOOT_REASONS } from "../model/boot-reason.js";
import { Registration } from "../model/registration.js";
import { Exhausted, SECURITY_EVENT_NAMES, SecurityEvent, isCritical } from "../model/security-event.js";
import { OPEN, type Rate } from "../model/security-state.js";
import { EventCode, InternalEvent, RestartCause, SocketError } from "../ports/events.js";
import { Cell } from "../storage/cell-ids.js";
import { JournalEntry } from "../storage/journal.js";
import { Failure, type Block, type Station } from "./block.js";

/** By Reconfigured. */
const PARAMETERS = freeze(["SecurityCtrlr.BasicAuthPassword", "network profile", "certificate"]);

/** By Exhausted. */
const EXHAUSTIONS = freeze(["transaction events thinned", "transaction event refused", "security events dropped"]);

/** By SocketError less unknownCa. */
const TLS_REFUSALS = freeze([
	"unknown CA", "expired", "not yet valid", "wrong name", "bad certificate", "TLS version", "cipher suite",
	"record too large", "no memory", "station refused", "TLS failed",
]);

const UNAUTHORIZED = 401;
/** An error may pass: the CSMS is asked so often, then it counts as an answer. */
const REFUSALS_MAX = 3;
/** Wait after the first attempt without a usable answer; it grows by this with each, up to ten times. */
const RETRY_MS = 60_000;

// --- what happens ---

/** Puts an event into the journal. What the flash refuses is tried again. */
function record(station: Station, type: number, techInfo: string): void {
	const state = station.security;
	if ((state.owed & (1 << type)) !== 0) return;
	station.journal.open();
	if (station.journal.append(type, isCritical(type), station.host.clock.utc(), techInfo)) return station.host.wake();
	state.owed |= 1 << type;
	state.owedMark = station.host.clock.ticks();
}

/** The same for what somebody outside can cause at will. */
function recordRarely(station: Station, rate: Rate, type: number, techInfo: string): void {
	if (rate.held !== OPEN) {
		rate.held++;
		return;
	}
	rate.held = 0;
	rate.mark = station.host.clock.ticks();
	return record(station, type, techInfo);
}

/** When the time is over, those that were only counted make one event. */
function rateStep(station: Station, rate: Rate, type: number): void {
	if (rate.held === OPEN) return;
	const left = LIMITS.securityEventMs - station.host.clock.since(rate.mark);
	if (left > 0) return station.wakeWithin(left);
	const held = rate.held;
	rate.held = OPEN;
	if (held > 0) return recordRarely(station, rate, type, held + " more");
}

/** B: each boot has one event, the first of its life (A04, "Booted" of the test cases). */
function securityRestore(station: Station): void {
	// A journal is never empty after the first boot, unless somebody or something emptied it.
	if (station.journal.wasEmpty && station.cells.getNumber(Cell.bootCount, 0) > 1)
		record(station, SecurityEvent.securityLogWasCleared, "");
	const reason = BOOT_REASONS[station.bootCause];
	if (station.bootCause === RestartCause.powerUp) record(station, SecurityEvent.startupOfTheDevice, "");
	else record(station, SecurityEvent.resetOrReboot, reason === undefined ? "" : reason);
	// Connecting needs much RAM and comes before the next step of this block.
	station.journal.rest();
}

function securityOn(station: Station, code: number, _evseIndex: number, value: number): void {
	switch (code) {
		case InternalEvent.securityEvent:
			return happened(station, value & 0xff, value >>> 8);
		case EventCode.tampered:
			return recordRarely(station, station.security.tamper, SecurityEvent.tamperDetectionActivated, "");
		case InternalEvent.serverRefused:
			return serverRefused(station, value);
		case InternalEvent.clockSet:
			return clockSet(station, value);
		default:
			return;
	}
}

function happened(station: Station, type: number, detail: number): void {
	switch (type) {
		case SecurityEvent.invalidMessages:
			return recordRarely(station, station.security.invalid, type, RPC_ERROR_NAMES[detail]!);
		case SecurityEvent.reconfigurationOfSecurityParameters:
			return record(station, type, PARAMETERS[detail]!); // A01.FR.11: the change, never the value
		case SecurityEvent.memoryExhaustion:
			return exhausted(station, detail);
		default:
			return record(station, type, "");
	}
}

/** Once, until there is room again: a week without a CSMS thins the queue every hour. At most once a minute. */
function exhausted(station: Station, what: number): void {
	const state = station.security;
	if ((state.exhausted & (1 << what)) !== 0) return;
	state.exhausted |= 1 << what;
	state.exhaustedMark = station.host.clock.ticks();
	record(station, SecurityEvent.memoryExhaustion, EXHAUSTIONS[what]!);
}

/** TLS has told each cause once (A00.FR.310, A00.FR.314, A00.FR.316). */
function serverRefused(station: Station, error: number): void {
	const reason = TLS_REFUSALS[error - SocketError.unknownCa];
	record(station, refusalOf(error), reason === undefined ? "" : reason);
}

function refusalOf(error: number): SecurityEvent {
	const isCertificate = error >= SocketError.unknownCa && error <= SocketError.badCertificate;
	if (isCertificate) return SecurityEvent.invalidCsmsCertificate;
	if (error === SocketError.tlsVersion) return SecurityEvent.invalidTLSVersion;
	if (error === SocketError.tlsCipher) return SecurityEvent.invalidTLSCipherSuite;
	if (error === SocketError.clientRefused) return SecurityEvent.failedToAuthenticateAtCsms;
	return SecurityEvent.csmsFailedToAuthenticate;
}

function clockSet(station: Station, stepSeconds: number): void {
	const forward = stepSeconds >= 0;
	const seconds = forward ? stepSeconds : -stepSeconds;
	station.journal.open();
	station.journal.clockSet(station.host.clock.utc());
	if (seconds >= LIMITS.clockStepSeconds)
		record(station, SecurityEvent.settingSystemTime, (forward ? "+" : "-") + seconds + " s");
}

function securityStep(station: Station): void {
	const state = station.security;
	rateStep(station, state.invalid, SecurityEvent.invalidMessages);
	rateStep(station, state.tamper, SecurityEvent.tamperDetectionActivated);
	if (station.outbox.thinned !== state.thinned) {
		state.thinned = station.outbox.thinned;
		exhausted(station, Exhausted.eventsThinned);
	}
	if (station.journal.dropped !== state.dropped) {
		exhausted(station, Exhausted.securityEventsDropped);
		state.dropped = station.journal.dropped;
	}
	if (state.exhausted !== 0 && station.outbox.count === 0 && station.journal.waiting === 0) {
		const left = LIMITS.securityEventMs - station.host.clock.since(state.exhaustedMark);
		if (left <= 0) state.exhausted = 0;
		else station.wakeWithin(left);
	}
	if (station.refusedStatus === UNAUTHORIZED && !state.isRefused) {
		state.isRefused = true;
		record(station, SecurityEvent.failedToAuthenticateAtCsms, "HTTP 401");
	}
	if (state.owed !== 0) recordOwed(station);
	if (station.upload === null || !station.upload.readsJournal) station.journal.rest();
}

/** Events that the flash refused: their time is that of the moment at which it takes them. */
function recordOwed(station: Station): void {
	const state = station.security;
	const left = RETRY_MS - station.host.clock.since(state.owedMark);
	if (left > 0) return station.wakeWithin(left);
	const owed = state.owed;
	state.owed = 0;
	for (let type = 0; type < SECURITY_EVENT_NAMES.length; type++)
		if ((owed & (1 << type)) !== 0) record(station, type, "");
}

function securityLink(station: Station, up: boolean): void {
	if (!up) return;
	const state = station.security;
	state.isRefused = false;
	state.attempts = 0;
}

// --- SecurityEventNotification ---

function eventDue(station: Station): boolean {
	if (station.journal.waiting === 0) return false;
	const state = station.security;
	if (state.attempts === 0) return true;
	const left = state.retryMs - station.host.clock.since(state.retryMark);
	if (left <= 0) return true;
	station.wakeWithin(left);
	return false;
}

/** The oldest one. Its time is known: the clock is set before the station is accepted. */
function eventNotification(station: Station): SecurityEventNotificationRequest | undefined {
	const entry = new JournalEntry();
	if (!station.journal.peek(entry)) return undefined;
	const name = SECURITY_EVENT_NAMES[entry.type];
	const utcMs = entry.utcMs === entry.utcMs ? entry.utcMs : station.host.clock.utc();
	return {
		type: name === undefined ? "Event" + entry.type : name,
		timestamp: formatDateTime(utcMs),
		techInfo: entry.techInfo === "" ? undefined : entry.techInfo,
	};
}

function eventResult(station: Station): void {
	station.security.attempts = 0;
	station.journal.open();
	station.journal.acknowledge();
}

/** A04.FR.02: silence is no answer, so it is asked again and again; an error is one, though not at the first time. */
function eventFailed(station: Station, failure: Failure): void {
	const state = station.security;
	if (failure === Failure.offline) return;
	state.attempts++;
	if (failure === Failure.refused && state.attempts >= REFUSALS_MAX) return eventResult(station);
	state.retryMark = station.host.clock.ticks();
	state.retryMs = RETRY_MS * (state.attempts < 10 ? state.attempts : 10);
}

export const securityBlock: Block = freeze({
	section: "A",
	calls: [],
	sends: [
		{
			action: Action.SecurityEventNotification,
			gate: Registration.Accepted,
			isDue: eventDue,
			build: eventNotification,
			onResult: eventResult,
			onFailure: eventFailed,
		},
	],
	restore: securityRestore,
	on: securityOn,
	step: securityStep,
	link: securityLink,
});
