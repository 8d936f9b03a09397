// Chance on the desktop: the machine's own source, or a stream that a seed determines, for runs that must repeat.

import { createHash, randomFillSync } from "node:crypto";
import type { Entropy } from "../../modules/ports/entropy.js";

/** Unpredictable bytes from the machine. */
export class NodeEntropy implements Entropy {
	fill(bytes: Uint8Array, from: number, to: number): void {
		randomFillSync(bytes, from, to - from);
	}
}

/**
 * The same bytes for the same seed and run: SHA-256 over (seed, run, counter). `run` counts the boots of a store, so that
 * message ids of one boot never come again in the next one, although the whole history repeats from the seed.
 */
export class SeededEntropy implements Entropy {
	private block = new Uint8Array(0);
	private used = 0;
	private counter = 0;

	constructor(private readonly seed: number, private readonly run: number = 0) {}

	fill(bytes: Uint8Array, from: number, to: number): void {
		for (let at = from; at < to; at++) bytes[at] = this.next();
	}

	/** The next byte of the stream. */
	next(): number {
		if (this.used === this.block.length) {
			this.block = createHash("sha256").update(`${this.seed}/${this.run}/${this.counter++}`).digest();
			this.used = 0;
		}
		return this.block[this.used++];
	}

	/** A whole number in [0, below), below at most 2^32; even enough for tests. */
	below(below: number): number {
		const word = this.next() * 0x1000000 + this.next() * 0x10000 + this.next() * 0x100 + this.next();
		return Math.floor((word / 0x100000000) * below);
	}
}
