/*
 * ROM. On a device the linker runs the modules of the preload list on the build machine, freezes what must not change and
 * prints that heap as constants. Here the same happens in one process: the modules run in a parent machine, which is frozen
 * and shared; the firmware's machine is its clone and finds all of it in place.
 *
 * What fxShareMachine() leaves to the linker, and is done here:
 * - functions, classes, scopes, modules, maps, buffers and all built-ins are frozen; what a script made and did not
 *   freeze stays mutable through an alias, a pointer in RAM, as does each `let` of a module;
 * - aliases are numbered from 1, because 0 means "no alias";
 * - strings, big integers, byte code and keys change to the kinds that live outside the heap, or the collector of the
 *   clone would move pointers that are not its own;
 * - the bodies of modules, which have run, are dropped;
 * - the global object loses its cache, which it would write to;
 * - functions of one home and one module that come one after the other share the slot that says so, where it is their last.
 * Modules that are not in the list are loaded by the clone; their byte code and strings are used in place, as those of an
 * archive in flash are.
 * SPDX-License-Identifier: LGPL-3.0-or-later
 */

#include "host.h"

int measureRom = 0;
int ownAliases = 0;

/* XS 17's linker leaves an alias for each module and for so many objects of its own (SDK 8.2.3, counted in mc.xs.c). */
#define ENGINE_ALIASES 17

/* Heap of the machine that becomes ROM, by what it holds. */
typedef struct {
	int slots;
	int code;
	int strings;
	/* Array items are slots of 16 bytes; buffers and tables are bytes. */
	int items;
	int bytes;
} Content;

typedef struct {
	char name[96];
	Content content;
} ModuleContent;

static ModuleContent measured[256];
static int measuredCount = 0;
static Content builtIn;

/* A set of slots, and for each where it was found. */
typedef struct {
	txSlot* slot;
	txSlot* parent;
	txID id;
	int index;
} Found;

static struct {
	Found* entries;
	size_t size;
	size_t count;
} found;

static Found* findFound(txSlot* slot)
{
	size_t at = ((size_t)slot >> 4) * 2654435761u % found.size;
	while (found.entries[at].slot && found.entries[at].slot != slot)
		at = (at + 1) % found.size;
	return &found.entries[at];
}

/* True when the slot is new. */
static int keepFound(txSlot* slot, txSlot* parent, txID id, int index)
{
	Found* entry;
	if (found.count * 2 >= found.size) {
		Found* old = found.entries;
		size_t size = found.size;
		found.size = size ? size * 2 : 65536;
		found.entries = calloc(found.size, sizeof(Found));
		for (size_t i = 0; i < size; i++)
			if (old[i].slot)
				*findFound(old[i].slot) = old[i];
		free(old);
	}
	entry = findFound(slot);
	if (entry->slot)
		return 0;
	entry->slot = slot;
	entry->parent = parent;
	entry->id = id;
	entry->index = index;
	found.count++;
	return 1;
}

static int chunkBytes(void* data)
{
	return ((txChunk*)((txByte*)data - sizeof(txChunk)))->size - (int)sizeof(txChunk);
}

static txInteger arrayItems(txSlot* array)
{
	txInteger items;
	if (!array->value.array.address)
		return 0;
	items = chunkBytes(array->value.array.address) / sizeof(txSlot);
	return items < (txInteger)array->value.array.length ? items : (txInteger)array->value.array.length;
}

static void addContent(txSlot* slot, Content* content)
{
	switch (slot->kind) {
	case XS_STRING_KIND:
		content->strings += strlen(slot->value.string) + 1;
		break;
	case XS_KEY_KIND:
		if (slot->value.key.string)
			content->strings += strlen(slot->value.key.string) + 1;
		break;
	case XS_BIGINT_KIND:
		content->bytes += slot->value.bigint.size * 4;
		break;
	case XS_CODE_KIND:
		content->code += chunkBytes(slot->value.code.address);
		break;
	case XS_ARRAY_KIND:
	case XS_ARGUMENTS_SLOPPY_KIND:
	case XS_ARGUMENTS_STRICT_KIND:
		for (txInteger i = 0, c = arrayItems(slot); i < c; i++) {
			content->items++;
			addContent(slot->value.array.address + i, content);
		}
		break;
	case XS_ARRAY_BUFFER_KIND:
		content->bytes += slot->next->value.bufferInfo.length;
		break;
	case XS_MAP_KIND:
	case XS_SET_KIND:
		content->bytes += slot->value.table.length * sizeof(txSlot*);
		break;
	}
}

