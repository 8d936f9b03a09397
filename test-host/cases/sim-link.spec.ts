// What the simulator found at the link, as plain cases, since a seed means another story when the firmware changes.

import { Variable } from "../../preload/variables.js";
import { quietOptions, type SimOptions } from "../sim/options.js";
import { Simulation } from "../sim/run.js";

const MINUTE_MS = 60_000;
const GET = '{"getVariableData":[{"component":{"name":"TxCtrlr"},"variable":{"name":"TxStartPoint"}}]}';

/** A registered station, and what it says. */
function begin(change: (options: SimOptions) => void = () => undefined): { sim: Simulation; said: any[] } {
	const options = quietOptions(1);
	change(options);
	const sim = new Simulation(options);
	const said: any[] = [];
	const sent = sim.checkers.sent.bind(sim.checkers);
	sim.checkers.sent = (text, sinceMs) => {
		sent(text, sinceMs);
		said.push(JSON.parse(text));
	};
	sim.begin();
	sim.pass(MINUTE_MS);
	return { sim, said };
}

function finish(sim: Simulation): void {
	expect(sim.finish().findings).toEqual([]);
}

describe("link", () => {
	it("Part 4 §4.1 CALLs that come in one breath, broken ones among them, are each answered once and in order", () => {
		const { sim, said } = begin();
		const from = said.length;
		const peer = sim.csms["peer"]!;
		const texts = [`[2,"a","GetVariables",{}]`, `[2,"b","GetVariables",${GET}]`, `[2,"c","Heartbeat",{}]`, "", `[2,"d","GetVariables",${GET}]`, `[2,"e"`];
		for (const text of texts) peer.sendText(text);
		sim.pass(1000);
		expect(said.slice(from).map((frame) => [frame[0], frame[1]])).toEqual([[4, "a"], [3, "b"], [4, "c"], [4, "-1"], [3, "d"], [4, "e"]]);
		finish(sim);
	});

	it("Part 4 §5.2 an answer that sticks in a dead link ends the link, without any Ping being due", () => {
		const { sim } = begin((options) => (options.network.windowBytes = 64));
		expect(sim.station!.variables.set(Variable.OCPPCommWebSocketPingInterval, "0")).toBeTrue();
		const { connections } = sim.csms;
		sim.csms["peer"]!.sendText(`[2,"a","GetVariables",${GET}]`);
		// The CALL is under way; its answer needs more than the window takes.
		sim.clock.after(5, () => {
			for (const wire of sim.network.wires) sim.clock.after(0, () => wire.mute());
		});
		sim.pass(5 * MINUTE_MS);
		expect(sim.csms.connections).toBe(connections + 1);
		finish(sim);
	});

	it("E13 an event that sticks in a dead link has not failed: it uses up no attempt", () => {
		const { sim } = begin((options) => (options.network.windowBytes = 64));
		expect(sim.station!.variables.set(Variable.OCPPCommWebSocketPingInterval, "0")).toBeTrue();
		expect(sim.station!.variables.set(Variable.SampledDataTxUpdatedInterval, "0")).toBeTrue();
		const [evse] = sim.board.evses;
		evse.plug();
		sim.board.reader.present("04A2B3C4");
		sim.pass(MINUTE_MS);
		for (let i = 0; i < 5; i++) {
			for (const wire of sim.network.wires) wire.mute();
			evse.ev(i % 2 === 0, 16);
			sim.pass(5 * MINUTE_MS);
		}
		expect(sim.checkers.givenUp).toBe(0);
		expect(sim.station!.outbox.count).toBe(0);
		evse.unplug("ev");
		finish(sim);
	});
});
