// What is true of an EVSE, as bits. Drivers and commands change bits; the transaction rule reads nothing else.
// The first bits carry the names of TxStartStopPointEnumType, so that a start or stop point is a mask over them.
// Source: OCPP 2.0.1 Part 2, E §1.1.1 and §1.1.2.

export const enum Fact {
	/** Both ends of the cable are in. */
	EVConnected = 1,
	/** A driver or the CSMS has authorized charging, and nobody has ended it. */
	Authorized = 2,
	/** The EV asks for energy (IEC 61851 state C or D). */
	EvReady = 4,
	/** Current flows. */
	EnergyTransfer = 8,
	/** The CSMS refused the token of the running transaction, and StopTxOnInvalidId is false (E05.FR.02). */
	Suspended = 16,
}

/** Authorized and EVConnected together; it says nothing about the relay. */
export const POWER_PATH_CLOSED = 3;

/** TxStartPoint and TxStopPoint of this station: both PowerPathClosed, and read-only. */
export const START_POINT = POWER_PATH_CLOSED;
export const STOP_POINT = POWER_PATH_CLOSED;

/** True when a transaction must start now (E01.FR.05, E01.FR.14). */
export function mustStart(facts: number, active: boolean): boolean {
	return !active && (facts & START_POINT) === START_POINT;
}

/** True when the running transaction must end now (E06.FR.06, E06.FR.08). */
export function mustStop(facts: number, active: boolean): boolean {
	return active && (facts & STOP_POINT) !== STOP_POINT;
}

/**
 * ChargingStateEnumType of an EVSE with these facts.
 * @param limitMilliamps  what the permit allows
 * @param previous        the state so far: between an EV that asks and a current that flows nothing is told
 */
export function chargingStateOf(facts: number, limitMilliamps: number, previous: ChargingState): ChargingState {
	if (!(facts & Fact.EVConnected)) return "Idle";
	if (!(facts & Fact.Authorized)) return "EVConnected";
	if (facts & Fact.Suspended) return "SuspendedEVSE";
	if (facts & Fact.EnergyTransfer) return "Charging";
	if (limitMilliamps === 0) return "EVConnected";
	return facts & Fact.EvReady && previous !== "Charging" ? previous : "SuspendedEV";
}

export type ChargingState = "Charging" | "EVConnected" | "SuspendedEV" | "SuspendedEVSE" | "Idle";
