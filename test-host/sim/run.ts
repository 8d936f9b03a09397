// The simulator: one seed in, a verdict out. A station on the virtual board, drivers, a network and a CSMS live through some
// virtual hours of trouble, then all trouble ends and what is owed must be paid. Nothing here knows real time or chance.

import "../board/xs-globals.js";
import { createHash } from "node:crypto";
import { ACTION_NAMES } from "../../preload/actions.js";
import { Variable } from "../../preload/variables.js";
import * as events from "../../modules/ports/events.js";
import { LogCode, RestartCause } from "../../modules/ports/events.js";
import { numbersOf } from "../board/enums.js";
import type { EvsePort, MeterReading } from "../../modules/ports/evse-port.js";
import type { Host } from "../../modules/ports/host.js";
import type { Socket, SocketOptions } from "../../modules/ports/socket.js";
import { Station } from "../../modules/station/station.js";
import { Board } from "../board/board.js";
import { VirtualClock, type Cancel } from "../board/clock.js";
import { FlashMemory, TORN } from "../board/flash-memory.js";
import { RandomCsms } from "../csms/random.js";
import { Checkers, type EventLike, type Finding, type Rule } from "./checkers.js";
import { Dice } from "./dice.js";
import { FILE_HOST, FileServer } from "./files.js";
import { Network } from "./network.js";
import { optionsOf, type SimOptions } from "./options.js";
import { People } from "./people.js";
import { ReportCheckers } from "./reports.js";

/** Makes the firmware of one life; a test puts a broken one here. */
export type MakeStation = (host: Host) => Station;

export interface Verdict {
	options: SimOptions;
	findings: readonly Finding[];
	/** The last lines of what happened. */
	trace: readonly string[];
	virtualHours: number;
	/** Over all messages: the same for the same seed. */
	digest: string;
	counts: { [name: string]: number };
}

const HOUR_MS = 3_600_000;
const FAULTS = numbersOf(events, "FaultBit");
const PASSWORD = "0123456789abcdef";
/** What every password begins with that the CSMS sets. */
const NEW_PASSWORD = "pass-word-number";
const ENDPOINT = "ws://csms.example/ocpp";
const TRACE_LINES = 60;
/** Runs of the firmware in one instant: more means that it would never sleep. */
const RUNS_MAX = 5000;
/** How long the calm may take until all is settled. */
const CALM_HOURS_MAX = 30;

/** The life of the firmware from one boot to the next. What it does after its end has no effect. */
class Life {
	station: Station | undefined;
	private over = false;

	constructor(private readonly sim: Simulation) {}

	get isDead(): boolean {
		return this.over || this.sim.flash.isOff;
	}

	end(): void {
		this.over = true;
	}
}

/** The power hardware as one life sees it: a dead chip moves nothing. */
class LifePort implements EvsePort {
	readonly phases: number;
	readonly milliampsMax: number;
	readonly hasLock: boolean;
	readonly connectorType: string;

	constructor(private readonly port: EvsePort, private readonly life: Life) {
		this.phases = port.phases;
		this.milliampsMax = port.milliampsMax;
		this.hasLock = port.hasLock;
		this.connectorType = port.connectorType;
	}

	energize(limitMilliamps: number): void {
		if (!this.life.isDead) this.port.energize(limitMilliamps);
	}

	release(): void {
		if (!this.life.isDead) this.port.release();
	}

	lock(on: boolean): boolean {
		return !this.life.isDead && this.port.lock(on);
	}

	sample(reading: MeterReading): boolean {
		return !this.life.isDead && this.port.sample(reading);
	}
}

