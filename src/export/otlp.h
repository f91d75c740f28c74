/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spans as OTLP requests: one of traces (ExportTraceServiceRequest), one of logs
 * (ExportLogsServiceRequest). Added one by one; what comes of them stands in a buffer.
 *
 * Traces: trace id = run id, span id = span id, so what is sent twice is seen to be the same.
 *
 * Logs: for each model call `gen_ai.client.inference.operation.details` with what the span has,
 * for each that failed `gen_ai.client.operation.exception`, for each other failed step
 * `sonde.step.error`.
 *
 * Without @content neither messages, arguments, results nor tool definitions go along, nor command
 * lines, which may have a prompt in them.
 */
#pragma once

#include "export/otlp_groups.h"
#include "export/span_json.h"

struct otlp_request {
	const struct otlp_form *form;
	bool logs; /* else traces */
	struct otlp_groups groups;
	int64_t items;		  /* spans or log records in it */
	struct otlp_group *group; /* of what was added last; NULL: none */
	struct id128 run_id;	  /* whose it is */
};

/* Empties @q, which is zero at first and keeps its memory; otlp_request_done() frees. */
void otlp_request_begin(struct otlp_request *q, const struct otlp_form *form, bool logs);
/* @run may be NULL; @said: may be NULL, and is looked at only where the form has content. */
void otlp_request_add(struct otlp_request *q, const struct span *span, int64_t version,
		      const struct run *run, const struct span_content *said);
/* Bytes so far; the first error so far. */
size_t otlp_request_bytes(const struct otlp_request *q);
int otlp_request_error(const struct otlp_request *q);
/* Ends it. 0 or -errno; @ret points into @q. */
int otlp_request_end(struct otlp_request *q, struct slice *ret);
void otlp_request_done(struct otlp_request *q);

/* The members of an object as attributes of a resource, items of the open list @list. Those that
 * @skip (may be NULL) says so of are left out. */
void otlp_put_members(struct otlp_writer *w, const struct otlp_field *list, struct slice json,
		      bool (*skip)(struct slice name));

/* The attributes of a span by the form's names, as items of the list @list of an open message
 * (otlp_names.c). */
void otlp_put_attributes(struct otlp_writer *w, const struct otlp_field *list,
			 const struct otlp_form *form, const struct span *span, int64_t version,
			 const struct run *run, const struct span_content *said);
