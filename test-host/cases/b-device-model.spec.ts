// B05 to B07: variables are set, read and reported. What the station must have is read from the source of its device
// model, scripts/device-model.csv; what a value must look like, from OCPP's own rules for its type.
// Source: OCPP 2.0.1 Part 2, B05, B06, B07, A01; Part 4 §4.1.6.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LIMITS } from "../../preload/limits.js";
import { Rig, rigPerCase } from "./rig.js";

interface Row {
	component: string;
	scope: "station" | "evse" | "connector";
	variable: string;
	instance: string;
	dataType: string;
	unit: string;
	valuesList: string;
	mutability: "ReadOnly" | "ReadWrite" | "WriteOnly";
	persistent: boolean;
}

interface ReportRow {
	component: { name: string; evse?: { id: number; connectorId?: number } };
	variable: { name: string; instance?: string };
	variableAttribute: { type?: string; value?: string; mutability?: string; persistent?: boolean; constant?: boolean }[];
	variableCharacteristics: { dataType: string; unit?: string; minLimit?: number; maxLimit?: number; valuesList?: string; supportsMonitoring: boolean };
}

interface Report {
	requestId: number;
	seqNo: number;
	tbc?: boolean;
	generatedAt: string;
	reportData: ReportRow[];
}

/** One line of a CSV file; a field in quotes may hold commas. */
function fieldsOf(line: string): string[] {
	return [...line.matchAll(/("[^"]*"|[^,]*)(,|$)/g)].map((match) => match[1].replace(/"/g, ""));
}

/** The rows that the station serves. */
const MODEL: Row[] = readFileSync(join(__dirname, "../../scripts/device-model.csv"), "utf8")
	.split("\n")
	.filter((line) => line !== "" && !line.startsWith("#"))
	.slice(1)
	.map(fieldsOf)
	.filter((fields) => fields[14] === "yes")
	.map((fields) => ({
		component: fields[0],
		scope: fields[2] as Row["scope"],
		variable: fields[3],
		instance: fields[4],
		dataType: fields[5],
		unit: fields[6],
		valuesList: fields[7],
		mutability: fields[10] as Row["mutability"],
		persistent: fields[11] === "yes",
	}));

/** Variables that OCPP 2.0.1 Core requires to be writable (Part 2 with its errata, Part 4 §8). */
const WRITABLE = [
	"AlignedDataCtrlr.Interval", "AlignedDataCtrlr.Measurands", "AlignedDataCtrlr.TxEndedInterval", "AlignedDataCtrlr.TxEndedMeasurands",
	"AuthCtrlr.AuthorizeRemoteStart", "AuthCtrlr.LocalAuthorizeOffline", "AuthCtrlr.LocalPreAuthorize", "ClockCtrlr.TimeSource",
	"OCPPCommCtrlr.MessageAttemptInterval.TransactionEvent", "OCPPCommCtrlr.MessageAttempts.TransactionEvent",
	"OCPPCommCtrlr.NetworkConfigurationPriority", "OCPPCommCtrlr.NetworkProfileConnectionAttempts", "OCPPCommCtrlr.OfflineThreshold",
	"OCPPCommCtrlr.ResetRetries", "OCPPCommCtrlr.RetryBackOffRandomRange", "OCPPCommCtrlr.RetryBackOffRepeatTimes",
	"OCPPCommCtrlr.RetryBackOffWaitMinimum", "OCPPCommCtrlr.WebSocketPingInterval", "SampledDataCtrlr.TxEndedInterval",
	"SampledDataCtrlr.TxEndedMeasurands", "SampledDataCtrlr.TxStartedMeasurands", "SampledDataCtrlr.TxUpdatedInterval",
	"SampledDataCtrlr.TxUpdatedMeasurands", "SecurityCtrlr.OrganizationName", "TxCtrlr.EVConnectionTimeOut", "TxCtrlr.StopTxOnInvalidId",
];

function nameOf(row: Row): string {
	return [row.component, row.variable, row.instance].filter((part) => part !== "").join(".");
}

/** Key of a variable at a place, of a line of the model and of a row of a report alike. */
function keyOf(component: string, variable: string, instance: string, evseId?: number, connectorId?: number): string {
	return `${component}/${evseId ?? ""}/${connectorId ?? ""}/${variable}/${instance}`;
}

