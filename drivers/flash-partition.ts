// The flash port over the module `flash` of the SDK: a data partition on ESP32, the "storage" area on ESP8266.
// Source: modules/files/flash/flash.js of the SDK: erase(sector), read(offset, bytes), write(offset, bytes, buffer),
// byteLength, blockSize. Both chips write by clearing bits; ESP8266 wants 4-byte alignment, which the port promises.

import type { FlashPartition } from "../modules/ports/flash.js";

export interface FlashShape {
	readonly byteLength: number;
	readonly blockSize: number;
	erase(sector: number): void;
	// eslint-disable-next-line @typescript-eslint/no-explicit-any
	read(offset: number, byteLength: number): any;
	// eslint-disable-next-line @typescript-eslint/no-explicit-any
	write(offset: number, byteLength: number, buffer: any): void;
}

export interface PartitionOptions {
	/** The Flash constructor. */
	io: new (partition: string) => FlashShape;
	/** Label of the partition: a line of partitions.csv on ESP32, "storage" on ESP8266. */
	partition: string;
	/** Blocks of it that are used. Default: all; the area of an ESP8266 is far larger than a log needs. */
	blocks?: number;
}

export class Partition implements FlashPartition {
	readonly blockBytes: number;
	readonly blocks: number;
	#flash: FlashShape;

	/** Throws when the partition does not exist, or is smaller than `blocks`. */
	constructor(options: PartitionOptions) {
		if (!options.io || !options.partition) throw new RangeError("io and partition are required");
		const flash = new options.io(options.partition);
		const there = Math.floor(flash.byteLength / flash.blockSize);
		const blocks = options.blocks ?? there;
		if (!(blocks >= 2 && blocks <= there)) throw new RangeError("blocks");
		this.#flash = flash;
		this.blockBytes = flash.blockSize;
		this.blocks = blocks;
	}

	read(at: number, bytes: Uint8Array, count: number): void {
		this.#check(at, bytes, count);
		if (count === 0) return;
		const source = new Uint8Array(this.#flash.read(at, count));
		for (let i = 0; i < count; i++) bytes[i] = source[i];
	}

	write(at: number, bytes: Uint8Array, count: number): void {
		this.#check(at, bytes, count);
		if ((at | count) & 3) throw new RangeError("alignment");
		if (count > 0) this.#flash.write(at, count, bytes);
	}

	eraseBlock(block: number): void {
		if (!(block >= 0 && block < this.blocks)) throw new RangeError("block");
		this.#flash.erase(block);
	}

	// The native module checks against the whole area only, and not at all on ESP32.
	#check(at: number, bytes: Uint8Array, count: number): void {
		if (!(at >= 0 && count >= 0 && at + count <= this.blocks * this.blockBytes)) throw new RangeError("range");
		if (count > bytes.length) throw new RangeError("count");
	}
}
