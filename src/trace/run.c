/* SPDX-License-Identifier: BSD-2-Clause */
/* A run: one task that an agent of a tree works at, with what all its steps come to. */
#include "trace/emit.h"
#include "trace/happened.h"
#include "trace/mcp.h"
#include "trace/observed/observed.h"
#include "trace/open_state.h"

const char *const run_status_names[] = {
	[RUN_RUNNING] = "running",     [RUN_COMPLETED] = "completed",
	[RUN_FAILED] = "failed",       [RUN_CANCELLED] = "cancelled",
	[RUN_TIMED_OUT] = "timed_out", [RUN_INCOMPLETE] = "incomplete",
	[RUN_PAUSED] = "paused",
};

void keep(char **dst, struct slice s)
{
	free(*dst);
	*dst = s.n ? slice_dup(s) : NULL;
}

/* --- opening --- */

static struct id64 root_span_id(const struct id128 *run)
{
	struct id_hash h;

	id_hash_begin(&h, "span");
	id_hash_bytes(&h, SLICE("agent"));
	id_hash_bytes(&h, (struct slice){ (const char *)run->b, sizeof(run->b) });
	return id64_of(id_hash_end(&h));
}

struct run_state *run_begin(struct tree_state *tree, struct id128 id, struct process_key process,
			    uint64_t start_ns)
{
	struct run_state *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->tree = tree;
	r->t = tree->t;
	r->id = id;
	r->process = process;
	r->start_ns = start_ns;
	r->status = RUN_RUNNING;
	r->totals.usage = llm_usage_unknown;
	if (!agent_open(r, root_span_id(&id), (struct id64){ 0 }, process, start_ns)) {
		free(r);
		return NULL;
	}
	DL_APPEND(tree->runs, r);
	tree->n_runs++;
	if (tree->resume)
		resume_apply(r);
	return r;
}

/* --- closing --- */

/* The program that all of it is the work of has ended. */
void run_exit(struct run_state *r, const struct process *p, uint64_t ts_ns)
{
	r->exited = true;
	r->end_ns = ts_ns;
	happened_end(r, ts_ns);
	r->exit_code = p->exit_code;
	r->exit_signal = p->exit_signal;
	r->agents->exit_code = p->exit_code;
	r->agents->exit_signal = p->exit_signal;
	status_decide(r);
	agent_emit(r->agents, false);
	run_emit(r, true);
}

void run_finish(struct run_state *r, uint64_t ts_ns)
{
	struct agent_span *a;

	if (r->finished)
		return;
	if (!r->end_ns)
		r->end_ns = ts_ns;
	happened_end(r, r->end_ns);
	observed_finish_all(r);
	r->finished = true;
	status_decide(r);
	for (a = r->agents->next; a; a = a->next)
		agent_end(a, a->last_ns ? a->last_ns : r->end_ns);
	agent_end(r->agents, r->end_ns);
	run_emit(r, true);
	live_run(r);
}

void run_free(struct run_state *r)
{
	struct agent_span *a, *tmp;

	list_for_each_safe (a, tmp, r->agents)
		agent_free(a);
	observed_free_all(r);
	happened_free(r);
	buf_done(&r->models);
	free(r->task);
	free(r->provider);
	free(r->turn);
	free(r->request);
	free(r);
}

struct run_state *run_by_id(struct tree_state *tree, const struct id128 *id)
{
	struct run_state *r;

	list_for_each (r, tree->runs)
		if (id128_eq(&r->id, id))
			return r;
	return NULL;
}

/* Programs that are still there are the first run's from now on. */
static void hand_over_processes(struct run_state *r)
{
	struct run_state *first = r->tree->runs;
	struct proc_state *ps, *tmp;

	list_for_each_safe (ps, tmp, r->tree->proc_list) {
		if (ps->run != r)
			continue;
		if (ps->exited) {
			process_free(ps);
			continue;
		}
		ps->final = true; /* as a step of the run that it was shown in */
		ps->run = first;
		ps->agent = first->agents;
		ps->own_agent = false;
	}
}

void run_let_go(struct run_state *r)
{
	struct tree_state *tree = r->tree;

	run_finish(r, r->t->now_ns);
	hand_over_processes(r);
	mcp_let_go(r);
	conversation_let_go(tree, r);
	DL_DELETE(tree->runs, r);
	tree->n_runs--;
	run_free(r);
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
	run->command = emit_argv_line(e, r->tree->argv);
	run->cwd = emit_text(e, slice_of(r->tree->cwd));
	run->user = emit_text(e, slice_of(r->tree->user));
	run->host = emit_text(e, slice_of(r->t->host));
	run->agent = emit_text(e, slice_of(a->name));
	run->agent_version = emit_text(e, slice_of(a->version));
	run->project = emit_text(e, slice_of(r->tree->project ? r->tree->project : r->tree->cwd));
	run->resource = resource_json(r, e);
	trigger_emit(&r->tree->trigger, slice_of(r->request), e, run);
	run->models = emit_text(e, buf_slice(&r->models));
	run->provider = emit_text(e, slice_of(r->provider));
	run->assurance = assurance_json(r, e);
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
	r->tree->state_due = true;
	r->emitted_ns = t->now_ns;
	if (!r->finished)
		status_decide(r);
	if (t->config.content == CONTENT_OFF || !t->sink->run || r->tree->excluded)
		return;
	emit_begin(&e, r, STEP_AGENT, r->start_ns);
	run.run_id = r->id;
	run.session_id = r->session_id;
	run.status = r->status;
	run.start_ns = e.span.start_ns;
	run.end_ns = emit_wall(&e, r->end_ns);
	run.uid = r->tree->uid;
	run.process = r->process;
	run.exit_code = r->exit_code;
	run.exit_signal = r->exit_signal;
	run.writable_by_agent = r->tree->writable_by_agent;
	fill_text(r, &e, &run);
	t->sink->run(t->ctx, &run);
	arena_free(e.mem);
}
