// Whom TLS may trust, seen from the station: the roots in the vault and a time that is never earlier than it can be.
// Owns: the earliest possible time over reboots, the dates of the server at hand, which refusals were told already.
// Source: OCPP 2.0.1 Part 2, A00.FR.308 to A00.FR.316; docs/decisions/0011-clock-never-set.md.

import { LIMITS } from "../../preload/limits.js";
import type { Clock } from "../ports/clock.js";
import { SocketError } from "../ports/events.js";
import type { Trust } from "../ports/socket.js";
import { Cell } from "../storage/cell-ids.js";
import type { Cells } from "../storage/cells.js";
import { VaultKind, type Vault } from "../storage/vault.js";

/** The floor is written when the clock is so far ahead of it: at most one write a day. */
const FLOOR_STEP_MS = 86_400_000;

/** Hears of a server that was refused, and of a certificate of the station that never worked and is gone. */
export interface RefusalListener {
	onServerRefused(error: number): void;
	onCertificateDiscarded(): void;
}

/** What the connection that is being made shows of the station. */
export interface ClientChoice {
	readonly securityProfile: number;
	readonly usesOldCertificate: boolean;
}

export class StationTrust implements Trust {
	floorMs: number;
	private readonly vault: Vault;
	private readonly clock: Clock;
	private readonly cells: Cells;
	private readonly listener: RefusalListener;
	private notBeforeMs = NaN;
	private notAfterMs = NaN;
	/** Set once the network profiles are there. */
	choice: ClientChoice | null = null;
	/** A bit per SocketError that was told since the last connection that stood. */
	private told = 0;

	constructor(vault: Vault, clock: Clock, cells: Cells, listener: RefusalListener) {
		this.vault = vault;
		this.clock = clock;
		this.cells = cells;
		this.listener = listener;
		this.floorMs = Math.max(LIMITS.buildUtcMs, cells.getNumber(Cell.timeFloor, 0) * 1000);
	}

	get roots(): number {
		return this.vault.count(VaultKind.csmsRoot);
	}

	get utcMs(): number {
		return this.clock.utc();
	}

	loadRoot(index: number, bytes: Uint8Array, from: number): number {
		const vault = this.vault;
		let place = -1;
		do {
			place = vault.find(VaultKind.csmsRoot, place + 1);
			if (place < 0) return 0;
		} while (index-- > 0);
		const count = vault.bytes;
		const to = Math.min(count, from + bytes.length);
		return from < to && vault.load(place, from, to, bytes) ? count : 0;
	}

	get rootBytesMax(): number {
		return this.vault.bytesMax;
	}

	loadOwn(part: number, bytes: Uint8Array, from: number): number {
		const choice = this.choice;
		if (choice === null || choice.securityProfile < 3) return 0;
		const place = this.vault.byAge(VaultKind.station, choice.usesOldCertificate);
		return place < 0 ? 0 : this.vault.loadPart(place, part, bytes, from);
	}

	accepted(notBeforeMs: number, notAfterMs: number): void {
		this.notBeforeMs = notBeforeMs;
		this.notAfterMs = notAfterMs;
	}

	refused(error: number): void {
		if ((this.told & (1 << error)) !== 0) return;
		this.told |= 1 << error;
		this.listener.onServerRefused(error);
	}

	/** A connection stands: the next refusal is a new one. */
	opened(): void {
		this.told = 0;
		if (this.choice !== null && this.choice.securityProfile === 3) this.discard(this.choice.usesOldCertificate);
	}

	/** A02.FR.10: with one certificate of the station a connection stands, so the other goes. */
	private discard(usesOld: boolean): void {
		const vault = this.vault;
		while (vault.count(VaultKind.station) > 1) {
			if (!vault.remove(vault.byAge(VaultKind.station, !usesOld))) return;
			if (usesOld) this.listener.onCertificateDiscarded(); // A02.FR.29
		}
	}

	/** The connection is over; the dates were its server's. */
	closed(): void {
		this.notBeforeMs = this.notAfterMs = NaN;
	}

	/**
	 * The clock was set: keeps the time over reboots and looks once more at the server that was taken without a clock.
	 * @returns false when its certificate does not hold at this time: the connection has to end
	 */
	clockSet(): boolean {
		const utcMs = this.clock.utc();
		if (utcMs - this.floorMs >= FLOOR_STEP_MS) {
			this.floorMs = utcMs;
			this.cells.setNumber(Cell.timeFloor, Math.floor(utcMs / 1000));
		}
		const error = utcMs > this.notAfterMs ? SocketError.expired : utcMs < this.notBeforeMs ? SocketError.notYetValid : 0;
		if (error === 0) return true;
		this.refused(error);
		return false;
	}
}
