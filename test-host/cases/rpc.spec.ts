// The RPC layer seen from the CSMS: which CALLERROR answers which frame, and what a frame that is none leaves behind.
// Source: OCPP 2.0.1 Part 4 §4.1 to §4.3 and table 8; the mapping of codes is that of modules/core/scan.ts and decode.ts.

import { ACTION_NAMES, SENDER } from "../../preload/actions.js";
import { LIMITS } from "../../preload/limits.js";
import { CALLS } from "../../modules/station/registry.js";
import { rpcError } from "../csms/scripted.js";
import { Rig, rigPerCase } from "./rig.js";

/** Who sends an action: 1 CSMS, 2 station, 3 both. */
const STATION = 2;
/** Use cases that this station does not have: reservation, tariff, smart charging, local list, ISO 15118, display,
 *  monitoring, local controller. */
const NOT_BUILT = [
	"CancelReservation", "ReserveNow", "CostUpdated", "SetChargingProfile", "GetChargingProfiles", "ClearChargingProfile",
	"GetCompositeSchedule", "SendLocalList", "GetLocalListVersion", "GetDisplayMessages", "SetDisplayMessage",
	"ClearDisplayMessage", "GetMonitoringReport", "SetMonitoringBase", "SetMonitoringLevel", "SetVariableMonitoring",
	"ClearVariableMonitoring", "PublishFirmware", "UnpublishFirmware",
];
const CUSTOM = { vendorId: "org.example", deep: { any: [1, "a", null, { b: true }] } };

function frame(id: unknown, action: unknown, payload: unknown): string {
	return JSON.stringify([2, id, action, payload]);
}

/** What a healthy station answers; any case may end with it. */
async function expectHealthy(rig: Rig): Promise<void> {
	expect(await rig.get("TxCtrlr.TxStartPoint")).toBe("PowerPathClosed");
}

