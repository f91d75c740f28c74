/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AWS Bedrock's agent runtime: agents and flows that run at AWS (InvokeAgent, InvokeInlineAgent,
 * InvokeFlow) and answers from a knowledge base (RetrieveAndGenerate, whole or streamed).
 *
 * One exchange holds any number of model invocations, which only a trace tells, and only where the
 * client asked for it. Their counts are added up, each being told once; where one of them is told
 * without counts, or there is no trace, usage stays unknown.
 *
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_InvokeAgent.html
 */
#include "llm/bedrock.h"

/* --- requests --- */

static const struct llm_field request_fields[] = {
	LLM_FIELD("inputText", LLM_FIELD_RAW, messages),
	LLM_FIELD("input.text", LLM_FIELD_RAW, messages),
	LLM_FIELD("inputs", LLM_FIELD_RAW, messages), /* a flow's */
	/* What the client did that it was asked to. */
	LLM_FIELD("sessionState.returnControlInvocationResults", LLM_FIELD_RAW, messages),
	LLM_FIELD("inlineSessionState.returnControlInvocationResults", LLM_FIELD_RAW, messages),
	LLM_FIELD("foundationModel", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("retrieveAndGenerateConfiguration.knowledgeBaseConfiguration.modelArn",
		  LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("retrieveAndGenerateConfiguration.externalSourcesConfiguration.modelArn",
		  LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("sessionId", LLM_FIELD_TEXT, call.conversation_id),
	LLM_FIELD("instruction", LLM_FIELD_RAW, call.system),
};

/* What stands between @before and the next slash. */
static struct slice segment(struct slice path, struct slice before)
{
	const char *at = memmem(path.p, path.n, before.p, before.n);
	struct slice s, rest;

	if (!at)
		return (struct slice){ 0 };
	s = slice_from(path, (size_t)(at - path.p) + before.n);
	slice_cut(s, '?', &s, &rest);
	slice_cut(s, '/', &s, &rest);
	return s;
}

static void read_request(struct llm_work *w)
{
	const struct slice path = w->call.http->path;
	const struct slice agent = segment(path, SLICE("/agents/"));
	struct slice session = segment(path, SLICE("/sessions/"));

	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_items(w);
	/* Others have paths of that kind. */
	w->no_call =
		!w->messages.n && !w->call.request_model.n && json_valid(slice_trim(w->call.body));
	w->call.stream_requested = !slice_ends(path, SLICE("/retrieveAndGenerate"));
	w->call.operation = agent.n				? "invoke_agent"
			    : slice_has(path, SLICE("/flows/")) ? "invoke_workflow"
								: "chat";
	if (agent.n && !session.n) /* of an inline agent the session stands there */
		session = agent;
	else
		llm_add_extra_text(w, "aws.bedrock.agent.id", agent);
	if (!w->call.conversation_id.n)
		w->call.conversation_id = session;
}

static bool has_path(struct slice path, bool *ret_weak)
{
	const struct slice agents = SLICE("/agents/");

	*ret_weak = true;
	if (slice_ends(path, SLICE("/retrieveAndGenerate")) ||
	    slice_ends(path, SLICE("/retrieveAndGenerateStream")))
		return true;
	if (slice_starts(path, SLICE("/flows/")) && slice_has(path, SLICE("/aliases/")))
		return !slice_has(path, SLICE("/executions"));
	if (slice_has(path, SLICE("/agentAliases/")) && slice_has(path, SLICE("/sessions/")))
		return slice_ends(path, SLICE("/text"));
	return slice_starts(path, agents) && !memchr(path.p + agents.n, '/', path.n - agents.n);
}

static bool shape(const struct llm_keys *k)
{
	return k->hint == &llm_bedrock_agent &&
	       (json_member(k->body, SLICE("inputText")).n ||
		json_member(k->body, SLICE("retrieveAndGenerateConfiguration")).n);
}

static bool said(struct slice item)
{
	(void)item;
	return false;
}

static void add_result(struct slice result, struct arena *mem, struct llm_message *m)
{
	const struct slice body = json_find(result, "responseBody.TEXT.body");
	struct slice name = json_member(result, SLICE("function"));
	struct llm_part *p;

	m->role = LLM_ROLE_TOOL;
	p = body.n ? llm_add_text_part(m, mem, LLM_PART_TOOL_RESULT, json_text(body, mem))
		   : llm_add_json_part(m, mem, LLM_PART_TOOL_RESULT,
				       json_member(result, SLICE("responseBody")));
	if (!name.n)
		name = json_member(result, SLICE("apiPath"));
	if (p)
		p->name = json_text(name, mem);
}

/* A text, what goes into a node of a flow, or what came out of a tool. */
static void read_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	enum { DOCUMENT, FUNCTION, API, N };
	static const char *const names[N] = { "content", "functionResult", "apiResult" };
	struct slice v[N], document;

	json_members(value, names, v, N);
	if (v[FUNCTION].n || v[API].n) {
		add_result(v[FUNCTION].n ? v[FUNCTION] : v[API], mem, m);
		return;
	}
	document = json_member(v[DOCUMENT], SLICE("document"));
	if (document.n && document.p[0] != '"')
		llm_add_text_part(m, mem, LLM_PART_TEXT, document);
	else
		llm_add_text_part(m, mem, LLM_PART_TEXT,
				  json_text(document.n ? document : value, mem));
}

/* --- answers --- */

static int next_index(const struct llm_work *w)
{
	return w->call.answer.last_part ? w->call.answer.last_part->index + 1 : 0;
}

/* Text goes on where the last part is text. */
static void add_text(struct llm_work *w, struct slice text, bool json)
{
	struct llm_part *p = w->call.answer.last_part;

	if (!text.n)
		return;
	if (!p || p->type != LLM_PART_TEXT)
		p = llm_new_part_at(w, &w->call.answer, LLM_PART_TEXT, next_index(w));
	if (json) {
		llm_add_text(w, p, text);
	} else if (p) {
		llm_touch(w, p);
		arena_add(w->call.mem, &p->text, text);
	}
}

static void on_chunk(struct llm_work *w, struct slice data)
{
	w->answered = true;
	if (llm_base64(json_text(json_member(data, SLICE("bytes")), w->call.mem), &w->unwrapped))
		add_text(w, buf_slice(&w->unwrapped), false);
}

static void on_output(struct llm_work *w, struct slice data)
{
	w->answered = true;
	add_text(w, json_member(data, SLICE("text")), true);
}

static void on_flow_output(struct llm_work *w, struct slice data)
{
	const struct slice document = json_find(data, "content.document");

	w->answered = true;
	add_text(w, document, document.n && document.p[0] == '"');
}

static void on_flow_end(struct llm_work *w, struct slice data)
{
	static const struct llm_word words[] = { { "SUCCESS", "stop" } };

	llm_finish(w, &w->call.answer, json_member(data, SLICE("completionReason")), words,
		   ARRAY_SIZE(words));
}

/* What the client is asked to do. */
static void on_return_control(struct llm_work *w, struct slice data)
{
	const struct slice id = llm_keep(w, json_member(data, SLICE("invocationId")));
	struct slice input, call, name;
	struct json_iter it;

	w->answered = true;
	if (!json_array(json_member(data, SLICE("invocationInputs")), &it))
		return;
	while (json_next(&it, &input)) {
		struct llm_part *p =
			llm_new_part_at(w, &w->call.answer, LLM_PART_TOOL_CALL, next_index(w));

		if (!p)
			return;
		call = json_member(input, SLICE("functionInvocationInput"));
		if (!call.n)
			call = json_member(input, SLICE("apiInvocationInput"));
		name = json_member(call, SLICE("function"));
		p->id = id;
		p->name = llm_keep(w, name.n ? name : json_member(call, SLICE("apiPath")));
		p->is_json = true;
		arena_add(w->call.mem, &p->text, json_member(call, SLICE("parameters")));
		llm_touch(w, p);
	}
}

static void add_known(int64_t *sum, bool first, struct slice value)
{
	int64_t n;

	if (!json_int64(value, &n) || n < 0 || (!first && *sum == LLM_UNKNOWN))
		*sum = LLM_UNKNOWN;
	else
		*sum = first ? n : *sum;
	if (!first && *sum != LLM_UNKNOWN)
		llm_add_count(sum, n);
}

/* A model's answer inside of the agent. Of one without counts the sums are unknown from then on. */
static void add_invocation(struct llm_work *w, struct slice output)
{
	const struct slice usage = json_find(output, "metadata.usage");
	struct llm_usage *u = &w->call.usage;
	const bool first = w->inner_calls++ == 0;

	add_known(&u->input, first, json_member(usage, SLICE("inputTokens")));
	add_known(&u->output, first, json_member(usage, SLICE("outputTokens")));
	llm_add_extra(w, "sonde.bedrock.model_invocations", w->inner_calls);
}

/* A tool that the agent ran. */
static void add_action(struct llm_work *w, struct slice input)
{
	static const char *const kinds[] = { "actionGroupInvocationInput",
					     "knowledgeBaseLookupInput",
					     "codeInterpreterInvocationInput",
					     "agentCollaboratorInvocationInput" };
	struct slice action = { 0 }, name;
	struct llm_part *p;
	size_t i = 0;

	while (i < ARRAY_SIZE(kinds) && !action.n)
		action = json_member(input, slice_of(kinds[i++]));
	if (!action.n)
		return;
	p = llm_new_part_at(w, &w->call.answer, LLM_PART_SERVER_TOOL_CALL, next_index(w));
	if (!p)
		return;
	name = json_member(action, SLICE("function"));
	if (!name.n)
		name = json_member(action, SLICE("apiPath"));
	p->id = llm_keep(w, json_member(input, SLICE("traceId")));
	p->name = name.n ? llm_keep(w, name) : slice_of(kinds[i - 1]);
	p->is_json = true;
	arena_add(w->call.mem, &p->text, action);
	llm_touch(w, p);
}

static void on_trace(struct llm_work *w, struct slice data)
{
	struct slice kind, step, key, value;
	struct json_iter kinds, steps;

	w->answered = true;
	if (!json_object(json_member(data, SLICE("trace")), &kinds))
		return;
	while (json_next_member(&kinds, &kind, &step)) {
		if (!json_object(step, &steps))
			continue;
		while (json_next_member(&steps, &key, &value)) {
			if (slice_eq(key, SLICE("modelInvocationOutput")))
				add_invocation(w, value);
			else if (slice_eq(key, SLICE("modelInvocationInput")))
				llm_keep_into(w, &w->call.response_model,
					      json_member(value, SLICE("foundationModel")));
			else if (slice_eq(key, SLICE("invocationInput")))
				add_action(w, value);
		}
	}
}

static const struct llm_reader events[] = {
	{ "chunk", on_chunk },
	{ "trace", on_trace },
	{ "returnControl", on_return_control },
	{ "output", on_output },
	{ "flowOutputEvent", on_flow_output },
	{ "flowCompletionEvent", on_flow_end },
};

static void read_event(struct llm_work *w, const struct frame *f)
{
	llm_read_by_type(w, f->type, f->data, events, ARRAY_SIZE(events));
}

static void read_response(struct llm_work *w, struct slice body)
{
	const struct slice text = json_find(body, "output.text");

	llm_keep_into(w, &w->call.conversation_id, json_member(body, SLICE("sessionId")));
	if (text.n)
		on_output(w, json_member(body, SLICE("output")));
	if (w->call.http->status >= 300)
		llm_read_error(w, body);
}

static bool answers(struct slice object)
{
	return json_find(object, "output.text").n > 0;
}

const struct llm_format llm_bedrock_agent = {
	.name = "bedrock.agent",
	.provider = "aws.bedrock",
	.no_estimate = true, /* its own prompts are not seen */
	.has_path = has_path,
	.shape = shape,
	.said = said,
	.request = read_request,
	.item = read_item,
	.system = read_item,
	.answers = answers,
	.response = read_response,
	.event = read_event,
	.no_end_mark = true,
	.operation = "invoke_agent",
};
