// The security log under power cuts: what waits for the CSMS stays in its order, what was answered stays answered.
// Source: OCPP 2.0.1 Part 2, A04.FR.02.

import { Journal, JournalCursor, JournalEntry } from "../../modules/storage/journal.js";
import type { Log } from "../../modules/ports/log.js";
import { Store, StoreState } from "../../modules/storage/store.js";
import { FlashMemory } from "../board/flash-memory.js";
import { Dice } from "../sim/dice.js";
import { SILENT } from "../traces/queue.js";
import { StoreCase, type Trial } from "./sweep.js";

/** 4 blocks of cells, 4 of the queue, 3 of the journal: the smallest there is. */
const SMALL = 11;
const BASE_MS = Date.UTC(2026, 2, 1, 12, 0, 0);

export function bootJournal(flash: FlashMemory, log: Log = SILENT): Journal {
	const store = new Store(flash, log);
	const state = store.open();
	if (state !== StoreState.ready) throw new Error(`store state ${state}`);
	return new Journal(store, log);
}

/** All events of the journal, oldest first, as [type, isCritical, utcMs, techInfo]. */
export function allOf(journal: Journal): [type: number, isCritical: boolean, utcMs: number, techInfo: string][] {
	const cursor = new JournalCursor();
	const entry = new JournalEntry();
	const found: [number, boolean, number, string][] = [];
	journal.begin(cursor);
	while (journal.next(cursor, entry)) found.push([entry.type, entry.isCritical, entry.utcMs, entry.techInfo]);
	if (!journal.isValid(cursor)) throw new Error("cursor");
	return found;
}

/** The technical informations of what waits, oldest first; all of it is acknowledged. */
export function drainJournal(journal: Journal): string[] {
	const entry = new JournalEntry();
	const found: string[] = [];
	while (journal.peek(entry)) {
		found.push(entry.techInfo);
		if (!journal.acknowledge()) throw new Error("acknowledge");
		if (found.length % 8 === 0) journal.rest();
	}
	return found;
}

/** What must be on flash: all that append() said yes to and that was not acknowledged, and nothing twice. */
export interface JournalModel {
	waiting: string[];
	/** What was being done when the power went. */
	pending: string;
}

/**
 * Some steps of a station.
 * @param acks  of ten steps, so many acknowledge
 */
export function runJournal(flash: FlashMemory, seed: number, model: JournalModel, steps: number, acks = 3): void {
	const dice = new Dice(`journal ${seed}`);
	const entry = new JournalEntry();
	try {
		const journal = bootJournal(flash);
		for (let i = 0; i < steps; i++) {
			const turn = dice.below(10);
			if (turn < acks && journal.peek(entry)) {
				model.pending = "ack " + entry.techInfo;
				if (!journal.acknowledge()) throw new Error("acknowledge");
				model.waiting.splice(model.waiting.indexOf(entry.techInfo), 1);
			} else if (turn === 9) journal.clockSet(BASE_MS + i);
			else {
				const isCritical = turn % 2 === 0;
				const name = `${seed}/${i}`.padEnd(20 + dice.below(60), ".");
				model.pending = isCritical ? "new " + name : "";
				if (!journal.append(isCritical ? 11 : 9, isCritical, dice.below(4) === 0 ? NaN : BASE_MS + i, name)) throw new Error("append");
				if (isCritical) model.waiting.push(name);
			}
			model.pending = "";
			if (dice.below(3) === 0) journal.rest();
		}
	} catch (error) {
		if (!flash.isOff) throw error;
	}
}

/** What is wrong after a power cut; "" when nothing is. */
export function judgeJournal(flash: FlashMemory, model: JournalModel): string {
	const journal = bootJournal(flash);
	const count = journal.waiting;
	const found = drainJournal(journal);
	if (count !== found.length) return `counted ${count}, found ${found.length}`;
	let wanted = model.waiting;
	if (model.pending.startsWith("ack ") && found[0] !== wanted[0]) wanted = wanted.slice(1);
	if (model.pending.startsWith("new ") && found.length > wanted.length) wanted = wanted.concat(model.pending.slice(4));
	if (found.join() !== wanted.join()) return `found ${found.join()}, wanted ${wanted.join()}`;
	if (bootJournal(flash).waiting !== 0) return "acknowledged in vain";
	for (const [, , utcMs] of allOf(bootJournal(flash))) if (utcMs < BASE_MS) return `time ${utcMs}`;
	return bootJournal(flash).append(4, true, BASE_MS, "still works") ? "" : "takes no more events";
}

function journalCase(name: string, seed: number, warmSteps: number): StoreCase {
	const image = new FlashMemory(SMALL);
	const before: JournalModel = { waiting: [], pending: "" };
	runJournal(image, seed * 100, before, warmSteps, 1);
	return new StoreCase(`journal-${name}`, (): Trial => {
		const flash = image.clone();
		const model: JournalModel = { waiting: [...before.waiting], pending: "" };
		return {
			flash,
			play: () => runJournal(flash, seed, model, 40),
			boot: (its) => void bootJournal(its),
			judge: (its) => judgeJournal(its, model),
		};
	});
}

/** True when the area holds a block that was made of two. */
export function hasMerged(flash: FlashMemory): boolean {
	return [8, 9, 10].some((block) => flash.bytes[block * 4096 + 5] === 0x83);
}

// A blank area, and two whose blocks are nearly full, which are merged on the way.
export const JOURNAL_CASES: readonly StoreCase[] = [journalCase("first-day", 3, 0), journalCase("merge", 5, 124), journalCase("merge-more", 6, 124)];
