// The contactor of an EVSE: an output pin that energizes the coil, and an auxiliary contact that tells the truth.
// Owns: the two pins, the rest between two closings, and the verdict that the contactor is welded or does not close.
// Opening is immediate and never refused. Closing waits until the coil has rested (arc and mechanics), and a closing
// that the auxiliary contact does not confirm is taken back.
// Source: IEC 61851-1 §9 (contactor supervision); ECMA-419 §10.

import { FaultBit } from "../modules/ports/events.js";
import type { DigitalOptions, DigitalShape, PinOptions, TimerShape } from "./parts.js";

export interface ContactorOptions {
	/** Coil: 1 closes. */
	output: PinOptions;
	/** Auxiliary contact: 1 means that the main contacts are closed. Without it the coil is believed. */
	auxiliary?: PinOptions;
	timer: TimerShape;
	/** Least time between an opening and the next closing, ms. Default 1000. */
	restMs?: number;
	/** Time the main contacts need to follow the coil, ms. Default 200. */
	settleMs?: number;
	/** A fault (FaultBit.welded, FaultBit.internal) began or ended; called from an empty stack. */
	onFault?(fault: number, present: boolean): void;
}

export class Contactor {
	#output: DigitalShape | undefined;
	#auxiliary: DigitalShape | undefined;
	#timer: TimerShape;
	#restMs: number;
	#settleMs: number;
	#onFault: ((fault: number, present: boolean) => void) | undefined;
	#resting: unknown = undefined;
	#settling: unknown = undefined;
	#wanted = false;
	#driven = false;
	#faults = 0;

	/** Opens the pins with the contactor open. Throws RangeError before any pin is touched when an option is wrong. */
	constructor(options: ContactorOptions) {
		const restMs = options.restMs ?? 1000;
		const settleMs = options.settleMs ?? 200;
		if (!(restMs >= 0 && restMs <= 60_000)) throw new RangeError("restMs");
		if (!(settleMs > 0 && settleMs <= 5_000)) throw new RangeError("settleMs");
		if (!options.output?.io || !options.timer) throw new RangeError("output and timer are required");
		if (options.auxiliary && !options.auxiliary.io) throw new RangeError("auxiliary");
		this.#timer = options.timer;
		this.#restMs = restMs;
		this.#settleMs = settleMs;
		this.#onFault = options.onFault;
		const output: DigitalOptions = { initialValue: 0, ...options.output };
		this.#output = new options.output.io(output);
		// Not every host knows initialValue: a coil is never left to chance.
		this.#output.write(0);
		if (options.auxiliary) {
			try {
				const auxiliary: DigitalOptions = { ...options.auxiliary, onReadable: () => this.#contactMoved() };
				this.#auxiliary = new options.auxiliary.io(auxiliary);
			} catch (error) {
				this.#output.close();
				throw error;
			}
		}
		// Contacts that are closed at power up are welded; the verdict comes when they had time to open.
		this.#startSettling();
	}

	/** True while the coil is energized. */
	get driven(): boolean {
		return this.#driven;
	}

	/** Bits of FaultBit that are present. */
	get faults(): number {
		return this.#faults;
	}

	/**
	 * Closes the contactor, at once or when the coil has rested. While a fault is present the coil stays open; after
	 * a closing that was not confirmed, release() must come before the next try.
	 */
	energize(): void {
		if (this.#wanted || this.#output === undefined) return;
		this.#wanted = true;
		this.#closeIfAllowed();
	}

	/** Opens the contactor now. */
	release(): void {
		this.#wanted = false;
		if (this.#output === undefined) return;
		this.#output.write(0);
		if (this.#driven) this.#opened();
		// A contactor that did not close may be tried again; one that is welded may not.
		else if (this.#faults & FaultBit.internal && this.#settling === undefined) this.#startSettling();
	}

	/** Opens the contactor and gives the pins back. May be called twice; no callback follows. */
	close(): void {
		if (this.#output === undefined) return;
		this.#output.write(0);
		this.#driven = this.#wanted = false;
		this.#onFault = undefined;
		if (this.#resting !== undefined) this.#timer.clear(this.#resting);
		if (this.#settling !== undefined) this.#timer.clear(this.#settling);
		this.#resting = this.#settling = undefined;
		this.#auxiliary?.close();
		this.#output.close();
		this.#auxiliary = this.#output = undefined;
	}

	#closeIfAllowed(): void {
		if (!this.#wanted || this.#driven || this.#faults || this.#resting !== undefined) return;
		this.#driven = true;
		this.#output?.write(1);
		this.#startSettling();
	}

	#opened(): void {
		this.#driven = false;
		if (this.#restMs > 0) {
			if (this.#resting !== undefined) this.#timer.clear(this.#resting);
			this.#resting = this.#timer.set(() => {
				this.#resting = undefined;
				this.#closeIfAllowed();
			}, this.#restMs);
		}
		this.#startSettling();
	}

	#startSettling(): void {
		if (this.#auxiliary === undefined) return;
		if (this.#settling !== undefined) this.#timer.clear(this.#settling);
		this.#settling = this.#timer.set(() => {
			this.#settling = undefined;
			this.#judge();
		}, this.#settleMs);
	}

	// An edge of the auxiliary contact: within the settling time it is expected and the timer will judge.
	#contactMoved(): void {
		if (this.#settling === undefined) this.#judge();
	}

	#judge(): void {
		if (this.#auxiliary === undefined) return;
		const isClosed = this.#auxiliary.read() === 1;
		if (this.#driven && !isClosed) {
			this.#output?.write(0);
			this.#opened();
			this.#fault(FaultBit.internal, true);
			return;
		}
		if (this.#driven) return;
		this.#fault(FaultBit.welded, isClosed);
		// Without demand nothing more can be learned about a contactor that did not close: the next try decides.
		if (!isClosed && !this.#wanted) this.#fault(FaultBit.internal, false);
		this.#closeIfAllowed();
	}

	#fault(bit: number, present: boolean): void {
		if (((this.#faults & bit) !== 0) === present) return;
		this.#faults ^= bit;
		this.#onFault?.(bit, present);
	}
}
