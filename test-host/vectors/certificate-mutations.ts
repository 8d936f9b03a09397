// Certificates that went wrong on the way: bits flipped, bytes changed, left out and put in, at random from a seed. What reads as one
// after that must be caught by its signature; nothing may throw, and no range may lie outside of the bytes.

import { Certificate, namesHost, parseCertificate } from "../../modules/core/der.js";
import { NodeCrypto } from "../board/crypto-node.js";
import { Dice } from "../sim/dice.js";

export interface MutationCount {
	tried: number;
	/** Those that still read as a certificate, and how many of these had their signature checked. */
	formed: number;
	verified: number;
	/** What went wrong, one line each; empty when all is well. */
	wrong: string[];
}

/** One to three changes at random places. */
export function mutated(sample: Buffer, dice: Dice): Buffer {
	let bytes = Buffer.from(sample);
	for (let n = 1 + dice.below(3); n > 0; n--) {
		const at = dice.below(bytes.length);
		const what = dice.below(4);
		if (what === 0) bytes[at] ^= 1 << dice.below(8);
		else if (what === 1) bytes[at] = dice.below(256);
		else if (what === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + dice.below(4))]);
		else bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(dice.below(256)), bytes.subarray(at)]);
	}
	return bytes;
}

/**
 * Tries `count` mutations of the samples, which are certificates issued by themselves.
 * @param verifyEvery  of so many that still read as a certificate one has its signature checked
 */
export function tryMutations(samples: readonly Buffer[], count: number, seed: string, verifyEvery: number): MutationCount {
	const dice = new Dice(`certificates/${seed}`);
	const crypto = new NodeCrypto();
	const c = new Certificate();
	const result: MutationCount = { tried: 0, formed: 0, verified: 0, wrong: [] };
	for (let round = 0; round < count; round++) {
		const sample = samples[round % samples.length];
		const bytes = mutated(sample, dice);
		if (bytes.equals(sample)) continue;
		result.tried++;
		try {
			if (!parseCertificate(bytes, 0, bytes.length, c)) continue;
			const ranges = [[c.issuerFrom, c.issuerTo], [c.keyFrom, c.keyTo], [c.serialFrom, c.serialTo], [c.spkiFrom, c.spkiTo], [c.signatureFrom, c.signatureTo]];
			if (!ranges.every(([from, to]) => from >= 0 && from <= to && to <= bytes.length)) result.wrong.push(`range: ${bytes.toString("hex")}`);
			namesHost(bytes, c, "a.example");
			if (++result.formed % verifyEvery !== 0) continue;
			result.verified++;
			const isSigned = crypto.verify(
				c.signatureKind, bytes, c.spkiFrom, c.spkiTo, bytes, c.tbsFrom, c.tbsTo, bytes, c.signatureFrom, c.signatureTo,
			);
			if (isSigned) result.wrong.push(`signed: ${bytes.toString("hex")}`);
		} catch (error) {
			result.wrong.push(`${(error as Error).message}: ${bytes.toString("hex")}`);
		}
	}
	return result;
}
