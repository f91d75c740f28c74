/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON-RPC 2.0: documents, and messages on lines, which is one direction of what MCP speaks over
 * pipes.
 *
 * Bytes go in as they were captured, in pieces of any size; one callback comes out per message, for
 * each of a batch, and for each line that is none. Sans-I/O. A gap or a limit costs the line that
 * it is in. Specs: https://www.jsonrpc.org/specification, MCP's "stdio" transport.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#define JSONRPC_MESSAGE_MAX ((size_t)64 << 20) /* bytes of one line */
#define JSONRPC_BATCH_MAX   1024	       /* messages of one batch that are read */

enum jsonrpc_kind {
	JSONRPC_OTHER, /* a line that is no JSON-RPC */
	JSONRPC_REQUEST,
	JSONRPC_NOTIFICATION,
	JSONRPC_RESULT,
	JSONRPC_ERROR,
};

/* Lent for the callback; JSON as it stands in the message, empty where there is none. */
struct jsonrpc_message {
	enum jsonrpc_kind kind;
	bool is_json;		   /* OTHER: well formed all the same */
	bool batch;		   /* one of an array */
	struct slice line;	   /* all of it */
	struct slice id;	   /* raw: a number, or a string with its quotes */
	struct slice method;	   /* without quotes, escapes as they stand */
	struct slice params;	   /* of a request or notification */
	struct slice value;	   /* what "result" or "error" is */
	uint64_t pos;		   /* of the line in its direction */
	uint64_t begin_ns, end_ns; /* when its first and last byte came */
};

typedef void (*jsonrpc_fn)(void *ctx, const struct jsonrpc_message *m);

/* One document, as HTTP carries them: a message or a batch. @blank has position and times. */
void jsonrpc_read(struct slice text, const struct jsonrpc_message *blank, jsonrpc_fn fn, void *ctx);
/*
 * Whether what begins with @text may be JSON-RPC, by its first member: 1, 0, or -EAGAIN where more
 * is needed to tell.
 */
int jsonrpc_may_begin(struct slice text);

struct jsonrpc {
	struct buf line; /* the unfinished line, kept from the last feed */
	uint64_t line_pos, begin_ns;
	bool skip;   /* the rest of this line is dropped */
	int dropped; /* why the last feed dropped a line (-E2BIG, -ENOMEM), or 0 */
	struct arena_budget *budget;
	jsonrpc_fn fn;
	void *ctx;
};

/* @budget: what all lines that are kept may take together; must outlive it. */
void jsonrpc_init(struct jsonrpc *p, struct arena_budget *budget, jsonrpc_fn fn, void *ctx);
void jsonrpc_done(struct jsonrpc *p);

/* Consumes all of @in, whose first byte is at @pos of the direction. */
void jsonrpc_feed(struct jsonrpc *p, struct slice in, uint64_t pos, uint64_t ts_ns);
/* Bytes are missing here: what is kept of the line is no message. */
void jsonrpc_gap(struct jsonrpc *p);
/* The direction has ended: a last line without its line end is a message if it is whole. */
void jsonrpc_finish(struct jsonrpc *p, uint64_t ts_ns);
