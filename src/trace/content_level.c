/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/content_level.h"

#include <stdio.h>

#include "base/utf8.h"
#include "llm/llm.h"
#include "trace/state.h"

static bool memory_tool(struct slice name)
{
	return slice_istarts(name, SLICE("memory")) || slice_ends(name, SLICE("_memory"));
}

bool content_keeps_tool(const struct trace *t, struct slice name)
{
	return t->config.tool_content && (t->config.memory_content || !memory_tool(name));
}

/* Bytes of UTF-8 that do not begin a character. */
static size_t characters(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* Redaction comes first: half a secret matches no pattern. */
bool content_shorten(struct trace *t, struct slice text, bool is_json, struct arena *mem,
		     struct slice *ret)
{
	struct buf clean = { 0 }, out = { 0 };
	char mark[64];
	struct slice head;
	int r;

	r = is_json ? redact_json(t->redactor, text, &clean) : redact(t->redactor, text, &clean);
	head = utf8_head(buf_slice(&clean), t->config.content_limit);
	*ret = (struct slice){ 0 };
	if (r >= 0 && head.n == clean.n)
		*ret = arena_copy(mem, buf_slice(&clean));
	if (r < 0 || head.n == clean.n) {
		buf_done(&clean);
		return r < 0;
	}
	snprintf(mark, sizeof(mark), "\xe2\x80\xa6[cut: %zu characters]",
		 characters(buf_slice(&clean)));
	arena_add(mem, &out, head);
	arena_add(mem, &out, slice_of(mark));
	buf_done(&clean);
	*ret = buf_slice(&out);
	return true;
}

static struct slice level_text(struct trace *t, const struct llm_part *part, struct slice tool,
			       struct arena *mem, bool *ret_json)
{
	const bool of_tool = part->type == LLM_PART_TOOL_CALL ||
			     part->type == LLM_PART_TOOL_RESULT ||
			     part->type == LLM_PART_SERVER_TOOL_CALL ||
			     part->type == LLM_PART_SERVER_TOOL_RESULT;
	struct slice text = buf_slice(&part->text);

	*ret_json = part->is_json;
	if (of_tool && !content_keeps_tool(t, tool)) {
		*ret_json = false;
		return (struct slice){ 0 };
	}
	if (t->config.content == CONTENT_STANDARD &&
	    content_shorten(t, text, part->is_json, mem, &text))
		*ret_json = false;
	return text;
}

/* A copy of @m in @mem as the level wants it. */
static struct llm_message at_level(struct trace *t, const struct llm_message *m, struct arena *mem)
{
	struct llm_message copy = { .role = m->role };

	for (const struct llm_part *p = m->parts; p; p = p->next) {
		struct llm_part *q = ARENA_NEW(mem, struct llm_part);
		struct slice text;
		bool is_json;

		if (!q)
			break;
		*q = *p;
		q->next = NULL;
		text = level_text(t, p, p->name, mem, &is_json);
		q->text = (struct buf){ .p = (char *)text.p, .n = text.n };
		q->is_json = is_json;
		if (copy.last_part)
			copy.last_part->next = q;
		else
			copy.parts = q;
		copy.last_part = q;
	}
	return copy;
}

int content_message_id(struct trace *t, const struct llm_message *m, struct arena *mem,
		       struct id128 *ret)
{
	struct llm_message copy = at_level(t, m, mem);
	struct buf json = { 0 }, clean = { 0 };
	int r = llm_message_json(&copy, &json);

	if (r >= 0)
		r = redact_json(t->redactor, buf_slice(&json), &clean);
	if (r >= 0) {
		*ret = content_keeps_messages(t) ? content_blob(t, "message", buf_slice(&clean))
						 : id_of_bytes(buf_slice(&clean));
		r = 0;
		if (content_keeps_messages(t))
			content_media(t, ret, m->parts);
	}
	buf_done(&json);
	buf_done(&clean);
	return r;
}
