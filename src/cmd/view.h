/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What people see of runs: lines while it happens (view_live.c), the tree at the end and in `show`
 * (view_tree.c), or JSON lines.
 */
#pragma once

#include "cmd/screen.h"
#include "export/steps.h"
#include "sonde/stats.h"
#include "trace/trace.h"

struct view_options {
	FILE *out;
	bool json;  /* spans as they become final, runs at the end; nothing else */
	bool live;  /* a line per step as it ends */
	bool tree;  /* the tree at the end */
	int tty_fd; /* the terminal that the command uses: live lines wait while it is not in its
		       line mode; -1: none */
	const char *db_path;	 /* shown at the end; NULL: not stored */
	const char *record_path; /* likewise */
	/* The tree waits until the other end of this pipe is closed: the command may outlive the
	 * engine's work. -1: it need not. */
	int over_fd;
};

struct view;

/* 0 or -ENOMEM. @o->out stays the caller's. */
int view_new(const struct view_options *o, struct view **ret);
void view_free(struct view *v);
/* Its ctx is the view. */
extern const struct trace_sink view_sink;
/* engine_config.view_done: what remains to be said. */
void view_done(void *view, const struct stats *stats);

struct tree_options {
	bool all;	  /* no folding of many child processes */
	bool evidence;	  /* what linked each step to its parent */
	size_t max_lines; /* 0: not limited */
};

/* The heading of a run: who, when, how it ended, what it was asked. */
void tree_print_head(const struct screen *s, const struct run *run);
/* The steps of a run. */
void tree_print(const struct screen *s, struct steps *steps, const struct id128 *run,
		const struct tree_options *o);
/* Totals, losses, notes. */
void tree_print_totals(const struct screen *s, const struct run *run);

/* Sandbox, egress verdicts, refusals: a line for each that is known (view_assurance.c). */
void assurance_print(const struct screen *s, const struct run *run);

/* "1,204 in (1,000 cached) 88 out (12 reasoning)", "" where nothing is known; short: "1,204+88" */
void usage_text(struct buf *b, const struct llm_usage *u, bool longer);
/* "$0.0042", "~$0.0042" (estimated), "unpriced" */
struct text32 cost_text(const struct cost *c);
/* The colour in which a step's kind is shown. */
enum style step_style(enum step_kind kind);

#define RUN_REF_DIGITS 8
/* What commands accept as the run's name: the first digits of its id. */
struct text32 run_ref(const struct id128 *run_id);
