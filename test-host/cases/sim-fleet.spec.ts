// The fleet that loses its CSMS: the short part of `npm run sim:fleet`. Source: OCPP 2.0.1 Part 4 §5.3.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { playFleet, textPlot, type FleetOptions } from "../sim/fleet.js";
import { projectRoot } from "../xs/xs-station.js";

const fleet = (wait: number, range: number, repeats: number, more: Partial<FleetOptions> = {}): FleetOptions => ({
	stations: 2000, waitMinimumSeconds: wait, randomRangeSeconds: range, repeatTimes: repeats, acceptsPerSecond: 10, queueSeconds: 10,
	outageSeconds: 60, timeoutSeconds: 30, seed: "1", ...more,
});
const sum = (list: readonly number[]): number => list.reduce((total, count) => total + count, 0);
const peak = (list: readonly number[]): number => list.reduce((most, count) => Math.max(most, count), 0);

describe("fleet of stations", () => {
	it("Part 4 §5.3 every station comes back once, no attempt is lost, and the same seed gives the same curve", () => {
		const result = playFleet(fleet(10, 60, 3));
		expect(sum(result.accepted)).toBe(2000);
		expect(sum(result.arrivals)).toBe(result.attempts);
		expect(result.attempts).toBe(2000 + result.refused + result.timedOut);
		expect(result).toEqual(playFleet(fleet(10, 60, 3)));
		expect(result.arrivals).not.toEqual(playFleet(fleet(10, 60, 3, { seed: "2" })).arrivals);
		expect(peak(result.accepted)).toBeLessThanOrEqual(20);
	});

	it("Part 4 §5.3 nobody comes before the minimum, all within the range; without chance all come in the same second", () => {
		const spread = playFleet(fleet(10, 300, 3, { outageSeconds: 0, acceptsPerSecond: 10_000 }));
		expect(sum(spread.arrivals.slice(0, 10))).toBe(0);
		expect(spread.arrivals.length).toBeLessThanOrEqual(312);
		expect(spread.attempts).toBe(2000);
		expect(peak(spread.arrivals)).toBeLessThan(30);
		expect(peak(playFleet(fleet(1, 0, 0)).arrivals)).toBe(2000);
	});

	it("Part 4 §5.3 a range of 1.5 times stations by connections per second keeps the curve near the line, a short one does not", () => {
		const wide = playFleet(fleet(10, 300, 3));
		const narrow = playFleet(fleet(10, 10, 3));
		expect(peak(wide.arrivals)).toBeLessThan(20);
		expect(peak(narrow.arrivals)).toBeGreaterThan(150);
		expect(wide.attempts).toBeLessThan(2 * 2000);
		expect(narrow.attempts).toBeGreaterThan(2 * wide.attempts);
		expect(wide.backAt[100]).toBeLessThan(narrow.backAt[100]);
	});

	it("an attempt that waits for too long at the door is given up and made again", () => {
		const result = playFleet(fleet(1, 1, 0, { outageSeconds: 0, queueSeconds: 100 }));
		expect(result.timedOut).toBeGreaterThan(500);
		expect(sum(result.accepted)).toBe(2000);
	});

	it("a curve as text: empty, low and full", () => {
		expect(textPlot([0, 1, 50, 100, 500], 100)).toBe(" ▁▄██");
	});

	it("docs/fleet.md has figures of the command for 100,000 stations, and its plot", () => {
		const text = readFileSync(join(projectRoot(), "docs", "fleet.md"), "utf8");
		expect(text.match(/^\| \d+ \/ \d+ \/ \d+ \|/gm)).toHaveSize(18);
		expect(text.match(/^\d+ \/ \d+ \/ \d+ *\|/gm)).toHaveSize(6);
		expect(readFileSync(join(projectRoot(), "docs", "fleet.svg"), "utf8").match(/<path/g)).toHaveSize(18);
	});
});
