import { createServer, type AddressInfo, type Server, type Socket as NodeSocket } from "node:net";
import { NodeSocketMaker } from "../board/socket-node.js";
import type { Socket, SocketMaker, SocketOptions } from "../../modules/ports/socket.js";
import { SocketError } from "../../modules/ports/events.js";
import { VirtualClock } from "../board/clock.js";
import { NetGate } from "../board/net-gate.js";

/** A wire that shows what reached the other end. */
class Wire implements SocketMaker, Socket {
	opened = 0;
	closed = 0;
	arrived = "";
	writable = 1000;
	waiting = "";
	options!: SocketOptions;

	open(options: SocketOptions): Socket {
		this.opened++;
		this.options = options;
		return this;
	}

	read(bytes: Uint8Array, from: number, to: number): number {
		const count = Math.min(to - from, this.waiting.length);
		for (let at = 0; at < count; at++) bytes[from + at] = this.waiting.charCodeAt(at);
		this.waiting = this.waiting.slice(count);
		return count;
	}

	write(bytes: Uint8Array, from: number, to: number): void {
		this.arrived += Buffer.from(bytes.subarray(from, to)).toString("latin1");
	}

	close(): void {
		this.closed++;
	}
}

describe("board network interface", () => {
	let clock: VirtualClock;
	let wire: Wire;
	let gate: NetGate;
	let heard: string[];
	let socket: Socket;
	const open = (): Socket => gate.open({
		host: "h",
		port: 1,
		secure: false,
		onReadable: (count) => heard.push(`readable ${count}`),
		onWritable: (count) => heard.push(`writable ${count}`),
		onError: (error) => heard.push(`error ${error}`),
	});
	const send = (text: string): void => socket.write(Buffer.from(text), 0, text.length);

	beforeEach(() => {
		clock = new VirtualClock();
		wire = new Wire();
		gate = new NetGate(wire, clock);
		heard = [];
		socket = open();
		wire.options.onWritable(1000);
	});

	it("passes everything through while it is up", () => {
		send("abc");
		wire.waiting = "xyz";
		wire.options.onReadable(3);
		const bytes = new Uint8Array(5);
		expect(socket.read(bytes, 1, 5)).toBe(3);
		expect(Buffer.from(bytes).toString("latin1", 1, 4)).toBe("xyz");
		expect(wire.arrived).toBe("abc");
		expect(heard).toEqual(["writable 1000", "readable 3"]);
	});

	it("drop resets the connection and refuses new ones until it is up again", () => {
		gate.down("drop");
		expect(heard).toEqual(["writable 1000"]);
		clock.settle();
		expect(heard.slice(1)).toEqual([`error ${SocketError.closed}`]);
		expect(wire.closed).toBe(1);
		open();
		clock.settle();
		expect(heard.slice(2)).toEqual([`error ${SocketError.refused}`]);
		gate.up();
		open();
		expect(wire.opened).toBe(2);
	});

	it("in a black hole nothing passes and nobody is told", () => {
		gate.down("blackhole");
		send("lost?");
		wire.waiting = "answer";
		wire.options.onReadable(6);
		clock.advance(60_000);
		expect(wire.arrived).toBe("");
		expect(socket.read(new Uint8Array(6), 0, 6)).toBe(0);
		expect(heard).toEqual(["writable 1000"]);
		expect(socket.writable).toBeLessThan(16384);
	});

	it("what fell into the black hole is retransmitted when the network is back", () => {
		gate.down("blackhole");
		send("one ");
		send("two");
		wire.waiting = "answer";
		wire.options.onReadable(6);
		gate.up();
		clock.settle();
		expect(wire.arrived).toBe("one two");
		expect(heard).toEqual(["writable 1000", "writable 1000", "readable 6"]);
	});

	it("a connection that the station gave up in the black hole ends for the peer only when the network is back", () => {
		gate.down("blackhole");
		socket.close();
		expect(wire.closed).toBe(0);
		gate.up();
		clock.settle();
		expect(wire.closed).toBe(1);
		expect(heard).toEqual(["writable 1000"]);
	});

	it("connecting into a black hole takes until the network is back", () => {
		gate.down("blackhole");
		open();
		clock.advance(1000);
		expect(wire.opened).toBe(1);
		gate.up();
		expect(wire.opened).toBe(2);
	});

	it("drop is a reset on the wire, not an orderly end", async () => {
		const ends: string[] = [];
		let server!: Server;
		const accepted = new Promise<NodeSocket>((resolve) => (server = createServer((peer) => {
			peer.on("error", (error: NodeJS.ErrnoException) => ends.push(error.code ?? ""));
			peer.on("end", () => ends.push("end"));
			peer.resume();
			resolve(peer);
		})));
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		const real = new NetGate(new NodeSocketMaker(), clock);
		const port = (server.address() as AddressInfo).port;
		await new Promise<void>((resolve) => {
			real.open({
				host: "127.0.0.1", port, secure: false, onReadable: () => undefined, onWritable: () => resolve(), onError: () => undefined,
			});
		});
		const peer = await accepted;
		const closed = new Promise((resolve) => peer.on("close", resolve));
		real.down("drop");
		await closed;
		expect(ends).toEqual(["ECONNRESET"]);
		server.close();
	});
});
