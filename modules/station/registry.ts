// The rows of all blocks, merged while the linker preloads this module: a doubled action or a row that the schema
// tables know nothing of stops the build.

import { ACTION_NAMES } from "../../preload/actions.js";
import { freeze } from "../../preload/freeze.js";
import type { CallRow, SendRow } from "../blocks/block.js";
import { BLOCKS } from "./blocks.js";

function mergeCalls(): (CallRow | null)[] {
	const rows: (CallRow | null)[] = [];
	for (let action = 0; action < ACTION_NAMES.length; action++) rows.push(null);
	for (let b = 0; b < BLOCKS.length; b++) {
		const calls = BLOCKS[b]!.calls;
		for (let i = 0; i < calls.length; i++) {
			const row = calls[i]!;
			if (rows[row.action] !== null) throw new Error("registry.ts: two rows answer " + ACTION_NAMES[row.action]);
			rows[row.action] = row;
		}
	}
	return rows;
}

function mergeSends(): SendRow[] {
	const rows: SendRow[] = [];
	for (let b = 0; b < BLOCKS.length; b++) {
		const sends = BLOCKS[b]!.sends;
		for (let i = 0; i < sends.length; i++) {
			const row = sends[i]!;
			for (let k = 0; k < rows.length; k++)
				if (rows[k]!.action === row.action)
					throw new Error("registry.ts: two rows send " + ACTION_NAMES[row.action]);
			rows.push(row);
		}
	}
	return rows;
}

/** By action id: who answers a CALL; null where this build does not serve it. */
export const CALLS: readonly (CallRow | null)[] = freeze(mergeCalls());

/** CALLs of ours, in the order in which they are offered the connection. */
export const SENDS: readonly SendRow[] = freeze(mergeSends());
