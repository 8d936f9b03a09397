// A CSMS without a network: the far end of sockets in memory, driven by the board's clock, so that a run repeats to the byte.
// It speaks just enough of RFC 6455 and OCPP-J to a station whose messages others have judged; it says yes to everything, and
// takes uploads of files, too. Source: RFC 6455 §4.2.2, §5; RFC 9112; OCPP 2.0.1 Part 4 §4.

import { createHash } from "node:crypto";
import type { Socket, SocketMaker, SocketOptions } from "../../modules/ports/socket.js";
import type { Scheduler } from "../board/clock.js";

/** A text message that passed. */
export interface PassedMessage {
	fromStation: boolean;
	text: string;
	/** The message as JSON: its elements. */
	frame: unknown[];
}

const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Bytes that a socket of a chip takes at once, and that arrive in one piece. */
const WINDOW_BYTES = 5744;
const SEGMENT_BYTES = 1460;
const OPCODE_CONTINUATION = 0;
const OPCODE_TEXT = 1;
const OPCODE_CLOSE = 8;
const OPCODE_PING = 9;
const OPCODE_PONG = 10;

type AnswerOf = (payload: any) => object | undefined;

/** One connection: the socket that the station holds, and the server's end of it. */
class MemoryConnection implements Socket {
	private incoming = Buffer.alloc(0);
	private outgoing = Buffer.alloc(0);
	private underWay = 0;
	private text = Buffer.alloc(0);
	isOpen = false;
	closed = false;

	constructor(private readonly options: SocketOptions, private readonly csms: MemoryCsms, private readonly scheduler: Scheduler) {
		this.later(() => this.options.onWritable(this.writable));
	}

	get writable(): number {
		return WINDOW_BYTES - this.underWay;
	}

	read(bytes: Uint8Array, from: number, to: number): number {
		const count = Math.min(to - from, this.incoming.length);
		bytes.set(this.incoming.subarray(0, count), from);
		this.incoming = this.incoming.subarray(count);
		if (count > 0 && this.incoming.length > 0) this.later(() => this.tell());
		return count;
	}

	write(bytes: Uint8Array, from: number, to: number): void {
		if (to - from > this.writable) throw new RangeError("more than the socket takes");
		const piece = Buffer.from(bytes.slice(from, to));
		this.underWay += piece.length;
		this.later(() => {
			this.underWay -= piece.length;
			this.outgoing = Buffer.concat([this.outgoing, piece]);
			this.take();
			if (!this.closed) this.options.onWritable(this.writable);
		});
	}

	close(): void {
		this.closed = true;
		this.isOpen = false;
	}

	/** Sends a text message in frames of `frameBytes`. */
	send(text: string, frameBytes = Infinity): void {
		const bytes = Buffer.from(text, "utf8");
		for (let at = 0; at < bytes.length || at === 0; at += frameBytes) {
			const piece = bytes.subarray(at, Math.min(bytes.length, at + frameBytes));
			this.frame(at === 0 ? OPCODE_TEXT : OPCODE_CONTINUATION, piece, at + frameBytes >= bytes.length);
		}
	}

	/** The network is gone. */
	drop(error: number): void {
		if (this.closed) return;
		this.close();
		this.scheduler.after(0, () => this.options.onError(error));
	}

