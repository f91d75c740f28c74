/* SPDX-License-Identifier: BSD-2-Clause */
/* Two sequences side by side: steps of runs, lines of texts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "export/diff.h"

#define TEXT_MAX  (16u << 20)
#define CONTEXT	  3u /* equal lines around a difference */
#define LINES_MAX 100000

int diff_merge(const struct lcs_pair *pairs, size_t n_pairs, size_t n, size_t m,
	       struct diff_rows *ret)
{
	size_t a = 0, b = 0, k = 0;
	struct diff_row *rows = calloc(n + m + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i <= n_pairs; i++) {
		const struct lcs_pair to = i < n_pairs ? pairs[i] : (struct lcs_pair){ n, m };

		while (a < to.a)
			rows[k++] = (struct diff_row){ DIFF_REMOVED, a++, b };
		while (b < to.b)
			rows[k++] = (struct diff_row){ DIFF_ADDED, a, b++ };
		if (i < n_pairs)
			rows[k++] = (struct diff_row){ DIFF_SAME, a++, b++ };
	}
	ret->list = rows;
	ret->n = k;
	return 0;
}

/* --- steps --- */

struct two_runs {
	const struct diff_run *a, *b;
};

static bool same_step(void *ctx, size_t a, size_t b)
{
	const struct two_runs *t = ctx;

	return id128_eq(&t->a->list[a].what, &t->b->list[b].what);
}

static bool same_outcome(const struct diff_step *a, const struct diff_step *b)
{
	return a->step->status == b->step->status && a->step->exit_code == b->step->exit_code &&
	       slice_eq(a->step->error, b->step->error) && id128_eq(&a->result, &b->result);
}

int diff_steps(const struct diff_run *a, const struct diff_run *b, struct diff_rows *ret)
{
	struct two_runs t = { a, b };
	_cleanup_(freep) struct lcs_pair *pairs = NULL;
	size_t n_pairs;
	int r = lcs(a->n, b->n, same_step, &t, &pairs, &n_pairs, &ret->cut);

	if (r == 0)
		r = diff_merge(pairs, n_pairs, a->n, b->n, ret);
	for (size_t i = 0; r == 0 && i < ret->n; i++) {
		struct diff_row *row = &ret->list[i];

		if (row->op == DIFF_SAME && !same_outcome(&a->list[row->a], &b->list[row->b]))
			row->op = DIFF_CHANGED;
	}
	return r;
}

/* --- texts --- */

struct lines {
	struct slice *list;
	size_t n;
};

static int split(struct slice text, struct lines *ret)
{
	struct slice line, rest = text;
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	ret->list = calloc(n < LINES_MAX ? n : LINES_MAX, sizeof(*ret->list));
	if (!ret->list)
		return -ENOMEM;
	while (ret->n + 1 < LINES_MAX && slice_cut(rest, '\n', &line, &rest))
		ret->list[ret->n++] = line;
	if (rest.n)
		ret->list[ret->n++] = rest;
	return 0;
}

struct two_texts {
	struct lines a, b;
};

static bool same_line(void *ctx, size_t a, size_t b)
{
	const struct two_texts *t = ctx;

	return slice_eq(t->a.list[a], t->b.list[b]);
}

/* Where the hunk that begins at row @from ends: behind it nothing differs for twice the context. */
static size_t end_of_hunk(const struct diff_rows *rows, size_t from)
{
	size_t end = from, same = 0;

	for (size_t i = from; i < rows->n && same <= CONTEXT + CONTEXT; i++) {
		same = rows->list[i].op == DIFF_SAME ? same + 1 : 0;
		if (!same)
			end = i + 1;
	}
	return end + CONTEXT < rows->n ? end + CONTEXT : rows->n;
}

static void add_hunk(const struct two_texts *t, const struct diff_rows *rows, size_t from,
		     size_t to, struct buf *ret)
{
	static const char marks[] = { [DIFF_SAME] = ' ', [DIFF_REMOVED] = '-', [DIFF_ADDED] = '+' };
	size_t n[2] = { 0 };
	char head[96];

	for (size_t i = from; i < to; i++) {
		n[0] += rows->list[i].op != DIFF_ADDED;
		n[1] += rows->list[i].op != DIFF_REMOVED;
	}
	snprintf(head, sizeof(head), "@@ -%zu,%zu +%zu,%zu @@\n", rows->list[from].a + (n[0] > 0),
		 n[0], rows->list[from].b + (n[1] > 0), n[1]);
	buf_add(ret, slice_of(head), TEXT_MAX);
	for (size_t i = from; i < to; i++) {
		const struct diff_row *row = &rows->list[i];

		buf_add(ret, (struct slice){ &marks[row->op], 1 }, TEXT_MAX);
		buf_add(ret, row->op == DIFF_ADDED ? t->b.list[row->b] : t->a.list[row->a],
			TEXT_MAX);
		buf_add(ret, SLICE("\n"), TEXT_MAX);
	}
}

static void add_hunks(const struct two_texts *t, const struct diff_rows *rows, struct buf *ret)
{
	size_t printed = 0;

	for (size_t i = 0; i < rows->n; i++) {
		size_t from, to;

		if (rows->list[i].op == DIFF_SAME)
			continue;
		from = i > printed + CONTEXT ? i - CONTEXT : printed;
		to = end_of_hunk(rows, i);
		add_hunk(t, rows, from, to, ret);
		printed = to;
		i = to - 1;
	}
}

int diff_text(struct slice a, struct slice b, struct buf *ret)
{
	struct two_texts t = { 0 };
	struct diff_rows rows = { 0 };
	_cleanup_(freep) struct lcs_pair *pairs = NULL;
	size_t n_pairs;
	int r = split(a, &t.a);

	if (r == 0)
		r = split(b, &t.b);
	if (r == 0)
		r = lcs(t.a.n, t.b.n, same_line, &t, &pairs, &n_pairs, NULL);
	if (r == 0)
		r = diff_merge(pairs, n_pairs, t.a.n, t.b.n, &rows);
	if (r == 0)
		add_hunks(&t, &rows, ret);
	free(t.a.list);
	free(t.b.list);
	free(rows.list);
	return r;
}
