// When the station connects, waits, pings and gives up: virtual time, seeded chance, a fake socket.

import { LIMITS } from "../../preload/limits.js";
import { LogCode, SocketError } from "../../modules/ports/events.js";
import { Connection, ConnectionState, NEVER_MS, type ConnectionListener } from "../../modules/transport/connection.js";
import { TransportFault } from "../../modules/transport/faults.js";
import { newWebSocketBuffers } from "../../modules/transport/websocket.js";
import { TICKS_NEAR_WRAP, VirtualClock } from "../board/clock.js";
import { SeededEntropy } from "../board/entropy.js";
import { RingLog } from "../board/ring-log.js";
import { answerTo, FakeMaker, frame, framesOf, Text, type Frame } from "./transport-kit.js";

class Link implements ConnectionListener {
	readonly clock: VirtualClock;
	readonly maker = new FakeMaker();
	readonly log: RingLog;
	readonly settings = { waitMinimumSeconds: 10, randomRangeSeconds: 0, repeatTimes: 3, pingIntervalSeconds: 0, timeoutSeconds: 30 };
	readonly profile = { slot: 2, url: "ws://csms.example/ocpp", identity: "CS001", password: "" };
	readonly events: string[] = [];
	readonly connection: Connection;
	/** Milliseconds since the start at which each socket was opened. */
	readonly attemptsMs: number[] = [];
	wakes = 0;
	offlineAtOpenMs = -1;

	constructor(seed = 1, startTicks = TICKS_NEAR_WRAP) {
		this.clock = new VirtualClock(startTicks);
		this.log = new RingLog(this.clock);
		const host = {
			clock: this.clock,
			entropy: new SeededEntropy(seed),
			socket: this.maker,
			log: this.log,
			wake: () => void this.wakes++,
		};
		this.connection = new Connection(host, this.settings, this.profile, this, newWebSocketBuffers());
	}

	onOpen(): void {
		this.offlineAtOpenMs = this.connection.offlineMs;
		this.events.push("open");
	}

	onMessage(length: number): void {
		this.events.push("message " + length);
	}

	onSent(): void {
		this.events.push("sent");
	}

	onClosed(): void {
		this.events.push("closed");
	}

	/** Lets time pass as the station does: step when due, sleep as long as nextDueMs says. */
	run(ms: number): void {
		let leftMs = ms;
		this.step();
		for (let turns = 0; leftMs > 0; turns++) {
			if (turns > 100_000) throw new Error("nextDueMs does not let the station sleep");
			const sleepMs = Math.min(leftMs, Math.max(1, this.connection.nextDueMs));
			this.clock.advance(sleepMs);
			leftMs -= sleepMs;
			this.step();
		}
	}

	step(): void {
		const before = this.maker.sockets.length;
		this.connection.step();
		if (this.maker.sockets.length > before) this.attemptsMs.push(this.clock.elapsedMs);
	}

	/** The far end takes the upgrade. */
	accept(): void {
		const socket = this.maker.last;
		socket.drain();
		socket.deliver(answerTo(socket.taken()));
	}

	opened(): this {
		this.connection.start();
		this.step();
		this.accept();
		if (!this.connection.isOpen) throw new Error("did not open");
		return this;
	}

	refuse(): void {
		this.maker.last.fail(SocketError.refused);
	}

	frames(): Frame[] {
		return framesOf(this.maker.last.taken());
	}

	/** Waits between attempts when each of `count` fails at once. */
	waitsOf(count: number): number[] {
		const waits: number[] = [];
		for (let i = 0; i < count; i++) {
			this.refuse();
			const before = this.clock.elapsedMs;
			const attempts = this.maker.sockets.length;
			while (this.maker.sockets.length === attempts) this.run(Math.max(1, this.connection.nextDueMs));
			waits.push(this.clock.elapsedMs - before);
		}
		return waits;
	}
}

