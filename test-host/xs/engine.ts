// Which engine runs the firmware: Node's, or XS in the test host. Everything else of a desktop station is the same.

import { join } from "node:path";
import "../board/xs-globals.js";
import { Station } from "../../modules/station/station.js";
import type { MakeFirmware } from "../station/desktop.js";
import { creationOn, projectRoot, XsStation, type Creation, type XsProgram } from "./xs-station.js";

export const ENGINES = ["node", "xs"] as const;
export type EngineName = (typeof ENGINES)[number];

/** 32 bits as on a device, 64, 64 with a watch over each access; 32 unless that has to be emulated, else 64. */
export type XsVariant = 32 | 64 | "asan" | "quick";

/** What ships, or the modules as they are in the sources. */
export type XsBuildName = "release" | "development";

/** Record buffers of mbedTLS, plain bytes. */
export interface TlsBuffers {
	input: number;
	output: number;
}

interface XsBuild {
	prepare(variant: XsVariant, say: ((line: string) => void) | undefined, tls: boolean | TlsBuffers, build: XsBuildName): Promise<XsProgram>;
}

/**
 * What the test host needs, built if it is not there.
 * @param tls  true for a host that speaks TLS with the library as it is, or the lengths of buffers that it is compiled with (32 bits)
 * @param build  which form of the firmware
 * @throws Error with one line when a tool is missing
 */
export function prepareXs(
	variant: XsVariant = 32, say?: (line: string) => void, tls: boolean | TlsBuffers = false, build: XsBuildName = "release",
): Promise<XsProgram> {
	// A program of the SDK behind the same pipes (scripts/check-moddable.ts): it has its modules in itself.
	const built = process.env.STATION_XS_PROGRAM;
	if (built !== undefined) return Promise.resolve({ host: built, bits: 64, root: "", list: "", main: "" });
	const xs = require(join(projectRoot(), "scripts", "xs.cjs")) as XsBuild;
	return xs.prepare(variant, say, tls, build);
}

/** The host with TLS; without it, and a line that says so, where mbedTLS cannot be had. */
async function prepareSpeaking(variant: XsVariant, say?: (line: string) => void): Promise<XsProgram> {
	try {
		return await prepareXs(variant, say, true);
	} catch (error) {
		if (process.env.CI !== undefined) throw error;
		const program = await prepareXs(variant, say);
		say?.(`without TLS: ${(error as Error).message}`);
		return program;
	}
}

/** Memory of a desktop station on XS unless told otherwise: enough for every case; budget.json has the least. */
export const DESKTOP_CREATION: Creation = { static: 65536, stack: 640 };

/** The same for a host that watches each access, where each chunk is an allocation of its own. */
export const STRESS_CREATION: Creation = { static: 262_144, stack: 1024 };

/** Makes the firmware of an engine. @param how  where XS runs, and who is told about progress */
export async function firmwareMaker(
	engine: EngineName, how: { variant?: XsVariant; say?: (line: string) => void } = {},
): Promise<MakeFirmware> {
	if (engine === "node") return (host) => new Station(host);
	// The stress run takes the same cases through a host that watches every access.
	const stress = process.env.STATION_XS_STRESS !== undefined;
	const program = await prepareSpeaking(stress ? "asan" : how.variant ?? 32, how.say);
	const creation = stress ? STRESS_CREATION : creationOn(program, DESKTOP_CREATION);
	return (host) => new XsStation(host, { creation, stress, program });
}
