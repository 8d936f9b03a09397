// Payload object <-> a shape, texts and numbers, by walking the rows of preload/schema.ts. The shape has all but the
// longer texts and the numbers: one bit per optional member, enumerations, units, where a decimal has its point.
// Payloads that a station makes one after the other mostly have one of few shapes, the same texts, and numbers that
// differ little. What comes out prints the same as what went in. Format: docs/flash-format.md §7. It does not check
// lengths and ranges: payloads are checked where they come in and made right where they are made.

import { freeze } from "../../preload/freeze.js";
import {
	ENUM_AT, ENUM_VALUES, KIND_MASK, Kind, LIST, NAMES, REQUIRED, ROWS, ROW_SIZE, TYPE_AT, VALUES,
} from "../../preload/schema.js";
import { sameBytes, text, textBytes, writeText } from "../core/bytes.js";
import { DATE_TIME_BYTES, dateTimeOf, writeDateTime } from "../core/datetime.js";

/** Most numbers of a payload that stand apart; further ones are in the shape. */
export const NUMBERS_MAX = 24;

/** Dates count from 2020-01-01T00:00:00.000Z. */
const EPOCH_MS = 1_577_836_800_000;
/** Powers of ten by which a decimal is tried to become whole. */
const POWERS = freeze([1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]);
/** In the place of a power: the eight bytes of the number follow. */
const RAW = 15;
/** Numbers are whole, and below this: there is room for a sign and for the difference of two of them in 53 bits. */
const NUMBER_MAX = 2 ** 51;
/**
 * Shorter texts, units mostly, are in the shape; and bytes of longer ones that stand apart, further ones are in the
 * shape.
 */
const TEXT_LEAST = 4;
export const TEXTS_BYTES_MAX = 64;
/** In a shape in the place of the length of a text: it stands apart. */
const APART = 0;
/** Among the texts in the place of a length: 16 bytes of a UUID in small letters follow. */
const UUID = 0;
const UUID_LENGTH = 36;

/** What stands in front of a value of any JSON type (customData). */
const enum Tag { null = 0, false = 1, true = 2, number = 3, string = 4, array = 5, object = 6 }
const ANY_DEPTH_MAX = 16;

type Members = Record<string, unknown>;

/** No row. */
const NONE = -1;

/** Place of a member's row in ROWS. */
export function rowOf(type: number, name: string): number {
	let row = TYPE_AT[type] as number;
	while (NAMES[ROWS[row * ROW_SIZE] as number] !== name) row++;
	return row * ROW_SIZE;
}

export class Packer {
	/** Numbers [0, count) of the payload that was packed last, or will be unpacked next. */
	readonly numbers: Float64Array;
	count = 0;
	/** Texts of the same payload: texts[0, textsEnd). */
	readonly texts: Uint8Array;
	textsEnd = 0;
	private nextText = 0;
	private readonly first: number;
	private readonly lead: number;
	/** Place of the first byte of the shape. */
	private leadAt = 0;
	/** First date of the payload; NaN before it. */
	private firstDate = NaN;
	/** Number that will be unpacked next. */
	private next = 0;
	private bytes: Uint8Array;
	private at = 0;
	private end = 0;
	/** A shape that the new one may equal: what stands at this + at. Decimals get their point where it is there. */
	private likeBytes: Uint8Array;
	private likeAt = 0;
	private likeEnd = 0;
	/** Nothing is read or written any more once this is set. */
	private failed = false;
	private readonly date: Uint8Array;

	/**
	 * @param first  rowOf() the integer that is always numbers[0]; without it that is 0
	 * @param lead   rowOf() the enumeration whose index is always the first byte of a shape; without it that is 0
	 */
	constructor(first = NONE, lead = NONE) {
		this.first = first;
		this.lead = lead;
		this.date = new Uint8Array(2 * DATE_TIME_BYTES);
		this.bytes = this.likeBytes = this.date;
		this.numbers = new Float64Array(NUMBERS_MAX);
		this.texts = new Uint8Array(TEXTS_BYTES_MAX);
	}

	private putLead(value: number): void {
		this.leadAt = this.at;
		this.putByte(value);
	}

