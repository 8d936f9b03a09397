// RFC 6455 on a fake socket: frames as bytes, faults of the peer, sending in pieces.

import { LIMITS } from "../../preload/limits.js";
import { SocketError } from "../../modules/ports/events.js";
import { TransportFault } from "../../modules/transport/faults.js";
import { HEAD_BYTES, Phase } from "../../modules/transport/websocket.js";
import { SeededEntropy } from "../board/entropy.js";
import { answerTo, Bench, frame, framesOf, hex, Text } from "./transport-kit.js";

const TEXT = 0x81;
const TEXT_PART = 0x01;
const MORE = 0x00;
const LAST = 0x80;
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;

/** Close code of the only frame that was written. */
function closeCodeOf(bench: Bench): number {
	const frames = bench.frames();
	expect(frames.length).toBe(1);
	expect(frames[0].opcode).toBe(8);
	return frames[0].payload.length === 0 ? 1005 : frames[0].payload.readUInt16BE(0);
}

describe("transport: receiving", () => {
	it("RFC 6455 §5.7 an unmasked text frame is delivered", () => {
		const bench = new Bench().open();
		bench.socket.deliver(hex("81 05 48 65 6c 6c 6f"));
		expect(bench.notes.messages).toEqual(["Hello"]);
		expect(bench.notes.events).toEqual(["message 5"]);
	});

	it("RFC 6455 §5.7 two fragments make one message", () => {
		const bench = new Bench().open();
		bench.socket.deliver(hex("01 03 48 65 6c  80 02 6c 6f"));
		expect(bench.notes.messages).toEqual(["Hello"]);
	});

	it("RFC 6455 §5.4 a Ping between two fragments is answered at once and the message stays whole", () => {
		const bench = new Bench().open();
		bench.socket.deliver(hex("01 03 48 65 6c  89 05 48 65 6c 6c 6f"));
		const frames = bench.frames();
		expect(frames).toEqual([{ fin: true, opcode: 10, payload: Buffer.from("Hello") }]);
		bench.socket.deliver(hex("80 02 6c 6f"));
		expect(bench.notes.messages).toEqual(["Hello"]);
	});

	it("RFC 6455 §5.2 lengths of 0, 125, 126, 127, 65535 and 65536 bytes are read in all forms that hold them", () => {
		for (const [count, forms] of [
			[0, [7, 16, 64]], [1, [7, 16, 64]], [125, [7, 16, 64]], [126, [16, 64]], [127, [16, 64]], [LIMITS.rxBytes, [16, 64]],
			[65535, [16, 64]], [65536, [64]],
		] as [number, (7 | 16 | 64)[]][]) {
			for (const form of forms) {
				const bench = new Bench().open();
				bench.socket.deliver(frame(TEXT, Buffer.alloc(count, 0x61), form));
				bench.socket.deliver(frame(TEXT, "next"));
				expect(bench.notes.events).toEqual([`message ${count}`, "message 4"]);
				expect(bench.notes.messages).toEqual(["a".repeat(count > LIMITS.rxBytes ? HEAD_BYTES : count), "next"]);
			}
		}
	});

	it("B06.FR.17 a message longer than rx keeps its head, tells its length, and the next one is delivered", () => {
		const bench = new Bench().open();
		const text = '[2,"id","SetVariables",{"x":"' + "ä".repeat(20_000) + '"}]';
		const bytes = Buffer.from(text);
		bench.socket.deliver(Buffer.concat([
			frame(TEXT_PART, bytes.subarray(0, 5000)), frame(MORE, bytes.subarray(5000, 5001)), frame(LAST, bytes.subarray(5001)),
			frame(TEXT, '[3,"a",{}]'),
		]));
		expect(bench.notes.events).toEqual([`message ${bytes.length}`, "message 10"]);
		expect(Buffer.from(bench.notes.messages[0]).subarray(0, HEAD_BYTES - 1)).toEqual(bytes.subarray(0, HEAD_BYTES - 1));
		expect(bench.notes.messages[1]).toBe('[3,"a",{}]');
		expect(bench.webSocket.phase).toBe(Phase.open);
		const told = bench.traffic.filter((piece) => !piece.outgoing);
		expect(told.map((piece) => piece.text).join("")).toBe(bytes.toString("latin1") + '[3,"a",{}]');
		expect(told.filter((piece) => piece.last).length).toBe(2);
	});

	it("RFC 6455 §5.2 a length of 2^31 and more is refused with 1009, one just below is taken", () => {
		for (const [length, code] of [["00 00 00 00 80 00 00 00", 1009], ["80 00 00 00 00 00 00 05", 1009], ["ff ff ff ff ff ff ff ff", 1009]]) {
			const bench = new Bench().open();
			bench.socket.deliver(hex("81 7f" + length));
			expect(closeCodeOf(bench)).toBe(code as number);
		}
		const bench = new Bench().open();
		bench.socket.deliver(hex("81 7f 00 00 00 00 7f ff ff ff 61 61"));
		expect(bench.frames()).toEqual([]);
		expect(bench.webSocket.phase).toBe(Phase.open);
	});

	const broken: [string, string, number][] = [
		["§5.1 a masked frame", "81 85 37 fa 21 3d 7f 9f 4d 51 58", 1002],
		["§5.2 RSV1", "c1 01 61", 1002],
		["§5.2 RSV2", "a1 01 61", 1002],
		["§5.2 RSV3", "91 01 61", 1002],
		["§5.2 RSV on a control frame", "c9 00", 1002],
		["§5.2 opcode 3", "83 00", 1002],
		["§5.2 opcode 7", "87 01 61", 1002],
		["§5.2 opcode 11", "8b 00", 1002],
		["§5.2 opcode 15", "8f 00", 1002],
		["§5.6 a binary message", "82 01 61", 1003],
		["§5.6 the first fragment of a binary message", "02 01 61", 1003],
		["§5.4 a continuation without a beginning", "80 01 61", 1002],
		["§5.4 an unfinished continuation without a beginning", "00 01 61", 1002],
		["§5.4 a new text in the middle of a message", "01 01 61 81 01 61", 1002],
		["§5.4 a binary frame in the middle of a message", "01 01 61 82 01 61", 1002],
		["§5.4 a continuation after the last fragment", "01 01 61 80 01 61 80 01 61", 1002],
		["§5.5 a fragmented Ping", "09 00", 1002],
		["§5.5 a fragmented Close", "08 00", 1002],
		["§5.5 a Ping of 126 bytes", "89 7e 00 7e", 1002],
		["§5.5 a Pong with a 64-bit length", "8a 7f", 1002],
		["§5.5.1 a Close with half a code", "88 01 03", 1002],
		["§7.4 Close with 999", "88 02 03 e7", 1002],
		["§7.4 Close with 1004", "88 02 03 ec", 1002],
		["§7.4 Close with 1005", "88 02 03 ed", 1002],
		["§7.4 Close with 1006", "88 02 03 ee", 1002],
		["§7.4 Close with 1015", "88 02 03 f7", 1002],
		["§7.4 Close with 2999", "88 02 0b b7", 1002],
		["§7.4 Close with 5000", "88 02 13 88", 1002],
		["§5.5.1 a Close reason that is not UTF-8", "88 03 03 e8 ff", 1007],
		["§5.5.1 a Close reason with a cut character", "88 04 03 e8 e2 82", 1007],
		["§8.1 text with a byte FF", "81 01 ff", 1007],
		["§8.1 text with a lone continuation", "81 02 61 80", 1007],
		["§8.1 text with an overlong slash", "81 02 c0 af", 1007],
		["§8.1 text with a surrogate", "81 03 ed a0 80", 1007],
		["§8.1 text above U+10FFFF", "81 04 f4 90 80 80", 1007],
		["§8.1 text that ends inside a character", "81 02 e2 82", 1007],
		["§8.1 a bad byte in the second fragment", "01 01 61 80 01 fe", 1007],
		["§8.1 a character that the next fragment does not continue", "01 01 e2 80 02 61 61", 1007],
		["§8.1 an empty last fragment inside a character", "01 01 e2 80 00", 1007],
	];
	for (const [what, bytes, code] of broken) {
		it(`RFC 6455 ${what} closes with ${code}, and what follows is not looked at`, () => {
			const bench = new Bench().open();
			bench.socket.deliver(hex(bytes));
			expect(closeCodeOf(bench)).toBe(code);
			expect(bench.webSocket.phase).toBe(Phase.ending);
			const before = bench.notes.messages.length;
			bench.socket.deliver(Buffer.concat([frame(TEXT, "more"), frame(PING, ""), frame(CLOSE, hex("03 e8"))]));
			expect(bench.notes.messages.length).toBe(before);
			expect(bench.socket.unread).toBe(0);
			expect(bench.frames()).toEqual([]);
			expect(bench.webSocket.send(new Text("no"))).toBe(false);
			bench.socket.fail(SocketError.closed);
			expect(bench.notes.events.slice(-2)).toEqual(["closing", `closed ${code} 0 ${TransportFault.protocol}`]);
			expect(bench.webSocket.phase).toBe(Phase.idle);
		});
	}

	it("RFC 6455 §8.1 characters of 2, 3 and 4 bytes may be cut by fragments at any place", () => {
		const bytes = Buffer.from("aä€\u{10ffff}\u{10000}\ud7ff\ue000z");
		for (let cut = 0; cut <= bytes.length; cut++) {
			const bench = new Bench().open();
			bench.socket.deliver(frame(TEXT_PART, bytes.subarray(0, cut)));
			bench.socket.deliver(frame(LAST, bytes.subarray(cut)));
			expect(bench.notes.messages).toEqual([bytes.toString()]);
		}
	});

	it("RFC 6455 §7.4 every code that a peer may send is echoed and reported", () => {
		for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]) {
			const bench = new Bench().open();
			bench.socket.deliver(frame(CLOSE, Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from("bye ä")])));
			expect(closeCodeOf(bench)).toBe(code);
			expect(bench.notes.events).toEqual([`closed ${code} 0 0`]);
			expect(bench.socket.closed).toBe(true);
		}
	});

	it("RFC 6455 §7.1.5 a Close without a code is answered by one without a code and reported as 1005", () => {
		const bench = new Bench().open();
		bench.socket.deliver(frame(CLOSE, ""));
		expect(closeCodeOf(bench)).toBe(1005);
		expect(bench.notes.events).toEqual(["closed 1005 0 0"]);
	});

	it("an end of the socket without a Close is reported with the socket's error", () => {
		const bench = new Bench().open();
		bench.socket.deliver(hex("81 05 48"));
		bench.socket.fail(SocketError.closed);
		expect(bench.notes.events).toEqual([`closed 0 0 ${SocketError.closed}`]);
	});

	it("a message of more than fragmentsMax frames is refused with 1008, one of exactly so many is delivered", () => {
		const bench = new Bench().open();
		const part = frame(MORE, "a");
		const most = [frame(TEXT_PART, "a"), ...Array<Buffer>(LIMITS.fragmentsMax - 2).fill(part)];
		bench.socket.deliver(Buffer.concat([...most, frame(LAST, "z")]));
		expect(bench.notes.events).toEqual([`message ${LIMITS.fragmentsMax}`]);
		bench.socket.deliver(Buffer.concat([...most, part, frame(LAST, "z")]));
		expect(closeCodeOf(bench)).toBe(1008);
	});

	it("a flood of empty fragments is refused with 1008", () => {
		const bench = new Bench().open();
		bench.socket.deliver(Buffer.concat([frame(TEXT_PART, ""), ...Array<Buffer>(1000).fill(frame(MORE, ""))]));
		expect(closeCodeOf(bench)).toBe(1008);
	});

	it("a flood of Pings without a message is refused with 1008", () => {
		const bench = new Bench().open();
		bench.socket.deliver(Buffer.concat(Array<Buffer>(LIMITS.fragmentsMax).fill(frame(PING, ""))));
		expect(bench.frames().length).toBe(LIMITS.fragmentsMax);
		bench.socket.deliver(frame(PONG, ""));
		expect(closeCodeOf(bench)).toBe(1008);
	});

	it("Pings at a sane rate never end the connection, nor do many with messages between them", () => {
		const bench = new Bench().open();
		for (let i = 0; i < 1000; i++) {
			bench.clock.advance(1000);
			bench.socket.deliver(frame(PING, "a"));
		}
		for (let i = 0; i < 100; i++) {
			bench.socket.deliver(Buffer.concat(Array<Buffer>(10).fill(frame(PING, ""))));
			bench.socket.deliver(frame(TEXT, "m"));
		}
		expect(bench.frames().length).toBe(2000);
		expect(bench.webSocket.phase).toBe(Phase.open);
	});

	it("RFC 6455 §5.5.3 a Pong that nobody asked for is ignored, of any length", () => {
		const bench = new Bench().open();
		for (let count = 0; count <= 125; count += 5) {
			bench.clock.advance(LIMITS.controlWindowMs);
			bench.socket.deliver(frame(PONG, Buffer.alloc(count, 7)));
		}
		bench.socket.deliver(frame(TEXT, "still"));
		expect(bench.notes.messages).toEqual(["still"]);
		expect(bench.frames()).toEqual([]);
	});

	it("RFC 6455 §5.5.3 while a Pong cannot leave, the newest Ping takes its place, and an unasked Pong harms neither", () => {
		const bench = new Bench().open();
		bench.socket.writable = 0;
		bench.socket.deliver(Buffer.concat([frame(PING, "first"), frame(PING, "second ".repeat(17)), frame(PONG, "x".repeat(125))]));
		bench.socket.deliver(frame(PING, Buffer.from("newest")).subarray(0, 4));
		bench.socket.drain(50);
		bench.socket.deliver(Buffer.from("west"));
		bench.socket.drain();
		const pongs = bench.frames().map((one) => one.payload.toString());
		// The first was in tx already; the second was overtaken before it could be sent.
		expect(pongs).toEqual(["first", "newest"]);
	});

	it("hold() stops reading after the message at hand and goes on where it stopped", () => {
		const bench = new Bench().open();
		bench.notes.then = () => bench.webSocket.hold(true);
		bench.socket.deliver(Buffer.concat([frame(TEXT, "one"), frame(TEXT, "two"), frame(TEXT, "three")]));
		expect(bench.notes.messages).toEqual(["one"]);
		bench.webSocket.hold(false);
		expect(bench.notes.messages).toEqual(["one", "two"]);
		let depth = 0;
		let deepest = 0;
		bench.notes.then = () => {
			deepest = Math.max(deepest, ++depth);
			bench.webSocket.hold(true);
			bench.webSocket.hold(false);
			depth--;
		};
		bench.webSocket.hold(false);
		bench.socket.deliver(Buffer.concat([frame(TEXT, "four"), frame(TEXT, "five")]));
		expect(bench.notes.messages).toEqual(["one", "two", "three", "four", "five"]);
		// rx belongs to the callee until onMessage returns.
		expect(deepest).toBe(1);
	});

	it("RFC 6455 §5.5.1 a peer that breaks the protocol after our Close gets no second one", () => {
		const bench = new Bench().open();
		bench.webSocket.close(1000);
		expect(closeCodeOf(bench)).toBe(1000);
		bench.socket.deliver(hex("83 00"));
		bench.socket.drain();
		expect(bench.frames()).toEqual([]);
		bench.socket.fail(SocketError.closed);
		expect(bench.notes.events).toEqual([`closed 1002 0 ${TransportFault.protocol}`]);
	});

	it("abort() and close() inside onMessage end the reading there", () => {
		const bench = new Bench().open();
		bench.notes.then = () => bench.webSocket.abort();
		bench.socket.deliver(Buffer.concat([frame(TEXT, "one"), frame(TEXT, "two")]));
		expect(bench.notes.events).toEqual(["message 3"]);
		expect(bench.socket.closed).toBe(true);

		const other = new Bench().open();
		other.notes.then = () => other.webSocket.close(1000);
		other.socket.deliver(Buffer.concat([frame(TEXT, "one"), frame(TEXT, "two")]));
		expect(other.notes.events).toEqual(["message 3"]);
		other.socket.deliver(frame(CLOSE, hex("03 e8")));
		expect(other.notes.events).toEqual(["message 3", "closed 1000 0 0"]);
	});
});

