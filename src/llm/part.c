/* SPDX-License-Identifier: BSD-2-Clause */
#include "llm/format.h"

struct llm_part *llm_add_part(struct llm_message *m, struct arena *mem, enum llm_part_type type)
{
	struct llm_part *p = ARENA_NEW(mem, struct llm_part);

	if (!p)
		return NULL;
	p->type = type;
	if (m->last_part)
		m->last_part->next = p;
	else
		m->parts = p;
	m->last_part = p;
	m->n_parts++;
	return p;
}

struct buf llm_lend(struct slice s)
{
	struct buf b = { .n = s.n, .cap = s.n };

	memcpy(&b.p, &s.p, sizeof(b.p)); /* const or not: nobody writes into a full buffer */
	return b;
}

struct llm_part *llm_add_text_part(struct llm_message *m, struct arena *mem,
				   enum llm_part_type type, struct slice text)
{
	struct llm_part *p = llm_add_part(m, mem, type);

	if (p)
		p->text = llm_lend(text);
	return p;
}

struct llm_part *llm_add_json_part(struct llm_message *m, struct arena *mem,
				   enum llm_part_type type, struct slice json)
{
	struct llm_part *p = llm_add_text_part(m, mem, type, json);

	if (p)
		p->is_json = true;
	return p;
}

void llm_move_parts(struct llm_message *m, struct llm_message *from)
{
	if (!from->parts)
		return;
	if (m->last_part)
		m->last_part->next = from->parts;
	else
		m->parts = from->parts;
	m->last_part = from->last_part;
	m->n_parts += from->n_parts;
}

void llm_add_media_url(struct llm_message *m, struct arena *mem, struct slice media_type,
		       struct slice url)
{
	struct slice head, data, rest;
	struct llm_part *p;

	if (slice_starts(url, SLICE("data:")) && slice_cut(url, ',', &head, &data)) {
		head = slice_from(head, sizeof("data:") - 1);
		slice_cut(head, ';', &head, &rest);
		llm_add_inline_media(m, mem, head.n ? head : media_type, data);
		return;
	}
	p = llm_add_text_part(m, mem, LLM_PART_MEDIA, url);
	if (p)
		p->name = media_type;
}

void llm_add_media_file(struct llm_message *m, struct arena *mem, struct slice media_type,
			struct slice file_id)
{
	struct llm_part *p = llm_add_text_part(m, mem, LLM_PART_MEDIA, file_id);

	if (p)
		p->name = media_type;
}

void llm_read_content(struct slice content, struct arena *mem, struct llm_message *m,
		      llm_block_fn read_block)
{
	struct json_iter it;
	struct slice block;

	if (!content.n)
		return;
	if (content.p[0] == '"')
		llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(content, mem));
	else if (json_array(content, &it))
		while (json_next(&it, &block))
			read_block(block, mem, m);
	else if (content.p[0] == '{')
		read_block(content, mem, m);
}

struct llm_part *llm_add_result(struct llm_message *m, struct arena *mem, struct slice id,
				struct slice content, llm_block_fn read_block)
{
	struct llm_part *p = llm_add_part(m, mem, LLM_PART_TOOL_RESULT);
	_cleanup_(buf_done) struct buf json = { 0 };
	struct llm_message blocks = { 0 };

	if (!p)
		return NULL;
	p->id = id;
	llm_read_content(content, mem, &blocks, read_block);
	if (!blocks.parts)
		return p;
	if (!blocks.parts->next && blocks.parts->type == LLM_PART_TEXT) {
		p->text = blocks.parts->text;
		return p;
	}
	if (llm_parts_json(blocks.parts, &json) < 0)
		return p;
	p->text = llm_lend(arena_copy(mem, buf_slice(&json)));
	p->is_json = true;
	p->inside = blocks.parts;
	return p;
}
