/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/json.h"
#include "base/util.h"
#include "cmd/heads.h"
#include "cmd/health_json.h"
#include "cmd/view.h"
#include "export/span_json.h"

#define HELD_MAX   (256u << 10) /* bytes of lines that wait for the terminal */
#define TREE_LINES 300
#define TREES_MAX  10 /* of the runs of one session */

struct view {
	struct view_options o;
	struct screen screen;
	struct steps steps;
	struct heads heads;
	struct buf held, json;
};

int view_new(const struct view_options *o, struct view **ret)
{
	struct view *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->o = *o;
	screen_init(&v->screen, o->out);
	*ret = v;
	return 0;
}

void view_free(struct view *v)
{
	if (!v)
		return;
	heads_done(&v->heads);
	steps_done(&v->steps);
	buf_done(&v->held);
	buf_done(&v->json);
	free(v);
}

static void on_blob(void *ctx, const struct id128 *id, const char *kind, struct slice bytes)
{
	struct view *v = ctx;

	if (!v->o.json)
		heads_put(&v->heads, id, kind, bytes);
}

static void on_node(void *ctx, const struct id128 *id, const struct id128 *parent,
		    const struct id128 *message, uint32_t depth)
{
	(void)ctx, (void)id, (void)parent, (void)message, (void)depth;
}

/* Whether the command has the terminal in its own hands: a line of ours would tear its picture. */
static bool terminal_is_taken(const struct view *v)
{
	struct termios t;

	return v->o.tty_fd >= 0 && tcgetattr(v->o.tty_fd, &t) == 0 && !(t.c_lflag & ICANON);
}

static void add(struct buf *b, const char *text)
{
	buf_add(b, slice_of(text), HELD_MAX);
}

static void add_styled(struct view *v, enum style style, const char *text)
{
	add(&v->held, screen_style(&v->screen, style));
	add(&v->held, text);
	add(&v->held, screen_style(&v->screen, STYLE_PLAIN));
}

static void add_clean(struct view *v, const char *before, struct slice text, size_t max)
{
	if (text.n == 0)
		return;
	add(&v->held, before);
	text_clean(&v->held, text, max);
}

/* A process below another one belongs to that one's line. */
static bool is_worth_a_line(const struct view *v, const struct step *st)
{
	const struct step *parent;

	if (st->kind != STEP_PROCESS)
		return true;
	parent = steps_find(&v->steps, &st->key.run, &st->parent_id);
	return !parent || parent->kind != STEP_PROCESS;
}

static void add_measures(struct view *v, const struct step *st)
{
	if (st->kind == STEP_LLM) {
		add(&v->held, "  ");
		usage_text(&v->held, &st->usage, true);
		add(&v->held, "  ");
		add(&v->held, cost_text(&st->cost).s);
	}
	if (st->end_ns > st->start_ns) {
		add(&v->held, "  ");
		add(&v->held, format_duration(st->end_ns - st->start_ns).s);
	}
	if (st->kind == STEP_PROCESS && st->exit_code > 0) {
		char text[40];

		snprintf(text, sizeof(text), "  exit %lld", (long long)st->exit_code);
		add_styled(v, STYLE_RED, text);
	}
	/* A program's exit status says it better. */
	if (st->status == SPAN_ERROR && st->exit_code <= 0) {
		add_styled(v, STYLE_RED, "  failed");
		add_clean(v, ": ", st->error, 80);
	}
	if (st->lost_bytes) {
		add_styled(v, STYLE_RED, "  lost ");
		add(&v->held, format_bytes(st->lost_bytes).s);
		add_clean(v, ", ", st->lost_reason, 40);
	}
}

static void add_live_line(struct view *v, const struct step *st)
{
	char kind[16];

	if (v->held.n > HELD_MAX - 4096)
		return; /* the tree at the end has it */
	add_styled(v, STYLE_DIM, "sonde ");
	add_styled(v, STYLE_DIM, format_clock(st->end_ns ? st->end_ns : st->start_ns).s);
	snprintf(kind, sizeof(kind), " %-8s", step_look_name(st));
	add_styled(v, step_style(st->kind), kind);
	text_clean(&v->held, st->label, 60);
	add_clean(v, " ", st->detail, 60);
	add_measures(v, st);
	add(&v->held, "\n");
}

static void flush_held(struct view *v)
{
	if (v->held.n == 0 || terminal_is_taken(v))
		return;
	fwrite(v->held.p, 1, v->held.n, v->o.out);
	fflush(v->o.out);
	v->held.n = 0;
}

static void print_json_span(struct view *v, const struct span *span)
{
	struct json_writer w = { .out = &v->json };

	if (!span->final)
		return;
	span_json(&w, span, NULL);
	json_line(&w, v->o.out);
	fflush(v->o.out);
}

