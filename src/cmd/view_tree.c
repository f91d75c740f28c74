/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/json.h"
#include "base/util.h"
#include "cmd/view.h"
#include "export/span_json.h"

#define DEPTH_MAX  40
#define FOLD_AFTER 6   /* child processes below one step that are shown; the rest is counted */
#define WIDE	   110 /* columns from which tokens are spelled out */
#define LEFT_MAX   100 /* columns of the tree where the output has no width */

static void add(struct buf *b, const char *text)
{
	buf_add(b, slice_of(text), 1u << 20);
}

struct text32 run_ref(const struct id128 *run_id)
{
	char hex[ID128_HEX_SIZE];
	struct text32 t;

	id128_hex(run_id, hex);
	snprintf(t.s, sizeof(t.s), "%.*s", RUN_REF_DIGITS, hex);
	return t;
}

enum style step_style(enum step_kind kind)
{
	static const enum style styles[] = {
		[STEP_AGENT] = STYLE_BOLD,  [STEP_LLM] = STYLE_CYAN,   [STEP_TOOL] = STYLE_GREEN,
		[STEP_PROCESS] = STYLE_DIM, [STEP_HTTP] = STYLE_DIM,   [STEP_MCP] = STYLE_GREEN,
		[STEP_FILE] = STYLE_DIM,    [STEP_NETWORK] = STYLE_DIM
	};

	return kind <= STEP_NETWORK ? styles[kind] : STYLE_PLAIN;
}

static void add_part(struct buf *b, int64_t n, const char *name, const char *before)
{
	if (n <= 0)
		return;
	add(b, before);
	add(b, format_count(n).s);
	add(b, name);
}

void usage_text(struct buf *b, const struct llm_usage *u, bool longer)
{
	const char *about_in = u->estimated & LLM_ESTIMATED_INPUT ? "~" : "";
	const char *about_out = u->estimated & LLM_ESTIMATED_OUTPUT ? "~" : "";
	size_t at;

	if (u->input == LLM_UNKNOWN && u->output == LLM_UNKNOWN)
		return;
	add(b, about_in);
	add(b, format_count(u->input).s);
	if (!longer) {
		add(b, about_in[0] ? "+" : about_out[0] ? "+~" : "+");
		add(b, format_count(u->output).s);
		return;
	}
	add(b, " in");
	at = b->n;
	add_part(b, u->cache_read, " cached", " (");
	add_part(b, u->cache_write, " cache write", b->n > at ? ", " : " (");
	add(b, b->n > at ? ") " : " ");
	add(b, about_out);
	add(b, format_count(u->output).s);
	add(b, " out");
	at = b->n;
	add_part(b, u->reasoning, " reasoning", " (");
	add(b, b->n > at ? ")" : "");
}

struct text32 cost_text(const struct cost *c)
{
	struct text32 t, usd = format_cost(c->pico_usd);

	if (c->source == COST_UNKNOWN)
		snprintf(t.s, sizeof(t.s), "unpriced");
	else
		snprintf(t.s, sizeof(t.s), "%s%.30s",
			 c->source == COST_ESTIMATED || c->equivalent ? "~" : "", usd.s);
	return t;
}

/* "$0.0050 (table $0.0042)": the provider's price counts, ours is shown where it differs. */
static void add_table_price(struct text32 *t, int64_t pico_usd)
{
	const size_t n = strlen(t->s);

	snprintf(t->s + n, sizeof(t->s) - n, " (table %s)", format_cost(pico_usd).s);
}

/* --- the lines of a tree --- */

struct line {
	const struct step *st;
	struct buf left;
	size_t left_width, style_at, style_end; /* bytes of left that have the kind's style */
	struct text32 time, cost;
	struct buf tokens;
};

struct drawing {
	const struct screen *s;
	const struct tree_options *o;
	struct line *lines;
	size_t n, cap, left_out;
	bool wide;
};

static struct line *add_line(struct drawing *d)
{
	if (d->o->max_lines && d->n >= d->o->max_lines) {
		d->left_out++;
		return NULL;
	}
	if (d->n == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 64;
		struct line *lines = reallocarray(d->lines, cap, sizeof(*lines));

		if (!lines)
			return NULL;
		d->lines = lines;
		d->cap = cap;
	}
	d->lines[d->n] = (struct line){ 0 };
	return &d->lines[d->n++];
}

static bool is_failed(const struct step *st)
{
	return st->status == SPAN_ERROR || (st->kind == STEP_PROCESS && st->exit_code > 0);
}

