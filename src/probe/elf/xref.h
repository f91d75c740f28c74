/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What points to what in files without symbols: where a text stands, which code refers to an
 * address, what calls a function, where a function begins.
 *
 * Code is read in blocks with pread, like everything of elf.h, and each search of it has a bound of
 * bytes and of time. A hit is a pattern of bytes: it may lie in the middle of an instruction or in
 * data between functions, so whoever uses it decodes the code around it (insn.h). Of code for
 * processors that are not known here nothing is found.
 */
#pragma once

#include "probe/elf/elf.h"

#define ELF_CODE_MAX (512ull << 20) /* bytes of code that one search looks at */
#define ELF_CODE_MS  4000	    /* and for how long */
#define ELF_TEXT_MAX (128ull << 20) /* bytes of constants that one search looks at */

struct elf_ref {
	uint64_t at; /* in the instruction that completes the address */
	uint64_t to;
};

struct elf_range {
	uint64_t from, to; /* one past the last */
};

/*
 * Addresses of the constant strings that are @text or, where not @whole, end in it; a string that
 * linkers have merged into a longer one counts as itself. The number found, at most @max, or
 * -errno.
 */
int elf_find_strings(const struct elf_file *e, const char *text, bool whole, uint64_t *ret,
		     size_t max);

/*
 * Code that loads one of @n addresses, relative to itself or, in programs at fixed addresses, as a
 * number. The number found, -E2BIG where there are more than @max, -ETIME, or -errno. In the order
 * of addresses.
 */
int elf_find_refs(const struct elf_file *e, const uint64_t *to, size_t n, struct elf_ref *ret,
		  size_t max);
/* Direct calls into one of @n ranges, likewise; beyond @max they are left out. */
int elf_find_calls(const struct elf_file *e, const struct elf_range *to, size_t n,
		   struct elf_ref *ret, size_t max);

/*
 * The function around @vaddr by the table for exceptions (.eh_frame_hdr). 0; -ENOENT where there is
 * no such table, or nothing in it about that address.
 */
int elf_function_at(const struct elf_file *e, uint64_t vaddr, struct elf_range *ret);
