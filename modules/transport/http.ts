// A small HTTP/1.1 client for uploads: one request over one socket, its body made while it is sent, so that a log of
// any length needs a buffer of HTTP_BUFFER_BYTES. Owns: that socket and how long it may take. Not: what is sent, nor
// whether it is tried again (blocks/diagnostics.ts). One object per attempt; nothing of it stays.
// Source: RFC 9110, RFC 9112; OCPP 2.0.1 Part 2, N01.FR.15, N01.FR.19.

import { LIMITS } from "../../preload/limits.js";
import { base64Length, encodeBase64 } from "../core/base64.js";
import { bytesOf, text } from "../core/bytes.js";
import type { Clock } from "../ports/clock.js";
import type { Socket, SocketMaker, SocketOptions, Trust } from "../ports/socket.js";
import { TransportFault } from "./faults.js";
import { type Endpoint, hostHeader, newEndpoint, parseUrl } from "./url.js";
import type { PieceSource } from "./websocket.js";

/** Bytes on their way out, and bytes that are read at once: one array. */
const TX_BYTES = 512;
export const HTTP_BUFFER_BYTES = TX_BYTES + 64;
/** Less is not written while more is waiting: TLS would make a record of every sliver. */
const WRITE_MIN = 64;
/** Bytes of answer that are looked at for its status. */
const ANSWER_BYTES_MAX = 4096;
const LF = 0x0a;
/** "HTTP/1.1 200": where the digits of the status are, and where they end. */
const STATUS_AT = 9;
const STATUS_END = 12;

export const enum HttpMethod { put = 0, post = 1 }

/** Where a file goes, taken out of a URL. */
export interface HttpTarget {
	readonly endpoint: Endpoint;
	/** Value of the Authorization header, "" for none: user information of the URL as Basic authentication. */
	authorization: string;
	/** The URL ends with "/" or names no path: the file's name is to be put behind it. */
	isFolder: boolean;
}

export function newHttpTarget(): HttpTarget {
	return { endpoint: newEndpoint(), authorization: "", isFolder: false };
}

/**
 * Takes an http or https URL apart into `target`.
 * @returns TransportFault.none; urlScheme when it is neither http nor https; another fault of url.ts
 */
export function parseHttpUrl(url: string, target: HttpTarget): TransportFault {
	const colon = url.indexOf("://");
	const scheme = colon < 0 ? "" : url.slice(0, colon).toLowerCase();
	if (scheme !== "http" && scheme !== "https") return TransportFault.urlScheme;
	let rest = url.slice(colon + 3);
	let end = 0;
	while (end < rest.length && "/?#".indexOf(rest.charAt(end)) < 0) end++;
	const at = rest.slice(0, end).lastIndexOf("@");
	target.authorization = "";
	if (at >= 0) {
		target.authorization = basic(rest.slice(0, at));
		rest = rest.slice(at + 1);
		end -= at + 1;
	}
	const question = rest.indexOf("?");
	const path = rest.slice(end, question < 0 ? rest.length : question);
	target.isFolder = path === "" || path.endsWith("/");
	// The rest of a URL has the same form for all schemes.
	return parseUrl((scheme === "https" ? "wss://" : "ws://") + rest, target.endpoint);
}

/** User information, percent-encoded, as the credentials of Basic authentication (RFC 7617). */
function basic(userInfo: string): string {
	const given = bytesOf(userInfo.indexOf(":") < 0 ? userInfo + ":" : userInfo);
	let count = 0;
	for (let i = 0; i < given.length; i++) {
		const high = given[i] === 0x25 ? hexValue(given[i + 1]) : -1;
		const low = high < 0 ? -1 : hexValue(given[i + 2]);
		if (low < 0) given[count++] = given[i];
		else {
			given[count++] = high * 16 + low;
			i += 2;
		}
	}
	const encoded = new Uint8Array(base64Length(count));
	encodeBase64(given, 0, count, encoded, 0);
	return "Basic " + text(encoded, 0, encoded.length);
}

