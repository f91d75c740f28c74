/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Content blocks of Converse. A block is an object whose one member names its kind; in a stream it
 * is a start (tools only) and deltas with the block's index.
 *
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
 */
#include <stdio.h>

#include "llm/bedrock.h"

#define BLOCK_INDEX_MAX (1 << 20)

/* --- whole blocks --- */

static void add_text(struct slice value, struct arena *mem, struct llm_message *m)
{
	const struct slice text = json_text(value, mem);

	if (text.n)
		llm_add_text_part(m, mem, LLM_PART_TEXT, text);
}

/* {"format":"png","source":{"bytes":base64 | "s3Location":{"uri"} | "text" | "content":[]}} */
static void add_media(struct slice value, struct arena *mem, struct llm_message *m,
		      const char *kind)
{
	enum { BYTES, S3, TEXT, CONTENT, N };
	static const char *const names[N] = { "bytes", "s3Location", "text", "content" };
	const struct slice format = json_text(json_member(value, SLICE("format")), mem);
	struct slice v[N], type;
	char text[64];

	if (slice_eq(format, SLICE("pdf")))
		kind = "application";
	snprintf(text, sizeof(text), format.n ? "%s/%.*s" : "%s", kind, SLICE_ARG(format));
	type = arena_copy(mem, slice_of(text));
	json_members(json_member(value, SLICE("source")), names, v, N);
	if (v[S3].n)
		llm_add_media_url(m, mem, type, json_text(json_member(v[S3], SLICE("uri")), mem));
	else if (v[TEXT].n)
		add_text(v[TEXT], mem, m);
	else if (v[CONTENT].n)
		llm_read_content(v[CONTENT], mem, m, llm_read_converse_block);
	else
		llm_add_inline_media(m, mem, type, json_text(v[BYTES], mem));
}

static void add_image(struct slice value, struct arena *mem, struct llm_message *m)
{
	add_media(value, mem, m, "image");
}

static void add_video(struct slice value, struct arena *mem, struct llm_message *m)
{
	add_media(value, mem, m, "video");
}

static void add_audio(struct slice value, struct arena *mem, struct llm_message *m)
{
	add_media(value, mem, m, "audio");
}

static void add_document(struct slice value, struct arena *mem, struct llm_message *m)
{
	add_media(value, mem, m, "document");
}

enum { USE_ID, USE_NAME, USE_INPUT, USE_TYPE, USE_CONTENT, USE_STATUS, N_USE };
static const char *const use_names[N_USE] = { "toolUseId", "name",    "input",
					      "type",	   "content", "status" };

/* What Bedrock itself runs (Nova's grounding) says so. */
static bool by_server(const struct slice v[N_USE])
{
	return slice_starts(v[USE_TYPE], SLICE("\"server_tool_use")) ||
	       slice_ends(v[USE_TYPE], SLICE("_result\""));
}

static void add_use(struct slice value, struct arena *mem, struct llm_message *m)
{
	struct slice v[N_USE];
	struct llm_part *p;

	json_members(value, use_names, v, N_USE);
	p = llm_add_json_part(m, mem, by_server(v) ? LLM_PART_SERVER_TOOL_CALL : LLM_PART_TOOL_CALL,
			      v[USE_INPUT]);
	if (!p)
		return;
	p->id = json_text(v[USE_ID], mem);
	p->name = json_text(v[USE_NAME], mem);
}

/* The one block {"json":...} of a result, or the empty slice. */
static struct slice only_json(struct slice content)
{
	struct slice first, second;
	struct json_iter it;

	if (!json_array(content, &it) || !json_next(&it, &first) || json_next(&it, &second))
		return (struct slice){ 0 };
	return json_member(first, SLICE("json"));
}

static void add_result(struct slice value, struct arena *mem, struct llm_message *m)
{
	struct slice v[N_USE], json;
	struct llm_part *p;

	json_members(value, use_names, v, N_USE);
	json = only_json(v[USE_CONTENT]);
	if (by_server(v))
		p = llm_add_json_part(m, mem, LLM_PART_SERVER_TOOL_RESULT, v[USE_CONTENT]);
	else if (json.n)
		p = llm_add_json_part(m, mem, LLM_PART_TOOL_RESULT, json);
	else
		p = llm_add_result(m, mem, (struct slice){ 0 }, v[USE_CONTENT],
				   llm_read_converse_block);
	if (!p)
		return;
	p->id = json_text(v[USE_ID], mem);
	if (p->type == LLM_PART_SERVER_TOOL_RESULT)
		p->name = json_text(v[USE_TYPE], mem);
	p->is_error = json_is(v[USE_STATUS], "error");
}

/* Of what is redacted, that it is there is all we know. */
static void add_reasoning(struct slice value, struct arena *mem, struct llm_message *m)
{
	llm_add_text_part(m, mem, LLM_PART_REASONING,
			  json_text(json_find(value, "reasoningText.text"), mem));
}

static void add_guarded(struct slice value, struct arena *mem, struct llm_message *m)
{
	const struct slice image = json_member(value, SLICE("image"));

	if (image.n)
		add_image(image, mem, m);
	else
		add_text(json_find(value, "text.text"), mem, m);
}

/* Text with its sources. */
static void add_cited(struct slice value, struct arena *mem, struct llm_message *m)
{
	llm_read_content(json_member(value, SLICE("content")), mem, m, llm_read_converse_block);
}

