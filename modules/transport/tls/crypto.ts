// The crypto port by mbedTLS (crypto.c beside this file): for boards that speak TLS with it. Owns: nothing.
// Source: docs/decisions/0019-native-crypto.md.

import type { Crypto } from "../../ports/crypto.js";

export class NativeCrypto implements Crypto {
	digest(bits: number, bytes: Uint8Array, from: number, to: number, digest: Uint8Array, at: number): void {
		native("crypto_digest").call(this, bits, bytes, from, to, digest, at);
	}

	verify(
		signatureKind: number, key: Uint8Array, keyFrom: number, keyTo: number, data: Uint8Array, from: number, to: number,
		signature: Uint8Array, signatureFrom: number, signatureTo: number,
	): boolean {
		return native("crypto_verify").call(
			this, signatureKind, key, keyFrom, keyTo, data, from, to, signature, signatureFrom, signatureTo,
		);
	}

	makeKey(privateKey: Uint8Array, privateAt: number, publicKey: Uint8Array, publicAt: number): boolean {
		return native("crypto_make_key").call(this, privateKey, privateAt, publicKey, publicAt);
	}

	sign(
		privateKey: Uint8Array, privateAt: number, data: Uint8Array, from: number, to: number, signature: Uint8Array,
		at: number,
	): number {
		return native("crypto_sign").call(this, privateKey, privateAt, data, from, to, signature, at);
	}
}
