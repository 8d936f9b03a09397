// Figures of the queue of transaction events, counted on the virtual flash with the traces of test-host/traces: what an event
// takes on flash, what writing it costs the flash, what is left of days without network, how long a flash lasts. Beside them, in
// the same run, what zlib with a window of 2^11 and its least memory makes of the JSON messages.
// Everything is counted, nothing depends on the machine. budget.json holds the bounds that npm test checks.

import "../../test-host/board/xs-globals.js";

import { deepStrictEqual } from "node:assert";
import { gzipSync } from "node:zlib";
import type { TransactionEventRequest } from "../../preload/payloads.js";
import { FlashMemory } from "../../test-host/board/flash-memory.js";
import { Dice } from "../../test-host/sim/dice.js";
import { openQueue, queueBlocks, settle } from "../../test-host/traces/queue.js";
import { PATTERNS, take, type Pattern } from "../../test-host/traces/traces.js";

const SEED = 1;
const BLOCK_BYTES = 4096;
const PARTITIONS = [64, 256];
const OFFLINE_HOURS = [6, 24, 168];
const ZLIB_BLOCKS = [2048, 4096, 8192, 16_384];
/** Enough to go round every block of a queue several times. */
const ONLINE_EVENTS = 30_000;
const DENSITY_EVENTS = 2500;
/** A station that was offline for some hours sends so many at once. */
const LATER = 500;
/** A flash of this partition holds all of DENSITY_EVENTS without thinning. */
const DENSITY_BLOCKS = 128;
/** What vendors of serial NOR flash promise for each sector. */
const CYCLES = 100_000;
const YEAR_MS = 365.25 * 86_400_000;

export interface Density {
	/** Flash bytes per stored event: records, frames, checks, marks, headers of blocks and what is left over in them. */
	stored: number;
	events: number;
}

/** Fills an area that is large enough with the events of an offline time. */
export function density(pattern: Pattern): Density {
	const flash = new FlashMemory(DENSITY_BLOCKS);
	const outbox = openQueue(flash, pattern.evses);
	for (const event of take(pattern, SEED, { events: DENSITY_EVENTS })) {
		if (!outbox.append(event)) throw new Error(`${pattern.name}: refused`);
		settle(outbox);
	}
	if (outbox.count !== DENSITY_EVENTS) throw new Error(`${pattern.name}: ${outbox.count} of ${DENSITY_EVENTS} kept`);
	return { stored: outbox.bytesUsed / outbox.count, events: outbox.count };
}

export interface Wear {
	/** Bytes written to flash for each event until it was acknowledged and its place was free again. */
	written: number;
	erasesPer1000: number;
	/** Until the block that is erased most often has been erased CYCLES times. */
	years: number;
}

/**
 * Lets events pass through the queue.
 * @param lag  so many wait before they are sent, all at once: 1 is a station that is online
 */
export function wear(pattern: Pattern, partitionKb: number, lag: number): Wear {
	const flash = new FlashMemory((partitionKb * 1024) / BLOCK_BYTES);
	const outbox = openQueue(flash, pattern.evses);
	const events = take(pattern, SEED, { events: ONLINE_EVENTS });
	const { bytesWritten } = flash;
	events.forEach((event, i) => {
		outbox.append(event);
		settle(outbox);
		if ((i + 1) % lag !== 0) return;
		while (outbox.count > 0) {
			outbox.acknowledge();
			settle(outbox);
		}
	});
	const ms = Date.parse(events[events.length - 1].timestamp) - Date.parse(events[0].timestamp);
	const most = Math.max(...flash.wear);
	return {
		written: (flash.bytesWritten - bytesWritten) / events.length,
		erasesPer1000: (flash.erases * 1000) / events.length,
		years: (CYCLES / most) * (ms / YEAR_MS),
	};
}

export interface Offline {
	made: number;
	kept: number;
	delivered: number;
	transactions: number;
	/** Started and Ended that were made, and that were delivered. */
	bounds: number;
	whole: number;
	bytes: number;
}

/** Hours without network, a power cut at their end, then everything is sent: what arrives is what was made. */
export function offline(pattern: Pattern, partitionKb: number, hours: number): Offline {
	const flash = new FlashMemory((partitionKb * 1024) / BLOCK_BYTES);
	let outbox = openQueue(flash, pattern.evses);
	const events = take(pattern, SEED, { hours });
	const made = new Map<string, TransactionEventRequest>();
	for (const event of events) {
		made.set(`${event.transactionInfo.transactionId} ${event.seqNo}`, event);
		outbox.append(event);
		settle(outbox);
	}
	outbox = openQueue(flash, pattern.evses);
	const kept = outbox.count;
	const bytes = outbox.bytesUsed;
	let delivered = 0;
	let whole = 0;
	for (let event = outbox.peek(); event !== undefined; event = outbox.peek()) {
		deepStrictEqual({ ...event }, { ...made.get(`${event.transactionInfo.transactionId} ${event.seqNo}`) });
		delivered++;
		if (event.eventType !== "Updated") whole++;
		outbox.acknowledge();
		settle(outbox);
	}
	const count = (wanted: (event: TransactionEventRequest) => boolean): number => events.filter(wanted).length;
	return {
		made: events.length, kept, delivered, whole, bytes,
		transactions: count(({ eventType }) => eventType === "Started"), bounds: count(({ eventType }) => eventType !== "Updated"),
	};
}

