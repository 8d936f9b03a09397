// The vault: certificates and the station's own key, each in an erase block of its own at the end of the partition. An
// entry counts once its header is written, which is the last thing written, and stops counting when that is zeroed; so
// no power cut leaves half a certificate, and nothing ever has to be moved.
// Owns: those blocks. Not: what may be installed (blocks/certificates.ts). Format: docs/flash-format.md, "The vault".

import { crc32 } from "../core/crc.js";
import type { Certificate } from "../core/der.js";
import { LogCode } from "../ports/events.js";
import type { FlashPartition } from "../ports/flash.js";
import type { Log } from "../ports/log.js";
import { putU32, u16, u32 } from "./log.js";

/** What an entry is; byte 5 of its header. Never changed or given out again. */
export const enum VaultKind { none = 0, csmsRoot = 1, manufacturerRoot = 2, pendingKey = 3, station = 4 }

export const VAULT_VERSION = 1;
/** Bytes of the header in front of the payload. */
export const VAULT_HEADER_BYTES = 32;
export const VAULT_BLOCKS_MAX = 8;

/** A key: private key, public point. In a station entry the chain is in front of it, its end (UTC seconds) behind. */
export const CLIENT_KEY_BYTES = 32 + 65;
export const CLIENT_TAIL_BYTES = CLIENT_KEY_BYTES + 4;

/** Bytes of the payload that a write or check takes at once. */
const PIECE_BYTES = 256;

/** Blocks for the vault of a partition with `blocks` blocks: a quarter of what is beyond 8, at most 8. */
export function vaultBlocksOf(blocks: number): number {
	const quarter = (blocks - 8) >> 2;
	return quarter < 2 ? 0 : quarter > VAULT_BLOCKS_MAX ? VAULT_BLOCKS_MAX : quarter;
}

function put16(bytes: Uint8Array, at: number, value: number): void {
	bytes[at] = value & 0xff;
	bytes[at + 1] = (value >> 8) & 0xff;
}

/** Bytes of the certificate that begins with head[0, 4): its header and content. */
function derBytes(head: Uint8Array): number {
	const first = head[1]!;
	if (first < 0x80) return 2 + first;
	return first === 0x81 ? 3 + head[2]! : 4 + head[2]! * 256 + head[3]!;
}

export class Vault {
	private readonly flash: FlashPartition;
	/** Shared: every call may change it. */
	readonly scratch: Uint8Array;
	private readonly diagnostics: Log;
	private readonly firstBlock: number;
	/** Places, used or not. */
	readonly places: number;
	private nextSequence = 1;

	// The entry that look() has found.
	kind = 0;
	bytes = 0;
	sequence = 0;
	private check = 0;
	/** Ranges inside the payload: the issuer's name, the issuer's key bits, the serial number. */
	nameFrom = 0;
	nameTo = 0;
	keyFrom = 0;
	keyTo = 0;
	serialFrom = 0;
	serialTo = 0;

	/** @param scratch  at least 512 bytes, shared with others; every call may change it */
	constructor(flash: FlashPartition, scratch: Uint8Array, diagnostics: Log) {
		this.flash = flash;
		this.scratch = scratch;
		this.diagnostics = diagnostics;
		this.places = vaultBlocksOf(flash.blocks);
		this.firstBlock = flash.blocks - this.places;
		this.mount();
	}

	/**
	 * Most roots: where there is room, three places are kept free for the station's own certificate, its successor and the
	 * key of the next one.
	 */
	get rootsMax(): number {
		return this.places < 6 ? this.places : this.places - 3;
	}

	/** Longest payload. */
	get bytesMax(): number {
		return this.flash.blockBytes - VAULT_HEADER_BYTES;
	}

	/** Entries of a kind. */
	count(kind: number): number {
		let count = 0;
		for (let place = 0; place < this.places; place++) if (this.look(place) && this.kind === kind) count++;
		return count;
	}

	/** Place of the first entry of a kind at or behind `from`, -1 when there is none. Its facts are in the fields. */
	find(kind: number, from: number): number {
		for (let place = from; place < this.places; place++) if (this.look(place) && this.kind === kind) return place;
		return -1;
	}

	/** Place of the entry of a kind that was kept first or last, -1 when there is none. Its facts are in the fields. */
	byAge(kind: number, isFirst: boolean): number {
		let found = -1;
		let sequence = 0;
		for (let place = this.find(kind, 0); place >= 0; place = this.find(kind, place + 1)) {
			if (found >= 0 && this.sequence < sequence !== isFirst) continue;
			found = place;
			sequence = this.sequence;
		}
		if (found >= 0) this.look(found);
		return found;
	}