export class Simulation {
	readonly dice: Dice;
	readonly clock: VirtualClock;
	readonly flash: FlashMemory;
	readonly board: Board;
	readonly network: Network;
	readonly csms: RandomCsms;
	readonly checkers: Checkers;
	readonly reports: ReportCheckers;
	private readonly files: FileServer;
	private readonly people: People;
	private readonly lines: string[] = [];
	private readonly hash = createHash("sha256");
	private life: Life | undefined;
	private nextRun: Cancel | undefined;
	private wakeAsked = false;
	private depth = 0;
	private runs = 0;
	private runsAtMs = -1;
	/** A step has ended since the checkers were told. */
	private stepped = false;
	private calmNow = false;
	/** When the network last stood in the way of an answer. */
	private outageEndMs = -1;
	private lives = 0;
	private poweredAtMs = 0;
	private cuts = 0;
	private stopped = false;
	/** When the firmware's last CALL began: it may have waited for the transport since. */
	private calledMs = 0;
	private readonly pieces: { out: Uint8Array[]; in: Uint8Array[] } = { out: [], in: [] };

	constructor(readonly options: SimOptions, private readonly make: MakeStation = (host) => new Station(host)) {
		const { seed } = options;
		this.dice = new Dice(`seed ${seed}`);
		this.clock = new VirtualClock(options.startTicks);
		this.flash = new FlashMemory(options.blocks);
		const elapsedMs = (): number => this.clock.elapsedMs;
		this.network = new Network(this.clock, elapsedMs, this.dice.fork("network"), options.network);
		this.board = new Board({
			clock: this.clock,
			entropy: this.dice.fork("entropy"),
			flash: this.flash,
			socket: this.network,
			identity: {
				identity: "CS001", url: ENDPOINT, password: PASSWORD, securityProfile: 1, vendorName: "Vendor", model: "Model", serialNumber: "1",
				firmwareVersion: "0.1.0",
			},
			evses: options.evses,
			phases: options.phases,
			hasLock: options.hasLock,
		});
		this.checkers = new Checkers({
			elapsedMs,
			utc: () => this.clock.utc(),
			// Each step of the clock goes back by at most a day.
			earliestUtc: options.baseUtc - 60 * 24 * HOUR_MS,
		});
		this.csms = new RandomCsms(this.clock, this.dice.fork("csms"), options.csms, {
			elapsedMs,
			violation: (rule, text) => this.checkers.fail(rule as Rule, text),
			arrived: (text) => {
				this.checkers.arrived(text);
				const [type, , action] = JSON.parse(text) as [number, string, string];
				if (type === 2) this.reports.arrived(action);
			},
			unanswered: (action, sinceMs) => {
				// A half-open connection of a station that was dark meanwhile answers nothing.
				const isExcused = sinceMs <= this.outageEndMs || this.board.net.mode !== undefined || sinceMs <= this.poweredAtMs;
				if (!isExcused && this.life !== undefined) this.checkers.fail("reply", `${action} has no answer`);
			},
			trace: (text) => this.trace(text),
		}, options.baseUtc, PASSWORD, options.evses, ENDPOINT);
		this.reports = new ReportCheckers((rule, text) => this.checkers.fail(rule, text), () => [PASSWORD, NEW_PASSWORD, "file-secret"]);
		this.files = new FileServer(this.clock, this.dice.fork("files"), options.csms.badFiles, {
			uploaded: (name, body) => this.reports.uploaded(name, body),
			wrong: (text) => this.checkers.fail("wire", text),
			trace: (text) => this.trace(text),
		});
		this.network.onConnection = (wire) => (wire.host === FILE_HOST ? this.files.connect(wire) : this.csms.connect(wire));
		this.people = new People(this.clock, this.dice.fork("people"), this.board, options.people, (what) => {
			this.trace(what);
			this.look();
		});
		this.arrangeFaults();
	}

	/** Power on, trouble, calm, verdict. */
	run(): Verdict {
		this.begin();
		this.pass(this.options.hours * HOUR_MS);
		return this.finish();
	}

	/** Power comes on for the first time. */
	begin(): void {
		this.powerOn(RestartCause.powerUp);
	}

	/** The firmware that runs now; undefined while the board is dark. */
	get station(): Station | undefined {
		return this.life?.station;
	}

