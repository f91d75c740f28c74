/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pointers in a file's data. Where the linker packed the relocations (RELR) or the file is loaded
 * where it was linked, they stand in the data itself; else in the addends of RELA.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "probe/elf/elf.h"

#define BLOCK_WORDS  8192
#define BLOCK_RELOCS 4096

struct span {
	uint64_t low, high; /* inclusive */
};

static struct span span_of(const uint64_t *values, size_t n)
{
	struct span s = { UINT64_MAX, 0 };

	for (size_t i = 0; i < n; i++) {
		s.low = values[i] < s.low ? values[i] : s.low;
		s.high = values[i] > s.high ? values[i] : s.high;
	}
	return s;
}

struct finding {
	const uint64_t *values;
	size_t n;
	struct span span;
	uint64_t *ret;
	size_t found, max;
	const uint64_t *next; /* what must follow, or NULL */
};

static void look_at(struct finding *f, uint64_t place, uint64_t value)
{
	if (value < f->span.low || value > f->span.high || f->found == f->max)
		return;
	for (size_t i = 0; i < f->n; i++) {
		if (f->values[i] != value)
			continue;
		f->ret[f->found++] = place;
		return;
	}
}

/* Constants with addresses are writable until they are relocated, where they are at all. */
static bool holds_data(const struct elf_file *e, const struct elf_segment *s)
{
	return s->type == PT_LOAD && !(s->flags & PF_X) && (s->flags & PF_W || e->type == ET_EXEC);
}

static int look_through(const struct elf_file *e, const struct elf_segment *s, uint64_t max_bytes,
			struct finding *f)
{
	uint64_t block[BLOCK_WORDS];
	uint64_t at = (s->vaddr + 7) & ~7ull, skip = at - s->vaddr, left;

	if (at < s->vaddr || skip > s->size)
		return 0;
	left = s->size - skip < max_bytes ? s->size - skip : max_bytes;
	while (left >= sizeof(block[0]) && f->found < f->max) {
		size_t n = left < sizeof(block) ? (size_t)left / 8 : BLOCK_WORDS;
		int r = elf_read(e, s->offset + (at - s->vaddr), block, n * 8);

		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++)
			if (!f->next || (i + 1 < n && block[i + 1] == *f->next))
				look_at(f, at + i * 8, block[i]);
		if (f->next && n == BLOCK_WORDS && left > sizeof(block))
			n--; /* the last word is looked at with what follows it */
		at += n * 8;
		left -= n * 8;
	}
	return 0;
}

static int look_through_all(const struct elf_file *e, struct finding *f)
{
	uint64_t left = ELF_DATA_MAX;

	for (size_t i = 0; i < e->n_segments; i++) {
		const struct elf_segment *s = &e->segments[i];
		int r;

		if (!holds_data(e, s))
			continue;
		r = look_through(e, s, left, f);
		if (r < 0)
			return r;
		left -= s->size < left ? s->size : left;
	}
	return 0;
}

/* Every relative relocation. */
static int each_relative(const struct elf_file *e,
			 void (*fn)(void *ctx, uint64_t place, uint64_t value), void *ctx)
{
	const uint32_t relative = e->machine == EM_AARCH64 ? R_AARCH64_RELATIVE : R_X86_64_RELATIVE;
	Elf64_Rela block[BLOCK_RELOCS];
	struct elf_dynamic d;
	uint64_t offset, left;
	size_t n;

	if (elf_dynamic(e, &d) < 0 || !d.rela || !elf_offset(e, d.rela, &offset, &left))
		return 0;
	n = (size_t)((d.rela_size < left ? d.rela_size : left) / sizeof(block[0]));
	n = n < ELF_RELOCS_MAX ? n : ELF_RELOCS_MAX;
	while (n > 0) {
		size_t k = n < BLOCK_RELOCS ? n : BLOCK_RELOCS;
		int r = elf_read(e, offset, block, k * sizeof(block[0]));

		if (r < 0)
			return r;
		for (size_t i = 0; i < k; i++)
			if (ELF64_R_TYPE(block[i].r_info) == relative)
				fn(ctx, block[i].r_offset, (uint64_t)block[i].r_addend);
		offset += k * sizeof(block[0]);
		n -= k;
	}
	return 0;
}

static void on_relative(void *ctx, uint64_t place, uint64_t value)
{
	look_at(ctx, place, value);
}

int elf_find_words(const struct elf_file *e, const uint64_t *values, size_t n, uint64_t *ret,
		   size_t max)
{
	struct finding f = {
		.values = values, .n = n, .span = span_of(values, n), .ret = ret, .max = max
	};
	int r;

	if (n == 0 || n > ELF_VALUES_MAX)
		return n == 0 ? 0 : -EINVAL;
	r = each_relative(e, on_relative, &f);
	if (r == 0)
		r = look_through_all(e, &f);
	return r < 0 ? r : (int)f.found;
}

int elf_find_pairs(const struct elf_file *e, const uint64_t *values, size_t n, uint64_t next,
		   uint64_t *ret, size_t max)
{
	struct finding f = {
		.values = values,
		.n = n,
		.span = span_of(values, n),
		.ret = ret,
		.max = max,
		.next = &next,
	};
	int r = look_through_all(e, &f);

	return r < 0 ? r : (int)f.found;
}

struct windows {
	struct elf_window *w;
	size_t n;
	struct span span;
};

static void put_relative(void *ctx, uint64_t place, uint64_t value)
{
	const struct windows *all = ctx;

	if (place < all->span.low || place > all->span.high || place % 8)
		return;
	for (size_t i = 0; i < all->n; i++)
		if (place >= all->w[i].at && place - all->w[i].at < sizeof(all->w[i].word))
			all->w[i].word[(place - all->w[i].at) / 8] = value;
}

/* A window may begin before its segment or end behind it. */
static void read_window(const struct elf_file *e, struct elf_window *w)
{
	memset(w->word, 0, sizeof(w->word));
	for (size_t i = 0, n; i < ELF_WINDOW_WORDS; i += n ? n : 1)
		n = elf_read_at(e, w->at + i * 8, &w->word[i], (ELF_WINDOW_WORDS - i) * 8) / 8;
}

int elf_read_windows(const struct elf_file *e, struct elf_window *windows, size_t n)
{
	struct windows all = { .w = windows, .n = n, .span = { UINT64_MAX, 0 } };

	for (size_t i = 0; i < n; i++) {
		struct elf_window *w = &windows[i];

		read_window(e, w);
		all.span.low = w->at < all.span.low ? w->at : all.span.low;
		if (w->at + sizeof(w->word) > all.span.high)
			all.span.high = w->at + sizeof(w->word);
	}
	return n ? each_relative(e, put_relative, &all) : 0;
}
