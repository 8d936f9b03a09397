// The queue of transaction events: order, acknowledgement, thinning, every power cut, failing and flipping flash.

import "../board/xs-globals.js";
import { LogCode } from "../../modules/ports/events.js";
import { Outbox } from "../../modules/storage/outbox.js";
import { Store, StoreState } from "../../modules/storage/store.js";
import { FlashMemory } from "../board/flash-memory.js";
import { LogList } from "../cuts/kit.js";
import { flipBits, keyOf, longLife, makeEvent, QUEUE_CASES, QueueModel, SMALL, transactionId } from "../cuts/queue.js";
import { SHORT, sweep } from "../cuts/sweep.js";

function boot(flash: FlashMemory, events = new LogList()): Outbox {
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

describe("storage outbox", () => {
	it("E04.FR.01 events come out as they went in, first in, first out, and survive a reboot", () => {
		const flash = new FlashMemory(SMALL);
		const outbox = boot(flash);
		const events = [makeEvent("Started", 1, 0), makeEvent("Updated", 1, 1), makeEvent("Ended", 1, 2, 4)];
		for (const event of events) expect(outbox.append(event)).toBeTrue();
		expect(outbox.count).toBe(3);
		expect(outbox.holds(transactionId(1))).toBeTrue();
		expect(outbox.holds(transactionId(2))).toBeFalse();
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
		for (let i = 0; i < 6000; i++) {
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
		expect(Math.min(...wear)).toBeGreaterThan(20);
		expect(Math.max(...wear) - Math.min(...wear)).toBeLessThan(4);
		const perEvent = flash.bytesWritten / made;
		console.log(`storage outbox: ${perEvent.toFixed(1)} bytes written and ${(flash.erases * 1000 / made).toFixed(2)} erases per 1000 events, no thinning`);
	}, 60_000);

	it("E04.FR.07 E04.FR.08 a full queue loses Updated events only, first and last ones stay, and says how many", () => {
		const flash = new FlashMemory(19);
		const log = new LogList();
		const outbox = boot(flash, log);
		const model = new QueueModel(true);
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
		const model = new QueueModel();
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
		// It is packed before; nothing is read but what it might refer to.
		expect(flash.reads - reads).toBeLessThan(100);
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

	for (const its of QUEUE_CASES) {
		it(`E04.FR.01 at every power cut of ${its.name} nothing durable is missing and nothing acknowledged comes again`, () => {
			const { cuts, pairs, operations, failures } = sweep(its, SHORT);
			expect(failures).toEqual([]);
			expect(cuts + pairs).toBe(6 * operations);
			console.log(`storage outbox: ${its.name}: ${cuts} power cuts and ${pairs} pairs tried`);
		}, 120_000);
	}

	it("a long life with a power cut every few events loses nothing", () => {
		const { wrong, cuts } = longLife(600, 77);
		expect(wrong).toBe("");
		expect(cuts).toBeGreaterThan(200);
	}, 120_000);

	it("single writes that fail are made up for; a flash that refuses all is said and recovers", () => {
		const flash = new FlashMemory(SMALL);
		const outbox = boot(flash);
		const model = new QueueModel();
		for (let i = 0; i < 300; i++) {
			if (i % 3 === 0) flash.failNext = 1;
			const event = makeEvent(i === 0 ? "Started" : "Updated", 1, i);
			if (!outbox.append(event)) fail(`append ${i}`);
			model.order.push(event);
			flash.failNext = 0;
			if (outbox.count > 20) {
				if (i % 3 === 1) flash.failNext = 1;
				const index = model.order.findIndex((its) => keyOf(its) === keyOf(outbox.peek()!));
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
		const log = new LogList();
		const outbox = boot(flash, log);
		const model = new QueueModel();
		flash.bad.add(6).add(9);
		for (let i = 0; i < 2000; i++) {
			const event = makeEvent(i === 0 ? "Started" : "Updated", 1, i);
			if (!outbox.append(event)) fail(`append ${i}`);
			model.order.push(event);
			if (outbox.count > 30) {
				model.acknowledged.add(model.order.length - outbox.count);
				if (!outbox.acknowledge()) fail(`ack ${i}`);
			}
		}
		expect(model.check(flash)).toBe("");
		expect(log.times(LogCode.flashFailed)).toBeGreaterThan(2);
	});

	it("a block that goes bad while it holds events cannot be given free, and the rest goes on without it", () => {
		for (let bad = 4; bad < 12; bad++) {
			const flash = new FlashMemory(15);
			const outbox = boot(flash);
			const model = new QueueModel(true);
			for (let i = 0; i < 6000; i++) {
				if (i === 700) flash.bad.add(bad);
				const event = makeEvent(i === 0 ? "Started" : "Updated", 1, i);
				if (!outbox.append(event)) fail(`block ${bad}: append ${i}`);
				model.order.push(event);
				while (outbox.step());
				// A long queue that is full for a while, then is sent.
				while (i > 4000 && outbox.count > 30) {
					const head = outbox.peek()!;
					for (let k = 0; k <= head.seqNo; k++) model.acknowledged.add(k);
					outbox.acknowledge();
				}
			}
			expect(model.check(flash)).toBe("");
		}
	}, 60_000);

	it("a flipped bit costs nothing and is logged, in single records and in parts", () => {
		const image = new FlashMemory(15);
		const outbox = boot(image);
		const events = Array.from({ length: 600 }, (_, i) => makeEvent(i === 0 ? "Started" : i === 599 ? "Ended" : "Updated", 1, i));
		for (const event of events) {
			outbox.append(event);
			while (outbox.step());
		}
		expect(image.bytes.subarray(4 * 4096, 12 * 4096).some((byte) => byte !== 0xff)).toBeTrue();
		const { most, tried, mended, wrong } = flipBits(image, events, 4 * 4096, 12 * 4096, 600, 3);
		expect(wrong).toBe("");
		expect(most).toBe(0);
		expect(tried).toBe(600);
		expect(mended).toBeGreaterThan(200);
	}, 60_000);

	it("damage that cannot be mended costs the record that it is in and what refers to it, and is logged", () => {
		const image = new FlashMemory(SMALL);
		const outbox = boot(image);
		const events = Array.from({ length: 90 }, (_, i) => makeEvent(i === 0 ? "Started" : i === 89 ? "Ended" : "Updated", 1, i));
		for (const event of events) outbox.append(event);
		const log = new LogList();
		const flash = image.clone();
		// The last record but one, in the middle of its payload.
		for (let i = 0; i < 3; i++) flash.flip(5 * 4096 + outbox.bytesUsed - 36, i);
		const damaged = boot(flash, log);
		let found = 0;
		while (damaged.peek() !== undefined) {
			found++;
			damaged.acknowledge();
		}
		expect(found).toBe(89);
		expect(log.times(LogCode.recordDamaged)).toBeGreaterThan(0);
	});

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
