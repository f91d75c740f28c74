/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes on over time: runs, model calls and tool calls of a time, cut into buckets of local
 * time and as a whole.
 *
 * A run belongs to the bucket in which it began, a call likewise. Percentiles are over what ended,
 * within TIMES_ERROR_PERCENT (times.h); LLM_UNKNOWN where nothing did.
 */
#pragma once

#include "store/query.h"

enum metrics_bucket { BUCKET_HOUR, BUCKET_DAY, BUCKET_WEEK, BUCKET_MONTH }; /* weeks: from Monday */

struct store_metrics_row {
	uint64_t start_ns; /* of the bucket; of the total: of the first one */
	int64_t runs, status[RUN_PAUSED + 1];
	int64_t llm_calls, tool_calls;
	int64_t errors; /* model calls and tool calls that failed */
	struct llm_usage usage;
	int64_t run_p50_ns, run_p95_ns;
	int64_t call_p50_ns, call_p95_ns, call_p99_ns;
	int64_t ttft_p50_ns, ttft_p95_ns;
};

struct store_model_share {
	struct slice model; /* empty: not known */
	int64_t llm_calls, errors;
	struct llm_usage usage;
};

struct store_media {
	int64_t sessions;		   /* model calls with sound in or out */
	int64_t input_audio, output_audio; /* tokens */
	int64_t audio_ms;		   /* of sound that was listened to */
};

struct store_metrics {
	struct store_metrics_row total;
	int64_t heat[7][24]; /* model calls: weekday from Monday, local hour */
	struct store_media media;
	bool capped; /* more buckets than METRICS_BUCKETS: the newest were given */
};

#define METRICS_BUCKETS 800 /* a month of hours */

/* Each may be NULL. */
struct store_metrics_fns {
	int (*bucket)(void *ctx, const struct store_metrics_row *row);	/* oldest first; none where
									 * nothing was */
	int (*model)(void *ctx, const struct store_model_share *share); /* most calls first */
};

/*
 * Figures of what the filter lets through: of runs as store_runs() has them, of steps as
 * store_spans() does. f->limit is of no effect. 0, -errno, or what a callback returned.
 */
int store_metrics(struct store_reader *r, const struct store_filter *f, enum metrics_bucket bucket,
		  const struct store_metrics_fns *fns, void *ctx, struct store_metrics *ret);
