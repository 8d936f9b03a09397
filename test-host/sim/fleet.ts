// Many stations lose one CSMS at the same moment: when do they come back? The waits are those of the firmware
// (modules/transport/connection.ts), the CSMS is a door that lets so many in per second and keeps a short queue.

import "../board/xs-globals.js";
import { backOffMs, type BackOffSettings } from "../../modules/transport/connection.js";
import { Dice } from "./dice.js";

export interface FleetOptions extends BackOffSettings {
	stations: number;
	/** Connections that the CSMS completes in a second; TLS handshakes, as a rule. */
	acceptsPerSecond: number;
	/** Attempts that wait at the door, in seconds of its work; one more is refused at once. */
	queueSeconds: number;
	/** Every attempt is refused for so long: the CSMS starts anew. */
	outageSeconds: number;
	/** A station gives up an attempt after this (MessageTimeout of its network profile). */
	timeoutSeconds: number;
	seed: string;
}

export interface FleetResult {
	/** Attempts that reached the CSMS in each second. */
	arrivals: number[];
	/** Stations that got in in each second. */
	accepted: number[];
	attempts: number;
	refused: number;
	/** Attempts that waited at the door for too long. */
	timedOut: number;
	/** Seconds after the loss at which this share of the stations was back, by percent. */
	backAt: { readonly [percent: number]: number };
}

/** Steps in which time goes. */
const TICK_MS = 50;
const PERCENTS = [50, 95, 99, 100];

/** Plays until all are back. The same options give the same result. */
export function playFleet(options: FleetOptions): FleetResult {
	const { stations, acceptsPerSecond } = options;
	const dice = new Dice(`fleet/${options.seed}`);
	const failures = new Uint16Array(stations);
	/** Stations whose next attempt is in a tick. */
	const due = new Map<number, number[]>();
	const arrivals: number[] = [];
	const accepted: number[] = [];
	const door: { station: number; tick: number }[] = [];
	let doorFrom = 0;
	let attempts = 0;
	let refused = 0;
	let timedOut = 0;
	let back = 0;
	let credit = 0;
	const wait = (station: number, tick: number): void => {
		const at = tick + Math.max(1, Math.round(backOffMs(options, failures[station]++, dice.next()) / TICK_MS));
		const list = due.get(at);
		if (list === undefined) due.set(at, [station]);
		else list.push(station);
	};
	for (let station = 0; station < stations; station++) wait(station, 0);
	const timeoutTicks = (options.timeoutSeconds * 1000) / TICK_MS;
	const outageTicks = (options.outageSeconds * 1000) / TICK_MS;
	const queueMax = options.queueSeconds * acceptsPerSecond;
	for (let tick = 1; back < stations; tick++) {
		const second = Math.floor((tick * TICK_MS) / 1000);
		arrivals[second] ??= 0;
		accepted[second] ??= 0;
		// Who has waited for too long goes and comes again later.
		while (doorFrom < door.length && tick - door[doorFrom].tick >= timeoutTicks) {
			timedOut++;
			wait(door[doorFrom++].station, tick);
		}
		const list = due.get(tick) ?? [];
		due.delete(tick);
		for (const station of list) {
			attempts++;
			arrivals[second]++;
			if (tick >= outageTicks && door.length - doorFrom < queueMax) door.push({ station, tick });
			else {
				refused++;
				wait(station, tick);
			}
		}
		credit = Math.min(credit + (acceptsPerSecond * TICK_MS) / 1000, acceptsPerSecond);
		while (credit >= 1 && doorFrom < door.length) {
			credit--;
			doorFrom++;
			accepted[second]++;
			back++;
		}
	}
	return { arrivals, accepted, attempts, refused, timedOut, backAt: percentiles(accepted, stations) };
}

function percentiles(accepted: readonly number[], stations: number): { [percent: number]: number } {
	const backAt: { [percent: number]: number } = {};
	let sum = 0;
	accepted.forEach((count, second) => {
		sum += count;
		for (const percent of PERCENTS) if (backAt[percent] === undefined && sum * 100 >= percent * stations) backAt[percent] = second;
	});
	return backAt;
}

/** Sums of `columns` equal stretches of the first `seconds` of a curve, per second. */
export function stretch(curve: readonly number[], seconds: number, columns: number): number[] {
	return Array.from({ length: columns }, (_, column) => {
		const from = Math.floor((column * seconds) / columns);
		const to = Math.max(from + 1, Math.floor(((column + 1) * seconds) / columns));
		let sum = 0;
		for (let second = from; second < to; second++) sum += curve[second] ?? 0;
		return sum / (to - from);
	});
}

const BARS = " ▁▂▃▄▅▆▇█";

/** A curve as a line of text, `top` being a full bar. */
export function textPlot(values: readonly number[], top: number): string {
	return values.map((value) => BARS[value <= 0 ? 0 : Math.min(BARS.length - 1, 1 + Math.floor((value / top) * (BARS.length - 2)))]).join("");
}
