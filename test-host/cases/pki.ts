// Certificates for the cases: made here field by field, so that dates, names and faults can be chosen at will; and those of
// the openssl program, as a witness that is not ours.

import { execFileSync } from "node:child_process";
import { createHash, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One DER value. */
export function der(tag: number, ...parts: (Uint8Array | number[])[]): Buffer {
	const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
	const n = content.length;
	const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
	return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function oid(text: string): Buffer {
	const [a, b, ...rest] = text.split(".").map(Number);
	const bytes = [a * 40 + b];
	for (const arc of rest) {
		const groups = [arc & 127];
		for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 127) | 128);
		bytes.push(...groups);
	}
	return der(6, bytes);
}

function time(ms: number): Buffer {
	const digits = new Date(ms).toISOString().replace(/\.\d+Z|[-:T]/g, "");
	const year = Number(digits.slice(0, 4));
	const isShort = year >= 1950 && year < 2050;
	return der(isShort ? 0x17 : 0x18, Buffer.from(`${isShort ? digits.slice(2, 14) : digits.slice(0, 14)}Z`));
}

function name(commonName: string | undefined, organization?: string): Buffer {
	const pair = (id: string, text: string): Buffer => der(0x31, der(0x30, oid(id), der(0x0c, Buffer.from(text))));
	const parts: Buffer[] = [];
	if (organization !== undefined) parts.push(pair("2.5.4.10", organization));
	if (commonName !== undefined) parts.push(pair("2.5.4.3", commonName));
	return der(0x30, ...parts);
}

/** A key pair and who may sign with it. */
export interface Issued {
	readonly key: KeyObject;
	readonly der: Buffer;
	readonly pem: string;
	readonly subject: Buffer;
	readonly keyPem: string;
}

export interface Wish {
	commonName?: string;
	organization?: string;
	/** dNSName entries, or addresses as bytes. */
	alternative?: (string | number[])[];
	from?: number;
	to?: number;
	isCa?: boolean;
	key?: KeyObject;
	serial?: number[];
	issuer?: Issued;
	/** Public key of somebody else's request, as SubjectPublicKeyInfo. */
	publicKey?: Buffer;
	/** RSA instead of ECDSA. */
	rsa?: boolean;
	/** Octet of the key usage; CAs have keyCertSign and cRLSign, others none. */
	keyUsage?: number;
	/** Flips a bit of the signature. */
	forged?: boolean;
	/** Bytes of an extension that nobody knows, to make it long. */
	padding?: number;
}

const DAY_MS = 86_400_000;
const keys: { ec?: KeyObject; rsa?: KeyObject } = {};

/** A new P-256 key. */
export function newKey(): KeyObject {
	return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

/** An RSA key of 2,048 bits, the same for all. */
export function rsaKey(): KeyObject {
	return (keys.rsa ??= generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
}

export function pemOf(bytes: Uint8Array, label = "CERTIFICATE"): string {
	const lines = Buffer.from(bytes).toString("base64").match(/.{1,64}/g) as string[];
	return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

let serials = 0;

/** Makes a certificate, self-signed where no issuer is named. */
export function issue(wish: Wish): Issued {
	const key = wish.key ?? (wish.rsa ? rsaKey() : newKey());
	const signer = wish.issuer?.key ?? key;
	const algorithm = signer.asymmetricKeyType === "rsa"
		? der(0x30, oid("1.2.840.113549.1.1.11"), [5, 0])
		: der(0x30, oid("1.2.840.10045.4.3.2"));
	const subject = name(wish.commonName, wish.organization);
	const isCa = wish.isCa ?? false;
	const extension = (id: string, critical: boolean, content: Buffer): Buffer =>
		der(0x30, oid(id), critical ? [1, 1, 0xff] : [], der(4, content));
	const extensions = [extension("2.5.29.19", true, der(0x30, isCa ? [1, 1, 0xff] : []))];
	const keyUsage = wish.keyUsage ?? (isCa ? 6 : undefined);
	if (keyUsage !== undefined) extensions.push(extension("2.5.29.15", true, der(3, [1, keyUsage])));
	if (wish.alternative !== undefined) {
		const names = wish.alternative.map((entry) => typeof entry === "string" ? der(0x82, Buffer.from(entry)) : der(0x87, entry));
		extensions.push(extension("2.5.29.17", false, der(0x30, ...names)));
	}
	if (wish.padding) extensions.push(extension("1.3.6.1.4.1.99999.1", false, der(4, Buffer.alloc(wish.padding, 0x5a))));
	const now = wish.from ?? Date.UTC(2025, 0, 1);
	const serial = wish.serial ?? [0x10, ++serials >> 8, serials & 0xff];
	const body = der(
		0x30, der(0xa0, [2, 1, 2]), der(2, serial), algorithm, wish.issuer?.subject ?? subject,
		der(0x30, time(now), time(wish.to ?? now + 3650 * DAY_MS)), subject,
		wish.publicKey ?? createPublicKey(key).export({ type: "spki", format: "der" }), der(0xa3, der(0x30, ...extensions)),
	);
	const signature = sign("sha256", body, signer);
	if (wish.forged) signature[signature.length - 3] ^= 1;
	const bytes = der(0x30, body, algorithm, der(3, [0], signature));
	const keyPem = key.export({ type: "pkcs8", format: "pem" }) as string;
	return { key, der: bytes, pem: pemOf(bytes), subject, keyPem };
}

/** An RSA key of 2,048 bits with this exponent, as SubjectPublicKeyInfo; nobody has the private half. */
export function rsaPublicKey(exponent: Uint8Array): Buffer {
	const { n } = createPublicKey(rsaKey()).export({ format: "jwk" });
	const jwk = { kty: "RSA", n, e: Buffer.from(exponent).toString("base64url") };
	return createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "der" });
}

/** Public key of a request for a P-256 key, as SubjectPublicKeyInfo. */
export function publicKeyOf(csr: string): Buffer {
	const bytes = Buffer.from(csr.replace(/-----[^-]+-----|\s/g, ""), "base64");
	const at = bytes.indexOf("3059301306072a8648ce3d020106082a8648ce3d030107034200", 0, "hex");
	return bytes.subarray(at, at + 91);
}

/** Hash data as node:crypto computes it, for certificates of issue(). */
export function hashDataOf(issued: Issued, serial: string, issuer: Issued = issued): object {
	const spki = createPublicKey(issuer.key).export({ type: "spki", format: "der" });
	// The bits behind the last BIT STRING header: an EC point is 65 bytes; RSA keys are not asked for here.
	const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
	return {
		hashAlgorithm: "SHA256", issuerNameHash: sha(issuer.subject), issuerKeyHash: sha(spki.subarray(spki.length - 65)),
		serialNumber: serial,
	};
}

/** The openssl program in a folder of its own. */
export class OpenSsl {
	readonly folder = mkdtempSync(join(tmpdir(), "pki-"));

	run(...args: string[]): string {
		return execFileSync("openssl", args, { cwd: this.folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
	}

	write(file: string, text: string | Uint8Array): void {
		writeFileSync(join(this.folder, file), text);
	}

	read(file: string): Buffer {
		return readFileSync(join(this.folder, file));
	}

	close(): void {
		rmSync(this.folder, { recursive: true, force: true });
	}
}
