// Why the firmware started, in OCPP's words. Source: OCPP 2.0.1 Part 2, B01.FR.03, BootReasonEnumType.

import { freeze } from "../../preload/freeze.js";
import type { BootReasonEnumType } from "../../preload/payloads.js";

/** By RestartCause of ports/events.ts. */
export const BOOT_REASONS: readonly BootReasonEnumType[] = freeze([
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
