/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose doing is it? The tool call's that the process carries out, else the process' own, else the
 * agent's. */
#pragma once

#include "trace/state.h"

struct owner {
	struct id64 id; /* a span that has been told */
	struct run_state *run;
	struct agent_span *agent;
	const char *evidence;
	bool tool;			  /* it is a tool call */
	const struct proc_state *program; /* while the event is looked at: it is that program;
					     neither: it is the agent */
};

struct owner owner_of_process(struct tree_state *tree, struct process_key key);
/* Of what a call in @key's process does that names it. */
struct owner owner_of_tool(const struct tool_state *tool);

/* What was lost may be what asked: then nothing is held against anybody. */
bool asking_may_be_lost(const struct tree_state *tree);
/* Whether its span has been told; @key: whose doing it was. */
bool owner_is_shown(struct tree_state *tree, const struct owner *o, struct process_key key);
/* Nothing more comes of it. */
bool owner_is_over(const struct owner *o);
/* Why nobody asked for what that agent did at @ts_ns by itself, or NULL: somebody may have, or
 * nobody can tell. */
const char *unasked(const struct tree_state *tree, const struct agent_span *a, uint64_t ts_ns);
