// The station: one record and one function. step() drains what drivers posted, lets connection, RPC and blocks see the
// clock, and offers the connection to whoever has something to say; it runs to completion and never waits.
// Owns: the parts and their order. Not what they decide (model/, blocks/).

import { REQUEST_TYPE, RESPONSE_TYPE } from "../../preload/actions.js";
import { RpcError } from "../../preload/errors.js";
import { freeze } from "../../preload/freeze.js";
import { LIMITS } from "../../preload/limits.js";
import type {
	Answer,
	CustomerReport,
	Failure,
	SendRow,
	Station as StationParts,
	Upload,
} from "../blocks/block.js";
import { Verdict, decode } from "../core/decode.js";
import { Ring } from "../core/ring.js";
import { connectorStatus } from "../model/availability.js";
import { Evse } from "../model/evse.js";
import { PendingToken } from "../model/pending-token.js";
import { Registration } from "../model/registration.js";
import { PendingReset } from "../model/reset.js";
import { BaseReport } from "../model/report.js";
import { Reconfigured, SecurityEvent, securityEvent } from "../model/security-event.js";
import { SecurityState } from "../model/security-state.js";
import { SigningState } from "../model/signing-state.js";
import { InternalEvent, LogCode, RestartCause, StopCause } from "../ports/events.js";
import type { MeterReading } from "../ports/evse-port.js";
import type { Host } from "../ports/host.js";
import { Cell } from "../storage/cell-ids.js";
import { Cells } from "../storage/cells.js";
import { Vault, VaultKind, vaultBlocksOf } from "../storage/vault.js";
import { Journal } from "../storage/journal.js";
import { Outbox } from "../storage/outbox.js";
import { Store, StoreState } from "../storage/store.js";
import { Variables } from "../storage/variables.js";
import { Connection } from "../transport/connection.js";
import { Rpc } from "../transport/rpc.js";
import type { RpcListener } from "../transport/rpc.js";
import { newWebSocketBuffers } from "../transport/websocket.js";
import { installRoot } from "../blocks/certificates.js";
import { BLOCKS } from "./blocks.js";
import { CALLS, SENDS } from "./registry.js";
import { runningText, takeRunning } from "./running.js";
import { NetworkProfiles, Settings } from "./settings.js";
import { StationTrust, type RefusalListener } from "./trust.js";

/** The store cannot be used; nothing was written. `state` is a StoreState. */
export class StoreFault extends Error {
	readonly state: number;

	constructor(state: number) {
		super(STORE_FAULTS[state]);
		this.state = state;
	}
}

/** By StoreState, for people. */
const STORE_FAULTS = freeze([
	"",
	"the store was written by a newer version",
	"the store is corrupt",
	"the flash cannot be read or written",
	"the flash partition has an unusable size",
]);

const NO_RESTART = -1;
const NONE = -1;

export class Station implements StationParts, RpcListener, RefusalListener {
	readonly host: Host;
	readonly evses: readonly Evse[];
	readonly variables: Variables;
	readonly cells: Cells;
	readonly outbox: Outbox;
	readonly journal: Journal;
	readonly vault: Vault;
	readonly verdict = new Verdict();
	readonly reading: MeterReading;
	readonly report = new BaseReport();
	readonly pendingToken = new PendingToken();
	readonly security = new SecurityState();
	readonly signing = new SigningState();
	upload: Upload | null = null;
	customerReport: CustomerReport | null = null;

	registration: Registration = Registration.Unregistered;
	bootMark = 0;
	bootWaitMs = 0;
	bootCause: number = RestartCause.unknown;
	trafficMark = 0;
	clockMark = 0;
	attempts = 0;
	retryMark = 0;
	retryWaitMs = 0;
	credentialsChanged = false;
	triggered = 0;
	nextEventId = 1;
	sentBoundary = NaN;
	endedBoundary = NaN;
	readonly reset = new PendingReset();

	private readonly inbox = new Ring(LIMITS.inboxEvents);
	private readonly connection: Connection;
	private readonly rpc: Rpc;
	private readonly profiles: NetworkProfiles;
	readonly trust: StationTrust;
	private answeredAction = -1;
	private restartCause = NO_RESTART;
	private sleepMs = 0;
	private isInStep = false;

