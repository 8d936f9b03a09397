// Certificates and keys, and the first write to a blank partition, under power cuts: an entry is whole or absent, the others stay.
// Source: OCPP 2.0.1 Part 2, M05.FR.17; docs/flash-format.md §1 and "The vault".

import { Cell } from "../../modules/storage/cell-ids.js";
import { Cells } from "../../modules/storage/cells.js";
import { Store, StoreState } from "../../modules/storage/store.js";
import { Vault, VaultKind } from "../../modules/storage/vault.js";
import type { Log } from "../../modules/ports/log.js";
import { FlashMemory } from "../board/flash-memory.js";
import { SILENT } from "../traces/queue.js";
import { StoreCase, type Trial } from "./sweep.js";

/** Four of them are the vault's. */
const BLOCKS = 24;
const SMALL = 11;

export function bootVault(flash: FlashMemory, log: Log = SILENT): Vault {
	return new Vault(flash, new Uint8Array(1024), log);
}

/** Kind and payload of every entry, as text. */
export function contents(vault: Vault): string[] {
	const list: string[] = [];
	for (let place = 0; place < vault.places; place++) {
		if (!vault.look(place)) continue;
		const bytes = new Uint8Array(4096);
		const n = vault.bytes;
		const kind = vault.kind;
		vault.load(place, 0, n, bytes);
		list.push(`${kind}:${Buffer.from(bytes.subarray(0, n)).toString("latin1")}`);
	}
	return list.sort();
}

/** Keeps a text as an entry; its place, or -1. */
export function put(vault: Vault, kind: number, text: string): number {
	return vault.add(kind, new Uint8Array(Buffer.from(text)), 0, text.length, null);
}

const NEW_ROOT = "n".repeat(700);
const SCRIPT: readonly ((vault: Vault) => void)[] = [
	(vault) => put(vault, VaultKind.csmsRoot, NEW_ROOT),
	(vault) => vault.remove(vault.find(VaultKind.manufacturerRoot, 0)),
	(vault) => put(vault, VaultKind.station, "key and chain"),
];
/** What is there before the script and after each of its steps. */
const STATES: readonly (readonly string[])[] = [
	["1:old root", "2:maker"], [`1:${NEW_ROOT}`, "1:old root", "2:maker"], [`1:${NEW_ROOT}`, "1:old root"], [`1:${NEW_ROOT}`, "1:old root", "4:key and chain"],
];

const vaultCase = new StoreCase("vault", (): Trial => {
	const flash = new FlashMemory(BLOCKS);
	const first = bootVault(flash);
	put(first, VaultKind.csmsRoot, "old root");
	put(first, VaultKind.manufacturerRoot, "maker");
	// A place that has been used before.
	first.remove(put(first, VaultKind.csmsRoot, "gone ".repeat(100)));
	let done = 0;
	return {
		flash,
		play: () => {
			const vault = bootVault(flash);
			for (; done < SCRIPT.length && !flash.isOff; done++) SCRIPT[done](vault);
		},
		boot: (its) => void bootVault(its),
		judge: (its) => {
			const found = contents(bootVault(its)).join("|");
			const allowed = [Math.max(0, done - 1), done].map((i) => [...STATES[i]].sort().join("|"));
			if (!allowed.includes(found)) return `found ${found} after ${done} steps`;
			const again = bootVault(its);
			return again.free() < 0 || put(again, VaultKind.csmsRoot, "later") >= 0 ? "" : "takes no more entries";
		},
	};
});

/** A blank partition gets its first header, or one that is not ours is formatted. */
function firstCase(name: string, isForeign: boolean): StoreCase {
	return new StoreCase(`store-${name}`, (): Trial => {
		const flash = new FlashMemory(SMALL);
		if (isForeign) flash.bytes.fill(0x5a);
		const open = (its: FlashMemory): { state: StoreState; store: Store } => {
			const store = new Store(its, SILENT);
			const found = store.open();
			// The owner asks for a format until it is done.
			return { store, state: isForeign && found === StoreState.corrupt ? store.format() : found };
		};
		return {
			flash,
			play: () => void open(flash),
			boot: (its) => void open(its),
			judge: (its) => {
				const { state, store } = open(its);
				if (state !== StoreState.ready) return `store state ${state}`;
				return new Cells(store.cells, store.scratch, SILENT).set(Cell.bootCount, "1") ? "" : "takes no value";
			},
		};
	});
}

export const VAULT_CASES: readonly StoreCase[] = [vaultCase, firstCase("blank", false), firstCase("format", true)];
