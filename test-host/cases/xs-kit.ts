// What the cases on XS share: the test host, or why they cannot run.

import { prepareXs, type TlsBuffers, type XsBuildName, type XsVariant } from "../xs/engine.js";
import type { XsProgram } from "../xs/xs-station.js";

/** Fetching, installing a compiler and compiling may take so long on a slow machine. */
const PREPARE_MS = 600_000;

/**
 * To be called in a describe(): the cases get the test host. Without a compiler they fail where CI is set, else they are
 * skipped with the reason.
 * @param tls  for a host that speaks TLS, see prepareXs(); what is missing may be mbedTLS then
 * @param build  which form of the firmware
 */
export function xsPerFile(variant: XsVariant = 32, tls: boolean | TlsBuffers = false, build: XsBuildName = "release"): () => XsProgram {
	let program: XsProgram | undefined;
	let missing = "";
	beforeAll(async () => {
		try {
			program = await prepareXs(variant, (line) => process.stderr.write(`${line}\n`), tls, build);
		} catch (error) {
			missing = (error as Error).message;
		}
	}, PREPARE_MS);
	beforeEach(() => {
		if (program !== undefined) return;
		if (process.env.CI !== undefined) fail(missing);
		else pending(missing);
	});
	return () => program as XsProgram;
}
