// A. The station's own certificate: a key is made here, the CSMS has it signed, and what comes back is checked before
// it takes the place of the certificate in use. The key is in the vault from its first instant and nowhere else.
// Owns: SigningState, the vault's pending key and certificates of the station. Not: which of them TLS shows
// (station/trust.ts).
// Source: OCPP 2.0.1 Part 2, A02 and A03 with the errata of 2025-01; docs/decisions/0012-certificate-of-the-station.md.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import { LIMITS } from "../../preload/limits.js";
import type {
	CertificateSignedRequest,
	CertificateSignedResponse,
	SignCertificateRequest,
	SignCertificateResponse,
} from "../../preload/payloads.js";
import { Variable } from "../../preload/variables.js";
import { text } from "../core/bytes.js";
import { CSR_SIGNATURE_AT, POINT_BYTES, finishCsr, writeCsrBody } from "../core/csr.js";
import { Certificate, KeyUsage, hasIssued, mayIssue, parseCertificate, sameRange } from "../core/der.js";
import { PemBlock, derToPem, pemLength, pemToDer, skipWhite } from "../core/pem.js";
import { Registration } from "../model/registration.js";
import { Reconfigured, SecurityEvent, securityEvent } from "../model/security-event.js";
import { Signing } from "../model/signing-state.js";
import type { Crypto } from "../ports/crypto.js";
import { InternalEvent } from "../ports/events.js";
import { CLIENT_KEY_BYTES, CLIENT_TAIL_BYTES, VaultKind } from "../storage/vault.js";
import { Failure, type Answer, type Block, type Station } from "./block.js";

const INSTALLED: CertificateSignedResponse = freeze({ status: "Accepted" } as const);
const INVALID: CertificateSignedResponse = freeze({
	status: "Rejected",
	statusInfo: { reasonCode: "InvalidCertificate" },
} as const);
const FULL: CertificateSignedResponse = freeze({
	status: "Rejected",
	statusInfo: { reasonCode: "OutOfStorage" },
} as const);
const TOO_LONG: CertificateSignedResponse = freeze({
	status: "Rejected",
	statusInfo: { reasonCode: "TooLargeElement" },
} as const);
const NO_SUCH_TYPE: CertificateSignedResponse = freeze({
	status: "Rejected",
	statusInfo: { reasonCode: "UnsupportedRequest" },
} as const);

const CERTIFICATE = "CERTIFICATE";
const CERTIFICATE_REQUEST = "CERTIFICATE REQUEST";
const CERTIFICATE_TYPE = "ChargingStationCertificate";
const PRIVATE_BYTES = CLIENT_KEY_BYTES - POINT_BYTES;
/** Where the body of a request ends in the scratch buffer; its names, up to 64 and 48 characters, are in front. */
const BODY_END = 900;
/** A03.FR.02: a certificate is renewed so long before its end. */
const RENEWAL_MS = 30 * 86_400_000;
/** Certificates of the station that are kept: the one in use and its successor. */
const KEPT_MAX = 2;
const WAIT_MS_MAX = 0x3fffffff;
const NONE = -1;

// --- SignCertificate ---

function signDue(station: Station): boolean {
	const state = station.signing;
	if (state.phase === Signing.idle) return false;
	if (state.phase !== Signing.waiting) return true;
	if (state.repeats >= station.variables.number(Variable.SecurityCertSigningRepeatTimes)) return false; // A02.FR.19
	const left = state.waitMs - station.host.clock.since(state.mark);
	if (left <= 0) return true;
	station.wakeWithin(left);
	return false;
}

function signCertificate(station: Station): SignCertificateRequest | undefined {
	const state = station.signing;
	const crypto = station.host.crypto;
	const isNew = state.phase === Signing.newKey;
	if (state.phase === Signing.waiting) state.repeats++;
	state.phase = Signing.idle;
	if (crypto === undefined) return undefined;
	// Where there is no memory or no room now, it is as if the CSMS had not answered.
	wait(station);
	const key = new Uint8Array(CLIENT_KEY_BYTES);
	if (!takeKey(station, crypto, key, isNew)) return undefined;
	const bytes = station.vault.scratch;
	const organization = station.variables.text(Variable.SecurityOrganizationName);
	const from = writeCsrBody(bytes, BODY_END, organization, station.host.identity.identity, key, PRIVATE_BYTES);
	const end = crypto.sign(key, 0, bytes, from, BODY_END, bytes, BODY_END + CSR_SIGNATURE_AT);
	key.fill(0);
	if (end === BODY_END + CSR_SIGNATURE_AT) return undefined;
	state.phase = Signing.send;
	const at = finishCsr(bytes, from, BODY_END, end);
	const pem = new Uint8Array(pemLength(end - at, CERTIFICATE_REQUEST));
	derToPem(bytes, at, end, CERTIFICATE_REQUEST, pem, 0);
	return { csr: text(pem, 0, pem.length), certificateType: CERTIFICATE_TYPE };
}

