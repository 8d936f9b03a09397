// Figures of the wire: bytes of the tables, bytes and counts per message, and the rate of decode + encode beside
// JSON.parse + ajv + JSON.stringify in the same run. The rate is of the desktop; what matters for a device are the
// counts and the ratio, which hardly depend on the machine.

import "../../test-host/board/xs-globals.js";

import { performance } from "node:perf_hooks";

import {
	ACTION_AT, ACTION_BYTES, ACTION_NAMES, NO_TYPE, REQUEST_TYPE, RESPONSE_TYPE, SENDER,
} from "../../preload/actions.js";
import * as schema from "../../preload/schema.js";
import { decode, Verdict } from "../../modules/core/decode.js";
import { Encoder } from "../../modules/core/encode.js";
import { Frame, scan } from "../../modules/core/scan.js";
import {
	FULL, kept, make, MAXIMAL, MINIMAL, type Payload, PAYLOADS, pruned, Random, type Style,
} from "../../test-host/vectors/generate.js";
import { Judge } from "../../test-host/vectors/judge.js";

const SEED = 20200331;
const PIECE_BYTES = 512;
const ROUNDS = 6;
const ROUND_SECONDS = 0.3;
/** Messages whose counts are shown: what a station meets all day, and the heavy ones. */
const SHOWN = [
	"BootNotification request", "Heartbeat response", "StatusNotification request", "Authorize response",
	"TransactionEvent request", "TransactionEvent response", "MeterValues request", "GetVariables request",
	"SetVariables request", "NotifyReport request", "SetChargingProfile request", "CertificateSigned request",
];

interface Sample {
	vector: Payload;
	name: string;
	action: number;
	type: number;
	bytes: Uint8Array;
}

function sampleOf(vector: Payload, style: Style, random: Random): Sample {
	// customData would be read by ajv and written by JSON.stringify, but only skipped by the station: leave it out.
	const payload = pruned(kept(make(vector.schema, random, style), vector.action === "DataTransfer"));
	const action = ACTION_NAMES.indexOf(vector.action);
	const id = "0123456789abcdef0123456789abcdef";
	const frame = vector.isRequest ? [2, id, vector.action, payload] : [3, id, payload];
	return {
		vector, action,
		name: `${vector.action} ${vector.isRequest ? "request" : "response"}`,
		type: (vector.isRequest ? REQUEST_TYPE : RESPONSE_TYPE)[action]!,
		bytes: new Uint8Array(Buffer.from(JSON.stringify(frame))),
	};
}

function samples(style: Style): Sample[] {
	const random = new Random(SEED);
	return PAYLOADS.map((vector) => sampleOf(vector, style, random)).filter((sample) => sample.type !== NO_TYPE);
}

const frame = new Frame();
const verdict = new Verdict();
const encoder = new Encoder();
const rx = new Uint8Array(1 << 20);
const tx = new Uint8Array(PIECE_BYTES);

/** Reads a message as the station does, from its receive buffer. */
function read(sample: Sample): object {
	rx.set(sample.bytes);
	scan(rx, sample.bytes.length, frame);
	const object = decode(rx, frame.payloadFrom, frame.payloadTo, sample.type, verdict);
	if (object === undefined) throw new Error(`${sample.name} was refused`);
	return object;
}

/** Writes a message as the station does, in pieces; returns its bytes. */
function write(sample: Sample, object: object): number {
	if (sample.vector.isRequest) encoder.startCall(frame.id, sample.action, object);
	else encoder.startResult(frame.id, sample.action, object);
	let bytes = 0;
	while (!encoder.done) bytes += encoder.fill(tx, 0, PIECE_BYTES);
	return bytes;
}

/** Objects and lists in a value: what the engine has to make beside the strings. */
function holders(value: unknown): { objects: number; members: number; lists: number; items: number } {
	const sum = { objects: 0, members: 0, lists: 0, items: 0 };
	const visit = (part: unknown): void => {
		if (part === null || typeof part !== "object") return;
		const inner = Object.values(part);
		if (Array.isArray(part)) {
			sum.lists++;
			sum.items += inner.length;
		} else {
			sum.objects++;
			sum.members += inner.length;
		}
		inner.forEach(visit);
	};
	visit(value);
	return sum;
}