describe("transport: back-off", () => {
	it("Part 4 §5.3 the first attempt comes at once, then the minimum doubles at most repeatTimes times", () => {
		const link = new Link();
		link.connection.start();
		expect(link.connection.nextDueMs).toBe(0);
		link.step();
		expect(link.attemptsMs).toEqual([0]);
		expect(link.waitsOf(7)).toEqual([10_000, 20_000, 40_000, 80_000, 80_000, 80_000, 80_000]);
		expect(link.connection.refused).toBe(0);
	});

	it("Part 4 §5.3 repeatTimes 0 never doubles", () => {
		const link = new Link();
		link.settings.repeatTimes = 0;
		link.connection.start();
		link.step();
		expect(link.waitsOf(4)).toEqual([10_000, 10_000, 10_000, 10_000]);
	});

	it("Part 4 §5.3 every wait has a new random part within the range", () => {
		const link = new Link(42);
		link.settings.randomRangeSeconds = 8;
		link.settings.repeatTimes = 2;
		link.connection.start();
		link.step();
		const waits = link.waitsOf(400);
		const jitters = waits.map((waitMs, n) => waitMs - 10_000 * Math.pow(2, Math.min(n, 2)));
		expect(Math.min(...jitters)).toBeGreaterThanOrEqual(0);
		expect(Math.max(...jitters)).toBeLessThanOrEqual(8000);
		expect(Math.min(...jitters)).toBeLessThan(400);
		expect(Math.max(...jitters)).toBeGreaterThan(7600);
		expect(new Set(jitters).size).toBeGreaterThan(350);
		const mean = jitters.reduce((sum, one) => sum + one, 0) / jitters.length;
		expect(Math.abs(mean - 4000)).toBeLessThan(400);
	});

	it("two stations with other chance wait differently, the same chance gives the same waits", () => {
		const waits = (seed: number): number[] => {
			const link = new Link(seed);
			link.settings.randomRangeSeconds = 60;
			link.connection.start();
			link.step();
			return link.waitsOf(5);
		};
		expect(waits(7)).toEqual(waits(7));
		expect(waits(7)).not.toEqual(waits(8));
	});

	it("Part 4 §5.3 (errata) after a success the wait starts from the minimum again", () => {
		const link = new Link();
		link.connection.start();
		link.step();
		link.waitsOf(3);
		link.accept();
		expect(link.connection.failures).toBe(0);
		expect(link.waitsOf(3)).toEqual([10_000, 20_000, 40_000]);
		expect(link.events).toEqual(["open", "closed"]);
	});

	it("changed variables apply to the next wait", () => {
		const link = new Link();
		link.connection.start();
		link.step();
		link.waitsOf(1);
		link.settings.waitMinimumSeconds = 3;
		expect(link.waitsOf(2)).toEqual([6000, 12_000]);
	});

	it("absurd variables end in a wait that is bounded", () => {
		const link = new Link();
		link.settings.waitMinimumSeconds = 1e9;
		link.settings.repeatTimes = 2_000_000_000;
		link.settings.randomRangeSeconds = 2_000_000_000;
		link.connection.start();
		link.step();
		expect(link.waitsOf(3)).toEqual([LIMITS.backOffMsMax, LIMITS.backOffMsMax, LIMITS.backOffMsMax]);
		link.settings.waitMinimumSeconds = -5;
		link.settings.repeatTimes = -1;
		link.settings.randomRangeSeconds = -1;
		link.refuse();
		expect(link.connection.nextDueMs).toBe(LIMITS.backOffMsMin);
	});

	it("a refused upgrade counts as a failure and its status can be read", () => {
		const link = new Link();
		link.connection.start();
		link.step();
		link.maker.last.drain();
		link.maker.last.deliver(Buffer.from("HTTP/1.1 401 Unauthorized\r\n\r\n"));
		expect([link.connection.httpStatus, link.connection.fault]).toEqual([401, TransportFault.status]);
		expect(link.connection.state).toBe(ConnectionState.waiting);
		expect(link.connection.nextDueMs).toBe(10_000);
		expect(link.log.last(1)[0]).toContain(`handshakeRefused 401 ${TransportFault.status}`);
		expect(link.events).toEqual([]);
	});

	it("a URL that cannot be used is logged and tried again with back-off, without a socket", () => {
		const link = new Link();
		link.profile.url = "http://wrong";
		link.connection.start();
		link.run(0);
		expect(link.connection.fault).toBe(TransportFault.urlScheme);
		link.run(70_000);
		expect(link.maker.sockets.length).toBe(0);
		expect(link.log.times(LogCode.handshakeRefused)).toBe(4);
		link.profile.url = "ws://right";
		link.run(80_000);
		expect(link.maker.sockets.length).toBe(1);
	});

	it("an attempt that hangs is cut after the message timeout, before the connection and inside the upgrade", () => {
		for (const connected of [false, true]) {
			const link = new Link();
			link.connection.start();
			link.step();
			if (connected) link.maker.last.drain();
			link.run(29_999);
			expect(link.connection.state).toBe(ConnectionState.opening);
			link.run(1);
			expect(link.connection.state).toBe(ConnectionState.waiting);
			expect(link.connection.fault).toBe(TransportFault.openTimeout);
			expect(link.maker.last.closed).toBe(true);
			link.run(10_000);
			expect(link.maker.sockets.length).toBe(2);
		}
	});

	it("the sequence is the same wherever the 32-bit clock starts", () => {
		const run = (startTicks: number): number[] => {
			const link = new Link(3, startTicks);
			link.settings.randomRangeSeconds = 20;
			link.connection.start();
			link.step();
			return link.waitsOf(6);
		};
		expect(run(0x7fffffff - 15_000)).toEqual(run(0));
		expect(run(-15_000)).toEqual(run(0));
	});
});

