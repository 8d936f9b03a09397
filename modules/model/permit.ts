// Who allows how much current. Every party holds one number in milliamperes, 0 forbids; the answer is the minimum, so
// no priorities are needed. Only apply() talks to the power hardware.

import type { EvsePort } from "../ports/evse-port.js";

export const enum Claim {
	/** Hardware faults. */
	Safety = 0,
	/** A transaction is running, its Started is on flash, and nobody suspended it. */
	Transaction = 1,
}

export class Permit {
	/** What the hardware was told last. */
	limitMilliamps = 0;
	private readonly port: EvsePort;
	private safety: number;
	private transaction = 0;

	/** Starts closed: nothing may flow until a transaction has spoken. What the hardware carries bounds all parties. */
	constructor(port: EvsePort) {
		this.port = port;
		this.safety = port.milliampsMax;
	}

	/** Sets one party's number and tells the hardware when the minimum changed. Opening never waits. */
	claim(party: Claim, milliamps: number): void {
		if (party === Claim.Safety) this.safety = milliamps;
		else this.transaction = milliamps;
		const limit = Math.min(this.safety, this.transaction, this.port.milliampsMax);
		if (limit === this.limitMilliamps) return;
		this.limitMilliamps = limit;
		if (limit === 0) this.port.release();
		else this.port.energize(limit);
	}
}