#define forEachSlot(THE, SLOT) \
	for (txSlot* heap = (THE)->firstHeap; heap; heap = heap->next) \
		for (txSlot *SLOT = heap + 1, *limit = heap->value.reference; SLOT < limit; SLOT++)

static Content contentOf(txMachine* the)
{
	Content content = { 0, 0, 0, 0, 0 };
	/* After a collection a slot in use cannot be told from a free one by its kind alone: undefined values count too. */
	forEachSlot(the, slot)
		addContent(slot, &content);
	content.slots = the->currentHeapCount;
	return content;
}

/* The engine itself lets go of the body of a module that has run; its `import.meta` is not used. */
static void dropBody(txSlot* module)
{
	mxModuleInstanceMeta(module)->kind = XS_NULL_KIND;
	mxModuleInstanceMeta(module)->next = NULL;
}

static txSlot* ownModules(txMachine* the)
{
	txSlot* realm = mxModuleInstanceInternal(mxProgram.value.reference)->value.module.realm;
	return mxOwnModules(realm)->value.reference;
}

/* With "strip" in its manifest the linker does this (SDK 8.2.3, seen in mc.xs.c: the slots of such functions point to one). */
static void shareHomes(txMachine* the)
{
	txSlot* shared = NULL;
	forEachSlot(the, slot) {
		txSlot* home;
		if (slot->kind != XS_INSTANCE_KIND || !mxIsFunction(slot))
			continue;
		home = slot->next->next;
		if (!home || home->kind != XS_HOME_KIND || home->next || home->ID != XS_NO_ID)
			continue;
		if (shared && shared->flag == home->flag && shared->value.home.object == home->value.home.object &&
			shared->value.home.module == home->value.home.module)
			slot->next->next = shared;
		else
			shared = home;
	}
	fxCollectGarbage(the);
}

void importForRom(txMachine* the, const char* module)
{
	Content before, after;
	if (measureRom) {
		fxCollectGarbage(the);
		shareHomes(the);
		before = contentOf(the);
		if (measuredCount == 0)
			builtIn = before;
	}
	mxPushStringC((txString)module);
	fxAwaitImport(the, XS_IMPORT_NAMESPACE);
	mxPop();
	if (measureRom && measuredCount < (int)(sizeof(measured) / sizeof(measured[0]))) {
		ModuleContent* entry = &measured[measuredCount++];
		for (txSlot* slot = ownModules(the)->next; slot; slot = slot->next)
			dropBody(slot->value.reference);
		fxCollectGarbage(the);
		shareHomes(the);
		after = contentOf(the);
		snprintf(entry->name, sizeof(entry->name), "%s", module);
		entry->content.slots = after.slots - before.slots;
		entry->content.code = after.code - before.code;
		entry->content.strings = after.strings - before.strings;
		entry->content.items = after.items - before.items;
		entry->content.bytes = after.bytes - before.bytes;
	}
}

/* Follows what a script can reach, to be able to name what is still mutable. */
static void visit(txMachine* the, txSlot* slot);

static void visitInstance(txMachine* the, txSlot* instance, txSlot* parent, txID id, int index)
{
	if (!keepFound(instance, parent, id, index))
		return;
	for (txSlot* property = instance->next; property; property = property->next) {
		if (property->kind == XS_REFERENCE_KIND)
			visitInstance(the, property->value.reference, instance, property->ID, -1);
		else if (property->kind == XS_CLOSURE_KIND && property->value.closure) {
			if (keepFound(property->value.closure, instance, property->ID, -1))
				visit(the, property->value.closure);
		}
		else if (property->kind == XS_CODE_KIND && property->value.code.closures)
			visitInstance(the, property->value.code.closures, instance, XS_NO_ID, -1);
		else if (property->kind == XS_ARRAY_KIND) {
			for (txInteger i = 0, c = arrayItems(property); i < c; i++) {
				txSlot* item = property->value.array.address + i;
				if (item->kind == XS_REFERENCE_KIND)
					visitInstance(the, item->value.reference, instance, XS_NO_ID, i);
			}
		}
	}
}

