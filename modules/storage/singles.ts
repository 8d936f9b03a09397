// Single records of the queue: an event whole, or as the difference from an earlier record of the same block. Making
// and reading one touches no other block, and at most three records.
// Owns: the layout of these records, and what new ones can refer to. Not: which of them count (storage/outbox.ts).
// Format: docs/flash-format.md §6.1.

import { Action, REQUEST_TYPE } from "../../preload/actions.js";
import type { MeterValueType, TransactionEventRequest } from "../../preload/payloads.js";
import { sameBytes, writeText } from "../core/bytes.js";
import { crc32 } from "../core/crc.js";
import { FRAME_BYTES, putU32, recordBytes, u16, u32, type Ring } from "./log.js";
import { Packer, TEXTS_BYTES_MAX, rowOf } from "./pack.js";
import type { Part } from "./part.js";

/** Kinds of records in the area of the queue; KIND_PART is another one. */
export const enum Kind {
	/** An event whole. */
	event = 16,
	/** Last seqNo of a transaction that goes on while the block with its last event went. */
	progress = 17,
	/** An event that has the shape of an earlier one in its block: how its numbers differ, and its texts where they do. */
	difference = 19,
}
/** Bit of the place that such a record refers to: texts follow. */
const OTHER_TEXTS = 0x8000;
/** A record refers to one that refers to a whole one at most. */
const DEPTH = 3;
/** How like two events are: not at all, in their shape, in the texts, too. */
const enum Likeness { none = 0, shape = 1, all = 2 }

export const EVENT_REQUEST = REQUEST_TYPE[Action.TransactionEvent] as number;
/** Where a shape and the numbers of an event have what the queue looks at. */
export const enum Place { eventType = 0, seqNo = 0 }
const SEQ_NO_ROW = rowOf(EVENT_REQUEST, "seqNo");
const EVENT_TYPE_ROW = rowOf(EVENT_REQUEST, "eventType");
/** Index of eventType in its enumeration. */
export const enum Type { Ended = 0, Started = 1, Updated = 2 }

const NONE = -1;
export const TAG_BYTES = 4;
/** Where the shape of a whole event is made: behind the longest texts. */
const WHOLE_FROM = FRAME_BYTES + TAG_BYTES + 1 + TEXTS_BYTES_MAX + 2;
/** Longest packed event: alone in a part that is not compressed it still fits a record. */
const SLACK_BYTES = 28;
/** Longest record that others may refer to: two of them fit the scratch buffer. */
const HALF = 512;
/** Of the last block, so many records that others may refer to are known. */
const RECENT = 8;

export class Singles {
	private readonly ring: Ring;
	private readonly scratch: Uint8Array;
	/** What packs and unpacks; made when it is needed, until rest(). */
	private packing: Packer | undefined;
	/** Places of records in the last block that others may refer to, the one last used first; 0 for none. */
	private readonly recent: Uint16Array;

	// What decode() has found: an event whose numbers and texts are in the packer and whose shape is in the scratch
	// buffer.
	/** Stands for the transaction id where records are compared. */
	tag = 0;
	/** The shape is [shapeFrom, shapeTo); of a record that was made, shapeTo is the end of its payload. */
	shapeFrom = 0;
	shapeTo = 0;
	/** What isLike() has found refers to no other record. */
	private isWhole = false;

	/** @param scratch  LIMITS.recordBytes; shared with others of storage/ */
	constructor(ring: Ring, scratch: Uint8Array) {
		this.ring = ring;
		this.scratch = scratch;
		this.recent = new Uint16Array(RECENT);
	}

	get packer(): Packer {
		if (this.packing === undefined) this.packing = new Packer(SEQ_NO_ROW, EVENT_TYPE_ROW);
		return this.packing;
	}

	/** Lets go of the RAM that packing takes. */
	rest(): void {
		this.packing = undefined;
	}

	/** Opens a new last block; nothing there can be referred to. False when there is none that works. */
	openTail(): boolean {
		if (!this.ring.openTail()) return false;
		this.recent.fill(0);
		return true;
	}

	/** Check over the characters of a transaction id: 32 bits stand for it where records are compared. */
	tagOf(transactionId: string): number {
		// A longer one is refused by every schema; it must not run over the buffer.
		return transactionId.length > 64 ? 0 : crc32(this.scratch, 0, writeText(this.scratch, 0, transactionId));
	}

