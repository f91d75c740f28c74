/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/http.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/util.h"
#include "proto/protocol.h"
#include "proto/websocket.h"

/* A connection joined midway may finish a long body before its next message starts. */
#define UNDECIDED_MAX (64u << 20)
/*
 * Nothing says whether the first bytes of a TLS stream that were seen are its first ones (the
 * library may have been found late): where they are no HTTP, it is looked for so long.
 */
#define UNDECIDED_TLS_MAX (4u << 20)

const struct http_limits http_limits_default = {
	.head_bytes = 256 << 10,
	.body_bytes = 64 << 20,
	.ratio = 200,
	.memory_bytes = 512 << 20,
};

static const struct http_protocol *const protocols[] = { &http1, &http2 };

int http_new(const struct http_reader *reader, void *ctx, const struct http_limits *limits,
	     struct stats *stats, struct http **ret)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->reader = reader;
	h->ctx = ctx;
	h->limits = limits ? limits : &http_limits_default;
	h->stats = stats;
	h->budget.max = h->limits->memory_bytes;
	*ret = h;
	return 0;
}

void http_set_memory(struct http *h, size_t bytes)
{
	h->budget.max = bytes;
}

void http_memory(const struct http *h, size_t *ret_used, size_t *ret_max)
{
	*ret_used = h->budget.used;
	*ret_max = h->budget.max;
}

void http_free(struct http *h)
{
	struct http_conn *c, *next;

	if (!h)
		return;
	for (c = h->conns; c; c = next) {
		next = c->next;
		if (c->protocol)
			c->protocol->free(c->state);
		websocket_upgrade_free(c->upgrade);
		free(c);
	}
	free(h);
}

static struct http_conn *conn_new(struct http *h, struct connection *conn)
{
	struct http_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->http = h;
	c->conn = conn;
	c->midway = conn->flags & SONDE_CONN_MIDWAY;
	conn->user = c;
	DL_APPEND(h->conns, c);
	return c;
}

static void close_protocol(struct http_conn *c, enum http_end why)
{
	if (c->protocol)
		c->protocol->close(c->state, why);
	c->protocol = NULL;
	c->state = NULL;
}

static void ignore(struct http_conn *c)
{
	struct http *h = c->http;

	c->ignored = true;
	stat_add(h->stats, c->exchanges ? STAT_HTTP_BAD : STAT_HTTP_NOT_HTTP, 1);
	close_protocol(c, HTTP_END_LOST);
	if (h->reader->not_http)
		h->reader->not_http(h->ctx, c->conn);
}

static bool start(struct http_conn *c, const struct http_protocol *protocol, enum sonde_dir dir,
		  struct slice first)
{
	c->state = protocol->open(c, dir, first, c->midway);
	if (!c->state) {
		stat_add(c->http->stats, STAT_HTTP_OVER_LIMIT, 1);
		c->midway = true; /* the next message may find memory */
		return false;
	}
	c->protocol = protocol;
	return true;
}

/* HTTP/2 begins here, whatever of the connection was missed before; @dir is the server's. */
static void carry_on(struct http_conn *c, enum sonde_dir dir, struct slice first)
{
	c->midway = false;
	if (start(c, &http2, dir, first))
		return;
	exchange_finish(c->carried, HTTP_END_EVICTED);
	exchange_free(TAKE(c->carried));
}

/* Hands a chunk to the connection's protocol. Returns what follows an upgrade. */
static struct slice read_chunk(struct http_conn *c, const struct stream_chunk *chunk)
{
	struct slice rest = { 0 };

	switch (c->protocol->feed(c->state, chunk, &rest)) {
	case HTTP_GO_ON:
		return (struct slice){ 0 };
	case HTTP_GIVE_UP:
		ignore(c);
		return (struct slice){ 0 };
	case HTTP_UPGRADED:
		close_protocol(c, HTTP_END_CUT);
		memset(c->first, 0, sizeof(c->first));
		if (c->carried)
			carry_on(c, chunk->dir, rest);
		else if (c->upgrade && c->http->reader->socket)
			start(c, &websocket, chunk->dir, rest);
		return rest;
	}
	return (struct slice){ 0 };
}

static enum http_match find_protocol(struct slice first, const struct http_protocol **ret)
{
	enum http_match best = HTTP_NO;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		enum http_match m = protocols[i]->detect(first);

		if (m <= best)
			continue;
		best = m;
		*ret = protocols[i];
	}
	return best;
}

