// What the queue costs the flash may not grow by more than 2 % over budget.json, nor over its ceilings; and what days without network leave.

import "../board/xs-globals.js";
import { RestartCause } from "../../modules/ports/events.js";
import { Station } from "../../modules/station/station.js";
import { offline, queueFigures } from "../../scripts/bench/queue.js";
import { CEILING, GROWTH, readBudget } from "../../scripts/budget.js";
import { Board } from "../board/board.js";
import { VirtualClock } from "../board/clock.js";
import { SeededEntropy } from "../board/entropy.js";
import { FlashMemory } from "../board/flash-memory.js";
import { MemoryCsms } from "../csms/memory.js";
import { openQueue, settle } from "../traces/queue.js";
import { PATTERNS, trace } from "../traces/traces.js";

const FLEET = PATTERNS.find(({ name }) => name === "fleet")!;

describe("queue figures", () => {
	it("flash bytes stored and written per event are within the budget", () => {
		const figures = queueFigures();
		const { queue } = readBudget();
		expect(Object.entries(figures).filter(([name, value]) => value > (queue[name] ?? 0) * GROWTH)).toEqual([]);
		expect(figures["stored.average"]).toBeLessThanOrEqual(CEILING.queueStored);
		expect(figures["written.online.average"]).toBeLessThanOrEqual(CEILING.queueWritten);
		expect(figures["written.later.average"]).toBeLessThanOrEqual(CEILING.queueWritten);
		console.log(`queue: ${figures["stored.average"]} bytes of flash per stored event, ${figures["written.online.average"]} written online, ` +
			`${figures["written.later.average"]} after hours offline, on average of ${PATTERNS.length} patterns`);
	}, 60_000);

	it("E04.FR.01 a day of a van in 64 kB and a week in 256 kB lose nothing, over a power cut", () => {
		for (const [kb, hours] of [[64, 24], [256, 168]]) {
			const { made, delivered } = offline(FLEET, kb, hours);
			expect(made).toBeGreaterThan(hours * 50);
			expect(delivered).toBe(made);
		}
	}, 60_000);

	it("E04.FR.07 a day of any pattern in 64 kB keeps every Started and Ended", () => {
		for (const pattern of PATTERNS) {
			const { bounds, whole, kept, delivered } = offline(pattern, 64, 24);
			expect(whole).toBe(bounds);
			expect(delivered).toBe(kept);
		}
	}, 60_000);
});

/** What the flash is asked for from power on to the first BootNotification, with so many events in the queue, or as many as go in. */
function boot(blocks: number, events: number): { waiting: number; reads: number; bytes: number } {
	const flash = new FlashMemory(blocks);
	const outbox = openQueue(flash, 1);
	const made = trace(FLEET, 1);
	for (let i = 0; i < events && outbox.thinned === 0; i++) {
		expect(outbox.append(made.next().value.event)).toBeTrue();
		settle(outbox);
	}
	const { reads, bytesRead } = flash;
	const clock = new VirtualClock();
	const csms = new MemoryCsms(clock, () => clock.elapsedMs);
	const identity = {
		identity: "CS001", url: "ws://csms.example/ocpp", password: "0123456789abcdef", securityProfile: 1,
		vendorName: "Vendor", model: "Model", serialNumber: "1", firmwareVersion: "0.1.0",
	};
	const board = new Board({ clock, entropy: new SeededEntropy(1), flash, socket: csms, identity });
	const station = new Station(board.host({ restart: () => fail("a restart"), wake: () => undefined }));
	board.attach(station);
	station.start(RestartCause.powerUp);
	for (let steps = 0; csms.count("BootNotification") === 0 && steps < 10_000; steps++) {
		station.step();
		clock.advance(10);
	}
	expect(csms.count("BootNotification")).toBe(1);
	return { waiting: outbox.count, reads: flash.reads - reads, bytes: flash.bytesRead - bytesRead };
}

describe("boot", () => {
	it("E12, B01 until the first BootNotification the flash is read for the headers of blocks and what is not full, however long the queue is", () => {
		const cases = [boot(64, 0), boot(64, 1000), boot(64, Infinity)];
		const [, thousand, full] = cases;
		expect(full.waiting).toBeGreaterThan(10 * thousand.waiting);
		expect(full.reads).toBeLessThan(1.25 * thousand.reads);
		expect(full.bytes).toBeLessThan(64 * 4096 / 4);
		for (const { waiting, reads, bytes } of cases) console.log(`boot with 256 kB of flash: ${waiting} events wait, ${reads} reads of ${bytes} bytes before BootNotification`);
	}, 120_000);
});
