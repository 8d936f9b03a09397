// WebSocket client: a byte state machine over ports/socket.ts. Owns: one socket at a time and the frames on it. Not
// when to connect, nor how long anything may take (connection.ts). Nothing is allocated per frame or message.
// Source: RFC 6455; OCPP 2.0.1 Part 4 §3, §5.2. The opening handshake is in handshake.ts.
//
// Phases:  idle -> connecting -> upgrading -> open -> closing -> idle
//                                               \-> ending --^
// closing: our Close is on its way, the peer's is awaited. ending: nothing that arrives is looked at any more; after
// the peer's Close we only echo it, after a fault of the peer we wait for the end of the socket, or for abort().

import { LIMITS } from "../../preload/limits.js";
import type { Clock } from "../ports/clock.js";
import type { Entropy } from "../ports/entropy.js";
import type { Observer } from "../ports/host.js";
import type { Socket, SocketMaker, SocketOptions, Trust } from "../ports/socket.js";
import { TransportFault } from "./faults.js";
import { Handshake } from "./handshake.js";
import type { Endpoint } from "./url.js";
import { checkUtf8, UTF8_ACCEPT, UTF8_REJECT } from "./utf8.js";

export const enum Phase { idle = 0, connecting = 1, upgrading = 2, open = 3, closing = 4, ending = 5 }

/** Close codes of RFC 6455 §7.4.1 that are used here. */
export const enum CloseCode {
	normal = 1000,
	goingAway = 1001,
	protocolError = 1002,
	unsupportedData = 1003,
	/** Never on the wire: the peer's Close had no code. */
	noStatus = 1005,
	invalidData = 1007,
	policyViolation = 1008,
	tooBig = 1009,
	internalError = 1011,
}

/** A text message that is made while it is sent. */
export interface PieceSource {
	/**
	 * Puts the next bytes of the message to buffer[from, to) and returns how many. It may fill less than the room, when
	 * its next token does not fit; 0 for a whole empty frame of LIMITS.txBytes is a fault and closes with 1011.
	 */
	fill(buffer: Uint8Array, from: number, to: number): number;
	/** True after the fill() that handed out the last byte. */
	readonly done: boolean;
}

/** Called from the callbacks of the socket, i.e. from an empty stack; onSent and onClosing also from inside send(). */
export interface WebSocketListener {
	/** The upgrade is done, messages may be sent. */
	onOpen(): void;
	/**
	 * A text message is in rx[0, length), checked as UTF-8, and may be changed there until the call returns. If `length`
	 * is more than rx holds, rx[0, HEAD_BYTES) is its head and the rest is gone (B06.FR.17).
	 */
	onMessage(length: number): void;
	/** The message given to send() is with the socket, whole. */
	onSent(): void;
	/** The connection begins to end, by the peer's Close or its fault; limit the time it takes with abort(). */
	onClosing(): void;
	/**
	 * The end; nothing follows. Not called after abort().
	 * @param closeCode   code of the peer's Close, or of ours if only we sent one; 0 if there was none
	 * @param httpStatus  status of a refused upgrade, 0 if the answer had none
	 * @param fault       TransportFault or SocketError; none after an orderly close
	 */
	onClosed(closeCode: number, httpStatus: number, fault: number): void;
}

/** What a WebSocket needs of the host. */
export interface WebSocketHost {
	readonly clock: Clock;
	readonly entropy: Entropy;
	readonly socket: SocketMaker;
	readonly observer?: Observer;
}

/** Buffers for life. */
export interface WebSocketBuffers {
	/**
	 * One received message: exactly LIMITS.rxBytes. Its last LIMITS.socketReadBytes are also where the answer to the
	 * handshake is read to, of which the first frames may be part, and where what is too long for rx goes.
	 */
	readonly rx: Uint8Array;
	/** Frames on their way out: exactly TX_BUFFER_BYTES. */
	readonly tx: Uint8Array;
}

const CONTROL_MAX = 125;
const SCRATCH_BYTES = 10;
// tx holds: 8 bytes for the longest header of ours, the payload, the payload of a received Ping or Close, and a
// received frame header or the payload of a Pong.
const PAYLOAD = 8;
const MASK = 4;
const CONTROL = PAYLOAD + LIMITS.txBytes;
const SCRATCH = CONTROL + CONTROL_MAX;
/** Length of the tx buffer. */
export const TX_BUFFER_BYTES = SCRATCH + SCRATCH_BYTES;
/** What rx holds of a message that is too long for it: its first bytes up to here. */
export const HEAD_BYTES = LIMITS.rxBytes - LIMITS.socketReadBytes;

