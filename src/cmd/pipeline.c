/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/json.h"
#include "base/map.h"
#include "base/util.h"
#include "llm/llm.h"
#include "llm/socket.h"
#include "mcp/mcp.h"
#include "proc/proc.h"
#include "proto/http.h"
#include "stream/halves.h"
#include "stream/stream.h"

/* A connection is copied at least this far before it may be found uninteresting. */
#define VERDICT_BYTES (64u << 10)
/* So many connections of a process that carried nothing of an agent: the next ones are no longer
 * waited for. Only where nobody has said that it is one. */
#define DULL_MAX  16
#define HOSTS_MAX 4096

/* What is known of a connection beside its bytes. */
struct peer {
	uint64_t id;
	bool http;	/* exchanges were seen */
	bool not_http;	/* it speaks something else */
	bool wanted;	/* it carried what a run consists of, or leads to where models answer */
	bool talk;	/* it may still carry such: JSON, events */
	bool bulk;	/* it carries something that no agent says or hears: files */
	bool no_longer; /* the kernel has been told */
	UT_hash_handle hh;
};

/* A host that once answered a model call: all that goes there is kept. */
struct host {
	uint64_t hash;
	UT_hash_handle hh;
};

struct pipeline {
	struct pipeline_config c;
	struct proc *proc;
	struct halves *halves;
	struct stream *stream;
	struct http *http;
	struct llm *llm;
	struct llm_sockets *sockets;
	struct mcp *mcp;
	struct trace *trace;
	struct peer *peers;
	struct host *hosts;
	uint64_t now_ns;	    /* of the newest event */
	enum sonde_load told, load; /* of intake; with what memory says */
	bool ended;
};

/* --- connections --- */

static struct peer *peer_find(struct pipeline *p, uint64_t id)
{
	struct peer *peer;

	HASH_FIND(hh, p->peers, &id, sizeof(id), peer);
	return peer;
}

/* NULL where memory is refused: then the connection is read, and never judged. */
static struct peer *peer_get(struct pipeline *p, uint64_t id)
{
	struct peer *peer = peer_find(p, id);

	if (peer)
		return peer;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	peer->id = id;
	HASH_ADD(hh, p->peers, id, sizeof(id), peer);
	if (!peer->hh.tbl) {
		free(peer);
		return NULL;
	}
	return peer;
}

static void peer_forget(struct pipeline *p, struct peer *peer)
{
	HASH_DEL(p->peers, peer);
	free(peer);
}

static uint64_t host_hash(struct slice host)
{
	return XXH3_64bits(host.p, host.n);
}

static bool is_model_host(struct pipeline *p, struct slice name)
{
	uint64_t hash = host_hash(name);
	struct host *h;

	HASH_FIND(hh, p->hosts, &hash, sizeof(hash), h);
	return h;
}

static void remember_host(struct pipeline *p, struct slice name)
{
	struct host *h;

	if (!name.n || HASH_COUNT(p->hosts) >= HOSTS_MAX || is_model_host(p, name))
		return;
	h = calloc(1, sizeof(*h));
	if (!h)
		return;
	h->hash = host_hash(name);
	HASH_ADD(hh, p->hosts, hash, sizeof(h->hash), h);
	if (!h->hh.tbl)
		free(h);
}

/* --- which connections are worth copying --- */

static bool is_talk(struct slice type)
{
	/* Without a type, anything is possible. */
	return !type.n || slice_has(type, SLICE("json")) ||
	       slice_has(type, SLICE("event-stream")) || slice_has(type, SLICE("form-urlencoded"));
}

/* Whether a head may belong to MCP, A2A or a tool's API: JSON, or a stream of events. */
static bool is_talk_head(const struct http_exchange *x)
{
	static const struct slice marks[] = {
		{ "mcp-session-id", 14 },
		{ "mcp-protocol-version", 20 },
		{ "last-event-id", 13 },
	};
	struct slice type = http_header(&x->request, SLICE("content-type"));

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (http_header(&x->request, marks[i]).n)
			return true;
	return (type.n && is_talk(type)) ||
	       slice_has(http_header(&x->request, SLICE("accept")), SLICE("event-stream"));
}

