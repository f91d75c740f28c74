/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/figures/metrics.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "store/figures/work.h"

static int most_calls(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	if (x->sum.llm_calls != y->sum.llm_calls)
		return x->sum.llm_calls < y->sum.llm_calls ? 1 : -1;
	return strcmp(x->model, y->model);
}

static int give(struct work *w, const struct store_metrics_fns *fns, void *ctx)
{
	struct tallies *t = &w->tallies;
	int rc = 0;

	qsort(w->models, w->n_models, sizeof(w->models[0]), most_calls);
	for (size_t i = 0; i < w->n_models && fns->model && rc == 0; i++)
		rc = fns->model(ctx, &w->models[i].sum);
	for (size_t i = t->n; i-- > 0 && fns->bucket && rc == 0;)
		rc = fns->bucket(ctx, tally_row(t->list[i]));
	if (t->n)
		t->total.row.start_ns = t->list[t->n - 1]->row.start_ns;
	tallies_end(t);
	w->ret->total = *tally_row(&t->total);
	w->ret->capped = t->capped;
	return rc;
}

static int add_up(struct work *w)
{
	int rc = work_from_sums(w);

	if (rc == -EAGAIN) {
		rc = work_runs(w, w->f);
		if (rc == 0)
			rc = work_steps(w, w->f, WORK_BUCKETS | WORK_SHARES, false);
	}
	return rc == 0 && w->tallies.failed ? -ENOMEM : rc;
}

static void work_freep(struct work *const *w)
{
	if (*w)
		work_done(*w);
	free(*w);
}

int store_metrics(struct store_reader *r, const struct store_filter *f, enum metrics_bucket bucket,
		  const struct store_metrics_fns *fns, void *ctx, struct store_metrics *ret)
{
	_cleanup_(work_freep) struct work *w = calloc(1, sizeof(*w));
	int rc;

	*ret = (struct store_metrics){ 0 };
	if (!w || (unsigned)bucket > BUCKET_MONTH)
		return w ? -EINVAL : -ENOMEM;
	w->r = r;
	w->f = f;
	w->ret = ret;
	w->tallies.kind = bucket;
	tally_begin(&w->tallies.total);
	limit_begin(r, r->limit_ms);
	rc = add_up(w);
	limit_end(r);
	return rc < 0 ? rc : give(w, fns, ctx);
}
