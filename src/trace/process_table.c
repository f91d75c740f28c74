/* SPDX-License-Identifier: BSD-2-Clause */
/* The processes of a run that have run a program, by key and in order of their coming. */
#include "trace/state.h"

#define CLIMB_MAX 64 /* generations of forks without exec */

#ifndef __clang__ /* gcc does not see that what hangs in a hash is not lost */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

struct proc_state *process_find(struct tree_state *tree, struct process_key key)
{
	struct proc_state probe = { .id_key = { key.start_ns, key.tgid } }, *ps;

	HASH_FIND(hh, tree->procs, &probe.id_key, sizeof(probe.id_key), ps);
	return ps;
}

struct proc_state *process_above(struct tree_state *tree, struct process_key key, bool self)
{
	for (int i = 0; i < CLIMB_MAX && key.tgid; i++) {
		struct proc_state *ps = self || i > 0 ? process_find(tree, key) : NULL;
		const struct process *p;

		if (ps || process_key_eq(key, tree->root))
			return ps;
		p = proc_find(tree->t->procs, key);
		if (!p)
			return NULL;
		key = p->parent;
	}
	return NULL;
}

bool process_descends(const struct tree_state *tree, struct process_key key,
		      struct process_key from)
{
	for (int i = 0; i < CLIMB_MAX && key.tgid; i++) {
		const struct process *p;

		if (process_key_eq(key, from))
			return true;
		p = proc_find(tree->t->procs, key);
		if (!p)
			return false;
		key = p->parent;
	}
	return false;
}

static bool carries(const struct proc_state *ps)
{
	const struct tool_state *tool;

	list_for_each (tool, ps->tree->tools)
		if (tool->carrier == ps)
			return true;
	return false;
}

bool process_make_room(struct tree_state *tree)
{
	struct proc_state *ps;

	if (tree->n_procs < TREE_PROCESSES_MAX)
		return true;
	/* One run has only so many steps; a server's or a session's runs come and go. */
	if (!tree->runs->next)
		return false;
	list_for_each (ps, tree->proc_list) {
		if (!ps->exited || !ps->final || carries(ps))
			continue;
		process_free(ps);
		return true;
	}
	return false;
}

struct proc_state *process_add(struct tree_state *tree, const struct process *p, struct id64 id,
			       uint64_t ts_ns)
{
	struct proc_state *ps = calloc(1, sizeof(*ps));

	if (!ps)
		return NULL;
	ps->tree = tree;
	ps->key = p->key;
	ps->id = id;
	ps->parent_key = p->parent;
	ps->start_ns = p->fork_ns ? p->fork_ns : ts_ns;
	ps->id_key.start_ns = p->key.start_ns;
	ps->id_key.tgid = p->key.tgid;
	HASH_ADD(hh, tree->procs, id_key, sizeof(ps->id_key), ps);
	if (!ps->hh.tbl) {
		free(ps);
		return NULL;
	}
	DL_APPEND(tree->proc_list, ps);
	ps->number = tree->procs_seen++;
	tree->n_procs++;
	return ps;
}

void process_free(struct proc_state *ps)
{
	DL_DELETE(ps->tree->proc_list, ps);
	HASH_DEL(ps->tree->procs, ps);
	ps->tree->n_procs--;
	free(ps->path);
	free(ps->cwd);
	free((char *)ps->argv.p);
	buf_done(&ps->chain);
	free(ps);
}
