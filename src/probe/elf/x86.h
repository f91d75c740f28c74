/* SPDX-License-Identifier: BSD-2-Clause */
/* What is particular to x86-64 code; what it shares with other instruction sets is insn.h. */
#pragma once

#include "probe/elf/insn.h"

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
void x86_stores(insn_read_fn read, void *ctx, uint64_t start, uint64_t end,
		void (*fn)(void *ctx, uint64_t at, struct x86_word w), void *fn_ctx);
