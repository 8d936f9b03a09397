// N. Diagnostics: the CSMS fetches a log. The text is made line by line while it is sent; nothing of it is kept.
// Owns: the upload at hand and what is told of it. Not: HTTP (transport/http.ts), the security log
// (storage/journal.ts).
// No secret has a way into these texts: they hold names, numbers and times.
// Source: OCPP 2.0.1 Part 2, N01; F06 for the triggered LogStatusNotification.
//
// An upload: held -> measuring -> sending -> over, with waiting between two attempts. Its length is measured first,
// because not every server takes a body of unknown length. The object and its buffers exist only while an upload does.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import { LIMITS } from "../../preload/limits.js";
import type {
	GetLogRequest,
	GetLogResponse,
	LogStatusNotificationRequest,
	UploadLogStatusEnumType,
} from "../../preload/payloads.js";
import { bytesOf } from "../core/bytes.js";
import { formatDateTime, parseDateTime } from "../core/datetime.js";
import { connectorStatus, stationStatus } from "../model/availability.js";
import { BOOT_REASONS } from "../model/boot-reason.js";
import { Registration } from "../model/registration.js";
import { SECURITY_EVENT_NAMES } from "../model/security-event.js";
import { StationTriggered } from "../model/trigger.js";
import { LogCode, SocketError } from "../ports/events.js";
import type { Trust } from "../ports/socket.js";
import { Cell } from "../storage/cell-ids.js";
import { JournalCursor, JournalEntry, type Journal } from "../storage/journal.js";
import { TransportFault } from "../transport/faults.js";
import { HttpMethod, HttpUpload, newHttpTarget, parseHttpUrl, type HttpFile } from "../transport/http.js";
import type { PieceSource } from "../transport/websocket.js";
import { Failure, type Answer, type Block, type Station, type Upload } from "./block.js";

const REJECTED: GetLogResponse = freeze({ status: "Rejected" } as const);

const enum Phase {
	/** Until the answer to GetLog is with the transport. */
	held = 0,
	/** Lines are counted, a few per step. */
	measuring = 1,
	sending = 2,
	/** Between two attempts. */
	waiting = 3,
	over = 4,
}

/** What a LogStatusNotification on its way says. */
const enum Told { nothing = 0, past = 1, uploading = 2, result = 3 }

/** Lines that are measured in one step. */
const LINES_PER_STEP = 16;
/** Newest diagnostic events that are uploaded. */
const EVENTS_MAX = 64;

const EMPTY = freeze(new Uint8Array(0)) as Uint8Array;
const NO_EVENTS = freeze(new Int32Array(0)) as Int32Array;

/** The lines of a log, as a body that is made while it is sent. */
class LogText implements PieceSource {
	done = false;
	private readonly upload: LogUpload;
	private readonly journal: Journal;
	private readonly cursor = new JournalCursor();
	private readonly entry = new JournalEntry();
	private index = 0;
	private line: Uint8Array = EMPTY;
	private lineAt = 0;

	constructor(upload: LogUpload, journal: Journal) {
		this.upload = upload;
		this.journal = journal;
		journal.begin(this.cursor);
	}

	/** False when the journal gave a block free: what was measured holds no more. */
	get isValid(): boolean {
		return !this.upload.isSecurity || this.journal.isValid(this.cursor);
	}

	fill(buffer: Uint8Array, from: number, to: number): number {
		let at = from;
		while (at < to && !this.done) {
			if (this.lineAt < this.line.length) buffer[at++] = this.line[this.lineAt++] as number;
			else if (!this.next()) {
				if (!this.isValid) break;
				this.done = true;
			}
		}
		return at - from;
	}

	/** Back to the beginning; the end stays where it was. */
	rewind(): void {
		this.cursor.rewind();
		this.index = 0;
		this.line = EMPTY;
		this.lineAt = 0;
		this.done = false;
	}

	/** Bytes of the next `lines` lines, or less at the end, where `done` becomes true. */
	measure(lines: number): number {
		let bytes = 0;
		for (let i = 0; i < lines && !this.done; i++) {
			if (this.next()) bytes += this.line.length;
			else this.done = true;
		}
		return bytes;
	}

	/** Makes the next line; false at the end. */
	next(): boolean {
		const text = this.upload.isSecurity ? this.securityLine() : this.diagnosticLine();
		if (text === "") return false;
		this.line = bytesOf(text);
		this.lineAt = 0;
		return true;
	}

