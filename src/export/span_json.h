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
#include "export/span_attrs.h"
#include "sonde/run.h"

/* Content that belongs to a span, as JSON text; empty: none. */
struct span_content {
	struct slice input_messages, output_messages, system, tools; /* JSON */
	struct slice arguments, result;				     /* text */
	struct slice raw;					     /* text: the HTTP envelope */
	bool cut; /* there is more: it was too long */
};

const char *run_status_name(enum run_status status); /* "?" where it is none */

/* @content may be NULL. Errors stay in @w. */
void span_json(struct json_writer *w, const struct span *span, const struct span_content *content);
/* The members that content gives the attributes of a span, but the envelope; in an open object. */
void span_content_json(struct json_writer *w, const struct span_content *content);
/* @db: where it is stored, or NULL. */
void run_json(struct json_writer *w, const struct run *run, const char *db);
/* Members of an open object: {"input_tokens":...}, those that are known. */
void usage_json(struct json_writer *w, const struct llm_usage *u);

/* Prints the object that @w wrote as a line, and empties its buffer. */
void json_line(struct json_writer *w, FILE *f);