	/** Says what the next shape should equal, where it can: like[from, to). It holds for one payload. */
	like(like: Uint8Array, from: number, to: number): this {
		this.likeBytes = like;
		this.likeAt = from;
		this.likeEnd = to;
		return this;
	}

	/**
	 * Packs a payload: its shape into bytes[from, to), the others into `texts` and `numbers`.
	 * @param type  id of an object type of preload/schema.ts
	 * @returns the end of the shape, or -1 when it does not fit or is no payload of that type
	 */
	pack(type: number, payload: object, bytes: Uint8Array, from: number, to: number): number {
		this.open(bytes, from, to);
		this.numbers[0] = 0;
		this.count = 1;
		this.textsEnd = 0;
		this.likeAt -= from;
		this.putLead(0);
		this.putObject(type, payload as Members);
		this.likeAt = this.likeEnd = 0;
		return this.close();
	}

	/** The payload whose shape is bytes[from, to), all of it, with `texts` and `numbers`; undefined when it is none. */
	unpack(type: number, bytes: Uint8Array, from: number, to: number): object | undefined {
		this.open(bytes, from, to);
		this.next = 1;
		this.nextText = 0;
		this.leadAt = this.at++;
		const payload = this.getObject(type);
		return this.close() === to && this.next === this.count && this.nextText === this.textsEnd ? payload : undefined;
	}

	/** Takes bytes[from, to) for the texts; false when they are too long. */
	setTexts(bytes: Uint8Array, from: number, to: number): boolean {
		this.textsEnd = to - from;
		if (this.textsEnd > TEXTS_BYTES_MAX) return false;
		for (let i = from; i < to; i++) this.texts[i - from] = bytes[i] as number;
		return true;
	}

	/** True when the texts are bytes[from, to). */
	hasTexts(bytes: Uint8Array, from: number, to: number): boolean {
		return sameBytes(this.texts, 0, this.textsEnd, bytes, from, to);
	}

	/** Writes the numbers to bytes[from, to), less those of `others` where they are given; returns the end, or -1. */
	putNumbers(bytes: Uint8Array, from: number, to: number, others?: Float64Array): number {
		this.open(bytes, from, to);
		for (let i = 0; i < this.count; i++) {
			const own = this.numbers[i] as number;
			this.putVarint(zigzag(others === undefined ? own : own - (others[i] as number)));
		}
		return this.close();
	}

	/**
	 * Reads all of bytes[from, to) as numbers; adds them to the first `count` of `sum`, which has NUMBERS_MAX.
	 * @returns how many they are, or -1 when that is none
	 */
	addNumbers(sum: Float64Array, count: number, bytes: Uint8Array, from: number, to: number): number {
		this.open(bytes, from, to);
		let i = 0;
		for (; this.at < to && !this.failed && i < NUMBERS_MAX; i++) {
			const value = unzigzag(this.getVarint());
			sum[i] = i < count ? (sum[i] as number) + value : value;
		}
		return this.close() === to ? i : -1;
	}

	private open(bytes: Uint8Array, from: number, to: number): void {
		this.bytes = bytes;
		this.at = from;
		this.end = to;
		this.failed = false;
		this.firstDate = NaN;
	}

	/** Lets go of the bytes; returns how far it came, or -1. */
	private close(): number {
		this.bytes = this.date;
		return this.failed ? -1 : this.at;
	}

	// --- packing -----------------------------------------------------------------------------------------------------

	/** Objects and lists nest in this one function, so that a level costs one frame of the stack, and a short one. */
	private putObject(type: number, payload: Members): void {
		if (typeof payload !== "object" || payload === null) return this.fail();
		this.putBits(type, payload);
		for (let row = TYPE_AT[type] as number; row < (TYPE_AT[type + 1] as number) && !this.failed; row++) {
			const base = row * ROW_SIZE;
			const value = payload[NAMES[ROWS[base] as number] as string];
			if (value === undefined) continue;
			const isObject = ((ROWS[base + 1] as number) & KIND_MASK) === Kind.Object;
			if (((ROWS[base + 1] as number) & LIST) === 0) {
				if (isObject) this.putObject(ROWS[base + 2] as number, value as Members);
				else this.putValue(base, value);
				continue;
			}
			if (!Array.isArray(value)) return this.fail();
			this.putVarint(value.length);
			for (let i = 0; i < value.length && !this.failed; i++) {
				if (isObject) this.putObject(ROWS[base + 2] as number, value[i]);
				else this.putValue(base, value[i]);
			}
		}
	}

