// Every case that writes flash, for power cuts.

import { CELL_CASES } from "./cells.js";
import { JOURNAL_CASES } from "./journal.js";
import { QUEUE_CASES } from "./queue.js";
import { STATION_CASES } from "./station.js";
import type { CutCase } from "./sweep.js";
import { VAULT_CASES } from "./vault.js";

export const CUT_CASES: readonly CutCase[] = [...QUEUE_CASES, ...CELL_CASES, ...JOURNAL_CASES, ...VAULT_CASES, ...STATION_CASES];
