// The socket port over an ECMA-419 TCP socket and a DNS resolver: ranges of the caller's buffers in both directions.
// Owns: nothing between two calls but the sockets themselves. No TLS: a secure address is refused as unsupported.
// Reading allocates nothing: a read that fills its range uses one view made for the first such range, a shorter one
// takes single bytes. Writing makes a view per call unless range and buffer are those of the call before.
// Source: ECMA-419 §10 (TCP), §21 (DNS resolver); Moddable documentation/io/io.md. In SDK 8.2.3 read(buffer) throws
// unless the whole buffer can be filled, and write() answers with the room that is left.

import { SocketError } from "../modules/ports/events.js";
import type { Socket, SocketMaker, SocketOptions } from "../modules/ports/socket.js";
import type { TimerShape } from "./parts.js";

/** ECMA-419 TCP as far as it is used; its typings (npm 5.6.0) do not know the number that write() returns. */
export interface TcpShape {
	format: string;
	// eslint-disable-next-line @typescript-eslint/no-explicit-any
	read(into?: any): unknown;
	// eslint-disable-next-line @typescript-eslint/no-explicit-any
	write(from: any): unknown;
	close(): void;
}
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type TcpMaker = new (options: any) => TcpShape;

/** What an ECMA-419 resolver is asked; exactly one of the two is called, from an empty stack. */
export interface ResolveOptions {
	host: string;
	onResolved(host: string, address: string): void;
	onError(host: string): void;
}
export interface ResolverShape {
	resolve(options: ResolveOptions): void;
}

export interface TcpSocketsOptions {
	/** The TCP constructor. */
	io: TcpMaker;
	/** A resolver that turns names into addresses and lets addresses pass. */
	resolver: ResolverShape;
	timer: TimerShape;
	/** False while there is no network; then a connection fails at once. Default: always true. */
	isUp?: () => boolean;
}

export class TcpSockets implements SocketMaker {
	#options: TcpSocketsOptions;

	constructor(options: TcpSocketsOptions) {
		if (!options.io || !options.resolver || !options.timer) throw new RangeError("io, resolver and timer are required");
		this.#options = options;
	}

	open(options: SocketOptions): Socket {
		return new TcpSocket(this.#options, options);
	}
}

class TcpSocket implements Socket {
	#tcp: TcpShape | undefined;
	#user: SocketOptions | undefined;
	#timer: TimerShape;
	#starting: unknown = undefined;
	#readable = 0;
	#writable = 0;
	#readView: Uint8Array | undefined;
	#readBuffer: Uint8Array | undefined;
	#readFrom = 0;
	#writeView: Uint8Array | undefined;
	#writeBuffer: Uint8Array | undefined;
	#writeFrom = 0;

	constructor(maker: TcpSocketsOptions, user: SocketOptions) {
		this.#user = user;
		this.#timer = maker.timer;
		// From a timer, because no callback may come from inside open().
		this.#starting = maker.timer.set(() => {
			this.#starting = undefined;
			this.#start(maker, user);
		}, 1);
	}

	get writable(): number {
		return this.#writable;
	}

	read(bytes: Uint8Array, from: number, to: number): number {
		const tcp = this.#tcp;
		if (tcp === undefined) return 0;
		const room = to - from;
		if (room <= 0) return 0;
		if (this.#readable >= room) {
			let view = this.#readView;
			if (view === undefined || this.#readBuffer !== bytes || this.#readFrom !== from || view.length !== room) {
				view = this.#readView = new Uint8Array(bytes.buffer, bytes.byteOffset + from, room);
				this.#readBuffer = bytes;
				this.#readFrom = from;
			}
			tcp.format = "buffer";
			tcp.read(view);
			this.#readable -= room;
			return room;
		}
		const count = this.#readable;
		tcp.format = "number";
		for (let at = from; at < from + count; at++) bytes[at] = tcp.read() as number;
		this.#readable = 0;
		return count;
	}

	write(bytes: Uint8Array, from: number, to: number): void {
		const tcp = this.#tcp;
		if (tcp === undefined || to <= from) return;
		if (to - from > this.#writable) throw new RangeError("more than writable");
		let view = this.#writeView;
		if (view === undefined || this.#writeBuffer !== bytes || this.#writeFrom !== from || view.length !== to - from) {
			view = this.#writeView = new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
			this.#writeBuffer = bytes;
			this.#writeFrom = from;
		}
		tcp.format = "buffer";
		const left = tcp.write(view);
		this.#writable = typeof left === "number" ? left : this.#writable - (to - from);
	}

	close(): void {
		this.#user = undefined;
		this.#readable = this.#writable = 0;
		if (this.#starting !== undefined) this.#timer.clear(this.#starting);
		this.#starting = undefined;
		this.#tcp?.close();
		this.#tcp = undefined;
		this.#readView = this.#readBuffer = this.#writeView = this.#writeBuffer = undefined;
	}

	#start(maker: TcpSocketsOptions, user: SocketOptions): void {
		if (user.secure) {
			this.#fail(SocketError.unsupported);
			return;
		}
		if (maker.isUp !== undefined && !maker.isUp()) {
			this.#fail(SocketError.unresolved);
			return;
		}
		try {
			maker.resolver.resolve({
				host: user.host,
				onResolved: (_host: string, address: string) => this.#connect(maker, address, user.port),
				onError: () => this.#fail(SocketError.unresolved),
			});
		} catch {
			this.#fail(SocketError.unresolved);
		}
	}

	#connect(maker: TcpSocketsOptions, address: string, port: number): void {
		if (this.#user === undefined) return; // closed while the name was looked up
		let connected = false;
		try {
			this.#tcp = new maker.io({
				address,
				port,
				nodelay: true,
				format: "buffer",
				onReadable: (count: number) => {
					this.#readable = count;
					this.#user?.onReadable(count);
				},
				onWritable: (count: number) => {
					connected = true;
					this.#writable = count;
					this.#user?.onWritable(count);
				},
				onError: () => this.#fail(connected ? SocketError.closed : SocketError.refused),
			});
		} catch {
			this.#fail(SocketError.refused);
		}
	}

	#fail(error: number): void {
		const user = this.#user;
		this.close();
		user?.onError(error);
	}
}
