// Members of gzip (RFC 1952) in buffers of the caller: what parts of the queue are sealed into, and read from again.
// Owns nothing: functions work on what they are handed and allocate nothing. A member is one block of DEFLATE
// (RFC 1951), so any gunzip reads it. Chosen by measurement on packed events: Huffman codes made for each member,
// matches from four places for each of 32 hashes, and one look ahead (docs/decisions/0012-gzip-of-our-own.md).

import { freeze } from "../../preload/freeze.js";
import { crc32 } from "../core/crc.js";

/** Longest content of a member, in bytes. */
export const MEMBER_BYTES_MAX = 2048;

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const FAILED = -1;
const BITS_MAX = 15;
/** Kinds of blocks (RFC 1951 §3.2.3). */
const enum Block { stored = 0, fixed = 1, dynamic = 2 }

// Symbols of the codes, one code after the other: literals and lengths of matches, distances, lengths of codes.
const LITERALS = 288;
/** 286 and 287 have a place in the fixed code, but never occur. */
const LITERALS_MAX = 286;
const LITERALS_MIN = 257;
const END = 256;
const DISTANCES = 30;
/** Distances of up to 2,048. */
const DISTANCES_USED = 22;
const LENGTHS = 19;
const DISTANCE_0 = LITERALS;
/** Codes of lengths that repeat: the last one 3 to 6 times, zero 3 to 10 and 11 to 138 times. */
const REPEAT = 16;
const ZEROS = 17;
const MANY_ZEROS = 18;
/** In what order the lengths of the codes of lengths come (RFC 1951 §3.2.7). */
const ORDER = freeze(Uint8Array.of(16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15));

const MATCH_MIN = 3;
const MATCH_MAX = 258;
/** A match of three bytes from further away takes more bits than the bytes. */
const NEAR = 128;
const BUCKETS = 32;
const WAYS = 4;
/** A match as a number: its length above so many bits of its distance. */
const DISTANCE_BITS = 12;
/** With fewer than 55 in all no code is longer than 7 bits: the nth Fibonacci number bounds the depth of a tree. */
const LENGTHS_TOTAL = 54;

// Workspace of a writer: for each symbol the bits of its code, then two bytes: how often it occurs, later its code;
// then the buckets of places, each of four low bytes and four high ones.
const LENGTH_0 = LITERALS + DISTANCES_USED;
const LOW = LENGTH_0 + LENGTHS;
const HIGH = LOW + LOW;
const HEADS = HIGH + LOW;
/** In the place of a bit position: codes are counted, not written. */
const COUNTING = -1;
/** Top bit of a byte of which the rest holds a number of up to 15 bits with the byte below. */
const FLAG = 0x80;

/** Bytes that deflateMember needs to work in, from the start of its workspace. */
export const DEFLATE_WORK_BYTES = HEADS + 2 * BUCKETS * WAYS;

/**
 * Writes input[from, to) as one gzip member to output[at, …); what is behind the member there is zeroed or not. Input,
 * output and workspace may be ranges of one array that do not overlap.
 * @param to  from + MEMBER_BYTES_MAX at most
 * @param output  may be written up to its end. A member is never longer than its content and 96 bytes
 * @param work  DEFLATE_WORK_BYTES from its start; what is in them does not matter
 * @returns bytes written, or -1 when they do not fit or the input is too long
 * Cost: the input is looked through twice.
 */
export function deflateMember(
	input: Uint8Array, from: number, to: number, output: Uint8Array, at: number, work: Uint8Array,
): number {
	const start = at + HEADER_BYTES;
	if (!(to >= from && to - from <= MEMBER_BYTES_MAX && start + TRAILER_BYTES <= output.length)) return FAILED;
	work.fill(0, 0, HEADS);
	walk(input, from, to, output, COUNTING, work);
	const fixedBits = bitsOfFixed(work);
	output.fill(0, at);
	let bit = start * 8;
	const dynamicBits = build(work, 0, LITERALS) + build(work, DISTANCE_0, DISTANCES_USED);
	bit = putCodes(work, output, bit);
	if (bit - start * 8 + dynamicBits >= fixedBits) {
		output.fill(0, at);
		setFixed(work, DISTANCES_USED);
		assign(work, 0, LITERALS);
		assign(work, DISTANCE_0, DISTANCES_USED);
		bit = put(output, start * 8, 1 | (Block.fixed << 1), 3);
	}
	bit = walk(input, from, to, output, bit, work);
	const end = (bit + 7) >> 3;
	if (end + TRAILER_BYTES > output.length) return FAILED;
	output[at] = 0x1f;
	output[at + 1] = 0x8b;
	output[at + 2] = 8;
	// Operating system: unknown (RFC 1952 §2.3.1).
	output[at + 9] = 255;
	const crc = crc32(input, from, to);
	for (let i = 0; i < 4; i++) {
		output[end + i] = crc >>> (8 * i);
		output[end + 4 + i] = (to - from) >>> (8 * i);
	}
	return end + TRAILER_BYTES - at;
}

