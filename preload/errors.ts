// The error codes of a CALLERROR (OCPP 2.0.1 Part 4, table 8) as small integers, and their names on the wire.

import { freeze } from "./freeze.js";

/** 0 means "no error"; every other value indexes RPC_ERROR_NAMES. */
export const enum RpcError {
	None = 0,
	FormatViolation = 1,
	GenericError = 2,
	InternalError = 3,
	MessageTypeNotSupported = 4,
	NotImplemented = 5,
	NotSupported = 6,
	OccurrenceConstraintViolation = 7,
	PropertyConstraintViolation = 8,
	ProtocolError = 9,
	RpcFrameworkError = 10,
	SecurityError = 11,
	TypeConstraintViolation = 12,
}

export const RPC_ERROR_NAMES = freeze([
	"",
	"FormatViolation",
	"GenericError",
	"InternalError",
	"MessageTypeNotSupported",
	"NotImplemented",
	"NotSupported",
	"OccurrenceConstraintViolation",
	"PropertyConstraintViolation",
	"ProtocolError",
	"RpcFrameworkError",
	"SecurityError",
	"TypeConstraintViolation",
] as const);
