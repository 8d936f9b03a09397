// `npm run check:moddable`: the station through the real tools of the Moddable SDK, where they are installed.
//   x-cli-lin  built, linked with mbedTLS (libmbedtls-dev) and run: one session against a strict CSMS on loopback over ws, and one over
//              wss; then the functional cases on the SDK's XS, and its count of slots beside that of the engine from npm (--write puts
//              it into docs/memory.md)
//   esp32, esp the script stage: TypeScript, xsc and xsl, which run the preload and print what stays in RAM
// All build the release (scripts/release.cjs); the script stage of esp also runs on the project's manifest.json, for development.
// Any linker warning is a failure. What the machine lacks is said and skipped; without mcconfig nothing is done.
// Types are checked once against the SDK's own typings, and files are then emitted one by one (scripts/transpile.cjs);
// --full lets mcconfig start one tsc per file, as it does for a user, and takes minutes.

import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import "../test-host/board/xs-globals.js";
import { ended, identity, leaf, root, serve } from "../test-host/cases/tls-cases.js";
import { ScriptedCsms } from "../test-host/csms/scripted.js";
import { XsBench } from "../test-host/xs/bench.js";
import { runCases } from "../test-host/xs/cases.js";
import { prepareXs } from "../test-host/xs/engine.js";
import { endIdleEngines, type XsMemory, type XsProgram } from "../test-host/xs/xs-station.js";
import {
	build, casesApp, checkTypes, chipLacks, CHIPS, configure, DEVELOPMENT, Failed, linked, OUT, releaseApp, ROOT, SDK_TESTED, sdkVersion,
	type App, type Build, type Platform,
} from "./moddable.js";

const SESSION_MS = 60_000;
const PASSWORD = "check-moddable-0123456789";
const MEMORY_FILE = join(ROOT, "docs", "memory.md");

const full = process.argv.includes("--full");

/** What the linker said; throws on a warning, and when a module of ours is not among the preloaded. */
function judge(app: App, platform: Platform, made: Build): void {
	const { project, log } = made;
	const text = readFileSync(log, "utf8");
	const warnings = text.split("\n").filter((line) => line.startsWith("### warning"));
	if (warnings.length > 0) throw new Failed(`${platform}: ${warnings.length} linker warnings\n${warnings.join("\n")}`);
	const makefile = readFileSync(join(project, "makefile"), "utf8");
	const preloads = new Set([...makefile.matchAll(/^\t-p (\S+)\.xsb/gm)].map((match) => match[1]));
	const tls = platform === "esp" ? [] : [join(ROOT, "modules/transport/tls/manifest.json")];
	const wanted = [app.manifest, join(ROOT, boardManifest(platform)), ...tls]
		.flatMap((file) => (JSON.parse(readFileSync(file, "utf8")) as { preload: string[] }).preload)
		.filter((id) => /^(main$|preload\/|modules\/|drivers\/|boards\/)/.test(id));
	const missing = wanted.filter((id) => !preloads.has(id));
	if (missing.length > 0) throw new Failed(`${platform}: not preloaded: ${missing.join(" ")}`);
	const { instances, keys, slots, code, aliases } = linked(made);
	console.log(`${app.folder}${platform}: ${wanted.length} modules of ours preloaded, 0 warnings, ${instances} instances, ${keys} keys, ` +
		`${slots} slots in ROM (${slots * 16} bytes at 32 bits), ${code} bytes of byte code, ${aliases} aliases (${aliases * 4} bytes of RAM)`);
}

function boardManifest(platform: Platform): string {
	const folder = { "x-cli-lin": "desktop-xs", esp32: "esp32-devkit", esp: "esp8266-nodemcu" }[platform];
	return `boards/${folder}/manifest.json`;
}

/** One session of the built program against the strict CSMS, with `secure` through TLS. */
async function session(program: string, secure: boolean): Promise<void> {
	const name = "XS-1";
	const csms = await ScriptedCsms.open({ passwords: { [name]: PASSWORD } });
	const suites = new Set<string>();
	const front = await serve({ ...identity(leaf({ commonName: "127.0.0.1" })), maxVersion: "TLSv1.2" }, (socket) => {
		suites.add(socket.getCipher().name);
		const inner = connect(Number(new URL(csms.url).port), "127.0.0.1");
		inner.on("error", () => socket.destroy());
		socket.pipe(inner).pipe(socket);
	});
	const store = join(OUT, "session.store");
	rmSync(store, { force: true });
	try {
		const child = spawn(program, {
			env: {
				...process.env,
				STATION_URL: secure ? `wss://127.0.0.1:${front.port}/ocpp` : csms.url,
				STATION_ROOT: secure ? root.der.toString("base64") : "",
				STATION_ID: name,
				STATION_PASSWORD: PASSWORD,
				STATION_STORE: store,
				STATION_METER_SPEED: "60",
			},
			stdio: ["ignore", "pipe", "pipe"],
			timeout: SESSION_MS,
		});
		let output = "";
		const show = (chunk: Buffer): void => {
			output += chunk.toString();
			for (const line of chunk.toString().split("\n")) if (line !== "" && !line.startsWith("log ")) console.log("  " + line);
		};
		child.stdout.on("data", show);
		child.stderr.on("data", show);
		const [code, signal] = await new Promise<[number | null, string | null]>((done, fail) => {
			child.on("error", fail);
			child.on("close", (...ended) => done(ended as [number | null, string | null]));
		});
		if (code !== 0) throw new Failed(`session: the program ended with ${code ?? signal}`);
		if (output.includes(PASSWORD)) throw new Failed("session: the program printed the password");
		const faults = [...csms.refused, ...csms.violations.map((violation) => JSON.stringify(violation))];
		if (faults.length > 0) throw new Failed(`session: refused by the CSMS\n${faults.join("\n")}`);
		const events = csms.calls("TransactionEvent").length;
		if (events < 2) throw new Failed(`session: ${events} TransactionEvents`);
		if (secure && suites.size !== 1) throw new Failed(`session: ${suites.size} cipher suites`);
		console.log(`x-cli-lin: a session of ${csms.messages.length} messages, ${events} TransactionEvents, 0 refused` +
			(secure ? `, over wss with ${[...suites].join()}` : ""));
	} finally {
		await csms.close();
		await ended(front.server);
	}
}

