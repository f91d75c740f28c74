/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions with what was said in them last; one with its runs. */
#include <errno.h>

#include "api/query.h"
#include "api/routes/routes.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "export/json_put.h"
#include "export/span_json.h"

#define LATEST_CHARS 300
#define RUNS_SHOWN   1000

/* The text of what was said last. */
static void put_latest(struct query *q, const struct id128 *session)
{
	_cleanup_(buf_done) struct buf message = { 0 };
	_cleanup_(cJSON_Deletep) cJSON *json = NULL;
	struct slice text = { 0 };
	const cJSON *part;
	struct id128 node;

	if (!query_may(q, RIGHT_CONTENT) || store_session_latest(q->reader, session, &node) < 0 ||
	    store_message_read(q->reader, &node, &message) < 0)
		return;
	json = json_parse(buf_slice(&message));
	cJSON_ArrayForEach (part, json_at(json, "parts"))
		if (slice_eq(json_str(part, "type"), SLICE("text")))
			text = json_str(part, "content");
	put_text(&q->w, "latest", utf8_head(slice_trim(text), LATEST_CHARS));
}

static int put_session(void *ctx, const struct store_session_row *row)
{
	struct query *q = ctx;
	struct json_writer *w = &q->w;

	json_begin(w, '{');
	put_id128(w, "session_id", &row->session_id);
	put_text(w, "agent", row->agent);
	put_text(w, "task", row->task);
	put_latest(q, &row->session_id);
	put_number(w, "runs", row->runs);
	put_number(w, "running", row->running);
	put_number(w, "llm_calls", row->llm_calls);
	put_number(w, "tool_calls", row->tool_calls);
	put_number(w, "errors", row->errors);
	put_usage(w, &row->usage);
	put_spent(w, row->llm_calls, row->unpriced_calls, row->cost_pico_usd,
		  row->equivalent_pico_usd);
	put_number(w, "unpriced_calls", row->unpriced_calls);
	put_time_or_null(w, "first_time_unix_nano", row->first_ns);
	put_time_or_null(w, "last_time_unix_nano", row->last_ns);
	json_end(w, '}');
	return w->r;
}

enum MHD_Result handle_sessions(struct request *rq)
{
	struct store_page_end end;
	struct query q;
	int r;

	if (!query_begin(&q, rq, PARAMS_FILTER | PARAMS_PAGE))
		return query_refused(&q);
	query_put_items(&q);
	r = store_sessions_page(q.reader, &q.params.filter, &q.params.page, put_session, &q, &end);
	if (r >= 0)
		query_put_page_end(&q, &end);
	return query_end(&q, r);
}

/* --- one --- */

static int put_run(void *ctx, const struct run *run)
{
	struct query *q = ctx;

	run_json(&q->w, run, NULL);
	return q->w.r;
}

static int put_one(struct query *q, const struct id128 *session)
{
	struct store_filter f = { .session = *session };
	size_t before;
	int r;

	if (id128_is_zero(session)) /* to a filter that is any */
		return -ENOENT;
	json_begin(&q->w, '{');
	json_key(&q->w, "session");
	before = q->text.n;
	r = store_sessions(q->reader, &f, put_session, q);
	if (r >= 0 && q->text.n == before)
		return -ENOENT;
	json_key(&q->w, "runs");
	json_begin(&q->w, '[');
	f.limit = RUNS_SHOWN;
	if (r >= 0)
		r = store_runs(q->reader, &f, put_run, q);
	json_end(&q->w, ']');
	json_end(&q->w, '}');
	return r;
}

enum MHD_Result handle_session(struct request *rq)
{
	struct id128 session;
	struct query q;

	if (!query_begin(&q, rq, 0))
		return query_refused(&q);
	if (id128_parse(rq->path[0], &session) < 0) {
		query_wrong(&q, MHD_HTTP_BAD_REQUEST, "a session is named by 32 hex digits");
		return query_refused(&q);
	}
	return query_end(&q, put_one(&q, &session));
}
