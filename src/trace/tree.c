/* SPDX-License-Identifier: BSD-2-Clause */
/* A traced process tree: from the event that puts it under trace to the end of its processes. */
#include "base/argv.h"
#include "base/json.h"
#include "trace/emit.h"
#include "trace/mcp.h"
#include "trace/observed/observed.h"

#define LINGER_NS 1000000000ull /* late facts of a tree that has ended */

struct tree_state *tree_of_scope(struct trace *t, uint32_t scope)
{
	struct tree_state *tree;

	HASH_FIND(hh, t->trees, &scope, sizeof(scope), tree);
	return tree;
}

struct tree_state *tree_of(struct trace *t, struct process_key key)
{
	const struct process *p = proc_find(t->procs, key);
	struct tree_state *tree = p && p->scope ? tree_of_scope(t, p->scope) : NULL;

	/* Only traced processes are heard: with one tree, what is heard is of that tree. */
	if (!tree && HASH_COUNT(t->trees) == 1)
		tree = t->trees;
	if (!tree)
		stat_add(t->stats, STAT_TRACE_NO_RUN, 1);
	return tree;
}

/* --- opening --- */

/* The first run's: what opens the tree opens that. */
static struct id128 tree_id(const struct trace *t, const struct sonde_event *e, uint32_t scope)
{
	struct id_hash h;

	id_hash_begin(&h, "run");
	id_hash_bytes(&h, slice_of(t->boot_id));
	id_hash_u64(&h, scope);
	id_hash_u64(&h, e->tgid);
	id_hash_u64(&h, e->start_ns);
	id_hash_u64(&h, e->ts_ns);
	return id_hash_end(&h);
}

static void read_scope(struct tree_state *tree, const cJSON *j)
{
	const struct slice owner = json_str(j, "owner"), kind = json_str(j, "kind");

	tree->argv = argv_of_json(json_at(j, "argv"), SONDE_EVENT_MAX);
	keep(&tree->cwd, json_str(j, "cwd"));
	keep(&tree->user, json_str(j, "user"));
	keep(&tree->project, json_str(j, "project"));
	trigger_find(&tree->trigger, j);
	keep(&tree->source, json_str(j, "source"));
	keep(&tree->recorder, json_str(j, "recorder"));
	tree->uid = (uint32_t)json_int(j, "uid");
	tree->adopts = slice_eq(kind, SLICE("cgroup")) || slice_eq(kind, SLICE("container"));
	tree->joined =
		tree->adopts || slice_eq(kind, SLICE("pid")) || slice_eq(kind, SLICE("program"));
	/* Only a daemon's store belongs to somebody else than who runs the command; the agents of
	 * an import are not at work here. */
	tree->writable_by_agent =
		!tree->source && (!slice_eq(owner, SLICE("daemon")) || tree->uid == 0);
}

static struct tree_state *tree_new(struct trace *t, const struct sonde_event *e, uint32_t scope,
				   struct process *p)
{
	struct tree_state *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return NULL;
	tree->t = t;
	memcpy(tree->loss, t->loss, sizeof(tree->loss));
	tree->scope = scope;
	tree->id = tree_id(t, e, scope);
	tree->root = (struct process_key){ e->tgid, e->start_ns };
	if (tree->root.start_ns == 0 && p)
		tree->root = p->key;
	tree->live = 1;
	cache_init(&tree->outputs, REFS_MAX, sizeof(struct id128), sizeof(struct node_ref));
	cache_init(&tree->inputs, REFS_MAX, sizeof(struct id128), sizeof(struct node_ref));
	cache_init(&tree->responses, REFS_MAX, sizeof(struct id128), sizeof(struct node_ref));
	conversation_init(tree);
	mcp_init(tree);
	return tree;
}

/* The program's name, until something better is known. */
static void name_root(struct tree_state *tree, const struct process *p)
{
	struct agent_span *a = tree->runs->agents;
	struct slice name = tree->argv, rest;

	slice_cut(tree->argv, '\0', &name, &rest);
	name = slice_base(name);
	keep(&a->name, name.n || !p ? name : process_name(p));
	keep(&a->version, (struct slice){ 0 });
	a->named_by = tree->source ? "file" : "program";
}

static void drop(struct trace *t, struct tree_state *tree)
{
	tree_finish(tree, t->now_ns);
	HASH_DEL(t->trees, tree);
	tree_free(tree);
}

