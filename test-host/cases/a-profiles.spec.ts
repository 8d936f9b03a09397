// A. Security profiles: from plain to TLS on the CSMS's command, never back; a server that is not the right one.

import { SocketError } from "../../modules/ports/events.js";
import { issue } from "./pki.js";
import { rigPerCase, type Rig } from "./rig.js";
import { Front, ROOT, install, passSlowly, passUntil, serverFor, setProfile, upgrade } from "./tls-front.js";

const open = rigPerCase();

describe("A05 upgrade of the security profile", () => {
	it("A05.FR.02 A05.FR.03 a slot with TLS is not taken into the priority list without a root, profile 3 not without a certificate", async () => {
		const rig = await open();
		expect(await setProfile(rig, 2, "wss://csms.example.com/ocpp", 2)).toBe("Accepted");
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1")).toBe("Rejected");
		expect(await install(rig, ROOT.pem)).toBe("Accepted");
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1")).toBe("Accepted");
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "1")).toBe("Accepted");
		expect(await setProfile(rig, 2, "wss://csms.example.com/ocpp", 3)).toBe("Accepted");
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1")).toBe("Rejected");
	});

	it("A05.FR.04 A05.FR.05 A05.FR.06 once connected with profile 2 it is the profile, lower slots are gone, no way leads back", async () => {
		const rig = await open();
		const front = await Front.open(rig, serverFor());
		expect(await rig.get("SecurityCtrlr.SecurityProfile")).toBe("1");
		await upgrade(rig, front);
		expect(front.connections).toBe(1);
		expect(await rig.get("SecurityCtrlr.SecurityProfile")).toBe("2");
		expect(await rig.get("OCPPCommCtrlr.NetworkConfigurationPriority")).toBe("2");
		// A00.FR.005 B09.FR.04 A05.FR.10: no downgrade.
		expect(await setProfile(rig, 1, rig.csms.url, 1)).toBe("Rejected");
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1")).toBe("Rejected");
		await rig.powerCut();
		expect(front.connections).toBe(2);
		expect(await rig.get("OCPPCommCtrlr.ActiveNetworkProfile")).toBe("2");
		// The TLS server is gone, the plain one is there: nobody is called.
		const plain = rig.csms.connections;
		const closed = front.close();
		rig.net("drop");
		await closed;
		rig.net("up");
		await rig.advance(600_000);
		rig.powerOff();
		rig.powerOn();
		await rig.advance(600_000);
		expect(rig.csms.connections).toBe(plain);
	});

	it("M04.FR.04 with TLS in use the last CSMS root is not deleted, one of two is", async () => {
		const rig = await open();
		const front = await Front.open(rig, serverFor());
		await upgrade(rig, front);
		const data = async (): Promise<any[]> =>
			(await rig.call("GetInstalledCertificateIds", {})).certificateHashDataChain.map((c: any) => c.certificateHashData);
		const remove = async (certificateHashData: object): Promise<string> =>
			(await rig.call("DeleteCertificate", { certificateHashData })).status;
		const [first] = await data();
		expect(await remove(first)).toBe("Failed");
		expect(await install(rig, issue({ commonName: "Next", isCa: true }).pem)).toBe("Accepted");
		expect(await remove(first)).toBe("Accepted");
		expect(await data()).toHaveSize(1);
		rig.powerOff();
		await front.close();
	});

	it("M04.FR.02 deleting the root in use leaves the connection alone; the next one is made with what is left", async () => {
		const rig = await open();
		const front = await Front.open(rig, serverFor());
		await upgrade(rig, front);
		const next = issue({ commonName: "Next", isCa: true });
		const [{ certificateHashData }] = (await rig.call("GetInstalledCertificateIds", {})).certificateHashDataChain;
		expect(await install(rig, next.pem)).toBe("Accepted");
		expect((await rig.call("DeleteCertificate", { certificateHashData })).status).toBe("Accepted");
		await passSlowly(rig, 120_000);
		expect(await rig.get("SecurityCtrlr.SecurityProfile")).toBe("2");
		expect(front.connections).toBe(1);
		rig.powerOff();
		await front.become(serverFor({ issuer: next }));
		rig.powerOn();
		await passUntil(rig, () => front.heads.length === 2, "connection");
		rig.powerOff();
		await front.close();
	});

	it("A05 as long as profile 2 has never worked the old one stays in use; A00.FR.308 the wrong server is refused", async () => {
		const rig = await open();
		const front = await Front.open(rig, issue({ commonName: "127.0.0.1" }));
		expect(await setProfile(rig, 2, front.url, 2)).toBe("Accepted");
		expect(await install(rig, ROOT.pem)).toBe("Accepted");
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1")).toBe("Accepted");
		rig.powerOff();
		const from = rig.csms.messages.length;
		rig.powerOn();
		for (let i = 0; i < 40 && rig.csms.calls("BootNotification", from).length === 0; i++) await rig.advance(60_000);
		expect(rig.csms.calls("BootNotification", from)).toHaveSize(1);
		expect(await rig.get("SecurityCtrlr.SecurityProfile")).toBe("1");
		const log = rig.desktop.board.log.last(200).filter((line) => line.includes(`disconnected 0 ${SocketError.unknownCa}`));
		expect(log.length).toBeGreaterThan(0);
		rig.powerOff();
		await front.close();
	});

	it("a server taken without a clock is left when the clock shows that its certificate has expired", async () => {
		const rig = await open();
		const now = rig.nowMs();
		const front = await Front.open(rig, serverFor({ from: now - 86_400_000 * 30, to: now - 1000 }));
		expect(await setProfile(rig, 2, front.url, 2)).toBe("Accepted");
		expect(await install(rig, ROOT.pem)).toBe("Accepted");
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1")).toBe("Accepted");
		rig.powerOff();
		const from = rig.csms.messages.length;
		rig.powerOn();
		for (let i = 0; i < 40 && rig.csms.calls("BootNotification", from).length === 0; i++) await rig.advance(60_000);
		await rig.advance(10_000);
		const log = rig.desktop.board.log.last(200).join("\n");
		expect(log).toContain(`disconnected 0 ${SocketError.expired}`);
		rig.powerOff();
		await front.close();
	});

	it("A00.FR.204 the password goes over TLS, and A01 a new one is used for the next TLS connection", async () => {
		const rig = await open();
		const front = await Front.open(rig, serverFor());
		await upgrade(rig, front);
		rig.password = "another password";
		expect(await rig.set("SecurityCtrlr.BasicAuthPassword", "another password")).toBe("Accepted");
		// The board's time goes slowly: a handshake takes real time.
		for (let i = 0; i < 200 && (front.connections < 2 || rig.csms.connected === undefined); i++) {
			await rig.advance(100);
			await new Promise((done) => setTimeout(done, 5));
		}
		await rig.settle();
		expect(await rig.get("SecurityCtrlr.SecurityProfile")).toBe("2");
		expect(front.connections).toBe(2);
		rig.powerOff();
		await front.close();
	});
});
