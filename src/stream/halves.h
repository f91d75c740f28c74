/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes one connection of two half ones (SONDE_CONN_HALF), before stream/ sees them.
 *
 * Halves belong together where both are linked to one socket. What a half brings before it is
 * linked waits; a half that is not linked in time, or not before its end, goes on as it is: a
 * connection of one direction, with the flag. Positions go on where a direction's object is
 * replaced by another (new keys). All other events pass.
 */
#pragma once

#include <stddef.h>

#include "sonde/event.h"
#include "sonde/stats.h"

#define HALVES_MAX	 16384
#define HALF_WAIT_NS	 3000000000ull /* for its link */
#define HALF_BYTES_MAX	 (4u << 20)    /* of events that wait, of one half */
#define HALVES_BYTES_MAX (64u << 20)   /* of all */

struct halves;
typedef void (*halves_fn)(void *ctx, const struct sonde_event *e);

/* 0 or -ENOMEM. @out takes every event; joined ones have the connection's id. */
int halves_new(halves_fn out, void *ctx, struct stats *stats, struct halves **ret);
/* What waits is dropped. NULL is fine. */
void halves_free(struct halves *h);
void halves_feed(struct halves *h, const struct sonde_event *e);
/* Nothing more will come: what waits goes on. */
void halves_end(struct halves *h);
/* The kernel's ids of a connection that was given out: 1 or 2. */
size_t halves_ids(struct halves *h, uint64_t conn, uint64_t ret[2]);
