// Seeds of the simulator with the firmware on Node and on XS at once (test-host/sim/twin.ts): the same checkers, and not a byte
// or call may differ between the two.

import { Variable } from "../../preload/variables.js";
import { report, runSeed } from "../sim/run.js";
import { TwinStation, twinMaker } from "../sim/twin.js";
import { endIdleEngines } from "../xs/xs-station.js";
import { xsPerFile } from "./xs-kit.js";

const SEEDS = 10;
const HOURS = 1;

describe("simulator on XS", () => {
	const program = xsPerFile("quick");
	let virtualHours = 0;
	let seconds = 0;

	afterAll(() => {
		endIdleEngines();
		if (seconds > 0) process.stdout.write(`[${SEEDS} seeds on XS: ${virtualHours.toFixed(0)} virtual hours, ${(virtualHours / seconds).toFixed(1)} per second] `);
	});

	for (let seed = 1; seed <= SEEDS; seed++) {
		it(`seed ${seed} keeps every rule for ${HOURS} h of trouble, and XS does what Node does`, () => {
			const twins = twinMaker(program());
			const startedMs = performance.now();
			const verdict = runSeed(seed, HOURS, twins.make);
			twins.end();
			seconds += (performance.now() - startedMs) / 1000;
			virtualHours += verdict.virtualHours;
			if (verdict.findings.length > 0) fail(report(verdict, "of this tree"));
			expect(verdict.virtualHours).toBeGreaterThan(HOURS + 2);
		}, 120_000);
	}

	it("a difference between the two is found", () => {
		const twins = twinMaker(program());
		let made: TwinStation | undefined;
		let steps = 0;
		const verdict = runSeed(1, HOURS, (host) => {
			const twin = (made = twins.make(host));
			const step = twin.step.bind(twin);
			twin.step = () => {
				// Behind the back of XS: Node's station alone beats faster.
				if (++steps === 50) twin.variables.set(Variable.OCPPCommHeartbeatInterval, "1");
				return step();
			};
			return twin;
		});
		twins.end();
		expect(made).toBeDefined();
		expect(verdict.findings[0]?.text).toMatch(/XS/);
	}, 120_000);
});
