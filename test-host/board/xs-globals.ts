// What XS has and Node lacks, as far as the firmware uses it. Import it before any module of the station.

const deepFreeze = (value: unknown): void => {
	if (value === null || (typeof value !== "object" && typeof value !== "function")) return;
	// Node cannot freeze the elements of a typed array; XS puts them in ROM, where a write throws.
	if (ArrayBuffer.isView(value) || Object.isFrozen(value)) return;
	plainFreeze(value);
	for (const member of Object.values(value)) deepFreeze(member);
};

const plainFreeze: (value: object) => unknown = Object.freeze;
Object.freeze = ((value: unknown, deep?: boolean) => {
	if (value === null || typeof value !== "object") return value;
	if (deep === true) deepFreeze(value);
	else plainFreeze(value);
	return value;
}) as typeof Object.freeze;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
String.fromArrayBuffer = ((buffer: ArrayBuffer, byteOffset: number = 0, byteLength: number = buffer.byteLength - byteOffset): string =>
	utf8.decode(new Uint8Array(buffer, byteOffset, byteLength))) as typeof String.fromArrayBuffer;
ArrayBuffer.fromString = (text: string): ArrayBuffer => {
	const bytes = new TextEncoder().encode(text);
	return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as unknown as ArrayBuffer;
};
