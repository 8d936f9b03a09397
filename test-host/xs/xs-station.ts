// The firmware on XS as a FirmwareStation: stands where `new Station(host)` stands on Node. The firmware runs in the test
// host's process (test-host/xs), everything else stays here. Calls go through pipes and are waited for, so the board, its
// clock and its flash behave exactly as they do on Node.
// The messages are those of ports.c.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, dirname } from "node:path";
import "../board/xs-globals.js";
import { StoreFault } from "../../modules/station/station.js";
import type { MeterReading } from "../../modules/ports/evse-port.js";
import type { Host } from "../../modules/ports/host.js";
import type { Socket } from "../../modules/ports/socket.js";

/** What scripts/xs.cjs prepares. */
export interface XsProgram {
	host: string;
	/** Of a pointer. */
	bits: number;
	root: string;
	list: string;
	main: string;
}

/** Sizes of the firmware's machine, as `creation` of a manifest has them; what is not given is the ESP8266's. */
export interface Creation {
	/** Bytes for slots, stack and chunks together: a hard wall. */
	static?: number;
	chunk?: number;
	chunkInc?: number;
	heap?: number;
	heapInc?: number;
	stack?: number;
	keys?: number;
}

/** What the manifest of a board gives the firmware: boards/<board>/manifest.json. */
export function boardCreation(board: string): Creation {
	const { creation } = JSON.parse(readFileSync(join(projectRoot(), "boards", board, "manifest.json"), "utf8")) as {
		creation: { static: number; stack: number; chunk: Growing; heap: Growing };
	};
	return {
		static: creation.static, stack: creation.stack, chunk: creation.chunk.initial, chunkInc: creation.chunk.incremental,
		heap: creation.heap.initial, heapInc: creation.heap.incremental,
	};
}

/** The same memory on a machine of so many bits: on 64 everything is twice as large. */
export function creationOn({ bits }: XsProgram, creation: Creation): Creation {
	return bits === 64 && creation.static !== undefined ? { ...creation, static: 2 * creation.static } : creation;
}

interface Growing {
	initial: number;
	incremental: number;
}

/** Memory of the firmware, in bytes unless said otherwise. */
export interface XsMemory {
	slotBytes: number;
	/** Slots in use. */
	slots: number;
	chunks: number;
	/** Slots and chunks in use. */
	live: number;
	/** Most slots and chunk bytes since the last new peak, garbage included. */
	slotsPeak: number;
	chunksPeak: number;
	peak: number;
	/** Names that were made at run time. */
	keys: number;
	/** Preloaded objects and variables that are still mutable, and how many of them have a copy in RAM. */
	aliases: number;
	aliasesUsed: number;
	stack: number;
	stackPeak: number;
	/** What the engine allocates beside its heaps. */
	native: number;
	nativePeak: number;
	slotsReserved: number;
	chunksReserved: number;
	static: number;
	/** What of `static` was ever taken. */
	used: number;
	collections: number;
	/** Script instructions since the start, modulo 2^32. */
	instructions: number;
	/** What TLS holds of the system's heap, its most since the last new peak, and in how many blocks. */
	tls: number;
	tlsPeak: number;
	tlsBlocks: number;
}

/** The firmware's process ended; `code` is one of XsExit. */
export class XsFailure extends Error {
	constructor(readonly code: number, reason: string) {
		super(reason);
	}
}

/** Exit codes of the test host. */
export const XsExit = { memory: 10, stack: 11, keys: 12, builtIn: 13, exception: 14, rejection: 15, engine: 16 } as const;

const ANSWER = 1;
const COMMAND = 2;

const Do = {
	boot: 1, start: 2, step: 3, post: 4, stop: 5, inspect: 6, readable: 7, writable: 8, error: 9, halt: 10, memory: 11, stress: 12, queue: 13, census: 14,
	failTls: 15, search: 16,
} as const;
const ASK = {
	setUtc: 1, entropy: 2, flashRead: 3, flashWrite: 4, flashErase: 5, open: 6, read: 7, write: 8, writable: 9, close: 10,
	energize: 11, release: 12, lock: 13, sample: 14, token: 15,
} as const;
const TELL = {
	log: 64, generated: 65, traffic: 66, restart: 67, wake: 68, show: 69, showEvse: 70, print: 71, queued: 72, fatal: 250, done: 251,
} as const;

/** Builds a message; little-endian, with its length in front. */
class Writer {
	private bytes = Buffer.alloc(4096);
	private at = 0;

