// G. Availability: the station tells that it lives and in what state its connectors are, and the CSMS opens and closes
// them. Source: OCPP 2.0.1 Part 2, G01 to G05, B04.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import { LIMITS } from "../../preload/limits.js";
import type {
	ChangeAvailabilityRequest,
	ChangeAvailabilityResponse,
	ConnectorStatusEnumType,
	HeartbeatRequest,
	HeartbeatResponse,
	NotifyEventRequest,
	StatusNotificationRequest,
} from "../../preload/payloads.js";
import { Variable } from "../../preload/variables.js";
import { formatDateTime, parseDateTime } from "../core/datetime.js";
import { BARS_KEPT, Bar, NONE_SENT, connectorStatus } from "../model/availability.js";
import { Fact } from "../model/facts.js";
import { Registration } from "../model/registration.js";
import { StationTriggered, Triggered } from "../model/trigger.js";
import { EventCode, FaultBit, InternalEvent } from "../ports/events.js";
import { Cell } from "../storage/cell-ids.js";
import { Failure } from "./block.js";
import type { Answer, Block, Station } from "./block.js";

const HEARTBEAT: HeartbeatRequest = freeze({});
const ACCEPTED: ChangeAvailabilityResponse = freeze({ status: "Accepted" } as const);
const REJECTED: ChangeAvailabilityResponse = freeze({ status: "Rejected" } as const);
const SCHEDULED: ChangeAvailabilityResponse = freeze({ status: "Scheduled" } as const);

/** G02.FR.02: silence for the interval; any message of ours that was answered counts as a sign of life (G02.FR.05). */
function heartbeatDue(station: Station): boolean {
	if (station.triggered & StationTriggered.heartbeat) return true;
	if (station.registration !== Registration.Accepted) return false;
	const clock = station.host.clock;
	const intervalMs = Math.min(station.variables.number(Variable.OCPPCommHeartbeatInterval), DAY_SECONDS) * 1000;
	const silentMs = intervalMs - clock.since(station.trafficMark);
	const left = Math.min(silentMs, DAY_SECONDS * 1000 - clock.since(station.clockMark));
	if (left <= 0) return true;
	station.wakeWithin(left);
	return false;
}

/** The clock is set at least once a day, whatever the interval and however much else is said (G02.FR.07). */
const DAY_SECONDS = 86_400;

function heartbeat(station: Station): HeartbeatRequest {
	station.triggered &= ~StationTriggered.heartbeat;
	return HEARTBEAT;
}

function heartbeatResult(station: Station, response: HeartbeatResponse): void {
	const utcMs = parseDateTime(response.currentTime);
	station.clockMark = station.host.clock.ticks(); // asked, whatever came of it
	if (utcMs >= LIMITS.utcMsMin) station.setClock(utcMs);
}

function statusDue(station: Station): boolean {
	return changedEvse(station) >= 0;
}

/**
 * Index of the first EVSE whose status the CSMS does not know yet; -1 when it knows all. While Pending only what it has
 * asked for counts (B02.FR.02).
 */
function changedEvse(station: Station): number {
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		const mayTell = station.registration === Registration.Accepted || evse.triggered & Triggered.statusNotification;
		if (mayTell && evse.reportedStatus !== connectorStatus(evse)) return i;
	}
	return -1;
}

/** Always the present value: what changed and changed back while offline is not replayed (G01, B04). */
function statusNotification(station: Station): StatusNotificationRequest {
	const evse = station.evses[changedEvse(station)]!;
	evse.triggered &= ~Triggered.statusNotification;
	evse.sentStatus = connectorStatus(evse);
	return {
		timestamp: formatDateTime(station.host.clock.utc()),
		connectorStatus: evse.sentStatus as ConnectorStatusEnumType,
		evseId: evse.evseId,
		connectorId: 1,
	};
}

function statusNotificationResult(station: Station): void {
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (evse.sentStatus === NONE_SENT) continue;
		evse.reportedStatus = evse.sentStatus;
		evse.sentStatus = NONE_SENT;
	}
}

function statusNotificationFailed(station: Station, failure: Failure): void {
	// An answer that is an error would come again and again: the value counts as told. Offline, it is told again.
	if (failure !== Failure.offline) return statusNotificationResult(station);
	for (let i = 0; i < station.evses.length; i++) station.evses[i]!.sentStatus = NONE_SENT;
}

/** A CSMS that gives no time is not asked without a pause. */
function heartbeatFailed(station: Station, failure: Failure): void {
	if (failure !== Failure.offline) station.clockMark = station.host.clock.ticks();
}

// --- ChangeAvailability ---

/** Bits to set or clear at an EVSE for a request; 0 when the request does not mean it. */
function barFor(request: ChangeAvailabilityRequest, evseId: number): number {
	if (request.evse === undefined) return Bar.station;
	if (request.evse.id !== evseId) return 0;
	return request.evse.connectorId === undefined ? Bar.evse : Bar.connector;
}

