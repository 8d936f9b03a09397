// Settings and other small values: latest value wins, by cell number. RAM holds two bytes per cell, the place of its
// value; the values stay on flash. Format: docs/flash-format.md §5. The rule that compaction always succeeds: §5.2.

import { LIMITS } from "../../preload/limits.js";
import { text as textOf, textBytes, writeText } from "../core/bytes.js";
import { LogCode } from "../ports/events.js";
import type { Log } from "../ports/log.js";
import { CELLS_MAX } from "./cell-ids.js";
import { FAILED, FRAME_BYTES, FULL, HEADER_BYTES, recordBytes, type Ring } from "./log.js";

/** Kinds of records in the area of cells. The payload begins with the cell number. */
export const KIND_VALUE = 1;
export const KIND_ERASED = 2;

/** Longest value in bytes of UTF-8. */
export const CELL_BYTES_MAX = LIMITS.cellBytes;

const RECORD_MAX = recordBytes(1 + CELL_BYTES_MAX);
/** Room that only erase() may use, so that a full area can always be emptied: 16 marks of 16 bytes. */
const ERASE_RESERVE = 256;
/** Attempts to append where the flash refuses. */
const ATTEMPTS = 2;

export class Cells {
	private readonly ring: Ring;
	private readonly scratch: Uint8Array;
	private readonly diagnostics: Log;
	/** Place of the latest record of each cell in words from the start of the area; 0 where there is none. */
	private readonly places: Uint16Array;
	/** Bytes of the latest records of all cells. */
	private living = 0;
	/** Most bytes that may live; docs/flash-format.md §5.2. */
	readonly capacity: number;

	/** @param ring  area of cells, mounted. @param scratch  at least LIMITS.recordBytes; shared with others. */
	constructor(ring: Ring, scratch: Uint8Array, diagnostics: Log) {
		this.ring = ring;
		this.scratch = scratch;
		this.diagnostics = diagnostics;
		this.places = new Uint16Array(CELLS_MAX);
		this.capacity = (ring.blocks - 2) * (ring.blockBytes - HEADER_BYTES - RECORD_MAX);
		this.scan();
	}

	/** Bytes that the values occupy, out of `capacity`. */
	get bytesUsed(): number {
		return this.living;
	}

	/** The value of a cell; undefined when it was never set, was erased, or cannot be read any more. */
	get(cell: number): string | undefined {
		const place = this.places[cell] as number;
		if (place === 0 || cell >= CELLS_MAX) return undefined;
		const ring = this.ring;
		const scratch = this.scratch;
		const block = this.blockOf(place);
		const at = this.offsetOf(place);
		if (!ring.recordAt(block, at) || !ring.load(block, at, scratch)) {
			ring.reportDamage(block, 1);
			return undefined;
		}
		if (ring.foundKind !== KIND_VALUE || scratch[FRAME_BYTES] !== cell) return undefined;
		return textOf(scratch, FRAME_BYTES + 1, FRAME_BYTES + ring.foundBytes);
	}

	/**
	 * Keeps a value. An equal value writes nothing.
	 * @returns true when it survives a power cut from now on. False when it is longer than CELL_BYTES_MAX, has a zero
	 * character, or the area is full: the old value stays. False also when the flash refused: the old value stays now, a
	 * later boot may find either.
	 * Cost: one write of the value and 13 to 16 bytes; at times a compaction of at most one block's records per block.
	 */
	set(cell: number, value: string): boolean {
		// A unit of a string makes at least one byte; longer ones are not even encoded.
		if (cell >= CELLS_MAX || value.length > CELL_BYTES_MAX) return this.refuse(cell);
		if (this.get(cell) === value) return true;
		const bytes = this.encode(cell, value);
		if (bytes < 0) return this.refuse(cell);
		if (this.living + recordBytes(bytes) > this.capacity - ERASE_RESERVE) return this.refuse(cell);
		return this.store(cell, bytes, KIND_VALUE) || this.refuse(cell);
	}

