import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ScriptedCsms } from "../csms/scripted.js";
import { prepareXs } from "../xs/engine.js";
import { ended, identity, leaf, root, serve } from "./tls-cases.js";
import { bareServer, recordProxy } from "./tls-server.js";
import { StationProcess } from "./station-process.js";

const PASSWORD = "0123456789abcdef";

interface State {
	online: boolean;
	accepted: boolean;
	queued: number;
	evses: { plugged: boolean; relay: boolean; locked: boolean; txId: string | null; wh: number; limitA: number }[];
}

interface Event {
	eventType: string;
	seqNo: number;
	triggerReason: string;
	offline?: boolean;
	transactionInfo: { transactionId: string; chargingState?: string; stoppedReason?: string };
}

describe("start station", () => {
	let directory = "";
	let csms: ScriptedCsms | undefined;
	let running: StationProcess[] = [];
	beforeEach(() => {
		directory = mkdtempSync(join(tmpdir(), "station-"));
	});
	afterEach(async () => {
		for (const one of running) await one.kill("SIGKILL");
		running = [];
		await csms?.close();
		csms = undefined;
		rmSync(directory, { recursive: true, force: true });
	});

	function launch(...args: string[]): StationProcess {
		const started = new StationProcess(args);
		running.push(started);
		return started;
	}

	const usual = (): string[] => ["--url", csms!.url, "--id", "CS001", "--password", PASSWORD, "--store", directory, "--ctl", "0"];
	const events = (): Event[] => csms!.calls("TransactionEvent").map((call) => call.payload as Event);

	it("bad arguments are one line on stderr and exit code 2, and leave the store as it was", async () => {
		const cases: [string[], RegExp][] = [
			[["--nonsense"], /nonsense/],
			[["--store", directory], /--url and --id/],
			[["--store", directory, "--url", "http://h", "--id", "A"], /--url/],
			[["--store", directory, "--url", "ws://h", "--id", "a:b"], /--id/],
			[["--store", directory, "--url", "ws://h", "--id", "A", "--password", "short"], /--password/],
			[["--store", directory, "--url", "ws://h", "--id", "A", "--ca", join(directory, "none.pem")], /--ca/],
		];
		for (const [args, expected] of cases) {
			const started = launch(...args);
			expect((await started.ended).code).toBe(2);
			expect(started.stderr).toMatch(expected);
			expect(started.stderr).toMatch(/^station: [^\n]+\n$/);
			expect(started.stdout).toBe("");
		}
		expect(readdirSync(directory)).toEqual([]);
	});

	it("a corrupt store and one of a newer format are one line and exit code 2, nothing is overwritten", async () => {
		const files: [string, Buffer][] = [
			["board.json", Buffer.from("{")],
			["board.json", Buffer.from('{"format":99}')],
			["flash.bin", Buffer.alloc(1000)],
			["flash.bin", Buffer.alloc(64 * 4096, 0x5a)],
			["ledger.jsonl", Buffer.from("nonsense\n")],
		];
		for (const [name, content] of files) {
			const path = join(directory, name);
			writeFileSync(path, content);
			const started = launch("--url", "ws://127.0.0.1:9", "--id", "CS001", "--store", directory);
			expect([name, (await started.ended).code]).toEqual([name, 2]);
			expect(started.stderr).toMatch(/^station: [^\n]+\n$/);
			expect(readFileSync(path).equals(content)).toBeTrue();
			rmSync(path);
			rmSync(join(directory, "flash.bin"), { force: true });
		}
	});

	it("SIGTERM ends it cleanly with code 0, without a control port too", async () => {
		const started = launch("--url", "ws://127.0.0.1:9", "--id", "CS001", "--store", directory, "--ctl", "0");
		await started.control();
		expect(await started.kill("SIGTERM")).toEqual({ code: 0, signal: null });
		expect(started.stderr).toBe("");
	});

	it("a whole session: cable, card, energy, card, cable out; every event valid, each once, seqNo without gap", async () => {
		csms = await ScriptedCsms.open({ passwords: { CS001: PASSWORD } });
		const station = await launch(...usual()).control();
		await csms.waitForCall("StatusNotification", (payload: { connectorStatus: string }) => payload.connectorStatus === "Available");
		expect(await station.command("hello")).toEqual(jasmine.objectContaining({ contract: 1, engine: "node" }));
		await station.command("plug", { evse: 1, connector: 1 });
		await station.command("token", { idToken: "04A2B3" });
		await station.event("generated", (event) => event.eventType === "Started");
		expect(((await station.command("state")) as State).evses[0].relay).toBeFalse();
		await station.command("ev", { evse: 1, state: "ready", amps: 16 });
		await station.event("relay", (event) => event.on === true);
		await csms.waitForCall("TransactionEvent", (event: Event) => event.transactionInfo.chargingState === "Charging");
		await station.command("token", { idToken: "04A2B3" });
		await csms.waitForCall("TransactionEvent", (event: Event) => event.eventType === "Ended");
		await station.event("relay", (event) => event.on === false);
		await station.command("unplug", { evse: 1, connector: 1, side: "ev" });
		await station.command("unplug", { evse: 1, connector: 1, side: "station" });
		await csms.waitForCall("StatusNotification", (payload: { connectorStatus: string }) => payload.connectorStatus === "Available", 10_000,
			csms.messages.indexOf(csms.calls("TransactionEvent").at(-1)!));
		const seen = events();
		expect(seen.map((event) => event.seqNo)).toEqual(seen.map((_, index) => index));
		expect([seen[0].eventType, seen[0].triggerReason]).toEqual(["Started", "Authorized"]);
		expect([seen.at(-1)!.eventType, seen.at(-1)!.triggerReason]).toEqual(["Ended", "StopAuthorized"]);
		const ledger = await station.command("ledger") as { tx: string; seqNo: number; eventType: string }[];
		expect(ledger.map(({ tx, seqNo, eventType }) => [tx, seqNo, eventType]))
			.toEqual(seen.map((event) => [event.transactionInfo.transactionId, event.seqNo, event.eventType]));
		expect(csms.refused).toEqual([]);
		expect(csms.violations).toEqual([]);
	});

	it("restart reboots the firmware in the same process: BootNotification says LocalReset, the port stays", async () => {
		csms = await ScriptedCsms.open({ passwords: { CS001: PASSWORD } });
		const station = await launch(...usual()).control();
		await csms.waitForCall("BootNotification", (payload: { reason: string }) => payload.reason === "PowerUp");
		await station.command("restart", { reason: "LocalReset" });
		await station.event("boot", (event) => event.reason === "LocalReset");
		await csms.waitForCall("BootNotification", (payload: { reason: string }) => payload.reason === "LocalReset");
		expect(csms.connections).toBe(2);
	});

	it("stored values win over the command line once the store is in use", async () => {
		csms = await ScriptedCsms.open({ passwords: { CS001: PASSWORD } });
		const first = await launch(...usual()).control();
		await csms.waitForCall("BootNotification");
		await first.kill("SIGTERM");
		const from = csms.messages.length;
		launch("--url", "ws://127.0.0.1:9/elsewhere", "--id", "OTHER", "--password", "another-password", "--store", directory);
		expect((await csms.waitForCall("BootNotification", () => true, 10_000, from)).identity).toBe("CS001");
	});

	it("net drop makes it offline, events are queued, and all of them arrive when the net is up", async () => {
		csms = await ScriptedCsms.open({ passwords: { CS001: PASSWORD } });
		const station = await launch(...usual()).control();
		await csms.waitForCall("StatusNotification");
		await csms.call("SetVariables", { setVariableData: [{ component: { name: "OCPPCommCtrlr" }, variable: { name: "RetryBackOffWaitMinimum" }, attributeValue: "0" },
			{ component: { name: "OCPPCommCtrlr" }, variable: { name: "RetryBackOffRandomRange" }, attributeValue: "0" }] });
		await station.command("plug", { evse: 1 });
		await station.command("token", { idToken: "04A2B3" });
		await csms.waitForCall("TransactionEvent", (event: Event) => event.eventType === "Started");
		await station.command("net", { up: false, mode: "drop" });
		await station.event("offline");
		await station.command("ev", { evse: 1, state: "ready" });
		await station.event("relay", (event) => event.on === true);
		await station.command("token", { idToken: "04A2B3" });
		await station.event("generated", (event) => event.eventType === "Ended");
		expect(((await station.command("state")) as State).queued).toBeGreaterThan(0);
		await station.command("net", { up: true });
		await csms.waitForCall("TransactionEvent", (event: Event) => event.eventType === "Ended", 20_000);
		const ended = events().at(-1)!;
		expect(ended.offline).toBeTrue();
		expect(new Set(events().map((event) => event.seqNo)).size).toBe(ended.seqNo + 1);
	}, 40_000);

	it("§5.2 in a black hole the ping goes unanswered, the connection is given up, and a new one stands when the net is back", async () => {
		csms = await ScriptedCsms.open({ passwords: { CS001: PASSWORD } });
		const station = await launch(...usual()).control();
		await csms.waitForCall("StatusNotification");
		const data = [["RetryBackOffWaitMinimum", "0"], ["RetryBackOffRandomRange", "0"], ["WebSocketPingInterval", "1"]].map(([name, attributeValue]) =>
			({ component: { name: "OCPPCommCtrlr" }, variable: { name }, attributeValue }));
		expect(await csms.call("SetVariables", { setVariableData: data })).toEqual({
			setVariableResult: data.map(() => jasmine.objectContaining({ attributeStatus: "Accepted" })),
		});
		await station.command("net", { up: false, mode: "blackhole" });
		// The pong may take as long as MessageTimeout, 30 s and read-only; the board's clock runs faster.
		await station.command("clock", { rate: 50 });
		await station.event("offline");
		await station.command("clock", { rate: 1 });
		expect(csms.connected).toBe("CS001");
		await station.command("net", { up: true });
		await station.event("online", () => station.events.filter((event) => event.ev === "online").length === 2);
		expect(csms.connections).toBe(2);
		expect(csms.violations).toEqual([]);
	}, 20_000);

	it("J02.FR.11 an hour that the clock command skips holds its 60 samples, each answered, and the energy of that hour", async () => {
		csms = await ScriptedCsms.open({ passwords: { CS001: PASSWORD } });
		const station = await launch(...usual()).control();
		await csms.waitForCall("StatusNotification");
		const data = [{ component: { name: "SampledDataCtrlr" }, variable: { name: "TxUpdatedInterval" }, attributeValue: "60" }];
		await csms.call("SetVariables", { setVariableData: data });
		await station.command("plug", { evse: 1 });
		await station.command("ev", { evse: 1, state: "ready", amps: 10 });
		await station.command("token", { idToken: "04A2B3" });
		await csms.waitForCall("TransactionEvent", (event: Event) => event.transactionInfo.chargingState === "Charging");
		await station.command("clock", { advanceMs: 3_600_000 });
		// On a loaded machine an answer may come after its time-out on the clock that ran ahead; then the event comes twice.
		const samples = new Set(events().filter((event) => event.triggerReason === "MeterValuePeriodic").map((event) => event.seqNo));
		expect(samples.size).toBe(60);
		const state = await station.command("state") as State;
		expect(state.queued).toBe(0);
		// 10 A on three phases of 230 V; the test's own seconds come on top.
		expect(state.evses[0].wh).toBeGreaterThanOrEqual(6900);
		expect(state.evses[0].wh).toBeLessThan(6930);
		expect(csms.violations).toEqual([]);
	}, 20_000);

	it("on XS, profile 2: a whole session over wss, with the TLS of a device and a root from --ca", async () => {
		try {
			await prepareXs(32, undefined, true);
		} catch (error) {
			if (process.env.CI !== undefined) throw error;
			pending((error as Error).message);
		}
		csms = await ScriptedCsms.open({ passwords: { CS001: PASSWORD } });
		const target = Number(new URL(csms.url).port);
		const suites = new Set<string>();
		const front = await serve({ ...identity(leaf({ commonName: "127.0.0.1" })), maxVersion: "TLSv1.2" }, (socket) => {
			suites.add(socket.getCipher().name);
			const inner = connect(target, "127.0.0.1");
			inner.on("error", () => socket.destroy());
			socket.pipe(inner).pipe(socket);
		});
		const proxy = await recordProxy(front.port);
		const ca = join(directory, "ca.pem");
		writeFileSync(ca, root.pem);
		const station = await launch("--engine", "xs", "--profile", "2", "--ca", ca, "--url", `wss://127.0.0.1:${proxy.port}/ocpp`, "--id", "CS001",
			"--password", PASSWORD, "--store", join(directory, "store"), "--ctl", "0").control();
		await csms.waitForCall("StatusNotification", () => true, 30_000);
		await station.command("plug", { evse: 1 });
		await station.command("ev", { evse: 1, state: "ready" });
		await station.command("token", { idToken: "04A2B3" });
		await csms.waitForCall("TransactionEvent", (event: Event) => event.transactionInfo.chargingState === "Charging");
		// The longest message that the station takes, and a long one of its own.
		await csms.call("GetVariables", { getVariableData: Array.from({ length: 8 }, () => ({ component: { name: "OCPPCommCtrlr" }, variable: { name: "MessageTimeout" } })) });
		await csms.call("GetBaseReport", { requestId: 1, reportBase: "FullInventory" });
		await csms.waitForCall("NotifyReport", (report: { tbc?: boolean }) => report.tbc !== true, 20_000);
		await station.command("token", { idToken: "04A2B3" });
		await csms.waitForCall("TransactionEvent", (event: Event) => event.eventType === "Ended");
		expect([...suites]).toEqual(["ECDHE-ECDSA-AES128-GCM-SHA256"]);
		expect(proxy.down.longest).toBeLessThanOrEqual(2048 + 24);
		expect(proxy.up.longest).toBeLessThanOrEqual(2048 + 24);
		expect(csms.violations).toEqual([]);
		expect(csms.refused).toEqual([]);
		expect((await station.kill("SIGTERM")).code).toBe(0);
		await proxy.close();
		await ended(front.server);
	}, 120_000);

	it("on XS, profile 2: a server that never ends its handshake is left after MessageTimeout, again and again, without a reboot", async () => {
		try {
			await prepareXs(32, undefined, true);
		} catch (error) {
			if (process.env.CI !== undefined) throw error;
			pending((error as Error).message);
		}
		const bare = await bareServer([leaf({ commonName: "127.0.0.1" })], { stopsAfter: "certificate" });
		const ca = join(directory, "ca.pem");
		writeFileSync(ca, root.pem);
		const station = await launch("--engine", "xs", "--profile", "2", "--ca", ca, "--url", `wss://127.0.0.1:${bare.port}/ocpp`, "--id", "CS001",
			"--password", PASSWORD, "--store", join(directory, "store"), "--ctl", "0").control();
		await station.command("clock", { rate: 100 });
		while (bare.sessions.length < 4) await new Promise((done) => setTimeout(done, 20));
		// One at a time: all but the last are over.
		for (const session of bare.sessions.slice(0, 3)) expect(session.isEnded).toBeTrue();
		// The control port was opened after the first boot.
		expect(station.events.filter((event) => event.ev === "boot" || event.ev === "crash")).toEqual([]);
		expect((await station.command("state") as State).online).toBeFalse();
		expect((await station.kill("SIGTERM")).code).toBe(0);
		await bare.close();
	}, 120_000);

	it("with --evses 2 a card at the reader of EVSE 2 starts there, and both charge at once", async () => {
		csms = await ScriptedCsms.open({ passwords: { CS001: PASSWORD } });
		const station = await launch(...usual(), "--evses", "2").control();
		await csms.waitForCall("StatusNotification", (payload: { evseId: number }) => payload.evseId === 2);
		for (const evse of [2, 1]) {
			await station.command("plug", { evse });
			await station.command("ev", { evse, state: "ready", amps: 10 });
			await station.command("token", { idToken: `CARD${evse}`, evse });
			await station.event("relay", (event) => event.evse === evse && event.on === true);
		}
		type Started = Event & { evse: { id: number } };
		for (const evse of [2, 1]) await csms.waitForCall("TransactionEvent", (event: Started) => event.eventType === "Started" && event.evse.id === evse);
		const started = events().filter((event) => event.eventType === "Started") as Started[];
		expect(started.map((event) => event.evse.id)).toEqual([2, 1]);
		const state = await station.command("state") as State;
		expect(state.evses.map((evse) => evse.txId)).toEqual([started[1].transactionInfo.transactionId, started[0].transactionInfo.transactionId]);
		expect(csms.violations).toEqual([]);
	}, 20_000);

	it("after SIGKILL in a transaction nothing is lost: ledger and CSMS agree, the transaction ends once, energy does not fall", async () => {
		csms = await ScriptedCsms.open({ passwords: { CS001: PASSWORD } });
		const first = await launch(...usual()).control();
		await csms.waitForCall("StatusNotification");
		await first.command("plug", { evse: 1 });
		await first.command("token", { idToken: "04A2B3" });
		await first.command("ev", { evse: 1, state: "ready", amps: 32 });
		await csms.waitForCall("TransactionEvent", (event: Event) => event.transactionInfo.chargingState === "Charging");
		const { wh } = ((await first.command("state")) as State).evses[0];
		await first.kill("SIGKILL");
		const second = await launch(...usual()).control();
		await csms.waitForCall("TransactionEvent", (event: Event) => event.eventType === "Ended");
		const state = await second.command("state") as State;
		expect(state.evses[0].wh).toBeGreaterThanOrEqual(wh);
		expect(state.evses[0].plugged).toBeTrue();
		const ledger = await second.command("ledger") as { tx: string; seqNo: number; eventType: string }[];
		const received = new Set(events().map((event) => `${event.transactionInfo.transactionId}/${event.seqNo}`));
		expect(ledger.filter((entry) => !received.has(`${entry.tx}/${entry.seqNo}`))).toEqual([]);
		expect(ledger.filter((entry) => entry.eventType === "Ended").length).toBe(1);
	}, 30_000);

	it("tamper, GetLog and log: the event is told, the security log arrives at a file server, the diagnostics say so", async () => {
		const uploads: { path: string; body: string }[] = [];
		const files = createServer((request, response) => {
			let body = "";
			request.setEncoding("utf8").on("data", (text: string) => (body += text)).on("end", () => {
				uploads.push({ path: `${request.method} ${request.url}`, body });
				response.writeHead(201).end();
			});
		});
		await new Promise<void>((done) => files.listen(0, "127.0.0.1", done));
		csms = await ScriptedCsms.open({ passwords: { CS001: PASSWORD } });
		const station = await launch(...usual()).control();
		await csms.waitForCall("SecurityEventNotification", (event: { type: string }) => event.type === "StartupOfTheDevice");
		await station.command("tamper");
		await csms.waitForCall("SecurityEventNotification", (event: { type: string }) => event.type === "TamperDetectionActivated");
		const remoteLocation = `http://127.0.0.1:${(files.address() as AddressInfo).port}/logs/`;
		const answer = await csms.call("GetLog", { logType: "SecurityLog", requestId: 3, log: { remoteLocation } }) as { status: string; filename: string };
		expect(answer.status).toBe("Accepted");
		await csms.waitForCall("LogStatusNotification", (its: { status: string }) => its.status === "Uploaded");
		files.close();
		expect(uploads.map((upload) => upload.path)).toEqual([`PUT /logs/${answer.filename}`]);
		expect(uploads[0].body).toMatch(/^\S+Z StartupOfTheDevice\n\S+Z TamperDetectionActivated\n$/);
		const lines = await station.command("log", { n: 5 }) as string[];
		expect(lines.length).toBe(5);
		expect(lines.join("\n")).toContain("uploadEnded 201");
		expect(csms.violations).toEqual([]);
	}, 20_000);

	it("it is one process: nothing is left behind when it is killed", async () => {
		const station = await launch("--url", "ws://127.0.0.1:9", "--id", "CS001", "--store", directory, "--ctl", "0").control();
		if (process.platform === "linux") {
			const children = readFileSync(`/proc/${station.pid}/task/${station.pid}/children`, "utf8");
			expect(children).toBe("");
		}
		expect(await station.kill("SIGKILL")).toEqual({ code: null, signal: "SIGKILL" });
	});
});
