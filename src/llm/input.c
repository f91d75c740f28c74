/* SPDX-License-Identifier: BSD-2-Clause */
/* Inputs that are no conversation: a text, several texts, lists of token numbers, objects of text
 * and pictures. */
#include "llm/format.h"

static bool is_number(struct slice value)
{
	return value.n && (value.p[0] == '-' || (value.p[0] >= '0' && value.p[0] <= '9'));
}

void llm_read_inputs(struct llm_work *w)
{
	struct slice first = { 0 };
	struct json_iter it;

	/* Numbers are the tokens of one input. */
	if (json_array(w->messages, &it) && json_next(&it, &first) && is_number(first))
		llm_add_item(w, w->messages);
	else
		llm_read_items(w);
}

/* {"type":"image_url","image_url":{"url":"..."}}, {"image":"..."}, {"text":"..."} */
static void read_block(struct slice block, struct arena *mem, struct llm_message *m)
{
	enum { TEXT, IMAGE_URL, IMAGE, N };
	static const char *const names[N] = { "text", "image_url", "image" };
	struct slice v[N], url;

	if (!json_members(block, names, v, N)) {
		if (block.n && block.p[0] == '"')
			llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(block, mem));
		return;
	}
	url = v[IMAGE_URL].n ? v[IMAGE_URL] : v[IMAGE];
	if (url.n && url.p[0] == '{')
		url = json_member(url, SLICE("url"));
	if (v[TEXT].n)
		llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(v[TEXT], mem));
	else if (url.n)
		llm_add_media_url(m, mem, SLICE("image"), json_text(url, mem));
	else
		llm_add_json_part(m, mem, LLM_PART_OTHER, block);
}

void llm_read_input(struct slice value, struct arena *mem, struct llm_message *m)
{
	struct slice first = { 0 }, content;
	struct json_iter it;
	struct llm_part *p;

	m->role = LLM_ROLE_USER;
	if (json_array(value, &it) && json_next(&it, &first) && is_number(first)) {
		p = llm_add_json_part(m, mem, LLM_PART_OTHER, value);
		if (p)
			p->name = SLICE("tokens");
		return;
	}
	content = json_member(value, SLICE("content"));
	llm_read_content(content.n ? content : value, mem, m, read_block);
}

bool llm_never_said(struct slice item)
{
	(void)item;
	return false;
}
