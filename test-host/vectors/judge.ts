// The judge of payloads: ajv on the original schemas, and what each of its keywords means as a code of Part 4 table 8.

import Ajv, { type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";

import { RpcError } from "../../preload/errors.js";
import { PAYLOADS } from "./generate.js";

const CODES: Record<string, RpcError> = {
	required: RpcError.OccurrenceConstraintViolation,
	minItems: RpcError.OccurrenceConstraintViolation,
	maxItems: RpcError.OccurrenceConstraintViolation,
	type: RpcError.TypeConstraintViolation,
	enum: RpcError.PropertyConstraintViolation,
	maxLength: RpcError.PropertyConstraintViolation,
	format: RpcError.PropertyConstraintViolation,
	minimum: RpcError.PropertyConstraintViolation,
	maximum: RpcError.PropertyConstraintViolation,
	additionalProperties: RpcError.FormatViolation,
};

export class Judge {
	private readonly validators = new Map<string, ValidateFunction>();

	/** @param allErrors true to hear of every fault of a payload, false of the first that ajv meets */
	constructor(allErrors: boolean) {
		const ajv = new Ajv({ strict: false, allErrors, validateFormats: true });
		addFormats(ajv);
		for (const { action, isRequest, schema } of PAYLOADS) {
			// The ids of the package are no URNs that ajv's resolver takes; all references are inside a schema.
			const { $id, ...rest } = schema;
			this.validators.set(key(action, isRequest), ajv.compile(rest));
		}
	}

	/** The codes that fit the faults of a payload; empty when it is valid. */
	codes(action: string, isRequest: boolean, payload: unknown): Set<RpcError> {
		const validate = this.validators.get(key(action, isRequest))!;
		const codes = new Set<RpcError>();
		if (validate(payload)) return codes;
		for (const error of validate.errors!) {
			const code = CODES[error.keyword];
			if (code === undefined) throw new Error("a keyword without a code: " + error.keyword);
			codes.add(code);
		}
		return codes;
	}

	/** True when the schema allows the payload. */
	accepts(action: string, isRequest: boolean, payload: unknown): boolean {
		return this.validators.get(key(action, isRequest))!(payload) as boolean;
	}
}

function key(action: string, isRequest: boolean): string {
	return action + (isRequest ? " request" : " response");
}
