// From a payload object to the bytes of a message, in pieces: fill() writes what fits and goes on there next time, so a
// message, however long, never exists whole in RAM.
// Owns: the place where the message stands. Not: the objects, which must stay as they are until the message is done.
// Source: OCPP 2.0.1 Part 4 §4.2 (frames), §4.1.5 (nothing empty is sent); Part 2 §3.1 (numbers); RFC 8259 (escapes).
//
// How it resumes: a stack of places, made once, holds one object or list per level with its next row or index. Each
// step() turns the place into at most one piece of punctuation or number in a scratch of 32 bytes, then a name in ROM,
// then a text; fill() drains these three in that order and steps again. Walking the object anew for every piece would
// need no stack, but time that grows with the square of the length, and lazy items made again for every piece.
//
// Members are written in schema order and read by the names of the tables; what an object has beside them is not sent.
// Left out: undefined, null and NaN, empty lists, and optional objects in which nothing is set.

import { ACTION_NAMES, NO_TYPE, REQUEST_TYPE, RESPONSE_TYPE } from "../../preload/actions.js";
import { RPC_ERROR_NAMES } from "../../preload/errors.js";
import { LIMITS } from "../../preload/limits.js";
import {
	Kind, KIND_MASK, LIST, NAME_AT, NAME_BYTES, NAMES, REQUIRED, ROW_SIZE, ROWS, TYPE_AT,
} from "../../preload/schema.js";
import { assert, Fault } from "./assert.js";
import { cutText, TEXT_WINDOW, unitsOf, writePoint } from "./bytes.js";
import { writeDateTime } from "./datetime.js";
import { writeDecimal } from "./decimal.js";
import { MessageType } from "./scan.js";

/**
 * A list whose items are made one at a time, e.g. the rows of a report. `length` must not change while the message is
 * under way. `item` is called once per index, in order; what it returns must stay as it is until the next call or the
 * end of the message, so it may be the same object each time.
 */
export interface LazyList {
	readonly length: number;
	item(index: number): unknown;
}

/** Objects and lists that are open at once: as many as the deepest payload, ReportChargingProfiles, has. */
const LEVELS = 12;
/** Longest piece of punctuation and number or date. */
const SCRATCH_BYTES = 32;
/** What step() does next. */
const DONE = 0;
const NAME = 1;
const VALUE = 2;
const ITEM = 3;
const TEXT_END = 4;
const CUSTOM_END = 5;
const ID_END = 6;
const ACTION_END = 7;
const CODE_END = 8;
const DESCRIPTION_END = 9;

/** A place has three numbers: an object's next row, its end row and flags; a list's row, its next index and flags. */
const PLACE = 3;
const IS_LIST = 1;
const HAS_WRITTEN = 2;

type Holder = Record<string, unknown>;
type List = readonly unknown[] | LazyList;

export class Encoder {
	private next = DONE;
	private messageType = 0;
	/** Action id of a CALL, RpcError of a CALLERROR. */
	private code = 0;
	private description = "";

	private level = -1;
	private readonly holders: (Holder | List | undefined)[] = [];
	private readonly places = new Uint16Array(LEVELS * PLACE);
	/** The value whose name is being written. */
	private value: unknown = undefined;

	private readonly scratch = new Uint8Array(SCRATCH_BYTES);
	private scratchAt = 0;
	private scratchEnd = 0;
	private nameAt = 0;
	private nameEnd = 0;
	/** The text, or the window of a long one, that is being written, and what comes after it. */
	private text = "";
	private textAt = 0;
	private long = "";
	private longAt = 0;

	constructor() {
		for (let level = 0; level < LEVELS; level++) this.holders.push(undefined);
	}

	/** True when the last byte of the message has been written; also before the first message. */
	get done(): boolean {
		return this.next === DONE && this.scratchAt === this.scratchEnd;
	}

	/** Begins [2,"id","Action",{…}]. A message that was under way is given up. */
	startCall(id: string, action: number, payload: object): void {
		this.start(MessageType.Call, id, action);
		this.openPayload(payload, REQUEST_TYPE[action]!);
	}

