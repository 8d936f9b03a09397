// The first look at a message: one pass over the bytes checks the whole JSON grammar, UTF-8 and depth, and finds the
// parts of the frame. No string is made but the message id, and nothing nests: open brackets are bits of one integer.
// Owns: which bytes are a frame, and the CALLERROR of one that is none. Not: the payload's meaning (decode.ts).
// Source: OCPP 2.0.1 Part 4 §4.2 (frames), §4.3 table 8 (codes); RFC 8259 (JSON), strictly: no byte order mark, no
// comments, no trailing comma.
//
//   not JSON, no array, wrong number of elements, action or code no string     RpcFrameworkError, id "-1" if unreadable
//   id missing, no string, empty or longer than 36                             RpcFrameworkError, id "-1"
//   message type other than 2, 3, 4 in an array with a readable id             MessageTypeNotSupported
//   nested deeper than LIMITS.depthMax                                         FormatViolation, id "-1" if unreadable
//   longer than the receive buffer (scanHead)                                  FormatViolation
//
// The receiver decides what an error means: a broken CALL is answered, a broken reply is not (messageType says which).

import { ACTION_AT, ACTION_BYTES, ACTION_NAMES } from "../../preload/actions.js";
import { RPC_ERROR_NAMES, RpcError } from "../../preload/errors.js";
import { freeze } from "../../preload/freeze.js";
import { LIMITS } from "../../preload/limits.js";
import { codePoints, findText, sequence, text, writePoint } from "./bytes.js";

/** Message types of Part 4 §4.2. 0 is any other. */
export const enum MessageType { Call = 2, CallResult = 3, CallError = 4 }

/** The id of an answer to a message whose own id could not be read (Part 4 §4.2.3). */
export const UNREADABLE = "-1";

/** What skipValue() returns instead of an end. */
const BROKEN = -1;
const TOO_DEEP = -2;

/** Elements of a frame by message type. */
const ELEMENTS = freeze([0, 0, 4, 3, 5]);

/** The parts of a frame as ranges of the scanned bytes; made once and filled by every scan. */
export class Frame {
	/** MessageType, or 0 when it is none of them or could not be read. */
	messageType = 0;
	/** The message id, or UNREADABLE. */
	id = UNREADABLE;
	/** False when `id` is not the message's own. */
	idRead = false;
	/** CALL: the characters of the action, without quotes. -1 when there are none. */
	actionFrom = -1;
	actionTo = -1;
	/** CALL, CALLRESULT: the payload, an object or any other JSON value. CALLERROR: the details. */
	payloadFrom = -1;
	payloadTo = -1;
	/** CALLERROR: the characters of errorCode and errorDescription. */
	errorCodeFrom = -1;
	errorCodeTo = -1;
	descriptionFrom = -1;
	descriptionTo = -1;
	/** RpcError.None, or why this is no frame. */
	error: RpcError = RpcError.None;

	/** Forgets the last message. */
	clear(): void {
		this.messageType = 0;
		this.id = UNREADABLE;
		this.idRead = false;
		this.actionFrom = this.actionTo = -1;
		this.payloadFrom = this.payloadTo = -1;
		this.errorCodeFrom = this.errorCodeTo = -1;
		this.descriptionFrom = this.descriptionTo = -1;
		this.error = RpcError.None;
	}
}

/**
 * Scans the message bytes[0, length) into `frame`. Escapes in id, action and error code are undone in place, so a
 * message is scanned once. Never throws.
 */
export function scan(bytes: Uint8Array, length: number, frame: Frame): void {
	frame.clear();
	const elements = scanElements(bytes, length, frame);
	if (elements === TOO_DEEP) frame.error = RpcError.FormatViolation;
	else if (elements === BROKEN || !frame.idRead) frame.error = RpcError.RpcFrameworkError;
	else if (frame.messageType === 0) frame.error = RpcError.MessageTypeNotSupported;
	else if (elements !== ELEMENTS[frame.messageType]) frame.error = RpcError.RpcFrameworkError;
	else if (!hasName(frame)) frame.error = RpcError.RpcFrameworkError;
}

