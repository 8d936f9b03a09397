/*
 * The firmware's ports. The board (EVSEs, flash, network, clock, chance) lives in the process that started this one; each
 * call of a port becomes one message through a pipe, and the answer is waited for, so the firmware sees ordinary functions.
 * The other side gives commands: boot, step, post and what its sockets have to tell. test-host/xs/xs-station.ts is that
 * side and has the same table of messages.
 *
 * A message: u32 bytes that follow, u8 operation, then values: i32, f64, or u32 length with bytes; all little-endian.
 * SPDX-License-Identifier: LGPL-3.0-or-later
 */

#include "host.h"
#include <errno.h>

/* Questions: an answer comes back. */
enum {
	ASK_SET_UTC = 1,
	ASK_ENTROPY,
	ASK_FLASH_READ,
	ASK_FLASH_WRITE,
	ASK_FLASH_ERASE,
	ASK_OPEN,
	ASK_READ,
	ASK_WRITE,
	ASK_WRITABLE,
	ASK_CLOSE,
	ASK_ENERGIZE,
	ASK_RELEASE,
	ASK_LOCK,
	ASK_SAMPLE,
	ASK_TOKEN,
	/* Told without an answer. */
	TELL_LOG = 64,
	TELL_GENERATED,
	TELL_TRAFFIC,
	TELL_RESTART,
	TELL_WAKE,
	TELL_SHOW,
	TELL_SHOW_EVSE,
	TELL_PRINT,
	TELL_QUEUED,
	TELL_FATAL = 250,
	TELL_DONE = 251,
};

/* From the other side. */
enum {
	GIVE_ANSWER = 1,
	GIVE_COMMAND = 2,
};

enum {
	DO_BOOT = 1,
	DO_START,
	DO_STEP,
	DO_POST,
	DO_STOP,
	DO_INSPECT,
	DO_READABLE,
	DO_WRITABLE,
	DO_ERROR,
	DO_HALT,
	DO_MEMORY,
	DO_STRESS,
	DO_QUEUE,
	DO_CENSUS,
	DO_FAIL_TLS,
	DO_SEARCH,
};

#define TEXTS_MAX 32
#define NUMBERS_MAX 32
#define ROOTS_MAX 8

static int pipeIn = -1;
static int pipeOut = -1;
static txMachine* device = NULL;
/* The object that the main module's default export returned. */
static txSlot firmware;
static int isBooted = 0;
/* Time stands still while the firmware runs: it comes with each command. */
static txInteger nowTicks = 0;
static txNumber nowUtc = 0;
/* The name plate and the build of the board; they are in ROM on a device, so strings of the firmware point here. */
static char* texts[TEXTS_MAX];
static txNumber numbers[NUMBERS_MAX];
/* Roots of the CSMS that the board was made with, in DER. */
static struct {
	txU1* data;
	size_t bytes;
} roots[ROOTS_MAX];
static txNumber readings[8];
static int stressAsked = 0;

/* One message at a time in each direction. */
static txU1* sending = NULL;
static size_t sendingSize = 0;
static size_t sendingLength = 0;
static txU1* received = NULL;
static size_t receivedSize = 0;
static size_t receivedLength = 0;
static size_t receivedAt = 0;

static void begin(int operation)
{
	sendingLength = 4;
	if (!sending)
		sending = malloc(sendingSize = 4096);
	sending[sendingLength++] = (txU1)operation;
}

static void put(const void* data, size_t bytes)
{
	if (sendingLength + bytes > sendingSize) {
		sendingSize = (sendingLength + bytes) * 2;
		sending = realloc(sending, sendingSize);
	}
	memcpy(sending + sendingLength, data, bytes);
	sendingLength += bytes;
}

static void putInteger(txInteger value)
{
	put(&value, 4);
}

static void putNumber(txNumber value)
{
	put(&value, 8);
}

static void putBytes(const void* data, size_t bytes)
{
	putInteger((txInteger)bytes);
	put(data, bytes);
}

static void transmit(void)
{
	txU4 length = (txU4)(sendingLength - 4);
	size_t at = 0;
	memcpy(sending, &length, 4);
	while (at < sendingLength) {
		ssize_t count = write(pipeOut, sending + at, sendingLength - at);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			_exit(EXIT_FINE);
		at += count;
	}
}

static void take(void* data, size_t bytes)
{
	if (receivedAt + bytes > receivedLength)
		stop(EXIT_ENGINE, "a message ends early");
	memcpy(data, received + receivedAt, bytes);
	receivedAt += bytes;
}

