// Settings on flash: latest wins, compaction, every power cut, failing and flipping flash.

import "../board/xs-globals.js";
import { LogCode } from "../../modules/ports/events.js";
import { CELLS_MAX, Cell } from "../../modules/storage/cell-ids.js";
import { CELL_BYTES_MAX, Cells } from "../../modules/storage/cells.js";
import { Store, StoreState } from "../../modules/storage/store.js";
import { FlashMemory, PowerCut, TORN } from "../board/flash-memory.js";

const BLOCKS = 11;

class Events {
	readonly list: [number, number, number][] = [];
	event(code: number, a: number, b: number): void {
		this.list.push([code, a, b]);
	}
	times(code: number): number {
		return this.list.filter((entry) => entry[0] === code).length;
	}
}

function boot(flash: FlashMemory, events = new Events()): Cells {
	const store = new Store(flash, events);
	const state = store.open();
	if (state !== StoreState.ready) throw new Error(`store state ${state}`);
	return new Cells(store.cells, store.scratch, events);
}

/** Small numbers from a seed, the same everywhere. */
function chance(seed: number): (below: number) => number {
	let state = (seed * 2654435761 + 1) >>> 0;
	return (below) => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return Math.floor((state / 4294967296) * below);
	};
}

function valueOf(random: (below: number) => number): string {
	const length = random(20) === 0 ? random(300) : random(24);
	let value = "";
	for (let i = 0; i < length; i++) value += String.fromCharCode(32 + random(90));
	return random(9) === 0 ? value + "é€🔌" : value;
}

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
		const events = new Events();
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
		const random = chance(5);
		const model: (string | undefined)[] = [];
		let refused = 0;
		for (let i = 0; i < 30_000; i++) {
			const cell = random(60);
			const value = valueOf(random);
			if (random(12) === 0) {
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

	it("at every power cut each cell has its last durable value or the one being written", () => {
		let cuts = 0;
		const script = (flash: FlashMemory, seed: number, model: Map<number, string | undefined>): [number, string | undefined] | undefined => {
			const random = chance(seed);
			let pending: [number, string | undefined] | undefined;
			try {
				const cells = boot(flash);
				for (let i = 0; i < 60; i++) {
					const cell = random(12);
					const value = random(8) === 0 ? undefined : valueOf(random).padEnd(random(4) * 120, "-");
					pending = [cell, value];
					const durable = value === undefined ? cells.erase(cell) : cells.set(cell, value);
					if (flash.isOff) return pending;
					if (!durable) throw new Error(`refused ${cell}`);
					model.set(cell, value);
					pending = undefined;
				}
			} catch (error) {
				if (!(error instanceof PowerCut) && !flash.isOff) throw error;
			}
			return pending;
		};
		// A worn image to begin with: the area is nearly full, so the script compacts.
		const worn = new FlashMemory(BLOCKS);
		const before = new Map<number, string | undefined>();
		script(worn, 1, before);
		script(worn, 2, before);
		for (const torn of TORN) {
			const seeds = torn === "before" || torn === "after" ? 1 : 4;
			for (let trial = 0; ; trial++) {
				const n = 1 + Math.floor(trial / seeds);
				const flash = new FlashMemory(BLOCKS, 4096, worn.bytes);
				const model = new Map(before);
				flash.cutAt(n, torn, trial + 1);
				const pending = script(flash, 3, model);
				const done = !flash.isOff;
				flash.powerOn();
				const cells = boot(flash);
				for (const [cell, value] of model) {
					const found = cells.get(cell);
					if (pending !== undefined && pending[0] === cell && found === pending[1]) continue;
					if (found !== value) fail(`${torn} ${n}: cell ${cell} is ${found}, should be ${value}`);
				}
				// What this boot has found, later ones find too.
				if (pending !== undefined) {
					const found = cells.get(pending[0]);
					for (let i = 0; i < 3; i++) if (boot(flash.clone()).get(pending[0]) !== found) fail(`${torn} ${n}: cell ${pending[0]} wavers`);
				}
				// And the store still works.
				if (!cells.set(Cell.bootCount, `${torn} ${n}`) || boot(flash).get(Cell.bootCount) !== `${torn} ${n}`) fail(`${torn} ${n}: stuck`);
				if (done) break;
				cuts++;
			}
		}
		console.log(`storage cells: ${cuts} power cuts tried`);
		expect(cuts).toBeGreaterThan(200);
	});
});
