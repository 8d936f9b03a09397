// Variables of the device model in the shape that transport/ asks for; read whenever they are needed, so that a change
// applies at once.

import { Variable } from "../../preload/variables.js";
import type { Identity } from "../ports/host.js";
import { Cell } from "../storage/cell-ids.js";
import type { Cells } from "../storage/cells.js";
import type { Variables } from "../storage/variables.js";
import type { ConnectionProfile, ConnectionSettings } from "../transport/connection.js";

export class Settings implements ConnectionSettings {
	private readonly variables: Variables;

	constructor(variables: Variables) {
		this.variables = variables;
	}

	get waitMinimumSeconds(): number {
		return this.variables.number(Variable.OCPPCommRetryBackOffWaitMinimum);
	}

	get randomRangeSeconds(): number {
		return this.variables.number(Variable.OCPPCommRetryBackOffRandomRange);
	}

	get repeatTimes(): number {
		return this.variables.number(Variable.OCPPCommRetryBackOffRepeatTimes);
	}

	get pingIntervalSeconds(): number {
		return this.variables.number(Variable.OCPPCommWebSocketPingInterval);
	}

	get timeoutSeconds(): number {
		return this.variables.number(Variable.OCPPCommMessageTimeoutDefault);
	}
}

/** The endpoint and identity that the station was born with, kept on flash from the first boot on. */
export class BirthProfile implements ConnectionProfile {
	readonly slot = 1;
	readonly url: string;
	readonly identity: string;
	private readonly birthPassword: string;
	private readonly variables: Variables;

	constructor(identity: Identity, cells: Cells, variables: Variables) {
		const kept = cells.get(Cell.networkProfile);
		if (kept === undefined) cells.set(Cell.networkProfile, identity.url);
		this.url = kept === undefined ? identity.url : kept;
		this.identity = identity.identity;
		this.birthPassword = identity.password;
		this.variables = variables;
	}

	/** The password that the CSMS has set, else the one of birth. Read at each attempt to connect (A01.FR.03). */
	get password(): string {
		const set = this.variables.text(Variable.SecurityBasicAuthPassword);
		return set === "" ? this.birthPassword : set;
	}
}
