// Why a connection ended or was refused, as one small integer. 1 to 63 are those of ports/events.ts SocketError, which
// the socket gives; these are ours.

export const enum TransportFault {
	none = 0,
	/** The answer to the upgrade is not HTTP, or its lines are malformed. */
	notHttp = 64,
	/** The HTTP status is not 101; it is reported beside this. */
	status = 65,
	/** More header bytes or lines than LIMITS allows. */
	headerTooLarge = 66,
	/** `Upgrade: websocket` is missing. */
	upgrade = 67,
	/** `Connection: Upgrade` is missing. */
	connection = 68,
	/** Sec-WebSocket-Accept is missing or does not belong to our key. */
	accept = 69,
	/** Sec-WebSocket-Protocol is missing or not ocpp2.0.1 (Part 4 §3.1.2). */
	subprotocol = 70,
	/** The server chose an extension, though none was offered. */
	extension = 71,
	/** The server broke RFC 6455, or a limit of ours; the close code tells which. */
	protocol = 72,
	/** No connection within the time limit. */
	openTimeout = 73,
	/** A ping was not answered in time (Part 4 §5.2). */
	pongTimeout = 74,
	/** The peer did not end a closing connection in time. */
	closeTimeout = 75,
	/** An upload did not move, or took too long in all. */
	uploadTimeout = 76,
	/** What was to be uploaded could not be read to its end. */
	uploadSource = 77,
	/** The URL of the profile cannot be used: no scheme that is spoken here. */
	urlScheme = 80,
	/** It holds a user name or password, or a fragment. */
	urlPart = 81,
	/** Its host is empty or malformed. */
	urlHost = 82,
	/** Its port is not 1 to 65535. */
	urlPort = 83,
	/** It holds a character that a URL may not hold, or is longer than urlMax. */
	urlCharacter = 84,
}
