// A CSMS for tests and demonstrations, on the library `ocpp-rpc` in strict mode. It says yes to everything unless told
// otherwise, records every message, and has the oracle judge them.
// Source: OCPP 2.0.1 Part 2 (answers), Part 4 §3 (connection, Basic authentication).

import { EventEmitter } from "node:events";
import type { AddressInfo } from "node:net";
import { createRPCError, NOREPLY, RPCServer } from "ocpp-rpc";
import { Oracle, type Frame, type Violation } from "./oracle.js";

/** A frame with the time of its passing. */
export interface RecordedMessage extends Frame {
	atMs: number;
	identity: string;
	text: string;
}

/** The library's side of one connection, as far as it is used here. */
interface Connection extends EventEmitter {
	readonly identity: string;
	readonly handshake: { readonly password: Buffer | undefined; readonly protocols: Set<string> };
	handle(handler: (request: { method: string; params: unknown; messageId: string }) => unknown): void;
	call(action: string, payload: object, options?: { callTimeoutMs?: number }): Promise<unknown>;
	sendRaw(text: string): void;
	close(options: { code?: number; reason?: string; force?: boolean }): Promise<unknown>;
}

/** Makes the answer to a CALL of the station; WITHHOLD gives none, a thrown rpcError() becomes a CALLERROR. */
export type Answer = (payload: unknown, identity: string) => unknown;

/** As an answer: the station hears nothing. */
export const WITHHOLD: unique symbol = NOREPLY as never;

/** Throw this from an Answer to make a CALLERROR. */
export function rpcError(code: string, description: string = ""): Error {
	return createRPCError(code, description, {}) as Error;
}

export interface CsmsOptions {
	/** Port on loopback; 0 picks a free one. */
	port?: number;
	/**
	 * Passwords by identity; an identity that is not named, or has another password, is refused with 401. null: it may send
	 * none, because it is known by its certificate.
	 */
	passwords?: { readonly [identity: string]: string | null };
	/** Seconds in the BootNotificationResponse. */
	heartbeatSeconds?: number;
	/** Milliseconds until a CALL of the CSMS is given up. */
	callTimeoutMs?: number;
	/** Milliseconds between the server's pings; 0 for none. */
	pingIntervalMs?: number;
}

/** Actions of the station that need an answer of more than `{}`, and the answer that means yes. */
const YES: { readonly [action: string]: (csms: ScriptedCsms) => object } = {
	Authorize: () => ({ idTokenInfo: { status: "Accepted" } }),
	BootNotification: (csms) => ({ currentTime: csms.now(), interval: csms.heartbeatSeconds, status: "Accepted" }),
	DataTransfer: () => ({ status: "Accepted" }),
	Heartbeat: (csms) => ({ currentTime: csms.now() }),
	SignCertificate: () => ({ status: "Accepted" }),
};

export class ScriptedCsms {
	/** Every message, in the order of passing. */
	readonly messages: RecordedMessage[] = [];
	/** What the library's strict mode refused, in one line each. */
	readonly refused: string[] = [];
	/** Connections since the start; upgrades that were refused. */
	connections = 0;
	handshakesRefused = 0;
	heartbeatSeconds: number;
	/** Time of day of this CSMS; a test may put its own. */
	clockMs: () => number = () => Date.now();

	private readonly events = new EventEmitter();
	private readonly server: RPCServer;
	private readonly oracles = new Map<string, Oracle>();
	private readonly clients = new Map<string, Connection>();
	private readonly scripts = new Map<string, Answer[]>();
	private readonly standing = new Map<string, Answer>();
	private portNow = 0;

	private constructor(private readonly options: CsmsOptions) {
		this.heartbeatSeconds = options.heartbeatSeconds ?? 300;
		this.events.setMaxListeners(0);
		this.server = new RPCServer({
			protocols: ["ocpp2.0.1"],
			strictMode: true,
			callTimeoutMs: options.callTimeoutMs ?? 10_000,
			pingIntervalMs: options.pingIntervalMs ?? 0,
		});
		this.server.auth((accept, reject, handshake) => {
			const expected = this.options.passwords?.[handshake.identity];
			const given = handshake.password?.toString("utf8") ?? null;
			const isKnown = this.options.passwords === undefined || (expected !== undefined && given === expected);
			if (isKnown) accept();
			else {
				this.handshakesRefused++;
				reject(401, "Unauthorized");
			}
		});
		this.server.on("client", (client: Connection) => this.serve(client));
	}

	/** Starts a CSMS on loopback. */
	static async open(options: CsmsOptions = {}): Promise<ScriptedCsms> {
		const csms = new ScriptedCsms(options);
		const http = await csms.server.listen(options.port ?? 0, "127.0.0.1");
		csms.portNow = (http.address() as AddressInfo).port;
		return csms;
	}

	/** Endpoint without the identity. */
	get url(): string {
		return `ws://127.0.0.1:${this.portNow}/ocpp`;
	}

	/** Present time of day as it is sent. */
	now(): string {
		return new Date(this.clockMs()).toISOString();
	}

	/** What the oracle found wrong, of all stations. */
	get violations(): Violation[] {
		return [...this.oracles.values()].flatMap((oracle) => oracle.violations);
	}

	/** Identity of a station that is connected now, or undefined. */
	get connected(): string | undefined {
		return this.clients.keys().next().value;
	}