	begin(operation: number): this {
		this.at = 4;
		return this.byte(operation);
	}
	private room(count: number): void {
		if (this.at + count > this.bytes.length) this.bytes = Buffer.concat([this.bytes], (this.at + count) * 2);
	}
	byte(value: number): this {
		this.room(1);
		this.at = this.bytes.writeUInt8(value, this.at);
		return this;
	}
	integer(value: number): this {
		this.room(4);
		this.at = this.bytes.writeInt32LE(value | 0, this.at);
		return this;
	}
	number(value: number): this {
		this.room(8);
		this.at = this.bytes.writeDoubleLE(value, this.at);
		return this;
	}
	data(bytes: Uint8Array): this {
		this.integer(bytes.length).room(bytes.length);
		this.bytes.set(bytes, this.at);
		this.at += bytes.length;
		return this;
	}
	text(value: string): this {
		return this.data(Buffer.from(value, "utf8"));
	}
	end(): Buffer {
		this.bytes.writeUInt32LE(this.at - 4, 0);
		return this.bytes.subarray(0, this.at);
	}
}

/** One message that came. */
class Reader {
	operation = 0;
	private bytes: Buffer = Buffer.alloc(0);
	private at = 0;

	take(message: Buffer): this {
		this.bytes = message;
		this.operation = message[0];
		this.at = 1;
		return this;
	}
	integer(): number {
		this.at += 4;
		return this.bytes.readInt32LE(this.at - 4);
	}
	number(): number {
		this.at += 8;
		return this.bytes.readDoubleLE(this.at - 8);
	}
	/** A copy: the buffer is used again. */
	data(): Buffer {
		const length = this.integer();
		this.at += length;
		return Buffer.from(this.bytes.subarray(this.at - length, this.at));
	}
	text(): string {
		return this.data().toString("utf8");
	}
}

/** A process of the test host, with ROM prepared. It runs one station at a time. */
class Engine {
	private readonly child: ChildProcess;
	private readonly toChild: number;
	private readonly fromChild: number;
	private readonly buffer = Buffer.alloc(1 << 18);
	private filled = 0;
	private used = 0;
	over = false;

	constructor(program: XsProgram, creation: Creation) {
		// Pipes that block on both sides: Node's own would not let a call wait for its answer.
		const folder = mkdtempSync(join(tmpdir(), "xs-pipe-"));
		const open: number[] = [];
		try {
			const down = join(folder, "down");
			const up = join(folder, "up");
			execFileSync("mkfifo", ["-m", "600", down, up]);
			const both = [openSync(down, "r+"), openSync(up, "r+")];
			open.push(...both);
			const childIn = openSync(down, "r");
			const childOut = openSync(up, "w");
			open.push(childIn, childOut);
			this.toChild = openSync(down, "w");
			this.fromChild = openSync(up, "r");
			const flags: [string, number | undefined][] = [["--static", creation.static], ["--chunk", creation.chunk],
				["--chunk-inc", creation.chunkInc], ["--heap", creation.heap], ["--heap-inc", creation.heapInc],
				["--stack", creation.stack], ["--keys", creation.keys]];
			const sizes = flags.flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]));
			this.child = spawn(program.host, ["--root", program.root, "--preload", program.list, "--main", program.main,
				"--in", "3", "--out", "4", ...sizes], {
				stdio: ["ignore", "inherit", "inherit", childIn, childOut],
				env: { ...process.env, ASAN_OPTIONS: "detect_leaks=0" },
			});
			this.child.on("error", () => undefined);
			this.child.unref();
		} finally {
			for (const descriptor of open) closeSync(descriptor);
			rmSync(folder, { recursive: true, force: true });
		}
	}

	send(message: Buffer): void {
		let done = 0;
		try {
			while (done < message.length) done += writeSync(this.toChild, message, done);
		} catch (error) {
			// Its last words are in the other pipe.
			if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
		}
	}

	/** The next message, without its length. */
	receive(): Buffer {
		for (;;) {
			const there = this.filled - this.used;
			if (there >= 4) {
				const length = this.buffer.readUInt32LE(this.used);
				if (length + 4 > this.buffer.length) throw new Error("a message of the test host is too long");
				if (there >= length + 4) {
					const message = this.buffer.subarray(this.used + 4, this.used + 4 + length);
					this.used += 4 + length;
					return message;
				}
			}
			if (this.used > 0) {
				this.buffer.copyWithin(0, this.used, this.filled);
				this.filled = there;
				this.used = 0;
			}
			const count = readSync(this.fromChild, this.buffer, this.filled, this.buffer.length - this.filled, null);
			if (count === 0) throw new XsFailure(XsExit.engine, "the test host ended without a word");
			this.filled += count;
		}
	}

	end(): void {
		if (this.over) return;
		this.over = true;
		closeSync(this.toChild);
		closeSync(this.fromChild);
		this.child.kill("SIGKILL");
	}
}

