/* SPDX-License-Identifier: BSD-2-Clause */
/* Which metrics there are, what tells their series apart, and the bounds of their buckets. */
#include "base/util.h"
#include "export/metrics_acc.h"

#define S(seconds) ((int64_t)((seconds)*1000) * 1000000) /* ns */

/* The conventions': 0.01 s, each twice the one before; tokens: four times. */
static const int64_t call_ns[] = {
	S(0.01), S(0.02), S(0.04), S(0.08),  S(0.16),  S(0.32),	 S(0.64),
	S(1.28), S(2.56), S(5.12), S(10.24), S(20.48), S(40.96), S(81.92)
};
static const int64_t tokens[] = { 1,	 4,	16,	64,	 256,	  1024,	    4096,
				  16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864 };
static const int64_t mcp_ns[] = { S(0.01), S(0.02), S(0.05), S(0.1), S(0.2), S(0.5), S(1),
				  S(2),	   S(5),    S(10),   S(30),  S(60),  S(120), S(300) };
static const int64_t run_ns[] = { S(1),	  S(5),	  S(10),   S(30),   S(60),   S(120),
				  S(300), S(600), S(1800), S(3600), S(7200), S(14400) };

#define L(label) METRIC_LABEL(LABEL_##label)
#define AGENT	 (L(AGENT) | L(PLACE))
#define WHO	 (AGENT | L(USER) | L(PROJECT) | L(NAMESPACE) | L(CONTAINER))
#define CALL	 (WHO | L(PROVIDER) | L(MODEL) | L(OPERATION))
/* Users and projects would multiply buckets. */
#define CALL_HISTOGRAM		    (AGENT | L(PROVIDER) | L(MODEL) | L(OPERATION) | METRIC_LABELS_OTLP)

#define COUNTER(id, mask)	    [METRIC_##id] = { .labels = (mask) }
#define HISTOGRAM(id, mask, bounds) [METRIC_##id] = { (mask), bounds, ARRAY_SIZE(bounds) }

const struct metric_def metric_defs[METRIC_NR] = {
	COUNTER(CALLS, CALL),
	COUNTER(TOKENS, CALL | L(TOKEN_TYPE)),
	COUNTER(COST, CALL),
	COUNTER(EQUIVALENT, CALL),
	COUNTER(UNPRICED, CALL),
	COUNTER(USAGE_UNKNOWN, CALL),
	COUNTER(ERRORS, CALL | L(ERROR_TYPE)),
	COUNTER(LOST, AGENT | L(PROVIDER)),
	COUNTER(TOOL_CALLS, WHO | L(TOOL)),
	COUNTER(TOOL_ERRORS, WHO | L(TOOL) | L(ERROR_TYPE)),
	COUNTER(RUNS, WHO | L(STATUS)),
	COUNTER(CORRECTIONS, 0),
	HISTOGRAM(DURATION, CALL_HISTOGRAM | L(ERROR_TYPE), call_ns),
	HISTOGRAM(FIRST_TOKEN, CALL_HISTOGRAM, call_ns),
	HISTOGRAM(TOKEN_USAGE, CALL_HISTOGRAM | L(TOKEN_TYPE), tokens),
	HISTOGRAM(TOOL_DURATION, AGENT | L(TOOL), mcp_ns),
	HISTOGRAM(MCP_DURATION, AGENT | L(MCP_METHOD) | L(ERROR_TYPE), mcp_ns),
	HISTOGRAM(RUN_DURATION, AGENT | L(STATUS), run_ns),
};

const char *const metric_label_names[LABEL_NR] = {
	[LABEL_AGENT] = "agent",
	[LABEL_PROVIDER] = "provider",
	[LABEL_MODEL] = "model",
	[LABEL_REQUEST_MODEL] = "request_model",
	[LABEL_RESPONSE_MODEL] = "response_model",
	[LABEL_SERVER_ADDRESS] = "server_address",
	[LABEL_SERVER_PORT] = "server_port",
	[LABEL_OPERATION] = "operation",
	[LABEL_TOKEN_TYPE] = "type",
	[LABEL_ERROR_TYPE] = "error_type",
	[LABEL_TOOL] = "tool",
	[LABEL_MCP_METHOD] = "method",
	[LABEL_STATUS] = "status",
	[LABEL_USER] = "user",
	[LABEL_PROJECT] = "project",
	[LABEL_NAMESPACE] = "k8s_namespace",
	[LABEL_CONTAINER] = "container",
	[LABEL_PLACE] = "place",
};
