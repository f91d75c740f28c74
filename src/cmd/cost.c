/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/filter.h"
#include "cmd/reader.h"
#include "cmd/remote.h"
#include "cmd/table.h"
#include "cmd/view.h"
#include "export/json_put.h"
#include "export/span_json.h"

static bool json;
static const char *db;
static int by = GROUP_MODEL;
static const char *const groups[] = {
	"agent", "model",    "provider", "day",	 "project", "user",
	"host",	 "workflow", "session",	 "hour", NULL
}; /* enum store_group */

static const struct option_spec options[] = {
	{ "json", 'j', OPTION_FLAG, &json, NULL, "one JSON object per row", NULL, NULL },
	{ "by", 'b', OPTION_CHOICE, &by, "GROUP", "what a row stands for", groups, NULL },
	FILTER_OPTIONS,
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	REMOTE_OPTION,
	{ 0 },
};

struct listing {
	struct table *table;
	struct buf line;
	int64_t rows, calls, pico_usd, equivalent_pico_usd, unpriced, mismatched;
};

static void print_json(struct listing *l, const struct store_cost_row *row)
{
	struct json_writer w = { .out = &l->line };

	json_begin(&w, '{');
	json_key(&w, "by");
	json_put_str(&w, slice_of(groups[by]));
	json_key(&w, groups[by]);
	json_put_str(&w, row->key);
	put_number(&w, "runs", row->runs);
	put_number(&w, "llm_calls", row->calls);
	put_usage(&w, &row->usage);
	if (row->unpriced_calls < row->calls)
		put_usd(&w, "cost_usd", row->cost_pico_usd);

	if (row->equivalent_pico_usd)
		put_usd(&w, "equivalent_usd", row->equivalent_pico_usd);

	if (row->estimated_pico_usd)
		put_usd(&w, "estimated_usd", row->estimated_pico_usd);

	put_number(&w, "unpriced_calls", row->unpriced_calls);
	put_number(&w, "usage_unknown_calls", row->usage_unknown_calls);
	put_number(&w, "price_mismatch_calls", row->mismatched_calls);
	json_end(&w, '}');
	json_line(&w, stdout);
}

static void add_row(struct listing *l, const struct store_cost_row *row)
{
	struct table *t = l->table;
	const bool priced = row->unpriced_calls < row->calls;

	table_add(t, row->key.n ? row->key : SLICE("(unknown)"), STYLE_BOLD);
	table_add_text(t, format_count(row->runs).s);
	table_add_text(t, format_count(row->calls).s);
	table_add_text(t, format_count(row->usage.input).s);
	table_add_text(t, format_count(row->usage.cache_read).s);
	table_add_text(t, format_count(row->usage.output).s);
	table_add_text(t, format_count(row->usage.reasoning).s);
	table_add_text(t, priced ? format_cost(row->cost_pico_usd).s : "unpriced");
	table_add_text(t,
		       row->equivalent_pico_usd ? format_costs(0, row->equivalent_pico_usd).s : "");
	table_add(t,
		  row->unpriced_calls ? slice_of(format_count(row->unpriced_calls).s) : SLICE(""),
		  STYLE_YELLOW);
}

static int on_row(void *ctx, const struct store_cost_row *row)
{
	struct listing *l = ctx;

	l->rows++;
	l->calls += row->calls;
	l->pico_usd += row->cost_pico_usd;
	l->equivalent_pico_usd += row->equivalent_pico_usd;
	l->unpriced += row->unpriced_calls;
	l->mismatched += row->mismatched_calls;
	if (json)
		print_json(l, row);
	else
		add_row(l, row);
	return ferror(stdout) ? -EPIPE : 0;
}

static void print_total(const struct listing *l, const struct screen *s)
{
	printf("\ntotal %s%s%s in %s calls%s%s\n", screen_style(s, STYLE_BOLD),
	       format_costs(l->pico_usd, l->equivalent_pico_usd).s, screen_style(s, STYLE_PLAIN),
	       format_count(l->calls).s, l->unpriced ? "; calls without a price: " : "",
	       l->unpriced ? format_count(l->unpriced).s : "");
	if (l->mismatched)
		printf("the provider told another price than the table has: %s calls ('sonde spans "
		       "--json':\nsonde.cost.mismatch); what it told counts\n",
		       format_count(l->mismatched).s);
}

static int run(int argc, char **argv)
{
	struct table_column columns[] = {
		{ groups[by], false, true },
		{ "RUNS", true, false },
		{ "CALLS", true, false },
		{ "INPUT", true, false },
		{ "CACHED", true, false },
		{ "OUTPUT", true, false },
		{ "REASONING", true, false },
		{ "COST", true, false },
		{ "BY PLAN", true, false },
		{ "UNPRICED", true, false },
		{ 0 },
	};
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	_cleanup_(table_freep) struct table *table = table_new(columns);
	_cleanup_(freep) char *path = NULL;
	struct listing l = { .table = table };
	struct store_filter filter;
	struct screen screen;
	int r;

	(void)argc, (void)argv;
	r = table ? filter_open(db, false, &reader, &path, &filter) : 1;
	if (r)
		return r;
	r = store_cost(reader, &filter, (enum store_group)by, on_row, &l);
	buf_done(&l.line);
	screen_init(&screen, stdout);
	table_print(table, &screen);
	if (r >= 0 && !json && l.rows == 0)
		fprintf(stderr, "no such calls in %s\n", path);
	else if (r >= 0 && !json)
		print_total(&l, &screen);
	return reader_finish(r);
}

const struct command command_cost = {
	.name = "cost",
	.summary = "what was spent, by agent, model, provider, day and others",
	.usage = "[options]",
	.help = "Sums calls, tokens and costs. A call whose price or usage is not known counts as\n"
		"unpriced and adds nothing: it is not free. A '?' is a count that no provider "
		"told.\n"
		"BY PLAN, with a '~', is what calls that a subscription covers would have cost: it "
		"is\n"
		"no money spent and no part of COST.\n"
		"\n"
		"Examples:\n"
		"  sonde cost --by model --since 7d\n"
		"  sonde cost --by day --agent claude-code\n",
	.options = options,
	.run = run,
	.remote = REMOTE_WHOLE,
};
