/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /metrics of a store, on loopback, until SIGTERM: what the daemon's server does, without a daemon.
 *
 *	metrics_serve STORE READY [STATUS [MAX_SERIES [LABELS]]]
 *
 * READY gets the port; STATUS is a file of lines, read anew each time, that captures would answer
 * (-: captures are asked); LABELS: none, place, project, user.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/hubs.h"
#include "api/metrics_http.h"
#include "base/cleanup.h"

static const char *status_path;

static int read_status(const char *store, int timeout_ms, metrics_line_fn fn, void *ctx)
{
	char line[65536];
	FILE *f = fopen(status_path, "re");
	int n = 0;

	(void)store;
	(void)timeout_ms;
	while (f && fgets(line, sizeof(line), f)) {
		fn(ctx, (struct slice){ line, strcspn(line, "\n") }, 0);
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

static int listen_somewhere(const char *ready)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	FILE *f;

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return -1;
	f = fopen(ready, "we");
	if (!f)
		return -1;
	fprintf(f, "%d\n", ntohs(a.sin_port));
	return fclose(f) == 0 ? fd : -1;
}

static uint64_t labels_of(const char *name)
{
	static const char *const names[] = { "none", "place", "project", "user" };

	for (uint64_t i = 0; i < 4; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return 0;
}

int main(int argc, char **argv)
{
	struct config c = { .daemon.store = argc > 1 ? argv[1] : NULL };
	struct metrics_http *http = NULL;
	sigset_t stop;
	int fd, sig, r;

	if (argc < 3)
		return 2;
	status_path = argc > 3 ? argv[3] : "/dev/null";
	c.prometheus.max_series = argc > 4 ? strtoul(argv[4], NULL, 10) : 2000;
	c.prometheus.labels = (int)labels_of(argc > 5 ? argv[5] : "place");
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = strcmp(argv[2], "-") == 0 ? -1 : listen_somewhere(argv[2]);
	r = metrics_start(&c, fd, strcmp(status_path, "-") == 0 ? hubs_status : read_status, &http);
	if (r < 0)
		return 1;
	if (http)
		sigwait(&stop, &sig);
	metrics_stop(http);
	return 0;
}
