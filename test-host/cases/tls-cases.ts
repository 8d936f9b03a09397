// What every engine's TLS has to do, as cases: which servers are talked to, at what time, and what is said of the others.
// tls-node.spec.ts runs them on node:tls, tls-xs.spec.ts on mbedTLS in the firmware's own filter.

import * as net from "node:net";
import * as tls from "node:tls";
import { SocketError } from "../../modules/ports/events.js";
import type { Trust } from "../../modules/ports/socket.js";
import { issue, newKey, rsaKey, rsaPublicKey, type Issued, type Wish } from "./pki.js";

export const NOW = Date.UTC(2026, 2, 1);
export const DAY = 86_400_000;
/** A case makes many connections, and the machine may be busy. */
export const PATIENCE_MS = 120_000;

export class TestTrust implements Trust {
	readonly rootBytesMax = 4096;
	dates: number[] = [];
	errors: number[] = [];
	/** Private key and certificates, as loadOwn gives them. */
	own: readonly Uint8Array[] = [];
	constructor(readonly list: readonly Issued[], public utcMs = NOW, public floorMs = NOW - 30 * DAY) {}
	get roots(): number {
		return this.list.length;
	}
	loadRoot(index: number, bytes: Uint8Array, from: number): number {
		return part(this.list[index].der, bytes, from);
	}
	loadOwn(index: number, bytes: Uint8Array, from: number): number {
		return index < this.own.length ? part(this.own[index], bytes, from) : 0;
	}
	accepted(from: number, to: number): void {
		this.dates = [from, to];
	}
	refused(error: number): void {
		this.errors.push(error);
	}
}

function part(item: Uint8Array, bytes: Uint8Array, from: number): number {
	bytes.set(item.subarray(from, from + bytes.length));
	return item.length;
}

/** A client of TLS with the station's rules. */
export interface TlsEngine {
	/** False where TLS 1.2 is the only one. */
	readonly speaks13: boolean;
	/** Connects and closes again; 0 when the connection stood, or the SocketError. */
	connect(port: number, trust: TestTrust, host?: string): Promise<number>;
	/** Sends `bytes` to a server that sends them back; resolves with how many came rightly, or minus the SocketError. */
	echo(port: number, trust: TestTrust, bytes: number): Promise<number>;
	/** Stays connected until it is cut off; resolves with the SocketError. */
	stay(port: number, trust: TestTrust): Promise<number>;
}

export interface Served {
	server: net.Server;
	port: number;
}

export async function serve(options: tls.TlsOptions, onSecure: (socket: tls.TLSSocket) => void = () => undefined): Promise<Served> {
	const server = tls.createServer(options, (socket) => {
		socket.on("error", () => undefined);
		onSecure(socket);
	});
	server.on("tlsClientError", () => undefined);
	return listen(server);
}

export async function listen(server: net.Server): Promise<Served> {
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	return { server, port: (server.address() as net.AddressInfo).port };
}

export function ended(server: net.Server): Promise<unknown> {
	return new Promise((done) => server.close(done));
}

/** Key and chain of a server. */
export const identity = (own: Issued, ...others: Issued[]): tls.TlsOptions => ({ key: own.keyPem, cert: own.pem + others.map((o) => o.pem).join("") });

/** Authorities that are made once. */
export const root = issue({ commonName: "Root", isCa: true });
export const between = issue({ commonName: "Between", isCa: true, issuer: root });
export const leaf = (wish: Wish = {}): Issued => issue({ commonName: "localhost", issuer: root, ...wish });

