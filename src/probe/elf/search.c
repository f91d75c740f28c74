/* SPDX-License-Identifier: BSD-2-Clause */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "probe/elf/elf.h"

#define BLOCK	 (256u << 10)
#define HITS_MAX 256 /* that are not accepted */

struct search {
	const struct elf_file *e;
	const char *text;
	size_t n;
	bool (*accept)(void *ctx, uint64_t offset);
	void *ctx;
	uint64_t left; /* bytes that may still be looked at */
	size_t hits;
};

static bool accepts(struct search *s, uint64_t at)
{
	s->hits++;
	return s->accept(s->ctx, at);
}

static bool search_block(struct search *s, const char *block, size_t n, uint64_t offset)
{
	const char *from = block, *hit;

	while (s->hits < HITS_MAX &&
	       (hit = memmem(from, n - (size_t)(from - block), s->text, s->n))) {
		if (accepts(s, offset + (uint64_t)(hit - block)))
			return true;
		from = hit + 1;
	}
	return false;
}

static int search_range(struct search *s, uint64_t offset, uint64_t size)
{
	char block[BLOCK];

	if (size > s->left)
		size = s->left;
	s->left -= size;
	while (size >= s->n && s->hits < HITS_MAX) {
		size_t len = size < sizeof(block) ? (size_t)size : sizeof(block);
		int r = elf_read(s->e, offset, block, len);

		if (r < 0)
			return r;
		if (search_block(s, block, len, offset))
			return 1;
		if (len == size)
			break;
		/* The blocks overlap by what could be the text's beginning. */
		offset += len - (s->n - 1);
		size -= len - (s->n - 1);
	}
	return 0;
}

int elf_search_bytes(const struct elf_file *e, const char *bytes, size_t n, uint64_t max_bytes,
		     bool (*accept)(void *ctx, uint64_t offset), void *ctx)
{
	const struct elf_section *rodata = elf_section(e, ".rodata");
	struct search s = {
		.e = e, .text = bytes, .n = n, .accept = accept, .ctx = ctx, .left = max_bytes
	};
	int r = 0;

	if (s.n == 0 || s.n >= ELF_TEXT_SIZE)
		return -EINVAL;
	if (rodata)
		return search_range(&s, rodata->offset, rodata->size);
	for (size_t i = 0; i < e->n_segments && r == 0; i++)
		if (e->segments[i].type == PT_LOAD && !(e->segments[i].flags & PF_W))
			r = search_range(&s, e->segments[i].offset, e->segments[i].size);
	return r;
}

struct text_search {
	const struct elf_file *e;
	bool (*accept)(void *ctx, const char *text);
	void *ctx;
};

static bool accept_text(void *ctx, uint64_t at)
{
	const struct text_search *t = ctx;
	char text[ELF_TEXT_SIZE] = "";
	uint64_t left = t->e->size - at;

	if (!t->accept)
		return true;
	return elf_read(t->e, at, text,
			left < sizeof(text) - 1 ? (size_t)left : sizeof(text) - 1) == 0 &&
	       t->accept(t->ctx, text);
}

int elf_search(const struct elf_file *e, const char *text, uint64_t max_bytes,
	       bool (*accept)(void *ctx, const char *text), void *ctx)
{
	struct text_search t = { .e = e, .accept = accept, .ctx = ctx };

	return elf_search_bytes(e, text, strlen(text), max_bytes, accept_text, &t);
}
