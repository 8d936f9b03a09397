// The durable queue of TransactionEvents: first in, first out, on flash before anybody outside sees the effect. New
// events are single records; of a long queue the older ones are sealed into compressed parts.
// Owns: which events are still to be sent, which Updated events may go when the area is full, which seqNo was last.
// Not: when to send and how often (station/pump.ts, blocks/transactions.ts).
// Source: OCPP 2.0.1 ed. 3 Part 2, E01.FR.07, E04.FR.07-08, E11, E12, E13. Format: docs/flash-format.md §6.

import { freeze } from "../../preload/freeze.js";
import type { MeterValueType, TransactionEventRequest } from "../../preload/payloads.js";
import { LogCode } from "../ports/events.js";
import type { Log } from "../ports/log.js";
import {
	FAILED, FRAME_BYTES, FULL, HEADER_BYTES, KIND_PART, PART_HEAD_BYTES, UNCOUNTED, marksBytes, putU32, recordBytes, u16,
	u32, type Ring,
} from "./log.js";
import { numbersRoom } from "./pack.js";
import { PART_BYTES_MAX, Part } from "./part.js";
import { readPart, writePart } from "./part-record.js";
import { EVENT_REQUEST, Kind, Place, Singles, TAG_BYTES, Type } from "./singles.js";

/** eventType as blocks use it: TransactionEventEnumType in the order of a transaction. */
export const EventType = freeze({ Started: 0, Updated: 1, Ended: 2 } as const);

const NONE = -1;
/** Bytes of a record of kind progress: tag, type, seqNo. */
const PROGRESS_BYTES = TAG_BYTES + 1 + 4;
/** Blocks with single records that a long queue keeps: the rest is sealed. */
const SINGLES = 3;
/** With less room in the last block another one is made free: some events fit there. */
const ROOM_AHEAD = 512;
/** Of so many events that may go, as many stay as fit. */
const SHARES = 64;
/** Attempts to append where the flash refuses. */
const ATTEMPTS = 3;
/** Part of a block that is meant to be used after merging, of SHARES; events differ in size. */
const FILL = 54;
/** Content of a part that fits a record even when it cannot be compressed. */
const SURE_BYTES = 860;
/** Room for that, and for the longest single event. */
const TARGET_BYTES = 1000;
/** Attempts to write a part: with less in it, or in another block. */
const SEAL_ATTEMPTS = 5;
/** A block with less room gets no more parts. */
const ROOM_LEAST = 256;
/**
 * What may go so that two blocks become one: Updated events but the first and last of each slot of a part; Updated
 * events but the last event of each transaction; the middle meter values of Ended events, too.
 */
const enum Pass { even = 0, any = 1, shortening = 2 }

/** What came of an attempt to make one block of two: nothing can go, or the flash refused. */
const enum Merge { none = 0, done = 1, failed = 2 }

/**
 * Sees the events of the queue, oldest first. It must not call the outbox.
 * @param block   of the area, from 0
 * @param number  in the part at that place; -1 for a single record
 */
export type EventVisitor =
	(event: TransactionEventRequest, acknowledged: boolean, block: number, at: number, number: number) => void;

export class Outbox {
	private readonly ring: Ring;
	private readonly scratch: Uint8Array;
	private readonly diagnostics: Log;
	private readonly singles: Singles;

	/**
	 * Oldest event that was not acknowledged: index in the chain, place, number in its part. headAt is NONE without one.
	 */
	private headIndex = 0;
	private headAt = NONE;
	private headEvent = 0;
	private waiting = 0;
	/** The part with the head, while it is being sent. */
	private part: Part | undefined;
	/**
	 * What lies before this place in the blocks with single records is in parts: first sequence of its block, and place.
	 */
	private sealedSequence = 0;
	private sealedAt = 0;
	/** What lies before these places is sent as offline: among single records and among parts. */
	private offlineSequence = 0;
	private offlineAt = 0;
	private offlinePartSequence = 0;
	private offlinePartAt = 0;
	/** First sequences of the last blocks that the flash did not let go. */
	private stuckSingle = 0;
	private stuckPart = 0;
	/** Nothing can be thinned until a block was given free. */
	private exhausted = false;
	/** Some events more will fill the last block. */
	private isTight = false;
	/** Two blocks have become one: what that has given free is used to seal. */
	private hasMerged = false;
	/** The last part was smaller by an eighth at least than what it stands for. */
	private shrinks = false;
	/** Updated events that were thinned since boot, and Ended events that lost meter values from their middle. */
	thinned = 0;
	shortened = 0;

	// What findLast() has found.
	private lastSeq = 0;
	private lastType = 0;

	/** @param ring  area of the queue, mounted. @param scratch  LIMITS.recordBytes; shared with others of storage/. */
	constructor(ring: Ring, scratch: Uint8Array, diagnostics: Log) {
		this.ring = ring;
		this.scratch = scratch;
		this.diagnostics = diagnostics;
		this.singles = new Singles(ring, scratch);
		this.mount();
	}

	/** Lets go of the RAM that packing takes. */
	rest(): void {
		this.singles.rest();
	}

	/** Events that wait to be sent. While it is above 0 there is a head. */
	get count(): number {
		return this.waiting;
	}

