/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/metrics_feed.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "export/prometheus.h"
#include "export/prometheus_health.h"
#include "store/sink.h"

#define BATCH	  256 /* numbers at once: for so long a page waits */
#define PAUSE_MS  1000
#define HEALTH_MS 5000
#define SAVE_MS	  30000
#define AGAIN_MS  2000 /* after a failure */
#define STATUS_MS 2000

static const char absent[] = "the store cannot be read yet";
static const char catching_up[] = "sums are being made of what the store has";

struct metrics_feed {
	struct metrics_feed_config c;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows up to the next blank line */
	pthread_cond_t wake;
	bool stop;
	struct metrics *m;    /* changed by the thread alone */
	struct buf health[2]; /* written already; [1]: as OpenMetrics */

	atomic_int waiting; /* for the lock: batches let them pass */
	atomic_bool ready;
	_Atomic(const char *) why;

	struct store_reader *reader;
	struct store_sinks *sinks;
	struct health *captures;
	uint64_t health_ms, saved_ms; /* when last; 0: never */
	int64_t saved_seq;
	bool said; /* why it does not go on */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Whether it is to go on; waits @ms for the opposite. */
static bool goes_on(struct metrics_feed *f, unsigned ms)
{
	struct timespec end;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000; /* whole seconds are all that is asked for */
	pthread_mutex_lock(&f->lock);
	while (!f->stop && ms && pthread_cond_timedwait(&f->wake, &f->lock, &end) == 0)
		;
	stop = f->stop;
	pthread_mutex_unlock(&f->lock);
	return !stop;
}

/* --- how far it is --- */

static int save(struct metrics_feed *f)
{
	_cleanup_(buf_done) struct buf state = { 0 };
	int r;

	pthread_mutex_lock(&f->lock);
	r = metrics_save(f->m, &state);
	pthread_mutex_unlock(&f->lock);
	if (r == 0)
		r = store_sink_set(f->sinks, METRICS_SINK, metrics_seq(f->m), buf_slice(&state),
				   wall_ns());
	if (r == 0)
		f->saved_seq = metrics_seq(f->m);
	f->saved_ms = now_ms();
	return r;
}

/* What others hold up is tried again the next time. */
static int save_if_due(struct metrics_feed *f)
{
	int r;

	if (metrics_seq(f->m) == f->saved_seq || now_ms() - f->saved_ms < SAVE_MS)
		return 0;
	r = save(f);
	return r == -EAGAIN ? 0 : r;
}

/* --- opening --- */

static void set_metrics(struct metrics_feed *f, struct metrics *m)
{
	struct metrics *old;

	pthread_mutex_lock(&f->lock);
	old = f->m;
	f->m = m;
	pthread_mutex_unlock(&f->lock);
	metrics_free(old);
}

/* Goes on where the last one ended, or begins; then the store gets to know of it (changes.h). */
static int load(struct metrics_feed *f)
{
	_cleanup_(buf_done) struct buf state = { 0 };
	_cleanup_(metrics_freep) struct metrics *m = NULL;
	int64_t seq = 0;
	bool known;
	int r = metrics_new(f->c.max_series, f->c.labels, wall_ns(), &m);

	if (r == 0)
		r = store_sink_get(f->sinks, METRICS_SINK, &seq, &state);
	if (r == 0 && state.n)
		r = metrics_load(m, seq, buf_slice(&state));
	known = r == 0 && state.n;
	if (r == -EBADMSG) {
		log_info("/metrics: labels or sonde are others than before: its sums begin anew "
			 "with what the store has");
		r = 0;
	}
	if (r < 0)
		return r;
	set_metrics(f, TAKE(m));
	f->saved_seq = seq;
	return known ? 0 : save(f);
}

static void close_store(struct metrics_feed *f)
{
	store_reader_close(f->reader);
	store_sinks_close(f->sinks);
	f->reader = NULL;
	f->sinks = NULL;
}

static int open_store(struct metrics_feed *f)
{
	struct store_error err = { "how far the sums were cannot be read" };
	int r = store_sinks_open(f->c.store, &f->sinks, &err);

	if (r == 0)
		r = store_reader_open(f->c.store, &f->reader, &err);
	if (r == 0)
		r = load(f);
	if (r < 0 && !f->said)
		log_warn("/metrics: %s; it is tried again", err.text);
	f->said = r < 0;
	return r;
}

/* --- how everything is --- */

static uint64_t on_status(void *ctx, struct slice line, uint64_t before)
{
	struct metrics_feed *f = ctx;

	health_capture(f->captures, line);
	return before;
}

static int write_health(struct metrics_feed *f, bool openmetrics, struct buf *ret)
{
	struct prometheus p = { .out = ret, .openmetrics = openmetrics };
	int r = 0;

	health_write(f->captures, &p);
	if (f->reader)
		r = prometheus_store(&p, f->reader, atomic_load(&f->ready) ? f->m : NULL);
	return p.r < 0 ? p.r : r;
}

static void swap_health(struct metrics_feed *f, int which, struct buf *text)
{
	struct buf old;

	pthread_mutex_lock(&f->lock);
	old = f->health[which];
	f->health[which] = *text;
	pthread_mutex_unlock(&f->lock);
	*text = old;
}

static int look_if_due(struct metrics_feed *f)
{
	int r = 0;

	if (f->health_ms && now_ms() - f->health_ms < HEALTH_MS)
		return 0;
	health_begin(f->captures);
	if (f->c.status)
		f->c.status(f->c.store, STATUS_MS, on_status, f);
	for (int i = 0; i < 2; i++) {
		_cleanup_(buf_done) struct buf text = { 0 };
		const int rc = write_health(f, i, &text);

		r = r < 0 ? r : rc;
		swap_health(f, i, &text);
	}
	f->health_ms = now_ms();
	return r;
}

/* --- the thread --- */

static int read_some(struct metrics_feed *f)
{
	int r;

	while (atomic_load(&f->waiting))
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	pthread_mutex_lock(&f->lock);
	r = metrics_read(f->m, f->reader, BATCH);
	pthread_mutex_unlock(&f->lock);
	return r;
}

/* 1: there is more to read at once; 0; -errno. */
static int step(struct metrics_feed *f)
{
	const int more = read_some(f);
	int r = more;

	if (more == 0 && !atomic_exchange(&f->ready, true))
		f->health_ms = 0; /* which says that it is */
	if (r >= 0)
		r = look_if_due(f);
	if (r >= 0)
		r = save_if_due(f);
	return r < 0 ? r : more;
}

/* Until it is to end (0), or something fails. */
static int follow(struct metrics_feed *f)
{
	int r = 1;

	while (goes_on(f, r ? 0 : PAUSE_MS)) {
		r = step(f);
		if (r < 0)
			return r;
	}
	return metrics_seq(f->m) == f->saved_seq ? 0 : save(f);
}

/* One life of the store's file: from opening it to a failure, or to the end. */
static int live(struct metrics_feed *f)
{
	int r = open_store(f);

	atomic_store(&f->why, r < 0 ? absent : catching_up);
	if (r < 0) {
		look_if_due(f); /* what captures say needs no store */
		return r;
	}
	r = follow(f);
	if (r < 0)
		log_errno(r, "/metrics: cannot read the store; it is tried again");
	return r;
}

static void *work(void *ctx)
{
	struct metrics_feed *f = ctx;

	do {
		const int r = live(f);

		close_store(f);
		atomic_store(&f->ready, false);
		if (r == 0)
			break;
	} while (goes_on(f, AGAIN_MS));
	return NULL;
}

static void feed_free(struct metrics_feed *f)
{
	for (int i = 0; i < 2; i++)
		buf_done(&f->health[i]);
	metrics_free(f->m);
	health_free(f->captures);
	pthread_cond_destroy(&f->wake);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static void init_lock(struct metrics_feed *f)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&f->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

/* Signals are the main thread's. */
static int start_thread(struct metrics_feed *f)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&f->thread, NULL, work, f);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

int metrics_feed_start(const struct metrics_feed_config *c, struct metrics_feed **ret)
{
	struct metrics_feed *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->c = *c;
	atomic_store(&f->why, absent);
	init_lock(f);
	r = health_new(&f->captures);
	if (r == 0)
		r = start_thread(f);
	if (r < 0) {
		feed_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

void metrics_feed_stop(struct metrics_feed *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	feed_free(f);
}

/* --- the page --- */

bool metrics_feed_ready(struct metrics_feed *f, const char **why)
{
	*why = atomic_load(&f->why);
	return atomic_load(&f->ready);
}

int metrics_feed_page(struct metrics_feed *f, bool openmetrics, struct buf *ret)
{
	struct prometheus p = { .out = ret, .openmetrics = openmetrics };

	atomic_fetch_add(&f->waiting, 1);
	pthread_mutex_lock(&f->lock);
	atomic_fetch_sub(&f->waiting, 1);
	if (atomic_load(&f->ready))
		prometheus_metrics(&p, f->m);
	if (p.r == 0)
		p.r = buf_add(ret, buf_slice(&f->health[openmetrics]), SIZE_MAX);
	pthread_mutex_unlock(&f->lock);
	prometheus_end(&p);
	return p.r;
}
