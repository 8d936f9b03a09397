// npm run budget: what the firmware takes of a device's memory, counted on XS (test-host/xs), 32-bit, tables and code in ROM.
// Prints live and peak RAM, who holds it, the smallest `static` that bears everything, and ROM by module, beside budget.json; and
// what TLS takes beside it (scripts/tls-memory.ts).
//   --json   the same as JSON         --write  makes these figures the budget and puts them into docs/memory.md
//   --quick  without the search for the smallest `static` (it takes the budget's)

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import "../test-host/board/xs-globals.js";
import { firmwareRom, isOurs, type RomReport } from "../test-host/xs/rom.js";
import { everything, holders, measure, type Figures, type Holder } from "../test-host/xs/scenario.js";
import { prepareXs } from "../test-host/xs/engine.js";
import { queueFigures } from "./bench/queue.js";
import { STEP_HEADS, stepRows, tlsFigures, TLS_HEADS, tlsRest, tlsRows, type TlsFigures } from "./tls-memory.js";
import { endIdleEngines, projectRoot, XsExit, XsFailure, type Creation, type XsProgram } from "../test-host/xs/xs-station.js";
import { build, chipLacks, CHIPS, emptyApp, linked, sdkVersion, releaseApp, type Linked, type Platform } from "./moddable.js";

export interface Budget {
	/** Bytes for slots, chunks and stack: the least `creation.static` that bears everything. */
	static: number;
	/** Slots of stack. */
	stack: number;
	/** Bytes unless the name says otherwise; see test-host/xs/scenario.ts. */
	figures: Figures;
	rom: { total: number; modules: { [id: string]: number } };
	/** Bytes of flash that an event takes and costs, see scripts/bench/queue.ts. */
	queue: Figures;
	/** Preloaded objects and variables that may stay mutable, each with its reason. */
	aliases: { [name: string]: string };
}

/** A figure may grow by so much before the test fails. */
export const GROWTH = 1.02;
/** What no growth may pass, whatever the budget says. */
export const CEILING = {
	static: 32_768, staticAim: 20_480, fullInventoryExtra: 1024, rom: 204_800, romAim: 153_600, queueStored: 16, queueWritten: 40,
} as const;

/** Small steps, so that what is given is what is needed; a device may take larger ones where it has room. */
export const SMALL: Creation = { chunk: 256, chunkInc: 128, heap: 64, heapInc: 16, keys: 32 };
/** Enough for anything: figures other than `static` do not depend on it. */
export const AMPLE: Creation = { static: 65_536, stack: 1024 };

const BUDGET_FILE = join(projectRoot(), "budget.json");
const MEMORY_FILE = join(projectRoot(), "docs", "memory.md");
const STATIC_STEP = 64;

export function readBudget(): Budget {
	return JSON.parse(readFileSync(BUDGET_FILE, "utf8")) as Budget;
}

/** True when everything runs within `creation`. */
function bears(program: XsProgram, creation: Creation): boolean {
	try {
		everything({ program, creation });
		return true;
	} catch (error) {
		if (error instanceof XsFailure && (error.code === XsExit.memory || error.code === XsExit.stack)) return false;
		throw error;
	} finally {
		endIdleEngines();
	}
}

/** The least value from `low` to `high`, in steps of `step`, for which `holds`; it must hold for `high`. */
function least(low: number, high: number, step: number, holds: (value: number) => boolean): number {
	let from = Math.floor(low / step);
	let to = Math.ceil(high / step);
	if (!holds(to * step)) throw new Error(`${to * step} is not enough`);
	while (to - from > 1) {
		const middle = (from + to) >> 1;
		if (holds(middle * step)) to = middle;
		else from = middle;
	}
	return to * step;
}

/** The smallest stack, and with it the smallest `static`, that bears everything. */
export function smallest(program: XsProgram): { static: number; stack: number } {
	const stack = least(128, 1024, 1, (slots) => bears(program, { ...AMPLE, stack: slots }));
	return { stack, static: least(8192, 65_536, STATIC_STEP, (bytes) => bears(program, { ...SMALL, stack, static: bytes })) };
}

export interface Report extends Omit<Budget, "aliases" | "queue"> {
	live: number;
	peak: number;
	holders: Holder[];
	romReport: RomReport;
}

/** All figures. @param found  the smallest sizes, when they are known */
export function report(program: XsProgram, development: XsProgram, found: { static: number; stack: number }): Report {
	const figures = measure({ program, creation: AMPLE });
	const { total, modules, report: romReport } = firmwareRom(program, development);
	return {
		...found,
		live: figures["live.charging"],
		peak: Math.max(...Object.entries(figures).filter(([name]) => name.startsWith("peak.")).map(([, value]) => value)),
		figures,
		// Members have their names there.
		holders: holders({ program: development, creation: AMPLE }),
		rom: { total, modules },
		romReport,
	};
}

