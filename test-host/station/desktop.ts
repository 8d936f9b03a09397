// The desktop station: the firmware on a virtual board in a Node process. It owns the run loop, reboots the firmware inside
// the process, and tells what an onlooker may see. It calls the firmware at its hardware ports only.

import type { Host } from "../../modules/ports/host.js";
import { RestartCause } from "../../modules/ports/events.js";
import type { FlashPartition } from "../../modules/ports/flash.js";
import type { Entropy } from "../../modules/ports/entropy.js";
import type { SocketMaker } from "../../modules/ports/socket.js";
import { Board, type Firmware } from "../board/board.js";
import type { BoardMemory } from "../board/board-memory.js";
import type { Cancel, DesktopClock } from "../board/clock.js";
import type { EngineName } from "../xs/engine.js";
import { EVENT_TYPES, type Ledger } from "./ledger.js";

/** What the firmware shows of itself; read only. */
export interface FirmwareView {
	readonly online: boolean;
	readonly accepted: boolean;
	/** Configuration slot in use. */
	readonly slot: number;
	readonly evses: readonly { readonly txId: string | null | undefined; readonly limitA: number }[];
	/** Transaction events that wait for delivery, and the flash bytes that they occupy. */
	readonly queued: number;
	readonly queueBytes: number;
	/** What a full queue has given up since boot: Updated events, and meter values of so many Ended events. */
	readonly thinned: number;
	readonly shortened: number;
}

/** One life of the firmware, from boot to reboot. */
export interface FirmwareStation extends Firmware {
	start(cause: number): void;
	/** Runs to completion; returns milliseconds until it wants to run again at the latest. */
	step(): number;
	stop(): void;
	/** Most bytes of heap that it took, where its engine tells; else those of this process count. */
	readonly heapPeak?: number;
	/** Its memory in one line, where its engine tells. */
	readonly ram?: string;
	readonly inspect: FirmwareView;
	/** After start(): the cause that it tells; one that it kept on flash wins over what the hardware knows. */
	readonly bootCause?: number;
	/** The queue of transaction events on flash, to be read at boot. */
	readonly outbox?: { iterate(visitor: (event: QueuedEvent) => void): void };
}

/** What the ledger needs of a TransactionEvent. */
export interface QueuedEvent {
	readonly eventType: (typeof EVENT_TYPES)[number];
	readonly timestamp: string;
	readonly seqNo: number;
	readonly transactionInfo: { readonly transactionId: string };
}

/** Makes the firmware; throws when the flash holds what it cannot use. */
export type MakeFirmware = (host: Host) => FirmwareStation;

/** The events of the control port. */
export type DesktopEvent =
	| { ev: "online" | "offline" }
	| { ev: "boot"; reason: string }
	| { ev: "relay"; evse: number; on: boolean }
	| { ev: "lock"; evse: number; connector: number; locked: boolean }
	| { ev: "generated"; tx: string; seqNo: number; eventType: string }
	| { ev: "stored"; bytes: number }
	| { ev: "crash"; text: string };

export interface DesktopOptions {
	memory: BoardMemory;
	ledger: Ledger;
	clock: DesktopClock;
	entropy: Entropy;
	flash: FlashPartition & { close?(): void };
	socket: SocketMaker;
	makeFirmware: MakeFirmware;
	/** What runs the firmware; "node" unless told. */
	engine?: EngineName;
	meterSpeed?: number;
	onEvent?(event: DesktopEvent): void;
	/** Every whole text message between station and CSMS. */
	onMessage?(outgoing: boolean, text: string): void;
	/** The firmware threw: the process cannot go on. */
	onCrash?(error: unknown): void;
}

/** BootReasonEnumType by RestartCause. */
export const BOOT_REASONS = ["PowerUp", "ApplicationReset", "FirmwareUpdate", "LocalReset", "RemoteReset", "ScheduledReset",
	"Triggered", "Unknown", "Watchdog"] as const;

