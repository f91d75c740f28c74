/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Items of the OpenAI Responses API: one kind of thing in the input and in the output.
 *
 * What one answer put out (reasoning, calls, messages) comes back as items that follow each other;
 * llm_read_items() makes one of them again. Items that the server carries out itself hold call and
 * result at once.
 */
#include "llm/openai_items.h"

enum {
	TYPE,
	ROLE,
	CONTENT,
	ID,
	CALL_ID,
	NAME,
	NAMESPACE,
	ARGUMENTS,
	INPUT,
	OUTPUT,
	ACTION,
	OPERATION,
	SUMMARY,
	STATUS,
	ERROR,
	RESULT,
	QUERIES,
	CODE,
	N_MEMBERS
};
static const char *const members[N_MEMBERS] = {
	"type",	     "role",	  "content", "id",     "call_id", "name",
	"namespace", "arguments", "input",   "output", "action",  "operation",
	"summary",   "status",	  "error",   "result", "queries", "code",
};

struct item {
	struct slice raw, v[N_MEMBERS];
	struct arena *mem;
	struct llm_message *m;
};

static struct slice text_of(const struct item *it, int member)
{
	return json_text(it->v[member], it->mem);
}

/* --- content --- */

static void add_file(struct slice block, struct slice url, struct arena *mem, struct llm_message *m,
		     struct slice kind)
{
	const struct slice id = json_text(json_member(block, SLICE("file_id")), mem);

	if (id.n)
		llm_add_media_file(m, mem, kind, id);
	else
		llm_add_media_url(m, mem, kind, json_text(url, mem));
}

/* Exactly one part, so that a part's place is its content_index. */
static void read_block(struct slice block, struct arena *mem, struct llm_message *m)
{
	enum { B_TYPE, B_TEXT, B_REFUSAL, B_IMAGE, B_AUDIO, B_DATA, B_URL, B_SPOKEN, B_SOUND, N };
	static const char *const names[N] = { "type",	   "text",	  "refusal",
					      "image_url", "input_audio", "file_data",
					      "file_url",  "transcript",  "audio" };
	struct llm_part *p;
	struct slice v[N];

	json_members(block, names, v, N);
	if (v[B_TEXT].n)
		llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(v[B_TEXT], mem));
	else if (v[B_REFUSAL].n)
		llm_add_text_part(m, mem, LLM_PART_REFUSAL, json_text(v[B_REFUSAL], mem));
	else if (v[B_AUDIO].n)
		llm_add_inline_media(m, mem, SLICE("audio"),
				     json_text(json_member(v[B_AUDIO], SLICE("data")), mem));
	else if (v[B_SPOKEN].n > 2 && v[B_SPOKEN].p[0] == '"') /* Realtime: what was said */
		llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(v[B_SPOKEN], mem));
	else if (v[B_SOUND].n > 2 && v[B_SOUND].p[0] == '"')
		llm_add_inline_media(m, mem, SLICE("audio"), json_text(v[B_SOUND], mem));
	else if (slice_ends(v[B_TYPE], SLICE("audio\""))) /* that the server heard */
		llm_add_media_file(m, mem, SLICE("audio"), (struct slice){ 0 });
	else if (json_is(v[B_TYPE], "input_image") || json_is(v[B_TYPE], "computer_screenshot"))
		add_file(block, v[B_IMAGE], mem, m, SLICE("image"));
	else if (json_is(v[B_TYPE], "input_file"))
		add_file(block, v[B_DATA].n ? v[B_DATA] : v[B_URL], mem, m, (struct slice){ 0 });
	else if ((p = llm_add_json_part(m, mem, LLM_PART_OTHER, block)))
		p->name = json_text(v[B_TYPE], mem);
}

void llm_read_openai_content(struct slice content, struct arena *mem, struct llm_message *m)
{
	llm_read_content(content, mem, m, read_block);
}

/* --- kinds of items --- */

static void number_parts(struct llm_part *p, int from)
{
	for (; p; p = p->next)
		p->index = from++;
}

static void read_message(struct item *it)
{
	struct llm_message inner = { 0 };

	if (json_is(it->v[ROLE], "assistant"))
		it->m->role = LLM_ROLE_ASSISTANT;
	else if (json_is(it->v[ROLE], "system") || json_is(it->v[ROLE], "developer"))
		it->m->role = LLM_ROLE_SYSTEM;
	llm_read_content(it->v[CONTENT], it->mem, &inner, read_block);
	number_parts(inner.parts, 0);
	llm_move_parts(it->m, &inner);
}

/* Summaries are what people may see; the thoughts themselves only come from open models. */
static void read_reasoning(struct item *it)
{
	const int lists[] = { SUMMARY, CONTENT };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct llm_message inner = { 0 };

		llm_read_content(it->v[lists[i]], it->mem, &inner, read_block);
		for (struct llm_part *p = inner.parts; p; p = p->next)
			p->type = LLM_PART_REASONING;
		number_parts(inner.parts, i ? OPENAI_THOUGHTS : 0);
		llm_move_parts(it->m, &inner);
	}
}

static struct slice call_name(const struct item *it)
{
	const struct slice space = text_of(it, NAMESPACE), name = text_of(it, NAME);
	struct buf joined = { 0 };

	if (!space.n)
		return name;
	arena_add(it->mem, &joined, space);
	if (!slice_ends(space, SLICE("__")))
		arena_add(it->mem, &joined, SLICE("__"));
	arena_add(it->mem, &joined, name);
	return buf_slice(&joined);
}

static void read_function_call(struct item *it)
{
	struct llm_part *p = llm_add_part(it->m, it->mem, LLM_PART_TOOL_CALL);

	if (!p)
		return;
	p->id = text_of(it, CALL_ID);
	p->name = call_name(it);
	p->text = llm_lend(text_of(it, ARGUMENTS));
	p->is_json = true;
}

