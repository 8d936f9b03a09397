// The functional cases on XS: the same files that run on Node, with the firmware on the engine of the devices. Each case that
// uses the rig is taken; a process of its own runs them, because the engine is chosen for all of them.

import { runCases } from "../xs/cases.js";
import { xsPerFile } from "./xs-kit.js";

const CASES_MS = 600_000;

describe("xs cases", () => {
	const program = xsPerFile(32, true);

	it("every functional case passes on XS as it does on Node", async () => {
		expect(program().host).not.toBe("");
		const { isSound, cases, files, output } = await runCases({ tls: true, env: {} });
		if (!isSound) return fail(output.slice(-6000));
		expect(cases).toBeGreaterThan(files);
		process.stdout.write(`[${cases} cases of ${files} files on XS] `);
	}, CASES_MS);
});
