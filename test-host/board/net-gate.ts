// The network interface of the virtual board: passes sockets through, resets them, or lets their packets vanish.

import type { Socket, SocketMaker, SocketOptions } from "../../modules/ports/socket.js";
import { SocketError } from "../../modules/ports/events.js";
import { turn, type Scheduler } from "./clock.js";

/** drop: the interface goes down and every connection is reset. blackhole: nothing arrives and nobody says so. */
export type NetMode = "drop" | "blackhole";

/** What a send buffer takes while no acknowledgement comes back. */
const HELD_BYTES_MAX = 16384;
/** A peer on the same machine answers well within this. */
const REST_MS = 15;

export class NetGate implements SocketMaker {
	private readonly sockets = new Set<GateSocket>();
	private modeNow: NetMode | undefined;
	/** Counts what passed, so that one can wait for it to cease. */
	private passed = 0;
	private restedAt = 0;

	constructor(private readonly inner: SocketMaker, private readonly scheduler: Scheduler) {}

	get speaksTls(): boolean {
		return this.inner.speaksTls === true;
	}

	/** undefined while the network works. */
	get mode(): NetMode | undefined {
		return this.modeNow;
	}

	/** Takes the network down; going from one mode to the other is allowed. */
	down(mode: NetMode): void {
		this.modeNow = mode;
		if (mode === "drop") for (const socket of [...this.sockets]) socket.reset();
	}

	/** Brings the network back: what was sent into a black hole is retransmitted, as TCP does. */
	up(): void {
		this.modeNow = undefined;
		for (const socket of [...this.sockets]) socket.lift();
	}

	/** Something was sent or has arrived, or a connection was asked for. */
	stir(): void {
		this.passed++;
	}

	/** Waits until nothing has passed for a while of the machine's time; at once when nothing passed since the last rest. */
	async rest(): Promise<void> {
		await turn();
		while (this.passed !== this.restedAt) {
			this.restedAt = this.passed;
			await new Promise((resolve) => setTimeout(resolve, REST_MS));
			await turn();
		}
	}

	open(options: SocketOptions): Socket {
		this.stir();
		const socket = new GateSocket(this, this.inner, options, this.scheduler, () => this.sockets.delete(socket));
		this.sockets.add(socket);
		socket.start();
		return socket;
	}
}

/** A socket that can end without a word to the peer but a reset, where the machine allows that. */
interface ResettableSocket extends Socket {
	reset?(): void;
}

class GateSocket implements Socket {
	private inner: ResettableSocket | undefined;
	private held: Uint8Array[] = [];
	private heldBytes = 0;
	private readableMissed = 0;
	private errorMissed: number | undefined;
	/** The firmware closed it; it may live on as a half-open connection while its packets vanish. */
	private closed = false;
	private ended = false;

	constructor(
		private readonly gate: NetGate,
		private readonly maker: SocketMaker,
		private readonly options: SocketOptions,
		private readonly scheduler: Scheduler,
		private readonly forget: () => void,
	) {}

	start(): void {
		if (this.gate.mode === "drop") this.fail(SocketError.refused);
		else if (this.gate.mode === undefined) this.connect();
	}

	private connect(): void {
		this.inner = this.maker.open({
			host: this.options.host,
			port: this.options.port,
			secure: this.options.secure,
			trust: this.options.trust,
			onReadable: (count) => {
				if (this.ended) return;
				this.gate.stir();
				if (this.gate.mode === "blackhole") this.readableMissed = count;
				else if (!this.closed) this.options.onReadable(count);
			},
			onWritable: (count) => {
				if (this.ended || this.gate.mode === "blackhole") return;
				if (this.flush() && !this.closed) this.options.onWritable(this.inner?.writable ?? count);
			},
			onError: (error) => {
				if (this.ended) return;
				if (this.gate.mode === "blackhole") this.errorMissed = error;
				else this.deliverError(error);
			},
		});
	}

	get writable(): number {
		if (this.inner === undefined || this.closed) return 0;
		const room = HELD_BYTES_MAX - this.heldBytes;
		return this.gate.mode === "blackhole" ? room : this.heldBytes > 0 ? 0 : this.inner.writable;
	}

	read(bytes: Uint8Array, from: number, to: number): number {
		if (this.inner === undefined || this.closed || this.gate.mode === "blackhole") return 0;
		return this.inner.read(bytes, from, to);
	}

	write(bytes: Uint8Array, from: number, to: number): void {
		if (this.inner === undefined || this.closed) return;
		if (this.gate.mode !== "blackhole") {
			this.gate.stir();
			this.inner.write(bytes, from, to);
			return;
		}
		this.held.push(bytes.slice(from, to));
		this.heldBytes += to - from;
	}

	close(): void {
		this.closed = true;
		// In a black hole the FIN does not arrive either: the peer keeps a half-open connection until the net is back.
		if (this.gate.mode === "blackhole" && this.inner !== undefined && !this.ended) return;
		this.end();
	}

	/** The interface went down: the connection is gone for both sides. */
	reset(): void {
		if (this.ended) return;
		const tell = !this.closed;
		this.inner?.reset?.();
		this.end();
		if (tell) this.fail(SocketError.closed);
	}

	/** The network is back. */
	lift(): void {
		if (this.ended) return;
		if (this.closed) {
			this.end();
			return;
		}
		if (this.inner === undefined) {
			this.connect();
			return;
		}
		if (this.flush() && this.inner.writable > 0) this.later(() => this.options.onWritable(this.writable));
		if (this.readableMissed > 0) {
			const count = this.readableMissed;
			this.readableMissed = 0;
			this.later(() => this.options.onReadable(count));
		}
		if (this.errorMissed !== undefined) {
			const error = this.errorMissed;
			this.later(() => this.deliverError(error));
		}
	}

	/** Sends what was held; true when nothing is left. */
	private flush(): boolean {
		while (this.held.length > 0 && this.inner !== undefined) {
			const piece = this.held[0];
			const count = Math.min(piece.length, this.inner.writable);
			if (count === 0) return false;
			this.inner.write(piece, 0, count);
			this.heldBytes -= count;
			if (count === piece.length) this.held.shift();
			else this.held[0] = piece.subarray(count);
		}
		return true;
	}

	private later(callback: () => void): void {
		this.scheduler.after(0, () => {
			if (!this.ended && !this.closed) callback();
		});
	}

	private fail(error: number): void {
		this.scheduler.after(0, () => {
			this.end();
			if (!this.closed) this.options.onError(error);
		});
	}

	private deliverError(error: number): void {
		this.end();
		if (!this.closed) this.options.onError(error);
	}

	private end(): void {
		this.ended = true;
		this.inner?.close();
		this.inner = undefined;
		this.forget();
	}
}
