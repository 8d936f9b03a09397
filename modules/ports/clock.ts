// Time as it is handed in. Nothing under modules/ may ask the engine for the time.

export interface Clock {
	/** Milliseconds of a signed 32-bit counter that wraps (Moddable documentation/base/base.md, Time.ticks). */
	ticks(): number;
	/**
	 * Milliseconds since `mark`, right across the wrap; the only place where ticks are subtracted. From 0 to 2^32 - 1: a
	 * mark that was set 25 days ago is not one of the future. After 49 days it counts from 0 again.
	 */
	since(mark: number): number;
	/** Milliseconds since 1970 UTC, or NaN while the clock was never set. */
	utc(): number;
	/** Sets the clock (BootNotification, Heartbeat). */
	set(utcMs: number): void;
}
