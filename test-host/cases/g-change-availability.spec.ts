// G. ChangeAvailability: three independent layers, scheduled under a transaction, kept over power cuts.
// Source: OCPP 2.0.1 Part 2, G03, G04, B11.FR.02.

import type { StatusNotificationRequest } from "../../preload/payloads.js";
import { rigPerCase, type Rig } from "./rig.js";

describe("G03, G04 ChangeAvailability", () => {
	const open = rigPerCase();

	/** Asks for a change and returns the status of the answer. */
	async function change(rig: Rig, operationalStatus: "Operative" | "Inoperative", evse?: object): Promise<string> {
		return (await rig.call("ChangeAvailability", { operationalStatus, evse })).status;
	}

	/** connectorStatus of the StatusNotifications since message `from`, with the EVSE in front. */
	function told(rig: Rig, from: number): string[] {
		return rig.csms.calls("StatusNotification", from).map((message) => {
			const status = message.payload as StatusNotificationRequest;
			return `${status.evseId} ${status.connectorStatus}`;
		});
	}

	it("G03.FR.04, G04.FR.05, G01.FR.07 the answer comes first, then the status of each connector that changed", async () => {
		const rig = await open({ evses: 2 });
		let from = rig.csms.messages.length;
		expect(await change(rig, "Inoperative")).toBe("Accepted");
		expect(rig.actions(from)).toEqual(["StatusNotification", "StatusNotification"]);
		expect(told(rig, from)).toEqual(["1 Unavailable", "2 Unavailable"]);
		from = rig.csms.messages.length;
		expect(await change(rig, "Operative")).toBe("Accepted");
		expect(told(rig, from)).toEqual(["1 Available", "2 Available"]);
		from = rig.csms.messages.length;
		expect(await change(rig, "Inoperative", { id: 2 })).toBe("Accepted");
		expect(told(rig, from)).toEqual(["2 Unavailable"]);
	});

	it("G03.FR.03, G04.FR.04 a state that is there already is Accepted and told to nobody", async () => {
		const rig = await open();
		const from = rig.csms.messages.length;
		expect(await change(rig, "Operative")).toBe("Accepted");
		expect(await change(rig, "Operative", { id: 1 })).toBe("Accepted");
		expect(told(rig, from)).toEqual([]);
	});

	it("G03.FR.05 under a transaction it is Scheduled, changes nothing, and takes effect when the transaction ends", async () => {
		const rig = await open();
		await rig.charge();
		const from = rig.csms.messages.length;
		expect(await change(rig, "Inoperative", { id: 1, connectorId: 1 })).toBe("Scheduled");
		expect(rig.relay()).toBeTrue();
		expect(told(rig, from)).toEqual([]);
		await rig.token("04A2B3");
		expect(told(rig, from)).toEqual(["1 Unavailable"]);
		await rig.unplug("station");
		expect(told(rig, from)).toEqual(["1 Unavailable"]);
	});

	it("G04.FR.06 of a station the free EVSE closes now and the busy one after its transaction", async () => {
		const rig = await open({ evses: 2 });
		await rig.charge("04A2B3", 2);
		const from = rig.csms.messages.length;
		expect(await change(rig, "Inoperative")).toBe("Scheduled");
		expect(told(rig, from)).toEqual(["1 Unavailable"]);
		await rig.token("04A2B3", 2);
		expect(told(rig, from)).toEqual(["1 Unavailable", "2 Unavailable"]);
	});

	it("G03.FR.06, G03.FR.07, G04.FR.07, G04.FR.08 the layers do not undo each other", async () => {
		const rig = await open({ evses: 1 });
		await change(rig, "Inoperative", { id: 1, connectorId: 1 });
		await change(rig, "Inoperative", { id: 1 });
		await change(rig, "Inoperative");
		const from = rig.csms.messages.length;
		await change(rig, "Operative");
		await change(rig, "Operative", { id: 1 });
		expect(told(rig, from)).toEqual([]);
		await change(rig, "Operative", { id: 1, connectorId: 1 });
		expect(told(rig, from)).toEqual(["1 Available"]);
	});

	for (const [layer, place] of [["station", undefined], ["EVSE", { id: 1 }], ["connector", { id: 1, connectorId: 1 }]] as const) {
		it(`G03.FR.08, G04.FR.09, B11.FR.02 the layer of the ${layer} survives a power cut, scheduled as it was`, async () => {
			const rig = await open({ evses: 1 });
			await rig.charge();
			expect(await change(rig, "Inoperative", place)).toBe("Scheduled");
			const from = rig.csms.messages.length;
			await rig.powerCut();
			expect(told(rig, from).at(-1)).toBe("1 Unavailable");
			expect(await rig.get("ChargingStation.AvailabilityState")).toBe("Unavailable");
		});
	}

	it("G03.FR.02 an unknown EVSE or connector is Rejected", async () => {
		const rig = await open({ evses: 1 });
		for (const place of [{ id: 0 }, { id: 2 }, { id: 1, connectorId: 2 }])
			expect(await change(rig, "Inoperative", place)).toBe("Rejected");
		expect(await rig.get("ChargingStation.AvailabilityState")).toBe("Available");
	});

	it("F01.FR.23, G03 an EVSE that is closed starts nothing, by card or from afar, and forgets who was authorized", async () => {
		const rig = await open();
		await rig.token("04A2B3");
		await change(rig, "Inoperative", { id: 1 });
		await rig.plug();
		expect(rig.story()).toEqual([]);
		await rig.token("04A2B3");
		const start = { idToken: { idToken: "APP", type: "Central" }, remoteStartId: 1, evseId: 1 };
		expect((await rig.call("RequestStartTransaction", start)).status).toBe("Rejected");
		expect(rig.story()).toEqual([]);
		await change(rig, "Operative", { id: 1 });
		await rig.token("04A2B3");
		expect(rig.story()[0]).toBe("Started/Authorized/EVConnected");
	});

	it("G03.FR.08 a flash that refuses makes it Rejected, and nothing has changed", async () => {
		const rig = await open();
		rig.failWrites(100);
		expect(await change(rig, "Inoperative", { id: 1 })).toBe("Rejected");
		rig.failWrites(0);
		expect(await rig.get("ChargingStation.AvailabilityState")).toBe("Available");
	});
});
