// A ring of erase blocks that holds append-only records with a check each. It knows blocks, frames and power cuts; what
// the records mean is known by cells.ts (settings), outbox.ts (queue of events) and journal.ts (security log), which
// share this class.
// Owns: the chain of blocks in use, the place of the next record. Format on flash: docs/flash-format.md §2 to §4.
// Why it is built like this: docs/decisions/0003-flash-log.md.

import { crc32 } from "../core/crc.js";
import { LogCode } from "../ports/events.js";
import type { FlashPartition } from "../ports/flash.js";
import type { Log } from "../ports/log.js";

export const FORMAT_VERSION = 2;

/** What a block belongs to; byte 5 of its header. */
export const enum Area { cells = 1, queue = 2, journal = 3 }
/** Bits of byte 5: the block was made by merging others and counts only once its summary is there; it holds parts. */
const enum Bit { merged = 0x80, packed = 0x40, area = 0x3f }

export const HEADER_BYTES = 32;
/** Bytes of the header that its own check covers, and with the check. */
const CHECKED = 16;
const SUMMARY_AT = 20;
const SUMMARY_BYTES = 8;

export const FRAME_BYTES = 8;
const MARK_AT = 2;
const CHECK_AT = 4;
/** Kinds are 1 to 62: a word that is zeroed or blank is no frame. */
const KIND_MAX = 62;
/** Longest payload: its length and the kind share the first two bytes of a frame. */
export const PAYLOAD_BYTES_MAX = 0x3ff;
const LENGTH_BITS = 10;

/**
 * A record of this kind holds many things, each with a mark of four bits of its own behind the first PART_HEAD_BYTES
 * of the payload, whose first byte says how many there are. Its check takes the marks as blank.
 */
export const KIND_PART = 18;
export const PART_HEAD_BYTES = 8;
const MARKS_AT = FRAME_BYTES + PART_HEAD_BYTES;

export const WINDOW_BYTES = 64;
const NONE = -1;

/** In Ring.events: the block has no summary. */
export const UNCOUNTED = 0xffff;
const BAD = 0xfffe;

/** Answers of append(): the record does not fit in the last block, or the flash refused. */
export const FULL = -1;
export const FAILED = -2;

/** Bytes of the marks of a part with `count` things in it. */
export function marksBytes(count: number): number {
	return ((count + 7) >> 3) * 4;
}

/** Bytes on flash of a record with `bytes` of payload. */
export function recordBytes(bytes: number): number {
	return (FRAME_BYTES + bytes + 3) & ~3;
}

/** What a header says; filled by parseHeader. */
export class Header {
	area = 0;
	merged = false;
	packed = false;
	/** How the partition is divided, one 16-bit number that is the same in all headers (store.ts). */
	division = 0;
	first = 0;
	last = 0;
	/** Number of events and end of the records when the block was closed; end 0 where there is no summary. */
	events = 0;
	end = 0;
	/** Bits that had to be turned back. */
	repaired = false;
}

/** The header is ours, of a newer format, or no header. */
export const enum HeaderState { none = 0, valid = 1, newer = 2 }

