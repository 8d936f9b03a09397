// B. Provisioning: the station introduces itself and learns whether it may serve; the CSMS resets it or gives it
// another address. Owns: registration, the clock's first setting, the pending reset. Not the variables
// (device-model.ts).
// Source: OCPP 2.0.1 Part 2, B01 to B03, B09, B11, B12.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import { LIMITS } from "../../preload/limits.js";
import type {
	BootNotificationRequest,
	BootNotificationResponse,
	ResetRequest,
	ResetResponse,
	SetNetworkProfileRequest,
	SetNetworkProfileResponse,
} from "../../preload/payloads.js";
import { Variable } from "../../preload/variables.js";
import { parseDateTime } from "../core/datetime.js";
import { Bar, NONE_SENT } from "../model/availability.js";
import { BOOT_REASONS } from "../model/boot-reason.js";
import { Registration, registrationOf } from "../model/registration.js";
import { ResetPhase } from "../model/reset.js";
import { Reconfigured, SecurityEvent, securityEvent } from "../model/security-event.js";
import { StationTriggered } from "../model/trigger.js";
import { InternalEvent, LogCode, RestartCause, StopCause } from "../ports/events.js";
import { Cell } from "../storage/cell-ids.js";
import { networkProfileText } from "../storage/network-profile.js";
import { TransportFault } from "../transport/faults.js";
import { newEndpoint, parseUrl } from "../transport/url.js";
import type { Answer, Block, Failure, Station } from "./block.js";

const RESET_ACCEPTED: ResetResponse = freeze({ status: "Accepted" } as const);
const RESET_REJECTED: ResetResponse = freeze({ status: "Rejected" } as const);
const RESET_SCHEDULED: ResetResponse = freeze({ status: "Scheduled" } as const);
const PROFILE_ACCEPTED: SetNetworkProfileResponse = freeze({ status: "Accepted" } as const);
const PROFILE_REJECTED: SetNetworkProfileResponse = freeze({ status: "Rejected" } as const);
const PROFILE_FAILED: SetNetworkProfileResponse = freeze({ status: "Failed" } as const);

function bootDue(station: Station): boolean {
	if (station.registration === Registration.Accepted) return false;
	const left = station.bootWaitMs - station.host.clock.since(station.bootMark);
	if (left <= 0) return true;
	station.wakeWithin(left);
	return false;
}

function bootNotification(station: Station): BootNotificationRequest {
	const identity = station.host.identity;
	const isTriggered = (station.triggered & StationTriggered.boot) !== 0;
	station.triggered &= ~StationTriggered.boot;
	return {
		chargingStation: {
			serialNumber: identity.serialNumber === "" ? undefined : identity.serialNumber,
			model: identity.model,
			vendorName: identity.vendorName,
			firmwareVersion: identity.firmwareVersion === "" ? undefined : identity.firmwareVersion,
		},
		reason: BOOT_REASONS[isTriggered ? RestartCause.triggered : station.bootCause],
	};
}

function bootNotificationResult(station: Station, response: BootNotificationResponse): void {
	const registration = registrationOf(response.status);
	const utcMs = parseDateTime(response.currentTime);
	if (utcMs >= LIMITS.utcMsMin) station.setClock(utcMs); // B01.FR.06, before anything is stamped
	// Without a time of day nothing can be stamped: such an answer is none.
	if (isNaN(station.host.clock.utc())) return wait(station, LIMITS.bootIntervalSeconds);
	wait(station, response.interval > 0 ? response.interval : LIMITS.bootIntervalSeconds);
	station.registration = registration;
	station.host.log.event(LogCode.registered, registration, response.interval);
	if (registration !== Registration.Accepted) return;
	// B01.FR.05: every connector is told after each registration, to this CSMS perhaps for the first time (B10.FR.10).
	for (let i = 0; i < station.evses.length; i++) station.evses[i]!.reportedStatus = NONE_SENT;
	// B01.FR.04: kept, because HeartbeatInterval is a persistent variable; the same value writes nothing.
	if (response.interval > 0)
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

// --- Reset ---

/** One EVSE cannot be reset alone: AllowReset is false (B11.FR.09). */
function reset(station: Station, request: ResetRequest): Answer {
	if (request.evseId !== undefined) return RESET_REJECTED;
	const pending = station.reset;
	const mustWait = request.type === "OnIdle" && !isIdle(station);
	pending.phase = ResetPhase.held;
	pending.isImmediate = request.type === "Immediate";
	pending.cause = mustWait ? RestartCause.scheduledReset : RestartCause.remoteReset;
	return mustWait ? RESET_SCHEDULED : RESET_ACCEPTED;
}

/** Idle: no transaction, no cable that is locked for its owner, and no log on its way (B11, errata). */
function isIdle(station: Station): boolean {
	if (station.upload !== null && station.upload.isBusy) return false;
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (evse.transactionId !== "" || evse.lockedFor !== "") return false;
	}
	return true;
}

