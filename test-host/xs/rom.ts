// What the test host reports of ROM.

import { execFileSync } from "node:child_process";
import type { XsProgram } from "./xs-station.js";

/** Bytes of ROM by what they are; slots have 16 bytes each. */
export interface RomContent {
	slots: number;
	/** Byte code of functions. */
	code: number;
	strings: number;
	/** Typed arrays and other buffers. */
	data: number;
	/** All of it. */
	bytes: number;
}

export interface RomReport {
	total: RomContent;
	/** The engine's own objects. */
	engine: RomContent;
	keys: number;
	/** What each module added, in the order of loading; what several use counts for the first. */
	modules: { [id: string]: RomContent };
	/** What is still mutable: each costs a pointer in RAM, and a copy when it is written. */
	aliases: string[];
}

/** Modules of ours, by id. */
export const isOurs = (id: string): boolean => /^(preload|modules)\//.test(id);
/** The module of a release that holds most others. */
const BUNDLE = "modules/station/station";

export interface FirmwareRom {
	/** Bytes of everything that is ours. */
	total: number;
	/**
	 * Bytes by module of the sources. In a release most of them are one module; its bytes are shared out in proportion to what
	 * each takes in the development build, where they can be counted one by one.
	 */
	modules: { [id: string]: number };
	/** The release as it is counted. */
	report: RomReport;
}

/** ROM of a release, and the share of each module of the sources. */
export function firmwareRom(release: XsProgram, development: XsProgram): FirmwareRom {
	const report = romContents(release);
	const apart = Object.entries(report.modules).filter(([id]) => isOurs(id) && id !== BUNDLE);
	const modules: { [id: string]: number } = Object.fromEntries(apart.map(([id, { bytes }]) => [id, bytes]));
	const joined = Object.entries(romContents(development).modules).filter(([id]) => isOurs(id) && modules[id] === undefined);
	const factor = report.modules[BUNDLE].bytes / joined.reduce((sum, [, { bytes }]) => sum + bytes, 0);
	for (const [id, { bytes }] of joined) modules[id] = Math.round(bytes * factor);
	const ours = Object.entries(report.modules).filter(([id]) => isOurs(id));
	return { total: ours.reduce((sum, [, { bytes }]) => sum + bytes, 0), modules, report };
}

/** Prepares ROM once more and counts what is in it. */
export function romContents(program: XsProgram): RomReport {
	const output = execFileSync(program.host, ["--root", program.root, "--preload", program.list, "--rom-report"], { encoding: "utf8" });
	return JSON.parse(output) as RomReport;
}
