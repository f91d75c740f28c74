/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions, runs and spans: what the facts mean together. Links carry their evidence; a missing
 * link is better than a wrong one.
 *
 * Everything that leaves here is redacted (redact.h): sinks never see a secret.
 */
#pragma once

#include "price/price.h"
#include "proc/proc.h"
#include "sonde/live.h"
#include "sonde/llm.h"
#include "sonde/media.h"
#include "sonde/run.h"
#include "sonde/stats.h"
#include "sonde/tool.h"

enum content_level { CONTENT_OFF, CONTENT_MINIMAL, CONTENT_STANDARD, CONTENT_FULL };

/* What people see of calls and tools; from the CONFIG event, so that a replay does the same. */
struct trace_config {
	enum content_level content;
	size_t content_limit; /* characters of each input and output at STANDARD */
	size_t media_limit;   /* bytes of a picture or document at FULL; 0: none is kept */
	bool llm_content, memory_content, tool_content; /* switches below the level */
	uint64_t max_run_ns; /* a run that takes longer has timed out; 0: no limit */
};

enum trace_cut {
	CUT_RESUMED, /* the run goes on: what was in flight when its engine died is over */
	CUT_LEFT,    /* the run is over: so is whatever is open of it */
	CUT_ENDED,   /* it ended while nobody watched; @why says so */
};

/*
 * Where results go. Content comes before what refers to it; equal content has equal ids and is
 * given once (and again after it was long unused: sinks ignore what they have).
 */
struct trace_sink {
	/* @kind: "message", "text", "tools", "http", "media" */
	void (*blob)(void *ctx, const struct id128 *id, const char *kind, struct slice bytes);
	/* What became of a picture that the blob m->holder has; both blobs were given before. NULL
	 * where nobody keeps it: then none is decoded. */
	void (*media)(void *ctx, const struct media *m);
	/* One message of a conversation: id = H(parent, message); a zero parent: the first. */
	void (*node)(void *ctx, const struct id128 *id, const struct id128 *parent,
		     const struct id128 *message, uint32_t depth);
	void (*span)(void *ctx, const struct span *span);
	void (*run)(void *ctx, const struct run *run);
	/* What is needed to go on with an open tree of runs (SONDE_EV_STATE), named after its first
	 * run; empty: it is over. NULL where nobody keeps it. */
	void (*state)(void *ctx, const struct id128 *run, struct slice json);
	/* Steps of a run that nobody is at work at any more; @span: that one alone, or NULL. NULL
	 * likewise. */
	void (*cut)(void *ctx, const struct id128 *run, const struct id64 *span,
		    enum trace_cut what, struct slice why);
	/* What happens right now; NULL where nobody watches. */
	void (*live_change)(void *ctx, const struct live_change *change);
	void (*live_piece)(void *ctx, const struct live_piece *piece);
	/* A process that a daemon has found begins a run: who captures may tell more of it from
	 * here on. NULL: nobody to tell. */
	void (*begins)(void *ctx, struct process_key root);
};

struct trace;

/* 0 or -ENOMEM. All pointers must outlive it; @prices may be NULL (nothing is priced). */
int trace_new(const struct trace_sink *sink, void *ctx, struct proc *procs,
	      const struct price_table *prices, struct stats *stats, struct trace **ret);
void trace_free(struct trace *t);

/* Every event, after proc_feed() took it: @p is what that returned. */
void trace_event(struct trace *t, const struct sonde_event *e, struct process *p);
/*
 * The head of a request or an answer has come (HTTP_REQUEST_HEAD, HTTP_RESPONSE_HEAD), of any
 * exchange: the secrets in its headers are learned before anything is shown. HTTP_FINISHED: it is
 * over; while a process serves a request, its model calls are made for that one.
 */
void trace_head(struct trace *t, enum http_event ev, const struct http_exchange *x);
/* Whether it is part of no run, but may become one: a daemon has found it (tentative.c). */
bool trace_is_stranger(struct trace *t, struct process_key key);
/* Model calls. */
void trace_call(struct trace *t, enum llm_event ev, struct llm_call *call);
/* Calls at tool servers. */
void trace_tool(struct trace *t, enum tool_event ev, struct tool_call *call);
/* A finished exchange that is no model call: hosts seen, and a span where it is worth one. */
void trace_exchange(struct trace *t, const struct http_exchange *x);
/* A connection that is closed: what it carried and lost, readable or not. */
void trace_connection(struct trace *t, const struct connection *conn, bool was_http);
/* Content that the sink was given may be gone: all is given again when it is next referred to. */
void trace_content_gone(struct trace *t);
/* How much there is room for from now on (sonde/event.h). */
void trace_load(struct trace *t, enum sonde_load level);
/* Finishes every run that is open: the recording has ended. */
void trace_end(struct trace *t, uint64_t ts_ns);