/**
 * Reads what the head of an over-long message tells: bytes[0, length) is its beginning, the rest was drained. Sets
 * messageType, id and, where it is whole, the action; `error` is FormatViolation (B06.FR.17) when the id could be read.
 */
export function scanHead(bytes: Uint8Array, length: number, frame: Frame): void {
	frame.clear();
	frame.error = RpcError.RpcFrameworkError;
	let at = skipBlanks(bytes, 0, length);
	if (at === length || bytes[at] !== 0x5b) return;
	for (let element = 0; element < 3; element++) {
		const from = skipBlanks(bytes, at + 1, length);
		const to = skipValue(bytes, from, length, LIMITS.depthMax - 1);
		if (to < 0) break;
		note(bytes, frame, element, from, to);
		at = skipBlanks(bytes, to, length);
		if (at === length || bytes[at] !== 0x2c) break;
	}
	if (!frame.idRead) return;
	frame.error = frame.messageType === 0 ? RpcError.MessageTypeNotSupported : RpcError.FormatViolation;
}

/** False when the action of a CALL or the code of a CALLERROR is no string. */
function hasName(frame: Frame): boolean {
	if (frame.messageType === MessageType.Call) return frame.actionFrom >= 0;
	return frame.messageType === MessageType.CallResult || frame.errorCodeFrom >= 0;
}

/** Walks the array and notes its elements; returns how many, or BROKEN, or TOO_DEEP. */
function scanElements(bytes: Uint8Array, length: number, frame: Frame): number {
	let at = skipBlanks(bytes, 0, length);
	if (at === length || bytes[at] !== 0x5b) return BROKEN;
	let element = 0;
	for (;;) {
		const from = skipBlanks(bytes, at + 1, length);
		const to = skipValue(bytes, from, length, LIMITS.depthMax - 1);
		if (to < 0) return to;
		note(bytes, frame, element++, from, to);
		at = skipBlanks(bytes, to, length);
		if (at === length) return BROKEN;
		if (bytes[at] === 0x5d) break;
		if (bytes[at] !== 0x2c) return BROKEN;
	}
	return skipBlanks(bytes, at + 1, length) === length ? element : BROKEN;
}

/** Keeps what element number `element`, bytes[from, to), says. */
function note(bytes: Uint8Array, frame: Frame, element: number, from: number, to: number): void {
	const isText = bytes[from] === 0x22;
	if (element === 0) {
		const digit = bytes[from]! - 0x30;
		frame.messageType = to - from === 1 && digit >= MessageType.Call && digit <= MessageType.CallError ? digit : 0;
	} else if (element === 1) {
		if (!isText) return;
		const end = unescape(bytes, from + 1, to - 1);
		const points = codePoints(bytes, from + 1, end);
		if (points === 0 || points > LIMITS.messageIdMax) return;
		frame.id = text(bytes, from + 1, end);
		frame.idRead = true;
	} else if (frame.messageType === MessageType.CallResult) {
		if (element === 2) setPayload(frame, from, to);
	} else if (frame.messageType === MessageType.Call) {
		if (element === 3) setPayload(frame, from, to);
		if (element !== 2 || !isText) return;
		frame.actionFrom = from + 1;
		frame.actionTo = unescape(bytes, from + 1, to - 1);
	} else if (frame.messageType === MessageType.CallError) {
		if (element === 4) setPayload(frame, from, to);
		if (!isText) return;
		if (element === 2) {
			frame.errorCodeFrom = from + 1;
			frame.errorCodeTo = unescape(bytes, from + 1, to - 1);
		} else if (element === 3) {
			frame.descriptionFrom = from + 1;
			frame.descriptionTo = unescape(bytes, from + 1, to - 1);
		}
	}
}

function setPayload(frame: Frame, from: number, to: number): void {
	frame.payloadFrom = from;
	frame.payloadTo = to;
}