/*
 * One exchange is not enough to drop a connection: agents ask for lists, files and updates on the
 * connection that carries their next model call. What is dropped carries files, to or from a host
 * that never answered a model call.
 */
static void judge_exchange(struct pipeline *p, struct peer *peer, enum http_event ev,
			   const struct http_exchange *x, bool is_call)
{
	const struct http_message *m = ev == HTTP_RESPONSE_HEAD ? &x->response : &x->request;

	peer->http = true;
	peer->wanted |= is_call;
	if (ev != HTTP_REQUEST_HEAD && ev != HTTP_RESPONSE_HEAD)
		return;
	if (is_call && ev == HTTP_RESPONSE_HEAD)
		remember_host(p, x->host);
	peer->talk |= is_talk_head(x);
	peer->wanted |= is_model_host(p, x->host);
	peer->bulk |= !is_talk(http_header(m, SLICE("content-type")));
}

/* What passes between processes. */
static bool is_talk_conn(const struct connection *conn)
{
	return conn->flags & SONDE_CONN_TALK || conn->source == SONDE_SOURCE_PIPE;
}

static bool is_long(const struct connection *conn)
{
	return conn->bytes[SONDE_DIR_IN] + conn->bytes[SONDE_DIR_OUT] >= VERDICT_BYTES;
}

/* Of a process that is part of a run. */
static bool is_dull(const struct peer *peer, const struct connection *conn)
{
	return !peer->talk && (peer->not_http || peer->bulk) &&
	       (is_talk_conn(conn) || is_long(conn));
}

/* Of one that a daemon has found, and that has done nothing of an agent's so far: most of what a
 * host does is JSON over HTTP. */
static bool is_dull_stranger(const struct peer *peer, const struct connection *conn,
			     const struct process *process)
{
	return (peer->not_http || peer->http) &&
	       (is_talk_conn(conn) ? peer->not_http : is_long(conn) || process->dull >= DULL_MAX);
}

/* Where more comes than can be read, one exchange that is nobody's talk is enough. */
static bool is_no_talk(const struct peer *peer)
{
	return !peer->talk && (peer->not_http || peer->http);
}

/* The kernel may stop copying @conn, and only count, once this says so. */
static void judge(struct pipeline *p, struct peer *peer, const struct connection *conn)
{
	struct process *stranger;
	uint64_t ids[2];
	size_t n;
	const bool hurry = p->load >= SONDE_LOAD_CONNECTIONS;

	if (!p->c.verdict || !peer || peer->no_longer || peer->wanted)
		return;
	stranger = trace_is_stranger(p->trace, conn->process) ? proc_find(p->proc, conn->process)
							      : NULL;
	if (!(stranger ? is_dull_stranger(peer, conn, stranger) : is_dull(peer, conn)) &&
	    !(hurry && is_no_talk(peer)))
		return;
	peer->no_longer = true;
	stat_add(p->c.stats, STAT_SHED_CONNECTIONS, hurry);
	n = halves_ids(p->halves, conn->id, ids);
	for (size_t i = 0; i < n; i++)
		peer->no_longer &= p->c.verdict(p->c.ctx, ids[i]) != -EAGAIN;
	if (stranger && peer->no_longer)
		stranger->dull++;
}

/* --- from stage to stage --- */

static void on_call(void *ctx, enum llm_event ev, struct llm_call *call)
{
	struct pipeline *p = ctx;

	trace_call(p->trace, ev, call);
}

static bool take_exchange(struct pipeline *p, enum http_event ev, struct http_exchange *x,
			  struct slice piece)
{
	struct peer *peer = peer_get(p, x->conn->id);
	bool is_call, is_tool;