function keysOf(row: Row, evses: number): string[] {
	if (row.scope === "station") return [keyOf(row.component, row.variable, row.instance)];
	const ids = Array.from({ length: evses }, (_, index) => index + 1);
	return ids.map((id) => keyOf(row.component, row.variable, row.instance, id, row.scope === "connector" ? 1 : undefined));
}

function keyOfReport({ component, variable }: ReportRow): string {
	return keyOf(component.name, variable.name, variable.instance ?? "", component.evse?.id, component.evse?.connectorId);
}

/** "" when the value is one of its type, else what is wrong with it. */
function wrongValue(row: ReportRow, value: string): string {
	const { dataType, valuesList, minLimit, maxLimit } = row.variableCharacteristics;
	const known = (valuesList ?? "").split(",");
	const inLimits = (number: number): boolean => number >= (minLimit ?? -Infinity) && number <= (maxLimit ?? Infinity);
	switch (dataType) {
		case "boolean":
			return value === "true" || value === "false" ? "" : "is no boolean";
		case "integer":
			return /^-?\d+$/.test(value) && inLimits(Number(value)) ? "" : "is no integer within its limits";
		case "decimal":
			return /^-?\d+(\.\d+)?$/.test(value) && inLimits(Number(value)) ? "" : "is no decimal within its limits";
		case "dateTime":
			return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(value) ? "" : "is no date";
		case "OptionList":
			return known.includes(value) ? "" : "is none of its options";
		case "SequenceList":
		case "MemberList":
			return valuesList !== undefined && value.split(",").every((item) => known.includes(item)) ? "" : "has a foreign entry";
		default:
			return value !== "" && value.length <= (maxLimit ?? 2500) ? "" : "is empty or too long";
	}
}

async function reportOf(rig: Rig, reportBase: string, requestId: number): Promise<Report[]> {
	const from = rig.csms.messages.length;
	expect(await rig.call("GetBaseReport", { requestId, reportBase })).toEqual({ status: "Accepted" });
	await rig.csms.waitForCall("NotifyReport", (report: Report) => report.tbc !== true, 8000, from);
	await rig.settle();
	return rig.csms.calls("NotifyReport", from).map((message) => message.payload as Report);
}

/** Another valid value than the present one. */
function otherValue(row: Row, present: string): string {
	const known = row.valuesList.split(",");
	switch (row.dataType) {
		case "boolean":
			return present === "true" ? "false" : "true";
		case "integer":
			return String(Number(present) + 7);
		case "string":
			return `other ${row.variable} ÄÖ`;
		default:
			return known.find((value) => value !== present) ?? known[0];
	}
}

/** Every status of a SetVariables or GetVariables, one per item. */
async function statusesOf(rig: Rig, action: "GetVariables" | "SetVariables", items: object[]): Promise<string[]> {
	const answer = await rig.call(action, action === "GetVariables" ? { getVariableData: items } : { setVariableData: items });
	const results = action === "GetVariables" ? answer.getVariableResult : answer.setVariableResult;
	return results.map((result: { attributeStatus: string }) => result.attributeStatus);
}

