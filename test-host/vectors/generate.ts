// Payloads for every schema, good and bad, drawn from a seed. They are made from the original schemas, not from the
// tables of preload/, so a mistake of the table generator cannot hide itself.

import { createRequire } from "node:module";

import { RpcError } from "../../preload/errors.js";

/** One schema of ocpp-rpc/lib/schemas/ocpp2_0_1.json, as far as vectors need it. */
export interface Schema {
	$id?: string;
	$ref?: string;
	type?: string;
	properties?: Record<string, Schema>;
	required?: string[];
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

export const SCHEMAS = createRequire(__filename)("ocpp-rpc/lib/schemas/ocpp2_0_1.json") as Schema[];

/** A payload's schema and the two names it goes by. */
export interface Payload {
	action: string;
	isRequest: boolean;
	schema: Schema;
}

export const PAYLOADS: Payload[] = SCHEMAS.map((schema) => {
	const [, action, part] = /^urn:(\w+)\.(req|conf)$/.exec(schema.$id!)!;
	return { action: action!, isRequest: part === "req", schema };
});

/** A small generator of equal numbers on every machine (mulberry32). */
export class Random {
	private state: number;

	constructor(seed: number) {
		this.state = seed | 0;
	}

	/** A whole number from 0 to below `end`. */
	below(end: number): number {
		this.state = (this.state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * end);
	}