void tree_open(struct trace *t, const struct sonde_event *e, struct process *p)
{
	const struct sonde_json_event *j = (const struct sonde_json_event *)e;
	_cleanup_(cJSON_Deletep) cJSON *json =
		json_parse((struct slice){ j->json, e->size - sizeof(*e) });
	const uint32_t scope = (uint32_t)json_int(json, "scope");
	struct tree_state *tree = tree_of_scope(t, scope);

	/* Another one under the same number: the first one has not ended in good order. */
	if (tree)
		drop(t, tree);
	if (!json || HASH_COUNT(t->trees) >= TREES_MAX) {
		stat_add(t->stats, STAT_TRACE_NO_RUN, 1);
		return;
	}
	tree = tree_new(t, e, scope, p);
	if (!tree)
		return;
	read_scope(tree, json);
	if (!run_begin(tree, tree->id, tree->root, e->ts_ns)) {
		tree_free(tree);
		return;
	}
	name_root(tree, p);
	HASH_ADD(hh, t->trees, scope, sizeof(tree->scope), tree);
	if (!tree->hh.tbl) {
		tree_free(tree);
		return;
	}
	run_emit(tree->runs, true);
	agent_emit(tree->runs->agents, false);
}

/* --- closing --- */

void tree_exit(struct tree_state *tree, const struct process *p, uint64_t ts_ns)
{
	struct agent_span *root = tree->runs->agents;
	struct run_state *r;

	tree->exited = true;
	tree->end_ns = ts_ns;
	tree->exit_code = p->exit_code;
	tree->exit_signal = p->exit_signal;
	list_for_each (r, tree->runs)
		if (!r->over)
			run_exit(r, p, ts_ns);
	/* How the program ended is told where it is shown, whatever its requests came to. */
	root->exit_code = p->exit_code;
	root->exit_signal = p->exit_signal;
	if (tree->runs->over)
		agent_emit(root, root->final);
}

void tree_finish(struct tree_state *tree, uint64_t ts_ns)
{
	struct run_state *r;

	if (tree->finished)
		return;
	call_abandon_all(tree);
	mcp_finish_all(tree, ts_ns);
	tool_finish_all(tree, ts_ns);
	process_finish_all(tree, ts_ns);
	tree->finished = true;
	list_for_each (r, tree->runs)
		run_finish(r, ts_ns);
}

/* Nothing of it is alive or in flight, and nothing came for a while. */
static bool is_over(const struct tree_state *tree, uint64_t now_ns)
{
	return tree->exited && tree->live == 0 && !tree->calls &&
	       now_ns >= tree->end_ns + LINGER_NS;
}

void tree_touch(struct tree_state *tree)
{
	struct run_state *r;

	list_for_each (r, tree->runs)
		r->dirty |= !r->over;
}

static void tick(struct tree_state *tree)
{
	struct run_state *r;

	list_for_each (r, tree->runs) {
		observed_tick(r);
		if (!r->exited && !r->over && r->status != RUN_TIMED_OUT && status_is_overdue(r))
			run_emit(r, true);
		else if (r->dirty)
			run_emit(r, false);
		live_run(r);
	}
}

void tree_tick(struct trace *t)
{
	struct tree_state *tree = t->trees, *next;

	for (; tree; tree = next) {
		next = tree->hh.next;
		if (is_over(tree, t->now_ns))
			drop(t, tree);
		else
			tick(tree);
	}
}

static void free_steps(struct tree_state *tree)
{
	struct tool_state *tool, *tool_tmp;
	struct proc_state *ps, *ps_tmp;
	struct run_state *r, *r_tmp;

	list_for_each_safe (tool, tool_tmp, tree->tools)
		tool_free(tool);
	list_for_each_safe (ps, ps_tmp, tree->proc_list)
		process_free(ps);
	mcp_free_all(tree);
	conversation_free_all(tree);
	list_for_each_safe (r, r_tmp, tree->runs)
		run_free(r);
}

void tree_free(struct tree_state *tree)
{
	free_steps(tree);
	notes_free(tree);
	assurance_free(tree);
	inbound_free(tree);
	cache_done(&tree->outputs);
	cache_done(&tree->inputs);
	cache_done(&tree->responses);
	cache_done(&tree->mcp_ended);
	free(tree->cwd);
	free(tree->user);
	free(tree->project);
	trigger_done(&tree->trigger);
	free(tree->source);
	free(tree->recorder);
	free((char *)tree->argv.p);
	free(tree);
}
