import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import {
	Action, ACTION_AT, ACTION_BYTES, ACTION_NAMES, NO_TYPE, REQUEST_TYPE, RESPONSE_TYPE, SECTION, SENDER,
} from "../../preload/actions.js";
import * as actions from "../../preload/actions.js";
import * as schema from "../../preload/schema.js";
import * as variables from "../../preload/variables.js";
import { numbersOf } from "../board/enums.js";
import { generate } from "../../scripts/generate-tables.js";
import { PAYLOADS } from "../vectors/generate.js";

const ROOT = join(__dirname, "..", "..");

describe("tables", () => {
	it("generating them again from both schema packages and the device model gives the committed files", () => {
		const generated = generate();
		expect(generated.files.map(([path]) => path)).toEqual([
			"preload/actions.ts", "preload/schema.ts", "preload/payloads.d.ts", "preload/variables.ts",
		]);
		for (const [path, text] of generated.files) {
			expect(existsSync(join(ROOT, path))).toBeTrue();
			expect(readFileSync(join(ROOT, path), "utf8") === text)
				.withContext(path + " is not what the generator makes").toBeTrue();
		}
		for (const line of generated.summary) console.log("tables: " + line);
	});

	it("Part 3: all 64 actions have a request, a response, a sender and a section", () => {
		expect(ACTION_NAMES.length).toBe(64);
		expect(SECTION.length).toBe(64);
		expect([...ACTION_NAMES].sort()).toEqual([...ACTION_NAMES]);
		const ids = numbersOf(actions, "Action");
		for (const [id, name] of ACTION_NAMES.entries()) {
			expect(ids[name]).toBe(id);
			expect(REQUEST_TYPE[id]).not.toBe(NO_TYPE);
			expect(RESPONSE_TYPE[id]).not.toBe(NO_TYPE);
			expect(SECTION[id]).toMatch(/[A-P]/);
			expect(Buffer.from(ACTION_BYTES.slice(ACTION_AT[id], ACTION_AT[id + 1])).toString()).toBe(name);
		}
		expect([...SENDER].filter((sender) => sender === 3).length).toBe(1);
		expect(SENDER[Action.DataTransfer]).toBe(3);
		for (const id of [Action.BootNotification, Action.Heartbeat, Action.TransactionEvent, Action.NotifyReport])
			expect(SENDER[id]).toBe(2);
		for (const id of [Action.GetVariables, Action.Reset, Action.RequestStartTransaction, Action.GetLog])
			expect(SENDER[id]).toBe(1);
	});

	it("the rows of every payload say what its schema says", () => {
		for (const { action, isRequest, schema: payload } of PAYLOADS) {
			const type = (isRequest ? REQUEST_TYPE : RESPONSE_TYPE)[ACTION_NAMES.indexOf(action)]!;
			const names: string[] = [];
			const required: string[] = [];
			for (let row = schema.TYPE_AT[type]!; row < schema.TYPE_AT[type + 1]!; row++) {
				const name = schema.NAMES[schema.ROWS[row * schema.ROW_SIZE]!]!;
				names.push(name);
				if ((schema.ROWS[row * schema.ROW_SIZE + 1]! & schema.REQUIRED) !== 0) required.push(name);
			}
			expect(names).withContext(action).toEqual(Object.keys(payload.properties ?? {}));
			expect(required.sort()).withContext(action).toEqual([...(payload.required ?? [])].sort());
		}
	});

	it("the bytes of names and values are their characters", () => {
		const check = (texts: readonly string[], at: Readonly<Uint16Array>, bytes: Readonly<Uint8Array>): void => {
			expect(at.length).toBe(texts.length + 1);
			expect(Buffer.from(bytes as Uint8Array).toString("latin1")).toBe(texts.join(""));
			texts.forEach((text, index) => expect(at[index + 1]! - at[index]!).toBe(text.length));
			expect(texts.join("")).toMatch(/^[\x21-\x7e]+$/);
		};
		check(schema.NAMES, schema.NAME_AT, schema.NAME_BYTES);
		check(schema.VALUES, schema.VALUE_AT, schema.VALUE_BYTES);
	});

	it("a build that serves two actions keeps all 64 names and has tables for these two only", () => {
		const { files, tables } = generate(["Heartbeat", "BootNotification"]);
		const actions = files.find(([path]) => path === "preload/actions.ts")![1];
		for (const name of ACTION_NAMES) expect(actions).toContain(`"${name}"`);
		expect([...tables.typeOf.keys()].filter((name) => /Re(quest|sponse)$/.test(name)).sort()).toEqual(
			["BootNotificationRequest", "BootNotificationResponse", "HeartbeatRequest", "HeartbeatResponse"]);
		expect(tables.names).toContain("vendorId");
		expect(tables.rows.length).toBeLessThan(schema.ROWS.length / 10);
		expect(() => generate(["Hearbeat"])).toThrowError(/no action has the name Hearbeat/);
	});
});

