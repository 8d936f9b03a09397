// The traces that the queue is measured on: the same from the same seed, right by the schema, and as a station makes them.

import { PATTERNS, take } from "../traces/traces.js";
import { Judge } from "../vectors/judge.js";

const HOURS = 48;

describe("traces", () => {
	const judge = new Judge(true);

	for (const pattern of PATTERNS) {
		it(`${pattern.name}: the same seed gives the same events, another one others`, () => {
			expect(JSON.stringify(take(pattern, 1, { events: 300 }))).toBe(JSON.stringify(take(pattern, 1, { events: 300 })));
			expect(JSON.stringify(take(pattern, 1, { events: 300 }))).not.toBe(JSON.stringify(take(pattern, 2, { events: 300 })));
		});

		it(`${pattern.name}: events are valid, seqNo has no holes, registers do not fall, each Started has an Ended behind it`, () => {
			const events = take(pattern, 3, { hours: HOURS });
			const last = new Map<string, { seqNo: number; energyWh: number; eventType: string; utcMs: number }>();
			for (const event of events) {
				expect(judge.accepts("TransactionEvent", true, event)).toBeTrue();
				const id = event.transactionInfo.transactionId;
				const its = last.get(id);
				const utcMs = Date.parse(event.timestamp);
				const sampled = event.meterValue?.at(-1)?.sampledValue[0];
				const energyWh = sampled?.value ?? its?.energyWh ?? 0;
				expect(event.seqNo).toBe(its === undefined ? 0 : its.seqNo + 1);
				expect(event.eventType === "Started").toBe(its === undefined);
				expect(its?.eventType).not.toBe("Ended");
				expect(energyWh).toBeGreaterThanOrEqual(its?.energyWh ?? 0);
				expect(utcMs).toBeGreaterThanOrEqual(its?.utcMs ?? 0);
				last.set(id, { seqNo: event.seqNo, energyWh, eventType: event.eventType, utcMs });
			}
			const open = [...last.values()].filter(({ eventType }) => eventType !== "Ended").length;
			expect(last.size).toBeGreaterThan(1);
			expect(open).toBeLessThanOrEqual(pattern.evses);
			const samples = events.filter(({ triggerReason }) => triggerReason === "MeterValuePeriodic").length;
			expect(samples).toBeGreaterThan(events.length / 2);
		});
	}
});
