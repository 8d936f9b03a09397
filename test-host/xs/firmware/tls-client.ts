// Firmware that is nothing but a TLS client: opens one connection after the other as it is told, sends a pattern, checks what
// comes back, and tells what it sees as numbers of the log. test-host/xs/tls-client.ts is the other end.
// What it needs to know lies in the flash: 32-bit words from byte 0 (the order is that of Word below), then the roots, the
// key and the certificates one after the other.

import type { Socket, SocketOptions, Trust } from "../../../modules/ports/socket.js";
import { TlsSockets } from "../../../modules/transport/tls/tls.js";
import { NativeSockets } from "./main.js";
import "./native.js";

/** Words of the flash. Lengths: first of the roots, then of the key, then of the certificates. */
const enum Word { port = 0, inputBytes = 1, fragmentBytes = 2, floorSeconds = 3, roots = 4, parts = 5, lengths = 6 }
const WORDS = 24;
const ITEMS_AT = WORDS * 4;

/** What is asked through post(). */
const enum Ask { open = 1, send = 2, close = 3, hold = 4, visit = 5 }
/** What is told through the log. */
const enum Told { open = 1, error = 2, accepted = 3, refused = 4, received = 5, sent = 6, visited = 7 }

const PIECE = 4096;

class Flash {
	private readonly word = new Uint8Array(4);

	get(index: number): number {
		const word = this.word;
		host.flashRead(index * 4, word, 4);
		return word[0] | (word[1] << 8) | (word[2] << 16) | (word[3] << 24);
	}

	/** Item `index` of all roots and parts, as Trust.loadRoot gives it. */
	load(index: number, bytes: Uint8Array, from: number): number {
		let at = ITEMS_AT;
		for (let i = 0; i < index; i++) at += this.get(Word.lengths + i);
		const length = this.get(Word.lengths + index);
		const count = Math.min(bytes.length, length - from);
		if (count > 0) host.flashRead(at + from, bytes, count);
		return length;
	}
}

class FlashTrust implements Trust {
	readonly rootBytesMax = 4096;

	constructor(private readonly flash: Flash) {}

	get roots(): number {
		return this.flash.get(Word.roots);
	}
	get utcMs(): number {
		return host.utc();
	}
	get floorMs(): number {
		return this.flash.get(Word.floorSeconds) * 1000;
	}
	loadRoot(index: number, bytes: Uint8Array, from: number): number {
		return this.flash.load(index, bytes, from);
	}
	loadOwn(part: number, bytes: Uint8Array, from: number): number {
		return part < this.flash.get(Word.parts) ? this.flash.load(this.roots + part, bytes, from) : 0;
	}
	accepted(notBeforeMs: number, notAfterMs: number): void {
		host.log(Told.accepted, notBeforeMs, notAfterMs);
	}
	refused(error: number): void {
		host.log(Told.refused, error, 0);
	}
}

/** Byte `at` of the pattern. */
function patternAt(at: number): number {
	return ((at * 7) ^ (at >> 8)) & 0xff;
}

/** A connection beside that of the client: ended as soon as it stands. */
class Visit implements SocketOptions {
	readonly secure = true;
	private readonly socket: Socket;

	constructor(maker: TlsSockets, readonly host: string, readonly port: number, readonly trust: Trust) {
		this.socket = maker.open(this);
	}
	onReadable(): void {
		// Nothing is expected.
	}
	onWritable(): void {
		this.socket.close();
		host.log(Told.visited, 0, 0);
	}
	onError(error: number): void {
		host.log(Told.visited, error, 0);
	}
}

class Client implements SocketOptions {
	host = "";
	port = 0;
	readonly secure = true;
	readonly trust: Trust;
	private readonly flash = new Flash();
	private readonly plain = new NativeSockets();
	private maker = new TlsSockets(this.plain, { inputBytes: 0, fragmentBytes: 0 });
	private socket: Socket | undefined;
	private readonly piece = new Uint8Array(PIECE);
	private toSend = 0;
	private sent = 0;
	private received = 0;
	private wrong = 0;
	private isHeld = false;
	private isOpen = false;

	constructor() {
		this.trust = new FlashTrust(this.flash);
	}

	// Called by the other side.

	start(): number {
		return 0;
	}
	step(): number {
		return 0;
	}
	post(ask: number, _index: number, value: number): boolean {
		switch (ask) {
			case Ask.open: {
				const flash = this.flash;
				const inputBytes = flash.get(Word.inputBytes);
				const fragmentBytes = flash.get(Word.fragmentBytes);
				const { settings } = this.maker;
				if (settings.inputBytes !== inputBytes || settings.fragmentBytes !== fragmentBytes)
					this.maker = new TlsSockets(this.plain, { inputBytes, fragmentBytes });
				this.host = host.text(0);
				this.port = flash.get(Word.port);
				this.toSend = this.sent = this.received = this.wrong = 0;
				this.isHeld = this.isOpen = false;
				this.socket = this.maker.open(this);
				return true;
			}
			case Ask.send:
				this.toSend += value;
				this.push();
				return true;
			case Ask.close:
				this.socket?.close();
				this.socket = undefined;
				return true;
			case Ask.hold:
				this.isHeld = value !== 0;
				if (!this.isHeld) this.take();
				return true;
			case Ask.visit:
				new Visit(this.maker, this.host, value, this.trust);
				return true;
			default:
				return false;
		}
	}
	stop(): void {
		this.socket?.close();
	}
	readable(handle: number, count: number): void {
		this.plain.find(handle)?.options.onReadable(count);
	}
	writable(handle: number, count: number): void {
		this.plain.find(handle)?.options.onWritable(count);
	}
	failed(handle: number, error: number): void {
		this.plain.find(handle)?.options.onError(error);
	}

	// Callbacks of the socket.

	onWritable(): void {
		if (!this.isOpen) {
			this.isOpen = true;
			host.log(Told.open, 0, 0);
		}
		this.push();
	}
	onReadable(): void {
		if (!this.isHeld) this.take();
	}
	onError(error: number): void {
		this.socket = undefined;
		host.log(Told.error, error, 0);
	}

	private push(): void {
		const { piece, socket } = this;
		while (socket !== undefined && this.sent < this.toSend) {
			const count = Math.min(PIECE, socket.writable, this.toSend - this.sent);
			if (count <= 0) return;
			for (let i = 0; i < count; i++) piece[i] = patternAt(this.sent + i);
			socket.write(piece, 0, count);
			this.sent += count;
			if (this.sent === this.toSend) host.log(Told.sent, this.sent, 0);
		}
	}

	private take(): void {
		const { piece, socket } = this;
		if (socket === undefined) return;
		for (;;) {
			const count = socket.read(piece, 0, PIECE);
			if (count === 0) break;
			for (let i = 0; i < count; i++) if (piece[i] !== patternAt(this.received + i)) this.wrong++;
			this.received += count;
		}
		host.log(Told.received, this.received, this.wrong);
	}
}

export default function boot(): Client {
	return new Client();
}
