/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/lcs.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* The part between what is equal at both ends. */
struct middle {
	bool (*equal)(void *ctx, size_t a, size_t b);
	void *ctx;
	size_t at, n, m; /* equal before; elements of each */
	uint16_t *best;	 /* (n + 1) x (m + 1): how many pairs there are from here on */
};

static size_t cell(const struct middle *x, size_t i, size_t j)
{
	return i * (x->m + 1) + j;
}

static bool is_pair(const struct middle *x, size_t i, size_t j)
{
	return x->equal(x->ctx, x->at + i, x->at + j);
}

static void fill(struct middle *x)
{
	for (size_t i = x->n; i-- > 0;)
		for (size_t j = x->m; j-- > 0;) {
			const uint16_t down = x->best[cell(x, i + 1, j)];
			const uint16_t right = x->best[cell(x, i, j + 1)];
			uint16_t best = down > right ? down : right;

			if (is_pair(x, i, j))
				best = (uint16_t)(x->best[cell(x, i + 1, j + 1)] + 1);
			x->best[cell(x, i, j)] = best;
		}
}

static size_t walk(const struct middle *x, struct lcs_pair *pairs)
{
	size_t i = 0, j = 0, n = 0;

	while (i < x->n && j < x->m) {
		if (is_pair(x, i, j))
			pairs[n++] = (struct lcs_pair){ x->at + i++, x->at + j++ };
		else if (x->best[cell(x, i + 1, j)] >= x->best[cell(x, i, j + 1)])
			i++;
		else
			j++;
	}
	return n;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

int lcs(size_t n, size_t m, bool (*equal)(void *ctx, size_t a, size_t b), void *ctx,
	struct lcs_pair **ret, size_t *ret_n, bool *ret_cut)
{
	_cleanup_(freep) struct lcs_pair *pairs = calloc(smaller(n, m) + 1, sizeof(*pairs));
	_cleanup_(freep) uint16_t *best = NULL;
	struct middle x = { .equal = equal, .ctx = ctx };
	size_t end = 0, k;

	while (x.at < smaller(n, m) && equal(ctx, x.at, x.at))
		x.at++;
	while (end < smaller(n, m) - x.at && equal(ctx, n - end - 1, m - end - 1))
		end++;
	x.n = smaller(n - x.at - end, LCS_MAX);
	x.m = smaller(m - x.at - end, LCS_MAX);
	x.best = best = calloc((x.n + 1) * (x.m + 1), sizeof(*best));
	if (!pairs || !best)
		return -ENOMEM;
	fill(&x);
	for (k = 0; k < x.at; k++)
		pairs[k] = (struct lcs_pair){ k, k };
	k += walk(&x, pairs + k);
	for (; end > 0; end--)
		pairs[k++] = (struct lcs_pair){ n - end, m - end };
	if (ret_cut)
		*ret_cut = x.n == LCS_MAX || x.m == LCS_MAX;
	*ret_n = k;
	*ret = k ? TAKE(pairs) : NULL;
	return 0;
}
