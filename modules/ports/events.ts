// The codes that drivers and blocks post. The only values in ports/: small integers with names.
// Words of TriggerReasonEnumType are reused where one exists; events are in the past tense.

/** Posted by drivers as (code, evseIndex, value). evseIndex is ours, from 0; -1 where none is meant. */
export const enum EventCode {
	/** The cable is connected at both ends. */
	cablePluggedIn = 1,
	/** The EV has left: its side of the cable is open (value 0), or the whole cable left the station (value 1). */
	cableUnplugged = 2,
	/** The EV asks for energy (IEC 61851 state C, value 1) or pauses (state B, value 0). */
	evReady = 3,
	/** Current really flows (value 1) or has stopped (value 0). */
	energyFlowed = 4,
	/** A token was shown; fetch it from the TokenReader. evseIndex -1 where the reader serves all EVSEs. */
	tokenPresented = 5,
	/** A hardware fault began (value = bit of FaultBit). */
	faultRaised = 6,
	/** It ended (value = bit of FaultBit). */
	faultCleared = 7,
	/** The start button (value 1) or the stop button (value 0) of the EVSE was pressed. */
	buttonPressed = 8,
	/** The housing was opened. */
	tampered = 9,
}

/** Raised by blocks for other blocks (Station.raise), never by drivers. */
export const enum InternalEvent {
	/** evse.idToken and its companions are set; value 1 for a remote start, else 0. */
	authorized = 64,
	/** The authorization of evse has ended; value = StopCause. */
	authorizationEnded = 65,
	/** The CSMS refused the token of the running transaction of evse. */
	tokenRefused = 66,
	/** The clock was set by the CSMS; value = seconds that it went forward or back, 0 at the first time. */
	clockSet = 68,
	/** Something for the security log; value = securityEvent() of model/security-event.ts. */
	securityEvent = 72,
	/** TLS refused the server, told once per cause; value = SocketError. Critical security event (A00.FR.310). */
	serverRefused = 80,
}

/** Why an authorization or a transaction ended. */
export const enum StopCause {
	local = 0,
	remote = 1,
	deauthorized = 2,
	evDisconnected = 3,
	groundFault = 4,
	overcurrentFault = 5,
	otherFault = 6,
	immediateReset = 7,
	powerLoss = 8,
	reboot = 9,
}

/** Hardware faults as bits, so that several can be present at once. */
export const enum FaultBit {
	ground = 1,
	overcurrent = 2,
	welded = 4,
	lock = 8,
	meter = 16,
	internal = 32,
}

/** Causes of Host.restart(); the index of BootReasonEnumType that the next BootNotification gives (B01.FR.03). */
export const enum RestartCause {
	powerUp = 0,
	applicationReset = 1,
	firmwareUpdate = 2,
	localReset = 3,
	remoteReset = 4,
	scheduledReset = 5,
	triggered = 6,
	unknown = 7,
	watchdog = 8,
}

/** Socket errors that the station tells apart. */
export const enum SocketError {
	closed = 1,
	refused = 2,
	unresolved = 3,
	unsupported = 4,
	/** TLS: the chain does not end in an installed root, or none is installed. */
	unknownCa = 16,
	/** TLS: a certificate of the chain is past its time. */
	expired = 17,
	/** TLS: one whose time has not come. */
	notYetValid = 18,
	/** TLS: it is another server's certificate, or one with a wildcard. */
	wrongName = 19,
	/** TLS: a certificate of the chain is broken, forged or made for something else. */
	badCertificate = 20,
	/** TLS: the server speaks only versions before 1.2. */
	tlsVersion = 21,
	/** TLS: no cipher suite in common, as far as the server's alert tells. */
	tlsCipher = 22,
	/** TLS: the server sent a record longer than the input buffer. */
	recordTooLarge = 23,
	/** TLS: no memory for the handshake. */
	tlsMemory = 24,
	/** TLS: the server refused the certificate of the station. */
	clientRefused = 25,
	/** TLS: anything else. */
	tlsFailed = 26,
}

/** Diagnostic events of ports/log.ts: code, a, b. */
export const enum LogCode {
	/** a: RestartCause. */
	booted = 1,
	/** a: slot, b: 1 plain, 2 TLS. */
	connecting = 2,
	/** a: slot. */
	connected = 3,
	/** a: WebSocket close code or 0, b: SocketError or TransportFault. */
	disconnected = 4,
	/** a: HTTP status of a refused upgrade, b: TransportFault. */
	handshakeRefused = 5,
	/** a: RegistrationStatus. */
	registered = 6,
	/** A CALL was answered with an error; a: RpcError, b: action id or -1. */
	callRefused = 7,
	/** A CALL of ours was answered with an error; a: action id. */
	callErrorReceived = 8,
	/** No answer in time; a: action id. */
	callTimedOut = 9,
	/** A reply matched no CALL. */
	replyIgnored = 10,
	/** A message was longer than rx; a: bytes. */
	messageTooLong = 11,
	/** The flash refused; a: 1 read, 2 write, 3 erase, b: block. */
	flashFailed = 12,
	/** A record failed its check and was left out; a: block. */
	recordDamaged = 13,
	/** The queue is full and an event was not stored; a: seqNo. */
	queueRefused = 14,
	/** Updated events were thinned; a: how many. */
	queueThinned = 15,
	/** The inbox was full; a: event code. */
	inboxOverflow = 16,
	/** A transaction event was given up after its attempts; a: seqNo. */
	eventDiscarded = 17,
	/** The meter gave no reading; a: evseIndex. */
	meterSilent = 18,
	/** A token was not accepted; a: evseIndex, b: 0 offline, 1 by the CSMS. */
	tokenRefused = 20,
	/** A value on flash could not be kept; a: cell id. */
	cellRefused = 19,
	/** A security event could not be kept; a: kind of the record. */
	journalRefused = 21,
	/** Security events that waited were given up for newer ones; a: how many. */
	journalThinned = 22,
	/** An upload has ended; a: HTTP status, b: SocketError or TransportFault. */
	uploadEnded = 23,
}
