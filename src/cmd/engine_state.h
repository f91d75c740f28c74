/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine at work: what its files share (engine.c runs it, engine_sink.c hands on what it finds).
 */
#pragma once

#include "cmd/engine.h"
#include "cmd/engine_status.h"
#include "cmd/live_hub.h"
#include "intake/intake.h"
#include "store/store.h"

struct engine {
	const struct engine_config *c;
	struct stats stats;
	struct pipeline *pipeline;
	struct store *store;		    /* NULL: none */
	struct recorder *recorder;	    /* NULL: none */
	struct intake *intake;		    /* NULL in a replay */
	struct live_hub *hub;		    /* NULL: nobody can watch */
	uint64_t cpu_since_ns, cpu_used_ns; /* since when its share is counted, from what on */
	bool rests;			    /* it has had its share */
	uint64_t load_said_ns;
	uint32_t load_said;
	struct engine_status status;
	bool store_said, recorder_said;
	bool failed; /* something could not be kept */
};

/* Their context is the engine. What was recorded has nobody who watches it happen, and nothing in
 * it goes on. */
extern const struct trace_sink engine_live_sink, engine_replay_sink;
