// The virtual board: clock, chance, EVSEs with their cars, card reader, network interface, flash and diagnostics, and the
// Host made of them. The firmware is put in and taken out, as a chip is that resets; the world around it stays.

import type { Clock } from "../../modules/ports/clock.js";
import type { Entropy } from "../../modules/ports/entropy.js";
import { EventCode } from "../../modules/ports/events.js";
import type { FlashPartition } from "../../modules/ports/flash.js";
import type { Host, Identity, Observer } from "../../modules/ports/host.js";
import type { SocketMaker } from "../../modules/ports/socket.js";
import type { Scheduler } from "./clock.js";
import { CountingFlash } from "./counting-flash.js";
import { NodeCrypto } from "./crypto-node.js";
import { EvseModel, type EvseListener, type EvseMemory, type Post } from "./evse.js";
import { NetGate } from "./net-gate.js";
import { CardReader } from "./reader.js";
import { RingLog } from "./ring-log.js";

/** What the board needs of the firmware: where its drivers post. */
export interface Firmware {
	post(code: number, evseIndex: number, value: number): boolean;
}

export interface BoardOptions {
	clock: Clock & Scheduler;
	entropy: Entropy;
	flash: FlashPartition;
	socket: SocketMaker;
	identity: Identity;
	/** Number of EVSEs, or what each of them remembers. */
	evses?: number | readonly EvseMemory[];
	/** Lock at every EVSE (a detachable cable); true unless told. */
	hasLock?: boolean;
	/** Wired phases of every EVSE, 1 or 3; 3 unless told. */
	phases?: number;
	/** How many times faster than real the meters count. */
	meterSpeed?: number;
	listener?: EvseListener;
}

/** What the board does when the firmware asks it. */
export interface BoardCallbacks {
	observer?: Observer;
	restart(cause: number): void;
	wake(): void;
}

export class Board {
	readonly clock: Clock & Scheduler;
	readonly entropy: Entropy;
	readonly flash: CountingFlash;
	readonly net: NetGate;
	readonly log: RingLog;
	readonly reader: CardReader;
	readonly evses: readonly EvseModel[];
	readonly identity: Identity;
	/** Events that no firmware took: its inbox was full, or none was running. */
	postsLost = 0;
	private firmware: Firmware | undefined;
	private readonly crypto = new NodeCrypto();
	private readonly post: Post;

	constructor(options: BoardOptions) {
		this.clock = options.clock;
		this.entropy = options.entropy;
		this.identity = options.identity;
		this.flash = new CountingFlash(options.flash);
		this.net = new NetGate(options.socket, options.clock);
		this.log = new RingLog(options.clock);
		const post = this.post = (code: number, evseIndex: number, value: number): boolean => {
			const taken = this.firmware !== undefined && this.firmware.post(code, evseIndex, value);
			if (!taken) this.postsLost++;
			return taken;
		};
		this.reader = new CardReader(post);
		const evses = options.evses ?? 1;
		const memories = typeof evses === "number" ? new Array<EvseMemory | undefined>(evses).fill(undefined) : evses;
		this.evses = memories.map((memory, index) => new EvseModel({
			index,
			clock: options.clock,
			post,
			memory,
			listener: options.listener,
			hasLock: options.hasLock,
			phases: options.phases,
			meterSpeed: options.meterSpeed,
		}));
	}

	/** The Host for one life of the firmware, from one boot to the next. */
	host(callbacks: BoardCallbacks): Host {
		return {
			clock: this.clock,
			entropy: this.entropy,
			flash: this.flash,
			socket: this.net,
			evses: this.evses,
			reader: this.reader,
			log: this.log,
			crypto: this.crypto,
			identity: this.identity,
			observer: callbacks.observer,
			restart: (cause) => callbacks.restart(cause),
			wake: () => callbacks.wake(),
		};
	}

	/** The housing is opened. */
	tamper(): void {
		this.post(EventCode.tampered, -1, 0);
	}

	/** The firmware runs: its drivers report what they find. Call it after start() and before the first step(). */
	attach(firmware: Firmware): void {
		this.firmware = firmware;
		for (const evse of this.evses) evse.announce();
	}

	/** The firmware is gone (reset, crash, power cut): contactors open by wiring, posts go nowhere. */
	detach(): void {
		this.firmware = undefined;
		for (const evse of this.evses) evse.reset();
	}
}