/** Immediate waits for the Ended events; one that the flash refuses for too long follows after the boot. */
function isEnded(station: Station): boolean {
	const left = station.messageTimeoutSeconds * 1000 - station.host.clock.since(station.reset.mark);
	if (left > 0) station.wakeWithin(left);
	return left <= 0 || !hasTransaction(station);
}

function hasTransaction(station: Station): boolean {
	for (let i = 0; i < station.evses.length; i++) if (station.evses[i]!.transactionId !== "") return true;
	return false;
}

/** The answer is out: nobody new is served any more (B12.FR.03), Immediate ends what runs (B12.FR.04). */
function resetAnswered(station: Station): void {
	const pending = station.reset;
	if (pending.phase !== ResetPhase.held) return;
	pending.phase = ResetPhase.waiting;
	pending.mark = station.host.clock.ticks();
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		evse.barred |= Bar.reset;
		if (pending.isImmediate && evse.transactionId !== "")
			station.raise(InternalEvent.authorizationEnded, i, StopCause.immediateReset);
	}
}

/** B12.FR.05: a CSMS that does not answer the last event gets it after the reboot. */
function resetStep(station: Station): void {
	const pending = station.reset;
	if (pending.phase === ResetPhase.waiting && (pending.isImmediate ? isEnded(station) : isIdle(station))) {
		pending.phase = ResetPhase.draining;
		pending.mark = station.host.clock.ticks();
	}
	if (pending.phase !== ResetPhase.draining) return;
	const left = station.messageTimeoutSeconds * 1000 - station.host.clock.since(pending.mark);
	if (station.outbox.count > 0 && station.isOnline && left > 0) return station.wakeWithin(left);
	pending.phase = ResetPhase.none;
	station.restart(pending.cause);
}

function provisioningLink(station: Station, up: boolean): void {
	if (!up) resetAnswered(station); // the answer is lost, but the CSMS may have seen it: what was promised is done
}

// --- SetNetworkProfile ---

/** Stores a profile for later; the live connection and the profile it uses stay as they are until a reboot (B09). */
function setNetworkProfile(station: Station, request: SetNetworkProfileRequest): Answer {
	const data = request.connectionData;
	if (request.configurationSlot < 1 || request.configurationSlot > LIMITS.networkProfilesMax) return PROFILE_REJECTED;
	if (data.ocppTransport !== "JSON" || !isProfileUrl(data.ocppCsmsUrl, data.securityProfile)) return PROFILE_REJECTED;
	if (data.securityProfile < station.securityProfile) return PROFILE_REJECTED; // B09.FR.04
	if (data.messageTimeout < 1 || data.apn !== undefined || data.vpn !== undefined) return PROFILE_REJECTED;
	const text = networkProfileText(data.ocppCsmsUrl, data.securityProfile, data.messageTimeout);
	const isKept = station.cells.set(Cell.networkProfile + request.configurationSlot - 1, text);
	if (!isKept) return PROFILE_FAILED;
	const event = securityEvent(SecurityEvent.reconfigurationOfSecurityParameters, Reconfigured.networkProfile);
	station.raise(InternalEvent.securityEvent, -1, event);
	return PROFILE_ACCEPTED;
}

/** Profile 1 goes with ws, 2 and 3 with wss (A00.FR.201, A00.FR.302). */
function isProfileUrl(url: string, securityProfile: number): boolean {
	const endpoint = newEndpoint();
	if (parseUrl(url, endpoint) !== TransportFault.none) return false;
	return endpoint.secure ? securityProfile === 2 || securityProfile === 3 : securityProfile === 1;
}

export const provisioningBlock: Block = freeze({
	section: "B",
	calls: [
		{ action: Action.Reset, gate: Registration.Accepted, handle: reset, afterwards: resetAnswered },
		{ action: Action.SetNetworkProfile, gate: Registration.Accepted, handle: setNetworkProfile },
	],
	step: resetStep,
	link: provisioningLink,
	sends: [
		{
			action: Action.BootNotification,
			gate: Registration.Unregistered,
			isDue: bootDue,
			build: bootNotification,
			onResult: bootNotificationResult,
			onFailure: bootNotificationFailed,
		},
	],
});
