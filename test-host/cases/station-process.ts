// The desktop station as a process, for the cases that drive it from outside.

import { spawn, type ChildProcess } from "node:child_process";
import { connect, type Socket } from "node:net";
import { resolve } from "node:path";

const PROGRAM = resolve(__dirname, "../../scripts/station");
/** How long anything may take on a loaded machine. */
const WAIT_MS = 10_000;

/** scripts/station, driven over its control port. */
export class StationProcess {
	readonly events: { ev: string; [name: string]: unknown }[] = [];
	stdout = "";
	stderr = "";
	readonly ended: Promise<{ code: number | null; signal: string | null }>;
	private readonly child: ChildProcess;
	private socket: Socket | undefined;
	private readonly answers = new Map<number, (answer: { ok: boolean; result: unknown; error?: string }) => void>();
	private watchers: (() => void)[] = [];
	private nextId = 1;

	constructor(args: readonly string[]) {
		this.child = spawn(PROGRAM, args, { stdio: ["ignore", "pipe", "pipe"] });
		this.child.stdout!.on("data", (text: Buffer) => this.saw(() => (this.stdout += text.toString())));
		this.child.stderr!.on("data", (text: Buffer) => this.saw(() => (this.stderr += text.toString().replace(/^station: building .*\n/gm, ""))));
		this.ended = new Promise((done) => this.child.on("close", (code, signal) => done({ code, signal })));
	}

	private saw(change: () => void): void {
		change();
		for (const watcher of this.watchers.slice()) watcher();
	}

	/** Waits until `found` gives something. */
	until<T>(found: () => T | undefined, what: string): Promise<T> {
		return new Promise((done, fail) => {
			const timer = setTimeout(() => fail(new Error(`no ${what}; stderr: ${this.stderr}`)), WAIT_MS);
			const look = (): void => {
				const value = found();
				if (value === undefined) return;
				clearTimeout(timer);
				this.watchers = this.watchers.filter((watcher) => watcher !== look);
				done(value);
			};
			this.watchers.push(look);
			look();
		});
	}

	async control(): Promise<this> {
		const port = await this.until(() => /^CTL (\d+)\n/m.exec(this.stdout)?.[1], "CTL line");
		const socket = connect(Number(port), "127.0.0.1");
		this.socket = socket;
		socket.setEncoding("utf8");
		socket.on("error", () => undefined);
		let rest = "";
		socket.on("data", (text: string) => {
			const lines = (rest + text).split("\n");
			rest = lines.pop() ?? "";
			for (const line of lines) {
				const message = JSON.parse(line) as { ev?: string; id: number; ok: boolean; result: unknown };
				if (message.ev !== undefined) this.saw(() => this.events.push(message as never));
				else this.answers.get(message.id)?.(message);
			}
		});
		await new Promise((done) => socket.once("connect", done));
		return this;
	}

	async command(cmd: string, args?: object): Promise<unknown> {
		const id = this.nextId++;
		const answer = new Promise<{ ok: boolean; result: unknown; error?: string }>((done) => this.answers.set(id, done));
		this.socket!.write(JSON.stringify({ id, cmd, args }) + "\n");
		const { ok, result, error } = await answer;
		if (!ok) throw new Error(`${cmd}: ${error}`);
		return result;
	}

	event(ev: string, wanted: (event: { [name: string]: unknown }) => boolean = () => true): Promise<{ [name: string]: unknown }> {
		return this.until(() => this.events.find((event) => event.ev === ev && wanted(event)), `event ${ev}`);
	}

	get pid(): number {
		return this.child.pid!;
	}

	kill(signal: NodeJS.Signals): Promise<{ code: number | null; signal: string | null }> {
		this.child.kill(signal);
		return this.ended;
	}
}