static txInteger takeInteger(void)
{
	txInteger value;
	take(&value, 4);
	return value;
}

static txNumber takeNumber(void)
{
	txNumber value;
	take(&value, 8);
	return value;
}

static txU1* takeBytes(size_t* bytes)
{
	txU1* result;
	*bytes = (size_t)takeInteger();
	if (receivedAt + *bytes > receivedLength)
		stop(EXIT_ENGINE, "a message ends early");
	result = received + receivedAt;
	receivedAt += *bytes;
	return result;
}

/* True when `bytes` have come; the end of the pipe is the end of this process. */
static void readFully(txU1* data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t count = read(pipeIn, data, bytes);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			_exit(EXIT_FINE);
		data += count;
		bytes -= count;
	}
}

static int receive(void)
{
	txU1 head[5];
	txU4 length;
	readFully(head, 5);
	memcpy(&length, head, 4);
	receivedLength = length - 1;
	if (receivedLength > receivedSize) {
		receivedSize = receivedLength * 2;
		received = realloc(received, receivedSize);
	}
	readFully(received, receivedLength);
	receivedAt = 0;
	return head[4];
}

static void execute(void);

/* Asks what was put together; the answer can be taken when this returns. */
static void ask(txMachine* the)
{
	transmit();
	while (receive() != GIVE_ANSWER)
		/* The board posts while the firmware is in one of its calls. */
		execute();
	{
		txU1 status;
		take(&status, 1);
		if (status) {
			static char text[256];
			size_t bytes;
			txU1* data = takeBytes(&bytes);
			if (bytes >= sizeof(text))
				bytes = sizeof(text) - 1;
			memcpy(text, data, bytes);
			text[bytes] = 0;
			mxUnknownError("%s", text);
		}
	}
}

static txInteger integerAt(txMachine* the, int index)
{
	return mxArgc > index ? fxToInteger(the, mxArgv(index)) : 0;
}

static txNumber numberAt(txMachine* the, int index)
{
	return mxArgc > index ? fxToNumber(the, mxArgv(index)) : 0;
}

/* Bytes [from, to) of the Uint8Array in an argument; valid until the engine allocates. */
static txU1* bytesAt(txMachine* the, int index, txInteger from, txInteger to, int toWrite)
{
	txSlot *slot, *view, *buffer;
	if (mxArgc <= index || mxArgv(index)->kind != XS_REFERENCE_KIND)
		mxTypeError("no bytes");
	slot = mxArgv(index)->value.reference->next;
	if (!slot || slot->kind != XS_TYPED_ARRAY_KIND || slot->value.typedArray.dispatch->size != 1)
		mxTypeError("no bytes");
	view = slot->next;
	buffer = view->next->value.reference->next;
	if (from < 0 || to < from || to > view->value.dataView.size)
		mxRangeError("bytes %d to %d of %d", from, to, view->value.dataView.size);
	if (toWrite && (buffer->flag & XS_DONT_SET_FLAG))
		mxTypeError("bytes in ROM");
	return (txU1*)buffer->value.arrayBuffer.address + view->value.dataView.offset + from;
}

static void putText(txMachine* the, int index)
{
	txString text = fxToString(the, mxArgv(index));
	putBytes(text, strlen(text));
}

static void port_ticks(txMachine* the)
{
	fxInteger(the, mxResult, nowTicks);
}

static void port_utc(txMachine* the)
{
	fxNumber(the, mxResult, nowUtc);
}

static void port_setUtc(txMachine* the)
{
	begin(ASK_SET_UTC);
	putNumber(numberAt(the, 0));
	ask(the);
	nowUtc = takeNumber();
}

static void port_fill(txMachine* the)
{
	txInteger from = integerAt(the, 1), to = integerAt(the, 2);
	size_t bytes;
	txU1* data;
	bytesAt(the, 0, from, to, 1);
	begin(ASK_ENTROPY);
	putInteger(to - from);
	ask(the);
	data = takeBytes(&bytes);
	memcpy(bytesAt(the, 0, from, from + (txInteger)bytes, 1), data, bytes);
}

static void port_flashRead(txMachine* the)
{
	txInteger count = integerAt(the, 2);
	size_t bytes;
	txU1* data;
	bytesAt(the, 1, 0, count, 1);
	begin(ASK_FLASH_READ);
	putInteger(integerAt(the, 0));
	putInteger(count);
	ask(the);
	data = takeBytes(&bytes);
	memcpy(bytesAt(the, 1, 0, (txInteger)bytes, 1), data, bytes);
}

