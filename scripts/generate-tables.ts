// Makes the ROM tables of preload/: actions.ts, schema.ts, payloads.d.ts from the OCPP 2.0.1 schemas (set of
// 2020-03-31) and variables.ts from device-model.csv. Only names and limits are taken over, no descriptions.
//
// The schemas come from the development dependency ocpp-rpc; ocpp-messages is the second witness: both must give the
// same text of every table, else nothing is written and the exit code is 1.
//
//   generate-tables.ts                    writes the four files and prints rows and bytes
//   generate-tables.ts --check            writes nothing; exit code 1 when a file differs from what would be written
//   generate-tables.ts --serve A,B,C      tables for these actions only; the names of all 64 stay, so that an action
//                                         that is left out is still known and answered NotSupported

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Root of the repository, from the source as well as from the build. */
const ROOT = rootFrom(__dirname);
const packages = createRequire(join(ROOT, "package.json"));

function rootFrom(folder: string): string {
	return existsSync(join(folder, "package.json")) ? folder : rootFrom(dirname(folder));
}

/** One JSON schema, as far as the OCPP set uses the language. */
interface Schema {
	$id?: string;
	$ref?: string;
	type?: string;
	properties?: Record<string, Schema>;
	required?: string[];
	additionalProperties?: boolean;
	additionalItems?: boolean;
	definitions?: Record<string, Schema>;
	items?: Schema;
	enum?: string[];
	format?: string;
	maxLength?: number;
	minimum?: number;
	maximum?: number;
	minItems?: number;
	maxItems?: number;
}

const KEYWORDS = new Set([
	"$id", "$schema", "$ref", "comment", "description", "javaType", "default", "type", "properties", "required",
	"additionalProperties", "additionalItems", "definitions", "items", "enum", "format", "maxLength", "minimum",
	"maximum", "minItems", "maxItems",
]);

const KIND = { String: 0, Enum: 1, Object: 2, Integer: 3, Decimal: 4, Boolean: 5, DateTime: 6, Any: 7, Anything: 8 };
const REQUIRED = 0x10;
const LIST = 0x20;
const ROW_SIZE = 5;
const NO_TYPE = 0xffff;

/**
 * Who sends the request of each action (1 CSMS, 2 station, 3 both) and the section of Part 2 that defines its use case.
 * Source: OCPP 2.0.1 Part 2, the message tables of the use cases.
 */
const ACTIONS: Record<string, readonly [sender: 1 | 2 | 3, section: string]> = {
	Authorize: [2, "C"],
	BootNotification: [2, "B"],
	CancelReservation: [1, "H"],
	CertificateSigned: [1, "A"],
	ChangeAvailability: [1, "G"],
	ClearCache: [1, "C"],
	ClearChargingProfile: [1, "K"],
	ClearDisplayMessage: [1, "O"],
	ClearVariableMonitoring: [1, "N"],
	ClearedChargingLimit: [2, "K"],
	CostUpdated: [1, "I"],
	CustomerInformation: [1, "N"],
	DataTransfer: [3, "P"],
	DeleteCertificate: [1, "M"],
	FirmwareStatusNotification: [2, "L"],
	Get15118EVCertificate: [2, "M"],
	GetBaseReport: [1, "B"],
	GetCertificateStatus: [2, "M"],
	GetChargingProfiles: [1, "K"],
	GetCompositeSchedule: [1, "K"],
	GetDisplayMessages: [1, "O"],
	GetInstalledCertificateIds: [1, "M"],
	GetLocalListVersion: [1, "D"],
	GetLog: [1, "N"],
	GetMonitoringReport: [1, "N"],
	GetReport: [1, "B"],
	GetTransactionStatus: [1, "E"],
	GetVariables: [1, "B"],
	Heartbeat: [2, "G"],
	InstallCertificate: [1, "M"],
	LogStatusNotification: [2, "N"],
	MeterValues: [2, "J"],
	NotifyChargingLimit: [2, "K"],
	NotifyCustomerInformation: [2, "N"],
	NotifyDisplayMessages: [2, "O"],
	NotifyEVChargingNeeds: [2, "K"],
	NotifyEVChargingSchedule: [2, "K"],
	NotifyEvent: [2, "N"],
	NotifyMonitoringReport: [2, "N"],
	NotifyReport: [2, "B"],
	PublishFirmware: [1, "L"],
	PublishFirmwareStatusNotification: [2, "L"],
	ReportChargingProfiles: [2, "K"],
	RequestStartTransaction: [1, "F"],
	RequestStopTransaction: [1, "F"],
	ReservationStatusUpdate: [2, "H"],
	ReserveNow: [1, "H"],
	Reset: [1, "B"],
	SecurityEventNotification: [2, "A"],
	SendLocalList: [1, "D"],
	SetChargingProfile: [1, "K"],
	SetDisplayMessage: [1, "O"],
	SetMonitoringBase: [1, "N"],
	SetMonitoringLevel: [1, "N"],
	SetNetworkProfile: [1, "B"],
	SetVariableMonitoring: [1, "N"],
	SetVariables: [1, "B"],
	SignCertificate: [2, "A"],
	StatusNotification: [2, "G"],
	TransactionEvent: [2, "E"],
	TriggerMessage: [1, "F"],
	UnlockConnector: [1, "F"],
	UnpublishFirmware: [1, "L"],
	UpdateFirmware: [1, "L"],
};
const ACTION_NAMES = Object.keys(ACTIONS).sort();

