/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that an agent starts and no tool call explains. Only what the agent itself starts is
 * judged: what that one starts in turn is its own.
 */
#include "trace/observed/habits.h"
#include "trace/observed/observed.h"
#include "trace/observed/place.h"

#define CLIMB_MAX 64

/* The agent runs itself once more: as a launcher, a worker, or under the name of a tool. */
static bool is_itself(const struct agent_span *a, const struct process *p)
{
	return p->agent.name.n && slice_eq(p->agent.name, slice_of(a->name));
}

void program_judge(struct proc_state *ps, const struct process *p)
{
	const struct proc_state *above = process_above(ps->tree, ps->parent_key, true);

	ps->housekeeping = false;
	ps->unasked = NULL;
	if (ps->in_tool || ps->own_agent || ps->serves)
		return;
	if (above && !above->own_agent) {
		ps->housekeeping = above->housekeeping;
		return;
	}
	ps->housekeeping =
		is_itself(ps->agent, p) || habit_program(slice_of(ps->agent->name), p->argv);
	if (!ps->housekeeping)
		ps->unasked = unasked(ps->tree, ps->agent);
}

void program_serves(struct tree_state *tree, struct process_key key)
{
	for (int i = 0; i < CLIMB_MAX && key.tgid; i++) {
		struct proc_state *ps = process_above(tree, key, true);

		if (!ps || ps->own_agent || ps->serves || ps->in_tool)
			return;
		ps->serves = true;
		if (ps->unasked)
			process_emit(ps);
		key = ps->parent_key;
	}
}

bool program_is_flagged(const struct proc_state *ps)
{
	return ps->unasked && !ps->in_tool && !ps->own_agent && !ps->serves &&
	       !asking_may_be_lost(ps->tree);
}
