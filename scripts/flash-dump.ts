// npm run flash-dump: the queue of transaction events in a store of the desktop station, or in an image read from the flash of a
// board, as JSON lines: one event a line, oldest first, as it will be sent or was sent, and where it lies. Nothing else of the flash is
// shown: settings and keys stay where they are. It works on a copy, so the file is not changed; what boot would mend is mended there.

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import "../test-host/board/xs-globals.js";
import { Outbox } from "../modules/storage/outbox.js";
import { Store, StoreState } from "../modules/storage/store.js";
import { vaultBlocksOf } from "../modules/storage/vault.js";
import { LogCode } from "../modules/ports/events.js";
import { FlashMemory } from "../test-host/board/flash-memory.js";
import { FLASH_FILE } from "../test-host/station/assemble.js";

const USAGE = "usage: npm run flash-dump -- <image, or folder of a store> [--offset <bytes>] [--size <bytes>] [--block <bytes>]";

/** What is wrong with an image, in one line for a person. */
export class DumpProblem extends Error {}

export interface DumpedEvent {
	/** Byte offset of the record in the image; of an event in a part its number there, else null. */
	at: number;
	part: number | null;
	/** It was answered, or given up. */
	acknowledged: boolean;
	event: object;
}

export interface Dump {
	events: DumpedEvent[];
	waiting: number;
	/** Flash bytes of what waits. */
	bytes: number;
	/** Records that were damaged: mended where one bit was wrong, else left out. */
	mended: number;
	damaged: number;
}

/**
 * Reads the queue of an image.
 * @param blockBytes  bytes of an erase block
 * @throws DumpProblem when it is no store of this version
 */
export function dump(image: Uint8Array, blockBytes = 4096): Dump {
	if (image.length === 0 || image.length % blockBytes !== 0) throw new DumpProblem(`${image.length} bytes are no whole number of blocks of ${blockBytes}`);
	const found: Dump = { events: [], waiting: 0, bytes: 0, mended: 0, damaged: 0 };
	const log = {
		event: (code: number, _block: number, isMended: number): void => {
			if (code !== LogCode.recordDamaged) return;
			if (isMended) found.mended++;
			else found.damaged++;
		},
	};
	const flash = new FlashMemory(image.length / blockBytes, blockBytes, image);
	const blocks = flash.blocks - vaultBlocksOf(flash.blocks);
	const store = new Store(flash, log, blocks);
	// A blank image would be made a store; here it is none.
	const state = image.every((byte) => byte === 0xff) ? StoreState.corrupt : store.open();
	if (state === StoreState.newer) throw new DumpProblem("written by a later version of this program");
	if (state === StoreState.unusable) throw new DumpProblem(`${flash.blocks} blocks of ${blockBytes} bytes are no store`);
	if (state !== StoreState.ready) throw new DumpProblem("no store: no block of it has a header of ours");
	const outbox = new Outbox(store.queue, store.scratch, log);
	outbox.iterate((event, acknowledged, block, at, number) => {
		found.events.push({ at: (store.queue.firstBlock + block) * blockBytes + at, part: number < 0 ? null : number, acknowledged, event });
	});
	found.waiting = outbox.count;
	found.bytes = outbox.bytesUsed;
	return found;
}

interface Options {
	file: string;
	offset: number;
	size: number;
	block: number;
}

function optionsOf(argv: readonly string[]): Options | undefined {
	const options: Options = { file: "", offset: 0, size: Infinity, block: 4096 };
	for (let i = 0; i < argv.length; i++) {
		const name = { "--offset": "offset", "--size": "size", "--block": "block" }[argv[i]] as "offset" | "size" | "block" | undefined;
		if (name !== undefined) {
			options[name] = Number(argv[++i]);
			if (!Number.isInteger(options[name]) || options[name] < (name === "offset" ? 0 : 1)) return undefined;
		} else if (options.file === "" && !argv[i].startsWith("-")) options.file = argv[i];
		else return undefined;
	}
	return options.file === "" ? undefined : options;
}

function main(argv: readonly string[]): number {
	const options = optionsOf(argv);
	if (options === undefined) {
		process.stderr.write(`${USAGE}\n`);
		return 2;
	}
	try {
		const path = statSync(options.file).isDirectory() ? join(options.file, FLASH_FILE) : options.file;
		const image = new Uint8Array(readFileSync(path)).subarray(options.offset);
		const { events, waiting, bytes, mended, damaged } = dump(image.slice(0, Math.min(options.size, image.length)), options.block);
		for (const { at, part, acknowledged, event } of events) process.stdout.write(`${JSON.stringify({ at: at + options.offset, part, acknowledged, event })}\n`);
		process.stderr.write(`${events.length} events, ${waiting} of them wait and take ${bytes} bytes; ${mended} records mended, ${damaged} damaged\n`);
		return 0;
	} catch (error) {
		process.stderr.write(`flash-dump: ${options.file}: ${(error as Error).message}\n`);
		return 1;
	}
}

if (require.main === module) process.exitCode = main(process.argv.slice(2));