class GeneratorError extends Error {}

function need(condition: boolean, message: string): asserts condition {
	if (!condition) throw new GeneratorError(message);
}

// ---- reading the two sources -------------------------------------------------------------------------------------

/** Payload name ("AuthorizeRequest") to schema. */
type SchemaSet = Map<string, Schema>;

function readOcppRpc(): SchemaSet {
	const list = packages("ocpp-rpc/lib/schemas/ocpp2_0_1.json") as Schema[];
	const set: SchemaSet = new Map();
	for (const schema of list) {
		const match = /^urn:(\w+)\.(req|conf)$/.exec(schema.$id ?? "");
		need(match !== null, "ocpp-rpc: a schema with the id " + String(schema.$id));
		set.set(match[1] + (match[2] === "req" ? "Request" : "Response"), schema);
	}
	return set;
}

function readOcppMessages(): SchemaSet {
	const set: SchemaSet = new Map();
	for (const action of ACTION_NAMES)
		for (const part of ["Request", "Response"])
			set.set(action + part, packages(`ocpp-messages/schema/v2.0/${action}${part}.json`) as Schema);
	return set;
}

/** Stops on anything of the schema language that the tables could not carry. */
function checkSchema(schema: Schema, where: string): void {
	for (const keyword of Object.keys(schema))
		need(KEYWORDS.has(keyword), `${where}: the keyword ${keyword} is not known`);
	for (const [name, member] of Object.entries(schema.properties ?? {})) checkSchema(member, `${where}.${name}`);
	for (const [name, definition] of Object.entries(schema.definitions ?? {}))
		checkSchema(definition, `${where}#${name}`);
	if (schema.items) checkSchema(schema.items, where + "[]");
	if (schema.type === "object" && !where.endsWith("#CustomDataType"))
		need(schema.additionalProperties === false, where + ": members that are not named are allowed");
}

// ---- the model ---------------------------------------------------------------------------------------------------

interface Row {
	name: string;
	kind: number;
	required: boolean;
	list: boolean;
	/** String: maxLength. */
	length: number;
	/** Enum or Object: name of the definition. */
	refers: string;
	min: number;
	max: number;
	minItems: number;
	maxItems: number;
}

interface Model {
	/** Object definitions and payloads by name. */
	types: Map<string, Row[]>;
	enums: Map<string, string[]>;
}

function makeModel(set: SchemaSet): Model {
	const model: Model = { types: new Map(), enums: new Map() };
	const seen = new Map<string, string>();
	for (const [payload, schema] of [...set].sort(([a], [b]) => (a < b ? -1 : 1))) {
		checkSchema(schema, payload);
		for (const [name, definition] of Object.entries(schema.definitions ?? {})) {
			const text = JSON.stringify(definition, withoutProse);
			const before = seen.get(name);
			need(before === undefined || before === text, `${name} has two meanings`);
			if (before !== undefined) continue;
			seen.set(name, text);
			if (definition.enum) model.enums.set(name, definition.enum);
			else if (name !== "CustomDataType") model.types.set(name, rowsOf(definition, schema, name));
			else need(text === CUSTOM_DATA, "CustomDataType is not what decode.ts checks: " + text);
		}
		model.types.set(payload, rowsOf(schema, schema, payload));
	}
	return model;
}

/** JSON.stringify replacer: leaves out what is no constraint. */
function withoutProse(key: string, value: unknown): unknown {
	return typeof value === "string" && ["description", "javaType", "default"].includes(key) ? undefined : value;
}