	/** Bytes of flash from the head to the end of the queue: records, frames, marks and block headers. */
	get bytesUsed(): number {
		const ring = this.ring;
		if (this.headAt === NONE) return 0;
		let bytes = -this.headAt + HEADER_BYTES;
		for (let i = this.headIndex; i < ring.length; i++) {
			const block = ring.chain[i] as number;
			const end = ring.ends[block] as number;
			if (i === this.headIndex) bytes += end;
			else if (!this.isSealed(i)) bytes += end - this.beginOf(i) + HEADER_BYTES;
		}
		return bytes;
	}

	/**
	 * Puts an event on flash behind all others.
	 * @param event  its seqNo must be the successor of the last one of its transaction
	 * @returns true when it survives a power cut from now on. False when the area is full of events that may not be
	 * thinned, when the event is no valid one, or when it does not fit LIMITS.recordBytes even with the first and last
	 * of its meter values alone: nothing was stored. False also when the flash refused: a later boot may find the event.
	 * Cost: one write; when a block is full, one erase and three writes more; when the area is full, events are sealed
	 * or two blocks of parts are read and written as one.
	 */
	append(event: TransactionEventRequest): boolean {
		const ring = this.ring;
		if (!(event.seqNo >= 0 && event.seqNo <= 0x7fffffff)) return false;
		let kind = this.singles.encode(event);
		for (let attempt = 0; attempt < ATTEMPTS && kind !== NONE; attempt++) {
			// The last attempt is made in another block: this one may be bad.
			if (attempt === ATTEMPTS - 1 || !ring.hasRoom(recordBytes(this.singles.shapeTo - FRAME_BYTES))) {
				if (!this.makeRoom()) return false;
				kind = this.singles.encode(event);
			}
			const at = ring.append(this.scratch, this.singles.shapeTo - FRAME_BYTES, kind);
			if (at === FULL) return false;
			if (at === FAILED) continue;
			ring.events[ring.tail]++;
			this.waiting++;
			this.singles.remember(at, this.scratch, kind, this.singles.shapeTo - FRAME_BYTES);
			this.isTight = !ring.hasRoom(ROOM_AHEAD);
			if (this.headAt === NONE) {
				this.headIndex = ring.length - 1;
				this.headAt = at;
				this.headEvent = 0;
				this.retireFront();
			}
			return true;
		}
		return false;
	}

	/**
	 * Gives blocks free that were sent, which goes deep; seals older events of a long queue, a part at a time; and makes
	 * room shortly before it is needed: with an event at hand there is less memory. Called between messages.
	 * @returns true when there is more to do
	 */
	step(): boolean {
		const ring = this.ring;
		this.retireFront();
		if (this.headAt === NONE || this.exhausted) return false;
		if (ring.usable >= 2 && !this.hasMerged) return ring.length - ring.packed > SINGLES && this.seal();
		return this.isTight && this.makeFree();
	}

	/**
	 * The oldest event that was not acknowledged, made anew from flash at each call; undefined when there is none.
	 * `offline` is set where the event was generated or left waiting without a link (E11.FR.02, E11.FR.07).
	 */
	peek(): TransactionEventRequest | undefined {
		const ring = this.ring;
		while (this.headAt !== NONE) {
			const event = this.loadHead();
			if (event !== undefined) {
				if (this.isBeforeOffline(this.headIndex, this.headAt)) event.offline = true;
				return event;
			}
			ring.reportDamage(ring.chain[this.headIndex] as number, 1);
			this.leaveHead(false);
		}
		return undefined;
	}

	private loadHead(): TransactionEventRequest & { offline?: boolean } | undefined {
		if (this.headIndex < this.ring.packed) return this.eventOf(this.headPart(), this.headEvent);
		const block = this.ring.chain[this.headIndex] as number;
		return this.ring.recordAt(block, this.headAt) ? this.singles.event(block, this.headAt) : undefined;
	}

	private eventOf(part: Part | undefined, index: number): TransactionEventRequest | undefined {
		if (part === undefined) return undefined;
		part.find(index);
		if (!part.load(index, this.singles.packer)) return undefined;
		return this.singles.unpack(part.bytes, part.shapeFrom, part.shapeTo);
	}

	/**
	 * The head was answered, or was given up (E13.FR.04): it is never returned again.
	 * @returns true when that survives a power cut; false when the flash refused: after a reboot it may be sent once more
	 */
	acknowledge(): boolean {
		if (this.headAt === NONE) return true;
		const durable = this.markHead() || this.markHead();
		// What is being sent gives room itself.
		this.isTight = false;
		this.leaveHead(true);
		return durable;
	}

	private markHead(): boolean {
		const block = this.ring.chain[this.headIndex] as number;
		if (this.headIndex >= this.ring.packed) return this.ring.mark(block, this.headAt);
		return this.ring.markPart(block, this.headAt, this.headEvent + 1);
	}

	/** The link is down: all that waits now is sent as offline, whenever it was generated (E11.FR.07). */
	markOffline(): void {
		const ring = this.ring;
		if (ring.packed > 0) {
			this.offlinePartSequence = ring.first(ring.packedTail);
			this.offlinePartAt = ring.ends[ring.packedTail] as number;
		}
		if (ring.length === ring.packed) return;
		this.offlineSequence = ring.first(ring.tail);
		this.offlineAt = ring.ends[ring.tail] as number;
	}

