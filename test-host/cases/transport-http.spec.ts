// Uploads against Node's HTTP server, and against a socket that is moved by hand.

import "../board/xs-globals.js";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTcp, type AddressInfo, type Server as TcpServer } from "node:net";
import { LIMITS } from "../../preload/limits.js";
import { SocketError } from "../../modules/ports/events.js";
import type { Socket, SocketMaker, SocketOptions } from "../../modules/ports/socket.js";
import { TransportFault } from "../../modules/transport/faults.js";
import { HTTP_BUFFER_BYTES, HttpMethod, HttpUpload, newHttpTarget, parseHttpUrl, type HttpTarget } from "../../modules/transport/http.js";
import type { PieceSource } from "../../modules/transport/websocket.js";
import { VirtualClock } from "../board/clock.js";
import { NodeSocketMaker } from "../board/socket-node.js";
import { FakeSocket } from "./transport-kit.js";

interface Upload {
	method: string;
	url: string;
	headers: IncomingMessage["headers"];
	body: string;
}

/** A text that is made while it is sent, and the largest piece that was ever asked for. */
class TextSource implements PieceSource {
	private at = 0;
	largest = 0;
	constructor(private readonly text: string, private readonly breaksAt = Infinity) {}
	get done(): boolean {
		return this.at === this.text.length;
	}
	fill(buffer: Uint8Array, from: number, to: number): number {
		this.largest = Math.max(this.largest, to - from);
		let count = 0;
		while (from + count < to && this.at < this.text.length && this.at < this.breaksAt) buffer[from + count++] = this.text.charCodeAt(this.at++);
		return count;
	}
}

function targetOf(url: string): HttpTarget {
	const target = newHttpTarget();
	expect(parseHttpUrl(url, target)).toBe(TransportFault.none);
	return target;
}

