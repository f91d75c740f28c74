/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
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

static const struct option_spec options[] = {
	{ "json", 'j', OPTION_FLAG, &json, NULL, "one JSON object per session", NULL, NULL },
	FILTER_OPTIONS,
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	REMOTE_OPTION,
	{ 0 },
};

static const struct table_column columns[] = {
	{ "SESSION", false, false }, { "FIRST", false, false }, { "LAST", false, false },
	{ "AGENT", false, false },   { "RUNS", true, false },	{ "TASKS", true, false },
	{ "CALLS", true, false },    { "TOOLS", true, false },	{ "TOKENS", true, false },
	{ "COST", true, false },     { "TASK", false, true },	{ 0 },
};

struct listing {
	struct table *table;
	struct buf line;
	size_t n;
};

static bool is_priced(const struct store_session_row *row)
{
	return row->llm_calls <= 0 || row->unpriced_calls < row->llm_calls;
}

static void print_json(struct listing *l, const struct store_session_row *row)
{
	struct json_writer w = { .out = &l->line };
	char hex[ID128_HEX_SIZE];

	id128_hex(&row->session_id, hex);
	json_begin(&w, '{');
	put_text(&w, "type", SLICE("session"));
	put_text(&w, "session_id", slice_of(hex));
	put_text(&w, "agent", row->agent);
	put_text(&w, "task", row->task);
	put_count(&w, "start_time_unix_nano", (int64_t)row->first_ns);
	put_count(&w, "last_time_unix_nano", (int64_t)row->last_ns);
	put_count(&w, "runs", row->runs);
	put_count(&w, "running", row->running);
	put_count(&w, "tasks", row->tasks);
	put_count(&w, "llm_calls", row->llm_calls);
	put_count(&w, "tool_calls", row->tool_calls);
	put_count(&w, "errors", row->errors);
	put_count(&w, "input_tokens", row->usage.input);
	put_count(&w, "output_tokens", row->usage.output);
	if (is_priced(row))
		put_usd(&w, "cost_usd", row->cost_pico_usd);

	if (row->equivalent_pico_usd)
		put_usd(&w, "equivalent_usd", row->equivalent_pico_usd);

	put_count(&w, "unpriced_calls", row->unpriced_calls);
	json_end(&w, '}');
	json_line(&w, stdout);
}

static const char *cost_of(const struct store_session_row *row, struct text64 *t)
{
	if (row->llm_calls == 0)
		return "";
	if (!is_priced(row))
		return "unpriced";
	*t = format_costs(row->cost_pico_usd, row->equivalent_pico_usd);
	return t->s;
}

static void add_row(struct table *t, const struct store_session_row *row)
{
	_cleanup_(buf_done) struct buf tokens = { 0 };
	struct text64 cost;

	usage_text(&tokens, &row->usage, false);
	table_add(t, slice_of(run_ref(&row->session_id).s), STYLE_BOLD);
	table_add_text(t, format_day_time(row->first_ns).s);
	table_add_text(t, row->running ? "now" : format_day_time(row->last_ns).s);
	table_add(t, row->agent, STYLE_PLAIN);
	table_add_text(t, format_count(row->runs).s);
	table_add_text(t, format_count(row->tasks).s);
	table_add_text(t, format_count(row->llm_calls).s);
	table_add_text(t, format_count(row->tool_calls).s);
	table_add(t, buf_slice(&tokens), STYLE_PLAIN);
	table_add_text(t, cost_of(row, &cost));
	table_add(t, row->task, STYLE_PLAIN);
}

static int on_session(void *ctx, const struct store_session_row *row)
{
	struct listing *l = ctx;

	l->n++;
	if (json)
		print_json(l, row);
	else
		add_row(l->table, row);
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
	r = store_sessions(reader, &filter, on_session, &l);
	buf_done(&l.line);
	screen_init(&screen, stdout);
	table_print(table, &screen);
	if (r >= 0 && l.n == 0 && !json)
		fprintf(stderr, "no such sessions in %s\n", path);
	else if (!json && filter.limit && l.n == filter.limit)
		fprintf(stderr, "%zu latest; --limit shows more\n", l.n);
	return reader_finish(r);
}

const struct command command_sessions = {
	.name = "sessions",
	.summary = "list sessions: runs that continue each other's conversation",
	.usage = "[options]",
	.help = "One row is a session, the latest first: a thread of runs that share a "
		"conversation.\n"
		"The first column names it for 'sonde show' and for --session. TASKS counts the "
		"tasks\n"
		"that differ, TASK is the first one; sums are over the runs that the options let\n"
		"through.\n"
		"\n"
		"Examples:\n"
		"  sonde sessions --since 7d --agent claude-code\n"
		"  sonde show 5d41e02f               # the runs of one\n"
		"  sonde runs --session 5d41e02f\n",
	.options = options,
	.run = run,
	.remote = REMOTE_WHOLE,
};
