// An upload of a log that changes meanwhile, and whom a file server must be signed by: on Node only, because these cases look
// inside the firmware. Source: OCPP 2.0.1 Part 2, N01.

import { createServer as createHttps } from "node:https";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { LogStatusNotificationRequest } from "../../preload/payloads.js";
import { SecurityEvent, securityEvent } from "../../modules/model/security-event.js";
import { InternalEvent } from "../../modules/ports/events.js";
import { issue } from "./pki.js";
import { firmwareOf, rigPerCase } from "./rig-inside.js";

describe("logs, inside", () => {
	const open = rigPerCase();
	let server: Server;
	let base: string;
	let serve: (request: IncomingMessage, response: ServerResponse) => void;

	beforeEach(async () => {
		server = createServer((request, response) => serve(request, response));
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/logs/`;
	});
	afterEach(async () => {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	});

	it("N01 FileTransferProtocols names HTTPS where the board has TLS, and nowhere else", async () => {
		const rig = await open();
		expect(await rig.get("OCPPCommCtrlr.FileTransferProtocols")).toBe("HTTP,HTTPS");
		spyOnProperty(rig.desktop.board.net, "speaksTls").and.returnValue(false);
		expect(await rig.get("OCPPCommCtrlr.FileTransferProtocols")).toBe("HTTP");
	});

	it("N01.FR.08 events that are written while the log is read change nothing, also when the journal gives a block free", async () => {
		const rig = await open({ blocks: 40 });
		const station = firmwareOf(rig);
		const note = (count: number): void => {
			for (let i = 0; i < count; i++) station.raise(InternalEvent.securityEvent, -1, securityEvent(SecurityEvent.attemptedReplayAttacks, 0));
		};
		note(700);
		const bodies: string[] = [];
		let connections = 0;
		serve = (request, response) => {
			let body = "";
			request.setEncoding("utf8").on("data", (text: string) => (body += text)).on("end", () => {
				bodies.push(body);
				response.writeHead(200).end();
			});
		};
		// The network stops when the file server is reached: the log is measured and still to be read.
		server.on("connection", () => {
			if (++connections === 1) rig.net("blackhole");
		});
		await rig.call("GetLog", { logType: "SecurityLog", requestId: 7, log: { remoteLocation: base } });
		for (let i = 0; i < 20; i++) await rig.settle();
		note(200);
		rig.net("up");
		const told = await rig.told<LogStatusNotificationRequest>("LogStatusNotification", 2);
		expect(told).toEqual([{ requestId: 7, status: "Uploading" }, { requestId: 7, status: "Uploaded" }]);
		expect(connections).toBe(2);
		expect(bodies.length).toBe(1);
		const lines = bodies[0].split("\n").slice(0, -1);
		expect(lines.length).toBeGreaterThan(100);
		for (const line of lines) expect(line).toMatch(/^2026-03-01T08:00:0\d\.000Z (AttemptedReplayAttacks|StartupOfTheDevice)$/);
		expect(station.upload).toBeNull();
	});

	it("N01.FR.01 a diagnostics log ends with the diagnostic events that the host keeps, oldest first", async () => {
		const rig = await open();
		let body = "";
		serve = (request, response) => {
			request.setEncoding("utf8").on("data", (text: string) => (body += text)).on("end", () => response.writeHead(200).end());
		};
		await rig.call("GetLog", { logType: "DiagnosticsLog", requestId: 7, log: { remoteLocation: base } });
		await rig.told("LogStatusNotification", 2);
		// Booted, connecting, connected, registered: LogCode of ports/events.ts.
		expect(body).toMatch(/\nlog 1 0 0\nlog 2 1 1\nlog 3 1 0\nlog 6 3 86400\n/);
	});

	it("N01.FR.15 an https file server is trusted when its chain ends in a root of the CSMS, and no other", async () => {
		const rig = await open();
		const root = issue({ commonName: "Root", isCa: true });
		const leaf = issue({ commonName: "localhost", issuer: root });
		let received = "";
		const secure = createHttps({ key: leaf.keyPem, cert: leaf.pem }, (request, response) => {
			request.setEncoding("utf8").on("data", (text: string) => (received += text)).on("end", () => response.writeHead(201).end());
		});
		await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
		const remoteLocation = `https://localhost:${(secure.address() as AddressInfo).port}/a.txt`;
		const upload = async (): Promise<LogStatusNotificationRequest> => {
			const from = rig.csms.messages.length;
			await rig.call("GetLog", { logType: "SecurityLog", requestId: 7, log: { remoteLocation } });
			return (await rig.told<LogStatusNotificationRequest>("LogStatusNotification", 2, from))[1];
		};
		expect((await upload()).status).toBe("UploadFailure");
		const installed = await rig.call("InstallCertificate", { certificateType: "CSMSRootCertificate", certificate: root.pem });
		expect(installed.status).toBe("Accepted");
		expect((await upload()).status).toBe("Uploaded");
		expect(received).toContain("StartupOfTheDevice");
		// A file server that was refused is no server of the CSMS: nothing of it is told as a security event.
		expect(received).not.toContain("InvalidCsmsCertificate");
		secure.closeAllConnections();
		await new Promise((resolve) => secure.close(resolve));
	});
});