describe("transport http", () => {
	let server: Server;
	let uploads: Upload[];
	let url: string;
	/** Answer to the next request: status, or what to do with the request. */
	let reply: number | ((request: IncomingMessage) => void);

	beforeEach(async () => {
		uploads = [];
		reply = 201;
		server = createServer((request, response) => {
			if (typeof reply === "function") return reply(request);
			const status = reply;
			let body = "";
			request.setEncoding("latin1");
			request.on("data", (text: string) => (body += text));
			request.on("end", () => {
				uploads.push({ method: request.method!, url: request.url!, headers: request.headers, body });
				response.writeHead(status).end("thanks");
			});
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		url = `127.0.0.1:${(server.address() as AddressInfo).port}`;
	});
	afterEach(async () => {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	});

	/** Begins an upload; `woken` resolves when it is over. */
	function start(
		to: string, source: PieceSource, length: number, method: HttpMethod = HttpMethod.put, clock = new VirtualClock(), socket: SocketMaker = new NodeSocketMaker(),
	): { upload: HttpUpload; woken: Promise<void> } {
		let upload!: HttpUpload;
		const woken = new Promise<void>((resolve) => {
			upload = new HttpUpload({ clock, socket, wake: resolve }, targetOf(to), { method, name: "security-7.txt", length }, source, undefined);
		});
		return { upload, woken };
	}

	it("N01.FR.19 PUT goes to the file that the URL names, whole, with type, length and file name", async () => {
		const body = Array.from({ length: 400 }, (_, i) => `line ${i}\n`).join("");
		const source = new TextSource(body);
		const { upload, woken } = start(`http://${url}/logs/of/CS001.txt?key=a%20b`, source, body.length);
		await woken;
		expect([upload.isUploaded, upload.status, upload.fault]).toEqual([true, 201, TransportFault.none]);
		expect(uploads.length).toBe(1);
		const [it] = uploads;
		expect([it.method, it.url, it.body]).toEqual(["PUT", "/logs/of/CS001.txt?key=a%20b", body]);
		expect(it.headers["content-type"]).toBe("text/plain; charset=utf-8");
		expect(it.headers["content-disposition"]).toBe('attachment; filename="security-7.txt"');
		expect(it.headers["content-length"]).toBe(String(body.length));
		expect(it.headers.host).toBe(url);
		expect(it.headers.authorization).toBeUndefined();
		expect(source.largest).toBeLessThanOrEqual(HTTP_BUFFER_BYTES);
	});

	it("N01.FR.19 POST has Content-Type and Content-Disposition; a folder gets the name behind it", async () => {
		const { woken } = start(`http://${url}/logs/`, new TextSource("x\n"), 2, HttpMethod.post);
		await woken;
		expect([uploads[0].method, uploads[0].url, uploads[0].body]).toEqual(["POST", "/logs/security-7.txt", "x\n"]);
		expect(uploads[0].headers["content-disposition"]).toContain("security-7.txt");
		expect(uploads[0].headers["content-type"]).toBe("text/plain; charset=utf-8");
		const other = start(`http://${url}`, new TextSource("x\n"), 2);
		await other.woken;
		expect(uploads[1].url).toBe("/security-7.txt");
	});

	it("RFC 7617 user information of the URL becomes Basic authentication and is in no request line", async () => {
		const { woken } = start(`http://me%40home:p%3Ass%20word@${url}/a`, new TextSource("x"), 1);
		await woken;
		const value = Buffer.from(uploads[0].headers.authorization!.slice("Basic ".length), "base64").toString();
		expect(value).toBe("me@home:p:ss word");
		expect(uploads[0].url).toBe("/a");
		expect(uploads[0].headers.host).toBe(url);
	});

	it("an answer other than 2xx is no upload, and its status is told", async () => {
		for (const status of [302, 400, 401, 403, 404, 405, 500, 503]) {
			reply = status;
			const { upload, woken } = start(`http://${url}/a`, new TextSource("x"), 1);
			await woken;
			expect([upload.isUploaded, upload.status]).toEqual([false, status]);
		}
	});

	it("an answer that comes before the end of the body counts: an error at once, a yes when the body is out", async () => {
		const body = "y".repeat(300_000);
		reply = (request) => {
			request.socket.write("HTTP/1.1 413 Too Large\r\n\r\n");
		};
		const refused = start(`http://${url}/a`, new TextSource(body), body.length);
		await refused.woken;
		expect([refused.upload.status, refused.upload.isUploaded]).toEqual([413, false]);
		let received = 0;
		reply = (request) => {
			request.socket.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
			request.on("data", (piece: Buffer) => (received += piece.length));
		};
		const taken = start(`http://${url}/a`, new TextSource(body), body.length);
		await taken.woken;
		expect([taken.upload.status, taken.upload.isUploaded]).toEqual([200, true]);
		for (let i = 0; i < 200 && received < body.length; i++) await new Promise((resolve) => setTimeout(resolve, 5));
		expect(received).toBe(body.length);
	});

	it("nobody there, a connection that ends, and an answer that is no HTTP are faults", async () => {
		const dead = createTcp();
		await new Promise<void>((resolve) => dead.listen(0, "127.0.0.1", resolve));
		const port = (dead.address() as AddressInfo).port;
		await new Promise((resolve) => dead.close(resolve));
		const refused = start(`http://127.0.0.1:${port}/a`, new TextSource("x"), 1);
		await refused.woken;
		expect([refused.upload.fault, refused.upload.status]).toEqual([SocketError.refused, 0]);

		const says = async (text: string): Promise<HttpUpload> => {
			const tcp: TcpServer = createTcp((socket) => socket.on("error", () => undefined).resume().end(text));
			await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
			const { upload, woken } = start(`http://127.0.0.1:${(tcp.address() as AddressInfo).port}/a`, new TextSource("x"), 1);
			await woken;
			await new Promise((resolve) => tcp.close(resolve));
			return upload;
		};
		expect((await says("")).fault).toBe(SocketError.closed);
		expect((await says("SSH-2.0-server\r\n")).fault).toBe(TransportFault.notHttp);
		expect((await says("HTTP/1.1 2x0 OK\r\n")).fault).toBe(TransportFault.notHttp);
		expect((await says("HTTP/1.1 20\r\n")).fault).toBe(TransportFault.notHttp);
		expect((await says("HTTP/1.1 100 Continue\r\n" + "a: b\r\n".repeat(2000))).fault).toBe(TransportFault.headerTooLarge);
	});

	/** A socket that is moved by hand. */
	class Maker implements SocketMaker {
		socket!: FakeSocket;
		open(options: SocketOptions): Socket {
			return (this.socket = new FakeSocket(options));
		}
	}

	it("a server that does not move is given up, and so is one that takes for ever", () => {
		const clock = new VirtualClock();
		const maker = new Maker();
		const { upload } = start("http://a/b", new TextSource("x"), 1, HttpMethod.put, clock, maker);
		clock.advance(LIMITS.uploadIdleMs - 1);
		upload.step();
		expect([upload.isOver, upload.nextDueMs]).toEqual([false, 1]);
		clock.advance(1);
		upload.step();
		expect([upload.isOver, upload.fault, maker.socket.closed]).toEqual([true, TransportFault.uploadTimeout, true]);

		const slow = start("http://a/b", new TextSource("x".repeat(100_000)), 100_000, HttpMethod.put, clock, maker);
		let elapsedMs = 0;
		for (; !slow.upload.isOver && elapsedMs < 10 * LIMITS.uploadMsMax; elapsedMs += 20_000) {
			maker.socket.drain(70);
			clock.advance(20_000);
			slow.upload.step();
		}
		expect(slow.upload.fault).toBe(TransportFault.uploadTimeout);
		expect(elapsedMs).toBe(LIMITS.uploadMsMax);
	});

	it("the bytes are the same however the socket takes them and the answer comes", () => {
		const body = "0123456789".repeat(200);
		const sent = (step: number): string => {
			const maker = new Maker();
			const { upload } = start("http://host:81/b", new TextSource(body), body.length, HttpMethod.put, new VirtualClock(), maker);
			while (!Buffer.from(maker.socket.written).toString().endsWith("\r\n\r\n" + body)) maker.socket.drain(step);
			expect(upload.isOver).toBeFalse();
			for (const byte of Buffer.from("HTTP/1.1 204 No Content\r\n")) maker.socket.deliver([byte]);
			expect([upload.isUploaded, maker.socket.closed]).toEqual([true, true]);
			return Buffer.from(maker.socket.written).toString();
		};
		const whole = sent(1 << 20);
		expect(whole.startsWith("PUT /b HTTP/1.1\r\nHost: host:81\r\n")).toBeTrue();
		for (const step of [64, 65, 100, 511, 512, 513]) expect(sent(step)).toBe(whole);
	});

	it("a source that breaks off is a fault, one that has more is cut at the length that was told", () => {
		const maker = new Maker();
		const broken = start("http://a/b", new TextSource("x".repeat(3000), 2000), 3000, HttpMethod.put, new VirtualClock(), maker);
		maker.socket.drain();
		expect([broken.upload.isOver, broken.upload.fault]).toEqual([true, TransportFault.uploadSource]);
		const longer = start("http://a/b", new TextSource("abcdef"), 3, HttpMethod.put, new VirtualClock(), maker);
		maker.socket.drain();
		maker.socket.deliver(Buffer.from("HTTP/1.1 200 OK\r\n"));
		expect(longer.upload.isUploaded).toBeTrue();
		expect(Buffer.from(maker.socket.written).toString().endsWith("\r\n\r\nabc")).toBeTrue();
	});

	it("every prefix and every changed byte of an answer ends in a verdict or goes on waiting, never throws", () => {
		const answer = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		for (let at = 0; at <= answer.length; at++) {
			for (const change of [0, 1, 0x20, 0x80, 0xff]) {
				const maker = new Maker();
				const { upload } = start("http://a/b", new TextSource("x"), 1, HttpMethod.put, new VirtualClock(), maker);
				maker.socket.drain();
				const bytes = change === 0 ? answer.subarray(0, at) : Buffer.from(answer);
				if (change !== 0 && at < answer.length) bytes[at] ^= change;
				maker.socket.deliver(bytes);
				if (!upload.isOver) maker.socket.fail(SocketError.closed);
				expect(upload.isOver).toBeTrue();
			}
		}
	});

	it("https goes through the socket port, which says when it has no TLS", () => {
		const maker = new Maker();
		const { upload } = start("https://host/b", new TextSource("x"), 1, HttpMethod.put, new VirtualClock(), maker);
		expect([maker.socket.options.secure, maker.socket.options.port, maker.socket.options.host]).toEqual([true, 443, "host"]);
		maker.socket.fail(SocketError.unsupported);
		expect([upload.isOver, upload.fault]).toEqual([true, SocketError.unsupported]);
	});

	it("RFC 3986 URLs are taken apart, and what is none is refused", () => {
		const target = newHttpTarget();
		const parse = (text: string): unknown[] => {
			const fault = parseHttpUrl(text, target);
			const { host, port, secure, path, query } = target.endpoint;
			return fault === TransportFault.none ? [host, port, secure, path, query, target.isFolder] : [fault];
		};
		expect(parse("http://a.b/c/d.log?e=/f/")).toEqual(["a.b", 80, false, "/c/d.log", "?e=/f/", false]);
		expect(parse("HTTPS://[::1]:8443/c/")).toEqual(["::1", 8443, true, "/c", "", true]);
		expect(parse("http://u:p@a")).toEqual(["a", 80, false, "", "", true]);
		expect(target.authorization).not.toBe("");
		expect(parse("http://a?x")).toEqual(["a", 80, false, "", "?x", true]);
		expect(target.authorization).toBe("");
		for (const scheme of ["ftp://a/b", "sftp://a/b", "ws://a/b", "a/b", "", "://a"]) expect(parse(scheme)).toEqual([TransportFault.urlScheme]);
		expect(parse("http:///b")).toEqual([TransportFault.urlHost]);
		expect(parse("http://a:99999/b")).toEqual([TransportFault.urlPort]);
		expect(parse("http://a/b c")).toEqual([TransportFault.urlCharacter]);
		expect(parse("http://a/b\r\nX: y")).toEqual([TransportFault.urlCharacter]);
		expect(parse("http://a/b#c")).toEqual([TransportFault.urlPart]);
		expect(parse("http://a/" + "b".repeat(512))).toEqual([TransportFault.urlCharacter]);
	});
});
