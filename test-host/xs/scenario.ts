// What the memory budget is measured on: one station with one EVSE, from boot through a transaction, with every message that
// asks for much memory. Figures come back by name; budget.json holds what they may be.

import { RestartCause, SocketError } from "../../modules/ports/events.js";
import { LIMITS } from "../../preload/limits.js";
import { openQueue, settle } from "../traces/queue.js";
import { PATTERNS, trace } from "../traces/traces.js";
import type { FlashMemory } from "../board/flash-memory.js";
import { XsBench, type BenchOptions } from "./bench.js";
import type { XsMemory } from "./xs-station.js";

/** Who holds RAM. */
export interface Holder {
	path: string;
	bytes: number;
	slots: number;
	chunks: number;
}

export interface Figures {
	[name: string]: number;
}

const COMPONENT = { name: "OCPPCommCtrlr" };
const HOSTILE_FRAMES = 10_000;
const STEADY_MESSAGES = 500;
/** A certificate as long as the longest that InstallCertificate carries (Part 2, InstallCertificateRequest.certificate). */
const CERTIFICATE_CHARACTERS = 5500;
const NESTING = 64;
/** Events that wait in a long queue; single records more than a station keeps, so that it seals; and more than are in a part. */
const QUEUED = 1000;
const UNSEALED = 600;
const PART_EVENTS = 150;
/** Samples of one second each that fill a block of flash. */
const SAMPLES_MS = 250_000;
/** A van on one phase: four measurands each minute. */
const FLEET = PATTERNS.find(({ name }) => name === "fleet")!;

export const PEAKS: { readonly [name: string]: (bench: XsBench) => void } = {
	installCertificate: (bench) => {
		const certificate = "-----BEGIN CERTIFICATE-----\\n".replace("\\n", "\n") + "A".repeat(CERTIFICATE_CHARACTERS - 54) + "\n-----END CERTIFICATE-----";
		bench.call("InstallCertificate", { certificateType: "CSMSRootCertificate", certificate });
	},
	fullInventory: (bench) => {
		const before = bench.csms.count("NotifyReport");
		bench.call("GetBaseReport", { requestId: 1, reportBase: "FullInventory" });
		bench.advance(5000);
		if (bench.csms.count("NotifyReport") === before) throw new Error("no report came");
	},
	getVariables: (bench) => {
		const item = { component: COMPONENT, variable: { name: "HeartbeatInterval" } };
		bench.call("GetVariables", { getVariableData: new Array(LIMITS.itemsPerMessage).fill(item) });
	},
	longValue: (bench) => {
		bench.call("SetVariables", { setVariableData: [{ attributeValue: "x".repeat(1000), component: COMPONENT, variable: { name: "HeartbeatInterval" } }] });
	},
	securityLog: (bench) => upload(bench, "SecurityLog"),
	diagnosticsLog: (bench) => upload(bench, "DiagnosticsLog"),
	customerInformation: (bench) => {
		const before = bench.csms.count("NotifyCustomerInformation");
		bench.call("CustomerInformation", { requestId: 2, report: true, clear: false, idToken: { idToken: "04A2B3", type: "ISO14443" } });
		bench.advance(5000);
		if (bench.csms.count("NotifyCustomerInformation") === before) throw new Error("no information came");
	},
	transaction: (bench) => {
		const before = bench.csms.count("TransactionEvent");
		bench.leave();
		bench.advance(5000);
		bench.charge();
		if (bench.csms.count("TransactionEvent") < before + 2) throw new Error("no transaction");
	},
	deepNesting: (bench) => bench.raw('[2,"deep","DataTransfer",{"vendorId":"v","data":' + "[".repeat(NESTING) + "]".repeat(NESTING) + "}]"),
	tooLong: (bench) => bench.raw('[2,"long","DataTransfer",{"vendorId":"v","data":"' + "y".repeat(LIMITS.rxBytes + 1000) + '"}]'),
};

/** Has a log fetched, until its file has arrived. */
function upload(bench: XsBench, logType: string): void {
	const before = bench.csms.files.length;
	bench.call("GetLog", { logType, requestId: 3, log: { remoteLocation: "http://files.example/logs/" } });
	bench.advance(10_000);
	if (bench.csms.files.length === before) throw new Error(`no ${logType} came`);
}

/** One round of ordinary traffic. */
export function ordinary(bench: XsBench, index: number): void {
	switch (index % 5) {
		case 0:
			bench.call("GetVariables", { getVariableData: [{ component: COMPONENT, variable: { name: "HeartbeatInterval" } }] });
			break;
		case 1:
			bench.call("SetVariables", { setVariableData: [{ attributeValue: "86400", component: COMPONENT, variable: { name: "HeartbeatInterval" } }] });
			break;
		case 2:
			bench.call("TriggerMessage", { requestedMessage: "Heartbeat" });
			break;
		case 3:
			bench.call("DataTransfer", { vendorId: "com.example", messageId: "m", data: { any: [1, 2, 3] } });
			break;
		default:
			bench.call("GetTransactionStatus", {});
	}
}