describe("transport: the same bytes in any split", () => {
	const tail = Buffer.concat([
		frame(TEXT, "first"), frame(PING, "p1"), frame(TEXT_PART, "aä€".repeat(60)), frame(PING, "p".repeat(125)),
		frame(MORE, ""), frame(PONG, "zz"), frame(LAST, "end", 64), frame(TEXT, "b".repeat(300)), frame(TEXT, "", 16),
		frame(TEXT, "c".repeat(LIMITS.rxBytes + 77)), frame(TEXT, "d", 16), frame(CLOSE, Buffer.concat([hex("0f a0"), Buffer.from("done")])),
	]);

	function run(split: (count: number) => number): { events: string[]; messages: string[]; written: Buffer[] } {
		const bench = new Bench(5);
		const bytes = Buffer.concat([answerTo(bench.request()), tail]);
		for (let at = 0; at < bytes.length; ) {
			const count = Math.max(1, split(bytes.length - at));
			bench.socket.deliver(bytes.subarray(at, at + count));
			at += count;
		}
		return { events: bench.notes.events, messages: bench.notes.messages, written: bench.frames().map((one) => one.payload) };
	}

	const whole = run((count) => count);

	it("all at once: every message, Pong and the Close are there", () => {
		expect(whole.events).toEqual([
			"open", "message 5", "message 363", "message 300", "message 0", `message ${LIMITS.rxBytes + 77}`, "message 1", "closed 4000 0 0",
		]);
		expect(whole.written.map((one) => one.length)).toEqual([2, 125, 2]);
	});

	it("one byte at a time", () => {
		expect(run(() => 1)).toEqual(whole);
	});

	it("300 random splits", () => {
		const chance = new SeededEntropy(99);
		for (let i = 0; i < 300; i++) {
			const most = [2, 5, 20, 300, 3000][i % 5];
			expect(run(() => 1 + chance.below(most))).toEqual(whole);
		}
	});

	it("cut in two at every place of the handshake and the first frames", () => {
		for (let cut = 1; cut < 700; cut++) {
			let first = true;
			expect(run((count) => {
				const now = first ? cut : count;
				first = false;
				return now;
			})).toEqual(whole);
		}
	});
});

