// Variables of the device model in the shape that transport/ asks for; read whenever they are needed, so that a change
// applies at once.

import { LIMITS } from "../../preload/limits.js";
import { Variable } from "../../preload/variables.js";
import type { Identity } from "../ports/host.js";
import { Cell } from "../storage/cell-ids.js";
import type { Cells } from "../storage/cells.js";
import { networkProfileText, parseNetworkProfile } from "../storage/network-profile.js";
import type { Variables } from "../storage/variables.js";
import type { ConnectionProfile, ConnectionSettings } from "../transport/connection.js";
import type { ClientChoice } from "./trust.js";

export class Settings implements ConnectionSettings {
	private readonly variables: Variables;
	private readonly profiles: NetworkProfiles;

	constructor(variables: Variables, profiles: NetworkProfiles) {
		this.variables = variables;
		this.profiles = profiles;
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
		return this.profiles.messageTimeoutSeconds;
	}
}

/**
 * Where to connect and as whom: the slots of network profiles in the order of NetworkConfigurationPriority, and the
 * password. The profile of birth is put into slot 1 at the first boot.
 * Source: OCPP 2.0.1 Part 2, B09, B10, A01.
 */
export class NetworkProfiles implements ConnectionProfile, ClientChoice {
	slot = 0;
	url = "";
	securityProfile = 1;
	messageTimeoutSeconds = 0;
	readonly identity: string;
	private readonly birthPassword: string;
	private readonly cells: Cells;
	private readonly variables: Variables;
	/** After all entries have failed with the new certificate of the station, the one before is shown (A02.FR.28). */
	usesOldCertificate = false;
	/** Slot of the last connection that stood, over reboots. */
	private lastGoodSlot: number;
	private usesOldPassword = false;

	constructor(identity: Identity, cells: Cells, variables: Variables) {
		this.identity = identity.identity;
		this.birthPassword = identity.password;
		this.cells = cells;
		this.variables = variables;
		if (!this.isAnySet()) {
			const timeoutSeconds = variables.number(Variable.OCPPCommMessageTimeoutDefault);
			cells.set(Cell.networkProfile, networkProfileText(identity.url, identity.securityProfile, timeoutSeconds));
		}
		this.lastGoodSlot = cells.getNumber(Cell.activeProfile, 1);
		this.dropLower();
		this.choose(0);
	}

	private isAnySet(): boolean {
		for (let slot = 1; slot <= LIMITS.networkProfilesMax; slot++) if (this.isSet(slot)) return true;
		return false;
	}

	/** Security profile of a slot, 0 when it holds none. */
	securityProfileOf(slot: number): number {
		const text = this.isSet(slot) ? this.cells.get(Cell.networkProfile + slot - 1) : undefined;
		const profile = text === undefined ? undefined : parseNetworkProfile(text);
		return profile === undefined ? 0 : profile.securityProfile;
	}

	/**
	 * Takes slots with a lower security profile than has worked out of the priority list, and forgets them (A05.FR.05,
	 * A05.FR.06). A power cut in between leaves the rest to the next boot.
	 */
	private dropLower(): void {
		const least = this.cells.getNumber(Cell.securityProfile, 1);
		if (least <= 1) return;
		const listed = this.variables.text(Variable.OCPPCommNetworkConfigurationPriority).split(",");
		const kept: string[] = [];
		for (let i = 0; i < listed.length; i++) if (this.securityProfileOf(Number(listed[i])) >= least) kept.push(listed[i]!);
		if (kept.length > 0 && kept.length < listed.length)
			this.variables.set(Variable.OCPPCommNetworkConfigurationPriority, kept.join(","));
		for (let slot = 1; slot <= LIMITS.networkProfilesMax; slot++) {
			const securityProfile = this.securityProfileOf(slot);
			if (securityProfile > 0 && securityProfile < least) this.cells.erase(Cell.networkProfile + slot - 1);
		}
	}

	/** True when the slot holds a profile. */
	isSet(slot: number): boolean {
		if (slot < 1 || slot > LIMITS.networkProfilesMax) return false;
		return this.cells.get(Cell.networkProfile + slot - 1) !== undefined;
	}

	/**
	 * Each entry of the priority list gets NetworkProfileConnectionAttempts attempts, in order, after a boot and after
	 * every loss of the connection (B10.FR.03, B10.FR.04); then the last good one is tried for good (B10.FR.07).
	 */
	choose(failed: number): void {
		const priority = this.variables.text(Variable.OCPPCommNetworkConfigurationPriority).split(",");
		const attempts = Math.max(1, this.variables.number(Variable.OCPPCommNetworkProfileConnectionAttempts));
		const index = Math.floor(failed / attempts);
		this.usesOldCertificate = index >= priority.length;
		this.load(index < priority.length ? Number(priority[index]) : this.lastGoodSlot);
		// A password that the CSMS has set may not have reached its own store: until it has worked once, the one before is
		// tried in turn, so that neither side of a broken exchange locks the station out.
		this.usesOldPassword = failed % 2 === 1 && this.cells.get(Cell.password) !== undefined;
	}

	/** A profile that was stored anew takes effect at a reboot: the one in use is not read again (B09). */
	private load(slot: number): void {
		if (slot === this.slot) return;
		const text = this.cells.get(Cell.networkProfile + slot - 1);
		const profile = text === undefined ? undefined : parseNetworkProfile(text);
		if (profile === undefined || profile.securityProfile < this.cells.getNumber(Cell.securityProfile, 1)) return;
		this.slot = slot;
		this.url = profile.url;
		this.securityProfile = profile.securityProfile;
		this.messageTimeoutSeconds = profile.messageTimeoutSeconds;
	}

	/** The connection stands. True when it is with another profile than the one before (B10.FR.10). */
	opened(): boolean {
		if (!this.usesOldPassword) this.cells.erase(Cell.password);
		// A05.FR.04: the value first; from here on no lower profile is used, whatever the power does.
		if (this.securityProfile > this.cells.getNumber(Cell.securityProfile, 1)) {
			this.cells.setNumber(Cell.securityProfile, this.securityProfile);
			this.dropLower();
		}
		if (this.slot === this.lastGoodSlot) return false;
		this.lastGoodSlot = this.slot;
		this.cells.setNumber(Cell.activeProfile, this.slot);
		return true;
	}

	/** "" where none is sent: with profile 3 the certificate tells who calls. */
	get password(): string {
		if (this.securityProfile === 3) return "";
		return this.basicPassword();
	}

	private basicPassword(): string {
		if (this.usesOldPassword) return this.cells.get(Cell.password) as string;
		const set = this.variables.text(Variable.SecurityBasicAuthPassword);
		return set === "" ? this.birthPassword : set;
	}

	/** Keeps a new password; the one that works now stays beside it until the new one has worked (A01). */
	setPassword(password: string): boolean {
		if (!this.cells.set(Cell.password, this.basicPassword())) return false;
		return this.variables.set(Variable.SecurityBasicAuthPassword, password);
	}
}
