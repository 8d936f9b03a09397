// Certificates read where they lie: DER bytes in a buffer become ranges, times and a few facts; nothing is copied and
// nothing is allocated.
// Owns: what counts as a well-formed certificate. Not: whether it is trusted (signatures and chains are checked by
// ports/crypto.ts and TLS).
// Source: X.690 §8 and §10 (DER), RFC 5280 §4 (certificates), OCPP 2.0.1 Part 2 §3.2 CertificateHashDataType.

import { freeze } from "../../preload/freeze.js";
import type { Crypto } from "../ports/crypto.js";
import { daysSince1970 } from "./datetime.js";

/** Kind of public key. */
export const enum KeyKind { other = 0, rsa = 1, ec = 2 }

/** Signature algorithms: hash in the low bits, 16 for RSA (PKCS #1 v1.5), 32 for ECDSA; 0 is any other. */
export const enum SignatureKind {
	other = 0,
	rsaSha256 = 17,
	rsaSha384 = 18,
	rsaSha512 = 19,
	ecdsaSha256 = 33,
	ecdsaSha384 = 34,
	ecdsaSha512 = 35,
}

/** Bits of Certificate.keyUsage (RFC 5280 §4.2.1.3), first bit of the string highest. */
export const enum KeyUsage { digitalSignature = 0x80, keyCertSign = 0x04 }

const INTEGER = 0x02;
const BOOLEAN = 0x01;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const VERSION = 0xa0;
const ISSUER_ID = 0x81;
const SUBJECT_ID = 0x82;
const EXTENSIONS = 0xa3;

const COMMON_NAME = freeze(Uint8Array.of(0x55, 0x04, 0x03));
const BASIC_CONSTRAINTS = freeze(Uint8Array.of(0x55, 0x1d, 0x13));
const KEY_USAGE = freeze(Uint8Array.of(0x55, 0x1d, 0x0f));
const ALTERNATIVE_NAME = freeze(Uint8Array.of(0x55, 0x1d, 0x11));
const RSA_KEY = freeze(Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01));
/** Of a public exponent: with one as long as its modulus a signature keeps a chip busy for a minute. As in tls.c. */
const EXPONENT_BYTES_MAX = 5;
const EC_KEY = freeze(Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01));
/** Without their last byte, which names the hash: 11, 12, 13 and 2, 3, 4. */
const RSA_WITH = freeze(Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01));
const ECDSA_WITH = freeze(Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03));

/** The parts of a certificate as ranges of the bytes that were read; made by the caller and filled by parse. */
export class Certificate {
	/** 1 to 3. */
	version = 1;
	/** To be signed: the whole value with its header. */
	tbsFrom = 0;
	tbsTo = 0;
	/** The number without leading zero bytes; at least one byte. */
	serialFrom = 0;
	serialTo = 0;
	/** Names with their headers. */
	issuerFrom = 0;
	issuerTo = 0;
	subjectFrom = 0;
	subjectTo = 0;
	/** Text of the subject's last common name; empty where it has none. */
	commonNameFrom = 0;
	commonNameTo = 0;
	/** UTC milliseconds; both are inside the time of validity. */
	notBeforeMs = NaN;
	notAfterMs = NaN;
	/** SubjectPublicKeyInfo with its header. */
	spkiFrom = 0;
	spkiTo = 0;
	/** The public key's bits: content of its BIT STRING behind the byte of unused bits. */
	keyFrom = 0;
	keyTo = 0;
	/** KeyKind. */
	keyKind = 0;
	/** Bits of the RSA modulus or of the curve's field. */
	keyBits = 0;
	/** SignatureKind. */
	signatureKind = 0;
	signatureFrom = 0;
	signatureTo = 0;
	/** basicConstraints: 1 a CA, 0 not, -1 it does not say. */
	isCa = -1;
	/** Octets of the key usage as a number; -1 where it does not say. */
	keyUsage = -1;
	/** GeneralNames inside subjectAltName, without their header; empty where there are none. */
	namesFrom = 0;
	namesTo = 0;

	// The reader's place; inside this file only.
	tag = 0;
	from = 0;
	to = 0;

	/** True when the certificate is issued by its own subject. */
	isSelfIssued(bytes: Uint8Array): boolean {
		return sameRange(bytes, this.issuerFrom, this.issuerTo, bytes, this.subjectFrom, this.subjectTo);
	}
}

