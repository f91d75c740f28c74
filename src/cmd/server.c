/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's server process (daemon.h), and a hidden command that is it alone. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/http_tcp.h"
#include "api/hubs.h"
#include "api/metrics_http.h"
#include "api/server.h"
#include "api/session.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/api_parts.h"
#include "cmd/command.h"
#include "cmd/config_file.h"
#include "cmd/daemon.h"
#include "cmd/prices_file.h"
#include "cmd/server_link.h"

#define FILES 4096 /* descriptors: connections, and two pipes for each command */

static const char *const *process_names;
static const _Atomic uint64_t *process_restarts;
static size_t n_processes;

void server_restarts_at(const char *const *names, const _Atomic uint64_t *restarts, size_t n)
{
	process_names = names;
	process_restarts = restarts;
	n_processes = n;
}

static void give_restarts(hubs_line_fn fn, void *ctx)
{
	_cleanup_(buf_done) struct buf line = { 0 };
	struct json_writer w = { .out = &line };

	json_begin(&w, '{');
	json_key(&w, "restarts");
	json_begin(&w, '{');
	for (size_t i = 0; i < n_processes; i++) {
		json_key(&w, process_names[i]);
		json_put_int(&w, (int64_t)process_restarts[i]);
	}
	json_end(&w, '}');
	json_end(&w, '}');
	if (w.r == 0)
		fn(ctx, buf_slice(&line), 0);
}

/* What captures answer, and what only the supervisor can know. */
static int ask_all(const char *store, int timeout_ms, hubs_line_fn fn, void *ctx)
{
	if (n_processes)
		give_restarts(fn, ctx);
	return hubs_status(store, timeout_ms, fn, ctx);
}

bool server_may_run(const char *name)
{
	const struct command *c = command_named(name);

	return c && c->remote != REMOTE_NO;
}

void server_limits(void)
{
	struct rlimit l;

	umask(077);
	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < FILES) {
		l.rlim_cur = l.rlim_max < FILES ? l.rlim_max : FILES;
		setrlimit(RLIMIT_NOFILE, &l);
	}
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Commands that are run for others have no use for it. */
static void keep_to_ourselves(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Before there are threads: all of them leave it to the one that waits for it. */
static void block_signals(sigset_t *ret)
{
	static const struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
	sigprocmask(SIG_BLOCK, ret, NULL);
}

int server_main(const struct config *c, int socket, int http, int tcp)
{
	char tokens[PATH_MAX], sessions[PATH_MAX];
	const struct group *group = c->daemon.group ? getgrnam(c->daemon.group) : NULL;
	struct api_config api = {
		.config = c,
		.store = c->daemon.store,
		.peers = { .own = geteuid(),
			   .has_group = group != NULL,
			   .group = group ? group->gr_gid : 0 },
		.tokens = tokens,
		.sessions = sessions,
		.may_run = server_may_run,
		.leave = server_link_is_open() ? server_link_leave : NULL,
		.stop = server_link_is_open() ? server_link_stop : NULL,
	};
	_cleanup_(price_freep) struct price_table *prices = NULL;
	struct api_server *server = NULL;
	struct metrics_http *metrics = NULL;
	sigset_t signals;
	int sig, r;

	server_limits();
	keep_to_ourselves(socket);
	keep_to_ourselves(http);
	keep_to_ourselves(tcp);
	block_signals(&signals);
	if (prices_load(NULL, &prices) == 0) /* else it has said why, and figures lack it */
		api.prices = prices;
	r = tokens_path(c->daemon.store, TOKENS_FILE, tokens, sizeof(tokens));
	if (r == 0)
		r = tokens_path(c->daemon.store, SESSIONS_FILE, sessions, sizeof(sessions));
	if (r == 0)
		r = api_server_start(&api, socket, tcp, &server);
	if (r < 0) {
		log_errno(r, "cannot serve the API");
		return 1;
	}
	r = metrics_start(c, http, ask_all, &metrics);
	if (r < 0)
		log_errno(r, "cannot serve /metrics");
	while (sigwait(&signals, &sig) != 0)
		;
	metrics_stop(metrics);
	api_server_stop(server);
	return 0;
}

/* --- the command --- */

static const char *db, *socket_path, *group, *api_at = "off";

static const struct option_spec options[] = {
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	{ "socket", 0, OPTION_FILE, &socket_path, "PATH", "where to listen", NULL, NULL },
	{ "api", 0, OPTION_STRING, &api_at, "ADDRESS:PORT", "where to listen on TCP", NULL, NULL },
	{ "group", 0, OPTION_STRING, &group, "NAME", "whose members see all runs", NULL, NULL },
	{ 0 },
};

static int listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	if (snprintf(a.sun_path, sizeof(a.sun_path), "%s", path) >= (int)sizeof(a.sun_path))
		errno = ENAMETOOLONG;
	else if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && chmod(path, 0666) == 0 &&
		 listen(fd, 64) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

/* -1 where there is none; or -errno. */
static int open_api(const struct config *c, int *ret)
{
	*ret = api_listens(api_at) ? tcp_listen(api_at) : -1;
	if (!api_listens(api_at))
		return 0;
	if (*ret < 0)
		return log_errno(*ret, "cannot listen on '%s'", api_at);
	if (tcp_is_loopback(*ret) || api_has_token(c->daemon.store))
		return 0;
	return api_refuse_open(api_at, c->daemon.store);
}

static int run(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_(closep) int tcp = -1;
	int fd, status;

	(void)argc, (void)argv;
	if (config_load(NULL, &c) < 0)
		return 1;
	if (db)
		c->daemon.store = db;
	if (socket_path)
		c->daemon.socket = socket_path;
	if (group)
		c->daemon.group = group;
	if (open_api(c, &tcp) < 0)
		return 1;
	fd = listen_at(c->daemon.socket);
	if (fd < 0) {
		log_errno(fd, "cannot listen at '%s'", c->daemon.socket);
		return 1;
	}
	status = server_main(c, fd, -1, tcp);
	close(fd);
	unlink(c->daemon.socket);
	return status;
}

const struct command command_server = {
	.name = "server",
	.summary = "the daemon's control socket alone",
	.usage = "[options]",
	.help = "Serves the control socket over a store, as a process of 'sonde daemon' does.\n",
	.options = options,
	.run = run,
	.hidden = true,
};
