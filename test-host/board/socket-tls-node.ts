// TLS on the desktop: node:tls behind the socket port, with the rules of the station. A server is right when its chain ends
// in an installed root (no other is known here, no public bundle), every certificate holds at the station's time, and the
// first one names the host. OpenSSL checks the chain as well; its own clock does not count.
// Source: OCPP 2.0.1 Part 2, A00.FR.308 to A00.FR.319; docs/tls.md.

import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import * as tls from "node:tls";
import { Certificate, hasIssued, mayIssue, namesHost, parseCertificate, sameRange } from "../../modules/core/der.js";
import { SocketError } from "../../modules/ports/events.js";
import type { SocketOptions, Trust } from "../../modules/ports/socket.js";
import { NodeCrypto } from "./crypto-node.js";

/** A00.FR.319, both pairs, and the suites of TLS 1.3. */
const CIPHERS = [
	"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
	"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
].join(":");
/** Certificates of a chain, the root not counted. */
const CHAIN_MAX = 8;
/** What OpenSSL may find wrong: its clock is not the station's. */
const CLOCK_ERRORS = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);

interface Link {
	readonly bytes: Uint8Array;
	readonly c: Certificate;
}

function linkOf(bytes: Uint8Array): Link | undefined {
	const c = new Certificate();
	return parseCertificate(bytes, 0, bytes.length, c) ? { bytes, c } : undefined;
}

/** Installed roots in DER. */
export function rootsOf(trust: Trust | undefined): Uint8Array[] {
	const roots: Uint8Array[] = [];
	for (let i = 0; trust !== undefined && i < trust.roots; i++) {
		const buffer = new Uint8Array(trust.rootBytesMax);
		const count = trust.loadRoot(i, buffer, 0);
		if (count > 0) roots.push(buffer.slice(0, count));
	}
	return roots;
}

/** Parts of what the station shows of itself: its key, then its certificates. */
function ownOf(trust: Trust | undefined): Uint8Array[] {
	const parts: Uint8Array[] = [];
	for (let part = 0; trust?.loadOwn !== undefined; part++) {
		const buffer = new Uint8Array(trust.rootBytesMax);
		const count = trust.loadOwn(part, buffer, 0);
		if (count === 0) break;
		parts.push(buffer.slice(0, count));
		buffer.fill(0);
	}
	return parts;
}

/** A key as Trust.loadOwn gives it: 32 bytes of P-256, or DER in one of three forms. */
function keyOf(bytes: Uint8Array): KeyObject {
	if (bytes.length === 32) {
		// ECPrivateKey of RFC 5915 without its public part.
		const der = Buffer.concat([Buffer.from("30310201010420", "hex"), bytes, Buffer.from("a00a06082a8648ce3d030107", "hex")]);
		return createPrivateKey({ key: der, format: "der", type: "sec1" });
	}
	for (const type of ["pkcs8", "sec1"] as const) {
		try {
			return createPrivateKey({ key: Buffer.from(bytes), format: "der", type });
		} catch {
			continue;
		}
	}
	return createPrivateKey({ key: Buffer.from(bytes), format: "der", type: "pkcs1" });
}

function pem(der: Uint8Array): string {
	return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;
}

/** Starts to connect with TLS; "secureConnect" tells the end of the handshake. Throws for what cannot be begun. */
export function connectTls(options: SocketOptions): tls.TLSSocket {
	const [key, ...chain] = ownOf(options.trust);
	const own = key === undefined ? {} : { key: keyOf(key).export({ type: "pkcs8", format: "pem" }), cert: chain.map(pem).join("") };
	const stream = tls.connect({
		...own,
		host: options.host,
		port: options.port,
		servername: isIP(options.host) ? "" : options.host,
		// An empty list is a list: without one Node would take its public bundle.
		ca: rootsOf(options.trust).map(pem),
		minVersion: "TLSv1.2",
		ciphers: CIPHERS,
		// Judged below, by the station's clock and names.
		rejectUnauthorized: false,
		checkServerIdentity: () => undefined,
	});
	// A server has no reason to change keys and identity in the middle (A00.FR.319: nothing weaker later).
	stream.disableRenegotiation();
	return stream;
}

