// The opening handshake, the URL of the profile, and the two codecs that the handshake needs.

import { createHash } from "node:crypto";
import { encodeBase64, base64Length } from "../../modules/core/base64.js";
import { sha1, SHA1_BYTES } from "../../modules/core/sha1.js";
import { LIMITS } from "../../preload/limits.js";
import { SocketError } from "../../modules/ports/events.js";
import { TransportFault } from "../../modules/transport/faults.js";
import { Handshake } from "../../modules/transport/handshake.js";
import { hostHeader, newEndpoint, parseUrl, percentEncoded } from "../../modules/transport/url.js";
import { Phase } from "../../modules/transport/websocket.js";
import { SeededEntropy } from "../board/entropy.js";
import { answerTo, Bench, frame } from "./transport-kit.js";

const chance = new SeededEntropy(3);

describe("transport: SHA-1 and base64", () => {
	it("FIPS 180-4 SHA-1 equals the machine's for every length from 0 to 300", () => {
		const digest = new Uint8Array(SHA1_BYTES + 2);
		for (let count = 0; count <= 300; count++) {
			const bytes = new Uint8Array(count + 3);
			chance.fill(bytes, 0, bytes.length);
			sha1(bytes, 3, count + 3, digest, 1);
			expect(Buffer.from(digest.subarray(1, 21)).toString("hex")).toBe(createHash("sha1").update(bytes.subarray(3)).digest("hex"));
			expect([digest[0], digest[21]]).toEqual([0, 0]);
		}
	});

	it("RFC 4648 §4 base64 equals the machine's for every length from 0 to 200", () => {
		for (let count = 0; count <= 200; count++) {
			const bytes = new Uint8Array(count);
			chance.fill(bytes, 0, count);
			const out = new Uint8Array(base64Length(count));
			expect(encodeBase64(bytes, 0, count, out, 0)).toBe(out.length);
			expect(Buffer.from(out).toString("latin1")).toBe(Buffer.from(bytes).toString("base64"));
		}
	});
});

