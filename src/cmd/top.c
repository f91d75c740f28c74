/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/top.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "cmd/command.h"
#include "cmd/reader.h"
#include "cmd/remote.h"
#include "cmd/table.h"
#include "cmd/view.h"
#include "export/span_json.h"

static bool once, json, per_agent, stream;
static const char *db, *words;
static uint64_t since, interval = 1;
static int sort = TOP_BY_COST, by = TOP_RUN;

static const struct option_spec options[] = {
	{ "once", '1', OPTION_FLAG, &once, NULL, "print one table and end", NULL, NULL },
	{ "json", 'j', OPTION_FLAG, &json, NULL, "one JSON object per row, once", NULL, NULL },
	{ "stream", 0, OPTION_FLAG, &stream, NULL,
	  "with --json: again and again; rows of one look have the\nsame time_unix_nano", NULL,
	  NULL },
	{ "by", 'b', OPTION_CHOICE, &by, "WHAT", "what a row stands for", top_group_names, NULL },
	{ "agents", 'a', OPTION_FLAG, &per_agent, NULL, "the same as --by agent", NULL, NULL },
	{ "sort", 's', OPTION_CHOICE, &sort, "ORDER", "of the rows", top_sort_names, NULL },
	{ "filter", 'f', OPTION_STRING, &words, "TEXT", "only rows with this in them", NULL, NULL },
	{ "since", 0, OPTION_TIME, &since, "TIME",
	  "also runs that ended since then; else of the last hour", NULL, NULL },
	{ "interval", 'i', OPTION_COUNT, &interval, "SECONDS", "between two looks", NULL, NULL },
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	REMOTE_OPTION,
	{ 0 },
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static void set_time(struct top *t)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	t->now_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	t->since_ns = since ? since : t->now_ns - 3600 * 1000000000ull;
}

/* --- rows of a store --- */

static int read_store(void *ctx, struct top *t)
{
	set_time(t);
	return top_read(t, ctx);
}

static int show_stored(void *ctx, const struct id128 *run, int columns, struct buf *ret)
{
	const struct tree_options o = { 0 };
	struct steps steps = { 0 };
	struct screen s;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int r = f ? steps_load(ctx, run, LOAD_EVENTS, 0, &steps) : -ENOMEM;

	if (f) {
		screen_init(&s, f);
		s.width = columns;
		for (struct kept_run *k = steps.runs; r >= 0 && k; k = k->hh.next) {
			tree_print_head(&s, &k->run);
			tree_print(&s, &steps, run, &o);
			tree_print_totals(&s, &k->run);
		}
		fclose(f);
	}
	if (r >= 0)
		r = buf_add(ret, (struct slice){ text, n }, 64u << 20);
	free(text);
	steps_done(&steps);
	return r;
}

/* --- rows of the daemon --- */

static int read_daemon(void *ctx, struct top *t)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	const char *argv[] = { "top", "--json", NULL, NULL };
	struct slice rest, line;
	char from[40];
	time_t at;
	int r;

	(void)ctx;
	set_time(t);
	at = (time_t)(t->since_ns / 1000000000u);
	strftime(from, sizeof(from), "--since=%Y-%m-%dT%H:%M:%SZ", gmtime(&at));
	argv[2] = from;
	r = remote_capture(argv, 0, &text);
	if (r != 0)
		return r < 0 ? r : -EIO;
	t->n = 0;
	rest = buf_slice(&text);
	while (t->n < TOP_ROWS_MAX && slice_cut(rest, '\n', &line, &rest))
		t->n += top_row_parse(line, &t->rows[t->n]);
	return 0;
}

static int show_daemons(void *ctx, const struct id128 *run, int columns, struct buf *ret)
{
	char hex[ID128_HEX_SIZE];
	const char *argv[] = { "show", hex, NULL };
	int r;

	(void)ctx;
	id128_hex(run, hex);
	r = remote_capture(argv, columns, ret);
	return r > 0 ? 0 : r;
}

/* --- once --- */