/** Processes that wait for their next station, by program and sizes. */
const idle = new Map<string, Engine[]>();

/** Ends the processes that wait. */
export function endIdleEngines(): void {
	for (const engines of idle.values()) for (const engine of engines) engine.end();
	idle.clear();
}

export interface XsOptions {
	program: XsProgram;
	creation?: Creation;
	/** The firmware tells what is generated and what passes on the link: what tests need and a device has not. */
	observed?: boolean;
	/** Collects garbage at each allocation. */
	stress?: boolean;
}

/** What is told of a transaction event that waits on flash. */
export interface XsQueuedEvent {
	readonly eventType: "Started" | "Updated" | "Ended";
	readonly timestamp: string;
	readonly seqNo: number;
	readonly transactionInfo: { readonly transactionId: string };
}

export interface XsView {
	online: boolean;
	accepted: boolean;
	slot: number;
	queued: number;
	queueBytes: number;
	thinned: number;
	shortened: number;
	readonly evses: readonly { readonly txId: string | null; readonly limitA: number; readonly status: string }[];
}

export class XsStation {
	private readonly engine: Engine;
	private readonly key: string;
	private readonly writer = new Writer();
	private readonly answer = new Writer();
	private readonly sockets = new Map<number, Socket>();
	private handles = 0;
	private live = true;
	/** The error of a port that the firmware was told of: it is this one that comes back if nobody catches it. */
	private portError: unknown;
	private readonly shown = { online: false, accepted: false, slot: 0, queued: 0, queueBytes: 0, thinned: 0, shortened: 0 };
	private readonly shownEvses: { txId: string | null; limitA: number; status: string }[] = [];
	private readonly reading: MeterReading = { energyWh: 0, powerW: NaN, currentA: [NaN, NaN, NaN], voltageV: [NaN, NaN, NaN] };

	/**
	 * Boots the firmware on a machine of its own.
	 * @throws StoreFault as Station does; XsFailure when the machine does not bear it
	 */
	constructor(private readonly host: Host, private readonly options: XsOptions) {
		this.key = JSON.stringify([options.program.host, options.program.list, options.creation]);
		this.engine = idle.get(this.key)?.pop() ?? new Engine(options.program, options.creation ?? {});
		this.command(Do.stress, (message) => message.integer(options.stress === true ? 1 : 0));
		const { identity, evses, flash } = host;
		const texts = [identity.identity, identity.url, identity.password, identity.vendorName, identity.model,
			identity.serialNumber, identity.firmwareVersion, ...evses.map((evse) => evse.connectorType)];
		const figures = [evses.length, flash.blockBytes, flash.blocks, (options.observed ?? true) && host.observer !== undefined ? 1 : 0,
			identity.securityProfile, ...evses.flatMap((evse) => [evse.phases, evse.milliampsMax, evse.hasLock ? 1 : 0])];
		const state = this.command(Do.boot, (message) => {
			message.integer(texts.length);
			for (const text of texts) message.text(text);
			message.integer(figures.length);
			for (const figure of figures) message.number(figure);
			const roots = identity.roots ?? [];
			message.integer(roots.length);
			for (const root of roots) message.data(root);
		});
		if (state !== 0) {
			this.halt();
			throw new StoreFault(state);
		}
	}

	start(cause: number): void {
		this.bootCause = this.command(Do.start, (message) => message.integer(cause));
	}

	/** The cause of this boot that the firmware tells; after start(). */
	bootCause: number | undefined;

	/** The transaction events that wait on flash. */
	readonly outbox = {
		iterate: (visitor: (event: XsQueuedEvent) => void): void => {
			this.queued.length = 0;
			this.command(Do.queue);
			for (const event of this.queued.splice(0)) visitor(event);
		},
	};
	private readonly queued: XsQueuedEvent[] = [];

	/** Most bytes of slots and chunks so far, garbage included. */
	get heapPeak(): number {
		return this.live ? this.memory().peak : 0;
	}

	step(): number {
		return this.command(Do.step);
	}

	post(code: number, evseIndex: number, value: number): boolean {
		return this.live && this.command(Do.post, (message) => message.integer(code).integer(evseIndex).integer(value)) !== 0;
	}

	/** Contactors open, connection closed; the machine's memory is given back. */
	stop(): void {
		if (!this.live) return;
		try {
			this.command(Do.stop);
		} finally {
			this.halt();
		}
	}