	/** True when something of a transaction waits to be sent. Reads the queue. */
	holds(transactionId: string): boolean {
		const ring = this.ring;
		if (this.headAt === NONE) return false;
		const tag = this.singles.tagOf(transactionId);
		let from = this.headAt;
		if (this.headIndex < ring.packed) {
			const part = this.headPart();
			for (let i = this.headEvent; part !== undefined && i < part.count; i++) {
				part.find(i);
				if (part.tags[part.tagIndex] === tag) return true;
			}
			if (ring.recordAt(ring.chain[this.headIndex] as number, from)) from += recordBytes(ring.foundBytes);
		}
		return this.isBehind(tag, this.headIndex, from);
	}

	/**
	 * The last seqNo of a transaction that was put on flash, sent or not; -1 when it is unknown: it never began, or it has
	 * ended and all of it was sent. Together with hasEnded() this is the truth after a power cut. Reads the last block,
	 * and others only when the transaction is not in it.
	 */
	lastSeqNo(transactionId: string): number {
		return this.findLast(transactionId) ? this.lastSeq : NONE;
	}

	/** True when the Ended of the transaction is on flash, sent or not. */
	hasEnded(transactionId: string): boolean {
		return this.findLast(transactionId) && this.lastType === Type.Ended;
	}

	/** Shows all events that are still on flash, oldest first; of those acknowledged only what was not reclaimed yet. */
	iterate(visitor: EventVisitor): void {
		const ring = this.ring;
		const part = new Part();
		for (let i = 0; i < ring.length; i++) {
			const block = ring.chain[i] as number;
			let at = ring.seek(block, this.beginOf(i));
			while (at >= 0) {
				const next = at + recordBytes(ring.foundBytes);
				const isMarked = ring.foundMarked;
				if (i < ring.packed && readPart(ring, this.scratch, part, block, at)) {
					const done = this.doneOf(i, at, part.count);
					for (let n = 0; n < part.count; n++) {
						const event = this.eventOf(part, n);
						if (event !== undefined) visitor(event, n < done, block, at, n);
					}
				} else {
					const event = this.singles.event(block, at);
					if (event !== undefined) visitor(event, isMarked || this.doneOf(i, at, 1) > 0, block, at, NONE);
				}
				at = ring.seek(block, next);
			}
		}
	}

	// --- records -----------------------------------------------------------------------------------------------------

	/** Where the single records of chain[index] begin that are in no part. */
	private beginOf(index: number): number {
		const sequence = this.ring.first(this.ring.chain[index] as number);
		if (index < this.ring.packed || sequence > this.sealedSequence) return HEADER_BYTES;
		return sequence === this.sealedSequence ? this.sealedAt : this.ring.blockBytes;
	}

	// --- parts -------------------------------------------------------------------------------------------------------

	/** The part with the head. */
	private headPart(): Part | undefined {
		if (this.part === undefined) {
			const part = new Part();
			const block = this.ring.chain[this.headIndex] as number;
			if (readPart(this.ring, this.scratch, part, block, this.headAt)) this.part = part;
		}
		return this.part;
	}

	/**
	 * Seals the oldest events that wait as single records, as many as one part takes; not those of the last block.
	 * @returns false when there are none, or no room for a part, or the flash refuses
	 */
	private seal(): boolean {
		const ring = this.ring;
		const part = new Part();
		const others = numbersRoom();
		this.part = undefined;
		let limit = PART_BYTES_MAX;
		let refused = 0;
		for (let attempt = 0; attempt < SEAL_ATTEMPTS; attempt++) {
			// One event that does not fit needs another block, and so does a block that is bad.
			if (part.count === 1 || refused > 1 || ring.packedRoom < ROOM_LEAST) {
				if (!this.openPacked()) return false;
				limit = PART_BYTES_MAX;
				refused = 0;
			}
			// What it shrinks to is not known before; to four fifths at least, mostly.
			part.limit = Math.min(limit, ring.packedRoom + (ring.packedRoom >> 2));
			const isOffline = this.gather(part, others);
			if (part.count === 0) return false;
			const at = writePart(ring, this.scratch, part, ring.packedTail);
			if (at >= 0) {
				this.sealed(part, at, isOffline);
				return true;
			}
			if (at === FAILED) {
				refused++;
				part.clear();
			} else limit = (part.limit * 2) / 3;
		}
		return false;
	}

	/**
	 * Opens a block for parts. The last free one, which merging needs, is taken only where what is sealed shrinks, so that
	 * a block with single records will be given free for it; and in the smallest areas, where nothing can be merged.
	 */
	private openPacked(): boolean {
		const ring = this.ring;
		if ((ring.usable < 2 && ring.packed > 1 && !this.shrinks) || !ring.openPacked()) return false;
		if (this.headIndex >= ring.packed - 1) this.headIndex++;
		return true;
	}