/** A frame whose names nobody knows; each has its own, so that a kept name would show. */
function hostileFrame(index: number): string {
	const name = `name${index}`;
	switch (index % 4) {
		case 0:
			return `[2,"h${index}","SetVariables",{"${name}":{"${name}x":[1,{"${name}y":2}]}}]`;
		case 1:
			return `[2,"h${index}","${name}",{"${name}":true}]`;
		case 2:
			return `[2,"h${index}","DataTransfer",{"vendorId":"${name}","data":{"${name}":1}}]`;
		default:
			return `{"${name}":[2,"h${index}"]}`;
	}
}

/** Puts events on a blank flash, as a station without network does: so many that are sealed, then so many single records; or all it takes. */
function fillQueue(flash: FlashMemory, sealed: number, singles: number): void {
	const outbox = openQueue(flash, 1);
	const events = trace(FLEET, 1);
	for (let i = 0; i < sealed + singles && outbox.thinned === 0; i++) {
		if (!outbox.append(events.next().value.event)) throw new Error("the queue of the scenario does not take its events");
		if (i < sealed) settle(outbox);
	}
	if (outbox.count < QUEUED) throw new Error("the queue of the scenario is too short");
}

/** A station that boots with a long queue; the CSMS does not answer for its events until it is let to. */
function queueBench(options: BenchOptions, sealed: number, singles: number): XsBench {
	const bench = new XsBench({ ...options, prepare: (flash) => fillQueue(flash, sealed, singles) });
	bench.csms.keepsMessages = false;
	bench.csms.answers.set("TransactionEvent", () => undefined);
	return bench;
}

/** Answers for so many events of what waits, then for none. */
function drain(bench: XsBench, events: number): void {
	let left = events;
	bench.csms.answers.set("TransactionEvent", () => (left-- > 0 ? {} : undefined));
	// One that was not answered is sent again after the time-out.
	for (let waited = 0; left > 0; waited++) {
		if (waited > 6000) throw new Error("the queue is not sent");
		bench.advance(100);
	}
}

/** Script instructions per event. */
function instructionsSince(bench: XsBench, before: number, events: number): number {
	return Math.round(((bench.station.memory().instructions - before) >>> 0) / events);
}

/** Charges without a link, until samples have filled a block. */
function sampleOffline(bench: XsBench): void {
	bench.call("SetVariables", { setVariableData: [{ attributeValue: "1", component: { name: "SampledDataCtrlr" }, variable: { name: "TxUpdatedInterval" } }] });
	bench.charge();
	bench.csms.drop(SocketError.closed);
	bench.advance(SAMPLES_MS);
}

/**
 * The queue: QUEUED events wait on flash, of which some are sealed after the boot; a session goes on while the backlog is sent; then an
 * area that is full is made room in.
 */
function queues(options: BenchOptions, figures: Figures): void {
	const long = queueBench(options, QUEUED, UNSEALED);
	try {
		const seal = long.peak(() => long.accept());
		figures["peak.seal"] = seal.peak;
		long.charge();
		figures["live.queue1000"] = long.live().live;
		const read = long.peak(() => drain(long, 10));
		figures["peak.read"] = read.peak;
		figures["extra.read"] = read.extra;
		const before = long.station.memory().instructions;
		drain(long, PART_EVENTS);
		figures["script.sent"] = instructionsSince(long, before, PART_EVENTS);
		long.leave();
	} finally {
		long.end();
	}
	const roomy = queueBench(options, QUEUED, 0);
	try {
		roomy.accept();
		sampleOffline(roomy);
		const before = roomy.station.memory().instructions;
		roomy.advance(2 * SAMPLES_MS);
		figures["script.sample"] = instructionsSince(roomy, before, (2 * SAMPLES_MS) / 1000);
	} finally {
		roomy.end();
	}
	const full = queueBench(options, 100_000, 0);
	try {
		full.accept();
		const merge = full.peak(() => sampleOffline(full));
		figures["peak.merge"] = merge.peak;
		figures["extra.merge"] = merge.extra;
		const before = full.station.memory().instructions;
		full.advance(SAMPLES_MS);
		figures["script.sampleFull"] = instructionsSince(full, before, SAMPLES_MS / 1000);
	} finally {
		full.end();
	}
}

/** Everything once, as fast as it goes: what the smallest `static` has to bear. Throws when the memory is not enough. */
export function everything(options: BenchOptions): void {
	const bench = new XsBench(options);
	bench.csms.keepsMessages = false;
	try {
		bench.accept().charge();
		for (let i = 0; i < 50; i++) ordinary(bench, i);
		for (const what of Object.values(PEAKS)) what(bench);
		for (let i = 0; i < 100; i++) bench.raw(hostileFrame(i));
		bench.csms.drop(SocketError.closed);
		bench.advance(1_800_000);
		bench.leave();
		bench.charge().leave();
	} finally {
		bench.end();
	}
	queues(options, {});
}

