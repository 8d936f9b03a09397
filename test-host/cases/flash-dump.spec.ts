// What flash-dump prints of an image is what was made; and parts are gzip members for anybody who knows the format.

import "../board/xs-globals.js";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Cell } from "../../modules/storage/cell-ids.js";
import { Cells } from "../../modules/storage/cells.js";
import { Journal, JournalEntry } from "../../modules/storage/journal.js";
import { Store, StoreState } from "../../modules/storage/store.js";
import { dump, type DumpedEvent } from "../../scripts/flash-dump.js";
import { FlashMemory } from "../board/flash-memory.js";
import { openQueue, settle, SILENT } from "../traces/queue.js";
import { PATTERNS, take } from "../traces/traces.js";

const BLOCK_BYTES = 4096;
const depot = PATTERNS.find(({ name }) => name === "depot")!;

/** Content of all parts of an image, taken apart by docs/flash-format.md alone. */
function parts(image: Uint8Array): { events: number; content: Buffer }[] {
	const found: { events: number; content: Buffer }[] = [];
	for (let block = 0; block < image.length; block += BLOCK_BYTES) {
		if (image[block] !== 0x4f || (image[block + 5] & 0x7f) !== 0x42) continue;
		for (let at = block + 32; at + 8 <= block + BLOCK_BYTES; ) {
			const word = image[at] + 256 * image[at + 1];
			const bytes = word & 0x3ff;
			if (word === 0xffff) break;
			expect(word >> 10).toBe(18);
			const count = image[at + 8];
			const from = at + 16 + ((count + 7) >> 3) * 4 + (image[at + 9] >> 4) * 4;
			if ((image[at + 9] & 1) === 0) found.push({ events: count, content: gunzipSync(image.subarray(from, at + 8 + bytes)) });
			at += (8 + bytes + 3) & ~3;
		}
	}
	return found;
}

describe("flash-dump", () => {
	const events = take(depot, 3, { hours: 24 });
	const flash = new FlashMemory(64);
	let sent = 0;

	beforeAll(() => {
		const outbox = openQueue(flash, depot.evses);
		for (const event of events) {
			outbox.append(event);
			settle(outbox);
		}
		for (; sent < 5; sent++) outbox.acknowledge();
	});

	it("prints an offline day as it was made, what waits and what was answered", () => {
		const { events: found, waiting, bytes, damaged } = dump(flash.bytes);
		expect(found.map(({ event }) => event)).toEqual(events);
		expect(found.map(({ acknowledged }) => acknowledged)).toEqual(events.map((_, i) => i < sent));
		expect(waiting).toBe(events.length - sent);
		expect(bytes).toBeLessThan(20 * events.length);
		expect(damaged).toBe(0);
		expect(new Set(found.map(({ at, part }) => `${at}/${part}`)).size).toBe(found.length);
	});

	it("of which most is in gzip members that zlib reads", () => {
		const members = parts(flash.bytes);
		const sealed = members.reduce((sum, { events: count }) => sum + count, 0);
		expect(sealed).toBeGreaterThan(events.length / 2);
		for (const { events: count, content } of members) expect(content.length).toBeGreaterThan(3 * count);
	});

	it("changes nothing, and refuses what is no store in one line", () => {
		const image = flash.bytes.slice();
		dump(image);
		expect(image).toEqual(flash.bytes);
		expect(() => dump(new Uint8Array(64 * BLOCK_BYTES).fill(0xff))).toThrowError(/no store/);
		expect(() => dump(new Uint8Array(64 * BLOCK_BYTES))).toThrowError(/no store/);
		expect(() => dump(new Uint8Array(5000))).toThrowError(/no whole number of blocks/);
	});

	it("reads the image of format 2 that is kept as a vector, as every later version of the firmware has to", () => {
		const stored = (name: string): Buffer => gunzipSync(readFileSync(join(__dirname, "../vectors", name)));
		const image = new Uint8Array(stored("store-v2.bin.gz"));
		const { events: found, waiting, damaged } = dump(image);
		expect(found).toEqual(stored("store-v2.jsonl.gz").toString().trim().split("\n").map((line) => JSON.parse(line) as DumpedEvent));
		expect(waiting).toBe(found.length - 7);
		expect(found.some(({ part }) => part !== null) && found.some(({ part }) => part === null)).toBeTrue();
		expect(damaged).toBe(0);
		const flash = new FlashMemory(image.length / BLOCK_BYTES, BLOCK_BYTES, image);
		const store = new Store(flash, SILENT);
		expect(store.open()).toBe(StoreState.ready);
		const cells = new Cells(store.cells, store.scratch, SILENT);
		expect([cells.getNumber(Cell.bootCount, 0), cells.get(32)]).toEqual([7, "60"]);
		const entry = new JournalEntry();
		expect(new Journal(store, SILENT).peek(entry)).toBeTrue();
		expect([entry.type, entry.isCritical, entry.utcMs, entry.techInfo]).toEqual([4, true, Date.UTC(2026, 2, 1, 12), "vector"]);
	});

	it("finds the part of docs/flash-format.md in that image, and it says what the text says", () => {
		const image = gunzipSync(readFileSync(join(__dirname, "../vectors/store-v2.bin.gz")));
		const text = readFileSync(join(__dirname, "../../docs/flash-format.md"), "utf8");
		const lines = /```part\n([^`]+)```/.exec(text)![1].trim().split("\n");
		for (const line of lines) {
			const [at, ...digits] = line.split(/\s+/);
			expect([...image.subarray(parseInt(at, 16), parseInt(at, 16) + 16)]).toEqual(digits.map((pair) => parseInt(pair, 16)));
		}
		const [{ events: count, content }] = parts(image);
		expect(count).toBe(0x34);
		expect([...content.subarray(0, 5)]).toEqual([0x40, 0, 0, 0, 0x1a]);
		expect(image.readUInt16LE(0x4020)).toBe(18 * 1024 + 0x3a1);
	});

	it("as a command: JSON lines on stdout, a sum or the problem on stderr", () => {
		const folder = mkdtempSync(join(tmpdir(), "dump-"));
		const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
			spawnSync(process.execPath, ["build/node/scripts/flash-dump.js", ...args], { encoding: "utf8", maxBuffer: 1 << 26 });
		try {
			const file = join(folder, "image");
			writeFileSync(file, Buffer.concat([Buffer.alloc(8192, 0x11), flash.bytes]));
			const good = run(file, "--offset", "8192", "--size", String(flash.bytes.length));
			expect(good.status).toBe(0);
			const lines = good.stdout.trim().split("\n").map((line) => JSON.parse(line) as { event: object });
			expect(lines.map(({ event }) => event)).toEqual(events);
			expect(good.stderr).toMatch(/^2\d\d\d events, 2\d\d\d of them wait/);
			expect(run(join(folder, "none")).status).toBe(1);
			expect(run(join(folder, "none")).stderr.trim().split("\n").length).toBe(1);
			expect(run(file, "--size", "-1").status).toBe(2);
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	});
});