/** Id of the action named in bytes[from, to), or -1. Names are case-sensitive (Part 4 §4.1.6). */
export function actionOf(bytes: Uint8Array, from: number, to: number): number {
	return findText(bytes, from, to, ACTION_BYTES, ACTION_AT, 0, ACTION_NAMES.length);
}

/** The RpcError named in bytes[from, to); GenericError for a name that Part 4 does not have. */
export function errorOf(bytes: Uint8Array, from: number, to: number): RpcError {
	const name = to - from > 40 ? "" : text(bytes, from, to);
	for (let error = 1; error < RPC_ERROR_NAMES.length; error++)
		if (RPC_ERROR_NAMES[error] === name) return error as RpcError;
	return RpcError.GenericError;
}

/** Index of the first byte at or after `at` that is no blank; `to` when there is none. */
export function skipBlanks(bytes: Uint8Array, at: number, to: number): number {
	while (at < to) {
		const byte = bytes[at];
		if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
		at++;
	}
	return to;
}

/**
 * Walks over the JSON value that starts at bytes[at] (no blanks) and must end before or at `to`.
 * @param room how many brackets may be open at once, at most 31
 * @returns the end of the value; negative when it is not JSON or nests deeper
 */
export function skipValue(bytes: Uint8Array, at: number, to: number, room: number): number {
	let level = 0;
	/** One bit per open bracket, the innermost lowest: 1 for an object. */
	let objects = 0;
	for (;;) {
		if (at >= to) return BROKEN;
		const first = bytes[at];
		if (first === 0x22) at = skipString(bytes, at + 1, to) + 1;
		else if (first === 0x7b || first === 0x5b) {
			if (level === room) return TOO_DEEP;
			at = skipBlanks(bytes, at + 1, to);
			if (at === to) return BROKEN;
			if (bytes[at] === first + 2) at++;
			else {
				level++;
				objects = (objects << 1) | (first === 0x7b ? 1 : 0);
				if (first === 0x7b) at = skipName(bytes, at, to);
				if (at < 0) return BROKEN;
				continue;
			}
		} else at = skipScalar(bytes, at, to);
		if (at <= 0) return BROKEN;
		// A value has ended: close what ends with it, until a comma asks for the next one.
		for (;;) {
			if (level === 0) return at;
			at = skipBlanks(bytes, at, to);
			if (at === to) return BROKEN;
			const byte = bytes[at++];
			const isObject = (objects & 1) === 1;
			if (byte === 0x2c) {
				at = skipBlanks(bytes, at, to);
				if (isObject) at = skipName(bytes, at, to);
				if (at < 0) return BROKEN;
				break;
			}
			if (byte !== (isObject ? 0x7d : 0x5d)) return BROKEN;
			level--;
			objects >>= 1;
		}
	}
}

/** Walks over a member's name at bytes[at], the colon and the blanks around it; returns where the value starts. */
function skipName(bytes: Uint8Array, at: number, to: number): number {
	if (at >= to || bytes[at] !== 0x22) return BROKEN;
	at = skipString(bytes, at + 1, to);
	if (at < 0) return BROKEN;
	at = skipBlanks(bytes, at + 1, to);
	return at === to || bytes[at] !== 0x3a ? BROKEN : skipBlanks(bytes, at + 1, to);
}

/** Index of the quote that closes the string whose characters start at bytes[at]; BROKEN when it is malformed. */
export function skipString(bytes: Uint8Array, at: number, to: number): number {
	while (at < to) {
		const byte = bytes[at]!;
		if (byte === 0x22) return at;
		if (byte < 0x20) return BROKEN;
		if (byte === 0x5c) {
			const length = escapeLength(bytes, at + 1, to);
			if (length === 0) return BROKEN;
			at += length;
		} else if (byte < 0x80) at++;
		else {
			const length = sequence(bytes, at, to);
			if (length === 0) return BROKEN;
			at += length;
		}
	}
	return BROKEN;
}

