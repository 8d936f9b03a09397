// What TLS and signatures take of a device's system heap: counted in the test host on XS, 32 bits, at every allocation of mbedTLS
// (Debian's library, 2.28), with a server of this process. `npm run budget` prints it. The lengths of the record buffers are
// fixed when the library is compiled, so its record layer is compiled for each row, from Debian's sources.

import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import "../test-host/board/xs-globals.js";
import { SocketError } from "../modules/ports/events.js";
import { issue, type Issued } from "../test-host/cases/pki.js";
import { ended, identity, NOW, serve } from "../test-host/cases/tls-cases.js";
import { prepareXs, type TlsBuffers } from "../test-host/xs/engine.js";
import { authority, SigningBench } from "../test-host/xs/signing.js";
import { XsTlsClient } from "../test-host/xs/tls-client.js";
import { endIdleEngines, type XsProgram } from "../test-host/xs/xs-station.js";

const BUFFERS: readonly TlsBuffers[] = [
	{ input: 16_384, output: 16_384 }, { input: 16_384, output: 2048 }, { input: 4096, output: 2048 }, { input: 2048, output: 2048 },
];
/** Longest max_fragment_length. */
const FRAGMENT_MAX = 4096;
/** Longer ones are not tried; the library takes eight issuers at most. */
const CHAIN_MAX = 8;
/** A chain as public CAs have it: the server's certificate and that of its issuer; the root is the station's. */
const CHAIN_USUAL = 2;

/** A row: bytes of the system heap. Peaks are those of the handshake, undefined where the usual chain does not fit. */
interface TlsTake {
	buffers: TlsBuffers;
	steady: number;
	peakEc: number;
	peakRsa: number | undefined;
	/** Longest chains that fit, in certificates and bytes, with keys as usual and nothing but names in them. */
	chainEc: number;
	chainRsa: number;
}

/** What a step takes while it lasts: of the system heap, and of the script's. */
interface StepTake {
	name: string;
	system: number;
	script: number;
}

export interface TlsFigures {
	rows: TlsTake[];
	steps: StepTake[];
	/** Kept from one connection to the next: the session. */
	kept: number;
	/** Bytes of the script's heap while a connection stands, and what stays of it. */
	heap: number;
	heapKept: number;
	/** The C of modules/transport/tls at 32 bits: code and constants, RAM. */
	code: number;
	ram: number;
}

interface Chain {
	root: Issued;
	/** What the server shows, its own first. */
	shown: Issued[];
}

/** A server's certificate under a root, `count` certificates on the wire. */
function chain(rsa: boolean, count: number): Chain {
	const root = issue({ commonName: "Root", isCa: true, rsa });
	const shown: Issued[] = [];
	let issuer = root;
	for (let i = 1; i < count; i++) {
		issuer = issue({ commonName: `Between ${i}`, isCa: true, issuer, rsa });
		shown.unshift(issuer);
	}
	shown.unshift(issue({ commonName: "localhost", alternative: ["localhost"], issuer, rsa }));
	return { root, shown };
}

interface Take {
	steady: number;
	peak: number;
	kept: number;
	heap: number;
	heapKept: number;
}

