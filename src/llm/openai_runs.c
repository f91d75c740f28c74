/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenAI's Assistants: POST .../threads/runs, .../threads/{id}/runs and what goes on with one of
 * them. A run is queued and asked for until it is over; then, or in its stream, it tells its usage.
 * The same run has the same id every time.
 *
 * https://platform.openai.com/docs/api-reference/runs
 */
#include "llm/openai_chat.h"

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("instructions", LLM_FIELD_RAW, call.system),
	LLM_FIELD("thread.messages", LLM_FIELD_RAW, messages),
	LLM_FIELD("additional_messages", LLM_FIELD_RAW, messages),
	LLM_FIELD("tools", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("max_completion_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("response_format.type", LLM_FIELD_TEXT, call.output_format),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
};

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_items(w);
	w->call.tool_count = llm_count_tools(w->call.tools);
	w->call.repeats = slice_has(w->call.http->path, SLICE("/submit_tool_outputs"));
}

static void read_system(struct slice value, struct arena *mem, struct llm_message *m)
{
	llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(value, mem));
}

static bool said(struct slice item)
{
	return json_is(json_member(item, SLICE("role")), "assistant");
}

static bool shape(const struct llm_keys *k)
{
	(void)k;
	return false;
}

static const struct llm_word finish_words[] = {
	{ "completed", "stop" },
	{ "requires_action", "tool_call" },
	{ "max_completion_tokens", "length" },
	{ "max_prompt_tokens", "length" },
	{ "failed", "error" },
	{ "expired", "error" },
	{ "cancelled", "error" },
};

static void add_calls(struct llm_work *w, struct slice run)
{
	const struct slice calls = json_find(run, "required_action.submit_tool_outputs.tool_calls");
	struct slice call;
	struct json_iter it;
	struct llm_part *p;

	if (!json_array(calls, &it) || llm_has_part(&w->call.answer, LLM_PART_TOOL_CALL))
		return;
	while (json_next(&it, &call)) {
		p = llm_new_part_at(w, &w->call.answer, LLM_PART_TOOL_CALL, 1);
		if (!p)
			return;
		p->id = llm_keep(w, json_member(call, SLICE("id")));
		p->name = llm_keep(w, json_find(call, "function.name"));
		p->is_json = true;
		llm_add_text(w, p, json_find(call, "function.arguments"));
	}
}

static void read_run(struct llm_work *w, struct slice run)
{
	enum { ID, MODEL, STATUS, USAGE, ERROR, INCOMPLETE, THREAD, N };
	static const char *const names[N] = { "id",	  "model",	"status",
					      "usage",	  "last_error", "incomplete_details",
					      "thread_id" };
	struct slice v[N], reason;

	json_members(run, names, v, N);
	w->answered = w->answered || (v[ID].n && v[STATUS].n);
	llm_keep_into(w, &w->call.response_id, v[ID]);
	llm_keep_into(w, &w->call.response_model, v[MODEL]);
	llm_keep_into(w, &w->call.conversation_id, v[THREAD]);
	reason = v[STATUS];
	if (json_is(reason, "incomplete"))
		reason = json_member(v[INCOMPLETE], SLICE("reason"));
	if (!json_is(reason, "queued") && !json_is(reason, "in_progress") &&
	    !json_is(reason, "cancelling"))
		llm_finish(w, &w->call.answer, reason, finish_words, ARRAY_SIZE(finish_words));
	add_calls(w, run);
	llm_read_chat_usage(w, v[USAGE]);
	llm_read_error(w, v[ERROR]);
}

static void read_response(struct llm_work *w, struct slice body)
{
	const struct slice error = json_member(body, SLICE("error"));

	read_run(w, body);
	llm_read_error(w, error);
	if (w->call.http->status >= 300 && !w->call.error.type.n)
		llm_read_error(w, body);
}

static void add_delta(struct llm_work *w, struct slice data)
{
	struct slice block;
	struct json_iter it;

	w->answered = true;
	if (!json_array(json_find(data, "delta.content"), &it))
		return;
	while (json_next(&it, &block))
		llm_add_text(w, llm_part_at(w, &w->call.answer, LLM_PART_TEXT, 0),
			     json_find(block, "text.value"));
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	const struct slice object = json_member(f->data, SLICE("object"));

	if (json_is(object, "thread.run"))
		read_run(w, f->data);
	else if (json_is(object, "thread.message.delta"))
		add_delta(w, f->data);
	else if (slice_eq(f->type, SLICE("error")))
		llm_read_error(w, f->data);
}

static bool answers(struct slice object)
{
	return slice_starts(json_member(object, SLICE("object")), SLICE("\"thread."));
}

static bool has_path(struct slice path, bool *ret_weak)
{
	(void)ret_weak;
	return slice_has(path, SLICE("/threads/")) &&
	       (slice_ends(path, SLICE("/runs")) ||
		slice_ends(path, SLICE("/submit_tool_outputs")));
}

static bool fetches(struct slice path)
{
	return slice_has(path, SLICE("/threads/")) && slice_has(path, SLICE("/runs/run_")) &&
	       !slice_has(path, SLICE("/steps"));
}

const struct llm_format llm_openai_runs = {
	.name = "openai.runs",
	.provider = "openai",
	.no_estimate = true,
	.has_path = has_path,
	.fetches = fetches,
	.needs_model = true,
	.shape = shape,
	.said = said,
	.request = read_request,
	.item = llm_read_chat_item,
	.system = read_system,
	.answers = answers,
	.response = read_response,
	.event = read_event,
};
