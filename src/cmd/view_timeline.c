/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "base/json.h"
#include "cmd/budget.h"
#include "cmd/reader.h"
#include "cmd/view.h"
#include "cmd/views.h"
#include "export/span_json.h"

#define LABEL_WIDTH 34
#define KIND_WIDTH  8
#define TIME_WIDTH  9
#define BAR_MIN	    20
#define WIDTH	    110 /* where the output has none */

DEFINE_CLEANUP(struct spending *, spending_free)

struct timeline {
	const struct screen *s;
	const struct views_options *o;
	uint64_t from_ns, to_ns;
	struct buf line;
	size_t bar, hidden;
};

static enum style spend_style(enum spend what)
{
	static const enum style styles[] = {
		[SPEND_MODEL] = STYLE_CYAN,
		[SPEND_TOOL] = STYLE_GREEN,
		[SPEND_WAITING] = STYLE_YELLOW,
		[SPEND_IDLE] = STYLE_DIM,
	};

	return styles[what];
}

static uint64_t end_of(const struct timeline *t, const struct step *st)
{
	return st->end_ns ? st->end_ns : t->to_ns;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* From the run's beginning to its end, or to the last that is known of it. */
static void find_bounds(struct timeline *t, const struct run *run, const struct step *first)
{
	t->from_ns = run->start_ns;
	t->to_ns = later(run->start_ns, run->end_ns);
	for (const struct step *st = first; st && !run->end_ns; st = st->hh.next)
		t->to_ns = later(t->to_ns, later(st->start_ns, st->end_ns));
}

static int spend(const struct timeline *t, struct spending *s, const struct step *st)
{
	switch (st->kind) {
	case STEP_LLM:
		return spending_add(s, SPEND_MODEL, st->start_ns, end_of(t, st));
	case STEP_TOOL:
		if (st->asked_ns && spending_add(s, SPEND_WAITING, st->asked_ns, st->start_ns) < 0)
			return -ENOMEM;
		return spending_add(s, SPEND_TOOL, st->start_ns, end_of(t, st));
	case STEP_MCP:
		return spending_add(s, SPEND_TOOL, st->start_ns, end_of(t, st));
	default:
		return st->pause ? spending_add(s, SPEND_WAITING, st->start_ns, st->end_ns) : 0;
	}
}

static int make_budget(const struct timeline *t, const struct step *first, struct budget *ret)
{
	_cleanup_(spending_freep) struct spending *s = spending_new();
	int r = s ? 0 : -ENOMEM;

	for (const struct step *st = first; r == 0 && st; st = st->hh.next)
		r = spend(t, s, st);
	if (r == 0)
		spending_sum(s, t->from_ns, t->to_ns, ret);
	return r;
}

/* --- for people --- */

static void repeat(struct buf *b, const char *text, size_t n)
{
	while (n--)
		buf_add(b, slice_of(text), 1u << 20);
}

/* The column of the bar in which a moment lies. */
static size_t column(const struct timeline *t, uint64_t ns)
{
	if (ns <= t->from_ns || t->to_ns <= t->from_ns)
		return 0;
	if (ns >= t->to_ns)
		return t->bar;
	return (size_t)((double)(ns - t->from_ns) / (double)(t->to_ns - t->from_ns) *
			(double)t->bar);
}

static void print_bar(struct timeline *t, const struct step *st)
{
	size_t from = column(t, st->start_ns), to = column(t, end_of(t, st));

	if (from >= t->bar)
		from = t->bar - 1;
	if (to <= from)
		to = from + 1; /* however short: it was */
	t->line.n = 0;
	repeat(&t->line, " ", from);
	repeat(&t->line, t->s->utf8 ? "█" : "#", to - from);
	fprintf(t->s->f, "%s%.*s%s", screen_style(t->s, step_style(st->kind)),
		SLICE_ARG(buf_slice(&t->line)), screen_style(t->s, STYLE_PLAIN));
	fprintf(t->s->f, "%*s  %*s\n", (int)(t->bar - to), "", TIME_WIDTH,
		st->end_ns ? format_duration(st->end_ns - st->start_ns).s : "(open)");
}

static void print_step(struct timeline *t, const struct step *st)
{
	const bool failed = st->status == SPAN_ERROR;
	size_t kind, width;

	if (st->kind == STEP_PROCESS && !t->o->all) {
		t->hidden++;
		return;
	}
	t->line.n = 0;
	text_clean(&t->line, slice_of(step_look_name(st)), 0);
	repeat(&t->line, " ", t->line.n < KIND_WIDTH ? KIND_WIDTH - t->line.n : 1);
	kind = t->line.n;
	width = kind + text_clean(&t->line, st->label, LABEL_WIDTH - kind);
	if (width + 4 < LABEL_WIDTH && st->detail.n) {
		repeat(&t->line, " ", 1);
		width += 1 + text_clean(&t->line, st->detail, LABEL_WIDTH - width - 1);
	}
	fprintf(t->s->f, "%s%.*s%s%*s  ", screen_style(t->s, failed ? STYLE_RED : STYLE_PLAIN),
		SLICE_ARG(buf_slice(&t->line)), screen_style(t->s, STYLE_PLAIN),
		(int)(LABEL_WIDTH - width), "");
	print_bar(t, st);
}

/* One bar of all, and the shares in words. */
static void print_budget(struct timeline *t, const struct budget *b)
{
	static const char *const letters[SPEND_NR] = { "m", "t", "w", "." };
	const size_t width = LABEL_WIDTH + 2 + t->bar;
	size_t used = 0;
	unsigned sum = 0;

	for (size_t i = 0; i < SPEND_NR; i++) {
		size_t to;

		sum += b->per_mille[i];
		to = width * sum / 1000;
		t->line.n = 0;
		repeat(&t->line, t->s->utf8 && t->s->colour ? "█" : letters[i], to - used);
		fprintf(t->s->f, "%s%.*s%s", screen_style(t->s, spend_style((enum spend)i)),
			SLICE_ARG(buf_slice(&t->line)), screen_style(t->s, STYLE_PLAIN));
		used = to;
	}
	fprintf(t->s->f, "  %*s\n", TIME_WIDTH, format_duration(t->to_ns - t->from_ns).s);
	for (size_t i = 0; i < SPEND_NR; i++)
		fprintf(t->s->f, "%s%s%s%s %u.%u %% (%s)", i ? "  " : "",
			screen_style(t->s, spend_style((enum spend)i)), spend_names[i],
			screen_style(t->s, STYLE_PLAIN), b->per_mille[i] / 10, b->per_mille[i] % 10,
			format_duration(b->ns[i]).s);
	fputc('\n', t->s->f);
}

static void print_text(struct timeline *t, const struct run *run, const struct step *first,
		       const struct budget *b)
{
	const size_t width = t->s->width > 0 ? (size_t)t->s->width : WIDTH;
	const size_t around = LABEL_WIDTH + 2 + 2 + TIME_WIDTH;

	t->bar = width > around + BAR_MIN ? width - around : BAR_MIN;
	tree_print_head(t->s, run);
	for (const struct step *st = first; st; st = st->hh.next)
		print_step(t, st);
	if (t->hidden)
		fprintf(t->s->f, "%s… %zu processes: --all%s\n", screen_style(t->s, STYLE_DIM),
			t->hidden, screen_style(t->s, STYLE_PLAIN));
	print_budget(t, b);
}

/* --- for programs --- */

static void put_int(struct json_writer *w, const char *key, uint64_t v)
{
	json_key(w, key);
	json_put_int(w, (int64_t)v);
}

static void print_budget_json(struct timeline *t, const struct run *run, const struct budget *b)
{
	struct json_writer w = { .out = &t->line };
	char hex[ID128_HEX_SIZE], key[32];

	id128_hex(&run->run_id, hex);
	json_begin(&w, '{');
	json_key(&w, "type");
	json_put_str(&w, SLICE("time"));
	json_key(&w, "run_id");
	json_put_str(&w, slice_of(hex));
	put_int(&w, "start_time_unix_nano", t->from_ns);
	put_int(&w, "total_ns", t->to_ns - t->from_ns);
	for (size_t i = 0; i < SPEND_NR; i++) {
		snprintf(key, sizeof(key), "%s_ns", spend_names[i]);
		put_int(&w, key, b->ns[i]);
		snprintf(key, sizeof(key), "%s_share", spend_names[i]);
		json_key(&w, key);
		json_put_double(&w, b->per_mille[i] / 1000.0);
	}
	json_end(&w, '}');
	json_line(&w, t->s->f);
}

static void print_step_json(struct timeline *t, const struct step *st)
{
	struct json_writer w = { .out = &t->line };
	char hex[ID64_HEX_SIZE];

	id64_hex(&st->key.span, hex);
	json_begin(&w, '{');
	json_key(&w, "type");
	json_put_str(&w, SLICE("bar"));
	json_key(&w, "span_id");
	json_put_str(&w, slice_of(hex));
	json_key(&w, "kind");
	json_put_str(&w, slice_of(step_look_name(st)));
	json_key(&w, "label");
	json_put_str(&w, st->label);
	put_int(&w, "from_ns", later(st->start_ns, t->from_ns) - t->from_ns);
	if (st->end_ns)
		put_int(&w, "to_ns", later(st->end_ns, t->from_ns) - t->from_ns);
	json_end(&w, '}');
	json_line(&w, t->s->f);
}

static void print_json(struct timeline *t, const struct run *run, const struct step *first,
		       const struct budget *b)
{
	print_budget_json(t, run, b);
	for (const struct step *st = first; st; st = st->hh.next)
		print_step_json(t, st);
}

int timeline_print(struct store_reader *r, const struct id128 *run, const struct views_options *o,
		   const struct screen *s)
{
	struct timeline t = { .s = s, .o = o };
	struct budget b = { 0 };
	struct steps steps = { 0 };
	int err = steps_load(r, run, o->json || o->all ? LOAD_ALL : LOAD_EVENTS, 0, &steps);

	if (err == 0 && steps.runs) {
		steps_link(&steps, run); /* which puts them in order of start */
		find_bounds(&t, &steps.runs->run, steps.by_key);
		err = make_budget(&t, steps.by_key, &b);
	}
	if (err == 0 && steps.runs)
		(o->json ? print_json : print_text)(&t, &steps.runs->run, steps.by_key, &b);
	buf_done(&t.line);
	steps_done(&steps);
	return err;
}
