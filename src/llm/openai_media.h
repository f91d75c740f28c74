/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of llm/: calls that make or read pictures and sound. */
#pragma once

#include "llm/format.h"

/* The request as one item: form or JSON, after its fields were read. */
void llm_read_media_request(struct llm_work *w);
/* That item: its prompt (or input) and what pictures and sound came with it. */
void llm_read_media_item(struct slice value, struct arena *mem, struct llm_message *m);
/* An object of usage, with its modalities in any of their spellings. */
void llm_read_media_usage(struct llm_work *w, struct slice usage);