	/** Forgets a value. True when it stays forgotten over a power cut. */
	erase(cell: number): boolean {
		if (cell >= CELLS_MAX) return false;
		if (this.places[cell] === 0 || this.get(cell) === undefined && this.isErased(cell)) return true;
		if (this.living + recordBytes(1) > this.capacity) return this.refuse(cell);
		return this.store(cell, 1, KIND_ERASED) || this.refuse(cell);
	}

	/** The value as an integer; `otherwise` when there is none. */
	getNumber(cell: number, otherwise: number): number {
		const value = this.get(cell);
		const number = value === undefined ? NaN : Number(value);
		return number === number ? number : otherwise;
	}

	setNumber(cell: number, value: number): boolean {
		return this.set(cell, String(value));
	}

	private refuse(cell: number): boolean {
		this.diagnostics.event(LogCode.cellRefused, cell, 0);
		return false;
	}

	private isErased(cell: number): boolean {
		const place = this.places[cell] as number;
		return this.ring.recordAt(this.blockOf(place), this.offsetOf(place)) && this.ring.foundKind === KIND_ERASED;
	}

	private blockOf(place: number): number {
		return Math.floor((place * 4) / this.ring.blockBytes);
	}

	private offsetOf(place: number): number {
		return (place * 4) % this.ring.blockBytes;
	}

	/** Puts cell number and text into the scratch buffer; length of the payload, or -1. */
	private encode(cell: number, value: string): number {
		const scratch = this.scratch;
		const from = FRAME_BYTES + 1;
		scratch[FRAME_BYTES] = cell;
		if (value.length * 4 > CELL_BYTES_MAX && textBytes(value) > CELL_BYTES_MAX) return -1;
		const end = writeText(scratch, from, value);
		if (end - from > CELL_BYTES_MAX) return -1;
		// XS ends a string at a zero byte when it reads one.
		for (let i = from; i < end; i++) if (scratch[i] === 0) return -1;
		return end - FRAME_BYTES;
	}