	/** All trouble ends; what is owed must be paid. */
	finish(): Verdict {
		const { options } = this;
		this.calm();
		for (let hours = 0; hours < CALM_HOURS_MAX && !this.stopped; hours += 0.25) {
			this.pass(HOUR_MS / 4);
			if (hours >= 2 && this.isSettled()) break;
		}
		if (!this.stopped) this.judgeRest();
		return {
			options,
			findings: this.checkers.findings,
			trace: this.lines,
			virtualHours: this.clock.elapsedMs / HOUR_MS,
			digest: this.hash.digest("hex"),
			counts: {
				lives: this.lives, cuts: this.cuts, connections: this.csms.connections, messages: this.checkers.messages,
				events: this.checkers.generated, resent: this.checkers.resent, thinned: this.checkers.thinned, refused: this.checkers.refused,
				givenUp: this.checkers.givenUp, securityEvents: this.reports.securityEvents, uploads: this.reports.uploads, customers: this.reports.customers,
			},
		};
	}

	/** Lets time pass, to the end or to the first finding. */
	pass(ms: number): void {
		const endMs = this.clock.elapsedMs + ms;
		while (this.clock.elapsedMs < endMs && !this.stopped) {
			this.clock.advance(Math.min(this.clock.nextInMs, endMs - this.clock.elapsedMs));
			this.lookAtRest();
			if (this.checkers.findings.length > 0) this.stopped = true;
		}
	}

	trace(text: string): void {
		this.lines.push(`${(this.clock.elapsedMs / 1000).toFixed(3)} ${text}`);
		if (this.lines.length > TRACE_LINES) this.lines.shift();
	}

	// Power.

	private powerOn(cause: number): void {
		if (this.stopped) return;
		this.flash.powerOn();
		this.lives++;
		this.poweredAtMs = this.clock.elapsedMs;
		const life = this.life = new Life(this);
		this.trace(`power on, cause ${cause}`);
		try {
			life.station = this.make(this.hostOf(life));
		} catch (error) {
			if (!this.flash.isOff) return this.crash(error);
			return this.cutPower();
		}
		// Storage takes a cut for a flash that fails; a life that began with one sees nothing.
		if (this.flash.isOff) return this.cutPower();
		const { station } = life;
		this.reports.booted();
		// The constructor reads only; what it found is what a power cut has left.
		this.watch(station);
		this.lookAtFlash(station);
		this.enter(() => {
			station.start(cause);
			this.board.attach({
				post: (code, evseIndex, value) => {
					let taken = false;
					this.enter(() => {
						taken = station.post(code, evseIndex, value);
						if (!taken && !life.isDead) this.checkers.fail("inbox", `event ${code} of EVSE ${evseIndex} is lost`);
					});
					return taken;
				},
			});
			this.wake();
		});
	}

	/** The power goes, now: whatever the firmware was doing has no further effect. It comes back after `darkMs`, or when chance says. */
	cutPower(darkMs?: number): void {
		const { life, dice } = this;
		if (life === undefined) return;
		this.cuts++;
		this.trace("power cut");
		this.takeOut(life);
		this.network.vanish(dice.chance(0.5));
		if (!this.options.hasBattery) this.clock.forget();
		const offMs = darkMs ?? (this.calmNow ? 1000 : dice.pick([100, 3000, 60_000, dice.wait(HOUR_MS)]));
		this.clock.after(offMs, () => {
			this.flash.powerOn();
			this.powerOn(RestartCause.powerUp);
		});
	}

	/** The firmware resets; the clock of the chip goes on. */
	private reboot(life: Life, cause: number): void {
		if (this.life !== life || life.isDead) return;
		this.takeOut(life);
		this.network.vanish(this.dice.chance(0.7));
		this.clock.after(100, () => this.powerOn(cause));
	}

	private takeOut(life: Life): void {
		life.end();
		this.life = undefined;
		this.nextRun?.();
		this.nextRun = undefined;
		this.pieces.out.length = this.pieces.in.length = 0;
		this.board.detach();
	}

	private crash(error: unknown): void {
		this.checkers.fail("crash", error instanceof Error ? (error.stack ?? error.message) : String(error));
		this.stopped = true;
	}

