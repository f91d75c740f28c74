/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of llm/: steps of Gemini's Interactions, and the contents in them. */
#pragma once

#include "llm/gemini.h"

enum interaction_member {
	STEP_TYPE,
	STEP_TEXT,
	STEP_ID,
	STEP_CALL_ID,
	STEP_NAME,
	STEP_ARGUMENTS,
	STEP_RESULT,
	STEP_IS_ERROR,
	STEP_CONTENT,
	STEP_SUMMARY,
	STEP_DATA,
	STEP_URI,
	STEP_MIME_TYPE,
	STEP_ROLE,
	STEP_MEMBERS
};

/* Their names. */
extern const char *const llm_step_members[STEP_MEMBERS];

bool llm_is_step_call(struct slice type);
bool llm_is_step_result(struct slice type);
bool llm_is_step_media(struct slice type);
/* Whether a step was said by the model; and contents that stand in a list alone, which are one
 * message too, the user's. */
bool llm_step_said(struct slice step);
/* Adds a step to @m: texts that follow each other in it are one. Steps stay apart. */
void llm_read_step(struct slice step, struct arena *mem, struct llm_message *m);
/* Adds a content, or a step that has none in it. */
void llm_read_step_content(struct slice content, struct arena *mem, struct llm_message *m);