/** A chip is dark for a moment when it resets. */
const REBOOT_MS = 100;

export class Desktop {
	readonly board: Board;
	readonly clock: DesktopClock;
	readonly memory: BoardMemory;
	readonly ledger: Ledger;
	readonly engine: EngineName;
	private readonly options: DesktopOptions;
	private firmware: FirmwareStation | undefined;
	private nextRun: Cancel | undefined;
	private wakeAsked = false;
	private wasOnline = false;
	private storedBytes = 0;
	private heapPeak = 0;
	private halted = false;
	private readonly pieces: { [direction: string]: Uint8Array[] } = { in: [], out: [] };

	constructor(options: DesktopOptions) {
		this.options = options;
		this.engine = options.engine ?? "node";
		this.clock = options.clock;
		this.memory = options.memory;
		this.ledger = options.ledger;
		this.board = new Board({
			clock: options.clock,
			entropy: options.entropy,
			flash: options.flash,
			socket: options.socket,
			identity: options.memory.plate,
			evses: options.memory.evses,
			meterSpeed: options.meterSpeed,
			listener: {
				relay: (evseIndex, on) => this.emit({ ev: "relay", evse: evseIndex + 1, on }),
				lock: (evseIndex, locked) => this.emit({ ev: "lock", evse: evseIndex + 1, connector: 1, locked }),
				changed: () => this.memory.save(),
			},
		});
		this.clock.rest = () => this.board.net.rest();
		// Made here, so that a store that the firmware cannot use is found before anything is written or announced.
		this.firmware = this.make();
	}

	/** Power comes on. */
	powerOn(): void {
		this.memory.save();
		this.guard(() => this.reconcile());
		this.boot(RestartCause.powerUp);
	}

	/** An event that a power cut left on flash but not in the ledger was generated all the same. */
	private reconcile(): void {
		this.firmware?.outbox?.iterate(({ transactionInfo, seqNo, eventType, timestamp }) => {
			const tx = transactionInfo.transactionId;
			if (!this.ledger.has(tx, seqNo)) this.enter(tx, seqNo, EVENT_TYPES.indexOf(eventType), Date.parse(timestamp));
		});
	}

	/** A transaction event is on flash: into the ledger, then to the onlookers. */
	private enter(tx: string, seqNo: number, eventType: number, utcMs: number): void {
		this.ledger.add(tx, seqNo, eventType, utcMs);
		this.emit({ ev: "generated", tx, seqNo, eventType: EVENT_TYPES[eventType] });
	}

	/** The firmware resets as a chip does; the process, the board and the control port stay. */
	reboot(cause: number): void {
		if (this.halted) return;
		this.takeOut();
		this.clock.after(REBOOT_MS, () => {
			if (this.halted || this.firmware !== undefined) return;
			this.guard(() => {
				this.firmware = this.make();
				this.boot(cause);
			});
		});
	}

	/** Clean end: sockets closed, contactors open, nothing runs any more. */
	stop(): void {
		this.halted = true;
		this.takeOut();
		this.clock.stop();
		this.memory.save();
		this.ledger.close();
		this.options.flash.close?.();
	}

	/** What the control port answers to `state`. */
	state(): object {
		const view = this.firmware?.inspect;
		this.heapPeak = Math.max(this.heapPeak, this.firmware?.heapPeak ?? (this.engine === "node" ? process.memoryUsage().heapUsed : 0));
		const { flash } = this.board;
		return {
			online: view?.online ?? false,
			accepted: view?.accepted ?? false,
			slot: view?.slot ?? 0,
			evses: this.board.evses.map((evse, index) => ({
				id: index + 1,
				plugged: evse.isPlugged,
				relay: evse.relayClosed,
				locked: evse.isLocked,
				faulted: evse.isFaulted,
				txId: view?.evses[index]?.txId || null,
				wh: evse.readEnergyWh(),
				limitA: evse.limitA,
			})),
			queued: view?.queued ?? 0,
			heapPeak: this.heapPeak,
			storeWrites: flash.writes,
			storeErases: flash.erases,
			storeBytes: flash.bytesWritten,
			queueBytes: view?.queueBytes ?? 0,
			thinned: view?.thinned ?? 0,
			shortened: view?.shortened ?? 0,
		};
	}

