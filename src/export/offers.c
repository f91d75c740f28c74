/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/offers.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "llm/llm.h"

#define NAMES_MAX (4u << 20) /* bytes of one list's names */

struct offer {
	UT_hash_handle hh;
	int64_t calls;
	bool called;
	size_t n, tool_n;
	char key[]; /* the tool's name, a NUL, the agent's */
};

static int make_key(struct buf *b, struct slice tool, struct slice agent)
{
	b->n = 0;
	if (buf_add(b, tool, NAMES_MAX) < 0 || buf_add(b, (struct slice){ "", 1 }, NAMES_MAX) < 0)
		return -ENOMEM;
	return buf_add(b, agent, NAMES_MAX);
}

static struct offer *find(const struct offers *o, const struct buf *key)
{
	struct offer *e;

	HASH_FIND(hh, o->by_key, key->p, key->n, e);
	return e;
}

static struct offer *add(struct offers *o, const struct buf *key, size_t tool_n)
{
	struct offer *e = malloc(sizeof(*e) + key->n);

	if (!e)
		return NULL;
	*e = (struct offer){ .n = key->n, .tool_n = tool_n };
	memcpy(e->key, key->p, key->n);
	HASH_ADD_KEYPTR(hh, o->by_key, e->key, e->n, e);
	if (e->hh.tbl)
		return e;
	free(e);
	return NULL;
}

struct reading {
	struct store_reader *r;
	struct offers *offers;
	const struct store_offer *offer;
	struct buf list, key;
	int err;
};

static bool on_tool(void *ctx, struct slice name, struct slice description)
{
	struct reading *rd = ctx;
	struct offer *e;

	(void)description;
	rd->err = make_key(&rd->key, name, rd->offer->agent);
	if (rd->err < 0)
		return false;
	e = find(rd->offers, &rd->key);
	if (!e && HASH_COUNT(rd->offers->by_key) >= OFFERS_MAX) {
		rd->offers->dropped++;
		return true;
	}
	if (!e)
		e = add(rd->offers, &rd->key, name.n);
	if (!e) {
		rd->err = -ENOMEM;
		return false;
	}
	e->calls += rd->offer->calls;
	return true;
}

static int on_offer(void *ctx, const struct store_offer *offer)
{
	struct reading *rd = ctx;
	_cleanup_(arena_freep) struct arena *names = arena_new(NAMES_MAX);

	if (!names)
		return -ENOMEM;
	rd->list.n = 0;
	if (store_blob_read(rd->r, &offer->tools, &rd->list) < 0)
		return 0; /* not kept any more */
	rd->offer = offer;
	llm_each_tool(buf_slice(&rd->list), names, on_tool, rd);
	return rd->err;
}

int offers_read(struct store_reader *r, const struct store_filter *f, struct offers *ret)
{
	struct reading rd = { .r = r, .offers = ret };
	int err = store_offers(r, f, on_offer, &rd);

	buf_done(&rd.list);
	buf_done(&rd.key);
	return err < 0 ? err : 0;
}

void offers_done(struct offers *o)
{
	struct offer *e, *next;

	HASH_ITER(hh, o->by_key, e, next)
	{
		HASH_DEL(o->by_key, e);
		free(e);
	}
}

int64_t offers_take(struct offers *o, struct slice tool, struct slice agent)
{
	_cleanup_(buf_done) struct buf key = { 0 };
	struct offer *e = make_key(&key, tool, agent) == 0 ? find(o, &key) : NULL;

	if (!e)
		return 0;
	e->called = true;
	return e->calls;
}

static int by_calls(const struct offer *a, const struct offer *b)
{
	const size_t n = a->n < b->n ? a->n : b->n;
	int r;

	if (a->calls != b->calls)
		return a->calls > b->calls ? -1 : 1;
	r = memcmp(a->key, b->key, n);
	return r ? r : (a->n > b->n) - (a->n < b->n);
}

int offers_rest(struct offers *o, offer_fn fn, void *ctx)
{
	int r = 0;

	HASH_SORT(o->by_key, by_calls);
	for (const struct offer *e = o->by_key; e && r >= 0; e = e->hh.next)
		if (!e->called)
			r = fn(ctx, (struct slice){ e->key, e->tool_n },
			       (struct slice){ e->key + e->tool_n + 1, e->n - e->tool_n - 1 },
			       e->calls);
	return r;
}
