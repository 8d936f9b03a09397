/*
 * What the XS sources ask of a platform, for the test host: 32-bit and 64-bit Linux, one thread, counted allocations.
 * SPDX-License-Identifier: LGPL-3.0-or-later
 */

#ifndef STATION_XS_PLATFORM_H
#define STATION_XS_PLATFORM_H

#undef mxLinux
#define mxLinux 1
#undef mxLittleEndian
#define mxLittleEndian 1
#define mxExport extern
#define mxImport extern
#define XS_FUNCTION_NORETURN __attribute__((noreturn))

#include <arpa/inet.h>
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define mxUseGCCAtomics 1
#define mxUsePOSIXThreads 1

/* One arena for everything that a device has in `creation.static`; NULL for the machine that is made into ROM. */
#define mxMachinePlatform \
	struct Arena* arena; \
	int promiseJobs; \
	void* waiterCondition; \
	void* waiterData; \
	void* waiterLink;

#define mxUseDefaultBuildKeys 1
#define mxUseDefaultParseScript 1
#define mxUseDefaultSharedChunks 1

/* Memory that the engine takes beside its heaps: counted while the firmware runs, because a device has to have it too. */
extern void* hostMalloc(size_t bytes);
extern void* hostCalloc(size_t count, size_t bytes);
extern void* hostRealloc(void* data, size_t bytes);
extern void hostFree(void* data);
#define c_malloc hostMalloc
#define c_calloc hostCalloc
#define c_realloc hostRealloc
#define c_free hostFree
#define c_malloc_uint32 hostMalloc
#define c_free_uint32 hostFree

#endif
