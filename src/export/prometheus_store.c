/* SPDX-License-Identifier: BSD-2-Clause */
/* The store, its runs in progress, its sinks, and how far the sums are. */
#include "base/json.h"
#include "base/util.h"
#include "export/prometheus.h"
#include "store/gauges.h"
#include "store/sink.h"

#define SINKS_MAX  64
#define AGENTS_MAX 100 /* of a gauge; the rest is "other" */

/* --- runs --- */

struct active {
	struct prometheus *p;
	int agents;
	int64_t other[2]; /* running, paused */
};

static int put_active(void *ctx, struct slice agent, enum run_status status, int64_t runs)
{
	struct active *a = ctx;
	char text[METRIC_VALUE_MAX];
	const struct prometheus_label labels[] = {
		{ "agent", { text, metrics_clean(agent, text) } },
		{ "status", slice_of(run_status_names[status]) },
	};

	if (a->agents++ < AGENTS_MAX)
		prometheus_sample(a->p, labels, ARRAY_SIZE(labels), runs, 0);
	else
		a->other[status == RUN_PAUSED] += runs;
	return 0;
}

static void put_runs(struct prometheus *p, struct store_reader *r)
{
	struct active a = { .p = p };
	struct prometheus_label labels[] = { { "agent", SLICE("other") }, { "status", { 0 } } };

	prometheus_family(p, "sonde_runs_active", PROMETHEUS_GAUGE, "Runs in progress.");
	store_active_runs(r, put_active, &a);
	for (int i = 0; i < 2; i++) {
		labels[1].value = slice_of(run_status_names[i ? RUN_PAUSED : RUN_RUNNING]);
		if (a.other[i])
			prometheus_sample(p, labels, 2, a.other[i], 0);
	}
}

/* --- sinks --- */

struct sinks {
	size_t n;
	int64_t newest_seq;
	struct sink_row {
		char name[METRIC_VALUE_MAX];
		size_t n_name;
		int64_t lag, sent, refused, retries, ok_ns, failing_since_ns;
	} rows[SINKS_MAX];
};

static int keep_sink(void *ctx, const char *name, int64_t seq, struct slice state,
		     uint64_t updated_ns)
{
	static const char *const names[] = { "sent", "refused", "retries", "ok_ns",
					     "failing_since_ns" };
	struct sinks *s = ctx;
	struct sink_row *row = &s->rows[s->n];
	int64_t *const to[] = { &row->sent, &row->refused, &row->retries, &row->ok_ns,
				&row->failing_since_ns };
	struct slice v[ARRAY_SIZE(names)];

	(void)updated_ns;
	if (s->n == SINKS_MAX || strcmp(name, METRICS_SINK) == 0)
		return 0;
	*row = (struct sink_row){ .lag = s->newest_seq > seq ? s->newest_seq - seq : 0 };
	row->n_name = metrics_clean(slice_of(name), row->name);
	if (json_valid(state) && json_members(state, names, v, ARRAY_SIZE(names)))
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (!json_int64(v[i], to[i]) || *to[i] < 0)
				*to[i] = 0;
	s->n++;
	return 0;
}

/* Each family's samples stand together, so rows are kept until all have been read. */
static const struct {
	const char *name, *help;
	enum prometheus_type type;
	int digits;
	size_t offset;
} sink_families[] = {
	{ "sonde_sink_lag_spans", "Final spans that the sink has not passed.", PROMETHEUS_GAUGE, 0,
	  offsetof(struct sink_row, lag) },
	{ "sonde_sink_sent", "What the receiver has taken: spans, log records, points.",
	  PROMETHEUS_COUNTER, 0, offsetof(struct sink_row, sent) },
	{ "sonde_sink_refused", "What the receiver will never take.", PROMETHEUS_COUNTER, 0,
	  offsetof(struct sink_row, refused) },
	{ "sonde_sink_retries", "Requests that were to be sent again.", PROMETHEUS_COUNTER, 0,
	  offsetof(struct sink_row, retries) },
	{ "sonde_sink_last_success_timestamp_seconds", "When something was last taken; 0: not yet.",
	  PROMETHEUS_GAUGE, 9, offsetof(struct sink_row, ok_ns) },
	{ "sonde_sink_failing_since_timestamp_seconds", "Since when it fails; 0: it does not.",
	  PROMETHEUS_GAUGE, 9, offsetof(struct sink_row, failing_since_ns) },
};

static void put_sinks(struct prometheus *p, struct store_reader *r, int64_t newest_seq)
{
	struct sinks s = { .newest_seq = newest_seq };

	store_sinks_each(r, keep_sink, &s);
	for (size_t f = 0; f < ARRAY_SIZE(sink_families) && s.n; f++) {
		prometheus_family(p, sink_families[f].name, sink_families[f].type,
				  sink_families[f].help);
		for (size_t i = 0; i < s.n; i++) {
			const struct sink_row *row = &s.rows[i];
			const struct prometheus_label sink = { "sink", { row->name, row->n_name } };

			prometheus_sample(
				p, &sink, 1,
				*(const int64_t *)((const char *)row + sink_families[f].offset),
				sink_families[f].digits);
		}
	}
}

/* --- the store, and the sums themselves --- */

static void put_store(struct prometheus *p, const struct store_gauges *g)
{
	const struct prometheus_label file = { "file", SLICE("db") },
				      wal = { "file", SLICE("wal") };

	prometheus_family(p, "sonde_store_bytes", PROMETHEUS_GAUGE, "Size of the store's files.");
	if (g->file_bytes >= 0)
		prometheus_sample(p, &file, 1, g->file_bytes, 0);
	if (g->wal_bytes >= 0)
		prometheus_sample(p, &wal, 1, g->wal_bytes, 0);
}

static void put_sums(struct prometheus *p, const struct metrics *m, int64_t newest_seq)
{
	const int64_t lag = newest_seq - (m ? metrics_seq(m) : 0);
	bool begun = false;

	prometheus_family(p, "sonde_metrics_ready", PROMETHEUS_GAUGE,
			  "Whether what spans come to is among these metrics yet.");
	prometheus_sample(p, NULL, 0, m != NULL, 0);
	prometheus_family(p, "sonde_metrics_lag_spans", PROMETHEUS_GAUGE,
			  "Final spans that are not in these sums yet.");
	prometheus_sample(p, NULL, 0, lag > 0 ? lag : 0, 0);
	for (size_t i = 0; m && i < METRIC_NR; i++) {
		const struct prometheus_label which = { "metric", slice_of(prometheus_name(i)) };

		if (!metrics_limited(m, i))
			continue;
		if (!begun)
			prometheus_family(p, "sonde_metrics_limited", PROMETHEUS_GAUGE,
					  "Metrics with more label combinations than max_series.");
		begun = true;
		prometheus_sample(p, &which, 1, 1, 0);
	}
}

int prometheus_store(struct prometheus *p, struct store_reader *r, const struct metrics *m)
{
	struct store_gauges g;
	const int rc = store_gauges(r, &g);

	if (rc < 0)
		return rc;
	put_store(p, &g);
	put_sums(p, m, g.newest_seq);
	put_sinks(p, r, g.newest_seq);
	put_runs(p, r);
	return 0;
}