/** Less is not written while more of a frame is waiting: TLS would make a record of every sliver. */
const WRITE_MIN = 64;
const LENGTH_MAX = 0x7fffffff;

const enum Opcode { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 }
const FIN = 0x80;
const CONTROL_BIT = 0x08;
const MASK_BIT = 0x80;

/** What the next received byte is. */
const enum State { head = 0, text = 1, control = 2, skip = 3 }

/** What tx holds. */
const enum Sending { nothing = 0, request = 1, control = 2, close = 3, piece = 4, lastPiece = 5 }

/** Control frames that wait for tx to become free. */
const enum Pending { pong = 1, ping = 2, close = 4 }

/** Codes that a peer may send (RFC 6455 §7.4). */
function isCloseCode(code: number): boolean {
	return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
}

function applyMask(bytes: Uint8Array, from: number, to: number, maskAt: number): void {
	const m0 = bytes[maskAt];
	const m1 = bytes[maskAt + 1];
	const m2 = bytes[maskAt + 2];
	const m3 = bytes[maskAt + 3];
	let i = from;
	for (const whole = to - 3; i < whole; i += 4) {
		bytes[i] ^= m0;
		bytes[i + 1] ^= m1;
		bytes[i + 2] ^= m2;
		bytes[i + 3] ^= m3;
	}
	if (i < to) bytes[i] ^= m0;
	if (i + 1 < to) bytes[i + 1] ^= m1;
	if (i + 2 < to) bytes[i + 2] ^= m2;
}

/**
 * One WebSocket, used for one connection after the other. It is itself the options object of its socket, so that a
 * connection needs no closures.
 */
export class WebSocket implements SocketOptions {
	host = "";
	port = 0;
	secure = false;
	/** As SocketOptions.trust; may be set between connections. */
	trust: Trust | undefined = undefined;
	phase: Phase = Phase.idle;
	/** True from ping() until its Pong came. */
	pinging = false;

	private socket: Socket | null = null;
	private handshake: Handshake | null = null;
	private source: PieceSource | null = null;
	private held = false;
	private reading = false;

	private sendingWhat: number = Sending.nothing;
	private txAt = 0;
	private txEnd = 0;
	private continues = false;
	private pending = 0;
	private pongLength = 0;
	private pingId = 0;

	/** What the handshake left over: rx[inputAt, inputEnd), at most socketReadBytes at the end of rx. */
	private inputAt = 0;
	private inputEnd = 0;
	private state: number = State.head;
	private headAt = 0;
	private headNeed = 2;
	private frame = 0;
	private left = 0;
	private controlAt = 0;
	private fragments = 0;
	private length = 0;
	private utf8 = UTF8_ACCEPT;
	private controls = 0;
	private controlMark = 0;

	/** As in onClosed; to be read before abort(). */
	closeCode = 0;
	/** TransportFault.protocol when the peer's fault ends the connection. */
	fault = 0;
	private closeSeen = false;
	private closeSent = false;

	/** See WebSocketBuffers. */
	readonly rx: Uint8Array;
	readonly tx: Uint8Array;

	constructor(
		private readonly ports: WebSocketHost,
		buffers: WebSocketBuffers,
		private readonly listener: WebSocketListener,
	) {
		this.rx = buffers.rx;
		this.tx = buffers.tx;
	}

	/** True while a message is under way; send() refuses then. */
	get sending(): boolean {
		return this.source !== null || this.sendingWhat === Sending.lastPiece;
	}

	/**
	 * Begins to connect; onOpen or onClosed follows.
	 * @param identity  identity of the station, at most 48 characters without a colon
	 * @param password  of Basic authentication, "" for none
	 * @returns false when the phase is not idle
	 */
	open(endpoint: Endpoint, identity: string, password: string): boolean {
		if (this.phase !== Phase.idle) return false;
		this.reset();
		this.host = endpoint.host;
		this.port = endpoint.port;
		this.secure = endpoint.secure;
		this.handshake = new Handshake(endpoint, identity, password, this.ports.entropy, this.rx);
		this.phase = Phase.connecting;
		this.socket = this.ports.socket.open(this);
		return true;
	}

