// Chance as it is handed in: message ids, transaction ids, masks of WebSocket frames, back-off jitter.

export interface Entropy {
	/** Fills bytes[from, to) from a source that an outsider cannot predict. */
	fill(bytes: Uint8Array, from: number, to: number): void;
}
