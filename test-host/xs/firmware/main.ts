// The firmware on XS: builds the Host on the functions of the test host and lets the other side run the station.
// It is preloaded, as main and the drivers are on a device, and takes about as much RAM as they do.

import { freeze } from "../../../preload/freeze.js";
import { Station, StoreFault } from "../../../modules/station/station.js";
import type { Clock } from "../../../modules/ports/clock.js";
import type { Crypto } from "../../../modules/ports/crypto.js";
import type { Entropy } from "../../../modules/ports/entropy.js";
import type { EvsePort, MeterReading } from "../../../modules/ports/evse-port.js";
import type { FlashPartition } from "../../../modules/ports/flash.js";
import type { Host, Identity, Observer } from "../../../modules/ports/host.js";
import type { Log } from "../../../modules/ports/log.js";
import type { TokenReader } from "../../../modules/ports/reader.js";
import type { Socket, SocketMaker, SocketOptions } from "../../../modules/ports/socket.js";
import { Registration } from "../../../modules/model/registration.js";
import { NativeCrypto } from "../../../modules/transport/tls/crypto.js";
import { TlsSockets } from "../../../modules/transport/tls/tls.js";
import { connectorStatus } from "../../../modules/model/availability.js";
import "./native.js";

// Places of host.text() and host.number(); test-host/xs/xs-station.ts fills them.
const TEXT_CONNECTOR = 7;
const FIGURE_OBSERVER = 3;
const FIGURE_PROFILE = 4;
const FIGURE_EVSE = 5;
const EVSE_FIGURES = 3;

class NativeClock implements Clock {
	ticks(): number {
		return host.ticks();
	}
	since(mark: number): number {
		return (host.ticks() - mark) >>> 0;
	}
	utc(): number {
		return host.utc();
	}
	set(utcMs: number): void {
		host.setUtc(utcMs);
	}
}

class NativeEntropy implements Entropy {
	fill(bytes: Uint8Array, from: number, to: number): void {
		host.fill(bytes, from, to);
	}
}

class NativeFlash implements FlashPartition {
	readonly blockBytes = host.number(1);
	readonly blocks = host.number(2);
	read(at: number, bytes: Uint8Array, count: number): void {
		host.flashRead(at, bytes, count);
	}
	write(at: number, bytes: Uint8Array, count: number): void {
		host.flashWrite(at, bytes, count);
	}
	eraseBlock(block: number): void {
		host.flashErase(block);
	}
}

/** The library of a desktop takes records of any length; the fragment is a device's. */
const TLS_SETTINGS = freeze({ inputBytes: 16_384, fragmentBytes: 2048 });

class NativeSocket implements Socket {
	constructor(readonly options: SocketOptions, readonly handle: number, private readonly maker: NativeSockets) {}

	get writable(): number {
		return host.writable(this.handle);
	}
	read(bytes: Uint8Array, from: number, to: number): number {
		return host.read(this.handle, bytes, from, to);
	}
	write(bytes: Uint8Array, from: number, to: number): void {
		host.write(this.handle, bytes, from, to);
	}
	close(): void {
		host.close(this.handle);
		this.maker.forget(this);
	}
}

/** A station has one connection, and another one while the first is being closed. */
export class NativeSockets implements SocketMaker {
	private readonly open_: (NativeSocket | undefined)[] = [undefined, undefined];

	open(options: SocketOptions): Socket {
		const socket = new NativeSocket(options, host.open(options.host, options.port, options.secure), this);
		let place = 0;
		while (place < this.open_.length && this.open_[place] !== undefined) place++;
		this.open_[place] = socket;
		return socket;
	}
	find(handle: number): NativeSocket | undefined {
		for (let i = 0; i < this.open_.length; i++) {
			const socket = this.open_[i];
			if (socket !== undefined && socket.handle === handle) return socket;
		}
		return undefined;
	}
	forget(socket: NativeSocket): void {
		for (let i = 0; i < this.open_.length; i++) if (this.open_[i] === socket) this.open_[i] = undefined;
	}
}

class NativeEvse implements EvsePort {
	readonly phases: number;
	readonly milliampsMax: number;
	readonly hasLock: boolean;
	readonly connectorType: string;

	constructor(private readonly index: number) {
		const at = FIGURE_EVSE + index * EVSE_FIGURES;
		this.phases = host.number(at);
		this.milliampsMax = host.number(at + 1);
		this.hasLock = host.number(at + 2) !== 0;
		this.connectorType = host.text(TEXT_CONNECTOR + index);
	}
	energize(limitMilliamps: number): void {
		host.energize(this.index, limitMilliamps);
	}
	release(): void {
		host.release(this.index);
	}
	lock(on: boolean): boolean {
		return host.lock(this.index, on);
	}
	sample(reading: MeterReading): boolean {
		const isThere = host.sample(this.index);
		if (!isThere) return false;
		reading.energyWh = host.reading(0);
		reading.powerW = host.reading(1);
		for (let phase = 0; phase < 3; phase++) {
			reading.currentA[phase] = host.reading(2 + phase);
			reading.voltageV[phase] = host.reading(5 + phase);
		}
		return true;
	}
}