/* What stands behind the name: what it did, and what went wrong. */
static void add_detail(struct buf *b, const struct step *st)
{
	char text[64];

	if (st->detail.n) {
		add(b, " ");
		text_clean(b, st->detail, LEFT_MAX);
	}
	if (st->kind == STEP_PROCESS && st->exit_code > 0) {
		snprintf(text, sizeof(text), "  exit %lld", (long long)st->exit_code);
		add(b, text);
	}
	/* A program's exit status says it better. */
	if (st->status == SPAN_ERROR && st->exit_code <= 0 && st->look != LOOK_ERROR) {
		add(b, "  failed");
		if (st->error.n) {
			add(b, ": ");
			text_clean(b, st->error, 60);
		}
	}
	if (st->lost_bytes) {
		add(b, "  lost ");
		add(b, format_bytes(st->lost_bytes).s);
		if (st->lost_reason.n) {
			add(b, " (");
			text_clean(b, st->lost_reason, 40);
			add(b, ")");
		}
	}
	if (!st->final)
		add(b, "  (open)");
}

static void draw_step(struct drawing *d, const struct step *st, const char *prefix,
		      const char *branch)
{
	struct line *l = add_line(d);
	char kind[16];

	if (!l)
		return;
	l->st = st;
	snprintf(kind, sizeof(kind), "%-7s ", step_look_name(st));
	add(&l->left, prefix);
	add(&l->left, branch);
	add(&l->left, st->unexplained ? "! " : "");
	l->style_at = l->left.n;
	add(&l->left, kind);
	text_clean(&l->left, st->label, 60);
	l->style_end = l->left.n;
	add_detail(&l->left, st);
	if (d->o->evidence && st->evidence.n) {
		add(&l->left, "  [");
		text_clean(&l->left, st->evidence, 60);
		add(&l->left, "]");
	}
	l->left_width = text_width(buf_slice(&l->left));
	if (st->end_ns > st->start_ns)
		l->time = format_duration(st->end_ns - st->start_ns);
	if (st->kind == STEP_LLM) {
		usage_text(&l->tokens, &st->usage, d->wide);
		l->cost = cost_text(&st->cost);
		if (st->table_pico_usd != LLM_UNKNOWN)
			add_table_price(&l->cost, st->table_pico_usd);
	}
}

static void draw_fold(struct drawing *d, const char *prefix, const char *branch, size_t n,
		      const char *what)
{
	struct line *l = n ? add_line(d) : NULL;
	char text[64];

	if (!l)
		return;
	snprintf(text, sizeof(text), "… %zu more %s", n, what);
	add(&l->left, prefix);
	add(&l->left, branch);
	add(&l->left, text);
	l->left_width = text_width(buf_slice(&l->left));
}

/* Processes and files that tell nothing: they went well and did nothing below. */
static bool may_fold(const struct step *st)
{
	return (st->kind == STEP_PROCESS || st->kind == STEP_FILE) && !st->child &&
	       !is_failed(st) && !st->lost_bytes && !st->unexplained;
}

struct folded {
	size_t processes, files, plain;
};

static bool fold(const struct drawing *d, const struct step *st, struct folded *f)
{
	if (d->o->all || !may_fold(st) || (!st->quiet && ++f->plain <= FOLD_AFTER))
		return false;
	f->processes += st->kind == STEP_PROCESS;
	f->files += st->kind == STEP_FILE;
	return true;
}

/* Whether a line comes below those of the steps from @st on. */
static bool more_below(const struct drawing *d, const struct step *st, struct folded f)
{
	for (st = st->sibling; st; st = st->sibling)
		if (!fold(d, st, &f))
			return true;
	return f.processes + f.files > 0;
}

static void draw_below(struct drawing *d, const struct step *first, const char *prefix, int depth)
{
	const char *tee = d->s->utf8 ? "├─ " : "|- ", *corner = d->s->utf8 ? "└─ " : "`- ";
	struct folded f = { 0 };

	for (const struct step *st = first; st; st = st->sibling) {
		char below[DEPTH_MAX * 6 + 8];
		bool last;

		if (fold(d, st, &f))
			continue;
		last = !more_below(d, st, f);
		draw_step(d, st, prefix, last ? corner : tee);
		if (!st->child || depth >= DEPTH_MAX)
			continue;
		snprintf(below, sizeof(below), "%s%s", prefix,
			 last	      ? "   "
			 : d->s->utf8 ? "│  "
				      : "|  ");
		draw_below(d, st->child, below, depth + 1);
	}
	draw_fold(d, prefix, f.files ? tee : corner, f.processes,
		  f.processes == 1 ? "process" : "processes");
	draw_fold(d, prefix, corner, f.files, f.files == 1 ? "file" : "files");
}

