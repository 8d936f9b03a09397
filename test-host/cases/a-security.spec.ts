// Security events as the CSMS and the security log see them. Source: OCPP 2.0.1 Part 2, A01.FR.11, A01.FR.12, A04,
// appendix 1.

import { LIMITS } from "../../preload/limits.js";
import { LogCode, RestartCause } from "../../modules/ports/events.js";
import type { SecurityEventNotificationRequest } from "../../preload/payloads.js";
import { Store } from "../../modules/storage/store.js";
import { Journal, JournalCursor, JournalEntry } from "../../modules/storage/journal.js";
import { vaultBlocksOf } from "../../modules/storage/vault.js";
import { FlashMemory } from "../board/flash-memory.js";
import { SECURITY_EVENT_NAMES } from "../../modules/model/security-event.js";
import { WITHHOLD, rpcError } from "../csms/scripted.js";
import { type Rig, rigPerCase } from "./rig.js";

type Told = SecurityEventNotificationRequest;

/** What the CSMS was told since message `from`, as type and technical information. */
async function events(rig: Rig, least = 0, from = 0): Promise<string[]> {
	const told = await rig.told<Told>("SecurityEventNotification", least, from);
	return told.map((event) => (event.techInfo === undefined ? event.type : `${event.type} ${event.techInfo}`));
}

/** The security log as it is on flash. */
function logged(flash: FlashMemory): string[] {
	const copy = new FlashMemory(flash.blocks, flash.blockBytes, flash.bytes);
	const log = { event: () => undefined };
	const store = new Store(copy, log, copy.blocks - vaultBlocksOf(copy.blocks));
	if (store.open() !== 0) throw new Error("store");
	const journal = new Journal(store, log);
	const cursor = new JournalCursor();
	const entry = new JournalEntry();
	const lines: string[] = [];
	journal.begin(cursor);
	while (journal.next(cursor, entry)) lines.push(`${SECURITY_EVENT_NAMES[entry.type]} ${entry.techInfo}`.trim());
	return lines;
}

