// npm run mutations: a million mutations of certificates against the firmware's reader; prints how many still read as one, how many of
// those had their signature checked, what went wrong, and the heap before and after. --count N tries another number, --seed S others.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import "../test-host/board/xs-globals.js";
import { issue } from "../test-host/cases/pki.js";
import { tryMutations } from "../test-host/vectors/certificate-mutations.js";

const USAGE = "usage: npm run mutations -- [--count <n>] [--seed <s>]";
const COUNT = 1_000_000;
const ROUND = 100_000;
const VERIFY_EVERY = 16;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapBytes(): number {
	collect();
	return process.memoryUsage().heapUsed;
}

function main(argv: readonly string[]): number {
	let count = COUNT;
	let seed = "1";
	for (let i = 0; i < argv.length; i += 2) {
		if (argv[i] === "--count" && Number(argv[i + 1]) > 0) count = Number(argv[i + 1]);
		else if (argv[i] === "--seed" && argv[i + 1] !== undefined) seed = argv[i + 1];
		else {
			process.stderr.write(`${USAGE}\n`);
			return 2;
		}
	}
	const samples = [
		issue({ commonName: "root", isCa: true }).der,
		issue({ commonName: "rsa", rsa: true, isCa: true, alternative: ["a.example", [1, 2, 3, 4]] }).der,
		issue({ commonName: "Prüfstelle Zürich", organization: "株式会社", isCa: true, serial: [0, 0x80, 1], padding: 300 }).der,
	];
	const total = { tried: 0, formed: 0, verified: 0, wrong: [] as string[] };
	// The first round warms up what the engine keeps.
	let before = 0;
	for (let done = 0, round = 0; done < count; done += ROUND, round++) {
		const { tried, formed, verified, wrong } = tryMutations(samples, Math.min(ROUND, count - done), `${seed}/${round}`, VERIFY_EVERY);
		total.tried += tried;
		total.formed += formed;
		total.verified += verified;
		total.wrong.push(...wrong);
		if (round === 0) before = heapBytes();
	}
	const grown = heapBytes() - before;
	for (const line of total.wrong) process.stdout.write(`${line}\n`);
	process.stdout.write(`${total.tried} mutations tried, ${total.formed} still read as a certificate, ${total.verified} signatures of these checked, ` +
		`${total.wrong.length} went wrong; heap ${grown >= 0 ? "+" : ""}${(grown / 1024).toFixed(0)} kB since the first ${ROUND}\n`);
	return total.wrong.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
