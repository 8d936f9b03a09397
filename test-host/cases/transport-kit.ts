// What the transport cases share: a socket that is moved by hand, frames as a server writes them, a listener that notes.

import { createHash } from "node:crypto";
import type { Socket, SocketMaker, SocketOptions } from "../../modules/ports/socket.js";
import { newEndpoint, parseUrl } from "../../modules/transport/url.js";
import { HEAD_BYTES, newWebSocketBuffers, WebSocket, type PieceSource, type WebSocketBuffers, type WebSocketListener } from "../../modules/transport/websocket.js";
import { VirtualClock } from "../board/clock.js";
import { SeededEntropy } from "../board/entropy.js";

/** A socket whose far end is the test. */
export class FakeSocket implements Socket {
	readonly written: number[] = [];
	private incoming: number[] = [];
	/** Bytes that the far end still takes. */
	writable = 0;
	closed = false;
	/** Largest single write, and number of reads. */
	writes: number[] = [];
	reads = 0;

	constructor(readonly options: SocketOptions) {}

	read(bytes: Uint8Array, from: number, to: number): number {
		if (this.closed) throw new Error("read after close");
		if (from < 0 || to > bytes.length || to < from) throw new RangeError("read outside the buffer");
		this.reads++;
		const count = Math.min(to - from, this.incoming.length);
		bytes.set(this.incoming.slice(0, count), from);
		this.incoming = this.incoming.slice(count);
		return count;
	}

	write(bytes: Uint8Array, from: number, to: number): void {
		if (this.closed) throw new Error("write after close");
		if (to - from > this.writable || to <= from) throw new RangeError("write of " + (to - from));
		this.writable -= to - from;
		this.writes.push(to - from);
		for (let i = from; i < to; i++) this.written.push(bytes[i]);
	}

	close(): void {
		this.closed = true;
	}

	/** The far end takes `count` bytes more. */
	drain(count = 1 << 20): void {
		if (this.closed) return;
		this.writable += count;
		this.options.onWritable(this.writable);
	}

	/** The far end sends bytes. */
	deliver(bytes: Iterable<number>): void {
		if (this.closed) return;
		for (const byte of bytes) this.incoming.push(byte);
		this.options.onReadable(this.incoming.length);
	}

	/** The far end ends or the network fails. */
	fail(error: number): void {
		if (!this.closed) this.options.onError(error);
	}

	/** Bytes that were delivered and not read. */
	get unread(): number {
		return this.incoming.length;
	}

	/** Takes what was written since the last call. */
	taken(): Buffer {
		return Buffer.from(this.written.splice(0));
	}
}

export class FakeMaker implements SocketMaker {
	readonly sockets: FakeSocket[] = [];

	open(options: SocketOptions): Socket {
		const socket = new FakeSocket(options);
		this.sockets.push(socket);
		return socket;
	}

	get last(): FakeSocket {
		return this.sockets[this.sockets.length - 1];
	}
}

export interface Frame {
	fin: boolean;
	opcode: number;
	payload: Buffer;
}

/** Takes apart what a client wrote; fails on a frame that is not masked or not whole. */
export function framesOf(bytes: Buffer): Frame[] {
	const frames: Frame[] = [];
	let at = 0;
	while (at < bytes.length) {
		const fin = (bytes[at] & 0x80) !== 0;
		if ((bytes[at] & 0x70) !== 0) throw new Error("RSV bit set");
		const opcode = bytes[at] & 15;
		if ((bytes[at + 1] & 0x80) === 0) throw new Error("a client frame must be masked");
		let length = bytes[at + 1] & 0x7f;
		at += 2;
		if (length === 126) {
			length = bytes.readUInt16BE(at);
			if (length < 126) throw new Error("length is not minimal");
			at += 2;
		} else if (length === 127) throw new Error("a frame of ours needs no 64-bit length");
		const mask = bytes.subarray(at, at + 4);
		at += 4;
		if (at + length > bytes.length) throw new Error("frame is cut");
		const payload = Buffer.from(bytes.subarray(at, at + length));
		for (let i = 0; i < length; i++) payload[i] ^= mask[i & 3];
		at += length;
		frames.push({ fin, opcode, payload });
	}
	return frames;
}

