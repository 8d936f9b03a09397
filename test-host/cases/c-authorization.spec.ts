// C: who may charge. Source: OCPP 2.0.1 Part 2, C01, C02, C05, C09, E03.

import type { AuthorizeRequest, IdTokenInfoType } from "../../preload/payloads.js";
import { rpcError, WITHHOLD } from "../csms/scripted.js";
import { Rig, rigPerCase } from "./rig.js";

const GROUP = { idToken: "FAMILY", type: "Central" };
const REFUSALS = ["Blocked", "ConcurrentTx", "Expired", "Invalid", "NoCredit", "NotAllowedTypeEVSE", "NotAtThisLocation", "NotAtThisTime", "Unknown"];

function info(more: object = {}): { idTokenInfo: IdTokenInfoType } {
	return { idTokenInfo: { status: "Accepted", ...more } };
}

function asked(rig: Rig): string[] {
	return rig.csms.calls("Authorize").map((message) => (message.payload as AuthorizeRequest).idToken.idToken);
}

describe("C authorization", () => {
	const open = rigPerCase();

	it("C01.FR.01 no energy before authorization, however long the EV is ready", async () => {
		const rig = await open();
		await rig.plug();
		await rig.ev(true);
		await rig.advance(120_000);
		expect(rig.relay()).toBeFalse();
		expect(rig.story()).toEqual([]);
		await rig.token("04A2B3");
		expect(rig.relay()).toBeTrue();
	});

	it("C01.FR.02 a token goes to the CSMS with its type; whatever status but Accepted starts nothing, and another card may be shown", async () => {
		const rig = await open();
		for (const status of REFUSALS) {
			rig.csms.once("Authorize", { idTokenInfo: { status } });
			await rig.token("BAD");
		}
		await rig.plug();
		await rig.ev(true);
		for (const status of REFUSALS) {
			rig.csms.once("Authorize", { idTokenInfo: { status } });
			await rig.token("BAD");
		}
		expect(rig.csms.calls("Authorize")[0].payload).toEqual({ idToken: { idToken: "BAD", type: "ISO14443" } });
		expect(asked(rig).length).toBe(2 * REFUSALS.length);
		expect(rig.story()).toEqual([]);
		expect(rig.relay()).toBeFalse();
		await rig.token("GOOD");
		expect(rig.story()[0]).toBe("Started/Authorized/EVConnected");
	});

	it("C01.FR.03, E07.FR.01 the token that started ends it without an Authorize, in any case of letters", async () => {
		const rig = await open();
		await rig.charge("04a2B3");
		await rig.token("04A2b3");
		expect(rig.story().at(-1)).toBe("Ended/StopAuthorized/EVConnected");
		expect(asked(rig)).toEqual(["04a2B3"]);
	});

	it("C01.FR.03 it does so offline too", async () => {
		const rig = await open();
		await rig.charge();
		rig.net("drop");
		await rig.token("04A2B3");
		expect(rig.relay()).toBeFalse();
		rig.net("up");
		await rig.advance(60_000);
		expect(rig.story().at(-1)).toBe("Ended/StopAuthorized/EVConnected");
		expect(asked(rig).length).toBe(1);
	});

	it("C01.FR.25 the same characters of another type are another token", async () => {
		const rig = await open();
		await rig.plug();
		await rig.call("RequestStartTransaction", { idToken: { idToken: "04A2B3", type: "Central" }, remoteStartId: 1 });
		rig.csms.once("Authorize", { idTokenInfo: { status: "Invalid" } });
		await rig.token("04A2B3");
		expect(asked(rig)).toEqual(["04A2B3"]);
		expect(rig.story().some((line) => line.startsWith("Ended"))).toBeFalse();
	});

	it("C01.FR.02, C09.FR.05 another token during a transaction is asked about but changes nothing, and no event carries it", async () => {
		const rig = await open({ evses: 1 });
		await rig.charge();
		const before = rig.transactionEvents().length;
		await rig.token("OTHER");
		expect(asked(rig)).toEqual(["04A2B3", "OTHER"]);
		expect(rig.transactionEvents().length).toBe(before);
		await rig.unplug("ev");
		await rig.plug();
		expect(rig.story().filter((line) => line.startsWith("Started")).length).toBe(1);
		expect(rig.transactionEvents().some((event) => event.idToken?.idToken === "OTHER")).toBeFalse();
	});

	it("C01.FR.21 a list of EVSEs in the answer limits the token to them", async () => {
		const rig = await open({ evses: 2 });
		rig.csms.always("Authorize", info({ evseId: [2] }));
		await rig.plug(1);
		await rig.token("A", 1);
		expect(rig.story()).toEqual([]);
		await rig.plug(2);
		await rig.token("A", 2);
		expect(rig.transactionEvents()[0].evse).toEqual({ id: 2, connectorId: 1 });
	});

	it("C01.FR.21 it does so also when the cable comes later", async () => {
		const rig = await open({ evses: 2 });
		rig.csms.always("Authorize", info({ evseId: [2] }));
		await rig.token("A");
		await rig.plug(1);
		expect(rig.story()).toEqual([]);
		await rig.plug(2);
		expect(rig.transactionEvents()[0].evse).toEqual({ id: 2, connectorId: 1 });
		expect(rig.story().filter((line) => line.startsWith("Started")).length).toBe(1);
	});

	it("C01.FR.21 a list that does not name the only EVSE starts nothing", async () => {
		const rig = await open();
		rig.csms.always("Authorize", info({ evseId: [2, 3] }));
		await rig.plug();
		await rig.token("A");
		expect(rig.story()).toEqual([]);
	});

	it("C01.FR.26, E03.FR.05 a card without a cable is forgotten after EVConnectionTimeOut: no event, and plugging later starts nothing", async () => {
		const rig = await open({ variables: { "TxCtrlr.EVConnectionTimeOut": "30" } });
		await rig.token("04A2B3");
		await rig.advance(31_000);
		await rig.plug();
		await rig.ev(true);
		expect(rig.story()).toEqual([]);
		await rig.token("04A2B3");
		expect(asked(rig).length).toBe(2);
		expect(rig.story()[0]).toBe("Started/Authorized/EVConnected");
	});

	it("C01.FR.26 the same with two EVSEs and one reader, where no EVSE is chosen yet", async () => {
		const rig = await open({ evses: 2, variables: { "TxCtrlr.EVConnectionTimeOut": "30" } });
		await rig.token("04A2B3");
		await rig.advance(29_000);
		await rig.plug(2);
		expect(rig.transactionEvents()[0].evse).toEqual({ id: 2, connectorId: 1 });
		await rig.token("SECOND");
		await rig.advance(31_000);
		const before = rig.transactionEvents().length;
		await rig.plug(1);
		expect(rig.transactionEvents().length).toBe(before);
	});

	it("C02.FR.01 the start button needs no Authorize: idToken empty, type NoAuthorization", async () => {
		const rig = await open();
		await rig.plug();
		await rig.button(true);
		const [started] = rig.transactionEvents();
		expect(started.idToken).toEqual({ idToken: "", type: "NoAuthorization" });
		expect(asked(rig)).toEqual([]);
		await rig.button(false);
		expect(rig.transactionEvents().at(-1)!.eventType).toBe("Ended");
	});

	it("C02.FR.01, E04.FR.01 the buttons work offline too, but not before the station was accepted", async () => {
		const pending = await open({ boot: "Pending", interval: 60 });
		await pending.plug();
		await pending.button(true);
		expect([pending.relay(), pending.generated()]).toEqual([false, []]);
		await pending.close();
		const rig = await open();
		rig.net("drop");
		await rig.plug();
		await rig.button(true);
		await rig.ev(true);
		expect(rig.relay()).toBeTrue();
		await rig.button(false);
		expect(rig.relay()).toBeFalse();
		rig.net("up");
		await rig.advance(60_000);
		const events = rig.transactionEvents();
		expect([events[0].eventType, events.at(-1)!.eventType]).toEqual(["Started", "Ended"]);
		expect(events.map((event) => event.offline)).toEqual(events.map(() => true));
		expect(events[0].idToken).toEqual({ idToken: "", type: "NoAuthorization" });
	});

	it("C05.FR.01, C05.FR.03, C05.FR.05 a Central token is not asked about, and the next event carries it with its remoteStartId", async () => {
		const rig = await open({ variables: { "AuthCtrlr.AuthorizeRemoteStart": "true" } });
		await rig.plug();
		await rig.call("RequestStartTransaction", { idToken: { idToken: "APP", type: "Central" }, remoteStartId: 9, evseId: 1 });
		expect(asked(rig)).toEqual([]);
		const [started] = rig.transactionEvents();
		expect([started.triggerReason, started.transactionInfo.remoteStartId, started.idToken]).toEqual(["RemoteStart", 9, { idToken: "APP", type: "Central" }]);
	});

	it("C09.FR.03, C09.FR.11 another token of the same group stops the transaction under its own name, also after a power cut of the link", async () => {
		const rig = await open();
		rig.csms.always("Authorize", info({ groupIdToken: GROUP }));
		await rig.charge("MOTHER");
		await rig.token("FATHER");
		const ended = rig.transactionEvents().at(-1)!;
		expect([ended.eventType, ended.triggerReason, ended.idToken!.idToken]).toEqual(["Ended", "StopAuthorized", "FATHER"]);
		expect(rig.transactionEvents()[0].idToken!.idToken).toBe("MOTHER");
	});

	it("C09.FR.03 the group may come with the answer to the event, in any case of letters", async () => {
		const rig = await open();
		rig.csms.once("TransactionEvent", info({ groupIdToken: { idToken: "family", type: "Central" } }));
		await rig.charge("MOTHER");
		rig.csms.once("Authorize", info({ groupIdToken: GROUP }));
		await rig.token("FATHER");
		expect(rig.story().at(-1)).toBe("Ended/StopAuthorized/EVConnected");
	});

	it("C09.FR.05 a token of the group that is not Accepted has no effect, nor has one of another group", async () => {
		const rig = await open();
		rig.csms.once("Authorize", info({ groupIdToken: GROUP }));
		await rig.charge("MOTHER");
		const before = rig.story();
		rig.csms.once("Authorize", { idTokenInfo: { status: "Blocked", groupIdToken: GROUP } });
		await rig.token("SON");
		rig.csms.once("Authorize", info({ groupIdToken: { idToken: "NEIGHBOURS", type: "Central" } }));
		await rig.token("NEIGHBOUR");
		expect(rig.story()).toEqual(before);
		expect(rig.relay()).toBeTrue();
	});

	it("Part 4 §4.1.2 an Authorize that is refused or never answered authorizes nobody and is not repeated", async () => {
		const rig = await open();
		await rig.plug();
		rig.csms.once("Authorize", () => { throw rpcError("InternalError"); });
		await rig.token("A");
		rig.csms.once("Authorize", WITHHOLD);
		await rig.token("A");
		await rig.advance(120_000);
		expect(asked(rig).length).toBe(2);
		expect(rig.story()).toEqual([]);
		await rig.token("A");
		expect(rig.story()[0]).toBe("Started/Authorized/EVConnected");
	});

	it("C01.FR.02 a link that drops before the answer leaves nobody authorized", async () => {
		const rig = await open({ variables: { "OCPPCommCtrlr.RetryBackOffWaitMinimum": "1", "OCPPCommCtrlr.RetryBackOffRandomRange": "0" } });
		await rig.plug();
		rig.csms.once("Authorize", WITHHOLD);
		await rig.token("A");
		await rig.csms.disconnect(true);
		await rig.advance(30_000);
		expect(asked(rig).length).toBe(1);
		expect(rig.story()).toEqual([]);
	});

	it("C01.FR.02 offline an unknown token starts nothing, not later either", async () => {
		const rig = await open();
		rig.net("drop");
		await rig.plug();
		await rig.token("04A2B3");
		await rig.advance(60_000);
		rig.net("up");
		await rig.advance(60_000);
		expect(rig.story()).toEqual([]);
		expect(asked(rig)).toEqual([]);
	});

	it("C01.FR.02 a second card while the first is being asked about is the one that counts", async () => {
		const rig = await open();
		await rig.plug();
		let release = (): void => undefined;
		const held = new Promise<void>((resolve) => (release = resolve));
		rig.csms.once("Authorize", async () => {
			await held;
			return info();
		});
		await rig.token("FIRST");
		await rig.token("SECOND");
		release();
		await rig.settle();
		expect(asked(rig)).toEqual(["FIRST", "SECOND"]);
		expect(rig.transactionEvents()[0].idToken!.idToken).toBe("SECOND");
	});
});
