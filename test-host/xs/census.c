/*
 * Who holds the memory: walks what the firmware's object reaches in RAM and adds up slots and chunk bytes by the names on the
 * way, down to a given depth. Each thing counts where it is met first, breadth first, so that it belongs to its nearest owner.
 * SPDX-License-Identifier: LGPL-3.0-or-later
 */

#include "host.h"

#define PATH_MAX_BYTES 96
#define GROUPS_MAX 200

typedef struct {
	char path[PATH_MAX_BYTES];
	int slots;
	int bytes;
} Group;

typedef struct {
	txSlot* instance;
	int group;
	int depth;
} Visit;

static Group groups[GROUPS_MAX];
static int groupsCount;
static Visit* queue;
static int queueCount;
static int queueSize;
static void** seen;
static size_t seenSize;

static int isNew(void* thing)
{
	size_t at = ((size_t)thing >> 3) * 2654435761u % seenSize;
	while (seen[at] && seen[at] != thing)
		at = (at + 1) % seenSize;
	if (seen[at])
		return 0;
	seen[at] = thing;
	return 1;
}

static int groupOf(const char* parent, const char* name)
{
	char path[PATH_MAX_BYTES];
	snprintf(path, sizeof(path), "%s%s%s", parent, parent[0] && name[0] ? "." : "", name);
	for (int i = 0; i < groupsCount; i++)
		if (!strcmp(groups[i].path, path))
			return i;
	if (groupsCount == GROUPS_MAX)
		return 0;
	strcpy(groups[groupsCount].path, path);
	groups[groupsCount].slots = groups[groupsCount].bytes = 0;
	return groupsCount++;
}

static void enqueue(txSlot* instance, int group, int depth)
{
	/* What is in ROM is marked for good. */
	if (!instance || (instance->flag & XS_MARK_FLAG) || !isNew(instance))
		return;
	if (queueCount == queueSize) {
		queueSize = queueSize ? queueSize * 2 : 1024;
		queue = realloc(queue, queueSize * sizeof(Visit));
	}
	queue[queueCount++] = (Visit){ instance, group, depth };
}

static void countChunk(void* data, int group)
{
	if (data && isNew(data))
		groups[group].bytes += ((txChunk*)((txByte*)data - sizeof(txChunk)))->size;
}

static void countValue(txMachine* the, txSlot* slot, int group, int child, int depth)
{
	switch (slot->kind) {
	case XS_STRING_KIND: countChunk(slot->value.string, group); break;
	case XS_BIGINT_KIND: countChunk(slot->value.bigint.data, group); break;
	case XS_CODE_KIND: countChunk(slot->value.code.address, group); enqueue(slot->value.code.closures, child, depth); break;
	case XS_CODE_X_KIND: enqueue(slot->value.code.closures, child, depth); break;
	case XS_REFERENCE_KIND: enqueue(slot->value.reference, child, depth); break;
	case XS_ARRAY_BUFFER_KIND: countChunk(slot->value.arrayBuffer.address, group); break;
	case XS_HOME_KIND: enqueue(slot->value.home.object, child, depth); break;
	case XS_CLOSURE_KIND:
		if (slot->value.closure && !(slot->value.closure->flag & XS_MARK_FLAG) && isNew(slot->value.closure)) {
			groups[group].slots++;
			countValue(the, slot->value.closure, group, child, depth);
		}
		break;
	case XS_PRIVATE_KIND:
		for (txSlot* field = slot->value.private.first; field; field = field->next) {
			groups[group].slots++;
			countValue(the, field, group, child, depth);
		}
		break;
	case XS_ARRAY_KIND: {
		txInteger count;
		if (!slot->value.array.address)
			break;
		countChunk(slot->value.array.address, group);
		count = ((txChunk*)((txByte*)slot->value.array.address - sizeof(txChunk)))->size / sizeof(txSlot);
		for (txInteger i = 0; i < count && i < (txInteger)slot->value.array.length; i++)
			countValue(the, slot->value.array.address + i, group, child, depth);
		break;
	}
	}
}

/* Prints {"path":[slots,bytes],…}. */
void census(txMachine* the, txSlot* root, int depthMax, char* text, size_t size)
{
	size_t at;
	groupsCount = queueCount = 0;
	seenSize = 65536;
	seen = calloc(seenSize, sizeof(void*));
	enqueue(root->value.reference, groupOf("", ""), 0);
	for (int i = 0; i < queueCount; i++) {
		Visit visit = queue[i];
		groups[visit.group].slots++;
		for (txSlot* property = visit.instance->next; property; property = property->next) {
			int isNamed = !(property->flag & XS_INTERNAL_FLAG) && property->ID != XS_NO_ID && visit.depth < depthMax;
			int isOwner = property->kind == XS_REFERENCE_KIND && isNamed && !(property->value.reference->flag & XS_MARK_FLAG);
			int child = isOwner ? groupOf(groups[visit.group].path, fxGetKeyName(the, property->ID)) : visit.group;
			groups[visit.group].slots++;
			countValue(the, property, visit.group, child, visit.depth + (isOwner ? 1 : 0));
		}
	}
	free(seen);
	at = snprintf(text, size, "{");
	for (int i = 0; i < groupsCount && at + PATH_MAX_BYTES + 40 < size; i++)
		if (groups[i].slots || groups[i].bytes)
			at += snprintf(text + at, size - at, "%s\"%s\":[%d,%d]", at > 1 ? "," : "", groups[i].path, groups[i].slots, groups[i].bytes);
	snprintf(text + at, size - at, "}");
}
