// What drivers are tested with: a timer that moves when told, pins, a serial line and a TCP socket that do what a test says.

import type { DigitalOptions, DigitalShape, TimerShape } from "../../drivers/parts.js";
import type { SerialShape } from "../../drivers/meter-pzem004t.js";
import type { TcpShape } from "../../drivers/socket-tcp.js";

interface Entry {
	dueMs: number;
	repeatMs: number;
	callback: () => void;
}

/** The module `timer` in virtual time. */
export class FakeTimer implements TimerShape {
	nowMs = 0;
	#entries = new Set<Entry>();

	set(callback: () => void, intervalMs: number = 0, repeatMs: number = 0): Entry {
		const entry = { dueMs: this.nowMs + intervalMs, repeatMs, callback };
		this.#entries.add(entry);
		return entry;
	}

	clear(timer: unknown): void {
		this.#entries.delete(timer as Entry);
	}

	get count(): number {
		return this.#entries.size;
	}

	/** Lets time pass; timers run in the order in which they are due. */
	advance(ms: number): void {
		const untilMs = this.nowMs + ms;
		for (;;) {
			let next: Entry | undefined;
			for (const entry of this.#entries) {
				if (entry.dueMs <= untilMs && (next === undefined || entry.dueMs < next.dueMs)) next = entry;
			}
			if (next === undefined) break;
			this.nowMs = Math.max(this.nowMs, next.dueMs);
			if (next.repeatMs > 0) next.dueMs += next.repeatMs;
			else this.#entries.delete(next);
			next.callback();
		}
		this.nowMs = untilMs;
	}
}

/** A set of pins; `io` is the Digital constructor of a host that has them. */
export class FakePins {
	readonly levels: number[] = [];
	/** Every write of every output, as [pin, value]. */
	readonly writes: [number, number][] = [];
	readonly open = new Map<number, DigitalOptions>();
	/** A pin whose constructor throws. */
	broken = -1;
	readonly io: new (options: DigitalOptions) => DigitalShape;

	constructor() {
		// eslint-disable-next-line @typescript-eslint/no-this-alias
		const pins = this;
		this.io = class implements DigitalShape {
			#pin: number;

			constructor(options: DigitalOptions) {
				if (options.pin === pins.broken) throw new Error("in use");
				this.#pin = options.pin;
				pins.open.set(options.pin, options);
				pins.levels[options.pin] ??= 0;
			}

			read(): number {
				if (!pins.open.has(this.#pin)) throw new Error("closed");
				return pins.levels[this.#pin];
			}

			write(value: number): void {
				if (!pins.open.has(this.#pin)) throw new Error("closed");
				pins.levels[this.#pin] = value;
				pins.writes.push([this.#pin, value]);
			}

			close(): void {
				if (!pins.open.delete(this.#pin)) throw new Error("closed twice");
			}
		};
	}

	/** The world moves an input; its driver is called when it asked for that. */
	input(pin: number, level: number): void {
		if (this.levels[pin] === level) return;
		this.levels[pin] = level;
		this.open.get(pin)?.onReadable?.();
	}
}

/** A serial line; the test reads what was written and delivers replies. */
export class FakeSerial {
	readonly written: number[] = [];
	readonly options: Record<string, unknown>[] = [];
	closed = 0;
	isFull = false;
	#inbox: number[] = [];
	readonly io: new (options: Record<string, unknown>) => SerialShape;

	constructor() {
		// eslint-disable-next-line @typescript-eslint/no-this-alias
		const line = this;
		this.io = class implements SerialShape {
			format = "buffer";

			constructor(options: Record<string, unknown>) {
				line.options.push(options);
			}

			read(): unknown {
				if (this.format !== "number") throw new Error("format");
				return line.#inbox.shift();
			}

			write(byte: number): void {
				if (line.isFull) throw new Error("output full");
				line.written.push(byte);
			}

			close(): void {
				line.closed++;
			}
		};
	}

	/** Bytes arrive, in one burst. */
	deliver(bytes: readonly number[]): void {
		this.#inbox.push(...bytes);
		(this.options[0].onReadable as (count: number) => void)(this.#inbox.length);
	}

	/** Bytes arrive without the driver being told. */
	noise(bytes: readonly number[]): void {
		this.#inbox.push(...bytes);
	}
}

/** A TCP socket with the manners of SDK 8.2.3: read(buffer) throws unless it can be filled, write() returns the room. */
export class FakeTcp {
	static last: FakeTcp;
	readonly written: number[] = [];
	closed = 0;
	room = 0;
	incoming: number[] = [];
	readonly options: {
		address: string;
		port: number;
		onReadable(count: number): void;
		onWritable(count: number): void;
		onError(): void;
	};
	/** How many views were handed to read and write. */
	readonly views = new Set<object>();
	format = "buffer";

	constructor(options: FakeTcp["options"]) {
		if (options.address === "0.0.0.0") throw new Error("no socket");
		this.options = options;
		FakeTcp.last = this;
	}

	read(into?: Uint8Array): unknown {
		if (this.incoming.length === 0) return undefined;
		if (this.format === "number") return this.incoming.shift();
		if (into === undefined || into.length > this.incoming.length) throw new Error("invalid");
		this.views.add(into);
		into.set(this.incoming.splice(0, into.length));
		return into.length;
	}

	write(from: Uint8Array): unknown {
		if (this.format !== "buffer" || from.length > this.room) throw new Error("would block");
		this.views.add(from);
		this.written.push(...from);
		this.room -= from.length;
		return this.room;
	}

	close(): void {
		this.closed++;
	}

	arrive(bytes: readonly number[]): void {
		this.incoming.push(...bytes);
		this.options.onReadable(this.incoming.length);
	}

	allow(count: number): void {
		this.room = count;
		this.options.onWritable(count);
	}
}
const shape: new (options: never) => TcpShape = FakeTcp;
void shape;
