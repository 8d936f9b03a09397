// G. Availability: the station tells that it lives and in what state its connectors are.
// Source: OCPP 2.0.1 Part 2, G01, G02, B04.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import type {
	ConnectorStatusEnumType,
	HeartbeatRequest,
	HeartbeatResponse,
	StatusNotificationRequest,
} from "../../preload/payloads.js";
import { Variable } from "../../preload/variables.js";
import { formatDateTime, parseDateTime } from "../core/datetime.js";
import { NONE_SENT, connectorStatus } from "../model/availability.js";
import { Registration } from "../model/registration.js";
import { InternalEvent } from "../ports/events.js";
import { Failure } from "./block.js";
import type { Block, Station } from "./block.js";

const HEARTBEAT: HeartbeatRequest = freeze({});

/** G02.FR.02: silence for the interval; any message of ours that was answered counts as a sign of life (G02.FR.05). */
function heartbeatDue(station: Station): boolean {
	const intervalMs = station.variables.number(Variable.OCPPCommHeartbeatInterval) * 1000;
	const left = intervalMs - station.host.clock.since(station.trafficMark);
	if (left <= 0) return true;
	station.wakeWithin(left);
	return false;
}

function heartbeat(): HeartbeatRequest {
	return HEARTBEAT;
}

function heartbeatResult(station: Station, response: HeartbeatResponse): void {
	const utcMs = parseDateTime(response.currentTime);
	if (isNaN(utcMs)) return;
	station.host.clock.set(utcMs);
	station.raise(InternalEvent.clockSet, -1, 0);
}

function statusDue(station: Station): boolean {
	return changedEvse(station) >= 0;
}

/** Index of the first EVSE whose status the CSMS does not know yet; -1 when it knows all. */
function changedEvse(station: Station): number {
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (evse.reportedStatus !== connectorStatus(evse)) return i;
	}
	return -1;
}

/** Always the present value: what changed and changed back while offline is not replayed (G01, B04). */
function statusNotification(station: Station): StatusNotificationRequest {
	const evse = station.evses[changedEvse(station)]!;
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

function heartbeatFailed(): void {}

/** B04.FR.01: after a long time offline every connector is told anew; after a short one only what changed (B04.FR.02). */
function availabilityLink(station: Station, up: boolean): void {
	if (!up || station.offlineMs <= station.variables.number(Variable.OCPPCommOfflineThreshold) * 1000) return;
	for (let i = 0; i < station.evses.length; i++) station.evses[i]!.reportedStatus = NONE_SENT;
}

export const availabilityBlock: Block = freeze({
	section: "G",
	calls: [],
	sends: [
		{
			action: Action.StatusNotification,
			gate: Registration.Accepted,
			due: statusDue,
			build: statusNotification,
			result: statusNotificationResult,
			failed: statusNotificationFailed,
		},
		{
			action: Action.Heartbeat,
			gate: Registration.Accepted,
			due: heartbeatDue,
			build: heartbeat,
			result: heartbeatResult,
			failed: heartbeatFailed,
		},
	],
	link: availabilityLink,
});
