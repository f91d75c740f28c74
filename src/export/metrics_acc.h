/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Final spans added up to series: what /metrics shows and what OTLP sends as metrics.
 *
 * The sums are the store's: calls, tokens, costs and errors are what `sonde query` sums over final
 * spans, a call that was seen twice is one call. A span that is corrected after it was final is
 * taken out as it was and added as it is (store/changes.h). What is shown never falls, as readers
 * take that for a restart: where a correction lowers a sum, it stands until it is reached again.
 *
 *	metrics_new(max, labels, now_ns, &m); metrics_load(m, state);
 *	while (metrics_read(m, reader, 1000) > 0) {}	now and again
 *	metrics_each(m, METRIC_TOKENS, fn, ctx);
 *
 * Not for several threads at once.
 */
#pragma once

#include "base/buf.h"
#include "store/query.h"

/* What series are told apart by. Values are clean UTF-8 of at most METRIC_VALUE_MAX bytes. */
enum metric_label {
	LABEL_AGENT,
	LABEL_PROVIDER,
	LABEL_MODEL,	      /* the answer's, else the request's */
	LABEL_REQUEST_MODEL,  /* these four for OTLP alone: labels of METRIC_TOKEN_USAGE, */
	LABEL_RESPONSE_MODEL, /* METRIC_DURATION and METRIC_FIRST_TOKEN where asked for */
	LABEL_SERVER_ADDRESS,
	LABEL_SERVER_PORT,
	LABEL_OPERATION, /* gen_ai.operation.name */
	LABEL_TOKEN_TYPE,
	LABEL_ERROR_TYPE,
	LABEL_TOOL,
	LABEL_MCP_METHOD,
	LABEL_STATUS, /* of a run */
	LABEL_USER,   /* from here on: only where asked for */
	LABEL_PROJECT,
	LABEL_NAMESPACE, /* k8s.namespace.name */
	LABEL_CONTAINER, /* its name, never its id */
	LABEL_PLACE,	 /* for OTLP alone: stands for a resource (metrics_place()) */
	LABEL_NR,
};
#define METRIC_VALUE_MAX 128
/* The name that the sums of /metrics are kept under (store/sink.h). */
#define METRICS_SINK "prometheus"
/* Masks for metrics_new(). */
#define METRIC_LABEL(which) (1u << (which))
#define METRIC_LABELS_OTLP                                                        \
	(METRIC_LABEL(LABEL_REQUEST_MODEL) | METRIC_LABEL(LABEL_RESPONSE_MODEL) | \
	 METRIC_LABEL(LABEL_SERVER_ADDRESS) | METRIC_LABEL(LABEL_SERVER_PORT) |   \
	 METRIC_LABEL(LABEL_PLACE))

enum metric_id {
	METRIC_CALLS,	      /* model calls */
	METRIC_TOKENS,	      /* by LABEL_TOKEN_TYPE: input, output; cache_read, cache_write are
				 parts of the input, reasoning of the output */
	METRIC_COST,	      /* pico USD; of what is paid call by call */
	METRIC_EQUIVALENT,    /* pico USD; what calls that a plan covers would have cost */
	METRIC_UNPRICED,      /* calls with no known price */
	METRIC_USAGE_UNKNOWN, /* calls whose usage nobody told */
	METRIC_ERRORS,	      /* of model calls, by LABEL_ERROR_TYPE */
	METRIC_LOST,	      /* bytes of model calls that were not seen */
	METRIC_TOOL_CALLS,
	METRIC_TOOL_ERRORS,
	METRIC_RUNS,	    /* ended, by LABEL_STATUS */
	METRIC_CORRECTIONS, /* of spans that were final */
	/* histograms; those of the conventions have their buckets */
	METRIC_DURATION,      /* ns: gen_ai.client.operation.duration */
	METRIC_FIRST_TOKEN,   /* ns: gen_ai.client.operation.time_to_first_chunk */
	METRIC_TOKEN_USAGE,   /* gen_ai.client.token.usage: input and output of each call */
	METRIC_TOOL_DURATION, /* ns */
	METRIC_MCP_DURATION,  /* ns: mcp.client.operation.duration, of requests to servers */
	METRIC_RUN_DURATION,  /* ns; of ended runs */
	METRIC_NR,
};

struct metric_def {
	uint32_t labels;	/* mask of enum metric_label that it may have */
	const int64_t *buckets; /* upper bounds, inclusive, in the unit above; NULL: a counter */
	size_t n_buckets;
};
extern const struct metric_def metric_defs[METRIC_NR];
/* "agent", "provider", ... as Prometheus has them. */
extern const char *const metric_label_names[LABEL_NR];

/* @value as a label may have it; returns its bytes. Control characters become blanks, what is no
 * UTF-8 U+FFFD; cut between characters. */
size_t metrics_clean(struct slice value, char ret[METRIC_VALUE_MAX]);

/* One combination of labels. Lent for the callback. */
struct metric_series {
	struct slice labels[LABEL_NR]; /* empty: it has none */
	bool other;		       /* stands for all that is over the limit */
	/* A counter: one value. A histogram: how many in each bucket (not in those below as well),
	 * how many in none, the sum. */
	const int64_t *values;
};

struct metrics;

/*
 * @max_series: of each metric; combinations over it are counted as one whose labels are "other"
 * (those with few values, such as the type of tokens, stay). @labels: mask of those that are not
 * there by themselves. @now_ns: Unix time that the sums are said to begin at. 0 or -ENOMEM.
 */
int metrics_new(size_t max_series, uint32_t labels, uint64_t now_ns, struct metrics **ret);
void metrics_free(struct metrics *m);
DEFINE_CLEANUP(struct metrics *, metrics_free)

/* Adds a span (@sign 1), or takes it out as it was (-1). @run may be NULL. 0 or -ENOMEM. */
int metrics_add(struct metrics *m, int sign, const struct span *span, const struct run *run);
/*
 * Adds what has become final since the last call: the next @limit numbers of it at most. 1: there
 * may be more; 0: nothing more; -errno.
 */
int metrics_read(struct metrics *m, struct store_reader *r, size_t limit);
/* Up to which seq everything is in it. */
int64_t metrics_seq(const struct metrics *m);
/* Whether a metric has had more series than it may. */
bool metrics_limited(const struct metrics *m, enum metric_id which);
/* Since when it counts: Unix ns. */
uint64_t metrics_start_ns(const struct metrics *m);

/* The resource that @key, a value of LABEL_PLACE, stands for: a flat JSON object of names and
 * texts, by OpenTelemetry's names; empty for "other" and where there is none. */
struct slice metrics_place(const struct metrics *m, struct slice key);

typedef int (*metric_series_fn)(void *ctx, const struct metric_series *series);
/* In order of their first sight; a negative return of @fn ends it and is returned. */
int metrics_each(struct metrics *m, enum metric_id which, metric_series_fn fn, void *ctx);

/*
 * All of it as JSON, to be kept as the state of a sink (store/sink.h) with metrics_seq(); what is
 * read back from it goes on as if it had never stopped. metrics_load() is for a new one: 0,
 * -ENOMEM, or -EBADMSG where it is none or was made with other labels: then nothing was taken, and
 * it is to begin at seq 0.
 */
int metrics_save(struct metrics *m, struct buf *ret);
int metrics_load(struct metrics *m, int64_t seq, struct slice state);
