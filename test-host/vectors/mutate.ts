// Hostile frames: good ones, damaged. Byte damage mostly ends in broken JSON; damage to the structure mostly stays JSON
// and breaks a schema, a frame or nothing at all.

import type { Random } from "./generate.js";

/** Damages the bytes of a frame in one to three places; `other` lends pieces. */
export function damageBytes(frame: Buffer, other: Buffer, random: Random): Buffer {
	let bytes = frame;
	for (let times = 1 + random.below(3); times > 0; times--) bytes = damageOnce(bytes, other, random);
	return bytes;
}

const TOKENS = [
	"{", "}", "[", "]", ",", ":", '"', "\\", "\\u0000", "\\ud83d", "null", "true", "0", "-", "1e5", ".5", " ", "\n",
	"\t", "{}", "[]", '""',
	'"a":1,', "\u00e4", "\u{1F50C}", "1.0", "e", "\\n", "//", "\ufeff", "-1", "99999999999",
];

function damageOnce(bytes: Buffer, other: Buffer, random: Random): Buffer {
	const at = random.below(bytes.length + 1);
	const count = 1 + random.below(random.below(4) === 0 ? 40 : 3);
	switch (random.below(7)) {
		case 0: {
			const copy = Buffer.from(bytes);
			if (copy.length > 0) copy[random.below(copy.length)]! ^= 1 << random.below(8);
			return copy;
		}
		case 1: {
			const copy = Buffer.from(bytes);
			if (copy.length > 0) copy[random.below(copy.length)] = random.below(256);
			return copy;
		}
		case 2: return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)]);
		case 3: return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(TOKENS)), bytes.subarray(at)]);
		case 4: return bytes.subarray(0, at);
		case 5: {
			const from = random.below(other.length);
			return Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + count), bytes.subarray(at)]);
		}
		default: return Buffer.concat([
			bytes.subarray(0, at), other.subarray(Math.min(at, random.below(other.length))),
		]);
	}
}

const VALUES: unknown[] = [
	null, true, false, 0, 1, -1, 1.5, 100, 101, 2147483648, 1e300, "", "x", "Accepted", "2024-01-01T00:00:00Z",
	"x".repeat(60), [], [1], {}, ["x"],
	[{}], { vendorId: "v" }, { vendorId: 1 }, [[[[]]]], { id: 1, connectorId: 1 },
	{ idToken: "A", type: "Central" }, "\u0000", "\ud800", "Ö",
];
const FOREIGN = [
	"foreign", "constructor", "__proto__", "toString", "hasOwnProperty", "Status", "customdata", "", "é", "vendorId",
	"evse",
];

type Node = Record<string, unknown> | unknown[];

/** Damages the structure of a frame (an array) in one to three places, in place. */
export function damageStructure(frame: unknown[], random: Random): void {
	for (let times = 1 + random.below(3); times > 0; times--) {
		const nodes: Node[] = [];
		collect(random.below(12) === 0 ? frame : frame.at(-1), nodes);
		if (nodes.length === 0) continue;
		const node = random.pick(nodes);
		if (Array.isArray(node)) damageList(node, random);
		else damageObject(node, nodes, random);
	}
}

function collect(value: unknown, nodes: Node[]): void {
	if (value === null || typeof value !== "object") return;
	nodes.push(value as Node);
	for (const member of Object.values(value)) collect(member, nodes);
}

function damageList(list: unknown[], random: Random): void {
	switch (random.below(5)) {
		case 0: list.splice(random.below(list.length), 1); break;
		case 1: list.push(list.length > 0 ? structuredClone(random.pick(list)) : 1); break;
		case 2: if (list.length > 0) list[random.below(list.length)] = structuredClone(random.pick(VALUES)); break;
		case 3: list.length = 0; break;
		default: list.unshift(structuredClone(random.pick(VALUES)));
	}
}

function damageObject(object: Record<string, unknown>, nodes: Node[], random: Random): void {
	const names = Object.keys(object);
	const name = names.length > 0 ? random.pick(names) : "x";
	switch (random.below(6)) {
		case 0: delete object[name]; break;
		case 1: set(object, name, structuredClone(random.pick(VALUES))); break;
		case 2: set(object, random.pick(FOREIGN), structuredClone(random.pick(VALUES))); break;
		case 3: {
			// A member under a name of its neighbours, or from elsewhere in the message.
			const donor = random.pick(nodes);
			const donated = Object.keys(donor);
			if (donated.length === 0) break;
			const from = random.pick(donated);
			set(object, Array.isArray(donor) ? name : from, structuredClone((donor as Record<string, unknown>)[from]));
			break;
		}
		case 4: {
			const text = object[name];
			if (typeof text === "string")
				object[name] = random.below(2) === 0 ? text + text.slice(0, 3) + "é" : text.slice(1);
			if (typeof text === "number") object[name] = random.pick([text + 0.5, -text, text * 1000, String(text)]);
			break;
		}
		default: {
			const value = object[name];
			delete object[name];
			set(object, name, value);
		}
	}
}

/** object[name] = value, "__proto__" included. */
function set(object: Record<string, unknown>, name: string, value: unknown): void {
	Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

/** JSON text of a value in an unusual dress: blanks, escapes, other forms of numbers, sometimes a member twice. */
export function dress(value: unknown, random: Random): string {
	const blank = (): string => random.pick(["", "", "", " ", "\n", "\t\r "]);
	if (Array.isArray(value))
		return `[${blank()}${value.map((item) => dress(item, random)).join(blank() + "," + blank())}${blank()}]`;
	if (value !== null && typeof value === "object") {
		const members = Object.entries(value).map(
			([name, member]) => `${dress(name, random)}${blank()}:${blank()}${dress(member, random)}`
		);
		if (members.length > 0 && random.below(150) === 0) members.push(random.pick(members));
		return `{${blank()}${members.join(blank() + "," + blank())}${blank()}}`;
	}
	if (typeof value === "string") {
		const text = JSON.stringify(value);
		if (text.includes("\\") || random.below(3) > 0) return text;
		const escape = (c: string): string => (/[A-Za-z]/.test(c) && random.below(6) === 0 ? unicode(c) : c);
		const escaped = [...text.slice(1, -1)].map(escape);
		return `"${escaped.join("")}"`;
	}
	if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 1e9 && random.below(4) === 0)
		return random.pick([`${value}.0`, `${value}e0`, `${value}0E-1`, `${value}.00e+0`]);
	return JSON.stringify(value);
}

function unicode(character: string): string {
	return "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0");
}