/** What decode.ts checks of customData without a table. */
const CUSTOM_DATA = JSON.stringify({
	type: "object", properties: { vendorId: { type: "string", maxLength: 255 } }, required: ["vendorId"],
});

function rowsOf(schema: Schema, root: Schema, where: string): Row[] {
	const required = new Set(schema.required ?? []);
	return Object.entries(schema.properties ?? {}).map(([name, member]) => {
		const list = member.type === "array";
		const item = list ? member.items! : member;
		const row: Row = {
			name, kind: KIND.Anything, required: required.has(name), list, length: 0, refers: "",
			min: -Infinity, max: Infinity,
			minItems: list ? (member.minItems ?? 0) : 0, maxItems: list ? (member.maxItems ?? 0) : 0,
		};
		if (item.$ref) {
			row.refers = item.$ref.replace("#/definitions/", "");
			const target = root.definitions![row.refers]!;
			row.kind = target.enum ? KIND.Enum : row.refers === "CustomDataType" ? KIND.Any : KIND.Object;
			need(
				target.enum !== undefined || target.type === "object",
				`${where}.${name}: a reference to something else`,
			);
		} else if (item.type === "string") {
			row.kind = item.format === "date-time" ? KIND.DateTime : KIND.String;
			need(item.format === undefined || row.kind === KIND.DateTime, `${where}.${name}: the format is not known`);
			need(item.enum === undefined, `${where}.${name}: an enumeration without a name`);
			row.length = item.maxLength ?? 0;
		} else if (item.type === "integer" || item.type === "number") {
			row.kind = item.type === "integer" ? KIND.Integer : KIND.Decimal;
			row.min = item.minimum ?? -Infinity;
			row.max = item.maximum ?? Infinity;
		} else if (item.type === "boolean") row.kind = KIND.Boolean;
		else need(item.type === undefined && item.properties === undefined, `${where}.${name}: the type is not known`);
		return row;
	});
}

// ---- tables ------------------------------------------------------------------------------------------------------

interface Tables {
	names: string[];
	values: string[];
	enumAt: number[];
	enumValues: number[];
	typeAt: number[];
	rows: number[];
	ranges: number[];
	/** Payload name to type id. */
	typeOf: Map<string, number>;
}

/** Lays the model out in numbers. Types and enumerations with the same content share one id. */
function makeTables(model: Model, served: readonly string[]): Tables {
	const enumIds = new Map<string, number>();
	const typeIds = new Map<string, number>();
	const names = new Set<string>();
	const values = new Set<string>();
	const usedTypes: string[] = [];
	const usedEnums: string[] = [];
	const use = (type: string): void => {
		if (usedTypes.includes(type)) return;
		for (const row of model.types.get(type)!) {
			names.add(row.name);
			if (row.kind === KIND.Object) use(row.refers);
			if (row.kind === KIND.Enum && !usedEnums.includes(row.refers)) usedEnums.push(row.refers);
		}
		usedTypes.push(type);
	};
	for (const action of served) {
		use(action + "Request");
		use(action + "Response");
	}
	// customData is checked without rows of its own; its only name must be there all the same.
	names.add("vendorId");
	usedEnums.sort();
	for (const name of usedEnums) for (const value of model.enums.get(name)!) values.add(value);
	const nameList = [...names].sort();
	const valueList = [...values].sort();

	const enumAt = [0];
	const enumValues: number[] = [];
	const enumContent: string[] = [];
	for (const name of usedEnums) {
		const content = model.enums.get(name)!.map((value) => valueList.indexOf(value));
		let id = enumContent.indexOf(content.join());
		if (id < 0) {
			id = enumContent.push(content.join()) - 1;
			enumValues.push(...content);
			enumAt.push(enumValues.length);
		}
		enumIds.set(name, id);
	}

	const ranges = [-Infinity, Infinity];
	const rangeOf = (row: Row): number => {
		for (let index = 0; index < ranges.length; index += 2)
			if (ranges[index] === row.min && ranges[index + 1] === row.max) return index / 2;
		return ranges.push(row.min, row.max) / 2 - 1;
	};
	const typeAt = [0];
	const rows: number[] = [];
	const typeContent: string[] = [];
	// use() appends a type after the types that it refers to, so every type id in a row is already known.
	for (const name of usedTypes) {
		const content = model.types.get(name)!.flatMap((row) => [
			nameList.indexOf(row.name),
			row.kind | (row.required ? REQUIRED : 0) | (row.list ? LIST : 0),
			detailOf(row, enumIds, typeIds, rangeOf),
			row.minItems,
			row.maxItems,
		]);
		let id = typeContent.indexOf(content.join());
		if (id < 0) {
			id = typeContent.push(content.join()) - 1;
			rows.push(...content);
			typeAt.push(rows.length / ROW_SIZE);
		}
		typeIds.set(name, id);
	}
	for (const number of [...rows, ...enumAt, ...enumValues, ...typeAt])
		need(number >= 0 && number < NO_TYPE, "a table number does not fit 16 bits");
	return { names: nameList, values: valueList, enumAt, enumValues, typeAt, rows, ranges, typeOf: typeIds };
}

