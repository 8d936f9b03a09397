// Payload object <-> compact bytes, by walking the rows of preload/schema.ts: no names, one bit per optional member,
// numbers as varints. What comes out prints the same as what went in. Format: docs/flash-format.md §7.
// It does not check lengths and ranges: payloads are checked where they come in and made right where they are made.

import { freeze } from "../../preload/freeze.js";
import {
	ENUM_AT, ENUM_VALUES, KIND_MASK, Kind, LIST, NAMES, REQUIRED, ROWS, ROW_SIZE, TYPE_AT, VALUES,
} from "../../preload/schema.js";
import { sameBytes, text, textBytes, writeText } from "../core/bytes.js";
import { DATE_TIME_BYTES, dateTimeOf, writeDateTime } from "../core/datetime.js";

/** Version of the packing; a change of rows in preload/schema.ts that moves members needs a new one. */
export const PACK_VERSION = 1;

/** Dates count from 2020-01-01T00:00:00.000Z. */
const EPOCH_MS = 1_577_836_800_000;
/** Powers of ten by which a decimal is tried to become whole. */
const POWERS = freeze([1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]);
/** In the place of a power: the eight bytes of the number follow. */
const RAW = 15;
/** A mantissa below this leaves room for sign and power in 53 bits. */
const MANTISSA_MAX = 2 ** 47;
const LARGEST = Number.MAX_SAFE_INTEGER;

/** What stands in front of a value of any JSON type (customData). */
const enum Tag { null = 0, false = 1, true = 2, number = 3, string = 4, array = 5, object = 6 }
const ANY_DEPTH_MAX = 16;

type Members = Record<string, unknown>;

export class Packer {
	private bytes: Uint8Array;
	private at = 0;
	private end = 0;
	/** Nothing is read or written any more once this is set. */
	private failed = false;
	private readonly date: Uint8Array;

	constructor() {
		this.date = new Uint8Array(2 * DATE_TIME_BYTES);
		this.bytes = this.date;
	}

	/**
	 * Packs a payload into bytes[from, to).
	 * @param type  id of an object type of preload/schema.ts
	 * @returns the end of what was written, or -1 when it does not fit or is no payload of that type
	 */
	pack(type: number, payload: object, bytes: Uint8Array, from: number, to: number): number {
		this.begin(bytes, from, to);
		this.putObject(type, payload as Members);
		this.bytes = this.date;
		return this.failed ? -1 : this.at;
	}

	/** The payload in bytes[from, to), which must be all of it; undefined when it is none. */
	unpack(type: number, bytes: Uint8Array, from: number, to: number): object | undefined {
		this.begin(bytes, from, to);
		const payload = this.getObject(type);
		this.bytes = this.date;
		return this.failed || this.at !== to ? undefined : payload;
	}

	private begin(bytes: Uint8Array, from: number, to: number): void {
		this.bytes = bytes;
		this.at = from;
		this.end = to;
		this.failed = false;
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
				return this.putEnum(ROWS[base + 2] as number, value);
			case Kind.Integer:
				return typeof value === "number" && Number.isSafeInteger(value) ? this.putSigned(value) : this.fail();
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

	private putSigned(value: number): void {
		// Beyond 52 bits there is no room for the sign; no payload of OCPP goes there.
		if (value > LARGEST / 2 || value < -LARGEST / 2) return this.fail();
		this.putVarint(zigzag(value));
	}

	/** Whole number times a power of ten where that is exact, else the eight bytes. */
	private putDecimal(value: number): void {
		if (value - value !== 0) return this.fail();
		for (let power = 0; power < POWERS.length; power++) {
			const scale = POWERS[power] as number;
			const mantissa = Math.round(value * scale);
			if (mantissa >= MANTISSA_MAX || mantissa <= -MANTISSA_MAX) break;
			// A quotient of whole numbers below 2^53 and a power below 10^22 is the nearest double there is.
			if (mantissa / scale === value) return this.putVarint(zigzag(mantissa) * 16 + power);
		}
		this.putVarint(RAW);
		if (this.at + 8 > this.end) return this.fail();
		new DataView(this.bytes.buffer, this.bytes.byteOffset).setFloat64(this.at, value, true);
		this.at += 8;
	}

	private putEnum(id: number, value: unknown): void {
		const first = ENUM_AT[id] as number;
		const last = ENUM_AT[id + 1] as number;
		for (let i = first; i < last; i++) if (VALUES[ENUM_VALUES[i] as number] === value) return this.putVarint(i - first);
		this.failed = true;
	}

	private putString(value: string): void {
		return this.putText(value, 1);
	}

	/** Length, times `factor` and one less than it more, and UTF-8. */
	private putText(value: string, factor: number): void {
		if (value.length * 4 + 8 > this.end - this.at) {
			const exact = textBytes(value);
			if (exact + varintBytes(exact * factor) > this.end - this.at) return this.fail();
		}
		const start = this.at + varintBytes(value.length * factor);
		const length = writeText(this.bytes, start, value) - start;
		const moved = this.at + varintBytes(length * factor);
		if (moved !== start) this.bytes.copyWithin(moved, start, start + length);
		this.putVarint(length * factor + factor - 1);
		this.at += length;
	}

	private putDateTime(value: string): void {
		const date = this.date;
		if (value.length === DATE_TIME_BYTES && writeText(date, 0, value) === DATE_TIME_BYTES) {
			const utcMs = dateTimeOf(date, 0, DATE_TIME_BYTES);
			if (utcMs >= EPOCH_MS && writeDateTime(date, DATE_TIME_BYTES, utcMs) === 2 * DATE_TIME_BYTES &&
				sameBytes(date, 0, DATE_TIME_BYTES, date, DATE_TIME_BYTES, 2 * DATE_TIME_BYTES))
				return this.putVarint((utcMs - EPOCH_MS) * 2);
		}
		return this.putText(value, 2);
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
				return this.putString(value);
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
			this.putString(names[i] as string);
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
				return this.getText(this.getVarint());
			case Kind.Enum:
				return this.getEnum(ROWS[base + 2] as number);
			case Kind.Integer:
				return unzigzag(this.getVarint());
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
				if (value > LARGEST) break;
				return value;
			}
			weight *= 0x80;
		}
		this.failed = true;
		return 0;
	}

	/** A number of things of which each takes a byte at least. */
	private getCount(): number {
		const count = this.getVarint();
		if (count > this.end - this.at) this.failed = true;
		return this.failed ? 0 : count;
	}

	private getDecimal(): number {
		const code = this.getVarint();
		const power = code % 16;
		if (power < POWERS.length) return unzigzag(Math.floor(code / 16)) / (POWERS[power] as number);
		if (power !== RAW || this.at + 8 > this.end) {
			this.failed = true;
			return 0;
		}
		this.at += 8;
		return new DataView(this.bytes.buffer, this.bytes.byteOffset).getFloat64(this.at - 8, true);
	}

	private getEnum(id: number): string {
		const index = (ENUM_AT[id] as number) + this.getVarint();
		if (index < (ENUM_AT[id + 1] as number)) return VALUES[ENUM_VALUES[index] as number] as string;
		this.failed = true;
		return "";
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
		const code = this.getVarint();
		if (code % 2 === 1) return this.getText(Math.floor(code / 2));
		const end = writeDateTime(this.date, 0, EPOCH_MS + code / 2);
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
				return this.getText(this.getVarint());
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
			const name = this.getText(this.getVarint());
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

function varintBytes(value: number): number {
	let bytes = 1;
	while (value >= 0x80) {
		value = Math.floor(value / 0x80);
		bytes++;
	}
	return bytes;
}
