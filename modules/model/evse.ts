// The state of one EVSE: facts, the token that is authorized, the running transaction. Data only; blocks decide.

import type { TriggerReasonEnumType } from "../../preload/payloads.js";
import type { StopCause } from "../ports/events.js";
import type { EvsePort } from "../ports/evse-port.js";
import type { ChargingState } from "./facts.js";
import { Permit } from "./permit.js";
import { Samples } from "./samples.js";

/** Value of remoteStartId when no remote start is meant. */
export const NO_REMOTE_START = -1;

/** Value of Evse.startTrigger while none is due. */
export const NO_START = "";

/** Value of Evse.endCause while no end is owed. */
export const NOT_ENDING = -1;

export class Evse {
	/** From 0, ours. */
	readonly index: number;
	/** From 1, OCPP's. */
	readonly evseId: number;
	readonly port: EvsePort;
	readonly permit: Permit;
	/** Bits of model/facts.ts Fact. */
	facts = 0;
	/** Bits of ports/events.ts FaultBit that are present. */
	faults = 0;
	/** Bits of model/availability.ts Bar that close this EVSE. */
	barred = 0;

	/** The token that authorized charging here, "" when none did; kept through the transaction (C01.FR.03). */
	idToken = "";
	idTokenType = "";
	/** Its group, "" when the CSMS named none (C09). */
	groupIdToken = "";
	remoteStartId = NO_REMOTE_START;
	/** Clock mark of the authorization, for EVConnectionTimeOut (E03.FR.05). */
	authorizedMark = 0;

	/** "" when no transaction runs. */
	transactionId = "";
	/** seqNo of the next event. */
	seqNo = 0;
	/** What made a transaction due; the step starts it. */
	startTrigger: TriggerReasonEnumType | typeof NO_START = NO_START;
	/** Last chargingState that an event carried. */
	chargingState: ChargingState = "Idle";
	/** The next event carries the idToken (E01.FR.10) and, the first with a cable, the evse (E01.FR.16). */
	owesIdToken = false;
	owesEvse = false;
	owesRemoteStartId = false;
	/** RequestStopTransaction was accepted; it takes effect when the response is out. */
	remoteStopHeld = false;
	/** Register at the start of the transaction, and when that was. */
	startWh = 0;
	startUtc = 0;
	/** Clock marks of the last samples: for TxUpdatedInterval, for TxEndedInterval. */
	sampleMark = 0;
	endedSampleMark = 0;
	readonly samples: Samples;
	/** Token whose owner alone may take the cable that is still locked (E05.FR.11); "" where none is. */
	lockedFor = "";
	/** The lock's problem is to be told (G05). */
	lockProblem = false;
	/** What TriggerMessage asked for, bits of model/trigger.ts Triggered. */
	triggered = 0;
	/** Readings that are due, bits of model/measure.ts Due, and the boundary of the clock-aligned ones, UTC ms. */
	due = 0;
	boundaryUtc = NaN;
	/** Boundary of a clock-aligned reading that is to be sent outside a transaction; NaN when none is. */
	alignedUtc = NaN;
	/** StopCause of a transaction whose Ended is not on flash yet. */
	endCause: StopCause | typeof NOT_ENDING = NOT_ENDING;

	/** ConnectorStatusEnumType that the CSMS acknowledged last, "" before the first. */
	reportedStatus = "";
	/** The one that is on its way, "" when none is. */
	sentStatus = "";

	constructor(index: number, port: EvsePort) {
		this.index = index;
		this.evseId = index + 1;
		this.port = port;
		this.permit = new Permit(port);
		this.samples = new Samples();
	}

	/** Forgets token and authorization, for instance after the transaction or a time-out. */
	forgetToken(): void {
		this.idToken = "";
		this.idTokenType = "";
		this.groupIdToken = "";
		this.remoteStartId = NO_REMOTE_START;
		this.owesIdToken = false;
		this.owesRemoteStartId = false;
	}
}
