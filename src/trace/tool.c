/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tool calls: asked for in one answer, answered by id in a later request. In between the span is
 * open; a program that carries the call out narrows its bounds and says what really happened.
 */
#include "base/utf8.h"
#include "llm/llm.h"
#include "trace/arguments.h"
#include "trace/command.h"
#include "trace/duration.h"
#include "trace/emit.h"
#include "trace/mcp.h"
#include "trace/observed/observed.h"
#include "trace/observed/place.h"
#include "trace/tool_span.h"

#define ARGS_KEPT_MAX	65536
#define CHOICES_MAX	64
#define CHOICE_SHIFT	20  /* parts of one choice */
#define DESCRIPTION_MAX 200 /* characters */
#define SAID_MAX	1024
#define SKILL_MAX	100 /* likewise */

void tool_free(struct tool_state *tool)
{
	conversation_release(tool->conv);
	free(tool->call_id);
	free(tool->name);
	free(tool->description);
	free(tool->command);
	free((char *)tool->args.p);
	free((char *)tool->paths.p);
	free(tool->url);
	free(tool->said);
	free(tool->skill);
	free(tool);
}

static void drop(struct tool_state *tool)
{
	struct tree_state *tree = tool->run->tree;

	DL_DELETE(tree->tools, tool);
	tree->n_tools--;
	tool->run->n_tools--;
	if (!spawned_keep(tool))
		tool_free(tool);
}

static void finish(struct tool_state *tool, uint64_t ts_ns)
{
	tool->end_ns = ts_ns > tool->start_ns ? ts_ns : tool->start_ns;
	if (tool->is_error)
		tool->run->totals.errors++;
	tool->run->dirty = true;
	tool_emit(tool, true);
	observed_owner_ended(tool->run, &tool->id);
	if (!tool->server && !tool_is_carried(tool))
		program_excuse(tool);
	agent_tool_ended(tool);
	drop(tool);
}

/* --- asked --- */

static struct id64 span_id(const struct call_state *c, unsigned part)
{
	struct id_hash h;

	id_hash_begin(&h, "span");
	id_hash_bytes(&h, SLICE("tool"));
	id_hash_bytes(&h, (struct slice){ (const char *)c->run->id.b, sizeof(c->run->id.b) });
	id_hash_bytes(&h, (struct slice){ (const char *)c->id.b, sizeof(c->id.b) });
	id_hash_u64(&h, part);
	return id64_of(id_hash_end(&h));
}

/* malloc'ed; empty where memory is refused. */
static struct slice copy(struct slice s)
{
	const char *p = s.n ? slice_dup(s) : NULL;

	return (struct slice){ p, p ? s.n : 0 };
}

static void take_arguments(struct tool_state *tool, const struct llm_part *part)
{
	struct arena *mem = arena_new(SCRATCH_MAX);
	struct slice args = buf_slice(&part->text);

	if (!mem)
		return;
	keep(&tool->command, command_of_arguments(args, mem));
	tool->args_blob = content_tool_text(tool->run->t, part->name, args, part->is_json, mem);
	tool->args_hash = mcp_args_hash(args);
	tool->paths = copy(arguments_paths(args, mem));
	keep(&tool->url, arguments_url(args, mem));
	if (content_keeps_text(tool->run->t))
		keep(&tool->skill, utf8_head(arguments_skill(part->name, args, mem), SKILL_MAX));
	if (args.n > ARGS_KEPT_MAX)
		args.n = ARGS_KEPT_MAX;
	tool->args = copy(args);
	arena_free(mem);
}

/* It comes with every request and may be pages long: where content is kept, the tool list has it.
 */
static void take_description(struct tool_state *tool, const struct llm_call *call,
			     struct slice name)
{
	struct arena *mem = arena_new(SCRATCH_MAX);

	if (mem && content_keeps_text(tool->run->t))
		keep(&tool->description,
		     utf8_head(llm_tool_description(call->tools, name, mem), DESCRIPTION_MAX));
	arena_free(mem);
}

static struct tool_state *tool_new(struct call_state *c, const struct llm_call *call,
				   const struct llm_part *part, unsigned index)
{
	struct tree_state *tree = c->tree;
	struct tool_state *tool;

	if (tree->n_tools >= TREE_TOOLS_MAX)
		finish(tree->tools, tree->t->now_ns);
	tool = calloc(1, sizeof(*tool));
	if (!tool)
		return NULL;
	tool->run = c->run;
	tool->id = span_id(c, index);
	tool->asked_by = c->id;
	tool->agent = c->agent;
	tool->conv = conversation_hold(c->conv);
	tool->process = call->http->conn->process;
	tool->asked_cut = call->http->response.lost_bytes;
	tool->start_ns = part->end_ns	? part->end_ns
			 : call->end_ns ? call->end_ns
					: tree->t->now_ns;
	keep(&tool->call_id, part->id);
	keep(&tool->name, part->name);
	take_description(tool, call, part->name);
	take_arguments(tool, part);
	DL_APPEND(tree->tools, tool);
	tree->n_tools++;
	c->run->n_tools++;
	c->run->totals.tool_calls++;
	return tool;
}

