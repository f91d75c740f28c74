/* SPDX-License-Identifier: BSD-2-Clause */
/* What the engine counts instead of logging: one table for every stage, shown by health views. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum stat_id {
	STAT_EVENTS,	      /* taken in */
	STAT_EVENTS_BAD,      /* malformed: skipped */
	STAT_STREAM_BYTES_IN, /* plaintext handed on by stream/, by direction */
	STAT_STREAM_BYTES_OUT,
	STAT_STREAM_EVICTED, /* connections dropped over the memory limit */
	STAT_STREAM_OVERLAP, /* bytes seen twice */
	STAT_HTTP_EXCHANGES,
	STAT_HTTP_NOT_HTTP, /* connections that speak something else */
	STAT_HTTP_BAD,	    /* connections given up after an error */
	STAT_HTTP_LOST,	    /* times that a direction had to be found again */
	STAT_HTTP_OVER_LIMIT,
	STAT_CODING_BAD, /* bodies that did not decompress */
	STAT_LLM_CALLS,
	STAT_LLM_BAD_JSON,
	STAT_LLM_TOTAL_MISMATCH, /* provider's total differs from our sum */
	STAT_MCP_CALLS,
	STAT_MCP_OVER_LIMIT,   /* messages, calls, sessions and connections that were not kept */
	STAT_MCP_UNPAIRED,     /* answers that several requests waited for: told of none */
	STAT_TRACE_NO_RUN,     /* facts outside any run */
	STAT_TRACE_TREES,      /* that a daemon found and that may become runs */
	STAT_TRACE_BECAME_RUN, /* of these, or of parts of them */
	STAT_SHED_CONNECTIONS, /* told to be counted only, as more came than could be read */
	STAT_SHED_CONTENT,     /* messages and texts that were not kept for the same reason */
	STAT_STORE_RETRIES,
	STAT_STORE_ERRORS,
	STAT_NR,
};

/* What the metric or JSON member is called, without a prefix: "events", "events_bad", ... */
extern const char *const stat_names[STAT_NR];

#define STATS_HOSTS_MAX 32
#define STATS_HOST_NAME 96 /* bytes, with the NUL; longer names are cut */

/* A count for one host. */
struct stats_host {
	char name[STATS_HOST_NAME];
	uint64_t n;
};

struct stats {
	uint64_t n[STAT_NR];
	/* Of STAT_LLM_TOTAL_MISMATCH, by the host that answered: the first hosts, then n = 0; what
	 * more hosts did is in the sum only. */
	struct stats_host total_mismatch[STATS_HOSTS_MAX];
};

static inline void stat_add(struct stats *s, enum stat_id which, uint64_t n)
{
	if (s)
		s->n[which] += n;
}

/* One more mismatch of that host, whose name need not end with a NUL. @s may be NULL. */
void stat_add_host(struct stats *s, const char *host, size_t n);
