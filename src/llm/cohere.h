/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of llm/: what Cohere's interfaces have in common. */
#pragma once

#include "llm/format.h"

/* "usage" (v2) or "meta" (v1): what is billed, else what was counted. */
void llm_read_cohere_usage(struct llm_work *w, struct slice usage);
void llm_cohere_finish(struct llm_work *w, struct slice reason);
