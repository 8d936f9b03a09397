/*
 * What the files of the test host share.
 * SPDX-License-Identifier: LGPL-3.0-or-later
 */

#ifndef STATION_XS_HOST_H
#define STATION_XS_HOST_H

#include "xsAll.h"
#include "xsScript.h"

/* Ends of the process, one for each thing that can go wrong; README.md explains them. */
enum {
	EXIT_FINE = 0,
	EXIT_USAGE = 2,
	EXIT_MEMORY = 10,
	EXIT_STACK = 11,
	EXIT_KEYS = 12,
	EXIT_BUILT_IN = 13,
	EXIT_EXCEPTION = 14,
	EXIT_REJECTION = 15,
	EXIT_ENGINE = 16,
};

/* True in a program of the SDK, which makes this header; moddable.c is there what main.c is here. */
#if __has_include("mc.xs.h")
#define STATION_SDK 1
#else
#define STATION_SDK 0
#endif

#ifndef STATION_TLS
#define STATION_TLS 0
#endif

/* memory.c */

typedef struct Arena Arena;
struct Arena {
	txByte* base;
	txSize bytes;
	/* Chunks grow from the front, the stack and the slots from the end. */
	txByte* low;
	txByte* high;
};

extern int gxStress;

/* While true, hostMalloc() counts: the machine of the firmware is being made or runs. */
extern int deviceRuns;
extern size_t nativeBytes;
extern size_t nativePeak;

Arena* newArena(txSize bytes);
void deleteArena(Arena* arena);
/* Makes all heaps of the machine that became ROM read-only, so that a write to ROM stops the program as on a chip. */
void protectRom(void);
/* Writes the memory of the firmware as one line of JSON. */
void memoryReport(txMachine* the, char* text, size_t size);
void resetPeaks(txMachine* the);
/* How often these bytes are in the memory of the firmware, used or not. */
int timesInMemory(txMachine* the, const txU1* data, size_t bytes);

/* Memory of TLS, which a device takes from its system heap: now, at most since the last new peak, and in how many blocks. */
extern size_t tlsBytes;
extern size_t tlsPeak;
extern int tlsBlocks;
/* The n-th allocation from now on fails, once; 0 for none. Returns how far the one that was to fail before is still away. */
int failTlsAt(int n);

/* rom.c */

/* Before the first module: what is there now is the engine's. */
void rememberBuiltIns(txMachine* the);
void importForRom(txMachine* the, const char* module);
void makeRom(txMachine* the);
/* Prints what is in ROM, and what is still mutable, as JSON. */
void romReport(txMachine* the, FILE* out);
extern int measureRom;
/* Objects and variables of scripts that are still mutable. */
extern int ownAliases;
/* Prepares a script that the clone loads. */
void linkInPlace(txMachine* the, txScript* script);

/* census.c */

void census(txMachine* the, txSlot* root, int depthMax, char* text, size_t size);

/* ports.c */

void buildHost(txMachine* the);
/* Serves commands until the other side is gone. */
void openPipes(int in, int out);
void serve(void);
void tellFatal(int code, const char* reason);

/* main.c; in a program of the SDK moddable.c */

extern txMachine* rom;
extern const char* mainModule;
txMachine* newDevice(void);
void runJobs(txMachine* the);
void deleteDevice(txMachine* the);
void stop(int code, const char* format, ...) __attribute__((noreturn, format(printf, 2, 3)));
/* Text of the exception that was caught, and the exit code that fits it. */
int describeException(txMachine* the, char* text, size_t size);

#endif
