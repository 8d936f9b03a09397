// NOR flash in one file, for the desktop station. Each write reaches the operating system before it returns, so a killed
// process loses nothing that was reported durable. A lock keeps two stations from sharing one store.

import {
	closeSync, existsSync, fstatSync, fsyncSync, linkSync, openSync, readFileSync, readSync, renameSync, unlinkSync,
	writeFileSync, writeSync,
} from "node:fs";
import type { FlashPartition } from "../../modules/ports/flash.js";

/** The image cannot be used as it is; the message is one line for a person. Nothing was written. */
export class FlashProblem extends Error {}

export class FileFlash implements FlashPartition {
	readonly blocks: number;
	reads = 0;
	writes = 0;
	erases = 0;
	bytesWritten = 0;
	private file: number;
	private readonly lock: string;
	private readonly old: Uint8Array;

	/**
	 * Opens an image, or makes a blank one. The directory must be there.
	 * @param blocks  of an image that is made new; one that is there keeps its size
	 * @param sync  also wait for the disk at each write: slow, and needed only where the machine itself may lose power
	 * @throws FlashProblem when another process uses it, it is no whole number of blocks, or it cannot be opened
	 */
	constructor(path: string, readonly blockBytes = 4096, blocks = 32, private readonly sync = false) {
		this.old = new Uint8Array(blockBytes);
		this.lock = path + ".lock";
		takeLock(this.lock);
		try {
			if (!existsSync(path)) makeBlank(path, blocks * blockBytes);
			this.file = openSync(path, "r+");
			const bytes = fstatSync(this.file).size;
			if (bytes === 0 || bytes % blockBytes !== 0) {
				closeSync(this.file);
				throw new FlashProblem(`flash image of ${bytes} bytes is no whole number of blocks of ${blockBytes}`);
			}
			this.blocks = bytes / blockBytes;
		} catch (error) {
			removeIfThere(this.lock);
			if (error instanceof FlashProblem) throw error;
			throw new FlashProblem((error as Error).message);
		}
	}

	read(at: number, bytes: Uint8Array, count: number): void {
		this.check(at, count);
		this.reads++;
		this.get(at, bytes, count);
	}

	write(at: number, bytes: Uint8Array, count: number): void {
		this.check(at, count);
		if (at % 4 !== 0 || count % 4 !== 0) throw new RangeError(`flash write is not aligned: ${at} + ${count}`);
		const old = count <= this.old.length ? this.old : new Uint8Array(count);
		this.get(at, old, count);
		for (let i = 0; i < count; i++) old[i] &= bytes[i];
		this.put(at, old, count);
		this.writes++;
		this.bytesWritten += count;
	}

	eraseBlock(block: number): void {
		this.check(block * this.blockBytes, this.blockBytes);
		this.old.fill(0xff);
		this.put(block * this.blockBytes, this.old, this.blockBytes);
		this.erases++;
	}

	/** Gives the store free. May be called twice. */
	close(): void {
		if (this.file < 0) return;
		closeSync(this.file);
		this.file = -1;
		removeIfThere(this.lock);
	}

	private get(at: number, bytes: Uint8Array, count: number): void {
		let done = 0;
		while (done < count) {
			const n = readSync(this.file, bytes, done, count - done, at + done);
			if (n === 0) throw new Error("flash file ends early");
			done += n;
		}
	}

	private put(at: number, bytes: Uint8Array, count: number): void {
		let done = 0;
		while (done < count) done += writeSync(this.file, bytes, done, count - done, at + done);
		if (this.sync) fsyncSync(this.file);
	}

	private check(at: number, count: number): void {
		if (at < 0 || count < 0 || at + count > this.blocks * this.blockBytes) throw new RangeError(`flash ${at} + ${count}`);
	}
}

/** A new image appears as a whole: a killed process leaves none, never half of one. */
function makeBlank(path: string, bytes: number): void {
	const file = openSync(path + ".new", "w", 0o600);
	const blank = new Uint8Array(65536).fill(0xff);
	for (let at = 0; at < bytes; at += blank.length) writeSync(file, blank, 0, Math.min(blank.length, bytes - at), at);
	fsyncSync(file);
	closeSync(file);
	renameSync(path + ".new", path);
}

/** The lock file names its owner; the lock of a process that is gone, as after SIGKILL, is taken over. */
function takeLock(path: string): void {
	const mine = `${path}.${process.pid}`;
	for (let attempt = 0; attempt < 3; attempt++) {
		try {
			// The lock appears with its content, so that nobody can take it for an empty, abandoned one.
			writeFileSync(mine, identityOf(process.pid), { mode: 0o600 });
			linkSync(mine, path);
			return;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw new FlashProblem((error as Error).message);
		} finally {
			removeIfThere(mine);
		}
		const owner = livingOwner(path);
		if (owner > 0) throw new FlashProblem(`the store is in use by process ${owner}`);
		removeIfThere(path);
	}
	throw new FlashProblem("the store is in use");
}

function removeIfThere(path: string): void {
	try {
		unlinkSync(path);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw new FlashProblem((error as Error).message);
	}
}

/** Process id of the owner of a lock while it lives, else 0. */
function livingOwner(path: string): number {
	let text: string;
	try {
		text = readFileSync(path, "utf8");
	} catch {
		return 0;
	}
	const pid = Number.parseInt(text, 10);
	return pid > 0 && isAlive(pid) && text === identityOf(pid) ? pid : 0;
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}

/** Process id and, where the system tells, when that process started: an id is given out again. */
function identityOf(pid: number): string {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		// A killed process whose parent has not asked for its exit code yet is still listed, but owns nothing any more.
		return fields[0] === "Z" || fields[0] === "X" ? `${pid} gone` : `${pid} ${fields[19]}`;
	} catch {
		return `${pid}`;
	}
}
