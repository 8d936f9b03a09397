// Clocks of the virtual board and the timers that belong to them. The virtual one moves only when told and is the base of
// all tests in virtual time; the desktop one follows the machine, at any rate, and can be advanced by hand.
// Both start their 32-bit counter close to the wrap, so that no run goes without passing it.

import type { Clock } from "../../modules/ports/clock.js";

/** Cancels a timer; may be called twice and after the timer ran. */
export type Cancel = () => void;

/** Timers of the board. Callbacks run from an empty stack, in the order of their due times. */
export interface Scheduler {
	/** Runs `callback` once, `delayMs` board milliseconds from now (0 means: as soon as the stack is empty). */
	after(delayMs: number, callback: () => void): Cancel;
}

/** One waiting timer. `order` keeps timers of the same instant in the order in which they were set. */
interface Timer {
	dueMs: number;
	order: number;
	callback: () => void;
}

/** Timers sorted by due time. Times here are milliseconds since the clock was made, and never wrap. */
class TimerList {
	private readonly timers: Timer[] = [];
	private order = 0;

	add(dueMs: number, callback: () => void): Timer {
		const timer = { dueMs, order: this.order++, callback };
		let at = this.timers.length;
		while (at > 0 && this.timers[at - 1].dueMs > dueMs) at--;
		this.timers.splice(at, 0, timer);
		return timer;
	}

	remove(timer: Timer): void {
		const at = this.timers.indexOf(timer);
		if (at >= 0) this.timers.splice(at, 1);
	}

	/** Due time of the next timer, or Infinity. */
	get nextMs(): number {
		return this.timers.length === 0 ? Infinity : this.timers[0].dueMs;
	}

	/** Takes the next timer out if it is due at `nowMs`. */
	take(nowMs: number): Timer | undefined {
		return this.nextMs <= nowMs ? this.timers.shift() : undefined;
	}

	get count(): number {
		return this.timers.length;
	}
}

/** Five seconds before the signed 32-bit counter wraps. */
export const TICKS_NEAR_WRAP = 0x7fffffff - 5000;

/** A clock that stands still until advance() moves it; the board's timers run on the way, in order. */
export class VirtualClock implements Clock, Scheduler {
	private readonly list = new TimerList();
	private nowMs = 0;
	private utcOffsetMs = NaN;

	constructor(private readonly startTicks: number = TICKS_NEAR_WRAP) {}

	ticks(): number {
		return (this.startTicks + this.nowMs) | 0;
	}

	since(mark: number): number {
		return (this.ticks() - mark) >>> 0;
	}

	utc(): number {
		return this.nowMs + this.utcOffsetMs;
	}

	set(utcMs: number): void {
		this.utcOffsetMs = utcMs - this.nowMs;
	}

	/** Forgets the time of day, as a power cut does on a board without a battery; the counter goes on. */
	forget(): void {
		this.utcOffsetMs = NaN;
	}

	/** Milliseconds since this clock was made; never wraps. */
	get elapsedMs(): number {
		return this.nowMs;
	}

	/** Milliseconds until the next timer, or Infinity. */
	get nextInMs(): number {
		return Math.max(0, this.list.nextMs - this.nowMs);
	}

	after(delayMs: number, callback: () => void): Cancel {
		const timer = this.list.add(this.nowMs + Math.max(0, delayMs), callback);
		return () => this.list.remove(timer);
	}

	/** Moves time by `ms` and runs every timer that becomes due, each at its own instant. */
	advance(ms: number): void {
		const targetMs = this.nowMs + ms;
		for (;;) {
			const dueMs = this.list.nextMs;
			if (dueMs > targetMs) break;
			if (dueMs > this.nowMs) this.nowMs = dueMs;
			this.list.take(this.nowMs)?.callback();
		}
		this.nowMs = targetMs;
	}

	/** Runs what is due now, timers with delay 0 set on the way included. */
	settle(): void {
		this.advance(0);
	}
}

