// What a TriggerMessage has asked for, until it is sent.
// Source: OCPP 2.0.1 Part 2, F06.

/** Bits of Evse.triggered. */
export const enum Triggered { meterValues = 1, transactionEvent = 2, statusNotification = 4 }

/** Bits of Station.triggered: messages of the station as a whole. */
export const enum StationTriggered { boot = 1, heartbeat = 2, logStatus = 4, firmwareStatus = 8 }
