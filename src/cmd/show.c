/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/chat.h"
#include "cmd/command.h"
#include "cmd/reader.h"
#include "cmd/remote.h"
#include "cmd/view.h"
#include "cmd/views.h"
#include "export/said.h"
#include "export/span_json.h"
#include "export/started.h"

static bool json, conversation, timeline, system_view, raw, all, evidence, with_content;
static const char *db;

static const struct option_spec options[] = {
	{ "conversation", 'c', OPTION_FLAG, &conversation, NULL,
	  "what was said instead of the steps", NULL, NULL },
	{ "timeline", 't', OPTION_FLAG, &timeline, NULL,
	  "a bar for each step, and where the time went", NULL, NULL },
	{ "system", 0, OPTION_FLAG, &system_view, NULL,
	  "commands, files and network, as they really happened", NULL, NULL },
	{ "raw", 0, OPTION_FLAG, &raw, NULL,
	  "the HTTP exchanges, and the new texts in their bodies", NULL, NULL },
	{ "all", 'a', OPTION_FLAG, &all, NULL,
	  "every process, the agent's own files, what the model thought\nand said as steps, "
	  "long texts whole",
	  NULL, NULL },
	{ "evidence", 'e', OPTION_FLAG, &evidence, NULL, "what linked each step to its parent",
	  NULL, NULL },
	{ "json", 'j', OPTION_FLAG, &json, NULL,
	  "the run and its spans, one JSON object each; or what\nthe view that is asked for has",
	  NULL, NULL },
	{ "content", 0, OPTION_FLAG, &with_content, NULL,
	  "with --json: messages, arguments and results as well", NULL, NULL },
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	REMOTE_OPTION,
	{ 0 },
};

struct showing {
	struct store_reader *reader;
	const char *path;
	struct screen screen;
	struct buf line;
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

static void print_retry_of(const struct showing *s, const struct run *run)
{
	_cleanup_(started_done) struct started was = { 0 };
	char id[ID128_HEX_SIZE];

	if (started_read(s->reader, &run->run_id, &was) < 0 || id128_is_zero(&was.retry_of))
		return;
	id128_hex(&was.retry_of, id);
	fprintf(s->screen.f, "  retry   of %.8s\n", id);
}

static int show_tree(struct showing *s, const struct id128 *run)
{
	const struct tree_options o = { .all = all, .evidence = evidence };
	struct steps steps = { 0 };
	int r = steps_load(s->reader, run, all ? LOAD_ALL : LOAD_EVENTS, 0, &steps);

	for (struct kept_run *k = steps.runs; r >= 0 && k; k = k->hh.next) {
		tree_print_head(&s->screen, &k->run);
		print_facts(&s->screen, &k->run);
		print_retry_of(s, &k->run);
		place_print(&s->screen, &k->run);
		assurance_print(&s->screen, &k->run);
		tree_print(&s->screen, &steps, run, &o);
		tree_print_totals(&s->screen, &k->run);
		if (k->run.writable_by_agent)
			printf("  note: %s: the agent could have changed it\n",
			       k->run.uid == 0
				       ? "the command ran as root, whom every store is open to"
				       : "this store belongs to the user whom the command "
					 "ran as");
		printf("  store   %s\n", s->path);
	}
	steps_done(&steps);
	return r;
}

/* --- choosing --- */

static int show_chat(struct showing *s, const struct id128 *run)
{
	return chat_print(s->reader, run, &(struct chat_options){ json, all }, &s->screen);
}

static int show_plain(struct showing *s, const struct id128 *run)
{
	return json ? show_json(s, run) : show_tree(s, run);
}

static int show_run(struct showing *s, const struct id128 *run)
{
	const struct views_options o = { .json = json, .all = all };

	if (conversation)
		return show_chat(s, run);
	if (timeline)
		return timeline_print(s->reader, run, &o, &s->screen);
	if (system_view)
		return system_print(s->reader, run, &o, &s->screen);
	if (raw)
		return raw_print(s->reader, run, &o, &s->screen);
	return show_plain(s, run);
}

struct run_list {
	struct id128 *ids;
	size_t n, cap;
};

static int list_run(void *ctx, const struct run *run)
{
	struct run_list *l = ctx;

	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct id128 *ids = reallocarray(l->ids, cap, sizeof(*ids));

		if (!ids)
			return -ENOMEM;
		l->ids = ids;
		l->cap = cap;
	}
	l->ids[l->n++] = run->run_id;
	return 0;
}

/* All runs of a session, the first one first. */
static int show_session(struct showing *s, const struct id128 *session)
{
	const struct store_filter filter = { .session = *session };
	struct run_list l = { 0 };
	int r = store_runs(s->reader, &filter, list_run, &l);

	for (size_t i = l.n; r >= 0 && i-- > 0;) {
		r = show_run(s, &l.ids[i]);
		if (i && !json)
			putchar('\n');
	}
	free(l.ids);
	return r;
}

static int run(int argc, char **argv)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	_cleanup_(freep) char *path = NULL;
	const char *ref = argc ? argv[0] : "last";
	struct showing s = { 0 };
	struct id128 id;
	int r;

	if (conversation + timeline + system_view + raw > 1) {
		log_err("show: one view at a time");
		return EXIT_USAGE;
	}
	if (reader_open(db, &reader, &path) < 0)
		return 1;
	s.reader = reader;
	s.path = path;
	screen_init(&s.screen, stdout);
	if (store_run_find(reader, ref, &id) == -ENOENT &&
	    store_session_find(reader, ref, &id) == 0)
		r = show_session(&s, &id);
	else if (reader_find_run(reader, ref, &id) < 0)
		return 1;
	else
		r = show_run(&s, &id);
	buf_done(&s.line);
	return reader_finish(r);
}

const struct command command_show = {
	.name = "show",
	.summary = "show a run: its steps, what was said, where the time went",
	.usage = "[options] [RUN|SESSION]",
	.help = "Shows one run, the newest where none is named; or all runs of a session.\n"
		"\n"
		"The tree has model calls (tokens in, of them cached, tokens out, cost), tool "
		"calls\n"
		"with the processes that carried them out, and on each step what was lost or "
		"failed.\n"
		"A '~' before a figure marks an estimate, or what a subscription covers.\n"
		"\n"
		"Instead of it:\n"
		"  --conversation  what was said, each message once\n"
		"  --timeline      a bar for each step; below, where the time went: each moment "
		"counts\n"
		"                  once, as the model's where one answers, else as a tool's, else "
		"as\n"
		"                  waiting where a tool was asked for and has not begun or the "
		"user "
		"is\n"
		"                  to act, else as idle\n"
		"  --system        commands with their exit status, what became of files, who was\n"
		"                  spoken to; flagged where no tool call explains it\n"
		"  --raw           HTTP around the model calls; of bodies what is kept: messages,\n"
		"                  each where it first came\n"
		"\n"
		"Examples:\n"
		"  sonde show\n"
		"  sonde show 3f2a9c1e --conversation\n"
		"  sonde show 3f2a9c1e --timeline\n"
		"  sonde show last --json | jq 'select(.attributes.\"error.type\")'\n",
	.options = options,
	.run = run,
	.remote = REMOTE_WHOLE,
	.max_operands = 1,
};