/**
 * Slots that a decoded payload holds on XS: an object is one and one per member, a list two; a list's items and all
 * strings are chunks. The same as measured on the engine for plain objects and arrays.
 */
function slots(value: unknown): number {
	const { objects, members, lists } = holders(value);
	return objects + members + 2 * lists;
}

/** Calls per second of `once` over all samples in at least `seconds`. */
function rate(all: readonly Sample[], seconds: number, once: (sample: Sample) => void): number {
	const start = performance.now();
	let count = 0;
	let elapsed = 0;
	do {
		for (const sample of all) once(sample);
		count += all.length;
		elapsed = performance.now() - start;
	} while (elapsed < seconds * 1000);
	return (count * 1000) / elapsed;
}

/** Prints the figures of the wire. */
export function benchWire(print: (line: string) => void = console.log): void {
	const numbers = [
		schema.ROWS, schema.TYPE_AT, schema.ENUM_AT, schema.ENUM_VALUES, schema.NAME_AT, schema.VALUE_AT, ACTION_AT,
		REQUEST_TYPE, RESPONSE_TYPE, SENDER,
	]
		.reduce((sum, table) => sum + table.byteLength, 0);
	const characters = schema.NAME_BYTES.length + schema.VALUE_BYTES.length + ACTION_BYTES.length;
	const types = schema.TYPE_AT.length - 1;
	const rows = schema.ROWS.length / schema.ROW_SIZE;
	print(`wire: tables of ${types} types, ${rows} rows: ${numbers} bytes of numbers, ${characters} bytes of text`);

	for (const [label, style] of [["minimal", MINIMAL], ["full", FULL], ["maximal", MAXIMAL]] as const) {
		const all = samples(style);
		const sizes = all.map((sample) => sample.bytes.length).sort((a, b) => a - b);
		const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
		const median = sizes[sizes.length >> 1];
		const spread = `mean ${mean.toFixed(0)}, median ${median}, largest ${sizes.at(-1)}`;
		print(`wire: ${all.length} ${label} messages: bytes ${spread}`);
	}

	const full = samples(FULL);
	print("wire: per message with all members but customData:");
	print("wire:   message                       bytes in, members read, strings made, XS slots held, bytes out");
	for (const name of SHOWN) {
		const sample = full.find((each) => each.name === name)!;
		const object = read(sample);
		const { members, strings } = verdict;
		const bytes = write(sample, object);
		const counts = [sample.bytes.length, members, strings, slots(object), bytes];
		print(`wire:   ${name.padEnd(28)} ${counts.map((count) => String(count).padStart(6)).join(" ")}`);
	}

	const judge = new Judge(false);
	let length = 0;
	const one = (sample: Sample): void => void write(sample, read(sample));
	const other = (sample: Sample): void => {
		const message = JSON.parse(Buffer.from(sample.bytes).toString()) as unknown[];
		if (!judge.accepts(sample.vector.action, sample.vector.isRequest, message.at(-1)))
			throw new Error(sample.name + " was refused");
		length += JSON.stringify(message).length;
	};
	// In turns, so that a busy machine slows both; the best round of each counts.
	let ours = 0;
	let theirs = 0;
	for (let round = 0; round < ROUNDS; round++) {
		ours = Math.max(ours, rate(full, ROUND_SECONDS, one));
		theirs = Math.max(theirs, rate(full, ROUND_SECONDS, other));
	}
	const bytes = full.reduce((sum, sample) => sum + sample.bytes.length, 0);
	const megabytes = (ours * bytes) / full.length / 1e6;
	print(`wire: decode + encode ${ours.toFixed(0)} messages/s, ${megabytes.toFixed(1)} MB/s in`);
	print(`wire: JSON.parse + ajv + JSON.stringify ${theirs.toFixed(0)} messages/s`);
	print(`wire: ratio of the two ${(ours / theirs).toFixed(2)}`);
	if (length === 0) throw new Error("nothing was measured");
}

if (require.main === module) benchWire();
