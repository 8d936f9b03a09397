// TLS as the station wants it, on node:tls: which servers it talks to, at what time, and what it says of the others.

import * as net from "node:net";
import { readdirSync } from "node:fs";
import * as tls from "node:tls";
import "../board/xs-globals.js";
import { SocketError } from "../../modules/ports/events.js";
import type { Socket, SocketOptions, Trust } from "../../modules/ports/socket.js";
import { NodeSocketMaker } from "../board/socket-node.js";
import { issue, newKey, type Issued, type Wish } from "./pki.js";

const NOW = Date.UTC(2026, 2, 1);
const DAY = 86_400_000;

class TestTrust implements Trust {
	readonly rootBytesMax = 4096;
	dates: number[] = [];
	errors: number[] = [];
	constructor(readonly list: Issued[], public utcMs = NOW, public floorMs = NOW - 30 * DAY) {}
	get roots(): number {
		return this.list.length;
	}
	loadRoot(index: number, bytes: Uint8Array): number {
		const { der } = this.list[index];
		bytes.set(der);
		return der.length;
	}
	accepted(from: number, to: number): void {
		this.dates = [from, to];
	}
	refused(error: number): void {
		this.errors.push(error);
	}
}

const root = issue({ commonName: "Root", isCa: true });
const between = issue({ commonName: "Between", isCa: true, issuer: root });
const leaf = (wish: Wish = {}): Issued => issue({ commonName: "localhost", issuer: root, ...wish });

interface Served {
	server: net.Server;
	port: number;
}

async function serve(options: tls.TlsOptions, onSecure: (socket: tls.TLSSocket) => void = () => undefined): Promise<Served> {
	const server = tls.createServer(options, (socket) => {
		socket.on("error", () => undefined);
		onSecure(socket);
	});
	server.on("tlsClientError", () => undefined);
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	return { server, port: (server.address() as net.AddressInfo).port };
}

/** Connects and returns 0 when the connection stands, or the SocketError. */
async function connect(port: number, trust: Trust | undefined, host = "localhost"): Promise<number> {
	return new Promise((resolve) => {
		let socket: Socket | undefined = undefined;
		const end = (result: number): void => {
			socket?.close();
			resolve(result);
		};
		const options: SocketOptions = {
			host, port, secure: true, trust, onReadable: () => undefined, onWritable: () => end(0), onError: end,
		};
		socket = new NodeSocketMaker().open(options);
	});
}

async function outcome(server: tls.TlsOptions, trust: Trust | undefined, host?: string): Promise<number> {
	const { server: listening, port } = await serve(server);
	const result = await connect(port, trust, host);
	await new Promise((done) => listening.close(done));
	return result;
}

const identity = (own: Issued, ...others: Issued[]): tls.TlsOptions => ({ key: own.keyPem, cert: own.pem + others.map((o) => o.pem).join("") });

