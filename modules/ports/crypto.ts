// Cryptography that script must not do: native on a device (mbedTLS), node:crypto on the desktop. Ranges are half open.
// A build without it serves no TLS; certificates are then taken by their form and dates alone.

export interface Crypto {
	/**
	 * Writes the digest of bytes[from, to) to digest[at, …).
	 * @param bits  256, 384 or 512: SHA-2 of that length
	 */
	digest(bits: number, bytes: Uint8Array, from: number, to: number, digest: Uint8Array, at: number): void;
	/**
	 * True when signature[signatureFrom, signatureTo) over data[from, to) is that of a public key; false as well when
	 * there was no memory to find out.
	 * @param signatureKind  SignatureKind of core/der.ts
	 * @param key  holds the SubjectPublicKeyInfo in DER at [keyFrom, keyTo)
	 */
	verify(
		signatureKind: number, key: Uint8Array, keyFrom: number, keyTo: number, data: Uint8Array, from: number, to: number,
		signature: Uint8Array, signatureFrom: number, signatureTo: number,
	): boolean;
	/**
	 * Makes a key pair on the curve P-256: the private key (32 bytes) at privateKey[privateAt, …), the public point
	 * (4, x, y: 65 bytes) at publicKey[publicAt, …).
	 * @returns false when there was no memory for it
	 */
	makeKey(privateKey: Uint8Array, privateAt: number, publicKey: Uint8Array, publicAt: number): boolean;
	/**
	 * Signs data[from, to) with ECDSA and SHA-256 and writes the DER signature, at most 72 bytes, to signature[at, …),
	 * which has room for 72.
	 * @param privateKey  32 bytes at privateAt, as makeKey gave them, and the public point behind them
	 * @returns the end of the signature; `at` when there was no memory for it
	 */
	sign(
		privateKey: Uint8Array, privateAt: number, data: Uint8Array, from: number, to: number, signature: Uint8Array,
		at: number,
	): number;
}
