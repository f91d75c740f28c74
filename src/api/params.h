/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands behind the "?" of a data route: the same names everywhere. A name that a route does
 * not take, one that comes twice and a value that means nothing are errors that say what is
 * possible.
 */
#pragma once

#include "base/arena.h"
#include "store/list/page.h"

/* What a route takes. */
enum {
	PARAMS_FILTER = 1, /* filter= (store/list/filter.h), since=, until= (base/when.h) */
	PARAMS_SORT = 2,   /* sort=start|duration|cost|tokens|steps|errors, order=asc|desc */
	PARAMS_PAGE = 4,   /* limit=1..1000, cursor= */
	PARAMS_BY = 8,	   /* by= */
	PARAMS_BUCKET = 16,
	PARAMS_PAIR = 32,   /* a=, b= */
	PARAMS_EXPORT = 64, /* format=, rows=, content=0|1, run= */
	PARAMS_ALL = 128,   /* all=0|1 */
};

#define PARAMS_LIMIT	 100 /* of a page, unless it is told */
#define PARAMS_LIMIT_MAX 1000

struct params {
	struct store_filter filter;
	struct store_page page;				  /* the newest first */
	struct slice filter_text, since_text, until_text; /* as they were given */
	struct slice by, bucket, a, b, format, rows, run;
	bool content;
	bool all; /* however long it takes: figures of all, not of the newest (figures/reach.h) */

	bool relative;	 /* since or until depends on what time it is */
	unsigned takes;	 /* PARAMS_* */
	unsigned seen;	 /* bits of names */
	uint64_t now_ns; /* that relative times are of */
	struct arena *mem;
	char error[400];
};

extern const char *const params_sort_names[]; /* by enum store_order */

/* 0 or -ENOMEM. params_done() frees what strings of it are in. */
int params_begin(struct params *p, unsigned takes, uint64_t now_ns);
/* One of them, decoded; @value may be NULL ("?x"). False: it is wrong, and error says why. */
bool params_add(struct params *p, const char *name, const char *value);
/* After all of them. */
bool params_end(struct params *p);
void params_done(struct params *p);