	/** Begins [3,"id",{…}], the answer to a CALL of `action`. */
	startResult(id: string, action: number, payload: object): void {
		this.start(MessageType.CallResult, id, action);
		this.openPayload(payload, RESPONSE_TYPE[action]!);
	}

	/** Begins [4,"id","Code","description",{}]; the description is cut after 255 characters (Part 4 §4.2.3). */
	startError(id: string, error: number, description: string): void {
		this.start(MessageType.CallError, id, error);
		this.description = cutText(description, 0, LIMITS.errorDescriptionMax);
	}

	/** Gives up the message under way and lets go of its objects. */
	abandon(): void {
		for (let level = 0; level < LEVELS; level++) this.holders[level] = undefined;
		this.value = undefined;
		this.level = -1;
		this.next = DONE;
		this.scratchAt = this.scratchEnd = 0;
		this.nameAt = this.nameEnd = 0;
		this.setText("");
	}

	/**
	 * Writes the next bytes of the message to buffer[from, to) and returns how many: to - from, or less when the
	 * message is done.
	 */
	fill(buffer: Uint8Array, from: number, to: number): number {
		let at = from;
		for (;;) {
			while (this.scratchAt < this.scratchEnd) {
				if (at === to) return at - from;
				buffer[at++] = this.scratch[this.scratchAt++]!;
			}
			while (this.nameAt < this.nameEnd) {
				if (at === to) return at - from;
				buffer[at++] = NAME_BYTES[this.nameAt++]!;
			}
			if (this.textAt < this.text.length) {
				if (at === to) return at - from;
				at = this.fillText(buffer, at, to);
			} else if (this.next === DONE) return at - from;
			else {
				this.scratchAt = this.scratchEnd = 0;
				this.step();
			}
		}
	}

	/** Copies characters of the text; one that needs more than a byte goes through the scratch. */
	private fillText(buffer: Uint8Array, at: number, to: number): number {
		const text = this.text;
		const length = text.length;
		let index = this.textAt;
		while (index < length && at < to) {
			const point = text.codePointAt(index)!;
			index++;
			if (point >= 0x20 && point < 0x80 && point !== 0x22 && point !== 0x5c) buffer[at++] = point;
			else {
				index += unitsOf(point) - 1;
				this.scratchAt = 0;
				this.scratchEnd = writeEscaped(this.scratch, point);
				break;
			}
		}
		this.textAt = index;
		if (index === length && this.longAt < this.long.length) this.slide();
		return at;
	}

	private setText(text: string): void {
		const isLong = text.length > TEXT_WINDOW;
		this.text = isLong ? "" : text;
		this.textAt = 0;
		this.long = isLong ? text : "";
		this.longAt = 0;
		if (isLong) this.slide();
	}

	/** Moves the window on. */
	private slide(): void {
		this.text = cutText(this.long, this.longAt, TEXT_WINDOW);
		this.textAt = 0;
		this.longAt += this.text.length;
	}

	private start(messageType: number, id: string, code: number): void {
		this.abandon();
		this.messageType = messageType;
		this.code = code;
		this.put3(0x5b, 0x30 + messageType, 0x2c);
		this.put(0x22);
		this.setText(id);
		this.next = ID_END;
	}

	private openPayload(payload: object, type: number): void {
		assert(type !== NO_TYPE, Fault.table);
		this.open(payload as Holder, TYPE_AT[type]!, TYPE_AT[type + 1]!, 0);
	}

	/** Puts an object or list on the stack. */
	private open(holder: Holder | List, row: number, end: number, flags: number): void {
		assert(this.level + 1 < LEVELS, Fault.depth);
		this.level++;
		this.holders[this.level] = holder;
		const place = this.level * PLACE;
		this.places[place] = row;
		this.places[place + 1] = end;
		this.places[place + 2] = flags;
	}

