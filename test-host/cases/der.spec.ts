// Certificates as bytes: hash data against the openssl program, names, dates, PEM, and everything that is no certificate.

import { createHash, createPublicKey, X509Certificate } from "node:crypto";
import "../board/xs-globals.js";
import { Certificate, KeyKind, hexText, namesHost, parseCertificate, serialText } from "../../modules/core/der.js";
import { PemBlock, derToPem, pemLength, pemToDer } from "../../modules/core/pem.js";
import { sha256 } from "../../modules/core/sha256.js";
import { tryMutations } from "../vectors/certificate-mutations.js";
import { NodeCrypto } from "../board/crypto-node.js";
import { issue, OpenSsl, pemOf, rsaKey, rsaPublicKey } from "./pki.js";

function sha256Text(bytes: Uint8Array, from: number, to: number): string {
	const digest = new Uint8Array(40);
	sha256(bytes, from, to, digest, 3);
	return hexText(digest, 3, 35);
}

function parsed(bytes: Uint8Array): Certificate | undefined {
	const c = new Certificate();
	return parseCertificate(bytes, 0, bytes.length, c) ? c : undefined;
}

describe("certificates: SHA-256", () => {
	it("FIPS 180-4: every length from 0 to 300 has the digest that node:crypto computes", () => {
		const bytes = new Uint8Array(320).map((_, i) => (i * 167 + 13) & 0xff);
		for (let n = 0; n <= 300; n++) {
			const expected = createHash("sha256").update(bytes.subarray(7, 7 + n)).digest("hex");
			expect(sha256Text(bytes, 7, 7 + n)).withContext(`${n} bytes`).toBe(expected);
		}
	});
});

