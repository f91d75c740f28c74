/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose call is it? The agent's of its process; or a sub-agent's, which has a conversation of its
 * own in the same process and was started by a tool call.
 */
#include "base/json.h"
#include "base/utf8.h"
#include "base/util.h"
#include "trace/state.h"

#define PROMPT_MIN	 12   /* bytes: shorter texts turn up in arguments by chance */
#define PROMPT_KEPT_MAX	 1024 /* characters of one whose tool call is not known yet */
#define NAME_MAX_BYTES	 64
#define ARGS_MEMBERS_MAX 64

/* Tools that start an agent, as the known agents name them. */
static const struct slice spawning_tools[] = {
	{ "Task", 4 },	       { "Agent", 5 },
	{ "task", 4 },	       { "agent", 5 },
	{ "spawn_agent", 11 }, { "delegate", 8 },
	{ "subagent", 8 },     { "new_task", 8 },
	{ "runSubagent", 11 }, { "codebase_investigator", 21 },
};

bool subagent_is_call(const struct tool_state *tool)
{
	/* Codex's, in their namespace. */
	if (slice_ends(slice_of(tool->name), SLICE("__spawn_agent")))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(spawning_tools); i++)
		if (slice_eq(slice_of(tool->name), spawning_tools[i]))
			return true;
	return false;
}

enum match { MATCH_UNKNOWN, MATCH_OTHER, MATCH_PROMPT };

/*
 * Whether one of the arguments is what the conversation begins with, or the other way round;
 * UNKNOWN where one of them has no text to tell by.
 */
static enum match says(const struct tool_state *tool, struct slice prompt)
{
	struct arena *mem = arena_new(SCRATCH_MAX);
	struct json_iter it;
	struct slice key, value;
	enum match match = MATCH_UNKNOWN;

	prompt = slice_trim(prompt);
	if (mem && prompt.n >= PROMPT_MIN && json_object(tool->args, &it))
		for (int i = 0; i < ARGS_MEMBERS_MAX && match != MATCH_PROMPT &&
				json_next_member(&it, &key, &value);
		     i++) {
			const struct slice text = slice_trim(json_text(value, mem));

			if (text.n < PROMPT_MIN)
				continue;
			match = slice_has(text, prompt) || slice_has(prompt, text) ? MATCH_PROMPT
										   : MATCH_OTHER;
		}
	arena_free(mem);
	return match;
}

bool subagent_is_told(const struct tool_state *tool, struct slice prompt)
{
	return says(tool, prompt) == MATCH_PROMPT;
}

struct start {
	struct tool_state *tool;
	const char *evidence;
};

/* Where it was all said before, only its end was looked at. */
static struct slice prompt_of(const struct content_input *in)
{
	return in->first_text.n ? in->first_text : in->request;
}

/*
 * The one waiting call of this process that fits; a child process has its own place. A call that
 * starts agents is enough where the request declares that it is one's, or another system prompt
 * shows it.
 */
static struct start waits_for(struct call_state *c, struct process_key process,
			      const struct content_input *in, bool declared)
{
	const struct slice prompt = prompt_of(in);
	struct tool_state *tool, *by_prompt = NULL, *by_kind = NULL;
	unsigned n_prompt = 0, n_kind = 0;

	list_for_each (tool, c->tree->tools) {
		enum match match;

		if (tool->server || !process_key_eq(process, tool->process))
			continue;
		match = says(tool, prompt);
		if (match == MATCH_PROMPT) {
			by_prompt = tool;
			n_prompt++;
		}
		/* What has a past began before, and would have been seen then. */
		if (match == MATCH_UNKNOWN && subagent_is_call(tool) && !in->answered &&
		    (declared || (tool->conv && !id128_eq(&tool->conv->system, &c->system_blob)))) {
			by_kind = tool;
			n_kind++;
		}
	}
	if (n_prompt == 1)
		return (struct start){ by_prompt, "prompt-in-arguments" };
	if (n_prompt == 0 && n_kind == 1)
		return (struct start){ by_kind, "spawning-call" };
	return (struct start){ 0 };
}

