/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processes of a daemon. One that dies is started again, later each time; one that dies over
 * and over ends the daemon, as does the prober's death: the kernel has taken its probes off with
 * it, and whoever started the daemon starts all of it anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ipc.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/daemon.h"
#include "cmd/daemon_parts.h"
#include "cmd/engine.h"
#include "cmd/sandbox.h"
#include "cmd/server_link.h"
#include "sonde/control.h"

#define DEATHS_NS 60000000000ull /* so many deaths in that time are too many */
#define AGAIN_NS  500000000ull	 /* the first pause; doubled with each death */
#define RENEW_NS  5000000000ull	 /* for ending when asked to; then it is killed */

/* --- what each of them does --- */

static void close_unless(const int *keep, size_t n, int fd)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] == fd)
			return;
	if (fd >= 0)
		close(fd);
}

static void engine_is_ready(void *ctx)
{
	const int *fd = ctx;

	if (write(*fd, "", 1) != 1)
		_exit(SONDE_EXIT_FAILURE); /* nobody waits for us any more */
	close(*fd);
}

/* @enrich_fd: what the enricher tells; -1: there is none. */
static int be_engine(struct daemon *d, int prober_fd, int ready_fd, int enrich_fd)
{
	const struct config *c = d->setup->c;
	const struct engine_config e = {
		.db_path = c->daemon.store,
		.prices = d->setup->prices,
		.endpoints = c->endpoints,
		.ready = engine_is_ready,
		.ready_ctx = &ready_fd,
		.memory_bytes = c->memory_bytes,
		.cpu_percent = c->cpu_percent,
		.resumes = true,
		.enrich_fd = enrich_fd,
	};

	return engine_live(&e, prober_fd);
}

static int be_server(struct daemon *d)
{
	static const char *names[DAEMON_CHILDREN];

	for (enum daemon_child_id id = 0; id < DAEMON_CHILDREN; id++)
		names[id] = daemon_child_name(id);
	server_restarts_at(names, d->restarts, DAEMON_CHILDREN);
	return server_main(d->setup->c, d->socket_fd, d->http_fd, d->api_fd);
}

static int be_exporter(struct daemon *d)
{
	return exporter_main(d->setup->c);
}

static int be_enricher(struct daemon *d)
{
	return enricher_main(d->setup->c, d->enricher_fd);
}

static bool always(const struct daemon *d)
{
	(void)d;
	return true;
}

static bool has_sinks(const struct daemon *d)
{
	return d->setup->c->sinks;
}

static bool has_kubernetes(const struct daemon *d)
{
	return d->setup->c->kubernetes.enabled && d->enricher_fd >= 0;
}

static const struct kind {
	const char *name;
	bool (*wanted)(const struct daemon *d); /* NULL: started by others */
	int (*main)(struct daemon *d);		/* as the daemon's user */
} kinds[DAEMON_CHILDREN] = {
	[DAEMON_PROBER] = { "prober", NULL, NULL },
	[DAEMON_ENGINE] = { "engine", always, NULL },
	[DAEMON_SERVER] = { "server", always, be_server },
	[DAEMON_EXPORTER] = { "exporter", has_sinks, be_exporter },
	[DAEMON_ENRICHER] = { "enricher", has_kubernetes, be_enricher },
	[DAEMON_SWEEPER] = { "sweeper", NULL, daemon_sweeper_main },
};

const char *daemon_child_name(enum daemon_child_id id)
{
	return kinds[id].name;
}

/* --- starting --- */

void daemon_child_begin(struct daemon *d, const char *name, const int *keep, size_t n_keep)
{
	const int own[] = { d->prober_fd, d->lock_fd,	  d->socket_fd,	      d->http_fd,
			    d->api_fd,	  d->enricher_fd, d->engine_ready_fd, d->server_fd };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char title[16];

	signals_restore(&d->signals);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	setsid(); /* a terminal's keys are for the supervisor */
	snprintf(title, sizeof(title), "sonde-%s", name);
	prctl(PR_SET_NAME, title);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		close(null);
	}
	close(d->signals.fd);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		close_unless(keep, n_keep, own[i]);
}

