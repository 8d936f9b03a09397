// Names of the firmware's numbers, for what people read. The compiler puts the values of a `const enum` where they are used, so
// a device has no table of them; on Node, where each file is compiled by itself, the tables are still there.

/**
 * The members of a const enum.
 * @param module  namespace of the module that exports it
 * @throws Error when there is no such enum
 */
export function numbersOf(module: object, name: string): { readonly [member: string]: number } {
	const table = (module as { readonly [name: string]: { readonly [member: string]: unknown } | undefined })[name];
	if (table === undefined) throw new Error(`no enum ${name}`);
	return Object.fromEntries(Object.entries(table).filter((entry): entry is [string, number] => typeof entry[1] === "number"));
}