	/**
	 * Starts to send a text message. It goes out in frames of at most LIMITS.txBytes while the socket takes bytes; the
	 * source is asked for each of them only then. onSent() tells the end and may come before this returns.
	 * @returns false when a message is under way or the phase is not open; nothing was taken then
	 */
	send(source: PieceSource): boolean {
		if (this.phase !== Phase.open || this.sending) return false;
		this.source = source;
		this.continues = false;
		this.push();
		return true;
	}

	/** Sends a Ping, unless the answer to the last one is still awaited. */
	ping(): void {
		if (this.phase !== Phase.open || this.pinging) return;
		this.pinging = true;
		this.pingId = (this.pingId + 1) & 0xffff;
		this.pending |= Pending.ping;
		this.push();
	}

	/**
	 * While on, no more is read after the message at hand, control frames included: the peer is slowed down by its own TCP
	 * window. Off reads what waits, so that onMessage may come before this returns, unless it is called in onMessage.
	 */
	hold(on: boolean): void {
		const was = this.held;
		// A closing connection has to read the peer's Close.
		this.held = on && this.phase === Phase.open;
		if (was && !on) this.readFrames();
	}

	/**
	 * Begins an orderly close; a message under way is cut off between two of its frames. onClosed follows when the peer
	 * has answered; the owner limits that time with abort(). Before onOpen this is abort().
	 */
	close(code: number): void {
		if (this.phase === Phase.open) {
			this.beginClose(Phase.closing, code);
			this.push();
		} else if (this.phase < Phase.open) this.abort();
	}

	/** Cuts the connection; no callback follows. */
	abort(): void {
		const socket = this.socket;
		this.reset();
		if (socket !== null) socket.close();
	}

	private reset(): void {
		this.phase = Phase.idle;
		this.socket = null;
		this.handshake = null;
		this.source = null;
		this.held = false;
		this.pinging = false;
		this.sendingWhat = Sending.nothing;
		this.txAt = this.txEnd = 0;
		this.pending = 0;
		this.inputAt = this.inputEnd = 0;
		this.nextFrame();
		this.fragments = 0;
		this.controls = 0;
		this.closeCode = 0;
		this.closeSeen = this.closeSent = false;
		this.fault = TransportFault.none;
	}

	private finish(httpStatus: number, fault: number): void {
		const closeCode = this.closeCode;
		this.abort();
		this.listener.onClosed(closeCode, httpStatus, fault);
	}

	// Callbacks of the socket.

	onWritable(_count: number): void {
		if (this.phase === Phase.connecting) this.phase = Phase.upgrading;
		this.push();
	}

	onReadable(_count: number): void {
		if (this.phase === Phase.upgrading) this.readAnswer();
		this.readFrames();
	}

	onError(error: number): void {
		if (this.phase === Phase.idle) return;
		// After a Close of ours the end of the socket is what was waited for.
		const ended = this.closeSent || this.closeSeen;
		this.finish(0, this.fault !== TransportFault.none ? this.fault : ended ? TransportFault.none : error);
	}

	// Sending.

	/** Writes what the socket takes and fills tx again when it is empty. */
	private push(): void {
		while (this.phase >= Phase.upgrading) {
			const socket = this.socket as Socket;
			const waiting = this.txEnd - this.txAt;
			if (waiting > 0) {
				const writable = socket.writable;
				if (writable < waiting && writable < WRITE_MIN) return;
				const end = this.txAt + Math.min(waiting, writable);
				socket.write(this.tx, this.txAt, end);
				this.txAt = end;
				if (end < this.txEnd) return;
			}
			const sent = this.sendingWhat;
			this.sendingWhat = Sending.nothing;
			if (sent === Sending.lastPiece) this.listener.onSent();
			else if (sent === Sending.close) {
				this.closeSent = true;
				if (this.closeSeen) this.finish(0, this.fault);
				return;
			} else if (!this.load()) return;
		}
	}

