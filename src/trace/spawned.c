/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that have started an agent and are over before it asks for anything: agents in the
 * background get to work when who wanted them goes on already. They are kept for a while, so that
 * the agent is put below its call when it comes.
 */
#include "trace/state.h"

#define SPAWNED_MAX 64 /* of one tree; then the oldest is forgotten */

static void forget(struct tree_state *tree, struct tool_state *tool)
{
	DL_DELETE(tree->spawned, tool);
	tree->n_spawned--;
	tool_free(tool);
}

static bool has_agent(const struct tool_state *tool)
{
	const struct agent_span *a;

	list_for_each (a, tool->run->agents)
		if (a->sub && id64_eq(&a->tool, &tool->id))
			return true;
	return false;
}

bool spawned_keep(struct tool_state *tool)
{
	struct tree_state *tree = tool->run->tree;

	if (!subagent_is_call(tool) || has_agent(tool))
		return false;
	if (tree->n_spawned >= SPAWNED_MAX)
		forget(tree, tree->spawned);
	conversation_release(tool->conv);
	tool->conv = NULL;
	DL_APPEND(tree->spawned, tool);
	tree->n_spawned++;
	return true;
}

struct tool_state *spawned_find(const struct tree_state *tree, struct process_key process,
				struct slice key, struct slice prompt)
{
	struct tool_state *tool, *by_prompt = NULL;
	unsigned n = 0;

	list_for_each (tool, tree->spawned) {
		if (!process_key_eq(process, tool->process))
			continue;
		if (key.n >= UNIQUE_ID_MIN && slice_has(slice_of(tool->said), key))
			return tool;
		if (!subagent_is_told(tool, prompt))
			continue;
		by_prompt = tool;
		n++;
	}
	return n == 1 ? by_prompt : NULL;
}

void spawned_taken(struct tool_state *tool)
{
	struct tree_state *tree = tool->run->tree;
	struct tool_state *other;

	list_for_each (other, tree->spawned)
		if (other == tool) {
			forget(tree, tool);
			return;
		}
}

void spawned_let_go(struct tree_state *tree, const struct run_state *r)
{
	struct tool_state *tool, *tmp;

	list_for_each_safe (tool, tmp, tree->spawned)
		if (!r || tool->run == r)
			forget(tree, tool);
}