	/** Takes the object or list off the stack; after the last one the frame is closed. */
	private close(): void {
		this.holders[this.level] = undefined;
		this.level--;
		if (this.level < 0) {
			this.put(0x5d);
			this.value = undefined;
			this.setText("");
			this.next = DONE;
		} else this.next = this.afterValue();
	}

	/** What follows a value: the next item of a list or the next member of an object. */
	private afterValue(): number {
		return (this.places[this.level * PLACE + 2]! & IS_LIST) !== 0 ? ITEM : NAME;
	}

	private step(): void {
		switch (this.next) {
			case NAME: return this.stepName();
			case VALUE: return this.stepValue();
			case ITEM: return this.stepItem();
			case TEXT_END:
				this.put(0x22);
				this.next = this.afterValue();
				return;
			case CUSTOM_END:
				this.put(0x22);
				this.put(0x7d);
				this.next = this.afterValue();
				return;
			case ID_END:
				this.put(0x22);
				this.put(0x2c);
				if (this.messageType === MessageType.CallResult) {
					this.next = NAME;
					return;
				}
				this.put(0x22);
				if (this.messageType === MessageType.Call) {
					this.setText(ACTION_NAMES[this.code]!);
					this.next = ACTION_END;
				} else {
					this.setText(RPC_ERROR_NAMES[this.code]!);
					this.next = CODE_END;
				}
				return;
			case ACTION_END:
				this.put(0x22);
				this.put(0x2c);
				this.next = NAME;
				return;
			case CODE_END:
				this.put3(0x22, 0x2c, 0x22);
				this.setText(this.description);
				this.next = DESCRIPTION_END;
				return;
			case DESCRIPTION_END:
				this.put(0x22);
				this.put3(0x2c, 0x7b, 0x7d);
				this.put(0x5d);
				this.setText("");
				this.next = DONE;
				return;
		}
	}

	/** Writes the name of the object's next member that is set, or the closing brace. */
	private stepName(): void {
		const place = this.level * PLACE;
		const places = this.places;
		const object = this.holders[this.level] as Holder;
		const end = places[place + 1]!;
		let row = places[place]!;
		let value: unknown = undefined;
		while (row < end) {
			value = object[NAMES[ROWS[row * ROW_SIZE]!]!];
			if (value !== undefined && isPresent(row * ROW_SIZE, value)) break;
			row++;
		}
		const hasWritten = (places[place + 2]! & HAS_WRITTEN) !== 0;
		if (row === end) {
			if (!hasWritten) this.put(0x7b);
			this.put(0x7d);
			this.close();
			return;
		}
		this.put(hasWritten ? 0x2c : 0x7b);
		this.put(0x22);
		const name = ROWS[row * ROW_SIZE]!;
		this.nameAt = NAME_AT[name]!;
		this.nameEnd = NAME_AT[name + 1]!;
		places[place] = row;
		places[place + 2] = places[place + 2]! | HAS_WRITTEN;
		this.value = value;
		this.next = VALUE;
	}

	private stepValue(): void {
		const place = this.level * PLACE;
		const row = this.places[place]!;
		this.places[place] = row + 1;
		this.put(0x22);
		this.put(0x3a);
		if ((ROWS[row * ROW_SIZE + 1]! & LIST) === 0) this.writeValue(row * ROW_SIZE, this.value);
		else {
			this.put(0x5b);
			this.open(this.value as List, row, 0, IS_LIST);
			this.next = ITEM;
		}
	}

	/** Writes the next item of the list, or the closing bracket. */
	private stepItem(): void {
		const place = this.level * PLACE;
		const list = this.holders[this.level] as List;
		const index = this.places[place + 1]!;
		if (index === list.length) {
			this.put(0x5d);
			this.close();
			return;
		}
		if (index > 0) this.put(0x2c);
		this.places[place + 1] = index + 1;
		const item = Array.isArray(list) ? (list[index] as unknown) : (list as LazyList).item(index);
		this.writeValue(this.places[place]! * ROW_SIZE, item);
	}