static void ask_client(struct call_state *c, const struct llm_call *call,
		       const struct llm_part *part, unsigned index)
{
	struct tool_state *tool = tool_new(c, call, part, index);

	if (!tool)
		return;
	tool->parent = c->agent->id;
	tool->type = "function";
	tool->evidence = "answer";
	tool_emit(tool, false);
	tool_adopt(tool->run->tree, tool->start_ns);
	observed_tool_opened(tool);
	subagent_adopt(tool);
	mcp_adopt(tool);
}

/* Its result lies in the same answer. */
static void ask_server(struct call_state *c, const struct llm_call *call,
		       const struct llm_part *part, unsigned index)
{
	struct tool_state *tool = tool_new(c, call, part, index);
	struct arena *mem = arena_new(SCRATCH_MAX);
	uint64_t end_ns = call->end_ns;

	if (!tool || !mem) {
		arena_free(mem);
		return;
	}
	tool->parent = c->id;
	tool->type = "extension";
	tool->evidence = "answer";
	tool->server = true;
	for (const struct llm_part *p = part->next; p; p = p->next) {
		if (p->type != LLM_PART_SERVER_TOOL_RESULT || !slice_eq(p->id, part->id))
			continue;
		tool->answered = true;
		tool->is_error = p->is_error;
		tool->result_blob = content_tool_text(c->run->t, part->name, buf_slice(&p->text),
						      p->is_json, mem);
		end_ns = p->end_ns ? p->end_ns : end_ns;
		break;
	}
	arena_free(mem);
	finish(tool, end_ns);
}

static void ask_part(struct call_state *c, const struct llm_call *call, const struct llm_part *p,
		     unsigned index)
{
	if (p->type == LLM_PART_TOOL_CALL)
		ask_client(c, call, p, index);
	else if (p->type == LLM_PART_SERVER_TOOL_CALL)
		ask_server(c, call, p, index);
}

/* The other choices of an answer of which several were wanted. */
static void ask_alternatives(struct call_state *c, const struct llm_call *call)
{
	const struct llm_message *m = call->answer.alternative;

	for (unsigned choice = 1; m && choice < CHOICES_MAX; m = m->alternative, choice++) {
		unsigned index = choice << CHOICE_SHIFT;

		for (const struct llm_part *p = m->parts; p; p = p->next)
			ask_part(c, call, p, index++);
	}
}

static bool is_call(const struct llm_part *p)
{
	return p->type == LLM_PART_TOOL_CALL || p->type == LLM_PART_SERVER_TOOL_CALL;
}

void tool_ask(struct call_state *c, const struct llm_call *call, bool all)
{
	unsigned index = 0, n = 0;

	if (duplicate_asks(c, call))
		return;
	/* Text that comes behind calls may stand before them, so it is calls that are counted. */
	for (const struct llm_part *p = call->answer.parts; p; p = p->next, index++) {
		if (!is_call(p) || n++ < c->tools_opened)
			continue;
		/* While the answer streams, its last part may still grow, and results come. */
		if (!all && ((!p->next && !p->whole) || p->type == LLM_PART_SERVER_TOOL_CALL))
			return;
		c->tools_opened = n;
		ask_part(c, call, p, index);
	}
	if (all && !c->alternatives_opened)
		ask_alternatives(c, call);
	c->alternatives_opened |= all;
}

/* --- answered --- */

static bool in_history(const struct tool_state *tool, const struct id128 *nodes, size_t n)
{
	if (id128_is_zero(&tool->asked_node))
		return false;
	while (n-- > 0)
		if (id128_eq(&nodes[n], &tool->asked_node))
			return true;
	return false;
}

/*
 * The waiting call of that id. Servers that number their calls anew for each answer give one id to
 * several: then the history that the request carries decides, else nobody does.
 */
struct tool_state *tool_waiting(struct tree_state *tree, struct slice id, const struct id128 *nodes,
				size_t n_nodes)
{
	struct tool_state *tool, *found = NULL, *sure = NULL;
	unsigned n = 0, n_sure = 0;

	list_for_each (tool, tree->tools) {
		if (tool->server || !tool->call_id || !slice_eq(slice_of(tool->call_id), id))
			continue;
		found = tool;
		n++;
		if (in_history(tool, nodes, n_nodes)) {
			sure = tool;
			n_sure++;
		}
	}
	/* A short id is a number: the call that was lost may have had it as well. */
	if (n == 1 && (id.n >= UNIQUE_ID_MIN || !asking_may_be_lost(tree)))
		return found;
	return n_sure == 1 ? sure : NULL;
}

