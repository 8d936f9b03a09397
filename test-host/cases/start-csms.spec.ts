import { RPCClient } from "ocpp-rpc";
import WebSocket from "ws";
import { Oracle, judge } from "../csms/oracle.js";
import { ScriptedCsms, WITHHOLD, rpcError } from "../csms/scripted.js";

const BOOT = { chargingStation: { vendorName: "V", model: "M" }, reason: "PowerUp" };

/** A station of the library, not strict, so that it can say what is wrong. */
async function station(csms: ScriptedCsms, password: string | null = null): Promise<RPCClient> {
	const client = new RPCClient({ endpoint: csms.url, identity: "CS001", password, protocols: ["ocpp2.0.1"], reconnect: false } as never);
	await client.connect();
	return client;
}

describe("start CSMS", () => {
	let csms: ScriptedCsms;
	afterEach(() => csms.close());

	it("A00.FR.202 an identity with another password, or none, is refused with 401", async () => {
		csms = await ScriptedCsms.open({ passwords: { CS001: "0123456789abcdef" } });
		await expectAsync(station(csms, "0123456789abcdeX")).toBeRejected();
		await expectAsync(station(csms)).toBeRejected();
		expect([csms.handshakesRefused, csms.connections]).toEqual([2, 0]);
		const client = await station(csms, "0123456789abcdef");
		expect(csms.connected).toBe("CS001");
		await client.close({});
	});

	it("answers yes by itself, and as scripted where told, in order", async () => {
		csms = await ScriptedCsms.open({ heartbeatSeconds: 77 });
		csms.bootOnce("Pending", 1);
		csms.always("Authorize", { idTokenInfo: { status: "Blocked" } });
		csms.once("Authorize", { idTokenInfo: { status: "Expired" } });
		const client = await station(csms);
		const token = { idToken: { idToken: "A", type: "ISO14443" } };
		const answers: unknown[] = [];
		for (const [action, payload] of [["BootNotification", BOOT], ["BootNotification", BOOT], ["Authorize", token], ["Authorize", token]] as const) {
			answers.push(await client.call(action, payload));
		}
		expect(answers).toEqual([
			{ currentTime: jasmine.any(String), interval: 1, status: "Pending" },
			{ currentTime: jasmine.any(String), interval: 77, status: "Accepted" },
			{ idTokenInfo: { status: "Expired" } },
			{ idTokenInfo: { status: "Blocked" } },
		]);
		expect(csms.messages.map((message) => [message.fromStation, message.type, message.action])).toEqual([
			[true, 2, "BootNotification"], [false, 3, "BootNotification"], [true, 2, "BootNotification"], [false, 3, "BootNotification"],
			[true, 2, "Authorize"], [false, 3, "Authorize"], [true, 2, "Authorize"], [false, 3, "Authorize"],
		]);
		expect(csms.violations).toEqual([]);
		await client.close({});
	});

	it("E13 withholds an answer, delays one and answers with an error", async () => {
		csms = await ScriptedCsms.open();
		const client = await station(csms);
		csms.once("Heartbeat", WITHHOLD);
		csms.once("Heartbeat", () => {
			throw rpcError("InternalError", "busy");
		});
		csms.once("Heartbeat", csms.delayed(30, { currentTime: "2026-01-01T00:00:00Z" }));
		await expectAsync(client.call("Heartbeat", {}, { callTimeoutMs: 30 } as never)).toBeRejectedWithError("Call timeout");
		await expectAsync(client.call("Heartbeat", {})).toBeRejectedWithError("busy");
		expect(await client.call("Heartbeat", {})).toEqual({ currentTime: "2026-01-01T00:00:00Z" } as never);
		expect(csms.violations).toEqual([]);
		await client.close({});
	});

	it("calls the station and gives its answer; a wait ends with the message or with what was missing", async () => {
		csms = await ScriptedCsms.open();
		const client = await station(csms);
		client.handle("Reset", async () => ({ status: "Accepted" }));
		expect(await csms.call("Reset", { type: "Immediate" })).toEqual({ status: "Accepted" });
		const waited = csms.waitForCall("BootNotification", (payload: typeof BOOT) => payload.reason === "PowerUp");
		await client.call("BootNotification", BOOT);
		expect((await waited).payload).toEqual(BOOT);
		await expectAsync(csms.waitForCall("Heartbeat", () => true, 20)).toBeRejectedWithError("no Heartbeat within 0.02 s");
		await client.close({});
	});

	it("counts what strict mode refused, and the oracle says the same", async () => {
		csms = await ScriptedCsms.open();
		const socket = new WebSocket(`${csms.url}/CS001`, ["ocpp2.0.1"]);
		await new Promise((resolve) => socket.on("open", resolve));
		const answers: unknown[][] = [];
		const answered = new Promise((resolve) => socket.on("message", (text: Buffer) => {
			if (answers.push(JSON.parse(text.toString()) as unknown[]) === 3) resolve(answers);
		}));
		socket.send('[2,"1","Heartbeat",{"extra":1}]');
		socket.send('[2,"2","BootNotification",{"reason":"PowerUp"}]');
		socket.send('[2,"3","Heartbeat",{}]');
		await answered;
		expect(answers.map((answer) => [answer[0], answer[1]])).toEqual([[4, "1"], [4, "2"], [3, "3"]]);
		expect(csms.refused.length).toBe(2);
		expect(csms.violations.filter((violation) => /must/.test(violation.text)).map((violation) => violation.action)).toEqual(["Heartbeat", "BootNotification"]);
		socket.terminate();
	});
});

