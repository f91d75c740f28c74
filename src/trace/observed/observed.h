/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run did to the world, beside what it said: programs, files, connections. file.h and
 * network.h take events in; this is what the rest of trace/ tells them.
 */
#pragma once

#include "trace/state.h"

void observed_tick(struct run_state *r);
/* A tool call, a program or an agent is over: what it did is final. */
void observed_owner_ended(struct run_state *r, const struct id64 *owner);
/* A tool call has become known: what was done since it was asked for may be its work. */
void observed_tool_opened(struct tool_state *tool);
/* Another place was found for a program: what it did goes along. */
void observed_program_moved(const struct proc_state *ps);
void observed_finish_all(struct run_state *r);
void observed_free_all(struct run_state *r);

/* --- program.c: who has asked for a program --- */

/* Decides ps->housekeeping and ps->unasked; @p: what it runs now. */
void program_judge(struct proc_state *ps, const struct process *p);
/* A call is over that nobody is known to have carried out: any program since may have. */
void program_excuse(const struct tool_state *tool);
/* It makes a model call: it is an agent, or an agent's hand. */
void program_asks(struct tree_state *tree, struct agent_span *a, struct process_key key);
/* More is known of what was asked for: what has begun since then may not have been. */
void program_judge_again(struct tree_state *tree, uint64_t since_ns);
/* It and what started it are there to serve tools: nobody need ask for it. */
void program_serves(struct tree_state *tree, struct process_key key);
/* Whether its span says that no tool call explains it. */
bool program_is_flagged(const struct proc_state *ps);