/** Goes through the input and counts or writes the symbols of literals and matches; returns the bit behind them. */
function walk(input: Uint8Array, from: number, to: number, output: Uint8Array, bit: number, work: Uint8Array): number {
	work.fill(0, HEADS, DEFLATE_WORK_BYTES);
	let at = from;
	let match = find(input, from, at, to, work);
	while (at < to) {
		enter(input, from, at, to, work);
		const next = match >> DISTANCE_BITS === MATCH_MAX ? 0 : find(input, from, at + 1, to, work);
		// A longer match that begins one byte later is better.
		if (match === 0 || next >> DISTANCE_BITS > match >> DISTANCE_BITS) {
			bit = putSymbol(work, output, bit, input[at++] as number);
			match = next;
			continue;
		}
		bit = putMatch(work, output, bit, match >> DISTANCE_BITS, match & ((1 << DISTANCE_BITS) - 1));
		const end = at + (match >> DISTANCE_BITS);
		while (++at < end) enter(input, from, at, to, work);
		match = find(input, from, at, to, work);
	}
	return putSymbol(work, output, bit, END);
}

/** Place of the bucket of the three bytes at `at`. */
function bucketOf(input: Uint8Array, at: number): number {
	const hash = (input[at] as number) * 31 + (input[at + 1] as number) * 7 + (input[at + 2] as number);
	return HEADS + (hash % BUCKETS) * 2 * WAYS;
}

/** Puts a place into its bucket, before the others; the oldest goes. */
function enter(input: Uint8Array, from: number, at: number, to: number, work: Uint8Array): void {
	if (at + MATCH_MIN > to) return;
	const bucket = bucketOf(input, at);
	work.copyWithin(bucket + 1, bucket, bucket + 2 * WAYS - 1);
	work[bucket] = at - from + 1;
	work[bucket + WAYS] = (at - from + 1) >> 8;
}

/** The longest match of what is at `at`, the nearest of equals; 0 when there is none that is worth it. */
function find(input: Uint8Array, from: number, at: number, to: number, work: Uint8Array): number {
	if (at + MATCH_MIN > to) return 0;
	const most = to - at < MATCH_MAX ? to - at : MATCH_MAX;
	const bucket = bucketOf(input, at);
	let best = MATCH_MIN - 1;
	let distance = 0;
	for (let i = bucket; i < bucket + WAYS && best < most; i++) {
		const place = (work[i] as number) | ((work[i + WAYS] as number) << 8);
		if (place === 0) break;
		const other = from + place - 1;
		if (input[other + best] !== input[at + best]) continue;
		let length = 0;
		while (length < most && input[other + length] === input[at + length]) length++;
		if (length <= best) continue;
		best = length;
		distance = at - other;
	}
	if (distance === 0 || (best === MATCH_MIN && distance > NEAR)) return 0;
	return (best << DISTANCE_BITS) | distance;
}

/** Or-s bits into zeroed bytes, low ones first; returns the bit behind them. Nothing is written over the end. */
function put(output: Uint8Array, bit: number, value: number, count: number): number {
	if (bit < 0) return bit;
	const at = bit >> 3;
	const bits = value << (bit & 7);
	output[at]! |= bits;
	if (bits > 0xff) output[at + 1]! |= bits >> 8;
	if (bits > 0xffff) output[at + 2]! |= bits >> 16;
	return bit + count;
}

function putSymbol(work: Uint8Array, output: Uint8Array, bit: number, symbol: number): number {
	if (bit >= 0) return put(output, bit, load(work, symbol), work[symbol] as number);
	store(work, symbol, load(work, symbol) + 1);
	return bit;
}

