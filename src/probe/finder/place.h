/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a function of a file to a point of a target: the cheapest place that the code allows
 * (x86.h), else the function's start. What every finder that knows its functions by name shares.
 */
#pragma once

#include "probe/elf/code.h"
#include "probe/elf/elf.h"
#include "probe/finder/target.h"

/* A function that is to be a point. */
struct place {
	const char *function, *evidence; /* how it was found: "symbol" */
	enum probe_abi abi;
	uint8_t n_args; /* how many are wanted where the probe stands */
	bool write;
	bool no_result; /* only that it is called matters */
	uint64_t start;
};

/* To be freed; NULL where the code is not understood at all. @size: 0 where not known. */
struct insn_graph *place_graph(struct elf_code *c, uint64_t addr, uint64_t size);

/* Adds a point at given addresses; @exit 0: return probe. False where there is no room. */
bool place_at(struct elf_code *c, const struct place *p, uint64_t entry, uint64_t exit,
	      enum probe_cost cost, struct probe_target *ret);
/* At the function's start, single-stepped: always there. */
bool place_classic(struct elf_code *c, const struct place *p, struct probe_target *ret);
/*
 * At an emulated instruction of the function's first block, the result by a return probe where the
 * return address is still where the call left it, else at an instruction on the way out
 * (insn_place_exit). False where there is no such place. @g may be NULL.
 */
bool place_cheap(struct elf_code *c, const struct place *p, const struct insn_graph *g,
		 struct probe_target *ret);

/* The address that a jump through the procedure linkage table arrives at, else @addr itself. */
uint64_t place_resolve(struct elf_code *c, const struct elf_function *fns, size_t n, uint64_t addr);
