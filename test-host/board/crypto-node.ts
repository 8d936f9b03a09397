// The crypto port over node:crypto: what the desktop station and the tests use.

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from "node:crypto";
import { SignatureKind } from "../../modules/core/der.js";
import type { Crypto } from "../../modules/ports/crypto.js";

const HASHES: { readonly [kind: number]: string } = {
	[SignatureKind.rsaSha256]: "sha256",
	[SignatureKind.rsaSha384]: "sha384",
	[SignatureKind.rsaSha512]: "sha512",
	[SignatureKind.ecdsaSha256]: "sha256",
	[SignatureKind.ecdsaSha384]: "sha384",
	[SignatureKind.ecdsaSha512]: "sha512",
};
const PRIVATE_BYTES = 32;
const COORDINATE_BYTES = 32;

/** A P-256 key of the port's form (private key, then the public point) as node:crypto takes it. */
export function privateKeyOf(key: Uint8Array, at: number): KeyObject {
	const part = (from: number): string => Buffer.from(key.subarray(at + from, at + from + 32)).toString("base64url");
	const x = part(PRIVATE_BYTES + 1);
	const y = part(PRIVATE_BYTES + 1 + COORDINATE_BYTES);
	return createPrivateKey({ format: "jwk", key: { kty: "EC", crv: "P-256", d: part(0), x, y } });
}

export class NodeCrypto implements Crypto {
	digest(bits: number, bytes: Uint8Array, from: number, to: number, digest: Uint8Array, at: number): void {
		digest.set(createHash(`sha${bits}`).update(bytes.subarray(from, to)).digest(), at);
	}

	verify(
		signatureKind: number, key: Uint8Array, keyFrom: number, keyTo: number, data: Uint8Array, from: number, to: number,
		signature: Uint8Array, signatureFrom: number, signatureTo: number,
	): boolean {
		const hash = HASHES[signatureKind];
		if (hash === undefined) return false;
		try {
			const publicKey = createPublicKey({ key: Buffer.from(key.subarray(keyFrom, keyTo)), format: "der", type: "spki" });
			if ((publicKey.asymmetricKeyType === "ec") !== signatureKind > SignatureKind.rsaSha512) return false;
			return verify(hash, data.subarray(from, to), publicKey, signature.subarray(signatureFrom, signatureTo));
		} catch {
			return false;
		}
	}

	makeKey(privateKey: Uint8Array, privateAt: number, publicKey: Uint8Array, publicAt: number): boolean {
		const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
		privateKey.set(Buffer.from(jwk.d as string, "base64url"), privateAt);
		publicKey[publicAt] = 4;
		publicKey.set(Buffer.from(jwk.x as string, "base64url"), publicAt + 1);
		publicKey.set(Buffer.from(jwk.y as string, "base64url"), publicAt + 1 + COORDINATE_BYTES);
		return true;
	}

	sign(
		privateKey: Uint8Array, privateAt: number, data: Uint8Array, from: number, to: number, signature: Uint8Array,
		at: number,
	): number {
		const made = sign("sha256", data.subarray(from, to), privateKeyOf(privateKey, privateAt));
		signature.set(made, at);
		return at + made.length;
	}
}
