// A TLS 1.2 server made by hand, so that it can do what no library does: ignore an extension, break its word, begin anew,
// stop in the middle. One suite (ECDHE_ECDSA with AES128-GCM-SHA256), curve P-256, no resumption.
// Source: RFC 5246, RFC 5288, RFC 6066 §4, RFC 8422.

import { createCipheriv, createDecipheriv, createECDH, createHash, createHmac, randomBytes, sign, type ECDH } from "node:crypto";
import * as net from "node:net";
import { listen } from "./tls-cases.js";
import type { Issued } from "./pki.js";

export const Content = { changeCipherSpec: 20, alert: 21, handshake: 22, data: 23 } as const;
const Message = { helloRequest: 0, clientHello: 1, serverHello: 2, certificate: 11, serverKeyExchange: 12, helloDone: 14, clientKeyExchange: 16, finished: 20 } as const;
const SUITE = [0xc0, 0x2b];
const VERSION = [3, 3];
const MAX_FRAGMENT_LENGTH = 1;
const OVERHEAD = 24;

function u16(value: number): number[] {
	return [value >> 8, value & 255];
}

function u24(value: number): number[] {
	return [value >> 16, (value >> 8) & 255, value & 255];
}

/** RFC 5246 §5. */
function prf(secret: Buffer, label: string, seed: Buffer, bytes: number): Buffer {
	const whole = Buffer.concat([Buffer.from(label), seed]);
	const hmac = (data: Buffer): Buffer => createHmac("sha256", secret).update(data).digest();
	const parts: Buffer[] = [];
	for (let a = hmac(whole), done = 0; done < bytes; a = hmac(a), done += 32) parts.push(hmac(Buffer.concat([a, whole])));
	return Buffer.concat(parts).subarray(0, bytes);
}

export interface Manner {
	/** Agrees to max_fragment_length; else the extension is ignored. */
	agrees?: boolean;
	/** The last message that it sends; then it is silent. */
	stopsAfter?: "hello" | "certificate" | "helloDone";
	/** Bytes in front of the first record. */
	before?: Buffer;
	/** Longest record of the handshake, in plain bytes. */
	piece?: number;
}

/** One connection of the server. */
export class BareSession {
	/** Code of max_fragment_length that the client offered, 0 for none. */
	offered = 0;
	/** Whole records of the client, as type and plain length. */
	readonly records: { type: number; bytes: number }[] = [];
	received = Buffer.alloc(0);
	/** The client has hung up. */
	isEnded = false;
	/** All that was sent. */
	wire = Buffer.alloc(0);
	private rest = Buffer.alloc(0);
	private messages = Buffer.alloc(0);
	private transcript = Buffer.alloc(0);
	private clientRandom = Buffer.alloc(32);
	private readonly serverRandom = randomBytes(32);
	private readonly ecdh: ECDH = createECDH("prime256v1");
	private master: Buffer = Buffer.alloc(48);
	private keys: { read: Buffer; write: Buffer; readIv: Buffer; writeIv: Buffer } | undefined;
	private isDeaf = false;
	private isReading = false;
	private isWriting = false;
	private readSequence = 0n;
	private writeSequence = 0n;

	constructor(readonly socket: net.Socket, private readonly own: readonly Issued[], private readonly manner: Manner, private readonly onOpen: (session: BareSession) => void) {
		socket.on("error", () => undefined);
		socket.on("close", () => (this.isEnded = true));
		socket.on("data", (data: Buffer) => this.take(data));
	}

	/** Sends one record, protected after the handshake; `cutAt` cuts it off after so many bytes. */
	send(type: number, plain: Uint8Array, cutAt = Infinity): void {
		let body = Buffer.from(plain);
		if (this.isWriting) {
			const sequence = Buffer.alloc(8);
			sequence.writeBigUInt64BE(this.writeSequence++);
			const cipher = createCipheriv("aes-128-gcm", this.keys!.write, Buffer.concat([this.keys!.writeIv, sequence]));
			cipher.setAAD(Buffer.concat([sequence, Buffer.from([type, ...VERSION, ...u16(body.length)])]));
			body = Buffer.concat([sequence, cipher.update(body), cipher.final(), cipher.getAuthTag()]);
		}
		const record = Buffer.concat([Buffer.from([type, ...VERSION, ...u16(body.length)]), body]);
		const piece = record.subarray(0, Math.min(cutAt, record.length));
		this.wire = Buffer.concat([this.wire, piece]);
		this.socket.write(piece);
	}

