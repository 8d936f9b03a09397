// The queue through lives drawn by chance: several transactions at once, some of them silent for long, long and short events, answers,
// link losses, reboots, areas of all small sizes. After each life everything that was made is accounted for.
// Source: OCPP 2.0.1 Part 2, E01.FR.07, E04.FR.07, E11.FR.07, E13.

import "../board/xs-globals.js";
import type { TransactionEventRequest } from "../../preload/payloads.js";
import { FlashMemory } from "../board/flash-memory.js";
import { bootQueue, keyOf, makeEvent, QueueModel, transactionId } from "../cuts/queue.js";
import { Dice } from "../sim/dice.js";
import { settle } from "../traces/queue.js";

const LIVES = 400;
const RUNNING_MAX = 3;

type Event = TransactionEventRequest;

/** Lives one life; says what is wrong, "" when nothing is. */
function live(seed: number): string {
	const dice = new Dice(`lives ${seed}`);
	const flash = new FlashMemory(dice.pick([11, 12, 13, 15, 19, 24]));
	let outbox = bootQueue(flash);
	const model = new QueueModel(true);
	const places = new Map<string, number>();
	const running = new Map<number, number>();
	const silent = new Set<number>();
	const mustBeOffline = new Set<string>();
	const isBulky = dice.chance(0.4);
	const appends = dice.chance(0.3) ? 45 : 75;
	let transactions = 0;
	let lastSent = -1;

	const draw = (): Event | undefined => {
		const begins = running.size === 0 || (running.size < RUNNING_MAX && dice.below(15) === 0);
		const transaction = begins ? ++transactions : dice.pick([...running.keys()]);
		if (!begins && silent.has(transaction) && dice.below(200) !== 0) return undefined;
		const seqNo = begins ? 0 : running.get(transaction)! + 1;
		const ends = !begins && dice.below(25) === 0;
		if (dice.below(60) === 0) silent.add(transaction);
		const event = makeEvent(begins ? "Started" : ends ? "Ended" : "Updated", transaction, seqNo, dice.between(1, ends ? 6 : 2));
		const noise = (): string => Array.from({ length: dice.between(1, 90) }, () => dice.word().toString(36)).join("");
		return {
			...event,
			...(isBulky && dice.below(3) === 0 ? { customData: { vendorId: "x", noise: noise() } } : {}),
			...(dice.below(30) === 0 ? { idToken: { idToken: "A".repeat(dice.between(1, 36)), type: "Central" as const } } : {}),
		};
	};
	const append = (): void => {
		const event = draw();
		if (event === undefined || !outbox.append(event)) return;
		const transaction = Number(event.transactionInfo.transactionId.slice(-12));
		places.set(keyOf(event), places.size);
		model.order.push(event);
		if (event.eventType === "Ended") {
			running.delete(transaction);
			silent.delete(transaction);
		} else running.set(transaction, event.seqNo);
	};
	const answer = (): string => {
		const head = outbox.peek();
		if (head === undefined) return "";
		const place = places.get(keyOf(head));
		if (place === undefined || place <= lastSent) return `${keyOf(head)} came out of order, or was never made`;
		if (mustBeOffline.has(keyOf(head)) && head.offline !== true) return `${keyOf(head)} is not offline any more`;
		lastSent = place;
		model.acknowledged.add(place);
		return outbox.acknowledge() ? "" : `${keyOf(head)} could not be acknowledged`;
	};
	const lastWrong = (): string => {
		for (const [transaction, seqNo] of running) {
			const found = outbox.lastSeqNo(transactionId(transaction));
			if (found !== seqNo) return `the last seqNo of transaction ${transaction} is ${found}, was ${seqNo}`;
		}
		return "";
	};

	let wrong = "";
	for (let steps = dice.between(300, 2500); steps > 0 && wrong === ""; steps--) {
		const chance = dice.below(100);
		if (chance < appends) append();
		else if (chance < 95) for (let left = dice.between(1, 4); left > 0 && wrong === ""; left--) wrong = answer();
		else {
			if (chance < 98) outbox.markOffline();
			else {
				outbox = bootQueue(flash);
				wrong = lastWrong();
			}
			for (const event of model.order) mustBeOffline.add(keyOf(event));
		}
		if (dice.chance(0.6)) settle(outbox);
	}
	for (const [place, event] of model.order.entries()) {
		if (place > lastSent || model.acknowledged.has(place)) continue;
		if (event.eventType !== "Updated") return `${keyOf(event)} ${event.eventType} is lost`;
		// It was thinned, and those behind it were sent.
		model.acknowledged.add(place);
	}
	wrong ||= lastWrong() || model.check(flash);
	// When all is sent the queue is as good as new.
	while (outbox.peek() !== undefined) outbox.acknowledge();
	for (let i = 0; i < 300 && wrong === ""; i++) {
		const event = makeEvent(i % 7 === 0 ? "Started" : i % 7 === 6 ? "Ended" : "Updated", 5000 + Math.floor(i / 7), i % 7);
		if (!outbox.append(event)) wrong = `takes no more events when all was sent: ${i}`;
		settle(outbox);
		while (outbox.peek() !== undefined) outbox.acknowledge();
	}
	outbox = bootQueue(flash);
	return wrong || lastWrong();
}

describe("storage lives", () => {
	it(`in ${LIVES} lives nothing billed is lost, nothing comes twice or out of order, and each last seqNo stays known`, () => {
		const wrong: string[] = [];
		for (let seed = 1; seed <= LIVES && wrong.length < 3; seed++) {
			const its = live(seed);
			if (its !== "") wrong.push(`life ${seed}: ${its}`);
		}
		expect(wrong).toEqual([]);
	}, 60_000);
});
