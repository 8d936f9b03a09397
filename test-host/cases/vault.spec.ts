// The vault on flash: what is kept survives every power cut, what is removed stays removed, bad blocks are gone round.

import "../board/xs-globals.js";
import { Certificate, parseCertificate } from "../../modules/core/der.js";
import { LogCode } from "../../modules/ports/events.js";
import { VAULT_HEADER_BYTES, VaultKind, vaultBlocksOf } from "../../modules/storage/vault.js";
import { FlashMemory } from "../board/flash-memory.js";
import { LogList } from "../cuts/kit.js";
import { SHORT, sweep } from "../cuts/sweep.js";
import { bootVault as boot, contents, put, VAULT_CASES } from "../cuts/vault.js";
import { issue } from "./pki.js";

const BLOCKS = 24;
const PLACES = 4;

describe("storage vault", () => {
	it("has a quarter of the blocks beyond 8, none on a small partition, 8 at most", () => {
		expect([8, 15, 16, 24, 40, 64, 255].map(vaultBlocksOf)).toEqual([0, 0, 2, PLACES, 8, 8, 8]);
		const small = boot(new FlashMemory(11));
		expect([small.places, put(small, VaultKind.csmsRoot, "x")]).toEqual([0, -1]);
	});

	it("keeps entries over a reboot with their facts, and finds them by kind", () => {
		const flash = new FlashMemory(BLOCKS);
		const { der } = issue({ commonName: "root", isCa: true, serial: [0, 0x81, 2] });
		const c = new Certificate();
		const shifted = Buffer.concat([Buffer.alloc(13), der]);
		expect(parseCertificate(shifted, 13, shifted.length, c)).toBeTrue();
		expect(boot(flash).add(VaultKind.csmsRoot, shifted, 13, shifted.length, c)).toBe(0);
		put(boot(flash), VaultKind.manufacturerRoot, "m");
		const vault = boot(flash);
		expect([vault.count(VaultKind.csmsRoot), vault.count(VaultKind.manufacturerRoot), vault.count(VaultKind.station)]).toEqual([1, 1, 0]);
		expect(vault.find(VaultKind.manufacturerRoot, 0)).toBe(1);
		expect(vault.find(VaultKind.csmsRoot, 0)).toBe(0);
		expect([vault.bytes, vault.nameFrom, vault.serialTo - vault.serialFrom]).toEqual([der.length, c.issuerFrom - 13, 2]);
		expect(vault.holds(0, VaultKind.csmsRoot, shifted, 13, shifted.length)).toBeTrue();
		expect(vault.holds(0, VaultKind.csmsRoot, shifted, 12, shifted.length - 1)).toBeFalse();
		expect(vault.holds(0, VaultKind.manufacturerRoot, shifted, 13, shifted.length)).toBeFalse();
	});

	it("takes payloads of every length up to a block less its header, and no longer one", () => {
		const flash = new FlashMemory(BLOCKS);
		for (const n of [1, 2, 3, 4, 255, 256, 257, 4063, 4096 - VAULT_HEADER_BYTES]) {
			const vault = boot(flash);
			const place = put(vault, VaultKind.csmsRoot, "z".repeat(n));
			expect(contents(boot(flash))).toEqual([`1:${"z".repeat(n)}`]);
			expect(vault.remove(place)).toBeTrue();
		}
		expect(put(boot(flash), VaultKind.csmsRoot, "z".repeat(4097 - VAULT_HEADER_BYTES))).toBe(-1);
	});

	it("M05.FR.06 is full after as many entries as it has places, and takes one again when one has gone", () => {
		const vault = boot(new FlashMemory(BLOCKS));
		for (let i = 0; i < PLACES; i++) expect(put(vault, VaultKind.csmsRoot, `${i}`)).toBe(i);
		expect([vault.free(), put(vault, VaultKind.csmsRoot, "more")]).toEqual([-1, -1]);
		expect(vault.remove(2)).toBeTrue();
		expect([vault.free(), put(vault, VaultKind.csmsRoot, "more")]).toEqual([2, 2]);
	});

	it("what is removed leaves no byte on flash: a key cannot be found in the block", () => {
		const flash = new FlashMemory(BLOCKS);
		const vault = boot(flash);
		const place = put(vault, VaultKind.pendingKey, "secret key of 32 bytes, or so it is");
		expect(Buffer.from(flash.bytes).includes("secret key")).toBeTrue();
		vault.remove(place);
		expect(Buffer.from(flash.bytes).includes("secret key")).toBeFalse();
	});

	it("M05.FR.17 at every power cut an entry is whole or absent, and the others stay", () => {
		const { operations, failures } = sweep(VAULT_CASES[0], { ...SHORT, prefixStep: 4, draws: 4 });
		expect(failures).toEqual([]);
		expect(operations).toBeGreaterThan(8);
	});

	it("a block that fails is gone round, a payload that has lost bits is reported and dropped", () => {
		const flash = new FlashMemory(BLOCKS);
		flash.bad.add(BLOCKS - PLACES);
		expect(put(boot(flash), VaultKind.csmsRoot, "good")).toBe(1);
		flash.flip((BLOCKS - PLACES + 1) * 4096 + VAULT_HEADER_BYTES + 1, 3);
		const events = new LogList();
		expect(contents(boot(flash, events))).toEqual([]);
		expect(events.times(LogCode.recordDamaged)).toBe(1);
		flash.failReads = 3;
		expect(() => boot(flash)).not.toThrow();
	});
});
