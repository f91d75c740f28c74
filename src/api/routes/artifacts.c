/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that a run left behind: what they are called, and their content where it was kept. */
#include "api/query.h"
#include "api/routes/routes.h"
#include "base/util.h"
#include "export/json_put.h"
#include "export/span_attrs.h"

/* Why a file's content is not there, by its sonde.artifact.state. */
static struct slice reason_of(const struct span *s)
{
	static const struct {
		const char *state, *reason;
	} reasons[] = {
		{ "whole", "" },
		{ "level", "the content level keeps no files" },
		{ "big", "it is too large" },
		{ "gone", "it was gone before it was read" },
		{ "special", "it is no ordinary file" },
		{ "unread", "it could not be read" },
		{ "busy", "too many files at once" },
		{ "binary", "it is no text and no picture of a kind that is kept" },
	};
	const struct slice state = span_attr_text(s, "sonde.artifact.state");

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (slice_eq(state, slice_of(reasons[i].state)))
			return slice_of(reasons[i].reason);
	return state.n ? state : SLICE("it was not kept");
}

static bool is_left_behind(const struct span *s)
{
	return s->step == STEP_FILE && s->status != SPAN_ERROR &&
	       span_attr_int(s, "sonde.file.bytes_written") != LLM_UNKNOWN &&
	       span_attr_int(s, "sonde.file.own") <= 0 &&
	       span_attr_int(s, "sonde.file.temporary") <= 0 &&
	       (!id128_is_zero(&s->result_blob) ||
		!slice_has(span_attr_text(s, "sonde.file.operation"), SLICE("\"removed\"")));
}

static int put_artifact(void *ctx, const struct span *s)
{
	struct query *q = ctx;
	const struct slice path = span_attr_text(s, "file.path"),
			   hash = span_attr_text(s, "sonde.artifact.sha256");

	if (!is_left_behind(s))
		return 0;
	json_begin(&q->w, '{');
	put_id64(&q->w, "span_id", &s->span_id);
	json_key(&q->w, "path");
	json_put_str(&q->w, path.n ? path : s->name);
	put_count(&q->w, "bytes", span_attr_int(s, "file.size"));
	put_text(&q->w, "sha256", hash);
	put_id128(&q->w, "blob", &s->result_blob);
	if (id128_is_zero(&s->result_blob))
		put_text(&q->w, "reason", reason_of(s));
	put_time(&q->w, "time_unix_nano", s->end_ns ? s->end_ns : s->start_ns);
	json_end(&q->w, '}');
	return q->w.r;
}

enum MHD_Result handle_artifacts(struct request *rq)
{
	struct store_filter f = { .step = STEP_FILE };
	struct query q;
	int r;

	if (!query_begin(&q, rq, 0) || !query_run(&q, rq->path[0], &f.run))
		return query_refused(&q);
	query_put_items(&q);
	r = store_spans(q.reader, &f, put_artifact, &q);
	json_end(&q.w, ']');
	json_end(&q.w, '}');
	return query_end(&q, r);
}
