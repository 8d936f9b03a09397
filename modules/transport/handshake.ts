// The opening handshake of a WebSocket: writes the request in pieces and reads the answer byte by byte. One object per
// attempt; it is dropped when frames begin. Source: RFC 6455 §4.1, §4.2.2; OCPP 2.0.1 Part 4 §3.1; A00.FR.202-205.

import { LIMITS } from "../../preload/limits.js";
import { base64Length, encodeBase64 } from "../core/base64.js";
import { bytesOf } from "../core/bytes.js";
import { sha1, SHA1_BYTES } from "../core/sha1.js";
import type { Entropy } from "../ports/entropy.js";
import { TransportFault } from "./faults.js";
import { hostHeader, percentEncoded, type Endpoint } from "./url.js";

/** The only subprotocol that is offered and accepted. */
export const SUBPROTOCOL = "ocpp2.0.1";

const KEY_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const NONCE_BYTES = 16;
const KEY_CHARACTERS = 24;
const ACCEPT_CHARACTERS = 28;

/** Parts of the request, in order. */
const enum Part { target = 0, host = 1, fixed = 2, authorization = 3, key = 4, end = 5 }

/** Header fields that were seen and right. */
const enum Seen { upgrade = 1, connection = 2, accept = 4, subprotocol = 8 }

function textOf(bytes: Uint8Array): string {
	let text = "";
	for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]);
	return text;
}

function base64Of(bytes: Uint8Array): string {
	const encoded = new Uint8Array(base64Length(bytes.length));
	encodeBase64(bytes, 0, bytes.length, encoded, 0);
	return textOf(encoded);
}

function isBlank(byte: number): boolean {
	return byte === 0x20 || byte === 0x09;
}

