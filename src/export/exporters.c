/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/export.h"

const struct exporter *const exporters[] = { &export_ndjson, &export_csv, &export_html,
					     &export_otlp, NULL };

static bool is_newest_first(const struct export_job *job)
{
	return job->order == ORDER_START && !job->ascending;
}

static struct store_page page_of(const struct export_job *job)
{
	return (struct store_page){
		.order = job->order,
		.ascending = job->ascending,
		.limit = job->filter.limit ? job->filter.limit : STORE_PAGE_ALL,
	};
}

int export_each_run(const struct export_job *job, store_run_fn fn, void *ctx)
{
	const struct store_page page = page_of(job);
	struct store_page_end end;

	return is_newest_first(job)
		       ? store_runs(job->reader, &job->filter, fn, ctx)
		       : store_runs_page(job->reader, &job->filter, &page, fn, ctx, &end);
}

int export_each_span(const struct export_job *job, store_span_fn fn, void *ctx)
{
	const struct store_page page = page_of(job);
	struct store_page_end end;

	return is_newest_first(job)
		       ? store_spans(job->reader, &job->filter, fn, ctx)
		       : store_spans_page(job->reader, &job->filter, &page, fn, ctx, &end);
}
