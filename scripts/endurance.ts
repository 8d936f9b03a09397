// npm run endurance: two million events through the queue of a busy station, in virtual time (test-host/traces/endurance.ts): online,
// offline for hours to days, with the store full for a week, with a flash that fails and recovers, in the second half with a bad
// sector. Prints what became of the events, the wear of the flash, and whatever went wrong.
//   --events <n>  another number      --seed <s>  another life

import "../test-host/board/xs-globals.js";
import { Endurance } from "../test-host/traces/endurance.js";

const EVENTS = 2_000_000;
const USAGE = "usage: npm run endurance -- [--events <n>] [--seed <s>]";
const PROGRESS_EVENTS = 100_000;

function main(argv: readonly string[]): number {
	let events = EVENTS;
	let seed = 1;
	for (let i = 0; i < argv.length; i += 2) {
		const value = Number(argv[i + 1]);
		if (argv[i] === "--events" && value > 0) events = value;
		else if (argv[i] === "--seed" && value >= 0) seed = value;
		else {
			process.stderr.write(`${USAGE}\n`);
			return 2;
		}
	}
	const say = (line: string): void => void process.stdout.write(`${line}\n`);
	let told = 0;
	const its = new Endurance({
		events, seed, badAfter: events / 2,
		say: ({ made, hours, segments, flash }) => {
			if (made < told + PROGRESS_EVENTS) return;
			told = made;
			process.stderr.write(`${made} events in ${segments} segments, ${(hours / 24).toFixed(0)} days, ${flash.erases} erases …\n`);
		},
	}).run();
	const { flash, erases } = its;
	say(`events appended        ${its.made} in ${its.segments} segments, ${(its.hours / 24).toFixed(0)} virtual days, ${its.reboots} reboots`);
	say(`delivered              ${its.delivered}, in order, each as it was made`);
	say(`thinned                ${its.thinned} Updated counted by the queue, ${its.missed} missed`);
	say(`refused                ${its.refused} Updated and ${its.notBegun} Started while the flash took nothing`);
	say(`sent once more         ${its.repeated}, where the flash had refused the mark of the answer`);
	say(`lost                   ${its.made - its.delivered - its.missed - its.refused}`);
	say(`Started, Ended         ${its.startedDelivered} of ${its.started}, ${its.endedDelivered} of ${its.ended} delivered`);
	say(`most waiting at once   ${its.mostWaiting}`);
	say(`erases per block       ${erases.min} to ${erases.max} in the area of the queue, bad blocks ${[...flash.bad].join() || "none"} left out`);
	say(`bytes written          ${(flash.bytesWritten / its.made).toFixed(1)} per event, ${((flash.erases * 1000) / its.made).toFixed(2)} erases per 1,000 events`);
	for (const line of its.wrong) say(`wrong: ${line}`);
	say(its.wrong.length === 0 ? "endurance: nothing went wrong" : "endurance: FAILED");
	return its.wrong.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
