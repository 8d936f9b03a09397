import { connect, type Socket } from "node:net";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as portEvents from "../../modules/ports/events.js";
import { EventCode, FaultBit, LogCode, RestartCause } from "../../modules/ports/events.js";
import { numbersOf } from "../board/enums.js";
import type { FlashPartition } from "../../modules/ports/flash.js";
import type { Host } from "../../modules/ports/host.js";
import { BoardMemory, StoreProblem } from "../board/board-memory.js";
import { DesktopClock } from "../board/clock.js";
import { SeededEntropy } from "../board/entropy.js";
import { ControlServer } from "../station/control.js";
import { Desktop, type DesktopEvent, type FirmwareStation, type FirmwareView, type QueuedEvent } from "../station/desktop.js";
import { Ledger } from "../station/ledger.js";

/** A firmware of a few lines: a card makes a transaction on EVSE 1 when a cable is in, every event goes to flash. */
class SmallFirmware implements FirmwareStation {
	static causes: number[] = [];
	static steps = 0;
	private readonly events: [number, number, number][] = [];
	private seqNo = 0;
	private cable = false;
	/** What the drivers posted, in order. */
	readonly taken: [number, number, number][] = [];
	stopped = false;
	view = { online: false, accepted: true, slot: 1, evses: [{ txId: null as string | null, limitA: 0 }], queued: 0, queueBytes: 0, thinned: 0, shortened: 0 };

	constructor(private readonly host: Host) {}

	start(cause: number): void {
		SmallFirmware.causes.push(cause);
		this.host.log.event(LogCode.booted, cause, 0);
	}

	post(code: number, evseIndex: number, value: number): boolean {
		this.events.push([code, evseIndex, value]);
		this.host.wake();
		return true;
	}

	step(): number {
		SmallFirmware.steps++;
		for (const [code, evse, value] of this.events.splice(0)) this.take(code, evse, value);
		return 60_000;
	}

	private take(code: number, evse: number, value: number): void {
		this.taken.push([code, evse, value]);
		if (code === EventCode.cablePluggedIn) this.cable = true;
		if (code === EventCode.cableUnplugged) this.cable = false;
		if (code !== EventCode.tokenPresented) return;
		if (this.host.reader.idToken === "CRASH") throw new Error("the firmware failed");
		if (this.host.reader.idToken === "RESET") return this.host.restart(RestartCause.remoteReset);
		if (this.host.reader.idToken === "LINK") {
			this.view.online = !this.view.online;
			return;
		}
		if (!this.cable) return;
		this.host.flash.write(0, new Uint8Array(16), 16);
		this.host.observer?.generated("TX1", this.seqNo++, 0, this.host.clock.utc());
		this.host.evses[0].lock(true);
		this.host.evses[0].energize(10_000);
		this.view.evses[0].txId = "TX1";
	}

	stop(): void {
		this.stopped = true;
	}

	get inspect(): FirmwareView {
		return this.view;
	}
}

/** Flash of one block without NOR rules: the firmware above only counts on it being written. */
class PlainFlash implements FlashPartition {
	readonly blockBytes = 4096;
	readonly blocks = 1;
	readonly bytes = new Uint8Array(4096).fill(0xff);
	read(at: number, bytes: Uint8Array, count: number): void {
		bytes.set(this.bytes.subarray(at, at + count));
	}
	write(at: number, bytes: Uint8Array, count: number): void {
		this.bytes.set(bytes.subarray(0, count), at);
	}
	eraseBlock(): void {
		this.bytes.fill(0xff);
	}
}

/** One connection to the control port. */
class Client {
	readonly events: { ev: string; [name: string]: unknown }[] = [];
	private readonly waiting = new Map<unknown, (answer: { [name: string]: unknown }) => void>();
	private readonly watchers: (() => void)[] = [];
	private nextId = 1;
	private rest = "";

