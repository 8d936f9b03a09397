// What the npm scripts run. Plain CommonJS without dependencies, because it has to work in a clean clone: it sets up what is
// missing, says what it does, and then does what was asked.
"use strict";
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const ROOT = path.resolve(__dirname, "..");
const NODE_LEAST = [20, 19];
/** Specs that run the firmware on XS, the building of the engine included. */
const ON_XS = /[/-]xs(-\w+)?\.spec\.ts$/;

/** A line about progress; on stderr, so that stdout belongs to what was asked for. */
function say(text) {
	process.stderr.write(`${text}\n`);
}

function fail(text) {
	say(text);
	process.exit(1);
}

/** Runs a program in the project's folder with its output shown; ends with its exit code unless it is 0. */
function must(what, program, args, options = {}) {
	const result = spawnSync(program, args, { cwd: ROOT, stdio: "inherit", ...options });
	if (result.error) fail(`${what}: ${result.error.message}`);
	if (result.signal) fail(`${what}: ended by ${result.signal}`);
	if (result.status !== 0) {
		say(`${what} failed`);
		process.exit(result.status);
	}
}

function checkNode() {
	const [major, minor] = process.versions.node.split(".").map(Number);
	if (major < NODE_LEAST[0] || (major === NODE_LEAST[0] && minor < NODE_LEAST[1])) {
		fail(`Node ${NODE_LEAST.join(".")} or later is needed; this is ${process.versions.node}`);
	}
}

function readJson(file) {
	try {
		return JSON.parse(fs.readFileSync(path.join(ROOT, file), "utf8"));
	} catch {
		return undefined;
	}
}

/** Why node_modules is not what the lock file asks for; "" when it is. */
function packagesWrong() {
	const locked = readJson("package-lock.json");
	const installed = readJson("node_modules/.package-lock.json");
	if (locked === undefined) return "package-lock.json cannot be read";
	if (installed === undefined) return "no packages are installed";
	for (const [name, wanted] of Object.entries(locked.packages)) {
		if (name === "" || wanted.optional) continue;
		if (installed.packages[name]?.version !== wanted.version) return `${name.replace("node_modules/", "")} is not ${wanted.version}`;
	}
	return "";
}

function setUp() {
	checkNode();
	// Tools from outside npm (a C compiler for the tests on XS) are looked for here when a part of the project needs them.
	const wrong = packagesWrong();
	if (wrong === "") return;
	say(`set-up: ${wrong}; running npm ci (about 15 s) …`);
	const npm = process.platform === "win32" ? "npm.cmd" : "npm";
	must("npm ci", npm, ["ci", "--no-audit", "--no-fund"], { shell: process.platform === "win32", stdio: ["ignore", 2, 2] });
	say("set-up: packages are installed");
}

function build() {
	try {
		return require("./build.cjs").build((line) => say(`set-up: ${line}`));
	} catch (error) {
		return fail(`set-up: cannot build: ${error.message}`);
	}
}

function typeScript(file) {
	return path.join(ROOT, "node_modules", "typescript", "bin", file);
}

async function jasmine(args) {
	process.env.TS_NODE_PROJECT = path.join(ROOT, "tsconfig.json");
	process.chdir(ROOT);
	require(path.join(ROOT, "node_modules", "ts-node", "register", "transpile-only"));
	const Jasmine = require(path.join(ROOT, "node_modules", "jasmine"));
	const runner = new Jasmine({ projectBaseDir: ROOT });
	runner.exitOnCompletion = false;
	await runner.loadConfigFile(path.join(ROOT, "test-host", "jasmine.json"));
	const total = { passed: 0, failed: 0, pending: 0 };
	const startedMs = performance.now();
	let suites = 0;
	let onXsMs = 0;
	runner.addReporter({
		specDone: ({ status }) => {
			if (status in total) total[status]++;
		},
		suiteStarted: () => void suites++,
		suiteDone: ({ filename, duration }) => {
			if (--suites === 0 && ON_XS.test(filename)) onXsMs += duration;
		},
	});
	const files = args.filter((arg) => !arg.startsWith("-"));
	const filter = args.find((arg) => arg.startsWith("--filter="))?.slice("--filter=".length);
	const result = await runner.execute(files, filter);
	const sound = result.overallStatus === "passed" || (result.overallStatus === "incomplete" && files.length + (filter ? 1 : 0) > 0);
	if (!sound && total.failed === 0) say(`jasmine: ${result.overallStatus} ${result.incompleteReason ?? ""}`.trim());
	const seconds = (ms) => `${Math.round(ms / 1000)} s`;
	process.stdout.write(`${total.passed} passed, ${total.failed} failed${total.pending > 0 ? `, ${total.pending} skipped` : ""} in ` +
		`${seconds(performance.now() - startedMs)}, ${seconds(onXsMs)} of them on XS\n`);
	process.exit(sound ? 0 : 1);
}