	/**
	 * Takes events that wait as single records into a part, not those of the last block. Events of both sides of the
	 * offline mark stay apart.
	 * @returns whether they are before it
	 */
	private gather(part: Part, others: Float64Array): boolean {
		const ring = this.ring;
		let isOffline = false;
		part.clear();
		for (let i = this.headIndex < ring.packed ? ring.packed : this.headIndex; i < ring.length - 1; i++) {
			const block = ring.chain[i] as number;
			let at = ring.seek(block, i === this.headIndex ? this.headAt : this.beginOf(i));
			while (at >= 0) {
				const next = at + recordBytes(ring.foundBytes);
				if (!ring.foundMarked && ring.foundKind !== Kind.progress) {
					if (part.count === 0) isOffline = this.isBeforeOffline(i, at);
					else if (isOffline !== this.isBeforeOffline(i, at)) return isOffline;
					if (!this.singles.decode(block, at)) part.lost++;
					else if (!this.singles.addTo(part, others)) return isOffline;
				}
				part.sequence = ring.first(block);
				part.endAt = next;
				part.spared += next - at;
				at = ring.seek(block, next);
			}
		}
		return isOffline;
	}

	/** A part is at a place of the last block with parts: it stands for its events now. */
	private sealed(part: Part, at: number, isOffline: boolean): void {
		const ring = this.ring;
		const from = ring.chain[ring.packed] as number;
		if (part.lost > 0) ring.reportDamage(from, part.lost);
		this.waiting -= part.lost;
		this.shrinks = (ring.ends[ring.packedTail] as number) - at < part.spared - (part.spared >> 3);
		this.sealedSequence = part.sequence;
		this.sealedAt = part.endAt;
		ring.events[ring.packedTail] += part.count;
		if (isOffline) {
			this.offlinePartSequence = ring.first(ring.packedTail);
			this.offlinePartAt = ring.ends[ring.packedTail] as number;
		}
		if (this.headIndex >= ring.packed) {
			this.headIndex = ring.packed - 1;
			this.headAt = at;
			this.headEvent = 0;
		}
		this.retireFront();
	}

	// --- the head ----------------------------------------------------------------------------------------------------

	/**
	 * Counts what waits and finds the head. Reads whole: blocks with parts up to that of the head, the last of them, any
	 * without summary, and those with single records, which are few.
	 */
	private mount(): void {
		const ring = this.ring;
		this.findSealed();
		let found = false;
		for (let i = 0; i < ring.length; i++) {
			const block = ring.chain[i] as number;
			if (!found || i >= ring.packed - 1 || ring.events[block] === UNCOUNTED) this.recount(i);
			if ((ring.events[block] as number) > 0) found = true;
			this.waiting += ring.events[block] as number;
		}
		this.seekHead(0, HEADER_BYTES, 0);
		this.retireFront();
		this.markOffline();
	}

	/** Finds how far single records have been sealed: the last part says it. */
	private findSealed(): void {
		const ring = this.ring;
		for (let i = ring.packed - 1; i >= 0 && this.sealedAt === 0; i--) {
			const block = ring.chain[i] as number;
			let at = ring.seek(block, HEADER_BYTES);
			while (at >= 0) {
				const next = at + recordBytes(ring.foundBytes);
				if (ring.foundKind === KIND_PART && ring.readFound(block, at, FRAME_BYTES, PART_HEAD_BYTES)) {
					this.sealedAt = u16(ring.window, 2) * 4;
					this.sealedSequence = u32(ring.window, 4);
				}
				at = ring.seek(block, next);
			}
		}
	}

	/** Events of the part that was just found at `at`, and how many of them are done with. */
	private countAt(block: number, at: number): number {
		return this.ring.readFound(block, at, FRAME_BYTES, 4) ? this.ring.window[0] as number : 0;
	}

	/**
	 * Counts the events of chain[index] that wait, finishes marks that a power cut has left half written, reports
	 * damage.
	 */
	private recount(index: number): void {
		const ring = this.ring;
		const block = ring.chain[index] as number;
		let waiting = 0;
		let damage = 0;
		let at = ring.seek(block, this.beginOf(index));
		while (at >= 0) {
			damage += ring.foundDamage;
			const next = at + recordBytes(ring.foundBytes);
			if (ring.foundKind === KIND_PART) {
				const count = this.countAt(block, at);
				const done = ring.markedOf(block, at, count);
				if (done > 0 && !ring.foundFirm) ring.markPart(block, at, done);
				waiting += count - done;
			} else if (ring.foundMarked) {
				if (!ring.foundFirm) ring.mark(block, at);
			} else if (ring.foundKind !== Kind.progress) waiting++;
			if (index >= ring.packed && index === ring.length - 1 && ring.readFound(block, at, 0, FRAME_BYTES + 4))
				this.singles.remember(at, ring.window, ring.foundKind, ring.foundBytes);
			at = ring.seek(block, next);
		}
		damage += ring.foundDamage;
		ring.events[block] = waiting;
		if (damage > 0) ring.reportDamage(block, damage);
	}

