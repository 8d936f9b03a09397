// The release build: the modules under preload/ and modules/ as one ES module, in the form that takes the least ROM on XS. What
// each step saves, and why it is sound, is in docs/decisions/0015-release-build.md; `npm run budget` counts the result.
//   1. Rollup joins the modules that scripts/device.cjs emits; what nobody uses is left out.
//   2. Terser computes what is constant, and drops what is then unused.
//   3. What is at the top of the module becomes members of records that functions reach by `super` (see `intoRecords`).
//   4. Terser gives short names to locals, and to members that nobody outside of the firmware and no message names.
// It writes build/release: the modules, and a manifest.json for mcconfig that is the project's with these modules.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { ROOT, JS, emit } = require("./device.cjs");

const OUT = path.join(ROOT, "build", "release");
/** The modules of a release. Whoever imports the firmware imports this one by its path in the sources. */
const STATION = "modules/station/station";
/** Used by boards while they are linked. */
const FREEZE = "preload/freeze";
/** Modules that stay as they are: what boards use, too, and what is a face of native code. */
const APART = [FREEZE, "modules/transport/tls/tls", "modules/transport/tls/crypto"];
/** Those who know the firmware from outside: what they name keeps its name, what they import is exported. */
const OUTSIDE = ["main.ts", "drivers", "boards", "modules/ports", "modules/transport/tls", "test-host/xs/firmware"];
/** Firmware of the test host that runs with the release; the others try parts that it does not show. */
const TESTS = ["test-host/xs/firmware/main", "test-host/xs/firmware/native", "test-host/xs/firmware/tls-client"];
/** Members of a record: few, because XS looks them up one after the other. */
const RECORD_MAX = 14;
/** Members of the root record itself, the most used ones. */
const ROOT_MAX = 24;
/** Stands around a string while Terser works: in a function each evaluation of a literal would copy it to RAM. */
const KEPT = "$kept";

function filesOf(place, extension) {
	const whole = path.join(ROOT, place);
	if (fs.statSync(whole).isFile()) return [place];
	return fs.readdirSync(whole, { withFileTypes: true }).flatMap((entry) => {
		if (entry.isDirectory()) return filesOf(`${place}/${entry.name}`, extension);
		return entry.name.endsWith(extension) ? [`${place}/${entry.name}`] : [];
	});
}

