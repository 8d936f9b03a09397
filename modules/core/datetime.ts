// Dates of the wire: RFC 3339 date-time to and from milliseconds since 1970 UTC, by integer arithmetic.
// The calendar turns on 1 March, so that the leap day is the last of its year: day 0 of a year is then a plain formula.
// Source: RFC 3339 §5.6 and appendix C; Part 2 §3.1 (UTC with Z, at most three decimals).

import { bytesOf, text } from "./bytes.js";

/** Bytes of a date-time that we write: "2024-02-29T12:34:56.789Z". */
export const DATE_TIME_BYTES = 24;

const DAY_MS = 86_400_000;
/** Days from 1 March of year 0 to 1 January 1970. */
const EPOCH_DAYS = 719_468;
/** Days of 400 years. */
const ERA_DAYS = 146_097;

/** 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what four digits of year can say. */
const FIRST_MS = -62_167_219_200_000;
const LAST_MS = 253_402_300_799_999;

/**
 * Writes `utcMs` as DATE_TIME_BYTES characters at bytes[at] and returns the end. A time outside the years 0 to 9999,
 * or NaN (a clock that was never set), writes nothing and returns `at`.
 */
export function writeDateTime(bytes: Uint8Array, at: number, utcMs: number): number {
	if (!(utcMs >= FIRST_MS && utcMs <= LAST_MS)) return at;
	const wholeMs = Math.floor(utcMs);
	const day = Math.floor(wholeMs / DAY_MS);
	const ms = wholeMs - day * DAY_MS;
	const shifted = day + EPOCH_DAYS;
	const era = Math.floor(shifted / ERA_DAYS);
	const dayOfEra = shifted - era * ERA_DAYS;
	const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
	const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
	const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
	const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
	const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
	const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
	at = writeDigits(bytes, at, year, 4, 0x2d);
	at = writeDigits(bytes, at, month, 2, 0x2d);
	at = writeDigits(bytes, at, dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1, 2, 0x54);
	at = writeDigits(bytes, at, Math.floor(ms / 3_600_000), 2, 0x3a);
	at = writeDigits(bytes, at, Math.floor(ms / 60_000) % 60, 2, 0x3a);
	at = writeDigits(bytes, at, Math.floor(ms / 1000) % 60, 2, 0x2e);
	return writeDigits(bytes, at, ms % 1000, 3, 0x5a);
}

function writeDigits(bytes: Uint8Array, at: number, value: number, digits: number, after: number): number {
	for (let index = digits - 1; index >= 0; index--) {
		bytes[at + index] = 0x30 + (value % 10);
		value = Math.floor(value / 10);
	}
	bytes[at + digits] = after;
	return at + digits + 1;
}

/** The date-time as a string; "" where writeDateTime() writes nothing. */
export function formatDateTime(utcMs: number): string {
	const bytes = new Uint8Array(DATE_TIME_BYTES);
	return text(bytes, 0, writeDateTime(bytes, 0, utcMs));
}

/** Milliseconds since 1970 UTC of a date-time text; NaN when it is none. Longer than 64 characters is none. */
export function parseDateTime(value: string): number {
	if (value.length > 64) return NaN;
	const bytes = bytesOf(value);
	return dateTimeOf(bytes, 0, bytes.length);
}

/**
 * Milliseconds since 1970 UTC of the RFC 3339 date-time in bytes[from, to); NaN when it is none. "T", "t" or a blank
 * between date and time; any number of decimals, of which three count; "Z", "z" or an offset as +hh:mm, +hhmm or +hh
 * (the last two are ISO 8601 and what the validators of most CSMS let pass). A leap second is taken at 23:59:60 UTC.
 */
export function dateTimeOf(bytes: Uint8Array, from: number, to: number): number {
	if (to - from < 20) return NaN;
	const year = number(bytes, from, 4);
	const month = number(bytes, from + 5, 2);
	const day = number(bytes, from + 8, 2);
	const hour = number(bytes, from + 11, 2);
	const minute = number(bytes, from + 14, 2);
	const second = number(bytes, from + 17, 2);
	if (year < 0 || bytes[from + 4] !== 0x2d || bytes[from + 7] !== 0x2d) return NaN;
	if (bytes[from + 13] !== 0x3a || bytes[from + 16] !== 0x3a) return NaN;
	const middle = bytes[from + 10];
	if (middle !== 0x54 && middle !== 0x74 && middle !== 0x20) return NaN;
	if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return NaN;
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return NaN;
	let at = from + 19;
	let ms = 0;
	if (bytes[at] === 0x2e) {
		let weight = 100;
		const first = ++at;
		while (at < to && isDigit(bytes[at]!)) {
			ms += (bytes[at]! - 0x30) * weight;
			weight = Math.floor(weight / 10);
			at++;
		}
		if (at === first) return NaN;
	}
	const offset = offsetMinutes(bytes, at, to);
	if (!(offset > -1440)) return NaN;
	const minuteOfDay = hour * 60 + minute - offset;
	if (second === 60 && minuteOfDay !== 1439 && minuteOfDay !== -1) return NaN;
	return (daysSince1970(year, month, day) * 1440 + minuteOfDay) * 60_000 + second * 1000 + ms;
}

/** Minutes east of UTC of the zone in bytes[at, to), which must end it; NaN when it is none. */
function offsetMinutes(bytes: Uint8Array, at: number, to: number): number {
	const sign = bytes[at];
	if (at + 1 === to) return sign === 0x5a || sign === 0x7a ? 0 : NaN;
	if (sign !== 0x2b && sign !== 0x2d) return NaN;
	const length = to - at;
	const colon = length === 6 && bytes[at + 3] === 0x3a ? 1 : 0;
	if (length !== 3 && length !== 5 + colon) return NaN;
	const hours = number(bytes, at + 1, 2);
	const minutes = length === 3 ? 0 : number(bytes, at + 3 + colon, 2);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return NaN;
	return sign === 0x2d ? -(hours * 60 + minutes) : hours * 60 + minutes;
}

/** Value of `digits` digits at bytes[at]; -1 when one is none. */
function number(bytes: Uint8Array, at: number, digits: number): number {
	let value = 0;
	for (let index = 0; index < digits; index++) {
		const byte = bytes[at + index]!;
		if (!isDigit(byte)) return -1;
		value = value * 10 + byte - 0x30;
	}
	return value;
}

function isDigit(byte: number): boolean {
	return byte >= 0x30 && byte <= 0x39;
}

function daysOf(year: number, month: number): number {
	if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
	return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 to a date of the Gregorian calendar; month from 1. */
export function daysSince1970(year: number, month: number, day: number): number {
	const marchYear = month <= 2 ? year - 1 : year;
	const era = Math.floor(marchYear / 400);
	const yearOfEra = marchYear - era * 400;
	const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
	const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
	return era * ERA_DAYS + dayOfEra - EPOCH_DAYS;
}
