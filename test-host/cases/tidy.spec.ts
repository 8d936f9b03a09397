import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { boardModules, checkManifests, checkText, hasCode, stationModules } from "../../scripts/tidy.js";

const messages = (file: string, text: string): string[] =>
	checkText(file, "// What it is.\n" + text + "\n").map(({ line, message }) => `${line}: ${message}`);

describe("scripts/tidy", () => {
	// Each line alone is wrong, and says so with this word.
	for (const [name, file, text, word] of [
		["bare import in a module", "modules/core/a.ts", 'import Timer from "timer";', "bare import"],
		["bare import in preload", "preload/a.ts", 'export { a } from "node:fs";', "bare import"],
		["import without .js", "modules/core/a.ts", 'import { b } from "./b";', ".js"],
		["core from model", "modules/core/a.ts", 'import { b } from "../model/b.js";', "floors"],
		["storage from transport", "modules/storage/a.ts", 'import type { b } from "../transport/b.js";', "floors"],
		["transport from storage", "modules/transport/a.ts", 'import { b } from "../storage/b.js";', "floors"],
		["model from storage", "modules/model/a.ts", 'import { b } from "../storage/b.js";', "floors"],
		["block from block", "modules/blocks/a.ts", 'import { b } from "./b.js";', "floors"],
		["block from station", "modules/blocks/a.ts", 'import { b } from "../station/b.js";', "floors"],
		["ports from core", "modules/ports/a.ts", 'import { b } from "../core/b.js";', "floors"],
		["preload from modules", "preload/a.ts", 'import { b } from "../modules/core/b.js";', "floors"],
		["driver from core", "drivers/a.ts", 'import { b } from "../modules/core/b.js";', "floors"],
		["board from station", "boards/x/board.ts", 'import { b } from "../../modules/station/b.js";', "floors"],
		["module from test-host", "modules/core/a.ts", 'export * from "../../test-host/board/b.js";', "floors"],
		["main from core", "main.ts", 'import { b } from "./modules/core/b.js";', "floors"],
		["dynamic import", "modules/core/a.ts", 'const a = (): unknown => import("./b.js");', "dynamic import"],
		["Date.now", "modules/core/a.ts", "export const a = (): number => Date.now();", "Date.now"],
		["new Date", "modules/core/a.ts", "export const a = (): unknown => new Date();", "new Date"],
		["Math.random", "modules/core/a.ts", "export const a = (): number => Math.random();", "Math.random"],
		["JSON.stringify", "modules/core/a.ts", "export const a = (): string => JSON.stringify(1);", "JSON.stringify"],
		["Timer", "modules/core/a.ts", "export const a = (): void => Timer.set(a);", "Timer"],
		["trace", "modules/core/a.ts", 'export const a = (): void => trace("a");', "trace"],
		["Promise", "modules/core/a.ts", "export const a = (): unknown => Promise.resolve();", "Promise"],
		["async", "modules/core/a.ts", "export const a = async (): Promise<void> => undefined;", "async"],
		["eval", "modules/core/a.ts", 'export const a = (): unknown => eval("1");', "eval"],
		["Buffer", "modules/core/a.ts", 'export const a = (): unknown => Buffer.from("");', "Buffer"],
		["TextEncoder", "preload/a.ts", "export const a = (): unknown => new TextEncoder();", "TextEncoder"],
		["enum", "modules/core/a.ts", "export enum A { b }", "enum"],
		["any", "modules/core/a.ts", "export const a = (b: any): unknown => b;", "any"],
		["module-level let", "modules/core/a.ts", "let a = 1;", "module-level let"],
		["module-level let in a driver", "drivers/a.ts", "export let a = 1;", "module-level let"],
		["object that is not frozen", "preload/a.ts", "export const a = { b: 1 } as const;", "not frozen"],
		["array that is not frozen", "modules/core/a.ts", "const a = [1];", "not frozen"],
		["instance at module level", "modules/core/a.ts", "const a = new Map();", "not frozen"],
		["default export", "modules/core/a.ts", "export default function a(): void {}", "default export"],
		["default export by name", "scripts/a.ts", "const a = 1;\nexport default a;", "default export"],
		["long line", "modules/core/a.ts", "// " + "x".repeat(118), "120 columns"],
		["long line on the host", "test-host/a.ts", "// " + "x".repeat(178), "180 columns"],
		["indent with blanks", "scripts/a.ts", "{\n    const a = 1;\n}", "tabs"],
		["blanks at the end", "scripts/a.ts", "const a = 1; ", "blanks"],
		["path of a machine", "scripts/a.ts", 'const a = "/' + 'home/me/x";', "path of a machine"],
		["path of a machine in a comment", "drivers/a.ts", "// see /" + "tmp/x", "path of a machine"],
		["to-do without a reason", "scripts/a.ts", "// TO" + "DO fix", "TO-DO"],
	] as const)
		it(`refuses: ${name}`, () => {
			expect(messages(file, text).filter((message) => message.includes(word)).length)
				.withContext(messages(file, text).join("; "))
				.toBe(1);
			expect(messages(file, text).every((message) => /^[23]: /.test(message))).toBeTrue();
		});

	// None of these is a violation, though a search for words would say so.
	for (const [name, file, text] of [
		["a banned word in a comment", "modules/core/a.ts", "// JSON.stringify, Promise, async and eval are not used."],
		["a banned word in a string", "modules/core/a.ts", 'export const a = "Promise";'],
		["a member of that name", "modules/core/a.ts", "export const a = (b: { trace(): void }): void => b.trace();"],
		["a key of that name", "modules/core/a.ts", "export interface A { Buffer: number }"],
		["Date.UTC", "modules/core/a.ts", "export const a = (): number => Date.UTC(2020, 1);"],
		["let inside a function", "modules/core/a.ts", "export function a(): number {\n\tlet b = 1;\n\treturn ++b;\n}"],
		["const enum", "preload/a.ts", "export const enum A { b = 1 }"],
		["a frozen table", "preload/a.ts", "export const a = freeze({ b: [1] } as const);"],
		["own folder", "modules/core/a.ts", 'import { b } from "./b.js";'],
		["lower floor", "modules/blocks/a.ts", 'import { b } from "../storage/b.js";'],
		["types of the blocks", "modules/blocks/a.ts", 'import type { Block } from "./block.js";'],
		["bare import in a board", "boards/x/board.ts", 'import Timer from "timer";'],
		["default export of main", "main.ts", "export default function main(): void {}"],
		["Promise in a test", "test-host/a.ts", "export const a = async (): Promise<void> => undefined;"],
		["text in a template", "scripts/a.ts", "export const a = `x\n   y\n`;"],
		["an address", "scripts/a.ts", 'const a = "ws://host/' + 'work/x";'],
		["a to-do with its reason", "scripts/a.ts", "// TO" + "DO: waits for the SDK to export the reset cause"],
		["a comment in stars", "scripts/a.ts", "/**\n * Text.\n */\nexport const a = 1;"],
	] as const)
		it(`accepts: ${name}`, () => expect(messages(file, text)).toEqual([]));

	it("a file opens with its header, a generated one with its maker", () => {
		const first = (file: string, text: string): string => checkText(file, text).map(({ message }) => message).join();
		expect(first("modules/core/a.ts", "export const a = 1;\n")).toContain("opens with a comment");
		expect(first("preload/schema.ts", "// Schemas.\nexport const a = 1;\n")).toContain("Generated by");
		expect(first("preload/schema.ts", "// Generated by scripts/generate-tables.ts from x.\n")).toBe("");
		expect(first("modules/core/a.ts", "// A file.")).toContain("no newline");
	});

	it("files of types have no code, files of values have", () => {
		expect(hasCode('import type { A } from "./a.js";\nexport interface B extends A {}\nexport type C = B;\n')).toBeFalse();
		expect(hasCode("// Only words.\nexport {};\n")).toBeFalse();
		expect(hasCode("export const enum A { b = 1 }\n")).toBeFalse();
		expect(hasCode("export const enum A { b = 1 }\nexport const c = A.b;\n")).toBeTrue();
		expect(hasCode("export const a = 1;\n")).toBeTrue();
		expect(hasCode("export class A {}\n")).toBeTrue();
	});

	describe("the lists of the manifests", () => {
		let root: string;
		const put = (file: string, text: string): void => {
			mkdirSync(dirname(join(root, file)), { recursive: true });
			writeFileSync(join(root, file), text);
		};
		const check = (): string[] => checkManifests(root, false).map(({ file, message }) => `${file} ${message}`);

		beforeEach(() => {
			root = mkdtempSync(join(tmpdir(), "tidy-"));
			put("main.ts", "export default function run(): void {}\n");
			put("preload/limits.ts", "export const LIMITS = 1;\n");
			put("preload/payloads.d.ts", "export interface A {}\n");
			put("modules/ports/clock.ts", "export interface Clock {}\n");
			put("modules/core/crc.ts", "export const crc = 1;\n");
			put("drivers/parts.ts", "export type Post = () => void;\n");
			put("drivers/used.ts", 'import type { Post } from "./parts.js";\nexport const a: Post = () => undefined;\n');
			put("drivers/unused.ts", "export const a = 1;\n");
			put("boards/kit/board.ts", 'import { a } from "../../drivers/used.js";\nimport run from "../../main.js";\nrun(); a();\n');
			put("manifest.json", '{ "modules": {}, "preload": [] }');
			put("boards/kit/manifest.json", '{ "modules": { "*": ["./c"] }, "preload": ["timer"] }');
		});
		afterEach(() => rmSync(root, { recursive: true }));

		it("hold main and every file with code, and for a board what it reaches", () => {
			expect(stationModules(root)).toEqual(["preload/limits", "modules/core/crc", "main"]);
			expect(boardModules(root, "boards/kit")).toEqual(["boards/kit/board", "drivers/used"]);
		});

		it("a module that is missing in either list is told, and --write mends both without losing the rest", () => {
			expect(check().length).toBe(10);
			expect(check()).toContain("manifest.json modules/core/crc: missing in preload");
			checkManifests(root, true);
			expect(check()).toEqual([]);
			const board = JSON.parse(readFileSync(join(root, "boards/kit/manifest.json"), "utf8"));
			expect(board).toEqual({
				modules: {
					"*": ["./c"],
					"boards/kit/board": "./board",
					"drivers/used": "../../drivers/used",
				},
				preload: ["timer", "boards/kit/board", "drivers/used"],
			});
		});

		it("a name that matches nothing, a wrong source and a double name are told", () => {
			checkManifests(root, true);
			const manifest = JSON.parse(readFileSync(join(root, "manifest.json"), "utf8"));
			manifest.modules["modules/core/gone"] = "./modules/core/gone";
			manifest.modules["modules/core/crc"] = "./modules/core/crc32";
			manifest.preload.push("modules/ports/clock", "main");
			put("manifest.json", JSON.stringify(manifest));
			expect(check().sort()).toEqual([
				"manifest.json modules/core/crc: its source must be \"./modules/core/crc\"",
				"manifest.json modules/core/gone: in modules, but not needed",
				"manifest.json modules/ports/clock: in preload, but not needed",
				"manifest.json preload: names a module twice",
			]);
		});

		it("a new file makes the lists incomplete", () => {
			checkManifests(root, true);
			put("modules/core/ring.ts", "export class Ring {}\n");
			expect(check()).toEqual([
				"manifest.json modules/core/ring: missing in modules",
				"manifest.json modules/core/ring: missing in preload",
			]);
		});
	});
});
