import { join } from "node:path";
import { keptSeeds } from "../sim/kept.js";
import { optionsOf } from "../sim/options.js";
import { report, runSeed } from "../sim/run.js";

const ROOT = join(__dirname, "..", "..");
/** Seeds of every test run, in parts so that each stays short. */
const SEEDS = 200;
const PART = 25;
const HOURS = 4;

function play(seed: number, hours: number): { failed: string; hours: number; counts: { [name: string]: number } } {
	const verdict = runSeed(seed, hours);
	return { failed: verdict.findings.length === 0 ? "" : report(verdict, "of this tree"), hours: verdict.virtualHours, counts: verdict.counts };
}

describe("simulator", () => {
	const total: { [name: string]: number } = {};

	for (let first = 1; first <= SEEDS; first += PART) {
		it(`seeds ${first} to ${first + PART - 1} keep every rule for ${HOURS} hours of trouble each, and all is settled in the calm`, () => {
			for (let seed = first; seed < first + PART; seed++) {
				const { failed, hours, counts } = play(seed, HOURS);
				if (failed !== "") fail(failed);
				expect(hours).toBeGreaterThan(HOURS + 2);
				for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
			}
		}, 120_000);
	}

	it("in those seeds everything happened that is meant to happen", () => {
		expect(total.lives).toBeGreaterThan(SEEDS);
		const kinds = ["cuts", "connections", "messages", "events", "resent", "thinned", "refused", "givenUp", "securityEvents", "uploads", "customers"];
		for (const name of kinds) expect([name, total[name] > 0]).toEqual([name, true]);
	});

	for (const { seed, hours, what } of keptSeeds(ROOT)) {
		it(`seed ${seed} of ${hours} hours is sound now: ${what}`, () => {
			const { failed } = play(seed, hours);
			if (failed !== "") fail(failed);
			else expect(failed).toBe("");
		}, 60_000);
	}

	it("a seed repeats to the byte, another one does not", () => {
		const first = runSeed(3, 1);
		expect(runSeed(3, 1)).toEqual(first);
		expect(runSeed(4, 1).digest).not.toBe(first.digest);
	});

	it("a report begins with seed, commit and every option", () => {
		const verdict = runSeed(5, 0.1);
		const lines = report(verdict, "abc1234").split("\n");
		expect(lines[0]).toBe("seed 5 of 0.1 h failed at commit abc1234");
		expect(JSON.parse(lines[1].slice("options ".length))).toEqual(JSON.parse(JSON.stringify(optionsOf(5, 0.1))));
	});
});
