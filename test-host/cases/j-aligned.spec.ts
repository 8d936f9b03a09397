// J. Clock-aligned meter values, idle and in a transaction. Source: OCPP 2.0.1 Part 2, J01.

import { rigPerCase } from "./rig.js";

const QUARTER_MS = 900_000;

describe("J01 clock-aligned values", () => {
	const open = rigPerCase();
	const SETTINGS = { "AlignedDataCtrlr.Interval": "900", "AlignedDataCtrlr.Measurands": "Energy.Active.Import.Register,Voltage" };

	it("J01.FR.14 idle: MeterValues of each EVSE at multiples since midnight, Sample.Clock, stamped with the boundary", async () => {
		const rig = await open({ evses: 2, variables: SETTINGS });
		await rig.advance(QUARTER_MS);
		await rig.advance(QUARTER_MS);
		const values = await rig.told("MeterValues", 4);
		expect(values.map((value) => value.evseId).sort()).toEqual([1, 1, 2, 2]);
		const stamps = values.map((value) => Date.parse(value.meterValue[0].timestamp));
		expect(stamps.every((stamp) => stamp % QUARTER_MS === 0)).toBeTrue();
		expect(Math.max(...stamps) - Math.min(...stamps)).toBe(QUARTER_MS);
		const sampled = values[0].meterValue[0].sampledValue;
		expect(sampled.every((sample: { context: string }) => sample.context === "Sample.Clock")).toBeTrue();
		expect(new Set(sampled.map((sample: { measurand?: string }) => sample.measurand))).toEqual(new Set([undefined, "Voltage"]));
	});

	it("J01.FR.22 in a transaction they are TransactionEvents, MeterValueClock, and no MeterValues", async () => {
		const rig = await open({ evses: 1, variables: { ...SETTINGS, "SampledDataCtrlr.TxUpdatedInterval": "0" } });
		await rig.charge();
		await rig.advance(QUARTER_MS + 1000);
		const clocked = rig.transactionEvents().filter((event) => event.triggerReason === "MeterValueClock");
		expect(clocked.length).toBe(1);
		expect(Date.parse(clocked[0].meterValue![0].timestamp) % QUARTER_MS).toBe(0);
		expect(clocked[0].meterValue![0].sampledValue[0].context).toBe("Sample.Clock");
		expect(rig.csms.calls("MeterValues").length).toBe(0);
	});

	it("J01, E06.FR.11 Ended carries the clock-aligned samples of AlignedDataCtrlr.TxEndedMeasurands", async () => {
		const rig = await open({
			variables: {
				"AlignedDataCtrlr.TxEndedInterval": "300", "AlignedDataCtrlr.TxEndedMeasurands": "Energy.Active.Import.Register",
				"SampledDataCtrlr.TxUpdatedInterval": "0",
			},
		});
		await rig.charge();
		await rig.advance(QUARTER_MS + 1000);
		await rig.token("04A2B3");
		const contexts = rig.transactionEvents().at(-1)!.meterValue!.map((value) => value.sampledValue[0].context);
		expect(contexts).toEqual(["Transaction.Begin", "Sample.Clock", "Sample.Clock", "Sample.Clock", "Transaction.End"]);
	});

	it("J01 Interval 0 and an empty list send nothing", async () => {
		const rig = await open();
		await rig.advance(QUARTER_MS);
		await rig.set("AlignedDataCtrlr.Interval", "300");
		await rig.set("AlignedDataCtrlr.Measurands", "");
		await rig.advance(QUARTER_MS);
		expect(rig.csms.calls("MeterValues").length).toBe(0);
	});

	it("J01 a boundary that passes offline is not made up for an idle EVSE", async () => {
		const rig = await open({ evses: 1, variables: SETTINGS });
		rig.net("drop");
		await rig.advance(QUARTER_MS + 1000);
		rig.net("up");
		await rig.advance(120_000);
		expect(rig.csms.calls("MeterValues").length).toBe(0);
		await rig.advance(QUARTER_MS);
		expect((await rig.told("MeterValues", 1)).length).toBe(1);
	});
});
