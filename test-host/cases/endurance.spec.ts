// A long life of the queue, in short: npm run endurance lets two million events pass. Source: OCPP 2.0.1 Part 2, E01.FR.07, E04, E12.

import { Endurance, SEGMENTS } from "../traces/endurance.js";

const EVENTS = 12_000;
/** Where the sector goes bad in the second half. */
const OPTIONS = { events: EVENTS, seed: 1, badAfter: EVENTS / 2 };

describe("endurance", () => {
	it("E04.FR.01 E04.FR.08 every Started and every Ended of a long life arrives once, in order, and what is left out is counted", () => {
		const its = new Endurance(OPTIONS).run();
		expect(its.wrong).toEqual([]);
		expect(its.made).toBe(its.delivered + its.missed + its.refused);
		expect(its.flash.bad.size).toBe(1);
		expect(its.reboots).toBeGreaterThan(1);
	}, 120_000);

	for (const kind of SEGMENTS) {
		it(`E12.FR.01 a segment of the kind ${kind} loses nothing`, () => {
			const its = new Endurance({ ...OPTIONS, events: 0, badAfter: Infinity });
			for (let i = 0; i < (kind === "full" ? 1 : 3); i++) its.live(kind);
			expect(its.run().wrong).toEqual([]);
			expect(its.delivered).toBeGreaterThan(500);
		}, 120_000);
	}

	it("a queue that forgets one event is found out", () => {
		const its = new Endurance({ ...OPTIONS, badAfter: Infinity });
		const { queue } = its;
		const acknowledge = queue.acknowledge.bind(queue);
		let answered = 0;
		queue.acknowledge = () => (++answered === 100 && queue.count > 1 ? acknowledge() && acknowledge() : acknowledge());
		its.live("offline");
		expect(its.run().wrong.join()).toMatch(/thinned|is lost|Started/);
	}, 120_000);
});
