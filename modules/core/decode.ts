// From the bytes of a payload to an object, checked against the ROM tables on the way; no JSON.parse, so no name that
// is not in the tables can become a key, and no text exists twice for long.
// Owns: which payload is valid, and the error code of one that is not. scan.ts has already checked grammar and depth.
// Source: OCPP 2.0.1 Part 3 (schemas), Part 4 table 8; the table below is our reading of it.
//
//   FormatViolation                 a member that the schema does not name, or the same member twice
//   OccurrenceConstraintViolation   a required member is missing; a list has too few or too many items
//   TypeConstraintViolation         another JSON type than the schema's, null and 1.5 for an integer included
//   PropertyConstraintViolation     unknown enumeration value, text too long, number out of range, no date-time
//
// The first fault in document order counts; missing members and short lists are faults of the closing bracket.
// customData is checked (an object with a vendorId) and left out of the result, and so is the data of a DataTransfer.

import { RpcError } from "../../preload/errors.js";
import {
	ENUM_AT, ENUM_VALUES, Kind, KIND_MASK, LIST, NAME_AT, NAME_BYTES, NAMES, RANGES, REQUIRED, ROW_SIZE, ROWS, TYPE_AT,
	VALUE_AT, VALUE_BYTES, VALUES,
} from "../../preload/schema.js";
import { codePoints, sameBytes, text } from "./bytes.js";
import { dateTimeOf } from "./datetime.js";
import { INTEGER_MAX, INTEGER_MIN, numberOf } from "./decimal.js";
import { skipBlanks, skipString, skipValue, unescape } from "./scan.js";

/** CustomDataType.vendorId, the only limit of customData. */
const VENDOR_ID_MAX = 255;
const VENDOR_ID = NAMES.indexOf("vendorId");
/** A foreign name is quoted in the error up to this many bytes. */
const OFFENDER_BYTES = 40;
/** scan() has bounded the depth; this is only what skipValue() can count. */
const ANY_DEPTH = 31;

/** A text whose schema allows so many characters may stay where it was received: PEM, and nothing else. */
const LONG_TEXT = 5500;

/** What decode() found; made once and filled by every call. */
export class Verdict {
	/** RpcError.None when the payload is valid. */
	error: RpcError = RpcError.None;
	/** Name of the member that breaks the schema, for the errorDescription; "" where there is none. */
	offender = "";
	/** Members read, nested ones included, and strings made: what a payload costs. */
	members = 0;
	strings = 0;
	/** To be set before a call: the last long text (PEM) stays in bytes[longFrom, longTo) and is "" in the object. */
	keepsLong = false;
	longFrom = 0;
	longTo = 0;
	/** The reader's place; inside decode() only. */
	at = 0;
	to = 0;
}

/**
 * Reads the payload bytes[from, to), which scan() has found, as object type `type` of preload/schema.ts. Escapes are
 * undone in place, so the bytes of a payload are used up by this and cannot be read a second time.
 * @returns the object, its enumeration values being the strings of the tables; undefined when verdict.error is set
 */
export function decode(
	bytes: Uint8Array, from: number, to: number, type: number, verdict: Verdict,
): object | undefined {
	verdict.error = RpcError.None;
	verdict.offender = "";
	verdict.members = 0;
	verdict.strings = 0;
	verdict.longFrom = verdict.longTo = 0;
	verdict.at = from;
	verdict.to = to;
	if (bytes[from] !== 0x7b) {
		verdict.error = RpcError.TypeConstraintViolation;
		return undefined;
	}
	const object = readObject(bytes, type, verdict);
	return verdict.error === RpcError.None ? object : undefined;
}

function fail(verdict: Verdict, error: RpcError, offender: string): undefined {
	verdict.error = error;
	verdict.offender = offender;
	return undefined;
}

/** Reads the object whose brace is at verdict.at; leaves verdict.at behind it. Nests, so it has few locals. */
function readObject(bytes: Uint8Array, type: number, verdict: Verdict): object | undefined {
	// Keys come from NAMES alone, so the object's shape is one of the schema's.
	const object: Record<string, unknown> = {};
	let seen = 0;
	while (nextMember(bytes, verdict)) {
		const row = readRow(bytes, type, seen, verdict);
		if (row < 0) return undefined;
		seen |= 1 << (row - TYPE_AT[type]!);
		const isList = (ROWS[row * ROW_SIZE + 1]! & LIST) !== 0;
		const value = isList ? readList(bytes, row * ROW_SIZE, verdict) : readValue(bytes, row * ROW_SIZE, verdict);
		if (verdict.error !== RpcError.None) return undefined;
		if (value !== undefined) object[NAMES[ROWS[row * ROW_SIZE]!]!] = value;
	}
	return hasRequired(type, seen, verdict) ? object : undefined;
}