describe("certificates: hash data", () => {
	it("M03.FR.01 hash data equals what OpenSSL computes for 48 certificates: RSA and EC, odd serials, chains, UTF-8", () => {
		const openSsl = new OpenSsl();
		const keys = ["rsa:2048", "rsa:3072", "P-256", "P-384", "secp521r1"];
		for (const [i, kind] of keys.entries()) {
			if (kind.startsWith("rsa")) openSsl.run("genrsa", "-out", `k${i}`, kind.slice(4));
			else openSsl.run("ecparam", "-name", kind === "P-256" ? "prime256v1" : kind === "P-384" ? "secp384r1" : kind, "-genkey", "-noout", "-out", `k${i}`);
		}
		const serials = [
			"0x1", "0x0A", "0x7F", "0x80", "0xFF", "0x0100", "0x8000", "0xDEADBEEF", "0x0123456789ABCDEF",
			"0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "0x00C0FFEE", "0x0",
		];
		const subjects = [
			"/CN=Root", "/C=DE/O=Ladestation GmbH/CN=Prüfstelle Zürich", "/CN=充電ステーション/O=株式会社",
			"/O=No common name", "/C=GR/ST=Αττική/L=Αθήνα/O=Φορτιστές ΑΕ/OU=Ασφάλεια/CN=Ρίζα", "/CN=⚡🔌/emailAddress=ca@example.com",
			`/O=${"x".repeat(64)}/OU=${"y".repeat(64)}/CN=${"z".repeat(64)}`, "/DC=com/DC=example/UID=4711/CN=a, b + c = d",
		];
		let count = 0;
		for (let chain = 0; chain < 8; chain++) {
			for (let depth = 0; depth < 6; depth++, count++) {
				const file = `c${count}`;
				const issuer = depth === 0 ? file : `c${count - 1}`;
				const key = `k${(chain + depth) % keys.length}`;
				const by = depth === 0 ? [] : ["-CA", issuer, "-CAkey", `k${(chain + depth - 1) % keys.length}`];
				openSsl.run(
					"req", "-x509", "-new", "-utf8", "-key", key, "-subj", subjects[(chain + depth) % subjects.length], "-set_serial",
					serials[count % serials.length], "-days", "3650", `-sha${[256, 384, 512][count % 3]}`, ...by, "-out", file,
				);
				openSsl.run("ocsp", "-sha256", "-issuer", issuer, "-cert", file, "-reqout", "r");
				const text = openSsl.run("ocsp", "-reqin", "r", "-req_text");
				const [, nameHash, keyHash, serial] = /Name Hash: (\w+)[^]*Key Hash: (\w+)[^]*Serial Number: (\w+)/.exec(text) as RegExpExecArray;
				const bytes = new Uint8Array(new X509Certificate(openSsl.read(file)).raw);
				const issuerBytes = new Uint8Array(new X509Certificate(openSsl.read(issuer)).raw);
				const c = parsed(bytes) as Certificate;
				const i = parsed(issuerBytes) as Certificate;
				expect(c).withContext(file).toBeDefined();
				expect(sha256Text(bytes, c.issuerFrom, c.issuerTo)).toBe(nameHash.toLowerCase());
				expect(sha256Text(issuerBytes, i.keyFrom, i.keyTo)).toBe(keyHash.toLowerCase());
				expect(serialText(bytes, c.serialFrom, c.serialTo)).toBe(serial.toLowerCase().replace(/^0+(?=.)/, ""));
				expect(c.isSelfIssued(bytes)).toBe(depth === 0 || subjects[(chain + depth) % 8] === subjects[(chain + depth - 1) % 8]);
				const crypto = new NodeCrypto();
				const signed = crypto.verify(
					c.signatureKind, issuerBytes, i.spkiFrom, i.spkiTo, bytes, c.tbsFrom, c.tbsTo, bytes, c.signatureFrom, c.signatureTo,
				);
				expect(signed).withContext(`signature of ${file}`).toBeTrue();
				expect([c.keyKind, c.keyBits >= 256]).toEqual([key < "k2" ? KeyKind.rsa : KeyKind.ec, true]);
			}
		}
		expect(count).toBe(48);
		process.stdout.write(`[${count} certificates] `);
		openSsl.close();
	}, 60_000);

	it("RFC 5280 §4.1.2.5: times in both forms are read, and a date that is none is refused", () => {
		for (const [from, to] of [[Date.UTC(1999, 11, 31, 23, 59, 59), Date.UTC(2049, 11, 31)], [Date.UTC(2026, 1, 28), Date.UTC(2099, 0, 1, 1, 2, 3)]]) {
			const c = parsed(issue({ commonName: "a", from, to }).der) as Certificate;
			expect([c.notBeforeMs, c.notAfterMs]).toEqual([from, to]);
		}
		const bytes = Buffer.from(issue({ commonName: "a" }).der);
		const at = bytes.indexOf("250101");
		for (const wrong of ["251301", "250100", "25010x", "250132"]) {
			bytes.write(wrong, at, "latin1");
			expect(parsed(bytes)).withContext(wrong).toBeUndefined();
		}
	});
});

