/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/figures/tally.h"

#include <stdlib.h>
#include <string.h>

#define SEC 1000000000

void tally_begin(struct tally *t)
{
	t->row.usage = llm_usage_unknown;
}

void tallies_done(struct tallies *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->list[i]);
}

struct tally *tally_times(struct tallies *t, struct tally *bucket)
{
	return bucket ? bucket : &t->total;
}

static void merge(struct tallies *t, const struct tally *bucket)
{
	times_merge(&t->total.runs, &bucket->runs);
	times_merge(&t->total.calls, &bucket->calls);
	times_merge(&t->total.first, &bucket->first);
}

void tallies_end(struct tallies *t)
{
	for (size_t i = 0; i < t->n; i++)
		merge(t, t->list[i]);
}

/* Where a bucket that begins at @ns stands or would stand. */
static size_t place_of(const struct tallies *t, uint64_t ns)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (t->list[middle]->row.start_ns > ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct tally *insert(struct tallies *t, size_t at, uint64_t ns)
{
	struct tally *one;

	if (t->n == METRICS_BUCKETS) {
		t->capped = true;
		if (at == t->n)
			return NULL;
		merge(t, t->list[--t->n]);
		free(t->list[t->n]);
	}
	one = calloc(1, sizeof(*one));
	t->failed |= !one;
	if (!one)
		return NULL;
	tally_begin(one);
	one->row.start_ns = ns;
	for (size_t i = t->n++; i > at; i--)
		t->list[i] = t->list[i - 1];
	t->list[at] = one;
	return one;
}

struct tally *tally_of(struct tallies *t, int64_t ns)
{
	const int64_t seconds = ns / SEC;
	size_t at;
	uint64_t begin;

	if (seconds >= t->last.from && seconds < t->last.to)
		return t->of_last;
	t->last = local_piece(t->kind, seconds);
	begin = (uint64_t)t->last.from * SEC;
	at = place_of(t, begin);
	t->of_last = at < t->n && t->list[at]->row.start_ns == begin ? t->list[at]
								     : insert(t, at, begin);
	return t->of_last;
}

void tally_usage(struct llm_usage *sum, const struct llm_usage *add)
{
	for (int i = 0; i < llm_usage_counts_n; i++) {
		int64_t *to = llm_usage_at(sum, llm_usage_counts[i].offset);
		const int64_t v = llm_usage_count(add, &llm_usage_counts[i]);

		if (v >= 0)
			*to = (*to < 0 ? 0 : *to) + v;
	}
	sum->estimated |= add->estimated;
}

const struct store_metrics_row *tally_row(struct tally *t)
{
	struct store_metrics_row *r = &t->row;

	r->run_p50_ns = times_percentile(&t->runs, 50);
	r->run_p95_ns = times_percentile(&t->runs, 95);
	r->call_p50_ns = times_percentile(&t->calls, 50);
	r->call_p95_ns = times_percentile(&t->calls, 95);
	r->call_p99_ns = times_percentile(&t->calls, 99);
	r->ttft_p50_ns = times_percentile(&t->first, 50);
	r->ttft_p95_ns = times_percentile(&t->first, 95);
	return r;
}
