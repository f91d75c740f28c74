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
#include "export/span_json.h"

static bool json;
static const char *db;

static const struct option_spec options[] = {
	{ "json", 'j', OPTION_FLAG, &json, NULL, "one JSON object per run", NULL, NULL },
	FILTER_OPTIONS,
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	REMOTE_OPTION,
	{ 0 },
};

static const struct table_column columns[] = {
	{ "RUN", false, false },   { "START", false, false }, { "STATUS", false, false },
	{ "AGENT", false, false }, { "MODELS", false, true }, { "CALLS", true, false },
	{ "TOOLS", true, false },  { "TOKENS", true, false }, { "COST", true, false },
	{ "TIME", true, false },   { "TASK", false, true },   { 0 },
};

struct listing {
	struct table *table;
	const char *path;
	struct buf line;
	size_t n;
};

static const char *cost_of_run(const struct run *run, struct text64 *t)
{
	if (run->llm_calls == 0)
		return "";
	if (run->unpriced_calls >= run->llm_calls)
		return "unpriced";
	*t = format_costs(run->cost_pico_usd, run->equivalent_pico_usd);
	return t->s;
}

static void add_row(struct table *t, const struct run *run)
{
	_cleanup_(buf_done) struct buf usage = { 0 };
	const bool bad = run->status == RUN_FAILED || run->status == RUN_TIMED_OUT;
	struct text64 cost;

	usage_text(&usage, &run->usage, false);
	table_add(t, slice_of(run_ref(&run->run_id).s), STYLE_BOLD);
	table_add_text(t, format_day_time(run->start_ns).s);
	table_add(t, slice_of(run_status_name(run->status)), bad ? STYLE_RED : STYLE_PLAIN);
	table_add(t, run->agent, STYLE_PLAIN);
	table_add(t, run->models, STYLE_CYAN);
	table_add_text(t, format_count(run->llm_calls).s);
	table_add_text(t, format_count(run->tool_calls).s);
	table_add(t, buf_slice(&usage), STYLE_PLAIN);
	table_add_text(t, cost_of_run(run, &cost));
	table_add_text(t, run->end_ns > run->start_ns
				  ? format_duration(run->end_ns - run->start_ns).s
				  : "");
	table_add(t, run->task.n ? run->task : run->command, STYLE_PLAIN);
}

static int on_run(void *ctx, const struct run *run)
{
	struct listing *l = ctx;
	struct json_writer w = { .out = &l->line };

	l->n++;
	if (!json) {
		add_row(l->table, run);
		return 0;
	}
	run_json(&w, run, l->path);
	json_line(&w, stdout);
	return ferror(stdout) ? -EPIPE : 0;
}

static int run(int argc, char **argv)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	_cleanup_(table_freep) struct table *table = table_new(columns);
	_cleanup_(freep) char *path = NULL;
	struct listing l = { .table = table };
	struct store_filter filter;
	struct screen screen;
	int r;

	(void)argc, (void)argv;
	r = table ? filter_open(db, !json, &reader, &path, &filter) : 1;
	if (r)
		return r;
	l.path = path;
	r = store_runs(reader, &filter, on_run, &l);
	buf_done(&l.line);
	screen_init(&screen, stdout);
	table_print(table, &screen);
	if (r >= 0 && l.n == 0 && !json)
		fprintf(stderr, "no such runs in %s\n", path);
	else if (!json && filter.limit && l.n == filter.limit)
		fprintf(stderr, "%zu newest; --limit shows more\n", l.n);
	return reader_finish(r);
}

const struct command command_runs = {
	.name = "runs",
	.summary = "list runs, newest first",
	.usage = "[options]",
	.help = "Lists the runs of the store, newest first. The first column names a run for the\n"
		"other commands.\n"
		"\n"
		"Examples:\n"
		"  sonde runs --since 7d --agent claude-code\n"
		"  sonde runs --status failed --text \"fix the tests\"\n"
		"  sonde runs --json | jq -s 'map(.cost_usd // 0) | add'\n",
	.options = options,
	.run = run,
	.remote = REMOTE_WHOLE,
};
