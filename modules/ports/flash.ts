// A flash partition with the rules of NOR flash, in the shape of ECMA-419 §28: writes only clear bits, an erase sets a
// whole block to 0xFF. Only storage/ calls it.

export interface FlashPartition {
	/** Bytes of an erase block; 4096 on ESP32 and ESP8266. */
	readonly blockBytes: number;
	/** Number of erase blocks. */
	readonly blocks: number;
	/** Reads `count` bytes at byte offset `at` into bytes[0, count). Throws when the hardware fails. */
	read(at: number, bytes: Uint8Array, count: number): void;
	/**
	 * Clears bits: flash[at + i] &= bytes[i] for i in [0, count). When it returns, the bytes survive a power cut. A cut
	 * in the middle leaves any prefix written. `at` and `count` are multiples of 4. Throws when the hardware fails.
	 */
	write(at: number, bytes: Uint8Array, count: number): void;
	/** Sets block `block` to 0xFF. A cut in the middle leaves it undefined. Throws when the hardware fails. */
	eraseBlock(block: number): void;
}
