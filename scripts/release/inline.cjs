// Puts functions and methods that are called in one place only where they are called: in ROM a function takes three slots and
// about 20 bytes besides what it does, and on the stack a frame of its own. Part of the release build (scripts/release.cjs).
"use strict";
const { checked, edited, editedPart, functionAround, nameOf, symbolOf, withUniqueLocals } = require("./text.cjs");

/**
 * Bytes of a function besides what it does, and of each parameter; of a call and of a getter's besides what it is called on and its
 * arguments.
 */
const FUNCTION_BYTES = 56;
const PARAMETER_BYTES = 8;
const CALL_BYTES = 10;
const GETTER_BYTES = 3;

/** Nodes of a function's own body, without those of functions inside of it. */
function eachOwn(ts, body, visit) {
	const look = (node) => {
		visit(node);
		if (!ts.isFunctionLike(node) && !ts.isClassLike(node)) ts.forEachChild(node, look);
	};
	ts.forEachChild(body, look);
}

/** `a = b`, `a += b`, … */
function isAssignment(ts, node) {
	const { kind } = node.operatorToken;
	return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
}

/** What may be moved: takes plain parameters, has nothing inside that has a `this` or a scope of its own. */
function isMovable(ts, declaration) {
	if (declaration.body === undefined || declaration.asteriskToken !== undefined || declaration.modifiers !== undefined) return false;
	if (!declaration.parameters.every(({ name, dotDotDotToken }) => ts.isIdentifier(name) && dotDotDotToken === undefined)) return false;
	let isPlain = true;
	eachOwn(ts, declaration.body, (node) => {
		if (ts.isFunctionLike(node) || ts.isClassLike(node)) isPlain = false;
		else if (ts.isIdentifier(node) && node.text === "arguments") isPlain = false;
		else if (node.kind === ts.SyntaxKind.SuperKeyword) isPlain = false;
		else if (ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.BlockScoped) === 0) isPlain = false;
	});
	return isPlain;
}

