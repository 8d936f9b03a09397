// TLS as the station wants it, on node:tls. The cases are those of tls-cases.ts.

import { readdirSync } from "node:fs";
import * as net from "node:net";
import { queryObjects, setFlagsFromString } from "node:v8";
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

/** Counts at which the heap is looked at, after the first ones. */
const ROUNDS = 10;
/** Bytes per connection that are no leak: what the engine goes on to learn about its code. A connection that is kept has tens of kilobytes. */
const LEAK_BYTES = 1000;

/** Growth from one value to the next: the median over all pairs, so what is kept once somewhere on the way does not count. */
function slopeOf(values: readonly number[]): number {
	const slopes: number[] = [];
	for (let to = 1; to < values.length; to++) for (let from = 0; from < to; from++) slopes.push((values[to] - values[from]) / (to - from));
	return slopes.sort((a, b) => a - b)[slopes.length >> 1];
}

/** Sockets of Node that are still held, after a collection. */
function socketsHeld(): number {
	return queryObjects(net.Socket, { format: "count" });
}

describe("TLS on Node", () => {
	tlsCases(() => engine);

	it("A00.FR.309 without trust TLS is not spoken at all", async () => {
		const { server, port } = await serve(identity(leaf()));
		expect(await connect(port, undefined)).toBe(SocketError.unsupported);
		await ended(server);
	});

	it("1,000 connections, some refused, reset or hung up on, leave file descriptors, sockets and heap where they were", async () => {
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
		await round(500);
		const before = descriptors();
		// Node warns that counting objects is an experiment.
		spyOn(process, "emitWarning");
		const sockets = [socketsHeld()];
		const heap = [heapBytes()];
		for (let i = 0; i < ROUNDS; i++) {
			await round(1000 / ROUNDS);
			for (let tries = 0; tries < 100 && descriptors() !== before; tries++) await new Promise((done) => setTimeout(done, 10));
			expect(descriptors()).toBe(before);
			sockets.push(socketsHeld());
			heap.push(heapBytes());
		}
		const slope = slopeOf(heap) / (1000 / ROUNDS);
		process.stdout.write(`[${slope.toFixed(0)} bytes of heap per connection, ${before} file descriptors, ${sockets.join(" ")} sockets] `);
		expect(slope).toBeLessThan(LEAK_BYTES);
		// Timers of Node hold some for a while: no more than at first.
		expect(slopeOf(sockets)).toBeLessThan(5);
		await ended(good.server);
		await ended(bad.server);
		await ended(rude);
	}, 60_000);
});
