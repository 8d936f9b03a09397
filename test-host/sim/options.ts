// What a seed means: the board, the habits of network, CSMS and drivers, and the faults. Each habit is off in many seeds and
// strong in others, since faults hide where everything happens a little.

import type { NetworkOptions } from "./network.js";
import { Dice } from "./dice.js";

export interface SimOptions {
	seed: number;
	/** Virtual hours of trouble; the calm at the end comes on top. */
	hours: number;
	evses: number;
	phases: number;
	hasLock: boolean;
	/** Blocks of the flash partition. */
	blocks: number;
	/** A clock with a battery: the time of day survives a power cut. */
	hasBattery: boolean;
	/** Where the 32-bit counter starts. */
	startTicks: number;
	/** Time of day of the CSMS at the start. */
	baseUtc: number;
	network: NetworkOptions & {
		/** Events per hour. */
		cuts: number;
		silences: number;
		drops: number;
		blackHoles: number;
		/** Mean length of drops and black holes. */
		outageMs: number;
	};
	csms: CsmsHabits;
	people: {
		/** Mean time between two visits. */
		idleMs: number;
		/** Mean time of charging. */
		chargeMs: number;
		/** Probability that a driver does things in the very same moment. */
		haste: number;
		/** Probability that a visit is no plan but chance. */
		chaos: number;
	};
	faults: {
		/** Events per hour. */
		powerCuts: number;
		failingWrites: number;
		resets: number;
		ground: number;
		overcurrent: number;
		welded: number;
		lock: number;
		meter: number;
		internal: number;
		tampers: number;
		/** Mean length of a fault. */
		lastMs: number;
	};
}

/** How a CSMS behaves; probabilities are per message. */
export interface CsmsHabits {
	/** Least and most milliseconds that it thinks. */
	thinkMs: readonly [number, number];
	silent: number;
	/** Answers when the station has given up. */
	late: number;
	callError: number;
	badAnswer: number;
	answersTwice: number;
	wrongId: number;
	refusesToken: number;
	refusesEvent: number;
	groups: number;
	pendingBoot: number;
	rejectedBoot: number;
	/** Refuses the upgrade, or answers it with something else. */
	refusesUpgrade: number;
	fragments: number;
	/** Events per hour. */
	calls: number;
	hostile: number;
	closes: number;
	clockSteps: number;
	pings: number;
	/** Which of its calls may be. */
	resets: boolean;
	passwords: boolean;
	profiles: boolean;
	availability: boolean;
	heartbeatSeconds: number;
	/** Has no clock itself and tells a time of 1970. */
	lostClock: number;
	/** Per hour: logs that it fetches and customers that it asks about. */
	logs: number;
	/** Probability that its file server refuses an upload; a third of it, that it breaks off or is silent. */
	badFiles: number;
}

const DAY_MS = 86_400_000;

