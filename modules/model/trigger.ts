// What a TriggerMessage has asked for, until it is sent.
// Source: OCPP 2.0.1 Part 2, F06.

import { freeze } from "../../preload/freeze.js";

/** Bits of Evse.triggered. */
export const Triggered = freeze({ meterValues: 1, transactionEvent: 2, statusNotification: 4 } as const);

/** Bits of Station.triggered: messages of the station as a whole. */
export const StationTriggered = freeze({ boot: 1, heartbeat: 2, logStatus: 4, firmwareStatus: 8 } as const);
