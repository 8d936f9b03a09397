// The test host that runs the firmware on XS: what it refuses, how it ends, and what it has in common with a chip.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FlashMemory, PowerCut } from "../board/flash-memory.js";
import { XsBench } from "../xs/bench.js";
import { romContents } from "../xs/rom.js";
import { endIdleEngines, XsExit, XsFailure } from "../xs/xs-station.js";
import { xsPerFile } from "./xs-kit.js";

interface Ending {
	code: number | null;
	output: string[];
	reason: string;
}

describe("xs host", () => {
	const program = xsPerFile();
	const development = xsPerFile(32, false, "development");
	let folder: string;

	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "xs-host-"));
	});
	afterEach(() => {
		rmSync(folder, { recursive: true, force: true });
		endIdleEngines();
	});

	/** Runs modules, by name; `main` is called, the others are preloaded if they are named in `preload`. */
	function run(modules: { [name: string]: string }, preload: readonly string[] = [], flags: readonly string[] = []): Ending {
		for (const [name, text] of Object.entries(modules)) writeFileSync(join(folder, `${name}.js`), text);
		writeFileSync(join(folder, "list"), preload.map((name) => name + "\n").join(""));
		const { status, stdout, stderr } = spawnSync(program().host,
			["--root", folder, "--preload", join(folder, "list"), "--main", "main", ...flags], { encoding: "utf8" });
		return { code: status, output: stdout.split("\n").filter((line) => line !== ""), reason: stderr.trim() };
	}
	const body = (text: string): { main: string } => ({ main: `export default function () { ${text} }` });

	it("a program that ends has exit code 0, and relative specifiers find their modules", () => {
		const ending = run({ main: 'import { x } from "./other.js"; export default function () { host.print("x is " + x); }', other: "export const x = 7;" });
		expect(ending).toEqual({ code: 0, output: ["x is 7"], reason: "" });
	});

	it("out of memory is exit code 10 and one line that tells the figures", () => {
		const ending = run(body("const all = []; for (;;) all.push({ a: 1, b: 2 });"));
		expect(ending.code).toBe(XsExit.memory);
		expect(ending.reason).toMatch(/^xs: memory full: \{.*"static":32768.*\}$/);
	});

	it("memory is refused to chunks as to slots", () => {
		expect(run(body("return new Uint8Array(40000);")).code).toBe(XsExit.memory);
		expect(run(body("return new Uint8Array(16000);")).code).toBe(0);
	});

	it("stack overflow is exit code 11", () => {
		const ending = run(body("const deep = (n) => deep(n + 1) + 1; deep(0);"));
		expect(ending.code).toBe(XsExit.stack);
		expect(ending.reason).toMatch(/^xs: stack overflow: 384 slots$/);
	});

	it("a built-in that XS does not have is exit code 13, an exception 14, a rejection 15, a module that is not there 14", () => {
		expect(run(body("structuredClone({});"))).toEqual({ code: XsExit.builtIn, output: [], reason: jasmine.stringContaining("structuredClone") as never });
		expect(run(body("[1].toSorted();")).code).toBe(XsExit.builtIn);
		expect(run(body('throw new RangeError("so far");'))).toEqual({ code: XsExit.exception, output: [], reason: "xs: RangeError: so far" });
		expect(run(body("Promise.reject(new Error('lost'));")).code).toBe(XsExit.rejection);
		expect(run({ main: 'import "./nowhere.js"; export default function () {}' }).code).toBe(XsExit.exception);
	});

	it("a flag that is unknown or has no number is exit code 2", () => {
		expect(run(body(""), [], ["--nonsense", "1"]).code).toBe(2);
		expect(run(body(""), [], ["--static", "much"]).code).toBe(2);
	});

	it("preloaded objects are in ROM: a write throws, what was not frozen is copied to RAM when it changes", () => {
		const ending = run({
			table: 'export const FROZEN = Object.freeze({ a: [1, 2] }, true); export const OPEN = { n: 1 }; export const BYTES = Object.freeze(Uint8Array.of(1, 2), true);' +
				"export class Thing { constructor() { this.x = 1; } }; export let counter = 0; export function count() { return ++counter; }",
			main: 'import { FROZEN, OPEN, BYTES, Thing, count } from "./table.js";' +
				'const tell = (what) => { try { host.print(String(what())); } catch (error) { host.print("throws " + error.message); } };' +
				"export default function () { tell(() => { FROZEN.a[0] = 5; return 0; }); tell(() => { BYTES[0] = 5; return 0; });" +
				"tell(() => { OPEN.n = 2; return OPEN.n; }); tell(() => new Thing().x); tell(() => { Thing.prototype.y = 1; return 0; });" +
				"tell(() => { count(); return count(); }); tell(() => JSON.stringify(FROZEN)); tell(() => FROZEN.a.length); }",
		}, ["table"]);
		expect(ending.code).toBe(0);
		expect(ending.output.map((line) => line.replace(/^throws .*/, "throws"))).toEqual(["throws", "throws", "2", "1", "throws", "2", "throws", "2"]);
	});

	it("preloading keeps tables out of RAM", () => {
		const table = `export const TABLE = Object.freeze([${Array.from({ length: 200 }, (_, i) => `{ name: "entry${i}", value: ${i} }`).join(",")}], true);`;
		const modules = { table, main: 'import { TABLE } from "./table.js"; export default function () { host.collect(); host.print(String(host.memory(0))); }' };
		const [inRom] = run(modules, ["table"]).output.map(Number);
		const [inRam] = run(modules, []).output.map(Number);
		expect(inRom).toBeLessThan(1500);
		expect(inRam).toBeGreaterThan(9000);
	});

	it("the wire's modules scan and decode from ROM", () => {
		const { host, root, list } = development();
		const { stdout, status } = spawnSync(host, ["--root", root, "--preload", list, "--main", "test-host/xs/firmware/check"], { encoding: "utf8" });
		expect(status).toBe(0);
		expect(stdout.split("\n")).toEqual(["0  HeartbeatInterval", "7 variable -", "1 unknown -", ""]);
	});

	it("every module of the manifest's preload list is in ROM, and what each takes is told", () => {
		const rom = romContents(development());
		expect(rom.modules["preload/schema"].data).toBeGreaterThan(10_000);
		expect(rom.modules["modules/station/station"].code).toBeGreaterThan(1000);
		const sum = Object.values(rom.modules).reduce((total, { bytes }) => total + bytes, rom.engine.bytes);
		expect(Math.abs(sum - rom.total.bytes)).toBeLessThan(2000);
	});

	it("the firmware ends with XsFailure when its memory is not enough, and the process with it", () => {
		const tight = { program: program(), creation: { static: 16_384 } };
		expect(() => new XsBench(tight)).toThrowMatching((error) => error instanceof XsFailure && error.code === XsExit.memory);
	});

	it("an error of the flash reaches the firmware as an exception and the caller as itself", () => {
		const bench = new XsBench({ program: program(), creation: { static: 65_536, stack: 640 } });
		bench.accept();
		bench.flash.cutAt(1, "before");
		let seen: unknown;
		try {
			bench.charge();
		} catch (error) {
			seen = error;
		}
		bench.end();
		// The firmware may catch it and go on; what it must not do is to make another error of it.
		if (seen !== undefined) expect(seen).toBeInstanceOf(PowerCut);
		expect(bench.flash.isOff).toBeTrue();
		expect(bench.flash).toBeInstanceOf(FlashMemory);
	});

	it("two runs of the same bench take the same memory to the byte", () => {
		const memory = (): object => {
			const bench = new XsBench({ program: program(), creation: { static: 65_536, stack: 640 } });
			bench.accept().charge().leave();
			const { collections, ...rest } = bench.live();
			bench.end();
			expect(collections).toBeGreaterThan(0);
			return rest;
		};
		expect(memory()).toEqual(memory());
	});
});