	/** The power is gone: nothing of the firmware runs any more, and nothing is tidied up. */
	halt(): void {
		if (!this.live) return;
		this.live = false;
		for (const socket of this.sockets.values()) socket.close();
		this.sockets.clear();
		if (this.engine.over) return;
		this.command(Do.halt);
		const waiting = idle.get(this.key) ?? [];
		waiting.push(this.engine);
		idle.set(this.key, waiting);
	}

	get inspect(): XsView {
		const station = this;
		return {
			...this.shown,
			get evses() {
				if (station.live) station.command(Do.inspect);
				return station.shownEvses.map((evse) => ({ ...evse }));
			},
		};
	}

	/** Memory as it is; `collect` counts what lives only, `newPeaks` makes the peaks begin anew afterwards. */
	memory(collect = false, newPeaks = false): XsMemory {
		this.command(Do.memory, (message) => message.integer((collect ? 1 : 0) | (newPeaks ? 2 : 0)));
		return JSON.parse(this.report) as XsMemory;
	}

	/** For people: what lives now, the most that it was with garbage, and of what. */
	get ram(): string | undefined {
		if (!this.live) return undefined;
		const { peak, stackPeak, keys, static: all } = this.memory();
		const { live, slots, chunks } = this.memory(true);
		const of = (bytes: number): string => bytes.toLocaleString("en");
		return `RAM ${of(live)} bytes live (${slots} slots, ${of(chunks)} in chunks), peak ${of(peak)}, stack ${of(stackPeak)}, of ${of(all)}; keys ${keys}`;
	}

	/**
	 * The n-th allocation of TLS from now on gets nothing, once; 0 for none.
	 * @returns how far the one of the call before is still away; 0 when it was refused
	 */
	failTls(n: number): number {
		return this.command(Do.failTls, (message) => message.integer(n));
	}

	/** How often these bytes are in the memory of the firmware, in use or left over. */
	timesInMemory(bytes: Uint8Array): number {
		return this.command(Do.search, (message) => message.data(bytes));
	}

	/** Slots and chunk bytes by who holds them, down to `depth` names below the firmware's object. */
	census(depth: number): { [path: string]: [slots: number, bytes: number] } {
		this.command(Do.census, (message) => message.integer(depth));
		return JSON.parse(this.report) as { [path: string]: [number, number] };
	}

	/** From now on a collection at each allocation, or not: peaks then count what is needed and no garbage. */
	set stress(on: boolean) {
		this.command(Do.stress, (message) => message.integer(on ? 1 : 0));
		// The machine that runs takes it at once.
	}

	private report = "";

	/** Gives a command and serves what the firmware asks until it is done. */
	private command(what: number, put?: (message: Writer) => void): number {
		if (this.engine.over) throw new XsFailure(XsExit.engine, "the firmware has ended");
		const { clock } = this.host;
		this.writer.begin(COMMAND).integer(clock.ticks()).number(clock.utc()).byte(what);
		put?.(this.writer);
		this.engine.send(this.writer.end());
		const reader = new Reader();
		for (;;) {
			let message: Buffer;
			try {
				message = this.engine.receive();
			} catch (error) {
				this.engine.end();
				this.live = false;
				throw error;
			}
			reader.take(message);
			if (reader.operation === TELL.done) break;
			this.serve(reader);
		}
		const status = reader.integer();
		const result = reader.number();
		const text = reader.text();
		if (status === 0) {
			this.report = text;
			return result;
		}
		const cause = this.portError;
		this.portError = undefined;
		if (cause instanceof Error && text.includes(cause.message)) throw cause;
		throw new XsFailure(status, text);
	}

