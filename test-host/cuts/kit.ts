// What cases on a store without a station share: a diagnostics log that remembers, and chance.

import type { Dice } from "../sim/dice.js";
import type { Log } from "../../modules/ports/log.js";

/** Diagnostics, kept for looking at. */
export class LogList implements Log {
	readonly list: [code: number, a: number, b: number][] = [];

	event(code: number, a: number, b: number): void {
		this.list.push([code, a, b]);
	}

	times(code: number): number {
		return this.list.filter((entry) => entry[0] === code).length;
	}
}

/** A text for a cell or a technical information. */
export function drawText(dice: Dice): string {
	const length = dice.below(20) === 0 ? dice.below(300) : dice.below(24);
	let text = "";
	for (let i = 0; i < length; i++) text += String.fromCharCode(32 + dice.below(90));
	return dice.below(9) === 0 ? text + "é€🔌" : text;
}

/** True when two values of JSON are equal; the order of members does not matter. */
export function isSame(a: unknown, b: unknown): boolean {
	if (a === b) return true;
	if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
	let members = 0;
	for (const name in b) {
		members++;
		if (!isSame(a[name as keyof typeof a], b[name as keyof typeof b])) return false;
	}
	for (const _ in a) members--;
	return members === 0;
}
