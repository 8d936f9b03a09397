// The functional cases on XS: which files they are, and a process that runs them. The engine is chosen for a whole process,
// because the cases do not know which one is behind the rig.

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./xs-station.js";

/** Cases of signatures: the test host on XS has TLS, but no crypto of the firmware's own. */
const NEEDS_CRYPTO = /^(m-certificates|tls-signing)\.spec\.ts$/;
/** Cases with TLS on the way. */
const NEEDS_TLS = /^(a-profiles|tls-.*)\.spec\.ts$/;

export interface CasesOptions {
	/** Whether the program speaks TLS. */
	tls: boolean;
	env: { readonly [name: string]: string };
	/** Shown while they run. */
	isShown?: boolean;
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
	return readdirSync(folder).filter((name) => name.endsWith(".spec.ts") && !NEEDS_CRYPTO.test(name) &&
		(tls || !NEEDS_TLS.test(name)) && /from "\.\/rig\.js"/.test(readFileSync(join(folder, name), "utf8")));
}

/** Runs all of them with STATION_ENGINE=xs. */
export async function runCases({ tls, env, isShown }: CasesOptions): Promise<CasesResult> {
	const root = projectRoot();
	const files = caseFiles(tls);
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
	return { isSound: code === 0 && counts !== null && counts[2] === "0", cases: Number(counts?.[1] ?? 0), files: files.length, output };
}
