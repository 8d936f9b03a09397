// The queue of transaction events under power cuts and flipped bits: what must be true of it, as the owner of the station sees it, and
// the cases that lead through all that it writes: appending, acknowledging, giving blocks free, merging and thinning a full area,
// and what it does with a backlog between messages.
// Source: OCPP 2.0.1 Part 2, E04.FR.07-08, E12, E13; docs/flash-format.md §6.

import type { TransactionEventRequest } from "../../preload/payloads.js";
import type { Outbox } from "../../modules/storage/outbox.js";
import { LogCode } from "../../modules/ports/events.js";
import type { Log } from "../../modules/ports/log.js";
import { FlashMemory, type Torn } from "../board/flash-memory.js";
import { Dice } from "../sim/dice.js";
import { openQueue, settle, SILENT } from "../traces/queue.js";
import { PATTERNS, take } from "../traces/traces.js";
import { isSame, LogList } from "./kit.js";
import { StoreCase, untilCut, type Trial } from "./sweep.js";

/** 4 blocks of cells, 4 of queue, 3 of journal: the smallest there is. */
export const SMALL = 11;
/** Words of noise in a bulky event, 6 or 7 characters each. */
const BULK_WORDS = 24;

type Event = TransactionEventRequest;
/** "later" lets the queue do what it does between messages. */
export type Step = "ack" | "later" | Event;

export function bootQueue(flash: FlashMemory, log: Log = SILENT): Outbox {
	return openQueue(flash, 2, log, flash.blocks);
}

export function transactionId(n: number): string {
	return `8a6d0b52-51c7-4f4e-9a51-${String(n).padStart(12, "0")}`;
}

/** An event as the station makes it. */
export function makeEvent(eventType: Event["eventType"], transaction: number, seqNo: number, samples = 1): Event {
	const timestamp = new Date(1_790_000_000_000 + transaction * 7_777 + seqNo * 60_000).toISOString();
	const triggerReason = eventType === "Started" ? "Authorized" : eventType === "Ended" ? "StopAuthorized" : "MeterValuePeriodic";
	return {
		eventType,
		timestamp,
		triggerReason,
		seqNo,
		transactionInfo: { transactionId: transactionId(transaction), chargingState: "Charging" },
		...(eventType === "Started" ? { evse: { id: 1, connectorId: 1 }, idToken: { idToken: "04A2B3C4", type: "ISO14443" } } : {}),
		meterValue: Array.from({ length: samples }, (_, i) => ({
			timestamp,
			sampledValue: [
				{ value: 100_000.5 + seqNo * 183 + i, measurand: "Energy.Active.Import.Register" as const, context: "Sample.Periodic" as const },
				{ value: 10_980 - i, measurand: "Power.Active.Import" as const, context: "Sample.Periodic" as const },
			],
		})),
	};
}

/** An event with so much in it that no packing makes it small: few of them fill an area. */
function makeBulky(event: Event): Event {
	const dice = new Dice(keyOf(event));
	const noise = Array.from({ length: BULK_WORDS }, () => dice.word().toString(36)).join("");
	return { ...event, customData: { vendorId: "com.example", noise } };
}

/** The events of one transaction after the other, each of `length`; the last one may be left open. */
export function eventsOf(count: number, length: number, firstTransaction = 1): Event[] {
	return Array.from({ length: count }, (_, i) => {
		const seqNo = i % length;
		const eventType = seqNo === 0 ? "Started" : seqNo === length - 1 ? "Ended" : "Updated";
		return makeEvent(eventType, firstTransaction + Math.floor(i / length), seqNo, 1 + (i % 3));
	});
}

export function keyOf(event: Event): string {
	return `${event.transactionInfo.transactionId}/${event.seqNo}`;
}

/** True for an Ended event with the first and the last of its meter values. */
function isShortened(event: Event, whole: Event): boolean {
	const { meterValue } = whole;
	if (whole.eventType !== "Ended" || meterValue === undefined) return false;
	return isSame(event, { ...whole, meterValue: [meterValue[0], meterValue[meterValue.length - 1]], offline: true });
}

