/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/daemon_parts.h"

#define END_NS	40000000000ull /* for storing what was seen */
#define MOST_MS 1000	       /* between two looks at the clock */
/* A machine that is just starting is slow; systemd waits for 120 s. */
#define READY_NS 110000000000ull

uint64_t daemon_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- the end --- */

void daemon_end(struct daemon *d, int status)
{
	if (status && !d->status)
		d->status = status;
	if (d->ending)
		return;
	d->ending = true;
	d->end_by_ns = daemon_now_ns() + END_NS;
	daemon_notify_stopping();
	/* The prober takes its probes off and tells the engine, which stores what it has. */
	if (d->prober_fd >= 0)
		shutdown(d->prober_fd, SHUT_WR);
	for (int id = 0; id < DAEMON_CHILDREN; id++)
		if (d->children[id].pid && id != DAEMON_PROBER && id != DAEMON_ENGINE)
			kill(d->children[id].pid, SIGTERM);
	/* Without a prober nobody tells it. */
	if (d->children[DAEMON_ENGINE].pid && !d->children[DAEMON_PROBER].pid)
		kill(d->children[DAEMON_ENGINE].pid, SIGTERM);
}

static bool all_gone(const struct daemon *d)
{
	for (int id = 0; id < DAEMON_CHILDREN; id++)
		if (d->children[id].pid)
			return false;
	return true;
}

static void kill_all(struct daemon *d)
{
	for (int id = 0; id < DAEMON_CHILDREN; id++)
		if (d->children[id].pid) {
			log_err("the %s did not end in time: it is killed", daemon_child_name(id));
			kill(d->children[id].pid, SIGKILL);
			d->status = EXIT_FAILURE;
		}
	d->end_by_ns = UINT64_MAX;
}

/* --- reload --- */

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_endpoints(const struct llm_endpoint *a, const struct llm_endpoint *b)
{
	for (; a && b; a = a->next, b = b->next)
		if (!slice_eq(a->name, b->name) || !slice_eq(a->host, b->host) ||
		    !slice_eq(a->path, b->path) || a->format != b->format ||
		    !same(a->provider, b->provider))
			return false;
	return !a && !b;
}

/* What the engine has from its start holds until the next: said, so that nobody waits for it. */
static void say_fixed(const struct daemon_setup *before, const struct daemon_setup *after)
{
	const struct config *old = before->c, *new = after->c;
	const struct id128 prices[] = { price_digest(before->prices), price_digest(after->prices) };
	const bool changed = !id128_eq(&prices[0], &prices[1]) ||
			     !same_endpoints(old->endpoints, new->endpoints) ||
			     !same(old->daemon.store, new->daemon.store) ||
			     !same(old->daemon.user, new->daemon.user) ||
			     !same(old->daemon.socket, new->daemon.socket) ||
			     old->daemon.ring_bytes != new->daemon.ring_bytes ||
			     old->files != new->files || old->memory_bytes != new->memory_bytes ||
			     old->cpu_percent != new->cpu_percent;

	if (changed)
		log_warn("prices, endpoints, store, user, socket and ring of [daemon], [capture] "
			 "files, and [limits] memory and cpu hold from the next start on");
}

static const char *copy(struct config *c, const char *text)
{
	return arena_copy(c->mem, slice_of(text)).p;
}

static void keep_fixed(const struct config *old, struct config *new)
{
	new->daemon.store = copy(new, old->daemon.store);
	new->daemon.socket = copy(new, old->daemon.socket);
	new->daemon.user = copy(new, old->daemon.user);
	new->daemon.ring_bytes = old->daemon.ring_bytes;
	new->files = old->files;
	new->memory_bytes = old->memory_bytes;
	new->cpu_percent = old->cpu_percent;
}

static void renew_http(struct daemon *d, const struct config *old)
{
	const char *listen = d->setup->c->prometheus.listen;

	if (same(old->prometheus.listen, listen))
		return;
	closep(&d->http_fd);
	d->http_fd = listen ? daemon_http_open(listen) : -1; /* has said why */
}

static void renew_api(struct daemon *d, const struct config *old)
{
	const struct config *new = d->setup->c;

	if (same(old->api.listen, new->api.listen))
		return;
	closep(&d->api_fd);
	daemon_api_open(new, &d->user, true, &d->api_fd); /* has said why */
}