	/**
	 * Opens the store and takes up what it holds; a blank one is formatted.
	 * @throws StoreFault when the store is of a newer format, corrupt or unreadable; nothing was written then
	 */
	constructor(host: Host) {
		this.host = host;
		const store = new Store(host.flash, host.log, host.flash.blocks - vaultBlocksOf(host.flash.blocks));
		const state = store.open();
		if (state !== StoreState.ready) throw new StoreFault(state);
		this.cells = new Cells(store.cells, store.scratch, host.log);
		this.outbox = new Outbox(store.queue, store.scratch, host.log);
		this.journal = new Journal(store, host.log);
		this.vault = new Vault(host.flash, store.scratch, host.log);
		this.variables = new Variables(this.cells);
		this.trust = new StationTrust(this.vault, host.clock, this.cells, this);
		this.installBirthRoots();
		this.reading = { energyWh: 0, powerW: NaN, currentA: [NaN, NaN, NaN], voltageV: [NaN, NaN, NaN] };
		const evses: Evse[] = [];
		for (let i = 0; i < host.evses.length; i++) evses.push(new Evse(i, host.evses[i]!));
		this.evses = evses;
		this.rpc = new Rpc(host, this, this.idPrefix());
		this.profiles = new NetworkProfiles(host.identity, this.cells, this.variables);
		this.trust.choice = this.profiles;
		const settings = new Settings(this.variables, this.profiles);
		this.connection = new Connection(host, settings, this.profiles, this.rpc, newWebSocketBuffers());
		this.connection.trust = this.trust;
		this.rpc.connection = this.connection;
	}

	/** The first boot on an empty store: roots that the station was made with. */
	private installBirthRoots(): void {
		const roots = this.host.identity.roots;
		if (roots === undefined || this.cells.get(Cell.bootCount) !== undefined) return;
		for (let i = 0; i < roots.length; i++) installRoot(this, VaultKind.csmsRoot, roots[i]!, 0, roots[i]!.length);
	}

	/** Part 4 §4.1.4: the boot counter is on flash, and the random part covers a store that was made anew. */
	private idPrefix(): string {
		const boots = this.cells.getNumber(Cell.bootCount, 0) + 1;
		this.cells.setNumber(Cell.bootCount, boots);
		const random = new Uint8Array(6);
		this.host.entropy.fill(random, 0, 6);
		let salt = "";
		for (let i = 0; i < 6; i++) salt += ((random[i] as number) % 36).toString(36);
		return boots.toString(36) + "-" + salt + "-";
	}

	/**
	 * Begins to serve.
	 * @param cause  RestartCause that the hardware knows of; a cause that this station kept before its reboot wins
	 */
	start(cause: number): void {
		const clock = this.host.clock;
		this.bootCause = this.cells.getNumber(Cell.restartCause, cause);
		this.cells.erase(Cell.restartCause);
		this.bootMark = clock.ticks();
		this.trafficMark = clock.ticks();
		this.clockMark = clock.ticks();
		this.host.log.event(LogCode.booted, this.bootCause, 0);
		for (let i = 0; i < this.evses.length; i++) this.restore(this.evses[i]!);
		for (let i = 0; i < BLOCKS.length; i++) BLOCKS[i]!.restore?.(this);
		this.connection.start();
	}

	/**
	 * Takes up a transaction that ran when the power went or the firmware was reset. Its cell was written before its
	 * Started and is erased after its Ended, so the queue tells what really happened. It is ended, with the register as it
	 * is now, as soon as the time of day is known: the contactor has been open since.
	 */
	private restore(evse: Evse): void {
		const text = this.cells.get(Cell.transaction + evse.index);
		if (text === undefined) {
			// The power may have gone between an Ended and the bolt: nobody's cable stays locked without a transaction.
			evse.port.lock(false);
			return;
		}
		const lastSeqNo = takeRunning(evse, text) ? this.outbox.lastSeqNo(evse.transactionId) : NONE;
		if (lastSeqNo < 0 || this.outbox.hasEnded(evse.transactionId)) {
			evse.transactionId = "";
			evse.forgetToken();
			evse.port.lock(false);
			return this.forgetTransaction(evse);
		}
		evse.seqNo = lastSeqNo + 1;
		evse.endCause = this.bootCause === RestartCause.powerUp ? StopCause.powerLoss : StopCause.reboot;
	}

	/** Driver events; from any callback. False when the inbox is full (counted and logged). */
	post(code: number, evseIndex: number, value: number): boolean {
		const kept = this.inbox.push(code, evseIndex, value);
		if (!kept) this.host.log.event(LogCode.inboxOverflow, code, evseIndex);
		this.host.wake();
		return kept;
	}

