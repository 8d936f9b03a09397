// The card reader. The driver posts EventCode.tokenPresented; the station then fetches the token here.

export interface TokenReader {
	/** Value of the token shown last, e.g. the UID in hexadecimal; at most 36 characters. */
	readonly idToken: string;
	/** Its IdTokenEnumType, e.g. "ISO14443". */
	readonly type: string;
}
