/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside metrics_*.c alone. */
#pragma once

#include "base/map.h"
#include "export/metrics_acc.h"

/* Of a label: its length, then its bytes; for each label of the metric, in order. */
#define METRIC_KEY_MAX (LABEL_NR * (METRIC_VALUE_MAX + 1))

struct series {
	UT_hash_handle hh;
	bool other;
	int64_t *values; /* what it comes to; then as many: what was shown */
	size_t n_key;
	char key[];
};

struct metrics {
	size_t max_series;
	uint32_t labels; /* that metrics_new() was given */
	uint64_t start_ns;
	int64_t seq;
	bool broken; /* something was counted in part */
	struct series *series[METRIC_NR];
	size_t n[METRIC_NR]; /* without those for what is over the limit */
};

/* Which labels a metric has here. */
uint32_t metrics_labels(const struct metrics *m, enum metric_id which);
/* How many values a series has. */
size_t metrics_values(enum metric_id which);
/* The series of that key, which is made where there is none; NULL where memory is refused. */
struct series *metrics_series(struct metrics *m, enum metric_id which, const char *key, size_t n,
			      bool other);
