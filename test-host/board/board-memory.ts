// What the board keeps in its store besides the flash image: the name plate it was born with, the meters' registers, and
// where the cables are, since a power cut neither resets a meter nor pulls a plug. One small file, replaced as a whole.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Identity } from "../../modules/ports/host.js";
import { newEvseMemory, type EvseMemory } from "./evse.js";

const FORMAT = 1;
const FILE = "board.json";

/** The store cannot be used as it is; the message is one line for a person. Nothing was written. */
export class StoreProblem extends Error {}

export interface NamePlate extends Identity {
	/** Number of EVSEs that the board has. */
	evses: number;
}

export class BoardMemory {
	private constructor(
		private readonly directory: string,
		readonly plate: NamePlate,
		readonly evses: EvseMemory[],
		/** Starts of this board, this one included. */
		readonly runs: number,
	) {}

	/**
	 * Opens the memory of a board, or makes it from `born` where the store is empty.
	 * @param born  undefined when the caller has no name plate; an empty store is then a StoreProblem
	 * @throws StoreProblem when the file is damaged or of a newer format
	 */
	static open(directory: string, born: NamePlate | undefined): BoardMemory {
		let text: string;
		try {
			text = readFileSync(join(directory, FILE), "utf8");
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw new StoreProblem(`store: ${(error as Error).message}`);
			if (born === undefined) throw new StoreProblem("store is empty: --url and --id are needed");
			const evses = Array.from({ length: born.evses }, newEvseMemory);
			return new BoardMemory(directory, born, evses, 1);
		}
		const content = parse(text);
		return new BoardMemory(directory, content.plate, content.evses, content.runs + 1);
	}

	/** Replaces the file; what was written survives the end of the process at any instant. */
	save(): void {
		const path = join(this.directory, FILE);
		const roots = this.plate.roots?.map((root) => Buffer.from(root).toString("base64"));
		const text = JSON.stringify({ format: FORMAT, plate: { ...this.plate, roots }, evses: this.evses, runs: this.runs }, undefined, "\t");
		writeFileSync(path + ".new", text + "\n", { mode: 0o600 });
		renameSync(path + ".new", path);
	}
}

function parse(text: string): { plate: NamePlate; evses: EvseMemory[]; runs: number } {
	let content: unknown;
	try {
		content = JSON.parse(text);
	} catch {
		throw new StoreProblem(`store is corrupt: ${FILE} is no JSON`);
	}
	const file = content as { format?: unknown; plate?: NamePlate; evses?: EvseMemory[]; runs?: unknown } | null;
	if (typeof file !== "object" || file === null || typeof file.format !== "number") {
		throw new StoreProblem(`store is corrupt: ${FILE} has no format`);
	}
	if (file.format > FORMAT) throw new StoreProblem(`store has the newer format ${file.format}; this program reads ${FORMAT}`);
	const { plate, evses, runs } = file;
	const sound = file.format === FORMAT && typeof runs === "number" && typeof plate === "object" && plate !== null &&
		typeof plate.identity === "string" && typeof plate.url === "string" && typeof plate.password === "string" &&
		Array.isArray(evses) && evses.length === plate.evses && evses.every((evse) => typeof evse?.energyWh === "number" &&
			evse.energyWh >= 0 && ["none", "station", "both"].includes(evse.cable));
	if (!sound) throw new StoreProblem(`store is corrupt: ${FILE} does not hold what it should`);
	const roots = (plate.roots as unknown as string[] | undefined)?.map((root) => new Uint8Array(Buffer.from(root, "base64")));
	return { plate: roots === undefined ? plate : { ...plate, roots }, evses, runs };
}
