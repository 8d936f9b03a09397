// NOR flash in memory, with everything that can go wrong with it: a power cut at any operation, a write that only partly
// happened, an interrupted erase, operations that fail, bits that flip at rest. Counts what it is asked.

import type { FlashPartition } from "../../modules/ports/flash.js";

/** Thrown when the power goes; whoever catches it must start the firmware anew on the same flash. */
export class PowerCut extends Error {
	constructor() {
		super("power cut");
	}
}

/** What the operation that meets the power cut leaves behind. */
export type Torn =
	/** Nothing of it. */
	| "before"
	/** All of it, but the caller never learns. */
	| "after"
	/** A write: some bytes from the front, the next one with some of its bits. An erase: some of the bits set. */
	| "prefix"
	/** Any of its bits. */
	| "bits"
	/** Any of its bits, and many of them half programmed: they read differently each time until they are written again. */
	| "weak";

export const TORN: readonly Torn[] = ["before", "after", "prefix", "bits", "weak"];

const COPIED_ONE_BY_ONE = 80;

export class FlashMemory implements FlashPartition {
	readonly bytes: Uint8Array;
	reads = 0;
	writes = 0;
	erases = 0;
	bytesRead = 0;
	bytesWritten = 0;
	/** Erases of each block. */
	readonly wear: Uint32Array;
	/** Writes and erases since the last cutAt(). */
	operations = 0;
	/** The next so many writes and erases throw and do nothing. */
	failNext = 0;
	/** Writes and erases of these blocks throw, after a write has done half its work. */
	readonly bad = new Set<number>();
	/** The next so many reads throw. */
	failReads = 0;
	/** Bits that read as they like, by place. */
	private readonly weak = new Map<number, number>();
	private cutOperation = 0;
	private torn: Torn = "before";
	private tornBytes = -1;
	private chance = 1;
	/** Place and bytes of the write, or block of the erase, that met the power cut. */
	private cutOff: { at: number; bytes?: Uint8Array } | undefined;
	/** After a cut every call throws until powerOn(). */
	private off = false;

	constructor(readonly blocks: number, readonly blockBytes = 4096, image?: Uint8Array) {
		this.bytes = image === undefined ? new Uint8Array(blocks * blockBytes).fill(0xff) : image.slice();
		this.wear = new Uint32Array(blocks);
	}

	/**
	 * The power goes at the nth write or erase from now, n from 1; 0 means never. `seed` draws what a torn one leaves.
	 * @param bytes  with "prefix": so many bytes were done, and some bits of the next one; -1 draws that too
	 */
	cutAt(n: number, torn: Torn, seed = n, bytes = -1): void {
		this.operations = 0;
		this.cutOperation = n;
		this.aim(torn, seed, bytes);
	}

	private aim(torn: Torn, seed: number, bytes: number): void {
		this.torn = torn;
		this.tornBytes = bytes;
		this.chance = (seed * 2654435761 + 97) >>> 0 || 1;
	}

	/** Bytes that the operation would have written or erased that met the power cut; 0 before one. */
	get cutBytes(): number {
		return this.cutOff === undefined ? 0 : (this.cutOff.bytes?.length ?? this.blockBytes);
	}

	/**
	 * After a cut "before": the flash as it would be had the same operation been torn so, with the power on again. What the firmware saw
	 * is the same for all of them, so one run shows every way in which an operation can be torn.
	 */
	tornCopy(torn: Torn, seed: number, bytes = -1): FlashMemory {
		const copy = this.clone();
		copy.aim(torn, seed, bytes);
		const { cutOff } = this;
		if (cutOff?.bytes !== undefined) copy.program(cutOff.at, cutOff.bytes, cutOff.bytes.length, torn);
		else if (cutOff !== undefined) copy.eraseTorn(cutOff.at, torn);
		return copy;
	}

	/** The same flash, weak bits included; neither sees what happens to the other. */
	clone(): FlashMemory {
		const copy = new FlashMemory(this.blocks, this.blockBytes, this.bytes);
		for (const [at, mask] of this.weak) copy.weak.set(at, mask);
		copy.chance = this.random();
		return copy;
	}

	/** True when the cut has happened. */
	get isOff(): boolean {
		return this.off;
	}

	powerOn(): void {
		this.off = false;
		this.cutOperation = 0;
		this.cutOff = undefined;
	}

	read(at: number, bytes: Uint8Array, count: number): void {
		if (this.off) throw new PowerCut();
		if (at < 0 || count < 0 || at + count > this.bytes.length) throw new RangeError(`flash read ${at} + ${count}`);
		if (this.failReads > 0) {
			this.failReads--;
			throw new Error("flash: read failed");
		}
		this.reads++;
		this.bytesRead += count;
		// A view of its own costs more than the bytes of a frame.
		if (count > COPIED_ONE_BY_ONE) bytes.set(this.bytes.subarray(at, at + count));
		else for (let i = 0; i < count; i++) bytes[i] = this.bytes[at + i];
		if (this.weak.size === 0) return;
		for (let i = 0; i < count; i++) {
			const mask = this.weak.get(at + i);
			if (mask !== undefined) bytes[i] = (bytes[i] & ~mask) | (this.random() & mask);
		}
	}

