// Security events that no stimulus of the board brings about at will: on Node only, because these cases look inside the firmware. Power cuts
// between an event and its answer are in power-cuts.spec.ts. Source: OCPP 2.0.1 Part 2, A00.FR.310 to A00.FR.316, A04.

import { LIMITS } from "../../preload/limits.js";
import type { SecurityEventNotificationRequest } from "../../preload/payloads.js";
import { Exhausted, SecurityEvent, securityEvent } from "../../modules/model/security-event.js";
import { InternalEvent, SocketError } from "../../modules/ports/events.js";
import { Rig, firmwareOf, rigPerCase } from "./rig-inside.js";

/** What the CSMS was told since message `from`, as type and technical information. */
async function events(rig: Rig, least = 0, from = 0): Promise<string[]> {
	const told = await rig.told<SecurityEventNotificationRequest>("SecurityEventNotification", least, from);
	return told.map((event) => (event.techInfo === undefined ? event.type : `${event.type} ${event.techInfo}`));
}

describe("security events, inside", () => {
	const open = rigPerCase();

	it("A04.FR.01 a full queue is told as MemoryExhaustion once, until it was empty", async () => {
		const rig = await open();
		await events(rig, 1);
		const from = rig.csms.messages.length;
		const station = firmwareOf(rig);
		const refused = securityEvent(SecurityEvent.memoryExhaustion, Exhausted.eventRefused);
		for (let i = 0; i < 5; i++) station.raise(InternalEvent.securityEvent, -1, refused);
		await rig.settle();
		expect(await events(rig, 1, from)).toEqual(["MemoryExhaustion transaction event refused"]);
		await rig.advance(LIMITS.securityEventMs + 1000);
		station.raise(InternalEvent.securityEvent, -1, refused);
		await rig.settle();
		expect((await events(rig, 2, from)).length).toBe(2);
	});

	it("A00.FR.310 A00.FR.314 A00.FR.316 servers that TLS refused are told by cause", async () => {
		const rig = await open();
		await events(rig, 1);
		const from = rig.csms.messages.length;
		const station = firmwareOf(rig);
		for (const error of [SocketError.unknownCa, SocketError.expired, SocketError.tlsVersion, SocketError.tlsCipher])
			station.raise(InternalEvent.serverRefused, -1, error);
		await rig.settle();
		expect(await events(rig, 4, from)).toEqual([
			"InvalidCsmsCertificate unknown CA", "InvalidCsmsCertificate expired", "InvalidTLSVersion TLS version", "InvalidTLSCipherSuite cipher suite",
		]);
		const later = rig.csms.messages.length;
		station.raise(InternalEvent.serverRefused, -1, SocketError.clientRefused);
		station.raise(InternalEvent.serverRefused, -1, SocketError.tlsMemory);
		await rig.settle();
		// Neither is critical: both are only logged.
		expect(await events(rig, 0, later)).toEqual([]);
	});

	it("A00.FR.311 a server that was refused while there was no connection is told after the next one that stands", async () => {
		const rig = await open();
		await events(rig, 1);
		const from = rig.csms.messages.length;
		rig.net("drop");
		await rig.advance(1000);
		const atMs = rig.nowMs();
		firmwareOf(rig).raise(InternalEvent.serverRefused, -1, SocketError.wrongName);
		await rig.advance(10_000);
		rig.net("up");
		await rig.advance(120_000);
		expect(await events(rig, 1, from)).toEqual(["InvalidCsmsCertificate wrong name"]);
		const [event] = await rig.told<SecurityEventNotificationRequest>("SecurityEventNotification", 1, from);
		expect(Date.parse(event.timestamp)).toBe(atMs);
	});
});
