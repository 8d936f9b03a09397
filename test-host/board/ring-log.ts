// Diagnostics of the virtual board: the firmware leaves numbers, this side makes text of them.

import type { Clock } from "../../modules/ports/clock.js";
import type { Log } from "../../modules/ports/log.js";
import * as events from "../../modules/ports/events.js";
import { numbersOf } from "./enums.js";

/** Names by code, read from the table of the ports, so that a new code needs no change here. */
const NAMES = new Map<number, string>(Object.entries(numbersOf(events, "LogCode")).map(([name, code]) => [code, name]));

interface Entry {
	ticks: number;
	utcMs: number;
	code: number;
	a: number;
	b: number;
}

/** The last `size` diagnostic events. */
export class RingLog implements Log {
	private readonly entries: Entry[] = [];
	/** Events since power on, those that left the ring included. */
	count = 0;
	/** Called with the text of each new event, e.g. to show it live. */
	listener: ((line: string) => void) | undefined;

	constructor(private readonly clock: Clock, private readonly size: number = 512) {}

	event(code: number, a: number, b: number): void {
		const entry = { ticks: this.clock.ticks(), utcMs: this.clock.utc(), code, a, b };
		this.count++;
		this.entries.push(entry);
		if (this.entries.length > this.size) this.entries.shift();
		this.listener?.(textOf(entry));
	}

	/** Copies the event `age` events back (0 is the newest) as code, a, b to into[0, 3). False when it left the ring. */
	read(age: number, into: Int32Array): boolean {
		const entry = this.entries[this.entries.length - 1 - age];
		if (entry === undefined) return false;
		into.set([entry.code, entry.a, entry.b]);
		return true;
	}

	/** The last `n` events as text, oldest first. */
	last(n: number): string[] {
		return n <= 0 ? [] : this.entries.slice(-n).map(textOf);
	}

	/** How often `code` is in the ring. */
	times(code: number): number {
		return this.entries.reduce((sum, entry) => sum + (entry.code === code ? 1 : 0), 0);
	}
}

function textOf(entry: Entry): string {
	const time = Number.isNaN(entry.utcMs) ? `ticks ${entry.ticks >>> 0}` : new Date(entry.utcMs).toISOString();
	return `${time} ${NAMES.get(entry.code) ?? `code ${entry.code}`} ${entry.a} ${entry.b}`;
}
