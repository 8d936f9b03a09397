// The list of requirements as a test: docs/requirements.csv names every rule of OCPP 2.0.1 that this station has to meet,
// its state and the spec file that proves it; here the list is held against the names of the tests.
// `npx ts-node scripts/requirements.ts` prints the totals, what is wrong, and what waits although it is tested; it exits 1
// when something is wrong. With --write, rows that wait and are tested become done.
//
// Columns: fr (a requirement's id, "Part 4 §n" for a section without ids, or a use case as a whole), section (letter of
// Part 2, or RPC), state (done, later, n/a), test (spec file under test-host/cases), tc (test cases of the OCA that it
// is part of), note (why it waits or does not apply).

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";

export const STATES = ["done", "later", "n/a"] as const;

export interface Requirement {
	fr: string;
	section: string;
	state: string;
	test: string;
	/** OCA test cases without their prefix TC_, for instance B_01. */
	tc: string[];
	note: string;
	/** From 1. */
	line: number;
}

/** One spec file. */
export interface Spec {
	file: string;
	/** Full names of its tests, those of the suites around them in front. */
	names: string[];
}

export interface Verdict {
	/** What is wrong, in one line each. */
	wrong: string[];
	/** Rows that wait, with the file in which a test names them already. */
	tested: { fr: string; test: string }[];
	/** Rows by state. */
	count: { [state: string]: number };
	/** Mandatory test cases of which all rows are done or do not apply, and the others. */
	covered: string[];
	waiting: string[];
}

const HEADER = "fr,section,state,test,tc,note";

/** The test cases that the Core certification profile makes mandatory for stations (edition 3, Part 5). */
const MANDATORY: readonly string[] = [
	"A 01 04 05 06 09 10 19 22",
	"B 01 02 03 06 07 09 10 11 12 13 20 21 22 23 30 32 33 34 35 36 37 39 43 45 46 50 51 52 53 57",
	"E 28 29 30 32 33 34 39 40 41 42 50 51",
	"F 04 08 09 20",
	"G 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 21",
	"J 01 02 03 07 09 10",
	"L 01 02 03 05 06 07 08 18",
	"M 01 02 07 12 13 17 18 19 20 22",
	"N 25 26 32 35",
	"P 01 03",
].flatMap((line) => {
	const [letter, ...numbers] = line.split(" ");
	return numbers.map((number) => `${letter}_${number}`);
});

/** Ids of requirements in a text: C01.FR.02, and FR.02 for the generic ones. */
export function idsIn(text: string): string[] {
	return text.match(/(?<![\w.])(?:[A-Z]\d{2}\.)?FR\.\d{2,3}\b/g) ?? [];
}

/** Reads the list; a field with a comma stands in double quotes. */
export function parseList(text: string): Requirement[] {
	return text
		.split("\n")
		.map((line, index) => ({ line, number: index + 1 }))
		.filter(({ line, number }) => line !== "" && number > 1)
		.map(({ line, number }) => {
			const fields = [...line.matchAll(/(?:"([^"]*)"|([^,]*))(?:,|$)/g)].map((match) => match[1] ?? match[2]);
			const [fr, section, state, test, tc, note] = fields;
			return { fr, section, state, test, tc: (tc ?? "").split(" ").filter((one) => one !== ""), note: note ?? "", line: number };
		});
}

/** Writes the list as parseList() reads it. */
export function formatList(list: readonly Requirement[]): string {
	const lines = list.map(({ fr, section, state, test, tc, note }) =>
		[fr, section, state, test, tc.join(" "), note].map((field) => (field.includes(",") ? `"${field}"` : field)).join(","));
	return [HEADER, ...lines].join("\n") + "\n";
}

/** Full names of all tests of a spec file, as far as they are written out. */
export function testNames(file: string, text: string): string[] {
	const found: string[] = [];
	const visit = (node: ts.Node, suites: string): void => {
		const called = ts.isCallExpression(node) && ts.isIdentifier(node.expression) ? node.expression.text : "";
		if (called === "it" || called === "describe") {
			const name = suites + written((node as ts.CallExpression).arguments[0]);
			if (called === "it") found.push(name);
			else suites = name + " ";
		}
		ts.forEachChild(node, (child) => visit(child, suites));
	};
	visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022), "");
	return found;
}

/** The parts of a string expression that stand in the source. */
function written(node: ts.Node): string {
	if (ts.isStringLiteralLike(node)) return node.text;
	if (ts.isTemplateExpression(node)) return node.head.text + node.templateSpans.map((span) => span.literal.text).join(" ");
	if (ts.isBinaryExpression(node)) return written(node.left) + written(node.right);
	return "";
}