/** The figures of the budget, in bytes unless the name says otherwise. */
export function measure(options: BenchOptions): Figures {
	const figures: Figures = {};
	const bench = new XsBench(options);
	bench.csms.keepsMessages = false;
	try {
		bench.accept();
		const accepted = bench.live();
		figures["live.accepted"] = accepted.live;
		figures["live.accepted.slots"] = accepted.slots;
		figures["live.accepted.chunks"] = accepted.chunks;
		figures["native"] = accepted.native;
		bench.charge();
		ordinary(bench, 0);
		figures["live.charging"] = bench.live().live;
		for (let i = 0; i < 5; i++) ordinary(bench, i);
		const before = bench.live();
		for (let i = 0; i < STEADY_MESSAGES; i++) ordinary(bench, i);
		figures["leak.messages500"] = bench.live().live - before.live;
		const steady = bench.live();
		figures["keys"] = steady.keys;
		for (let i = 0; i < HOSTILE_FRAMES; i++) bench.raw(hostileFrame(i));
		const hostile = bench.live();
		figures["keys.hostile10000"] = hostile.keys - steady.keys;
		figures["leak.hostile10000"] = hostile.live - steady.live;
		for (const [name, what] of Object.entries(PEAKS)) {
			const { peak, extra } = bench.peak(() => what(bench));
			figures[`peak.${name}`] = peak;
			figures[`extra.${name}`] = extra;
		}
		figures["stack.peak"] = bench.station.memory().stackPeak;
		bench.leave();
		figures["live.after"] = bench.live().live;
		figures["aliases"] = bench.live().aliases;
	} finally {
		bench.end();
	}
	queues(options, figures);
	return figures;
}

/** Names below the firmware's object that are told apart. */
const HOLDER_DEPTH = 3;
const HOLDER_LEAST = 64;

/** Who holds the live memory of a station that the CSMS has accepted, the largest first; small ones are one line. */
export function holders(options: BenchOptions): Holder[] {
	const bench = new XsBench(options);
	try {
		bench.accept();
		const { slotBytes, slots, chunks, live } = bench.live();
		const list: Holder[] = [];
		for (const [path, [count, bytes]] of Object.entries(bench.station.census(HOLDER_DEPTH))) {
			list.push({ path: path === "" ? "firmware" : path, bytes: count * slotBytes + bytes, slots: count, chunks: bytes });
		}
		const large = list.filter(({ bytes }) => bytes >= HOLDER_LEAST).sort((a, b) => b.bytes - a.bytes);
		const small = list.filter(({ bytes }) => bytes < HOLDER_LEAST);
		const sum = (of: Holder[], what: "bytes" | "slots" | "chunks"): number => of.reduce((total, one) => total + one[what], 0);
		large.push({ path: `${small.length} others`, bytes: sum(small, "bytes"), slots: sum(small, "slots"), chunks: sum(small, "chunks") });
		large.push({ path: "engine", bytes: live - sum(list, "bytes"), slots: slots - sum(list, "slots"), chunks: chunks - sum(list, "chunks") });
		return large;
	} finally {
		bench.end();
	}
}

/** What a busy day has done to the memory. */
export interface Day {
	/** After the first boot of the day, accepted and idle; and the same at its end. */
	before: XsMemory;
	after: XsMemory;
	sessions: number;
	boots: number;
	drops: number;
	messages: number;
}

const DAY_MS = 86_400_000;

/**
 * Twenty-four virtual hours of a busy station: sessions one after the other, each with some ordinary traffic; every seventh loses
 * its link, and every tenth of the first half ends with a reboot.
 */
export function busyDay(options: BenchOptions, sessions: number): Day {
	const bench = new XsBench(options);
	bench.csms.keepsMessages = false;
	const paceMs = DAY_MS / sessions;
	let drops = 0;
	let boots = 1;
	try {
		bench.accept();
		bench.charge().leave();
		const before = bench.live();
		for (let session = 0; session < sessions; session++) {
			const startedMs = bench.clock.elapsedMs;
			bench.charge(`04A2B3${session.toString(16).padStart(4, "0")}`);
			for (let i = 0; i < 5; i++) ordinary(bench, session + i);
			bench.raw(hostileFrame(session));
			if (session % 7 === 3) {
				bench.csms.drop(SocketError.closed);
				drops++;
			}
			bench.advance(paceMs / 2);
			bench.leave(`04A2B3${session.toString(16).padStart(4, "0")}`);
			// In the second half nothing boots, so that what sessions leave behind adds up.
			if (session < sessions / 2 && session % 10 === 9) {
				bench.restart(RestartCause.watchdog);
				bench.advance(1000);
				boots++;
			}
			bench.advance(Math.max(0, startedMs + paceMs - bench.clock.elapsedMs));
			if (!bench.csms.isConnected) throw new Error(`session ${session}: the station is not back`);
		}
		bench.charge().leave();
		const messages = [...bench.csms.counts.values()].reduce((sum, count) => sum + count, 0);
		return { before, after: bench.live(), sessions, boots, drops, messages };
	} finally {
		bench.end();
	}
}
