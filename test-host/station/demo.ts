// npm start: a CSMS and a station in one terminal. With --url the station talks to the user's own CSMS instead, with --once
// one session runs by itself and its bill is printed.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { StoreProblem } from "../board/board-memory.js";
import { ScriptedCsms } from "../csms/scripted.js";
import { BadArgument, STATION_FLAGS, firstSentence, stationArguments, type StationArguments } from "./arguments.js";
import { assemble, firmwareVersion } from "./assemble.js";
import type { Desktop } from "./desktop.js";
import { Panel } from "./panel.js";
import { lineOf } from "./start.js";
import { Watch, type Bill } from "./watch.js";

const USAGE = `usage: npm start                    a local CSMS and a station, driven by keys
       npm start -- --once          one session by itself, and its bill
       npm start -- --url <ws(s) endpoint> --id <identity> [--password <text>] [--once] [--token <text>]
                                    the station with a CSMS of yours
       also: --store <dir>, --evses <n>, --seed <n>, --engine node|xs, --profile <n>, --ca <pem file>
`;
/** The card of the demonstration. */
const TOKEN = "04A2B3C4D5E6F7";
const LOCAL_IDENTITY = "CS001";
const LOCAL_PASSWORD = "a-demo-password-1";
/** In --once the meter counts so much faster that a few seconds show an energy worth billing. */
const ONCE_METER_SPEED = 360;
/** Seconds between periodic samples that the local CSMS asks for. */
const ONCE_SAMPLE_SECONDS = 1;
const LIVE_SAMPLE_SECONDS = 10;

interface DemoArguments {
	station: StationArguments;
	once: boolean;
	token: string;
	/** The CSMS is ours. */
	local: boolean;
	/** The store is thrown away at the end. */
	temporary: boolean;
}

/** Everything that runs. */
interface Scene {
	args: DemoArguments;
	desktop: Desktop;
	csms: ScriptedCsms | undefined;
	watch: Watch;
	panel: Panel;
}

