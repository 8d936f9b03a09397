// TLS as the station wants it, on node:tls. The cases are those of tls-cases.ts.

import { readdirSync } from "node:fs";
import * as net from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import "../board/xs-globals.js";
import { SocketError } from "../../modules/ports/events.js";
import type { Socket, SocketOptions, Trust } from "../../modules/ports/socket.js";
import { NodeSocketMaker } from "../board/socket-node.js";
import { issue } from "./pki.js";
import { ended, identity, leaf, root, serve, TestTrust, tlsCases, type TlsEngine } from "./tls-cases.js";

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

const engine: TlsEngine = {
	speaks13: true,
	connect,
	echo: (port, trust, bytes) => {
		const sent = Buffer.alloc(bytes).map((_, i) => (i * 7) & 0xff);
		return new Promise((resolve) => {
			const received: Buffer[] = [];
			let written = 0;
			const socket: Socket = new NodeSocketMaker().open({
				host: "localhost", port, secure: true, trust,
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
					resolve(all.filter((byte, i) => byte === sent[i]).length);
				},
				onError: (error) => resolve(-error),
			});
		});
	},
	stay: (port, trust) => new Promise((resolve) => {
		const socket = new NodeSocketMaker().open({
			host: "localhost", port, secure: true, trust, onWritable: () => undefined,
			onReadable: () => void socket.read(new Uint8Array(64), 0, 64), onError: resolve,
		});
	}),
};

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapBytes(): number {
	collect();
	return process.memoryUsage().heapUsed;
}

describe("TLS on Node", () => {
	tlsCases(() => engine);

	it("A00.FR.309 without trust TLS is not spoken at all", async () => {
		const { server, port } = await serve(identity(leaf()));
		expect(await connect(port, undefined)).toBe(SocketError.unsupported);
		await ended(server);
	});

	it("1,000 connections, some refused, reset or hung up on, leave file descriptors and heap where they were", async () => {
		const good = await serve(identity(leaf()));
		const bad = await serve(identity(issue({ commonName: "localhost" })));
		const rude = net.createServer((socket) => {
			socket.on("error", () => undefined);
			socket.once("data", () => (socket.remotePort! % 2 === 0 ? socket.resetAndDestroy() : socket.end(Buffer.from([0x16, 3, 3, 0, 90, 2]))));
		});
		await new Promise<void>((done) => rude.listen(0, "127.0.0.1", done));
		const rudePort = (rude.address() as net.AddressInfo).port;
		const descriptors = (): number => readdirSync("/proc/self/fd").length;
		const trust = new TestTrust([root]);
		const round = async (count: number): Promise<void> => {
			// Counted here: each expect() is kept by the test's own report.
			const outcomes = [0, 0, 0];
			for (let i = 0; i < count; i++) {
				const error = await connect([bad.port, good.port, rudePort][i % 3], trust);
				if (i % 3 === 0 ? error === SocketError.unknownCa : i % 3 === 1 ? error === 0 : error > 0) outcomes[i % 3]++;
			}
			expect(outcomes).toEqual([0, 1, 2].map((kind) => Math.ceil((count - kind) / 3)));
			trust.errors.length = 0;
			await new Promise((done) => setTimeout(done, 50));
		};
		await round(200);
		const before = descriptors();
		// What is kept for each connection shows in every round; what the engine keeps once for code that has become hot does not.
		let growth = Infinity;
		for (let from = heapBytes(), i = 0; i < 2; i++) {
			await round(500);
			const to = heapBytes();
			growth = Math.min(growth, to - from);
			from = to;
		}
		for (let i = 0; i < 100 && descriptors() > before; i++) await new Promise((done) => setTimeout(done, 10));
		expect(descriptors()).toBeLessThanOrEqual(before);
		// Less than 500 bytes for each: a connection that is kept has tens of kilobytes.
		expect(growth).toBeLessThan(250_000);
		await ended(good.server);
		await ended(bad.server);
		await ended(rude);
	}, 60_000);
});