	private constructor(readonly socket: Socket) {
		socket.setEncoding("utf8");
		socket.on("data", (text: string) => {
			const lines = (this.rest + text).split("\n");
			this.rest = lines.pop() ?? "";
			for (const line of lines) this.take(JSON.parse(line) as { [name: string]: unknown });
		});
	}

	static open(port: number): Promise<Client> {
		return new Promise((resolve, reject) => {
			const socket = connect(port, "127.0.0.1", () => resolve(new Client(socket)));
			socket.on("error", reject);
		});
	}

	private take(line: { [name: string]: unknown }): void {
		if (typeof line.ev === "string") this.events.push(line as { ev: string });
		else this.waiting.get(line.id)?.(line);
		for (const watcher of this.watchers.slice()) watcher();
	}

	send(cmd: string, args?: object): Promise<{ [name: string]: unknown }> {
		const id = this.nextId++;
		this.socket.write(JSON.stringify({ id, cmd, args }) + "\n");
		return new Promise((resolve) => this.waiting.set(id, resolve));
	}

	/** Sends a line as it is; the answer comes under `id`. */
	raw(line: string, id: unknown = null): Promise<{ [name: string]: unknown }> {
		this.socket.write(line + "\n");
		return new Promise((resolve) => this.waiting.set(id, resolve));
	}

	/** Waits until `count` events of this kind have come. */
	until(ev: string, count: number = 1): Promise<{ [name: string]: unknown }[]> {
		return new Promise((resolve) => {
			const look = (): void => {
				const seen = this.events.filter((event) => event.ev === ev);
				if (seen.length >= count) resolve(seen);
			};
			this.watchers.push(look);
			look();
		});
	}
}

