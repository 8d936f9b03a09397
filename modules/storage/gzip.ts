// Members of gzip (RFC 1952) in buffers of the caller: what parts of the queue are sealed into, and read from again.
// Owns nothing: functions work on what they are handed and allocate nothing. A member is one block of DEFLATE
// (RFC 1951), so any gunzip reads it. Chosen by measurement on packed events: Huffman codes made for each member,
// matches from four places for each of 32 hashes, and one look ahead (docs/decisions/0016-gzip-of-our-own.md).

import { freeze } from "../../preload/freeze.js";
import { crc32 } from "../core/crc.js";

/** Longest content of a member, in bytes. */
export const MEMBER_BYTES_MAX = 2048;

/** Numbers that are used here are members of const enums, which take no memory. */
const enum Result {
	failed = -1,
	/** In the place of a bit position: codes are counted, not written. */
	counting = -1,
}

/** A member (RFC 1952 §2.3): the first bytes of its header, header and trailer around one or more blocks. */
const enum Frame { magic = 0x00088b1f, header = 10, trailer = 8, osUnknown = 255 }

/** Kinds of blocks (RFC 1951 §3.2.3). */
const enum Block { stored = 0, fixed = 1, dynamic = 2 }

/** Symbols of the codes, one code after the other: literals and lengths of matches, distances, lengths of codes. */
const enum Code {
	end = 256,
	/** The fixed codes have two literals and two distances that never occur. */
	literals = 288,
	literalsMin = 257,
	literalsMax = 286,
	distance0 = literals,
	distances = 32,
	distancesMax = 30,
	/** Distances of up to 2,048. */
	distancesUsed = 22,
	length0 = distance0 + distancesUsed,
	lengths = 19,
	/** Lengths that repeat: the last one 3 to 6 times, zero 3 to 10 and 11 to 138 times. */
	repeat = 16,
	zeros = 17,
	manyZeros = 18,
	bitsMax = 15,
	/** With fewer than 55 in all no code is longer than 7 bits: Fibonacci's numbers bound the depth of a tree. */
	lengthsTotal = 54,
}

/** In what order the lengths of the codes of lengths come (RFC 1951 §3.2.7). */
const ORDER = freeze(Uint8Array.of(16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15));

const enum Match {
	min = 3,
	/** Of 258, which has a symbol of its own. */
	max = 257,
	/** A match of three bytes from further away takes more bits than the bytes. */
	near = 128,
	/** A match as a number: its length above so many bits of its distance. */
	distanceBits = 12,
	distanceMask = 4095,
	buckets = 32,
	ways = 4,
	/** Symbols of lengths come in steps of four per power of two, those of distances of two (RFC 1951 §3.2.5). */
	lengthStep = 2,
	distanceStep = 1,
}

/**
 * Workspace of a writer: for each symbol the bits of its code, then two bytes: how often it occurs, later its code;
 * then the buckets of places, each of four low bytes and four high ones.
 */
const enum Write {
	low = Code.length0 + Code.lengths,
	high = low + low,
	heads = high + low,
	end = heads + 2 * Match.buckets * Match.ways,
}

/** Top bit of a byte of which the rest holds a number of up to 15 bits with the byte below. */
const enum Flag { top = 0x80, rest = 0x7f }

