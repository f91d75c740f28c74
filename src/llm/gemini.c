/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gemini's generateContent and streamGenerateContent, of the Gemini API, of Vertex AI, and of Code
 * Assist, which wraps it: {"model","project","request":{...}} and {"response":{...}}.
 *
 * A stream is answers of which each adds to the one before: as SSE (alt=sse), else as a JSON array
 * that comes element by element. Usage stands in each, cumulative. candidatesTokenCount is without
 * thoughts, promptTokenCount without what Google's own tools put into the prompt: totals are sums
 * of two.
 *
 * https://ai.google.dev/api/generate-content,
 * https://cloud.google.com/vertex-ai/docs/reference/rest
 */
#include "llm/gemini.h"

#define CANDIDATES_MAX 128

/* --- requests --- */

/* Servers accept either spelling of either word. */
#define CONFIG(camel, snake, type, field)                           \
	LLM_FIELD("generationConfig." camel, type, field),          \
		LLM_FIELD("generationConfig." snake, type, field),  \
		LLM_FIELD("generation_config." camel, type, field), \
		LLM_FIELD("generation_config." snake, type, field)

static const struct llm_field request_fields[] = {
	LLM_FIELD("contents", LLM_FIELD_RAW, messages),
	LLM_FIELD("systemInstruction", LLM_FIELD_RAW, call.system),
	LLM_FIELD("system_instruction", LLM_FIELD_RAW, call.system),
	LLM_FIELD("tools", LLM_FIELD_RAW, call.tools),
	CONFIG("maxOutputTokens", "max_output_tokens", LLM_FIELD_INT, call.max_tokens),
	CONFIG("temperature", "temperature", LLM_FIELD_DOUBLE, call.temperature),
	CONFIG("topP", "top_p", LLM_FIELD_DOUBLE, call.top_p),
	CONFIG("topK", "top_k", LLM_FIELD_DOUBLE, call.top_k),
	CONFIG("frequencyPenalty", "frequency_penalty", LLM_FIELD_DOUBLE, call.frequency_penalty),
	CONFIG("presencePenalty", "presence_penalty", LLM_FIELD_DOUBLE, call.presence_penalty),
	CONFIG("seed", "seed", LLM_FIELD_INT, call.seed),
	CONFIG("candidateCount", "candidate_count", LLM_FIELD_INT, call.choices),
	CONFIG("stopSequences", "stop_sequences", LLM_FIELD_RAW, call.stop),
	CONFIG("responseMimeType", "response_mime_type", LLM_FIELD_TEXT, call.output_format),
	CONFIG("thinkingConfig.thinkingLevel", "thinking_config.thinking_level", LLM_FIELD_TEXT,
	       call.reasoning_effort),
	LLM_FIELD("serviceTier", LLM_FIELD_TEXT, call.service_tier),
	LLM_FIELD("service_tier", LLM_FIELD_TEXT, call.service_tier),
	LLM_FIELD("cachedContent", LLM_FIELD_TEXT, call.cache_key),
	LLM_FIELD("cached_content", LLM_FIELD_TEXT, call.cache_key),
	LLM_FIELD("session_id", LLM_FIELD_TEXT, call.conversation_id),
	LLM_FIELD("sessionId", LLM_FIELD_TEXT, call.conversation_id),
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
};

/* Of Code Assist; what it wraps goes where contents stand until it is unwrapped. */
static const struct llm_field wrapper_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("request", LLM_FIELD_RAW, messages),
	LLM_FIELD("user_prompt_id", LLM_FIELD_TEXT, call.user_id),
};

struct slice llm_gemini_model(struct slice name)
{
	return slice_has(name, SLICE("/")) ? slice_base(name) : name;
}

/* Gemini CLI's id of a prompt is that of its session, eight "#", and the prompt's number. */
static void take_prompt_id(struct llm_work *w)
{
	const struct slice id = w->call.user_id, mark = SLICE("########");
	const char *at = id.n ? memmem(id.p, id.n, mark.p, mark.n) : NULL;

	w->call.turn_id = id;
	w->call.user_id = (struct slice){ 0 };
	if (!w->call.conversation_id.n && at)
		w->call.conversation_id = (struct slice){ id.p, (size_t)(at - id.p) };
}