static void add_nothing(struct slice value, struct arena *mem, struct llm_message *m)
{
	(void)value;
	(void)mem;
	(void)m;
}

static const struct {
	const char *kind;
	llm_block_fn add;
} kinds[] = {
	{ "text", add_text },
	{ "toolUse", add_use },
	{ "toolResult", add_result },
	{ "reasoningContent", add_reasoning },
	{ "image", add_image },
	{ "document", add_document },
	{ "video", add_video },
	{ "audio", add_audio },
	{ "guardContent", add_guarded },
	{ "citationsContent", add_cited },
	{ "cachePoint", add_nothing },
};

static llm_block_fn reader_of(struct slice kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (slice_eq(kind, slice_of(kinds[i].kind)))
			return kinds[i].add;
	return NULL;
}

void llm_read_converse_block(struct slice block, struct arena *mem, struct llm_message *m)
{
	struct slice key, value;
	struct json_iter it;

	if (!json_object(block, &it)) {
		add_text(block, mem, m);
		return;
	}
	while (json_next_member(&it, &key, &value)) {
		const llm_block_fn add = reader_of(key);
		struct llm_part *p;

		if (value.p[0] == 'n' || slice_eq(key, SLICE("type")))
			continue;
		if (add) {
			add(value, mem, m);
			continue;
		}
		p = llm_add_json_part(m, mem, LLM_PART_OTHER, value);
		if (p)
			p->name = key;
	}
}

/* --- streams --- */

static int block_index(struct slice data)
{
	int64_t i = 0;

	json_int64(json_member(data, SLICE("contentBlockIndex")), &i);
	return i >= 0 && i < BLOCK_INDEX_MAX ? (int)i : 0;
}

void llm_read_converse_start(struct llm_work *w, struct slice data)
{
	const struct slice start = json_member(data, SLICE("start"));
	const bool use = json_member(start, SLICE("toolUse")).n > 0;
	struct slice v[N_USE];
	struct llm_part *p;

	if (!json_members(json_member(start, use ? SLICE("toolUse") : SLICE("toolResult")),
			  use_names, v, N_USE))
		return;
	p = llm_part_at(w, &w->call.answer,
			!use	       ? LLM_PART_SERVER_TOOL_RESULT
			: by_server(v) ? LLM_PART_SERVER_TOOL_CALL
				       : LLM_PART_TOOL_CALL,
			block_index(data));
	if (!p)
		return;
	p->id = llm_keep(w, v[USE_ID]);
	p->name = llm_keep(w, v[use ? USE_NAME : USE_TYPE]);
	p->is_json = true;
	p->is_error = json_is(v[USE_STATUS], "error");
	if (p->name.n)
		llm_touch(w, p);
}

static void add_arguments(struct llm_work *w, struct slice data, struct slice input)
{
	struct llm_message *m = &w->call.answer;
	struct llm_part *p = m->parts;
	const int index = block_index(data);

	while (p && (p->index != index ||
		     (p->type != LLM_PART_TOOL_CALL && p->type != LLM_PART_SERVER_TOOL_CALL)))
		p = p->next;
	if (!p) /* its start may have been lost */
		p = llm_new_part_at(w, m, LLM_PART_TOOL_CALL, index);
	if (p)
		p->is_json = true;
	llm_add_text(w, p, input);
}

/* The digest is that of the whole: of a picture in pieces there is none. */
static void add_image_piece(struct llm_work *w, int index, struct slice image)
{
	struct llm_message piece = { 0 };
	struct llm_part *p = llm_part_at(w, &w->call.answer, LLM_PART_MEDIA, index);

	llm_add_inline_media(&piece, w->call.mem, SLICE("image"),
			     json_text(json_find(image, "source.bytes"), w->call.mem));
	if (!p || !piece.parts)
		return;
	if (!p->name.n)
		p->name = piece.parts->name;
	p->id = piece.parts->id;
	if (p->size)
		p->id.n = 0;
	p->size += piece.parts->size;
	llm_touch(w, p);
}

/* Of what a server's tool found, the first piece is enough to show. */
static void add_found(struct llm_work *w, int index, struct slice found)
{
	struct llm_part *p = llm_part_at(w, &w->call.answer, LLM_PART_SERVER_TOOL_RESULT, index);

	if (!p || p->text.n)
		return;
	p->is_json = true;
	arena_add(w->call.mem, &p->text, found);
}

void llm_read_converse_delta(struct llm_work *w, struct slice data)
{
	enum { TEXT, REASONING, USE, RESULT, IMAGE, N };
	static const char *const names[N] = { "text", "reasoningContent", "toolUse", "toolResult",
					      "image" };
	struct llm_message *m = &w->call.answer;
	const int index = block_index(data);
	struct slice v[N];

	if (!json_members(json_member(data, SLICE("delta")), names, v, N))
		return;
	if (v[TEXT].n > 2)
		llm_add_text(w, llm_part_at(w, m, LLM_PART_TEXT, index), v[TEXT]);
	if (v[REASONING].n)
		llm_add_text(w, llm_part_at(w, m, LLM_PART_REASONING, index),
			     json_member(v[REASONING], SLICE("text")));
	if (v[USE].n)
		add_arguments(w, data, json_member(v[USE], SLICE("input")));
	if (v[RESULT].n)
		add_found(w, index, v[RESULT]);
	if (v[IMAGE].n)
		add_image_piece(w, index, v[IMAGE]);
}
