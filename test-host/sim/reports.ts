// What must be true of security events, log uploads and customer information, whatever seed, faults and CSMS.
// Source: OCPP 2.0.1 Part 2, A04, N01, N09, N10, FR.05.

import { SECURITY_EVENT_NAMES } from "../../modules/model/security-event.js";

export type ReportRule = "security" | "boot event" | "log" | "customer" | "secret";

/** A critical event of the journal. */
interface Critical {
	type: string;
	techInfo: string;
	/** The flash said no, to the event or to its being done with: it may come, or not. */
	isDoubtful: boolean;
	arrived: boolean;
	/** The CSMS has answered for it. */
	isDone: boolean;
}

/** A GetLog or CustomerInformation that the firmware has read. */
interface Asked {
	action: string;
	requestId: number;
	/** Connection over which it came. */
	connection: number;
	/** Whole answers: none yet, or Accepted. */
	isAccepted: boolean;
	filename: string;
	/** A later one of its kind was accepted. */
	isSucceeded: boolean;
	said: "nothing" | "Uploading" | "over";
	/** The last word was answered, or refused: it must not come again. */
	isClosed: boolean;
}

/** Events that a journal of three blocks holds for sure before it has to thin what waits. */
const JOURNAL_EVENTS = 300;

export class ReportCheckers {
	/** Counts for the summary of a run. */
	securityEvents = 0;
	uploads = 0;
	customers = 0;
	private readonly critical: Critical[] = [];
	/** Events that were skipped because the journal was full, and those of which it said so. */
	private skipped = 0;
	private thinned = 0;
	private bootEvents = 0;
	private asked: Asked[] = [];
	private readonly byMessage = new Map<string, Asked>();
	private readonly files = new Set<string>();
	private connection = 0;
	private open: { action: string; event?: Critical; asked?: Asked } | undefined;

	constructor(private readonly fail: (rule: ReportRule, text: string) => void, private readonly secrets: () => readonly string[]) {}

	/** The firmware begins a new life: what it was asked is forgotten. */
	booted(): void {
		this.bootEvents = 0;
		this.asked = [];
		this.byMessage.clear();
		this.open = undefined;
	}

	connected(): void {
		this.connection++;
		this.open = undefined;
	}

	// --- the journal

	/** An event went into the journal, or could not. */
	recorded(type: number, isCritical: boolean, techInfo: string, isKept: boolean): void {
		const name = SECURITY_EVENT_NAMES[type];
		if (isKept && (name === "StartupOfTheDevice" || name === "ResetOrReboot")) {
			if (++this.bootEvents > 1) this.fail("boot event", `${name} is the second of this boot`);
		}
		this.checkSecret(techInfo);
		if (isCritical) this.critical.push({ type: name, techInfo, isDoubtful: !isKept, arrived: false, isDone: false });
	}

	/** So many critical events were given up because the journal held nothing else. */
	gaveUp(count: number): void {
		this.thinned += count;
	}

	/** The event that was sent last counts as told; `isDurable` when that is on flash. */
	acknowledged(isDurable: boolean): void {
		const event = this.open?.event;
		if (event === undefined) return this.fail("security", "an event is done with before any was sent");
		if (!event.arrived) this.fail("security", `${event.type} is done with, but never arrived`);
		// Where the flash refused the mark, it may come once more; so it may where the mark went to one that had come back before it.
		const isOldest = !this.critical.slice(0, this.critical.indexOf(event)).some((one) => one.isDoubtful && !one.isDone);
		event.isDone = isDurable && isOldest;
		if (!event.isDone) event.isDoubtful = true;
	}

	// --- messages

	/** A CALL of the CSMS is with the firmware. */
	called(id: string, action: string, payload: { requestId?: number }): void {
		if (action !== "GetLog" && action !== "CustomerInformation") return;
		if (typeof payload.requestId !== "number") return;
		const asked: Asked = {
			action, requestId: payload.requestId, connection: this.connection, isAccepted: false, filename: "", isSucceeded: false, said: "nothing", isClosed: false,
		};
		this.asked.push(asked);
		this.byMessage.set(id, asked);
	}

	/** The firmware has answered a CALL, with an error when `payload` is undefined. */
	answered(id: string, payload: { status?: string; filename?: string } | undefined): void {
		const asked = this.byMessage.get(id);
		if (asked === undefined) return;
		this.byMessage.delete(id);
		if (payload?.status !== "Accepted" && payload?.status !== "AcceptedCanceled") {
			this.asked = this.asked.filter((one) => one !== asked);
			return;
		}
		asked.isAccepted = true;
		asked.filename = payload.filename ?? "";
		if (asked.action !== "GetLog") return;
		for (const one of this.asked) if (one !== asked && one.action === "GetLog") one.isSucceeded = true;
	}

	/** A CALL of the station. */
	sent(action: string, payload: { [name: string]: unknown }): void {
		this.open = { action };
		if (action === "SecurityEventNotification") this.open.event = this.eventSent(String(payload.type), String(payload.techInfo ?? ""));
		else if (action === "LogStatusNotification") this.open.asked = this.statusSent(payload.requestId as number | undefined, String(payload.status));
		else if (action === "NotifyCustomerInformation") this.open.asked = this.customerSent(payload.requestId as number, String(payload.data));
	}

