/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/spill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (1u << 20)

struct spill_block {
	struct spill_block *next;
	size_t begin, end; /* what is in use of data */
	_Alignas(8) char data[BLOCK_SIZE];
};

_Static_assert(SONDE_EVENT_MAX <= BLOCK_SIZE, "an event fits a block");

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static struct spill_block *block_with_room(struct spill *s, size_t n)
{
	struct spill_block *b = s->last;

	if (b && BLOCK_SIZE - b->end >= n)
		return b;
	b = malloc(sizeof(*b));
	if (!b)
		return NULL;
	b->next = NULL;
	b->begin = b->end = 0;
	if (s->last)
		s->last->next = b;
	else
		s->first = b;
	s->last = b;
	return b;
}

int spill_add(struct spill *s, const struct sonde_event *e)
{
	const size_t n = padded(e->size);
	struct spill_block *b;

	if (n > s->max || s->bytes > s->max - n)
		return -ENOBUFS;
	b = block_with_room(s, n);
	if (!b)
		return -ENOMEM;
	memcpy(b->data + b->end, e, e->size);
	b->end += n;
	s->bytes += n;
	return 0;
}

const struct sonde_event *spill_peek(const struct spill *s)
{
	if (!s->bytes)
		return NULL;
	return (const void *)(s->first->data + s->first->begin);
}

void spill_next(struct spill *s)
{
	struct spill_block *b = s->first;
	const struct sonde_event *e = spill_peek(s);
	size_t n;

	if (!e)
		return;
	n = padded(e->size);
	b->begin += n;
	s->bytes -= n;
	if (b->begin < b->end)
		return;
	s->first = b->next;
	if (!s->first)
		s->last = NULL;
	free(b);
}

void spill_done(struct spill *s)
{
	while (s->bytes)
		spill_next(s);
}
