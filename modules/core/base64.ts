// Base64 of bytes into a caller's buffer: the Sec-WebSocket-Key, its answer, and Basic authentication.
// Source: RFC 4648 §4, with padding.

/** Number of characters that `count` bytes become. */
export function base64Length(count: number): number {
	return Math.ceil(count / 3) * 4;
}

function character(sextet: number): number {
	if (sextet < 26) return 0x41 + sextet;
	if (sextet < 52) return 0x61 - 26 + sextet;
	if (sextet < 62) return 0x30 - 52 + sextet;
	return sextet === 62 ? 0x2b : 0x2f;
}

/**
 * Writes bytes[from, to) as base64 to out[at, …) and returns the end. `out` has room for base64Length(to - from) bytes
 * and does not overlap the input.
 */
export function encodeBase64(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
	for (let i = from; i < to; i += 3) {
		const left = to - i;
		const group = (bytes[i] << 16) | (left > 1 ? bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
		out[at++] = character(group >> 18);
		out[at++] = character((group >> 12) & 63);
		out[at++] = left > 1 ? character((group >> 6) & 63) : 0x3d;
		out[at++] = left > 2 ? character(group & 63) : 0x3d;
	}
	return at;
}
