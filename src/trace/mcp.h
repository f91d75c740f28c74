/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "trace/state.h"

void mcp_init(struct tree_state *tree);
/* Uses c->user for itself until mcp_end(). */
void mcp_begin(struct tree_state *tree, struct tool_call *c);
void mcp_end(struct tool_call *c);
/* A tool call of the model has begun: it may be what a call under way carries out. */
void mcp_adopt(const struct tool_state *tool);
/* The run has ended: what waits is told as it is. */
void mcp_finish_all(struct tree_state *tree, uint64_t ts_ns);
/* A run is let go: what waits in it is told as it is. */
void mcp_let_go(const struct run_state *r);
void mcp_free_all(struct tree_state *tree);

/*
 * @result as it is kept, in @mem: size and digest stand for the bytes of pictures, sound and files,
 * which are parts of @ret_media. @result itself where it has none.
 */
struct slice mcp_without_bytes(struct slice result, struct arena *mem,
			       struct llm_message *ret_media);

/* Equal for JSON that means the same; an empty text is an empty object. Zero where it is no JSON.
 */
struct id128 mcp_args_hash(struct slice json);
enum mcp_name_fit {
	MCP_NAME_NO = 0,
	MCP_NAME_TAIL,	    /* it ends with the tool's name */
	MCP_NAME_OF_SERVER, /* and begins with the server's */
};

/* Whether a client may call @tool of @server (empty: not known) by that name. */
enum mcp_name_fit mcp_name_fits(struct slice decorated, struct slice server, struct slice tool);