/** RFC 1951 §3.2.5: codes of lengths and distances grow in steps of powers of two. */
function putMatch(work: Uint8Array, output: Uint8Array, bit: number, length: number, distance: number): number {
	let rest = length - MATCH_MIN;
	let extra = rest < 8 ? 0 : 29 - Math.clz32(rest);
	if (length === MATCH_MAX) bit = putSymbol(work, output, bit, LITERALS_MAX - 1);
	else {
		bit = putSymbol(work, output, bit, LITERALS_MIN + 4 * extra + (rest >> extra));
		bit = put(output, bit, rest & ((1 << extra) - 1), extra);
	}
	rest = distance - 1;
	extra = rest < 4 ? 0 : 30 - Math.clz32(rest);
	bit = putSymbol(work, output, bit, DISTANCE_0 + 2 * extra + (rest >> extra));
	return put(output, bit, rest & ((1 << extra) - 1), extra);
}

/** Writes the head of a block with codes of its own, and those; returns the bit behind them. */
function putCodes(work: Uint8Array, output: Uint8Array, from: number): number {
	let literals = LITERALS_MAX;
	while (work[literals - 1] === 0) literals--;
	let distances = DISTANCES_USED;
	while (distances > 1 && work[DISTANCE_0 + distances - 1] === 0) distances--;
	putLengths(work, output, COUNTING, 0, literals);
	putLengths(work, output, COUNTING, DISTANCE_0, distances);
	scale(work, LENGTH_0, LENGTHS);
	build(work, LENGTH_0, LENGTHS);
	let lengths = LENGTHS;
	while (work[LENGTH_0 + (ORDER[lengths - 1] as number)] === 0) lengths--;
	let bit = put(output, from, 1 | (Block.dynamic << 1), 3);
	bit = put(output, bit, (literals - LITERALS_MIN) | ((distances - 1) << 5) | ((lengths - 4) << 10), 14);
	for (let i = 0; i < lengths; i++) bit = put(output, bit, work[LENGTH_0 + (ORDER[i] as number)] as number, 3);
	bit = putLengths(work, output, bit, 0, literals);
	return putLengths(work, output, bit, DISTANCE_0, distances);
}

/** Counts or writes the lengths of a code, repetitions as such. */
function putLengths(work: Uint8Array, output: Uint8Array, bit: number, first: number, count: number): number {
	const end = first + count;
	for (let at = first; at < end;) {
		const length = work[at] as number;
		let run = 1;
		while (at + run < end && work[at + run] === length) run++;
		at += run;
		if (length !== 0) {
			bit = putSymbol(work, output, bit, LENGTH_0 + length);
			run--;
		}
		const most = length !== 0 ? 6 : run > 10 ? 138 : 10;
		while (run >= 3) {
			const part = run < most ? run : most;
			const code = length !== 0 ? REPEAT : part > 10 ? MANY_ZEROS : ZEROS;
			bit = putSymbol(work, output, bit, LENGTH_0 + code);
			bit = put(output, bit, part - (part > 10 ? 11 : 3), code === REPEAT ? 2 : code === ZEROS ? 3 : 7);
			run -= part;
		}
		for (; run > 0; run--) bit = putSymbol(work, output, bit, LENGTH_0 + length);
	}
	return bit;
}

/** A number of up to 15 bits of a symbol or of a place. */
function load(work: Uint8Array, at: number): number {
	return (work[LOW + at] as number) | (((work[HIGH + at] as number) & ~FLAG) << 8);
}

function store(work: Uint8Array, at: number, value: number): void {
	work[LOW + at] = value;
	work[HIGH + at] = ((work[HIGH + at] as number) & FLAG) | (value >> 8);
}

/** Makes all that was counted small enough for codes of at most 7 bits, and zero nothing that occurs. */
function scale(work: Uint8Array, first: number, count: number): void {
	let total = 0;
	for (let at = first; at < first + count; at++) total += load(work, at);
	for (let at = first; at < first + count; at++) {
		const weight = load(work, at);
		if (weight > 0) store(work, at, Math.floor((weight * (LENGTHS_TOTAL - count)) / total) + 1);
	}
}

/**
 * Makes a Huffman code from what was counted; of 2,049 symbols or fewer no code is longer than 15 bits, because a tree
 * of depth 16 needs 2,584. In place, after Moffat and Katajainen (minimum-redundancy codes, WADS 1995).
 * @returns bits of all that was counted
 */
