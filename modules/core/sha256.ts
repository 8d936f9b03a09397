// SHA-256 for the hash data of certificates (OCPP CertificateHashDataType): a few hundred bytes, now and then, so that
// no engine needs a native part for it. Long inputs and all signatures go through ports/crypto.ts.
// Source: FIPS 180-4 §6.2.

import { freeze } from "../../preload/freeze.js";
import { paddedWord } from "./sha1.js";

/** Length of a digest in bytes. */
export const SHA256_BYTES = 32;

const K = freeze(
	Int32Array.of(
		0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
		0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
		0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
		0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
		0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
		0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
		0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
		0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
	),
);
const START = freeze(
	Int32Array.of(
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	),
);

function rotated(word: number, by: number): number {
	return (word >>> by) | (word << (32 - by));
}

/**
 * Writes the digest of bytes[from, to), less than 2^28 bytes, to digest[at, at + 32); the ranges may overlap.
 * Cost: 24 words of garbage.
 */
export function sha256(bytes: Uint8Array, from: number, to: number, digest: Uint8Array, at: number): void {
	const count = to - from;
	const blocks = ((count + 8) >> 6) + 1;
	const w = new Int32Array(24);
	for (let i = 0; i < 8; i++) w[16 + i] = START[i];
	for (let block = 0; block < blocks; block++) {
		for (let t = 0; t < 16; t++) w[t] = paddedWord(bytes, from, count, blocks, block * 64 + t * 4);
		compress(w);
	}
	for (let i = 0; i < 8; i++) {
		const word = w[16 + i];
		digest[at + i * 4] = word >>> 24;
		digest[at + i * 4 + 1] = (word >>> 16) & 0xff;
		digest[at + i * 4 + 2] = (word >>> 8) & 0xff;
		digest[at + i * 4 + 3] = word & 0xff;
	}
}

/** One block: the message is in w[0, 16), the state in w[16, 24). */
function compress(w: Int32Array): void {
	let a = w[16];
	let b = w[17];
	let c = w[18];
	let d = w[19];
	let e = w[20];
	let f = w[21];
	let g = w[22];
	let h = w[23];
	for (let t = 0; t < 64; t++) {
		const slot = t & 15;
		if (t >= 16) {
			const w15 = w[(t + 1) & 15];
			const w2 = w[(t + 14) & 15];
			const s0 = rotated(w15, 7) ^ rotated(w15, 18) ^ (w15 >>> 3);
			const s1 = rotated(w2, 17) ^ rotated(w2, 19) ^ (w2 >>> 10);
			w[slot] = (w[slot] + s0 + w[(t + 9) & 15] + s1) | 0;
		}
		const sum1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
		const first = (h + sum1 + ((e & f) ^ (~e & g)) + K[t] + w[slot]) | 0;
		const sum0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
		const second = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
		h = g;
		g = f;
		f = e;
		e = (d + first) | 0;
		d = c;
		c = b;
		b = a;
		a = (first + second) | 0;
	}
	w[16] = (w[16] + a) | 0;
	w[17] = (w[17] + b) | 0;
	w[18] = (w[18] + c) | 0;
	w[19] = (w[19] + d) | 0;
	w[20] = (w[20] + e) | 0;
	w[21] = (w[21] + f) | 0;
	w[22] = (w[22] + g) | 0;
	w[23] = (w[23] + h) | 0;
}
