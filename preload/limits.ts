// Every bound of the station, in one place. A bound that cannot hold together with another stops the build: the
// relations at the end run while the linker preloads this module.

export const enum LIMITS {
	/**
	 * Longest CALL that is kept whole. A longer one keeps its head and is answered FormatViolation (B06.FR.17). Room for
	 * an InstallCertificate of 5,500 characters, its line ends and slashes escaped, in a frame with the longest id.
	 */
	rxBytes = 5952,
	/** Bytes of payload in one WebSocket frame of ours; a longer message is sent as fragments of this size. */
	txBytes = 512,
	/** Bytes taken from the socket in one read. */
	socketReadBytes = 256,
	/** Bytes that pass between TLS and its socket at once; the buffer is there from the first secure connection on. */
	tlsWireBytes = 256,
	/** Deepest nesting of a frame that is looked at; the deepest valid OCPP message has 13 levels without customData. */
	depthMax = 24,
	/** Part 4 §4.1.4: longest message id. */
	messageIdMax = 36,
	/** Part 4 §4.2.3: longest errorDescription. */
	errorDescriptionMax = 255,
	/** Frames of one message and control frames between two messages, against floods of tiny frames. */
	fragmentsMax = 64,
	/** Window in which control frames between two messages are counted against fragmentsMax. */
	controlWindowMs = 10_000,
	/** Bytes and lines of the answer to a WebSocket upgrade; a longer one is refused. */
	handshakeBytesMax = 4096,
	handshakeLinesMax = 64,
	/** Time for a WebSocket close handshake; then the socket is cut. */
	closeMs = 5000,
	/** Shortest and longest wait between two attempts to connect, whatever the RetryBackOff variables say. */
	backOffMsMin = 100,
	backOffMsMax = 86_400_000,
	/** Longest chain of CertificateSigned in characters; announced by SecurityCtrlr.MaxCertificateChainSize. */
	certificateChainBytes = 5280,
	/** Ring of driver events; the oldest facts are never overwritten, a full ring refuses and counts. */
	inboxEvents = 32,
	/** Items answered in one GetVariables, SetVariables; announced by DeviceDataCtrlr.ItemsPerMessage. */
	itemsPerMessage = 8,
	/** Largest GetVariables, SetVariables request; announced by DeviceDataCtrlr.BytesPerMessage. */
	bytesPerMessage = 4096,
	/** Longest value of a variable that can be set; announced by DeviceDataCtrlr.ConfigurationValueSize. */
	configurationValueBytes = 1000,
	/** Report rows in one NotifyReport. */
	reportRowsPerMessage = 4,
	/** Slots for network profiles; the values of NetworkConfigurationPriority (B09.FR.05). */
	networkProfilesMax = 2,
	/** Readings of one transaction that its Ended event carries, the first among them and the last not. */
	endedSamplesMax = 8,
	/** Longest time between two steps of the station. */
	sleepMsMax = 60_000,
	/** Buffer for one record of the store, frame included: the largest event that is kept (storage/outbox.ts). */
	recordBytes = 1024,
	/** Longest value of a cell in bytes of UTF-8. */
	cellBytes = 1000,
	/** EVSEs of the largest build. */
	evsesMax = 4,
	/** No clock of this firmware can be before this, UTC ms (2026-01-01): for dates of certificates. */
	buildUtcMs = 1_767_225_600_000,
	/** An upload that does not move for so long has failed, and so has one that takes longer than this in all. */
	uploadIdleMs = 30_000,
	uploadMsMax = 600_000,
	/** Wait between two attempts to upload when the CSMS names none, and most attempts that it may ask for. */
	uploadRetrySeconds = 60,
	uploadTriesMax = 100,
	/** A clock that the CSMS moves by this or more is told as SettingSystemTime. */
	clockStepSeconds = 30,
	/** Security events of one kind that an outsider can cause are written once in this time. */
	securityEventMs = 60_000,
	/** Earliest time of day that is believed: 2020-01-01. A CSMS that tells less has no clock itself. */
	utcMsMin = 1_577_836_800_000,
	/** Seconds until the next BootNotification when the CSMS answers Pending or Rejected with interval 0. */
	bootIntervalSeconds = 60,
}

function holds(condition: boolean, relation: string): void {
	if (!condition) throw new Error("limits.ts: " + relation);
}
holds(LIMITS.bytesPerMessage <= LIMITS.rxBytes, "bytesPerMessage must fit rxBytes");
holds(LIMITS.handshakeBytesMax <= LIMITS.rxBytes - LIMITS.socketReadBytes, "a header line and a read must fit rxBytes");
holds(LIMITS.certificateChainBytes + 200 <= LIMITS.rxBytes, "a chain and the frame around it must fit rxBytes");
holds((LIMITS.certificateChainBytes / 4) * 3 + 133 <= 4096, "a chain with its key must fit a block of flash");
holds(LIMITS.txBytes >= 256 && LIMITS.txBytes <= 2048, "txBytes is a WebSocket fragment of 256 to 2048 bytes");
holds(LIMITS.configurationValueBytes < LIMITS.bytesPerMessage, "a settable value must fit its request");
holds(LIMITS.configurationValueBytes <= LIMITS.cellBytes, "a settable value must fit its cell");
holds(LIMITS.cellBytes + 16 <= LIMITS.recordBytes, "a cell, its frame of 8 bytes and its number must fit recordBytes");
holds(LIMITS.recordBytes % 4 === 0 && LIMITS.recordBytes <= 2048, "a record must fit a block of flash beside others");