static void reload(struct daemon *d)
{
	struct daemon_setup *new = NULL, *old = d->setup;

	daemon_notify_reloading();
	if (daemon_setup_read(&d->options, &new) < 0) {
		log_err("the configuration stays as it was");
	} else {
		say_fixed(old, new);
		keep_fixed(old->c, new->c);
		price_free(new->prices);
		new->prices = TAKE(old->prices);
		daemon_setup_event(new);
		d->setup = new;
		renew_http(d, old->c);
		renew_api(d, old->c);
		daemon_prober_change(d);
		daemon_child_renew(d, DAEMON_SERVER);
		daemon_child_renew(d, DAEMON_EXPORTER);
		daemon_child_renew(d, DAEMON_ENRICHER);
		log_info("the configuration was read anew");
		daemon_watch_say(new->c);
		daemon_setup_free(old);
	}
	daemon_notify_ready(d);
}

/* --- waiting --- */

static void on_signals(struct daemon *d)
{
	struct signalfd_siginfo si;

	while (read(d->signals.fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		switch (si.ssi_signo) {
		case SIGTERM:
		case SIGINT:
		case SIGQUIT:
			daemon_end(d, 0);
			break;
		case SIGHUP:
			if (!d->ending)
				reload(d);
			break;
		default: /* SIGCHLD: all are looked at */
			break;
		}
	}
}

/* A byte when it is ready, the end when it has ended. */
static void on_engine_ready(struct daemon *d)
{
	char byte;
	const ssize_t n = read(d->engine_ready_fd, &byte, 1);

	if (n < 0)
		return;
	d->engine_ready |= n == 1;
	close(TAKE_FD(d->engine_ready_fd));
	if (n == 1 || d->engine_ready)
		return;
	log_err("the engine could not begin");
	daemon_end(d, EXIT_FAILURE);
}

static void announce(struct daemon *d)
{
	if (d->announced || !d->engine_ready || !d->prober_ready || d->ending)
		return;
	d->announced = true;
	daemon_child_start(d, DAEMON_SERVER);
	daemon_child_start(d, DAEMON_EXPORTER);
	daemon_child_start(d, DAEMON_ENRICHER);
	daemon_watch_say(d->setup->c);
	daemon_api_say(d);
	log_info("ready");
	daemon_notify_status(d, "tracing");
	daemon_notify_ready(d);
}

static int timeout_ms(const struct daemon *d, uint64_t now_ns)
{
	uint64_t next = daemon_children_next(d);

	if (d->alive_every_ns && d->alive_ns + d->alive_every_ns < next)
		next = d->alive_ns + d->alive_every_ns;

	if (next <= now_ns)
		return 0;
	return next - now_ns < MOST_MS * 1000000ull ? (int)((next - now_ns) / 1000000) + 1
						    : MOST_MS;
}

static void wait_for_something(struct daemon *d)
{
	struct pollfd p[] = { { .fd = d->signals.fd, .events = POLLIN },
			      { .fd = d->prober_fd, .events = POLLIN },
			      { .fd = d->engine_ready_fd, .events = POLLIN },
			      { .fd = d->server_fd, .events = POLLIN } };

	if (poll(p, ARRAY_SIZE(p), timeout_ms(d, daemon_now_ns())) < 0)
		return;
	if (p[1].revents && !daemon_prober_hear(d))
		close(TAKE_FD(d->prober_fd)); /* its end is seen as any child's */
	if (p[2].revents)
		on_engine_ready(d);
	if (p[3].revents)
		daemon_server_hear(d);
	if (p[0].revents)
		on_signals(d);
}

int daemon_loop(struct daemon *d)
{
	const uint64_t ready_by = daemon_now_ns() + READY_NS;

	while (!d->ending || !all_gone(d)) {
		uint64_t now;

		wait_for_something(d);
		daemon_children_reap(d);
		announce(d);
		now = daemon_now_ns();
		daemon_children_turn(d, now);
		daemon_retention_turn(d, now);
		daemon_notify_turn(d, now);
		if (!d->announced && !d->ending && now > ready_by) {
			log_err("the probes were not ready within %llu s", READY_NS / 1000000000);
			daemon_end(d, EXIT_FAILURE);
		}
		if (d->ending && now > d->end_by_ns)
			kill_all(d);
	}
	return d->status;
}