/* --- printing them --- */

struct layout {
	size_t left, time, tokens, cost;
};

static size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static struct layout lay_out(const struct drawing *d)
{
	struct layout w = { 0 };
	size_t right;

	for (size_t i = 0; i < d->n; i++) {
		const struct line *l = &d->lines[i];

		w.left = max_size(w.left, l->left_width);
		w.time = max_size(w.time, strlen(l->time.s));
		w.tokens = max_size(w.tokens, l->tokens.n);
		w.cost = max_size(w.cost, strlen(l->cost.s));
	}
	if (w.left > LEFT_MAX)
		w.left = LEFT_MAX;
	right = w.time + w.tokens + w.cost + 6;
	if (d->s->width > 0 && w.left + right > (size_t)d->s->width)
		w.left = (size_t)d->s->width > right + 20 ? (size_t)d->s->width - right : 20;
	return w;
}

static void print_left(const struct screen *s, const struct line *l, size_t width)
{
	_cleanup_(buf_done) struct buf shown = { 0 };
	size_t n = text_clean(&shown, buf_slice(&l->left), width);
	size_t at = l->style_at < shown.n ? l->style_at : shown.n;
	size_t end = l->style_end < shown.n ? l->style_end : shown.n;
	enum style style = !l->st	      ? STYLE_DIM
			   : is_failed(l->st) ? STYLE_RED
					      : step_style(l->st->kind);

	if (shown.n == 0)
		return;
	fprintf(s->f, "%.*s%s%.*s%s%.*s%*s", (int)at, shown.p, screen_style(s, style),
		(int)(end - at), shown.p + at, screen_style(s, STYLE_PLAIN), (int)(shown.n - end),
		shown.p + end, (int)(n < width ? width - n : 0), "");
}

static void print_line(const struct screen *s, const struct line *l, const struct layout *w)
{
	const char *cost_style =
		screen_style(s, strcmp(l->cost.s, "unpriced") == 0 ? STYLE_YELLOW : STYLE_PLAIN);

	print_left(s, l, w->left);
	if (*l->time.s || *l->cost.s)
		fprintf(s->f, "  %*s", (int)w->time, l->time.s);
	if (*l->cost.s)
		fprintf(s->f, "  %-*.*s  %s%*s%s", (int)w->tokens, SLICE_ARG(buf_slice(&l->tokens)),
			cost_style, (int)w->cost, l->cost.s, screen_style(s, STYLE_PLAIN));
	fputc('\n', s->f);
}

/* What the marks in the tree mean, where there are any. */
static void print_unexplained(const struct screen *s, const struct steps *steps,
			      const struct id128 *run)
{
	size_t commands = 0, connections = 0;

	for (const struct step *st = steps->by_key; st; st = st->hh.next) {
		if (!st->unexplained || !id128_eq(&st->key.run, run))
			continue;
		commands += st->kind == STEP_PROCESS;
		connections += st->kind == STEP_NETWORK;
	}
	if (commands)
		fprintf(s->f, "  ! %zu command%s that no tool call explains\n", commands,
			commands == 1 ? "" : "s");
	if (connections)
		fprintf(s->f, "  ! %zu connection%s that no tool call explains\n", connections,
			connections == 1 ? "" : "s");
}

void tree_print(const struct screen *s, struct steps *steps, const struct id128 *run,
		const struct tree_options *o)
{
	struct drawing d = { .s = s, .o = o, .wide = s->width == 0 || s->width >= WIDE };
	struct layout w;

	for (const struct step *st = steps_link(steps, run); st; st = st->sibling) {
		draw_step(&d, st, "", "");
		draw_below(&d, st->child, "", 0);
	}
	w = lay_out(&d);
	for (size_t i = 0; i < d.n; i++) {
		print_line(s, &d.lines[i], &w);
		buf_done(&d.lines[i].left);
		buf_done(&d.lines[i].tokens);
	}
	free(d.lines);
	if (d.left_out)
		fprintf(s->f, "… %zu more steps: sonde show --all %s\n", d.left_out,
			run_ref(run).s);
	print_unexplained(s, steps, run);
}

