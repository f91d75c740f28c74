/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a run's time went: each moment belongs to one kind of work, however much goes on at once.
 * Where a model answers, it is the model's time; else where a tool works, the tool's; else where
 * one is asked for and has not begun, or where it pauses for its user, it waits; the rest is idle.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum spend { SPEND_MODEL, SPEND_TOOL, SPEND_WAITING, SPEND_IDLE, SPEND_NR };

extern const char *const spend_names[SPEND_NR];

struct budget {
	uint64_t ns[SPEND_NR];	      /* adds up to the run's time */
	unsigned per_mille[SPEND_NR]; /* adds up to 1000, where there is any time */
};

struct spending; /* what goes on from when to when */

struct spending *spending_new(void); /* NULL where memory is refused */
void spending_free(struct spending *s);
/* Nothing where it ends before it begins. 0 or -ENOMEM. */
int spending_add(struct spending *s, enum spend what, uint64_t from_ns, uint64_t to_ns);
/* Between @from_ns and @to_ns. */
void spending_sum(struct spending *s, uint64_t from_ns, uint64_t to_ns, struct budget *ret);