export function u16(bytes: Uint8Array, at: number): number {
	return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

export function u32(bytes: Uint8Array, at: number): number {
	return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}

export function putU32(bytes: Uint8Array, at: number, value: number): void {
	bytes[at] = value & 0xff;
	bytes[at + 1] = (value >>> 8) & 0xff;
	bytes[at + 2] = (value >>> 16) & 0xff;
	bytes[at + 3] = value >>> 24;
}

/** Kind and length of a record at its beginning. */
function putWord(record: Uint8Array, kind: number, bytes: number): void {
	const word = (kind << LENGTH_BITS) | bytes;
	record[0] = word;
	record[1] = word >> 8;
}

function isAll(bytes: Uint8Array, count: number, value: number): boolean {
	for (let i = 0; i < count; i++) if (bytes[i] !== value) return false;
	return true;
}

/** How many of the four magic bytes "OCSL" are there. */
function magicBytes(bytes: Uint8Array): number {
	return (bytes[0] === 0x4f ? 1 : 0) + (bytes[1] === 0x43 ? 1 : 0) + (bytes[2] === 0x53 ? 1 : 0) +
		(bytes[3] === 0x4c ? 1 : 0);
}

function headerChecks(bytes: Uint8Array): boolean {
	return magicBytes(bytes) === 4 && crc32(bytes, 0, CHECKED) === u32(bytes, CHECKED);
}

/**
 * A header with one wrong bit is as good as before: a block of events must not hang on a bit. A retired header (all
 * zero) and a half erased one are many bits away.
 */
function repairHeader(bytes: Uint8Array): boolean {
	if (magicBytes(bytes) < 3) return false;
	for (let bit = 0; bit < (CHECKED + 4) * 8; bit++) {
		const at = bit >> 3;
		const mask = 1 << (bit & 7);
		bytes[at] = (bytes[at] as number) ^ mask;
		if (headerChecks(bytes)) return true;
		bytes[at] = (bytes[at] as number) ^ mask;
	}
	return false;
}

/** Reads bytes[0, HEADER_BYTES) into `header`; may repair the bytes. Returns a HeaderState. */
export function parseHeader(bytes: Uint8Array, header: Header): number {
	header.repaired = false;
	if (!headerChecks(bytes)) {
		if (!repairHeader(bytes)) return HeaderState.none;
		header.repaired = true;
	}
	// The first 20 bytes keep their places in every future format. Without a right check nothing is newer: a header that
	// was being written when the power went may show any version.
	if (bytes[4] !== FORMAT_VERSION) return (bytes[4] as number) > FORMAT_VERSION ? HeaderState.newer : HeaderState.none;
	header.area = (bytes[5] as number) & Bit.area;
	header.merged = ((bytes[5] as number) & Bit.merged) !== 0;
	header.packed = ((bytes[5] as number) & Bit.packed) !== 0;
	header.division = u16(bytes, 6);
	header.first = u32(bytes, 8);
	header.last = u32(bytes, 12);
	const closed = crc32(bytes, 0, SUMMARY_AT + 4) === u32(bytes, SUMMARY_AT + 4);
	header.events = closed ? u16(bytes, SUMMARY_AT) : 0;
	header.end = closed ? u16(bytes, SUMMARY_AT + 2) : 0;
	return HeaderState.valid;
}

/**
 * Writes the first CHECKED + 4 bytes of a header to bytes[0, …) and sets the rest of it to 0xFF.
 * @param area  an Area and bits of Bit
 */
export function makeHeader(
	bytes: Uint8Array,
	area: number,
	division: number,
	first: number,
	last: number,
): void {
	bytes.fill(0xff, 0, HEADER_BYTES);
	bytes[0] = 0x4f;
	bytes[1] = 0x43;
	bytes[2] = 0x53;
	bytes[3] = 0x4c;
	bytes[4] = FORMAT_VERSION;
	bytes[5] = area;
	bytes[6] = division & 0xff;
	bytes[7] = division >> 8;
	putU32(bytes, 8, first);
	putU32(bytes, 12, last);
	putU32(bytes, CHECKED, crc32(bytes, 0, CHECKED));
}

/** How many bits of a mark are cleared: of 16, or of 4. */
function clearedBits(mark: number, all: number): number {
	let cleared = 0;
	for (let rest = ~mark & all; rest !== 0; rest &= rest - 1) cleared++;
	return cleared;
}

/**
 * A mark counts as set from here on: no single flipped bit kills a record, and one that was being written when the
 * power went nearly always counts (its event was answered, so both are right).
 */
const MARKED_BITS = 2;
const MARK = 0xffff;

/**
 * What one wrong bit in the last place of what a check covers does to the check; each place before it is a shift
 * more.
 */
const LAST_BIT = 0xedb88320;
/** In the place of a difference of checks: there is no record. */
const UNKNOWN = 2 ** 32;

export class Ring {
	private readonly flash: FlashPartition;
	private readonly diagnostics: Log;
	readonly area: number;
	/** Block of the partition where the area begins. Blocks are numbered from 0 inside the area. */
	readonly firstBlock: number;
	readonly blocks: number;
	readonly blockBytes: number;
	private readonly division: number;
	/** Small buffer of the store; every call that touches flash may change it. */
	readonly window: Uint8Array;
	private readonly header: Header;

	/**
	 * Blocks in use: chain[0, length). First those that hold parts, chain[0, packed), then the others, each oldest
	 * first. The last one takes new records, the last one of those with parts takes new parts.
	 */
	readonly chain: Uint8Array;
	length = 0;
	packed = 0;
	/** First and last sequence number of each block, 2 * block and 2 * block + 1. */
	private readonly range: Uint32Array;
	/** Where the records of each block end. */
	readonly ends: Uint16Array;
	/** Event records counted in each block at mount; kept up by the owner. */
	readonly events: Uint16Array;
	/** The last block, or the last one with parts, has its summary already, or there is none: it takes no more records. */
	private closed = true;
	private packedClosed = true;
	/** Free blocks that could not be begun when that was tried last; their `events` is BAD. */
	private badCount = 0;
	private nextSequence = 1;
	private cursor = 0;
	/** Records and torn pieces that failed their check since mount. */
	damaged = 0;

	// The record that recordAt or seek has found.
	foundBytes = 0;
	foundKind = 0;
	foundMarked = false;
	/** All bits of the mark are cleared. */
	foundFirm = false;
	/** Bit that reads wrong, counted from the last one of the payload; NONE when the record is as it was written. */
	private foundFlip = NONE;
	/** Place of the last record that had such a bit: it is told once. */
	private mended = NONE;
	/** Damaged stretches that the last seek went over, and whether it ended because the flash could not be read. */
	foundDamage = 0;
	foundUnread = false;

	constructor(
		flash: FlashPartition,
		diagnostics: Log,
		window: Uint8Array,
		header: Header,
		area: number,
		firstBlock: number,
		blocks: number,
		division: number,
	) {
		this.flash = flash;
		this.diagnostics = diagnostics;
		this.window = window;
		this.header = header;
		this.area = area;
		this.firstBlock = firstBlock;
		this.blocks = blocks;
		this.blockBytes = flash.blockBytes;
		this.division = division;
		// One buffer for all four: a buffer of its own would cost each 56 bytes more.
		const buffer = new ArrayBuffer(blocks * 13);
		this.range = new Uint32Array(buffer, 0, blocks * 2);
		this.ends = new Uint16Array(buffer, blocks * 8, blocks);
		this.events = new Uint16Array(buffer, blocks * 10, blocks);
		this.chain = new Uint8Array(buffer, blocks * 12, blocks);
	}

	/** Blocks that hold nothing. */
	get free(): number {
		return this.blocks - this.length;
	}

	/** Those of them that can be used, as far as is known. */
	get usable(): number {
		return this.blocks - this.length - this.badCount;
	}

	/** The block that takes new records; only while length > 0. */
	get tail(): number {
		return this.chain[this.length - 1] as number;
	}

	/** The block that takes new parts; only while packed > 0. */
	get packedTail(): number {
		return this.chain[this.packed - 1] as number;
	}

	first(block: number): number {
		return this.range[block * 2] as number;
	}

	last(block: number): number {
		return this.range[block * 2 + 1] as number;
	}

	// --- calls of the flash: exceptions end here ---------------------------------------------------------------------

	/** Reads `count` bytes of a block into bytes[0, count); false when the hardware fails. */
	read(block: number, at: number, bytes: Uint8Array, count: number): boolean {
		try {
			this.flash.read((this.firstBlock + block) * this.blockBytes + at, bytes, count);
			return true;
		} catch {
			this.diagnostics.event(LogCode.flashFailed, 1, this.firstBlock + block);
			return false;
		}
	}

	private write(block: number, at: number, bytes: Uint8Array, count: number): boolean {
		try {
			this.flash.write((this.firstBlock + block) * this.blockBytes + at, bytes, count);
			return true;
		} catch {
			this.diagnostics.event(LogCode.flashFailed, 2, this.firstBlock + block);
			return false;
		}
	}

	private erase(block: number): boolean {
		try {
			this.flash.eraseBlock(this.firstBlock + block);
			return true;
		} catch {
			this.diagnostics.event(LogCode.flashFailed, 3, this.firstBlock + block);
			return false;
		}
	}

	/** Zeroes [at, at + count) of a block: what is there is no record any more. True when it reads back as zero. */
	private clear(block: number, at: number, count: number): boolean {
		let sound = true;
		for (let done = 0; done < count; done += WINDOW_BYTES) {
			const n = count - done < WINDOW_BYTES ? count - done : WINDOW_BYTES;
			this.window.fill(0, 0, n);
			sound = this.write(block, at + done, this.window, n) && this.read(block, at + done, this.window, n) && sound;
			for (let i = 0; i < n; i++) if (this.window[i] !== 0) sound = false;
		}
		return sound;
	}

	// --- blocks ------------------------------------------------------------------------------------------------------

	/**
	 * Finds the blocks in use and the end of each. Finishes what a power cut has interrupted: a merge that was complete
	 * retires its sources, an incomplete one is dropped, a torn record at the end is zeroed.
	 * Cost: one read per block, and the last block (and any other that was never closed) is read as a whole.
	 * @param isBoot  a power cut may have come before: what is sound but perhaps half programmed is written once more
	 */
	mount(isBoot = true): void {
		const header = this.header;
		this.length = 0;
		this.packed = 0;
		this.nextSequence = 1;
		this.closed = true;
		this.packedClosed = true;
		for (let block = 0; block < this.blocks; block++) {
			if (this.readHeader(block) !== HeaderState.valid) {
				this.buryGarbage(block);
				continue;
			}
			if (header.last >= this.nextSequence) this.nextSequence = header.last + 1;
			if (header.merged && header.end === 0) {
				this.retireBlock(block);
				continue;
			}
			this.range[block * 2] = header.first;
			this.range[block * 2 + 1] = header.last;
			this.ends[block] = header.end;
			this.events[block] = header.events;
			this.insert(block, header.packed);
		}
		this.dropCovered();
		if (this.length > 0) this.cursor = this.tail;
		for (let i = 0; i < this.length; i++) {
			const block = this.chain[i] as number;
			const closed = this.ends[block] !== 0;
			if (i < this.packed) this.packedClosed = closed;
			else this.closed = closed;
			if (closed) continue;
			this.events[block] = UNCOUNTED;
			this.findEnd(block, isBoot);
			if (isBoot && this.ends[block] === HEADER_BYTES) this.strengthen(block, i < this.packed);
		}
	}

	private readHeader(block: number): number {
		if (!this.read(block, 0, this.window, HEADER_BYTES)) return HeaderState.none;
		const state = parseHeader(this.window, this.header);
		if (state !== HeaderState.valid) return state;
		if (this.header.area !== this.area || this.header.division !== this.division) return HeaderState.none;
		if (this.header.end > this.blockBytes) this.header.end = 0;
		return state;
	}

	/**
	 * Zeroes a header that is neither blank nor zero: half written, half zeroed or damaged. Its bits may read differently
	 * another time, and a block that was taken for free must not come back.
	 */
	private buryGarbage(block: number): void {
		if (!this.read(block, 0, this.window, HEADER_BYTES)) return;
		if (parseHeader(this.window, this.header) !== HeaderState.none) return;
		if (magicBytes(this.window) === 4) this.reportDamage(block, 1);
		if (!isAll(this.window, HEADER_BYTES, 0xff) && !isAll(this.window, HEADER_BYTES, 0)) this.retireBlock(block);
	}

	/** Keeps the chain sorted by first sequence; of two with the same first, the wider one comes first. */
	private insert(block: number, packed: boolean): void {
		const from = packed ? 0 : this.packed;
		let i = packed ? this.packed++ : this.length;
		this.chain.copyWithin(i + 1, i, this.length++);
		for (; i > from; i--) {
			const before = this.chain[i - 1] as number;
			if (this.first(before) < this.first(block)) break;
			if (this.first(before) === this.first(block) && this.last(before) >= this.last(block)) break;
			this.chain[i] = before;
		}
		this.chain[i] = block;
	}

	/** Retires blocks whose sequence numbers a merged block has taken over. */
	private dropCovered(): void {
		const packed = this.packed;
		let kept = 0;
		let coveredTo = 0;
		for (let i = 0; i < this.length; i++) {
			if (i === packed) coveredTo = 0;
			const block = this.chain[i] as number;
			if (this.last(block) <= coveredTo) {
				const merged = this.chain[kept - 1] as number;
				// The cut may have come while the summary was being written: make it firm before its sources go.
				if (this.close(merged, Bit.merged | (i < packed ? Bit.packed : 0))) this.retireBlock(block);
				if (i < packed) this.packed--;
				continue;
			}
			coveredTo = this.last(block);
			this.chain[kept++] = block;
		}
		this.length = kept;
	}

	/**
	 * Sets the end of a block that has no summary. What was programmed behind its last good record is a torn write: it
	 * is zeroed, which makes it padding. A block that cannot be read takes no more records.
	 */
	private findEnd(block: number, isBoot: boolean): void {
		this.ends[block] = this.programmed(block);
		let last = 0;
		let end = HEADER_BYTES;
		for (let at = this.seek(block, end); at >= 0; at = this.seek(block, end)) {
			last = at;
			end = at + recordBytes(this.foundBytes);
		}
		if (this.foundUnread) {
			this.ends[block] = this.blockBytes;
			return;
		}
		if (this.foundDamage > 0) {
			this.reportDamage(block, 1);
			// Its last bits may be half programmed and have read as blank: what comes next must not lie on them.
			const torn = (this.ends[block] as number) + WINDOW_BYTES;
			this.ends[block] = torn < this.blockBytes ? torn : this.blockBytes;
			this.clear(block, end, (this.ends[block] as number) - end);
		} else if (isBoot && last > 0) this.strengthenRecord(block, last, end);
	}

	/** First place behind the last programmed byte of a block, rounded up to a word; at least HEADER_BYTES. */
	private programmed(block: number): number {
		for (let at = this.blockBytes - WINDOW_BYTES; at >= 0; at -= WINDOW_BYTES) {
			if (!this.read(block, at, this.window, WINDOW_BYTES)) return this.blockBytes;
			for (let i = WINDOW_BYTES - 1; i >= 0; i--) {
				if (this.window[i] === 0xff) continue;
				const end = (at + i + 4) & ~3;
				return end < HEADER_BYTES ? HEADER_BYTES : end;
			}
		}
		return HEADER_BYTES;
	}

	/** Zeroes the header of a block, so that nothing in it counts any more, whatever an interrupted erase leaves. */
	private retireBlock(block: number): boolean {
		return this.clear(block, 0, HEADER_BYTES);
	}

	/** Writes a header once more: a cut may have left its bits half programmed. */
	private strengthen(block: number, packed: boolean): void {
		makeHeader(this.window, this.area | (packed ? Bit.packed : 0), this.division, this.first(block), this.last(block));
		this.write(block, 0, this.window, CHECKED + 4);
	}

	/** The same for the last record, which was perhaps being written: what was read as sound stays sound. */
	private strengthenRecord(block: number, at: number, end: number): void {
		if (!this.recordAt(block, at)) return;
		for (let from = at; from < end; from += WINDOW_BYTES) {
			const n = end - from < WINDOW_BYTES ? end - from : WINDOW_BYTES;
			if (!this.readFound(block, at, from - at, n)) return;
			if (from === at) this.window.fill(0xff, MARK_AT, MARK_AT + 2);
			this.write(block, from, this.window, n);
		}
	}

	/** Takes chain[index] out of use. False when the flash refuses; the chain is then as before. */
	retire(index: number): boolean {
		const block = this.chain[index] as number;
		if (this.last(block) !== this.first(block) && !this.buryCovered(block, index < this.packed)) return false;
		if (!this.retireBlock(block)) return false;
		this.remove(index);
		return true;
	}

	/** The block before the last one has its summary already. */
	private remove(index: number): void {
		if (index === this.length - 1) this.closed = true;
		if (index === this.packed - 1) this.packedClosed = true;
		if (index < this.packed) this.packed--;
		this.length--;
		this.chain.copyWithin(index, index + 1, this.length + 1);
	}

	/** A source of a merge whose header could not be zeroed must not come back when the merged block goes. */
	private buryCovered(merged: number, packed: boolean): boolean {
		for (let block = 0; block < this.blocks; block++) {
			if (this.inChain(block) || this.readHeader(block) !== HeaderState.valid || this.header.packed !== packed) continue;
			if (this.header.first < this.first(merged) || this.header.last > this.last(merged)) continue;
			if (!this.retireBlock(block)) return false;
		}
		return true;
	}

	private inChain(block: number): boolean {
		for (let i = 0; i < this.length; i++) if (this.chain[i] === block) return true;
		return false;
	}

	/**
	 * Erases a free block and writes its header. A block is always erased right before its header is written, so a valid
	 * header proves a complete erase. Tries each free block once; goes round, which spreads the wear.
	 * @param bits  of Bit
	 * @returns the block, or -1
	 */
	private begin(bits: number, mergedFirst: number, mergedLast: number): number {
		for (let step = 1; step <= this.blocks; step++) {
			const block = (this.cursor + step) % this.blocks;
			if (this.inChain(block)) continue;
			this.setBad(block, true);
			if (!this.prepare(block)) continue;
			// Each attempt takes a number of its own: two blocks with one number could not be told apart later.
			const first = (bits & Bit.merged) !== 0 ? mergedFirst : this.nextSequence++;
			const last = (bits & Bit.merged) !== 0 ? mergedLast : first;
			makeHeader(this.window, this.area | bits, this.division, first, last);
			if (!this.write(block, 0, this.window, CHECKED + 4)) continue;
			if (this.readHeader(block) !== HeaderState.valid || this.header.repaired || this.header.first !== first) continue;
			this.setBad(block, false);
			this.cursor = block;
			this.range[block * 2] = first;
			this.range[block * 2 + 1] = last;
			this.ends[block] = HEADER_BYTES;
			this.events[block] = 0;
			return block;
		}
		return -1;
	}

	/** Tries free blocks that could not be begun once more, until so many can be used: the flash may have recovered. */
	probe(usable: number): void {
		for (let block = 0; block < this.blocks && this.badCount > 0 && this.usable < usable; block++)
			if (this.events[block] === BAD && !this.inChain(block) && this.prepare(block)) this.setBad(block, false);
	}

	/** Only for blocks that are not in the chain. */
	private setBad(block: number, isBad: boolean): void {
		if ((this.events[block] === BAD) === isBad) return;
		this.badCount += isBad ? 1 : -1;
		this.events[block] = isBad ? BAD : 0;
	}

	/** Erases a block that is not in the chain. A header that is neither blank nor zero is zeroed first. */
	private prepare(block: number): boolean {
		if (!this.read(block, 0, this.window, HEADER_BYTES)) return false;
		if (!isAll(this.window, HEADER_BYTES, 0xff) && !isAll(this.window, HEADER_BYTES, 0)) this.retireBlock(block);
		return this.erase(block);
	}

	/** True when the last block takes a record of `size` bytes, frame included. */
	hasRoom(size: number): boolean {
		return !this.closed && (this.ends[this.tail] as number) + size <= this.blockBytes;
	}

	/** Bytes that the last block with parts still takes, frame included. */
	get packedRoom(): number {
		return this.packedClosed ? 0 : this.blockBytes - (this.ends[this.packedTail] as number);
	}

	/** Closes the last block with a summary and opens a free one behind it. False when there is none that works. */
	openTail(): boolean {
		if (this.free === 0) return false;
		const block = this.begin(0, 0, 0);
		if (block < 0) return false;
		if (!this.closed) this.close(this.tail, 0);
		this.closed = false;
		this.chain[this.length++] = block;
		return true;
	}

	/** The same for the blocks with parts. */
	openPacked(): boolean {
		if (this.free === 0) return false;
		const block = this.begin(Bit.packed, 0, 0);
		if (block < 0) return false;
		if (!this.packedClosed) this.close(this.packedTail, Bit.packed);
		this.packedClosed = false;
		this.chain.copyWithin(this.packed + 1, this.packed, this.length++);
		this.chain[this.packed++] = block;
		return true;
	}

	/** Writes the summary of a block whose header has these bits. False when it is not there afterwards. */
	private close(block: number, bits: number): boolean {
		const events = this.events[block] as number;
		const end = this.ends[block] as number;
		makeHeader(this.window, this.area | bits, this.division, this.first(block), this.last(block));
		this.window[SUMMARY_AT] = events & 0xff;
		this.window[SUMMARY_AT + 1] = events >> 8;
		this.window[SUMMARY_AT + 2] = end & 0xff;
		this.window[SUMMARY_AT + 3] = end >> 8;
		putU32(this.window, SUMMARY_AT + 4, crc32(this.window, 0, SUMMARY_AT + 4));
		this.window.copyWithin(0, SUMMARY_AT, SUMMARY_AT + SUMMARY_BYTES);
		if (!this.write(block, SUMMARY_AT, this.window, SUMMARY_BYTES)) return false;
		return this.readHeader(block) === HeaderState.valid && this.header.end === end && this.header.events === events;
	}

	/** Begins a block that will take the place of chain[index] and chain[index + 1]. Returns it, or -1. */
	beginMerge(index: number): number {
		const bits = Bit.merged | (index < this.packed ? Bit.packed : 0);
		return this.begin(bits, this.first(this.chain[index] as number), this.last(this.chain[index + 1] as number));
	}

	/**
	 * Puts a merged block in the place of its two sources. From the moment its summary is on flash it counts and they
	 * do not. False when the flash refuses: the sources stay as they are.
	 */
	completeMerge(index: number, merged: number): boolean {
		const a = this.chain[index] as number;
		const b = this.chain[index + 1] as number;
		if (!this.close(merged, Bit.merged | (index < this.packed ? Bit.packed : 0))) {
			this.retireBlock(merged);
			return false;
		}
		// A merged block has its summary: as the last one it takes no more records.
		this.chain[index] = merged;
		this.remove(index + 1);
		// When this fails, buryCovered tries again before the merged block goes.
		this.retireBlock(a);
		this.retireBlock(b);
		return true;
	}

	/** Forgets a merged block that was begun. */
	abandonMerge(merged: number): void {
		this.retireBlock(merged);
	}

	// --- records -----------------------------------------------------------------------------------------------------

	/**
	 * Appends a record to a block, in one write.
	 * @param record  payload at [FRAME_BYTES, FRAME_BYTES + bytes); the frame before it and up to 3 bytes behind it are
	 * filled in
	 * @param block   the last one, or the last one with parts, or one that is being merged
	 * @returns its place in the block; FULL when it does not fit; FAILED when the flash refused. Nothing counts then.
	 */
	append(record: Uint8Array, bytes: number, kind: number, block = this.tail): number {
		const size = recordBytes(bytes);
		const at = this.ends[block] as number;
		if (at + size > this.blockBytes) return FULL;
		record.fill(0xff, FRAME_BYTES + bytes, size);
		this.makeFrame(record, bytes, kind);
		const head = crc32(record, 0, MARK_AT, this.seed(block, at));
		putU32(record, CHECK_AT, crc32(record, FRAME_BYTES, FRAME_BYTES + bytes, head));
		this.ends[block] = at + size;
		if (this.write(block, at, record, size) && this.recordAt(block, at) && this.foundFlip === NONE) return at;
		this.clear(block, at, size);
		return FAILED;
	}

	private makeFrame(record: Uint8Array, bytes: number, kind: number): void {
		putWord(record, kind, bytes);
		record.fill(0xff, MARK_AT, CHECK_AT);
	}

	/** A check is bound to its place: no copy of a record inside another one's payload can pass for a record. */
	private seed(block: number, at: number): number {
		return (this.first(block) * 0x10000 + at) >>> 0;
	}

	/**
	 * Copies the record at `at` of `from` to the end of block `to`, unmarked. The caller has just found it.
	 * @returns its new place; FULL or FAILED as append()
	 */
	copy(from: number, at: number, to: number): number {
		const bytes = this.foundBytes;
		const kind = this.foundKind;
		const size = recordBytes(bytes);
		const target = this.ends[to] as number;
		if (target + size > this.blockBytes) return FULL;
		const check = this.checkOf(from, at, this.seed(to, target), 0);
		this.ends[to] = target + size;
		let sound = check !== UNKNOWN;
		for (let done = 0; sound && done < size; done += WINDOW_BYTES) {
			const n = size - done < WINDOW_BYTES ? size - done : WINDOW_BYTES;
			sound = this.readFound(from, at, done, n);
			if (done === 0) {
				this.makeFrame(this.window, bytes, kind);
				putU32(this.window, CHECK_AT, check);
			}
			sound = sound && this.write(to, target + done, this.window, n);
		}
		if (sound && this.recordAt(to, target)) return target;
		this.clear(to, target, size);
		return FAILED;
	}

	/**
	 * Check over kind, length and payload of the record that was found at `at`, and how it differs from another one.
	 * @returns UNKNOWN when it cannot be read
	 */
	private checkOf(block: number, at: number, check: number, other: number): number {
		const end = FRAME_BYTES + this.foundBytes;
		let marksEnd = 0;
		for (let from = 0; from < end; from += WINDOW_BYTES) {
			const n = end - from < WINDOW_BYTES ? end - from : WINDOW_BYTES;
			// The deepest of all paths goes through here.
			if (!this.read(block, at + from, this.window, (n + 3) & ~3)) return UNKNOWN;
			this.mend(this.window, from, n);
			if (from === 0) {
				if (this.foundKind === KIND_PART) marksEnd = MARKS_AT + marksBytes(this.window[FRAME_BYTES] as number);
				putWord(this.window, this.foundKind, this.foundBytes);
				check = crc32(this.window, 0, MARK_AT, check);
			}
			for (let i = from > MARKS_AT ? from : MARKS_AT; i < marksEnd && i < from + n; i++) this.window[i - from] = 0xff;
			check = crc32(this.window, from === 0 ? FRAME_BYTES : 0, n, check);
		}
		return check ^ other;
	}

	/** Reads `count` bytes of the record that was found at `at`, from byte `from` of it on, into the window. */
	readFound(block: number, at: number, from: number, count: number): boolean {
		if (!this.read(block, at + from, this.window, count)) return false;
		this.mend(this.window, from, count);
		return true;
	}

	/** Turns the wrong bit of the record that was found, where it is in its bytes [from, from + count). */
	private mend(bytes: Uint8Array, from: number, count: number): void {
		if (this.foundFlip === NONE) return;
		const at = FRAME_BYTES + this.foundBytes - 1 - (this.foundFlip >> 3) - from;
		if (at >= 0 && at < count) bytes[at] = (bytes[at] as number) ^ (0x80 >> (this.foundFlip & 7));
	}

	/**
	 * True when a sound record begins at `at`; found… tell what it is. A failed check is tried once more.
	 * @param mends  one wrong bit is turned back
	 */
	recordAt(block: number, at: number, mends = true): boolean {
		this.foundFlip = NONE;
		let wrong = this.difference(block, at, 0);
		if (wrong !== 0) wrong = this.difference(block, at, 0);
		if (wrong === 0) return true;
		if (!mends || !(this.canMend(wrong) || this.canMendHead(block, at))) return false;
		const place = block * this.blockBytes + at;
		if (this.mended !== place) this.diagnostics.event(LogCode.recordDamaged, this.firstBlock + block, 1);
		this.mended = place;
		return true;
	}

	/**
	 * Reads the frame at `at`, with some bits of its kind and length turned, and checks the record.
	 * @returns how its check differs from that on flash, 0 for a sound record; UNKNOWN when there can be none
	 */
	private difference(block: number, at: number, turned: number): number {
		const end = this.ends[block] as number;
		if (at + FRAME_BYTES > end || !this.read(block, at, this.window, FRAME_BYTES)) return UNKNOWN;
		const word = u16(this.window, 0);
		const kind = (word ^ turned) >> LENGTH_BITS;
		const stored = u32(this.window, CHECK_AT);
		const cleared = clearedBits(u16(this.window, MARK_AT), MARK);
		this.foundMarked = cleared >= MARKED_BITS;
		this.foundFirm = cleared === 16;
		this.foundKind = kind;
		this.foundBytes = (word ^ turned) & PAYLOAD_BYTES_MAX;
		// What is zeroed or blank is no record with a wrong bit.
		if (kind === 0 || kind > KIND_MAX || word === 0 || word === MARK) return UNKNOWN;
		if (at + recordBytes(this.foundBytes) > end) return UNKNOWN;
		return this.checkOf(block, at, this.seed(block, at), stored);
	}

	/**
	 * A record with one wrong bit is as good as before: the difference of the checks tells which bit it is. With so short
	 * records no two bits have the same, and anything worse passes for one wrong bit once in 500,000 times.
	 */
	private canMend(wrong: number): boolean {
		const bits = this.foundBytes * 8;
		if (wrong === UNKNOWN) return false;
		// One wrong bit in the check itself.
		if ((wrong & (wrong - 1)) === 0) return true;
		let flip = 0;
		for (let rest = LAST_BIT | 0; flip < bits && rest !== wrong; flip++)
			rest = (rest & 1) === 0 ? rest >>> 1 : (rest >>> 1) ^ LAST_BIT;
		if (flip === bits) return false;
		this.foundFlip = flip;
		return true;
	}

	/** The same for kind and length. */
	private canMendHead(block: number, at: number): boolean {
		for (let bit = 0; bit < 16; bit++) if (this.difference(block, at, 1 << bit) === 0) return true;
		return false;
	}

	/**
	 * Finds the first sound record at or behind `from`. Zeroed words are padding; anything else is damage, which is
	 * counted in foundDamage and gone over word by word, so that it costs only itself.
	 * @returns its place, or -1
	 */
	seek(block: number, from: number): number {
		const end = this.ends[block] as number;
		let inDamage = false;
		this.foundDamage = 0;
		this.foundUnread = false;
		for (let at = from; at < end; ) {
			if (this.recordAt(block, at, !inDamage)) return at;
			if (!this.read(block, at, this.window, 4)) {
				this.foundUnread = true;
				return -1;
			}
			const padding = u32(this.window, 0) === 0;
			if (!padding && !inDamage) this.foundDamage++;
			inDamage = !padding;
			at += 4;
		}
		return -1;
	}

	/** Reads the record at `at` with its frame into bytes[0, …); the payload begins at FRAME_BYTES. */
	load(block: number, at: number, bytes: Uint8Array): boolean {
		const size = recordBytes(this.foundBytes);
		if (size > bytes.length || !this.read(block, at, bytes, size)) return false;
		this.mend(bytes, 0, size);
		return true;
	}

	/** Marks the record at `at`: it is done with. True when the mark will be there after a power cut. */
	mark(block: number, at: number): boolean {
		return this.program(block, at, MARK);
	}

	/** Marks things [0, count) of the part at `at`, of which all but the last were marked before; count is above 0. */
	markPart(block: number, at: number, count: number): boolean {
		const last = count - 1;
		return this.program(block, at + MARKS_AT + (last >> 3) * 4, (last & 7) === 7 ? 0 : -1 << (((last & 7) + 1) * 4));
	}

	/** Clears the bits of a word that are zero in `bits`. True when they read back as zero. */
	private program(block: number, at: number, bits: number): boolean {
		putU32(this.window, 0, bits);
		if (!this.write(block, at, this.window, 4) || !this.read(block, at, this.window, 4)) return false;
		return (u32(this.window, 0) & ~bits) === 0;
	}

	/**
	 * How many things of the part at `at` are done with: up to the last one that is marked. foundFirm tells whether all
	 * bits of its mark are cleared. `count` is 128 at most.
	 */
	markedOf(block: number, at: number, count: number): number {
		if (!this.read(block, at + MARKS_AT, this.window, marksBytes(count))) return 0;
		for (let i = count - 1; i >= 0; i--) {
			const cleared = clearedBits((this.window[i >> 1] as number) >> ((i & 1) * 4), 15);
			this.foundFirm = cleared === 4;
			if (cleared >= MARKED_BITS) return i + 1;
		}
		return 0;
	}

	/** Counts damaged stretches of a block and says so in the diagnostics. */
	reportDamage(block: number, stretches: number): void {
		this.damaged += stretches;
		for (let i = 0; i < stretches; i++) this.diagnostics.event(LogCode.recordDamaged, this.firstBlock + block, 0);
	}
}