	/** True when an entry is at `place`; its facts are in the fields then. One read. */
	look(place: number): boolean {
		this.kind = VaultKind.none;
		const head = this.scratch;
		if (place >= this.places || !this.readAt(place, 0, head, VAULT_HEADER_BYTES)) return false;
		if (head[0] !== 0x4f || head[1] !== 0x43 || head[2] !== 0x53 || head[3] !== 0x56) return false;
		if (head[4] !== VAULT_VERSION || crc32(head, 0, 28) !== u32(head, 28)) return false;
		this.bytes = u16(head, 6);
		if (this.bytes > this.bytesMax) return false;
		this.kind = head[5];
		this.sequence = u32(head, 8);
		this.check = u32(head, 12);
		this.nameFrom = u16(head, 16);
		this.nameTo = this.nameFrom + u16(head, 18);
		this.keyFrom = u16(head, 20);
		this.keyTo = this.keyFrom + u16(head, 22);
		this.serialFrom = u16(head, 24);
		this.serialTo = this.serialFrom + u16(head, 26);
		return true;
	}

	/** Reads payload[from, to) of a place to bytes[0, …). False when the flash cannot be read. */
	load(place: number, from: number, to: number, bytes: Uint8Array): boolean {
		return this.readAt(place, VAULT_HEADER_BYTES + from, bytes, to - from);
	}

	/**
	 * Reads part `part` of an entry of kind `station`, from its byte `from` on, to bytes[0, …): 0 is the private key, 1
	 * and what follows are the certificates. Returns the length of the whole part, 0 when there is none.
	 */
	loadPart(place: number, part: number, bytes: Uint8Array, from: number): number {
		if (!this.look(place)) return 0;
		const end = this.bytes - CLIENT_TAIL_BYTES;
		const head = this.scratch;
		let at = end;
		let count = 32;
		if (part > 0) {
			for (at = 0, count = 0; part > 0; part--) {
				at += count;
				if (at >= end || !this.load(place, at, at + 4, head)) return 0;
				count = derBytes(head);
			}
		}
		const to = Math.min(count, from + bytes.length);
		return from < to && this.load(place, at + from, at + to, bytes) ? count : 0;
	}

	/** True when a place of kind `kind` holds exactly bytes[from, to). */
	holds(place: number, kind: number, bytes: Uint8Array, from: number, to: number): boolean {
		if (!this.look(place) || this.kind !== kind || this.bytes !== to - from) return false;
		for (let done = 0; done < this.bytes; done += PIECE_BYTES) {
			const n = Math.min(PIECE_BYTES, this.bytes - done);
			if (!this.load(place, done, done + n, this.scratch)) return false;
			for (let i = 0; i < n; i++) if (this.scratch[i] !== bytes[from + done + i]) return false;
		}
		return true;
	}

	/** A place without an entry, -1 when all are taken. */
	free(): number {
		for (let place = 0; place < this.places; place++) if (!this.look(place)) return place;
		return -1;
	}

	/**
	 * Keeps bytes[from, to) as an entry of `kind`. `c`, where given, says where in `bytes` its issuer's name, its issuer's
	 * key (its own) and its serial number are. `bytes` may not be the scratch buffer.
	 * @returns its place: it survives a power cut from now on; -1 when there is no room or the flash refuses
	 * Cost: an erase, a write per 256 bytes and one for the header; all is read back.
	 */
	add(kind: number, bytes: Uint8Array, from: number, to: number, c: Certificate | null): number {
		if (to - from > this.bytesMax) return -1;
		for (let place = 0; place < this.places; place++) {
			if (!this.look(place) && this.addAt(place, kind, bytes, from, to, c)) return place;
		}
		return -1;
	}