	/** Writes a value of the row at ROWS[base], or the beginning of it, and sets what comes next. */
	private writeValue(base: number, value: unknown): void {
		let kind = ROWS[base + 1]! & KIND_MASK;
		if (kind === Kind.Anything) kind = kindOf(value);
		this.next = this.afterValue();
		switch (kind) {
			case Kind.Object: {
				const type = ROWS[base + 2]!;
				this.open(value as Holder, TYPE_AT[type]!, TYPE_AT[type + 1]!, 0);
				this.next = NAME;
				return;
			}
			case Kind.Integer:
			case Kind.Decimal:
				this.scratchEnd = writeDecimal(this.scratch, this.scratchEnd, value as number);
				return;
			case Kind.Boolean:
				if (value === true) {
					this.put(0x74);
					this.put3(0x72, 0x75, 0x65);
				} else {
					this.put3(0x66, 0x61, 0x6c);
					this.put(0x73);
					this.put(0x65);
				}
				return;
			case Kind.Any:
				this.put3(0x7b, 0x22, 0x76);
				this.put3(0x65, 0x6e, 0x64);
				this.put3(0x6f, 0x72, 0x49);
				this.put3(0x64, 0x22, 0x3a);
				this.put(0x22);
				this.setText((value as { vendorId: string }).vendorId);
				this.next = CUSTOM_END;
				return;
			default:
				this.put(0x22);
				if (typeof value === "number") {
					this.scratchEnd = writeDateTime(this.scratch, this.scratchEnd, value);
					this.put(0x22);
					return;
				}
				this.setText(value as string);
				this.next = TEXT_END;
		}
	}

	private put(byte: number): void {
		this.scratch[this.scratchEnd++] = byte;
	}

	private put3(first: number, second: number, third: number): void {
		this.put(first);
		this.put(second);
		this.put(third);
	}
}

/** True when a value of the row at ROWS[base] is to be sent. */
function isPresent(base: number, value: unknown): boolean {
	if (value === undefined || value === null || value !== value) return false;
	const flags = ROWS[base + 1]!;
	if ((flags & LIST) !== 0) return (value as List).length > 0;
	switch (flags & KIND_MASK) {
		case Kind.Object: return (flags & REQUIRED) !== 0 || hasMember(value as Holder, ROWS[base + 2]!);
		case Kind.Any: return typeof (value as { vendorId?: unknown }).vendorId === "string";
		case Kind.Anything: return typeof value !== "object";
		default: return true;
	}
}

/** True when something of the object is set. */
function hasMember(object: Holder, type: number): boolean {
	const end = TYPE_AT[type + 1]!;
	for (let row = TYPE_AT[type]!; row < end; row++) {
		const value = object[NAMES[ROWS[row * ROW_SIZE]!]!];
		if (value !== undefined && isPresent(row * ROW_SIZE, value)) return true;
	}
	return false;
}

/** How a value of DataTransfer.data is written. */
function kindOf(value: unknown): number {
	return typeof value === "number" ? Kind.Decimal : typeof value === "boolean" ? Kind.Boolean : Kind.String;
}

/** Writes a character as JSON wants it, escaped where it must be, to the beginning of `bytes`; returns the end. */
function writeEscaped(bytes: Uint8Array, point: number): number {
	if (point >= 0x80) return writePoint(bytes, 0, point);
	bytes[0] = 0x5c;
	const letter = letterOf(point);
	if (letter !== 0) {
		bytes[1] = letter;
		return 2;
	}
	bytes[1] = 0x75;
	bytes[2] = bytes[3] = 0x30;
	bytes[4] = 0x30 + (point >> 4);
	bytes[5] = hexDigit(point & 0x0f);
	return 6;
}

function hexDigit(value: number): number {
	return value < 10 ? 0x30 + value : 0x57 + value;
}

/** Letter of the short escape of a character, or 0. */
function letterOf(point: number): number {
	switch (point) {
		case 0x22: case 0x5c: return point;
		case 0x08: return 0x62;
		case 0x09: return 0x74;
		case 0x0a: return 0x6e;
		case 0x0c: return 0x66;
		case 0x0d: return 0x72;
		default: return 0;
	}
}
