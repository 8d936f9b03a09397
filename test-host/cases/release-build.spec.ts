// The steps of the release build that change programs (scripts/release/): what they make does the same as before, and nothing is
// moved or renamed where that could be seen.

import { join } from "node:path";
import { runInNewContext } from "node:vm";
import * as ts from "typescript";
import { projectRoot } from "../xs/xs-station.js";

interface Steps {
	inlined(compiler: typeof ts, text: string, fixed: ReadonlySet<string>): string;
	joined(compiler: typeof ts, text: string): string;
	memberNames(compiler: typeof ts, text: string, fixed: ReadonlySet<string>, wire: readonly string[]): ReadonlyMap<string, string>;
}

const step = (name: string): Steps => require(join(projectRoot(), "scripts", "release", name)) as Steps;
const { inlined } = step("inline.cjs");
const { memberNames } = step("names.cjs");
const { joined } = step("tables.cjs");

/** What a program leaves in `log`. */
function ran(text: string): unknown[] {
	const log: unknown[] = [];
	runInNewContext(text, { log: (value: unknown) => log.push(value) });
	return log;
}

/** Functions and methods of these names that are left. */
function left(text: string, ...names: string[]): string[] {
	return names.filter((name) => new RegExp(`(function |[{}]\\s*(get )?)${name}\\([^()]*\\) \\{`).test(text));
}

/** The program after the step, which must do the same. */
function same(text: string, fixed: readonly string[] = []): string {
	const made = inlined(ts, text, new Set(fixed));
	expect(ran(made)).toEqual(ran(text));
	expect(ran(text).length).toBeGreaterThan(0);
	return made;
}

