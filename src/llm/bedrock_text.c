/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formats of InvokeModel in which a prompt is a text: Titan, Llama, Mistral, Cohere Command,
 * DeepSeek, Jurassic, Claude 2; embeddings and pictures of Titan, Nova and Stability. They differ
 * in names alone, so one reader knows all names. Cohere's own /v1/generate is one of them.
 *
 * In a stream each event is such an object with the next piece of text; counts are running totals.
 *
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
 */
#include "llm/bedrock.h"

#define ANSWERS_MAX 128 /* to one question */

/* --- requests --- */

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model), /* Cohere's own interface */
	LLM_FIELD("prompt", LLM_FIELD_RAW, messages),
	LLM_FIELD("inputText", LLM_FIELD_RAW, messages),
	LLM_FIELD("textToImageParams.text", LLM_FIELD_RAW, messages),
	LLM_FIELD("max_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("max_gen_len", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("max_tokens_to_sample", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("maxTokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("textGenerationConfig.maxTokenCount", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("textGenerationConfig.temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("topP", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("textGenerationConfig.topP", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("top_k", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("k", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("stop", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("stop_sequences", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("stopSequences", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("textGenerationConfig.stopSequences", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("num_generations", LLM_FIELD_INT, call.choices),
	LLM_FIELD("numResults", LLM_FIELD_INT, call.choices),
	LLM_FIELD("seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
};

/* Titan's requests for text and for embeddings may be equal: the model tells. */
static const char *operation_of(struct slice body, struct slice model)
{
	enum { TASK, PROMPTS, N };
	static const char *const names[N] = { "taskType", "text_prompts" };
	struct slice v[N];

	json_members(body, names, v, N);
	if (slice_has(model, SLICE("embed")))
		return "embeddings";
	if (v[TASK].n || v[PROMPTS].n || slice_has(model, SLICE("stability.")))
		return "generate_content";
	return "text_completion";
}

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	w->call.operation = operation_of(w->call.body, w->call.request_model);
	/* What is embedded is data, and no conversation. */
	if (strcmp(w->call.operation, "embeddings") != 0)
		llm_read_items(w);
}

/* A prompt alone says nothing. */
static bool shape(const struct llm_keys *k)
{
	(void)k;
	return false;
}

static bool said(struct slice item)
{
	(void)item;
	return false;
}

static void read_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(value, mem));
}

/* --- answers --- */

static const struct llm_word finish_words[] = {
	{ "stop", "stop" },
	{ "stop_sequence", "stop" },
	{ "finish", "stop" },
	{ "finished", "stop" },
	{ "complete", "stop" },
	{ "completed", "stop" },
	{ "endoftext", "stop" },
	{ "end_turn", "stop" },
	{ "stop_criteria_met", "stop" },
	{ "length", "length" },
	{ "max_tokens", "length" },
	{ "content_filter", "content_filter" },
	{ "content_filtered", "content_filter" },
	{ "error_toxic", "content_filter" },
	{ "error", "error" },
};

/* Where one text of an answer stands, and why it ended. */
enum {
	GENERATION,
	OUTPUT_TEXT,
	COMPLETION,
	TEXT,
	STOP,
	COMPLETION_REASON,
	FINISH,
	FINISH2,
	TOKENS,
	DATA,
	N_ANSWER
};
static const char *const answer_names[N_ANSWER] = {
	"generation",	    "outputText",    "completion",   "text",	   "stop_reason",
	"completionReason", "finish_reason", "finishReason", "tokenCount", "data",
};

/* Lists of such texts. */
static const char *const lists[] = { "outputs", "results", "generations", "completions",
				     "choices" };

static struct llm_message *message_at(struct llm_work *w, int i)
{
	struct llm_message *m = &w->call.answer;

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

static struct slice first_string(const struct slice v[], const int *which, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[which[i]].n > 2 && v[which[i]].p[0] == '"')
			return v[which[i]];
	return (struct slice){ 0 };
}

