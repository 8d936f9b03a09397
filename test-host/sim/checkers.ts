// What must be true of every run, whatever seed, faults and CSMS: watched at the ports of the firmware, never inside it.
// Each rule has a name, under which a finding is reported.
// Source: OCPP 2.0.1 Part 2 E01, E04, E11 to E13, J02; Part 4 §4.1.

import { judge, Oracle } from "../csms/oracle.js";

/** The rules that can be broken. */
export const RULES = [
	"schema", "one CALL", "message id", "seqNo", "order", "content", "offline", "acknowledged", "attempts", "lost", "Ended", "energy", "contactor", "protection",
	"time", "date", "reply", "queue", "inbox", "rest", "crash", "busy", "RFC 6455", "wire",
	"security", "boot event", "log", "customer", "secret",
] as const;
export type Rule = (typeof RULES)[number];

export interface Finding {
	rule: Rule;
	text: string;
	/** Milliseconds since the beginning. */
	atMs: number;
}

/** A TransactionEvent, as far as the rules look at it. */
export interface EventLike {
	eventType: "Started" | "Updated" | "Ended";
	timestamp: string;
	seqNo: number;
	offline?: boolean;
	transactionInfo: { transactionId: string };
	evse?: { id: number };
	meterValue?: readonly { timestamp: string; sampledValue: readonly { value: number; measurand?: string; context?: string }[] }[];
}

/** One event that was generated, and what became of it. */
interface Known {
	event: EventLike;
	/** Place in the order of generation. */
	index: number;
	/** True when it was generated while messages passed and no link has dropped since. */
	isOnline: boolean;
	/** The CSMS has the whole message. */
	arrived: boolean;
	/** An answer was taken and nothing stood in the way of keeping that: it must not be sent again. */
	acknowledged: boolean;
	/** The same, but the flash failed or the power went: it may be sent again. */
	mayRepeat: boolean;
	/** Given up after its attempts. */
	givenUp: boolean;
	/** Attempts that failed in this life of the firmware, when the next may be made, and whether the last came to an end. */
	failures: number;
	retryAtMs: number;
}

interface Transaction {
	evse: number;
	nextSeqNo: number;
	started: boolean;
	ended: boolean;
	beginWh: number;
	events: Map<number, Known>;
}

export interface CheckerOptions {
	elapsedMs(): number;
	/** No message may carry an older date. */
	earliestUtc: number;
	/** Time of day of the station; NaN while it has none. */
	utc(): number;
}

/** A reading may be stamped with the clock-aligned boundary that it belongs to. */
const ALIGNED_MS = 6000;
const FINDINGS_MAX = 20;
/** Messages that may be on their way at once: answers to a flood of broken frames, and those of connections that have ended. */
const SAID_MAX = 256;

export class Checkers {
	readonly findings: Finding[] = [];
	readonly oracle = new Oracle();
	/** Counts for the summary of a run. */
	generated = 0;
	messages = 0;
	acknowledgements = 0;
	resent = 0;
	givenUp = 0;
	thinned = 0;
	refused = 0;
	private readonly transactions = new Map<string, Transaction>();
	private readonly order: Known[] = [];
	/** Running transaction by evse id. */
	private readonly running = new Map<number, string>();
	private readonly energyWh = new Map<number, number>();
	private readonly said: string[] = [];
	/** Events of which the flash said no, but which a later boot may find. */
	private readonly doubtful = new Map<string, EventLike>();
	/** The station's CALL that is under way; `answer` is what the CSMS said to it so far. */
	private openCall: { id: string; action: string; atMs: number; known: Known | undefined; answer: "none" | "good" | "bad" | "odd" } | undefined;
	private lastSentIndex = -1;
	/** All events before this one are acknowledged for good. */
	private firstOpen = 0;
	/** utc() minus elapsed time when the last event was generated, and its date. */
	private lastOffset = NaN;
	private lastUtc = NaN;
	/** Thinned events of which nobody was told, since the power went meanwhile. */
	private thinnedUnseen = 0;

	constructor(private readonly options: CheckerOptions) {}

	fail(rule: Rule, text: string): void {
		if (this.findings.length < FINDINGS_MAX) this.findings.push({ rule, text, atMs: this.options.elapsedMs() });
	}

