// `npm run check:moddable`: the station through the real tools of the Moddable SDK, where they are installed.
//   x-cli-lin  built, linked and run: one session against a strict CSMS on loopback
//   esp32, esp the script stage: TypeScript, xsc and xsl, which run the preload and print what stays in RAM
// Any linker warning is a failure. What the machine lacks is said and skipped; without mcconfig nothing is done.
// Types are checked once against the SDK's own typings, and files are then emitted one by one (scripts/transpile.cjs);
// --full lets mcconfig start one tsc per file, as it does for a user, and takes minutes.

import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { ScriptedCsms } from "../test-host/csms/scripted.js";

const ROOT = resolve(__dirname, "..");
const OUT = join(ROOT, "build", "moddable");
const NAME = "station";
const SDK_TESTED = "8.2.3";
const SESSION_MS = 60_000;
const PASSWORD = "check-moddable-0123456789";

const full = process.argv.includes("--full");

/** Ends the program with one line of reason. */
class Failed extends Error {}

function onPath(program: string): string | undefined {
	for (const folder of (process.env.PATH ?? "").split(delimiter)) {
		if (folder !== "" && existsSync(join(folder, program))) return join(folder, program);
	}
	return undefined;
}

/** PATH with the compiler of this repository in front: the fast one, or TypeScript's own. */
function environment(): NodeJS.ProcessEnv {
	const folder = full ? join(ROOT, "node_modules", ".bin") : join(OUT, "compiler");
	if (!full) {
		mkdirSync(folder, { recursive: true });
		const file = join(folder, "tsc");
		writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, "scripts", "transpile.cjs")}" "$@"\n`);
		chmodSync(file, 0o755);
	}
	return { ...process.env, PATH: folder + delimiter + process.env.PATH };
}

