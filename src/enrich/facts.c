/* SPDX-License-Identifier: BSD-2-Clause */
#include "enrich/facts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/map.h"

#define EVENT_MAX 16384 /* bytes of JSON of one event */

/* One container, or what all of the pod have in common. */
struct told {
	struct told *next;
	uint64_t hash; /* of what was told */
	uint64_t seen; /* number of the reading that had it last */
	char kind;
	char id[POD_ID_MAX + 1];
};

struct pod {
	UT_hash_handle hh;
	char uid[POD_UID_MAX + 1];
	struct told *told;
	unsigned n;
	uint64_t list; /* number of the list that had it last */
};

struct facts {
	struct pod *pods;
	facts_send_fn send;
	void *ctx;
	uint64_t list, reading;
};

/* One pod while it is read. */
struct reading {
	struct facts *f;
	struct pod *pod;
	bool excluded;
	int r;
};

int facts_new(facts_send_fn send, void *ctx, struct facts **ret)
{
	struct facts *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->send = send;
	f->ctx = ctx;
	*ret = f;
	return 0;
}

static void pod_free(struct facts *f, struct pod *p)
{
	while (p->told) {
		struct told *next = p->told->next;

		free(p->told);
		p->told = next;
	}
	HASH_DEL(f->pods, p);
	free(p);
}

void facts_free(struct facts *f)
{
	struct pod *p, *next;

	if (!f)
		return;
	HASH_ITER(hh, f->pods, p, next)
	pod_free(f, p);
	free(f);
}

size_t facts_count(const struct facts *f)
{
	return HASH_COUNT(f->pods);
}

static struct pod *find(const struct facts *f, struct slice uid)
{
	struct pod *p = NULL;

	HASH_FIND(hh, f->pods, uid.p, uid.n, p);
	return p;
}

static struct pod *add(struct facts *f, struct slice uid)
{
	struct pod *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	memcpy(p->uid, uid.p, uid.n);
	HASH_ADD_KEYPTR(hh, f->pods, p->uid, uid.n, p);
	if (p->hh.tbl)
		return p;
	free(p);
	return NULL;
}

/* @resource without bytes: it is gone. */
static int send_event(struct facts *f, char kind, struct slice id, struct slice resource,
		      bool excluded)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct json_writer w = { .out = &text, .max = EVENT_MAX };

	json_begin(&w, '{');
	json_key(&w, kind == 'p' ? "pod" : "container");
	json_put_str(&w, id);
	if (resource.n) {
		json_key(&w, "resource");
		json_put_raw(&w, resource);
	} else {
		json_key(&w, "gone");
		json_put_bool(&w, true);
	}
	if (excluded) {
		json_key(&w, "excluded");
		json_put_bool(&w, true);
	}
	json_end(&w, '}');
	return w.r < 0 ? w.r : f->send(f->ctx, buf_slice(&text));
}

static struct told *told_of(struct pod *p, char kind, struct slice id)
{
	struct told *t;

	for (t = p->told; t; t = t->next)
		if (t->kind == kind && slice_eq(slice_of(t->id), id))
			return t;
	if (p->n >= POD_CONTAINERS_MAX + 1)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->kind = kind;
	memcpy(t->id, id.p, id.n);
	t->next = p->told;
	p->told = t;
	p->n++;
	return t;
}

static void on_fact(void *ctx, char kind, struct slice id, struct slice resource)
{
	struct reading *r = ctx;
	struct told *t = r->r == 0 ? told_of(r->pod, kind, id) : NULL;
	const uint64_t hash = XXH3_64bits_withSeed(resource.p, resource.n, r->excluded);

	if (!t)
		return;
	t->seen = r->f->reading;
	if (t->hash == hash)
		return;
	r->r = send_event(r->f, kind, id, resource, r->excluded);
	if (r->r == 0)
		t->hash = hash;
}

/* Containers that the pod does not have any more: each restart is a new one. */
static int forget_unseen(struct facts *f, struct pod *p)
{
	int r = 0;

	for (struct told **at = &p->told; *at && r == 0;) {
		struct told *t = *at;

		if (t->seen == f->reading) {
			at = &t->next;
			continue;
		}
		r = send_event(f, t->kind, slice_of(t->id), (struct slice){ 0 }, false);
		*at = t->next;
		free(t);
		p->n--;
	}
	return r;
}

int facts_pod(struct facts *f, const cJSON *pod, const struct pod_context *c)
{
	const struct slice uid = pod_uid(pod);
	struct reading r = { .f = f, .pod = find(f, uid), .excluded = pod_is_excluded(pod, c) };

	if (uid.n == 0)
		return -EBADMSG;
	if (!r.pod && facts_count(f) >= FACTS_PODS_MAX)
		return -ENOSPC;
	if (!r.pod)
		r.pod = add(f, uid);
	if (!r.pod)
		return -ENOMEM;
	f->reading++;
	r.pod->list = f->list;
	pod_read(pod, c, on_fact, &r);
	return r.r < 0 ? r.r : forget_unseen(f, r.pod);
}

static int gone(struct facts *f, struct pod *p)
{
	int r;

	f->reading++;
	r = forget_unseen(f, p);
	pod_free(f, p);
	return r;
}

int facts_gone(struct facts *f, struct slice uid)
{
	struct pod *p = find(f, uid);

	return p ? gone(f, p) : 0;
}

void facts_list_begin(struct facts *f)
{
	f->list++;
}

int facts_list_end(struct facts *f)
{
	struct pod *p, *next;
	int r = 0;

	HASH_ITER(hh, f->pods, p, next)
	if (r == 0 && p->list != f->list)
		r = gone(f, p);
	return r;
}