/** Everything that follows from a seed. */
export function optionsOf(seed: number, hours: number): SimOptions {
	const dice = new Dice(`options ${seed}`);
	/** A rate or probability: 0 in every other seed, else up to `most`, small ones more often. */
	const some = (most: number, often = 0.5): number => {
		const strength = dice.next();
		return dice.chance(often) ? Math.round(strength * strength * most * 1e4) / 1e4 : 0;
	};
	const latency = dice.pick([[0, 0], [1, 5], [10, 80], [0, 400], [200, 2500]] as const);
	const options: SimOptions = {
		seed,
		hours,
		evses: dice.pick([1, 1, 2, 3]),
		phases: dice.pick([1, 3, 3]),
		hasLock: dice.chance(0.7),
		blocks: dice.pick([11, 12, 16, 24, 64]),
		hasBattery: dice.chance(0.4),
		startTicks: dice.pick([
			0x7fffffff - dice.below(Math.max(1, Math.round(hours * 3_600_000))), 0x7fffffff - dice.below(60_000), -1 - dice.below(60_000), 0, dice.word() | 0,
		]),
		baseUtc: dice.pick([
			Date.UTC(2026, 0, 1) + dice.below(365) * DAY_MS + dice.below(DAY_MS), Date.UTC(2026, 11, 31, 23, 0), Date.UTC(2028, 1, 29, 20, 0),
			Date.UTC(2038, 0, 19, 3, 14, 7) - dice.below(Math.round(hours * 3_600_000)),
		]),
		network: {
			latencyMs: latency,
			// A narrow window on a long way would be slower than any message timeout.
			windowBytes: latency[1] > 100 ? dice.pick([1460, 5744]) : dice.pick([64, 200, 1460, 5744]),
			pieceBytes: dice.pick([7, 100, 1460, 1460]),
			refused: some(0.9),
			unanswered: some(0.5),
			cuts: some(20),
			silences: some(6),
			drops: some(10),
			blackHoles: some(6),
			outageMs: dice.pick([500, 20_000, 300_000, 3_600_000]),
		},
		csms: {
			thinkMs: dice.pick([[0, 0], [1, 50], [0, 3000]] as const),
			silent: some(0.4),
			late: some(0.3),
			callError: some(0.4),
			badAnswer: some(0.4),
			answersTwice: some(0.2),
			wrongId: some(0.2),
			refusesToken: some(0.6),
			refusesEvent: some(0.4),
			groups: some(0.9),
			pendingBoot: some(0.8),
			rejectedBoot: some(0.8),
			refusesUpgrade: some(0.6, 0.3),
			fragments: some(0.8),
			calls: some(240, 0.8),
			hostile: some(60),
			closes: some(10),
			clockSteps: some(4, 0.4),
			pings: some(30),
			resets: dice.chance(0.4),
			passwords: dice.chance(0.3),
			profiles: dice.chance(0.3),
			availability: dice.chance(0.4),
			heartbeatSeconds: dice.pick([0, 20, 300, 3600, 86_400]),
			lostClock: 0,
			logs: 0,
			badFiles: 0,
		},
		people: {
			idleMs: dice.pick([5_000, 120_000, 900_000]),
			chargeMs: dice.pick([10_000, 600_000, 3_600_000]),
			haste: dice.pick([0, 0.3, 0.9]),
			chaos: some(1),
		},
		faults: {
			powerCuts: some(12),
			failingWrites: some(12, 0.4),
			resets: some(6, 0.3),
			ground: some(4, 0.3),
			overcurrent: some(4, 0.3),
			welded: some(4, 0.3),
			lock: some(4, 0.3),
			meter: some(4, 0.3),
			internal: some(4, 0.3),
			tampers: 0,
			lastMs: dice.pick([100, 30_000, 600_000]),
		},
	};
	// New habits are drawn behind the old ones, so that kept seeds keep their meaning.
	options.csms.lostClock = some(0.9, 0.2);
	options.csms.logs = some(60, 0.6);
	options.csms.badFiles = some(1);
	options.faults.tampers = some(120, 0.4);
	return options;
}

/** A board on which nothing happens by itself, with a CSMS that is always there and agrees to everything. */
export function quietOptions(hours: number): SimOptions {
	const { network, csms, people, faults, ...rest } = optionsOf(1, hours);
	const none = <T extends object>(rates: T): T => ({ ...rates, ...Object.fromEntries(Object.keys(rates).map((name) => [name, 0])) });
	return {
		...rest,
		evses: 1, phases: 3, hasLock: true, blocks: 64, hasBattery: false, startTicks: 0, baseUtc: Date.UTC(2026, 2, 1, 8),
		network: { ...none(network), latencyMs: [5, 5], windowBytes: 5744, pieceBytes: 1460, outageMs: 1 },
		csms: { ...none(csms), thinkMs: [0, 0], resets: false, passwords: false, profiles: false, availability: false, heartbeatSeconds: 3600 },
		people: { ...none(people), idleMs: Infinity, chargeMs: 1 },
		faults: { ...none(faults), lastMs: 1 },
	};
}
