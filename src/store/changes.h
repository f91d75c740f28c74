/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes final, for who adds it up: each span once as it is, and where it was corrected, as
 * it was once with the opposite sign. So sums stay those of the store, whenever and however often
 * they are made.
 *
 * As a span was before is kept only while there is a sink (sink.h), and only until all sinks are
 * past it: who adds up must be one, from before its first reading on. What retention has removed is
 * no change: it was counted.
 */
#pragma once

#include "store/query.h"

/* @sign: 1: is to be counted, -1: was counted and is no more. @run: NULL where it has gone. */
typedef int (*store_change_fn)(void *ctx, int sign, const struct span *span, const struct run *run);
/*
 * The changes after @seq, those of the next @limit numbers at most (up to two each; numbers may
 * stand for nothing). 0: up to @ret_seq there is no other; -errno, or what @fn returned: some were
 * given.
 */
int store_changes(struct store_reader *r, int64_t seq, int64_t limit, store_change_fn fn, void *ctx,
		  int64_t *ret_seq);
