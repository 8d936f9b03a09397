// B09, B10: the CSMS gives the station another address. Source: OCPP 2.0.1 Part 2, B09, B10 with the errata of 2025-09.

import type { BootNotificationRequest } from "../../preload/payloads.js";
import { ScriptedCsms } from "../csms/scripted.js";
import { Rig, rigPerCase } from "./rig.js";

const QUICK = {
	"OCPPCommCtrlr.RetryBackOffWaitMinimum": "1", "OCPPCommCtrlr.RetryBackOffRandomRange": "0", "OCPPCommCtrlr.RetryBackOffRepeatTimes": "0",
	"OCPPCommCtrlr.NetworkProfileConnectionAttempts": "2",
};

function profile(ocppCsmsUrl: string, more: object = {}): object {
	return { messageTimeout: 25, ocppCsmsUrl, ocppInterface: "Wired0", ocppTransport: "JSON", ocppVersion: "OCPP20", securityProfile: 1, ...more };
}

async function store(rig: Rig, configurationSlot: number, connectionData: object): Promise<string> {
	return (await rig.call("SetNetworkProfile", { configurationSlot, connectionData })).status;
}

describe("B09, B10 network profiles", () => {
	const open = rigPerCase();
	let second: ScriptedCsms | undefined;
	afterEach(async () => {
		expect(second?.violations ?? []).toEqual([]);
		await second?.close();
		second = undefined;
	});

	/** Another CSMS that knows the station and has its clock. */
	async function openSecond(rig: Rig): Promise<ScriptedCsms> {
		second = await ScriptedCsms.open({ heartbeatSeconds: 86_400 });
		second.clockMs = () => rig.nowMs();
		return second;
	}

	it("B09.FR.01, B09.FR.05 two slots at least, those that NetworkConfigurationPriority names; another slot is Rejected", async () => {
		const rig = await open();
		const { reportData } = (await rig.call("GetBaseReport", { requestId: 1, reportBase: "ConfigurationInventory" }), { reportData: rig.csms.calls("NotifyReport") });
		const rows = reportData.flatMap((message) => (message.payload as { reportData: { variable: { name: string }; variableCharacteristics: { valuesList?: string } }[] }).reportData);
		const slots = rows.find((row) => row.variable.name === "NetworkConfigurationPriority")!.variableCharacteristics.valuesList!.split(",");
		expect(slots.length).toBeGreaterThanOrEqual(2);
		for (const slot of slots) expect(await store(rig, Number(slot), profile(rig.csms.url))).toBe("Accepted");
		for (const slot of [0, -1, Number(slots.at(-1)) + 1, 2147483647]) expect([slot, await store(rig, slot, profile(rig.csms.url))]).toEqual([slot, "Rejected"]);
	});

	it("B09.FR.02 nonsense is Rejected: URL, transport, a security profile that does not go with the URL", async () => {
		const rig = await open();
		for (const url of ["", "nonsense", "http://host/ocpp", "ws://", "ws://host:99999/x", "wss://host/ocpp", "ws://us er/x"])
			expect([url, await store(rig, 2, profile(url))]).toEqual([url, "Rejected"]);
		expect(await store(rig, 2, profile(rig.csms.url, { ocppTransport: "SOAP" }))).toBe("Rejected");
		expect(await store(rig, 2, profile(rig.csms.url, { securityProfile: 2 }))).toBe("Rejected");
		expect(await store(rig, 2, profile(rig.csms.url, { messageTimeout: 0 }))).toBe("Rejected");
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1")).toBe("Rejected");
	});

	it("B09.FR.02 security profile 0, which is none, is Rejected", async () => {
		const rig = await open();
		expect(await store(rig, 2, profile("ws://localhost/x", { securityProfile: 0 }))).toBe("Rejected");
	});

	it("B09.FR.06 a flash that refuses makes it Failed, and the slot stays empty", async () => {
		const rig = await open();
		rig.failWrites(3);
		expect(await store(rig, 2, profile(rig.csms.url))).toBe("Failed");
		rig.failWrites(0);
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1")).toBe("Rejected");
	});

	it("B10.FR.01, B10.FR.02 a priority list may only name slots that are set", async () => {
		const rig = await open();
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "1,2")).toBe("Rejected");
		await store(rig, 2, profile(rig.csms.url));
		expect(["Accepted", "RebootRequired"]).toContain(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "1,2"));
	});

	it("B09.FR.01 storing does not touch the live connection; overwriting the slot in use takes effect after a reboot", async () => {
		const rig = await open({ variables: QUICK });
		const other = await openSecond(rig);
		expect(await store(rig, 1, profile(other.url))).toBe("Accepted");
		await rig.csms.disconnect(true);
		await rig.advance(10_000);
		expect([rig.csms.connections, other.connections]).toEqual([2, 0]);
		await rig.call("Reset", { type: "Immediate" });
		await rig.advance(10_000);
		expect(other.connections).toBe(1);
		expect(other.calls("BootNotification").length).toBe(1);
	});

	it("B10.FR.04, B10.FR.06, B10.FR.10 after a reboot the first of the list is used, and BootNotification is sent to it", async () => {
		const rig = await open({ variables: QUICK });
		const other = await openSecond(rig);
		await store(rig, 2, profile(other.url));
		await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1");
		await rig.call("Reset", { type: "Immediate" });
		await rig.advance(5_000);
		await other.waitForCall("StatusNotification");
		expect((other.calls("BootNotification")[0].payload as BootNotificationRequest).reason).toBe("RemoteReset");
		expect(rig.csms.connected).toBeUndefined();
		await rig.settle();
	});

	it("B10.FR.03, B10.FR.10 after a loss each entry gets its attempts in order; at another one BootNotification comes anew, without a reboot", async () => {
		const rig = await open({ evses: 1, variables: QUICK });
		const other = await openSecond(rig);
		await store(rig, 2, profile(other.url));
		await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "1,2");
		const handshakes = rig.csms.handshakesRefused;
		rig.password = "quite another password";
		await rig.csms.disconnect(true);
		await rig.advance(20_000);
		expect(rig.csms.handshakesRefused - handshakes).toBe(2);
		expect(other.connections).toBe(1);
		expect(other.calls("BootNotification").length).toBe(1);
		expect(other.calls("StatusNotification").length).toBe(1);
		expect(rig.events.filter((event) => event.ev === "boot").length).toBe(1);
	});

	it("B10.FR.07 when all have failed the last good one is tried on", async () => {
		const rig = await open({ variables: QUICK });
		await store(rig, 2, profile("ws://127.0.0.1:1/ocpp"));
		await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2");
		await rig.call("Reset", { type: "Immediate" });
		const from = rig.csms.messages.length;
		await rig.advance(20_000);
		await rig.told("BootNotification", 1, from);
		expect(await rig.get("OCPPCommCtrlr.ActiveNetworkProfile")).toBe("1");
	});

	it("B09 the message timeout of the profile in use holds", async () => {
		const rig = await open({ variables: QUICK });
		await store(rig, 1, profile(rig.csms.url, { messageTimeout: 7 }));
		const from = rig.csms.messages.length;
		await rig.call("Reset", { type: "Immediate" });
		await rig.advance(5_000);
		await rig.told("StatusNotification", 1, from);
		expect(await rig.get("OCPPCommCtrlr.MessageTimeout.Default")).toBe("7");
	});

	it("A01.FR.04 with a password that the CSMS does not know after all, the one before is tried in turn", async () => {
		const rig = await open({ variables: QUICK });
		expect(await rig.set("SecurityCtrlr.BasicAuthPassword", "a-new-one-that-got-lost")).toBe("Accepted");
		await rig.advance(10_000);
		expect(rig.csms.connections).toBe(2);
		expect(rig.csms.handshakesRefused).toBe(1);
		rig.powerOff();
		rig.powerOn();
		await rig.advance(10_000);
		expect(rig.csms.connections).toBe(3);
	});
});
