// A station in two engines at once: Node's, which the simulator's checkers look into, and XS, which is given the same calls and
// the same answers of every port. Whatever XS then does otherwise (a byte to the socket or the flash, a contactor, a log line, a
// result) is an error. So each rule that holds for the one holds for the other.
// How: the ports of Node's station are recorded call by call, with what happened inside them (a driver that posts while it is
// called); XS is then given the command, and its calls are answered from the record.

import "../board/xs-globals.js";
import { Station } from "../../modules/station/station.js";
import type { EvsePort } from "../../modules/ports/evse-port.js";
import type { Host } from "../../modules/ports/host.js";
import type { Socket, SocketOptions } from "../../modules/ports/socket.js";
import { boardCreation, creationOn, XsStation, type Creation, type XsProgram } from "../xs/xs-station.js";

/** Numbers, texts and bytes that a call takes or gives. */
type Value = number | string | boolean | Uint8Array;

interface Entry {
	readonly call: string;
	readonly given: readonly Value[];
	taken: readonly Value[];
	error: Error | undefined;
	/** Commands that came while this call was under way. */
	readonly inner: Command[];
}

interface Command {
	readonly entries: Entry[];
	/** The clock when it began. */
	readonly utcMs: number;
	run(xs: XsStation): Value | undefined;
	result: Value | undefined;
}

/** XS has done something else than Node. */
export class Divergence extends Error {}

const shown = (value: Value | undefined): string =>
	value instanceof Uint8Array ? `${value.length} bytes ${Buffer.from(value.subarray(0, 64)).toString("hex")}` : String(value);
const isSame = (a: Value | undefined, b: Value | undefined): boolean =>
	a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : Object.is(a, b) || (a === 0 && b === 0);
const line = (call: string, given: readonly Value[]): string => `${call}(${given.map(shown).join(", ")})`;

/** The ports of Node's station, written down. */
class Recorder {
	readonly host: Host;
	/** Where calls go to: the entries of the command under way. */
	private readonly lists: Entry[][] = [];
	private readonly open: Entry[] = [];
	private sockets = 0;

	constructor(host: Host, private readonly enter: (work: () => void, run: () => void) => void, replay: Replay) {
		const note = <T>(call: string, given: readonly Value[], work: () => T, taken: (result: T) => readonly Value[] = () => []): T =>
			this.note(call, given, work, taken);
		const number = (result: number | boolean | string): readonly Value[] => [result];
		const { clock, entropy, flash, reader, log, observer } = host;
		this.host = {
			...host,
			crypto: undefined,
			// The firmware's board on XS has a list, which may be empty.
			identity: Object.create(host.identity, { roots: { value: host.identity.roots ?? [] } }) as Host["identity"],
			clock: {
				ticks: () => clock.ticks(),
				since: (mark) => clock.since(mark),
				utc: () => clock.utc(),
				set: (utcMs) => note("clock.set", [utcMs], () => clock.set(utcMs), () => [clock.utc()]),
			},
			entropy: {
				fill: (bytes, from, to) => note("entropy.fill", [to - from], () => entropy.fill(bytes, from, to), () => [bytes.slice(from, to)]),
			},
			flash: {
				blockBytes: flash.blockBytes,
				blocks: flash.blocks,
				read: (at, bytes, count) => note("flash.read", [at, count], () => flash.read(at, bytes, count), () => [bytes.slice(0, count)]),
				write: (at, bytes, count) => note("flash.write", [at, bytes.slice(0, count)], () => flash.write(at, bytes, count)),
				eraseBlock: (block) => note("flash.eraseBlock", [block], () => flash.eraseBlock(block)),
			},
			socket: {
				open: (options) => note("socket.open", [options.host, options.port, options.secure], () => {
					const index = this.sockets++;
					const inner = host.socket.open({
						...options,
						host: options.host, port: options.port, secure: options.secure,
						onReadable: (count) => this.enter(() => options.onReadable(count), () => replay.options(index).onReadable(count)),
						onWritable: (count) => this.enter(() => options.onWritable(count), () => replay.options(index).onWritable(count)),
						onError: (error) => this.enter(() => options.onError(error), () => replay.options(index).onError(error)),
					});
					const socket: Socket = {
						get writable() {
							return note("socket.writable", [index], () => inner.writable, number);
						},
						read: (bytes, from, to) => note("socket.read", [index, to - from], () => inner.read(bytes, from, to),
							(count) => [bytes.slice(from, from + count)]),
						write: (bytes, from, to) => note("socket.write", [index, bytes.slice(from, to)], () => inner.write(bytes, from, to)),
						close: () => note("socket.close", [index], () => inner.close()),
					};
					return socket;
				}),
			},
			evses: host.evses.map((evse, index): EvsePort => ({
				phases: evse.phases,
				milliampsMax: evse.milliampsMax,
				hasLock: evse.hasLock,
				connectorType: evse.connectorType,
				energize: (limit) => note("energize", [index, limit], () => evse.energize(limit)),
				release: () => note("release", [index], () => evse.release()),
				lock: (on) => note("lock", [index, on], () => evse.lock(on), number),
				sample: (reading) => note("sample", [index], () => evse.sample(reading),
					(isThere) => [isThere, reading.energyWh, reading.powerW, ...reading.currentA, ...reading.voltageV]),
			})),
			reader: {
				get idToken() {
					return note("reader.idToken", [], () => reader.idToken, number);
				},
				get type() {
					return note("reader.type", [], () => reader.type, number);
				},
			},
			log: { event: (code, a, b) => note("log", [code, a, b], () => log.event(code, a, b)) },
			observer: observer === undefined ? undefined : {
				generated: (id, seqNo, type, utcMs) => note("generated", [id, seqNo, type, utcMs], () => observer.generated(id, seqNo, type, utcMs)),
				traffic: (outgoing, bytes, from, to, last) => note("traffic", [outgoing, bytes.slice(from, to), last],
					() => observer.traffic?.(outgoing, bytes, from, to, last)),
			},
			restart: (cause) => note("restart", [cause], () => host.restart(cause)),
			wake: () => note("wake", [], () => host.wake()),
		};
	}