	/** The event of the single record that was just found at `at`; undefined when it cannot be read, or is none. */
	event(block: number, at: number): TransactionEventRequest | undefined {
		return this.decode(block, at) ? this.unpack(this.scratch, this.shapeFrom, this.shapeTo) : undefined;
	}

	/** Puts the event that decode() has found into a part; false when there is no room. `others` as Part.add(). */
	addTo(part: Part, others: Float64Array): boolean {
		return part.add(this.tag, this.packer, this.scratch, this.shapeFrom, this.shapeTo, others);
	}

	/** The event with a shape; its texts and numbers are in the packer. Undefined when it is none. */
	unpack(shape: Uint8Array, from: number, to: number): TransactionEventRequest | undefined {
		return this.packer.unpack(EVENT_REQUEST, shape, from, to) as TransactionEventRequest | undefined;
	}

	/**
	 * Makes the record of an event in the scratch buffer; its payload is [FRAME_BYTES, shapeTo). Packing goes deep: the
	 * path to there is short.
	 * @returns its kind, or NONE when it does not fit even with fewer meter values
	 */
	encode(event: TransactionEventRequest): number {
		const { scratch, packer } = this;
		const tag = this.tagOf(event.transactionInfo.transactionId);
		let payload = event;
		for (;;) {
			let other = NONE;
			for (let i = 0; i < RECENT && this.isLike(i); i++) {
				const end = packer.pack(EVENT_REQUEST, payload, scratch, HALF, scratch.length);
				const like = this.likeness(end, tag);
				const kind = like === Likeness.all ? this.encodeLike(end, tag, i) : NONE;
				if (kind !== NONE) return kind;
				if (like === Likeness.shape && other === NONE) other = i;
			}
			if (other !== NONE && this.isLike(other)) {
				return this.encodeLike(packer.pack(EVENT_REQUEST, payload, scratch, HALF, scratch.length), tag, other);
			}
			const whole = packer.pack(EVENT_REQUEST, payload, scratch, WHOLE_FROM, scratch.length - SLACK_BYTES);
			const kind = this.encodeWhole(whole, tag);
			const values = payload.meterValue;
			if (kind !== NONE || values === undefined || values.length <= 2) return kind;
			payload = Object.assign({}, event, { meterValue: thinner(values) });
		}
	}

	/**
	 * Makes the packer prefer the shape of recent[index], which is in the scratch buffer then; false when there is none.
	 */
	private isLike(index: number): boolean {
		const ring = this.ring;
		const place = this.recent[index] as number;
		if (place === 0 || !ring.recordAt(ring.tail, place)) return false;
		this.isWhole = ring.foundKind === Kind.event;
		if (!this.decode(ring.tail, place)) return false;
		this.packer.like(this.scratch, this.shapeFrom, this.shapeTo);
		return true;
	}

	/** How like the event that was packed to HALF of the scratch buffer is to the one that isLike() has found. */
	private likeness(end: number, tag: number): number {
		const scratch = this.scratch;
		if (end < 0 || !sameBytes(scratch, HALF, end, scratch, this.shapeFrom, this.shapeTo)) return Likeness.none;
		if (this.tag === tag) return Likeness.all;
		return this.isWhole ? Likeness.shape : Likeness.none;
	}

	/** Makes a record that refers to recent[index] of the event that was packed to HALF of the scratch buffer. */
	private encodeLike(end: number, tag: number, index: number): number {
		const { ring, scratch, packer } = this;
		const place = this.recent[index] as number;
		const numbers = packer.numbers.slice(0, packer.count);
		const texts = packer.texts.slice(0, packer.textsEnd);
		if (end < 0 || !ring.recordAt(ring.tail, place) || !this.decode(ring.tail, place)) return NONE;
		const isOther = this.tag !== tag || !packer.hasTexts(texts, 0, texts.length);
		// One with other texts refers to a whole one only, so that nothing refers further than DEPTH.
		if (isOther && !this.isWhole) return NONE;
		const word = (place >> 2) | (isOther ? OTHER_TEXTS : 0);
		let at = FRAME_BYTES;
		scratch[at++] = word;
		scratch[at++] = word >> 8;
		packer.setTexts(texts, 0, texts.length);
		if (isOther) at = this.putTexts(tag, at);
		for (let i = 0; i < packer.count; i++) packer.numbers[i] = (numbers[i] as number) - (packer.numbers[i] as number);
		this.shapeTo = packer.putNumbers(scratch, at, HALF);
		this.recent.copyWithin(1, 0, index);
		this.recent[0] = place;
		return this.shapeTo < 0 ? NONE : Kind.difference;
	}

