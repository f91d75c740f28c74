/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of llm/: what the interfaces of AWS Bedrock have in common. */
#pragma once

#include "llm/format.h"

/* The model in ".../model/{id}/{operation}", as it stands there; empty where the path is another.
 */
struct slice llm_bedrock_model(struct slice path, const char *operation);
/* The same, for a call: its percent-encoding undone, in the call's memory. */
struct slice llm_bedrock_model_of(struct llm_work *w, const char *const operations[]);
/* Where the path ends in one of @operations (a NULL-terminated list) behind a model. */
bool llm_bedrock_has_path(struct slice path, const char *const operations[]);
/* Replaces what is in @ret by the decoded @base64; false where it is none. */
bool llm_base64(struct slice base64, struct buf *ret);

/* A block of Converse, of a message or of a tool's result. */
void llm_read_converse_block(struct slice block, struct arena *mem, struct llm_message *m);
/* What contentBlockStart and contentBlockDelta bring. */
void llm_read_converse_start(struct llm_work *w, struct slice data);
void llm_read_converse_delta(struct llm_work *w, struct slice data);
