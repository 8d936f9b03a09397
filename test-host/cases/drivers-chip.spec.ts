import { DeviceClock } from "../../drivers/clock.js";
import { type FlashShape, Partition } from "../../drivers/flash-partition.js";
import { settings } from "../../drivers/identity.js";
import { NumberLog } from "../../drivers/log.js";
import { type WifiShape, WifiKeeper } from "../../drivers/wifi.js";
import { FakeTimer } from "./drivers-fakes.js";

describe("drivers/clock", () => {
	it("Moddable base.md, Time: subtracts ticks right across the wrap of the 32-bit counter", () => {
		const time = { ticks: 0x7fffff00, set: () => undefined };
		const clock = new DeviceClock({ time, now: () => 0 });
		const mark = clock.ticks();
		time.ticks = -0x7fffff00;
		expect(clock.since(mark)).toBe(0x200);
	});

	it("makes the wide ticks of a simulator 32-bit", () => {
		const time = { ticks: 1_790_000_000_123, set: () => undefined };
		const clock = new DeviceClock({ time, now: () => 0 });
		const mark = clock.ticks();
		expect(mark).toBe(1_790_000_000_123 | 0);
		time.ticks += 86_400_000;
		expect(clock.since(mark)).toBe(86_400_000);
	});

	it("has no time of day until it is set, and keeps the milliseconds that the chip drops", () => {
		let chipMs = 5000;
		const time = { ticks: 0, set: (seconds: number) => void (chipMs = seconds * 1000) };
		const clock = new DeviceClock({ time, now: () => chipMs });
		expect(clock.utc()).toBeNaN();
		clock.set(1_790_000_000_789);
		expect(clock.utc()).toBe(1_790_000_000_789);
		chipMs += 1500;
		expect(clock.utc()).toBe(1_790_000_002_289);
	});

	it("believes a chip whose clock came through a reset, and refuses to be set to the past", () => {
		let sets = 0;
		const clock = new DeviceClock({ time: { ticks: 0, set: () => void sets++ }, now: () => 1_790_000_000_000 });
		expect(clock.utc()).toBe(1_790_000_000_000);
		clock.set(0);
		clock.set(NaN);
		expect(sets).toBe(0);
	});
});

describe("drivers/log", () => {
	it("keeps the newest events and writes numbers", () => {
		const lines: string[] = [];
		const log = new NumberLog({ events: 3, write: (line) => lines.push(line) });
		const event = new Int32Array(3);
		expect(log.read(0, event)).toBeFalse();
		for (let i = 1; i <= 5; i++) log.event(i, 10 * i, -i);
		expect(lines).toEqual([1, 2, 3, 4, 5].map((i) => `log ${i} ${10 * i} ${-i}\n`));
		expect(log.count).toBe(3);
		const kept = [0, 1, 2].map((age) => (log.read(age, event), event[0]));
		expect(kept).toEqual([5, 4, 3]);
		expect(log.read(3, event)).toBeFalse();
		expect(log.read(-1, event)).toBeFalse();
	});

	it("is silent where nobody listens", () => {
		const log = new NumberLog({});
		for (let i = 0; i < 100; i++) log.event(i, 0, 0);
		expect(log.count).toBe(32);
		expect(() => new NumberLog({ events: 0 })).toThrowError(RangeError);
	});
});

describe("drivers/flash-partition", () => {
	/** The module `flash` over an array, with the rules of NOR. */
	class FakeFlash implements FlashShape {
		static bytes = new Uint8Array(8 * 4096);
		static writes: [number, number][] = [];
		readonly byteLength = 8 * 4096;
		readonly blockSize = 4096;

		constructor(partition: string) {
			if (partition !== "log") throw new Error("can't find partition");
			FakeFlash.bytes.fill(0xff);
			FakeFlash.writes = [];
		}

		erase(sector: number): void {
			FakeFlash.bytes.fill(0xff, sector * 4096, (sector + 1) * 4096);
		}

		read(offset: number, byteLength: number): ArrayBuffer {
			if (byteLength <= 0) throw new Error("invalid length");
			return FakeFlash.bytes.slice(offset, offset + byteLength).buffer;
		}

		write(offset: number, byteLength: number, buffer: Uint8Array): void {
			if (buffer.length < byteLength) throw new Error("invalid");
			FakeFlash.writes.push([offset, byteLength]);
			for (let i = 0; i < byteLength; i++) FakeFlash.bytes[offset + i] &= buffer[i];
		}
	}
	const open = (blocks?: number): Partition => new Partition({ io: FakeFlash, partition: "log", blocks });

	it("reads what it wrote, into the front of the caller's buffer", () => {
		const flash = open();
		expect([flash.blockBytes, flash.blocks]).toEqual([4096, 8]);
		flash.write(4092, Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]), 8);
		const bytes = new Uint8Array(8).fill(0xaa);
		flash.read(4094, bytes, 5);
		expect([...bytes]).toEqual([3, 4, 5, 6, 7, 0xaa, 0xaa, 0xaa]);
		flash.eraseBlock(0);
		flash.read(4092, bytes, 8);
		expect([...bytes]).toEqual([0xff, 0xff, 0xff, 0xff, 5, 6, 7, 8]);
		flash.read(0, bytes, 0);
		flash.write(0, bytes, 0);
		expect(FakeFlash.writes.length).toBe(1);
	});

	it("refuses what lies outside of its blocks or is not aligned, and touches nothing", () => {
		const flash = open(4);
		const bytes = new Uint8Array(16);
		for (const wrong of [
			() => flash.write(4 * 4096, bytes, 4),
			() => flash.write(4 * 4096 - 4, bytes, 8),
			() => flash.write(-4, bytes, 4),
			() => flash.write(2, bytes, 4),
			() => flash.write(0, bytes, 3),
			() => flash.write(0, bytes, 20),
			() => flash.read(0, bytes, 17),
			() => flash.read(4 * 4096 - 1, bytes, 2),
			() => flash.read(NaN, bytes, 4),
			() => flash.eraseBlock(4),
			() => flash.eraseBlock(-1),
		])
			expect(wrong).toThrowError(RangeError);
		expect(FakeFlash.writes.length).toBe(0);
	});

	it("says which partition is missing or too small", () => {
		expect(() => new Partition({ io: FakeFlash, partition: "other" })).toThrowError("can't find partition");
		expect(() => open(9)).toThrowError(RangeError);
		expect(() => open(1)).toThrowError(RangeError);
	});
});

