// M. Certificates: the CSMS installs, lists and deletes the roots that the station trusts. A certificate is read where
// it was received and goes from there to the vault; it never exists as a string.
// Owns: what may be installed and deleted. Not: how it is kept (storage/vault.ts), nor how it is used (transport/tls).
// Source: OCPP 2.0.1 Part 2, M03 to M05; hash data as CertificateHashDataType says. docs/tls.md.

import { Action } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import type {
	CertificateHashDataChainType,
	CertificateHashDataType,
	DeleteCertificateRequest,
	DeleteCertificateResponse,
	GetCertificateIdUseEnumType,
	GetInstalledCertificateIdsRequest,
	GetInstalledCertificateIdsResponse,
	HashAlgorithmEnumType,
	InstallCertificateRequest,
	InstallCertificateResponse,
} from "../../preload/payloads.js";
import { Certificate, KeyKind, SignatureKind, hasIssued, hexText, parseCertificate, serialText } from "../core/der.js";
import type { LazyList } from "../core/encode.js";
import { PemBlock, pemToDer, skipWhite } from "../core/pem.js";
import { SHA256_BYTES, sha256 } from "../core/sha256.js";
import { sameText } from "../model/pending-token.js";
import { Registration } from "../model/registration.js";
import { VaultKind } from "../storage/vault.js";
import type { Answer, Block, Station } from "./block.js";

const INSTALLED: InstallCertificateResponse = freeze({ status: "Accepted" } as const);
const NOT_KEPT: InstallCertificateResponse = freeze({ status: "Failed" } as const);
const INVALID: InstallCertificateResponse = freeze({
	status: "Rejected",
	statusInfo: { reasonCode: "InvalidCertificate" },
} as const);
const FULL: InstallCertificateResponse = freeze({
	status: "Rejected",
	statusInfo: { reasonCode: "OutOfStorage" },
} as const);
const NO_SUCH_TYPE: InstallCertificateResponse = freeze({
	status: "Rejected",
	statusInfo: { reasonCode: "UnsupportedRequest" },
} as const);
const NONE_INSTALLED: GetInstalledCertificateIdsResponse = freeze({ status: "NotFound" } as const);
const DELETED: DeleteCertificateResponse = freeze({ status: "Accepted" } as const);
const UNKNOWN: DeleteCertificateResponse = freeze({ status: "NotFound" } as const);
const NOT_DELETED: DeleteCertificateResponse = freeze({ status: "Failed" } as const);

const LABEL = "CERTIFICATE";
/** CertificateHashDataType.serialNumber has 40 characters (RFC 5280 §4.1.2.2: 20 bytes). */
const SERIAL_BYTES_MAX = 20;
/** Longest issuer name and key: they are hashed in the scratch buffer, with the digest behind them. */
const HASHED_BYTES_MAX = 960;
const DIGEST_AT = 960;
/** A00.FR.503, A00.FR.504: 112 bits of security. */
const RSA_BITS_MIN = 2048;
const EC_BITS_MIN = 224;

// --- InstallCertificate ---

function kindOf(type: string): number {
	if (type === "CSMSRootCertificate") return VaultKind.csmsRoot;
	return type === "ManufacturerRootCertificate" ? VaultKind.manufacturerRoot : VaultKind.none;
}

function installCertificate(station: Station, request: InstallCertificateRequest): Answer {
	const kind = kindOf(request.certificateType);
	if (kind === VaultKind.none) return NO_SUCH_TYPE;
	const bytes = station.received;
	const end = station.verdict.longTo;
	const block = new PemBlock();
	if (!pemToDer(bytes, station.verdict.longFrom, end, LABEL, block)) return INVALID;
	// One certificate, and nothing behind it.
	if (skipWhite(bytes, block.next, end) !== end) return INVALID;
	return installRoot(station, kind, bytes, block.from, block.to);
}