/* That one; else one that is over. */
static struct start started_by(struct call_state *c, struct process_key process,
			       const struct content_input *in, struct slice key)
{
	struct start start = waits_for(c, process, in, key.n);

	if (start.tool || (in->answered && !key.n))
		return start;
	return (struct start){ spawned_find(c->tree, process, key, prompt_of(in)),
			       "prompt-in-arguments" };
}

/* The beginning is enough to be found in arguments by. */
static struct slice kept_prompt(const struct content_input *in)
{
	return utf8_head(slice_trim(prompt_of(in)), PROMPT_KEPT_MAX);
}

static struct id64 span_id(const struct call_state *c)
{
	struct id_hash h;

	id_hash_begin(&h, "span");
	id_hash_bytes(&h, SLICE("subagent"));
	id_hash_bytes(&h, (struct slice){ (const char *)c->id.b, sizeof(c->id.b) });
	return id64_of(id_hash_end(&h));
}

/* What it is called: by its request, else by the arguments that started it, else as its parent. */
static void name_it(struct agent_span *a, const struct explicit_ids *ids,
		    const struct tool_state *tool, const struct agent_span *above)
{
	static const struct slice members[] = {
		{ "subagent_type", 13 }, { "agent_type", 10 }, { "agent_name", 10 }, { "agent", 5 }
	};
	struct arena *mem = arena_new(SCRATCH_MAX);
	struct slice name = ids->agent_type;

	a->named_by = "header";
	for (size_t i = 0; mem && tool && name.n == 0 && i < ARRAY_SIZE(members); i++) {
		name = json_text(json_member(tool->args, members[i]), mem);
		a->named_by = "arguments";
	}
	if (name.n == 0 || name.n > NAME_MAX_BYTES) {
		name = slice_of(above->name);
		a->named_by = above->named_by;
	}
	keep(&a->name, name);
	arena_free(mem);
	agent_emit(a, false);
}

static struct agent_span *open_subagent(struct call_state *c, const struct llm_call *call,
					const struct explicit_ids *ids, struct start start,
					struct agent_span *above, struct slice prompt)
{
	const struct id64 parent = start.tool ? start.tool->id : above->id;
	struct agent_span *a = agent_open(start.tool ? start.tool->run : above->run, span_id(c),
					  parent, call->http->conn->process, call->start_ns);

	if (!a)
		return above;
	a->sub = true;
	a->evidence = start.evidence;
	if (start.tool)
		a->tool = start.tool->id;
	else
		keep(&a->prompt, prompt);
	keep(&a->key, identity_subagent(ids));
	name_it(a, ids, start.tool, above);
	if (start.tool)
		spawned_taken(start.tool);
	return a;
}

void subagent_host(struct call_state *c, struct process_key process)
{
	const struct proc_state *ps = process_above(c->tree, process, true);

	c->agent = ps ? ps->agent : c->tree->runs->agents;
	c->run = ps ? ps->run : c->agent->run;
	c->parent = c->agent->id;
	c->evidence = c->tree->source ? "file" : "process";
	/* A program that a tool call ran asks a model by itself: that is part of the tool's work.
	 */
	c->by_tool = ps && ps->in_tool && !ps->own_agent;
	if (c->by_tool)
		c->parent = ps->id;
}

/* Who the request says has started it: a sub-agent, or the agent of a conversation; else the one
 * that is at work. */
static struct agent_span *parent_agent(const struct call_state *c, const struct explicit_ids *ids)
{
	struct agent_span *above = agent_by_key(c->tree, ids->parent_agent);
	const struct conversation *conv;

	if (above)
		return above;
	conv = conversation_named(c->tree, "thread", ids->parent_agent, NULL, 0);
	return conv && conv->agent ? conv->agent : turn_agent(c->agent);
}