/** True when line[from, to) is `text`, which is in lower case if `anyCase`. */
function equals(line: Uint8Array, from: number, to: number, text: string, anyCase: boolean): boolean {
	if (to - from !== text.length) return false;
	for (let i = from; i < to; i++) {
		let byte = line[i];
		if (anyCase && byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
		if (byte !== text.charCodeAt(i - from)) return false;
	}
	return true;
}

/** True when the comma-separated list line[from, to) has the element `token`, in any case. */
function hasToken(line: Uint8Array, from: number, to: number, token: string): boolean {
	let start = from;
	for (let i = from; i <= to; i++) {
		if (i < to && line[i] !== 0x2c) continue;
		let end = i;
		while (start < end && isBlank(line[start])) start++;
		while (end > start && isBlank(line[end - 1])) end--;
		if (equals(line, start, end, token, true)) return true;
		start = i + 1;
	}
	return false;
}

export class Handshake {
	/** True when the answer is whole and right; what follows in the input are frames. */
	complete = false;
	/** Why the upgrade failed, TransportFault.none while it did not. */
	fault: TransportFault = TransportFault.none;
	/** Status of the answer, 0 until its first line was read. */
	httpStatus = 0;

	private readonly key: string;
	private readonly accept: string;
	private part: number = Part.target;
	private piece: Uint8Array;
	private pieceAt = 0;
	private lineLength = 0;
	private lines = 0;
	private headerBytes = 0;
	private seen = 0;

	/**
	 * @param identity  identity of the station: last segment of the path and user name (Part 4 §3.1.1)
	 * @param password  password of Basic authentication, sent as UTF-8; "" sends no Authorization
	 * @param line      room for one line of the answer; free again when the handshake ends
	 */
	constructor(
		private readonly endpoint: Endpoint,
		private readonly identity: string,
		private readonly password: string,
		entropy: Entropy,
		private readonly line: Uint8Array,
	) {
		const nonce = new Uint8Array(NONCE_BYTES);
		entropy.fill(nonce, 0, NONCE_BYTES);
		this.key = base64Of(nonce);
		const proof = new Uint8Array(SHA1_BYTES);
		sha1(bytesOf(this.key + KEY_GUID), 0, KEY_CHARACTERS + KEY_GUID.length, proof, 0);
		this.accept = base64Of(proof);
		this.piece = this.requestPart();
	}

	/** True when the whole request was handed out. */
	get done(): boolean {
		return this.part === Part.end && this.pieceAt === this.piece.length;
	}

	/** Puts the next bytes of the request to buffer[from, to) and returns how many; fewer than room only at the end. */
	fill(buffer: Uint8Array, from: number, to: number): number {
		let at = from;
		while (at < to && !this.done) {
			if (this.pieceAt === this.piece.length) {
				this.part++;
				this.pieceAt = 0;
				this.piece = this.requestPart();
			} else buffer[at++] = this.piece[this.pieceAt++];
		}
		return at - from;
	}

	private requestPart(): Uint8Array {
		const endpoint = this.endpoint;
		switch (this.part) {
			case Part.target:
				return bytesOf("GET " + endpoint.path + "/" + percentEncoded(this.identity) + endpoint.query + " HTTP/1.1\r\n");
			case Part.host:
				return bytesOf("Host: " + hostHeader(endpoint.host, endpoint.port, endpoint.secure) + "\r\n");
			case Part.fixed:
				return bytesOf(
					"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: " +
						SUBPROTOCOL +
						"\r\n",
				);
			case Part.authorization:
				if (this.password === "") return new Uint8Array(0);
				return bytesOf("Authorization: Basic " + base64Of(bytesOf(this.identity + ":" + this.password)) + "\r\n");
			case Part.key:
				return bytesOf("Sec-WebSocket-Key: " + this.key + "\r\n");
			default:
				return bytesOf("\r\n");
		}
	}

	/**
	 * Reads the answer from bytes[from, to).
	 * @returns index after the last byte that belongs to the answer; ask `fault` and `complete` then
	 */
	receive(bytes: Uint8Array, from: number, to: number): number {
		let at = from;
		while (at < to && !this.complete && this.fault === TransportFault.none) this.take(bytes[at++]);
		return at;
	}

	private take(byte: number): void {
		this.headerBytes++;
		if (byte === 0x0a) {
			let length = this.lineLength;
			if (length > 0 && this.line[length - 1] === 0x0d) length--;
			this.lineLength = 0;
			this.lines++;
			this.fault = this.lines === 1 ? this.statusLine(length) : length === 0 ? this.end() : this.headerLine(length);
			return;
		}
		if (
			this.headerBytes >= LIMITS.handshakeBytesMax ||
			this.lines >= LIMITS.handshakeLinesMax ||
			this.lineLength === this.line.length
		) {
			this.fault = TransportFault.headerTooLarge;
			return;
		}
		// A peer that speaks something else shows it in its first bytes; no need to wait for the end of its line.
		if (this.lines === 0 && this.lineLength < 7 && byte !== "HTTP/1.".charCodeAt(this.lineLength)) {
			this.fault = TransportFault.notHttp;
			return;
		}
		this.line[this.lineLength++] = byte;
	}

	/** "HTTP/1.1 101 Switching Protocols", the reason being free text that may be missing. */
	private statusLine(length: number): TransportFault {
		const line = this.line;
		if (length < 12 || line[8] !== 0x20 || (length > 12 && line[12] !== 0x20)) return TransportFault.notHttp;
		let status = 0;
		for (let i = 9; i < 12; i++) {
			const digit = line[i] - 0x30;
			if (digit < 0 || digit > 9) return TransportFault.notHttp;
			status = status * 10 + digit;
		}
		this.httpStatus = status;
		return status === 101 ? TransportFault.none : TransportFault.status;
	}

	private headerLine(length: number): TransportFault {
		const line = this.line;
		let colon = 0;
		while (colon < length && line[colon] !== 0x3a) {
			if (line[colon] <= 0x20 || line[colon] >= 0x7f) return TransportFault.notHttp;
			colon++;
		}
		if (colon === 0 || colon === length) return TransportFault.notHttp;
		let from = colon + 1;
		let to = length;
		while (from < to && isBlank(line[from])) from++;
		while (to > from && isBlank(line[to - 1])) to--;

		if (equals(line, 0, colon, "upgrade", true)) {
			if (!equals(line, from, to, "websocket", true)) return TransportFault.upgrade;
			this.seen |= Seen.upgrade;
		} else if (equals(line, 0, colon, "connection", true)) {
			if (hasToken(line, from, to, "upgrade")) this.seen |= Seen.connection;
		} else if (equals(line, 0, colon, "sec-websocket-accept", true)) {
			const right = to - from === ACCEPT_CHARACTERS && equals(line, from, to, this.accept, false);
			if (!right || (this.seen & Seen.accept) !== 0) return TransportFault.accept;
			this.seen |= Seen.accept;
		} else if (equals(line, 0, colon, "sec-websocket-protocol", true)) {
			const right = equals(line, from, to, SUBPROTOCOL, false);
			if (!right || (this.seen & Seen.subprotocol) !== 0) return TransportFault.subprotocol;
			this.seen |= Seen.subprotocol;
		} else if (equals(line, 0, colon, "sec-websocket-extensions", true) && to > from) return TransportFault.extension;
		return TransportFault.none;
	}

	private end(): TransportFault {
		if ((this.seen & Seen.upgrade) === 0) return TransportFault.upgrade;
		if ((this.seen & Seen.connection) === 0) return TransportFault.connection;
		if ((this.seen & Seen.accept) === 0) return TransportFault.accept;
		if ((this.seen & Seen.subprotocol) === 0) return TransportFault.subprotocol;
		this.complete = true;
		return TransportFault.none;
	}
}
