/*
 * Memory of both machines. The one that becomes ROM gets pages that are made read-only when it is ready; the firmware's
 * gets one arena of `static` bytes for stack, slots and chunks. The tables that the engine allocates beside it are counted.
 * SPDX-License-Identifier: LGPL-3.0-or-later
 */

#define _GNU_SOURCE
#include "host.h"
#include <sys/mman.h>
#if mxPoisonSlots
#include <sanitizer/asan_interface.h>
#endif

int deviceRuns = 0;
size_t nativeBytes = 0;
size_t nativePeak = 0;

/* Every block knows its size and who pays for it. */
typedef struct {
	size_t bytes;
	size_t counted;
} Prefix;
_Static_assert(sizeof(Prefix) % sizeof(void*) == 0, "blocks stay aligned");

void* hostMalloc(size_t bytes)
{
	/* 16 keeps doubles and jump buffers aligned on both widths. */
	Prefix* prefix = malloc(bytes + 16);
	if (!prefix)
		return NULL;
	prefix->bytes = bytes;
	prefix->counted = deviceRuns;
	if (deviceRuns) {
		nativeBytes += bytes;
		if (nativePeak < nativeBytes)
			nativePeak = nativeBytes;
	}
	return (char*)prefix + 16;
}

void* hostCalloc(size_t count, size_t bytes)
{
	void* data = hostMalloc(count * bytes);
	if (data)
		memset(data, 0, count * bytes);
	return data;
}

void hostFree(void* data)
{
	Prefix* prefix;
	if (!data)
		return;
	prefix = (Prefix*)((char*)data - 16);
	if (prefix->counted)
		nativeBytes -= prefix->bytes;
	free(prefix);
}

void* hostRealloc(void* data, size_t bytes)
{
	void* result = hostMalloc(bytes);
	if (result && data) {
		size_t old = ((Prefix*)((char*)data - 16))->bytes;
		memcpy(result, data, old < bytes ? old : bytes);
		hostFree(data);
	}
	return result;
}

size_t tlsBytes = 0;
size_t tlsPeak = 0;
int tlsBlocks = 0;
static int tlsFailsAt = 0;

int failTlsAt(int n)
{
	int left = tlsFailsAt;
	tlsFailsAt = n;
	return left;
}

#if STATION_TLS
/* modules/transport/tls/tls.c */
extern void tls_allocation_failed(void);

/* What mbedTLS calls instead of calloc() and free(): scripts/xs.cjs renames them in its copy of the library. */
void* tls_calloc(size_t count, size_t bytes)
{
	size_t* data = NULL;
	if (count && bytes > SIZE_MAX / 2 / count)
		return NULL;
	bytes *= count;
	if (tlsFailsAt == 0 || --tlsFailsAt > 0)
		data = calloc(1, bytes + 16);
	if (!data) {
		tls_allocation_failed();
		return NULL;
	}
	*data = bytes;
	tlsBytes += bytes;
	tlsBlocks++;
	if (tlsPeak < tlsBytes)
		tlsPeak = tlsBytes;
	return (char*)data + 16;
}

void tls_free(void* data)
{
	size_t* block;
	if (!data)
		return;
	block = (size_t*)((char*)data - 16);
	tlsBytes -= *block;
	tlsBlocks--;
	free(block);
}
#endif

Arena* newArena(txSize bytes)
{
	Arena* arena = calloc(1, sizeof(Arena));
	bytes &= ~15;
	arena->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena->base == MAP_FAILED)
		stop(EXIT_USAGE, "no memory for an arena of %d bytes", (int)bytes);
	arena->bytes = bytes;
	arena->low = arena->base;
	arena->high = arena->base + bytes;
	return arena;
}

void deleteArena(Arena* arena)
{
#if mxPoisonSlots
	ASAN_UNPOISON_MEMORY_REGION(arena->base, arena->bytes);
#endif
	munmap(arena->base, arena->bytes);
	free(arena);
}

static int hasRoom(Arena* arena, size_t bytes)
{
	return (size_t)(arena->high - arena->low) >= bytes;
}

/* Pages of the machine that becomes ROM. */
static struct {
	void* data;
	size_t bytes;
} pages[256];
static int pagesCount = 0;