	// The firmware's way in and out.

	private hostOf(life: Life): Host {
		const { board } = this;
		const host = board.host({
			restart: (cause) => {
				this.trace(`restart asked, cause ${cause}`);
				this.clock.after(0, () => this.reboot(life, cause));
			},
			wake: () => {
				if (!life.isDead) this.wake();
			},
			observer: {
				generated: (id, seqNo, type) => {
					if (!life.isDead) this.checkers.announced(id, seqNo, type);
				},
				traffic: (outgoing, bytes, from, to, last) => {
					if (!life.isDead) this.collect(life, outgoing, bytes, from, to, last);
				},
			},
		});
		return {
			...host,
			evses: board.evses.map((evse) => new LifePort(evse, life)),
			log: { event: (code, a, b) => this.logged(life, code, a, b) },
			socket: { open: (options) => this.openSocket(life, options) },
		};
	}

	private openSocket(life: Life, options: SocketOptions): Socket {
		if (options.host !== FILE_HOST) {
			this.checkers.connected();
			this.reports.connected();
			this.pieces.out.length = this.pieces.in.length = 0;
		}
		const inner = this.board.net.open({
			host: options.host,
			port: options.port,
			secure: options.secure,
			onReadable: (count) => this.callBack(life, () => options.onReadable(count)),
			onWritable: (count) => this.callBack(life, () => options.onWritable(count)),
			onError: (error) => this.callBack(life, () => options.onError(error)),
		});
		return {
			get writable(): number {
				return life.isDead ? 0 : inner.writable;
			},
			read: (bytes, from, to) => (life.isDead ? 0 : inner.read(bytes, from, to)),
			write: (bytes, from, to) => {
				if (!life.isDead) inner.write(bytes, from, to);
			},
			close: () => {
				if (!life.isDead) inner.close();
			},
		};
	}

	private callBack(life: Life, work: () => void): void {
		if (life.isDead || this.life !== life) return;
		this.enter(work);
	}

	private wake(): void {
		if (this.wakeAsked) return;
		this.wakeAsked = true;
		this.clock.after(0, () => {
			this.wakeAsked = false;
			this.step();
		});
	}

	private step(): void {
		const { life } = this;
		this.nextRun?.();
		this.nextRun = undefined;
		if (life?.station === undefined || life.isDead) return;
		const { station } = life;
		if (this.runsAtMs !== this.clock.elapsedMs) {
			this.runsAtMs = this.clock.elapsedMs;
			this.runs = 0;
		}
		if (++this.runs > RUNS_MAX) {
			this.checkers.fail("busy", `${RUNS_MAX} steps without any time passing`);
			this.stopped = true;
			return;
		}
		this.enter(() => {
			this.stepped = true;
			const waitMs = station.step();
			if (!(waitMs >= 0 && waitMs <= 60_000)) this.checkers.fail("busy", `step() wants to sleep ${waitMs} ms`);
			if (this.life === life && this.nextRun === undefined) this.nextRun = this.clock.after(waitMs, () => this.step());
		});
	}

	/** All calls into the firmware go through here; behind the outermost one it is looked at. */
	private enter(work: () => void): void {
		this.depth++;
		try {
			work();
		} catch (error) {
			this.crash(error);
		} finally {
			this.depth--;
		}
		if (this.depth > 0) return;
		// What was received is looked at in the next step, not in the callback of the socket.
		if (this.stepped || this.flash.isOff) {
			this.stepped = false;
		}
		if (this.flash.isOff) this.cutPower();
		else this.look();
	}

