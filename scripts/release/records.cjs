// Gives what is at the top of the module a place in records, so that functions need no scopes. Part of the release build
// (scripts/release.cjs).
"use strict";
const { checked, editedPart, functionAround, symbolOf } = require("./text.cjs");

/** Members of a record: few, because XS looks them up one after the other. */
const RECORD_MAX = 14;
/** Members of the root record itself, the most used ones. */
const ROOT_MAX = 24;

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
		const symbol = symbolOf(ts, checker, node);
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

	// What only the link needs is left as it is, and is gone afterwards.
	const exports = new Set(exported.map((element) => checker.getExportSpecifierLocalTargetSymbol(element)).map((symbol) => bindings.get(symbol)));
	const uses = new Map([...bindings.values()].map((binding) => [binding, []]));
	for (const [node, binding] of references) uses.get(binding).push(node);
	const passing = new Set([...bindings.values()].filter((binding) => !exports.has(binding) && !ts.isClassDeclaration(binding.declaration)));
	const isLinkOnly = (node) => {
		const around = functionAround(ts, node);
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
	const within = (from, to) => editedPart(text, from, to, edits);

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

module.exports = { intoRecords };
