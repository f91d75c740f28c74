/* SPDX-License-Identifier: BSD-2-Clause */
/* A function that was recognised without a name, on its way to a probe point. */
#pragma once

#include "probe/elf/code.h"
#include "probe/finder/target.h"

struct candidate {
	struct elf_range at;
	size_t n; /* different functions that fit; exactly one is wanted */
	char evidence[96];
};

/* One more function fits; the same again counts once. */
void candidate_take(struct candidate *c, const struct elf_range *at, const char *evidence);

/*
 * Puts a point on it: on the first instruction that the kernel emulates, if the @n_args arguments
 * are in place there and the result can be had too (place.h), else on the function's first.
 * False where that is not possible, or would make a point dear that only says when connections
 * begin and end; nothing has changed then.
 */
bool candidate_place(const struct candidate *c, struct code *code, const char *function,
		     enum probe_abi abi, bool write, size_t n_args, struct probe_target *t);
