// Diagnostic events: a ring of the newest ones in RAM, and a line of numbers where somebody listens.
// Text is made on the desk from these numbers (modules/ports/events.ts, LogCode); a secret has no way in.

import type { Log } from "../modules/ports/log.js";

export interface NumberLogOptions {
	/** Where a line goes, e.g. the global trace; a release build of an ESP drops it. Default: nowhere. */
	write?: (line: string) => void;
	/** Events kept, 1 to 256. Default 32: 384 bytes. */
	events?: number;
}

export class NumberLog implements Log {
	#write: ((line: string) => void) | undefined;
	#ring: Int32Array;
	#next = 0;
	#count = 0;

	constructor(options: NumberLogOptions) {
		const events = options.events ?? 32;
		if (!(events >= 1 && events <= 256)) throw new RangeError("events");
		this.#write = options.write;
		this.#ring = new Int32Array(3 * events);
	}

	event(code: number, a: number, b: number): void {
		const ring = this.#ring;
		const at = this.#next;
		ring[at] = code;
		ring[at + 1] = a;
		ring[at + 2] = b;
		this.#next = at + 3 === ring.length ? 0 : at + 3;
		if (3 * this.#count < ring.length) this.#count++;
		if (this.#write !== undefined) this.#write("log " + code + " " + a + " " + b + "\n");
	}

	/** Events in the ring. */
	get count(): number {
		return this.#count;
	}

	/** Copies the event `age` events back (0 is the newest) as code, a, b to into[0, 3). False when there is none. */
	read(age: number, into: Int32Array): boolean {
		if (!(age >= 0 && age < this.#count)) return false;
		const ring = this.#ring;
		const at = (this.#next + ring.length - 3 * (age + 1)) % ring.length;
		for (let i = 0; i < 3; i++) into[i] = ring[at + i];
		return true;
	}
}
