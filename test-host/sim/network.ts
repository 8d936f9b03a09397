// A network in memory: the socket port on one side, wires that a simulated CSMS takes on the other. Bytes travel in pieces,
// in order, each with its own delay; connections are refused, cut, or go silent without a word.

import { SocketError } from "../../modules/ports/events.js";
import type { Socket, SocketMaker, SocketOptions } from "../../modules/ports/socket.js";
import type { Scheduler } from "../board/clock.js";
import type { Dice } from "./dice.js";

export interface NetworkOptions {
	/** Least and most milliseconds that a piece travels. */
	latencyMs: readonly [number, number];
	/** Bytes that the station may have under way. */
	windowBytes: number;
	/** Longest piece in which bytes arrive. */
	pieceBytes: number;
	/** Probability that an attempt to connect is refused, or never answered. */
	refused: number;
	unanswered: number;
}

/** The far end of a connection. */
export interface WireListener {
	onData(bytes: Uint8Array): void;
	/** The station's side has ended. */
	onEnd(): void;
}

/** One connection. The station holds the Socket, the CSMS calls the methods below. */
export class Wire implements Socket {
	listener: WireListener | undefined;
	/** Bytes under way to the CSMS. */
	private underway = 0;
	private received: Uint8Array[] = [];
	private connected = false;
	private closed = false;
	private muted = false;
	private errorWaiting = false;
	/** When the last piece of each direction arrives: later ones do not overtake it. */
	private lastOutMs = 0;
	private lastInMs = 0;
	private elapsedMs: () => number;

	constructor(private readonly network: Network, private readonly options: SocketOptions) {
		this.elapsedMs = network.elapsedMs;
	}

	/** Whom the station means. */
	get host(): string {
		return this.options.host;
	}

	/** The connection attempt begins. */
	start(): void {
		const { dice, setting } = this.network;
		if (dice.chance(setting.unanswered)) return;
		if (dice.chance(setting.refused)) {
			this.later(() => this.fail(SocketError.refused));
			return;
		}
		this.later(() => {
			if (this.closed || this.muted) return;
			this.connected = true;
			this.network.accept(this);
			this.options.onWritable(this.writable);
		});
	}

	// The station's side.

	get writable(): number {
		return this.connected && !this.closed ? Math.max(0, this.network.setting.windowBytes - this.underway) : 0;
	}

	read(bytes: Uint8Array, from: number, to: number): number {
		if (this.closed || this.received.length === 0) return 0;
		const piece = this.received[0];
		const count = Math.min(to - from, piece.length);
		bytes.set(piece.subarray(0, count), from);
		if (count === piece.length) this.received.shift();
		else this.received[0] = piece.subarray(count);
		if (this.received.length === 0 && this.errorWaiting) this.later(() => this.fail(SocketError.closed));
		return count;
	}

	write(bytes: Uint8Array, from: number, to: number): void {
		if (to - from > this.writable) throw new RangeError("more than the socket takes");
		const piece = bytes.slice(from, to);
		this.underway += piece.length;
		if (this.muted) return;
		this.lastOutMs = this.at(this.lastOutMs, () => {
			if (this.muted) return;
			this.underway -= piece.length;
			this.listener?.onData(piece);
			if (!this.closed) this.options.onWritable(this.writable);
		});
	}

	close(): void {
		if (this.closed) return;
		this.closed = true;
		this.network.forget(this);
		if (!this.muted) this.lastOutMs = this.at(this.lastOutMs, () => this.tellEnd());
	}

	/** The station has lost its power: nobody closes, the CSMS may find out much later. */
	vanish(isTold: boolean): void {
		if (isTold) return this.close();
		this.closed = true;
		this.muted = true;
		this.network.forget(this);
	}

	// The CSMS's side.

	/** Sends bytes to the station, in pieces. */
	send(bytes: Uint8Array): void {
		const { dice, setting } = this.network;
		for (let from = 0; from < bytes.length && !this.muted; ) {
			const piece = bytes.slice(from, from + dice.between(1, setting.pieceBytes));
			from += piece.length;
			this.lastInMs = this.at(this.lastInMs, () => {
				if (this.closed || this.muted) return;
				this.received.push(piece);
				this.options.onReadable(this.received.reduce((sum, one) => sum + one.length, 0));
			});
		}
	}

	/** Ends the connection behind what was sent. */
	end(): void {
		this.lastInMs = this.at(this.lastInMs, () => {
			if (this.closed || this.muted) return;
			if (this.received.length > 0) this.errorWaiting = true;
			else this.fail(SocketError.closed);
		});
	}

	/** Cuts the connection; what is under way is lost. */
	reset(): void {
		this.later(() => {
			if (this.muted) return;
			this.received.length = 0;
			this.fail(SocketError.closed);
		});
	}

	/** Nothing passes any more, in silence. */
	get isMuted(): boolean {
		return this.muted;
	}

	/** From now on nothing arrives in either direction, and neither side is told. */
	mute(): void {
		this.muted = true;
	}

	private fail(error: number): void {
		if (this.closed) return;
		this.closed = true;
		this.network.forget(this);
		this.tellEnd();
		this.options.onError(error);
	}

	private tellEnd(): void {
		this.listener?.onEnd();
		this.listener = undefined;
	}

	private at(notBeforeMs: number, callback: () => void): number {
		const dueMs = Math.max(notBeforeMs, this.elapsedMs() + this.network.delayMs());
		this.network.clock.after(dueMs - this.elapsedMs(), callback);
		return dueMs;
	}

	private later(callback: () => void): void {
		this.network.clock.after(this.network.delayMs(), callback);
	}
}

export class Network implements SocketMaker {
	readonly wires = new Set<Wire>();
	/** Called with each connection that stands, before the station knows of it. */
	onConnection: (wire: Wire) => void = () => undefined;

	constructor(
		readonly clock: Scheduler,
		readonly elapsedMs: () => number,
		readonly dice: Dice,
		public setting: NetworkOptions,
	) {}

	open(options: SocketOptions): Socket {
		const wire = new Wire(this, options);
		this.wires.add(wire);
		wire.start();
		return wire;
	}

	accept(wire: Wire): void {
		this.onConnection(wire);
	}

	forget(wire: Wire): void {
		this.wires.delete(wire);
	}

	/** The chip is dark: its connections are gone. */
	vanish(isTold: boolean): void {
		for (const wire of [...this.wires]) wire.vanish(isTold);
	}

	delayMs(): number {
		return this.dice.between(this.setting.latencyMs[0], this.setting.latencyMs[1]);
	}
}
