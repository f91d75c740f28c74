/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/elf/xref.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"

#define BLOCK	  (256u << 10)
#define OVERLAP	  16 /* what a hit may need of the bytes around it */
#define RANGE_MAX 64

/* --- texts --- */

struct strings {
	const struct elf_file *e;
	uint64_t *found;
	size_t n, max;
	bool whole;
};

static bool keep_string(struct strings *s, uint64_t offset)
{
	uint64_t vaddr;

	if (!elf_address(s->e, offset, &vaddr))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->found[i] == vaddr)
			return false;
	s->found[s->n++] = vaddr;
	return s->n == s->max;
}

/* The beginning of the string that the text is the end of. */
static uint64_t string_start(const struct strings *s, uint64_t offset)
{
	char before[256];
	size_t n = offset < sizeof(before) ? (size_t)offset : sizeof(before);
	const char *nul;

	if (n == 0 || elf_read(s->e, offset - n, before, n) < 0)
		return offset;
	nul = memrchr(before, 0, n);
	return nul ? offset - n + (uint64_t)(nul + 1 - before) : offset;
}

static bool on_text(void *ctx, uint64_t offset)
{
	struct strings *s = ctx;

	return (!s->whole && keep_string(s, string_start(s, offset))) || keep_string(s, offset);
}

int elf_find_strings(const struct elf_file *e, const char *text, bool whole, uint64_t *ret,
		     size_t max)
{
	struct strings s = { .e = e, .found = ret, .max = max, .whole = whole };
	int r = max && *text
			? elf_search_bytes(e, text, strlen(text) + 1, ELF_TEXT_MAX, on_text, &s)
			: 0;

	return r < 0 ? r : (int)s.n;
}

/* --- code --- */

struct scan {
	const struct elf_file *e;
	const uint64_t *to;
	const struct elf_range *ranges;
	size_t n_to;
	uint64_t low, high; /* bounds of all of them, both included */
	struct elf_ref *ret;
	size_t n, max;
	bool full;
	/* A64: what adrp and add have put into each register, and where. */
	struct {
		uint64_t v, at;
	} made[32];
};

/* Looks at code of which the first @from bytes were seen before. */
typedef void (*scan_fn)(struct scan *s, const uint8_t *code, size_t from, size_t n, uint64_t vaddr);

static uint32_t word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void keep(struct scan *s, uint64_t at, uint64_t to)
{
	if (s->n == s->max)
		s->full = true;
	else
		s->ret[s->n++] = (struct elf_ref){ at, to };
}

static bool wanted(const struct scan *s, uint64_t to)
{
	for (size_t i = 0; s->to && i < s->n_to; i++)
		if (s->to[i] == to)
			return true;
	for (size_t i = 0; s->ranges && i < s->n_to; i++)
		if (to >= s->ranges[i].from && to < s->ranges[i].to)
			return true;
	return false;
}

/* mov $imm32,%r32; movq $imm32,%r64; push $imm32: the only ways to load an address as a number. */
static bool loads_number(const uint8_t *imm)
{
	return (imm[-1] >= 0xb8 && imm[-1] <= 0xbf) || imm[-1] == 0x68 ||
	       (imm[-2] == 0xc7 && imm[-1] >= 0xc0 && imm[-1] <= 0xc7);
}

static void scan_numbers(struct scan *s, const uint8_t *code, size_t from, size_t n, uint64_t vaddr)
{
	const uint64_t span = s->high - s->low;

	for (size_t i = from < 2 ? 2 : from; i + 4 <= n; i++) {
		uint32_t v = word(code + i);

		if (v - s->low <= span && v <= INT32_MAX && loads_number(code + i) && wanted(s, v))
			keep(s, vaddr + i, v);
	}
}

static uint64_t relative(const uint8_t *code, size_t i, uint64_t vaddr)
{
	return vaddr + i + 4 + (uint64_t)(int64_t)(int32_t)word(code + i);
}

/* lea disp32(%rip),%r64 */
static void scan_relative(struct scan *s, const uint8_t *code, size_t from, size_t n,
			  uint64_t vaddr)
{
	const uint8_t *at = code + (from < 2 ? 0 : from - 2);

	for (; (at = memchr(at, 0x8d, n - (size_t)(at - code))); at++) {
		size_t i = (size_t)(at - code) + 2;
		uint64_t to;

		if (i + 4 > n)
			return;
		to = relative(code, i, vaddr);
		if ((at[1] & 0xc7) == 0x05 && to - s->low <= s->high - s->low && wanted(s, to))
			keep(s, vaddr + i, to);
	}
}

static void scan_refs(struct scan *s, const uint8_t *code, size_t from, size_t n, uint64_t vaddr)
{
	/* What is loaded anywhere has no addresses that are numbers. */
	if (s->e->type == ET_EXEC)
		scan_numbers(s, code, from, n, vaddr);
	scan_relative(s, code, from, n, vaddr);
}

static void scan_calls(struct scan *s, const uint8_t *code, size_t from, size_t n, uint64_t vaddr)
{
	const uint8_t *at = code + (from < 1 ? 0 : from - 1);

	for (; (at = memchr(at, 0xe8, n - (size_t)(at - code))); at++) {
		size_t i = (size_t)(at - code) + 1;
		uint64_t to;

		if (i + 4 > n)
			return;
		to = relative(code, i, vaddr);
		if (to - s->low <= s->high - s->low && wanted(s, to))
			keep(s, vaddr + i, to);
	}
}

/* --- A64 (Arm ARM, C4.1) --- */

#define A64_SIZE 4
#define PAGE_FAR 4096 /* bytes of code between two instructions that make an address */

static uint64_t signed_field(uint32_t w, int at, int width)
{
	return (uint64_t)((int64_t)((uint64_t)(w >> at) << (64 - width)) >> (64 - width));
}

