/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/top.h"

#include <errno.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/command.h"
#include "cmd/reader.h"
#include "cmd/remote.h"
#include "cmd/table.h"
#include "cmd/view.h"
#include "export/span_json.h"

static bool once, json, per_agent;
static const char *db;
static uint64_t since, interval = 1;
static int sort = TOP_BY_COST;
static const char *const sorts[] = {
	"cost", "rate", "calls", "start", "agent", NULL
}; /* enum top_sort */

static const struct option_spec options[] = {
	{ "once", '1', OPTION_FLAG, &once, NULL, "print one table and end", NULL, NULL },
	{ "json", 'j', OPTION_FLAG, &json, NULL, "one JSON object per row, once", NULL, NULL },
	{ "agents", 'a', OPTION_FLAG, &per_agent, NULL, "a row per agent instead of per run", NULL,
	  NULL },
	{ "sort", 's', OPTION_CHOICE, &sort, "ORDER", "of the rows", sorts, NULL },
	{ "since", 0, OPTION_TIME, &since, "TIME",
	  "also runs that ended since then; else of the last hour", NULL, NULL },
	{ "interval", 'i', OPTION_COUNT, &interval, "SECONDS", "between two looks at the store",
	  NULL, NULL },
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	REMOTE_OPTION,
	{ 0 },
};

static uint64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int refresh_rows(struct top *t, struct store_reader *r)
{
	t->now_ns = wall_ns();
	t->since_ns = since ? since : t->now_ns - 3600 * 1000000000ull;
	return top_read(t, r);
}

/* --- the columns, the same on paper and on the screen --- */

#define COLUMNS_NR 11
#define CELL	   96

static const struct {
	const char *title;
	int width; /* on the screen; 0: the rest */
	bool right;
} columns[COLUMNS_NR] = {
	{ "PID", 8, false },	{ "AGENT", 14, false }, { "STATE", 10, false },
	{ "MODEL", 20, false }, { "CALLS", 6, true },	{ "TOOLS", 6, true },
	{ "TOKENS", 8, true },	{ "TOK/S", 7, true },	{ "COST", 9, true },
	{ "TIME", 8, true },	{ "TASK", 0, false },
};

static void cell(const struct top *t, const struct top_row *r, size_t column, char ret[CELL])
{
	const uint64_t end = r->end_ns ? r->end_ns : t->now_ns;
	const char *state =
		r->state == TOP_ENDED ? run_status_name(r->status) : top_state_names[r->state];

	*ret = 0;
	switch (column) {
	case 0:
		if (t->per_agent)
			snprintf(ret, CELL, "%s runs", format_count(r->runs).s);
		else if (r->pid)
			snprintf(ret, CELL, "%u", r->pid);
		break;
	case 1:
		snprintf(ret, CELL, "%s", r->agent);
		break;
	case 2:
		snprintf(ret, CELL, "%s", state);
		break;
	case 3:
		snprintf(ret, CELL, "%s", *r->doing ? r->doing : r->model);
		break;
	case 4:
		snprintf(ret, CELL, "%s", format_count(r->calls).s);
		break;
	case 5:
		snprintf(ret, CELL, "%s", format_count(r->tools).s);
		break;
	case 6:
		snprintf(ret, CELL, "%s", format_count(r->tokens).s);
		break;
	case 7:
		snprintf(ret, CELL, "%.1f", r->tokens_per_s);
		break;
	case 8:
		snprintf(ret, CELL, "%s",
			 r->calls && r->unpriced >= r->calls
				 ? "unpriced"
				 : format_costs(r->cost_pico_usd, r->equivalent_pico_usd).s);
		break;
	case 9:
		snprintf(ret, CELL, "%s", format_duration(end - r->start_ns).s);
		break;
	default:
		break;
	}
}

struct totals {
	int64_t running, calls, cost_pico_usd, equivalent_pico_usd;
	double tokens_per_s;
};

static struct totals totals(const struct top *t)
{
	struct totals sum = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		sum.running += t->rows[i].state < TOP_GONE;
		sum.calls += t->rows[i].calls;
		sum.cost_pico_usd += t->rows[i].cost_pico_usd;
		sum.equivalent_pico_usd += t->rows[i].equivalent_pico_usd;
		sum.tokens_per_s += t->rows[i].tokens_per_s;
	}
	return sum;
}

