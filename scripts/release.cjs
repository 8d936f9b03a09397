// The release build: the modules under preload/ and modules/ as one ES module, in the form that takes the least ROM on XS. What
// each step saves, and why it is sound, is in docs/decisions/0015-release-build.md; `npm run budget` counts the result.
//   1. Rollup joins the modules that scripts/device.cjs emits; what nobody uses is left out.
//   2. Terser computes what is constant, and drops what is then unused.
//   3. Functions that are called in one place go there (inline.cjs); Terser folds once more.
//   4. Tables of one kind become one (tables.cjs).
//   5. What is at the top of the module becomes members of records that functions reach by `super` (records.cjs).
//   6. Terser gives short names to locals, and shared ones to members that nobody outside of the firmware names (names.cjs).
// It writes build/release: the modules, and a manifest.json for mcconfig that is the project's with these modules.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { ROOT, JS, emit } = require("./device.cjs");
const { inlined } = require("./release/inline.cjs");
const { fixedNames, knownNames, memberNames, wireNames } = require("./release/names.cjs");
const { APART, FREEZE, OUTSIDE, STATION, TESTS, filesOf } = require("./release/places.cjs");
const { intoRecords } = require("./release/records.cjs");
const { joined } = require("./release/tables.cjs");
const { checked, edited, parsed, symbolOf } = require("./release/text.cjs");

const OUT = path.join(ROOT, "build", "release");
/** The steps that have a file of their own. */
const STEPS = fs.readdirSync(path.join(__dirname, "release")).map((name) => path.join(__dirname, "release", name));
/** Stands around a string while Terser works: in a function each evaluation of a literal would copy it to RAM. */
const KEPT = "$kept";

/** Modules of the firmware that the outside imports, with the names that it takes of them. */
function importedFrom(ts) {
	const wanted = new Map();
	const files = [...OUTSIDE.filter((place) => !place.startsWith("modules/")).flatMap((place) => filesOf(place, ".ts")), ...TESTS.map((id) => `${id}.ts`)];
	for (const file of files) {
		const source = ts.createSourceFile(file, fs.readFileSync(path.join(JS, file.replace(/\.ts$/, ".js")), "utf8"), ts.ScriptTarget.ES2022);
		for (const statement of source.statements) {
			if (!ts.isImportDeclaration(statement) || !statement.moduleSpecifier.text.startsWith(".")) continue;
			const id = path.posix.join(path.posix.dirname(file), statement.moduleSpecifier.text).replace(/\.js$/, "");
			if (!/^(preload|modules)\//.test(id) || APART.includes(id)) continue;
			const names = statement.importClause?.namedBindings?.elements ?? [];
			for (const { name, propertyName } of names) wanted.set((propertyName ?? name).text, id);
		}
	}
	return wanted;
}

/**
 * The tables of messages with what this build answers or sends and nothing else; for the other actions they say so. The tables in
 * the repository have all 64, and tests try all of them.
 * @returns text by path of the emitted file
 */
function servedTables(ts) {
	const build = require("./build.cjs");
	build.build();
	const node = (id) => require(path.join(build.OUT, `${id}.js`));
	node("test-host/board/xs-globals");
	const { CALLS, SENDS } = node("modules/station/registry");
	const { ACTION_NAMES } = node("preload/actions");
	const served = ACTION_NAMES.filter((_, action) => CALLS[action] !== null || SENDS.some((row) => row.action === action));
	const tables = node("scripts/generate-tables").generate(served).files.filter(([file]) => file === "preload/schema.ts" || file === "preload/actions.ts");
	return new Map(tables.map(([file, text]) => {
		const source = parsed(ts, file, text);
		const kept = source.statements.filter((statement) => !ts.isEnumDeclaration(statement)).map((statement) => statement.getFullText()).join("");
		const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 };
		return [path.join(JS, file.replace(/\.ts$/, ".js")), ts.transpileModule(kept, { compilerOptions: options }).outputText];
	}));
}

