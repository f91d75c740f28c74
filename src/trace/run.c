/* SPDX-License-Identifier: BSD-2-Clause */
/* A run: from the event that puts a process tree under trace to the end of the tree. */
#include "base/json.h"
#include "trace/emit.h"
#include "trace/mcp.h"

const char *const run_status_names[] = {
	[RUN_RUNNING] = "running",     [RUN_COMPLETED] = "completed",
	[RUN_FAILED] = "failed",       [RUN_CANCELLED] = "cancelled",
	[RUN_TIMED_OUT] = "timed_out", [RUN_INCOMPLETE] = "incomplete",
	[RUN_PAUSED] = "paused",
};

#define LINGER_NS 1000000000ull /* late facts of a tree that has ended */

void keep(char **dst, struct slice s)
{
	free(*dst);
	*dst = s.n ? slice_dup(s) : NULL;
}

struct run_state *run_of_scope(struct trace *t, uint32_t scope)
{
	struct run_state *r;

	HASH_FIND(hh, t->runs, &scope, sizeof(scope), r);
	return r;
}

struct run_state *run_of(struct trace *t, struct process_key key)
{
	const struct process *p = proc_find(t->procs, key);
	struct run_state *r = p && p->scope ? run_of_scope(t, p->scope) : NULL;

	/* Only traced processes are heard: with one run, what is heard is of that run. */
	if (!r && HASH_COUNT(t->runs) == 1)
		r = t->runs;
	if (!r)
		stat_add(t->stats, STAT_TRACE_NO_RUN, 1);
	return r;
}

/* --- opening --- */

static struct id128 run_id(const struct trace *t, const struct sonde_event *e, uint32_t scope)
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

static struct id64 root_span_id(const struct run_state *r)
{
	struct id_hash h;

	id_hash_begin(&h, "span");
	id_hash_bytes(&h, SLICE("agent"));
	id_hash_bytes(&h, (struct slice){ (const char *)r->id.b, sizeof(r->id.b) });
	return id64_of(id_hash_end(&h));
}

/* The command line of SCOPE: a JSON array becomes arguments with a NUL after each. */
static struct slice read_argv(const cJSON *array)
{
	struct buf b = { 0 };
	const cJSON *arg;

	cJSON_ArrayForEach (arg, array) {
		const struct slice s = slice_of(cJSON_GetStringValue(arg));

		if (buf_add(&b, s, SONDE_EVENT_MAX) < 0 ||
		    buf_add(&b, (struct slice){ "", 1 }, SONDE_EVENT_MAX) < 0)
			break;
	}
	return buf_slice(&b);
}

static void read_scope(struct run_state *r, const cJSON *j)
{
	const struct slice owner = json_str(j, "owner"), kind = json_str(j, "kind");

	r->argv = read_argv(json_at(j, "argv"));
	keep(&r->cwd, json_str(j, "cwd"));
	keep(&r->user, json_str(j, "user"));
	keep(&r->trigger, json_str(j, "trigger"));
	if (!r->trigger && cJSON_IsTrue(json_at(j, "tty")))
		keep(&r->trigger, SLICE("terminal"));
	keep(&r->source, json_str(j, "source"));
	keep(&r->recorder, json_str(j, "recorder"));
	r->uid = (uint32_t)json_int(j, "uid");
	r->adopts = slice_eq(kind, SLICE("cgroup")) || slice_eq(kind, SLICE("container"));
	r->joined = r->adopts || slice_eq(kind, SLICE("pid")) || slice_eq(kind, SLICE("program"));
	/* Only a daemon's store belongs to somebody else than who runs the command; the agents of
	 * an import are not at work here. */
	r->writable_by_agent = !r->source && (!slice_eq(owner, SLICE("daemon")) || r->uid == 0);
}

static struct run_state *run_new(struct trace *t, const struct sonde_event *e, uint32_t scope,
				 struct process *p)
{
	struct run_state *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->t = t;
	r->scope = scope;
	r->id = run_id(t, e, scope);
	r->root = (struct process_key){ e->tgid, e->start_ns };
	if (r->root.start_ns == 0 && p)
		r->root = p->key;
	r->start_ns = e->ts_ns;
	r->live = 1;
	r->status = RUN_RUNNING;
	r->totals.usage = llm_usage_unknown;
	cache_init(&r->outputs, REFS_MAX, sizeof(struct id128), sizeof(struct node_ref));
	cache_init(&r->inputs, REFS_MAX, sizeof(struct id128), sizeof(struct node_ref));
	cache_init(&r->responses, REFS_MAX, sizeof(struct id128), sizeof(struct node_ref));
	mcp_init(r);
	return r;
}

/* The program's name, until something better is known. */
static void name_root(struct run_state *r, const struct process *p)
{
	struct slice name = r->argv, rest;

	slice_cut(r->argv, '\0', &name, &rest);
	name = slice_base(name);
	keep(&r->agents->name, name.n || !p ? name : process_name(p));
	keep(&r->agents->version, (struct slice){ 0 });
	r->agents->named_by = r->source ? "file" : "program";
}

static void drop(struct trace *t, struct run_state *r)
{
	run_finish(r, t->now_ns);
	HASH_DEL(t->runs, r);
	run_free(r);
}

