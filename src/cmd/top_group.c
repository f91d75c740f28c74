/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of runs -> the rows that are shown, and what stands in their columns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "cmd/top.h"
#include "export/span_json.h"

const char *const top_sort_names[] = { "cost",	"rate",	  "calls", "start",
				       "agent", "tokens", "tools", NULL };
const char *const top_group_names[] = {
	"run", "process", "agent", "user", "container", "pod", NULL
};

const char *top_key(const struct top_row *r, enum top_group by, char ret[128])
{
	*ret = 0;
	switch (by) {
	case TOP_RUN:
		break;
	case TOP_PROCESS:
		snprintf(ret, 128, "%s:%u", r->host, r->pid);
		break;
	case TOP_AGENT:
		snprintf(ret, 128, "%s", r->agent);
		break;
	case TOP_USER: /* names are used again, numbers tell users apart */
		snprintf(ret, 128, "%s%s%u", r->user, *r->user ? " " : "", r->uid);
		break;
	case TOP_CONTAINER:
		snprintf(ret, 128, "%s", *r->container ? r->container : "(none)");
		break;
	case TOP_POD:
		snprintf(ret, 128, "%s", *r->pod ? r->pod : "(none)");
		break;
	}
	return ret;
}

/* --- filtering --- */

static bool has_words(const struct top *t, const struct top_row *r)
{
	const char *const texts[] = {
		r->agent,
		r->model,
		r->doing,
		r->task,
		r->user,
		r->container,
		r->pod,
		r->state == TOP_ENDED ? run_status_names[r->status] : top_state_names[r->state],
	};

	if (!*t->filter)
		return true;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcasestr(texts[i], t->filter))
			return true;
	return false;
}

static bool is_within(const struct top *t, const struct top_row *r)
{
	char key[128];

	return t->within == TOP_RUN || strcmp(top_key(r, t->within, key), t->within_key) == 0;
}

static void filter(struct top *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		if (has_words(t, &t->rows[i]) && is_within(t, &t->rows[i]))
			t->rows[n++] = t->rows[i];
	t->n = n;
}

/* --- summing --- */

/* The busiest state stands for all. */
static void add_up(struct top_row *sum, const struct top_row *row)
{
	sum->runs += row->runs;
	sum->calls += row->calls;
	sum->tools += row->tools;
	sum->errors += row->errors;
	sum->tokens += row->tokens;
	sum->cost_pico_usd += row->cost_pico_usd;
	sum->equivalent_pico_usd += row->equivalent_pico_usd;
	sum->unpriced += row->unpriced;
	sum->tokens_per_s += row->tokens_per_s;
	if (row->state < sum->state) {
		sum->state = row->state;
		sum->status = row->status;
		memcpy(sum->doing, row->doing, sizeof(sum->doing));
	}
	/* One that goes on has no end. */
	if (row->end_ns == 0 || (sum->end_ns && row->end_ns > sum->end_ns))
		sum->end_ns = row->end_ns;
	if (row->start_ns < sum->start_ns)
		sum->start_ns = row->start_ns;
}

static void fold(struct top *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct top_row *row = &t->rows[i];
		size_t k = 0;

		top_key(row, t->by, row->key);
		while (k < n && strcmp(t->rows[k].key, row->key) != 0)
			k++;
		if (k < n)
			add_up(&t->rows[k], row);
		else if (n++ != i)
			t->rows[n - 1] = *row;
	}
	t->n = n;
}

static double figure(const struct top_row *r, enum top_sort by)
{
	switch (by) {
	case TOP_BY_COST:
		return (double)(r->cost_pico_usd + r->equivalent_pico_usd);
	case TOP_BY_RATE:
		return r->tokens_per_s;
	case TOP_BY_CALLS:
		return (double)r->calls;
	case TOP_BY_TOKENS:
		return (double)r->tokens;
	case TOP_BY_TOOLS:
		return (double)r->tools;
	case TOP_BY_START:
		return (double)r->start_ns;
	case TOP_BY_AGENT:
		break;
	}
	return 0;
}

static int by_name(const struct top_row *a, const struct top_row *b)
{
	const int key = strcmp(a->key, b->key);

	return key ? key : memcmp(&a->run, &b->run, sizeof(a->run));
}

