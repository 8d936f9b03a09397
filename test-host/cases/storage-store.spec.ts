// What the station does with the partition that it finds, and the written format, byte by byte.

import "../board/xs-globals.js";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "../../modules/core/crc.js";
import { LogCode } from "../../modules/ports/events.js";
import { Cell } from "../../modules/storage/cell-ids.js";
import { Cells } from "../../modules/storage/cells.js";
import { Outbox } from "../../modules/storage/outbox.js";
import { Store, StoreState } from "../../modules/storage/store.js";
import { FileFlash, FlashProblem } from "../board/flash-file.js";
import { FlashMemory } from "../board/flash-memory.js";
import { LogList } from "../cuts/kit.js";
import { SHORT, sweep } from "../cuts/sweep.js";
import { VAULT_CASES } from "../cuts/vault.js";
import type { TransactionEventRequest } from "../../preload/payloads.js";

/** Blocks of the smallest partition: 4 of cells, 4 of the queue, 3 of the journal. */
const SMALL = 11;

interface Opened {
	store: Store;
	state: StoreState;
	cells: Cells;
	outbox: Outbox;
}

function open(flash: FlashMemory | FileFlash, events = new LogList()): Opened {
	const store = new Store(flash, events);
	const state = store.open();
	if (state !== StoreState.ready) return { store, state } as Opened;
	return { store, state, cells: new Cells(store.cells, store.scratch, events), outbox: new Outbox(store.queue, store.scratch, events) };
}

const TRANSACTION = "0b9d5d4e-2f6c-4d7e-9d55-0123456789ab";
const STARTED: TransactionEventRequest = {
	eventType: "Started", timestamp: "2026-03-01T12:00:00.000Z", triggerReason: "Authorized", seqNo: 0,
	transactionInfo: { transactionId: TRANSACTION }, evse: { id: 1, connectorId: 1 },
};

function updated(seqNo: number, value: number): TransactionEventRequest {
	const timestamp = `2026-03-01T12:0${seqNo}:00.000Z`;
	return {
		eventType: "Updated", timestamp, triggerReason: "MeterValuePeriodic", seqNo,
		transactionInfo: { transactionId: TRANSACTION }, meterValue: [{ timestamp, sampledValue: [{ value }] }],
	};
}

/** A store with a bit of everything. */
function used(): FlashMemory {
	const flash = new FlashMemory(SMALL);
	const { cells, outbox } = open(flash);
	cells.setNumber(Cell.bootCount, 1);
	cells.set(32, "60");
	cells.erase(32);
	outbox.append(STARTED);
	outbox.append(updated(1, 1234.5));
	outbox.append(updated(2, 1300));
	outbox.acknowledge();
	return flash;
}

