// The station as a headless Linux process on the SDK's own XS (mcconfig -p x-cli-lin), with a virtual bench in place of
// power hardware: the drivers are those of a dev kit, the pins are not. Runs one session against a CSMS and ends;
// `npm run check:moddable` starts it.
// Settings are environment variables: STATION_URL, STATION_ID, STATION_PASSWORD, STATION_ROOT (of the CSMS, for wss:
// DER in base64), STATION_STORE (file, made when it is missing), STATION_TOKEN, STATION_CHARGE_MS, STATION_TIMEOUT_MS,
// STATION_METER_SPEED.

import TCP from "embedded:io/socket/tcp";
import Time from "time";
import Timer from "timer";
import { ChipEntropy, restartCause } from "../../drivers/chip.js";
import { CableSwitch } from "../../drivers/cable-switch.js";
import { DeviceClock } from "../../drivers/clock.js";
import { Contactor } from "../../drivers/contactor.js";
import { Evse } from "../../drivers/evse.js";
import { settings } from "../../drivers/identity.js";
import { NumberLog } from "../../drivers/log.js";
import { MeterPzem004t } from "../../drivers/meter-pzem004t.js";
import { NoneLock } from "../../drivers/none/lock.js";
import type { Post } from "../../drivers/parts.js";
import { ReaderButton } from "../../drivers/reader-button.js";
import { TcpSockets } from "../../drivers/socket-tcp.js";
import run, { type Board } from "../../main.js";
import { EventCode } from "../../modules/ports/events.js";
import type { Host } from "../../modules/ports/host.js";
import { NativeCrypto } from "../../modules/transport/tls/crypto.js";
import { TlsSockets } from "../../modules/transport/tls/tls.js";
import { freeze } from "../../preload/freeze.js";
import { AUXILIARY, Bench, BUTTON, CABLE, COIL } from "./bench.js";
import { DesktopResolver, exit, FileFlash, setting } from "./desktop.js";
import { Session } from "./session.js";

const STORE_BLOCKS = 64;
// As an ESP32 has it.
const TLS = freeze({ inputBytes: 4096, fragmentBytes: 2048 });

/** The machine's time, moved by what the CSMS says; the machine itself is left alone. */
class DesktopClock extends DeviceClock {
	#offsetMs = 0;

	utc(): number {
		return Date.now() + this.#offsetMs;
	}

	set(utcMs: number): void {
		this.#offsetMs = utcMs - Date.now();
	}
}

function number(name: string, otherwise: number): number {
	const value = Number(setting(name, String(otherwise)));
	if (!(value > 0)) throw new Error("setting " + name + ": a number above 0 expected");
	return value;
}

function open(post: Post, wake: () => void): Host {
	const clock = new DesktopClock({ time: Time, now: Date.now });
	const chargeMs = number("STATION_CHARGE_MS", 3000);
	const timeoutMs = number("STATION_TIMEOUT_MS", 30_000);
	const meterSpeed = number("STATION_METER_SPEED", 1);
	const identity = settings({
		url: setting("STATION_URL", ""),
		identity: setting("STATION_ID", ""),
		basicAuthPassword: setting("STATION_PASSWORD", ""),
		csmsRoot: setting("STATION_ROOT", ""),
	}, "Desktop XS", (text) => Uint8Array.fromBase64(text));
	const flash = new FileFlash(setting("STATION_STORE", "station.store"), STORE_BLOCKS);
	const timer = Timer;
	const bench = new Bench({ timer, now: Date.now, meterSpeed });
	const io = bench.digital;
	const evse = new Evse({
		evseIndex: 0,
		phases: 1,
		milliampsMax: 16_000,
		connectorType: "cType2",
		post,
		timer,
		contactor: { io: Contactor, output: { io, pin: COIL, mode: 0 }, auxiliary: { io, pin: AUXILIARY, mode: 0 } },
		meter: { io: MeterPzem004t, sensor: { io: bench.serial }, periodMs: 250 },
		pilot: { io: CableSwitch, input: { io, pin: CABLE, mode: 0 } },
		lock: { io: NoneLock },
	});
	const reader = new ReaderButton({
		input: { io, pin: BUTTON, mode: 0 },
		timer,
		idToken: setting("STATION_TOKEN", "04A2B3C4"),
		onToken: () => post(EventCode.tokenPresented, -1, 0),
	});
	const session = new Session({ bench, timer, chargeMs, timeoutMs });
	return {
		clock,
		entropy: new ChipEntropy(),
		flash,
		socket: new TlsSockets(new TcpSockets({ io: TCP, resolver: new DesktopResolver(), timer }), TLS),
		evses: [evse],
		reader,
		log: new NumberLog({ write: (line) => trace(line) }),
		crypto: new NativeCrypto(),
		identity,
		observer: session,
		restart: () => exit(0, ""),
		wake,
	};
}

const board: Board = freeze({
	open,
	cause: restartCause,
	refused: (reason) => exit(2, reason),
	crashed: (reason) => exit(1, "station failed: " + reason),
});

export default function main(): void {
	run(board);
}
