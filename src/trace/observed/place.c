/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/observed/place.h"

#include "base/util.h"

struct owner owner_of_process(struct tree_state *tree, struct process_key key)
{
	const struct proc_state *ps = process_above(tree, key, true);
	struct owner o = { .evidence = "process" };

	if (!ps || ps->own_agent) {
		o.agent = turn_agent(ps ? ps->agent : tree->runs->agents);
		o.run = o.agent->run;
		o.id = o.agent->id;
		return o;
	}
	o.agent = ps->agent;
	o.run = ps->run;
	o.tool = ps->in_tool;
	o.program = o.tool ? NULL : ps;
	o.id = o.tool ? ps->under : ps->id;
	return o;
}

bool owner_is_shown(struct tree_state *tree, const struct owner *o, struct process_key key)
{
	const struct proc_state *ps = o->tool ? NULL : process_above(tree, key, true);

	return !ps || ps->own_agent || ps->shown;
}

struct owner owner_of_tool(const struct tool_state *tool)
{
	return (struct owner){ .id = tool->id,
			       .run = tool->run,
			       .agent = tool->agent,
			       .evidence = "arguments",
			       .tool = true };
}

bool owner_is_over(const struct owner *o)
{
	if (o->tool)
		return !tool_by_id(o->run->tree, o->id);
	return o->program ? o->program->final : o->agent->final;
}

bool asking_may_be_lost(const struct tree_state *tree)
{
	static const enum sonde_loss telling[] = { SONDE_LOSS_RING_FULL, SONDE_LOSS_CONTROL,
						   SONDE_LOSS_SCOPE_FULL, SONDE_LOSS_CONN_FULL };
	const struct run_state *r;

	for (size_t i = 0; i < ARRAY_SIZE(telling); i++)
		if (tree->t->loss[telling[i]] > tree->loss[telling[i]])
			return true;
	list_for_each (r, tree->runs)
		if (r->totals.lost_bytes)
			return true;
	return tree->t->prober_lost;
}

/* A call that is answered at this moment may be asking for it. */
static bool is_answered(const struct tree_state *tree, const struct agent_span *a)
{
	const struct call_state *c;

	list_for_each (c, tree->calls)
		if (c->call->first_token_ns && process_key_eq(c->agent->process, a->process))
			return true;
	return false;
}

const char *unasked(const struct tree_state *tree, const struct agent_span *a, uint64_t ts_ns)
{
	/* Without tools no model can have asked. */
	if (!a->offered_tools || tree->joined || asking_may_be_lost(tree) || is_answered(tree, a) ||
	    tool_may_explain(tree, a, ts_ns))
		return NULL;
	return tree->tools ? "another program carries out each tool call that waited"
			   : "no tool call waited";
}
