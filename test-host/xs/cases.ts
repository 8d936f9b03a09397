// The functional cases on XS: which files they are, and processes that run them, one per core. The engine is chosen for a whole
// process, because the cases do not know which one is behind the rig.

import { spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { projectRoot } from "./xs-station.js";

/** Cases with TLS on the way, or with signatures. */
const NEEDS_TLS = /^(a-profiles|m-certificates|tls-.*)\.spec\.ts$/;

export interface CasesOptions {
	/** Whether the program speaks TLS. */
	tls: boolean;
	env: { readonly [name: string]: string };
	/** Shown while they run. */
	isShown?: boolean;
	/** Names of spec files in place of those that drive a station. */
	files?: readonly string[];
}

export interface CasesResult {
	isSound: boolean;
	cases: number;
	files: number;
	output: string;
}

/** Names of the spec files that drive a station through the rig. */
export function caseFiles(tls: boolean): string[] {
	const folder = join(projectRoot(), "test-host", "cases");
	return readdirSync(folder).filter((name) => name.endsWith(".spec.ts") && (tls || !NEEDS_TLS.test(name)) && /from "\.\/rig\.js"/.test(readFileSync(join(folder, name), "utf8")));
}

/** Runs all of them with STATION_ENGINE=xs, in as many processes as there are cores, two at most. */
export async function runCases({ tls, env, isShown, files: named }: CasesOptions): Promise<CasesResult> {
	const root = projectRoot();
	const length = (name: string): number => statSync(join(root, "test-host", "cases", name)).size;
	const files = [...(named ?? caseFiles(tls))].sort((a, b) => length(b) - length(a));
	const jobs = Math.min(2, availableParallelism());
	const parts = Array.from({ length: jobs }, (_, job) => files.filter((_name, i) => i % jobs === job));
	const results = await Promise.all(parts.map((part) => runPart(part, env, isShown ?? false)));
	return {
		isSound: results.every(({ isSound }) => isSound), cases: results.reduce((sum, { cases }) => sum + cases, 0), files: files.length,
		output: results.filter(({ isSound }) => !isSound).map(({ output }) => output).join("\n"),
	};
}

async function runPart(files: readonly string[], env: CasesOptions["env"], isShown: boolean): Promise<Omit<CasesResult, "files">> {
	const root = projectRoot();
	const args = [join(root, "node_modules", "jasmine", "bin", "jasmine.js"), "--require=ts-node/register/transpile-only",
		"--config=test-host/jasmine.json", ...files.map((name) => `test-host/cases/${name}`)];
	const child = spawn(process.execPath, args, {
		cwd: root, env: { ...process.env, STATION_ENGINE: "xs", ...env }, stdio: ["ignore", "pipe", "pipe"],
	});
	let output = "";
	const take = (data: Buffer): void => {
		output += data.toString();
		if (isShown) process.stdout.write(data);
	};
	child.stdout.on("data", take);
	child.stderr.on("data", take);
	const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
	const counts = /(\d+) specs?, (\d+) failures?/.exec(output);
	return { isSound: code === 0 && counts !== null && counts[2] === "0", cases: Number(counts?.[1] ?? 0), output };
}
