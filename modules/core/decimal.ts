// Numbers of the wire. OCPP wants at most six places after the point (Part 2 §3.1) and integers of 31 bits and a sign;
// an exponent is never written.

import { text } from "./bytes.js";

/** Bytes that writeDecimal() needs at most: sign, 16 digits, point, six places. */
export const DECIMAL_BYTES = 24;

export const INTEGER_MIN = -2_147_483_648;
export const INTEGER_MAX = 2_147_483_647;

/** Larger numbers are not exact any more; what is written stops here. */
const LARGEST = 9_007_199_254_740_991;
const PLACES = 6;
const STEPS = 1_000_000;

/**
 * Writes `value` in decimal digits at bytes[at] and returns the end: rounded to six places, no trailing zeros, no "-0".
 * NaN becomes 0, and what is beyond 2^53 stays at 2^53 - 1: no value of a station comes near.
 */
export function writeDecimal(bytes: Uint8Array, at: number, value: number): number {
	const size = value < 0 ? -value : value;
	let whole = size >= LARGEST ? LARGEST : size > 0 ? Math.floor(size) : 0;
	let places = whole === LARGEST || size !== size ? 0 : Math.round((size - whole) * STEPS);
	if (places === STEPS) {
		whole++;
		places = 0;
	}
	if (value < 0 && (whole > 0 || places > 0)) bytes[at++] = 0x2d;
	at = writeWhole(bytes, at, whole);
	if (places === 0) return at;
	bytes[at] = 0x2e;
	let digits = PLACES;
	while (places % 10 === 0) {
		places /= 10;
		digits--;
	}
	for (let index = digits; index > 0; index--) {
		bytes[at + index] = 0x30 + (places % 10);
		places = Math.floor(places / 10);
	}
	return at + 1 + digits;
}

function writeWhole(bytes: Uint8Array, at: number, whole: number): number {
	let digits = 1;
	for (let rest = whole; rest >= 10; rest = Math.floor(rest / 10)) digits++;
	for (let index = digits - 1; index >= 0; index--) {
		bytes[at + index] = 0x30 + (whole % 10);
		whole = Math.floor(whole / 10);
	}
	return at + digits;
}

/**
 * Value of the JSON number in bytes[from, to), which scan.ts has checked. Whole numbers of up to nine digits, which are
 * nearly all there are, are read without a string.
 */
export function numberOf(bytes: Uint8Array, from: number, to: number): number {
	const negative = bytes[from] === 0x2d;
	let at = negative ? from + 1 : from;
	if (to - at > 9) return Number(text(bytes, from, to));
	let value = 0;
	while (at < to) {
		const byte = bytes[at++]!;
		if (byte < 0x30 || byte > 0x39) return Number(text(bytes, from, to));
		value = value * 10 + byte - 0x30;
	}
	return negative ? -value : value;
}

/** Value of a text like "-12" (digits and a sign only, 31 bits and a sign); NaN for everything else. */
export function parseInteger(value: string): number {
	const digits = value.length;
	const first = digits > 1 && value.charCodeAt(0) === 0x2d ? 1 : 0;
	if (digits === 0 || digits - first > 10) return NaN;
	let result = 0;
	for (let index = first; index < digits; index++) {
		const unit = value.charCodeAt(index);
		if (unit < 0x30 || unit > 0x39) return NaN;
		result = result * 10 + unit - 0x30;
	}
	if (first === 1) result = 0 - result;
	return result < INTEGER_MIN || result > INTEGER_MAX ? NaN : result;
}

/** Value of a text like "-12.5" (digits, one point with digits on both sides, no exponent); NaN for everything else. */
export function parseDecimal(value: string): number {
	const length = value.length;
	if (length === 0 || length > DECIMAL_BYTES) return NaN;
	let point = -1;
	const first = value.charCodeAt(0) === 0x2d ? 1 : 0;
	for (let index = first; index < length; index++) {
		const unit = value.charCodeAt(index);
		if (unit === 0x2e && point < 0 && index > first) point = index;
		else if (unit < 0x30 || unit > 0x39) return NaN;
	}
	return first === length || point === length - 1 ? NaN : Number(value);
}