/** Modules of the firmware that the outside imports, with the names that it takes of them. */
function importedFrom(ts) {
	const wanted = new Map();
	const files = [...OUTSIDE.filter((place) => !/^(modules|test-host)\//.test(place)).flatMap((place) => filesOf(place, ".ts")), ...TESTS.map((id) => `${id}.ts`)];
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
		const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
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

/** Settings of Terser's first run: constants and dead code, but nothing that would copy code or make closures. */
const COMPRESS = {
	ecma: 2022, module: true, toplevel: true, passes: 3, inline: 1, reduce_funcs: false, hoist_funs: false, sequences: false,
	join_vars: false, booleans: false, typeofs: false, arrows: false, keep_fargs: false, pure_getters: true,
};

/** A program of one file, so that the compiler tells which declaration a name means. */
function checked(ts, text) {
	const file = "/release.js";
	const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
	const host = {
		getSourceFile: (name) => (name === file ? source : undefined), getDefaultLibFileName: () => "lib.d.ts", writeFile: () => undefined,
		getCurrentDirectory: () => "/", getCanonicalFileName: (name) => name, useCaseSensitiveFileNames: () => true, getNewLine: () => "\n",
		fileExists: (name) => name === file, readFile: (name) => (name === file ? text : undefined),
	};
	const options = { allowJs: true, noLib: true, noResolve: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, types: [] };
	return { source, checker: ts.createProgram([file], options, host).getTypeChecker() };
}

/** Applies [from, to, text] replacements, none inside another. */
function edited(text, edits) {
	let result = "";
	let at = 0;
	for (const [from, to, put] of edits.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
		if (from < at) throw new Error(`release: edits overlap at ${text.slice(from, to)}`);
		result += text.slice(at, from) + put;
		at = to;
	}
	return result + text.slice(at);
}

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
			const { parent } = node;
			const symbol = ts.isShorthandPropertyAssignment(parent) ? checker.getShorthandAssignmentValueSymbol(parent) : checker.getSymbolAtLocation(node);
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
	const source = ts.createSourceFile("a.js", text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
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

/**
 * A function of XS holds a slot for each thing at the top of the module that it uses, and two more for the scope that holds
 * them; a declared function moreover has a prototype of three slots. Methods need neither: what is at the top of the module
 * becomes members of records, functions become their methods, and all records, as the prototypes of all classes, inherit from one
 * root record, which a method reaches by `super`. `super` wants an object as `this`: functions that may be called without one
 * name the records instead.
 * @param names  to be used for members of records, each of them once per record
 */
function intoRecords(ts, text, names) {
	const { source, checker } = checked(ts, text);
	const bindings = new Map();
	const add = (identifier, declaration, statement) => bindings.set(checker.getSymbolAtLocation(identifier),
		{ name: identifier.text, declaration, statement, uses: 0, isMethod: false, isDetached: false });
	const imports = [];
	const exported = [];
	for (const statement of source.statements) {
		if (ts.isImportDeclaration(statement)) imports.push(statement.getText());
		else if (ts.isExportDeclaration(statement)) exported.push(...statement.exportClause.elements);
		else if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) add(statement.name, statement, statement);
		else if (ts.isVariableStatement(statement)) {
			for (const declaration of statement.declarationList.declarations) {
				if (!ts.isIdentifier(declaration.name)) throw new Error(`release: cannot place ${statement.getText().slice(0, 80)}`);
				add(declaration.name, declaration, statement);
			}
		}
	}
	const bindingOf = (node) => {
		if (!ts.isIdentifier(node)) return undefined;
		const { parent } = node;
		if ((ts.isPropertyAccessExpression(parent) || ts.isMethodDeclaration(parent) || ts.isPropertyAssignment(parent)) && parent.name === node) return undefined;
		const symbol = ts.isShorthandPropertyAssignment(parent) ? checker.getShorthandAssignmentValueSymbol(parent) : checker.getSymbolAtLocation(node);
		return symbol === undefined ? undefined : bindings.get(symbol);
	};
	const isCallee = (node) => ts.isCallExpression(node.parent) && node.parent.expression === node;
	/** Members of which each use is a call, or a comparison: who is called through them has an object as `this`. */
	const loose = new Set();
	const taken = new Set();
	const references = [];
	const visit = (node) => {
		if (ts.isPropertyAccessExpression(node) || ts.isClassElement(node) || ts.isPropertyAssignment(node)) taken.add(node.name?.text);
		if (ts.isPropertyAccessExpression(node) && !isCallee(node) && !(ts.isBinaryExpression(node.parent) && /[!=]==/.test(node.parent.operatorToken.getText())))
			loose.add(node.name.text);
		const binding = bindingOf(node);
		if (binding !== undefined && node !== binding.declaration.name && !ts.isExportSpecifier(node.parent)) {
			references.push([node, binding]);
			binding.uses++;
		}
		ts.forEachChild(node, visit);
	};
	visit(source);
	const usesThis = (body) => {
		let found = false;
		const look = (node) => {
			if (node.kind === ts.SyntaxKind.ThisKeyword || (ts.isIdentifier(node) && node.text === "arguments")) found = true;
			else if (!ts.isFunctionDeclaration(node) && !ts.isFunctionExpression(node) && !ts.isClassLike(node) && !ts.isMethodDeclaration(node)) ts.forEachChild(node, look);
		};
		ts.forEachChild(body, look);
		return found;
	};
	for (const binding of bindings.values()) binding.isMethod = ts.isFunctionDeclaration(binding.declaration) && !usesThis(binding.declaration.body);
	for (const [node, binding] of references) {
		if (!binding.isMethod || isCallee(node)) continue;
		const holder = node.parent;
		const isMember = (ts.isPropertyAssignment(holder) || ts.isShorthandPropertyAssignment(holder)) && !loose.has(holder.name.getText());
		if (!isMember) binding.isDetached = true;
	}

	const functionAround = (node) => {
		for (let at = node.parent; at !== undefined; at = at.parent) if (ts.isFunctionLike(at)) return at;
		return undefined;
	};
	// What only the link needs is left as it is, and is gone afterwards.
	const exports = new Set(exported.map((element) => checker.getExportSpecifierLocalTargetSymbol(element)).map((symbol) => bindings.get(symbol)));
	const uses = new Map([...bindings.values()].map((binding) => [binding, []]));
	for (const [node, binding] of references) uses.get(binding).push(node);
	const passing = new Set([...bindings.values()].filter((binding) => !exports.has(binding) && !ts.isClassDeclaration(binding.declaration)));
	const isLinkOnly = (node) => {
		const around = functionAround(node);
		if (around === undefined) return true;
		return ts.isFunctionDeclaration(around) && passing.has(bindings.get(checker.getSymbolAtLocation(around.name)));
	};
	for (let before = -1; before !== passing.size;) {
		before = passing.size;
		for (const binding of passing) {
			const isFunction = ts.isFunctionDeclaration(binding.declaration);
			if (!uses.get(binding).every((node) => isLinkOnly(node) && (!isFunction || isCallee(node)))) passing.delete(binding);
		}
	}

	// Places: the most used ones in the root, the others in the order of the sources, so that neighbours share a record.
	const all = [...bindings.values()].filter((binding) => !passing.has(binding));
	const inRoot = new Set([...all].sort((a, b) => b.uses - a.uses).slice(0, ROOT_MAX));
	const records = [];
	for (const binding of all) {
		if (inRoot.has(binding)) continue;
		if (records.length === 0 || records.at(-1).members.length === RECORD_MAX) records.push({ members: [], uses: 0 });
		const record = records.at(-1);
		record.members.push(binding);
		record.uses += binding.uses;
		binding.record = record;
	}
	const rootMembers = [...[...inRoot].map((binding) => ({ binding, uses: binding.uses })), ...records.map((record) => ({ record, uses: record.uses }))]
		.sort((a, b) => b.uses - a.uses);
	// What objects of our classes inherit, none of their own members may be called: it could not be set.
	const free = names.filter((name) => !taken.has(name));
	rootMembers.forEach(({ binding, record }, index) => ((binding ?? record).key = free[index] ?? `$${index}`));
	records.forEach((record, index) => {
		record.variable = `$${index}`;
		record.members.sort((a, b) => b.uses - a.uses).forEach((binding, at) => (binding.key = names[at]));
	});
	const lexical = (binding) => `${binding.record?.variable ?? "$root"}.${binding.key}`;
	const inherited = (binding) => `super.${binding.record === undefined ? "" : `${binding.record.key}.`}${binding.key}`;

	/** The function around a node that may say `super`, if there is one; a function inside of it may not. */
	const reaches = (node) => {
		for (let at = node.parent; at !== undefined; at = at.parent) {
			if (ts.isFunctionDeclaration(at)) {
				const binding = bindings.get(checker.getSymbolAtLocation(at.name));
				return binding !== undefined && binding.isMethod && !binding.isDetached && !passing.has(binding);
			}
			if (ts.isMethodDeclaration(at) || ts.isConstructorDeclaration(at) || ts.isGetAccessor(at) || ts.isSetAccessor(at)) {
				return ts.isClassDeclaration(at.parent) && at.parent.parent === source && at.parent.heritageClauses === undefined &&
					!at.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword);
			}
			if (ts.isFunctionLike(at)) return false;
		}
		return false;
	};
	const edits = [];
	for (const [node, binding] of references) {
		if (passing.has(binding)) continue;
		const put = reaches(node) ? inherited(binding) : lexical(binding);
		edits.push([node.getStart(), node.end, ts.isShorthandPropertyAssignment(node.parent) ? `${node.text}: ${put}` : put]);
	}
	const within = (from, to) => edited(text.slice(from, to), edits.filter(([a, b]) => a >= from && b <= to).map(([a, b, put]) => [a - from, b - from, put]));

	const methods = new Map();
	const rest = [];
	for (const statement of source.statements) {
		if (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) continue;
		if (ts.isFunctionDeclaration(statement)) {
			const binding = bindings.get(checker.getSymbolAtLocation(statement.name));
			if (passing.has(binding)) rest.push(within(statement.getStart(), statement.end));
			else if (binding.isMethod) {
				if (!methods.has(binding.record)) methods.set(binding.record, []);
				methods.get(binding.record).push([binding, `${binding.key}${within(statement.name.end, statement.end)}`]);
			} else rest.push(`${lexical(binding)} = ${within(statement.getStart(), statement.end)};`);
		} else if (ts.isClassDeclaration(statement)) {
			const binding = bindings.get(checker.getSymbolAtLocation(statement.name));
			const tail = statement.heritageClauses === undefined ? statement.members.pos - 1 : statement.heritageClauses.pos;
			rest.push(`${lexical(binding)} = class ${within(tail, statement.end)};`);
			if (statement.heritageClauses === undefined) rest.push(`Object.setPrototypeOf(${lexical(binding)}.prototype, $root);`);
		} else if (ts.isVariableStatement(statement)) {
			for (const declaration of statement.declarationList.declarations) {
				const binding = bindings.get(checker.getSymbolAtLocation(declaration.name));
				const place = passing.has(binding) ? `const ${binding.name}` : lexical(binding);
				rest.push(`${place} = ${within(declaration.initializer.getStart(), declaration.initializer.end)};`);
			}
		} else rest.push(within(statement.getStart(), statement.end));
	}
	// Members are looked up in the order in which they were made: the most used first, whatever they are. What is in the root has
	// its home elsewhere: `super` looks above the home of a method.
	const places = (members) => members.map((member) => {
		const method = (methods.get(member.record) ?? []).find(([binding]) => binding === member);
		return method === undefined ? `${member.key}: undefined` : method[1];
	});
	const lines = [...imports, `const $root = { ${rootMembers.map((member) => `${(member.binding ?? member.record).key}: undefined`).join(", ")} };`];
	for (const record of records) lines.push(`const ${record.variable} = $root.${record.key} = { __proto__: $root, ${places(record.members).join(",\n")} };`);
	const homeless = methods.get(undefined) ?? [];
	lines.push(`const $home = { __proto__: $root, ${homeless.map(([, method]) => method).join(",\n")} };`);
	lines.push(...homeless.map(([binding]) => `$root.${binding.key} = $home.${binding.key};`));
	lines.push(...rest, ...["$root", "$home", ...records.map((record) => record.variable)].map((name) => `Object.freeze(${name});`));
	for (const element of exported) {
		const binding = bindings.get(checker.getExportSpecifierLocalTargetSymbol(element));
		lines.push(`export const ${element.name.text} = ${lexical(binding)};`);
	}
	return lines.join("\n");
}

/** Names that may not change: of messages, of the language, and of all who know the firmware from outside. */
function fixedNames(ts, text) {
	const fixed = new Set(["__proto__"]);
	const take = (file) => {
		for (const [name] of fs.readFileSync(file, "utf8").matchAll(/[A-Za-z_$][\w$]*/g)) fixed.add(name);
	};
	for (const file of [...OUTSIDE, "typings", "preload"].flatMap((place) => filesOf(place, ".ts"))) take(path.join(ROOT, file));
	const library = path.join(ROOT, "node_modules", "typescript", "lib");
	for (const name of fs.readdirSync(library)) if (/^lib\.es.*\.d\.ts$/.test(name)) take(path.join(library, name));
	// What is written as a string may be used as a name.
	const source = ts.createSourceFile("a.js", text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
	const visit = (node) => {
		if (ts.isStringLiteralLike(node)) fixed.add(node.text);
		ts.forEachChild(node, visit);
	};
	visit(source);
	return fixed;
}

/** Names that are keys in ROM anyway, because messages have them. */
function wireNames(ts, schema) {
	const source = ts.createSourceFile("a.js", schema, ts.ScriptTarget.ES2022, true);
	const names = source.statements.filter(ts.isVariableStatement).flatMap(({ declarationList }) => declarationList.declarations)
		.find(({ name }) => name.text === "NAMES").initializer.arguments[0].arguments[0].properties.map(({ name }) => name.text);
	return names.filter((name) => /^[a-z]\w*$/.test(name));
}

/** Makes the text of the module. */
async function stationText(ts) {
	const { minify } = require("terser");
	const tables = servedTables(ts);
	const joined = keep(ts, await bundle(importedFrom(ts), tables));
	const folded = await minify(joined, { module: true, ecma: 2022, compress: COMPRESS, mangle: false, format: { beautify: true, comments: false } });
	const placed = intoRecords(ts, free(ts, folded.code), wireNames(ts, tables.get(path.join(JS, "preload/schema.js"))));
	const reserved = [...fixedNames(ts, placed)];
	const made = await minify(placed, {
		module: true, ecma: 2022, compress: false, mangle: { module: true, properties: { reserved, keep_quoted: "strict" } },
		format: { beautify: true, comments: false },
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
	const newest = Math.max(...[path.join(JS, "stamp"), __filename, path.join(ROOT, "manifest.json"), path.join(ROOT, "package-lock.json")].map(modifiedMs));
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
