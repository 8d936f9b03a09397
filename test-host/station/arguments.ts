// The command line of the desktop station. Every mistake becomes one line that names the flag.

import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { LIMITS } from "../../preload/limits.js";
import { ENGINES, type EngineName } from "../xs/engine.js";

/** The command line cannot be used; the message is one line for a person. */
export class BadArgument extends Error {}

export interface StationArguments {
	/** ws(s) endpoint without the identity and without a slash at its end; undefined when not given. */
	url: string | undefined;
	identity: string | undefined;
	/** "" where none is used. */
	password: string;
	store: string;
	/** PEM text of the CA file. */
	ca: string | undefined;
	/** Control port; undefined for none, 0 for any free one. */
	ctl: number | undefined;
	evses: number;
	seed: number | undefined;
	profile: number;
	/** What runs the firmware. */
	engine: EngineName;
}

/** Flags of the station, for node:util parseArgs. */
export const STATION_FLAGS = {
	url: { type: "string" },
	id: { type: "string" },
	password: { type: "string" },
	store: { type: "string" },
	ca: { type: "string" },
	ctl: { type: "string" },
	evses: { type: "string" },
	seed: { type: "string" },
	engine: { type: "string" },
	profile: { type: "string" },
} as const;

/** A00.FR.205: 16 to 40 characters. */
const PASSWORD_MIN = 16;
const PASSWORD_MAX = 40;
/** Part 4 §3.1.1. */
const IDENTITY_MAX = 48;

/**
 * Reads the arguments of scripts/station.
 * @param argv  without the program's own two
 * @throws BadArgument
 */
export function stationArguments(argv: readonly string[]): StationArguments {
	const values = flagValues(argv);
	if (values.store === undefined || values.store === "") throw new BadArgument("--store <dir> is missing");
	const engine = ENGINES.find((name) => name === (values.engine ?? "node"));
	if (engine === undefined) throw new BadArgument(`--engine ${values.engine} is none of ${ENGINES.join(", ")}`);
	const url = values.url === undefined ? undefined : endpointOf(values.url);
	const isSecure = url !== undefined && url.startsWith("wss:");
	const profile = values.profile === undefined ? (isSecure ? 2 : 1) : wholeNumber("--profile", values.profile, 1, 3);
	if (url !== undefined && isSecure !== profile > 1) {
		throw new BadArgument(`--profile ${profile} needs a ${profile > 1 ? "wss" : "ws"} url`);
	}
	return {
		url,
		identity: values.id === undefined ? undefined : identityOf(values.id),
		password: values.password === undefined ? "" : passwordOf(values.password),
		store: values.store,
		ca: values.ca === undefined ? undefined : certificateOf(values.ca),
		ctl: values.ctl === undefined ? undefined : wholeNumber("--ctl", values.ctl, 0, 65535),
		evses: values.evses === undefined ? 1 : wholeNumber("--evses", values.evses, 1, LIMITS.evsesMax),
		seed: values.seed === undefined ? undefined : wholeNumber("--seed", values.seed, 0, Number.MAX_SAFE_INTEGER),
		profile,
		engine,
	};
}

function flagValues(argv: readonly string[]): { [flag in keyof typeof STATION_FLAGS]?: string } {
	try {
		return parseArgs({ args: [...argv], options: STATION_FLAGS, strict: true, allowPositionals: false }).values;
	} catch (error) {
		throw new BadArgument(firstSentence((error as Error).message));
	}
}

/** The parser of Node explains at length; its first sentence says what is wrong. */
export function firstSentence(message: string): string {
	return message.split(/\n|\. /, 1)[0];
}

/** Checks an endpoint (ws or wss, no identity, no query) and takes slashes off its end. */
export function endpointOf(text: string): string {
	let url: URL;
	try {
		url = new URL(text);
	} catch {
		throw new BadArgument(`--url ${text} is no URL`);
	}
	if (url.protocol !== "ws:" && url.protocol !== "wss:") throw new BadArgument(`--url must start with ws:// or wss://, not ${url.protocol}`);
	if (url.hostname === "") throw new BadArgument(`--url ${text} names no host`);
	if (url.username !== "" || url.password !== "") throw new BadArgument("--url must not hold a user or password");
	if (url.search !== "" || url.hash !== "") throw new BadArgument("--url must not hold a query or fragment");
	return text.replace(/\/+$/, "");
}

/** Checks an identity: 1 to 48 characters, no colon (Part 4 §3.1.1, A00.FR.204). */
export function identityOf(text: string): string {
	if (text === "") throw new BadArgument("--id is empty");
	if (text.includes(":")) throw new BadArgument("--id must not hold a colon");
	if ([...text].length > IDENTITY_MAX) throw new BadArgument(`--id must not be longer than ${IDENTITY_MAX} characters`);
	return text;
}

/** Checks a Basic authentication password. The value itself never gets into a message. */
export function passwordOf(text: string): string {
	const length = [...text].length;
	if (length >= PASSWORD_MIN && length <= PASSWORD_MAX) return text;
	throw new BadArgument(`--password must have ${PASSWORD_MIN} to ${PASSWORD_MAX} characters, not ${length}`);
}

function certificateOf(path: string): string {
	let text: string;
	try {
		text = readFileSync(path, "utf8");
	} catch (error) {
		throw new BadArgument(`--ca ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
	}
	try {
		new X509Certificate(text);
	} catch {
		throw new BadArgument(`--ca ${path} is no PEM certificate`);
	}
	return text;
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
	const value = /^\d+$/.test(text) ? Number(text) : NaN;
	if (value >= least && value <= most) return value;
	throw new BadArgument(`${flag} must be a whole number from ${least} to ${most}, not ${text}`);
}
