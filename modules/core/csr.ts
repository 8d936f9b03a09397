// A certificate signing request for a P-256 key, in DER. Written from its end to its beginning, so that every length is
// known when its header is due.
// Owns: the form. Not: the key and the signature (ports/crypto.ts).
// Source: RFC 2986 §4 (request), RFC 5480 §2.1.1 (key), RFC 5758 §3.2 (signature); OCPP 2.0.1 Part 2, A02.FR.03.

import { freeze } from "../../preload/freeze.js";
import { writeText } from "./bytes.js";

const SEQUENCE = 0x30;
const SET = 0x31;
const BIT_STRING = 0x03;
const UTF8_STRING = 0x0c;

/** An OBJECT IDENTIFIER of an attribute type 2.5.4.n, without its last arc, and these. */
const ATTRIBUTE_HEAD = freeze(Uint8Array.of(0x06, 0x03, 0x55, 0x04));
const COMMON_NAME = 3;
const ORGANIZATION = 10;

/** SubjectPublicKeyInfo in front of the 65 bytes of a point on P-256. */
const KEY_HEAD = freeze(
	Uint8Array.of(
		0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
		0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
	),
);
/** AlgorithmIdentifier of ECDSA with SHA-256. */
const ECDSA_SHA256 = freeze(Uint8Array.of(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));

/** Bytes of a public point: 4, x, y. */
export const POINT_BYTES = 65;
/** Bytes between a body and its signature: algorithm, header of the BIT STRING, its byte of unused bits. */
export const CSR_SIGNATURE_AT = 12 + 2 + 1;

/** Puts tag and length in front of the content bytes[at, end) and returns where the value begins. */
function wrap(bytes: Uint8Array, at: number, end: number, tag: number): number {
	const length = end - at;
	bytes[--at] = length & 0xff;
	if (length > 0xff) bytes[--at] = length >> 8;
	if (length > 0x7f) bytes[--at] = length > 0xff ? 0x82 : 0x81;
	bytes[--at] = tag;
	return at;
}

function put(bytes: Uint8Array, end: number, what: Readonly<Uint8Array>): number {
	const at = end - what.length;
	for (let i = 0; i < what.length; i++) bytes[at + i] = what[i]!;
	return at;
}

/** A relative distinguished name that ends at `end`. Its text is written forwards first, then moved to its place. */
function putName(bytes: Uint8Array, end: number, type: number, value: string): number {
	if (value === "") return end;
	const length = writeText(bytes, 0, value);
	bytes.copyWithin(end - length, 0, length);
	let at = wrap(bytes, end - length, end, UTF8_STRING);
	bytes[--at] = type;
	at = put(bytes, at, ATTRIBUTE_HEAD);
	return wrap(bytes, wrap(bytes, at, end, SEQUENCE), end, SET);
}

/**
 * Writes the body of a request, what is signed, so that it ends at bytes[end]: 110 bytes and both names, with 11 to 15
 * bytes around each. The first bytes of the buffer, as many as a name has, are used up on the way.
 * @param keyAt  where the public point of 65 bytes is in `key`
 * @returns where the body begins
 */
export function writeCsrBody(
	bytes: Uint8Array, end: number, organization: string, commonName: string, key: Uint8Array, keyAt: number,
): number {
	// attributes: none
	bytes[end - 1] = 0;
	bytes[end - 2] = 0xa0;
	let at = end - 2 - POINT_BYTES;
	for (let i = 0; i < POINT_BYTES; i++) bytes[at + i] = key[keyAt + i]!;
	at = put(bytes, at, KEY_HEAD);
	const nameEnd = at;
	at = putName(bytes, at, COMMON_NAME, commonName);
	at = putName(bytes, at, ORGANIZATION, organization);
	at = wrap(bytes, at, nameEnd, SEQUENCE);
	// version 0
	bytes[--at] = 0;
	bytes[--at] = 1;
	bytes[--at] = 2;
	return wrap(bytes, at, end, SEQUENCE);
}

/**
 * Makes a request of the body bytes[from, bodyEnd) and its signature bytes[bodyEnd + CSR_SIGNATURE_AT, signatureEnd).
 * @returns where the request begins; it ends at signatureEnd
 */
export function finishCsr(bytes: Uint8Array, from: number, bodyEnd: number, signatureEnd: number): number {
	const signatureAt = bodyEnd + CSR_SIGNATURE_AT;
	put(bytes, bodyEnd + ECDSA_SHA256.length, ECDSA_SHA256);
	bytes[signatureAt - 1] = 0;
	wrap(bytes, signatureAt - 1, signatureEnd, BIT_STRING);
	return wrap(bytes, from, signatureEnd, SEQUENCE);
}
