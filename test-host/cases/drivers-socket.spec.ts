import { SystemResolver } from "../../drivers/resolver-system.js";
import { type ResolveOptions, TcpSockets } from "../../drivers/socket-tcp.js";
import { SocketError } from "../../modules/ports/events.js";
import type { Socket } from "../../modules/ports/socket.js";
import { FakeTcp, FakeTimer } from "./drivers-fakes.js";

describe("drivers/socket-tcp", () => {
	let timer: FakeTimer;
	let events: string[];
	let lookups: ResolveOptions[];
	let up: boolean;
	let opened: number;

	class CountedTcp extends FakeTcp {
		constructor(options: FakeTcp["options"]) {
			super(options);
			opened++;
		}
	}
	function open(secure: boolean = false, onReadable?: (count: number) => void): Socket {
		const sockets = new TcpSockets({
			io: CountedTcp,
			resolver: { resolve: (options) => lookups.push(options) },
			timer,
			isUp: () => up,
		});
		return sockets.open({
			host: "csms.example",
			port: 8080,
			secure,
			onReadable: onReadable ?? ((count) => events.push(`readable ${count}`)),
			onWritable: (count) => events.push(`writable ${count}`),
			onError: (error) => events.push(`error ${error}`),
		});
	}
	function connect(onReadable?: (count: number) => void): Socket {
		const socket = open(false, onReadable);
		timer.advance(1);
		lookups[0].onResolved("csms.example", "192.0.2.7");
		FakeTcp.last.allow(1000);
		return socket;
	}

	beforeEach(() => {
		timer = new FakeTimer();
		events = [];
		lookups = [];
		up = true;
		opened = 0;
	});

	it("looks the name up, connects to its address and tells the room", () => {
		const socket = connect();
		expect(lookups[0].host).toBe("csms.example");
		expect(FakeTcp.last.options).toEqual(jasmine.objectContaining({ address: "192.0.2.7", port: 8080 }));
		expect(events).toEqual(["writable 1000"]);
		expect(socket.writable).toBe(1000);
	});

	it("does nothing inside open()", () => {
		open();
		expect(lookups.length).toBe(0);
		expect(events).toEqual([]);
	});

	it("a secure address is unsupported, from an empty stack, without a look-up", () => {
		open(true);
		expect(events).toEqual([]);
		timer.advance(1);
		expect(events).toEqual([`error ${SocketError.unsupported}`]);
		expect(lookups.length).toBe(0);
	});

	it("without a network it fails as unresolved", () => {
		up = false;
		open();
		timer.advance(1);
		expect(events).toEqual([`error ${SocketError.unresolved}`]);
		expect(lookups.length).toBe(0);
	});

	it("an unknown name is unresolved; a socket that cannot be made or does not connect is refused", () => {
		open();
		timer.advance(1);
		lookups[0].onError("csms.example");
		open();
		timer.advance(1);
		lookups[1].onResolved("csms.example", "0.0.0.0");
		open();
		timer.advance(1);
		lookups[2].onResolved("csms.example", "192.0.2.7");
		FakeTcp.last.options.onError();
		expect(events).toEqual([
			`error ${SocketError.unresolved}`, `error ${SocketError.refused}`, `error ${SocketError.refused}`,
		]);
	});

	it("an end after the connection stood is closed, comes once, and the socket is closed under it", () => {
		connect();
		events.length = 0;
		FakeTcp.last.options.onError();
		FakeTcp.last.options.onError();
		expect(events).toEqual([`error ${SocketError.closed}`]);
		expect(FakeTcp.last.closed).toBe(1);
	});

	it("reads any range of the caller's buffer, never more than is there, and leaves the rest alone", () => {
		const socket = connect();
		const bytes = new Uint8Array(16).fill(0xee);
		FakeTcp.last.arrive([1, 2, 3, 4, 5]);
		expect(events).toContain("readable 5");
		expect(socket.read(bytes, 4, 7)).toBe(3);
		expect(socket.read(bytes, 10, 16)).toBe(2);
		expect(socket.read(bytes, 0, 16)).toBe(0);
		expect([...bytes]).toEqual([...Array(4).fill(0xee), 1, 2, 3, 0xee, 0xee, 0xee, 4, 5, ...Array(4).fill(0xee)]);
	});

	it("ranges count from the start of a view, not of its buffer", () => {
		const socket = connect();
		const whole = new Uint8Array(12);
		const bytes = new Uint8Array(whole.buffer, 4, 8);
		FakeTcp.last.arrive([1, 2, 3]);
		expect(socket.read(bytes, 1, 3)).toBe(2);
		socket.write(bytes, 1, 3);
		expect([...whole]).toEqual([0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0]);
		expect(FakeTcp.last.written).toEqual([1, 2]);
	});

	it("a long message read piece by piece makes one view", () => {
		const received: number[] = [];
		const bytes = new Uint8Array(256);
		const socket = connect(() => {
			for (;;) {
				const count = socket.read(bytes, 0, 256);
				if (count === 0) break;
				received.push(...bytes.subarray(0, count));
			}
		});
		const message = Array.from({ length: 5000 }, (_, i) => (i * 7) & 0xff);
		for (let at = 0; at < message.length; at += 700) FakeTcp.last.arrive(message.slice(at, at + 700));
		expect(received).toEqual(message);
		expect(FakeTcp.last.views.size).toBe(1);
	});

	it("writes ranges and knows the room that is left", () => {
		const socket = connect();
		const bytes = Uint8Array.from([1, 2, 3, 4, 5, 6]);
		socket.write(bytes, 1, 4);
		expect(socket.writable).toBe(997);
		socket.write(bytes, 1, 4);
		socket.write(bytes, 4, 4);
		expect(FakeTcp.last.written).toEqual([2, 3, 4, 2, 3, 4]);
		expect(FakeTcp.last.views.size).toBe(1);
		FakeTcp.last.allow(2);
		expect(() => socket.write(bytes, 0, 3)).toThrowError(RangeError);
		expect(FakeTcp.last.written.length).toBe(6);
	});

	it("close() before the look-up, before the connection and after it: quiet, and safe twice", () => {
		open().close();
		timer.advance(1);
		expect(lookups.length).toBe(0);
		const waiting = open();
		timer.advance(1);
		waiting.close();
		lookups[0].onResolved("csms.example", "192.0.2.7");
		expect(opened).toBe(0);
		const socket = open();
		timer.advance(1);
		lookups[1].onResolved("csms.example", "192.0.2.7");
		socket.close();
		socket.close();
		FakeTcp.last.options.onReadable(3);
		FakeTcp.last.options.onWritable(3);
		FakeTcp.last.options.onError();
		expect(FakeTcp.last.closed).toBe(1);
		expect(socket.read(new Uint8Array(4), 0, 4)).toBe(0);
		socket.write(new Uint8Array(4), 0, 4);
		expect(events).toEqual([]);
		expect(timer.count).toBe(0);
	});
});

describe("drivers/resolver-system", () => {
	it("calls exactly one of its two callbacks", () => {
		const calls: string[] = [];
		const answers: Record<string, string | undefined> = { "csms.example": "192.0.2.7", "nowhere.example": undefined };
		const resolver = new SystemResolver((host, callback) => callback(host, answers[host]));
		for (const host of Object.keys(answers)) {
			resolver.resolve({
				host,
				onResolved: (name, address) => calls.push(`${name} ${address}`),
				onError: (name) => calls.push(`${name} failed`),
			});
		}
		expect(calls).toEqual(["csms.example 192.0.2.7", "nowhere.example failed"]);
	});
});
