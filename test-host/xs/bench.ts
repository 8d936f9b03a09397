// The firmware on XS on a virtual board, with a CSMS in memory and a clock that moves by hand: what memory is counted on.
// Nothing here depends on the machine or its network, so the same sources give the same figures to the byte.

import { Board } from "../board/board.js";
import { TICKS_NEAR_WRAP, VirtualClock, type Cancel } from "../board/clock.js";
import { SeededEntropy } from "../board/entropy.js";
import { FlashMemory } from "../board/flash-memory.js";
import { MemoryCsms } from "../csms/memory.js";
import { RestartCause } from "../../modules/ports/events.js";
import { XsStation, type Creation, type XsMemory, type XsProgram } from "./xs-station.js";

export interface BenchOptions {
	program: XsProgram;
	creation: Creation;
	evses?: number;
	seed?: number;
	/** A collection at each allocation from the first on. */
	stress?: boolean;
	/** Puts something on the blank flash before the first boot. */
	prepare?: (flash: FlashMemory) => void;
}

const BASE_MS = Date.UTC(2026, 2, 1, 8, 0, 0);
/** Board milliseconds that a message and all that follows from it may take; nothing waits longer without a timer. */
const ROUND_MS = 20;

export class XsBench {
	readonly clock = new VirtualClock(TICKS_NEAR_WRAP);
	readonly flash = new FlashMemory(24);
	readonly csms: MemoryCsms;
	readonly board: Board;
	station!: XsStation;
	steps = 0;
	private nextRun: Cancel | undefined;
	private wakeAsked = false;

	constructor(private readonly options: BenchOptions) {
		this.csms = new MemoryCsms(this.clock, () => BASE_MS + this.clock.elapsedMs);
		this.board = new Board({
			clock: this.clock,
			entropy: new SeededEntropy(options.seed ?? 1),
			flash: this.flash,
			socket: this.csms,
			identity: {
				identity: "CS001", url: "ws://csms.example:8080/ocpp", password: "0123456789abcdef", securityProfile: 1,
				vendorName: "Vendor", model: "Model", serialNumber: "1", firmwareVersion: "0.1.0",
			},
			evses: options.evses ?? 1,
		});
		options.prepare?.(this.flash);
		this.powerOn();
	}

	/** Power comes on; the firmware is made anew, on the flash as it is. */
	powerOn(cause: number = RestartCause.powerUp): void {
		const { program, creation, stress } = this.options;
		const host = this.board.host({
			restart: (reason) => this.clock.after(0, () => this.restart(reason)),
			wake: () => this.wake(),
		});
		this.station = new XsStation(host, { program, creation, stress, observed: false });
		this.station.start(cause);
		this.board.attach(this.station);
		this.wake();
	}

	powerOff(): void {
		this.nextRun?.();
		this.nextRun = undefined;
		this.board.detach();
		this.station.halt();
	}

	restart(cause: number): void {
		this.powerOff();
		this.clock.after(100, () => this.powerOn(cause));
	}

	/** Boots until the CSMS has accepted the station and knows its connectors. */
	accept(): this {
		const before = this.csms.count("StatusNotification");
		for (let waited = 0; this.csms.count("StatusNotification") < before + this.board.evses.length; waited += 100) {
			if (waited > 600_000) throw new Error("the station does not come to the CSMS");
			this.advance(100);
		}
		this.advance(1000);
		return this;
	}

	/** Cable, card, energy: a running transaction. */
	charge(idToken = "04A2B3"): this {
		this.board.evses[0].plug();
		this.advance(ROUND_MS);
		this.board.reader.present(idToken);
		this.advance(ROUND_MS);
		this.board.evses[0].ev(true);
		this.advance(2000);
		return this;
	}

	/** The same card again, and the cable out. */
	leave(idToken = "04A2B3"): this {
		this.board.reader.present(idToken);
		this.advance(ROUND_MS);
		this.board.evses[0].unplug("ev");
		this.advance(2000);
		return this;
	}

	/** CALLs the station and returns its answer: [3, id, payload] or [4, id, code, …]. */
	call(action: string, payload: object): unknown[] {
		this.csms.send(action, payload);
		this.advance(ROUND_MS);
		const { answer } = this.csms;
		if (answer === undefined) throw new Error(`no answer to ${action}`);
		return answer;
	}

	/** Sends a frame as it is. */
	raw(text: string): void {
		this.csms.sendRaw(text);
		this.advance(ROUND_MS);
	}

	advance(ms: number): void {
		this.clock.advance(ms);
	}

	/** Memory after a collection. */
	live(): XsMemory {
		return this.station.memory(true);
	}

	/**
	 * Most memory that is needed at once while `what` happens, garbage not counted, and how much more that is than before;
	 * and the most that mbedTLS takes of the system's heap meanwhile.
	 */
	peak(what: () => void): { peak: number; extra: number; tls: number } {
		this.station.memory(true, true);
		const { live, tls } = this.station.memory(true);
		this.station.stress = true;
		this.station.memory(true, true);
		what();
		const { peak, tlsPeak } = this.station.memory();
		this.station.stress = false;
		return { peak, extra: peak - live, tls: tlsPeak - tls };
	}

	end(): void {
		this.powerOff();
	}

	private wake(): void {
		if (this.wakeAsked) return;
		this.wakeAsked = true;
		const { station } = this;
		this.clock.after(0, () => {
			this.wakeAsked = false;
			if (station === this.station) this.run();
		});
	}

	private run(): void {
		this.nextRun?.();
		this.steps++;
		const { station } = this;
		const waitMs = station.step();
		if (station === this.station && Number.isFinite(waitMs)) this.nextRun = this.clock.after(Math.max(0, waitMs), () => this.run());
	}
}
