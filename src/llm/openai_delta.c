/* SPDX-License-Identifier: BSD-2-Clause */
/* Streamed answers of Chat Completions: deltas are joined here, in all dialects. */
#include "llm/openai_chat.h"

/* Parts of a streamed answer are sorted as the same message has them when it is sent back. */
enum { AT_REASONING, AT_TEXT, AT_REFUSAL, AT_AUDIO, AT_FUNCTION, AT_CALLS };

#define CALL_INDEX_MAX (1 << 20)

static struct llm_part *find_call(struct llm_message *m, int index, struct slice id)
{
	struct llm_part *found = NULL;

	for (struct llm_part *p = m->parts; p; p = p->next)
		if (p->type == LLM_PART_TOOL_CALL && (index < 0 || p->index == index) &&
		    (!id.n || slice_eq(p->id, id)))
			found = p;
	return found;
}

/*
 * Which call a piece belongs to. With an index: that one, unless it brings both another id and a
 * name (servers that number every whole call 0). Without: the one of that id, or the last.
 */
static struct llm_part *call_of(struct llm_work *w, struct llm_message *m, struct slice index,
				struct slice id, bool named)
{
	int64_t i = LLM_UNKNOWN;
	struct llm_part *p;
	int at;

	json_int64(index, &i);
	if (i < 0 || i > CALL_INDEX_MAX) {
		p = find_call(m, -1, id);
		at = m->last_part && m->last_part->index >= AT_CALLS ? m->last_part->index + 1
								     : AT_CALLS;
	} else {
		at = AT_CALLS + (int)i;
		p = find_call(m, at, (struct slice){ 0 });
		if (p && named && id.n && p->id.n && !slice_eq(p->id, id)) {
			struct llm_part *same = find_call(m, at, id);

			p = same;
		}
	}
	return p ? p : llm_new_part_at(w, m, LLM_PART_TOOL_CALL, at);
}

static void add_function(struct llm_work *w, struct llm_part *p, struct slice function)
{
	enum { FN_NAME, ARGUMENTS, INPUT, N };
	static const char *const names[N] = { "name", "arguments", "input" };
	struct slice v[N];

	if (!p || !json_members(function, names, v, N))
		return;
	if (!p->name.n) {
		p->name = llm_keep(w, v[FN_NAME]);
		p->is_json = !v[INPUT].n;
		if (p->name.n)
			llm_touch(w, p);
	}
	if (v[ARGUMENTS].n && v[ARGUMENTS].p[0] == '{') {
		llm_touch(w, p);
		p->text.n = 0;
		arena_add(w->call.mem, &p->text, v[ARGUMENTS]);
	} else {
		llm_add_text(w, p, v[ARGUMENTS].n ? v[ARGUMENTS] : v[INPUT]);
	}
}

static void add_call_delta(struct llm_work *w, struct llm_message *m, struct slice delta)
{
	enum { CALL_INDEX, CALL_ID_, FN, CUSTOM, N };
	static const char *const names[N] = { "index", "id", "function", "custom" };
	struct slice v[N], id, function;
	struct llm_part *p;

	if (!json_members(delta, names, v, N))
		return;
	function = v[FN].n ? v[FN] : v[CUSTOM];
	id = json_text(v[CALL_ID_], w->call.mem);
	p = call_of(w, m, v[CALL_INDEX], id, json_find(function, "name").n > 2);
	if (!p)
		return;
	if (!p->id.n)
		p->id = arena_copy(w->call.mem, id);
	add_function(w, p, function);
}

/* A string, or Mistral's list with `thinking` in it. */
static void add_content(struct llm_work *w, struct llm_message *m, struct slice content)
{
	struct slice block, thought, inner;
	struct json_iter it, list;

	if (content.n > 2 && content.p[0] == '"')
		llm_add_text(w, llm_part_at(w, m, LLM_PART_TEXT, AT_TEXT), content);
	if (!json_array(content, &it))
		return;
	while (json_next(&it, &block)) {
		thought = json_member(block, SLICE("thinking"));
		if (json_array(thought, &list))
			while (json_next(&list, &inner))
				llm_add_text(w, llm_part_at(w, m, LLM_PART_REASONING, AT_REASONING),
					     json_member(inner, SLICE("text")));
		else
			llm_add_text(w, llm_part_at(w, m, LLM_PART_TEXT, AT_TEXT),
				     json_member(block, SLICE("text")));
	}
}

