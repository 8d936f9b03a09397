// A long life of the queue: events of a busy station go through it in segments, online and offline, with a full store, with a flash that
// fails and recovers, with a sector that has gone bad, over reboots, in virtual time. Everything that comes out is held against
// what went in.
// Source: OCPP 2.0.1 Part 2, E01.FR.07, E04.FR.07-08, E11.FR.07, E12, E13.

import type { TransactionEventRequest } from "../../preload/payloads.js";
import type { Outbox } from "../../modules/storage/outbox.js";
import { cellBlocksOf } from "../../modules/storage/store.js";
import { vaultBlocksOf } from "../../modules/storage/vault.js";
import { FlashMemory } from "../board/flash-memory.js";
import { isSame } from "../cuts/kit.js";
import { Dice } from "../sim/dice.js";
import { openQueue, queueBlocks, settle } from "./queue.js";
import { PATTERNS, trace } from "./traces.js";

export const SEGMENTS = ["online", "offline", "full", "failing"] as const;
export type Segment = (typeof SEGMENTS)[number];

export interface EnduranceOptions {
	/** So many are appended at least. */
	events: number;
	seed: number;
	/** Of how many the sector goes bad; Infinity for never. */
	badAfter: number;
	/** Told at the end of each segment. */
	say?: (its: Endurance) => void;
}

/** Two places of a depot: eight values each minute, one transaction after the other. */
const PATTERN = PATTERNS.find(({ name }) => name === "depot")!;
const PARTITION_BLOCKS = 64;
const HOUR_MS = 3_600_000;
const WEEK_HOURS = 168;
/** How often each segment comes. */
const WEIGHTS: { readonly [name in Segment]: number } = { online: 50, offline: 25, full: 3, failing: 22 };
/** Of so many events, one is followed by a reboot. */
const REBOOT_EVERY = 2500;
const WRONG_MAX = 5;
/** Backlog is sent so much faster than events are made. */
const DRAIN = 4;

type Event = TransactionEventRequest;

interface Pending {
	event: Event;
	/** It waits since before the link dropped or the station booted last. */
	isOffline: boolean;
}

function keyOf(event: Event): string {
	return `${event.transactionInfo.transactionId} ${event.seqNo}`;
}

export class Endurance {
	readonly flash = new FlashMemory(PARTITION_BLOCKS);
	made = 0;
	delivered = 0;
	/** Updated events that went because the store was full, as the queue has counted them, and as they were missed. */
	thinned = 0;
	missed = 0;
	/** Updated events that a failing flash did not take, or one with a bad sector. */
	refused = 0;
	/** Delivered once more after a reboot, because the flash had refused the mark of the answer. */
	repeated = 0;
	/** Transactions that did not begin, because a failing flash took no Started. */
	notBegun = 0;
	started = 0;
	ended = 0;
	/** Those of them that were delivered. */
	startedDelivered = 0;
	endedDelivered = 0;
	reboots = 0;
	segments = 0;
	utcMs = 0;
	mostWaiting = 0;
	readonly wrong: string[] = [];

	private readonly events = trace(PATTERN, this.options.seed);
	private readonly dice = new Dice(`endurance ${this.options.seed}`);
	private outbox = openQueue(this.flash, PATTERN.evses);
	/** On flash and not delivered, oldest first. */
	private readonly pending = new Map<string, Pending>();
	/** Answered, but the flash refused the mark: they may come again after a reboot. */
	private readonly unmarked = new Map<string, Event>();
	/** Transactions that a Started was delivered of, and no Ended yet. */
	private readonly open = new Set<string>();
	/** Transactions that the station has not begun. */
	private readonly skipped = new Set<string>();
	/** Of each transaction that runs, its last seqNo on flash. */
	private readonly last = new Map<string, number>();
	/** An Ended that the flash has refused: it is tried again until it is there. */
	private readonly owed: Event[] = [];
	private readonly beganMs: number;

	constructor(private readonly options: EnduranceOptions) {
		this.beganMs = this.utcMs = trace(PATTERN, options.seed).next().value.utcMs;
	}