describe("drivers/wifi", () => {
	class FakeWifi implements WifiShape {
		static last: FakeWifi;
		connection = 200;
		readonly connects: object[] = [];
		closed = 0;
		refuses = false;

		constructor(readonly options: { onChanged(): void }) {
			FakeWifi.last = this;
		}

		connect(options: object): void {
			if (this.refuses) throw new Error("already connecting");
			this.connects.push(options);
		}

		close(): void {
			this.closed++;
		}

		change(connection: number): void {
			this.connection = connection;
			this.options.onChanged();
		}
	}
	let timer: FakeTimer;
	let networks: boolean[];
	const keep = (ssid: string, password: string): WifiKeeper =>
		new WifiKeeper({ io: FakeWifi, timer, ssid, password, onNetwork: (up) => networks.push(up) });

	beforeEach(() => {
		timer = new FakeTimer();
		networks = [];
	});

	it("connects, tells once when there is an address, and again after a loss", () => {
		const wifi = keep("depot", "a password");
		expect(FakeWifi.last.connects).toEqual([{ SSID: "depot", password: "a password", secure: true }]);
		for (const connection of [300, 400, 500, 500]) FakeWifi.last.change(connection);
		expect(wifi.up).toBeTrue();
		FakeWifi.last.change(200);
		expect(wifi.up).toBeFalse();
		expect(networks).toEqual([true, false]);
		timer.advance(4999);
		expect(FakeWifi.last.connects.length).toBe(1);
		timer.advance(1);
		expect(FakeWifi.last.connects.length).toBe(2);
	});

	it("tries for ever, one try at a time, also when the radio refuses", () => {
		keep("depot", "");
		expect(FakeWifi.last.connects).toEqual([{ SSID: "depot" }]);
		for (let i = 0; i < 100; i++) {
			FakeWifi.last.change(200);
			FakeWifi.last.change(200);
			timer.advance(5000);
		}
		expect(FakeWifi.last.connects.length).toBe(101);
		FakeWifi.last.refuses = true;
		FakeWifi.last.change(200);
		timer.advance(5000);
		FakeWifi.last.refuses = false;
		timer.advance(5000);
		expect(FakeWifi.last.connects.length).toBe(102);
	});

	it("does not disturb a connection that came back by itself", () => {
		keep("depot", "");
		FakeWifi.last.change(200);
		FakeWifi.last.change(300);
		timer.advance(5000);
		expect(FakeWifi.last.connects.length).toBe(1);
	});

	it("without a name it leaves the radio alone; close() may be called twice", () => {
		const before = FakeWifi.last;
		const off = keep("", "");
		expect(FakeWifi.last).toBe(before);
		expect(off.up).toBeFalse();
		off.close();
		const wifi = keep("depot", "");
		FakeWifi.last.change(200);
		wifi.close();
		wifi.close();
		expect([FakeWifi.last.closed, timer.count]).toEqual([1, 0]);
	});
});

describe("drivers/identity", () => {
	const good = { url: "ws://csms.example/ocpp", identity: "CP-1", basicAuthPassword: "0123456789abcdef" };

	it("makes a name plate of the settings", () => {
		expect(settings({ ...good, vendorName: "Maker", ssid: "depot" }, "Board")).toEqual({
			identity: "CP-1",
			url: "ws://csms.example/ocpp",
			password: "0123456789abcdef",
			securityProfile: 1,
			vendorName: "Maker",
			model: "Board",
			serialNumber: "CP-1",
			firmwareVersion: "0.1.0",
			roots: undefined,
		});
		const withRoot = settings({ ...good, csmsRoot: "MAA=" }, "Board", (text) => new Uint8Array(Buffer.from(text, "base64")));
		expect(withRoot.roots).toEqual([Uint8Array.of(0x30, 0)]);
		expect(settings({ ...good, url: "wss://csms.example" }, "Board").securityProfile).toBe(2);
		expect(settings({ ...good, basicAuthPassword: undefined }, "Board").password).toBe("");
	});

	for (const [name, wrong, setting] of [
		["no url", { url: undefined }, "url"],
		["an http url", { url: "http://csms.example" }, "url"],
		["no identity", { identity: "" }, "identity"],
		["an identity with a colon", { identity: "a:b" }, "identity"],
		["an identity of 49 characters", { identity: "x".repeat(49) }, "identity"],
		["a password of 15 characters", { basicAuthPassword: "x".repeat(15) }, "basicAuthPassword"],
		["a password of 41 characters", { basicAuthPassword: "x".repeat(41) }, "basicAuthPassword"],
		["a root where there is no TLS", { csmsRoot: "MAA=" }, "csmsRoot"],
	] as const)
		it(`names the setting of ${name}, and no password`, () => {
			let message = "";
			try {
				settings({ ...good, ...wrong }, "Board");
			} catch (error) {
				message = String(error);
			}
			expect(message).toContain(`setting ${setting}:`);
			expect(message).not.toContain("xxx");
		});
});
