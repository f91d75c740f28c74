// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "probe/rules_state.h"
#include "probe/starter.h"

#define TASKS_MAX 131072

/* --- who is there --- */

static void take_task(void *ctx, const struct sonde_found_task *task)
{
	struct rules *r = ctx;

	if (task->kernel || r->n_tasks == TASKS_MAX)
		return;
	if (r->n_tasks == r->tasks_max) {
		const size_t max = r->tasks_max ? 2 * r->tasks_max : 512;
		struct sonde_found_task *more = realloc(r->tasks, max * sizeof(*more));

		if (!more)
			return;
		r->tasks = more;
		r->tasks_max = max;
	}
	r->tasks[r->n_tasks++] = *task;
}

static int by_start(const void *a, const void *b)
{
	const struct sonde_found_task *x = a, *y = b;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->tgid < y->tgid ? -1 : x->tgid > y->tgid;
}

/* Parents before their children. */
static int list_tasks(struct rules *r)
{
	int n;

	r->n_tasks = 0;
	n = capture_each_task(r->c.capture, take_task, r);
	qsort(r->tasks, r->n_tasks, sizeof(*r->tasks), by_start);
	return n;
}

/* By the start of the parent, which is not known: there is one living process of that number. */
struct by_pid {
	UT_hash_handle hh;
	uint32_t tgid;
	size_t index;
};

static struct by_pid *index_tasks(const struct rules *r)
{
	struct by_pid *all = calloc(r->n_tasks + 1, sizeof(*all)), *hash = NULL;

	for (size_t i = 0; all && i < r->n_tasks; i++) {
		all[i].tgid = r->tasks[i].tgid;
		all[i].index = i;
		HASH_ADD(hh, hash, tgid, sizeof(all[i].tgid), &all[i]);
		if (!all[i].hh.tbl)
			break;
	}
	if (!hash)
		free(all);
	return hash;
}

static void free_index(struct by_pid *hash)
{
	struct by_pid *all = hash; /* the first one is the head */

	HASH_CLEAR(hh, hash);
	free(all);
}

static struct rules_member *member_of(const struct rules *r, const struct by_pid *index,
				      uint32_t tgid)
{
	const struct by_pid *one;

	HASH_FIND(hh, index, &tgid, sizeof(tgid), one);
	return one ? rules_find(r, (pid_t)tgid, r->tasks[one->index].start_ns) : NULL;
}

/* --- one process --- */

static bool take_in(struct rules *r, struct rules_member *m, const struct rules_member *above,
		    const struct rules_facts *f, enum rules_says says)
{
	const struct rules_tree *of = above && above->scope ? rules_tree(r, above->scope) : NULL;
	const bool root = !of || (says == RULES_PROGRAM && !of->definite);
	struct rules_tree *t;

	m->scope = root ? capture_scope_number(r->c.capture) : above->scope;
	if (!root)
		m->parent = rules_process(above);
	t = rules_tree_get(r, m->scope);
	if (t && root) {
		t->definite = says == RULES_PROGRAM;
		t->joined = true;
		t->kind = rules_kind(r, f, says);
		t->root = f->pid;
		rules_tree_by(t, t->definite ? rules_names_program(r, f->pid) : NULL);
	}
	if (t && rules_take(r, m, root) == 0)
		return true;
	m->scope = 0; /* the kernel's own; the next look knows */
	return false;
}

/* Where it was let in by the kernel, or by being the child of somebody: what it belongs to. */
static void note_scope(struct rules *r, struct rules_member *m, const struct rules_member *above,
		       uint32_t scope)
{
	const bool child = above && above->scope == scope;
	struct rules_tree *t = rules_tree(r, scope);

	m->scope = scope;
	if (t)
		t->round = r->round;
	if (t || child)
		return;
	/* That it was found was not heard: the ring was full. */
	t = rules_tree_get(r, scope);
	if (!t)
		return;
	t->kind = rules_kind(r, &(struct rules_facts){ (pid_t)m->key.tgid, m->uid, m->cgroup_id },
			     RULES_PLACE);
	rules_tell_scope(r, m);
}

/* Of one in scope whether it stays: a child with its parent, a root as long as it is let in. */
static bool leave(struct rules *r, struct rules_member *m, const struct rules_facts *f)
{
	const enum rules_says says = rules_judge(r, f);
	const struct rules_tree *t = rules_tree(r, m->scope);

	if (says == RULES_NOTHING && (m->parent.tgid || (t && t->definite && rules_have(r, t))))
		return false;
	if (says == RULES_PLACE || says == RULES_PROGRAM)
		return false;
	rules_drop(r, m, SONDE_LEFT_RULES, says == RULES_OUT_TREE);
	return true;
}

