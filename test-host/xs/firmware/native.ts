// The functions that the test host gives to the firmware (test-host/xs/ports.c). On a device the drivers stand here.

export interface NativeHost {
	ticks(): number;
	/** NaN while the clock was never set. */
	utc(): number;
	setUtc(utcMs: number): void;
	/** Fills bytes[from, to). */
	fill(bytes: Uint8Array, from: number, to: number): void;
	flashRead(at: number, bytes: Uint8Array, count: number): void;
	flashWrite(at: number, bytes: Uint8Array, count: number): void;
	flashErase(block: number): void;
	/** Returns a handle. */
	open(host: string, port: number, secure: boolean): number;
	read(handle: number, bytes: Uint8Array, from: number, to: number): number;
	write(handle: number, bytes: Uint8Array, from: number, to: number): void;
	writable(handle: number): number;
	close(handle: number): void;
	energize(evseIndex: number, milliamps: number): void;
	release(evseIndex: number): void;
	/** False when the bolt did not arrive. */
	lock(evseIndex: number, on: boolean): boolean;
	/** Takes a reading; false when the meter is silent. */
	sample(evseIndex: number): boolean;
	/** The reading's values: 0 energy, 1 power, 2 to 4 currents, 5 to 7 voltages. */
	reading(index: number): number;
	/** The token shown last: 0 its value, 1 its type. */
	token(which: number): string;
	log(code: number, a: number, b: number): void;
	generated(transactionId: string, seqNo: number, eventType: number, utcMs: number): void;
	traffic(outgoing: boolean, bytes: Uint8Array, from: number, to: number, last: boolean): void;
	restart(cause: number): void;
	wake(): void;
	show(
		online: boolean, accepted: boolean, slot: number, queued: number, queueBytes: number, thinned: number, shortened: number,
	): void;
	showEvse(evseIndex: number, transactionId: string, limitA: number, status: string): void;
	/** A transaction event that waits on flash. */
	queued(transactionId: string, seqNo: number, eventType: string, timestamp: string): void;
	/** Texts that a device has in ROM; test-host/xs/xs-station.ts fills them. */
	text(index: number): string;
	/** Numbers that a device has in ROM. */
	number(index: number): number;
	/** Length of a root of the CSMS that the board was made with, 0 when there is none; with `bytes` it is copied there. */
	root(index: number, bytes?: Uint8Array): number;
	print(text: string): void;
	/** Collects garbage. */
	collect(): void;
	/** True when the functions of modules/transport/tls are here. */
	readonly hasTls: boolean;
	/** 0 live bytes of slots and chunks, 1 slots, 2 bytes of chunks, 3 keys. */
	memory(which: number): number;
}

declare global {
	const host: NativeHost;
}