/** The bytes of the example in docs/flash-format.md; all others are blank. */
function documented(): Uint8Array {
	const text = readFileSync(join(__dirname, "../../docs/flash-format.md"), "utf8");
	const bytes = new Uint8Array(SMALL * 4096).fill(0xff);
	const block = /```flash\n([^`]+)```/.exec(text);
	for (const line of block![1].trim().split("\n")) {
		const [at, ...digits] = line.split(/\s+/);
		digits.forEach((pair, i) => (bytes[Number.parseInt(at, 16) + i] = Number.parseInt(pair, 16)));
	}
	return bytes;
}

describe("storage store", () => {
	it("the example of docs/flash-format.md is what the calls that it names write", () => {
		expect(used().bytes).toEqual(documented());
	});

	it("the example of docs/flash-format.md is read as it says", () => {
		const { state, cells, outbox } = open(new FlashMemory(SMALL, 4096, documented()));
		expect(state).toBe(StoreState.ready);
		expect(cells.getNumber(Cell.bootCount, 0)).toBe(1);
		expect(cells.get(32)).toBeUndefined();
		expect(outbox.count).toBe(2);
		expect(outbox.peek()).toEqual({ ...updated(1, 1234.5), offline: true });
		const seen: [TransactionEventRequest, boolean][] = [];
		outbox.iterate((event, acknowledged) => seen.push([event, acknowledged]));
		expect(seen).toEqual([[STARTED, true], [updated(1, 1234.5), false], [updated(2, 1300), false]]);
	});

	it("the example of docs/flash-format.md keeps its checks by plain arithmetic on the text", () => {
		const bytes = documented();
		const u32 = (at: number): number => new DataView(bytes.buffer).getUint32(at, true);
		expect(u32(0x10)).toBe(crc32(bytes, 0, 16));
		expect(u32(0x5010)).toBe(crc32(bytes, 0x5000, 0x5010));
		const place = 1 * 65536 + 0x20;
		expect(bytes[0x5020] + 256 * bytes[0x5021]).toBe(16 * 1024 + 40);
		expect(u32(0x5024)).toBe(crc32(bytes, 0x5028, 0x5028 + 40, crc32(bytes, 0x5020, 0x5022, place)));
	});

	it("a store of a newer format is reported and not touched", () => {
		const flash = used();
		for (const at of [0, 0x5000]) {
			flash.bytes[at + 4] = 3;
			const check = crc32(flash.bytes, at, at + 16);
			for (let i = 0; i < 4; i++) flash.bytes[at + 16 + i] = check >>> (8 * i);
		}
		const image = flash.bytes.slice();
		const before = flash.writes + flash.erases;
		expect(open(flash).state).toBe(StoreState.newer);
		expect(flash.writes + flash.erases).toBe(before);
		expect(flash.bytes).toEqual(image);
	});

	it("one block of a newer format is enough to keep off", () => {
		const flash = used();
		flash.bytes[0x5004] = 7;
		const check = crc32(flash.bytes, 0x5000, 0x5010);
		for (let i = 0; i < 4; i++) flash.bytes[0x5010 + i] = check >>> (8 * i);
		expect(open(flash).state).toBe(StoreState.newer);
	});

	it("a partition that is not ours is corrupt and not touched until the owner formats it", () => {
		const strange: ((bytes: Uint8Array) => void)[] = [
			(bytes) => bytes.fill(0),
			(bytes) => bytes.set(new TextEncoder().encode("SQLite format 3")),
			(bytes) => { for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7919) >> 3; },
			(bytes) => { bytes[20_000] = 0; },
			(bytes) => { bytes[33] = 1; },
		];
		for (const spoil of strange) {
			const flash = new FlashMemory(SMALL);
			spoil(flash.bytes);
			const image = flash.bytes.slice();
			const { state, store } = open(flash);
			expect(state).toBe(StoreState.corrupt);
			expect(flash.bytes).toEqual(image);
			expect(flash.writes + flash.erases).toBe(0);
			expect(store.format()).toBe(StoreState.ready);
			expect(open(flash).cells.set(Cell.bootCount, "1")).toBeTrue();
		}
	});

	it("corrupt headers everywhere are reported, one corrupt header costs its block only", () => {
		const flash = used();
		for (let i = 0; i < 12; i++) flash.bytes[0x5000 + i] ^= 0x3c;
		const { state, cells, outbox } = open(flash);
		expect(state).toBe(StoreState.ready);
		expect(cells.getNumber(Cell.bootCount, 0)).toBe(1);
		expect(outbox.count).toBe(0);
		for (let i = 0; i < 12; i++) flash.bytes[i] ^= 0x3c;
		const image = flash.bytes.slice();
		expect(open(flash).state).toBe(StoreState.corrupt);
		expect(flash.bytes).toEqual(image);
	});

	it("every single flipped bit of a header is made up for", () => {
		for (let bit = 0; bit < 20 * 8; bit++) {
			for (const base of [0, 0x5000]) {
				const flash = used();
				flash.flip(base + (bit >> 3), bit & 7);
				const { state, cells, outbox } = open(flash);
				if (state !== StoreState.ready || cells.getNumber(Cell.bootCount, 0) !== 1 || outbox.count !== 2) fail(`bit ${bit} at ${base}`);
			}
		}
	});

	it("a cut while a blank partition gets its first header, or another one is formatted, leaves a store that opens", () => {
		for (const its of VAULT_CASES.slice(1)) {
			const { operations, failures } = sweep(its, { ...SHORT, draws: 39, prefixStep: 1 });
			expect(failures).toEqual([]);
			expect(operations).toBeGreaterThan(1);
		}
	});

	it("a flash that cannot be read is reported as failed, a partition too small or odd as unusable", () => {
		const flash = used();
		flash.failReads = 1;
		const events = new LogList();
		expect(open(flash, events).state).toBe(StoreState.failed);
		expect(events.times(LogCode.flashFailed)).toBe(1);
		expect(open(flash).state).toBe(StoreState.ready);
		expect(open(new FlashMemory(SMALL - 1)).state).toBe(StoreState.unusable);
		expect(open(new FlashMemory(300)).state).toBe(StoreState.unusable);
		expect(open(new FlashMemory(SMALL, 1024)).state).toBe(StoreState.unusable);
	});

	it("the division on flash wins over the one asked for", () => {
		const flash = new FlashMemory(23);
		const events = new LogList();
		const first = new Store(flash, events, flash.blocks, 6);
		expect(first.open()).toBe(StoreState.ready);
		expect(first.queue.blocks).toBe(14);
		const second = new Store(flash, events, flash.blocks, 9);
		expect(second.open()).toBe(StoreState.ready);
		expect(second.queue.blocks).toBe(14);
	});

	it("larger blocks work the same", () => {
		const flash = new FlashMemory(SMALL, 16384);
		for (let i = 0; i < 600; i++) open(flash).cells.setNumber(Cell.bootCount, i);
		expect(open(flash).cells.getNumber(Cell.bootCount, 0)).toBe(599);
	});
});

describe("storage flash file", () => {
	let directory = "";
	beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "flash-"))));
	afterEach(() => rmSync(directory, { recursive: true, force: true }));

	it("keeps what was written, obeys the NOR rules, counts, and agrees with the flash in memory", () => {
		const path = join(directory, "flash.bin");
		let file = new FileFlash(path, 4096, 8);
		const memory = new FlashMemory(8);
		let chance = 9;
		const random = (below: number): number => (chance = (Math.imul(chance, 1664525) + 1013904223) >>> 0) % below;
		for (let i = 0; i < 400; i++) {
			const count = 4 * (1 + random(40));
			const at = 4 * random((8 * 4096 - count) / 4);
			const bytes = Uint8Array.from({ length: count }, () => random(256));
			for (const flash of [file, memory]) {
				flash.write(at, bytes, count);
				if (i % 50 === 0) flash.eraseBlock(i / 50);
			}
		}
		expect(file.writes).toBe(400);
		expect(file.erases).toBe(8);
		expect(file.bytesWritten).toBe(memory.bytesWritten);
		file.close();
		file = new FileFlash(path, 4096, 99);
		expect(file.blocks).toBe(8);
		const all = new Uint8Array(8 * 4096);
		file.read(0, all, all.length);
		expect(all).toEqual(memory.bytes);
		file.close();
		file.close();
	});

	it("a second station on the same store is refused, also in another process, until the first one ends", async () => {
		const path = join(directory, "flash.bin");
		const first = new FileFlash(path, 4096, 8);
		expect(() => new FileFlash(path, 4096, 8)).toThrowError(FlashProblem, /in use by process/);
		first.close();
		new FileFlash(path, 4096, 8).close();
		const child = spawn("sleep", ["60"]);
		const stat = (pid: number): string => {
			try {
				const text = readFileSync(`/proc/${pid}/stat`, "utf8");
				return `${pid} ${text.slice(text.lastIndexOf(")") + 2).split(" ")[19]}`;
			} catch {
				return `${pid}`;
			}
		};
		writeFileSync(path + ".lock", stat(child.pid!));
		expect(() => new FileFlash(path, 4096, 8)).toThrowError(FlashProblem, new RegExp(`process ${child.pid}`));
		child.kill("SIGKILL");
		await new Promise((resolve) => child.once("close", resolve));
		new FileFlash(path, 4096, 8).close();
	});

	it("an image of a broken size is refused and left alone", () => {
		const path = join(directory, "flash.bin");
		writeFileSync(path, "no flash");
		expect(() => new FileFlash(path, 4096, 8)).toThrowError(FlashProblem);
		expect(readFileSync(path, "utf8")).toBe("no flash");
		expect(() => new FileFlash(join(directory, "none", "flash.bin"), 4096, 8)).toThrowError(FlashProblem);
	});

	it("a store lives in a file over many boots", () => {
		const path = join(directory, "flash.bin");
		for (let i = 0; i < 20; i++) {
			const file = new FileFlash(path, 4096, 16);
			const { cells, outbox } = open(file);
			expect(cells.getNumber(Cell.bootCount, 0)).toBe(i);
			cells.setNumber(Cell.bootCount, i + 1);
			outbox.append({ ...updated(1, 1234.5), seqNo: i });
			expect(outbox.count).toBe(i + 1);
			file.close();
		}
	});
});