describe("transport: Ping", () => {
	it("Part 4 §5.2 a Ping goes out every pingIntervalSeconds and its Pong keeps the connection", () => {
		const link = new Link().opened();
		link.settings.pingIntervalSeconds = 60;
		for (let i = 0; i < 50; i++) {
			expect(link.connection.nextDueMs).toBe(60_000);
			link.run(59_999);
			expect(link.frames()).toEqual([]);
			link.run(1);
			const frames = link.frames();
			expect(frames.map((one) => one.opcode)).toEqual([9]);
			link.maker.last.deliver(frame(0x8a, frames[0].payload));
		}
		expect(link.events).toEqual(["open"]);
	});

	it("Part 4 §5.2 interval 0 sends no Ping, and switching it on starts a whole interval", () => {
		const link = new Link().opened();
		expect(link.connection.nextDueMs).toBe(NEVER_MS);
		for (let i = 0; i < 10; i++) link.run(100_000);
		expect(link.frames()).toEqual([]);
		link.settings.pingIntervalSeconds = 20;
		expect(link.connection.nextDueMs).toBe(20_000);
		link.run(19_999);
		expect(link.frames()).toEqual([]);
		link.run(1);
		expect(link.frames().length).toBe(1);
	});

	it("Part 4 §5.2 an unanswered Ping cuts the connection after the message timeout, and back-off follows", () => {
		const link = new Link().opened();
		link.settings.pingIntervalSeconds = 5;
		link.run(5000);
		link.run(29_999);
		expect(link.connection.isOpen).toBe(true);
		expect(link.frames().map((one) => one.opcode)).toEqual([9]);
		link.run(1);
		expect(link.events).toEqual(["open", "closed"]);
		expect(link.connection.fault).toBe(TransportFault.pongTimeout);
		expect(link.maker.last.closed).toBe(true);
		link.run(10_000);
		expect(link.maker.sockets.length).toBe(2);
	});

	it("a half-open socket that takes no bytes is found out the same way", () => {
		const link = new Link().opened();
		link.settings.pingIntervalSeconds = 5;
		link.maker.last.writable = 0;
		link.run(35_000);
		expect(link.events).toEqual(["open", "closed"]);
	});

	it("traffic of the peer does not stand in for the Pong", () => {
		const link = new Link().opened();
		link.settings.pingIntervalSeconds = 5;
		link.run(5000);
		for (let i = 0; i < 29; i++) {
			link.run(1000);
			link.maker.last.deliver(frame(0x8a, "zz"));
			link.maker.last.deliver(frame(0x81, "{}"));
		}
		link.run(1000);
		expect(link.connection.isOpen).toBe(false);
	});

	it("probe() asks at once, also with interval 0, and only once at a time", () => {
		const link = new Link().opened();
		link.run(1000);
		link.connection.probe();
		link.connection.probe();
		const frames = link.frames();
		expect(frames.length).toBe(1);
		expect(link.connection.nextDueMs).toBe(30_000);
		link.maker.last.deliver(frame(0x8a, frames[0].payload));
		expect(link.connection.nextDueMs).toBe(NEVER_MS);
		link.connection.probe();
		link.run(30_000);
		expect(link.connection.fault).toBe(TransportFault.pongTimeout);
	});
});