type Ids = Map<string, number>;

function detailOf(row: Row, enums: Ids, types: Ids, rangeOf: (row: Row) => number): number {
	switch (row.kind) {
		case KIND.String: return row.length;
		case KIND.Enum: return enums.get(row.refers)!;
		case KIND.Object: return types.get(row.refers)!;
		case KIND.Integer:
		case KIND.Decimal: return rangeOf(row);
		default: return 0;
	}
}

// ---- text --------------------------------------------------------------------------------------------------------

const SCHEMA_HEAD = "// Generated by scripts/generate-tables.ts from the OCA schemas 2020-03-31. Do not edit.\n";
const VARIABLES_HEAD = "// Generated by scripts/generate-tables.ts from scripts/device-model.csv. Do not edit.\n";
const WIDTH = 120;

/** Items of a list as lines of at most 120 columns; a tab counts four. */
function wrapped(items: readonly string[], separator = ", ", lead = "\t"): string {
	const lines: string[] = [];
	let line = "";
	for (const item of items) {
		const next = line === "" ? item : line + separator + item;
		if (next.length + 4 + separator.length > WIDTH && line !== "") {
			lines.push(lead + line + separator.trimEnd());
			line = item;
		} else line = next;
	}
	if (line !== "") lines.push(lead + line);
	return lines.join("\n");
}

const quoted = (items: readonly string[]): string[] => items.map((item) => JSON.stringify(item));
const stringList = (name: string, items: readonly string[], what: string): string =>
	`\n/** ${what} */\nexport const ${name}: readonly string[] = freeze([\n${wrapped(quoted(items))},\n]);\n`;
const numberList = (name: string, maker: string, items: readonly (number | string)[], what: string): string =>
	`\n/** ${what} */\nexport const ${name} = freeze(new ${maker}([\n${wrapped(items.map(String))},\n]));\n`;

