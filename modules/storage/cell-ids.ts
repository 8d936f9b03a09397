// The cells of the store: one number per thing that is kept. A number is never changed or given out again, because it
// is on the flash of stations in the field. Variables have their own column (CELL of preload/variables.ts) and lie
// behind.

import { LIMITS } from "../../preload/limits.js";
import { WRITABLE_COUNT } from "../../preload/variables.js";

export const enum Cell {
	/** Starts of the firmware, a number; message ids that never repeat are made of it. */
	bootCount = 0,
	/** RestartCause of a reboot that was asked for; absent after a power cut. */
	restartCause = 1,
	/** Basic authentication password. */
	password = 2,
	/** Slot of the network profile that is in use. */
	activeProfile = 3,
	/** Network profile of slot s (from 0): networkProfile + s, up to 6 slots. */
	networkProfile = 4,
	/** Operational status that the CSMS has set: station, then each EVSE and connector (availability + 0 … 8). */
	availability = 10,
	/** Running transaction of EVSE e (evseIndex from 0): transaction + e, up to LIMITS.evsesMax. */
	transaction = 20,
	/** A time that has been, UTC seconds; dates of certificates count from it while the clock was never set. */
	timeFloor = 28,
	/** Highest security profile that has worked; none below it is used any more (A05.FR.06). */
	securityProfile = 29,
	/** First cell of the variables. */
	variables = 32,
}

/** Cells are below this. */
export const CELLS_MAX = 96;

/** Cell of a variable, given its number in CELL of preload/variables.ts. */
export function variableCell(number: number): number {
	return Cell.variables + number;
}

function holds(condition: boolean, relation: string): void {
	if (!condition) throw new Error("cell-ids.ts: " + relation);
}
holds(Cell.variables + WRITABLE_COUNT <= CELLS_MAX, "the cells of the variables must be below CELLS_MAX");
holds(Cell.transaction + LIMITS.evsesMax <= Cell.timeFloor, "the cells of transactions must not reach the next ones");