	// The queue.

	/**
	 * The firmware has put an event into its queue, or could not.
	 * @param isOnline  messages pass and the station is registered
	 */
	appended(event: EventLike, kept: boolean, isOnline: boolean): void {
		const id = event.transactionInfo.transactionId;
		const name = nameOf(event);
		let transaction = this.transactions.get(id);
		if (transaction === undefined) {
			if (event.eventType !== "Started" || event.seqNo !== 0) return this.fail("seqNo", `${name} begins a transaction`);
			transaction = this.newTransaction(id, event);
		} else if (event.seqNo !== transaction.nextSeqNo) this.fail("seqNo", `${name}, expected ${transaction.nextSeqNo}`);
		if (transaction.ended) this.fail("Ended", `${name} follows the Ended`);
		const utcMs = Date.parse(event.timestamp);
		this.checkTime(name, utcMs);
		if (!kept) {
			this.doubtful.set(keyOf(event), event);
			if (event.eventType === "Updated") {
				this.refused++;
				transaction.nextSeqNo = event.seqNo + 1;
			}
			return;
		}
		this.enter(transaction, event, isOnline);
	}

	private newTransaction(id: string, event: EventLike): Transaction {
		const transaction = { evse: event.evse?.id ?? 0, nextSeqNo: 0, started: false, ended: false, beginWh: NaN, events: new Map<number, Known>() };
		this.transactions.set(id, transaction);
		return transaction;
	}

	/** An event is on flash. */
	private enter(transaction: Transaction, event: EventLike, isOnline: boolean): void {
		const id = event.transactionInfo.transactionId;
		const known: Known = {
			event, index: this.order.length, isOnline, arrived: false, acknowledged: false, mayRepeat: false, givenUp: false, failures: 0, retryAtMs: 0,
		};
		this.doubtful.delete(keyOf(event));
		this.order.push(known);
		this.generated++;
		transaction.events.set(event.seqNo, known);
		transaction.nextSeqNo = event.seqNo + 1;
		if (event.eventType === "Started") {
			const before = this.running.get(transaction.evse);
			if (before !== undefined) this.fail("Ended", `${nameOf(event)} while ${before} runs on EVSE ${transaction.evse}`);
			this.running.set(transaction.evse, id);
			transaction.started = true;
		}
		if (event.eventType === "Ended") {
			this.running.delete(transaction.evse);
			transaction.ended = true;
		}
		this.checkEnergy(transaction, event);
	}

	/** Registers only rise, in each event and from one to the next (J02.FR.16). */
	private checkEnergy(transaction: Transaction, event: EventLike): void {
		let inside = -Infinity;
		let lastContext = "";
		for (const value of event.meterValue ?? []) {
			for (const sample of value.sampledValue) {
				if (sample.measurand !== undefined && sample.measurand !== "Energy.Active.Import.Register") continue;
				if (sample.value < inside) this.fail("energy", `${nameOf(event)}: ${sample.value} Wh follows ${inside} Wh`);
				inside = sample.value;
				lastContext = sample.context ?? "";
				if (sample.context !== "Transaction.Begin") continue;
				if (sample.value !== transaction.beginWh && !Number.isNaN(transaction.beginWh)) {
					this.fail("energy", `${nameOf(event)} begins with ${sample.value} Wh, the transaction began with ${transaction.beginWh} Wh`);
				}
				transaction.beginWh = sample.value;
			}
		}
		if (inside === -Infinity) return;
		const last = this.energyWh.get(transaction.evse) ?? 0;
		// An Ended without the register at the end, because the meter was silent or nobody asked for it, has only old readings.
		const isPresent = event.eventType !== "Ended" || lastContext === "Transaction.End";
		if (isPresent && inside < last) this.fail("energy", `${nameOf(event)}: ${inside} Wh, the register had ${last} Wh`);
		this.energyWh.set(transaction.evse, Math.max(inside, last));
	}

