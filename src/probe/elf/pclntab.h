/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions of a Go program by name: .gopclntab, the table that Go's runtime keeps for stack
 * traces and that stripping leaves in place. Read as elf.h reads: bounded, nothing believed.
 *
 * Format: src/runtime/symtab.go (pcHeader, functab, _func) of Go 1.18 and newer. Addresses there
 * are relative to the start of Go's code, which the header of newer programs and of
 * position-independent ones does not tell.
 */
#pragma once

#include "probe/elf/elf.h"

#define PCLNTAB_FUNCTIONS_MAX (4u << 20)
#define PCLNTAB_NAMES_MAX     (256u << 20) /* bytes of names that are looked at */
#define PCLNTAB_SEARCH_MAX    (512u << 20) /* bytes of a segment, where there are no sections */

struct pclntab {
	const struct elf_file *e; /* lent */
	uint64_t offset, size;	  /* in the file; size: all that may belong to it */
	uint64_t n_functions, names, names_size, functions; /* the latter from offset */
	uint64_t text;		  /* start of the code as the header has it, or 0 */
	uint8_t quantum, version; /* of an instruction; 18 or 20: since Go 1.18, 1.20 */
};

struct pclntab_function {
	const char *name;    /* set by the caller */
	uint64_t start, end; /* relative to the code's start; end: of the next function's */
	size_t n;	     /* how many have that name; start and end are the first one's */
};

/*
 * The first table at or behind file offset *@at, which then is where to look for another one.
 * 0, -ENOENT, -ENOTSUP: Go older than 1.18.
 */
int pclntab_find(const struct elf_file *e, uint64_t *at, struct pclntab *ret);
/* Looks @n functions up. 0, or -EBADMSG where the table makes no sense. */
int pclntab_functions(const struct pclntab *t, struct pclntab_function *fns, size_t n);