	/** Puts the next frame into tx; false when there is none. Control frames go first (RFC 6455 §5.4). */
	private load(): boolean {
		// One Close is enough, and nothing follows it (RFC 6455 §5.5.1).
		if (this.closeSent) return false;
		if (this.phase === Phase.upgrading) return this.loadRequest();
		const tx = this.tx;
		if ((this.pending & Pending.pong) !== 0) {
			this.pending &= ~Pending.pong;
			tx.copyWithin(PAYLOAD, CONTROL, CONTROL + this.pongLength);
			this.loadFrame(FIN | Opcode.pong, this.pongLength, Sending.control);
			return true;
		}
		if ((this.pending & Pending.ping) !== 0) {
			this.pending &= ~Pending.ping;
			tx[PAYLOAD] = this.pingId >> 8;
			tx[PAYLOAD + 1] = this.pingId & 0xff;
			this.loadFrame(FIN | Opcode.ping, 2, Sending.control);
			return true;
		}
		if ((this.pending & Pending.close) !== 0) {
			this.pending &= ~Pending.close;
			const empty = this.closeCode === CloseCode.noStatus;
			tx[PAYLOAD] = this.closeCode >> 8;
			tx[PAYLOAD + 1] = this.closeCode & 0xff;
			this.loadFrame(FIN | Opcode.close, empty ? 0 : 2, Sending.close);
			return true;
		}
		return this.source !== null && this.loadPiece(this.source);
	}

	private loadRequest(): boolean {
		const handshake = this.handshake as Handshake;
		if (handshake.done) return false;
		this.txAt = 0;
		this.txEnd = handshake.fill(this.tx, 0, CONTROL);
		this.sendingWhat = Sending.request;
		return true;
	}

	private loadPiece(source: PieceSource): boolean {
		const tx = this.tx;
		let end = PAYLOAD;
		while (end < CONTROL && !source.done) {
			const count = source.fill(tx, end, CONTROL);
			if (count === 0) break;
			end += count;
		}
		const last = source.done;
		if (end === PAYLOAD && !last) {
			this.beginClose(Phase.closing, CloseCode.internalError);
			this.listener.onClosing();
			return this.phase === Phase.closing && this.load();
		}
		if (this.ports.observer?.traffic) this.ports.observer.traffic(true, tx, PAYLOAD, end, last);
		const opcode = this.continues ? Opcode.continuation : Opcode.text;
		this.continues = true;
		if (last) this.source = null;
		this.loadFrame(last ? FIN | opcode : opcode, end - PAYLOAD, last ? Sending.lastPiece : Sending.piece);
		return true;
	}

	/** Puts header and mask in front of the payload at PAYLOAD, and masks it in place (RFC 6455 §5.2, §5.3). */
	private loadFrame(head: number, count: number, what: number): void {
		const tx = this.tx;
		const at = count <= CONTROL_MAX ? 2 : 0;
		tx[at] = head;
		if (count <= CONTROL_MAX) tx[at + 1] = MASK_BIT | count;
		else {
			tx[1] = MASK_BIT | 126;
			tx[2] = count >> 8;
			tx[3] = count & 0xff;
		}
		this.ports.entropy.fill(tx, MASK, PAYLOAD);
		applyMask(tx, PAYLOAD, PAYLOAD + count, MASK);
		this.txAt = at;
		this.txEnd = PAYLOAD + count;
		this.sendingWhat = what;
	}

	// Closing.

	/** Nothing but a Close goes out from now on. */
	private beginClose(phase: Phase, code: number): void {
		this.phase = phase;
		this.closeCode = code;
		this.source = null;
		this.held = false;
		this.pending = Pending.close;
	}

	/** Fails the connection for a fault of the peer (RFC 6455 §7.1.7). */
	private fail(code: number): void {
		const wasOpen = this.phase === Phase.open;
		this.fault = TransportFault.protocol;
		this.beginClose(Phase.ending, code);
		this.push();
		if (wasOpen && this.phase === Phase.ending) this.listener.onClosing();
	}

	/** The peer's Close is whole: its payload is in tx[CONTROL, CONTROL + count) (RFC 6455 §5.5.1). */
	private closeReceived(count: number): void {
		const tx = this.tx;
		const code = count === 0 ? CloseCode.noStatus : count === 1 ? 0 : (tx[CONTROL] << 8) | tx[CONTROL + 1];
		if (count > 0 && !isCloseCode(code)) return this.fail(CloseCode.protocolError);
		if (count > 2 && checkUtf8(tx, CONTROL + 2, CONTROL + count, UTF8_ACCEPT) !== UTF8_ACCEPT)
			return this.fail(CloseCode.invalidData);
		const wasOpen = this.phase === Phase.open;
		this.closeSeen = true;
		if (this.closeSent) {
			this.closeCode = code;
			return this.finish(0, this.fault);
		}
		this.beginClose(Phase.ending, code);
		this.push();
		if (wasOpen && this.phase === Phase.ending) this.listener.onClosing();
	}