	private securityLine(): string {
		const entry = this.entry;
		const upload = this.upload;
		while (this.journal.next(this.cursor, entry)) {
			// An event whose time nobody knows belongs into every window.
			if (entry.utcMs < upload.oldestMs || entry.utcMs > upload.latestMs) continue;
			const time = formatDateTime(entry.utcMs);
			const name = SECURITY_EVENT_NAMES[entry.type];
			const info = entry.techInfo === "" ? "" : " " + entry.techInfo;
			return (time === "" ? "-" : time) + " " + (name === undefined ? "Event" + entry.type : name) + info + "\n";
		}
		return "";
	}

	private diagnosticLine(): string {
		const index = this.index++;
		if (index === 0) return this.upload.head;
		const events = this.upload.events;
		const at = events.length - 3 * index;
		if (at < 0) return "";
		return "log " + events[at] + " " + events[at + 1] + " " + events[at + 2] + "\n";
	}
}

/** Whom a file server may be signed by: the roots of the CSMS (N01.FR.15). What it shows is no matter of its link. */
class FileTrust implements Trust {
	private readonly trust: Trust;

	constructor(trust: Trust) {
		this.trust = trust;
	}

	get roots(): number {
		return this.trust.roots;
	}

	get rootBytesMax(): number {
		return this.trust.rootBytesMax;
	}

	get utcMs(): number {
		return this.trust.utcMs;
	}

	get floorMs(): number {
		return this.trust.floorMs;
	}

	loadRoot(index: number, bytes: Uint8Array, from: number): number {
		return this.trust.loadRoot(index, bytes, from);
	}

	accepted(): void {}

	refused(): void {}
}

class LogUpload implements Upload, HttpFile {
	readonly requestId: number;
	readonly isSecurity: boolean;
	readonly name: string;
	readonly url: string;
	readonly oldestMs: number;
	readonly latestMs: number;
	readonly retryMs: number;
	/** Head and events of a diagnostics log, as they were when it was asked for. */
	head = "";
	events: Int32Array = NO_EVENTS;

	phase: number = Phase.held;
	/** Attempts that are left after the one at hand. */
	triesLeft: number;
	method: HttpMethod = HttpMethod.put;
	/** PUT was refused as such, and POST was tried in its place. */
	hasChanged = false;
	length = 0;
	text: LogText | null = null;
	http: HttpUpload | null = null;
	/** Clock mark of the last failure. */
	mark = 0;
	result: UploadLogStatusEnumType = "UploadFailure";

	/** What the CSMS has acknowledged, and what is on its way. */
	told: number = Told.nothing;
	sent: number = Told.nothing;
	/** The upload before this one, whose end is still to be told; "" when nothing is. */
	pastId = 0;
	pastStatus: UploadLogStatusEnumType | "" = "";

	constructor(station: Station, request: GetLogRequest) {
		const log = request.log;
		this.requestId = request.requestId;
		this.isSecurity = request.logType === "SecurityLog";
		this.url = log.remoteLocation;
		this.oldestMs = log.oldestTimestamp === undefined ? -Infinity : parseDateTime(log.oldestTimestamp);
		this.latestMs = log.latestTimestamp === undefined ? Infinity : parseDateTime(log.latestTimestamp);
		const retries = request.retries === undefined ? 0 : request.retries;
		this.triesLeft = Math.max(0, Math.min(LIMITS.uploadTriesMax, retries));
		const seconds = request.retryInterval === undefined ? LIMITS.uploadRetrySeconds : request.retryInterval;
		this.retryMs = Math.max(0, Math.min(seconds, MAX_RETRY_SECONDS)) * 1000;
		this.name = (this.isSecurity ? "security-" : "diagnostics-") + plainTime(station) + "-" + this.requestId + ".txt";
		if (this.isSecurity) return;
		this.head = headOf(station);
		this.events = eventsOf(station);
	}

	get isBusy(): boolean {
		return this.phase !== Phase.over;
	}

	get readsJournal(): boolean {
		return this.isSecurity && (this.phase === Phase.measuring || this.phase === Phase.sending);
	}
}

/** A day: what the clock's counter can measure, and more than anybody waits. */
const MAX_RETRY_SECONDS = 86_400;

/** The time of day as letters and digits, e.g. 20260301T120000Z. */
function plainTime(station: Station): string {
	const time = formatDateTime(station.host.clock.utc());
	if (time === "") return "0";
	return time.slice(0, 4) + time.slice(5, 7) + time.slice(8, 13) + time.slice(14, 16) + time.slice(17, 19) + "Z";
}