/** Bytes per message of JSON in gzip blocks of so many bytes, with a random id in each message or a counted one. */
export function zlib(pattern: Pattern, blockBytes: number, isRandom: boolean): { plain: number; packed: number } {
	const dice = new Dice("message ids");
	const messages = take(pattern, SEED, { events: DENSITY_EVENTS }).map((event, i) => {
		const words = Array.from({ length: 4 }, () => dice.word().toString(16).padStart(8, "0")).join("");
		const id = isRandom ? words.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-") : `1-k3f9qz-${i.toString(36)}`;
		return JSON.stringify([2, id, "TransactionEvent", event]);
	});
	let packed = 0;
	let block = "";
	const seal = (): void => void (packed += gzipSync(block, { windowBits: 11, memLevel: 1 }).length);
	for (const message of messages) {
		if (block.length + message.length > blockBytes) {
			seal();
			block = "";
		}
		block += message;
	}
	seal();
	const plain = messages.reduce((sum, message) => sum + message.length, 0);
	return { plain: plain / messages.length, packed: packed / messages.length };
}

/**
 * What the budget holds, in bytes of flash per event rounded to a tenth: stored, and written in a partition of 64 kB until it was sent,
 * online and after 500 were waiting; for each pattern and on average.
 */
export function queueFigures(): { [name: string]: number } {
	const figures: { [name: string]: number } = {};
	const kinds: { [name: string]: (pattern: Pattern) => number } = {
		stored: (pattern) => density(pattern).stored,
		"written.online": (pattern) => wear(pattern, PARTITIONS[0], 1).written,
		"written.later": (pattern) => wear(pattern, PARTITIONS[0], LATER).written,
	};
	for (const [name, of] of Object.entries(kinds)) {
		const values = PATTERNS.map(of);
		PATTERNS.forEach((pattern, i) => (figures[`${name}.${pattern.name}`] = Number(values[i].toFixed(1))));
		figures[`${name}.average`] = Number((values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(1));
	}
	return figures;
}

const number = (value: number, digits = 1): string => value.toFixed(digits);

function table(rows: readonly (readonly string[])[]): string[] {
	const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
	return rows.map((row) => "queue:   " + row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join("  "));
}

/** Prints the figures of the queue. */
export function benchQueue(print: (line: string) => void = console.log): void {
	for (const { name, about } of PATTERNS) print(`queue: ${name}: ${about}`);

	print("queue: flash bytes per stored event, all included, beside JSON in gzip blocks (zlib, window 2^11, memory level 1), ids random / counted:");
	print(table([["", "JSON", "ours", ...ZLIB_BLOCKS.map((bytes) => `zlib ${bytes / 1024} kB`)], ...PATTERNS.map((pattern) => [
		pattern.name, number(zlib(pattern, 4096, true).plain), number(density(pattern).stored),
		...ZLIB_BLOCKS.map((bytes) => `${number(zlib(pattern, bytes, true).packed)} / ${number(zlib(pattern, bytes, false).packed)}`),
	])]).join("\n"));

	print("queue: flash bytes written per event and erases per 1,000 events, until it is sent and its place is free; online, and sent after 500:");
	for (const partitionKb of PARTITIONS) {
		const blocks = queueBlocks(new FlashMemory((partitionKb * 1024) / BLOCK_BYTES));
		print(`queue:  in ${partitionKb} kB (${blocks} blocks are the queue's); years until a block has been erased ${CYCLES} times:`);
		const rows = PATTERNS.map((pattern) => {
			const online = wear(pattern, partitionKb, 1);
			const later = wear(pattern, partitionKb, LATER);
			return [pattern.name, number(online.written), number(online.erasesPer1000, 2), number(online.years, 0),
				number(later.written), number(later.erasesPer1000, 2), number(later.years, 0)];
		});
		print(table([["", "written", "erases", "years", "written", "erases", "years"], ...rows]).join("\n"));
	}

	print("queue: hours without network, then a power cut, then all that was kept is sent, field by field what was made:");
	const rows: string[][] = [["", "hours", "kB", "made", "kept", "delivered", "transactions", "Started and Ended", "kB used"]];
	for (const pattern of PATTERNS.filter(({ intervalSeconds }) => intervalSeconds === 60)) {
		for (const hours of OFFLINE_HOURS) {
			for (const partitionKb of PARTITIONS) {
				const its = offline(pattern, partitionKb, hours);
				rows.push([pattern.name, String(hours), String(partitionKb), String(its.made), String(its.kept), String(its.delivered),
					String(its.transactions), `${its.whole} of ${its.bounds}`, number(its.bytes / 1024)]);
			}
		}
	}
	print(table(rows).join("\n"));
}

if (require.main === module) benchQueue();