static int compare(const void *left, const void *right, void *ctx)
{
	const struct top_row *a = left, *b = right;
	const struct top *t = ctx;
	const double x = figure(a, t->sort), y = figure(b, t->sort);
	int d = y < x ? -1 : y > x; /* the largest first */

	if (t->sort == TOP_BY_AGENT)
		d = strcmp(a->agent, b->agent);
	if (t->ascending)
		d = -d;
	return d ? d : by_name(a, b);
}

void top_arrange(struct top *t)
{
	filter(t);
	if (t->by != TOP_RUN)
		fold(t);
	qsort_r(t->rows, t->n, sizeof(*t->rows), compare, t);
}

/* --- columns --- */

const struct top_column top_columns[TOP_COLUMNS] = {
	{ "PID", 8, false },	{ "AGENT", 14, false }, { "STATE", 10, false },
	{ "MODEL", 20, false }, { "CALLS", 6, true },	{ "TOOLS", 6, true },
	{ "TOKENS", 8, true },	{ "TOK/S", 7, true },	{ "COST", 9, true },
	{ "TIME", 8, true },	{ "TASK", 0, false },
};

const char *top_title(const struct top *t, size_t column)
{
	static const char *const keys[] = { "AGENT", "AGENT", "AGENT", "USER", "CONTAINER", "POD" };

	if (column == 0 && t->by > TOP_PROCESS)
		return "RUNS";
	if (column == 1)
		return keys[t->by];
	if (column == TOP_COLUMNS - 1 && t->by > TOP_PROCESS)
		return t->by == TOP_AGENT ? "" : "AGENT";
	return top_columns[column].title;
}

static void put_cost(const struct top_row *r, char *ret)
{
	snprintf(ret, TOP_CELL, "%s",
		 r->calls && r->unpriced >= r->calls
			 ? "unpriced"
			 : format_costs(r->cost_pico_usd, r->equivalent_pico_usd).s);
}

static void put_who(const struct top *t, const struct top_row *r, size_t column, char *ret)
{
	const bool grouped = t->by > TOP_PROCESS;

	if (column == 1)
		snprintf(ret, TOP_CELL, "%s", grouped ? r->key : r->agent);
	else if (grouped)
		snprintf(ret, TOP_CELL, "%s", format_count(r->runs).s);
	else if (r->pid)
		snprintf(ret, TOP_CELL, "%u", r->pid);
}

void top_cell(const struct top *t, const struct top_row *r, size_t column, char ret[TOP_CELL])
{
	const uint64_t end = r->end_ns ? r->end_ns : t->now_ns;

	*ret = 0;
	switch (column) {
	case 0:
	case 1:
		put_who(t, r, column, ret);
		break;
	case 2:
		snprintf(ret, TOP_CELL, "%s",
			 r->state == TOP_ENDED ? run_status_name(r->status)
					       : top_state_names[r->state]);
		break;
	case 3:
		snprintf(ret, TOP_CELL, "%s", *r->doing ? r->doing : r->model);
		break;
	case 4:
		snprintf(ret, TOP_CELL, "%s", format_count(r->calls).s);
		break;
	case 5:
		snprintf(ret, TOP_CELL, "%s", format_count(r->tools).s);
		break;
	case 6:
		snprintf(ret, TOP_CELL, "%s", format_count(r->tokens).s);
		break;
	case 7:
		snprintf(ret, TOP_CELL, "%.1f", r->tokens_per_s);
		break;
	case 8:
		put_cost(r, ret);
		break;
	case 9:
		snprintf(ret, TOP_CELL, "%s",
			 format_duration(end > r->start_ns ? end - r->start_ns : 0).s);
		break;
	default:
		if (t->by <= TOP_PROCESS)
			snprintf(ret, TOP_CELL, "%s", r->task);
		else if (t->by != TOP_AGENT)
			snprintf(ret, TOP_CELL, "%s", r->agent);
		break;
	}
}

void top_totals(const struct top *t, char *ret, size_t size)
{
	int64_t running = 0, calls = 0, cost = 0, equivalent = 0;
	double rate = 0;

	for (size_t i = 0; i < t->n; i++) {
		running += t->rows[i].state < TOP_GONE;
		calls += t->rows[i].calls;
		cost += t->rows[i].cost_pico_usd;
		equivalent += t->rows[i].equivalent_pico_usd;
		rate += t->rows[i].tokens_per_s;
	}
	snprintf(ret, size, "%lld running, %s calls, %.1f tokens/s, %s", (long long)running,
		 format_count(calls).s, rate, format_costs(cost, equivalent).s);
}
