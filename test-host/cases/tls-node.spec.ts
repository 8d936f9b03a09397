// TLS as the station wants it, on node:tls. The cases are those of tls-cases.ts.

import { readdirSync } from "node:fs";
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

describe("TLS on Node", () => {
	tlsCases(() => engine);

	it("A00.FR.309 without trust TLS is not spoken at all", async () => {
		const { server, port } = await serve(identity(leaf()));
		expect(await connect(port, undefined)).toBe(SocketError.unsupported);
		await ended(server);
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
		await ended(good.server);
		await ended(bad.server);
	}, 30_000);
});