describe("transport: the URL", () => {
	function parsed(url: string): unknown {
		const endpoint = newEndpoint();
		const fault = parseUrl(url, endpoint);
		return fault === TransportFault.none ? endpoint : fault;
	}

	it("RFC 6455 §3 host, port, path and query are taken apart", () => {
		expect(parsed("ws://csms.example")).toEqual({ host: "csms.example", port: 80, secure: false, path: "", query: "" });
		expect(parsed("wss://csms.example/")).toEqual({ host: "csms.example", port: 443, secure: true, path: "", query: "" });
		expect(parsed("WSS://10.0.0.1:8443/ocpp/v2/")).toEqual({ host: "10.0.0.1", port: 8443, secure: true, path: "/ocpp/v2", query: "" });
		expect(parsed("ws://[2001:db8::1]:9000/a%20b")).toEqual({ host: "2001:db8::1", port: 9000, secure: false, path: "/a%20b", query: "" });
		expect(parsed("ws://[::ffff:1.2.3.4]")).toEqual({ host: "::ffff:1.2.3.4", port: 80, secure: false, path: "", query: "" });
		expect(parsed("ws://h:80/x?token=a/b:c@d")).toEqual({ host: "h", port: 80, secure: false, path: "/x", query: "?token=a/b:c@d" });
		expect(parsed("ws://h?q")).toEqual({ host: "h", port: 80, secure: false, path: "", query: "?q" });
		expect(parsed("ws://h:/x")).toEqual({ host: "h", port: 80, secure: false, path: "/x", query: "" });
	});

	it("a URL that cannot be used is a fault, never an exception", () => {
		const faults: [string, number][] = [
			["", TransportFault.urlScheme], ["csms.example", TransportFault.urlScheme], ["http://h", TransportFault.urlScheme],
			["https://h/", TransportFault.urlScheme], ["://h", TransportFault.urlScheme], ["ws:/h", TransportFault.urlScheme],
			["ws://", TransportFault.urlHost], ["ws:///path", TransportFault.urlHost], ["ws://:80", TransportFault.urlHost],
			["ws://[::1", TransportFault.urlHost], ["ws://[]", TransportFault.urlHost], ["ws://[::1]x", TransportFault.urlHost],
			["ws://[host]", TransportFault.urlHost], ["ws://::1/", TransportFault.urlHost], ["ws://a,b/", TransportFault.urlHost],
			["ws://h%41/", TransportFault.urlHost], ["ws://h:0", TransportFault.urlPort], ["ws://h:65536", TransportFault.urlPort],
			["ws://h:80a", TransportFault.urlPort], ["ws://h:-1", TransportFault.urlPort], ["ws://h:000080", TransportFault.urlPort],
			["ws://h:1:2", TransportFault.urlPort], ["ws://user@h/", TransportFault.urlPart], ["ws://u:p@h/", TransportFault.urlPart],
			["ws://h/#x", TransportFault.urlPart], ["ws://h/a b", TransportFault.urlCharacter],
			["ws://h/\r\nX: y", TransportFault.urlCharacter], ["ws://hä/", TransportFault.urlCharacter],
			["ws://h/\0", TransportFault.urlCharacter], ["ws://h/\u007f", TransportFault.urlCharacter],
			["ws://h/" + "a".repeat(506), TransportFault.urlCharacter],
		];
		for (const [url, fault] of faults) expect([url, parsed(url)]).toEqual([url, fault]);
		expect(parsed("ws://h/" + "a".repeat(505))).not.toBe(TransportFault.urlCharacter);
	});

	it("RFC 6455 §4.1 Host names the port only where it is not the default, and puts IPv6 in brackets", () => {
		expect(hostHeader("h", 80, false)).toBe("h");
		expect(hostHeader("h", 443, true)).toBe("h");
		expect(hostHeader("h", 443, false)).toBe("h:443");
		expect(hostHeader("::1", 80, true)).toBe("[::1]:80");
	});

	it("Part 4 §3.1.1 the identity is percent-encoded as one segment", () => {
		expect(percentEncoded("RDAM|123")).toBe("RDAM%7C123");
		expect(percentEncoded("a-Z_0.9~")).toBe("a-Z_0.9~");
		expect(percentEncoded("a/b?c#d%e f=@+*!'()")).toBe("a%2Fb%3Fc%23d%25e%20f%3D%40%2B%2A%21%27%28%29");
		expect(percentEncoded("ä€\u{1f600}@[`{")).toBe("%C3%A4%E2%82%AC%F0%9F%98%80%40%5B%60%7B");
	});
});