	/** The head is done with; `sound` when its length can be trusted. */
	private leaveHead(sound: boolean): void {
		const ring = this.ring;
		if (sound && this.part !== undefined && this.headEvent + 1 < this.part.count) {
			this.headEvent++;
			this.waiting--;
			ring.events[ring.chain[this.headIndex] as number]--;
			return;
		}
		const block = ring.chain[this.headIndex] as number;
		const isPart = this.headIndex < ring.packed;
		let gone = 1;
		let event = 0;
		let next = this.headAt + 4;
		if (ring.recordAt(block, this.headAt)) {
			next = this.headAt + recordBytes(ring.foundBytes);
			const count = isPart ? this.countAt(block, this.headAt) : 1;
			if (!sound) gone = count - this.headEvent;
			else if (this.headEvent + 1 < count) {
				event = this.headEvent + 1;
				next = this.headAt;
			}
		}
		// With a part done two blocks may become one.
		if (isPart && event === 0) this.exhausted = false;
		ring.events[block] -= gone;
		this.waiting -= gone;
		this.seekHead(this.headIndex, next, event);
	}

	/**
	 * Finds the first event that waits at or behind `at` of chain[index]; in a part at that place, from number `event`
	 * on.
	 */
	private seekHead(index: number, at: number, event: number): void {
		const ring = this.ring;
		const { headIndex, headAt } = this;
		this.headAt = NONE;
		for (let i = index; i < ring.length && this.headAt === NONE; i++) {
			const block = ring.chain[i] as number;
			const begin = this.beginOf(i);
			let place = ring.seek(block, i === index && at > begin ? at : begin);
			while (place >= 0 && this.headAt === NONE) {
				const next = place + recordBytes(ring.foundBytes);
				let first = 0;
				let count = ring.foundMarked || ring.foundKind === Kind.progress ? 0 : 1;
				if (ring.foundKind === KIND_PART) {
					count = this.countAt(block, place);
					first = ring.markedOf(block, place, count);
					if (i === index && place === at && event > first) first = event;
				}
				if (first < count) {
					this.headIndex = i;
					this.headAt = place;
					this.headEvent = first;
				} else place = ring.seek(block, next);
			}
		}
		if (this.headIndex !== headIndex || this.headAt !== headAt) this.part = undefined;
		if (this.headAt === NONE) this.waiting = 0;
	}

	/**
	 * Gives blocks free that hold nothing that waits: with single records that are all sealed or sent, then with parts.
	 * One that the flash does not let go stays, is gone round, and is tried again when room is needed.
	 */
	private retireFront(): void {
		const ring = this.ring;
		for (let i = ring.packed; i < ring.length - 1 && (this.isSealed(i) || this.isPassed(i)); ) {
			const sequence = ring.first(ring.chain[i] as number);
			if (sequence > this.stuckSingle && this.retire(i)) continue;
			if (sequence > this.stuckSingle) this.stuckSingle = sequence;
			i++;
		}
		for (let i = 0; i < ring.packed && this.isPassed(i); ) {
			// The last part says how far single records are sealed: it stays while some are there.
			const single = ring.packed;
			if (i === single - 1 && single < ring.length && this.beginOf(single) !== HEADER_BYTES) return;
			const sequence = ring.first(ring.chain[i] as number);
			if (sequence > this.stuckPart && this.retire(i)) continue;
			if (sequence > this.stuckPart) this.stuckPart = sequence;
			i++;
		}
	}

	private retire(index: number): boolean {
		if (!this.carryProgress(index) || !this.ring.retire(index)) return false;
		this.exhausted = false;
		if (this.headIndex > index) this.headIndex--;
		return true;
	}

	private isSealed(index: number): boolean {
		return this.beginOf(index) >= (this.ring.ends[this.ring.chain[index] as number] as number);
	}

	private isPassed(index: number): boolean {
		return this.headAt === NONE || this.headIndex > index;
	}

	private isBeforeOffline(index: number, at: number): boolean {
		const first = this.ring.first(this.ring.chain[index] as number);
		const isPart = index < this.ring.packed;
		const sequence = isPart ? this.offlinePartSequence : this.offlineSequence;
		return first < sequence || (first === sequence && at < (isPart ? this.offlinePartAt : this.offlineAt));
	}

	// --- last seqNo --------------------------------------------------------------------------------------------------

	private findLast(transactionId: string): boolean {
		const ring = this.ring;
		const wanted = this.singles.tagOf(transactionId);
		for (let i = ring.length - 1; i >= 0; i--) {
			const block = ring.chain[i] as number;
			let found = NONE;
			let at = ring.seek(block, HEADER_BYTES);
			while (at >= 0) {
				const next = at + recordBytes(ring.foundBytes);
				if (this.hasTag(block, at, wanted)) found = at;
				at = ring.seek(block, next);
			}
			if (found !== NONE && ring.recordAt(block, found) && this.readLast(block, found, wanted)) return true;
		}
		return false;
	}

	/** True when the record that was just found at `at` has something of a transaction. Overwrites found…. */
	private hasTag(block: number, at: number, tag: number): boolean {
		const ring = this.ring;
		if (ring.foundKind !== KIND_PART) return this.singles.tagAt(block, at) === tag;
		if (!ring.readFound(block, at, FRAME_BYTES, 4)) return false;
		const tags = (ring.window[1] as number) >> 4;
		const from = FRAME_BYTES + PART_HEAD_BYTES + marksBytes(ring.window[0] as number);
		if (!ring.readFound(block, at, from, tags * TAG_BYTES)) return false;
		for (let i = 0; i < tags; i++) if (u32(ring.window, i * TAG_BYTES) === tag) return true;
		return false;
	}

