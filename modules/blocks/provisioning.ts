// B. Provisioning: the station introduces itself and learns whether it may serve.
// Owns: registration, the clock's first setting. Not the variables (device-model.ts).
// Source: OCPP 2.0.1 Part 2, B01 to B03.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import { LIMITS } from "../../preload/limits.js";
import type {
	BootNotificationRequest,
	BootNotificationResponse,
	BootReasonEnumType,
} from "../../preload/payloads.js";
import { Variable } from "../../preload/variables.js";
import { parseDateTime } from "../core/datetime.js";
import { Registration, registrationOf } from "../model/registration.js";
import { InternalEvent, LogCode } from "../ports/events.js";
import type { Block, Failure, Station } from "./block.js";

/** By RestartCause. */
const REASONS: readonly BootReasonEnumType[] = freeze([
	"PowerUp",
	"ApplicationReset",
	"FirmwareUpdate",
	"LocalReset",
	"RemoteReset",
	"ScheduledReset",
	"Triggered",
	"Unknown",
	"Watchdog",
]);

function bootDue(station: Station): boolean {
	if (station.registration === Registration.Accepted) return false;
	const left = station.bootWaitMs - station.host.clock.since(station.bootMark);
	if (left <= 0) return true;
	station.wakeWithin(left);
	return false;
}

function bootNotification(station: Station): BootNotificationRequest {
	const identity = station.host.identity;
	return {
		chargingStation: {
			serialNumber: identity.serialNumber === "" ? undefined : identity.serialNumber,
			model: identity.model,
			vendorName: identity.vendorName,
			firmwareVersion: identity.firmwareVersion === "" ? undefined : identity.firmwareVersion,
		},
		reason: REASONS[station.bootCause] as BootReasonEnumType,
	};
}

function bootNotificationResult(station: Station, response: BootNotificationResponse): void {
	const registration = registrationOf(response.status);
	const utcMs = parseDateTime(response.currentTime);
	if (!isNaN(utcMs)) {
		station.host.clock.set(utcMs); // B01.FR.06, before anything is stamped
		station.raise(InternalEvent.clockSet, -1, 0);
	}
	wait(station, response.interval > 0 ? response.interval : LIMITS.bootIntervalSeconds);
	station.registration = registration;
	station.host.log.event(LogCode.registered, registration, response.interval);
	// B01.FR.04: kept, because HeartbeatInterval is a persistent variable; the same value writes nothing.
	if (registration === Registration.Accepted && response.interval > 0)
		station.variables.set(Variable.OCPPCommHeartbeatInterval, String(response.interval));
}

function bootNotificationFailed(station: Station, _failure: Failure): void {
	wait(station, LIMITS.bootIntervalSeconds);
}

/** The next BootNotification not before `seconds` have passed (B02.FR.04, B03.FR.06). */
function wait(station: Station, seconds: number): void {
	station.bootMark = station.host.clock.ticks();
	station.bootWaitMs = seconds * 1000;
}

export const provisioningBlock: Block = freeze({
	section: "B",
	calls: [],
	sends: [
		{
			action: Action.BootNotification,
			gate: Registration.Unregistered,
			due: bootDue,
			build: bootNotification,
			result: bootNotificationResult,
			failed: bootNotificationFailed,
		},
	],
});
