// The file server of the simulator: HTTP/1.1 on wires in memory. It takes uploads, and at times refuses, falls silent or
// cuts the connection, as its habits say. Source: RFC 9112; OCPP 2.0.1 Part 2, N01.

import type { Scheduler } from "../board/clock.js";
import type { Dice } from "./dice.js";
import type { Wire, WireListener } from "./network.js";

/** Host of the URLs that the CSMS gives. */
export const FILE_HOST = "files.example";
const HEAD_MAX = 2048;

/** What the server tells the one who runs it. */
export interface FileWitness {
	/** A whole file has arrived; the station may hear of it or not. */
	uploaded(name: string, body: string): void;
	/** The station sent what is no HTTP request. */
	wrong(text: string): void;
	trace(text: string): void;
}

class Transfer implements WireListener {
	private rest = Buffer.alloc(0);
	private left = -1;
	private name = "";
	private body: Buffer[] = [];
	private over = false;

	constructor(private readonly server: FileServer, private readonly wire: Wire) {}

	onData(bytes: Uint8Array): void {
		if (this.over) return;
		this.rest = Buffer.concat([this.rest, bytes]);
		if (this.left < 0 && !this.takeHead()) return;
		const piece = this.rest.subarray(0, this.left);
		this.left -= piece.length;
		this.body.push(piece);
		this.rest = this.rest.subarray(piece.length);
		if (this.rest.length > 0) this.server.witness.wrong(`${this.rest.length} bytes behind a body`);
		if (this.left === 0) this.finish();
	}

	onEnd(): void {
		this.over = true;
	}

	/** False when the head is not whole yet. */
	private takeHead(): boolean {
		const { server } = this;
		const end = this.rest.indexOf("\r\n\r\n");
		if (end < 0) {
			if (this.rest.length > HEAD_MAX) server.witness.wrong("head is too long");
			return false;
		}
		const lines = this.rest.subarray(0, end).toString("latin1").split("\r\n");
		this.rest = this.rest.subarray(end + 4);
		const headers = new Map(lines.slice(1).map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
		const request = /^(PUT|POST) \/logs\/([\w.-]+) HTTP\/1\.1$/.exec(lines[0]);
		const length = Number(headers.get("content-length") ?? NaN);
		if (request === null || !(length >= 0) || headers.get("host") !== FILE_HOST || !headers.has("content-type")) {
			server.witness.wrong(lines.join(" | "));
		}
		this.name = request?.[2] ?? "";
		this.left = length;
		if (server.dice.chance(server.unreliable / 3)) this.end("cut in the body");
		return true;
	}

	private finish(): void {
		const { dice, unreliable, witness } = this.server;
		const body = Buffer.concat(this.body).toString("utf8");
		if (dice.chance(unreliable / 3)) return witness.trace("file server: silence");
		const status = dice.chance(unreliable) ? dice.pick([400, 401, 403, 404, 405, 500, 503]) : dice.pick([200, 201, 204]);
		if (status < 300) witness.uploaded(this.name, body);
		witness.trace(`file server: ${status}`);
		this.server.clock.after(dice.below(2000), () => {
			if (!this.over) this.wire.send(Buffer.from(`HTTP/1.1 ${status} x\r\nContent-Length: 0\r\n\r\n`, "latin1"));
		});
	}

	private end(why: string): void {
		this.server.witness.trace(`file server: ${why}`);
		this.over = true;
		this.wire.reset();
	}
}

export class FileServer {
	/** @param unreliable  probability that an upload is refused; a third of it, that it is cut or never answered */
	constructor(readonly clock: Scheduler, readonly dice: Dice, public unreliable: number, readonly witness: FileWitness) {}

	connect(wire: Wire): void {
		wire.listener = new Transfer(this, wire);
	}
}