/** One connection; undefined where the chain is too long for the buffer. */
async function take(program: XsProgram, { input }: TlsBuffers, { root, shown }: Chain): Promise<Take | undefined> {
	const { server: listening, port } = await serve({ ...identity(shown[0], ...shown.slice(1)), maxVersion: "TLSv1.2" });
	const client = new XsTlsClient(program);
	try {
		const before = client.memory(true);
		// As long as it can be: 2.28 does not put together what comes in several records.
		const settings = { inputBytes: input, fragmentBytes: Math.min(input, FRAGMENT_MAX) };
		const error = await client.connect(port, { roots: [root.der], utcMs: NOW, floorMs: NOW }, settings);
		if (error === SocketError.recordTooLarge) return undefined;
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

/** The most certificates of a chain that fit. */
async function longest(program: XsProgram, buffers: TlsBuffers, rsa: boolean): Promise<number> {
	let count = 0;
	while (count < CHAIN_MAX && (await take(program, buffers, chain(rsa, count + 1))) !== undefined) count++;
	return count;
}

/** What certificates cost besides connections: each step on the way to one of the station's own. */
function steps(program: XsProgram): StepTake[] {
	const found: StepTake[] = [];
	for (const rsa of [false, true]) {
		const who = authority(rsa);
		const kind = rsa ? "RSA-2048" : "ECDSA";
		const bench = new SigningBench({ program, creation: { static: 65_536, stack: 1024 } });
		const step = (name: string, what: () => boolean): void => {
			let isDone = false;
			const { extra, tls } = bench.peak(() => (isDone = what()));
			if (!isDone) throw new Error(`${name}: refused`);
			found.push({ name, system: tls, script: extra });
		};
		try {
			bench.accept();
			step(`InstallCertificate, signature ${kind}`, () => bench.install(who) === "Accepted");
			const request = (): boolean => bench.trigger() === "Accepted" && bench.advance(1000) === undefined && bench.csr !== undefined;
			if (rsa) request();
			else step("SignCertificate, key and signature P-256", request);
			const signed = bench.chain(who);
			step(`CertificateSigned, two signatures ${kind}`, () => bench.signed(signed) === "Accepted");
		} finally {
			bench.end();
			endIdleEngines();
		}
	}
	return found;
}

/** Figures, or undefined and the reason where mbedTLS cannot be had. */
export async function tlsFigures(say: (line: string) => void): Promise<TlsFigures | undefined> {
	try {
		const program = await prepareXs(32, say, true);
		const rows: TlsTake[] = [];
		const usual = { ec: chain(false, CHAIN_USUAL), rsa: chain(true, CHAIN_USUAL) };
		let first: Take | undefined;
		for (const buffers of BUFFERS) {
			const compiled = await prepareXs(32, say, buffers);
			const ec = await take(compiled, buffers, usual.ec);
			if (ec === undefined) throw new Error("an ECDSA chain does not fit");
			first ??= ec;
			rows.push({
				buffers, steady: ec.steady, peakEc: ec.peak, peakRsa: (await take(compiled, buffers, usual.rsa))?.peak,
				chainEc: await longest(compiled, buffers, false), chainRsa: await longest(compiled, buffers, true),
			});
		}
		const { kept, heap, heapKept } = first as Take;
		const objects = ["tls.o", "crypto.o"].map((name) => join(dirname(program.host), name));
		const sizes = execFileSync("size", objects, { encoding: "utf8" }).trim().split("\n").slice(1).map((line) => line.trim().split(/\s+/).map(Number));
		const sum = (column: number): number => sizes.reduce((total, size) => total + size[column], 0);
		return { rows, steps: steps(program), kept, heap, heapKept, code: sum(0), ram: sum(1) + sum(2) };
	} catch (error) {
		say(`TLS is not counted: ${(error as Error).message}`);
		return undefined;
	}
}

export const TLS_HEADS = ["input / output buffer", "steady", "handshake, ECDSA chain", "handshake, RSA-2048 chain", "longest chains, ECDSA / RSA"];
export const STEP_HEADS = ["step", "system's heap", "script's heap"];

const most = (count: number): string => (count < CHAIN_MAX ? String(count) : `${CHAIN_MAX} or more`);

/** Rows of the table of connections. */
export function tlsRows(figures: TlsFigures): (string | number)[][] {
	return figures.rows.map(({ buffers, steady, peakEc, peakRsa, chainEc, chainRsa }) =>
		[`${buffers.input} / ${buffers.output}`, steady, peakEc, peakRsa ?? "does not fit", `${most(chainEc)} / ${most(chainRsa)}`]);
}

/** Rows of the table of steps. */
export function stepRows(figures: TlsFigures): (string | number)[][] {
	return figures.steps.map(({ name, system, script }) => [name, system, script]);
}

/** What the tables leave out, in one paragraph. */
export function tlsRest({ kept, heap, heapKept, code, ram }: TlsFigures): string {
	return `Kept between connections: ${kept} bytes, the session. In the script's heap: ${heap} bytes while a connection stands, ${heapKept} after\n` +
		`the first one, 0 before it. \`tls.c\` and \`crypto.c\` compiled for 32 bits (i386): ${code} bytes of code and constants, ${ram} of RAM.`;
}
