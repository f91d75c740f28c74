/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/diff.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/command.h"
#include "cmd/reader.h"
#include "cmd/remote.h"
#include "cmd/table.h"
#include "cmd/view.h"
#include "export/span_json.h"

#define TROUBLE 2 /* as diff(1) has it: 1 is a difference */
#define CONTEXT 2 /* equal steps around a difference that are shown without --all */

static bool json, all;
static const char *db;

static const struct option_spec options[] = {
	{ "all", 'a', OPTION_FLAG, &all, NULL, "equal steps as well", NULL, NULL },
	{ "json", 'j', OPTION_FLAG, &json, NULL, "what differs, then the steps, one object each",
	  NULL, NULL },
	{ "db", 0, OPTION_FILE, &db, "FILE", "the store", NULL, NULL },
	REMOTE_OPTION,
	{ 0 },
};

struct comparison {
	struct diff_run a, b;
	struct diff_rows rows;
	struct buf output; /* difference of the last answers */
	size_t count[4];   /* rows by enum diff_op */
	size_t first;	   /* row of the first difference; rows.n: none */
	bool same;
};

static int compare(struct comparison *c)
{
	int r = diff_steps(&c->a, &c->b, &c->rows);

	if (r == 0)
		r = diff_text(buf_slice(&c->a.answer), buf_slice(&c->b.answer), &c->output);
	c->first = c->rows.n;
	for (size_t i = 0; i < c->rows.n; i++) {
		c->count[c->rows.list[i].op]++;
		if (c->rows.list[i].op != DIFF_SAME && c->first == c->rows.n)
			c->first = i;
	}
	c->same = c->first == c->rows.n && c->output.n == 0 && c->a.run.status == c->b.run.status;
	return r;
}

static const struct diff_step *step_of(const struct comparison *c, const struct diff_row *row)
{
	return row->op == DIFF_ADDED ? &c->b.list[row->b] : &c->a.list[row->a];
}

/* --- figures --- */

static uint64_t time_of(const struct run *r)
{
	return r->end_ns > r->start_ns ? r->end_ns - r->start_ns : 0;
}

/* What a run's figure is, and how it is written. */
struct figure {
	const char *name, *json;
	int64_t a, b; /* LLM_UNKNOWN: not known */
	struct text32 (*text)(int64_t v);
};

static struct text32 text_of_ns(int64_t v)
{
	return format_duration((uint64_t)v);
}

static int64_t cost_of(const struct run *r)
{
	if (r->llm_calls > 0 && r->unpriced_calls >= r->llm_calls)
		return LLM_UNKNOWN;
	return r->cost_pico_usd + r->equivalent_pico_usd;
}

#define FIGURES 9

static void read_figures(const struct comparison *c, struct figure f[FIGURES])
{
	const struct run *a = &c->a.run, *b = &c->b.run;
	const struct figure all_of_them[FIGURES] = {
		{ "time", "duration_ns", (int64_t)time_of(a), (int64_t)time_of(b), text_of_ns },
		{ "cost", "cost_pico_usd", cost_of(a), cost_of(b), format_cost },
		{ "model calls", "llm_calls", a->llm_calls, b->llm_calls, format_count },
		{ "tool calls", "tool_calls", a->tool_calls, b->tool_calls, format_count },
		{ "processes", "processes", a->processes, b->processes, format_count },
		{ "errors", "errors", a->errors, b->errors, format_count },
		{ "tokens in", "input_tokens", a->usage.input, b->usage.input, format_count },
		{ "of them cached", "cache_read_input_tokens", a->usage.cache_read,
		  b->usage.cache_read, format_count },
		{ "tokens out", "output_tokens", a->usage.output, b->usage.output, format_count },
	};

	for (size_t i = 0; i < FIGURES; i++)
		f[i] = all_of_them[i];
}

/* "+12 (+50 %)" */
static void add_change(struct table *t, const struct figure *f)
{
	const int64_t by = f->b - f->a;
	char text[80] = "";

	if (f->a == LLM_UNKNOWN || f->b == LLM_UNKNOWN || by == 0) {
		table_add_text(t, "");
		return;
	}
	if (f->a > 0)
		snprintf(text, sizeof(text), "%c%s (%+.0f %%)", by < 0 ? '-' : '+',
			 f->text(by < 0 ? -by : by).s, 100.0 * (double)by / (double)f->a);
	else
		snprintf(text, sizeof(text), "%c%s", by < 0 ? '-' : '+',
			 f->text(by < 0 ? -by : by).s);
	table_add_text(t, text);
}

static const struct table_column columns[] = {
	{ "", false, false },
	{ "A", true, false },
	{ "B", true, false },
	{ "B - A", true, false },
	{ 0 },
};

static int print_figures(const struct comparison *c, const struct screen *s)
{
	_cleanup_(table_freep) struct table *t = table_new(columns);
	struct figure f[FIGURES];

	if (!t)
		return -ENOMEM;
	read_figures(c, f);
	for (size_t i = 0; i < FIGURES; i++) {
		table_add_text(t, f[i].name);
		table_add_text(t, f[i].a == LLM_UNKNOWN ? "?" : f[i].text(f[i].a).s);
		table_add_text(t, f[i].b == LLM_UNKNOWN ? "?" : f[i].text(f[i].b).s);
		add_change(t, &f[i]);
	}
	table_print(t, s);
	return 0;
}

