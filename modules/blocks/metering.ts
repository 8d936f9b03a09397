// J. Meter values: says when a sample of a running transaction is due. transactions.ts makes the event.
// Source: OCPP 2.0.1 Part 2, J02.FR.11.

import { freeze } from "../../preload/freeze.js";
import { Variable } from "../../preload/variables.js";
import { InternalEvent } from "../ports/events.js";
import type { Block, Station } from "./block.js";

/** TxUpdatedInterval 0 is never; a new interval applies from the next sample on. */
function meteringStep(station: Station): void {
	const intervalMs = station.variables.number(Variable.SampledDataTxUpdatedInterval) * 1000;
	if (intervalMs === 0) return;
	const clock = station.host.clock;
	for (let i = 0; i < station.evses.length; i++) {
		const evse = station.evses[i]!;
		if (evse.transactionId === "") continue;
		const elapsed = clock.since(evse.sampleMark);
		if (elapsed < intervalMs) {
			station.wakeWithin(intervalMs - elapsed);
			continue;
		}
		// The beat is kept, but samples that a long pause has missed are not made up.
		evse.sampleMark = elapsed < 2 * intervalMs ? (evse.sampleMark + intervalMs) | 0 : clock.ticks();
		station.raise(InternalEvent.sampleDue, i, 0);
		station.wakeWithin(intervalMs);
	}
}

export const meteringBlock: Block = freeze({ section: "J", calls: [], sends: [], step: meteringStep });
