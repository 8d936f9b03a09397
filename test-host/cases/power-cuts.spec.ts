// A whole station under power cuts at each flash operation of what the CSMS has set or ordered, of a session, of a boot: the cases are in
// test-host/cuts/station.ts; npm run cuts tries them with more chance, and the storage alone behind each byte.
// Source: OCPP 2.0.1 Part 2, A01, A04, B01, B05, B09, B12, E01, E12, G03.FR.08, G04.FR.09.

import {
	AVAILABILITY, BOOT_REASON, FIRST_BOOT, OFFLINE_SESSION, PASSWORD, RESET, SECURITY, SESSION, STATION_CASES, VARIABLES,
} from "../cuts/station.js";
import { CUT_CASES } from "../cuts/cases.js";
import { cutOf, SHORT, sweep, type CutCase } from "../cuts/sweep.js";

describe("power cuts", () => {
	/** The flash operations of a case, at least so many; nothing may be wrong. */
	const cutAll = (its: CutCase, operationsMin: number): void => {
		const { operations, failures } = sweep(its, SHORT);
		expect(failures).toEqual([]);
		expect(operations).toBeGreaterThanOrEqual(operationsMin);
	};

	it("A01.FR.01 A01.FR.03 at every cut of a change of password the station finds its way back, with the one that the CSMS has", () => {
		cutAll(PASSWORD, 2);
	}, 120_000);

	it("G03.FR.08 G04.FR.09 at every cut of a ChangeAvailability: what was answered holds, what was not is whole or absent", () => {
		cutAll(AVAILABILITY, 1);
	}, 120_000);

	it("B12.FR.02 B12.FR.04 at every cut of a reset in a transaction: one Ended, one boot for the order at most, its reason or PowerUp", () => {
		cutAll(RESET, 5);
	}, 120_000);

	it("B05.FR.10 B09.FR.01 at every cut of variables and a network profile: what was Accepted is there, each of the others is old or new", () => {
		cutAll(VARIABLES, 3);
	}, 120_000);

	it("B01.FR.01 at every cut of the first boot the station comes to the CSMS", () => {
		cutAll(FIRST_BOOT, 5);
	}, 120_000);

	it("B01.FR.03 at every cut of an ordered boot its reason is told once at most, else PowerUp", () => {
		cutAll(BOOT_REASON, 3);
	}, 120_000);

	it("E01.FR.07 at every cut of a session there is one Started and one Ended, and no event is missing", () => {
		cutAll(SESSION, 10);
	}, 120_000);

	it("E12.FR.01 at every cut of a session whose network goes there is one Started and one Ended, and no event is missing", () => {
		cutAll(OFFLINE_SESSION, 10);
	}, 120_000);

	it("A04.FR.02 at every cut of a critical security event it is told", () => {
		cutAll(SECURITY, 2);
	}, 120_000);

	it("a case that loses something is a line that plays it again", () => {
		const lossy: CutCase = { ...SESSION, attempt: (cuts) => ({ ...SESSION.attempt(cuts), wrong: cuts[0].torn === "bits" ? "an event is lost" : "" }) };
		const [line] = sweep(lossy, SHORT).failures;
		const [, name, cut] = /^station-session: an event is lost; again: npm run cuts -- --case (\S+) --cut (\S+)$/.exec(line)!;
		expect(CUT_CASES.some((its) => its.name === name)).toBeTrue();
		expect(lossy.attempt([cutOf(cut)!]).wrong).toBe("an event is lost");
		expect(SESSION.attempt([cutOf(cut)!])).toEqual(jasmine.objectContaining({ cuts: 1, wrong: "" }));
	}, 120_000);

	it("every case has its name, and all cases of a station are run here", () => {
		expect(new Set(CUT_CASES.map(({ name }) => name)).size).toBe(CUT_CASES.length);
		expect(STATION_CASES).toHaveSize(9);
	});
});
