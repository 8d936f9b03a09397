// The rig of the functional cases: a station on the virtual board and a strict CSMS, joined by real sockets, with the
// board's clock in the hands of the case. Time passes only in advance(); waits for messages are real, short and bounded.
// Cases reach the station by its methods alone, each of which has its command on the control port, so that another
// engine can stand behind them.

import { FlashMemory } from "../board/flash-memory.js";
import { BoardMemory } from "../board/board-memory.js";
import { DesktopClock } from "../board/clock.js";
import { SeededEntropy } from "../board/entropy.js";
import { NodeSocketMaker } from "../board/socket-node.js";
import { RestartCause } from "../../modules/ports/events.js";
import type { ForcedReading } from "../board/evse.js";
import type { NetMode } from "../board/net-gate.js";
import type { TransactionEventRequest } from "../../preload/payloads.js";
import { ScriptedCsms, type RecordedMessage } from "../csms/scripted.js";
import { Desktop, type DesktopEvent, type MakeFirmware } from "../station/desktop.js";
import { Ledger } from "../station/ledger.js";
import { firmwareMaker, type EngineName } from "../xs/engine.js";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RigOptions {
	evses?: number;
	/** Answer to the first BootNotification; Accepted unless told. */
	boot?: "Accepted" | "Pending" | "Rejected";
	/** Seconds in the BootNotificationResponse. */
	interval?: number;
	/** Variables set before the case begins, as `Component.Variable` or `Component.Variable.Instance`. */
	variables?: { readonly [name: string]: string };
	/** Blocks of the flash partition. */
	blocks?: number;
}

/** The engine that runs the firmware of all cases: "node" or "xs". */
const ENGINE = (process.env.STATION_ENGINE ?? "node") as EngineName;
/** EVSEs of a station where the case does not care: all cases run with two as well. */
const EVSES = Number(process.env.STATION_EVSES ?? 1);
const PASSWORD = "0123456789abcdef";
const IDENTITY = "CS001";
/** Where the time of day of all cases begins. */
const BASE_MS = Date.UTC(2026, 2, 1, 8, 0, 0);
/** Cases are not in a hurry: a loaded machine may be slow. */
const WAIT_MS = process.env.STATION_XS_STRESS === undefined ? 8000 : 120_000;
/** Rounds without a message after which nothing is on its way any more. */
const CALM_ROUNDS = 3;
jasmine.DEFAULT_TIMEOUT_INTERVAL = process.env.STATION_XS_STRESS === undefined ? 30_000 : 600_000;

export class Rig {
	readonly events: DesktopEvent[] = [];
	readonly flash: FlashMemory;
	private readonly directory = mkdtempSync(join(tmpdir(), "rig-"));
	private elapsedMs = 0;
	private mark = 0;
	private life = 0;
	private isOn = false;
	private makeFirmware!: MakeFirmware;
	/** The CSMS sends what no CSMS should: its own faults, and what its library makes of the answers, do not count. */
	isHostile = false;
	desktop!: Desktop;
	clock!: DesktopClock;

	private constructor(
		readonly csms: ScriptedCsms,
		private readonly options: RigOptions,
		private readonly passwords: { [identity: string]: string | null },
	) {
		this.flash = new FlashMemory(options.blocks ?? 24);
		csms.clockMs = () => BASE_MS + this.timeMs();
		csms.heartbeatSeconds = options.interval ?? 86_400;
	}

	/** A station that has booted and told its first states; with `boot` other than Accepted, one that has asked once. */
	static async open(options: RigOptions = {}): Promise<Rig> {
		const passwords: { [identity: string]: string | null } = { [IDENTITY]: PASSWORD };
		const csms = await ScriptedCsms.open({ passwords });
		const rig = new Rig(csms, options, passwords);
		rig.makeFirmware = await firmwareMaker(ENGINE, { variant: "quick" });
		const boot = options.boot ?? "Accepted";
		if (boot !== "Accepted") csms.bootOnce(boot, options.interval ?? 60);
		rig.powerOn();
		await csms.waitFor((message) => !message.fromStation && message.action === "BootNotification", "answer to boot", WAIT_MS);
		if (boot === "Accepted") await rig.told("StatusNotification", options.evses ?? EVSES);
		await rig.settle();
		for (const [name, value] of Object.entries(options.variables ?? {})) await rig.set(name, value);
		return rig;
	}

