// Emits the firmware as a device's build does: one ES module per TypeScript file, the values of `const enum` in place. One
// compiler for all files, and without looking at types (npm test does that), so that it takes seconds. For the test host on XS
// (scripts/xs.cjs) and for scripts/transpile.cjs.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const ROOT = path.resolve(__dirname, "..");
/** Where the modules are, by their path in the repository. */
const JS = path.join(ROOT, "build", "device", "js");
const STAMP = path.join(JS, "stamp");
const FOLDERS = ["preload", "modules", "drivers", "boards", "test-host/xs/firmware"];

function modifiedMs(file) {
	return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -1;
}

/** Sources that are emitted, relative to the root. */
function sources() {
	const found = ["main.ts"];
	const walk = (folder) => {
		for (const entry of fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true })) {
			const name = `${folder}/${entry.name}`;
			if (entry.isDirectory()) walk(name);
			else if (/\.ts$/.test(entry.name) && !/\.(d|spec)\.ts$/.test(entry.name)) found.push(name);
		}
	};
	FOLDERS.forEach(walk);
	return found;
}

const outputOf = (source) => path.join(JS, source.replace(/\.ts$/, ".js"));

/** Emits everything when a source, or the compiler's settings, are newer than what is there: a constant may be used anywhere. */
function emit() {
	const settings = path.join(ROOT, "tsconfig.json");
	const files = sources();
	const stamp = modifiedMs(STAMP);
	const newest = Math.max(modifiedMs(settings), modifiedMs(__filename), ...files.map((file) => modifiedMs(path.join(ROOT, file))));
	if (newest <= stamp && files.every((file) => fs.existsSync(outputOf(file)))) return;
	const startedMs = Date.now();
	const ts = require("typescript");
	const read = ts.readConfigFile(settings, ts.sys.readFile);
	const options = {
		...ts.convertCompilerOptionsFromJson(read.config.compilerOptions, ROOT).options,
		module: ts.ModuleKind.ES2022, moduleResolution: ts.ModuleResolutionKind.Bundler,
		isolatedModules: false, noEmitOnError: false, noCheck: true, types: [], rootDir: ROOT, outDir: JS, sourceMap: true,
	};
	const typings = fs.readdirSync(path.join(ROOT, "typings")).map((name) => `typings/${name}`);
	const program = ts.createProgram([...files, ...typings].map((file) => path.join(ROOT, file)), options);
	const broken = files.flatMap((file) => program.getSyntacticDiagnostics(program.getSourceFile(path.join(ROOT, file))));
	if (broken.length > 0) throw new Error(ts.formatDiagnostics(broken, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => ROOT, getNewLine: () => "\n" }));
	// Several may emit at once: each file appears whole.
	program.emit(undefined, (file, text) => {
		const draft = `${file}.${process.pid}`;
		fs.mkdirSync(path.dirname(file), { recursive: true });
		fs.writeFileSync(draft, text);
		fs.renameSync(draft, file);
	});
	fs.writeFileSync(STAMP, "");
	fs.utimesSync(STAMP, startedMs / 1000, startedMs / 1000);
}

module.exports = { ROOT, JS, emit, outputOf };
