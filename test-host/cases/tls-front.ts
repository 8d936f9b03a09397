// TLS in front of the CSMS of a rig, for the cases: a server whose certificate, versions and suites can be changed while its
// address stays, and the steps by which a station comes to use it.

import * as net from "node:net";
import * as tls from "node:tls";
import { issue, type Issued } from "./pki.js";
import type { Rig } from "./rig.js";

/** The root that the stations of the cases trust. */
export const ROOT = issue({ commonName: "Root", isCa: true });
/** Variables with which a station tries again each second. */
export const QUICK = {
	"OCPPCommCtrlr.RetryBackOffWaitMinimum": "1", "OCPPCommCtrlr.RetryBackOffRandomRange": "0", "OCPPCommCtrlr.RetryBackOffRepeatTimes": "0",
};

/** A server for 127.0.0.1, under ROOT unless told otherwise. */
export const serverFor = (wish: object = {}): Issued => issue({ commonName: "127.0.0.1", issuer: ROOT, ...wish });

export class Front {
	/** Attempts to connect, and those of which the TLS handshake was completed. */
	attempts = 0;
	connections = 0;
	/** First bytes of each connection after the handshake, up to the end of the HTTP header. */
	readonly heads: string[] = [];
	/** Certificate of the client of each connection, in DER; undefined where it showed none. */
	readonly clients: (Buffer | undefined)[] = [];
	private server!: tls.Server;
	private readonly open = new Set<net.Socket>();
	private readonly target: number;
	private port = 0;

	private constructor(rig: Rig) {
		this.target = Number(new URL(rig.csms.url).port);
	}

	static async open(rig: Rig, own: Issued, options: tls.TlsOptions = {}): Promise<Front> {
		const front = new Front(rig);
		await front.listen(own, options);
		return front;
	}

	get url(): string {
		return `wss://127.0.0.1:${this.port}/ocpp`;
	}

	/** Cuts all connections and goes on at the same port as another server. */
	async become(own: Issued, options: tls.TlsOptions = {}): Promise<void> {
		await this.close();
		await this.listen(own, options);
	}

	private async listen(own: Issued, options: tls.TlsOptions): Promise<void> {
		const server = (this.server = tls.createServer({ key: own.keyPem, cert: own.pem, ...options }, (secure) => this.serve(secure)));
		server.on("connection", (socket: net.Socket) => {
			this.attempts++;
			this.open.add(socket);
			socket.on("close", () => this.open.delete(socket));
		});
		server.on("tlsClientError", () => undefined);
		await new Promise<void>((done) => server.listen(this.port, "127.0.0.1", done));
		this.port = (server.address() as net.AddressInfo).port;
	}

	private serve(secure: tls.TLSSocket): void {
		this.connections++;
		this.clients.push(secure.getPeerX509Certificate()?.raw);
		secure.once("data", (head: Buffer) => this.heads.push(head.toString("latin1")));
		const plain = net.connect(this.target, "127.0.0.1");
		for (const [from, to] of [[secure, plain], [plain, secure]] as [net.Socket, net.Socket][]) {
			from.on("error", () => to.destroy());
			from.on("close", () => to.end());
			from.pipe(to);
		}
	}

	/** Ends all connections and the server. */
	async close(): Promise<void> {
		for (const socket of this.open) socket.destroy();
		await new Promise((done) => this.server.close(done));
	}
}

export async function setProfile(rig: Rig, slot: number, url: string, securityProfile: number): Promise<string> {
	const connectionData = {
		ocppVersion: "OCPP20", ocppTransport: "JSON", ocppCsmsUrl: url, messageTimeout: 30, securityProfile, ocppInterface: "Wired0",
	};
	return (await rig.call("SetNetworkProfile", { configurationSlot: slot, connectionData })).status;
}

export const install = async (rig: Rig, pem: string): Promise<string> =>
	(await rig.call("InstallCertificate", { certificateType: "CSMSRootCertificate", certificate: pem })).status;

/** From profile 1 to 2 over slot 2. */
export async function upgrade(rig: Rig, front: Front): Promise<void> {
	expect(await setProfile(rig, 2, front.url, 2)).toBe("Accepted");
	expect(await install(rig, ROOT.pem)).toBe("Accepted");
	expect(await rig.set("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1")).toBe("Accepted");
	await rig.powerCut();
}

/** Lets the board's time pass slowly until something is so: a handshake takes real time. */
export async function passUntil(rig: Rig, isSo: () => boolean, what: string): Promise<void> {
	for (let step = 0; !isSo(); step++) {
		if (step > 600) throw new Error(`no ${what}`);
		await rig.advance(100);
		await new Promise((done) => setTimeout(done, 5));
	}
	await rig.settle();
}

/** Lets `ms` of the board's time pass slowly enough for what is said under TLS to be answered in time on any engine. */
export async function passSlowly(rig: Rig, ms: number): Promise<void> {
	for (let passed = 0; passed < ms; passed += 1000) {
		await rig.advance(1000);
		await new Promise((done) => setTimeout(done, 5));
	}
}
