// The card reader of the virtual board. Like a real one it holds the last card only.

import type { TokenReader } from "../../modules/ports/reader.js";
import { EventCode } from "../../modules/ports/events.js";
import type { Post } from "./evse.js";

/** Longest idToken of IdTokenType (Part 2, IdTokenType.idToken: identifierString[36]). */
export const ID_TOKEN_MAX = 36;

export class CardReader implements TokenReader {
	idToken = "";
	type = "";

	constructor(private readonly post: Post) {}

	/**
	 * A card is held to the reader.
	 * @param idToken  its UID as text, at most ID_TOKEN_MAX characters
	 * @param type  IdTokenEnumType
	 * @param evseIndex  the EVSE whose reader it is, or -1 where one reader serves all
	 */
	present(idToken: string, type: string = "ISO14443", evseIndex: number = -1): void {
		this.idToken = idToken;
		this.type = type;
		this.post(EventCode.tokenPresented, evseIndex, 0);
	}
}
