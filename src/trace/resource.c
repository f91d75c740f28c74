/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/resource.h"

#include <ctype.h>
#include <stdio.h>

#include "base/util.h"
#include "trace/emit.h"

#define PLACES_MAX	2048
#define PLACE_BYTES_MAX 8192 /* of JSON that is kept of one */
#define MEMBERS_MAX	64
#define NAME_BYTES_MAX	200
#define VALUE_BYTES_MAX 1024

#ifndef __clang__ /* gcc does not see that what hangs in a hash is not lost */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

/* Who has told; what the API server says comes first. */
enum teller { BY_ENRICHER, BY_PROBER, TELLERS };

struct known_place {
	UT_hash_handle hh;
	struct known_place *prev, *next;
	char key[2 + CGROUP_CONTAINER_MAX + 1]; /* "c/ID", "p/UID" */
	char *json[TELLERS];
	bool excluded; /* nothing of what runs in it is to be kept */
};

static void make_key(char key[2 + CGROUP_CONTAINER_MAX + 1], char kind, struct slice id)
{
	snprintf(key, 2 + CGROUP_CONTAINER_MAX + 1, "%c/%.*s", kind, SLICE_ARG(id));
}

/* --- what is known --- */

static void forget(struct known_places *k, struct known_place *p)
{
	HASH_DEL(k->by_key, p);
	DL_DELETE(k->list, p);
	k->n--;
	for (int i = 0; i < TELLERS; i++)
		free(p->json[i]);
	free(p);
}

void resource_done(struct known_places *k)
{
	while (k->list)
		forget(k, k->list);
}

static struct known_place *find(const struct known_places *k, char kind, const char *id)
{
	char key[sizeof(((struct known_place *)0)->key)];
	struct known_place *p = NULL;

	if (!id[0])
		return NULL;
	make_key(key, kind, slice_of(id));
	HASH_FIND_STR(k->by_key, key, p);
	return p;
}

static struct known_place *add(struct known_places *k, const char *key)
{
	struct known_place *p = NULL;

	HASH_FIND_STR(k->by_key, key, p);
	if (p) {
		DL_DELETE(k->list, p);
		DL_APPEND(k->list, p);
		return p;
	}
	if (k->n >= PLACES_MAX)
		forget(k, k->list);
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	snprintf(p->key, sizeof(p->key), "%s", key);
	HASH_ADD_STR(k->by_key, key, p);
	if (!p->hh.tbl) {
		free(p);
		return NULL;
	}
	DL_APPEND(k->list, p);
	k->n++;
	return p;
}

/* --- CONTAINER --- */

/* Names that tell where something runs, and nothing that would stand in for anything else. */
static bool is_name(struct slice name)
{
	static const char *const begins[] = { "container.", "k8s.", "cloud.", "host.type" };
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		known |= slice_starts(name, slice_of(begins[i]));
	for (size_t i = 0; known && i < name.n; i++)
		known = isalnum((unsigned char)name.p[i]) || strchr("._/-", name.p[i]);
	return known && name.n <= NAME_BYTES_MAX;
}

static char *clean_json(const cJSON *resource)
{
	struct buf out = { 0 };
	struct json_writer w = { .out = &out, .max = PLACE_BYTES_MAX };
	const cJSON *member;
	int n = 0;

	json_begin(&w, '{');
	cJSON_ArrayForEach (member, resource) {
		const char *value = cJSON_GetStringValue(member);

		if (!value || !*value || strlen(value) > VALUE_BYTES_MAX || !member->string ||
		    !is_name(slice_of(member->string)) || ++n > MEMBERS_MAX)
			continue;
		json_key(&w, member->string);
		json_put_str(&w, slice_of(value));
	}
	json_end(&w, '}');
	if (w.r == 0)
		w.r = buf_add(&out, (struct slice){ "", 1 }, SIZE_MAX);
	if (w.r < 0)
		buf_done(&out);
	return out.p;
}

static const struct run_place *place_of(const struct run_state *r)
{
	return r->place.of.tgid ? &r->place : &r->tree->place;
}

/* Also those that are over: it is the same run, of which more is known. */
static void tell_runs(struct trace *t, char kind, const char *id)
{
	for (struct tree_state *tree = t->trees; tree; tree = tree->hh.next) {
		struct run_state *r;

		list_for_each (r, tree->runs) {
			const struct cgroup_place *at = &place_of(r)->at;

			if (strcmp(kind == 'c' ? at->container : at->pod, id) == 0)
				run_emit(r, true);
		}
	}
}

static bool is_excluded(const struct tree_state *tree)
{
	const struct known_places *k = &tree->t->places;
	const struct known_place *c = find(k, 'c', tree->place.at.container),
				 *p = find(k, 'p', tree->place.at.pod);

	return (c && c->excluded) || (p && p->excluded);
}

/* What was told before anybody could know ends here, so that it does not look as if it went on. */
static void exclude(struct tree_state *tree)
{
	if (tree->excluded || !is_excluded(tree))
		return;
	tree_finish(tree, tree->t->now_ns);
	tree->excluded = true;
}

void resource_opened(struct tree_state *tree)
{
	tree->excluded = is_excluded(tree);
	tree->finished |= tree->excluded;
}

