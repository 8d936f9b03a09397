// The memory gate: RAM and ROM of the firmware on XS may not grow by more than 2 % over budget.json. A change that is worth its
// bytes brings its own budget: npm run budget -- --write.

import "../board/xs-globals.js";
import { CEILING, GROWTH, SMALL, AMPLE, readBudget } from "../../scripts/budget.js";
import { romContents, type RomReport } from "../xs/rom.js";
import { everything, measure, type Figures } from "../xs/scenario.js";
import { endIdleEngines } from "../xs/xs-station.js";
import { xsPerFile } from "./xs-kit.js";

/** Bytes that may differ because a string is as long as the time of day in it. */
const NOISE_BYTES = 64;

describe("xs memory", () => {
	const program = xsPerFile();
	const budget = readBudget();
	let figures: Figures | undefined;
	let rom: RomReport | undefined;
	const now = (): Figures => (figures ??= measure({ program: program(), creation: AMPLE }));
	const romNow = (): RomReport => (rom ??= romContents(program()));

	afterAll(() => endIdleEngines());

	it("no figure has grown by more than 2 % over the budget", () => {
		const grown = Object.entries(now()).filter(([name, value]) => !/^(leak|keys)/.test(name) && value > (budget.figures[name] ?? 0) * GROWTH);
		expect(grown.map(([name, value]) => `${name}: ${value}, budget ${budget.figures[name]}`)).toEqual([]);
	});

	it("500 messages and 10,000 hostile frames leave nothing behind, and hostile names make no key", () => {
		expect(now()["leak.messages500"]).toBeLessThanOrEqual(NOISE_BYTES);
		expect(now()["leak.hostile10000"]).toBeLessThanOrEqual(NOISE_BYTES);
		expect(now()["keys.hostile10000"]).toBe(0);
		expect(now()["keys"]).toBeLessThanOrEqual(budget.figures["keys"]);
	});

	it("a FullInventory report needs at most 1,024 bytes more than the station has anyway", () => {
		expect(now()["extra.fullInventory"]).toBeLessThanOrEqual(CEILING.fullInventoryExtra);
	});

	it("everything runs in the budget's static, which is at most 32,768 bytes with every buffer and the stack inside", () => {
		expect(budget.static).toBeLessThanOrEqual(CEILING.static);
		const bytes = Math.floor(budget.static * GROWTH);
		expect(() => everything({ program: program(), creation: { ...SMALL, static: bytes, stack: Math.floor(budget.stack * GROWTH) } })).not.toThrow();
	});

	it("ROM has not grown by more than 2 % over the budget", () => {
		const ours = Object.entries(romNow().modules).filter(([id]) => /^(preload|modules)\//.test(id));
		const total = ours.reduce((sum, [, { bytes }]) => sum + bytes, 0);
		expect(total).toBeLessThanOrEqual(budget.rom.total * GROWTH);
	});

	it("what is preloaded and still mutable is on the list of the budget, with a reason", () => {
		expect(romNow().aliases.filter((name) => !budget.aliases[name])).toEqual([]);
	});
});
