/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scopes that a daemon has found and of which it does not know yet whether an agent is in them. No
 * step of theirs is kept; processes are in the table of proc/ as all are. A run begins with the
 * first call of a model or a tool server, or with a known agent's program: at the nearest process
 * at or above it that is one, else at the one that called, with what it has started. The rest of
 * the scope stays as it was: an agent may be the next that a shell starts in it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/argv.h"
#include "base/json.h"
#include "trace/emit.h"

#define TENTATIVES_MAX	16384
#define TEXT_MAX	(32u << 20) /* bytes of what SCOPE events say, of all */
#define JSON_MAX	16384	    /* of one; what is longer is known by its process alone */
#define ANCESTORS_MAX	32
#define CLIMB_MAX	64
#define FORK_TOLD_NS	10000000ull
#define EMPTY_LINGER_NS 1000000000ull /* late facts of a scope whose processes have ended */

struct tentative {
	UT_hash_handle hh; /* by scope, in order of their coming */
	uint32_t scope;
	bool definite; /* let in for what it is: its first program begins a run */
	struct process_key root;
	uint64_t live, empty_ns; /* processes; when the last one ended */
	struct slice json;	 /* SCOPE; malloc'ed; empty: not here yet */
};

static struct tentative *find(const struct trace *t, uint32_t scope)
{
	struct tentative *one;

	HASH_FIND(hh, t->tentatives, &scope, sizeof(scope), one);
	return one;
}

static void forget(struct trace *t, struct tentative *one)
{
	HASH_DEL(t->tentatives, one);
	t->tentative_bytes -= one->json.n;
	free((char *)one->json.p);
	free(one);
}

void tentative_free_all(struct trace *t)
{
	while (t->tentatives)
		forget(t, t->tentatives);
}

static struct tentative *add(struct trace *t, uint32_t scope, struct process_key root)
{
	struct tentative *one;

	stat_add(t->stats, STAT_TRACE_TREES, 1);
	if (HASH_COUNT(t->tentatives) >= TENTATIVES_MAX)
		forget(t, t->tentatives);
	one = calloc(1, sizeof(*one));
	if (!one)
		return NULL;
	one->scope = scope;
	one->root = root;
	one->live = 1;
	HASH_ADD(hh, t->tentatives, scope, sizeof(one->scope), one);
	if (!one->hh.tbl) {
		free(one);
		return NULL;
	}
	return one;
}

static void keep_json(struct trace *t, struct tentative *one, struct slice json)
{
	char *copy;

	if (json.n > JSON_MAX || t->tentative_bytes - one->json.n + json.n > TEXT_MAX)
		return;
	copy = slice_dup(json);
	if (!copy)
		return;
	t->tentative_bytes += json.n - one->json.n;
	free((char *)one->json.p);
	one->json = (struct slice){ copy, json.n };
}

/* --- what a run of a part of it is told as --- */

static void put_argv(cJSON *to, const struct process *p)
{
	cJSON *argv = cJSON_AddArrayToObject(to, "argv");
	struct slice arg, rest = p->argv;

	while (argv_next(&rest, &arg)) {
		char *text = slice_dup(arg);

		cJSON_AddItemToArray(argv, cJSON_CreateString(text ? text : ""));
		free(text);
	}
}

static void put_text(cJSON *to, const char *name, struct slice s)
{
	char *text = s.n ? slice_dup(s) : NULL;

	cJSON_DeleteItemFromObjectCaseSensitive(to, name);
	if (text)
		cJSON_AddStringToObject(to, name, text);
	free(text);
}

/* What stands between the scope's root and @p, and that one's own ancestors. */
static cJSON *ancestors_of(const struct trace *t, const struct process *p, cJSON *known)
{
	cJSON *list = cJSON_CreateArray();
	int n = 0;

	for (p = proc_find(t->procs, p->parent); p && p->scope && n < ANCESTORS_MAX; n++) {
		cJSON *one = cJSON_CreateObject();

		put_text(one, "comm", p->comm);
		put_text(one, "exe", p->exe.n ? p->exe : p->path);
		put_argv(one, p);
		cJSON_AddItemToArray(list, one);
		p = proc_find(t->procs, p->parent);
	}
	while (known && known->child)
		cJSON_AddItemToArray(list, cJSON_DetachItemFromArray(known, 0));
	return list;
}

