// The values of the device model: preload/variables.ts gives the defaults, a cell on flash overrides one.
// Numbers, booleans and list masks are kept in RAM (4 bytes each) because they are asked for at every step; texts stay
// on flash. Source: OCPP 2.0.1 Part 2, B05.

import { LIMITS } from "../../preload/limits.js";
import {
	CELL,
	DATA_TYPE,
	DEFAULT,
	DataType,
	MAX,
	MIN,
	NO_CELL,
	VALUES_LIST,
	VARIABLE_COUNT,
	Variable,
} from "../../preload/variables.js";
import { parseDateTime } from "../core/datetime.js";
import { parseDecimal } from "../core/decimal.js";
import type { Cells } from "./cells.js";
import { variableCell } from "./cell-ids.js";

const INTEGER_MAX = 0x7fffffff;

export class Variables {
	private readonly cells: Cells;
	private readonly numbers: Int32Array;

	/** `cells` must be open. */
	constructor(cells: Cells) {
		this.cells = cells;
		this.numbers = new Int32Array(VARIABLE_COUNT);
		for (let id = 0; id < VARIABLE_COUNT; id++) this.numbers[id] = numberOf(id, this.text(id));
	}

	/** The value as OCPP text; "" for one that is unset, or that only live code knows (LIVE). */
	text(id: number): string {
		const cell = CELL[id] as number;
		if (cell === NO_CELL) return DEFAULT[id] as string;
		const kept = this.cells.get(variableCell(cell));
		return kept === undefined ? (DEFAULT[id] as string) : kept;
	}

	/** Value of an integer; 0 or 1 of a boolean; of a list one bit per entry of its valuesList; 0 of other types. */
	number(id: number): number {
		return this.numbers[id] as number;
	}

	/** Keeps a value that `accepts` allows. True means that it is on flash; false, that nothing has changed. */
	set(id: number, value: string): boolean {
		const cell = CELL[id] as number;
		if (cell === NO_CELL) return false;
		if (this.text(id) === value) return true;
		if (!this.cells.set(variableCell(cell), value)) return false;
		this.numbers[id] = numberOf(id, value);
		return true;
	}
}

/** True when `value` has the type, range and list membership of the variable (B05.FR.07, B05.FR.08, B05.FR.09). */
export function accepts(id: number, value: string): boolean {
	if (value.length > LIMITS.configurationValueBytes) return false;
	switch (DATA_TYPE[id]) {
		case DataType.boolean:
			return value === "true" || value === "false";
		case DataType.integer:
			return isInteger(value) && inRange(id, Number(value)) && Math.abs(Number(value)) <= INTEGER_MAX;
		case DataType.decimal:
			return inRange(id, parseDecimal(value));
		case DataType.dateTime:
			return !isNaN(parseDateTime(value));
		case DataType.string:
			return value.length >= shortest(id) && value.length <= (MAX[id] as number);
		case DataType.OptionList:
			return listMask(id, value) > 0 && value.indexOf(",") < 0;
		case DataType.SequenceList:
			return value.length <= (MAX[id] as number) && listMask(id, value) > 0;
		default:
			return value.length <= (MAX[id] as number) && listMask(id, value) >= 0;
	}
}

/** A00.FR.205: a password has 16 characters at least; other texts may be empty. */
function shortest(id: number): number {
	return id === Variable.SecurityBasicAuthPassword ? 16 : 0;
}

function inRange(id: number, value: number): boolean {
	return value >= (MIN[id] as number) && value <= (MAX[id] as number);
}

function isInteger(text: string): boolean {
	const from = text.charCodeAt(0) === 0x2d ? 1 : 0;
	if (text.length === from || text.length > from + 10) return false;
	for (let i = from; i < text.length; i++) {
		const digit = text.charCodeAt(i);
		if (digit < 0x30 || digit > 0x39) return false;
	}
	return true;
}

function numberOf(id: number, text: string): number {
	switch (DATA_TYPE[id]) {
		case DataType.boolean:
			return text === "true" ? 1 : 0;
		case DataType.integer:
			return Number(text);
		case DataType.MemberList:
		case DataType.SequenceList:
		case DataType.OptionList:
			return Math.max(0, listMask(id, text));
		default:
			return 0;
	}
}

/** One bit per entry of the variable's valuesList that occurs in `text`; -1 when an entry is foreign or doubled. */
function listMask(id: number, text: string): number {
	if (text === "") return 0;
	const known = (VALUES_LIST[id] as string).split(",");
	const given = text.split(",");
	let mask = 0;
	for (let i = 0; i < given.length; i++) {
		const at = known.indexOf((given[i] as string).trim());
		if (at < 0 || mask & (1 << at)) return -1;
		mask |= 1 << at;
	}
	return mask;
}
