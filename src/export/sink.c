/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/sink.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>

#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "export/http_post.h"
#include "export/sink_run.h"

#define IDLE_MS 1000 /* between looks for what is new */

struct worker {
	struct sink sink;
	struct sinks *all;
	pthread_t thread;
	bool started;
};

struct sinks {
	struct worker *workers;
	size_t n;
	atomic_bool stop;
	int wake; /* eventfd: readable for all of them from the end on */
};

static uint64_t unix_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t some_number(void)
{
	uint32_t v = 0;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v))
		v = (uint32_t)unix_ns();
	return v;
}

static void *work(void *ctx)
{
	struct worker *w = ctx;
	struct pollfd wake = { .fd = w->all->wake, .events = POLLIN };

	while (!atomic_load(&w->all->stop)) {
		const int r = sink_round(&w->sink, unix_ns());
		uint64_t ms = IDLE_MS;

		if (r > 0)
			continue;
		if (r < 0)
			ms = sink_pause_ms(&w->sink, some_number());
		poll(&wake, 1, (int)ms);
	}
	sink_let_go(&w->sink);
	return NULL;
}

static int open_sink(struct worker *w, const struct sink_type *t, const struct sink_config *c,
		     size_t max_series, struct sinks *all, const char *store)
{
	struct sink *s = &w->sink;
	char why[400] = "";
	int r;

	w->all = all;
	*s = (struct sink){ .type = t, .env = { c, &all->stop, max_series }, .store = store };
	s->limit = SINK_BATCH;
	snprintf(s->name, sizeof(s->name), "%s:%.100s%s%s", config_sink_sections[t->kind], c->name,
		 t->signal ? ":" : "", t->signal ? t->signal : "");
	t->target(&s->env, s->target, sizeof(s->target));
	r = t->open(&s->env, &s->self, why, sizeof(why));
	if (r < 0)
		log_err("%s: %s", s->name, why[0] ? why : strerrordesc_np(-r));
	return r;
}

static bool is_wanted(const struct sink_type *t, const struct sink_config *c)
{
	return t->kind == c->kind && (!t->wanted || t->wanted(c));
}

static size_t count_wanted(const struct config *c)
{
	size_t n = 0;

	for (const struct sink_config *s = c->sinks; s; s = s->next)
		for (const struct sink_type *const *t = sink_types; *t; t++)
			n += is_wanted(*t, s);
	return n;
}

static int open_all(struct sinks *all, const struct config *c, const char *store)
{
	int r = 0;

	for (const struct sink_config *s = c->sinks; s && r == 0; s = s->next)
		for (const struct sink_type *const *t = sink_types; *t && r == 0; t++)
			if (is_wanted(*t, s))
				r = open_sink(&all->workers[all->n++], *t, s,
					      c->prometheus.max_series, all, store);
	return r;
}

/* Of a section, not of something else that keeps how far it is. */
static bool is_gone(void *ctx, const char *name)
{
	const struct sinks *all = ctx;
	bool of_section = false;

	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->workers[i].sink.name, name) == 0)
			return false;
	for (const struct sink_type *const *t = sink_types; *t; t++) {
		const struct slice section = slice_of(config_sink_sections[(*t)->kind]);

		of_section |= slice_starts(slice_of(name), section) && name[section.n] == ':';
	}
	return of_section;
}

/* Rows of sinks that the configuration does not have any more would hold back the store's
 * retention. Where the store is not there yet there are none. */
static void forget_others(struct sinks *all, const char *store)
{
	struct store_sinks *s;
	struct store_error err;

	if (store_sinks_open(store, &s, &err) < 0)
		return;
	if (store_sinks_forget(s, is_gone, all) < 0)
		log_debug("sinks that are gone from the configuration stay in the store");
	store_sinks_close(s);
}

static int start_all(struct sinks *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct worker *w = &all->workers[i];
		const int rc = pthread_create(&w->thread, NULL, work, w);

		if (rc)
			return log_errno(-rc, "%s: cannot start", w->sink.name);
		w->started = true;
		log_info("%s: sends to %s", w->sink.name, w->sink.target);
	}
	return 0;
}

int sinks_start(const struct config *c, const char *store, struct sinks **ret)
{
	_cleanup_(sinks_stopp) struct sinks *all = NULL;
	const size_t n = count_wanted(c);
	int r;

	if (n == 0)
		return -ENOENT;
	all = calloc(1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	all->wake = eventfd(0, EFD_CLOEXEC);
	all->workers = calloc(n, sizeof(*all->workers));
	if (all->wake < 0 || !all->workers)
		return log_errno(all->workers ? -errno : -ENOMEM, "cannot start the sinks");
	r = http_global_init();
	if (r < 0)
		return log_errno(r, "cannot start the sinks");
	r = open_all(all, c, store);
	if (r == 0)
		forget_others(all, store);
	if (r == 0)
		r = start_all(all);
	if (r == 0)
		*ret = TAKE(all);
	return r;
}

void sinks_stop(struct sinks *s)
{
	if (!s)
		return;
	atomic_store(&s->stop, true);
	if (s->wake >= 0)
		(void)!write(s->wake, &(uint64_t){ 1 }, sizeof(uint64_t));
	for (size_t i = 0; i < s->n; i++) {
		struct worker *w = &s->workers[i];

		if (w->started)
			pthread_join(w->thread, NULL);
		if (w->sink.self)
			w->sink.type->close(w->sink.self);
	}
	closep(&s->wake);
	free(s->workers);
	free(s);
}
