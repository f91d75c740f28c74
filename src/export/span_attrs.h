/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All attributes of a span as one list: what stands in its columns by the names of the
 * OpenTelemetry GenAI conventions 1.41 (and `sonde.*` for ours), then those that it has besides.
 * What is not known is absent.
 */
#pragma once

#include "sonde/span.h"

/* @a is lent. An ATTR_DOUBLE that has text in @s as well has its exact decimal form there. */
typedef void (*span_attr_fn)(void *ctx, const struct attr *a);
void span_attrs_each(const struct span *span, span_attr_fn fn, void *ctx);

/* The attribute of that name among those besides, or NULL. */
const struct attr *span_attr(const struct span *span, const char *name);
/* Its text (of a list: JSON); empty where it is none. Its number or truth, else LLM_UNKNOWN. */
struct slice span_attr_text(const struct span *span, const char *name);
int64_t span_attr_int(const struct span *span, const char *name);

/* "agent", "llm", "tool", "process", "http", "mcp", "file", "network" */
const char *step_name(enum step_kind step);
enum step_kind step_of_name(const char *name); /* 0: none of that name */
/* Names of all steps, ends with NULL; the index is enum step_kind - 1. */
extern const char *const step_names[];

/* "chat" of "chat gpt-5", "invoke_agent", ...; empty where the step is no GenAI operation. */
struct slice span_operation(const struct span *span);
