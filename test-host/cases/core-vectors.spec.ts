import { ACTION_NAMES, REQUEST_TYPE, RESPONSE_TYPE } from "../../preload/actions.js";
import { RPC_ERROR_NAMES, RpcError } from "../../preload/errors.js";
import { decode, Verdict } from "../../modules/core/decode.js";
import { Encoder } from "../../modules/core/encode.js";
import { actionOf, Frame, MessageType, scan } from "../../modules/core/scan.js";
import {
	type Bad, breakAll, FULL, kept, make, MAXIMAL, MINIMAL, type Payload, PAYLOADS, pruned, Random, SOME,
} from "../vectors/generate.js";
import { Judge } from "../vectors/judge.js";

const SEED = 20200331;
const VALID_STYLES = [MINIMAL, MAXIMAL, FULL, SOME, SOME, SOME];
const PIECES = [1, 7, 256, 2048];

const judge = new Judge(false);
const frame = new Frame();
const verdict = new Verdict();

function framed({ action, isRequest }: Payload, payload: unknown): Uint8Array {
	const text = isRequest ? JSON.stringify([2, "id-1", action, payload]) : JSON.stringify([3, "id-1", payload]);
	return new Uint8Array(Buffer.from(text));
}

/** Runs a payload through scan and decode; the object, or undefined with verdict.error set. */
function read(vector: Payload, payload: unknown): object | undefined {
	const bytes = framed(vector, payload);
	scan(bytes, bytes.length, frame);
	expect(frame.error).toBe(RpcError.None);
	expect(frame.id).toBe("id-1");
	const action = ACTION_NAMES.indexOf(vector.action);
	if (vector.isRequest) expect(actionOf(bytes, frame.actionFrom, frame.actionTo)).toBe(action);
	else expect(frame.messageType).toBe(MessageType.CallResult);
	return decode(
		bytes, frame.payloadFrom, frame.payloadTo, (vector.isRequest ? REQUEST_TYPE : RESPONSE_TYPE)[action]!, verdict,
	);
}

const nameOf = (vector: Payload): string => vector.action + (vector.isRequest ? "Request" : "Response");