	/** One bit per optional member: it is there. A required one that is missing is a fault. */
	private putBits(type: number, payload: Members): void {
		const last = TYPE_AT[type + 1] as number;
		let bits = 0;
		let count = 0;
		for (let row = TYPE_AT[type] as number; row < last; row++) {
			const present = payload[NAMES[ROWS[row * ROW_SIZE] as number] as string] !== undefined;
			if (((ROWS[row * ROW_SIZE + 1] as number) & REQUIRED) !== 0) {
				if (!present) this.failed = true;
				continue;
			}
			if (present) bits |= 1 << (count & 7);
			if ((++count & 7) === 0) {
				this.putByte(bits);
				bits = 0;
			}
		}
		if ((count & 7) !== 0) this.putByte(bits);
	}

	/** Puts a value of the row at ROWS[base]. */
	private putValue(base: number, value: unknown): void {
		switch ((ROWS[base + 1] as number) & KIND_MASK) {
			case Kind.String:
				return typeof value === "string" ? this.putString(value) : this.fail();
			case Kind.Enum:
				return this.putEnum(ROWS[base + 2] as number, value, base === this.lead);
			case Kind.Integer:
				return typeof value === "number" && Number.isSafeInteger(value) ? this.putInteger(value, base) : this.fail();
			case Kind.Decimal:
				return typeof value === "number" ? this.putDecimal(value) : this.fail();
			case Kind.Boolean:
				return typeof value === "boolean" ? this.putByte(value ? 1 : 0) : this.fail();
			case Kind.DateTime:
				return typeof value === "string" ? this.putDateTime(value) : this.fail();
			default:
				return this.putAny(value, 0);
		}
	}

	private fail(): void {
		this.failed = true;
	}

	private putByte(value: number): void {
		if (this.at >= this.end) this.failed = true;
		else this.bytes[this.at++] = value;
	}

	/** Seven bits per byte, low ones first; the top bit says that more follow. `value` is whole, 0 to 2^53 - 1. */
	private putVarint(value: number): void {
		while (value >= 0x80 && !this.failed) {
			this.putByte((value % 0x80) | 0x80);
			value = Math.floor(value / 0x80);
		}
		this.putByte(value);
	}

	private putInteger(value: number, base: number): void {
		if (base !== this.first) return this.putNumber(value);
		this.numbers[0] = value;
	}

	/** No payload of OCPP has a number that is too large. */
	private putNumber(value: number): void {
		if (value >= NUMBER_MAX || value <= -NUMBER_MAX) return this.fail();
		if (this.count < NUMBERS_MAX) this.numbers[this.count++] = value;
		else this.putVarint(zigzag(value));
	}

	/** Whole number times a power of ten where that is exact, else the eight bytes. */
	private putDecimal(value: number): void {
		if (value - value !== 0) return this.fail();
		const like = this.likeAt + this.at;
		let power = like < this.likeEnd ? this.likeBytes[like] as number : 0;
		// One digit less than the others have is not another shape.
		if (power >= POWERS.length || !isExact(value, power)) power = 0;
		while (power < POWERS.length && !isExact(value, power)) power++;
		if (power < POWERS.length) {
			this.putByte(power);
			return this.putNumber(Math.round(value * (POWERS[power] as number)));
		}
		this.putByte(RAW);
		if (this.at + 8 > this.end) return this.fail();
		new DataView(this.bytes.buffer, this.bytes.byteOffset).setFloat64(this.at, value, true);
		this.at += 8;
	}

	private putEnum(id: number, value: unknown, isLead: boolean): void {
		const first = ENUM_AT[id] as number;
		const last = ENUM_AT[id + 1] as number;
		let i = first;
		while (i < last && VALUES[ENUM_VALUES[i] as number] !== value) i++;
		if (i === last) this.failed = true;
		else if (isLead) this.bytes[this.leadAt] = i - first;
		else this.putVarint(i - first);
	}

