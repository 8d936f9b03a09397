// What XS offers beyond ECMAScript and the npm version of @moddable/typings (5.6.0) does not declare yet.
// Source: xs/sources/xsString.c fx_String_fromArrayBuffer (offset and length have been there since 2022).

/// <reference path="../node_modules/@moddable/typings/xs.d.ts" />

interface StringConstructor {
	/** Decodes UTF-8; stops at a zero byte. Throws on malformed UTF-8, so check first (core/scan.ts does). */
	fromArrayBuffer(buffer: ArrayBufferLike, byteOffset: number, byteLength: number): string;
}
