// The durable queue of TransactionEvents: first in, first out, on flash before anybody outside sees the effect.
// Owns: which records are still to be sent, which Updated events may go when the area is full, which seqNo was last.
// Not: when to send and how often (station/pump.ts, blocks/transactions.ts).
// Source: OCPP 2.0.1 ed. 3 Part 2, E01.FR.07, E04.FR.07-08, E11, E12, E13. Format: docs/flash-format.md §6.

import { Action, REQUEST_TYPE } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import type { MeterValueType, TransactionEventRequest } from "../../preload/payloads.js";
import { writeText } from "../core/bytes.js";
import { crc32 } from "../core/crc.js";
import { LogCode } from "../ports/events.js";
import type { Log } from "../ports/log.js";
import { FAILED, FRAME_BYTES, FULL, HEADER_BYTES, UNCOUNTED, recordBytes, type Ring } from "./log.js";
import { PACK_VERSION, Packer } from "./pack.js";

/** Kinds of records in the area of the queue. */
export const KIND_EVENT = 16;
/** Last seqNo of a transaction that goes on while the block with its last event went. */
export const KIND_PROGRESS = 17;

/** eventType as it is in a record: TransactionEventEnumType in the order of a transaction. */
export const EventType = freeze({ Started: 0, Updated: 1, Ended: 2 } as const);

/** Longest part of a record in front of the packed event: type, tag, seqNo. */
const PREFIX_MAX = 1 + 4 + 8;
const NONE = -1;
const EVENT_REQUEST = REQUEST_TYPE[Action.TransactionEvent] as number;
/** Columns of the table that is made while two blocks are merged or one is retired, and its number of rows. */
const COLUMNS = 4;
const TAGS_MAX = 16;
/** Of so many events that may go, as many stay as fit. */
const SHARES = 64;
/** Attempts to append where the flash refuses. */
const ATTEMPTS = 3;

/** What came of an attempt to make one block of two: nothing can go, or the flash refused. */
const Merge = freeze({ none: 0, done: 1, failed: 2 } as const);

/** Sees the records of the queue, oldest first. It must not call the outbox. */
export type EventVisitor = (event: TransactionEventRequest, acknowledged: boolean) => void;

export class Outbox {
	private readonly ring: Ring;
	private readonly scratch: Uint8Array;
	private readonly diagnostics: Log;
	private readonly packer: Packer;
	/** A progress record on its way. */
	private readonly small: Uint8Array;

	/** Index in the chain and place of the oldest event that was not acknowledged; headAt is NONE when there is none. */
	private headIndex = 0;
	private headAt = NONE;
	private waiting = 0;
	/** What lies before this place is sent as offline: first sequence of its block, and place in it. */
	private offlineSequence = 0;
	private offlineAt = 0;
	/** Nothing can be thinned until something was acknowledged. */
	private exhausted = false;
	/** Events that were thinned since boot. */
	thinned = 0;

	// What readPrefix has found.
	private tag = 0;
	private seqNo = 0;
	private eventType = 0;
	/** Rows in use of the table that is being made. */
	private rows = 0;

	/** @param ring  area of the queue, mounted. @param scratch  LIMITS.recordBytes; shared with others of storage/. */
	constructor(ring: Ring, scratch: Uint8Array, diagnostics: Log) {
		this.ring = ring;
		this.scratch = scratch;
		this.diagnostics = diagnostics;
		this.packer = new Packer();
		this.small = new Uint8Array(recordBytes(PREFIX_MAX));
		this.mount();
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
		for (let i = this.headIndex; i < ring.length; i++) bytes += ring.ends[ring.chain[i] as number] as number;
		return bytes;
	}

	/**
	 * Puts an event on flash behind all others.
	 * @param event  its seqNo must be the successor of the last one of its transaction
	 * @returns true when it survives a power cut from now on. False when the area is full of events that may not be
	 * thinned, when the event is no valid one, or when it does not fit LIMITS.recordBytes even with the first and last
	 * of its meter values alone: nothing was stored. False also when the flash refused: a later boot may find the event.
	 * Cost: one write; when a block is full, one erase and three writes more; when the area is full, two blocks are read
	 * about four times and written as one.
	 */
	append(event: TransactionEventRequest): boolean {
		let bytes = this.packEvent(event, event.meterValue);
		if (bytes < 0) bytes = this.packSmaller(event);
		return bytes >= 0 && this.store(bytes);
	}

