// Members of gzip: what we write Node's zlib reads, what zlib writes we read, damage is refused, and the heap is counted on XS.

import "../board/xs-globals.js";
import { spawnSync } from "node:child_process";
import { deflateRawSync, constants, crc32, gunzipSync, gzipSync } from "node:zlib";
import {
	DEFLATE_WORK_BYTES, INFLATE_WORK_BYTES, MEMBER_BYTES_MAX, MemberSource, deflateMember, inflateMember,
} from "../../modules/storage/gzip.js";
import { xsPerFile } from "./xs-kit.js";

/** Heap that a seal and a reading may take on XS, all buffers included. */
const SEAL_HEAP_MAX = 4096;
const READ_HEAP_MAX = 3072;
const INPUTS = 20_000;
const STRATEGIES = [
	constants.Z_DEFAULT_STRATEGY, constants.Z_FILTERED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE, constants.Z_FIXED,
];

function chance(seed: number): (below: number) => number {
	let state = (seed * 2654435761 + 1) >>> 0;
	return (below) => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return Math.floor((state / 4294967296) * below);
	};
}

/** One of the kinds of content: random, few values, copies of what was before, records with small differences, runs. */
function content(kind: number, bytes: number, random: (below: number) => number): Uint8Array {
	const made = new Uint8Array(bytes);
	const values = 1 + random(256);
	const far = 1 + random(400);
	for (let i = 0; i < bytes; i++) {
		switch (kind % 6) {
			case 0:
				made[i] = random(256);
				break;
			case 1:
				made[i] = random(values);
				break;
			case 2:
				made[i] = i >= far && random(10) > 0 ? made[i - 1 - random(far)] : random(256);
				break;
			case 3:
				made[i] = i % 10 < 3 ? 65 + (i % 10) : random(1 + random(64));
				break;
			case 4:
				made[i] = i > 0 && random(far) > 0 ? made[i - 1] : random(256);
				break;
			default:
				made[i] = random(1 + random(1 + random(256)));
		}
	}
	return made;
}

const work = new Uint8Array(DEFLATE_WORK_BYTES);
const room = new Uint8Array(MEMBER_BYTES_MAX + 100);

function deflated(input: Uint8Array): Uint8Array {
	const length = deflateMember(input, 0, input.length, room, 0, work);
	if (length < 0) throw new Error(`${input.length} bytes do not fit`);
	return room.slice(0, length);
}

/** A member that comes in pieces of so many bytes. */
class Pieces extends MemberSource {
	private next = 0;
	constructor(private readonly member: Uint8Array, private readonly pieceBytes: number) {
		super(member, 0, 0);
	}
	refill(): boolean {
		this.at = this.next;
		this.end = Math.min(this.member.length, this.next + this.pieceBytes);
		this.next = this.end;
		return this.end > this.at;
	}
}

const guard = new Uint8Array(INFLATE_WORK_BYTES + MEMBER_BYTES_MAX + 16);

/** What the member has in it; undefined when it is refused. Nothing but the output and the workspace is written. */
function inflated(source: MemberSource, roomBytes = MEMBER_BYTES_MAX): Uint8Array | undefined {
	const from = INFLATE_WORK_BYTES;
	guard.fill(0xa5);
	const length = inflateMember(source, guard, from, from + roomBytes, guard);
	for (let i = from + roomBytes; i < guard.length; i++) if (guard[i] !== 0xa5) throw new Error(`written behind the output, at ${i - from}`);
	if (length < 0) return undefined;
	return guard.slice(from, from + length);
}

const whole = (member: Uint8Array): MemberSource => new MemberSource(member, 0, member.length);

/** Bits, low ones first, as they are in a block of DEFLATE. */
class Bits {
	private readonly all: number[] = [];
	add(value: number, count: number): this {
		for (let i = 0; i < count; i++) this.all.push((value >> i) & 1);
		return this;
	}
	/** A member with these bits for its blocks and the CRC and length of `wanted`. */
	member(wanted: Uint8Array = new Uint8Array(0)): Uint8Array {
		const bytes = new Uint8Array((this.all.length + 7) >> 3);
		this.all.forEach((bit, i) => (bytes[i >> 3] |= bit << (i & 7)));
		return memberOf(bytes, wanted);
	}
}