	/** Asks the client to begin anew (RFC 5246 §7.4.1.1). */
	helloRequest(): void {
		this.send(Content.handshake, Buffer.from([Message.helloRequest, 0, 0, 0]));
	}

	/** Sends a message of the handshake in records as long as its manner allows. */
	say(type: number, ...parts: (Uint8Array | number[])[]): void {
		const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
		const message = Buffer.concat([Buffer.from([type, ...u24(body.length)]), body]);
		this.transcript = Buffer.concat([this.transcript, message]);
		const piece = this.manner.piece ?? 16_384;
		for (let at = 0; at < message.length; at += piece) this.send(Content.handshake, message.subarray(at, at + piece));
	}

	private take(data: Buffer): void {
		if (this.isDeaf) return;
		this.rest = Buffer.concat([this.rest, data]);
		while (!this.isDeaf && this.rest.length >= 5 && this.rest.length >= 5 + this.rest.readUInt16BE(3)) {
			const type = this.rest[0];
			const body = this.rest.subarray(5, 5 + this.rest.readUInt16BE(3));
			this.rest = this.rest.subarray(5 + body.length);
			this.record(type, this.isReading ? this.decipher(type, body) : body);
		}
	}

	private decipher(type: number, body: Buffer): Buffer {
		const sequence = Buffer.alloc(8);
		sequence.writeBigUInt64BE(this.readSequence++);
		const { read, readIv } = this.keys!;
		const decipher = createDecipheriv("aes-128-gcm", read, Buffer.concat([readIv, body.subarray(0, 8)]));
		decipher.setAAD(Buffer.concat([sequence, Buffer.from([type, ...VERSION, ...u16(body.length - OVERHEAD)])]));
		decipher.setAuthTag(body.subarray(-16));
		return Buffer.concat([decipher.update(body.subarray(8, -16)), decipher.final()]);
	}

	private record(type: number, plain: Buffer): void {
		this.records.push({ type, bytes: plain.length });
		if (type === Content.changeCipherSpec) this.isReading = true;
		else if (type === Content.data) this.received = Buffer.concat([this.received, plain]);
		else if (type === Content.handshake) {
			this.messages = Buffer.concat([this.messages, plain]);
			while (this.messages.length >= 4 && this.messages.length >= 4 + this.messages.readUIntBE(1, 3)) {
				const message = this.messages.subarray(0, 4 + this.messages.readUIntBE(1, 3));
				this.messages = this.messages.subarray(message.length);
				this.handle(message[0], message.subarray(4), message);
			}
		}
	}

	private handle(type: number, body: Buffer, message: Buffer): void {
		const before = this.transcript;
		this.transcript = Buffer.concat([this.transcript, message]);
		if (type === Message.clientHello) this.answer(body);
		else if (type === Message.clientKeyExchange) this.agree(body.subarray(1));
		else if (type === Message.finished) {
			const hash = (text: Buffer): Buffer => createHash("sha256").update(text).digest();
			if (!body.equals(prf(this.master, "client finished", hash(before), 12))) throw new Error("the client's Finished is wrong");
			this.send(Content.changeCipherSpec, Buffer.from([1]));
			this.isWriting = true;
			this.say(Message.finished, prf(this.master, "server finished", hash(this.transcript), 12));
			this.onOpen(this);
		}
	}