/* Of a run that begins at @p: what is known of the scope, but for what is @p's own. */
static cJSON *scope_of_part(const struct trace *t, struct slice json, struct process_key root,
			    const struct process *p)
{
	cJSON *j = json.n ? json_parse(json) : NULL, *origin, *known;

	if (!j) {
		j = cJSON_CreateObject();
		put_text(j, "owner", SLICE("daemon"));
	}
	if (!json_at(j, "uid") || (uint32_t)json_int(j, "uid") != p->uid) {
		char number[16];

		snprintf(number, sizeof(number), "%u", p->uid);
		put_text(j, "user", slice_of(number));
		cJSON_DeleteItemFromObjectCaseSensitive(j, "uid");
		cJSON_AddNumberToObject(j, "uid", p->uid);
	}
	if (json.n && process_key_eq(root, p->key))
		return j;
	/* Its fork was told as it happened: that one was there from its begin. */
	if (p->fork_ns && p->fork_ns < p->key.start_ns + FORK_TOLD_NS) {
		cJSON_DeleteItemFromObjectCaseSensitive(j, "joined");
		cJSON_AddFalseToObject(j, "joined");
	}
	if (!slice_eq(json_str(j, "cwd"), p->cwd))
		cJSON_DeleteItemFromObjectCaseSensitive(j, "project");
	put_text(j, "cwd", p->cwd);
	cJSON_DeleteItemFromObjectCaseSensitive(j, "argv");
	put_argv(j, p);
	origin = cJSON_GetObjectItemCaseSensitive(j, "origin");
	if (!origin)
		origin = cJSON_AddObjectToObject(j, "origin");
	known = cJSON_DetachItemFromObjectCaseSensitive(origin, "ancestors");
	cJSON_AddItemToObject(origin, "ancestors", ancestors_of(t, p, known));
	cJSON_Delete(known);
	return j;
}

/* --- a run begins --- */

static bool is_agent(const struct process *p)
{
	return p->execs && p->agent.name.n && !p->agent.helper;
}

static struct process *begins_at(const struct trace *t, struct process *p)
{
	const uint32_t scope = p->scope;
	struct process *at = p;

	for (int i = 0; at && at->scope == scope && i < CLIMB_MAX; i++) {
		if (is_agent(at))
			return at;
		at = proc_find(t->procs, at->parent);
	}
	/* A child that has run nothing of its own is still its parent. */
	for (int i = 0; !p->execs && i < CLIMB_MAX; i++) {
		at = proc_find(t->procs, p->parent);
		if (!at || at->scope != scope)
			break;
		p = at;
	}
	return p;
}

struct move {
	struct tree_state *tree;
	uint32_t from;
	uint64_t moved;
};

static void move_one(void *ctx, struct process *p)
{
	struct move *m = ctx;

	if (p->scope != m->from || !process_descends(m->tree, p->key, m->tree->root))
		return;
	p->scope = m->tree->scope;
	m->moved++;
}

static void show_one(void *ctx, struct process *p)
{
	struct tree_state *tree = ctx;

	if (p->scope == tree->scope && p->execs && !process_key_eq(p->key, tree->root))
		process_exec(tree, p, p->exec_ns);
}

/* Its root's program, then those that run below it. */
static void show(struct tree_state *tree, struct process *root)
{
	if (root && root->execs)
		process_exec(tree, root, root->exec_ns);
	proc_each(tree->t->procs, show_one, tree);
}

static struct tree_state *become_run(struct trace *t, struct process *p)
{
	struct tentative *one = find(t, p->scope);
	struct process *root = begins_at(t, p);
	const struct sonde_event begin = { .ts_ns = root->exec_ns ? root->exec_ns : t->now_ns,
					   .tgid = root->key.tgid,
					   .start_ns = root->key.start_ns };
	const struct slice known = one ? one->json : (struct slice){ 0 };
	cJSON *json = scope_of_part(t, known, one ? one->root : root->key, root);
	struct move m = { .from = root->scope };