function memberOf(blocks: Uint8Array, wanted: Uint8Array): Uint8Array {
	const trailer = new DataView(new ArrayBuffer(8));
	trailer.setUint32(0, crc32(wanted), true);
	trailer.setUint32(4, wanted.length, true);
	return Uint8Array.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, ...blocks, ...new Uint8Array(trailer.buffer)]);
}

describe("storage gzip", () => {
	const program = xsPerFile(32, false, "development");

	it(`zlib reads what we write and we read what zlib writes: ${INPUTS} inputs of 0 to 2,048 bytes`, () => {
		const random = chance(1);
		let wrong = 0;
		let worst = 0;
		for (let i = 0; i < INPUTS; i++) {
			// Every length, short ones more often.
			const bytes = i <= MEMBER_BYTES_MAX ? i : random(1 + random(MEMBER_BYTES_MAX + 1));
			const input = content(i, bytes, random);
			work.fill(i);
			room.fill(~i);
			const ours = deflated(input);
			worst = Math.max(worst, ours.length - bytes);
			if (!gunzipSync(ours, { windowBits: 11 }).equals(input)) wrong++;
			const theirs = i % 8 === 0 ? ours : gzipSync(input, {
				level: i % 10, windowBits: 9 + (i % 7), memLevel: 1 + (i % 9), strategy: STRATEGIES[(i >> 2) % STRATEGIES.length],
			});
			const back = inflated(i % 3 === 0 ? new Pieces(theirs, 1 + random(70)) : whole(theirs));
			if (back === undefined || Buffer.compare(back, input) !== 0) wrong++;
		}
		expect(wrong).toBe(0);
		expect(worst).toBeLessThanOrEqual(96);
	}, 120_000);

	it("members are as small as those of zlib's best level with the same window, within 3 %", () => {
		const random = chance(2);
		let ours = 0;
		let theirs = 0;
		let light = 0;
		for (let i = 0; i < 200; i++) {
			const input = content(3, 1024 + random(1025), random);
			ours += deflated(input).length;
			theirs += gzipSync(input, { level: 9, windowBits: 11 }).length;
			light += gzipSync(input, { level: 9, windowBits: 11, memLevel: 1 }).length;
		}
		expect(ours).toBeLessThan(theirs * 1.03);
		expect(ours).toBeLessThan(light);
	});

	it("copies reach back to the beginning of the longest input, and a window of 2,048 bytes is enough for them", () => {
		const text = content(0, 90, chance(3));
		const input = new Uint8Array(MEMBER_BYTES_MAX);
		input.set(text);
		input.set(text, MEMBER_BYTES_MAX - 90);
		const ours = deflated(input);
		expect(ours.length).toBeLessThan(200);
		expect(gunzipSync(ours, { windowBits: 11 }).equals(input)).toBeTrue();
		expect(inflated(whole(ours))).toEqual(input);
	});

	it("a member that does not fit is refused and nothing is written behind the room, and so is an input that is too long", () => {
		const random = chance(4);
		for (const kind of [0, 1, 2, 3, 4, 5]) {
			const input = content(kind, 300, random);
			const { length } = deflated(input);
			for (let bytes = 0; bytes <= length; bytes++) {
				const output = new Uint8Array(bytes + 7);
				const took = deflateMember(input, 0, input.length, output, 7, work);
				if (took !== (bytes === length ? length : -1)) fail(`kind ${kind}: ${bytes} of ${length}: ${took}`);
				if (output.subarray(0, 7).some((byte) => byte !== 0)) fail(`kind ${kind}: written in front`);
			}
		}
		expect(deflateMember(new Uint8Array(4000), 0, MEMBER_BYTES_MAX + 1, room, 0, work)).toBe(-1);
		expect(deflateMember(new Uint8Array(10), 5, 4, room, 0, work)).toBe(-1);
	});

	it("input, output and workspace may lie in one array", () => {
		const input = content(3, 1500, chance(5));
		const bytes = new Uint8Array(DEFLATE_WORK_BYTES + 1500 + 1400);
		bytes.set(input, DEFLATE_WORK_BYTES);
		const end = DEFLATE_WORK_BYTES + 1500;
		const length = deflateMember(bytes, DEFLATE_WORK_BYTES, end, bytes, end, bytes);
		expect(Buffer.compare(gunzipSync(bytes.subarray(end, end + length)), input)).toBe(0);
		expect(Buffer.compare(bytes.subarray(DEFLATE_WORK_BYTES, end), input)).toBe(0);
	});

	it("all three kinds of blocks are read, several in a member too", () => {
		const random = chance(6);
		const parts = [content(0, 200, random), content(5, 300, random), new Uint8Array(0), content(3, 600, random)];
		const options = [{ level: 0 }, { level: 9, strategy: constants.Z_FIXED }, { level: 9 }, { level: 9, windowBits: 9 }];
		for (let i = 0; i < 64; i++) {
			// A flushed block ends at a byte; the last one says that it is the last.
			const chosen = [parts[i & 3], parts[(i >> 2) & 3], parts[i >> 4]];
			const blocks = chosen.map((part, k) =>
				deflateRawSync(part, { ...options[(i + k) & 3], finishFlush: k === 2 ? constants.Z_FINISH : constants.Z_SYNC_FLUSH }));
			const wanted = Buffer.concat(chosen);
			expect(Buffer.compare(inflated(whole(memberOf(Buffer.concat(blocks), wanted)))!, wanted)).toBe(0);
		}
	});

	it("every truncation and every flipped bit of a member is refused, or changes nothing that counts", () => {
		const random = chance(7);
		let tried = 0;
		let harmless = 0;
		const members: [Uint8Array, Uint8Array][] = [];
		for (const kind of [0, 1, 2, 3, 4, 5]) {
			const input = content(kind, 150 + 10 * kind, random);
			members.push([input, deflated(input)], [input, gzipSync(input)], [input, gzipSync(input, { level: 0 })],
				[input, gzipSync(input, { strategy: constants.Z_FIXED })]);
		}
		const long = content(3, 2048, random);
		members.push([long, deflated(long)]);
		for (const [input, member] of members) {
			for (let length = 0; length < member.length; length++) {
				tried++;
				if (inflated(whole(member.subarray(0, length))) !== undefined) fail(`read from ${length} of ${member.length} bytes`);
			}
			for (let bit = 0; bit < member.length * 8; bit++) {
				tried++;
				const flipped = member.slice();
				flipped[bit >> 3] ^= 1 << (bit & 7);
				const back = inflated(whole(flipped));
				if (back === undefined) continue;
				harmless++;
				// Time, extra flags and operating system of the header; the padding of the last byte, and of stored blocks.
				if (Buffer.compare(back, input) !== 0) fail(`bit ${bit} changed the content`);
			}
		}
		expect(tried).toBeGreaterThan(40_000);
		expect(harmless).toBeLessThan(members.length * (48 + 7 + 5));
	}, 120_000);

	it("bytes of chance behind a right header never crash, hang or write where they may not", () => {
		const random = chance(8);
		let refused = 0;
		for (let i = 0; i < 20_000; i++) {
			const member = content(i, 18 + random(300), random);
			member.set([0x1f, 0x8b, 8, 0], 0);
			// Kinds of blocks in turns, each as the last one or not.
			member[10] = (member[10] & 0xf8) | (i & 7);
			const back = inflated(whole(member), random(MEMBER_BYTES_MAX + 1));
			if (back === undefined) refused++;
			else if (!gunzipSync(member).equals(back)) fail(`${i}: zlib reads something else`);
		}
		expect(refused).toBeGreaterThan(19_900);
	}, 60_000);

	it("codes and copies that RFC 1951 forbids are refused", () => {
		// The head of a block with codes of its own, and the lengths of the codes of lengths, in their order.
		const dynamic = (lengths: readonly number[]): Bits =>
			[...lengths, 0, 0, 0].slice(0, Math.max(4, lengths.length)).reduce((bits, length) => bits.add(length, 3),
				new Bits().add(1, 1).add(2, 2).add(0, 5).add(0, 5).add(Math.max(4, lengths.length) - 4, 4));
		const refused: { [name: string]: Uint8Array } = {
			"kind 3": new Bits().add(1, 1).add(3, 2).member(),
			"a copy of what was before the start": new Bits().add(1, 1).add(1, 2).add(0x40, 7).add(0, 5).add(0, 7).member(),
			"286 as a symbol": new Bits().add(1, 1).add(1, 2).add(0b01100011, 8).add(0, 7).member(),
			"287 codes of lengths": new Bits().add(1, 1).add(2, 2).add(30, 5).add(0, 5).add(15, 4).add(0, 200).member(),
			"31 codes of distances": new Bits().add(1, 1).add(2, 2).add(0, 5).add(30, 5).add(15, 4).add(0, 200).member(),
			"lengths of codes that are too many": dynamic(new Array(19).fill(1)).add(0, 300).member(),
			"lengths of codes that are too few": dynamic([0, 0, 0, 2, 2]).add(0, 300).member(),
			"a repetition of nothing": dynamic([1, 0, 0, 1]).add(1, 1).add(0, 300).member(),
			"no code for the end": dynamic([0, 0, 1, 1]).add(1, 1).add(127, 7).add(1, 1).add(109, 7).add(0, 8).member(),
			"more lengths than there are codes": dynamic([0, 0, 1, 1]).add(1, 1).add(127, 7).add(1, 1).add(127, 7).add(0, 8).member(),
			"a stored length that differs from its inverse": new Bits().add(1, 8).add(5, 16).add(5, 16).add(0, 40).member(new Uint8Array(5)),
		};
		for (const [name, member] of Object.entries(refused)) {
			expect(inflated(whole(member))).withContext(name).toBeUndefined();
			expect(() => gunzipSync(member)).withContext(name).toThrow();
		}
		// The same ways of writing bits, right.
		const stored = new Bits().add(1, 8).add(5, 16).add(5 ^ 0xffff, 16).add(0, 40).member(new Uint8Array(5));
		expect(inflated(whole(stored))).toEqual(new Uint8Array(5));
		expect(inflated(whole(new Bits().add(1, 1).add(1, 2).add(0, 7).member()))).toEqual(new Uint8Array(0));
	});

	it("a content that is longer than the room is refused, also when a match would run over its end", () => {
		const input = content(4, 1000, chance(9));
		const member = deflated(input);
		expect(inflated(whole(member), 1000)).toEqual(input);
		for (const bytes of [0, 1, 500, 999]) expect(inflated(whole(member), bytes)).toBeUndefined();
		expect(inflated(whole(gzipSync(input, { level: 0 })), 999)).toBeUndefined();
	});

	it("on XS a seal needs at most 4,096 bytes of heap with all buffers, a reading at most 3,072, and neither makes garbage", () => {
		const { host, root, list } = program();
		const main = "test-host/xs/firmware/gzip";
		const { stdout, status } = spawnSync(host, ["--root", root, "--preload", list, "--main", main], { encoding: "utf8" });
		expect(status).toBe(0);
		const lines = stdout.trim().split("\n").map((line) => line.split(" "));
		const figures = Object.fromEntries(lines.map(([name, value]) => [name, Number(value)]));
		console.log(`storage gzip: heap on XS to seal ${figures["heap.seal"]} bytes, to read ${figures["heap.read"]}`);
		expect(figures["heap.seal"]).toBeLessThanOrEqual(SEAL_HEAP_MAX);
		expect(figures["heap.read"]).toBeLessThanOrEqual(READ_HEAP_MAX);
		expect(figures).toEqual(jasmine.objectContaining({ "garbage.seal": 0, "garbage.read": 0, wrong: 0, refused: -1 }));
		expect(figures.member).toBeGreaterThan(100);
	});
});
