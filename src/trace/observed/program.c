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

/* Whether what @above (NULL: the root) starts is an agent's doing, and not a program's own. */
static bool is_agents_hand(const struct proc_state *above, const struct agent_span *a)
{
	if (above && !above->own_agent)
		return above->asks;
	return a->asks || habit_knows(slice_of(a->name));
}

void program_judge(struct proc_state *ps, const struct process *p)
{
	const struct proc_state *above = process_above(ps->tree, ps->parent_key, true);

	ps->housekeeping = false;
	ps->unasked = NULL;
	if (ps->in_tool || ps->own_agent || ps->serves || ps->asks || ps->excused)
		return;
	if (!is_agents_hand(above, ps->agent)) {
		ps->housekeeping = above && above->housekeeping;
		return;
	}
	ps->housekeeping =
		is_itself(ps->agent, p) || habit_program(slice_of(ps->agent->name), p->argv);
	if (!ps->housekeeping)
		ps->unasked = unasked(ps->tree, ps->agent, ps->exec_ns);
}

void program_judge_again(struct tree_state *tree, uint64_t since_ns)
{
	struct proc_state *ps = tree->proc_list ? tree->proc_list->prev : NULL;

	for (; ps && ps->exec_ns >= since_ns; ps = ps == tree->proc_list ? NULL : ps->prev) {
		const struct process *p = proc_find(tree->t->procs, ps->key);

		if (!p || ps->unasked)
			continue;
		program_judge(ps, p);
		if (ps->unasked)
			process_emit(ps);
	}
}

void program_excuse(const struct tool_state *tool)
{
	const struct tree_state *tree = tool->run->tree;
	struct proc_state *ps = tree->proc_list ? tree->proc_list->prev : NULL;

	for (; ps && ps->exec_ns >= tool->start_ns; ps = ps == tree->proc_list ? NULL : ps->prev)
		ps->excused |= process_key_eq(ps->agent->process, tool->agent->process);
}

void program_asks(struct tree_state *tree, struct agent_span *a, struct process_key key)
{
	struct proc_state *ps = process_find(tree, key);

	a->asks |= process_key_eq(a->process, key);
	if (!ps || ps->asks)
		return;
	ps->asks = true;
	if (ps->flagged)
		process_emit(ps);
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
	return ps->unasked && !ps->in_tool && !ps->own_agent && !ps->serves && !ps->asks &&
	       !asking_may_be_lost(ps->tree);
}