/** Installs the root in DER at bytes[from, to); also how a root of birth gets into an empty vault. */
export function installRoot(
	station: Pick<Station, "vault" | "host" | "timeFloorMs">, kind: number, bytes: Uint8Array, from: number, to: number,
): InstallCertificateResponse {
	const c = new Certificate();
	if (!parseCertificate(bytes, from, to, c) || !isSoundRoot(station, bytes, c)) return INVALID;
	const vault = station.vault;
	for (let place = 0; place < vault.places; place++) if (vault.holds(place, kind, bytes, from, to)) return INSTALLED;
	const roots = vault.count(VaultKind.csmsRoot) + vault.count(VaultKind.manufacturerRoot);
	if (to - from > vault.bytesMax || roots >= vault.rootsMax || vault.free() < 0) return FULL; // M05.FR.06
	return vault.add(kind, bytes, from, to, c) >= 0 ? INSTALLED : NOT_KEPT;
}

/**
 * A root issued by itself, not expired, strong enough, and with its own right signature. One whose time has not come
 * yet is taken: that is how a root is replaced in good time; TLS refuses it until then.
 */
function isSoundRoot(station: Pick<Station, "host" | "timeFloorMs">, bytes: Uint8Array, c: Certificate): boolean {
	if (!c.isSelfIssued(bytes) || c.isCa === 0 || c.serialTo - c.serialFrom > SERIAL_BYTES_MAX) return false;
	if (c.issuerTo - c.issuerFrom > HASHED_BYTES_MAX || c.keyTo - c.keyFrom > HASHED_BYTES_MAX) return false;
	if (c.keyKind === KeyKind.other || c.keyBits < (c.keyKind === KeyKind.rsa ? RSA_BITS_MIN : EC_BITS_MIN)) return false;
	if (c.signatureKind === SignatureKind.other) return false;
	const utcMs = station.host.clock.utc();
	if (c.notAfterMs < (utcMs !== utcMs ? station.timeFloorMs : utcMs)) return false;
	const crypto = station.host.crypto;
	return crypto === undefined || hasIssued(crypto, bytes, c, bytes, c);
}

// --- hash data ---

/** Hexadecimal digest of payload[from, to) of a place; "" when it cannot be made. */
function digestText(
	station: Station, place: number, from: number, to: number, algorithm: HashAlgorithmEnumType,
): string {
	const vault = station.vault;
	const buffer = vault.scratch;
	if (!vault.load(place, from, to, buffer)) return "";
	const crypto = station.host.crypto;
	const bits = algorithm === "SHA256" ? 256 : algorithm === "SHA384" ? 384 : 512;
	if (bits === 256) sha256(buffer, 0, to - from, buffer, DIGEST_AT);
	else if (crypto === undefined) return "";
	else crypto.digest(bits, buffer, 0, to - from, buffer, DIGEST_AT);
	return hexText(buffer, DIGEST_AT, DIGEST_AT + (bits >> 3));
}

/** Serial number of the entry that was looked at last. */
function serialOf(station: Station, place: number): string {
	const vault = station.vault;
	const buffer = vault.scratch;
	const bytes = vault.serialTo - vault.serialFrom;
	return vault.load(place, vault.serialFrom, vault.serialTo, buffer) ? serialText(buffer, 0, bytes) : "";
}

// --- GetInstalledCertificateIds ---

const LISTED: readonly GetCertificateIdUseEnumType[] = freeze(["CSMSRootCertificate", "ManufacturerRootCertificate"]);

/** True when the entry of this kind is one that is asked for; all are when no type is named (M03.FR.04). */
function isAsked(kind: number, types: readonly GetCertificateIdUseEnumType[] | undefined): boolean {
	if (kind !== VaultKind.csmsRoot && kind !== VaultKind.manufacturerRoot) return false;
	return types === undefined || types.indexOf(LISTED[kind - 1]!) >= 0;
}

/** Entries of the answer, each made when it is sent. */
class Chains implements LazyList {
	readonly length: number;
	private readonly station: Station;
	private readonly types: readonly GetCertificateIdUseEnumType[] | undefined;

