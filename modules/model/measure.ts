// Meter readings as OCPP's sampled values.
// Source: OCPP 2.0.1 Part 2, J (J02.FR.16, J §2.3: all phases that the meter knows are reported).

import { freeze } from "../../preload/freeze.js";
import type { MeterValueType, ReadingContextEnumType, SampledValueType } from "../../preload/payloads.js";
import { formatDateTime } from "../core/datetime.js";
import type { MeterReading } from "../ports/evse-port.js";

/** Readings of a running transaction that the next step takes, bits of Evse.due. */
export const enum Due {
	/** Per TxUpdatedInterval. */
	sampled = 1,
	/** Clock-aligned, stamped Evse.boundaryUtc: sent now, kept for the Ended event. */
	aligned = 2,
	alignedEnded = 4,
}

/** Bits of a measurand list, in the order of the valuesList of the measurand variables. */
export const enum Measurand { Energy = 1, Power = 2, Current = 4, Voltage = 8 }
export const MEASURAND_NAMES = freeze([
	"Energy.Active.Import.Register",
	"Power.Active.Import",
	"Current.Import",
	"Voltage",
] as const);

const CURRENT_PHASES = freeze(["L1", "L2", "L3"] as const);
const VOLTAGE_PHASES = freeze(["L1-N", "L2-N", "L3-N"] as const);
const WATT = freeze({ unit: "W" } as const);
const AMPERE = freeze({ unit: "A" } as const);
const VOLT = freeze({ unit: "V" } as const);

/**
 * One MeterValueType with the measurands of `mask`, or undefined when the mask is empty or the meter knows none of them
 * (an empty list must not be sent, Part 4 §4.1.5).
 */
export function meterValue(
	reading: MeterReading,
	mask: number,
	context: ReadingContextEnumType,
	utcMs: number,
): MeterValueType | undefined {
	const sampledValue: SampledValueType[] = [];
	// Wh and the register are the defaults of unit and measurand, and the bill needs no more.
	if (mask & Measurand.Energy) sampledValue.push({ value: round(reading.energyWh, 10), context });
	if (mask & Measurand.Power && !isNaN(reading.powerW))
		sampledValue.push({
			value: round(reading.powerW, 1),
			context,
			measurand: "Power.Active.Import",
			unitOfMeasure: WATT,
		});
	for (let phase = 0; phase < 3; phase++) {
		const amps = reading.currentA[phase] as number;
		if (mask & Measurand.Current && !isNaN(amps))
			sampledValue.push({
				value: round(amps, 100),
				context,
				measurand: "Current.Import",
				phase: CURRENT_PHASES[phase],
				unitOfMeasure: AMPERE,
			});
	}
	for (let phase = 0; phase < 3; phase++) {
		const volts = reading.voltageV[phase] as number;
		if (mask & Measurand.Voltage && !isNaN(volts))
			sampledValue.push({
				value: round(volts, 10),
				context,
				measurand: "Voltage",
				phase: VOLTAGE_PHASES[phase],
				unitOfMeasure: VOLT,
			});
	}
	return sampledValue.length === 0 ? undefined : { timestamp: formatDateTime(utcMs), sampledValue };
}

function round(value: number, steps: number): number {
	return Math.round(value * steps) / steps;
}
