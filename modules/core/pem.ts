// PEM undone in place: the DER bytes of a text block take the place of its characters, so that a certificate of 5,500
// characters exists once, in the receive buffer. Also the way back, for a signing request.
// Source: RFC 7468 §3 (lax: white space anywhere in the base64), RFC 4648 §4 (strict: padding, no stray bits).

import { encodeBase64 } from "./base64.js";

/** What pemToDer() found; made by the caller and filled. */
export class PemBlock {
	/** The DER bytes are bytes[from, to). */
	from = 0;
	to = 0;
	/** Where the text goes on behind the block. */
	next = 0;
}

const BEGIN = "-----BEGIN ";
const END = "-----END ";
const DASHES = "-----";
const LINE_BYTES = 48;

/** Value of a base64 character, or -1. */
function sextet(byte: number): number {
	if (byte >= 0x41 && byte <= 0x5a) return byte - 0x41;
	if (byte >= 0x61 && byte <= 0x7a) return byte - 0x61 + 26;
	if (byte >= 0x30 && byte <= 0x39) return byte - 0x30 + 52;
	if (byte === 0x2b) return 62;
	return byte === 0x2f ? 63 : -1;
}

function isBlank(byte: number): boolean {
	return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** First byte that is no white space, or `to`. */
export function skipWhite(bytes: Uint8Array, from: number, to: number): number {
	while (from < to && isBlank(bytes[from])) from++;
	return from;
}

/** The end of `word` at bytes[from], or -1 when something else is there. */
function skipWord(bytes: Uint8Array, from: number, to: number, word: string): number {
	const end = from + word.length;
	if (end > to) return -1;
	for (let i = 0; i < word.length; i++) if (bytes[from + i] !== word.charCodeAt(i)) return -1;
	return end;
}

/** The end of `-----<word><label>-----`, or -1. */
function skipLine(bytes: Uint8Array, from: number, to: number, word: string, label: string): number {
	let at = skipWord(bytes, from, to, word);
	if (at >= 0) at = skipWord(bytes, at, to, label);
	return at < 0 ? -1 : skipWord(bytes, at, to, DASHES);
}

/**
 * Decodes the first PEM block with this label in the text bytes[from, to), in place. White space before it is passed
 * over; anything else is a fault.
 * @returns false when there is no such block or its base64 is broken; the bytes may be used up then
 */
export function pemToDer(bytes: Uint8Array, from: number, to: number, label: string, block: PemBlock): boolean {
	let at = skipLine(bytes, skipWhite(bytes, from, to), to, BEGIN, label);
	if (at < 0) return false;
	let out = at;
	let group = 0;
	let filled = 0;
	let padding = 0;
	block.from = at;
	for (; at < to && bytes[at] !== 0x2d; at++) {
		const byte = bytes[at];
		if (isBlank(byte)) continue;
		const value = byte === 0x3d ? 0 : sextet(byte);
		if (byte === 0x3d) padding++;
		else if (value < 0 || padding > 0) return false;
		group = (group << 6) | value;
		if (++filled < 4) continue;
		// Padding fills up one group only, and the bits that it leaves over are zero.
		if (padding > 2 || (padding === 2 && (group & 0xffff) !== 0) || (padding === 1 && (group & 0xff) !== 0)) return false;
		bytes[out++] = group >> 16;
		if (padding < 2) bytes[out++] = (group >> 8) & 0xff;
		if (padding < 1) bytes[out++] = group & 0xff;
		group = 0;
		filled = 0;
	}
	if (filled !== 0 || out === block.from) return false;
	block.to = out;
	block.next = skipLine(bytes, at, to, END, label);
	return block.next >= 0;
}

/** Bytes that derToPem() needs for `count` bytes of DER. */
export function pemLength(count: number, label: string): number {
	const lines = Math.ceil(count / LINE_BYTES);
	return Math.ceil(count / 3) * 4 + lines + 2 * (DASHES.length + label.length) + BEGIN.length + END.length + 2;
}

/** Writes bytes[from, to) as a PEM block to out[at, …), lines of 64 characters, and returns the end. No overlap. */
export function derToPem(
	bytes: Uint8Array, from: number, to: number, label: string, out: Uint8Array, at: number,
): number {
	at = putText(out, at, BEGIN + label + DASHES + "\n");
	for (; from < to; from += LINE_BYTES) {
		at = encodeBase64(bytes, from, Math.min(to, from + LINE_BYTES), out, at);
		out[at++] = 0x0a;
	}
	return putText(out, at, END + label + DASHES + "\n");
}

function putText(out: Uint8Array, at: number, text: string): number {
	for (let i = 0; i < text.length; i++) out[at++] = text.charCodeAt(i);
	return at;
}
