// Chance of the simulator: everything that a run draws comes from one seed, through streams that do not disturb each
// other, so that a change in one part of the world leaves the others as they were.

import type { Entropy } from "../../modules/ports/entropy.js";

/** 32 bits from a text (FNV-1a, finished by a mix so that near texts lie far apart). */
function hash(text: string, start: number): number {
	let h = start >>> 0;
	for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
	h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
	h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
	return (h ^ (h >>> 16)) >>> 0;
}

/** A stream of numbers (the generator is sfc32). */
export class Dice implements Entropy {
	private a: number;
	private b: number;
	private c: number;
	private counter = 1;

	constructor(private readonly name: string) {
		this.a = hash(name, 0x811c9dc5);
		this.b = hash(name, 0x12345678);
		this.c = hash(name, 0x9e3779b9);
		for (let i = 0; i < 12; i++) this.word();
	}

	/** A stream of its own, which depends on the seed and on `name` alone. */
	fork(name: string): Dice {
		return new Dice(`${this.name}/${name}`);
	}

	/** 32 random bits as an unsigned number. */
	word(): number {
		const sum = (this.a + this.b + this.counter++) | 0;
		this.a = this.b ^ (this.b >>> 9);
		this.b = (this.c + (this.c << 3)) | 0;
		this.c = ((this.c << 21) | (this.c >>> 11)) + sum | 0;
		return sum >>> 0;
	}

	/** In [0, 1). */
	next(): number {
		return this.word() / 4294967296;
	}

	/** A whole number in [0, end). */
	below(end: number): number {
		return Math.floor(this.next() * end);
	}

	/** A whole number in [from, to]. */
	between(from: number, to: number): number {
		return from + this.below(to - from + 1);
	}

	chance(probability: number): boolean {
		return this.next() < probability;
	}

	pick<T>(items: readonly T[]): T {
		return items[this.below(items.length)];
	}

	/** A waiting time with this mean, as between independent events; at least 1. */
	wait(mean: number): number {
		return Math.max(1, Math.round(-Math.log(1 - this.next()) * mean));
	}

	/** One of the names, each as often as its weight says. */
	weighted<T extends string>(weights: { readonly [name in T]: number }): T {
		const names = Object.keys(weights) as T[];
		let left = this.next() * names.reduce((sum, name) => sum + weights[name], 0);
		for (const name of names) if ((left -= weights[name]) < 0) return name;
		return names[names.length - 1];
	}

	fill(bytes: Uint8Array, from: number, to: number): void {
		for (let at = from; at < to; at++) bytes[at] = this.word() >>> 24;
	}
}
