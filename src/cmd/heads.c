/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/heads.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define HEAD_BYTES 2048 /* of a text that may turn out to be a tool's arguments */
#define HEADS_MAX  4096

struct head {
	struct id128 id;
	UT_hash_handle hh;
	size_t n;
	char text[];
};

static struct head *find(const struct heads *heads, const struct id128 *id)
{
	struct head *h;

	HASH_FIND(hh, heads->by_id, id, sizeof(*id), h);
	return h;
}

void heads_put(struct heads *heads, const struct id128 *id, const char *kind, struct slice bytes)
{
	struct head *h;

	if (strcmp(kind, "text") != 0 || find(heads, id))
		return;
	if (HASH_COUNT(heads->by_id) >= HEADS_MAX) {
		h = heads->by_id; /* the first that came */
		HASH_DEL(heads->by_id, h);
		free(h);
	}
	if (bytes.n > HEAD_BYTES)
		bytes.n = HEAD_BYTES;
	h = malloc(sizeof(*h) + bytes.n);
	if (!h)
		return;
	*h = (struct head){ .id = *id, .n = bytes.n };
	if (bytes.n)
		memcpy(h->text, bytes.p, bytes.n);
	HASH_ADD(hh, heads->by_id, id, sizeof(h->id), h);
	if (!h->hh.tbl)
		free(h);
}

struct slice heads_find(const struct heads *heads, const struct id128 *id)
{
	const struct head *h = id128_is_zero(id) ? NULL : find(heads, id);

	return h ? (struct slice){ h->text, h->n } : (struct slice){ 0 };
}

void heads_done(struct heads *heads)
{
	struct head *h, *next;

	HASH_ITER(hh, heads->by_id, h, next)
	{
		HASH_DEL(heads->by_id, h);
		free(h);
	}
}