	/** Power comes on, on the flash and the board as they are. */
	powerOn(): void {
		this.isOn = true;
		this.life++;
		this.elapsedMs = this.timeMs();
		// A rate near zero: board time stands still until advance() moves it, while timers that are due still run.
		this.clock = new DesktopClock(() => 0);
		this.mark = this.clock.ticks();
		const plate = {
			identity: IDENTITY, url: this.csms.url, password: PASSWORD, securityProfile: 1, vendorName: "Vendor",
			model: "Model", serialNumber: "1", firmwareVersion: "0.1.0", evses: this.options.evses ?? EVSES,
		};
		this.desktop = new Desktop({
			memory: BoardMemory.open(this.directory, plate),
			ledger: new Ledger(this.directory),
			clock: this.clock,
			entropy: new SeededEntropy(7, this.life),
			flash: this.flash,
			socket: new NodeSocketMaker(),
			makeFirmware: this.makeFirmware,
			onEvent: (event) => this.events.push(event),
			onCrash: (error) => {
				throw error;
			},
		});
		this.desktop.powerOn();
	}

	/** The power goes: nothing of the firmware runs any more, its sockets die with it. Flash, meter and cable stay. */
	powerOff(): void {
		if (this.isOn) this.desktop.stop();
		this.isOn = false;
	}

	/** Power off and on; done when the station has been accepted again and told its states. */
	async powerCut(): Promise<void> {
		this.powerOff();
		const from = this.csms.messages.length;
		this.powerOn();
		await this.told("StatusNotification", this.options.evses ?? EVSES, from);
		await this.settle();
	}

	/** The password that the CSMS asks of the station from the next connection on; null where it may send none. */
	set password(password: string | null) {
		this.passwords[IDENTITY] = password;
	}

	private timeMs(): number {
		return this.clock === undefined ? this.elapsedMs : this.elapsedMs + ((this.clock.ticks() - this.mark) >>> 0);
	}

	/** Moves the board's time and runs what becomes due; the CSMS answers on the way. */
	async advance(ms: number): Promise<void> {
		await this.settle();
		await this.clock.advance(ms);
		await this.settle();
	}

	/** Lets everything that is on its way arrive, without the board's time moving. */
	async settle(): Promise<void> {
		let seen = -1;
		for (let calm = 0; calm < CALM_ROUNDS; ) {
			await this.clock.advance(0);
			for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
			await new Promise((resolve) => setTimeout(resolve, 1));
			calm = this.csms.messages.length === seen ? calm + 1 : 0;
			seen = this.csms.messages.length;
		}
	}

	/** Time of day of the CSMS, and of a station that has booted. */
	nowMs(): number {
		return BASE_MS + this.timeMs();
	}

	/** The network is gone, or back. */
	net(mode: NetMode | "up"): void {
		if (mode === "up") this.desktop.board.net.up();
		else this.desktop.board.net.down(mode);
	}

	/** The flash refuses so many writes and erases from now on. */
	failWrites(count: number): void {
		this.desktop.board.flash.failNext = count;
	}

	/** The lock of an EVSE refuses to move, or moves again. */
	async jamLock(isJammed: boolean, evse = 1): Promise<void> {
		this.desktop.board.evses[evse - 1].jamLock(isJammed);
		await this.settle();
	}

	/** What the meter is forced to show; a call without values lets it measure again. */
	meter(forced: ForcedReading, energyWh?: number, evse = 1): void {
		this.desktop.board.evses[evse - 1].meter(forced, energyWh);
	}

	/** The register of the meter. */
	energyWh(evse = 1): number {
		return this.desktop.board.evses[evse - 1].readEnergyWh();
	}

	/** True while the contactor is closed. */
	relay(evse = 1): boolean {
		return this.desktop.board.evses[evse - 1].relayClosed;
	}

	/** True while the lock holds the cable. */
	locked(evse = 1): boolean {
		return this.desktop.board.evses[evse - 1].isLocked;
	}

	/** seqNo of all transaction events as they were generated. */
	generated(): number[] {
		return this.desktop.ledger.entries.map((entry) => entry.seqNo);
	}

	async plug(evse = 1): Promise<void> {
		this.desktop.board.evses[evse - 1].plug();
		await this.settle();
	}

	async unplug(side: "ev" | "station" = "ev", evse = 1): Promise<void> {
		this.desktop.board.evses[evse - 1].unplug(side);
		await this.settle();
	}

	async ev(isReady: boolean, amps?: number, evse = 1): Promise<void> {
		this.desktop.board.evses[evse - 1].ev(isReady, amps);
		await this.settle();
	}

	async token(idToken: string, evse?: number): Promise<void> {
		this.desktop.board.reader.present(idToken, "ISO14443", evse === undefined ? -1 : evse - 1);
		await this.settle();
	}

	async fault(bit: number, isOn: boolean, evse = 1): Promise<void> {
		this.desktop.board.evses[evse - 1].fault(bit, isOn);
		await this.settle();
	}

	/** The start button (true) or the stop button of an EVSE is pressed. */
	async button(isStart: boolean, evse = 1): Promise<void> {
		this.desktop.board.evses[evse - 1].press(isStart);
		await this.settle();
	}