const COMMANDS = {
	/** A CSMS and a station in this terminal; see README. */
	start: async (args) => {
		setUp();
		build();
		process.exit(await require(path.join(ROOT, "build/node/test-host/station/demo.js")).main(args));
	},
	/** All tests, or the spec files that are named; --filter=<text> takes specs by name. */
	test: async (args) => {
		setUp();
		say("checking types …");
		must("type check", process.execPath, [typeScript("tsc"), "--noEmit", "-p", "tsconfig.json"]);
		// The tests of the desktop station start it as a process.
		build();
		await jasmine(args);
	},
	/** The counted figures: every program in scripts/bench, or those that are named. */
	bench: (args) => {
		setUp();
		build();
		const all = fs.readdirSync(path.join(ROOT, "scripts", "bench")).filter((file) => /\.ts$/.test(file)).map((file) => file.slice(0, -3));
		const unknown = args.find((arg) => !all.includes(arg));
		if (unknown !== undefined) fail(`bench: ${unknown} is none of ${all.join(", ")}`);
		for (const name of args.length > 0 ? args : all.sort()) {
			must(`bench ${name}`, process.execPath, [path.join(ROOT, "build", "node", "scripts", "bench", `${name}.js`)]);
		}
	},
	/** Seeds of the simulator; see scripts/sim.ts. */
	sim: (args) => {
		setUp();
		build();
		must("sim", process.execPath, [path.join(ROOT, "build", "node", "scripts", "sim.js"), ...args]);
	},
	/** A fleet of stations that loses its CSMS; see scripts/fleet.ts. */
	fleet: (args) => {
		setUp();
		build();
		must("fleet", process.execPath, [path.join(ROOT, "build", "node", "scripts", "fleet.js"), ...args]);
	},
	/** A million mutated certificates; see scripts/mutations.ts. */
	mutations: (args) => {
		setUp();
		build();
		must("mutations", process.execPath, [path.join(ROOT, "build", "node", "scripts", "mutations.js"), ...args]);
	},
	/** Power cuts by exhaustion; see scripts/cuts.ts. */
	cuts: (args) => {
		setUp();
		build();
		must("cuts", process.execPath, [path.join(ROOT, "build", "node", "scripts", "cuts.js"), ...args]);
	},
	/** Two million events through the queue; see scripts/endurance.ts. */
	endurance: (args) => {
		setUp();
		build();
		must("endurance", process.execPath, [path.join(ROOT, "build", "node", "scripts", "endurance.js"), ...args]);
	},
	/** The queue of a store or an image as JSON lines; see scripts/flash-dump.ts. */
	dump: (args) => {
		setUp();
		build();
		const result = spawnSync(process.execPath, [path.join(ROOT, "build", "node", "scripts", "flash-dump.js"), ...args], { stdio: "inherit" });
		process.exit(result.status ?? 1);
	},
	/** RAM and ROM of the firmware, counted on XS; see scripts/budget.ts. */
	budget: (args) => {
		setUp();
		build();
		must("budget", process.execPath, [path.join(ROOT, "build", "node", "scripts", "budget.js"), ...args]);
	},
	/** The cases on XS under AddressSanitizer, and a busy day; see scripts/stress.ts. */
	stress: (args) => {
		setUp();
		build();
		must("stress", process.execPath, [path.join(ROOT, "build", "node", "scripts", "stress.js"), ...args]);
	},
	/** The firmware as it ships, for mcconfig; see scripts/release.cjs. */
	device: () => {
		setUp();
		must("device", process.execPath, [path.join(ROOT, "scripts", "release.cjs")]);
	},
	/** Only what the others do first. */
	setup: () => {
		setUp();
		build();
	},
};

const [command, ...rest] = process.argv.slice(2);
if (!Object.hasOwn(COMMANDS, command ?? "")) fail(`usage: node scripts/run.cjs ${Object.keys(COMMANDS).join("|")} [arguments]`);
Promise.resolve(COMMANDS[command](rest)).catch((error) => fail(error.stack ?? String(error)));