/* In the child: the daemon's user, and gone when the supervisor is. */
static void become(const struct daemon *d, pid_t supervisor)
{
	int r = sandbox_bound();

	if (r == 0)
		r = sandbox_become(d->user.uid, d->user.gid, d->user.name);
	if (r < 0) {
		log_errno(r, "cannot become '%s'", d->user.name);
		_exit(SONDE_EXIT_FAILURE);
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != supervisor)
		_exit(SONDE_EXIT_FAILURE);
	prctl(PR_SET_DUMPABLE, 0);
}

static void started(struct daemon *d, enum daemon_child_id id, pid_t pid)
{
	struct daemon_child *c = &d->children[id];

	c->pid = pid;
	c->start_ns = daemon_now_ns();
	c->again_ns = 0;
	c->anew = false;
}

static int start_plain(struct daemon *d, enum daemon_child_id id)
{
	const int keep[] = { id == DAEMON_SERVER ? d->socket_fd : -1,
			     id == DAEMON_SERVER ? d->http_fd : -1,
			     id == DAEMON_SERVER ? d->api_fd : -1,
			     id == DAEMON_ENRICHER ? d->enricher_fd : -1 };
	const pid_t supervisor = getpid();
	int link[2] = { -1, -1 }, r = id == DAEMON_SERVER ? ipc_pair(link) : 0;
	pid_t pid;

	fflush(NULL);
	pid = r < 0 ? -1 : fork();
	if (pid == 0) {
		daemon_child_begin(d, kinds[id].name, keep, ARRAY_SIZE(keep));
		if (link[0] >= 0)
			close(link[0]);
		if (id == DAEMON_SERVER)
			server_link_open(link[1]);
		become(d, supervisor);
		r = kinds[id].main(d);
		fflush(NULL);
		_exit(r);
	}
	if (id == DAEMON_SERVER) {
		close_unless(NULL, 0, d->server_fd);
		close_unless(NULL, 0, link[1]);
		d->server_fd = link[0];
	}
	if (pid < 0)
		return log_errno(r < 0 ? r : -errno, "cannot start the %s", kinds[id].name);
	started(d, id, pid);
	return 0;
}

/* What the engine is told by whom else: the enricher's line to it is a new one with each. */
static void renew_enricher_link(struct daemon *d, int *ret_engine_end)
{
	int link[2];

	*ret_engine_end = -1;
	close_unless(NULL, 0, d->enricher_fd);
	d->enricher_fd = -1;
	if (!d->setup->c->kubernetes.enabled || ipc_pair(link) < 0)
		return;
	*ret_engine_end = link[0];
	d->enricher_fd = link[1];
	daemon_child_renew(d, DAEMON_ENRICHER);
}

static int start_engine(struct daemon *d)
{
	int link[2], ready[2], enrich, r = ipc_pair(link);
	const pid_t supervisor = getpid();
	pid_t pid;

	if (r < 0 || pipe2(ready, O_CLOEXEC | O_NONBLOCK) < 0)
		return log_errno(r < 0 ? r : -errno, "cannot start the engine");
	renew_enricher_link(d, &enrich);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		/* While it writes, no other daemon may: it keeps the lock. */
		daemon_child_begin(d, "engine", &d->lock_fd, 1);
		close(link[1]);
		close(ready[0]);
		become(d, supervisor);
		prctl(PR_SET_PDEATHSIG, 0); /* it ends when the prober has, with all that it has */
		r = be_engine(d, link[0], ready[1], enrich);
		fflush(NULL);
		_exit(r);
	}
	close(link[0]);
	close(ready[1]);
	close_unless(NULL, 0, enrich);
	close_unless(NULL, 0, d->engine_ready_fd);
	d->engine_ready_fd = ready[0];
	if (pid < 0) {
		close(link[1]);
		return log_errno(-errno, "cannot start the engine");
	}
	started(d, DAEMON_ENGINE, pid);
	return d->children[DAEMON_PROBER].pid ? daemon_prober_engine(d, &link[1])
					      : daemon_prober_start(d, &link[1]);
}

int daemon_child_start(struct daemon *d, enum daemon_child_id id)
{
	struct daemon_child *c = &d->children[id];

	c->again_ns = 0;
	c->wanted = !kinds[id].wanted || kinds[id].wanted(d);
	if (!c->wanted || c->pid || d->ending)
		return 0;
	return id == DAEMON_ENGINE ? start_engine(d) : start_plain(d, id);
}

