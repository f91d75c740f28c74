/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gemini's Interactions: POST .../interactions. One is a list of steps; a request names the one
 * that it goes on from (previous_interaction_id) and brings only what is new. It is a model's or an
 * agent's, which then stands for the model.
 *
 * A stream is interaction.created, per step step.start / step.delta / step.stop, then
 * interaction.completed with usage; at first events were called interaction.start, content.*,
 * interaction.complete, and steps "outputs". total_input_tokens is without tool use,
 * total_output_tokens without thoughts.
 *
 * https://ai.google.dev/api/interactions-api
 */
#include "llm/interactions.h"

#define STEP_INDEX_MAX (1 << 20)

/* --- requests --- */

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("agent", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("input", LLM_FIELD_RAW, messages),
	LLM_FIELD("system_instruction", LLM_FIELD_RAW, call.system),
	LLM_FIELD("tools", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("previous_interaction_id", LLM_FIELD_TEXT, call.previous_response_id),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
	LLM_FIELD("service_tier", LLM_FIELD_TEXT, call.service_tier),
	LLM_FIELD("cached_content", LLM_FIELD_TEXT, call.cache_key),
	LLM_FIELD("response_format.type", LLM_FIELD_TEXT, call.output_format),
	LLM_FIELD("response_mime_type", LLM_FIELD_TEXT, call.output_format),
	LLM_FIELD("generation_config.max_output_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("generation_config.temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("generation_config.top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("generation_config.seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("generation_config.stop_sequences", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("generation_config.thinking_level", LLM_FIELD_TEXT, call.reasoning_effort),
};

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	w->call.request_model = llm_gemini_model(w->call.request_model);
	llm_read_items(w);
	w->call.tool_count = llm_count_tools(w->call.tools);
}

/* Others have "interactions" too: chat rooms, shops. */
static bool shape(const struct llm_keys *k)
{
	return k->hint == &llm_interactions && k->input.n && !k->messages.n &&
	       slice_starts(k->model, SLICE("\"gemini"));
}

static void read_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	const struct slice type = json_member(value, SLICE("type"));

	llm_read_step(value, mem, m);
	if (json_is(type, "function_result"))
		m->role = LLM_ROLE_TOOL;
	else if (llm_step_said(value) && !json_is(type, "text") && !llm_is_step_media(type))
		m->role = LLM_ROLE_ASSISTANT;
}

static void read_system(struct slice value, struct arena *mem, struct llm_message *m)
{
	if (value.n && value.p[0] == '"')
		llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(value, mem));
	else
		llm_read_gemini_content(value, mem, m);
}

/* --- answers --- */

static const struct json_int_field usage_fields[] = {
	{ "total_input_tokens", offsetof(struct llm_usage, input) },
	{ "total_output_tokens", offsetof(struct llm_usage, output) },
	{ "total_cached_tokens", offsetof(struct llm_usage, cache_read) },
	{ "total_thought_tokens", offsetof(struct llm_usage, reasoning) },
	{ "total_reasoning_tokens", offsetof(struct llm_usage, reasoning) },
	{ "total_tool_use_tokens", offsetof(struct llm_usage, input_tool) },
	{ "total_tokens", offsetof(struct llm_usage, provider_total) },
};

static const struct {
	const char *list, *modality;
	size_t offset;
} details[] = {
	{ "input_tokens_by_modality", "\"image\"", offsetof(struct llm_usage, input_image) },
	{ "input_tokens_by_modality", "\"audio\"", offsetof(struct llm_usage, input_audio) },
	{ "input_tokens_by_modality", "\"video\"", offsetof(struct llm_usage, input_video) },
	{ "cached_tokens_by_modality", "\"image\"", offsetof(struct llm_usage, cache_read_image) },
	{ "cached_tokens_by_modality", "\"audio\"", offsetof(struct llm_usage, cache_read_audio) },
	{ "output_tokens_by_modality", "\"image\"", offsetof(struct llm_usage, output_image) },
	{ "output_tokens_by_modality", "\"audio\"", offsetof(struct llm_usage, output_audio) },
};

static void read_searches(struct llm_work *w, struct slice list)
{
	struct json_iter it;
	struct slice one;

	if (!json_array(list, &it))
		return;
	while (json_next(&it, &one))
		if (json_is(json_member(one, SLICE("type")), "google_search"))
			json_int64(json_member(one, SLICE("count")), &w->usage.web_searches);
}

static void read_usage(struct llm_work *w, struct slice usage)
{
	if (!usage.n || usage.p[0] != '{')
		return;
	llm_read_usage(w, usage, usage_fields, ARRAY_SIZE(usage_fields));
	for (size_t i = 0; i < ARRAY_SIZE(details); i++)
		llm_read_modality(w, json_member(usage, slice_of(details[i].list)),
				  details[i].modality, details[i].offset);
	read_searches(w, json_member(usage, SLICE("grounding_tool_count")));
	llm_settle_gemini_usage(w);
}

static const struct llm_word finish_words[] = {
	{ "completed", "stop" },
	{ "requires_action", "tool_call" },
	{ "incomplete", "length" },
	{ "budget_exceeded", "length" },
	{ "failed", "error" },
	{ "cancelled", "error" },
	{ "requires_continuation", "length" },
};

/* Ends the answer, or says that it goes on (and may be asked for later). */
static void read_status(struct llm_work *w, struct slice status)
{
	for (size_t i = 0; i < ARRAY_SIZE(finish_words); i++)
		if (json_is(status, finish_words[i].wire))
			llm_finish(w, &w->call.answer, status, finish_words,
				   ARRAY_SIZE(finish_words));
	if (json_is(status, "failed") && !w->call.error.type.n)
		w->call.error.type = SLICE("failed");
}

enum { I_ID, I_STATUS, I_MODEL, I_AGENT, I_TIER, I_USAGE, I_STEPS, I_OUTPUTS, I_ERROR, N_WHOLE };
static const char *const whole_names[N_WHOLE] = { "id",	   "status",	   "model",
						  "agent", "service_tier", "usage",
						  "steps", "outputs",	   "error" };

/* The resource, but for its steps. */
static void read_head(struct llm_work *w, const struct slice v[N_WHOLE])
{
	if (v[I_ID].n || v[I_STATUS].n)
		w->answered = true;
	llm_keep_into(w, &w->call.response_id, v[I_ID]);
	llm_keep_into(w, &w->call.response_model, v[I_MODEL].n ? v[I_MODEL] : v[I_AGENT]);
	llm_keep_into(w, &w->call.response_tier, v[I_TIER]);
	read_usage(w, v[I_USAGE]);
	if (v[I_ERROR].n)
		llm_read_error(w, v[I_ERROR]);
	read_status(w, v[I_STATUS]);
}

static void read_response(struct llm_work *w, struct slice body)
{
	struct slice v[N_WHOLE], step;
	struct json_iter it;

	json_members(body, whole_names, v, N_WHOLE);
	read_head(w, v);
	if (w->call.http->status >= 300 && !v[I_ERROR].n)
		llm_read_error(w, body);
	if (!json_array(v[I_STEPS].n ? v[I_STEPS] : v[I_OUTPUTS], &it))
		return;
	/* Where the input is repeated, it comes first. */
	while (json_next(&it, &step))
		if (llm_step_said(step))
			llm_read_step(step, w->call.mem, &w->call.answer);
}

/* --- streams --- */

static int step_index(struct slice data)
{
	int64_t i = 0;

	json_int64(json_member(data, SLICE("index")), &i);
	return i >= 0 && i < STEP_INDEX_MAX ? (int)i : 0;
}

static struct llm_part *open_step(struct llm_work *w, int index)
{
	struct llm_part *found = NULL;

	for (struct llm_part *p = w->call.answer.parts; p; p = p->next)
		if (p->index == index)
			found = p;
	return found;
}

/* Adds what an event says: it is gone after it. */
static void take(struct llm_work *w, const struct llm_part *from, int index)
{
	struct arena *mem = w->call.mem;
	const bool text = from->type == LLM_PART_TEXT || from->type == LLM_PART_REASONING;
	struct llm_part *p = open_step(w, index);

	if (text && !from->text.n)
		return;
	if (!text || !p || p->type != from->type) {
		p = llm_new_part_at(w, &w->call.answer, from->type, index);
		if (!p)
			return;
		p->id = arena_copy(mem, from->id);
		p->name = arena_copy(mem, from->name);
		p->is_json = from->is_json;
		p->is_error = from->is_error;
		p->size = from->size;
		llm_keep_data(mem, p, from->data);
	}
	arena_add(mem, &p->text, buf_slice(&from->text));
	llm_touch(w, p);
}

static void take_all(struct llm_work *w, const struct llm_message *m, int index)
{
	for (const struct llm_part *p = m->parts; p; p = p->next)
		take(w, p, index);
}

static void on_start(struct llm_work *w, struct slice data)
{
	struct slice step = json_member(data, SLICE("step"));
	struct llm_message one = { 0 };

	if (!step.n)
		step = json_member(data, SLICE("content"));
	w->answered = true;
	if (llm_step_said(step))
		llm_read_step(step, w->call.mem, &one);
	take_all(w, &one, step_index(data));
}

static void add_arguments(struct llm_work *w, struct llm_part *p, struct slice piece)
{
	if (!p || piece.n <= 2)
		return;
	if (!p->joined)
		p->text = (struct buf){ 0 };
	p->joined = true;
	llm_add_text(w, p, piece);
}

/* Replaces what a step of a tool began with. */
static void set_text(struct llm_work *w, struct llm_part *p, const struct slice v[STEP_MEMBERS])
{
	const struct slice value = v[STEP_ARGUMENTS].n ? v[STEP_ARGUMENTS] : v[STEP_RESULT];

	if (!value.n)
		return;
	p->text = llm_lend(arena_copy(w->call.mem, value));
	p->is_error = slice_eq(v[STEP_IS_ERROR], SLICE("true"));
	llm_touch(w, p);
}

static void on_delta(struct llm_work *w, struct slice data)
{
	const struct slice delta = json_member(data, SLICE("delta"));
	const int index = step_index(data);
	struct llm_part *p = open_step(w, index);
	struct llm_message one = { 0 };
	struct slice v[STEP_MEMBERS];

	if (!json_members(delta, llm_step_members, v, STEP_MEMBERS))
		return;
	w->answered = true;
	if (json_is(v[STEP_TYPE], "arguments_delta") ||
	    json_is(v[STEP_TYPE], "function_call_arguments")) {
		add_arguments(w, p, v[STEP_ARGUMENTS]);
		return;
	}
	if ((llm_is_step_call(v[STEP_TYPE]) || llm_is_step_result(v[STEP_TYPE])) && p) {
		set_text(w, p, v);
		return;
	}
	if (json_is(v[STEP_TYPE], "thought_summary")) {
		llm_read_step_content(v[STEP_CONTENT], w->call.mem, &one);
		if (one.parts && one.parts->type == LLM_PART_TEXT)
			one.parts->type = LLM_PART_REASONING;
	} else if (json_is(v[STEP_TYPE], "text") || llm_is_step_media(v[STEP_TYPE]) ||
		   llm_is_step_call(v[STEP_TYPE]) || llm_is_step_result(v[STEP_TYPE])) {
		llm_read_step_content(delta, w->call.mem, &one);
	}
	take_all(w, &one, index);
}

static void on_stop(struct llm_work *w, struct slice data)
{
	struct llm_part *p = open_step(w, step_index(data));

	if (p && p->start_ns)
		p->end_ns = w->now_ns;
}

/* Its steps, where it has any, were told before. */
static void on_interaction(struct llm_work *w, struct slice data)
{
	struct slice v[N_WHOLE];

	json_members(json_member(data, SLICE("interaction")), whole_names, v, N_WHOLE);
	read_head(w, v);
}

static void on_status(struct llm_work *w, struct slice data)
{
	llm_keep_into(w, &w->call.response_id, json_member(data, SLICE("interaction_id")));
	read_usage(w, json_member(data, SLICE("usage")));
	read_status(w, json_member(data, SLICE("status")));
}

static void on_end(struct llm_work *w, struct slice data)
{
	on_interaction(w, data);
	w->call.done = true;
}

static void on_error(struct llm_work *w, struct slice data)
{
	const struct slice error = json_member(data, SLICE("error"));

	llm_read_error(w, error.n ? error : data);
}

static const struct llm_reader events[] = {
	{ "step.delta", on_delta },
	{ "content.delta", on_delta },
	{ "step.start", on_start },
	{ "content.start", on_start },
	{ "step.stop", on_stop },
	{ "content.stop", on_stop },
	{ "interaction.created", on_interaction },
	{ "interaction.start", on_interaction },
	{ "interaction.status_update", on_status },
	{ "interaction.completed", on_end },
	{ "interaction.complete", on_end },
	{ "error", on_error },
};

static void read_event(struct llm_work *w, const struct frame *f)
{
	const struct slice type = llm_event_type(f, SLICE("event_type"));

	read_usage(w, json_find(f->data, "metadata.total_usage"));
	if (!llm_read_by_type(w, type, f->data, events, ARRAY_SIZE(events)) &&
	    json_member(f->data, SLICE("error")).n)
		on_error(w, f->data);
}

static bool answers(struct slice object)
{
	const struct slice type = json_member(object, SLICE("event_type"));

	return json_is(json_member(object, SLICE("object")), "interaction") ||
	       slice_starts(type, SLICE("\"interaction.")) ||
	       slice_starts(type, SLICE("\"step.")) || slice_starts(type, SLICE("\"content."));
}

static const char *const paths[] = { "/v1beta/interactions", "/v1/interactions",
				     "/v1alpha/interactions", NULL };
static const char *const weak_paths[] = { "/interactions", NULL };

/* /interactions/{id}: asked for until it is there, or streamed once more. */
static bool fetches(struct slice path)
{
	struct slice id = slice_base(path);

	path.n -= id.n;
	return id.n && slice_ends(path, SLICE("/interactions/"));
}

const struct llm_format llm_interactions = {
	.name = "google.interactions",
	.provider = "gcp.gemini",
	.paths = paths,
	.weak_paths = weak_paths,
	.fetches = fetches,
	.needs_model = true,
	.shape = shape,
	.said = llm_step_said,
	.request = read_request,
	.item = read_item,
	.system = read_system,
	.answers = answers,
	.response = read_response,
	.event = read_event,
};
