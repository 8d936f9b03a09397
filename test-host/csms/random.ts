// A CSMS that a seed determines: its own server side of RFC 6455 on wires in memory, answers and calls drawn by its habits,
// among them everything that a CSMS should not do. It watches the station's frames; messages are judged by the oracle.
// Source: RFC 6455 §4.2, §5, §7; OCPP 2.0.1 Part 4 §3, §4.

import { createHash } from "node:crypto";
import type { Scheduler } from "../board/clock.js";
import type { Dice } from "../sim/dice.js";
import type { Wire, WireListener } from "../sim/network.js";
import type { CsmsHabits } from "../sim/options.js";

/** What the CSMS tells the one who runs it. */
export interface CsmsWitness {
	/** Milliseconds since the beginning. */
	elapsedMs(): number;
	/** The station did something that its protocol forbids. */
	violation(rule: string, text: string): void;
	/** A whole message of the station has arrived. */
	arrived(text: string): void;
	/** A CALL of the CSMS has no answer for too long; the network may be an excuse. */
	unanswered(action: string, sinceMs: number): void;
	trace(text: string): void;
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const UPGRADE_MAX = 4096;
/** Longest frame and message of the station that make sense. */
const FRAME_MAX = 2048;
const ANSWER_MS_MAX = 120_000;
const IDENTITY = "CS001";
const PATH = `/ocpp/${IDENTITY}`;
/** Where its file server takes logs, and places where none does. */
const LOG_PLACES = ["http://files.example/logs/", "http://user:file-secret@files.example/logs/", "ftp://files.example/logs/", "http://"] as const;
const TOKENS = ["04A2B3C4", "DEADBEEF", "TAG-3", "04a2b3c4"] as const;

/** One connection. */
class Peer implements WireListener {
	private rest = Buffer.alloc(0);
	private upgraded = false;
	private fragments: Buffer[] = [];
	private inMessage = false;
	private closeSeen = false;
	over = false;
	/** Bytes of a frame that was cut short: nothing sensible may follow on this connection. */
	private broken = false;

	constructor(private readonly csms: RandomCsms, readonly wire: Wire) {}

	onData(bytes: Uint8Array): void {
		if (this.over) return;
		this.rest = Buffer.concat([this.rest, bytes]);
		if (!this.upgraded) this.upgrade();
		while (this.upgraded && !this.over && this.takeFrame());
	}

	onEnd(): void {
		this.over = true;
		this.csms.left(this);
	}

	get isOpen(): boolean {
		return this.upgraded && !this.over && !this.closeSeen && !this.broken;
	}

