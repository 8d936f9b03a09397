// The TLS client of the firmware on XS, driven from Node: stands where tests of TLS on Node use node:tls. The machine runs
// test-host/xs/firmware/tls-client.ts; its plain sockets are those of this process.

import { VirtualClock } from "../board/clock.js";
import { NodeEntropy } from "../board/entropy.js";
import { NodeSocketMaker } from "../board/socket-node.js";
import type { Host } from "../../modules/ports/host.js";
import type { SocketMaker } from "../../modules/ports/socket.js";
import { XsStation, type XsMemory, type XsProgram } from "./xs-station.js";

const MAIN = "test-host/xs/firmware/tls-client";
const WORDS = 24;
const BLOCK_BYTES = 4096;
const BLOCKS = 8;
const Ask = { open: 1, send: 2, close: 3, hold: 4, visit: 5 } as const;
const Told = { open: 1, error: 2, accepted: 3, refused: 4, received: 5, sent: 6, visited: 7 } as const;

/** Whom the client trusts, and as whom it shows itself. */
export interface ClientTrust {
	/** In DER. */
	roots: readonly Uint8Array[];
	/** NaN for a clock that was never set. */
	utcMs: number;
	floorMs: number;
	/** Private key, then certificates, its own first. */
	own?: readonly Uint8Array[];
	accepted?(notBeforeMs: number, notAfterMs: number): void;
	refused?(error: number): void;
}

export interface ClientSettings {
	inputBytes: number;
	fragmentBytes: number;
}

/** What has happened on the present connection. */
export interface Seen {
	isOpen: boolean;
	/** SocketError that ended it, 0 while it stands. */
	error: number;
	/** Bytes that came, and how many of them were not those of the pattern. */
	received: number;
	wrong: number;
	sent: number;
}

export class XsTlsClient {
	seen: Seen = { isOpen: false, error: 0, received: 0, wrong: 0, sent: 0 };
	private readonly station: XsStation;
	private readonly flash = new Uint8Array(BLOCK_BYTES * BLOCKS);
	private readonly clock = new VirtualClock();
	private trust: ClientTrust | undefined;
	private host = "";
	private waiting: (() => void)[] = [];
	private visited = 0;

	/**
	 * @param host    the name that servers are asked for
	 * @param socket  makes the plain sockets
	 */
	constructor(program: XsProgram, host = "localhost", socket: SocketMaker = new NodeSocketMaker()) {
		this.host = host;
		const { flash } = this;
		const board: Host = {
			clock: this.clock,
			entropy: new NodeEntropy(),
			flash: {
				blockBytes: BLOCK_BYTES,
				blocks: BLOCKS,
				read: (at, bytes, count) => bytes.set(flash.subarray(at, at + count)),
				write: () => undefined,
				eraseBlock: () => undefined,
			},
			socket,
			evses: [],
			reader: { idToken: "", type: "" },
			log: { event: (code, a, b) => this.told(code, a, b) },
			identity: {
				identity: host, url: "", password: "", securityProfile: 2, vendorName: "", model: "", serialNumber: "", firmwareVersion: "",
			},
			restart: () => undefined,
			wake: () => undefined,
		};
		this.station = new XsStation(board, { program: { ...program, main: MAIN }, creation: { static: 131_072, stack: 1024 } });
	}

	get name(): string {
		return this.host;
	}

	/** Begins to connect. */
	open(port: number, trust: ClientTrust, settings: ClientSettings): void {
		this.trust = trust;
		this.clock.set(trust.utcMs);
		const own = trust.own ?? [];
		const items = [...trust.roots, ...own];
		const words = new Int32Array(this.flash.buffer, 0, WORDS);
		words.fill(0);
		words.set([port, settings.inputBytes, settings.fragmentBytes, Math.floor(trust.floorMs / 1000), trust.roots.length, own.length,
			...items.map((item) => item.length)]);
		let at = WORDS * 4;
		for (const item of items) {
			this.flash.set(item, at);
			at += item.length;
		}
		this.seen = { isOpen: false, error: 0, received: 0, wrong: 0, sent: 0 };
		this.station.post(Ask.open, 0, 0);
	}

	/** Sends so many more bytes of the pattern. */
	send(bytes: number): void {
		this.station.post(Ask.send, 0, bytes);
	}

	/** Makes a second connection beside the first, with the same trust, and ends it; resolves with 0 or its SocketError. */
	async visit(port: number): Promise<number> {
		this.visited = -1;
		this.station.post(Ask.visit, 0, port);
		await this.until(() => this.visited >= 0);
		return this.visited;
	}

	/** While on, the client does not read. */
	hold(on: boolean): void {
		this.station.post(Ask.hold, 0, on ? 1 : 0);
	}

	close(): void {
		this.station.post(Ask.close, 0, 0);
	}

	/** Resolves when `holds`, which is looked at whenever something was told. */
	until(holds: (seen: Seen) => boolean): Promise<void> {
		return new Promise((resolve) => {
			const look = (): void => {
				if (holds(this.seen)) resolve();
				else this.waiting.push(look);
			};
			look();
		});
	}

	/** Opens; resolves with 0 when the connection stands, or with its SocketError. */
	async connect(port: number, trust: ClientTrust, settings: ClientSettings): Promise<number> {
		this.open(port, trust, settings);
		await this.until((seen) => seen.isOpen || seen.error !== 0);
		return this.seen.error;
	}

	/** Memory of the machine and of TLS beside it; garbage is collected first. */
	memory(newPeaks = false): XsMemory {
		return this.station.memory(true, newPeaks);
	}

	/** How often bytes are in the machine's memory, used or left over. */
	timesInMemory(bytes: Uint8Array): number {
		return this.station.timesInMemory(bytes);
	}

	/** See XsStation.failTls. */
	failTls(n: number): void {
		this.station.failTls(n);
	}

	/** Ends the connection and gives the machine back. */
	end(): void {
		this.station.stop();
	}

	private told(code: number, a: number, b: number): void {
		const { seen } = this;
		switch (code) {
			case Told.open:
				seen.isOpen = true;
				break;
			case Told.error:
				seen.error = a;
				break;
			case Told.accepted:
				this.trust?.accepted?.(a, b);
				break;
			case Told.refused:
				this.trust?.refused?.(a);
				break;
			case Told.received:
				seen.received = a;
				seen.wrong = b;
				break;
			case Told.sent:
				seen.sent = a;
				break;
			case Told.visited:
				this.visited = a;
				break;
		}
		// From an empty stack: who waits may give the next command at once.
		const looks = this.waiting.splice(0);
		setImmediate(() => looks.forEach((look) => look()));
	}
}