	m.tree = tree_begin(t, &begin, json, PROC_SCOPE_OWN | (++t->own_scopes & ~PROC_SCOPE_OWN),
			    root);
	cJSON_Delete(json);
	if (!m.tree)
		return NULL;
	stat_add(t->stats, STAT_TRACE_BECAME_RUN, 1);
	if (t->sink->begins)
		t->sink->begins(t->ctx, root->key);
	proc_each(t->procs, move_one, &m);
	m.tree->live = m.moved;
	m.tree->plain = known.n == 0;
	m.tree->part_of = m.from;
	m.tree->unkept_ns = t->now_ns > begin.ts_ns ? t->now_ns - begin.ts_ns : 0;
	if (one)
		one->live -= m.moved < one->live ? m.moved : one->live;
	if (one && one->live == 0)
		one->empty_ns = t->now_ns;
	show(m.tree, root);
	run_emit(m.tree->runs, true);
	return m.tree;
}

struct tree_state *tentative_calls(struct trace *t, struct process_key key)
{
	struct process *p = t->watched ? proc_find(t->procs, key) : NULL;

	return p && p->scope && !(p->scope & PROC_SCOPE_OWN) && !tree_of_scope(t, p->scope)
		       ? become_run(t, p)
		       : NULL;
}

/* --- events --- */

void tentative_found(struct trace *t, const struct sonde_found_event *e, struct process *p)
{
	struct tentative *one = find(t, e->scope);

	t->watched = true;
	if (tree_of_scope(t, e->scope))
		return;
	if (!one)
		one = add(t, e->scope, p->key);
	if (one)
		one->definite = e->rule == SONDE_FOUND_PROGRAM;
}

/* Runs that began before it was told what they are part of. */
static void complete(struct trace *t, uint32_t scope, struct slice json, struct process_key root)
{
	struct tree_state *tree;

	for (tree = t->trees; tree; tree = tree->hh.next) {
		const struct process *p = proc_find(t->procs, tree->root);
		cJSON *j;

		if (!tree->plain || tree->part_of != scope || !p)
			continue;
		j = scope_of_part(t, json, root, p);
		tree_describe(tree, j);
		cJSON_Delete(j);
	}
}

void tentative_told(struct trace *t, const struct sonde_event *e, struct slice json, uint32_t scope,
		    const struct process *p)
{
	const struct process_key root = p ? p->key : (struct process_key){ e->tgid, e->start_ns };
	struct tentative *one = find(t, scope);

	complete(t, scope, json, root);
	/* What was found, has become a run and has ended meanwhile is not begun again. */
	if (!one && p && p->scope != scope)
		return;
	if (!one)
		one = add(t, scope, root);
	if (!one)
		return;
	keep_json(t, one, json);
	if (p && p->exit_ns) {
		one->live = 0;
		one->empty_ns = t->now_ns;
	}
}

bool tentative_has(struct trace *t, const struct process *p)
{
	return p->scope && find(t, p->scope);
}

static void ended(struct trace *t, struct tentative *one)
{
	one->live -= one->live > 0;
	if (one->live == 0)
		one->empty_ns = t->now_ns;
}

static bool begins_run(const struct tentative *one, const struct process *p)
{
	if (p->exit_ns || !p->execs)
		return false;
	return one->definite ? process_key_eq(p->key, one->root) : is_agent(p);
}

void tentative_process(struct trace *t, const struct sonde_event *e, struct process *p)
{
	struct tentative *one = find(t, p->scope);

	switch (e->kind) {
	case SONDE_EV_FORK: /* @p is the child; a thread is none */
		one->live += !process_key_eq(p->key, (struct process_key){ e->tgid, e->start_ns });
		break;
	case SONDE_EV_EXEC:
	case SONDE_EV_PROC:
		if (begins_run(one, p))
			become_run(t, p);
		break;
	case SONDE_EV_EXIT:
	case SONDE_EV_LEFT:
		ended(t, one);
		break;
	default:
		break;
	}
}

void tentative_settled(struct tree_state *tree, struct process *root)
{
	struct trace *t = tree->t;
	struct tentative *one = find(t, tree->scope);

	if (!one)
		return;
	tree->live = one->live;
	forget(t, one);
	show(tree, root);
}

void tentative_tick(struct trace *t)
{
	struct tentative *one, *next;

	HASH_ITER (hh, t->tentatives, one, next)
		if (one->live == 0 && t->now_ns >= one->empty_ns + EMPTY_LINGER_NS)
			forget(t, one);
}
