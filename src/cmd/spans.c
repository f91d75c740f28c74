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
#include "export/said.h"
#include "export/span_json.h"

static bool json, errors, with_content;
static const char *db, *in_run;
static int kind = -1;

static const struct option_spec options[] = {
	{ "json", 'j', OPTION_FLAG, &json, NULL, "one JSON object per span", NULL, NULL },
	{ "kind", 'k', OPTION_CHOICE, &kind, "KIND", "steps of this kind", step_names, NULL },
	{ "run", 0, OPTION_STRING, &in_run, "RUN", "of this run, in order of start", NULL, NULL },
	{ "errors", 'e', OPTION_FLAG, &errors, NULL, "only what failed", NULL, NULL },
	FILTER_OPTIONS,
	{ "content", 0, OPTION_FLAG, &with_content, NULL,
	  "with --json: messages, arguments and results as well", NULL, NULL },
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	REMOTE_OPTION,
	{ 0 },
};

static const struct table_column columns[] = {
	{ "START", false, false }, { "RUN", false, false },    { "KIND", false, false },
	{ "STEP", false, true },   { "TIME", true, false },    { "TOKENS", true, false },
	{ "COST", true, false },   { "PROBLEM", false, true }, { 0 },
};

struct listing {
	struct store_reader *reader;
	struct table *table;
	struct steps steps; /* one at a time: how a step is called is known there */
	struct buf line, text;
	size_t n;
};

static void add_problem(struct table *t, const struct step *st, struct buf *text)
{
	text->n = 0;
	if (st->status == SPAN_ERROR)
		buf_add(text, st->error.n ? st->error : SLICE("failed"), 4096);
	if (st->lost_bytes) {
		buf_add(text, SLICE(" lost "), 4096);
		buf_add(text, slice_of(format_bytes(st->lost_bytes).s), 4096);
	}
	table_add(t, slice_trim(buf_slice(text)), STYLE_RED);
}

static void add_row(struct listing *l, const struct step *st)
{
	struct table *t = l->table;

	table_add_text(t, format_time(st->start_ns).s);
	table_add(t, slice_of(run_ref(&st->key.run).s), STYLE_BOLD);
	table_add(t, slice_of(step_name(st->kind)), step_style(st->kind));
	l->text.n = 0;
	buf_add(&l->text, st->label, 4096);
	buf_add(&l->text, SLICE(" "), 4096);
	buf_add(&l->text, st->detail, 4096);
	table_add(t, slice_trim(buf_slice(&l->text)), STYLE_PLAIN);
	table_add_text(t, st->end_ns > st->start_ns ? format_duration(st->end_ns - st->start_ns).s
						    : "");
	l->text.n = 0;
	if (st->kind == STEP_LLM)
		usage_text(&l->text, &st->usage, false);
	table_add(t, buf_slice(&l->text), STYLE_PLAIN);
	table_add_text(t, st->kind == STEP_LLM ? cost_text(&st->cost).s : "");
	add_problem(t, st, &l->text);
}

static int print_json(struct listing *l, const struct span *span)
{
	struct json_writer w = { .out = &l->line };
	struct said content;

	if (with_content)
		said_read(l->reader, span, &content);
	span_json(&w, span, with_content ? &content.is : NULL);
	if (with_content)
		said_done(&content);
	json_line(&w, stdout);
	return ferror(stdout) ? -EPIPE : 0;
}

static int on_span(void *ctx, const struct span *span)
{
	struct listing *l = ctx;
	const struct step *st;

	l->n++;
	if (json)
		return print_json(l, span);
	l->text.n = 0;
	if (!id128_is_zero(&span->args_blob))
		store_blob_read(l->reader, &span->args_blob, &l->text); /* or it stays empty */
	st = steps_put(&l->steps, span, buf_slice(&l->text));
	if (st)
		add_row(l, st);
	steps_done(&l->steps);
	return 0;
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
	filter.step = kind < 0 ? 0 : (enum step_kind)(kind + 1);
	filter.errors_only = errors;
	if (in_run && reader_find_run(reader, in_run, &filter.run) < 0)
		return 1;
	l.reader = reader;
	r = store_spans(reader, &filter, on_span, &l);
	buf_done(&l.line);
	buf_done(&l.text);
	screen_init(&screen, stdout);
	table_print(table, &screen);
	if (r >= 0 && l.n == 0 && !json)
		fprintf(stderr, "no such steps in %s\n", path);
	return reader_finish(r);
}

const struct command command_spans = {
	.name = "spans",
	.summary = "list steps over all runs: model calls, tools, programs",
	.usage = "[options]",
	.help = "Lists steps of all runs, newest first (of one run: in order).\n"
		"\n"
		"Examples:\n"
		"  sonde spans --kind llm --model gpt-5 --since today\n"
		"  sonde spans --kind tool --tool Bash --errors\n"
		"  sonde spans --run last --json --content | jq .attributes\n",
	.options = options,
	.run = run,
	.remote = REMOTE_WHOLE,
};
