/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/websocket.h"

#include <stdlib.h>

#include "base/buf.h"
#include "proto/websocket_deflate.h"

#define HEAD_MAX    14u		 /* 2, 8 of length, 4 of mask */
#define CONTROL_MAX 125		 /* bytes of a control frame */
#define RESYNC_MAX  (64u << 20)	 /* bytes of a lost direction without a frame */
#define FRAME_MAX   (1ull << 40) /* longer is nonsense */

enum opcode { OP_MORE, OP_TEXT, OP_BINARY, OP_CLOSE = 8, OP_PING, OP_PONG };
enum state { FRAME_HEAD, PAYLOAD, LOST, DONE };

struct frame {
	uint8_t opcode;
	bool fin, compressed, masked;
	uint8_t mask[4];
	uint64_t len;
};

struct half {
	enum state state;
	uint8_t head[HEAD_MAX];
	uint8_t n_head;
	struct frame frame;
	uint64_t left; /* of the payload */

	bool in_message, compressed, text;
	const char *damage;
	uint64_t lost_bytes; /* of the message */
	uint64_t first_ns, pos;
	struct buf message; /* as sent; counted in the budget */
	struct websocket_inflater *inflater;
	uint64_t skipped;
};

struct websocket {
	struct http_conn *conn;
	struct http_socket socket;
	struct half half[2]; /* by enum side: the client's, the server's */
	bool hopeless;
};

/* --- frames --- */

/* 0 where more bytes are needed, else the header's length. */
static size_t parse_head(const uint8_t *b, size_t n, struct frame *ret)
{
	size_t need = 2, at = 2;

	if (n < 2)
		return 0;
	*ret = (struct frame){ .opcode = b[0] & 0x0f,
			       .fin = b[0] & 0x80,
			       .compressed = b[0] & 0x40,
			       .masked = b[1] & 0x80,
			       .len = b[1] & 0x7f };
	need += ret->len == 126 ? 2 : ret->len == 127 ? 8 : 0;
	need += ret->masked ? 4 : 0;
	if (n < need)
		return 0;
	if (ret->len >= 126) {
		size_t digits = ret->len == 126 ? 2 : 8;

		ret->len = 0;
		for (size_t i = 0; i < digits; i++)
			ret->len = ret->len << 8 | b[at++];
	}
	if (ret->masked)
		memcpy(ret->mask, b + at, 4);
	return need;
}

/* Whether a frame may stand there; the client's are masked, the server's are not. */
static bool is_sound(const struct websocket *p, enum side side, const struct frame *f,
		     uint8_t first)
{
	bool control = f->opcode >= OP_CLOSE;

	if (first & 0x30 || f->masked != (side == REQUEST) || f->len > FRAME_MAX)
		return false;
	if (f->compressed && (control || !p->conn->upgrade->deflate))
		return false;
	if (control)
		return f->opcode <= OP_PONG && f->fin && f->len <= CONTROL_MAX;
	return f->opcode <= OP_BINARY;
}

/* --- messages --- */

static void drop_message(struct websocket *p, struct half *h)
{
	p->conn->http->budget.used -= h->message.cap;
	buf_done(&h->message);
	h->in_message = false;
	h->damage = NULL;
	h->lost_bytes = 0;
}

static void damage(struct websocket *p, enum side side, const char *why)
{
	struct half *h = &p->half[side];

	if (!h->damage)
		h->damage = why;
	/* What is not decoded is missing from the window of what follows. */
	if (h->compressed)
		websocket_inflate_lost(h->inflater);
}

/* Keeps a piece of the message, unmasked. */
static void add(struct websocket *p, enum side side, struct slice piece)
{
	struct half *h = &p->half[side];
	struct http *http = p->conn->http;
	size_t cap = h->message.cap, at = h->message.n;
	uint64_t done = h->frame.len - h->left;
	uint8_t *bytes;

	if (h->damage)
		return;
	if ((at + piece.n) * 2 > http->budget.max - http->budget.used ||
	    buf_add(&h->message, piece, http->limits->body_bytes) < 0) {
		stat_add(http->stats, STAT_HTTP_OVER_LIMIT, 1);
		damage(p, side, "over limit");
		return;
	}
	http->budget.used += h->message.cap - cap;
	bytes = (uint8_t *)h->message.p;
	for (size_t i = 0; h->frame.masked && i < piece.n; i++)
		bytes[at + i] ^= h->frame.mask[(done + i) % 4];
}