static void port_flashWrite(txMachine* the)
{
	txInteger count = integerAt(the, 2);
	begin(ASK_FLASH_WRITE);
	putInteger(integerAt(the, 0));
	putBytes(bytesAt(the, 1, 0, count, 0), count);
	ask(the);
}

static void port_flashErase(txMachine* the)
{
	begin(ASK_FLASH_ERASE);
	putInteger(integerAt(the, 0));
	ask(the);
}

static void port_open(txMachine* the)
{
	begin(ASK_OPEN);
	putText(the, 0);
	putInteger(integerAt(the, 1));
	putInteger(integerAt(the, 2));
	ask(the);
	fxInteger(the, mxResult, takeInteger());
}

static void port_read(txMachine* the)
{
	txInteger from = integerAt(the, 2), to = integerAt(the, 3);
	size_t bytes;
	txU1* data;
	bytesAt(the, 1, from, to, 1);
	begin(ASK_READ);
	putInteger(integerAt(the, 0));
	putInteger(to - from);
	ask(the);
	data = takeBytes(&bytes);
	memcpy(bytesAt(the, 1, from, from + (txInteger)bytes, 1), data, bytes);
	fxInteger(the, mxResult, (txInteger)bytes);
}

static void port_write(txMachine* the)
{
	txInteger from = integerAt(the, 2), to = integerAt(the, 3);
	begin(ASK_WRITE);
	putInteger(integerAt(the, 0));
	putBytes(bytesAt(the, 1, from, to, 0), to - from);
	ask(the);
}

static void port_writable(txMachine* the)
{
	begin(ASK_WRITABLE);
	putInteger(integerAt(the, 0));
	ask(the);
	fxInteger(the, mxResult, takeInteger());
}

static void port_close(txMachine* the)
{
	begin(ASK_CLOSE);
	putInteger(integerAt(the, 0));
	ask(the);
}

static void port_energize(txMachine* the)
{
	begin(ASK_ENERGIZE);
	putInteger(integerAt(the, 0));
	putNumber(numberAt(the, 1));
	ask(the);
}

static void port_release(txMachine* the)
{
	begin(ASK_RELEASE);
	putInteger(integerAt(the, 0));
	ask(the);
}

static void port_lock(txMachine* the)
{
	begin(ASK_LOCK);
	putInteger(integerAt(the, 0));
	putInteger(integerAt(the, 1));
	ask(the);
	fxBoolean(the, mxResult, takeInteger() != 0);
}

/* Takes a reading; reading(k) then gives its k-th value: energy, power, three currents, three voltages. */
static void port_sample(txMachine* the)
{
	txInteger isThere;
	begin(ASK_SAMPLE);
	putInteger(integerAt(the, 0));
	ask(the);
	isThere = takeInteger();
	for (int i = 0; i < 8; i++)
		readings[i] = takeNumber();
	fxBoolean(the, mxResult, isThere != 0);
}

static void port_reading(txMachine* the)
{
	txInteger index = integerAt(the, 0);
	fxNumber(the, mxResult, index >= 0 && index < 8 ? readings[index] : 0);
}

static void port_token(txMachine* the)
{
	size_t bytes;
	txU1* data;
	char text[128];
	begin(ASK_TOKEN);
	putInteger(integerAt(the, 0));
	ask(the);
	data = takeBytes(&bytes);
	if (bytes >= sizeof(text))
		bytes = sizeof(text) - 1;
	memcpy(text, data, bytes);
	text[bytes] = 0;
	fxString(the, mxResult, text);
}

static void port_log(txMachine* the)
{
	begin(TELL_LOG);
	putInteger(integerAt(the, 0));
	putNumber(numberAt(the, 1));
	putNumber(numberAt(the, 2));
	transmit();
}

static void port_generated(txMachine* the)
{
	begin(TELL_GENERATED);
	putText(the, 0);
	putInteger(integerAt(the, 1));
	putInteger(integerAt(the, 2));
	putNumber(numberAt(the, 3));
	transmit();
}

static void port_traffic(txMachine* the)
{
	txInteger from = integerAt(the, 2), to = integerAt(the, 3);
	begin(TELL_TRAFFIC);
	putInteger(integerAt(the, 0));
	putInteger(integerAt(the, 4));
	putBytes(bytesAt(the, 1, from, to, 0), to - from);
	transmit();
}

