/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of Google's models gives no text: embedContent and batchEmbedContents, and Vertex's
 * :predict of the models that still have it, for embeddings and for pictures (Imagen). Vectors
 * are not kept; pictures are, as size and digest.
 *
 * :predict is an interface of every model that somebody serves on Vertex: only Google's own, under
 * /models/, and instances of the right kind are calls.
 */
#include "llm/gemini.h"

/* --- requests --- */

static const struct llm_field embed_fields[] = {
	LLM_FIELD("content", LLM_FIELD_RAW, messages),
	LLM_FIELD("requests", LLM_FIELD_RAW, messages),
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
};

static const struct llm_field predict_fields[] = {
	LLM_FIELD("instances", LLM_FIELD_RAW, messages),
	LLM_FIELD("parameters.sampleCount", LLM_FIELD_INT, call.choices),
	LLM_FIELD("parameters.seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("parameters.outputOptions.mimeType", LLM_FIELD_TEXT, call.output_format),
};

static void read_with(struct llm_work *w, const struct llm_field *fields, size_t n)
{
	w->call.request_model = llm_model_of_path(w->call.http->path);
	llm_read_fields(w, fields, n);
	w->call.request_model = llm_gemini_model(w->call.request_model);
	llm_read_items(w);
}

static void read_embed_request(struct llm_work *w)
{
	read_with(w, embed_fields, ARRAY_SIZE(embed_fields));
}

static void read_predict_request(struct llm_work *w)
{
	read_with(w, predict_fields, ARRAY_SIZE(predict_fields));
}

static bool said(struct slice item)
{
	(void)item;
	return false;
}

/* The content itself, or a request of a batch. */
static void read_embed_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	const struct slice content = json_member(value, SLICE("content"));

	llm_read_gemini_content(content.n ? content : value, mem, m);
}

static void add_text(struct slice value, struct arena *mem, struct llm_message *m)
{
	if (value.n && value.p[0] == '"')
		llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(value, mem));
}

/* {"content"|"prompt":"...","image":{"bytesBase64Encoded"|"gcsUri","mimeType"}} */
static void read_instance(struct slice value, struct arena *mem, struct llm_message *m)
{
	enum { CONTENT, PROMPT, TEXT, IMAGE, N };
	static const char *const names[N] = { "content", "prompt", "text", "image" };
	struct slice v[N], type, uri;

	json_members(value, names, v, N);
	for (int i = CONTENT; i <= TEXT; i++)
		add_text(v[i], mem, m);
	if (!v[IMAGE].n)
		return;
	type = json_text(json_member(v[IMAGE], SLICE("mimeType")), mem);
	uri = json_text(json_member(v[IMAGE], SLICE("gcsUri")), mem);
	if (uri.n)
		llm_add_media_url(m, mem, type.n ? type : SLICE("image"), uri);
	else
		llm_add_inline_media(
			m, mem, type.n ? type : SLICE("image"),
			json_text(json_member(v[IMAGE], SLICE("bytesBase64Encoded")), mem));
}

static bool has_instance(const struct llm_keys *k, const char *member)
{
	struct json_iter it;
	struct slice first;

	return slice_ends(k->path, SLICE(":predict")) && slice_has(k->path, SLICE("/models/")) &&
	       json_array(k->instances, &it) && json_next(&it, &first) &&
	       json_member(first, slice_of(member)).n > 0;
}

static bool no_shape(const struct llm_keys *k)
{
	(void)k;
	return false;
}

static bool is_embedding(const struct llm_keys *k)
{
	static const char *const members[] = { "content", "text", "image" };
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(members) && !found; i++)
		found = has_instance(k, members[i]);
	return found && slice_has(k->path, SLICE("embedding"));
}

static bool is_picture(const struct llm_keys *k)
{
	return has_instance(k, "prompt") && slice_has(k->path, SLICE("/models/imag"));
}

/* --- answers --- */

static void read_failure(struct llm_work *w, struct slice error, struct slice body)
{
	if (error.n || w->call.http->status >= 300)
		llm_read_error(w, error.n ? error : body);
}