/** What must be true of the queue. */
export class QueueModel {
	readonly order: Event[] = [];
	/** Index in `order` of the event that is being appended or acknowledged: both outcomes are right. */
	appending = -1;
	acknowledging = -1;
	readonly acknowledged = new Set<number>();

	/** @param thinning  Updated events may go, but for the last one of each transaction */
	constructor(readonly thinning = false) {}

	clone(): QueueModel {
		const copy = new QueueModel(this.thinning);
		copy.order.push(...this.order);
		for (const index of this.acknowledged) copy.acknowledged.add(index);
		return copy;
	}

	/** Drains a copy of the queue and says what is wrong; "" when nothing is. */
	check(flash: FlashMemory): string {
		const outbox = bootQueue(flash.clone());
		const indexes = new Map(this.order.map((event, i) => [keyOf(event), i]));
		const last = new Map<string, number>();
		this.order.forEach((event, i) => {
			if (i !== this.appending) last.set(event.transactionInfo.transactionId, event.seqNo);
		});
		const { count } = outbox;
		const found = new Set<number>();
		let before = -1;
		for (let event = outbox.peek(); event !== undefined; event = outbox.peek()) {
			const key = keyOf(event);
			const index = indexes.get(key);
			if (index === undefined) return `${key} was never appended`;
			if (this.acknowledged.has(index)) return `${key} was acknowledged and came again`;
			if (index <= before) return `${key} came out of order`;
			// All that waits at a boot is sent as offline.
			if (!isSame(event, { ...this.order[index], offline: true }) && !(this.thinning && isShortened(event, this.order[index]))) return `${key} came out different`;
			before = index;
			found.add(index);
			if (!outbox.acknowledge()) return `${key} could not be acknowledged`;
			settle(outbox);
		}
		// A mark that was being written may read one way now and the other way later; its event was answered.
		const isClose = this.acknowledging >= 0 && Math.abs(found.size - count) === 1;
		if (found.size !== count && !isClose) return `count said ${count}, ${found.size} came`;
		for (let i = 0; i < this.order.length; i++) {
			if (found.has(i) || this.acknowledged.has(i) || i === this.appending || i === this.acknowledging) continue;
			const event = this.order[i];
			if (this.thinning && event.eventType === "Updated" && event.seqNo !== last.get(event.transactionInfo.transactionId)) continue;
			return `${keyOf(event)} ${event.eventType} is lost`;
		}
		return "";
	}

	/** The last seqNo is known of every transaction that has not ended. */
	checkLast(flash: FlashMemory): string {
		const outbox = bootQueue(flash.clone());
		const newest = new Map<string, Event>();
		this.order.forEach((event, i) => {
			if (i !== this.appending) newest.set(event.transactionInfo.transactionId, event);
		});
		const pending = this.order[this.appending];
		for (const [id, event] of newest) {
			const seqNo = outbox.lastSeqNo(id);
			if (pending?.transactionInfo.transactionId === id && seqNo === pending.seqNo) continue;
			const isForgotten = event.eventType === "Ended" && seqNo === -1;
			if (!isForgotten && seqNo !== event.seqNo) return `last seqNo of ${id} is ${seqNo}, was ${event.seqNo}`;
			if (event.eventType === "Ended" && seqNo >= 0 && !outbox.hasEnded(id)) return `${id} has ended and seems not to`;
			if (event.eventType !== "Ended" && outbox.hasEnded(id)) return `${id} goes on and seems ended`;
		}
		return "";
	}

	/** What one boot has found, every later one finds too, however weak bits read. */
	checkSteady(flash: FlashMemory): string {
		const answered = this.order[this.acknowledging];
		const drained = (): string => {
			const outbox = bootQueue(flash.clone());
			const keys: string[] = [];
			for (let event = outbox.peek(); event !== undefined; event = outbox.peek()) {
				if (answered === undefined || keyOf(event) !== keyOf(answered)) keys.push(keyOf(event));
				outbox.acknowledge();
			}
			return keys.join();
		};
		bootQueue(flash);
		const first = drained();
		for (let i = 0; i < 3; i++) if (drained() !== first) return "two boots found different queues";
		return "";
	}
}

