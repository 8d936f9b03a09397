// The PZEM-004T v3 energy meter: one phase, Modbus-RTU over 9600 8N1, read-input-registers in a fixed rhythm.
// Owns: one request buffer and one reply buffer for life, the state of the exchange, and the newest reading.
// A reading is trusted until `retries` exchanges in a row have failed; then the meter is silent and sample() is false.
// Source: PZEM-004T V3.0 user manual §2.2 (registers), §2.6 (error reply), §2.7 (CRC); Modbus over serial line §2.5.

import type { MeterReading } from "../modules/ports/evse-port.js";
import type { MeterEvents, MeterShape } from "./evse.js";
import type { TimerShape } from "./parts.js";

/** ECMA-419 §10 Serial, in number format: one byte per call. */
export interface SerialShape {
	format: string;
	/** The next byte, undefined when none is there. */
	read(): unknown;
	write(byte: number): void;
	close(): void;
}
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type SerialMaker = new (options: any) => SerialShape;

export interface MeterPzem004tOptions extends Partial<MeterEvents> {
	/** The Serial constructor and its pins; baud and format are set here. */
	sensor: { io: SerialMaker; [option: string]: unknown };
	timer: TimerShape;
	/** Slave address 1..247, or 0xF8: the only meter on the line answers. Default 0xF8. */
	address?: number;
	/** Pause between two readings, ms. Default 1000. */
	periodMs?: number;
	/** How long one reply may take, ms. Default 200: 25 bytes at 9600 baud last 26 ms. */
	timeoutMs?: number;
	/** Failed exchanges in a row after which the meter counts as silent. Default 3. */
	retries?: number;
	/** The meter's own power alarm began or ended (manual §2.2, register 9). From an empty stack. */
	onAlarm?(present: boolean): void;
}

const ANY_ADDRESS = 0xf8;
const READ_INPUT = 0x04;
const ERROR_REPLY = 0x84;
const REGISTERS = 10;
const REPLY_BYTES = 3 + 2 * REGISTERS + 2;
const ERROR_BYTES = 5;
// The energy register counts to 9999.99 kWh and starts again (manual §1.4).
const ENERGY_TURN_WH = 10_000_000;

// States of the exchange, numbers because they change per byte.
const IDLE = 0;
const ADDRESS = 1;
const FUNCTION = 2;
const REST = 3;

/** Adds one byte to a Modbus CRC-16 (polynomial 0xA001, bits reversed, start 0xFFFF). */
export function crc16Step(crc: number, byte: number): number {
	crc ^= byte;
	for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
	return crc;
}

export class MeterPzem004t implements MeterShape {
	#serial: SerialShape | undefined;
	#timer: TimerShape;
	#events: Partial<MeterEvents> & { onAlarm?(present: boolean): void };
	#address: number;
	#timeoutMs: number;
	#retries: number;
	#request = new Uint8Array(8);
	#reply = new Uint8Array(REPLY_BYTES);
	#state = IDLE;
	#received = 0;
	#expected = 0;
	#crc = 0xffff;
	#period: unknown = undefined;
	#timeout: unknown = undefined;
	#failures = 0;
	#silent = false;
	#alarm = false;
	#valid = false;
	#voltageV = 0;
	#currentA = 0;
	#powerW = 0;
	#frequencyHz = 0;
	#powerFactor = 0;
	#registerWh = 0;
	#turnsWh = 0;

