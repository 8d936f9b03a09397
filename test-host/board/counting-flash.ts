// A flash partition that counts what is asked of it and can be told to fail. It lies between the firmware and the image.

import type { FlashPartition } from "../../modules/ports/flash.js";

export class CountingFlash implements FlashPartition {
	reads = 0;
	writes = 0;
	erases = 0;
	bytesWritten = 0;
	/** How many of the next writes and erases fail. */
	failNext = 0;
	/** How many more bytes it takes; then writes fail, until it is told another number. An erase brings no room. */
	freeBytes = Infinity;
	/** Milliseconds that every write and erase takes. */
	slowMs = 0;
	private readonly pause = new Int32Array(new SharedArrayBuffer(4));

	constructor(private readonly inner: FlashPartition) {}

	get blockBytes(): number {
		return this.inner.blockBytes;
	}

	get blocks(): number {
		return this.inner.blocks;
	}

	read(at: number, bytes: Uint8Array, count: number): void {
		this.reads++;
		this.inner.read(at, bytes, count);
	}

	write(at: number, bytes: Uint8Array, count: number): void {
		this.failWhenAsked();
		if (count > this.freeBytes) throw new Error("flash: no space left, as requested");
		this.freeBytes -= count;
		this.inner.write(at, bytes, count);
		this.writes++;
		this.bytesWritten += count;
	}

	eraseBlock(block: number): void {
		this.failWhenAsked();
		this.inner.eraseBlock(block);
		this.erases++;
	}

	private failWhenAsked(): void {
		if (this.slowMs > 0) Atomics.wait(this.pause, 0, 0, this.slowMs);
		if (this.failNext === 0) return;
		this.failNext--;
		throw new Error("flash: write failed on request");
	}
}
