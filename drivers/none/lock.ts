// A connector whose cable is tethered, or a socket without a motor: nothing to lock.

import type { LockShape } from "../parts.js";

export class NoneLock implements LockShape {
	get present(): boolean {
		return false;
	}

	/** There is no motor to move, and so none that fails. */
	set(): boolean {
		return true;
	}

	close(): void {}
}
