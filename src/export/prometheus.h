/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prometheus' text format (exposition formats 0.0.4) and OpenMetrics 1.0. METRICS.md has every
 *name.
 *
 *	struct prometheus p = { .out = &text };
 *	prometheus_family(&p, "sonde_runs_active", PROMETHEUS_GAUGE, "runs in progress");
 *	prometheus_sample(&p, labels, n, 3, 0);
 *	prometheus_end(&p);
 */
#pragma once

#include "base/buf.h"
#include "export/metrics_acc.h"

enum prometheus_type { PROMETHEUS_COUNTER, PROMETHEUS_GAUGE, PROMETHEUS_HISTOGRAM };

struct prometheus {
	struct buf *out;
	bool openmetrics;
	int r; /* the first error: 0, -ENOMEM */

	const char *name; /* the family's, without _total */
	enum prometheus_type type;
};

struct prometheus_label {
	const char *name;
	struct slice value; /* UTF-8 without control characters; empty: not written */
};

/* Begins a family. @name of a counter: without "_total". */
void prometheus_family(struct prometheus *p, const char *name, enum prometheus_type type,
		       const char *help);
/* A sample of a counter or gauge: @v / 10^@digits, exactly. */
void prometheus_sample(struct prometheus *p, const struct prometheus_label *labels, size_t n,
		       int64_t v, int digits);
void prometheus_end(struct prometheus *p);

/* What a metric is called, without _total. */
const char *prometheus_name(enum metric_id which);
/* All that spans came to; families without series are left out. */
void prometheus_metrics(struct prometheus *p, struct metrics *m);
/* Its size, runs in progress, how far sinks and sums are; @m NULL: there are no sums yet. 0 or
 * -errno. */
int prometheus_store(struct prometheus *p, struct store_reader *r, const struct metrics *m);