/** The cases, inside of a describe(). */
export function tlsCases(engine: () => TlsEngine): void {
	async function outcome(server: tls.TlsOptions, trust: TestTrust, host?: string): Promise<number> {
		const { server: listening, port } = await serve(server);
		const result = await engine().connect(port, trust, host);
		await ended(listening);
		return result;
	}

	it("A00.FR.308 a server with a chain to an installed root is talked to: direct, over an intermediate, RSA, by address", async () => {
		const trust = new TestTrust([issue({ commonName: "Other", isCa: true }), root]);
		expect(await outcome(identity(leaf()), trust)).toBe(0);
		expect(await outcome(identity(leaf({ issuer: between }), between), trust)).toBe(0);
		expect(await outcome(identity(leaf({ rsa: true })), trust)).toBe(0);
		expect(await outcome(identity(leaf({ commonName: "csms", alternative: [[127, 0, 0, 1]] })), trust, "127.0.0.1")).toBe(0);
		expect(await outcome(identity(leaf({ commonName: "127.0.0.1" })), trust, "127.0.0.1")).toBe(0);
		expect(await outcome(identity(leaf({ commonName: "csms", alternative: ["other", "LocalHost"] })), trust)).toBe(0);
		expect(trust.errors).toEqual([]);
	}, PATIENCE_MS);

	it("A00.FR.308 A00.FR.310 every other server is refused with its reason", async () => {
		const other = issue({ commonName: "Root", isCa: true });
		const noCa = issue({ commonName: "NoCa", issuer: root });
		const oldBetween = issue({ commonName: "Old", isCa: true, issuer: root, from: NOW - 90 * DAY, to: NOW - 1000 });
		const cases: [string, tls.TlsOptions, number][] = [
			["root of the same name", identity(leaf({ issuer: other })), SocketError.unknownCa],
			["self-signed", identity(issue({ commonName: "localhost" })), SocketError.unknownCa],
			["intermediate missing", identity(leaf({ issuer: between })), SocketError.unknownCa],
			["issuer is no CA", identity(leaf({ issuer: noCa }), noCa), SocketError.unknownCa],
			["forged", identity(leaf({ forged: true })), SocketError.unknownCa],
			["expired", identity(leaf({ from: NOW - 90 * DAY, to: NOW - 1000 })), SocketError.expired],
			["expired in the middle", identity(leaf({ issuer: oldBetween }), oldBetween), SocketError.expired],
			["not yet valid", identity(leaf({ from: NOW + 1000 })), SocketError.notYetValid],
			["another host", identity(leaf({ commonName: "csms.example.com" })), SocketError.wrongName],
			["wildcard", identity(leaf({ commonName: "*", alternative: ["*", "*.localhost"] })), SocketError.wrongName],
			["a longer name", identity(leaf({ commonName: "localhost.example.com", alternative: ["localhos"] })), SocketError.wrongName],
			["a zero in the name", identity(leaf({ commonName: "localhost\0.example.com" })), SocketError.wrongName],
			["an address as name", identity(leaf({ commonName: "csms", alternative: [[127, 0, 0, 1]] })), SocketError.wrongName],
		];
		for (const [what, server, expected] of cases) {
			const trust = new TestTrust([root]);
			expect(await outcome(server, trust)).withContext(what).toBe(expected);
			expect(trust.errors).withContext(what).toEqual([expected]);
			expect(trust.dates).toEqual([]);
		}
	}, PATIENCE_MS);

	it("an RSA key with an exponent of more than five bytes is refused wherever it is in the chain: it would keep a chip busy for long", async () => {
		const exponents: [number, number[]][] = [
			[SocketError.unknownCa, [0x7f, 0xff, 0xff, 0xff, 0xff]], [SocketError.badCertificate, [0x80, 0, 0, 0, 1]],
			[SocketError.badCertificate, [0x7f, ...new Array<number>(254).fill(0xff)]],
		];
		for (const [expected, exponent] of exponents) {
			const publicKey = rsaPublicKey(Uint8Array.from(exponent));
			const slow = issue({ commonName: "Slow", isCa: true, issuer: root, publicKey });
			// Signed with the key of another exponent, so that no signature is right: what counts is whether it is looked at.
			const by = { ...slow, key: rsaKey() };
			const under = issue({ commonName: "Under", isCa: true, issuer: by, padding: 200 });
			expect(await outcome(identity(leaf({ issuer: by }), slow), new TestTrust([root]))).withContext(`2nd, ${exponent.length}`).toBe(expected);
			expect(await outcome(identity(leaf({ issuer: under }), under, slow), new TestTrust([root]))).withContext(`3rd, ${exponent.length}`).toBe(expected);
		}
	}, PATIENCE_MS);

	it("A00.FR.309 without an installed root nobody is trusted", async () => {
		expect(await outcome(identity(leaf()), new TestTrust([]))).toBe(SocketError.unknownCa);
	}, PATIENCE_MS);

	it("an expired root counts as expired, also when its key is the right one", async () => {
		const key = newKey();
		const old = issue({ commonName: "R", isCa: true, key, from: NOW - 90 * DAY, to: NOW - DAY });
		expect(await outcome(identity(leaf({ issuer: old })), new TestTrust([old]))).toBe(SocketError.expired);
	}, PATIENCE_MS);

	it("a clock that was never set: what expired before the floor is refused, all else is taken with its dates for later", async () => {
		const unset = (): TestTrust => new TestTrust([root], NaN);
		expect(await outcome(identity(leaf()), unset())).toBe(0);
		expect(await outcome(identity(leaf({ from: NOW - 400 * DAY, to: NOW - 31 * DAY })), unset())).toBe(SocketError.expired);
		const trust = unset();
		expect(await outcome(identity(leaf({ from: NOW + DAY, to: NOW + 2 * DAY })), trust)).toBe(0);
		expect(trust.dates).toEqual([NOW + DAY, NOW + 2 * DAY]);
	}, PATIENCE_MS);

	it("dates of any century are read to the second", async () => {
		for (const [from, to] of [[Date.UTC(1999, 11, 31, 23, 59, 59), Date.UTC(2050, 1, 28, 12, 30, 1)],
			[Date.UTC(2000, 1, 29), Date.UTC(2400, 1, 29, 23, 59, 59)], [Date.UTC(2024, 1, 29, 1, 2, 3), Date.UTC(2100, 2, 1)]]) {
			const trust = new TestTrust([issue({ commonName: "R", isCa: true, key: root.key, from: Date.UTC(1970, 0, 1), to: Date.UTC(2900, 0, 1) })]);
			expect(await outcome(identity(leaf({ issuer: { ...root, subject: trust.list[0].subject }, from, to })), trust)).toBe(0);
			expect(trust.dates).toEqual([from, to]);
		}
	}, PATIENCE_MS);

	it("A00.FR.313 a server with TLS 1.1 only is refused as tlsVersion; of 1.2 and 1.3 what this engine speaks is spoken", async () => {
		const weak = "DEFAULT@SECLEVEL=0";
		const server = (minVersion: tls.SecureVersion, maxVersion: tls.SecureVersion): tls.TlsOptions =>
			({ ...identity(leaf({ rsa: true })), minVersion, maxVersion, ciphers: weak });
		expect(await outcome(server("TLSv1", "TLSv1.1"), new TestTrust([root]))).toBe(SocketError.tlsVersion);
		expect(await outcome(server("TLSv1.2", "TLSv1.2"), new TestTrust([root]))).toBe(0);
		expect(await outcome(server("TLSv1.2", "TLSv1.3"), new TestTrust([root]))).toBe(0);
		expect(await outcome(server("TLSv1.3", "TLSv1.3"), new TestTrust([root]))).toBe(engine().speaks13 ? 0 : SocketError.tlsVersion);
	}, PATIENCE_MS);

	it("A00.FR.319 the four suites are offered and no other of TLS 1.2", async () => {
		const suite = (ciphers: string, rsa: boolean): tls.TlsOptions => ({ ...identity(leaf({ rsa })), maxVersion: "TLSv1.2", ciphers });
		for (const aead of ["AES128-GCM-SHA256", "AES256-GCM-SHA384"]) {
			expect(await outcome(suite(`ECDHE-ECDSA-${aead}`, false), new TestTrust([root]))).toBe(0);
			expect(await outcome(suite(`ECDHE-RSA-${aead}`, true), new TestTrust([root]))).toBe(0);
		}
		for (const other of ["ECDHE-RSA-AES128-SHA256", "AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"])
			expect(await outcome(suite(other, true), new TestTrust([root]))).withContext(other).toBe(SocketError.tlsCipher);
	}, PATIENCE_MS);

	it("profile 3: the station shows its certificate, ECDSA or RSA; without one, or with a stranger's, the server refuses it", async () => {
		const raw = issue({ commonName: "CS001", issuer: root });
		const scalar = Buffer.from((raw.key.export({ format: "jwk" }) as { d: string }).d, "base64url");
		const rsa = issue({ commonName: "CS001", issuer: root, rsa: true });
		const stranger = issue({ commonName: "CS001" });
		const deep = issue({ commonName: "CS001", issuer: between });
		const pkcs8 = (own: Issued): Buffer => own.key.export({ type: "pkcs8", format: "der" });
		const cases: [string, readonly Uint8Array[], number][] = [
			["P-256, 32 bytes", [scalar, raw.der], 0],
			["P-256, PKCS #8", [pkcs8(raw), raw.der], 0],
			["P-256, SEC 1", [raw.key.export({ type: "sec1", format: "der" }), raw.der], 0],
			["RSA, PKCS #8", [pkcs8(rsa), rsa.der], 0],
			["RSA, PKCS #1", [rsaKey().export({ type: "pkcs1", format: "der" }), rsa.der], 0],
			["with an intermediate", [pkcs8(deep), deep.der, between.der], 0],
			["none", [], SocketError.clientRefused],
			// Node's server hangs up without an alert.
			["a stranger's", [pkcs8(stranger), stranger.der], SocketError.closed],
		];
		const subjects: unknown[] = [];
		const { server, port } = await serve({ ...identity(leaf()), ca: root.pem, requestCert: true, rejectUnauthorized: true, maxVersion: "TLSv1.2" },
			(socket) => subjects.push(socket.getPeerCertificate().subject.CN));
		for (const [what, own, expected] of cases) {
			const trust = new TestTrust([root]);
			trust.own = own;
			expect(await engine().connect(port, trust)).withContext(what).toBe(expected);
		}
		expect(subjects).toEqual(cases.filter(([, , expected]) => expected === 0).map(() => "CS001"));
		await ended(server);
	}, PATIENCE_MS);

	it("a peer that is no TLS server, hangs up or resets in the handshake is an error and no exception", async () => {
		for (const behave of [
			(s: net.Socket) => s.end("HTTP/1.1 400 Bad Request\r\n\r\n"), (s: net.Socket) => s.destroy(),
			(s: net.Socket) => s.once("data", () => s.resetAndDestroy()), (s: net.Socket) => s.once("data", () => s.end(Buffer.from([0x16, 3, 3, 0, 9, 2]))),
			(s: net.Socket) => s.once("data", () => s.end(Buffer.alloc(64, 0x16))),
		]) {
			const server = net.createServer((socket) => {
				socket.on("error", () => undefined);
				behave(socket);
				socket.resume();
			});
			const { port } = await listen(server);
			expect(await engine().connect(port, new TestTrust([root]))).toBeGreaterThan(0);
			await ended(server);
		}
	}, PATIENCE_MS);

	it("5.5 kB go each way in pieces, and a renegotiation of the server ends the connection", async () => {
		const { server, port } = await serve({ ...identity(leaf()), maxVersion: "TLSv1.2" }, (socket) => {
			socket.pipe(socket);
		});
		expect(await engine().echo(port, new TestTrust([root]), 5500)).toBe(5500);
		await ended(server);
		const again = await serve({ ...identity(leaf()), maxVersion: "TLSv1.2" }, (socket) => void socket.renegotiate({}, () => undefined));
		const trust = new TestTrust([root]);
		expect(await engine().stay(again.port, trust)).toBeGreaterThan(0);
		await ended(again.server);
	}, PATIENCE_MS);
}
