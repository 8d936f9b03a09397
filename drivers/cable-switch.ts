// A toggle switch as plug sensor, for a bench without a control pilot: closed means that a cable connects station and
// EV, and that the EV asks for energy.
// Owns: the pin and its debouncing. Source: ECMA-419 §10.

import type { DigitalShape, PilotEvents, PilotShape, PinOptions, TimerShape } from "./parts.js";

export interface CableSwitchOptions extends PilotEvents {
	/** The switch: 1 means plugged. The board names mode and edges (both). */
	input: PinOptions;
	timer: TimerShape;
	/** Time the level must hold, ms. Default 50. */
	debounceMs?: number;
}

export class CableSwitch implements PilotShape {
	#input: DigitalShape | undefined;
	#timer: TimerShape;
	#events: PilotEvents;
	#debounceMs: number;
	#waiting: unknown = undefined;
	#plugged = false;

	/** Opens the pin; a cable that is in at start is reported after the debouncing time. */
	constructor(options: CableSwitchOptions) {
		const debounceMs = options.debounceMs ?? 50;
		if (!(debounceMs > 0 && debounceMs <= 1000)) throw new RangeError("debounceMs");
		if (!options.input?.io || !options.timer) throw new RangeError("input and timer are required");
		if (typeof options.onPlugged !== "function" || typeof options.onReady !== "function") throw new RangeError("events");
		this.#timer = options.timer;
		this.#events = options;
		this.#debounceMs = debounceMs;
		this.#input = new options.input.io({ ...options.input, onReadable: () => this.#moved() });
		this.#moved();
	}

	/** A switch cannot tell the EV how much it may draw: the wiring must stand what the EV takes. */
	offer(): void {}

	/** Gives the pin back. May be called twice; no callback follows. */
	close(): void {
		if (this.#input === undefined) return;
		if (this.#waiting !== undefined) this.#timer.clear(this.#waiting);
		this.#waiting = undefined;
		this.#input.close();
		this.#input = undefined;
	}

	// Every edge starts the waiting again, so that only a level that holds is believed.
	#moved(): void {
		if (this.#waiting !== undefined) this.#timer.clear(this.#waiting);
		this.#waiting = this.#timer.set(() => {
			this.#waiting = undefined;
			this.#judge();
		}, this.#debounceMs);
	}

	#judge(): void {
		if (this.#input === undefined) return;
		const plugged = this.#input.read() === 1;
		if (plugged === this.#plugged) return;
		this.#plugged = plugged;
		if (plugged) {
			this.#events.onPlugged(true);
			this.#events.onReady(true);
		} else {
			this.#events.onReady(false);
			this.#events.onPlugged(false);
		}
	}
}