	// Receiving.

	private readAnswer(): void {
		const rx = this.rx;
		while (this.phase === Phase.upgrading) {
			const handshake = this.handshake as Handshake;
			const count = (this.socket as Socket).read(rx, HEAD_BYTES, LIMITS.rxBytes);
			if (count === 0) return;
			this.inputEnd = HEAD_BYTES + count;
			this.inputAt = handshake.receive(rx, HEAD_BYTES, this.inputEnd);
			if (handshake.fault !== TransportFault.none) return this.finish(handshake.httpStatus, handshake.fault);
			if (!handshake.complete) continue;
			if (!handshake.done || this.txAt < this.txEnd) return this.finish(101, TransportFault.notHttp);
			this.handshake = null;
			this.phase = Phase.open;
			this.controlMark = this.ports.clock.ticks();
			this.listener.onOpen();
		}
	}

	/** Takes up to to - from received bytes to bytes[from, …): what the handshake left over, then the socket's. */
	private take(bytes: Uint8Array, from: number, to: number): number {
		if (this.inputAt === this.inputEnd) return (this.socket as Socket).read(bytes, from, to);
		// The first messages begin at the front of rx, far before what is left over at its end.
		const count = Math.min(to - from, this.inputEnd - this.inputAt);
		for (let i = 0; i < count; i++) bytes[from + i] = this.rx[this.inputAt + i];
		this.inputAt += count;
		return count;
	}

	private readFrames(): void {
		// A listener that ends its hold() inside onMessage is already in the loop below.
		if (this.reading) return;
		this.reading = true;
		try {
			while (!this.held && this.phase >= Phase.open && this.readSome());
		} finally {
			this.reading = false;
		}
	}

	/** Takes one read's worth of bytes; false when none are there. */
	private readSome(): boolean {
		const tx = this.tx;
		switch (this.phase === Phase.ending ? State.skip : this.state) {
			case State.head: {
				const count = this.take(tx, SCRATCH + this.headAt, SCRATCH + this.headNeed);
				this.headAt += count;
				if (this.headAt === this.headNeed) this.header();
				return count > 0;
			}
			case State.text:
				return this.readText();
			case State.control: {
				const at = ((this.frame & 15) === Opcode.pong ? SCRATCH : CONTROL) + this.controlAt;
				const count = this.take(tx, at, at + this.left);
				this.controlAt += count;
				this.left -= count;
				if (this.left === 0) this.controlEnd();
				return count > 0;
			}
			default:
				return this.skip();
		}
	}

	/** Two bytes of a header are there, or all of them (RFC 6455 §5.2). */
	private header(): void {
		const tx = this.tx;
		if (this.headAt === 2) {
			const code = this.headFault(tx[SCRATCH], tx[SCRATCH + 1]);
			if (code !== 0) return this.fail(code);
			this.frame = tx[SCRATCH];
			const length = tx[SCRATCH + 1];
			this.headNeed = length === 126 ? 4 : length === 127 ? 10 : 2;
			if (this.headNeed > 2) return;
			this.left = length;
		} else if (this.headNeed === 4) this.left = (tx[SCRATCH + 2] << 8) | tx[SCRATCH + 3];
		else {
			let length = 0;
			for (let i = SCRATCH + 2; i < SCRATCH + 10; i++) length = length * 256 + tx[i];
			if (length > LENGTH_MAX) return this.fail(CloseCode.tooBig);
			this.left = length;
		}
		this.controlAt = 0;
		if ((this.frame & CONTROL_BIT) === 0) {
			this.state = State.text;
			if (this.left > 0) return;
			const last = (this.frame & FIN) !== 0;
			if (last && this.ports.observer?.traffic) this.ports.observer.traffic(false, this.rx, 0, 0, true);
			return this.textEnd();
		}
		const opcode = this.frame & 15;
		// A Ping that is read now takes the place of one that was not answered yet (RFC 6455 §5.5.3).
		if (opcode === Opcode.ping) this.pending &= ~Pending.pong;
		// A Pong that is no echo of ours is of no interest (RFC 6455 §5.5.3).
		this.state = opcode === Opcode.pong && this.left !== 2 ? State.skip : State.control;
		if (this.left === 0) this.controlEnd();
	}

