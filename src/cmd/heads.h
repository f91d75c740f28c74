/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The beginnings of texts that were stored, by their id: a tool's span refers to its arguments so,
 * and views show them before the store could be asked. Bounded: the oldest make way.
 */
#pragma once

#include "base/id.h"
#include "base/slice.h"

struct head;

/* Zero-initialise. */
struct heads {
	struct head *by_id;
};

/* Takes a blob as trace_sink gives it; keeps what may be asked for. */
void heads_put(struct heads *h, const struct id128 *id, const char *kind, struct slice bytes);
/* Empty where it is not known; lent until the next heads_put(). */
struct slice heads_find(const struct heads *h, const struct id128 *id);
void heads_done(struct heads *h);
