/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64 code as far as placing a probe needs it: which instruction the kernel's uprobes emulate
 * (the others are single-stepped, which costs about 20 us a call), what a function's registers
 * hold where, and through which instructions it leaves.
 *
 * Decoding is Zydis'. Code is hostile input: a graph has a bound, and what does not decode, goes
 * on elsewhere or is not understood makes it incomplete, which its users must refuse.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define X86_INSNS_MAX 1024u
#define X86_TEXT_SIZE 32

/* What a register holds, as far as it is known. */
enum x86_value_kind {
	X86_ANY,    /* not known */
	X86_ARG,    /* the function's argument, n-th (0: rdi); 64 bits */
	X86_ARG32,  /* its lower half, sign- or zero-extended */
	X86_STACK,  /* the address of something on the function's stack; n: relative to the return
		     * address's place */
	X86_NUMBER, /* n; also an address in the file */
	X86_RESULT, /* what the call at address n has returned */
};

struct x86_value {
	enum x86_value_kind kind;
	int64_t n;
};

/* The registers that matter, in the order of arguments first. */
enum x86_reg {
	X86_RDI,
	X86_RSI,
	X86_RDX,
	X86_RCX,
	X86_R8,
	X86_R9,
	X86_RAX,
	X86_RSP,
	X86_RBX,
	X86_RBP,
	X86_R10,
	X86_R11,
	X86_R12,
	X86_R13,
	X86_R14,
	X86_R15,
	X86_REGS,
};

struct x86_state {
	struct x86_value reg[X86_REGS];
};

enum x86_kind {
	X86_PLAIN,
	X86_CALL, /* target known */
	X86_CALL_INDIRECT,
	X86_JUMP,	   /* target known */
	X86_BRANCH,	   /* conditional; target known */
	X86_JUMP_INDIRECT, /* a tail call or a table */
	X86_RETURN,
	X86_STOP, /* ud2, hlt, int3: never goes on */
};

struct x86_insn {
	uint64_t addr, target; /* target: of calls, jumps and branches; 0 where not known */
	uint64_t slot;	       /* an indirect jump or call through this address, or 0 */
	uint8_t len;
	enum x86_kind kind;
	bool emulated;		 /* by the kernel's uprobes */
	bool landing;		 /* endbr64: nothing can jump behind it that does not jump to it */
	bool writes_rax;	 /* any part of it */
	struct x86_state before; /* what the registers hold when it is reached (x86_graph) */
	bool reached;
	uint8_t n_next; /* where it goes on (x86_graph): indexes into insn */
	uint16_t next[2];
};

/* Code bytes at an address; the number read. */
typedef size_t (*x86_read_fn)(void *ctx, uint64_t addr, void *buf, size_t n);

/* Decodes one instruction. 0 or -EBADMSG. */
int x86_decode(const uint8_t *code, size_t n, uint64_t addr, struct x86_insn *ret);
/* Decodes one and says in @s what the registers hold after it. */
int x86_step(const uint8_t *code, size_t n, uint64_t addr, struct x86_state *s,
	     struct x86_insn *ret);
/* As objdump would print it ("push %rbp"), cut where longer. */
void x86_text(const uint8_t *code, size_t n, uint64_t addr, char ret[X86_TEXT_SIZE]);

/* What an instruction does with memory, or an address, at [register + offset]; no index. */
struct x86_access {
	enum x86_reg base; /* X86_REGS: it does nothing of the kind */
	int64_t offset;
	uint8_t size; /* bytes */
	bool reads, writes;
	enum x86_reg to; /* what is read goes into this whole register; X86_REGS: elsewhere */
	bool compares;	 /* a register (`with`) or this memory with a number */
	enum x86_reg with;
	int64_t number;
	int64_t adds; /* a number to a register, or 0 */
};

/* 0 or -EBADMSG. */
int x86_access(const uint8_t *code, size_t n, struct x86_access *ret);

/* All that a function executes itself: calls are stepped over, jumps followed. */
struct x86_graph {
	uint64_t start, end;		     /* end: 0 where not known */
	struct x86_insn insn[X86_INSNS_MAX]; /* in order of discovery; [0] is the first one */
	size_t n;
	bool complete; /* false: something is missing or not understood */
};

/*
 * @size: bytes of the function, 0 where not known; what runs over its end was a call that does
 * not return. 0, or -EBADMSG where not even the first instruction decodes.
 */
int x86_graph(x86_read_fn read, void *ctx, uint64_t start, uint64_t size, struct x86_graph *ret);
/* NULL where @addr is no instruction of it. */
const struct x86_insn *x86_at(const struct x86_graph *g, uint64_t addr);
/* --- x86_place.c --- */

/*
 * Where an entry probe sees the arguments: the function's first emulated instruction, if the first
 * @n_args arguments are still in their registers there, all calls come by and nothing jumps
 * in between. @ret_at_return: the return address is on top of the stack there, so that a return
 * probe may stand on it. 0 or -ENOENT.
 */
int x86_place_entry(const struct x86_graph *g, size_t n_args, uint64_t *ret, bool *ret_at_return);

/* An emulated branch that every return passes exactly once, with rax as it will be returned. */
int x86_place_exit(const struct x86_graph *g, uint64_t *ret);

/* A call of a function that does the work, with the caller's own arguments. */
struct x86_pass {
	uint64_t target;
	bool flags; /* one more argument, 0, stands before the last */
};

/*
 * The one call that passes the function's @n_args arguments on, in place; where @local, the last
 * one is instead the address of something on the stack. 0, -ENOENT, or -ENOTUNIQ for two.
 */
int x86_find_pass(const struct x86_graph *g, size_t n_args, bool local, struct x86_pass *ret);

/* --- x86_store.c --- */

/* What code puts somewhere, as far as it is known. */
enum x86_word_kind { X86_WORD_ANY, X86_WORD_NUMBER, X86_WORD_LOADED };

struct x86_word {
	enum x86_word_kind kind;
	uint64_t v; /* the number, or the address that it was loaded from */
};

/*
 * Follows the code from @start to @end as if it were straight and calls @fn for each word of 8
 * bytes that it stores at a fixed address: how compilers write a table of constants.
 */
void x86_stores(x86_read_fn read, void *ctx, uint64_t start, uint64_t end,
		void (*fn)(void *ctx, uint64_t at, struct x86_word w), void *fn_ctx);