/** What the station knows of itself, in lines. */
function headOf(station: Station): string {
	const identity = station.host.identity;
	const reason = BOOT_REASONS[station.bootCause];
	let text =
		"station " + identity.vendorName + " " + identity.model + " " + identity.serialNumber +
		"\nfirmware " + identity.firmwareVersion +
		"\ntime " + formatDateTime(station.host.clock.utc()) +
		"\nboots " + station.cells.getNumber(Cell.bootCount, 0) + " last " + (reason === undefined ? "Unknown" : reason) +
		"\nstatus " + stationStatus(station.evses) +
		"\nprofile " + station.slot + " security " + station.securityProfile +
		"\nevents waiting " + station.outbox.count + " bytes " + station.outbox.bytesUsed +
		" thinned " + station.outbox.thinned + " shortened " + station.outbox.shortened +
		"\nsecurity events waiting " + station.journal.waiting + " dropped " + station.journal.dropped + "\n";
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		text += "evse " + evse.evseId + " " + connectorStatus(evse) + " facts " + evse.facts + " faults " + evse.faults +
			" limit " + evse.permit.limitMilliamps + " mA";
		text += station.sample(evse) ? " register " + station.reading.energyWh + " Wh\n" : " meter silent\n";
	}
	return text;
}

/** The newest diagnostic events that the host keeps, newest first: code, a, b of each. */
function eventsOf(station: Station): Int32Array {
	const log = station.host.log;
	const triple = new Int32Array(3);
	let count = 0;
	if (log.read !== undefined) while (count < EVENTS_MAX && log.read(count, triple)) count++;
	const events = new Int32Array(3 * count);
	for (let age = 0; age < count; age++) {
		log.read!(age, triple);
		events.set(triple, 3 * age);
	}
	return events;
}

function uploadOf(station: Station): LogUpload | null {
	return station.upload as LogUpload | null;
}

// --- GetLog ---

function getLog(station: Station, request: GetLogRequest): Answer {
	const upload = new LogUpload(station, request);
	if (upload.isSecurity && !new LogText(upload, station.journal).next()) {
		if (station.upload === null) station.journal.rest();
		return REJECTED; // N01.FR.05
	}
	const before = uploadOf(station);
	// Two ends that nobody was told yet cannot be kept: the third upload has to wait for one of them.
	if (before !== null && before.pastStatus !== "" && owesEnd(before)) return REJECTED;
	const isCanceled = before !== null && before.isBusy;
	if (before !== null) succeed(before, upload);
	station.upload = upload;
	return { status: isCanceled ? "AcceptedCanceled" : "Accepted", filename: upload.name }; // N01.FR.12
}

/** An end of this upload is to be told, or is on its way: that it was canceled, if another one takes its place now. */
function owesEnd(upload: LogUpload): boolean {
	return upload.isBusy ? upload.phase !== Phase.held : upload.told !== Told.result;
}

/** The end of the upload before is told first, also when this one ends it (N01.FR.20). */
function succeed(before: LogUpload, upload: LogUpload): void {
	// What is on its way stays so: if the link breaks now, it is told again.
	if (owesEnd(before)) {
		upload.pastId = before.requestId;
		upload.pastStatus = before.isBusy ? "AcceptedCanceled" : before.result;
		if (before.sent === Told.result) upload.sent = Told.past;
	} else {
		upload.pastId = before.pastId;
		upload.pastStatus = before.pastStatus;
		if (before.sent === Told.past) upload.sent = Told.past;
	}
	cut(before);
}

function cut(upload: LogUpload): void {
	if (upload.http !== null) upload.http.abort();
	upload.http = null;
	upload.text = null;
}

function logAsked(station: Station): void {
	const upload = uploadOf(station);
	if (upload !== null && upload.phase === Phase.held) begin(station, upload);
}

function begin(station: Station, upload: LogUpload): void {
	upload.length = 0;
	upload.text = new LogText(upload, station.journal);
	upload.phase = Phase.measuring;
	station.host.wake();
}

function diagnosticsStep(station: Station): void {
	const upload = uploadOf(station);
	if (upload === null) return;
	if (upload.phase === Phase.measuring) measure(station, upload);
	else if (upload.phase === Phase.sending) watch(station, upload);
	else if (upload.phase === Phase.waiting) {
		const left = upload.retryMs - station.host.clock.since(upload.mark);
		if (left > 0) return station.wakeWithin(left);
		begin(station, upload);
		station.wakeWithin(0);
	} else if (upload.phase === Phase.over && isAllTold(upload)) station.upload = null;
}

function isAllTold(upload: LogUpload): boolean {
	return upload.told === Told.result && upload.pastStatus === "";
}

function measure(station: Station, upload: LogUpload): void {
	const text = upload.text!;
	station.wakeWithin(0);
	upload.length += text.measure(LINES_PER_STEP);
	if (!text.isValid) return begin(station, upload);
	if (text.done) send(station, upload);
}

function send(station: Station, upload: LogUpload): void {
	const target = newHttpTarget();
	const fault = parseHttpUrl(upload.url, target);
	if (fault !== TransportFault.none) {
		station.host.log.event(LogCode.uploadEnded, 0, fault);
		return finish(upload, fault === TransportFault.urlScheme ? "NotSupportedOperation" : "BadMessage");
	}
	upload.phase = Phase.sending;
	upload.text!.rewind();
	upload.http = new HttpUpload(station.host, target, upload, upload.text!, new FileTrust(station.trust));
}

