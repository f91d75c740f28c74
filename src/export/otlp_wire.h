/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OTLP messages, written field by field; the same calls give protobuf or JSON
 * (https://opentelemetry.io/docs/specs/otlp/, opentelemetry-proto 1.x).
 *
 * The field tables stand where the messages are written. Debian has no package with the .proto
 * files, and what is generated from them writes protobuf alone: JSON would need all of it again.
 */
#pragma once

#include "base/json.h"
#include "proto/protobuf.h"
#include "sonde/span.h"

struct otlp_field {
	uint32_t number;
	const char *name; /* in JSON */
};

struct otlp_writer {
	bool json;
	struct json_writer j;
	struct protobuf_writer p;
};

/* Appends to @out. */
void otlp_writer_init(struct otlp_writer *w, bool json, struct buf *out);
/* 0, -ENOMEM or -E2BIG: the first error. */
int otlp_error(const struct otlp_writer *w);

/* What is written is incomplete: the first such is the error. */
void otlp_fail(struct otlp_writer *w, int r);

/* The whole message. */
void otlp_begin_all(struct otlp_writer *w);
void otlp_end_all(struct otlp_writer *w);
/* A nested message that is there once. */
void otlp_begin(struct otlp_writer *w, const struct otlp_field *f);
void otlp_end(struct otlp_writer *w);
/* A list of messages: each between otlp_begin_item() and otlp_end(). */
void otlp_begin_list(struct otlp_writer *w, const struct otlp_field *f);
void otlp_end_list(struct otlp_writer *w);
void otlp_begin_item(struct otlp_writer *w, const struct otlp_field *f);

/* Bytes that are no UTF-8 become U+FFFD, as strings must be it. Empty ones are left out. */
void otlp_text(struct otlp_writer *w, const struct otlp_field *f, struct slice s);
/* A trace or span id: hexadecimal in JSON. */
void otlp_id(struct otlp_writer *w, const struct otlp_field *f, const void *id, size_t n);
void otlp_enum(struct otlp_writer *w, const struct otlp_field *f, uint32_t v);
void otlp_fixed64(struct otlp_writer *w, const struct otlp_field *f, uint64_t v);
void otlp_double(struct otlp_writer *w, const struct otlp_field *f, double v);
void otlp_bool(struct otlp_writer *w, const struct otlp_field *f, bool v);
void otlp_counts(struct otlp_writer *w, const struct otlp_field *f, const uint64_t *v, size_t n);
void otlp_bounds(struct otlp_writer *w, const struct otlp_field *f, const double *v, size_t n);

/* A KeyValue, as an item of the open list of them. */
void otlp_attr(struct otlp_writer *w, const struct otlp_field *list, const struct attr *a);

struct otlp_answer {
	int64_t rejected;   /* of what was sent */
	struct slice error; /* the receiver's words, in the body */
};

/*
 * What a receiver answers to a request that it took: of each signal the same shape. False where
 * @body is no such message.
 */
bool otlp_answer_read(struct slice body, bool json, struct otlp_answer *ret);
