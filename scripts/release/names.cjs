// Names of members: which must stay, and what the others are called. Part of the release build (scripts/release.cjs).
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { ROOT } = require("../device.cjs");
const { OUTSIDE, TESTS, filesOf } = require("./places.cjs");
const { nameOf, parsed } = require("./text.cjs");

/** The name of a member that a node declares or uses; else undefined. */
function memberOf(ts, node) {
	if (ts.isBindingElement(node)) return node.propertyName?.text ?? nameOf(ts, node);
	const isProperty = ts.isParameter(node) && node.modifiers !== undefined;
	const isMember = ts.isPropertyAccessExpression(node) || ts.isClassElement(node) || ts.isTypeElement(node) || ts.isObjectLiteralElement(node) || isProperty;
	return isMember ? nameOf(ts, node) : undefined;
}

/** Names that the language's own objects have. */
function libraryNames(ts) {
	const names = new Set();
	const library = path.join(ROOT, "node_modules", "typescript", "lib");
	const visit = (node) => {
		const name = ts.isParameter(node) || ts.isTypeParameterDeclaration(node) ? undefined : nameOf(ts, node);
		if (name !== undefined) names.add(name);
		ts.forEachChild(node, visit);
	};
	for (const file of fs.readdirSync(library).filter((name) => /^lib\.es.*\.d\.ts$/.test(name))) visit(parsed(ts, file, fs.readFileSync(path.join(library, file), "utf8")));
	return names;
}

/** Names of messages, of the language, and of all who know the firmware from outside. */
function knownNames(ts) {
	const known = new Set(["__proto__", ...libraryNames(ts)]);
	const outside = [...OUTSIDE, "typings", "preload"].flatMap((place) => filesOf(place, ".ts"));
	for (const file of [...outside, ...TESTS.map((id) => `${id}.ts`)]) {
		const visit = (node) => {
			const name = memberOf(ts, node);
			if (name !== undefined) known.add(name);
			else if (ts.isStringLiteralLike(node)) known.add(node.text);
			ts.forEachChild(node, visit);
		};
		visit(parsed(ts, file, fs.readFileSync(path.join(ROOT, file), "utf8")));
	}
	return known;
}

/** Names that may not change: those, and what the text says as a string, which may be used as a name. */
function fixedNames(ts, text, known) {
	const fixed = new Set(known);
	const visit = (node) => {
		if (ts.isStringLiteralLike(node)) fixed.add(node.text);
		ts.forEachChild(node, visit);
	};
	visit(parsed(ts, "a.js", text));
	return fixed;
}

/**
 * New names for the members that nobody knows outside: each name is a slot and its characters in ROM, so that members which no
 * object has at once share one, and take one that messages need anyway where no object with them goes into a message.
 * Which members an object has or may have is read from its class or literal, and from the types of the sources.
 * @param wire  names in messages
 * @returns name by name
 */