/** Runs npm start. @param argv  without the program's own two. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
	const panel = new Panel();
	let args: DemoArguments | undefined;
	let csms: ScriptedCsms | undefined;
	let desktop: Desktop | undefined;
	let over = false;
	try {
		const split = splitArguments(argv);
		if (split.help) {
			process.stdout.write(USAGE);
			return 0;
		}
		if (split.local) {
			csms = await ScriptedCsms.open({ passwords: { [LOCAL_IDENTITY]: LOCAL_PASSWORD } });
			panel.line(`local CSMS  ${csms.url}  (ocpp-rpc, strict OCPP 2.0.1)`);
			split.flags.push("--url", csms.url, "--id", LOCAL_IDENTITY, "--password", LOCAL_PASSWORD);
		}
		const temporary = split.store === undefined;
		const store = split.store ?? mkdtempSync(join(tmpdir(), "ocpp-station-"));
		args = { station: stationArguments([...split.flags, "--store", store]), once: split.once, token: split.token, local: split.local, temporary };
		const watch = new Watch();
		let fail: (error: unknown) => void = () => undefined;
		const crashed = new Promise<never>((_, reject) => (fail = reject));
		crashed.catch(() => undefined);
		desktop = await assemble(args.station, firmwareVersion(), {
			meterSpeed: args.once ? ONCE_METER_SPEED : 1,
			onMessage: (outgoing, text) => panel.message(watch.message(outgoing, text)),
			onEvent: (event) => {
				if (over) return;
				if (event.ev === "boot") panel.line(`station boots: ${event.reason}`);
				if (event.ev === "offline") {
					watch.oracle.connected();
					panel.line("station is offline");
				}
			},
			onCrash: (error) => fail(error),
		});
		process.on("uncaughtException", (error) => desktop?.crash(error));
		const plate = desktop.memory.plate;
		panel.line(`station     ${plate.identity} → ${plate.url}`);
		if (args.station.url !== undefined && plate.url !== args.station.url) panel.line("the store's endpoint is used, not that of the command line");
		const scene: Scene = { args, desktop, csms, watch, panel };
		desktop.powerOn();
		await Promise.race([crashed, args.once ? once(scene) : live(scene)]);
		return 0;
	} catch (error) {
		panel.end();
		process.stderr.write(`start: ${lineOf(error)}\n`);
		return error instanceof BadArgument || error instanceof StoreProblem ? 2 : 1;
	} finally {
		over = true;
		panel.end();
		if (desktop !== undefined) desktop.stop();
		await csms?.close();
		if (args?.temporary) rmSync(args.station.store, { recursive: true, force: true });
	}
}

function splitArguments(argv: readonly string[]) {
	const options = { ...STATION_FLAGS, once: { type: "boolean" }, token: { type: "string" }, help: { type: "boolean" } } as const;
	let values;
	try {
		({ values } = parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }));
	} catch (error) {
		throw new BadArgument(firstSentence((error as Error).message));
	}
	const { once = false, token = TOKEN, help = false, store, ctl, ...rest } = values;
	if (ctl !== undefined) throw new BadArgument("--ctl is a flag of scripts/station");
	const local = rest.url === undefined;
	for (const name of ["id", "password", "profile", "ca"] as const) {
		if (local && rest[name] !== undefined) throw new BadArgument(`--${name} needs --url`);
	}
	if (!local && rest.id === undefined) throw new BadArgument("--url needs --id");
	// The local CSMS gets another port each time, so a store kept from before would point to nowhere.
	if (local && store !== undefined) throw new BadArgument("--store needs --url");
	const flags = Object.entries(rest).flatMap(([name, value]) => [`--${name}`, value as string]);
	return { once, token, help, store, local, flags };
}

/** One session by itself. */
async function once({ args, desktop, csms, watch, panel }: Scene): Promise<void> {
	const evse = desktop.board.evses[0];
	const event = (eventType: string) => (seen: { fromStation: boolean; type: number; action: string; payload: unknown }): boolean =>
		seen.fromStation && seen.type === 2 && seen.action === "TransactionEvent" && (seen.payload as { eventType: string }).eventType === eventType;
	const status = (connectorStatus: string) => (seen: { fromStation: boolean; type: number; action: string; payload: unknown }): boolean =>
		seen.fromStation && seen.type === 2 && seen.action === "StatusNotification" &&
		(seen.payload as { connectorStatus: string }).connectorStatus === connectorStatus;

	await watch.until((seen) => !seen.fromStation && seen.action === "BootNotification" &&
		(seen.payload as { status?: string }).status === "Accepted", "accepted BootNotification", 30_000);
	await watch.until(status("Available"), "StatusNotification Available", 10_000);
	if (csms !== undefined) await sampleEvery(csms, ONCE_SAMPLE_SECONDS);

	panel.line("cable in, the EV is ready", "bold");
	evse.plug();
	evse.ev(true);
	await watch.until(status("Occupied"), "StatusNotification Occupied", 10_000);

	panel.line(`card ${args.token}`, "bold");
	desktop.board.reader.present(args.token);
	const answer = await watch.until((seen) => !seen.fromStation && seen.action === "Authorize", "answer to Authorize", 20_000);
	const verdict = (answer.payload as { idTokenInfo?: { status?: string } }).idTokenInfo?.status;
	if (verdict !== "Accepted") throw new Error(`the card was refused: ${verdict ?? answer.gist}`);
	const started = await watch.until(event("Started"), "TransactionEvent Started", 10_000);
	const { transactionId } = (started.payload as { transactionInfo: { transactionId: string } }).transactionInfo;
	await watch.until((seen) => event("Updated")(seen) &&
		(seen.payload as { transactionInfo: { chargingState?: string } }).transactionInfo.chargingState === "Charging", "energy flowing", 10_000);
	// Somebody else's CSMS has its own sampling interval; there the energy flows for three seconds.
	const sampled = (count: number): boolean => watch.seen.filter((seen) => event("Updated")(seen) &&
		(seen.payload as { triggerReason: string }).triggerReason === "MeterValuePeriodic").length >= count;
	if (csms === undefined) await new Promise((resolve) => setTimeout(resolve, 3000));
	else await watch.until(() => sampled(3), "third periodic meter value", 20_000);

	panel.line(`card ${args.token} again`, "bold");
	const beforeStop = watch.seen.length;
	desktop.board.reader.present(args.token);
	const ended = await watch.until(event("Ended"), "TransactionEvent Ended", 20_000, beforeStop);
	await watch.until((seen) => !seen.fromStation && seen.type !== 2 && seen.id === ended.id, "answer to the Ended event", 20_000, beforeStop);

	panel.line("cable out", "bold");
	const beforeUnplug = watch.seen.length;
	evse.unplug("ev");
	if (!evse.unplug("station")) throw new Error("the cable is still locked after the transaction");
	const free = await watch.until(status("Available"), "StatusNotification Available after unplugging", 10_000, beforeUnplug);
	await watch.until((seen) => !seen.fromStation && seen.id === free.id, "answer to StatusNotification", 10_000, beforeUnplug);

	const { ram } = desktop;
	const bill = watch.bill(transactionId);
	const refused = [...(csms?.refused ?? []), ...watch.refused.map((seen) => `${seen.action}: ${seen.gist}`)];
	panel.end();
	printBill(bill, refused.length, args.local);
	if (ram !== undefined) process.stdout.write(`${ram}\n`);
	if (refused.length > 0) throw new Error(`the CSMS refused ${refused.length} message(s): ${refused[0]}`);
	const [violation] = [...watch.oracle.violations].filter((one) => one.fromStation);
	if (violation !== undefined) throw new Error(`a message of the station is not valid: ${violation.action} ${violation.text}`);
	if (!(bill.stopWh > bill.startWh)) throw new Error("no energy was delivered");
}