/** One pass: as many as do not touch each other. @returns the new text, or undefined when there is nothing left to do */
function pass(ts, text, fixed, count) {
	const { source, checker } = checked(ts, text);
	const meant = (node) => symbolOf(ts, checker, node);
	const references = new Map();
	const written = new Set();
	const accesses = new Map();
	const members = new Map();
	const push = (map, key, value) => map.set(key, [...(map.get(key) ?? []), value]);
	const isStep = (node) => (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) &&
		(node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken);
	const isWrite = (node) => {
		const { parent } = node;
		if (ts.isBinaryExpression(parent)) return parent.left === node && isAssignment(ts, parent);
		if (ts.isForOfStatement(parent) || ts.isForInStatement(parent)) return parent.initializer === node;
		// Taking apart: a part is written when the whole is.
		if (ts.isArrayLiteralExpression(parent) || ts.isObjectLiteralExpression(parent) || ts.isSpreadElement(parent) || ts.isParenthesizedExpression(parent)) return isWrite(parent);
		if (ts.isPropertyAssignment(parent) || ts.isShorthandPropertyAssignment(parent)) return isWrite(parent);
		return isStep(parent);
	};
	const visit = (node) => {
		if (ts.isPropertyAccessExpression(node)) push(accesses, node.name.text, node);
		else if (ts.isIdentifier(node) && !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node)) {
			const symbol = meant(node);
			if (symbol?.valueDeclaration !== undefined && symbol.valueDeclaration.name !== node) push(references, symbol, node);
			if (symbol !== undefined && isWrite(node)) written.add(symbol);
		}
		if ((ts.isClassElement(node) || ts.isObjectLiteralElement(node) || ts.isBindingElement(node)) && nameOf(ts, node) !== undefined) push(members, nameOf(ts, node), node);
		ts.forEachChild(node, visit);
	};
	visit(source);

	const isTop = (symbol) => symbol?.valueDeclaration?.parent === source || symbol?.valueDeclaration?.parent?.parent?.parent === source;
	/** Has the same value whenever it is evaluated, and evaluating it does nothing. */
	const isStable = (node) => {
		if (ts.isNumericLiteral(node) || ts.isStringLiteralLike(node) || node.kind === ts.SyntaxKind.ThisKeyword) return true;
		if (node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword || node.kind === ts.SyntaxKind.NullKeyword) return true;
		if (ts.isPrefixUnaryExpression(node)) return ts.isNumericLiteral(node.operand);
		if (!ts.isIdentifier(node)) return false;
		const symbol = meant(node);
		return symbol !== undefined && symbol.valueDeclaration !== undefined && !written.has(symbol);
	};
	/** Callers that reach everything by `super` once they are methods; who is handed on by name may not be one. */
	const isHost = (caller) => {
		if (caller === undefined) return false;
		if (ts.isMethodDeclaration(caller) || ts.isConstructorDeclaration(caller) || ts.isGetAccessor(caller) || ts.isSetAccessor(caller)) return ts.isClassDeclaration(caller.parent);
		if (!ts.isFunctionDeclaration(caller) || caller.parent !== source) return false;
		return (references.get(checker.getSymbolAtLocation(caller.name)) ?? []).every((node) =>
			(ts.isCallExpression(node.parent) && node.parent.expression === node) || ts.isPropertyAssignment(node.parent) || ts.isShorthandPropertyAssignment(node.parent));
	};
	/** The statement that evaluates `call` before anything that could tell the difference; undefined when there is none. */
	const statementOf = (call) => {
		for (let at = call; ; at = at.parent) {
			const { parent } = at;
			if (ts.isExpressionStatement(parent) || ts.isReturnStatement(parent) || ts.isThrowStatement(parent)) return parent;
			if ((ts.isIfStatement(parent) || ts.isSwitchStatement(parent) || ts.isForOfStatement(parent)) && parent.expression === at) return parent;
			if (ts.isVariableDeclaration(parent)) {
				const list = parent.parent;
				return ts.isVariableStatement(list.parent) && list.declarations[0] === parent && ts.isIdentifier(parent.name) ? list.parent : undefined;
			}
			if (ts.isBinaryExpression(parent)) {
				const isPlainAssignment = parent.operatorToken.kind === ts.SyntaxKind.EqualsToken;
				const isSimpleTarget = ts.isIdentifier(parent.left) || (ts.isPropertyAccessExpression(parent.left) && isStable(parent.left.expression));
				const isLogical = [ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.BarBarToken, ts.SyntaxKind.QuestionQuestionToken].includes(parent.operatorToken.kind);
				if (parent.right === at && !(isPlainAssignment ? isSimpleTarget : !isLogical && !isAssignment(ts, parent) && isStable(parent.left))) return undefined;
			} else if (ts.isConditionalExpression(parent)) {
				if (parent.condition !== at) return undefined;
			} else if (ts.isPropertyAccessExpression(parent) || ts.isElementAccessExpression(parent)) {
				if (parent.expression !== at) return undefined;
			} else if (ts.isCallExpression(parent) || ts.isNewExpression(parent)) {
				const callee = parent.expression;
				if (callee !== at) {
					const isKnown = !ts.isOptionalChain(parent) &&
						(ts.isIdentifier(callee) ? isStable(callee) : ts.isPropertyAccessExpression(callee) && isStable(callee.expression));
					const before = parent.arguments.slice(0, parent.arguments.indexOf(at));
					if (!isKnown || !before.every(isStable)) return undefined;
				}
			} else if (!ts.isParenthesizedExpression(parent) && !(ts.isPrefixUnaryExpression(parent) && !isStep(parent))) {
				return undefined;
			}
		}
	};

	const edits = [];
	const touched = [];
	const isTouched = (from, to) => touched.some(([a, b]) => from < b && a < to);
	let number = count;

	/** Puts `arg` where a parameter is used. */
	const putFor = (use, arg) => {
		const put = ts.isPrefixUnaryExpression(arg) || (ts.isNumericLiteral(arg) && ts.isPropertyAccessExpression(use.parent)) ? `(${arg.getText()})` : arg.getText();
		return [use.getStart(), use.end, ts.isShorthandPropertyAssignment(use.parent) ? `${use.text}: ${put}` : put];
	};

	// A text is copied to RAM each time, what is at the top of the module is looked up each time.
	const isCheap = (arg) => !ts.isStringLiteralLike(arg) && !(ts.isIdentifier(arg) && isTop(meant(arg)));
	/** True when evaluating it does nothing, and gives the same as long as nothing is written. */
	const isReading = (node) => isStable(node) || (ts.isPropertyAccessExpression(node) && isReading(node.expression));
	const isBoolean = (node) => {
		if (ts.isParenthesizedExpression(node)) return isBoolean(node.expression);
		if (ts.isPrefixUnaryExpression(node)) return node.operator === ts.SyntaxKind.ExclamationToken;
		if (!ts.isBinaryExpression(node)) return false;
		const { kind } = node.operatorToken;
		if (kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken) return isBoolean(node.left) && isBoolean(node.right);
		return kind >= ts.SyntaxKind.LessThanToken && kind <= ts.SyntaxKind.ExclamationEqualsEqualsToken;
	};

	/** About how many bytes of code an expression takes. */
	const bytesOf = (node) => {
		let sum = 0;
		const look = (inner) => {
			if (ts.isIdentifier(inner)) sum += ts.isPropertyAccessExpression(inner.parent) && inner.parent.name === inner ? 3 : isTop(meant(inner)) ? 6 : 2;
			else if (ts.isNumericLiteral(inner)) sum += Math.abs(Number(inner.text)) < 128 ? 2 : Math.abs(Number(inner.text)) < 32_768 ? 3 : 5;
			else if (ts.isStringLiteralLike(inner)) sum += 3 + inner.text.length;
			else if (ts.isCallExpression(inner) || ts.isNewExpression(inner) || ts.isConditionalExpression(inner)) sum += 5;
			else if (ts.isBinaryExpression(inner)) sum += /&&|[|][|]|[?][?]/.test(inner.operatorToken.getText()) ? 5 : 1;
			else sum += 1;
			ts.forEachChild(inner, look);
		};
		look(node);
		return sum;
	};
	/**
	 * A function that only returns an expression takes the place of its calls wherever they are, if that takes less.
	 * @param uses  all of them: { node, args, receiver }
	 * @returns whether it did
	 */
	const substitute = (declaration, uses) => {
		const [only] = declaration.body.statements;
		if (declaration.body.statements.length !== 1 || !ts.isReturnStatement(only) || only.expression === undefined) return false;
		if (declaration.parameters.some(({ initializer }) => initializer !== undefined)) return false;
		let reads = true;
		const look = (node) => {
			if (ts.isCallExpression(node) || ts.isNewExpression(node) || isWrite(node)) reads = false;
			ts.forEachChild(node, look);
		};
		look(only);
		const isFit = (node, times) => (isStable(node) && (times < 2 || isCheap(node))) || (isReading(node) && times < 2 && reads);
		const inBody = [];
		eachOwn(ts, declaration.body, (node) => inBody.push(node));
		const selves = inBody.filter((node) => node.kind === ts.SyntaxKind.ThisKeyword);
		const places = [];
		let saved = FUNCTION_BYTES + PARAMETER_BYTES * declaration.parameters.length;
		for (const { node, args, receiver } of uses) {
			if (declaration.parameters.length !== args.length || !isHost(functionAround(ts, node)) || (node.pos >= declaration.pos && node.end <= declaration.end)) return false;
			if (isTouched(node.pos, node.end)) return false;
			const swaps = [];
			saved += (ts.isCallExpression(node) ? CALL_BYTES : GETTER_BYTES) - bytesOf(only.expression);
			if (receiver !== undefined && receiver.kind !== ts.SyntaxKind.ThisKeyword) {
				if (!isFit(receiver, selves.length)) return false;
				for (const self of selves) swaps.push([self.getStart(), self.end, receiver.getText()]);
				saved += (1 - selves.length) * bytesOf(receiver);
			}
			for (const [index, parameter] of declaration.parameters.entries()) {
				const symbol = checker.getSymbolAtLocation(parameter.name);
				const inner = references.get(symbol) ?? [];
				const arg = args[index];
				if (written.has(symbol) || !isFit(arg, inner.length)) return false;
				swaps.push(...inner.map((use) => putFor(use, arg)));
				saved += bytesOf(arg) - inner.length * (bytesOf(arg) - 2);
			}
			places.push([node.getStart(), node.end, `(${editedPart(text, only.expression.getStart(), only.expression.end, swaps)})`]);
		}
		if (saved <= 0) return false;
		for (const place of places) {
			edits.push(place);
			touched.push(place);
		}
		edits.push([declaration.getStart(), declaration.end, ""]);
		touched.push([declaration.pos, declaration.end]);
		return true;
	};

	/** Makes statements of the expression in the way of a call, so that the next pass may move it. @returns whether it did */
	const split = (call) => {
		let at = call;
		for (;;) {
			const { parent } = at;
			const isBranch = ts.isConditionalExpression(parent) && parent.condition !== at;
			const isRight = ts.isBinaryExpression(parent) && parent.right === at && (parent.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken || parent.operatorToken.kind === ts.SyntaxKind.BarBarToken);
			if (isBranch || isRight) {
				at = parent;
				break;
			}
			if (ts.isStatement(parent) || ts.isFunctionLike(parent)) return false;
			at = parent;
		}
		while (ts.isParenthesizedExpression(at.parent)) at = at.parent;
		let inner = at;
		while (ts.isParenthesizedExpression(inner)) inner = inner.expression;
		let statement = at.parent;
		const isAnd = ts.isBinaryExpression(inner) && inner.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken;
		const of = (node) => node.getText();
		let put;
		if (ts.isReturnStatement(statement)) {
			if (ts.isConditionalExpression(inner)) put = `if (${of(inner.condition)}) return ${of(inner.whenTrue)}; return ${of(inner.whenFalse)};`;
			else if (isBoolean(inner.left)) put = isAnd ? `if (!(${of(inner.left)})) return false; return ${of(inner.right)};` : `if (${of(inner.left)}) return true; return ${of(inner.right)};`;
		} else if (ts.isVariableDeclaration(statement) && ts.isIdentifier(statement.name) && ts.isVariableStatement(statement.parent.parent) && statement.parent.declarations.length === 1) {
			const name = of(statement.name);
			statement = statement.parent.parent;
			if (ts.isBlock(statement.parent) && ts.isConditionalExpression(inner))
				put = `let ${name}; if (${of(inner.condition)}) ${name} = ${of(inner.whenTrue)}; else ${name} = ${of(inner.whenFalse)};`;
		} else if (ts.isBinaryExpression(statement) && statement.right === at && statement.operatorToken.kind === ts.SyntaxKind.EqualsToken && ts.isExpressionStatement(statement.parent)) {
			const target = of(statement.left);
			const isSimple = ts.isIdentifier(statement.left) || (ts.isPropertyAccessExpression(statement.left) && isStable(statement.left.expression));
			statement = statement.parent;
			if (isSimple && ts.isConditionalExpression(inner)) put = `if (${of(inner.condition)}) ${target} = ${of(inner.whenTrue)}; else ${target} = ${of(inner.whenFalse)};`;
		} else if (ts.isIfStatement(statement) && statement.expression === at && ts.isBinaryExpression(inner)) {
			const { thenStatement, elseStatement } = statement;
			const only = ts.isBlock(thenStatement) && thenStatement.statements.length === 1 ? thenStatement.statements[0] : thenStatement;
			if (isAnd && elseStatement === undefined) put = `if (${of(inner.left)}) if (${of(inner.right)}) ${of(thenStatement)}`;
			else if (!isAnd && elseStatement === undefined && ts.isReturnStatement(only) && (only.expression === undefined || isStable(only.expression)))
				put = `if (${of(inner.left)}) ${of(only)} if (${of(inner.right)}) ${of(only)}`;
		}
		if (put === undefined || isTouched(statement.pos, statement.end) || !isHost(functionAround(ts, call))) return false;
		touched.push([statement.pos, statement.end]);
		edits.push([statement.getStart(), statement.end, ts.isBlock(statement.parent) ? put : `{ ${put} }`]);
		return true;
	};

	/** Moves what `declaration` does to where `call` is. @param receiver  what `this` is in it, if it has one */
	const move = (declaration, call, receiver) => {
		const args = call.arguments;
		if (call.pos >= declaration.pos && call.end <= declaration.end) return;
		const statement = statementOf(call);
		if (statement === undefined) {
			if (isTouched(declaration.pos, declaration.end) || isTouched(call.pos, call.end) || !isHost(functionAround(ts, call))) return;
			split(call);
			return;
		}
		if (!isHost(functionAround(ts, call))) return;
		if (!ts.isBlock(statement.parent) && (ts.isVariableStatement(statement) || ts.isLabeledStatement(statement.parent))) return;
		const { body, parameters } = declaration;
		if (args.length > parameters.length || args.some((arg) => ts.isSpreadElement(arg))) return;
		if (parameters.some(({ initializer }, index) => initializer !== undefined && index < args.length)) return;
		if (isTouched(declaration.pos, declaration.end) || isTouched(statement.pos, statement.end)) return;

		const before = [];
		const swaps = [];
		const inBody = [];
		eachOwn(ts, body, (node) => inBody.push(node));
		if (receiver !== undefined && receiver.kind !== ts.SyntaxKind.ThisKeyword) {
			let name = receiver.getText();
			if (!isStable(receiver)) {
				name = `$self${number}`;
				before.push(`const ${name} = ${receiver.getText()};`);
			}
			for (const node of inBody) if (node.kind === ts.SyntaxKind.ThisKeyword) swaps.push([node.getStart(), node.end, name]);
		}
		parameters.forEach((parameter, index) => {
			const symbol = checker.getSymbolAtLocation(parameter.name);
			const arg = args[index];
			const isWritten = written.has(symbol);
			const uses = references.get(symbol) ?? [];
			if (arg !== undefined && !isWritten && isStable(arg) && (uses.length < 2 || isCheap(arg))) swaps.push(...uses.map((use) => putFor(use, arg)));
			else {
				// What it is without an argument may be said with the parameters before it.
				const first = parameter.initializer;
				const put = arg !== undefined ? arg.getText() : first === undefined ? "undefined" : editedPart(text, first.getStart(), first.end, swaps);
				before.push(`${isWritten ? "let" : "const"} ${parameter.name.text} = ${put};`);
			}
		});

		const returns = inBody.filter((node) => ts.isReturnStatement(node));
		const last = body.statements.at(-1);
		const isLastReturn = last !== undefined && ts.isReturnStatement(last);
		const isValueUsed = !ts.isExpressionStatement(call.parent);
		const start = body.statements.length === 0 ? body.end - 1 : body.statements[0].getStart();
		const part = (from, to) => editedPart(text, from, to, swaps);
		const value = (node) => (node === undefined ? "undefined" : part(node.getStart(), node.end));
		/** The statement of the call with `result` in place of it. */
		const rest = (result) => (isValueUsed ? `${text.slice(statement.getStart(), call.getStart())}${result}${text.slice(call.end, statement.end)}` : "");
		const lead = before.join(" ");
		let put;
		if (ts.isReturnStatement(statement) && statement.expression === call) {
			put = `${lead} ${part(start, body.end - 1)} ${isLastReturn || (last !== undefined && ts.isThrowStatement(last)) ? "" : "return;"}`;
		} else if (returns.every((node) => node === last)) {
			const result = isLastReturn ? last.expression : undefined;
			const tail = isValueUsed ? rest(`(${value(result)})`) : result === undefined || isStable(result) ? "" : `${value(result)};`;
			put = `${lead} ${part(start, isLastReturn ? last.getStart() : body.end - 1)} ${tail}`;
		} else {
			const label = `$at${number}`;
			const result = `$result${number}`;
			const jumps = returns.map((node) => {
				const set = isValueUsed ? `${result} = ${value(node.expression)};` : node.expression === undefined || isStable(node.expression) ? "" : `${value(node.expression)};`;
				return [node.getStart(), node.end, node === last ? set : `{ ${set} break ${label}; }`];
			});
			const others = swaps.filter(([at]) => !returns.some((node) => at >= node.getStart() && at < node.end));
			put = `${isValueUsed ? `let ${result};` : ""} ${label}: { ${lead} ${editedPart(text, start, body.end - 1, [...others, ...jumps])} } ${rest(result)}`;
		}
		number++;
		edits.push([statement.getStart(), statement.end, ts.isBlock(statement.parent) ? put : `{ ${put} }`]);
		edits.push([declaration.getStart(), declaration.end, ""]);
		touched.push([declaration.pos, declaration.end], [statement.pos, statement.end]);
	};

	const isCallee = (node) => ts.isCallExpression(node.parent) && node.parent.expression === node && node.parent.questionDotToken === undefined;
	for (const statement of source.statements) {
		if (!ts.isFunctionDeclaration(statement) || !isMovable(ts, statement) || isTouched(statement.pos, statement.end)) continue;
		const uses = references.get(checker.getSymbolAtLocation(statement.name)) ?? [];
		let hasThis = false;
		eachOwn(ts, statement.body, (node) => (hasThis ||= node.kind === ts.SyntaxKind.ThisKeyword));
		if (uses.length === 0 || hasThis || !uses.every(isCallee)) continue;
		if (substitute(statement, uses.map(({ parent }) => ({ node: parent, args: parent.arguments, receiver: undefined })))) continue;
		if (uses.length === 1) move(statement, uses[0].parent, undefined);
	}
	for (const [name, declared] of members) {
		const [member] = declared;
		const uses = accesses.get(name) ?? [];
		// What is written somewhere is a field of something else.
		if (fixed.has(name) || declared.length !== 1 || uses.length === 0 || uses.some((use) => isWrite(use) || use.questionDotToken !== undefined)) continue;
		if (!ts.isClassDeclaration(member.parent) || !(ts.isMethodDeclaration(member) || ts.isGetAccessor(member)) || !isMovable(ts, member) || isTouched(member.pos, member.end)) continue;
		const isGetter = ts.isGetAccessor(member);
		if (!isGetter && !uses.every(isCallee)) continue;
		const calls = uses.map((use) => (isGetter ? { node: use, args: [], receiver: use.expression } : { node: use.parent, args: use.parent.arguments, receiver: use.expression }));
		if (!substitute(member, calls) && uses.length === 1 && !isGetter) move(member, calls[0].node, calls[0].receiver);
	}
	return edits.length === 0 ? undefined : { text: edited(text, edits), count: number };
}

/**
 * @param text  of the module
 * @param fixed  names of members that others may call
 * @returns text of the module that does the same
 */
function inlined(ts, text, fixed) {
	let at = { text: withUniqueLocals(ts, text), count: 0 };
	for (let next = at; next !== undefined; next = pass(ts, at.text, fixed, at.count)) at = next;
	return at.text;
}

module.exports = { inlined };
