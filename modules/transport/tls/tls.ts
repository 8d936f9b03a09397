// TLS behind the socket port: a maker that puts the filter of tls.c between a plain maker and whoever opens a secure
// address. Plain addresses pass through. Owns: the filter's handle, and one small buffer that all connections share.
// The server is judged by SocketOptions.trust alone. No callback comes from inside a call: what goes wrong in read() or
// write() is told at the next callback of the plain socket, and an alert that is on its way brings one.
// Source: docs/tls.md, docs/decisions/0010-server-identity.md, 0011-clock-never-set.md, 0013-tls-filter.md.

import { LIMITS } from "../../../preload/limits.js";
import { SocketError } from "../../ports/events.js";
import type { Socket, SocketMaker, SocketOptions, Trust } from "../../ports/socket.js";

/** What tls_add takes. */
const enum Item { root = 0, chain = 1, key = 2 }

/** What tls_state tells. */
const enum State { wanted = 0, available = 1, room = 2, notBefore = 3, notAfter = 4 }

// The functions of tls.c, described there. A failure is a SocketError below 0.

function tlsOpen(
	this: unknown, name: string, port: number, utcMs: number, floorMs: number, inputBytes: number, fragmentBytes: number,
): number {
	return native("tls_open").call(this, name, port, utcMs, floorMs, inputBytes, fragmentBytes);
}

function tlsAdd(this: unknown, handle: number, item: number, bytes: Uint8Array, count: number, left: number): number {
	return native("tls_add").call(this, handle, item, bytes, count, left);
}

function tlsStart(this: unknown, handle: number): number {
	return native("tls_start").call(this, handle);
}

function tlsRun(this: unknown, handle: number, wire: Uint8Array, count: number, room: number): number {
	return native("tls_run").call(this, handle, wire, count, room);
}

function tlsState(this: unknown, handle: number, what: number): number {
	return native("tls_state").call(this, handle, what);
}

function tlsRead(this: unknown, handle: number, bytes: Uint8Array, from: number, to: number): number {
	return native("tls_read").call(this, handle, bytes, from, to);
}

function tlsWrite(this: unknown, handle: number, bytes: Uint8Array, from: number, to: number): number {
	return native("tls_write").call(this, handle, bytes, from, to);
}

function tlsClose(this: unknown, handle: number, wire: Uint8Array, room: number): number {
	return native("tls_close").call(this, handle, wire, room);
}

/** How much of a record fits, as the board has memory. */
export interface TlsSettings {
	/** Longest record that is taken, in plain bytes; the library's own buffer is the other bound. */
	readonly inputBytes: number;
	/** max_fragment_length that is offered (RFC 6066 §4): 512, 1024, 2048 or 4096; 0 offers none. */
	readonly fragmentBytes: number;
}

/** RFC 6066 §4: the longest that has a code. */
const FRAGMENT_MAX = 4096;

export class TlsSockets implements SocketMaker {
	/** Between wire and filter; inside one call only. */
	wire: Uint8Array | null = null;

	/** The fragment of the next connection. */
	fragmentBytes: number;

	constructor(readonly plain: SocketMaker, readonly settings: TlsSettings) {
		this.fragmentBytes = settings.fragmentBytes;
	}

	/**
	 * A message of a handshake did not fit: many a chain of certificates is longer than a fragment, and Mbed TLS before
	 * 3.6.3 takes no message in pieces. The next connection offers a longer one where the input has room for it.
	 * @returns false when there is none
	 */
	raise(): boolean {
		const bytes = this.fragmentBytes;
		if (bytes === 0 || this.settings.inputBytes <= bytes) return false;
		this.fragmentBytes = bytes < FRAGMENT_MAX && bytes * 2 <= this.settings.inputBytes ? bytes * 2 : 0;
		return true;
	}

	get speaksTls(): boolean {
		return true;
	}

	open(options: SocketOptions): Socket {
		if (!options.secure) return this.plain.open(options);
		if (this.wire === null) this.wire = new Uint8Array(LIMITS.tlsWireBytes);
		return new TlsSocket(this, this.wire, options);
	}
}

/** One secure connection; it is itself the options object of its plain socket. */
class TlsSocket implements Socket, SocketOptions {
	readonly host: string;
	readonly port: number;
	readonly secure: boolean;
	private readonly maker: TlsSockets;
	private readonly wire: Uint8Array;
	private user: SocketOptions | null;
	private plain: Socket | null;
	private handle = 0;
	private isOpen = false;
	private fault = 0;

	constructor(maker: TlsSockets, wire: Uint8Array, user: SocketOptions) {
		this.host = user.host;
		this.port = user.port;
		this.maker = maker;
		this.wire = wire;
		this.user = user;
		const trust = user.trust;
		// Without an installed root there is nobody to trust, so nobody is asked.
		if (trust === undefined) this.fault = SocketError.unsupported;
		else if (trust.roots === 0) this.fault = SocketError.unknownCa;
		// A plain maker refuses a secure address from an empty stack, which is what is wanted then.
		this.secure = this.fault !== 0;
		this.plain = maker.plain.open(this);
	}

	get writable(): number {
		return this.isOpen && this.handle !== 0 ? tlsState(this.handle, State.room) : 0;
	}