/* One text; false where @object has none. */
static bool read_one(struct llm_work *w, struct slice object, struct llm_message *m)
{
	static const int texts[] = { GENERATION, OUTPUT_TEXT, COMPLETION, TEXT };
	static const int ends[] = { STOP, COMPLETION_REASON, FINISH, FINISH2 };
	struct slice v[N_ANSWER], text, reason;
	int64_t n;

	if (!json_members(object, answer_names, v, N_ANSWER))
		return false;
	if (v[DATA].n) /* Jurassic's */
		v[TEXT] = json_member(v[DATA], SLICE("text"));
	if (v[FINISH2].n && v[FINISH2].p[0] == '{')
		v[FINISH2] = json_member(v[FINISH2], SLICE("reason"));
	text = first_string(v, texts, ARRAY_SIZE(texts));
	reason = first_string(v, ends, ARRAY_SIZE(ends));
	if (text.n)
		llm_add_text(w, llm_part_at(w, m, LLM_PART_TEXT, 0), text);
	llm_finish(w, m, reason, finish_words, ARRAY_SIZE(finish_words));
	if (json_int64(v[TOKENS], &n) && n >= 0) {
		if (w->usage.output == LLM_UNKNOWN)
			w->usage.output = 0;
		llm_add_count(&w->usage.output, n);
	}
	return text.n || reason.n || v[GENERATION].n || v[OUTPUT_TEXT].n || v[TEXT].n ||
	       v[COMPLETION].n;
}

static void read_list(struct llm_work *w, struct slice list)
{
	struct slice one;
	struct json_iter it;

	if (!json_array(list, &it))
		return;
	w->answered = true;
	for (int i = 0; i < ANSWERS_MAX && json_next(&it, &one); i++)
		read_one(w, one, message_at(w, i));
}

static const struct json_int_field usage_fields[] = {
	{ "prompt_token_count", offsetof(struct llm_usage, input) },
	{ "generation_token_count", offsetof(struct llm_usage, output) },
	{ "inputTextTokenCount", offsetof(struct llm_usage, input) },
	{ "totalOutputTextTokenCount", offsetof(struct llm_usage, output) },
	{ "usage.prompt_tokens", offsetof(struct llm_usage, input) },
	{ "usage.completion_tokens", offsetof(struct llm_usage, output) },
	{ "usage.total_tokens", offsetof(struct llm_usage, provider_total) },
	{ "meta.billed_units.input_tokens", offsetof(struct llm_usage, input) },
	{ "meta.billed_units.output_tokens", offsetof(struct llm_usage, output) },
};

static void count_images(struct llm_work *w, struct slice list)
{
	struct json_iter it;
	struct slice image;
	int64_t n = 0;

	if (!json_array(list, &it))
		return;
	while (json_next(&it, &image)) {
		llm_add_made_media(w, SLICE("image"), json_text(image, w->call.mem));
		if (++n >= LLM_PARTS_MAX)
			break;
	}
	w->usage.images = n;
}

static void read_object(struct llm_work *w, struct slice object)
{
	enum { ID, EMBEDDING, BY_TYPE, PICTURES, N };
	static const char *const names[N] = { "id", "embedding", "embeddingsByType", "images" };
	struct slice v[N];

	json_members(object, names, v, N);
	llm_keep_into(w, &w->call.response_id, v[ID]);
	if (v[EMBEDDING].n || v[BY_TYPE].n || v[PICTURES].n)
		w->answered = true;
	count_images(w, v[PICTURES]);
	if (!w->call.streamed)
		w->usage.output = LLM_UNKNOWN;
	if (read_one(w, object, &w->call.answer))
		w->answered = true;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		read_list(w, json_member(object, slice_of(lists[i])));
	llm_read_usage(w, object, usage_fields, ARRAY_SIZE(usage_fields));
	w->call.usage = w->usage;
}

static void read_response(struct llm_work *w, struct slice body)
{
	read_object(w, body);
	if (w->call.http->status >= 300)
		llm_read_error(w, body);
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	read_object(w, f->data);
}

/* Completions, or choices that are texts and no messages. */
static bool answers(struct slice object)
{
	enum { GENERATED, OUTPUTS, OUT, TITAN, COMPLETED, CHOICES, N };
	static const char *const names[N] = { "generation",	     "outputs",	    "outputText",
					      "inputTextTokenCount", "completions", "choices" };
	struct slice v[N], first;
	struct json_iter it;

	if (!json_members(object, names, v, N))
		return false;
	if (json_array(v[CHOICES], &it) && json_next(&it, &first))
		return json_member(first, SLICE("text")).n > 0 &&
		       !json_member(object, SLICE("object")).n; /* OpenAI's own says what it is */
	return v[GENERATED].n || v[OUT].n || v[TITAN].n || v[COMPLETED].n ||
	       (v[OUTPUTS].n && !json_member(object, SLICE("object")).n);
}

static const char *const weak_paths[] = { "/v1/generate", NULL };

const struct llm_format llm_bedrock_text = {
	.name = "bedrock.text",
	.provider = "aws.bedrock",
	.weak_paths = weak_paths,
	.shape = shape,
	.said = said,
	.request = read_request,
	.item = read_item,
	.answers = answers,
	.response = read_response,
	.event = read_event,
	.operation = "text_completion",
	.framing = &framing_lines,
};