static void visit(txMachine* the, txSlot* slot)
{
	if (slot->kind == XS_REFERENCE_KIND)
		visitInstance(the, slot->value.reference, slot, XS_NO_ID, -1);
}

static void nameOf(txMachine* the, txSlot* slot, char* text, size_t size)
{
	char tail[256];
	Found* entry = findFound(slot);
	if (!entry->slot) {
		snprintf(text, size, "?");
		return;
	}
	if (entry->parent)
		nameOf(the, entry->parent, text, size);
	else
		text[0] = 0;
	tail[0] = 0;
	if (entry->id != XS_NO_ID)
		snprintf(tail, sizeof(tail), "%s%s", text[0] ? "." : "", fxGetKeyName(the, entry->id));
	else if (entry->index >= 0)
		snprintf(tail, sizeof(tail), "[%d]", entry->index);
	strncat(text, tail, size - strlen(text) - 1);
}

static void freezeInstance(txSlot* instance)
{
	instance->flag |= XS_DONT_PATCH_FLAG;
	for (txSlot* property = instance->next; property; property = property->next) {
		property->flag |= XS_DONT_DELETE_FLAG;
		if (property->kind != XS_ACCESSOR_KIND)
			property->flag |= XS_DONT_SET_FLAG;
		if (property->kind == XS_ARRAY_KIND) {
			for (txInteger i = 0, c = arrayItems(property); i < c; i++) {
				txSlot* item = property->value.array.address + i;
				item->flag |= XS_DONT_DELETE_FLAG;
				if (item->kind != XS_ACCESSOR_KIND)
					item->flag |= XS_DONT_SET_FLAG;
			}
		}
	}
}

/* Scopes hold closures, whose targets decide for themselves. */
static void freezeScope(txSlot* instance)
{
	instance->flag |= XS_DONT_PATCH_FLAG;
	for (txSlot* property = instance->next; property; property = property->next) {
		property->flag |= XS_DONT_DELETE_FLAG;
		if (property->kind != XS_CLOSURE_KIND)
			property->flag |= XS_DONT_SET_FLAG;
	}
}

static int isFrozen(txSlot* instance)
{
	if (!(instance->flag & XS_DONT_PATCH_FLAG))
		return 0;
	for (txSlot* property = instance->next; property; property = property->next) {
		if (property->kind == XS_ARRAY_KIND) {
			for (txInteger i = 0, c = arrayItems(property); i < c; i++) {
				txSlot* item = property->value.array.address + i;
				if (!(item->flag & XS_DONT_DELETE_FLAG) || (item->kind != XS_ACCESSOR_KIND && !(item->flag & XS_DONT_SET_FLAG)))
					return 0;
			}
		}
		else if (!(property->flag & XS_DONT_DELETE_FLAG) || (property->kind != XS_ACCESSOR_KIND && !(property->flag & XS_DONT_SET_FLAG)))
			return 0;
	}
	return 1;
}

static int isScope(txSlot* instance)
{
	return (instance->flag & XS_EXOTIC_FLAG) && instance->next && instance->next->ID == XS_ENVIRONMENT_BEHAVIOR &&
		(instance->next->flag & XS_INTERNAL_FLAG);
}

/* What the linker freezes without being asked, by the first slot of the instance. */
static int freezesItself(txSlot* instance)
{
	txSlot* slot = instance->next;
	if (!slot || !(slot->flag & XS_INTERNAL_FLAG))
		return 0;
	switch (slot->kind) {
	case XS_ARRAY_KIND:
	case XS_ARGUMENTS_SLOPPY_KIND:
	case XS_ARGUMENTS_STRICT_KIND:
	case XS_PRIVATE_KIND:
		return 0;
	}
	return 1;
}

static void freezePrototypeOf(txMachine* the, txSlot* function)
{
	for (txSlot* property = function->next; property; property = property->next)
		if (property->ID == mxID(_prototype) && property->kind == XS_REFERENCE_KIND && !(property->flag & XS_INTERNAL_FLAG))
			freezeInstance(property->value.reference);
}