static int print_table(const struct top *t)
{
	struct table_column paper[TOP_COLUMNS + 1] = { 0 };
	_cleanup_(table_freep) struct table *table = NULL;
	char totals[128];
	struct screen s;

	for (size_t i = 0; i < TOP_COLUMNS; i++)
		paper[i] = (struct table_column){ top_title(t, i), top_columns[i].right,
						  top_columns[i].width == 0 };
	table = table_new(paper);
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++)
		for (size_t c = 0; c < TOP_COLUMNS; c++) {
			char text[TOP_CELL];

			top_cell(t, &t->rows[i], c, text);
			table_add_text(table, text);
		}
	screen_init(&s, stdout);
	top_totals(t, totals, sizeof(totals));
	printf("%s\n", totals);
	table_print(table, &s);
	return 0;
}

static int print_json(const struct top *t)
{
	_cleanup_(buf_done) struct buf line = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		struct json_writer w = { .out = &line };

		top_row_put(&w, t, &t->rows[i], stream ? t->now_ns : 0);
		json_line(&w, stdout);
	}
	fflush(stdout);
	return ferror(stdout) ? -EPIPE : 0;
}

static int print_once(struct top *t, const struct top_source *s)
{
	int r = s->read(s->ctx, t);

	if (r < 0)
		return r;
	top_arrange(t);
	return json ? print_json(t) : print_table(t);
}

static int print_stream(struct top *t, const struct top_source *s)
{
	const struct timespec pause = { .tv_sec = (time_t)interval };
	int r;

	do
		r = print_once(t, s);
	while (r >= 0 && !stopped && nanosleep(&pause, NULL) == 0);
	return r;
}

/* --- the command --- */

static int open_source(struct top_source *ret, struct store_reader **reader, char **path)
{
	if (remote_wanted(&command_top)) {
		*ret = (struct top_source){ remote_socket(), read_daemon, show_daemons, NULL };
		return 0;
	}
	if (reader_open(db, reader, path) < 0)
		return -1;
	*ret = (struct top_source){ *path, read_store, show_stored, *reader };
	return 0;
}

static int finish(const struct top_source *s, int r)
{
	if (r >= 0 || r == -EPIPE || s->read != read_daemon)
		return reader_finish(r);
	remote_failed(r);
	return 1;
}

static int run(int argc, char **argv)
{
	static const struct sigaction stop = { .sa_handler = on_signal };
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	_cleanup_(freep) char *path = NULL;
	_cleanup_(freep) struct top_row *rows = calloc(TOP_ROWS_MAX, sizeof(*rows));
	struct top t = { .rows = rows,
			 .by = per_agent ? TOP_AGENT : (enum top_group)by,
			 .sort = (enum top_sort)sort };
	struct top_source source;
	int r;

	(void)argc, (void)argv;
	if (!rows || open_source(&source, &reader, &path) < 0)
		return 1;
	snprintf(t.filter, sizeof(t.filter), "%s", words ? words : "");
	interval = interval < 1 ? 1 : interval > 3600 ? 3600 : interval;
	if (json && stream) {
		sigaction(SIGINT, &stop, NULL);
		sigaction(SIGTERM, &stop, NULL);
		return finish(&source, print_stream(&t, &source));
	}
	if (!once && !json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
		r = top_watch(&t, &source, (unsigned)interval);
		return r == -ENOTTY ? 1 : finish(&source, r);
	}
	return finish(&source, print_once(&t, &source));
}

const struct command command_top = {
	.name = "top",
	.summary = "what runs now: state, calls, tokens per second, cost",
	.usage = "[options]",
	.help = "Shows running runs, and those that ended within the hour, once a second: of the "
		"store,\n"
		"or of the daemon, which shows everybody their own. Tokens per second are output "
		"tokens\n"
		"over the last 30 seconds.\n"
		"\n"
		"States: thinking (a request is sent), streaming (its answer comes), tool (a tool\n"
		"call is open), idle, gone (the process ended and sonde was not there to see it).\n"
		"\n"
		"Keys: up, down, Enter: the runs of a row, or the steps of a run; Escape back; / "
		"filter;\n"
		"b by process, agent, user, container, pod; sort by c cost, t tokens/s, o tokens,\n"
		"k calls, l tools, s start, n agent; r reverse; q quit. Where the output is no\n"
		"terminal, one table is printed.\n"
		"\n"
		"Examples:\n"
		"  sonde top --by user\n"
		"  sonde top --json --stream --interval 10 --by agent\n",
	.options = options,
	.run = run,
	.remote = REMOTE_ROWS,
};
