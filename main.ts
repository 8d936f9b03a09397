// Puts the station on a board: builds the Host, makes the Station and owns the one Timer of the program.
// Exports a function, so that this module is preloaded like the others and its code stays in ROM. A board's module is
// the program's main (creation.main in its manifest) and calls run() of here with itself.
// Source: Moddable documentation/xs/preload.md "Preloading main"; docs/porting.md.

import Timer from "timer";
import type { Post } from "./drivers/parts.js";
import type { Host } from "./modules/ports/host.js";
import { Station } from "./modules/station/station.js";

/** What a folder under boards/ supplies. */
export interface Board {
	/**
	 * Makes the drivers. They report through `post`, from any callback; `wake` asks for a step soon. Throws when a pin, a
	 * partition or a setting is missing.
	 */
	open(post: Post, wake: () => void): Host;
	/** RestartCause of this start. */
	cause(): number;
	/** The station cannot start and nothing was overwritten: show why and stay idle with open contactors. */
	refused(reason: string): void;
	/** The program failed while running; contactors are open. Restarts, or ends. */
	crashed(reason: string): void;
}

// Longest time between two steps whatever the station asks for: a watch over the watch.
const STEP_MS_MAX = 60_000;

// Messages are written for people; a value that is no Error is shown as it is.
function reasonOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}

/** Starts the station on a board and returns; all that follows is called from the timer. */
export default function run(board: Board): void {
	let station: Station | undefined;
	let timer: Timer | undefined;
	let host: Host | undefined;
	let woken = false;

	const step = (): void => {
		woken = false;
		let waitMs: number;
		try {
			waitMs = (station as Station).step();
		} catch (error) {
			Timer.clear(timer);
			timer = undefined;
			const evses = (host as Host).evses;
			for (let i = 0; i < evses.length; i++) evses[i].release();
			board.crashed(reasonOf(error));
			return;
		}
		// Delay and repetition are equal, because the simulators' timer makes a second timer of two that differ.
		if (woken || !(waitMs >= 1)) waitMs = 1;
		else if (waitMs > STEP_MS_MAX) waitMs = STEP_MS_MAX;
		if (timer !== undefined) Timer.schedule(timer, waitMs, waitMs);
	};
	const wake = (): void => {
		if (woken) return;
		woken = true;
		if (timer !== undefined) Timer.schedule(timer, 1, 1);
	};
	const post: Post = (code, evseIndex, value) => {
		if (station === undefined) return false;
		const taken = station.post(code, evseIndex, value);
		wake();
		return taken;
	};

	try {
		host = board.open(post, wake);
		station = new Station(host);
		station.start(board.cause());
	} catch (error) {
		station = undefined;
		if (host !== undefined) for (let i = 0; i < host.evses.length; i++) host.evses[i].release();
		board.refused(reasonOf(error));
		return;
	}
	woken = true;
	timer = Timer.set(step, 1, 1);
}
