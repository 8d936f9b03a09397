// Names into addresses by the chip's own resolver (lwIP), which asks the name servers that DHCP gave.
// Source: modules/io/system of the SDK. It calls back from an empty stack, addresses pass unchanged.

import type { ResolveOptions, ResolverShape } from "./socket-tcp.js";

export interface SystemShape {
	resolve(name: string, callback: (name: string, address: string | undefined) => void): void;
}

export class SystemResolver implements ResolverShape {
	#system: SystemShape;

	constructor(system: SystemShape) {
		this.#system = system;
	}

	resolve(options: ResolveOptions): void {
		this.#system.resolve(options.host, (host, address) => {
			if (address === undefined) options.onError(host);
			else options.onResolved(host, address);
		});
	}
}
