// The tools of the Moddable SDK, where they are installed: builds the firmware, its cases or an empty app, and reads what the
// linker made of it. Used by npm run check:moddable and npm run budget.
// Files are emitted one by one by scripts/transpile.cjs instead of one tsc each, unless `full` is asked for.

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { projectRoot } from "../test-host/xs/xs-station.js";

export const ROOT = projectRoot();
export const OUT = join(ROOT, "build", "moddable");
export const SDK_TESTED = "8.2.3";

/** Ends a program with one line of reason. */
export class Failed extends Error {}

export type Platform = "x-cli-lin" | "esp32" | "esp";
export const CHIPS: readonly Platform[] = ["esp32", "esp"];

function onPath(program: string): string | undefined {
	for (const folder of (process.env.PATH ?? "").split(delimiter)) {
		if (folder !== "" && existsSync(join(folder, program))) return join(folder, program);
	}
	return undefined;
}

/** Version of the SDK; undefined when mcconfig is not on PATH. Throws Failed when the installation is half there. */
export function sdkVersion(): string | undefined {
	if (onPath("mcconfig") === undefined) return undefined;
	const sdk = process.env.MODDABLE;
	if (sdk === undefined || !existsSync(sdk)) throw new Failed("MODDABLE does not name the SDK's folder");
	const version = join(sdk, "tools", "VERSION");
	return existsSync(version) ? readFileSync(version, "utf8").trim() : "of unknown version";
}

/** Why the script stage of a chip cannot run here; "" when it can. */
export function chipLacks(platform: Platform): string {
	if (platform === "esp32") {
		if (!existsSync(process.env.IDF_PATH ?? "")) return "IDF_PATH names no ESP-IDF";
		return onPath("idf.py") === undefined ? "idf.py is not on PATH" : "";
	}
	const base = process.env.ESP_BASE ?? join(process.env.HOME ?? "", "esp");
	return existsSync(join(base, "ESP8266_RTOS_SDK")) ? "" : `no ESP8266_RTOS_SDK in ${base}`;
}

