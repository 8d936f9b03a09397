// A Reset that the CSMS has asked for, from the answer to the reboot.
// Source: OCPP 2.0.1 Part 2, B11, B12.

export const enum ResetPhase {
	none = 0,
	/** Accepted or Scheduled; it takes effect when the answer is out. */
	held = 1,
	/** Waits until no transaction runs (OnIdle). */
	waiting = 2,
	/** Waits until the last events are delivered, or the CSMS is silent for too long (B12.FR.05). */
	draining = 3,
}

export class PendingReset {
	phase: ResetPhase = ResetPhase.none;
	isImmediate = false;
	/** RestartCause that the next boot tells. */
	cause = 0;
	/** Clock mark of the beginning of the draining. */
	mark = 0;
}
