// Puts the tables at the top of the module together: in ROM each buffer costs seven slots, and each text in an array one, however
// often it is there. Part of the release build (scripts/release.cjs).
"use strict";
const { checked, edited, symbolOf } = require("./text.cjs");

/** Bytes of a slot; of what stands around a buffer; of the code of one more look-up in a table, and of an addition. */
const SLOT = 16;
const BUFFER = 7 * SLOT;
const LOOKUP = 12;
const ADDITION = 4;

/** Kinds of tables, by what is in front of their items. */
const KINDS = { "": "texts", Uint8Array: "bytes", Uint16Array: "words", Float64Array: "numbers" };

/** A text or number, written out. */
function isLiteral(ts, node) {
	if (ts.isPrefixUnaryExpression(node)) return ts.isNumericLiteral(node.operand);
	if (ts.isBinaryExpression(node)) return isLiteral(ts, node.left) && isLiteral(ts, node.right);
	return ts.isNumericLiteral(node) || ts.isStringLiteral(node);
}

/** Frozen tables at the top that are used for nothing but their items: { kind, items, statement, accesses } by symbol. */
function tablesOf(ts, source, checker) {
	const tables = new Map();
	for (const statement of source.statements) {
		const [declaration] = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [];
		const call = declaration?.initializer;
		if (call === undefined || !ts.isCallExpression(call) || call.arguments.length !== 1) continue;
		const [value] = call.arguments;
		const list = ts.isNewExpression(value) ? value.arguments[0] : value;
		const kind = KINDS[ts.isNewExpression(value) ? value.expression.getText() : ""];
		if (kind === undefined || !ts.isArrayLiteralExpression(list) || !list.elements.every((item) => isLiteral(ts, item))) continue;
		if ((kind === "texts") !== list.elements.every(ts.isStringLiteral)) continue;
		tables.set(checker.getSymbolAtLocation(declaration.name), { kind, items: list.elements.map((item) => item.getText()), freeze: call.expression.getText(), statement, accesses: [] });
	}
	const visit = (node) => {
		const symbol = ts.isIdentifier(node) ? symbolOf(ts, checker, node) : undefined;
		const table = tables.get(symbol);
		if (table !== undefined && symbol.valueDeclaration.name !== node) {
			const { parent } = node;
			if (ts.isElementAccessExpression(parent) && parent.expression === node) table.accesses.push(parent);
			else tables.delete(symbol);
		}
		ts.forEachChild(node, visit);
	};
	visit(source);
	return [...tables.values()];
}

/** @returns text of the module that does the same */
function joined(ts, text) {
	const { source, checker } = checked(ts, text);
	const tables = tablesOf(ts, source, checker);
	const of = (kind) => tables.filter((table) => table.kind === kind);
	const edits = [];
	/** Writes `around(index)` for each access; `from` is where the table begins in the one that it is now in. */
	const rewrite = ({ accesses, statement }, from, around) => {
		for (const access of accesses) {
			const [before, after] = around(from === 0 ? ["", ""] : [`${from} + (`, ")"]);
			edits.push([access.getStart(), access.argumentExpression.getStart(), before], [access.argumentExpression.end, access.end, after]);
		}
		edits.push([statement.getStart(), statement.end, ""]);
	};
	const made = { bytes: [], words: [], numbers: [], texts: [] };
	const place = (kind, items) => made[kind].push(...items) - items.length;

	// The list with most different texts has the others' behind its own.
	const different = ({ items }) => new Set(items).size;
	const [first, ...others] = of("texts").sort((a, b) => different(b) - different(a));
	if (first !== undefined) {
		place("texts", first.items);
		rewrite(first, 0, ([a, b]) => [`$texts[${a}`, `${b}]`]);
		for (const table of others) {
			const unknown = new Set(table.items.filter((item) => !made.texts.includes(item)));
			const saved = table.items.filter((item) => !unknown.has(item)).reduce((sum, item) => sum + SLOT + item.length - 1, 0) +
				SLOT * (table.items.filter((item) => unknown.has(item)).length - unknown.size) - 2 * table.items.length - LOOKUP * table.accesses.length;
			if (saved <= 0) continue;
			place("texts", [...unknown]);
			rewrite(table, place("words", table.items.map((item) => String(made.texts.indexOf(item)))), ([a, b]) => [`$texts[$words[${a}`, `${b}]]`]);
		}
	}
	for (const table of of("numbers")) {
		const unknown = [...new Set(table.items)].filter((item) => !made.numbers.includes(item));
		if (made.numbers.length + unknown.length > 256 || 8 * (table.items.length - unknown.length) < table.items.length + LOOKUP * table.accesses.length) continue;
		place("numbers", unknown);
		rewrite(table, place("bytes", table.items.map((item) => String(made.numbers.indexOf(item)))), ([a, b]) => [`$numbers[$bytes[${a}`, `${b}]]`]);
	}
	for (const kind of ["bytes", "words"]) {
		// The most used one first: what is at 0 needs no addition.
		for (const table of of(kind).sort((a, b) => b.accesses.length - a.accesses.length)) {
			if (made[kind].length > 0 && ADDITION * table.accesses.length > BUFFER) continue;
			rewrite(table, place(kind, table.items), ([a, b]) => [`$${kind}[${a}`, `${b}]`]);
		}
	}
	if (edits.length === 0) return text;
	const freeze = tables[0].freeze;
	const value = (kind) => (kind === "texts" ? `[${made.texts.join()}]` : `new ${Object.keys(KINDS).find((name) => KINDS[name] === kind)}([${made[kind].join()}])`);
	const start = Math.min(...tables.map(({ statement }) => statement.getStart()));
	edits.push([start, start, Object.keys(made).filter((kind) => made[kind].length > 0).map((kind) => `const $${kind} = ${freeze}(${value(kind)});\n`).join("")]);
	return edited(text, edits);
}

module.exports = { joined };
