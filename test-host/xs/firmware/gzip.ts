// A program for the test host alone: on XS it seals bytes like those of packed events, reads them again, and prints what heap
// that took. Each line is a name and a number of bytes.

import {
	DEFLATE_WORK_BYTES, INFLATE_WORK_BYTES, MemberSource, deflateMember, inflateMember,
} from "../../../modules/storage/gzip.js";
import "./native.js";

/** Content of a member, and room for the member. */
const CONTENT = 1536;
const MEMBER = 1160;
const PIECE = 32;

/** A member read piece by piece, into the array that the workspace is in too. */
class Pieces extends MemberSource {
	constructor(bytes: Uint8Array, private readonly place: number, private readonly flash: Uint8Array, private readonly to: number) {
		super(bytes, place, place);
	}

	private from = 0;

	refill(): boolean {
		this.at = this.place;
		this.end = this.place;
		for (let i = 0; i < PIECE && this.from < this.to; i++) this.bytes[this.end++] = this.flash[this.from++] as number;
		return this.end > this.at;
	}
}

/** Records of ten bytes: a shape and a length that stay, differences that are small and of either sign. */
function fill(bytes: Uint8Array, from: number, to: number): void {
	let chance = 1;
	for (let at = from; at < to; at++) {
		chance = (chance * 1103 + 12345) & 0xffff;
		const column = (at - from) % 10;
		bytes[at] = column < 3 ? 9 + column : (chance >> 8) & (column < 6 ? 7 : 31);
	}
}

function live(): number {
	host.collect();
	return host.memory(0);
}

function seal(flash: Uint8Array): number {
	const before = live();
	const bytes = new Uint8Array(DEFLATE_WORK_BYTES + CONTENT + MEMBER);
	const from = DEFLATE_WORK_BYTES;
	fill(bytes, from, from + CONTENT);
	const empty = host.memory(0);
	const length = deflateMember(bytes, from, from + CONTENT, bytes, from + CONTENT, bytes);
	host.print("garbage.seal " + String(host.memory(0) - empty));
	host.print("heap.seal " + String(live() - before));
	host.print("member " + String(length));
	for (let i = 0; i < length; i++) flash[i] = bytes[from + CONTENT + i] as number;
	host.print("refused " + String(deflateMember(bytes, from, from + CONTENT, bytes, bytes.length - length + 1, bytes)));
	return length;
}

function read(flash: Uint8Array, length: number, content: number): void {
	const before = live();
	const bytes = new Uint8Array(INFLATE_WORK_BYTES + content + PIECE);
	const source = new Pieces(bytes, INFLATE_WORK_BYTES + content, flash, length);
	const empty = host.memory(0);
	const got = inflateMember(source, bytes, INFLATE_WORK_BYTES, INFLATE_WORK_BYTES + content, bytes);
	host.print("garbage.read " + String(host.memory(0) - empty));
	host.print("heap.read " + String(live() - before));
	const same = new Uint8Array(CONTENT);
	fill(same, 0, CONTENT);
	let wrong = got - CONTENT;
	for (let i = 0; i < CONTENT; i++) if (same[i] !== bytes[INFLATE_WORK_BYTES + i]) wrong++;
	host.print("wrong " + String(wrong));
}

export default function measure(): void {
	const flash = new Uint8Array(CONTENT);
	const length = seal(flash);
	read(flash, length, 2048);
}
