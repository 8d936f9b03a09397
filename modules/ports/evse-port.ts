// The power hardware of one EVSE. Protection that must not wait (residual current, lost pilot, overheating) opens the
// contactor inside the driver and then posts a fact; the station agrees afterwards.

/** One reading of the meter; the station owns the object and lets the driver fill it again and again. */
export interface MeterReading {
	/** Register of imported active energy in Wh: only rises, never rebased (J02.FR.16). */
	energyWh: number;
	powerW: number;
	/** Per phase, index 0 is L1; NaN for a phase that the meter does not measure. */
	currentA: number[];
	voltageV: number[];
}

export interface EvsePort {
	/** Number of phases that are wired, 1 or 3. */
	readonly phases: number;
	/** Most current per phase that the hardware may offer, in milliamperes. */
	readonly milliampsMax: number;
	/** True where the socket has a lock of its own (a detachable cable). */
	readonly hasLock: boolean;
	/** Connector as ConnectorEnumType names it, e.g. "sType2", "cType2". */
	readonly connectorType: string;
	/** Offers `limitMilliamps` per phase: pilot duty first, then the contactor when the EV asks. 0 is release(). */
	energize(limitMilliamps: number): void;
	/** Opens the contactor and withdraws the offer. Never waits, never fails. */
	release(): void;
	/**
	 * Moves the cable lock. False when the bolt is known not to move; a failure that shows later is posted as a fact
	 * (FaultBit.lock). Without a lock nothing happens and the answer is true.
	 */
	lock(on: boolean): boolean;
	/** Fills `reading` with the present values; false when the meter does not answer. */
	sample(reading: MeterReading): boolean;
}
