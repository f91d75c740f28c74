/* SPDX-License-Identifier: BSD-2-Clause */
/* A traced process tree: from the event that puts it under trace to the end of its processes. */
#include "base/argv.h"
#include "base/json.h"
#include "trace/emit.h"
#include "trace/happened.h"
#include "trace/mcp.h"
#include "trace/observed/observed.h"
#include "trace/open_state.h"

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
	if (!tree && !t->watched && HASH_COUNT(t->trees) == 1)
		tree = t->trees;
	if (tree)
		tree->heard_ns = t->now_ns;
	else if (!(p && tentative_has(t, p)))
		stat_add(t->stats, STAT_TRACE_NO_RUN, 1);
	return tree;
}

/* --- opening --- */

/* The first run's: what opens the tree opens that. A daemon that begins anew finds the same
 * processes, and they are the same runs. */
static struct id128 tree_id(const struct trace *t, const struct sonde_event *e, uint32_t scope)
{
	struct id_hash h;

	id_hash_begin(&h, "run");
	id_hash_bytes(&h, slice_of(t->boot_id));
	id_hash_u64(&h, t->watched ? 0 : scope);
	id_hash_u64(&h, e->tgid);
	id_hash_u64(&h, e->start_ns);
	id_hash_u64(&h, t->watched ? 0 : e->ts_ns);
	return id_hash_end(&h);
}

static bool ran_before(const struct tree_state *tree, const cJSON *j)
{
	const struct slice kind = json_str(j, "kind");
	const cJSON *said = json_at(j, "joined");

	if (cJSON_IsBool(said))
		return cJSON_IsTrue(said);
	return tree->adopts || slice_eq(kind, SLICE("pid")) || slice_eq(kind, SLICE("program"));
}