/** True when the name of a test says that it proves `fr`. */
function names(name: string, fr: string): boolean {
	if (/FR\.\d/.test(fr)) return idsIn(name).includes(fr);
	// "Part 4 §4.1" is not "Part 4 §4.1.1", nor is G05 G05.FR.01.
	const at = name.indexOf(fr);
	return at >= 0 && !/^(\.?\d|\.FR)/.test(name.slice(at + fr.length));
}

/** Holds the list against the tests. */
export function check(list: readonly Requirement[], specs: readonly Spec[]): Verdict {
	const verdict: Verdict = { wrong: [], tested: [], count: {}, covered: [], waiting: [] };
	const { wrong } = verdict;
	const known = new Set<string>();
	const open = new Set<string>();
	const listed = new Set<string>();
	for (const state of STATES) verdict.count[state] = 0;
	for (const row of list) {
		const at = `docs/requirements.csv:${row.line}: ${row.fr}`;
		if (known.has(row.fr)) wrong.push(`${at} stands there twice`);
		known.add(row.fr);
		if (!(STATES as readonly string[]).includes(row.state)) wrong.push(`${at} has the state "${row.state}"`);
		else verdict.count[row.state]++;
		for (const tc of row.tc) {
			listed.add(tc);
			if (row.state === "later") open.add(tc);
		}
		const proof = specs.filter((spec) => spec.names.some((name) => names(name, row.fr))).map((spec) => spec.file);
		if (row.state === "done") {
			if (row.test === "") wrong.push(`${at} is done without a test`);
			else if (!proof.includes(row.test)) wrong.push(`${at}: no test in ${row.test} has it in its name`);
		} else {
			if (row.test !== "") wrong.push(`${at} is ${row.state} but has a test`);
			if (row.note === "") wrong.push(`${at} is ${row.state} without a reason`);
			if (row.state === "later" && proof.length > 0) verdict.tested.push({ fr: row.fr, test: proof[0] });
		}
	}
	for (const spec of specs)
		for (const name of spec.names)
			for (const id of idsIn(name)) if (!known.has(id)) wrong.push(`${spec.file}: ${id} is not in docs/requirements.csv`);
	for (const tc of MANDATORY) {
		if (!listed.has(tc)) wrong.push(`docs/requirements.csv: the mandatory test case TC_${tc} belongs to no row`);
		else if (open.has(tc)) verdict.waiting.push(tc);
		else verdict.covered.push(tc);
	}
	return verdict;
}

/** The totals in a few lines. */
export function summary(verdict: Verdict): string[] {
	const { count, covered, waiting } = verdict;
	const total = STATES.reduce((sum, state) => sum + count[state], 0);
	return [
		`${total} requirements: ${STATES.map((state) => `${count[state]} ${state}`).join(", ")}`,
		`${MANDATORY.length} mandatory test cases: ${covered.length} covered, ${waiting.length} waiting`,
		...(waiting.length === 0 ? [] : [`waiting: ${waiting.join(" ")}`]),
	];
}

const ROOT = resolve(__dirname, "..");
const CASES = join(ROOT, "test-host", "cases");
const LIST = join(ROOT, "docs", "requirements.csv");

/** Names of the tests of a spec file, with those of files of cases that it shares with others (./x-cases.js). */
function namesOf(file: string): string[] {
	const text = readFileSync(join(CASES, file), "utf8");
	const shared = [...text.matchAll(/ from "\.\/([\w-]+-cases)\.js"/g)].map((match) => `${match[1]}.ts`);
	return [...testNames(file, text), ...shared.flatMap(namesOf)];
}

/** The list and the tests of this repository. */
export function load(): { list: Requirement[]; specs: Spec[] } {
	const files = readdirSync(CASES).filter((file) => file.endsWith(".spec.ts")).sort();
	return { list: parseList(readFileSync(LIST, "utf8")), specs: files.map((file) => ({ file, names: namesOf(file) })) };
}

function main(): void {
	const { list, specs } = load();
	let verdict = check(list, specs);
	if (process.argv.includes("--write") && verdict.tested.length > 0) {
		for (const { fr, test } of verdict.tested) Object.assign(list.find((row) => row.fr === fr)!, { state: "done", test, note: "" });
		writeFileSync(LIST, formatList(list));
		verdict = check(list, specs);
	}
	for (const line of summary(verdict)) console.log(line);
	for (const { fr, test } of verdict.tested) console.log(`${fr} waits, but ${test} names it`);
	for (const line of verdict.wrong) console.log(line);
	process.exitCode = verdict.wrong.length === 0 ? 0 : 1;
}

if (require.main === module) main();
