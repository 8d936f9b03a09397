// A hostile network under TLS, seen by the whole station: what never ends is ended in bounded time, attempts have pauses, nothing
// reboots, and when the network is good again the station is back. Source: OCPP 2.0.1 Part 4 §5.2, §5.3.

import * as net from "node:net";
import { LogCode } from "../../modules/ports/events.js";
import { rigPerCase, type Rig } from "./rig.js";
import { Front, QUICK, passUntil, serverFor, setProfile, install, ROOT } from "./tls-front.js";

/** A network between station and server that does what it is told. */
class Road {
	attempts = 0;
	/** Connections that the station has ended by itself. */
	left = 0;
	/** Bytes from the server that still pass; then `then` happens. */
	passes = Infinity;
	then: "silence" | "reset" = "silence";
	/** Bytes from the server pass one by one, one each millisecond. */
	isDripping = false;
	private readonly open = new Set<net.Socket>();
	private constructor(private readonly server: net.Server, private readonly target: () => number) {
		server.on("connection", (near) => this.join(near));
	}

	static async open(target: () => number): Promise<Road> {
		const server = net.createServer();
		await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
		return new Road(server, target);
	}

	get url(): string {
		return `wss://127.0.0.1:${(this.server.address() as net.AddressInfo).port}/ocpp`;
	}

	private join(near: net.Socket): void {
		this.attempts++;
		const far = net.connect(this.target(), "127.0.0.1");
		for (const socket of [near, far]) {
			this.open.add(socket);
			socket.on("error", () => undefined);
			socket.on("close", () => this.open.delete(socket));
		}
		near.on("close", () => {
			this.left++;
			far.destroy();
		});
		far.on("close", () => near.end());
		near.on("data", (data) => {
			if (this.passes > 0) far.write(data);
			else if (this.then === "reset") near.resetAndDestroy();
		});
		let dripAt = 0;
		far.on("data", (data) => {
			const count = Math.min(this.passes, data.length);
			if (this.isDripping) {
				dripAt = Math.max(dripAt, performance.now());
				for (let i = 0; i < count; i++) setTimeout(() => near.write(data.subarray(i, i + 1)), ++dripAt - performance.now());
			}
			if (!this.isDripping && count > 0) near.write(data.subarray(0, count));
			this.passes -= count;
			if (this.passes <= 0 && this.then === "reset") near.resetAndDestroy();
		});
	}

	async close(): Promise<void> {
		for (const socket of this.open) socket.destroy();
		await new Promise((done) => this.server.close(done));
	}
}

describe("TLS: a hostile network", () => {
	const open = rigPerCase();

	/** A station on profile 2 behind a road. */
	async function ready(): Promise<{ rig: Rig; front: Front; road: Road }> {
		const rig = await open({ variables: { ...QUICK, "OCPPCommCtrlr.WebSocketPingInterval": "60" } });
		const front = await Front.open(rig, serverFor());
		const road = await Road.open(() => Number(new URL(front.url).port));
		expect(await setProfile(rig, 2, road.url, 2)).toBe("Accepted");
		expect(await install(rig, ROOT.pem)).toBe("Accepted");
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1")).toBe("Accepted");
		await rig.powerCut();
		expect(front.connections).toBe(1);
		return { rig, front, road };
	}

	/** The network is good again: the station comes back, in the same life as before, and serves. */
	async function recovers(rig: Rig, front: Front, road: Road): Promise<void> {
		road.passes = Infinity;
		road.isDripping = false;
		const connections = rig.csms.connections;
		await passUntil(rig, () => rig.csms.connections > connections, "connection");
		expect(await rig.get("SecurityCtrlr.SecurityProfile")).toBe("2");
		// The log is of one power-up: one boot, and no other since.
		expect(rig.desktop.board.log.times(LogCode.booted)).toBe(1);
		rig.powerOff();
		await road.close();
		await front.close();
	}

	for (const [what, bytes] of [["says nothing", 0], ["stops inside its first record", 60], ["stops inside its certificate", 300]] as const) {
		it(`Part 4 §5.3 a server that ${what} is left after MessageTimeout, with a pause before the next attempt`, async () => {
			const { rig, front, road } = await ready();
			road.passes = bytes;
			const before = [road.attempts, road.left];
			// Another server, so that no session is taken up again and the handshake is a long one.
			await front.become(serverFor());
			await rig.settle();
			for (let i = 0; i < 10; i++) {
				road.passes = bytes;
				await rig.advance(31_000);
				await new Promise((done) => setTimeout(done, 30));
			}
			// 310 s: each attempt takes 30 s, then a second passes.
			const attempts = road.attempts - before[0];
			expect(attempts).toBeGreaterThanOrEqual(9);
			expect(attempts).toBeLessThanOrEqual(11);
			expect(road.left - before[1]).toBeGreaterThanOrEqual(attempts - 1);
			expect(front.connections).toBe(1);
			await recovers(rig, front, road);
		}, 60_000);
	}

	it("Part 4 §5.3 a handshake byte by byte is slow, but it is one", async () => {
		const { rig, front, road } = await ready();
		road.isDripping = true;
		const connections = rig.csms.connections;
		await rig.csms.disconnect(true);
		for (let i = 0; i < 800 && rig.csms.connections === connections; i++) {
			await rig.advance(20);
			await new Promise((done) => setTimeout(done, 10));
		}
		expect(rig.csms.connections).toBe(connections + 1);
		await rig.settle();
		road.isDripping = false;
		await rig.csms.disconnect(true);
		await recovers(rig, front, road);
	}, 60_000);

	it("Part 4 §5.2 a half-open connection is cut when a ping stays without its pong, and made anew", async () => {
		const { rig, front, road } = await ready();
		road.passes = 0;
		const { attempts } = road;
		const lost = rig.desktop.board.log.times(LogCode.disconnected);
		await rig.advance(59_000);
		expect(rig.desktop.board.log.times(LogCode.disconnected)).toBe(lost);
		await rig.advance(33_000);
		expect(rig.desktop.board.log.times(LogCode.disconnected)).toBeGreaterThan(lost);
		await passUntil(rig, () => road.attempts > attempts, "attempt");
		await recovers(rig, front, road);
	}, 60_000);

	it("Part 4 §5.3 resets inside records, in the handshake and after it: an attempt each second, none lost, none doubled", async () => {
		const { rig, front, road } = await ready();
		road.then = "reset";
		road.passes = 1;
		await front.become(serverFor());
		const { attempts } = road;
		const places = [1, 40, 200, 400, 600, 800];
		for (const bytes of places) {
			road.passes = bytes;
			const least = road.attempts + 1;
			await passUntil(rig, () => road.attempts >= least && road.passes <= 0, "attempt");
		}
		expect(road.attempts - attempts).toBeGreaterThanOrEqual(places.length);
		expect(road.attempts - attempts).toBeLessThanOrEqual(2 * places.length);
		const connections = rig.csms.connections;
		road.passes = Infinity;
		await passUntil(rig, () => rig.csms.connections > connections, "connection");
		// The CSMS asks something, and the road ends in the middle of it.
		road.passes = 10;
		const least = road.attempts + 1;
		rig.csms.call("GetTransactionStatus", {}).catch(() => undefined);
		await passUntil(rig, () => road.attempts >= least, "attempt");
		await recovers(rig, front, road);
	}, 60_000);
});
