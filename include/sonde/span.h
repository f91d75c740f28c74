/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One step of a run: what trace/ makes, the store keeps and exporters send.
 *
 * Attribute names are those of the OpenTelemetry GenAI conventions 1.41, ours begin with `sonde.`.
 * Times are Unix time. Strings are lent for the callback.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "base/slice.h"
#include "sonde/llm.h"
#include "sonde/stream.h"

enum step_kind {
	STEP_AGENT = 1, /* invoke_agent: the run's root, or a sub-agent */
	STEP_LLM = 2,
	STEP_TOOL = 3,
	STEP_PROCESS = 4, /* a program of the tree */
	STEP_HTTP = 5,	  /* an exchange that is no model call, where it is worth a step */
	STEP_MCP = 6,	  /* a request to a tool server or another agent, or from one */
	STEP_FILE = 7,	  /* what became of one file: written, renamed, removed */
	STEP_NETWORK = 8, /* attempts to connect to one peer, with their result */
};

enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3 }; /* as OTLP numbers them */

enum span_status { SPAN_UNSET = 0, SPAN_OK = 1, SPAN_ERROR = 2 }; /* as OTLP numbers them */

enum cost_source {
	COST_UNKNOWN = 0, /* no usage, or no price: cost_pico_usd means nothing */
	COST_PROVIDER = 1,
	COST_TABLE = 2,
	COST_ESTIMATED = 3, /* price table on estimated tokens */
};

struct cost {
	int64_t pico_usd; /* 10^-12 USD */
	enum cost_source source;
	bool equivalent; /* covered by a subscription: what it would have cost */
	struct slice
		key; /* the price that was used: "table version/model[/rule]", or why unpriced */
};

enum attr_type { ATTR_STRING, ATTR_INT, ATTR_DOUBLE, ATTR_BOOL, ATTR_STRINGS /* JSON array */ };

struct attr {
	const char *name;
	enum attr_type type;
	struct slice s; /* STRING, STRINGS */
	int64_t i;	/* INT, BOOL */
	double d;
};

struct span {
	struct id128 run_id;		/* = trace id */
	struct id64 span_id, parent_id; /* parent all zero: the root */
	struct id128 session_id;	/* all zero: none known */
	enum step_kind step;
	enum span_kind kind;
	struct slice name;
	uint64_t start_ns, end_ns; /* Unix time; end 0 while it lasts */
	enum span_status status;
	struct slice status_text; /* of an error */
	bool final;		  /* nothing will change it but a new version */

	/* the wide row: what people filter and sum by; empty or LLM_UNKNOWN where it does not apply
	 */
	struct slice agent, agent_version;
	struct slice provider, request_model, response_model, server_address;
	int server_port;
	struct slice tool_name, tool_call_id;
	struct slice response_id, conversation_id, finish_reason, error_type;
	struct process_key process;
	struct slice program;  /* base name of the process's executable */
	struct slice evidence; /* which rule linked it to its parent */
	struct llm_usage usage;
	struct cost cost;
	int64_t first_token_ns; /* after start; LLM_UNKNOWN where none came */
	uint64_t lost_bytes;
	struct slice lost_reason;

	/* everything else */
	const struct attr *attrs;
	size_t n_attrs;

	/* content: ids of blobs and conversation nodes; all zero where none is kept */
	struct id128 input_node; /* last message of the input: the conversation up to it */
	struct id128 output_node;
	struct id128 system_blob, tools_blob;
	struct id128 args_blob, result_blob; /* of STEP_TOOL and STEP_MCP */
	struct id128 raw_blob;		     /* envelope of the exchange */
};
