// Two whole sessions against a CSMS of another library, `ocpp-ws-io` in strict mode: what one library takes for granted, the
// other may not. The station is the desktop station as a process; every message is also judged by the oracle.

import type { AddressInfo } from "node:net";
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OCPPServer, SecurityProfile, type OCPPServerClient } from "ocpp-ws-io";
import { Oracle } from "../csms/oracle.js";
import { StationProcess } from "./station-process.js";

const PASSWORD = "0123456789abcdef";
const WAIT_MS = 10_000;

interface Call {
	action: string;
	payload: any;
}

/** A CSMS that says yes to everything. */
class OtherCsms {
	readonly calls: Call[] = [];
	/** What the library refused or could not make sense of. */
	readonly refused: string[] = [];
	readonly oracle = new Oracle();
	messages = 0;
	url = "";
	private client: OCPPServerClient | undefined;
	private waiting: (() => void)[] = [];
	private readonly server = new OCPPServer({
		protocols: ["ocpp2.0.1"], strictMode: true, logging: false, securityProfile: SecurityProfile.BASIC_AUTH,
	});

	static async open(): Promise<OtherCsms> {
		const csms = new OtherCsms();
		const { server } = csms;
		server.auth((context) => {
			const { identity, password } = context.handshake;
			if (identity === "CS001" && password?.toString("utf8") === PASSWORD) context.accept();
			else context.reject(401, "Unauthorized");
		});
		server.on("client", (client) => csms.take(client));
		const http = await server.listen(0, "127.0.0.1");
		csms.url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/ocpp`;
		return csms;
	}

	private take(client: OCPPServerClient): void {
		this.client = client;
		this.oracle.connected();
		client.handle((method: string, context: { params: any }) => {
			this.calls.push({ action: method, payload: context.params });
			return answerTo(method, context.params);
		});
		client.on("message", ({ message, direction }) => {
			this.messages++;
			this.oracle.observe(direction === "IN", JSON.stringify(message));
			setImmediate(() => this.look());
		});
		client.on("strictValidationFailure", ({ error }) => this.refused.push(error.message));
		client.on("badMessage", ({ error }) => this.refused.push(error.message));
		client.on("callError", (error) => this.refused.push(JSON.stringify(error)));
	}

	private look(): void {
		for (const watcher of this.waiting.slice()) watcher();
	}

	call(action: string, payload: object): Promise<any> {
		return this.client!.call(action, payload as Record<string, unknown>);
	}

	/** Waits for a CALL of the station among those since `from`. */
	waitFor(action: string, wanted: (payload: any) => boolean = () => true, from = 0): Promise<Call> {
		return new Promise((done, fail) => {
			const seen = (): string => this.calls.slice(from).map((call) => call.action).join(" ");
			const timer = setTimeout(() => fail(new Error(`no ${action}; seen: ${seen()}`)), WAIT_MS);
			const look = (): void => {
				const call = this.calls.slice(from).find((one) => one.action === action && wanted(one.payload));
				if (call === undefined) return;
				clearTimeout(timer);
				this.waiting = this.waiting.filter((one) => one !== look);
				done(call);
			};
			this.waiting.push(look);
			look();
		});
	}

	/** eventType/triggerReason/chargingState of all transaction events since `from`. */
	story(from = 0): string[] {
		return this.calls.slice(from).filter((call) => call.action === "TransactionEvent").map(({ payload }) =>
			`${payload.eventType}/${payload.triggerReason}/${payload.transactionInfo.chargingState}`);
	}

	close(): Promise<void> {
		return this.server.close({ force: true });
	}
}

function answerTo(action: string, payload: any): object {
	const now = new Date().toISOString();
	switch (action) {
		case "BootNotification":
			return { currentTime: now, interval: 300, status: "Accepted" };
		case "Heartbeat":
			return { currentTime: now };
		case "Authorize":
			return { idTokenInfo: { status: "Accepted" } };
		case "TransactionEvent":
			return payload.idToken === undefined ? {} : { idTokenInfo: { status: "Accepted" } };
		default:
			return {};
	}
}

describe("a CSMS of another library", () => {
	let csms: OtherCsms | undefined;
	let station: StationProcess | undefined;
	let directory = "";
	beforeEach(() => {
		directory = mkdtempSync(join(tmpdir(), "station-"));
	});
	afterEach(async () => {
		await station?.kill("SIGKILL");
		await csms?.close();
		station = csms = undefined;
		rmSync(directory, { recursive: true, force: true });
	});

	async function start(password = PASSWORD): Promise<{ csms: OtherCsms; station: StationProcess }> {
		csms = await OtherCsms.open();
		station = new StationProcess(["--url", csms.url, "--id", "CS001", "--password", password, "--store", directory, "--ctl", "0"]);
		await station.control();
		return { csms, station };
	}

	/** Nothing was refused by the library, by its own schemas or by ours. */
	function expectSound(its: OtherCsms): void {
		expect(its.messages).toBeGreaterThanOrEqual(2 * its.calls.length);
		expect(its.refused).toEqual([]);
		expect(its.oracle.violations).toEqual([]);
	}

	it("a session by cable and card: boot, states, authorization, energy, readings, the card again, cable out", async () => {
		const { csms, station } = await start();
		await csms.waitFor("StatusNotification", (its) => its.connectorStatus === "Available");
		await csms.waitFor("SecurityEventNotification", (its) => its.type === "StartupOfTheDevice");
		const set = await csms.call("SetVariables", {
			setVariableData: [
				{ attributeValue: "1", component: { name: "SampledDataCtrlr" }, variable: { name: "TxUpdatedInterval" } },
				{ attributeValue: "300.1", component: { name: "OCPPCommCtrlr" }, variable: { name: "OfflineThreshold" } },
			],
		});
		expect(set.setVariableResult.map((its: any) => its.attributeStatus)).toEqual(["Accepted", "Rejected"]);
		await station.command("plug", { evse: 1 });
		await station.command("token", { idToken: "04A2B3" });
		await station.command("ev", { evse: 1, state: "ready", amps: 32 });
		await csms.waitFor("TransactionEvent", (its) => its.triggerReason === "MeterValuePeriodic");
		await station.command("token", { idToken: "04A2B3" });
		await csms.waitFor("TransactionEvent", (its) => its.eventType === "Ended");
		await station.command("unplug", { evse: 1, side: "ev" });
		await csms.waitFor("StatusNotification", (its) => its.connectorStatus === "Available", csms.calls.findIndex((its) => its.action === "TransactionEvent"));
		const story = csms.story();
		expect([story[0], story[1], story.at(-1)]).toEqual([
			"Started/Authorized/EVConnected", "Updated/ChargingStateChanged/Charging", "Ended/StopAuthorized/EVConnected",
		]);
		expect(csms.calls.filter((its) => its.action === "Authorize").length).toBe(1);
		expectSound(csms);
		console.log(`[second CSMS, session by card: ${csms.messages} messages, ${csms.refused.length} refused]`);
	}, 30_000);

	it("a session by the CSMS: report, remote start, availability, trigger, log, remote stop, certificate, reset", async () => {
		const { csms, station } = await start();
		await csms.waitFor("StatusNotification");
		const uploads: string[] = [];
		const files = createServer((request, response) => {
			uploads.push(request.url!);
			request.resume().on("end", () => response.writeHead(200).end());
		});
		await new Promise<void>((done) => files.listen(0, "127.0.0.1", done));
		expect((await csms.call("GetBaseReport", { requestId: 1, reportBase: "FullInventory" })).status).toBe("Accepted");
		await csms.waitFor("NotifyReport", (its) => its.tbc !== true);
		await station.command("plug", { evse: 1 });
		await station.command("ev", { evse: 1, state: "ready", amps: 16 });
		const idToken = { idToken: "REMOTE", type: "Central" };
		expect((await csms.call("RequestStartTransaction", { remoteStartId: 9, idToken, evseId: 1 })).status).toBe("Accepted");
		const started = (await csms.waitFor("TransactionEvent", (its) => its.eventType === "Started")).payload;
		expect([started.triggerReason, started.transactionInfo.remoteStartId]).toEqual(["RemoteStart", 9]);
		await csms.waitFor("TransactionEvent", (its) => its.transactionInfo.chargingState === "Charging");
		const { transactionId } = started.transactionInfo;
		expect((await csms.call("ChangeAvailability", { operationalStatus: "Inoperative" })).status).toBe("Scheduled");
		expect((await csms.call("TriggerMessage", { requestedMessage: "TransactionEvent" })).status).toBe("Accepted");
		await csms.waitFor("TransactionEvent", (its) => its.triggerReason === "Trigger");
		const status = await csms.call("GetTransactionStatus", { transactionId });
		expect(status.ongoingIndicator).toBeTrue();
		const remoteLocation = `http://127.0.0.1:${(files.address() as AddressInfo).port}/`;
		expect((await csms.call("GetLog", { logType: "SecurityLog", requestId: 2, log: { remoteLocation } })).status).toBe("Accepted");
		await csms.waitFor("LogStatusNotification", (its) => its.status === "Uploaded");
		expect((await csms.call("RequestStopTransaction", { transactionId })).status).toBe("Accepted");
		const ended = (await csms.waitFor("TransactionEvent", (its) => its.eventType === "Ended")).payload;
		expect([ended.triggerReason, ended.transactionInfo.stoppedReason]).toEqual(["RemoteStop", "Remote"]);
		await csms.waitFor("StatusNotification", (its) => its.connectorStatus === "Unavailable");
		const about = { requestId: 3, report: true, clear: true, idToken };
		expect((await csms.call("CustomerInformation", about)).status).toBe("Accepted");
		await csms.waitFor("NotifyCustomerInformation");
		expect((await csms.call("DataTransfer", { vendorId: "nobody" })).status).toBe("UnknownVendorId");
		expect((await csms.call("GetInstalledCertificateIds", {})).status).toBe("NotFound");
		const from = csms.calls.length;
		expect((await csms.call("Reset", { type: "Immediate" })).status).toBe("Accepted");
		const boot = (await csms.waitFor("BootNotification", () => true, from)).payload;
		expect(boot.reason).toBe("RemoteReset");
		await csms.waitFor("StatusNotification", (its) => its.connectorStatus === "Unavailable", from);
		await csms.waitFor("SecurityEventNotification", (its) => its.type === "ResetOrReboot", from);
		expect(uploads.length).toBe(1);
		expectSound(csms);
		console.log(`[second CSMS, session by command: ${csms.messages} messages, ${csms.refused.length} refused]`);
		files.close();
	}, 30_000);

	it("A00.FR.204 with another password nobody is let in", async () => {
		const { csms, station } = await start("another-password-16");
		await station.command("log", { n: 20 });
		for (let i = 0; i < 200; i++) {
			const lines = (await station.command("log", { n: 20 })) as string[];
			if (lines.some((line) => line.includes("handshakeRefused 401"))) break;
			await new Promise((done) => setTimeout(done, 20));
		}
		const lines = (await station.command("log", { n: 20 })) as string[];
		expect(lines.join("\n")).toContain("handshakeRefused 401");
		expect(csms.calls).toEqual([]);
	}, 30_000);
});