describe("B05 SetVariables", () => {
	const open = rigPerCase();
	const TIMEOUT = { component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut" } };

	it("B05.FR.01, B05.FR.02, B05.FR.12 gives one result per item, in order, with what was asked echoed and Actual by default", async () => {
		const rig = await open();
		const answer = await rig.call("SetVariables", {
			setVariableData: [
				{ ...TIMEOUT, attributeValue: "90" },
				{ component: { name: "OCPPCommCtrlr" }, variable: { name: "MessageAttempts", instance: "TransactionEvent" }, attributeType: "Actual", attributeValue: "5" },
				{ component: { name: "EVSE", evse: { id: 1 } }, variable: { name: "Available" }, attributeValue: "true" },
				{ ...TIMEOUT, attributeType: "Target", attributeValue: "90" },
			],
		});
		expect(answer.setVariableResult).toEqual([
			{ attributeType: "Actual", attributeStatus: "Accepted", component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut" } },
			{ attributeType: "Actual", attributeStatus: "Accepted", component: { name: "OCPPCommCtrlr" }, variable: { name: "MessageAttempts", instance: "TransactionEvent" } },
			{ attributeType: "Actual", attributeStatus: "Rejected", component: { name: "EVSE", evse: { id: 1 } }, variable: { name: "Available" } },
			{ attributeType: "Target", attributeStatus: "NotSupportedAttributeType", component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut" } },
		]);
		expect([await rig.get("TxCtrlr.EVConnectionTimeOut"), await rig.get("OCPPCommCtrlr.MessageAttempts.TransactionEvent")]).toEqual(["90", "5"]);
	});

	it("B05.FR.03 what is Accepted is in force at once", async () => {
		const rig = await open();
		await rig.set("TxCtrlr.EVConnectionTimeOut", "5");
		await rig.token("04A2B3");
		await rig.advance(6_000);
		await rig.plug();
		expect(rig.story()).toEqual([]);
	});

	it("B05.FR.04, B05.FR.05, B05.FR.06 UnknownComponent comes before UnknownVariable before NotSupportedAttributeType", async () => {
		const rig = await open({ evses: 1 });
		const set = { attributeType: "MaxSet", attributeValue: "1" };
		expect(await statusesOf(rig, "SetVariables", [
			{ ...set, component: { name: "NoSuchCtrlr" }, variable: { name: "NoSuch" } },
			{ ...set, component: { name: "TxCtrlr", instance: "second" }, variable: { name: "NoSuch" } },
			{ ...set, component: { name: "EVSE", evse: { id: 2 } }, variable: { name: "NoSuch" } },
			{ ...set, component: { name: "TxCtrlr" }, variable: { name: "NoSuch" } },
			{ ...set, component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut", instance: "second" } },
			{ ...set, component: { name: "TxCtrlr" }, variable: { name: "TxStartPoint" } },
		])).toEqual(["UnknownComponent", "UnknownComponent", "UnknownComponent", "UnknownVariable", "UnknownVariable", "NotSupportedAttributeType"]);
	});

	it("B05.FR.07 a value of another format is Rejected: for an integer 300.1, true, abc, a date, and what only looks like one", async () => {
		const rig = await open();
		for (const value of ["300.1", "true", "abc", "2026-03-01T08:00:00Z", "", " 1", "1 ", "+1", "1e3", "0x10", "--1", "-", "99999999999", "2147483648", "１"])
			expect([value, await rig.set("OCPPCommCtrlr.OfflineThreshold", value)]).toEqual([value, "Rejected"]);
		for (const value of ["1", "TRUE", "yes", "", "abc", "300", "2026-03-01T08:00:00Z"])
			expect([value, await rig.set("AuthCtrlr.AuthorizeRemoteStart", value)]).toEqual([value, "Rejected"]);
		expect(await rig.get("OCPPCommCtrlr.OfflineThreshold")).toBe("60");
		expect(await rig.get("AuthCtrlr.AuthorizeRemoteStart")).toBe("false");
	});

	it("B05.FR.08 a value out of range is Rejected, the limits themselves are Accepted", async () => {
		const rig = await open();
		expect(await rig.set("OCPPCommCtrlr.OfflineThreshold", "-1")).toBe("Rejected");
		expect(await rig.set("OCPPCommCtrlr.OfflineThreshold", "0")).toBe("Accepted");
		expect(await rig.set("OCPPCommCtrlr.OfflineThreshold", "2147483647")).toBe("Accepted");
		expect(await rig.set("OCPPCommCtrlr.HeartbeatInterval", "0")).toBe("Rejected");
		expect(await rig.set("OCPPCommCtrlr.MessageAttempts.TransactionEvent", "0")).toBe("Rejected");
		expect(await rig.set("SecurityCtrlr.OrganizationName", "x".repeat(65))).toBe("Rejected");
		expect(await rig.set("SecurityCtrlr.OrganizationName", "x".repeat(64))).toBe("Accepted");
	});

	it("B05.FR.07 a list takes only its own entries, each once; a list of measurands may be empty", async () => {
		const rig = await open();
		const name = "SampledDataCtrlr.TxUpdatedMeasurands";
		for (const value of ["Energy.Active.Export.Register", "Voltage,Nonsense", "Voltage,Voltage", "voltage", "Voltage;Power.Active.Import", ",", "Voltage,"])
			expect([value, await rig.set(name, value)]).toEqual([value, "Rejected"]);
		for (const value of ["Voltage", "Voltage,Energy.Active.Import.Register", "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage", ""]) {
			expect([value, await rig.set(name, value)]).toEqual([value, "Accepted"]);
			expect(await rig.get(name)).toBe(value);
		}
		expect(await rig.set("ClockCtrlr.TimeSource", "NTP")).toBe("Rejected");
		expect(await rig.set("ClockCtrlr.TimeSource", "")).toBe("Rejected");
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "3")).toBe("Rejected");
	});

	it("B05.FR.09 a ReadOnly variable is Rejected, every one of them", async () => {
		const rig = await open({ evses: 2 });
		const items = MODEL.filter((row) => row.mutability === "ReadOnly").map((row) => ({
			component: { name: row.component, evse: row.scope === "station" ? undefined : { id: 2, connectorId: row.scope === "connector" ? 1 : undefined } },
			variable: { name: row.variable, instance: row.instance === "" ? undefined : row.instance },
			attributeValue: row.dataType === "boolean" ? "true" : "1",
		}));
		expect(items.length).toBeGreaterThan(25);
		for (let at = 0; at < items.length; at += LIMITS.itemsPerMessage) {
			const part = items.slice(at, at + LIMITS.itemsPerMessage);
			expect(await statusesOf(rig, "SetVariables", part)).toEqual(part.map(() => "Rejected"));
		}
	});

	it("B05.FR.10 one verdict per item: a bad one neither stops nor undoes a good one", async () => {
		const rig = await open();
		expect(await statusesOf(rig, "SetVariables", [
			{ component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut" }, attributeValue: "41" },
			{ component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut" }, attributeValue: "abc" },
			{ component: { name: "Nothing" }, variable: { name: "EVConnectionTimeOut" }, attributeValue: "5" },
			{ component: { name: "OCPPCommCtrlr" }, variable: { name: "ResetRetries" }, attributeValue: "42" },
		])).toEqual(["Accepted", "Rejected", "UnknownComponent", "Accepted"]);
		await rig.powerCut();
		expect([await rig.get("TxCtrlr.EVConnectionTimeOut"), await rig.get("OCPPCommCtrlr.ResetRetries")]).toEqual(["41", "42"]);
	});

	it("B05.FR.01 as many items as announced are taken, and a value as long as announced", async () => {
		const rig = await open();
		const limit = Number(await rig.get("DeviceDataCtrlr.ItemsPerMessage.SetVariables"));
		expect(limit).toBe(LIMITS.itemsPerMessage);
		expect(limit).toBeGreaterThanOrEqual(4);
		expect(Number(await rig.get("DeviceDataCtrlr.BytesPerMessage.SetVariables"))).toBeGreaterThanOrEqual(1000);
		const items = Array.from({ length: limit }, (_, index) => ({ ...TIMEOUT, attributeValue: String(100 + index) }));
		expect(await statusesOf(rig, "SetVariables", items)).toEqual(items.map(() => "Accepted"));
		expect(await rig.get("TxCtrlr.EVConnectionTimeOut")).toBe(String(99 + limit));
		expect(await rig.refused("SetVariables", { setVariableData: [...items, items[0]] })).toBe("OccurrenceConstraintViolation");
		expect(await rig.refused("SetVariables", { setVariableData: [{ ...TIMEOUT, attributeValue: "x".repeat(1001) }] })).toBe("PropertyConstraintViolation");
		expect(await rig.set("SecurityCtrlr.OrganizationName", "x".repeat(1000))).toBe("Rejected");
	});

	it("Part 4 §4.1.6 names and instances compare without case, and are echoed as they were asked", async () => {
		const rig = await open();
		const answer = await rig.call("SetVariables", {
			setVariableData: [{ component: { name: "ocppCOMMctrlr" }, variable: { name: "messageATTEMPTS", instance: "transactionevent" }, attributeValue: "6" }],
		});
		expect(answer.setVariableResult).toEqual([{
			attributeType: "Actual", attributeStatus: "Accepted", component: { name: "ocppCOMMctrlr" }, variable: { name: "messageATTEMPTS", instance: "transactionevent" },
		}]);
		expect(await rig.get("OCPPCOMMCTRLR.MESSAGEATTEMPTS.TRANSACTIONEVENT")).toBe("6");
	});

	it("B05.FR.01 every variable that Core wants writable is, and all that is writable survives a power cut", async () => {
		const rig = await open();
		rig.csms.heartbeatSeconds = 0; // or the next boot would set HeartbeatInterval again
		const rows = MODEL.filter((row) => row.mutability === "ReadWrite");
		for (const name of WRITABLE) expect([name, rows.some((row) => nameOf(row) === name)]).toEqual([name, true]);
		const wanted = new Map<string, string>();
		for (const row of rows) {
			const name = nameOf(row);
			const isPriority = row.variable === "NetworkConfigurationPriority"; // the other slot is empty
			wanted.set(name, isPriority ? "1" : otherValue(row, await rig.get(name)));
			expect([name, await rig.set(name, wanted.get(name)!)]).toEqual([name, "Accepted"]);
		}
		for (let cut = 0; cut < 2; cut++) {
			await rig.powerCut();
			for (const [name, value] of wanted) expect([name, await rig.get(name)]).toEqual([name, value]);
		}
	});

	it("A01.FR.01, A01.FR.02, A01.FR.03 a new password is kept, answered for, and used for a new connection", async () => {
		const rig = await open();
		rig.password = "new-password-of-20-x";
		expect(await rig.set("SecurityCtrlr.BasicAuthPassword", "new-password-of-20-x")).toBe("Accepted");
		await rig.advance(30_000);
		expect(rig.csms.connections).toBe(2);
		expect(rig.csms.handshakesRefused).toBe(0);
		expect(await rig.get("SecurityCtrlr.BasicAuthPassword")).toBe("Rejected");
		await rig.powerCut();
		expect(rig.csms.handshakesRefused).toBe(0);
	});

	it("A00.FR.205 a password shorter than 16 characters is Rejected and the old one stays", async () => {
		const rig = await open();
		expect(await rig.set("SecurityCtrlr.BasicAuthPassword", "only-15-charact")).toBe("Rejected");
		expect(await rig.set("SecurityCtrlr.BasicAuthPassword", "x".repeat(41))).toBe("Rejected");
		await rig.powerCut();
		expect(rig.csms.handshakesRefused).toBe(0);
	});
});

describe("B06 GetVariables", () => {
	const open = rigPerCase();

	it("B06.FR.06, B06.FR.07, B06.FR.08 a status that is an error carries no value, and unknown things are told apart", async () => {
		const rig = await open();
		const answer = await rig.call("GetVariables", {
			getVariableData: [
				{ component: { name: "NoSuchCtrlr" }, variable: { name: "NoSuch" }, attributeType: "Target" },
				{ component: { name: "TxCtrlr" }, variable: { name: "NoSuch" }, attributeType: "Target" },
				{ component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut" }, attributeType: "Target" },
				{ component: { name: "EVSE" }, variable: { name: "Available" } },
				{ component: { name: "EVSE", evse: { id: 9 } }, variable: { name: "Available" } },
				{ component: { name: "Connector", evse: { id: 1, connectorId: 2 } }, variable: { name: "Available" } },
			],
		});
		expect(answer.getVariableResult.map((result: { attributeStatus: string }) => result.attributeStatus)).toEqual([
			"UnknownComponent", "UnknownVariable", "NotSupportedAttributeType", "UnknownComponent", "UnknownComponent", "UnknownComponent",
		]);
		for (const result of answer.getVariableResult) expect("attributeValue" in result).toBeFalse();
		expect(answer.getVariableResult[0].attributeType).toBe("Target");
	});

	it("B06.FR.09 a WriteOnly variable is Rejected, without a value", async () => {
		const rig = await open();
		const answer = await rig.call("GetVariables", { getVariableData: [{ component: { name: "SecurityCtrlr" }, variable: { name: "BasicAuthPassword" } }] });
		expect(answer.getVariableResult).toEqual([{
			attributeStatus: "Rejected", attributeType: "Actual", component: { name: "SecurityCtrlr" }, variable: { name: "BasicAuthPassword" },
		}]);
	});

	it("B06.FR.13 an attribute that is supported but empty is Accepted with an empty value", async () => {
		const rig = await open();
		await rig.set("SampledDataCtrlr.TxStartedMeasurands", "");
		const answer = await rig.call("GetVariables", { getVariableData: [{ component: { name: "SampledDataCtrlr" }, variable: { name: "TxStartedMeasurands" } }] });
		expect([answer.getVariableResult[0].attributeStatus, answer.getVariableResult[0].attributeValue]).toEqual(["Accepted", ""]);
	});

	it("B06.FR.14, B06.FR.15 an instance that is given is meant; where only instances exist none is unknown", async () => {
		const rig = await open();
		expect(await rig.get("DeviceDataCtrlr.ItemsPerMessage.GetVariables")).toBe(String(LIMITS.itemsPerMessage));
		expect(await rig.get("DeviceDataCtrlr.ItemsPerMessage")).toBe("UnknownVariable");
		expect(await rig.get("DeviceDataCtrlr.ItemsPerMessage.Nothing")).toBe("UnknownVariable");
		expect(await rig.get("TxCtrlr.TxStartPoint.Some")).toBe("UnknownVariable");
	});

	it("B06.FR.16 more items than announced are refused as a whole, as many as announced are answered", async () => {
		const rig = await open();
		const item = { component: { name: "TxCtrlr" }, variable: { name: "TxStopPoint" } };
		const most = new Array(LIMITS.itemsPerMessage).fill(item);
		expect(await statusesOf(rig, "GetVariables", most)).toEqual(most.map(() => "Accepted"));
		expect(await rig.refused("GetVariables", { getVariableData: [...most, item] })).toBe("OccurrenceConstraintViolation");
	});

	it("B06.FR.06 every variable of the device model is answered, at every EVSE", async () => {
		const rig = await open({ evses: 2 });
		for (const row of MODEL.filter((one) => one.mutability !== "WriteOnly")) {
			for (const id of row.scope === "station" ? [undefined] : [1, 2]) {
				const evse = id === undefined ? undefined : { id, connectorId: row.scope === "connector" ? 1 : undefined };
				const answer = await rig.call("GetVariables", {
					getVariableData: [{ component: { name: row.component, evse }, variable: { name: row.variable, instance: row.instance || undefined } }],
				});
				expect([nameOf(row), answer.getVariableResult[0].attributeStatus]).toEqual([nameOf(row), "Accepted"]);
				expect(answer.getVariableResult[0].attributeValue).not.toBe("");
			}
		}
	});
});

describe("B07 GetBaseReport", () => {
	const open = rigPerCase();

	it("B07.FR.01, B07.FR.04, B07.FR.10 a full report comes in parts: one requestId, seqNo from 0 by 1, tbc but for the last", async () => {
		const rig = await open();
		const reports = await reportOf(rig, "FullInventory", 4711);
		expect(reports.length).toBeGreaterThan(5);
		expect(reports.map((report) => report.seqNo)).toEqual(reports.map((_, index) => index));
		expect(reports.map((report) => report.tbc === true)).toEqual(reports.map((_, index) => index < reports.length - 1));
		expect(new Set(reports.map((report) => report.requestId))).toEqual(new Set([4711]));
		for (const report of reports) expect(Math.abs(Date.parse(report.generatedAt) - rig.nowMs())).toBeLessThan(5000);
		const again = await reportOf(rig, "FullInventory", 4712);
		expect(again.map((report) => report.seqNo)).toEqual(reports.map((report) => report.seqNo));
	});

	it("B07.FR.03, B07.FR.05 FullInventory has every row of the device model once, at each of two EVSEs", async () => {
		const rig = await open({ evses: 2 });
		const rows = (await reportOf(rig, "FullInventory", 1)).flatMap((report) => report.reportData);
		const keys = rows.map(keyOfReport);
		expect(new Set(keys).size).toBe(keys.length);
		expect([...keys].sort()).toEqual(MODEL.flatMap((row) => keysOf(row, 2)).sort());
	});

	it("B07.FR.03 every value passes its own type, every list names its values, what is WriteOnly shows none", async () => {
		const rig = await open({ evses: 1 });
		const rows = (await reportOf(rig, "FullInventory", 1)).flatMap((report) => report.reportData);
		for (const row of rows) {
			const key = keyOfReport(row);
			const characteristics = row.variableCharacteristics;
			const model = MODEL.find((one) => keysOf(one, 1).includes(key))!;
			expect([key, characteristics.dataType]).toEqual([key, model.dataType]);
			expect([key, characteristics.unit ?? ""]).toEqual([key, model.unit]);
			expect(typeof characteristics.supportsMonitoring).toBe("boolean");
			if (/List$/.test(characteristics.dataType)) expect([key, (characteristics.valuesList ?? "").length > 0]).toEqual([key, true]);
			expect(row.variableAttribute.length).toBe(1);
			const [attribute] = row.variableAttribute;
			const mutability = attribute.mutability ?? "ReadWrite";
			expect([key, attribute.type ?? "Actual", mutability]).toEqual([key, "Actual", model.mutability]);
			if (mutability !== "ReadOnly") expect([key, attribute.persistent]).toEqual([key, true]);
			if (mutability === "WriteOnly") expect([key, "value" in attribute]).toEqual([key, false]);
			else expect([key, wrongValue(row, attribute.value ?? "")]).toEqual([key, ""]);
		}
	});

	it("B07.FR.03 a report tells the same as GetVariables", async () => {
		const rig = await open();
		await rig.set("SecurityCtrlr.OrganizationName", "Operator of tests");
		const rows = (await reportOf(rig, "FullInventory", 1)).flatMap((report) => report.reportData);
		const live = ["ClockCtrlr"];
		for (const row of rows) {
			if (live.includes(row.component.name) || row.variableAttribute[0].value === undefined) continue;
			const answer = await rig.call("GetVariables", { getVariableData: [{ component: row.component, variable: row.variable }] });
			expect([keyOfReport(row), answer.getVariableResult[0].attributeValue]).toEqual([keyOfReport(row), row.variableAttribute[0].value]);
		}
		expect(rows.some((row) => row.variableAttribute[0].value === "Operator of tests")).toBeTrue();
	});

	it("B07.FR.02, B07.FR.07 ConfigurationInventory has what the operator can set, the WriteOnly password included, and nothing else", async () => {
		const rig = await open();
		const rows = (await reportOf(rig, "ConfigurationInventory", 2)).flatMap((report) => report.reportData);
		const settable = MODEL.filter((row) => row.mutability !== "ReadOnly").flatMap((row) => keysOf(row, 1));
		expect(rows.map(keyOfReport).sort()).toEqual(settable.sort());
		expect(rows.some((row) => row.variable.name === "BasicAuthPassword")).toBeTrue();
	});

	it("B07.FR.12 SummaryInventory is NotSupported and no NotifyReport follows", async () => {
		const rig = await open();
		expect(await rig.call("GetBaseReport", { requestId: 3, reportBase: "SummaryInventory" })).toEqual({ status: "NotSupported" });
		await rig.advance(5_000);
		expect(rig.csms.calls("NotifyReport").length).toBe(0);
	});

	it("B07.FR.10 a second report is Rejected while the first is on its way, which goes on", async () => {
		const rig = await open();
		let second: Promise<unknown> | undefined;
		rig.csms.once("NotifyReport", () => {
			second = rig.csms.call("GetBaseReport", { requestId: 9, reportBase: "FullInventory" });
			return {};
		});
		const reports = await reportOf(rig, "FullInventory", 8);
		expect(await second).toEqual({ status: "Rejected" });
		expect(reports.every((report) => report.requestId === 8)).toBeTrue();
		expect(reports.at(-1)!.tbc).not.toBeTrue();
	});

	it("B07.FR.10 a report that a lost connection cut short does not stop the next one", async () => {
		const rig = await open({ variables: { "OCPPCommCtrlr.RetryBackOffWaitMinimum": "1", "OCPPCommCtrlr.RetryBackOffRandomRange": "0" } });
		rig.csms.once("NotifyReport", () => {
			void rig.csms.disconnect(true);
			return {};
		});
		await rig.call("GetBaseReport", { requestId: 8, reportBase: "FullInventory" });
		await rig.advance(10_000);
		const from = rig.csms.messages.length;
		const reports = await reportOf(rig, "ConfigurationInventory", 10);
		expect(reports[0].seqNo).toBe(0);
		expect(rig.csms.calls("NotifyReport", from).length).toBe(reports.length);
	});
});