	private note<T>(call: string, given: readonly Value[], work: () => T, taken: (result: T) => readonly Value[]): T {
		const list = this.lists.at(-1);
		// A checker that looks into the station between two commands.
		if (list === undefined) return work();
		const entry: Entry = { call, given, taken: [], error: undefined, inner: [] };
		list.push(entry);
		this.open.push(entry);
		try {
			const result = work();
			entry.taken = taken(result);
			return result;
		} catch (error) {
			entry.error = error as Error;
			throw error;
		} finally {
			this.open.pop();
		}
	}

	/** The firmware itself is at work: what it calls of its own is part of the command under way. */
	get isAtWork(): boolean {
		return this.lists.length > 0 && this.open.length === 0;
	}

	/** A command begins: its calls are noted until end(). One that comes inside a call is kept there. */
	begin(run: Command["run"]): { command: Command; isInner: boolean } {
		const command: Command = { entries: [], utcMs: this.host.clock.utc(), run, result: undefined };
		const caller = this.open.at(-1);
		caller?.inner.push(command);
		this.lists.push(command.entries);
		// Calls inside belong to this command, not to the one around it.
		this.outer.push(this.open.splice(0));
		return { command, isInner: caller !== undefined };
	}

	end(): void {
		this.lists.pop();
		this.open.push(...(this.outer.pop() as Entry[]));
	}

	private readonly outer: Entry[][] = [];
}

/** The ports of XS: they answer from a record and accept nothing else. */
class Replay {
	readonly host: Host;
	private entries: Entry[] = [];
	private at = 0;
	private readonly sockets: SocketOptions[] = [];
	private opened = 0;
	private utcMs = NaN;
	/** Set once XS exists. */
	xs: XsStation | undefined;
	error: Divergence | undefined;

