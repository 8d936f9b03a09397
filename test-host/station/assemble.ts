// Puts a desktop station together from its arguments and its store: what scripts/station and npm start have in common.

import { X509Certificate } from "node:crypto";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import "../board/xs-globals.js";
import { BoardMemory, StoreProblem, type NamePlate } from "../board/board-memory.js";
import { DesktopClock } from "../board/clock.js";
import { NodeEntropy, SeededEntropy } from "../board/entropy.js";
import { FileFlash, FlashProblem } from "../board/flash-file.js";
import { NodeSocketMaker } from "../board/socket-node.js";
import { StoreFault } from "../../modules/station/station.js";
import { firmwareMaker } from "../xs/engine.js";
import { BadArgument, type StationArguments } from "./arguments.js";
import { Desktop, type DesktopOptions } from "./desktop.js";
import { Ledger } from "./ledger.js";

/** The data partition of the virtual board: 256 kB, as an ESP32 with 4 MB of flash can spare. */
const BLOCK_BYTES = 4096;
const BLOCKS = 64;
export const FLASH_FILE = "flash.bin";
/** A killed station may need a moment to disappear before its store is free. */
const STORE_WAIT_MS = 1000;
/** Part 2, ChargingStationType. */
const SERIAL_NUMBER_MAX = 25;

export interface AssembleOptions extends Pick<DesktopOptions, "onEvent" | "onMessage" | "onCrash" | "meterSpeed"> {}

/**
 * Makes the station; nothing is written before everything could be read.
 * @throws BadArgument or StoreProblem, with one line for a person
 */
export async function assemble(args: StationArguments, version: string, options: AssembleOptions): Promise<Desktop> {
	const makeFirmware = await firmwareMaker(args.engine, { say: (line) => process.stderr.write(`station: ${line}\n`) });
	openStore(args.store);
	const memory = BoardMemory.open(args.store, namePlate(args, version));
	const flash = openFlash(args.store);
	try {
		return new Desktop({
			...options,
			memory,
			ledger: new Ledger(args.store),
			clock: new DesktopClock(),
			entropy: args.seed === undefined ? new NodeEntropy() : new SeededEntropy(args.seed, memory.runs),
			flash,
			socket: new NodeSocketMaker(),
			makeFirmware,
			engine: args.engine,
		});
	} catch (error) {
		flash.close();
		throw error instanceof StoreFault ? new StoreProblem(error.message) : error;
	}
}

/** Version of the firmware: that of the package. */
export function firmwareVersion(): string {
	// From test-host/station as from build/node/test-host/station: the nearest package.json above is the project's.
	for (const up of ["../../package.json", "../../../../package.json"]) {
		try {
			return (require(up) as { version: string }).version;
		} catch {
			continue;
		}
	}
	return "0.0.0";
}

function namePlate(args: StationArguments, version: string): NamePlate | undefined {
	if (args.url === undefined || args.identity === undefined) return undefined;
	return {
		identity: args.identity,
		url: args.url,
		password: args.password,
		securityProfile: args.profile,
		vendorName: "OCPP Station",
		model: "Desktop",
		serialNumber: args.identity.slice(0, SERIAL_NUMBER_MAX),
		firmwareVersion: version,
		evses: args.evses,
		roots: args.ca === undefined ? undefined : [new Uint8Array(new X509Certificate(args.ca).raw)],
	};
}

function openStore(directory: string): void {
	try {
		mkdirSync(directory, { recursive: true });
		if (!statSync(directory).isDirectory()) throw new Error("it is no directory");
	} catch (error) {
		throw new BadArgument(`--store ${directory} cannot be used (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`);
	}
}

function openFlash(directory: string): FileFlash {
	const pause = new Int32Array(new SharedArrayBuffer(4));
	for (let waitedMs = 0; ; waitedMs += 50) {
		try {
			return new FileFlash(join(directory, FLASH_FILE), BLOCK_BYTES, BLOCKS);
		} catch (error) {
			if (!(error instanceof FlashProblem)) throw error;
			if (!/in use/.test(error.message) || waitedMs >= STORE_WAIT_MS) throw new StoreProblem(error.message);
			Atomics.wait(pause, 0, 0, 50);
		}
	}
}
