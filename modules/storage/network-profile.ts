// A network profile as the text of its cell. Source: OCPP 2.0.1 Part 2, B09; NetworkConnectionProfileType.

/** Lines: security profile, message timeout in seconds, URL without the identity. */
export function networkProfileText(url: string, securityProfile: number, messageTimeoutSeconds: number): string {
	return String(securityProfile) + "\n" + String(messageTimeoutSeconds) + "\n" + url;
}

/** What a cell holds of a network profile. */
export interface NetworkProfile {
	securityProfile: number;
	messageTimeoutSeconds: number;
	url: string;
}

/** Takes the text of a cell apart; undefined when it is none of ours. */
export function parseNetworkProfile(text: string): NetworkProfile | undefined {
	const first = text.indexOf("\n");
	const second = text.indexOf("\n", first + 1);
	if (first < 0 || second < 0) return undefined;
	return {
		securityProfile: Number(text.slice(0, first)),
		messageTimeoutSeconds: Number(text.slice(first + 1, second)),
		url: text.slice(second + 1),
	};
}