/** Length with the backslash of the escape whose letter is bytes[at]; 0 when there is no such escape. */
function escapeLength(bytes: Uint8Array, at: number, to: number): number {
	if (at >= to) return 0;
	switch (bytes[at]) {
		case 0x22: case 0x5c: case 0x2f: case 0x62: case 0x66: case 0x6e: case 0x72: case 0x74:
			return 2;
		case 0x75:
			return at + 5 <= to && hexOf(bytes, at + 1) >= 0 ? 6 : 0;
		default:
			return 0;
	}
}

/** Value of the four hexadecimal digits at bytes[at]; -1 when one is none. */
function hexOf(bytes: Uint8Array, at: number): number {
	let value = 0;
	for (let index = 0; index < 4; index++) {
		const byte = bytes[at + index]!;
		const lower = byte | 0x20;
		if (byte >= 0x30 && byte <= 0x39) value = value * 16 + byte - 0x30;
		else if (lower >= 0x61 && lower <= 0x66) value = value * 16 + lower - 0x57;
		else return -1;
	}
	return value;
}

/** Walks over a number, true, false or null; returns its end. */
function skipScalar(bytes: Uint8Array, at: number, to: number): number {
	const first = bytes[at]!;
	if (first === 0x74) return isWord(bytes, at, to, 0x72, 0x75, 0x65) ? at + 4 : BROKEN;
	if (first === 0x6e) return isWord(bytes, at, to, 0x75, 0x6c, 0x6c) ? at + 4 : BROKEN;
	if (first === 0x66) {
		const isFalse = at + 4 < to && bytes[at + 1] === 0x61 && isWord(bytes, at + 1, to, 0x6c, 0x73, 0x65);
		return isFalse ? at + 5 : BROKEN;
	}
	if (first === 0x2d) at++;
	if (at < to && bytes[at] === 0x30) at++;
	else at = skipDigits(bytes, at, to);
	if (at > 0 && at < to && bytes[at] === 0x2e) at = skipDigits(bytes, at + 1, to);
	if (at > 0 && at < to && (bytes[at]! | 0x20) === 0x65) {
		const sign = at + 1 < to ? bytes[at + 1] : 0;
		at = skipDigits(bytes, sign === 0x2b || sign === 0x2d ? at + 2 : at + 1, to);
	}
	return at;
}

/** True when the three bytes after bytes[at] are a, b, c. */
function isWord(bytes: Uint8Array, at: number, to: number, a: number, b: number, c: number): boolean {
	return at + 3 < to && bytes[at + 1] === a && bytes[at + 2] === b && bytes[at + 3] === c;
}

/** Walks over one digit or more; BROKEN when there is none. */
function skipDigits(bytes: Uint8Array, at: number, to: number): number {
	const first = at;
	while (at < to && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
	return at === first ? BROKEN : at;
}

/**
 * Undoes the escapes of the string characters bytes[from, to), which scan() has checked, in place: a text only gets
 * shorter. Returns its new end. XS strings hold no zero character and no lone surrogate; both become U+FFFD.
 */
export function unescape(bytes: Uint8Array, from: number, to: number): number {
	let at = from;
	while (at < to && bytes[at] !== 0x5c) at++;
	let end = at;
	while (at < to) {
		const byte = bytes[at++]!;
		if (byte !== 0x5c) {
			bytes[end++] = byte;
			continue;
		}
		const letter = bytes[at++]!;
		if (letter !== 0x75) {
			bytes[end++] = plain(letter);
			continue;
		}
		let point = hexOf(bytes, at);
		at += 4;
		if (point >= 0xd800 && point < 0xdc00 && at + 6 <= to && bytes[at] === 0x5c && bytes[at + 1] === 0x75) {
			const low = hexOf(bytes, at + 2);
			if (low >= 0xdc00 && low < 0xe000) {
				point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
				at += 6;
			}
		}
		end = writePoint(bytes, end, point === 0 ? 0xfffd : point);
	}
	return end;
}

/** The character that a one-letter escape stands for. */
function plain(letter: number): number {
	switch (letter) {
		case 0x62: return 0x08;
		case 0x66: return 0x0c;
		case 0x6e: return 0x0a;
		case 0x72: return 0x0d;
		case 0x74: return 0x09;
		default: return letter;
	}
}