	/** The firmware's own view; undefined while it reboots. */
	get view(): FirmwareView | undefined {
		return this.firmware?.inspect;
	}

	/** Memory of the firmware in one line for people; undefined where the engine does not tell. */
	get ram(): string | undefined {
		return this.firmware?.ram;
	}

	/** Whatever throws ends the process; `work` is the only way into the firmware. */
	guard(work: () => void): void {
		try {
			work();
		} catch (error) {
			this.crash(error);
		}
	}

	/** The firmware failed: tell it, open the contactors, end. */
	crash(error: unknown): void {
		if (this.halted) return;
		this.halted = true;
		this.nextRun?.();
		this.board.detach();
		this.emit({ ev: "crash", text: error instanceof Error ? (error.stack ?? error.message) : String(error) });
		this.options.onCrash?.(error);
	}

	private make(): FirmwareStation {
		const host = this.board.host({
			observer: {
				generated: (transactionId, seqNo, eventType, utcMs) => this.enter(transactionId, seqNo, eventType, utcMs),
				traffic: (outgoing, bytes, from, to, last) => this.collect(outgoing, bytes, from, to, last),
			},
			// The firmware is on the stack: it is taken out when it has returned.
			restart: (cause) => this.clock.after(0, () => this.reboot(cause)),
			wake: () => this.wake(),
		});
		return this.options.makeFirmware(host);
	}

	private boot(cause: number): void {
		const firmware = this.firmware;
		if (firmware === undefined) return;
		this.guard(() => {
			firmware.start(cause);
			this.emit({ ev: "boot", reason: BOOT_REASONS[firmware.bootCause ?? cause] ?? "Unknown" });
			this.board.attach(firmware);
			this.wake();
		});
	}

	private takeOut(): void {
		const firmware = this.firmware;
		this.firmware = undefined;
		this.nextRun?.();
		this.nextRun = undefined;
		if (firmware !== undefined) this.guard(() => firmware.stop());
		this.board.detach();
		this.report(false);
	}

	private wake(): void {
		if (this.wakeAsked || this.halted) return;
		this.wakeAsked = true;
		this.clock.after(0, () => {
			this.wakeAsked = false;
			this.run();
		});
	}

	private run(): void {
		this.nextRun?.();
		this.nextRun = undefined;
		const firmware = this.firmware;
		if (firmware === undefined || this.halted) return;
		this.guard(() => {
			const waitMs = firmware.step();
			this.report(firmware.inspect.online);
			if (this.firmware === firmware && Number.isFinite(waitMs)) {
				this.nextRun = this.clock.after(Math.max(0, waitMs), () => this.run());
			}
		});
	}

	/** After each step: what an onlooker sees of the link and of the flash. */
	private report(online: boolean): void {
		const bytes = this.board.flash.bytesWritten;
		if (bytes !== this.storedBytes) this.emit({ ev: "stored", bytes: bytes - this.storedBytes });
		this.storedBytes = bytes;
		if (online !== this.wasOnline) this.emit({ ev: online ? "online" : "offline" });
		this.wasOnline = online;
	}

	private collect(outgoing: boolean, bytes: Uint8Array, from: number, to: number, last: boolean): void {
		if (this.options.onMessage === undefined) return;
		const pieces = outgoing ? this.pieces.out : this.pieces.in;
		pieces.push(bytes.slice(from, to));
		if (!last) return;
		const text = Buffer.concat(pieces).toString("utf8");
		pieces.length = 0;
		this.options.onMessage(outgoing, text);
	}

	private emit(event: DesktopEvent): void {
		this.options.onEvent?.(event);
	}
}
