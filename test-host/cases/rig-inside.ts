// The rig for cases that look inside the firmware, or cut its power at a flash operation: on Node only. Whoever imports this
// in place of rig.ts is not run on other engines.

import type { Station } from "../../modules/station/station.js";
import type { Rig } from "./rig.js";

export { Rig, rigPerCase } from "./rig.js";

/** The firmware that runs at the moment. */
export function firmwareOf(rig: Rig): Station {
	return (rig.desktop as unknown as { firmware: Station }).firmware;
}