describe("TLS on Node", () => {
	it("A00.FR.308 a server with a chain to an installed root is talked to: direct, over an intermediate, RSA, by address", async () => {
		const trust = new TestTrust([issue({ commonName: "Other", isCa: true }), root]);
		expect(await outcome(identity(leaf()), trust)).toBe(0);
		expect(await outcome(identity(leaf({ issuer: between }), between), trust)).toBe(0);
		expect(await outcome(identity(leaf({ rsa: true })), trust)).toBe(0);
		expect(await outcome(identity(leaf({ commonName: "csms", alternative: [[127, 0, 0, 1]] })), trust, "127.0.0.1")).toBe(0);
		expect(await outcome(identity(leaf({ commonName: "127.0.0.1" })), trust, "127.0.0.1")).toBe(0);
		expect(trust.errors).toEqual([]);
	});

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
		];
		for (const [what, server, expected] of cases) {
			const trust = new TestTrust([root]);
			expect(await outcome(server, trust)).withContext(what).toBe(expected);
			expect(trust.errors).withContext(what).toEqual([expected]);
			expect(trust.dates).toEqual([]);
		}
	});

	it("A00.FR.309 without an installed root nobody is trusted, and without trust TLS is not spoken at all", async () => {
		expect(await outcome(identity(leaf()), new TestTrust([]))).toBe(SocketError.unknownCa);
		expect(await outcome(identity(leaf()), undefined)).toBe(SocketError.unsupported);
	});

	it("an expired root counts as expired, also when its key is the right one", async () => {
		const key = newKey();
		const old = issue({ commonName: "R", isCa: true, key, from: NOW - 90 * DAY, to: NOW - DAY });
		expect(await outcome(identity(leaf({ issuer: old })), new TestTrust([old]))).toBe(SocketError.expired);
	});

	it("a clock that was never set: what expired before the floor is refused, all else is taken with its dates for later", async () => {
		const unset = (): TestTrust => new TestTrust([root], NaN);
		expect(await outcome(identity(leaf()), unset())).toBe(0);
		expect(await outcome(identity(leaf({ from: NOW - 400 * DAY, to: NOW - 31 * DAY })), unset())).toBe(SocketError.expired);
		const trust = unset();
		expect(await outcome(identity(leaf({ from: NOW + DAY, to: NOW + 2 * DAY })), trust)).toBe(0);
		expect(trust.dates).toEqual([NOW + DAY, NOW + 2 * DAY]);
	});

	it("A00.FR.313 a server with TLS 1.1 only is refused as tlsVersion, TLS 1.2 and 1.3 are spoken", async () => {
		const weak = "DEFAULT@SECLEVEL=0";
		const server = (minVersion: tls.SecureVersion, maxVersion: tls.SecureVersion): tls.TlsOptions =>
			({ ...identity(leaf({ rsa: true })), minVersion, maxVersion, ciphers: weak });
		expect(await outcome(server("TLSv1", "TLSv1.1"), new TestTrust([root]))).toBe(SocketError.tlsVersion);
		expect(await outcome(server("TLSv1.2", "TLSv1.2"), new TestTrust([root]))).toBe(0);
		expect(await outcome(server("TLSv1.3", "TLSv1.3"), new TestTrust([root]))).toBe(0);
	});

	it("A00.FR.319 the four suites are offered and no other of TLS 1.2", async () => {
		const suite = (ciphers: string, rsa: boolean): tls.TlsOptions => ({ ...identity(leaf({ rsa })), maxVersion: "TLSv1.2", ciphers });
		for (const aead of ["AES128-GCM-SHA256", "AES256-GCM-SHA384"]) {
			expect(await outcome(suite(`ECDHE-ECDSA-${aead}`, false), new TestTrust([root]))).toBe(0);
			expect(await outcome(suite(`ECDHE-RSA-${aead}`, true), new TestTrust([root]))).toBe(0);
		}
		for (const other of ["ECDHE-RSA-AES128-SHA256", "AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"])
			expect(await outcome(suite(other, true), new TestTrust([root]))).withContext(other).toBe(SocketError.tlsCipher);
	});

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
			await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
			expect(await connect((server.address() as net.AddressInfo).port, new TestTrust([root]))).toBeGreaterThan(0);
			await new Promise((done) => server.close(done));
		}
	});

	it("5.5 kB go each way in pieces, and a renegotiation of the server ends the connection", async () => {
		const { server, port } = await serve({ ...identity(leaf()), maxVersion: "TLSv1.2" }, (socket) => {
			socket.pipe(socket);
		});
		const sent = Buffer.alloc(5500).map((_, i) => (i * 7) & 0xff);
		const got = await new Promise<Buffer>((resolve, reject) => {
			const received: Buffer[] = [];
			let written = 0;
			const socket: Socket = new NodeSocketMaker().open({
				host: "localhost", port, secure: true, trust: new TestTrust([root]),
				onWritable: () => {
					const count = Math.min(512, socket.writable, sent.length - written);
					if (count > 0) socket.write(sent, written, (written += count));
				},
				onReadable: () => {
					const piece = new Uint8Array(256);
					for (let n = socket.read(piece, 0, 256); n > 0; n = socket.read(piece, 0, 256)) received.push(Buffer.from(piece.subarray(0, n)));
					const all = Buffer.concat(received);
					if (all.length < sent.length) return;
					socket.close();
					resolve(all);
				},
				onError: (error) => reject(new Error(`socket error ${error}`)),
			});
		});
		expect(got.equals(sent)).toBeTrue();
		await new Promise((done) => server.close(done));
		const again = await serve({ ...identity(leaf()), maxVersion: "TLSv1.2" }, (socket) => void socket.renegotiate({}, () => undefined));
		const error = await new Promise<number>((resolve) => {
			const socket = new NodeSocketMaker().open({
				host: "localhost", port: again.port, secure: true, trust: new TestTrust([root]), onWritable: () => undefined,
				onReadable: () => void socket.read(new Uint8Array(64), 0, 64), onError: resolve,
			});
		});
		expect(error).toBeGreaterThan(0);
		await new Promise((done) => again.server.close(done));
	});

	it("300 connections, a third of them refused, leave no file descriptor behind", async () => {
		const good = await serve(identity(leaf()));
		const bad = await serve(identity(issue({ commonName: "localhost" })));
		const descriptors = (): number => readdirSync("/proc/self/fd").length;
		const trust = new TestTrust([root]);
		await connect(good.port, trust);
		await new Promise((done) => setTimeout(done, 50));
		const before = descriptors();
		for (let i = 0; i < 300; i++) {
			const isBad = i % 3 === 0;
			expect(await connect((isBad ? bad : good).port, trust)).toBe(isBad ? SocketError.unknownCa : 0);
		}
		for (let i = 0; i < 100 && descriptors() > before; i++) await new Promise((done) => setTimeout(done, 10));
		expect(descriptors()).toBeLessThanOrEqual(before);
		await new Promise((done) => good.server.close(done));
		await new Promise((done) => bad.server.close(done));
	}, 30_000);
});