describe("transport: the request", () => {
	function lines(request: Buffer): string[] {
		const text = request.toString("latin1");
		expect(text.endsWith("\r\n\r\n")).toBe(true);
		return text.slice(0, -4).split("\r\n");
	}

	it("RFC 6455 §4.1, Part 4 §3.1 holds what is needed, each field once", () => {
		const request = lines(new Bench().request("ws://csms.example:8080/ocpp/", "RDAM|123"));
		expect(request[0]).toBe("GET /ocpp/RDAM%7C123 HTTP/1.1");
		expect(request.slice(1, 6)).toEqual([
			"Host: csms.example:8080", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
			"Sec-WebSocket-Protocol: ocpp2.0.1",
		]);
		expect(request.length).toBe(7);
		const key = /^Sec-WebSocket-Key: (\S{24})$/.exec(request[6]);
		expect(Buffer.from(key?.[1] ?? "", "base64").length).toBe(16);
	});

	it("the key is a new one for each attempt", () => {
		const bench = new Bench();
		const keys = new Set<string>();
		for (let i = 0; i < 20; i++) {
			keys.add(lines(bench.request())[6]);
			bench.webSocket.abort();
		}
		expect(keys.size).toBe(20);
	});

	it("A00.FR.202, A00.FR.203, A00.FR.204, A00.FR.205 the password goes as Basic authentication in UTF-8", () => {
		for (const password of ["0123456789abcdef", "pässwörd mit €uro", "a:b:c:d:e:f:g:h:i", "p".repeat(64), "\u{1f600}".repeat(64)]) {
			const request = lines(new Bench().request("ws://h", "CS:no".replace(":", "-"), password));
			const found = request.filter((line) => line.startsWith("Authorization: Basic "));
			expect(found.length).toBe(1);
			expect(Buffer.from(found[0].slice(21), "base64").toString()).toBe("CS-no:" + password);
		}
	});

	it("the query of the URL stays behind the identity", () => {
		expect(lines(new Bench().request("ws://h/p?t=1", "CS"))[0]).toBe("GET /p/CS?t=1 HTTP/1.1");
	});

	it("a request longer than tx goes out in pieces, the same for every window", () => {
		const url = "ws://" + "h".repeat(200) + "/" + "p".repeat(290);
		const whole = new Bench(8).request(url, "i".repeat(48), "\u{1f600}".repeat(64));
		expect(whole.length).toBeGreaterThan(1000);
		for (const window of [64, 100, 1000]) {
			const bench = new Bench(8);
			const endpoint = newEndpoint();
			parseUrl(url, endpoint);
			bench.webSocket.open(endpoint, "i".repeat(48), "\u{1f600}".repeat(64));
			for (let i = 0; i < 40; i++) bench.socket.drain(window);
			expect(bench.socket.taken()).toEqual(whole);
			bench.socket.deliver(answerTo(whole));
			expect(bench.notes.events).toEqual(["open"]);
		}
	});

	it("an answer before the request is whole is refused", () => {
		const bench = new Bench(8);
		const request = new Bench(8).request();
		const endpoint = newEndpoint();
		parseUrl("ws://csms.example/ocpp", endpoint);
		bench.webSocket.open(endpoint, "CS001", "");
		bench.socket.drain(100);
		bench.socket.deliver(answerTo(request));
		expect(bench.notes.events).toEqual([`closed 0 101 ${TransportFault.notHttp}`]);
	});
});

