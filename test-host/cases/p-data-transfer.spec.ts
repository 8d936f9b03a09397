// P: vendor data. No extension is built in. Source: OCPP 2.0.1 Part 2, P01; Part 4 §9.

import { rigPerCase } from "./rig.js";

describe("P01 DataTransfer", () => {
	const open = rigPerCase();

	it("P01.FR.05 every vendor is unknown, whatever the data looks like", async () => {
		const rig = await open();
		const bodies = [undefined, "", "text", 0, 1.5, true, null, [], {}, [1, [2, [3]]], { deep: { er: ["a", { b: null }] } }, "\u0000ÄÖ🚗", "x".repeat(4000)];
		for (const data of bodies)
			expect([data, await rig.call("DataTransfer", { vendorId: "org.example", messageId: "m", data })]).toEqual([data, { status: "UnknownVendorId" }]);
	});

	it("P01.FR.05 it needs a vendorId of at most 255 characters", async () => {
		const rig = await open();
		expect(await rig.refused("DataTransfer", { data: 1 })).toBe("OccurrenceConstraintViolation");
		expect(await rig.refused("DataTransfer", { vendorId: "x".repeat(256) })).toBe("PropertyConstraintViolation");
		expect(await rig.refused("DataTransfer", { vendorId: "v", messageId: "x".repeat(51) })).toBe("PropertyConstraintViolation");
		expect(await rig.call("DataTransfer", { vendorId: "x".repeat(255) })).toEqual({ status: "UnknownVendorId" });
	});

	it("P01.FR.05 names like those of objects are data and nothing else", async () => {
		const rig = await open();
		const answer = await rig.rawAnswer("[2,\"d\",\"DataTransfer\",{\"vendorId\":\"__proto__\",\"data\":{\"__proto__\":{\"status\":\"Accepted\"},\"constructor\":1}}]");
		expect(answer.payload).toEqual({ status: "UnknownVendorId" });
	});
});