	/** Virtual hours that have passed. */
	get hours(): number {
		return (this.utcMs - this.beganMs) / HOUR_MS;
	}

	/** Where the area of the queue begins. */
	private get firstBlock(): number {
		return cellBlocksOf(this.flash.blocks - vaultBlocksOf(this.flash.blocks));
	}

	/** Erases of the block of the queue that has been erased least, and most; the bad one is left out. */
	get erases(): { min: number; max: number } {
		const first = this.firstBlock;
		const wear = [...this.flash.wear].slice(first, first + queueBlocks(this.flash)).filter((_, i) => !this.flash.bad.has(first + i));
		return { min: Math.min(...wear), max: Math.max(...wear) };
	}

	/** The queue of this life. */
	get queue(): Outbox {
		return this.outbox;
	}

	/** Lives until all events were made, then sends what is left. */
	run(): this {
		while (this.made < this.options.events && this.wrong.length === 0) {
			this.live(this.dice.weighted(WEIGHTS));
			this.segments++;
			this.options.say?.(this);
		}
		this.drain(Infinity);
		this.judgeRest();
		return this;
	}

	/** One segment of a kind. */
	live(kind: Segment): void {
		const { dice, flash } = this;
		if (kind === "online" || kind === "failing") {
			const spell = { left: 0 };
			for (let left = dice.between(300, 3000); left > 0 && this.wrong.length === 0; left--) {
				if (kind === "failing") this.fail(spell);
				this.make();
				this.drain(dice.chance(0.9) ? Infinity : dice.between(0, 2));
			}
			flash.failNext = 0;
		} else {
			this.outbox.markOffline();
			for (const its of this.pending.values()) its.isOffline = true;
			const endMs = this.utcMs + HOUR_MS * (kind === "full" ? WEEK_HOURS : dice.between(1, 72));
			while (this.utcMs < endMs && this.wrong.length === 0) this.make();
			// The link is back: what comes now stands behind the backlog.
			while (this.outbox.count > 1 && this.wrong.length === 0) {
				this.drain(DRAIN);
				this.make();
			}
		}
		this.drain(Infinity);
	}

	/** Now and then some operations of the flash fail, and sometimes all of them for a while. */
	private fail(spell: { left: number }): void {
		const { dice, flash } = this;
		if (spell.left > 0) {
			flash.failNext = --spell.left > 0 ? Infinity : 0;
			// Somebody switches it off and on: answers that could not be marked are forgotten.
			if (spell.left === 0 && dice.chance(0.5)) this.reboot();
		} else if (dice.below(400) === 0) spell.left = dice.between(2, 60);
		else flash.failNext = dice.below(15) === 0 ? dice.between(1, 6) : 0;
	}

	/** The next event of the station is appended. */
	private make(): void {
		const { dice, flash } = this;
		while (this.owed.length > 0 && this.append(this.owed[0])) {
			this.owed.shift();
			this.made++;
		}
		const { event: made, utcMs } = this.events.next().value;
		this.utcMs = utcMs;
		// Whether it was offline the queue knows.
		const { offline: _, ...event } = made;
		const id = event.transactionInfo.transactionId;
		if (this.made >= this.options.badAfter && flash.bad.size === 0) flash.bad.add(this.firstBlock + dice.below(queueBlocks(flash)));
		// An EVSE whose last transaction has no Ended on flash begins none.
		if (event.eventType === "Started" && this.owed.length > 0) this.skipped.add(id);
		if (this.skipped.has(id)) {
			if (event.eventType === "Started") this.notBegun++;
			if (event.eventType === "Ended") this.skipped.delete(id);
			return;
		}
		const isFailing = flash.failNext > 0 || flash.bad.size > 0;
		if (this.append(event)) this.made++;
		else this.refuse(event, isFailing);
		if (dice.below(REBOOT_EVERY) === 0 && flash.failNext === 0) this.reboot();
	}

	private append(event: Event): boolean {
		if (!this.outbox.append(event)) return false;
		settle(this.outbox);
		this.pending.set(keyOf(event), { event, isOffline: false });
		this.mostWaiting = Math.max(this.mostWaiting, this.outbox.count);
		const id = event.transactionInfo.transactionId;
		if (event.eventType === "Started") this.started++;
		if (event.eventType === "Ended") {
			this.ended++;
			this.last.delete(id);
		} else this.last.set(id, event.seqNo);
		return true;
	}

