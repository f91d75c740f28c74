/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contents of Gemini: {"role":"user|model|function","parts":[...]}, spelled in camelCase or with
 * underscores.
 *
 * Texts that follow each other in an answer are one text: how a stream was cut into parts is not
 * what was said, and some clients keep the pieces in their history while others join them. The same
 * holds for thoughts.
 */
#include "llm/gemini.h"

struct slice llm_either(struct slice object, const char *camel, const char *snake)
{
	const char *const names[] = { camel, snake };
	struct slice v[2];

	json_members(object, names, v, 2);
	return v[0].n ? v[0] : v[1];
}

/* --- kinds of parts --- */

typedef void (*read_fn)(struct slice value, struct arena *mem, struct llm_message *m);

static void name_part(struct llm_part *p, struct slice id, struct slice name, struct arena *mem)
{
	if (!p)
		return;
	p->id = json_text(id, mem);
	p->name = json_text(name, mem);
}

static void read_call(struct slice value, struct arena *mem, struct llm_message *m)
{
	enum { ID, NAME, ARGS, N };
	static const char *const names[N] = { "id", "name", "args" };
	struct slice v[N];

	json_members(value, names, v, N);
	if (slice_eq(v[ARGS], SLICE("null")))
		v[ARGS].n = 0;
	name_part(llm_add_json_part(m, mem, LLM_PART_TOOL_CALL, v[ARGS]), v[ID], v[NAME], mem);
}

/* The documented form is {"output": ...} or {"error": ...}; clients put other members as well. */
static struct slice only_output(struct slice response)
{
	struct slice key, value, output = { 0 };
	struct json_iter it;

	if (!json_object(response, &it))
		return output;
	while (json_next_member(&it, &key, &value)) {
		if (!slice_eq(key, SLICE("output")))
			return (struct slice){ 0 };
		output = value;
	}
	return output.n && output.p[0] == '"' ? output : (struct slice){ 0 };
}

static void read_part(struct slice part, struct arena *mem, struct llm_message *m);

static void read_result(struct slice value, struct arena *mem, struct llm_message *m)
{
	enum { ID, NAME, RESPONSE, PARTS, N };
	static const char *const names[N] = { "id", "name", "response", "parts" };
	struct slice v[N], output;
	struct llm_part *p;

	json_members(value, names, v, N);
	output = only_output(v[RESPONSE]);
	if (output.n)
		p = llm_add_text_part(m, mem, LLM_PART_TOOL_RESULT, json_text(output, mem));
	else
		p = llm_add_json_part(m, mem, LLM_PART_TOOL_RESULT, v[RESPONSE]);
	name_part(p, v[ID], v[NAME], mem);
	if (p)
		p->is_error = json_member(v[RESPONSE], SLICE("error")).n > 0;
	/* Pictures that belong to it. */
	llm_read_content(v[PARTS], mem, m, read_part);
}

static void read_inline(struct slice value, struct arena *mem, struct llm_message *m)
{
	const struct slice type = json_text(llm_either(value, "mimeType", "mime_type"), mem);
	const struct slice data = json_member(value, SLICE("data"));
	struct llm_part *p;

	if (data.n) {
		llm_add_inline_media(m, mem, type, json_text(data, mem));
		return;
	}
	/* Live: it was streamed. */
	p = llm_add_part(m, mem, LLM_PART_MEDIA);
	if (p)
		p->name = type;
}

static void read_file(struct slice value, struct arena *mem, struct llm_message *m)
{
	llm_add_media_url(m, mem, json_text(llm_either(value, "mimeType", "mime_type"), mem),
			  json_text(llm_either(value, "fileUri", "file_uri"), mem));
}

static void read_code(struct slice value, struct arena *mem, struct llm_message *m)
{
	struct llm_part *p = llm_add_json_part(m, mem, LLM_PART_SERVER_TOOL_CALL, value);

	name_part(p, json_member(value, SLICE("id")), SLICE("\"code_execution\""), mem);
}

static void read_code_result(struct slice value, struct arena *mem, struct llm_message *m)
{
	const struct slice outcome = json_member(value, SLICE("outcome"));
	struct llm_part *p = llm_add_json_part(m, mem, LLM_PART_SERVER_TOOL_RESULT, value);

	name_part(p, json_member(value, SLICE("id")), SLICE("\"code_execution\""), mem);
	/* As a number, 1 is OK. */
	if (p)
		p->is_error = outcome.n && !json_is(outcome, "OUTCOME_OK") &&
			      !slice_eq(outcome, SLICE("1"));
}

