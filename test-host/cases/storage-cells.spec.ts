// Settings on flash: latest wins, compaction, every power cut, failing and flipping flash.

import "../board/xs-globals.js";
import { LogCode } from "../../modules/ports/events.js";
import { CELLS_MAX, Cell } from "../../modules/storage/cell-ids.js";
import { CELL_BYTES_MAX } from "../../modules/storage/cells.js";
import { FlashMemory } from "../board/flash-memory.js";
import { bootCells as boot, CELL_CASES } from "../cuts/cells.js";
import { drawText, LogList } from "../cuts/kit.js";
import { SHORT, sweep } from "../cuts/sweep.js";
import { Dice } from "../sim/dice.js";

const BLOCKS = 11;

describe("storage cells", () => {
	it("a blank partition is formatted and has no values", () => {
		const flash = new FlashMemory(BLOCKS);
		const cells = boot(flash);
		expect(cells.get(Cell.bootCount)).toBeUndefined();
		expect(cells.getNumber(Cell.bootCount, 7)).toBe(7);
		expect(flash.bytesWritten).toBeLessThan(64);
		expect(flash.erases).toBe(0);
	});

	it("a value is there after a reboot, the latest one wins, an erased one is gone", () => {
		const flash = new FlashMemory(BLOCKS);
		let cells = boot(flash);
		expect(cells.set(Cell.password, "first")).toBeTrue();
		expect(cells.set(Cell.password, "zweites Ä €")).toBeTrue();
		expect(cells.set(Cell.networkProfile, "")).toBeTrue();
		expect(cells.setNumber(Cell.bootCount, 41)).toBeTrue();
		expect(cells.erase(Cell.bootCount)).toBeTrue();
		cells = boot(flash);
		expect(cells.get(Cell.password)).toBe("zweites Ä €");
		expect(cells.get(Cell.networkProfile)).toBe("");
		expect(cells.get(Cell.bootCount)).toBeUndefined();
		expect(cells.setNumber(Cell.bootCount, 42)).toBeTrue();
		expect(boot(flash).getNumber(Cell.bootCount, 0)).toBe(42);
	});

	it("an equal value and an absent one cost no write", () => {
		const flash = new FlashMemory(BLOCKS);
		const cells = boot(flash);
		cells.set(Cell.password, "same");
		const writes = flash.writes;
		expect(cells.set(Cell.password, "same")).toBeTrue();
		expect(cells.erase(Cell.bootCount)).toBeTrue();
		expect(flash.writes).toBe(writes);
	});

	it("a value of the greatest length is kept, a longer one and one with a zero are refused with nothing written", () => {
		const flash = new FlashMemory(BLOCKS);
		const events = new LogList();
		const cells = boot(flash, events);
		const long = "€".repeat(CELL_BYTES_MAX / 3) + "x".repeat(CELL_BYTES_MAX % 3);
		expect(cells.set(40, long)).toBeTrue();
		const image = flash.bytes.slice();
		expect(cells.set(40, long + "x")).toBeFalse();
		expect(cells.set(40, "x".repeat(CELL_BYTES_MAX + 1))).toBeFalse();
		expect(cells.set(40, "a\u0000b")).toBeFalse();
		expect(cells.set(CELLS_MAX, "no such cell")).toBeFalse();
		expect(flash.bytes).toEqual(image);
		expect(events.times(LogCode.cellRefused)).toBe(4);
		expect(boot(flash).get(40)).toBe(long);
	});

	it("a full area refuses more, keeps all, and can be emptied and filled again", () => {
		const flash = new FlashMemory(BLOCKS);
		let cells = boot(flash);
		for (let round = 0; round < 3; round++) {
			let kept = 0;
			while (kept < CELLS_MAX && cells.set(kept, `${kept}:`.padEnd(700, "z"))) kept++;
			expect(kept).toBeGreaterThan(7);
			cells = boot(flash);
			for (let i = 0; i < kept; i++) expect(cells.get(i)?.startsWith(`${i}:`)).toBeTrue();
			for (let i = 0; i < kept; i++) expect(cells.erase(i)).toBeTrue();
		}
	});

	it("tens of thousands of changes go round the ring with equal wear", () => {
		const flash = new FlashMemory(BLOCKS);
		const cells = boot(flash);
		const dice = new Dice("cells go round");
		const model: (string | undefined)[] = [];
		let refused = 0;
		for (let i = 0; i < 30_000; i++) {
			const cell = dice.below(60);
			const value = drawText(dice);
			if (dice.below(12) === 0) {
				if (cells.erase(cell)) model[cell] = undefined;
				else refused++;
			} else if (cells.set(cell, value)) model[cell] = value;
			else refused++;
		}
		expect(refused).toBe(0);
		const again = boot(flash);
		for (let cell = 0; cell < 60; cell++) expect(again.get(cell)).toBe(model[cell]);
		const wear = flash.wear.subarray(0, 4);
		expect(Math.min(...wear)).toBeGreaterThan(40);
		expect(Math.max(...wear) - Math.min(...wear)).toBeLessThan(3);
	}, 30_000);

	for (const its of CELL_CASES) {
		it(`at every power cut of ${its.name} each cell has its last durable value or the one being written`, () => {
			const { cuts, pairs, operations, failures } = sweep(its, { ...SHORT, draws: 2 });
			expect(failures).toEqual([]);
			expect(operations).toBeGreaterThan(50);
			console.log(`storage cells: ${its.name}: ${cuts} power cuts and ${pairs} pairs tried`);
		}, 60_000);
	}
});