/* Another SCOPE of the same tree tells more. */
static void read_scope(struct tree_state *tree, const cJSON *j)
{
	const struct slice owner = json_str(j, "owner"), kind = json_str(j, "kind");

	free((char *)tree->argv.p);
	tree->argv = argv_of_json(json_at(j, "argv"), SONDE_EVENT_MAX);
	keep(&tree->cwd, json_str(j, "cwd"));
	keep(&tree->user, json_str(j, "user"));
	keep(&tree->project, json_str(j, "project"));
	trigger_done(&tree->trigger);
	trigger_find(&tree->trigger, j);
	resource_scope(&tree->place, j);
	keep(&tree->source, json_str(j, "source"));
	keep(&tree->recorder, json_str(j, "recorder"));
	tree->uid = (uint32_t)json_int(j, "uid");
	tree->adopts = !tree->t->watched &&
		       (slice_eq(kind, SLICE("cgroup")) || slice_eq(kind, SLICE("container")));
	tree->joined = ran_before(tree, j);
	tree->late_ms = json_at(j, "late_ms") ? json_int(j, "late_ms") : 0;
	/* Only a daemon's store belongs to somebody else than who runs the command; the agents of
	 * an import are not at work here. */
	tree->writable_by_agent =
		!tree->source && (!slice_eq(owner, SLICE("daemon")) || tree->uid == 0);
	tree->outlives = slice_eq(owner, SLICE("daemon"));
	tree->launched = slice_eq(kind, SLICE("run")) && !tree->outlives && !tree->source;
	tree->argv_whole = cJSON_IsTrue(json_at(j, "argv_whole"));
	if (id128_parse(json_str(j, "retry_of"), &tree->retry_of) < 0)
		tree->retry_of = (struct id128){ 0 };
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
	tree->heard_ns = e->ts_ns;
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

/* Ends of processes can be lost, and what has no end must not keep others out for ever. */
static void make_room(struct trace *t)
{
	struct tree_state *oldest = t->trees;

	if (HASH_COUNT(t->trees) < TREES_MAX)
		return;
	for (struct tree_state *tree = t->trees; tree; tree = tree->hh.next)
		if (tree->heard_ns < oldest->heard_ns)
			oldest = tree;
	stat_add(t->stats, STAT_TRACE_NO_RUN, 1);
	oldest->pushed_out = true;
	drop(t, oldest);
}

struct tree_state *tree_begin(struct trace *t, const struct sonde_event *e, const cJSON *json,
			      uint32_t scope, struct process *p)
{
	struct tree_state *tree = tree_of_scope(t, scope);

	/* Another one under the same number: the first one has not ended in good order. */
	if (tree)
		drop(t, tree);
	if (!json) {
		stat_add(t->stats, STAT_TRACE_NO_RUN, 1);
		return NULL;
	}
	make_room(t);
	tree = tree_new(t, e, scope, p);
	if (!tree)
		return NULL;
	read_scope(tree, json);
	resume_claim(tree, tree->root);
	if (!run_begin(tree, tree->id, tree->root, e->ts_ns)) {
		tree_free(tree);
		return NULL;
	}
	if (!tree->resumed_ns)
		name_root(tree, p);
	HASH_ADD(hh, t->trees, scope, sizeof(tree->scope), tree);
	if (!tree->hh.tbl) {
		tree_free(tree);
		return NULL;
	}
	resource_opened(tree);
	run_emit(tree->runs, true);
	agent_emit(tree->runs->agents, false);
	return tree;
}

void tree_describe(struct tree_state *tree, const cJSON *json)
{
	tree->plain = false;
	read_scope(tree, json);
	if (!tree->runs->agents->known)
		name_root(tree, proc_find(tree->t->procs, tree->root));
	tree_touch(tree);
	run_emit(tree->runs, true);
}

void tree_open(struct trace *t, const struct sonde_event *e, struct process *p)
{
	const struct sonde_json_event *j = (const struct sonde_json_event *)e;
	const struct slice text = { j->json, e->size - sizeof(*e) };
	_cleanup_(cJSON_Deletep) cJSON *json = json_parse(text);
	const uint32_t scope = (uint32_t)json_int(json, "scope");
	struct tree_state *tree;

	t->watched |= slice_eq(json_str(json, "owner"), SLICE("daemon")) &&
		      !slice_eq(json_str(json, "kind"), SLICE("run"));
	if (json && cJSON_IsTrue(json_at(json, "tentative")) &&
	    !(p && resume_waits_for(t, p->key))) {
		tentative_told(t, e, text, scope, p);
		return;
	}
	/* Its first call may have come before this. */
	tree = p && p->scope & PROC_SCOPE_OWN ? tree_of_scope(t, p->scope) : NULL;
	if (tree && tree->part_of == scope) {
		tree_describe(tree, json);
		return;
	}
	tree = tree_begin(t, e, json, scope, p);
	if (tree)
		tentative_settled(tree, p);
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
	if (tree->t->ending) {
		tree->state_due = true;
		open_state_tell(tree);
	}
	mcp_finish_all(tree, ts_ns);
	tool_finish_all(tree, ts_ns);
	process_finish_all(tree, ts_ns);
	tree->finished = true;
	list_for_each (r, tree->runs)
		run_finish(r, ts_ns);
	if (!tree->t->ending)
		open_state_forget(tree);
}

void tree_left(struct tree_state *tree, uint64_t ts_ns)
{
	tree->left = true;
	tree->end_ns = ts_ns;
}

/* Nothing of it is alive or in flight, and nothing came for a while. */
static bool is_over(const struct tree_state *tree, uint64_t now_ns)
{
	return (tree->exited || tree->left || tree->end_lost) && tree->live == 0 && !tree->calls &&
	       now_ns >= tree->end_ns + LINGER_NS;
}

void tree_touch(struct tree_state *tree)
{
	struct run_state *r;

	list_for_each (r, tree->runs)
		r->dirty |= !r->over;
}

/* The root's number is another process's by now. */
static bool root_is_gone(const struct tree_state *tree)
{
	const struct process *p = proc_find(tree->t->procs, tree->root);

	return !tree->exited && !tree->end_lost && p && p->exit_ns;
}

static void tick(struct tree_state *tree)
{
	struct run_state *r;

	if (root_is_gone(tree)) {
		tree->end_lost = true;
		tree->end_ns = tree->t->now_ns;
		tree->live -= tree->live > 0;
	}
	list_for_each (r, tree->runs) {
		observed_tick(r);
		if (tree->waits.what && !r->finished)
			happened_look(r, tree->t->now_ns);
		if (!r->exited && !r->over && r->status != RUN_TIMED_OUT && status_is_overdue(r))
			run_emit(r, true);
		else if (r->dirty)
			run_emit(r, false);
		live_run(r);
	}
	resume_tree_tick(tree);
	open_state_tell(tree);
}

void tree_tick(struct trace *t)
{
	struct tree_state *tree = t->trees, *next;

	resume_tick(t);
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
	resume_free(tree->resume);
	free(tree->cwd);
	free(tree->user);
	free(tree->project);
	trigger_done(&tree->trigger);
	free(tree->source);
	free(tree->recorder);
	free((char *)tree->argv.p);
	free(tree);
}