	/** Does all that is due. Returns the milliseconds after which it wants to be called again at the latest. */
	step(): number {
		this.sleepMs = LIMITS.sleepMsMax;
		this.isInStep = true;
		this.drain();
		this.rpc.timeoutSeconds = this.profiles.messageTimeoutSeconds;
		this.connection.step();
		this.rpc.step();
		for (let i = 0; i < BLOCKS.length; i++) BLOCKS[i]!.step?.(this);
		this.pump();
		this.isInStep = false;
		this.drain();
		if (this.restartCause !== NO_RESTART && !this.connection.sending) {
			this.stop();
			this.host.restart(this.restartCause);
			return LIMITS.sleepMsMax;
		}
		this.wakeWithin(this.connection.nextDueMs);
		this.wakeWithin(this.rpc.dueMs);
		// Sealing takes long: a part at a time, when nothing else is to be done.
		if (this.inbox.length > 0 || (this.sleepMs > 0 && this.outbox.step())) this.wakeWithin(0);
		this.outbox.rest();
		return this.sleepMs;
	}

	private drain(): void {
		const inbox = this.inbox;
		while (inbox.shift()) this.tell(inbox.a, inbox.b, inbox.c);
	}

	/** Leaves the contactors open and the connection closed. */
	stop(): void {
		for (let i = 0; i < this.evses.length; i++) this.evses[i]!.port.release();
		this.connection.stop();
	}

	/** One CALL of ours, from the first row that has something to say (Part 4 §4.1.1). */
	private pump(): void {
		if (!this.connection.isOpen || this.restartCause !== NO_RESTART) return;
		if (this.rpc.isBusy) return;
		for (let i = 0; i < SENDS.length; i++) {
			const row = SENDS[i]!;
			if (this.registration < row.gate || !row.isDue(this)) continue;
			const payload = row.build(this);
			if (payload !== undefined) return this.rpc.call(row.action, payload);
		}
	}

	// What blocks may ask for.

	get isOnline(): boolean {
		return this.connection.isOpen && this.registration === Registration.Accepted;
	}

	get offlineMs(): number {
		return this.connection.offlineMs;
	}

	get isAnswering(): boolean {
		return this.rpc.isAnswering;
	}

	get slot(): number {
		return this.profiles.slot;
	}

	get securityProfile(): number {
		return this.profiles.securityProfile;
	}

	get received(): Uint8Array {
		return this.connection.rx;
	}

	get timeFloorMs(): number {
		return this.trust.floorMs;
	}

	get messageTimeoutSeconds(): number {
		return this.profiles.messageTimeoutSeconds;
	}

	isSlotSet(slot: number): boolean {
		return this.profiles.isSet(slot);
	}

	securityProfileOf(slot: number): number {
		return this.profiles.securityProfileOf(slot);
	}

	setPassword(password: string): boolean {
		if (!this.profiles.setPassword(password)) return false;
		const event = securityEvent(SecurityEvent.reconfigurationOfSecurityParameters, Reconfigured.password);
		this.raise(InternalEvent.securityEvent, NONE, event);
		return true;
	}

	get refusedStatus(): number {
		return this.connection.httpStatus;
	}

	setClock(utcMs: number): void {
		const clock = this.host.clock;
		const stepMs = utcMs - clock.utc();
		clock.set(utcMs);
		// NaN, the first time in this boot, is no step.
		this.raise(InternalEvent.clockSet, NONE, Math.round(stepMs / 1000) | 0);
	}

	/** What ends in the journal waits for the end of the step: writing there goes deep, and inside a step this is deep. */
	raise(code: number, evseIndex: number, value: number): void {
		const waits = this.isInStep && code >= InternalEvent.clockSet && code <= InternalEvent.serverRefused;
		if (!waits || !this.inbox.push(code, evseIndex, value)) this.tell(code, evseIndex, value);
	}

	private tell(code: number, evseIndex: number, value: number): void {
		// A server that was taken before the clock was set is looked at once more.
		if (code === InternalEvent.clockSet && !this.trust.clockSet()) this.connection.close(false);
		for (let i = 0; i < BLOCKS.length; i++) BLOCKS[i]!.on?.(this, code, evseIndex, value);
	}

	wakeWithin(ms: number): void {
		if (ms < this.sleepMs) this.sleepMs = ms < 0 ? 0 : ms;
	}

	sample(evse: Evse): boolean {
		if (evse.port.sample(this.reading)) return true;
		this.host.log.event(LogCode.meterSilent, evse.index, 0);
		return false;
	}

	saveTransaction(evse: Evse): boolean {
		return this.cells.set(Cell.transaction + evse.index, runningText(evse));
	}

