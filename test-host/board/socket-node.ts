// The socket port over node:net: what the desktop station and tests with real peers use. Callbacks come from Node's event
// loop, so always from an empty stack. TLS is in socket-tls-node.ts; it looks the same from here.

import * as net from "node:net";
import type { TLSSocket } from "node:tls";
import { SocketError } from "../../modules/ports/events.js";
import type { Socket, SocketMaker, SocketOptions } from "../../modules/ports/socket.js";
import { connectTls, judge, tlsErrorOf } from "./socket-tls-node.js";

/** Bytes that write() takes before the peer has taken them; about what lwIP offers on a chip. */
const WRITE_WINDOW = 5744;
/** A closed socket may flush its last bytes for so long. */
const LINGER_MS = 1000;

/** The station's word for an error of Node. */
export function socketErrorOf(error: NodeJS.ErrnoException): number {
	switch (error.code) {
		case "ECONNREFUSED":
			return SocketError.refused;
		case "ENOTFOUND":
		case "EAI_AGAIN":
		case "ERR_SOCKET_BAD_PORT":
			return SocketError.unresolved;
		default:
			return SocketError.closed;
	}
}

class NodeSocket implements Socket {
	private readonly stream: net.Socket;
	private connected = false;
	/** No callback follows any more. */
	private over = false;

	constructor(private readonly options: SocketOptions) {
		const isSecure = options.secure && options.trust !== undefined && options.trust.roots > 0;
		this.stream = isSecure ? connectTls(options) : new net.Socket();
		this.stream.setNoDelay(true);
		this.stream.on(isSecure ? "secureConnect" : "connect", () => this.begin());
		this.stream.on("readable", () => {
			// At the end of the stream "readable" comes once more with nothing to read; reading then brings "end".
			if (this.stream.readableLength === 0) this.stream.read(0);
			else if (!this.over && this.connected) options.onReadable(this.stream.readableLength);
		});
		this.stream.on("end", () => this.fail(SocketError.closed));
		this.stream.on("error", (error) => this.fail(this.errorOf(error)));
		this.stream.on("close", () => this.fail(SocketError.closed));
		if (isSecure) return;
		// Without an installed root there is nobody to trust, so nobody is asked.
		if (options.secure) this.refuse(options.trust === undefined ? SocketError.unsupported : SocketError.unknownCa);
		else this.connect();
	}

	/** The connection stands; with TLS its server is judged before a byte of ours goes out. */
	private begin(): void {
		if (this.over) return;
		const error = this.options.secure ? judge(this.stream as TLSSocket, this.options) : 0;
		if (error !== 0) {
			this.fail(error);
			this.stream.destroy();
			return;
		}
		this.connected = true;
		this.options.onWritable(this.writable);
	}

	private errorOf(error: NodeJS.ErrnoException): number {
		return (this.options.secure ? tlsErrorOf(error, this.stream as TLSSocket) : 0) || socketErrorOf(error);
	}

	private connect(): void {
		try {
			this.stream.connect({ host: this.options.host, port: this.options.port });
		} catch (error) {
			this.refuse(socketErrorOf(error as NodeJS.ErrnoException));
		}
	}

	private refuse(error: number): void {
		setImmediate(() => {
			this.fail(error);
			this.stream.destroy();
		});
	}

	private fail(error: number): void {
		if (this.over) return;
		this.over = true;
		if (error >= SocketError.unknownCa) this.options.trust?.refused(error);
		this.options.onError(error);
	}

	get writable(): number {
		return this.connected && !this.over ? Math.max(0, WRITE_WINDOW - this.stream.writableLength) : 0;
	}

	read(bytes: Uint8Array, from: number, to: number): number {
		if (this.over) return 0;
		const count = Math.min(to - from, this.stream.readableLength);
		// Reading nothing tells Node that more is wanted.
		const chunk = this.stream.read(count) as Buffer | null;
		if (count === 0 || chunk === null) return 0;
		bytes.set(chunk, from);
		return chunk.length;
	}

	write(bytes: Uint8Array, from: number, to: number): void {
		if (to - from > this.writable) throw new RangeError("more than the socket takes");
		this.stream.write(Buffer.from(bytes.subarray(from, to)), () => {
			if (!this.over) this.options.onWritable(this.writable);
		});
	}

	/** The connection is cut: the peer gets a reset instead of an orderly end. */
	reset(): void {
		this.over = true;
		// Node cannot reset a connection below TLS; the peer sees it end without TLS's own farewell.
		if (this.options.secure) this.stream.destroy();
		else this.stream.resetAndDestroy();
	}

	close(): void {
		this.over = true;
		if (this.stream.destroyed) return;
		this.stream.destroySoon();
		const stream = this.stream;
		setTimeout(() => stream.destroy(), LINGER_MS).unref();
	}
}

/** Makes sockets on the machine's network. */
export class NodeSocketMaker implements SocketMaker {
	readonly speaksTls = true;
	/** Sockets opened so far. */
	opened = 0;

	open(options: SocketOptions): Socket {
		this.opened++;
		return new NodeSocket(options);
	}
}