	/** Reads the last event of a transaction in the record that was just found at `at`. */
	private readLast(block: number, at: number, tag: number): boolean {
		const { ring, scratch } = this;
		if (ring.foundKind === Kind.progress) {
			if (!ring.load(block, at, scratch)) return false;
			this.lastType = scratch[FRAME_BYTES + TAG_BYTES] as number;
			this.lastSeq = u32(scratch, FRAME_BYTES + TAG_BYTES + 1);
			return true;
		}
		if (ring.foundKind === KIND_PART) {
			const part = new Part();
			return readPart(ring, this.scratch, part, block, at) && this.lastIn(part, tag);
		}
		return this.singles.decode(block, at) && this.setLast(this.scratch, this.singles.shapeFrom);
	}

	/** The same for a part. */
	private lastIn(part: Part, tag: number): boolean {
		const last = part.lastOf(tag);
		if (last === NONE) return false;
		part.find(last);
		return part.load(last, this.singles.packer) && this.setLast(part.bytes, part.shapeFrom);
	}

	private setLast(shape: Uint8Array, from: number): boolean {
		this.lastType = shape[from + Place.eventType] as number;
		this.lastSeq = this.singles.packer.numbers[Place.seqNo] as number;
		return true;
	}

	/**
	 * Before a block goes: a transaction that has not ended and of which nothing is behind what is in it gets its seqNo
	 * written once more at the end of the queue. False when that did not work: the block must stay.
	 */
	private carryProgress(index: number): boolean {
		const ring = this.ring;
		const block = ring.chain[index] as number;
		const sealedTo = index < ring.packed ? 0 : this.beginOf(index);
		let at = ring.seek(block, HEADER_BYTES);
		while (at >= 0) {
			const next = at + recordBytes(ring.foundBytes);
			// What waited when it was sealed is in a part.
			const isSealed = at < sealedTo && !ring.foundMarked && ring.foundKind !== Kind.progress;
			const part = ring.foundKind === KIND_PART ? new Part() : undefined;
			let tags = isSealed ? 0 : 1;
			if (part !== undefined) tags = readPart(ring, this.scratch, part, block, at) ? part.tagCount : 0;
			// The search for what is behind goes deep: it begins here, where little is open.
			for (let i = 0; i < tags; i++) {
				const tag = part === undefined ? this.singles.tagAt(block, at) : part.tags[i] as number;
				const isRead = part === undefined
					? ring.recordAt(block, at) && this.readLast(block, at, tag) : this.lastIn(part, tag);
				const goesOn = isRead && this.lastType !== Type.Ended && !this.isBehind(tag, index, next);
				if (goesOn && !this.writeProgress(tag, index)) return false;
			}
			at = ring.seek(block, next);
		}
		return true;
	}

	/** What readLast() has read of a transaction is written once more, before chain[index] goes. */
	private writeProgress(tag: number, index: number): boolean {
		const ring = this.ring;
		const small = new Uint8Array(recordBytes(PROGRESS_BYTES));
		putU32(small, FRAME_BYTES, tag);
		small[FRAME_BYTES + TAG_BYTES] = this.lastType;
		putU32(small, FRAME_BYTES + TAG_BYTES + 1, this.lastSeq);
		// The last free block may be taken: one is given free right afterwards. Without one it goes to the parts.
		let block = NONE;
		if (ring.hasRoom(recordBytes(PROGRESS_BYTES)) || this.singles.openTail()) block = ring.tail;
		else if (ring.packedRoom > 0 && index !== ring.packed - 1) block = ring.packedTail;
		return block !== NONE && ring.append(small, PROGRESS_BYTES, Kind.progress, block) >= 0;
	}

	/** True when there is something of the transaction behind `from` of chain[index]. */
	private isBehind(tag: number, index: number, from: number): boolean {
		const ring = this.ring;
		for (let i = index; i < ring.length; i++) if (this.isIn(tag, i, i === index ? from : HEADER_BYTES, 0, 0)) return true;
		if (index < ring.packed) return false;
		// What was in this block behind it may be in the last parts.
		const sequence = ring.first(ring.chain[index] as number);
		for (let i = ring.packed - 1; i >= 0; i--) {
			if (this.isIn(tag, i, HEADER_BYTES, sequence, from)) return true;
			if (ring.first(ring.chain[i] as number) < sequence) return false;
		}
		return false;
	}

	/**
	 * True when there is something of the transaction at or behind `from` of chain[index]; a part counts when it reaches
	 * beyond a place of single records.
	 */
	private isIn(tag: number, index: number, from: number, sequence: number, place: number): boolean {
		const ring = this.ring;
		const block = ring.chain[index] as number;
		let at = ring.seek(block, from);
		while (at >= 0) {
			const next = at + recordBytes(ring.foundBytes);
			let counts = true;
			if (ring.foundKind === KIND_PART && ring.readFound(block, at, FRAME_BYTES, PART_HEAD_BYTES)) {
				const its = u32(ring.window, 4);
				counts = its > sequence || (its === sequence && u16(ring.window, 2) * 4 > place);
			}
			if (counts && this.hasTag(block, at, tag)) return true;
			at = ring.seek(block, next);
		}
		return false;
	}