describe("release build: functions that are called once", () => {
	it("go to a statement, with each of their returns", () => {
		const made = same(`
			function tell(a, b) { if (a > b) { log("more"); return; } for (const x of [1, 2, 3]) { if (x === a) { log(x); return; } } log("less"); }
			function main(a, b) { tell(a, b); log("after"); }
			main(3, 2); main(2, 5); main(9, 10);`);
		expect(left(made, "tell")).toEqual([]);
	});

	it("go to a return, a variable, an assignment and a condition", () => {
		const made = same(`
			function first(a) { if (a === 1) return "one"; if (a === 2) return "two"; }
			function second(a) { switch (a) { case 1: return 10; case 2: return 20; default: return 30; } }
			function third(a) { let sum = 0; while (sum < a) sum += 2; return sum; }
			function fourth(a) { for (let i = 0; i < 5; i++) if (i * i === a) return true; return false; }
			function one(a) { return first(a); }
			function two(a) { const x = second(a); return x + 1; }
			function three(a) { let y; y = third(a); return y * 2; }
			function four(a) { if (!fourth(a)) return "no"; return "yes"; }
			for (const a of [0, 1, 2, 3, 4, 9]) { log(one(a)); log(two(a)); log(three(a)); log(four(a)); log(one(a)); log(two(a)); log(three(a)); log(four(a)); }`);
		expect(left(made, "first", "second", "third", "fourth")).toEqual([]);
	});

	it("go into branches, which become statements", () => {
		const made = same(`
			function low(a) { log("low"); if (a < 0) return -1; return 1; }
			function high(a) { log("high"); if (a > 100) return 2; return 3; }
			function is(a) { log("is"); if (a === 5) return false; return a > 3; }
			function has(a) { log("has"); if (a === 7) return true; return a === 8; }
			function pick(a) { const x = a < 10 ? low(a) : high(a); if (a !== 4 && is(a)) log("is it"); return x; }
			function quick(a) { if (a === 0 || has(a)) return; log("slow"); }
			for (const a of [-1, 0, 4, 5, 6, 7, 8, 50, 200]) { log(pick(a)); log(pick(a)); quick(a); quick(a); }`);
		expect(left(made, "low", "high", "is", "has")).toEqual([]);
	});

	it("keep the order in which arguments and what is around them are evaluated, once each", () => {
		same(`
			let n = 0;
			function next(what) { log(what); return ++n; }
			function use(a, b, c) { log(b); log(a); log(a + c); return a * b; }
			function inner(v) { log("inner " + v); n += 100; return v; }
			class Counter { constructor() { this.count = 1; } add(by) { this.count += by; return this.count; } }
			const counter = new Counter();
			function main() { const x = use(next("first"), next("second"), n); log(x); let y = n; y = y + inner(next("third")); log(y); return counter.count + counter.add(5); }
			log(main()); log(main());`);
	});

	it("get parameters of their own where they change them, or where what is given changes", () => {
		same(`
			function loop(left, step) { let all = ""; while (left > 0) { all += left; left -= step; } return all; }
			function twice(value) { count = 7; log(value); return value; }
			let count = 1;
			function main(n) { const text = loop(n, 2); log(text); log(n); log(twice(count)); }
			main(5); main(4);`);
		same(`
			function padded(value, size = 4) { let text = String(value); while (text.length < size) text = "0" + text; return text; }
			function main(n) { const text = padded(n); return text; }
			log(main(7)); log(main(12345)); log(main(1));`);
	});

	it("get what a parameter is without an argument, which may be another parameter", () => {
		const made = same(`
			function area(width, height = width) { let sum = 0; for (let i = 0; i < height; i++) sum += width; return sum; }
			function main(n) { const sum = area(n); return sum; }
			log(main(3)); log(main(4));`);
		expect(left(made, "area")).toEqual([]);
	});

	it("get a negative number as it is", () => {
		same(`
			function power(base) { return base ** 2; }
			function less(a) { return 5 -a; }
			function main() { return power(-3) + less(-2); }
			log(main()); log(main());`);
	});

	it("are not called where an object that may be missing is", () => {
		same(`
			function next() { if (n > 5) return 0; n += 1; log("next"); return n; }
			let n = 0;
			class Part { take(value) { log(value); } }
			function main(part) { part?.take(next()); }
			main(undefined); main(new Part()); main(null); log(n);`);
	});

	it("see a change by taking apart, too", () => {
		same(`
			function show(value) { [count, other.a] = [count + 1, 2]; log(value); ({ count } = { count: 9 }); log(value); return count; }
			let count = 1;
			const other = { a: 0 };
			function main() { const x = show(count); log(x); for (count of [5, 6]) log(count); }
			main(); main();`);
	});

	it("go from one object to another", () => {
		const made = same(`
			class Part { constructor(size) { this.size = size; } grow(by) { if (by < 0) return false; this.size += by; return true; }
				get isLarge() { return this.size > 10; } half() { return this.size / 2; } }
			class Whole { constructor() { this.part = new Part(3); } run(by) { if (!this.part.grow(by)) log("refused"); log(this.part.isLarge); return this.part.half(); } }
			const whole = new Whole();
			for (const by of [5, -1, 5]) { log(whole.run(by)); log(whole.run(by)); }`);
		expect(left(made, "grow", "isLarge", "half")).toEqual([]);
	});

	it("go with what they call, to any depth", () => {
		const made = same(`
			function c(x) { if (x > 2) return "c"; return "-"; }
			function b(x) { const r = c(x); if (r === "c") return r + "b"; return r; }
			function a(x) { log(x); return b(x); }
			function main(x) { const r = a(x); return r; }
			log(main(1)); log(main(3)); log(main(4));`);
		expect(left(made, "a", "b", "c")).toEqual([]);
	});

	it("stay where moving them could be seen", () => {
		const made = same(`
			function self() { return this === undefined; }
			function handed(x) { if (x) return 1; return 2; }
			function recursive(x) { if (x === 0) return 0; return recursive(x - 1) + 1; }
			function isMore() { log("asked"); if (n > 3) return false; return true; }
			function arrow(x) { if (x) return 3; return 4; }
			let n = 0;
			function main() { "use strict"; log(typeof self()); log([0, 1].map(handed)); log(recursive(3)); while (isMore()) n++; log([0, 1].map((x) => arrow(x))); }
			main(); main();`);
		expect(left(made, "self", "handed", "recursive", "isMore", "arrow")).toEqual(["self", "handed", "recursive", "isMore", "arrow"]);
	});

	it("stay when something else has a field of that name", () => {
		const made = same(`
			class Link { constructor() { this.seconds = 30; } }
			class Settings { constructor(variables) { this.variables = variables; } get seconds() { return this.variables.length; } }
			function main(link, settings) { return link.seconds + settings.seconds; }
			log(main(new Link(), new Settings([1, 2, 3])));`);
		expect(left(made, "seconds")).toEqual(["seconds"]);
	});

	it("stay when others know them", () => {
		const text = `
			class Part { known(by) { if (by) return 1; return 2; } }
			const part = new Part();
			function main() { const x = part.known(0); return x; }
			log(main()); log(main());`;
		expect(left(same(text, ["known"]), "known")).toEqual(["known"]);
		expect(left(same(text), "known")).toEqual([]);
	});
});