/** Bytes that deflateMember needs to work in, from the start of its workspace. */
export const DEFLATE_WORK_BYTES = Write.end as number;

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
	const start = at + Frame.header;
	if (!(to >= from && to - from <= MEMBER_BYTES_MAX && start + Frame.trailer <= output.length)) return Result.failed;
	work.fill(0, 0, Write.heads);
	walk(input, from, to, output, Result.counting, work);
	setFixed(work);
	let fixedBits = 3;
	for (let symbol = 0; symbol < Code.length0; symbol++) fixedBits += load(work, symbol) * (work[symbol] as number);
	output.fill(0, at);
	const bits = build(work, 0, Code.literals) + build(work, Code.distance0, Code.distancesUsed);
	let bit = putCodes(work, output, start * 8);
	if (bit - start * 8 + bits >= fixedBits) {
		output.fill(0, at);
		setFixed(work);
		assign(work, 0, Code.literals);
		assign(work, Code.distance0, Code.distancesUsed);
		bit = put(output, start * 8, 1 | (Block.fixed << 1), 3);
	}
	bit = walk(input, from, to, output, bit, work);
	const end = (bit + 7) >> 3;
	if (end + Frame.trailer > output.length) return Result.failed;
	output[at + Frame.header - 1] = Frame.osUnknown;
	const crc = crc32(input, from, to);
	for (let i = 0; i < 4; i++) {
		output[at + i] = Frame.magic >> (8 * i);
		output[end + i] = crc >>> (8 * i);
		output[end + 4 + i] = (to - from) >> (8 * i);
	}
	return end + Frame.trailer - at;
}

/** Goes through the input and counts or writes the symbols of literals and matches; returns the bit behind them. */
function walk(input: Uint8Array, from: number, to: number, output: Uint8Array, bit: number, work: Uint8Array): number {
	work.fill(0, Write.heads, Write.end);
	let at = from;
	let match = look(input, from, at, to, work);
	while (at < to) {
		const next = look(input, from, at + 1, to, work);
		const length = match >> Match.distanceBits;
		// A longer match that begins one byte later is better.
		if (length === 0 || next >> Match.distanceBits > length) {
			bit = putSymbol(work, output, bit, input[at++] as number);
			match = next;
			continue;
		}
		bit = putNumber(work, output, bit, Code.literalsMin, length - Match.min, Match.lengthStep);
		bit = putNumber(work, output, bit, Code.distance0, (match & Match.distanceMask) - 1, Match.distanceStep);
		at += length;
		match = look(input, from, at, to, work);
	}
	return putSymbol(work, output, bit, Code.end);
}

/**
 * The longest match of what is at `at`, the nearest of equals; 0 when there is none that is worth it. The place is put
 * into its bucket, before the others; the oldest goes.
 */
