// One EVSE of a real board, put together of contactor, meter, pilot and lock; what the station sees as EvsePort.
// Owns: the order in which the parts move. Pilot first, then the contactor when the EV asks (IEC 61851-1 §6.3); the
// contactor opens here, without asking the station, when the EV stops asking, the cable is gone or a fault begins.
// The facts follow as events; the station agrees afterwards.

import { EventCode, FaultBit } from "../modules/ports/events.js";
import type { EvsePort, MeterReading } from "../modules/ports/evse-port.js";
import type { LockShape, PilotEvents, PilotShape, Post, TimerShape } from "./parts.js";

/** The part of a contactor driver that an EVSE uses. */
export interface ContactorShape {
	readonly driven: boolean;
	energize(): void;
	release(): void;
	close(): void;
}
/** The part of a meter driver that an EVSE uses. */
export interface MeterShape {
	/** Fills `reading` from the newest values; false when there are none that may be trusted. */
	sample(reading: MeterReading): boolean;
	close(): void;
}
export interface MeterEvents {
	/** New values; the highest of the phase currents in amperes. From an empty stack. */
	onSample(currentA: number): void;
	/** The meter does not answer (true), or answers again. From an empty stack. */
	onSilent(silent: boolean): void;
}

// Each part is an options object that carries its own constructor, as ECMA-419 drivers carry their IO. What the EVSE
// itself adds (`Given`) is left out of what a board has to say.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Maker<Shape> = new (options: any) => Shape;
type Part<Made extends Maker<unknown>, Given extends string> =
	{ io: Made } & Omit<ConstructorParameters<Made>[0], Given>;

export interface EvseOptions<
	C extends Maker<ContactorShape>,
	M extends Maker<MeterShape>,
	P extends Maker<PilotShape>,
	L extends Maker<LockShape>,
> {
	/** From 0. */
	evseIndex: number;
	phases: 1 | 3;
	/** Most current per phase that wiring, contactor and cable stand, 6000 to 80000 mA. */
	milliampsMax: number;
	/** ConnectorEnumType, e.g. "cType2", "sType2". */
	connectorType: string;
	post: Post;
	timer: TimerShape;
	contactor: Part<C, "timer" | "onFault">;
	meter: Part<M, "timer" | keyof MeterEvents>;
	pilot: Part<P, "timer" | keyof PilotEvents>;
	lock: Part<L, "timer">;
	/** Current from which energy is said to flow, mA. Default 500: below are the losses of an idle charger. */
	flowMilliamps?: number;
}

export class Evse<
	C extends Maker<ContactorShape>,
	M extends Maker<MeterShape>,
	P extends Maker<PilotShape>,
	L extends Maker<LockShape>,
> implements EvsePort {
	readonly phases: number;
	readonly milliampsMax: number;
	readonly hasLock: boolean;
	readonly connectorType: string;
	#index: number;
	#post: Post;
	#contactor: ContactorShape;
	#meter: MeterShape;
	#pilot: PilotShape;
	#lock: LockShape;
	#flowAmperes: number;
	#offered = 0;
	#plugged = false;
	#ready = false;
	#flowing = false;

	/** Builds the parts, contactor first and open. Throws RangeError before any part is made when an option is wrong. */
	constructor(options: EvseOptions<C, M, P, L>) {
		if (!(options.evseIndex >= 0)) throw new RangeError("evseIndex");
		if (options.phases !== 1 && options.phases !== 3) throw new RangeError("phases");
		if (!(options.milliampsMax >= 6_000 && options.milliampsMax <= 80_000)) throw new RangeError("milliampsMax");
		const flowMilliamps = options.flowMilliamps ?? 500;
		if (!(flowMilliamps > 0)) throw new RangeError("flowMilliamps");
		this.#index = options.evseIndex;
		this.phases = options.phases;
		this.milliampsMax = options.milliampsMax;
		this.connectorType = options.connectorType;
		this.#post = options.post;
		this.#flowAmperes = flowMilliamps / 1000;
		const timer = options.timer;
		this.#contactor = new options.contactor.io({
			...options.contactor,
			timer,
			onFault: (fault: number, present: boolean) => this.#fault(fault, present),
		});
		const meterEvents: MeterEvents = {
			onSample: (currentA) => this.#sampled(currentA),
			onSilent: (silent) => this.#silent(silent),
		};
		this.#meter = new options.meter.io({ ...options.meter, timer, ...meterEvents });
		this.#lock = new options.lock.io({ ...options.lock, timer });
		this.hasLock = this.#lock.present;
		const pilotEvents: PilotEvents = {
			onPlugged: (plugged) => this.#pluggedChanged(plugged),
			onReady: (ready) => this.#readyChanged(ready),
		};
		this.#pilot = new options.pilot.io({ ...options.pilot, timer, ...pilotEvents });
	}

	energize(limitMilliamps: number): void {
		const limit = limitMilliamps > this.milliampsMax ? this.milliampsMax : limitMilliamps;
		if (!(limit > 0)) {
			this.release();
			return;
		}
		this.#offered = limit;
		this.#pilot.offer(limit);
		if (this.#ready) this.#contactor.energize();
	}

	release(): void {
		this.#contactor.release();
		this.#offered = 0;
		this.#pilot.offer(0);
	}

	lock(on: boolean): boolean {
		return this.#lock.set(on);
	}

	sample(reading: MeterReading): boolean {
		return this.#meter.sample(reading);
	}

	/** Opens the contactor and closes all parts. May be called twice. */
	close(): void {
		this.#contactor.close();
		this.#pilot.close();
		this.#lock.close();
		this.#meter.close();
	}

	#pluggedChanged(plugged: boolean): void {
		if (plugged === this.#plugged) return;
		this.#plugged = plugged;
		if (!plugged) {
			this.release();
			this.#ready = false;
		}
		this.#post(plugged ? EventCode.cablePluggedIn : EventCode.cableUnplugged, this.#index, plugged ? 0 : 1);
	}

	#readyChanged(ready: boolean): void {
		const now = ready && this.#plugged;
		if (now === this.#ready) return;
		this.#ready = now;
		if (!now) this.#contactor.release();
		else if (this.#offered > 0) this.#contactor.energize();
		this.#post(EventCode.evReady, this.#index, now ? 1 : 0);
	}

	#sampled(currentA: number): void {
		const flows = currentA >= this.#flowAmperes;
		if (flows === this.#flowing) return;
		this.#flowing = flows;
		this.#post(EventCode.energyFlowed, this.#index, flows ? 1 : 0);
	}

	#silent(silent: boolean): void {
		this.#post(silent ? EventCode.faultRaised : EventCode.faultCleared, this.#index, FaultBit.meter);
		// Nobody measures, but an open contactor is proof enough that nothing flows.
		if (silent && !this.#contactor.driven) this.#sampled(0);
	}

	#fault(fault: number, present: boolean): void {
		if (present) this.release();
		this.#post(present ? EventCode.faultRaised : EventCode.faultCleared, this.#index, fault);
	}
}