	/** A text of a row: apart where there is room. */
	private putString(value: string): void {
		const { bytes, at, end } = this;
		if (this.failed || value.length < TEXT_LEAST || value.length > TEXTS_BYTES_MAX) return this.putText(value);
		this.bytes = this.texts;
		this.at = this.textsEnd;
		this.end = TEXTS_BYTES_MAX;
		if (!this.putUuid(value)) this.putText(value);
		const isApart = !this.failed;
		if (isApart) this.textsEnd = this.at;
		this.failed = false;
		this.bytes = bytes;
		this.at = at;
		this.end = end;
		if (isApart) this.putByte(APART);
		else this.putText(value);
	}

	/** One more than the length, and UTF-8. */
	private putText(value: string): void {
		if (value.length * 4 + 8 > this.end - this.at) {
			const exact = textBytes(value);
			if (exact + varintBytes(exact + 1) > this.end - this.at) return this.fail();
		}
		const start = this.at + varintBytes(value.length + 1);
		const length = writeText(this.bytes, start, value) - start;
		const moved = this.at + varintBytes(length + 1);
		if (moved !== start) this.bytes.copyWithin(moved, start, start + length);
		this.putVarint(length + 1);
		this.at += length;
	}

	/** Puts a UUID in small letters as 17 bytes; false when the text is none. */
	private putUuid(value: string): boolean {
		const date = this.date;
		if (value.length !== UUID_LENGTH || writeText(date, 0, value) !== UUID_LENGTH) return false;
		for (let i = 0; i < UUID_LENGTH; i++) {
			const isHyphen = i === 8 || i === 13 || i === 18 || i === 23;
			if (isHyphen ? date[i] !== 0x2d : digitOf(date[i] as number) < 0) return false;
		}
		this.putByte(UUID);
		for (let i = 0; i < UUID_LENGTH; i += 2) {
			if (date[i] === 0x2d) i++;
			this.putByte(digitOf(date[i] as number) * 16 + digitOf(date[i + 1] as number));
		}
		return true;
	}

	private putDateTime(value: string): void {
		const date = this.date;
		if (value.length === DATE_TIME_BYTES && writeText(date, 0, value) === DATE_TIME_BYTES) {
			const utcMs = dateTimeOf(date, 0, DATE_TIME_BYTES);
			if (utcMs >= 0 && writeDateTime(date, DATE_TIME_BYTES, utcMs) === 2 * DATE_TIME_BYTES &&
				sameBytes(date, 0, DATE_TIME_BYTES, date, DATE_TIME_BYTES, 2 * DATE_TIME_BYTES)) {
				this.putByte(1);
				return this.putNumber(this.sinceFirst(utcMs - EPOCH_MS));
			}
		}
		this.putByte(0);
		return this.putText(value);
	}

	/** The first date as it is, the others less the first: mostly they are equal. */
	private sinceFirst(date: number): number {
		if (this.firstDate === this.firstDate) return date - this.firstDate;
		this.firstDate = date;
		return date;
	}

	private putAny(value: unknown, depth: number): void {
		if (depth > ANY_DEPTH_MAX) return this.fail();
		switch (typeof value) {
			case "boolean":
				return this.putByte(value ? Tag.true : Tag.false);
			case "number":
				this.putByte(Tag.number);
				return this.putDecimal(value);
			case "string":
				this.putByte(Tag.string);
				return this.putText(value);
			case "object":
				if (value === null) return this.putByte(Tag.null);
				return Array.isArray(value) ? this.putArray(value, depth) : this.putMembers(value as Members, depth);
			default:
				return this.fail();
		}
	}

	private putArray(values: unknown[], depth: number): void {
		this.putByte(Tag.array);
		this.putVarint(values.length);
		for (let i = 0; i < values.length && !this.failed; i++) this.putAny(values[i], depth + 1);
	}

	private putMembers(members: Members, depth: number): void {
		const names = Object.keys(members);
		let count = 0;
		for (let i = 0; i < names.length; i++) if (members[names[i] as string] !== undefined) count++;
		this.putByte(Tag.object);
		this.putVarint(count);
		for (let i = 0; i < names.length && !this.failed; i++) {
			const value = members[names[i] as string];
			if (value === undefined) continue;
			this.putText(names[i] as string);
			this.putAny(value, depth + 1);
		}
	}

	// --- unpacking ---------------------------------------------------------------------------------------------------

