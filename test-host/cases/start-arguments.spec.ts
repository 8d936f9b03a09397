import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BadArgument, stationArguments } from "../station/arguments.js";
import { Watch } from "../station/watch.js";

const GOOD = ["--url", "ws://localhost:9000/ocpp", "--id", "CS001", "--store", "s"];

function problem(argv: string[]): string {
	try {
		stationArguments(argv);
	} catch (error) {
		expect(error).toBeInstanceOf(BadArgument);
		return (error as Error).message;
	}
	return "";
}

describe("start arguments", () => {
	it("what is left out gets its usual value", () => {
		expect(stationArguments(GOOD)).toEqual({
			url: "ws://localhost:9000/ocpp", identity: "CS001", password: "", store: "s", ca: undefined, ctl: undefined, evses: 1,
			seed: undefined, profile: 1, engine: "node",
		});
		expect(stationArguments(["--url=wss://host/", "--id=A", "--store=s", "--ctl=0", "--evses=2", "--seed=7", "--engine=node"]))
			.toEqual(jasmine.objectContaining({ url: "wss://host", profile: 2, ctl: 0, evses: 2, seed: 7, engine: "node" }));
	});

	it("each mistake is one line that names its flag", () => {
		const directory = mkdtempSync(join(tmpdir(), "args-"));
		const noCertificate = join(directory, "ca.pem");
		writeFileSync(noCertificate, "nothing");
		const cases: [string[], RegExp][] = [
			[["--nonsense"], /nonsense/],
			[["extra"], /extra/],
			[["--url"], /url/],
			[["--id", "A", "--url", "ws://h"], /--store/],
			[["--url", "nowhere"], /--url nowhere is no URL/],
			[["--url", "http://h/"], /--url must start with ws/],
			[["--url", "ws://user:secret@h/"], /--url must not hold a user/],
			[["--url", "ws://h/?a=1"], /--url must not hold a query/],
			[["--id", ""], /--id is empty/],
			[["--id", "a:b"], /--id must not hold a colon/],
			[["--id", "x".repeat(49)], /--id must not be longer than 48/],
			[["--password", "tooshort"], /--password must have 16 to 40 characters, not 8/],
			[["--password", "x".repeat(41)], /--password must have 16 to 40 characters, not 41/],
			[["--ca", join(directory, "missing.pem")], /--ca .*missing\.pem cannot be read \(ENOENT\)/],
			[["--ca", noCertificate], /--ca .*ca\.pem is no PEM certificate/],
			[["--ctl", "70000"], /--ctl must be a whole number from 0 to 65535/],
			[["--ctl", "-1"], /ctl/],
			[["--evses", "0"], /--evses must be a whole number from 1/],
			[["--seed", "1.5"], /--seed must be a whole number/],
			[["--engine", "v9"], /--engine v9/],
			[["--profile", "4"], /--profile must be a whole number from 1 to 3/],
			[["--profile", "2"], /--profile 2 needs a wss url/],
		];
		for (const [argv, expected] of cases) {
			const isWhole = argv.includes("--id") && argv.includes("--url");
			const text = problem(isWhole || argv.length < 2 ? argv : [...GOOD, ...argv]);
			expect(text).toMatch(expected);
			expect(text).not.toContain("\n");
			expect(text).not.toContain("tooshort");
		}
		rmSync(directory, { recursive: true });
	});

	it("A00.FR.205 a password of 16 to 40 characters is taken, counted in characters and not in bytes", () => {
		for (const password of ["0123456789abcdef", "é".repeat(16), "😀".repeat(40), "x".repeat(40)]) {
			expect(stationArguments([...GOOD, "--password", password]).password).toBe(password);
		}
		expect(problem([...GOOD, "--password", "😀".repeat(15)])).toContain("not 15");
	});
});

describe("start bill", () => {
	const TX = { transactionId: "T1" };
	const register = (context: string, value: number, unit?: string) =>
		[{ timestamp: "2026-01-01T00:00:00Z", sampledValue: [
			{ value: 5, measurand: "Power.Active.Import", context },
			{ value, context, measurand: "Energy.Active.Import.Register", unitOfMeasure: unit === undefined ? undefined : { unit } },
		] }];
	const event = (eventType: string, seqNo: number, meterValue?: object) => ({
		eventType, seqNo, timestamp: `2026-01-01T00:00:0${seqNo}Z`, triggerReason: "Authorized", transactionInfo: TX, meterValue,
	});
	function watchOf(events: object[], answered: (index: number) => boolean = () => true): Watch {
		const watch = new Watch();
		events.forEach((payload, index) => {
			watch.message(true, JSON.stringify([2, `m${index}`, "TransactionEvent", payload]));
			if (answered(index)) watch.message(false, JSON.stringify([3, `m${index}`, {}]));
		});
		return watch;
	}
	const whole = [event("Started", 0, register("Transaction.Begin", 1000)), event("Updated", 1), event("Ended", 2, register("Transaction.End", 2.5, "kWh"))];

	it("J02 takes the register at begin and end, kWh and Wh alike", () => {
		expect(watchOf(whole).bill("T1")).toEqual({
			transactionId: "T1", startedAt: "2026-01-01T00:00:00Z", stoppedAt: "2026-01-01T00:00:02Z", startWh: 1000, stopWh: 2500, events: 3,
		});
	});

	it("an event that the CSMS has not answered, a gap in seqNo and a missing register are each named", () => {
		expect(() => watchOf(whole, (index) => index !== 2).bill("T1")).toThrowError("the CSMS has not confirmed an Ended event");
		expect(() => watchOf(whole, (index) => index !== 0).bill("T1")).toThrowError("the CSMS has not confirmed a Started event");
		expect(() => watchOf(whole, (index) => index !== 1).bill("T1")).toThrowError("events are missing: seqNo 0, 2");
		expect(() => watchOf([event("Started", 0), whole[1], whole[2]]).bill("T1")).toThrowError(/Started event has no energy register/);
		expect(() => watchOf(whole).bill("T2")).toThrowError(/Started/);
	});

	it("a CALLERROR of the CSMS counts as refused, with its words", () => {
		const watch = new Watch();
		watch.message(true, '[2,"a","Heartbeat",{}]');
		watch.message(false, '[4,"a","InternalError","busy",{}]');
		expect(watch.refused.map((seen) => [seen.action, seen.gist])).toEqual([["Heartbeat", "InternalError busy"]]);
	});
});