/** The rows of the comparison, in order: where the station stands. */
const STATES: readonly (readonly [string, (bench: XsBench) => void])[] = [
	["booted", () => undefined],
	["accepted", (bench) => void bench.accept()],
	["charging", (bench) => void bench.charge()],
	["after the transaction", (bench) => void bench.leave()],
];

function states(program: XsProgram): XsMemory[] {
	const bench = new XsBench({ program, creation: { static: 65_536, stack: 1024 } });
	try {
		return STATES.map(([, go]) => {
			go(bench);
			return bench.live();
		});
	} finally {
		bench.end();
		endIdleEngines();
	}
}

/** Slots on both engines, as a table of docs/memory.md; they have the same size on a chip whichever engine counts them. */
async function compare(host: string): Promise<string> {
	const npm = states(await prepareXs(32));
	const sdk = states({ host, bits: 64, root: "", list: "", main: "" });
	let table = "| state | slots, engine from npm | slots, engine of the SDK | ratio |\n| --- | ---: | ---: | ---: |\n";
	STATES.forEach(([name], i) => {
		const ratio = (sdk[i].slots / npm[i].slots).toFixed(3);
		console.log(`slots ${name}: npm ${npm[i].slots}, SDK ${sdk[i].slots}, ratio ${ratio}`);
		table += `| ${name} | ${npm[i].slots} | ${sdk[i].slots} | ${ratio} |\n`;
	});
	return table;
}

function writeComparison(table: string): void {
	const text = readFileSync(MEMORY_FILE, "utf8");
	writeFileSync(MEMORY_FILE, text.replace(/(<!-- moddable -->\n)[\s\S]*?(<!-- end -->)/, (_, head: string, end: string) => head + table + end));
}

/** The functional cases with the firmware on the SDK's engine, and the comparison. */
async function cases(): Promise<void> {
	const { program } = build(await casesApp(), "x-cli-lin", full);
	const table = await compare(program);
	if (process.argv.includes("--write")) writeComparison(table);
	const { isSound, cases: count, files, output } = await runCases({ tls: false, env: { STATION_XS_PROGRAM: program } });
	if (!isSound) throw new Failed(`cases on the SDK's engine failed\n${output.slice(-6000)}`);
	console.log(`x-cli-lin: ${count} functional cases of ${files} files on the SDK's engine, 0 failed`);
}

async function main(): Promise<void> {
	const found = sdkVersion();
	if (found === undefined) {
		console.log("check:moddable: skipped, mcconfig is not on PATH; docs/porting.md says how to install the Moddable SDK");
		return;
	}
	console.log(`check:moddable: Moddable SDK ${found}${found === SDK_TESTED ? "" : `, tested with ${SDK_TESTED}`}`);
	const skipped: string[] = [];
	if (!full) {
		const { project, log } = configure(DEVELOPMENT, "x-cli-lin", full);
		console.log(`x-cli-lin: types of ${checkTypes(project, log)} files agree`);
	}
	const release = await releaseApp();
	const desktop = build(release, "x-cli-lin", full);
	judge(release, "x-cli-lin", desktop);
	for (const secure of [false, true]) await session(desktop.program, secure);
	for (const platform of CHIPS) {
		const lacks = chipLacks(platform);
		if (lacks !== "") {
			skipped.push(platform);
			console.log(`${platform}: skipped, ${lacks}`);
			continue;
		}
		judge(release, platform, build(release, platform, full));
		if (platform === "esp") judge(DEVELOPMENT, platform, build(DEVELOPMENT, platform, full));
	}
	await cases();
	console.log(`check:moddable: passed${skipped.length > 0 ? `, skipped ${skipped.join(" and ")}` : ""}`);
}

main().catch((error: unknown) => {
	console.error(error instanceof Failed ? error.message : error);
	process.exitCode = 1;
});