function watch(station: Station, upload: LogUpload): void {
	const http = upload.http!;
	http.step();
	if (!http.isOver) return station.wakeWithin(http.nextDueMs);
	station.host.log.event(LogCode.uploadEnded, http.status, http.fault);
	station.wakeWithin(0);
	const isStale = !upload.text!.isValid;
	cut(upload);
	if (http.isUploaded) return finish(upload, "Uploaded");
	// The journal gave a block free meanwhile: nobody's fault.
	if (http.fault === TransportFault.uploadSource && isStale) return begin(station, upload);
	if (isMethodRefused(http) && !upload.hasChanged) {
		upload.hasChanged = true;
		upload.method = HttpMethod.post;
		return begin(station, upload);
	}
	if (upload.triesLeft === 0) return finish(upload, resultOf(http));
	upload.triesLeft--;
	upload.phase = Phase.waiting;
	upload.mark = station.host.clock.ticks();
}

/** Servers that know POST only say so by one of these. */
function isMethodRefused(http: HttpUpload): boolean {
	return http.status === 404 || http.status === 405 || http.status === 501;
}

function resultOf(http: HttpUpload): UploadLogStatusEnumType {
	if (http.fault === SocketError.unsupported) return "NotSupportedOperation";
	if (http.fault !== TransportFault.none) return "UploadFailure";
	switch (http.status) {
		case 400:
			return "BadMessage";
		case 401:
		case 403:
			return "PermissionDenied";
		case 405:
		case 501:
			return "NotSupportedOperation";
		default:
			return "UploadFailure";
	}
}

function finish(upload: LogUpload, result: UploadLogStatusEnumType): void {
	cut(upload);
	upload.result = result;
	upload.phase = Phase.over;
}

function diagnosticsLink(station: Station, up: boolean): void {
	if (!up) logAsked(station); // the answer is lost, but the CSMS may have seen it
}

// --- LogStatusNotification ---

/** What is to be told next of an upload. */
function nextOf(upload: LogUpload): number {
	if (upload.phase === Phase.held) return Told.nothing;
	if (upload.pastStatus !== "") return Told.past;
	if (upload.told === Told.nothing) return Told.uploading;
	return upload.phase === Phase.over && upload.told !== Told.result ? Told.result : Told.nothing;
}

function statusDue(station: Station): boolean {
	const upload = uploadOf(station);
	if (station.triggered & StationTriggered.logStatus) return true;
	// While Pending only what was asked for is told (B02.FR.02).
	return station.registration === Registration.Accepted && upload !== null && nextOf(upload) !== Told.nothing;
}

function logStatusNotification(station: Station): LogStatusNotificationRequest {
	const upload = uploadOf(station);
	const mayTell = upload !== null && station.registration === Registration.Accepted;
	const next = mayTell ? nextOf(upload) : Told.nothing;
	if (upload !== null && next !== Told.nothing) {
		upload.sent = next;
		if (next === Told.past)
			return { status: upload.pastStatus as UploadLogStatusEnumType, requestId: upload.pastId };
		return { status: next === Told.uploading ? "Uploading" : upload.result, requestId: upload.requestId };
	}
	station.triggered &= ~StationTriggered.logStatus;
	// N01: Idle has no requestId; while a log is on its way its status is told.
	if (upload !== null && upload.isBusy) return { status: "Uploading", requestId: upload.requestId };
	return { status: "Idle" };
}

function statusResult(station: Station): void {
	const upload = uploadOf(station);
	if (upload === null) return;
	const sent = upload.sent;
	upload.sent = Told.nothing;
	if (sent === Told.past) upload.pastStatus = "";
	else if (sent !== Told.nothing) upload.told = sent;
	station.host.wake();
}

/** An error or silence would come again and again: it counts as told. Offline, it is told again. */
function statusFailed(station: Station, failure: Failure): void {
	if (failure !== Failure.offline) return statusResult(station);
	const upload = uploadOf(station);
	if (upload !== null) upload.sent = Told.nothing;
}

export const diagnosticsBlock: Block = freeze({
	section: "N",
	calls: [{ action: Action.GetLog, gate: Registration.Accepted, handle: getLog, afterwards: logAsked }],
	sends: [
		{
			action: Action.LogStatusNotification,
			gate: Registration.Pending,
			isDue: statusDue,
			build: logStatusNotification,
			onResult: statusResult,
			onFailure: statusFailed,
		},
	],
	step: diagnosticsStep,
	link: diagnosticsLink,
});