async function bundle(wanted, replaced) {
	const { rollup } = require("rollup");
	const entry = "\0entry";
	const lines = [...wanted].map(([name, id]) => `export { ${name} } from ${JSON.stringify(path.join(JS, `${id}.js`))};`);
	const made = await rollup({
		input: entry,
		external: [path.join(JS, `${FREEZE}.js`)],
		plugins: [{
			name: "entry",
			resolveId: (id) => (id === entry ? entry : null),
			load: (id) => (id === entry ? lines.join("\n") : replaced.get(id) ?? null),
			// Tables that nobody uses are dropped.
			transform: (code, id) => (id.startsWith(path.join(JS, "preload")) ? code.replace(/= freeze\(/g, "= /*#__PURE__*/ freeze(") : null),
		}],
	});
	const { output } = await made.generate({ format: "es", paths: () => `../../${FREEZE}.js` });
	await made.close();
	return output[0].code;
}

/** Settings of Terser where it folds: constants and dead code, but nothing that would copy code or make closures. */
const COMPRESS = {
	ecma: 2022, module: true, toplevel: true, passes: 3, inline: 1, reduce_funcs: false, hoist_funs: false, sequences: false,
	join_vars: false, booleans: false, typeofs: false, conditionals: false, arrows: false, keep_fargs: false, pure_getters: true,
};

/**
 * Hides from Terser what it must not move into functions: strings at the top of the module, and functions that are handed on by
 * name, which would become functions of their own where that happens.
 */
function keep(ts, text) {
	const { source, checker } = checked(ts, text);
	const edits = [];
	const handed = new Set();
	const visit = (node) => {
		if (ts.isIdentifier(node) && !ts.isCallExpression(node.parent) && !ts.isFunctionDeclaration(node.parent)) {
			const symbol = symbolOf(ts, checker, node);
			const declaration = symbol?.valueDeclaration;
			if (declaration !== undefined && ts.isFunctionDeclaration(declaration) && declaration.parent === source) handed.add(symbol.name);
		}
		ts.forEachChild(node, visit);
	};
	visit(source);
	for (const statement of source.statements) {
		if (!ts.isVariableStatement(statement)) continue;
		for (const { initializer } of statement.declarationList.declarations) {
			if (initializer !== undefined && ts.isStringLiteralLike(initializer)) edits.push([initializer.getStart(), initializer.end, `${KEPT}(${initializer.getText()})`]);
		}
	}
	return `${edited(text, edits)}\n${KEPT}([${[...handed].join(", ")}]);\n`;
}

/** Takes away what keep() has put. */
function free(ts, text) {
	const source = parsed(ts, "a.js", text);
	const edits = [];
	const visit = (node) => {
		if (!ts.isCallExpression(node) || node.expression.getText() !== KEPT) return ts.forEachChild(node, visit);
		const [what] = node.arguments;
		if (ts.isStringLiteralLike(what)) edits.push([node.getStart(), node.end, what.getText()]);
		else edits.push([node.parent.getStart(), node.parent.end, ""]);
		return undefined;
	};
	visit(source);
	return edited(text, edits);
}

/** Makes the text of the module. */
async function stationText(ts) {
	const { minify } = require("terser");
	const tables = servedTables(ts);
	const folded = async (text) => {
		const made = await minify(keep(ts, text), { module: true, ecma: 2022, compress: COMPRESS, mangle: false, format: { beautify: true, comments: false } });
		return free(ts, made.code);
	};
	const known = knownNames(ts);
	const wire = wireNames(ts, tables.get(path.join(JS, "preload/schema.js")));
	const whole = await folded(await bundle(importedFrom(ts), tables));
	const moved = await folded(inlined(ts, whole, fixedNames(ts, whole, known)));
	const placed = intoRecords(ts, joined(ts, moved), wire);
	const fixed = fixedNames(ts, placed, known);
	const made = await minify(placed, {
		module: true, ecma: 2022, compress: false, mangle: { module: true, properties: { reserved: [...fixed], keep_quoted: "strict" } },
		nameCache: { props: { props: memberNames(ts, placed, fixed, wire) } }, format: { beautify: true, comments: false },
	});
	return made.code;
}

/** The project's manifest with the modules of the release in place of its own. */
function manifestText() {
	const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, "manifest.json"), "utf8"));
	const up = path.relative(OUT, ROOT);
	const isOurs = (id) => /^(preload|modules)\//.test(id);
	const moved = (value) => {
		if (Array.isArray(value)) return value.map(moved);
		if (value !== null && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, moved(inner)]));
		return typeof value === "string" && value.startsWith("./") ? path.posix.join(up, value) : value;
	};
	const kept = { ...manifest, modules: {}, preload: [] };
	for (const [id, place] of Object.entries(manifest.modules)) if (!isOurs(id)) kept.modules[id] = place;
	const result = moved(kept);
	for (const id of APART) if (manifest.preload.includes(id)) result.modules[id] = `${up}/${id}`;
	result.modules[STATION] = `./js/${STATION}`;
	result.preload = [...APART.filter((id) => manifest.preload.includes(id)), STATION, ...manifest.preload.filter((id) => !isOurs(id))];
	return JSON.stringify(result, null, "\t") + "\n";
}

function write(file, text) {
	const target = path.join(OUT, file);
	fs.mkdirSync(path.dirname(target), { recursive: true });
	if (fs.existsSync(target) && fs.readFileSync(target, "utf8") === text) return;
	const draft = `${target}.${process.pid}`;
	fs.writeFileSync(draft, text);
	fs.renameSync(draft, target);
}

/**
 * Makes the release when something is newer than it.
 * @param say  told about progress in one line
 * @returns {{ root: string, manifest: string, modules: string[] }}  where the modules are, and their ids
 */
async function release(say = () => undefined) {
	emit();
	const stamp = path.join(OUT, "stamp");
	const modifiedMs = (file) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -1;
	const newest = Math.max(...[path.join(JS, "stamp"), __filename, ...STEPS, path.join(ROOT, "manifest.json"), path.join(ROOT, "package-lock.json")].map(modifiedMs));
	const made = { root: path.join(OUT, "js"), manifest: path.join(OUT, "manifest.json"), modules: [...APART, STATION] };
	if (modifiedMs(stamp) >= newest) return made;
	say("making the release build (about 10 s) …");
	const startedMs = Date.now();
	const ts = require("typescript");
	write(`js/${STATION}.js`, await stationText(ts));
	for (const id of APART) write(`js/${id}.js`, fs.readFileSync(path.join(JS, `${id}.js`), "utf8"));
	for (const id of TESTS) {
		const text = fs.readFileSync(path.join(JS, `${id}.js`), "utf8");
		const folder = path.posix.dirname(id);
		write(`js/${id}.js`, text.replace(/"((?:\.\.\/)+(?:preload|modules)\/[^"]*)\.js"/g, (_, from) =>
			JSON.stringify(APART.includes(path.posix.join(folder, from)) ? `${from}.js` : `${path.posix.relative(folder, STATION)}.js`)));
	}
	write("manifest.json", manifestText());
	fs.writeFileSync(stamp, "");
	fs.utimesSync(stamp, startedMs / 1000, startedMs / 1000);
	return made;
}

module.exports = { release };

if (require.main === module) {
	release((line) => process.stderr.write(`${line}\n`)).then(
		({ manifest }) => process.stdout.write(`mcconfig -m -p esp32 ${path.relative(process.cwd(), manifest)}\n`),
		(error) => {
			process.stderr.write(`${error.stack}\n`);
			process.exit(1);
		});
}
