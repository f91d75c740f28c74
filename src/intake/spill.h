/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events taken out of the ring before there was time for them: first in, first out, in memory,
 * bounded. The ring is small and the kernel refuses data when it is full; this takes the peaks.
 */
#pragma once

#include <stddef.h>

#include "sonde/event.h"

struct spill_block;

/* Zero-initialise; set max. spill_done() frees. */
struct spill {
	struct spill_block *first, *last;
	size_t bytes, max; /* of events that wait, and at most */
};

/* 0, -ENOBUFS where it would hold more than max, or -ENOMEM. */
int spill_add(struct spill *s, const struct sonde_event *e);
/* The oldest, valid until spill_next(); NULL where none waits. */
const struct sonde_event *spill_peek(const struct spill *s);
void spill_next(struct spill *s);
void spill_done(struct spill *s);
