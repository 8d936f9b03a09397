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

/** Prepares ROM once more and counts what is in it. */
export function romContents(program: XsProgram): RomReport {
	const output = execFileSync(program.host, ["--root", program.root, "--preload", program.list, "--rom-report"], { encoding: "utf8" });
	return JSON.parse(output) as RomReport;
}
