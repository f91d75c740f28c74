/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that lives and dies with one object: an exchange, a run.
 *
 * arena_free() frees everything at once. An arena refuses to grow past its limit, which is
 * what bounds the memory that endless or hostile traffic can make us use; from then on it
 * is failed. So a parser does not check its allocations one by one: it works with what it
 * gets, and its caller asks arena_failed() once.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/slice.h"

struct arena;

/* Memory that several arenas share, beside the limit of each: zero-initialise, set max. */
struct arena_budget {
	size_t used, max; /* bytes */
};

/* NULL where memory is refused. */
struct arena *arena_new(size_t limit);
/* Takes its blocks out of @budget (which outlives it) and gives them back in arena_free(). */
struct arena *arena_new_within(size_t limit, struct arena_budget *budget);
void arena_free(struct arena *a);
DEFINE_CLEANUP(struct arena *, arena_free)

/* Bytes taken from malloc so far. */
size_t arena_size(const struct arena *a);

/* Whether any allocation was refused since arena_new(). */
bool arena_failed(const struct arena *a);

/* Zeroed, aligned for any type; NULL if refused. */
void *arena_alloc(struct arena *a, size_t n);
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))

/* A copy of @s and a NUL after it; the empty slice if refused. */
struct slice arena_copy(struct arena *a, struct slice s);

/* Adds @s to a buffer that lives in the arena (so never buf_done() it); nothing if refused. */
void arena_add(struct arena *a, struct buf *b, struct slice s);
