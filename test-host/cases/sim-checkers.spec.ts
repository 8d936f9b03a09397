// A simulator that cannot fail proves nothing: each rule is broken on purpose, first by hand, then by a firmware that does
// one thing wrong in the midst of a run.

import type { Host } from "../../modules/ports/host.js";
import { Station } from "../../modules/station/station.js";
import { Checkers, type EventLike, type Rule } from "../sim/checkers.js";
import { runSeed, type MakeStation } from "../sim/run.js";

const START = Date.UTC(2026, 0, 1);

/** Checkers with a clock in the hand of the case. */
class Bench {
	nowMs = 0;
	offsetMs = START;
	readonly checkers = new Checkers({ elapsedMs: () => this.nowMs, utc: () => this.nowMs + this.offsetMs, earliestUtc: START - 86_400_000 });
	private ids = 0;

	event(seqNo: number, eventType: EventLike["eventType"], more: Partial<EventLike> = {}): EventLike {
		const timestamp = new Date(this.nowMs + this.offsetMs).toISOString();
		return { eventType, timestamp, seqNo, transactionInfo: { transactionId: "T" }, triggerReason: "Authorized", evse: seqNo === 0 ? { id: 1 } : undefined, ...more } as EventLike;
	}

	/** Queues an event while online. */
	queue(seqNo: number, eventType: EventLike["eventType"], more: Partial<EventLike> = {}): EventLike {
		const event = this.event(seqNo, eventType, more);
		this.checkers.appended(JSON.parse(JSON.stringify(event)), true, true);
		return event;
	}

	call(action: string, payload: object, id = `m${this.ids++}`): string {
		const text = JSON.stringify([2, id, action, payload]);
		this.checkers.sent(text, this.nowMs);
		return text;
	}

	/** The CSMS gets an event and says yes, and the station takes that. */
	deliver(event: EventLike, isDurable = true): void {
		const id = `m${this.ids++}`;
		this.checkers.arrived(this.call("TransactionEvent", event, id));
		this.checkers.received(JSON.stringify([3, id, {}]));
		this.checkers.answerTaken("TransactionEvent");
		this.checkers.tookOut(isDurable);
	}

	get rules(): Rule[] {
		return this.checkers.findings.map((finding) => finding.rule);
	}
}

