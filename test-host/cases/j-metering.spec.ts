// J: what the meter says, when and in which shape. Source: OCPP 2.0.1 Part 2, J02, E06.FR.11.

import { FaultBit } from "../../modules/ports/events.js";
import { LIMITS } from "../../preload/limits.js";
import type { MeterValueType, MeterValuesRequest, TransactionEventRequest } from "../../preload/payloads.js";
import { Rig, rigPerCase } from "./rig.js";

const ALL = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage";

function periodic(rig: Rig): TransactionEventRequest[] {
	return rig.transactionEvents().filter((event) => event.triggerReason === "MeterValuePeriodic");
}

function ended(rig: Rig): TransactionEventRequest {
	return rig.transactionEvents().find((event) => event.eventType === "Ended")!;
}

function context(value: MeterValueType): string {
	return value.sampledValue[0].context ?? "Sample.Periodic";
}

/** measurand, phase, value, unit of each sampled value, with OCPP's defaults filled in. */
function readings(value: MeterValueType): [string, string, number, string][] {
	return value.sampledValue.map((one) => [one.measurand ?? "Energy.Active.Import.Register", one.phase ?? "", one.value, one.unitOfMeasure?.unit ?? "Wh"]);
}

describe("J02 values of a transaction", () => {
	const open = rigPerCase();

	it("J02.FR.11 TxUpdatedInterval gives Updated by MeterValuePeriodic with context Sample.Periodic, on the beat", async () => {
		const rig = await open({ variables: { "SampledDataCtrlr.TxUpdatedInterval": "15" } });
		await rig.plug();
		await rig.token("04A2B3");
		const start = Date.parse(rig.transactionEvents()[0].timestamp);
		await rig.ev(true);
		await rig.advance(61_000);
		const samples = periodic(rig);
		expect(samples.map((event) => Math.round((Date.parse(event.timestamp) - start) / 1000))).toEqual([15, 30, 45, 60]);
		for (const event of samples) {
			expect(event.meterValue!.length).toBe(1);
			expect(event.meterValue![0].timestamp).toBe(event.timestamp);
			expect(event.meterValue![0].sampledValue.map((value) => value.context)).toEqual(["Sample.Periodic", "Sample.Periodic"]);
		}
		expect(rig.csms.calls("MeterValues").length).toBe(0);
	});

	it("J02.FR.11 an interval of 0 gives none; a new one applies without a reboot", async () => {
		const rig = await open({ variables: { "SampledDataCtrlr.TxUpdatedInterval": "0" } });
		await rig.charge();
		await rig.advance(200_000);
		expect(periodic(rig).length).toBe(0);
		await rig.set("SampledDataCtrlr.TxUpdatedInterval", "20");
		await rig.advance(61_000);
		expect(periodic(rig).length).toBeGreaterThanOrEqual(3);
		await rig.set("SampledDataCtrlr.TxUpdatedInterval", "0");
		const count = periodic(rig).length;
		await rig.advance(100_000);
		expect(periodic(rig).length).toBe(count);
	});

	it("J02.FR.10 a long pause is not made up with a heap of samples", async () => {
		const rig = await open({ variables: { "SampledDataCtrlr.TxUpdatedInterval": "600" } });
		await rig.charge();
		await rig.advance(500_000);
		await rig.set("SampledDataCtrlr.TxUpdatedInterval", "10");
		await rig.advance(1_000);
		expect(periodic(rig).length).toBe(1);
		for (const event of rig.transactionEvents()) expect((event.meterValue ?? []).length).toBeLessThanOrEqual(1);
	});

	it("J02.FR.11 every measurand that is listed comes with all phases, its unit and a value that fits the load", async () => {
		const rig = await open({ variables: { "SampledDataCtrlr.TxUpdatedMeasurands": ALL, "SampledDataCtrlr.TxUpdatedInterval": "60" } });
		await rig.plug();
		await rig.token("04A2B3");
		await rig.ev(true, 16);
		await rig.advance(61_000);
		const list = readings(periodic(rig)[0].meterValue![0]);
		expect(list.slice(1)).toEqual([
			["Power.Active.Import", "", 11040, "W"],
			["Current.Import", "L1", 16, "A"], ["Current.Import", "L2", 16, "A"], ["Current.Import", "L3", 16, "A"],
			["Voltage", "L1-N", 230, "V"], ["Voltage", "L2-N", 230, "V"], ["Voltage", "L3-N", 230, "V"],
		]);
		expect(list[0].slice(0, 2)).toEqual(["Energy.Active.Import.Register", ""]);
		expect(list[0][2]).toBeCloseTo(184, -1);
	});

	it("J02.FR.11 a new list applies from the next sample; the order of its names does not matter", async () => {
		const rig = await open();
		await rig.charge();
		await rig.advance(61_000);
		await rig.set("SampledDataCtrlr.TxUpdatedMeasurands", "Voltage,Current.Import");
		await rig.advance(60_000);
		const lists = periodic(rig).map((event) => new Set(readings(event.meterValue![0]).map(([measurand]) => measurand)));
		expect(lists).toEqual([new Set(["Energy.Active.Import.Register", "Power.Active.Import"]), new Set(["Current.Import", "Voltage"])]);
	});

	it("J02.FR.16, J02.FR.17 the register is the raw reading of the meter, and only rises, over transactions and power cuts", async () => {
		const rig = await open({ variables: { "SampledDataCtrlr.TxUpdatedInterval": "20" } });
		rig.meter({}, 1_234_567.8);
		for (let round = 0; round < 2; round++) {
			await rig.charge();
			await rig.advance(45_000);
			if (round === 0) await rig.token("04A2B3");
			else await rig.powerCut();
			await rig.unplug("ev");
			await rig.unplug("station");
		}
		const registers = rig.transactionEvents().flatMap((event) => event.meterValue ?? []).map((value) => value.sampledValue[0].value);
		expect(registers[0]).toBe(1_234_567.8);
		expect(registers.length).toBeGreaterThan(8);
		// Ended repeats the first register, so the rise is judged without those.
		const begins = rig.transactionEvents().filter((event) => event.eventType === "Ended").map((event) => event.meterValue![0].sampledValue[0].value);
		const rising = rig.transactionEvents()
			.flatMap((event) => (event.meterValue ?? []).slice(event.eventType === "Ended" ? 1 : 0))
			.map((value) => value.sampledValue[0].value);
		expect([...rising].sort((a, b) => a - b)).toEqual(rising);
		expect(begins[1]).toBeGreaterThan(begins[0]);
	});

	it("J02 an empty list of measurands gives no meterValue at all", async () => {
		const rig = await open({
			variables: {
				"SampledDataCtrlr.TxStartedMeasurands": "", "SampledDataCtrlr.TxUpdatedMeasurands": "", "SampledDataCtrlr.TxEndedMeasurands": "",
				"SampledDataCtrlr.TxEndedInterval": "10",
			},
		});
		await rig.charge();
		await rig.advance(200_000);
		await rig.token("04A2B3");
		expect(rig.transactionEvents().length).toBeGreaterThanOrEqual(4);
		for (const event of rig.transactionEvents()) expect("meterValue" in event).toBeFalse();
	});

	it("E06.FR.11 TxEndedInterval puts its samples between begin and end into Ended, with their own times", async () => {
		const rig = await open({ variables: { "SampledDataCtrlr.TxEndedInterval": "60", "SampledDataCtrlr.TxUpdatedInterval": "0" } });
		await rig.charge();
		await rig.advance(250_000);
		await rig.token("04A2B3");
		const values = ended(rig).meterValue!;
		expect(values.map(context)).toEqual(["Transaction.Begin", "Sample.Periodic", "Sample.Periodic", "Sample.Periodic", "Sample.Periodic", "Transaction.End"]);
		const start = Date.parse(values[0].timestamp);
		expect(values.map((value) => Math.round((Date.parse(value.timestamp) - start) / 1000)).slice(0, 5)).toEqual([0, 60, 120, 180, 240]);
		const registers = values.map((value) => value.sampledValue[0].value);
		expect([...registers].sort((a, b) => a - b)).toEqual(registers);
	});

	it("E06.FR.11 TxEndedMeasurands and TxUpdatedMeasurands are lists of their own", async () => {
		const rig = await open({ variables: { "SampledDataCtrlr.TxEndedMeasurands": "Energy.Active.Import.Register,Voltage" } });
		await rig.charge();
		await rig.advance(61_000);
		await rig.token("04A2B3");
		for (const value of ended(rig).meterValue!)
			expect(new Set(readings(value).map(([measurand]) => measurand))).toEqual(new Set(["Energy.Active.Import.Register", "Voltage"]));
	});

	it("J02.FR.20 a long transaction thins the middle of its samples: the first and the last stay, and what is left is even", async () => {
		const rig = await open({
			variables: { "SampledDataCtrlr.TxEndedInterval": "60", "SampledDataCtrlr.TxUpdatedInterval": "0", "OCPPCommCtrlr.WebSocketPingInterval": "0" },
		});
		await rig.plug();
		await rig.token("04A2B3");
		await rig.advance(3_000_000);
		await rig.token("04A2B3");
		const values = ended(rig).meterValue!;
		expect(values.length).toBeLessThanOrEqual(LIMITS.endedSamplesMax + 1);
		expect(values.length).toBeGreaterThanOrEqual(LIMITS.endedSamplesMax / 2);
		expect([context(values[0]), context(values.at(-1)!)]).toEqual(["Transaction.Begin", "Transaction.End"]);
		const times = values.slice(0, -1).map((value) => Date.parse(value.timestamp));
		const gaps = new Set(times.slice(1).map((time, index) => Math.round((time - times[index]) / 1000)));
		expect(gaps.size).toBe(1);
		expect(Date.parse(values.at(-1)!.timestamp) - times[0]).toBeGreaterThanOrEqual(3_000_000);
	});

	it("E06.FR.11 with all measurands and many samples Ended still arrives whole, begin and end in it", async () => {
		const rig = await open({
			variables: { "SampledDataCtrlr.TxEndedInterval": "10", "SampledDataCtrlr.TxEndedMeasurands": ALL, "SampledDataCtrlr.TxUpdatedInterval": "0" },
		});
		await rig.charge();
		await rig.advance(65_000);
		await rig.token("04A2B3");
		const values = ended(rig).meterValue!;
		expect([context(values[0]), context(values.at(-1)!)]).toEqual(["Transaction.Begin", "Transaction.End"]);
		for (const value of values) expect(value.sampledValue.length).toBe(8);
		expect(rig.story().filter((line) => line.startsWith("Ended")).length).toBe(1);
	});

	it("E06.FR.11 a TxEndedInterval that is set during a transaction applies to it", async () => {
		const rig = await open({ variables: { "SampledDataCtrlr.TxUpdatedInterval": "0" } });
		await rig.charge();
		await rig.advance(30_000);
		await rig.set("SampledDataCtrlr.TxEndedInterval", "60");
		await rig.advance(185_000);
		await rig.token("04A2B3");
		const contexts = ended(rig).meterValue!.map(context);
		expect(contexts[0]).toBe("Transaction.Begin");
		expect(contexts.at(-1)).toBe("Transaction.End");
		expect(contexts.filter((one) => one === "Sample.Periodic").length).toBe(3);
	});

	it("J02 a meter that falls silent stops neither the events nor the end of a transaction", async () => {
		const rig = await open({ variables: { "SampledDataCtrlr.TxUpdatedInterval": "20" } });
		await rig.charge();
		await rig.advance(25_000);
		await rig.fault(FaultBit.meter, true);
		await rig.advance(60_000);
		await rig.token("04A2B3");
		expect(ended(rig).meterValue!.map(context)[0]).toBe("Transaction.Begin");
		expect(rig.relay()).toBeFalse();
		expect(rig.story().filter((line) => line.startsWith("Ended")).length).toBe(1);
	});
});

describe("J01 measurands of clock-aligned values clock-aligned values", () => {
	const open = rigPerCase();

	function aligned(rig: Rig): MeterValuesRequest[] {
		return rig.csms.calls("MeterValues").map((message) => message.payload as MeterValuesRequest);
	}

	it("J01.FR.14 the list of measurands is AlignedDataCtrlr's; an empty one and an interval of 0 give none", async () => {
		const rig = await open({ evses: 1, variables: { "AlignedDataCtrlr.Interval": "60", "AlignedDataCtrlr.Measurands": "Voltage,Power.Active.Import" } });
		await rig.advance(61_000);
		expect(aligned(rig).length).toBeGreaterThanOrEqual(1);
		for (const value of aligned(rig))
			expect(new Set(readings(value.meterValue[0]).map(([measurand]) => measurand))).toEqual(new Set(["Voltage", "Power.Active.Import"]));
		await rig.set("AlignedDataCtrlr.Measurands", "");
		const count = aligned(rig).length;
		await rig.advance(120_000);
		await rig.set("AlignedDataCtrlr.Measurands", "Voltage");
		await rig.set("AlignedDataCtrlr.Interval", "0");
		await rig.advance(120_000);
		expect(aligned(rig).length).toBe(count);
	});
});
