// The status of a connector, from the facts of its EVSE.
// Source: OCPP 2.0.1 Part 2, G01; Appendix, ConnectorStatusEnumType.

import type { ConnectorStatusEnumType } from "../../preload/payloads.js";
import type { Evse } from "./evse.js";
import { Fact } from "./facts.js";

/** Value of Evse.sentStatus and Evse.reportedStatus while the CSMS was told nothing. */
export const NONE_SENT = "";

/** Status of the EVSE's one connector. */
export function connectorStatus(evse: Evse): ConnectorStatusEnumType {
	if (evse.faults !== 0) return "Faulted";
	return evse.facts & Fact.EVConnected || evse.transactionId !== "" ? "Occupied" : "Available";
}

/** Status of the station as a whole: Available while one EVSE is, else what its EVSEs agree on, faults last. */
export function stationStatus(evses: readonly Evse[]): ConnectorStatusEnumType {
	let status: ConnectorStatusEnumType = "Faulted";
	for (let i = 0; i < evses.length; i++) {
		const one = connectorStatus(evses[i] as Evse);
		if (one === "Available") return one;
		if (one === "Occupied" || status === "Faulted") status = one;
	}
	return status;
}
