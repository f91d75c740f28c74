/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of `sonde top`: what runs now, read from the store.
 *	top_rows.c	store -> rows
 *	top.c		the command, the terminal
 */
#pragma once

#include "export/steps.h"
#include "store/query.h"

#define TOP_ROWS_MAX 500

enum top_state { TOP_THINKING, TOP_STREAMING, TOP_TOOL, TOP_IDLE, TOP_GONE, TOP_ENDED };
extern const char *const top_state_names[];

enum top_sort { TOP_BY_COST, TOP_BY_RATE, TOP_BY_CALLS, TOP_BY_START, TOP_BY_AGENT };

struct top_row {
	struct id128 run;
	enum top_state state;
	enum run_status status;
	uint32_t pid;
	char agent[48], model[64], doing[80], task[160], user[32];
	int64_t runs, calls, tools, errors, tokens, unpriced, cost_pico_usd, equivalent_pico_usd;
	uint64_t start_ns, end_ns;
	double tokens_per_s; /* output, over the last TOP_RATE_S seconds */
};

struct top {
	struct top_row *rows;
	size_t n;
	bool per_agent;
	enum top_sort sort;
	bool ascending;
	uint64_t now_ns, since_ns; /* Unix time; runs that ended before since_ns are not shown */
};

#define TOP_RATE_S 30

/* Reads the rows anew, sorted. @t->rows has room for TOP_ROWS_MAX. 0 or -errno. */
int top_read(struct top *t, struct store_reader *r);
