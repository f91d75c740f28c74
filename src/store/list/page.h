/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists in pages, for people who look through them: any order, by keyset, with a total that is
 * counted to a bound. A cursor is the place of the last row that was given, so nothing that comes
 * or goes moves a page.
 */
#pragma once

#include "store/query.h"

/* Of steps, those alone that have what they are ordered by are there, and counted. */
enum store_order {
	ORDER_START,
	ORDER_DURATION,
	ORDER_COST, /* what was spent, and what a plan covered */
	ORDER_TOKENS,
	ORDER_STEPS,  /* of runs alone: calls, tools and processes */
	ORDER_ERRORS, /* of runs by their number; of steps: those that failed, by their start */
};

#define STORE_COUNT_MAX 10000		   /* counting stops there, or when it takes long */
#define STORE_CURSOR	96		   /* bytes of a cursor with its end */
#define STORE_PAGE_ALL	(SIZE_MAX / 2 - 1) /* a limit that is none */

struct store_page {
	enum store_order order;
	bool ascending;	     /* else the largest or newest first */
	size_t limit;	     /* at least 1 */
	struct slice cursor; /* of the page before; empty: the first */
};

struct store_page_end {
	bool has_more;
	char next[STORE_CURSOR]; /* empty: there is none */
	int64_t total;		 /* of the filter, whatever page */
	bool total_more;	 /* counting stopped: there are, or may be, more */
};

/*
 * 0 or -errno: -EINVAL for an order that there is not, and for a cursor that is none or was given
 * by a page of another order. store_limit() holds, beside which counting has a small limit of its
 * own.
 */
int store_runs_page(struct store_reader *r, const struct store_filter *f,
		    const struct store_page *p, store_run_fn fn, void *ctx,
		    struct store_page_end *ret);
int store_spans_page(struct store_reader *r, const struct store_filter *f,
		     const struct store_page *p, store_span_fn fn, void *ctx,
		     struct store_page_end *ret);
/* The latest first; ORDER_START alone. */
int store_sessions_page(struct store_reader *r, const struct store_filter *f,
			const struct store_page *p, store_session_fn fn, void *ctx,
			struct store_page_end *ret);

/* How many runs of each status the filter lets through, whatever status it asks for; each counted
 * to STORE_COUNT_MAX. */
struct store_run_counts {
	int64_t status[RUN_PAUSED + 1]; /* by enum run_status */
	int64_t total;
	bool more; /* counting stopped with one of them */
};
int store_run_counts(struct store_reader *r, const struct store_filter *f,
		     struct store_run_counts *ret);

/* One span, with all that stands on it. -ENOENT. */
int store_span_read(struct store_reader *r, const struct id128 *run, const struct id64 *span,
		    store_span_fn fn, void *ctx);

/* An agent: its runs of the filter. */
struct store_agent_row {
	struct slice agent;			  /* empty: not known */
	struct slice versions, models, providers; /* comma separated */
	int64_t runs, status[RUN_PAUSED + 1];
	int64_t llm_calls, tool_calls, errors, cost_pico_usd, equivalent_pico_usd, unpriced_calls;
	struct llm_usage usage;
	int64_t p50_ns, p95_ns; /* of runs that ended; LLM_UNKNOWN */
	uint64_t last_ns;	/* when the newest began */
};
typedef int (*store_agent_fn)(void *ctx, const struct store_agent_row *row);
/* The most runs first. Of many runs and a filter by time and agent alone, percentiles are within
 * 3.2 %, and versions, models and providers are those of the agent's newest 1,000 runs. */
int store_agents(struct store_reader *r, const struct store_filter *f, store_agent_fn fn,
		 void *ctx);