static void port_restart(txMachine* the)
{
	begin(TELL_RESTART);
	putInteger(integerAt(the, 0));
	transmit();
}

static void port_wake(txMachine* the)
{
	begin(TELL_WAKE);
	transmit();
}

static void port_show(txMachine* the)
{
	begin(TELL_SHOW);
	for (int i = 0; i < 7; i++)
		putNumber(numberAt(the, i));
	transmit();
}

static void port_showEvse(txMachine* the)
{
	begin(TELL_SHOW_EVSE);
	putInteger(integerAt(the, 0));
	putText(the, 1);
	putNumber(numberAt(the, 2));
	putText(the, 3);
	transmit();
}

static void port_queued(txMachine* the)
{
	begin(TELL_QUEUED);
	putText(the, 0);
	putInteger(integerAt(the, 1));
	putText(the, 2);
	putText(the, 3);
	transmit();
}

static void port_text(txMachine* the)
{
	txInteger index = integerAt(the, 0);
	mxResult->kind = XS_STRING_X_KIND;
	mxResult->value.string = index >= 0 && index < TEXTS_MAX && texts[index] ? texts[index] : (txString)"";
}

static void port_number(txMachine* the)
{
	txInteger index = integerAt(the, 0);
	fxNumber(the, mxResult, index >= 0 && index < NUMBERS_MAX ? numbers[index] : 0);
}

/* Length of a root, 0 when there is none; copies it to the bytes that are given. */
static void port_root(txMachine* the)
{
	txInteger index = integerAt(the, 0);
	size_t bytes = index >= 0 && index < ROOTS_MAX ? roots[index].bytes : 0;
	if (mxArgc > 1)
		memcpy(bytesAt(the, 1, 0, (txInteger)bytes, 1), roots[index].data, bytes);
	fxInteger(the, mxResult, (txInteger)bytes);
}

static void port_print(txMachine* the)
{
	txString text = fxToString(the, mxArgv(0));
	if (pipeOut >= 0) {
		begin(TELL_PRINT);
		putBytes(text, strlen(text));
		transmit();
	}
	else
		printf("%s\n", text);
}

static void port_collect(txMachine* the)
{
	fxCollectGarbage(the);
}

/* What a program may want to know of its memory: 0 live bytes of slots and chunks, 1 slots, 2 chunk bytes, 3 keys. */
static void port_memory(txMachine* the)
{
	switch (integerAt(the, 0)) {
	case 0: fxInteger(the, mxResult, the->currentHeapCount * (txInteger)sizeof(txSlot) + the->currentChunksSize); break;
	case 1: fxInteger(the, mxResult, the->currentHeapCount); break;
	case 2: fxInteger(the, mxResult, the->currentChunksSize); break;
	case 3: fxInteger(the, mxResult, the->keyIndex - the->keyOffset); break;
	}
}

#if STATION_TLS
/* modules/transport/tls: tls.c, crypto.c */
extern void tls_open(txMachine* the);
extern void tls_add(txMachine* the);
extern void tls_start(txMachine* the);
extern void tls_run(txMachine* the);
extern void tls_state(txMachine* the);
extern void tls_read(txMachine* the);
extern void tls_write(txMachine* the);
extern void tls_close(txMachine* the);
extern void tls_forget(void);
extern void crypto_digest(txMachine* the);
extern void crypto_verify(txMachine* the);
extern void crypto_make_key(txMachine* the);
extern void crypto_sign(txMachine* the);
#endif

static const struct {
	const char* name;
	txCallback callback;
} PORTS[] = {
	{ "ticks", port_ticks }, { "utc", port_utc }, { "setUtc", port_setUtc }, { "fill", port_fill },
	{ "flashRead", port_flashRead }, { "flashWrite", port_flashWrite }, { "flashErase", port_flashErase },
	{ "open", port_open }, { "read", port_read }, { "write", port_write }, { "writable", port_writable },
	{ "close", port_close }, { "energize", port_energize }, { "release", port_release }, { "lock", port_lock },
	{ "sample", port_sample }, { "reading", port_reading }, { "token", port_token }, { "log", port_log },
	{ "generated", port_generated }, { "traffic", port_traffic }, { "restart", port_restart }, { "wake", port_wake },
	{ "show", port_show }, { "showEvse", port_showEvse }, { "queued", port_queued }, { "text", port_text }, { "number", port_number },
	{ "root", port_root }, { "print", port_print }, { "collect", port_collect }, { "memory", port_memory },
#if STATION_TLS
	/* What native() of these names is on a device; see port_native. */
	{ "tls_open", tls_open }, { "tls_add", tls_add }, { "tls_start", tls_start }, { "tls_run", tls_run },
	{ "tls_state", tls_state }, { "tls_read", tls_read }, { "tls_write", tls_write }, { "tls_close", tls_close },
	{ "crypto_digest", crypto_digest }, { "crypto_verify", crypto_verify }, { "crypto_make_key", crypto_make_key },
	{ "crypto_sign", crypto_sign },
#endif
};

