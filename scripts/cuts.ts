// npm run cuts: power cuts by exhaustion. Each case that writes flash is cut before, in the middle of and behind each of its flash
// operations, a write behind each of its bytes; then, with new chance round after round, with bits half programmed, erases
// interrupted and pairs of cuts, until as many were tried as asked for. Prints how many of each case; a cut that goes wrong
// is a line that plays it again. Exit code 1 where one went wrong.

import "../test-host/board/xs-globals.js";
import { CUT_CASES } from "../test-host/cuts/cases.js";
import { cutOf, sweep, type Cut } from "../test-host/cuts/sweep.js";

const COUNT = 100_000;
const USAGE = "usage: npm run cuts -- [--count <n>] [--seed <s>] [--case <name> [--cut <n:torn:seed:bytes> [--cut …]]]";

interface Options {
	count: number;
	seed: number;
	cases: string[];
	cuts: Cut[];
}

function optionsOf(argv: readonly string[]): Options | undefined {
	const options: Options = { count: COUNT, seed: 1, cases: [], cuts: [] };
	for (let i = 0; i < argv.length; i += 2) {
		const value = argv[i + 1] ?? "";
		const cut = cutOf(value);
		if (argv[i] === "--count" && Number(value) > 0) options.count = Number(value);
		else if (argv[i] === "--seed" && Number(value) >= 0) options.seed = Number(value);
		else if (argv[i] === "--case" && CUT_CASES.some(({ name }) => name === value)) options.cases.push(value);
		else if (argv[i] === "--cut" && cut !== undefined) options.cuts.push(cut);
		else return undefined;
	}
	return options.cuts.length > 0 && options.cases.length !== 1 ? undefined : options;
}

interface Row {
	operations: number;
	cuts: number;
	pairs: number;
}

function main(argv: readonly string[]): number {
	const say = (line: string): void => void process.stdout.write(`${line}\n`);
	const options = optionsOf(argv);
	if (options === undefined) {
		process.stderr.write(`${USAGE}\ncases: ${CUT_CASES.map(({ name }) => name).join(" ")}\n`);
		return 2;
	}
	const cases = options.cases.length === 0 ? CUT_CASES : CUT_CASES.filter(({ name }) => options.cases.includes(name));
	if (options.cuts.length > 0) {
		const { cuts, wrong } = cases[0].attempt(options.cuts);
		say(`${cases[0].name}: ${cuts} of ${options.cuts.length} cuts happened; ${wrong === "" ? "nothing is wrong" : wrong}`);
		return wrong === "" ? 0 : 1;
	}
	const rows = new Map<string, Row>();
	let total = 0;
	let failures = 0;
	for (let round = 0; total < options.count && failures === 0; round++) {
		const isFirst = round === 0;
		for (const its of cases) {
			const tally = sweep(its, { draws: 1, prefixStep: isFirst ? 1 : 0, pairs: isFirst ? 1 : 3, seed: options.seed + round });
			const row = rows.get(its.name) ?? { operations: tally.operations, cuts: 0, pairs: 0 };
			row.cuts += tally.cuts;
			row.pairs += tally.pairs;
			rows.set(its.name, row);
			total += tally.cuts + tally.pairs;
			failures += tally.failures.length;
			tally.failures.forEach(say);
			if (process.stderr.isTTY) process.stderr.write(`\rround ${round + 1}, ${total} tried …`);
			if (!isFirst && total >= options.count) break;
		}
	}
	if (process.stderr.isTTY) process.stderr.write("\r");
	for (const [name, { operations, cuts, pairs }] of rows) {
		say(`${name.padEnd(24)} ${String(operations).padStart(5)} operations  ${String(cuts).padStart(7)} cuts  ${String(pairs).padStart(6)} pairs`);
	}
	const sum = (of: keyof Row): number => [...rows.values()].reduce((all, row) => all + row[of], 0);
	say(`cuts: ${sum("cuts")} single cuts and ${sum("pairs")} pairs tried in ${rows.size} cases, ${failures} went wrong`);
	return failures === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
