/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a hash table is refused memory, what is not found by its key is written twice, in order: no
 * harm. */
#include "store/write/pending.h"

#include <errno.h>
#include <stdlib.h>

#include "store/attrs.h"
#include "store/db.h"

#define ADD(p, list, item)                        \
	do {                                      \
		*(p)->list##_tail = (item);       \
		(p)->list##_tail = &(item)->next; \
		(p)->rows++;                      \
	} while (0)

int pending_new(size_t max, struct pending **ret)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->mem = arena_new(max);
	if (!p->mem) {
		free(p);
		return -ENOMEM;
	}
	p->blobs_tail = &p->blobs;
	p->media_tail = &p->media;
	p->nodes_tail = &p->nodes;
	p->spans_tail = &p->spans;
	p->runs_tail = &p->runs;
	p->states_tail = &p->states;
	p->cuts_tail = &p->cuts;
	*ret = p;
	return 0;
}

void pending_free(struct pending *p)
{
	if (!p)
		return;
	HASH_CLEAR(hh, p->blobs_by_id);
	HASH_CLEAR(hh, p->spans_by_key);
	HASH_CLEAR(hh, p->runs_by_id);
	HASH_CLEAR(hh, p->states_by_run);
	arena_free(p->mem);
	free(p);
}

static struct pending_blob *find_blob(const struct pending *p, const struct id128 *id)
{
	struct pending_blob *b;

	HASH_FIND(hh, p->blobs_by_id, id, sizeof(*id), b);
	return b;
}

bool pending_has_blob(const struct pending *p, const struct id128 *id)
{
	return find_blob(p, id) != NULL;
}

int pending_blob(struct pending *p, const struct id128 *id, const char *kind, struct slice packed,
		 enum blob_codec codec, size_t size)
{
	struct pending_blob *b = ARENA_NEW(p->mem, struct pending_blob);

	if (!b)
		return -ENOBUFS;
	b->id = *id;
	b->codec = codec;
	b->size = size;
	b->kind = arena_copy(p->mem, slice_of(kind));
	b->bytes = arena_copy(p->mem, packed);
	if (!b->kind.p || !b->bytes.p)
		return -ENOBUFS;
	HASH_ADD(hh, p->blobs_by_id, id, sizeof(b->id), b);
	ADD(p, blobs, b);
	return 0;
}

int pending_media(struct pending *p, const struct media *m)
{
	struct pending_media *item = ARENA_NEW(p->mem, struct pending_media);

	if (!item)
		return -ENOBUFS;
	item->media = *m;
	item->media.digest = arena_copy(p->mem, m->digest);
	if (!item->media.digest.p)
		return -ENOBUFS;
	ADD(p, media, item);
	return 0;
}

int pending_node(struct pending *p, const struct id128 *id, const struct id128 *parent,
		 const struct id128 *message, uint32_t depth)
{
	struct pending_node *n = ARENA_NEW(p->mem, struct pending_node);

	if (!n)
		return -ENOBUFS;
	n->id = *id;
	n->parent = parent ? *parent : (struct id128){ 0 };
	n->message = *message;
	n->depth = depth;
	ADD(p, nodes, n);
	return 0;
}

static bool copy_span(struct pending *p, const struct span *from, struct pending_span *to)
{
	struct buf json = { 0 };
	struct span span = *from;
	bool ok;

	ok = row_copy(p->mem, span_columns, span_columns_n, &span) &&
	     attrs_write(from->attrs, from->n_attrs, &json) == 0;
	if (ok) {
		to->json = arena_copy(p->mem, buf_slice(&json));
		ok = to->json.p != NULL;
	}
	buf_done(&json);
	span.attrs = NULL;
	span.n_attrs = 0;
	if (span.cost.source == COST_UNKNOWN)
		span.cost.pico_usd = LLM_UNKNOWN;
	if (ok)
		to->span = span;
	return ok;
}

static struct pending_span *find_span(const struct pending *p, const struct pending_key *key)
{
	struct pending_span *s;

	HASH_FIND(hh, p->spans_by_key, key, sizeof(*key), s);
	return s;
}

int pending_span(struct pending *p, const struct span *span)
{
	struct pending_key key = { span->run_id, span->span_id };
	struct pending_span *old = find_span(p, &key), *s;

	if (old && !old->span.final)
		return copy_span(p, span, old) ? 0 : -ENOBUFS;
	s = ARENA_NEW(p->mem, struct pending_span);
	if (!s || !copy_span(p, span, s))
		return -ENOBUFS;
	s->key = key;
	if (old)
		HASH_DEL(p->spans_by_key, old);
	HASH_ADD(hh, p->spans_by_key, key, sizeof(s->key), s);
	ADD(p, spans, s);
	return 0;
}

static struct pending_run *find_run(const struct pending *p, const struct id128 *id)
{
	struct pending_run *r;

	HASH_FIND(hh, p->runs_by_id, id, sizeof(*id), r);
	return r;
}

int pending_run(struct pending *p, const struct run *run)
{
	struct pending_run *r = find_run(p, &run->run_id);
	struct run copy = *run;

	if (!row_copy(p->mem, run_columns, run_columns_n, &copy))
		return -ENOBUFS;
	if (r) {
		r->run = copy;
		return 0;
	}
	r = ARENA_NEW(p->mem, struct pending_run);
	if (!r)
		return -ENOBUFS;
	r->run = copy;
	HASH_ADD(hh, p->runs_by_id, run.run_id, sizeof(r->run.run_id), r);
	ADD(p, runs, r);
	return 0;
}

int pending_state(struct pending *p, const struct id128 *run, struct slice state)
{
	struct slice bytes = arena_copy(p->mem, state);
	struct pending_state *s;

	if (state.n && !bytes.n)
		return -ENOBUFS;
	HASH_FIND(hh, p->states_by_run, run, sizeof(*run), s);
	if (s) {
		s->bytes = bytes;
		return 0;
	}
	s = ARENA_NEW(p->mem, struct pending_state);
	if (!s)
		return -ENOBUFS;
	s->run = *run;
	s->bytes = bytes;
	HASH_ADD(hh, p->states_by_run, run, sizeof(s->run), s);
	ADD(p, states, s);
	return 0;
}

int pending_cut(struct pending *p, const struct store_cut *cut)
{
	struct pending_cut *c = ARENA_NEW(p->mem, struct pending_cut);

	if (!c)
		return -ENOBUFS;
	c->cut = *cut;
	c->cut.why = arena_copy(p->mem, cut->why);
	ADD(p, cuts, c);
	return 0;
}