	/** The firmware resets itself, as a watchdog or a button would make it. */
	async restart(cause: number = RestartCause.localReset): Promise<void> {
		this.desktop.reboot(cause);
		await this.advance(1000);
	}

	/** CALLs the station and returns the payload of its answer. */
	async call<T = any>(action: string, payload: object): Promise<T> {
		const answer = await this.csms.call(action, payload);
		await this.settle();
		return answer as T;
	}

	/** Code of the CALLERROR that answers a CALL. */
	async refused(action: string, payload: object): Promise<string> {
		return this.raw(`[2,"raw-${this.csms.messages.length}",${JSON.stringify(action)},${JSON.stringify(payload)}]`);
	}

	/** Sends a text frame as it is and returns the code of the CALLERROR that follows. */
	async raw(text: string): Promise<string> {
		return (await this.rawAnswer(text)).errorCode;
	}

	/** Sends a text frame as it is and returns what the station says to it. */
	async rawAnswer(text: string): Promise<RecordedMessage> {
		this.isHostile = true;
		const from = this.csms.messages.length;
		this.csms.sendRaw(text);
		const isAnswer = (m: RecordedMessage): boolean => m.fromStation && (m.type === 3 || m.type === 4);
		const answer = await this.csms.waitFor(isAnswer, "answer", WAIT_MS, from);
		await this.settle();
		return answer;
	}

	/** Sets a variable; `name` is Component.Variable or Component.Variable.Instance. */
	async set(name: string, value: string): Promise<string> {
		const [component, variable, instance] = name.split(".");
		const result = await this.call("SetVariables", {
			setVariableData: [{ attributeValue: value, component: { name: component }, variable: { name: variable, instance } }],
		});
		return result.setVariableResult[0].attributeStatus;
	}

	/** Value of a variable, or its attributeStatus when it is not Accepted. */
	async get(name: string): Promise<string> {
		const [component, variable, instance] = name.split(".");
		const result = await this.call("GetVariables", {
			getVariableData: [{ component: { name: component }, variable: { name: variable, instance } }],
		});
		const item = result.getVariableResult[0];
		return item.attributeStatus === "Accepted" ? item.attributeValue : item.attributeStatus;
	}

	/** Payloads of the station's CALLs of an action, in order; waits until there are `least` of them. */
	async told<T = any>(action: string, least = 0, from = 0): Promise<T[]> {
		const list = (): RecordedMessage[] => this.csms.calls(action, from);
		for (let waited = 0; list().length < least && waited < WAIT_MS; waited += 5) {
			await this.clock.advance(0);
			await new Promise((resolve) => setTimeout(resolve, 5));
		}
		if (list().length < least) throw new Error(`${list().length} ${action}, wanted ${least}`);
		return list().map((message) => message.payload as T);
	}

	/** TransactionEvents that the CSMS has received, in order. */
	transactionEvents(): TransactionEventRequest[] {
		return this.csms.calls("TransactionEvent").map((message) => message.payload as TransactionEventRequest);
	}

	/** eventType/triggerReason/chargingState of each, the shape of the table "Expected events". */
	story(): string[] {
		return this.transactionEvents().map(
			(event) => `${event.eventType}/${event.triggerReason}/${event.transactionInfo.chargingState}`,
		);
	}

	/** Cable, card, energy: a running transaction; returns its id. */
	async charge(idToken = "04A2B3", evse = 1): Promise<string> {
		const before = this.transactionEvents().length;
		await this.plug(evse);
		await this.token(idToken, evse);
		await this.ev(true, undefined, evse);
		return this.transactionEvents()[before].transactionInfo.transactionId;
	}

	/** Actions of the station's CALLs since `from`, in order. */
	actions(from = 0): string[] {
		return this.csms.find((m) => m.fromStation && m.type === 2, from).map((m) => m.action);
	}

	/** What was wrong with the messages of the case, in one line each; with nothing wrong the list is empty. */
	wrongs(): string[] {
		const violations = this.csms.violations.filter((violation) => violation.fromStation || !this.isHostile);
		const lines = violations.map((v) => `${v.fromStation ? "station" : "CSMS"} ${v.action}: ${v.text}: ${v.message}`);
		return this.isHostile ? lines : lines.concat(this.csms.refused);
	}

	/** Ends all. */
	async close(): Promise<void> {
		this.powerOff();
		await this.csms.close();
		rmSync(this.directory, { recursive: true, force: true });
	}
}

/** Opens the rig of a case; it is judged and closed after the case. To be called in a describe(). */
export function rigPerCase(): (options?: RigOptions) => Promise<Rig> {
	let rig: Rig | undefined;
	afterEach(async () => {
		const used = rig;
		rig = undefined;
		if (used === undefined) return;
		expect(used.wrongs()).toEqual([]);
		await used.close();
	});
	return async (options) => (rig = await Rig.open(options));
}
