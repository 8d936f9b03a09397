// The ledger of the desktop station: every transaction event as it was generated, in a file of its own, so that a test can
// tell after a power cut whether one was lost. It is written below the firmware, which does not know of it.

import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { StoreProblem } from "../board/board-memory.js";

/** TransactionEventEnumType by the number that Observer.generated gives. */
export const EVENT_TYPES = ["Started", "Updated", "Ended"] as const;

export interface LedgerEntry {
	/** transactionId. */
	tx: string;
	seqNo: number;
	eventType: (typeof EVENT_TYPES)[number];
	/** Milliseconds since 1970 UTC, or null while the clock was never set. */
	t: number | null;
}

const FILE = "ledger.jsonl";

export class Ledger {
	readonly entries: LedgerEntry[] = [];
	private readonly known = new Set<string>();
	private readonly descriptor: number;

	/**
	 * Opens or makes the ledger of a store. A last line that a power cut tore is cut off; its event is in the queue and
	 * is entered again by whoever reads the queue.
	 * @throws StoreProblem when a line before the last is damaged
	 */
	constructor(directory: string) {
		const path = join(directory, FILE);
		let soundBytes = 0;
		let text = "";
		try {
			text = readFileSync(path, "utf8");
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw new StoreProblem(`store: ${(error as Error).message}`);
		}
		const lines = text.split("\n");
		const torn = lines.pop() ?? "";
		for (const line of lines) {
			const entry = entryOf(line);
			if (entry === undefined) throw new StoreProblem(`store is corrupt: ${FILE} line ${this.entries.length + 1} is no entry`);
			this.keep(entry);
			soundBytes += Buffer.byteLength(line) + 1;
		}
		this.descriptor = openSync(path, "a", 0o600);
		if (torn !== "") ftruncateSync(this.descriptor, soundBytes);
	}

	/** True when an event with this seqNo of this transaction is there. */
	has(tx: string, seqNo: number): boolean {
		return this.known.has(keyOf(tx, seqNo));
	}

	/**
	 * Adds an event; when this returns it survives a power cut. A seqNo that comes twice is kept twice: that would be the
	 * firmware's mistake, and this is where it shows.
	 */
	add(tx: string, seqNo: number, eventType: number, utcMs: number): void {
		const entry: LedgerEntry = { tx, seqNo, eventType: EVENT_TYPES[eventType], t: Number.isFinite(utcMs) ? utcMs : null };
		writeSync(this.descriptor, JSON.stringify(entry) + "\n");
		fsyncSync(this.descriptor);
		this.keep(entry);
	}

	/** Entries from `sinceMs` on; those of an unset clock are always among them. */
	list(sinceMs: number = -Infinity): LedgerEntry[] {
		return this.entries.filter((entry) => entry.t === null || entry.t >= sinceMs);
	}

	close(): void {
		closeSync(this.descriptor);
	}

	private keep(entry: LedgerEntry): void {
		this.known.add(keyOf(entry.tx, entry.seqNo));
		this.entries.push(entry);
	}
}

function keyOf(tx: string, seqNo: number): string {
	return `${tx}/${seqNo}`;
}

function entryOf(line: string): LedgerEntry | undefined {
	try {
		const entry = JSON.parse(line) as LedgerEntry;
		const sound = typeof entry.tx === "string" && Number.isInteger(entry.seqNo) && EVENT_TYPES.includes(entry.eventType);
		return sound ? entry : undefined;
	} catch {
		return undefined;
	}
}
