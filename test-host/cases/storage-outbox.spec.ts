// The queue of transaction events: order, acknowledgement, thinning, every power cut, failing and flipping flash.

import "../board/xs-globals.js";
import { LogCode } from "../../modules/ports/events.js";
import type { TransactionEventRequest } from "../../preload/payloads.js";
import { Outbox } from "../../modules/storage/outbox.js";
import { Store, StoreState } from "../../modules/storage/store.js";
import { FlashMemory, TORN, type Torn } from "../board/flash-memory.js";

/** How many ways of tearing are drawn at each operation; more for a long run (STORAGE_SEEDS=20). */
const SEEDS = Number(process.env.STORAGE_SEEDS ?? 1);

/** 4 blocks of cells, 4 of queue, 3 of journal: the smallest there is. */
const SMALL = 11;

type Event = TransactionEventRequest;
type EventName = Event["eventType"];

class Events {
	readonly list: [number, number, number][] = [];
	event(code: number, a: number, b: number): void {
		this.list.push([code, a, b]);
	}
	times(code: number): number {
		return this.list.filter((entry) => entry[0] === code).length;
	}
}

function boot(flash: FlashMemory, events = new Events()): Outbox {
	const store = new Store(flash, events);
	const state = store.open();
	if (state !== StoreState.ready) throw new Error(`store state ${state}`);
	return new Outbox(store.queue, store.scratch, events);
}

function chance(seed: number): (below: number) => number {
	let state = (seed * 2654435761 + 1) >>> 0;
	return (below) => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return Math.floor((state / 4294967296) * below);
	};
}

function transactionId(n: number): string {
	return `8a6d0b52-51c7-4f4e-9a51-${String(n).padStart(12, "0")}`;
}

/** An event as the station makes it. */
function makeEvent(eventType: EventName, transaction: number, seqNo: number, samples = 1): Event {
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

/** What must be true of the queue, as the owner of the station sees it. */
class Model {
	readonly order: Event[] = [];
	/** Index in `order` of the event that is being appended or acknowledged: both outcomes are right. */
	appending = -1;
	acknowledging = -1;
	acknowledged = new Set<number>();
	thinning = false;

	clone(): Model {
		const copy = new Model();
		copy.order.push(...this.order);
		copy.acknowledged = new Set(this.acknowledged);
		copy.thinning = this.thinning;
		return copy;
	}

	/** Index of the oldest event that was not acknowledged. */
	lastOf(transaction: string): number {
		let last = -1;
		this.order.forEach((event, i) => {
			if (i !== this.appending && event.transactionInfo.transactionId === transaction) last = event.seqNo;
		});
		return last;
	}

	/** Drains a copy of the queue and says what is wrong; "" when nothing is. */
	check(flash: FlashMemory, allOffline = true): string {
		const outbox = boot(flash.clone());
		const indexes = new Map(this.order.map((event, i) => [`${event.transactionInfo.transactionId}/${event.seqNo}`, i]));
		const count = outbox.count;
		const found = new Set<number>();
		let before = -1;
		let delivered = 0;
		for (let event = outbox.peek(); event !== undefined; event = outbox.peek()) {
			const key = `${event.transactionInfo.transactionId}/${event.seqNo}`;
			const index = indexes.get(key);
			if (index === undefined) return `${key} was never appended`;
			if (this.acknowledged.has(index)) return `${key} was acknowledged and came again`;
			if (index <= before) return `${key} came out of order`;
			const expected = allOffline ? { ...this.order[index], offline: true } : this.order[index];
			if (JSON.stringify(sorted(event)) !== JSON.stringify(sorted(expected))) return `${key} came out different`;
			before = index;
			found.add(index);
			delivered++;
			if (!outbox.acknowledge()) return `${key} could not be acknowledged`;
		}
		// A mark that was being written may read one way now and the other way later; its event was answered.
		if (delivered !== count && !(this.acknowledging >= 0 && Math.abs(delivered - count) === 1)) return `count said ${count}, ${delivered} came`;
		for (let i = 0; i < this.order.length; i++) {
			if (found.has(i) || this.acknowledged.has(i) || i === this.appending || i === this.acknowledging) continue;
			const event = this.order[i];
			if (this.thinning && event.eventType === "Updated" && event.seqNo !== this.lastOf(event.transactionInfo.transactionId)) continue;
			return `${event.transactionInfo.transactionId}/${event.seqNo} ${event.eventType} is lost`;
		}
		return "";
	}

	/** The last seqNo is known of every transaction that has not ended. */
	checkLast(flash: FlashMemory): string {
		const outbox = boot(flash.clone());
		const ids = new Set(this.order.map((event) => event.transactionInfo.transactionId));
		for (const id of ids) {
			const events = this.order.filter((event, i) => event.transactionInfo.transactionId === id && i !== this.appending);
			const written = this.order[this.appending];
			const pending = written?.transactionInfo.transactionId === id ? written : undefined;
			const last = outbox.lastSeqNo(id);
			if (events.length === 0) continue;
			const newest = events[events.length - 1];
			if (pending !== undefined && last === pending.seqNo) continue;
			const forgotten = newest.eventType === "Ended" && last === -1;
			if (!forgotten && last !== newest.seqNo) return `last seqNo of ${id} is ${last}, was ${newest.seqNo}`;
			if (newest.eventType === "Ended" && last >= 0 && !outbox.hasEnded(id)) return `${id} has ended and seems not to`;
			if (newest.eventType !== "Ended" && outbox.hasEnded(id)) return `${id} goes on and seems ended`;
		}
		return "";
	}
}

function sorted(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(sorted);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, sorted(member)]));
}

