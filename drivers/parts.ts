// The shapes that drivers are built from: ECMA-419 IO as it looks from outside, and what an EVSE is put together of.
// Types only, so that a driver imports neither its bus nor its timer and a test can hand in its own.
// Source: ECMA-419 §8 (IO), §12 (sensors); Moddable documentation/base/base.md, Timer.

/** Station.post: a fact for the station. True when the ring took it. */
export type Post = (code: number, evseIndex: number, value: number) => boolean;

/** The module `timer`. `set` calls back once after `intervalMs`, or again every `repeatMs` when that is given. */
export interface TimerShape {
	set(callback: () => void, intervalMs?: number, repeatMs?: number): unknown;
	clear(timer: unknown): void;
}

/** ECMA-419 §10 Digital: one pin. */
export interface DigitalShape {
	read(): number;
	write(value: number): void;
	close(): void;
}

/** Options of a pin as the board gives them; a driver adds mode, edges and callback where the board does not. */
export interface PinOptions {
	/** The Digital constructor. */
	io: DigitalMaker;
	pin: number;
	/** Digital.Input, InputPullUp, Output, …; their values differ between hosts, so the board names them. */
	mode: unknown;
	/** True where a low level means 1. */
	activeLow?: boolean;
	/** Digital.Rising | Digital.Falling for inputs whose driver wants to be called. */
	edge?: number;
}
export interface DigitalOptions extends PinOptions {
	initialValue?: number;
	onReadable?: () => void;
}
// The options of the host's own constructor differ from version to version of its typings.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type DigitalMaker = new (options: any) => DigitalShape;

/** What the pilot of an EVSE tells and does. */
export interface PilotShape {
	/** Offers `milliamps` per phase to the EV; 0 withdraws the offer. */
	offer(milliamps: number): void;
	close(): void;
}

/** Facts that a pilot reports, always from an empty stack. */
export interface PilotEvents {
	/** A cable connects station and EV (true), or it does not any more. */
	onPlugged(plugged: boolean): void;
	/** The EV asks for energy (true) or pauses. */
	onReady(ready: boolean): void;
}

/** The lock of a socket. */
export interface LockShape {
	/** True where there is a motor to move. */
	readonly present: boolean;
	/** False when the bolt is known not to move. */
	set(locked: boolean): boolean;
	close(): void;
}
