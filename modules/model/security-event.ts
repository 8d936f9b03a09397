// Security events: their numbers, names and weight. The number is what the journal keeps on flash, so it never changes
// and is never given out again (docs/flash-format.md).
// Source: OCPP 2.0.1 Part 2, appendix 1 (security events), A04; A02.FR.29 (errata of 2025-01).

import { freeze } from "../../preload/freeze.js";

export const enum SecurityEvent {
	firmwareUpdated = 0,
	failedToAuthenticateAtCsms = 1,
	csmsFailedToAuthenticate = 2,
	settingSystemTime = 3,
	startupOfTheDevice = 4,
	resetOrReboot = 5,
	securityLogWasCleared = 6,
	reconfigurationOfSecurityParameters = 7,
	memoryExhaustion = 8,
	invalidMessages = 9,
	attemptedReplayAttacks = 10,
	tamperDetectionActivated = 11,
	invalidFirmwareSignature = 12,
	invalidFirmwareSigningCertificate = 13,
	invalidCsmsCertificate = 14,
	invalidChargingStationCertificate = 15,
	invalidTLSVersion = 16,
	invalidTLSCipherSuite = 17,
	maintenanceLoginAccepted = 18,
	maintenanceLoginFailed = 19,
	discardedRenewedClientCertificate = 20,
}

/** By SecurityEvent, as they are on the wire. */
export const SECURITY_EVENT_NAMES: readonly string[] = freeze([
	"FirmwareUpdated",
	"FailedToAuthenticateAtCsms",
	"CsmsFailedToAuthenticate",
	"SettingSystemTime",
	"StartupOfTheDevice",
	"ResetOrReboot",
	"SecurityLogWasCleared",
	"ReconfigurationOfSecurityParameters",
	"MemoryExhaustion",
	"InvalidMessages",
	"AttemptedReplayAttacks",
	"TamperDetectionActivated",
	"InvalidFirmwareSignature",
	"InvalidFirmwareSigningCertificate",
	"InvalidCsmsCertificate",
	"InvalidChargingStationCertificate",
	"InvalidTLSVersion",
	"InvalidTLSCipherSuite",
	"MaintenanceLoginAccepted",
	"MaintenanceLoginFailed",
	"DiscardedRenewedClientCertificate",
]);

/** One bit per event that is only logged. */
const LOGGED_ONLY =
	(1 << SecurityEvent.failedToAuthenticateAtCsms) |
	(1 << SecurityEvent.csmsFailedToAuthenticate) |
	(1 << SecurityEvent.reconfigurationOfSecurityParameters) |
	(1 << SecurityEvent.invalidMessages) |
	(1 << SecurityEvent.attemptedReplayAttacks);

/** True for an event that the CSMS must be told (A04.FR.01). */
export function isCritical(type: number): boolean {
	return (LOGGED_ONLY & (1 << type)) === 0;
}

/** An event with a detail from 0 to 2^23 - 1 as the value of InternalEvent.securityEvent. */
export function securityEvent(type: SecurityEvent, detail: number): number {
	return type | (detail << 8);
}

/** Detail of reconfigurationOfSecurityParameters. */
export const enum Reconfigured { password = 0, networkProfile = 1, certificate = 2 }

/** Detail of memoryExhaustion. */
export const enum Exhausted { eventsThinned = 0, eventRefused = 1, securityEventsDropped = 2 }
