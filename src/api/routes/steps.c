/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of a run as its tree, and spans: of a run, of all runs, one with what was said. */
#include <errno.h>

#include "api/query.h"
#include "api/routes/routes.h"
#include "export/json_put.h"
#include "export/load.h"
#include "export/otlp_content.h"
#include "export/said.h"
#include "export/step_json.h"

#define STEPS_SHOWN 10000
#define SAID_MAX    (8u << 20) /* bytes of each thing that was said */

static void put_steps(struct json_writer *w, struct steps *steps, const struct id128 *run)
{
	const uint64_t total = HASH_COUNT(steps->by_key) + steps->dropped;
	uint64_t n = 0;

	steps_link(steps, run); /* sorts them */
	json_begin(w, '{');
	json_key(w, "run");
	run_json(w, &steps->runs->run, NULL);
	json_key(w, "steps");
	json_begin(w, '[');
	for (const struct step *st = steps->by_key; st && n < STEPS_SHOWN; st = st->hh.next, n++)
		step_json(w, st);
	json_end(w, ']');
	put_number(w, "total", (int64_t)total);
	json_key(w, "capped");
	json_put_bool(w, total > STEPS_SHOWN);
	json_end(w, '}');
}

enum MHD_Result handle_steps(struct request *rq)
{
	struct steps steps = { 0 };
	struct id128 run;
	struct query q;
	int r;

	if (!query_begin(&q, rq, 0) || !query_run(&q, rq->path[0], &run))
		return query_refused(&q);
	r = steps_load(q.reader, &run, query_may(&q, RIGHT_CONTENT) ? LOAD_ALL : LOAD_PLAIN,
		       STEPS_SHOWN + 1, &steps);
	if (r >= 0 && !steps.runs)
		r = -ENOENT;
	if (r >= 0)
		put_steps(&q.w, &steps, &run);
	steps_done(&steps);
	return query_end(&q, r);
}

/* --- spans --- */

static int put_span(void *ctx, const struct span *span)
{
	struct query *q = ctx;

	span_json(&q->w, span, NULL);
	return q->w.r;
}

static enum MHD_Result answer_spans(struct query *q)
{
	struct store_page_end end;
	int r;

	query_put_items(q);
	r = store_spans_page(q->reader, &q->params.filter, &q->params.page, put_span, q, &end);
	if (r >= 0)
		query_put_page_end(q, &end);
	return query_end(q, r);
}

enum MHD_Result handle_spans(struct request *rq)
{
	struct query q;

	if (!query_begin(&q, rq, PARAMS_FILTER | PARAMS_SORT | PARAMS_PAGE))
		return query_refused(&q);
	return answer_spans(&q);
}

enum MHD_Result handle_run_spans(struct request *rq)
{
	struct query q;

	if (!query_begin(&q, rq, PARAMS_FILTER | PARAMS_SORT | PARAMS_PAGE) ||
	    !query_run(&q, rq->path[0], &q.params.filter.run))
		return query_refused(&q);
	return answer_spans(&q);
}

static void read_raw(struct query *q, const struct span *span, struct said *said)
{
	if (id128_is_zero(&span->raw_blob) ||
	    store_blob_read(q->reader, &span->raw_blob, &said->raw) < 0)
		return;
	said->is.cut |= said->raw.n > SAID_MAX;
	if (said->raw.n <= SAID_MAX)
		said->is.raw = buf_slice(&said->raw);
}

static int put_whole_span(void *ctx, const struct span *span)
{
	struct query *q = ctx;
	struct said said = { 0 };

	if (!query_may(q, RIGHT_CONTENT))
		return put_span(ctx, span);
	said_read_most(q->reader, span, SAID_MAX, &said);
	said.is.system = otlp_system_parts(said.is.system);
	read_raw(q, span, &said);
	span_json(&q->w, span, &said.is);
	said_done(&said);
	return q->w.r;
}

enum MHD_Result handle_run_span(struct request *rq)
{
	struct id128 run;
	struct id64 span;
	struct query q;

	if (!query_begin(&q, rq, 0) || !query_run(&q, rq->path[0], &run) ||
	    !query_span_id(&q, rq->path[1], &span))
		return query_refused(&q);
	return query_end(&q, store_span_read(q.reader, &run, &span, put_whole_span, &q));
}