function schemaText(tables: Tables): string {
	const rowLines: string[] = [];
	for (let type = 0; type + 1 < tables.typeAt.length; type++) {
		const from = tables.typeAt[type]! * ROW_SIZE;
		const to = tables.typeAt[type + 1]! * ROW_SIZE;
		const items: string[] = [];
		for (let at = from; at < to; at += ROW_SIZE) items.push(tables.rows.slice(at, at + ROW_SIZE).join(", "));
		rowLines.push(wrapped(items) + ",");
	}
	const rangePairs = tables.ranges.map(String);
	return `${SCHEMA_HEAD}
// The payloads of all served actions as tables: object type t has the rows TYPE_AT[t] to TYPE_AT[t + 1], each ROW_SIZE
// numbers of ROWS:
//   [0] name id   [1] Kind | REQUIRED | LIST
//   [2] String: longest length in code points (0 open); Enum: enum id; Object: type id; Integer, Decimal: index into
//       RANGES; otherwise 0
//   [3] minItems (0 none)   [4] maxItems (0 open)
// Types with the same rows share an id, and so do enumerations with the same values.

import { freeze } from "./freeze.js";

export const ROW_SIZE = 5;

/** Low four bits of ROWS[1]. Any is customData: an object with a vendorId and whatever else; Anything is any JSON. */
export const enum Kind {
	String = 0,
	Enum = 1,
	Object = 2,
	Integer = 3,
	Decimal = 4,
	Boolean = 5,
	DateTime = 6,
	Any = 7,
	Anything = 8,
}
/** Flags of ROWS[1]. */
export const KIND_MASK = 0x0f;
export const REQUIRED = 0x10;
export const LIST = 0x20;
${[
		`\n/** Every property name; the index is the name id. Keys of an object, so that object[NAMES[i]] never makes one at run time. */
export const NAMES: readonly string[] = freeze(Object.keys({
${wrapped(tables.names.map((name) => name + ": 0"))},
}));\n`,
		stringList("VALUES", tables.values, "Every enumeration string; the index is the value id."),
		numberList(
			"ENUM_AT", "Uint16Array", tables.enumAt,
			"Enum e has the value ids ENUM_VALUES[ENUM_AT[e]] to ENUM_VALUES[ENUM_AT[e + 1] - 1], in schema order.",
		),
		numberList("ENUM_VALUES", "Uint16Array", tables.enumValues, "Value ids of all enumerations."),
		numberList(
			"TYPE_AT", "Uint16Array", tables.typeAt, "First row of each object type, and the end of the last one.",
		),
	].join("")}
/** The rows, one type after the other. */
export const ROWS = freeze(new Uint16Array([
${rowLines.filter((line) => line !== ",").join("\n")}
]));

/** Pairs of smallest and largest value at 2 * i; pair 0 is open. */
export const RANGES: readonly number[] = freeze([${rangePairs.join(", ")}]);

/** Offsets of the texts in one run of bytes: text i is [at[i], at[i + 1]). Runs while linking only. */
export function offsets(texts: readonly string[]): Uint16Array {
	const at = new Uint16Array(texts.length + 1);
	for (let index = 0; index < texts.length; index++) at[index + 1] = at[index]! + texts[index]!.length;
	return at;
}

/** All characters of the texts, which are ASCII. Runs while linking only. */
export function characters(texts: readonly string[], at: Uint16Array): Uint8Array {
	const bytes = new Uint8Array(at[texts.length]!);
	for (let index = 0; index < texts.length; index++) {
		const text = texts[index]!;
		for (let offset = 0; offset < text.length; offset++) bytes[at[index]! + offset] = text.charCodeAt(offset);
	}
	return bytes;
}

// Made while the linker preloads this module, so they are in ROM; core/ compares and copies them without strings.
/** Characters of name i: NAME_BYTES[NAME_AT[i]] to NAME_BYTES[NAME_AT[i + 1] - 1]. */
export const NAME_AT = freeze(offsets(NAMES));
export const NAME_BYTES = freeze(characters(NAMES, NAME_AT));
/** Characters of value i: VALUE_BYTES[VALUE_AT[i]] to VALUE_BYTES[VALUE_AT[i + 1] - 1]. */
export const VALUE_AT = freeze(offsets(VALUES));
export const VALUE_BYTES = freeze(characters(VALUES, VALUE_AT));
`;
}

function actionsText(tables: Tables): string {
	const type = (action: string, part: string): string => String(tables.typeOf.get(action + part) ?? NO_TYPE);
	return `${SCHEMA_HEAD}
// The 64 actions of OCPP 2.0.1 and parallel arrays by action id.

import { freeze } from "./freeze.js";
import { characters, offsets } from "./schema.js";

/** Action ids, in the order of the alphabet. */
export const enum Action {
${ACTION_NAMES.map((name, id) => `\t${name} = ${id},`).join("\n")}
}

/** In REQUEST_TYPE and RESPONSE_TYPE: this build has no tables for the action; it is answered NotSupported. */
export const NO_TYPE = 0x${NO_TYPE.toString(16)};
${stringList("ACTION_NAMES", ACTION_NAMES, "Name on the wire by action id.")}
/** Characters of name i: ACTION_BYTES[ACTION_AT[i]] to ACTION_BYTES[ACTION_AT[i + 1] - 1]. */
export const ACTION_AT = freeze(offsets(ACTION_NAMES));
export const ACTION_BYTES = freeze(characters(ACTION_NAMES, ACTION_AT));
${[
		numberList(
			"REQUEST_TYPE", "Uint16Array", ACTION_NAMES.map((name) => type(name, "Request")),
			"Type id (schema.ts) of the request by action id.",
		),
		numberList(
			"RESPONSE_TYPE", "Uint16Array", ACTION_NAMES.map((name) => type(name, "Response")),
			"Type id (schema.ts) of the response by action id.",
		),
		numberList(
			"SENDER", "Uint8Array", ACTION_NAMES.map((name) => ACTIONS[name]![0]),
			"Who sends the request: 1 CSMS, 2 station, 3 both (Part 2).",
		),
	].join("")}
/** Letter of the section of Part 2 by action id. */
export const SECTION = "${ACTION_NAMES.map((name) => ACTIONS[name]![1]).join("")}";
`;
}

