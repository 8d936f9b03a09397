// The list of requirements holds, and the checker sees each way in which it could fail to.

import { check, formatList, idsIn, load, parseList, summary, testNames, type Requirement } from "../../scripts/requirements.js";

function row(more: Partial<Requirement>): Requirement {
	return { fr: "B01.FR.01", section: "B", state: "done", test: "b.spec.ts", tc: [], note: "", line: 2, ...more };
}

/** What is wrong, without the mandatory test cases that so short a list cannot have. */
function wrongOf(list: Requirement[], ...names: string[]): string[] {
	return check(list, [{ file: "b.spec.ts", names }]).wrong.filter((line) => !line.includes("mandatory"));
}

describe("docs/requirements.csv", () => {
	it("names every requirement of the tests once, and every done one has its test", () => {
		const { list, specs } = load();
		const verdict = check(list, specs);
		expect(verdict.wrong).toEqual([]);
		expect(verdict.covered.length + verdict.waiting.length).toBe(104);
		console.log(summary(verdict).slice(0, 2).join("\n"));
	});

	it("is written as it is read", () => {
		const { list } = load();
		expect(parseList(formatList(list))).toEqual(list);
	});
});

describe("scripts/requirements", () => {
	const name = "B01.FR.01 a fact";

	it("finds ids in names: of use cases and generic ones, not parts of longer words", () => {
		expect(idsIn("A00.FR.205, FR.02 and B01.FR.1, XB01.FR.01, v1.FR.02, C01.FR.02/03")).toEqual(["A00.FR.205", "FR.02", "C01.FR.02"]);
	});

	it("takes names from it() alone, with those of their suites in front, whatever kind of string they are", () => {
		const text = "describe('D', () => { it('a', f); it(`b ${x} c`, f); it('d' + e + 'f', f); " + "f" + "it('g', f); log('h'); }); it('i', f);";
		expect(testNames("a.spec.ts", text)).toEqual(["D a", "D b  c", "D df", "i"]);
	});

	it("accepts a list that holds", () => {
		expect(wrongOf([row({}), row({ fr: "Part 4 §4.1", state: "later", test: "", note: "why" })], name)).toEqual([]);
	});

	it("rejects a done row without a test, with a test elsewhere, or with one of another id", () => {
		expect(wrongOf([row({ test: "" })], name)[0]).toContain("without a test");
		expect(wrongOf([row({ test: "c.spec.ts" })], name)[0]).toContain("no test in c.spec.ts");
		expect(wrongOf([row({ fr: "B01.FR.02" })])[0]).toContain("no test in b.spec.ts");
		expect(wrongOf([row({ fr: "Part 4 §4.1" })], "Part 4 §4.1.1 a fact")[0]).toContain("no test in b.spec.ts");
		expect(wrongOf([row({ fr: "G05" })], "G05.FR.01 a fact")[0]).toContain("no test in b.spec.ts");
	});

	it("rejects a row that stands there twice, an unknown state, an open row without a reason or with a test", () => {
		expect(wrongOf([row({}), row({})], name)[0]).toContain("twice");
		expect(wrongOf([row({ state: "perhaps" })], name)[0]).toContain("perhaps");
		expect(wrongOf([row({ state: "n/a", test: "" })], name)[0]).toContain("without a reason");
		expect(wrongOf([row({ state: "later", note: "why" })], name)[0]).toContain("has a test");
	});

	it("rejects an id in the name of a test that the list does not know", () => {
		expect(wrongOf([row({})], name, "B01.FR.99 another")).toEqual(["b.spec.ts: B01.FR.99 is not in docs/requirements.csv"]);
	});

	it("tells which open rows are tested, and which test cases wait", () => {
		const verdict = check(
			[row({ state: "later", test: "", note: "why", tc: ["B_01"] }), row({ fr: "B01.FR.02", state: "n/a", test: "", note: "why", tc: ["B_01", "B_02"] })],
			[{ file: "b.spec.ts", names: [name] }],
		);
		expect(verdict.tested).toEqual([{ fr: "B01.FR.01", test: "b.spec.ts" }]);
		expect([verdict.covered, verdict.waiting]).toEqual([["B_02"], ["B_01"]]);
	});
});