	private upgrade(): void {
		const end = this.rest.indexOf("\r\n\r\n");
		if (end < 0) {
			if (this.rest.length > UPGRADE_MAX) this.wrong("upgrade is too long");
			return;
		}
		const lines = this.rest.subarray(0, end).toString("latin1").split("\r\n");
		this.rest = this.rest.subarray(end + 4);
		const headers = new Map(lines.slice(1).map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
		const key = headers.get("sec-websocket-key") ?? "";
		const isSound = /^GET \S+ HTTP\/1\.1$/.test(lines[0]) && headers.get("upgrade")?.toLowerCase() === "websocket" &&
			/upgrade/i.test(headers.get("connection") ?? "") && headers.get("sec-websocket-version") === "13" &&
			Buffer.from(key, "base64").length === 16 && headers.get("sec-websocket-protocol") === "ocpp2.0.1" && headers.has("host");
		if (!isSound) this.wrong(`upgrade: ${lines.join(" | ")}`);
		const accept = createHash("sha1").update(key + GUID).digest("base64");
		const basic = Buffer.from((headers.get("authorization") ?? "").replace(/^Basic /, ""), "base64").toString("utf8");
		const isKnown = lines[0] === `GET ${PATH} HTTP/1.1` && basic === `${IDENTITY}:${this.csms.password}`;
		const { dice, habits } = this.csms;
		const good = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`,
			"Sec-WebSocket-Protocol: ocpp2.0.1"];
		if (!isKnown) return this.answer(["HTTP/1.1 401 Unauthorized", "Content-Length: 0"], true);
		if (!dice.chance(habits.refusesUpgrade)) {
			this.answer(good, false);
			this.upgraded = true;
			this.csms.joined(this);
			return;
		}
		const way = dice.pick(["503", "noAccept", "wrongAccept", "noProtocol", "wrongProtocol", "half", "silence", "noise", "endless"] as const);
		this.csms.witness.trace(`upgrade refused: ${way}`);
		if (way === "503") this.answer(["HTTP/1.1 503 Service Unavailable", "Retry-After: 5"], true);
		else if (way === "noAccept") this.answer(good.filter((line) => !line.includes("Accept")), true);
		else if (way === "wrongAccept") this.answer(good.map((line) => line.replace(accept, GUID.slice(0, 28))), true);
		else if (way === "noProtocol") this.answer(good.slice(0, 4), true);
		else if (way === "wrongProtocol") this.answer([...good.slice(0, 4), "Sec-WebSocket-Protocol: ocpp1.6"], true);
		else if (way === "half") this.answer(good.slice(0, 2), true, "");
		else if (way === "noise") this.answer([Buffer.from(Array.from({ length: 300 }, () => dice.below(256))).toString("latin1")], true);
		else if (way === "endless") this.wire.send(Buffer.from("HTTP/1.1 101 Switching Protocols\r\n" + "X-A: b\r\n".repeat(900), "latin1"));
	}

	private answer(lines: string[], isLast: boolean, end = "\r\n\r\n"): void {
		this.wire.send(Buffer.from(lines.join("\r\n") + end, "latin1"));
		if (isLast) this.end();
	}

	/** Takes one frame; false when it is not whole yet. */
	private takeFrame(): boolean {
		const { rest } = this;
		if (rest.length < 2) return false;
		const opcode = rest[0] & 15;
		const isLast = (rest[0] & 0x80) !== 0;
		let length = rest[1] & 0x7f;
		const head = length === 126 ? 4 : length === 127 ? 10 : 2;
		if (rest.length < head) return false;
		if (length === 126) length = rest.readUInt16BE(2);
		else if (length === 127) length = Number(rest.readBigUInt64BE(2));
		if ((rest[0] & 0x70) !== 0 || (rest[1] & 0x80) === 0) this.wrong("frame with reserved bits or without mask");
		if (length > FRAME_MAX) this.wrong(`frame of ${length} bytes`);
		if (opcode >= 8 && (length > 125 || !isLast)) this.wrong("control frame is too long or fragmented");
		if (head === 4 && length < 126 || head === 10) this.wrong("length of a frame is not minimal");
		if (rest.length < head + 4 + length) return false;
		const payload = Buffer.from(rest.subarray(head + 4, head + 4 + length));
		for (let i = 0; i < length; i++) payload[i] ^= rest[head + (i & 3)];
		this.rest = rest.subarray(head + 4 + length);
		if (this.closeSeen) this.wrong("frame behind a Close");
		if (opcode === 8) this.closed(payload);
		else if (opcode === 9) this.sendFrame(10, payload);
		else if (opcode === 1 || opcode === 0) this.text(opcode, isLast, payload);
		else if (opcode !== 10) this.wrong(`opcode ${opcode}`);
		return true;
	}

	private text(opcode: number, isLast: boolean, payload: Buffer): void {
		if ((opcode === 0) !== this.inMessage) this.wrong("fragments out of order");
		this.inMessage = !isLast;
		this.fragments.push(payload);
		if (!isLast) return;
		const whole = Buffer.concat(this.fragments);
		this.fragments = [];
		const text = whole.toString("utf8");
		if (!Buffer.from(text, "utf8").equals(whole)) this.wrong("message is no UTF-8");
		this.csms.take(this, text);
	}

	private closed(payload: Buffer): void {
		this.closeSeen = true;
		this.csms.left(this);
		if (payload.length === 1) this.wrong("Close with one byte");
		this.sendFrame(8, payload.subarray(0, 2));
		this.end();
	}

	/** Sends a frame as a server does, without a mask. */
	sendFrame(opcode: number, payload: Uint8Array, isLast = true): void {
		if (!this.over && !this.broken) this.wire.send(frameOf((isLast ? 0x80 : 0) | opcode, payload));
	}

	/** A text message, at times in fragments with a Ping between them. */
	sendText(text: string): void {
		if (!this.isOpen) return;
		const { dice, habits } = this.csms;
		const bytes = Buffer.from(text, "utf8");
		if (!dice.chance(habits.fragments)) return this.sendFrame(1, bytes);
		const pieces = dice.between(2, 5);
		for (let i = 0; i < pieces; i++) {
			const from = Math.floor((bytes.length * i) / pieces);
			this.sendFrame(i === 0 ? 1 : 0, bytes.subarray(from, Math.floor((bytes.length * (i + 1)) / pieces)), i === pieces - 1);
			if (dice.chance(0.2)) this.sendFrame(9, Buffer.from("between"));
		}
	}

	/** A part of a frame, then the end of everything. */
	breakFrame(): void {
		const frame = frameOf(0x81, Buffer.from(`[2,"cut","GetVariables",{"getVariableData":[]}]`));
		this.wire.send(frame.subarray(0, this.csms.dice.between(1, frame.length - 1)));
		this.broken = true;
		if (this.csms.dice.chance(0.5)) this.wire.reset();
		else this.end();
	}

	/** Bytes that are no frame, or one that RFC 6455 forbids. */
	sendBytes(bytes: Uint8Array): void {
		if (!this.isOpen) return;
		this.wire.send(bytes);
		this.broken = true;
		// A station must end such a connection; if it waits for us, we end it.
		this.csms.clock.after(30_000, () => this.end());
	}

	end(): void {
		this.broken = true;
		this.csms.left(this);
		this.wire.end();
	}

	private wrong(text: string): void {
		this.csms.witness.violation("RFC 6455", text);
	}
}

/** A frame of a server. */
function frameOf(head: number, payload: Uint8Array): Buffer {
	const { length } = payload;
	const header = length < 126 ? Buffer.from([head, length]) : Buffer.from([head, 126, length >> 8, length & 0xff]);
	if (length > 0xffff) {
		const long = Buffer.alloc(10);
		long[0] = head;
		long[1] = 127;
		long.writeBigUInt64BE(BigInt(length), 2);
		return Buffer.concat([long, payload]);
	}
	return Buffer.concat([header, payload]);
}

/** Values that a CSMS writes to variables, good ones and bad ones. */
const SETTINGS: readonly (readonly [name: string, values: readonly string[]])[] = [
	["AlignedDataCtrlr.Interval", ["0", "60", "900", "3600"]],
	["AlignedDataCtrlr.Measurands", ["Energy.Active.Import.Register", "Energy.Active.Import.Register,Voltage", ""]],
	["AlignedDataCtrlr.TxEndedInterval", ["0", "300", "86400"]],
	["AuthCtrlr.AuthorizeRemoteStart", ["true", "false", "perhaps"]],
	["OCPPCommCtrlr.HeartbeatInterval", ["10", "300", "86400", "0"]],
	["OCPPCommCtrlr.MessageAttemptInterval.TransactionEvent", ["0", "1", "60"]],
	["OCPPCommCtrlr.MessageAttempts.TransactionEvent", ["1", "2", "5", "x"]],
	["OCPPCommCtrlr.OfflineThreshold", ["0", "60", "600"]],
	["OCPPCommCtrlr.RetryBackOffRandomRange", ["0", "5", "60"]],
	["OCPPCommCtrlr.RetryBackOffRepeatTimes", ["0", "1", "5"]],
	["OCPPCommCtrlr.RetryBackOffWaitMinimum", ["0", "1", "30", "-1"]],
	["OCPPCommCtrlr.WebSocketPingInterval", ["0", "5", "60"]],
	["SampledDataCtrlr.TxEndedInterval", ["0", "60", "900"]],
	["SampledDataCtrlr.TxEndedMeasurands", ["Energy.Active.Import.Register", "Voltage,Current.Import", ""]],
	["SampledDataCtrlr.TxStartedMeasurands", ["Energy.Active.Import.Register", "Energy.Active.Import.Register,Power.Active.Import"]],
	["SampledDataCtrlr.TxUpdatedInterval", ["0", "15", "60", "900"]],
	["SampledDataCtrlr.TxUpdatedMeasurands", ["Energy.Active.Import.Register", "Energy.Active.Import.Register,Current.Import,Voltage", "Nothing"]],
	["TxCtrlr.EVConnectionTimeOut", ["0", "5", "60"]],
	["TxCtrlr.StopTxOnInvalidId", ["true", "false"]],
	["OCPPCommCtrlr.NetworkProfileConnectionAttempts", ["1", "3"]],
	["TxCtrlr.TxStartPoint", ["PowerPathClosed"]],
	["NoSuchCtrlr.Thing", ["1"]],
];

const UNSUPPORTED = ["ClearCache", "ReserveNow", "SetChargingProfile", "GetLocalListVersion", "SetDisplayMessage", "CostUpdated", "NoSuchAction"];

export class RandomCsms {
	/** The one that it accepts now. */
	password: string;
	/** Added to the true time by steps of its clock. */
	clockOffsetMs = 0;
	connections = 0;
	/** Transactions that have started and not ended, as far as it was told. */
	readonly running = new Set<string>();
	/** Calm: it answers at once and well, and asks nothing. */
	isCalm = false;
	private peer: Peer | undefined;
	private open: { id: string; action: string; payload: any; peer: Peer } | undefined;
	private lastId = 0;
	private passwordCount = 0;
	private lastRequestId = 0;
	private readonly logDice: Dice;

	constructor(
		readonly clock: Scheduler,
		readonly dice: Dice,
		public habits: CsmsHabits,
		readonly witness: CsmsWitness,
		private readonly baseUtc: number,
		password: string,
		private readonly evses: number,
		private readonly endpoint: string,
	) {
		this.password = password;
		this.every(habits.calls, () => this.callSomething());
		this.every(habits.hostile, () => this.beHostile());
		this.every(habits.closes, () => this.endSomehow());
		this.every(habits.clockSteps, () => this.stepClock());
		this.every(habits.pings, () => this.peer?.sendFrame(9, Buffer.from("ping")));
		this.logDice = dice.fork("logs");
		this.every(habits.logs, () => this.askAround(), this.logDice);
	}

	/** Takes a new connection; the one before may be half open. */
	connect(wire: Wire): void {
		wire.listener = new Peer(this, wire);
	}

	joined(peer: Peer): void {
		this.connections++;
		// A half-open connection from before is given up.
		if (this.peer !== undefined && this.peer !== peer) this.peer.end();
		this.peer = peer;
		this.open = undefined;
	}

	left(peer: Peer): void {
		if (this.peer !== peer) return;
		this.peer = undefined;
		this.open = undefined;
	}

	get isConnected(): boolean {
		return this.peer !== undefined;
	}

	nowMs(): number {
		return this.baseUtc + this.witness.elapsedMs() + this.clockOffsetMs;
	}

	private now(): string {
		const isLost = this.dice.chance(this.habits.lostClock);
		return new Date(isLost ? this.witness.elapsedMs() : this.nowMs()).toISOString();
	}

	/** From now on a CSMS as one wishes it. */
	calm(): void {
		this.isCalm = true;
		this.habits = {
			...this.habits, thinkMs: [0, 0], silent: 0, late: 0, callError: 0, badAnswer: 0, answersTwice: 0, wrongId: 0, refusesToken: 0,
			refusesEvent: 0, pendingBoot: 0, rejectedBoot: 0, refusesUpgrade: 0, fragments: 0, lostClock: 0, heartbeatSeconds: 300,
		};
	}

	/** Calls `work` so often per hour, on average, until calm. */
	private every(perHour: number, work: () => void, dice: Dice = this.dice): void {
		if (perHour === 0) return;
		this.clock.after(dice.wait(3_600_000 / perHour), () => {
			if (this.isCalm) return;
			work();
			this.every(perHour, work, dice);
		});
	}

	// What the station says.

	take(peer: Peer, text: string): void {
		this.witness.arrived(text);
		let frame: any;
		try {
			frame = JSON.parse(text);
		} catch {
			return;
		}
		if (frame[0] === 2) this.answerCall(peer, frame[1], frame[2], frame[3]);
		else if (this.open?.peer === peer && this.open.id === frame[1]) this.answered(frame);
	}

	private answerCall(peer: Peer, id: string, action: string, payload: any): void {
		if (action === "TransactionEvent") {
			if (payload.eventType === "Ended") this.running.delete(payload.transactionInfo.transactionId);
			else this.running.add(payload.transactionInfo.transactionId);
		}
		const { dice, habits } = this;
		if (dice.chance(habits.silent)) return this.witness.trace(`silence on ${action}`);
		const isLate = dice.chance(habits.late);
		const thinkMs = isLate ? dice.between(1000, 70_000) : dice.between(habits.thinkMs[0], habits.thinkMs[1]);
		if (thinkMs > 0) this.clock.after(thinkMs, () => this.answerNow(peer, id, action, payload));
		else this.answerNow(peer, id, action, payload);
	}

	private answerNow(peer: Peer, id: string, action: string, payload: any): void {
		const { dice, habits } = this;
		if (dice.chance(habits.wrongId)) peer.sendText(JSON.stringify([3, `${id}x`, {}]));
		let text: string;
		if (dice.chance(habits.callError)) {
			text = JSON.stringify([4, id, dice.pick(["InternalError", "GenericError", "FormationViolation", ""]), "no", {}]);
		} else if (dice.chance(habits.badAnswer)) text = this.badAnswer(id, action, payload);
		else text = JSON.stringify([3, id, this.answerTo(action, payload)]);
		peer.sendText(text);
		if (dice.chance(habits.answersTwice)) peer.sendText(text);
	}

	private badAnswer(id: string, action: string, payload: any): string {
		const good = JSON.stringify(this.answerTo(action, payload));
		return this.dice.pick([
			() => `[3,${JSON.stringify(id)},{"status":7,"currentTime":"yesterday","idTokenInfo":{}}]`,
			() => `[3,${JSON.stringify(id)},${good.slice(0, -1)}${good === "{}" ? "" : ","}"foreign":1}]`,
			() => `[3,${JSON.stringify(id)},${good}`,
			() => `[3,${JSON.stringify(id)}]`,
			() => `[3,${JSON.stringify(id)},null]`,
			() => `[3,${JSON.stringify(id)},${good},1]`,
		])();
	}

	private answerTo(action: string, payload: any): object {
		const { dice, habits } = this;
		const group = (): object => (dice.chance(habits.groups) ? { groupIdToken: { idToken: "FLEET", type: "Central" } } : {});
		const custom = dice.chance(0.1) ? { customData: { vendorId: "v", deep: [[{ a: 1 }]] } } : {};
		switch (action) {
			case "BootNotification": {
				const status = dice.chance(habits.rejectedBoot) ? "Rejected" : dice.chance(habits.pendingBoot) ? "Pending" : "Accepted";
				const interval = status === "Accepted" ? habits.heartbeatSeconds : dice.pick([0, 1, 10, 60]);
				return { currentTime: this.now(), interval, status, ...custom };
			}
			case "Heartbeat":
				return { currentTime: this.now(), ...custom };
			case "Authorize": {
				if (dice.chance(habits.refusesToken)) return { idTokenInfo: { status: dice.pick(["Invalid", "Blocked", "Expired", "Unknown"]), ...group() } };
				const evseId = dice.chance(0.1) ? { evseId: [dice.between(1, this.evses)] } : {};
				return { idTokenInfo: { status: "Accepted", ...evseId, ...group() } };
			}
			case "TransactionEvent":
				if (payload.idToken === undefined || payload.eventType === "Ended") return custom;
				return { idTokenInfo: { status: dice.chance(habits.refusesEvent) ? "Invalid" : "Accepted", ...group() }, ...custom };
			default:
				return custom;
		}
	}

	private answered(frame: any[]): void {
		const asked = this.open;
		this.open = undefined;
		if (asked === undefined) return;
		if (asked.action !== "SetVariables" || frame[0] !== 3) return;
		const set: any[] = asked.payload.setVariableData;
		const results: any[] = frame[2]?.setVariableResult ?? [];
		for (let i = 0; i < set.length; i++) {
			if (set[i].variable.name === "BasicAuthPassword" && results[i]?.attributeStatus === "Accepted") this.password = set[i].attributeValue;
		}
	}

	// What it asks.

	private call(action: string, payload: object): void {
		if (this.peer === undefined || !this.peer.isOpen || this.open !== undefined) return;
		const id = `csms-${++this.lastId}`;
		const peer = this.peer;
		const open = this.open = { id, action, payload, peer };
		const sinceMs = this.witness.elapsedMs();
		peer.sendText(JSON.stringify([2, id, action, payload]));
		this.clock.after(ANSWER_MS_MAX, () => {
			if (this.open !== open || !peer.isOpen) return;
			if (!peer.wire.isMuted) this.witness.unanswered(action, sinceMs);
			this.open = undefined;
		});
	}

	private callSomething(): void {
		const { dice, habits } = this;
		const what = dice.weighted({
			start: 4, stop: 4, set: 6, get: 3, report: 1, trigger: 4, status: 2, unlock: 1, unsupported: 2, transfer: 1, wrong: 2,
			reset: habits.resets ? 0.5 : 0, password: habits.passwords ? 0.5 : 0, profile: habits.profiles ? 1 : 0, availability: habits.availability ? 3 : 0,
		});
		const evse = { id: dice.between(1, this.evses), ...(dice.chance(0.5) ? { connectorId: 1 } : {}) };
		const transactionId = this.running.size > 0 && dice.chance(0.9) ? dice.pick([...this.running]) : "no-such-transaction";
		switch (what) {
			case "start": {
				const evseId = dice.chance(0.7) ? { evseId: dice.between(1, this.evses + (dice.chance(0.1) ? 1 : 0)) } : {};
				const idToken = { idToken: dice.pick(TOKENS), type: dice.pick(["ISO14443", "Central", "KeyCode"]) };
				return this.call("RequestStartTransaction", { remoteStartId: dice.below(2 ** 31), idToken, ...evseId });
			}
			case "stop":
				return this.call("RequestStopTransaction", { transactionId });
			case "set": {
				const list = Array.from({ length: dice.between(1, 3) }, () => {
					const [name, values] = dice.pick(SETTINGS);
					return { attributeValue: dice.pick(values), ...addressOf(name) };
				});
				return this.call("SetVariables", { setVariableData: list });
			}
			case "get":
				return this.call("GetVariables", { getVariableData: Array.from({ length: dice.between(1, 8) }, () => addressOf(dice.pick(SETTINGS)[0])) });
			case "report":
				return this.call("GetBaseReport", { requestId: dice.below(1000), reportBase: dice.pick(["FullInventory", "ConfigurationInventory", "SummaryInventory"]) });
			case "trigger": {
				const requestedMessage = dice.pick(["BootNotification", "Heartbeat", "StatusNotification", "MeterValues", "TransactionEvent",
					"LogStatusNotification", "FirmwareStatusNotification", "SignCombinedCertificate"]);
				return this.call("TriggerMessage", { requestedMessage, ...(dice.chance(0.5) ? { evse } : {}) });
			}
			case "status":
				return this.call("GetTransactionStatus", dice.chance(0.7) ? { transactionId } : {});
			case "unlock":
				return this.call("UnlockConnector", { evseId: evse.id, connectorId: dice.pick([1, 1, 2]) });
			case "unsupported":
				return this.call(dice.pick(UNSUPPORTED), {});
			case "transfer":
				return this.call("DataTransfer", { vendorId: "v", data: { deep: [[["x".repeat(dice.below(300))]]] } });
			case "wrong":
				return this.call(dice.pick(["SetVariables", "Reset", "RequestStartTransaction", "GetVariables"]), dice.pick([{}, { type: 7 }, { getVariableData: [] }, { foreign: true }]));
			case "reset":
				return this.call("Reset", { type: dice.pick(["Immediate", "OnIdle"]), ...(dice.chance(0.1) ? { evseId: 1 } : {}) });
			case "password": {
				const attributeValue = `${"pass-word-number"}${++this.passwordCount}`;
				return this.call("SetVariables", { setVariableData: [{ attributeValue, ...addressOf("SecurityCtrlr.BasicAuthPassword") }] });
			}
			case "profile": {
				const connectionData = {
					ocppVersion: "OCPP20", ocppTransport: "JSON", ocppCsmsUrl: this.endpoint, messageTimeout: dice.pick([5, 30]), securityProfile: 1,
					ocppInterface: "Wired0",
				};
				if (dice.chance(0.5)) return this.call("SetNetworkProfile", { configurationSlot: dice.pick([1, 2, 2, 3]), connectionData });
				const attributeValue = dice.pick(["1", "2,1", "1,2", "3"]);
				return this.call("SetVariables", { setVariableData: [{ attributeValue, ...addressOf("OCPPCommCtrlr.NetworkConfigurationPriority") }] });
			}
			case "availability":
				return this.call("ChangeAvailability", {
					operationalStatus: dice.chance(0.7) ? "Operative" : "Inoperative", ...(dice.chance(0.7) ? { evse } : {}),
				});
		}
	}

	/** Fetches a log, or asks about a customer. */
	private askAround(): void {
		const dice = this.logDice;
		const requestId = ++this.lastRequestId;
		if (dice.chance(0.3)) {
			const who = dice.pick([
				{ idToken: { idToken: dice.pick(TOKENS), type: "ISO14443" } }, { customerIdentifier: "C-1" }, {}, { customerIdentifier: "C-1", idToken: { idToken: "A", type: "Local" } },
			]);
			return this.call("CustomerInformation", { requestId, report: dice.chance(0.8), clear: dice.chance(0.4), ...who });
		}
		const retry = dice.chance(0.5) ? { retries: dice.below(3), retryInterval: dice.pick([0, 5, 60]) } : {};
		const window = dice.chance(0.2) ? { oldestTimestamp: new Date(this.nowMs() - dice.wait(3_600_000)).toISOString() } : {};
		const logType = dice.chance(0.7) ? "SecurityLog" : "DiagnosticsLog";
		this.call("GetLog", { logType, requestId, ...retry, log: { remoteLocation: dice.pick(LOG_PLACES), ...window } });
	}

	/** Texts that are no message, messages that are too much, and frames that are none. */
	private beHostile(): void {
		const { dice, peer } = this;
		if (peer === undefined || !peer.isOpen) return;
		const id = `bad-${++this.lastId}`;
		const what = dice.pick([
			"noise", "deep", "long", "object", "type", "longId", "numberId", "noPayload", "lostResult", "lostError", "cyclone", "utf8", "binary", "reserved",
			"masked", "flood", "alone", "hugePing", "closeCode", "pings", "empty", "names",
		] as const);
		this.witness.trace(`hostile: ${what}`);
		const text = (content: string): void => peer.sendText(content);
		switch (what) {
			case "noise": return text(Array.from({ length: dice.below(200) }, () => String.fromCharCode(32 + dice.below(95))).join(""));
			case "deep": return text(`[2,"${id}","DataTransfer",{"vendorId":"v","data":${"[".repeat(500)}${"]".repeat(500)}}]`);
			case "long": return text(`[2,"${id}","DataTransfer",{"vendorId":"v","data":"${"x".repeat(dice.between(6000, 70_000))}"}]`);
			case "object": return text("{}");
			case "type": return text(`[${dice.pick(["1", "5", "6", "-2", '"2"', "2.5", "1e99"])},"${id}","Heartbeat",{}]`);
			case "longId": return text(`[2,"${"i".repeat(dice.between(37, 400))}","GetVariables",{}]`);
			case "numberId": return text(`[2,${dice.word()},"GetVariables",{}]`);
			case "noPayload": return text(`[2,"${id}","GetVariables"]`);
			case "lostResult": return text(`[3,"${id}",{}]`);
			case "lostError": return text(`[4,"${id}","InternalError","",{}]`);
			case "cyclone": {
				for (let i = 0; i < 20; i++) text(`[2,"${id}-${i}","GetVariables",{"getVariableData":[]}]`);
				return;
			}
			case "names": return text(`[2,"${id}","GetVariables",{${Array.from({ length: 50 }, () => `"n${dice.word()}":1`).join(",")}}]`);
			case "empty": return text("");
			case "utf8": return peer.sendBytes(frameOf(0x81, Buffer.from([0x5b, 0xc3, 0x28, 0xff])));
			case "binary": return peer.sendBytes(frameOf(0x82, Buffer.from("[]")));
			case "reserved": return peer.sendBytes(frameOf(0xc1, Buffer.from("[]")));
			case "masked": return peer.sendBytes(Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x5a, 0x5f]));
			case "flood": return peer.sendBytes(Buffer.concat(Array.from({ length: 200 }, (_, i) => frameOf(i === 0 ? 1 : 0, Buffer.from(" ")))));
			case "alone": return peer.sendBytes(frameOf(0x80, Buffer.from("[]")));
			case "hugePing": return peer.sendBytes(frameOf(0x89, Buffer.alloc(126)));
			case "closeCode": return peer.sendBytes(frameOf(0x88, Buffer.from([3, 0xed])));
			case "pings": return peer.sendBytes(Buffer.concat(Array.from({ length: 150 }, () => frameOf(0x89, Buffer.from("p")))));
		}
	}

	private endSomehow(): void {
		const { dice, peer } = this;
		if (peer === undefined || !peer.isOpen) return;
		const how = dice.pick(["close", "cut", "frame", "end", "mute"] as const);
		this.witness.trace(`CSMS ends: ${how}`);
		if (how === "close") {
			peer.sendFrame(8, Buffer.from([3, dice.pick([0xe8, 0xe9, 0xf3])]));
			this.clock.after(10_000, () => peer.end());
		} else if (how === "cut") peer.wire.reset();
		else if (how === "frame") peer.breakFrame();
		else if (how === "end") peer.end();
		else peer.wire.mute();
		this.left(peer);
	}

	private stepClock(): void {
		const step = this.dice.pick([-3_600_000, -61_000, -1000, 1000, 61_000, 3_600_000, 86_400_000, -86_400_000]);
		this.clockOffsetMs += step;
		this.witness.trace(`CSMS clock stepped by ${step} ms`);
	}
}

/** `Component.Variable` or `Component.Variable.Instance` as the members of an item. */
function addressOf(name: string): { component: object; variable: { name: string; instance?: string } } {
	const [component, variable, instance] = name.split(".");
	return { component: { name: component }, variable: { name: variable, ...(instance === undefined ? {} : { instance }) } };
}
