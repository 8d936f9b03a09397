// Seeds that once failed. Each line of seeds.txt is `<seed> <hours> <what it was>`; lines with # are for people.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface KeptSeed {
	seed: number;
	hours: number;
	what: string;
}

/** The lines of seeds.txt. @throws Error when one of them is no seed */
export function keptSeeds(root: string): KeptSeed[] {
	const text = readFileSync(join(root, "test-host", "sim", "seeds.txt"), "utf8");
	return text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#")).map((line) => {
		const parts = /^(\d+) ([\d.]+) (.+)$/.exec(line);
		if (parts === null) throw new Error(`seeds.txt: no seed: ${line}`);
		return { seed: Number(parts[1]), hours: Number(parts[2]), what: parts[3] };
	});
}
