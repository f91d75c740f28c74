/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Revisions up to 2025-11-25 begin with `initialize`; from 2026-07-28 on each request says in its
 * `_meta` who asks, and each result who answers.
 */
#include "mcp/session.h"

#include <stdlib.h>

#include "base/json.h"

#define NAME_MAX_BYTES	   256
#define TOOLS_MEM_MAX	   (512u << 10) /* of one server's tools */
#define DESCRIPTION_MAX	   512
#define DESCRIPTION_WINDOW ((size_t)64 << 10) /* of a description that is looked at */

struct offered {
	struct offered *next;
	struct slice name, description;
};

void session_init(struct session *s, struct mcp *m)
{
	*s = (struct session){ .mcp = m, .n_tools = TOOL_UNKNOWN };
}

void session_done(struct session *s)
{
	char *const texts[] = {
		s->id,		s->host,	   s->client_name,     s->client_version,
		s->server_name, s->server_version, s->protocol_version
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	arena_free(s->tools_mem);
	*s = (struct session){ .mcp = s->mcp, .n_tools = TOOL_UNKNOWN };
}

void session_keep(char **dst, struct slice text)
{
	if (!text.n || text.n > NAME_MAX_BYTES || memchr(text.p, '\0', text.n) ||
	    slice_eq(slice_of(*dst), text))
		return;
	free(*dst);
	*dst = slice_dup(text);
}

/* Keeps a string member; what is not told stays as it was. */
static void take_name(char **dst, struct slice object, const char *key)
{
	struct slice value = json_member(object, slice_of(key));
	struct arena *mem;

	if (!value.n || value.n > NAME_MAX_BYTES)
		return;
	mem = arena_new(4 * NAME_MAX_BYTES + (1 << 16));
	if (mem)
		session_keep(dst, json_text(value, mem));
	arena_free(mem);
}

/* --- who they are --- */

void session_take_client(struct session *s, struct slice params)
{
	const struct slice info = json_member(params, SLICE("clientInfo"));

	take_name(&s->client_name, info, "name");
	take_name(&s->client_version, info, "version");
	take_name(&s->protocol_version, params, "protocolVersion");
}

void session_take_server(struct session *s, struct slice params, struct slice result)
{
	const struct slice info = json_member(result, SLICE("serverInfo"));

	(void)params;
	take_name(&s->server_name, info, "name");
	take_name(&s->server_version, info, "version");
	/* What it answers is what both speak. */
	take_name(&s->protocol_version, result, "protocolVersion");
}

void session_take_meta(struct session *s, struct slice object)
{
	static const char *const names[] = {
		"io.modelcontextprotocol/clientInfo",
		"io.modelcontextprotocol/serverInfo",
		"io.modelcontextprotocol/protocolVersion",
	};
	const struct slice meta = json_member(object, SLICE("_meta"));
	struct slice v[3];

	if (!meta.n || !json_members(meta, names, v, 3))
		return;
	take_name(&s->client_name, v[0], "name");
	take_name(&s->client_version, v[0], "version");
	take_name(&s->server_name, v[1], "name");
	take_name(&s->server_version, v[1], "version");
	take_name(&s->protocol_version, meta, names[2]);
}

void session_take_card(struct session *s, struct slice params, struct slice result)
{
	(void)params;
	card_take(s->mcp, slice_of(s->host), result);
}

/* --- tools --- */

static void forget_tools(struct session *s)
{
	arena_free(s->tools_mem);
	s->tools_mem = NULL;
	s->tools = NULL;
	s->n_tools = 0;
}

/* The beginning of a text, without half a character. */
static struct slice head_of(struct slice text, size_t max)
{
	if (text.n <= max)
		return text;
	text.n = max;
	while (text.n && ((unsigned char)text.p[text.n] & 0xc0) == 0x80)
		text.n--;
	return text;
}

static void add_tool(struct session *s, struct slice tool, struct arena *scratch)
{
	const struct slice text = json_member(tool, SLICE("description"));
	const struct slice name = json_text(json_member(tool, SLICE("name")), scratch);
	struct offered *o;

	if (!name.n || name.n > NAME_MAX_BYTES)
		return;
	s->n_tools++;
	o = s->n_tools <= SESSION_TOOLS_MAX ? ARENA_NEW(s->tools_mem, struct offered) : NULL;
	if (!o) {
		stat_add(s->mcp->stats, STAT_MCP_OVER_LIMIT, 1);
		return;
	}
	o->name = arena_copy(s->tools_mem, name);
	if (text.n <= DESCRIPTION_WINDOW)
		o->description = arena_copy(s->tools_mem,
					    head_of(json_text(text, scratch), DESCRIPTION_MAX));
	o->next = s->tools;
	s->tools = o;
}

/* Lists come in pages: the first one has no cursor. */
void session_take_tools(struct session *s, struct slice params, struct slice result)
{
	struct arena_budget *budget = &s->mcp->budget;
	struct slice tool;
	struct json_iter it;

	if (!json_array(json_member(result, SLICE("tools")), &it))
		return;
	if (s->n_tools == TOOL_UNKNOWN || !json_member(params, SLICE("cursor")).n)
		forget_tools(s);
	/* Calls go first: what tools are for is worth less. */
	if (!s->tools_mem && budget->used < budget->max / 2)
		s->tools_mem = arena_new_within(TOOLS_MEM_MAX, budget);
	if (!s->tools_mem) {
		s->n_tools = TOOL_UNKNOWN;
		stat_add(s->mcp->stats, STAT_MCP_OVER_LIMIT, 1);
	}
	while (s->tools_mem && json_next(&it, &tool)) {
		struct arena *scratch = arena_new(4 * DESCRIPTION_WINDOW);

		if (scratch)
			add_tool(s, tool, scratch);
		arena_free(scratch);
	}
}

struct slice session_tool(const struct session *s, struct slice name)
{
	for (const struct offered *o = s->tools; o; o = o->next)
		if (slice_eq(o->name, name))
			return o->description;
	return (struct slice){ 0 };
}