describe("transport: sending", () => {
	it("RFC 6455 §5.3 a short text goes out as one masked frame, and onSent follows", () => {
		const bench = new Bench().open();
		expect(bench.webSocket.send(new Text("Hello"))).toBe(true);
		const bytes = bench.socket.taken();
		expect(bytes.length).toBe(2 + 4 + 5);
		expect(bytes.subarray(6).toString()).not.toBe("Hello");
		expect(framesOf(bytes)).toEqual([{ fin: true, opcode: 1, payload: Buffer.from("Hello") }]);
		expect(bench.notes.events).toEqual(["sent"]);
		expect(bench.webSocket.sending).toBe(false);
	});

	it("every frame has a mask of its own", () => {
		const bench = new Bench().open();
		const masks = new Set<string>();
		for (let i = 0; i < 50; i++) {
			bench.webSocket.send(new Text("same"));
			masks.add(bench.socket.taken().subarray(2, 6).toString("hex"));
		}
		expect(masks.size).toBe(50);
	});

	it("a long text goes out in fragments of txBytes whatever the steps of its source", () => {
		const text = "0123456789".repeat(333);
		for (const step of [1, 7, 100, 511, 512, 513, Infinity]) {
			const bench = new Bench().open();
			bench.webSocket.send(new Text(text, step));
			const frames = bench.frames();
			expect(Buffer.concat(frames.map((one) => one.payload)).toString()).toBe(text);
			expect(frames.map((one) => one.opcode)).toEqual([1, ...Array<number>(frames.length - 1).fill(0)]);
			expect(frames.map((one) => one.fin)).toEqual([...Array<boolean>(frames.length - 1).fill(false), true]);
			expect(frames.slice(0, -1).every((one) => one.payload.length === LIMITS.txBytes)).toBe(true);
			expect(bench.notes.events).toEqual(["sent"]);
			const told = bench.traffic.filter((piece) => piece.outgoing);
			expect(told.map((piece) => piece.text).join("")).toBe(text);
			expect(told.map((piece) => piece.last)).toEqual([...Array<boolean>(told.length - 1).fill(false), true]);
		}
	});

	it("payloads of 0, 125, 126, txBytes and txBytes + 1 bytes have the right length form", () => {
		for (const count of [0, 1, 125, 126, 127, LIMITS.txBytes, LIMITS.txBytes + 1]) {
			const bench = new Bench().open();
			bench.webSocket.send(new Text("x".repeat(count)));
			const frames = bench.frames();
			expect(frames.length).toBe(count > LIMITS.txBytes ? 2 : 1);
			expect(frames.reduce((sum, one) => sum + one.payload.length, 0)).toBe(count);
		}
	});

	it("never more than `writable` is written, no slivers, and the frames are the same for every window", () => {
		const text = "abcdefghijklmnop".repeat(100);
		for (const window of [1, 3, 64, 65, 100, 518, 520, 521, 2000]) {
			const bench = new Bench().open();
			bench.socket.writable = 0;
			bench.socket.writes.length = 0;
			bench.webSocket.send(new Text(text));
			for (let turns = 0; !bench.notes.events.includes("sent"); turns++) {
				expect(turns).toBeLessThan(3000);
				bench.socket.drain(window);
			}
			const sizes = bench.socket.writes;
			const frames = bench.frames();
			expect(frames.length).toBe(4);
			expect(Buffer.concat(frames.map((one) => one.payload)).toString()).toBe(text);
			// Only the end of a frame may be smaller than what a write is waited for.
			expect(sizes.filter((size) => size < 64).length).toBeLessThanOrEqual(4);
		}
	});

	it("the source is asked only when the socket takes bytes", () => {
		const bench = new Bench().open();
		bench.socket.writable = 0;
		const text = new Text("x".repeat(5000));
		bench.webSocket.send(text);
		expect(text.fills).toBe(1);
		bench.socket.drain(519);
		expect(text.fills).toBe(1);
		bench.socket.drain(64);
		expect(text.fills).toBe(2);
	});

	it("only one message at a time; the second is refused and the first unharmed", () => {
		const bench = new Bench().open();
		bench.socket.writable = 0;
		expect(bench.webSocket.send(new Text("first"))).toBe(true);
		expect(bench.webSocket.send(new Text("second"))).toBe(false);
		expect(bench.webSocket.sending).toBe(true);
		bench.socket.drain();
		expect(bench.frames().map((one) => one.payload.toString())).toEqual(["first"]);
		expect(bench.webSocket.send(new Text("second"))).toBe(true);
	});

	it("onSent may start the next message", () => {
		const bench = new Bench().open();
		let left = 5;
		bench.notes.then = (event) => {
			if (event === "sent" && left-- > 0) bench.webSocket.send(new Text("n" + left));
		};
		bench.webSocket.send(new Text("start"));
		expect(bench.frames().map((one) => one.payload.toString())).toEqual(["start", "n4", "n3", "n2", "n1", "n0"]);
		expect(bench.notes.events.length).toBe(6);
	});

	it("RFC 6455 §5.4 Pong and Ping go between the fragments of a message", () => {
		const bench = new Bench().open();
		bench.socket.writable = 0;
		bench.webSocket.send(new Text("x".repeat(1200)));
		bench.socket.deliver(frame(PING, "hi"));
		bench.webSocket.ping();
		bench.socket.drain();
		expect(bench.frames().map((one) => [one.opcode, one.payload.length, one.fin])).toEqual([
			[1, 512, false], [10, 2, true], [9, 2, true], [0, 512, false], [0, 176, true],
		]);
	});

	it("a Ping is answered only by its own Pong", () => {
		const bench = new Bench().open();
		bench.webSocket.ping();
		const payload = bench.frames()[0].payload;
		bench.webSocket.ping();
		expect(bench.frames()).toEqual([]);
		bench.socket.deliver(frame(PONG, Buffer.of(payload[0], payload[1] ^ 1)));
		bench.socket.deliver(frame(PONG, Buffer.concat([payload, payload])));
		bench.socket.deliver(frame(PONG, ""));
		expect(bench.webSocket.pinging).toBe(true);
		bench.socket.deliver(frame(PONG, payload));
		expect(bench.webSocket.pinging).toBe(false);
		bench.webSocket.ping();
		expect(bench.frames()[0].payload).not.toEqual(payload);
	});

	it("a source that hands out nothing and is not done closes with 1011", () => {
		const bench = new Bench().open();
		expect(bench.webSocket.send({ done: false, fill: () => 0 })).toBe(true);
		expect(closeCodeOf(bench)).toBe(1011);
		expect(bench.notes.events).toEqual(["closing"]);
	});

	it("close() cuts a message between two frames, sends the code and waits for the peer's Close", () => {
		const bench = new Bench().open();
		bench.socket.writable = 0;
		bench.webSocket.send(new Text("x".repeat(2000)));
		bench.socket.drain(600 - 1);
		bench.webSocket.close(1001);
		bench.socket.drain();
		const frames = bench.frames();
		expect(frames.map((one) => one.opcode)).toEqual([1, 0, 8]);
		expect(frames[2].payload.readUInt16BE(0)).toBe(1001);
		expect(bench.webSocket.phase).toBe(Phase.closing);
		bench.socket.deliver(Buffer.concat([frame(TEXT, "late"), frame(PING, ""), frame(CLOSE, hex("03 e9"))]));
		expect(bench.notes.events).toEqual(["closed 1001 0 0"]);
		expect(bench.frames()).toEqual([]);
		expect(bench.socket.closed).toBe(true);
	});

	it("close() on both sides at once ends after both Closes have passed", () => {
		const bench = new Bench().open();
		bench.socket.writable = 0;
		bench.webSocket.close(1000);
		bench.socket.deliver(frame(CLOSE, hex("03 e9")));
		expect(bench.notes.events).toEqual([]);
		bench.socket.drain();
		expect(bench.frames().map((one) => one.opcode)).toEqual([8]);
		expect(bench.notes.events).toEqual(["closed 1001 0 0"]);
	});

	it("after close() the end of the socket counts as an orderly end", () => {
		const bench = new Bench().open();
		bench.webSocket.close(1000);
		bench.socket.fail(SocketError.closed);
		expect(bench.notes.events).toEqual(["closed 1000 0 0"]);
	});

	it("abort() is silent, may be repeated, and leaves the WebSocket ready for the next connection", () => {
		const bench = new Bench().open();
		bench.socket.deliver(hex("01 03 48 65"));
		bench.socket.writable = 0;
		bench.webSocket.send(new Text("x".repeat(700)));
		bench.webSocket.abort();
		bench.webSocket.abort();
		expect(bench.notes.events).toEqual([]);
		expect(bench.socket.closed).toBe(true);
		bench.open();
		bench.socket.deliver(frame(TEXT, "fresh"));
		expect(bench.notes.messages).toEqual(["fresh"]);
		bench.webSocket.send(new Text("new"));
		expect(bench.frames().map((one) => [one.opcode, one.payload.toString()])).toEqual([[1, "new"]]);
	});
});

describe("transport: hostile bytes", () => {
	it("20,000 random streams never throw, and every one ends open or with a Close of ours", () => {
		const chance = new SeededEntropy(4711);
		const seen = new Map<number, number>();
		for (let i = 0; i < 20_000; i++) {
			const bench = new Bench(i).open();
			const bytes = new Uint8Array(2 + chance.below(60));
			chance.fill(bytes, 0, bytes.length);
			if (i % 2 === 0) bytes[0] = [0x01, 0x81, 0x80, 0x00, 0x89, 0x8a, 0x88][chance.below(7)];
			if (i % 2 === 0) bytes[1] &= 0x7f;
			bench.socket.deliver(bytes);
			const closes = bench.frames().filter((one) => one.opcode === 8);
			const code = closes.length === 0 ? 0 : closes[0].payload.length === 0 ? 1005 : closes[0].payload.readUInt16BE(0);
			seen.set(code, (seen.get(code) ?? 0) + 1);
			expect(closes.length).toBe(bench.webSocket.phase === Phase.open ? 0 : 1);
		}
		for (const code of [0, 1002, 1003, 1007, 1009]) expect(seen.get(code) ?? 0).toBeGreaterThan(0);
	});
});
