// A. The identity of the CSMS, with real TLS servers: who is refused, how that is told when the right server is back, and what a
// clock that was never set makes of dates. Source: OCPP 2.0.1 Part 2, A00.FR.301 to A00.FR.316, A01, A05.

import * as tls from "node:tls";
import type { SecurityEventNotificationRequest } from "../../preload/payloads.js";
import { issue, type Issued } from "./pki.js";
import { rigPerCase, type Rig } from "./rig.js";
import { Front, QUICK, ROOT, install, passUntil, serverFor, setProfile, upgrade } from "./tls-front.js";

const DAY_MS = 86_400_000;

/** What the CSMS was told of servers since message `from`. */
async function refusals(rig: Rig, from: number): Promise<string[]> {
	const told = await rig.told<SecurityEventNotificationRequest>("SecurityEventNotification", 0, from);
	return told.filter((event) => event.type.startsWith("Invalid")).map((event) => `${event.type} ${event.techInfo}`);
}

describe("TLS: identity of the CSMS", () => {
	const open = rigPerCase();

	/** Every way in which a server can be the wrong one, and what is told of it. */
	function wrongServers(nowMs: number): [told: string, own: Issued, options?: tls.TlsOptions][] {
		const weak = "DEFAULT@SECLEVEL=0";
		return [
			["InvalidCsmsCertificate unknown CA", serverFor({ issuer: issue({ commonName: "Root", isCa: true }) })],
			["InvalidCsmsCertificate wrong name", serverFor({ commonName: "csms.example.com", alternative: ["localhost", [127, 0, 0, 2]] })],
			["InvalidCsmsCertificate expired", serverFor({ from: nowMs - 90 * DAY_MS, to: nowMs - 60_000 })],
			["InvalidCsmsCertificate not yet valid", serverFor({ from: nowMs + DAY_MS })],
			["InvalidTLSVersion TLS version", serverFor({ rsa: true }), { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: weak }],
			["InvalidTLSCipherSuite cipher suite", serverFor({ rsa: true }), { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-SHA256" }],
		];
	}

	it("A00.FR.308 A00.FR.311 A00.FR.313 A00.FR.314 A00.FR.315 A00.FR.316 each cause is told once, when the right server is back", async () => {
		const rig = await open({ variables: QUICK });
		const good = serverFor();
		const front = await Front.open(rig, good);
		await upgrade(rig, front);
		const from = rig.csms.messages.length;
		const wrong = wrongServers(rig.nowMs());
		const connected = rig.csms.connections;
		for (const [told, own, options] of wrong) {
			await front.become(own, options);
			const least = front.attempts + 3;
			await passUntil(rig, () => front.attempts >= least, told);
		}
		// Nobody but the CSMS behind the right server has heard a word of ours.
		expect(rig.csms.connections).toBe(connected);
		expect(front.heads).toHaveSize(1);
		expect(await refusals(rig, from)).toEqual([]);
		await front.become(good);
		await passUntil(rig, () => rig.csms.calls("SecurityEventNotification", from).length >= wrong.length, "events");
		expect(await refusals(rig, from)).toEqual(wrong.map(([told]) => told));
		// A cause that comes back after a connection that stood is a new one.
		const later = rig.csms.messages.length;
		await front.become(wrong[0][1]);
		const least = front.attempts + 3;
		await passUntil(rig, () => front.attempts >= least, "attempts");
		await front.become(good);
		await passUntil(rig, () => rig.csms.calls("SecurityEventNotification", later).length >= 1, "event");
		expect(await refusals(rig, later)).toEqual([wrong[0][0]]);
		rig.powerOff();
		await front.close();
	}, 60_000);

	it("A00.FR.308 errata: a wildcard names no host; a name beside it does", async () => {
		const rig = await open({ variables: QUICK });
		const front = await Front.open(rig, serverFor());
		await upgrade(rig, front);
		const from = rig.csms.messages.length;
		for (const wish of [{ commonName: "*" }, { commonName: "127.0.0.*" }, { commonName: "x", alternative: ["*", "*.0.0.1"] }]) {
			await front.become(serverFor(wish));
			const least = front.attempts + 1;
			await passUntil(rig, () => front.attempts >= least, "attempt");
		}
		await front.become(serverFor({ commonName: "*", alternative: ["*", [127, 0, 0, 1]] }));
		await passUntil(rig, () => rig.csms.calls("SecurityEventNotification", from).length >= 1, "event");
		expect(await refusals(rig, from)).toEqual(["InvalidCsmsCertificate wrong name"]);
		rig.powerOff();
		await front.close();
	}, 60_000);

	it("A00.FR.311 A04.FR.02 a refusal is told after a power cut, too", async () => {
		const rig = await open({ variables: QUICK });
		const good = serverFor();
		const front = await Front.open(rig, good);
		await upgrade(rig, front);
		const from = rig.csms.messages.length;
		await front.become(serverFor({ commonName: "other" }));
		const least = front.attempts + 2;
		await passUntil(rig, () => front.attempts >= least, "attempt");
		rig.powerOff();
		await front.become(good);
		rig.powerOn();
		await passUntil(rig, () => rig.csms.calls("SecurityEventNotification", from).length >= 2, "events");
		expect(await refusals(rig, from)).toEqual(["InvalidCsmsCertificate wrong name"]);
		rig.powerOff();
		await front.close();
	}, 60_000);

	it("A00.FR.308 a clock that was never set: the expired server is left as soon as it tells the time, and told once", async () => {
		const rig = await open({ variables: QUICK });
		const good = serverFor();
		const front = await Front.open(rig, good);
		await upgrade(rig, front);
		rig.powerOff();
		const now = rig.nowMs();
		// The floor is the time that the CSMS told last; a day after it no boot can tell that this one has expired.
		await front.become(serverFor({ from: now - DAY_MS, to: now + DAY_MS }));
		const clockMs = rig.csms.clockMs;
		rig.csms.clockMs = () => clockMs() + 2 * DAY_MS;
		const from = rig.csms.messages.length;
		rig.powerOn();
		const boots = (): number => rig.csms.calls("BootNotification", from).length;
		await passUntil(rig, () => boots() === 1, "boot");
		const least = front.attempts + 3;
		await passUntil(rig, () => front.attempts >= least, "attempts");
		// Now that the time is known, it is not taken again.
		expect(boots()).toBe(1);
		expect(await refusals(rig, from)).toEqual([]);
		await front.become(good);
		await passUntil(rig, () => rig.csms.calls("SecurityEventNotification", from).length >= 2, "events");
		expect(await refusals(rig, from)).toEqual(["InvalidCsmsCertificate expired"]);
		// The time is kept: after the next boot the same server is refused before it can say a word.
		rig.powerOff();
		await front.become(serverFor({ from: now - DAY_MS, to: now + DAY_MS }));
		const again = rig.csms.connections;
		rig.powerOn();
		const tries = front.attempts + 2;
		await passUntil(rig, () => front.attempts >= tries, "attempts");
		expect(rig.csms.connections).toBe(again);
		rig.powerOff();
		await front.close();
	}, 60_000);

	it("A00.FR.301 A00.FR.302 A00.FR.303 A00.FR.304 Basic authentication over TLS: on every attempt, as UTF-8 text", async () => {
		const rig = await open({ variables: QUICK });
		const front = await Front.open(rig, serverFor());
		await upgrade(rig, front);
		const basic = (password: string): string => `Authorization: Basic ${Buffer.from(`CS001:${password}`, "utf8").toString("base64")}\r\n`;
		expect(front.heads[0]).toContain(basic("0123456789abcdef"));
		for (const password of ["short", "x".repeat(41), "123456789012345"]) expect(await rig.set("SecurityCtrlr.BasicAuthPassword", password)).toBe("Rejected");
		const next = "Ünïcödé passwörd 充電";
		rig.password = next;
		expect(await rig.set("SecurityCtrlr.BasicAuthPassword", next)).toBe("Accepted");
		await passUntil(rig, () => rig.csms.connected !== undefined && front.heads.length >= 2, "connection");
		for (let i = 0; i < 2; i++) {
			const least = front.heads.length + 1;
			await front.become(serverFor());
			await passUntil(rig, () => rig.csms.connected !== undefined && front.heads.length >= least, "connection");
		}
		for (const head of front.heads.slice(1)) expect(head).toContain(basic(next));
		expect(front.heads.length).toBe(4);
		rig.powerOff();
		await front.close();
	}, 60_000);

	it("A00.FR.005 A05.FR.10 B09.FR.04 no way leads from profile 2 to 1: neither a slot, nor the priority list, nor the old address", async () => {
		const rig = await open({ variables: QUICK });
		const front = await Front.open(rig, serverFor());
		await upgrade(rig, front);
		expect(await rig.get("SecurityCtrlr.SecurityProfile")).toBe("2");
		for (const slot of [1, 2]) expect(await setProfile(rig, slot, rig.csms.url, 1)).toBe("Rejected");
		// Slot 1 was profile 1 and has gone with the upgrade.
		for (const priority of ["1", "1,2", "2,1"]) expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", priority)).toBe("Rejected");
		expect(await rig.set("SecurityCtrlr.SecurityProfile", "1")).toBe("Rejected");
		expect(await rig.get("SecurityCtrlr.SecurityProfile")).toBe("2");
		expect(await rig.get("OCPPCommCtrlr.NetworkConfigurationPriority")).toBe("2");
		expect(await install(rig, issue({ commonName: "Next", isCa: true }).pem)).toBe("Accepted");
		rig.powerOff();
		await front.close();
	});
});