	if (ev == HTTP_REQUEST_HEAD || ev == HTTP_RESPONSE_HEAD || ev == HTTP_FINISHED)
		trace_head(p->trace, ev, x);
	is_call = llm_feed(p->llm, ev, x, piece);
	is_tool = mcp_exchange(p->mcp, ev, x, piece, is_call);
	if (peer) {
		judge_exchange(p, peer, ev, x, is_call);
		peer->wanted |= is_tool;
	}
	if (ev == HTTP_FINISHED && !is_call && !is_tool)
		trace_exchange(p->trace, x);
	return is_call;
}

static void on_exchange(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	take_exchange(ctx, ev, x, piece);
}

static void on_not_http(void *ctx, struct connection *conn)
{
	struct peer *peer = peer_get(ctx, conn->id);

	if (peer)
		peer->not_http = true;
}

static void on_tool(void *ctx, enum tool_event ev, struct tool_call *call)
{
	struct pipeline *p = ctx;

	trace_tool(p->trace, ev, call);
}

static void on_decided(void *ctx, struct connection *conn, bool speaks)
{
	struct peer *peer = peer_get(ctx, conn->id);

	if (!peer)
		return;
	peer->wanted = speaks;
	peer->not_http = !speaks;
}

static void on_used(void *ctx, struct connection *conn, const struct sonde_use_event *use)
{
	struct pipeline *p = ctx;
	const struct process_key key = { use->hdr.tgid, use->hdr.start_ns };

	if (is_talk_conn(conn))
		mcp_used(p->mcp, conn, use->dir, use->reads, key);
}

static void on_chunk(void *ctx, const struct stream_chunk *chunk)
{
	struct pipeline *p = ctx;

	/* A socket under TLS: its bytes are ciphertext, its plaintext is another connection. */
	if (chunk->conn->flags & SONDE_CONN_TLS)
		return;
	if (is_talk_conn(chunk->conn))
		mcp_feed(p->mcp, chunk);
	else
		http_feed(p->http, chunk);
	judge(p, peer_find(p, chunk->conn->id), chunk->conn);
}

static void on_joined(void *ctx, const struct sonde_event *e)
{
	struct pipeline *p = ctx;

	stream_feed(p->stream, e);
}

static void on_close(void *ctx, struct connection *conn, uint64_t ts_ns)
{
	struct pipeline *p = ctx;
	struct peer *peer;

	if (is_talk_conn(conn))
		mcp_close(p->mcp, conn, p->ended ? "the recording ended" : "the connection closed",
			  ts_ns);
	else
		http_close(p->http, conn, p->ended ? HTTP_END_RECORDING : HTTP_END_CUT, ts_ns);
	peer = peer_find(p, conn->id);
	trace_connection(p->trace, conn, peer && peer->http);
	if (peer)
		peer_forget(p, peer);
}

static void on_socket(void *ctx, struct http_socket *s, const struct http_socket_message *m,
		      enum http_end why)
{
	struct pipeline *p = ctx;

	llm_sockets_feed(p->sockets, s, m, why);
}

static const struct stream_reader stream_reader = { .chunk = on_chunk,
						    .used = on_used,
						    .close = on_close };
static const struct mcp_reader mcp_reader = { .call = on_tool, .decided = on_decided };
static const struct http_reader http_reader = {
	.exchange = on_exchange,
	.socket = on_socket,
	.not_http = on_not_http,
};

int pipeline_new(const struct pipeline_config *c, struct pipeline **ret)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->c = *c;
	r = proc_new(c->stats, &p->proc);
	if (!r)
		r = trace_new(c->sink, c->ctx, p->proc, c->prices, c->stats, &p->trace);
	if (!r)
		r = llm_new(on_call, p, c->stats, &p->llm);
	if (!r)
		llm_set_endpoints(p->llm, c->endpoints);
	if (!r)
		r = llm_sockets_new(on_exchange, p, &p->sockets);
	if (!r)
		r = mcp_new(&mcp_reader, p, c->stats, &p->mcp);
	if (!r)
		r = http_new(&http_reader, p, NULL, c->stats, &p->http);
	if (!r)
		r = stream_new(&stream_reader, p, c->stats, &p->stream);
	if (!r)
		r = halves_new(on_joined, p, c->stats, &p->halves);
	if (r < 0) {
		pipeline_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	struct host *h, *next;

	if (!p)
		return;
	/* Against the current: what a stage still holds was lent by the one before it. */
	if (p->trace)
		trace_free(p->trace);
	if (p->llm)
		llm_free(p->llm);
	llm_sockets_free(p->sockets);
	mcp_free(p->mcp);
	if (p->http)
		http_free(p->http);
	stream_free(p->stream);
	halves_free(p->halves);
	proc_free(p->proc);
	while (p->peers)
		peer_forget(p, p->peers);
	HASH_ITER(hh, p->hosts, h, next)
	{
		HASH_DEL(p->hosts, h);
		free(h);
	}
	free(p);
}

