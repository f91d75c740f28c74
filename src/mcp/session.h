/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A conversation, whatever carries it: what both sides have told of themselves (struct session),
 * and what one of them asks the other one for (struct asker). Requests go both ways, with numbers
 * of their own: so there is an asker per direction. For the transports in this folder.
 */
#pragma once

#include "base/arena.h"
#include "mcp/mcp.h"
#include "mcp/method.h"
#include "proto/jsonrpc.h"

#define SESSION_CALLS_MAX 1024	/* of an asker that wait at once; then the oldest is given up */
#define MCP_CALLS_MAX	  16384 /* of all; then no more are taken in */
#define SESSION_TOOLS_MAX 1024	/* that are remembered of a server; more are counted */

struct mcp {
	const struct mcp_reader *reader;
	void *ctx;
	struct stats *stats;
	struct arena_budget budget;
	unsigned n_waiting;	     /* calls of all askers */
	struct session_call *parked; /* calls whose servers want more input (utlist) */
	struct talk *talks;	     /* stdio.c */
	unsigned n_talks;
	struct http_session *sessions; /* http_session.c: by key */
	struct http_session *sessions_used;
	unsigned n_sessions;
	struct http_work *works; /* http.c: exchanges under way (utlist) */
	unsigned n_works;
	struct card *cards; /* card.c: by host, oldest first */
};

/* --- session.c: what is known of both --- */

struct offered; /* a tool */

struct session {
	struct mcp *mcp;
	char *id;   /* of the transport; malloc'ed, or NULL; likewise */
	char *host; /* HTTP: as the Host header has it */
	char *client_name, *client_version;
	char *server_name, *server_version, *protocol_version;
	struct arena *tools_mem; /* of tools, NULL: none were listed */
	struct offered *tools;
	int64_t n_tools; /* TOOL_UNKNOWN until they are listed */
};

void session_init(struct session *s, struct mcp *m);
void session_done(struct session *s);
/* Keeps a string that is not empty, too long, or holds a NUL. */
void session_keep(char **dst, struct slice text);

/* Struct rpc_method has these. */
void session_take_client(struct session *s, struct slice params);
void session_take_server(struct session *s, struct slice params, struct slice result);
void session_take_tools(struct session *s, struct slice params, struct slice result);
void session_take_card(struct session *s, struct slice params, struct slice result);
/* `_meta` of a request or of a result: since 2026-07-28 each message says who speaks. */
void session_take_meta(struct session *s, struct slice object);
/* What the server says a tool is for; empty where it was not listed. */
struct slice session_tool(const struct session *s, struct slice name);

/* --- asker.c: requests that wait --- */

struct session_call;

struct asker {
	struct session *session;	   /* what its calls are described with */
	struct process_key client, server; /* kept up by the transport; client: who asks */
	struct session_call *calls;	   /* that wait for their answers (utlist) */
	uint32_t n_calls;		   /* ever */
	unsigned n_waiting;
};

/* How a message came. */
struct circumstance {
	const struct connection *conn;
	bool http, inbound;
	bool head_only;	      /* HTTP's head is all that is known of it */
	bool one_numbering;   /* an id is used once at a time in this session, not per exchange */
	const void *exchange; /* HTTP: that it came with, as an identity; else NULL */
	const struct asker *works_for; /* whose call the sender may be working on, or NULL */
};

void asker_init(struct asker *a, struct session *s);
void asker_done(struct asker *a); /* without callbacks */

/* Its request or notification. */
void asker_asked(struct asker *a, const struct circumstance *how, const struct jsonrpc_message *m);
/* A result or an error of who is asked. False: nothing waits for it. */
bool asker_answered(struct asker *a, const struct circumstance *how,
		    const struct jsonrpc_message *m);
/* A notification of who is asked. */
void asker_told(struct asker *a, const struct circumstance *how, const struct jsonrpc_message *m);
/* Whether an answer with that id is waited for. */
bool asker_waits(const struct asker *a, struct slice id);
/* @n bytes of what is answered are missing. */
void asker_lost(struct asker *a, const void *exchange, uint64_t n);
/* Whatever waits has waited in vain. */
void asker_cut(struct asker *a, const char *why, uint64_t ts_ns);
/* What waits on @exchange only: @status is that of HTTP where it refused, else 0. */
void asker_exchange_over(struct asker *a, const void *exchange, int status, const char *why,
			 uint64_t ts_ns);
/* What waits on @exchange may be answered on any other. */
void asker_let_go(struct asker *a, const void *exchange);

/* --- a2a.c: what other agents say --- */

/* Ids and state out of a message's parameters or result. */
void a2a_take(struct tool_call *c, struct arena *mem, struct slice value);
/* Whether the task is over, as far as it was told. */
bool a2a_is_over(const struct tool_call *c);

/* --- card.c: who the agents are --- */

struct card {
	struct card *prev, *next;
	char *host, *name, *version, *description;
};

void card_take(struct mcp *m, struct slice host, struct slice json);
const struct card *card_find(const struct mcp *m, struct slice host);
void cards_free(struct mcp *m);