/* Only that its end is known: then it is forgotten. */
void resource_unheard(struct tree_state *tree, const struct sonde_event *e, const struct process *p)
{
	const bool self = process_key_eq(p->key, (struct process_key){ e->tgid, e->start_ns });

	if (e->kind == SONDE_EV_FORK)
		tree->live += !self;
	if (e->kind != SONDE_EV_EXIT)
		return;
	tree->live -= tree->live > 0;
	if (process_key_eq(p->key, tree->root)) {
		tree->exited = true;
		tree->end_ns = e->ts_ns;
	}
}

static void take(struct trace *t, const cJSON *j, char kind, struct slice id)
{
	const enum teller by =
		slice_eq(json_str(j, "by"), SLICE("prober")) ? BY_PROBER : BY_ENRICHER;
	char key[sizeof(((struct known_place *)0)->key)];
	struct known_place *p;

	make_key(key, kind, id);
	p = add(&t->places, key);
	if (!p)
		return;
	if (cJSON_IsTrue(json_at(j, "gone"))) {
		/* Runs in it may not be over, or not all told: it is the next to be forgotten. */
		DL_DELETE(t->places.list, p);
		DL_PREPEND(t->places.list, p);
		return;
	}
	free(p->json[by]);
	p->json[by] = clean_json(json_at(j, "resource"));
	if (by == BY_ENRICHER)
		p->excluded = cJSON_IsTrue(json_at(j, "excluded"));
	tell_runs(t, kind, key + 2);
	for (struct tree_state *tree = t->trees; p->excluded && tree; tree = tree->hh.next)
		exclude(tree);
}

void resource_event(struct trace *t, const struct sonde_event *e)
{
	const struct sonde_json_event *x = (const struct sonde_json_event *)e;
	_cleanup_(cJSON_Deletep) cJSON *j =
		json_parse((struct slice){ x->json, e->size - sizeof(*x) });
	const struct slice container = json_str(j, "container"), pod = json_str(j, "pod");

	if (container.n && container.n <= CGROUP_CONTAINER_MAX)
		take(t, j, 'c', container);
	else if (pod.n && pod.n <= CGROUP_POD_MAX)
		take(t, j, 'p', pod);
	else
		stat_add(t->stats, STAT_EVENTS_BAD, 1);
}

/* --- whose place --- */

/* @container: of version 1 the path that is told need not be the one that has it. */
static bool set(struct run_place *place, struct slice cgroup, struct slice container)
{
	struct cgroup_place at;

	if (!cgroup_place(cgroup, &at) && container.n && container.n <= CGROUP_CONTAINER_MAX)
		snprintf(at.container, sizeof(at.container), "%.*s", SLICE_ARG(container));
	if (!at.container[0] && !at.pod[0])
		return false;
	place->at = at;
	return true;
}

void resource_scope(struct run_place *place, const cJSON *scope)
{
	set(place, json_str(scope, "origin.cgroup"), json_str(scope, "origin.container"));
}

void resource_process(struct tree_state *tree, const struct process *p)
{
	struct run_state *r;

	if (!tree->place.at.container[0] && process_key_eq(p->key, tree->root) &&
	    set(&tree->place, p->cgroup, p->container)) {
		tree_touch(tree);
		exclude(tree);
	}
	list_for_each (r, tree->runs)
		if (!r->place.at.container[0] && process_key_eq(r->place.of, p->key) &&
		    set(&r->place, p->cgroup, p->container))
			run_emit(r, true);
}

void resource_call(struct call_state *c, struct process_key process)
{
	struct run_place *place = &c->run->place;
	const struct process *p;

	if (c->tree->place.at.container[0] || place->of.tgid)
		return;
	place->of = process;
	p = proc_find(c->tree->t->procs, process);
	if (p)
		set(place, p->cgroup, p->container);
}

/* --- telling it --- */

/* The first that tells a name is believed. */
struct members {
	struct emit *e;
	struct json_writer w;
	struct slice names[2 * MEMBERS_MAX];
	size_t n;
};

static void put(struct members *m, struct slice name, struct slice value)
{
	if (value.n == 0 || m->n == ARRAY_SIZE(m->names))
		return;
	for (size_t i = 0; i < m->n; i++)
		if (slice_eq(m->names[i], name))
			return;
	m->names[m->n++] = name;
	json_put_key(&m->w, name);
	json_put_str(&m->w, emit_text(m->e, value));
}

static void put_all(struct members *m, const char *json)
{
	struct slice name, value;
	struct json_iter it;

	if (!json || !json_object(slice_of(json), &it))
		return;
	while (json_next_member(&it, &name, &value))
		put(m, name, json_text(value, m->e->mem));
}

struct slice resource_json(struct run_state *r, struct emit *e)
{
	const struct cgroup_place *at = &place_of(r)->at;
	const struct known_place *known[] = { find(&r->t->places, 'c', at->container),
					      find(&r->t->places, 'p', at->pod) };
	struct members m = { .e = e };
	struct buf out = { 0 };
	struct slice s = { 0 };

	if (!e->mem || (!at->container[0] && !at->pod[0]))
		return s;
	m.w.out = &out;
	json_begin(&m.w, '{');
	put(&m, SLICE("container.id"), slice_of(at->container));
	put(&m, SLICE("container.runtime.name"), slice_of(at->runtime));
	for (int by = 0; by < TELLERS; by++)
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (known[i])
				put_all(&m, known[i]->json[by]);
	put(&m, SLICE("k8s.pod.uid"), slice_of(at->pod));
	json_end(&m.w, '}');
	if (m.w.r == 0)
		s = arena_copy(e->mem, buf_slice(&out));
	buf_done(&out);
	return s;
}
