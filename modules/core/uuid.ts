// Version 4 UUIDs (RFC 9562 §5.4), the form of transaction ids (E01.FR.08).

import type { Entropy } from "../ports/entropy.js";

const DIGITS = "0123456789abcdef";

/** 36 characters from 122 random bits. */
export function uuid(entropy: Entropy): string {
	const bytes = new Uint8Array(16);
	entropy.fill(bytes, 0, 16);
	bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
	bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
	let text = "";
	for (let i = 0; i < 16; i++) {
		if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
		const byte = bytes[i] as number;
		text += DIGITS.charAt(byte >> 4) + DIGITS.charAt(byte & 15);
	}
	return text;
}
