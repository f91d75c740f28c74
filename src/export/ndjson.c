/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs, spans, or each run and then its spans, one object a line: as `--json` prints them. */
#include <errno.h>

#include "export/export.h"
#include "export/said.h"

struct writing {
	const struct export_job *job;
	struct buf line;
};

static int put_span(void *ctx, const struct span *span)
{
	struct writing *w = ctx;
	struct json_writer json = { .out = &w->line };
	struct said said = { 0 };

	if (w->job->content)
		said_read(w->job->reader, span, &said);
	span_json(&json, span, w->job->content ? &said.is : NULL);
	said_done(&said);
	json_line(&json, w->job->out);
	return ferror(w->job->out) ? -EPIPE : 0;
}

static int put_run(void *ctx, const struct run *run)
{
	struct writing *w = ctx;
	const struct store_filter spans = { .run = run->run_id };
	struct json_writer json = { .out = &w->line };

	run_json(&json, run, w->job->db);
	json_line(&json, w->job->out);
	if (w->job->rows == EXPORT_RUNS)
		return ferror(w->job->out) ? -EPIPE : 0;
	return store_spans(w->job->reader, &spans, put_span, w);
}

static int write_ndjson(const struct export_job *job)
{
	struct writing w = { .job = job };
	int r;

	if (job->rows == EXPORT_SPANS)
		r = export_each_span(job, put_span, &w);
	else
		r = export_each_run(job, put_run, &w);
	buf_done(&w.line);
	return r;
}

const struct exporter export_ndjson = {
	.name = "ndjson",
	.write = write_ndjson,
};