function payloadsText(model: Model): string {
	const parts = [`${SCHEMA_HEAD}
// Types of all payloads, by their OCPP names. Lists are read-only so that constants in ROM fit.

/** Open by schema: any members beside vendorId. The station ignores what it receives. */
export interface CustomDataType {
	vendorId: string;
	[member: string]: unknown;
}
`];
	for (const [name, values] of [...model.enums].sort(([a], [b]) => (a < b ? -1 : 1))) {
		const line = `export type ${name} = ${quoted(values).join(" | ")};`;
		const lines = quoted(values).map((value) => "\t| " + value).join("\n");
		parts.push(line.length <= WIDTH ? `\n${line}\n` : `\nexport type ${name} =\n${lines};\n`);
	}
	for (const [name, rows] of [...model.types].sort(([a], [b]) => (a < b ? -1 : 1))) {
		const members = rows.map((row) => {
			const list = row.list ? ["readonly ", "[]"] : ["", ""];
			return `\t${row.name}${row.required ? "" : "?"}: ${list[0]}${typeName(row)}${list[1]};`;
		});
		parts.push(`\nexport interface ${name} {\n${members.join("\n")}\n}\n`);
	}
	return parts.join("");
}

/** TypeScript type of a row's value. */
function typeName(row: Row): string {
	switch (row.kind) {
		case KIND.Object:
		case KIND.Enum: return row.refers;
		case KIND.Any: return "CustomDataType";
		case KIND.Anything: return "unknown";
		case KIND.Boolean: return "boolean";
		case KIND.Integer:
		case KIND.Decimal: return "number";
		default: return "string";
	}
}

// ---- device model ------------------------------------------------------------------------------------------------

const DATA_TYPES = ["string", "decimal", "integer", "dateTime", "boolean", "OptionList", "SequenceList", "MemberList"];
const SCOPES = ["station", "evse", "connector"];
const MUTABILITIES = ["ReadOnly", "ReadWrite", "WriteOnly"];
const COLUMNS = [
	"component", "instance", "scope", "variable", "variableInstance", "dataType", "unit", "valuesList", "minLimit",
	"maxLimit", "mutability", "persistent", "default", "live", "served", "cell",
];
const NO_CELL = 255;

/** Cells of a line of comma separated values; a cell in double quotes may hold commas. */
function cellsOf(line: string): string[] {
	const cells: string[] = [];
	const pattern = /("((?:[^"]|"")*)"|[^,]*)(,|$)/g;
	for (;;) {
		const match = pattern.exec(line)!;
		cells.push(match[2] !== undefined ? match[2].replace(/""/g, '"') : match[1]!);
		if (match[3] === "") return cells;
	}
}

function readDeviceModel(): Record<string, string>[] {
	const text = readFileSync(join(ROOT, "scripts", "device-model.csv"), "utf8");
	const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
	need(lines[0] === COLUMNS.join(), "device-model.csv: the columns must be " + COLUMNS.join());
	return lines.slice(1).map((line, index) => {
		const cells = cellsOf(line);
		const row = Object.fromEntries(COLUMNS.map((column, at) => [column, cells[at] ?? ""]));
		const where = `device-model.csv: ${row.component}.${row.variable} ${row.variableInstance} (row ${index + 1})`;
		need(cells.length === COLUMNS.length, where + `: ${cells.length} cells`);
		need(
			SCOPES.includes(row.scope!) && DATA_TYPES.includes(row.dataType!) && MUTABILITIES.includes(row.mutability!),
			where + ": scope, dataType or mutability",
		);
		for (const column of ["persistent", "live", "served"])
			need(row[column] === "yes" || row[column] === "no", `${where}: ${column} is yes or no`);
		const writable = row.mutability !== "ReadOnly";
		need(!writable || row.persistent === "yes", where + ": a writable variable is persistent (B07.FR.03)");
		need(
			row.served === "no" || writable === (row.cell !== ""),
			where + ": a writable variable has a cell, others none",
		);
		need(row.live === "yes" || row.served === "no" || row.default !== "", where + ": a value or live");
		const listed = row.dataType!.endsWith("List");
		need(
			row.served === "no" || listed === (row.valuesList !== ""),
			where + ": lists, and only they, have a valuesList",
		);
		if (listed && row.default !== "")
			for (const item of row.default!.split(","))
				need(row.valuesList!.split(",").includes(item), `${where}: ${item} is not in the valuesList`);
		if (row.dataType === "integer" && row.default !== "") {
			need(/^-?\d+$/.test(row.default!), where + ": the default is no integer");
			need(
				row.minLimit === "" || Number(row.default) >= Number(row.minLimit),
				where + ": the default is below the minLimit",
			);
			need(
				row.maxLimit === "" || Number(row.default) <= Number(row.maxLimit),
				where + ": the default is above the maxLimit",
			);
		}
		return row;
	});
}