	private eventSent(type: string, techInfo: string): Critical | undefined {
		const isSame = (event: Critical): boolean => event.type === type && event.techInfo === techInfo;
		// The oldest that waits for sure; one that may wait if it stands before that; else any.
		const sure = this.critical.findIndex((event) => !event.isDone && !event.isDoubtful);
		let at = sure >= 0 && isSame(this.critical[sure]) ? sure : this.critical.findIndex((event) => !event.isDone && event.isDoubtful && isSame(event));
		if (at < 0 || (sure >= 0 && at > sure)) {
			const later = this.critical.findIndex((event) => !event.isDone && !event.isDoubtful && isSame(event));
			if (later >= 0) at = later;
		}
		if (at >= 0) {
			// Oldest first: what stands before it and was not told went when the journal was full.
			for (let i = 0; i < at; i++) {
				const before = this.critical[i];
				if (before.isDone || before.isDoubtful) continue;
				before.isDone = true;
				this.skipped++;
				if (this.skipped > this.thinned && this.critical.length < JOURNAL_EVENTS) this.fail("security", `${before.type} is passed over for ${type}`);
			}
			return this.critical[at];
		}
		this.fail("security", `${type} ${techInfo} is told, but does not wait`);
		return undefined;
	}

	private statusSent(requestId: number | undefined, status: string): Asked | undefined {
		if (requestId === undefined) {
			if (status !== "Idle") this.fail("log", `${status} without a requestId`);
			return undefined;
		}
		const asked = this.find("GetLog", requestId);
		if (asked === undefined) return undefined;
		if (asked.isClosed) this.fail("log", `${requestId} ${status} follows its end`);
		if (status === "Uploading") {
			if (asked.said === "over") this.fail("log", `${requestId} Uploading follows its end`);
			asked.said = "Uploading";
			return asked;
		}
		if (asked.said === "nothing" && !asked.isSucceeded) this.fail("log", `${requestId} ${status} before Uploading`);
		if (status === "Uploaded" && asked.filename !== "" && !this.files.has(asked.filename)) this.fail("log", `${asked.filename} never arrived`);
		asked.said = "over";
		return asked;
	}

	private customerSent(requestId: number, data: string): Asked | undefined {
		this.checkSecret(data);
		const asked = this.find("CustomerInformation", requestId);
		if (asked?.isClosed) this.fail("customer", `${requestId} is told twice`);
		if (asked !== undefined) asked.said = "over";
		return asked;
	}

	private find(action: string, requestId: number): Asked | undefined {
		const rule = action === "GetLog" ? "log" : "customer";
		const asked = this.asked.find((one) => one.action === action && one.requestId === requestId);
		if (asked === undefined) this.fail(rule, `${requestId} was not asked for in this life`);
		else if (!asked.isAccepted && asked.connection === this.connection) this.fail(rule, `${requestId} comes before its answer (FR.05)`);
		return asked;
	}

	/** A whole message has arrived at the CSMS. */
	arrived(action: string): void {
		if (action === "SecurityEventNotification" && this.open?.event !== undefined) this.open.event.arrived = true;
	}

	/** The open CALL has its answer, or failed for good (an answer that is none counts as one here). */
	closed(action: string): void {
		const { open } = this;
		if (open === undefined || open.action !== action) return;
		if (open.asked !== undefined && open.asked.said === "over") open.asked.isClosed = true;
	}

	// --- files

	uploaded(name: string, body: string): void {
		this.uploads++;
		this.files.add(name);
		this.checkSecret(body);
		const lines = body.split("\n");
		if (lines.pop() !== "") this.fail("log", `${name} ends within a line`);
		const isLine = name.startsWith("security") ? /^(-|\d{4}-\d\d-\d\dT[\d:.]+Z) [A-Za-z]+( .*)?$/ : /^[a-z]+ .*$/;
		for (const line of lines) if (!isLine.test(line)) this.fail("log", `${name}: ${line}`);
	}

	private checkSecret(text: string): void {
		for (const secret of this.secrets()) if (text.includes(secret)) this.fail("secret", text.slice(0, 200));
	}

	/** All trouble is over and time has passed. `bootEvent` is what this boot owes. */
	atRest(waiting: number, bootEvent: string): void {
		if (waiting !== 0) this.fail("rest" as ReportRule, `${waiting} security events wait`);
		if (this.bootEvents !== 1) this.fail("boot event", `${this.bootEvents} ${bootEvent} in this boot`);
		const last = this.critical.filter((event) => event.type === "StartupOfTheDevice" || event.type === "ResetOrReboot").at(-1);
		if (last?.type !== bootEvent) this.fail("boot event", `${last?.type} in place of ${bootEvent}`);
		let lost = 0;
		for (const event of this.critical) if (!event.isDone && !event.isDoubtful) lost++;
		if (this.skipped + lost > this.thinned && this.critical.length < JOURNAL_EVENTS) this.fail("security", `${lost} critical events are lost`);
		this.securityEvents = this.critical.length;
		for (const asked of this.asked) {
			if (!asked.isAccepted) continue;
			if (asked.action === "CustomerInformation") this.customers++;
			if (asked.said === "over" || (asked.isSucceeded && asked.said === "nothing")) continue;
			this.fail(asked.action === "GetLog" ? "log" : "customer", `${asked.requestId} has no end: ${asked.said}`);
		}
	}
}
