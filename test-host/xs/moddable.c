/*
 * The test host's other main(): the firmware in a program that mcconfig built for x-cli-lin, on the SDK's own XS, behind the
 * same pipes. What main.c, memory.c and rom.c do here the SDK has done already; memory is the machine's, without a wall.
 * scripts/check-moddable.ts builds and starts it. The ports are functions in RAM here: their slots are not counted.
 * SPDX-License-Identifier: LGPL-3.0-or-later
 */

#include "host.h"
#include "xs.h"
#include "mc.xs.h"
#include <signal.h>
#include <sys/prctl.h>

const char* mainModule = NULL;
/* The engine of the SDK has no collection at each allocation. */
int gxStress = 0;
static int portSlots = 0;

void stop(int code, const char* format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	tellFatal(code, text);
	_exit(code);
}

int describeException(txMachine* the, char* text, size_t size)
{
	fxToStringBuffer(the, &mxException, text, (txSize)size);
	mxException = mxUndefined;
	return EXIT_EXCEPTION;
}

void fxAbort(txMachine* the, int status)
{
	char text[512] = "";
	switch (status) {
	case XS_NOT_ENOUGH_MEMORY_EXIT:
		stop(EXIT_MEMORY, "memory full");
	case XS_JAVASCRIPT_STACK_OVERFLOW_EXIT:
	case XS_NATIVE_STACK_OVERFLOW_EXIT:
		stop(EXIT_STACK, "stack overflow");
	case XS_NO_MORE_KEYS_EXIT:
		stop(EXIT_KEYS, "no more keys");
	case XS_DEAD_STRIP_EXIT:
		stop(EXIT_BUILT_IN, "a built-in that the linker stripped");
	case XS_UNHANDLED_EXCEPTION_EXIT:
		describeException(the, text, sizeof(text));
		stop(EXIT_EXCEPTION, "%s", text);
	case XS_UNHANDLED_REJECTION_EXIT:
		describeException(the, text, sizeof(text));
		stop(EXIT_REJECTION, "unhandled rejection: %s", text);
	default:
		stop(EXIT_ENGINE, "the engine ended with %d", status);
	}
}

void runJobs(txMachine* the)
{
	fxRunPromiseJobs(the);
}

txMachine* newDevice(void)
{
	txPreparation* preparation = xsPreparation();
	txMachine* the = fxPrepareMachine(NULL, preparation, "station", NULL, NULL);
	int before;
	if (!the)
		stop(EXIT_MEMORY, "memory full: the machine does not fit");
	mainModule = preparation->main;
	fxBeginHost(the);
	fxCollectGarbage(the);
	before = the->currentHeapCount;
	buildHost(the);
	fxCollectGarbage(the);
	portSlots = the->currentHeapCount - before;
	fxEndHost(the);
	return the;
}

void deleteDevice(txMachine* the)
{
	fxDeleteMachine(the);
}

/* This program has no TLS: its host says so, and nobody calls these. */
int failTlsAt(int n)
{
	return 0;
}

#define NO_TLS(NAME) void NAME(txMachine* the) { stop(EXIT_BUILT_IN, #NAME " is not in this program"); }
NO_TLS(tls_open)
NO_TLS(tls_add)
NO_TLS(tls_start)
NO_TLS(tls_run)
NO_TLS(tls_state)
NO_TLS(tls_read)
NO_TLS(tls_write)
NO_TLS(tls_close)
NO_TLS(crypto_digest)
NO_TLS(crypto_verify)
NO_TLS(crypto_make_key)
NO_TLS(crypto_sign)

int timesInMemory(txMachine* the, const txU1* data, size_t bytes)
{
	stop(EXIT_ENGINE, "the memory of this program has no borders");
}

void resetPeaks(txMachine* the)
{
	the->peakHeapCount = the->currentHeapCount;
}

void memoryReport(txMachine* the, char* text, size_t size)
{
	int slot = sizeof(txSlot);
	int slots = (int)the->currentHeapCount - portSlots;
	int peak = (int)the->peakHeapCount - portSlots;
	int chunks = (int)the->currentChunksSize;
	snprintf(text, size,
		"{\"slotBytes\":%d,\"slots\":%d,\"chunks\":%d,\"live\":%d,\"slotsPeak\":%d,\"chunksPeak\":%d,\"peak\":%d,"
		"\"keys\":%d,\"aliases\":%d,\"aliasesUsed\":0,\"stack\":0,\"stackPeak\":0,\"native\":0,\"nativePeak\":0,"
		"\"slotsReserved\":0,\"chunksReserved\":0,\"static\":0,\"used\":0,\"collections\":0,\"instructions\":0,"
		"\"tls\":0,\"tlsPeak\":0,\"tlsBlocks\":0}",
		slot, slots, chunks, slots * slot + chunks, peak, chunks, peak * slot + chunks,
		(int)(the->keyIndex - the->keyOffset), (int)the->aliasCount);
}

int main(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	/* As scripts of test-host/xs/xs-station.ts start it. */
	openPipes(3, 4);
	serve();
	return EXIT_FINE;
}
