// A02, A03: the station's own certificate, from the request to a connection with it, and all that may go wrong on the way.
// Source: OCPP 2.0.1 Part 2, A02, A03 with the errata of 2025-01, A05.

import { createHash, createPublicKey } from "node:crypto";
import * as tls from "node:tls";
import type { SecurityEventNotificationRequest, SignCertificateRequest } from "../../preload/payloads.js";
import { LogCode } from "../../modules/ports/events.js";
import { VaultKind, vaultBlocksOf } from "../../modules/storage/vault.js";
import { FlashMemory, PowerCut, TORN } from "../board/flash-memory.js";
import { OpenSsl, issue, publicKeyOf, type Issued, type Wish } from "./pki.js";
import { Rig, rigPerCase } from "./rig.js";
import { Front, QUICK, ROOT, install, passUntil, serverFor, setProfile, upgrade } from "./tls-front.js";
import { privateKeys, vaultOf } from "./vault-kit.js";

const DAY_MS = 86_400_000;
const between = issue({ commonName: "Stations", isCa: true, issuer: ROOT });
/** A server that lets in who shows a certificate under ROOT, and nobody else. */
const STRICT: tls.TlsOptions = { requestCert: true, rejectUnauthorized: true, ca: [ROOT.pem] };

const trigger = async (rig: Rig): Promise<string> =>
	(await rig.call("TriggerMessage", { requestedMessage: "SignChargingStationCertificate" })).status;

/** Asks for a certificate and returns the request that follows. */
async function request(rig: Rig): Promise<string> {
	const from = rig.csms.messages.length;
	expect(await trigger(rig)).toBe("Accepted");
	const [sign] = await rig.told<SignCertificateRequest>("SignCertificate", 1, from);
	expect(sign.certificateType).toBe("ChargingStationCertificate");
	return sign.csr;
}

const own = (rig: Rig, csr: string, wish: Wish = {}): Issued => issue({
	commonName: "CS001", organization: "Charging station operator", issuer: between, publicKey: publicKeyOf(csr), from: rig.nowMs() - DAY_MS, ...wish,
});

/** The bits of a P-256 key as they are hashed. */
const publicPoint = ({ key }: Issued): Buffer => createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-65);

async function signed(rig: Rig, certificateChain: string, more: object = {}): Promise<string> {
	return (await rig.call("CertificateSigned", { certificateChain, ...more })).status;
}

async function events(rig: Rig, from: number, pattern: RegExp): Promise<string[]> {
	const told = await rig.told<SecurityEventNotificationRequest>("SecurityEventNotification", 0, from);
	return told.map((event) => event.type).filter((type) => pattern.test(type));
}

/** From profile 1 over 2 to 3: a root, a certificate that is signed, slot 1 with profile 3. Returns the certificate. */
async function upgradeTo3(rig: Rig, front: Front, strict: Front): Promise<Issued> {
	await upgrade(rig, front);
	const mine = own(rig, await request(rig));
	expect(await signed(rig, mine.pem + between.pem)).toBe("Accepted");
	expect(await setProfile(rig, 1, strict.url, 3)).toBe("Accepted");
	expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "1,2")).toBe("Accepted");
	rig.password = null;
	await rig.powerCut();
	return mine;
}