/* What Google's own tools were asked and said: toolCall{id, toolType, args}, toolResponse. */
static void read_server_part(struct slice value, struct arena *mem, struct llm_message *m,
			     enum llm_part_type type, const char *content)
{
	struct llm_part *p = llm_add_json_part(m, mem, type, json_member(value, slice_of(content)));

	name_part(p, json_member(value, SLICE("id")), llm_either(value, "toolType", "tool_type"),
		  mem);
}

static void read_server_call(struct slice value, struct arena *mem, struct llm_message *m)
{
	read_server_part(value, mem, m, LLM_PART_SERVER_TOOL_CALL, "args");
}

static void read_server_result(struct slice value, struct arena *mem, struct llm_message *m)
{
	read_server_part(value, mem, m, LLM_PART_SERVER_TOOL_RESULT, "response");
}

static const struct {
	const char *names[2];
	read_fn read;
} kinds[] = {
	{ { "functionCall", "function_call" }, read_call },
	{ { "functionResponse", "function_response" }, read_result },
	{ { "inlineData", "inline_data" }, read_inline },
	{ { "fileData", "file_data" }, read_file },
	{ { "executableCode", "executable_code" }, read_code },
	{ { "codeExecutionResult", "code_execution_result" }, read_code_result },
	{ { "toolCall", "tool_call" }, read_server_call },
	{ { "toolResponse", "tool_response" }, read_server_result },
};

/* Members that say something about a part and are none. */
static bool beside(struct slice key)
{
	static const char *const names[] = {
		"thought",	 "thoughtSignature", "thought_signature",
		"videoMetadata", "video_metadata",   "partMetadata",
		"part_metadata", "mediaResolution",  "media_resolution",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (slice_eq(key, slice_of(names[i])))
			return true;
	return false;
}

static bool read_known(struct slice key, struct slice value, struct arena *mem,
		       struct llm_message *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (size_t k = 0; k < ARRAY_SIZE(kinds[i].names); k++)
			if (slice_eq(key, slice_of(kinds[i].names[k]))) {
				kinds[i].read(value, mem, m);
				return true;
			}
	return false;
}

/* Exactly one member says what a part is; the first that is not null does. */
static void read_part(struct slice part, struct arena *mem, struct llm_message *m)
{
	const struct slice thought = json_member(part, SLICE("thought"));
	struct slice key, value;
	struct json_iter it;
	struct llm_part *p;

	if (part.n && part.p[0] == '"') {
		llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(part, mem));
		return;
	}
	if (!json_object(part, &it))
		return;
	while (json_next_member(&it, &key, &value)) {
		if (slice_eq(value, SLICE("null")) || beside(key))
			continue;
		if (slice_eq(key, SLICE("text"))) {
			llm_add_text_part(m, mem,
					  slice_eq(thought, SLICE("true")) ? LLM_PART_REASONING
									   : LLM_PART_TEXT,
					  json_text(value, mem));
		} else if (!read_known(key, value, mem, m)) {
			p = llm_add_json_part(m, mem, LLM_PART_OTHER, value);
			if (p)
				p->name = key;
		}
		return;
	}
}

/* --- contents --- */

static bool is_text(const struct llm_part *p)
{
	return p->type == LLM_PART_TEXT || p->type == LLM_PART_REASONING;
}

void llm_join_said(struct llm_message *m, struct llm_message *from, struct arena *mem)
{
	struct llm_part *next;

	for (struct llm_part *p = from->parts; p; p = next) {
		struct llm_message one = { .parts = p, .last_part = p, .n_parts = 1 };
		struct llm_part *last = m->last_part;

		next = p->next;
		p->next = NULL;
		if (is_text(p) && !p->text.n)
			continue;
		if (is_text(p) && last && last->type == p->type)
			arena_add(mem, &last->text, buf_slice(&p->text));
		else
			llm_move_parts(m, &one);
	}
}

