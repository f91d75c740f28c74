/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an exchange is: the end of its path promises a format, else its body's members do. Base URLs
 * carry prefixes (/openai/v1, /api/v1, /anthropic, a deployment), so only ends of paths count.
 */
#include "llm/format.h"

/* clang-format off */
static const struct llm_format *const formats[] = {
	&llm_openai_chat,
	&llm_openai_responses,
	&llm_anthropic,
	&llm_anthropic_complete,
	&llm_bedrock_converse,
	&llm_bedrock_invoke,
	&llm_bedrock_text,
	&llm_bedrock_agent,
	&llm_cohere_chat,
	&llm_cohere_chat_v1,
	&llm_cohere_embed,
	&llm_ollama_chat,
	&llm_ollama_generate,
	&llm_ollama_embed,
	&llm_mistral_fim,
	&llm_mistral_conversations,
	&llm_mistral_ocr,
	&llm_gemini,
	&llm_gemini_live,
	&llm_gemini_embed,
	&llm_vertex_embed,
	&llm_vertex_images,
	&llm_interactions,
	&llm_cursor,
	&llm_xai,
	&llm_openai_embeddings,
	&llm_openai_images,
	&llm_openai_transcription,
	&llm_openai_speech,
	&llm_openai_runs,
	&llm_openai_text,
	&llm_local_text,
	&llm_rerank,
	&llm_openai_realtime,
};

/* Paths of other interfaces whose bodies look like ours, or that count and do not infer. */
static const char *const other_paths[] = {
	"/count_tokens",
	"/input_tokens",
	"/tokenize",
	"/moderations",
	"/batches",
	"/threads",
	"/fine_tuning",
	"/cachedContents",
	":countTokens",
	"/traces",
	":computeTokens",
	"/otlp",
	"/telemetry",
	"/count-tokens",
	"/conversations/",
	"/async-invoke",
	"/guardrail/",
	"/models/count-tokens:",
	"/evals/",
};
/* clang-format on */

const struct llm_format *llm_format_named(struct slice name)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (slice_eq(name, slice_of(formats[i]->name)))
			return formats[i];
	return NULL;
}

const struct llm_format *llm_format_nth(size_t i)
{
	return i < ARRAY_SIZE(formats) ? formats[i] : NULL;
}

/* The path as the tables have it: without query and slashes behind it. */
static struct slice bare(struct slice target)
{
	struct slice path = http_path(target);

	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	return path;
}

static bool ends_in_one(struct slice path, const char *const *ends)
{
	for (; ends && *ends; ends++)
		if (slice_ends(path, slice_of(*ends)))
			return true;
	return false;
}

/* Vertex has one pair of paths for the models of all makers; whose it is decides. */
static const struct llm_format *of_maker(struct slice path)
{
	static const char *const ends[] = { ":rawPredict", ":streamRawPredict", NULL };

	if (slice_has(path, SLICE("/publishers/anthropic/")) && ends_in_one(path, ends) &&
	    !llm_path_is_other(path))
		return &llm_anthropic;
	return NULL;
}

const struct llm_format *llm_format_of_path(struct slice path, bool *ret_weak)
{
	path = bare(path);
	*ret_weak = false;
	if (of_maker(path))
		return of_maker(path);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		*ret_weak = false;
		if (ends_in_one(path, formats[i]->paths) ||
		    (formats[i]->has_path && formats[i]->has_path(path, ret_weak)))
			return formats[i];
		*ret_weak = true;
		if (ends_in_one(path, formats[i]->weak_paths))
			return formats[i];
	}
	return NULL;
}

const struct llm_format *llm_format_of_fetch(struct slice path)
{
	path = bare(path);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i]->fetches && formats[i]->fetches(path))
			return formats[i];
	return NULL;
}

bool llm_path_is_other(struct slice path)
{
	path = bare(path);
	for (size_t i = 0; i < ARRAY_SIZE(other_paths); i++)
		if (slice_has(path, slice_of(other_paths[i])))
			return true;
	return false;
}

static void read_keys(const struct http_exchange *x, struct slice body, struct llm_keys *ret)
{
	static const struct {
		const char *name;
		size_t offset;
	} keys[] = {
#define KEY(name) { #name, offsetof(struct llm_keys, name) }
		KEY(model),	 KEY(messages),
		KEY(input),	 KEY(max_tokens),
		KEY(system),	 KEY(instructions),
		KEY(store),	 KEY(previous_response_id),
		KEY(stream),	 KEY(anthropic_version),
		KEY(contents),	 { "inferenceConfig", offsetof(struct llm_keys, inference_config) },
		KEY(options),	 KEY(keep_alive),
		KEY(prompt),	 KEY(inputs),
		KEY(text),	 KEY(sampling_params),
		KEY(query),	 KEY(documents),
		KEY(parameters), KEY(instances),
#undef KEY
	};
	const char *names[ARRAY_SIZE(keys)];
	bool weak;
	struct slice values[ARRAY_SIZE(keys)];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		names[i] = keys[i].name;
	*ret = (struct llm_keys){ 0 };
	json_members(body, names, values, ARRAY_SIZE(keys));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		memcpy((char *)ret + keys[i].offset, &values[i], sizeof(values[i]));
	ret->body = body;
	ret->path = bare(x->path);
	ret->hint = llm_format_of_path(x->path, &weak);
	ret->anthropic_header = http_header(&x->request, SLICE("anthropic-version")).n > 0;
}

const struct llm_format *llm_format_of_body(const struct http_exchange *x, struct slice body)
{
	struct llm_keys keys;

	read_keys(x, body, &keys);
	if (keys.hint && keys.hint->shape(&keys))
		return keys.hint;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i]->shape(&keys))
			return formats[i];
	return NULL;
}

const struct llm_format *llm_format_of_answer(const struct llm_format *expected,
					      struct slice object)
{
	if (!expected->answers(object))
		for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
			if (formats[i]->answers(object))
				return formats[i];
	return expected;
}

struct slice llm_model_of_path(struct slice path)
{
	static const char *const before[] = { "/deployments/", "/models/", "/tunedModels/",
					      "/model/", "/endpoints/" };

	path = bare(path);
	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		const struct slice word = slice_of(before[i]);
		const char *at = memmem(path.p, path.n, word.p, word.n);
		struct slice model;
		size_t n = 0;

		if (!at)
			continue;
		model = slice_from(path, (size_t)(at - path.p) + word.n);
		while (n < model.n && model.p[n] != '/' && model.p[n] != ':')
			n++;
		return (struct slice){ model.p, n };
	}
	return (struct slice){ 0 };
}