/** What the linker of the SDK reports of a chip: of the firmware with its board, of an app that does nothing. */
interface Chip {
	platform: Platform;
	all: Linked;
	empty: Linked;
}

/** Script stage of each chip, where the SDK is installed; what is missing is said. */
async function chips(say: (line: string) => void): Promise<Chip[]> {
	if (sdkVersion() === undefined) {
		say("figures of xsl: skipped, mcconfig is not on PATH");
		return [];
	}
	const app = await releaseApp();
	const found: Chip[] = [];
	for (const platform of CHIPS) {
		const lacks = chipLacks(platform);
		if (lacks !== "") say(`figures of xsl: ${platform} skipped, ${lacks}`);
		else found.push({ platform, all: linked(build(app, platform)), empty: linked(build(emptyApp(), platform)) });
	}
	return found;
}

const LINKED = ["slots", "keys", "code", "aliases"] as const;

function chipText({ platform, all, empty }: Chip): string {
	return table([[`xsl, ${platform}`, ...LINKED.map((name) => (name === "code" ? "bytes of code" : name)), "bytes"],
		...([["firmware with its board", all, 0], ["an empty app", empty, 0], ["ours", all, 1]] as const).map(([name, of, less]) => {
			const values = LINKED.map((figure) => of[figure] - less * empty[figure]);
			return [name, ...values, values[0] * 16 + values[2]];
		})]);
}

function table(rows: readonly (readonly (string | number)[])[]): string {
	const text = rows.map((row) => row.map(String));
	const widths = text[0].map((_, column) => Math.max(...text.map((row) => row[column].length)));
	return text.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join("  ")
		.trimEnd()).join("\n");
}

function beside(value: number, was: number | undefined): string {
	if (was === undefined) return "new";
	return value === was ? "" : `${value > was ? "+" : ""}${Number((value - was).toFixed(1))}`;
}

/** The report for people. */
function text(now: Report, budget: Budget | undefined): string {
	const lines: string[] = [];
	const { romReport } = now;
	lines.push("RAM, bytes (XS, 32 bits)", table([
		["smallest static that bears everything", now.static, beside(now.static, budget?.static)],
		["  of which stack", now.stack * 16, beside(now.stack * 16, budget === undefined ? undefined : budget.stack * 16)],
		...Object.entries(now.figures).map(([name, value]) => [name, value, beside(value, budget?.figures[name])]),
	]), "");
	lines.push("who holds it after Accepted", table(now.holders.map(({ path, bytes, slots, chunks }) => [path, bytes, `${slots} slots`, `${chunks} chunk bytes`])), "");
	const share = (bytes: number): string => `${Math.round((bytes / now.rom.total) * 100)} %`;
	const tables = Object.entries(now.rom.modules).filter(([id]) => id.startsWith("preload/")).reduce((sum, [, bytes]) => sum + bytes, 0);
	lines.push("ROM, bytes", table([
		["ours", now.rom.total, beside(now.rom.total, budget?.rom.total)],
		["  tables", tables, share(tables)],
		["  protocol", now.rom.total - tables, share(now.rom.total - tables)],
		["test host's ports (a device has its drivers)", romReport.modules["test-host/xs/firmware/main"].bytes, ""],
		["engine's objects", romReport.engine.bytes, ""],
	]), "");
	lines.push(table([["release module", "bytes", "slots", "code", "strings", "data"],
		...Object.entries(romReport.modules).filter(([id]) => isOurs(id)).sort(([, a], [, b]) => b.bytes - a.bytes)
			.map(([id, { bytes, slots, code, strings, data }]) => [id, bytes, slots, code, strings, data])]), "");
	lines.push(table([["share of a module of the sources", "bytes"], ...Object.entries(now.rom.modules).sort(([, a], [, b]) => b - a)]), "");
	lines.push(`still mutable: ${romReport.aliases.length === 0 ? "nothing" : romReport.aliases.join(", ")}`);
	return lines.join("\n");
}

/** TLS for people: what the system heap of a device gives, and what the firmware's own heap does. */
function tlsText(figures: TlsFigures): string {
	return ["TLS, bytes of the system heap per connection (mbedTLS, 32 bits)", table([TLS_HEADS, ...tlsRows(figures)]),
		"certificates, bytes at most while a step lasts", table([STEP_HEADS, ...stepRows(figures)]), tlsRest(figures)].join("\n");
}