	/** Close code for the first two bytes of a header, 0 if they are right. Counts the frame. */
	private headFault(head: number, length: number): number {
		const opcode = head & 15;
		if ((head & 0x70) !== 0 || (length & MASK_BIT) !== 0) return CloseCode.protocolError;
		if ((opcode & CONTROL_BIT) !== 0) {
			if (opcode > Opcode.pong || (head & FIN) === 0 || length > CONTROL_MAX) return CloseCode.protocolError;
			return this.controlAllowed() ? 0 : CloseCode.policyViolation;
		}
		if (opcode > Opcode.binary) return CloseCode.protocolError;
		if ((opcode === Opcode.continuation) !== (this.fragments > 0)) return CloseCode.protocolError;
		if (opcode === Opcode.binary) return CloseCode.unsupportedData;
		if (this.fragments === 0) {
			this.length = 0;
			this.utf8 = UTF8_ACCEPT;
		}
		return ++this.fragments > LIMITS.fragmentsMax ? CloseCode.policyViolation : 0;
	}

	/** At most LIMITS.fragmentsMax control frames in a window of time, unless messages come between them. */
	private controlAllowed(): boolean {
		const clock = this.ports.clock;
		const ageMs = clock.since(this.controlMark);
		if (ageMs >= LIMITS.controlWindowMs || ageMs < 0) {
			this.controlMark = clock.ticks();
			this.controls = 0;
		}
		return ++this.controls <= LIMITS.fragmentsMax;
	}

	/** Reads payload of a text frame straight into rx; what is too much for it goes over its end. False without bytes. */
	private readText(): boolean {
		const rx = this.rx;
		const from = this.length < LIMITS.rxBytes ? this.length : HEAD_BYTES;
		const count = this.take(rx, from, from + Math.min(this.left, LIMITS.rxBytes - from));
		if (count === 0) return false;
		this.utf8 = checkUtf8(rx, from, from + count, this.utf8);
		if (this.utf8 === UTF8_REJECT) {
			this.fail(CloseCode.invalidData);
			return true;
		}
		this.length += count;
		this.left -= count;
		const last = this.left === 0 && (this.frame & FIN) !== 0;
		if (this.ports.observer?.traffic) this.ports.observer.traffic(false, rx, from, from + count, last);
		if (this.left === 0) this.textEnd();
		return true;
	}

	private textEnd(): void {
		const last = (this.frame & FIN) !== 0;
		this.nextFrame();
		if (!last) return;
		if (this.utf8 !== UTF8_ACCEPT) return this.fail(CloseCode.invalidData);
		this.fragments = 0;
		this.controls = 0;
		if (this.phase === Phase.open) this.listener.onMessage(this.length);
	}

	private controlEnd(): void {
		const tx = this.tx;
		const opcode = this.frame & 15;
		const count = this.controlAt;
		this.nextFrame();
		if (opcode === Opcode.close) return this.closeReceived(count);
		if (this.phase !== Phase.open) return;
		if (opcode === Opcode.ping) {
			this.pongLength = count;
			this.pending |= Pending.pong;
			this.push();
		} else if (count === 2 && ((tx[SCRATCH] << 8) | tx[SCRATCH + 1]) === this.pingId) this.pinging = false;
	}

	/** Throws away the payload at hand, and when ending all that comes. False when no bytes are there. */
	private skip(): boolean {
		const all = this.phase === Phase.ending;
		// A Ping whose Pong is owed keeps its payload; when ending none is owed.
		const from = all ? CONTROL : SCRATCH;
		const count = this.take(this.tx, from, all ? TX_BUFFER_BYTES : from + Math.min(this.left, SCRATCH_BYTES));
		if (count === 0) return false;
		if (all) return true;
		this.left -= count;
		if (this.left === 0) this.nextFrame();
		return true;
	}

	private nextFrame(): void {
		this.state = State.head;
		this.headAt = 0;
		this.headNeed = 2;
		this.left = 0;
	}
}

/** The buffers of one WebSocket, in the sizes of LIMITS. */
export function newWebSocketBuffers(): WebSocketBuffers {
	return {
		rx: new Uint8Array(LIMITS.rxBytes),
		tx: new Uint8Array(TX_BUFFER_BYTES),
	};
}
