/* SPDX-License-Identifier: BSD-2-Clause */
/* The terminal of `sonde top`: a list of rows, and one run to look at. */
#include <errno.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/util.h"
#include "cmd/screen.h"
#include "cmd/top.h"
#include "cmd/view.h"

#define HEAD_LINES 3 /* above the first row */
#define ESCAPE	   27

struct view {
	struct top *t;
	const struct top_source *source;
	struct top_row *rows; /* as they were read, before they were arranged */
	size_t n;
	uint64_t read_ms, every_ms; /* when; 0: never */
	int trouble;		    /* why they could not be read again; what was read stays */
	struct top_row at;	    /* the row that is chosen, by what it stands for */
	size_t line, first;
	bool open; /* the chosen run is looked at */
	bool typing;
	size_t page; /* first line of that */
	struct buf text;
};

static void draw_text(int y, int x, int width, bool right, struct slice text)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	size_t n;
	int blank;

	if (width <= 0)
		return;
	n = text_clean(&b, text, (size_t)width);
	blank = width - (int)n;
	if (b.n)
		mvaddnstr(y, right && blank > 0 ? x + blank : x, b.p, (int)b.n);
}

static void draw_bar(int y, const char *text)
{
	attron(A_DIM);
	draw_text(y, 0, COLS - 1, false, slice_of(text));
	attroff(A_DIM);
}

/* --- the list --- */

static void draw_row(const struct top *t, const struct top_row *r, int y)
{
	int x = 0;

	for (size_t c = 0; c < TOP_COLUMNS && x < COLS; c++) {
		const int width = top_columns[c].width ? top_columns[c].width : COLS - x;
		char text[TOP_CELL];

		if (r)
			top_cell(t, r, c, text);
		else
			snprintf(text, sizeof(text), "%s", top_title(t, c));
		draw_text(y, x, width < COLS - x ? width : COLS - x, top_columns[c].right,
			  slice_of(text));
		x += width + 1;
	}
}

static void draw_head(const struct view *v)
{
	const struct top *t = v->t;
	char totals[128], line[512];

	top_totals(t, totals, sizeof(totals));
	snprintf(line, sizeof(line), "sonde  %s  %s  by %s%s%s%s%s%s  %s",
		 format_clock(t->now_ns).s, totals, top_group_names[t->by], t->within ? " of " : "",
		 t->within ? t->within_key : "", *t->filter ? "  filter '" : "", t->filter,
		 *t->filter ? "'" : "", v->source->name);
	draw_text(0, 0, COLS, false, slice_of(line));
	attron(A_REVERSE);
	mvhline(HEAD_LINES - 1, 0, ' ', COLS);
	draw_row(t, NULL, HEAD_LINES - 1);
	attroff(A_REVERSE);
}

static int room(void)
{
	return LINES > HEAD_LINES + 1 ? LINES - HEAD_LINES - 1 : 0;
}

/* The chosen row stays chosen where it moves to; one that has gone gives its place to the next. */
static void find_chosen(struct view *v)
{
	const struct top *t = v->t;

	for (size_t i = 0; i < t->n; i++)
		if (id128_eq(&t->rows[i].run, &v->at.run) &&
		    (t->by == TOP_RUN || strcmp(t->rows[i].key, v->at.key) == 0))
			v->line = i;
	if (t->n == 0)
		v->line = 0;
	else if (v->line >= t->n)
		v->line = t->n - 1;
	if (v->line < v->first)
		v->first = v->line;
	if (room() && v->line >= v->first + (size_t)room())
		v->first = v->line - (size_t)room() + 1;
}