describe("transport: closing and opening again", () => {
	it("close(true) says 1000, and connects again at once with the password of the profile", () => {
		const link = new Link().opened();
		link.profile.password = "a new password of the station";
		link.connection.close(true);
		expect(link.connection.isOpen).toBe(false);
		expect(link.connection.send(new Text("late"))).toBe(false);
		expect(link.events).toEqual(["open"]);
		const frames = link.frames();
		expect(frames.map((one) => [one.opcode, one.payload.readUInt16BE(0)])).toEqual([[8, 1000]]);
		link.maker.last.deliver(frame(0x88, Buffer.of(3, 232)));
		expect(link.events).toEqual(["open", "closed"]);
		link.run(0);
		expect(link.maker.sockets.length).toBe(2);
		link.maker.last.drain();
		const request = link.maker.last.taken().toString();
		const found = /Authorization: Basic (\S+)/.exec(request);
		expect(Buffer.from(found?.[1] ?? "", "base64").toString()).toBe("CS001:a new password of the station");
	});

	it("close(true) that leads to a refused attempt goes on with back-off from the minimum", () => {
		const link = new Link().opened();
		link.connection.close(true);
		link.maker.last.deliver(frame(0x88, Buffer.of(3, 232)));
		link.run(0);
		expect(link.waitsOf(3)).toEqual([10_000, 20_000, 40_000]);
	});

	it("close(false) connects again after the back-off", () => {
		const link = new Link().opened();
		link.connection.close(false);
		link.maker.last.deliver(frame(0x88, Buffer.of(3, 232)));
		expect(link.connection.nextDueMs).toBe(10_000);
	});

	it("a peer that does not answer our Close is cut after closeMs", () => {
		const link = new Link().opened();
		link.connection.close(true);
		link.run(LIMITS.closeMs - 1);
		expect(link.events).toEqual(["open"]);
		link.run(1);
		expect(link.events).toEqual(["open", "closed"]);
		expect(link.connection.fault).toBe(TransportFault.closeTimeout);
		link.run(0);
		expect(link.maker.sockets.length).toBe(2);
	});

	it("a peer that breaks the protocol and does not go away is cut after closeMs, and back-off follows", () => {
		const link = new Link().opened();
		const wakes = link.wakes;
		link.maker.last.deliver([0x83, 0x00]);
		expect(link.wakes).toBeGreaterThan(wakes);
		expect(link.connection.state).toBe(ConnectionState.closing);
		for (let i = 0; i < 50; i++) {
			link.run(LIMITS.closeMs / 50);
			link.maker.last.deliver(Buffer.alloc(1000, 0x81));
		}
		expect(link.events).toEqual(["open", "closed"]);
		expect(link.connection.fault).toBe(TransportFault.protocol);
		expect(link.log.last(1)[0]).toContain(`disconnected 1002 ${TransportFault.protocol}`);
		expect(link.connection.nextDueMs).toBe(10_000);
	});

	it("a Close of the peer is echoed and followed by back-off", () => {
		const link = new Link().opened();
		link.maker.last.deliver(frame(0x88, Buffer.of(3, 233)));
		expect(link.frames().map((one) => one.payload.readUInt16BE(0))).toEqual([1001]);
		expect(link.events).toEqual(["open", "closed"]);
		expect(link.log.last(1)[0]).toContain("disconnected 1001 0");
		expect(link.connection.nextDueMs).toBe(10_000);
	});

	it("close(true) while waiting cuts the wait short, while connecting begins anew", () => {
		const link = new Link();
		link.connection.start();
		link.step();
		link.refuse();
		link.run(1000);
		link.connection.close(true);
		link.run(0);
		expect(link.maker.sockets.length).toBe(2);
		link.connection.close(true);
		expect(link.maker.sockets[1].closed).toBe(true);
		link.run(0);
		expect(link.maker.sockets.length).toBe(3);
		expect(link.events).toEqual([]);
	});

	it("stop() stays without a connection from every state until start()", () => {
		const stopped = (arrange: (link: Link) => void): void => {
			const link = new Link();
			arrange(link);
			link.connection.stop();
			link.connection.close(true);
			const sockets = link.maker.sockets.length;
			link.run(200_000);
			expect(link.connection.state).toBe(ConnectionState.idle);
			expect(link.maker.sockets.length).toBe(sockets);
			expect(link.connection.nextDueMs).toBe(NEVER_MS);
			link.connection.start();
			link.run(0);
			expect(link.maker.sockets.length).toBe(sockets + 1);
			expect(link.connection.refused).toBe(0);
		};
		stopped(() => undefined);
		stopped((link) => link.connection.start());
		stopped((link) => {
			link.connection.start();
			link.step();
		});
		stopped((link) => void link.opened());
		stopped((link) => {
			link.opened();
			link.connection.close(false);
		});
	});

	it("start() during a stop() takes it back", () => {
		const link = new Link().opened();
		link.connection.stop();
		expect(link.frames().map((one) => one.payload.readUInt16BE(0))).toEqual([1001]);
		link.connection.start();
		link.maker.last.deliver(frame(0x88, Buffer.of(3, 233)));
		link.run(0);
		expect(link.maker.sockets.length).toBe(2);
	});

	it("hold() does not keep the peer's Close from being read", () => {
		const link = new Link().opened();
		link.connection.hold(true);
		link.maker.last.deliver(frame(0x81, "one"));
		link.connection.close(false);
		link.connection.hold(true);
		link.maker.last.deliver(frame(0x88, Buffer.of(3, 232)));
		expect(link.events).toEqual(["open", "closed"]);
	});

	it("every onOpen is followed by one onClosed through 200 losses of all kinds", () => {
		const link = new Link(6);
		const chance = new SeededEntropy(17);
		link.settings.pingIntervalSeconds = 7;
		link.settings.randomRangeSeconds = 5;
		link.connection.start();
		for (let i = 0; i < 200; i++) {
			while (link.connection.state !== ConnectionState.opening) link.run(Math.max(1, link.connection.nextDueMs));
			if (chance.below(3) > 0) link.accept();
			const socket = link.maker.last;
			switch (chance.below(8)) {
				case 0: socket.fail(SocketError.closed); break;
				case 1: socket.deliver(frame(0x88, Buffer.of(3, 232))); break;
				case 2: socket.deliver([0x82, 0]); break;
				case 3: link.connection.close(true); break;
				case 4: link.connection.close(false); break;
				case 5: link.connection.send(new Text("x".repeat(3000))); link.run(100); socket.fail(SocketError.closed); break;
				case 6: link.connection.probe(); break;
				default: break;
			}
			link.run(60_000);
		}
		link.connection.stop();
		link.run(60_000);
		const opens = link.events.filter((event) => event === "open").length;
		expect(opens).toBeGreaterThan(80);
		expect(link.events.filter((event) => event === "closed").length).toBe(opens);
		let balance = 0;
		for (const event of link.events) {
			if (event === "open") balance++;
			if (event === "closed") balance--;
			expect(balance === 0 || balance === 1).toBe(true);
		}
		expect(link.connection.refused).toBe(0);
		expect(link.maker.sockets.every((socket) => socket.closed)).toBe(true);
	});
});

