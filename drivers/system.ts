// Restart and name resolution of an ESP, straight from the SDK's C (modules/io/system/system.c). Its script is left
// out: it pulls in the provider of every IO that the chip has.

/** Starts the firmware again; does not return. */
export function restart(): void {
	native("xs_system_restart").call(undefined);
}

/**
 * Asks lwIP's resolver, which uses the name servers that DHCP gave.
 * @param callback  from an empty stack; `address` is undefined when the name was not found
 */
export function resolve(host: string, callback: (host: string, address: string | undefined) => void): void {
	native("xs_system_resolve").call(undefined, host, callback);
}
