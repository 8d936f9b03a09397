// The terminal of npm start: messages scroll, one status line per EVSE stays at the bottom. Where stdout is no terminal the
// same lines are plain, and the status is printed when it changes.

import { styleText } from "node:util";
import type { Seen } from "./watch.js";

type Style = Parameters<typeof styleText>[0];

export class Panel {
	private readonly isLive: boolean;
	private status: string[] = [];
	private shown = 0;

	/** @param out  where to write; its isTTY decides between a live and a plain panel */
	constructor(private readonly out: NodeJS.WriteStream = process.stdout) {
		this.isLive = out.isTTY === true && process.env.TERM !== "dumb";
	}

	/** A line that stays. */
	line(text: string, style?: Style): void {
		this.clear();
		this.out.write((style === undefined ? text : this.paint(style, text)) + "\n");
		this.draw();
	}

	/** A message: time, direction, action, what matters in it. */
	message(seen: Seen): void {
		const time = new Date().toISOString().slice(11, 23);
		const arrow = seen.fromStation ? this.paint("cyan", "station →") : this.paint("magenta", "← csms   ");
		const isReply = seen.type !== 2;
		const action = (isReply ? "  " + (seen.action || "reply") : seen.action).padEnd(24);
		const gist = seen.type === 4 ? this.paint("red", seen.gist) : isReply ? this.paint("dim", seen.gist) : seen.gist;
		this.line(`${this.paint("dim", time)} ${arrow} ${action} ${this.shortened(gist, 48)}`);
	}

	/** The lines at the bottom. */
	show(status: readonly string[]): void {
		const same = status.length === this.status.length && status.every((line, index) => line === this.status[index]);
		if (same) return;
		this.clear();
		this.status = [...status];
		this.draw();
	}

	/** Leaves the terminal as it was found; the status goes. */
	end(): void {
		this.clear();
		this.status = [];
	}

	private paint(style: Style, text: string): string {
		return this.isLive ? styleText(style, text) : text;
	}

	/** Cuts a text so that `used` columns and it fit one line; a wrapped line would break the redrawing. */
	private shortened(text: string, used: number): string {
		if (!this.isLive) return text;
		const room = Math.max(20, (this.out.columns ?? 80) - used);
		// Colour codes take no columns; texts with them are cut a little later, which costs nothing but a wrapped line.
		return text.length > room + 12 ? text.slice(0, room + 8) + "…\u001b[0m" : text;
	}

	private clear(): void {
		if (!this.isLive || this.shown === 0) return;
		this.out.write(`\r\u001b[${this.shown}A\u001b[0J`);
		this.shown = 0;
	}

	private draw(): void {
		if (!this.isLive || this.status.length === 0) return;
		const columns = this.out.columns ?? 80;
		for (const line of this.status) this.out.write(styleText("inverse", line.slice(0, columns - 1).padEnd(columns - 1)) + "\n");
		this.shown = this.status.length;
	}
}
