/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sinks: where spans go on their own, as they become final. A sink is a cursor over the store
 * (store/sink.h) and a thread; nothing waits in memory, so one that stands still costs neither
 * memory nor the others' time, and goes on where it was after whatever ends it.
 *
 * At least once: what was sent and not yet noted is sent again after a crash, with the same ids.
 * What a receiver says it will never take is halved until what it does not take is alone; that is
 * counted, said, and passed over. Everything else is tried again, the longer the rarer.
 *
 * One section of the configuration is one sink, but [otlp NAME], which is one for each signal:
 * "otlp:NAME:traces", "otlp:NAME:logs", "otlp:NAME:metrics", "ndjson:NAME".
 */
#pragma once

#include <stdatomic.h>

#include "base/json.h"
#include "config/config.h"
#include "store/sink.h"

enum sink_verdict {
	SINK_TAKEN,	/* all of it but what was rejected */
	SINK_RETRY,	/* not now */
	SINK_SLOW,	/* not in time: less at once, later */
	SINK_REFUSED,	/* never */
	SINK_TOO_LARGE, /* less at once */
};

struct sink_report {
	enum sink_verdict verdict;
	int64_t rejected;      /* items of a batch that was taken otherwise */
	int64_t retry_after_s; /* as the receiver asks; 0: it does not */
	char why[400];
};

/* What the implementation of a sink is given; it outlives the sink. */
struct sink_env {
	const struct sink_config *config;
	const atomic_bool *stop; /* whether to end what is under way */
	size_t max_series;	 /* of a metric */
};

#define SINK_ROUND_SAVE 2 /* of round: note the state, then again */

/* A kind of sink. It has either begin, add and send, or round. */
struct sink_type {
	enum sink_kind kind;
	const char *signal;			     /* NULL: there is but one */
	bool (*wanted)(const struct sink_config *c); /* NULL: always */
	/* 0, or -errno with why. */
	int (*open)(const struct sink_env *env, void **ret, char *why, size_t size);
	void (*close)(void *self);
	/* Where it sends to, as people are told. */
	void (*target)(const struct sink_env *env, char *ret, size_t size);

	/* An empty batch. @bare: without content, as it was too large with it. */
	void (*begin)(void *self, bool bare);
	/* A span; @run may be NULL. 1: the batch is full; 0; -errno. */
	int (*add)(void *self, struct store_reader *r, int64_t version, const struct span *span,
		   const struct run *run);
	/* How many items, as they are counted, are in the batch. */
	int64_t (*items)(const void *self);
	/* Before a batch is sent; may be NULL. 1: the state has to be noted first; 0; -errno. */
	int (*prepare)(void *self);
	void (*send)(void *self, struct sink_report *ret);

	/* Reads from *@seq on, and sends when it is time; 1: at once again; SINK_ROUND_SAVE; 0:
	 * nothing to do; -errno: load() comes next. *@ret_items: that were sent; 0: nothing was to
	 * be sent. */
	int (*round)(void *self, struct store_reader *r, int64_t *seq, struct sink_report *ret,
		     int64_t *ret_items);

	/* Members of the state besides the common ones; may be NULL. */
	void (*save)(void *self, struct json_writer *w);
	void (*load)(void *self, int64_t seq, struct slice state);
};

extern const struct sink_type sink_otlp_traces, sink_otlp_logs, sink_otlp_metrics, sink_ndjson;
/* Ends with NULL. */
extern const struct sink_type *const sink_types[];

struct sinks;

/* One thread for each that the configuration has. @store: path. 0, -ENOENT where it has none, or
 * -errno; has said why. */
int sinks_start(const struct config *c, const char *store, struct sinks **ret);
/* Ends all that is under way; what was not noted as sent comes again next time. */
void sinks_stop(struct sinks *s);
DEFINE_CLEANUP(struct sinks *, sinks_stop)
