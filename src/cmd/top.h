/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of `sonde top`: what runs now.
 *	top_rows.c	store -> rows, one for each run
 *	top_group.c	rows -> what is shown: filtered, summed by what was asked for, sorted
 *	top_json.c	rows as JSON lines, and back: so they come from the daemon
 *	top_screen.c	the terminal
 *	top.c		the command
 */
#pragma once

#include "base/json.h"
#include "export/steps.h"
#include "store/query.h"

#define TOP_ROWS_MAX 500

enum top_state { TOP_THINKING, TOP_STREAMING, TOP_TOOL, TOP_IDLE, TOP_GONE, TOP_ENDED };
extern const char *const top_state_names[];

enum top_sort {
	TOP_BY_COST,
	TOP_BY_RATE,
	TOP_BY_CALLS,
	TOP_BY_START,
	TOP_BY_AGENT,
	TOP_BY_TOKENS,
	TOP_BY_TOOLS
};
extern const char *const top_sort_names[]; /* ends with NULL */

/* What a row stands for. */
enum top_group { TOP_RUN, TOP_PROCESS, TOP_AGENT, TOP_USER, TOP_CONTAINER, TOP_POD };
extern const char *const top_group_names[]; /* ends with NULL */

struct top_row {
	struct id128 run;
	enum top_state state;
	enum run_status status;
	uint32_t pid, uid;
	char agent[48], model[64], doing[80], task[160], user[32], host[64], container[80],
		pod[128];
	char key[128]; /* of its group; of a run: empty */
	int64_t runs, calls, tools, errors, tokens, unpriced, cost_pico_usd, equivalent_pico_usd;
	uint64_t start_ns, end_ns;
	double tokens_per_s; /* output, over the last TOP_RATE_S seconds */
};

struct top {
	struct top_row *rows; /* room for TOP_ROWS_MAX */
	size_t n;
	enum top_group by;
	enum top_sort sort;
	bool ascending;
	char filter[64]; /* words of a row, in either case; empty: all rows */
	/* Only runs of this group; TOP_RUN: of any. */
	enum top_group within;
	char within_key[128];
	uint64_t now_ns, since_ns; /* Unix time; runs that ended before since_ns are not shown */
};

#define TOP_RATE_S 30

/* Reads the rows of all runs anew, in no order. 0 or -errno. */
int top_read(struct top *t, struct store_reader *r);
/* Makes of them what is to be shown. */
void top_arrange(struct top *t);
/* What a run's row belongs to. */
const char *top_key(const struct top_row *r, enum top_group by, char ret[128]);

/* One object; @at_ns: when it was so, 0: not to be told. */
void top_row_put(struct json_writer *w, const struct top *t, const struct top_row *r,
		 uint64_t at_ns);
/* A run's row of such a line. False where it is none. */
bool top_row_parse(struct slice line, struct top_row *ret);

/* --- where rows come from --- */

struct top_source {
	const char *name; /* shown */
	/* As top_read(). */
	int (*read)(void *ctx, struct top *t);
	/* What `sonde show` says of a run, in lines of @columns. 0 or -errno. */
	int (*show)(void *ctx, const struct id128 *run, int columns, struct buf *ret);
	void *ctx;
};

/* --- what columns say --- */

#define TOP_COLUMNS 11
#define TOP_CELL    160

struct top_column {
	const char *title;
	int width; /* on the screen; 0: the rest */
	bool right;
};
extern const struct top_column top_columns[TOP_COLUMNS];
/* Its heading depends on what rows stand for. */
const char *top_title(const struct top *t, size_t column);
void top_cell(const struct top *t, const struct top_row *r, size_t column, char ret[TOP_CELL]);
/* "3 running, 12 calls, 4.0 tokens/s, $0.12" */
void top_totals(const struct top *t, char *ret, size_t size);

/* Watches until the user leaves. 0, -ENOTTY where the terminal cannot show it, -errno. */
int top_watch(struct top *t, const struct top_source *s, unsigned interval_s);
