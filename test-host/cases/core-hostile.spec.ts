import { Action, ACTION_NAMES, REQUEST_TYPE, RESPONSE_TYPE } from "../../preload/actions.js";
import { RPC_ERROR_NAMES, RpcError } from "../../preload/errors.js";
import { LIMITS } from "../../preload/limits.js";
import { decode, Verdict } from "../../modules/core/decode.js";
import { actionOf, errorOf, Frame, MessageType, scan, scanHead, UNREADABLE } from "../../modules/core/scan.js";
import { FULL, make, MINIMAL, type Payload, PAYLOADS, Random, SOME } from "../vectors/generate.js";
import { Judge } from "../vectors/judge.js";
import { damageBytes, damageStructure, dress } from "../vectors/mutate.js";

const SEED = 4711;
const FRAMES = 120_000;

const frame = new Frame();
const verdict = new Verdict();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What a frame deserves: acceptance, or one of some codes. */
interface Verdicts {
	/** "" when the id cannot be read. */
	id: string;
	type: number;
	/** Codes that fit the frame itself; empty when it is a frame. */
	frame: Set<RpcError>;
	/** Codes that fit the payload; empty when it is valid. */
	payload: Set<RpcError>;
	parsed: unknown;
}

const judge = new Judge(true);
const PAYLOAD_CODES = [
	RpcError.FormatViolation, RpcError.OccurrenceConstraintViolation, RpcError.PropertyConstraintViolation,
	RpcError.TypeConstraintViolation,
];
/** Action that a CALLRESULT of this test answers. */
const ANSWERED = "GetVariables";