/* --- steps --- */

static void add_outcome(struct buf *b, const struct step *st)
{
	char text[32];

	if (st->kind == STEP_PROCESS && st->exit_code >= 0) {
		snprintf(text, sizeof(text), "exit %lld", (long long)st->exit_code);
		buf_add(b, slice_of(text), 4096);
	} else if (st->status == SPAN_ERROR) {
		buf_add(b, SLICE("failed "), 4096);
		text_clean(b, st->error, 60);
	} else {
		buf_add(b, SLICE("ok"), 4096);
	}
}

static void add_step(struct buf *b, const struct step *st)
{
	char kind[16];

	snprintf(kind, sizeof(kind), "%-7s ", step_look_name(st));
	buf_add(b, slice_of(kind), 4096);
	text_clean(b, st->label, 60);
	buf_add(b, SLICE(" "), 4096);
	text_clean(b, st->detail, 100);
}

static void print_row(const struct comparison *c, const struct screen *s, const struct diff_row *r)
{
	static const char marks[] = { ' ', '~', '-', '+' };
	static const enum style styles[] = { STYLE_PLAIN, STYLE_YELLOW, STYLE_RED, STYLE_GREEN };
	_cleanup_(buf_done) struct buf b = { 0 };

	add_step(&b, step_of(c, r)->step);
	if (r->op == DIFF_CHANGED) {
		buf_add(&b, SLICE("  "), 4096);
		add_outcome(&b, c->a.list[r->a].step);
		buf_add(&b, SLICE(" -> "), 4096);
		add_outcome(&b, c->b.list[r->b].step);
		if (!id128_eq(&c->a.list[r->a].result, &c->b.list[r->b].result))
			buf_add(&b, SLICE(" (another result)"), 4096);
	}
	fprintf(s->f, "%s%c %.*s%s\n", screen_style(s, styles[r->op]), marks[r->op],
		SLICE_ARG(buf_slice(&b)), screen_style(s, STYLE_PLAIN));
}

/* Whether a row is near one that differs. */
static bool is_near(const struct comparison *c, size_t i)
{
	const size_t from = i > CONTEXT ? i - CONTEXT : 0;

	for (size_t k = from; k <= i + CONTEXT && k < c->rows.n; k++)
		if (c->rows.list[k].op != DIFF_SAME)
			return true;
	return false;
}

static void print_steps(const struct comparison *c, const struct screen *s)
{
	size_t hidden = 0;

	for (size_t i = 0; i < c->rows.n; i++) {
		if (!all && !is_near(c, i)) {
			hidden++;
			continue;
		}
		if (hidden)
			fprintf(s->f, "%s  … %zu equal steps%s\n", screen_style(s, STYLE_DIM),
				hidden, screen_style(s, STYLE_PLAIN));
		hidden = 0;
		print_row(c, s, &c->rows.list[i]);
	}
	if (hidden)
		fprintf(s->f, "%s  … %zu equal steps%s\n", screen_style(s, STYLE_DIM), hidden,
			screen_style(s, STYLE_PLAIN));
}

static void print_first(const struct comparison *c, const struct screen *s)
{
	_cleanup_(buf_done) struct buf b = { 0 };

	fprintf(s->f, "steps: %zu equal, %zu with another outcome, %zu only in A, %zu only in B\n",
		c->count[DIFF_SAME], c->count[DIFF_CHANGED], c->count[DIFF_REMOVED],
		c->count[DIFF_ADDED]);
	if (c->rows.cut)
		fprintf(s->f, "too many steps differ: after the first %d they are not compared\n",
			LCS_MAX);
	if (c->first == c->rows.n)
		return;
	add_step(&b, step_of(c, &c->rows.list[c->first])->step);
	fprintf(s->f, "first difference: step %zu, %.*s\n", c->first + 1,
		SLICE_ARG(slice_trim(buf_slice(&b))));
}

static int print_text(const struct comparison *c, const struct screen *s)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	int r;

	fprintf(s->f, "A ");
	tree_print_head(s, &c->a.run);
	fprintf(s->f, "B ");
	tree_print_head(s, &c->b.run);
	r = print_figures(c, s);
	fputc('\n', s->f);
	print_first(c, s);
	if (c->first < c->rows.n || all)
		print_steps(c, s);
	if (c->output.n) {
		text_block(&b, buf_slice(&c->output), "");
		fprintf(s->f, "\nlast answer\n--- A\n+++ B\n%.*s", SLICE_ARG(buf_slice(&b)));
	} else {
		fprintf(s->f, "%s\n",
			c->a.answer.n ? "the last answers are equal" : "no answer was kept");
	}
	return r;
}

/* --- JSON --- */