	/** As putObject(): a level is one short frame of the stack. `bit` counts the optional members. */
	private getObject(type: number): Members {
		const payload: Members = {};
		let bit = this.at * 8;
		this.skipBits(type);
		for (let row = TYPE_AT[type] as number; row < (TYPE_AT[type + 1] as number) && !this.failed; row++) {
			const base = row * ROW_SIZE;
			if (((ROWS[base + 1] as number) & REQUIRED) === 0) {
				bit++;
				if (((this.bytes[(bit - 1) >> 3] as number) & (1 << ((bit - 1) & 7))) === 0) continue;
			}
			if (((ROWS[base + 1] as number) & LIST) === 0) {
				payload[NAMES[ROWS[base] as number] as string] = this.isObject(base)
					? this.getObject(ROWS[base + 2] as number) : this.getValue(base);
				continue;
			}
			const list: unknown[] = [];
			payload[NAMES[ROWS[base] as number] as string] = list;
			for (let left = this.getCount(); left > 0 && !this.failed; left--)
				list.push(this.isObject(base) ? this.getObject(ROWS[base + 2] as number) : this.getValue(base));
		}
		return payload;
	}

	private isObject(base: number): boolean {
		return ((ROWS[base + 1] as number) & KIND_MASK) === Kind.Object;
	}

	/** Moves behind the bits of the optional members of a type. */
	private skipBits(type: number): void {
		let optional = 0;
		for (let row = TYPE_AT[type] as number; row < (TYPE_AT[type + 1] as number); row++)
			if (((ROWS[row * ROW_SIZE + 1] as number) & REQUIRED) === 0) optional++;
		this.at += (optional + 7) >> 3;
		if (this.at > this.end) this.failed = true;
	}

	/** Gets a value of the row at ROWS[base]. */
	private getValue(base: number): unknown {
		switch ((ROWS[base + 1] as number) & KIND_MASK) {
			case Kind.String:
				return this.getString();
			case Kind.Enum:
				return this.getEnum(ROWS[base + 2] as number, base === this.lead);
			case Kind.Integer:
				return base === this.first ? this.numbers[0] : this.getNumber();
			case Kind.Decimal:
				return this.getDecimal();
			case Kind.Boolean:
				return this.getByte() !== 0;
			case Kind.DateTime:
				return this.getDateTime();
			default:
				return this.getAny(0);
		}
	}

	private getByte(): number {
		if (this.at < this.end) return this.bytes[this.at++] as number;
		this.failed = true;
		return 0;
	}

	private getVarint(): number {
		let value = 0;
		let weight = 1;
		for (let i = 0; i < 8; i++) {
			const byte = this.getByte();
			value += (byte & 0x7f) * weight;
			if (byte < 0x80) {
				if (value > Number.MAX_SAFE_INTEGER) break;
				return value;
			}
			weight *= 0x80;
		}
		this.failed = true;
		return 0;
	}

	/** A number of things of which each takes a byte of the shape or a number at least. */
	private getCount(): number {
		const count = this.getVarint();
		if (count > this.end - this.at + this.count - this.next) this.failed = true;
		return this.failed ? 0 : count;
	}

	private getNumber(): number {
		if (this.next >= NUMBERS_MAX) return unzigzag(this.getVarint());
		if (this.next >= this.count) this.failed = true;
		return this.numbers[this.next++] as number;
	}

	private getDecimal(): number {
		const power = this.getByte();
		// A quotient of whole numbers below 2^53 and a power below 10^22 is the nearest double there is.
		if (power < POWERS.length) return this.getNumber() / (POWERS[power] as number);
		if (power !== RAW || this.at + 8 > this.end) {
			this.failed = true;
			return 0;
		}
		this.at += 8;
		return new DataView(this.bytes.buffer, this.bytes.byteOffset).getFloat64(this.at - 8, true);
	}

	private getEnum(id: number, isLead: boolean): string {
		const value = isLead ? this.bytes[this.leadAt] as number : this.getVarint();
		const index = (ENUM_AT[id] as number) + value;
		if (index < (ENUM_AT[id + 1] as number)) return VALUES[ENUM_VALUES[index] as number] as string;
		this.failed = true;
		return "";
	}

