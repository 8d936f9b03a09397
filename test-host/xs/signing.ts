// How a station on XS comes to a certificate of its own, step by step on a bench: for the cases that refuse memory on the way,
// and for the figures of what each step takes.

import { createPublicKey } from "node:crypto";
import { issue, publicKeyOf, type Issued } from "../cases/pki.js";
import type { SignCertificateRequest } from "../../preload/payloads.js";
import { XsBench, type BenchOptions } from "./bench.js";

/** Who signs stations: a root, and what is between it and them. */
export interface Authority {
	root: Issued;
	between: Issued;
}

export function authority(rsa: boolean): Authority {
	const root = issue({ commonName: "Root", isCa: true, rsa });
	return { root, between: issue({ commonName: "Stations", isCa: true, issuer: root, rsa }) };
}

export class SigningBench extends XsBench {
	constructor(options: BenchOptions) {
		super(options);
		this.csms.answers.set("SignCertificate", () => ({ status: "Accepted" }));
	}

	/** Status of the answer to a CALL. */
	ask(action: string, payload: object): string {
		const [, , answer] = this.call(action, payload);
		return (answer as { status: string }).status;
	}

	install({ root }: Authority): string {
		return this.ask("InstallCertificate", { certificateType: "CSMSRootCertificate", certificate: root.pem });
	}

	trigger(): string {
		return this.ask("TriggerMessage", { requestedMessage: "SignChargingStationCertificate" });
	}

	/** The request that the station sent last. */
	get csr(): string | undefined {
		const sent = this.csms.messages.filter(({ fromStation, frame }) => fromStation && frame[2] === "SignCertificate");
		return (sent.at(-1)?.frame[3] as SignCertificateRequest | undefined)?.csr;
	}

	/** The certificate for that request, and its issuer's, as the CSMS sends them. */
	chain({ between }: Authority): string {
		const publicKey = publicKeyOf(this.csr as string);
		createPublicKey({ key: publicKey, format: "der", type: "spki" });
		return issue({ commonName: "CS001", issuer: between, publicKey }).pem + between.pem;
	}

	signed(chain: string): string {
		return this.ask("CertificateSigned", { certificateChain: chain });
	}
}
