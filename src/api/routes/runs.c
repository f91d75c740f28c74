/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of runs, how many of each status there are, one run, and those that are like it. */
#include <errno.h>
#include <stdlib.h>

#include "api/query.h"
#include "api/routes/routes.h"
#include "base/cleanup.h"
#include "export/json_put.h"
#include "export/span_json.h"

static int put_run(void *ctx, const struct run *run)
{
	struct query *q = ctx;

	run_json(&q->w, run, NULL);
	return q->w.r;
}

enum MHD_Result handle_runs(struct request *rq)
{
	struct store_page_end end;
	struct query q;
	int r;

	if (!query_begin(&q, rq, PARAMS_FILTER | PARAMS_SORT | PARAMS_PAGE))
		return query_refused(&q);
	query_put_items(&q);
	r = store_runs_page(q.reader, &q.params.filter, &q.params.page, put_run, &q, &end);
	if (r >= 0)
		query_put_page_end(&q, &end);
	return query_end(&q, r);
}

void put_run_statuses(struct json_writer *w, const int64_t *statuses)
{
	json_key(w, "status");
	json_begin(w, '{');
	for (int i = RUN_RUNNING; i <= RUN_PAUSED; i++)
		if (statuses[i])
			put_number(w, run_status_names[i], statuses[i]);
	json_end(w, '}');
}

enum MHD_Result handle_run_counts(struct request *rq)
{
	struct store_run_counts counts;
	struct query q;
	int r;

	if (!query_begin(&q, rq, PARAMS_FILTER))
		return query_refused(&q);
	r = store_run_counts(q.reader, &q.params.filter, &counts);
	if (r >= 0) {
		json_begin(&q.w, '{');
		put_run_statuses(&q.w, counts.status);
		put_number(&q.w, "total", counts.total);
		json_key(&q.w, "more");
		json_put_bool(&q.w, counts.more);
		json_end(&q.w, '}');
	}
	return query_end(&q, r);
}

enum MHD_Result handle_run(struct request *rq)
{
	struct store_filter f = { 0 };
	struct query q;
	int r;

	if (!query_begin(&q, rq, 0) || !query_run(&q, rq->path[0], &f.run))
		return query_refused(&q);
	r = store_runs(q.reader, &f, put_run, &q);
	return query_end(&q, r >= 0 && q.text.n == 0 ? -ENOENT : r);
}

/* --- those that are like it --- */

#define LOOK_AT	    200 /* runs for each likeness */
#define SIMILAR_MAX 50
#define WORDS_BYTES 200 /* of the task, that the index is asked for */

struct likeness {
	struct query *q;
	struct id128 id;
	struct slice task, trigger_name, workflow; /* of the run itself; malloc'ed */
	bool by_task;
	struct id128 put[SIMILAR_MAX];
	size_t n;
};

static void likeness_done(struct likeness *l)
{
	free((char *)l->task.p);
	free((char *)l->trigger_name.p);
	free((char *)l->workflow.p);
}

static struct slice own(struct slice s)
{
	char *p = s.n ? slice_dup(s) : NULL;

	return (struct slice){ p, p ? s.n : 0 };
}

static int read_likeness(void *ctx, const struct run *run)
{
	struct likeness *l = ctx;

	l->task = own(run->task);
	l->trigger_name = own(run->trigger_name);
	l->workflow = own(run->workflow);
	return 0;
}

static int put_if_like(void *ctx, const struct run *run)
{
	struct likeness *l = ctx;
	const bool like = l->by_task ? slice_eq(run->task, l->task)
				     : slice_eq(run->trigger_name, l->trigger_name);

	if (!like || id128_eq(&run->run_id, &l->id) || l->n == SIMILAR_MAX)
		return 0;
	for (size_t i = 0; i < l->n; i++)
		if (id128_eq(&l->put[i], &run->run_id))
			return 0;
	l->put[l->n++] = run->run_id;
	return put_run(l->q, run);
}

/* The same task, then what the same cron line or job began. */
static int put_similar(struct likeness *l)
{
	struct store_filter f = { .limit = LOOK_AT };
	int r = 0;

	if (l->task.n) {
		l->by_task = true;
		f.text = l->task;
		if (f.text.n > WORDS_BYTES) { /* not a part of a word */
			f.text.n = WORDS_BYTES;
			while (f.text.n && f.text.p[f.text.n - 1] != ' ')
				f.text.n--;
		}
		r = f.text.n ? store_runs(l->q->reader, &f, put_if_like, l) : 0;
	}
	if (r >= 0 && l->trigger_name.n && l->workflow.n) {
		l->by_task = false;
		f = (struct store_filter){ .workflow = l->workflow, .limit = LOOK_AT };
		r = store_runs(l->q->reader, &f, put_if_like, l);
	}
	return r;
}

enum MHD_Result handle_similar(struct request *rq)
{
	struct store_page_end end = { 0 };
	struct likeness l = { 0 };
	struct store_filter f = { 0 };
	struct query q;
	int r;

	if (!query_begin(&q, rq, 0) || !query_run(&q, rq->path[0], &l.id))
		return query_refused(&q);
	l.q = &q;
	f.run = l.id;
	query_put_items(&q);
	r = store_runs(q.reader, &f, read_likeness, &l);
	if (r >= 0)
		r = put_similar(&l);
	end.total = (int64_t)l.n;
	end.total_more = l.n == SIMILAR_MAX;
	query_put_page_end(&q, &end);
	likeness_done(&l);
	return query_end(&q, r);
}