	/** Appends what encode() has made, after making room. Room making uses the window only, never the scratch buffer. */
	private store(cell: number, bytes: number, kind: number): boolean {
		const ring = this.ring;
		const scratch = this.scratch;
		scratch[FRAME_BYTES] = cell;
		const before = this.sizeOf(cell);
		for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
			if (!this.makeRoom(recordBytes(bytes))) return false;
			const at = ring.append(scratch, bytes, kind);
			if (at < 0) continue;
			this.living += recordBytes(bytes) - before;
			this.places[cell] = this.placeOf(ring.tail, at);
			return true;
		}
		return false;
	}

	private placeOf(block: number, at: number): number {
		return (block * this.ring.blockBytes + at) >> 2;
	}

	/** Bytes on flash of the latest record of a cell; 0 where there is none. */
	private sizeOf(cell: number): number {
		const place = this.places[cell] as number;
		if (place === 0) return 0;
		return this.ring.recordAt(this.blockOf(place), this.offsetOf(place)) ? recordBytes(this.ring.foundBytes) : 0;
	}

	/** Makes the last block take a record of `size` bytes. One free block is kept for compaction. */
	private makeRoom(size: number): boolean {
		const ring = this.ring;
		if (ring.free === 0 && !this.finish()) return false;
		for (let attempt = 0; attempt <= ring.blocks * 2; attempt++) {
			if (ring.hasRoom(size)) return true;
			if (ring.free >= 2) {
				if (!ring.openTail()) return false;
			} else if (!this.compact()) {
				if (ring.free === 0) this.finish();
				return false;
			}
		}
		return false;
	}

	/**
	 * Copies the living records of the oldest block to the end, then retires it. The last free block may be opened for
	 * that; nothing but these copies goes there before the oldest block is gone.
	 */
	private compact(): boolean {
		const ring = this.ring;
		const oldest = ring.chain[0] as number;
		for (let at = ring.seek(oldest, HEADER_BYTES); at >= 0; ) {
			const size = recordBytes(ring.foundBytes);
			const erased = ring.foundKind === KIND_ERASED;
			const cell = this.cellAt(oldest, at);
			if (cell >= 0 && this.places[cell] === this.placeOf(oldest, at)) {
				if (erased) {
					// Older values of this cell could only be in this block, which goes.
					this.places[cell] = 0;
					this.living -= size;
				} else if (!this.move(oldest, at, cell)) return false;
			}
			at = ring.seek(oldest, at + size);
		}
		return !ring.foundUnread && this.retireOldest();
	}

	private retireOldest(): boolean {
		const ring = this.ring;
		const places = this.places;
		const oldest = ring.chain[0] as number;
		if (!ring.retire(0)) return false;
		// What still points there was damaged: it could not be copied.
		for (let cell = 0; cell < CELLS_MAX; cell++) {
			const place = places[cell] as number;
			if (place !== 0 && this.blockOf(place) === oldest) places[cell] = 0;
		}
		return true;
	}

	private move(oldest: number, at: number, cell: number): boolean {
		const ring = this.ring;
		if (!ring.recordAt(oldest, at)) return false;
		let copy = ring.hasRoom(recordBytes(ring.foundBytes)) ? ring.copy(oldest, at, ring.tail) : FULL;
		if (copy === FULL) {
			if (!ring.openTail() || !ring.recordAt(oldest, at)) return false;
			copy = ring.copy(oldest, at, ring.tail);
		}
		if (copy === FULL || copy === FAILED) return false;
		this.places[cell] = this.placeOf(ring.tail, copy);
		return true;
	}

	/** Cell number of the record at `at`, or -1. */
	private cellAt(block: number, at: number): number {
		const ring = this.ring;
		const kind = ring.foundKind;
		if ((kind !== KIND_VALUE && kind !== KIND_ERASED) || ring.foundBytes === 0) return -1;
		if (!ring.readFound(block, at, 0, FRAME_BYTES + 4)) return -1;
		const cell = ring.window[FRAME_BYTES] as number;
		return cell < CELLS_MAX ? cell : -1;
	}

	/**
	 * With no block free a compaction was interrupted, and the newest block holds copies of records of the oldest only.
	 * Either all copies were made: then the oldest goes, whose retirement may have begun. Or not: then it is untouched,
	 * the newest can go, and the compaction will be made anew.
	 */
	private finish(): boolean {
		const ring = this.ring;
		const oldest = ring.chain[0] as number;
		let living = false;
		for (let at = ring.seek(oldest, HEADER_BYTES); at >= 0; ) {
			const size = recordBytes(ring.foundBytes);
			const erased = ring.foundKind === KIND_ERASED;
			const cell = this.cellAt(oldest, at);
			if (!erased && cell >= 0 && this.places[cell] === this.placeOf(oldest, at)) living = true;
			at = ring.seek(oldest, at + size);
		}
		if (ring.foundUnread) return false;
		if (!living) return this.retireOldest();
		if (!ring.retire(ring.length - 1)) return false;
		this.scan();
		return true;
	}

	/** Finds the latest record of each cell. Reads the whole area. */
	private scan(): void {
		const ring = this.ring;
		const places = this.places;
		places.fill(0);
		for (let i = 0; i < ring.length; i++) {
			const block = ring.chain[i] as number;
			let damage = 0;
			for (let at = ring.seek(block, HEADER_BYTES); at >= 0; ) {
				damage += ring.foundDamage;
				const size = recordBytes(ring.foundBytes);
				const cell = this.cellAt(block, at);
				if (cell >= 0) places[cell] = this.placeOf(block, at);
				at = ring.seek(block, at + size);
			}
			damage += ring.foundDamage;
			if (damage > 0) ring.reportDamage(block, damage);
		}
		this.living = 0;
		for (let cell = 0; cell < CELLS_MAX; cell++) this.living += this.sizeOf(cell);
	}
}