/** Reads a member's name and moves to its value. Returns the row of the type that it names, -1 with an error set. */
function readRow(bytes: Uint8Array, type: number, seen: number, verdict: Verdict): number {
	const from = verdict.at + 1;
	const close = skipString(bytes, from, verdict.to);
	const to = unescape(bytes, from, close);
	const row = rowOf(bytes, from, to, TYPE_AT[type]!, TYPE_AT[type + 1]!);
	if (row < 0) fail(verdict, RpcError.FormatViolation, clip(bytes, from, to));
	else if ((seen & (1 << (row - TYPE_AT[type]!))) !== 0)
		fail(verdict, RpcError.FormatViolation, NAMES[ROWS[row * ROW_SIZE]!]!);
	if (verdict.error !== RpcError.None) return -1;
	verdict.members++;
	toValue(bytes, close, verdict);
	return row;
}

/** False with an error set when a required member is not among `seen`, a bit per row of the type. */
function hasRequired(type: number, seen: number, verdict: Verdict): boolean {
	const first = TYPE_AT[type]!;
	const end = TYPE_AT[type + 1]!;
	for (let row = first; row < end; row++) {
		if ((ROWS[row * ROW_SIZE + 1]! & REQUIRED) === 0 || (seen & (1 << (row - first))) !== 0) continue;
		fail(verdict, RpcError.OccurrenceConstraintViolation, NAMES[ROWS[row * ROW_SIZE]!]!);
		return false;
	}
	return true;
}

/** Moves to the quote of the next member's name, or behind the closing brace and returns false. */
function nextMember(bytes: Uint8Array, verdict: Verdict): boolean {
	// Here verdict.at is at "{", or behind a value; grammar is known to be right.
	let at = skipBlanks(bytes, verdict.at, verdict.to);
	if (bytes[at] !== 0x7d) at = skipBlanks(bytes, at + 1, verdict.to);
	const isMember = bytes[at] !== 0x7d;
	verdict.at = isMember ? at : at + 1;
	return isMember;
}

/** Moves from the quote that closes a name to the value. */
function toValue(bytes: Uint8Array, close: number, verdict: Verdict): void {
	const colon = skipBlanks(bytes, close + 1, verdict.to);
	verdict.at = skipBlanks(bytes, colon + 1, verdict.to);
}

/** The row among [first, end) with the name bytes[from, to), or -1. */
function rowOf(bytes: Uint8Array, from: number, to: number, first: number, end: number): number {
	for (let row = first; row < end; row++) {
		const name = ROWS[row * ROW_SIZE]!;
		if (sameBytes(bytes, from, to, NAME_BYTES, NAME_AT[name]!, NAME_AT[name + 1]!)) return row;
	}
	return -1;
}

/** The first bytes of a text, cut between characters. */
function clip(bytes: Uint8Array, from: number, to: number): string {
	if (to - from > OFFENDER_BYTES) {
		to = from + OFFENDER_BYTES;
		while ((bytes[to]! & 0xc0) === 0x80) to--;
	}
	return text(bytes, from, to);
}

function readList(bytes: Uint8Array, base: number, verdict: Verdict): unknown[] | undefined {
	if (bytes[verdict.at] !== 0x5b) return wrongType(base, verdict);
	const list: unknown[] = [];
	verdict.at = skipBlanks(bytes, verdict.at + 1, verdict.to);
	while (bytes[verdict.at] !== 0x5d) {
		if (ROWS[base + 4]! > 0 && list.length === ROWS[base + 4]) return wrongCount(base, verdict);
		const value = readValue(bytes, base, verdict);
		if (verdict.error !== RpcError.None) return undefined;
		list.push(value);
		verdict.at = skipBlanks(bytes, verdict.at, verdict.to);
		if (bytes[verdict.at] === 0x2c) verdict.at = skipBlanks(bytes, verdict.at + 1, verdict.to);
	}
	verdict.at++;
	return list.length < ROWS[base + 3]! ? wrongCount(base, verdict) : list;
}

/** Reads one value of the row at ROWS[base]; undefined with no error for what is not kept. */
function readValue(bytes: Uint8Array, base: number, verdict: Verdict): unknown {
	const kind = ROWS[base + 1]! & KIND_MASK;
	const first = bytes[verdict.at]!;
	switch (kind) {
		case Kind.Object:
			return first === 0x7b ? readObject(bytes, ROWS[base + 2]!, verdict) : wrongType(base, verdict);
		case Kind.Integer:
		case Kind.Decimal:
			if (first !== 0x2d && (first < 0x30 || first > 0x39)) return wrongType(base, verdict);
			return readNumber(bytes, base, kind, verdict);
		case Kind.Boolean:
			if (first !== 0x74 && first !== 0x66) return wrongType(base, verdict);
			verdict.at += first === 0x74 ? 4 : 5;
			return first === 0x74;
		case Kind.Any:
			return first === 0x7b ? readCustomData(bytes, verdict) : wrongType(base, verdict);
		case Kind.Anything:
			verdict.at = skipValue(bytes, verdict.at, verdict.to, ANY_DEPTH);
			return undefined;
		default:
			return first === 0x22 ? readText(bytes, base, kind, verdict) : wrongType(base, verdict);
	}
}