describe("security events", () => {
	const open = rigPerCase();

	it("A04.FR.01 after a power-up the CSMS is told StartupOfTheDevice once, at a time that the clock had", async () => {
		const rig = await open();
		expect(await events(rig, 1)).toEqual(["StartupOfTheDevice"]);
		const [event] = await rig.told<Told>("SecurityEventNotification");
		expect(Date.parse(event.timestamp)).toBe(rig.nowMs());
		await rig.advance(600_000);
		expect(await events(rig)).toEqual(["StartupOfTheDevice"]);
	});

	it("B12.FR.02 after a reset the CSMS is told ResetOrReboot with the reason", async () => {
		const rig = await open();
		const from = rig.csms.messages.length;
		expect((await rig.call("Reset", { type: "Immediate" })).status).toBe("Accepted");
		await rig.advance(1000);
		await rig.told("StatusNotification", 1, from);
		await rig.settle();
		expect(await events(rig, 1, from)).toEqual(["ResetOrReboot RemoteReset"]);
		const again = rig.csms.messages.length;
		await rig.restart(RestartCause.watchdog);
		await rig.told("StatusNotification", 1, again);
		expect(await events(rig, 1, again)).toEqual(["ResetOrReboot Watchdog"]);
	});

	it("A04.FR.01 an opened housing is told at once, and when it goes on, once a minute with a count", async () => {
		const rig = await open();
		await rig.advance(5000);
		const from = rig.csms.messages.length;
		const atMs = rig.nowMs();
		for (let i = 0; i < 20; i++) rig.desktop.board.tamper();
		await rig.settle();
		expect(await events(rig, 1, from)).toEqual(["TamperDetectionActivated"]);
		const [event] = await rig.told<Told>("SecurityEventNotification", 0, from);
		expect(Date.parse(event.timestamp)).toBe(atMs);
		await rig.advance(LIMITS.securityEventMs + 1000);
		expect(await events(rig, 2, from)).toEqual(["TamperDetectionActivated", "TamperDetectionActivated 19 more"]);
		await rig.advance(10 * LIMITS.securityEventMs);
		expect((await events(rig, 2, from)).length).toBe(2);
	});

	it("A04.FR.02 what happens offline is kept over power cuts and told oldest first, with the times of happening", async () => {
		const rig = await open();
		await events(rig, 1);
		const from = rig.csms.messages.length;
		rig.net("drop");
		await rig.advance(5000);
		const tamperMs = rig.nowMs();
		rig.desktop.board.tamper();
		await rig.settle();
		await rig.advance(5000);
		rig.powerOff();
		rig.powerOn();
		rig.net("drop");
		await rig.settle();
		await rig.advance(5000);
		rig.powerOff();
		rig.powerOn();
		await rig.told("StatusNotification", 1, from);
		await rig.settle();
		expect(await events(rig, 3, from)).toEqual(["TamperDetectionActivated", "StartupOfTheDevice", "StartupOfTheDevice"]);
		const times = (await rig.told<Told>("SecurityEventNotification", 3, from)).map((event) => Date.parse(event.timestamp));
		expect(times[0]).toBe(tamperMs);
		// The two boots knew no time: they have the first time that was known after them, never 1970.
		expect(times[1]).toBe(rig.nowMs());
		expect(times[2]).toBe(rig.nowMs());
	});

	it("A04.FR.02 an event that the CSMS did not answer is told again after a reboot, one that it answered is not", async () => {
		const rig = await open();
		await events(rig, 1);
		rig.csms.once("SecurityEventNotification", WITHHOLD);
		rig.desktop.board.tamper();
		await rig.settle();
		expect(await events(rig, 2)).toEqual(["StartupOfTheDevice", "TamperDetectionActivated"]);
		const from = rig.csms.messages.length;
		await rig.powerCut();
		expect(await events(rig, 2, from)).toEqual(["TamperDetectionActivated", "StartupOfTheDevice"]);
		const later = rig.csms.messages.length;
		await rig.powerCut();
		expect(await events(rig, 1, later)).toEqual(["StartupOfTheDevice"]);
	});

	it("A04.FR.02 silence is no answer: the event is told again, with a growing pause, and other messages pass", async () => {
		const rig = await open();
		await events(rig, 1);
		const from = rig.csms.messages.length;
		rig.csms.once("SecurityEventNotification", WITHHOLD);
		rig.csms.once("SecurityEventNotification", WITHHOLD);
		rig.desktop.board.tamper();
		await rig.settle();
		await rig.advance(31_000); // MessageTimeout
		await rig.charge();
		expect(rig.story().length).toBeGreaterThan(1);
		expect((await events(rig, 1, from)).length).toBe(1);
		await rig.advance(61_000);
		expect((await events(rig, 2, from)).length).toBe(2);
		await rig.advance(31_000);
		await rig.advance(100_000);
		expect((await events(rig, 2, from)).length).toBe(2);
		await rig.advance(25_000);
		expect(await events(rig, 3, from)).toEqual(new Array(3).fill("TamperDetectionActivated"));
		await rig.advance(600_000);
		expect((await events(rig, 3, from)).length).toBe(3);
	});

	it("A04.FR.02 an error is asked for three times, then it counts as an answer and the next event is told", async () => {
		const rig = await open();
		await events(rig, 1);
		const from = rig.csms.messages.length;
		for (let i = 0; i < 3; i++) {
			rig.csms.once("SecurityEventNotification", () => {
				throw rpcError("InternalError");
			});
		}
		rig.desktop.board.tamper();
		await rig.settle();
		for (let i = 0; i < 5; i++) await rig.advance(60_000);
		expect(await events(rig, 3, from)).toEqual(new Array(3).fill("TamperDetectionActivated"));
		rig.desktop.board.tamper();
		await rig.settle();
		expect((await events(rig, 4, from)).length).toBe(4);
	});

	it("A01.FR.11 A01.FR.12 a new password is in the security log as a change without its value, and is told to nobody", async () => {
		const rig = await open();
		await events(rig, 1);
		const from = rig.csms.messages.length;
		rig.password = "fedcba9876543210";
		expect(await rig.set("SecurityCtrlr.BasicAuthPassword", "fedcba9876543210")).toBe("Accepted");
		await rig.advance(5000);
		expect(logged(rig.flash)).toEqual(["StartupOfTheDevice", "ReconfigurationOfSecurityParameters SecurityCtrlr.BasicAuthPassword"]);
		expect(await events(rig, 0, from)).toEqual([]);
		expect(await rig.set("SecurityCtrlr.BasicAuthPassword", "short")).toBe("Rejected");
		expect(logged(rig.flash).length).toBe(2);
	});

	it("A04.FR.04 InvalidMessages is only logged, and a flood of them makes one event a minute", async () => {
		const rig = await open();
		await events(rig, 1);
		const from = rig.csms.messages.length;
		for (let i = 0; i < 30; i++) expect(await rig.raw("{\"no\":\"frame\"}")).toBe("RpcFrameworkError");
		expect(logged(rig.flash)).toEqual(["StartupOfTheDevice", "InvalidMessages RpcFrameworkError"]);
		await rig.advance(LIMITS.securityEventMs + 1000);
		expect(logged(rig.flash).slice(2)).toEqual(["InvalidMessages 29 more"]);
		await rig.advance(2 * LIMITS.securityEventMs);
		expect(await rig.raw("[2,\"x\",\"GetVariables\",{}" + " ".repeat(7000) + "]")).toBe("FormatViolation");
		expect(logged(rig.flash).slice(3)).toEqual(["InvalidMessages FormatViolation"]);
		expect(await events(rig, 0, from)).toEqual([]);
	});

	it("A04.FR.04 FailedToAuthenticateAtCsms is logged once when the CSMS refuses the password with 401", async () => {
		const rig = await open();
		await events(rig, 1);
		rig.password = "another-password-1";
		await rig.csms.disconnect(true);
		await rig.settle();
		for (let i = 0; i < 6; i++) await rig.advance(120_000);
		expect(rig.csms.handshakesRefused).toBeGreaterThan(1);
		expect(logged(rig.flash)).toEqual(["StartupOfTheDevice", "FailedToAuthenticateAtCsms HTTP 401"]);
		rig.password = "0123456789abcdef";
		await rig.advance(600_000);
		await rig.settle();
		expect(rig.csms.connected).toBe("CS001");
	});

	it("A04.FR.01 a clock that the CSMS moves is told as SettingSystemTime, its first setting and its drift are not", async () => {
		const rig = await open({ interval: 60 });
		await events(rig, 1);
		await rig.advance(120_000);
		expect(await events(rig)).toEqual(["StartupOfTheDevice"]);
		const inTimeMs = rig.csms.clockMs;
		rig.csms.clockMs = () => inTimeMs() + 3_600_000;
		await rig.advance(60_000);
		expect(await events(rig, 2)).toEqual(["StartupOfTheDevice", "SettingSystemTime +3600 s"]);
		rig.csms.clockMs = inTimeMs;
		await rig.advance(60_000);
		expect((await events(rig, 3))[2]).toBe("SettingSystemTime -3600 s");
	});

	it("E04.FR.07 a queue that is thinned while offline is told as MemoryExhaustion", async () => {
		const rig = await open({ blocks: 11, variables: { "SampledDataCtrlr.TxUpdatedInterval": "1" } });
		await events(rig, 1);
		await rig.charge();
		const from = rig.csms.messages.length;
		rig.net("drop");
		const isThinned = (): boolean => rig.desktop.board.log.times(LogCode.queueThinned) > 0;
		for (let i = 0; i < 200 && !isThinned(); i++) await rig.advance(60_000);
		expect(isThinned()).toBeTrue();
		await rig.advance(600_000);
		rig.net("up");
		for (let i = 0; i < 20 && (await events(rig, 0, from)).length === 0; i++) await rig.advance(60_000);
		expect(await events(rig, 1, from)).toEqual(["MemoryExhaustion transaction events thinned"]);
	}, 60_000);

	it("A04.FR.01 a security log that somebody emptied is told as SecurityLogWasCleared at the next boot", async () => {
		const rig = await open();
		await events(rig, 1);
		const from = rig.csms.messages.length;
		rig.powerOff();
		const end = rig.flash.blocks - vaultBlocksOf(rig.flash.blocks);
		rig.flash.bytes.fill(0xff, (end - 3) * 4096, end * 4096);
		rig.powerOn();
		await rig.told("StatusNotification", 1, from);
		expect(await events(rig, 2, from)).toEqual(["SecurityLogWasCleared", "StartupOfTheDevice"]);
	});

	it("A04.FR.02 a flash that refuses for a while keeps no event back: it is written and told later", async () => {
		const rig = await open();
		await events(rig, 1);
		const from = rig.csms.messages.length;
		rig.failWrites(50);
		rig.desktop.board.tamper();
		await rig.settle();
		rig.failWrites(0);
		expect(await events(rig, 0, from)).toEqual([]);
		await rig.advance(61_000);
		expect(await events(rig, 1, from)).toEqual(["TamperDetectionActivated"]);
	});

	it("B02.FR.01 nothing is told before the station is accepted", async () => {
		const rig = await open({ boot: "Pending", interval: 60 });
		expect(await events(rig)).toEqual([]);
		await rig.advance(61_000);
		expect(await events(rig, 1)).toEqual(["StartupOfTheDevice"]);
	});
});