/** Puts the tables into docs/memory.md, between their marks. */
function writeMemory(now: Report, linkedFor: readonly Chip[], tls: TlsFigures | undefined): void {
	const document = readFileSync(MEMORY_FILE, "utf8");
	const put = (whole: string, mark: string, inside: string): string =>
		whole.replace(new RegExp(`(<!-- ${mark} -->\n)[\\s\\S]*?(<!-- end -->)`), (_, head: string, tail: string) => head + inside + tail);
	const row = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |\n`;
	let result = put(document, "holders", row(["holder", "bytes", "slots", "chunk bytes"]) + row(["---", "---:", "---:", "---:"]) +
		now.holders.map(({ path, bytes, slots, chunks }) => row([`\`${path}\``, bytes, slots, chunks])).join(""));
	result = put(result, "figures", row(["figure", "bytes"]) + row(["---", "---:"]) +
		row(["smallest `static` that bears everything", now.static]) + row(["of which stack", now.stack * 16]) +
		Object.entries(now.figures).map(([name, value]) => row([`\`${name}\``, value])).join(""));
	const rom = Object.entries(now.rom.modules).sort(([, a], [, b]) => b - a);
	result = put(result, "rom", row(["module", "bytes"]) + row(["---", "---:"]) + row(["all that is ours", now.rom.total]) +
		rom.slice(0, 20).map(([id, bytes]) => row([`\`${id}\``, bytes])).join("") +
		row([`${rom.length - 20} others`, rom.slice(20).reduce((sum, [, bytes]) => sum + bytes, 0)]));
	// What was not measured here stays as it was.
	if (linkedFor.length > 0) {
		result = put(result, "xsl", row(["chip", "ROM slots", "keys", "bytes of code", "aliases", "bytes"]) + row(["---", "---:", "---:", "---:", "---:", "---:"]) +
			linkedFor.map(({ platform, all, empty }) => {
				const ours = LINKED.map((figure) => all[figure] - empty[figure]);
				return row([`\`${platform}\``, ...ours, ours[0] * 16 + ours[2]]);
			}).join(""));
	}
	if (tls !== undefined) {
		result = put(result, "tls", row(TLS_HEADS) + row(["---", "---:", "---:", "---:", "---:"]) + tlsRows(tls).map(row).join("") + "\n" +
			row(STEP_HEADS) + row(["---", "---:", "---:"]) + stepRows(tls).map(row).join("") + `\n${tlsRest(tls)}\n`);
	}
	writeFileSync(MEMORY_FILE, result);
}

async function main(argv: readonly string[]): Promise<void> {
	const unknown = argv.find((flag) => !["--json", "--write", "--quick"].includes(flag));
	if (unknown !== undefined) throw new Error(`budget: unknown flag ${unknown}`);
	const say = (line: string): void => void process.stderr.write(`${line}\n`);
	const program = await prepareXs(32, say);
	const development = await prepareXs(32, say, false, "development");
	let budget: Budget | undefined;
	try {
		budget = readBudget();
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
	}
	const found = argv.includes("--quick") && budget !== undefined ? { static: budget.static, stack: budget.stack } : smallest(program);
	const now = report(program, development, found);
	const linkedFor = await chips((line) => process.stderr.write(`${line}\n`));
	const queue = queueFigures();
	if (argv.includes("--json")) {
		const { romReport, ...rest } = now;
		process.stdout.write(JSON.stringify({ ...rest, queue, aliases: romReport.aliases, chips: linkedFor }, null, "\t") + "\n");
	} else {
		process.stdout.write(text(now, budget) + "\n");
		for (const chip of linkedFor) process.stdout.write(`\n${chipText(chip)}\n`);
		process.stdout.write(`\nqueue, bytes of flash per event in 64 kB (npm run bench -- queue has more)\n${table(Object.entries(queue).map(([name, value]) =>
			[name, value.toFixed(1), beside(value, budget?.queue?.[name])]))}\n`);
	}
	const tls = await tlsFigures((line) => process.stderr.write(`${line}\n`));
	if (tls !== undefined && !argv.includes("--json")) process.stdout.write(`\n${tlsText(tls)}\n`);
	if (argv.includes("--write")) {
		const { static: bytes, stack, figures, rom } = now;
		const next: Budget = { static: bytes, stack, figures, rom, queue, aliases: budget?.aliases ?? {} };
		writeFileSync(BUDGET_FILE, JSON.stringify(next, null, "\t") + "\n");
		writeMemory(now, linkedFor, tls);
	}
	endIdleEngines();
}

if (require.main === module) {
	main(process.argv.slice(2)).catch((error: Error) => {
		process.stderr.write(`${error.message}\n`);
		process.exit(1);
	});
}
