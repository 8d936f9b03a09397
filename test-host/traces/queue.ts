// The queue of a station on the virtual flash, in a partition that is shared out as the station does it: for measurements and
// endurance.

import "../board/xs-globals.js";
import { Outbox } from "../../modules/storage/outbox.js";
import { Store, StoreState } from "../../modules/storage/store.js";
import { vaultBlocksOf } from "../../modules/storage/vault.js";
import type { Log } from "../../modules/ports/log.js";
import { LIMITS } from "../../preload/limits.js";
import { FlashMemory } from "../board/flash-memory.js";

export const SILENT: Log = { event: () => undefined };

/** The receive buffer, which the station lends to its queue; it is full of what was received last. */
const lent = new Uint8Array(LIMITS.rxBytes);

/**
 * Opens the queue on a partition, as a station does at boot.
 * @param blocks  those that are the store's; the others are the vault's
 * @throws when the store is none of ours
 */
export function openQueue(flash: FlashMemory, evses: number, log: Log = SILENT, blocks = flash.blocks - vaultBlocksOf(flash.blocks)): Outbox {
	const store = new Store(flash, log, blocks);
	const state = store.open();
	if (state !== StoreState.ready) throw new Error(`the store cannot be used: state ${state}`);
	const outbox = new (Outbox as new (...parts: unknown[]) => Outbox)(store.queue, store.scratch, log, evses);
	return Object.assign(outbox, { workspace: { borrow: () => lent.fill(0x5a) } });
}

/** Lets the queue do what it does between messages. */
export function settle(outbox: Outbox): void {
	while ((outbox as { step?(): boolean }).step?.());
}

/** Blocks of the queue in a partition. */
export function queueBlocks(flash: FlashMemory): number {
	const store = new Store(flash, SILENT, flash.blocks - vaultBlocksOf(flash.blocks));
	store.open();
	return store.queue.blocks;
}
