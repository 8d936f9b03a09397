// TransactionEvents as a station makes them in daily use, for measurements: charging patterns from a seed, without end, the same
// each time. The events are those of blocks/transactions.ts, the readings go through model/measure.ts; what is drawn is the
// world: when people come, how much their cars take, and the small noise of mains, meters and clocks.

import "../board/xs-globals.js";
import { formatDateTime } from "../../modules/core/datetime.js";
import { uuid } from "../../modules/core/uuid.js";
import { Measurand, meterValue } from "../../modules/model/measure.js";
import type { MeterReading } from "../../modules/ports/evse-port.js";
import type { MeterValueType, TransactionEventRequest } from "../../preload/payloads.js";
import { Dice } from "../sim/dice.js";

export interface Pattern {
	name: string;
	about: string;
	evses: number;
	phases: 1 | 3;
	/** What the vehicles take per phase at most, in amperes. */
	amps: readonly number[];
	/** SampledDataCtrlr.TxUpdatedInterval in seconds, and TxUpdatedMeasurands. */
	intervalSeconds: number;
	updated: number;
	/** TxStartedMeasurands and TxEndedMeasurands. */
	bounds: number;
	/** Energy of a charge in Wh, from and to; minutes that a car stays afterwards and that a place is empty, from and to. */
	energyWh: readonly [number, number];
	stayMinutes: readonly [number, number];
	emptyMinutes: readonly [number, number];
	/** Places on the register, in Wh. */
	registerStepWh: number;
}

const ALL = Measurand.Energy | Measurand.Power | Measurand.Current | Measurand.Voltage;

/** Four measurands of three phases are eight sampled values in each event. */
export const PATTERNS: readonly Pattern[] = [
	{
		name: "home", about: "one wallbox at home: 7 kW on one phase over night, energy and power every 15 minutes",
		evses: 1, phases: 1, amps: [13, 16, 32], intervalSeconds: 900, updated: Measurand.Energy | Measurand.Power, bounds: Measurand.Energy,
		energyWh: [6_000, 45_000], stayMinutes: [20, 500], emptyMinutes: [300, 1000], registerStepWh: 0.1,
	},
	{
		name: "fleet", about: "a van of a fleet on one phase: four measurands every 60 seconds, one transaction after the other",
		evses: 1, phases: 1, amps: [16, 32], intervalSeconds: 60, updated: ALL, bounds: Measurand.Energy,
		energyWh: [8_000, 40_000], stayMinutes: [0, 90], emptyMinutes: [5, 60], registerStepWh: 0.1,
	},
	{
		name: "depot", about: "two places of a depot on three phases at a time: four measurands, eight values, every 60 seconds",
		evses: 2, phases: 3, amps: [16, 32], intervalSeconds: 60, updated: ALL, bounds: ALL,
		energyWh: [10_000, 60_000], stayMinutes: [0, 60], emptyMinutes: [5, 60], registerStepWh: 0.1,
	},
	{
		name: "short", about: "short stops at a shop: 3 to 20 minutes, energy and power every 60 seconds",
		evses: 2, phases: 3, amps: [10, 16, 32], intervalSeconds: 60, updated: Measurand.Energy | Measurand.Power, bounds: Measurand.Energy,
		energyWh: [400, 4_000], stayMinutes: [0, 3], emptyMinutes: [2, 20], registerStepWh: 0.1,
	},
];

export interface TraceEvent {
	event: TransactionEventRequest;
	/** When it was made. */
	utcMs: number;
}

/** Where the traces begin: a Sunday evening. */
const BEGIN_MS = Date.UTC(2026, 2, 1, 18, 0, 0);
const MINUTE_MS = 60_000;
/** Up to so many milliseconds after a timer was due a step has run. */
const LATE_MS = 12;
/** A battery above this share takes less and less. */
const TAPER = 0.85;

/** Mains of one house: a slow walk around 230 V for each phase, and the load of the others. */
class Mains {
	private readonly volts = [231.2, 229.6, 230.4];

	constructor(private readonly dice: Dice, private readonly phases: number) {}

	/** Fills in what the meter shows: volts, and amps around `amps`. */
	read(reading: MeterReading, amps: number): void {
		reading.powerW = 0;
		for (let phase = 0; phase < 3; phase++) {
			const isWired = phase < this.phases;
			const volts = (this.volts[phase] += (230.3 - this.volts[phase]) * 0.05 + this.noise() * 0.5);
			const its = amps === 0 ? 0 : amps + this.noise() * 0.04;
			reading.voltageV[phase] = isWired ? volts - amps * 0.05 : NaN;
			reading.currentA[phase] = isWired ? its : NaN;
			if (isWired) reading.powerW += reading.voltageV[phase] * its * 0.995;
		}
	}

	/** Near to a normal distribution, deviation 1. */
	private noise(): number {
		return (this.dice.next() + this.dice.next() + this.dice.next() + this.dice.next() - 2) * Math.sqrt(3);
	}
}