static void read_wrapper(struct llm_work *w)
{
	struct slice inner;

	llm_read_fields(w, wrapper_fields, ARRAY_SIZE(wrapper_fields));
	inner = w->messages;
	w->messages = (struct slice){ 0 };
	if (inner.n && inner.p[0] == '{')
		w->call.body = inner;
}

static void read_request(struct llm_work *w)
{
	struct llm_call *call = &w->call;
	const struct slice whole = call->body;

	/* A gateway in front of Vertex keeps its paths. */
	if (!llm_provider_of_host(call->http->host) &&
	    slice_has(call->http->path, SLICE("/projects/")))
		call->provider = "gcp.vertex_ai";
	call->request_model = llm_model_of_path(call->http->path);
	read_wrapper(w);
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	call->body = whole;
	call->request_model = llm_gemini_model(call->request_model);
	take_prompt_id(w);
	llm_read_items(w);
	call->tool_count = llm_count_tools(call->tools);
	call->stream_requested = slice_has(call->http->path, SLICE(":streamGenerateContent"));
}

static bool shape(const struct llm_keys *k)
{
	struct slice first = k->contents;
	struct json_iter it;

	return !k->messages.n && !k->input.n &&
	       (!json_array(k->contents, &it) || json_next(&it, &first)) &&
	       json_member(first, SLICE("parts")).n > 0;
}

static bool said(struct slice item)
{
	return json_is(json_member(item, SLICE("role")), "model");
}

/* --- answers --- */

/* Numbers where the client asked for "enum-encoding=int": two enumerations that differ. */
static const char *const gemini_reasons[] = {
	NULL,
	"\"STOP\"",
	"\"MAX_TOKENS\"",
	"\"SAFETY\"",
	"\"RECITATION\"",
	"\"OTHER\"",
	"\"LANGUAGE\"",
	"\"BLOCKLIST\"",
	"\"PROHIBITED_CONTENT\"",
	"\"SPII\"",
	"\"MALFORMED_FUNCTION_CALL\"",
	"\"IMAGE_SAFETY\"",
	"\"UNEXPECTED_TOOL_CALL\"",
	"\"TOO_MANY_TOOL_CALLS\"",
};
static const char *const vertex_reasons[] = {
	NULL,
	"\"STOP\"",
	"\"MAX_TOKENS\"",
	"\"SAFETY\"",
	"\"RECITATION\"",
	"\"OTHER\"",
	"\"BLOCKLIST\"",
	"\"PROHIBITED_CONTENT\"",
	"\"SPII\"",
	"\"MALFORMED_FUNCTION_CALL\"",
	"\"MODEL_ARMOR\"",
	"\"IMAGE_SAFETY\"",
	"\"IMAGE_PROHIBITED_CONTENT\"",
	"\"IMAGE_RECITATION\"",
	"\"IMAGE_OTHER\"",
	"\"UNEXPECTED_TOOL_CALL\"",
	"\"NO_IMAGE\"",
};

static const struct llm_word finish_words[] = {
	{ "STOP", "stop" },
	{ "MAX_TOKENS", "length" },
	{ "SAFETY", "content_filter" },
	{ "RECITATION", "content_filter" },
	{ "LANGUAGE", "content_filter" },
	{ "BLOCKLIST", "content_filter" },
	{ "PROHIBITED_CONTENT", "content_filter" },
	{ "SPII", "content_filter" },
	{ "MODEL_ARMOR", "content_filter" },
	{ "JAILBREAK", "content_filter" },
	{ "IMAGE_SAFETY", "content_filter" },
	{ "IMAGE_PROHIBITED_CONTENT", "content_filter" },
	{ "IMAGE_RECITATION", "content_filter" },
	{ "OTHER", "error" },
	{ "IMAGE_OTHER", "error" },
	{ "NO_IMAGE", "error" },
	{ "MALFORMED_FUNCTION_CALL", "error" },
	{ "MALFORMED_RESPONSE", "error" },
	{ "MISSING_THOUGHT_SIGNATURE", "error" },
	{ "UNEXPECTED_TOOL_CALL", "error" },
	{ "TOO_MANY_TOOL_CALLS", "error" },
	/* Live */
	{ "turnComplete", "stop" },
	{ "NEED_MORE_INPUT", "stop" },
	{ "toolCall", "tool_call" },
	{ "RESPONSE_REJECTED", "content_filter" },
};

