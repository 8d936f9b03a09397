// Who allows how much current. Every party holds one number in milliamperes, 0 forbids; the answer is the minimum, so
// no priorities are needed. Only apply() talks to the power hardware.

import { freeze } from "../../preload/freeze.js";
import type { EvsePort } from "../ports/evse-port.js";

export const Claim = freeze({
	/** Hardware faults. */
	Safety: 0,
	/** A transaction is running, its Started is on flash, and nobody suspended it. */
	Transaction: 1,
	/** What the hardware can carry. */
	Hardware: 2,
} as const);
const CLAIMS = 3;

export class Permit {
	/** What the hardware was told last. */
	limitMilliamps = 0;
	private readonly port: EvsePort;
	private readonly claims: Int32Array;

	/** Starts closed: nothing may flow until every party has spoken. */
	constructor(port: EvsePort) {
		this.port = port;
		this.claims = new Int32Array(CLAIMS);
		this.claims[Claim.Safety] = port.milliampsMax;
		this.claims[Claim.Hardware] = port.milliampsMax;
	}

	/** Sets one party's number and tells the hardware when the minimum changed. Opening never waits. */
	claim(party: number, milliamps: number): void {
		this.claims[party] = milliamps;
		let limit = this.claims[0] as number;
		for (let i = 1; i < CLAIMS; i++) if ((this.claims[i] as number) < limit) limit = this.claims[i] as number;
		if (limit === this.limitMilliamps) return;
		this.limitMilliamps = limit;
		if (limit === 0) this.port.release();
		else this.port.energize(limit);
	}
}