describe("tables of the device model", () => {
	const { VARIABLE_COUNT, CELL, NO_CELL, MUTABILITY, DEFAULT, LIVE, DATA_TYPE, VALUES_LIST } = variables;
	const numbers = numbersOf(variables, "Variable");
	const ids = Object.values(numbers);

	it("all columns are of one length and ids are consecutive", () => {
		expect(ids).toEqual(Array.from({ length: VARIABLE_COUNT }, (_, id) => id));
		const columns = [
			variables.COMPONENT, variables.VARIABLE_NAMES, variables.VARIABLE_INSTANCES, variables.SCOPE, DATA_TYPE,
			variables.UNIT, VALUES_LIST, variables.MIN, variables.MAX, MUTABILITY, variables.PERSISTENT, LIVE, DEFAULT,
			CELL,
		];
		for (const column of columns) expect(column.length).toBe(VARIABLE_COUNT);
	});

	it("B07.FR.03 a variable has a value or is live, a list lists its values, a writable one has a cell", () => {
		for (const id of ids) {
			const name = Object.keys(numbers)[id]!;
			if (LIVE[id] === 0) expect(DEFAULT[id]).withContext(name).not.toBe("");
			const isList = DATA_TYPE[id]! >= variables.DataType.OptionList;
			expect(VALUES_LIST[id] !== "").withContext(name).toBe(isList);
			const isWritable = MUTABILITY[id] !== variables.Mutability.ReadOnly;
			expect(CELL[id] !== NO_CELL).withContext(name).toBe(isWritable);
			if (isWritable) expect(variables.PERSISTENT[id]).withContext(name).toBe(1);
		}
	});

	it("flash format: the cell numbers of released variables never change", () => {
		const writable = Object.entries(numbers).filter(([, id]) => CELL[id] !== NO_CELL);
		const cells = writable.sort((a, b) => CELL[a[1]]! - CELL[b[1]]!);
		expect(cells.map(([name]) => name)).toEqual([
			"AlignedDataInterval", "AlignedDataMeasurands", "AlignedDataTxEndedInterval",
			"AlignedDataTxEndedMeasurands", "AuthAuthorizeRemoteStart", "AuthLocalAuthorizeOffline",
			"AuthLocalPreAuthorize", "ClockTimeSource", "OCPPCommHeartbeatInterval",
			"OCPPCommMessageAttemptIntervalTransactionEvent", "OCPPCommMessageAttemptsTransactionEvent",
			"OCPPCommNetworkConfigurationPriority", "OCPPCommNetworkProfileConnectionAttempts",
			"OCPPCommOfflineThreshold", "OCPPCommResetRetries", "OCPPCommRetryBackOffRandomRange",
			"OCPPCommRetryBackOffRepeatTimes", "OCPPCommRetryBackOffWaitMinimum", "OCPPCommWebSocketPingInterval",
			"SampledDataTxEndedInterval", "SampledDataTxEndedMeasurands", "SampledDataTxStartedMeasurands",
			"SampledDataTxUpdatedInterval", "SampledDataTxUpdatedMeasurands", "SecurityBasicAuthPassword",
			"SecurityOrganizationName", "TxEVConnectionTimeOut", "TxStopTxOnInvalidId",
			"SecurityCertSigningRepeatTimes", "SecurityCertSigningWaitMinimum",
		]);
		expect(variables.WRITABLE_COUNT).toBe(cells.length);
		cells.forEach(([, id], index) => expect(CELL[id]).toBe(index));
	});

	it("Part 2 Core: the required variables are there", () => {
		const names = ids.map(
			(id) => `${variables.COMPONENT_NAMES[variables.COMPONENT[id]!]}.${variables.VARIABLE_NAMES[id]}`
		);
		for (const name of [
			"ChargingStation.AvailabilityState", "EVSE.Power", "Connector.ConnectorType", "ClockCtrlr.DateTime",
			"TxCtrlr.TxStartPoint", "OCPPCommCtrlr.RetryBackOffWaitMinimum", "OCPPCommCtrlr.WebSocketPingInterval",
			"SecurityCtrlr.BasicAuthPassword", "SampledDataCtrlr.TxStartedMeasurands", "TxCtrlr.EVConnectionTimeOut",
			"AuthCtrlr.LocalAuthorizeOffline",
		]) expect(names).toContain(name);
		expect(MUTABILITY[variables.Variable.SecurityBasicAuthPassword]).toBe(variables.Mutability.WriteOnly);
		expect(MUTABILITY[variables.Variable.OCPPCommMessageTimeoutDefault]).toBe(variables.Mutability.ReadOnly);
	});
});
