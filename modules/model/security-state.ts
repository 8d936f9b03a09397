// What the security block remembers between steps. Everything that must last is in the journal on flash.

/** Value of `held` while an event of the kind may be written at once. */
export const OPEN = -1;

/** An event that an outsider can cause as often as he likes: written once in a while, the rest only counted. */
export class Rate {
	/** Clock mark of the last one that was written. */
	mark = 0;
	/** Those since then; OPEN when the next one is written. */
	held = OPEN;
}

export class SecurityState {
	readonly invalid = new Rate();
	readonly tamper = new Rate();
	/** A bit per SecurityEvent that the flash refused, and when that was. */
	owed = 0;
	owedMark = 0;
	/** A bit per Exhausted that was told and goes on, and when the last one was. */
	exhausted = 0;
	exhaustedMark = 0;
	/** Counters of the queue and of the journal as they were told. */
	thinned = 0;
	dropped = 0;
	/** The CSMS has refused the password since the last connection that stood. */
	isRefused = false;
	/** Attempts to tell the oldest event, and until when it waits. */
	attempts = 0;
	retryMark = 0;
	retryMs = 0;
}
