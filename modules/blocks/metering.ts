// J. Meter values: says when a reading is due. Readings of a transaction become events (transactions.ts); the others
// are sent here, as they are when it is their turn, and are not kept while offline.
// Source: OCPP 2.0.1 Part 2, J01, J02, F06.FR.06.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import type { MeterValueType, MeterValuesRequest } from "../../preload/payloads.js";
import { Variable } from "../../preload/variables.js";
import type { Evse } from "../model/evse.js";
import { Due, meterValue } from "../model/measure.js";
import { Registration } from "../model/registration.js";
import { Triggered } from "../model/trigger.js";
import type { Block, Station } from "./block.js";

const DAY_MS = 86_400_000;

function meteringStep(station: Station): void {
	sampledStep(station);
	alignedStep(station, Variable.AlignedDataInterval, false);
	alignedStep(station, Variable.AlignedDataTxEndedInterval, true);
}

/** J02.FR.11. TxUpdatedInterval 0 is never; a new interval applies from the next sample on. */
function sampledStep(station: Station): void {
	const intervalMs = station.variables.number(Variable.SampledDataTxUpdatedInterval) * 1000;
	if (intervalMs === 0) return;
	const clock = station.host.clock;
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (evse.transactionId === "") continue;
		const elapsed = clock.since(evse.sampleMark);
		if (elapsed < intervalMs) {
			station.wakeWithin(intervalMs - elapsed);
			continue;
		}
		// The beat is kept, but samples that a long pause has missed are not made up.
		evse.sampleMark = elapsed < 2 * intervalMs ? (evse.sampleMark + intervalMs) | 0 : clock.ticks();
		evse.due |= Due.sampled;
		station.wakeWithin(0);
	}
}

/** J01.FR.14: at wall-clock multiples of the interval since midnight UTC, stamped with the boundary. */
function alignedStep(station: Station, variable: number, isForEnded: boolean): void {
	const intervalMs = station.variables.number(variable) * 1000;
	const utcMs = station.host.clock.utc();
	if (intervalMs === 0 || isNaN(utcMs)) return;
	const midnight = Math.floor(utcMs / DAY_MS) * DAY_MS;
	const boundary = midnight + Math.floor((utcMs - midnight) / intervalMs) * intervalMs;
	station.wakeWithin(Math.min(boundary + intervalMs, midnight + DAY_MS) - utcMs);
	const last = isForEnded ? station.endedBoundary : station.sentBoundary;
	if (isForEnded) station.endedBoundary = boundary;
	else station.sentBoundary = boundary;
	// The first boundary after boot, and one that a step of the clock has passed over or gone back behind, is not made up.
	if (isNaN(last) || boundary <= last || utcMs - boundary > ALIGNED_LATE_MS) return;
	for (let i = 0; i < station.evses.length; i++) reading(station, station.evses[i]!, boundary, isForEnded);
}

/** A boundary that is noticed later than this was jumped over by the clock. */
const ALIGNED_LATE_MS = 5000;

function reading(station: Station, evse: Evse, boundary: number, isForEnded: boolean): void {
	if (evse.transactionId !== "") {
		evse.due |= isForEnded ? Due.alignedEnded : Due.aligned;
		evse.boundaryUtc = boundary;
		station.wakeWithin(0);
	} else if (!isForEnded && station.isOnline) evse.alignedUtc = boundary;
}

// --- MeterValues ---

function evseWithValues(station: Station): Evse | undefined {
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (!isNaN(evse.alignedUtc) || evse.triggered & Triggered.meterValues) return evse;
	}
	return undefined;
}

/** Makes the reading that is to be sent, or drops the wish for one that the meter or an empty list does not allow. */
function meterValuesDue(station: Station): boolean {
	const evse = evseWithValues(station);
	if (evse === undefined) return false;
	const isAligned = !isNaN(evse.alignedUtc);
	const mask = station.variables.number(Variable.AlignedDataMeasurands);
	if (mask !== 0 && station.sample(evse)) return true;
	settle(evse, isAligned);
	return false;
}

function meterValues(station: Station): MeterValuesRequest {
	const evse = evseWithValues(station)!;
	const isAligned = !isNaN(evse.alignedUtc);
	const mask = station.variables.number(Variable.AlignedDataMeasurands);
	const utcMs = isAligned ? evse.alignedUtc : station.host.clock.utc();
	const value = meterValue(station.reading, mask, isAligned ? "Sample.Clock" : "Trigger", utcMs);
	// A reading of the moment is said once; whether it arrives does not matter enough to say it again.
	settle(evse, isAligned);
	return { evseId: evse.evseId, meterValue: [value as MeterValueType] };
}

function settle(evse: Evse, isAligned: boolean): void {
	if (isAligned) evse.alignedUtc = NaN;
	else evse.triggered &= ~Triggered.meterValues;
}

function meterValuesDone(): void {}

/** Readings outside a transaction are of the moment: what could not be sent is not sent later. */
function meteringLink(station: Station, up: boolean): void {
	if (up) return;
	for (let i = 0; i < station.evses.length; i++) {
		station.evses[i]!.alignedUtc = NaN;
		station.evses[i]!.triggered = 0;
	}
}

export const meteringBlock: Block = freeze({
	section: "J",
	calls: [],
	sends: [
		{
			action: Action.MeterValues,
			gate: Registration.Pending, // what a TriggerMessage asks for; clock-aligned ones are made when online only
			isDue: meterValuesDue,
			build: meterValues,
			onResult: meterValuesDone,
			onFailure: meterValuesDone,
		},
	],
	step: meteringStep,
	link: meteringLink,
});
