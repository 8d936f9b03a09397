// The connection against real peers on real sockets: the ws package, and ocpp-rpc in strict mode. Nothing here depends on how
// long anything takes; every wait is for an event.

import * as http from "node:http";
import * as net from "node:net";
import { RPCServer } from "ocpp-rpc";
import { WebSocketServer, type WebSocket as PeerSocket } from "ws";
import { LIMITS } from "../../preload/limits.js";
import { SocketError } from "../../modules/ports/events.js";
import { Connection, type ConnectionListener } from "../../modules/transport/connection.js";
import { TransportFault } from "../../modules/transport/faults.js";
import { HEAD_BYTES, newWebSocketBuffers } from "../../modules/transport/websocket.js";
import { DesktopClock } from "../board/clock.js";
import { NodeEntropy } from "../board/entropy.js";
import { RingLog } from "../board/ring-log.js";
import { NodeSocketMaker } from "../board/socket-node.js";
import { Text } from "./transport-kit.js";

/** A station's connection that steps on real time. */
class Client implements ConnectionListener {
	readonly clock = new DesktopClock();
	readonly maker = new NodeSocketMaker();
	readonly settings = { waitMinimumSeconds: 0, randomRangeSeconds: 0, repeatTimes: 0, pingIntervalSeconds: 0, timeoutSeconds: 20 };
	readonly profile = { slot: 1, url: "", identity: "CS 01/a", password: "" };
	readonly events: string[] = [];
	readonly messages: string[] = [];
	readonly connection: Connection;
	/** Called with each message. */
	answer: (text: string) => void = () => undefined;
	private waiting: { count: number; event: string; done: () => void }[] = [];
	private readonly timer: NodeJS.Timeout;

	constructor(url: string) {
		this.profile.url = url;
		const host = {
			clock: this.clock,
			entropy: new NodeEntropy(),
			socket: this.maker,
			log: new RingLog(this.clock),
			wake: () => setImmediate(() => this.connection.step()),
		};
		this.connection = new Connection(host, this.settings, this.profile, this, newWebSocketBuffers());
		this.timer = setInterval(() => this.connection.step(), 5);
	}

	private note(event: string): void {
		this.events.push(event);
		this.waiting = this.waiting.filter((one) => {
			const there = this.count(one.event) >= one.count;
			if (there) one.done();
			return !there;
		});
	}

	count(event: string): number {
		return this.events.filter((one) => one === event).length;
	}

	/** Resolves when `event` has come `count` times. */
	seen(event: string, count = 1): Promise<void> {
		if (this.count(event) >= count) return Promise.resolve();
		return new Promise((done) => this.waiting.push({ count, event, done }));
	}

	onOpen(): void {
		this.note("open");
	}

	onMessage(length: number): void {
		const kept = length > this.connection.rx.length ? HEAD_BYTES : length;
		const text = Buffer.from(this.connection.rx.subarray(0, kept)).toString();
		this.messages.push(text);
		this.answer(text);
		this.note("message");
		this.note("message " + length);
	}

	onSent(): void {
		this.note("sent");
	}

	onClosed(): void {
		this.note("closed");
	}

	end(): void {
		clearInterval(this.timer);
		this.connection.stop();
		this.connection.step();
		this.clock.stop();
	}
}

const once = <T>(subscribe: (done: (value: T) => void) => void): Promise<T> => new Promise(subscribe);

