/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ollama's own interface: POST /api/chat, /api/generate, /api/embed (/api/embeddings). Streamed
 * unless "stream" is false: JSON lines, the last with "done", the reason and the counts.
 *
 * A prompt that was in the cache may be without prompt_eval_count: unknown. A request without
 * messages (or prompt) loads or unloads the model and infers nothing.
 *
 * https://github.com/ollama/ollama/blob/main/docs/api.md
 */
#include "llm/format.h"

enum { AT_REASONING, AT_TEXT, AT_CALLS };

/* --- requests --- */

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("messages", LLM_FIELD_RAW, messages),
	LLM_FIELD("prompt", LLM_FIELD_RAW, messages),
	LLM_FIELD("system", LLM_FIELD_RAW, call.system),
	LLM_FIELD("tools", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("think", LLM_FIELD_TEXT, call.reasoning_effort),
	LLM_FIELD("format", LLM_FIELD_TEXT, call.output_format),
	LLM_FIELD("options.num_predict", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("options.temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("options.top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("options.top_k", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("options.frequency_penalty", LLM_FIELD_DOUBLE, call.frequency_penalty),
	LLM_FIELD("options.presence_penalty", LLM_FIELD_DOUBLE, call.presence_penalty),
	LLM_FIELD("options.seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("options.stop", LLM_FIELD_RAW, call.stop),
};

static void read_fields(struct llm_work *w)
{
	enum { STREAM, FORMAT, N };
	static const char *const names[N] = { "stream", "format" };
	struct slice v[N];

	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	json_members(w->call.body, names, v, N);
	w->call.stream_requested = !slice_eq(v[STREAM], SLICE("false"));
	if (v[FORMAT].n && v[FORMAT].p[0] == '{')
		w->call.output_format = SLICE("json_schema");
}

static bool whole(const struct llm_work *w)
{
	return !w->call.body_cut && json_valid(slice_trim(w->call.body));
}

static void read_chat(struct llm_work *w)
{
	read_fields(w);
	llm_read_items(w);
	w->call.tool_count = llm_count_tools(w->call.tools);
	w->no_call = !w->call.n_items && whole(w);
}

static void read_generate(struct llm_work *w)
{
	read_fields(w);
	if (w->messages.n > 2)
		llm_read_items(w);
	w->no_call = !w->call.n_items && !json_member(w->call.body, SLICE("images")).n && whole(w);
}

/* What is embedded is data and no conversation. */
static void read_embed(struct llm_work *w)
{
	read_fields(w);
	w->call.stream_requested = false;
}

/* Web frameworks have /api/chat as well; their messages have ids and parts. */
static bool shape_chat(const struct llm_keys *k)
{
	enum { ROLE, PARTS, N };
	static const char *const names[N] = { "role", "parts" };
	struct slice v[N], first;
	struct json_iter it;

	if (k->hint != &llm_ollama_chat || !k->model.n || k->model.p[0] != '"' ||
	    !json_array(k->messages, &it))
		return false;
	if (!json_next(&it, &first))
		return true;
	return json_members(first, names, v, N) && v[ROLE].n && !v[PARTS].n;
}

static bool shape_generate(const struct llm_keys *k)
{
	return k->hint == &llm_ollama_generate && k->model.n && k->model.p[0] == '"' &&
	       !k->messages.n;
}

static bool shape_embed(const struct llm_keys *k)
{
	return k->hint == &llm_ollama_embed && k->model.n &&
	       (k->input.n || json_member(k->body, SLICE("prompt")).n);
}

static bool said_none(struct slice item)
{
	(void)item;
	return false;
}

/* --- messages --- */

enum { ROLE, CONTENT, THINKING, IMAGES, CALLS, TOOL_NAME, CALL_ID, N_MESSAGE };
static const char *const message_names[N_MESSAGE] = {
	"role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id",
};

static void add_text(struct slice value, struct arena *mem, struct llm_message *m,
		     enum llm_part_type type)
{
	const struct slice text = json_text(value, mem);

	if (text.n)
		llm_add_text_part(m, mem, type, text);
}

static void add_images(struct slice list, struct arena *mem, struct llm_message *m)
{
	struct json_iter it;
	struct slice image;

	if (json_array(list, &it))
		while (json_next(&it, &image))
			llm_add_inline_media(m, mem, SLICE("image"), json_text(image, mem));
}

/* Arguments are an object here; what gives their text gives JSON. */
static void add_call(struct slice call, struct arena *mem, struct llm_message *m)
{
	const struct slice function = json_member(call, SLICE("function"));
	struct slice arguments = json_member(function, SLICE("arguments"));
	struct llm_part *p;

	if (arguments.n && arguments.p[0] == '"')
		arguments = json_text(arguments, mem);
	p = llm_add_json_part(m, mem, LLM_PART_TOOL_CALL, arguments);
	if (!p)
		return;
	p->id = json_text(json_member(call, SLICE("id")), mem);
	p->name = json_text(json_member(function, SLICE("name")), mem);
}

static void read_message(const struct slice v[N_MESSAGE], struct arena *mem, struct llm_message *m)
{
	struct json_iter it;
	struct slice call;

	add_text(v[THINKING], mem, m, LLM_PART_REASONING);
	add_text(v[CONTENT], mem, m, LLM_PART_TEXT);
	add_images(v[IMAGES], mem, m);
	if (json_array(v[CALLS], &it))
		while (json_next(&it, &call))
			add_call(call, mem, m);
}

static void read_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	struct slice v[N_MESSAGE];
	struct llm_part *p;

	if (!json_members(value, message_names, v, N_MESSAGE)) {
		add_text(value, mem, m, LLM_PART_TEXT); /* a prompt */
		return;
	}
	if (json_is(v[ROLE], "assistant"))
		m->role = LLM_ROLE_ASSISTANT;
	else if (json_is(v[ROLE], "system"))
		m->role = LLM_ROLE_SYSTEM;
	if (!json_is(v[ROLE], "tool")) {
		read_message(v, mem, m);
		return;
	}
	m->role = LLM_ROLE_TOOL;
	p = llm_add_text_part(m, mem, LLM_PART_TOOL_RESULT, json_text(v[CONTENT], mem));
	if (!p)
		return;
	p->id = json_text(v[CALL_ID], mem);
	p->name = json_text(v[TOOL_NAME], mem);
}

/* --- answers --- */

static void read_counts(struct llm_work *w, struct slice object)
{
	static const struct json_int_field usage_fields[] = {
		{ "prompt_eval_count", offsetof(struct llm_usage, input) },
		{ "eval_count", offsetof(struct llm_usage, output) },
	};
	static const struct {
		const char *name, *attribute;
	} times[] = {
		{ "total_duration", "sonde.ollama.total_ns" },
		{ "load_duration", "sonde.ollama.load_ns" },
		{ "prompt_eval_duration", "sonde.ollama.prompt_eval_ns" },
		{ "eval_duration", "sonde.ollama.eval_ns" },
	};
	int64_t n;

	llm_read_usage(w, object, usage_fields, ARRAY_SIZE(usage_fields));
	w->call.usage = w->usage;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (json_int64(json_member(object, slice_of(times[i].name)), &n))
			llm_add_extra(w, times[i].attribute, n);
}

static void add_call_of(struct llm_work *w, struct slice call)
{
	struct llm_message one = { 0 }, *m = &w->call.answer;
	struct llm_part *p;

	add_call(arena_copy(w->call.mem, call), w->call.mem, &one);
	if (!one.parts)
		return;
	p = llm_new_part_at(w, m, LLM_PART_TOOL_CALL, AT_CALLS);
	if (!p)
		return;
	p->id = one.parts->id;
	p->name = one.parts->name;
	p->text = one.parts->text;
	p->is_json = true;
	llm_touch(w, p);
}

static void add_piece(struct llm_work *w, struct slice text, struct slice thinking)
{
	struct llm_message *m = &w->call.answer;

	if (thinking.n > 2)
		llm_add_text(w, llm_part_at(w, m, LLM_PART_REASONING, AT_REASONING), thinking);
	if (text.n > 2)
		llm_add_text(w, llm_part_at(w, m, LLM_PART_TEXT, AT_TEXT), text);
}

static void read_said(struct llm_work *w, struct slice message)
{
	struct slice v[N_MESSAGE], call;
	struct json_iter it;

	if (!json_members(message, message_names, v, N_MESSAGE))
		return;
	w->answered = true;
	add_piece(w, v[CONTENT], v[THINKING]);
	if (json_array(v[CALLS], &it))
		while (json_next(&it, &call))
			add_call_of(w, call);
}

/* The whole answer, or one line of it. */
static void read_response(struct llm_work *w, struct slice object)
{
	enum { MODEL, MESSAGE, RESPONSE, THOUGHT, DONE, REASON, ERROR, EMBEDDING, EMBEDDINGS, N };
	static const char *const names[N] = { "model",	  "message",   "response",
					      "thinking", "done",      "done_reason",
					      "error",	  "embedding", "embeddings" };
	static const struct llm_word words[] = { { "stop", "stop" }, { "length", "length" } };
	struct slice v[N];

	json_members(object, names, v, N);
	llm_keep_into(w, &w->call.response_model, v[MODEL]);
	read_said(w, v[MESSAGE]);
	add_piece(w, v[RESPONSE], v[THOUGHT]);
	if (v[RESPONSE].n || v[EMBEDDING].n || v[EMBEDDINGS].n)
		w->answered = true;
	llm_read_error(w, v[ERROR]);
	llm_finish(w, &w->call.answer, v[REASON], words, ARRAY_SIZE(words));
	read_counts(w, object);
	if (slice_eq(v[DONE], SLICE("true")))
		w->call.done = true;
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	read_response(w, f->data);
}

static bool answers(struct slice object)
{
	enum { CREATED, DONE, MODEL, N };
	static const char *const names[N] = { "created_at", "done", "model" };
	struct slice v[N];

	json_members(object, names, v, N);
	return v[CREATED].n && v[DONE].n && v[MODEL].n;
}

/* --- the three --- */

static const char *const chat_paths[] = { "/api/chat", NULL };
static const char *const generate_paths[] = { "/api/generate", NULL };
static const char *const embed_paths[] = { "/api/embed", "/api/embeddings", NULL };

const struct llm_format llm_ollama_chat = {
	.name = "ollama.chat",
	.provider = "ollama",
	.weak_paths = chat_paths,
	.shape = shape_chat,
	.said = llm_assistant_said,
	.request = read_chat,
	.item = read_item,
	.system = read_item,
	.answers = answers,
	.response = read_response,
	.event = read_event,
	.framing = &framing_lines,
};

const struct llm_format llm_ollama_generate = {
	.name = "ollama.generate",
	.provider = "ollama",
	.weak_paths = generate_paths,
	.shape = shape_generate,
	.said = said_none,
	.request = read_generate,
	.item = read_item,
	.system = read_item,
	.answers = answers,
	.response = read_response,
	.event = read_event,
	.framing = &framing_lines,
	.operation = "text_completion",
};

const struct llm_format llm_ollama_embed = {
	.no_output = true,
	.name = "ollama.embed",
	.provider = "ollama",
	.weak_paths = embed_paths,
	.shape = shape_embed,
	.said = said_none,
	.request = read_embed,
	.item = read_item,
	.answers = answers,
	.response = read_response,
	.event = read_event,
	.operation = "embeddings",
};
