// The desktop station as a process: arguments, control port, signals, exit codes.
// 0 after a clean end, 1 after a crash, 2 for arguments or a store that cannot be used.

import { StoreProblem } from "../board/board-memory.js";
import { BadArgument, stationArguments } from "./arguments.js";
import { assemble, firmwareVersion } from "./assemble.js";
import { ControlServer } from "./control.js";
import type { Desktop } from "./desktop.js";

const USAGE = `usage: scripts/station --url <ws(s) endpoint without identity> --id <identity> [--password <text>]
       --store <dir> [--ca <pem file>] [--ctl <port|0>] [--evses <n>] [--seed <n>] [--engine node|xs] [--profile 1|2|3]
Values for url, id, password, profile and evses are used while the store is empty; afterwards the store's are.
`;

/** One line that tells a person what is wrong, whatever was thrown. */
export function lineOf(error: unknown): string {
	const text = error instanceof Error ? error.message : String(error);
	return text.replace(/\s*\n\s*/g, " ").trim() || "unknown error";
}

/** Runs scripts/station. @param argv  without the program's own two */
export async function main(argv: readonly string[]): Promise<void> {
	if (argv.includes("--help")) {
		process.stdout.write(USAGE);
		return;
	}
	let control: ControlServer | undefined;
	let desktop: Desktop;
	let port: number | undefined;
	try {
		const args = stationArguments(argv);
		desktop = await assemble(args, firmwareVersion(), {
			onEvent: (event) => control?.broadcast(event),
			onCrash: (error) => {
				process.stderr.write(`station: crash: ${error instanceof Error ? error.stack : String(error)}\n`);
				process.exitCode = 1;
				control?.close();
				// The reason is written; a socket that does not end must not keep a dead station.
				setTimeout(() => process.exit(1), 200).unref();
			},
		});
		control = new ControlServer(desktop);
		if (args.ctl !== undefined) port = await listen(control, args.ctl);
	} catch (error) {
		process.stderr.write(`station: ${lineOf(error)}\n`);
		process.exit(error instanceof BadArgument || error instanceof StoreProblem ? 2 : 1);
	}
	process.on("uncaughtException", (error) => desktop.crash(error));
	process.on("unhandledRejection", (error) => desktop.crash(error));
	const end = (): void => {
		desktop.stop();
		control?.close();
		// What is still on its way gets a moment; then the process ends whatever holds it.
		setTimeout(() => process.exit(0), 200).unref();
	};
	process.once("SIGTERM", end);
	process.once("SIGINT", end);
	if (port !== undefined) process.stdout.write(`CTL ${port}\n`);
	desktop.powerOn();
}

async function listen(control: ControlServer, port: number): Promise<number> {
	try {
		return await control.listen(port);
	} catch (error) {
		throw new BadArgument(`--ctl ${port} cannot be used (${(error as NodeJS.ErrnoException).code})`);
	}
}
