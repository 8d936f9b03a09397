// What the steps of the release build share: programs as text, parsed, and edited.
"use strict";

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

/** Parsed, each node with what is around it. */
function parsed(ts, file, text) {
	return ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
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

/** The same of the part from `from` to `to`, with those of the edits that are in it. */
function editedPart(text, from, to, edits) {
	return edited(text.slice(from, to), edits.filter(([a, b]) => a >= from && b <= to).map(([a, b, put]) => [a - from, b - from, put]));
}

/** The name of a node that has one which is an identifier or a string; else undefined. */
function nameOf(ts, node) {
	return node.name !== undefined && (ts.isIdentifier(node.name) || ts.isStringLiteral(node.name)) ? node.name.text : undefined;
}

/** The innermost function around a node; undefined at the top. */
function functionAround(ts, node) {
	for (let at = node.parent; at !== undefined; at = at.parent) if (ts.isFunctionLike(at)) return at;
	return undefined;
}

/** What an identifier means, in `{ name }`, too. */
function symbolOf(ts, checker, node) {
	return ts.isShorthandPropertyAssignment(node.parent) ? checker.getShorthandAssignmentValueSymbol(node.parent) : checker.getSymbolAtLocation(node);
}

/** Gives each local of the program a name that nothing else has. */
function withUniqueLocals(ts, text) {
	const { source, checker } = checked(ts, text);
	const numbers = new Map();
	const edits = [];
	const visit = (node) => {
		const isMember = ts.isIdentifier(node) && ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
		const declaration = ts.isIdentifier(node) && !isMember ? symbolOf(ts, checker, node)?.valueDeclaration : undefined;
		const isLocal = declaration !== undefined && (ts.isVariableDeclaration(declaration) || ts.isParameter(declaration) || ts.isBindingElement(declaration)) &&
			!(ts.isVariableDeclaration(declaration) && declaration.parent.parent.parent === source);
		if (isLocal && !(ts.isBindingElement(node.parent) && node.parent.propertyName === node)) {
			if (!numbers.has(declaration)) numbers.set(declaration, numbers.size);
			const name = `${node.text}$${numbers.get(declaration)}`;
			const isShort = ts.isShorthandPropertyAssignment(node.parent) || (ts.isBindingElement(node.parent) && ts.isObjectBindingPattern(node.parent.parent) &&
				node.parent.name === node && node.parent.propertyName === undefined);
			edits.push([node.getStart(), node.end, isShort ? `${node.text}: ${name}` : name]);
		}
		ts.forEachChild(node, visit);
	};
	visit(source);
	return edited(text, edits);
}

module.exports = { checked, edited, editedPart, functionAround, nameOf, parsed, symbolOf, withUniqueLocals };
