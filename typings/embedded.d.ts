// What faces the host: the declarations of the Moddable modules that main.ts and boards/ import. Those that the npm
// package @moddable/typings 5.6.0 has are referenced; what it lacks is declared below, and nothing more.
// Checked against SDK 8.2.3: xs/includes/xs.d.ts, typings/embedded_network/interface/wifi.d.ts.

/// <reference path="xs.d.ts" />
/// <reference path="../node_modules/@moddable/typings/timer.d.ts" />
/// <reference path="../node_modules/@moddable/typings/time.d.ts" />
/// <reference path="../node_modules/@moddable/typings/flash.d.ts" />
/// <reference path="../node_modules/@moddable/typings/mc/config.d.ts" />
/// <reference path="../node_modules/@moddable/typings/embedded_io/_common.d.ts" />
/// <reference path="../node_modules/@moddable/typings/embedded_io/digital.d.ts" />
/// <reference path="../node_modules/@moddable/typings/embedded_io/serial.d.ts" />
/// <reference path="../node_modules/@moddable/typings/embedded_io/socket/tcp.d.ts" />
/// <reference path="../node_modules/@moddable/typings/embedded_io/socket/udp.d.ts" />
/// <reference path="../node_modules/@moddable/typings/embedded_network/dns/resolver/udp.d.ts" />

/**
 * Names a C function; `xsc -c` turns `return native("name").call(this, …)` into a direct call of it.
 * Only files that are never loaded by Node may use it: drivers/, boards/ and modules with a manifest of their own.
 */
declare function native(name: string): (this: unknown, ...values: any[]) => any;

declare module "embedded:network/interface/wifi" {
	/** Station mode of the chip's Wi-Fi, ECMA-419 network interface. */
	class WiFi {
		constructor(options: { onChanged?: (this: WiFi, property: string) => void });
		close(): void;
		connect(options: { SSID: string; password?: string; secure?: boolean }): void;
		disconnect(): void;
		/** 200 idle, 300 connecting, 400 linked, 500 has an address. */
		readonly connection: number;
		readonly address: string | undefined;
	}
	export default WiFi;
}
