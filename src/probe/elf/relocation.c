/* SPDX-License-Identifier: BSD-2-Clause */
#include <elf.h>
#include <string.h>

#include "probe/elf/elf.h"

#define BLOCK 512 /* entries read at once */

static bool is_word(uint32_t type)
{
	return type == R_X86_64_64 || type == R_X86_64_GLOB_DAT || type == R_X86_64_JUMP_SLOT ||
	       type == R_X86_64_RELATIVE;
}

static bool walk(const struct elf_file *e, uint64_t at, uint64_t size,
		 bool (*fn)(void *ctx, const struct elf_relocation *r), void *ctx)
{
	Elf64_Rela block[BLOCK];
	uint64_t left = size / sizeof(block[0]);

	if (left > ELF_RELOCATIONS_MAX)
		left = ELF_RELOCATIONS_MAX;
	while (left > 0) {
		uint64_t n = left < BLOCK ? left : BLOCK;

		n = elf_read_at(e, at, block, n * sizeof(block[0])) / sizeof(block[0]);
		if (n == 0)
			break;
		for (uint64_t i = 0; i < n; i++) {
			const struct elf_relocation r = {
				.place = block[i].r_offset,
				.addend = (uint64_t)block[i].r_addend,
				.symbol = (uint32_t)ELF64_R_SYM(block[i].r_info),
			};

			if (is_word((uint32_t)ELF64_R_TYPE(block[i].r_info)) && fn(ctx, &r))
				return true;
		}
		at += n * sizeof(block[0]);
		left -= n;
	}
	return false;
}

void elf_relocations(const struct elf_file *e,
		     bool (*fn)(void *ctx, const struct elf_relocation *r), void *ctx)
{
	struct elf_dynamic d;

	if (e->machine == EM_X86_64 && elf_dynamic(e, &d) == 0 &&
	    !walk(e, d.rela, d.rela_size, fn, ctx))
		walk(e, d.jmprel, d.jmprel_size, fn, ctx);
}

struct import {
	const struct elf_file *e;
	const struct elf_dynamic *d;
	const char *name;
	uint32_t ret;
};

static bool is_import(void *ctx, const struct elf_relocation *r)
{
	struct import *i = ctx;
	char name[ELF_FUNCTION_NAME_MAX + 1];
	size_t n = strlen(i->name) + 1;
	Elf64_Sym s;

	if (r->symbol == 0 ||
	    elf_read_at(i->e, i->d->symtab + r->symbol * sizeof(s), &s, sizeof(s)) != sizeof(s) ||
	    s.st_shndx != SHN_UNDEF || s.st_name >= i->d->strtab_size ||
	    elf_read_at(i->e, i->d->strtab + s.st_name, name, n) != n ||
	    memcmp(name, i->name, n) != 0)
		return false;
	i->ret = r->symbol;
	return true;
}

uint32_t elf_import(const struct elf_file *e, const char *name)
{
	struct elf_dynamic d;
	struct import i = { .e = e, .d = &d, .name = name };

	if (strlen(name) < ELF_FUNCTION_NAME_MAX && elf_dynamic(e, &d) == 0)
		elf_relocations(e, is_import, &i);
	return i.ret;
}
