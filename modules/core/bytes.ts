// Text as bytes: writing, comparing, counting and checking UTF-8 without making strings.
// Ranges are half open: bytes[from, to).
// Source: RFC 3629 (UTF-8); Moddable documentation/xs/XS Differences.md "String" for what a string is on XS.

/** Characters of a long text that are taken at once, so that no index on XS is counted from the text's beginning. */
export const TEXT_WINDOW = 64;

/** The text of bytes[from, to), which must be valid UTF-8 without a zero byte. */
export function text(bytes: Uint8Array, from: number, to: number): string {
	return from >= to ? "" : String.fromArrayBuffer(bytes.buffer, bytes.byteOffset + from, to - from);
}

/** `value` as UTF-8. Cost: as much garbage. */
export function bytesOf(value: string): Uint8Array {
	return new Uint8Array(ArrayBuffer.fromString(value));
}

/**
 * Writes `value` as UTF-8 at bytes[at]; it must fit. Returns the end. A lone surrogate becomes U+FFFD.
 * Cost: no more than a window of the text at once. Its whole length as a buffer would be on the heap beside the string.
 */
export function writeText(bytes: Uint8Array, at: number, value: string): number {
	for (let taken = 0; taken < value.length; ) {
		const part = value.length <= TEXT_WINDOW ? value : cutText(value, taken, TEXT_WINDOW);
		const length = part.length;
		for (let index = 0; index < length; index++) {
			const point = part.codePointAt(index)!;
			if (point < 0x80) bytes[at++] = point;
			else {
				at = writePoint(bytes, at, point);
				index += unitsOf(point) - 1;
			}
		}
		taken += length;
	}
	return at;
}

/** Bytes of `value` in UTF-8, counted as writeText() writes them. */
export function textBytes(value: string): number {
	let bytes = 0;
	for (let taken = 0; taken < value.length; ) {
		const part = cutText(value, taken, TEXT_WINDOW);
		for (let index = 0; index < part.length; index++) {
			const point = part.codePointAt(index)!;
			bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
			index += unitsOf(point) - 1;
		}
		taken += part.length;
	}
	return bytes;
}

/** At most `count` characters of a text from `at` on, never half of a surrogate pair. */
export function cutText(value: string, at: number, count: number): string {
	if (at === 0 && value.length <= count) return value;
	let end = at + count;
	if (end < value.length && unitsOf(value.codePointAt(end - 1)!) > 1) end--;
	return value.slice(at, end);
}

/**
 * String positions that a code point takes: above U+FFFF 2 where strings are UTF-16 (Node), 1 on XS, whose strings are
 * UTF-8 and indexed by code point. Asked at run time, because the linker's engine may be built otherwise.
 */
export function unitsOf(point: number): number {
	return point > 0xffff ? String.fromCodePoint(point).length : 1;
}

/** Writes one code point as UTF-8 at bytes[at] and returns the end; a surrogate becomes U+FFFD. */
export function writePoint(bytes: Uint8Array, at: number, point: number): number {
	if (point < 0x80) {
		bytes[at] = point;
		return at + 1;
	}
	if (point < 0x800) {
		bytes[at] = 0xc0 | (point >> 6);
		bytes[at + 1] = 0x80 | (point & 0x3f);
		return at + 2;
	}
	if (point >= 0xd800 && point < 0xe000) point = 0xfffd;
	if (point < 0x10000) {
		bytes[at] = 0xe0 | (point >> 12);
		bytes[at + 1] = 0x80 | ((point >> 6) & 0x3f);
		bytes[at + 2] = 0x80 | (point & 0x3f);
		return at + 3;
	}
	bytes[at] = 0xf0 | (point >> 18);
	bytes[at + 1] = 0x80 | ((point >> 12) & 0x3f);
	bytes[at + 2] = 0x80 | ((point >> 6) & 0x3f);
	bytes[at + 3] = 0x80 | (point & 0x3f);
	return at + 4;
}

/** True when bytes[from, to) equals table[tableFrom, tableTo). */
export function sameBytes(
	bytes: Uint8Array, from: number, to: number, table: Readonly<Uint8Array>, tableFrom: number, tableTo: number,
): boolean {
	if (to - from !== tableTo - tableFrom) return false;
	while (from < to) if (bytes[from++] !== table[tableFrom++]) return false;
	return true;
}

/**
 * Index of the text among [first, end) that equals bytes[from, to), or -1. Text i is table[at[i], at[i + 1]).
 */
export function findText(
	bytes: Uint8Array, from: number, to: number,
	table: Readonly<Uint8Array>, at: Readonly<Uint16Array>, first: number, end: number,
): number {
	for (let index = first; index < end; index++)
		if (sameBytes(bytes, from, to, table, at[index]!, at[index + 1]!)) return index;
	return -1;
}

/** Code points of the valid UTF-8 in bytes[from, to): every byte that does not continue another. */
export function codePoints(bytes: Uint8Array, from: number, to: number): number {
	let count = 0;
	while (from < to) if ((bytes[from++]! & 0xc0) !== 0x80) count++;
	return count;
}

/** Length of the UTF-8 sequence of two to four bytes that starts at bytes[at] and ends before `to`; 0 if it is bad. */
export function sequence(bytes: Uint8Array, at: number, to: number): number {
	const first = bytes[at]!;
	const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
	if (length === 0 || at + length > to) return 0;
	const second = bytes[at + 1]!;
	if ((second & 0xc0) !== 0x80 || !isSecond(first, second)) return 0;
	if (length > 2 && (bytes[at + 2]! & 0xc0) !== 0x80) return 0;
	if (length > 3 && (bytes[at + 3]! & 0xc0) !== 0x80) return 0;
	return length;
}

/** The first byte narrows the second: no overlong forms, no surrogates, nothing above U+10FFFF. */
function isSecond(first: number, second: number): boolean {
	if (first === 0xe0) return second >= 0xa0;
	if (first === 0xed) return second < 0xa0;
	if (first === 0xf0) return second >= 0x90;
	if (first === 0xf4) return second < 0x90;
	return true;
}

/** Checks UTF-8 that arrives in pieces of any size, as the fragments of a WebSocket message do (RFC 6455 §8.1). */
export class Utf8 {
	/** Bytes still to come of the sequence under way. */
	#missing = 0;
	/** First byte of a sequence whose second is still to come, else 0. */
	#first = 0;

	/** Forgets a sequence under way: a new message begins. */
	reset(): void {
		this.#missing = 0;
		this.#first = 0;
	}

	/** Takes bytes[from, to); false when no text can go on like this. */
	accept(bytes: Uint8Array, from: number, to: number): boolean {
		while (from < to) {
			const byte = bytes[from++]!;
			if (this.#missing > 0) {
				if ((byte & 0xc0) !== 0x80 || (this.#first !== 0 && !isSecond(this.#first, byte))) return false;
				this.#first = 0;
				this.#missing--;
			} else if (byte >= 0x80) {
				if (byte < 0xc2 || byte > 0xf4) return false;
				this.#first = byte;
				this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
			}
		}
		return true;
	}

	/** True when no sequence is cut: the text may end here. */
	get complete(): boolean {
		return this.#missing === 0;
	}
}
