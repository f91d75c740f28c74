/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an engine before this one has left open. Its own words come back as an event, so nothing in
 * it is trusted more than in any other: ids are as they are told, pointers are found again or not.
 */
#include <stdio.h>

#include "base/json.h"
#include "trace/emit.h"
#include "trace/observed/observed.h"
#include "trace/open_fields.h"
#include "trace/open_state.h"

#define STATES_MAX   4096
#define CLAIM_NS     20000000000ull /* for hearing of its processes, once a prober is there */
#define PROCESSES_NS 5000000000ull  /* the same within a tree */
#define PARTS_MAX    256

struct resume_state {
	struct resume_state *prev, *next;
	cJSON *json;
	struct id128 id;
};

/* --- what was left --- */

static void drop(struct trace *t, struct resume_state *s)
{
	DL_DELETE(t->resumable, s);
	t->n_resumable--;
	cJSON_Delete(s->json);
	free(s);
}

void resume_add(struct trace *t, const struct sonde_event *e)
{
	const struct sonde_json_event *j = (const struct sonde_json_event *)e;
	cJSON *json = json_parse((struct slice){ j->json, e->size - sizeof(*e) });
	struct resume_state *s = json && t->n_resumable < STATES_MAX ? calloc(1, sizeof(*s)) : NULL;

	if (!s) {
		cJSON_Delete(json);
		return;
	}
	s->json = json;
	id128_parse(json_str(json, "id"), &s->id);
	DL_APPEND(t->resumable, s);
	t->n_resumable++;
}

void resume_free(struct resume_state *s)
{
	if (!s)
		return;
	cJSON_Delete(s->json);
	free(s);
}

void resume_done(struct trace *t)
{
	while (t->resumable)
		drop(t, t->resumable);
	open_words_done(&t->words);
}

static bool has_process(const cJSON *list, const char *text)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list)
		if (slice_eq(json_str(item, "key"), slice_of(text)))
			return true;
	return false;
}

static struct resume_state *find(struct trace *t, struct process_key key)
{
	struct resume_state *s;
	char text[48];

	snprintf(text, sizeof(text), "%u:%llu", key.tgid, (unsigned long long)key.start_ns);
	list_for_each (s, t->resumable) {
		if (!slice_eq(json_str(s->json, "boot"), slice_of(t->boot_id)))
			continue;
		if (slice_eq(json_str(s->json, "root"), slice_of(text)) ||
		    has_process(json_at(s->json, "processes"), text))
			return s;
	}
	return NULL;
}

bool resume_waits_for(struct trace *t, struct process_key key)
{
	return find(t, key);
}

bool resume_claim(struct tree_state *tree, struct process_key key)
{
	struct resume_state *s = find(tree->t, key);

	if (!s || !tree->outlives)
		return false;
	open_read(&open_tree, s->json, &tree->t->words, tree);
	tree->resume = s;
	DL_DELETE(tree->t->resumable, s);
	tree->t->n_resumable--;
	if (!process_key_eq(key, tree->root)) { /* one that its root has left behind */
		tree->exited = true;
		tree->end_ns = tree->t->now_ns;
	}
	return true;
}

/* --- as it was --- */

static struct run_state *run_of(struct tree_state *tree, const cJSON *j)
{
	struct id128 id = { 0 };
	struct run_state *r;

	id128_parse(json_str(j, "run"), &id);
	r = run_by_id(tree, &id);
	return r ? r : tree->runs;
}

static struct agent_span *agent_of(struct tree_state *tree, const cJSON *j)
{
	const struct slice wanted = json_str(j, "agent");
	char hex[ID64_HEX_SIZE];
	struct agent_span *a;
	struct run_state *r;

	list_for_each (r, tree->runs)
		list_for_each (a, r->agents) {
			id64_hex(&a->id, hex);
			if (slice_eq(wanted, slice_of(hex)))
				return a;
		}
	return tree->runs->agents;
}

/* The first is there: run_begin() has made it. */
static void read_agents(struct run_state *r, const cJSON *list)
{
	struct agent_span *a = r->agents;
	const cJSON *item;

	cJSON_ArrayForEach (item, list) {
		if (!a)
			a = agent_open(r, (struct id64){ 0 }, (struct id64){ 0 }, r->process,
				       r->start_ns);
		if (!a)
			return;
		open_read(&open_agent, item, &r->t->words, a);
		/* It was told as ended when the capture was. */
		a->final = a->final && a->end_ns;
		a = NULL;
	}
}

/* Calls whose end nobody saw: the store tells them as cut. */
static void count_in_flight(struct run_state *r, int64_t n)
{
	if (n <= 0 || n > TREE_CALLS_MAX)
		return;
	r->totals.llm_calls += n;
	r->totals.errors += n;
	r->totals.unpriced_calls += n;
	r->totals.usage_unknown_calls += n;
}

static void read_run(struct run_state *r, const cJSON *j)
{
	open_read(&open_run, j, &r->t->words, r);
	count_in_flight(r, json_int(j, "in_flight"));
	read_agents(r, json_at(j, "agents"));
	r->host = r->agents->turns ? r->tree->runs->agents : NULL;
	r->dirty = true;
}