static void* takePages(size_t bytes)
{
	size_t page = (size_t)getpagesize();
	void* data;
	bytes = (bytes + page - 1) / page * page;
	if (pagesCount == sizeof(pages) / sizeof(pages[0]))
		stop(EXIT_ENGINE, "too many pages of ROM");
	data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		stop(EXIT_ENGINE, "no memory for ROM");
	pages[pagesCount].data = data;
	pages[pagesCount].bytes = bytes;
	pagesCount++;
	return data;
}

void protectRom(void)
{
	for (int i = 0; i < pagesCount; i++)
		mprotect(pages[i].data, pages[i].bytes, PROT_READ);
}

void* fxAllocateChunks(txMachine* the, txSize size)
{
	Arena* arena = the->arena;
	void* result;
	if (!arena)
		return takePages(size);
	if (!hasRoom(arena, size))
		return NULL;
	result = arena->low;
	arena->low += size;
	return result;
}

void fxFreeChunks(txMachine* the, void* chunks)
{
}

txSlot* fxAllocateSlots(txMachine* the, txSize count)
{
	Arena* arena = the->arena;
	size_t bytes = (size_t)count * sizeof(txSlot);
	if (!arena)
		return takePages(bytes);
	if (!hasRoom(arena, bytes)) {
		/* A collection came before: if it left anything, the engine goes on with that. */
		if (the->freeHeap)
			return (txSlot*)-1;
		if (!the->stackBottom)
			stop(EXIT_MEMORY, "memory full: the stack does not fit");
		return NULL;
	}
	arena->high -= bytes;
	return (txSlot*)arena->high;
}

void fxFreeSlots(txMachine* the, void* slots)
{
}

void resetPeaks(txMachine* the)
{
	the->peakHeapCount = the->currentHeapCount;
	the->peakChunksSize = the->currentChunksSize;
	nativePeak = nativeBytes;
	tlsPeak = tlsBytes;
}

int timesInMemory(txMachine* the, const txU1* data, size_t bytes)
{
	const char* at = ((Arena*)the->arena)->base;
	const char* end = at + ((Arena*)the->arena)->bytes;
	int times = 0;
	while ((at = memmem(at, end - at, data, bytes))) {
		times++;
		at++;
	}
	return times;
}

void memoryReport(txMachine* the, char* text, size_t size)
{
	Arena* arena = the->arena;
	int slot = sizeof(txSlot);
	int stackSlots = the->stackTop - the->stackBottom;
	int stackPeak = the->stackTop - the->stackPeak;
	int slotBytes = the->currentHeapCount * slot;
	int aliases = 0;
	for (int i = 0; i < the->aliasCount; i++)
		if (the->aliasArray[i])
			aliases++;
	snprintf(text, size,
		"{\"slotBytes\":%d,\"slots\":%d,\"chunks\":%d,\"live\":%d,\"slotsPeak\":%d,\"chunksPeak\":%d,\"peak\":%d,"
		"\"keys\":%d,\"aliases\":%d,\"aliasesUsed\":%d,\"stack\":%d,\"stackPeak\":%d,\"native\":%d,\"nativePeak\":%d,"
		"\"slotsReserved\":%d,\"chunksReserved\":%d,\"static\":%d,\"used\":%d,\"collections\":%d,\"instructions\":%u,\"tls\":%d,\"tlsPeak\":%d,\"tlsBlocks\":%d}",
		slot, (int)the->currentHeapCount, (int)the->currentChunksSize, slotBytes + (int)the->currentChunksSize,
		(int)the->peakHeapCount, (int)the->peakChunksSize, (int)the->peakHeapCount * slot + (int)the->peakChunksSize,
		the->keyIndex - the->keyOffset, ownAliases, aliases,
		stackSlots * slot, stackPeak * slot, (int)nativeBytes, (int)nativePeak,
		(int)the->maximumHeapCount, (int)the->maximumChunksSize, arena ? (int)arena->bytes : 0,
		arena ? (int)(arena->bytes - (arena->high - arena->low)) : 0, the->garbageCollectionCount, (unsigned)the->meterIndex,
		(int)tlsBytes, (int)tlsPeak, tlsBlocks);
}