void run_open(struct trace *t, const struct sonde_event *e, struct process *p)
{
	const struct sonde_json_event *j = (const struct sonde_json_event *)e;
	_cleanup_(cJSON_Deletep) cJSON *json =
		json_parse((struct slice){ j->json, e->size - sizeof(*e) });
	const uint32_t scope = (uint32_t)json_int(json, "scope");
	struct run_state *r = run_of_scope(t, scope);

	/* Another run under the same number: the first one has not ended in good order. */
	if (r)
		drop(t, r);
	if (!json || HASH_COUNT(t->runs) >= RUNS_MAX) {
		stat_add(t->stats, STAT_TRACE_NO_RUN, 1);
		return;
	}
	r = run_new(t, e, scope, p);
	if (!r)
		return;
	read_scope(r, json);
	if (!agent_open(r, root_span_id(r), (struct id64){ 0 }, r->root, r->start_ns)) {
		run_free(r);
		return;
	}
	name_root(r, p);
	HASH_ADD(hh, t->runs, scope, sizeof(r->scope), r);
	if (!r->hh.tbl) {
		run_free(r);
		return;
	}
	agent_emit(r, r->agents, false);
	run_emit(r, true);
}

/* --- closing --- */

void run_exit(struct run_state *r, const struct process *p, uint64_t ts_ns)
{
	r->exited = true;
	r->end_ns = ts_ns;
	r->exit_code = p->exit_code;
	r->exit_signal = p->exit_signal;
	r->agents->exit_code = p->exit_code;
	r->agents->exit_signal = p->exit_signal;
	status_decide(r);
	agent_emit(r, r->agents, false);
	run_emit(r, true);
}

void run_finish(struct run_state *r, uint64_t ts_ns)
{
	struct agent_span *a;

	if (r->finished)
		return;
	call_abandon_all(r);
	mcp_finish_all(r, ts_ns);
	tool_finish_all(r, ts_ns);
	process_finish_all(r, ts_ns);
	if (!r->end_ns)
		r->end_ns = ts_ns;
	r->finished = true;
	status_decide(r);
	for (a = r->agents->next; a; a = a->next)
		agent_end(r, a, a->last_ns ? a->last_ns : r->end_ns);
	agent_end(r, r->agents, r->end_ns);
	run_emit(r, true);
	live_run(r);
}

/* Nothing of it is alive or in flight, and nothing came for a while. */
static bool is_over(const struct run_state *r, uint64_t now_ns)
{
	return r->exited && r->live == 0 && !r->calls && now_ns >= r->end_ns + LINGER_NS;
}

void run_tick(struct trace *t)
{
	struct run_state *r = t->runs, *next;

	for (; r; r = next) {
		next = r->hh.next;
		if (is_over(r, t->now_ns)) {
			drop(t, r);
			continue;
		}
		if (r->dirty)
			run_emit(r, false);
		live_run(r);
	}
}

void run_free(struct run_state *r)
{
	struct agent_span *a, *a_tmp;
	struct tool_state *tool, *tool_tmp;
	struct proc_state *ps, *ps_tmp;
	struct conversation *conv, *conv_tmp;

	list_for_each_safe (a, a_tmp, r->agents)
		agent_free(a);
	list_for_each_safe (tool, tool_tmp, r->tools)
		tool_free(tool);
	list_for_each_safe (ps, ps_tmp, r->proc_list)
		process_free(r, ps);
	list_for_each_safe (conv, conv_tmp, r->convs)
		conversation_free(conv);
	mcp_free_all(r);
	notes_free(r);
	cache_done(&r->outputs);
	cache_done(&r->inputs);
	cache_done(&r->responses);
	cache_done(&r->mcp_ended);
	buf_done(&r->models);
	free(r->cwd);
	free(r->user);
	free(r->trigger);
	free(r->source);
	free(r->recorder);
	free(r->task);
	free(r->provider);
	free((char *)r->argv.p);
	free(r);
}

/* --- what is told of it --- */

/* Who a run is filed under: the root where it is a known agent, else the first one in its tree. */
static const struct agent_span *run_agent(const struct run_state *r)
{
	for (const struct agent_span *a = r->agents; a; a = a->next)
		if (a->known && !a->sub)
			return a;
	return r->agents;
}

static void fill_text(struct run_state *r, struct emit *e, struct run *run)
{
	const struct agent_span *a = run_agent(r);

	run->status_reason = emit_text(e, slice_of(r->reason));
	run->task = emit_text(e, slice_of(r->task));
	run->command = emit_argv_line(e, r->argv);
	run->cwd = emit_text(e, slice_of(r->cwd));
	run->user = emit_text(e, slice_of(r->user));
	run->host = emit_text(e, slice_of(r->t->host));
	run->trigger = emit_text(e, slice_of(r->trigger));
	run->agent = emit_text(e, slice_of(a->name));
	run->agent_version = emit_text(e, slice_of(a->version));
	run->models = emit_text(e, buf_slice(&r->models));
	run->provider = emit_text(e, slice_of(r->provider));
	run->notes = e->mem ? notes_json(r, e->mem) : (struct slice){ 0 };
}

void run_emit(struct run_state *r, bool force)
{
	struct trace *t = r->t;
	struct run run = r->totals;
	struct emit e;

	r->dirty = true;
	if (!force && t->now_ns < r->emitted_ns + EMIT_EVERY_NS)
		return;
	r->dirty = false;
	r->emitted_ns = t->now_ns;
	if (t->config.content == CONTENT_OFF || !t->sink->run)
		return;
	emit_begin(&e, r, STEP_AGENT, r->start_ns);
	run.run_id = r->id;
	run.session_id = r->session_id;
	run.status = r->status;
	run.start_ns = e.span.start_ns;
	run.end_ns = emit_wall(&e, r->end_ns);
	run.uid = r->uid;
	run.process = r->root;
	run.exit_code = r->exit_code;
	run.exit_signal = r->exit_signal;
	run.writable_by_agent = r->writable_by_agent;
	fill_text(r, &e, &run);
	t->sink->run(t->ctx, &run);
	arena_free(e.mem);
}