function build(work: Uint8Array, first: number, count: number): number {
	// By weight, rising. Of the symbol the low byte is where its length will be, the high bit is a flag of the weight.
	let used = 0;
	for (let symbol = 0; symbol < count; symbol++) {
		const weight = load(work, first + symbol);
		if (weight === 0) continue;
		let at = first + used++;
		for (; at > first && load(work, at - 1) > weight; at--) {
			work[at] = work[at - 1] as number;
			work[LOW + at] = work[LOW + at - 1] as number;
			work[HIGH + at] = work[HIGH + at - 1] as number;
		}
		work[at] = symbol;
		work[LOW + at] = weight;
		work[HIGH + at] = (weight >> 8) | (symbol > 0xff ? FLAG : 0);
	}
	const bits = used === 1 ? load(work, first) : joinAll(work, first, used);
	work.fill(0, HIGH + first + used, HIGH + first + count);
	if (used === 1) store(work, first, 1);
	else setDepths(work, first, used);
	// To each symbol the depth of its leaf: beside the flags first, because the symbols are where the lengths go.
	for (let at = first; at < first + used; at++) {
		const symbol = first + ((work[at] as number) | (((work[HIGH + at] as number) & FLAG) << 1));
		work[HIGH + symbol]! |= work[LOW + at] as number;
	}
	for (let at = first; at < first + count; at++) work[at] = (work[HIGH + at] as number) & ~FLAG;
	assign(work, first, count);
	return bits;
}

/** Joins the two lightest until one is left. What was joined becomes the place of what it was joined into. */
function joinAll(work: Uint8Array, first: number, used: number): number {
	let bits = 0;
	let leaf = first;
	let node = first;
	for (let next = first; next < first + used - 1; next++) {
		let weight = 0;
		for (let i = 0; i < 2; i++) {
			if (node < next && (leaf >= first + used || load(work, node) < load(work, leaf))) {
				weight += load(work, node);
				store(work, node++, next);
			} else weight += load(work, leaf++);
		}
		store(work, next, weight);
		bits += weight;
	}
	return bits;
}

/** Turns what joinAll has left into depths of leaves, falling. */
function setDepths(work: Uint8Array, first: number, used: number): void {
	let node = first + used - 2;
	if (node < first) return;
	store(work, node, 0);
	for (let at = node - 1; at >= first; at--) store(work, at, load(work, load(work, at)) + 1);
	let leaf = node + 1;
	let depth = 0;
	for (let open = 1; open > 0; depth++) {
		let inner = 0;
		for (; node >= first && load(work, node) === depth; node--) inner++;
		for (; open > inner; open--) store(work, leaf--, depth);
		open = 2 * inner;
	}
}

/** Codes from lengths (RFC 1951 §3.2.2), their bits turned round, because they are written top bit first. */
function assign(work: Uint8Array, first: number, count: number): void {
	let code = 0;
	for (let length = 1; length <= BITS_MAX; length++) {
		code <<= 1;
		for (let at = first; at < first + count; at++) {
			if (work[at] !== length) continue;
			let turned = 0;
			for (let i = 0; i < length; i++) turned |= ((code >> i) & 1) << (length - 1 - i);
			work[LOW + at] = turned;
			work[HIGH + at] = turned >> 8;
			code++;
		}
	}
}

function fixedLength(symbol: number): number {
	return symbol < 144 ? 8 : symbol < END ? 9 : symbol < 280 ? 7 : 8;
}

function setFixed(work: Uint8Array, distances: number): void {
	for (let symbol = 0; symbol < LITERALS; symbol++) work[symbol] = fixedLength(symbol);
	work.fill(5, DISTANCE_0, DISTANCE_0 + distances);
}

/** Bits of a block with fixed codes, without those that stand behind lengths and distances. */
function bitsOfFixed(work: Uint8Array): number {
	let bits = 3;
	for (let symbol = 0; symbol < LITERALS; symbol++) bits += load(work, symbol) * fixedLength(symbol);
	for (let at = DISTANCE_0; at < LENGTH_0; at++) bits += load(work, at) * 5;
	return bits;
}

// --- reading ---------------------------------------------------------------------------------------------------------

/** The bytes of a member, piece by piece; and bits of the last one that were not used yet. A flash has a subclass. */
export class MemberSource {
	/** The piece is bytes[at, end). */
	bytes: Uint8Array;
	at: number;
	end: number;
	hold = 0;
	held = 0;