	/** Makes a whole record of the event that was packed to WHOLE_FROM of the scratch buffer. */
	private encodeWhole(end: number, tag: number): number {
		const { scratch, packer } = this;
		if (end < 0) return NONE;
		const at = this.putTexts(tag, FRAME_BYTES);
		const length = end - WHOLE_FROM;
		scratch[at] = length;
		scratch[at + 1] = length >> 8;
		scratch.copyWithin(at + 2, WHOLE_FROM, end);
		this.shapeTo = packer.putNumbers(scratch, at + 2 + length, scratch.length - SLACK_BYTES);
		return this.shapeTo < 0 ? NONE : Kind.event;
	}

	/** Puts tag and texts of a transaction; returns the end. */
	private putTexts(tag: number, at: number): number {
		const { scratch, packer } = this;
		putU32(scratch, at, tag);
		scratch[at + TAG_BYTES] = packer.textsEnd;
		let to = at + TAG_BYTES + 1;
		for (let i = 0; i < packer.textsEnd; i++) scratch[to++] = packer.texts[i] as number;
		return to;
	}

	/** A record with texts at a place of the last block can be referred to; the first bytes of it are in `bytes`. */
	remember(at: number, record: Uint8Array, kind: number, bytes: number): void {
		if (recordBytes(bytes) > HALF) return;
		if (kind !== Kind.event && (kind !== Kind.difference || (u16(record, FRAME_BYTES) & OTHER_TEXTS) === 0)) return;
		this.recent.copyWithin(1, 0);
		this.recent[0] = at;
	}

	/**
	 * Takes the single record apart that was just found at `at`: its tag, its shape in the scratch buffer, its texts and
	 * numbers in the packer. Overwrites found….
	 * @returns false when it is no event, or one that it refers to cannot be read
	 */
	decode(block: number, at: number): boolean {
		const { ring, scratch, packer } = this;
		let hasTexts = false;
		let count = 0;
		for (let place = at, depth = 0; depth < DEPTH && count >= 0; depth++) {
			const isWhole = ring.foundKind === Kind.event;
			if (!isWhole && ring.foundKind !== Kind.difference) return false;
			if (!ring.load(block, place, scratch)) return false;
			let from = FRAME_BYTES;
			const word = u16(scratch, from);
			if (!isWhole) from += 2;
			if (isWhole || (word & OTHER_TEXTS) !== 0) {
				const textsTo = from + TAG_BYTES + 1 + (scratch[from + TAG_BYTES] as number);
				if (!hasTexts) this.tag = u32(scratch, from);
				if (!hasTexts && !packer.setTexts(scratch, from + TAG_BYTES + 1, textsTo)) return false;
				hasTexts = true;
				from = textsTo;
			}
			if (isWhole) {
				this.shapeFrom = from + 2;
				this.shapeTo = from = this.shapeFrom + u16(scratch, from);
			}
			packer.count = count = packer.addNumbers(packer.numbers, count, scratch, from, FRAME_BYTES + ring.foundBytes);
			if (isWhole) return count > 0;
			place = (word & ~OTHER_TEXTS) * 4;
			if (!ring.recordAt(block, place)) return false;
		}
		return false;
	}

	/** Tag of the single record that was just found at `at`; NONE when it has none. */
	tagAt(block: number, at: number): number {
		const ring = this.ring;
		for (let place = at, depth = 0; depth < DEPTH; depth++) {
			const kind = ring.foundKind;
			if (!ring.readFound(block, place, 0, FRAME_BYTES + 2 + TAG_BYTES + 2)) return NONE;
			if (kind === Kind.event || kind === Kind.progress) return u32(ring.window, FRAME_BYTES);
			const word = u16(ring.window, FRAME_BYTES);
			if (kind !== Kind.difference) return NONE;
			if ((word & OTHER_TEXTS) !== 0) return u32(ring.window, FRAME_BYTES + 2);
			place = word * 4;
			if (!ring.recordAt(block, place)) return NONE;
		}
		return NONE;
	}
}

/** Every other meter value, the first and the last among them. */
function thinner(values: readonly MeterValueType[]): MeterValueType[] {
	const fewer: MeterValueType[] = [];
	for (let i = 0; i < values.length - 1; i += 2) fewer.push(values[i] as MeterValueType);
	fewer.push(values[values.length - 1] as MeterValueType);
	return fewer;
}