static void finish(struct llm_work *w, struct llm_message *m, struct slice value)
{
	const bool vertex = strcmp(w->call.provider, "gcp.vertex_ai") == 0;
	const char *const *reasons = vertex ? vertex_reasons : gemini_reasons;
	const size_t n = vertex ? ARRAY_SIZE(vertex_reasons) : ARRAY_SIZE(gemini_reasons);
	int64_t number;

	if (json_int64(value, &number) && number > 0 && (uint64_t)number < n)
		value = slice_of(reasons[number]);
	if (!json_is(value, "FINISH_REASON_UNSPECIFIED"))
		llm_finish(w, m, value, finish_words, ARRAY_SIZE(finish_words));
}

/* Nothing was said: why not. Of its numbers 1 is SAFETY, 2 OTHER, the rest are filters. */
static void read_block_reason(struct llm_work *w, struct slice feedback)
{
	struct slice reason = llm_either(feedback, "blockReason", "block_reason");
	int64_t number;

	if (json_int64(reason, &number))
		reason = number == 1 ? SLICE("\"SAFETY\"") : SLICE("\"BLOCKED\"");
	if (!reason.n || w->call.finish_reason.n)
		return;
	llm_finish(w, &w->call.answer, reason, finish_words, ARRAY_SIZE(finish_words));
	w->call.answer.finish_reason = SLICE("content_filter");
}

static struct llm_message *message_of(struct llm_work *w, struct slice index)
{
	struct llm_message *m = &w->call.answer;
	int64_t i = 0;

	if (!json_int64(index, &i) || i >= CANDIDATES_MAX)
		return m;
	for (; i > 0; i--) {
		if (!m->alternative)
			m->alternative = ARENA_NEW(w->call.mem, struct llm_message);
		if (!m->alternative)
			return m;
		m = m->alternative;
		m->role = LLM_ROLE_ASSISTANT;
	}
	return m;
}

static int64_t count_elements(struct slice list)
{
	struct json_iter it;
	struct slice one;
	int64_t n = 0;

	if (!json_array(list, &it))
		return 0;
	while (json_next(&it, &one))
		n++;
	return n;
}

enum { INDEX, CONTENT, REASON, REASON_, GROUNDING, GROUNDING_, N_CANDIDATE };
static const char *const candidate_names[N_CANDIDATE] = {
	"index",	 "content",	      "finishReason",
	"finish_reason", "groundingMetadata", "grounding_metadata",
};

static void read_candidates(struct llm_work *w, struct slice candidates)
{
	struct slice v[N_CANDIDATE], one;
	struct json_iter it;
	int64_t searches = 0;

	if (!json_array(candidates, &it))
		return;
	w->answered = true;
	while (json_next(&it, &one)) {
		struct llm_message *m;

		json_members(one, candidate_names, v, N_CANDIDATE);
		m = message_of(w, v[INDEX]);
		llm_read_gemini_answer(w, m, json_member(v[CONTENT], SLICE("parts")));
		finish(w, m, v[REASON].n ? v[REASON] : v[REASON_]);
		searches += count_elements(llm_either(v[GROUNDING].n ? v[GROUNDING] : v[GROUNDING_],
						      "webSearchQueries", "web_search_queries"));
	}
	if (searches)
		w->usage.web_searches = searches;
}

