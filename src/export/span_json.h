/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spans and runs as `--json` prints them: one object, without a line end. What is not known is
 * absent, never 0.
 *
 * A span is {trace_id, span_id, parent_span_id, name, kind, start_time_unix_nano,
 * end_time_unix_nano, status, attributes} with the names of the OpenTelemetry GenAI conventions
 * 1.41, and `sonde.*` for ours; a run is {"type":"run", ...}.
 */
#pragma once

#include <stdio.h>

#include "base/json.h"
#include "sonde/run.h"

/* Content that belongs to a span, as JSON text; empty: none. */
struct span_content {
	struct slice input_messages, output_messages, system, tools; /* JSON */
	struct slice arguments, result;				     /* text */
	struct slice raw;					     /* text: the HTTP envelope */
};

/* "agent", "llm", "tool", "process", "http", "mcp" */
const char *step_name(enum step_kind step);
enum step_kind step_of_name(const char *name); /* 0: none of that name */
/* Names of all steps, ends with NULL; the index is enum step_kind - 1. */
extern const char *const step_names[];

const char *run_status_name(enum run_status status); /* "?" where it is none */

/* @content may be NULL. Errors stay in @w. */
void span_json(struct json_writer *w, const struct span *span, const struct span_content *content);
/* The members that content gives the attributes of a span, but the envelope; in an open object. */
void span_content_json(struct json_writer *w, const struct span_content *content);
/* @db: where it is stored, or NULL. */
void run_json(struct json_writer *w, const struct run *run, const char *db);
/* Members of an open object: {"input_tokens":...}, those that are known. */
void usage_json(struct json_writer *w, const struct llm_usage *u);

/* The attribute of that name, or NULL. */
const struct attr *span_attr(const struct span *span, const char *name);
/* Its text (of a list: JSON); empty where it is none. Its number or truth, else LLM_UNKNOWN. */
struct slice span_attr_text(const struct span *span, const char *name);
int64_t span_attr_int(const struct span *span, const char *name);

/* Prints the object that @w wrote as a line, and empties its buffer. */
void json_line(struct json_writer *w, FILE *f);
