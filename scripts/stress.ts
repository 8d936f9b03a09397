// npm run test:stress: the functional cases on XS with a collection at every allocation, under AddressSanitizer with every chunk
// and every free slot watched, and our own C under UndefinedBehaviorSanitizer as well; then a busy day of the station, after which heap and keys must be what they were.
//   --day    only the day      --cases  only the cases      --tls  only the cases of the TLS filter: hostile servers, refused memory

import "../test-host/board/xs-globals.js";
import { busyDay } from "../test-host/xs/scenario.js";
import { runCases } from "../test-host/xs/cases.js";
import { prepareXs } from "../test-host/xs/engine.js";
import { boardCreation, endIdleEngines, type XsMemory } from "../test-host/xs/xs-station.js";

/** Sessions of the day; links drop and resets happen on the way. */
const SESSIONS = 100;
/** Texts are as long as the times of day in them. */
const NOISE_BYTES = 64;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Cases that drive the filter and the signatures without a station, or refuse memory to it. */
const TLS_FILES = ["tls-xs.spec.ts", "tls-crypto.spec.ts"];

async function cases(files?: readonly string[]): Promise<boolean> {
	await prepareXs("asan", say, true);
	return (await runCases({ tls: true, env: { STATION_XS_STRESS: "1" }, isShown: true, files })).isSound;
}

function judge(what: string, before: XsMemory, after: XsMemory): boolean {
	const isSame = after.live - before.live <= NOISE_BYTES && after.keys === before.keys;
	say(`${what}: live ${before.live} → ${after.live} bytes, keys ${before.keys} → ${after.keys}`);
	return isSame;
}

async function day(): Promise<boolean> {
	let isSame = true;
	for (const [what, program, creation, stress] of [
		["a day on 32 bits in the memory of a device", await prepareXs(32, say), boardCreation("esp8266-nodemcu"), false],
		["a day under stress", await prepareXs("asan", say), { static: 262_144, stack: 1024 }, true],
	] as const) {
		const { before, after, sessions, boots, drops, messages } = busyDay({ program, creation, stress }, SESSIONS);
		say(`${what}: ${sessions} sessions, ${drops} lost links, ${boots} boots, ${messages} messages of the station`);
		isSame = judge(what, before, after) && isSame;
		endIdleEngines();
	}
	return isSame;
}

async function main(argv: readonly string[]): Promise<void> {
	const all = argv.length === 0;
	let isSound = true;
	if (all || argv.includes("--day")) isSound = (await day()) && isSound;
	if (all || argv.includes("--tls")) isSound = (await cases(TLS_FILES)) && isSound;
	if (all || argv.includes("--cases")) isSound = (await cases()) && isSound;
	say(isSound ? "stress: no error, nothing lost" : "stress: FAILED");
	process.exit(isSound ? 0 : 1);
}

if (require.main === module) {
	main(process.argv.slice(2)).catch((error: Error) => {
		process.stderr.write(`${error.stack}\n`);
		process.exit(1);
	});
}