	private checkTime(name: string, utcMs: number): void {
		const now = this.options.utc();
		const offset = now - this.options.elapsedMs();
		if (!(utcMs <= now && utcMs >= now - ALIGNED_MS)) this.fail("time", `${name} is dated ${utcMs}, the clock says ${now}`);
		if (utcMs < this.options.earliestUtc) this.fail("date", `${name} is dated ${utcMs}`);
		const steppedBack = Math.max(0, this.lastOffset - offset);
		if (utcMs < this.lastUtc - steppedBack - ALIGNED_MS) this.fail("time", `${name} is ${this.lastUtc - utcMs} ms before the last event`);
		this.lastUtc = utcMs;
		this.lastOffset = offset;
	}

	/** Observer.generated. */
	announced(id: string, seqNo: number, type: number): void {
		const event = this.transactions.get(id)?.events.get(seqNo)?.event;
		if (event === undefined || event.eventType !== (["Started", "Updated", "Ended"] as const)[type]) {
			this.fail("content", `announced ${id} ${seqNo} is not what was queued`);
		}
	}

	/** So many Updated were thinned. */
	thinnedOut(count: number): void {
		this.thinned += count;
	}

	/** The link is down: what waits is offline (E11.FR.07). */
	linkDropped(): void {
		for (const known of this.waiting()) known.isOnline = false;
	}

	/** Events that may still be sent, oldest first. */
	private *waiting(): Generator<Known> {
		while (this.order[this.firstOpen]?.acknowledged) this.firstOpen++;
		for (let i = this.firstOpen; i < this.order.length; i++) if (!this.order[i].acknowledged) yield this.order[i];
	}

	/**
	 * The firmware has booted and found these events, whether sent or not.
	 * @param mayHaveThinned  the power went while the queue was nearly full
	 */
	booted(found: readonly { event: EventLike; acknowledged: boolean }[], mayHaveThinned: boolean): void {
		const present = new Set<string>();
		for (const { event } of found) {
			const key = keyOf(event);
			present.add(key);
			const id = event.transactionInfo.transactionId;
			if (this.transactions.get(id)?.events.has(event.seqNo)) continue;
			const doubtful = this.doubtful.get(key);
			if (doubtful === undefined) {
				this.fail("content", `${nameOf(event)} is on flash, but was never generated`);
				continue;
			}
			this.enter(this.transactions.get(id) ?? this.newTransaction(id, doubtful), doubtful, false);
		}
		this.doubtful.clear();
		for (const known of this.waiting()) {
			known.isOnline = false;
			known.failures = 0;
			if (known.mayRepeat || known.givenUp || present.has(keyOf(known.event)) || known.arrived) continue;
			if (known.event.eventType !== "Updated") this.fail("lost", `${nameOf(known.event)} is not on flash after a boot`);
			else if (mayHaveThinned && !known.acknowledged) this.thinnedUnseen++;
		}
		for (const transaction of this.transactions.values()) {
			let last = -1;
			if (transaction.ended) continue;
			for (const seqNo of transaction.events.keys()) last = Math.max(last, seqNo);
			transaction.nextSeqNo = last + 1;
		}
		this.openCall = undefined;
		this.oracle.connected();
	}

	// The messages.

	/** A connection stands, or is gone. */
	connected(): void {
		this.oracle.connected();
		this.openCall = undefined;
	}