describe("control port", () => {
	let directory = "";
	let desktop: Desktop;
	let control: ControlServer;
	let client: Client;
	let events: DesktopEvent[];
	let crashes: unknown[];
	let firmwares: SmallFirmware[];

	beforeEach(async () => {
		directory = mkdtempSync(join(tmpdir(), "control-"));
		const memory = BoardMemory.open(directory, {
			identity: "CS001", url: "ws://localhost:9000", password: "", securityProfile: 1,
			vendorName: "V", model: "M", serialNumber: "S", firmwareVersion: "1.2.3", evses: 1,
		});
		events = [];
		crashes = [];
		firmwares = [];
		SmallFirmware.causes = [];
		desktop = new Desktop({
			memory,
			ledger: new Ledger(directory),
			clock: new DesktopClock(),
			entropy: new SeededEntropy(1),
			flash: new PlainFlash(),
			socket: { open: () => ({ writable: 0, read: () => 0, write: () => undefined, close: () => undefined }) },
			makeFirmware: (host) => {
				const firmware = new SmallFirmware(host);
				firmwares.push(firmware);
				return firmware;
			},
			onEvent: (event) => {
				events.push(event);
				control.broadcast(event);
			},
			onCrash: (error) => crashes.push(error),
		});
		control = new ControlServer(desktop);
		client = await Client.open(await control.listen(0));
		desktop.powerOn();
	});

	afterEach(() => {
		client.socket.destroy();
		control.close();
		if (crashes.length === 0) desktop.stop();
		rmSync(directory, { recursive: true, force: true });
	});

	it("hello tells contract, firmware, engine and EVSEs", async () => {
		const answer = await client.send("hello");
		expect(answer).toEqual({
			id: 1,
			ok: true,
			result: {
				contract: 1,
				firmware: "1.2.3",
				engine: "node",
				evses: [{ id: 1, connectors: [1], lock: true, maxA: 32, phases: 3 }],
				caps: jasmine.arrayContaining(["hello", "plug", "unplug", "token", "ev", "net", "state", "ledger", "restart", "vclock", "meter", "fault",
					"clock", "storage", "lock", "button", "tamper", "log"]),
			},
		});
	});

	it("an unknown command is unsupported, a line that is no JSON object is malformed, and the connection stays", async () => {
		expect(await client.send("fly")).toEqual({ id: 1, ok: false, error: "unsupported" });
		expect(await client.send("constructor")).toEqual({ id: 2, ok: false, error: "unsupported" });
		for (const line of ["{", "[1]", "7", "null", '"plug"', "x".repeat(70_000)]) {
			expect(await client.raw(line)).toEqual({ id: null, ok: false, error: "malformed" });
		}
		expect((await client.send("state")).ok).toBeTrue();
	});

	it("bad arguments are refused by name and nothing reaches the board", async () => {
		const cases: [string, object, string][] = [
			["plug", { evse: 2 }, "evse"],
			["plug", { evse: "1" }, "evse"],
			["plug", { evse: 1, connector: 2 }, "connector"],
			["unplug", { evse: 1, side: "both" }, "side"],
			["token", { idToken: 5 }, "idToken"],
			["token", { idToken: "x".repeat(37) }, "idToken"],
			["token", { idToken: "A", type: "Magic" }, "type"],
			["ev", { evse: 1, state: "maybe" }, "state"],
			["ev", { evse: 1, state: "ready", amps: -1 }, "amps"],
			["net", {}, "up"],
			["net", { up: false, mode: "slow" }, "mode"],
			["fault", { kind: "fire", on: true }, "kind"],
			["fault", { kind: "ground", on: true, evse: 1, connector: 2 }, "connector"],
			["button", { evse: 1, name: "panic" }, "name"],
			["button", { evse: 3, name: "start" }, "evse"],
			["storage", { failWrites: 1, freeBytes: -1 }, "freeBytes"],
			["restart", { reason: "Boredom" }, "reason"],
			["ledger", { since: "yesterday" }, "since"],
			["plug", [], "args"],
		];
		for (const [cmd, args, name] of cases) {
			const answer = await client.send(cmd, args);
			expect([cmd, answer.ok, answer.error]).toEqual([cmd, false, `bad argument: ${name}`]);
		}
		expect(desktop.board.evses[0].isPlugged).toBeFalse();
		expect(desktop.board.reader.idToken).toBe("");
	});

	it("plug, token and ev lead to relay, lock and generated events and show in state", async () => {
		await client.send("plug", { evse: 1, connector: 1 });
		await client.send("token", { idToken: "04A2B3" });
		await client.until("generated");
		await client.send("ev", { evse: 1, state: "ready", amps: 16 });
		await client.until("relay");
		expect(client.events.filter((event) => event.ev !== "boot" && event.ev !== "stored")).toEqual([
			{ ev: "generated", tx: "TX1", seqNo: 0, eventType: "Started" },
			{ ev: "lock", evse: 1, connector: 1, locked: true },
			{ ev: "relay", evse: 1, on: true },
		]);
		const state = (await client.send("state")).result as { evses: object[]; [name: string]: unknown };
		expect(state.evses).toEqual([
			{ id: 1, plugged: true, relay: true, locked: true, faulted: false, txId: "TX1", wh: jasmine.any(Number), limitA: 10 },
		]);
		expect([state.storeWrites, state.storeErases, state.storeBytes]).toEqual([1, 0, 16]);
		expect(await client.until("stored")).toEqual([{ ev: "stored", bytes: 16 }]);
	});

	it("generated is sent only when the event is durable in the ledger", async () => {
		await client.send("plug");
		const seen: string[] = [];
		const original = control.broadcast.bind(control);
		spyOn(control, "broadcast").and.callFake((event) => {
			if (event.ev === "generated") seen.push(readFileSync(join(directory, "ledger.jsonl"), "utf8"));
			original(event);
		});
		await client.send("token", { idToken: "04A2B3" });
		await client.until("generated");
		expect(seen).toEqual(['{"tx":"TX1","seqNo":0,"eventType":"Started","t":null}\n']);
		expect((await client.send("ledger")).result).toEqual([{ tx: "TX1", seqNo: 0, eventType: "Started", t: null }]);
	});

	it("an event that is on flash but not in the ledger, as after a power cut between the two, is entered at power on", () => {
		const outbox = {
			iterate: (visitor: (event: QueuedEvent) => void) => {
				for (const seqNo of [0, 1, 2]) {
					visitor({ eventType: seqNo === 0 ? "Started" : "Updated", timestamp: `2026-01-01T00:00:0${seqNo}Z`, seqNo, transactionInfo: { transactionId: "T9" } });
				}
			},
		};
		desktop.ledger.add("T9", 0, 0, Date.UTC(2026, 0, 1));
		Object.assign(firmwares[0], { outbox });
		desktop.powerOn();
		expect(desktop.ledger.entries.map(({ tx, seqNo, eventType, t }) => [tx, seqNo, eventType, t])).toEqual([
			["T9", 0, "Started", Date.UTC(2026, 0, 1)],
			["T9", 1, "Updated", Date.UTC(2026, 0, 1, 0, 0, 1)],
			["T9", 2, "Updated", Date.UTC(2026, 0, 1, 0, 0, 2)],
		]);
		expect(events.filter((event) => event.ev === "generated").length).toBe(2);
	});

	it("a locked cable stays in the station", async () => {
		await client.send("plug");
		await client.send("token", { idToken: "04A2B3" });
		await client.until("lock");
		expect(await client.send("unplug", { evse: 1, side: "station" })).toEqual({ id: 3, ok: false, error: "the cable is locked" });
		expect((await client.send("unplug", { evse: 1, side: "ev" })).ok).toBeTrue();
	});

	it("restart and a reset of the firmware reboot inside the process with the right reason, the port stays open", async () => {
		await client.send("plug");
		await client.send("restart", { reason: "Watchdog" });
		await client.until("boot", 2);
		await client.send("token", { idToken: "RESET" });
		const boots = await client.until("boot", 3);
		expect(boots.map((boot) => boot.reason)).toEqual(["PowerUp", "Watchdog", "RemoteReset"]);
		expect(SmallFirmware.causes).toEqual([RestartCause.powerUp, RestartCause.watchdog, RestartCause.remoteReset]);
		expect(firmwares.map((firmware) => firmware.stopped)).toEqual([true, true, false]);
		expect((await client.send("state")).ok).toBeTrue();
	});

	it("a reboot opens the contactor, and the firmware finds the cable again", async () => {
		await client.send("plug");
		await client.send("ev", { evse: 1, state: "ready" });
		await client.send("token", { idToken: "04A2B3" });
		await client.until("relay");
		await client.send("restart", {});
		await client.until("boot", 2);
		expect((await client.until("relay", 2))[1]).toEqual({ ev: "relay", evse: 1, on: false });
		await client.send("token", { idToken: "04A2B3" });
		expect((await client.until("relay", 3))[2]).toEqual({ ev: "relay", evse: 1, on: true });
	});

	it("online and offline are told when the link changes, and offline when the firmware reboots", async () => {
		await client.send("token", { idToken: "LINK" });
		await client.until("online");
		await client.send("restart", {});
		await client.until("offline");
		expect(client.events.filter((event) => /line$/.test(event.ev)).map((event) => event.ev)).toEqual(["online", "offline"]);
	});

	it("a firmware that throws ends as a crash with its reason", async () => {
		await client.send("token", { idToken: "CRASH" });
		const [crash] = await client.until("crash");
		expect(crash.text).toContain("the firmware failed");
		expect(crashes.length).toBe(1);
	});

	it("clock sets and advances board time", async () => {
		const answer = await client.send("clock", { setMs: 1_700_000_000_000, advanceMs: 3_600_000 });
		const { utcMs } = answer.result as { utcMs: number };
		expect(utcMs).toBeGreaterThanOrEqual(1_700_003_600_000);
		expect(utcMs).toBeLessThan(1_700_003_660_000);
	});

	it("storage makes the next writes fail", async () => {
		await client.send("storage", { failWrites: 1 });
		await client.send("plug");
		await client.send("token", { idToken: "04A2B3" });
		expect((await client.until("crash"))[0].text).toContain("write failed on request");
	});

	it("storage leaves only so much space, until it is told another number", async () => {
		await client.send("storage", { freeBytes: 20 });
		await client.send("plug");
		await client.send("token", { idToken: "04A2B3" });
		await client.until("generated");
		await client.send("storage", { freeBytes: 40 });
		await client.send("token", { idToken: "04A2B3" });
		await client.until("generated", 2);
		await client.send("storage", { freeBytes: 12 });
		await client.send("token", { idToken: "04A2B3" });
		expect((await client.until("crash"))[0].text).toContain("no space left");
	});

	it("meter forces a reading, turns the register forward only, and measures again without values", async () => {
		await client.send("meter", { evse: 1, wh: 1234.5, amps: 7, volts: 240, watts: 5000 });
		const reading = { energyWh: 0, powerW: 0, currentA: [0, 0, 0], voltageV: [0, 0, 0] };
		const [evse] = desktop.board.evses;
		expect(evse.sample(reading)).toBeTrue();
		expect([reading.powerW, reading.currentA, reading.voltageV]).toEqual([5000, [7, 7, 7], [240, 240, 240]]);
		expect(reading.energyWh).toBeGreaterThanOrEqual(1234.5);
		expect(await client.send("meter", { evse: 1, wh: 1234 })).toEqual({ id: 2, ok: false, error: "the register only rises" });
		await client.send("meter", { evse: 1 });
		expect(evse.sample(reading)).toBeTrue();
		expect([reading.powerW, reading.currentA, reading.voltageV]).toEqual([0, [0, 0, 0], [230, 230, 230]]);
	});

	for (const [kind, opens] of [["ground", true], ["overcurrent", true], ["internal", true], ["meter", false], ["lock", false]] as const) {
		it(`fault ${kind} is on until it is off, the firmware is told, and the contactor ${opens ? "opens by itself" : "stays"}`, async () => {
			await client.send("plug");
			await client.send("ev", { evse: 1, state: "ready" });
			await client.send("token", { idToken: "04A2B3" });
			await client.until("relay");
			await client.send("fault", { evse: 1, connector: 1, kind, on: true });
			expect(desktop.board.evses[0].relayClosed).toBe(!opens);
			const faulted = async (): Promise<boolean> => ((await client.send("state")).result as { evses: { faulted: boolean }[] }).evses[0].faulted;
			expect(await faulted()).toBeTrue();
			await client.send("fault", { kind, on: false });
			expect(await faulted()).toBeFalse();
			expect(desktop.board.evses[0].relayClosed).toBeTrue();
			await client.send("restart", {});
			await client.until("boot", 2);
			const told = firmwares[0].taken.filter(([code]) => code === EventCode.faultRaised || code === EventCode.faultCleared);
			expect(told).toEqual([[EventCode.faultRaised, 0, numbersOf(portEvents, "FaultBit")[kind]], [EventCode.faultCleared, 0, numbersOf(portEvents, "FaultBit")[kind]]]);
		});
	}

	it("fault welded keeps the contactor closed, whatever the firmware wants", async () => {
		await client.send("plug");
		await client.send("ev", { evse: 1, state: "ready" });
		await client.send("token", { idToken: "04A2B3" });
		await client.until("relay");
		await client.send("fault", { evse: 1, kind: "welded", on: true });
		desktop.board.evses[0].release();
		expect(desktop.board.evses[0].relayClosed).toBeTrue();
		await client.send("fault", { evse: 1, kind: "welded", on: false });
		expect(desktop.board.evses[0].relayClosed).toBeFalse();
	});

	it("lock jams the bolt: it does not move and the driver says so, until it is free again", async () => {
		await client.send("plug");
		await client.send("lock", { evse: 1, connector: 1, jam: true });
		await client.send("token", { idToken: "04A2B3" });
		await client.until("generated");
		expect(desktop.board.evses[0].isLocked).toBeFalse();
		await client.send("lock", { evse: 1, connector: 1, jam: false });
		expect(desktop.board.evses[0].lock(true)).toBeTrue();
		expect(await client.until("lock")).toEqual([{ ev: "lock", evse: 1, connector: 1, locked: true }]);
		await client.send("restart", {});
		await client.until("boot", 2);
		const told = firmwares[0].taken.filter(([code]) => code === EventCode.faultRaised || code === EventCode.faultCleared);
		expect(told).toEqual([[EventCode.faultRaised, 0, FaultBit.lock], [EventCode.faultCleared, 0, FaultBit.lock]]);
	});

	it("a button and the tamper switch reach the firmware as events of their drivers", async () => {
		await client.send("button", { evse: 1, name: "start" });
		await client.send("button", { evse: 1, name: "stop" });
		await client.send("tamper");
		// The steps follow the answers; a restart comes after them.
		await client.send("restart", {});
		await client.until("boot", 2);
		expect(firmwares[0].taken).toEqual([
			[EventCode.buttonPressed, 0, 1],
			[EventCode.buttonPressed, 0, 0],
			[EventCode.tampered, -1, 0],
		]);
	});

	it("log gives the last lines with the names of their codes", async () => {
		const answer = await client.send("log", { n: 5 });
		expect(answer.result).toEqual([jasmine.stringMatching(/^ticks \d+ booted 0 0$/)]);
	});
});

