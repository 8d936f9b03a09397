// CRC-32 as Ethernet and gzip have it (IEEE 802.3: polynomial 0xEDB88320 reflected, all ones in, all ones out).

import { freeze } from "../../preload/freeze.js";

/** Remainders of all bytes, as signed numbers: XS keeps 32-bit integers as integers only while they are signed. */
function remainders(): Int32Array {
	const table = new Int32Array(256);
	for (let byte = 0; byte < 256; byte++) {
		let rest = byte;
		for (let bit = 0; bit < 8; bit++) rest = (rest & 1) === 0 ? rest >>> 1 : (rest >>> 1) ^ 0xedb88320;
		table[byte] = rest;
	}
	return table;
}
const TABLE = freeze(remainders());

/**
 * CRC-32 of bytes[from, to) as an unsigned number. To go on over several ranges hand the last result in as `seed`.
 * crc32 of the nine characters "123456789" is 0xCBF43926.
 */
export function crc32(bytes: Uint8Array, from: number, to: number, seed = 0): number {
	let rest = ~seed;
	for (let at = from; at < to; at++) rest = TABLE[(rest ^ bytes[at]!) & 0xff]! ^ (rest >>> 8);
	return ~rest >>> 0;
}
