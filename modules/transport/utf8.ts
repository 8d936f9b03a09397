// Checks UTF-8 piece by piece, so that a character may be cut by a fragment or by a read. Source: RFC 3629 §4.

/** State between two characters; a text is whole only here. */
export const UTF8_ACCEPT = 0;
/** The bytes are not UTF-8. */
export const UTF8_REJECT = 8;

// 1, 2, 3: so many free continuation bytes follow. 4 to 7: the next byte has a narrower range, which keeps out overlong
// forms (after E0, F0), surrogates (after ED) and what lies above U+10FFFF (after F4).
const AFTER_E0 = 4;
const AFTER_ED = 5;
const AFTER_F0 = 6;
const AFTER_F4 = 7;

function lead(byte: number): number {
	if (byte < 0xc2) return UTF8_REJECT;
	if (byte < 0xe0) return 1;
	if (byte < 0xf0) return byte === 0xe0 ? AFTER_E0 : byte === 0xed ? AFTER_ED : 2;
	if (byte < 0xf5) return byte === 0xf0 ? AFTER_F0 : byte === 0xf4 ? AFTER_F4 : 3;
	return UTF8_REJECT;
}

function continuation(byte: number, state: number): number {
	if ((byte & 0xc0) !== 0x80) return UTF8_REJECT;
	if (state < AFTER_E0) return state - 1;
	if (state === AFTER_E0) return byte >= 0xa0 ? 1 : UTF8_REJECT;
	if (state === AFTER_ED) return byte < 0xa0 ? 1 : UTF8_REJECT;
	if (state === AFTER_F0) return byte >= 0x90 ? 2 : UTF8_REJECT;
	return byte < 0x90 ? 2 : UTF8_REJECT;
}

/**
 * Goes over bytes[from, to) and returns the next state. Begin with UTF8_ACCEPT; UTF8_REJECT stays; any other value at
 * the end of the text means that its last character is cut.
 */
export function checkUtf8(bytes: Uint8Array, from: number, to: number, state: number): number {
	for (let i = from; i < to; i++) {
		const byte = bytes[i];
		if (state === UTF8_ACCEPT) {
			if (byte >= 0x80) state = lead(byte);
		} else state = continuation(byte, state);
		if (state === UTF8_REJECT) return UTF8_REJECT;
	}
	return state;
}
