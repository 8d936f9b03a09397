// A fast stand-in for `tsc -p <config>` as mcconfig calls it, for one file: takes what scripts/device.cjs emits of all files at
// once. Used by scripts/check-moddable.ts, which checks the types of all files, in one process instead of one per file.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { ROOT, emit, outputOf } = require("./device.cjs");

const configPath = process.argv[process.argv.indexOf("-p") + 1];
const config = JSON.parse(fs.readFileSync(configPath, "utf8"));
emit();
for (const file of config.files) {
	const target = path.join(
		config.compilerOptions.outDir,
		path.relative(config.compilerOptions.rootDir, file).replace(/\.ts$/, ".js"),
	);
	const emitted = outputOf(path.relative(ROOT, file));
	fs.mkdirSync(path.dirname(target), { recursive: true });
	fs.copyFileSync(emitted, target);
	const map = JSON.parse(fs.readFileSync(`${emitted}.map`, "utf8"));
	map.sources = [path.relative(path.dirname(target), file)];
	fs.writeFileSync(target + ".map", JSON.stringify(map));
}
