/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The canonical form of messages.
 *
 * A client that sends an answer back has parsed and printed it again, so JSON inside of messages is
 * written canonically. Empty text and reasoning are left out: some clients keep an empty block that
 * others drop.
 */
#include <errno.h>

#include "llm/format.h"

#define CANON_SCRATCH_MAX ((size_t)128 << 20)

struct canon {
	struct json_writer *w;
	struct arena *mem; /* for what is sorted and unescaped */
	bool drop_opaque;
};

/* Members that are encrypted, signed or instructions to the cache: they say nothing to people and
 * change from turn to turn. */
static bool is_opaque(struct slice key)
{
	static const char *const names[] = { "encrypted_content", "encrypted_index",
					     "encrypted_stdout",  "signature",
					     "cache_control",	  "obfuscation",
					     "thoughtSignature",  "thought_signature" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (slice_eq(key, slice_of(names[i])))
			return true;
	return false;
}

/* The text of a part that is JSON, if it really is; else as a string. */
static void put_json_text(struct canon *c, const struct llm_part *p, const char *if_empty)
{
	const struct slice text = slice_trim(buf_slice(&p->text));

	if (p->is_json && text.n == 0)
		json_put_raw(c->w, slice_of(if_empty));
	else if (p->is_json && json_valid(text))
		json_put_canonical(c->w, text, c->mem, c->drop_opaque ? is_opaque : NULL);
	else
		json_put_str(c->w, buf_slice(&p->text));
}

static void put_field(struct canon *c, const char *key, struct slice value)
{
	if (value.n == 0)
		return;
	json_key(c->w, key);
	json_put_str(c->w, value);
}

static void put_text(struct canon *c, const struct llm_part *p)
{
	json_key(c->w, "content");
	json_put_str(c->w, buf_slice(&p->text));
}

static void put_call(struct canon *c, const struct llm_part *p)
{
	put_field(c, "id", p->id);
	put_field(c, "name", p->name);
	json_key(c->w, "arguments");
	put_json_text(c, p, "{}");
}

static void put_result(struct canon *c, const struct llm_part *p)
{
	put_field(c, "id", p->id);
	put_field(c, "name", p->name);
	json_key(c->w, "response");
	put_json_text(c, p, "\"\"");
	if (p->is_error) {
		json_key(c->w, "is_error");
		json_put_bool(c->w, true);
	}
}

static void put_server(struct canon *c, const struct llm_part *p, const char *member,
		       const char *content)
{
	put_field(c, "id", p->id);
	put_field(c, "name", p->name);
	json_key(c->w, member);
	json_begin(c->w, '{');
	put_field(c, "type", p->name);
	json_key(c->w, content);
	put_json_text(c, p, "null");
	json_end(c->w, '}');
}

static void put_server_call(struct canon *c, const struct llm_part *p)
{
	put_server(c, p, "server_tool_call", "arguments");
}

static void put_server_result(struct canon *c, const struct llm_part *p)
{
	put_server(c, p, "server_tool_call_response", "response");
}

static struct slice modality(struct slice media_type)
{
	static const char *const known[] = { "image", "audio", "video" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (slice_istarts(media_type, slice_of(known[i])))
			return slice_of(known[i]);
	return SLICE("document");
}

/* A blob's bytes are not kept: size and digest stand for them. */
static void put_media(struct canon *c, const struct llm_part *p)
{
	const struct slice text = buf_slice(&p->text);

	put_field(c, "mime_type", p->name);
	put_field(c, "modality", modality(p->name));
	if (text.n) {
		put_field(c, slice_has(text, SLICE("://")) ? "uri" : "file_id", text);
		return;
	}
	json_key(c->w, "size");
	json_put_int(c->w, (int64_t)p->size);
	put_field(c, "digest", p->id);
}

static const char *media_type(const struct llm_part *p)
{
	const struct slice text = buf_slice(&p->text);

	if (text.n == 0)
		return "blob";
	return slice_has(text, SLICE("://")) ? "uri" : "file";
}

static void put_other(struct canon *c, const struct llm_part *p)
{
	json_key(c->w, "content");
	put_json_text(c, p, "null");
}

static const struct {
	const char *type;
	void (*put)(struct canon *c, const struct llm_part *p);
	bool unless_empty;
	bool drop_opaque;
} kinds[] = {
	[LLM_PART_TEXT] = { "text", put_text, true, false },
	[LLM_PART_REASONING] = { "reasoning", put_text, true, false },
	[LLM_PART_TOOL_CALL] = { "tool_call", put_call, false, false },
	[LLM_PART_TOOL_RESULT] = { "tool_call_response", put_result, false, false },
	[LLM_PART_SERVER_TOOL_CALL] = { "server_tool_call", put_server_call, false, true },
	[LLM_PART_SERVER_TOOL_RESULT] = { "server_tool_call_response", put_server_result, false,
					  true },
	[LLM_PART_REFUSAL] = { "refusal", put_text, true, false },
	[LLM_PART_MEDIA] = { NULL, put_media, false, false },
	[LLM_PART_OTHER] = { NULL, put_other, false, true },
};

static void put_part(struct canon *c, const struct llm_part *p)
{
	const char *type = kinds[p->type].type;

	if (kinds[p->type].unless_empty && p->text.n == 0)
		return;
	c->drop_opaque = kinds[p->type].drop_opaque;
	json_begin(c->w, '{');
	json_key(c->w, "type");
	if (type)
		json_put_str(c->w, slice_of(type));
	else if (p->type == LLM_PART_MEDIA)
		json_put_str(c->w, slice_of(media_type(p)));
	else
		json_put_str(c->w, p->name);
	kinds[p->type].put(c, p);
	json_end(c->w, '}');
}

static int put_parts(struct json_writer *w, const struct llm_part *parts)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(CANON_SCRATCH_MAX);
	struct canon c = { .w = w, .mem = mem };

	if (!mem)
		return -ENOMEM;
	json_begin(w, '[');
	for (const struct llm_part *p = parts; p; p = p->next)
		put_part(&c, p);
	json_end(w, ']');
	return arena_failed(mem) ? -ENOMEM : w->r;
}

int llm_parts_json(const struct llm_part *parts, struct buf *ret)
{
	struct json_writer w = { .out = ret };

	return put_parts(&w, parts);
}

int llm_message_json(const struct llm_message *m, struct buf *ret)
{
	static const char *const roles[] = {
		[LLM_ROLE_SYSTEM] = "system",
		[LLM_ROLE_USER] = "user",
		[LLM_ROLE_ASSISTANT] = "assistant",
		[LLM_ROLE_TOOL] = "tool",
	};
	struct json_writer w = { .out = ret };
	int r;

	json_begin(&w, '{');
	json_key(&w, "role");
	json_put_str(&w, slice_of(roles[m->role]));
	json_key(&w, "parts");
	r = put_parts(&w, m->parts);
	json_end(&w, '}');
	return r < 0 ? r : w.r;
}
