// The connection to the CSMS: when to connect, when to give up, when to ping. Owns: the WebSocket, the back-off, the
// clock of the time without a connection. Not what is said on it (rpc.ts). It moves only in step() and in callbacks
// of the socket.
// Source: OCPP 2.0.1 Part 4 §5.2, §5.3 and its errata; B04, B10.

import { freeze } from "../../preload/freeze.js";
import { LIMITS } from "../../preload/limits.js";
import { LogCode } from "../ports/events.js";
import type { Log } from "../ports/log.js";
import type { Trust } from "../ports/socket.js";
import { TransportFault } from "./faults.js";
import { newEndpoint, parseUrl } from "./url.js";
import {
	CloseCode,
	WebSocket,
	type PieceSource,
	type WebSocketBuffers,
	type WebSocketHost,
	type WebSocketListener,
} from "./websocket.js";

export interface ConnectionHost extends WebSocketHost {
	readonly log: Log;
	/** Asks for a step() soon. */
	wake(): void;
}

/** How long to wait between attempts; variables of OCPPCommCtrlr. */
export interface BackOffSettings {
	/** RetryBackOffWaitMinimum. */
	readonly waitMinimumSeconds: number;
	/** RetryBackOffRandomRange. */
	readonly randomRangeSeconds: number;
	/** RetryBackOffRepeatTimes: how often the wait is doubled. */
	readonly repeatTimes: number;
}

/**
 * Wait before the next attempt: the minimum, doubled per failure but at most repeatTimes times, plus a new random part
 * (Part 4 §5.3; errata: from the minimum again after a success).
 * @param failures  waits since the last success; 0 for the first one, after the loss of a connection
 * @param fraction  chance, in [0, 1)
 */
export function backOffMs(settings: BackOffSettings, failures: number, fraction: number): number {
	const randomMs = Math.floor(fraction * (Math.max(0, settings.randomRangeSeconds) * 1000 + 1));
	const doublings = Math.max(0, Math.min(failures, settings.repeatTimes));
	const baseMs = Math.max(0, settings.waitMinimumSeconds) * 1000 * Math.pow(2, doublings);
	return Math.max(LIMITS.backOffMsMin, Math.min(LIMITS.backOffMsMax, baseMs + randomMs));
}

/** Variables of OCPPCommCtrlr; read whenever they are needed, so that a change applies at once. */
export interface ConnectionSettings extends BackOffSettings {
	/** WebSocketPingInterval; 0 sends no pings. */
	readonly pingIntervalSeconds: number;
	/** MessageTimeout: bounds connecting and the wait for a Pong; at least 1 is used. */
	readonly timeoutSeconds: number;
}

/** Where to connect and as whom; read at each attempt, so that a new password applies to the next one. */
export interface ConnectionProfile {
	/** Configuration slot, for the log. */
	readonly slot: number;
	/** ws:// or wss://, without the identity. */
	readonly url: string;
	readonly identity: string;
	/** "" for none. */
	readonly password: string;
	/** Called before each attempt with the attempts that have failed since the last success: the time to change. */
	choose?(attempts: number): void;
}

/** All of them come from callbacks of the socket or from inside step(); onSent also from inside send(). */
export interface ConnectionListener {
	/** Messages may be sent. Connection.offlineMs still says how long there was no connection (B04). */
	onOpen(): void;
	/** As WebSocketListener.onMessage. */
	onMessage(length: number): void;
	onSent(): void;
	/** Comes once for every onOpen: a message under way is lost, replies will not come. */
	onClosed(): void;
}

export const enum ConnectionState {
	/** Not started, or stopped. */
	idle = 0,
	/** Waits for the next attempt. */
	waiting = 1,
	/** Socket and upgrade are under way. */
	opening = 2,
	open = 3,
	/** Close handshake; no messages pass any more. */
	closing = 4,
}

const enum Event { started = 0, due = 1, opened = 2, closing = 3, lost = 4, stopped = 5 }
const EVENTS = 6;
const REFUSED = 0xff;
const X = REFUSED;

// NEXT[state * EVENTS + event]
const NEXT = freeze(
	Uint8Array.of(
		// started due opened closing lost stopped
		1, X, X, X, X, 0, // idle
		1, 2, X, X, X, 0, // waiting
		X, X, 3, X, 1, 0, // opening
		X, X, X, 4, 1, 0, // open
		X, X, X, X, 1, 0, // closing
	),
);

/** What follows when the connection at hand has ended. */
const enum After { backOff = 0, atOnce = 1, stay = 2 }

/** nextDueMs when nothing is due: about 12 days, well inside the 32-bit clock. */
export const NEVER_MS = 0x3fffffff;

