/* SPDX-License-Identifier: BSD-2-Clause */
/* The methods of MCP (all revisions up to 2026-07-28) and A2A (0.3 and 1.0), as a table. */
#pragma once

#include "sonde/tool.h"

struct jsonrpc_message;
struct session;

enum {
	METHOD_LONG = 1, /* lasts as long as someone listens: never slow, may end without answer */
	METHOD_STREAM = 2, /* several results may come; the exchange ends it */
	METHOD_TASK = 4,   /* tells of a task of another agent: worth a step where that has ended */
};

struct rpc_method {
	const char *name;
	enum tool_kind kind;
	unsigned flags;
	const char *subject; /* the parameter that names what is wanted, or NULL */
	/* What both sides tell of themselves in parameters and results; NULL: nothing. */
	void (*asked)(struct session *s, struct slice params);
	void (*answered)(struct session *s, struct slice params, struct slice result);
};

/* NULL: neither protocol has it. */
const struct rpc_method *rpc_method(struct slice name);
/* What is read of a method that nobody knows. */
extern const struct rpc_method rpc_method_unknown;
