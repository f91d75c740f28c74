/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was said, in the shapes of the GenAI conventions' schemas. Messages have them as they are
 * stored; the rest is brought into them here.
 */
#pragma once

#include "export/span_json.h"

/* The parts of a system prompt: of a stored message, or what stands there already. */
struct slice otlp_system_parts(struct slice json);
/*
 * Messages of the input, or with @span output messages and the reason that each ended for. Bytes
 * that were not kept, which a part "blob" must have, make it a part of ours: "sonde.blob". Appends;
 * empty @messages: nothing. 0 or -errno.
 */
int otlp_messages(const struct span *span, struct slice messages, struct buf *ret);
/* "stop", "length", "tool_call", "content_filter", "error", or the provider's own word. */
struct slice otlp_finish_reason(struct slice told);
/* Lists of tools as providers take them, as [{"type":"function","name":...,"parameters":...}]. 0 or
 * -errno. */
int otlp_tool_definitions(struct slice tools, struct buf *ret);