static void put_run(struct json_writer *w, const char *key, const struct diff_run *d)
{
	char hex[ID128_HEX_SIZE];

	id128_hex(&d->run.run_id, hex);
	json_key(w, key);
	json_begin(w, '{');
	json_key(w, "run_id");
	json_put_str(w, slice_of(hex));
	json_key(w, "status");
	json_put_str(w, slice_of(run_status_name(d->run.status)));
	json_key(w, "steps");
	json_put_int(w, (int64_t)d->n);
	json_end(w, '}');
}

static void put_figures(struct json_writer *w, const struct comparison *c)
{
	struct figure f[FIGURES];

	read_figures(c, f);
	for (size_t i = 0; i < FIGURES; i++) {
		if (f[i].a == LLM_UNKNOWN || f[i].b == LLM_UNKNOWN)
			continue;
		json_key(w, f[i].json);
		json_begin(w, '[');
		json_put_int(w, f[i].a);
		json_put_int(w, f[i].b);
		json_end(w, ']');
	}
}

static void print_summary_json(const struct comparison *c, struct buf *line)
{
	static const char *const counts[] = { "equal", "changed", "only_in_a", "only_in_b" };
	struct json_writer w = { .out = line };

	json_begin(&w, '{');
	json_key(&w, "type");
	json_put_str(&w, SLICE("diff"));
	json_key(&w, "same");
	json_put_bool(&w, c->same);
	put_run(&w, "a", &c->a);
	put_run(&w, "b", &c->b);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		json_key(&w, counts[i]);
		json_put_int(&w, (int64_t)c->count[i]);
	}
	if (c->first < c->rows.n) {
		json_key(&w, "first_difference");
		json_put_int(&w, (int64_t)c->first);
	}
	put_figures(&w, c);
	json_key(&w, "output_diff");
	json_put_str(&w, buf_slice(&c->output));
	json_end(&w, '}');
	json_line(&w, stdout);
}

static void put_span(struct json_writer *w, const char *key, const struct step *st)
{
	char hex[ID64_HEX_SIZE];

	id64_hex(&st->key.span, hex);
	json_key(w, key);
	json_put_str(w, slice_of(hex));
}

static void print_row_json(const struct comparison *c, const struct diff_row *r, struct buf *line)
{
	static const char *const ops[] = { "equal", "changed", "only_in_a", "only_in_b" };
	const struct step *st = step_of(c, r)->step;
	struct json_writer w = { .out = line };

	json_begin(&w, '{');
	json_key(&w, "type");
	json_put_str(&w, SLICE("step"));
	json_key(&w, "op");
	json_put_str(&w, slice_of(ops[r->op]));
	json_key(&w, "kind");
	json_put_str(&w, slice_of(step_look_name(st)));
	json_key(&w, "label");
	json_put_str(&w, st->label);
	if (st->detail.n) {
		json_key(&w, "detail");
		json_put_str(&w, st->detail);
	}
	if (r->op != DIFF_ADDED)
		put_span(&w, "a", c->a.list[r->a].step);
	if (r->op != DIFF_REMOVED)
		put_span(&w, "b", c->b.list[r->b].step);
	json_end(&w, '}');
	json_line(&w, stdout);
}

static void print_json(const struct comparison *c)
{
	_cleanup_(buf_done) struct buf line = { 0 };

	print_summary_json(c, &line);
	for (size_t i = 0; i < c->rows.n; i++)
		print_row_json(c, &c->rows.list[i], &line);
}

/* --- */

static int run(int argc, char **argv)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	struct comparison c = { 0 };
	struct screen screen;
	struct id128 a, b;
	int r;

	(void)argc;
	if (reader_open(db, &reader, NULL) < 0 || reader_find_run(reader, argv[0], &a) < 0 ||
	    reader_find_run(reader, argv[1], &b) < 0)
		return TROUBLE;
	screen_init(&screen, stdout);
	r = diff_load(reader, &a, &c.a);
	if (r == 0)
		r = diff_load(reader, &b, &c.b);
	if (r == 0)
		r = compare(&c);
	if (r == 0 && json)
		print_json(&c);
	else if (r == 0)
		r = print_text(&c, &screen);
	diff_run_done(&c.a);
	diff_run_done(&c.b);
	free(c.rows.list);
	buf_done(&c.output);
	return reader_finish(r) ? TROUBLE : !c.same;
}

const struct command command_diff = {
	.name = "diff",
	.summary = "compare two runs: steps, figures, last answer",
	.usage = "[options] RUN RUN",
	.help = "Compares two runs, A and B. Steps are the same where kind, name and arguments "
		"are:\n"
		"'-' stands before what only A has, '+' before what only B has, '~' before what "
		"both\n"
		"have with another outcome (error, exit status, result). Then the last answer, "
		"as\n"
		"diff -u writes it. Times, tokens and costs are shown; they alone make no "
		"difference.\n"
		"\n"
		"Exit status: 0 the same, 1 they differ, 2 trouble.\n"
		"\n"
		"Examples:\n"
		"  sonde diff 3f2a9c1e last\n"
		"  sonde diff --json 3f2a9c1e 77ab01d2 | jq 'select(.op == \"changed\")'\n",
	.options = options,
	.run = run,
	.remote = REMOTE_WHOLE,
	.min_operands = 2,
	.max_operands = 2,
};
