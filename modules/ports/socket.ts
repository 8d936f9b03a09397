// A byte stream to the CSMS, in the shape of an ECMA-419 §24 TCP socket, but reading and writing ranges of the caller's
// buffers, so that nothing is allocated per call. TLS, where it is used, is behind this port.

/** What TLS judges a server by, and whom it tells. Asked at each handshake: a new root counts from the next. */
export interface Trust {
	/** Roots that a chain may end in; no other is trusted, no public bundle either. */
	readonly roots: number;
	/** Longest root. */
	readonly rootBytesMax: number;
	/** Present time, UTC ms; NaN while the clock was never set. */
	readonly utcMs: number;
	/** Present time is not before this: what expired earlier is refused even without a clock. */
	readonly floorMs: number;
	/**
	 * Puts root `index` in DER, from its byte `from` on, to bytes[0, …), as much of it as there is room for.
	 * @returns the length of the whole root; 0 when there is none or it cannot be read
	 */
	loadRoot(index: number, bytes: Uint8Array, from: number): number;
	/**
	 * The same for what the station shows of itself (security profile 3): part 0 is the private key, in DER or as the 32
	 * bytes of a P-256 key, and the parts behind it are certificates in DER, the station's own first. Part 0 is 0 when it
	 * has none. Whoever asks wipes the buffer.
	 */
	loadOwn?(part: number, bytes: Uint8Array, from: number): number;
	/** The handshake is done and the server was found right; the time in which all certificates of its chain are valid. */
	accepted(notBeforeMs: number, notAfterMs: number): void;
	/** It was refused with this SocketError; onError follows. */
	refused(error: number): void;
}

/** What to connect to, and whom to tell. Callbacks are called as methods of this object, so it may be an instance. */
export interface SocketOptions {
	/** Host name or address. */
	host: string;
	port: number;
	/** True asks for TLS (wss). A maker without TLS calls onError(SocketError.unsupported). */
	secure: boolean;
	/** For secure connections; without it no server is trusted. */
	readonly trust?: Trust | undefined;
	/** `count` bytes can be read. Called from an empty stack, never from inside a call of the socket. */
	onReadable(count: number): void;
	/** `count` bytes can be written; the first call means that the connection stands. */
	onWritable(count: number): void;
	/** The connection failed or was closed by the peer; after that only close() may be called. */
	onError(error: number): void;
}

export interface Socket {
	/** Bytes that write() takes now. */
	readonly writable: number;
	/** Copies at most to - from received bytes to bytes[from, …) and returns how many; 0 when none are there. */
	read(bytes: Uint8Array, from: number, to: number): number;
	/** Sends bytes[from, to), which must not be more than `writable`. */
	write(bytes: Uint8Array, from: number, to: number): void;
	/** Ends the connection; no callback follows. May be called twice. */
	close(): void;
}

export interface SocketMaker {
	/** True where secure connections can be made; absent where they cannot. */
	readonly speaksTls?: boolean;
	/** Starts to connect; never throws for what the network does (that is onError). */
	open(options: SocketOptions): Socket;
}
