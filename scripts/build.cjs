// Builds what runs on Node: each TypeScript file becomes one CommonJS file under build/node, when it is newer than that.
// Types are not checked here (npm test does), so that a station starts fast. Needs nothing but the TypeScript package.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const ROOT = path.resolve(__dirname, "..");
const OUT = path.join(ROOT, "build", "node");
const FOLDERS = ["preload", "modules", "test-host", "scripts"];

/** All sources that are built, relative to the root. */
function sources() {
	const found = [];
	const walk = (folder) => {
		for (const entry of fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true })) {
			const name = path.join(folder, entry.name);
			if (entry.isDirectory()) walk(name);
			else if (/\.ts$/.test(entry.name) && !/\.(d|spec)\.ts$/.test(entry.name)) found.push(name);
		}
	};
	for (const folder of FOLDERS) if (fs.existsSync(path.join(ROOT, folder))) walk(folder);
	return found;
}

function outputOf(source) {
	return path.join(OUT, source.replace(/\.ts$/, ".js"));
}

function modifiedMs(file) {
	const status = fs.statSync(file, { throwIfNoEntry: false });
	return status === undefined ? -1 : status.mtimeMs;
}

/** Sources whose output is missing or older than they, or than the compiler settings. */
function stale() {
	const settingsMs = modifiedMs(path.join(ROOT, "tsconfig.json"));
	return sources().filter((source) => modifiedMs(outputOf(source)) < Math.max(settingsMs, modifiedMs(path.join(ROOT, source))));
}

/**
 * Builds what is stale.
 * @param say  told about progress in one line
 * @returns number of files that were built
 * @throws Error with one line when a file cannot be parsed
 */
function build(say = () => undefined) {
	const files = stale();
	if (files.length === 0) return 0;
	say(`building ${files.length} file${files.length === 1 ? "" : "s"} …`);
	const ts = require("typescript");
	const settings = ts.readConfigFile(path.join(ROOT, "tsconfig.json"), ts.sys.readFile);
	const compilerOptions = {
		...ts.convertCompilerOptionsFromJson(settings.config.compilerOptions, ROOT).options,
		module: ts.ModuleKind.CommonJS,
		moduleResolution: undefined,
		inlineSourceMap: true,
		inlineSources: false,
	};
	for (const file of files) {
		const startedMs = Date.now();
		let text;
		try {
			text = fs.readFileSync(path.join(ROOT, file), "utf8");
		} catch (error) {
			// It went between the listing and now: an editor's draft.
			if (error.code === "ENOENT") continue;
			throw error;
		}
		const made = ts.transpileModule(text, { compilerOptions, fileName: path.join(ROOT, file), reportDiagnostics: true });
		const fault = (made.diagnostics ?? []).find((one) => one.file !== undefined && one.category === ts.DiagnosticCategory.Error);
		if (fault !== undefined) throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(fault.messageText, " ")}`);
		const output = outputOf(file);
		fs.mkdirSync(path.dirname(output), { recursive: true });
		// Several stations may build at once: each file appears whole. Its time is that of the reading of its source.
		const draft = `${output}.${process.pid}`;
		fs.writeFileSync(draft, made.outputText);
		fs.utimesSync(draft, startedMs / 1000, startedMs / 1000);
		fs.renameSync(draft, output);
	}
	return files.length;
}

module.exports = { ROOT, OUT, build };