	// --- a full area -------------------------------------------------------------------------------------------------

	/** Opens a new last block. One free block is always kept for merging. */
	private makeRoom(): boolean {
		this.stuckSingle = this.stuckPart = 0;
		this.ring.probe(2);
		this.retireFront();
		while (this.makeFree());
		return this.ring.usable >= 2 && this.singles.openTail();
	}

	/** A step towards a second free block. False when there is one, or nothing can be done, or the flash refuses. */
	private makeFree(): boolean {
		const ring = this.ring;
		// Sealing loses nothing, so it comes first, and uses what merging has given free.
		const canSeal = ring.length - ring.packed > 1 && this.headAt !== NONE && (ring.usable < 2 || this.hasMerged);
		if (canSeal && this.seal()) return true;
		this.hasMerged = false;
		if (ring.usable >= 2 || this.exhausted) return false;
		const merged = this.mergeSome();
		if (merged === Merge.none) this.exhausted = true;
		this.hasMerged = merged === Merge.done;
		return this.hasMerged;
	}

	/**
	 * Makes one block of two neighbours with parts, which gives one free. Those that stand for the shortest stretch of
	 * the queue are taken first, so that the whole is thinned evenly. Only where a Started or an Ended would be refused
	 * otherwise more goes.
	 */
	private mergeSome(): number {
		const ring = this.ring;
		this.part = undefined;
		for (let pass: number = Pass.even; pass <= Pass.shortening; pass++) {
			let width = 0;
			let index = NONE;
			for (;;) {
				// The next pair in the order of width, then age.
				let best = NONE;
				let bestWidth = Infinity;
				for (let i = 0; i + 1 < ring.packed; i++) {
					const its = ring.last(ring.chain[i + 1] as number) - ring.first(ring.chain[i] as number);
					if (its < width || (its === width && i <= index) || its >= bestWidth) continue;
					best = i;
					bestWidth = its;
				}
				if (best === NONE) break;
				index = best;
				width = bestWidth;
				for (let share = this.shareFor(index, pass); share !== NONE; share = share === 0 ? NONE : share >> 1) {
					const merged = this.merge(index, share, pass);
					if (merged !== Merge.none) return merged;
				}
			}
		}
		return Merge.none;
	}

	/**
	 * How many of SHARES of the events of a pair that may go can stay so that it will fit in one block; NONE when there
	 * are none.
	 */
	private shareFor(index: number, pass: number): number {
		const ring = this.ring;
		const part = new Part();
		let all = 0;
		let waiting = 0;
		let loose = 0;
		let used = 0;
		for (let side = 0; side < 2; side++) {
			const block = ring.chain[index + side] as number;
			used += (ring.ends[block] as number) - HEADER_BYTES;
			let at = ring.seek(block, HEADER_BYTES);
			while (at >= 0) {
				const next = at + recordBytes(ring.foundBytes);
				if (readPart(ring, this.scratch, part, block, at)) {
					all += part.count;
					for (let i = this.doneOf(index + side, at, part.count); i < part.count; i++) {
						waiting++;
						if (this.isLoose(part, i, index + side, at, pass)) loose++;
						else if (pass === Pass.shortening && part.bytes[part.shapeFrom + Place.eventType] === Type.Ended) loose++;
					}
				}
				at = ring.seek(block, next);
			}
		}
		const room = ring.blockBytes - HEADER_BYTES;
		const its = waiting === 0 ? 0 : (used * waiting) / all;
		const fits = (waiting * room * FILL) / (SHARES * its);
		if (its <= room || fits >= waiting) return SHARES;
		if (loose === 0) return NONE;
		return fits < waiting - loose ? 0 : Math.floor(((fits - waiting + loose) * SHARES) / loose);
	}

	/** How many of the events of a part at a place were acknowledged, on flash or at least in this life. */
	private doneOf(index: number, at: number, count: number): number {
		if (this.headAt === NONE || index < this.headIndex || (index === this.headIndex && at < this.headAt)) return count;
		return index === this.headIndex && at === this.headAt ? this.headEvent : 0;
	}

	/**
	 * True when event `number` of a part may go: an Updated that is neither the first nor the last with its shape there,
	 * and is not being sent. So the first and the last sample of a transaction stay, and what tells its last seqNo. In
	 * later passes any Updated that is not the last event of its transaction.
	 */
	private isLoose(part: Part, number: number, index: number, at: number, pass: number): boolean {
		part.find(number);
		if (part.bytes[part.shapeFrom + Place.eventType] !== Type.Updated) return false;
		if (index === this.headIndex && at === this.headAt && number === this.headEvent) return false;
		if (pass === Pass.even) return part.ordinal > 0 && !part.isLast;
		return part.isFollowed(number) || this.isBehind(part.tags[part.tagIndex] as number, index, at + part.recordBytes);
	}

	private countedIn(index: number): number {
		return this.ring.events[this.ring.chain[index] as number] as number;
	}

