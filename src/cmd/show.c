/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/chat.h"
#include "cmd/command.h"
#include "cmd/reader.h"
#include "cmd/said.h"
#include "cmd/span_json.h"
#include "cmd/view.h"

static bool json, conversation, raw, all, evidence, with_content;
static const char *db;

static const struct option_spec options[] = {
	{ "conversation", 'c', OPTION_FLAG, &conversation, NULL,
	  "what was said instead of the steps", NULL, NULL },
	{ "raw", 0, OPTION_FLAG, &raw, NULL, "the HTTP exchanges of the model calls", NULL, NULL },
	{ "all", 'a', OPTION_FLAG, &all, NULL, "every process, and long texts whole", NULL, NULL },
	{ "evidence", 'e', OPTION_FLAG, &evidence, NULL, "what linked each step to its parent",
	  NULL, NULL },
	{ "json", 'j', OPTION_FLAG, &json, NULL,
	  "the run and its spans, one JSON object each; with\n--conversation the messages", NULL,
	  NULL },
	{ "content", 0, OPTION_FLAG, &with_content, NULL,
	  "with --json: messages, arguments and results as well", NULL, NULL },
	{ "db", 0, OPTION_STRING, &db, "FILE", "the store", NULL, NULL },
	{ 0 },
};

struct showing {
	struct store_reader *reader;
	const char *path;
	struct screen screen;
	struct buf line;
	size_t n;
};

/* --- JSON --- */

static int print_run_json(void *ctx, const struct run *run)
{
	struct showing *s = ctx;
	struct json_writer w = { .out = &s->line };

	run_json(&w, run, s->path);
	json_line(&w, stdout);
	return 0;
}

static int print_span_json(void *ctx, const struct span *span)
{
	struct showing *s = ctx;
	struct json_writer w = { .out = &s->line };
	struct said content = { 0 };

	if (with_content)
		said_read(s->reader, span, &content);
	span_json(&w, span, with_content ? &content.is : NULL);
	said_done(&content);
	json_line(&w, stdout);
	return ferror(stdout) ? -EPIPE : 0;
}

static int show_json(struct showing *s, const struct id128 *run)
{
	const struct store_filter filter = { .run = *run };
	int r = store_runs(s->reader, &filter, print_run_json, s);

	return r < 0 ? r : store_spans(s->reader, &filter, print_span_json, s);
}

/* --- HTTP exchanges --- */

static int print_raw(void *ctx, const struct span *span)
{
	struct showing *s = ctx;
	_cleanup_(buf_done) struct buf text = { 0 }, shown = { 0 };

	if (id128_is_zero(&span->raw_blob) ||
	    store_blob_read(s->reader, &span->raw_blob, &text) < 0)
		return 0;
	text_clean(&shown, span->name, 100);
	fprintf(stdout, "%s--- %s  %.*s%s\n", screen_style(&s->screen, STYLE_BOLD),
		format_time(span->start_ns).s, SLICE_ARG(buf_slice(&shown)),
		screen_style(&s->screen, STYLE_PLAIN));
	shown.n = 0;
	text_block(&shown, buf_slice(&text), "");
	fprintf(stdout, "%.*s\n\n", SLICE_ARG(buf_slice(&shown)));
	s->n++;
	return ferror(stdout) ? -EPIPE : 0;
}

static int show_raw(struct showing *s, const struct id128 *run)
{
	const struct store_filter filter = { .run = *run };
	int r = store_spans(s->reader, &filter, print_raw, s);

	if (r >= 0 && s->n == 0)
		printf("no exchange was kept\n");
	return r;
}

/* --- the tree --- */

static void add_trigger(struct buf *b, const struct run *run)
{
	text_clean(b, run->trigger, 0);
	if (run->trigger_name.n == 0)
		return;
	buf_add(b, SLICE(": "), SIZE_MAX);
	text_clean(b, run->trigger_name, 0);
}

/* What the other lines say already is not said again. */
static struct slice unless_said(struct slice s, struct slice by)
{
	return !slice_eq(s, by) ? s : (struct slice){ 0 };
}

static void print_facts(const struct screen *s, const struct run *run)
{
	_cleanup_(buf_done) struct buf trigger = { 0 };
	const struct {
		const char *title;
		struct slice text;
	} facts[] = { { "where", run->cwd },
		      { "project", unless_said(run->project, run->cwd) },
		      { "user", run->user },
		      { "host", run->host },
		      { "trigger", (add_trigger(&trigger, run), buf_slice(&trigger)) },
		      { "part of", unless_said(run->workflow, run->trigger_name) } };

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		_cleanup_(buf_done) struct buf b = { 0 };

		if (facts[i].text.n == 0)
			continue;
		text_clean(&b, facts[i].text, 0);
		fprintf(s->f, "  %-7s %.*s\n", facts[i].title, SLICE_ARG(buf_slice(&b)));
	}
}

static int show_tree(struct showing *s, const struct id128 *run)
{
	const struct tree_options o = { .all = all, .evidence = evidence };
	struct steps steps = { 0 };
	int r = reader_load(s->reader, run, &steps);

	for (struct kept_run *k = steps.runs; r >= 0 && k; k = k->hh.next) {
		tree_print_head(&s->screen, &k->run);
		print_facts(&s->screen, &k->run);
		assurance_print(&s->screen, &k->run);
		tree_print(&s->screen, &steps, run, &o);
		tree_print_totals(&s->screen, &k->run);
		if (k->run.writable_by_agent)
			printf("  note: this store belongs to the user whom the command ran as: "
			       "the "
			       "agent could have changed it\n");
		printf("  store   %s\n", s->path);
	}
	steps_done(&steps);
	return r;
}

static int run(int argc, char **argv)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	_cleanup_(freep) char *path = NULL;
	struct showing s = { 0 };
	struct id128 id;
	int r;

	if (reader_open(db, &reader, &path) < 0 ||
	    reader_find_run(reader, argc ? argv[0] : "last", &id) < 0)
		return 1;
	s.reader = reader;
	s.path = path;
	screen_init(&s.screen, stdout);
	if (conversation)
		r = chat_print(reader, &id, &(struct chat_options){ json, all }, &s.screen);
	else if (raw)
		r = show_raw(&s, &id);
	else
		r = json ? show_json(&s, &id) : show_tree(&s, &id);
	buf_done(&s.line);
	return reader_finish(r);
}

const struct command command_show = {
	.name = "show",
	.summary = "show a run: its steps, or what was said",
	.usage = "[options] [RUN]",
	.help = "Shows one run, the newest where none is named.\n"
		"\n"
		"The tree has model calls (tokens in, of them cached, tokens out, cost), tool "
		"calls\n"
		"with the processes that carried them out, and on each step what was lost or "
		"failed.\n"
		"A '~' before a figure marks an estimate, or what a subscription covers.\n"
		"\n"
		"Examples:\n"
		"  sonde show\n"
		"  sonde show 3f2a9c1e --conversation\n"
		"  sonde show last --json | jq 'select(.attributes.\"error.type\")'\n",
	.options = options,
	.run = run,
	.max_operands = 1,
};
