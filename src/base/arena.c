/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>

#define BLOCK_MIN 4096

struct block {
	struct block *next;
	size_t used, cap;
	alignas(max_align_t) char data[];
};

struct arena {
	struct block *head;
	size_t left; /* bytes that may still be taken from malloc */
	size_t size; /* bytes taken */
	struct arena_budget *budget;
	bool failed;
};

struct arena *arena_new(size_t limit)
{
	return arena_new_within(limit, NULL);
}

struct arena *arena_new_within(size_t limit, struct arena_budget *budget)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->left = limit;
	a->budget = budget;
	return a;
}

size_t arena_size(const struct arena *a)
{
	return a->size;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->head, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	if (a->budget)
		a->budget->used -= a->size;
	free(a);
}

bool arena_failed(const struct arena *a)
{
	return a->failed;
}

static struct block *block_new(struct arena *a, size_t need)
{
	size_t cap = need > BLOCK_MIN ? need : BLOCK_MIN;
	struct block *b;

	if (need > a->left)
		return NULL;
	if (cap > a->left)
		cap = a->left;
	if (a->budget && cap > a->budget->max - a->budget->used)
		return NULL;
	b = calloc(1, sizeof(*b) + cap);
	if (!b)
		return NULL;
	if (a->budget)
		a->budget->used += cap;
	a->size += cap;
	b->cap = cap;
	b->next = a->head;
	a->head = b;
	a->left -= cap;
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct block *b = a->head;
	void *p;

	n = n > SIZE_MAX - align ? SIZE_MAX : (n + align - 1) & ~(align - 1);
	if (!b || b->cap - b->used < n) {
		b = block_new(a, n);
		if (!b) {
			a->failed = true;
			return NULL;
		}
	}
	p = b->data + b->used;
	b->used += n;
	return p;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (!p)
		return (struct slice){ 0 };
	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct slice){ p, s.n };
}

void arena_add(struct arena *a, struct buf *b, struct slice s)
{
	if (s.n == 0)
		return;
	if (s.n > b->cap - b->n) {
		size_t cap = (b->n + s.n) * 2;
		char *p = arena_alloc(a, cap);

		if (!p)
			return;
		if (b->n)
			memcpy(p, b->p, b->n);
		b->p = p;
		b->cap = cap;
	}
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}