/** Runs steps until the power goes; the model then says what was going on. */
export function runQueue(flash: FlashMemory, steps: readonly Step[], model: QueueModel): void {
	const outbox = bootQueue(flash);
	const indexes = new Map<string, number>();
	model.order.forEach((event, i) => indexes.set(keyOf(event), i));
	for (const step of steps) {
		if (flash.isOff) return;
		if (step === "later") settle(outbox);
		else if (step === "ack") {
			const head = outbox.peek();
			if (head === undefined) continue;
			model.acknowledging = indexes.get(keyOf(head))!;
			const isDurable = outbox.acknowledge();
			// When the mark is durable the power may have gone while a block was given free.
			if (!isDurable && flash.isOff) return;
			if (!isDurable) throw new Error("not acknowledged");
			model.acknowledged.add(model.acknowledging);
			model.acknowledging = -1;
		} else {
			model.appending = model.order.push(step) - 1;
			const isDurable = outbox.append(step);
			if (!isDurable && flash.isOff) return;
			if (!isDurable) throw new Error(`refused ${step.seqNo}`);
			indexes.set(keyOf(step), model.appending);
			model.appending = -1;
		}
	}
}

/** After all that was found: the queue takes an event and gives it out, over one boot more. */
function goesOn(flash: FlashMemory): string {
	const event = makeEvent("Started", 999_999, 0);
	if (!bootQueue(flash).append(event)) return "takes no more events";
	let newest: Event | undefined;
	bootQueue(flash).iterate((its) => (newest = its));
	return newest !== undefined && keyOf(newest) === keyOf(event) ? "" : "the event behind the cut is gone";
}

/** A case that begins after `warm` and is cut in `steps`. */
function queueCase(name: string, blocks: number, isThinning: boolean, warm: () => Step[], steps: () => Step[]): StoreCase {
	let begun: { flash: FlashMemory; model: QueueModel; steps: Step[] } | undefined;
	return new StoreCase(`queue-${name}`, (): Trial => {
		if (begun === undefined) {
			begun = { flash: new FlashMemory(blocks), model: new QueueModel(isThinning), steps: steps() };
			runQueue(begun.flash, warm(), begun.model);
		}
		const flash = begun.flash.clone();
		const model = begun.model.clone();
		const { steps: played } = begun;
		return {
			flash,
			play: () => runQueue(flash, played, model),
			boot: (its) => void bootQueue(its),
			judge: (its, torn) => model.check(its) || model.checkLast(its) || (torn === "weak" ? model.checkSteady(its) : "") || goesOn(its),
		};
	});
}

/** Steps that send some of what waits behind each event. */
function withAcks(events: readonly Event[], acksPerEvent: number, from = 0): Step[] {
	return events.flatMap((event, i) => [event, "later" as const, ...(i >= from ? new Array<Step>(acksPerEvent).fill("ack") : [])]);
}

const depot = PATTERNS.find(({ name }) => name === "depot")!;

export const QUEUE_CASES: readonly StoreCase[] = [
	// The first day of a blank store.
	queueCase("first-day", SMALL, false, () => [], () => [...eventsOf(12, 12), "ack", "ack"]),
	// Events come and go, blocks are given free.
	queueCase("running", SMALL, false, () => withAcks(eventsOf(85, 1000), 1, 31), () => withAcks(eventsOf(80, 20, 2), 3)),
	// A full area: two blocks are made one again and again, Updated events go.
	queueCase("full", SMALL, true, () => withAcks(eventsOf(90, 30).map(makeBulky), 0), () => withAcks(eventsOf(30, 45, 9).map(makeBulky), 0)
		.flatMap((step, i) => (i % 26 === 0 ? [step, "ack"] : [step]))),
	// Two EVSEs without network, then all is sent.
	queueCase("backlog", 15, false, () => withAcks(take(depot, 1, { events: 40 }), 0),
		() => [...withAcks(take(depot, 1, { events: 100 }).slice(40), 0), ...new Array<Step>(70).fill("ack")]),
];

/**
 * A long life with a power cut every few events: what one life has left the next one takes up.
 * @returns what is wrong, "" when nothing is; and the number of cuts
 */
