// The oracle: judges every message between a station and a CSMS, in both directions, by the original schemas and by the
// rules of the RPC layer. It trusts neither side's library: the schemas come from the package `ocpp-messages`.
// Source: OCPP 2.0.1 Part 3 (schemas), Part 4 §4.1.1 (one CALL at a time), §4.1.4 (message ids), §4.2 (frames).

import Ajv, { type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";

/** Something that a message should not have been. */
export interface Violation {
	/** True when the station sent it. */
	fromStation: boolean;
	/** Action where it is known. */
	action: string;
	/** What is wrong, in one line. */
	text: string;
	/** The frame. */
	message: string;
}

/** A frame taken apart, as far as it could be. */
export interface Frame {
	fromStation: boolean;
	/** 2 CALL, 3 CALLRESULT, 4 CALLERROR; 0 where it is none of them. */
	type: number;
	id: string;
	/** For replies the action of the CALL that they answer; "" where it is not known. */
	action: string;
	/** Payload; of a CALLERROR its details. */
	payload: unknown;
	/** Of a CALLERROR. */
	errorCode: string;
	errorDescription: string;
}

/** RpcErrorCode, Part 4 table 8. */
const ERROR_CODES = ["FormatViolation", "GenericError", "InternalError", "MessageTypeNotSupported", "NotImplemented", "NotSupported",
	"OccurrenceConstraintViolation", "PropertyConstraintViolation", "ProtocolError", "RpcFrameworkError", "SecurityError",
	"TypeConstraintViolation"];
const MESSAGE_ID_MAX = 36;
const ERROR_DESCRIPTION_MAX = 255;

// One compiler for the process: a schema is compiled when the first message of its kind passes.
const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addMetaSchema(require("ajv/dist/refs/json-schema-draft-06.json"));
addFormats(ajv);
const compiled = new Map<string, ValidateFunction | undefined>();

function validator(name: string): ValidateFunction | undefined {
	if (!compiled.has(name)) {
		let schema: object | undefined;
		try {
			schema = /^[A-Za-z0-9]+$/.test(name) ? require(`ocpp-messages/schema/v2.0/${name}.json`) as object : undefined;
		} catch {
			schema = undefined;
		}
		compiled.set(name, schema === undefined ? undefined : ajv.compile(schema));
	}
	return compiled.get(name);
}

/**
 * Judges one payload.
 * @param action  as on the wire
 * @param isRequest  payload of a CALL, otherwise of a CALLRESULT
 * @returns "" when it is valid, otherwise what is wrong in one line
 */
export function judge(action: string, isRequest: boolean, payload: unknown): string {
	const validate = validator(action + (isRequest ? "Request" : "Response"));
	if (validate === undefined) return `${action} is no action of OCPP 2.0.1`;
	return validate(payload) ? "" : ajv.errorsText(validate.errors, { dataVar: action });
}

/** Follows the connections of one station and collects what was wrong. */
export class Oracle {
	readonly violations: Violation[] = [];
	/** Messages that were judged. */
	count = 0;
	private readonly idsOfStation = new Set<string>();
	/** The open CALL of each side: [of the CSMS, of the station]. */
	private readonly open: ({ id: string; action: string } | undefined)[] = [undefined, undefined];
	/** CALLs that got no answer in time may be answered late; their actions stay known. */
	private readonly actions = new Map<string, string>();

	/** A new connection: what was open on the old one will never be answered. */
	connected(): void {
		this.open[0] = undefined;
		this.open[1] = undefined;
	}

	/** Gives up waiting for the CSMS's answer, as a station does after its message timeout. */
	abandon(): void {
		this.open[1] = undefined;
	}

	/** Takes a frame apart, judges it and remembers what it means for the next ones. */
	observe(fromStation: boolean, message: string): Frame {
		this.count++;
		const frame: Frame = { fromStation, type: 0, id: "", action: "", payload: undefined, errorCode: "", errorDescription: "" };
		const wrong = (text: string): void => {
			this.violations.push({ fromStation, action: frame.action, text, message });
		};
		let parts: unknown;
		try {
			parts = JSON.parse(message);
		} catch {
			wrong("is no JSON");
			return frame;
		}
		if (!Array.isArray(parts) || typeof parts[0] !== "number" || typeof parts[1] !== "string") {
			wrong("is no RPC frame");
			return frame;
		}
		frame.type = parts[0];
		frame.id = parts[1];
		if (frame.id.length === 0 || frame.id.length > MESSAGE_ID_MAX) wrong(`message id has ${frame.id.length} characters`);
		if (frame.type === 2) this.observeCall(frame, parts, wrong);
		else if (frame.type === 3 || frame.type === 4) this.observeReply(frame, parts, wrong);
		else wrong(`message type ${frame.type}`);
		return frame;
	}

	private observeCall(frame: Frame, parts: unknown[], wrong: (text: string) => void): void {
		frame.action = String(parts[2]);
		frame.payload = parts[3];
		if (parts.length !== 4) wrong(`CALL with ${parts.length} elements`);
		const text = judge(frame.action, true, frame.payload);
		if (text !== "") wrong(text);
		const side = frame.fromStation ? 1 : 0;
		const open = this.open[side];
		if (open !== undefined) wrong(`CALL while ${open.action} is unanswered (Part 4 §4.1.1)`);
		if (frame.fromStation) {
			if (this.idsOfStation.has(frame.id)) wrong("message id was used before (Part 4 §4.1.4)");
			this.idsOfStation.add(frame.id);
		}
		this.open[side] = { id: frame.id, action: frame.action };
		this.actions.set(`${side}${frame.id}`, frame.action);
	}

	private observeReply(frame: Frame, parts: unknown[], wrong: (text: string) => void): void {
		const side = frame.fromStation ? 0 : 1;
		const open = this.open[side];
		frame.action = this.actions.get(`${side}${frame.id}`) ?? "";
		if (open?.id === frame.id) this.open[side] = undefined;
		if (frame.type === 4) {
			frame.errorCode = String(parts[2]);
			frame.errorDescription = String(parts[3]);
			frame.payload = parts[4];
			if (parts.length !== 5) wrong(`CALLERROR with ${parts.length} elements`);
			if (frame.fromStation && !ERROR_CODES.includes(frame.errorCode)) wrong(`error code ${frame.errorCode}`);
			if (frame.errorDescription.length > ERROR_DESCRIPTION_MAX) wrong("errorDescription is too long");
			return;
		}
		frame.payload = parts[2];
		if (parts.length !== 3) wrong(`CALLRESULT with ${parts.length} elements`);
		if (frame.action === "") {
			wrong("answers no CALL");
			return;
		}
		const text = judge(frame.action, false, frame.payload);
		if (text !== "") wrong(text);
	}
}
