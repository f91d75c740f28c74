/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside metrics_*.c alone. */
#pragma once

#include "base/map.h"
#include "export/metrics_acc.h"

/* Of a label: its length, then its bytes; for each label of the metric, in order. */
#define METRIC_KEY_MAX (LABEL_NR * (METRIC_VALUE_MAX + 1))

/* Of a place: 16 hexadecimal digits. */
#define METRIC_PLACE_KEY      16
#define METRIC_PLACE_JSON_MAX 4096
#define METRIC_PLACES_MAX     500

struct place {
	UT_hash_handle hh;
	char key[METRIC_PLACE_KEY];
	size_t n_json;
	char json[];
};

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

	struct place *places;
	bool has_last_run; /* the place of @last_run is known: no digits: it has none of its own */
	struct id128 last_run;
	size_t last_place; /* digits */
	char last_place_key[METRIC_PLACE_KEY];
};

/* What LABEL_PLACE is for a run; lent until the next call. 0 or -ENOMEM. */
int metrics_place_of(struct metrics *m, const struct run *run, struct slice *ret);
/* 0, -ENOSPC: there are too many; -EBADMSG: it is no key; -ENOMEM. */
int metrics_place_add(struct metrics *m, struct slice key, struct slice json);
void metrics_places_done(struct metrics *m);
/* metrics_add(), where the run has not changed since the last call if it is the same. */
int metrics_count(struct metrics *m, int sign, const struct span *span, const struct run *run);

/* Which labels a metric has here. */
uint32_t metrics_labels(const struct metrics *m, enum metric_id which);
/* How many values a series has. */
size_t metrics_values(enum metric_id which);
/* The series of that key, which is made where there is none; NULL where memory is refused. */
struct series *metrics_series(struct metrics *m, enum metric_id which, const char *key, size_t n,
			      bool other);