	constructor(bytes: Uint8Array, at: number, end: number) {
		this.bytes = bytes;
		this.at = at;
		this.end = end;
	}

	/** Makes bytes[at, end) the next piece, of one byte or more; false when there is none. */
	refill(): boolean {
		return false;
	}
}

// Workspace of a reader: for each symbol the bits of its code; then the symbols of each code in the order of their
// codes, low bytes, the high bit being a flag in the same place of the lengths; then how many codes have each length,
// low bytes and high ones, for the two codes.
const SORTED = LITERALS + DISTANCES;
const COUNTS = SORTED + SORTED;
const DISTANCE_COUNTS = COUNTS + 32;

/** Bytes that inflateMember needs to work in, from the start of its workspace. */
export const INFLATE_WORK_BYTES = DISTANCE_COUNTS + 32;

/**
 * Reads a gzip member without optional fields into output[from, to). Output and workspace may be ranges of one array
 * that do not overlap.
 * @param work  INFLATE_WORK_BYTES from its start; what is in them does not matter
 * @returns length of the content, or -1: the source ends early, a rule of RFC 1951 or 1952 is broken, the content is
 * longer than there is room, or differs from its CRC or length. What is in the output then means nothing.
 */
export function inflateMember(
	source: MemberSource, output: Uint8Array, from: number, to: number, work: Uint8Array,
): number {
	source.hold = 0;
	source.held = 0;
	if (nextByte(source) !== 0x1f || nextByte(source) !== 0x8b || nextByte(source) !== 8 || nextByte(source) !== 0)
		return FAILED;
	for (let i = 4; i < HEADER_BYTES; i++) if (nextByte(source) < 0) return FAILED;
	let at = from;
	let head = 0;
	do {
		head = nextBits(source, 3);
		if (head < 0) return FAILED;
		const kind = head >> 1;
		if (kind === Block.stored) at = readStored(source, output, at, to);
		else if (kind === Block.fixed ? readFixed(work) : kind === Block.dynamic && readCodes(source, work)) {
			at = readBlock(source, output, from, at, to, work);
		} else return FAILED;
		if (at < 0) return FAILED;
	} while ((head & 1) === 0);
	const crc = crc32(output, from, at);
	for (let i = 0; i < 32; i += 8) if (nextByte(source) !== ((crc >>> i) & 0xff)) return FAILED;
	for (let i = 0; i < 32; i += 8) if (nextByte(source) !== (((at - from) >>> i) & 0xff)) return FAILED;
	return at - from;
}

function nextByte(source: MemberSource): number {
	if (source.at >= source.end && !source.refill()) return FAILED;
	return source.bytes[source.at++] as number;
}

/** The next 0 to 13 bits, low ones first. Never more than 7 are held afterwards. */
function nextBits(source: MemberSource, count: number): number {
	while (source.held < count) {
		const byte = nextByte(source);
		if (byte < 0) return FAILED;
		source.hold |= byte << source.held;
		source.held += 8;
	}
	const bits = source.hold & ((1 << count) - 1);
	source.hold >>= count;
	source.held -= count;
	return bits;
}

/** Copies a block that is not compressed; returns where the output ends, or -1. */
function readStored(source: MemberSource, output: Uint8Array, at: number, to: number): number {
	source.hold = 0;
	source.held = 0;
	const low = nextByte(source);
	const length = low | (nextByte(source) << 8);
	const inverse = nextByte(source);
	if ((inverse | (nextByte(source) << 8)) !== (length ^ 0xffff) || at + length > to) return FAILED;
	for (const end = at + length; at < end; at++) {
		const byte = nextByte(source);
		if (byte < 0) return FAILED;
		output[at] = byte;
	}
	return at;
}

function readFixed(work: Uint8Array): boolean {
	setFixed(work, DISTANCES);
	sort(work, 0, LITERALS, COUNTS);
	sort(work, DISTANCE_0, DISTANCES, DISTANCE_COUNTS);
	return true;
}

