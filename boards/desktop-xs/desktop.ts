// What a desktop has instead of a chip: settings from the environment, the system's resolver, a file as NOR flash.
// Owns: the descriptor of the store. The C side is desktop.c beside it.

import type { FlashPartition } from "../../modules/ports/flash.js";
import type { ResolveOptions, ResolverShape } from "../../drivers/socket-tcp.js";

/** Value of an environment variable, or `otherwise`. */
export function setting(name: string, otherwise: string): string {
	return native("desktop_setting").call(undefined, name) ?? otherwise;
}

/** Ends the process; `line` goes to stderr when it is not "". */
export function exit(code: number, line: string): void {
	native("desktop_exit").call(undefined, code, line);
}

/** One line to stdout. */
export function print(line: string): void {
	native("desktop_print").call(undefined, line);
}

/** Answers on the spot, which is an empty stack here: TcpSockets asks from a timer. */
export class DesktopResolver implements ResolverShape {
	resolve(options: ResolveOptions): void {
		const address = native("desktop_resolve").call(this, options.host);
		if (address === undefined) options.onError(options.host);
		else options.onResolved(options.host, address);
	}
}

const BLOCK_BYTES = 4096;

/** A file with the rules of NOR flash; what was written survives the end of the process, however it comes. */
export class FileFlash implements FlashPartition {
	readonly blockBytes: number;
	readonly blocks: number;
	#file: number;

	/** Opens or makes the file. Throws when it has another size: it is then not ours, and was not touched. */
	constructor(path: string, blocks: number) {
		this.blockBytes = BLOCK_BYTES;
		this.blocks = blocks;
		this.#file = native("desktop_flash_open").call(this, path, blocks * BLOCK_BYTES);
	}

	read(at: number, bytes: Uint8Array, count: number): void {
		this.#check(at, count);
		native("desktop_flash_read").call(this, this.#file, at, bytes, count);
	}

	write(at: number, bytes: Uint8Array, count: number): void {
		this.#check(at, count);
		if ((at | count) & 3) throw new RangeError("alignment");
		native("desktop_flash_write").call(this, this.#file, at, bytes, count);
	}

	eraseBlock(block: number): void {
		if (!(block >= 0 && block < this.blocks)) throw new RangeError("block");
		native("desktop_flash_erase").call(this, this.#file, block * BLOCK_BYTES, BLOCK_BYTES);
	}

	#check(at: number, count: number): void {
		if (!(at >= 0 && count >= 0 && at + count <= this.blocks * BLOCK_BYTES)) throw new RangeError("range");
	}
}