describe("transport: the ws package as server", () => {
	let server: WebSocketServer;
	let client: Client;
	let peers: PeerSocket[];
	let requests: http.IncomingMessage[];
	let onPeer: ((peer: PeerSocket) => void) | undefined;

	beforeEach(async () => {
		peers = [];
		requests = [];
		onPeer = undefined;
		server = new WebSocketServer({
			port: 0,
			host: "127.0.0.1",
			handleProtocols: (offered) => (offered.has("ocpp2.0.1") ? "ocpp2.0.1" : false),
			perMessageDeflate: true,
		});
		server.on("connection", (peer, request) => {
			peers.push(peer);
			requests.push(request);
			onPeer?.(peer);
		});
		await once<void>((done) => server.on("listening", () => done()));
		client = new Client(`ws://127.0.0.1:${(server.address() as net.AddressInfo).port}/ocpp/`);
	});

	afterEach(async () => {
		client.end();
		for (const peer of server.clients) peer.terminate();
		await once<void>((done) => server.close(() => done()));
	});

	async function opened(): Promise<PeerSocket> {
		client.connection.start();
		await client.seen("open");
		return peers[0];
	}

	it("Part 4 §3.1 connects under the percent-encoded identity, without an extension", async () => {
		const peer = await opened();
		expect(requests[0].url).toBe("/ocpp/CS%2001%2Fa");
		expect(peer.protocol).toBe("ocpp2.0.1");
		expect(peer.extensions).toBe("");
	});

	it("texts of many lengths come back as they were sent, in both directions in fragments", async () => {
		onPeer = (peer) => peer.on("message", (data, isBinary) => {
			const bytes = data as Buffer;
			expect(isBinary).toBe(false);
			if (bytes.length < 4) return peer.send(bytes.toString());
			const third = Math.floor(bytes.length / 3);
			peer.send(bytes.subarray(0, third), { binary: false, fin: false });
			peer.ping("between");
			peer.send(bytes.subarray(third, 2 * third), { binary: false, fin: false });
			peer.send(bytes.subarray(2 * third), { binary: false, fin: true });
		});
		await opened();
		const texts = [0, 1, 124, 125, 126, 127, 511, 512, 513, 1024, 5000, LIMITS.rxBytes].map((count) => "x".repeat(count));
		texts.push("äöü€中\u{1f600}".repeat(300));
		let pongs = 0;
		peers[0].on("pong", () => pongs++);
		for (let i = 0; i < texts.length; i++) {
			expect(client.connection.send(new Text(texts[i], 333))).toBe(true);
			await client.seen("message", i + 1);
			expect(client.messages[i]).toBe(texts[i]);
		}
		// The peer sees the Pongs in order, so after one more message all of them are counted.
		const last = once<void>((done) => peers[0].once("message", () => done()));
		client.connection.send(new Text("end"));
		await last;
		expect(pongs).toBe(texts.length - 2);
	});

	it("B06.FR.17 a message of 70 kB is reported with its length and its head, and the next one works", async () => {
		const peer = await opened();
		const long = "0123456789".repeat(7000);
		peer.send(long);
		peer.send("next");
		await client.seen("message 70000");
		await client.seen("message 4");
		expect(client.messages).toEqual([long.slice(0, HEAD_BYTES), "next"]);
		client.connection.send(new Text("alive"));
		expect(String(await once((done) => peer.once("message", done)))).toBe("alive");
	});

	it("Part 4 §5.2 Pings of both sides are answered", async () => {
		client.settings.pingIntervalSeconds = 0.02;
		const peer = await opened();
		let pings = 0;
		await once<void>((done) => peer.on("ping", () => ++pings === 5 && done()));
		peer.ping("payload of the server");
		expect(String(await once((done) => peer.once("pong", done)))).toBe("payload of the server");
		expect(client.events).toEqual(["open"]);
	});

	it("Part 4 §5.2 a server that answers no Ping is left, and the station comes back", async () => {
		onPeer = (peer) => {
			if (peers.length > 1) return;
			// Stops the server's reading below the WebSocket.
			(peer as unknown as { _socket: net.Socket })._socket.pause();
			client.settings.timeoutSeconds = 1;
		};
		client.settings.pingIntervalSeconds = 0.02;
		client.connection.start();
		await client.seen("open", 2);
		expect(client.events.slice(0, 3)).toEqual(["open", "closed", "open"]);
	});

	it("a Close of the server is answered, and the station connects again", async () => {
		const peer = await opened();
		peer.close(1012, "restart");
		const code = await once<number>((done) => peer.once("close", done));
		expect(code).toBe(1012);
		await client.seen("open", 2);
		expect(peers.length).toBe(2);
	});

	it("close(true) reaches the server as 1000, and the next connection uses the new password", async () => {
		const peer = await opened();
		expect(requests[0].headers.authorization).toBeUndefined();
		client.profile.password = "pässwörd with €";
		client.connection.close(true);
		expect(await once<number>((done) => peer.once("close", done))).toBe(1000);
		await client.seen("open", 2);
		const basic = (requests[1].headers.authorization ?? "").replace("Basic ", "");
		expect(Buffer.from(basic, "base64").toString()).toBe("CS 01/a:pässwörd with €");
	});

	it("a binary message is refused with 1003 and bad UTF-8 with 1007, as the server sees it", async () => {
		for (const [send, expected] of [
			[(peer: PeerSocket) => peer.send(Buffer.from("binary"), { binary: true }), 1003],
			[(peer: PeerSocket) => peer.send(Buffer.from([0x61, 0xff]), { binary: false }), 1007],
		] as [(peer: PeerSocket) => void, number][]) {
			onPeer = send;
			const before = peers.length;
			client.connection.start();
			await client.seen("open", before + 1);
			const peer = peers[before];
			onPeer = undefined;
			expect(await once<number>((done) => peer.once("close", done))).toBe(expected);
		}
	});

	it("100 lost connections are followed by 100 new ones, and no socket is left over", async () => {
		onPeer = (peer) => {
			if (peers.length <= 100) peer.terminate();
		};
		client.connection.start();
		await client.seen("open", 101);
		expect(client.count("closed")).toBe(100);
		expect(client.maker.opened).toBe(101);
		client.connection.send(new Text("still here"));
		expect(String(await once((done) => peers[100].once("message", done)))).toBe("still here");
		expect(server.clients.size).toBe(1);
	});

	it("hold() slows a fast server down without losing a message", async () => {
		const peer = await opened();
		client.answer = () => {
			client.connection.hold(true);
			setImmediate(() => client.connection.hold(false));
		};
		const texts = Array.from({ length: 300 }, (_, i) => `${i} ` + "y".repeat(i * 11));
		for (const text of texts) peer.send(text);
		await client.seen("message", texts.length);
		expect(client.messages).toEqual(texts);
	});
});

