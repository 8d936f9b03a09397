// The checkers of what the station reports see each way in which it could be wrong.

import { SecurityEvent } from "../../modules/model/security-event.js";
import { ReportCheckers } from "../sim/reports.js";

const LOG = { requestId: 7 };

describe("simulator, checkers of reports", () => {
	let found: string[];
	let its: ReportCheckers;
	beforeEach(() => {
		found = [];
		its = new ReportCheckers((rule, text) => found.push(`${rule}: ${text}`), () => ["hunter2-hunter2"]);
		its.booted();
		its.connected();
	});

	function tamper(isKept = true): void {
		its.recorded(SecurityEvent.tamperDetectionActivated, true, "", isKept);
	}

	function boots(): void {
		its.recorded(SecurityEvent.startupOfTheDevice, true, "", true);
	}

	/** The oldest one is told and answered. */
	function tell(type: string, isDurable = true): void {
		its.sent("SecurityEventNotification", { type });
		its.arrived("SecurityEventNotification");
		its.acknowledged(isDurable);
		its.closed("SecurityEventNotification");
	}

	function asks(action: string, answer: object | undefined = { status: "Accepted", filename: "security-1.txt" }): void {
		its.called("m1", action, LOG);
		its.answered("m1", answer);
	}

	/** Without a requestId when that is null. */
	function status(status: string, requestId: number | null = 7): void {
		its.sent("LogStatusNotification", requestId === null ? { status } : { status, requestId });
		its.closed("LogStatusNotification");
	}

	it("say nothing when all is as it should be", () => {
		boots();
		tell("StartupOfTheDevice");
		tamper();
		tell("TamperDetectionActivated");
		asks("GetLog");
		status("Uploading");
		its.uploaded("security-1.txt", "2026-03-01T08:00:00.000Z StartupOfTheDevice\n- TamperDetectionActivated 2 more\n");
		status("Uploaded");
		status("Idle", null);
		its.called("m2", "CustomerInformation", { requestId: 8 });
		its.answered("m2", { status: "Accepted" });
		its.sent("NotifyCustomerInformation", { requestId: 8, data: "nothing" });
		its.closed("NotifyCustomerInformation");
		its.atRest(0, "StartupOfTheDevice");
		expect(found).toEqual([]);
		expect([its.securityEvents, its.uploads, its.customers]).toEqual([2, 1, 1]);
	});

	it("security: an event that is lost, passed over, told without reason, told again, or done with before it arrived", () => {
		boots();
		tamper();
		tell("TamperDetectionActivated");
		expect(found).toEqual(["security: StartupOfTheDevice is passed over for TamperDetectionActivated"]);
		tell("TamperDetectionActivated");
		expect(found[1]).toBe("security: TamperDetectionActivated  is told, but does not wait");
		tamper();
		its.sent("SecurityEventNotification", { type: "TamperDetectionActivated" });
		its.acknowledged(true);
		expect(found.at(-1)).toBe("security: TamperDetectionActivated is done with, but never arrived");
		tamper();
		its.atRest(0, "StartupOfTheDevice");
		expect(found.at(-1)).toBe("security: 1 critical events are lost");
		its.atRest(1, "StartupOfTheDevice");
		expect(found.some((text) => text === "rest: 1 security events wait")).toBeTrue();
	});

	it("security: what the flash refused, and what it could not mark, may come or not; what a full journal gave up may be missing", () => {
		boots();
		tell("StartupOfTheDevice", false);
		its.booted();
		its.recorded(SecurityEvent.startupOfTheDevice, true, "", true);
		tamper(false);
		tamper();
		tell("StartupOfTheDevice");
		tell("StartupOfTheDevice");
		its.gaveUp(1);
		its.atRest(0, "StartupOfTheDevice");
		expect(found).toEqual([]);
	});

	it("boot event: two of one boot, none, or the wrong one", () => {
		boots();
		boots();
		expect(found).toEqual(["boot event: StartupOfTheDevice is the second of this boot"]);
		its.booted();
		its.gaveUp(2);
		its.atRest(0, "ResetOrReboot");
		expect(found.slice(1)).toEqual(["boot event: 0 ResetOrReboot in this boot", "boot event: StartupOfTheDevice in place of ResetOrReboot"]);
	});

	it("log: a status nobody asked for, before the answer, before Uploading, after the end, of a file that never came, or no end", () => {
		status("Uploading", 9);
		its.called("m1", "GetLog", LOG);
		status("Uploading");
		expect(found).toEqual(["log: 9 was not asked for in this life", "log: 7 comes before its answer (FR.05)"]);
		its.booted();
		asks("GetLog");
		status("UploadFailure");
		status("Uploading");
		expect(found.slice(2)).toEqual(["log: 7 UploadFailure before Uploading", "log: 7 Uploading follows its end", "log: 7 Uploading follows its end"]);
		its.booted();
		asks("GetLog");
		status("Uploading");
		status("Uploaded");
		expect(found.at(-1)).toBe("log: security-1.txt never arrived");
		its.booted();
		boots();
		asks("GetLog");
		its.gaveUp(1);
		its.atRest(0, "StartupOfTheDevice");
		expect(found.at(-1)).toBe("log: 7 has no end: nothing");
		status("Uploading", null);
		expect(found.at(-1)).toBe("log: Uploading without a requestId");
		its.uploaded("security-2.txt", "2026-03-01T08:00:00.000Z Startup");
		expect(found.at(-1)).toBe("log: security-2.txt ends within a line");
	});

	it("log: one that is rejected must not be told of, one that another overtakes may end without Uploading", () => {
		asks("GetLog", { status: "Rejected" });
		status("Uploading");
		expect(found).toEqual(["log: 7 was not asked for in this life"]);
		asks("GetLog");
		its.called("m2", "GetLog", { requestId: 8 });
		its.answered("m2", { status: "AcceptedCanceled", filename: "b" });
		status("AcceptedCanceled");
		expect(found.length).toBe(1);
	});

	it("customer: told twice, or not at all", () => {
		boots();
		tell("StartupOfTheDevice");
		asks("CustomerInformation");
		its.atRest(0, "StartupOfTheDevice");
		expect(found).toEqual(["customer: 7 has no end: nothing"]);
		for (let i = 0; i < 2; i++) {
			its.sent("NotifyCustomerInformation", { requestId: 7, data: "" });
			its.closed("NotifyCustomerInformation");
		}
		expect(found[1]).toBe("customer: 7 is told twice");
	});

	it("secret: a password in a log, in technical information, in what a customer is told", () => {
		its.uploaded("security-1.txt", "- Password hunter2-hunter2\n");
		its.recorded(SecurityEvent.invalidMessages, false, "hunter2-hunter2", true);
		asks("CustomerInformation");
		its.sent("NotifyCustomerInformation", { requestId: 7, data: "hunter2-hunter2" });
		expect(found.map((text) => text.split(":")[0])).toEqual(["secret", "secret", "secret"]);
	});
});