/** Runs a tool to its end; its output goes to a log and is returned. */
function run(what: string, log: string, program: string, args: string[], env: NodeJS.ProcessEnv): string {
	const result = spawnSync(program, args, { cwd: ROOT, env, encoding: "utf8", maxBuffer: 64 << 20 });
	const output = (result.stdout ?? "") + (result.stderr ?? "");
	writeFileSync(log, output, { flag: "a" });
	if (result.status !== 0) {
		const lines = output.split("\n").filter((line) => /error|###|undefined|cannot|failure/i.test(line));
		throw new Failed(`${what} failed (${result.error?.message ?? `exit ${result.status}`}), see ${log}\n` +
			lines.slice(0, 20).join("\n"));
	}
	return output;
}

/** Every .ts file of a generated project, against the SDK's typings, in one tsc. */
function checkTypes(project: string, log: string): number {
	const modules = join(project, "modules");
	const files: string[] = [];
	for (const entry of readdirSync(modules, { withFileTypes: true, recursive: true })) {
		if (!entry.name.endsWith("-tsconfig.json")) continue;
		files.push(...(JSON.parse(readFileSync(join(entry.parentPath, entry.name), "utf8")) as { files: string[] }).files);
	}
	const config = join(modules, "all-files.json");
	writeFileSync(config, JSON.stringify({
		extends: join(modules, "tsconfig-base.json"),
		compilerOptions: { noEmit: true, rootDir: "/" },
		files,
	}));
	run("type check against the SDK's typings", log, join(ROOT, "node_modules", ".bin", "tsc"), ["-p", config], process.env);
	return files.length;
}

interface Build {
	/** Folder of the generated project. */
	project: string;
	log: string;
}

/** mcconfig writes the makefile; then make runs to `target` with at most two jobs. */
function build(platform: string, simulator: string, target: (project: string) => string[]): Build {
	const out = join(OUT, platform);
	const log = join(OUT, platform + ".log");
	rmSync(log, { force: true });
	mkdirSync(out, { recursive: true });
	const env = environment();
	// The makefile of the Linux build asks for any number of jobs at once, one tsc each; the command line wins.
	run(`mcconfig -p ${platform}`, log, "mcconfig", ["-p", platform, "-o", out], env);
	const project = join(out, "tmp", simulator, "release", NAME);
	if (platform === "x-cli-lin" && !full) console.log(`${platform}: types of ${checkTypes(project, log)} files agree`);
	run(`make for ${platform}`, log, "make",
		["-f", join(project, "makefile"), "MAKEFLAGS=-j2 --silent", ...target(project)], env);
	return { project, log };
}

/** What the linker said; throws on a warning, and when a module of ours is not among the preloaded. */
function judge(platform: string, { project, log }: Build): void {
	const text = readFileSync(log, "utf8");
	const warnings = text.split("\n").filter((line) => line.startsWith("### warning"));
	if (warnings.length > 0) throw new Failed(`${platform}: ${warnings.length} linker warnings\n${warnings.join("\n")}`);
	const makefile = readFileSync(join(project, "makefile"), "utf8");
	const preloads = new Set([...makefile.matchAll(/^\t-p (\S+)\.xsb/gm)].map((match) => match[1]));
	const wanted = ["manifest.json", ...boardManifests(platform)]
		.flatMap((file) => (JSON.parse(readFileSync(join(ROOT, file), "utf8")) as { preload: string[] }).preload)
		.filter((id) => /^(main$|preload\/|modules\/|drivers\/|boards\/)/.test(id));
	const missing = wanted.filter((id) => !preloads.has(id));
	if (missing.length > 0) throw new Failed(`${platform}: not preloaded: ${missing.join(" ")}`);
	const linked = /^### (\d+) instances, (\d+) keys/m.exec(text);
	const source = readFileSync(join(project, "mc.xs.c"), "utf8");
	const count = (name: string): number => Number(new RegExp(`#define ${name} (\\d+)`).exec(source)?.[1] ?? NaN);
	// Functions of preloaded modules lie in ROM slots as escaped strings, four characters per byte.
	let code = 0;
	for (const [, text] of source.matchAll(/\.code = \{ \(txByte\*\)"((?:\\x..)*)"/g)) code += text.length / 4;
	const slots = count("mxHeapCount");
	console.log(`${platform}: ${wanted.length} modules of ours preloaded, 0 warnings, ` +
		`${linked === null ? "?" : linked[1]} instances, ${count("mxKeysCount")} keys, ` +
		`${slots} slots in ROM (${slots * 16} bytes at 32 bits), ${code} bytes of byte code, ` +
		`${count("mxAliasCount")} aliases (${count("mxAliasCount") * 4} bytes of RAM)`);
}

function boardManifests(platform: string): string[] {
	const folder = { "x-cli-lin": "desktop-xs", esp32: "esp32-devkit", esp: "esp8266-nodemcu" }[platform];
	return folder === undefined ? [] : [`boards/${folder}/manifest.json`];
}

/** One session of the built program against the strict CSMS. */
async function session(program: string): Promise<void> {
	const identity = "XS-1";
	const csms = await ScriptedCsms.open({ passwords: { [identity]: PASSWORD } });
	const store = join(OUT, "session.store");
	rmSync(store, { force: true });
	try {
		const child = spawn(program, {
			env: {
				...process.env,
				STATION_URL: csms.url,
				STATION_ID: identity,
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
		console.log(`x-cli-lin: a session of ${csms.messages.length} messages, ${events} TransactionEvents, 0 refused`);
	} finally {
		await csms.close();
	}
}

/** Why the script stage of a chip cannot run here; "" when it can. */
function chipLacks(platform: string): string {
	if (platform === "esp32") {
		if (!existsSync(process.env.IDF_PATH ?? "")) return "IDF_PATH names no ESP-IDF";
		return onPath("idf.py") === undefined ? "idf.py is not on PATH" : "";
	}
	const base = process.env.ESP_BASE ?? join(process.env.HOME ?? "", "esp");
	return existsSync(join(base, "ESP8266_RTOS_SDK")) ? "" : `no ESP8266_RTOS_SDK in ${base}`;
}

async function main(): Promise<void> {
	if (onPath("mcconfig") === undefined) {
		console.log("check:moddable: skipped, mcconfig is not on PATH; docs/porting.md says how to install the Moddable SDK");
		return;
	}
	const sdk = process.env.MODDABLE;
	if (sdk === undefined || !existsSync(sdk)) throw new Failed("MODDABLE does not name the SDK's folder");
	const version = join(sdk, "tools", "VERSION");
	const found = existsSync(version) ? readFileSync(version, "utf8").trim() : "of unknown version";
	console.log(`check:moddable: Moddable SDK ${found}${found === SDK_TESTED ? "" : `, tested with ${SDK_TESTED}`}`);
	mkdirSync(OUT, { recursive: true });
	const skipped: string[] = [];
	const desktop = build("x-cli-lin", "lin", () => []);
	judge("x-cli-lin", desktop);
	await session(join(OUT, "x-cli-lin", "bin", "lin", "release", NAME));
	for (const platform of ["esp32", "esp"]) {
		const lacks = chipLacks(platform);
		if (lacks !== "") {
			skipped.push(platform);
			console.log(`${platform}: skipped, ${lacks}`);
			continue;
		}
		judge(platform, build(platform, platform, (project) => [join(project, "mc.xs.c")]));
	}
	console.log(`check:moddable: passed${skipped.length > 0 ? `, skipped ${skipped.join(" and ")}` : ""}`);
}

main().catch((error: unknown) => {
	console.error(error instanceof Failed ? error.message : error);
	process.exitCode = 1;
});
