/* SPDX-License-Identifier: BSD-2-Clause */
/* invoke_agent spans: the root, child processes that are agents, sub-agents in one process. */
#include "trace/emit.h"
#include "trace/happened.h"
#include "trace/observed/network.h"
#include "trace/observed/observed.h"

struct agent_span *agent_open(struct run_state *r, struct id64 id, struct id64 parent,
			      struct process_key process, uint64_t start_ns)
{
	struct agent_span *a;

	if (r->n_agents >= RUN_AGENTS_MAX) {
		r->dropped_steps++;
		return NULL;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->run = r;
	a->id = id;
	a->parent = parent;
	a->root = !r->agents;
	a->process = process;
	a->start_ns = start_ns;
	a->evidence = a->root ? NULL : "process";
	DL_APPEND(r->agents, a);
	r->n_agents++;
	return a;
}

void agent_free(struct agent_span *a)
{
	free(a->name);
	free(a->version);
	free(a->key);
	free(a->prompt);
	free(a);
}

void agent_copy_name(struct agent_span *a, const struct agent_span *from)
{
	keep(&a->name, slice_of(from->name));
	keep(&a->version, slice_of(from->version));
	a->known = from->known;
	a->named_by = from->named_by;
}

void agent_name(struct agent_span *a, const struct agent_identity *who)
{
	if (who->name.n == 0)
		return;
	if (a->known && a->version && slice_eq(slice_of(a->name), who->name))
		return;
	/* A request may add the version; it does not rename what the program file told. */
	if (a->known && !slice_eq(slice_of(a->name), who->name))
		return;
	keep(&a->name, who->name);
	if (who->version.n)
		keep(&a->version, who->version);
	if (!a->known)
		a->named_by = who->evidence;
	a->known = true;
	agent_emit(a, false);
	if (!a->sub)
		a->run->dirty = true;
}

void agent_resume(struct agent_span *a)
{
	if (!a->final)
		return;
	a->final = false;
	a->end_ns = 0;
}

struct agent_span *agent_by_key(struct tree_state *tree, struct slice key)
{
	struct agent_span *a;
	struct run_state *r;

	list_for_each (r, tree->runs)
		list_for_each (a, r->agents)
			if (a->key && slice_eq(slice_of(a->key), key))
				return a;
	return NULL;
}

/* The tool call that started a sub-agent has its result: so has the sub-agent. */
void agent_tool_ended(const struct tool_state *tool)
{
	struct agent_span *a;

	list_for_each (a, tool->run->agents)
		if (a->sub && !a->final && id64_eq(&a->tool, &tool->id))
			agent_end(a, tool->end_ns ? tool->end_ns : a->last_ns);
}

/* --- emission --- */

static void fill_ending(struct emit *e, const struct run_state *r, const struct agent_span *a)
{
	const int64_t system = network_system_count(r);
	enum run_status status = r->status;

	if (a->root) {
		happened_emit(e, r);
		emit_lit(e, ATTR_RUN_STATUS, run_status_names[status]);
		emit_str(e, ATTR_RUN_REASON, slice_of(r->reason));
		emit_int(e, ATTR_DROPPED_STEPS, r->dropped_steps ? r->dropped_steps : LLM_UNKNOWN);
		emit_int(e, ATTR_SYSTEM_CONNECTIONS, system > 0 ? system : LLM_UNKNOWN);
		if (status == RUN_FAILED || status == RUN_TIMED_OUT || status == RUN_CANCELLED) {
			e->span.status = SPAN_ERROR;
			e->span.status_text = emit_text(e, slice_of(r->reason));
			e->span.error_type =
				slice_of(status == RUN_TIMED_OUT ? "timeout" : "_OTHER");
		}
	} else if (a->exit_code || a->exit_signal) {
		e->span.status = SPAN_ERROR;
		e->span.error_type = SLICE("_OTHER");
	}
	if (a->end_ns && !a->sub && !r->tree->source) {
		emit_int(e, ATTR_PROCESS_EXIT_CODE, a->exit_signal ? LLM_UNKNOWN : a->exit_code);
		emit_int(e, ATTR_PROCESS_SIGNAL, a->exit_signal ? a->exit_signal : LLM_UNKNOWN);
	}
}

static void fill_sandbox(struct emit *e, struct run_state *r, const struct agent_span *a)
{
	const struct proc_state *ps = a->root ? NULL : process_find(r->tree, a->process);

	if (a->root)
		sandbox_emit(e, &r->tree->assurance.sandbox);
	else if (ps && ps->own_agent && !a->sub)
		sandbox_emit(e, &ps->sandbox);
}

/* And what is needed to run it again: whether it can be, and whether that was done here. */
static void fill_command(struct emit *e, const struct run_state *r)
{
	const struct tree_state *tree = r->tree;
	const bool shown = emit_command(e, tree->argv);

	if (!tree->launched)
		return;
	emit_lit(e, ATTR_RUN_LAUNCHER, "sonde run");
	emit_true(e, ATTR_RUN_WHOLE, shown && tree->argv_whole);
	if (r == tree->runs && !id128_is_zero(&tree->retry_of))
		emit_clean(e, ATTR_RUN_RETRY_OF, emit_hex128(e, &tree->retry_of));
}

void agent_emit(struct agent_span *a, bool final)
{
	struct run_state *r = a->run;
	struct slice name = slice_of(a->name);
	struct emit e;

	if (a->final && !final)
		return;
	emit_begin(&e, r, STEP_AGENT, a->start_ns);
	e.span.span_id = a->id;
	e.span.parent_id = a->parent;
	emit_agent(&e, a);
	e.span.name = name.n ? emit_join(&e, SLICE("invoke_agent "), e.span.agent)
			     : SLICE("invoke_agent");
	e.span.evidence = slice_of(a->root ? r->evidence : a->evidence);
	if (a->sub || r->tree->source)
		name.n = 0;
	emit_process(&e, a->process, name);
	emit_lit(&e, ATTR_OPERATION, "invoke_agent");
	emit_lit(&e, ATTR_AGENT_EVIDENCE, a->named_by);
	emit_true(&e, ATTR_SUBAGENT, a->sub);
	if (a->root && !r->tree->source)
		fill_command(&e, r);
	if (a->root)
		emit_str(&e, ATTR_RECORDER, slice_of(r->tree->recorder));
	fill_sandbox(&e, r, a);
	fill_ending(&e, r, a);
	emit_end(&e, a->end_ns, final);
}

void agent_end(struct agent_span *a, uint64_t ts_ns)
{
	if (a->final)
		return;
	if (!a->end_ns)
		a->end_ns = ts_ns;
	observed_owner_ended(a->run, &a->id);
	agent_emit(a, true);
	a->final = true;
}
