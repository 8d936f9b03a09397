// A board without a control pilot and without a plug sensor: no cable is ever reported, offers go nowhere.
// Real and complete: such a board boots, reports its connector Available and answers the CSMS, and never charges.

import type { PilotShape } from "../parts.js";

export class NonePilot implements PilotShape {
	/** There is no pilot to modulate. */
	offer(): void {}

	close(): void {}
}