describe("transport: the answer", () => {
	function answered(change: (lines: string[]) => string[]): { events: string[]; bench: Bench } {
		const bench = new Bench();
		const request = bench.request();
		bench.socket.deliver(answerTo(request, change));
		return { events: bench.notes.events, bench };
	}

	const replaced = (name: string, line: string | null) => (lines: string[]): string[] =>
		lines.flatMap((one) => (one.startsWith(name) ? (line === null ? [] : [line]) : [one]));

	const good: [string, (lines: string[]) => string[]][] = [
		["field names and tokens in any case", (lines) => lines.map((one, i) =>
			i === 1 ? "UPGRADE: WebSocket" : i === 2 ? "connection: uPGRADE" : i === 3 ? one.replace("Sec-WebSocket-Accept", "sec-websocket-ACCEPT") : one)],
		["Connection as a list", replaced("Connection", "Connection: keep-alive ,\t Upgrade")],
		["Connection in two lines", (lines) => [...lines, "Connection: close"]],
		["blanks around values, and none", (lines) => lines.map((one, i) => (i === 0 ? one : i % 2 ? one.replace(": ", ":") : one.replace(": ", ":  \t") + " \t"))],
		["other fields, empty ones and Latin-1 in values", (lines) => [...lines, "Server: nginx", "X-Empty:", "X-Latin: \u00e4", "Set-Cookie: a=b: c"]],
		["a status line without reason", replaced("HTTP", "HTTP/1.1 101")],
		["a status line with an empty reason", replaced("HTTP", "HTTP/1.1 101 ")],
		["an empty list of extensions", (lines) => [...lines, "Sec-WebSocket-Extensions: "]],
		["as many lines as are allowed", (lines) => [...lines, ...Array<string>(LIMITS.handshakeLinesMax - 1 - lines.length).fill("A: b")]],
		["as many bytes as are allowed", (lines) => [...lines, "A: " + "b".repeat(LIMITS.handshakeBytesMax - lines.join("\r\n").length - 2 - 3 - 4)]],
	];
	for (const [what, change] of good) it(`RFC 6455 §4.1 is accepted with ${what}`, () => expect(answered(change).events).toEqual(["open"]));

	const bad: [string, (lines: string[]) => string[], number, number][] = [
		["no Upgrade", replaced("Upgrade", null), 101, TransportFault.upgrade],
		["another Upgrade", replaced("Upgrade", "Upgrade: h2c"), 101, TransportFault.upgrade],
		["no Connection", replaced("Connection", null), 101, TransportFault.connection],
		["a Connection that only contains the word", replaced("Connection", "Connection: upgrades, xupgrade"), 101, TransportFault.connection],
		["no Sec-WebSocket-Accept", replaced("Sec-WebSocket-Accept", null), 101, TransportFault.accept],
		["a wrong Sec-WebSocket-Accept", replaced("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), 101, TransportFault.accept],
		["a Sec-WebSocket-Accept in the wrong case", (lines) => lines.map((one, i) => (i === 3 ? one.slice(0, 22) + one.slice(22).toLowerCase() : one)), 101, TransportFault.accept],
		["two Sec-WebSocket-Accept", (lines) => [...lines, lines[3]], 101, TransportFault.accept],
		["no subprotocol (Part 4 §3.1.2)", replaced("Sec-WebSocket-Protocol", null), 101, TransportFault.subprotocol],
		["subprotocol ocpp1.6 (Part 4 §3.1.2)", replaced("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: ocpp1.6"), 101, TransportFault.subprotocol],
		["two subprotocols", replaced("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: ocpp2.0.1, ocpp1.6"), 101, TransportFault.subprotocol],
		["the subprotocol in the wrong case", replaced("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: OCPP2.0.1"), 101, TransportFault.subprotocol],
		["the subprotocol twice", (lines) => [...lines, lines[4]], 101, TransportFault.subprotocol],
		["an extension that was not offered", (lines) => [...lines, "Sec-WebSocket-Extensions: permessage-deflate"], 101, TransportFault.extension],
		["status 200", replaced("HTTP", "HTTP/1.1 200 OK"), 200, TransportFault.status],
		["status 302", replaced("HTTP", "HTTP/1.1 302 Found"), 302, TransportFault.status],
		["status 401", replaced("HTTP", "HTTP/1.1 401 Unauthorized"), 401, TransportFault.status],
		["status 404 of HTTP/1.0", replaced("HTTP", "HTTP/1.0 404 Not Found"), 404, TransportFault.status],
		["status 503", replaced("HTTP", "HTTP/1.1 503"), 503, TransportFault.status],
		["a status that is no number", replaced("HTTP", "HTTP/1.1 1x1 What"), 0, TransportFault.notHttp],
		["a status of four digits", replaced("HTTP", "HTTP/1.1 1010 What"), 0, TransportFault.notHttp],
		["HTTP/2", replaced("HTTP", "HTTP/2 101"), 0, TransportFault.notHttp],
		["an SSH banner", () => ["SSH-2.0-OpenSSH_9.2"], 0, TransportFault.notHttp],
		["an empty first line", () => [""], 0, TransportFault.notHttp],
		["a field without a colon", (lines) => [...lines, "Nonsense"], 101, TransportFault.notHttp],
		["a field without a name", (lines) => [...lines, ": x"], 101, TransportFault.notHttp],
		["a blank before the colon", (lines) => [...lines, "Server : x"], 101, TransportFault.notHttp],
		["a folded line", (lines) => [...lines, " folded: x"], 101, TransportFault.notHttp],
		["too many lines", (lines) => [...lines, ...Array<string>(LIMITS.handshakeLinesMax).fill("A: b")], 101, TransportFault.headerTooLarge],
		["one line too many bytes", (lines) => [...lines, "A: " + "b".repeat(LIMITS.handshakeBytesMax)], 101, TransportFault.headerTooLarge],
		["one byte too many", (lines) => [...lines, "A: " + "b".repeat(LIMITS.handshakeBytesMax - lines.join("\r\n").length - 2 - 3 - 3)], 101, TransportFault.headerTooLarge],
		["a status line without end", () => ["HTTP/1.1 101 " + "x".repeat(9000)], 0, TransportFault.headerTooLarge],
	];
	for (const [what, change, status, fault] of bad) {
		it(`RFC 6455 §4.1, Part 4 §3.1.2, Part 4 §3.2 is refused with ${what}, and no frame is written`, () => {
			const { events, bench } = answered(change);
			expect(events).toEqual([`closed 0 ${status} ${fault}`]);
			expect(bench.socket.closed).toBe(true);
			expect(bench.socket.taken().length).toBe(0);
			expect(bench.webSocket.phase).toBe(Phase.idle);
			expect(bench.webSocket.closeCode).toBe(0);
		});
	}

	it("the verdict is the same when the answer comes byte by byte", () => {
		for (const [what, change, status, fault] of bad) {
			const bench = new Bench();
			for (const byte of answerTo(bench.request(), change)) bench.socket.deliver([byte]);
			expect([what, bench.notes.events]).toEqual([what, [`closed 0 ${status} ${fault}`]]);
		}
		for (const [what, change] of good) {
			const bench = new Bench();
			for (const byte of answerTo(bench.request(), change)) bench.socket.deliver([byte]);
			expect([what, bench.notes.events]).toEqual([what, ["open"]]);
		}
	});

	it("every prefix of a good answer followed by the end of the socket is reported as that end", () => {
		for (let cut = 0; cut < answerTo(new Bench().request()).length; cut++) {
			const bench = new Bench();
			const answer = answerTo(bench.request());
			bench.socket.deliver(answer.subarray(0, cut));
			bench.socket.fail(SocketError.closed);
			expect(bench.notes.events).toEqual([`closed 0 0 ${SocketError.closed}`]);
		}
	});

	it("every change of one byte is either refused or leaves a field that is not looked at", () => {
		const answer = answerTo(new Bench(2).request());
		let opened = 0;
		for (let i = 0; i < answer.length; i++) {
			const bench = new Bench(2);
			bench.request();
			const changed = Buffer.from(answer);
			changed[i] ^= 1;
			bench.socket.deliver(changed);
			bench.socket.fail(SocketError.closed);
			if (bench.notes.events[0] === "open") opened++;
		}
		// The minor version, the 22 characters of " Switching Protocols" but its first blank, and the CRs do not count.
		expect(opened).toBeLessThanOrEqual(1 + 19 + 6);
	});

	it("frames in the same read as the answer are delivered, also a Close", () => {
		const bench = new Bench();
		const request = bench.request();
		bench.socket.deliver(Buffer.concat([answerTo(request), frame(0x81, "now"), frame(0x88, Buffer.of(3, 232))]));
		expect(bench.notes.events).toEqual(["open", "message 3", "closed 1000 0 0"]);
	});

	it("a socket that never connects reports its own error", () => {
		for (const error of [SocketError.refused, SocketError.unresolved, SocketError.unsupported, SocketError.closed]) {
			const bench = new Bench();
			const endpoint = newEndpoint();
			parseUrl("ws://h", endpoint);
			bench.webSocket.open(endpoint, "CS", "");
			expect(bench.webSocket.open(endpoint, "CS", "")).toBe(false);
			bench.socket.fail(error);
			expect(bench.notes.events).toEqual([`closed 0 0 ${error}`]);
		}
	});

	it("RFC 6455 §1.3 the example key has the example answer", () => {
		const key = Buffer.from("dGhlIHNhbXBsZSBub25jZQ==", "base64");
		const entropy = { fill: (bytes: Uint8Array, from: number, to: number) => bytes.set(key.subarray(0, to - from), from) };
		const handshake = new Handshake(newEndpoint(), "x", "", entropy, new Uint8Array(256));
		const answer = Buffer.from(
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
				"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: ocpp2.0.1\r\n\r\nrest",
		);
		expect(handshake.receive(answer, 0, answer.length)).toBe(answer.length - 4);
		expect(handshake.complete).toBe(true);
	});
});
