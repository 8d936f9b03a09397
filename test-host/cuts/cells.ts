// Settings under power cuts: each cell has its last durable value or the one that was being written.

import { Cell } from "../../modules/storage/cell-ids.js";
import { Cells } from "../../modules/storage/cells.js";
import type { Log } from "../../modules/ports/log.js";
import { Store, StoreState } from "../../modules/storage/store.js";
import { FlashMemory } from "../board/flash-memory.js";
import { Dice } from "../sim/dice.js";
import { SILENT } from "../traces/queue.js";
import { drawText } from "./kit.js";
import { StoreCase, type Trial } from "./sweep.js";

const BLOCKS = 11;
const STEPS = 60;
/** Few cells with long values, so that the area is compacted. */
const CELLS = 12;

export function bootCells(flash: FlashMemory, log: Log = SILENT): Cells {
	const store = new Store(flash, log);
	const state = store.open();
	if (state !== StoreState.ready) throw new Error(`store state ${state}`);
	return new Cells(store.cells, store.scratch, log);
}

type Values = Map<number, string | undefined>;

/** Sets and erases values; returns the change that the power cut has met. */
function change(flash: FlashMemory, seed: number, values: Values): [number, string | undefined] | undefined {
	const dice = new Dice(`cells ${seed}`);
	let pending: [number, string | undefined] | undefined;
	try {
		const cells = bootCells(flash);
		for (let i = 0; i < STEPS; i++) {
			const cell = dice.below(CELLS);
			const value = dice.below(8) === 0 ? undefined : drawText(dice).padEnd(dice.below(4) * 120, "-");
			pending = [cell, value];
			const isDurable = value === undefined ? cells.erase(cell) : cells.set(cell, value);
			if (flash.isOff) return pending;
			if (!isDurable) throw new Error(`refused ${cell}`);
			values.set(cell, value);
			pending = undefined;
		}
	} catch (error) {
		if (!flash.isOff) throw error;
	}
	return pending;
}

function judge(flash: FlashMemory, values: Values, pending: [number, string | undefined] | undefined): string {
	const cells = bootCells(flash);
	for (const [cell, value] of values) {
		const found = cells.get(cell);
		if (pending !== undefined && pending[0] === cell && found === pending[1]) continue;
		if (found !== value) return `cell ${cell} is ${found}, should be ${value}`;
	}
	if (pending !== undefined) {
		const found = cells.get(pending[0]);
		if (!values.has(pending[0]) && found !== undefined && found !== pending[1]) return `cell ${pending[0]} is ${found}, was never set so`;
		// What this boot has found, later ones find too.
		for (let i = 0; i < 3; i++) if (bootCells(flash.clone()).get(pending[0]) !== found) return `cell ${pending[0]} wavers`;
	}
	if (!cells.set(Cell.bootCount, "after the cut") || bootCells(flash).get(Cell.bootCount) !== "after the cut") return "takes no more values";
	return "";
}

function cellsCase(name: string, warm: number): StoreCase {
	const image = new FlashMemory(BLOCKS);
	const before: Values = new Map();
	for (let seed = 1; seed <= warm; seed++) change(image, seed, before);
	return new StoreCase(`cells-${name}`, (): Trial => {
		const flash = image.clone();
		const values = new Map(before);
		let pending: [number, string | undefined] | undefined;
		return {
			flash,
			play: () => void (pending = change(flash, 100, values)),
			boot: (its) => void bootCells(its),
			judge: (its) => judge(its, values, pending),
		};
	});
}

// A blank area, and one that is nearly full, which is compacted on the way.
export const CELL_CASES: readonly StoreCase[] = [cellsCase("first-day", 0), cellsCase("compaction", 2)];