	private frame(opcode: number, payload: Uint8Array, last = true): void {
		const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65536 ? 4 : 10);
		head[0] = (last ? 0x80 : 0) | opcode;
		if (head.length === 2) head[1] = payload.length;
		else if (head.length === 4) {
			head[1] = 126;
			head.writeUInt16BE(payload.length, 2);
		} else {
			head[1] = 127;
			head.writeBigUInt64BE(BigInt(payload.length), 2);
		}
		this.deliver(Buffer.concat([head, payload]));
	}

	private deliver(bytes: Buffer): void {
		for (let at = 0; at < bytes.length; at += SEGMENT_BYTES) {
			const segment = bytes.subarray(at, at + SEGMENT_BYTES);
			this.later(() => {
				this.incoming = Buffer.concat([this.incoming, segment]);
				this.tell();
			});
		}
	}

	private tell(): void {
		if (this.incoming.length > 0) this.options.onReadable(this.incoming.length);
	}

	private later(what: () => void): void {
		this.scheduler.after(0, () => {
			if (!this.closed) what();
		});
	}

	private take(): void {
		if (!this.isOpen) {
			const end = this.outgoing.indexOf("\r\n\r\n");
			if (end < 0) return;
			const head = this.outgoing.toString("latin1", 0, end);
			if (!head.startsWith("GET ")) return this.takeFile(head, end + 4);
			const key = /\r\nSec-WebSocket-Key: (\S+)\r\n/i.exec(head + "\r\n")?.[1] ?? "";
			this.outgoing = this.outgoing.subarray(end + 4);
			this.isOpen = true;
			const accept = createHash("sha1").update(key + ACCEPT_GUID).digest("base64");
			this.deliver(Buffer.from("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
				`Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ocpp2.0.1\r\n\r\n`, "latin1"));
			this.csms.opened(this);
		}
		while (this.takeFrame());
	}

	/** A request with a body: once all of that is there it is taken. */
	private takeFile(head: string, bodyAt: number): void {
		const length = Number(/\r\nContent-Length: (\d+)/i.exec(head)?.[1] ?? NaN);
		if (!(this.outgoing.length >= bodyAt + length)) return;
		this.csms.files.push(this.outgoing.toString("utf8", bodyAt, bodyAt + length));
		this.outgoing = this.outgoing.subarray(bodyAt + length);
		this.deliver(Buffer.from("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", "latin1"));
	}

	private takeFrame(): boolean {
		const bytes = this.outgoing;
		if (bytes.length < 2) return false;
		let length = bytes[1] & 0x7f;
		let at = 2;
		if (length === 126) {
			if (bytes.length < 4) return false;
			length = bytes.readUInt16BE(2);
			at = 4;
		}
		if (bytes.length < at + 4 + length) return false;
		const mask = bytes.subarray(at, at + 4);
		const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + length));
		for (let i = 0; i < length; i++) payload[i] ^= mask[i & 3];
		this.outgoing = bytes.subarray(at + 4 + length);
		const opcode = bytes[0] & 15;
		if (opcode === OPCODE_PING) this.frame(OPCODE_PONG, payload);
		else if (opcode === OPCODE_CLOSE) this.frame(OPCODE_CLOSE, payload);
		else if (opcode === OPCODE_TEXT || opcode === OPCODE_CONTINUATION) {
			this.text = Buffer.concat([this.text, payload]);
			if ((bytes[0] & 0x80) !== 0) {
				const text = this.text.toString("utf8");
				this.text = Buffer.alloc(0);
				this.csms.received(this, text);
			}
		}
		return true;
	}
}

export class MemoryCsms implements SocketMaker {
	/** Every message, in order, unless it is told to forget them. */
	readonly messages: PassedMessage[] = [];
	keepsMessages = true;
	/** Text messages from the station, by action of CALLs. */
	readonly counts = new Map<string, number>();
	/** Bodies of files that the station has uploaded. */
	readonly files: string[] = [];
	connections = 0;
	heartbeatSeconds = 86_400;
	/** Answers by action; undefined withholds one. */
	readonly answers = new Map<string, AnswerOf>();
	private connection: MemoryConnection | undefined;
	private calls = 0;
	private lastAnswer: unknown[] | undefined;

	constructor(private readonly scheduler: Scheduler, private readonly nowMs: () => number) {
		this.answers.set("BootNotification", () => ({ currentTime: this.now(), interval: this.heartbeatSeconds, status: "Accepted" }));
		this.answers.set("Heartbeat", () => ({ currentTime: this.now() }));
		this.answers.set("Authorize", () => ({ idTokenInfo: { status: "Accepted" } }));
	}

	open(options: SocketOptions): Socket {
		this.connections++;
		return new MemoryConnection(options, this, this.scheduler);
	}

	private now(): string {
		return new Date(this.nowMs()).toISOString();
	}

	get isConnected(): boolean {
		return this.connection?.isOpen ?? false;
	}

	/** The link breaks. */
	drop(error: number): void {
		this.connection?.drop(error);
		this.connection = undefined;
	}

	/** Sends a text as it is. */
	sendRaw(text: string, frameBytes?: number): void {
		this.note(false, text, []);
		if (this.connection === undefined) throw new Error("no station is connected");
		this.connection.send(text, frameBytes);
	}

	/** Sends a CALL; answer() has what comes back. */
	send(action: string, payload: object): void {
		this.lastAnswer = undefined;
		this.sendRaw(JSON.stringify([2, `c${++this.calls}`, action, payload]));
	}

	/** The last CALLRESULT or CALLERROR of the station since send(). */
	get answer(): unknown[] | undefined {
		return this.lastAnswer;
	}

	/** How many CALLs with this action the station has sent. */
	count(action: string): number {
		return this.counts.get(action) ?? 0;
	}

	opened(connection: MemoryConnection): void {
		this.connection = connection;
	}

	received(connection: MemoryConnection, text: string): void {
		const frame = JSON.parse(text) as unknown[];
		this.note(true, text, frame);
		if (frame[0] !== 2) {
			this.lastAnswer = frame;
			return;
		}
		const action = frame[2] as string;
		this.counts.set(action, this.count(action) + 1);
		const make = this.answers.get(action);
		const answer = make === undefined ? {} : make(frame[3]);
		if (answer !== undefined) {
			const reply = [3, frame[1], answer];
			this.note(false, JSON.stringify(reply), reply);
			connection.send(JSON.stringify(reply));
		}
	}

	private note(fromStation: boolean, text: string, frame: unknown[]): void {
		if (this.keepsMessages) this.messages.push({ fromStation, text, frame });
	}
}