describe("simulator checkers", () => {
	let bench: Bench;
	beforeEach(() => {
		bench = new Bench();
	});

	it("say nothing of a transaction as it should be", () => {
		const events = [bench.queue(0, "Started"), bench.queue(1, "Updated"), bench.queue(2, "Ended")];
		for (const event of events) bench.deliver(event);
		bench.checkers.atRest(0);
		expect(bench.rules).toEqual([]);
	});

	it("schema: a message that the original schema refuses", () => {
		bench.call("Heartbeat", { foreign: 1 });
		expect(bench.rules).toEqual(["schema"]);
	});

	it("one CALL: a second one, and one that is given up too early", () => {
		bench.call("Heartbeat", {});
		bench.call("Heartbeat", {});
		expect(bench.rules).toContain("one CALL");
		const other = new Bench();
		other.call("Heartbeat", {});
		other.nowMs = 29_999;
		other.checkers.callFailed("Heartbeat", 2, 30_000, 0, undefined);
		expect(other.rules).toEqual(["one CALL"]);
	});

	it("message id: one that was used before", () => {
		bench.call("Heartbeat", {}, "same");
		bench.checkers.received('[3,"same",{"currentTime":"2026-01-01T00:00:00Z"}]');
		bench.checkers.answerTaken("Heartbeat");
		bench.call("Heartbeat", {}, "same");
		expect(bench.rules).toEqual(["message id"]);
	});

	it("seqNo: a hole, a repetition, a transaction without a beginning", () => {
		bench.queue(0, "Started");
		bench.queue(2, "Updated");
		bench.queue(2, "Updated");
		expect(bench.rules).toEqual(["seqNo", "seqNo"]);
		const other = new Bench();
		other.queue(1, "Updated");
		expect(other.rules).toEqual(["seqNo"]);
	});

	it("seqNo: an Updated that the flash refused leaves a gap, a Started or Ended does not", () => {
		bench.queue(0, "Started");
		bench.checkers.appended(bench.event(1, "Updated"), false, true);
		bench.checkers.appended(bench.event(2, "Ended"), false, true);
		bench.queue(2, "Ended");
		expect(bench.rules).toEqual([]);
	});

	it("order, content, offline, acknowledged", () => {
		const [started, updated] = [bench.queue(0, "Started"), bench.queue(1, "Updated")];
		bench.deliver(updated);
		bench.deliver(started);
		expect(bench.rules).toEqual(["order"]);
		bench.deliver(started);
		expect(bench.rules).toContain("acknowledged");
		const other = new Bench();
		other.deliver({ ...other.queue(0, "Started"), triggerReason: "Trigger" } as EventLike);
		expect(other.rules).toContain("content");
		const third = new Bench();
		const waits = third.queue(0, "Started");
		third.checkers.linkDropped();
		third.deliver(waits);
		expect(third.rules).toEqual(["offline"]);
	});

	it("acknowledged: what the flash could not keep may come again", () => {
		const started = bench.queue(0, "Started");
		bench.deliver(started, false);
		bench.deliver(started);
		expect(bench.rules).toEqual([]);
	});

	it("attempts: given up too early, sent again too early", () => {
		const started = bench.queue(0, "Started");
		bench.call("TransactionEvent", started, "a");
		bench.checkers.received('[4,"a","InternalError","",{}]');
		bench.checkers.callFailed("TransactionEvent", 1, 30_000, 60_000, undefined);
		bench.nowMs = 59_000;
		bench.call("TransactionEvent", started, "b");
		expect(bench.rules).toEqual(["attempts"]);
		bench.checkers.received('[4,"b","InternalError","",{}]');
		bench.checkers.callFailed("TransactionEvent", 1, 30_000, 60_000, undefined);
		bench.checkers.discarded(0, 3, 3);
		expect(bench.rules).toEqual(["attempts", "attempts"]);
	});

	it("lost: what never arrived, what a boot does not find, more than was thinned", () => {
		bench.queue(0, "Started");
		bench.checkers.atRest(0);
		expect(bench.rules).toEqual(["Ended", "lost"]);
		const other = new Bench();
		other.queue(0, "Started");
		other.checkers.booted([], true);
		expect(other.rules).toEqual(["lost"]);
		const third = new Bench();
		third.deliver(third.queue(0, "Started"));
		third.queue(1, "Updated");
		third.queue(2, "Updated");
		third.deliver(third.queue(3, "Ended"));
		third.checkers.thinnedOut(1);
		third.checkers.atRest(0);
		expect(third.rules).toEqual(["lost"]);
	});

	it("Ended: an event behind it, a second transaction on the same EVSE, none at rest", () => {
		bench.queue(0, "Started");
		bench.queue(1, "Ended");
		bench.queue(2, "Updated");
		expect(bench.rules).toEqual(["Ended"]);
		const other = new Bench();
		other.queue(0, "Started");
		other.queue(0, "Started", { transactionInfo: { transactionId: "U" } });
		expect(other.rules).toEqual(["Ended"]);
	});

	it("energy: a register that falls, in an event or from one to the next, or another beginning than before", () => {
		const wh = (value: number, context: string): NonNullable<EventLike["meterValue"]>[number] => ({ timestamp: "", sampledValue: [{ value, context }] });
		bench.queue(0, "Started", { meterValue: [wh(100, "Transaction.Begin")] });
		bench.queue(1, "Updated", { meterValue: [wh(99, "Sample.Periodic")] });
		expect(bench.rules).toEqual(["energy"]);
		bench.queue(2, "Ended", { meterValue: [wh(98, "Transaction.Begin"), wh(97, "Transaction.End")] });
		expect(bench.rules).toEqual(["energy", "energy", "energy", "energy"]);
	});

	it("contactor: closed without a transaction, before its Started, behind its end, without a permit", () => {
		bench.checkers.contactorClosed(1, "", 6000, false);
		bench.checkers.contactorClosed(1, "T", 6000, false);
		bench.queue(0, "Started");
		bench.checkers.contactorClosed(1, "T", 6000, false);
		expect(bench.rules).toEqual(["contactor", "contactor"]);
		bench.checkers.contactorClosed(1, "T", 0, false);
		bench.checkers.contactorClosed(1, "T", 6000, true);
		expect(bench.rules.length).toBe(4);
	});

	it("time and date: not the clock's, before the last event by more than a step, of 1970", () => {
		bench.nowMs = 100_000;
		bench.queue(0, "Started");
		bench.queue(1, "Updated", { timestamp: new Date(START + 50_000).toISOString() });
		expect(bench.rules).toEqual(["time", "time"]);
		const other = new Bench();
		other.nowMs = 100_000;
		other.queue(0, "Started");
		other.offsetMs -= 90_000;
		other.queue(1, "Updated");
		expect(other.rules).toEqual([]);
		other.call("StatusNotification", { timestamp: "1970-01-01T00:00:10.000Z", connectorStatus: "Available", evseId: 1, connectorId: 1 });
		expect(other.rules).toEqual(["date"]);
	});

	it("reply: an answer that is none counts as one, a good one as a refusal", () => {
		bench.call("Heartbeat", {}, "a");
		bench.checkers.answerTaken("Heartbeat");
		bench.call("Heartbeat", {}, "b");
		bench.checkers.received('[3,"b",{"currentTime":"2026-01-01T00:00:00Z"}]');
		bench.checkers.callFailed("Heartbeat", 1, 30_000, 0, undefined);
		expect(bench.rules).toEqual(["reply", "reply"]);
	});

	it("wire and rest: bytes that nobody said, a queue that is not empty", () => {
		bench.checkers.arrived("[2]");
		bench.checkers.atRest(1);
		expect(bench.rules).toEqual(["wire", "rest"]);
	});
});