describe("control ledger", () => {
	let directory = "";
	beforeEach(() => {
		directory = mkdtempSync(join(tmpdir(), "ledger-"));
	});
	afterEach(() => rmSync(directory, { recursive: true, force: true }));

	it("entries come back after a restart, and `since` leaves out what is older", () => {
		const first = new Ledger(directory);
		first.add("T", 0, 0, NaN);
		first.add("T", 1, 1, 1000);
		first.close();
		const second = new Ledger(directory);
		expect([second.has("T", 1), second.has("T", 2), second.has("U", 1)]).toEqual([true, false, false]);
		second.add("T", 2, 2, 2000);
		expect(second.list(1500).map((entry) => entry.seqNo)).toEqual([0, 2]);
		expect(second.list().map((entry) => entry.eventType)).toEqual(["Started", "Updated", "Ended"]);
		second.close();
	});

	it("E01.FR.07 a seqNo that the firmware gives twice shows twice", () => {
		const ledger = new Ledger(directory);
		ledger.add("T", 0, 0, 1000);
		ledger.add("T", 0, 2, 2000);
		expect(ledger.list().length).toBe(2);
		ledger.close();
	});

	it("a last line torn by a power cut, at any byte, is cut off and the next entry stands whole", () => {
		const path = join(directory, "ledger.jsonl");
		const line = '{"tx":"T","seqNo":1,"eventType":"Updated","t":5}\n';
		const before = '{"tx":"T","seqNo":0,"eventType":"Started","t":4}\n';
		for (let cut = 1; cut < line.length; cut++) {
			writeFileSync(path, before);
			appendFileSync(path, line.slice(0, cut));
			const ledger = new Ledger(directory);
			expect(ledger.entries.length).toBe(1);
			ledger.add("T", 1, 1, 5);
			ledger.close();
			expect(readFileSync(path, "utf8")).toBe(before + line);
		}
	});

	it("a damaged line before the last is refused", () => {
		writeFileSync(join(directory, "ledger.jsonl"), "nonsense\n{}\n");
		expect(() => new Ledger(directory)).toThrowError(StoreProblem, /ledger\.jsonl line 1/);
	});
});
