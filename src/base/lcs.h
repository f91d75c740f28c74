/* SPDX-License-Identifier: BSD-2-Clause */
/* What two sequences have in common, in order: the longest common subsequence. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Elements of each that are compared, besides the equal ones at both ends: more stay unpaired. */
#define LCS_MAX 3000

struct lcs_pair {
	size_t a, b;
};

/*
 * The pairs of equal elements of sequences of @n and @m, in order, malloc'ed (NULL where there are
 * none). @ret_cut (may be NULL): something was over LCS_MAX. 0 or -ENOMEM.
 */
int lcs(size_t n, size_t m, bool (*equal)(void *ctx, size_t a, size_t b), void *ctx,
	struct lcs_pair **ret, size_t *ret_n, bool *ret_cut);
