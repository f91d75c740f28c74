/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Model Context Protocol and Agent2Agent: requests and their results, paired.
 *
 * session.c and asker.c know what messages mean, whatever carries them; method.c is the table of
 * methods. Transports: stdio.c over pipes and pairs of sockets (SONDE_CONN_TALK): which pipe
 * answers which, who is client and who is server. http.c reads exchanges, http_message.c knows
 * whose they are. Specs: https://modelcontextprotocol.io/specification,
 * https://a2a-protocol.org/latest/specification
 */
#pragma once

#include "sonde/http.h"
#include "sonde/stats.h"
#include "sonde/tool.h"

struct mcp;

struct mcp_reader {
	tool_fn call;
	/* It is now known whether the connection speaks JSON-RPC; of one that does not, nothing
	 * more is read. Once for each. */
	void (*decided)(void *ctx, struct connection *conn, bool speaks);
};

/* 0 or -ENOMEM (@ret is left alone). @reader and @stats must outlive it. */
int mcp_new(const struct mcp_reader *reader, void *ctx, struct stats *stats, struct mcp **ret);
void mcp_free(struct mcp *m); /* without callbacks */

/* A process has gone: what it was asked it will not answer. */
void mcp_exited(struct mcp *m, struct process_key process, uint64_t ts_ns);

/* --- HTTP --- */

/*
 * Every event of every exchange, after a reader of model calls had it: @taken is its answer. Uses
 * x->rpc for itself. Whether the exchange is one of ours, as far as that is known.
 */
bool mcp_exchange(struct mcp *m, enum http_event ev, struct http_exchange *x, struct slice piece,
		  bool taken);

/* --- what passes between processes --- */

/* Uses conn->user for itself from the first call to mcp_close(). */
void mcp_feed(struct mcp *m, const struct stream_chunk *chunk);
/* From here on @process reads (@reads), or writes, what goes in direction @dir of @conn. */
void mcp_used(struct mcp *m, struct connection *conn, enum sonde_dir dir, bool reads,
	      struct process_key process);
/* The connection has gone; calls that wait for answers on it are over, for the reason @why. */
void mcp_close(struct mcp *m, struct connection *conn, const char *why, uint64_t ts_ns);
