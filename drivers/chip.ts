// What only C can reach: the random number generator of the chip, and the cause of the last start.
// Owns: nothing. The C side is chip.c beside it.
// Chance: on ESP32 and ESP8266 the hardware generator, which the vendor calls unpredictable while the radio is on; with
// the radio off it is a fair generator only. Linux: getrandom(). The SDK's crypt/rng.js is not used: it stretches 16
// bytes that are drawn once, and on Linux those come from an unseeded rand().

import type { Entropy } from "../modules/ports/entropy.js";

export class ChipEntropy implements Entropy {
	/** Throws when the generator refuses, which no known chip does. */
	fill(bytes: Uint8Array, from: number, to: number): void {
		if (!(from >= 0 && to <= bytes.length)) throw new RangeError("range");
		if (to > from) native("chip_entropy").call(this, bytes, from, to);
	}
}

/** RestartCause of this start as the chip knows it: powerUp, watchdog, applicationReset or unknown. */
export function restartCause(): number {
	return native("chip_cause").call(undefined);
}