/** A frame as a server writes it. */
export function frame(head: number, payload: Uint8Array | string, lengthForm: 7 | 16 | 64 = 7): Buffer {
	const body = typeof payload === "string" ? Buffer.from(payload, "utf8") : Buffer.from(payload);
	let form = lengthForm;
	if (form === 7 && body.length > 125) form = body.length > 0xffff ? 64 : 16;
	if (form === 7) return Buffer.concat([Buffer.of(head, body.length), body]);
	if (form === 16) return Buffer.concat([Buffer.of(head, 126, body.length >> 8, body.length & 0xff), body]);
	const long = Buffer.alloc(10);
	long[0] = head;
	long[1] = 127;
	long.writeBigUInt64BE(BigInt(body.length), 2);
	return Buffer.concat([long, body]);
}

export const hex = (text: string): Buffer => Buffer.from(text.replace(/\s+/g, ""), "hex");

/** Answer of a server to the request that was written. */
export function answerTo(request: Buffer, change: (lines: string[]) => string[] = (lines) => lines): Buffer {
	const key = /\r\nSec-WebSocket-Key: (\S+)\r\n/.exec(request.toString("latin1"))?.[1] ?? "";
	const accept = createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
	const lines = [
		"HTTP/1.1 101 Switching Protocols",
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Accept: " + accept,
		"Sec-WebSocket-Protocol: ocpp2.0.1",
	];
	return Buffer.from(change(lines).join("\r\n") + "\r\n\r\n", "latin1");
}

/** Notes what a WebSocket tells. */
export class Notes implements WebSocketListener {
	readonly events: string[] = [];
	readonly messages: string[] = [];
	/** Called after a note was made. */
	then: (event: string) => void = () => undefined;

	constructor(private readonly rx: Uint8Array) {}

	private note(event: string): void {
		this.events.push(event);
		this.then(event);
	}

	onOpen(): void {
		this.note("open");
	}

	onMessage(length: number): void {
		const kept = length > this.rx.length ? HEAD_BYTES : length;
		this.messages.push(Buffer.from(this.rx.subarray(0, kept)).toString("utf8"));
		// The callee may write into the message.
		this.rx.fill(0x55, 0, kept);
		this.note("message " + length);
	}

	onSent(): void {
		this.note("sent");
	}

	onClosing(): void {
		this.note("closing");
	}

	onClosed(closeCode: number, httpStatus: number, fault: number): void {
		this.note(`closed ${closeCode} ${httpStatus} ${fault}`);
	}
}

/** A text that is handed out in steps of `step` bytes. */
export class Text implements PieceSource {
	private readonly bytes: Buffer;
	private at = 0;
	fills = 0;

	constructor(text: string, private readonly step = Infinity) {
		this.bytes = Buffer.from(text, "utf8");
	}

	get done(): boolean {
		return this.at === this.bytes.length && (this.fills > 0 || this.bytes.length === 0);
	}

	fill(buffer: Uint8Array, from: number, to: number): number {
		this.fills++;
		const count = Math.min(to - from, this.step, this.bytes.length - this.at);
		buffer.set(this.bytes.subarray(this.at, this.at + count), from);
		this.at += count;
		return count;
	}
}

export interface Traffic {
	outgoing: boolean;
	text: string;
	last: boolean;
}

/** A WebSocket on a fake socket. */
export class Bench {
	readonly clock = new VirtualClock();
	readonly maker = new FakeMaker();
	readonly buffers: WebSocketBuffers = newWebSocketBuffers();
	readonly notes = new Notes(this.buffers.rx);
	readonly traffic: Traffic[] = [];
	readonly webSocket: WebSocket;

	constructor(seed = 1) {
		const traffic = this.traffic;
		this.webSocket = new WebSocket(
			{
				clock: this.clock,
				entropy: new SeededEntropy(seed),
				socket: this.maker,
				observer: {
					generated: () => undefined,
					traffic: (outgoing, bytes, from, to, last) => {
						traffic.push({ outgoing, text: Buffer.from(bytes.subarray(from, to)).toString("latin1"), last });
					},
				},
			},
			this.buffers,
			this.notes,
		);
	}

	get socket(): FakeSocket {
		return this.maker.last;
	}

	/** Connects as far as the request. */
	request(url = "ws://csms.example/ocpp", identity = "CS001", password = ""): Buffer {
		const endpoint = newEndpoint();
		if (parseUrl(url, endpoint) !== 0) throw new Error("bad URL");
		if (!this.webSocket.open(endpoint, identity, password)) throw new Error("not idle");
		this.socket.drain();
		return this.socket.taken();
	}

	/** Connects all the way. */
	open(): this {
		const answer = answerTo(this.request());
		this.socket.deliver(answer);
		if (this.notes.events.join() !== "open") throw new Error("did not open: " + this.notes.events.join());
		this.notes.events.length = 0;
		return this;
	}

	/** Frames written since the last look. */
	frames(): Frame[] {
		return framesOf(this.socket.taken());
	}
}