	/** Gives all further CALLs of `action` this answer: an object, WITHHOLD, or a function. */
	always(action: string, answer: Answer | object | symbol): void {
		this.standing.set(action, typeof answer === "function" ? (answer as Answer) : () => answer);
	}

	/** Gives the next CALL of `action` this answer, before what always() says; several queue up. */
	once(action: string, answer: Answer | object | symbol): void {
		const queue = this.scripts.get(action) ?? [];
		queue.push(typeof answer === "function" ? (answer as Answer) : () => answer);
		this.scripts.set(action, queue);
	}

	/** The next BootNotification gets this status and interval in seconds. */
	bootOnce(status: "Accepted" | "Pending" | "Rejected", interval: number): void {
		this.once("BootNotification", () => ({ currentTime: this.now(), interval, status }));
	}

	/** An answer that comes `delayMs` later than it would. */
	delayed(delayMs: number, answer: Answer | object): Answer {
		return async (payload, identity) => {
			await new Promise((resolve) => setTimeout(resolve, delayMs));
			return typeof answer === "function" ? (answer as Answer)(payload, identity) : answer;
		};
	}

	/**
	 * Calls the station.
	 * @returns the payload of its CALLRESULT; a CALLERROR or a timeout rejects
	 */
	call(action: string, payload: object, identity?: string): Promise<unknown> {
		return this.client(identity).call(action, payload);
	}

	/** Sends a text as it is, for frames that no library would send. */
	sendRaw(text: string, identity?: string): void {
		this.client(identity).sendRaw(text);
	}

	/** Ends the connection; with `force` without a closing handshake. */
	async disconnect(force: boolean = false, identity?: string): Promise<void> {
		await this.client(identity).close(force ? { force } : { code: 1000 });
	}

	/** Messages that `wanted` accepts, those that passed already included. */
	find(wanted: (message: RecordedMessage) => boolean, from: number = 0): RecordedMessage[] {
		return this.messages.slice(from).filter(wanted);
	}

	/** CALLs of the station with this action. */
	calls(action: string, from: number = 0): RecordedMessage[] {
		return this.find((message) => message.fromStation && message.type === 2 && message.action === action, from);
	}

	/**
	 * Waits for a message.
	 * @param from  index into `messages` at which to begin, so that one can wait for what comes after something
	 * @throws when none came within `timeoutMs` milliseconds
	 */
	async waitFor(wanted: (message: RecordedMessage) => boolean, what: string, timeoutMs: number = 10_000, from: number = 0): Promise<RecordedMessage> {
		const there = this.messages.slice(from).find(wanted);
		if (there !== undefined) return there;
		return new Promise((resolve, reject) => {
			const take = (message: RecordedMessage): void => {
				if (!wanted(message)) return;
				clearTimeout(timer);
				this.events.off("message", take);
				resolve(message);
			};
			const timer = setTimeout(() => {
				this.events.off("message", take);
				reject(new Error(`no ${what} within ${timeoutMs / 1000} s`));
			}, timeoutMs);
			this.events.on("message", take);
		});
	}

	/** Waits for a CALL of the station. */
	waitForCall(action: string, accepts: (payload: never) => boolean = () => true, timeoutMs: number = 10_000, from: number = 0): Promise<RecordedMessage> {
		const wanted = (message: RecordedMessage): boolean =>
			message.fromStation && message.type === 2 && message.action === action && accepts(message.payload as never);
		return this.waitFor(wanted, action, timeoutMs, from);
	}

	/** Calls `listener` for every message from now on. */
	onMessage(listener: (message: RecordedMessage) => void): void {
		this.events.on("message", listener);
	}

	/** Ends all connections and the server. */
	async close(): Promise<void> {
		for (const client of this.clients.values()) await client.close({ force: true }).catch(() => undefined);
		await this.server.close({ code: 1001, force: true }).catch(() => undefined);
	}

	private client(identity: string | undefined): Connection {
		const client = identity === undefined ? this.clients.values().next().value : this.clients.get(identity);
		if (client === undefined) throw new Error("no station is connected");
		return client;
	}

	private serve(client: Connection): void {
		const identity = client.identity;
		this.connections++;
		this.clients.set(identity, client);
		let oracle = this.oracles.get(identity);
		if (oracle === undefined) this.oracles.set(identity, (oracle = new Oracle()));
		const judge = oracle;
		judge.connected();
		client.on("message", ({ message, outbound }: { message: string | Buffer; outbound: boolean }) => {
			const text = message.toString();
			const recorded: RecordedMessage = { ...judge.observe(!outbound, text), atMs: this.clockMs(), identity, text };
			this.messages.push(recorded);
			this.events.emit("message", recorded);
		});
		client.on("strictValidationFailure", ({ method, error, outbound }: { method: string; error: Error; outbound: boolean }) => {
			if (!outbound) this.refused.push(`${method}: ${error.message}`);
		});
		client.on("badMessage", ({ error }: { error: Error }) => this.refused.push(error.message));
		client.on("close", () => {
			if (this.clients.get(identity) === client) this.clients.delete(identity);
		});
		client.on("socketError", () => undefined);
		client.handle(async ({ method, params }) => {
			const script = this.scripts.get(method)?.shift() ?? this.standing.get(method);
			const answer = script === undefined ? (YES[method]?.(this) ?? {}) : await script(params, identity);
			// The station will give up; what it sends next is then no second open CALL.
			if (answer === NOREPLY) judge.abandon();
			return answer;
		});
	}
}