	/** The firmware has handed a whole message to its transport; a CALL began at `sinceMs`. */
	sent(text: string, sinceMs: number): void {
		this.messages++;
		this.said.push(text);
		if (this.said.length > SAID_MAX) this.said.shift();
		const from = this.oracle.violations.length;
		const frame = this.oracle.observe(true, text);
		for (const violation of this.oracle.violations.slice(from)) this.fail(ruleOf(violation.text), `${violation.action}: ${violation.text}: ${text}`);
		for (const [date] of text.matchAll(/\b\d{4}-\d\d-\d\dT[^"]+/g)) {
			const utcMs = Date.parse(date);
			if (!(utcMs >= this.options.earliestUtc)) this.fail("date", `${date} in ${text}`);
		}
		if (frame.type !== 2) return;
		if (this.openCall !== undefined) this.fail("one CALL", `${frame.action} while ${this.openCall.action} is under way`);
		this.openCall = { id: frame.id, action: frame.action, atMs: sinceMs, known: undefined, answer: "none" };
		if (frame.action === "TransactionEvent") this.eventSent(frame.payload as EventLike);
	}

	private eventSent(event: EventLike): void {
		const name = nameOf(event);
		const known = this.transactions.get(event.transactionInfo.transactionId)?.events.get(event.seqNo);
		if (known === undefined) return this.fail("content", `${name} is sent, but was never generated`);
		if (this.openCall !== undefined) this.openCall.known = known;
		if (known.arrived) this.resent++;
		if (known.acknowledged) this.fail("acknowledged", `${name} is sent again`);
		if (known.index < this.lastSentIndex && !known.mayRepeat) this.fail("order", `${name} is sent behind a later one`);
		this.lastSentIndex = known.index;
		if (this.options.elapsedMs() < known.retryAtMs && known.failures > 0) {
			this.fail("attempts", `${name} is sent ${known.retryAtMs - this.options.elapsedMs()} ms too early (E13.FR.03)`);
		}
		if ((event.offline === true) === known.isOnline) this.fail("offline", `${name} is sent with offline ${event.offline}`);
		if (!sameEvent(event, known.event)) this.fail("content", `${name} is sent as ${JSON.stringify(event)}, was ${JSON.stringify(known.event)}`);
	}

	/** A whole message has come from the CSMS; the firmware will look at it before it looks at anything else. */
	received(text: string): void {
		const frame = this.oracle.observe(false, text);
		const call = this.openCall;
		if (call === undefined || frame.id !== call.id || (frame.type !== 3 && frame.type !== 4) || call.answer !== "none") return;
		const parts = JSON.parse(text) as unknown[];
		if (frame.type === 4) call.answer = "bad";
		// What breaks the frame itself may count as no answer at all.
		else if (parts.length !== 3 || typeof parts[2] !== "object" || parts[2] === null) call.answer = "odd";
		else call.answer = judge(call.action, false, parts[2]) === "" ? "good" : "bad";
	}

	/** The firmware has taken an answer to its CALL. */
	answerTaken(action: string): void {
		const call = this.openCall;
		if (call === undefined || call.action !== action || call.answer !== "good") this.fail("reply", `${action} is done without a valid answer`);
		this.closeCall();
	}

	/** The firmware counts its CALL as refused (1), timed out (2) or cut off by the end of the connection (3). */
	callFailed(action: string, failure: number, timeoutMs: number, retryMs: number, head: EventLike | undefined): void {
		const call = this.openCall;
		if (call === undefined) {
			// It stuck in the transport: that is no answer in time, and nothing else.
			if (failure === 1) this.fail("one CALL", `${action} is refused, but was not sent`);
			if (failure !== 2 || action !== "TransactionEvent" || head === undefined) return;
			const stuck = this.transactions.get(head.transactionInfo.transactionId)?.events.get(head.seqNo);
			if (stuck !== undefined) this.lastSentIndex = stuck.index;
			return this.countFailure(stuck, retryMs);
		}
		const waitedMs = this.options.elapsedMs() - call.atMs;
		if (failure === 2 && waitedMs < timeoutMs) this.fail("one CALL", `${call.action} is given up after ${waitedMs} of ${timeoutMs} ms`);
		if (failure === 1 && (call.answer === "good" || call.answer === "none")) this.fail("reply", `${call.action} counts as refused`);
		this.closeCall();
		if (failure !== 3) this.countFailure(call.known, retryMs);
	}

	private countFailure(known: Known | undefined, retryMs: number): void {
		if (known === undefined) return;
		known.failures++;
		known.retryAtMs = this.options.elapsedMs() + known.failures * retryMs;
	}

	private closeCall(): void {
		this.oracle.abandon();
		this.openCall = undefined;
	}

	/** An event was given up after `attempts` transmissions; `allowed` is MessageAttempts (E13.FR.04). */
	discarded(seqNo: number, attempts: number, allowed: number): void {
		const known = this.order[this.lastSentIndex];
		this.givenUp++;
		if (known === undefined || known.event.seqNo !== seqNo) return this.fail("attempts", `seqNo ${seqNo} is given up, which was not sent last`);
		if (known.failures < allowed || attempts < allowed) {
			this.fail("attempts", `${nameOf(known.event)} is given up after ${known.failures} of ${allowed} attempts`);
		}
		known.givenUp = true;
	}

	/** The head of the queue was taken out; `isDurable` when that is on flash. */
	tookOut(isDurable: boolean): void {
		const known = this.order[this.lastSentIndex];
		if (known === undefined) return this.fail("lost", "something left the queue before anything was sent");
		if (!isDurable) known.mayRepeat = true;
		else if (!known.givenUp) known.acknowledged = true;
		if (known.givenUp) return;
		this.acknowledgements++;
		if (!known.arrived) this.fail("lost", `${nameOf(known.event)} left the queue, but never arrived`);
	}

	/** A whole message has arrived at the CSMS. */
	arrived(text: string): void {
		if (!this.said.includes(text)) this.fail("wire", `what arrived was not said: ${text.slice(0, 200)}`);
		const [type, , action, event] = JSON.parse(text) as [number, string, string, EventLike];
		if (type !== 2 || action !== "TransactionEvent") return;
		const known = this.transactions.get(event.transactionInfo.transactionId)?.events.get(event.seqNo);
		if (known !== undefined) known.arrived = true;
	}

	// The power hardware.

	/** The contactor of an EVSE is closed. */
	contactorClosed(evse: number, transactionId: string, limitMilliamps: number, isEnding: boolean): void {
		const transaction = this.transactions.get(transactionId);
		const reason = transactionId === "" ? "no transaction runs" : transaction === undefined || !transaction.started ? "its Started is not on flash" :
			transaction.ended || isEnding ? "its transaction has ended" : limitMilliamps <= 0 ? "the permit is 0" : "";
		if (reason !== "") this.fail("contactor", `EVSE ${evse} is closed, but ${reason}`);
	}

	// The end.

	/** All trouble is over, time has passed, and the firmware says that nothing waits. */
	atRest(queued: number): void {
		if (queued !== 0) this.fail("rest", `${queued} events are left in the queue`);
		for (const [id, transaction] of this.transactions) {
			if (transaction.started && !transaction.ended) this.fail("Ended", `${id} has no Ended`);
		}
		let missing = 0;
		for (const { event, arrived, acknowledged, givenUp } of this.order) {
			if (arrived || givenUp) continue;
			if (acknowledged) this.fail("lost", `${nameOf(event)} is acknowledged, but never arrived`);
			else if (event.eventType !== "Updated") this.fail("lost", nameOf(event));
			else missing++;
		}
		const allowed = this.thinned + this.thinnedUnseen;
		if (missing > allowed) this.fail("lost", `${missing} Updated are missing, ${allowed} were thinned`);
	}
}

function nameOf(event: EventLike): string {
	return `${event.transactionInfo.transactionId} ${event.seqNo} ${event.eventType}`;
}

function keyOf(event: EventLike): string {
	return `${event.transactionInfo.transactionId}/${event.seqNo}`;
}

function ruleOf(text: string): Rule {
	return /Part 4 §4\.1\.1/.test(text) ? "one CALL" : /Part 4 §4\.1\.4/.test(text) ? "message id" : "schema";
}

/** A payload of any type makes a frame; one that is no object is an answer that breaks its schema. */
function isResultFrame(text: string): boolean {
	return (JSON.parse(text) as unknown[]).length === 3;
}

function isErrorFrame(text: string): boolean {
	const parts = JSON.parse(text) as unknown[];
	return parts.length >= 3 && typeof parts[2] === "string";
}

/** Every field equal, except `offline`; an Ended that was too long may have lost readings from its middle. */
function sameEvent(sent: EventLike, generated: EventLike): boolean {
	const { offline: _sent, ...one } = sent;
	const { offline: _generated, ...two } = generated;
	if (canonical(one) === canonical(two)) return true;
	const [few, many] = [sent.meterValue ?? [], generated.meterValue ?? []];
	if (few.length < 2 || few.length >= many.length) return false;
	const all = many.map(canonical);
	const isThinned = few.every((value) => all.includes(canonical(value))) && canonical(few[0]) === all[0] && canonical(few.at(-1)) === all.at(-1);
	return isThinned && canonical({ ...one, meterValue: [] }) === canonical({ ...two, meterValue: [] });
}

/** JSON with the members of every object in the order of their names. */
function canonical(value: unknown): string {
	return JSON.stringify(value, (_key, member: unknown) =>
		typeof member === "object" && member !== null && !Array.isArray(member)
			? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
			: member);
}
