/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who carries a tool call out: the program whose arguments show its command, the request that asks
 * for its address; else what the asking process does while it alone waits. Calls become known as
 * their answer comes, so what has begun in the meantime is looked at again.
 */
#include "trace/arguments.h"
#include "trace/command.h"
#include "trace/observed/habits.h"
#include "trace/observed/observed.h"
#include "trace/observed/place.h"
#include "trace/tool_span.h"

#define ARGV_HEAD 256 /* bytes of a command that are looked for in an argv that was cut */

struct tool_state *tool_of_exchange(struct tree_state *tree, const struct http_exchange *x)
{
	struct tool_state *tool, *found = NULL;

	list_for_each (tool, tree->tools) {
		if (tool->server || !tool->url || x->request.head_ns < tool->start_ns ||
		    !process_key_eq(tool->process, x->conn->process) ||
		    !url_is(slice_of(tool->url), x->host, x->path))
			continue;
		if (found)
			return NULL;
		found = tool;
	}
	return found;
}

bool tool_is_carried(const struct tool_state *tool)
{
	return tool->by_argv || tool->by_mcp || tool->by_http || tool->by_file || tool->contested;
}

bool tool_may_explain(const struct tree_state *tree, const struct agent_span *a, uint64_t ts_ns)
{
	const struct tool_state *tool;

	list_for_each (tool, tree->tools)
		if (!tool->server && !tool_is_carried(tool) && tool->start_ns <= ts_ns &&
		    (tool->agent == a || process_key_eq(tool->agent->process, a->process)))
			return true;
	return false;
}

static enum command_match match(const struct tool_state *tool, const struct proc_state *ps,
				struct arena *mem)
{
	struct slice command = slice_of(tool->command);

	/* What a cut argv cannot show is not asked for. */
	if (ps->argv_cut && command.n > ARGV_HEAD) {
		command.n = ARGV_HEAD;
		while (command.n && command.p[command.n - 1] != ' ')
			command.n--;
	}
	return command_match(command, ps->argv, mem);
}

/* Where calls may have been lost, a command among other words may be a part of one of theirs. */
static enum command_match least_match(const struct tree_state *tree)
{
	return asking_may_be_lost(tree) ? COMMAND_TAIL : COMMAND_NO;
}

static bool may_be_run_by(const struct tool_state *tool, const struct proc_state *ps)
{
	return !tool->server && tool->command && !tool->contested && ps->exec_ns >= tool->start_ns;
}

/*
 * Of two commands that fit, the longer one says more; equal ones cannot be told apart. @wide: also
 * programs that the asking process did not start itself, but its agent did: a shell script asks
 * with curl and runs the command on its own.
 */
static struct tool_state *by_argv(const struct proc_state *ps, bool wide, struct arena *mem)
{
	struct tool_state *tool, *best = NULL;
	enum command_match best_match = least_match(ps->tree);
	size_t best_len = 0;
	bool tie = false;

	list_for_each (tool, ps->tree->tools) {
		enum command_match m;
		size_t len;

		if (!may_be_run_by(tool, ps))
			continue;
		m = match(tool, ps, mem);
		/* It has a better one. */
		if (tool->by_argv && tool->carrier && m < match(tool, tool->carrier, mem))
			continue;
		len = strlen(tool->command);
		if (m == COMMAND_NO || m < best_match || (m == best_match && len < best_len) ||
		    !process_descends(ps->tree, ps->key,
				      wide ? tool->agent->process : tool->process))
			continue;
		tie = m == best_match && len == best_len;
		best = tool;
		best_match = m;
		best_len = len;
	}
	return tie ? NULL : best;
}

/* Agents that are known run a command such that it shows. */
static bool would_show(const struct tool_state *tool)
{
	return tool->command && habit_knows(slice_of(tool->agent->name));
}

/*
 * A child of the asking process itself, while one call waits that no program is known to carry out
 * and that is not older than the call. Not while the answer still comes, which may ask for more,
 * nor where what was lost may have.
 */
static struct tool_state *by_window(const struct proc_state *ps)
{
	const struct proc_state *above = process_above(ps->tree, ps->parent_key, true);
	struct tool_state *tool = tool_only_one(ps->tree, above ? above->key : ps->tree->root);

	if (!tool || !tool->asked || tool_is_carried(tool) || would_show(tool) ||
	    ps->start_ns < tool->start_ns || asking_may_be_lost(ps->tree))
		return NULL;
	return tool;
}

struct tool_state *tool_of_program(const struct proc_state *ps, const char **ret_evidence)
{
	struct arena *mem = arena_new(SCRATCH_MAX);
	struct tool_state *tool = mem ? by_argv(ps, false, mem) : NULL;

