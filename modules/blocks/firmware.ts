// L. Firmware: its status, when the CSMS asks for it. This build has no update over OCPP, so none is ever under way.
// Source: OCPP 2.0.1 Part 2, F06.FR.16, L01.FR.25.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import type { FirmwareStatusNotificationRequest } from "../../preload/payloads.js";
import { Registration } from "../model/registration.js";
import { StationTriggered } from "../model/trigger.js";
import type { Block, Station } from "./block.js";

/** Idle alone has no requestId. */
const IDLE: FirmwareStatusNotificationRequest = freeze({ status: "Idle" } as const);

function statusDue(station: Station): boolean {
	return (station.triggered & StationTriggered.firmwareStatus) !== 0;
}

function firmwareStatusNotification(station: Station): FirmwareStatusNotificationRequest {
	station.triggered &= ~StationTriggered.firmwareStatus;
	return IDLE;
}

function statusDone(): void {}

export const firmwareBlock: Block = freeze({
	section: "L",
	calls: [],
	sends: [
		{
			action: Action.FirmwareStatusNotification,
			gate: Registration.Pending,
			isDue: statusDue,
			build: firmwareStatusNotification,
			onResult: statusDone,
			onFailure: statusDone,
		},
	],
});