	/** Opens the line and asks for the first reading. Throws RangeError before that when an option is wrong. */
	constructor(options: MeterPzem004tOptions) {
		const address = options.address ?? ANY_ADDRESS;
		const periodMs = options.periodMs ?? 1000;
		const timeoutMs = options.timeoutMs ?? 200;
		const retries = options.retries ?? 3;
		if (address !== ANY_ADDRESS && !(address >= 1 && address <= 247)) throw new RangeError("address");
		if (!(timeoutMs >= 50 && timeoutMs < periodMs)) throw new RangeError("timeoutMs");
		if (!(periodMs <= 60_000)) throw new RangeError("periodMs");
		if (!(retries >= 1 && retries <= 20)) throw new RangeError("retries");
		if (!options.sensor?.io || !options.timer) throw new RangeError("sensor and timer are required");
		this.#timer = options.timer;
		this.#events = options;
		this.#address = address;
		this.#timeoutMs = timeoutMs;
		this.#retries = retries;
		const request = this.#request;
		request[0] = address;
		request[1] = READ_INPUT;
		request[5] = REGISTERS;
		let crc = 0xffff;
		for (let i = 0; i < 6; i++) crc = crc16Step(crc, request[i]);
		request[6] = crc & 0xff;
		request[7] = crc >> 8;
		this.#serial = new options.sensor.io({
			baud: 9600,
			...options.sensor,
			format: "number",
			onReadable: () => this.#readable(),
		});
		this.#serial.format = "number";
		this.#period = this.#timer.set(() => this.#ask(), 1, periodMs);
	}

	/** Mains frequency of the newest reading, Hz; 0 before the first. */
	get frequencyHz(): number {
		return this.#frequencyHz;
	}

	/** Power factor of the newest reading, 0 to 1. */
	get powerFactor(): number {
		return this.#powerFactor;
	}

	/** True while the meter reports more power than its alarm threshold. */
	get alarm(): boolean {
		return this.#alarm;
	}

	/**
	 * Fills `reading` with the newest values: phase L1 is measured, the others become NaN. The energy register of the
	 * meter starts again at 10,000 kWh; while powered, the driver goes on counting.
	 * @returns false before the first reading and while the meter is silent; nothing was written then
	 */
	sample(reading: MeterReading): boolean {
		if (!this.#valid || this.#silent) return false;
		reading.energyWh = this.#turnsWh + this.#registerWh;
		reading.powerW = this.#powerW;
		const currents = reading.currentA;
		const voltages = reading.voltageV;
		for (let i = 1; i < currents.length; i++) currents[i] = NaN;
		for (let i = 1; i < voltages.length; i++) voltages[i] = NaN;
		currents[0] = this.#currentA;
		voltages[0] = this.#voltageV;
		return true;
	}

	/** Gives line and timers back. May be called twice; no callback follows. */
	close(): void {
		if (this.#serial === undefined) return;
		this.#timer.clear(this.#period);
		if (this.#timeout !== undefined) this.#timer.clear(this.#timeout);
		this.#period = this.#timeout = undefined;
		this.#state = IDLE;
		this.#serial.close();
		this.#serial = undefined;
	}

	#ask(): void {
		const serial = this.#serial;
		if (serial === undefined || this.#state !== IDLE) return;
		try {
			// What the line still holds belongs to no question of ours.
			while (serial.read() !== undefined);
			for (let i = 0; i < 8; i++) serial.write(this.#request[i]);
		} catch {
			this.#failed();
			return;
		}
		this.#state = ADDRESS;
		this.#timeout = this.#timer.set(() => {
			this.#timeout = undefined;
			this.#failed();
		}, this.#timeoutMs);
	}

	#readable(): void {
		const serial = this.#serial;
		while (serial !== undefined && serial === this.#serial) {
			let byte: unknown;
			try {
				byte = serial.read();
			} catch {
				return; // the timeout ends this exchange
			}
			if (typeof byte !== "number") return;
			this.#take(byte);
		}
	}

	#take(byte: number): void {
		switch (this.#state) {
			case ADDRESS:
				// Noise before the reply is skipped; the CRC decides whether this was the start.
				if (this.#address !== ANY_ADDRESS && byte !== this.#address) return;
				this.#received = 0;
				this.#crc = 0xffff;
				this.#state = FUNCTION;
				break;
			case FUNCTION:
				if (byte === READ_INPUT) this.#expected = REPLY_BYTES;
				else if (byte === ERROR_REPLY) this.#expected = ERROR_BYTES;
				else {
					// Not a reply; this byte may be the address of the real one.
					this.#state = ADDRESS;
					if (this.#address === ANY_ADDRESS || byte === this.#address) this.#take(byte);
					return;
				}
				this.#state = REST;
				break;
			case REST:
				break;
			default:
				return; // nobody asked
		}
		this.#reply[this.#received++] = byte;
		this.#crc = crc16Step(this.#crc, byte);
		if (this.#state === REST && this.#received === this.#expected) this.#complete();
	}

	// A CRC over data and its own CRC, low byte first, leaves zero.
	#complete(): void {
		this.#timer.clear(this.#timeout);
		this.#timeout = undefined;
		const reply = this.#reply;
		if (this.#crc !== 0 || reply[1] !== READ_INPUT || reply[2] !== 2 * REGISTERS) {
			this.#failed();
			return;
		}
		this.#state = IDLE;
		this.#failures = 0;
		this.#voltageV = this.#word(0) / 10;
		this.#currentA = this.#double(1) / 1000;
		this.#powerW = this.#double(3) / 10;
		const registerWh = this.#double(5);
		// The register only falls when it turned over, or when someone cleared it by hand: both keep what was counted.
		if (this.#valid && registerWh < this.#registerWh)
			this.#turnsWh += this.#registerWh > ENERGY_TURN_WH - 100_000 ? ENERGY_TURN_WH : this.#registerWh;
		this.#registerWh = registerWh;
		this.#frequencyHz = this.#word(7) / 10;
		this.#powerFactor = this.#word(8) / 100;
		const alarm = this.#word(9) === 0xffff;
		this.#valid = true;
		if (this.#silent) {
			this.#silent = false;
			this.#events.onSilent?.(false);
		}
		if (alarm !== this.#alarm) {
			this.#alarm = alarm;
			this.#events.onAlarm?.(alarm);
		}
		this.#events.onSample?.(this.#currentA);
	}

	#failed(): void {
		this.#state = IDLE;
		if (this.#silent || ++this.#failures < this.#retries) return;
		this.#silent = true;
		this.#events.onSilent?.(true);
	}

	#word(register: number): number {
		const at = 3 + 2 * register;
		return (this.#reply[at] << 8) | this.#reply[at + 1];
	}

	// 32 bits in two registers, the low one first; without >>> the highest bit would be a sign.
	#double(register: number): number {
		return ((this.#word(register + 1) << 16) | this.#word(register)) >>> 0;
	}
}