/** Reads the codes of a block (RFC 1951 §3.2.7). The code of their lengths is where the other two will be. */
function readCodes(source: MemberSource, work: Uint8Array): boolean {
	const sizes = nextBits(source, 10);
	const lengths = nextBits(source, 4) + 4;
	const literals = (sizes & 31) + LITERALS_MIN;
	const distances = (sizes >> 5) + 1;
	if (sizes < 0 || lengths < 4 || literals > LITERALS_MAX || distances > DISTANCES) return false;
	work.fill(0, 0, LENGTHS);
	for (let i = 0; i < lengths; i++) {
		const bits = nextBits(source, 3);
		if (bits < 0) return false;
		work[ORDER[i] as number] = bits;
	}
	if (!sort(work, 0, LENGTHS, COUNTS)) return false;
	work.fill(0, 0, SORTED);
	const count = literals + distances;
	for (let i = 0; i < count;) {
		let length = nextSymbol(source, work, 0, COUNTS);
		let run = 1;
		if (length < 0 || (length === REPEAT && i === 0)) return false;
		if (length >= REPEAT) {
			const more = nextBits(source, length === REPEAT ? 2 : length === ZEROS ? 3 : 7);
			if (more < 0) return false;
			run = more + (length === MANY_ZEROS ? 11 : 3);
			length = length === REPEAT ? work[i <= literals ? i - 1 : i - 1 - literals + DISTANCE_0] as number : 0;
		}
		if (i + run > count) return false;
		for (; run > 0; run--, i++) work[i < literals ? i : i - literals + DISTANCE_0] = length;
	}
	return work[END] !== 0 && sort(work, 0, LITERALS, COUNTS) && sort(work, DISTANCE_0, DISTANCES, DISTANCE_COUNTS);
}

/** Sorts symbols by code. False when they have the lengths of no code: only that of one symbol may be incomplete. */
function sort(work: Uint8Array, first: number, count: number, counts: number): boolean {
	let place = first;
	let left = 1;
	for (let length = 1; length <= BITS_MAX; length++) {
		const start = place;
		for (let symbol = 0; symbol < count; symbol++) {
			if (((work[first + symbol] as number) & ~FLAG) !== length) continue;
			work[SORTED + place] = symbol;
			if (symbol > 0xff) work[place]! |= FLAG;
			place++;
		}
		work[counts + length] = place - start;
		work[counts + 16 + length] = (place - start) >> 8;
		left = 2 * left - (place - start);
		if (left < 0) return false;
	}
	return left === 0 || place === first || (place === first + 1 && work[counts + 1] === 1);
}

/** Decodes one symbol; -1 when no code is like this, or the source has ended. */
function nextSymbol(source: MemberSource, work: Uint8Array, first: number, counts: number): number {
	let code = 0;
	let start = 0;
	let place = first;
	for (let length = 1; length <= BITS_MAX; length++) {
		if (source.held === 0) {
			const byte = nextByte(source);
			if (byte < 0) return FAILED;
			source.hold = byte;
			source.held = 8;
		}
		code |= source.hold & 1;
		source.hold >>= 1;
		source.held--;
		const count = (work[counts + length] as number) | ((work[counts + 16 + length] as number) << 8);
		if (code - start < count) {
			place += code - start;
			return (work[SORTED + place] as number) | (((work[place] as number) & FLAG) << 1);
		}
		place += count;
		start = (start + count) << 1;
		code <<= 1;
	}
	return FAILED;
}

/** Reads a block by the codes in the workspace; returns where the output ends, or -1. */
function readBlock(
	source: MemberSource, output: Uint8Array, from: number, at: number, to: number, work: Uint8Array,
): number {
	for (;;) {
		let symbol = nextSymbol(source, work, 0, COUNTS);
		if (symbol === END) return at;
		if (symbol < 0 || symbol >= LITERALS_MAX || at >= to) return FAILED;
		if (symbol < END) {
			output[at++] = symbol;
			continue;
		}
		symbol -= LITERALS_MIN;
		let extra = symbol < 8 || symbol === 28 ? 0 : (symbol >> 2) - 1;
		let more = nextBits(source, extra);
		const length = symbol === 28 ? MATCH_MAX : MATCH_MIN + more + (symbol < 8 ? symbol : (4 + (symbol & 3)) << extra);
		symbol = nextSymbol(source, work, DISTANCE_0, DISTANCE_COUNTS);
		if (more < 0 || symbol < 0) return FAILED;
		extra = symbol < 4 ? 0 : (symbol >> 1) - 1;
		more = nextBits(source, extra);
		const distance = 1 + more + (symbol < 4 ? symbol : (2 + (symbol & 1)) << extra);
		if (more < 0 || distance > at - from || at + length > to) return FAILED;
		for (const end = at + length; at < end; at++) output[at] = output[at - distance] as number;
	}
}
