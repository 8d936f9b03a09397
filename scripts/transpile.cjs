// A fast stand-in for `tsc -p <config>` as mcconfig calls it: one file, emitted without looking at types. Used by
// scripts/check-moddable.ts, which checks the types of all files at once, in one process instead of one per file.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const ts = require("typescript");

const configPath = process.argv[process.argv.indexOf("-p") + 1];
const config = JSON.parse(fs.readFileSync(configPath, "utf8"));
const base = JSON.parse(fs.readFileSync(config.extends, "utf8"));
const { options, errors } = ts.convertCompilerOptionsFromJson(
	{ ...base.compilerOptions, ...config.compilerOptions, types: [], paths: {} },
	path.dirname(configPath),
);
if (errors.length > 0) {
	console.error(errors.map((error) => ts.flattenDiagnosticMessageText(error.messageText, "\n")).join("\n"));
	process.exit(1);
}
for (const file of config.files) {
	const output = ts.transpileModule(fs.readFileSync(file, "utf8"), { fileName: file, compilerOptions: options });
	const target = path.join(
		config.compilerOptions.outDir,
		path.relative(config.compilerOptions.rootDir, file).replace(/\.ts$/, ".js"),
	);
	fs.mkdirSync(path.dirname(target), { recursive: true });
	fs.writeFileSync(target, output.outputText);
	const map = JSON.parse(output.sourceMapText);
	map.sources = [path.relative(path.dirname(target), file)];
	fs.writeFileSync(target + ".map", JSON.stringify(map));
}
