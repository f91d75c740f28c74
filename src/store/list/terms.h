/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the filter language knows (FILTER.md): one row of term_names is a name, what its values are,
 * and what it asks of runs and of steps.
 */
#pragma once

#include "store/reader.h"

#define TERMS_MAX	32   /* of a filter */
#define TERM_VALUES_MAX 100  /* of all its terms */
#define TERM_TEXT_MAX	4096 /* bytes of the filter's text */

enum term_type {
	TERM_TEXT,
	TERM_WORDS,  /* the index's own syntax, quoted */
	TERM_STATUS, /* number of a run's status */
	TERM_STEP,   /* number of a kind of step */
	TERM_ID,     /* first digits of an id: from the smallest to the largest such */
	/* numbers, that can be compared: */
	TERM_COUNT,
	TERM_USD, /* 10^-12 USD */
	TERM_NS,
};

struct term_name {
	const char *name;
	enum term_type type;
	/* Conditions with one "?" (TERM_ID: two), or of numbers what is compared; NULL: as that of
	 * the step's run. */
	const char *run, *span;
	const char *also_run, *also_span; /* and that must hold; NULL: nothing */
	int field;			  /* of struct store_filter: what means the same; 0: none */
};

extern const struct term_name term_names[];
extern const int term_names_n;
extern const struct term_name term_words; /* has no name */

struct term_value {
	struct slice text;
	int64_t number;
	struct id128 low, high;
};

struct store_term {
	const struct term_name *name;
	bool negated;
	const char *compare; /* of numbers: "=", ">", ... */
	const struct term_value *values;
	size_t n;
};

void terms_on_runs(struct where *w, const struct store_filter *f);
void terms_on_spans(struct where *w, const struct store_filter *f);