void daemon_child_renew(struct daemon *d, enum daemon_child_id id)
{
	struct daemon_child *c = &d->children[id];

	if (!c->pid) {
		c->again_ns = daemon_now_ns();
		return;
	}
	c->anew = true;
	c->again_ns = daemon_now_ns() + RENEW_NS; /* by then it has ended, or is killed */
	kill(c->pid, SIGTERM);
}

/* --- ending --- */

static void say_end(const struct daemon_child *c, const char *name, int status, const char *then)
{
	if (WIFSIGNALED(status))
		log_err("the %s (process %d) died: signal %d, %s; %s", name, (int)c->pid,
			WTERMSIG(status), strsignal(WTERMSIG(status)), then);
	else
		log_err("the %s (process %d) ended with status %d; %s", name, (int)c->pid,
			WEXITSTATUS(status), then);
}

/* Notes a death; whether there were too many. */
static bool count_death(struct daemon_child *c, uint64_t now_ns)
{
	c->deaths[c->n_deaths++ % DAEMON_DEATHS_MAX] = now_ns;
	/* Behind the newest in the ring is the oldest. */
	return c->n_deaths >= DAEMON_DEATHS_MAX &&
	       now_ns - c->deaths[c->n_deaths % DAEMON_DEATHS_MAX] < DEATHS_NS;
}

/* How many there were in the last minute: each makes the pause twice as long. */
static uint64_t pause_after(const struct daemon_child *c, uint64_t now_ns)
{
	const unsigned kept = c->n_deaths < DAEMON_DEATHS_MAX ? c->n_deaths : DAEMON_DEATHS_MAX;
	uint64_t pause = AGAIN_NS / 2;

	for (unsigned i = 0; i < kept; i++)
		if (now_ns - c->deaths[i] < DEATHS_NS)
			pause *= 2;
	return pause;
}

static void prober_ended(struct daemon *d, const struct daemon_child *c, int status)
{
	if (d->ending)
		return;
	say_end(c, "prober", status, "tracing ends here");
	daemon_end(d, EXIT_FAILURE);
}

/* Of one that was to go on. */
static void died(struct daemon *d, enum daemon_child_id id, int status)
{
	struct daemon_child *c = &d->children[id];
	const uint64_t now = daemon_now_ns();
	char then[64];

	if (count_death(c, now)) {
		say_end(c, kinds[id].name, status, "that was too often: the daemon ends");
		daemon_end(d, EXIT_FAILURE);
		return;
	}
	c->again_ns = now + pause_after(c, now);
	d->restarts[id]++;
	snprintf(then, sizeof(then), "it is started again in %.1f s",
		 (double)(c->again_ns - now) / 1e9);
	say_end(c, kinds[id].name, status, then);
}

static void ended(struct daemon *d, enum daemon_child_id id, int status)
{
	struct daemon_child *c = &d->children[id];
	const bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (id == DAEMON_PROBER)
		prober_ended(d, c, status);
	else if (d->ending && !good && id == DAEMON_ENGINE)
		d->status = EXIT_FAILURE; /* it has said why */
	else if (c->anew && !d->ending)
		c->again_ns = daemon_now_ns();
	else if (!d->ending && id == DAEMON_SWEEPER && !good)
		log_err("the store could not be kept within its limits; that is tried again");
	/* One that has nothing to do ends by itself. */
	else if (!d->ending && id != DAEMON_SWEEPER && (!good || id == DAEMON_ENGINE))
		died(d, id, status);
	c->pid = 0;
	c->anew = false;
}

void daemon_children_reap(struct daemon *d)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int id = 0; id < DAEMON_CHILDREN; id++)
			if (d->children[id].pid == pid)
				ended(d, id, status);
}

void daemon_children_turn(struct daemon *d, uint64_t now_ns)
{
	for (int id = 0; id < DAEMON_CHILDREN && !d->ending; id++) {
		struct daemon_child *c = &d->children[id];

		if (!c->again_ns || now_ns < c->again_ns)
			continue;
		c->again_ns = 0;
		if (c->pid)
			kill(c->pid, SIGKILL); /* it did not end when it was asked to */
		else if (daemon_child_start(d, id) < 0)
			c->again_ns = now_ns + AGAIN_NS * 8;
	}
}

uint64_t daemon_children_next(const struct daemon *d)
{
	uint64_t next = UINT64_MAX;

	for (int id = 0; id < DAEMON_CHILDREN; id++)
		if (d->children[id].again_ns && d->children[id].again_ns < next)
			next = d->children[id].again_ns;
	return next;
}