/** A firmware with one fault. */
function broken(breakIt: (station: Station) => void): MakeStation {
	return (host: Host) => {
		const station = new Station(host);
		breakIt(station);
		return station;
	};
}

/** Rules that the firmware breaks in the first seeds. */
function rulesOf(make: MakeStation): Set<Rule> {
	const rules = new Set<Rule>();
	for (let seed = 1; seed <= 12; seed++) for (const { rule } of runSeed(seed, 1, make).findings) rules.add(rule);
	return rules;
}

describe("simulator finds a firmware that", () => {
	const faults: readonly [what: string, rule: Rule, breakIt: (station: Station) => void][] = [
		["forgets an event now and then", "lost", ({ outbox }) => {
			const append = outbox.append.bind(outbox);
			let count = 0;
			outbox.append = (event) => (event.eventType === "Updated" && ++count % 7 === 0 ? true : append(event));
		}],
		["does not mark what was answered", "acknowledged", ({ outbox }) => {
			outbox.acknowledge = () => true;
		}],
		["forgets that it is offline", "offline", ({ outbox }) => {
			outbox.markOffline = () => undefined;
			const peek = outbox.peek.bind(outbox);
			outbox.peek = () => {
				const event = peek();
				return event === undefined ? undefined : { ...event, offline: undefined };
			};
		}],
		["changes an event on its way", "content", ({ outbox }) => {
			const peek = outbox.peek.bind(outbox);
			outbox.peek = () => {
				const event = peek();
				return event === undefined ? undefined : { ...event, triggerReason: "Trigger" };
			};
		}],
		["leaves the contactor closed at the end of a transaction", "contactor", ({ evses }) => {
			for (const evse of evses) evse.permit.claim = (_party, milliamps) => {
				if (milliamps > 0) evse.port.energize(milliamps);
			};
		}],
		["tells no end", "Ended", ({ outbox }) => {
			const append = outbox.append.bind(outbox);
			outbox.append = (event) => event.eventType !== "Ended" && append(event);
		}],
		["uses its message ids again after a boot", "message id", (station) => {
			(station["rpc"] as unknown as { idPrefix: string }).idPrefix = "id-";
		}],
		["dates an event of 1970", "date", ({ outbox }) => {
			const append = outbox.append.bind(outbox);
			outbox.append = (event) => append({ ...event, timestamp: "1970-01-01T00:00:00.000Z" });
		}],
		["does not answer", "reply", (station) => {
			station["rpc"].reply = () => undefined;
		}],
		["never sleeps", "busy", (station) => {
			const step = station.step.bind(station);
			station.step = () => Math.min(0, step());
		}],
		["throws", "crash", (station) => {
			station.raise = () => {
				throw new Error("broken");
			};
		}],
	];
	for (const [what, rule, breakIt] of faults) {
		it(`${what} (${rule})`, () => {
			expect([...rulesOf(broken(breakIt))]).toContain(rule);
		}, 60_000);
	}
});