#if !STATION_SDK
/* On a device the compiler binds native("name") to the function of C; here it is looked up in the host. */
static void port_native(txMachine* the)
{
	txID id = fxFindName(the, fxToString(the, mxArgv(0)));
	mxPushSlot(&mxGlobal);
	mxGetID(fxFindName(the, "host"));
	mxGetID(id);
	mxPullSlot(mxResult);
}
#endif

void buildHost(txMachine* the)
{
	txSlot* slot;
	mxPush(mxObjectPrototype);
	slot = fxLastProperty(the, fxNewObjectInstance(the));
	for (size_t i = 0; i < sizeof(PORTS) / sizeof(PORTS[0]); i++)
		slot = fxNextHostFunctionProperty(the, slot, PORTS[i].callback, 0, fxNewNameC(the, (txString)PORTS[i].name), XS_DONT_ENUM_FLAG);
	fxNextBooleanProperty(the, slot, STATION_TLS, fxNewNameC(the, "hasTls"), XS_DONT_ENUM_FLAG);
	mxPushSlot(&mxGlobal);
	fxSetID(the, fxNewNameC(the, "host"));
	mxPop();
#if !STATION_SDK
	slot = fxLastProperty(the, mxGlobal.value.reference);
	fxNextHostFunctionProperty(the, slot, port_native, 1, fxNewNameC(the, "native"), XS_DONT_ENUM_FLAG);
#endif
}

/* Result of the last call into the firmware. */
static int callStatus;
static txNumber callResult;
static char callText[512];

static void keepResult(txMachine* the)
{
	callResult = 0;
	if (the->stack->kind == XS_INTEGER_KIND)
		callResult = the->stack->value.integer;
	else if (the->stack->kind == XS_NUMBER_KIND)
		callResult = the->stack->value.number;
	else if (the->stack->kind == XS_BOOLEAN_KIND)
		callResult = the->stack->value.boolean;
}

static void call(txMachine* the, const char* method, int count, const txNumber* arguments)
{
	callStatus = 0;
	callResult = 0;
	fxBeginHost(the);
	{
		mxTry(the) {
			mxOverflow(-8);
			mxPushSlot(&firmware);
			mxDub();
			fxGetID(the, fxFindName(the, (txString)method));
			mxCall();
			for (int i = 0; i < count; i++) {
				if (arguments[i] == (txInteger)arguments[i])
					mxPushInteger((txInteger)arguments[i]);
				else
					mxPushNumber(arguments[i]);
			}
			mxRunCount(count);
			keepResult(the);
			mxPop();
		}
		mxCatch(the) {
			callStatus = describeException(the, callText, sizeof(callText));
		}
	}
	fxEndHost(the);
	runJobs(the);
}

static void forget(void)
{
	if (!device)
		return;
	if (isBooted)
		fxForget(device, &firmware);
	isBooted = 0;
	deleteDevice(device);
	device = NULL;
#if STATION_TLS
	tls_forget();
	failTlsAt(0);
#endif
	for (int i = 0; i < TEXTS_MAX; i++) {
		free(texts[i]);
		texts[i] = NULL;
	}
	for (int i = 0; i < ROOTS_MAX; i++) {
		free(roots[i].data);
		roots[i].data = NULL;
		roots[i].bytes = 0;
	}
}

