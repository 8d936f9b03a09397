// A bench without hardware, at the level of ECMA-419 IO: pins, a contactor that follows its coil, a switch, a button,
// and a PZEM-004T that answers on the serial line. The drivers above it are those of a real board.
// Source: PZEM-004T V3.0 user manual §2.2; docs/porting.md (wiring of the dev kits).

import { crc16Step } from "../../drivers/meter-pzem004t.js";
import type { DigitalOptions, DigitalMaker, DigitalShape, TimerShape } from "../../drivers/parts.js";
import type { SerialMaker, SerialShape } from "../../drivers/meter-pzem004t.js";

export const COIL = 0;
export const AUXILIARY = 1;
export const CABLE = 2;
export const BUTTON = 3;
const PINS = 4;

const VOLTS = 230;
const AMPERES = 16;
const CONTACTOR_MS = 20;
const REPLY_MS = 30;

export interface BenchOptions {
	timer: TimerShape;
	/** Milliseconds of any steady clock. */
	now(): number;
	/** How many times faster than real the energy register counts. */
	meterSpeed: number;
}

export class Bench {
	/** Constructors for the drivers' options. */
	readonly digital: DigitalMaker;
	readonly serial: SerialMaker;
	#options: BenchOptions;
	#levels = new Uint8Array(PINS);
	#inputs: (DigitalOptions | undefined)[] = [];
	#energyWh = 0;
	#mark: number;

	constructor(options: BenchOptions) {
		this.#options = options;
		this.#mark = options.now();
		// eslint-disable-next-line @typescript-eslint/no-this-alias
		const bench = this;
		this.digital = class implements DigitalShape {
			#pin: number;

			constructor(pin: DigitalOptions) {
				this.#pin = pin.pin;
				if (pin.onReadable) bench.#inputs[pin.pin] = pin;
				else bench.#drive(pin.pin, pin.initialValue ?? 0);
			}

			read(): number {
				return bench.#levels[this.#pin];
			}

			write(value: number): void {
				bench.#drive(this.#pin, value);
			}

			close(): void {
				bench.#inputs[this.#pin] = undefined;
			}
		};
		this.serial = class implements SerialShape {
			format = "number";
			#received: number[] = [];
			#reply: number[] = [];
			#onReadable: () => void;

			constructor(line: { onReadable: () => void }) {
				this.#onReadable = line.onReadable;
			}

			read(): unknown {
				return this.#reply.shift();
			}

			write(byte: number): void {
				this.#received.push(byte);
				if (this.#received.length < 8) return;
				if (crcOf(this.#received) === 0 && this.#received[1] === 4) {
					options.timer.set(() => {
						this.#reply = bench.#reading();
						this.#onReadable();
					}, REPLY_MS);
				}
				this.#received = [];
			}

			close(): void {
				this.#onReadable = () => undefined;
			}
		};
	}

	/** The cable is put in or pulled. */
	plug(on: boolean): void {
		this.#set(CABLE, on ? 1 : 0);
	}

	/** The button is held for a tenth of a second. */
	press(): void {
		this.#set(BUTTON, 1);
		this.#options.timer.set(() => this.#set(BUTTON, 0), 100);
	}

	/** True while current can flow. */
	get closed(): boolean {
		return this.#levels[AUXILIARY] === 1;
	}

	/** The register of the meter, Wh. */
	get energyWh(): number {
		this.#integrate();
		return Math.floor(this.#energyWh);
	}

	#drive(pin: number, level: number): void {
		if (this.#levels[pin] === level) return;
		this.#levels[pin] = level;
		if (pin === COIL) this.#options.timer.set(() => this.#set(AUXILIARY, this.#levels[COIL]), CONTACTOR_MS);
	}

	#set(pin: number, level: number): void {
		if (this.#levels[pin] === level) return;
		this.#integrate();
		this.#levels[pin] = level;
		this.#inputs[pin]?.onReadable?.();
	}

	#integrate(): void {
		const now = this.#options.now();
		if (this.#current > 0) {
			this.#energyWh += (VOLTS * AMPERES * (now - this.#mark) * this.#options.meterSpeed) / 3_600_000;
		}
		this.#mark = now;
	}

	get #current(): number {
		return this.#levels[AUXILIARY] === 1 && this.#levels[CABLE] === 1 ? AMPERES : 0;
	}

	#reading(): number[] {
		const energyWh = this.energyWh;
		const milliamps = this.#current * 1000;
		const deciwatts = this.#current * VOLTS * 10;
		const reply = [0xf8, 4, 20];
		const words = [VOLTS * 10, milliamps & 0xffff, milliamps >>> 16, deciwatts & 0xffff, deciwatts >>> 16,
			energyWh & 0xffff, energyWh >>> 16, 500, 100, 0];
		for (const word of words) reply.push(word >> 8, word & 0xff);
		const crc = crcOf(reply);
		reply.push(crc & 0xff, crc >> 8);
		return reply;
	}
}

function crcOf(bytes: number[]): number {
	let crc = 0xffff;
	for (const byte of bytes) crc = crc16Step(crc, byte);
	return crc;
}
