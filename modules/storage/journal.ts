// The security log on flash: what happened, when, and which of it the CSMS still has to be told. Rolling: when the area
// is full the oldest goes, but a critical event that waits for the CSMS only when nothing else is left.
// Owns: the records of the area and what waits of them. Not: what the numbers of events mean (model/security-event.ts),
// when to send (blocks/security.ts). Source: OCPP 2.0.1 Part 2, A04. Format: docs/flash-format.md, "The journal".
//
// Events are rare, so the ring of blocks exists in RAM only while it is worked with: rest() drops it, and the next call
// mounts it anew. What stays are positions.

import { text as textOf, writeText } from "../core/bytes.js";
import { LogCode } from "../ports/events.js";
import type { Log } from "../ports/log.js";
import { FAILED, FRAME_BYTES, HEADER_BYTES, UNCOUNTED, recordBytes, type Ring } from "./log.js";
import type { Store } from "./store.js";

/** Kinds of records in the area of the journal. */
export const KIND_CRITICAL = 32;
export const KIND_LOGGED = 33;
/** The clock was set: events before it whose time is unknown get its time. */
export const KIND_CLOCK = 34;

/** Longest technical information in bytes of UTF-8; a longer one is cut. */
export const TECH_INFO_BYTES_MAX = 255;

/** Place of the time in a payload, and of the technical information. */
const TIME_AT = 1;
const TIME_BYTES = 6;
const INFO_AT = TIME_AT + TIME_BYTES;
const NONE = -1;
/** Attempts to append where the flash refuses; the last one in another block. */
const ATTEMPTS = 3;
/** Of so many critical events that wait, as many stay as fit. */
const SHARES = 64;

/** An event as it was read. */
export class JournalEntry {
	type = 0;
	isCritical = false;
	/** When it happened, or, before the clock was set, when it was set next; NaN where nobody knows. */
	utcMs = NaN;
	techInfo = "";
}

/** Where a reader stands. It ends where the journal ended when the reader began. */
export class JournalCursor {
	index = 0;
	at = HEADER_BYTES;
	endIndex = NONE;
	endAt = 0;
	epoch = 0;

	/** Back to the beginning; the end stays where it was. */
	rewind(): void {
		this.index = 0;
		this.at = HEADER_BYTES;
	}
}

export class Journal {
	private readonly store: Store;
	private readonly diagnostics: Log;
	private ring: Ring | undefined;
	private waitingCount = 0;
	/** Index in the chain and place of the oldest critical event that waits; headAt is NONE where none does. */
	private headIndex = 0;
	private headAt = NONE;
	/** An event without a time was appended, and the clock was not set since. */
	private isTimeless = false;
	/** Counts what makes cursors invalid: blocks that went. */
	private epoch = 0;
	/** Critical events that were given up since boot because the area held nothing else. */
	dropped = 0;
	/** True when no block of the area held a journal at boot. */
	readonly wasEmpty: boolean;

	/** @param store  open; its scratch buffer is shared with others of storage/ */
	constructor(store: Store, diagnostics: Log) {
		this.store = store;
		this.diagnostics = diagnostics;
		const ring = store.openJournal(true);
		this.ring = ring;
		this.wasEmpty = ring.length === 0;
		this.recount();
		this.rest();
	}

	/** Critical events that wait for the CSMS. */
	get waiting(): number {
		return this.waitingCount;
	}

	/** Lets go of the RAM that working with the journal takes. */
	rest(): void {
		this.ring = undefined;
	}

	/**
	 * Puts an event on flash behind all others.
	 * @param type        0 to 255
	 * @param isCritical  it waits until acknowledge()
	 * @param utcMs       NaN while the clock was never set
	 * @param techInfo    without zero characters; cut after TECH_INFO_BYTES_MAX bytes
	 * @returns true when it survives a power cut from now on; false when the flash refused: a later boot may find it
	 * Cost: one write of 20 bytes and the text; when a block is full an erase more, and at times a merge of two blocks.
	 */
	append(type: number, isCritical: boolean, utcMs: number, techInfo: string): boolean {
		const scratch = this.store.scratch;
		scratch[FRAME_BYTES] = type;
		putTime(scratch, FRAME_BYTES + TIME_AT, utcMs);
		const from = FRAME_BYTES + INFO_AT;
		const end = writeText(scratch, from, cut(techInfo));
		if (!this.write(end - FRAME_BYTES, isCritical ? KIND_CRITICAL : KIND_LOGGED)) return false;
		if (utcMs !== utcMs) this.isTimeless = true;
		return true;
	}

