// What is in the vault of a flash, seen from outside of the firmware.

import { CLIENT_KEY_BYTES, VAULT_HEADER_BYTES, Vault, VaultKind, vaultBlocksOf } from "../../modules/storage/vault.js";
import { FlashMemory } from "../board/flash-memory.js";

/** The vault of a flash as a boot finds it. */
export function vaultOf(flash: FlashMemory): Vault {
	return new Vault(new FlashMemory(flash.blocks, flash.blockBytes, flash.bytes), new Uint8Array(1024), { event: () => undefined });
}

/** Private keys that are on a flash. */
export function privateKeys(flash: FlashMemory): Buffer[] {
	const vault = vaultOf(flash);
	const keys: Buffer[] = [];
	const first = flash.blocks - vaultBlocksOf(flash.blocks);
	for (let place = 0; place < vault.places; place++) {
		if (!vault.look(place) || vault.kind < VaultKind.pendingKey) continue;
		const at = vault.kind === VaultKind.station ? vault.bytes - CLIENT_KEY_BYTES - 4 : 0;
		const from = (first + place) * flash.blockBytes + VAULT_HEADER_BYTES + at;
		keys.push(Buffer.from(flash.bytes.slice(from, from + 32)));
	}
	return keys;
}