	constructor(station: Station, types: readonly GetCertificateIdUseEnumType[] | undefined) {
		this.station = station;
		this.types = types;
		let count = 0;
		const vault = station.vault;
		for (let place = 0; place < vault.places; place++) if (vault.look(place) && isAsked(vault.kind, types)) count++;
		this.length = count;
	}

	item(index: number): CertificateHashDataChainType {
		const vault = this.station.vault;
		let place = 0;
		for (; place < vault.places; place++) {
			if (!vault.look(place) || !isAsked(vault.kind, this.types)) continue;
			if (index-- === 0) break;
		}
		const certificateType = LISTED[vault.kind - 1]!;
		return { certificateType, certificateHashData: hashData(this.station, place) };
	}
}

function hashData(station: Station, place: number): CertificateHashDataType {
	const vault = station.vault;
	const hashAlgorithm = "SHA256";
	return {
		hashAlgorithm,
		issuerNameHash: digestText(station, place, vault.nameFrom, vault.nameTo, hashAlgorithm),
		issuerKeyHash: digestText(station, place, vault.keyFrom, vault.keyTo, hashAlgorithm),
		serialNumber: serialOf(station, place),
	};
}

function getInstalledCertificateIds(station: Station, request: GetInstalledCertificateIdsRequest): Answer {
	const chains = new Chains(station, request.certificateType);
	if (chains.length === 0) return NONE_INSTALLED; // M03.FR.02
	return { status: "Accepted", certificateHashDataChain: chains };
}

// --- DeleteCertificate ---

function deleteCertificate(station: Station, request: DeleteCertificateRequest): Answer {
	const vault = station.vault;
	for (let place = 0; place < vault.places; place++) {
		if (!vault.look(place)) continue;
		const kind = vault.kind;
		if (kind === VaultKind.pendingKey || !isNamed(station, place, request.certificateHashData)) continue;
		if (kind === VaultKind.station) return NOT_DELETED; // M04.FR.06
		// Without a root no later connection could be made: the station would be lost.
		const isNeeded = kind === VaultKind.csmsRoot && station.securityProfile >= 2 && vault.count(kind) === 1;
		return !isNeeded && vault.remove(place) ? DELETED : NOT_DELETED;
	}
	return UNKNOWN;
}

/**
 * Compares without case; the serial number also without leading zeros, which some CSMS send. The key of the station's
 * issuer is not kept: its name and the number are enough.
 */
function isNamed(station: Station, place: number, wanted: CertificateHashDataType): boolean {
	const vault = station.vault;
	const algorithm = wanted.hashAlgorithm;
	const isOwn = vault.kind === VaultKind.station;
	if (!sameText(serialOf(station, place), bareSerial(wanted.serialNumber))) return false;
	return sameText(digestText(station, place, vault.nameFrom, vault.nameTo, algorithm), wanted.issuerNameHash) &&
		(isOwn || sameText(digestText(station, place, vault.keyFrom, vault.keyTo, algorithm), wanted.issuerKeyHash));
}

function bareSerial(serial: string): string {
	let from = 0;
	while (from < serial.length - 1 && serial.charAt(from) === "0") from++;
	return serial.slice(from);
}

export const certificatesBlock: Block = freeze({
	section: "M",
	calls: [
		{
			action: Action.InstallCertificate,
			gate: Registration.Pending,
			keepsLong: true,
			handle: installCertificate,
		},
		{ action: Action.GetInstalledCertificateIds, gate: Registration.Pending, handle: getInstalledCertificateIds },
		{ action: Action.DeleteCertificate, gate: Registration.Pending, handle: deleteCertificate },
	],
	sends: [],
});

function holds(condition: boolean, relation: string): void {
	if (!condition) throw new Error("certificates.ts: " + relation);
}
holds(DIGEST_AT >= HASHED_BYTES_MAX && DIGEST_AT + 2 * SHA256_BYTES <= 1024, "a digest must fit behind what is hashed");
