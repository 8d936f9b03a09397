// Diagnostics as numbers; text is made on the host. A secret has no way in.

export interface Log {
	/** Records event `code` (ports/events.ts, LogCode) with two numbers whose meaning the code gives. */
	event(code: number, a: number, b: number): void;
}