function hexValue(byte: number | undefined): number {
	if (byte === undefined) return -1;
	if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
	const letter = byte | 0x20;
	return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** What an upload needs of the host. */
export interface HttpHost {
	readonly clock: Clock;
	readonly socket: SocketMaker;
	wake(): void;
}

/** What is uploaded, and how. */
export interface HttpFile {
	readonly method: HttpMethod;
	/** Letters, digits, "-", "_" and "." only. */
	readonly name: string;
	/** Bytes of the body. A source that gives more is cut there, one that ends before has failed. */
	readonly length: number;
}

/** Parts of the head, in order. */
const enum Part { request = 0, host = 1, fixed = 2, authorization = 3, end = 4, body = 5 }

/**
 * One upload. It is itself the options object of its socket. When `isOver`, `status` and `fault` tell how it ended, and
 * the socket is closed. Heap: HTTP_BUFFER_BYTES, one part of the head, and about 45 slots.
 */
export class HttpUpload implements SocketOptions {
	readonly host: string;
	readonly port: number;
	readonly secure: boolean;
	readonly trust: Trust | undefined;
	/** True when the attempt has ended; the host was woken then. */
	isOver = false;
	/** Status of the answer, 0 while there is none. The upload worked if it is 200 to 299 and fault is none. */
	status = 0;
	/** TransportFault or SocketError. */
	fault = 0;

	private readonly ports: HttpHost;
	private readonly target: HttpTarget;
	private readonly file: HttpFile;
	private readonly source: PieceSource;
	private readonly buffer: Uint8Array;
	private socket: Socket | null = null;
	private readonly startMark: number;
	private progressMark: number;

	private part: number = Part.request;
	private piece: Uint8Array;
	private pieceAt = 0;
	private txAt = 0;
	private txEnd = 0;
	/** Bytes of the body that were taken from the source. */
	private taken = 0;

	private answerBytes = 0;
	/** Bytes of the line at hand, and whether it is a status line. */
	private lineAt = 0;
	private isStatusLine = true;
	private digits = 0;

	/**
	 * Begins to connect. Call step() whenever nextDueMs have passed.
	 * @param source  the body; asked only when the socket takes bytes
	 * @param trust   whom to trust with https; undefined where the host has no TLS
	 */
	constructor(ports: HttpHost, target: HttpTarget, file: HttpFile, source: PieceSource, trust: Trust | undefined) {
		this.ports = ports;
		this.target = target;
		this.file = file;
		this.source = source;
		this.trust = trust;
		this.host = target.endpoint.host;
		this.port = target.endpoint.port;
		this.secure = target.endpoint.secure;
		this.buffer = new Uint8Array(HTTP_BUFFER_BYTES);
		this.piece = bytesOf(this.headPart());
		this.startMark = this.progressMark = ports.clock.ticks();
		this.socket = ports.socket.open(this);
	}

	/** True when the file is with the server. */
	get isUploaded(): boolean {
		return this.isOver && this.fault === TransportFault.none && this.status >= 200 && this.status < 300;
	}

	/** Ends an attempt that does not move or takes too long. */
	step(): void {
		if (!this.isOver && this.nextDueMs <= 0) this.end(TransportFault.uploadTimeout);
	}

	/** Milliseconds until step() has something to do. */
	get nextDueMs(): number {
		const clock = this.ports.clock;
		const idleMs = LIMITS.uploadIdleMs - clock.since(this.progressMark);
		const allMs = LIMITS.uploadMsMax - clock.since(this.startMark);
		return idleMs < allMs ? idleMs : allMs;
	}

	/** Cuts the attempt; nobody is told. */
	abort(): void {
		this.isOver = true;
		if (this.socket !== null) this.socket.close();
		this.socket = null;
	}

	private end(fault: number): void {
		if (this.isOver) return;
		this.fault = fault;
		this.abort();
		this.ports.wake();
	}

	// Callbacks of the socket.

	onWritable(_count: number): void {
		this.progressMark = this.ports.clock.ticks();
		this.push();
	}

	onReadable(_count: number): void {
		const buffer = this.buffer;
		while (!this.isOver && this.socket !== null) {
			const count = this.socket.read(buffer, TX_BYTES, HTTP_BUFFER_BYTES);
			if (count === 0) return;
			this.progressMark = this.ports.clock.ticks();
			for (let i = 0; i < count && !this.isOver; i++) this.take(buffer[TX_BYTES + i]);
		}
	}

	onError(error: number): void {
		this.end(error);
	}

	// Sending.

	private push(): void {
		while (!this.isOver && this.socket !== null) {
			const waiting = this.txEnd - this.txAt;
			if (waiting === 0) {
				if (!this.load()) return;
				continue;
			}
			const writable = this.socket.writable;
			if (writable < waiting && writable < WRITE_MIN) return;
			const end = this.txAt + (writable < waiting ? writable : waiting);
			this.socket.write(this.buffer, this.txAt, end);
			this.txAt = end;
		}
	}

	/** Fills the buffer; false when there is nothing to send any more. */
	private load(): boolean {
		let at = 0;
		while (this.part < Part.body && at < TX_BYTES) {
			if (this.pieceAt < this.piece.length) this.buffer[at++] = this.piece[this.pieceAt++];
			else {
				this.part++;
				this.pieceAt = 0;
				this.piece = bytesOf(this.headPart());
			}
		}
		const left = this.file.length - this.taken;
		if (this.part === Part.body && left > 0) {
			const end = left < TX_BYTES - at ? at + left : TX_BYTES;
			while (at < end && !this.source.done) {
				const count = this.source.fill(this.buffer, at, end);
				if (count === 0) break;
				at += count;
				this.taken += count;
			}
			if (at < end) {
				this.end(TransportFault.uploadSource);
				return false;
			}
		}
		this.txAt = 0;
		this.txEnd = at;
		if (at > 0) return true;
		// An answer that came before the end of the body counts only now.
		if (this.status >= 200 && this.digits === STATUS_END) this.end(TransportFault.none);
		return false;
	}

	private headPart(): string {
		const target = this.target;
		const endpoint = target.endpoint;
		switch (this.part) {
			case Part.request: {
				const method = this.file.method === HttpMethod.put ? "PUT " : "POST ";
				const path = target.isFolder ? endpoint.path + "/" + this.file.name : endpoint.path;
				return method + path + endpoint.query + " HTTP/1.1\r\n";
			}
			case Part.host:
				return "Host: " + hostHeader(endpoint.host, endpoint.port, endpoint.secure) + "\r\nConnection: close\r\n";
			case Part.fixed:
				return (
					"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment; filename=\"" +
					this.file.name + "\"\r\nContent-Length: " + this.file.length + "\r\n"
				);
			case Part.authorization:
				return target.authorization === "" ? "" : "Authorization: " + target.authorization + "\r\n";
			case Part.end:
				return "\r\n";
			default:
				return "";
		}
	}

	// The answer: only its status counts.

	private take(byte: number): void {
		if (++this.answerBytes > ANSWER_BYTES_MAX) return this.end(TransportFault.headerTooLarge);
		if (byte === LF) return this.endLine();
		const at = this.lineAt++;
		if (!this.isStatusLine) {
			// A CR alone makes no line.
			if (byte === 0x0d) this.lineAt--;
			return;
		}
		if (at < 7 && byte !== "HTTP/1.".charCodeAt(at)) return this.end(TransportFault.notHttp);
		if (at === 8 && byte !== 0x20) return this.end(TransportFault.notHttp);
		if (at < STATUS_AT || at >= STATUS_END) return;
		const digit = byte - 0x30;
		if (digit < 0 || digit > 9) return this.end(TransportFault.notHttp);
		this.status = at === STATUS_AT ? digit : this.status * 10 + digit;
		this.digits = at + 1;
	}

	private endLine(): void {
		const length = this.lineAt;
		this.lineAt = 0;
		if (this.isStatusLine) {
			if (length < STATUS_END) return this.end(TransportFault.notHttp);
			if (this.status >= 300 || (this.status >= 200 && this.isSent)) return this.end(TransportFault.none);
			this.isStatusLine = false;
		} else if (length === 0 && this.status < 200) {
			// "100 Continue" and its like come before the answer (RFC 9110 §15.2).
			this.isStatusLine = true;
			this.status = this.digits = 0;
		}
	}

	private get isSent(): boolean {
		return this.part === Part.body && this.taken === this.file.length && this.txAt === this.txEnd;
	}
}
