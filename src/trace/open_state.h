/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs that outlive the engine. A daemon's trees tell, beside what is stored of them, what is
 * needed to go on with them (SONDE_EV_STATE of event.h): the next engine is told that at its
 * beginning, and takes a tree up again when it hears of one of its processes.
 */
#pragma once

#include "trace/state.h"

#define OPEN_STATE_MAX (SONDE_EVENT_MAX - 4096) /* bytes */

/* Tells it, if it is a daemon's tree and something has changed. */
void open_state_tell(struct tree_state *tree);
/* The tree is over: there is nothing to go on with. */
void open_state_forget(struct tree_state *tree);

/* An EV_STATE. */
void resume_add(struct trace *t, const struct sonde_event *e);
/* Whether @key is a process of a tree that is to be taken up again: it is a run, then. */
bool resume_waits_for(struct trace *t, struct process_key key);
/* The same; @tree is that one from now on. */
bool resume_claim(struct tree_state *tree, struct process_key key);
/* @r is the first run of a tree that was claimed: all is as it was. */
void resume_apply(struct run_state *r);
/* Time has passed: what nobody claimed has ended meanwhile. */
void resume_tick(struct trace *t);
/* The same within a tree that was claimed. */
void resume_tree_tick(struct tree_state *tree);
void resume_done(struct trace *t);
/* One that was claimed and not applied. */
void resume_free(struct resume_state *s);