/* Results, and what belongs to them. */
static bool only_results(const struct llm_message *m)
{
	const struct llm_part *p = m->parts;

	if (!p || p->type != LLM_PART_TOOL_RESULT)
		return false;
	while (p && (p->type == LLM_PART_TOOL_RESULT || p->type == LLM_PART_MEDIA))
		p = p->next;
	return !p;
}

void llm_read_gemini_content(struct slice content, struct arena *mem, struct llm_message *m)
{
	const struct slice role = json_member(content, SLICE("role"));
	struct slice parts = json_member(content, SLICE("parts"));
	struct llm_message one = { 0 };

	if (content.n && content.p[0] == '"')
		parts = content;
	llm_read_content(parts, mem, &one, read_part);
	if (json_is(role, "model")) {
		m->role = LLM_ROLE_ASSISTANT;
		llm_join_said(m, &one, mem);
		return;
	}
	if (m->role == LLM_ROLE_USER && (json_is(role, "function") || only_results(&one)))
		m->role = LLM_ROLE_TOOL;
	llm_move_parts(m, &one);
}

/* --- answers --- */

/* What an event says is gone after it. */
static void take(struct llm_work *w, struct llm_message *m, const struct llm_part *from)
{
	struct arena *mem = w->call.mem;
	struct llm_part *p = m->last_part;

	if (is_text(from) && !from->text.n)
		return;
	if (!is_text(from) || !p || p->type != from->type) {
		p = llm_new_part_at(w, m, from->type, (int)m->n_parts);
		if (!p)
			return;
		p->id = arena_copy(mem, from->id);
		p->name = arena_copy(mem, from->name);
		p->is_json = from->is_json;
		p->is_error = from->is_error;
		p->size = from->size;
		llm_keep_data(mem, p, from->data);
		p->whole = !is_text(from);
	}
	arena_add(mem, &p->text, buf_slice(&from->text));
	llm_touch(w, p);
}

/* A call whose arguments come piece by piece; its pieces after the first have no name. */
static void take_piece(struct llm_work *w, struct llm_message *m, struct slice call, bool goes_on)
{
	struct slice partial = slice_trim(llm_either(call, "partialArgs", "partial_args"));
	struct llm_part *p = m->last_part;

	if (!p || p->type != LLM_PART_TOOL_CALL || !p->joined) {
		p = llm_new_part_at(w, m, LLM_PART_TOOL_CALL, (int)m->n_parts);
		if (!p)
			return;
		p->is_json = p->joined = true;
	}
	llm_keep_into(w, &p->id, json_member(call, SLICE("id")));
	llm_keep_into(w, &p->name, json_member(call, SLICE("name")));
	llm_touch(w, p);
	if (partial.n > 2 && partial.p[0] == '[') {
		if (p->text.n)
			arena_add(w->call.mem, &p->text, SLICE(","));
		arena_add(w->call.mem, &p->text, (struct slice){ partial.p + 1, partial.n - 2 });
	}
	if (goes_on)
		return;
	p->joined = false;
	p->whole = true;
	p->text = llm_lend(llm_gemini_arguments(buf_slice(&p->text), w->call.mem));
}

static bool take_streamed_call(struct llm_work *w, struct llm_message *m, struct slice part)
{
	const struct slice call = llm_either(part, "functionCall", "function_call");
	const bool goes_on =
		slice_eq(llm_either(call, "willContinue", "will_continue"), SLICE("true"));
	const bool open =
		m->last_part && m->last_part->type == LLM_PART_TOOL_CALL && m->last_part->joined;

	if (!call.n || (!goes_on && !open && !llm_either(call, "partialArgs", "partial_args").n))
		return false;
	take_piece(w, m, call, goes_on);
	return true;
}

void llm_read_gemini_answer(struct llm_work *w, struct llm_message *m, struct slice parts)
{
	struct llm_message one = { 0 };
	struct json_iter it;
	struct slice part;

	if (!w->call.streamed) {
		llm_read_content(parts, w->call.mem, &one, read_part);
		llm_join_said(m, &one, w->call.mem);
		return;
	}
	if (!json_array(parts, &it))
		return;
	while (json_next(&it, &part)) {
		if (take_streamed_call(w, m, part))
			continue;
		one = (struct llm_message){ 0 };
		read_part(part, w->call.mem, &one);
		for (const struct llm_part *p = one.parts; p; p = p->next)
			take(w, m, p);
	}
}
