// OCPP-J over one connection: one CALL of ours open at a time, its id, its answer or time-out; every CALL of the CSMS
// answered once. Owns: message ids, the encoder, the answer that waits for the wire. Not what the messages mean.
// A message is looked at in step(), not in the callback of the socket: the stack is then short, and while a message
// or an answer waits nothing more is read, so a flood of CALLs needs no memory.
// Source: OCPP 2.0.1 Part 4 §4.1 to §4.3.

import { RpcError } from "../../preload/errors.js";
import { LIMITS } from "../../preload/limits.js";
import { Encoder } from "../core/encode.js";
import { Frame, MessageType, actionOf, scan, scanHead } from "../core/scan.js";
import type { Clock } from "../ports/clock.js";
import { LogCode } from "../ports/events.js";
import type { Log } from "../ports/log.js";
import type { Connection, ConnectionListener } from "./connection.js";
import { HEAD_BYTES } from "./websocket.js";

/** The station, as the RPC layer sees it. */
export interface RpcListener {
	onOpen(): void;
	/** The connection ended; a CALL that was open is reported before, by onFailed. */
	onClosed(): void;
	/**
	 * The CSMS called. Answer with rpc.answer() or rpc.refuse() before this returns.
	 * @param action  id of the action, -1 when its name is unknown
	 */
	onCall(action: number, bytes: Uint8Array, payloadFrom: number, payloadTo: number): void;
	/** The answer to the last onCall is with the transport. */
	onAnswered(): void;
	/** The CSMS answered our CALL; false when the payload breaks its schema. */
	onResult(action: number, bytes: Uint8Array, payloadFrom: number, payloadTo: number): boolean;
	/** Something arrived that breaks the framework: no frame, an unknown kind of one, or longer than can be read. */
	onInvalid(error: RpcError): void;
	/** Our CALL has no usable answer: Failure of blocks/block.ts, 1 refused, 2 time-out, 3 offline. */
	onFailed(action: number, failure: 1 | 2 | 3): void;
}

export interface RpcHost {
	readonly clock: Clock;
	readonly log: Log;
	wake(): void;
}

const NO_CALL = -1;
const NOTHING = -1;

const enum Answer { none = 0, result = 1, error = 2 }

export class Rpc implements ConnectionListener {
	/** Set once, right after both exist. */
	connection!: Connection;
	/** Seconds that the answer to a CALL may take. */
	timeoutSeconds = 30;

	private readonly host: RpcHost;
	private readonly listener: RpcListener;
	private readonly encoder = new Encoder();
	private readonly frame = new Frame();
	private readonly idPrefix: string;
	private idCount = 0;

	private callAction = NO_CALL;
	private callId = "";
	/** Clock marks: the CALL was out, and the message that is going out began. */
	private callMark = 0;
	private sendMark = 0;

	private answer: number = Answer.none;
	private answerId = "";
	private answerAction = 0;
	private answerPayload: object | undefined;
	private answerError: RpcError = RpcError.None;
	private answerText = "";
	/** The message that is with the connection is an answer. */
	private isAnswer = false;
	/** The answer to a CALL is with the transport, and nobody was told yet. */
	private isAnswered = false;
	/** Length of the message in rx that waits for step(), which may be 0; NOTHING when there is none. */
	private received = NOTHING;

	/** @param idPrefix  at most 28 characters, different at every boot of this station (Part 4 §4.1.4) */
	constructor(host: RpcHost, listener: RpcListener, idPrefix: string) {
		this.host = host;
		this.listener = listener;
		this.idPrefix = idPrefix;
	}

	/** True while a CALL of ours waits for its answer, or something is being sent. */
	get isBusy(): boolean {
		return this.callAction !== NO_CALL || this.isAnswering || this.connection.sending;
	}

	/** True from a CALL of the CSMS until its answer is with the transport. */
	get isAnswering(): boolean {
		return this.answer !== Answer.none || this.isAnswered;
	}

	/** Sends a CALL under a new message id; isBusy must be false. */
	call(action: number, payload: object): void {
		this.callAction = action;
		this.callId = this.idPrefix + (this.idCount++).toString(36);
		this.callMark = this.sendMark = this.host.clock.ticks();
		this.isAnswer = false;
		this.encoder.startCall(this.callId, action, payload);
		if (!this.connection.send(this.encoder)) this.fail(3);
	}

	/** Answers the CALL at hand with a response object, which must not change until onAnswered. */
	reply(action: number, payload: object): void {
		this.answer = Answer.result;
		this.answerAction = action;
		this.answerPayload = payload;
	}

	/** Answers the CALL at hand with an error. */
	refuse(action: number, error: RpcError, description: string): void {
		this.host.log.event(LogCode.callRefused, error, action);
		this.answer = Answer.error;
		this.answerError = error;
		this.answerText = description;
	}