	pick<T>(items: readonly T[]): T {
		return items[this.below(items.length)]!;
	}
}

/** What a payload is made of. */
export interface Style {
	/** Members that need not be there: none, all, or each by a coin. */
	optional: "none" | "all" | "some";
	/** Texts and lists as long as they may be. */
	longest: boolean;
}

export const MINIMAL: Style = { optional: "none", longest: false };
export const MAXIMAL: Style = { optional: "all", longest: true };
export const FULL: Style = { optional: "all", longest: false };
export const SOME: Style = { optional: "some", longest: false };

const DATES = [
	"2024-02-29T23:59:59.999Z", "1999-12-31T00:00:00Z", "2016-12-31T23:59:60Z", "2024-07-01t08:15:30.1z",
	"2023-03-26T02:30:00.123456+02:00", "0001-01-01T00:00:00-11:30", "9999-12-31T23:59:59Z",
];
const BAD_DATES = [
	"", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-32T00:00:00Z",
	"2024-01-01T24:00:00Z",
	"2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T12:00:60Z", "2024-01-01T00:00:00", "2024-01-01",
	"2024-01-01T00:00:00.Z", "2024-01-01T00:00:00+24:00", "2024-1-1T00:00:00Z", "20240101T000000Z", "yesterday",
	"2024-01-01T00:00:00Z ", "2024-01-01T00:00Z", "2024-01-01X00:00:00Z", "2100-02-29T00:00:00Z",
];
/** Characters of one, two, three and four bytes, and those that JSON escapes. */
const CHARACTERS = [..."abcXYZ0123456789-_.:/ äß€漢🔌\"\\\n\t\r\b\f\u0001\u007f\u2028"];

function words(random: Random, length: number): string {
	let text = "";
	for (let index = 0; index < length; index++) text += random.pick(CHARACTERS);
	return text;
}

/** A payload that the schema allows. */
export function make(schema: Schema, random: Random, style: Style): Record<string, unknown> {
	return value(schema, schema, random, style) as Record<string, unknown>;
}

function value(schema: Schema, root: Schema, random: Random, style: Style): unknown {
	const real = resolve(schema, root);
	if (real.enum) return random.pick(real.enum);
	switch (real.type) {
		case "object": {
			const object: Record<string, unknown> = {};
			const required = new Set(real.required ?? []);
			for (const [name, member] of Object.entries(real.properties ?? {})) {
				const wanted = style.optional === "all" || (style.optional === "some" && random.below(2) === 0);
				if (required.has(name) || wanted) object[name] = value(member, root, random, style);
			}
			if (isCustomData(real) && style.optional !== "none")
				object["anything"] = [1, { deep: null, vendorId: false }, "é"];
			return object;
		}
		case "array": {
			const most = real.maxItems === undefined || real.maxItems > 4 ? 2 : real.maxItems;
			const count = style.optional === "none" ? real.minItems! : style.longest ? most : 1 + random.below(most);
			return Array.from({ length: count }, () => value(real.items!, root, random, style));
		}
		case "string": {
			if (real.format === "date-time") return random.pick(DATES);
			const most = real.maxLength ?? 40;
			return words(random, style.longest ? most : random.below(Math.min(most, 12) + 1));
		}
		case "integer":
			return integer(real, random, style);
		case "number":
			return random.pick([0, -1.5, 230.1, 0.000001, 123456.789012, 16, -0.5, 1e6, 4294967296]);
		case "boolean":
			return random.below(2) === 0;
		default:
			return random.pick([null, "data", 7, { any: [true, 1.5e3] }, []]);
	}
}

function integer(schema: Schema, random: Random, style: Style): number {
	const least = schema.minimum ?? -2147483648;
	const most = schema.maximum ?? 2147483647;
	if (style.longest) return random.pick([least, most]);
	return random.pick([least, most, Math.max(least, 0), Math.min(most, Math.max(least, random.below(100000)))]);
}

export function resolve(schema: Schema, root: Schema): Schema {
	return schema.$ref ? root.definitions![schema.$ref.replace("#/definitions/", "")]! : schema;
}

function isCustomData(schema: Schema): boolean {
	return schema.properties?.vendorId !== undefined && Object.keys(schema.properties).length === 1;
}

/** A payload with one fault. */
export interface Bad {
	/** What is wrong and where, for messages of the test. */
	what: string;
	kind: string;
	payload: unknown;
	error: RpcError;
	/** Name of the member that is wrong. */
	offender: string;
}

/** Every constraint of every member of the schema, nested ones included, broken once. */
export function breakAll(schema: Schema, random: Random): Bad[] {
	const bad: Bad[] = [];
	walk(schema, schema, [], bad, make(schema, random, FULL), random);
	return bad;
}

type Path = (string | number)[];

/** A copy of the payload in which `change` was applied to the object at `path`. */
function changed(payload: unknown, path: Path, change: (object: Record<string, unknown>) => void): unknown {
	const copy: unknown = structuredClone(payload);
	let place = copy as Record<string | number, unknown>;
	for (const step of path) place = place[step] as Record<string | number, unknown>;
	change(place as Record<string, unknown>);
	return copy;
}

/** Breaks the object at `path`, whose schema is `schema`, and what is in it. */
function walk(schema: Schema, root: Schema, path: Path, bad: Bad[], good: unknown, random: Random): void {
	const real = resolve(schema, root);
	type Change = (object: Record<string, unknown>) => void;
	const add = (kind: string, error: RpcError, offender: string, change: Change): void => {
		bad.push({
			what: `${kind} at ${[...path, offender].join(".")}`, kind, error, offender,
			payload: changed(good, path, change),
		});
	};
	const put = (kind: string, error: RpcError, name: string, replacement: unknown): void => {
		const list = resolve(real.properties![name]!, root).type === "array" && !kind.startsWith("list");
		add(kind, error, name, (object) => {
			if (list) (object[name] as unknown[])[0] = replacement;
			else object[name] = replacement;
		});
	};
	if (!isCustomData(real)) {
		const known = Object.keys(real.properties ?? {});
		const first = known.at(-1)!;
		for (const name of [first + "x", first.slice(0, -1), first.toUpperCase(), "constructor", "evse", "ünknown"])
			if (!known.includes(name))
				add("unknown member", RpcError.FormatViolation, name, (object) => (object[name] = 1));
	}
	for (const name of real.required ?? [])
		add("missing member", RpcError.OccurrenceConstraintViolation, name, (object) => delete object[name]);
	for (const [name, member] of Object.entries(real.properties ?? {})) {
		const list = resolve(member, root);
		if (list.type === "array") {
			put("list: null", RpcError.TypeConstraintViolation, name, null);
			put("list: an object", RpcError.TypeConstraintViolation, name, {});
			put("list: its item", RpcError.TypeConstraintViolation, name, "text");
			if (list.minItems) put("list: empty", RpcError.OccurrenceConstraintViolation, name, []);
			if (list.maxItems) {
				const item = value(list.items!, root, random, MINIMAL);
				put(
					"list: too long", RpcError.OccurrenceConstraintViolation, name,
					Array.from({ length: list.maxItems + 1 }, () => item),
				);
			}
		}
		const item = list.type === "array" ? resolve(list.items!, root) : list;
		if (item.type === undefined && !item.enum) continue;
		put("null", RpcError.TypeConstraintViolation, name, null);
		for (const wrong of wrongTypes(item)) put("type", RpcError.TypeConstraintViolation, name, wrong);
		if (item.enum) {
			for (const wrong of [
				"", "Nonsense", item.enum[0]!.toLowerCase() + "x", item.enum[0] + " ", item.enum[0]!.slice(1),
			])
				if (!item.enum.includes(wrong)) put("enumeration", RpcError.PropertyConstraintViolation, name, wrong);
		} else if (item.type === "string" && item.format) {
			for (const wrong of BAD_DATES) put("date-time", RpcError.PropertyConstraintViolation, name, wrong);
		} else if (item.type === "string" && item.maxLength) {
			put("text too long", RpcError.PropertyConstraintViolation, name, "x".repeat(item.maxLength + 1));
			put("text too long", RpcError.PropertyConstraintViolation, name, "🔌".repeat(item.maxLength + 1));
		}
		if (item.minimum !== undefined) put("range", RpcError.PropertyConstraintViolation, name, item.minimum - 1);
		if (item.maximum !== undefined) put("range", RpcError.PropertyConstraintViolation, name, item.maximum + 1);
		if (item.type === "object")
			walk(item, root, list.type === "array" ? [...path, name, 0] : [...path, name], bad, good, random);
	}
}

/** Values of another JSON type than the schema's. */
function wrongTypes(schema: Schema): unknown[] {
	switch (schema.type) {
		case "string": return [1, true, {}, ["a"]];
		case "integer": return ["1", 1.5, false, [1], {}];
		case "number": return ["1.5", true, []];
		case "boolean": return ["true", 0, {}];
		default: return ["{}", 1, [], false];
	}
}

/** The payload as decode.ts gives it back: without customData and without the open data of a DataTransfer. */
export function kept(payload: unknown, isDataTransfer: boolean): unknown {
	if (Array.isArray(payload)) return payload.map((item) => kept(item, false));
	if (payload === null || typeof payload !== "object") return payload;
	const entries = Object.entries(payload).filter(
		([name]) => name !== "customData" && !(isDataTransfer && name === "data")
	);
	return Object.fromEntries(entries.map(([name, member]) => [name, kept(member, false)]));
}

/** The payload without members that are objects with nothing in them: the encoder leaves such a one out. */
export function pruned(payload: unknown): unknown {
	if (Array.isArray(payload)) return payload.map(pruned);
	if (payload === null || typeof payload !== "object") return payload;
	const entries = Object.entries(payload).map(([name, member]) => [name, pruned(member)] as const);
	const isFull = (member: unknown): boolean =>
		member === null || typeof member !== "object" || Object.keys(member).length > 0;
	return Object.fromEntries(entries.filter(([, member]) => isFull(member)));
}