static void boot(void)
{
	txMachine* the;
	int count;
	forget();
	count = takeInteger();
	for (int i = 0; i < count; i++) {
		size_t bytes;
		txU1* data = takeBytes(&bytes);
		if (i >= TEXTS_MAX)
			continue;
		/* The engine reads strings in words. */
		texts[i] = malloc((bytes + 8) & ~(size_t)7);
		memcpy(texts[i], data, bytes);
		texts[i][bytes] = 0;
	}
	count = takeInteger();
	for (int i = 0; i < count; i++) {
		txNumber value = takeNumber();
		if (i < NUMBERS_MAX)
			numbers[i] = value;
	}
	count = takeInteger();
	for (int i = 0; i < count; i++) {
		size_t bytes;
		txU1* data = takeBytes(&bytes);
		if (i >= ROOTS_MAX)
			continue;
		roots[i].data = malloc(bytes);
		memcpy(roots[i].data, data, bytes);
		roots[i].bytes = bytes;
	}
	the = device = newDevice();
	gxStress = stressAsked;
	callStatus = 0;
	callResult = 0;
	fxBeginHost(the);
	{
		mxTry(the) {
			mxPushUndefined();
			mxPushStringX((txString)mainModule);
			fxAwaitImport(the, XS_IMPORT_DEFAULT);
			mxCall();
			mxRunCount(0);
			keepResult(the);
			if (mxIsReference(the->stack)) {
				firmware = *the->stack;
				isBooted = 1;
				fxRemember(the, &firmware);
			}
			mxPop();
		}
		mxCatch(the) {
			callStatus = describeException(the, callText, sizeof(callText));
		}
	}
	fxEndHost(the);
}

/* The command that was received, to its end. */
static void execute(void)
{
	static char report[16384];
	txNumber arguments[3];
	txU1 command;
	report[0] = 0;
	nowTicks = takeInteger();
	nowUtc = takeNumber();
	take(&command, 1);
	if (command != DO_BOOT && command != DO_STRESS && command != DO_HALT && !isBooted) {
		callStatus = EXIT_ENGINE;
		snprintf(callText, sizeof(callText), "no firmware is running");
	}
	else switch (command) {
	case DO_BOOT:
		boot();
		break;
	case DO_START:
		arguments[0] = takeInteger();
		call(device, "start", 1, arguments);
		break;
	case DO_STEP:
		call(device, "step", 0, arguments);
		break;
	case DO_POST:
		for (int i = 0; i < 3; i++)
			arguments[i] = takeInteger();
		call(device, "post", 3, arguments);
		break;
	case DO_STOP:
		call(device, "stop", 0, arguments);
		break;
	case DO_INSPECT:
		call(device, "inspect", 0, arguments);
		break;
	case DO_QUEUE:
		call(device, "queue", 0, arguments);
		break;
	case DO_READABLE:
	case DO_WRITABLE:
	case DO_ERROR:
		arguments[0] = takeInteger();
		arguments[1] = takeInteger();
		call(device, command == DO_READABLE ? "readable" : command == DO_WRITABLE ? "writable" : "failed", 2, arguments);
		break;
	case DO_HALT:
		forget();
		callStatus = 0;
		break;
	case DO_MEMORY: {
		/* Bit 0 collects first, bit 1 starts new peaks afterwards. */
		txInteger what = takeInteger();
		callStatus = 0;
		if (what & 1)
			fxCollectGarbage(device);
		memoryReport(device, report, sizeof(report));
		if (what & 2)
			resetPeaks(device);
		break;
	}
	case DO_CENSUS: {
		txInteger depth = takeInteger();
		callStatus = 0;
		fxCollectGarbage(device);
		census(device, &firmware, depth, report, sizeof(report));
		break;
	}
	case DO_FAIL_TLS:
		/* The n-th allocation of TLS from now on gets nothing; 0 ends that. */
		callResult = failTlsAt(takeInteger());
		callStatus = 0;
		break;
	case DO_SEARCH: {
		size_t bytes;
		txU1* data = takeBytes(&bytes);
		callStatus = 0;
		callResult = timesInMemory(device, data, bytes);
		break;
	}
	case DO_STRESS:
		/* A collection at each allocation: peaks then count only what is needed. */
		gxStress = stressAsked = takeInteger();
		callStatus = 0;
		break;
	default:
		stop(EXIT_ENGINE, "unknown command %d", command);
	}
	begin(TELL_DONE);
	putInteger(callStatus);
	putNumber(callResult);
	if (callStatus)
		putBytes(callText, strlen(callText));
	else
		putBytes(report, strlen(report));
	transmit();
}

void tellFatal(int code, const char* reason)
{
	begin(TELL_FATAL);
	putInteger(code);
	putBytes(reason, strlen(reason));
	transmit();
}

void openPipes(int in, int out)
{
	pipeIn = in;
	pipeOut = out;
}

void serve(void)
{
	for (;;) {
		if (receive() != GIVE_COMMAND)
			stop(EXIT_ENGINE, "an answer without a question");
		execute();
	}
}