describe("certificate of the station", () => {
	const open = rigPerCase();

	it("A02.FR.02 A02.FR.03 A02.FR.13 a trigger is followed by a request that OpenSSL finds right: P-256, O and CN, each time a new key", async () => {
		const rig = await open();
		const openSsl = new OpenSsl();
		const keys = new Set<string>();
		for (const organization of ["Charging station operator", "Stadtwerke Zürich ⚡", "x".repeat(64), "電".repeat(64)]) {
			expect(await rig.set("SecurityCtrlr.OrganizationName", organization)).toBe("Accepted");
			const csr = await request(rig);
			openSsl.write("csr", csr);
			expect(openSsl.run("req", "-in", "csr", "-verify", "-noout", "-subject", "-nameopt", "utf8,sep_multiline,sname").split("\n").map((line) => line.trim()))
				.toEqual(["subject=", `O=${organization}`, "CN=CS001", ""]);
			const text = openSsl.run("req", "-in", "csr", "-noout", "-text");
			expect(text).toContain("ASN1 OID: prime256v1");
			expect(text).toContain("ecdsa-with-SHA256");
			expect(createPublicKey({ key: publicKeyOf(csr), format: "der", type: "spki" }).asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
			keys.add(publicKeyOf(csr).toString("hex"));
		}
		expect(keys.size).toBe(4);
		openSsl.close();
	});

	it("F06.FR.04 without room for a key the trigger is Rejected, and nothing follows", async () => {
		const rig = await open();
		for (let i = 0; i < 4; i++) expect(await install(rig, issue({ commonName: `r${i}`, isCa: true }).pem)).toBe("Accepted");
		expect(await trigger(rig)).toBe("Rejected");
		await rig.advance(600_000);
		expect(rig.csms.calls("SignCertificate")).toEqual([]);
	});

	it("M05.FR.06 where there is room, roots leave three places for the station's certificate, its successor and a key", async () => {
		const rig = await open({ blocks: 40 });
		await rig.call("GetBaseReport", { requestId: 1, reportBase: "FullInventory" });
		const rows = (await rig.told<any>("NotifyReport", 1)).flatMap((m) => m.reportData);
		expect(rows.find((r) => r.variable.name === "CertificateEntries").variableCharacteristics.maxLimit).toBe(7);
		expect(await install(rig, ROOT.pem)).toBe("Accepted");
		for (let i = 1; i < 5; i++) expect(await install(rig, issue({ commonName: `r${i}`, isCa: true }).pem)).toBe("Accepted");
		expect(await install(rig, issue({ commonName: "r5", isCa: true }).pem)).toBe("Rejected");
		for (let i = 0; i < 3; i++) {
			const mine = own(rig, await request(rig));
			expect(await signed(rig, mine.pem + between.pem)).toBe("Accepted");
		}
		expect(await rig.get("SecurityCtrlr.CertificateEntries")).toBe("7");
		expect(await trigger(rig)).toBe("Accepted");
	});

	it("A02.FR.06 A02.FR.08 A05.FR.02 A05.FR.03 A05.FR.05 profile 1, 2, 3: at the end the station shows its certificate and no password", async () => {
		const rig = await open({ variables: QUICK });
		const front = await Front.open(rig, serverFor());
		const strict = await Front.open(rig, serverFor(), STRICT);
		const mine = await upgradeTo3(rig, front, strict);
		expect(await rig.get("SecurityCtrlr.SecurityProfile")).toBe("3");
		expect(await rig.get("OCPPCommCtrlr.NetworkConfigurationPriority")).toBe("1");
		expect(strict.connections).toBe(1);
		expect(strict.clients[0]?.equals(mine.der)).toBeTrue();
		expect(strict.heads[0]).toContain("GET /ocpp/CS001 HTTP/1.1");
		expect(strict.heads[0]).not.toContain("Authorization");
		await rig.powerCut();
		expect(strict.clients[1]?.equals(mine.der)).toBeTrue();
		rig.powerOff();
		await front.close();
		await strict.close();
	}, 60_000);

	it("A00.FR.005 A05.FR.06 A05.FR.10 B09.FR.04 from profile 3 no way leads to 2 or 1, whatever server is left", async () => {
		const rig = await open({ variables: QUICK });
		const front = await Front.open(rig, serverFor());
		const strict = await Front.open(rig, serverFor(), STRICT);
		await upgradeTo3(rig, front, strict);
		expect(await setProfile(rig, 2, front.url, 2)).toBe("Rejected");
		expect(await setProfile(rig, 2, rig.csms.url, 1)).toBe("Rejected");
		expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1")).toBe("Rejected");
		const before = [front.attempts, rig.csms.connections];
		await strict.close();
		await rig.advance(120_000);
		rig.powerOff();
		rig.powerOn();
		await rig.advance(120_000);
		expect([front.attempts, rig.csms.connections]).toEqual(before);
		rig.powerOff();
		await front.close();
	}, 60_000);

	it("A02.FR.06 A02.FR.07 a certificate that is not right is Rejected and told as InvalidChargingStationCertificate", async () => {
		const rig = await open();
		expect(await install(rig, ROOT.pem)).toBe("Accepted");
		const csr = await request(rig);
		const now = rig.nowMs();
		const other = issue({ commonName: "Root", isCa: true });
		const otherBetween = issue({ commonName: "Stations", isCa: true, issuer: other });
		const noCa = issue({ commonName: "NoCa", issuer: ROOT });
		const oldBetween = issue({ commonName: "Old", isCa: true, issuer: ROOT, from: now - 90 * DAY_MS, to: now - 1000 });
		const good = own(rig, csr);
		const wrong: [string, string][] = [
			["another key", issue({ commonName: "CS001", issuer: between }).pem + between.pem],
			["expired", own(rig, csr, { from: now - 90 * DAY_MS, to: now - 1000 }).pem + between.pem],
			["not yet valid", own(rig, csr, { from: now + 60_000 }).pem + between.pem],
			["forged", own(rig, csr, { forged: true }).pem + between.pem],
			["root of the same name", own(rig, csr, { issuer: otherBetween }).pem + otherBetween.pem],
			["with its own root", own(rig, csr, { issuer: other }).pem + other.pem],
			["intermediate missing", good.pem],
			["intermediate of another", good.pem + otherBetween.pem],
			["intermediate expired", own(rig, csr, { issuer: oldBetween }).pem + oldBetween.pem],
			["issuer is no CA", own(rig, csr, { issuer: noCa }).pem + noCa.pem],
			["wrong order", between.pem + good.pem],
			["a CA", own(rig, csr, { isCa: true }).pem + between.pem],
			["not for signing", own(rig, csr, { keyUsage: 0x20 }).pem + between.pem],
			["something behind", good.pem + between.pem + "x"],
			["text", "no certificate"],
			["nothing", ""],
		];
		const from = rig.csms.messages.length;
		for (const [what, chain] of wrong) expect(await signed(rig, chain)).withContext(what).toBe("Rejected");
		expect(await events(rig, from, /Invalid/)).toEqual(wrong.map(() => "InvalidChargingStationCertificate"));
		expect(vaultOf(rig.flash).count(VaultKind.station)).toBe(0);
		// The key still waits: what is right is taken, once.
		expect(await signed(rig, good.pem + between.pem)).toBe("Accepted");
		expect(vaultOf(rig.flash).count(VaultKind.pendingKey)).toBe(0);
		expect(await signed(rig, good.pem + between.pem)).toBe("Rejected");
		expect(vaultOf(rig.flash).count(VaultKind.station)).toBe(1);
	});

	it("A02.FR.16 a chain up to MaxCertificateChainSize is taken, with an installed root of 2 kB; a longer one, or one for V2G, is Rejected", async () => {
		const rig = await open();
		const big = issue({ commonName: "Big", isCa: true, padding: 1700 });
		expect(big.der.length).toBeGreaterThan(2000);
		expect(await install(rig, big.pem)).toBe("Accepted");
		const most = Number(await rig.get("SecurityCtrlr.MaxCertificateChainSize"));
		const csr = await request(rig);
		const chainOf = (padding: number): string => {
			const upper = issue({ commonName: "Upper", isCa: true, issuer: big, padding });
			return own(rig, csr, { issuer: upper }).pem + upper.pem;
		};
		let padding = 0;
		while (chainOf(padding + 45).length <= most) padding += 45;
		const chain = chainOf(padding);
		expect(chain.length).toBeGreaterThan(most - 70);
		expect(await signed(rig, chain, { certificateType: "V2GCertificate" })).toBe("Rejected");
		expect((await rig.call("CertificateSigned", { certificateChain: chainOf(padding + 45) })).statusInfo.reasonCode).toBe("TooLargeElement");
		expect(await signed(rig, chain, { certificateType: "ChargingStationCertificate" })).toBe("Accepted");
	});

	it("A02.FR.17 A02.FR.18 A02.FR.19 without a certificate the same request is repeated after 60, 120, 240 s, then not any more; a trigger begins anew", async () => {
		const rig = await open();
		const first = await request(rig);
		const from = rig.csms.messages.length;
		const begin = rig.nowMs();
		await rig.advance(4_000_000);
		const times = rig.csms.calls("SignCertificate", from).map((message) => Math.round((message.atMs - begin) / 1000));
		expect(times).toEqual([60, 180, 420]);
		for (const { payload } of rig.csms.calls("SignCertificate", from)) expect(publicKeyOf((payload as SignCertificateRequest).csr)).toEqual(publicKeyOf(first));
		expect(await rig.set("SecurityCtrlr.CertSigningWaitMinimum", "10")).toBe("Accepted");
		expect(await rig.set("SecurityCtrlr.CertSigningRepeatTimes", "1")).toBe("Accepted");
		const second = await request(rig);
		expect(publicKeyOf(second)).not.toEqual(publicKeyOf(first));
		const later = rig.csms.messages.length;
		await rig.advance(4_000_000);
		expect(rig.csms.calls("SignCertificate", later)).toHaveSize(1);
		// Late is not too late.
		expect(await install(rig, ROOT.pem)).toBe("Accepted");
		expect(await signed(rig, own(rig, second).pem + between.pem)).toBe("Accepted");
		await rig.advance(4_000_000);
		expect(rig.csms.calls("SignCertificate", later)).toHaveSize(1);
	});

	it("A02.FR.20 a request that the CSMS rejects is not repeated, and its key is forgotten", async () => {
		const rig = await open();
		rig.csms.once("SignCertificate", { status: "Rejected" });
		const csr = await request(rig);
		await rig.advance(4_000_000);
		expect(rig.csms.calls("SignCertificate")).toHaveSize(1);
		expect(await install(rig, ROOT.pem)).toBe("Accepted");
		expect(await signed(rig, own(rig, csr).pem + between.pem)).toBe("Rejected");
		expect(privateKeys(rig.flash)).toEqual([]);
	});

	it("A02.FR.08 A02.FR.10 a new certificate is used at once; when it has worked, the old one is gone", async () => {
		const rig = await open({ variables: QUICK });
		const front = await Front.open(rig, serverFor());
		const strict = await Front.open(rig, serverFor(), STRICT);
		await upgradeTo3(rig, front, strict);
		const next = own(rig, await request(rig));
		expect(await signed(rig, next.pem + between.pem)).toBe("Accepted");
		expect(vaultOf(rig.flash).count(VaultKind.station)).toBe(2);
		await passUntil(rig, () => vaultOf(rig.flash).count(VaultKind.station) === 1, "connection");
		expect(strict.clients[1]?.equals(next.der)).toBeTrue();
		expect(await rig.get("SecurityCtrlr.CertificateEntries")).toBe("2");
		rig.powerOff();
		await front.close();
		await strict.close();
	}, 60_000);

	it("A02.FR.28 A02.FR.29 a new certificate that the CSMS does not take: back to the old one, and that is told", async () => {
		const rig = await open({ blocks: 40, variables: { ...QUICK, "OCPPCommCtrlr.NetworkProfileConnectionAttempts": "2" } });
		const front = await Front.open(rig, serverFor());
		const strict = await Front.open(rig, serverFor(), STRICT);
		const mine = await upgradeTo3(rig, front, strict);
		// The CSMS's own list of who may come in knows nothing of the second CA, the station's root does.
		const elsewhere = issue({ commonName: "Elsewhere", isCa: true });
		expect(await install(rig, elsewhere.pem)).toBe("Accepted");
		const from = rig.csms.messages.length;
		const next = own(rig, await request(rig), { issuer: elsewhere });
		expect(await signed(rig, next.pem)).toBe("Accepted");
		await passUntil(rig, () => strict.clients.length >= 2, "connection");
		expect(strict.attempts).toBeGreaterThanOrEqual(4);
		expect(strict.clients[1]?.equals(mine.der)).toBeTrue();
		await passUntil(rig, () => rig.csms.calls("SecurityEventNotification", from).length >= 1, "event");
		expect(await events(rig, from, /./)).toEqual(["DiscardedRenewedClientCertificate"]);
		expect(vaultOf(rig.flash).count(VaultKind.station)).toBe(1);
		await rig.powerCut();
		expect(strict.clients[2]?.equals(mine.der)).toBeTrue();
		rig.powerOff();
		await front.close();
		await strict.close();
	}, 60_000);

	it("A03.FR.02 A03.FR.03 A03.FR.08 30 days before its end a certificate is renewed, once, without being asked", async () => {
		const rig = await open();
		expect(await install(rig, ROOT.pem)).toBe("Accepted");
		const mine = own(rig, await request(rig), { to: rig.nowMs() + 30 * DAY_MS + 600_000 });
		expect(await signed(rig, mine.pem + between.pem)).toBe("Accepted");
		const from = rig.csms.messages.length;
		await rig.powerCut();
		await rig.advance(590_000);
		expect(rig.csms.calls("SignCertificate", from)).toHaveSize(0);
		await rig.advance(65_000);
		expect(rig.csms.calls("SignCertificate", from)).toHaveSize(1);
		const { csr } = rig.csms.calls("SignCertificate", from)[0].payload as SignCertificateRequest;
		expect(mine.der.includes(publicKeyOf(csr))).toBeFalse();
		expect(await signed(rig, own(rig, csr).pem + between.pem)).toBe("Accepted");
		await rig.advance(3_600_000);
		expect(rig.csms.calls("SignCertificate", from)).toHaveSize(1);
	}, 60_000);

	it("A02 a request is taken up again after a power cut, with the same key", async () => {
		const rig = await open();
		const csr = await request(rig);
		const from = rig.csms.messages.length;
		await rig.powerCut();
		await rig.advance(61_000);
		const [again] = await rig.told<SignCertificateRequest>("SignCertificate", 1, from);
		expect(publicKeyOf(again.csr)).toEqual(publicKeyOf(csr));
		expect(await install(rig, ROOT.pem)).toBe("Accepted");
		expect(await signed(rig, own(rig, csr).pem + between.pem)).toBe("Accepted");
		await rig.powerCut();
		await rig.advance(600_000);
		expect(rig.csms.calls("SignCertificate", from)).toHaveSize(1);
	});

	it("A02.FR.08 at every power cut while a certificate is taken the old one is there, and the new one whole or still to come", async () => {
		let cuts = 0;
		for (const torn of TORN) {
			for (let n = 1; n < 40; n++) {
				const rig = await Rig.open();
				expect(await install(rig, ROOT.pem)).toBe("Accepted");
				const old = own(rig, await request(rig));
				expect(await signed(rig, old.pem + between.pem)).toBe("Accepted");
				const csr = await request(rig);
				const next = own(rig, csr);
				await rig.settle();
				rig.flash.cutAt(n, torn);
				try {
					rig.csms.call("CertificateSigned", { certificateChain: next.pem + between.pem }).catch(() => undefined);
					await rig.settle();
					await rig.settle();
				} catch (error) {
					if (!(error instanceof PowerCut)) throw error;
				}
				const isCut = rig.flash.isOff;
				rig.powerOff();
				rig.flash.powerOn();
				const vault = vaultOf(rig.flash);
				const kept = vault.count(VaultKind.station);
				const bytes = new Uint8Array(4096);
				if (!vault.load(vault.byAge(VaultKind.station, true), 0, old.der.length, bytes) || !old.der.equals(bytes.subarray(0, old.der.length)))
					fail(`${torn} ${n}: the old one is lost`);
				if (kept < 2 && vault.count(VaultKind.pendingKey) !== 1) fail(`${torn} ${n}: neither certificate nor key`);
				await rig.powerCut();
				expect(await signed(rig, next.pem + between.pem)).toBe(kept === 2 ? "Rejected" : "Accepted");
				expect(vaultOf(rig.flash).count(VaultKind.pendingKey)).toBe(0);
				expect(vaultOf(rig.flash).count(VaultKind.station)).toBe(2);
				await rig.close();
				if (!isCut) break;
				cuts++;
			}
		}
		expect(cuts).toBeGreaterThanOrEqual(8 * TORN.length);
	}, 120_000);

	it("M04.FR.06 DeleteCertificate for the station's own certificate is answered Failed, with each hash, and it stays", async () => {
		const rig = await open();
		expect(await install(rig, ROOT.pem)).toBe("Accepted");
		const remove = async (certificateHashData: object): Promise<string> => (await rig.call("DeleteCertificate", { certificateHashData })).status;
		const mine = own(rig, await request(rig), { serial: [0, 0xab, 0xcd] });
		const hashes = (hash: string): object => ({
			hashAlgorithm: hash.toUpperCase(), issuerNameHash: createHash(hash).update(between.subject).digest("hex"),
			issuerKeyHash: createHash(hash).update(publicPoint(between)).digest("hex"), serialNumber: "abcd",
		});
		// It waits for its certificate: nothing is known under this name.
		expect(await remove(hashes("sha256"))).toBe("NotFound");
		expect(await signed(rig, mine.pem + between.pem)).toBe("Accepted");
		for (const hash of ["sha256", "sha384", "sha512"]) expect(await remove(hashes(hash))).toBe("Failed");
		expect(await remove({ ...hashes("sha256"), serialNumber: "abce" })).toBe("NotFound");
		expect(await remove({ ...hashes("sha256"), issuerNameHash: createHash("sha256").update(mine.subject).digest("hex") })).toBe("NotFound");
		expect(vaultOf(rig.flash).count(VaultKind.station)).toBe(1);
	});

	it("A02.FR.05 A03.FR.05 the key is in the vault alone: not in messages, reports, logs, nor elsewhere on flash", async () => {
		const printed: string[] = [];
		const spies = [process.stdout, process.stderr].map((stream) => spyOn(stream, "write").and.callFake(((text: string) => printed.push(String(text)) > 0) as never));
		const rig = await open({ variables: QUICK });
		const front = await Front.open(rig, serverFor());
		const strict = await Front.open(rig, serverFor(), STRICT);
		await upgradeTo3(rig, front, strict);
		await request(rig);
		const keys = privateKeys(rig.flash);
		expect(keys).toHaveSize(2);
		await rig.call("GetBaseReport", { requestId: 1, reportBase: "FullInventory" });
		const isReported = (): boolean => rig.csms.calls("NotifyReport").some(({ payload }) => (payload as { tbc?: boolean }).tbc !== true);
		await passUntil(rig, isReported, "report");
		for (const logType of ["DiagnosticsLog", "SecurityLog"]) {
			const { server, body } = await fileServer();
			await rig.call("GetLog", { logType, requestId: 7, log: { remoteLocation: `http://127.0.0.1:${server.port}/log` } });
			for (let i = 0; i < 100 && body().length === 0; i++) await rig.advance(100);
			expect(body().length).toBeGreaterThan(100);
			printed.push(body());
			await server.close();
		}
		await rig.call("GetInstalledCertificateIds", {});
		const log = rig.desktop.board.log;
		expect(log.times(LogCode.connected)).toBeGreaterThan(0);
		const end = (rig.flash.blocks - vaultBlocksOf(rig.flash.blocks)) * rig.flash.blockBytes;
		const everything = [
			...rig.csms.messages.map((message) => message.text), ...log.last(10_000), ...printed, ...front.heads, ...strict.heads,
			JSON.stringify(rig.events), Buffer.from(rig.flash.bytes.slice(0, end)).toString("latin1"),
		].join("\n");
		for (const spy of spies) spy.and.callThrough();
		expect(everything.length).toBeGreaterThan(50_000);
		for (const key of keys) {
			for (const form of [key.toString("latin1"), key.toString("hex"), key.toString("base64").slice(0, 40), key.toString("base64url").slice(0, 40), [...key.subarray(0, 8)].join(",")])
				expect(everything.includes(form)).toBeFalse();
		}
		rig.powerOff();
		await front.close();
		await strict.close();
	}, 60_000);
});

/** A server that takes uploads. */
async function fileServer(): Promise<{ server: { port: number; close: () => Promise<unknown> }; body: () => string }> {
	const { createServer } = await import("node:http");
	const pieces: Buffer[] = [];
	let isDone = false;
	const server = createServer((request, response) => {
		request.on("data", (piece: Buffer) => pieces.push(piece));
		request.on("end", () => {
			isDone = true;
			response.end();
		});
	});
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	const close = (): Promise<unknown> => new Promise((done) => server.close(done));
	return { server: { port: (server.address() as { port: number }).port, close }, body: () => (isDone ? Buffer.concat(pieces).toString("latin1") : "") };
}