/** Puts the pending key to `key`: a new one, or the one that a repeated request is for. False: it cannot be kept. */
function takeKey(station: Station, crypto: Crypto, key: Uint8Array, isNew: boolean): boolean {
	const vault = station.vault;
	const place = vault.find(VaultKind.pendingKey, 0);
	if (place >= 0 && !isNew) return vault.load(place, 0, CLIENT_KEY_BYTES, key);
	if (place >= 0 && !vault.remove(place)) return false;
	return crypto.makeKey(key, 0, key, PRIVATE_BYTES) &&
		vault.add(VaultKind.pendingKey, key, 0, CLIENT_KEY_BYTES, null) >= 0;
}

function signResult(station: Station, response: SignCertificateResponse): void {
	// Asked for anew in the meantime: this was the answer for the key before.
	if (station.signing.phase !== Signing.send) return;
	if (response.status === "Accepted") return wait(station);
	// A02.FR.20: not asked again by itself.
	station.signing.phase = Signing.idle;
	const place = station.vault.find(VaultKind.pendingKey, 0);
	if (place >= 0) station.vault.remove(place);
}

function signFailed(station: Station, failure: Failure): void {
	if (failure !== Failure.offline && station.signing.phase === Signing.send) wait(station);
}

/** A02.FR.17, A02.FR.18: the wait is doubled with each repetition. */
function wait(station: Station): void {
	const state = station.signing;
	const seconds = station.variables.number(Variable.SecurityCertSigningWaitMinimum);
	state.phase = Signing.waiting;
	state.mark = station.host.clock.ticks();
	state.waitMs = Math.min(WAIT_MS_MAX, seconds * 1000 * Math.pow(2, state.repeats));
}

// --- CertificateSigned ---

function certificateSigned(station: Station, request: CertificateSignedRequest): Answer {
	if (request.certificateType !== undefined && request.certificateType !== CERTIFICATE_TYPE) return NO_SUCH_TYPE;
	const from = station.verdict.longFrom;
	const to = station.verdict.longTo;
	if (to - from > LIMITS.certificateChainBytes) return TOO_LONG; // A02.FR.16
	const leaf = new Certificate();
	const crypto = station.host.crypto;
	const end = crypto === undefined ? NONE : readChain(station, crypto, from, to, leaf);
	if (end < 0) {
		station.signing.phase = Signing.idle;
		station.raise(InternalEvent.securityEvent, NONE, SecurityEvent.invalidChargingStationCertificate);
		return INVALID; // A02.FR.07
	}
	return keep(station, from, end, leaf);
}

/**
 * Undoes and checks the chain in the text received[from, to): the station's certificate for the pending key, then those
 * of its issuers up to an installed root. DER takes the place of the text.
 * @returns the end of the DER bytes that begin at `from`; -1 when something is wrong
 */
function readChain(station: Station, crypto: Crypto, from: number, to: number, leaf: Certificate): number {
	const bytes = station.received;
	const block = new PemBlock();
	let lower = leaf;
	let upper = new Certificate();
	let end = from;
	let at = skipWhite(bytes, from, to);
	while (at < to) {
		if (!pemToDer(bytes, at, to, CERTIFICATE, block)) return NONE;
		bytes.copyWithin(end, block.from, block.to);
		const next = end + block.to - block.from;
		const isLeaf = end === from;
		const c = isLeaf ? leaf : upper;
		if (!parseCertificate(bytes, end, next, c) || !isInTime(station, c)) return NONE;
		if (isLeaf ? !isForUs(station, bytes, c) : !mayIssue(c) || !hasIssued(crypto, bytes, c, bytes, lower)) return NONE;
		if (!isLeaf) {
			upper = lower === leaf ? new Certificate() : lower;
			lower = c;
		}
		end = next;
		at = skipWhite(bytes, block.next, to);
	}
	return end > from && isUnderRoot(station, crypto, bytes, end, lower) ? end : NONE;
}

function isInTime(station: Station, c: Certificate): boolean {
	const utcMs = station.host.clock.utc();
	return utcMs >= c.notBeforeMs && utcMs <= c.notAfterMs;
}

/** Made for the pending key, and for signing. */
function isForUs(station: Station, bytes: Uint8Array, c: Certificate): boolean {
	const vault = station.vault;
	const place = vault.find(VaultKind.pendingKey, 0);
	if (place < 0 || !vault.load(place, PRIVATE_BYTES, CLIENT_KEY_BYTES, vault.scratch)) return false;
	if (c.isCa === 1 || (c.keyUsage >= 0 && (c.keyUsage & KeyUsage.digitalSignature) === 0)) return false;
	return sameRange(bytes, c.keyFrom, c.keyTo, vault.scratch, 0, POINT_BYTES);
}

