// npm run sim: plays seeds and prints how many, the virtual hours, and virtual hours per second.
//   --seeds N   how many (100)      --seed S   the first, or the only one (1)      --hours H   hours of trouble of each (6)
// A seed that fails is printed with the commit and every option that follows from it, and belongs into test-host/sim/seeds.txt.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { keptSeeds } from "../test-host/sim/kept.js";
import { report, runSeed } from "../test-host/sim/run.js";

const ROOT = __dirname.includes(join("build", "node")) ? join(__dirname, "..", "..", "..") : join(__dirname, "..");
const FLAGS = ["--seeds", "--seed", "--hours"] as const;
const USAGE = "usage: npm run sim -- [--seeds <n>] [--seed <first>] [--hours <h>] [--kept]";

function commit(): string {
	try {
		const isChanged = execFileSync("git", ["status", "--porcelain"], { cwd: ROOT, encoding: "utf8" }) !== "";
		return execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: ROOT, encoding: "utf8" }).trim() + (isChanged ? " with changes" : "");
	} catch {
		return "unknown";
	}
}

function main(argv: readonly string[]): number {
	const values = new Map<string, number>();
	const isKept = argv.includes("--kept");
	const rest = argv.filter((arg) => arg !== "--kept");
	for (let i = 0; i < rest.length; i += 2) {
		const value = Number(rest[i + 1]);
		if (!(FLAGS as readonly string[]).includes(rest[i]) || !(value > 0)) {
			process.stderr.write(`${USAGE}\n`);
			return 2;
		}
		values.set(rest[i], value);
	}
	const first = values.get("--seed") ?? 1;
	const seeds = values.get("--seeds") ?? (values.has("--seed") ? 1 : 100);
	const hours = values.get("--hours") ?? 6;
	const list = isKept ? keptSeeds(ROOT) : Array.from({ length: seeds }, (_, i) => ({ seed: first + i, hours }));
	const startedMs = performance.now();
	const counts: { [name: string]: number } = {};
	const failed: number[] = [];
	let virtualHours = 0;
	for (const { seed, hours: its } of list) {
		const verdict = runSeed(seed, its);
		virtualHours += verdict.virtualHours;
		for (const [name, count] of Object.entries(verdict.counts)) counts[name] = (counts[name] ?? 0) + count;
		if (verdict.findings.length === 0) continue;
		failed.push(seed);
		process.stdout.write(`${report(verdict, commit())}\n\n`);
	}
	const seconds = (performance.now() - startedMs) / 1000;
	process.stdout.write(`${Object.entries(counts).map(([name, count]) => `${count} ${name}`).join(", ")}\n`);
	process.stdout.write(`${list.length} seeds, ${virtualHours.toFixed(0)} virtual hours, ${(virtualHours / seconds).toFixed(0)} virtual hours per second, ${
		failed.length === 0 ? "none failed" : `failed: ${failed.join(" ")}`}\n`);
	return failed.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