static void tell(struct websocket *p, enum side side, struct slice data)
{
	struct http *http = p->conn->http;
	struct half *h = &p->half[side];
	const struct http_socket_message m = {
		.from_client = side == REQUEST,
		.text = h->text,
		.data = data,
		.first_ns = h->first_ns,
		.pos = h->pos,
		.damage = h->damage,
		.lost_bytes = h->lost_bytes,
	};

	p->socket.now_ns = http->now_ns;
	http->reader->socket(http->ctx, &p->socket, &m, HTTP_END_NONE);
}

static void end_message(struct websocket *p, enum side side)
{
	struct http *http = p->conn->http;
	struct half *h = &p->half[side];
	struct slice data = buf_slice(&h->message);

	if (h->compressed && !h->damage)
		h->damage = websocket_inflate(h->inflater, &data, http->limits);
	if (h->damage)
		data.n = 0;
	tell(p, side, data);
	websocket_inflate_done(h->inflater);
	drop_message(p, h);
}

/* --- losses --- */

/* Messages are lost, whole ones or what is left of one; that is told as one that cannot be read. */
static void lose(struct websocket *p, enum side side)
{
	struct half *h = &p->half[side];

	stat_add(p->conn->http->stats, STAT_HTTP_LOST, 1);
	if (h->in_message || h->lost_bytes) {
		damage(p, side, "gap");
		tell(p, side, (struct slice){ 0 });
	}
	websocket_inflate_lost(h->inflater);
	drop_message(p, h);
	h->state = LOST;
	h->skipped = 0;
}

static void end_frame(struct websocket *p, enum side side)
{
	struct half *h = &p->half[side];

	h->state = h->frame.opcode == OP_CLOSE ? DONE : FRAME_HEAD;
	h->n_head = 0;
	if (h->frame.opcode < OP_CLOSE && h->frame.fin)
		end_message(p, side);
}

static void read_gap(struct websocket *p, enum side side, uint64_t n)
{
	struct half *h = &p->half[side];

	if (h->state == DONE)
		return;
	if (h->state != PAYLOAD || n > h->left) {
		h->lost_bytes += n;
		lose(p, side);
		return;
	}
	h->left -= n;
	if (h->frame.opcode < OP_CLOSE) {
		h->lost_bytes += n;
		damage(p, side, "gap");
	}
	if (h->left == 0)
		end_frame(p, side);
}

/* --- bytes --- */

static void begin_frame(struct websocket *p, enum side side)
{
	struct half *h = &p->half[side];
	bool starts = h->frame.opcode == OP_TEXT || h->frame.opcode == OP_BINARY;
	bool goes_on = h->frame.opcode == OP_MORE;

	if (!is_sound(p, side, &h->frame, h->head[0]) || (starts && h->in_message) ||
	    (goes_on && (!h->in_message || h->frame.compressed))) {
		lose(p, side);
		return;
	}
	if (starts) {
		h->in_message = true;
		h->compressed = h->frame.compressed;
		h->text = h->frame.opcode == OP_TEXT;
	}
	h->state = PAYLOAD;
	h->left = h->frame.len;
	if (h->left == 0)
		end_frame(p, side);
}

static struct slice read_head(struct websocket *p, enum side side, const struct stream_chunk *chunk,
			      struct slice in)
{
	struct half *h = &p->half[side];

	if (h->n_head == 0 && !h->in_message) {
		h->first_ns = chunk->ts_ns;
		h->pos = chunk->pos + (chunk->bytes.n - in.n);
	}
	h->head[h->n_head++] = (uint8_t)in.p[0];
	if (parse_head(h->head, h->n_head, &h->frame))
		begin_frame(p, side);
	return slice_from(in, 1);
}

static struct slice read_payload(struct websocket *p, enum side side, struct slice in)
{
	struct half *h = &p->half[side];
	struct slice part = { in.p, in.n < h->left ? in.n : (size_t)h->left };

	if (h->frame.opcode < OP_CLOSE)
		add(p, side, part);
	h->left -= part.n;
	if (h->left == 0)
		end_frame(p, side);
	return slice_from(in, part.n);
}

