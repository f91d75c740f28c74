/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: intake -> proc -> stream -> proto -> llm -> price -> trace -> store and views, on one
 * thread, wired in engine.c. It knows the world only through events.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "cmd/pipeline.h"
#include "intake/intake.h"
#include "price/price.h"
#include "sonde/stats.h"
#include "trace/trace.h"

struct engine_config {
	const char *db_path;	       /* the store; NULL: none */
	const char *record_path;       /* NULL: no recording */
	const struct trace_sink *view; /* what the user watches; NULL: nothing */
	void *view_ctx;
	/* Called after the last event, with everything stored; NULL is fine. */
	void (*view_done)(void *ctx, const struct stats *stats);
	/*
	 * Called once, when store and recording are open and the sandbox is entered: only then may
	 * the command run, so that a full disk is said before it and not after. NULL is fine.
	 */
	void (*ready)(void *ctx);
	void *ready_ctx;
	int enrich_fd;			      /* intake_add_enricher(); 0 or -1: none */
	struct price_table *prices;	      /* lent */
	const struct llm_endpoint *endpoints; /* of the configuration, lent */
	/* Of a daemon's: */
	bool resumes;	       /* runs in progress are taken up again, and left to the next one */
	uint64_t memory_bytes; /* that it may use; 0: no limit */
	uint64_t cpu_percent;  /* of one processor; 0: no limit */
};

/*
 * The engine process of a live capture, called right after fork(): opens store and recording,
 * drops every privilege (sandbox.h), reads @prober_fd (intake.h) to the end.
 * Must already be the user that owns the files. Returns the exit status; has said why on stderr.
 */
int engine_live(const struct engine_config *c, int prober_fd);

/* The same from a recording, in the calling process, without privileges. */
int engine_replay(const struct engine_config *c, const char *path);

/*
 * The same from what @feed tells: events to @event, exchanges to @p. It returns 0 or -errno, and
 * has said why on stderr.
 */
typedef int (*engine_feed_fn)(void *ctx, struct pipeline *p, intake_fn event, void *event_ctx);
int engine_import(const struct engine_config *c, engine_feed_fn feed, void *ctx);
