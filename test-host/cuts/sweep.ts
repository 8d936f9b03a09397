// Power cuts by exhaustion: a case is played once for each flash operation that it leads to, with the cut there, and for each way in which
// that operation can be torn; then pairs of cuts, the second one while the station recovers from the first. The cases that
// use this are in the files beside it, all of them in cases.ts; npm run cuts plays them all, the specs a short form.

import { FlashMemory, PowerCut, TORN, type Torn } from "../board/flash-memory.js";
import { Dice } from "../sim/dice.js";

/** One power cut: at the nth write or erase, torn so. */
export interface Cut {
	n: number;
	torn: Torn;
	/** Draws which bits. */
	seed: number;
	/** With "prefix", how many bytes were done; -1 where that is drawn too. */
	bytes: number;
}

export interface Attempt {
	/** How many of the cuts have happened. */
	cuts: number;
	/** Bytes of the operation that met the first one. */
	bytes: number;
	/** What is wrong afterwards; "" when nothing is. */
	wrong: string;
}

export interface CutCase {
	readonly name: string;
	/** Plays the case with these cuts; the second one hits the recovery from the first. */
	attempt(cuts: readonly Cut[]): Attempt;
}

/** A case on a store without a station around it. */
export interface Trial {
	readonly flash: FlashMemory;
	/** Plays the case, from a boot to its end or to the power cut; what is thrown after the cut does not matter. */
	play(): void;
	/** Boots on what a cut has left. */
	boot(flash: FlashMemory): void;
	/** What is wrong with what is on flash; "" when nothing is. May write to it. */
	judge(flash: FlashMemory, torn: Torn): string;
}

/** Plays a trial up to each operation once only: how it was torn is made up from there. */
export class StoreCase implements CutCase {
	private played: Trial | undefined;
	private playedTo = 0;

	constructor(readonly name: string, private readonly begin: () => Trial) {}

	attempt(cuts: readonly Cut[]): Attempt {
		const [first, second] = cuts;
		if (this.playedTo !== first.n || this.played === undefined) {
			this.played = this.begin();
			this.playedTo = first.n;
			this.played.flash.cutAt(first.n, "before");
			untilCut(this.played.flash, () => this.played!.play());
		}
		const trial = this.played;
		if (!trial.flash.isOff) return { cuts: 0, bytes: 0, wrong: trial.judge(trial.flash.clone(), "after") };
		const flash = trial.flash.tornCopy(first.torn, first.seed, first.bytes);
		let happened = 1;
		if (second !== undefined) {
			flash.cutAt(second.n, second.torn, second.seed, second.bytes);
			untilCut(flash, () => trial.boot(flash));
			if (flash.isOff) happened = 2;
			flash.powerOn();
		}
		const isWeak = first.torn === "weak" || (happened === 2 && second.torn === "weak");
		return { cuts: happened, bytes: trial.flash.cutBytes, wrong: trial.judge(flash, isWeak ? "weak" : first.torn) };
	}
}

/** Does something on a flash whose power may go meanwhile: nothing that happens after that counts. */
export function untilCut(flash: FlashMemory, what: () => void): void {
	try {
		what();
	} catch (error) {
		if (!(error instanceof PowerCut) && !flash.isOff) throw error;
	}
}

/** How much is tried at each operation. */
export interface Amount {
	/** Drawn ways of each kind of tearing. */
	draws: number;
	/** Every so many bytes of an operation, a cut behind them; 0 for none. */
	prefixStep: number;
	/** Pairs of cuts, the second one during the recovery. */
	pairs: number;
	seed: number;
}

/** What runs with each test. */
export const SHORT: Amount = { draws: 1, prefixStep: 0, pairs: 1, seed: 1 };

export interface Tally {
	/** Runs with one cut and with two. */
	cuts: number;
	pairs: number;
	/** Flash operations of the case. */
	operations: number;
	/** Each one line, with what plays it again. */
	failures: string[];
}

/** A case that does not end would be cut for ever. */
const OPERATIONS_MAX = 20_000;
const FAILURES_MAX = 5;
/** A prefix of an erase is one of so many at most. */
const ERASE_PREFIXES = 32;
/** A recovery has few operations; a second cut behind them would hit nothing. */
const RECOVERY_OPERATIONS = 3;

/** Cuts a case at every operation; a case that has failed often enough is left. */
export function sweep(its: CutCase, amount: Amount): Tally {
	const tally: Tally = { cuts: 0, pairs: 0, operations: 0, failures: [] };
	const tryCuts = (cuts: readonly Cut[]): Attempt => {
		const attempt = its.attempt(cuts);
		if (attempt.cuts === 1) tally.cuts++;
		if (attempt.cuts === 2) tally.pairs++;
		if (attempt.wrong !== "") tally.failures.push(`${its.name}: ${attempt.wrong}; again: ${again(its.name, cuts)}`);
		return attempt;
	};
	for (let n = 1; n <= OPERATIONS_MAX && tally.failures.length < FAILURES_MAX; n++) {
		const dice = new Dice(`cuts ${its.name} ${n} ${amount.seed}`);
		const seed = (): number => dice.below(1_000_000);
		const { cuts, bytes } = tryCuts([{ n, torn: "before", seed: 0, bytes: -1 }]);
		if (cuts === 0) return tally;
		tally.operations++;
		tryCuts([{ n, torn: "after", seed: 0, bytes: -1 }]);
		for (let i = 0; i < amount.draws; i++) {
			for (const torn of ["prefix", "bits", "weak"] as const) tryCuts([{ n, torn, seed: seed(), bytes: -1 }]);
		}
		if (amount.prefixStep > 0) {
			const step = Math.max(amount.prefixStep, bytes >= 4096 ? bytes / ERASE_PREFIXES : 1);
			for (let done = 0; done < bytes; done += step) tryCuts([{ n, torn: "prefix", seed: seed(), bytes: done }]);
		}
		for (let i = 0; i < amount.pairs; i++) {
			const first: Cut = { n, torn: dice.pick(TORN), seed: seed(), bytes: -1 };
			tryCuts([first, { n: dice.between(1, RECOVERY_OPERATIONS), torn: dice.pick(TORN), seed: seed(), bytes: -1 }]);
		}
	}
	if (tally.failures.length === 0) tally.failures.push(`${its.name}: has no end after ${OPERATIONS_MAX} operations`);
	return tally;
}

function again(name: string, cuts: readonly Cut[]): string {
	return `npm run cuts -- --case ${name}${cuts.map((cut) => ` --cut ${cut.n}:${cut.torn}:${cut.seed}:${cut.bytes}`).join("")}`;
}

/** Reads a cut as again() prints it; undefined when it is none. */
export function cutOf(text: string): Cut | undefined {
	const [n, torn, seed, bytes] = text.split(":");
	if (!(Number(n) > 0) || !TORN.includes(torn as Torn) || !(Number(seed) >= 0)) return undefined;
	return { n: Number(n), torn: torn as Torn, seed: Number(seed), bytes: Number(bytes ?? -1) };
}