	constructor(host: Host) {
		const { clock } = host;
		this.host = {
			...host,
			crypto: undefined,
			clock: { ticks: () => clock.ticks(), since: (mark) => clock.since(mark), utc: () => this.utcMs, set: (utcMs) => (this.utcMs = this.take("clock.set", [utcMs])[0] as number) },
			entropy: { fill: (bytes, from, to) => bytes.set(this.take("entropy.fill", [to - from])[0] as Uint8Array, from) },
			flash: {
				blockBytes: host.flash.blockBytes,
				blocks: host.flash.blocks,
				read: (at, bytes, count) => bytes.set(this.take("flash.read", [at, count])[0] as Uint8Array),
				write: (at, bytes, count) => void this.take("flash.write", [at, bytes.subarray(0, count)]),
				eraseBlock: (block) => void this.take("flash.eraseBlock", [block]),
			},
			socket: {
				open: (options) => {
					const index = this.opened++;
					this.sockets[index] = options;
					this.take("socket.open", [options.host, options.port, options.secure]);
					const replay = this;
					return {
						get writable() {
							return replay.take("socket.writable", [index])[0] as number;
						},
						read: (bytes, from, to) => {
							const data = this.take("socket.read", [index, to - from])[0] as Uint8Array;
							bytes.set(data, from);
							return data.length;
						},
						write: (bytes, from, to) => void this.take("socket.write", [index, bytes.subarray(from, to)]),
						close: () => void (this.isGone || this.take("socket.close", [index])),
					};
				},
			},
			evses: host.evses.map((evse, index): EvsePort => ({
				phases: evse.phases,
				milliampsMax: evse.milliampsMax,
				hasLock: evse.hasLock,
				connectorType: evse.connectorType,
				energize: (limit) => void this.take("energize", [index, limit]),
				release: () => void this.take("release", [index]),
				lock: (on) => this.take("lock", [index, on])[0] as boolean,
				sample: (reading) => {
					const [isThere, energyWh, powerW, ...rest] = this.take("sample", [index]);
					reading.energyWh = energyWh as number;
					reading.powerW = powerW as number;
					for (let phase = 0; phase < 3; phase++) {
						reading.currentA[phase] = rest[phase] as number;
						reading.voltageV[phase] = rest[phase + 3] as number;
					}
					return isThere as boolean;
				},
			})),
			reader: {
				idToken: "",
				type: "",
			},
			log: { event: (code, a, b) => void this.take("log", [code, a, b]) },
			observer: host.observer === undefined ? undefined : {
				generated: (id, seqNo, type, utcMs) => void this.take("generated", [id, seqNo, type, utcMs]),
				traffic: (outgoing, bytes, from, to, last) => void this.take("traffic", [outgoing, bytes.slice(from, to), last]),
			},
			restart: (cause) => void this.take("restart", [cause]),
			wake: () => void this.take("wake", []),
		};
		const replay = this;
		Object.defineProperties(this.host.reader, {
			idToken: { get: () => replay.take("reader.idToken", [])[0] },
			type: { get: () => replay.take("reader.type", [])[0] },
		});
	}

	/** The life is over: nothing is compared any more. */
	isGone = false;

	options(index: number): SocketOptions {
		return this.sockets[index];
	}

	/** Gives XS a command and compares all that it does. */
	play(command: Command): void {
		const outer = [this.entries, this.at] as const;
		this.entries = command.entries;
		this.at = 0;
		this.utcMs = command.utcMs;
		try {
			const result = command.run(this.xs as XsStation);
			if (!isSame(result, command.result)) this.differs(`returned ${shown(result)}, Node ${shown(command.result)}`);
			while (this.at < this.entries.length && this.entries[this.at].call === "flash.read") this.at++;
			const left = this.entries[this.at];
			if (left !== undefined) this.differs(`ended, Node went on with ${line(left.call, left.given)}`);
		} finally {
			[this.entries, this.at] = outer;
		}
		if (this.error !== undefined) throw this.error;
	}

	/** The answer to a call, which has to be the next one that Node made. Checkers read the flash in between. */
	take(call: string, given: readonly Value[]): readonly Value[] {
		const isCall = (entry: Entry): boolean =>
			entry.call === call && entry.given.length === given.length && given.every((value, i) => isSame(value, entry.given[i]));
		while (this.at < this.entries.length && this.entries[this.at].call === "flash.read" && !isCall(this.entries[this.at])) this.at++;
		const entry = this.entries[this.at++];
		if (entry === undefined || !isCall(entry)) {
			return this.differs(`called ${line(call, given)}, Node ${entry === undefined ? "nothing more" : line(entry.call, entry.given)}`);
		}
		for (const command of entry.inner) this.play(command);
		if (entry.error !== undefined) throw entry.error;
		return entry.taken;
	}

