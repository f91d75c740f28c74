/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of llm/: items of the OpenAI Responses API. */
#pragma once

#include "llm/format.h"

/*
 * A part's index is its place within its item: content_index, summary_index, or this plus
 * content_index for a reasoning item's own content.
 */
#define OPENAI_THOUGHTS 2048

/* Adds one item (or the string that an input may be) to @m, with indexes as above. */
void llm_read_openai_item(struct slice value, struct arena *mem, struct llm_message *m);
/* A string or a list of content parts. */
void llm_read_openai_content(struct slice content, struct arena *mem, struct llm_message *m);
/* Whether the model said it. */
bool llm_openai_item_said(struct slice item);

/* One event of a streamed response, whatever it was called there. */
void llm_read_openai_event(struct llm_work *w, struct slice type, struct slice data);
