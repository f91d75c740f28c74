/* SPDX-License-Identifier: BSD-2-Clause */
/* Two runs side by side, as `sonde diff` does it. */
#include <errno.h>
#include <stdlib.h>

#include "api/query.h"
#include "api/routes/routes.h"
#include "export/diff.h"
#include "export/json_put.h"
#include "export/span_json.h"
#include "export/step_json.h"

#define ROWS_SHOWN 10000

static void put_side(struct json_writer *w, const char *key, const struct diff_run *d, bool there,
		     size_t i)
{
	json_key(w, key);
	if (there)
		step_json(w, d->list[i].step);
	else
		json_put_null(w);
}

static void put_rows(struct json_writer *w, const struct diff_run *a, const struct diff_run *b,
		     const struct diff_rows *rows)
{
	static const char *const ops[] = { "same", "changed", "only_a", "only_b" };
	size_t first = rows->n;

	json_key(w, "rows");
	json_begin(w, '[');
	for (size_t i = 0; i < rows->n && i < ROWS_SHOWN; i++) {
		const struct diff_row *row = &rows->list[i];

		if (row->op != DIFF_SAME && first == rows->n)
			first = i;
		json_begin(w, '{');
		put_text(w, "op", slice_of(ops[row->op]));
		put_side(w, "a", a, row->op != DIFF_ADDED, row->a);
		put_side(w, "b", b, row->op != DIFF_REMOVED, row->b);
		json_end(w, '}');
	}
	json_end(w, ']');
	json_key(w, "first_difference");
	if (first < rows->n)
		json_put_int(w, (int64_t)first);
	else
		json_put_null(w);
}

static void put_outputs(struct json_writer *w, const struct diff_run *a, const struct diff_run *b)
{
	json_key(w, "output");
	json_begin(w, '{');
	json_key(w, "a");
	json_put_str(w, buf_slice(&a->answer));
	json_key(w, "b");
	json_put_str(w, buf_slice(&b->answer));
	json_end(w, '}');
}

static int put_comparison(struct query *q, const struct diff_run *a, const struct diff_run *b)
{
	struct diff_rows rows = { 0 };
	const int r = diff_steps(a, b, &rows);

	if (r < 0)
		return r;
	json_begin(&q->w, '{');
	json_key(&q->w, "a");
	run_json(&q->w, &a->run, NULL);
	json_key(&q->w, "b");
	run_json(&q->w, &b->run, NULL);
	put_rows(&q->w, a, b, &rows);
	put_outputs(&q->w, a, b);
	json_key(&q->w, "capped");
	json_put_bool(&q->w,
		      rows.cut || rows.n > ROWS_SHOWN || a->steps.dropped || b->steps.dropped);
	json_end(&q->w, '}');
	free(rows.list);
	return 0;
}

enum MHD_Result handle_compare(struct request *rq)
{
	struct diff_run a = { 0 }, b = { 0 };
	struct id128 id[2];
	struct query q;
	int r;

	if (!query_begin(&q, rq, PARAMS_PAIR))
		return query_refused(&q);
	if (!q.params.a.n || !q.params.b.n) {
		query_wrong(&q, MHD_HTTP_BAD_REQUEST, "'a' and 'b' name the runs to be compared");
		return query_refused(&q);
	}
	if (!query_run(&q, q.params.a, &id[0]) || !query_run(&q, q.params.b, &id[1]))
		return query_refused(&q);
	r = diff_load(q.reader, &id[0], &a);
	if (r >= 0)
		r = diff_load(q.reader, &id[1], &b);
	if (r >= 0)
		r = put_comparison(&q, &a, &b);
	diff_run_done(&a);
	diff_run_done(&b);
	return query_end(&q, r);
}
