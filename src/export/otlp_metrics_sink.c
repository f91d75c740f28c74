/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * [otlp NAME]: metrics. What spans add up to is kept as the state of the sink, so that sums go on
 * where they were after a restart. Sent when something was added, and now and then all the same,
 * as receivers take what falls silent for gone.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/host.h"
#include "base/util.h"
#include "export/otlp_metrics.h"
#include "export/otlp_send.h"
#include "export/sink.h"

#define SEC	     1000000000ull

#define SILENCE_NS   (60 * SEC) /* so often at least */
#define READ_AT_ONCE 4096
#define KEEP_BYTES   (1u << 20)

struct metrics_sink {
	struct otlp_form form;
	size_t max_series;
	uint64_t every_ns; /* at most so often */
	struct metrics *m; /* NULL where memory was refused */
	char host[HOST_NAME_SIZE];
	struct otlp_sender *sender;
	struct buf out;
	int64_t sent_seq; /* what was sent last is up to here */
	uint64_t sent_ns;
	bool is_new;
};

static uint64_t unix_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * SEC + (uint64_t)t.tv_nsec;
}

static void close_sink(void *self)
{
	struct metrics_sink *s = self;

	otlp_sender_free(s->sender);
	metrics_free(s->m);
	buf_done(&s->out);
	free(s);
}

static int open_sink(const struct sink_env *env, void **ret, char *why, size_t size)
{
	const struct sink_config *c = env->config;
	struct metrics_sink *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->form = (struct otlp_form){ c->protocol == SINK_JSON, false, (enum sink_names)c->names };
	s->max_series = env->max_series;
	s->every_ns = c->interval_s * SEC;
	host_name(s->host);
	r = otlp_sender_new(c, "metrics", env->stop, &s->sender, why, size);
	if (r < 0) {
		close_sink(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void target(const struct sink_env *env, char *ret, size_t size)
{
	otlp_target(env->config, "metrics", ret, size);
}

static bool wanted(const struct sink_config *c)
{
	return c->metrics;
}

static void load(void *self, int64_t seq, struct slice state)
{
	struct metrics_sink *s = self;
	const struct slice kept = json_member(state, SLICE("metrics"));

	metrics_free(s->m);
	s->m = NULL;
	s->is_new = true;
	if (metrics_new(s->max_series, METRIC_LABELS_OTLP, unix_ns(), &s->m) < 0)
		return;
	/* One that cannot be gone on with is made anew from the first span on. */
	if (kept.n && metrics_load(s->m, seq, kept) == 0)
		s->is_new = false;
	s->sent_seq = metrics_seq(s->m);
}

static void save(void *self, struct json_writer *w)
{
	struct metrics_sink *s = self;
	_cleanup_(buf_done) struct buf text = { 0 };

	if (!s->m || metrics_save(s->m, &text) < 0)
		return;
	json_key(w, "metrics");
	json_put_raw(w, buf_slice(&text));
}

static bool is_time(const struct metrics_sink *s, uint64_t now_ns)
{
	const uint64_t since = now_ns > s->sent_ns ? now_ns - s->sent_ns : 0;

	if (metrics_seq(s->m) == s->sent_seq && s->sent_ns)
		return since >= (s->every_ns > SILENCE_NS ? s->every_ns : SILENCE_NS);
	return since >= s->every_ns;
}

static int send_all(struct metrics_sink *s, uint64_t now_ns, struct sink_report *ret,
		    int64_t *ret_items)
{
	int r;

	if (s->out.cap > KEEP_BYTES) {
		buf_done(&s->out);
		s->out = (struct buf){ 0 };
	}
	s->out.n = 0;
	r = otlp_metrics_write(s->m, &s->form, slice_of(s->host), now_ns, &s->out, ret_items);
	if (r < 0 || *ret_items == 0)
		return r;
	otlp_send(s->sender, buf_slice(&s->out), ret);
	if (ret->verdict != SINK_RETRY && ret->verdict != SINK_SLOW) {
		s->sent_ns = now_ns;
		s->sent_seq = metrics_seq(s->m);
	}
	return 0;
}

static int round_of(void *self, struct store_reader *r, int64_t *seq, struct sink_report *ret,
		    int64_t *ret_items)
{
	struct metrics_sink *s = self;
	const uint64_t now_ns = unix_ns();
	int more;

	if (!s->m)
		return -ENOMEM;
	/* Its row has to be there before it reads: what is corrected from then on is kept for it.
	 */
	if (s->is_new) {
		s->is_new = false;
		return SINK_ROUND_SAVE;
	}
	more = metrics_read(s->m, r, READ_AT_ONCE);
	if (more != 0)
		return more;
	*seq = metrics_seq(s->m);
	return is_time(s, now_ns) ? send_all(s, now_ns, ret, ret_items) : 0;
}

const struct sink_type sink_otlp_metrics = {
	.kind = SINK_OTLP,
	.signal = "metrics",
	.wanted = wanted,
	.open = open_sink,
	.close = close_sink,
	.target = target,
	.round = round_of,
	.save = save,
	.load = load,
};