	/** Puts the packed event that is in the scratch buffer behind all others. */
	private store(bytes: number): boolean {
		const ring = this.ring;
		for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
			// The last attempt is made in another block: this one may be bad.
			const another = attempt === ATTEMPTS - 1;
			if ((another || !ring.hasRoom(recordBytes(bytes))) && !this.makeRoom()) return false;
			const at = ring.append(this.scratch, bytes, KIND_EVENT);
			if (at === FULL) return false;
			if (at === FAILED) continue;
			ring.events[ring.tail]++;
			this.waiting++;
			if (this.headAt === NONE) {
				this.headIndex = ring.length - 1;
				this.headAt = at;
				this.retireFront();
			}
			return true;
		}
		return false;
	}

	/**
	 * The oldest event that was not acknowledged, made anew from flash at each call; undefined when there is none.
	 * `offline` is set where the event was generated or left waiting without a link (E11.FR.02, E11.FR.07).
	 */
	peek(): TransactionEventRequest | undefined {
		const ring = this.ring;
		while (this.headAt !== NONE) {
			const block = this.headBlock;
			const event = ring.recordAt(block, this.headAt) ? this.load(block, this.headAt) : undefined;
			if (event !== undefined) {
				if (this.isBeforeOffline(block, this.headAt)) event.offline = true;
				return event;
			}
			ring.reportDamage(block, 1);
			this.leaveHead(false);
		}
		return undefined;
	}

	/**
	 * The head was answered, or was given up (E13.FR.04): it is never returned again.
	 * @returns true when that survives a power cut; false when the flash refused: after a reboot it may be sent once more
	 */
	acknowledge(): boolean {
		if (this.headAt === NONE) return true;
		const ring = this.ring;
		const block = this.headBlock;
		const durable = ring.mark(block, this.headAt) || ring.mark(block, this.headAt);
		this.exhausted = false;
		this.leaveHead(true);
		return durable;
	}

	/** The link is down: all that waits now is sent as offline, whenever it was generated (E11.FR.07). */
	markOffline(): void {
		const ring = this.ring;
		if (ring.length === 0) return;
		this.offlineSequence = ring.first(ring.tail);
		this.offlineAt = ring.ends[ring.tail] as number;
	}

	/** Events of one transaction that wait to be sent. Reads the queue. */
	countOf(transactionId: string): number {
		const wanted = this.tagOf(transactionId);
		const ring = this.ring;
		if (this.headAt === NONE) return 0;
		let count = 0;
		for (let i = this.headIndex; i < ring.length; i++) {
			const block = ring.chain[i] as number;
			let at = ring.seek(block, i === this.headIndex ? this.headAt : HEADER_BYTES);
			while (at >= 0) {
				const next = at + recordBytes(ring.foundBytes);
				const live = !ring.foundMarked && ring.foundKind === KIND_EVENT;
				if (live && this.readPrefix(block, at) && this.tag === wanted) count++;
				at = ring.seek(block, next);
			}
		}
		return count;
	}

	/**
	 * The last seqNo of a transaction that was put on flash, sent or not; -1 when it is unknown: it never began, or it has
	 * ended and all of it was sent. Together with hasEnded() this is the truth after a power cut. Reads the last block,
	 * and others only when the transaction is not in it.
	 */
	lastSeqNo(transactionId: string): number {
		return this.findLast(transactionId) ? this.seqNo : NONE;
	}

	/** True when the Ended of the transaction is on flash, sent or not. */
	hasEnded(transactionId: string): boolean {
		return this.findLast(transactionId) && this.eventType === EventType.Ended;
	}

	/** Shows all events that are still on flash, oldest first; of those acknowledged only what was not reclaimed yet. */
	iterate(visitor: EventVisitor): void {
		const ring = this.ring;
		for (let i = 0; i < ring.length; i++) {
			const block = ring.chain[i] as number;
			let at = ring.seek(block, HEADER_BYTES);
			while (at >= 0) {
				const next = at + recordBytes(ring.foundBytes);
				if (ring.foundKind === KIND_EVENT) {
					const done = this.isDone(i, at);
					const event = this.load(block, at);
					if (event !== undefined) visitor(event, done);
				}
				at = ring.seek(block, next);
			}
		}
	}

	// --- records -----------------------------------------------------------------------------------------------------

	private get headBlock(): number {
		return this.ring.chain[this.headIndex] as number;
	}

	/** Check over the characters of a transaction id: 32 bits stand for it where records are compared. */
	private tagOf(transactionId: string): number {
		// A longer one is refused by every schema; it must not run over the buffer.
		return transactionId.length > 64 ? 0 : crc32(this.scratch, 0, writeText(this.scratch, 0, transactionId));
	}

	/** Packs an event that is too long; leaves out meter values from the middle until it fits. */
	private packSmaller(event: TransactionEventRequest): number {
		if (event.meterValue === undefined) return NONE;
		let values = event.meterValue;
		while (values.length > 2) {
			values = thinner(values);
			const fewer = this.packEvent(event, values);
			if (fewer >= 0) return fewer;
		}
		return NONE;
	}

	private packEvent(event: TransactionEventRequest, meterValue: readonly MeterValueType[] | undefined): number {
		const payload = meterValue === event.meterValue ? event : Object.assign({}, event, { meterValue });
		const tag = this.tagOf(event.transactionInfo.transactionId);
		const from = this.putPrefix(this.scratch, EventType[event.eventType], tag, event.seqNo);
		if (from < 0) return NONE;
		const end = this.packer.pack(EVENT_REQUEST, payload, this.scratch, from, this.scratch.length);
		return end < 0 ? NONE : end - FRAME_BYTES;
	}

	/** Writes what stands in front of a packed event behind the place of the frame; returns the end, or -1. */
	private putPrefix(bytes: Uint8Array, type: number, tag: number, seqNo: number): number {
		if (!(seqNo >= 0 && seqNo <= 0x7fffffff)) return NONE;
		let at = FRAME_BYTES;
		bytes[at++] = (PACK_VERSION << 4) | type;
		bytes[at++] = tag & 0xff;
		bytes[at++] = (tag >>> 8) & 0xff;
		bytes[at++] = (tag >>> 16) & 0xff;
		bytes[at++] = tag >>> 24;
		for (let rest = seqNo; ; rest >>>= 7) {
			bytes[at++] = rest < 0x80 ? rest : (rest & 0x7f) | 0x80;
			if (rest < 0x80) return at;
		}
	}

	/** Reads tag, seqNo and type of the record that was just found at `at`; false when it is none of ours. */
	private readPrefix(block: number, at: number): boolean {
		const ring = this.ring;
		const window = ring.window;
		if (ring.foundKind !== KIND_EVENT && ring.foundKind !== KIND_PROGRESS) return false;
		const size = recordBytes(ring.foundBytes);
		if (!ring.read(block, at, window, size < window.length ? size : window.length)) return false;
		return this.parsePrefix(window) > 0;
	}

	/** Takes the prefix of the record in bytes[0, …) apart; returns its end, or -1. */
	private parsePrefix(bytes: Uint8Array): number {
		let at = FRAME_BYTES;
		const first = bytes[at++] as number;
		if (first >> 4 !== PACK_VERSION || (first & 15) > EventType.Ended) return NONE;
		this.eventType = first & 15;
		this.tag = ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) |
			((bytes[at + 3] as number) << 24)) >>> 0;
		at += 4;
		let seqNo = 0;
		for (let shift = 0; shift < 35; shift += 7) {
			const byte = bytes[at++] as number;
			seqNo |= (byte & 0x7f) << shift;
			if (byte < 0x80) {
				this.seqNo = seqNo;
				return at;
			}
		}
		return NONE;
	}

	/** Decodes the event that was just found at `at`. */
	private load(block: number, at: number): TransactionEventRequest & { offline?: boolean } | undefined {
		const ring = this.ring;
		const scratch = this.scratch;
		if (ring.foundKind !== KIND_EVENT || !ring.load(block, at, scratch)) return undefined;
		const from = this.parsePrefix(scratch);
		if (from < 0) return undefined;
		const event = this.packer.unpack(EVENT_REQUEST, scratch, from, FRAME_BYTES + ring.foundBytes);
		return event as TransactionEventRequest | undefined;
	}

	// --- the head ----------------------------------------------------------------------------------------------------

	/** Counts what waits and finds the head. Reads whole: blocks up to that of the head, the last, any without summary. */
	private mount(): void {
		const ring = this.ring;
		let found = false;
		this.waiting = 0;
		for (let i = 0; i < ring.length; i++) {
			const block = ring.chain[i] as number;
			if (!found || i === ring.length - 1 || ring.events[block] === UNCOUNTED) this.recount(block);
			if ((ring.events[block] as number) > 0) found = true;
			this.waiting += ring.events[block] as number;
		}
		this.headIndex = 0;
		this.settle(HEADER_BYTES, true);
		this.markOffline();
	}

	/** Counts the events of a block that wait, finishes marks that a power cut has left half written, reports damage. */
	private recount(block: number): void {
		const ring = this.ring;
		let waiting = 0;
		let damage = 0;
		let at = ring.seek(block, HEADER_BYTES);
		while (at >= 0) {
			damage += ring.foundDamage;
			const next = at + recordBytes(ring.foundBytes);
			if (ring.foundKind === KIND_EVENT && !ring.foundMarked) waiting++;
			if (ring.foundMarked && !ring.foundFirm) ring.mark(block, at);
			at = ring.seek(block, next);
		}
		damage += ring.foundDamage;
		ring.events[block] = waiting;
		if (damage > 0) ring.reportDamage(block, damage);
	}

	/** The head is done with; `sound` when its length can be trusted. */
	private leaveHead(sound: boolean): void {
		const ring = this.ring;
		const block = this.headBlock;
		const size = sound && ring.recordAt(block, this.headAt) ? recordBytes(ring.foundBytes) : 4;
		const next = this.headAt + size;
		if ((ring.events[block] as number) > 0) {
			ring.events[block]--;
			this.waiting--;
		}
		this.settle(next);
	}

	/**
	 * Finds the first event that waits at or behind `from` of the head's block; gives blocks before it free.
	 * @param counted  the blocks that will be passed were counted just now
	 */
	private settle(from: number, counted = false): void {
		const ring = this.ring;
		this.headAt = NONE;
		for (let entered = false; this.headIndex < ring.length; entered = true) {
			const block = this.headBlock;
			if (entered && !counted) {
				// What the summary said may be too much: an acknowledgement may have failed in an older block.
				this.waiting -= ring.events[block] as number;
				this.recount(block);
				this.waiting += ring.events[block] as number;
			}
			let at = ring.seek(block, entered ? HEADER_BYTES : from);
			while (at >= 0 && (ring.foundMarked || ring.foundKind !== KIND_EVENT)) {
				const next = at + recordBytes(ring.foundBytes);
				if (ring.foundMarked && !ring.foundFirm) ring.mark(block, at);
				at = ring.seek(block, next);
			}
			if (at >= 0) {
				this.headAt = at;
				break;
			}
			this.waiting -= ring.events[block] as number;
			ring.events[block] = 0;
			if (this.headIndex === ring.length - 1) break;
			this.headIndex++;
		}
		if (this.headAt === NONE) this.waiting = 0;
		this.retireFront();
	}

	/** Gives blocks before the head's free. */
	private retireFront(): void {
		const ring = this.ring;
		while (this.headIndex > 0 && ring.length > 1) {
			if (!this.carryProgress() || !ring.retire(0)) return;
			this.headIndex--;
		}
	}

	// --- last seqNo --------------------------------------------------------------------------------------------------

	private findLast(transactionId: string): boolean {
		const ring = this.ring;
		const wanted = this.tagOf(transactionId);
		for (let i = ring.length - 1; i >= 0; i--) {
			const block = ring.chain[i] as number;
			let seqNo = NONE;
			let type = 0;
			let at = ring.seek(block, HEADER_BYTES);
			while (at >= 0) {
				const next = at + recordBytes(ring.foundBytes);
				if (this.readPrefix(block, at) && this.tag === wanted) {
					seqNo = this.seqNo;
					type = this.eventType;
				}
				at = ring.seek(block, next);
			}
			if (seqNo === NONE) continue;
			this.seqNo = seqNo;
			this.eventType = type;
			return true;
		}
		return false;
	}

	/**
	 * Before the oldest block goes: a transaction that has not ended and whose last record is in it gets its seqNo
	 * written once more at the end of the queue. False when that did not work: the block must stay.
	 */
	private carryProgress(): boolean {
		const ring = this.ring;
		const oldest = ring.chain[0] as number;
		const table = new Uint32Array(TAGS_MAX * COLUMNS);
		this.rows = 0;
		let at = ring.seek(oldest, HEADER_BYTES);
		while (at >= 0) {
			const next = at + recordBytes(ring.foundBytes);
			if (this.readPrefix(oldest, at)) {
				const ended = this.eventType === EventType.Ended;
				let row = rowOf(table, this.rows, this.tag);
				if (row < 0 && !ended) {
					// More than a station can have running: the eldest was abandoned.
					if (this.rows === TAGS_MAX) table.copyWithin(0, COLUMNS);
					else this.rows++;
					row = (this.rows - 1) * COLUMNS;
				}
				if (row >= 0 && ended) {
					// Forgotten; the last row takes its place.
					this.rows--;
					table.copyWithin(row, this.rows * COLUMNS, (this.rows + 1) * COLUMNS);
				} else if (row >= 0) {
					table[row] = this.tag;
					table[row + 1] = this.seqNo;
				}
			}
			at = ring.seek(oldest, next);
		}
		for (let i = 0; i < this.rows; i++) {
			const tag = table[i * COLUMNS] as number;
			const seqNo = table[i * COLUMNS + 1] as number;
			if (!this.isBehind(tag, 1, HEADER_BYTES) && !this.appendProgress(tag, seqNo)) return false;
		}
		return true;
	}

	/** True when there is a record of the transaction at or behind `from` of chain[index], or in a later block. */
	private isBehind(tag: number, index: number, from: number): boolean {
		const ring = this.ring;
		for (let i = index; i < ring.length; i++) {
			const block = ring.chain[i] as number;
			let at = ring.seek(block, i === index ? from : HEADER_BYTES);
			while (at >= 0) {
				const next = at + recordBytes(ring.foundBytes);
				if (this.readPrefix(block, at) && this.tag === tag) return true;
				at = ring.seek(block, next);
			}
		}
		return false;
	}

	private appendProgress(tag: number, seqNo: number): boolean {
		const ring = this.ring;
		const small = this.small;
		const bytes = this.putPrefix(small, EventType.Updated, tag, seqNo) - FRAME_BYTES;
		// The last free block may be taken: the oldest one is given free right afterwards.
		if (!ring.hasRoom(recordBytes(bytes)) && !ring.openTail()) return false;
		return ring.append(small, bytes, KIND_PROGRESS) >= 0;
	}

	// --- a full area -------------------------------------------------------------------------------------------------

	/** Opens a new last block. One free block is always kept for merging. */
	private makeRoom(): boolean {
		const ring = this.ring;
		this.retireFront();
		while (ring.free < 2) {
			if (this.exhausted) return false;
			const merged = this.mergeSome();
			if (merged === Merge.none) this.exhausted = true;
			if (merged !== Merge.done) return false;
		}
		return ring.openTail();
	}

	/**
	 * Makes one block of two neighbours, which gives one free. Those that stand for the shortest stretch of the queue are
	 * taken first, so that the whole is thinned evenly. The last block is left alone.
	 */
	private mergeSome(): number {
		const ring = this.ring;
		const table = new Uint32Array(TAGS_MAX * COLUMNS);
		for (let pass = 0; pass < 2; pass++) {
			let width = 0;
			let index = NONE;
			for (;;) {
				// The next pair in the order of width, then age.
				let best = NONE;
				let bestWidth = Infinity;
				for (let i = 0; i + 2 < ring.length; i++) {
					const its = ring.last(ring.chain[i + 1] as number) - ring.first(ring.chain[i] as number);
					if (its < width || (its === width && i <= index) || its >= bestWidth) continue;
					best = i;
					bestWidth = its;
				}
				if (best === NONE) break;
				index = best;
				width = bestWidth;
				const share = this.shareFor(index, table, pass === 0);
				if (share !== NONE) return this.merge(index, table, share, pass === 0) ? Merge.done : Merge.failed;
			}
		}
		return Merge.none;
	}

	/**
	 * How many of SHARES droppable events can stay so that the pair fits in one block; SHARES when all can, NONE when it
	 * does not fit with none of them.
	 */
	private shareFor(index: number, table: Uint32Array, keepFirst: boolean): number {
		const ring = this.ring;
		this.fillTable(index, table);
		const room = ring.blockBytes - HEADER_BYTES;
		const all = this.sizeWith(index, table, SHARES, keepFirst);
		if (all <= room) return SHARES;
		const least = this.sizeWith(index, table, 0, keepFirst);
		if (least > room) return NONE;
		// Events differ in size, so the first guess may be a little too many.
		let share = Math.floor((SHARES * (room - least)) / (all - least));
		while (share > 0 && this.sizeWith(index, table, share, keepFirst) > room) share--;
		return share;
	}

	/** Table of a pair: tag, place of its first and last Updated, counter. A tag that finds no row loses nothing. */
	private fillTable(index: number, table: Uint32Array): void {
		const ring = this.ring;
		this.rows = 0;
		for (let side = 0; side < 2; side++) {
			const block = ring.chain[index + side] as number;
			let at = ring.seek(block, HEADER_BYTES);
			while (at >= 0) {
				const next = at + recordBytes(ring.foundBytes);
				const candidate = ring.foundKind === KIND_EVENT && !ring.foundMarked;
				if (candidate && this.readPrefix(block, at) && this.eventType === EventType.Updated) {
					let row = rowOf(table, this.rows, this.tag);
					if (row < 0 && this.rows < TAGS_MAX) {
						row = this.rows++ * COLUMNS;
						table[row] = this.tag;
						table[row + 1] = placeOf(side, at);
					}
					if (row >= 0) table[row + 2] = placeOf(side, at);
				}
				at = ring.seek(block, next);
			}
		}
	}

	private sizeWith(index: number, table: Uint32Array, share: number, keepFirst: boolean): number {
		const ring = this.ring;
		let size = 0;
		for (let row = 0; row < table.length; row += COLUMNS) table[row + 3] = 0;
		for (let side = 0; side < 2; side++) {
			const block = ring.chain[index + side] as number;
			let at = ring.seek(block, HEADER_BYTES);
			while (at >= 0) {
				const bytes = recordBytes(ring.foundBytes);
				if (this.stays(index, side, at, table, share, keepFirst)) size += bytes;
				at = ring.seek(block, at + bytes);
			}
		}
		return size;
	}

	/**
	 * Whether the record that was just found at `at` stays. Counts the droppable ones of each transaction. One that was
	 * sent stays while it is the only witness of its transaction's last seqNo. May overwrite found….
	 */
	private stays(
		index: number, side: number, at: number, table: Uint32Array, share: number, keepFirst: boolean,
	): boolean {
		const ring = this.ring;
		if (ring.foundKind !== KIND_EVENT) return true;
		const chainIndex = index + side;
		if (this.isDone(chainIndex, at)) return this.isWitness(chainIndex, at);
		if (chainIndex === this.headIndex && at === this.headAt) return true;
		if (share === SHARES || !this.readPrefix(ring.chain[chainIndex] as number, at)) return true;
		if (this.eventType !== EventType.Updated) return true;
		const row = rowOf(table, this.rows, this.tag);
		const place = placeOf(side, at);
		if (row < 0 || table[row + 2] === place || (keepFirst && table[row + 1] === place)) return true;
		const turn = ++table[row + 3];
		return Math.floor((turn * share) / SHARES) > Math.floor(((turn - 1) * share) / SHARES);
	}

	/** True when the event that was just found was acknowledged, on flash or at least in this life. */
	private isDone(chainIndex: number, at: number): boolean {
		if (this.ring.foundMarked || this.headAt === NONE || chainIndex < this.headIndex) return true;
		return chainIndex === this.headIndex && at < this.headAt;
	}

	/** True when its transaction goes on and no later record tells its seqNo. Overwrites found…. */
	private isWitness(chainIndex: number, at: number): boolean {
		const ring = this.ring;
		const next = at + recordBytes(ring.foundBytes);
		if (!this.readPrefix(ring.chain[chainIndex] as number, at) || this.eventType === EventType.Ended) return false;
		return !this.isBehind(this.tag, chainIndex, next);
	}

	private merge(index: number, table: Uint32Array, share: number, keepFirst: boolean): boolean {
		const ring = this.ring;
		const a = ring.chain[index] as number;
		const b = ring.chain[index + 1] as number;
		const before = (ring.events[a] as number) + (ring.events[b] as number);
		const merged = ring.beginMerge(index);
		if (merged < 0) return false;
		let kept = 0;
		let offlineAt = HEADER_BYTES;
		let failed = false;
		for (let row = 0; row < table.length; row += COLUMNS) table[row + 3] = 0;
		for (let side = 0; side < 2 && !failed; side++) {
			const block = ring.chain[index + side] as number;
			let at = ring.seek(block, HEADER_BYTES);
			while (at >= 0 && !failed) {
				const next = at + recordBytes(ring.foundBytes);
				const isEvent = ring.foundKind === KIND_EVENT;
				const done = isEvent && this.isDone(index + side, at);
				if (this.stays(index, side, at, table, share, keepFirst)) {
					const copy = ring.recordAt(block, at) ? ring.copy(block, at, merged) : FAILED;
					failed = copy < 0 || (done && !ring.mark(merged, copy));
					if (isEvent && !done) kept++;
					if (this.isBeforeOffline(block, at)) offlineAt = ring.ends[merged] as number;
				}
				if (!failed) at = ring.seek(block, next);
			}
		}
		ring.events[merged] = kept;
		const holdsMark = ring.first(merged) <= this.offlineSequence && this.offlineSequence <= ring.last(merged);
		if (failed || !ring.completeMerge(index, merged)) {
			if (failed) ring.abandonMerge(merged);
			return false;
		}
		if (holdsMark) {
			this.offlineSequence = ring.first(merged);
			this.offlineAt = offlineAt;
		}
		const dropped = before - kept;
		this.waiting -= dropped;
		this.thinned += dropped;
		if (dropped > 0) this.diagnostics.event(LogCode.queueThinned, dropped, 0);
		this.followHead(index);
		return true;
	}

	/** Finds the head again after chain[index] and chain[index + 1] became one. */
	private followHead(index: number): void {
		if (this.headAt === NONE || this.headIndex < index) return;
		if (this.headIndex > index + 1) this.headIndex--;
		else {
			this.headIndex = index;
			this.settle(HEADER_BYTES);
		}
	}

	private isBeforeOffline(block: number, at: number): boolean {
		const first = this.ring.first(block);
		return first < this.offlineSequence || (first === this.offlineSequence && at < this.offlineAt);
	}
}

/** Every other meter value, the first and the last among them. */
function thinner(values: readonly MeterValueType[]): MeterValueType[] {
	const fewer: MeterValueType[] = [];
	for (let i = 0; i < values.length - 1; i += 2) fewer.push(values[i] as MeterValueType);
	fewer.push(values[values.length - 1] as MeterValueType);
	return fewer;
}

/** Offset of the row of a tag among the first `rows`, or -1. */
function rowOf(table: Uint32Array, rows: number, tag: number): number {
	for (let row = 0; row < rows * COLUMNS; row += COLUMNS) if (table[row] === tag) return row;
	return NONE;
}

/** A place in a pair of blocks as one number. */
function placeOf(side: number, at: number): number {
	return side * 0x10000 + at;
}