type Step = "ack" | Event;

/** Runs steps until the power goes; the model then says what was going on. */
function run(flash: FlashMemory, steps: readonly Step[], model: Model): void {
	const outbox = boot(flash);
	for (const step of steps) {
		if (flash.isOff) return;
		if (step === "ack") {
			const head = outbox.peek();
			if (head === undefined) continue;
			const index = model.order.findIndex((event) => event.seqNo === head.seqNo && event.transactionInfo.transactionId === head.transactionInfo.transactionId);
			model.acknowledging = index;
			const durable = outbox.acknowledge();
			// When the mark is durable the power may have gone while a block was given free.
			if (!durable && flash.isOff) return;
			if (!durable) throw new Error("not acknowledged");
			model.acknowledged.add(index);
			model.acknowledging = -1;
		} else {
			model.appending = model.order.push(step) - 1;
			const durable = outbox.append(step);
			if (!durable && flash.isOff) return;
			if (!durable) throw new Error(`refused ${step.seqNo}`);
			model.appending = -1;
		}
	}
}

function tryRun(flash: FlashMemory, steps: readonly Step[], model: Model): void {
	try {
		run(flash, steps, model);
	} catch (error) {
		if (!flash.isOff) throw error;
	}
}

/** Runs the case once with the power cut at every operation, in every way; the number of cuts. */
function sweep(name: string, image: FlashMemory, before: Model, steps: readonly Step[], second = false): number {
	let cuts = 0;
	for (const torn of TORN) {
		const seeds = torn === "before" || torn === "after" ? 1 : SEEDS;
		for (let trial = 0; ; trial++) {
			const n = 1 + Math.floor(trial / seeds);
			const flash = new FlashMemory(image.blocks, image.blockBytes, image.bytes);
			const model = before.clone();
			flash.cutAt(n, torn, trial + 1);
			tryRun(flash, steps, model);
			if (!flash.isOff) break;
			cuts++;
			flash.powerOn();
			if (second) {
				// The power goes again while the store is being opened, or soon after.
				flash.cutAt(1 + (trial % 5), TORN[trial % TORN.length], trial * 31);
				tryRun(flash, [], model);
				if (flash.isOff) cuts++;
				flash.powerOn();
			}
			const wrong = model.check(flash) || model.checkLast(flash) || (torn === "weak" ? checkSteady(flash, model) : "");
			if (wrong !== "") {
				fail(`${name}: ${torn} ${n}, seed ${trial + 1}: ${wrong}`);
				return cuts;
			}
		}
	}
	return cuts;
}

/** What one boot has found, every later one finds too, however weak bits read. */
function checkSteady(flash: FlashMemory, model: Model): string {
	const answered = model.order[model.acknowledging];
	const drained = (): string => {
		const outbox = boot(flash.clone());
		const keys: string[] = [];
		for (let event = outbox.peek(); event !== undefined; event = outbox.peek()) {
			const wavers = event.seqNo === answered?.seqNo && event.transactionInfo.transactionId === answered.transactionInfo.transactionId;
			if (!wavers) keys.push(`${event.transactionInfo.transactionId}/${event.seqNo}`);
			outbox.acknowledge();
		}
		return keys.join();
	};
	boot(flash);
	const first = drained();
	for (let i = 0; i < 3; i++) if (drained() !== first) return "two boots found different queues";
	return "";
}

