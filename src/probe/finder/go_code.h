/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Code that Go's compiler made, as far as placing probes needs it. Its functions have known bounds
 * and no data inside, so they are decoded from end to end; what does not decode is refused.
 *
 * Calling convention (Go's ABIInternal, since 1.17): arguments in rax, rbx, rcx, rdi, ..., results
 * in rax, rbx, ...; r14 is the goroutine; no register but rsp, rbp and r14 survives a call; the
 * first arguments' own memory is right above the return address ("home" here). On arm64 (since
 * 1.18) arguments and results are in r0, r1, ...; what they become is not followed there beyond
 * the function's first block.
 */
#pragma once

#include "probe/elf/x86.h"

#define GO_INSNS_MAX 4096u
#define GO_BYTES_MAX (32u << 10)
#define GO_ARGS	     3 /* that are followed: receiver, the slice's pointer and length */

/* What is known before an instruction, whichever way led there. */
struct go_state {
	bool sp_known;
	bool home[GO_ARGS];	/* the argument is in its home */
	uint16_t held[GO_ARGS]; /* registers that hold it, a bit for each that is followed */
	int32_t sp;		/* rsp, relative to where the return address is */
};

struct go_insn {
	struct insn x;
	struct go_state before;
	bool reached, queued;
};

struct go_code {
	uint16_t machine; /* EM_ */
	struct go_insn insn[GO_INSNS_MAX];
	size_t n;
	bool entered;  /* the states are to be trusted where nothing has jumped yet */
	bool followed; /* and everywhere */
};

/* Decodes [start, end). 0, -EBADMSG, -E2BIG, -ENOMEM. */
int go_code_read(const struct insn_code *code, uint64_t start, uint64_t end, struct go_code *ret);
/* --- go_a64.c --- */
/* Says what the first block's instructions find; sets `entered`. */
void go_a64_enter(const struct insn_code *code, struct go_code *c);

/* NULL where @addr is no instruction of it. */
const struct go_insn *go_code_at(const struct go_code *c, uint64_t addr);

/* Where a probe stands. */
struct go_place {
	uint64_t addr;
	bool emulated;	   /* else the kernel steps over a copy: dear */
	uint16_t receiver; /* of a copy or an error: it is in memory at rsp + receiver */
};

/* Where the first @n_args arguments are in their registers on every call, once or again. */
void go_place_entry(const struct go_code *c, size_t n_args, struct go_place *ret);
/* All places where the function returns: the number, -E2BIG, -ENOTSUP: it leaves otherwise too. */
int go_place_returns(const struct go_code *c, struct go_place *ret, size_t max);
/* The next call of @target at or behind instruction *@i, which then is the one behind it. */
int go_place_call(const struct go_code *c, uint64_t target, size_t *i, struct go_place *ret);
/*
 * The one call of @copy that writes to the memory that the second argument points to, where
 * nothing else is given that: memmove(to, from, n). 0 or -ENOENT.
 */
int go_place_copy(const struct go_code *c, uint64_t copy, uint64_t morestack, struct go_place *ret);
/*
 * The returns that @copy does not lead to without another call between: how the function returns
 * errors. The number, at most @max.
 */
size_t go_place_errors(const struct go_code *c, const struct go_place *copy, struct go_place *ret,
		       size_t max);