export class Connection implements WebSocketListener {
	state: ConnectionState = ConnectionState.idle;
	/** The profile of the next attempt; to change it for good, set it and close(true). */
	profile: ConnectionProfile;
	/** Waits of the back-off since the last success; the loss of a connection that stood counts as one. */
	failures = 0;
	/** Attempts to connect that failed since the last success. */
	attempts = 0;
	/** Why the last connection or attempt ended: TransportFault or SocketError. */
	fault = 0;
	/** HTTP status of the last refused upgrade, 0 if the last end was another. */
	httpStatus = 0;
	/** Milliseconds without a connection: the running time while there is none, else that before the present one. */
	offlineMs = 0;
	/** Events that came in a state that does not know them; stays 0. */
	refused = 0;

	private readonly socket: WebSocket;
	private mark = 0;
	private waitMs = 0;
	private pingMark = 0;
	private offlineMark = 0;
	private after: number = After.backOff;
	private wasOpen = false;

	constructor(
		private readonly host: ConnectionHost,
		private readonly settings: ConnectionSettings,
		profile: ConnectionProfile,
		private readonly listener: ConnectionListener,
		buffers: WebSocketBuffers,
	) {
		this.profile = profile;
		this.socket = new WebSocket(host, buffers, this);
		this.offlineMark = host.clock.ticks();
	}

	/** What TLS judges servers by. */
	set trust(trust: Trust) {
		this.socket.trust = trust;
	}

	/** The buffer of onMessage. */
	get rx(): Uint8Array {
		return this.socket.rx;
	}

	get isOpen(): boolean {
		return this.state === ConnectionState.open;
	}

	/** True while a message is under way; send() refuses then. */
	get sending(): boolean {
		return this.socket.sending;
	}

	/** See WebSocket.send; false when there is no connection or a message is under way. */
	send(source: PieceSource): boolean {
		return this.state === ConnectionState.open && this.socket.send(source);
	}

	/** See WebSocket.hold. */
	hold(on: boolean): void {
		this.socket.hold(on);
	}

	/** Asks for a sign of life now; without one within the message timeout the connection is cut (Part 4 §5.2). */
	probe(): void {
		if (this.state !== ConnectionState.open || this.socket.pinging) return;
		this.pingMark = this.host.clock.ticks();
		this.socket.ping();
		this.host.wake();
	}

	/** Connects at the next step() and from then on whenever there is no connection; takes back a stop(). */
	start(): void {
		if (this.state === ConnectionState.idle) {
			this.enter(Event.started);
			this.waitMs = 0;
		} else if (this.after === After.stay) this.after = After.atOnce;
		this.host.wake();
	}

	/**
	 * Ends the connection at hand in an orderly way, then connects again: at once (a new password or profile) or after a
	 * back-off. While there is none, atOnce cuts the wait short. onClosed comes when the peer has answered or
	 * LIMITS.closeMs have passed.
	 */
	close(reconnectAtOnce: boolean): void {
		if (this.state !== ConnectionState.idle) this.end(reconnectAtOnce ? After.atOnce : After.backOff, CloseCode.normal);
	}

	/** As close(), but stays without a connection until start(). */
	stop(): void {
		if (this.state !== ConnectionState.idle) this.end(After.stay, CloseCode.goingAway);
	}

	private end(after: number, code: number): void {
		// A stop() outlives a close(), and a close(true) a close(false).
		if (after > this.after) this.after = after;
		if (this.state === ConnectionState.open) {
			this.enter(Event.closing);
			this.socket.close(code);
		} else if (this.state === ConnectionState.opening) {
			this.socket.abort();
			this.ended();
		} else if (this.state === ConnectionState.waiting) {
			if (after === After.stay) this.enter(Event.stopped);
			else if (after === After.atOnce) this.waitMs = 0;
			this.after = After.backOff;
		}
		this.host.wake();
	}

	/** Does what is due. Call it after wake() and when nextDueMs have passed. */
	step(): void {
		this.countOffline();
		const ageMs = this.host.clock.since(this.mark);
		switch (this.state) {
			case ConnectionState.waiting:
				if (ageMs >= this.waitMs) this.connect();
				break;
			case ConnectionState.opening:
				if (ageMs >= this.timeoutMs()) this.cut(TransportFault.openTimeout);
				break;
			case ConnectionState.open:
				this.pingStep();
				break;
			case ConnectionState.closing:
				if (ageMs >= LIMITS.closeMs) this.cut(this.socket.fault || TransportFault.closeTimeout);
				break;
			default:
				break;
		}
	}