/** True when a[from, to) equals b[bFrom, bTo). */
export function sameRange(
	a: Uint8Array, from: number, to: number, b: Readonly<Uint8Array>, bFrom: number, bTo: number,
): boolean {
	if (to - from !== bTo - bFrom) return false;
	while (from < to) if (a[from++] !== b[bFrom++]) return false;
	return true;
}

/**
 * Reads the header of the value at `at`, which must end at or before `end`. Tag and content are in c.tag, c.from, c.to.
 * Only what DER allows: definite lengths in their shortest form, tags below 31.
 */
function open(bytes: Uint8Array, at: number, end: number, c: Certificate): boolean {
	if (at + 2 > end) return false;
	c.tag = bytes[at];
	if ((c.tag & 0x1f) === 0x1f) return false;
	let length = bytes[at + 1];
	at += 2;
	if (length === 0x81) {
		if (at >= end || bytes[at] < 0x80) return false;
		length = bytes[at++];
	} else if (length === 0x82) {
		if (at + 2 > end || bytes[at] === 0) return false;
		length = (bytes[at] << 8) | bytes[at + 1];
		at += 2;
	} else if (length >= 0x80) return false;
	c.from = at;
	c.to = at + length;
	return c.to <= end;
}

function openAs(bytes: Uint8Array, at: number, end: number, tag: number, c: Certificate): boolean {
	return open(bytes, at, end, c) && c.tag === tag;
}

function isOid(bytes: Uint8Array, from: number, to: number, oid: Readonly<Uint8Array>): boolean {
	return sameRange(bytes, from, to, oid, 0, oid.length);
}

/**
 * Reads the certificate that bytes[from, to) holds, no byte more and no byte less.
 * @returns false when it is none; `c` is then of no use
 */
export function parseCertificate(bytes: Uint8Array, from: number, to: number, c: Certificate): boolean {
	c.version = 1;
	c.isCa = c.keyUsage = -1;
	c.namesFrom = c.namesTo = 0;
	if (from < 0 || to > bytes.length || !openAs(bytes, from, to, SEQUENCE, c) || c.to !== to) return false;
	c.tbsFrom = c.from;
	if (!openAs(bytes, c.tbsFrom, to, SEQUENCE, c)) return false;
	const body = c.from;
	const bodyEnd = c.tbsTo = c.to;
	// What follows the body first: algorithm and signature end the certificate.
	const algorithm = bodyEnd;
	if (!readSignatureKind(bytes, algorithm, to, c)) return false;
	const algorithmEnd = c.to;
	if (!openAs(bytes, algorithmEnd, to, BIT_STRING, c) || c.to !== to) return false;
	if (c.to - c.from < 2 || bytes[c.from] !== 0) return false;
	c.signatureFrom = c.from + 1;
	c.signatureTo = c.to;
	return readBody(bytes, body, bodyEnd, algorithm, algorithmEnd, c);
}

/** Version to extensions; the algorithm inside must be that of the signature (RFC 5280 §4.1.1.2). */
function readBody(
	bytes: Uint8Array, at: number, end: number, algorithm: number, algorithmEnd: number, c: Certificate,
): boolean {
	if (!open(bytes, at, end, c)) return false;
	if (c.tag === VERSION) {
		const next = c.to;
		if (!openAs(bytes, c.from, next, INTEGER, c) || c.to !== next || c.to - c.from !== 1) return false;
		c.version = bytes[c.from] + 1;
		if (c.version > 3 || !open(bytes, next, end, c)) return false;
	}
	if (c.tag !== INTEGER || !readSerial(bytes, c)) return false;
	if (!openAs(bytes, c.to, end, SEQUENCE, c)) return false;
	at = c.to;
	const inner = at - (algorithmEnd - algorithm);
	if (inner < 0 || !sameRange(bytes, inner, at, bytes, algorithm, algorithmEnd)) return false;
	c.issuerFrom = at;
	if (!readName(bytes, at, end, c)) return false;
	at = c.issuerTo = c.to;
	if (!openAs(bytes, at, end, SEQUENCE, c)) return false;
	at = c.to;
	if (!readTimes(bytes, c.from, at, c)) return false;
	c.subjectFrom = at;
	if (!readName(bytes, at, end, c)) return false;
	at = c.subjectTo = c.to;
	if (!readKey(bytes, at, end, c)) return false;
	return readTail(bytes, c.spkiTo, end, c);
}

