/* SPDX-License-Identifier: BSD-2-Clause */
#include "llm/openai_chat.h"

const char *const llm_chat_members[CHAT_MEMBERS] = {
	[CHAT_ROLE] = "role",
	[CHAT_CONTENT] = "content",
	[CHAT_CALLS] = "tool_calls",
	[CHAT_FUNCTION] = "function_call",
	[CHAT_CALL_ID] = "tool_call_id",
	[CHAT_NAME] = "name",
	[CHAT_THINKING] = "reasoning_content", /* DeepSeek, vLLM, Moonshot, llama.cpp */
	[CHAT_THINKING2] = "reasoning",	       /* OpenRouter, Groq, newer vLLM: both at once */
	[CHAT_DETAILS] = "reasoning_details",
	[CHAT_REFUSAL] = "refusal",
	[CHAT_AUDIO] = "audio",
	[CHAT_IMAGES] = "images", /* OpenRouter */
};

static void add_text(struct slice value, struct arena *mem, struct llm_message *m,
		     enum llm_part_type type)
{
	const struct slice text = json_text(value, mem);

	if (text.n)
		llm_add_text_part(m, mem, type, text);
}

static void add_url(struct slice value, struct arena *mem, struct llm_message *m, const char *type)
{
	if (value.n && value.p[0] == '{')
		value = json_member(value, SLICE("url"));
	llm_add_media_url(m, mem, slice_of(type), json_text(value, mem));
}

static void add_file(struct slice file, struct arena *mem, struct llm_message *m)
{
	const struct slice id = json_text(json_member(file, SLICE("file_id")), mem);

	if (id.n)
		llm_add_media_file(m, mem, (struct slice){ 0 }, id);
	else
		llm_add_media_url(m, mem, (struct slice){ 0 },
				  json_text(json_member(file, SLICE("file_data")), mem));
}

/* Mistral's: a list of text blocks. Cohere's: a text. */
static void add_thinking(struct slice list, struct arena *mem, struct llm_message *m)
{
	struct json_iter it;
	struct slice block;

	add_text(list, mem, m, LLM_PART_REASONING);
	if (json_array(list, &it))
		while (json_next(&it, &block))
			add_text(json_member(block, SLICE("text")), mem, m, LLM_PART_REASONING);
}

static void read_block(struct slice block, struct arena *mem, struct llm_message *m)
{
	enum { TYPE, TEXT, IMAGE, VIDEO, FILE_DATA, SOUND, REFUSED, THOUGHT, N };
	static const char *const names[N] = { "type", "text",	     "image_url", "video_url",
					      "file", "input_audio", "refusal",	  "thinking" };
	struct slice v[N];
	struct llm_part *p;

	if (!json_members(block, names, v, N))
		add_text(block, mem, m, LLM_PART_TEXT);
	else if (v[TEXT].n)
		add_text(v[TEXT], mem, m, LLM_PART_TEXT);
	else if (v[IMAGE].n)
		add_url(v[IMAGE], mem, m, "image");
	else if (v[VIDEO].n)
		add_url(v[VIDEO], mem, m, "video");
	else if (v[SOUND].n)
		llm_add_inline_media(m, mem, SLICE("audio"),
				     json_text(json_member(v[SOUND], SLICE("data")), mem));
	else if (v[FILE_DATA].n)
		add_file(v[FILE_DATA], mem, m);
	else if (v[REFUSED].n)
		add_text(v[REFUSED], mem, m, LLM_PART_REFUSAL);
	else if (v[THOUGHT].n)
		add_thinking(v[THOUGHT], mem, m);
	else if ((p = llm_add_json_part(m, mem, LLM_PART_OTHER, block)))
		p->name = json_text(v[TYPE], mem);
}

/* OpenRouter's list; what is encrypted in it is left out. */
static void add_details(struct slice list, struct arena *mem, struct llm_message *m)
{
	struct json_iter it;
	struct slice detail;

	if (!json_array(list, &it))
		return;
	while (json_next(&it, &detail)) {
		add_text(json_member(detail, SLICE("text")), mem, m, LLM_PART_REASONING);
		add_text(json_member(detail, SLICE("summary")), mem, m, LLM_PART_REASONING);
	}
}