	/** Puts eyes on the queue of a new life, and on what it makes of answers. */
	private watch(station: Station): void {
		const { outbox, variables } = station;
		const rpc = station["rpc"];
		const call = rpc.call.bind(rpc);
		rpc.call = (action, payload) => {
			this.calledMs = this.clock.elapsedMs;
			call(action, payload);
		};
		const onResult = station.onResult.bind(station);
		station.onResult = (action, bytes, from, to) => {
			const taken = onResult(action, bytes, from, to);
			if (taken && !this.flash.isOff) {
				this.checkers.answerTaken(ACTION_NAMES[action]);
				this.reports.closed(ACTION_NAMES[action]);
			}
			return taken;
		};
		const onFailed = station.onFailed.bind(station);
		station.onFailed = (action, failure) => {
			const retryMs = variables.number(Variable.OCPPCommMessageAttemptIntervalTransactionEvent) * 1000;
			const head = failure === 2 ? (outbox.peek() as EventLike | undefined) : undefined;
			if (!this.flash.isOff) this.checkers.callFailed(ACTION_NAMES[action], failure, station.messageTimeoutSeconds * 1000, retryMs, head);
			onFailed(action, failure);
			if (failure !== 3) this.reports.closed(ACTION_NAMES[action]);
		};
		const { journal } = station;
		const record = journal.append.bind(journal);
		journal.append = (type, isCritical, utcMs, techInfo) => {
			const kept = record(type, isCritical, utcMs, techInfo);
			this.reports.recorded(type, isCritical, techInfo, kept && !this.flash.isOff);
			return kept;
		};
		const told = journal.acknowledge.bind(journal);
		journal.acknowledge = () => {
			const wasOff = this.flash.isOff;
			const isDurable = told();
			if (!wasOff) this.reports.acknowledged(isDurable && !this.flash.isOff);
			return isDurable;
		};
		const acknowledge = outbox.acknowledge.bind(outbox);
		outbox.acknowledge = () => {
			const wasOff = this.flash.isOff;
			const isDurable = acknowledge();
			if (!wasOff) this.checkers.tookOut(isDurable);
			return isDurable;
		};
		const append = outbox.append.bind(outbox);
		outbox.append = (event) => {
			const copy = JSON.parse(JSON.stringify(event)) as EventLike;
			const { isOnline } = station;
			const kept = append(event);
			this.checkers.appended(copy, kept, isOnline);
			return kept;
		};
		const markOffline = outbox.markOffline.bind(outbox);
		outbox.markOffline = () => {
			markOffline();
			if (!this.flash.isOff) this.checkers.linkDropped();
		};
	}

	private lookAtFlash(station: Station): void {
		const found: { event: EventLike; acknowledged: boolean }[] = [];
		station.outbox.iterate((event, acknowledged) => found.push({ event: JSON.parse(JSON.stringify(event)) as EventLike, acknowledged }));
		this.checkers.booted(found, true);
	}

	private logged(life: Life, code: number, a: number, b: number): void {
		this.board.log.event(code, a, b);
		const { station } = life;
		if (life.isDead || station === undefined) return;
		if (code === LogCode.journalThinned) this.reports.gaveUp(a);
		if (code === LogCode.queueThinned) this.checkers.thinnedOut(a);
		if (code === LogCode.eventDiscarded) {
			this.checkers.discarded(a, b, station.variables.number(Variable.OCPPCommMessageAttemptsTransactionEvent));
		}
		if (code !== LogCode.flashFailed && code !== LogCode.meterSilent) this.trace(this.board.log.last(1)[0].replace(/^\S+ (\d+ )?/, "log "));
	}

	private collect(life: Life, outgoing: boolean, bytes: Uint8Array, from: number, to: number, last: boolean): void {
		const pieces = outgoing ? this.pieces.out : this.pieces.in;
		pieces.push(bytes.slice(from, to));
		if (!last) return;
		const text = Buffer.concat(pieces).toString("utf8");
		pieces.length = 0;
		this.hash.update(text);
		this.trace(`${outgoing ? "->" : "<-"} ${text.slice(0, 300)}`);
		if (outgoing) this.checkers.sent(text, this.calledMs);
		else this.checkers.received(text);
		this.watchReports(outgoing, text);
	}