describe("start oracle", () => {
	let oracle: Oracle;
	const wrong = (): string[] => oracle.violations.map((violation) => violation.text);
	beforeEach(() => {
		oracle = new Oracle();
	});

	it("judges requests and responses by the schema of their action", () => {
		expect(judge("BootNotification", true, BOOT)).toBe("");
		expect(judge("BootNotification", true, { ...BOOT, reason: "Hunger" })).toContain("reason");
		expect(judge("Heartbeat", false, { currentTime: "yesterday" })).toContain("date-time");
		expect(judge("heartbeat", true, {})).toContain("no action");
		expect(judge("../package", true, {})).toContain("no action");
	});

	it("Part 4 §4.1.1 a second CALL before the answer is wrong, one of each side is not", () => {
		oracle.observe(true, '[2,"a","Heartbeat",{}]');
		oracle.observe(false, '[2,"a","Reset",{"type":"OnIdle"}]');
		expect(wrong()).toEqual([]);
		oracle.observe(true, '[2,"b","Heartbeat",{}]');
		expect(wrong()).toEqual(["CALL while Heartbeat is unanswered (Part 4 §4.1.1)"]);
	});

	it("Part 4 §4.1.4 a message id that comes again is wrong, also after a reconnect", () => {
		oracle.observe(true, '[2,"a","Heartbeat",{}]');
		oracle.connected();
		oracle.observe(true, '[2,"a","Heartbeat",{}]');
		expect(wrong()).toEqual(["message id was used before (Part 4 §4.1.4)"]);
	});

	it("the answer is judged by the action of its CALL; an unknown id and a foreign error code are wrong", () => {
		oracle.observe(false, '[2,"a","Reset",{"type":"OnIdle"}]');
		expect(oracle.observe(true, '[3,"a",{"status":"Accepted"}]').action).toBe("Reset");
		expect(wrong()).toEqual([]);
		oracle.observe(true, '[3,"z",{}]');
		oracle.observe(false, '[2,"b","Reset",{"type":"OnIdle"}]');
		oracle.observe(true, '[4,"b","OccurenceConstraintViolation","",{}]');
		oracle.observe(true, '[3');
		oracle.observe(true, '{"a":1}');
		oracle.observe(true, `[2,"${"x".repeat(37)}","Heartbeat",{}]`);
		expect(wrong()).toEqual([
			"answers no CALL", "error code OccurenceConstraintViolation", "is no JSON", "is no RPC frame", "message id has 37 characters",
		]);
		expect(oracle.count).toBe(8);
	});
});
