/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of files: one STEP_FILE span for each owner (a tool call, a program, the agent) and
 * path. A file that is written under another name and then renamed is one step, under its last
 * name.
 */
#pragma once

#include "trace/state.h"

#define RUN_FILES_MAX 2048 /* steps of one run; what comes after them is only counted */

struct file_counts {
	int64_t written, removed;
};

void file_event(struct tree_state *tree, const struct sonde_file_event *e);
void file_artifact(struct tree_state *tree, const struct sonde_artifact_event *a);
/* Tells what has changed since it was told. */
void file_tick(struct run_state *r);
/* @owner is over: what belongs to it is final. */
void file_owner_ended(struct run_state *r, const struct id64 *owner);
/* What the agent did since then, and the call names, is its work. */
void file_tool_opened(struct tool_state *tool);
/* Another place was found for a program of that age, and for what it started. */
void file_program_moved(const struct proc_state *ps);
/* Of an owner, without what the agent keeps for itself. */
struct file_counts file_count(const struct run_state *r, const struct id64 *owner);
void file_finish_all(struct run_state *r);
void file_free_all(struct run_state *r);
