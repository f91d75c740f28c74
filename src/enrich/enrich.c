/* SPDX-License-Identifier: BSD-2-Clause */
#include "enrich/enrich.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/ipc.h"
#include "base/log.h"
#include "enrich/pod_watch.h"
#include "sonde/event.h"

#define SEND_WAIT_MS 1000

static volatile sig_atomic_t stop_asked;

struct enrich {
	const struct enrich_config *c;
	int engine;
	struct facts *facts;
	struct pod_watch *watch;
	struct api *api;
	char said[256]; /* of what does not work */
	bool said_complete, said_full;
};

static void on_stop(int sig)
{
	(void)sig;
	stop_asked = 1;
}

static bool stopping(void *ctx)
{
	const struct enrich *e = ctx;
	struct pollfd p = { .fd = e->engine };

	return stop_asked || (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)));
}

/* The engine takes them within moments; one that does not is dead or stuck, and then so are we. */
static int send_event(void *ctx, struct slice json)
{
	struct enrich *e = ctx;
	struct sonde_event hdr = { .kind = SONDE_EV_CONTAINER };
	_cleanup_(buf_done) struct buf message = { 0 };
	int r;

	hdr.size = (__u32)(sizeof(hdr) + json.n);
	r = buf_add(&message, (struct slice){ (const char *)&hdr, sizeof(hdr) }, IPC_MAX);
	if (r == 0)
		r = buf_add(&message, json, IPC_MAX);
	while (r == 0 && !stopping(e)) {
		struct pollfd p = { .fd = e->engine, .events = POLLOUT };

		r = ipc_send(e->engine, buf_slice(&message), NULL, 0);
		if (r != -EAGAIN)
			return r;
		poll(&p, 1, SEND_WAIT_MS);
		r = 0;
	}
	return r < 0 ? r : -ECANCELED;
}

/* Each trouble once, and that it is over. */
static void say(struct enrich *e, const char *error)
{
	const char *trouble = pod_watch_trouble(e->watch);

	if (strcmp(trouble, e->said) != 0) {
		snprintf(e->said, sizeof(e->said), "%s", trouble);
		if (trouble[0])
			log_warn("kubernetes: %s%s%s%s; trying again%s", trouble,
				 error[0] ? " (" : "", error, error[0] ? ")" : "",
				 pod_watch_is_complete(e->watch) ? ", what is known stays" : "");
		else
			log_info("kubernetes: the API server answers again");
	}
	if (pod_watch_is_complete(e->watch) && !e->said_complete) {
		e->said_complete = true;
		log_info("kubernetes: %zu pods of node '%s' are known", facts_count(e->facts),
			 e->c->node);
	}
	if (pod_watch_is_full(e->watch) && !e->said_full) {
		e->said_full = true;
		log_warn("kubernetes: node '%s' has more than %d pods: those beyond have no names",
			 e->c->node, FACTS_PODS_MAX);
	}
}

static int on_body(void *ctx, struct slice piece)
{
	struct enrich *e = ctx;
	int r = pod_watch_body(e->watch, piece);

	/* A request that stands for minutes is no reason to be silent. */
	if (r == 0 && pod_watch_is_long(e->watch))
		say(e, "");
	return r;
}

/* A little earlier or later than others that wait for the same server. */
static void rest(const struct enrich *e, int ms)
{
	struct pollfd p = { .fd = e->engine };
	uint32_t dice = 0;

	if (ms <= 0)
		return;
	if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) < 0)
		dice = 0;
	ms = ms / 2 + (int)(dice % (unsigned)ms);
	/* Only that the engine goes ends it; SIGTERM as well. */
	poll(&p, 1, ms);
}

static int follow(struct enrich *e)
{
	_cleanup_(buf_done) struct buf path = { 0 };
	int r = 0;

	while (r >= 0 && !stopping(e)) {
		struct api_get g = { .body = on_body, .stop = stopping, .ctx = e };

		r = pod_watch_path(e->watch, &path);
		if (r == 0)
			r = buf_add(&path, (struct slice){ "", 1 }, SIZE_MAX);
		if (r < 0)
			break;
		g.path = path.p;
		g.stands = pod_watch_is_long(e->watch);
		r = api_get(e->api, &g);
		if (r == -ECANCELED)
			break;
		r = pod_watch_done(e->watch, g.status, r, g.ms);
		if (r < 0)
			break;
		say(e, g.error);
		rest(e, r);
	}
	/* That the engine has gone is an end as good as any. */
	return r == -ENOMEM ? r : 0;
}

static void set_signals(void)
{
	struct sigaction stop = { .sa_handler = on_stop }, ignore = { .sa_handler = SIG_IGN };
	sigset_t none;

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int enrich_run(const struct enrich_config *c, int engine)
{
	const struct pod_context context = { .node = c->node,
					     .labels = c->labels,
					     .n_labels = c->n_labels,
					     .not_namespaces = c->not_namespaces,
					     .n_not_namespaces = c->n_not_namespaces,
					     .not_labels = c->not_labels,
					     .n_not_labels = c->n_not_labels };
	struct enrich e = { .c = c, .engine = engine };
	int r;

	set_signals();
	r = facts_new(send_event, &e, &e.facts);
	if (r == 0)
		r = pod_watch_new(e.facts, &context, &e.watch);
	if (r == 0)
		r = api_new(&c->api, &e.api);
	if (r == 0)
		r = follow(&e);
	api_free(e.api);
	pod_watch_free(e.watch);
	facts_free(e.facts);
	return r;
}
