/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions by name. A symbol table may have a million entries (node has 200,000), so names are
 * not read one by one: the string table is searched once for all names that are wanted, then the
 * symbols are compared by the places found. Both are read in blocks.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "probe/elf/elf.h"

#define BLOCK	    (64u << 10)
#define WANTED_MAX  32 /* functions in one search */
#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))
#define PLACES_MAX  64 /* where their names stand: linkers share suffixes, files may repeat them */

struct table {
	uint64_t symbols, n_symbols; /* file offset, entries */
	uint64_t strings, strings_size;
	bool exported;
};

struct place {
	uint64_t at; /* in the string table */
	size_t function;
};

struct places {
	struct place p[PLACES_MAX];
	size_t n;
};

/* Names end where they end: so each NUL is looked at, and what stands before it. */
static void find_names_in(const char *block, size_t n, uint64_t at, const struct elf_function *fns,
			  size_t n_fns, struct places *ret)
{
	const char *end = block, *nul;

	for (; (nul = memchr(end, 0, n - (size_t)(end - block))); end = nul + 1) {
		if (nul == end && nul > block)
			continue; /* an empty name */
		for (size_t f = 0; f < n_fns && ret->n < PLACES_MAX; f++) {
			const char *name = fns[f].name;
			size_t len = strlen(name), before = (size_t)(nul - block);

			if (before >= len && nul[-1] == name[len - 1] &&
			    memcmp(nul - len, name, len) == 0)
				ret->p[ret->n++] = (struct place){ at + before - len, f };
		}
	}
}

static int find_names(const struct elf_file *e, const struct table *t,
		      const struct elf_function *fns, size_t n_fns, struct places *ret)
{
	/* Blocks overlap, so that a name across a border is seen; seen twice does no harm. */
	const size_t overlap = ELF_FUNCTION_NAME_MAX;
	char block[BLOCK];

	for (uint64_t at = 0; at < t->strings_size;) {
		uint64_t left = t->strings_size - at;
		size_t n = left < sizeof(block) ? (size_t)left : sizeof(block);
		int r = elf_read(e, t->strings + at, block, n);

		if (r < 0)
			return r;
		find_names_in(block, n, at, fns, n_fns, ret);
		if (n == left)
			break;
		at += n - overlap;
	}
	return 0;
}

static void take_symbol(const struct elf_file *e, const Elf64_Sym *s, uint64_t index,
			struct elf_function *f)
{
	if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || s->st_shndx == SHN_UNDEF ||
	    !elf_executable(e, s->st_value))
		return;
	if (f->found && f->vaddr != s->st_value) {
		f->ambiguous = true;
		return;
	}
	f->found = true;
	if (index)
		f->index = (uint32_t)index;
	f->vaddr = s->st_value;
	if (s->st_size)
		f->size = s->st_size;
}

static int match_symbols(const struct elf_file *e, const struct table *t,
			 const struct places *names, struct elf_function *fns)
{
	static const size_t per_block = BLOCK / sizeof(Elf64_Sym);
	Elf64_Sym block[BLOCK / sizeof(Elf64_Sym)];

	for (uint64_t i = 0; i < t->n_symbols; i += per_block) {
		uint64_t left = t->n_symbols - i;
		size_t n = left < per_block ? (size_t)left : per_block;
		int r = elf_read(e, t->symbols + i * sizeof(block[0]), block, n * sizeof(block[0]));

		if (r < 0)
			return r;
		for (size_t k = 0; k < n; k++)
			for (size_t p = 0; p < names->n; p++)
				if (block[k].st_name == names->p[p].at)
					take_symbol(e, &block[k], t->exported ? i + k : 0,
						    &fns[names->p[p].function]);
	}
	return 0;
}

static uint64_t at_most(uint64_t v, uint64_t max)
{
	return v < max ? v : max;
}