static bool parent_left(const struct rules *r, const struct rules_member *m)
{
	const struct rules_member *above =
		m->parent.tgid ? rules_find(r, m->parent.tgid, m->parent.start_ns) : NULL;

	return above && !above->scope;
}

static bool consider_known(struct rules *r, struct rules_member *m, const struct rules_facts *f,
			   bool judged)
{
	struct rules_tree *t = rules_tree(r, m->scope);

	if (t)
		t->round = r->round;
	if (judged)
		return false;
	/* Its parent was left because of new rules: now it is let in by itself, or not. */
	if (m->generation != r->generation && parent_left(r, m))
		m->parent = (struct report_process){ 0 };
	return leave(r, m, f);
}

static bool consider_new(struct rules *r, struct rules_member *m, const struct rules_member *above,
			 const struct rules_facts *f)
{
	enum rules_says says;

	if ((above && above->shut_out) || rules_is_own(r, f->pid)) {
		rules_drop(r, m, SONDE_LEFT_SONDE, true);
		return false;
	}
	says = rules_judge(r, f);
	if (says == RULES_OUT_TREE) {
		rules_drop(r, m, SONDE_LEFT_RULES, true);
		return false;
	}
	if (says == RULES_OUT)
		return false;
	if (says != RULES_PROGRAM && (says == RULES_PLACE || (above && above->scope)) &&
	    starter_runs(f->pid))
		return false;
	if (says == RULES_NOTHING && !(above && above->scope))
		return false;
	rules_search_root(r, rules_process(m));
	return take_in(r, m, above, f, says);
}

/* True where it came or went. */
static bool consider(struct rules *r, const struct sonde_found_task *task,
		     const struct by_pid *index)
{
	const struct rules_facts f = { (pid_t)task->tgid, task->uid, task->cgroup_id };
	const struct rules_member *above = member_of(r, index, task->parent);
	struct rules_member *m = rules_find(r, f.pid, task->start_ns);
	const bool judged = m && m->generation == r->generation && m->uid == f.uid &&
			    m->cgroup_id == f.cgroup_id;
	uint32_t scope;
	bool changed = false;

	if (!m)
		m = rules_get(r, f.pid, task->start_ns);
	if (!m)
		return false;
	m->round = r->round;
	m->uid = f.uid;
	m->cgroup_id = f.cgroup_id;
	scope = m->shut_out ? 0 : capture_scope_of(r->c.capture, f.pid, task->start_ns);
	if (scope && scope != m->scope)
		note_scope(r, m, above, scope);
	if (m->scope && above && above->scope == m->scope)
		m->parent = rules_process(above);
	if (m->scope)
		changed = consider_known(r, m, &f, judged);
	else if (!judged && !m->shut_out)
		changed = consider_new(r, m, above, &f);
	m->generation = r->generation;
	return changed;
}

/* --- all of them --- */

static void forget_the_dead(struct rules *r)
{
	struct rules_member *m, *next_m;
	struct rules_tree *t, *next_t;

	HASH_ITER(hh, r->members, m, next_m)
	{
		if (m->round == r->round)
			continue;
		/* Taken in or shut out just as it ended; the number may be another's by now. */
		capture_scope_end(r->c.capture, (pid_t)m->key.tgid, m->key.start_ns);
		rules_forget(r, m);
	}
	HASH_ITER(hh, r->trees, t, next_t)
	if (t->round != r->round)
		rules_tree_forget(r, t);
}

int rules_look(struct rules *r)
{
	struct by_pid *index;
	int changed = 0;

	if (list_tasks(r) < 0)
		return 0;
	index = index_tasks(r);
	if (!index)
		return 0;
	r->round++;
	for (size_t i = 0; i < r->n_tasks; i++)
		changed += consider(r, &r->tasks[i], index);
	free_index(index);
	forget_the_dead(r);
	return changed;
}

void rules_each_below(struct rules *r, pid_t pid,
		      void (*fn)(struct rules *r, const struct sonde_found_task *task))
{
	struct by_pid *index;
	bool *below;

	if (list_tasks(r) < 0)
		return;
	index = index_tasks(r);
	below = calloc(r->n_tasks + 1, sizeof(*below));
	for (size_t i = 0; index && below && i < r->n_tasks; i++) {
		const struct by_pid *above;
		const uint32_t parent = r->tasks[i].parent;

		HASH_FIND(hh, index, &parent, sizeof(parent), above);
		below[i] = r->tasks[i].tgid == (uint32_t)pid ||
			   (above && above->index < i && below[above->index]);
		if (below[i])
			fn(r, &r->tasks[i]);
	}
	free(below);
	free_index(index);
}