class NativeReader implements TokenReader {
	get idToken(): string {
		return host.token(0);
	}
	get type(): string {
		return host.token(1);
	}
}

class NativeLog implements Log {
	event(code: number, a: number, b: number): void {
		host.log(code, a, b);
	}
}

/** The name plate, read from ROM when it is asked for. */
class NativeIdentity implements Identity {
	get identity(): string {
		return host.text(0);
	}
	get url(): string {
		return host.text(1);
	}
	get password(): string {
		return host.text(2);
	}
	get securityProfile(): number {
		return host.number(FIGURE_PROFILE);
	}
	get vendorName(): string {
		return host.text(3);
	}
	get model(): string {
		return host.text(4);
	}
	get serialNumber(): string {
		return host.text(5);
	}
	get firmwareVersion(): string {
		return host.text(6);
	}
	get roots(): readonly Uint8Array[] {
		const roots: Uint8Array[] = [];
		for (let bytes = host.root(0); bytes > 0; bytes = host.root(roots.length)) {
			const root = new Uint8Array(bytes);
			host.root(roots.length, root);
			roots.push(root);
		}
		return roots;
	}
}

class NativeObserver implements Observer {
	generated(transactionId: string, seqNo: number, eventType: number, utcMs: number): void {
		host.generated(transactionId, seqNo, eventType, utcMs);
	}
	traffic(outgoing: boolean, bytes: Uint8Array, from: number, to: number, last: boolean): void {
		host.traffic(outgoing, bytes, from, to, last);
	}
}

class NativeBoard implements Host {
	readonly clock = new NativeClock();
	readonly entropy = new NativeEntropy();
	readonly flash = new NativeFlash();
	readonly sockets = new NativeSockets();
	readonly socket: SocketMaker = host.hasTls ? new TlsSockets(this.sockets, TLS_SETTINGS) : this.sockets;
	readonly crypto: Crypto | undefined = host.hasTls ? new NativeCrypto() : undefined;
	readonly evses: readonly EvsePort[];
	readonly reader = new NativeReader();
	readonly log = new NativeLog();
	readonly identity = new NativeIdentity();
	readonly observer: Observer | undefined = host.number(FIGURE_OBSERVER) !== 0 ? new NativeObserver() : undefined;

	constructor() {
		const evses: EvsePort[] = [];
		for (let i = 0; i < host.number(0); i++) evses.push(new NativeEvse(i));
		this.evses = evses;
	}
	restart(cause: number): void {
		host.restart(cause);
	}
	wake(): void {
		host.wake();
	}
}

/** What the test host calls, by name. */
class Firmware {
	constructor(private readonly board: NativeBoard, private readonly station: Station) {}

	/** Returns the cause that the station tells. */
	start(cause: number): number {
		this.station.start(cause);
		this.show();
		return this.station.bootCause;
	}
	step(): number {
		const waitMs = this.station.step();
		this.show();
		return waitMs;
	}
	post(code: number, evseIndex: number, value: number): boolean {
		return this.station.post(code, evseIndex, value);
	}
	stop(): void {
		this.station.stop();
	}
	readable(handle: number, count: number): void {
		this.board.sockets.find(handle)?.options.onReadable(count);
	}
	writable(handle: number, count: number): void {
		this.board.sockets.find(handle)?.options.onWritable(count);
	}
	failed(handle: number, error: number): void {
		this.board.sockets.find(handle)?.options.onError(error);
	}
	/** What Station.inspect shows, without making an object. */
	inspect(): void {
		this.show();
		const evses = this.station.evses;
		for (let i = 0; i < evses.length; i++) {
			const evse = evses[i]!;
			host.showEvse(i, evse.transactionId, evse.permit.limitMilliamps / 1000, connectorStatus(evse));
		}
	}
	/** Tells every event that waits on flash. */
	queue(): void {
		this.station.outbox.iterate((event) => {
			host.queued(event.transactionInfo.transactionId, event.seqNo, event.eventType, event.timestamp);
		});
	}
	private show(): void {
		const station = this.station;
		const { isOpen } = (station as unknown as { connection: { isOpen: boolean } }).connection;
		const { count, bytesUsed, thinned, shortened } = station.outbox;
		host.show(isOpen, station.registration === Registration.Accepted, station.slot, count, bytesUsed, thinned, shortened);
	}
}

/** Makes the firmware; a number is the StoreState of a store that it cannot use. */
export default function boot(): Firmware | number {
	const board = new NativeBoard();
	try {
		return new Firmware(board, new Station(board));
	} catch (error) {
		if (error instanceof StoreFault) return error.state;
		throw error;
	}
}
