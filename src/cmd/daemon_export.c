/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's exporter: sends what is final in the store to the sinks that are configured. */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/daemon.h"
#include "cmd/sandbox.h"
#include "export/http_post.h"
#include "export/sink.h"

/* Threads must not get it: all of them come after this. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* the supervisor's: it starts us again */
}

/* What is loaded for names and for TLS is code: later no memory may become that any more. */
static int load_all(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	const int r = http_global_init();

	if (getaddrinfo("localhost", "4318", &hints, &found) == 0)
		freeaddrinfo(found);
	return r;
}

int exporter_main(const struct config *c)
{
	_cleanup_(sinks_stopp) struct sinks *sinks = NULL;
	sigset_t set;
	int r, got = 0;

	if (!c->sinks)
		return 0;
	block_signals(&set);
	r = load_all();
	if (r == 0)
		r = sandbox_enter_exporter();
	if (r < 0)
		return log_errno(r, "the exporter cannot give up its privileges"), 1;
	r = sinks_start(c, c->daemon.store, &sinks);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return 1;
	r = sigwait(&set, &got);
	if (r)
		return log_errno(-r, "the exporter cannot wait for its end"), 1;
	return 0;
}
