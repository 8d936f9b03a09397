// M. Certificates: what the CSMS can install, list and delete, seen from the CSMS.

import { hashDataOf, issue, pemOf, rsaKey, type Issued, type Wish } from "./pki.js";
import { rigPerCase, type Rig } from "./rig.js";

const open = rigPerCase();

const root = (commonName: string, wish: Wish = {}): Issued => issue({ commonName, isCa: true, ...wish });

async function install(rig: Rig, pem: string, certificateType = "CSMSRootCertificate"): Promise<string> {
	return (await rig.call("InstallCertificate", { certificateType, certificate: pem })).status;
}

async function listed(rig: Rig, certificateType?: string[]): Promise<[string, string][]> {
	const answer = await rig.call("GetInstalledCertificateIds", certificateType === undefined ? {} : { certificateType });
	if (answer.status === "NotFound") {
		expect(answer.certificateHashDataChain).toBeUndefined();
		return [];
	}
	return answer.certificateHashDataChain.map((c: any) => [c.certificateType, c.certificateHashData.serialNumber]);
}

async function remove(rig: Rig, certificateHashData: object): Promise<string> {
	return (await rig.call("DeleteCertificate", { certificateHashData })).status;
}

describe("M certificates", () => {
	it("M03.FR.02 with nothing installed the answer is NotFound and has no certificateHashDataChain", async () => {
		const rig = await open();
		expect(await listed(rig)).toEqual([]);
		expect(await listed(rig, ["CSMSRootCertificate"])).toEqual([]);
	});

	it("M03.FR.01 M03.FR.03 M03.FR.04 types filter the list, without types all are listed, hash data as expected", async () => {
		const rig = await open();
		const csms = root("CSMS root", { serial: [0, 0xab, 1] });
		const maker = root("Maker root", { serial: [5] });
		expect(await install(rig, csms.pem)).toBe("Accepted");
		expect(await install(rig, maker.pem, "ManufacturerRootCertificate")).toBe("Accepted");
		expect(await listed(rig)).toEqual([["CSMSRootCertificate", "ab01"], ["ManufacturerRootCertificate", "5"]]);
		expect(await listed(rig, ["ManufacturerRootCertificate"])).toEqual([["ManufacturerRootCertificate", "5"]]);
		expect(await listed(rig, ["CSMSRootCertificate", "ManufacturerRootCertificate"])).toHaveSize(2);
		expect(await listed(rig, ["V2GRootCertificate", "MORootCertificate", "V2GCertificateChain"])).toEqual([]);
		const answer = await rig.call("GetInstalledCertificateIds", { certificateType: ["CSMSRootCertificate"] });
		expect(answer.certificateHashDataChain[0].certificateHashData).toEqual(hashDataOf(csms, "ab01"));
	});

	it("M05.FR.02 M05.FR.17 an installed root is there after a power cut; M05 installing it again is Accepted and takes no room", async () => {
		const rig = await open();
		const a = root("a", { serial: [9] });
		expect(await install(rig, a.pem)).toBe("Accepted");
		expect(await install(rig, a.pem.replace(/\n/g, "\r\n"))).toBe("Accepted");
		expect(await rig.get("SecurityCtrlr.CertificateEntries")).toBe("1");
		await rig.powerCut();
		expect(await listed(rig)).toEqual([["CSMSRootCertificate", "9"]]);
		expect(await install(rig, a.pem, "ManufacturerRootCertificate")).toBe("Accepted");
		expect(await rig.get("SecurityCtrlr.CertificateEntries")).toBe("2");
	});

	it("M05.FR.06 a full vault rejects with OutOfStorage, at the number that CertificateEntries announces", async () => {
		const rig = await open();
		const report = await rig.call("GetBaseReport", { requestId: 1, reportBase: "FullInventory" });
		expect(report.status).toBe("Accepted");
		await rig.settle();
		const rows = (await rig.told<any>("NotifyReport", 1)).flatMap((m) => m.reportData);
		const row = rows.find((r) => r.variable.name === "CertificateEntries");
		const most = row.variableCharacteristics.maxLimit;
		expect(most).toBe(4);
		for (let i = 0; i < most; i++) expect(await install(rig, root(`r${i}`).pem)).toBe("Accepted");
		const answer = await rig.call("InstallCertificate", { certificateType: "CSMSRootCertificate", certificate: root("more").pem });
		expect(answer).toEqual({ status: "Rejected", statusInfo: { reasonCode: "OutOfStorage" } });
		expect(await rig.get("SecurityCtrlr.CertificateEntries")).toBe(String(most));
	});

	it("M05.FR.07 what is no sound root is Rejected: form, dates, strength, signature, issuer, and more than one", async () => {
		const rig = await open();
		const good = root("good");
		const other = root("other");
		const now = rig.nowMs();
		const bad: { [what: string]: string } = {
			text: "no certificate", empty: "", key: pemOf(good.der, "PUBLIC KEY"), cut: pemOf(good.der.subarray(0, -1)),
			longer: pemOf(Buffer.concat([good.der, Buffer.of(0)])), two: good.pem + other.pem, behind: good.pem + "x",
			expired: root("e", { from: now - 2e10, to: now - 1000 }).pem, forged: root("f", { forged: true }).pem,
			"another's": issue({ commonName: "leaf", issuer: good, isCa: true }).pem, "no CA": issue({ commonName: "n" }).pem,
			serial: root("s", { serial: [1, ...new Array(20).fill(7)] }).pem, negative: root("n", { serial: [0x80] }).pem,
		};
		for (const [what, pem] of Object.entries(bad)) {
			const answer = await rig.call("InstallCertificate", { certificateType: "CSMSRootCertificate", certificate: pem });
			expect(answer).withContext(what).toEqual({ status: "Rejected", statusInfo: { reasonCode: "InvalidCertificate" } });
		}
		expect(await listed(rig)).toEqual([]);
		expect(await install(rig, root("future", { from: now + 1e9 }).pem)).toBe("Accepted");
		expect(await install(rig, root("rsa", { key: rsaKey() }).pem)).toBe("Accepted");
	});

	it("M05 a certificate of 5,500 characters is installed", async () => {
		const rig = await open();
		let padding = 3300;
		let big = root("big", { padding });
		while (big.pem.length <= 5400) big = root("big", { padding: (padding += 60) });
		expect(big.pem.length).toBeLessThanOrEqual(5500);
		expect(await install(rig, big.pem)).toBe("Accepted");
		expect(await listed(rig)).toHaveSize(1);
	});

	it("M05 V2G and MO roots are Rejected", async () => {
		const rig = await open();
		for (const type of ["V2GRootCertificate", "MORootCertificate"]) expect(await install(rig, root("v").pem, type)).toBe("Rejected");
		expect(await listed(rig)).toEqual([]);
	});

	it("M04.FR.02 M04.FR.03 a root is deleted by its hash data, without regard to case; an unknown one is NotFound", async () => {
		const rig = await open();
		const a = root("a", { serial: [0x0a, 0xbc] });
		const b = root("b", { serial: [0x0a, 0xbc] });
		await install(rig, a.pem);
		await install(rig, b.pem, "ManufacturerRootCertificate");
		const upper = Object.fromEntries(Object.entries(hashDataOf(a, "0abc")).map(([k, v]) => [k, (v as string).toUpperCase()]));
		expect(await remove(rig, hashDataOf(root("c"), "abc"))).toBe("NotFound");
		expect(await remove(rig, hashDataOf(a, "abd"))).toBe("NotFound");
		expect(await remove(rig, upper)).toBe("Accepted");
		expect(await remove(rig, upper)).toBe("NotFound");
		expect(await listed(rig)).toEqual([["ManufacturerRootCertificate", "abc"]]);
		expect(await remove(rig, hashDataOf(b, "abc"))).toBe("Accepted");
		await rig.powerCut();
		expect(await listed(rig)).toEqual([]);
	});

	it("M05.FR.07 of 300 mutations sent by the CSMS none is installed, and the station lives on", async () => {
		const rig = await open();
		const good = root("good").der;
		let state = 99;
		const random = (below: number): number => {
			state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
			return Math.floor((state / 4294967296) * below);
		};
		for (let i = 0; i < 300; i++) {
			const bytes = Buffer.from(good);
			for (let n = 1 + random(3); n > 0; n--) bytes[random(bytes.length)] ^= 1 + random(255);
			if (bytes.equals(good)) continue;
			const answer = await rig.csms.call("InstallCertificate", { certificateType: "CSMSRootCertificate", certificate: pemOf(bytes) });
			expect((answer as any).status).withContext(bytes.toString("hex")).toBe("Rejected");
		}
		expect(await listed(rig)).toEqual([]);
	});
});