	/** Writes the events of chain[index] and chain[index + 1] that stay to one block, which takes their place. */
	private merge(index: number, share: number, pass: number): number {
		const ring = this.ring;
		const packer = this.singles.packer;
		const source = new Part();
		const target = new Part(TARGET_BYTES);
		const others = numbersRoom();
		const merged = ring.beginMerge(index);
		if (merged < 0) return Merge.failed;
		const counted = this.countedIn(index) + this.countedIn(index + 1);
		let waiting = 0;
		let kept = 0;
		let shortened = 0;
		let isOffline = false;
		let offlineAt = HEADER_BYTES;
		let place = 0;
		target.limit = SURE_BYTES;
		for (let side = index; side < index + 2; side++) {
			const block = ring.chain[side] as number;
			let at = ring.seek(block, HEADER_BYTES);
			while (at >= 0 && place >= 0) {
				const next = at + recordBytes(ring.foundBytes);
				if (readPart(this.ring, this.scratch, source, block, at)) {
					const done = this.doneOf(side, at, source.count);
					const isBefore = this.isBeforeOffline(side, at);
					// Events of both sides of the offline mark stay apart.
					if (isOffline && !isBefore) place = writePart(this.ring, this.scratch, target, merged);
					if (isOffline) offlineAt = ring.ends[merged] as number;
					if (isOffline && !isBefore) target.clear();
					isOffline = isBefore;
					waiting += source.count - done;
					for (let i = 0; i < source.count && place >= 0; i++) {
						if (!this.stays(source, i, done, side, at, share, pass) || !source.load(i, packer)) continue;
						let { bytes: shape, shapeFrom: from, shapeTo: to } = source;
						if (pass === Pass.shortening && shape[from + Place.eventType] === Type.Ended) {
							if (this.shorten(source)) {
								shape = this.scratch;
								from = 0;
								to = this.singles.shapeTo;
								shortened++;
							} else source.load(i, packer);
						}
						const tag = source.tags[source.tagIndex] as number;
						if (!target.add(tag, packer, shape, from, to, others)) {
							place = writePart(this.ring, this.scratch, target, merged);
							target.clear();
							target.add(tag, packer, shape, from, to, others);
						}
						if (i < done) target.done++;
						else kept++;
					}
					target.sequence = source.sequence;
					target.endAt = source.endAt;
				} else if (!ring.recordAt(block, at) || ring.foundKind === KIND_PART) ring.reportDamage(block, 1);
				else if (ring.foundKind === Kind.progress) {
					const isLast = !this.isBehind(this.singles.tagAt(block, at), side, next);
					if (isLast && ring.recordAt(block, at)) place = ring.copy(block, at, merged);
				}
				if (place >= 0) at = ring.seek(block, next);
			}
		}
		if (place >= 0) place = writePart(this.ring, this.scratch, target, merged);
		if (isOffline) offlineAt = ring.ends[merged] as number;
		ring.events[merged] = kept;
		const holdsMark = ring.first(merged) <= this.offlinePartSequence && this.offlinePartSequence <= ring.last(merged);
		if (place < 0) {
			ring.abandonMerge(merged);
			return place === FULL ? Merge.none : Merge.failed;
		}
		if (!ring.completeMerge(index, merged)) return Merge.failed;
		if (holdsMark) {
			this.offlinePartSequence = ring.first(merged);
			this.offlinePartAt = offlineAt;
		}
		this.waiting -= counted - kept;
		this.thinned += waiting - kept;
		this.shortened += shortened;
		if (waiting > kept) this.diagnostics.event(LogCode.queueThinned, waiting - kept, 0);
		if (this.headAt !== NONE && this.headIndex > index + 1) this.headIndex--;
		else if (this.headAt !== NONE && this.headIndex >= index) this.seekHead(index, HEADER_BYTES, 0);
		return Merge.done;
	}

	/**
	 * Whether event `number` of a part stays when `share` of SHARES of those stay that may go. One that was sent stays
	 * where it may be the only witness of its transaction's last seqNo.
	 */
	private stays(
		part: Part, number: number, done: number, index: number, at: number, share: number, pass: number,
	): boolean {
		const isLoose = this.isLoose(part, number, index, at, pass);
		if (number < done) return part.isLast && part.bytes[part.shapeFrom + Place.eventType] !== Type.Ended;
		if (!isLoose) return true;
		const turn = pass === Pass.even ? part.ordinal : number;
		return Math.floor((turn * share) / SHARES) > Math.floor(((turn - 1) * share) / SHARES);
	}

	/**
	 * Of the event that was loaded the first and the last of its meter values stay; its shape is then at the start of the
	 * scratch buffer, up to shapeTo.
	 */
	private shorten(part: Part): boolean {
		const event = this.singles.unpack(part.bytes, part.shapeFrom, part.shapeTo);
		const values = event?.meterValue;
		if (event === undefined || values === undefined || values.length <= 2) return false;
		const meterValue = [values[0] as MeterValueType, values[values.length - 1] as MeterValueType];
		const shorter = Object.assign({}, event, { meterValue });
		const { singles, scratch } = this;
		singles.shapeTo = singles.packer.pack(EVENT_REQUEST, shorter, scratch, 0, scratch.length);
		return singles.shapeTo >= 0;
	}
}