static void on_span(void *ctx, const struct span *span)
{
	struct view *v = ctx;
	const struct step *old;
	struct step *st;
	bool was_final;

	if (v->o.json) {
		print_json_span(v, span);
		return;
	}
	old = steps_find(&v->steps, &span->run_id, &span->span_id);
	was_final = old && old->final;
	st = steps_put(&v->steps, span, heads_find(&v->heads, &span->args_blob));
	/* The root ends with the run: its line is the tree. */
	if (!st || !v->o.live || !st->final || was_final || id64_is_zero(&st->parent_id))
		return;
	if (is_worth_a_line(v, st))
		add_live_line(v, st);
	flush_held(v);
}

static void on_run(void *ctx, const struct run *run)
{
	struct view *v = ctx;

	steps_put_run(&v->steps, run);
}

const struct trace_sink view_sink = {
	.blob = on_blob,
	.node = on_node,
	.span = on_span,
	.run = on_run,
};

static void print_json_runs(struct view *v)
{
	struct json_writer w = { .out = &v->json };

	for (struct kept_run *k = v->steps.runs; k; k = k->hh.next) {
		run_json(&w, &k->run, v->o.db_path);
		json_line(&w, v->o.out);
	}
}

/* What the engine had to give up, in words. */
static void print_json_health(struct view *v, const struct stats *stats)
{
	struct json_writer w = { .out = &v->json };

	if (!stats)
		return;
	health_json(&w, stats);
	json_line(&w, v->o.out);
}

static void print_trouble(const struct view *v, const struct stats *stats)
{
	static const struct {
		enum stat_id stat;
		const char *text;
	} troubles[] = {
		{ STAT_EVENTS_BAD, "events were malformed and skipped" },
		{ STAT_STREAM_EVICTED, "connections were dropped over the memory limit" },
		{ STAT_HTTP_BAD, "connections were given up after an HTTP error" },
		{ STAT_HTTP_OVER_LIMIT, "messages were over a size limit" },
		{ STAT_CODING_BAD, "bodies did not decompress" },
		{ STAT_LLM_BAD_JSON, "model messages were not valid JSON" },
		{ STAT_STORE_ERRORS, "batches could not be stored" },
	};

	for (size_t i = 0; stats && i < STATS_HOSTS_MAX && stats->total_mismatch[i].n; i++)
		fprintf(v->o.out,
			"  note: %s: %llu times the tokens it told do not add up to its own sum\n",
			stats->total_mismatch[i].name,
			(unsigned long long)stats->total_mismatch[i].n);
	for (size_t i = 0; stats && i < ARRAY_SIZE(troubles); i++)
		if (stats->n[troubles[i].stat])
			fprintf(v->o.out, "  note: %llu %s\n",
				(unsigned long long)stats->n[troubles[i].stat], troubles[i].text);
}

static void print_where(const struct view *v)
{
	const struct kept_run *k = v->steps.runs;

	if (v->steps.dropped)
		fprintf(v->o.out,
			"  note: %llu steps more than the screen keeps; the store has them\n",
			(unsigned long long)v->steps.dropped);
	if (v->o.record_path)
		fprintf(v->o.out, "%srecorded in %s: it holds all that was said in plain text%s\n",
			screen_style(&v->screen, STYLE_DIM), v->o.record_path,
			screen_style(&v->screen, STYLE_PLAIN));
	if (!v->o.db_path || !k)
		return;
	fprintf(v->o.out, "%sstored in %s; sonde show %s%s%s\n",
		screen_style(&v->screen, STYLE_DIM), v->o.db_path, run_ref(&k->run.run_id).s,
		k->hh.next ? ", 'sonde runs' lists the others" : "",
		screen_style(&v->screen, STYLE_PLAIN));
}

static void wait_over(const struct view *v)
{
	char byte;

	while (v->o.over_fd >= 0 && read(v->o.over_fd, &byte, 1) > 0)
		;
}

/* Each with its tree; of a long session the last ones. */
static void print_trees(struct view *v)
{
	static const struct tree_options options = { .max_lines = TREE_LINES };
	const unsigned n = HASH_COUNT(v->steps.runs);
	unsigned skip = n > TREES_MAX ? n - TREES_MAX : 0;

	if (skip)
		fprintf(v->o.out, "  note: %u runs before these; the store has them\n", skip);
	for (struct kept_run *k = v->steps.runs; k; k = k->hh.next) {
		if (skip && skip--)
			continue;
		tree_print_head(&v->screen, &k->run);
		tree_print(&v->screen, &v->steps, &k->run.run_id, &options);
		tree_print_totals(&v->screen, &k->run);
	}
}

void view_done(void *view, const struct stats *stats)
{
	struct view *v = view;

	wait_over(v);
	if (v->o.json) {
		print_json_runs(v);
		print_json_health(v, stats);
		fflush(v->o.out);
		return;
	}
	if (!v->o.tree) {
		flush_held(v);
		return;
	}
	/* Lines that still wait are steps of the tree. */
	print_trees(v);
	print_trouble(v, stats);
	print_where(v);
	fflush(v->o.out);
}
