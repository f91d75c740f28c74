/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request to a tool server (MCP), from it, or to another agent (A2A), and its answer: what mcp/
 * makes of the two messages.
 *
 * Strings are lent until TOOL_END has been told.
 */
#pragma once

#include "base/slice.h"
#include "sonde/stream.h"

#define TOOL_UNKNOWN (-1) /* of a count */

enum tool_kind {
	TOOL_CALL, /* tools/call */
	TOOL_RESOURCE,
	TOOL_PROMPT,
	TOOL_SAMPLING,	  /* the server wants a model's answer */
	TOOL_ELICITATION, /* the server wants the user's */
	TOOL_OTHER,	  /* handshakes, lists: told where they failed or were slow */
	TOOL_AGENT,	  /* a message to another agent */
};

struct tool_call {
	const struct connection *conn;	   /* that carried the request, as it was then; lent */
	uint64_t pos;			   /* of the request in it */
	uint32_t number;		   /* of this call on it, from 0 */
	struct process_key client, server; /* all zero: not known (yet); client: who asks */
	struct slice client_name, client_version, server_name, server_version; /* as they said */
	struct slice protocol_version;
	struct slice session_id; /* of the transport; empty: none */
	struct slice host;	 /* HTTP: who is asked, as the Host header has it */
	bool http;		 /* else lines over pipes or sockets */
	bool inbound;		 /* HTTP, seen at the end of who is asked */
	bool batch;		 /* one of several in a message */
	bool head_only;		 /* the request's body was lost: arguments are not known */

	enum tool_kind kind;
	struct slice method;		/* as the protocol calls it */
	struct slice request_id;	/* JSON: a number, or a string with its quotes */
	struct slice name;		/* of the tool or prompt, as the server calls it */
	struct slice uri;		/* of the resource */
	struct slice description;	/* of the tool, where it was listed */
	struct slice arguments;		/* JSON; of what is no tool, all parameters */
	int64_t n_tools;		/* that the server offers, or TOOL_UNKNOWN */
	const struct tool_call *within; /* that the server works on as it asks, or NULL */

	struct slice result;	    /* JSON: the result, or the error object */
	bool is_error;		    /* the tool says that it failed */
	bool refused;		    /* a JSON-RPC error came instead of a result */
	bool cancelled;		    /* by the client; then cut says so too */
	int64_t error_code;	    /* where refused */
	struct slice error_message; /* likewise */
	int http_status;	    /* of an answer that refused without JSON-RPC, else 0 */
	const char *cut;	    /* why no answer was seen, or NULL */
	uint64_t lost_bytes;	    /* of the answers' direction, while it was waited for */
	uint32_t progress;	    /* notifications of it */
	uint32_t rounds;	    /* times that it was asked again with what the server wanted */

	/* A2A */
	struct slice agent_name, agent_version, agent_description; /* of its card */
	struct slice context_id, task_id, task_state;		   /* the newest told */

	uint64_t start_ns,
		end_ns; /* boot time: first byte of the request, last one of the answer */
	void *user;	/* the consumer's own */
};

enum tool_event {
	TOOL_BEGIN, /* the request is known */
	TOOL_END,   /* always, and last */
};

typedef void (*tool_fn)(void *ctx, enum tool_event ev, struct tool_call *call);
