/* The Linux process around the station: main(), and how an abort is told. For mcconfig -p x-cli-lin. */

#include "xsAll.h"
#include "xs.h"
#include "mc.xs.h"

#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* xs/includes/xs.h, XS_…_EXIT */
static const char* const gReasons[] = {
	"debugger", "out of memory", "stack overflow", "fatal", "call of a built-in that the linker stripped",
	"unhandled exception", "out of keys", "too much computation", "unhandled rejection"
};

void fxAbort(xsMachine* the, int status)
{
	const char* reason = ((status >= 0) && (status < (int)(sizeof(gReasons) / sizeof(gReasons[0])))) ?
		gReasons[status] : "unknown";
	fflush(stdout);
	fprintf(stderr, "XS abort %d: %s", status, reason);
	if ((XS_UNHANDLED_EXCEPTION_EXIT == status) || (XS_UNHANDLED_REJECTION_EXIT == status)) {
		mxPush(mxException);
		fprintf(stderr, ": %s", fxToString(the, the->stack));
		mxPop();
	}
	fprintf(stderr, "\n");
	fflush(stderr);
	_exit(100 + status);
}

int main(int argc, char* argv[])
{
	(void)argc;
	(void)argv;
	/* The SDK's Linux sockets write without MSG_NOSIGNAL: a peer that closed would end the process. */
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);

	txPreparation* preparation = xsPreparation();
	xsMachine* machine = fxPrepareMachine(NULL, preparation, "station", NULL, NULL);
	int failed = 0;
	if (NULL == machine) {
		fprintf(stderr, "no XS machine\n");
		return 99;
	}
	xsBeginHost(machine);
	xsVars(1);
	xsTry {
		xsVar(0) = xsImportNow((char*)preparation->main);
		if (xsTest(xsVar(0))) {
			xsVar(0) = xsGet(xsVar(0), xsID("default"));
			if (xsIsCallable(xsVar(0)))
				xsCallFunction0(xsVar(0), xsGlobal);
		}
	}
	xsCatch {
		fprintf(stderr, "%s\n", xsToString(xsException));
		failed = 1;
	}
	xsEndHost(machine);
	if (failed)
		return 98;
	g_main_loop_run(g_main_loop_new(NULL, FALSE));
	return 0;
}
