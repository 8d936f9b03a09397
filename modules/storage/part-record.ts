// Parts of the queue as records on flash: their content in a gzip member, or as it is where that is not longer.
// Owns: the layout of such a record. Functions work on a part and a buffer for one record. Format:
// docs/flash-format.md §6.2.

import { DEFLATE_WORK_BYTES, INFLATE_WORK_BYTES, MemberSource, deflateMember, inflateMember } from "./gzip.js";
import {
	FAILED, FRAME_BYTES, FULL, KIND_PART, PART_HEAD_BYTES, marksBytes, putU32, recordBytes, u16, u32, type Ring,
} from "./log.js";
import type { Part } from "./part.js";
import { TAG_BYTES } from "./singles.js";

/** Bit of byte 1: the content is not compressed; the high half of that byte is the number of transactions. */
const RAW = 1;
const TAGS_SHIFT = 4;

/**
 * Reads the part at `at` of a block.
 * @param scratch  LIMITS.recordBytes
 * @returns false when it cannot be read, or is none
 */
export function readPart(ring: Ring, scratch: Uint8Array, part: Part, block: number, at: number): boolean {
	part.clear();
	if (!ring.recordAt(block, at) || ring.foundKind !== KIND_PART || !ring.load(block, at, scratch)) return false;
	const end = FRAME_BYTES + ring.foundBytes;
	const flags = scratch[FRAME_BYTES + 1] as number;
	part.recordBytes = recordBytes(ring.foundBytes);
	part.count = scratch[FRAME_BYTES] as number;
	part.endAt = u16(scratch, FRAME_BYTES + 2) * 4;
	part.sequence = u32(scratch, FRAME_BYTES + 4);
	part.tagCount = flags >> TAGS_SHIFT;
	let from = FRAME_BYTES + PART_HEAD_BYTES + marksBytes(part.count);
	for (let i = 0; i < part.tagCount; i++, from += TAG_BYTES) part.tags[i] = u32(scratch, from);
	if ((flags & RAW) !== 0) {
		part.end = end - from;
		for (let i = 0; i < part.end; i++) part.bytes[i] = scratch[from + i] as number;
	} else if (part.count > 0) {
		const work = new Uint8Array(INFLATE_WORK_BYTES);
		part.end = inflateMember(new MemberSource(scratch, from, end), part.bytes, 0, part.bytes.length, work);
	}
	return part.end >= 0 && part.read();
}

/**
 * Appends a part to a block.
 * @param scratch  LIMITS.recordBytes
 * @returns its place; FULL or FAILED as Ring.append(); FULL also when it does not fit a record
 */
export function writePart(ring: Ring, scratch: Uint8Array, part: Part, block: number): number {
	const tagsAt = FRAME_BYTES + PART_HEAD_BYTES + marksBytes(part.count);
	const from = tagsAt + TAG_BYTES * part.tagCount;
	let bytes = 0;
	let flags = part.tagCount << TAGS_SHIFT;
	if (part.count > 0) {
		bytes = deflateMember(part.bytes, 0, part.end, scratch, from, new Uint8Array(DEFLATE_WORK_BYTES));
		if (bytes < 0 || bytes > part.end) {
			flags |= RAW;
			bytes = part.end;
			if (from + bytes > scratch.length) return FULL;
			for (let i = 0; i < bytes; i++) scratch[from + i] = part.bytes[i] as number;
		}
	}
	scratch[FRAME_BYTES] = part.count;
	scratch[FRAME_BYTES + 1] = flags;
	scratch[FRAME_BYTES + 2] = part.endAt >> 2;
	scratch[FRAME_BYTES + 3] = part.endAt >> 10;
	putU32(scratch, FRAME_BYTES + 4, part.sequence);
	scratch.fill(0xff, FRAME_BYTES + PART_HEAD_BYTES, tagsAt);
	for (let i = 0; i < part.tagCount; i++) putU32(scratch, tagsAt + TAG_BYTES * i, part.tags[i] as number);
	const at = ring.append(scratch, from - FRAME_BYTES + bytes, KIND_PART, block);
	return at >= 0 && part.done > 0 && !ring.markPart(block, at, part.done) ? FAILED : at;
}