/** Where the desktop clock gets its milliseconds from; a test may put its own here. */
export type Monotonic = () => number;

/** The clock of the desktop station: the machine's time, times `rate`, plus what advance() added. */
export class DesktopClock implements Clock, Scheduler {
	private readonly list = new TimerList();
	private readonly startTicks: number;
	private utcOffsetMs = NaN;
	private countedMs = 0;
	private markMs: number;
	private atMarkMs = 0;
	private rateNow = 1;
	private armed: NodeJS.Timeout | NodeJS.Immediate | undefined;
	private stopped = false;
	/** Waits until what the board has sent is answered, as far as one can tell; used by advance(). */
	rest: () => Promise<void> = turn;

	constructor(private readonly monotonic: Monotonic = () => performance.now(), startTicks: number = 0x7fffffff - 60_000) {
		this.startTicks = startTicks;
		this.markMs = monotonic();
	}

	private nowMs(): number {
		return this.atMarkMs + (this.monotonic() - this.markMs) * this.rateNow;
	}

	ticks(): number {
		// Rounding must not turn the counter back by one: since() would tell of 49 days.
		this.countedMs = Math.max(this.countedMs, Math.floor(this.nowMs()));
		return (this.startTicks + this.countedMs) | 0;
	}

	since(mark: number): number {
		return (this.ticks() - mark) >>> 0;
	}

	utc(): number {
		return Math.floor(this.nowMs() + this.utcOffsetMs);
	}

	set(utcMs: number): void {
		this.utcOffsetMs = utcMs - this.nowMs();
	}

	get rate(): number {
		return this.rateNow;
	}

	/** Board milliseconds that pass in one millisecond of the machine; more than 0. */
	set rate(rate: number) {
		this.moveTo(this.nowMs());
		this.rateNow = rate;
		this.arm();
	}

	after(delayMs: number, callback: () => void): Cancel {
		const timer = this.list.add(this.nowMs() + Math.max(0, delayMs), callback);
		this.arm();
		return () => {
			this.list.remove(timer);
			this.arm();
		};
	}

	/**
	 * Jumps `ms` ahead and runs the timers on the way, each at its own instant. Between two instants the machine gets time
	 * to move what is on its sockets, so that a reply of the CSMS comes before a timeout that follows much later.
	 */
	async advance(ms: number): Promise<void> {
		const targetMs = this.nowMs() + ms;
		while (!this.stopped) {
			// A reply that is on its way may set a timer that is due before the target.
			if (this.list.nextMs > this.nowMs()) await this.rest();
			if (this.list.nextMs > targetMs) break;
			if (this.list.nextMs > this.nowMs()) this.moveTo(this.list.nextMs);
			this.list.take(this.nowMs())?.callback();
		}
		this.moveTo(Math.max(targetMs, this.nowMs()));
		this.arm();
	}

	/** Ends all timers; the clock still tells the time. */
	stop(): void {
		this.stopped = true;
		while (this.list.take(Infinity) !== undefined);
		this.disarm();
	}

	private moveTo(nowMs: number): void {
		this.atMarkMs = nowMs;
		this.markMs = this.monotonic();
	}

	private disarm(): void {
		if (this.armed === undefined) return;
		clearTimeout(this.armed as NodeJS.Timeout);
		clearImmediate(this.armed as NodeJS.Immediate);
		this.armed = undefined;
	}

	private arm(): void {
		this.disarm();
		if (this.stopped || this.list.count === 0) return;
		const waitMs = (this.list.nextMs - this.nowMs()) / this.rateNow;
		this.armed = waitMs <= 0 ? setImmediate(() => this.run()) : setTimeout(() => this.run(), Math.min(Math.ceil(waitMs), 0x7fffffff));
	}

	private run(): void {
		this.armed = undefined;
		const timer = this.list.take(this.nowMs());
		try {
			timer?.callback();
		} finally {
			this.arm();
		}
	}
}

/** Lets the machine's event loop go round once. */
export function turn(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}