	private addAt(
		place: number, kind: number, bytes: Uint8Array, from: number, to: number, c: Certificate | null,
	): boolean {
		const piece = this.scratch;
		const count = to - from;
		// A header that is neither blank nor zero could read as one when an erase is interrupted.
		if (!this.bury(place) || !this.erase(place)) return false;
		for (let done = 0; done < count; done += PIECE_BYTES) {
			const n = Math.min(PIECE_BYTES, count - done);
			const padded = (n + 3) & ~3;
			for (let i = 0; i < n; i++) piece[i] = bytes[from + done + i];
			piece.fill(0xff, n, padded);
			if (!this.writeAt(place, VAULT_HEADER_BYTES + done, piece, padded)) return false;
		}
		const check = crc32(bytes, from, to);
		if (this.checkOf(place, count) !== check) return false;
		piece.fill(0, 0, VAULT_HEADER_BYTES);
		piece[0] = 0x4f;
		piece[1] = 0x43;
		piece[2] = 0x53;
		piece[3] = 0x56;
		piece[4] = VAULT_VERSION;
		piece[5] = kind;
		put16(piece, 6, count);
		putU32(piece, 8, this.nextSequence++);
		putU32(piece, 12, check);
		if (c !== null) {
			put16(piece, 16, c.issuerFrom - from);
			put16(piece, 18, c.issuerTo - c.issuerFrom);
			put16(piece, 20, c.keyFrom - from);
			put16(piece, 22, c.keyTo - c.keyFrom);
			put16(piece, 24, c.serialFrom - from);
			put16(piece, 26, c.serialTo - c.serialFrom);
		}
		putU32(piece, 28, crc32(piece, 0, 28));
		if (this.writeAt(place, 0, piece, VAULT_HEADER_BYTES) && this.look(place) && this.kind === kind) return true;
		this.bury(place);
		return false;
	}

	/** Forgets an entry; what it held is erased. True when it stays forgotten over a power cut. */
	remove(place: number): boolean {
		if (!this.bury(place)) return false;
		// Nobody should find a key in the rest of the block; failing is no harm to what counts.
		this.erase(place);
		return true;
	}

	/** Zeroes the header of a place unless it is blank or zero already. */
	private bury(place: number): boolean {
		const head = this.scratch;
		if (!this.readAt(place, 0, head, VAULT_HEADER_BYTES)) return false;
		let clear = true;
		let blank = true;
		for (let i = 0; i < VAULT_HEADER_BYTES; i++) {
			if (head[i] !== 0) clear = false;
			if (head[i] !== 0xff) blank = false;
		}
		if (clear || blank) return true;
		head.fill(0, 0, VAULT_HEADER_BYTES);
		return this.writeAt(place, 0, head, VAULT_HEADER_BYTES) && !this.look(place);
	}

	/**
	 * Clears what a power cut has left: half headers are zeroed, the newest header is written once more (its bits may be
	 * half programmed), and an entry whose payload has gone bad is reported and dropped.
	 */
	private mount(): void {
		let newest = -1;
		for (let place = 0; place < this.places; place++) {
			if (!this.look(place)) {
				this.bury(place);
				continue;
			}
			if (this.checkOf(place, this.bytes) !== this.check) {
				this.diagnostics.event(LogCode.recordDamaged, this.firstBlock + place, 0);
				this.bury(place);
				continue;
			}
			if (this.sequence < this.nextSequence) continue;
			this.nextSequence = this.sequence + 1;
			newest = place;
		}
		if (newest >= 0 && this.look(newest)) this.writeAt(newest, 0, this.scratch, VAULT_HEADER_BYTES);
	}

	/** CRC of the payload of a place; -1 when it cannot be read. */
	private checkOf(place: number, count: number): number {
		let check = 0;
		for (let done = 0; done < count; done += PIECE_BYTES) {
			const n = Math.min(PIECE_BYTES, count - done);
			if (!this.load(place, done, done + n, this.scratch)) return -1;
			check = crc32(this.scratch, 0, n, check);
		}
		return check;
	}

	private offset(place: number): number {
		return (this.firstBlock + place) * this.flash.blockBytes;
	}

	private readAt(place: number, at: number, bytes: Uint8Array, count: number): boolean {
		try {
			this.flash.read(this.offset(place) + at, bytes, count);
			return true;
		} catch {
			this.diagnostics.event(LogCode.flashFailed, 1, this.firstBlock + place);
			return false;
		}
	}

	private writeAt(place: number, at: number, bytes: Uint8Array, count: number): boolean {
		try {
			this.flash.write(this.offset(place) + at, bytes, count);
			return true;
		} catch {
			this.diagnostics.event(LogCode.flashFailed, 2, this.firstBlock + place);
			return false;
		}
	}

	private erase(place: number): boolean {
		try {
			this.flash.eraseBlock(this.firstBlock + place);
			return true;
		} catch {
			this.diagnostics.event(LogCode.flashFailed, 3, this.firstBlock + place);
			return false;
		}
	}
}