describe("transport: refusals on real sockets", () => {
	async function refusedBy(handle: (socket: net.Socket) => void): Promise<Client> {
		const sockets: net.Socket[] = [];
		const server = net.createServer((socket) => {
			sockets.push(socket);
			socket.on("error", () => undefined);
			socket.once("data", () => handle(socket));
		});
		await once<void>((done) => server.listen(0, "127.0.0.1", () => done()));
		const client = new Client(`ws://127.0.0.1:${(server.address() as net.AddressInfo).port}`);
		client.settings.waitMinimumSeconds = 1000;
		client.connection.start();
		while (client.connection.failures === 0) await new Promise((done) => setTimeout(done, 2));
		client.end();
		for (const socket of sockets) socket.destroy();
		await once<void>((done) => server.close(() => done()));
		expect(client.events).toEqual([]);
		return client;
	}

	it("a status other than 101 is told apart: 302, 401, 503", async () => {
		for (const status of [302, 401, 503]) {
			const client = await refusedBy((socket) => socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`));
			expect([client.connection.httpStatus, client.connection.fault]).toEqual([status, TransportFault.status]);
		}
	});

	it("a server that only hangs up, and one that speaks no HTTP", async () => {
		expect((await refusedBy((socket) => socket.end())).connection.fault).toBe(SocketError.closed);
		expect((await refusedBy((socket) => void socket.write("220 mail.example ESMTP\r\n"))).connection.fault).toBe(TransportFault.notHttp);
	});

	it("a closed port, a name that does not exist, and wss without TLS are told apart", async () => {
		const closed = net.createServer();
		await once<void>((done) => closed.listen(0, "127.0.0.1", () => done()));
		const port = (closed.address() as net.AddressInfo).port;
		await once<void>((done) => closed.close(() => done()));
		for (const [url, faults] of [
			[`ws://127.0.0.1:${port}`, [SocketError.refused]],
			["ws://no-such-host.invalid", [SocketError.unresolved]],
			["wss://127.0.0.1", [SocketError.unsupported]],
		] as [string, number[]][]) {
			const client = new Client(url);
			client.settings.waitMinimumSeconds = 1000;
			client.connection.start();
			while (client.connection.failures === 0) await new Promise((done) => setTimeout(done, 2));
			client.end();
			expect(faults).toContain(client.connection.fault);
		}
	});
});

describe("transport: ocpp-rpc in strict mode as CSMS", () => {
	it("A00.FR.204 it takes the handshake with Basic authentication, a call, its answer, and refuses a wrong password", async () => {
		const csms = new RPCServer({ protocols: ["ocpp2.0.1"], strictMode: true, pingIntervalMs: 50 });
		const password = "pässwörd of 20 chars";
		csms.auth((accept, reject, handshake) => {
			if (handshake.identity === "CS 01/a" && handshake.password?.toString("utf8") === password) accept({});
			else reject(401, "no");
		});
		let calls = 0;
		csms.on("client", (peer) => {
			peer.handle("Heartbeat", () => {
				calls++;
				return { currentTime: new Date().toISOString() };
			});
		});
		const server = await csms.listen(0, "127.0.0.1");
		const client = new Client(`ws://127.0.0.1:${(server.address() as net.AddressInfo).port}/ocpp`);
		client.settings.waitMinimumSeconds = 1000;
		client.profile.password = "a wrong password, 16+";
		client.connection.start();
		while (client.connection.failures === 0) await new Promise((done) => setTimeout(done, 2));
		expect(client.connection.httpStatus).toBe(401);

		client.profile.password = password;
		client.connection.close(true);
		await client.seen("open");
		for (let i = 1; i <= 20; i++) {
			expect(client.connection.send(new Text(`[2,"id-${i}","Heartbeat",{}]`))).toBe(true);
			await client.seen("message", i);
			expect(client.messages[i - 1].startsWith(`[3,"id-${i}",{"currentTime":"`)).toBe(true);
		}
		expect(calls).toBe(20);
		client.end();
		await csms.close({ code: 1001, reason: "", awaitPending: false, force: true });
	});
});
