/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steps of Interactions: user_input, model_output and thought have contents; function_call and
 * function_result are the client's tools; every other ..._call and ..._result is of a tool that
 * Google runs. At first there were turns with a role, and contents alone.
 */
#include "llm/interactions.h"

const char *const llm_step_members[STEP_MEMBERS] = {
	"type",	    "text",    "id",	  "call_id", "name", "arguments", "result",
	"is_error", "content", "summary", "data",    "uri",  "mime_type", "role",
};

bool llm_is_step_call(struct slice type)
{
	return slice_ends(type, SLICE("_call\""));
}

bool llm_is_step_result(struct slice type)
{
	return slice_ends(type, SLICE("_result\""));
}

bool llm_step_said(struct slice step)
{
	enum { TYPE, ROLE, N };
	static const char *const names[N] = { "type", "role" };
	struct slice v[N];

	json_members(step, names, v, N);
	if (json_is(v[TYPE], "user_input") || json_is(v[TYPE], "function_result") ||
	    (v[ROLE].n && !json_is(v[ROLE], "model")))
		return false;
	return v[TYPE].n || v[ROLE].n;
}

static void read_media(const struct slice v[STEP_MEMBERS], struct arena *mem, struct llm_message *m)
{
	struct slice type = json_text(v[STEP_MIME_TYPE], mem);

	if (!type.n)
		type = json_text(v[STEP_TYPE], mem);
	if (v[STEP_URI].n)
		llm_add_media_url(m, mem, type, json_text(v[STEP_URI], mem));
	else
		llm_add_inline_media(m, mem, type, json_text(v[STEP_DATA], mem));
}

static void read_function_result(const struct slice v[STEP_MEMBERS], struct arena *mem,
				 struct llm_message *m)
{
	struct llm_part *p;

	if (v[STEP_RESULT].n && v[STEP_RESULT].p[0] == '{')
		p = llm_add_json_part(m, mem, LLM_PART_TOOL_RESULT, v[STEP_RESULT]);
	else
		p = llm_add_result(m, mem, (struct slice){ 0 }, v[STEP_RESULT],
				   llm_read_step_content);
	if (!p)
		return;
	p->id = json_text(v[STEP_CALL_ID], mem);
	p->name = json_text(v[STEP_NAME], mem);
	p->is_error = slice_eq(v[STEP_IS_ERROR], SLICE("true"));
}

/* Of a call its name; of a tool of Google's what kind it is, without the last word. */
static struct slice tool_name(const struct slice v[STEP_MEMBERS], struct arena *mem)
{
	struct slice type = json_text(v[STEP_TYPE], mem);

	if (v[STEP_NAME].n)
		return json_text(v[STEP_NAME], mem);
	while (type.n && type.p[type.n - 1] != '_')
		type.n--;
	return (struct slice){ type.p, type.n ? type.n - 1 : 0 };
}

static void read_call(const struct slice v[STEP_MEMBERS], struct arena *mem, struct llm_message *m)
{
	const bool ours = json_is(v[STEP_TYPE], "function_call");
	struct llm_part *p = llm_add_json_part(
		m, mem, ours ? LLM_PART_TOOL_CALL : LLM_PART_SERVER_TOOL_CALL, v[STEP_ARGUMENTS]);

	if (!p)
		return;
	p->id = json_text(v[STEP_ID], mem);
	p->name = tool_name(v, mem);
}

static void read_server_result(const struct slice v[STEP_MEMBERS], struct arena *mem,
			       struct llm_message *m)
{
	struct llm_part *p = llm_add_json_part(m, mem, LLM_PART_SERVER_TOOL_RESULT, v[STEP_RESULT]);

	if (!p)
		return;
	p->id = json_text(v[STEP_CALL_ID], mem);
	p->name = tool_name(v, mem);
	p->is_error = slice_eq(v[STEP_IS_ERROR], SLICE("true"));
}

static void read_thought(const struct slice v[STEP_MEMBERS], struct arena *mem,
			 struct llm_message *m)
{
	struct llm_message one = { 0 };

	llm_read_content(v[STEP_SUMMARY].n ? v[STEP_SUMMARY] : v[STEP_TEXT], mem, &one,
			 llm_read_step_content);
	for (struct llm_part *p = one.parts; p; p = p->next)
		if (p->type == LLM_PART_TEXT)
			p->type = LLM_PART_REASONING;
	llm_join_said(m, &one, mem);
}

bool llm_is_step_media(struct slice type)
{
	return json_is(type, "image") || json_is(type, "audio") || json_is(type, "video") ||
	       json_is(type, "document");
}

/* A step but for those of contents, or a content. */
static void read_value(const struct slice v[STEP_MEMBERS], struct slice value, struct arena *mem,
		       struct llm_message *m)
{
	struct llm_part *p;

	if (json_is(v[STEP_TYPE], "text"))
		llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(v[STEP_TEXT], mem));
	else if (llm_is_step_media(v[STEP_TYPE]))
		read_media(v, mem, m);
	else if (json_is(v[STEP_TYPE], "thought"))
		read_thought(v, mem, m);
	else if (json_is(v[STEP_TYPE], "function_result"))
		read_function_result(v, mem, m);
	else if (llm_is_step_call(v[STEP_TYPE]))
		read_call(v, mem, m);
	else if (llm_is_step_result(v[STEP_TYPE]))
		read_server_result(v, mem, m);
	else if ((p = llm_add_json_part(m, mem, LLM_PART_OTHER, value)))
		p->name = json_text(v[STEP_TYPE], mem);
}

void llm_read_step_content(struct slice content, struct arena *mem, struct llm_message *m)
{
	struct slice v[STEP_MEMBERS];

	if (json_members(content, llm_step_members, v, STEP_MEMBERS))
		read_value(v, content, mem, m);
	else if (content.n && content.p[0] == '"')
		llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(content, mem));
}

void llm_read_step(struct slice step, struct arena *mem, struct llm_message *m)
{
	struct llm_message one = { 0 }, joined = { 0 };
	struct slice v[STEP_MEMBERS];

	if (json_members(step, llm_step_members, v, STEP_MEMBERS) &&
	    (v[STEP_ROLE].n || json_is(v[STEP_TYPE], "model_output") ||
	     json_is(v[STEP_TYPE], "user_input")))
		llm_read_content(v[STEP_CONTENT], mem, &one, llm_read_step_content);
	else
		llm_read_step_content(step, mem, &one);
	llm_join_said(&joined, &one, mem);
	llm_move_parts(m, &joined);
}
