// Our own mistakes. While the linker preloads a module a failed assertion stops the build; in the field the exception
// reaches the owner of the station, who restarts it with the cause.

/** What can only be wrong if the program is. */
export const enum Fault {
	/** A range of a buffer is not inside it. */
	range = 1,
	/** A table refers to something that is not there. */
	table = 2,
	/** Something was asked of an object in a state that forbids it. */
	state = 3,
	/** Nesting is deeper than the stack that was made for it. */
	depth = 4,
}

/** Throws when `condition` is false; `code` is all that is left of the reason on a device. */
export function assert(condition: boolean, code: Fault): asserts condition {
	if (!condition) throw new Error("fault " + code);
}
