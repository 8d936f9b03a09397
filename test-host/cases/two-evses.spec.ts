// The cases about authorization, transactions, remote control and availability once more, on a station with two EVSEs: nothing
// that is right for one may rest on there being no other. A process of its own, because the number is chosen for all of them;
// STATION_EVSES=2 npm test runs all cases so.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(__dirname, "..", "..");
const FILES = /^(c-|e-|f-|g-).*\.spec\.ts$/;
const CASES_MS = 300_000;

describe("two EVSEs", () => {
	it("every case that does not say how many EVSEs it means passes with two", async () => {
		const files = readdirSync(join(ROOT, "test-host", "cases")).filter((name) => FILES.test(name));
		const bin = join(ROOT, "node_modules", "jasmine", "bin", "jasmine.js");
		const args = [bin, "--require=ts-node/register/transpile-only", "--config=test-host/jasmine.json", ...files.map((name) => `test-host/cases/${name}`)];
		const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, STATION_EVSES: "2" }, stdio: ["ignore", "pipe", "pipe"] });
		let output = "";
		child.stdout.on("data", (data) => (output += data));
		child.stderr.on("data", (data) => (output += data));
		const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
		const counts = /(\d+) specs?, (\d+) failures?/.exec(output);
		if (code !== 0 || counts === null) return fail(output.slice(-6000));
		expect(Number(counts[2])).toBe(0);
		expect(Number(counts[1])).toBeGreaterThan(100);
		process.stdout.write(`[${counts[1]} cases of ${files.length} files with two EVSEs] `);
	}, CASES_MS);
});
