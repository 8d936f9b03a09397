// A ring of integer triples, made once: the inbox between drivers and the station. The oldest entries are never
// overwritten; a full ring refuses and counts, because the first fact of a burst is the one that matters.

const SIZE = 3;

export class Ring {
	#entries: Int32Array;
	#first = 0;
	#count = 0;
	/** Entries refused because the ring was full. */
	refused = 0;
	/** The entry that shift() took. */
	a = 0;
	b = 0;
	c = 0;

	/** @param capacity entries that fit */
	constructor(capacity: number) {
		this.#entries = new Int32Array(capacity * SIZE);
	}

	/** Entries that wait. */
	get length(): number {
		return this.#count;
	}

	/** Appends (a, b, c), each a signed 32-bit integer; false when the ring is full. */
	push(a: number, b: number, c: number): boolean {
		const entries = this.#entries;
		if (this.#count * SIZE === entries.length) {
			this.refused++;
			return false;
		}
		const at = ((this.#first + this.#count) * SIZE) % entries.length;
		entries[at] = a;
		entries[at + 1] = b;
		entries[at + 2] = c;
		this.#count++;
		return true;
	}

	/** Takes the oldest entry into a, b, c; false when there is none. */
	shift(): boolean {
		if (this.#count === 0) return false;
		const entries = this.#entries;
		const at = this.#first * SIZE;
		this.a = entries[at]!;
		this.b = entries[at + 1]!;
		this.c = entries[at + 2]!;
		this.#first = at + SIZE === entries.length ? 0 : this.#first + 1;
		this.#count--;
		return true;
	}
}