function printBill(bill: Bill, refused: number, local: boolean): void {
	const round = (wh: number): string => (Math.round(wh * 10) / 10).toFixed(1);
	const rows = [
		["transaction id", bill.transactionId],
		["start", bill.startedAt],
		["stop", bill.stoppedAt],
		["Wh at start", round(bill.startWh)],
		["Wh at stop", round(bill.stopWh)],
		["energy", `${round(bill.stopWh - bill.startWh)} Wh (the meter of this demonstration counts ${ONCE_METER_SPEED} times faster)`],
		["events", String(bill.events)],
		[`messages refused by the ${local ? "strict " : ""}CSMS`, String(refused)],
	];
	process.stdout.write("\n" + rows.map(([name, value]) => `${name.padEnd(36)} ${value}\n`).join(""));
}

/** Sets a variable of the station from the local CSMS. */
async function setVariable(csms: ScriptedCsms, component: string, variable: string, value: number): Promise<void> {
	const answer = await csms.call("SetVariables", {
		setVariableData: [{ component: { name: component }, variable: { name: variable }, attributeValue: String(value) }],
	}) as { setVariableResult: { attributeStatus: string }[] };
	const status = answer.setVariableResult[0]?.attributeStatus;
	if (status !== "Accepted") throw new Error(`SetVariables ${variable} was answered ${status}`);
}

function sampleEvery(csms: ScriptedCsms, seconds: number): Promise<void> {
	return setVariable(csms, "SampledDataCtrlr", "TxUpdatedInterval", seconds);
}

/** Nobody at a terminal wants to wait for a sample or a reconnection as long as a fleet does. */
async function quicken(csms: ScriptedCsms): Promise<void> {
	await sampleEvery(csms, LIVE_SAMPLE_SECONDS);
	await setVariable(csms, "OCPPCommCtrlr", "RetryBackOffWaitMinimum", 1);
	await setVariable(csms, "OCPPCommCtrlr", "RetryBackOffRandomRange", 1);
}

