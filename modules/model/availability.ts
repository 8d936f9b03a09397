// Who may be charged at, and what is told of it: three independent layers of availability and a fourth of our own.
// A scheduled change needs no state: the layer changes at once, and a running transaction covers it until it ends.
// Source: OCPP 2.0.1 Part 2, G01, G03, G04; Appendix, ConnectorStatusEnumType.

import { freeze } from "../../preload/freeze.js";
import type { ConnectorStatusEnumType } from "../../preload/payloads.js";
import type { Evse } from "./evse.js";
import { Fact } from "./facts.js";

/** Value of Evse.sentStatus and Evse.reportedStatus while the CSMS was told nothing. */
export const NONE_SENT = "";

/** Layers that can close an EVSE, as bits of Evse.barred; it is open when none does (G03.FR.06, G04.FR.07). */
export const enum Bar {
	station = 1,
	evse = 2,
	connector = 4,
	/** A reset waits for the last transaction (B12.FR.03); not the CSMS's setting, and not kept over a reboot. */
	reset = 8,
}
/** What ChangeAvailability sets and a reboot must not forget (G03.FR.08). */
export const BARS_KEPT = 7;

/** Status of the EVSE's one connector. */
export function connectorStatus(evse: Evse): ConnectorStatusEnumType {
	if (evse.faults !== 0) return "Faulted";
	if (evse.transactionId !== "") return "Occupied";
	if (evse.barred !== 0) return "Unavailable";
	return evse.facts & Fact.EVConnected ? "Occupied" : "Available";
}

/** True when a new transaction may begin here (F01.FR.23). */
export function isFree(evse: Evse): boolean {
	return evse.transactionId === "" && evse.faults === 0 && evse.barred === 0;
}

/** Status of the station as a whole: what its best EVSE can offer. */
export function stationStatus(evses: readonly Evse[]): ConnectorStatusEnumType {
	let best = 0;
	for (let i = 0; i < evses.length; i++) best = Math.max(best, RANKS.indexOf(connectorStatus(evses[i] as Evse)));
	return RANKS[best] as ConnectorStatusEnumType;
}

/** From the worst to the best. */
const RANKS: readonly ConnectorStatusEnumType[] = freeze(["Faulted", "Unavailable", "Occupied", "Available"]);