/* --- once --- */

static int print_table(const struct top *t)
{
	struct table_column paper[COLUMNS_NR + 1] = { 0 };
	_cleanup_(table_freep) struct table *table = NULL;
	const struct totals sum = totals(t);
	struct screen s;

	for (size_t i = 0; i < COLUMNS_NR; i++)
		paper[i] = (struct table_column){ columns[i].title, columns[i].right,
						  columns[i].width == 0 };
	table = table_new(paper);
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++) {
		char text[CELL];

		for (size_t c = 0; c + 1 < COLUMNS_NR; c++) {
			cell(t, &t->rows[i], c, text);
			table_add_text(table, text);
		}
		table_add_text(table, t->per_agent ? "" : t->rows[i].task);
	}
	screen_init(&s, stdout);
	printf("%lld running, %s calls, %.1f tokens/s, %s\n", (long long)sum.running,
	       format_count(sum.calls).s, sum.tokens_per_s,
	       format_costs(sum.cost_pico_usd, sum.equivalent_pico_usd).s);
	table_print(table, &s);
	return 0;
}

static void put_str(struct json_writer *w, const char *key, const char *text)
{
	if (!*text)
		return;
	json_key(w, key);
	json_put_str(w, slice_of(text));
}

static void put_int(struct json_writer *w, const char *key, int64_t v)
{
	json_key(w, key);
	json_put_int(w, v);
}

static void print_row_json(const struct top *t, const struct top_row *r, struct buf *line)
{
	struct json_writer w = { .out = line };
	char run[ID128_HEX_SIZE];

	id128_hex(&r->run, run);
	json_begin(&w, '{');
	put_str(&w, "agent", r->agent);
	if (!t->per_agent) {
		put_str(&w, "run_id", run);
		put_int(&w, "pid", r->pid);
		put_str(&w, "user", r->user);
		put_str(&w, "task", r->task);
		put_str(&w, "status", run_status_name(r->status));
	} else {
		put_int(&w, "runs", r->runs);
	}
	put_str(&w, "state", top_state_names[r->state]);
	put_str(&w, "doing", r->doing);
	put_str(&w, "models", r->model);
	put_int(&w, "llm_calls", r->calls);
	put_int(&w, "tool_calls", r->tools);
	put_int(&w, "tokens", r->tokens);
	json_key(&w, "output_tokens_per_s");
	json_put_double(&w, r->tokens_per_s);
	if (!r->calls || r->unpriced < r->calls) {
		json_key(&w, "cost_usd");
		json_put_raw(&w, slice_of(format_usd(r->cost_pico_usd).s));
	}
	if (r->equivalent_pico_usd) {
		json_key(&w, "equivalent_usd");
		json_put_raw(&w, slice_of(format_usd(r->equivalent_pico_usd).s));
	}
	json_end(&w, '}');
	json_line(&w, stdout);
}

static int print_json(const struct top *t)
{
	_cleanup_(buf_done) struct buf line = { 0 };

	for (size_t i = 0; i < t->n; i++)
		print_row_json(t, &t->rows[i], &line);
	return 0;
}

/* --- the screen --- */

static void draw_cell(int y, int x, int width, bool right, const char *text)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	size_t n = text_clean(&b, slice_of(text), (size_t)width);
	int blank = width - (int)n;

	if (b.n)
		mvaddnstr(y, right && blank > 0 ? x + blank : x, b.p, (int)b.n);
}

static void draw_row(const struct top *t, const struct top_row *r, int y)
{
	int x = 0;

	for (size_t c = 0; c < COLUMNS_NR && x < COLS; c++) {
		const int width = columns[c].width ? columns[c].width : COLS - x;
		char text[CELL];

		if (r && c + 1 < COLUMNS_NR)
			cell(t, r, c, text);
		draw_cell(y, x, width < COLS - x ? width : COLS - x, columns[c].right,
			  !r		       ? columns[c].title
			  : c + 1 < COLUMNS_NR ? text
			  : t->per_agent       ? ""
					       : r->task);
		x += width + 1;
	}
}

