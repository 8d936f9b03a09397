// The store of the station: one flash partition, its first blocks for cells (settings), its last for the journal
// (security log), what lies between for the queue of events. Decides at boot whether the partition is ours and may be
// written. Format: docs/flash-format.md §1.

import { LIMITS } from "../../preload/limits.js";
import { LogCode } from "../ports/events.js";
import type { FlashPartition } from "../ports/flash.js";
import type { Log } from "../ports/log.js";
import { Area, HEADER_BYTES, Header, HeaderState, Ring, WINDOW_BYTES, makeHeader, parseHeader } from "./log.js";

/** What open() has found. In every state but ready nothing was written and nothing may be. */
export const enum StoreState {
	/** The store can be used. */
	ready = 0,
	/** It was written by a later version of this program. */
	newer = 1,
	/** No block of it is ours, but it is not blank either. format() would make a new one. */
	corrupt = 2,
	/** The flash cannot be read or written. */
	failed = 3,
	/** The partition has too few blocks, or too many or too large ones. */
	unusable = 4,
}

/** Fewest blocks of cells and of the queue, and most of each area. */
export const AREA_BLOCKS_MIN = 4;
export const AREA_BLOCKS_MAX = 255;
/** Fewest blocks of the journal: two that hold records and one to merge them into. */
export const JOURNAL_BLOCKS_MIN = 3;
/** Places of cells are kept as 16-bit numbers of words. */
const CELL_WORDS_MAX = 0x10000;

/** Blocks for cells of a partition with `blocks` blocks: a quarter, between 4 and 8. */
export function cellBlocksOf(blocks: number): number {
	const quarter = blocks >> 2;
	return quarter < AREA_BLOCKS_MIN ? AREA_BLOCKS_MIN : quarter > 8 ? 8 : quarter;
}

/** Blocks for the journal of a partition with `blocks` blocks: three, of a large one four. */
export function journalBlocksOf(blocks: number): number {
	return blocks < 32 ? JOURNAL_BLOCKS_MIN : JOURNAL_BLOCKS_MIN + 1;
}

export class Store {
	private readonly flash: FlashPartition;
	private readonly blocks: number;
	private readonly diagnostics: Log;
	private readonly window: Uint8Array;
	private readonly header: Header;
	private cellBlocks: number;
	private journalBlocks: number;
	/** Buffer for one record; whoever calls into storage/ may change it. */
	readonly scratch: Uint8Array;
	/** Only after open() has returned ready. */
	cells!: Ring;
	queue!: Ring;

	/**
	 * @param blocks      blocks of the flash that are the store's, from the first on
	 * @param cellBlocks  blocks for cells of a store that is made new; what is on flash wins
	 */
	constructor(
		flash: FlashPartition, diagnostics: Log, blocks: number = flash.blocks, cellBlocks: number = cellBlocksOf(blocks),
	) {
		this.flash = flash;
		this.blocks = blocks;
		this.diagnostics = diagnostics;
		this.cellBlocks = cellBlocks;
		this.journalBlocks = journalBlocksOf(blocks);
		this.window = new Uint8Array(WINDOW_BYTES);
		this.header = new Header();
		this.scratch = new Uint8Array(LIMITS.recordBytes);
	}

	/**
	 * Looks at the partition. A blank one is formatted; one that is ours is mounted.
	 * Cost: one read per block; the last block of each area is read whole; a blank partition is read whole.
	 */
	open(): StoreState {
		const flash = this.flash;
		if (!this.fits(this.division)) return StoreState.unusable;
		let division = 0;
		let newer = 0;
		try {
			for (let block = 0; block < this.blocks; block++) {
				flash.read(block * flash.blockBytes, this.window, HEADER_BYTES);
				const state = parseHeader(this.window, this.header);
				if (state === HeaderState.newer) newer++;
				if (state === HeaderState.valid && division === 0) division = this.header.division;
			}
			if (newer > 0) return StoreState.newer;
			if (division === 0) return this.isBlank() ? this.begin() : StoreState.corrupt;
		} catch {
			this.diagnostics.event(LogCode.flashFailed, 1, 0);
			return StoreState.failed;
		}
		if (!this.fits(division)) return StoreState.corrupt;
		this.cellBlocks = division & 0xff;
		this.journalBlocks = division >> 8;
		return this.mount();
	}

