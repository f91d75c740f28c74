/* SPDX-License-Identifier: BSD-2-Clause */
/* Series: where they are kept, how many there may be, and what of them is shown. */
#include "export/metrics_acc.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "export/metrics_parts.h"
#include "store/changes.h"

/* Labels that are there only where metrics_new() was asked for them. */
#define OPTIONAL                                                                       \
	(METRIC_LABELS_OTLP | METRIC_LABEL(LABEL_USER) | METRIC_LABEL(LABEL_PROJECT) | \
	 METRIC_LABEL(LABEL_NAMESPACE) | METRIC_LABEL(LABEL_CONTAINER))

int metrics_new(size_t max_series, uint32_t labels, uint64_t now_ns, struct metrics **ret)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->max_series = max_series;
	m->labels = labels & OPTIONAL;
	m->start_ns = now_ns;
	*ret = m;
	return 0;
}

void metrics_free(struct metrics *m)
{
	struct series *s, *next;

	if (!m)
		return;
	for (size_t i = 0; i < METRIC_NR; i++)
		HASH_ITER(hh, m->series[i], s, next)
		{
			HASH_DEL(m->series[i], s);
			free(s->values);
			free(s);
		}
	metrics_places_done(m);
	free(m);
}

uint32_t metrics_labels(const struct metrics *m, enum metric_id which)
{
	return metric_defs[which].labels & (~(uint32_t)OPTIONAL | m->labels);
}

size_t metrics_values(enum metric_id which)
{
	const struct metric_def *d = &metric_defs[which];

	return d->buckets ? d->n_buckets + 2 : 1;
}

/* --- series --- */

static struct series *new_series(enum metric_id which, const char *key, size_t n)
{
	struct series *s = calloc(1, sizeof(*s) + n);

	if (!s)
		return NULL;
	s->values = calloc(2 * metrics_values(which), sizeof(*s->values));
	if (!s->values) {
		free(s);
		return NULL;
	}
	s->n_key = n;
	if (n)
		memcpy(s->key, key, n);
	return s;
}

struct series *metrics_series(struct metrics *m, enum metric_id which, const char *key, size_t n,
			      bool other)
{
	struct series *s;

	HASH_FIND(hh, m->series[which], key, n, s);
	if (s)
		return s;
	s = new_series(which, key, n);
	if (!s)
		return NULL;
	s->other = other;
	HASH_ADD_KEYPTR(hh, m->series[which], s->key, n, s);
	if (!s->hh.tbl) {
		free(s->values);
		free(s);
		return NULL;
	}
	m->n[which] += !other;
	return s;
}

/* What is shown follows what there is, but never down. */
static void show(enum metric_id which, struct series *s)
{
	const size_t n = metrics_values(which);

	for (size_t i = 0; i < n; i++)
		if (s->values[n + i] < s->values[i])
			s->values[n + i] = s->values[i];
}

/* --- reading --- */

static int on_change(void *ctx, int sign, const struct span *span, const struct run *run)
{
	return metrics_count(ctx, sign, span, run);
}

int metrics_read(struct metrics *m, struct store_reader *r, size_t limit)
{
	int64_t seq = m->seq;
	int rc;

	if (m->broken)
		return -ESTALE;
	m->has_last_run = false;
	rc = store_changes(r, m->seq, (int64_t)limit, on_change, m, &seq);
	m->broken = rc < 0;
	if (rc < 0 || seq == m->seq)
		return rc < 0 ? rc : 0;
	rc = seq - m->seq >= (int64_t)limit;
	m->seq = seq;
	return rc;
}

int64_t metrics_seq(const struct metrics *m)
{
	return m->seq;
}

bool metrics_limited(const struct metrics *m, enum metric_id which)
{
	return HASH_COUNT(m->series[which]) > m->n[which];
}

uint64_t metrics_start_ns(const struct metrics *m)
{
	return m->start_ns;
}

/* --- what is shown --- */

static void unfold(const struct series *s, uint32_t labels, struct metric_series *ret)
{
	const char *at = s->key;

	for (size_t i = 0; i < LABEL_NR; i++) {
		if (!(labels & METRIC_LABEL(i)))
			continue;
		ret->labels[i] = (struct slice){ at + 1, (unsigned char)*at };
		at += 1 + ret->labels[i].n;
	}
}

int metrics_each(struct metrics *m, enum metric_id which, metric_series_fn fn, void *ctx)
{
	const uint32_t labels = metrics_labels(m, which);
	const size_t n = metrics_values(which);
	int r = 0;

	for (struct series *s = m->series[which]; s && r >= 0; s = s->hh.next) {
		struct metric_series series = { .other = s->other };

		show(which, s);
		unfold(s, labels, &series);
		series.values = s->values + n;
		r = fn(ctx, &series);
	}
	return r < 0 ? r : 0;
}