	/** The clock was set: gives events of this boot that have no time this one. Writes only when there are some. */
	clockSet(utcMs: number): void {
		if (!this.isTimeless) return;
		putTime(this.store.scratch, FRAME_BYTES, utcMs);
		if (this.write(TIME_BYTES, KIND_CLOCK)) this.isTimeless = false;
	}

	/** Reads the oldest critical event that waits; false when none does. */
	peek(entry: JournalEntry): boolean {
		const ring = this.open();
		while (this.headAt !== NONE) {
			const block = ring.chain[this.headIndex] as number;
			if (ring.recordAt(block, this.headAt) && this.load(this.headIndex, this.headAt, entry)) return true;
			ring.reportDamage(block, 1);
			this.leaveHead();
		}
		return false;
	}

	/**
	 * The CSMS has answered for the event that peek() reads: it is never returned again.
	 * @returns true when that survives a power cut; false when the flash refused: after a reboot, or when a block was
	 *          given free, it is returned once more
	 */
	acknowledge(): boolean {
		if (this.headAt === NONE) return true;
		const ring = this.open();
		const block = ring.chain[this.headIndex] as number;
		const durable = ring.mark(block, this.headAt) || ring.mark(block, this.headAt);
		this.leaveHead();
		return durable;
	}

	/** Begins to read the journal as it is now, oldest first. */
	begin(cursor: JournalCursor): void {
		const ring = this.open();
		cursor.rewind();
		cursor.endIndex = ring.length - 1;
		cursor.endAt = ring.length === 0 ? 0 : (ring.ends[ring.tail] as number);
		cursor.epoch = this.epoch;
	}

	/** Reads the next event; false at the end, or when the cursor has become invalid. */
	next(cursor: JournalCursor, entry: JournalEntry): boolean {
		const ring = this.open();
		while (this.isValid(cursor) && cursor.index <= cursor.endIndex) {
			const block = ring.chain[cursor.index] as number;
			const at = ring.seek(block, cursor.at);
			const isBehind = cursor.index === cursor.endIndex && at >= cursor.endAt;
			if (at < 0 || isBehind) {
				cursor.index++;
				cursor.at = HEADER_BYTES;
				continue;
			}
			cursor.at = at + recordBytes(ring.foundBytes);
			if (ring.foundKind !== KIND_CLOCK && this.load(cursor.index, at, entry)) return true;
		}
		return false;
	}

	/** False when a block went since begin(): the reader has to begin anew. */
	isValid(cursor: JournalCursor): boolean {
		return cursor.epoch === this.epoch;
	}

	/** Mounts the ring. Whoever is about to write calls it before: mounting goes deep, and so does what it is for. */
	open(): Ring {
		if (this.ring === undefined) this.ring = this.store.openJournal(false);
		return this.ring;
	}

	// --- records -----------------------------------------------------------------------------------------------------

