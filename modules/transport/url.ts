// The URL of a CSMS, taken apart. Source: RFC 6455 §3, RFC 3986; OCPP 2.0.1 Part 4 §3.1.1.

import { bytesOf } from "../core/bytes.js";
import { TransportFault } from "./faults.js";

/** Longest URL; NetworkConnectionProfileType.ocppCsmsUrl allows no more. */
export const URL_MAX = 512;

export interface Endpoint {
	/** Name or address; an IPv6 address without its brackets. */
	host: string;
	port: number;
	/** True for wss. */
	secure: boolean;
	/** Begins with "/" or is empty, never ends with "/". */
	path: string;
	/** "" or begins with "?". */
	query: string;
}

export function newEndpoint(): Endpoint {
	return { host: "", port: 0, secure: false, path: "", query: "" };
}

/** Port that a URL without one means. */
export function defaultPort(secure: boolean): number {
	return secure ? 443 : 80;
}

function hasOnlyUrlCharacters(url: string): boolean {
	for (let i = 0; i < url.length; i++) {
		const code = url.charCodeAt(i);
		// Space, controls and what is not ASCII could break out of the request line; " < > \ ^ ` { | } must be encoded.
		if (code <= 0x20 || code >= 0x7f || '"<>\\^`{|}'.indexOf(url.charAt(i)) >= 0) return false;
	}
	return true;
}

function isHost(host: string, literal: boolean): boolean {
	if (host.length === 0 || host.length > 255) return false;
	if (literal && host.indexOf(":") < 0) return false;
	for (let i = 0; i < host.length; i++) {
		const code = host.charCodeAt(i) | 0x20;
		const digit = code >= 0x30 && code <= 0x39;
		if (literal) {
			const hex = code >= 0x61 && code <= 0x66;
			if (!digit && !hex && ":.".indexOf(host.charAt(i)) < 0) return false;
		} else {
			const letter = code >= 0x61 && code <= 0x7a;
			if (!digit && !letter && "-._".indexOf(host.charAt(i)) < 0) return false;
		}
	}
	return true;
}

/** The number of a port, or 0. */
function portOf(text: string): number {
	if (text.length === 0 || text.length > 5) return 0;
	let port = 0;
	for (let i = 0; i < text.length; i++) {
		const digit = text.charCodeAt(i) - 0x30;
		if (digit < 0 || digit > 9) return 0;
		port = port * 10 + digit;
	}
	return port <= 65535 ? port : 0;
}

/**
 * Takes `url` apart into `endpoint`.
 * @returns TransportFault.none, or the fault of the URL; `endpoint` is then of no use
 */
export function parseUrl(url: string, endpoint: Endpoint): TransportFault {
	if (url.length > URL_MAX || !hasOnlyUrlCharacters(url)) return TransportFault.urlCharacter;
	const colon = url.indexOf("://");
	const scheme = colon < 0 ? "" : url.slice(0, colon).toLowerCase();
	if (scheme !== "ws" && scheme !== "wss") return TransportFault.urlScheme;
	endpoint.secure = scheme === "wss";
	if (url.indexOf("#") >= 0) return TransportFault.urlPart;

	let rest = url.slice(colon + 3);
	const question = rest.indexOf("?");
	endpoint.query = question < 0 ? "" : rest.slice(question);
	if (question >= 0) rest = rest.slice(0, question);
	const slash = rest.indexOf("/");
	const authority = slash < 0 ? rest : rest.slice(0, slash);
	let path = slash < 0 ? "" : rest.slice(slash);
	while (path.endsWith("/")) path = path.slice(0, -1);
	endpoint.path = path;

	if (authority.indexOf("@") >= 0) return TransportFault.urlPart;
	const literal = authority.startsWith("[");
	let end = literal ? authority.indexOf("]") : authority.indexOf(":");
	if (literal && end < 0) return TransportFault.urlHost;
	if (end < 0) end = authority.length;
	endpoint.host = authority.slice(literal ? 1 : 0, end);
	if (!isHost(endpoint.host, literal)) return TransportFault.urlHost;

	const tail = authority.slice(literal ? end + 1 : end);
	if (tail === "" || tail === ":") {
		endpoint.port = defaultPort(endpoint.secure);
		return TransportFault.none;
	}
	if (!tail.startsWith(":")) return TransportFault.urlHost;
	endpoint.port = portOf(tail.slice(1));
	return endpoint.port > 0 ? TransportFault.none : TransportFault.urlPort;
}

/** The Host header's value: the port only where it is not the default, an IPv6 address in brackets. */
export function hostHeader(host: string, port: number, secure: boolean): string {
	const name = host.indexOf(":") >= 0 ? "[" + host + "]" : host;
	return port === defaultPort(secure) ? name : name + ":" + port;
}

/** `text` as one segment of a path: every byte of its UTF-8 that is not unreserved (RFC 3986 §2.3) becomes %XX. */
export function percentEncoded(text: string): string {
	const bytes = bytesOf(text);
	let encoded = "";
	for (let i = 0; i < bytes.length; i++) {
		const byte = bytes[i];
		const lower = byte | 0x20;
		const plain =
			(byte < 0x80 && lower >= 0x61 && lower <= 0x7a && byte >= 0x41) ||
			(byte >= 0x30 && byte <= 0x39) ||
			byte === 0x2d ||
			byte === 0x2e ||
			byte === 0x5f ||
			byte === 0x7e;
		if (plain) encoded += String.fromCharCode(byte);
		else encoded += "%" + hexDigit(byte >> 4) + hexDigit(byte & 15);
	}
	return encoded;
}

function hexDigit(value: number): string {
	return String.fromCharCode(value < 10 ? 0x30 + value : 0x37 + value);
}