/** SignatureKind of the AlgorithmIdentifier at `at`; c.to is its end. */
function readSignatureKind(bytes: Uint8Array, at: number, end: number, c: Certificate): boolean {
	if (!openAs(bytes, at, end, SEQUENCE, c)) return false;
	const close = c.to;
	if (!openAs(bytes, c.from, close, OBJECT_ID, c) || c.to - c.from < 3) return false;
	const prefixEnd = c.to - 1;
	const last = bytes[prefixEnd];
	c.signatureKind = SignatureKind.other;
	if (isOid(bytes, c.from, prefixEnd, RSA_WITH) && last >= 11 && last <= 13) c.signatureKind = 6 + last;
	if (isOid(bytes, c.from, prefixEnd, ECDSA_WITH) && last >= 2 && last <= 4) c.signatureKind = 31 + last;
	c.to = close;
	return true;
}

/** The open INTEGER as a serial number: not negative, shortest form. Leaves c.to behind it. */
function readSerial(bytes: Uint8Array, c: Certificate): boolean {
	let from = c.from;
	const count = c.to - from;
	if (count === 0 || bytes[from] >= 0x80) return false;
	if (count > 1 && bytes[from] === 0) {
		if (bytes[from + 1] < 0x80) return false;
		from++;
	}
	c.serialFrom = from;
	c.serialTo = c.to;
	return true;
}

/** The Name at `at`: sets of types and values. The last common name stays in c; c.to is its end. */
function readName(bytes: Uint8Array, at: number, end: number, c: Certificate): boolean {
	c.commonNameFrom = c.commonNameTo = 0;
	if (!openAs(bytes, at, end, SEQUENCE, c)) return false;
	const close = c.to;
	for (at = c.from; at < close; ) {
		if (!openAs(bytes, at, close, SET, c) || c.from === c.to) return false;
		const setEnd = c.to;
		for (at = c.from; at < setEnd; ) {
			if (!openAs(bytes, at, setEnd, SEQUENCE, c)) return false;
			const pairEnd = c.to;
			if (!openAs(bytes, c.from, pairEnd, OBJECT_ID, c)) return false;
			const isCommonName = isOid(bytes, c.from, c.to, COMMON_NAME);
			if (!open(bytes, c.to, pairEnd, c) || c.to !== pairEnd) return false;
			if (isCommonName) {
				c.commonNameFrom = c.from;
				c.commonNameTo = c.to;
			}
			at = pairEnd;
		}
	}
	c.to = close;
	return true;
}

function readTimes(bytes: Uint8Array, at: number, end: number, c: Certificate): boolean {
	if (!open(bytes, at, end, c)) return false;
	c.notBeforeMs = timeOf(bytes, c);
	if (!open(bytes, c.to, end, c) || c.to !== end) return false;
	c.notAfterMs = timeOf(bytes, c);
	return c.notBeforeMs <= c.notAfterMs;
}