	private watchReports(outgoing: boolean, text: string): void {
		let frame: any[];
		try {
			frame = JSON.parse(text) as any[];
		} catch {
			return; // a CSMS says many things
		}
		if (!Array.isArray(frame)) return;
		const [type, id] = frame;
		if (!outgoing) {
			if (type === 2 && typeof id === "string" && typeof frame[3] === "object" && frame[3] !== null) this.reports.called(id, frame[2], frame[3]);
		} else if (type === 2) this.reports.sent(frame[2], frame[3]);
		else this.reports.answered(id, type === 3 ? frame[2] : undefined);
	}

	// What is looked at.

	/** Whenever the firmware or a driver has done something: no energy without a right to it. */
	private look(): void {
		const station = this.life?.station;
		this.board.evses.forEach((evse, index) => {
			if (!evse.relayClosed || (evse.memory.faults & events.FaultBit.welded) !== 0) return;
			const its = station?.evses[index];
			if (its === undefined) this.checkers.fail("contactor", `EVSE ${index + 1} is closed without a firmware`);
			else this.checkers.contactorClosed(index + 1, its.transactionId, its.permit.limitMilliamps, its.endCause >= 0);
		});
		if (station !== undefined && station.outbox.count < 0) this.checkers.fail("queue", `${station.outbox.count} events wait`);
	}

	/** When an instant is over: every fault has been seen by the firmware, and nothing is larger than its place. */
	private lookAtRest(): void {
		const station = this.life?.station;
		for (const evse of this.board.evses) {
			if (!evse.relayClosed || (evse.memory.faults & events.FaultBit.welded) !== 0 || evse.memory.faults === 0) continue;
			this.checkers.fail("protection", `the contactor is closed with faults ${evse.memory.faults}`);
		}
		if (station === undefined) return;
		const bytes = station.outbox.bytesUsed;
		if (bytes > this.options.blocks * 4096) this.checkers.fail("queue", `the queue takes ${bytes} bytes`);
	}

	// The faults.

	private arrangeFaults(): void {
		const { options, board, flash } = this;
		const { faults, network } = options;
		const dice = this.dice.fork("faults");
		const every = (perHour: number, work: () => void): void => {
			if (perHour === 0) return;
			this.clock.after(dice.wait(HOUR_MS / perHour), () => {
				if (this.calmNow || this.stopped) return;
				work();
				every(perHour, work);
			});
		};
		const forAWhile = (what: string, meanMs: number, begin: () => void, end: () => void): void => {
			this.trace(what);
			begin();
			this.look();
			this.clock.after(dice.wait(meanMs), () => {
				if (this.calmNow) return;
				this.trace(`end of ${what}`);
				end();
				this.look();
			});
		};
		every(faults.powerCuts, () => {
			// At the next operation, or at one that comes in some time; or right now, between two.
			if (dice.chance(0.2)) {
				flash.cutAt(1, "before");
				try {
					flash.eraseBlock(0);
				} catch {
					return this.cutPower();
				}
			}
			flash.cutAt(dice.pick([1, 2, 3, dice.between(1, 30)]), dice.pick(TORN), dice.word());
		});
		every(faults.failingWrites, () => {
			if (dice.chance(0.6)) flash.failNext = dice.between(1, 6);
			else forAWhile("failing flash", faults.lastMs, () => (flash.failNext = Infinity), () => (flash.failNext = 0));
		});
		every(faults.resets, () => {
			if (this.life === undefined) return;
			const { life } = this;
			this.trace("reset button");
			if (dice.chance(0.5)) this.enter(() => life.station?.stop());
			this.reboot(life, dice.pick([RestartCause.localReset, RestartCause.watchdog]));
		});
		for (const kind of ["ground", "overcurrent", "welded", "meter", "internal"] as const) {
			every(faults[kind], () => {
				const evse = dice.pick(board.evses);
				forAWhile(`fault ${kind}`, faults.lastMs, () => evse.fault(FAULTS[kind]!, true), () => evse.fault(FAULTS[kind]!, false));
			});
		}
		every(faults.lock, () => {
			const evse = dice.pick(board.evses);
			forAWhile("jammed lock", faults.lastMs, () => evse.jamLock(true), () => evse.jamLock(false));
		});
		this.tamperNowAndThen(faults.tampers, this.dice.fork("tamper"));
		every(network.cuts, () => this.wireDo("cut", (wire) => wire.reset()));
		every(network.silences, () => this.wireDo("half-open", (wire) => wire.mute()));
		const outage = (mode: "drop" | "blackhole"): void => {
			forAWhile(mode, network.outageMs, () => {
				this.outageEndMs = Infinity;
				board.net.down(mode);
			}, () => this.netUp());
		};
		every(network.drops, () => outage("drop"));
		every(network.blackHoles, () => outage("blackhole"));
	}