function memberNames(ts, text, fixed, wire) {
	// Members by name of a type, with those of the types that it is made of; types of one name in several files are one.
	const types = new Map();
	const unshared = new Set();
	const groups = [];
	const typeOf = (name) => {
		if (!types.has(name)) types.set(name, { members: new Set(), parts: new Set() });
		return types.get(name);
	};
	const fromTypes = (node) => {
		if (ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node) || ts.isTypeAliasDeclaration(node)) {
			const type = typeOf(node.name.text);
			const parts = (inner) => {
				if (ts.isTypeReferenceNode(inner)) type.parts.add(inner.typeName.getText());
				else if (ts.isExpressionWithTypeArguments(inner)) type.parts.add(inner.expression.getText());
				else if (ts.isTypeLiteralNode(inner)) for (const member of inner.members) type.members.add(nameOf(ts, member));
				if (!ts.isTypeElement(inner) && !ts.isClassElement(inner)) ts.forEachChild(inner, parts);
			};
			for (const clause of node.heritageClauses ?? []) parts(clause);
			if (ts.isTypeAliasDeclaration(node)) parts(node.type);
			for (const member of node.members ?? []) {
				if (ts.isConstructorDeclaration(member)) for (const parameter of member.parameters) if (parameter.modifiers !== undefined) type.members.add(parameter.name.text);
				type.members.add(nameOf(ts, member));
			}
		} else if (ts.isTypeLiteralNode(node)) groups.push(new Set(node.members.map((member) => nameOf(ts, member))));
		if (node.questionToken !== undefined && !ts.isConditionalExpression(node)) unshared.add(nameOf(ts, node));
		ts.forEachChild(node, fromTypes);
	};
	for (const file of ["modules", "drivers", "boards", "typings"].flatMap((place) => filesOf(place, ".ts"))) fromTypes(parsed(ts, file, fs.readFileSync(path.join(ROOT, file), "utf8")));
	const whole = (name, seen = new Set()) => {
		if (seen.has(name) || !types.has(name)) return [];
		seen.add(name);
		const { members, parts } = types.get(name);
		return [...members, ...[...parts].flatMap((part) => whole(part, seen))];
	};
	for (const name of types.keys()) groups.push(new Set(whole(name)));

	const names = new Map();
	const known = new Set();
	const visit = (node) => {
		if (ts.isObjectLiteralExpression(node)) groups.push(new Set(node.properties.map((property) => nameOf(ts, property))));
		else if (ts.isClassLike(node)) {
			const members = new Set(node.members.map((member) => nameOf(ts, member)));
			const own = (inner) => {
				if (ts.isPropertyAccessExpression(inner) && inner.expression.kind === ts.SyntaxKind.ThisKeyword) members.add(inner.name.text);
				ts.forEachChild(inner, own);
			};
			own(node);
			groups.push(members);
		}
		const name = memberOf(ts, node);
		if (name !== undefined && fixed.has(name)) known.add(name);
		else if (name !== undefined) names.set(name, (names.get(name) ?? 0) + 1);
		ts.forEachChild(node, visit);
	};
	const source = parsed(ts, "a.js", text);
	visit(source);

	const root = new Set(source.statements.find(ts.isVariableStatement).declarationList.declarations[0].initializer.properties.map((property) => property.name.text));
	// All objects of ours inherit these.
	for (const name of root) unshared.add(name);
	const inMessages = new Set(wire);
	const inLibrary = libraryNames(ts);
	const pool = [...known].filter((name) => name !== "__proto__" && !root.has(name) && !inLibrary.has(name) && !unshared.has(name));
	const outsideMessages = pool.filter((name) => !inMessages.has(name));
	const renamed = new Map();
	const invented = [];
	for (let i = 0; invented.length < names.size; i++) {
		const name = i < 26 ? String.fromCharCode(97 + i) : String.fromCharCode(97 + (i % 26)) + Math.floor(i / 26 - 1).toString(36);
		if (!fixed.has(name) && !root.has(name)) invented.push(name);
	}
	const alone = new Set();
	for (const [name] of [...names].sort((a, b) => b[1] - a[1])) {
		const around = groups.filter((group) => group.has(name));
		const taken = new Set(around.flatMap((group) => [...group]).map((other) => renamed.get(other) ?? other));
		const isInMessages = around.some((group) => [...group].some((other) => inMessages.has(other)));
		const isFree = (candidate) => !taken.has(candidate) && !alone.has(candidate);
		if (unshared.has(name)) {
			const used = new Set(renamed.values());
			renamed.set(name, invented.find((candidate) => !used.has(candidate)));
			alone.add(renamed.get(name));
		} else renamed.set(name, [...(isInMessages ? outsideMessages : pool), ...invented].find(isFree));
	}
	return renamed;
}

/** Names that are keys in ROM anyway, because messages have them. */
function wireNames(ts, schema) {
	const source = parsed(ts, "a.js", schema);
	const names = source.statements.filter(ts.isVariableStatement).flatMap(({ declarationList }) => declarationList.declarations)
		.find(({ name }) => name.text === "NAMES").initializer.arguments[0].arguments[0].properties.map(({ name }) => name.text);
	return names.filter((name) => /^[a-z]\w*$/.test(name));
}

module.exports = { fixedNames, knownNames, memberNames, wireNames };