let cutsTried = 0;

describe("storage outbox", () => {
	afterAll(() => console.log(`storage outbox: ${cutsTried} power cuts tried`));

	it("E04.FR.01 events come out as they went in, first in, first out, and survive a reboot", () => {
		const flash = new FlashMemory(SMALL);
		const outbox = boot(flash);
		const events = [makeEvent("Started", 1, 0), makeEvent("Updated", 1, 1), makeEvent("Ended", 1, 2, 4)];
		for (const event of events) expect(outbox.append(event)).toBeTrue();
		expect(outbox.count).toBe(3);
		expect(outbox.countOf(transactionId(1))).toBe(3);
		expect(outbox.countOf(transactionId(2))).toBe(0);
		expect(outbox.peek()).toEqual(events[0]);
		const again = boot(flash);
		for (const event of events) {
			expect(again.peek()).toEqual({ ...event, offline: true });
			expect(again.acknowledge()).toBeTrue();
		}
		expect(again.peek()).toBeUndefined();
		expect(again.count).toBe(0);
		expect(again.bytesUsed).toBe(0);
		expect(boot(flash).count).toBe(0);
	});

	it("E11.FR.07 what waits when the link drops is sent as offline, what comes later is not", () => {
		const outbox = boot(new FlashMemory(SMALL));
		outbox.append(makeEvent("Started", 1, 0));
		outbox.append(makeEvent("Updated", 1, 1));
		expect(outbox.peek()?.offline).toBeUndefined();
		outbox.markOffline();
		outbox.append(makeEvent("Updated", 1, 2));
		expect(outbox.peek()?.offline).toBeTrue();
		outbox.acknowledge();
		expect(outbox.peek()?.offline).toBeTrue();
		outbox.acknowledge();
		expect(outbox.peek()?.offline).toBeUndefined();
	});

	it("E01.FR.07 the last seqNo is known after a reboot, whether it was sent or not", () => {
		const flash = new FlashMemory(SMALL);
		const outbox = boot(flash);
		expect(outbox.lastSeqNo(transactionId(1))).toBe(-1);
		outbox.append(makeEvent("Started", 1, 0));
		outbox.append(makeEvent("Updated", 1, 1));
		while (outbox.count > 0) outbox.acknowledge();
		expect(boot(flash).lastSeqNo(transactionId(1))).toBe(1);
		expect(boot(flash).hasEnded(transactionId(1))).toBeFalse();
		outbox.append(makeEvent("Ended", 1, 2));
		expect(boot(flash).lastSeqNo(transactionId(1))).toBe(2);
		expect(boot(flash).hasEnded(transactionId(1))).toBeTrue();
	});

	it("E01.FR.07 the last seqNo of a silent transaction stays known while others go round the ring", () => {
		const flash = new FlashMemory(SMALL);
		let outbox = boot(flash);
		outbox.append(makeEvent("Started", 1, 0));
		outbox.append(makeEvent("Updated", 1, 1));
		for (let i = 0; i < 2000; i++) {
			if (!outbox.append(makeEvent(i % 9 === 0 ? "Started" : i % 9 === 8 ? "Ended" : "Updated", 2 + Math.floor(i / 9), i % 9))) fail(`${i}`);
			while (outbox.count > 3) outbox.acknowledge();
			if (i % 250 === 0) outbox = boot(flash);
		}
		expect(flash.erases).toBeGreaterThan(30);
		expect(outbox.lastSeqNo(transactionId(1))).toBe(1);
		expect(outbox.hasEnded(transactionId(1))).toBeFalse();
		expect(outbox.lastSeqNo(transactionId(2))).toBe(-1);
	});

	it("20,000 events pass through in order, the wear is even", () => {
		const flash = new FlashMemory(SMALL);
		let outbox = boot(flash);
		const random = chance(11);
		let sent = 0;
		let made = 0;
		let wrong = 0;
		while (sent < 20_000) {
			if (made < 20_000 && outbox.count < 60 && random(2) === 0) {
				const seqNo = made % 100;
				if (outbox.append(makeEvent(seqNo === 0 ? "Started" : seqNo === 99 ? "Ended" : "Updated", Math.floor(made / 100), seqNo))) made++;
				else wrong++;
			} else if (outbox.count > 0) {
				if (sent % 40 === 0) {
					const event = outbox.peek();
					if (event?.seqNo !== sent % 100 || event.transactionInfo.transactionId !== transactionId(Math.floor(sent / 100))) wrong++;
				}
				if (!outbox.acknowledge()) wrong++;
				sent++;
			}
			if (random(4000) === 0) outbox = boot(flash);
			if (outbox.count !== made - sent) wrong++;
		}
		expect(wrong).toBe(0);
		expect(outbox.thinned).toBe(0);
		const wear = flash.wear.subarray(4, SMALL - 3);
		expect(Math.min(...wear)).toBeGreaterThan(100);
		expect(Math.max(...wear) - Math.min(...wear)).toBeLessThan(4);
		const perEvent = flash.bytesWritten / made;
		console.log(`storage outbox: ${perEvent.toFixed(1)} bytes written and ${(flash.erases * 1000 / made).toFixed(2)} erases per 1000 events, no thinning`);
	}, 60_000);

	it("E04.FR.07 E04.FR.08 a full queue loses Updated events only, first and last ones stay, and says how many", () => {
		const flash = new FlashMemory(19);
		const log = new Events();
		const outbox = boot(flash, log);
		const model = new Model();
		model.thinning = true;
		for (let i = 0; i < 4000; i++) {
			const transaction = Math.floor(i / 400);
			const seqNo = i % 400;
			const event = makeEvent(seqNo === 0 ? "Started" : seqNo === 399 ? "Ended" : "Updated", transaction, seqNo);
			if (!outbox.append(event)) fail(`refused ${i}`);
			model.order.push(event);
		}
		expect(outbox.thinned + outbox.count).toBe(4000);
		expect(log.list.filter(([code]) => code === LogCode.queueThinned).reduce((sum, [, dropped]) => sum + dropped, 0)).toBe(outbox.thinned);
		expect(model.check(flash)).toBe("");
		const kept = new Map<string, number[]>();
		outbox.iterate((event) => kept.set(event.transactionInfo.transactionId, [...(kept.get(event.transactionInfo.transactionId) ?? []), event.seqNo]));
		expect(kept.size).toBe(10);
		for (const seqNos of kept.values()) {
			expect(seqNos[0]).toBe(0);
			expect(seqNos[1]).toBe(1);
			expect(seqNos[seqNos.length - 2]).toBe(398);
			expect(seqNos[seqNos.length - 1]).toBe(399);
		}
		// Most of the area is in use: 11 blocks of 4 kB.
		expect(outbox.bytesUsed).toBeGreaterThan(9 * 4096);
	});

	it("a queue full of Started and Ended refuses, writes nothing, keeps all, and takes events again after an answer", () => {
		const flash = new FlashMemory(SMALL);
		const outbox = boot(flash);
		const model = new Model();
		for (;;) {
			const n = model.order.length;
			const event = makeEvent(n % 2 === 0 ? "Started" : "Ended", n >> 1, n % 2);
			if (!outbox.append(event)) break;
			model.order.push(event);
		}
		const image = flash.bytes.slice();
		const reads = flash.reads;
		expect(outbox.append(makeEvent("Started", 9999, 0))).toBeFalse();
		expect(flash.bytes).toEqual(image);
		expect(flash.reads - reads).toBeLessThan(4);
		expect(model.check(flash)).toBe("");
		while (!outbox.append(makeEvent("Started", 9999, 0)) && outbox.count > 0) outbox.acknowledge();
		expect(outbox.count).toBeGreaterThan(model.order.length / 2);
	});

	it("E12.FR.09 an Ended too large for the record buffer keeps its first and last meter values", () => {
		const outbox = boot(new FlashMemory(SMALL));
		const event = makeEvent("Ended", 1, 7, 150);
		expect(outbox.append(event)).toBeTrue();
		const kept = outbox.peek()?.meterValue;
		expect(kept?.length).toBeGreaterThan(15);
		expect(kept?.[0]).toEqual(event.meterValue![0]);
		expect(kept?.[kept.length - 1]).toEqual(event.meterValue![149]);
		const huge = { ...event, customData: { vendorId: "x", text: "y".repeat(5000) } };
		expect(outbox.append(huge)).toBeFalse();
		expect(outbox.count).toBe(1);
	});

	it("at every power cut of a running queue nothing durable is missing and nothing acknowledged comes again", () => {
		const image = new FlashMemory(SMALL);
		const before = new Model();
		const warm: Step[] = [];
		for (let i = 0; i < 85; i++) {
			warm.push(makeEvent(i === 0 ? "Started" : "Updated", 1, i, 1 + (i % 3)));
			if (i > 30) warm.push("ack");
		}
		run(image, warm, before);
		const steps: Step[] = [];
		for (let i = 0; i < 80; i++) {
			steps.push(makeEvent(i % 20 === 0 ? "Started" : i % 20 === 19 ? "Ended" : "Updated", 2 + Math.floor(i / 20), i % 20, 1 + (i % 4)));
			steps.push("ack", "ack", "ack");
		}
		cutsTried += sweep("running", image, before, steps);
		cutsTried += sweep("running, cut twice", image, before, steps, true);
		expect(cutsTried).toBeGreaterThan(1000);
	}, 120_000 * SEEDS);

	it("at every power cut of the first day of a blank store nothing is lost", () => {
		const steps: Step[] = [];
		for (let i = 0; i < 12; i++) steps.push(makeEvent(i === 0 ? "Started" : i === 11 ? "Ended" : "Updated", 1, i));
		steps.push("ack", "ack");
		cutsTried += sweep("blank", new FlashMemory(SMALL), new Model(), steps, true);
	}, 120_000 * SEEDS);

	it("at every power cut while a full queue is thinned no Started, Ended or last Updated is lost", () => {
		const image = new FlashMemory(13);
		const before = new Model();
		before.thinning = true;
		const warm: Step[] = [];
		for (let i = 0; i < 190; i++) warm.push(makeEvent(i % 60 === 0 ? "Started" : i % 60 === 59 ? "Ended" : "Updated", 1 + Math.floor(i / 60), i % 60));
		run(image, warm, before);
		const steps: Step[] = [];
		for (let i = 0; i < 60; i++) {
			steps.push(makeEvent(i === 0 ? "Started" : "Updated", 9, i, 2));
			if (i % 13 === 0) steps.push("ack");
		}
		const cuts = sweep("thinning", image, before, steps);
		cutsTried += cuts + sweep("thinning, cut twice", image, before, steps, true);
		expect(cuts).toBeGreaterThan(300);
	}, 120_000 * SEEDS);

	it("a long life with a power cut every few events loses nothing", () => {
		const flash = new FlashMemory(SMALL);
		const random = chance(77);
		let model = new Model();
		model.thinning = true;
		let seqNo = 0;
		let transaction = 1;
		for (let life = 0; life < 600 * SEEDS; life++) {
			const steps: Step[] = [];
			const began = transaction;
			for (let i = 0; i < 12; i++) {
				if (random(2) === 0) steps.push("ack");
				else {
					const ends = seqNo > 0 && random(12) === 0;
					steps.push(makeEvent(seqNo === 0 ? "Started" : ends ? "Ended" : "Updated", transaction, seqNo, 1 + random(3)));
					seqNo++;
					if (ends) {
						seqNo = 0;
						transaction++;
					}
				}
			}
			flash.cutAt(1 + random(30), TORN[random(TORN.length)] as Torn, random(1_000_000));
			tryRun(flash, steps, model);
			if (flash.isOff) cutsTried++;
			flash.powerOn();
			if (life % 3 === 0) {
				const wrong = model.check(flash) || model.checkLast(flash);
				if (wrong !== "") {
					fail(`life ${life}: ${wrong}`);
					return;
				}
			}
			// The station takes up what it finds: what was being written is there or not.
			const outbox = boot(flash);
			const there = new Set<string>();
			outbox.iterate((event, acknowledged) => {
				if (!acknowledged) there.add(`${event.transactionInfo.transactionId}/${event.seqNo}`);
			});
			const next = new Model();
			next.thinning = true;
			model.order.forEach((event) => {
				if (there.has(`${event.transactionInfo.transactionId}/${event.seqNo}`)) next.order.push(event);
			});
			model = next;
			while (transaction > began && outbox.lastSeqNo(transactionId(transaction)) < 0) transaction--;
			seqNo = outbox.lastSeqNo(transactionId(transaction)) + 1;
			if (outbox.hasEnded(transactionId(transaction)) || (seqNo === 0 && life > 0)) {
				transaction++;
				seqNo = 0;
			}
		}
		expect(flash.erases).toBeGreaterThan(50);
	}, 120_000 * SEEDS);

	it("single writes that fail are made up for; a flash that refuses all is said and recovers", () => {
		const flash = new FlashMemory(SMALL);
		const outbox = boot(flash);
		const model = new Model();
		for (let i = 0; i < 300; i++) {
			if (i % 3 === 0) flash.failNext = 1;
			const event = makeEvent(i === 0 ? "Started" : "Updated", 1, i);
			if (!outbox.append(event)) fail(`append ${i}`);
			model.order.push(event);
			flash.failNext = 0;
			if (outbox.count > 20) {
				if (i % 3 === 1) flash.failNext = 1;
				const index = model.order.findIndex((its) => its.seqNo === outbox.peek()?.seqNo);
				if (!outbox.acknowledge()) fail(`ack ${i}`);
				model.acknowledged.add(index);
				flash.failNext = 0;
			}
		}
		expect(model.check(flash)).toBe("");
		flash.failNext = 1000;
		expect(outbox.append(makeEvent("Updated", 1, 300))).toBeFalse();
		expect(outbox.acknowledge()).toBeFalse();
		flash.failNext = 0;
		expect(model.check(flash)).toBe("");
		const event = makeEvent("Updated", 1, 301);
		expect(outbox.append(event)).toBeTrue();
		model.order.push(event);
		expect(model.check(flash)).toBe("");
	});

	it("a block that has gone bad is gone round", () => {
		const flash = new FlashMemory(15);
		const log = new Events();
		const outbox = boot(flash, log);
		const model = new Model();
		flash.bad.add(6).add(9);
		for (let i = 0; i < 600; i++) {
			const event = makeEvent(i === 0 ? "Started" : "Updated", 1, i);
			if (!outbox.append(event)) fail(`append ${i}`);
			model.order.push(event);
			if (outbox.count > 30) {
				model.acknowledged.add(model.order.length - outbox.count);
				if (!outbox.acknowledge()) fail(`ack ${i}`);
			}
		}
		expect(model.check(flash)).toBe("");
		expect(log.times(LogCode.flashFailed)).toBeGreaterThan(4);
	});

	it("a flipped bit costs at most the record that it is in, and is logged", () => {
		const image = new FlashMemory(SMALL);
		const events: Event[] = [];
		const outbox = boot(image);
		for (let i = 0; i < 90; i++) {
			const event = makeEvent(i === 0 ? "Started" : i === 89 ? "Ended" : "Updated", 1, i);
			events.push(event);
			outbox.append(event);
		}
		const random = chance(3);
		let lost = 0;
		for (let trial = 0; trial < 600; trial++) {
			const flash = new FlashMemory(SMALL, 4096, image.bytes);
			const at = 4 * 4096 + random(2 * 4096);
			flash.flip(at, random(8));
			const log = new Events();
			const found: number[] = [];
			const its = boot(flash, log);
			for (let event = its.peek(); event !== undefined; event = its.peek()) {
				if (JSON.stringify(sorted(event)) !== JSON.stringify(sorted({ ...events[event.seqNo], offline: true }))) fail(`trial ${trial}: ${event.seqNo} differs`);
				found.push(event.seqNo);
				its.acknowledge();
			}
			const missing = events.length - found.length;
			if (missing > 1) fail(`trial ${trial}: ${missing} lost at ${at}`);
			if (found.some((seqNo, i) => i > 0 && seqNo <= found[i - 1])) fail(`trial ${trial}: order`);
			if (missing === 1) {
				lost++;
				if (log.times(LogCode.recordDamaged) < 1) fail(`trial ${trial}: not logged`);
			}
		}
		expect(lost).toBeGreaterThan(200);
	}, 60_000);

	it("boot reads the headers and two blocks, however long the queue is", () => {
		const readsOf = (blocks: number): { reads: number; bytes: number; count: number } => {
			const flash = new FlashMemory(blocks);
			const outbox = boot(flash);
			for (let i = 0; outbox.thinned === 0; i++) outbox.append(makeEvent(i === 0 ? "Started" : "Updated", 1, i));
			flash.reads = 0;
			flash.bytesRead = 0;
			const again = boot(flash);
			expect(again.count).toBe(outbox.count);
			return { reads: flash.reads, bytes: flash.bytesRead, count: again.count };
		};
		const small = readsOf(16);
		const large = readsOf(64);
		expect(large.count).toBeGreaterThan(4 * small.count);
		// Each block more costs two reads of a header: one to know the store, one to mount it.
		expect(large.reads - small.reads).toBeLessThan(2 * 48 + 150);
		console.log(`storage outbox: boot with ${large.count} events reads ${large.reads} times, ${large.bytes} bytes`);
	});
});