	/** What is thrown here the firmware may catch: it is thrown once more behind the command. */
	private differs(what: string): never {
		this.error ??= new Divergence(`XS ${what}`);
		throw this.error;
	}
}

export class TwinStation extends Station {
	private readonly recorder: Recorder;
	private readonly replay: Replay;
	private readonly xs: XsStation;

	/** @throws StoreFault as Station does; Divergence when XS boots otherwise */
	constructor(host: Host, program: XsProgram, creation: Creation) {
		const replay = new Replay(host);
		let station: TwinStation | undefined;
		const recorder = new Recorder(host, (work, run) => (station as TwinStation).both(work, run), replay);
		let xs: XsStation | undefined;
		const { command } = recorder.begin(() => {
			xs = new XsStation(replay.host, { program, creation });
			return undefined;
		});
		super(recorder.host);
		recorder.end();
		station = this;
		this.recorder = recorder;
		this.replay = replay;
		replay.play(command);
		this.xs = replay.xs = xs as unknown as XsStation;
	}

	override start(cause: number): void {
		this.both(() => super.start(cause), (xs) => xs.start(cause));
	}

	override step(): number {
		const waitMs = this.both(() => super.step(), (xs) => xs.step());
		const { shownState } = this;
		if (shownState !== "" && !this.replay.isGone) throw new Divergence(shownState);
		return waitMs;
	}

	override post(code: number, evseIndex: number, value: number): boolean {
		return this.both(() => super.post(code, evseIndex, value), (xs) => xs.post(code, evseIndex, value));
	}

	override stop(): void {
		this.both(() => super.stop(), (xs) => xs.stop());
		if (!this.recorder.isAtWork) this.replay.isGone = true;
	}

	/** The machine of XS is given back; what happens to the station afterwards is not compared. */
	halt(): void {
		this.replay.isGone = true;
		try {
			this.xs.halt();
		} catch (error) {
			// After a difference XS may be in the middle of a command: its process is not used again, and ends with this one.
			if (this.replay.error === undefined) throw error;
		}
	}

	/** Says what of the state differs, "" when nothing does. */
	private get shownState(): string {
		const node = this.inspect;
		const { online, accepted, slot, queued, queueBytes, thinned } = this.xs.inspect;
		const pairs = [["online", online, node.online], ["accepted", accepted, node.accepted], ["slot", slot, node.slot],
			["queued", queued, node.queued], ["queueBytes", queueBytes, node.queueBytes], ["thinned", thinned, node.thinned]];
		const wrong = pairs.find(([, xs, its]) => xs !== its);
		return wrong === undefined ? "" : `XS has ${wrong[0]} ${wrong[1]}, Node ${wrong[2]}`;
	}

	private both<T extends Value | void>(work: () => T, run: (xs: XsStation) => T): T {
		const { recorder, replay } = this;
		if (replay.isGone || recorder.isAtWork) return work();
		const { command, isInner } = recorder.begin(run as Command["run"]);
		try {
			const result = work();
			command.result = result as Value | undefined;
			return result;
		} finally {
			recorder.end();
			if (!isInner) replay.play(command);
		}
	}
}

/** The memory of the small board carries one EVSE, with all that can happen to it; more take the larger board. */
function creationFor(host: Host, program: XsProgram): Creation {
	return creationOn(program, boardCreation(host.evses.length === 1 ? "esp8266-nodemcu" : "esp32-devkit"));
}

/** Puts twins on the board of a simulation, one life after the other; `end` gives the last machine back. */
export function twinMaker(program: XsProgram): { make(host: Host): TwinStation; end(): void } {
	let last: TwinStation | undefined;
	const end = (): void => {
		last?.halt();
		last = undefined;
	};
	return {
		make: (host) => {
			end();
			return (last = new TwinStation(host, program, creationFor(host, program)));
		},
		end,
	};
}
