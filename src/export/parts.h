/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steps that are no spans: made of what the store has anyway, so that they cost nothing there.
 *
 * Reasoning and messages are parts of a model call's answer: what they say is the conversation's,
 * and when they came stands on the call where it was streamed; they have its times else. Events are
 * facts of a run: pauses and signals as its root tells them, and what its calls show, another model
 * than before in a conversation, a history that was made shorter. An error is how the run ended,
 * where no failed step says it: a signal, an exit status, a limit.
 */
#pragma once

#include "export/steps.h"
#include "store/query.h"

struct parts;

/* @answers: their parts as well. NULL where memory is refused. Both are lent until parts_free(). */
struct parts *parts_new(struct store_reader *r, struct steps *steps, bool answers);
void parts_free(struct parts *p);
/* Each span of a run, in order of start; adds to the steps what it has. */
void parts_add(struct parts *p, const struct span *span);
/* After them: what the run itself has. */
void parts_add_run(struct parts *p, const struct run *run);
