// Watches the messages of one station: takes them apart for people, and adds up the bill of a transaction.

import { EventEmitter } from "node:events";
import { Oracle, type Frame } from "../csms/oracle.js";

/** What a person sees of a message. */
export interface Seen extends Frame {
	/** What matters in it, in a few words. */
	gist: string;
}

export interface Bill {
	transactionId: string;
	startedAt: string;
	stoppedAt: string;
	startWh: number;
	stopWh: number;
	/** TransactionEvents of this transaction that the CSMS has answered. */
	events: number;
}

interface SampledValue {
	value: number;
	measurand?: string;
	context?: string;
	phase?: string;
	unitOfMeasure?: { unit?: string; multiplier?: number };
}

interface TransactionEvent {
	eventType: string;
	timestamp: string;
	triggerReason: string;
	seqNo: number;
	transactionInfo: { transactionId: string; chargingState?: string; stoppedReason?: string };
	meterValue?: { timestamp: string; sampledValue: SampledValue[] }[];
}

export class Watch {
	/** Judge of all that passed; its violations are the station's or the CSMS's. */
	readonly oracle = new Oracle();
	readonly seen: Seen[] = [];
	/** CALLs of the station that were answered with CALLERROR. */
	readonly refused: Seen[] = [];
	private readonly events = new EventEmitter();

	constructor() {
		this.events.setMaxListeners(0);
	}

	/** Takes one message in. */
	message(fromStation: boolean, text: string): Seen {
		const frame = this.oracle.observe(fromStation, text);
		const seen = { ...frame, gist: gistOf(frame) };
		this.seen.push(seen);
		if (!fromStation && frame.type === 4) this.refused.push(seen);
		this.events.emit("seen", seen);
		return seen;
	}

	/**
	 * Waits for a message, those that passed since `from` included.
	 * @throws an Error "no <what> within … s"
	 */
	until(wanted: (seen: Seen) => boolean, what: string, timeoutMs: number, from: number = 0): Promise<Seen> {
		const there = this.seen.slice(from).find(wanted);
		if (there !== undefined) return Promise.resolve(there);
		return new Promise((resolve, reject) => {
			const take = (seen: Seen): void => {
				if (!wanted(seen)) return;
				clearTimeout(timer);
				this.events.off("seen", take);
				resolve(seen);
			};
			const timer = setTimeout(() => {
				this.events.off("seen", take);
				reject(new Error(`no ${what} within ${timeoutMs / 1000} s`));
			}, timeoutMs);
			this.events.on("seen", take);
		});
	}

	/**
	 * The bill of a transaction, from what was sent and answered.
	 * @throws an Error with one line when something is missing in it
	 */
	bill(transactionId: string): Bill {
		const sent = this.seen.filter((seen) => seen.fromStation && seen.type === 2 && seen.action === "TransactionEvent" &&
			(seen.payload as TransactionEvent).transactionInfo.transactionId === transactionId);
		const answered = new Set(this.seen.filter((seen) => !seen.fromStation && seen.type === 3).map((seen) => seen.id));
		const events = sent.filter((seen) => answered.has(seen.id)).map((seen) => seen.payload as TransactionEvent);
		const started = events.find((event) => event.eventType === "Started");
		const ended = events.find((event) => event.eventType === "Ended");
		if (started === undefined) throw new Error("the CSMS has not confirmed a Started event");
		if (ended === undefined) throw new Error("the CSMS has not confirmed an Ended event");
		const numbers = [...new Set(events.map((event) => event.seqNo))].sort((a, b) => a - b);
		if (numbers.some((seqNo, index) => seqNo !== index)) throw new Error(`events are missing: seqNo ${numbers.join(", ")}`);
		return {
			transactionId,
			startedAt: started.timestamp,
			stoppedAt: ended.timestamp,
			startWh: registerOf(started, "Transaction.Begin"),
			stopWh: registerOf(ended, "Transaction.End"),
			events: numbers.length,
		};
	}
}

/** Energy.Active.Import.Register in Wh of the reading with this context. */
function registerOf(event: TransactionEvent, context: string): number {
	for (const { sampledValue } of event.meterValue ?? []) {
		for (const sample of sampledValue) {
			const isRegister = (sample.measurand ?? "Energy.Active.Import.Register") === "Energy.Active.Import.Register";
			if (!isRegister || sample.phase !== undefined || sample.context !== context) continue;
			const { unit = "Wh", multiplier = 0 } = sample.unitOfMeasure ?? {};
			return sample.value * 10 ** multiplier * (unit === "kWh" ? 1000 : 1);
		}
	}
	throw new Error(`the ${event.eventType} event has no energy register with context ${context}`);
}

/** A few words for a person: by action where a sentence helps, otherwise the plain members. */
function gistOf(frame: Frame): string {
	if (frame.type === 4) return `${frame.errorCode} ${frame.errorDescription}`.trim();
	const payload = (frame.payload ?? {}) as { [name: string]: unknown };
	if (frame.type === 3) return plainMembers(payload) || "ok";
	if (frame.action === "TransactionEvent") return transactionGist(payload as unknown as TransactionEvent);
	if (frame.action === "SetVariables" || frame.action === "GetVariables") return variablesGist(payload);
	return plainMembers(payload);
}

function transactionGist(event: TransactionEvent): string {
	const words = [event.eventType, event.triggerReason, `seqNo ${event.seqNo}`];
	if (event.transactionInfo.chargingState !== undefined) words.push(event.transactionInfo.chargingState);
	if (event.transactionInfo.stoppedReason !== undefined) words.push(event.transactionInfo.stoppedReason);
	const last = event.meterValue?.at(-1)?.sampledValue.find((sample) => sample.measurand === undefined || /Register/.test(sample.measurand));
	if (last !== undefined) words.push(`${last.value} ${last.unitOfMeasure?.unit ?? "Wh"}`);
	return words.join(" ");
}

function variablesGist(payload: { [name: string]: unknown }): string {
	const [list] = Object.values(payload);
	if (!Array.isArray(list)) return "";
	return list.map((item: { component?: { name?: string }; variable?: { name?: string }; attributeValue?: string }) =>
		`${item.component?.name}.${item.variable?.name}${item.attributeValue === undefined ? "" : "=" + item.attributeValue}`).join(" ");
}

/** Members that are plain values, one level deep in objects; times of day say little beside the time of the line. */
function plainMembers(payload: { [name: string]: unknown }, depth: number = 0): string {
	const words: string[] = [];
	for (const [name, value] of Object.entries(payload)) {
		if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) continue;
		if (Array.isArray(value)) words.push(value.map((item) => shallow(item, depth)).filter((text) => text !== "").slice(0, 3).join("; "));
		else if (typeof value === "object" && value !== null) words.push(shallow(value, depth));
		else words.push(typeof value === "string" ? value : `${name} ${String(value)}`);
	}
	return words.filter((text) => text !== "").join(" ");
}

function shallow(value: unknown, depth: number): string {
	if (typeof value !== "object" || value === null) return String(value);
	return depth === 0 ? plainMembers(value as { [name: string]: unknown }, 1) : "";
}
