// The security log on flash: order, marks, unknown times, a full area, every power cut, failing and flipping flash.

import "../board/xs-globals.js";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LogCode } from "../../modules/ports/events.js";
import { JournalCursor, JournalEntry, TECH_INFO_BYTES_MAX, type Journal } from "../../modules/storage/journal.js";
import { FlashMemory, TORN } from "../board/flash-memory.js";
import { allOf, bootJournal as boot, drainJournal, hasMerged, JOURNAL_CASES, runJournal, type JournalModel } from "../cuts/journal.js";
import { LogList } from "../cuts/kit.js";
import { SHORT, sweep, untilCut } from "../cuts/sweep.js";
import { Dice } from "../sim/dice.js";

/** 4 blocks of cells, 4 of the queue, 3 of the journal: the smallest there is. */
const SMALL = 11;
const BASE_MS = Date.UTC(2026, 2, 1, 12, 0, 0);

const infos = (journal: Journal): string[] => allOf(journal).map((entry) => entry[3]);

describe("storage journal", () => {
	it("A04.FR.02 what waits is there after a reboot, oldest first, and what was answered never again", () => {
		const flash = new FlashMemory(SMALL);
		let journal = boot(flash);
		expect(journal.wasEmpty).toBeTrue();
		expect(journal.append(4, true, BASE_MS, "")).toBeTrue();
		expect(journal.append(7, false, BASE_MS + 1, "SecurityCtrlr.BasicAuthPassword")).toBeTrue();
		expect(journal.append(11, true, BASE_MS + 2, "Ä€🔌")).toBeTrue();
		journal = boot(flash);
		expect(journal.wasEmpty).toBeFalse();
		expect(journal.waiting).toBe(2);
		const entry = new JournalEntry();
		expect(journal.peek(entry)).toBeTrue();
		expect([entry.type, entry.isCritical, entry.utcMs, entry.techInfo]).toEqual([4, true, BASE_MS, ""]);
		expect(journal.acknowledge()).toBeTrue();
		journal = boot(flash);
		expect(journal.waiting).toBe(1);
		expect(drainJournal(journal)).toEqual(["Ä€🔌"]);
		expect(boot(flash).waiting).toBe(0);
		expect(allOf(boot(flash))).toEqual([
			[4, true, BASE_MS, ""], [7, false, BASE_MS + 1, "SecurityCtrlr.BasicAuthPassword"], [11, true, BASE_MS + 2, "Ä€🔌"],
		]);
	});

	it("A04.FR.04 an event before the clock was set gets the time at which it was set in that boot, never 1970", () => {
		const flash = new FlashMemory(SMALL);
		let journal = boot(flash);
		journal.append(4, true, NaN, "a");
		journal.append(11, true, NaN, "b");
		const entry = new JournalEntry();
		expect(journal.peek(entry)).toBeTrue();
		expect(entry.utcMs).toBeNaN();
		journal.clockSet(BASE_MS);
		const writes = flash.writes;
		journal.clockSet(BASE_MS + 60_000);
		expect(flash.writes).toBe(writes);
		journal = boot(flash);
		journal.append(5, true, NaN, "c");
		journal.clockSet(BASE_MS + 3_600_000);
		expect(allOf(boot(flash)).map((its) => its[2] - BASE_MS)).toEqual([0, 0, 3_600_000]);
	});

	it("an event without text and time is whole for whoever mounts the area anew", () => {
		const flash = new FlashMemory(SMALL);
		const journal = boot(flash);
		journal.append(4, true, NaN, "");
		journal.rest();
		journal.clockSet(BASE_MS);
		expect(allOf(boot(flash))).toEqual([[4, true, BASE_MS, ""]]);
	});

	it("a text that is too long is cut between two characters", () => {
		const journal = boot(new FlashMemory(SMALL));
		journal.append(1, false, BASE_MS, "x".repeat(400));
		journal.append(1, false, BASE_MS, "x" + "€".repeat(100));
		expect(infos(journal)).toEqual(["x".repeat(TECH_INFO_BYTES_MAX), "x" + "€".repeat(84)]);
	});

	it("A04.FR.04 the log rolls: the oldest goes, what waits stays in front of it in its order", () => {
		const flash = new FlashMemory(SMALL);
		const journal = boot(flash);
		const waits: string[] = [];
		for (let i = 0; i < 3000; i++) {
			const isCritical = i % 50 === 7;
			if (!journal.append(isCritical ? 11 : 9, isCritical, BASE_MS + i, `event ${i}`)) fail(`append ${i}`);
			if (isCritical) waits.push(`event ${i}`);
			if (i % 10 === 0) journal.rest();
		}
		expect(journal.waiting).toBe(60);
		const found = allOf(boot(flash));
		const numbers = found.map((its) => Number(its[3].slice(6)));
		expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
		expect(found.filter((its) => its[1]).map((its) => its[3])).toEqual(waits);
		// The newest ones are there without a gap: more than a block of them.
		const newest = numbers.slice(-100);
		expect(newest).toEqual(newest.map((_, i) => 2900 + i));
		expect(drainJournal(boot(flash))).toEqual(waits);
		expect(journal.dropped).toBe(0);
		// Blocks wear evenly, none outside the area.
		expect(Math.min(...flash.wear.subarray(8))).toBeGreaterThan(5);
		expect(Math.max(...flash.wear.subarray(1, 8))).toBe(0);
	});

	it("A04.FR.02 with nothing but what waits, it is thinned evenly, the first and the last stay, and it is counted", () => {
		const flash = new FlashMemory(SMALL);
		const events = new LogList();
		const journal = boot(flash, events);
		for (let i = 0; i < 1000; i++) if (!journal.append(11, true, NaN, `tamper ${i}`)) fail(`append ${i}`);
		expect(journal.dropped).toBeGreaterThan(500);
		expect(journal.waiting).toBe(1000 - journal.dropped);
		expect(events.times(LogCode.journalThinned)).toBeGreaterThan(3);
		const again = boot(flash);
		expect(again.waiting).toBe(journal.waiting);
		const left = drainJournal(again);
		expect(left.length).toBeGreaterThan(150);
		expect([left[0], left[left.length - 1]]).toEqual(["tamper 0", "tamper 999"]);
		const numbers = left.map((text) => Number(text.slice(7)));
		expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
		expect(boot(flash).append(11, true, BASE_MS, "one more")).toBeTrue();
	});

	it("times of what is merged stay right, and clock records do not pile up", () => {
		const flash = new FlashMemory(SMALL);
		let written = 0;
		for (let life = 0; life < 500; life++) {
			const journal = boot(flash);
			if (!journal.append(5, life < 20, NaN, `boot ${life}`)) fail(`append ${life}`);
			journal.clockSet(BASE_MS + life * 1000);
			written += 2;
		}
		const found = allOf(boot(flash));
		for (const [, , utcMs, techInfo] of found) expect(utcMs).toBe(BASE_MS + Number(techInfo.slice(5)) * 1000);
		expect(found.length).toBeGreaterThan(100);
		expect(written).toBeGreaterThan(2 * found.length);
		expect(boot(flash).waiting).toBe(20);
	});

	it("a reader ends where the journal ended when it began, and learns that a block went", () => {
		const journal = boot(new FlashMemory(SMALL));
		const entry = new JournalEntry();
		for (let i = 0; i < 10; i++) journal.append(9, false, BASE_MS, `${i}`);
		const cursor = new JournalCursor();
		journal.begin(cursor);
		for (let i = 0; i < 5; i++) {
			expect(journal.next(cursor, entry)).toBeTrue();
			journal.append(9, false, BASE_MS, `new ${i}`);
			journal.rest();
		}
		for (let i = 5; i < 10; i++) {
			expect(journal.next(cursor, entry)).toBeTrue();
			expect(entry.techInfo).toBe(`${i}`);
		}
		expect(journal.next(cursor, entry)).toBeFalse();
		expect(journal.isValid(cursor)).toBeTrue();
		for (let i = 0; i < 400; i++) journal.append(9, false, BASE_MS, `later ${i}`);
		expect(journal.isValid(cursor)).toBeFalse();
		expect(journal.next(cursor, entry)).toBeFalse();
	});

	it("mounting the area anew within a life writes nothing", () => {
		const flash = new FlashMemory(SMALL);
		const journal = boot(flash);
		journal.append(4, true, BASE_MS, "a");
		const writes = flash.writes;
		for (let i = 0; i < 5; i++) {
			journal.rest();
			expect(journal.peek(new JournalEntry())).toBeTrue();
		}
		expect(flash.writes).toBe(writes);
	});

	it("a blank area has nothing to read", () => {
		expect(allOf(boot(new FlashMemory(SMALL)))).toEqual([]);
		expect(boot(new FlashMemory(SMALL)).peek(new JournalEntry())).toBeFalse();
		expect(boot(new FlashMemory(SMALL)).acknowledge()).toBeTrue();
	});

	for (const its of JOURNAL_CASES) {
		it(`A04.FR.02 at every power cut of ${its.name} what waits stays in its order, and what was answered stays answered`, () => {
			const { cuts, pairs, operations, failures } = sweep(its, { ...SHORT, draws: 2 });
			expect(failures).toEqual([]);
			expect(operations).toBeGreaterThan(30);
			console.log(`storage journal: ${its.name}: ${cuts} power cuts and ${pairs} pairs tried`);
		}, 60_000);
	}

	it("the cases of power cuts that are to merge blocks do so", () => {
		const flash = new FlashMemory(SMALL);
		const model: JournalModel = { waiting: [], pending: "" };
		runJournal(flash, 500, model, 124, 1);
		expect(hasMerged(flash)).toBeFalse();
		runJournal(flash, 5, model, 40);
		expect(hasMerged(flash)).toBeTrue();
	});

	it("a long life with a power cut every few events loses nothing", () => {
		const flash = new FlashMemory(SMALL);
		const dice = new Dice("journal lives");
		let model: JournalModel = { waiting: [], pending: "" };
		for (let life = 0; life < 400; life++) {
			flash.cutAt(dice.between(1, 40), dice.pick(TORN), dice.below(1_000_000));
			untilCut(flash, () => runJournal(flash, 1000 + life, model, 12));
			flash.powerOn();
			const journal = boot(flash);
			const there = allOf(journal).filter((its) => its[1]).map((its) => its[3]);
			for (const name of model.waiting) {
				if (there.includes(name) || model.pending === "ack " + name) continue;
				fail(`life ${life}: ${name} is gone`);
				return;
			}
			// Take up what is there, as the station does.
			const waiting: string[] = [];
			const entry = new JournalEntry();
			if (journal.waiting > 30) while (journal.waiting > 5 && journal.peek(entry)) journal.acknowledge();
			const copy = boot(new FlashMemory(SMALL, 4096, flash.bytes));
			waiting.push(...drainJournal(copy));
			model = { waiting, pending: "" };
		}
		expect(flash.erases).toBeGreaterThan(20);
	}, 60_000);

	it("A04.FR.02 an event whose mark the flash refused comes once more when blocks go, and no newer one is forgotten for it", () => {
		const flash = new FlashMemory(SMALL);
		const journal = boot(flash);
		const entry = new JournalEntry();
		journal.append(11, true, BASE_MS, "first");
		expect(journal.peek(entry)).toBeTrue();
		flash.failNext = Infinity;
		expect(journal.acknowledge()).toBeFalse();
		flash.failNext = 0;
		expect(journal.waiting).toBe(0);
		for (let i = 0; i < 600; i++) journal.append(9, false, BASE_MS + i, `event ${i}`);
		journal.append(11, true, BASE_MS, "last");
		const told: string[] = [];
		while (journal.waiting > 0 && journal.peek(entry)) {
			told.push(entry.techInfo);
			expect(journal.acknowledge()).toBeTrue();
		}
		expect(told).toEqual(["first", "last"]);
		expect(drainJournal(boot(flash))).toEqual([]);
	});

	it("writes that fail lose nothing, and a flash that fails for good refuses", () => {
		const flash = new FlashMemory(SMALL);
		const events = new LogList();
		const journal = boot(flash, events);
		for (let i = 0; i < 300; i++) {
			if (i % 3 === 0) flash.failNext = 1;
			if (!journal.append(11, i % 5 === 0, BASE_MS, `event ${i}`)) fail(`append ${i}`);
			flash.failNext = 0;
		}
		flash.failNext = 1000;
		expect(journal.append(11, true, BASE_MS, "refused")).toBeFalse();
		expect(journal.acknowledge()).toBeFalse();
		flash.failNext = 0;
		expect(events.times(LogCode.journalRefused)).toBe(1);
		expect(drainJournal(boot(flash)).length).toBe(60);
	});

	it("a flipped bit costs at most the record that it is in, and is logged", () => {
		const image = new FlashMemory(SMALL);
		const journal = boot(image);
		for (let i = 0; i < 90; i++) journal.append(11, true, BASE_MS + i, `event ${i}`);
		const dice = new Dice("journal flips");
		let lost = 0;
		for (let trial = 0; trial < 300; trial++) {
			const flash = new FlashMemory(SMALL, 4096, image.bytes);
			const first = flash.bytes.findIndex((byte, at) => at >= 8 * 4096 && byte !== 0xff);
			flash.flip(first + dice.below(3000), dice.below(8));
			const log = new LogList();
			const found = drainJournal(boot(flash, log));
			const missing = 90 - found.length;
			if (missing > 1) fail(`trial ${trial}: ${missing} lost`);
			if (missing === 1 && log.times(LogCode.recordDamaged) < 1) fail(`trial ${trial}: not logged`);
			lost += missing;
		}
		expect(lost).toBeGreaterThan(100);
	});

	it("the example of the journal in docs/flash-format.md is what the calls that it names write", () => {
		const flash = new FlashMemory(SMALL);
		const journal = boot(flash);
		journal.append(4, true, NaN, "");
		journal.append(7, false, NaN, "x");
		journal.clockSet(Date.UTC(2026, 2, 1, 12, 0, 0));
		journal.acknowledge();
		const text = readFileSync(join(__dirname, "../../docs/flash-format.md"), "utf8");
		const block = /```journal\n([^`]+)```/.exec(text);
		const bytes = new Uint8Array(SMALL * 4096).fill(0xff);
		bytes.set(flash.bytes.subarray(0, 32));
		for (const line of block![1].trim().split("\n")) {
			const [at, ...digits] = line.split(/\s+/);
			digits.forEach((pair, i) => (bytes[Number.parseInt(at, 16) + i] = Number.parseInt(pair, 16)));
		}
		expect(flash.bytes).toEqual(bytes);
		expect(allOf(boot(new FlashMemory(SMALL, 4096, bytes)))).toEqual([
			[4, true, Date.UTC(2026, 2, 1, 12), ""], [7, false, Date.UTC(2026, 2, 1, 12), "x"],
		]);
	});
});
