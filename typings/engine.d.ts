// What XS offers beyond ECMAScript and neither the SDK's typings nor the npm version (5.6.0) declare yet.
// No reference in here: mcconfig adds this file to the SDK's own xs.d.ts (manifest.json, typescript), and Node's build
// reaches it through xs.d.ts beside it.
// Source: xs/sources/xsString.c fx_String_fromArrayBuffer (offset and length have been there since 2022).

interface StringConstructor {
	/** Decodes UTF-8; stops at a zero byte. Throws on malformed UTF-8, so check first (core/scan.ts does). */
	fromArrayBuffer(buffer: ArrayBufferLike, byteOffset: number, byteLength: number): string;
}

interface Uint8ArrayConstructor {
	/** Throws SyntaxError for what is no base64 (XS 17, xs/sources/xsDataView.c fx_Uint8Array_fromBase64). */
	fromBase64(text: string): Uint8Array<ArrayBuffer>;
}
