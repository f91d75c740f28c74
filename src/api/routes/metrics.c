/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes on over time. */
#include "store/figures/metrics.h"
#include "api/query.h"
#include "api/routes/routes.h"
#include "base/util.h"
#include "export/json_put.h"

static const char *const bucket_names[] = {
	[BUCKET_HOUR] = "hour",
	[BUCKET_DAY] = "day",
	[BUCKET_WEEK] = "week",
	[BUCKET_MONTH] = "month",
};

#define MODELS_SHOWN 100

/* Models come after the buckets, and both are given while the store is read. */
struct figures {
	struct query *q;
	struct buf models;
	struct json_writer w; /* into models */
	size_t n;
};

static void put_row(struct json_writer *w, const struct store_metrics_row *row)
{
	json_begin(w, '{');
	put_number(w, "start_time_unix_nano", (int64_t)row->start_ns);
	put_number(w, "runs", row->runs);
	put_run_statuses(w, row->status);
	put_number(w, "llm_calls", row->llm_calls);
	put_number(w, "tool_calls", row->tool_calls);
	put_number(w, "errors", row->errors);
	put_usage(w, &row->usage);
	put_count(w, "run_p50_ns", row->run_p50_ns);
	put_count(w, "run_p95_ns", row->run_p95_ns);
	put_count(w, "call_p50_ns", row->call_p50_ns);
	put_count(w, "call_p95_ns", row->call_p95_ns);
	put_count(w, "call_p99_ns", row->call_p99_ns);
	put_count(w, "ttft_p50_ns", row->ttft_p50_ns);
	put_count(w, "ttft_p95_ns", row->ttft_p95_ns);
	json_end(w, '}');
}

static int on_bucket(void *ctx, const struct store_metrics_row *row)
{
	struct figures *f = ctx;

	put_row(&f->q->w, row);
	return f->q->w.r;
}

static int on_model(void *ctx, const struct store_model_share *share)
{
	struct figures *f = ctx;

	if (f->n++ >= MODELS_SHOWN)
		return 0;
	json_begin(&f->w, '{');
	json_key(&f->w, "model");
	json_put_str(&f->w, share->model);
	put_number(&f->w, "llm_calls", share->llm_calls);
	put_number(&f->w, "errors", share->errors);
	put_usage(&f->w, &share->usage);
	json_end(&f->w, '}');
	return f->w.r;
}

static void put_heat(struct json_writer *w, const struct store_metrics *m)
{
	json_key(w, "heat");
	json_begin(w, '[');
	for (int day = 0; day < 7; day++) {
		json_begin(w, '[');
		for (int hour = 0; hour < 24; hour++)
			json_put_int(w, m->heat[day][hour]);
		json_end(w, ']');
	}
	json_end(w, ']');
}

static void put_media(struct json_writer *w, const struct store_media *m)
{
	json_key(w, "media");
	json_begin(w, '{');
	put_number(w, "sessions", m->sessions);
	put_number(w, "input_audio_tokens", m->input_audio);
	put_number(w, "output_audio_tokens", m->output_audio);
	json_key(w, "seconds");
	json_put_double(w, (double)m->audio_ms / 1000);
	json_end(w, '}');
}

static int put_metrics(struct figures *f, enum metrics_bucket bucket)
{
	static const struct store_metrics_fns fns = { on_bucket, on_model };
	struct json_writer *w = &f->q->w;
	struct store_metrics m;
	int r;

	json_begin(&f->w, '[');
	json_begin(w, '{');
	put_text(w, "bucket", slice_of(bucket_names[bucket]));
	json_key(w, "buckets");
	json_begin(w, '[');
	r = store_metrics(f->q->reader, &f->q->params.filter, bucket, &fns, f, &m);
	json_end(w, ']');
	json_end(&f->w, ']');
	if (r < 0 || f->w.r < 0)
		return r < 0 ? r : f->w.r;
	json_key(w, "total");
	put_row(w, &m.total);
	put_json(w, "models", buf_slice(&f->models));
	put_heat(w, &m);
	put_media(w, &m.media);
	json_key(w, "capped");
	json_put_bool(w, m.capped);
	json_end(w, '}');
	return 0;
}

enum MHD_Result handle_metrics(struct request *rq)
{
	struct figures f = { 0 };
	enum MHD_Result ret;
	struct query q;
	size_t bucket = BUCKET_DAY;

	if (!query_begin(&q, rq, PARAMS_FILTER | PARAMS_BUCKET))
		return query_refused(&q);
	if (q.params.bucket.n)
		for (bucket = 0; bucket < ARRAY_SIZE(bucket_names); bucket++)
			if (slice_eq(q.params.bucket, slice_of(bucket_names[bucket])))
				break;
	if (bucket == ARRAY_SIZE(bucket_names)) {
		query_wrong(&q, MHD_HTTP_BAD_REQUEST, "'bucket' takes hour, day, week or month");
		return query_refused(&q);
	}
	f.q = &q;
	f.w = (struct json_writer){ .out = &f.models, .max = QUERY_BYTES_MAX };
	ret = query_end(&q, put_metrics(&f, (enum metrics_bucket)bucket));
	buf_done(&f.models);
	return ret;
}