function look(input: Uint8Array, from: number, at: number, to: number, work: Uint8Array): number {
	if (at + Match.min > to) return 0;
	const most = to - at < Match.max ? to - at : Match.max;
	const hash = (input[at] as number) * 31 + (input[at + 1] as number) * 7 + (input[at + 2] as number);
	const bucket = Write.heads + (hash % Match.buckets) * 2 * Match.ways;
	let best = Match.min - 1;
	let distance = 0;
	for (let i = bucket; i < bucket + Match.ways && best < most; i++) {
		const place = (work[i] as number) | ((work[i + Match.ways] as number) << 8);
		if (place === 0) break;
		const other = from + place - 1;
		if (input[other + best] !== input[at + best]) continue;
		let length = 0;
		while (length < most && input[other + length] === input[at + length]) length++;
		if (length <= best) continue;
		best = length;
		distance = at - other;
	}
	work.copyWithin(bucket + 1, bucket, bucket + 2 * Match.ways - 1);
	work[bucket] = at - from + 1;
	work[bucket + Match.ways] = (at - from + 1) >> 8;
	if (distance === 0 || (best === Match.min && distance > Match.near)) return 0;
	return (best << Match.distanceBits) | distance;
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

/** Writes a length or distance, from 0, as the symbol of its top bits behind `first`, and the other bits. */
function putNumber(
	work: Uint8Array, output: Uint8Array, bit: number, first: number, value: number, step: number,
): number {
	let rest = 31 - step - Math.clz32(value);
	if (rest < 0) rest = 0;
	bit = putSymbol(work, output, bit, first + (rest << step) + (value >> rest));
	return put(output, bit, value & ((1 << rest) - 1), rest);
}

/** Writes the head of a block with codes of its own, and those; returns the bit behind them. */
function putCodes(work: Uint8Array, output: Uint8Array, from: number): number {
	let literals = Code.literalsMax as number;
	while (work[literals - 1] === 0) literals--;
	let distances = Code.distancesUsed as number;
	while (distances > 1 && work[Code.distance0 + distances - 1] === 0) distances--;
	putLengths(work, output, Result.counting, 0, literals);
	putLengths(work, output, Result.counting, Code.distance0, distances);
	// All is made small enough for codes of at most 7 bits, and zero nothing that occurs.
	let total = 0;
	for (let at = Code.length0 as number; at < Write.low; at++) total += load(work, at);
	for (let at = Code.length0 as number; at < Write.low; at++) {
		const weight = load(work, at) * (Code.lengthsTotal - Code.lengths);
		if (weight > 0) store(work, at, Math.floor(weight / total) + 1);
	}
	build(work, Code.length0, Code.lengths);
	let lengths = Code.lengths as number;
	while (work[Code.length0 + (ORDER[lengths - 1] as number)] === 0) lengths--;
	let bit = put(output, from, 1 | (Block.dynamic << 1), 3);
	bit = put(output, bit, (literals - Code.literalsMin) | ((distances - 1) << 5) | ((lengths - 4) << 10), 14);
	for (let i = 0; i < lengths; i++) bit = put(output, bit, work[Code.length0 + (ORDER[i] as number)] as number, 3);
	bit = putLengths(work, output, bit, 0, literals);
	return putLengths(work, output, bit, Code.distance0, distances);
}

/** Counts or writes the lengths of a code, repetitions as such. */
function putLengths(work: Uint8Array, output: Uint8Array, bit: number, at: number, count: number): number {
	for (const end = at + count; at < end;) {
		const length = work[at] as number;
		let run = 1;
		while (at + run < end && work[at + run] === length) run++;
		at += run;
		// A length that is not zero stands once in front of its repetitions.
		for (let isFirst = length !== 0; run > 0; isFirst = false) {
			if (isFirst || run < 3) {
				bit = putSymbol(work, output, bit, Code.length0 + length);
				run--;
				continue;
			}
			const most = length === 0 ? 138 : 6;
			const part = run < most ? run : most;
			const code = length !== 0 ? Code.repeat : part > 10 ? Code.manyZeros : Code.zeros;
			bit = putSymbol(work, output, bit, Code.length0 + code);
			bit = put(output, bit, part - (part > 10 ? 11 : 3), length !== 0 ? 2 : part > 10 ? 7 : 3);
			run -= part;
		}
	}
	return bit;
}

/** A number of up to 15 bits of a symbol or of a place. */
function load(work: Uint8Array, at: number): number {
	return (work[Write.low + at] as number) | (((work[Write.high + at] as number) & Flag.rest) << 8);
}

function store(work: Uint8Array, at: number, value: number): void {
	work[Write.low + at] = value;
	work[Write.high + at] = ((work[Write.high + at] as number) & Flag.top) | (value >> 8);
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
			work[Write.low + at] = work[Write.low + at - 1] as number;
			work[Write.high + at] = work[Write.high + at - 1] as number;
		}
		work[at] = symbol;
		work[Write.low + at] = weight;
		work[Write.high + at] = (weight >> 8) | (symbol > 0xff ? Flag.top : 0);
	}
	const bits = used === 1 ? load(work, first) : joinAll(work, first, used);
	work.fill(0, Write.high + first + used, Write.high + first + count);
	if (used === 1) store(work, first, 1);
	else setDepths(work, first, used);
	// To each symbol the depth of its leaf: beside the flags first, because the symbols are where the lengths go.
	for (let at = first; at < first + used; at++) {
		const symbol = first + ((work[at] as number) | (((work[Write.high + at] as number) & Flag.top) << 1));
		work[Write.high + symbol]! |= work[Write.low + at] as number;
	}
	for (let at = first; at < first + count; at++) work[at] = (work[Write.high + at] as number) & Flag.rest;
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
	for (let length = 1; length <= Code.bitsMax; length++) {
		code <<= 1;
		for (let at = first; at < first + count; at++) {
			if (work[at] !== length) continue;
			let turned = 0;
			for (let i = 0; i < length; i++) turned |= ((code >> i) & 1) << (length - 1 - i);
			work[Write.low + at] = turned;
			work[Write.high + at] = turned >> 8;
			code++;
		}
	}
}

