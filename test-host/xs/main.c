/*
 * The test host: runs the firmware's modules on XS with the memory of a device. README.md says how to use it.
 * SPDX-License-Identifier: LGPL-3.0-or-later
 */

#include "host.h"
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>

txMachine* rom = NULL;
const char* mainModule = NULL;

static const char* root = ".";
static int isServing = 0;
static int printReport = 0;
static Arena* nextArena = NULL;
static txSize staticBytes = 32768;
/* As the SDK's base manifest has it for ESP8266; names and symbols are the sizes of the key tables. */
static txCreation device = { 1536, 512, 512, 64, 384, 32, 32, 53, 3, 16 * 1024, 127, 0 };

void stop(int code, const char* format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	for (char* p = text; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	if (isServing)
		tellFatal(code, text);
	else
		fprintf(stderr, "xs: %s\n", text);
	/* No clean-up: this may be the middle of anything. */
	fflush(stdout);
	_exit(code);
}

void fxAbort(txMachine* the, int status)
{
	char text[512];
	int code;
	switch (status) {
	case XS_NOT_ENOUGH_MEMORY_EXIT:
		memoryReport(the, text, sizeof(text));
		stop(EXIT_MEMORY, "memory full: %s", text);
	case XS_STACK_OVERFLOW_EXIT:
		stop(EXIT_STACK, "stack overflow: %d slots", (int)(the->stackTop - the->stackBottom));
	case XS_NO_MORE_KEYS_EXIT:
		stop(EXIT_KEYS, "no more keys: %d", the->keyIndex);
	case XS_DEAD_STRIP_EXIT:
		stop(EXIT_BUILT_IN, "a built-in is not in this build");
	case XS_UNHANDLED_EXCEPTION_EXIT:
		code = describeException(the, text, sizeof(text));
		stop(code, "%s", text);
	case XS_UNHANDLED_REJECTION_EXIT:
		describeException(the, text, sizeof(text));
		stop(EXIT_REJECTION, "unhandled rejection: %s", text);
	default:
		stop(EXIT_ENGINE, "the engine ended with %d", status);
	}
}

int describeException(txMachine* the, char* text, size_t size)
{
	static int nested = 0;
	int code = EXIT_EXCEPTION;
	if (nested)
		stop(EXIT_EXCEPTION, "an exception that cannot be told");
	nested = 1;
	fxToStringBuffer(the, &mxException, text, size);
	nested = 0;
	mxException = mxUndefined;
	/* What the engine says of a name that it does not know, and of a method that is not there. */
	if (strstr(text, "undefined variable") || strstr(text, "no function") || strstr(text, "no constructor"))
		code = EXIT_BUILT_IN;
	return code;
}

void fxCreateMachinePlatform(txMachine* the)
{
	the->arena = the->sharedMachine ? nextArena : NULL;
	the->promiseJobs = 0;
}

void fxDeleteMachinePlatform(txMachine* the)
{
}

void fxQueuePromiseJobs(txMachine* the)
{
	the->promiseJobs = 1;
}

/* Modules are named by their path below the root, without the suffix, as in the manifest. */
txID fxFindModule(txMachine* the, txSlot* realm, txID moduleID, txSlot* slot)
{
	char name[PATH_MAX], path[2 * PATH_MAX], file[3 * PATH_MAX];
	char* from = name;
	size_t length;
	fxToStringBuffer(the, slot, name, sizeof(name));
	path[0] = 0;
	if (from[0] == '.') {
		if (moduleID == XS_NO_ID)
			return XS_NO_ID;
		snprintf(path, PATH_MAX, "%s", fxGetKeyName(the, moduleID));
		for (;;) {
			char* slash = strrchr(path, '/');
			if (slash)
				*slash = 0;
			else
				path[0] = 0;
			if (!strncmp(from, "./", 2))
				from += 2;
			if (strncmp(from, "../", 3))
				break;
			from += 3;
		}
		if (path[0])
			strcat(path, "/");
	}
	strcat(path, from);
	length = strlen(path);
	if (length > 3 && !strcmp(path + length - 3, ".js"))
		path[length - 3] = 0;
	snprintf(file, sizeof(file), "%s/%s.js", root, path);
	if (fxFindName(the, path) == XS_NO_ID && access(file, R_OK))
		return XS_NO_ID;
	return fxNewNameC(the, path);
}

static txScript* parseFile(txMachine* the, const char* path)
{
	txParser parser;
	txParserJump jump;
	txScript* script = NULL;
	FILE* volatile file = fopen(path, "r");
	int counted = deviceRuns;
	if (!file)
		return NULL;
	/* A device gets byte code: what the parser takes is not its memory. */
	deviceRuns = 0;
	fxInitializeParser(&parser, the, 256 * 1024, 1993);
	parser.firstJump = &jump;
	if (c_setjmp(jump.jmp_buf) == 0) {
		parser.path = fxNewParserSymbol(&parser, (txString)path);
		fxParserTree(&parser, file, (txGetter)fgetc, 0, NULL);
		fxParserHoist(&parser);
		fxParserBind(&parser);
		script = fxParserCode(&parser);
	}
	fclose(file);
	if (parser.errorCount)
		fprintf(stderr, "xs: %s: %s\n", path, parser.errorMessage ? parser.errorMessage : "cannot be parsed");
	fxTerminateParser(&parser);
	deviceRuns = counted;
	return script;
}

void fxLoadModule(txMachine* the, txSlot* module, txID moduleID)
{
	char path[2 * PATH_MAX];
	txScript* script;
	snprintf(path, sizeof(path), "%s/%s.js", root, fxGetKeyName(the, moduleID));
	script = parseFile(the, path);
	if (!script)
		return;
	if (the->sharedMachine)
		linkInPlace(the, script);
	fxResolveModule(the, module, moduleID, script, NULL, NULL);
}

static void prepareRom(const char* list)
{
	static txCreation creation = { 4 << 20, 1 << 20, 1 << 17, 1 << 16, 4096, 8192, 1024, 53, 3, 256 * 1024, 1993, 0 };
	char line[512];
	FILE* file = NULL;
	if (list && !(file = fopen(list, "r")))
		stop(EXIT_USAGE, "%s cannot be read", list);
	creation.nameModulo = device.nameModulo;
	creation.symbolModulo = device.symbolModulo;
	rom = fxCreateMachine(&creation, "rom", NULL, XS_NO_ID);
	if (!rom)
		stop(EXIT_ENGINE, "the engine does not start");
	{
		txMachine* the = rom;
		fxBeginHost(the);
		{
			mxTry(the) {
				buildHost(the);
				rememberBuiltIns(the);
				while (file && fgets(line, sizeof(line), file)) {
					line[strcspn(line, "\r\n")] = 0;
					if (line[0])
						importForRom(the, line);
				}
			}
			mxCatch(the) {
				char text[512];
				int code = describeException(the, text, sizeof(text));
				stop(code, "while preloading %s: %s", line, text);
			}
		}
		fxEndHost(the);
		makeRom(the);
	}
	if (file)
		fclose(file);
}

txMachine* newDevice(void)
{
	txMachine* the;
	nativeBytes = nativePeak = 0;
	nextArena = newArena(staticBytes);
	deviceRuns = 1;
	the = fxCloneMachine(&device, rom, "device", NULL);
	if (!the)
		stop(EXIT_MEMORY, "memory full: the machine does not fit");
	return the;
}

void deleteDevice(txMachine* the)
{
	Arena* arena = the->arena;
	fxDeleteMachine(the);
	deviceRuns = 0;
	deleteArena(arena);
}

/* A program on its own: its default export is called, then it ends. */
static void runAlone(void)
{
	txMachine* the = newDevice();
	char text[512];
	fxBeginHost(the);
	{
		mxTry(the) {
			mxPushUndefined();
			mxPushStringX((txString)mainModule);
			fxAwaitImport(the, XS_IMPORT_DEFAULT);
			mxCall();
			mxRunCount(0);
			mxPop();
			runJobs(the);
		}
		mxCatch(the) {
			int code = describeException(the, text, sizeof(text));
			stop(code, "%s", text);
		}
	}
	fxEndHost(the);
	if (printReport) {
		fxCollectGarbage(the);
		memoryReport(the, text, sizeof(text));
		printf("%s\n", text);
	}
	fxCheckUnhandledRejections(the, 1);
	deleteDevice(the);
}

void runJobs(txMachine* the)
{
	while (the->promiseJobs) {
		the->promiseJobs = 0;
		fxRunPromiseJobs(the);
	}
}

static txSize number(const char* flag, const char* value)
{
	char* end;
	long result = value ? strtol(value, &end, 10) : -1;
	if (!value || *end || result < 0)
		stop(EXIT_USAGE, "%s needs a number", flag);
	return (txSize)result;
}

int main(int argc, char* argv[])
{
	const char* list = NULL;
	int in = -1, out = -1, report = 0;
	for (int i = 1; i < argc; i++) {
		const char* flag = argv[i];
		const char* value = i + 1 < argc ? argv[i + 1] : NULL;
		if (!strcmp(flag, "--rom-report")) {
			report = 1;
			continue;
		}
		if (!strcmp(flag, "--report")) {
			printReport = 1;
			continue;
		}
		i++;
		if (!value)
			stop(EXIT_USAGE, "%s needs a value", flag);
		if (!strcmp(flag, "--root")) root = value;
		else if (!strcmp(flag, "--preload")) list = value;
		else if (!strcmp(flag, "--main")) mainModule = value;
		else if (!strcmp(flag, "--in")) in = number(flag, value);
		else if (!strcmp(flag, "--out")) out = number(flag, value);
		else if (!strcmp(flag, "--static")) staticBytes = number(flag, value);
		else if (!strcmp(flag, "--chunk")) device.initialChunkSize = number(flag, value);
		else if (!strcmp(flag, "--chunk-inc")) device.incrementalChunkSize = number(flag, value);
		else if (!strcmp(flag, "--heap")) device.initialHeapCount = number(flag, value);
		else if (!strcmp(flag, "--heap-inc")) device.incrementalHeapCount = number(flag, value);
		else if (!strcmp(flag, "--stack")) device.stackCount = number(flag, value);
		else if (!strcmp(flag, "--keys")) device.initialKeyCount = number(flag, value);
		else if (!strcmp(flag, "--keys-inc")) device.incrementalKeyCount = number(flag, value);
		else stop(EXIT_USAGE, "unknown flag %s", flag);
	}
	/* Whoever started this process may be killed at any time: it goes with it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	measureRom = report;
	if (!report && !mainModule)
		stop(EXIT_USAGE, "--main is missing");
	isServing = in >= 0 && out >= 0;
	if (isServing)
		openPipes(in, out);
	prepareRom(list);
	if (report)
		romReport(rom, stdout);
	else if (isServing)
		serve();
	else
		runAlone();
	fflush(stdout);
	return EXIT_FINE;
}
