/* SPDX-License-Identifier: BSD-2-Clause */
/* One sink at work: what sink.c starts and sink_round.c does. */
#pragma once

#include "base/json.h"
#include "export/sink.h"

#define SINK_NAME_MAX 160
#define SINK_BATCH    512 /* spans at once, at most */

struct sink {
	const struct sink_type *type;
	struct sink_env env;
	const char *store;
	char name[SINK_NAME_MAX], target[256];
	void *self;

	struct store_reader *reader; /* NULL: not open */
	struct store_sinks *sinks;
	bool loaded;

	int64_t seq; /* up to which everything was sent or passed over */
	int64_t sent, refused, retries;
	uint64_t ok_ns, failing_since_ns; /* Unix time; 0: never, it does not fail */
	char error[400];

	/* how the next batch is tried */
	size_t limit;
	bool bare;
	unsigned refused_in_row; /* batches */
	unsigned failures;	 /* one after the other */
	int64_t retry_after_s;
	uint64_t saved_ns, said_ns;
	bool unsaved, said_store;
	int64_t refused_unsaid;
};

/* What is to be done once: 1: go on at once; 0: there was nothing to do; negative: it failed, wait
 * for sink_pause_ms(). */
int sink_round(struct sink *s, uint64_t now_ns);
/* How long to wait after as many failures as there were, @random in [0, 2^32). */
uint64_t sink_pause_ms(const struct sink *s, uint32_t random);
/* The state as JSON (store/sink.h). */
int sink_state(const struct sink *s, struct buf *ret);
/* Closes what is open of the store. */
void sink_let_go(struct sink *s);
