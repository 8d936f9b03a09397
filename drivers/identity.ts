// The name plate of a station from the settings of a build: what the command line of mcconfig and the manifest put into
// mc/config. Used until the flash holds others, which the CSMS can write.
// csmsRoot is the certificate that the first wss connection is checked against: DER in base64, in one line.

import type { Identity } from "../modules/ports/host.js";

/** Makes bytes of base64; throws when it is none. On XS: Uint8Array.fromBase64. */
export type FromBase64 = (text: string) => Uint8Array;

/**
 * Reads url, identity, basicAuthPassword, vendorName, model, serialNumber, firmwareVersion, csmsRoot from `config`.
 * Throws an Error that names the setting when one is missing or cannot be used; the password is never part of it.
 */
export function settings(config: Record<string, unknown>, model: string, fromBase64?: FromBase64): Identity {
	const url = text(config, "url", "");
	if (!url.startsWith("ws://") && !url.startsWith("wss://")) throw new Error("setting url: ws:// or wss:// expected");
	const identity = text(config, "identity", "");
	if (identity === "" || identity.length > 48 || identity.includes(":"))
		throw new Error("setting identity: 1 to 48 characters without a colon expected");
	const password = text(config, "basicAuthPassword", "");
	if (password !== "" && (password.length < 16 || password.length > 40))
		throw new Error("setting basicAuthPassword: 16 to 40 characters expected");
	const root = text(config, "csmsRoot", "");
	if (root !== "" && (fromBase64 === undefined || decoded(root, fromBase64) === undefined))
		throw new Error("setting csmsRoot: a certificate in base64 expected, on a board with TLS");
	return {
		identity,
		url,
		password,
		// Asked for once, at the first boot: nothing of it stays in RAM.
		get roots() {
			return root === "" ? undefined : [fromBase64!(root)];
		},
		securityProfile: url.startsWith("wss://") ? 2 : 1,
		vendorName: text(config, "vendorName", "OCPP Station"),
		model: text(config, "model", model),
		serialNumber: text(config, "serialNumber", identity.slice(0, 25)),
		firmwareVersion: text(config, "firmwareVersion", "0.1.0"),
	};
}

function decoded(text: string, fromBase64: FromBase64): Uint8Array | undefined {
	try {
		return fromBase64(text);
	} catch {
		return undefined;
	}
}

function text(config: Record<string, unknown>, name: string, otherwise: string): string {
	const value = config[name];
	return typeof value === "string" ? value : otherwise;
}
