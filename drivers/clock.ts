// Time of the chip: the tick counter of the module `time`, and the wall clock behind Date once someone has set it.
// Source: Moddable documentation/base/base.md, Time; ECMA-262 Date.

import type { Clock } from "../modules/ports/clock.js";

export interface ClockOptions {
	/** The module `time`. */
	time: { readonly ticks: number; set(seconds: number): void };
	/** Reads the wall clock in ms since 1970: Date.now. */
	now: () => number;
	/**
	 * A wall clock below this was never set, ms since 1970. Default 2024-01-01: a chip starts in 1970, and one that
	 * kept its clock over a reset is right.
	 */
	validFromMs?: number;
}

export class DeviceClock implements Clock {
	#time: ClockOptions["time"];
	#now: () => number;
	#validFromMs: number;
	// The chip's clock takes whole seconds; what it lost of the last set() is added here.
	#restMs = 0;

	constructor(options: ClockOptions) {
		if (!options.time || typeof options.now !== "function") throw new RangeError("time and now are required");
		this.#time = options.time;
		this.#now = options.now;
		this.#validFromMs = options.validFromMs ?? 1_704_067_200_000;
	}

	// On the simulators ticks are not 32-bit; here they always are, so that subtraction wraps in one way only.
	ticks(): number {
		return this.#time.ticks | 0;
	}

	since(mark: number): number {
		return ((this.#time.ticks | 0) - mark) >>> 0;
	}

	utc(): number {
		const utcMs = this.#now() + this.#restMs;
		return utcMs < this.#validFromMs ? NaN : utcMs;
	}

	set(utcMs: number): void {
		if (!(utcMs >= this.#validFromMs)) return;
		const seconds = Math.floor(utcMs / 1000);
		this.#time.set(seconds);
		this.#restMs = utcMs - this.#now();
		// A clock that keeps its own fraction of a second is not corrected by more than that.
		if (!(this.#restMs >= 0 && this.#restMs < 1000)) this.#restMs = 0;
	}
}