static void draw_list(struct view *v)
{
	const struct top *t = v->t;
	char keys[160];

	find_chosen(v);
	draw_head(v);
	for (int i = 0; i < room() && v->first + (size_t)i < t->n; i++) {
		const struct top_row *r = &t->rows[v->first + (size_t)i];
		const attr_t style = (r->state < TOP_IDLE   ? A_BOLD
				      : r->state > TOP_IDLE ? A_DIM
							    : 0) |
				     (v->first + (size_t)i == v->line ? A_REVERSE : 0);

		attron(style);
		mvhline(HEAD_LINES + i, 0, ' ', COLS);
		draw_row(t, r, HEAD_LINES + i);
		attroff(style);
	}
	if (v->typing)
		snprintf(keys, sizeof(keys), "filter: %s_   Enter keeps it, Escape clears it",
			 t->filter);
	else
		snprintf(keys, sizeof(keys),
			 "q quit  Enter open  / filter  b by  sort: c cost  "
			 "t tok/s  o tokens  k calls  l tools  s start  n agent"
			 "  r reverse");
	draw_bar(LINES - 1, keys);
}

/* --- one run --- */

static void draw_run(struct view *v)
{
	struct slice rest = buf_slice(&v->text), line;
	size_t n = 0, lines = 0;

	for (size_t i = 0; i < v->text.n; i++)
		lines += v->text.p[i] == '\n';
	if (v->page >= lines)
		v->page = lines ? lines - 1 : 0;
	while (slice_cut(rest, '\n', &line, &rest)) {
		if (n >= v->page && n - v->page < (size_t)(LINES - 1))
			draw_text((int)(n - v->page), 0, COLS, false, line);
		n++;
	}
	draw_bar(LINES - 1, "q or Escape back  up, down, PgUp, PgDn");
}

static int look(struct view *v)
{
	struct buf text = { 0 };
	const int r = v->source->show(v->source->ctx, &v->at.run, COLS, &text);

	if (r < 0) {
		buf_done(&text);
		return r == -ENOENT ? 0 : r;
	}
	buf_done(&v->text);
	v->text = text;
	return 0;
}

/* --- keys --- */

static void move_to(struct view *v, long by)
{
	const struct top *t = v->t;
	const long line = (long)v->line + by;

	if (t->n == 0)
		return;
	v->line = line < 0 ? 0 : line >= (long)t->n ? t->n - 1 : (size_t)line;
	v->at = t->rows[v->line];
}

static void turn_page(struct view *v, long by)
{
	const long page = (long)v->page + by;

	v->page = page < 0 ? 0 : (size_t)page;
}

/* A group opens into its runs, a run into its steps. */
static void open_row(struct view *v)
{
	struct top *t = v->t;

	if (v->line >= t->n)
		return;
	v->at = t->rows[v->line];
	if (t->by == TOP_RUN) {
		v->open = true;
		v->page = 0;
		return;
	}
	t->within = t->by;
	memcpy(t->within_key, v->at.key, sizeof(t->within_key));
	t->by = TOP_RUN;
	v->line = v->first = 0;
}

/* Back to where one came from; false: to the shell. */
static bool go_back(struct view *v, bool leave)
{
	struct top *t = v->t;

	if (v->open) {
		v->open = false;
	} else if (t->within) {
		t->by = t->within;
		t->within = TOP_RUN;
	} else if (*t->filter && !leave) {
		*t->filter = 0;
	} else {
		return !leave;
	}
	return true;
}

static void take_letter(struct view *v, int key)
{
	char *filter = v->t->filter;
	const size_t n = strlen(filter);

	if (key == '\n' || key == KEY_ENTER || key == '\r') {
		v->typing = false;
	} else if (key == ESCAPE) {
		v->typing = false;
		*filter = 0;
	} else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && n) {
		filter[n - 1] = 0;
	} else if (key >= ' ' && key < 127 && n + 1 < sizeof(v->t->filter)) {
		filter[n] = (char)key;
		filter[n + 1] = 0;
	}
}

