/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the store. Rows are lent for the callback; a negative return of it ends the query and is
 * returned. Opening never writes and never creates; a store of an older version is refused with a
 * line that says what to do.
 */
#pragma once

#include "base/buf.h"
#include "store/store.h"

struct store_reader;

int store_reader_open(const char *path, struct store_reader **ret, struct store_error *err);
void store_reader_close(struct store_reader *r);
/*
 * For how long each list or figure that is asked for from now on may work, with the callback's
 * time; then it is -ETIMEDOUT, and what was given until then stands. 0, as at first: without end.
 */
void store_limit(struct store_reader *r, unsigned ms);

/*
 * What every list can be narrowed by. Of runs it asks for those that have such a step, of steps for
 * those that are so, or whose run is.
 */
struct store_filter {
	uint64_t since_ns, until_ns;			   /* Unix time of start; 0: open */
	struct slice agent, model, provider, tool, status; /* empty: any */
	struct slice trigger;				   /* its kind or its name */
	struct slice project, workflow, user;
	struct slice container;	     /* its name, or an id's beginning of at least 4 digits */
	struct slice namespace, pod; /* of Kubernetes; the pod's name or uid */
	struct slice text;	     /* words of the task */
	struct id128 run, session;   /* zero: any */
	enum step_kind step;	     /* 0: any */
	bool errors_only;
	/* What else the filter language asks for (filter.h). */
	const struct store_term *terms;
	size_t n_terms;
	size_t limit; /* 0: no limit */
};

typedef int (*store_run_fn)(void *ctx, const struct run *run);
typedef int (*store_span_fn)(void *ctx, const struct span *span);

/* Newest first. */
int store_runs(struct store_reader *r, const struct store_filter *f, store_run_fn fn, void *ctx);
/* Of one run in order of start; else newest first. */
int store_spans(struct store_reader *r, const struct store_filter *f, store_span_fn fn, void *ctx);

/*
 * The run that a reference means: hex digits its id begins with (at least 4), "last" for the
 * newest. 0, -ENOENT, -EEXIST where several match, -EINVAL where it is no reference.
 */
int store_run_find(struct store_reader *r, const char *ref, struct id128 *ret);
/* The same of a session; "last" is that of the newest run that has one. */
int store_session_find(struct store_reader *r, const char *ref, struct id128 *ret);

/* A blob's bytes appended to @ret; -ENOENT. */
int store_blob_read(struct store_reader *r, const struct id128 *id, struct buf *ret);
/*
 * The same for who shows it: where it says "digest" of a picture or document, there follow
 * "media_type", "bytes", "sha256" and "blob" where that is kept, else "reason". So it is with
 * messages, too.
 */
int store_content_read(struct store_reader *r, const struct id128 *id, struct buf *ret);

/* The message that stands at a conversation's node, appended to @ret; -ENOENT. */
int store_message_read(struct store_reader *r, const struct id128 *node, struct buf *ret);

/* The messages of a conversation up to @node, oldest first: canonical JSON (llm/llm.h). */
typedef int (*store_message_fn)(void *ctx, const struct id128 *node, struct slice json);
int store_conversation(struct store_reader *r, const struct id128 *node, store_message_fn fn,
		       void *ctx);

enum store_group {
	GROUP_AGENT,
	GROUP_MODEL,
	GROUP_PROVIDER,
	GROUP_DAY, /* local: "2026-11-20" */
	GROUP_PROJECT,
	GROUP_USER,
	GROUP_HOST,
	GROUP_WORKFLOW,
	GROUP_SESSION, /* its id in hexadecimal */
	GROUP_HOUR,    /* local: "2026-11-20T10:00" */
	GROUP_TOTAL,   /* one row without a key, where there are calls */
};

struct store_cost_row {
	struct slice key;
	int64_t runs, calls, cost_pico_usd, equivalent_pico_usd; /* as struct run has them */
	int64_t estimated_pico_usd; /* part of cost_pico_usd: on tokens that nobody told */
	int64_t unpriced_calls, usage_unknown_calls;
	int64_t mismatched_calls; /* whose provider told another price than the table has */
	struct llm_usage usage;
};
typedef int (*store_cost_fn)(void *ctx, const struct store_cost_row *row);
/* The dearest first; days and hours: the newest. */
int store_cost(struct store_reader *r, const struct store_filter *f, enum store_group by,
	       store_cost_fn fn, void *ctx);

/*
 * Calls of one tool by one agent. A latency is LLM_UNKNOWN where no call has ended. Of many calls
 * in whole days (UTC), latencies are within 3.2 % (times.h), and a call repeats what came before
 * the time that is asked for, but not across the edges of a day that is in it in part.
 */
struct store_tool_row {
	struct slice tool, agent;
	int64_t calls, runs, errors;
	int64_t repeats; /* of a call with the same arguments in the same run */
	int64_t p50_ns, p95_ns, p99_ns;
};
typedef int (*store_tool_fn)(void *ctx, const struct store_tool_row *row);
/* The most called first. */
int store_tools(struct store_reader *r, const struct store_filter *f, store_tool_fn fn, void *ctx);

/* A list of tools (a blob: JSON array) that an agent's model calls had, and how many had it. */
struct store_offer {
	struct slice agent;
	struct id128 tools;
	int64_t calls;
};
typedef int (*store_offer_fn)(void *ctx, const struct store_offer *offer);
int store_offers(struct store_reader *r, const struct store_filter *f, store_offer_fn fn,
		 void *ctx);

struct store_session_row {
	struct id128 session_id;
	struct slice agent, task; /* of its first run that has one */
	int64_t runs, tasks;	  /* tasks: that differ */
	int64_t running;	  /* runs that are in progress */
	int64_t llm_calls, tool_calls, errors;
	struct llm_usage usage; /* its provider_total means nothing */
	int64_t cost_pico_usd, equivalent_pico_usd, unpriced_calls;
	uint64_t first_ns, last_ns; /* when the first began, the last ended or began */
};
typedef int (*store_session_fn)(void *ctx, const struct store_session_row *row);
/* Of the runs that the filter lets through; the latest first. */
int store_sessions(struct store_reader *r, const struct store_filter *f, store_session_fn fn,
		   void *ctx);

/* The node of what was said last in the session's newest run (store_message_read). -ENOENT. */
int store_session_latest(struct store_reader *r, const struct id128 *session, struct id128 *ret);

/* What @types of a row hold: SQLite's own numbers. */
enum store_type { STORE_INTEGER = 1, STORE_FLOAT, STORE_TEXT, STORE_BLOB, STORE_NULL };

/* `sonde query`: read-only SQL over the views. @values are text, NULL for SQL NULL. */
typedef int (*store_row_fn)(void *ctx, int n, const char *const *names, const char *const *values,
			    const int *types);
int store_sql(struct store_reader *r, const char *sql, store_row_fn fn, void *ctx,
	      struct store_error *err);
/* For how long store_sql() may work; what it has given until then stands. -ETIMEDOUT afterwards. */
#define STORE_SQL_MS 30000
void store_sql_limit(struct store_reader *r, unsigned ms);

/* The views, one row each: "view", "columns". */
int store_views(struct store_reader *r, store_row_fn fn, void *ctx);

struct store_info {
	char path[4096];
	int version;
	int64_t runs, spans, blobs, nodes;
	int64_t file_bytes, wal_bytes, blob_bytes, blob_raw_bytes;
	uint64_t first_ns, last_ns;
	bool sound;
};
int store_info(struct store_reader *r, struct store_info *ret);