static bool find_resuming(struct slice piece, const struct http_protocol **ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (!protocols[i]->resumes || !protocols[i]->resumes(piece))
			continue;
		*ret = protocols[i];
		return true;
	}
	return false;
}

/* Joined midway, or with a gap at the start: any chunk may be the first that starts a message. */
static bool decide_midway(struct http_conn *c, const struct stream_chunk *chunk)
{
	const struct http_protocol *protocol = NULL;

	if (chunk->bytes.n == 0)
		return false;
	if (find_protocol(chunk->bytes, &protocol) == HTTP_YES ||
	    find_resuming(chunk->bytes, &protocol))
		return start(c, protocol, chunk->dir, chunk->bytes);
	c->undecided += chunk->bytes.n;
	if (c->undecided > (c->perhaps_midway ? UNDECIDED_TLS_MAX : UNDECIDED_MAX))
		ignore(c);
	return false;
}

/* What a direction said before it was clear what it speaks. */
static void read_first(struct http_conn *c, enum sonde_dir dir)
{
	struct stream_chunk first = {
		.conn = c->conn,
		.dir = dir,
		.pos = c->first[dir].pos,
		.ts_ns = c->first[dir].ts_ns,
		.bytes = { c->first[dir].bytes, c->first[dir].n },
	};

	if (first.bytes.n && c->protocol)
		read_chunk(c, &first);
}

/* Whether the protocol is known, and @chunk should be given to it. */
static bool decide(struct http_conn *c, const struct stream_chunk *chunk)
{
	enum sonde_dir dir = chunk->dir;
	size_t had = c->first[dir].n, room = HTTP_FIRST_MAX - had;
	size_t take = chunk->bytes.n < room ? chunk->bytes.n : room;
	const struct http_protocol *protocol = NULL;
	struct slice first = { c->first[dir].bytes, had + take };
	enum http_match match;

	if (chunk->gap)
		c->midway = true;
	if (c->midway)
		return decide_midway(c, chunk);
	if (take == 0)
		return false;
	if (had == 0) {
		c->first[dir].ts_ns = chunk->ts_ns;
		c->first[dir].pos = chunk->pos;
	}
	memcpy(c->first[dir].bytes + had, chunk->bytes.p, take);
	match = find_protocol(first, &protocol);
	if (match == HTTP_MORE && first.n < HTTP_FIRST_MAX) {
		c->first[dir].n = (uint8_t)first.n;
		return false;
	}
	if (match != HTTP_YES && sonde_source_is_tls(c->conn->source) && !c->exchanges) {
		c->midway = c->perhaps_midway = true;
		return decide_midway(c, chunk);
	}
	if (match != HTTP_YES) {
		ignore(c);
		return false;
	}
	if (!start(c, protocol, dir, first))
		return false;
	read_first(c, !dir);
	read_first(c, dir);
	return c->protocol;
}

/* Makes memory for what one chunk may need: the arenas must not run into the wall first. */
static void make_room(struct http *h, struct http_conn *for_conn)
{
	size_t enough = h->budget.max / 4 * 3;
	struct http_conn *c, *next;

	if (h->budget.used <= enough)
		return;
	for (c = h->conns; c; c = next) {
		next = c->next;
		if (c->protocol && c != for_conn)
			c->protocol->evict(c->state);
		if (h->budget.used <= enough)
			return;
	}
	if (for_conn->protocol)
		for_conn->protocol->evict(for_conn->state);
}

void http_feed(struct http *h, const struct stream_chunk *chunk)
{
	struct http_conn *c = chunk->conn->user;
	struct stream_chunk left = *chunk;

	h->now_ns = chunk->ts_ns;
	if (!c)
		c = conn_new(h, chunk->conn);
	if (!c) {
		stat_add(h->stats, STAT_HTTP_OVER_LIMIT, 1);
		return;
	}
	if (c->ignored)
		return;
	DL_DELETE(h->conns, c);
	DL_APPEND(h->conns, c);
	make_room(h, c);
	while (c->protocol || decide(c, &left)) {
		struct slice rest = read_chunk(c, &left);

		if (rest.n == 0)
			break;
		left.pos += left.bytes.n - rest.n;
		left.bytes = rest;
		left.gap = 0;
	}
}

void http_close(struct http *h, struct connection *conn, enum http_end why, uint64_t ts_ns)
{
	struct http_conn *c = conn->user;

	if (!c)
		return;
	h->now_ns = ts_ns;
	close_protocol(c, why);
	DL_DELETE(h->conns, c);
	websocket_upgrade_free(c->upgrade);
	free(c);
	conn->user = NULL;
}
