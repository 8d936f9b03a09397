// Diagnostics as numbers; text is made on the host. A secret has no way in.

export interface Log {
	/** Records event `code` (ports/events.ts, LogCode) with two numbers whose meaning the code gives. */
	event(code: number, a: number, b: number): void;
	/**
	 * Copies the event `age` events back (0 is the newest) as code, a, b to into[0, 3). False when it is not kept. Absent
	 * where none are.
	 */
	read?(age: number, into: Int32Array): boolean;
}
