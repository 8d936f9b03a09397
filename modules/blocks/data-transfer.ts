// P. DataTransfer: no vendor extension is built in, so every vendor is unknown.
// Source: OCPP 2.0.1 Part 2, P01.FR.05.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import { Registration } from "../model/registration.js";
import type { Answer, Block } from "./block.js";

const UNKNOWN_VENDOR = freeze({ status: "UnknownVendorId" } as const);

function dataTransfer(): Answer {
	return UNKNOWN_VENDOR;
}

export const dataTransferBlock: Block = freeze({
	section: "P",
	calls: [{ action: Action.DataTransfer, gate: Registration.Accepted, handle: dataTransfer }],
	sends: [],
});