/* adr, adrp: the low two bits of the distance stand apart. */
static uint64_t distance(uint32_t w)
{
	return signed_field(w, 5, 19) << 2 | (w >> 29 & 3);
}

static void look_a64(struct scan *s, uint32_t w, uint64_t at)
{
	const uint32_t to = w & 31, from = w >> 5 & 31;
	uint64_t v;

	switch (w & 0x9f000000) {
	case 0x10000000: /* adr */
		v = at + distance(w);
		break;
	case 0x90000000: /* adrp */
		v = (at & ~4095ull) + (distance(w) << 12);
		break;
	default: /* add x, x, #n; twice where gcc counts from one text to the others */
		if ((w & 0xffc00000) != 0x91000000 || at - s->made[from].at > PAGE_FAR)
			return;
		v = s->made[from].v + (w >> 10 & 4095);
	}
	s->made[to].v = v;
	s->made[to].at = at;
	if (v - s->low <= s->high - s->low && wanted(s, v))
		keep(s, at, v);
}

/* The first whole instruction of which not all was seen. */
static size_t first_a64(size_t from, uint64_t vaddr)
{
	size_t skip = (size_t)(-vaddr & (A64_SIZE - 1));

	return from <= skip ? skip : skip + (from - skip + A64_SIZE - 1) / A64_SIZE * A64_SIZE;
}

static void scan_refs_a64(struct scan *s, const uint8_t *code, size_t from, size_t n,
			  uint64_t vaddr)
{
	for (size_t i = first_a64(from, vaddr); i + A64_SIZE <= n; i += A64_SIZE)
		look_a64(s, word(code + i), vaddr + i);
}

/* bl */
static void scan_calls_a64(struct scan *s, const uint8_t *code, size_t from, size_t n,
			   uint64_t vaddr)
{
	for (size_t i = first_a64(from, vaddr); i + A64_SIZE <= n; i += A64_SIZE) {
		uint32_t w = word(code + i);
		uint64_t to = vaddr + i + (signed_field(w, 0, 26) << 2);

		if ((w & 0xfc000000) == 0x94000000 && to - s->low <= s->high - s->low &&
		    wanted(s, to))
			keep(s, vaddr + i, to);
	}
}

static const struct scanner {
	uint16_t machine;
	scan_fn refs, calls;
} scanners[] = {
	{ EM_X86_64, scan_refs, scan_calls },
	{ EM_AARCH64, scan_refs_a64, scan_calls_a64 },
};

static const struct scanner *scanner_of(const struct elf_file *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(scanners); i++)
		if (scanners[i].machine == e->machine)
			return &scanners[i];
	return NULL;
}

/* --- all of the code --- */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int scan_segment(struct scan *s, const struct elf_segment *g, uint64_t size, scan_fn fn,
			uint64_t end_ms)
{
	uint8_t block[BLOCK];
	uint64_t at = 0;
	size_t seen = 0; /* of the block */

	while (at < size) {
		size_t n = size - at < sizeof(block) ? (size_t)(size - at) : sizeof(block);
		int r = elf_read(s->e, g->offset + at, block, n);

		if (r < 0)
			return r;
		fn(s, block, seen, n, g->vaddr + at);
		if (n == size - at)
			return 0;
		if (now_ms() > end_ms)
			return -ETIME;
		/*
		 * A field that did not end in this block is looked at in the next one, which begins
		 * so much earlier that it also sees what stands before it.
		 */
		at += n - OVERLAP;
		seen = OVERLAP - 3;
	}
	return 0;
}

static int scan_code(struct scan *s, scan_fn fn)
{
	uint64_t left = ELF_CODE_MAX, end_ms = now_ms() + ELF_CODE_MS;
	int r = 0;

	for (size_t i = 0; i < s->e->n_segments && r == 0; i++) {
		const struct elf_segment *g = &s->e->segments[i];
		uint64_t size = g->size < left ? g->size : left;

		if (g->type != PT_LOAD || !(g->flags & PF_X))
			continue;
		left -= size;
		r = scan_segment(s, g, size, fn, end_ms);
	}
	return r < 0 ? r : (int)s->n;
}

static int by_place(const void *a, const void *b)
{
	const struct elf_ref *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

int elf_find_refs(const struct elf_file *e, const uint64_t *to, size_t n, struct elf_ref *ret,
		  size_t max)
{
	struct scan s = { .e = e, .to = to, .n_to = n, .ret = ret, .max = max, .low = UINT64_MAX };
	const struct scanner *scanner = scanner_of(e);
	int r;

	if (n == 0 || !scanner)
		return 0;
	for (size_t i = 0; i < n; i++) {
		s.low = to[i] < s.low ? to[i] : s.low;
		s.high = to[i] > s.high ? to[i] : s.high;
	}
	r = scan_code(&s, scanner->refs);
	if (r >= 0 && s.full)
		return -E2BIG;
	if (r > 0)
		qsort(ret, (size_t)r, sizeof(*ret), by_place);
	return r;
}

int elf_find_calls(const struct elf_file *e, const struct elf_range *to, size_t n,
		   struct elf_ref *ret, size_t max)
{
	struct scan s = { .e = e, .ranges = to, .ret = ret, .max = max, .low = UINT64_MAX };
	const struct scanner *scanner = scanner_of(e);

	if (!scanner)
		return 0;
	s.n_to = n < RANGE_MAX ? n : RANGE_MAX;
	for (size_t i = 0; i < s.n_to; i++) {
		s.low = to[i].from < s.low ? to[i].from : s.low;
		s.high = to[i].to > s.high ? to[i].to : s.high;
	}
	if (s.low >= s.high)
		return 0;
	return scan_code(&s, scanner->calls);
}