	read(bytes: Uint8Array, from: number, to: number): number {
		for (;;) {
			const count = this.isOpen && this.handle !== 0 ? tlsRead(this.handle, bytes, from, to) : 0;
			if (count > 0 || to <= from || !this.turn()) return count;
		}
	}

	write(bytes: Uint8Array, from: number, to: number): void {
		if (this.handle === 0 || to <= from) return;
		const result = tlsWrite(this.handle, bytes, from, to);
		if (result < 0) this.fault = -result;
		else while (this.flush());
	}

	close(): void {
		const plain = this.plain;
		const handle = this.handle;
		this.user = this.plain = null;
		this.handle = 0;
		if (plain === null) return;
		if (handle !== 0) {
			const wire = this.wire;
			const count = tlsClose(handle, wire, Math.min(plain.writable, wire.length));
			if (count > 0) plain.write(wire, 0, count);
		}
		plain.close();
	}

	// Callbacks of the plain socket.

	onWritable(_count: number): void {
		if (this.user !== null && this.handle === 0) this.fault = this.begin(this.user.trust as Trust);
		this.pump();
		if (this.user !== null && this.isOpen) {
			const room = this.writable;
			if (room > 0) this.user.onWritable(room);
		}
	}

	onReadable(_count: number): void {
		if (this.handle !== 0) this.pump();
	}

	onError(error: number): void {
		this.fail(this.fault !== 0 ? this.fault : error);
	}

	private fail(error: number): void {
		const user = this.user;
		const isNews = this.isOpen || error !== SocketError.recordTooLarge || !this.maker.raise();
		this.close();
		if (user === null) return;
		if (error >= SocketError.unknownCa && isNews && user.trust !== undefined) user.trust.refused(error);
		user.onError(error);
	}

	/** The wire is there: the filter is made and told whom to trust. Returns a SocketError or 0. */
	private begin(trust: Trust): number {
		const maker = this.maker;
		const handle = tlsOpen(
			this.host, this.port, trust.utcMs, trust.floorMs, maker.settings.inputBytes, maker.fragmentBytes,
		);
		if (handle < 0) return -handle;
		this.handle = handle;
		for (let i = 0; i < trust.roots; i++) {
			// A root that the library cannot use vouches for nobody; the others may.
			if (this.load(trust, Item.root, i) === SocketError.tlsMemory) return SocketError.tlsMemory;
		}
		const error = trust.loadOwn === undefined ? 0 : this.loadOwn(trust);
		return error !== 0 ? error : -tlsStart(handle);
	}

	private loadOwn(trust: Trust): number {
		let error = this.load(trust, Item.key, 0);
		this.wire.fill(0);
		for (let part = 1; error === 0; part++) error = this.load(trust, Item.chain, part);
		return error < 0 ? 0 : error;
	}

	/** Hands one item to the filter in pieces. Returns a SocketError, 0, or -1 when there is no such item. */
	private load(trust: Trust, item: number, index: number): number {
		const wire = this.wire;
		for (let at = 0; ; ) {
			const bytes = item === Item.root ? trust.loadRoot(index, wire, at) : trust.loadOwn!(index, wire, at);
			if (bytes <= at) return at === 0 ? -1 : SocketError.tlsFailed;
			const count = Math.min(wire.length, bytes - at);
			at += count;
			const result = tlsAdd(this.handle, item, wire, count, bytes - at);
			if (result < 0) return -result;
			if (at === bytes) return 0;
		}
	}

	/** Moves what can be moved, and tells of it. Called from an empty stack only. */
	private pump(): void {
		for (let moved = true; moved; ) {
			if (this.fault === 0) moved = this.turn();
			if (this.fault !== 0) return this.fail(this.fault);
			if (this.user === null) return;
			if (!this.isOpen && tlsState(this.handle, State.room) > 0) {
				this.isOpen = true;
				this.user.trust!.accepted(tlsState(this.handle, State.notBefore), tlsState(this.handle, State.notAfter));
				this.user.onWritable(this.writable);
				moved = true;
			}
			const user = this.user as SocketOptions | null;
			const available = user === null ? 0 : tlsState(this.handle, State.available);
			if (available === 0) continue;
			user!.onReadable(available);
			// Who leaves it there comes back for it with read().
			if (this.user === null || tlsState(this.handle, State.available) >= available) return;
			moved = true;
		}
	}

	/** One exchange with the filter; false when nothing moved. */
	private turn(): boolean {
		const plain = this.plain;
		if (plain === null || this.handle === 0 || this.fault !== 0) return false;
		const wire = this.wire;
		const wanted = tlsState(this.handle, State.wanted);
		const count = wanted > 0 ? plain.read(wire, 0, Math.min(wanted, wire.length)) : 0;
		return this.run(plain, count) || count > 0;
	}

	private flush(): boolean {
		return this.plain !== null && this.fault === 0 && this.run(this.plain, 0);
	}

	/** Lets the filter take wire[0, count) and sends what it gives; true when there was something to send. */
	private run(plain: Socket, count: number): boolean {
		const wire = this.wire;
		const sent = tlsRun(this.handle, wire, count, Math.min(plain.writable, wire.length));
		if (sent > 0) plain.write(wire, 0, sent);
		else if (sent < 0) this.fault = -sent;
		return sent > 0;
	}
}
