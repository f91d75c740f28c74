/* SPDX-License-Identifier: BSD-2-Clause */
/* The web interface over a store that is there already, for whoever may read that store. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "api/http_tcp.h"
#include "api/tokens.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/api_parts.h"
#include "cmd/command.h"
#include "cmd/config_file.h"
#include "cmd/prices_file.h"
#include "cmd/reader.h"
#include "cmd/retry.h"

#define LINK_S 600 /* a person has to find it among what else the terminal shows */

static const char *db, *listen_at = "127.0.0.1:0";

static const struct option_spec options[] = {
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	{ "listen", 0, OPTION_STRING, &listen_at, "ADDRESS:PORT",
	  "where; port 0 is one that is free", NULL, NULL },
	{ 0 },
};

/* Whether it can be read is said now, not by the first page. */
static int check_store(char **ret_path)
{
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;

	return reader_open(db, &r, ret_path);
}

static int open_port(const char *store)
{
	_cleanup_(closep) int fd = tcp_listen(listen_at);

	if (fd == -EINVAL) {
		log_err("--listen takes an address and a port such as 127.0.0.1:7780, not '%s'",
			listen_at);
		return fd;
	}
	if (fd < 0)
		return log_errno(fd, "cannot listen on '%s'", listen_at);
	if (!tcp_is_loopback(fd) && !api_has_token(store))
		return api_refuse_open(listen_at, store);
	return TAKE_FD(fd);
}

static int print_link(struct api_server *s)
{
	char url[512];
	int r = api_server_link(s, LINK_S, url, sizeof(url));

	if (r < 0)
		return log_errno(r, "cannot make a link");
	printf("%s\n", url);
	fflush(stdout);
	return 0;
}

static int take_signals(void)
{
	static const struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* A line from the terminal wants another link. False at its end. */
static bool hear_enter(struct api_server *s)
{
	char line[256];
	const ssize_t n = read(STDIN_FILENO, line, sizeof(line));

	if (n > 0)
		print_link(s);
	return n > 0;
}

static void wait_for_end(struct api_server *s, int signals)
{
	struct pollfd p[] = { { .fd = signals, .events = POLLIN },
			      { .fd = isatty(STDIN_FILENO) ? STDIN_FILENO : -1,
				.events = POLLIN } };

	if (p[1].fd >= 0)
		log_info("open the link once; Enter prints another one, Ctrl-C ends this");
	while (!p[0].revents) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents && !hear_enter(s))
			p[1].fd = -1;
	}
}

static int serve(const struct config *c, const char *store, int tcp)
{
	char tokens[PATH_MAX];
	struct api_config api = {
		.config = c,
		.store = store,
		.peers = { .own = geteuid() },
		.tokens = tokens,
		.may_run = server_may_run,
		.retry = retrier_ask,
	};
	_cleanup_(price_freep) struct price_table *prices = NULL;
	struct api_server *server = NULL;
	_cleanup_(closep) int signals = -1;
	int r = tokens_path(store, TOKENS_FILE, tokens, sizeof(tokens));

	if (r == 0)
		r = retrier_start(store, (const int[]){ tcp, -1 });
	if (r < 0) {
		log_errno(r, "cannot serve '%s'", store);
		return 1;
	}
	server_limits();
	signals = take_signals();
	if (prices_load(NULL, &prices) == 0) /* else it has said why, and figures lack it */
		api.prices = prices;
	r = signals < 0 ? -errno : api_server_start(&api, -1, tcp, &server);
	if (r < 0) {
		log_errno(r, "cannot serve '%s'", store);
		retrier_stop();
		return 1;
	}
	r = print_link(server);
	if (r == 0)
		wait_for_end(server, signals);
	api_server_stop(server);
	retrier_stop();
	return r < 0 ? 1 : 0;
}

static int run(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_(freep) char *path = NULL;
	_cleanup_(closep) int tcp = -1;

	(void)argc, (void)argv;
	if (config_load(NULL, &c) < 0 || check_store(&path) < 0)
		return 1;
	tcp = open_port(path);
	return tcp < 0 ? 1 : serve(c, path, tcp);
}

const struct command command_serve = {
	.name = "serve",
	.summary = "the web interface over a store",
	.usage = "[options]",
	.help = "Prints a link that lets one browser in, once; on a terminal Enter prints another "
		"one.\n"
		"Shows all that is in the store, and what captures that write to it do now. Needs "
		"no\n"
		"rights but to read the store, keeps nothing, and ends with Ctrl-C. Over the "
		"daemon's\n"
		"store 'sonde open' is what you want.\n"
		"\n"
		"What 'sonde run' had started can be run again from its page, by you alone: that "
		"is\n"
		"'sonde retry', with the environment that this was started with. It needs what "
		"'sonde\n"
		"run' needs, goes on when this ends, and writes to STORE-retry-N.log.\n"
		"\n"
		"It is HTTP without TLS: beyond this machine put a proxy in front of it that "
		"speaks\n"
		"TLS, and name it in [api] host. An address that others can reach is refused "
		"while\n"
		"there is no token ('sonde token add --db FILE LABEL').\n"
		"\n"
		"Examples:\n"
		"  sonde serve\n"
		"  sonde serve --db traces.db --listen 127.0.0.1:7780\n",
	.options = options,
	.run = run,
};
