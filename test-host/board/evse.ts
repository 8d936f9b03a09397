// One EVSE of the virtual board with its cable and its EV: pilot, contactor, lock, meter and the protection that does not
// ask the firmware. What it does is physics and wiring only; it knows nothing of OCPP.
// Source: IEC 61851-1 Annex A (states A, B, C; no offer below 6 A), OCPP 2.0.1 Part 2 J02.FR.16 (registers only rise).

import type { Clock } from "../../modules/ports/clock.js";
import type { EvsePort, MeterReading } from "../../modules/ports/evse-port.js";
import { EventCode, FaultBit } from "../../modules/ports/events.js";
import type { Scheduler } from "./clock.js";

/** Hands an event to the firmware; false when its inbox was full. */
export type Post = (code: number, evseIndex: number, value: number) => boolean;

/** Where the cable is: in nothing, in the station's socket only, or in both. */
export type Cable = "none" | "station" | "both";

/** What outlives a power cut because it is the world outside or the meter's own memory. */
export interface EvseMemory {
	energyWh: number;
	cable: Cable;
	evReady: boolean;
	evAmps: number;
	/** FaultBit set. */
	faults: number;
	lockJammed: boolean;
}

/** What an onlooker sees of the EVSE. */
export interface EvseListener {
	/** The contactor closed or opened. */
	relay(evseIndex: number, on: boolean): void;
	/** The cable lock moved. */
	lock(evseIndex: number, locked: boolean): void;
	/** Something of EvseMemory changed and must be kept before the firmware or anybody else acts on it. */
	changed(evseIndex: number): void;
}

export interface EvseOptions {
	index: number;
	clock: Clock & Scheduler;
	post: Post;
	listener?: EvseListener;
	memory?: EvseMemory;
	phases?: number;
	milliampsMax?: number;
	hasLock?: boolean;
	connectorType?: string;
	/** How many times faster than real the meter counts; 1 except in demonstrations. */
	meterSpeed?: number;
}

/** Values that the meter is forced to show; undefined where it measures. */
export interface ForcedReading {
	amps?: number;
	volts?: number;
	watts?: number;
}

const PILOT_MILLIAMPS_MIN = 6000;
const MAINS_VOLTS = 230;
const KEEP_PERIOD_MS = 1000;
/** Faults at which the hardware opens the contactor by itself. */
const PROTECTIVE = FaultBit.ground | FaultBit.overcurrent | FaultBit.internal;

/** Memory of an EVSE that has never seen a car. */
export function newEvseMemory(): EvseMemory {
	return { energyWh: 0, cable: "none", evReady: false, evAmps: 32, faults: 0, lockJammed: false };
}

export class EvseModel implements EvsePort {
	readonly phases: number;
	readonly milliampsMax: number;
	readonly hasLock: boolean;
	readonly connectorType: string;
	readonly memory: EvseMemory;
	meterSpeed: number;

	private readonly index: number;
	private readonly clock: Clock & Scheduler;
	private readonly post: Post;
	private readonly listener: EvseListener | undefined;
	private forced: ForcedReading = {};
	private offerMilliamps = 0;
	private contactorClosed = false;
	private locked = false;
	private meterMark: number;
	private flowing = false;
	private settleAsked = false;
	private keeping = false;

	constructor(options: EvseOptions) {
		this.index = options.index;
		this.clock = options.clock;
		this.post = options.post;
		this.listener = options.listener;
		this.memory = options.memory ?? newEvseMemory();
		this.phases = options.phases ?? 3;
		this.milliampsMax = options.milliampsMax ?? 32000;
		this.hasLock = options.hasLock ?? true;
		this.connectorType = options.connectorType ?? "sType2";
		this.meterSpeed = options.meterSpeed ?? 1;
		this.meterMark = this.clock.ticks();
	}

	// The port, as the firmware sees it.

	energize(limitMilliamps: number): void {
		this.offerMilliamps = Math.max(0, Math.min(limitMilliamps, this.milliampsMax));
		this.actuate();
	}