	private getString(): string {
		const length = this.getVarint();
		if (length !== APART) return this.getText(length - 1);
		const { bytes, at, end } = this;
		this.bytes = this.texts;
		this.at = this.nextText;
		this.end = this.textsEnd;
		const code = this.getVarint();
		const value = code === UUID ? this.getUuid() : this.getText(code - 1);
		this.nextText = this.at;
		this.bytes = bytes;
		this.at = at;
		this.end = end;
		return value;
	}

	private getUuid(): string {
		const date = this.date;
		let to = 0;
		for (let i = 0; i < 16; i++) {
			const byte = this.getByte();
			if (i === 4 || i === 6 || i === 8 || i === 10) date[to++] = 0x2d;
			date[to++] = letterOf(byte >> 4);
			date[to++] = letterOf(byte & 15);
		}
		return text(date, 0, to);
	}

	private getText(length: number): string {
		const from = this.at;
		const to = from + length;
		if (this.failed || to > this.end) {
			this.failed = true;
			return "";
		}
		this.at = to;
		// XS ends a string at a zero byte, so such a text is put together from its parts.
		let value = "";
		let start = from;
		for (let i = from; i < to; i++) {
			if (this.bytes[i] !== 0) continue;
			value += text(this.bytes, start, i) + "\u0000";
			start = i + 1;
		}
		return start === from ? text(this.bytes, from, to) : value + text(this.bytes, start, to);
	}

	private getDateTime(): string {
		if (this.getByte() === 0) return this.getString();
		let date = this.getNumber();
		if (this.firstDate === this.firstDate) date += this.firstDate;
		else this.firstDate = date;
		const end = writeDateTime(this.date, 0, EPOCH_MS + date);
		if (end === DATE_TIME_BYTES) return text(this.date, 0, end);
		this.failed = true;
		return "";
	}

	private getAny(depth: number): unknown {
		const tag = this.getByte();
		if (depth > ANY_DEPTH_MAX) this.failed = true;
		if (this.failed) return null;
		switch (tag) {
			case Tag.null:
				return null;
			case Tag.false:
				return false;
			case Tag.true:
				return true;
			case Tag.number:
				return this.getDecimal();
			case Tag.string:
				return this.getString();
			case Tag.array:
				return this.getArray(depth);
			case Tag.object:
				return this.getMembers(depth);
			default:
				this.failed = true;
				return null;
		}
	}

	private getArray(depth: number): unknown[] {
		const count = this.getCount();
		const values: unknown[] = [];
		for (let i = 0; i < count && !this.failed; i++) values.push(this.getAny(depth + 1));
		return values;
	}

	/** The names are those that this station itself has put into customData, so they are keys already. */
	private getMembers(depth: number): Members {
		const count = this.getCount();
		const members: Members = {};
		for (let i = 0; i < count && !this.failed; i++) {
			const name = this.getString();
			members[name] = this.getAny(depth + 1);
		}
		return members;
	}
}

/** 0, -1, 1, -2 … become 0, 1, 2, 3 … */
function zigzag(value: number): number {
	return value < 0 ? -2 * value - 1 : 2 * value;
}

function unzigzag(code: number): number {
	return code % 2 === 1 ? -(code + 1) / 2 : code / 2;
}

/** True when `value` is a whole number of so many decimal places, and comes back from it the same. */
function isExact(value: number, power: number): boolean {
	const scale = POWERS[power] as number;
	const whole = Math.round(value * scale);
	return whole < NUMBER_MAX && whole > -NUMBER_MAX && whole / scale === value;
}

/** Value of a hexadecimal digit in small letters, or -1. */
function digitOf(character: number): number {
	if (character >= 0x30 && character <= 0x39) return character - 0x30;
	return character >= 0x61 && character <= 0x66 ? character - 0x57 : -1;
}

function letterOf(digit: number): number {
	return digit < 10 ? 0x30 + digit : 0x57 + digit;
}

function varintBytes(value: number): number {
	let bytes = 1;
	while (value >= 0x80) {
		value = Math.floor(value / 0x80);
		bytes++;
	}
	return bytes;
}

/** Room for the numbers of a payload. */
export function numbersRoom(): Float64Array {
	return new Float64Array(NUMBERS_MAX);
}
