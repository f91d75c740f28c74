/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of `sonde diff`: two runs, their steps side by side, their last answers. */
#pragma once

#include "base/lcs.h"
#include "export/steps.h"
#include "store/query.h"

/* A step, and what it is by: kind, name, arguments. */
struct diff_step {
	const struct step *step;
	struct id128 what;
	struct id128 result; /* all zero: not kept */
};

struct diff_run {
	struct run run; /* strings in `steps` */
	struct steps steps;
	struct diff_step *list; /* in order of start */
	size_t n, cap;
	struct buf answer; /* text of the last answer that has one */
};

/* 0 or -errno. */
int diff_load(struct store_reader *r, const struct id128 *id, struct diff_run *ret);
void diff_run_done(struct diff_run *d);

enum diff_op { DIFF_SAME, DIFF_CHANGED, DIFF_REMOVED, DIFF_ADDED };

/* One line of two sequences side by side. */
struct diff_row {
	enum diff_op op; /* CHANGED: the same step with another outcome */
	size_t a, b;	 /* which of them; of REMOVED the first alone, of ADDED the second */
};

struct diff_rows {
	struct diff_row *list;
	size_t n;
	bool cut; /* too long to be compared whole */
};

int diff_steps(const struct diff_run *a, const struct diff_run *b, struct diff_rows *ret);
/* Rows of two sequences whose equal elements are known. 0 or -ENOMEM. */
int diff_merge(const struct lcs_pair *pairs, size_t n_pairs, size_t n, size_t m,
	       struct diff_rows *ret);
/* The difference of two texts by lines, as diff -u writes it, without its heading; nothing where
 * they are equal. 0 or -ENOMEM. */
int diff_text(struct slice a, struct slice b, struct buf *ret);