	release(): void {
		this.offerMilliamps = 0;
		this.actuate();
	}

	lock(on: boolean): boolean {
		if (!this.hasLock || on === this.locked) return true;
		if (this.memory.lockJammed) {
			// The driver sees that the bolt did not arrive; it tells so from an empty stack.
			this.clock.after(0, () => this.fault(FaultBit.lock, true));
			return false;
		}
		this.locked = on;
		this.listener?.lock(this.index, on);
		return true;
	}

	sample(reading: MeterReading): boolean {
		if ((this.memory.faults & FaultBit.meter) !== 0) return false;
		this.integrate();
		this.listener?.changed(this.index);
		reading.energyWh = this.energyWh;
		reading.powerW = Math.round(this.watts);
		for (let phase = 0; phase < 3; phase++) {
			reading.currentA[phase] = phase < this.phases ? Math.round(this.amps * 100) / 100 : NaN;
			reading.voltageV[phase] = phase < this.phases ? this.volts : NaN;
		}
		return true;
	}

	// What a person, a car or a test does.

	/** The cable is put into the station and the EV. */
	plug(): void {
		if (this.memory.cable === "both") return;
		this.memory.cable = "both";
		this.listener?.changed(this.index);
		this.post(EventCode.cablePluggedIn, this.index, 0);
		if (this.memory.evReady) this.post(EventCode.evReady, this.index, 1);
		this.actuate();
	}

	/**
	 * One end of the cable is pulled. The EV forgets what it wanted.
	 * @returns false when the lock holds the station's end; nothing happened then
	 */
	unplug(side: "ev" | "station"): boolean {
		if (side === "ev" && this.memory.cable !== "both") return true;
		if (side === "station") {
			if (this.memory.cable === "none") return true;
			if (this.locked) return false;
		}
		this.memory.cable = side === "ev" ? "station" : "none";
		this.memory.evReady = false;
		// Without the EV there is no state C: the contactor opens before anybody is told.
		this.actuate();
		this.listener?.changed(this.index);
		this.post(EventCode.cableUnplugged, this.index, side === "ev" ? 0 : 1);
		return true;
	}

	/** The EV asks for power (state C) or pauses (state B); without a cable it is what the next EV will do. */
	ev(isReady: boolean, amps?: number): void {
		this.integrate();
		if (amps !== undefined) this.memory.evAmps = amps;
		const changed = isReady !== this.memory.evReady;
		this.memory.evReady = isReady;
		this.listener?.changed(this.index);
		if (this.memory.cable === "both" && changed) this.post(EventCode.evReady, this.index, isReady ? 1 : 0);
		this.actuate();
	}

	/**
	 * Forces what the meter shows; a call without any value lets it measure again.
	 * @returns false when `energyWh` would turn the register back; nothing was changed then
	 */
	meter(forced: ForcedReading, energyWh?: number): boolean {
		this.integrate();
		if (energyWh !== undefined) {
			if (energyWh < this.energyWh) return false;
			this.memory.energyWh = energyWh;
		}
		this.forced = forced;
		this.listener?.changed(this.index);
		return true;
	}

	/** A hardware fault begins or ends. `bit` is of FaultBit. The protection acts first, then the firmware is told. */
	fault(bit: number, isOn: boolean): void {
		const before = this.memory.faults;
		this.memory.faults = isOn ? before | bit : before & ~bit;
		if (this.memory.faults === before) return;
		this.actuate();
		this.listener?.changed(this.index);
		this.post(isOn ? EventCode.faultRaised : EventCode.faultCleared, this.index, bit);
	}

	/** The start button or the stop button is pressed. */
	press(isStart: boolean): void {
		this.post(EventCode.buttonPressed, this.index, isStart ? 1 : 0);
	}

	/** The lock refuses to move from now on, or moves again. */
	jamLock(isJammed: boolean): void {
		this.memory.lockJammed = isJammed;
		if (isJammed) this.listener?.changed(this.index);
		else this.fault(FaultBit.lock, false);
	}

