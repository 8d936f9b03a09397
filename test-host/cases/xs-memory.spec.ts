// The memory gate: RAM and ROM of the firmware on XS may not grow by more than 2 % over budget.json. A change that is worth its
// bytes brings its own budget: npm run budget -- --write.

import "../board/xs-globals.js";
import { CEILING, GROWTH, SMALL, AMPLE, readBudget } from "../../scripts/budget.js";
import { LIMITS } from "../../preload/limits.js";
import { Dice } from "../sim/dice.js";
import { mutated } from "../vectors/certificate-mutations.js";
import { XsBench } from "../xs/bench.js";
import { isOurs, romContents, type RomReport } from "../xs/rom.js";
import { everything, measure, type Figures } from "../xs/scenario.js";
import { boardCreation, endIdleEngines } from "../xs/xs-station.js";
import { issue, pemOf } from "./pki.js";
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

	for (const [board, evses] of [["esp8266-nodemcu", 1], ["esp32-devkit", LIMITS.evsesMax]] as const) {
		it(`everything runs in the memory that the manifest of ${board} gives, with ${evses} EVSEs`, () => {
			expect(() => everything({ program: program(), creation: boardCreation(board), evses })).not.toThrow();
		});
	}

	it("ROM has not grown by more than 2 % over the budget", () => {
		const ours = Object.entries(romNow().modules).filter(([id]) => isOurs(id));
		const total = ours.reduce((sum, [, { bytes }]) => sum + bytes, 0);
		expect(total).toBeLessThanOrEqual(budget.rom.total * GROWTH);
	});

	it("what is preloaded and still mutable is on the list of the budget, with a reason", () => {
		expect(romNow().aliases.filter((name) => !budget.aliases[name])).toEqual([]);
	});
});

describe("xs memory: certificates", () => {
	const program = xsPerFile();
	afterAll(() => endIdleEngines());

	it("M05.FR.07 2,000 mutated certificates are Rejected on XS, and leave heap and keys where they were", () => {
		const bench = new XsBench({ program: program(), creation: AMPLE });
		bench.csms.keepsMessages = false;
		try {
			bench.accept();
			// No root, so that what still reads as a certificate is refused without crypto, which this host does not have.
			const sample = issue({ commonName: "leaf", issuer: issue({ commonName: "Root", isCa: true }), isCa: true }).der;
			const dice = new Dice("certificates/xs");
			const install = (bytes: Buffer): unknown => {
				bench.call("InstallCertificate", { certificateType: "CSMSRootCertificate", certificate: pemOf(bytes) });
				return (bench.csms.answer?.[2] as { status?: string }).status;
			};
			for (let i = 0; i < 20; i++) install(mutated(sample, dice));
			const before = bench.live();
			for (let i = 0; i < 2000; i++) expect(install(mutated(sample, dice))).toBe("Rejected");
			const after = bench.live();
			expect(after.live - before.live).toBeLessThanOrEqual(NOISE_BYTES);
			expect(after.keys).toBe(before.keys);
		} finally {
			bench.end();
		}
	}, 120_000);
});