	/** Milliseconds until step() has something to do, NEVER_MS at most. */
	get nextDueMs(): number {
		const clock = this.host.clock;
		const ageMs = clock.since(this.mark);
		switch (this.state) {
			case ConnectionState.waiting:
				return Math.max(0, this.waitMs - ageMs);
			case ConnectionState.opening:
				return Math.max(0, this.timeoutMs() - ageMs);
			case ConnectionState.open: {
				const limitMs = this.socket.pinging ? this.timeoutMs() : this.pingIntervalMs();
				return limitMs === 0 ? NEVER_MS : Math.max(0, Math.min(NEVER_MS, limitMs - clock.since(this.pingMark)));
			}
			case ConnectionState.closing:
				return Math.max(0, LIMITS.closeMs - ageMs);
			default:
				return NEVER_MS;
		}
	}

	private timeoutMs(): number {
		return Math.min(NEVER_MS, Math.max(1, this.settings.timeoutSeconds) * 1000);
	}

	private pingIntervalMs(): number {
		return Math.min(NEVER_MS, Math.max(0, this.settings.pingIntervalSeconds) * 1000);
	}

	/** Sums the time without a connection in pieces, since the clock wraps after 24 days. */
	private countOffline(): void {
		if (this.state === ConnectionState.open) return;
		this.offlineMs += this.host.clock.since(this.offlineMark);
		this.offlineMark = this.host.clock.ticks();
	}

	private pingStep(): void {
		const ageMs = this.host.clock.since(this.pingMark);
		if (this.socket.pinging) {
			if (ageMs >= this.timeoutMs()) this.cut(TransportFault.pongTimeout);
			return;
		}
		const intervalMs = this.pingIntervalMs();
		if (intervalMs > 0 && ageMs < intervalMs) return;
		this.pingMark = this.host.clock.ticks();
		if (intervalMs > 0) this.socket.ping();
	}

	private enter(event: number): boolean {
		const next = NEXT[this.state * EVENTS + event];
		if (next === REFUSED) {
			this.refused++;
			return false;
		}
		if (this.state === ConnectionState.open) {
			this.offlineMs = 0;
			this.offlineMark = this.host.clock.ticks();
		}
		this.state = next as ConnectionState;
		this.mark = this.host.clock.ticks();
		return true;
	}

	private connect(): void {
		this.enter(Event.due);
		const profile = this.profile;
		profile.choose?.(this.attempts);
		const endpoint = newEndpoint();
		const fault = parseUrl(profile.url, endpoint);
		if (fault !== TransportFault.none) return this.onClosed(0, 0, fault);
		this.host.log.event(LogCode.connecting, profile.slot, endpoint.secure ? 2 : 1);
		this.socket.open(endpoint, profile.identity, profile.password);
	}

	/** Ends a connection that nobody else will end. */
	private cut(fault: number): void {
		const closeCode = this.socket.closeCode;
		this.socket.abort();
		this.onClosed(closeCode, 0, fault);
	}

	private backOffMs(): number {
		// Nothing is being sent any more.
		const random = this.socket.tx;
		this.host.entropy.fill(random, 0, 4);
		const word = ((random[0] << 8) | random[1]) * 65536 + ((random[2] << 8) | random[3]);
		return backOffMs(this.settings, this.failures, word / 4294967296);
	}

	/** The connection or attempt at hand is over and its socket gone. */
	private ended(): void {
		const wasOpen = this.wasOpen;
		const after = this.after;
		this.wasOpen = false;
		if (!wasOpen) this.attempts++;
		this.after = After.backOff;
		this.enter(after === After.stay ? Event.stopped : Event.lost);
		if (after === After.backOff) {
			this.waitMs = this.backOffMs();
			this.failures++;
		} else this.waitMs = 0;
		if (wasOpen) this.listener.onClosed();
		this.host.wake();
	}

	// Callbacks of the WebSocket.

	onOpen(): void {
		this.countOffline();
		if (!this.enter(Event.opened)) return;
		this.failures = this.attempts = 0;
		this.fault = this.httpStatus = 0;
		this.wasOpen = true;
		this.pingMark = this.host.clock.ticks();
		this.host.log.event(LogCode.connected, this.profile.slot, 0);
		this.listener.onOpen();
		this.host.wake();
	}

	onMessage(length: number): void {
		if (this.state === ConnectionState.open) this.listener.onMessage(length);
	}

	onSent(): void {
		this.listener.onSent();
	}

	onClosing(): void {
		if (this.state === ConnectionState.open) this.enter(Event.closing);
		this.host.wake();
	}

	onClosed(closeCode: number, httpStatus: number, fault: number): void {
		this.countOffline();
		this.fault = fault;
		this.httpStatus = httpStatus;
		if (this.wasOpen || fault < TransportFault.notHttp) this.host.log.event(LogCode.disconnected, closeCode, fault);
		else this.host.log.event(LogCode.handshakeRefused, httpStatus, fault);
		this.ended();
	}
}