function changeAvailability(station: Station, request: ChangeAvailabilityRequest): Answer {
	const evses = station.evses;
	const place = request.evse;
	if (place !== undefined && (place.id < 1 || place.id > evses.length)) return REJECTED;
	if (place !== undefined && place.connectorId !== undefined && place.connectorId !== 1) return REJECTED;
	const close = request.operationalStatus === "Inoperative";
	let isScheduled = false;
	for (let i = 0; i < evses.length; i++) {
		const evse = evses[i]!;
		const bar = barFor(request, evse.evseId);
		// Also when it was scheduled before: it has not happened yet.
		if (bar !== 0 && close && evse.transactionId !== "") isScheduled = true;
	}
	if (!keepBars(station, request, close)) return REJECTED;
	for (let i = 0; i < evses.length; i++) {
		const evse = evses[i]!;
		const bar = barFor(request, evse.evseId);
		evse.barred = close ? evse.barred | bar : evse.barred & ~bar;
		if (evse.barred !== 0 && evse.transactionId === "" && evse.facts & Fact.Authorized) {
			evse.facts &= ~Fact.Authorized;
			evse.forgetToken();
		}
	}
	return isScheduled ? SCHEDULED : ACCEPTED; // G03.FR.05, G04.FR.06
}

/** On flash before the answer: explicit settings survive a power cut (G03.FR.08, G04.FR.09). One digit per EVSE. */
function keepBars(station: Station, request: ChangeAvailabilityRequest, close: boolean): boolean {
	let text = "";
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		const bar = barFor(request, evse.evseId);
		text += String((close ? evse.barred | bar : evse.barred & ~bar) & BARS_KEPT);
	}
	return station.cells.set(Cell.availability, text);
}

function restoreAvailability(station: Station): void {
	const text = station.cells.get(Cell.availability);
	if (text === undefined) return;
	for (let i = 0; i < station.evses.length && i < text.length; i++)
		station.evses[i]!.barred = (text.charCodeAt(i) - 0x30) & BARS_KEPT;
}

// --- the lock's problem (G05) ---

function availabilityOn(station: Station, code: number, evseIndex: number, value: number): void {
	if (code === InternalEvent.clockSet) station.clockMark = station.host.clock.ticks();
	const evse = station.evses[evseIndex];
	if (evse !== undefined && code === EventCode.faultRaised && value === FaultBit.lock) evse.lockProblem = true;
}

function lockProblemIndex(station: Station): number {
	for (let i = 0; i < station.evses.length; i++) if (station.evses[i]!.lockProblem) return i;
	return -1;
}

function notifyEventDue(station: Station): boolean {
	return lockProblemIndex(station) >= 0;
}

function notifyEvent(station: Station): NotifyEventRequest {
	const evse = station.evses[lockProblemIndex(station)]!;
	const timestamp = formatDateTime(station.host.clock.utc());
	return {
		generatedAt: timestamp,
		seqNo: 0,
		eventData: [
			{
				eventId: station.nextEventId++,
				timestamp,
				trigger: "Alerting",
				actualValue: "true",
				component: { name: "ConnectorPlugRetentionLock", evse: { id: evse.evseId, connectorId: 1 } },
				eventNotificationType: "HardWiredNotification",
				variable: { name: "Problem" },
			},
		],
	};
}

function notifyEventResult(station: Station): void {
	const index = lockProblemIndex(station);
	if (index >= 0) station.evses[index]!.lockProblem = false;
}

function notifyEventFailed(station: Station, failure: Failure): void {
	if (failure !== Failure.offline) notifyEventResult(station);
}

/** B04.FR.01: after a long time offline every connector is told anew; after a short one what changed (B04.FR.02). */
function availabilityLink(station: Station, up: boolean): void {
	if (!up || station.offlineMs <= station.variables.number(Variable.OCPPCommOfflineThreshold) * 1000) return;
	for (let i = 0; i < station.evses.length; i++) station.evses[i]!.reportedStatus = NONE_SENT;
}

export const availabilityBlock: Block = freeze({
	section: "G",
	calls: [{ action: Action.ChangeAvailability, gate: Registration.Accepted, handle: changeAvailability }],
	sends: [
		{
			action: Action.StatusNotification,
			gate: Registration.Pending,
			isDue: statusDue,
			build: statusNotification,
			onResult: statusNotificationResult,
			onFailure: statusNotificationFailed,
		},
		{
			action: Action.NotifyEvent,
			gate: Registration.Accepted,
			isDue: notifyEventDue,
			build: notifyEvent,
			onResult: notifyEventResult,
			onFailure: notifyEventFailed,
		},
		{
			action: Action.Heartbeat,
			gate: Registration.Pending,
			isDue: heartbeatDue,
			build: heartbeat,
			onResult: heartbeatResult,
			onFailure: heartbeatFailed,
		},
	],
	restore: restoreAvailability,
	on: availabilityOn,
	link: availabilityLink,
});