function variablesText(all: Record<string, string>[]): string {
	const rows = all.filter((row) => row.served === "yes");
	const keys = rows.map(
		(row) => row.component!.replace(/Ctrlr$/, "") + row.instance + row.variable + row.variableInstance
	);
	need(new Set(keys).size === keys.length, "device-model.csv: a variable is there twice");
	const cells = all.filter((row) => row.cell !== "").map((row) => Number(row.cell)).sort((a, b) => a - b);
	need(
		cells.every((cell, index) => cell === index),
		"device-model.csv: the cells must be 0, 1, 2 … without gap or repeat",
	);
	const components = [...new Set(rows.map((row) => row.component!))];
	const units = ["", ...new Set(rows.map((row) => row.unit!).filter((unit) => unit !== ""))];
	const column = (name: string): string[] => rows.map((row) => row[name]!);
	const flags = (name: string): number[] => rows.map((row) => (row[name] === "yes" ? 1 : 0));
	for (const row of rows) need(row.instance === "", "device-model.csv: component instances are not served yet");
	return `${VARIABLES_HEAD}
// The device model: one line per variable in parallel arrays, indexed by variable id.

import { freeze } from "./freeze.js";

/** Variable ids: component without "Ctrlr", variable, instance. */
export const enum Variable {
${keys.map((key, id) => `\t${key} = ${id},`).join("\n")}
}

export const VARIABLE_COUNT = ${rows.length};
${[
		stringList("COMPONENT_NAMES", components, "Component names; COMPONENT holds indexes into it."),
		numberList(
			"COMPONENT", "Uint8Array", column("component").map((name) => components.indexOf(name)),
			"Component of each variable.",
		),
		stringList("VARIABLE_NAMES", column("variable"), "Variable name, as OCPP spells it."),
		stringList(
			"VARIABLE_INSTANCES", column("variableInstance"), "Instance of the variable; \"\" where it has none.",
		),
		numberList(
			"SCOPE", "Uint8Array", column("scope").map((scope) => SCOPES.indexOf(scope)),
			"0 once per station, 1 once per EVSE, 2 once per connector.",
		),
	].join("")}
/** Values of DATA_TYPE; the index into DATA_TYPE_NAMES. */
export const enum DataType {
${DATA_TYPES.map((name, id) => `\t${name} = ${id},`).join("\n")}
}
${[
		stringList("DATA_TYPE_NAMES", DATA_TYPES, "DataEnumType by DataType."),
		numberList(
			"DATA_TYPE", "Uint8Array", column("dataType").map((name) => DATA_TYPES.indexOf(name)),
			"DataType of each variable.",
		),
		stringList("UNIT_NAMES", units, "Units; UNIT holds indexes into it, 0 is none."),
		numberList("UNIT", "Uint8Array", column("unit").map((unit) => units.indexOf(unit)), "Unit of each variable."),
		stringList(
			"VALUES_LIST", column("valuesList"),
			"Values that may occur, separated by commas; \"\" where the type has no list.",
		),
		numberList(
			"MIN", "Float64Array", column("minLimit").map((limit) => (limit === "" ? "-Infinity" : limit)),
			"Smallest value; -Infinity where open.",
		),
		numberList(
			"MAX", "Float64Array", column("maxLimit").map((limit) => (limit === "" ? "Infinity" : limit)),
			"Largest value, for strings and lists the longest text; Infinity where open.",
		),
	].join("")}
/** Values of MUTABILITY; the index into MUTABILITY_NAMES. */
export const enum Mutability { ReadOnly = 0, ReadWrite = 1, WriteOnly = 2 }
${[
		stringList("MUTABILITY_NAMES", MUTABILITIES, "MutabilityEnumType by Mutability."),
		numberList(
			"MUTABILITY", "Uint8Array", column("mutability").map((name) => MUTABILITIES.indexOf(name)),
			"Mutability of each variable.",
		),
		numberList("PERSISTENT", "Uint8Array", flags("persistent"), "1 where the value survives a reboot."),
		numberList(
			"LIVE", "Uint8Array", flags("live"),
			"1 where code supplies the value (and, where MAX is open, the limit); DEFAULT is then only a fallback.",
		),
		stringList("DEFAULT", column("default"), "Value while none was set; \"\" where only code knows it."),
	].join("")}
/** In CELL: the variable cannot be written. */
export const NO_CELL = ${NO_CELL};
${[
		numberList(
			"CELL", "Uint8Array", column("cell").map((cell) => (cell === "" ? NO_CELL : cell)),
			"Number of the cell that keeps the value on flash; never changes between versions.",
		),
	].join("")}
/** Cells in use are below this. */
export const WRITABLE_COUNT = ${cells.length};
`;
}