	/** What the station does with an event that the flash does not take. */
	private refuse(event: Event, isFailing: boolean): void {
		if (!isFailing) this.say(`${keyOf(event)} ${event.eventType} was refused without a reason`);
		if (event.eventType === "Ended") this.owed.push(event);
		else if (event.eventType === "Updated") {
			this.made++;
			this.refused++;
		} else {
			this.skipped.add(event.transactionInfo.transactionId);
			this.notBegun++;
		}
	}

	/** Sends so many of what waits. */
	private drain(most: number): void {
		const { outbox } = this;
		for (let left = most; left > 0 && outbox.count > 0 && this.wrong.length === 0; left--) {
			const event = outbox.peek();
			if (event === undefined) break;
			this.take(event);
			if (!outbox.acknowledge()) {
				const { offline: _, ...its } = event;
				this.unmarked.set(keyOf(event), its);
			} else this.unmarked.delete(keyOf(event));
			settle(outbox);
		}
		if (most === Infinity && outbox.count > 0 && this.wrong.length === 0) this.say(`${outbox.count} wait and none comes`);
		if (outbox.count === 0) this.missedAll();
	}

	/** An event arrives at the CSMS. */
	private take(event: Event): void {
		const key = keyOf(event);
		const its = this.pending.get(key);
		if (its === undefined) {
			const repeat = this.unmarked.get(key);
			if (repeat === undefined) return this.say(`${key} comes again, or was never made`);
			if (!isSame(event, { ...repeat, offline: true })) return this.say(`${key} comes again and is another one`);
			this.repeated++;
			return;
		}
		for (const [older, { event: other }] of this.pending) {
			if (older === key) break;
			this.miss(older, other);
		}
		this.pending.delete(key);
		this.delivered++;
		if (!isSame(event, its.isOffline ? { ...its.event, offline: true } : its.event)) this.say(`${key} came out different`);
		const id = event.transactionInfo.transactionId;
		if (event.eventType === "Started") {
			this.startedDelivered++;
			this.open.add(id);
		} else if (!this.open.has(id)) this.say(`${key} comes without its Started`);
		if (event.eventType === "Ended") {
			this.endedDelivered++;
			this.open.delete(id);
		}
	}

	/** Everything that is still pending while nothing waits was left out. */
	private missedAll(): void {
		for (const [key, { event }] of this.pending) this.miss(key, event);
	}

	private miss(key: string, event: Event): void {
		this.pending.delete(key);
		this.missed++;
		if (event.eventType !== "Updated") this.say(`${key} ${event.eventType} is lost`);
	}

	/** The firmware starts anew on what is on flash. */
	private reboot(): void {
		this.thinned += this.outbox.thinned;
		this.outbox = openQueue(this.flash, PATTERN.evses);
		this.reboots++;
		for (const its of this.pending.values()) its.isOffline = true;
		for (const [id, seqNo] of this.last) {
			const found = this.outbox.lastSeqNo(id);
			if (found !== seqNo) this.say(`last seqNo of ${id} is ${found}, was ${seqNo}`);
		}
	}

	private judgeRest(): void {
		this.thinned += this.outbox.thinned;
		// An event that was sent, but not marked, may have been thinned after a reboot.
		const isCounted = this.missed <= this.thinned && this.thinned <= this.missed + this.unmarked.size;
		if (!isCounted) this.say(`${this.thinned} were thinned, ${this.missed} are missing`);
		if (this.made !== this.delivered + this.missed + this.refused) this.say("events do not add up");
		if (this.started !== this.startedDelivered || this.ended !== this.endedDelivered) {
			this.say(`${this.startedDelivered} of ${this.started} Started and ${this.endedDelivered} of ${this.ended} Ended were delivered`);
		}
	}

	private say(text: string): void {
		if (this.wrong.length < WRONG_MAX) this.wrong.push(`event ${this.made}: ${text}`);
	}
}
