// The drivers: visits of cars and cards, most by a plan, some by chance, and now and then everything in the same moment.

import type { Board } from "../board/board.js";
import type { VirtualClock } from "../board/clock.js";
import type { Dice } from "./dice.js";
import type { SimOptions } from "./options.js";

const TOKENS = ["04A2B3C4", "DEADBEEF", "TAG-3", "04a2b3c4"] as const;

export class People {
	private home = false;

	constructor(
		private readonly clock: VirtualClock,
		private readonly dice: Dice,
		private readonly board: Board,
		private readonly habits: SimOptions["people"],
		private readonly did: (what: string) => void,
	) {
		for (let index = 0; index < board.evses.length; index++) this.comeAgain(index);
	}

	/** Everybody pulls the plug and goes. A cable that is locked stays. */
	goHome(): void {
		this.home = true;
		this.board.evses.forEach((evse, index) => {
			evse.ev(false);
			evse.unplug("ev");
			evse.unplug("station");
			this.did(`EVSE ${index + 1}: goes home`);
		});
	}

	private comeAgain(index: number): void {
		if (this.habits.idleMs === Infinity) return;
		this.clock.after(this.dice.wait(this.habits.idleMs), () => this.visit(index));
	}

	private visit(index: number): void {
		if (this.home) return;
		const plan = this.dice.chance(this.habits.chaos) ? this.chaos() : this.plan();
		this.follow(index, plan, 0);
	}

	private follow(index: number, plan: readonly (readonly [delayMs: number, action: string])[], at: number): void {
		if (at === plan.length) return this.comeAgain(index);
		const [delayMs, action] = plan[at];
		const go = (): void => {
			if (this.home) return;
			this.act(index, action);
			this.follow(index, plan, at + 1);
		};
		// Without a delay nothing happens in between, not even a step of the firmware.
		if (delayMs < 0) go();
		else this.clock.after(delayMs, go);
	}

	/** A short while, as it lies between two things that a driver does. */
	private moment(): number {
		const { dice } = this;
		return dice.chance(this.habits.haste) ? dice.pick([-1, 0, 0, dice.below(50), dice.below(1000)]) : dice.between(500, 20_000);
	}

	private plan(): [number, string][] {
		const { dice } = this;
		const chargeMs = (): number => (dice.chance(this.habits.haste / 3) ? this.moment() : dice.wait(this.habits.chargeMs));
		const token = `token ${dice.below(TOKENS.length)}`;
		const steps: [number, string][] = [];
		const how = dice.weighted({ cableFirst: 4, cardFirst: 4, button: 1, remote: 3, onlyCable: 1, onlyCard: 1 });
		if (how === "cableFirst" || how === "onlyCable" || how === "remote") steps.push([0, "plug"]);
		if (how === "cableFirst" || how === "cardFirst" || how === "onlyCard") steps.push([this.moment(), token]);
		if (how === "cardFirst") steps.push([this.moment(), "plug"]);
		if (how === "button") steps.push([0, "plug"], [this.moment(), "start"]);
		steps.push([this.moment(), `ready ${dice.pick([6, 10, 16, 32])}`], [chargeMs(), "nothing"]);
		if (dice.chance(0.3)) steps.push([this.moment(), "pause"], [this.moment(), "ready 16"], [chargeMs(), "nothing"]);
		const end = dice.weighted({ token: 4, other: 1, stop: 1, pull: 3, leave: 1 });
		if (end === "token") steps.push([0, token]);
		if (end === "other") steps.push([0, `token ${dice.below(TOKENS.length)}`]);
		if (end === "stop") steps.push([0, "stop"]);
		if (end !== "leave") steps.push([this.moment(), "pull"], [this.moment(), "take"]);
		return steps;
	}

	private chaos(): [number, string][] {
		const { dice } = this;
		return Array.from({ length: dice.between(3, 15) }, () => [
			this.moment(), dice.pick(["plug", "pull", "take", "ready 16", "pause", "token 0", "token 1", "token 3", "start", "stop", "tamper"]),
		]);
	}

	private act(index: number, action: string): void {
		const evse = this.board.evses[index];
		const [what, value] = action.split(" ");
		if (what === "plug") evse.plug();
		else if (what === "pull") evse.unplug("ev");
		else if (what === "take") evse.unplug("station");
		else if (what === "ready") evse.ev(true, Number(value));
		else if (what === "pause") evse.ev(false);
		else if (what === "start") evse.press(true);
		else if (what === "stop") evse.press(false);
		else if (what === "tamper") this.board.tamper();
		else if (what === "token") this.board.reader.present(TOKENS[Number(value)], "ISO14443", this.dice.chance(0.5) ? index : -1);
		if (what !== "nothing") this.did(`EVSE ${index + 1}: ${action}`);
	}
}
