// The control port: one JSON object per line over loopback TCP, stimuli in, observations out. Every command ends at the
// virtual board; none reaches into the firmware.

import { createServer, type Server, type Socket } from "node:net";
import * as events from "../../modules/ports/events.js";
import { RestartCause } from "../../modules/ports/events.js";
import { numbersOf } from "../board/enums.js";
import type { EvseModel } from "../board/evse.js";
import { ID_TOKEN_MAX } from "../board/reader.js";
import type { Desktop, DesktopEvent } from "./desktop.js";

/** Version of the contract that is spoken here. */
const CONTRACT = 1;
/** Kinds of faults. */
const FAULTS = numbersOf(events, "FaultBit");
/** Longest request line; a longer one is answered "malformed" and skipped. */
const LINE_MAX = 65536;

/** The request cannot be carried out; the message is the error of the answer. */
class Refused extends Error {}

type Arguments = { readonly [name: string]: unknown };
type Command = (desktop: Desktop, args: Arguments) => unknown;

const ID_TOKEN_TYPES = ["Central", "eMAID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress", "NoAuthorization"] as const;

const COMMANDS: { readonly [cmd: string]: Command } = {
	hello: (desktop) => ({
		contract: CONTRACT,
		firmware: desktop.board.identity.firmwareVersion,
		engine: desktop.engine,
		evses: desktop.board.evses.map((evse, index) => ({
			id: index + 1,
			connectors: [1],
			lock: evse.hasLock,
			maxA: evse.milliampsMax / 1000,
			phases: evse.phases,
		})),
		caps: [...Object.keys(COMMANDS), "vclock"],
	}),
	plug: (desktop, args) => {
		connectorOf(desktop, args).plug();
	},
	unplug: (desktop, args) => {
		const evse = connectorOf(desktop, args);
		if (!evse.unplug(choice(args, "side", ["ev", "station"] as const, "ev"))) throw new Refused("the cable is locked");
	},
	token: (desktop, args) => {
		const idToken = args.idToken;
		if (typeof idToken !== "string" || idToken.length > ID_TOKEN_MAX) throw new Refused("bad argument: idToken");
		const evseIndex = args.evse === undefined ? -1 : indexOf(desktop, args);
		desktop.board.reader.present(idToken, choice(args, "type", ID_TOKEN_TYPES, "ISO14443"), evseIndex);
	},
	button: (desktop, args) => {
		evseOf(desktop, args).press(choice(args, "name", ["start", "stop"] as const) === "start");
	},
	ev: (desktop, args) => {
		const evse = evseOf(desktop, args);
		evse.ev(choice(args, "state", ["ready", "notReady"] as const) === "ready", optionalNumber(args, "amps"));
	},
	meter: (desktop, args) => {
		const evse = evseOf(desktop, args);
		const forced = { amps: optionalNumber(args, "amps"), volts: optionalNumber(args, "volts"), watts: optionalNumber(args, "watts") };
		if (!evse.meter(forced, optionalNumber(args, "wh"))) throw new Refused("the register only rises");
	},
	fault: (desktop, args) => {
		const bit = FAULTS[choice(args, "kind", Object.keys(FAULTS))];
		const isOn = flag(args, "on");
		// A fault of the station as a whole is felt at every EVSE.
		const evses = args.evse === undefined ? desktop.board.evses : [connectorOf(desktop, args)];
		for (const evse of evses) evse.fault(bit, isOn);
	},
	lock: (desktop, args) => {
		connectorOf(desktop, args).jamLock(flag(args, "jam"));
	},
	tamper: (desktop) => {
		desktop.board.tamper();
	},
	net: (desktop, args) => {
		if (flag(args, "up")) desktop.board.net.up();
		else desktop.board.net.down(choice(args, "mode", ["drop", "blackhole"] as const, "drop"));
	},
	clock: async (desktop, args) => {
		const setMs = optionalNumber(args, "setMs");
		const rate = optionalNumber(args, "rate");
		if (rate !== undefined && !(rate > 0)) throw new Refused("bad argument: rate");
		if (setMs !== undefined) desktop.clock.set(setMs);
		if (rate !== undefined) desktop.clock.rate = rate;
		await desktop.clock.advance(optionalNumber(args, "advanceMs") ?? 0);
		const nowMs = desktop.clock.utc();
		return { utcMs: Number.isNaN(nowMs) ? null : nowMs, rate: desktop.clock.rate };
	},
	storage: (desktop, args) => {
		const failWrites = optionalNumber(args, "failWrites");
		const freeBytes = optionalNumber(args, "freeBytes");
		const slowMs = optionalNumber(args, "slowMs");
		const { flash } = desktop.board;
		flash.failNext = failWrites ?? flash.failNext;
		flash.freeBytes = freeBytes ?? flash.freeBytes;
		flash.slowMs = slowMs ?? flash.slowMs;
	},
	restart: (desktop, args) => {
		const reason = choice(args, "reason", ["LocalReset", "Watchdog"] as const, "LocalReset");
		desktop.reboot(reason === "Watchdog" ? RestartCause.watchdog : RestartCause.localReset);
	},
	state: (desktop) => desktop.state(),
	ledger: (desktop, args) => {
		const since = typeof args.since === "string" ? Date.parse(args.since) : optionalNumber(args, "since");
		if (Number.isNaN(since)) throw new Refused("bad argument: since");
		return desktop.ledger.list(since);
	},
	log: (desktop, args) => desktop.board.log.last(optionalNumber(args, "n") ?? 100),
};