	write(at: number, bytes: Uint8Array, count: number): void {
		if (at < 0 || count <= 0 || at + count > this.bytes.length) throw new RangeError(`flash write ${at} + ${count}`);
		if (at % 4 !== 0 || count % 4 !== 0) throw new RangeError(`flash write is not aligned: ${at} + ${count}`);
		const cut = this.begin();
		if (cut !== undefined) {
			this.cutOff = { at, bytes: bytes.slice(0, count) };
			this.program(at, bytes, count, cut);
			throw new PowerCut();
		}
		if (this.failNext > 0) {
			this.failNext--;
			throw new Error("flash: write failed");
		}
		if (this.bad.has(Math.floor(at / this.blockBytes))) {
			this.program(at, bytes, count, "prefix");
			throw new Error("flash: bad block");
		}
		this.writes++;
		this.bytesWritten += count;
		this.program(at, bytes, count, "after");
	}

	eraseBlock(block: number): void {
		if (block < 0 || block >= this.blocks) throw new RangeError(`flash erase ${block}`);
		const cut = this.begin();
		if (cut !== undefined) {
			this.cutOff = { at: block };
			this.eraseTorn(block, cut);
			throw new PowerCut();
		}
		if (this.failNext > 0) {
			this.failNext--;
			throw new Error("flash: erase failed");
		}
		if (this.bad.has(block)) {
			this.eraseTorn(block, "bits");
			throw new Error("flash: bad block");
		}
		this.erases++;
		this.wear[block]++;
		this.eraseTorn(block, "after");
	}

	/** Inverts one bit, as a cell that has lost its charge does. */
	flip(at: number, bit: number): void {
		this.bytes[at] ^= 1 << bit;
	}

	private begin(): Torn | undefined {
		if (this.off) throw new PowerCut();
		this.operations++;
		if (this.operations !== this.cutOperation) return undefined;
		this.off = true;
		return this.torn;
	}

	private program(at: number, bytes: Uint8Array, count: number, torn: Torn): void {
		const old = torn === "weak" ? this.bytes.slice(at, at + count) : this.bytes;
		const whole = torn === "after" ? count : torn === "prefix" ? this.prefixOf(count) : 0;
		for (let i = 0; i < whole; i++) this.bytes[at + i] &= bytes[i];
		if (torn === "prefix") this.bytes[at + whole] &= bytes[whole] | (this.random() & 0xff);
		if (torn === "bits" || torn === "weak") for (let i = 0; i < count; i++) this.bytes[at + i] &= bytes[i] | (this.random() & 0xff);
		if (this.weak.size > 0) for (let i = 0; i < whole; i++) this.firm(at + i, bytes[i]);
		// Few or many, so that now and then all of them read as if the write had been completed.
		const rare = this.random() & 1 ? 0xff : 0x11;
		if (torn === "weak") for (let i = 0; i < count; i++) this.weaken(at + i, old[i] & ~bytes[i] & this.random() & rare);
	}

	/** How many bytes of an operation on `count` were done. */
	private prefixOf(count: number): number {
		return this.tornBytes >= 0 && this.tornBytes < count ? this.tornBytes : this.random() % count;
	}

	/** Bits that are written as 0 are 0 from now on. */
	private firm(at: number, byte: number): void {
		const mask = this.weak.get(at);
		if (mask === undefined) return;
		if ((mask & byte) === 0) this.weak.delete(at);
		else this.weak.set(at, mask & byte);
	}

	private weaken(at: number, mask: number): void {
		if ((mask & 0xff) !== 0) this.weak.set(at, (this.weak.get(at) ?? 0) | (mask & 0xff));
	}

	private eraseTorn(block: number, torn: Torn): void {
		const from = block * this.blockBytes;
		const to = from + this.blockBytes;
		const old = torn === "weak" ? this.bytes.slice(from, to) : this.bytes;
		if (torn === "after") {
			this.bytes.fill(0xff, from, to);
			if (this.weak.size > 0) for (let at = from; at < to; at++) this.weak.delete(at);
		}
		if (torn === "prefix") {
			// A wave of erasing that stopped somewhere.
			const end = from + this.prefixOf(this.blockBytes);
			this.bytes.fill(0xff, from, end);
			this.bytes[end] |= this.random() & 0xff;
		}
		if (torn === "bits" || torn === "weak") for (let i = from; i < to; i++) this.bytes[i] |= this.random() & 0xff;
		if (torn === "weak") for (let i = from; i < to; i++) this.weaken(i, ~old[i - from] & this.random() & 0x55);
	}

	private random(): number {
		this.chance ^= this.chance << 13;
		this.chance >>>= 0;
		this.chance ^= this.chance >>> 17;
		this.chance ^= this.chance << 5;
		this.chance >>>= 0;
		return this.chance;
	}
}
