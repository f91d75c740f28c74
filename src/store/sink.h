/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store as sinks see it. A sink reads spans in the order in which they became final, and keeps
 * in the store how far it has got: whatever happens to it or to who receives, nothing is left out,
 * and what comes twice has the same id.
 *
 * A span that was corrected after it was final comes again, with a higher version.
 *
 * A state is a JSON object. Sinks of the configuration (export/sink.h) have in it
 *
 *	type		"otlp", "ndjson"
 *	signal		of otlp: "traces", "logs", "metrics"
 *	target		where it goes to, nothing secret in it
 *	sent		spans, log records or points of metrics that were taken
 *	refused		that never will be
 *	retries		requests that were to be sent again
 *	ok_ns		Unix time of the last that was taken; 0: none yet
 *	failing_since_ns	0: it does not fail
 *	error		what it failed of last, until something is taken; absent: nothing
 *
 * and what else they need to go on. How far behind one is: store_newest_seq() less its seq.
 */
#pragma once

#include "store/query.h"

/* @run: the span's, lent; NULL where it has gone already. Negative: ends the reading. */
typedef int (*store_final_fn)(void *ctx, int64_t seq, int64_t version, const struct span *span,
			      const struct run *run);
/* At most @limit final spans after @seq, by growing seq. 0, -errno or what @fn returned. */
int store_final_spans(struct store_reader *r, int64_t seq, size_t limit, store_final_fn fn,
		      void *ctx);
/* The newest seq there is; 0: none. */
int store_newest_seq(struct store_reader *r, int64_t *ret);

/* Where sinks keep how far they are. Beside other writers: short transactions. */
struct store_sinks;
int store_sinks_open(const char *path, struct store_sinks **ret, struct store_error *err);
void store_sinks_close(struct store_sinks *s);
/* @ret_state is replaced; @ret_seq 0 and no state where the sink is new. */
int store_sink_get(struct store_sinks *s, const char *name, int64_t *ret_seq,
		   struct buf *ret_state);
/* 0; -EAGAIN where others write for too long: to be tried again. */
int store_sink_set(struct store_sinks *s, const char *name, int64_t seq, struct slice state,
		   uint64_t now_ns);
/* By name; rows are lent. */
typedef int (*store_sink_fn)(void *ctx, const char *name, int64_t seq, struct slice state,
			     uint64_t updated_ns);
/* All that there are, for who only reads. */
int store_sinks_each(struct store_reader *r, store_sink_fn fn, void *ctx);
/* Forgets those that @gone says so of. */
int store_sinks_forget(struct store_sinks *s, bool (*gone)(void *ctx, const char *name), void *ctx);