static void draw(const struct top *t, const char *path)
{
	const struct totals sum = totals(t);
	char line[256];

	erase();
	snprintf(line, sizeof(line), "sonde  %s  %lld running, %s calls, %.1f tokens/s, %s  %s",
		 format_clock(t->now_ns).s, (long long)sum.running, format_count(sum.calls).s,
		 sum.tokens_per_s, format_costs(sum.cost_pico_usd, sum.equivalent_pico_usd).s,
		 path);
	draw_cell(0, 0, COLS, false, line);
	attron(A_REVERSE);
	mvhline(2, 0, ' ', COLS);
	draw_row(t, NULL, 2);
	attroff(A_REVERSE);
	for (size_t i = 0; i < t->n && (int)i + 4 < LINES; i++) {
		const struct top_row *r = &t->rows[i];
		const attr_t style = r->state < TOP_IDLE ? A_BOLD : r->state > TOP_IDLE ? A_DIM : 0;

		attron(style);
		draw_row(t, r, (int)i + 3);
		attroff(style);
	}
	snprintf(line, sizeof(line),
		 "q quit  sort by: c cost  t tokens/s  k calls  s start  n agent  r reverse  a %s",
		 t->per_agent ? "runs" : "agents");
	attron(A_DIM);
	draw_cell(LINES - 1, 0, COLS - 1, false, line);
	attroff(A_DIM);
	refresh();
}

/* False where the user wants to leave. */
static bool take_key(struct top *t, int key)
{
	static const struct {
		int key;
		enum top_sort sort;
	} keys[] = { { 'c', TOP_BY_COST },
		     { 't', TOP_BY_RATE },
		     { 'k', TOP_BY_CALLS },
		     { 's', TOP_BY_START },
		     { 'n', TOP_BY_AGENT } };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (key == keys[i].key)
			t->sort = keys[i].sort;
	if (key == 'r')
		t->ascending = !t->ascending;
	if (key == 'a')
		t->per_agent = !t->per_agent;
	return key != 'q' && key != 'Q' && key != 27;
}

static int watch(struct top *t, struct store_reader *reader, const char *path)
{
	SCREEN *screen = newterm(NULL, stdout, stdin);
	int r = 0, key;

	if (!screen) {
		log_err("this terminal cannot show it; 'sonde top --once' prints it");
		return -ENOTTY;
	}
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	timeout((int)(interval < 3600 ? interval : 3600) * 1000);
	do {
		r = refresh_rows(t, reader);
		if (r < 0)
			break;
		draw(t, path);
		key = getch(); /* ERR: the time is over; also KEY_RESIZE */
	} while (take_key(t, key));
	endwin();
	delscreen(screen);
	return r;
}

static int run(int argc, char **argv)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	_cleanup_(freep) char *path = NULL;
	_cleanup_(freep) struct top_row *rows = calloc(TOP_ROWS_MAX, sizeof(*rows));
	struct top t = { .rows = rows, .per_agent = per_agent, .sort = (enum top_sort)sort };
	int r;

	(void)argc, (void)argv;
	if (!rows || reader_open(db, &reader, &path) < 0)
		return 1;
	if (interval == 0)
		interval = 1;
	if (!once && !json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
		r = watch(&t, reader, path);
		return r == -ENOTTY ? 1 : reader_finish(r);
	}
	r = refresh_rows(&t, reader);
	if (r >= 0)
		r = json ? print_json(&t) : print_table(&t);
	return reader_finish(r);
}

const struct command command_top = {
	.name = "top",
	.summary = "what runs now: state, calls, tokens per second, cost",
	.usage = "[options]",
	.help = "Shows running runs, and those that ended within the hour, once a second from the\n"
		"store. Tokens per second are output tokens over the last 30 seconds.\n"
		"\n"
		"States: thinking (a request is sent), streaming (its answer comes), tool (a tool\n"
		"call is open), idle, gone (the process ended and sonde was not there to see it).\n"
		"\n"
		"Keys: q quit; sort by c cost, t tokens/s, k calls, s start, n agent; r reverse;\n"
		"a a row per agent. Where the output is no terminal, one table is printed.\n",
	.options = options,
	.run = run,
	.remote = REMOTE_ROWS,
};
