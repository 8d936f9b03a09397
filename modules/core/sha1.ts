// SHA-1, for one purpose: the proof in Sec-WebSocket-Accept that the server read our key (RFC 6455 §1.3). It protects
// nothing. Source: FIPS 180-4 §6.1.

/** Length of a digest in bytes. */
export const SHA1_BYTES = 20;

/** Byte `index` of the padded message of `count` bytes in `blocks` blocks; the length in bits fits 32 bits. */
function paddedByte(bytes: Uint8Array, from: number, count: number, blocks: number, index: number): number {
	if (index < count) return bytes[from + index];
	if (index === count) return 0x80;
	const fromEnd = blocks * 64 - 1 - index;
	return fromEnd < 4 ? ((count * 8) >>> (fromEnd * 8)) & 0xff : 0;
}

/** Four bytes from `index` of that message, the first one above. SHA-256 pads its messages in the same way. */
export function paddedWord(bytes: Uint8Array, from: number, count: number, blocks: number, index: number): number {
	let word = 0;
	for (let i = 0; i < 4; i++) word = (word << 8) | paddedByte(bytes, from, count, blocks, index + i);
	return word;
}

function rotated(word: number, by: number): number {
	return (word << by) | (word >>> (32 - by));
}

/**
 * Writes the digest of bytes[from, to), less than 2^28 bytes, to digest[at, at + 20).
 * Cost: 16 words of garbage.
 */
export function sha1(bytes: Uint8Array, from: number, to: number, digest: Uint8Array, at: number): void {
	const count = to - from;
	const blocks = ((count + 8) >> 6) + 1;
	const w = new Int32Array(16);
	let h0 = 0x67452301;
	let h1 = 0xefcdab89 | 0;
	let h2 = 0x98badcfe | 0;
	let h3 = 0x10325476;
	let h4 = 0xc3d2e1f0 | 0;
	for (let block = 0; block < blocks; block++) {
		let a = h0;
		let b = h1;
		let c = h2;
		let d = h3;
		let e = h4;
		for (let t = 0; t < 80; t++) {
			const slot = t & 15;
			if (t < 16) w[slot] = paddedWord(bytes, from, count, blocks, block * 64 + t * 4);
			else w[slot] = rotated(w[(t + 13) & 15] ^ w[(t + 8) & 15] ^ w[(t + 2) & 15] ^ w[slot], 1);
			let mixed: number;
			if (t < 20) mixed = ((b & c) | (~b & d)) + 0x5a827999;
			else if (t < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
			else if (t < 60) mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
			else mixed = (b ^ c ^ d) + 0xca62c1d6;
			const next = (rotated(a, 5) + mixed + e + w[slot]) | 0;
			e = d;
			d = c;
			c = rotated(b, 30);
			b = a;
			a = next;
		}
		h0 = (h0 + a) | 0;
		h1 = (h1 + b) | 0;
		h2 = (h2 + c) | 0;
		h3 = (h3 + d) | 0;
		h4 = (h4 + e) | 0;
	}
	putWord(digest, at, h0);
	putWord(digest, at + 4, h1);
	putWord(digest, at + 8, h2);
	putWord(digest, at + 12, h3);
	putWord(digest, at + 16, h4);
}

function putWord(digest: Uint8Array, at: number, word: number): void {
	digest[at] = word >>> 24;
	digest[at + 1] = (word >>> 16) & 0xff;
	digest[at + 2] = (word >>> 8) & 0xff;
	digest[at + 3] = word & 0xff;
}