/** A02.FR.06, the operator's hierarchy. Roots are looked at in what is left of the buffer behind `end`. */
function isUnderRoot(station: Station, crypto: Crypto, bytes: Uint8Array, end: number, last: Certificate): boolean {
	const room = bytes.subarray(end);
	const root = new Certificate();
	for (let i = 0; i < station.trust.roots; i++) {
		const count = station.trust.loadRoot(i, room, 0);
		if (parseCertificate(room, 0, count, root) && isInTime(station, root) && hasIssued(crypto, room, root, bytes, last))
			return true;
	}
	return false;
}

/** The chain, its key and its end become one entry of the vault; only then the pending key goes. */
function keep(station: Station, from: number, end: number, leaf: Certificate): CertificateSignedResponse {
	const vault = station.vault;
	const bytes = station.received;
	const pending = vault.find(VaultKind.pendingKey, 0);
	const scratch = vault.scratch;
	if (!vault.load(pending, 0, CLIENT_KEY_BYTES, scratch)) return FULL;
	for (let i = 0; i < CLIENT_KEY_BYTES; i++) bytes[end + i] = scratch[i]!;
	const seconds = Math.min(0xffffffff, leaf.notAfterMs / 1000);
	for (let i = 0; i < 4; i++) bytes[end + CLIENT_KEY_BYTES + i] = Math.floor(seconds / Math.pow(256, i)) & 0xff;
	// The one in use is the older of two; the other has never worked and is not needed any more.
	const isReady = vault.count(VaultKind.station) < KEPT_MAX || vault.remove(vault.byAge(VaultKind.station, false));
	const isKept = isReady && vault.add(VaultKind.station, bytes, from, end + CLIENT_TAIL_BYTES, leaf) >= 0;
	bytes.fill(0, end, end + CLIENT_KEY_BYTES);
	scratch.fill(0);
	if (!isKept) return FULL;
	vault.remove(pending);
	const state = station.signing;
	state.phase = Signing.idle;
	state.hasRenewed = false;
	state.isInstalled = true;
	state.notAfterMs = leaf.notAfterMs;
	const event = securityEvent(SecurityEvent.reconfigurationOfSecurityParameters, Reconfigured.certificate);
	station.raise(InternalEvent.securityEvent, NONE, event);
	return INSTALLED;
}

/** A02.FR.08: the answer first, then a connection with the new certificate. */
function certificateAnswered(station: Station): void {
	const state = station.signing;
	if (!state.isInstalled) return;
	state.isInstalled = false;
	if (station.securityProfile === 3) station.reconnect();
}

// --- over boots, and before a certificate ends ---

/** A key goes on waiting, unless its certificate came and the power went before the key was forgotten. */
function signingRestore(station: Station): void {
	const vault = station.vault;
	const pending = vault.find(VaultKind.pendingKey, 0);
	if (pending < 0) return;
	const sequence = vault.sequence;
	if (vault.byAge(VaultKind.station, false) >= 0 && vault.sequence > sequence) vault.remove(pending);
	else wait(station);
}

function signingLink(station: Station, up: boolean): void {
	if (!up) return;
	const vault = station.vault;
	const place = vault.byAge(VaultKind.station, false);
	const bytes = vault.bytes;
	if (place < 0 || !vault.load(place, bytes - 4, bytes, vault.scratch)) return;
	const scratch = vault.scratch;
	const seconds = scratch[0]! + scratch[1]! * 0x100 + scratch[2]! * 0x10000 + scratch[3]! * 0x1000000;
	station.signing.notAfterMs = seconds * 1000;
}

/** A03.FR.02: once in the life of a certificate and of the firmware; a CSMS that refuses can ask for it (A02). */
function signingStep(station: Station): void {
	const state = station.signing;
	if (state.phase !== Signing.idle || state.hasRenewed) return;
	if (!(station.host.clock.utc() >= state.notAfterMs - RENEWAL_MS)) return;
	state.hasRenewed = true;
	state.phase = Signing.newKey;
	state.repeats = 0;
}

export const signingBlock: Block = freeze({
	section: "A",
	calls: [
		{
			action: Action.CertificateSigned,
			gate: Registration.Pending,
			keepsLong: true,
			handle: certificateSigned,
			afterwards: certificateAnswered,
		},
	],
	sends: [
		{
			action: Action.SignCertificate,
			gate: Registration.Pending,
			isDue: signDue,
			build: signCertificate,
			onResult: signResult,
			onFailure: signFailed,
		},
	],
	restore: signingRestore,
	link: signingLink,
	step: signingStep,
});