static void choose(struct view *v, int key)
{
	static const struct {
		int key;
		enum top_sort sort;
	} sorts[] = { { 'c', TOP_BY_COST },  { 't', TOP_BY_RATE },  { 'k', TOP_BY_CALLS },
		      { 's', TOP_BY_START }, { 'n', TOP_BY_AGENT }, { 'o', TOP_BY_TOKENS },
		      { 'l', TOP_BY_TOOLS } };
	struct top *t = v->t;

	for (size_t i = 0; i < ARRAY_SIZE(sorts); i++)
		if (key == sorts[i].key)
			t->sort = sorts[i].sort;
	if (key == 'r')
		t->ascending = !t->ascending;
	if (key == '/')
		v->typing = true;
	if (key == 'a' || key == 'b') {
		t->by = key == 'a' ? (t->by == TOP_AGENT ? TOP_RUN : TOP_AGENT)
				   : (enum top_group)((t->by + 1) % (TOP_POD + 1));
		t->within = TOP_RUN;
	}
}

/* False where the user wants to leave. */
static bool take_key(struct view *v, int key)
{
	const long page = LINES > 5 ? LINES - 5 : 1;
	void (*go)(struct view * v, long by) = v->open ? turn_page : move_to;

	if (key == ERR || key == KEY_RESIZE)
		return true;
	if (v->typing) {
		take_letter(v, key);
		return true;
	}
	switch (key) {
	case 'q':
	case 'Q':
		return go_back(v, true);
	case ESCAPE:
	case KEY_BACKSPACE:
	case KEY_LEFT:
		return go_back(v, false);
	case KEY_UP:
		go(v, -1);
		return true;
	case KEY_DOWN:
		go(v, 1);
		return true;
	case KEY_PPAGE:
		go(v, -page);
		return true;
	case KEY_NPAGE:
		go(v, page);
		return true;
	case '\n':
	case '\r':
	case KEY_ENTER:
	case KEY_RIGHT:
		if (!v->open)
			open_row(v);
		return true;
	default:
		if (!v->open)
			choose(v, key);
		return true;
	}
}

/* --- */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Once an interval; a key between two only arranges anew. */
static int read_rows(struct view *v)
{
	const uint64_t now = now_ms();
	int r;

	if (v->read_ms && now - v->read_ms < v->every_ms)
		return 0;
	v->t->n = 0;
	r = v->source->read(v->source->ctx, v->t);
	if (r < 0)
		return r;
	v->read_ms = now;
	memcpy(v->rows, v->t->rows, v->t->n * sizeof(*v->rows));
	v->n = v->t->n;
	return 0;
}

static void draw_trouble(const struct view *v)
{
	char text[160];

	snprintf(text, sizeof(text), "not read since: %s", strerrordesc_np(-v->trouble));
	attron(A_BOLD);
	draw_text(1, 0, COLS, false, slice_of(text));
	attroff(A_BOLD);
}

/* Only the first look must succeed: a daemon may start again. */
static int refresh_view(struct view *v)
{
	v->trouble = read_rows(v);
	if (v->trouble < 0 && !v->read_ms)
		return v->trouble;
	memcpy(v->t->rows, v->rows, v->n * sizeof(*v->rows));
	v->t->n = v->n;
	top_arrange(v->t);
	if (v->open && v->trouble >= 0)
		v->trouble = look(v);
	erase();
	if (v->open)
		draw_run(v);
	else
		draw_list(v);
	if (v->trouble < 0)
		draw_trouble(v);
	refresh();
	return 0;
}

int top_watch(struct top *t, const struct top_source *s, unsigned interval_s)
{
	struct view v = { .t = t, .source = s, .every_ms = interval_s * 1000ull };
	SCREEN *screen;
	int r;

	v.rows = calloc(TOP_ROWS_MAX, sizeof(*v.rows));
	if (!v.rows)
		return -ENOMEM;
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		free(v.rows);
		log_err("this terminal cannot show it; 'sonde top --once' prints it");
		return -ENOTTY;
	}
	cbreak();
	noecho();
	curs_set(0);
	set_escdelay(50);
	keypad(stdscr, TRUE);
	timeout((int)(interval_s < 3600 ? interval_s : 3600) * 1000);
	do
		r = refresh_view(&v);
	while (r >= 0 && take_key(&v, getch()));
	endwin();
	delscreen(screen);
	buf_done(&v.text);
	free(v.rows);
	return r;
}
