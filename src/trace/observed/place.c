/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/observed/place.h"

struct owner owner_of_process(struct run_state *r, struct process_key key)
{
	const struct proc_state *ps = process_above(r, key, true);
	struct agent_span *agent = ps ? ps->agent : r->agents;

	if (ps && ps->in_tool && !ps->own_agent)
		return (struct owner){
			.id = ps->under, .agent = agent, .evidence = "process", .tool = true
		};
	if (!ps || ps->own_agent)
		return (struct owner){ .id = agent->id, .agent = agent, .evidence = "process" };
	return (struct owner){ .id = ps->id, .agent = agent, .evidence = "process", .program = ps };
}

struct owner owner_of_tool(const struct tool_state *tool)
{
	return (struct owner){
		.id = tool->id, .agent = tool->agent, .evidence = "arguments", .tool = true
	};
}

bool owner_is_over(struct run_state *r, const struct owner *o)
{
	if (o->tool)
		return !tool_by_id(r, o->id);
	return o->program ? o->program->final : o->agent->final;
}

bool asking_may_be_lost(const struct run_state *r)
{
	const struct trace *t = r->t;

	return t->prober_lost || t->loss[SONDE_LOSS_RING_FULL] || t->loss[SONDE_LOSS_CONTROL] ||
	       t->loss[SONDE_LOSS_SCOPE_FULL] || t->loss[SONDE_LOSS_CONN_FULL] ||
	       r->totals.lost_bytes;
}

const char *unasked(const struct run_state *r, const struct agent_span *a)
{
	/* Without tools no model can have asked. */
	if (!a->offered_tools || r->joined || asking_may_be_lost(r) || tool_may_explain(r, a))
		return NULL;
	return r->tools ? "another program carries out each tool call that waited"
			: "no tool call waited";
}
