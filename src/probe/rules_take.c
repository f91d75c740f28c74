// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "probe/rules_state.h"
#include "probe/snapshot.h"
#include "probe/users.h"

#define MEMBERS_MAX 131072

/* --- who is known --- */

struct rules_member *rules_find(const struct rules *r, pid_t pid, uint64_t start_ns)
{
	const struct rules_key key = { start_ns, (uint64_t)pid };
	struct rules_member *m;

	HASH_FIND(hh, r->members, &key, sizeof(key), m);
	return m;
}

struct rules_member *rules_get(struct rules *r, pid_t pid, uint64_t start_ns)
{
	struct rules_member *m = rules_find(r, pid, start_ns);

	if (m || HASH_COUNT(r->members) >= MEMBERS_MAX)
		return m;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->key = (struct rules_key){ start_ns, (uint64_t)pid };
	m->round = r->round;
	HASH_ADD(hh, r->members, key, sizeof(m->key), m);
	if (!m->hh.tbl) {
		free(m);
		return NULL;
	}
	return m;
}

void rules_forget(struct rules *r, struct rules_member *m)
{
	HASH_DEL(r->members, m);
	free(m);
}

struct rules_tree *rules_tree(const struct rules *r, uint32_t scope)
{
	struct rules_tree *t;

	HASH_FIND(hh, r->trees, &scope, sizeof(scope), t);
	return t;
}

struct rules_tree *rules_tree_get(struct rules *r, uint32_t scope)
{
	struct rules_tree *t = rules_tree(r, scope);

	if (t || HASH_COUNT(r->trees) >= MEMBERS_MAX)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->scope = scope;
	t->round = r->round;
	t->late_ms = -1;
	t->kind = "host";
	HASH_ADD(hh, r->trees, scope, sizeof(t->scope), t);
	if (!t->hh.tbl) {
		free(t);
		return NULL;
	}
	return t;
}

void rules_tree_forget(struct rules *r, struct rules_tree *t)
{
	HASH_DEL(r->trees, t);
	free(t->by);
	free(t);
}

void rules_tree_by(struct rules_tree *t, const char *pattern)
{
	free(t->by);
	t->by = pattern ? strdup(pattern) : NULL;
}

/* --- telling --- */

static void put_user(cJSON *j, uint32_t uid)
{
	char name[256];

	cJSON_DeleteItemFromObject(j, "uid");
	cJSON_DeleteItemFromObject(j, "user");
	users_name(uid, name, sizeof(name));
	cJSON_AddNumberToObject(j, "uid", uid);
	cJSON_AddStringToObject(j, "user", name);
}

void rules_tell_scope(struct rules *r, const struct rules_member *m)
{
	_cleanup_(cJSON_Deletep) cJSON *j =
		r->scope ? cJSON_Duplicate(r->scope, true) : cJSON_CreateObject();
	struct rules_tree *t = rules_tree(r, m->scope);

	if (!j || !t)
		return;
	t->told = true;
	put_user(j, m->uid);
	cJSON_DeleteItemFromObject(j, "kind");
	cJSON_AddStringToObject(j, "kind", t->kind);
	cJSON_AddBoolToObject(j, "joined", t->joined);
	if (!t->definite)
		cJSON_AddTrueToObject(j, "tentative");
	if (t->late_ms >= 0)
		cJSON_AddNumberToObject(j, "late_ms", (double)t->late_ms);
	snapshot_scope(r->c.outbox, rules_process(m), m->scope, j);
}

/* --- taking in --- */

void rules_search_root(struct rules *r, struct report_process p)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root/.", (int)p.tgid);
	if (stat(path, &st) < 0 || r->n_roots == RULES_ROOTS_MAX)
		return;
	for (size_t i = 0; i < r->n_roots; i++)
		if (r->roots[i].dev == st.st_dev && r->roots[i].inode == st.st_ino)
			return;
	r->roots[r->n_roots].dev = st.st_dev;
	r->roots[r->n_roots++].inode = st.st_ino;
	files_join(r->c.files, p, true);
}

static int enter(struct rules *r, const struct rules_member *m, bool joined)
{
	const struct rules_tree *t = rules_tree(r, m->scope);

	return capture_scope_enter(r->c.capture, (pid_t)m->key.tgid, m->key.start_ns, m->scope,
				   joined, t && !t->definite && !t->run);
}

/* It has just begun: first it is in scope, then all else. What it does meanwhile is heard after
 * FOUND, which is on its way before. */
static int take_newcomer(struct rules *r, const struct rules_member *m)
{
	const struct report_process p = rules_process(m);
	int n;

	snapshot_found(r->c.outbox, p, m->scope, SONDE_FOUND_PROGRAM);
	n = enter(r, m, false);
	if (n < 0)
		return n;
	rules_tell_scope(r, m);
	files_join(r->c.files, p, false);
	return 0;
}

static int take_running(struct rules *r, const struct rules_member *m, bool root)
{
	if (root)
		rules_tell_scope(r, m);
	files_join(r->c.files, rules_process(m), false);
	return enter(r, m, true);
}

int rules_take(struct rules *r, struct rules_member *m, bool root)
{
	const struct report_process p = rules_process(m);
	const struct rules_tree *t = rules_tree(r, m->scope);
	int n = !t ? -ENOMEM : t->joined ? take_running(r, m, root) : take_newcomer(r, m);

	if (n < 0)
		return n;
	if (root)
		capture_outside_input(r->c.capture, p.tgid);
	if (m->parent.tgid)
		snapshot_fork(r->c.outbox, m->parent, p, m->scope);
	snapshot_exec(r->c.outbox, p, m->parent);
	report_proc(r->c.outbox, p);
	return 0;
}

void rules_drop(struct rules *r, struct rules_member *m, uint32_t why, bool tree)
{
	const struct report_process p = rules_process(m);

	m->shut_out |= tree;
	if (tree)
		capture_scope_shut_out(r->c.capture, p.tgid, p.start_ns);
	else
		capture_scope_drop(r->c.capture, p.tgid);
	if (!m->scope)
		return;
	m->scope = 0;
	snapshot_left(r->c.outbox, p, why);
	attach_exit(r->c.files->attachments, p.tgid);
	r->ended = true;
}
