// Deep freeze for tables, on both engines. Frozen tables of preloaded modules stay in ROM.
// Source: Moddable documentation/xs/preload.md "Freezing": XS freezes deeply when the second argument is true, and only
// XS can freeze a typed array's elements. Node has no such argument; test-host/board/xs-globals.ts adds it there.

/** Freezes a value with all that it holds and returns it. Use it on constants of a module, never at run time. */
export function freeze<const T>(value: T): Readonly<T> {
	return Object.freeze(value, true);
}