static void read_runs(struct tree_state *tree, const cJSON *list)
{
	const cJSON *item;
	bool first = true;

	cJSON_ArrayForEach (item, list) {
		struct run_state *r = tree->runs;
		struct id128 id = { 0 };

		id128_parse(json_str(item, "id"), &id);
		if (!first)
			r = tree->n_runs < TREE_RUNS_MAX && !run_by_id(tree, &id)
				    ? run_begin(tree, id, tree->root, tree->t->now_ns)
				    : NULL;
		first = false;
		if (r)
			read_run(r, item);
	}
}

static void read_process(struct tree_state *tree, const cJSON *j)
{
	struct process p = { 0 };
	struct proc_state *ps, read = { 0 };

	open_read(&open_process, j, &tree->t->words, &read);
	if (!read.key.tgid || tree->n_procs >= TREE_PROCESSES_MAX || process_find(tree, read.key))
		return;
	p.key = read.key;
	p.parent = read.parent_key;
	ps = process_add(tree, &p, read.id, read.start_ns);
	if (!ps)
		return;
	open_read(&open_process, j, &tree->t->words, ps);
	ps->run = run_of(tree, j);
	ps->agent = agent_of(tree, j);
	ps->resumed = true;
	if (!ps->evidence)
		ps->evidence = "process";
}

static void read_conversation(struct tree_state *tree, const cJSON *j)
{
	struct conversation read = { 0 };

	open_read(&open_conversation, j, &tree->t->words, &read);
	open_read(&open_head, json_at(j, "head"), &tree->t->words, &read.head);
	read.run = run_of(tree, j);
	read.agent = agent_of(tree, j);
	conversation_restore(tree, &read);
}

static void read_tool(struct tree_state *tree, const cJSON *j)
{
	struct tool_state *tool = tree->n_tools < TREE_TOOLS_MAX ? calloc(1, sizeof(*tool)) : NULL;
	struct conversation *conv;

	if (!tool)
		return;
	open_read(&open_tool, j, &tree->t->words, tool);
	conv = conversation_at(tree, (uint64_t)json_int(j, "conv"));
	tool->conv = conv ? conversation_hold(conv) : NULL;
	tool->run = run_of(tree, j);
	tool->agent = agent_of(tree, j);
	if (!tool->type)
		tool->type = "function";
	DL_APPEND(tree->tools, tool);
	tree->n_tools++;
	tool->run->n_tools++;
}

/* Whose call a program carries out is known again. */
static void find_carriers(struct tree_state *tree)
{
	struct proc_state *ps;

	list_for_each (ps, tree->proc_list) {
		struct tool_state *tool =
			id64_is_zero(&ps->tool) ? NULL : tool_by_id(tree, ps->tool);

		if (tool && !tool->carrier)
			tool->carrier = ps;
	}
}

static void read_each(struct tree_state *tree, const cJSON *list,
		      void (*fn)(struct tree_state *tree, const cJSON *j))
{
	const cJSON *item;
	unsigned n = 0;

	cJSON_ArrayForEach (item, list)
		if (n++ < PARTS_MAX)
			fn(tree, item);
}

void resume_apply(struct run_state *r)
{
	struct tree_state *tree = r->tree;
	struct resume_state *s = TAKE(tree->resume);

	read_runs(tree, json_at(s->json, "runs"));
	read_each(tree, json_at(s->json, "processes"), read_process);
	read_each(tree, json_at(s->json, "conversations"), read_conversation);
	read_each(tree, json_at(s->json, "tools"), read_tool);
	find_carriers(tree);
	cJSON_Delete(s->json);
	free(s);
	tree->resumed_ns = tree->t->now_ns;
	tree->state_due = true;
	list_for_each (r, tree->runs)
		if (tree->t->sink->cut)
			tree->t->sink->cut(tree->t->ctx, &r->id, NULL, CUT_RESUMED,
					   (struct slice){ 0 });
}

/* --- what has ended meanwhile --- */

static void say_ended(struct trace *t, const struct resume_state *s)
{
	const bool same = slice_eq(json_str(s->json, "boot"), slice_of(t->boot_id));
	const struct slice why = same ? SLICE("it ended while sonde did not run")
				      : SLICE("the machine was restarted");
	const cJSON *item;

	cJSON_ArrayForEach (item, json_at(s->json, "runs")) {
		struct id128 id = { 0 };

		if (id128_parse(json_str(item, "id"), &id) == 0 && t->sink->cut)
			t->sink->cut(t->ctx, &id, NULL, CUT_ENDED, why);
	}
	if (t->sink->state)
		t->sink->state(t->ctx, &s->id, (struct slice){ 0 });
}

void resume_tick(struct trace *t)
{
	if (!t->resumable || !t->host_ns || t->now_ns < t->host_ns + CLAIM_NS)
		return;
	while (t->resumable) {
		say_ended(t, t->resumable);
		drop(t, t->resumable);
	}
}

void resume_tree_tick(struct tree_state *tree)
{
	const struct slice why = SLICE("it ended while sonde did not run");
	struct proc_state *ps;

	if (!tree->resumed_ns || tree->resume_checked ||
	    tree->t->now_ns < tree->resumed_ns + PROCESSES_NS)
		return;
	tree->resume_checked = true;
	list_for_each (ps, tree->proc_list) {
		if (!ps->resumed || ps->final)
			continue;
		/* Nothing more is known of it than what is stored. */
		ps->final = ps->exited = true;
		if (tree->t->sink->cut)
			tree->t->sink->cut(tree->t->ctx, &ps->run->id, &ps->id, CUT_LEFT, why);
	}
}
