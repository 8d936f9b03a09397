// Readings of a transaction that its Ended event will carry: the first, and one per TxEndedInterval. When the room is
// used up, every other one between the first and the last goes and the interval doubles, so a long transaction keeps an
// even picture of itself. Source: OCPP 2.0.1 Part 2, E06.FR.11, J02.FR.20.

import { LIMITS } from "../../preload/limits.js";
import type { MeterReading } from "../ports/evse-port.js";

/** Numbers per sample: time, register, power, three currents, three voltages, 1 if clock-aligned. */
const WIDTH = 10;

export class Samples {
	count = 0;
	/** Whether the sample that read() has read last is clock-aligned. */
	isAligned = false;
	/** How many due samples are skipped between two kept ones; 1 keeps all. */
	stride = 1;
	private skipped = 0;
	private values: Float64Array;

	constructor() {
		this.values = new Float64Array(WIDTH);
	}

	/** Starts a transaction; `many` makes room for more than the first sample. */
	begin(many: boolean): void {
		const wanted = many ? WIDTH * LIMITS.endedSamplesMax : WIDTH;
		if (this.values.length !== wanted) this.values = new Float64Array(wanted);
		this.count = 0;
		this.stride = 1;
		this.skipped = 0;
	}

	/** The first sample of a transaction that a reboot has cut: of it only time and register are known. */
	restore(utcMs: number, energyWh: number): void {
		this.values.fill(NaN);
		this.values[0] = utcMs;
		this.values[1] = energyWh;
		this.count = 1;
	}

	/** Keeps a reading, unless the stride says to skip it. */
	add(utcMs: number, reading: MeterReading, isAligned = false): void {
		if (this.count > 0 && ++this.skipped < this.stride) return;
		this.skipped = 0;
		if ((this.count + 1) * WIDTH > this.values.length && !this.thin()) return;
		const at = this.count++ * WIDTH;
		const values = this.values;
		values[at] = utcMs;
		values[at + 1] = reading.energyWh;
		values[at + 2] = reading.powerW;
		for (let phase = 0; phase < 3; phase++) {
			values[at + 3 + phase] = reading.currentA[phase] as number;
			values[at + 6 + phase] = reading.voltageV[phase] as number;
		}
		values[at + 9] = isAligned ? 1 : 0;
	}

	/** Fills `reading` with sample `index` and returns its time. */
	read(index: number, reading: MeterReading): number {
		const at = index * WIDTH;
		const values = this.values;
		reading.energyWh = values[at + 1] as number;
		reading.powerW = values[at + 2] as number;
		for (let phase = 0; phase < 3; phase++) {
			reading.currentA[phase] = values[at + 3 + phase] as number;
			reading.voltageV[phase] = values[at + 6 + phase] as number;
		}
		this.isAligned = values[at + 9] === 1;
		return values[at] as number;
	}

	/** Drops every other sample behind the first; false when there is nothing to drop. */
	private thin(): boolean {
		if (this.count < 3) return false;
		let kept = 1;
		for (let i = 2; i < this.count; i += 2) {
			this.values.copyWithin(kept * WIDTH, i * WIDTH, (i + 1) * WIDTH);
			kept++;
		}
		this.count = kept;
		this.stride *= 2;
		return true;
	}
}