	private answer(hello: Buffer): void {
		this.clientRandom = Buffer.from(hello.subarray(2, 34));
		this.offered = offeredIn(hello);
		if (this.manner.before !== undefined) this.socket.write(this.manner.before);
		const extensions = [0xff, 0x01, 0, 1, 0];
		if (this.manner.agrees && this.offered > 0) extensions.push(0, MAX_FRAGMENT_LENGTH, 0, 1, this.offered);
		this.say(Message.serverHello, VERSION, this.serverRandom, [0], SUITE, [0], u16(extensions.length), extensions);
		if (this.manner.stopsAfter === "hello") return;
		const certificates = Buffer.concat(this.own.map(({ der }) => Buffer.concat([Buffer.from(u24(der.length)), der])));
		this.say(Message.certificate, u24(certificates.length), certificates);
		if (this.manner.stopsAfter === "certificate") return;
		const point = this.ecdh.generateKeys();
		const parameters = Buffer.from([3, 0, 23, point.length, ...point]);
		const signature = sign("sha256", Buffer.concat([this.clientRandom, this.serverRandom, parameters]), this.own[0].key);
		this.say(Message.serverKeyExchange, parameters, [4, 3], u16(signature.length), signature);
		this.say(Message.helloDone);
	}

	private agree(point: Buffer): void {
		this.isDeaf = this.manner.stopsAfter === "helloDone";
		if (this.isDeaf) return;
		this.master = prf(this.ecdh.computeSecret(point), "master secret", Buffer.concat([this.clientRandom, this.serverRandom]), 48);
		const block = prf(this.master, "key expansion", Buffer.concat([this.serverRandom, this.clientRandom]), 40);
		this.keys = { read: block.subarray(0, 16), write: block.subarray(16, 32), readIv: block.subarray(32, 36), writeIv: block.subarray(36, 40) };
	}
}

/** Code of max_fragment_length in a ClientHello, 0 when it is not there. */
function offeredIn(hello: Buffer): number {
	let at = 34;
	at += 1 + hello[at];
	at += 2 + hello.readUInt16BE(at);
	at += 1 + hello[at];
	const end = at + 2 + hello.readUInt16BE(at);
	for (at += 2; at < end; at += 4 + hello.readUInt16BE(at + 2)) if (hello.readUInt16BE(at) === MAX_FRAGMENT_LENGTH) return hello[at + 4];
	return 0;
}

export interface Bare {
	port: number;
	readonly sessions: BareSession[];
	close(): Promise<void>;
}

/** Starts a server. @param onOpen  called when a handshake is done */
export async function bareServer(own: readonly Issued[], manner: Manner = {}, onOpen: (session: BareSession) => void = () => undefined): Promise<Bare> {
	const sessions: BareSession[] = [];
	const server = net.createServer((socket) => void sessions.push(new BareSession(socket, own, manner, onOpen)));
	const { port } = await listen(server);
	return {
		port,
		sessions,
		close: async () => {
			for (const { socket } of sessions) socket.destroy();
			await new Promise((done) => server.close(done));
		},
	};
}

/** What a proxy saw of one direction. */
export interface Lengths {
	/** Longest record behind its header, and how many there were. */
	longest: number;
	records: number;
}

export interface Proxy {
	port: number;
	/** From the client, and from the server. */
	readonly up: Lengths;
	readonly down: Lengths;
	close(): Promise<void>;
}

/** Passes everything on to a server at `port` and reads the headers of all records. */
export async function recordProxy(port: number): Promise<Proxy> {
	const up: Lengths = { longest: 0, records: 0 };
	const down: Lengths = { longest: 0, records: 0 };
	const open = new Set<net.Socket>();
	const pass = (from: net.Socket, to: net.Socket, seen: Lengths): void => {
		let rest = Buffer.alloc(0);
		open.add(from);
		from.on("data", (data: Buffer) => {
			rest = Buffer.concat([rest, data]);
			while (rest.length >= 5) {
				const bytes = rest.readUInt16BE(3);
				if (rest.length < 5 + bytes) break;
				seen.records++;
				seen.longest = Math.max(seen.longest, bytes);
				rest = rest.subarray(5 + bytes);
			}
			to.write(data);
		});
		from.on("end", () => to.end());
		from.on("error", () => to.destroy());
		from.on("close", () => {
			open.delete(from);
			to.destroy();
		});
	};
	const server = net.createServer((client) => {
		const target = net.connect(port, "127.0.0.1");
		pass(client, target, up);
		pass(target, client, down);
	});
	const listening = await listen(server);
	return {
		port: listening.port, up, down,
		close: async () => {
			for (const socket of open) socket.destroy();
			await new Promise((done) => server.close(done));
		},
	};
}
