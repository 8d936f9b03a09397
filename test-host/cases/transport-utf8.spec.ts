// The UTF-8 check against the machine's decoder.

import { checkUtf8, UTF8_ACCEPT, UTF8_REJECT } from "../../modules/transport/utf8.js";
import { SeededEntropy } from "../board/entropy.js";

const decoder = new TextDecoder("utf-8", { fatal: true });

function isText(bytes: Uint8Array): boolean {
	try {
		decoder.decode(bytes);
		return true;
	} catch {
		return false;
	}
}

describe("transport: UTF-8", () => {
	it("RFC 3629 §4 all strings of one and two bytes, and all of three that begin with E0 to F5 or 80, are judged right", () => {
		const wrong: string[] = [];
		const judge = (...bytes: number[]): void => {
			const array = Uint8Array.from(bytes);
			if ((checkUtf8(array, 0, array.length, UTF8_ACCEPT) === UTF8_ACCEPT) !== isText(array)) wrong.push(bytes.join(" "));
		};
		for (let a = 0; a < 256; a++) {
			judge(a);
			for (let b = 0; b < 256; b++) {
				judge(a, b);
				if ((a >= 0xe0 && a <= 0xf5) || a === 0x80) for (const c of [0, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]) judge(a, b, c);
				if (a >= 0xf0 && a <= 0xf5) for (const c of [0x7f, 0x80, 0xbf, 0xc0]) for (const d of [0x7f, 0x80, 0xbf, 0xc0]) judge(a, b, c, d);
			}
		}
		expect(wrong).toEqual([]);
	});

	it("RFC 3629 §4 every character from U+0000 to U+10FFFF is accepted, checked in pieces cut at every place", () => {
		const encoder = new TextEncoder();
		let refused = 0;
		for (let code = 0; code <= 0x10ffff; code += code < 0x10000 ? 7 : 251) {
			if (code >= 0xd800 && code <= 0xdfff) continue;
			const bytes = encoder.encode(String.fromCodePoint(code) + "a");
			for (let cut = 0; cut <= bytes.length; cut++) {
				const state = checkUtf8(bytes, 0, cut, UTF8_ACCEPT);
				if (state === UTF8_REJECT || checkUtf8(bytes, cut, bytes.length, state) !== UTF8_ACCEPT) refused++;
			}
		}
		expect(refused).toBe(0);
	});

	it("20,000 texts with one changed byte are judged as the machine does", () => {
		const chance = new SeededEntropy(12);
		const text = Buffer.from("a0{\"x\":\"äß€中\u{1f600}\u{10ffff}\"}");
		let different = 0;
		let texts = 0;
		for (let i = 0; i < 20_000; i++) {
			const bytes = Uint8Array.from(text);
			bytes[chance.below(bytes.length)] = chance.next();
			const good = checkUtf8(bytes, 0, bytes.length, UTF8_ACCEPT) === UTF8_ACCEPT;
			if (good) texts++;
			if (good !== isText(bytes)) different++;
		}
		expect(different).toBe(0);
		expect(texts).toBeGreaterThan(1000);
		expect(texts).toBeLessThan(19_000);
	});
});