describe("rpc", () => {
	const open = rigPerCase();

	it("Part 4 §4.2.3 what is no frame is answered RpcFrameworkError under the id -1", async () => {
		const rig = await open();
		const frames = [
			"{", "nonsense", "{}", "7", "\"text\"", "[]", "[2]", "[2,\"a\"]", "[2,17,\"GetVariables\",{}]", "[2,null,\"GetVariables\",{}]",
			"[2,\"\",\"GetVariables\",{}]", frame("x".repeat(37), "GetVariables", {}), "[2,\"a\",\"GetVariables\",{}", "[2,\"a\",\"GetVariables\",{\"x\":01}]",
		];
		for (const text of frames) {
			const answer = await rig.rawAnswer(text);
			expect([text, answer.errorCode]).toEqual([text, "RpcFrameworkError"]);
		}
		for (const text of ["{", "[2,17,\"GetVariables\",{}]", frame("x".repeat(37), "GetVariables", {})])
			expect([text, (await rig.rawAnswer(text)).id]).toEqual([text, "-1"]);
		await expectHealthy(rig);
		expect(rig.csms.connections).toBe(1);
	});

	it("Part 4 §4.2 a frame with a readable id but wrong elements is answered RpcFrameworkError under that id", async () => {
		const rig = await open();
		for (const text of ["[2,\"e1\",\"GetVariables\"]", "[2,\"e1\",\"GetVariables\",{},{}]", "[2,\"e1\",5,{}]"]) {
			const answer = await rig.rawAnswer(text);
			expect([text, answer.errorCode, answer.id]).toEqual([text, "RpcFrameworkError", "e1"]);
		}
		await expectHealthy(rig);
	});

	it("Part 4 §4.2 a message type other than 2, 3 and 4 is answered MessageTypeNotSupported", async () => {
		const rig = await open();
		for (const type of ["1", "5", "22", "2.5", "\"2\"", "null"]) {
			const answer = await rig.rawAnswer(`[${type},"e2","GetVariables",{}]`);
			expect([type, answer.errorCode, answer.id]).toEqual([type, "MessageTypeNotSupported", "e2"]);
		}
		await expectHealthy(rig);
	});

	it("Part 4 §4.2 a message of no bytes is RpcFrameworkError, and the station listens on", async () => {
		const rig = await open();
		expect(await rig.raw("")).toBe("RpcFrameworkError");
		await expectHealthy(rig);
	});

	it("FR.02, FR.03 a valid CALL gets a CALLRESULT even when the outcome is negative, an invalid one a CALLERROR", async () => {
		const rig = await open();
		const negative = await rig.rawAnswer(frame("n1", "RequestStopTransaction", { transactionId: "none" }));
		expect([negative.type, negative.id, negative.payload]).toEqual([3, "n1", { status: "Rejected" }]);
		const invalid = await rig.rawAnswer(frame("n2", "RequestStopTransaction", {}));
		expect([invalid.type, invalid.id, invalid.errorCode, invalid.payload]).toEqual([4, "n2", "OccurrenceConstraintViolation", {}]);
		expect(JSON.parse(invalid.text).length).toBe(5);
	});

	it("Part 4 §4.3 an action that nobody knows is NotImplemented; names are case-sensitive (Part 4 §4.1.6)", async () => {
		const rig = await open();
		for (const action of ["DoSomething", "getVariables", "GETVARIABLES", "GetVariables ", "", "constructor", "__proto__", "x".repeat(3000)])
			expect([action, await rig.refused(action, {})]).toEqual([action, "NotImplemented"]);
		await expectHealthy(rig);
	});

	it("K01.FR.29, Part 4 §4.3 an action of OCPP that is not built in, or is the station's own, is NotSupported", async () => {
		const rig = await open();
		let count = 0;
		for (let action = 0; action < ACTION_NAMES.length; action++) {
			if (CALLS[action] !== null) continue;
			expect([ACTION_NAMES[action], await rig.refused(ACTION_NAMES[action], {})]).toEqual([ACTION_NAMES[action], "NotSupported"]);
			count++;
		}
		for (const name of NOT_BUILT) expect([name, CALLS[ACTION_NAMES.indexOf(name)]]).toEqual([name, null]);
		for (let action = 0; action < SENDER.length; action++)
			if (SENDER[action] === STATION) expect([ACTION_NAMES[action], CALLS[action]]).toEqual([ACTION_NAMES[action], null]);
		expect(count).toBeGreaterThanOrEqual(NOT_BUILT.length + SENDER.filter((sender) => sender === STATION).length);
		await expectHealthy(rig);
	});

	it("Part 4 §4.3 a missing member or a list that is too short or too long is OccurrenceConstraintViolation", async () => {
		const rig = await open();
		const item = { component: { name: "TxCtrlr" }, variable: { name: "TxStartPoint" } };
		expect(await rig.refused("GetVariables", {})).toBe("OccurrenceConstraintViolation");
		expect(await rig.refused("GetVariables", { getVariableData: [] })).toBe("OccurrenceConstraintViolation");
		expect(await rig.refused("GetVariables", { getVariableData: [{ component: { name: "TxCtrlr" } }] })).toBe("OccurrenceConstraintViolation");
		expect(await rig.refused("RequestStartTransaction", { idToken: { idToken: "A" }, remoteStartId: 1 })).toBe("OccurrenceConstraintViolation");
		const many = { getVariableData: new Array(LIMITS.itemsPerMessage + 1).fill(item) };
		expect(await rig.refused("GetVariables", many)).toBe("OccurrenceConstraintViolation");
		await expectHealthy(rig);
	});

	it("Part 4 §4.3 another JSON type than the schema's is TypeConstraintViolation, null included", async () => {
		const rig = await open();
		expect(await rig.refused("GetVariables", { getVariableData: {} })).toBe("TypeConstraintViolation");
		expect(await rig.refused("RequestStopTransaction", { transactionId: 7 })).toBe("TypeConstraintViolation");
		expect(await rig.refused("RequestStopTransaction", { transactionId: null })).toBe("TypeConstraintViolation");
		expect(await rig.refused("GetBaseReport", { requestId: "1", reportBase: "FullInventory" })).toBe("TypeConstraintViolation");
		expect(await rig.refused("GetBaseReport", { requestId: 1.5, reportBase: "FullInventory" })).toBe("TypeConstraintViolation");
		for (const payload of ["[]", "null", "\"{}\"", "1"])
			expect([payload, await rig.raw(`[2,"t","GetBaseReport",${payload}]`)]).toEqual([payload, "TypeConstraintViolation"]);
		await expectHealthy(rig);
	});

	it("Part 4 §4.3 an unknown enumeration value, a text that is too long, a number out of range is PropertyConstraintViolation", async () => {
		const rig = await open();
		expect(await rig.refused("GetBaseReport", { requestId: 1, reportBase: "HalfInventory" })).toBe("PropertyConstraintViolation");
		expect(await rig.refused("GetBaseReport", { requestId: 1, reportBase: "fullinventory" })).toBe("PropertyConstraintViolation");
		expect(await rig.refused("GetBaseReport", { requestId: 2147483648, reportBase: "FullInventory" })).toBe("PropertyConstraintViolation");
		expect(await rig.refused("RequestStopTransaction", { transactionId: "x".repeat(37) })).toBe("PropertyConstraintViolation");
		const long = { component: { name: "x".repeat(51) }, variable: { name: "a" } };
		expect(await rig.refused("GetVariables", { getVariableData: [long] })).toBe("PropertyConstraintViolation");
		await expectHealthy(rig);
	});

	it("Part 4 §4.3 a member that the schema does not have is FormatViolation, at any depth", async () => {
		const rig = await open();
		expect(await rig.refused("RequestStopTransaction", { transactionId: "a", force: true })).toBe("FormatViolation");
		expect(await rig.refused("RequestStopTransaction", { transactionId: "a", ["__proto__x"]: {} })).toBe("FormatViolation");
		const deep = { component: { name: "TxCtrlr", evse: { id: 1, socket: 2 } }, variable: { name: "a" } };
		expect(await rig.refused("GetVariables", { getVariableData: [deep] })).toBe("FormatViolation");
		const answer = await rig.rawAnswer("[2,\"p\",\"RequestStopTransaction\",{\"transactionId\":\"a\",\"__proto__\":{\"x\":1}}]");
		expect(answer.errorCode).toBe("FormatViolation");
		await expectHealthy(rig);
	});

	it("Part 4 §9 customData is accepted anywhere and ignored, and must have a vendorId", async () => {
		const rig = await open();
		const start = await rig.call("RequestStartTransaction", {
			idToken: { idToken: "A", type: "Central", additionalInfo: [{ additionalIdToken: "b", type: "c", customData: CUSTOM }], customData: CUSTOM },
			remoteStartId: 1, customData: CUSTOM,
		});
		expect(start).toEqual({ status: "Accepted" });
		const got = await rig.call("GetVariables", {
			getVariableData: [{
				component: { name: "EVSE", evse: { id: 1, customData: CUSTOM }, customData: CUSTOM },
				variable: { name: "Available", customData: CUSTOM }, customData: CUSTOM,
			}],
			customData: CUSTOM,
		});
		expect(got.getVariableResult[0].attributeValue).toBe("true");
		rig.csms.once("Authorize", { idTokenInfo: { status: "Accepted", customData: CUSTOM }, customData: CUSTOM });
		rig.csms.always("TransactionEvent", { customData: CUSTOM });
		await rig.charge();
		expect(rig.transactionEvents().map((event) => event.seqNo)).toEqual([0, 1, 2]);
		expect(await rig.refused("RequestStopTransaction", { transactionId: "a", customData: { note: "no vendor" } })).toBe("OccurrenceConstraintViolation");
	});

	it("B06.FR.17 a CALL longer than the buffer is FormatViolation, the connection stays and the next CALL works", async () => {
		const rig = await open();
		for (const bytes of [LIMITS.rxBytes + 1, 20_000, 200_000]) {
			const answer = await rig.rawAnswer(frame("big", "DataTransfer", { vendorId: "v", data: "x".repeat(bytes) }));
			expect([bytes, answer.errorCode, answer.id]).toEqual([bytes, "FormatViolation", "big"]);
		}
		const fits = frame("fit", "DataTransfer", { vendorId: "v", data: "" });
		const whole = await rig.rawAnswer(fits.replace("\"\"", `"${"x".repeat(LIMITS.rxBytes - fits.length)}"`));
		expect([whole.type, whole.id]).toEqual([3, "fit"]);
		await expectHealthy(rig);
		expect(rig.csms.connections).toBe(1);
	});

	it("M05 an InstallCertificate of 5,500 characters fits the buffer, escaped as much as a JSON writer may", async () => {
		const rig = await open();
		const [begin, end] = ["-----BEGIN CERTIFICATE-----\r\n", "-----END CERTIFICATE-----"];
		const lines: string[] = [];
		let left = 5500 - begin.length - end.length;
		// A slash in 64 characters of base64 on average: here one in each line.
		for (; left > 0; left -= 66) lines.push((left >= 66 ? "/" + "A".repeat(63) : "A".repeat(left - 2)) + "\r\n");
		const certificate = begin + lines.join("") + end;
		expect(certificate.length).toBe(5500);
		const payload = JSON.stringify({ certificateType: "ManufacturerRootCertificate", certificate }).replace(/\//g, "\\/");
		const text = `[2, "${"i".repeat(LIMITS.messageIdMax)}", "InstallCertificate", ${payload}]`;
		const answer = await rig.rawAnswer(text);
		expect([answer.type, (answer.payload as { status?: string }).status]).toEqual([3, "Rejected"]);
		expect(text.length).toBeLessThanOrEqual(LIMITS.rxBytes);
	});

	it("Part 4 §4.3 a frame that nests too deep is FormatViolation and costs nothing else", async () => {
		const rig = await open();
		for (const depth of [LIMITS.depthMax, 64, 2000]) {
			const text = `[2,"deep","DataTransfer",{"vendorId":"v","data":${"[".repeat(depth)}${"]".repeat(depth)}}]`;
			expect([depth, await rig.raw(text)]).toEqual([depth, "FormatViolation"]);
		}
		await expectHealthy(rig);
	});

	it("Part 4 §4.1.4 a reply with a foreign id, a broken reply and a doubled one are ignored and never answered", async () => {
		const rig = await open();
		const from = rig.csms.messages.length;
		rig.isHostile = true;
		for (const text of ["[3,\"nobody\",{}]", "[4,\"nobody\",\"GenericError\",\"\",{}]", "[3,\"nobody\"]", "[4]", "[3,5,{}]", "[4,\"a\",7,8,9]"])
			rig.csms.sendRaw(text);
		await rig.settle();
		expect(rig.csms.find((m) => m.fromStation, from)).toEqual([]);
		await rig.plug();
		await rig.token("A");
		const last = rig.csms.calls("TransactionEvent").at(-1)!;
		rig.csms.sendRaw(`[3,"${last.id}",{"idTokenInfo":{"status":"Blocked"}}]`);
		await rig.settle();
		expect(rig.story().some((line) => line.startsWith("Ended"))).toBeFalse();
		await expectHealthy(rig);
	});

	it("Part 4 §4.1.1 a result that breaks its schema counts as a refusal, and the station goes on", async () => {
		const rig = await open();
		rig.isHostile = true;
		rig.csms.once("Authorize", () => {
			const call = rig.csms.calls("Authorize").at(-1)!;
			rig.csms.sendRaw(`[3,"${call.id}",{"idTokenInfo":{"status":"Perhaps"}}]`);
			return { idTokenInfo: { status: "Accepted" } };
		});
		await rig.plug();
		await rig.token("A");
		expect(rig.story()).toEqual([]);
		await rig.token("A");
		expect(rig.story()[0]).toBe("Started/Authorized/EVConnected");
	});

	it("Part 4 §4.1.1 hostile frames during a transaction leave it unharmed", async () => {
		const rig = await open();
		await rig.charge();
		const before = rig.story();
		const frames = ["[", "[9,\"a\"]", frame("h", "Nothing", {}), frame("h", "RequestStopTransaction", {}), frame("h", "ReserveNow", {}),
			frame("h", "RequestStartTransaction", { idToken: { idToken: "B", type: "Central" }, remoteStartId: -1.5 }), "\u0000", "[2,\"h\",\"GetVariables\",{\"getVariableData\":[[]]}]"];
		for (let round = 0; round < 5; round++) for (const text of frames) await rig.raw(text);
		expect(rig.story()).toEqual(before);
		expect(rig.relay()).toBeTrue();
		await rig.advance(60_000);
		expect(rig.story().at(-1)).toBe("Updated/MeterValuePeriodic/Charging");
		await rig.token("04A2B3");
		expect(rig.story().at(-1)).toBe("Ended/StopAuthorized/EVConnected");
		await expectHealthy(rig);
	});

	it("Part 4 §4.1.1, FR.01 one CALL is open at a time, and the peer's CALL is answered meanwhile", async () => {
		const rig = await open();
		await rig.plug();
		let release = (): void => undefined;
		const held = new Promise<void>((resolve) => (release = resolve));
		rig.csms.once("Authorize", async () => {
			await held;
			return { idTokenInfo: { status: "Accepted" } };
		});
		await rig.token("A");
		const from = rig.csms.messages.length;
		await rig.unplug("ev");
		await rig.plug();
		await rig.unplug("ev");
		expect(await rig.get("AuthCtrlr.LocalPreAuthorize")).toBe("false");
		expect(rig.actions(from)).toEqual([]);
		release();
		await rig.settle();
		expect(rig.actions(from)).toEqual(["StatusNotification"]);
	});

	it("Part 4 §4.1.1 a burst of CALLs from the CSMS is answered one by one, each under its own id", async () => {
		const rig = await open();
		rig.isHostile = true; // they overlap, which the rules forbid
		const from = rig.csms.messages.length;
		for (let i = 0; i < 40; i++) rig.csms.sendRaw(frame(`burst-${i}`, "RequestStopTransaction", { transactionId: "none" }));
		await rig.settle();
		const answers = rig.csms.find((m) => m.fromStation && m.type === 3, from);
		expect(answers.map((m) => m.id)).toEqual(Array.from({ length: 40 }, (_, i) => `burst-${i}`));
	});

	it("Part 4 §4.1.4 message ids have at most 36 characters and are never used again, over reconnects and reboots", async () => {
		const rig = await open();
		await rig.charge();
		await rig.csms.disconnect(true);
		await rig.advance(30_000);
		await rig.powerCut();
		await rig.powerCut();
		await rig.restart();
		await rig.told("BootNotification", 4);
		const ids = rig.csms.find((m) => m.fromStation && m.type === 2).map((m) => m.id);
		expect(new Set(ids).size).toBe(ids.length);
		expect(ids.length).toBeGreaterThan(12);
		for (const id of ids) expect(id.length).toBeLessThanOrEqual(36);
	});

	it("Part 4 §4.1.4 a retransmitted event gets a new message id", async () => {
		const rig = await open({ variables: { "OCPPCommCtrlr.MessageAttemptInterval.TransactionEvent": "1" } });
		rig.csms.once("TransactionEvent", () => { throw rpcError("InternalError"); });
		await rig.plug();
		await rig.token("A");
		await rig.advance(2_000);
		const [first, second] = rig.csms.calls("TransactionEvent");
		expect(second.payload).toEqual(first.payload);
		expect(second.id).not.toBe(first.id);
	});

	it("FR.05 the answer to a request is sent before the messages that it causes", async () => {
		const rig = await open();
		const from = rig.csms.messages.length;
		await rig.call("GetBaseReport", { requestId: 1, reportBase: "ConfigurationInventory" });
		const first = rig.csms.find((m) => m.fromStation, from).map((m) => `${m.type} ${m.action}`);
		expect(first.slice(0, 2)).toEqual(["3 GetBaseReport", "2 NotifyReport"]);
		await rig.plug();
		const before = rig.csms.messages.length;
		await rig.call("RequestStartTransaction", { idToken: { idToken: "A", type: "Central" }, remoteStartId: 1 });
		const then = rig.csms.find((m) => m.fromStation, before).map((m) => `${m.type} ${m.action}`);
		expect(then.slice(0, 2)).toEqual(["3 RequestStartTransaction", "2 TransactionEvent"]);
	});

	it("Part 2 §3.1 times are UTC with Z and at most three decimals", async () => {
		const rig = await open();
		await rig.charge();
		await rig.advance(60_500);
		const times = rig.csms.messages.filter((m) => m.fromStation).flatMap((m) => m.text.match(/"20\d\d-[^"]*"/g) ?? []);
		expect(times.length).toBeGreaterThan(5);
		for (const time of times) expect(time).toMatch(/^"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z"$/);
	});

	it("Part 4 §4.1.5 what is empty is left out: no null, no empty object, no empty list in any message of a session", async () => {
		const rig = await open();
		await rig.charge();
		await rig.advance(60_000);
		await rig.token("04A2B3");
		await rig.call("GetBaseReport", { requestId: 1, reportBase: "FullInventory" });
		for (const message of rig.csms.find((m) => m.fromStation)) {
			const inner = JSON.stringify(message.payload ?? {}).slice(1);
			expect(inner).not.toMatch(/null|\{\}|\[\]/);
		}
	});
});