/** Keys and live state until q. */
function live(scene: Scene): Promise<void> {
	const { args, desktop, csms, watch, panel } = scene;
	let selected = 0;
	let remoteStartId = 1;
	const evse = () => desktop.board.evses[selected];
	const running = (): string | undefined => desktop.view?.evses[selected]?.txId || undefined;
	const tell = (work: Promise<unknown>): void => {
		work.catch((error: unknown) => panel.line(lineOf(error), "red"));
	};
	if (csms !== undefined) {
		tell(watch.until((seen) => seen.fromStation && seen.action === "StatusNotification", "StatusNotification", 60_000)
			.then(() => quicken(csms)));
	}
	const keys: { [key: string]: () => void } = {
		p: () => {
			panel.line("cable in, the EV is ready", "bold");
			evse().plug();
			evse().ev(true);
		},
		c: () => {
			panel.line(`card ${args.token}`, "bold");
			desktop.board.reader.present(args.token, "ISO14443", desktop.board.evses.length > 1 ? selected : -1);
		},
		s: () => {
			const transactionId = running();
			if (transactionId === undefined) panel.line("no transaction to stop");
			else if (csms === undefined) keys.c();
			else tell(csms.call("RequestStopTransaction", { transactionId }));
		},
		u: () => {
			evse().unplug("ev");
			panel.line(evse().unplug("station") ? "cable out" : "cable out of the EV; the station holds its end locked", "bold");
		},
		r: () => {
			if (csms === undefined) panel.line("remote start is up to your CSMS");
			else tell(csms.call("RequestStartTransaction", { evseId: selected + 1, remoteStartId: remoteStartId++, idToken: { idToken: args.token, type: "ISO14443" } }));
		},
		e: () => {
			const isReady = !evse().memory.evReady;
			panel.line(isReady ? "the EV asks for energy" : "the EV pauses", "bold");
			evse().ev(isReady);
		},
		n: () => {
			const { net } = desktop.board;
			if (net.mode === undefined) net.down("drop");
			else net.up();
			panel.line(net.mode === undefined ? "network up" : "network down", "bold");
		},
	};
	const help = `p plug  c card  s stop  u unplug  ${csms === undefined ? "" : "r remote start  "}e EV pauses/resumes  n network  q quit` +
		(desktop.board.evses.length > 1 ? `  1-${desktop.board.evses.length} EVSE` : "");
	const ram = (): string[] => (desktop.ram === undefined ? [] : [` ${desktop.ram}`]);
	const status = (): string[] => [...statusLines(desktop, selected), ...ram(), ` ${help}`];
	if (process.stdout.isTTY !== true) panel.line(help);
	const ticker = setInterval(() => panel.show(status()), 200);
	let plain = "";
	const plainTicker = process.stdout.isTTY === true ? undefined : setInterval(() => {
		const now = statusLines(desktop, -1).map((line) => line.replace(/ +[\d.]+ Wh/, "").trim()).join(" | ");
		if (now !== plain) panel.line((plain = now));
	}, 500);

	return new Promise((resolve) => {
		const stop = (): void => {
			clearInterval(ticker);
			clearInterval(plainTicker);
			if (process.stdin.isTTY) process.stdin.setRawMode(false);
			process.stdin.pause();
			panel.end();
			resolve();
		};
		const press = (key: string): void => {
			if (key === "q" || key === "\u0003" || key === "\u0004") stop();
			else if (/^[1-9]$/.test(key) && Number(key) <= desktop.board.evses.length) selected = Number(key) - 1;
			else keys[key]?.();
			panel.show(status());
		};
		process.once("SIGTERM", stop);
		process.once("SIGINT", stop);
		process.stdin.setEncoding("utf8");
		if (process.stdin.isTTY) {
			process.stdin.setRawMode(true);
			process.stdin.on("data", (text: string) => [...text].forEach(press));
		} else {
			// Keys from a pipe come all at once: they are pressed one by one, the first when the station is accepted.
			let queue: string[] = [];
			process.stdin.on("data", (text: string) => (queue = queue.concat([...text].filter((key) => key.trim() !== ""))));
			const presser = setInterval(() => {
				if (desktop.view?.accepted !== true && queue[0] !== "q") return;
				const key = queue.shift();
				if (key !== undefined) press(key);
			}, 1000);
			presser.unref();
		}
		panel.show(status());
	});
}

function statusLines(desktop: Desktop, selected: number): string[] {
	const view = desktop.view;
	const link = desktop.board.net.mode !== undefined ? "network down" : view?.online ? "online" : "offline";
	const lines = [` ${desktop.memory.plate.identity}  ${link}  ${view?.accepted ? "accepted" : "not accepted"}  ${view?.queued ?? 0} queued`];
	desktop.board.evses.forEach((evse, index) => {
		const cable = { none: "no cable", station: "cable in station", both: "cable in" }[evse.memory.cable];
		const flow = evse.relayClosed ? `${evse.amps.toFixed(1)} A ${(evse.watts / 1000).toFixed(1)} kW` : "0 A";
		const wh = `${evse.readEnergyWh().toFixed(1)} Wh`;
		const parts = [
			`${index === selected && desktop.board.evses.length > 1 ? ">" : " "}EVSE ${index + 1}`, cable, evse.isLocked ? "locked" : "unlocked",
			evse.memory.cable === "both" ? (evse.memory.evReady ? "EV asks" : "EV pauses") : "", evse.relayClosed ? "relay closed" : "relay open", flow, wh,
			evse.isFaulted ? "FAULT" : "", view?.evses[index]?.txId ? `tx ${view.evses[index].txId.slice(0, 8)}…` : "no transaction",
		];
		lines.push(parts.filter((part) => part !== "").join("  "));
	});
	return lines;
}
