// What the queue costs the flash may not grow by more than 2 % over budget.json, nor over its ceilings; and what days without network leave.

import "../board/xs-globals.js";
import { offline, queueFigures } from "../../scripts/bench/queue.js";
import { CEILING, GROWTH, readBudget } from "../../scripts/budget.js";
import { PATTERNS } from "../traces/traces.js";

describe("queue figures", () => {
	it("flash bytes stored and written per event are within the budget", () => {
		const figures = queueFigures();
		const { queue } = readBudget();
		expect(Object.entries(figures).filter(([name, value]) => value > (queue[name] ?? 0) * GROWTH)).toEqual([]);
		expect(figures["stored.average"]).toBeLessThanOrEqual(CEILING.queueStored);
		expect(figures["written.online.average"]).toBeLessThanOrEqual(CEILING.queueWritten);
		expect(figures["written.later.average"]).toBeLessThanOrEqual(CEILING.queueWritten);
		console.log(`queue: ${figures["stored.average"]} bytes of flash per stored event, ${figures["written.online.average"]} written online, ` +
			`${figures["written.later.average"]} after hours offline, on average of ${PATTERNS.length} patterns`);
	}, 60_000);

	it("E04.FR.01 a day of a van in 64 kB and a week in 256 kB lose nothing, over a power cut", () => {
		const fleet = PATTERNS.find(({ name }) => name === "fleet")!;
		for (const [kb, hours] of [[64, 24], [256, 168]]) {
			const { made, delivered } = offline(fleet, kb, hours);
			expect(made).toBeGreaterThan(hours * 50);
			expect(delivered).toBe(made);
		}
	}, 60_000);

	it("E04.FR.07 a day of any pattern in 64 kB keeps every Started and Ended", () => {
		for (const pattern of PATTERNS) {
			const { bounds, whole, kept, delivered } = offline(pattern, 64, 24);
			expect(whole).toBe(bounds);
			expect(delivered).toBe(kept);
		}
	}, 60_000);
});
