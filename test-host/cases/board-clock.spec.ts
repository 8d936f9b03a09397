import { DesktopClock, TICKS_NEAR_WRAP, VirtualClock } from "../board/clock.js";
import { SeededEntropy } from "../board/entropy.js";

describe("board clock", () => {
	it("virtual time passes the 32-bit wrap and since() is right across it", () => {
		const clock = new VirtualClock();
		const mark = clock.ticks();
		expect(mark).toBe(TICKS_NEAR_WRAP);
		clock.advance(10_000);
		expect(clock.ticks()).toBeLessThan(0);
		expect(clock.since(mark)).toBe(10_000);
	});

	it("the time of day is NaN until it is set and follows the ticks afterwards", () => {
		const clock = new VirtualClock();
		expect(clock.utc()).toBeNaN();
		clock.advance(500);
		clock.set(1_700_000_000_000);
		clock.advance(1500);
		expect(clock.utc()).toBe(1_700_000_001_500);
		clock.forget();
		expect(clock.utc()).toBeNaN();
	});

	it("timers run in the order of their instants, each at its own, and those set on the way run too", () => {
		const clock = new VirtualClock();
		const seen: string[] = [];
		clock.after(30, () => seen.push(`c ${clock.elapsedMs}`));
		clock.after(10, () => {
			seen.push(`a ${clock.elapsedMs}`);
			clock.after(10, () => seen.push(`b ${clock.elapsedMs}`));
		});
		const cancel = clock.after(15, () => seen.push("never"));
		cancel();
		clock.advance(30);
		expect(seen).toEqual(["a 10", "b 20", "c 30"]);
		expect(clock.nextInMs).toBe(Infinity);
	});

	it("timers of one instant run in the order in which they were set", () => {
		const clock = new VirtualClock();
		const seen: number[] = [];
		for (let n = 0; n < 5; n++) clock.after(7, () => seen.push(n));
		clock.advance(7);
		expect(seen).toEqual([0, 1, 2, 3, 4]);
	});

	it("the desktop clock jumps on advance() and runs the timers on the way in order", async () => {
		let machineMs = 0;
		const clock = new DesktopClock(() => machineMs);
		clock.set(1_000_000);
		const mark = clock.ticks();
		const seen: string[] = [];
		clock.after(60_000, () => seen.push(`later ${clock.since(mark)}`));
		clock.after(1000, () => seen.push(`sooner ${clock.since(mark)}`));
		await clock.advance(90_000);
		expect(seen).toEqual(["sooner 1000", "later 60000"]);
		expect(clock.utc()).toBe(1_090_000);
		clock.rate = 10;
		machineMs += 5;
		expect(clock.since(mark)).toBe(90_050);
		clock.stop();
	});

	it("seeded chance repeats for the same run and differs in the next run", () => {
		const bytesOf = (seed: number, run: number): string => {
			const bytes = new Uint8Array(100);
			new SeededEntropy(seed, run).fill(bytes, 10, 90);
			return Buffer.from(bytes).toString("hex");
		};
		expect(bytesOf(7, 1)).toBe(bytesOf(7, 1));
		expect(bytesOf(7, 1)).not.toBe(bytesOf(7, 2));
		expect(bytesOf(7, 1)).not.toBe(bytesOf(8, 1));
		expect(bytesOf(7, 1).slice(0, 20)).toBe("0".repeat(20));
	});
});