/* --- heading and totals --- */

static void print_text(const struct screen *s, const char *before, struct slice text, size_t max)
{
	_cleanup_(buf_done) struct buf b = { 0 };

	if (text.n == 0)
		return;
	text_clean(&b, text, max);
	fprintf(s->f, "%s%.*s", before, SLICE_ARG(buf_slice(&b)));
}

static enum style status_style(enum run_status status)
{
	switch (status) {
	case RUN_COMPLETED:
		return STYLE_GREEN;
	case RUN_FAILED:
	case RUN_TIMED_OUT:
		return STYLE_RED;
	case RUN_CANCELLED:
	case RUN_INCOMPLETE:
		return STYLE_YELLOW;
	case RUN_RUNNING:
	case RUN_PAUSED:
		break;
	}
	return STYLE_CYAN;
}

void tree_print_head(const struct screen *s, const struct run *run)
{
	const size_t room = s->width > 20 ? (size_t)s->width - 10 : 0;

	fprintf(s->f, "%srun %s%s", screen_style(s, STYLE_BOLD), run_ref(&run->run_id).s,
		screen_style(s, STYLE_PLAIN));
	print_text(s, "  ", run->agent, 40);
	print_text(s, " ", run->agent_version, 20);
	fprintf(s->f, "  %s%s%s", screen_style(s, status_style(run->status)),
		run_status_name(run->status), screen_style(s, STYLE_PLAIN));
	if (run->status_reason.n) {
		print_text(s, " (", run->status_reason, 60);
		fputc(')', s->f);
	}
	fprintf(s->f, "  %s", format_time(run->start_ns).s);
	print_text(s, "\n  command ", run->command, room);
	print_text(s, "\n  task    ", run->task, room);
	fputc('\n', s->f);
}

static void print_count(FILE *f, const char **between, int64_t n, const char *one, const char *many)
{
	if (n <= 0)
		return;
	fprintf(f, "%s%s %s", *between, format_count(n).s, n == 1 ? one : many);
	*between = ", ";
}

static void print_cost(const struct screen *s, const struct run *run)
{
	if (run->llm_calls <= 0)
		return;
	if (run->unpriced_calls >= run->llm_calls) {
		fprintf(s->f, "  unpriced");
		return;
	}
	fprintf(s->f, "  %s%s%s", screen_style(s, STYLE_BOLD),
		format_costs(run->cost_pico_usd, run->equivalent_pico_usd).s,
		screen_style(s, STYLE_PLAIN));
	if (run->unpriced_calls > 0)
		fprintf(s->f, " + %s unpriced", format_count(run->unpriced_calls).s);
}

static void print_notes(const struct screen *s, struct slice notes)
{
	_cleanup_(cJSON_Deletep) cJSON *list = json_parse(notes);
	const cJSON *note;

	cJSON_ArrayForEach (note, list)
		if (cJSON_IsString(note))
			print_text(s, "  note: ", slice_of(note->valuestring), 0),
				fputc('\n', s->f);
}

void tree_print_totals(const struct screen *s, const struct run *run)
{
	_cleanup_(buf_done) struct buf usage = { 0 };
	const char *between = "  ";

	if (run->llm_calls == 0)
		fprintf(s->f, "%sno model calls", between), between = ", ";
	print_count(s->f, &between, run->llm_calls, "model call", "model calls");
	print_count(s->f, &between, run->tool_calls, "tool call", "tool calls");
	print_count(s->f, &between, run->processes, "process", "processes");
	print_count(s->f, &between, run->errors, "error", "errors");
	if (run->end_ns > run->start_ns)
		fprintf(s->f, "  %s", format_duration(run->end_ns - run->start_ns).s);
	usage_text(&usage, &run->usage, true);
	if (usage.n)
		fprintf(s->f, "  %.*s", SLICE_ARG(buf_slice(&usage)));
	print_cost(s, run);
	fputc('\n', s->f);
	if (run->lost_bytes)
		fprintf(s->f, "  %slost: %s were not captured; the steps that they hurt say so%s\n",
			screen_style(s, STYLE_RED), format_bytes(run->lost_bytes).s,
			screen_style(s, STYLE_PLAIN));
	if (run->usage_unknown_calls > 0)
		fprintf(s->f, "  %s without token counts\n",
			format_count(run->usage_unknown_calls).s);
	if (run->notes.n)
		print_notes(s, run->notes);
}
