// The functional cases on XS: the same files that run on Node, with the firmware on the engine of the devices. Each case that
// uses the rig is taken; a process of its own runs them, because the engine is chosen for all of them.

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../xs/xs-station.js";
import { xsPerFile } from "./xs-kit.js";

const CASES_MS = 600_000;
/** Cases of signatures: the test host on XS has TLS, but no crypto of the firmware's own. */
const NEEDS_CRYPTO = /^(m-certificates|tls-signing)\.spec\.ts$/;

describe("xs cases", () => {
	const program = xsPerFile(32, true);

	it("every functional case passes on XS as it does on Node", async () => {
		expect(program().host).not.toBe("");
		const root = projectRoot();
		const folder = join(root, "test-host", "cases");
		const isCase = (name: string): boolean => name.endsWith(".spec.ts") && !NEEDS_CRYPTO.test(name) &&
			/from "\.\/rig\.js"/.test(readFileSync(join(folder, name), "utf8"));
		const files = readdirSync(folder).filter(isCase);
		const bin = join(root, "node_modules", "jasmine", "bin", "jasmine.js");
		const args = [bin, "--require=ts-node/register/transpile-only", "--config=test-host/jasmine.json", ...files.map((name) => `test-host/cases/${name}`)];
		const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, STATION_ENGINE: "xs" }, stdio: ["ignore", "pipe", "pipe"] });
		let output = "";
		child.stdout.on("data", (data) => (output += data));
		child.stderr.on("data", (data) => (output += data));
		const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
		const counts = /(\d+) specs?, (\d+) failures?/.exec(output);
		if (code !== 0 || counts === null) fail(output.slice(-6000));
		else {
			expect(Number(counts[2])).toBe(0);
			expect(Number(counts[1])).toBeGreaterThan(files.length);
			process.stdout.write(`[${counts[1]} cases of ${files.length} files on XS] `);
		}
	}, CASES_MS);
});