static void add_thinking_delta(struct llm_work *w, struct llm_message *m,
			       const struct slice v[CHAT_MEMBERS])
{
	struct slice text = v[CHAT_THINKING], detail;
	struct json_iter it;

	if (text.n <= 2 || text.p[0] != '"')
		text = v[CHAT_THINKING2];
	if (text.n > 2 && text.p[0] == '"') {
		llm_add_text(w, llm_part_at(w, m, LLM_PART_REASONING, AT_REASONING), text);
		return;
	}
	if (!json_array(v[CHAT_DETAILS], &it))
		return;
	while (json_next(&it, &detail)) {
		text = json_member(detail, SLICE("text"));
		if (!text.n)
			text = json_member(detail, SLICE("summary"));
		if (text.n > 2)
			llm_add_text(w, llm_part_at(w, m, LLM_PART_REASONING, AT_REASONING), text);
	}
}

static void add_audio(struct llm_work *w, struct llm_message *m, struct slice audio)
{
	const struct slice data = json_member(audio, SLICE("data"));
	const struct slice transcript = json_member(audio, SLICE("transcript"));
	struct llm_part *p;

	if (transcript.n > 2)
		llm_add_text(w, llm_part_at(w, m, LLM_PART_TEXT, AT_TEXT), transcript);
	if (data.n <= 2)
		return;
	p = llm_part_at(w, m, LLM_PART_MEDIA, AT_AUDIO);
	if (!p)
		return;
	p->name = SLICE("audio");
	p->size += (data.n - 2) / 4 * 3;
	llm_touch(w, p);
}

/* Each comes whole, after the text. */
static void add_images(struct llm_work *w, struct llm_message *m, struct slice list)
{
	struct llm_message made = { 0 };
	struct llm_part *p;

	llm_read_chat_images(list, w->call.mem, &made);
	for (const struct llm_part *from = made.parts; from; from = from->next) {
		p = llm_new_part_at(w, m, LLM_PART_MEDIA, AT_AUDIO);
		if (!p)
			return;
		p->id = from->id;
		p->name = arena_copy(w->call.mem, from->name);
		p->text = from->text;
		p->size = from->size;
		llm_keep_data(w->call.mem, p, from->data);
		llm_touch(w, p);
	}
}

void llm_read_chat_delta(struct llm_work *w, struct llm_message *m, struct slice delta)
{
	struct slice v[CHAT_MEMBERS], call;
	struct json_iter it;

	if (!json_members(delta, llm_chat_members, v, CHAT_MEMBERS))
		return;
	add_thinking_delta(w, m, v);
	add_content(w, m, v[CHAT_CONTENT]);
	if (v[CHAT_REFUSAL].n > 2 && v[CHAT_REFUSAL].p[0] == '"')
		llm_add_text(w, llm_part_at(w, m, LLM_PART_REFUSAL, AT_REFUSAL), v[CHAT_REFUSAL]);
	if (v[CHAT_AUDIO].n && v[CHAT_AUDIO].p[0] == '{')
		add_audio(w, m, v[CHAT_AUDIO]);
	add_images(w, m, v[CHAT_IMAGES]);
	if (v[CHAT_FUNCTION].n && v[CHAT_FUNCTION].p[0] == '{')
		add_function(w, llm_part_at(w, m, LLM_PART_TOOL_CALL, AT_FUNCTION),
			     v[CHAT_FUNCTION]);
	if (json_array(v[CHAT_CALLS], &it))
		while (json_next(&it, &call))
			add_call_delta(w, m, call);
}