function wrongType(base: number, verdict: Verdict): undefined {
	return fail(verdict, RpcError.TypeConstraintViolation, NAMES[ROWS[base]!]!);
}

function wrongCount(base: number, verdict: Verdict): undefined {
	return fail(verdict, RpcError.OccurrenceConstraintViolation, NAMES[ROWS[base]!]!);
}

function wrongValue(base: number, verdict: Verdict): undefined {
	return fail(verdict, RpcError.PropertyConstraintViolation, NAMES[ROWS[base]!]!);
}

/** Reads a String, Enum or DateTime. */
function readText(bytes: Uint8Array, base: number, kind: number, verdict: Verdict): string | undefined {
	const from = verdict.at + 1;
	const close = skipString(bytes, from, verdict.to);
	const to = unescape(bytes, from, close);
	verdict.at = close + 1;
	const detail = ROWS[base + 2]!;
	if (kind === Kind.Enum) {
		const end = ENUM_AT[detail + 1]!;
		for (let index = ENUM_AT[detail]!; index < end; index++) {
			const value = ENUM_VALUES[index]!;
			if (sameBytes(bytes, from, to, VALUE_BYTES, VALUE_AT[value]!, VALUE_AT[value + 1]!)) return VALUES[value];
		}
		return wrongValue(base, verdict);
	}
	if (kind === Kind.DateTime) {
		const utcMs = dateTimeOf(bytes, from, to);
		if (utcMs !== utcMs) return wrongValue(base, verdict);
	} else if (detail > 0 && to - from > detail && codePoints(bytes, from, to) > detail) {
		return wrongValue(base, verdict);
	}
	if (verdict.keepsLong && kind === Kind.String && detail >= LONG_TEXT) {
		verdict.longFrom = from;
		verdict.longTo = to;
		return "";
	}
	verdict.strings++;
	return text(bytes, from, to);
}

/** Reads an Integer or Decimal. 1.0 and 1e2 are integers, as in JSON Schema; beyond 31 bits and a sign none is. */
function readNumber(bytes: Uint8Array, base: number, kind: number, verdict: Verdict): number | undefined {
	const from = verdict.at;
	verdict.at = skipValue(bytes, from, verdict.to, 0);
	const value = numberOf(bytes, from, verdict.at);
	if (kind === Kind.Integer) {
		if (value % 1 !== 0 && value - value === 0) return wrongType(base, verdict);
		if (value < INTEGER_MIN || value > INTEGER_MAX) return wrongValue(base, verdict);
	}
	const range = ROWS[base + 2]! * 2;
	// Infinity is what 1e999 reads as; no range holds it.
	if (value < RANGES[range]! || value > RANGES[range + 1]! || value - value !== 0) return wrongValue(base, verdict);
	return value;
}

/** Checks customData: a vendorId of at most 255 characters, and whatever else. Nothing of it is kept. */
function readCustomData(bytes: Uint8Array, verdict: Verdict): undefined {
	const name = NAMES[VENDOR_ID]!;
	let found = false;
	while (nextMember(bytes, verdict)) {
		const from = verdict.at + 1;
		const close = skipString(bytes, from, verdict.to);
		const to = unescape(bytes, from, close);
		const isVendorId = sameBytes(bytes, from, to, NAME_BYTES, NAME_AT[VENDOR_ID]!, NAME_AT[VENDOR_ID + 1]!);
		toValue(bytes, close, verdict);
		const value = verdict.at;
		verdict.at = skipValue(bytes, value, verdict.to, ANY_DEPTH);
		if (!isVendorId) continue;
		if (found) return fail(verdict, RpcError.FormatViolation, name);
		if (bytes[value] !== 0x22) return fail(verdict, RpcError.TypeConstraintViolation, name);
		const end = unescape(bytes, value + 1, verdict.at - 1);
		const points = codePoints(bytes, value + 1, end);
		if (points > VENDOR_ID_MAX) return fail(verdict, RpcError.PropertyConstraintViolation, name);
		found = true;
	}
	return found ? undefined : fail(verdict, RpcError.OccurrenceConstraintViolation, name);
}