static void toRomKind(txSlot* slot)
{
	switch (slot->kind) {
	case XS_STRING_KIND: slot->kind = XS_STRING_X_KIND; break;
	case XS_BIGINT_KIND: slot->kind = XS_BIGINT_X_KIND; break;
	case XS_CODE_KIND: slot->kind = XS_CODE_X_KIND; break;
	case XS_KEY_KIND: slot->kind = XS_KEY_X_KIND; break;
	case XS_ARRAY_KIND:
		for (txInteger i = 0, c = arrayItems(slot); i < c; i++)
			toRomKind(slot->value.array.address + i);
		break;
	}
}

static txSlot** builtIns;
static int builtInsCount;
static txID aliases;
static Content total;

void rememberBuiltIns(txMachine* the)
{
	fxCollectGarbage(the);
	builtIns = calloc(the->currentHeapCount, sizeof(txSlot*));
	forEachSlot(the, slot)
		if (slot->kind == XS_INSTANCE_KIND && builtInsCount < the->currentHeapCount)
			builtIns[builtInsCount++] = slot;
}

void makeRom(txMachine* the)
{
	txSlot* global = mxGlobal.value.reference;
	txSlot* modules = ownModules(the);
	if (measureRom) {
		for (txSlot* slot = modules->next; slot; slot = slot->next) {
			txSlot* module = slot->value.reference;
			txSlot* exports = mxModuleInstanceExports(module);
			keepFound(module, NULL, slot->ID, -1);
			if (exports->kind != XS_REFERENCE_KIND)
				continue;
			for (txSlot* export = exports->value.reference->next; export; export = export->next) {
				txSlot* closure = export->kind == XS_EXPORT_KIND ? export->value.export.closure : NULL;
				/* What another module exported is found under its own name. */
				if (closure && export->value.export.module == module && keepFound(closure, module, export->ID, -1))
					visit(the, closure);
			}
		}
	}
	for (txSlot* slot = modules->next; slot; slot = slot->next)
		dropBody(slot->value.reference);

	/* A device's global object is an ordinary one. */
	if (global->next && global->next->kind == XS_GLOBAL_KIND) {
		global->flag &= ~XS_EXOTIC_FLAG;
		global->next = global->next->next;
	}

	shareHomes(the);
	fxShareMachine(the);

	for (int i = 0; i < builtInsCount; i++)
		if (builtIns[i]->kind == XS_INSTANCE_KIND)
			freezeInstance(builtIns[i]);
	freezeInstance(mxProgram.value.reference);
	freezeInstance(mxHosts.value.reference);
	forEachSlot(the, slot) {
		if (slot->kind != XS_INSTANCE_KIND)
			continue;
		if (isScope(slot))
			freezeScope(slot);
		else if (mxIsFunction(slot)) {
			freezeInstance(slot);
			freezePrototypeOf(the, slot);
		}
		else if (freezesItself(slot))
			freezeInstance(slot);
		slot->ID = XS_NO_ID;
	}
	forEachSlot(the, slot) {
		txSlot* closure = slot->kind == XS_CLOSURE_KIND ? slot->value.closure : NULL;
		if (!closure)
			continue;
		closure->ID = XS_NO_ID;
		/* The names of functions and classes are as good as const: the linker neither warns of them nor aliases them. */
		if (closure->kind == XS_REFERENCE_KIND && mxIsFunction(closure->value.reference))
			closure->flag |= XS_DONT_SET_FLAG;
	}

	aliases = 1;
	forEachSlot(the, slot) {
		if (slot->kind == XS_INSTANCE_KIND) {
			if (!isScope(slot) && !isFrozen(slot))
				slot->ID = aliases++;
		}
		else if (slot->kind == XS_CLOSURE_KIND && slot->value.closure) {
			txSlot* closure = slot->value.closure;
			if (closure->flag & XS_DONT_SET_FLAG)
				closure->flag |= XS_DONT_DELETE_FLAG;
			else {
				if (closure->ID == XS_NO_ID)
					closure->ID = aliases++;
				slot->flag &= ~XS_DONT_SET_FLAG;
			}
		}
	}
	ownAliases = aliases - 1;
	for (txSlot* slot = modules->next; slot; slot = slot->next)
		aliases++;
	the->aliasCount = aliases + ENGINE_ALIASES;
	if (measureRom)
		total = contentOf(the);
	forEachSlot(the, slot)
		toRomKind(slot);
	for (txSlot* slot = the->stack; slot < the->stackTop; slot++)
		toRomKind(slot);
	protectRom();
}

