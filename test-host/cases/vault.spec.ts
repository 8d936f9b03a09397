// The vault on flash: what is kept survives every power cut, what is removed stays removed, bad blocks are gone round.

import "../board/xs-globals.js";
import { Certificate, parseCertificate } from "../../modules/core/der.js";
import { LogCode } from "../../modules/ports/events.js";
import { Vault, VAULT_HEADER_BYTES, VaultKind, vaultBlocksOf } from "../../modules/storage/vault.js";
import { FlashMemory, PowerCut, TORN } from "../board/flash-memory.js";
import { issue } from "./pki.js";

const BLOCKS = 24;
const PLACES = 4;

class Events {
	readonly codes: number[] = [];
	event(code: number): void {
		this.codes.push(code);
	}
}

function boot(flash: FlashMemory, events = new Events()): Vault {
	return new Vault(flash, new Uint8Array(1024), events);
}

/** Kind and payload of every entry, as text. */
function contents(vault: Vault): string[] {
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

const payload = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const put = (vault: Vault, kind: number, text: string): number => vault.add(kind, payload(text), 0, text.length, null);

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
		let cuts = 0;
		const before = ["1:old root", "2:maker"];
		const script: ((vault: Vault) => void)[] = [
			(vault) => put(vault, VaultKind.csmsRoot, "n".repeat(700)),
			(vault) => vault.remove(vault.find(VaultKind.manufacturerRoot, 0)),
			(vault) => put(vault, VaultKind.station, "key and chain"),
		];
		const states = [before, [`1:${"n".repeat(700)}`, ...before], [`1:${"n".repeat(700)}`, before[0]], [`1:${"n".repeat(700)}`, before[0], "4:key and chain"]];
		for (const torn of TORN) {
			for (let n = 1; ; n++) {
				const flash = new FlashMemory(BLOCKS);
				const first = boot(flash);
				put(first, VaultKind.csmsRoot, "old root");
				put(first, VaultKind.manufacturerRoot, "maker");
				// A place that has been used before.
				first.remove(put(first, VaultKind.csmsRoot, "gone ".repeat(100)));
				flash.cutAt(n, torn);
				let done = 0;
				try {
					const vault = boot(flash);
					for (; done < script.length && !flash.isOff; done++) script[done](vault);
				} catch (error) {
					if (!(error instanceof PowerCut)) throw error;
				}
				if (!flash.isOff) break;
				cuts++;
				flash.powerOn();
				const found = contents(boot(flash)).join("|");
				const allowed = [Math.max(0, done - 1), done].map((i) => [...states[i]].sort().join("|"));
				expect(allowed).withContext(`${torn} ${n}`).toContain(found);
				// And it can go on from there.
				const again = boot(flash);
				if (again.free() >= 0) expect(put(again, VaultKind.csmsRoot, "later")).toBeGreaterThanOrEqual(0);
			}
		}
		expect(cuts).toBeGreaterThan(40);
	});

	it("a block that fails is gone round, a payload that has lost bits is reported and dropped", () => {
		const flash = new FlashMemory(BLOCKS);
		flash.bad.add(BLOCKS - PLACES);
		expect(put(boot(flash), VaultKind.csmsRoot, "good")).toBe(1);
		flash.flip((BLOCKS - PLACES + 1) * 4096 + VAULT_HEADER_BYTES + 1, 3);
		const events = new Events();
		expect(contents(boot(flash, events))).toEqual([]);
		expect(events.codes).toContain(LogCode.recordDamaged);
		flash.failReads = 3;
		expect(() => boot(flash)).not.toThrow();
	});
});