function judgeFrame(bytes: Uint8Array): Verdicts {
	const none: Verdicts = {
		id: "", type: 0, frame: new Set([RpcError.RpcFrameworkError]), payload: new Set(), parsed: undefined,
	};
	let text = "";
	let parsed: unknown;
	try {
		text = utf8.decode(bytes);
		parsed = JSON.parse(text);
	} catch {
		// Too deep before it breaks.
		if (openBrackets(Buffer.from(bytes).toString()) > LIMITS.depthMax) none.frame.add(RpcError.FormatViolation);
		return none;
	}
	none.parsed = parsed;
	if (depthOf(parsed) > LIMITS.depthMax)
		return { ...none, frame: new Set([RpcError.FormatViolation, RpcError.RpcFrameworkError]) };
	if (!Array.isArray(parsed)) return none;
	const [type, id] = parsed as unknown[];
	if (typeof id !== "string" || id === "" || [...id].length > LIMITS.messageIdMax) return none;
	const readable = { ...none, id };
	// 2.0 and 2e0 are 2 for JSON.parse; the station takes the bare digit only.
	const isDigit = /^\s*\[\s*[234]\s*,/.test(text);
	if (!isDigit) return { ...readable, frame: new Set([RpcError.MessageTypeNotSupported]) };
	readable.type = type as number;
	const isNameless = readable.type !== 3 && typeof parsed[2] !== "string";
	const broken = parsed.length !== [0, 0, 4, 3, 5][readable.type] || isNameless;
	if (broken) return readable;
	const good = { ...readable, frame: new Set<RpcError>() };
	const action = readable.type === 2 ? (parsed[2] as string) : ANSWERED;
	if (readable.type === 4 || !ACTION_NAMES.includes(action)) return good;
	const payload = parsed.at(-1);
	good.payload = judge.codes(action, readable.type === 2, payload);
	// Two things that the schemas allow and the station does not: a member that comes twice, of which JSON.parse hides
	// the first with all its faults, and integers that are too large.
	if (colons(text) > members(parsed)) for (const code of PAYLOAD_CODES) good.payload.add(code);
	if (largest(payload) > 2147483647) good.payload.add(RpcError.PropertyConstraintViolation);
	return good;
}

describe("core hostile", () => {
	it(`of ${FRAMES} damaged frames none throws and every one is judged as ajv and the frame's grammar say`, () => {
		const random = new Random(SEED);
		const styles = [MINIMAL, FULL, SOME, SOME];
		const pool = PAYLOADS.flatMap((vector) =>
			styles.map((style) => ({ vector, payload: make(vector.schema, random, style) })));
		const texts = pool.map(({ vector, payload }) => Buffer.from(JSON.stringify(framed(vector, payload))));
		const counts = new Map<string, number>();
		for (let number = 0; number < FRAMES; number++) {
			const at = random.below(pool.length);
			let bytes: Buffer;
			if (random.below(2) === 0) bytes = damageBytes(texts[at]!, random.pick(texts), random);
			else {
				const { vector, payload } = pool[at]!;
				const whole = framed(vector, structuredClone(payload));
				damageStructure(whole, random);
				let text = dress(whole, random);
				if (random.below(20) > 0) text = text.replace(/^(\s*\[\s*[234])(\.0|e0|0E-1|\.00e\+0)/, "$1");
				bytes = random.below(10) === 0
					? damageBytes(Buffer.from(text), random.pick(texts), random) : Buffer.from(text);
			}
			const outcome = check(bytes, number);
			counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
		}
		const shown = [...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} ${count}`);
		console.log(`core hostile: ${FRAMES} damaged frames: ${shown.join(", ")}`);
		const outcomes = [
			"accepted", "RpcFrameworkError", "FormatViolation", "TypeConstraintViolation", "OccurrenceConstraintViolation",
			"PropertyConstraintViolation", "MessageTypeNotSupported", "NotImplemented",
		];
		for (const name of outcomes) expect(counts.get(name) ?? 0).withContext(name).toBeGreaterThan(100);
	}, 120_000);

	/** Runs one frame through scan and decode beside the judge; returns what came out. */
	function check(original: Buffer, number: number): string {
		const bytes = new Uint8Array(original);
		const expected = judgeFrame(original);
		const complain = (what: string): string => {
			fail(`frame ${number}: ${what}: ${original.toString()}`);
			return what;
		};
		try {
			scan(bytes, bytes.length, frame);
		} catch (error) {
			return complain("scan threw " + String(error));
		}
		if (expected.frame.size > 0) {
			if (!expected.frame.has(frame.error)) return complain(`${RPC_ERROR_NAMES[frame.error]} for the frame`);
			const isTyped = !expected.frame.has(RpcError.MessageTypeNotSupported);
			if (expected.id !== "" && !isTyped && frame.id !== clean(expected.id)) return complain("another id");
			if (!frame.idRead && frame.id !== UNREADABLE) return complain("an id that was not read");
			return RPC_ERROR_NAMES[frame.error]!;
		}
		if (frame.error !== RpcError.None) return complain(RPC_ERROR_NAMES[frame.error]! + " for a good frame");
		if (frame.messageType !== expected.type || frame.id !== clean(expected.id))
			return complain("another type or id");
		if (frame.messageType === MessageType.CallError) return "CALLERROR";
		const action = frame.messageType === MessageType.Call
			? actionOf(bytes, frame.actionFrom, frame.actionTo) : ACTION_NAMES.indexOf(ANSWERED);
		const named = frame.messageType === MessageType.Call ? (expected.parsed as string[])[2]! : ANSWERED;
		if (action !== ACTION_NAMES.indexOf(named)) return complain("another action");
		if (action < 0) return "NotImplemented";
		const type = (frame.messageType === MessageType.Call ? REQUEST_TYPE : RESPONSE_TYPE)[action]!;
		let object: object | undefined;
		try {
			object = decode(bytes, frame.payloadFrom, frame.payloadTo, type, verdict);
		} catch (error) {
			return complain("decode threw " + String(error));
		}
		if ((object === undefined) !== (verdict.error !== RpcError.None)) return complain("no object and no error");
		// What only the station refuses may be accepted all the same where it is inside customData or open data.
		const codes = expected.payload;
		const payload = (expected.parsed as unknown[]).at(-1);
		const ajvAccepts = judge.accepts(named, frame.messageType === MessageType.Call, payload);
		if (object !== undefined) return ajvAccepts ? "accepted" : complain("accepted, but ajv refuses");
		if (!codes.has(verdict.error))
			return complain(`${RPC_ERROR_NAMES[verdict.error]} ${verdict.offender}, not one of ${[...codes].join()}`);
		return RPC_ERROR_NAMES[verdict.error]!;
	}

	it("every prefix of a frame is refused with RpcFrameworkError, with its id once that is whole", () => {
		let prefixes = 0;
		const random = new Random(SEED + 1);
		for (const vector of PAYLOADS.filter((_, index) => index % 4 === 0)) {
			const message = framed(vector, make(vector.schema, random, SOME));
			const bytes = new Uint8Array(Buffer.from(JSON.stringify(message)));
			const idEnd = Buffer.from(bytes).indexOf('"id-1"') + 6;
			for (let length = 0; length < bytes.length; length++) {
				scan(bytes.slice(), length, frame);
				if (frame.error !== RpcError.RpcFrameworkError)
					fail(`${vector.action} cut at ${length}: ${RPC_ERROR_NAMES[frame.error]}`);
				if (frame.id !== (length >= idEnd ? "id-1" : UNREADABLE))
					fail(`${vector.action} cut at ${length}: id ${frame.id}`);
				scanHead(bytes.slice(), length, frame);
				const code = length >= idEnd ? RpcError.FormatViolation : RpcError.RpcFrameworkError;
				if (frame.error !== code || frame.idRead !== length >= idEnd)
					fail(`${vector.action} head of ${length}: ${RPC_ERROR_NAMES[frame.error]}`);
				prefixes++;
			}
		}
		console.log(`core hostile: ${prefixes} prefixes`);
		expect(prefixes).toBeGreaterThan(5000);
	});

	it("Part 4 §4.2: each kind of broken frame gets the code of the table and the id that could be read", () => {
		const cases: [text: string, error: RpcError, id: string][] = [
			["", RpcError.RpcFrameworkError, UNREADABLE],
			["hello", RpcError.RpcFrameworkError, UNREADABLE],
			["{}", RpcError.RpcFrameworkError, UNREADABLE],
			["[]", RpcError.RpcFrameworkError, UNREADABLE],
			["[2]", RpcError.RpcFrameworkError, UNREADABLE],
			['[2,"a"]', RpcError.RpcFrameworkError, "a"],
			['[2,"a","Heartbeat"]', RpcError.RpcFrameworkError, "a"],
			['[2,"a","Heartbeat",{},{}]', RpcError.RpcFrameworkError, "a"],
			['[2,"a","Heartbeat",{}] x', RpcError.RpcFrameworkError, "a"],
			['[2,"a","Heartbeat",{},]', RpcError.RpcFrameworkError, "a"],
			['[2,"a",7,{}]', RpcError.RpcFrameworkError, "a"],
			['[2,17,"Heartbeat",{}]', RpcError.RpcFrameworkError, UNREADABLE],
			['[2,"","Heartbeat",{}]', RpcError.RpcFrameworkError, UNREADABLE],
			[`[2,"${"x".repeat(37)}","Heartbeat",{}]`, RpcError.RpcFrameworkError, UNREADABLE],
			[`[2,"${"x".repeat(36)}","Heartbeat",{}]`, RpcError.None, "x".repeat(36)],
			[`[2,"${"\u{1F50C}".repeat(36)}","Heartbeat",{}]`, RpcError.None, "\u{1F50C}".repeat(36)],
			['[5,"a","Heartbeat",{}]', RpcError.MessageTypeNotSupported, "a"],
			['[1,"a"]', RpcError.MessageTypeNotSupported, "a"],
			['["2","a","Heartbeat",{}]', RpcError.MessageTypeNotSupported, "a"],
			['[22,"a","Heartbeat",{}]', RpcError.MessageTypeNotSupported, "a"],
			['[3,"a"]', RpcError.RpcFrameworkError, "a"],
			['[4,"a","GenericError",""]', RpcError.RpcFrameworkError, "a"],
			['[4,"a","GenericError","",{}]', RpcError.None, "a"],
			['[2,"\\u0061\\"\\\\","Heartbeat",{}]', RpcError.None, 'a"\\'],
			[' \n[ 2 ,\t"a" , "Heartbeat" , { } ]\r\n', RpcError.None, "a"],
			['\ufeff[2,"a","Heartbeat",{}]', RpcError.RpcFrameworkError, UNREADABLE],
		];
		for (const [text, error, id] of cases) {
			const bytes = new Uint8Array(Buffer.from(text));
			scan(bytes, bytes.length, frame);
			expect(RPC_ERROR_NAMES[frame.error]).withContext(text).toBe(RPC_ERROR_NAMES[error]);
			expect(frame.id).withContext(text).toBe(id);
		}
	});

	it("a frame nested deeper than depthMax is refused before anything is read, one as deep is not", () => {
		const nested = (depth: number): string =>
			`[2,"a","DataTransfer",{"vendorId":"v","data":${"[".repeat(depth - 2)}${"]".repeat(depth - 2)}}]`;
		for (const depth of [LIMITS.depthMax, LIMITS.depthMax + 1, 64, 100_000]) {
			const bytes = new Uint8Array(Buffer.from(nested(depth)));
			scan(bytes, bytes.length, frame);
			const error = depth > LIMITS.depthMax ? RpcError.FormatViolation : RpcError.None;
			expect(frame.error).withContext(String(depth)).toBe(error);
			expect(frame.id).toBe("a");
		}
	});

	it("Part 4 §9: customData with any content under a vendorId is accepted and ignored at every level", () => {
		const bytes = new Uint8Array(Buffer.from(
			'[2,"a","GetVariables",{"customData":{"x":{"vendorId":1,"y":[null,{}]},"vendorId":"v"},' +
			'"getVariableData":[{"component":{"name":"C","customData":{"vendorId":"w","constructor":{}},"evse":{"id":1,' +
			'"customData":{"vendorId":""}}},"variable":{"name":"V"}}]}]'));
		scan(bytes, bytes.length, frame);
		const object = decode(bytes, frame.payloadFrom, frame.payloadTo, REQUEST_TYPE[Action.GetVariables]!, verdict);
		expect(object).toEqual({
			getVariableData: [{ component: { name: "C", evse: { id: 1 } }, variable: { name: "V" } }],
		});
	});

	it("a member that comes twice is a FormatViolation, also when one name is escaped", () => {
		for (const text of [
			'{"reportBase":"FullInventory","requestId":1,"requestId":1}',
			'{"requestId":1,"\\u0072equestId":2,"reportBase":"FullInventory"}',
		]) {
			const bytes = new Uint8Array(Buffer.from(text));
			expect(decode(bytes, 0, bytes.length, REQUEST_TYPE[Action.GetBaseReport]!, verdict)).toBeUndefined();
			expect(verdict.error).toBe(RpcError.FormatViolation);
			expect(verdict.offender).toBe("requestId");
		}
	});

	it("the first fault in document order counts, missing members when their object closes", () => {
		const cases: [string, RpcError, string][] = [
			['{"foreign":1,"requestId":"x"}', RpcError.FormatViolation, "foreign"],
			['{"requestId":"x","foreign":1}', RpcError.TypeConstraintViolation, "requestId"],
			['{"reportBase":"Nothing","requestId":null}', RpcError.PropertyConstraintViolation, "reportBase"],
			['{"requestId":1}', RpcError.OccurrenceConstraintViolation, "reportBase"],
			['{}', RpcError.OccurrenceConstraintViolation, "requestId"],
			['[]', RpcError.TypeConstraintViolation, ""],
			[`{"${"é".repeat(50)}":1}`, RpcError.FormatViolation, "é".repeat(20)],
		];
		for (const [text, error, offender] of cases) {
			const bytes = new Uint8Array(Buffer.from(text));
			decode(bytes, 0, bytes.length, REQUEST_TYPE[Action.GetBaseReport]!, verdict);
			expect(RPC_ERROR_NAMES[verdict.error]).withContext(text).toBe(RPC_ERROR_NAMES[error]);
			expect(verdict.offender).withContext(text).toBe(offender);
		}
	});

	it("zero characters and lone surrogates become U+FFFD; pairs become one character", () => {
		const bytes = new Uint8Array(Buffer.from('{"vendorId":"a\\u0000b\\ud83dc\\udd0cd\\ud83d\\udd0c\\/\\t"}'));
		const object = decode(bytes, 0, bytes.length, REQUEST_TYPE[Action.DataTransfer]!, verdict);
		expect(object).toEqual({ vendorId: "a\ufffdb\ufffdc\ufffdd\u{1F50C}/\t" });
	});

	it("the error codes of a CALLERROR are known by name, all others are GenericError", () => {
		const bytes = new Uint8Array(Buffer.from("SecurityError OccurenceConstraintViolation"));
		expect(errorOf(bytes, 0, 13)).toBe(RpcError.SecurityError);
		expect(errorOf(bytes, 14, bytes.length)).toBe(RpcError.GenericError);
		expect(errorOf(bytes, 0, 0)).toBe(RpcError.GenericError);
	});
});

function framed({ action, isRequest }: Payload, payload: unknown): unknown[] {
	return isRequest ? [2, "id-1", action, payload] : [3, "id-1", payload];
}

/** What a string becomes on XS: no zero characters, no lone surrogates. */
function clean(text: string): string {
	return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\0/g, "\ufffd");
}

function depthOf(value: unknown): number {
	if (value === null || typeof value !== "object") return 0;
	return 1 + Object.values(value).reduce<number>((most, member) => Math.max(most, depthOf(member)), 0);
}

/** Most brackets that are open at once outside of strings, in text that need not be JSON. */
function openBrackets(text: string): number {
	let open = 0;
	let most = 0;
	for (const token of text.match(/"(?:[^"\\]|\\.)*"|[[{}\]]/gs) ?? []) {
		if (token === "[" || token === "{") open++;
		else if (token === "]" || token === "}") open--;
		most = Math.max(most, open);
	}
	return most;
}

/** Members of all objects. */
function members(value: unknown): number {
	if (value === null || typeof value !== "object") return 0;
	const own = Array.isArray(value) ? 0 : Object.keys(value).length;
	return Object.values(value).reduce<number>((sum, member) => sum + members(member), own);
}

/** Colons outside of strings: members as they were written. */
function colons(text: string): number {
	return text.replace(/"(?:[^"\\]|\\.)*"/gs, "").split(":").length - 1;
}

/** Largest size of a number. */
function largest(value: unknown): number {
	if (typeof value === "number") return Math.abs(value + 0.5) - 0.5;
	if (value === null || typeof value !== "object") return 0;
	return Object.values(value).reduce<number>((most, member) => Math.max(most, largest(member)), 0);
}