static void read_custom_call(struct item *it)
{
	struct llm_part *p = llm_add_part(it->m, it->mem, LLM_PART_TOOL_CALL);

	if (!p)
		return;
	p->id = text_of(it, CALL_ID);
	p->name = call_name(it);
	p->text = llm_lend(text_of(it, INPUT));
}

/* "local_shell_call" is a call of "local_shell". */
static struct slice tool_of_type(const struct item *it)
{
	struct slice type = text_of(it, TYPE);

	if (slice_ends(type, SLICE("_call")))
		type.n -= sizeof("_call") - 1;
	return type;
}

/* The first of some members that says what is to be done. */
static struct slice what_to_do(const struct item *it)
{
	static const int candidates[] = { ACTION, OPERATION, ARGUMENTS, QUERIES, CODE, INPUT };

	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++)
		if (it->v[candidates[i]].n && it->v[candidates[i]].p[0] != 'n')
			return it->v[candidates[i]];
	return (struct slice){ 0 };
}

/* A tool that the API knows by type: its arguments are an object of the item. */
static struct llm_part *read_typed_call(struct item *it, enum llm_part_type type)
{
	const struct slice what = what_to_do(it);
	struct llm_part *p = llm_add_part(it->m, it->mem, type);

	if (!p)
		return NULL;
	p->id = text_of(it, it->v[CALL_ID].n ? CALL_ID : ID);
	p->name = it->v[NAME].n ? text_of(it, NAME) : tool_of_type(it);
	p->is_json = true;
	if (what.n && what.p[0] == '"') { /* code is text, mcp arguments are JSON in a string */
		p->text = llm_lend(json_text(what, it->mem));
		p->is_json = it->v[ARGUMENTS].n > 0;
	} else {
		p->text = llm_lend(what);
	}
	return p;
}

static void read_client_call(struct item *it)
{
	read_typed_call(it, LLM_PART_TOOL_CALL);
}

static void read_server_call(struct item *it)
{
	struct llm_part *call = read_typed_call(it, LLM_PART_SERVER_TOOL_CALL), *p;
	struct slice result = it->v[OUTPUT].n ? it->v[OUTPUT] : it->v[RESULT];
	const bool failed = it->v[ERROR].n && it->v[ERROR].p[0] != 'n';

	if (failed)
		result = it->v[ERROR];
	if (!call || !result.n || result.p[0] == 'n')
		return;
	if (json_is(it->v[TYPE], "image_generation_call")) {
		llm_add_inline_media(it->m, it->mem, SLICE("image"), json_text(result, it->mem));
		it->m->last_part->index = 1;
		return;
	}
	p = llm_add_part(it->m, it->mem, LLM_PART_SERVER_TOOL_RESULT);
	if (!p)
		return;
	p->id = call->id;
	p->name = call->name;
	p->index = 1;
	p->is_error = failed;
	p->is_json = result.p[0] != '"';
	p->text = llm_lend(p->is_json ? result : json_text(result, it->mem));
}

static void read_output(struct item *it)
{
	struct llm_part *p =
		llm_add_result(it->m, it->mem, text_of(it, CALL_ID), it->v[OUTPUT], read_block);

	it->m->role = LLM_ROLE_TOOL;
	if (p)
		p->is_error = json_is(it->v[STATUS], "failed");
}

static void read_other(struct item *it)
{
	struct llm_part *p = llm_add_json_part(it->m, it->mem, LLM_PART_OTHER, it->raw);

	if (p)
		p->name = text_of(it, TYPE);
}

static const struct {
	const char *type;
	void (*read)(struct item *it);
	bool said; /* by the model */
} kinds[] = {
	{ "message", read_message, false },
	{ "reasoning", read_reasoning, true },
	{ "function_call", read_function_call, true },
	{ "custom_tool_call", read_custom_call, true },
	{ "local_shell_call", read_client_call, true },
	{ "shell_call", read_client_call, true },
	{ "apply_patch_call", read_client_call, true },
	{ "computer_call", read_client_call, true },
	{ "tool_search_call", read_client_call, true },
	{ "web_search_call", read_server_call, true },
	{ "file_search_call", read_server_call, true },
	{ "code_interpreter_call", read_server_call, true },
	{ "image_generation_call", read_server_call, true },
	{ "mcp_call", read_server_call, true },
	{ "mcp_list_tools", read_other, true },
	{ "mcp_approval_request", read_other, true },
	{ "compaction", read_other, true },
	{ "program", read_other, true },
};

static int kind_of(struct slice type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (json_is(type, kinds[i].type))
			return (int)i;
	return -1;
}

bool llm_openai_item_said(struct slice item)
{
	const int kind = kind_of(json_member(item, SLICE("type")));

	if (kind >= 0 && kinds[kind].said)
		return true;
	return json_is(json_member(item, SLICE("role")), "assistant");
}

void llm_read_openai_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	struct item it = { .raw = value, .mem = mem, .m = m };
	int kind;

	if (!json_members(value, members, it.v, N_MEMBERS)) {
		llm_read_content(value, mem, m, read_block); /* the input is a mere string */
		return;
	}
	kind = kind_of(it.v[TYPE]);
	if (kind >= 0) {
		if (kinds[kind].said)
			m->role = LLM_ROLE_ASSISTANT;
		kinds[kind].read(&it);
	} else if (slice_ends(it.v[TYPE], SLICE("_output\""))) {
		read_output(&it);
	} else if (it.v[ROLE].n) {
		read_message(&it);
	} else {
		read_other(&it);
	}
}