/* Peers hand frames over whole: a lost direction goes on where a piece begins a message. */
static bool resumes(const struct websocket *p, enum side side, struct slice in)
{
	struct frame f;
	size_t n = parse_head((const uint8_t *)in.p, in.n, &f);

	return n && is_sound(p, side, &f, (uint8_t)in.p[0]) && f.opcode != OP_MORE &&
	       f.len <= in.n - n;
}

static struct slice resync(struct websocket *p, enum side side, const struct stream_chunk *chunk,
			   struct slice in)
{
	struct half *h = &p->half[side];

	if (in.n == chunk->bytes.n && resumes(p, side, in)) {
		h->state = FRAME_HEAD;
		h->n_head = 0;
		return in;
	}
	h->skipped += in.n;
	p->hopeless |= h->skipped > RESYNC_MAX;
	return (struct slice){ 0 };
}

static struct slice read_some(struct websocket *p, enum side side, const struct stream_chunk *chunk,
			      struct slice in)
{
	switch (p->half[side].state) {
	case FRAME_HEAD:
		return read_head(p, side, chunk, in);
	case PAYLOAD:
		return read_payload(p, side, in);
	case LOST:
		return resync(p, side, chunk, in);
	case DONE:
		break;
	}
	return (struct slice){ 0 };
}

/* --- the protocol --- */

static enum http_match detect(struct slice first)
{
	(void)first;
	return HTTP_NO;
}

static void websocket_free(void *state)
{
	struct websocket *p = state;

	for (int side = REQUEST; side <= RESPONSE; side++) {
		drop_message(p, &p->half[side]);
		websocket_inflater_free(p->half[side].inflater);
	}
	free(p);
}

static void *websocket_open(struct http_conn *c, enum sonde_dir dir, struct slice first,
			    bool midway)
{
	struct http_upgrade *u = c->upgrade;
	struct websocket *p = calloc(1, sizeof(*p));

	(void)dir;
	(void)first;
	(void)midway;
	if (!p)
		return NULL;
	p->conn = c;
	p->socket = (struct http_socket){
		.conn = c->conn,
		.inbound = u->inbound,
		.path = u->path,
		.host = u->host,
		.headers = u->headers,
		.n_headers = u->n_headers,
		.exchanges = c->exchanges,
	};
	for (int side = REQUEST; u->deflate && side <= RESPONSE; side++) {
		p->half[side].inflater = websocket_inflater_new(u->no_takeover[side]);
		if (!p->half[side].inflater) {
			websocket_free(p);
			return NULL;
		}
	}
	return p;
}

static enum http_next websocket_feed(void *state, const struct stream_chunk *chunk,
				     struct slice *ret_rest)
{
	struct websocket *p = state;
	bool from_client = (chunk->dir == SONDE_DIR_IN) == p->socket.inbound;
	enum side side = from_client ? REQUEST : RESPONSE;
	struct slice in = chunk->bytes;

	(void)ret_rest;
	if (chunk->gap)
		read_gap(p, side, chunk->gap);
	while (in.n && !p->hopeless)
		in = read_some(p, side, chunk, in);
	return p->hopeless ? HTTP_GIVE_UP : HTTP_GO_ON;
}

static void websocket_evict(void *state)
{
	struct websocket *p = state;

	for (int side = REQUEST; side <= RESPONSE; side++) {
		struct half *h = &p->half[side];

		if (!h->in_message || h->damage)
			continue;
		stat_add(p->conn->http->stats, STAT_HTTP_OVER_LIMIT, 1);
		damage(p, (enum side)side, "over limit");
		p->conn->http->budget.used -= h->message.cap;
		buf_done(&h->message);
	}
}

static void websocket_close(void *state, enum http_end why)
{
	struct websocket *p = state;
	struct http *http = p->conn->http;

	p->socket.now_ns = http->now_ns;
	http->reader->socket(http->ctx, &p->socket, NULL, why);
	websocket_free(p);
}

const struct http_protocol websocket = {
	.name = "websocket",
	.detect = detect,
	.open = websocket_open,
	.feed = websocket_feed,
	.evict = websocket_evict,
	.close = websocket_close,
	.free = websocket_free,
};
