import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { ScriptedCsms } from "../csms/scripted.js";

const ROOT = resolve(__dirname, "../..");

/** Runs npm start's program; `keys` come from a pipe. */
function start(args: readonly string[], keys?: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
	const child = spawn(process.execPath, ["scripts/run.cjs", "start", ...args], { cwd: ROOT, stdio: ["pipe", "pipe", "pipe"] });
	let stdout = "";
	let stderr = "";
	child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
	child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
	// Where the program was not built yet it says so first.
	const withoutSetUp = (text: string): string => text.replace(/^set-up: .*\n/gm, "");
	child.stdin.end(keys ?? "");
	return new Promise((done) => child.on("close", (code) => done({ code, stdout, stderr: withoutSetUp(stderr) })));
}

describe("start demo", () => {
	let csms: ScriptedCsms | undefined;
	afterEach(async () => {
		await csms?.close();
		csms = undefined;
	});

	it("--once runs a session by itself and prints its bill", async () => {
		const { code, stdout, stderr } = await start(["--once"]);
		expect(stderr).toBe("");
		expect(code).toBe(0);
		const bill = Object.fromEntries([...stdout.matchAll(/^(\S[^\n]*?) {2,}(\S[^\n]*)$/gm)].map(([, name, value]) => [name, value]));
		expect(bill["transaction id"]).toMatch(/^[0-9a-f-]{36}$/);
		expect(Date.parse(bill.stop)).toBeGreaterThan(Date.parse(bill.start));
		expect(parseFloat(bill["Wh at stop"]) - parseFloat(bill["Wh at start"])).toBeCloseTo(parseFloat(bill.energy), 5);
		expect(parseFloat(bill.energy)).toBeGreaterThan(1);
		expect(Number(bill.events)).toBeGreaterThanOrEqual(6);
		expect(bill["messages refused by the strict CSMS"]).toBe("0");
	}, 40_000);

	it("--once with a CSMS of the user's bills too, and a refused card is exit code 1 and one line", async () => {
		csms = await ScriptedCsms.open({ passwords: { MINE: "0123456789abcdef" } });
		const flags = ["--once", "--url", csms.url, "--id", "MINE", "--password", "0123456789abcdef", "--token", "CARD7"];
		csms.once("Authorize", { idTokenInfo: { status: "Blocked" } });
		const refused = await start(flags);
		expect([refused.code, refused.stderr]).toEqual([1, "start: the card was refused: Blocked\n"]);
		const billed = await start(flags);
		expect([billed.code, billed.stderr]).toEqual([0, ""]);
		expect(billed.stdout).toMatch(/messages refused by the CSMS +0\n/);
		expect(csms.calls("Authorize").map((call) => (call.payload as { idToken: { idToken: string } }).idToken.idToken)).toEqual(["CARD7", "CARD7"]);
	}, 60_000);

	it("mistakes on the command line are exit code 2 and one line", async () => {
		for (const [args, expected] of [[["--bogus"], /bogus/], [["--id", "A"], /--id needs --url/], [["--url", "ws://h"], /--url needs --id/]] as const) {
			const { code, stderr } = await start(args);
			expect(code).toBe(2);
			expect(stderr).toMatch(expected);
			expect(stderr).toMatch(/^start: [^\n]+\n$/);
		}
	}, 30_000);

	it("keys from a pipe drive it, and what happens is printed in plain lines", async () => {
		const { code, stdout, stderr } = await start([], "pcsuq");
		expect([code, stderr]).toEqual([0, ""]);
		expect(stdout).not.toContain("\u001b");
		for (const expected of [/station → BootNotification/, /cable in, the EV is ready/, /TransactionEvent +Started Authorized/,
			/← csms +RequestStopTransaction/, /TransactionEvent +Ended RemoteStop/, /cable out\n/]) {
			expect(stdout).toMatch(expected);
		}
	}, 40_000);
});
