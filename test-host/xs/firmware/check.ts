// A program for the test host alone: the wire's modules scan, decode and encode from ROM. It prints what it saw.

import { Action, REQUEST_TYPE } from "../../../preload/actions.js";
import { writeText } from "../../../modules/core/bytes.js";
import { Verdict, decode } from "../../../modules/core/decode.js";
import { Frame, scan } from "../../../modules/core/scan.js";
import "./native.js";

const MESSAGES = [
	'[2,"a","SetVariables",{"setVariableData":[{"attributeValue":"60","component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"}}]}]',
	'[2,"b","SetVariables",{"setVariableData":[{"attributeValue":"60","component":{"name":"OCPPCommCtrlr"}}]}]',
	'[2,"c","SetVariables",{"unknown":1}]',
];

export default function check(): void {
	const bytes = new Uint8Array(512);
	const frame = new Frame();
	const verdict = new Verdict();
	for (let i = 0; i < MESSAGES.length; i++) {
		const length = writeText(bytes, 0, MESSAGES[i]!);
		scan(bytes, length, frame);
		const request = decode(bytes, frame.payloadFrom, frame.payloadTo, REQUEST_TYPE[Action.SetVariables]!, verdict) as
			{ setVariableData: { variable: { name: string } }[] } | undefined;
		host.print(String(verdict.error) + " " + verdict.offender + " " + (request === undefined ? "-" : request.setVariableData[0]!.variable.name));
	}
}