describe("release build: tables", () => {
	const count = (text: string, what: string): number => text.split(what).length - 1;

	it("of one kind are one, and give the same items", () => {
		const text = `
			const freeze = (value) => value;
			const BYTES = freeze(new Uint8Array([1, 2, 3]));
			const MORE = freeze(new Uint8Array([4, 5, 6]));
			const WORDS = freeze(new Uint16Array([300, 400, 2]));
			const LIMITS = freeze(new Float64Array([${Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? "-1 / 0" : i % 3 === 1 ? "1 / 0" : "72")).join()}]));
			const TEXTS = freeze([${Array.from({ length: 40 }, (_, i) => `"t${i}"`).join()}]);
			const BY_ID = freeze([${Array.from({ length: 60 }, (_, i) => (i % 20 === 7 ? `"t${i % 40}"` : i % 20 === 8 ? '"new"' : '""')).join()}]);
			const HANDED = freeze(new Uint8Array([9, 8]));
			for (let i = 0; i < 3; i++) { log(BYTES[i]); log(MORE[i]); log(MORE[i ^ 1]); log(TEXTS[WORDS[2] + BYTES[i]]); }
			for (let i = 0; i < 30; i++) log(LIMITS[i]);
			for (let i = 0; i < 60; i++) log(BY_ID[i]);
			log(HANDED.length);`;
		const made = joined(ts, text);
		expect(ran(made)).toEqual(ran(text));
		expect(count(made, "new Uint8Array")).toBe(2);
		expect(count(made, "new Float64Array([-1 / 0,1 / 0,72])")).toBe(1);
		expect(count(made, '"new"')).toBe(1);
		expect(count(made, '"t7"')).toBe(1);
	});

	it("stay as they are where they are used for more than their items, or where that would take more", () => {
		const text = `
			const freeze = (value) => value;
			const TEXTS = freeze(["a", "b", "c"]);
			const FEW = freeze(["d", "e"]);
			log(TEXTS.length); log(FEW[0] + FEW[1]);`;
		expect(ran(joined(ts, text))).toEqual(ran(text));
		expect(joined(ts, text)).toContain('const TEXTS = freeze(["a", "b", "c"])');
	});
});

describe("release build: names of members", () => {
	const program = `
		const $root = { status: undefined, $1: undefined };
		const NAMES = { status: 0, type: 0, reason: 0, evse: 0 };
		class Reader { constructor() { this.alpha = 1; this.beta = this.known; } }
		class Writer { constructor() { this.gamma = 1; this.type = 2; } delta() { return this.gamma; } }
		const row = { epsilon: 1, zeta: 2 };
		log(row.epsilon + row.zeta + new Reader().alpha + new Reader().beta + new Writer().delta());`;
	const wire = ["status", "type", "reason", "evse"];
	const names = memberNames(ts, program, new Set([...wire, "known"]), wire);

	it("are others for what one object has at once, and shared between objects", () => {
		const groups = [["alpha", "beta"], ["gamma", "delta"], ["epsilon", "zeta"]];
		for (const group of groups) expect(new Set(group.map((name) => names.get(name))).size).toBe(group.length);
		expect(new Set(names.values()).size).toBeLessThan(names.size);
	});

	it("are never those of the root, which all objects inherit, nor one that the object has already", () => {
		for (const [name, renamed] of names) if (name !== "$1") expect(["status", names.get("$1")]).not.toContain(renamed);
		expect(names.has("known")).toBeFalse();
		for (const name of ["alpha", "beta"]) expect(names.get(name)).not.toBe("known");
	});

	it("are never names of messages where the object has such a name, because it may go into one", () => {
		for (const name of ["gamma", "delta"]) expect(wire).not.toContain(names.get(name)!);
		expect(wire).toContain(names.get("alpha")!);
	});
});