// ---- main --------------------------------------------------------------------------------------------------------

export interface Generated {
	/** Path from the root of the repository, and text. */
	files: [path: string, text: string][];
	tables: Tables;
	/** Lines that describe rows and bytes. */
	summary: string[];
}

/** Makes all files in memory. @throws GeneratorError when the two sources differ or hold what tables cannot carry. */
export function generate(served: readonly string[] = ACTION_NAMES): Generated {
	for (const action of served) need(ACTIONS[action] !== undefined, "no action has the name " + action);
	const sorted = ACTION_NAMES.filter((name) => served.includes(name));
	const results = [readOcppRpc(), readOcppMessages()].map((set) => {
		need(set.size === 2 * ACTION_NAMES.length, `${set.size} schemas instead of ${2 * ACTION_NAMES.length}`);
		for (const action of ACTION_NAMES)
			need(set.has(action + "Request") && set.has(action + "Response"), "no schema for " + action);
		const model = makeModel(set);
		const tables = makeTables(model, sorted);
		const files: [string, string][] = [
			["preload/actions.ts", actionsText(tables)],
			["preload/schema.ts", schemaText(tables)],
			["preload/payloads.d.ts", payloadsText(model)],
		];
		return { tables, files };
	});
	const [first, second] = results as [(typeof results)[0], (typeof results)[0]];
	for (const [index, [path, text]] of first.files.entries())
		need(text === second.files[index]![1], `ocpp-rpc and ocpp-messages give different texts of ${path}`);

	const device = readDeviceModel();
	const variables = variablesText(device);
	const tables = first.tables;
	const servedVariables = device.filter((row) => row.served === "yes").length;
	const cells = device.filter((row) => row.cell !== "").length;
	const bytes16 = (tables.rows.length + tables.typeAt.length + tables.enumAt.length + tables.enumValues.length) * 2;
	const actionBytes = ACTION_NAMES.length * 5;
	for (let type = 0; type + 1 < tables.typeAt.length; type++)
		need(
			tables.typeAt[type + 1]! - tables.typeAt[type]! <= 31, "decode.ts marks the members that it saw in 31 bits",
		);
	const textBytes = [...tables.names, ...tables.values].reduce((sum, text) => sum + text.length, 0);
	const offsetBytes = (tables.names.length + tables.values.length + 2) * 2;
	return {
		files: [...first.files, ["preload/variables.ts", variables]],
		tables,
		summary: [
			`actions ${sorted.length} of ${ACTION_NAMES.length}, types ${tables.typeAt.length - 1}, ` +
				`rows ${tables.rows.length / ROW_SIZE}, enums ${tables.enumAt.length - 1}, ` +
				`names ${tables.names.length}, values ${tables.values.length}`,
			`table bytes ${bytes16 + actionBytes} (rows ${tables.rows.length * 2}, ` +
				`type offsets ${tables.typeAt.length * 2}, ` +
				`enums ${(tables.enumAt.length + tables.enumValues.length) * 2}, actions ${actionBytes})`,
			`text bytes ${textBytes} (characters), offsets ${offsetBytes}`,
			`variables ${servedVariables} served of ${device.length}, writable cells ${cells}`,
		],
	};
}

function main(args: string[]): number {
	let check = false;
	let served: readonly string[] = ACTION_NAMES;
	for (let index = 0; index < args.length; index++) {
		const argument = args[index];
		if (argument === "--check") check = true;
		else if (argument === "--serve" && args[index + 1] !== undefined) served = args[++index]!.split(",");
		else {
			console.error("usage: generate-tables.ts [--check] [--serve Action,Action,…]");
			return 2;
		}
	}
	try {
		const generated = generate(served);
		let different = 0;
		for (const [path, text] of generated.files) {
			const file = join(ROOT, path);
			const same = existsSync(file) && readFileSync(file, "utf8") === text;
			if (check && !same) {
				console.error(path + " differs from what the generator makes");
				different++;
			}
			if (!check && !same) writeFileSync(file, text);
		}
		for (const line of generated.summary) console.log(line);
		return different > 0 ? 1 : 0;
	} catch (error) {
		if (!(error instanceof GeneratorError)) throw error;
		console.error("generate-tables: " + error.message);
		return 1;
	}
}

if (require.main === module) process.exitCode = main(process.argv.slice(2));
