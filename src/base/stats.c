/* SPDX-License-Identifier: BSD-2-Clause */
#include "sonde/stats.h"

#include <string.h>

const char *const stat_names[STAT_NR] = {
	[STAT_EVENTS] = "events",
	[STAT_EVENTS_BAD] = "events_bad",
	[STAT_STREAM_BYTES_IN] = "stream_bytes_in",
	[STAT_STREAM_BYTES_OUT] = "stream_bytes_out",
	[STAT_STREAM_EVICTED] = "stream_evicted",
	[STAT_STREAM_OVERLAP] = "stream_overlap_bytes",
	[STAT_HTTP_EXCHANGES] = "http_exchanges",
	[STAT_HTTP_NOT_HTTP] = "http_not_http",
	[STAT_HTTP_BAD] = "http_bad",
	[STAT_HTTP_LOST] = "http_lost",
	[STAT_HTTP_OVER_LIMIT] = "http_over_limit",
	[STAT_CODING_BAD] = "coding_bad",
	[STAT_LLM_CALLS] = "llm_calls",
	[STAT_LLM_BAD_JSON] = "llm_bad_json",
	[STAT_LLM_TOTAL_MISMATCH] = "llm_total_mismatch",
	[STAT_MCP_CALLS] = "mcp_calls",
	[STAT_MCP_OVER_LIMIT] = "mcp_over_limit",
	[STAT_MCP_UNPAIRED] = "mcp_unpaired",
	[STAT_TRACE_NO_RUN] = "trace_no_run",
	[STAT_TRACE_TREES] = "trace_trees",
	[STAT_TRACE_BECAME_RUN] = "trace_became_run",
	[STAT_SHED_CONNECTIONS] = "shed_connections",
	[STAT_SHED_CONTENT] = "shed_content",
	[STAT_STORE_RETRIES] = "store_retries",
	[STAT_STORE_ERRORS] = "store_errors",
};

void stat_add_host(struct stats *s, const char *host, size_t n)
{
	char name[STATS_HOST_NAME] = "";

	if (!s)
		return;
	if (n >= sizeof(name))
		n = sizeof(name) - 1;
	if (n)
		memcpy(name, host, n);
	/* A peer chose it, and people will see it. */
	for (size_t i = 0; i < n; i++)
		if (host[i] <= ' ' || host[i] > '~')
			name[i] = '?';
	for (size_t i = 0; i < STATS_HOSTS_MAX; i++) {
		struct stats_host *h = &s->total_mismatch[i];

		if (h->n && strcmp(h->name, name) != 0)
			continue;
		memcpy(h->name, name, sizeof(name));
		h->n++;
		return;
	}
}