/** SocketError of a server that may not be talked to; 0 when it is right. The handshake is done. */
export function judge(stream: tls.TLSSocket, options: SocketOptions): number {
	const trust = options.trust;
	const peer = stream.getPeerX509Certificate();
	if (trust === undefined || peer === undefined) return SocketError.unknownCa;
	const chain: Link[] = [];
	for (let at: X509Certificate | undefined = peer; at !== undefined && chain.length < CHAIN_MAX; at = at.issuerCertificate) {
		const link = linkOf(new Uint8Array(at.raw));
		if (link === undefined) return SocketError.badCertificate;
		if (chain.some((known) => sameRange(known.bytes, 0, known.bytes.length, link.bytes, 0, link.bytes.length))) break;
		chain.push(link);
	}
	const roots = rootsOf(trust).flatMap((bytes) => linkOf(bytes) ?? []);
	const error = judgeChain(chain, roots, options.host, trust);
	if (error !== 0) return error;
	const found = stream.authorizationError as unknown as string | null;
	if (found !== null && found !== undefined && !CLOCK_ERRORS.has(String((found as { code?: string } & string).code ?? found)))
		return SocketError.badCertificate;
	return 0;
}

/** Chain, dates and name of a server that has presented `chain`, its own certificate first. */
export function judgeChain(chain: readonly Link[], roots: readonly Link[], host: string, trust: Trust): number {
	const used = pathTo(chain, roots);
	if (used === undefined) return SocketError.unknownCa;
	let notBeforeMs = -Infinity;
	let notAfterMs = Infinity;
	for (const { c } of used) {
		notBeforeMs = Math.max(notBeforeMs, c.notBeforeMs);
		notAfterMs = Math.min(notAfterMs, c.notAfterMs);
	}
	const nowMs = trust.utcMs;
	if (notAfterMs < (Number.isNaN(nowMs) ? trust.floorMs : nowMs)) return SocketError.expired;
	if (notBeforeMs > nowMs) return SocketError.notYetValid;
	if (!namesHost(used[0].bytes, used[0].c, host)) return SocketError.wrongName;
	trust.accepted(notBeforeMs, notAfterMs);
	return 0;
}

/** The certificates from the server's to an installed root, both included; undefined when there is no way. */
function pathTo(chain: readonly Link[], roots: readonly Link[]): Link[] | undefined {
	const path: Link[] = [];
	let at: Link | undefined = chain[0];
	while (at !== undefined && path.length < CHAIN_MAX) {
		path.push(at);
		const subject: Link = at;
		const root = roots.find((candidate) => isIssuedBy(subject, candidate));
		if (root !== undefined) return [...path, root];
		at = chain.find((candidate) => !path.includes(candidate) && mayIssue(candidate.c) && isIssuedBy(subject, candidate));
	}
	return undefined;
}

const CRYPTO = new NodeCrypto();

function isIssuedBy(subject: Link, issuer: Link): boolean {
	return hasIssued(CRYPTO, issuer.bytes, issuer.c, subject.bytes, subject.c);
}

/** SocketError of an error of node:tls; 0 for one that has nothing to do with TLS. */
export function tlsErrorOf(error: NodeJS.ErrnoException, stream: tls.TLSSocket): number {
	const code = error.code ?? "";
	if (!/SSL|TLS|PROTO/.test(code)) return 0;
	if (/UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|WRONG_SSL_VERSION/.test(code)) return SocketError.tlsVersion;
	// A server that has chosen and then fails the handshake misses our certificate.
	if (/HANDSHAKE_FAILURE/.test(code) && stream.getPeerX509Certificate() !== undefined) return SocketError.clientRefused;
	if (/HANDSHAKE_FAILURE|NO_SHARED_CIPHER|NO_CIPHERS|INSUFFICIENT_SECURITY|WRONG_CIPHER|UNKNOWN_CIPHER/.test(code)) return SocketError.tlsCipher;
	if (/ALERT.*CERTIFICATE|CERTIFICATE_REQUIRED|ALERT_UNKNOWN_CA|ACCESS_DENIED/.test(code)) return SocketError.clientRefused;
	return SocketError.tlsFailed;
}