	/** Erases all and makes an empty store. Only the owner decides that. */
	format(): StoreState {
		if (!this.fits(this.division)) return StoreState.unusable;
		try {
			// The last block first: what was valid ends with the block that the first header will be in.
			for (let block = this.blocks - 1; block >= 0; block--) this.flash.eraseBlock(block);
			return this.begin();
		} catch {
			this.diagnostics.event(LogCode.flashFailed, 3, 0);
			return StoreState.failed;
		}
	}

	/** Blocks of cells, and of the journal in the high byte: what every header says. */
	private get division(): number {
		return this.cellBlocks | (this.journalBlocks << 8);
	}

	private fits(division: number): boolean {
		const blockBytes = this.flash.blockBytes;
		const cellBlocks = division & 0xff;
		const journalBlocks = division >> 8;
		const queueBlocks = this.blocks - cellBlocks - journalBlocks;
		return cellBlocks >= AREA_BLOCKS_MIN && cellBlocks <= AREA_BLOCKS_MAX && queueBlocks >= AREA_BLOCKS_MIN &&
			queueBlocks <= AREA_BLOCKS_MAX && journalBlocks >= JOURNAL_BLOCKS_MIN &&
			blockBytes >= 4096 && blockBytes <= 0x8000 && blockBytes % WINDOW_BYTES === 0 &&
			cellBlocks * blockBytes <= CELL_WORDS_MAX * 4;
	}

	/** One header on a blank partition makes it ours; every other block gets its header when it is first used. */
	private begin(): StoreState {
		this.makeFirstHeader();
		this.flash.write(0, this.window, HEADER_BYTES);
		this.flash.read(0, this.window, HEADER_BYTES);
		return parseHeader(this.window, this.header) === HeaderState.valid ? this.mount() : StoreState.failed;
	}

	private makeFirstHeader(): void {
		makeHeader(this.window, Area.cells, this.division, 1, 1);
	}

	/** All bytes 0xFF, or a first header that a power cut has left unfinished: writing it again completes it. */
	private isBlank(): boolean {
		const flash = this.flash;
		const unfinished = new Uint8Array(HEADER_BYTES);
		flash.read(0, unfinished, HEADER_BYTES);
		this.makeFirstHeader();
		for (let i = 0; i < HEADER_BYTES; i++) {
			const wanted = this.window[i] as number;
			if (((unfinished[i] as number) & wanted) !== wanted) return false;
		}
		for (let at = 0; at < this.blocks * flash.blockBytes; at += WINDOW_BYTES) {
			flash.read(at, this.window, WINDOW_BYTES);
			for (let i = at === 0 ? HEADER_BYTES : 0; i < WINDOW_BYTES; i++) if (this.window[i] !== 0xff) return false;
		}
		return true;
	}

	private mount(): StoreState {
		const queueBlocks = this.blocks - this.cellBlocks - this.journalBlocks;
		this.cells = this.ring(Area.cells, 0, this.cellBlocks, true);
		this.queue = this.ring(Area.queue, this.cellBlocks, queueBlocks, true);
		return StoreState.ready;
	}

	/**
	 * The area of the journal, mounted. Made anew at each call, because the journal is rarely asked for.
	 * @param isBoot  the first time since the power came on
	 */
	openJournal(isBoot: boolean): Ring {
		return this.ring(Area.journal, this.blocks - this.journalBlocks, this.journalBlocks, isBoot);
	}

	private ring(area: number, firstBlock: number, blocks: number, isBoot: boolean): Ring {
		const { flash, diagnostics, window, header } = this;
		const ring = new Ring(flash, diagnostics, window, header, area, firstBlock, blocks, this.division);
		ring.mount(isBoot);
		return ring;
	}
}
