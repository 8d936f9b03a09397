// Keeps the chip in its Wi-Fi network: connects at start and again after every loss, for ever. The station does not
// wait for it; without a network it charges offline.
// Source: the SDK's modules/io/wifi (ECMA-419 network interface): connection is 200 idle, 300 connecting, 400 linked,
// 500 has an address.

import type { TimerShape } from "./parts.js";

export interface WifiShape {
	readonly connection: number;
	connect(options: { SSID: string; password?: string; secure?: boolean }): void;
	close(): void;
}

export interface WifiKeeperOptions {
	// eslint-disable-next-line @typescript-eslint/no-explicit-any
	io: new (options: any) => WifiShape;
	timer: TimerShape;
	/** Name of the network; "" leaves the radio alone. */
	ssid: string;
	/** "" for an open network. */
	password: string;
	/** Pause before the next try after a loss, ms. Default 5000. */
	retryMs?: number;
	/** The network came (true) or went; from an empty stack. */
	onNetwork?(up: boolean): void;
}

const HAS_ADDRESS = 500;
const CONNECTING = 300;

export class WifiKeeper {
	#wifi: WifiShape | undefined;
	#options: WifiKeeperOptions;
	#retryMs: number;
	#retry: unknown = undefined;
	#up = false;

	/** Starts to connect. Throws RangeError when an option is wrong; what the radio refuses is tried again. */
	constructor(options: WifiKeeperOptions) {
		const retryMs = options.retryMs ?? 5000;
		if (!(retryMs >= 100 && retryMs <= 600_000)) throw new RangeError("retryMs");
		if (!options.io || !options.timer) throw new RangeError("io and timer are required");
		this.#options = options;
		this.#retryMs = retryMs;
		if (options.ssid === "") return;
		this.#wifi = new options.io({ onChanged: () => this.#changed() });
		this.#connect();
	}

	/** True while the chip has an address. */
	get up(): boolean {
		return this.#up;
	}

	/** Stops to care; the radio stays as it is. May be called twice. */
	close(): void {
		if (this.#retry !== undefined) this.#options.timer.clear(this.#retry);
		this.#retry = undefined;
		this.#wifi?.close();
		this.#wifi = undefined;
	}

	#connect(): void {
		const { ssid, password } = this.#options;
		try {
			this.#wifi?.connect(password ? { SSID: ssid, password, secure: true } : { SSID: ssid });
		} catch {
			this.#again();
		}
	}

	#changed(): void {
		if (this.#wifi === undefined) return;
		const connection = this.#wifi.connection;
		if (connection < CONNECTING) this.#again();
		const up = connection >= HAS_ADDRESS;
		if (up === this.#up) return;
		this.#up = up;
		this.#options.onNetwork?.(up);
	}

	#again(): void {
		if (this.#retry !== undefined) return;
		this.#retry = this.#options.timer.set(() => {
			this.#retry = undefined;
			if (this.#wifi !== undefined && this.#wifi.connection < CONNECTING) this.#connect();
		}, this.#retryMs);
	}
}