/** Lengths of the fixed codes (RFC 1951 §3.2.6). */
function setFixed(work: Uint8Array): void {
	work.fill(8, 0, Code.literals);
	work.fill(9, 144, Code.end);
	work.fill(7, Code.end, 280);
	work.fill(5, Code.distance0, Code.distance0 + Code.distances);
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

/**
 * Workspace of a reader: for each symbol the bits of its code; then the symbols of each code in the order of their
 * codes, low bytes, the high bit being a flag in the same place of the lengths; then how many codes have each length,
 * low bytes and high ones, for the two codes.
 */
const enum Read {
	sorted = Code.literals + Code.distances,
	counts = sorted + sorted,
	distanceCounts = counts + 32,
	end = distanceCounts + 32,
}

/** Bytes that inflateMember needs to work in, from the start of its workspace. */
export const INFLATE_WORK_BYTES = Read.end as number;

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
	for (let i = 0; i < Frame.header; i++) {
		const byte = nextBits(source, 8);
		if (byte < 0 || (i < 4 && byte !== ((Frame.magic >> (8 * i)) & 0xff))) return Result.failed;
	}
	let at = from;
	let head = 0;
	do {
		head = nextBits(source, 3);
		const kind = head >> 1;
		if (kind === Block.stored) at = readStored(source, output, at, to);
		else if ((kind === Block.fixed || kind === Block.dynamic) && readCodes(source, work, kind))
			at = readBlock(source, output, from, at, to, work);
		else at = Result.failed;
		if (at < 0) return at;
	} while ((head & 1) === 0);
	source.held = 0;
	const crc = crc32(output, from, at);
	for (let i = 0; i < 64; i += 8) {
		const value = i < 32 ? crc >>> i : (at - from) >> (i - 32);
		if (nextBits(source, 8) !== (value & 0xff)) return Result.failed;
	}
	return at - from;
}

/** The next 0 to 16 bits, low ones first; -1 when the source has ended. Never more than 7 are held afterwards. */
function nextBits(source: MemberSource, count: number): number {
	let bits = source.held === 0 ? 0 : source.hold;
	while (source.held < count) {
		if (source.at >= source.end && !source.refill()) return Result.failed;
		bits |= (source.bytes[source.at++] as number) << source.held;
		source.held += 8;
	}
	source.held -= count;
	source.hold = bits >> count;
	return bits & ((1 << count) - 1);
}

/** Copies a block that is not compressed; returns where the output ends, or -1. */
function readStored(source: MemberSource, output: Uint8Array, at: number, to: number): number {
	source.held = 0;
	const length = nextBits(source, 16);
	if (nextBits(source, 16) !== (length ^ 0xffff) || at + length > to) return Result.failed;
	for (const end = at + length; at < end; at++) {
		const byte = nextBits(source, 8);
		if (byte < 0) return byte;
		output[at] = byte;
	}
	return at;
}