	forgetTransaction(evse: Evse): void {
		this.cells.erase(Cell.transaction + evse.index);
	}

	reconnect(): void {
		this.connection.close(true);
	}

	restart(cause: number): void {
		this.cells.setNumber(Cell.restartCause, cause);
		this.restartCause = cause;
		this.host.wake();
	}

	// Callbacks of the RPC layer.

	onInvalid(error: RpcError): void {
		this.raise(InternalEvent.securityEvent, NONE, securityEvent(SecurityEvent.invalidMessages, error));
	}

	onServerRefused(error: number): void {
		this.raise(InternalEvent.serverRefused, NONE, error);
	}

	onCertificateDiscarded(): void {
		this.raise(InternalEvent.securityEvent, NONE, SecurityEvent.discardedRenewedClientCertificate);
	}

	onOpen(): void {
		this.trust.opened();
		// B10.FR.10: another CSMS, or another way to it, is told who calls.
		if (this.profiles.opened()) {
			this.registration = Registration.Unregistered;
			this.bootWaitMs = 0;
		}
		this.link(true);
	}

	onClosed(): void {
		this.trust.closed();
		this.link(false);
	}

	private link(up: boolean): void {
		for (let i = 0; i < BLOCKS.length; i++) BLOCKS[i]!.link?.(this, up);
		this.host.wake();
	}

	onCall(action: number, bytes: Uint8Array, payloadFrom: number, payloadTo: number): void {
		const row = CALLS[action];
		// B03.FR.08: who is not accepted hears nothing but that.
		if (this.registration < Registration.Pending) return this.rpc.refuse(action, RpcError.SecurityError, "");
		if (row === null || row === undefined) return this.rpc.refuse(action, RpcError.NotSupported, "");
		if (this.registration < row.gate) return this.rpc.refuse(action, RpcError.SecurityError, "");
		this.verdict.keepsLong = row.keepsLong === true;
		const request = decode(bytes, payloadFrom, payloadTo, REQUEST_TYPE[action]!, this.verdict);
		if (request === undefined) return this.rpc.refuse(action, this.verdict.error, this.verdict.offender);
		const answer: Answer = row.handle(this, request as never);
		if (typeof answer === "number") return this.rpc.refuse(action, answer, "");
		this.answeredAction = action;
		this.rpc.reply(action, answer);
	}

	onAnswered(): void {
		const row = CALLS[this.answeredAction];
		row?.afterwards?.(this);
		this.host.wake();
	}

	onResult(action: number, bytes: Uint8Array, payloadFrom: number, payloadTo: number): boolean {
		this.verdict.keepsLong = false;
		const response = decode(bytes, payloadFrom, payloadTo, RESPONSE_TYPE[action]!, this.verdict);
		if (response === undefined) return false;
		this.trafficMark = this.host.clock.ticks();
		this.sendRow(action).onResult(this, response as never);
		return true;
	}

	onFailed(action: number, failure: Failure): void {
		if (this.connection.isOpen) this.trafficMark = this.host.clock.ticks();
		this.sendRow(action).onFailure(this, failure);
	}

	private sendRow(action: number): SendRow {
		let i = 0;
		while (SENDS[i]!.action !== action) i++;
		return SENDS[i]!;
	}

	/** For people and tests; it allocates, so no device asks for it. */
	get inspect(): StationView {
		const evses: EvseView[] = [];
		for (let i = 0; i < this.evses.length; i++) {
			const evse = this.evses[i]!;
			const txId = evse.transactionId === "" ? null : evse.transactionId;
			evses.push({ txId, limitA: evse.permit.limitMilliamps / 1000, status: connectorStatus(evse) });
		}
		return {
			online: this.connection.isOpen,
			accepted: this.registration === Registration.Accepted,
			slot: this.slot,
			evses,
			queued: this.outbox.count,
			queueBytes: this.outbox.bytesUsed,
			thinned: this.outbox.thinned,
			shortened: this.outbox.shortened,
		};
	}
}

export interface EvseView {
	readonly txId: string | null;
	/** Amperes per phase that the EVSE may offer now. */
	readonly limitA: number;
	readonly status: string;
}

export interface StationView {
	readonly online: boolean;
	readonly accepted: boolean;
	readonly slot: number;
	readonly evses: readonly EvseView[];
	/** Transaction events that wait for the CSMS, and the flash bytes that they take. */
	readonly queued: number;
	readonly queueBytes: number;
	/** Updated events that a full queue has given up since boot, and Ended events that lost meter values. */
	readonly thinned: number;
	readonly shortened: number;
}