	if (mem && !tool)
		tool = by_argv(ps, true, mem);
	arena_free(mem);
	*ret_evidence = "argv";
	if (tool)
		return tool;
	*ret_evidence = "window";
	return by_window(ps);
}

/* --- second thoughts --- */

/* Of a call that is over, or below a program that is known to carry one out. */
static bool is_settled(const struct proc_state *ps, const struct tool_state *now)
{
	return ps->in_tool && (!now || (id64_is_zero(&ps->tool) && now->by_argv));
}

/* A call has been asked for, or is carried out by another program: is this one's place the best? */
static void reconsider(struct proc_state *ps)
{
	struct tool_state *now = ps->in_tool ? tool_by_id(ps->tree, ps->under) : NULL, *best;
	const bool direct = ps->in_tool && !id64_is_zero(&ps->tool);
	const char *evidence;

	if (is_settled(ps, now))
		return;
	best = tool_of_program(ps, &evidence);
	if (best && !process_may_be_of(ps, best->run))
		best = NULL;
	/* What it has from the program above it is as good as a guess. */
	if (now && !direct && strcmp(evidence, "argv") != 0)
		return;
	if (best == now && direct && strcmp(evidence, ps->evidence) == 0)
		return;
	if (direct)
		process_unlink(ps); /* equal commands are nobody's; a guess is none any more */
	if (best)
		process_link(ps, best, evidence);
}

void tool_adopt(struct tree_state *tree, uint64_t since_ns)
{
	struct proc_state *ps = tree->proc_list ? tree->proc_list->prev : NULL, *first = NULL;

	for (; ps && ps->exec_ns >= since_ns; ps = ps == tree->proc_list ? NULL : ps->prev)
		first = ps;
	/* A shell comes before what it runs, which is its own. */
	for (ps = first; ps; ps = ps->next)
		reconsider(ps);
}

/* Programs that only time had linked to the call are set free: now it is known which one it is. */
static void release_others(struct tool_state *tool, const struct proc_state *carrier)
{
	struct proc_state *ps;

	list_for_each (ps, carrier->tree->proc_list) {
		if (ps == carrier || !id64_eq(&ps->tool, &tool->id) ||
		    strcmp(ps->evidence, "window") != 0)
			continue;
		process_unlink(ps);
		reconsider(ps);
	}
}

/* Of the other programs that carry it out, the first whose arguments say so; else the first. */
static struct proc_state *other_carrier(const struct tool_state *tool,
					const struct proc_state *released)
{
	struct proc_state *ps, *found = NULL;

	list_for_each (ps, released->tree->proc_list) {
		if (ps == released || !id64_eq(&ps->tool, &tool->id))
			continue;
		if (strcmp(ps->evidence, "argv") == 0)
			return ps;
		if (!found)
			found = ps;
	}
	return found;
}

void tool_released(const struct proc_state *ps)
{
	struct tool_state *tool = tool_by_id(ps->tree, ps->tool);

	if (!tool || tool->carrier != ps)
		return;
	tool->carrier = other_carrier(tool, ps);
	tool->by_argv = tool->carrier && strcmp(tool->carrier->evidence, "argv") == 0;
	tool_emit(tool, false);
}

/* Two that show one call's command may be two calls', of which one was lost. */
static bool is_contested(const struct tool_state *tool, const struct proc_state *ps)
{
	const struct proc_state *first = tool->by_argv ? tool->carrier : NULL;

	return first && first != ps && asking_may_be_lost(ps->tree) &&
	       !process_descends(ps->tree, ps->key, first->key) &&
	       !process_descends(ps->tree, first->key, ps->key);
}

static void release_all(struct tool_state *tool, struct tree_state *tree)
{
	struct proc_state *ps;

	tool->contested = true;
	list_for_each (ps, tree->proc_list)
		if (id64_eq(&ps->tool, &tool->id))
			process_unlink(ps);
}

void tool_carried(struct tool_state *tool, struct proc_state *ps)
{
	const bool by_argv_now = strcmp(ps->evidence, "argv") == 0;

	if (by_argv_now && is_contested(tool, ps)) {
		release_all(tool, ps->tree);
		return;
	}
	if (by_argv_now && !tool->by_argv) {
		tool->by_argv = true;
		tool->carrier = NULL;
		release_others(tool, ps);
		program_judge_again(ps->tree, tool->start_ns);
	}
	if (!tool->carrier) {
		tool->carrier = ps;
		tool_emit(tool, false);
	}
}

void tool_carrier_exited(struct proc_state *ps)
{
	struct tool_state *tool = tool_by_id(ps->tree, ps->tool);

	if (tool && tool->carrier == ps)
		tool_emit(tool, false);
}