/** UTC milliseconds of the open UTCTime or GeneralizedTime, NaN when it is none (RFC 5280 §4.1.2.5). */
function timeOf(bytes: Uint8Array, c: Certificate): number {
	const digits = c.tag === UTC_TIME ? 12 : c.tag === GENERALIZED_TIME ? 14 : 0;
	const from = c.from;
	if (digits === 0 || c.to - from !== digits + 1 || bytes[from + digits] !== 0x5a) return NaN;
	for (let i = 0; i < digits; i++) if (bytes[from + i] < 0x30 || bytes[from + i] > 0x39) return NaN;
	const at = from + digits - 10;
	const short = twoDigits(bytes, at - 2);
	const year = digits === 14 ? twoDigits(bytes, from) * 100 + short : short < 50 ? 2000 + short : 1900 + short;
	const month = twoDigits(bytes, at);
	const day = twoDigits(bytes, at + 2);
	const hour = twoDigits(bytes, at + 4);
	const minute = twoDigits(bytes, at + 6);
	const second = twoDigits(bytes, at + 8);
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59) return NaN;
	return (((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000;
}

function twoDigits(bytes: Uint8Array, at: number): number {
	return (bytes[at] - 0x30) * 10 + bytes[at + 1] - 0x30;
}

function readKey(bytes: Uint8Array, at: number, end: number, c: Certificate): boolean {
	if (!openAs(bytes, at, end, SEQUENCE, c)) return false;
	c.spkiFrom = at;
	const close = c.spkiTo = c.to;
	if (!openAs(bytes, c.from, close, SEQUENCE, c)) return false;
	const algorithmEnd = c.to;
	if (!openAs(bytes, c.from, algorithmEnd, OBJECT_ID, c)) return false;
	const isRsa = isOid(bytes, c.from, c.to, RSA_KEY);
	const isEc = isOid(bytes, c.from, c.to, EC_KEY);
	if (isEc && !openAs(bytes, c.to, algorithmEnd, OBJECT_ID, c)) return false;
	if (!openAs(bytes, algorithmEnd, close, BIT_STRING, c) || c.to !== close || c.to - c.from < 2) return false;
	if (bytes[c.from] !== 0) return false;
	c.keyFrom = c.from + 1;
	c.keyTo = close;
	c.keyKind = isRsa ? KeyKind.rsa : isEc ? KeyKind.ec : KeyKind.other;
	c.keyBits = 0;
	if (isEc) {
		// An uncompressed point: 4, then both coordinates.
		if (bytes[c.keyFrom] !== 4 || (c.keyTo - c.keyFrom) % 2 !== 1) return false;
		c.keyBits = (c.keyTo - c.keyFrom - 1) * 4;
	}
	return !isRsa || readModulus(bytes, c);
}

/** RSAPublicKey: modulus and exponent, which is 65,537 nearly everywhere. */
function readModulus(bytes: Uint8Array, c: Certificate): boolean {
	const end = c.keyTo;
	if (!openAs(bytes, c.keyFrom, end, SEQUENCE, c) || c.to !== end) return false;
	if (!openAs(bytes, c.from, end, INTEGER, c)) return false;
	let from = c.from;
	while (from < c.to && bytes[from] === 0) from++;
	if (from === c.to) return false;
	c.keyBits = (c.to - from) * 8 - Math.clz32(bytes[from]) + 24;
	return openAs(bytes, c.to, end, INTEGER, c) && c.to === end && c.to - c.from <= EXPONENT_BYTES_MAX;
}

/** Unique ids and extensions, which end the body. */
function readTail(bytes: Uint8Array, at: number, end: number, c: Certificate): boolean {
	while (at < end) {
		if (!open(bytes, at, end, c)) return false;
		at = c.to;
		if (c.tag === EXTENSIONS) return at === end && c.version === 3 && readExtensions(bytes, c.from, end, c);
		if (c.tag !== ISSUER_ID && c.tag !== SUBJECT_ID) return false;
	}
	return true;
}

function readExtensions(bytes: Uint8Array, at: number, end: number, c: Certificate): boolean {
	if (!openAs(bytes, at, end, SEQUENCE, c) || c.to !== end) return false;
	for (at = c.from; at < end; ) {
		if (!openAs(bytes, at, end, SEQUENCE, c)) return false;
		const close = at = c.to;
		if (!openAs(bytes, c.from, close, OBJECT_ID, c)) return false;
		const idFrom = c.from;
		const idTo = c.to;
		if (!open(bytes, idTo, close, c)) return false;
		if (c.tag === BOOLEAN && !open(bytes, c.to, close, c)) return false;
		if (c.tag !== OCTET_STRING || c.to !== close) return false;
		if (isOid(bytes, idFrom, idTo, BASIC_CONSTRAINTS)) {
			if (!readConstraints(bytes, c.from, close, c)) return false;
		} else if (isOid(bytes, idFrom, idTo, KEY_USAGE)) {
			if (!openAs(bytes, c.from, close, BIT_STRING, c) || c.to !== close || c.to - c.from < 2) return false;
			c.keyUsage = bytes[c.from + 1];
		} else if (isOid(bytes, idFrom, idTo, ALTERNATIVE_NAME)) {
			if (!openAs(bytes, c.from, close, SEQUENCE, c) || c.to !== close) return false;
			c.namesFrom = c.from;
			c.namesTo = c.to;
		}
	}
	return true;
}

function readConstraints(bytes: Uint8Array, at: number, end: number, c: Certificate): boolean {
	if (!openAs(bytes, at, end, SEQUENCE, c) || c.to !== end) return false;
	c.isCa = 0;
	if (c.from === end) return true;
	if (!open(bytes, c.from, end, c)) return false;
	if (c.tag !== BOOLEAN) return true;
	if (c.to - c.from !== 1) return false;
	c.isCa = bytes[c.from] === 0 ? 0 : 1;
	return true;
}

// --- what is asked of a certificate ---

/** The serial number as OCPP writes it: hexadecimal, lower case, no leading zeros. */
export function serialText(bytes: Uint8Array, from: number, to: number): string {
	let text = "";
	for (let at = from; at < to; at++) {
		const byte = bytes[at];
		if (text !== "" || byte >> 4 !== 0) text += hexDigit(byte >> 4);
		if (text !== "" || byte !== 0) text += hexDigit(byte & 15);
	}
	return text === "" ? "0" : text;
}

/** Bytes as lower case hexadecimal. */
export function hexText(bytes: Uint8Array, from: number, to: number): string {
	let text = "";
	for (let at = from; at < to; at++) text += hexDigit(bytes[at] >> 4) + hexDigit(bytes[at] & 15);
	return text;
}

function hexDigit(value: number): string {
	return String.fromCharCode(value < 10 ? 0x30 + value : 0x57 + value);
}

/** True for a certificate that may sign others. */
export function mayIssue(c: Certificate): boolean {
	return c.isCa === 1 && (c.keyUsage < 0 || (c.keyUsage & KeyUsage.keyCertSign) !== 0);
}

/** True when `upper`, read from upperBytes, has the name of the issuer of `lower` and its signature is right. */
export function hasIssued(
	crypto: Crypto, upperBytes: Uint8Array, upper: Certificate, lowerBytes: Uint8Array, lower: Certificate,
): boolean {
	return sameRange(lowerBytes, lower.issuerFrom, lower.issuerTo, upperBytes, upper.subjectFrom, upper.subjectTo) &&
		crypto.verify(
			lower.signatureKind, upperBytes, upper.spkiFrom, upper.spkiTo, lowerBytes, lower.tbsFrom, lower.tbsTo,
			lowerBytes, lower.signatureFrom, lower.signatureTo,
		);
}

/**
 * True when the certificate is one for `host`: a common name, DNS name or IP address that equals it without regard to
 * case. A wildcard matches nothing (A00.FR.308, errata). docs/decisions/0010-server-identity.md
 */
export function namesHost(bytes: Uint8Array, c: Certificate, host: string): boolean {
	if (host.length === 0) return false;
	if (equalsHost(bytes, c.commonNameFrom, c.commonNameTo, host)) return true;
	const end = c.namesTo;
	for (let at = c.namesFrom; at < end; at = c.to) {
		if (!open(bytes, at, end, c)) return false;
		if (c.tag === DNS_NAME && equalsHost(bytes, c.from, c.to, host)) return true;
		if (c.tag === IP_ADDRESS && equalsHost4(bytes, c.from, c.to, host)) return true;
	}
	return false;
}

const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

function equalsHost(bytes: Uint8Array, from: number, to: number, host: string): boolean {
	if (to - from !== host.length) return false;
	for (let i = 0; i < host.length; i++) {
		const byte = bytes[from + i];
		// A star, a zero or anything beyond ASCII is in no name of a host.
		if (byte <= 0x2a || byte >= 0x7f || lower(byte) !== lower(host.charCodeAt(i))) return false;
	}
	return true;
}

function lower(code: number): number {
	return code >= 0x41 && code <= 0x5a ? code + 32 : code;
}

/** An IPv4 address of four bytes against dotted decimals, an IPv6 address of sixteen against its groups. */
function equalsHost4(bytes: Uint8Array, from: number, to: number, host: string): boolean {
	if (to - from === 4)
		return host === bytes[from] + "." + bytes[from + 1] + "." + bytes[from + 2] + "." + bytes[from + 3];
	return to - from === 16 && sameAddress(bytes, from, host);
}

/** Compares 16 bytes with an IPv6 address as text, "::" included. */
function sameAddress(bytes: Uint8Array, from: number, host: string): boolean {
	const gap = host.indexOf("::");
	const head = gap < 0 ? host : host.slice(0, gap);
	const tail = gap < 0 ? "" : host.slice(gap + 2);
	const first = head === "" ? [] : head.split(":");
	const last = tail === "" ? [] : tail.split(":");
	const missing = 8 - first.length - last.length;
	if (gap < 0 ? missing !== 0 : missing < 1) return false;
	for (let group = 0; group < 8; group++) {
		const behind = group - first.length - missing;
		const text = group < first.length ? first[group]! : behind < 0 ? "0" : last[behind]!;
		if (!isGroup(text)) return false;
		if (parseInt(text, 16) !== bytes[from + group * 2] * 256 + bytes[from + group * 2 + 1]) return false;
	}
	return true;
}

function isGroup(text: string): boolean {
	if (text.length < 1 || text.length > 4) return false;
	for (let i = 0; i < text.length; i++) {
		const code = text.charCodeAt(i) | 0x20;
		if (!((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66))) return false;
	}
	return true;
}