static int search_table(const struct elf_file *e, const struct table *t, struct elf_function *fns,
			size_t n)
{
	struct places names = { .n = 0 };
	int r = find_names(e, t, fns, n, &names);

	if (r < 0 || names.n == 0)
		return r;
	return match_symbols(e, t, &names, fns);
}

static bool section_table(const struct elf_file *e, const struct elf_section *s, struct table *ret)
{
	const struct elf_section *strings;

	if ((s->type != SHT_DYNSYM && s->type != SHT_SYMTAB) ||
	    s->entry_size != sizeof(Elf64_Sym) || s->link >= e->n_sections)
		return false;
	strings = &e->sections[s->link];
	if (strings->type != SHT_STRTAB)
		return false;
	*ret = (struct table){ .symbols = s->offset,
			       .n_symbols = at_most(s->size / sizeof(Elf64_Sym), ELF_SYMBOLS_MAX),
			       .strings = strings->offset,
			       .strings_size = at_most(strings->size, ELF_STRINGS_MAX),
			       .exported = s->type == SHT_DYNSYM };
	return true;
}

/*
 * Without section headers the number of dynamic symbols stands nowhere, but linkers put their
 * strings right behind them.
 */
static bool dynamic_table(const struct elf_file *e, struct table *ret)
{
	struct elf_dynamic d;
	struct table t = { .exported = true };
	uint64_t left;

	if (elf_dynamic(e, &d) < 0 || d.strtab <= d.symtab ||
	    !elf_offset(e, d.symtab, &t.symbols, &left))
		return false;
	t.n_symbols =
		at_most(at_most(d.strtab - d.symtab, left) / sizeof(Elf64_Sym), ELF_SYMBOLS_MAX);
	if (!elf_offset(e, d.strtab, &t.strings, &left))
		return false;
	t.strings_size = at_most(at_most(d.strtab_size, left), ELF_STRINGS_MAX);
	*ret = t;
	return true;
}

int elf_find_functions(const struct elf_file *e, struct elf_function *fns, size_t n)
{
	bool searched = false;
	struct table t;
	int found = 0, tables = 0, r;

	if (n > WANTED_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		if (strlen(fns[i].name) >= ELF_FUNCTION_NAME_MAX)
			return -EINVAL;
		fns[i].found = fns[i].ambiguous = false;
		fns[i].vaddr = fns[i].size = fns[i].slot = 0;
		fns[i].index = 0;
	}
	/* The format allows one of each. */
	for (size_t i = 0; i < e->n_sections && tables < 2; i++) {
		if (!section_table(e, &e->sections[i], &t))
			continue;
		tables++;
		r = search_table(e, &t, fns, n);
		if (r < 0)
			return r;
		searched |= t.exported;
	}
	if (!searched && dynamic_table(e, &t)) {
		r = search_table(e, &t, fns, n);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++) {
		fns[i].found &= !fns[i].ambiguous;
		found += fns[i].found;
	}
	return found;
}

void elf_find_slots(const struct elf_file *e, struct elf_function *fns, size_t n)
{
	Elf64_Rela block[512];
	struct elf_dynamic d;
	uint64_t left;

	if (elf_dynamic(e, &d) < 0 || !d.jmprel)
		return;
	left = at_most(d.jmprel_size / sizeof(block[0]), ELF_IMPORTS_MAX);
	for (uint64_t at = d.jmprel; left > 0;) {
		size_t got = elf_read_at(e, at, block,
					 at_most(left, ELEMENTS(block)) * sizeof(block[0])) /
			     sizeof(block[0]);

		if (got == 0)
			return;
		for (size_t i = 0; i < got; i++)
			for (size_t f = 0; f < n; f++)
				if (fns[f].found && fns[f].index &&
				    ELF64_R_SYM(block[i].r_info) == fns[f].index)
					fns[f].slot = block[i].r_offset;
		at += got * sizeof(block[0]);
		left -= got;
	}
}
