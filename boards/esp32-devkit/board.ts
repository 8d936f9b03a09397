// ESP32-DevKitC with one EVSE on a bench: relay or contactor, PZEM-004T meter, a switch as plug sensor, the BOOT button
// as card reader. Wiring: docs/porting.md. The settings come from the command line of mcconfig (mc/config).
// Copy this folder for another ESP32 board: pins and parts are all that differs.

import Digital from "embedded:io/digital";
import Serial from "embedded:io/serial";
import TCP from "embedded:io/socket/tcp";
import WiFi from "embedded:network/interface/wifi";
import Flash from "flash";
import config from "mc/config";
import Time from "time";
import Timer from "timer";
import { CableSwitch } from "../../drivers/cable-switch.js";
import { ChipEntropy, restartCause } from "../../drivers/chip.js";
import { DeviceClock } from "../../drivers/clock.js";
import { Contactor } from "../../drivers/contactor.js";
import { Evse } from "../../drivers/evse.js";
import { Partition } from "../../drivers/flash-partition.js";
import { settings } from "../../drivers/identity.js";
import { NumberLog } from "../../drivers/log.js";
import { MeterPzem004t } from "../../drivers/meter-pzem004t.js";
import { NoneLock } from "../../drivers/none/lock.js";
import type { Post } from "../../drivers/parts.js";
import { ReaderButton } from "../../drivers/reader-button.js";
import { SystemResolver } from "../../drivers/resolver-system.js";
import { TcpSockets } from "../../drivers/socket-tcp.js";
import { resolve, restart } from "../../drivers/system.js";
import { WifiKeeper } from "../../drivers/wifi.js";
import run, { type Board } from "../../main.js";
import { EventCode } from "../../modules/ports/events.js";
import type { Host } from "../../modules/ports/host.js";
import { NativeCrypto } from "../../modules/transport/tls/crypto.js";
import { TlsSockets } from "../../modules/transport/tls/tls.js";
import { freeze } from "../../preload/freeze.js";

// Pins of the chip, GPIO numbers.
const COIL = 26;
const AUXILIARY = 27;
const CABLE = 33;
const BOOT_BUTTON = 0;
const METER_TX = 17;
const METER_RX = 16;
const METER_PORT = 2;

// CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN of sdkconfig/sdkconfig.defaults, and the fragment that is offered.
const TLS = freeze({ inputBytes: 4096, fragmentBytes: 2048 });

const both = Digital.Rising | Digital.Falling;

function open(post: Post, wake: () => void): Host {
	const timer = Timer;
	// The coil first: whatever is missing later, the contactor is held open from here on.
	const evse = new Evse({
		evseIndex: 0,
		phases: 1,
		milliampsMax: 16_000,
		connectorType: "cType2",
		post,
		timer,
		contactor: {
			io: Contactor,
			output: { io: Digital, pin: COIL, mode: Digital.Output },
			auxiliary: { io: Digital, pin: AUXILIARY, mode: Digital.InputPullUp, activeLow: true, edge: both },
		},
		meter: {
			io: MeterPzem004t,
			sensor: { io: Serial, port: METER_PORT, transmit: METER_TX, receive: METER_RX },
		},
		pilot: {
			io: CableSwitch,
			input: { io: Digital, pin: CABLE, mode: Digital.InputPullUp, activeLow: true, edge: both },
		},
		lock: { io: NoneLock },
	});
	const wifi = new WifiKeeper({
		io: WiFi,
		timer,
		ssid: config.ssid ?? "",
		password: config.password ?? "",
		onNetwork: () => wake(),
	});
	return {
		clock: new DeviceClock({ time: Time, now: Date.now }),
		entropy: new ChipEntropy(),
		flash: new Partition({ io: Flash, partition: "log" }),
		socket: new TlsSockets(
			new TcpSockets({ io: TCP, resolver: new SystemResolver(resolve), timer, isUp: () => wifi.up }), TLS,
		),
		evses: [evse],
		reader: new ReaderButton({
			input: { io: Digital, pin: BOOT_BUTTON, mode: Digital.InputPullUp, activeLow: true, edge: both },
			timer,
			idToken: config.idToken ?? "BUTTON",
			onToken: () => post(EventCode.tokenPresented, -1, 0),
		}),
		log: new NumberLog({ write: (line) => trace(line) }),
		crypto: new NativeCrypto(),
		identity: settings(config, "ESP32 DevKit", (text) => Uint8Array.fromBase64(text)),
		restart,
		wake,
	};
}

const board: Board = freeze({
	open,
	cause: restartCause,
	refused(reason) {
		trace("station refused to start: " + reason + "\n");
	},
	crashed(reason) {
		trace("station failed: " + reason + "\n");
		restart();
	},
});

export default function main(): void {
	run(board);
}
