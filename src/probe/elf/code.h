/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Code of a file without symbols: functions, and the places in them where they report
 * errors.
 *
 * Libraries in C report an error by a call with the name of a source file or function among the
 * arguments, and numbers beside it. Those texts survive stripping: what refers to them tells which
 * function is which.
 */
#pragma once

#include "probe/elf/insn.h"
#include "probe/elf/xref.h"

#define CODE_GRAPHS_MAX 600	   /* functions that are decoded for one file */
#define CODE_VISITS_MAX (1u << 19) /* of instructions, in less than a second; files have 12,000 */
#define CODE_SITES_MAX	512
#define CODE_ARGS	5

/* The code of a file, and what was spent on it. Set bytes.e, the rest is 0. */
struct code {
	struct elf_code bytes;
	size_t graphs, visits; /* decoded so far */
};

/* To read it by; lent by @bytes. */
struct insn_code code_reader(struct elf_code *bytes);

/* NULL where it does not decode, enough was decoded, or memory is refused; freed by the caller. */
struct insn_graph *code_graph(struct code *c, const struct elf_range *function);
/* The instruction that the byte at @addr is part of, or NULL. */
const struct insn *code_at(const struct insn_graph *g, uint64_t addr);
/*
 * Whether the graph begins where a function does, as far as instruction @at of it is concerned:
 * from there on returns are reached with the stack as it was at the beginning, and none with less
 * on it. (With more on it are those that lie behind a call that does not return.)
 */
bool code_returns_from(const struct insn_graph *g, const struct insn *at);

/* Where a function refers to one of the texts, and what it passes to the call that follows. */
struct code_site {
	uint64_t text;
	struct elf_range function;
	struct insn_value arg[CODE_ARGS]; /* VALUE_NUMBER where known */
};

struct code_sites {
	struct code_site site[CODE_SITES_MAX];
	size_t n;
};

/* All references to @n texts of which the function was found. 0 or -errno, -E2BIG where there are
 * too many. */
int code_sites(struct code *c, const uint64_t *texts, size_t n, struct code_sites *ret);
/*
 * The functions around @n addresses: by the table for exceptions, else from the nearest place that
 * is called or follows padding, leads to the address and returns from there (code_returns_from).
 * Not found: both ends 0. 0 or -errno.
 */
int code_functions(struct code *c, const uint64_t *at, size_t n, struct elf_range *ret);