enum {
	CANDIDATES,
	FEEDBACK,
	FEEDBACK_,
	USAGE,
	USAGE_,
	MODEL,
	MODEL_,
	ID,
	ID_,
	ERROR,
	RESPONSE,
	TRACE,
	N_TOP
};
static const char *const top_names[N_TOP] = {
	"candidates",	  "promptFeedback", "prompt_feedback", "usageMetadata",
	"usage_metadata", "modelVersion",   "model_version",   "responseId",
	"response_id",	  "error",	    "response",	       "traceId",
};

/* An answer in one piece, or what an event adds to it. */
static void read_answer(struct llm_work *w, struct slice body)
{
	struct slice v[N_TOP];

	json_members(body, top_names, v, N_TOP);
	if (v[RESPONSE].n && v[RESPONSE].p[0] == '{') {
		if (!w->call.request_id.n)
			w->call.request_id = llm_keep(w, v[TRACE]);
		json_members(v[RESPONSE], top_names, v, N_TOP);
	}
	llm_keep_into(w, &w->call.response_id, v[ID].n ? v[ID] : v[ID_]);
	llm_keep_into(w, &w->call.response_model, v[MODEL].n ? v[MODEL] : v[MODEL_]);
	read_candidates(w, v[CANDIDATES]);
	read_block_reason(w, v[FEEDBACK].n ? v[FEEDBACK] : v[FEEDBACK_]);
	llm_read_gemini_usage(w, v[USAGE].n ? v[USAGE] : v[USAGE_]);
	llm_settle_gemini_usage(w);
	if (v[ERROR].n || w->call.http->status >= 300)
		llm_read_error(w, v[ERROR].n ? v[ERROR] : body);
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	read_answer(w, f->data);
}

static bool answers(struct slice object)
{
	enum { A_CANDIDATES, A_USAGE, A_FEEDBACK, A_RESPONSE, N };
	static const char *const names[N] = { "candidates", "usageMetadata", "promptFeedback",
					      "response" };
	struct slice v[N];

	json_members(object, names, v, N);
	if (v[A_RESPONSE].n)
		json_members(v[A_RESPONSE], names, v, N);
	return v[A_CANDIDATES].n || v[A_USAGE].n || v[A_FEEDBACK].n;
}

static const char *const paths[] = { ":generateContent", ":streamGenerateContent", NULL };

const struct llm_format llm_gemini = {
	.name = "google.gemini",
	.provider = "gcp.gemini",
	.operation = "generate_content",
	.paths = paths,
	.shape = shape,
	.said = said,
	.request = read_request,
	.item = llm_read_gemini_content,
	.system = llm_read_gemini_content,
	.answers = answers,
	.response = read_answer,
	.event = read_event,
};

/* --- Live: what socket_gemini.c makes of a WebSocket --- */

static void read_live_request(struct llm_work *w)
{
	read_request(w);
	w->call.stream_requested = true;
}

static bool live_shape(const struct llm_keys *k)
{
	return k->hint == &llm_gemini_live && k->contents.n;
}

static bool is_live_path(struct slice path, bool *ret_weak)
{
	*ret_weak = false;
	return slice_has(path, SLICE("BidiGenerateContent"));
}

/* Of a sound's piece: only that it came. The socket stays open: a reason is the end. */
static void read_live_event(struct llm_work *w, const struct frame *f)
{
	read_answer(w, f->data);
	w->call.done |= w->call.finish_reason.n > 0;
	if (json_member(f->data, SLICE("sound")).n && !w->call.first_token_ns)
		w->call.first_token_ns = w->now_ns;
}

const struct llm_format llm_gemini_live = {
	.name = "google.gemini_live",
	.provider = "gcp.gemini",
	.operation = "generate_content",
	.no_estimate = true,
	.has_path = is_live_path,
	.shape = live_shape,
	.said = said,
	.request = read_live_request,
	.item = llm_read_gemini_content,
	.system = llm_read_gemini_content,
	.answers = answers,
	.response = read_answer,
	.event = read_live_event,
};
