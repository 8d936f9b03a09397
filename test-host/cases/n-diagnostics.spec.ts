// Logs and customer information as the CSMS fetches them, with a file server of Node. Source: OCPP 2.0.1 Part 2, N01, N09,
// N10, F06.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTcp, type AddressInfo } from "node:net";
import { LIMITS } from "../../preload/limits.js";
import type { GetLogResponse, LogStatusNotificationRequest, NotifyCustomerInformationRequest } from "../../preload/payloads.js";
import { WITHHOLD } from "../csms/scripted.js";
import { type Rig, rigPerCase } from "./rig.js";

interface Upload {
	method: string;
	path: string;
	headers: IncomingMessage["headers"];
	lines: string[];
}

describe("logs", () => {
	const open = rigPerCase();
	let server: Server;
	let uploads: Upload[];
	let base: string;
	/** Answers in turn; the last one stays. A function gets the request before its body. */
	let replies: (number | ((request: IncomingMessage, response: ServerResponse) => void))[];

	beforeEach(async () => {
		uploads = [];
		replies = [201];
		server = createServer((request, response) => {
			const reply = replies.length > 1 ? replies.shift()! : replies[0];
			if (typeof reply === "function") return reply(request, response);
			let body = "";
			request.setEncoding("utf8").on("data", (text: string) => (body += text)).on("end", () => {
				uploads.push({ method: request.method!, path: request.url!, headers: request.headers, lines: body.split("\n").slice(0, -1) });
				response.writeHead(reply).end();
			});
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	});
	afterEach(async () => {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	});

	function getLog(rig: Rig, more: { requestId?: number; remoteLocation?: string; logType?: string; log?: object; [name: string]: unknown } = {}): Promise<GetLogResponse> {
		const { remoteLocation = base + "/logs/", log, ...rest } = more;
		return rig.call("GetLog", { logType: "SecurityLog", requestId: 7, ...rest, log: { remoteLocation, ...log } });
	}

	/** What was told of uploads since `from`, as "requestId status"; waits for `least`. */
	async function told(rig: Rig, least: number, from = 0): Promise<string[]> {
		const list = await rig.told<LogStatusNotificationRequest>("LogStatusNotification", least, from);
		return list.map((its) => `${its.requestId ?? "-"} ${its.status}`);
	}

	/** Lets real sockets work until so many uploads have arrived. */
	async function arrived(rig: Rig, count: number): Promise<void> {
		for (let i = 0; i < 400 && uploads.length < count; i++) await rig.settle();
		expect(uploads.length).toBe(count);
	}

	it("N01.FR.01 N01.FR.07 N01.FR.08 N01.FR.09 N01.FR.13 a security log: Accepted with its name, Uploading, the file, Uploaded", async () => {
		const rig = await open();
		const answer = await getLog(rig);
		expect(answer.status).toBe("Accepted");
		expect(answer.filename).toBe("security-20260301T080000Z-7.txt");
		expect(await told(rig, 2)).toEqual(["7 Uploading", "7 Uploaded"]);
		expect(uploads.length).toBe(1);
		expect([uploads[0].method, uploads[0].path]).toEqual(["PUT", "/logs/" + answer.filename]);
		expect(uploads[0].lines).toEqual(["2026-03-01T08:00:00.000Z StartupOfTheDevice"]);
		await rig.settle();
		expect((await told(rig, 2)).length).toBe(2);
		// The answer comes before what it causes.
		const at = rig.csms.messages.findIndex((m) => m.fromStation && m.type === 3);
		expect(rig.csms.messages.findIndex((m) => m.action === "LogStatusNotification")).toBeGreaterThan(at);
	});

	it("N01.FR.08 a security log of many of events arrives whole, oldest first, without a secret", async () => {
		const rig = await open();
		rig.password = "fedcba9876543210";
		await rig.set("SecurityCtrlr.BasicAuthPassword", "fedcba9876543210");
		await rig.advance(5000);
		for (let i = 0; i < 60; i++) {
			await rig.clock.advance(LIMITS.securityEventMs + 1000);
			rig.desktop.board.tamper();
			await rig.settle();
		}
		const from = rig.csms.messages.length;
		await getLog(rig, { remoteLocation: base.replace("http://", "http://user:secret-word@") + "/a.txt" });
		expect(await told(rig, 2, from)).toEqual(["7 Uploading", "7 Uploaded"]);
		const lines = uploads[0].lines;
		expect(lines.length).toBe(62);
		expect(lines[1]).toMatch(/^2026-03-01T08:00:00.000Z ReconfigurationOfSecurityParameters SecurityCtrlr.BasicAuthPassword$/);
		const times = lines.map((line) => line.slice(0, 24));
		expect(times).toEqual([...times].sort());
		expect(lines.join("\n")).not.toMatch(/fedcba|0123456789abcdef|secret-word/);
		expect(uploads[0].path).toBe("/a.txt");
		expect(Buffer.from(uploads[0].headers.authorization!.slice(6), "base64").toString()).toBe("user:secret-word");
	});

	it("N01.FR.01 a diagnostics log says what the station knows of itself", async () => {
		const rig = await open();
		await rig.charge();
		const answer = await getLog(rig, { logType: "DiagnosticsLog", requestId: 12 });
		expect(answer.filename).toMatch(/^diagnostics-.*-12\.txt$/);
		expect(await told(rig, 2)).toEqual(["12 Uploading", "12 Uploaded"]);
		const text = uploads[0].lines.join("\n");
		expect(text).toContain("station Vendor Model 1\nfirmware 0.1.0\ntime 2026-03-01T08:00:00.000Z\nboots 1 last PowerUp\n");
		expect(text).toMatch(/^evse 1 Occupied facts \d+ faults 0 limit 32000 mA register \d+ Wh$/m);
		expect(text).not.toMatch(/0123456789abcdef|04A2B3/);
	});

	it("N01.FR.05 oldestTimestamp and latestTimestamp choose the events; with none left the answer is Rejected", async () => {
		const rig = await open();
		for (let i = 0; i < 5; i++) {
			await rig.advance(120_000);
			rig.desktop.board.tamper();
			await rig.settle();
		}
		const log = { oldestTimestamp: "2026-03-01T08:04:00Z", latestTimestamp: "2026-03-01T08:06:00.000Z" };
		expect((await getLog(rig, { log })).status).toBe("Accepted");
		await told(rig, 2);
		expect(uploads[0].lines.map((line) => line.slice(11, 19))).toEqual(["08:04:00", "08:06:00"]);
		const from = rig.csms.messages.length;
		expect(await getLog(rig, { log: { oldestTimestamp: "2027-01-01T00:00:00Z" } })).toEqual({ status: "Rejected" });
		await rig.advance(1000);
		expect(await told(rig, 0, from)).toEqual([]);
	});

	it("N01.FR.10 nobody there: Uploading, and after `retries` retries `retryInterval` seconds apart UploadFailure once", async () => {
		const rig = await open();
		const dead = createTcp();
		await new Promise<void>((resolve) => dead.listen(0, "127.0.0.1", resolve));
		const remoteLocation = `http://127.0.0.1:${(dead.address() as AddressInfo).port}/x`;
		await new Promise((resolve) => dead.close(resolve));
		await getLog(rig, { remoteLocation, retries: 2, retryInterval: 30 });
		expect(await told(rig, 1)).toEqual(["7 Uploading"]);
		await rig.advance(29_000);
		await rig.advance(25_000);
		expect(await told(rig, 1)).toEqual(["7 Uploading"]);
		await rig.advance(7_000);
		await rig.settle();
		expect(await told(rig, 2)).toEqual(["7 Uploading", "7 UploadFailure"]);
		await rig.advance(300_000);
		expect((await told(rig, 2)).length).toBe(2);
	});

	it("N01.FR.10 a retry that works ends as Uploaded", async () => {
		const rig = await open();
		replies = [503, 201];
		await getLog(rig, { retries: 1, retryInterval: 10 });
		await arrived(rig, 1);
		await rig.advance(11_000);
		expect(await told(rig, 2)).toEqual(["7 Uploading", "7 Uploaded"]);
		expect(uploads[1].lines).toEqual(uploads[0].lines);
	});

	it("N01.FR.10 what the server or the URL says becomes the status", async () => {
		const rig = await open();
		for (const [reply, status] of [[400, "BadMessage"], [401, "PermissionDenied"], [403, "PermissionDenied"],
			[405, "NotSupportedOperation"], [501, "NotSupportedOperation"], [404, "UploadFailure"], [500, "UploadFailure"], [302, "UploadFailure"]] as const) {
			replies = [reply];
			const from = rig.csms.messages.length;
			await getLog(rig);
			expect([reply, ...(await told(rig, 2, from))]).toEqual([reply, "7 Uploading", `7 ${status}`]);
		}
		for (const [remoteLocation, status] of [["ftp://a/b", "NotSupportedOperation"], ["b", "NotSupportedOperation"],
			["http://a:0/b", "BadMessage"], ["http://127.0.0.1:1/b", "UploadFailure"]]) {
			const from = rig.csms.messages.length;
			expect((await getLog(rig, { remoteLocation, retries: 0 })).status).toBe("Accepted");
			expect([remoteLocation, ...(await told(rig, 2, from))]).toEqual([remoteLocation, "7 Uploading", `7 ${status}`]);
		}
	});

	it("N01.FR.19 a server that refuses PUT gets the file by POST, in the same attempt", async () => {
		const rig = await open();
		replies = [405, 200];
		const answer = await getLog(rig);
		expect(await told(rig, 2)).toEqual(["7 Uploading", "7 Uploaded"]);
		expect(uploads.map((its) => its.method)).toEqual(["PUT", "POST"]);
		expect(uploads[1].headers["content-disposition"]).toBe(`attachment; filename="${answer.filename}"`);
		expect(uploads[1].headers["content-type"]).toBe("text/plain; charset=utf-8");
		expect(uploads[1].lines).toEqual(uploads[0].lines);
	});

	it("N01.FR.12 N01.FR.20 a second GetLog cancels the first: AcceptedCanceled in the answer and for the old requestId", async () => {
		const rig = await open();
		let held: IncomingMessage | undefined;
		replies = [(request) => (held = request), 201];
		expect((await getLog(rig, { requestId: 1 })).status).toBe("Accepted");
		expect(await told(rig, 1)).toEqual(["1 Uploading"]);
		for (let i = 0; i < 100 && held === undefined; i++) await rig.settle();
		const answer = await getLog(rig, { requestId: 2, logType: "DiagnosticsLog" });
		expect(answer.status).toBe("AcceptedCanceled");
		expect(answer.filename).toMatch(/^diagnostics-/);
		expect(await told(rig, 4)).toEqual(["1 Uploading", "1 AcceptedCanceled", "2 Uploading", "2 Uploaded"]);
		for (let i = 0; i < 100 && !held!.socket.destroyed; i++) await rig.settle();
		expect(held!.socket.destroyed).toBeTrue();
	});

	it("N01.FR.09 no end is lost: while two of them could not be told yet a third log is Rejected", async () => {
		const rig = await open();
		await rig.told("SecurityEventNotification", 1);
		replies = [() => undefined];
		rig.csms.once("LogStatusNotification", WITHHOLD);
		await getLog(rig, { requestId: 7 });
		expect((await getLog(rig, { requestId: 8 })).status).toBe("AcceptedCanceled");
		expect((await getLog(rig, { requestId: 9 })).status).toBe("Rejected");
		replies = [201];
		await rig.advance(31_000);
		expect((await told(rig, 3)).slice(0, 3)).toEqual(["7 Uploading", "7 AcceptedCanceled", "8 Uploading"]);
		await rig.advance(LIMITS.uploadIdleMs + 1000);
		expect((await told(rig, 4))[3]).toBe("8 UploadFailure");
		expect((await getLog(rig, { requestId: 10 })).status).toBe("Accepted");
		expect((await told(rig, 6)).slice(4)).toEqual(["10 Uploading", "10 Uploaded"]);
	});

	it("N01.FR.12 a GetLog after the end of the last one is simply Accepted, though its end could not be told yet", async () => {
		const rig = await open();
		rig.csms.once("LogStatusNotification", rig.csms.delayed(300, {}));
		expect((await getLog(rig, { requestId: 1 })).status).toBe("Accepted");
		await arrived(rig, 1);
		expect((await getLog(rig, { requestId: 2 })).status).toBe("Accepted");
		expect(await told(rig, 4)).toEqual(["1 Uploading", "1 Uploaded", "2 Uploading", "2 Uploaded"]);
	});

	it("N01.FR.10 a server that never answers is given up, and the next GetLog works", async () => {
		const rig = await open();
		replies = [() => undefined, 201];
		await getLog(rig);
		expect(await told(rig, 1)).toEqual(["7 Uploading"]);
		for (let waited = 0; waited < LIMITS.uploadIdleMs + 5000; waited += 5000) await rig.advance(5000);
		expect(await told(rig, 2)).toEqual(["7 Uploading", "7 UploadFailure"]);
		const from = rig.csms.messages.length;
		await getLog(rig, { requestId: 8 });
		expect(await told(rig, 2, from)).toEqual(["8 Uploading", "8 Uploaded"]);
	});

	it("N01.FR.07 a link that drops while a log is on its way: the file arrives, and its end is told after it", async () => {
		const rig = await open();
		const waiting: ServerResponse[] = [];
		replies = [(request, response) => request.resume().on("end", () => waiting.push(response))];
		await getLog(rig);
		expect(await told(rig, 1)).toEqual(["7 Uploading"]);
		for (let i = 0; i < 100 && waiting.length === 0; i++) await rig.settle();
		await rig.csms.disconnect(true);
		await rig.settle();
		waiting[0].writeHead(200).end();
		await rig.advance(120_000);
		expect(await told(rig, 2)).toEqual(["7 Uploading", "7 Uploaded"]);
	});

	it("F06.FR.14 F06.FR.15 LogStatusNotification by TriggerMessage: Idle without a requestId, Uploading with it while a log is on its way", async () => {
		const rig = await open();
		expect((await rig.call("TriggerMessage", { requestedMessage: "LogStatusNotification" })).status).toBe("Accepted");
		expect(await told(rig, 1)).toEqual(["- Idle"]);
		replies = [() => undefined, 201];
		await getLog(rig);
		expect(await told(rig, 2)).toEqual(["- Idle", "7 Uploading"]);
		await rig.call("TriggerMessage", { requestedMessage: "LogStatusNotification" });
		expect(await told(rig, 3)).toEqual(["- Idle", "7 Uploading", "7 Uploading"]);
		await rig.advance(LIMITS.uploadIdleMs + 1000);
		expect((await told(rig, 4))[3]).toBe("7 UploadFailure");
		await rig.call("TriggerMessage", { requestedMessage: "LogStatusNotification" });
		expect((await told(rig, 5))[4]).toBe("- Idle");
	});

	it("B02.FR.02 while Pending no log is fetched and no customer told of, but LogStatusNotification comes when it is asked for", async () => {
		const rig = await open({ boot: "Pending", interval: 600 });
		const log = { remoteLocation: base };
		expect(await rig.refused("GetLog", { logType: "DiagnosticsLog", requestId: 7, log })).toBe("SecurityError");
		const about = { requestId: 5, report: true, clear: false, customerIdentifier: "C-1" };
		expect(await rig.refused("CustomerInformation", about)).toBe("SecurityError");
		expect((await rig.call("TriggerMessage", { requestedMessage: "LogStatusNotification" })).status).toBe("Accepted");
		expect(await told(rig, 1)).toEqual(["- Idle"]);
		expect(rig.actions()).toEqual(["BootNotification", "LogStatusNotification"]);
	});

	it("B11.FR.01 a station that uploads a log is not idle: Reset OnIdle is Scheduled, and done when the upload is over", async () => {
		const rig = await open();
		const waiting: ServerResponse[] = [];
		replies = [(request, response) => void request.resume().on("end", () => waiting.push(response))];
		await getLog(rig);
		for (let i = 0; i < 400 && waiting.length < 1; i++) await rig.settle();
		expect((await rig.call("Reset", { type: "OnIdle" })).status).toBe("Scheduled");
		await rig.advance(5000);
		expect(rig.csms.calls("BootNotification").length).toBe(1);
		waiting[0].writeHead(200).end();
		const from = rig.csms.messages.length;
		expect((await told(rig, 2))[1]).toBe("7 Uploaded");
		await rig.advance(1000);
		const boots = await rig.told<{ reason: string }>("BootNotification", 1, from);
		expect(boots.map((boot) => boot.reason)).toEqual(["ScheduledReset"]);
	});
});

describe("customer information", () => {
	const open = rigPerCase();
	const TOKEN = { idToken: { idToken: "04A2B3", type: "ISO14443" } };

	async function ask(rig: Rig, request: object): Promise<string> {
		return (await rig.call("CustomerInformation", { requestId: 5, report: false, clear: false, ...request })).status;
	}

	const told = (rig: Rig, least: number): Promise<NotifyCustomerInformationRequest[]> => rig.told("NotifyCustomerInformation", least);

	it("N09.FR.02 N09.FR.06 a report of an unknown customer: Accepted, then one message that says that nothing is stored", async () => {
		const rig = await open();
		expect(await ask(rig, { report: true, ...TOKEN })).toBe("Accepted");
		const [message] = await told(rig, 1);
		expect([message.requestId, message.seqNo, message.tbc]).toEqual([5, 0, undefined]);
		expect(message.data).toContain("No data about this customer");
		await rig.advance(60_000);
		expect((await told(rig, 1)).length).toBe(1);
	});

	it("N10.FR.04 N10.FR.06 clearing without a report is told in one message too", async () => {
		const rig = await open();
		for (const who of [{ customerIdentifier: "customer" }, TOKEN, {
			customerCertificate: { hashAlgorithm: "SHA256", issuerNameHash: "a", issuerKeyHash: "b", serialNumber: "c" },
		}]) {
			const before = (await told(rig, 0)).length;
			expect(await ask(rig, { clear: true, ...who })).toBe("Accepted");
			const messages = await told(rig, before + 1);
			expect(messages.length).toBe(before + 1);
			expect(messages[before].data).toBe("Nothing to clear.");
		}
	});

	it("N10.FR.04 the token of a running transaction is billing data: it is kept, said so, and the transaction goes on", async () => {
		const rig = await open();
		const id = await rig.charge("04A2B3");
		expect(await ask(rig, { report: true, clear: true, idToken: { idToken: "04a2b3", type: "ISO14443" } })).toBe("Accepted");
		const [message] = await told(rig, 1);
		expect(message.data).toContain("EVSE 1, transaction " + id);
		expect(message.data).toContain("billing data and is kept");
		await rig.token("04A2B3");
		expect(rig.story().pop()).toMatch(/^(Updated|Ended)\/StopAuthorized/);
	});

	it("N10.FR.04 a token that waits for a cable is cleared", async () => {
		const rig = await open({ evses: 2 });
		await rig.token("04A2B3");
		expect(await ask(rig, { report: true, clear: true, ...TOKEN })).toBe("Accepted");
		const [message] = await told(rig, 1);
		expect(message.data).toBe("idToken waits for authorization or a cable. Waiting idToken cleared. ");
		await rig.plug(1);
		expect(rig.story()).toEqual([]);
	});

	it("N09.FR.07 N10.FR.07 neither report nor clear is Rejected, and nothing follows", async () => {
		const rig = await open();
		expect(await ask(rig, TOKEN)).toBe("Rejected");
		await rig.advance(10_000);
		expect(await told(rig, 0)).toEqual([]);
	});

	it("N09.FR.09 none or more than one of token, certificate and identifier is Invalid, and nothing follows", async () => {
		const rig = await open();
		expect(await ask(rig, { report: true })).toBe("Invalid");
		expect(await ask(rig, { clear: true, ...TOKEN, customerIdentifier: "customer" })).toBe("Invalid");
		await rig.advance(10_000);
		expect(await told(rig, 0)).toEqual([]);
	});
});
