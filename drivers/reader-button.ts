// A push button as card reader: a press presents one token that the board names. Useful on a dev kit, and in a garage
// where whoever can reach the button may charge.
// Owns: the pin and its debouncing. Source: ECMA-419 §10; IdTokenEnumType in OCPP 2.0.1 Part 2, 3.43.

import type { TokenReader } from "../modules/ports/reader.js";
import type { DigitalShape, PinOptions, TimerShape } from "./parts.js";

export interface ReaderButtonOptions {
	/** The button: 1 means pressed. The board names mode and edges (both). */
	input: PinOptions;
	timer: TimerShape;
	/** Token that a press presents, 1 to 36 characters. */
	idToken: string;
	/** Its IdTokenEnumType. Default "Local". */
	type?: string;
	/** Time the button must be held, ms. Default 30. */
	debounceMs?: number;
	/** The button was pressed; from an empty stack. */
	onToken(): void;
}

export class ReaderButton implements TokenReader {
	readonly idToken: string;
	readonly type: string;
	#input: DigitalShape | undefined;
	#timer: TimerShape;
	#debounceMs: number;
	#onToken: () => void;
	#waiting: unknown = undefined;
	#pressed = false;

	/** Opens the pin. Throws RangeError before that when an option is wrong. */
	constructor(options: ReaderButtonOptions) {
		const debounceMs = options.debounceMs ?? 30;
		if (!(debounceMs > 0 && debounceMs <= 1000)) throw new RangeError("debounceMs");
		if (!options.idToken || options.idToken.length > 36) throw new RangeError("idToken");
		if (!options.input?.io || !options.timer) throw new RangeError("input and timer are required");
		if (typeof options.onToken !== "function") throw new RangeError("onToken");
		this.idToken = options.idToken;
		this.type = options.type ?? "Local";
		this.#timer = options.timer;
		this.#debounceMs = debounceMs;
		this.#onToken = options.onToken;
		this.#input = new options.input.io({ ...options.input, onReadable: () => this.#moved() });
	}

	/** Gives the pin back. May be called twice; no callback follows. */
	close(): void {
		if (this.#input === undefined) return;
		if (this.#waiting !== undefined) this.#timer.clear(this.#waiting);
		this.#waiting = undefined;
		this.#input.close();
		this.#input = undefined;
	}

	#moved(): void {
		if (this.#waiting !== undefined) this.#timer.clear(this.#waiting);
		this.#waiting = this.#timer.set(() => {
			this.#waiting = undefined;
			this.#judge();
		}, this.#debounceMs);
	}

	#judge(): void {
		if (this.#input === undefined) return;
		const pressed = this.#input.read() === 1;
		if (pressed === this.#pressed) return;
		this.#pressed = pressed;
		if (pressed) this.#onToken();
	}
}