/** The events of one EVSE, one transaction after the other, without end. */
function* place(pattern: Pattern, dice: Dice, evseId: number): Generator<TraceEvent> {
	const mains = new Mains(dice.fork("mains"), pattern.phases);
	const reading: MeterReading = { energyWh: 0, powerW: 0, currentA: [0, 0, 0], voltageV: [0, 0, 0] };
	let energyWh = dice.between(200_000, 9_000_000) / 10;
	let utcMs = BEGIN_MS + dice.below(30 * MINUTE_MS);
	const show = (amps: number): MeterReading => {
		mains.read(reading, amps);
		reading.energyWh = Math.floor(energyWh / pattern.registerStepWh) * pattern.registerStepWh;
		return reading;
	};
	for (;;) {
		const transactionId = uuid(dice);
		const idToken = { idToken: dice.fork(transactionId).word().toString(16).toUpperCase().padStart(8, "0"), type: "ISO14443" } as const;
		const amps = dice.pick(pattern.amps);
		const wantedWh = dice.between(pattern.energyWh[0], pattern.energyWh[1]);
		let seqNo = 0;
		let chargingState: "EVConnected" | "Charging" | "SuspendedEV" = "EVConnected";
		const make = (eventType: TransactionEventRequest["eventType"], triggerReason: TransactionEventRequest["triggerReason"],
			more: object = {}, values?: (MeterValueType | undefined)[]): TraceEvent => {
			const event: TransactionEventRequest = {
				eventType, timestamp: formatDateTime(utcMs), triggerReason, seqNo: seqNo++, offline: true,
				transactionInfo: { transactionId, chargingState }, ...more,
			};
			const meter = values?.filter((value) => value !== undefined);
			return { event: meter === undefined || meter.length === 0 ? event : { ...event, meterValue: meter as MeterValueType[] }, utcMs };
		};
		const startWh = energyWh;
		const startUtc = utcMs;
		const begun = meterValue(show(0), pattern.bounds, "Transaction.Begin", startUtc);
		yield make("Started", "Authorized", { evse: { id: evseId, connectorId: 1 }, idToken }, [begun]);
		utcMs += dice.between(800, 6000);
		chargingState = "Charging";
		yield make("Updated", "ChargingStateChanged");
		show(amps);
		let sampleMs = startUtc;
		let leaveMs = Infinity;
		for (;;) {
			sampleMs += pattern.intervalSeconds * 1000;
			if (leaveMs < sampleMs) break;
			const late = sampleMs + dice.below(LATE_MS);
			energyWh += (reading.powerW * (late - utcMs)) / 3_600_000;
			utcMs = late;
			const done = (energyWh - startWh) / wantedWh;
			const flow = done < TAPER ? amps : done >= 1 ? 0 : Math.max(1, (amps * (1.02 - done)) / (1.02 - TAPER));
			if (flow === 0 && chargingState === "Charging") {
				chargingState = "SuspendedEV";
				leaveMs = utcMs + dice.between(pattern.stayMinutes[0] * MINUTE_MS, pattern.stayMinutes[1] * MINUTE_MS);
				yield make("Updated", "ChargingStateChanged");
			}
			yield make("Updated", "MeterValuePeriodic", {}, [meterValue(show(flow), pattern.updated, "Sample.Periodic", utcMs)]);
		}
		utcMs = leaveMs;
		chargingState = "EVConnected";
		const first = meterValue({ ...reading, energyWh: Math.floor(startWh / pattern.registerStepWh) * pattern.registerStepWh },
			pattern.bounds & Measurand.Energy, "Transaction.Begin", startUtc);
		const ended = make("Ended", "StopAuthorized", { idToken }, [first, meterValue(show(0), pattern.bounds, "Transaction.End", utcMs)]);
		yield { ...ended, event: { ...ended.event, transactionInfo: { transactionId, chargingState, stoppedReason: "Local" } } };
		utcMs += dice.between(pattern.emptyMinutes[0] * MINUTE_MS, pattern.emptyMinutes[1] * MINUTE_MS);
	}
}

/** The events of all EVSEs of a pattern in the order in which they are made, without end. */
export function* trace(pattern: Pattern, seed: number): Generator<TraceEvent, never> {
	const dice = new Dice(`trace ${pattern.name} ${seed}`);
	const places = Array.from({ length: pattern.evses }, (_, i) => place(pattern, dice.fork(`evse ${i}`), i + 1));
	const next = places.map((its) => its.next().value as TraceEvent);
	for (;;) {
		const first = next.reduce((best, event, i) => (event.utcMs < next[best].utcMs ? i : best), 0);
		yield next[first];
		next[first] = places[first].next().value as TraceEvent;
	}
}

/** The first events of a trace: so many, or all of so many hours. */
export function take(pattern: Pattern, seed: number, most: { events?: number; hours?: number }): TransactionEventRequest[] {
	const taken: TransactionEventRequest[] = [];
	let begin: number | undefined;
	for (const { event, utcMs } of trace(pattern, seed)) {
		begin ??= utcMs;
		if (taken.length >= (most.events ?? Infinity) || utcMs - begin > (most.hours ?? Infinity) * 3_600_000) return taken;
		taken.push(event);
	}
	return taken;
}
