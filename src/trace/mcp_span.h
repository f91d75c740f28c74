/* SPDX-License-Identifier: BSD-2-Clause */
/* Between mcp.c, which knows what a request belongs to, and mcp_span.c, which shows it. */
#pragma once

#include "trace/mcp.h"

/* A request that waits for its answer. */
struct mcp_state {
	struct mcp_state *prev, *next;
	struct id64 id, parent;
	struct id64 tool; /* that it carries out; zero: none is known */
	struct id128 args_hash, args_blob, result_blob;
	const struct agent_span *agent;
	const char *evidence;
	struct run_state *run;
	struct tool_call *call; /* lent until TOOL_END; its user is this */
	struct tool_call
		*twin; /* the same one as the other end sees it, while that lasts; or NULL */
	struct process_key server; /* that the other end told; zero: it did not */
	bool shown;		   /* its span was given */
	bool corrects;		   /* the other end's view of it was told as final */
};

/* @end_ns: boot time, 0 while it lasts. */
void mcp_emit(const struct mcp_state *m, uint64_t end_ns);