	private serve(reader: Reader): void {
		const { host } = this;
		switch (reader.operation) {
			case TELL.fatal: {
				const code = reader.integer();
				const reason = reader.text();
				this.engine.end();
				this.live = false;
				throw new XsFailure(code, reason);
			}
			case TELL.log:
				host.log.event(reader.integer(), reader.number(), reader.number());
				return;
			case TELL.generated:
				host.observer?.generated(reader.text(), reader.integer(), reader.integer(), reader.number());
				return;
			case TELL.traffic: {
				const outgoing = reader.integer() !== 0;
				const last = reader.integer() !== 0;
				const bytes = reader.data();
				host.observer?.traffic?.(outgoing, bytes, 0, bytes.length, last);
				return;
			}
			case TELL.restart:
				host.restart(reader.integer());
				return;
			case TELL.wake:
				host.wake();
				return;
			case TELL.show:
				this.shown.online = reader.number() !== 0;
				this.shown.accepted = reader.number() !== 0;
				this.shown.slot = reader.number();
				this.shown.queued = reader.number();
				this.shown.queueBytes = reader.number();
				this.shown.thinned = reader.number();
				this.shown.shortened = reader.number();
				return;
			case TELL.showEvse: {
				const index = reader.integer();
				const txId = reader.text();
				this.shownEvses[index] = { txId: txId === "" ? null : txId, limitA: reader.number(), status: reader.text() };
				return;
			}
			case TELL.queued: {
				const transactionId = reader.text();
				const seqNo = reader.integer();
				const eventType = reader.text() as XsQueuedEvent["eventType"];
				this.queued.push({ transactionInfo: { transactionId }, seqNo, eventType, timestamp: reader.text() });
				return;
			}
			case TELL.print:
				process.stdout.write(reader.text() + "\n");
				return;
		}
		const message = this.answer.begin(ANSWER);
		try {
			this.ask(reader, message.byte(0));
		} catch (error) {
			this.portError = error;
			this.answer.begin(ANSWER).byte(1).text(error instanceof Error ? error.message : String(error));
		}
		this.engine.send(this.answer.end());
	}

	private ask(reader: Reader, answer: Writer): void {
		const { host } = this;
		switch (reader.operation) {
			case ASK.setUtc:
				host.clock.set(reader.number());
				answer.number(host.clock.utc());
				return;
			case ASK.entropy: {
				const bytes = new Uint8Array(reader.integer());
				host.entropy.fill(bytes, 0, bytes.length);
				answer.data(bytes);
				return;
			}
			case ASK.flashRead: {
				const at = reader.integer();
				const bytes = new Uint8Array(reader.integer());
				host.flash.read(at, bytes, bytes.length);
				answer.data(bytes);
				return;
			}
			case ASK.flashWrite: {
				const at = reader.integer();
				const bytes = reader.data();
				host.flash.write(at, bytes, bytes.length);
				return;
			}
			case ASK.flashErase:
				host.flash.eraseBlock(reader.integer());
				return;
			case ASK.open: {
				const handle = ++this.handles;
				const tell = (what: number, value: number): void => {
					if (this.live && this.sockets.has(handle)) this.command(what, (message) => message.integer(handle).integer(value));
				};
				const address = reader.text();
				const port = reader.integer();
				const secure = reader.integer() !== 0;
				this.sockets.set(handle, host.socket.open({
					host: address, port, secure,
					onReadable: (count) => tell(Do.readable, count),
					onWritable: (count) => tell(Do.writable, count),
					onError: (error) => tell(Do.error, error),
				}));
				answer.integer(handle);
				return;
			}
			case ASK.read: {
				const socket = this.socket(reader);
				const bytes = new Uint8Array(reader.integer());
				const count = socket.read(bytes, 0, bytes.length);
				answer.data(bytes.subarray(0, count));
				return;
			}
			case ASK.write: {
				const socket = this.socket(reader);
				const bytes = reader.data();
				socket.write(bytes, 0, bytes.length);
				return;
			}
			case ASK.writable:
				answer.integer(this.socket(reader).writable);
				return;
			case ASK.close: {
				const handle = reader.integer();
				this.sockets.get(handle)?.close();
				this.sockets.delete(handle);
				return;
			}
			case ASK.energize:
				host.evses[reader.integer()].energize(reader.number());
				return;
			case ASK.release:
				host.evses[reader.integer()].release();
				return;
			case ASK.lock:
				answer.integer(host.evses[reader.integer()].lock(reader.integer() !== 0) ? 1 : 0);
				return;
			case ASK.sample: {
				const { reading } = this;
				answer.integer(host.evses[reader.integer()].sample(reading) ? 1 : 0).number(reading.energyWh).number(reading.powerW);
				for (const value of [...reading.currentA, ...reading.voltageV]) answer.number(value);
				return;
			}
			case ASK.token:
				answer.text(reader.integer() === 0 ? host.reader.idToken : host.reader.type);
				return;
			default:
				throw new Error(`the test host asks ${reader.operation}`);
		}
	}

	private socket(reader: Reader): Socket {
		const socket = this.sockets.get(reader.integer());
		if (socket === undefined) throw new Error("no such socket");
		return socket;
	}
}

/** The project's folder, from the sources as from build/node. */
export function projectRoot(): string {
	let folder = __dirname;
	while (!existsSync(join(folder, "manifest.json"))) folder = dirname(folder);
	return folder;
}
