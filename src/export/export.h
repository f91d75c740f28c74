/* SPDX-License-Identifier: BSD-2-Clause */
/* What the store has, in formats for other programs: one file and one `struct exporter` each. */
#pragma once

#include <stdio.h>

#include "store/list/page.h"

enum export_rows {
	EXPORT_RUNS,  /* that the filter lets through */
	EXPORT_SPANS, /* likewise */
	EXPORT_ALL,   /* these runs, and what belongs to them where a format can have both */
};

struct otlp_push;

struct export_job {
	struct store_reader *reader;
	struct store_filter filter;
	enum export_rows rows;	/* of csv and ndjson; the others have all */
	enum store_order order; /* of csv and ndjson */
	bool ascending;
	bool content;	/* messages, arguments and results as well, where they may go */
	const char *db; /* where the store is */
	FILE *out;
	struct otlp_push *push; /* otlp: sent there instead (otlp_export.h); NULL: written */
};

struct exporter {
	const char *name;
	bool one_run; /* filter.run must be set */
	/* 0, -EPIPE where @out cannot be written, or -errno. */
	int (*write)(const struct export_job *job);
};

/* What the filter lets through, in the job's order; of spans in another one than by their start
 * those that have what it is by (page.h). 0 or -errno, or what @fn returned. */
int export_each_run(const struct export_job *job, store_run_fn fn, void *ctx);
int export_each_span(const struct export_job *job, store_span_fn fn, void *ctx);

extern const struct exporter export_ndjson, export_csv, export_html, export_otlp;

/* Ends with NULL. */
extern const struct exporter *const exporters[];
