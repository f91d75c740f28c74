/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of llm/: what Google's formats share: contents, parts, counts, names of models. */
#pragma once

#include "llm/format.h"

/* One of "contents", or a system instruction: adds to @m. */
void llm_read_gemini_content(struct slice content, struct arena *mem, struct llm_message *m);
/* Adds what the model said, of which the texts that follow each other become one. */
void llm_join_said(struct llm_message *m, struct llm_message *from, struct arena *mem);
/* What a candidate's "parts" add to an answer, which may be streamed. */
void llm_read_gemini_answer(struct llm_work *w, struct llm_message *m, struct slice parts);
/* The arguments that a list of partialArgs (its elements, with commas between them) puts together,
 * as a JSON object in @mem; the empty slice where that is refused. */
struct slice llm_gemini_arguments(struct slice partial, struct arena *mem);

/* A "usageMetadata". */
void llm_read_gemini_usage(struct llm_work *w, struct slice usage);
/* Of a list of counts by modality the one of @modality (as it stands, with its quotes). */
void llm_read_modality(struct llm_work *w, struct slice list, const char *modality, size_t offset);
/* call.usage of what was read last: input and output were without tool use and without thoughts. */
void llm_settle_gemini_usage(struct llm_work *w);

/* "models/M", "projects/.../models/M": M. */
struct slice llm_gemini_model(struct slice name);
/* A member by its two spellings. */
struct slice llm_either(struct slice object, const char *camel, const char *snake);
