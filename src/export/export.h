/* SPDX-License-Identifier: BSD-2-Clause */
/* What the store has, in formats for other programs: one file and one `struct exporter` each. */
#pragma once

#include <stdio.h>

#include "store/query.h"

enum export_rows {
	EXPORT_RUNS,  /* that the filter lets through */
	EXPORT_SPANS, /* likewise */
	EXPORT_ALL,   /* these runs, and what belongs to them where a format can have both */
};

struct otlp_push;

struct export_job {
	struct store_reader *reader;
	struct store_filter filter;
	enum export_rows rows; /* of csv and ndjson; the others have all */
	bool content;	       /* messages, arguments and results as well, where they may go */
	const char *db;	       /* where the store is */
	FILE *out;
	struct otlp_push *push; /* otlp: sent there instead (otlp_export.h); NULL: written */
};

struct exporter {
	const char *name;
	bool one_run; /* filter.run must be set */
	/* 0, -EPIPE where @out cannot be written, or -errno. */
	int (*write)(const struct export_job *job);
};

extern const struct exporter export_ndjson, export_csv, export_html, export_otlp;

/* Ends with NULL. */
extern const struct exporter *const exporters[];