/** Reads the codes of a block (RFC 1951 §3.2.7). The code of their lengths is where the other two will be. */
function readCodes(source: MemberSource, work: Uint8Array, kind: number): boolean {
	if (kind === Block.fixed) setFixed(work);
	else {
		const sizes = nextBits(source, 14);
		const lengths = (sizes >> 10) + 4;
		const literals = (sizes & 31) + Code.literalsMin;
		const count = literals + ((sizes >> 5) & 31) + 1;
		if (sizes < 0 || literals > Code.literalsMax || count - literals > Code.distancesMax) return false;
		work.fill(0, 0, Code.lengths);
		for (let i = 0; i < lengths; i++) work[ORDER[i] as number] = nextBits(source, 3);
		if (!sort(work, 0, Code.lengths, Read.counts)) return false;
		work.fill(0, 0, Read.sorted);
		let length = 0;
		for (let i = 0; i < count;) {
			const code = nextSymbol(source, work, 0, Read.counts);
			if (code < 0 || (code === Code.repeat && i === 0)) return false;
			let run = 1;
			if (code < Code.repeat) length = code;
			else {
				run = 3 + nextBits(source, code === Code.repeat ? 2 : code === Code.zeros ? 3 : 7);
				if (code === Code.manyZeros) run += 8;
				if (code !== Code.repeat) length = 0;
			}
			if (i + run > count) return false;
			for (; run > 0; run--, i++) work[i < literals ? i : i - literals + Code.distance0] = length;
		}
	}
	return work[Code.end] !== 0 && sort(work, 0, Code.literals, Read.counts) &&
		sort(work, Code.distance0, Code.distances, Read.distanceCounts);
}

/** Sorts symbols by code. False when they have the lengths of no code: only that of one symbol may be incomplete. */
function sort(work: Uint8Array, first: number, count: number, counts: number): boolean {
	let place = first;
	let left = 1;
	for (let length = 1; length <= Code.bitsMax; length++) {
		const start = place;
		for (let symbol = 0; symbol < count; symbol++) {
			if (((work[first + symbol] as number) & Flag.rest) !== length) continue;
			work[Read.sorted + place] = symbol;
			if (symbol > 0xff) work[place]! |= Flag.top;
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
	for (let length = 1; length <= Code.bitsMax; length++) {
		let bit = source.hold & 1;
		if (source.held === 0) {
			bit = nextBits(source, 1);
			if (bit < 0) return bit;
		} else {
			source.hold >>= 1;
			source.held--;
		}
		code |= bit;
		const count = (work[counts + length] as number) | ((work[counts + 16 + length] as number) << 8);
		if (code - start < count) {
			place += code - start;
			return (work[Read.sorted + place] as number) | (((work[place] as number) & Flag.top) << 1);
		}
		place += count;
		start = (start + count) << 1;
		code <<= 1;
	}
	return Result.failed;
}

/** A length or distance from its symbol and the bits behind it; below 0 when the source has ended. */
function nextNumber(source: MemberSource, symbol: number, step: number): number {
	const rest = (symbol >> step) - 1;
	if (rest < 1) return symbol;
	const bits = nextBits(source, rest);
	return bits < 0 ? bits : (((1 << step) + (symbol & ((1 << step) - 1))) << rest) + bits;
}

/** Reads a block by the codes in the workspace; returns where the output ends, or -1. */
function readBlock(
	source: MemberSource, output: Uint8Array, from: number, at: number, to: number, work: Uint8Array,
): number {
	for (;;) {
		const symbol = nextSymbol(source, work, 0, Read.counts);
		if (symbol === Code.end) return at;
		if (symbol < 0 || symbol >= Code.literalsMax || at >= to) return Result.failed;
		if (symbol < Code.end) {
			output[at++] = symbol;
			continue;
		}
		const isLongest = symbol === Code.literalsMax - 1;
		const length = isLongest ? 255 : nextNumber(source, symbol - Code.literalsMin, Match.lengthStep);
		const code = nextSymbol(source, work, Code.distance0, Read.distanceCounts);
		if (length < 0 || code < 0 || code >= Code.distancesMax) return Result.failed;
		const back = nextNumber(source, code, Match.distanceStep) + 1;
		const end = at + length + Match.min;
		if (back < 1 || back > at - from || end > to) return Result.failed;
		while (at < end) {
			output[at] = output[at - back] as number;
			at++;
		}
	}
}