	private tamperNowAndThen(perHour: number, dice: Dice): void {
		if (perHour === 0) return;
		this.clock.after(dice.wait(HOUR_MS / perHour), () => {
			if (this.calmNow || this.stopped) return;
			this.trace("tamper");
			this.board.tamper();
			this.tamperNowAndThen(perHour, dice);
		});
	}

	private netUp(): void {
		this.outageEndMs = this.clock.elapsedMs;
		this.board.net.up();
	}

	private wireDo(what: string, work: (wire: { reset(): void; mute(): void }) => void): void {
		for (const wire of this.network.wires) {
			this.trace(what);
			this.outageEndMs = this.clock.elapsedMs;
			return work(wire);
		}
	}

	// The end.

	private calm(): void {
		this.calmNow = true;
		this.trace("calm");
		const { flash, board, csms } = this;
		flash.failNext = 0;
		if (!flash.isOff) flash.cutAt(0, "before");
		this.network.setting = { ...this.network.setting, refused: 0, unanswered: 0 };
		this.netUp();
		csms.calm();
		this.files.unreliable = 0;
		this.people.goHome();
		for (const evse of board.evses) {
			evse.jamLock(false);
			for (const bit of Object.values(FAULTS)) evse.fault(bit, false);
		}
		// What went silent stays silent: the station has to find out.
	}

	private isSettled(): boolean {
		const station = this.life?.station;
		if (station === undefined || station.journal.waiting > 0 || station.upload !== null || station.customerReport !== null) return false;
		return station.isOnline && station.outbox.count === 0 && station.evses.every((evse) => evse.transactionId === "");
	}

	private judgeRest(): void {
		const { checkers } = this;
		const station = this.life?.station;
		if (station === undefined) return checkers.fail("rest", "the firmware does not run");
		if (!station.isOnline) checkers.fail("rest", `not connected or not accepted; last lines: ${this.board.log.last(4).join(", ")}`);
		checkers.atRest(station.outbox.count);
		this.reports.atRest(station.journal.waiting, station.bootCause === RestartCause.powerUp ? "StartupOfTheDevice" : "ResetOrReboot");
		station.evses.forEach((evse, index) => {
			const status = evse.reportedStatus;
			if (status !== "Available" && !(status === "Unavailable" && evse.barred !== 0)) {
				checkers.fail("rest", `EVSE ${index + 1} is told as ${status || "nothing"}`);
			}
			if (this.board.evses[index].isLocked && evse.lockedFor === "") checkers.fail("rest", `EVSE ${index + 1} holds a cable for nobody`);
		});
	}
}

/**
 * Runs one seed.
 * @param hours  virtual hours of trouble
 * @param make  puts another firmware on the board
 */
export function runSeed(seed: number, hours: number, make?: MakeStation): Verdict {
	return new Simulation(optionsOf(seed, hours), make).run();
}

/** What a person needs to find a fault: seed, every derived option, what was found, the last lines. */
export function report(verdict: Verdict, commit: string): string {
	const { options, findings, trace } = verdict;
	return [
		`seed ${options.seed} of ${options.hours} h failed at commit ${commit}`,
		`options ${JSON.stringify(options)}`,
		...trace.map((line) => `  ${line}`),
		...findings.map((finding) => `${(finding.atMs / 1000).toFixed(3)} ${finding.rule}: ${finding.text}`),
	].join("\n");
}