static void printContent(FILE* out, Content* content)
{
	int slots = content->slots + content->items;
	fprintf(out, "{\"slots\":%d,\"code\":%d,\"strings\":%d,\"data\":%d,\"bytes\":%d}", slots, content->code,
		content->strings, content->bytes, slots * 16 + content->code + content->strings + content->bytes);
}

void romReport(txMachine* the, FILE* out)
{
	int first = 1;
	fprintf(out, "{\"total\":");
	printContent(out, &total);
	fprintf(out, ",\"engine\":");
	printContent(out, &builtIn);
	fprintf(out, ",\"keys\":%d,\"modules\":{", the->keyIndex);
	for (int i = 0; i < measuredCount; i++) {
		fprintf(out, "%s\"%s\":", i ? "," : "", measured[i].name);
		printContent(out, &measured[i].content);
	}
	fprintf(out, "},\"aliases\":[");
	forEachSlot(the, slot) {
		char text[1024];
		txSlot* named = NULL;
		if (slot->kind == XS_INSTANCE_KIND && slot->ID != XS_NO_ID)
			named = slot;
		else if (slot->kind == XS_CLOSURE_KIND && slot->value.closure && slot->value.closure->ID != XS_NO_ID) {
			named = slot->value.closure;
			/* Several scopes may hold the same variable. */
			if (findFound(named)->index == -2)
				continue;
			findFound(named)->index = -2;
		}
		if (!named)
			continue;
		nameOf(the, named, text, sizeof(text));
		fprintf(out, "%s\"%s\"", first ? "" : ",", text);
		first = 0;
	}
	fprintf(out, "]}\n");
}

/* A module that the clone loads: its ids are resolved once, its code and its strings stay where they are. */
void linkInPlace(txMachine* the, txScript* script)
{
	txByte* p = script->symbolsBuffer;
	txByte* end = script->codeBuffer + script->codeSize;
	txID count, id, *ids;
	mxDecodeID(p, count);
	ids = calloc(count, sizeof(txID));
	for (txID i = 1; i < count; i++) {
		ids[i] = fxNewNameX(the, (txString)p);
		p += strlen((char*)p) + 1;
	}
	script->symbolsBuffer = NULL;
	for (p = script->codeBuffer; p < end;) {
		txU1 code = (txU1)*p;
		txS1 size = gxCodeSizes[code];
		switch (code) {
		case XS_CODE_CODE_1: *p = (txByte)XS_CODE_CODE_ARCHIVE_1; break;
		case XS_CODE_CODE_2: *p = (txByte)XS_CODE_CODE_ARCHIVE_2; break;
		case XS_CODE_CODE_4: *p = (txByte)XS_CODE_CODE_ARCHIVE_4; break;
		case XS_CODE_STRING_1: *p = (txByte)XS_CODE_STRING_ARCHIVE_1; break;
		case XS_CODE_STRING_2: *p = (txByte)XS_CODE_STRING_ARCHIVE_2; break;
		case XS_CODE_STRING_4: *p = (txByte)XS_CODE_STRING_ARCHIVE_4; break;
		}
		if (size > 0)
			p += size;
		else if (size == 0) {
			p++;
			mxDecodeID(p, id);
			if (id != XS_NO_ID) {
				p -= sizeof(txID);
				mxEncodeID(p, ids[id]);
			}
		}
		else if (size == -1) {
			p += 2 + (txU1)p[1];
		}
		else if (size == -2) {
			txU2 length;
			p++;
			mxDecode2(p, length);
			p += length;
		}
		else {
			txS4 length;
			p++;
			mxDecode4(p, length);
			p += length;
		}
	}
	free(ids);
}