static void read_embed_response(struct llm_work *w, struct slice body)
{
	enum { ONE, MANY, USAGE, ERROR, N };
	static const char *const names[N] = { "embedding", "embeddings", "usageMetadata", "error" };
	struct slice v[N];

	json_members(body, names, v, N);
	w->answered = v[ONE].n || v[MANY].n;
	llm_read_gemini_usage(w, v[USAGE]);
	llm_settle_gemini_usage(w);
	read_failure(w, v[ERROR], body);
}

static void add_known(int64_t *sum, int64_t n)
{
	if (n < 0)
		return;
	if (*sum < 0)
		*sum = 0;
	if (__builtin_add_overflow(*sum, n, sum))
		*sum = LLM_UNKNOWN;
}

static void read_prediction(struct llm_work *w, struct slice one)
{
	enum { BYTES, TYPE, N };
	static const char *const names[N] = { "bytesBase64Encoded", "mimeType" };
	struct arena *mem = w->call.mem;
	struct slice v[N];
	int64_t tokens = LLM_UNKNOWN;

	json_members(one, names, v, N);
	json_int64(json_find(one, "embeddings.statistics.token_count"), &tokens);
	add_known(&w->usage.input, tokens);
	if (!v[BYTES].n || w->call.answer.n_parts >= LLM_PARTS_MAX)
		return;
	llm_add_made_media(w, json_text(v[TYPE], mem), json_text(v[BYTES], mem));
	add_known(&w->usage.images, 1);
}

static void read_predict_response(struct llm_work *w, struct slice body)
{
	enum { PREDICTIONS, ERROR, N };
	static const char *const names[N] = { "predictions", "error" };
	struct json_iter it;
	struct slice v[N], one;

	json_members(body, names, v, N);
	if (json_array(v[PREDICTIONS], &it)) {
		w->answered = true;
		while (json_next(&it, &one))
			read_prediction(w, one);
	}
	w->call.usage = w->usage;
	read_failure(w, v[ERROR], body);
}

static void read_embed_event(struct llm_work *w, const struct frame *f)
{
	read_embed_response(w, f->data);
}

static void read_predict_event(struct llm_work *w, const struct frame *f)
{
	read_predict_response(w, f->data);
}

static bool answers_embed(struct slice object)
{
	struct slice one = json_member(object, SLICE("embedding"));
	struct json_iter it;

	if (json_array(json_member(object, SLICE("embeddings")), &it))
		json_next(&it, &one);
	return json_member(one, SLICE("values")).n > 0;
}

static bool answers_predict(struct slice object)
{
	return json_member(object, SLICE("predictions")).n > 0;
}

static const char *const embed_paths[] = { ":embedContent", ":batchEmbedContents", NULL };

const struct llm_format llm_gemini_embed = {
	.no_output = true,
	.name = "google.embed",
	.provider = "gcp.gemini",
	.operation = "embeddings",
	.paths = embed_paths,
	.shape = no_shape,
	.said = said,
	.request = read_embed_request,
	.item = read_embed_item,
	.system = read_embed_item,
	.answers = answers_embed,
	.response = read_embed_response,
	.event = read_embed_event,
};

const struct llm_format llm_vertex_embed = {
	.no_output = true,
	.name = "google.predict_embeddings",
	.provider = "gcp.vertex_ai",
	.operation = "embeddings",
	.shape = is_embedding,
	.said = said,
	.request = read_predict_request,
	.item = read_instance,
	.system = read_instance,
	.answers = answers_predict,
	.response = read_predict_response,
	.event = read_predict_event,
};

const struct llm_format llm_vertex_images = {
	.no_estimate = true,
	.name = "google.predict_images",
	.provider = "gcp.vertex_ai",
	.operation = "generate_content",
	.shape = is_picture,
	.said = said,
	.request = read_predict_request,
	.item = read_instance,
	.system = read_instance,
	.answers = answers_predict,
	.response = read_predict_response,
	.event = read_predict_event,
};
