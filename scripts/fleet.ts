// npm run sim:fleet: 100,000 stations lose one CSMS at the same moment; prints when they come back, for several settings of the
// back-off and several CSMS. --write puts figures and plot into docs/fleet.md and docs/fleet.svg; --stations N takes another fleet.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { playFleet, stretch, textPlot, type FleetOptions, type FleetResult } from "../test-host/sim/fleet.js";

const ROOT = __dirname.includes(join("build", "node")) ? join(__dirname, "..", "..", "..") : join(__dirname, "..");
const USAGE = "usage: npm run sim:fleet -- [--stations <n>] [--write]";
const STATIONS = 100_000;
/** WaitMinimum, RandomRange, RepeatTimes. The second is what the firmware is born with. */
const SETTINGS: readonly (readonly [number, number, number])[] = [[1, 0, 0], [10, 10, 3], [10, 60, 3], [10, 300, 3], [30, 600, 3], [10, 300, 6]];
/** Connections per second of the CSMS, for 100,000 stations; a smaller fleet has a smaller CSMS. */
const RATES = [100, 500, 2000];
const PLOT_RATE = 500;
const PLOT_SECONDS = 1800;
const COLUMNS = 90;

interface Run {
	name: string;
	rate: number;
	result: FleetResult;
}

function optionsOf(setting: readonly [number, number, number], rate: number, stations: number): FleetOptions {
	return {
		stations, waitMinimumSeconds: setting[0], randomRangeSeconds: setting[1], repeatTimes: setting[2],
		acceptsPerSecond: (rate * stations) / STATIONS, queueSeconds: 10, outageSeconds: 60, timeoutSeconds: 30, seed: "1",
	};
}

const thousands = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");

function rowOf({ name, rate, result }: Run, stations: number): string {
	const peak = result.arrivals.reduce((most, count) => Math.max(most, count), 0);
	const { backAt } = result;
	const cells = [name, thousands(rate), thousands(peak), (result.attempts / stations).toFixed(1), ...[50, 95, 99, 100].map((percent) => thousands(backAt[percent]))];
	return `| ${cells.join(" | ")} |`;
}

function plotOf(runs: readonly Run[]): string[] {
	const lines = [`attempts per second at a CSMS of ${PLOT_RATE} connections per second, ${PLOT_SECONDS / 60} minutes from left to right; a full bar is four times ${PLOT_RATE}:`];
	for (const { name, result } of runs) lines.push(`${name.padEnd(12)}|${textPlot(stretch(result.arrivals, PLOT_SECONDS, COLUMNS), 4 * PLOT_RATE)}|`);
	return lines;
}

/** The same as a drawing: a small chart per setting, attempts in grey, connections in blue, what the CSMS can do as a line. */
function drawingOf(runs: readonly Run[]): string {
	const width = 720;
	const height = 90;
	const top = 4 * PLOT_RATE;
	const area = (values: readonly number[], base: number): string => {
		const points = values.map((value, i) => `${((i * width) / values.length).toFixed(1)},${(base - (Math.min(value, top) / top) * (height - 24)).toFixed(1)}`);
		return `M0,${base} L${points.join(" L")} L${width},${base} Z`;
	};
	const parts = runs.map(({ name, result }, index) => {
		const base = (index + 1) * height;
		const line = base - (PLOT_RATE / top) * (height - 24);
		return `<path d="${area(stretch(result.arrivals, PLOT_SECONDS, 180), base)}" fill="#bbb"/>` +
			`<path d="${area(stretch(result.accepted, PLOT_SECONDS, 180), base)}" fill="#48c"/>` +
			`<path d="M0,${line.toFixed(1)} H${width}" stroke="#c33" stroke-width="0.7"/>` +
			`<text x="${width - 6}" y="${base - height + 20}" text-anchor="end">${name}</text>`;
	});
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${runs.length * height + 20}" font-family="sans-serif" font-size="12">\n` +
		`<rect width="100%" height="100%" fill="#fff"/>\n${parts.join("\n")}\n` +
		`<text x="0" y="${runs.length * height + 15}">0</text><text x="${width}" y="${runs.length * height + 15}" text-anchor="end">${PLOT_SECONDS / 60} min</text>\n</svg>\n`;
}

function main(argv: readonly string[]): number {
	const isWritten = argv.includes("--write");
	const rest = argv.filter((arg) => arg !== "--write");
	const stations = rest.length === 0 ? STATIONS : Number(rest[1]);
	if (rest.length > 2 || (rest.length > 0 && rest[0] !== "--stations") || !(stations >= 1000) || (isWritten && stations !== STATIONS)) {
		process.stderr.write(`${USAGE}\n`);
		return 2;
	}
	const runs: Run[] = [];
	for (const rate of RATES)
		for (const setting of SETTINGS) runs.push({ name: setting.join(" / "), rate, result: playFleet(optionsOf(setting, rate, stations)) });
	const table = [
		"| WaitMinimum / RandomRange / RepeatTimes | CSMS, connections per s | most attempts in a second | attempts per station | 50 % back after s | 95 % | 99 % | all |",
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
		...runs.map((run) => rowOf(run, stations)),
	];
	const plot = plotOf(runs.filter((run) => run.rate === PLOT_RATE));
	const text = [...table, "", "```", ...plot, "```"].join("\n");
	process.stdout.write(`${thousands(stations)} stations, CSMS away for 60 s\n${text}\n`);
	if (!isWritten) return 0;
	const file = join(ROOT, "docs", "fleet.md");
	const old = readFileSync(file, "utf8");
	writeFileSync(file, old.replace(/(<!-- figures -->\n)[\s\S]*?(<!-- end -->)/, (_, begin: string, end: string) => `${begin}${text}\n${end}`));
	writeFileSync(join(ROOT, "docs", "fleet.svg"), drawingOf(runs.filter((run) => run.rate === PLOT_RATE)));
	return 0;
}

process.exitCode = main(process.argv.slice(2));
