// A board without a card reader: no token is ever presented, transactions start by remote command.

import type { TokenReader } from "../../modules/ports/reader.js";

export class NoneReader implements TokenReader {
	get idToken(): string {
		return "";
	}

	/** IdTokenEnumType for "nobody was asked". */
	get type(): string {
		return "NoAuthorization";
	}

	close(): void {}
}
