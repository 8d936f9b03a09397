/* What a desktop has instead of a chip: the environment for the settings, the system's resolver, a file for the flash.
 * Interface: desktop.ts beside it. */

#include "xsmc.h"
#include "mc.xs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* desktop_setting(name): the environment variable, or undefined. */
void desktop_setting(xsMachine *the)
{
	const char *value = getenv(xsmcToString(xsArg(0)));
	if (value)
		xsmcSetString(xsResult, (char *)value);
}

/* desktop_exit(code, line): the line goes to stderr when it is not empty. */
void desktop_exit(xsMachine *the)
{
	int code = xsmcToInteger(xsArg(0));
	const char *line = xsmcToString(xsArg(1));
	fflush(stdout);
	if (line[0])
		fprintf(stderr, "%s\n", line);
	fflush(stderr);
	_exit(code);
}

/* desktop_print(line) to stdout. */
void desktop_print(xsMachine *the)
{
	printf("%s\n", xsmcToString(xsArg(0)));
	fflush(stdout);
}

/* desktop_resolve(host): its first IPv4 address as text, or undefined. Blocks, which only a desktop may. */
void desktop_resolve(xsMachine *the)
{
	struct addrinfo hints, *list = NULL;
	char text[INET_ADDRSTRLEN];
	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_INET;
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(xsmcToString(xsArg(0)), NULL, &hints, &list))
		return;
	if (list && inet_ntop(AF_INET, &((struct sockaddr_in *)list->ai_addr)->sin_addr, text, sizeof(text)))
		xsmcSetString(xsResult, text);
	freeaddrinfo(list);
}

/* desktop_flash_open(path, bytes): descriptor of a file of exactly `bytes`; a new one is made erased. Throws otherwise. */
void desktop_flash_open(xsMachine *the)
{
	off_t bytes = xsmcToInteger(xsArg(1));
	struct stat info;
	int file = open(xsmcToString(xsArg(0)), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		xsUnknownError("store: %s", strerror(errno));
	if (fstat(file, &info)) {
		close(file);
		xsUnknownError("store: cannot be read");
	}
	if (0 == info.st_size) {
		unsigned char erased[4096];
		off_t at;
		memset(erased, 0xff, sizeof(erased));
		for (at = 0; at < bytes; at += (off_t)sizeof(erased)) {
			if (pwrite(file, erased, sizeof(erased), at) != (ssize_t)sizeof(erased)) {
				close(file);
				xsUnknownError("store: cannot be created");
			}
		}
	}
	else if (info.st_size != bytes) {
		close(file);
		xsUnknownError("store: wrong size; it was not touched");
	}
	xsmcSetInteger(xsResult, file);
}

/* desktop_flash_read(file, at, bytes, count) */
void desktop_flash_read(xsMachine *the)
{
	int file = xsmcToInteger(xsArg(0));
	off_t at = xsmcToInteger(xsArg(1));
	int count = xsmcToInteger(xsArg(3));
	void *data;
	xsUnsignedValue length;
	xsmcGetBufferWritable(xsArg(2), &data, &length);
	if ((count < 0) || ((xsUnsignedValue)count > length) || (pread(file, data, count, at) != count))
		xsUnknownError("flash read");
}

/* desktop_flash_write(file, at, bytes, count): clears bits only, as NOR flash does. */
void desktop_flash_write(xsMachine *the)
{
	int file = xsmcToInteger(xsArg(0));
	off_t at = xsmcToInteger(xsArg(1));
	int count = xsmcToInteger(xsArg(3));
	void *data;
	xsUnsignedValue length;
	xsmcGetBufferReadable(xsArg(2), &data, &length);
	if ((count < 0) || ((xsUnsignedValue)count > length))
		xsUnknownError("flash write");
	while (count > 0) {
		unsigned char page[256];
		int part = (count < (int)sizeof(page)) ? count : (int)sizeof(page), i;
		if (pread(file, page, part, at) != part)
			xsUnknownError("flash write");
		for (i = 0; i < part; i++)
			page[i] &= ((unsigned char *)data)[i];
		if (pwrite(file, page, part, at) != part)
			xsUnknownError("flash write");
		data = (unsigned char *)data + part;
		at += part;
		count -= part;
	}
}

/* desktop_flash_erase(file, at, count): count is a multiple of 256. */
void desktop_flash_erase(xsMachine *the)
{
	int file = xsmcToInteger(xsArg(0));
	off_t at = xsmcToInteger(xsArg(1));
	int count = xsmcToInteger(xsArg(2));
	unsigned char page[256];
	memset(page, 0xff, sizeof(page));
	for (; count > 0; count -= (int)sizeof(page), at += (off_t)sizeof(page)) {
		if (pwrite(file, page, sizeof(page), at) != (ssize_t)sizeof(page))
			xsUnknownError("flash erase");
	}
}
