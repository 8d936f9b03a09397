// What a TLS connection takes of a device's system heap: counted in the test host on XS, 32 bits, at every allocation of mbedTLS
// (Debian's library, 2.28), with a server of this process. `npm run budget` prints it. The library's record buffers have
// the length that it was compiled with; what shorter ones save is their difference, to the byte.

import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import "../test-host/board/xs-globals.js";
import { issue, type Issued } from "../test-host/cases/pki.js";
import { ended, identity, NOW, serve } from "../test-host/cases/tls-cases.js";
import { prepareXs } from "../test-host/xs/engine.js";
import { XsTlsClient } from "../test-host/xs/tls-client.js";
import { endIdleEngines, type XsProgram } from "../test-host/xs/xs-station.js";

/** Record buffers of Debian's library, plain bytes, and those of the table: input, output. */
const COMPILED = 16_384;
export const BUFFERS: readonly (readonly [number, number])[] = [[COMPILED, COMPILED], [COMPILED, 2048], [4096, 2048], [2048, 2048]];

/** Bytes of the system heap. */
export interface TlsTake {
	/** While the connection stands. */
	steady: number;
	/** The most during the handshake. */
	peak: number;
}

export interface TlsFigures {
	/** With the library's own buffers: chains of server, intermediate and root. */
	ecdsa: TlsTake;
	rsa: TlsTake;
	/** Kept from one connection to the next: the session. */
	kept: number;
	/** Bytes of the script's heap while a connection stands, and what stays of it. */
	heap: number;
	heapKept: number;
	/** modules/transport/tls/tls.c at 32 bits: code and constants, RAM. */
	code: number;
	ram: number;
}

function chain(rsa: boolean): { root: Issued; server: Issued[] } {
	const root = issue({ commonName: "Root", isCa: true, rsa });
	const between = issue({ commonName: "Between", isCa: true, issuer: root, rsa });
	return { root, server: [issue({ commonName: "localhost", alternative: ["localhost"], issuer: between, rsa }), between] };
}

async function take(program: XsProgram, rsa: boolean): Promise<TlsTake & Pick<TlsFigures, "kept" | "heap" | "heapKept">> {
	const { root, server } = chain(rsa);
	const { server: listening, port } = await serve({ ...identity(server[0], server[1]), maxVersion: "TLSv1.2" });
	const client = new XsTlsClient(program);
	try {
		const before = client.memory(true);
		// A chain of RSA certificates is longer than a fragment of 2048, which 2.28 does not put together.
		const error = await client.connect(port, { roots: [root.der], utcMs: NOW, floorMs: NOW }, { inputBytes: COMPILED, fragmentBytes: 4096 });
		if (error !== 0) throw new Error(`the TLS client was refused with ${error}`);
		const open = client.memory();
		client.close();
		const after = client.memory();
		return {
			steady: open.tls - after.tls, peak: open.tlsPeak, kept: after.tls, heap: open.live - before.live, heapKept: after.live - before.live,
		};
	} finally {
		client.end();
		endIdleEngines();
		await ended(listening);
	}
}

/** Figures, or undefined and the reason where mbedTLS cannot be had. */
export async function tlsFigures(say: (line: string) => void): Promise<TlsFigures | undefined> {
	let program: XsProgram;
	try {
		program = await prepareXs(32, say, true);
	} catch (error) {
		say(`TLS is not counted: ${(error as Error).message}`);
		return undefined;
	}
	const ecdsa = await take(program, false);
	const rsa = await take(program, true);
	const [text, data, bss] = execFileSync("size", [join(dirname(program.host), "tls.o")], { encoding: "utf8" }).split("\n")[1].trim().split(/\s+/).map(Number);
	return { ecdsa, rsa, kept: Math.max(ecdsa.kept, rsa.kept), heap: ecdsa.heap, heapKept: ecdsa.heapKept, code: text, ram: data + bss };
}

/** Rows of the table in bytes: buffers, steady, peak with an ECDSA chain, peak with an RSA chain, and whether it was counted so. */
export function tlsRows(figures: TlsFigures): (string | number)[][] {
	return BUFFERS.map(([input, output]) => {
		const saved = 2 * COMPILED - input - output;
		return [`${input} / ${output}`, figures.ecdsa.steady - saved, figures.ecdsa.peak - saved, figures.rsa.peak - saved,
			saved === 0 ? "counted" : `counted, less ${saved} of buffers`];
	});
}