describe("certificates: names of a server", () => {
	const named = (host: string, wish: Parameters<typeof issue>[0]): boolean => {
		const bytes = issue(wish).der;
		return namesHost(bytes, parsed(bytes) as Certificate, host);
	};

	it("A00.FR.308 the common name or an alternative name must equal the host, without regard to case", () => {
		expect(named("csms.example.com", { commonName: "csms.example.com" })).toBeTrue();
		expect(named("CSMS.example.COM", { commonName: "csms.Example.com" })).toBeTrue();
		expect(named("csms.example.com", { commonName: "other", alternative: ["a.example.com", "csms.example.com"] })).toBeTrue();
		expect(named("csms.example.com", { alternative: ["csms.example.com"] })).toBeTrue();
		for (const commonName of ["csms.example.co", "csms.example.com.", "xcsms.example.com", "example.com", "csms-example.com", ""])
			expect(named("csms.example.com", { commonName })).withContext(commonName).toBeFalse();
		expect(named("csms.example.com", { commonName: "csms.example.com\0.evil.com" })).toBeFalse();
		expect(named("", { commonName: "" })).toBeFalse();
	});

	it("A00.FR.308 errata: a wildcard matches no host", () => {
		expect(named("csms.example.com", { commonName: "*.example.com" })).toBeFalse();
		expect(named("csms.example.com", { commonName: "x", alternative: ["*.example.com", "*"] })).toBeFalse();
		expect(named("*.example.com", { commonName: "*.example.com", alternative: ["*.example.com"] })).toBeFalse();
	});

	it("an address matches as address or as common name, not as DNS name of another", () => {
		expect(named("127.0.0.1", { alternative: [[127, 0, 0, 1]] })).toBeTrue();
		expect(named("127.0.0.1", { commonName: "127.0.0.1" })).toBeTrue();
		expect(named("127.0.0.2", { alternative: [[127, 0, 0, 1]] })).toBeFalse();
		const v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
		for (const host of ["2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001:db8:0::0:1"]) expect(named(host, { alternative: [v6] })).toBeTrue();
		for (const host of ["2001:db8::2", "2001:db8::1::", "::1", "2001:db8:0:0:0:0:1", "2001:db8::g", "1:2:3:4:5:6:7:8:9"])
			expect(named(host, { alternative: [v6] })).withContext(host).toBeFalse();
	});
});

describe("certificates: PEM in place", () => {
	const decoded = (text: string, label = "CERTIFICATE"): Buffer | undefined => {
		const bytes = new Uint8Array(Buffer.from("##" + text));
		const block = new PemBlock();
		return pemToDer(bytes, 2, bytes.length, label, block) ? Buffer.from(bytes.subarray(block.from, block.to)) : undefined;
	};

	it("RFC 7468 bytes of every length come back, with LF, CR LF or no line ends", () => {
		for (let n = 1; n < 200; n++) {
			const bytes = Buffer.from(Array.from({ length: n }, (_, i) => (i * 31 + n) & 0xff));
			const out = new Uint8Array(pemLength(n, "CERTIFICATE") + 1);
			const end = derToPem(bytes, 0, n, "CERTIFICATE", out, 0);
			expect(end).toBe(out.length - 1);
			const text = Buffer.from(out.subarray(0, end)).toString();
			expect(text).toBe(pemOf(bytes));
			for (const form of [text, text.replace(/\n/g, "\r\n"), "\n " + text.replace(/\n/g, ""), text.trim()])
				expect(decoded(form)).withContext(form).toEqual(bytes);
		}
	});

	it("M05.FR.07 text that is no PEM block is refused", () => {
		const good = pemOf(Buffer.from("some bytes of DER"));
		for (const bad of [
			"", "x", good.slice(1), good.slice(0, -2), good.replace("END", "FIN"), good.replace("CERTIFICATE", "PUBLIC KEY"), "x" + good,
			good.replace("29", "2!"), good.replace("29", "2="), good.replace("29", "2"), good.replace("I=", "I"), good.replace("-----\n", "\n"),
			"-----BEGIN CERTIFICATE----------END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nAB==AB==\n-----END CERTIFICATE-----",
			"-----BEGIN CERTIFICATE-----\n=AAA\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nAAB=\n-----END CERTIFICATE-----",
			"-----BEGIN CERTIFICATE-----\nA===\n-----END CERTIFICATE-----",
		]) expect(decoded(bad)).withContext(bad).toBeUndefined();
	});

	it("two blocks follow each other", () => {
		const text = Buffer.from(pemOf(Buffer.from("one")) + pemOf(Buffer.from("second")));
		const bytes = new Uint8Array(text);
		const block = new PemBlock();
		expect(pemToDer(bytes, 0, bytes.length, "CERTIFICATE", block)).toBeTrue();
		expect(Buffer.from(bytes.subarray(block.from, block.to)).toString()).toBe("one");
		expect(pemToDer(bytes, block.next, bytes.length, "CERTIFICATE", block)).toBeTrue();
		expect(Buffer.from(bytes.subarray(block.from, block.to)).toString()).toBe("second");
		expect(pemToDer(bytes, block.next, bytes.length, "CERTIFICATE", block)).toBeFalse();
	});
});

