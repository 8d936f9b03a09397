// Everything outside the station, handed in as one record. A real board, the desktop and the simulator each make one.

import type { Clock } from "./clock.js";
import type { Crypto } from "./crypto.js";
import type { Entropy } from "./entropy.js";
import type { EvsePort } from "./evse-port.js";
import type { FlashPartition } from "./flash.js";
import type { Log } from "./log.js";
import type { TokenReader } from "./reader.js";
import type { SocketMaker } from "./socket.js";

/** Values a station is born with. They are used until the flash holds others (changed by the CSMS). */
export interface Identity {
	/** Name of the station at the CSMS: last part of the URL and user name of Basic authentication; ≤ 48, no colon. */
	identity: string;
	/** ws:// or wss:// endpoint without the identity. */
	url: string;
	/** Basic authentication password, 16 to 40 characters; "" where none is used. */
	password: string;
	/** 1 plain with Basic authentication, 2 TLS with Basic authentication, 3 TLS with client certificate. */
	securityProfile: number;
	vendorName: string;
	model: string;
	serialNumber: string;
	firmwareVersion: string;
	/** Roots of the CSMS in DER, installed while the vault holds none and nothing was ever kept; absent for none. */
	roots?: readonly Uint8Array[];
}

/** Sees what became durable; used by tests and the desktop station, absent on a device. */
export interface Observer {
	/** A transaction event is on flash. eventType 0 Started, 1 Updated, 2 Ended. */
	generated(transactionId: string, seqNo: number, eventType: number, utcMs: number): void;
	/** Every text message, outgoing or incoming, in the pieces in which it passes; `last` ends a message. */
	traffic?(outgoing: boolean, bytes: Uint8Array, from: number, to: number, last: boolean): void;
}

export interface Host {
	readonly clock: Clock;
	readonly entropy: Entropy;
	readonly flash: FlashPartition;
	readonly socket: SocketMaker;
	readonly evses: readonly EvsePort[];
	readonly reader: TokenReader;
	readonly log: Log;
	/** Absent on a board that cannot verify signatures. */
	readonly crypto?: Crypto;
	readonly identity: Identity;
	readonly observer?: Observer;
	/** Reboots the firmware. The cause is already on flash. It may return; the station then does nothing more. */
	restart(cause: number): void;
	/** Asks for a step() soon, from an empty stack; many calls before it make one step. */
	wake(): void;
}