/* Arguments are JSON in a string; some servers give the object itself. */
static void set_function(struct llm_part *p, struct slice function, struct arena *mem)
{
	enum { FN_NAME, ARGUMENTS, INPUT, N };
	static const char *const names[N] = { "name", "arguments", "input" };
	struct slice v[N], text;

	json_members(function, names, v, N);
	p->is_json = !v[INPUT].n; /* a custom tool's input is free text */
	p->name = json_text(v[FN_NAME], mem);
	if (!v[ARGUMENTS].n)
		v[ARGUMENTS] = v[INPUT];
	text = v[ARGUMENTS].n && v[ARGUMENTS].p[0] == '{' ? v[ARGUMENTS]
							  : json_text(v[ARGUMENTS], mem);
	p->text = llm_lend(text);
}

static void add_call(struct slice call, struct arena *mem, struct llm_message *m)
{
	enum { ID, FN, CUSTOM, N };
	static const char *const names[N] = { "id", "function", "custom" };
	struct llm_part *p;
	struct slice v[N];

	if (!json_members(call, names, v, N))
		return;
	p = llm_add_part(m, mem, LLM_PART_TOOL_CALL);
	if (!p)
		return;
	p->id = json_text(v[ID], mem);
	set_function(p, v[FN].n ? v[FN] : v[CUSTOM], mem);
}

void llm_read_chat_images(struct slice list, struct arena *mem, struct llm_message *m)
{
	struct json_iter it;
	struct slice image, url;

	if (!json_array(list, &it))
		return;
	while (m->n_parts < LLM_PARTS_MAX && json_next(&it, &image)) {
		url = json_text(json_find(image, "image_url.url"), mem);
		if (url.n && !slice_starts(url, SLICE("data:")))
			url = arena_copy(mem, url);
		if (url.n)
			llm_add_media_url(m, mem, SLICE("image"), url);
	}
}

/* What an assistant (or any other) message says, in the order that streams are sorted in. */
static void read_message(const struct slice v[CHAT_MEMBERS], struct arena *mem,
			 struct llm_message *m)
{
	const struct slice thinking = json_text(v[CHAT_THINKING], mem);
	struct llm_part *p;
	struct json_iter it;
	struct slice call;

	if (thinking.n)
		llm_add_text_part(m, mem, LLM_PART_REASONING, thinking);
	else if (v[CHAT_THINKING2].n && v[CHAT_THINKING2].p[0] == '"')
		add_text(v[CHAT_THINKING2], mem, m, LLM_PART_REASONING);
	else
		add_details(v[CHAT_DETAILS], mem, m);
	llm_read_content(v[CHAT_CONTENT], mem, m, read_block);
	add_text(v[CHAT_REFUSAL], mem, m, LLM_PART_REFUSAL);
	add_text(json_member(v[CHAT_AUDIO], SLICE("transcript")), mem, m, LLM_PART_TEXT);
	llm_read_chat_images(v[CHAT_IMAGES], mem, m);
	if (v[CHAT_FUNCTION].n && v[CHAT_FUNCTION].p[0] == '{') {
		p = llm_add_part(m, mem, LLM_PART_TOOL_CALL);
		if (p)
			set_function(p, v[CHAT_FUNCTION], mem);
	}
	if (json_array(v[CHAT_CALLS], &it))
		while (json_next(&it, &call))
			add_call(call, mem, m);
}

static enum llm_role role_of(struct slice value)
{
	if (json_is(value, "system") || json_is(value, "developer"))
		return LLM_ROLE_SYSTEM;
	if (json_is(value, "assistant"))
		return LLM_ROLE_ASSISTANT;
	if (json_is(value, "tool") || json_is(value, "function"))
		return LLM_ROLE_TOOL;
	return LLM_ROLE_USER;
}

void llm_read_chat_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	struct slice v[CHAT_MEMBERS];
	struct llm_part *p;

	json_members(value, llm_chat_members, v, CHAT_MEMBERS);
	m->role = role_of(v[CHAT_ROLE]);
	if (m->role != LLM_ROLE_TOOL) {
		read_message(v, mem, m);
		return;
	}
	p = llm_add_result(m, mem, json_text(v[CHAT_CALL_ID], mem), v[CHAT_CONTENT], read_block);
	if (p)
		p->name = json_text(v[CHAT_NAME], mem);
}

void llm_read_chat_answer(struct slice message, struct arena *mem, struct llm_message *m)
{
	struct slice v[CHAT_MEMBERS];

	json_members(message, llm_chat_members, v, CHAT_MEMBERS);
	read_message(v, mem, m);
}