describe("certificates: what is none", () => {
	const samples = [
		issue({ commonName: "root", isCa: true }).der,
		issue({ commonName: "rsa", rsa: true, isCa: true, alternative: ["a.example", [1, 2, 3, 4]] }).der,
	];

	it("M05.FR.07 every prefix, and one byte more, is refused", () => {
		for (const sample of samples) {
			for (let n = 0; n < sample.length; n++) expect(parsed(sample.subarray(0, n))).toBeUndefined();
			expect(parsed(Buffer.concat([sample, Buffer.of(0)]))).toBeUndefined();
		}
	});

	it("giant, indefinite and roundabout lengths are refused at every place", () => {
		let tried = 0;
		for (const sample of samples) {
			for (let at = 1; at < sample.length; at++) {
				for (const header of [[0x80], [0x84, 0xff, 0xff, 0xff, 0xff], [0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0x83, 1, 0, 0], [0x81, 1], [0x82, 0, 1], [0xff]]) {
					const bytes = Buffer.from(sample);
					Buffer.from(header).copy(bytes, at);
					const c = parsed(bytes);
					tried++;
					// What still reads as one has to be caught by its signature.
					if (c !== undefined && !bytes.equals(sample)) expect(isSigned(bytes, c)).toBeFalse();
				}
			}
		}
		expect(tried).toBeGreaterThan(7000);
	});

	function isSigned(bytes: Uint8Array, c: Certificate): boolean {
		return new NodeCrypto().verify(
			c.signatureKind, bytes, c.spkiFrom, c.spkiTo, bytes, c.tbsFrom, c.tbsTo, bytes, c.signatureFrom, c.signatureTo,
		);
	}

	it("M05.FR.07 of 120,000 mutations none is taken: broken form or broken signature, never an exception", () => {
		const result = tryMutations(samples, 120_000, "fixed", 64);
		expect(result.wrong).toEqual([]);
		expect(result.tried).toBeGreaterThan(119_000);
		expect(result.formed).toBeGreaterThan(1000);
		expect(result.verified).toBe(Math.floor(result.formed / 64));
		process.stdout.write(`[${result.tried} mutations] `);
	}, 60_000);

	it("the mutations would notice a reader that takes them: of the samples themselves each is signed", () => {
		for (const sample of samples) expect(isSigned(sample, parsed(sample) as Certificate)).toBeTrue();
	});

	it("keys: RSA and EC are told with their bits, and a key that a signature does not fit is no exception", () => {
		const rsa = parsed(samples[1]) as Certificate;
		expect([rsa.keyKind, rsa.keyBits]).toEqual([KeyKind.rsa, 2048]);
		const spki = createPublicKey(rsaKey()).export({ type: "spki", format: "der" });
		expect(Buffer.from(samples[1].subarray(rsa.spkiFrom, rsa.spkiTo))).toEqual(spki);
		// An exponent of six bytes, the zero in front counted, is none.
		const withExponent = (...exponent: number[]): boolean =>
			parsed(issue({ commonName: "e", publicKey: rsaPublicKey(Uint8Array.from(exponent)) }).der) !== undefined;
		expect([withExponent(3), withExponent(0x7f, 0, 0, 0, 1), withExponent(0x80, 0, 0, 0, 1)]).toEqual([true, true, false]);
		const bytes = samples[0];
		const c = parsed(bytes) as Certificate;
		expect([c.keyKind, c.keyBits, c.isCa, c.keyUsage]).toEqual([KeyKind.ec, 256, 1, 6]);
		expect(new NodeCrypto().verify(c.signatureKind, spki, 0, spki.length, bytes, c.tbsFrom, c.tbsTo, bytes, c.signatureFrom, c.signatureTo)).toBeFalse();
	});
});