export function longLife(lives: number, seed: number): { wrong: string; cuts: number } {
	const flash = new FlashMemory(SMALL);
	const dice = new Dice(`long life ${seed}`);
	let model = new QueueModel(true);
	let seqNo = 0;
	let transaction = 1;
	let cuts = 0;
	for (let life = 0; life < lives; life++) {
		const steps: Step[] = [];
		const began = transaction;
		for (let i = 0; i < 12; i++) {
			if (dice.chance(0.5)) steps.push("ack", "later");
			else {
				const isLast = seqNo > 0 && dice.below(12) === 0;
				steps.push(makeEvent(seqNo === 0 ? "Started" : isLast ? "Ended" : "Updated", transaction, seqNo, dice.between(1, 3)));
				seqNo = isLast ? 0 : seqNo + 1;
				if (isLast) transaction++;
			}
		}
		const torn = dice.pick<Torn>(["before", "after", "prefix", "bits", "weak"]);
		flash.cutAt(dice.between(1, 30), torn, dice.below(1_000_000));
		untilCut(flash, () => runQueue(flash, steps, model));
		if (flash.isOff) cuts++;
		flash.powerOn();
		const wrong = model.check(flash) || model.checkLast(flash);
		if (wrong !== "") return { wrong: `life ${life}: ${wrong}`, cuts };
		// The station takes up what it finds: what was being written is there or not.
		const outbox = bootQueue(flash);
		const there = new Set<string>();
		outbox.iterate((event, acknowledged) => {
			if (!acknowledged) there.add(keyOf(event));
		});
		const next = new QueueModel(true);
		next.order.push(...model.order.filter((event) => there.has(keyOf(event))));
		model = next;
		while (transaction > began && outbox.lastSeqNo(transactionId(transaction)) < 0) transaction--;
		seqNo = outbox.lastSeqNo(transactionId(transaction)) + 1;
		if (outbox.hasEnded(transactionId(transaction)) || (seqNo === 0 && life > 0)) {
			transaction++;
			seqNo = 0;
		}
	}
	return { wrong: "", cuts };
}

export interface Flips {
	tried: number;
	/** Flips that cost an event, and the most events that one flip has cost. */
	costly: number;
	most: number;
	/** Flips that were noticed and cost nothing. */
	mended: number;
	wrong: string;
}

/**
 * Inverts one bit at rest in the area of the queue of a flash full of what waits, again and again: what is lost must be said, and
 * the rest come out as it went in, in its order.
 */
export function flipBits(image: FlashMemory, events: readonly Event[], from: number, to: number, count: number, seed: number): Flips {
	const dice = new Dice(`flips ${seed}`);
	const made = new Map(events.map((event, i) => [keyOf(event), { i, event: { ...event, offline: true } }]));
	const flips: Flips = { tried: 0, costly: 0, most: 0, mended: 0, wrong: "" };
	for (; flips.tried < count && flips.wrong === ""; flips.tried++) {
		const flash = image.clone();
		const at = dice.between(from, to - 1);
		const bit = dice.below(8);
		flash.flip(at, bit);
		const log = new LogList();
		const outbox = bootQueue(flash, log);
		let before = -1;
		let found = 0;
		for (let event = outbox.peek(); event !== undefined && flips.wrong === ""; event = outbox.peek()) {
			const its = made.get(keyOf(event));
			if (its === undefined || !isSame(event, its.event)) flips.wrong = `${keyOf(event)} came out different`;
			else if (its.i <= before) flips.wrong = `${keyOf(event)} came out of order`;
			before = its?.i ?? before;
			found++;
			outbox.acknowledge();
		}
		const missing = events.length - found;
		flips.most = Math.max(flips.most, missing);
		if (missing > 0) flips.costly++;
		else if (log.times(LogCode.recordDamaged) > 0) flips.mended++;
		if (missing > 0 && log.times(LogCode.recordDamaged) === 0) flips.wrong = `${missing} events are lost and nobody was told`;
		if (flips.wrong !== "") flips.wrong += `; byte ${at}, bit ${bit}`;
	}
	return flips;
}
