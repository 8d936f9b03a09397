// One charging session without a person: waits for the CSMS, plugs, shows a card, charges, shows the card again,
// unplugs, and ends the process when the CSMS has answered the Ended event: 0, or 1 with the reason when it takes too
// long.
// Sees: what passes on the wire (Observer) and the bench. It runs on the desktop only and may make garbage.

import type { TimerShape } from "../../drivers/parts.js";
import type { Observer } from "../../modules/ports/host.js";
import type { Bench } from "./bench.js";
import { exit, print } from "./desktop.js";

export interface SessionOptions {
	bench: Bench;
	timer: TimerShape;
	/** How long energy flows, ms. */
	chargeMs: number;
	/** Patience for the whole session, ms. */
	timeoutMs: number;
}

// What the session waits for.
const ACCEPTED = 0;
const PLUGGED = 1;
const ENERGY = 2;
const STOPPED = 3;
const ENDED = 4;
const STEP_MS = 50;
const KEPT_BYTES = 8192;

export class Session implements Observer {
	#options: SessionOptions;
	#state = ACCEPTED;
	#waitedMs = 0;
	#totalMs = 0;
	#accepted = false;
	#ended = false;
	#call = "";
	#callId = "";
	#message = new Uint8Array(KEPT_BYTES);
	#bytes = 0;
	#transactionId = "";
	#events = 0;
	#refused = 0;
	#startWh = 0;

	constructor(options: SessionOptions) {
		this.#options = options;
		options.timer.set(() => this.#tick(), STEP_MS, STEP_MS);
	}

	generated(transactionId: string, seqNo: number, eventType: number): void {
		this.#transactionId = transactionId;
		this.#events++;
		print(`   stored ${["Started", "Updated", "Ended"][eventType]} seqNo ${seqNo}`);
	}

	traffic(outgoing: boolean, bytes: Uint8Array, from: number, to: number, last: boolean): void {
		for (let at = from; at < to && this.#bytes < KEPT_BYTES; at++) this.#message[this.#bytes++] = bytes[at];
		if (!last) return;
		let text = "";
		for (let at = 0; at < this.#bytes; at++) text += String.fromCharCode(this.#message[at]);
		this.#bytes = 0;
		this.#passed(outgoing, text);
	}

	#passed(outgoing: boolean, text: string): void {
		const arrow = outgoing ? "-> " : "<- ";
		const head = /^\[\s*(\d)\s*,\s*"([^"]*)"\s*(?:,\s*"([^"]*)")?/.exec(text);
		if (head === null) {
			print(arrow + "not a frame");
			return;
		}
		const [, type, id, word] = head;
		if (type === "2") {
			if (outgoing) {
				this.#call = word;
				this.#callId = id;
				if (text.includes('"eventType":"Ended"')) this.#call += " Ended";
				else if (text.includes('"eventType":"Started"')) this.#call += " Started";
				else if (text.includes('"eventType":"Updated"')) this.#call += " Updated";
			}
			print(arrow + (outgoing ? this.#call : word));
			return;
		}
		if (outgoing) {
			print(arrow + (type === "3" ? "result" : "error " + word));
			return;
		}
		const answered = id === this.#callId ? this.#call : "?";
		print(`${arrow}${type === "3" ? "result" : "error " + word} of ${answered}`);
		if (type !== "3") this.#refused++;
		else if (answered === "BootNotification" && text.includes('"Accepted"')) this.#accepted = true;
		else if (answered === "TransactionEvent Ended") this.#ended = true;
	}

	#tick(): void {
		const { bench, chargeMs, timeoutMs } = this.#options;
		this.#waitedMs += STEP_MS;
		this.#totalMs += STEP_MS;
		if (this.#totalMs > timeoutMs) {
			exit(1, `session: no ${["Accepted", "plug", "energy", "stop", "answer to Ended"][this.#state]} in time`);
			return;
		}
		switch (this.#state) {
			case ACCEPTED:
				if (!this.#accepted) return;
				this.#startWh = bench.energyWh;
				bench.plug(true);
				break;
			case PLUGGED:
				if (this.#waitedMs < 500) return;
				bench.press();
				break;
			case ENERGY:
				if (!bench.closed) {
					this.#waitedMs = 0;
					return;
				}
				if (this.#waitedMs < chargeMs) return;
				bench.press();
				break;
			case STOPPED:
				if (bench.closed) return;
				bench.plug(false);
				break;
			case ENDED:
				if (!this.#ended) return;
				this.#finish();
				return;
		}
		this.#state++;
		this.#waitedMs = 0;
	}

	#finish(): void {
		const energyWh = this.#options.bench.energyWh - this.#startWh;
		print(`transaction ${this.#transactionId}: ${this.#events} events, ${energyWh} Wh, ` +
			`${this.#refused} refused`);
		exit(this.#refused === 0 && energyWh > 0 ? 0 : 1, "");
	}
}
