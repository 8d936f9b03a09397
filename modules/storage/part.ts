// What one sealed part of the queue holds, as it is before it is compressed and after: events one behind the other.
// Events with the same shape and the same texts (storage/pack.ts) have one slot: the first of them tells both, the
// others how their numbers differ from those of the one before.
// Owns: the layout of these bytes. Not: flash (storage/outbox.ts), compression (storage/gzip.ts). Format:
// docs/flash-format.md §6.

import { sameBytes } from "../core/bytes.js";
import type { Packer } from "./pack.js";

/** Most bytes, events, and transactions of one part. */
export const PART_BYTES_MAX = 1400;
export const PART_EVENTS_MAX = 128;
export const PART_TAGS_MAX = 15;
const SLOTS_MAX = 64;
/** Slots are numbered from 1; in the place of a number: a new slot follows; then the same of a shape. */
const NEW = 0;
const NONE = -1;

export class Part {
	readonly bytes: Uint8Array;
	/** Content is bytes[0, end). Nothing but a first event is added behind `limit`. */
	end = 0;
	limit: number;
	/** Events; the first `done` of them were acknowledged. */
	count = 0;
	done = 0;
	/** Events that could not be read when it was made. */
	lost = 0;
	/** Bytes on flash of the single records that it will stand for. */
	spared = 0;
	/** Checks of the ids of the transactions, storage/outbox.ts. */
	readonly tags: Uint32Array;
	tagCount = 0;
	/** Bytes on flash of a part that was read. */
	recordBytes = 0;
	/** What is before this place in the blocks with single records is in parts: first sequence of its block, and place. */
	sequence = 0;
	endAt = 0;

	// What find() has found.
	/** The shape of the event: bytes[shapeFrom, shapeTo). */
	shapeFrom = 0;
	shapeTo = 0;
	/** Its transaction, an index of `tags`. */
	tagIndex = 0;
	/** Events before it that have its slot, and whether none behind it has. */
	ordinal = 0;
	isLast = false;

	/** Places behind the slot number of events that begin a slot, by slot; 0 is none. */
	private readonly slots: Uint16Array;
	private slotCount = 0;
	/** Slot of the event found, and where its texts are. */
	private slot = 0;
	private textsFrom = 0;
	private textsTo = 0;
	/** Of the event that go() came to: slot, place behind it, end. */
	private its = 0;
	private at = 0;
	private next = 0;

	/** @param bytes  room for content; more than that of one event, and a multiple of 4 */
	constructor(bytes: number = PART_BYTES_MAX) {
		// One buffer for all: a buffer of its own would cost each 56 bytes more.
		const buffer = new ArrayBuffer(bytes + PART_TAGS_MAX * 4 + SLOTS_MAX * 2);
		this.bytes = new Uint8Array(buffer, 0, bytes);
		this.tags = new Uint32Array(buffer, bytes, PART_TAGS_MAX);
		this.slots = new Uint16Array(buffer, bytes + PART_TAGS_MAX * 4, SLOTS_MAX);
		this.limit = bytes;
	}

	clear(): void {
		this.end = 0;
		this.count = 0;
		this.done = 0;
		this.lost = 0;
		this.spared = 0;
		this.tagCount = 0;
		this.slotCount = 0;
	}

	/** Looks through content that was put into `bytes`; false when it is none. */
	read(): boolean {
		this.slotCount = 0;
		let at = 0;
		for (let i = 0; i < this.count && at < this.end; i++, at = this.next) {
			this.go(at);
			if (this.its !== NEW) continue;
			if (this.slotCount === SLOTS_MAX) return false;
			this.slots[this.slotCount++] = this.at;
		}
		return at === this.end;
	}

	/** Reads the head of the event at `at`. */
	private go(at: number): void {
		const bytes = this.bytes;
		let length = bytes[at++] as number;
		if (length >= 0x80) length = (length & 0x7f) | ((bytes[at++] as number) << 7);
		this.next = at + length;
		this.its = bytes[at++] as number;
		this.at = at;
	}

	/** Reads what the first event of a slot tells: transaction, texts, shape. */
	private readSlot(slot: number): void {
		const bytes = this.bytes;
		let at = this.slots[slot - 1] as number;
		const like = bytes[at++] as number;
		this.slot = slot;
		this.tagIndex = bytes[at++] as number;
		this.textsFrom = at + 1;
		this.textsTo = at = at + 1 + (bytes[at] as number);
		if (like !== NEW) at = (this.slots[like - 1] as number) + 2;
		if (like !== NEW) at += 1 + (bytes[at] as number);
		let length = bytes[at++] as number;
		if (length >= 0x80) length = (length & 0x7f) | ((bytes[at++] as number) << 7);
		this.shapeFrom = at;
		this.shapeTo = at + length;
	}

	/** Looks for event number `index`, from 0. */
	find(index: number): void {
		this.go(0);
		for (let i = 0; i < index; i++) this.go(this.next);
		let slot = this.its;
		if (slot === NEW) while (this.slots[slot++] !== this.at);
		this.readSlot(slot);
		this.ordinal = 0;
		this.isLast = true;
		for (let i = 0, at = 0; i < this.count; i++, at = this.next) {
			this.go(at);
			if (this.its === NEW ? this.slots[slot - 1] !== this.at : this.its !== slot) continue;
			if (i < index) this.ordinal++;
			if (i > index) this.isLast = false;
		}
	}