/** Serves any number of onlookers; events go to all of them. */
export class ControlServer {
	private readonly server: Server;
	private readonly connections = new Set<Socket>();

	constructor(private readonly desktop: Desktop) {
		this.server = createServer((socket) => this.serve(socket));
	}

	/**
	 * Listens on loopback.
	 * @param port  0 picks a free one
	 * @returns the port
	 */
	listen(port: number): Promise<number> {
		return new Promise((resolve, reject) => {
			this.server.once("error", reject);
			this.server.listen(port, "127.0.0.1", () => {
				this.server.off("error", reject);
				const address = this.server.address();
				resolve(typeof address === "object" && address !== null ? address.port : port);
			});
		});
	}

	/** Sends an event to everybody who is connected. */
	broadcast(event: DesktopEvent): void {
		const line = JSON.stringify(event) + "\n";
		for (const socket of this.connections) socket.write(line);
	}

	/** Ends after what was written is out. */
	close(): void {
		this.server.close();
		for (const socket of this.connections) socket.destroySoon();
	}

	private serve(socket: Socket): void {
		this.connections.add(socket);
		socket.setNoDelay(true);
		socket.setEncoding("utf8");
		let rest = "";
		let skipping = false;
		// Requests of one connection are answered in their order, also when one of them takes its time.
		let work: Promise<void> = Promise.resolve();
		const take = (line: string): void => {
			work = work.then(() => this.answer(socket, line));
		};
		socket.on("data", (text: string) => {
			const lines = (rest + text).split("\n");
			rest = lines.pop() ?? "";
			for (const line of lines) {
				if (!skipping && line.trim() !== "") take(line);
				skipping = false;
			}
			if (rest.length > LINE_MAX) {
				if (!skipping) take("");
				skipping = true;
				rest = "";
			}
		});
		socket.on("error", () => socket.destroy());
		socket.on("close", () => this.connections.delete(socket));
	}

	private async answer(socket: Socket, line: string): Promise<void> {
		const reply = await this.handle(line);
		if (!socket.destroyed) socket.write(JSON.stringify(reply) + "\n");
	}

	/** Carries out one request line. */
	async handle(line: string): Promise<object> {
		let request: { id?: unknown; cmd?: unknown; args?: unknown } | null;
		try {
			request = JSON.parse(line) as typeof request;
		} catch {
			request = null;
		}
		if (typeof request !== "object" || request === null || Array.isArray(request)) {
			return { id: null, ok: false, error: "malformed" };
		}
		const id = request.id ?? null;
		const cmd = request.cmd;
		const command = typeof cmd === "string" && Object.hasOwn(COMMANDS, cmd) ? COMMANDS[cmd] : undefined;
		if (command === undefined) return { id, ok: false, error: "unsupported" };
		const args = request.args ?? {};
		if (typeof args !== "object" || Array.isArray(args)) return { id, ok: false, error: "bad argument: args" };
		try {
			return { id, ok: true, result: (await command(this.desktop, args as Arguments)) ?? {} };
		} catch (error) {
			if (error instanceof Refused) return { id, ok: false, error: error.message };
			this.desktop.crash(error);
			return { id, ok: false, error: "crash" };
		}
	}
}

function indexOf(desktop: Desktop, args: Arguments): number {
	const evse = args.evse ?? 1;
	if (typeof evse !== "number" || !Number.isInteger(evse) || evse < 1 || evse > desktop.board.evses.length) {
		throw new Refused("bad argument: evse");
	}
	return evse - 1;
}

function evseOf(desktop: Desktop, args: Arguments): EvseModel {
	return desktop.board.evses[indexOf(desktop, args)];
}

function connectorOf(desktop: Desktop, args: Arguments): EvseModel {
	if ((args.connector ?? 1) !== 1) throw new Refused("bad argument: connector");
	return evseOf(desktop, args);
}

function choice<T extends string>(args: Arguments, name: string, values: readonly T[], otherwise?: T): T {
	const value = args[name] ?? otherwise;
	if (!values.includes(value as T)) throw new Refused(`bad argument: ${name}`);
	return value as T;
}

function flag(args: Arguments, name: string): boolean {
	const value = args[name];
	if (typeof value !== "boolean") throw new Refused(`bad argument: ${name}`);
	return value;
}

function optionalNumber(args: Arguments, name: string): number | undefined {
	const value = args[name];
	if (value === undefined || value === null) return undefined;
	if (typeof value !== "number" || !Number.isFinite(value) || value < 0) throw new Refused(`bad argument: ${name}`);
	return value;
}
