// Where the station stands with its CSMS, and what may pass in each state.
// Source: OCPP 2.0.1 Part 2, B01 to B03.

/** Registration states, ordered so that "at least Pending" is a comparison. */
export const enum Registration {
	/** No answer to a BootNotification since this boot. */
	Unregistered = 0,
	/** Refused: silence until the interval has passed; every CALL is answered SecurityError (B03.FR.08). */
	Rejected = 1,
	/** Only BootNotification and what the CSMS asks for may be sent (B02.FR.01, B02.FR.02). */
	Pending = 2,
	Accepted = 3,
}

/** The state that a BootNotificationResponse puts the station in. */
export function registrationOf(status: string): Registration {
	if (status === "Accepted") return Registration.Accepted;
	return status === "Pending" ? Registration.Pending : Registration.Rejected;
}
