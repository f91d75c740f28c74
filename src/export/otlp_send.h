/* SPDX-License-Identifier: BSD-2-Clause */
/* A signal's way to a receiver of OTLP over HTTP, and what its answers mean. */
#pragma once

#include "export/http_post.h"
#include "export/sink.h"

struct otlp_sender;

/* @signal: "traces", "metrics", "logs". 0, or -errno with why. */
int otlp_sender_new(const struct sink_config *c, const char *signal, const atomic_bool *stop,
		    struct otlp_sender **ret, char *why, size_t size);
void otlp_sender_free(struct otlp_sender *s);

/*
 * Sends a request. Taken: 2xx with an answer that is OTLP's. Refused: 400, 422, and 500 that stays.
 * Too large: 413. All else may be different later: where the fault is ours to mend (an address, a
 * key), what is in the store is not thrown away for it.
 */
void otlp_send(struct otlp_sender *s, struct slice body, struct sink_report *ret);

/* Where a signal goes, without what is secret in it. */
void otlp_target(const struct sink_config *c, const char *signal, char *ret, size_t size);

/* The same as otlp_send() does with an answer; for tests. @faults: answers of 500 in a row. */
void otlp_judge(const struct http_answer *a, unsigned *faults, struct sink_report *ret);