static void advance(struct pipeline *p, uint64_t now_ns)
{
	if (now_ns > p->now_ns)
		p->now_ns = now_ns;
}

bool pipeline_exchange(struct pipeline *p, enum http_event ev, struct http_exchange *x,
		       struct slice piece)
{
	advance(p, x->now_ns);
	return take_exchange(p, ev, x, piece);
}

void pipeline_socket(struct pipeline *p, struct http_socket *s, const struct http_socket_message *m,
		     enum http_end why)
{
	advance(p, s->now_ns);
	on_socket(p, s, m, why);
}

void pipeline_forget(struct pipeline *p, const struct connection *conn)
{
	struct peer *peer = peer_find(p, conn->id);

	if (peer)
		peer_forget(p, peer);
}

void pipeline_end(struct pipeline *p)
{
	if (p->ended)
		return;
	p->ended = true;
	halves_end(p->halves);
	stream_end(p->stream, p->now_ns);
	trace_end(p->trace, p->now_ns);
}

/* --- how much there is room for --- */

/* Of the engine's memory; the rest is for what waits before (intake) and behind (the store), and
 * for what is known of processes and conversations. */
static void take_config(struct pipeline *p, const struct sonde_event *e)
{
	const struct sonde_json_event *j = (const void *)e;
	_cleanup_(cJSON_Deletep) cJSON *json =
		json_parse((struct slice){ j->json, e->size - sizeof(*e) });
	const int64_t bytes = json_int(json, "memory_bytes");

	if (bytes <= 0)
		return;
	http_set_memory(p->http, (size_t)bytes / 4);
	llm_set_memory(p->llm, (size_t)bytes / 8);
}

/* Exchanges in flight that fill the memory are a load as well. */
static enum sonde_load by_memory(const struct pipeline *p)
{
	size_t used, max;

	http_memory(p->http, &used, &max);
	return used > max / 8 * 5 ? SONDE_LOAD_CONTENT
	       : used > max / 2	  ? SONDE_LOAD_CONNECTIONS
				  : SONDE_LOAD_NONE;
}

static void weigh(struct pipeline *p)
{
	const enum sonde_load memory = by_memory(p);

	p->load = memory > p->told ? memory : p->told;
	trace_load(p->trace, p->load);
}

void pipeline_content_gone(struct pipeline *p)
{
	trace_content_gone(p->trace);
}

void pipeline_feed(struct pipeline *p, const struct sonde_event *e)
{
	struct process *process;

	if (p->ended)
		return;
	advance(p, e->ts_ns);
	if (e->kind == SONDE_EV_CONFIG)
		take_config(p, e);
	else if (e->kind == SONDE_EV_LOAD)
		p->told = ((const struct sonde_load_event *)(const void *)e)->level;
	if (e->kind == SONDE_EV_LOAD || e->kind == SONDE_EV_TICK)
		weigh(p);
	process = proc_feed(p->proc, e);
	if (e->kind == SONDE_EV_EXIT)
		mcp_exited(p->mcp, (struct process_key){ e->tgid, e->start_ns }, e->ts_ns);
	/* Before trace: a process's exit first ends what its connections carried. */
	halves_feed(p->halves, e);
	trace_event(p->trace, e, process);
	if (e->kind == SONDE_EV_END)
		pipeline_end(p);
}