/* The sub-agent that the call says it is; its first call opens it. */
static struct agent_span *by_header(struct call_state *c, const struct llm_call *call,
				    const struct explicit_ids *ids, const struct content_input *in)
{
	struct agent_span *a = agent_by_key(c->tree, identity_subagent(ids));
	struct start start;

	if (a)
		return a;
	start = started_by(c, call->http->conn->process, in, identity_subagent(ids));
	start.evidence = "explicit-id";
	return open_subagent(c, call, ids, start, parent_agent(c, ids), kept_prompt(in));
}

/* That the call has started already; NULL: none, or several. */
static struct agent_span *only_agent_of(const struct tool_state *tool)
{
	struct agent_span *a, *found = NULL;

	list_for_each (a, tool->run->agents) {
		if (!a->sub || !id64_eq(&a->tool, &tool->id))
			continue;
		if (found)
			return NULL;
		found = a;
	}
	return found;
}

/* A conversation that begins, or of which nothing was seen yet, while a call waits that may have
 * started it. */
static struct agent_span *by_start(struct call_state *c, const struct llm_call *call,
				   const struct explicit_ids *ids, const struct content_input *in)
{
	const struct start start =
		started_by(c, call->http->conn->process, in, (struct slice){ 0 });
	struct agent_span *a;

	if (!start.tool)
		return NULL;
	a = in->answered ? only_agent_of(start.tool) : NULL;
	if (a)
		return a;
	if (call->tool_count > 0)
		return open_subagent(c, call, ids, start, start.tool->agent, kept_prompt(in));
	/* No tools of its own: a question that the tool asks, no agent. */
	c->run = start.tool->run;
	c->agent = start.tool->agent;
	c->parent = start.tool->id;
	c->evidence = start.evidence;
	c->by_tool = true;
	return NULL;
}

void subagent_place(struct call_state *c, const struct llm_call *call,
		    const struct explicit_ids *ids, const struct content_input *in, bool begins)
{
	struct agent_span *a = NULL;

	if (identity_subagent(ids).n)
		a = by_header(c, call, ids, in);
	else if (begins)
		a = by_start(c, call, ids, in);
	else if (c->conv && c->conv->agent && c->conv->agent->sub)
		a = c->conv->agent;
	if (a) {
		c->agent = a;
		c->run = a->run;
		c->parent = a->id;
		c->evidence = a->key ? "explicit-id" : "conversation";
		agent_resume(a);
	} else if (!c->by_tool) {
		turn_place(c, call, ids, in);
		c->parent = c->agent->id;
	}
	if (!c->conv || c->conv->blind || call->single)
		return;
	c->conv->run = c->run;
	if (!c->conv->agent || !c->conv->agent->sub)
		c->conv->agent = c->agent;
}

/* --- the call that started it comes later --- */

static bool may_have_started(const struct tool_state *tool, const struct agent_span *a)
{
	return a->sub && !a->final && id64_is_zero(&a->tool) && a->prompt &&
	       process_key_eq(a->process, tool->process) && a != tool->agent &&
	       says(tool, slice_of(a->prompt)) == MATCH_PROMPT;
}

/*
 * Agents are started while the answer that asks for them still comes: who says that it is one, and
 * what it was told, is put below its call when that is known.
 */
void subagent_adopt(struct tool_state *tool)
{
	struct agent_span *a, *found = NULL;

	list_for_each (a, tool->run->agents) {
		if (!may_have_started(tool, a))
			continue;
		if (found)
			return;
		found = a;
	}
	if (!found)
		return;
	found->tool = found->parent = tool->id;
	keep(&found->prompt, (struct slice){ 0 });
	if (found->named_by && strcmp(found->named_by, "header") == 0)
		agent_emit(found, false);
	else
		name_it(found, &(struct explicit_ids){ 0 }, tool, tool->agent);
}