	/** Puts texts and numbers of the event that find() has found into the packer. False when the bytes are no part. */
	load(index: number, packer: Packer): boolean {
		packer.count = this.sum(this.slot, index, packer.numbers, packer);
		return packer.count >= 0 && packer.setTexts(this.bytes, this.textsFrom, this.textsTo);
	}

	/**
	 * Adds up the numbers of events up to `index` of the slot that readSlot() has read; with NONE, of the one that has
	 * told its shape.
	 * @returns how many numbers they have, or -1
	 */
	private sum(slot: number, index: number, numbers: Float64Array, packer: Packer): number {
		const bytes = this.bytes;
		const own = this.slots[slot - 1] as number;
		const like = bytes[own] as number;
		const base = like === NEW ? own : this.slots[like - 1] as number;
		let count = 0;
		for (let i = 0, at = 0; (index === NONE ? count === 0 : i <= index) && count >= 0; i++, at = this.next) {
			this.go(at);
			if (this.its === NEW ? this.at !== base && this.at !== own : this.its !== slot) continue;
			let from = this.at;
			// Behind the shape, or behind the texts of the first with this slot.
			if (this.at === base) from = this.shapeTo;
			else if (this.at === own) from = this.textsTo;
			count = packer.addNumbers(numbers, count, bytes, from, this.next);
		}
		return count;
	}

	/** True when an event of the transaction of event `index`, which find() has found, is behind it. */
	isFollowed(index: number): boolean {
		const bytes = this.bytes;
		for (let i = 0, at = 0; i < this.count; i++, at = this.next) {
			this.go(at);
			const own = this.its === NEW ? this.at : this.slots[this.its - 1] as number;
			if (i > index && bytes[own + 1] === this.tagIndex) return true;
		}
		return false;
	}

	/** Index of the last event of a transaction; -1 when there is none. */
	lastOf(tag: number): number {
		let last = NONE;
		for (let i = this.count - 1; i >= 0 && last === NONE; i--) {
			this.find(i);
			if (this.tags[this.tagIndex] === tag) last = i;
		}
		return last;
	}

	/**
	 * Puts an event behind the others.
	 * @param packer  has its texts and numbers
	 * @param shape   has its shape in [from, to)
	 * @param others  NUMBERS_MAX numbers to work with
	 * @returns false when there is no room; the part is then as before
	 */
	add(tag: number, packer: Packer, shape: Uint8Array, from: number, to: number, others: Float64Array): boolean {
		const bytes = this.bytes;
		const start = this.end;
		const limit = start === 0 ? bytes.length : this.limit;
		let tagIndex = 0;
		while (tagIndex < this.tagCount && this.tags[tagIndex] !== tag) tagIndex++;
		if (tagIndex === PART_TAGS_MAX || this.count === PART_EVENTS_MAX) return false;
		// The slot with this shape and these texts, or the one that has told the shape.
		let like = NEW;
		let isOld = false;
		for (let slot = this.slotCount; slot > 0 && !isOld; slot--) {
			this.readSlot(slot);
			if (!sameBytes(bytes, this.shapeFrom, this.shapeTo, shape, from, to)) continue;
			isOld = this.tagIndex === tagIndex && packer.hasTexts(bytes, this.textsFrom, this.textsTo);
			if (isOld || bytes[this.slots[slot - 1] as number] === NEW) like = slot;
		}
		if (like !== NEW) {
			this.readSlot(like);
			if (this.sum(like, isOld ? this.count - 1 : NONE, others, packer) !== packer.count) return false;
		}
		// One byte for the length; a longer one is moved below.
		let at = start + 1;
		if (isOld) bytes[at++] = like;
		else {
			const length = to - from;
			if (this.slotCount === SLOTS_MAX || at + packer.textsEnd + length + 6 > limit) return false;
			bytes[at++] = NEW;
			this.slots[this.slotCount] = at;
			bytes[at++] = like;
			bytes[at++] = tagIndex;
			bytes[at++] = packer.textsEnd;
			for (let i = 0; i < packer.textsEnd; i++) bytes[at++] = packer.texts[i] as number;
			if (like === NEW) {
				bytes[at++] = length < 0x80 ? length : (length & 0x7f) | 0x80;
				if (length >= 0x80) bytes[at++] = length >> 7;
				for (let i = from; i < to; i++) bytes[at++] = shape[i] as number;
			}
		}
		at = packer.putNumbers(bytes, at, limit, like === NEW ? undefined : others);
		if (at < 0) return false;
		const length = at - start - 1;
		if (length >= 0x80) {
			if (at >= limit) return false;
			bytes.copyWithin(start + 2, start + 1, at++);
			bytes[start + 1] = length >> 7;
			if (!isOld) this.slots[this.slotCount]++;
		}
		bytes[start] = length < 0x80 ? length : (length & 0x7f) | 0x80;
		this.tags[tagIndex] = tag;
		if (tagIndex === this.tagCount) this.tagCount++;
		if (!isOld) this.slotCount++;
		this.end = at;
		this.count++;
		return true;
	}
}
