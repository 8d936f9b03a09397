// Names into addresses by the chip's own resolver (lwIP), which asks the name servers that DHCP gave.
// Source: modules/io/system of the SDK. It calls back from an empty stack, addresses pass unchanged.

import type { ResolveOptions, ResolverShape } from "./socket-tcp.js";

/** drivers/system.ts resolve(). */
export type Lookup = (host: string, callback: (host: string, address: string | undefined) => void) => void;

export class SystemResolver implements ResolverShape {
	#lookup: Lookup;

	constructor(lookup: Lookup) {
		this.#lookup = lookup;
	}

	resolve(options: ResolveOptions): void {
		const lookup = this.#lookup;
		lookup(options.host, (host, address) => {
			if (address === undefined) options.onError(host);
			else options.onResolved(host, address);
		});
	}
}