	/** Power is gone or the chip resets: by wiring the contactor opens; the lock stays where it is. */
	reset(): void {
		this.offerMilliamps = 0;
		this.flowing = false;
		this.actuate();
	}

	/** After a boot the drivers report what they find, as real ones do, before the firmware's first step. */
	announce(): void {
		if (this.memory.cable === "both") this.post(EventCode.cablePluggedIn, this.index, 0);
		if (this.memory.cable === "both" && this.memory.evReady) this.post(EventCode.evReady, this.index, 1);
		for (let bit = 1; bit <= this.memory.faults; bit <<= 1) {
			if ((this.memory.faults & bit) !== 0) this.post(EventCode.faultRaised, this.index, bit);
		}
	}

	// What an onlooker sees.

	get isPlugged(): boolean {
		return this.memory.cable === "both";
	}

	get relayClosed(): boolean {
		return this.contactorClosed;
	}

	get isLocked(): boolean {
		return this.locked;
	}

	get isFaulted(): boolean {
		return this.memory.faults !== 0;
	}

	/** Amperes per phase that are offered. */
	get limitA(): number {
		return this.offerMilliamps / 1000;
	}

	/** Amperes per phase that flow, or that the meter is forced to show. */
	get amps(): number {
		return this.forced.amps ?? this.realAmps;
	}

	/** The register, with the resolution of the meter: 0.1 Wh, never rounded up. */
	get energyWh(): number {
		return Math.floor(this.memory.energyWh * 10) / 10;
	}

	/** The register as of now; whoever has seen it finds no less after a power cut. */
	readEnergyWh(): number {
		this.integrate();
		this.listener?.changed(this.index);
		return this.energyWh;
	}

	get volts(): number {
		return this.forced.volts ?? MAINS_VOLTS;
	}

	get watts(): number {
		return this.forced.watts ?? this.amps * this.volts * this.phases;
	}

	private get realAmps(): number {
		if (!this.contactorClosed || !this.memory.evReady || this.memory.cable !== "both") return 0;
		return Math.min(this.offerMilliamps / 1000, this.memory.evAmps);
	}

	/** Adds what has passed since the last look. */
	private integrate(): void {
		const elapsedMs = this.clock.since(this.meterMark);
		this.meterMark = this.clock.ticks();
		if (elapsedMs > 0) this.memory.energyWh += (Math.max(0, this.watts) * elapsedMs * this.meterSpeed) / 3_600_000;
	}

	/** Brings the contactor to where pilot, offer and protection want it. Opening happens in this very call. */
	private actuate(): void {
		this.integrate();
		const wanted = this.memory.cable === "both" && this.memory.evReady && this.offerMilliamps >= PILOT_MILLIAMPS_MIN &&
			(this.memory.faults & PROTECTIVE) === 0;
		// Welded contacts stay together; open ones still close.
		const closed = wanted || (this.contactorClosed && (this.memory.faults & FaultBit.welded) !== 0);
		if (closed !== this.contactorClosed) {
			this.contactorClosed = closed;
			this.listener?.changed(this.index);
			this.listener?.relay(this.index, closed);
		}
		this.askSettle();
	}

	/** The firmware may be on the stack: flowing current is reported later, and only if it lasted. */
	private askSettle(): void {
		if (this.settleAsked) return;
		this.settleAsked = true;
		this.clock.after(0, () => {
			this.settleAsked = false;
			this.settle();
		});
	}

	private settle(): void {
		const flowing = this.realAmps > 0;
		if (flowing !== this.flowing) {
			this.flowing = flowing;
			this.post(EventCode.energyFlowed, this.index, flowing ? 1 : 0);
		}
		if (flowing) this.keepRegister();
	}

	/** While current flows the register is kept every second, so that a power cut costs at most that much. */
	private keepRegister(): void {
		if (this.keeping || this.listener === undefined) return;
		this.keeping = true;
		this.clock.after(KEEP_PERIOD_MS, () => {
			this.keeping = false;
			this.integrate();
			this.listener?.changed(this.index);
			if (this.realAmps > 0) this.keepRegister();
		});
	}
}