describe("transport: time without a connection", () => {
	it("B04 offlineMs counts from the loss and still tells its length in onOpen", () => {
		const link = new Link();
		link.run(5000);
		link.connection.start();
		link.run(2000);
		expect(link.connection.offlineMs).toBe(7000);
		// No step between this and the callback of the socket.
		link.clock.advance(500);
		link.accept();
		expect(link.offlineAtOpenMs).toBe(7500);
		link.run(50_000);
		expect(link.connection.offlineMs).toBe(7500);
		link.maker.last.fail(SocketError.closed);
		expect(link.connection.offlineMs).toBe(0);
		link.run(12_000);
		expect(link.connection.offlineMs).toBe(12_000);
		link.accept();
		expect(link.offlineAtOpenMs).toBe(12_000);
	});

	it("B04 offlineMs is right after 90 days, though the clock wraps after 49", () => {
		const link = new Link();
		link.settings.waitMinimumSeconds = 86_400;
		link.settings.repeatTimes = 0;
		link.opened();
		link.maker.last.fail(SocketError.closed);
		const day = 86_400_000;
		for (let i = 0; i < 90; i++) {
			link.run(day);
			link.refuse();
		}
		expect(link.connection.offlineMs).toBe(90 * day);
		expect(link.attemptsMs.length).toBe(91);
	});
});

describe("transport: messages through the connection", () => {
	it("send, onSent and onMessage pass through, and the log has connecting and connected", () => {
		const link = new Link().opened();
		expect(link.connection.send(new Text('[2,"1","Heartbeat",{}]'))).toBe(true);
		expect(link.frames().map((one) => one.payload.toString())).toEqual(['[2,"1","Heartbeat",{}]']);
		link.maker.last.deliver(frame(0x81, '[3,"1",{}]'));
		expect(Buffer.from(link.connection.rx.subarray(0, 10)).toString()).toBe('[3,"1",{}]');
		expect(link.events).toEqual(["open", "sent", "message 10"]);
		expect(link.log.last(2).map((line) => line.replace(/^.* (\w+ \d+ \d+)$/, "$1"))).toEqual(["connecting 2 1", "connected 2 0"]);
	});

	it("nothing is sent without a connection", () => {
		const link = new Link();
		expect(link.connection.send(new Text("x"))).toBe(false);
		link.connection.start();
		link.step();
		expect(link.connection.send(new Text("x"))).toBe(false);
		expect(link.connection.sending).toBe(false);
	});
});