	/** Appends what is in the scratch buffer. Making room uses the window only. */
	private write(bytes: number, kind: number): boolean {
		const ring = this.open();
		const size = recordBytes(bytes);
		for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
			const another = attempt === ATTEMPTS - 1;
			if ((another || !ring.hasRoom(size)) && !this.makeRoom()) break;
			const at = ring.append(this.store.scratch, bytes, kind);
			if (at < 0) continue;
			if (kind === KIND_CRITICAL) {
				this.waitingCount++;
				if (this.headAt === NONE) {
					this.headIndex = ring.length - 1;
					this.headAt = at;
				}
			}
			return true;
		}
		this.diagnostics.event(LogCode.journalRefused, kind, 0);
		return false;
	}

	/** Decodes the record that was just found at `at` of chain[index]; false when it is no event. */
	private load(index: number, at: number, entry: JournalEntry): boolean {
		const ring = this.open();
		const kind = ring.foundKind;
		const bytes = ring.foundBytes;
		const scratch = this.store.scratch;
		if ((kind !== KIND_CRITICAL && kind !== KIND_LOGGED) || bytes < INFO_AT) return false;
		if (!ring.load(ring.chain[index] as number, at, scratch)) return false;
		entry.type = scratch[FRAME_BYTES] as number;
		entry.isCritical = kind === KIND_CRITICAL;
		entry.techInfo = textOf(scratch, FRAME_BYTES + INFO_AT, FRAME_BYTES + bytes);
		entry.utcMs = timeOf(scratch, FRAME_BYTES + TIME_AT);
		if (entry.utcMs !== entry.utcMs) entry.utcMs = this.timeBehind(index, at + recordBytes(bytes));
		return true;
	}

	/** Time of the first record at or behind a place that has one. */
	private timeBehind(index: number, from: number): number {
		const ring = this.open();
		for (let i = index; i < ring.length; i++) {
			const block = ring.chain[i] as number;
			let at = ring.seek(block, i === index ? from : HEADER_BYTES);
			while (at >= 0) {
				const next = at + recordBytes(ring.foundBytes);
				const utcMs = this.readTime(block, at);
				if (utcMs === utcMs) return utcMs;
				at = ring.seek(block, next);
			}
		}
		return NaN;
	}

	/** Time of the record that was just found at `at`; NaN when it has none. */
	private readTime(block: number, at: number): number {
		const ring = this.open();
		const from = ring.foundKind === KIND_CLOCK ? FRAME_BYTES : FRAME_BYTES + TIME_AT;
		if (ring.foundBytes < from - FRAME_BYTES + TIME_BYTES) return NaN;
		// Reads are multiples of 4; the record is padded to one.
		if (!ring.readFound(block, at, 0, FRAME_BYTES + 8)) return NaN;
		return timeOf(ring.window, from);
	}

	/** Counts the critical events of a block that wait; finishes marks that a power cut has left half written. */
	private count(block: number): void {
		const ring = this.open();
		let waiting = 0;
		let damage = 0;
		let at = ring.seek(block, HEADER_BYTES);
		while (at >= 0) {
			damage += ring.foundDamage;
			const next = at + recordBytes(ring.foundBytes);
			if (ring.foundKind === KIND_CRITICAL && !ring.foundMarked) waiting++;
			if (ring.foundMarked && !ring.foundFirm) ring.mark(block, at);
			at = ring.seek(block, next);
		}
		damage += ring.foundDamage;
		ring.events[block] = waiting;
		if (damage > 0) ring.reportDamage(block, damage);
	}

	// --- the head ----------------------------------------------------------------------------------------------------

	/** The head is done with. */
	private leaveHead(): void {
		this.waitingCount--;
		this.seekHead(this.headIndex, this.headAt + 4);
	}

	/** Finds the first critical event that waits at or behind a place. */
	private seekHead(index: number, from: number): void {
		const ring = this.open();
		this.headAt = NONE;
		for (let i = index; i < ring.length; i++) {
			const block = ring.chain[i] as number;
			let at = ring.seek(block, i === index ? from : HEADER_BYTES);
			while (at >= 0 && (ring.foundMarked || ring.foundKind !== KIND_CRITICAL))
				at = ring.seek(block, at + recordBytes(ring.foundBytes));
			if (at < 0) continue;
			this.headIndex = i;
			this.headAt = at;
			return;
		}
		this.waitingCount = 0;
	}

	// --- a full area -------------------------------------------------------------------------------------------------

	/** Opens a new last block. One free block is always kept for merging. */
	private makeRoom(): boolean {
		const ring = this.open();
		while (ring.free < 2) if (!this.reclaim()) return false;
		if (ring.length > 0) this.count(ring.tail);
		return ring.openTail();
	}

	/** Gives one block free: the oldest one, or two are made one when something in the oldest waits. */
	private reclaim(): boolean {
		const ring = this.open();
		const oldest = ring.chain[0] as number;
		if (ring.events[oldest] !== 0) this.count(oldest);
		const isDone = ring.events[oldest] === 0 ? ring.retire(0) : this.merge();
		if (!isDone) return false;
		this.epoch++;
		this.recount();
		return true;
	}

	/**
	 * Finds what waits anew. An event whose mark the flash refused waits once more: were it found but not counted, the
	 * newest one would be forgotten in its place.
	 */
	private recount(): void {
		const ring = this.open();
		let waiting = 0;
		for (let i = 0; i < ring.length; i++) {
			const block = ring.chain[i] as number;
			// A closed block that says that nothing waits is right: marks are only added.
			if (ring.events[block] !== 0 || block === ring.tail) this.count(block);
			waiting += ring.events[block] as number;
		}
		this.waitingCount = waiting;
		this.seekHead(0, HEADER_BYTES);
	}

	/**
	 * Makes one block of the two oldest. Of what does not wait the oldest goes first; only when all that stays waits and
	 * is still too much, what waits is thinned evenly, the first and the last of it staying.
	 */
	private merge(): boolean {
		const ring = this.open();
		const room = ring.blockBytes - HEADER_BYTES;
		if (ring.events[ring.chain[1] as number] === UNCOUNTED) this.count(ring.chain[1] as number);
		const before = this.waitingOfPair();
		let share = SHARES;
		let spare = 0;
		let size = this.copyPair(NONE, spare, share);
		// Where an event goes, a record of the clock may have to stay in its place: so more than once.
		while (size > room && spare < 2 * ring.blockBytes) {
			spare += size - room;
			size = this.copyPair(NONE, spare, share);
		}
		if (size > room) share = Math.floor((SHARES * room) / size);
		while (size > room && share > 0) {
			size = this.copyPair(NONE, spare, share);
			if (size > room) share--;
		}
		const merged = ring.beginMerge(0);
		if (merged < 0) return false;
		if (this.copyPair(merged, spare, share) < 0) {
			ring.abandonMerge(merged);
			return false;
		}
		this.count(merged);
		const kept = ring.events[merged] as number;
		if (!ring.completeMerge(0, merged)) return false;
		this.waitingCount -= before - kept;
		this.dropped += before - kept;
		if (before > kept) this.diagnostics.event(LogCode.journalThinned, before - kept, 0);
		return true;
	}

	private waitingOfPair(): number {
		const ring = this.open();
		this.count(ring.chain[1] as number);
		return (ring.events[ring.chain[0] as number] as number) + (ring.events[ring.chain[1] as number] as number);
	}

	/**
	 * Goes over the two oldest blocks and copies what stays to `merged`, or only measures with NONE.
	 * @param spare  bytes of what does not wait that may go, oldest first
	 * @param share  how many of SHARES of what waits stay
	 * @returns bytes of what stays; -1 when the flash refuses
	 */
	private copyPair(merged: number, spare: number, share: number): number {
		const ring = this.open();
		let size = 0;
		let gone = 0;
		let turn = 0;
		let hasTimeless = false;
		for (let side = 0; side < 2; side++) {
			const block = ring.chain[side] as number;
			let at = ring.seek(block, HEADER_BYTES);
			while (at >= 0) {
				const bytes = recordBytes(ring.foundBytes);
				const kind = ring.foundKind;
				const isMarked = ring.foundMarked;
				let stays = true;
				if (kind === KIND_CLOCK) stays = hasTimeless;
				else if (kind === KIND_CRITICAL && !isMarked) {
					turn++;
					stays = turn === 1 || Math.floor((turn * share) / SHARES) > Math.floor(((turn - 1) * share) / SHARES);
				} else if (gone < spare) {
					gone += bytes;
					stays = false;
				}
				if (stays) {
					size += bytes;
					const utcMs = this.readTime(block, at);
					hasTimeless = utcMs !== utcMs;
					if (merged !== NONE && !this.copy(block, at, merged, isMarked)) return FAILED;
				}
				at = ring.seek(block, at + bytes);
			}
			if (ring.foundUnread) return FAILED;
		}
		return size;
	}

	private copy(block: number, at: number, merged: number, isMarked: boolean): boolean {
		const ring = this.open();
		if (!ring.recordAt(block, at)) return false;
		const place = ring.copy(block, at, merged);
		return place >= 0 && (!isMarked || ring.mark(merged, place));
	}
}

/** At most TECH_INFO_BYTES_MAX bytes of a text. */
function cut(text: string): string {
	let shorter = text.length > TECH_INFO_BYTES_MAX ? text.slice(0, TECH_INFO_BYTES_MAX) : text;
	while (shorter.length * 4 > TECH_INFO_BYTES_MAX && ArrayBuffer.fromString(shorter).byteLength > TECH_INFO_BYTES_MAX)
		shorter = shorter.slice(0, -1);
	return shorter;
}

/**
 * Milliseconds since 1970 as 48 bits, low ones first; 0 for NaN. Not all bits set: a record may not end in blank words,
 * because the end of a block is found by its last programmed byte.
 */
function putTime(bytes: Uint8Array, at: number, utcMs: number): void {
	let rest = utcMs > 0 ? utcMs : 0;
	for (let i = 0; i < TIME_BYTES; i++) {
		bytes[at + i] = rest % 256;
		rest = Math.floor(rest / 256);
	}
}

function timeOf(bytes: Uint8Array, at: number): number {
	let utcMs = 0;
	for (let i = TIME_BYTES - 1; i >= 0; i--) utcMs = utcMs * 256 + (bytes[at + i] as number);
	return utcMs === 0 ? NaN : utcMs;
}