/** PATH with the compiler of this repository in front: the fast one, or TypeScript's own. */
function environment(full: boolean): NodeJS.ProcessEnv {
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
export function run(what: string, log: string, program: string, args: string[], env: NodeJS.ProcessEnv, cwd = ROOT): string {
	const result = spawnSync(program, args, { cwd, env, encoding: "utf8", maxBuffer: 64 << 20 });
	const output = (result.stdout ?? "") + (result.stderr ?? "");
	writeFileSync(log, output, { flag: "a" });
	if (result.status !== 0) {
		const lines = output.split("\n").filter((line) => /error|###|undefined|cannot|failure/i.test(line));
		throw new Failed(`${what} failed (${result.error?.message ?? `exit ${result.status}`}), see ${log}\n` +
			lines.slice(0, 20).join("\n"));
	}
	return output;
}

/** What is built: its manifest, the name that it has there, and where the output goes. */
export interface App {
	manifest: string;
	name: string;
	folder: string;
}

/** The modules one by one, as they are in the sources. */
export const DEVELOPMENT: App = { manifest: join(ROOT, "manifest.json"), name: "station", folder: "development-" };

/** What ships, made from the sources as they are now. */
export async function releaseApp(): Promise<App> {
	const { release } = require(join(ROOT, "scripts", "release.cjs")) as { release(): Promise<{ manifest: string }> };
	return { manifest: (await release()).manifest, name: "station", folder: "" };
}

export interface Build {
	/** Folder of the generated project. */
	project: string;
	log: string;
	/** The program, on x-cli-lin. */
	program: string;
}

/** mcconfig writes the makefile. */
export function configure(app: App, platform: Platform, full = false): Build {
	const out = join(OUT, app.folder + platform);
	const log = `${out}.log`;
	const simulator = platform === "x-cli-lin" ? "lin" : platform;
	rmSync(log, { force: true });
	mkdirSync(out, { recursive: true });
	run(`mcconfig -p ${platform}`, log, "mcconfig", ["-p", platform, "-o", out], environment(full), dirname(app.manifest));
	return { project: join(out, "tmp", simulator, "release", app.name), log, program: join(out, "bin", simulator, "release", app.name) };
}

/** Configures, then make runs with at most two jobs, on a chip only to the end of the script stage. */
export function build(app: App, platform: Platform, full = false): Build {
	const made = configure(app, platform, full);
	// The linker runs each time, or its warnings would be seen once only.
	rmSync(join(made.project, "mc.xs.c"), { force: true });
	const target = platform === "x-cli-lin" ? [] : [join(made.project, "mc.xs.c")];
	// The makefile of the Linux build asks for any number of jobs at once, one tsc each; the command line wins.
	run(`make for ${platform}`, made.log, "make", ["-f", join(made.project, "makefile"), "MAKEFLAGS=-j2 --silent", ...target], environment(full),
		dirname(app.manifest));
	return made;
}

/** What the linker made. */
export interface Linked {
	instances: number;
	keys: number;
	/** Slots in ROM: 16 bytes each on a chip. */
	slots: number;
	/** Bytes of byte code. */
	code: number;
	/** Preloaded things that are still mutable: 4 bytes of RAM each on a chip. */
	aliases: number;
}

export function linked({ project, log }: Build): Linked {
	const source = readFileSync(join(project, "mc.xs.c"), "utf8");
	const count = (name: string): number => Number(new RegExp(`#define ${name} (\\d+)`).exec(source)?.[1] ?? NaN);
	// Functions of preloaded modules lie in ROM slots as escaped strings, four characters per byte.
	let code = 0;
	for (const [, text] of source.matchAll(/\.code = \{ \(txByte\*\)"((?:\\x..)*)"/g)) code += text.length / 4;
	const instances = /^### (\d+) instances, (\d+) keys/m.exec(readFileSync(log, "utf8"))?.[1];
	return { instances: Number(instances ?? NaN), keys: count("mxKeysCount"), slots: count("mxHeapCount"), code, aliases: count("mxAliasCount") };
}

// --- apps beside the station -----------------------------------------------------------------------------------------

interface Manifest {
	build: object;
	include: string[];
	strip: string;
	typescript: { tsconfig: { compilerOptions: { types: string[] } } };
	modules: { [id: string]: string | string[] };
	preload: string[];
}

function place(name: string, manifest: object): App {
	const folder = join(OUT, name);
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest, null, "\t"));
	return { manifest: join(folder, "manifest.json"), name, folder: `${name}-` };
}

/** An app that does nothing, with all that the SDK puts into every app. */
export function emptyApp(): App {
	mkdirSync(join(OUT, "empty"), { recursive: true });
	writeFileSync(join(OUT, "empty", "main.js"), "export default function () {}\n");
	return place("empty", {
		build: { NAME: "empty" }, include: ["$(MODDABLE)/examples/manifest_base.json"], strip: "*", modules: { "*": "./main" }, preload: ["main"],
	});
}

/** The release with the main module of the test host, and the C of its ports: serves what test-host/xs serves. */
export async function casesApp(): Promise<App> {
	const release = (await releaseApp()).manifest;
	const manifest = JSON.parse(readFileSync(release, "utf8")) as Manifest;
	const absolute = (path: string): string => (path.startsWith(".") ? join(dirname(release), path) : path);
	const modules: Manifest["modules"] = {};
	for (const [id, value] of Object.entries(manifest.modules)) {
		if (id !== "main") modules[id] = typeof value === "string" ? absolute(value) : value.map(absolute);
	}
	const host = join(ROOT, "test-host", "xs");
	// Timers and resources of the SDK are not asked for.
	modules["~"] = [...modules["~"], "$(MODULES)/files/resource/*"];
	modules["*"] = ["moddable", "ports", "census"].map((name) => join(host, name));
	const firmware = ["main", "native"].map((name) => `test-host/xs/firmware/${name}`);
	for (const id of firmware) modules[id] = join(dirname(release), "js", id);
	// With its suffix, or the C beside it came along.
	const natives = ["tls", "crypto"].map((name) => `modules/transport/tls/${name}`);
	for (const id of natives) modules[id] = `${join(ROOT, id)}.ts`;
	const linkedToo = [...firmware, ...natives];
	const typescript = structuredClone(manifest.typescript);
	const options = typescript.tsconfig.compilerOptions;
	options.types = options.types.map(absolute);
	return place("cases", {
		build: { ...manifest.build, NAME: "cases" }, include: manifest.include, strip: manifest.strip, typescript,
		creation: { main: firmware[0], stack: 1024 }, modules,
		preload: [...manifest.preload.filter((id) => id !== "main"), ...linkedToo],
	});
}

/** Every .ts file of a generated project, against the SDK's typings, in one tsc. */
export function checkTypes(project: string, log: string): number {
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
