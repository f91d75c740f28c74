/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine code as far as placing a probe needs it, in words that hold for x86-64 and for A64 (arm64
 * machines): which instruction the kernel's uprobes emulate (the others are single-stepped, which
 * costs about 20 us a call), what a function's registers hold where, and through which instructions
 * it leaves.
 *
 * Decoding is a library's: Zydis (x86.c), Capstone (a64.c). Code is hostile input: a graph has a
 * bound, and what does not decode, goes on elsewhere or is not understood makes it incomplete,
 * which its users must refuse.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSN_GRAPH_MAX 1024u
#define INSN_TEXT_SIZE 32
#define INSN_LEN_MAX   15

/* What a register holds, as far as it is known. */
enum insn_value_kind {
	VALUE_ANY,    /* not known */
	VALUE_ARG,    /* the function's argument, n-th from 0; 64 bits */
	VALUE_ARG32,  /* its lower half, sign- or zero-extended */
	VALUE_STACK,  /* the address of something on the function's stack; n: relative to where
		       * the stack pointer was when the function began */
	VALUE_NUMBER, /* n; also an address in the file */
	VALUE_LOADED, /* what stands at address n of the file */
	VALUE_RESULT, /* what the call at address n has returned */
	VALUE_LINK,   /* where the function returns to, where that is passed in a register */
};

struct insn_value {
	enum insn_value_kind kind;
	int64_t n;
};

/*
 * Registers are numbers, each architecture's own (x86.h, a64.c), but argument n is always passed in
 * register n. INSN_REGS is none of them.
 */
#define INSN_REGS 32

struct insn_state {
	struct insn_value reg[INSN_REGS];
};

enum insn_kind {
	INSN_PLAIN,
	INSN_CALL, /* target known */
	INSN_CALL_INDIRECT,
	INSN_JUMP,	    /* target known */
	INSN_BRANCH,	    /* conditional; target known */
	INSN_JUMP_INDIRECT, /* a tail call or a table */
	INSN_RETURN,
	INSN_STOP, /* ud2, hlt, int3, brk: never goes on */
};

struct insn {
	uint64_t addr, target; /* target: of calls, jumps and branches; 0 where not known */
	uint64_t slot;	       /* an indirect jump or call through this address, or 0 */
	uint8_t len;
	enum insn_kind kind;
	bool emulated;	    /* by the kernel's uprobes */
	bool landing;	    /* endbr64, bti: nothing jumps behind it that does not jump to it */
	bool writes_result; /* any part of the register that a result is returned in */
	struct insn_state before; /* what the registers hold when it is reached (insn_graph) */
	bool reached;
	uint8_t n_next; /* where it goes on (insn_graph): indexes into insn */
	uint16_t next[2];
};

/* What an instruction does with memory, or an address, at [register + offset]; no index. */
struct insn_access {
	int base; /* INSN_REGS: it does nothing of the kind */
	int64_t offset;
	uint8_t size; /* bytes */
	bool reads, writes;
	bool pair;     /* the same with the `size` bytes that follow, and another register */
	int to;	       /* what is read goes into this whole register; INSN_REGS: elsewhere */
	int to_second; /* of a pair */
	bool compares; /* a register (`with`) or this memory with a number */
	int with;
	int64_t number;
	int64_t adds; /* a number to a register, or 0 */
};

/* An instruction set and its calling convention: a table entry for each in insn.c. */
struct isa {
	uint16_t machine; /* EM_ */
	const char *name;
	uint8_t len_max; /* bytes of an instruction */
	uint8_t align;	 /* of functions that follow others without being called */
	uint8_t n_regs, n_args;
	uint8_t sp, frame;
	bool result_by_argument; /* where a result in memory comes is argument 0; else apart */
	uint8_t link;  /* the register with the return address; INSN_REGS: it is on the stack */
	uint32_t kept; /* registers that a call leaves as they are, a bit for each */
	/* One instruction, and what the registers hold after it. 0 or -EBADMSG. */
	int (*step)(const uint8_t *code, size_t n, uint64_t addr, struct insn_state *s,
		    struct insn *ret);
	int (*access)(const uint8_t *code, size_t n, struct insn_access *ret);
	/* As objdump would print it ("push %rbp"), cut where longer. */
	void (*text)(const uint8_t *code, size_t n, uint64_t addr, char ret[INSN_TEXT_SIZE]);
	/* Whether a function may end before and another begin @at; @sure: it is hardly anything
	 * else. */
	bool (*begins)(const uint8_t before[4], const uint8_t at[4], bool sure);
};

extern const struct isa isa_x86, isa_a64;
/* NULL: none that is known here. */
const struct isa *isa_of(uint16_t machine);

/* Code bytes at an address; the number read. */
typedef size_t (*insn_read_fn)(void *ctx, uint64_t addr, void *buf, size_t n);

/* Code that can be read, and what it is. */
struct insn_code {
	const struct isa *isa; /* may be NULL */
	insn_read_fn read;
	void *ctx;
};

/* What the instruction set's functions do, on what stands at an address. */
int insn_step(const struct insn_code *c, uint64_t addr, struct insn_state *s, struct insn *ret);
int insn_access(const struct insn_code *c, uint64_t addr, struct insn_access *ret);
void insn_text(const struct insn_code *c, uint64_t addr, char ret[INSN_TEXT_SIZE]);

/* --- insn_graph.c --- */

/* All that a function executes itself: calls are stepped over, jumps followed. */
struct insn_graph {
	struct insn_code code;
	uint64_t start, end;		  /* end: 0 where not known */
	struct insn insn[INSN_GRAPH_MAX]; /* in order of discovery; [0] is the first one */
	size_t n;
	size_t visits; /* what it took: each is a decoding */
	bool complete; /* false: something is missing or not understood */
};

/*
 * @size: bytes of the function, 0 where not known; what runs over its end was a call that does
 * not return. 0, or -EBADMSG where not even the first instruction decodes.
 */
int insn_graph(const struct insn_code *c, uint64_t start, uint64_t size, struct insn_graph *ret);
/* NULL where @addr is no instruction of it. */
const struct insn *insn_at(const struct insn_graph *g, uint64_t addr);

/* --- insn_place.c --- */

/*
 * Where an entry probe sees the arguments: the function's first emulated instruction, if the first
 * @n_args arguments are still in their registers there, all calls come by and nothing jumps
 * in between. @ret_at_return: the return address is where a call has left it, so that a return
 * probe may stand there. 0 or -ENOENT.
 */
int insn_place_entry(const struct insn_graph *g, size_t n_args, uint64_t *ret, bool *ret_at_return);

/*
 * An emulated instruction, a branch or the return itself, that every return passes exactly once,
 * with the result as it will be returned.
 */
int insn_place_exit(const struct insn_graph *g, uint64_t *ret);

/* A call of a function that does the work, with the caller's own arguments. */
struct insn_pass {
	uint64_t target;
	bool flags; /* one more argument, 0, stands before the last */
};

/*
 * The one call that passes the function's @n_args arguments on, in place; where @local, the last
 * one is instead the address of something on the stack. 0, -ENOENT, or -ENOTUNIQ for two.
 */
int insn_find_pass(const struct insn_graph *g, size_t n_args, bool local, struct insn_pass *ret);