/*
 * APIs without ids give results in the order of the calls that the answer before made; a client may
 * give ids of its own to the results.
 */
static struct tool_state *waiting_without_id(struct call_state *c, const struct tool_result *res)
{
	struct tool_state *tool;

	list_for_each (tool, c->tree->tools)
		if (!tool->server && !tool->call_id && id64_eq(&tool->asked_by, &c->continues) &&
		    (res->name.n == 0 || slice_eq(slice_of(tool->name), res->name)))
			return tool;
	return NULL;
}

static void take_result(struct call_state *c, const struct llm_call *call, struct tool_state *tool,
			const struct tool_result *res, struct arena *mem)
{
	tool->answered = true;
	tool->is_error = res->is_error;
	tool->answered_to = c->id;
	tool->evidence = tool->call_id ? "tool-call-id" : "order";
	if (subagent_is_call(tool))
		keep(&tool->said, utf8_head(res->text, SAID_MAX));
	tool->result_blob =
		content_tool_text(c->run->t, slice_of(tool->name), res->text, res->is_json, mem);
	content_media(c->run->t, &tool->result_blob, res->inside);
	finish(tool, call->start_ns);
}

/* The conversation goes on without their results: nobody waits for them any more. */
static void give_up(struct call_state *c, const struct llm_call *call)
{
	struct tool_state *tool, *tmp;

	if (!c->goes_on || !id64_is_zero(&c->retry_of))
		return;
	list_for_each_safe (tool, tmp, c->tree->tools)
		if (!tool->server && id64_eq(&tool->asked_by, &c->continues) && tool->asked)
			finish(tool, call->start_ns);
}

void tool_forget(struct call_state *c)
{
	struct tool_state *tool, *tmp;

	list_for_each_safe (tool, tmp, c->tree->tools)
		if (id64_eq(&tool->asked_by, &c->id) && !tool->carrier)
			finish(tool, c->run->t->now_ns);
}

/* Of several calls of one tool nobody can tell which took how long. */
static void take_durations(struct call_state *c, const struct llm_call *call)
{
	struct tool_state *tool, *other;

	list_for_each (tool, c->tree->tools) {
		unsigned n = 0, same = 0;

		if (tool->server || !id64_eq(&tool->asked_by, &c->continues))
			continue;
		list_for_each (other, c->tree->tools) {
			if (!id64_eq(&other->asked_by, &tool->asked_by))
				continue;
			n++;
			same += slice_eq(slice_of(other->name), slice_of(tool->name));
		}
		tool->alone = n == 1;
		if (same == 1)
			duration_told(&call->http->request, slice_of(tool->name), &tool->told_ns);
	}
}

void tool_answer(struct call_state *c, const struct llm_call *call, const struct tool_result *res,
		 const struct id128 *nodes, size_t n_nodes)
{
	struct arena *mem = arena_new(SCRATCH_MAX);

	if (res)
		take_durations(c, call);
	for (; res && mem; res = res->next) {
		struct tool_state *tool =
			res->id.n ? tool_waiting(c->tree, res->id, nodes, n_nodes) : NULL;

		if (!tool)
			tool = waiting_without_id(c, res);
		if (tool)
			take_result(c, call, tool, res, mem);
	}
	arena_free(mem);
	give_up(c, call);
}

/* The answer has ended: what can be recognised in a later request is known only now. */
void tool_set_asked_node(struct call_state *c)
{
	uint64_t since_ns = UINT64_MAX;
	struct tool_state *tool;

	list_for_each (tool, c->tree->tools) {
		if (!id64_eq(&tool->asked_by, &c->id))
			continue;
		tool->asked_node = c->output_node;
		tool->asked = true;
		if (tool->start_ns < since_ns)
			since_ns = tool->start_ns;
	}
	tool_adopt(c->tree, since_ns);
}

/* --- found --- */

struct tool_state *tool_by_id(struct tree_state *tree, struct id64 id)
{
	struct tool_state *tool;

	list_for_each (tool, tree->tools)
		if (id64_eq(&tool->id, &id))
			return tool;
	return NULL;
}

struct tool_state *tool_only_one(struct tree_state *tree, struct process_key process)
{
	struct tool_state *tool, *found = NULL;

	list_for_each (tool, tree->tools) {
		if (tool->server || !process_key_eq(tool->process, process))
			continue;
		if (found)
			return NULL;
		found = tool;
	}
	return found;
}

void tool_finish_all(struct tree_state *tree, uint64_t ts_ns)
{
	while (tree->tools)
		finish(tree->tools, ts_ns);
}
