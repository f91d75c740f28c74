/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "cmd/command.h"
#include "cmd/filter.h"
#include "cmd/reader.h"
#include "cmd/remote.h"
#include "cmd/table.h"
#include "export/json_put.h"
#include "export/offers.h"
#include "export/span_json.h"

static bool json;
static const char *db;

static const struct option_spec options[] = {
	{ "json", 'j', OPTION_FLAG, &json, NULL, "one JSON object per tool and agent", NULL, NULL },
	FILTER_OPTIONS,
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	REMOTE_OPTION,
	{ 0 },
};

static const struct table_column columns[] = {
	{ "TOOL", false, true },  { "AGENT", false, true },   { "CALLS", true, false },
	{ "RUNS", true, false },  { "FAILED", true, false },  { "RATE", true, false },
	{ "P50", true, false },	  { "P95", true, false },     { "P99", true, false },
	{ "AGAIN", true, false }, { "OFFERED", true, false }, { 0 },
};

struct listing {
	struct table *table;
	struct offers offers;
	struct screen screen;
	struct buf line;
	size_t rows, unused;
};

static void put_seconds(struct json_writer *w, const char *key, int64_t ns)
{
	if (ns == LLM_UNKNOWN)
		return;
	json_key(w, key);
	json_put_double(w, (double)ns / 1e9);
}

static void print_json(struct listing *l, const struct store_tool_row *row, int64_t offered)
{
	struct json_writer w = { .out = &l->line };

	json_begin(&w, '{');
	json_key(&w, "tool");
	json_put_str(&w, row->tool);
	if (row->agent.n) {
		json_key(&w, "agent");
		json_put_str(&w, row->agent);
	}
	put_count(&w, "calls", row->calls);
	put_count(&w, "runs", row->runs);
	put_count(&w, "failed", row->errors);
	if (row->calls) {
		json_key(&w, "failure_rate");
		json_put_double(&w, (double)row->errors / (double)row->calls);
	}
	put_seconds(&w, "p50_seconds", row->p50_ns);
	put_seconds(&w, "p95_seconds", row->p95_ns);
	put_seconds(&w, "p99_seconds", row->p99_ns);
	put_count(&w, "identical_repeats", row->repeats);
	put_count(&w, "offered_in_calls", offered);
	json_end(&w, '}');
	json_line(&w, stdout);
}

static void add_duration(struct table *t, int64_t ns)
{
	table_add_text(t, ns == LLM_UNKNOWN ? "" : format_duration((uint64_t)ns).s);
}

static void add_row(struct table *t, const struct store_tool_row *row, int64_t offered)
{
	const enum style bad = row->errors ? STYLE_RED : STYLE_PLAIN;
	char rate[16];

	snprintf(rate, sizeof(rate), "%.1f %%", 100.0 * (double)row->errors / (double)row->calls);
	table_add(t, row->tool, STYLE_GREEN);
	table_add(t, row->agent, STYLE_PLAIN);
	table_add_text(t, format_count(row->calls).s);
	table_add_text(t, format_count(row->runs).s);
	table_add(t, slice_of(row->errors ? format_count(row->errors).s : ""), bad);
	table_add(t, slice_of(row->errors ? rate : ""), bad);
	add_duration(t, row->p50_ns);
	add_duration(t, row->p95_ns);
	add_duration(t, row->p99_ns);
	table_add(t, slice_of(row->repeats ? format_count(row->repeats).s : ""), STYLE_YELLOW);
	table_add_text(t, offered ? format_count(offered).s : "");
}

static int on_row(void *ctx, const struct store_tool_row *row)
{
	struct listing *l = ctx;
	const int64_t offered = offers_take(&l->offers, row->tool, row->agent);

	l->rows++;
	if (json)
		print_json(l, row, offered ? offered : LLM_UNKNOWN);
	else
		add_row(l->table, row, offered);
	return ferror(stdout) ? -EPIPE : 0;
}

static int on_unused(void *ctx, struct slice tool, struct slice agent, int64_t calls)
{
	const struct store_tool_row none = { .tool = tool,
					     .agent = agent,
					     .p50_ns = LLM_UNKNOWN,
					     .p95_ns = LLM_UNKNOWN,
					     .p99_ns = LLM_UNKNOWN };
	_cleanup_(buf_done) struct buf b = { 0 };
	struct listing *l = ctx;

	l->unused++;
	if (json) {
		print_json(l, &none, calls);
		return ferror(stdout) ? -EPIPE : 0;
	}
	if (l->unused == 1)
		printf("%soffered but never called:\n", l->rows ? "\n" : "");
	text_clean(&b, tool, 60);
	buf_add(&b, slice_of(agent.n ? "  " : ""), 1000);
	text_clean(&b, agent, 40);
	printf("  %.*s  in %s model call%s\n", SLICE_ARG(buf_slice(&b)), format_count(calls).s,
	       calls == 1 ? "" : "s");
	return ferror(stdout) ? -EPIPE : 0;
}

/* Whoever asks for one tool, or for some, does not ask what else there would be. */
static bool wants_unused(const struct store_filter *f)
{
	return f->tool.n == 0 && f->limit == 0;
}

static int list(struct listing *l, struct store_reader *reader, const struct store_filter *f)
{
	int r = offers_read(reader, f, &l->offers);

	if (r == 0)
		r = store_tools(reader, f, on_row, l);
	if (r >= 0)
		table_print(l->table, &l->screen);
	if (r >= 0 && wants_unused(f))
		r = offers_rest(&l->offers, on_unused, l);
	if (l->offers.dropped)
		fprintf(stderr, "%s more tools were offered than are looked at\n",
			format_count((int64_t)l->offers.dropped).s);
	return r;
}

static int run(int argc, char **argv)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	_cleanup_(table_freep) struct table *table = table_new(columns);
	_cleanup_(freep) char *path = NULL;
	struct listing l = { .table = table };
	struct store_filter filter;
	int r;

	(void)argc, (void)argv;
	r = table ? filter_open(db, false, &reader, &path, &filter) : 1;
	if (r)
		return r;
	screen_init(&l.screen, stdout);
	r = list(&l, reader, &filter);
	if (r >= 0 && !json && l.rows == 0 && l.unused == 0)
		fprintf(stderr, "no such tool calls in %s\n", path);
	offers_done(&l.offers);
	buf_done(&l.line);
	return reader_finish(r);
}

const struct command command_tools = {
	.name = "tools",
	.summary = "tools: how often, how reliable, how fast, and which are never called",
	.usage = "[options]",
	.help = "One row is a tool of an agent, the most called first.\n"
		"\n"
		"FAILED and RATE count calls that ended with an error; P50, P95 and P99 are the "
		"times\n"
		"that so many percent of the calls did not exceed. AGAIN counts calls that "
		"repeat one\n"
		"with the same arguments in the same run. OFFERED is the number of model calls "
		"that\n"
		"had the tool in their list; below stand those that were offered and never "
		"called.\n"
		"What content was not kept of is in neither of the last two.\n"
		"\n"
		"Examples:\n"
		"  sonde tools --since 7d\n"
		"  sonde tools --agent claude-code --status failed\n"
		"  sonde tools --json | jq 'select(.calls == 0)'\n",
	.options = options,
	.run = run,
	.remote = REMOTE_WHOLE,
};