describe("core vectors", () => {
	it("every one of the 128 schemas has vectors", () => {
		expect(PAYLOADS.length).toBe(128);
		expect(new Set(PAYLOADS.map(nameOf)).size).toBe(128);
		for (const { action } of PAYLOADS) expect(ACTION_NAMES).toContain(action);
	});

	it("Part 3: valid payloads, minimal and maximal among them, are accepted by ajv and by decode alike", () => {
		let vectors = 0;
		for (const [index, vector] of PAYLOADS.entries()) {
			const random = new Random(SEED + index);
			for (const style of VALID_STYLES) {
				const payload = make(vector.schema, random, style);
				expect(judge.accepts(vector.action, vector.isRequest, payload)).withContext(nameOf(vector)).toBeTrue();
				const object = read(vector, payload);
				expect(RPC_ERROR_NAMES[verdict.error]).withContext(`${nameOf(vector)} ${verdict.offender}`).toBe("");
				expect(object).withContext(nameOf(vector)).toEqual(
					kept(payload, vector.action === "DataTransfer") as object
				);
				vectors++;
			}
		}
		console.log(`core vectors: ${vectors} valid payloads, ajv and decode agree on all`);
		expect(vectors).toBe(128 * VALID_STYLES.length);
	});

	it("Part 4 table 8: every constraint of every member, broken once, gets its code and the member's name", () => {
		let vectors = 0;
		const kinds = new Map<string, number>();
		for (const [index, vector] of PAYLOADS.entries()) {
			for (const bad of breakAll(vector.schema, new Random(SEED + 1000 + index))) {
				judgeBad(vector, bad);
				vectors++;
				kinds.set(bad.kind, (kinds.get(bad.kind) ?? 0) + 1);
			}
		}
		const shown = [...kinds].map(([kind, count]) => `${kind} ${count}`).join(", ");
		console.log(`core vectors: ${vectors} bad payloads (${shown}), ajv and decode agree on all`);
		expect(kinds.size).toBe(13);
		expect(vectors).toBeGreaterThan(10_000);
	});

	function judgeBad(vector: Payload, bad: Bad): void {
		const where = `${nameOf(vector)}: ${bad.what}`;
		if (judge.accepts(vector.action, vector.isRequest, bad.payload)) fail(where + ": ajv accepts it");
		const object = read(vector, bad.payload);
		if (object !== undefined || verdict.error !== bad.error || verdict.offender !== bad.offender)
			fail(
				`${where}: ${RPC_ERROR_NAMES[verdict.error]} ${verdict.offender}, not ${RPC_ERROR_NAMES[bad.error]}`
			);
	}

	it("what was decoded is encoded to the same JSON, in pieces of any size", () => {
		const encoder = new Encoder();
		let messages = 0;
		for (const [index, vector] of PAYLOADS.entries()) {
			const random = new Random(SEED + index);
			for (const style of VALID_STYLES) {
				const payload = make(vector.schema, random, style);
				const object = read(vector, payload)!;
				const expected = JSON.stringify(canonical(pruned(kept(payload, vector.action === "DataTransfer"))));
				let first = "";
				for (const piece of PIECES) {
					const action = ACTION_NAMES.indexOf(vector.action);
					if (vector.isRequest) encoder.startCall("id-1", action, object);
					else encoder.startResult("id-1", action, object);
					const text = drain(encoder, piece);
					if (first === "") first = text;
					else if (first !== text) fail(`${nameOf(vector)}: pieces of ${piece} bytes give another text`);
					messages++;
				}
				const parsed = JSON.parse(first) as unknown[];
				expect(parsed.slice(0, -1)).toEqual(vector.isRequest ? [2, "id-1", vector.action] : [3, "id-1"]);
				expect(JSON.stringify(canonical(pruned(parsed.at(-1))))).withContext(nameOf(vector)).toBe(expected);
				// The one required member that may be empty; nothing else is (Part 4 §4.1.5).
				expect(first.replace('"chargingProfile":{}', "")).not.toMatch(/:(\[\]|\{\}|null)/);
			}
		}
		console.log(
			`core vectors: ${messages} messages encoded in pieces of ${PIECES.join(", ")} bytes equal their originals`
		);
	});

	it("Part 2 §3.1: integers beyond 31 bits and a sign are out of range, though the schemas have no limit", () => {
		const vector = PAYLOADS.find((payload) => nameOf(payload) === "CancelReservationRequest")!;
		for (const good of [2147483647, -2147483648])
			expect(read(vector, { reservationId: good })).toEqual({ reservationId: good });
		for (const bad of [2147483648, -2147483649, 1e15]) {
			expect(read(vector, { reservationId: bad })).toBeUndefined();
			expect(verdict.error).toBe(RpcError.PropertyConstraintViolation);
		}
	});
});

/** Takes the whole message out in pieces of `piece` bytes; each but the last must be full. */
function drain(encoder: Encoder, piece: number): string {
	const buffer = new Uint8Array(piece + 2).fill(0xee);
	const parts: Buffer[] = [];
	while (!encoder.done) {
		const end = 1 + encoder.fill(buffer, 1, piece + 1);
		expect(buffer[0] === 0xee && buffer[piece + 1] === 0xee).toBeTrue();
		if (end !== piece + 1 && !encoder.done) fail("a piece that is not full in the middle of a message");
		parts.push(Buffer.from(buffer.slice(1, end)));
	}
	return Buffer.concat(parts).toString();
}

/** The value with members in the order of the alphabet. */
function canonical(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(canonical);
	if (value === null || typeof value !== "object") return value;
	const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
	return Object.fromEntries(members.map(([name, member]) => [name, canonical(member)]));
}
