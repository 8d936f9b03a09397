// The crypto port on mbedTLS, seen from a station on XS: what it leaves in RAM, and what happens where it gets no memory.
// That its answers are right is for tls-signing.spec.ts and m-certificates.spec.ts to say, which run on XS as well.

import { X509Certificate } from "node:crypto";
import "../board/xs-globals.js";
import { OpenSsl, pemOf } from "./pki.js";
import { STRESS_CREATION } from "../xs/engine.js";
import { authority, SigningBench } from "../xs/signing.js";
import { endIdleEngines } from "../xs/xs-station.js";
import { CLIENT_KEY_BYTES, VaultKind } from "../../modules/storage/vault.js";
import { privateKeys, vaultOf } from "./vault-kit.js";
import { xsPerFile } from "./xs-kit.js";

/** The stress run watches each access of the library's callers and of the engine. */
const STRESS = process.env.STATION_XS_STRESS !== undefined;
const PATIENCE_MS = STRESS ? 600_000 : 120_000;
/** No step makes so many allocations. */
const ALLOCATIONS_MAX = 100_000;
/** The first ones are all tried, later ones ever more rarely. */
const DENSITY = 10;

describe("crypto on XS", () => {
	const program = xsPerFile(STRESS ? "asan" : 32, true);
	const wide = { ec: authority(false), rsa: authority(true) };

	function withBench(work: (bench: SigningBench) => void): void {
		const bench = new SigningBench({ program: program(), creation: STRESS ? STRESS_CREATION : { static: 65_536, stack: 1024 } });
		try {
			bench.accept();
			work(bench);
		} finally {
			bench.end();
			endIdleEngines();
		}
	}

	// Where each access is watched, what was given back must not be read, and chunks are not in one place.
	(STRESS ? xit : it)("A02.FR.05 the private key is in the vault, and in no byte of RAM, used or left over, once it is made, signed with and kept", () => {
		withBench((bench) => {
			expect(bench.install(wide.ec)).toBe("Accepted");
			// What was received is found.
			expect(bench.station.timesInMemory(wide.ec.root.der.subarray(0, 32))).toBeGreaterThan(0);
			for (const stress of [false, true]) {
				bench.station.stress = stress;
				expect(bench.trigger()).toBe("Accepted");
				bench.advance(1000);
				const [key] = privateKeys(bench.flash).slice(-1);
				expect(key).toHaveSize(32);
				expect(bench.station.timesInMemory(key)).withContext(`requested, stress ${stress}`).toBe(0);
				expect(bench.signed(bench.chain(wide.ec))).toBe("Accepted");
				expect(bench.station.timesInMemory(key)).withContext(`kept, stress ${stress}`).toBe(0);
				expect(privateKeys(bench.flash).some((kept) => kept.equals(key))).toBeTrue();
			}
		});
	}, PATIENCE_MS);

	it("M05.FR.07 roots of each kind of key with each hash are verified: P-256, P-384, P-521, RSA-2048, RSA-3072; with a changed bit each is Rejected", () => {
		const openSsl = new OpenSsl();
		for (const kind of ["prime256v1", "secp384r1", "secp521r1", "2048", "3072"]) {
			const isRsa = /^\d/.test(kind);
			openSsl.run(...(isRsa ? ["genrsa", "-out", "key", kind] : ["ecparam", "-name", kind, "-genkey", "-noout", "-out", "key"]));
			withBench((bench) => {
				for (const hash of ["sha256", "sha384", "sha512"]) {
					openSsl.run("req", "-x509", "-new", "-key", "key", "-subj", `/CN=${kind} ${hash}`, "-days", "3650", `-${hash}`, "-out", "root");
					const pem = openSsl.read("root").toString();
					const bytes = Buffer.from(new X509Certificate(pem).raw);
					bytes[bytes.length - 9] ^= 4;
					const install = (certificate: string): string =>
						bench.ask("InstallCertificate", { certificateType: "CSMSRootCertificate", certificate });
					expect(install(pemOf(bytes))).withContext(`${kind} ${hash}, changed`).toBe("Rejected");
					expect(install(pem)).withContext(`${kind} ${hash}`).toBe("Accepted");
				}
			});
		}
		openSsl.close();
	}, PATIENCE_MS);

	for (const [kind, issuer] of Object.entries(wide)) {
		it(`where an allocation is refused nothing is taken that was not checked, nothing is lost, and the next attempt works (${kind})`, () => {
			withBench((bench) => {
				/** Repeats a step with another of its allocations refused each time, until it makes no more; how often one was. */
				const refuseEach = (step: () => void): number => {
					const blocks: number[] = [];
					for (let n = 1; n < ALLOCATIONS_MAX; n += 1 + Math.floor(n / DENSITY)) {
						bench.station.failTls(n);
						step();
						const isWhole = bench.station.failTls(0) > 0;
						blocks.push(bench.station.memory().tlsBlocks);
						if (!isWhole) continue;
						// Some versions of the library keep a little for good, from the first steps on.
						expect(Math.max(...blocks)).toBeLessThan(5);
						expect(new Set(blocks.slice(4)).size).toBe(1);
						return blocks.length - 1;
					}
					throw new Error("each time an allocation was refused");
				};
				// A root is Rejected, not installed unchecked.
				let status = "";
				const installs = refuseEach(() => (status = bench.install(issuer)));
				expect(status).toBe("Accepted");
				expect(installs).toBeGreaterThan(3);
				expect(vaultOf(bench.flash).count(VaultKind.csmsRoot)).toBe(1);
				// A request comes later instead of now.
				let sent = bench.csms.count("SignCertificate");
				const requests = refuseEach(() => {
					expect(bench.trigger()).toBe("Accepted");
					bench.advance(1000);
					if (bench.csms.count("SignCertificate") === sent) bench.advance(61_000);
					expect(bench.csms.count("SignCertificate")).toBe(++sent);
				});
				expect(requests).toBeGreaterThan(3);
				let chain = bench.chain(issuer);
				let kept = 0;
				const takes = refuseEach(() => {
					if (vaultOf(bench.flash).count(VaultKind.pendingKey) === 0) {
						const n = bench.station.failTls(0);
						bench.trigger();
						bench.advance(1000);
						chain = bench.chain(issuer);
						bench.station.failTls(n);
					}
					status = bench.signed(chain);
					if (status === "Accepted") kept = Math.min(2, kept + 1);
					const vault = vaultOf(bench.flash);
					expect(vault.count(VaultKind.pendingKey)).toBe(status === "Accepted" ? 0 : 1);
					expect(vault.count(VaultKind.station)).toBe(kept);
				});
				expect(status).toBe("Accepted");
				expect(takes).toBeGreaterThan(3);
				process.stdout.write(`[${kind}: ${installs}, ${requests}, ${takes} refused] `);
			});
		}, PATIENCE_MS);
	}
});
