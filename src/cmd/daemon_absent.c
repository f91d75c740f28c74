/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes of the daemon that this build does not have: they end at once, and are not missed. */
#include "cmd/daemon.h"

#define ABSENT __attribute__((weak))

ABSENT int server_main(const struct config *c, int socket, int http)
{
	(void)c, (void)socket, (void)http;
	return 0;
}

ABSENT void server_leave_by(int fd)
{
	(void)fd;
}

ABSENT int exporter_main(const struct config *c)
{
	(void)c;
	return 0;
}

ABSENT int enricher_main(const struct config *c, int engine)
{
	(void)c, (void)engine;
	return 0;
}