	/**
	 * Tells what was answered, looks at what was received, watches the time-out. A silent CSMS is asked for a sign of life
	 * by a Ping; connection.ts ends the link if none comes.
	 */
	step(): void {
		if (this.isAnswered) {
			this.isAnswered = false;
			this.listener.onAnswered();
		}
		if (this.received !== NOTHING) {
			const length = this.received;
			this.received = NOTHING;
			this.take(length);
			// Only here, where the stack is short again: the encoder goes deep.
			if (this.answer !== Answer.none) this.flush();
			// The answer may be out already, and the next message in its place: that one waits for the next step.
			const isFree = this.answer === Answer.none && !this.isAnswered && this.received === NOTHING;
			if (isFree) this.connection.hold(false);
		}
		if (this.dueMs > 0) return;
		if (this.connection.sending) {
			// On its way out for so long: whether the link is slow or dead, the Ping tells. No answer can be late yet.
			this.sendMark = this.host.clock.ticks();
			return this.connection.probe();
		}
		if (this.callAction === NO_CALL) return;
		this.host.log.event(LogCode.callTimedOut, this.callAction, 0);
		this.connection.probe();
		this.fail(2);
	}

	/** Milliseconds until step() has something to do, LIMITS.sleepMsMax where nothing is open. */
	get dueMs(): number {
		const isSending = this.connection.sending;
		if (this.callAction === NO_CALL && !isSending) return LIMITS.sleepMsMax;
		return this.timeoutSeconds * 1000 - this.host.clock.since(isSending ? this.sendMark : this.callMark);
	}

	private fail(failure: 1 | 2 | 3): void {
		const action = this.callAction;
		this.callAction = NO_CALL;
		this.callId = "";
		this.listener.onFailed(action, failure);
		this.host.wake();
	}

	/** Hands the waiting answer to the connection as soon as it takes one. */
	private flush(): void {
		if (this.connection.sending) return this.connection.hold(true);
		const kind = this.answer;
		this.isAnswer = true;
		this.sendMark = this.host.clock.ticks();
		if (kind === Answer.result)
			this.encoder.startResult(this.answerId, this.answerAction, this.answerPayload as object);
		else this.encoder.startError(this.answerId, this.answerError, this.answerText);
		this.connection.hold(true);
		this.connection.send(this.encoder);
	}

	// Callbacks of the connection.

	onOpen(): void {
		this.listener.onOpen();
	}

	onSent(): void {
		if (this.isAnswer) {
			const wasResult = this.answer === Answer.result;
			this.answer = Answer.none;
			this.answerPayload = undefined;
			this.isAnswer = false;
			this.isAnswered = wasResult;
			this.connection.hold(false);
		} else {
			this.callMark = this.host.clock.ticks();
			if (this.answer !== Answer.none) this.flush();
		}
		this.host.wake();
	}

	onClosed(): void {
		this.answer = Answer.none;
		this.isAnswered = false;
		this.received = NOTHING;
		this.answerPayload = undefined;
		this.isAnswer = false;
		if (this.callAction !== NO_CALL) this.fail(3);
		this.listener.onClosed();
	}

	onMessage(length: number): void {
		this.received = length;
		this.connection.hold(true);
		this.host.wake();
	}

	private take(length: number): void {
		const bytes = this.connection.rx;
		const frame = this.frame;
		if (length > bytes.length) {
			// B06.FR.17: only a CALL is answered; a reply that is too long counts as none.
			this.host.log.event(LogCode.messageTooLong, length, 0);
			this.listener.onInvalid(RpcError.FormatViolation);
			scanHead(bytes, HEAD_BYTES, frame);
			if (frame.messageType !== MessageType.Call || !frame.idRead) return;
			this.answerId = frame.id;
			return this.refuse(-1, RpcError.FormatViolation, "message longer than BytesPerMessage");
		}
		scan(bytes, length, frame);
		if (frame.error !== RpcError.None) {
			this.listener.onInvalid(frame.error);
			// A broken reply is nobody's request: answering it could start a volley of errors.
			const type = frame.messageType;
			if (type === MessageType.CallResult || type === MessageType.CallError) return this.ignore();
			this.answerId = frame.id;
			return this.refuse(-1, frame.error, "");
		}
		if (frame.messageType === MessageType.Call) return this.called(bytes, frame);
		if (this.callAction === NO_CALL || frame.id !== this.callId) return this.ignore();
		this.answered(bytes, frame);
	}

	private ignore(): void {
		this.host.log.event(LogCode.replyIgnored, 0, 0);
	}

	private called(bytes: Uint8Array, frame: Frame): void {
		this.answerId = frame.id;
		const action = actionOf(bytes, frame.actionFrom, frame.actionTo);
		if (action < 0) return this.refuse(-1, RpcError.NotImplemented, "");
		this.listener.onCall(action, bytes, frame.payloadFrom, frame.payloadTo);
	}

	private answered(bytes: Uint8Array, frame: Frame): void {
		const action = this.callAction;
		if (frame.messageType === MessageType.CallResult) {
			// The call is closed first: what its answer causes may want to call again.
			this.callAction = NO_CALL;
			this.callId = "";
			if (this.listener.onResult(action, bytes, frame.payloadFrom, frame.payloadTo)) return this.host.wake();
			this.callAction = action;
		} else this.host.log.event(LogCode.callErrorReceived, action, 0);
		this.fail(1);
	}
}
