/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client makes of the name of a server's tool before it tells its model. */
#include "base/util.h"
#include "trace/mcp.h"

#define CLIPPED_NAME 60 /* of a decorated name that a client has cut in the middle, or more */
#define CLIPPED_TAIL 32 /* what it has left of the end */

/* What stands before the server, and between it and the tool. */
static const struct decoration {
	struct slice before, between;
} decorations[] = {
	{ { "mcp__", 5 }, { "__", 2 } }, /* Claude Code; Codex: its namespace and the name */
	{ { "mcp_", 4 }, { "_", 1 } },	 /* Gemini CLI, Qwen Code */
	{ { "", 0 }, { "_", 1 } },	 /* opencode, kilo, Goose: "__" */
	{ { "", 0 }, { "__", 2 } },	 { { "", 0 }, { "-", 1 } }, /* Copilot */
	{ { "", 0 }, { ".", 1 } },	 { { "", 0 }, { "/", 1 } },
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Clients write what an API's names may not hold as '_'. */
static bool same_char(char a, char b)
{
	return a == b || (!is_word(a) && !is_word(b));
}

static bool same(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (!same_char(a.p[i], b.p[i]))
			return false;
	return true;
}

/* mcp__server__tool, mcp_server_tool, server_tool, server-tool, tool; or the tail of it. */
static bool fits(struct slice decorated, struct slice tool)
{
	if (decorated.n >= CLIPPED_NAME && tool.n > CLIPPED_TAIL)
		tool = slice_from(tool, tool.n - CLIPPED_TAIL);
	else if (decorated.n > tool.n && tool.n && is_word(decorated.p[decorated.n - tool.n - 1]))
		return false;
	return tool.n && decorated.n >= tool.n &&
	       same(slice_from(decorated, decorated.n - tool.n), tool);
}

/* Whether @decorated is @tool of @server, by one of the ways that are known. */
static bool names_server(struct slice decorated, struct slice server, struct slice tool)
{
	for (size_t i = 0; i < ARRAY_SIZE(decorations); i++) {
		const struct decoration *d = &decorations[i];
		const size_t n = d->before.n + server.n + d->between.n;
		struct slice rest;

		if (decorated.n != n + tool.n || !slice_starts(decorated, d->before))
			continue;
		rest = slice_from(decorated, d->before.n);
		if (same((struct slice){ rest.p, server.n }, server) &&
		    slice_starts(slice_from(rest, server.n), d->between) &&
		    same(slice_from(decorated, n), tool))
			return true;
	}
	return false;
}

enum mcp_name_fit mcp_name_fits(struct slice decorated, struct slice server, struct slice tool)
{
	if (tool.n == 0 || !fits(decorated, tool))
		return MCP_NAME_NO;
	/* "example-servers/everything" is configured as "everything". */
	if (server.n && (names_server(decorated, server, tool) ||
			 names_server(decorated, slice_base(server), tool)))
		return MCP_NAME_OF_SERVER;
	return MCP_NAME_TAIL;
}
