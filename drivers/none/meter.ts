// A board without a meter: every reading fails, so that nothing is billed by guess.

import type { MeterShape } from "../evse.js";

export class NoneMeter implements MeterShape {
	/** Never answers. */
	sample(): boolean {
		return false;
	}

	close(): void {}
}
