/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened to a run that is no step of its work: that it waited for its user, that it was sent
 * a signal. Told on its root's span, as words for each: "pause FROM TO what" and "signal AT AT
 * which", Unix times in ns. No spans: most runs have none, and nothing is below one.
 *
 * A pause is time in which somebody else is to act: its terminal is read and nothing is at work.
 * What passes between the answer that ends a run and the next request belongs to neither.
 */
#pragma once

#include "trace/signal.h"

#define HAPPENED_MAX 64 /* of one run; later ones are not told */

struct emit;
struct run_state;
struct happening;

/* Whether a pause begins or ends; called when what it depends on may have changed. */
void happened_look(struct run_state *r, uint64_t now_ns);
/* The run has ended, and its pause with it. */
void happened_end(struct run_state *r, uint64_t end_ns);
/* To the tree's root: told of its newest run. */
void happened_signal(struct tree_state *tree, const struct sent_signal *s);
/* The attribute of the root's span. */
void happened_emit(struct emit *e, const struct run_state *r);
void happened_free(struct run_state *r);
