/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the messages of an HTTP/1.x connection; see http1.h. */
#include "proto/http1.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "proto/websocket.h"

#define SHELLS_MAX   16 /* exchanges of one connection that are kept for pairing once evicted */
#define CHUNK_DIGITS 8	/* of a size that is believed behind a gap */

/* --- heads --- */

void http1_drop_head(struct http1 *p, struct http1_half *h)
{
	p->conn->http->budget.used -= h->head.cap;
	buf_done(&h->head);
}

/* Keeps a piece of a head that is not complete. False where it would be over a limit. */
static bool keep(struct http1 *p, struct http1_half *h, struct slice part)
{
	struct arena_budget *budget = &p->conn->http->budget;
	size_t cap = h->head.cap;

	if ((h->head.n + part.n) * 2 > budget->max - budget->used)
		return false;
	if (buf_add(&h->head, part, p->conn->http->limits->head_bytes) < 0)
		return false;
	budget->used += h->head.cap - cap;
	return true;
}

static void over_limit(struct http1 *p, enum side side)
{
	struct exchange *e = p->half[side].e;

	stat_add(p->conn->http->stats, STAT_HTTP_OVER_LIMIT, 1);
	exchange_damage(e, side, "over limit");
	if (side == RESPONSE)
		exchange_finish(e, HTTP_END_EVICTED);
	http1_reject(p, side);
}

/* The bytes of @in that belong to the head; *@ret_end where its empty line is among them. */
static size_t scan_head(struct http1_half *h, struct slice in, bool *ret_end)
{
	size_t at = 0;

	while (at < in.n) {
		const char *nl = memchr(in.p + at, '\n', in.n - at);
		size_t n = nl ? (size_t)(nl - in.p) - at : in.n - at; /* of this line */

		if (n == 1 && in.p[at] == '\r' && h->line == LINE_EMPTY)
			h->line = LINE_CR;
		else if (n)
			h->line = LINE_TEXT;
		if (!nl)
			return in.n;
		at += n + 1;
		if (h->line != LINE_TEXT) {
			*ret_end = true;
			return at;
		}
		h->line = LINE_EMPTY;
	}
	return at;
}

static void end_message(struct http1 *p, enum side side, uint64_t ts_ns)
{
	struct http1_half *h = &p->half[side];

	h->state = IDLE;
	if (h->e)
		exchange_end(TAKE(h->e), side, ts_ns);
	http1_reap(p);
}

static void begin_body(struct http1 *p, enum side side, enum http1_framing framing, uint64_t length)
{
	static const enum http1_state states[] = {
		[HTTP1_LENGTH] = BODY_LENGTH,
		[HTTP1_CHUNKED] = BODY_CHUNKED,
		[HTTP1_UNTIL_CLOSE] = BODY_UNTIL_CLOSE,
	};
	struct http1_half *h = &p->half[side];
	struct exchange *e = h->e;

	if (framing == HTTP1_NO_BODY) {
		end_message(p, side, p->conn->http->now_ns);
	} else if (framing == HTTP1_BAD_FRAMING) {
		exchange_damage(e, side, "bad framing");
		http1_lose(p, side, e);
	} else {
		h->state = states[framing];
		h->left = length;
		h->chunked = (struct chunked){ 0 };
	}
}

static void fill_message(struct http1_half *h, enum side side, const struct http1_head *head)
{
	struct http_message *m = exchange_message(h->e, side);

	m->headers = head->headers;
	m->n_headers = head->n_headers;
	m->head_ns = h->head_ns;
	m->pos = h->head_pos;
	exchange_head(h->e, side, http1_codings(head, h->e->x.mem));
	exchange_drop_mem(h->e);
}

static void end_request_head(struct http1 *p, const struct http1_head *head)
{
	struct http1_half *h = &p->half[REQUEST], *response = &p->half[RESPONSE];
	struct exchange *e = h->e, *old;
	uint64_t length = 0;
	enum http1_framing framing = http1_framing(head, &length);

	if (response->state == BODY_RESYNC)
		http1_lose(p, RESPONSE, response->e);
	old = http1_waiting(p);
	if (h->found || response->state == LOST) {
		if (old)
			exchange_gap(old, RESPONSE, response->lost, response->reason);
		response->lost = 0;
		response->blame = false;
		http1_abandon_waiting(p, e, HTTP_END_LOST);
	}
	h->lost = 0;
	e->is_head = slice_eq(head->method, SLICE("HEAD"));
	e->is_connect = slice_eq(head->method, SLICE("CONNECT"));
	e->x.method = head->method;
	http1_target(head, &e->x.path, &e->x.host);
	fill_message(h, REQUEST, head);
	begin_body(p, REQUEST, framing, length);
	http1_reap(p);
}

/* Upgraded to HTTP/2 in the clear, the answer comes on stream 1 (RFC 7540 §3.2). */
static bool goes_on(const struct exchange *e, const struct http1_head *head)
{
	const struct http_message m = { .headers = head->headers, .n_headers = head->n_headers };

	return head->status == 101 && e->body[REQUEST].ended &&
	       slice_ieq(http_header(&m, SLICE("upgrade")), SLICE("h2c"));
}

static void end_response_head(struct http1 *p, const struct http1_head *head)
{
	struct http1_half *h = &p->half[RESPONSE];
	struct exchange *e = h->e;
	uint64_t length = 0;
	enum http1_framing framing = http1_framing(head, &length);
	int status = head->status;

	h->blame = false;
	h->lost = 0;
	if (status < 200 && status != 101) { /* interim: the response itself follows */
		h->state = IDLE;
		h->e = NULL;
		if (e->body[REQUEST].ended && !e->announced && !e->x.request.lost_bytes)
			http1_remove(p, e);
		return;
	}
	if (goes_on(e, head)) {
		p->upgraded = true;
		p->conn->carried = http1_take(p, e);
		return;
	}
	p->upgraded = status == 101 || (e->is_connect && status < 300);
	if (p->upgraded || e->is_head || status == 204 || status == 304)
		framing = HTTP1_NO_BODY;
	e->x.status = status;
	fill_message(h, RESPONSE, head);
	if (status == 101 && !p->conn->upgrade)
		p->conn->upgrade = websocket_upgrade(&e->x);
	begin_body(p, RESPONSE, framing, length);
}

static void end_head(struct http1 *p, enum side side, struct slice text)
{
	struct http1_half *h = &p->half[side];
	struct exchange *e = h->e;
	struct arena *mem = exchange_mem(e);
	struct slice copy = mem ? arena_copy(mem, text) : (struct slice){ 0 };
	struct http1_head head;
	int r = copy.p ? http1_parse(mem, (char *)copy.p, copy.n, &head) : -ENOMEM;

	http1_drop_head(p, h);
	if (r == -ENOMEM)
		over_limit(p, side);
	else if (r < 0 || (head.status == 0) != (side == REQUEST))
		http1_reject(p, side);
	else if (side == REQUEST)
		end_request_head(p, &head);
	else
		end_response_head(p, &head);
}

static struct slice read_head(struct http1 *p, enum side side, const struct stream_chunk *chunk,
			      struct slice in)
{
	struct http1_half *h = &p->half[side];
	bool end = false;
	struct slice part = { in.p, scan_head(h, in, &end) }, text = part;

	(void)chunk;
	in = slice_from(in, part.n);
	if (part.n > p->conn->http->limits->head_bytes ||
	    ((h->head.n || !end) && !keep(p, h, part))) {
		over_limit(p, side);
		return in;
	}
	if (h->head.n)
		text = buf_slice(&h->head);
	if (!h->started) {
		enum http_match m = http1_starts(side, text);

		h->started = m == HTTP_YES;
		if (m == HTTP_NO) {
			http1_reject(p, side);
			return in;
		}
	}
	if (end)
		end_head(p, side, text);
	return in;
}

/* --- between messages, and bodies --- */

static struct slice read_idle(struct http1 *p, enum side side, const struct stream_chunk *chunk,
			      struct slice in)
{
	/* Some peers send line ends between messages (RFC 9112 §2.2). */
	while (in.n && (in.p[0] == '\r' || in.p[0] == '\n'))
		in = slice_from(in, 1);
	if (in.n)
		http1_begin(p, side, chunk, chunk->bytes.n - in.n);
	return in;
}

static struct slice read_length(struct http1 *p, enum side side, const struct stream_chunk *chunk,
				struct slice in)
{
	struct http1_half *h = &p->half[side];
	struct slice data = { in.p, in.n < h->left ? in.n : (size_t)h->left };

	h->left -= data.n;
	exchange_body(h->e, side, data, chunk->ts_ns);
	if (h->left == 0)
		end_message(p, side, chunk->ts_ns);
	return slice_from(in, data.n);
}

static struct slice read_until_close(struct http1 *p, enum side side,
				     const struct stream_chunk *chunk, struct slice in)
{
	exchange_body(p->half[side].e, side, in, chunk->ts_ns);
	return (struct slice){ 0 };
}

static struct slice read_chunked(struct http1 *p, enum side side, const struct stream_chunk *chunk,
				 struct slice in)
{
	struct http1_half *h = &p->half[side];
	struct slice data = { 0 };

	switch (chunked_next(&h->chunked, &in, &data)) {
	case CHUNKED_DATA:
		exchange_body(h->e, side, data, chunk->ts_ns);
		break;
	case CHUNKED_END:
		end_message(p, side, chunk->ts_ns);
		break;
	case CHUNKED_BAD:
		exchange_damage(h->e, side, "bad chunk");
		http1_lose(p, side, h->e);
		break;
	case CHUNKED_MORE:
		break;
	}
	return in;
}

/*
 * Where a chunk's size line begins: hexadecimal digits on a line of their own, which neither JSON
 * nor event streams have in them. @in.n where there is none.
 */
static size_t find_chunk(struct slice in, bool at_start)
{
	size_t at = 0;

	for (;;) {
		const char *end;
		size_t n = 0;

		while (at + n < in.n && n <= CHUNK_DIGITS && isxdigit((unsigned char)in.p[at + n]))
			n++;
		if (at_start && n && n <= CHUNK_DIGITS &&
		    slice_starts(slice_from(in, at + n), SLICE("\r\n")))
			return at;
		end = at < in.n ? memmem(in.p + at, in.n - at, "\r\n", 2) : NULL;
		if (!end)
			return in.n;
		at = (size_t)(end - in.p) + 2;
		at_start = true;
	}
}

static struct slice read_resync(struct http1 *p, enum side side, const struct stream_chunk *chunk,
				struct slice in)
{
	struct http1_half *h = &p->half[side];
	bool at_start = in.n == chunk->bytes.n;
	size_t at;

	/* The next message: the end of this one is lost. */
	if (at_start && http1_starts(side, in) == HTTP_YES) {
		http1_lose(p, side, h->e);
		return in;
	}
	at = find_chunk(in, at_start);
	exchange_gap(h->e, side, at, h->reason);
	if (at < in.n) {
		h->state = BODY_CHUNKED;
		h->chunked = (struct chunked){ 0 };
		return slice_from(in, at);
	}
	h->skipped += at;
	p->hopeless |= h->skipped > HTTP1_RESYNC_MAX;
	return (struct slice){ 0 };
}

/* --- gaps and ends --- */

/* The next request was sent already: this body's end is in the gap, and what follows is not its. */
static bool is_over(struct http1 *p, enum side side)
{
	return side == RESPONSE && http1_newest(p) != p->half[side].e;
}

static void gap_in_body(struct http1 *p, enum side side, uint64_t n, uint64_t ts_ns)
{
	struct http1_half *h = &p->half[side];
	bool readable = h->state != BODY_CHUNKED || chunked_skip(&h->chunked, n);
	uint64_t mine = h->state == BODY_LENGTH && n > h->left ? h->left : n;

	exchange_gap(h->e, side, mine, h->reason);
	h->lost = n - mine;
	if (!readable && is_over(p, side)) {
		http1_lose(p, side, h->e);
		return;
	}
	if (!readable) {
		stat_add(p->conn->http->stats, STAT_HTTP_LOST, 1);
		h->state = BODY_RESYNC;
		h->skipped = 0;
	}
	if (h->state != BODY_LENGTH)
		return;
	h->left -= mine;
	if (h->left == 0)
		end_message(p, side, ts_ns);
	if (h->lost)
		http1_lose_between(p, side);
}

static void read_gap(struct http1 *p, enum side side, const struct stream_chunk *chunk)
{
	struct http1_half *h = &p->half[side];
	struct exchange *e = h->e;

	h->reason = chunk->gap_reason;
	switch (h->state) {
	case IDLE:
		h->lost = chunk->gap;
		http1_lose_between(p, side);
		break;
	case HEAD:
		h->lost = 0;
		exchange_gap(e, side, chunk->gap, chunk->gap_reason);
		http1_lose(p, side, h->e);
		break;
	case BODY_LENGTH:
	case BODY_CHUNKED:
	case BODY_UNTIL_CLOSE:
	case BODY_RESYNC:
		gap_in_body(p, side, chunk->gap, chunk->ts_ns);
		break;
	case LOST:
		h->lost += chunk->gap;
		break;
	case DONE:
		break;
	}
}

static void read_eof(struct http1 *p, enum side side, uint64_t ts_ns)
{
	struct http1_half *h = &p->half[side];
	bool lost;

	if (h->state == BODY_RESYNC)
		http1_lose(p, side, h->e);
	lost = h->state == LOST;
	if (h->state == BODY_UNTIL_CLOSE)
		end_message(p, side, ts_ns);
	if (h->e) {
		exchange_damage(h->e, side, "cut");
		h->e->cut = true;
		if (side == REQUEST && h->e->announced)
			exchange_end(h->e, REQUEST, ts_ns);
		h->e->body[side].ended = true;
		h->e = NULL;
	}
	h->state = DONE;
	if (side == RESPONSE)
		http1_abandon_waiting(p, NULL, lost ? HTTP_END_LOST : HTTP_END_CUT);
	http1_reap(p);
}

/* --- the protocol --- */

static void *http1_open(struct http_conn *c, enum sonde_dir dir, struct slice first, bool midway)
{
	struct http1 *p = calloc(1, sizeof(*p));
	bool request = http1_starts_request(first) == HTTP_YES;

	if (!p)
		return NULL;
	p->conn = c;
	p->request_dir = request ? dir : !dir;
	if (midway)
		p->half[REQUEST].state = p->half[RESPONSE].state = LOST;
	return p;
}

static enum http_match http1_detect(struct slice first)
{
	enum http_match a = http1_starts_request(first), b = http1_starts_response(first);

	return a > b ? a : b;
}

static enum http_next http1_feed(void *state, const struct stream_chunk *chunk,
				 struct slice *ret_rest)
{
	static struct slice (*const readers[])(struct http1 *, enum side,
					       const struct stream_chunk *, struct slice) = {
		[IDLE] = read_idle,
		[HEAD] = read_head,
		[BODY_LENGTH] = read_length,
		[BODY_CHUNKED] = read_chunked,
		[BODY_UNTIL_CLOSE] = read_until_close,
		[BODY_RESYNC] = read_resync,
		[LOST] = http1_resync,
	};
	struct http1 *p = state;
	enum side side = chunk->dir == p->request_dir ? REQUEST : RESPONSE;
	struct http1_half *h = &p->half[side];
	struct slice in = chunk->bytes;

	if (chunk->gap)
		read_gap(p, side, chunk);
	while (in.n && h->state != DONE && !p->hopeless && !p->upgraded)
		in = readers[h->state](p, side, chunk, in);
	if (p->hopeless)
		return HTTP_GIVE_UP;
	if (p->upgraded) {
		*ret_rest = in;
		return HTTP_UPGRADED;
	}
	if (chunk->eof)
		read_eof(p, side, chunk->ts_ns);
	return HTTP_GO_ON;
}

static void http1_evict(void *state)
{
	struct http1 *p = state;
	struct exchange *e;

	for (e = p->open; e; e = e->next) {
		stat_add(p->conn->http->stats, STAT_HTTP_OVER_LIMIT, !e->finished);
		exchange_finish(e, HTTP_END_EVICTED);
	}
	for (int side = REQUEST; side <= RESPONSE; side++)
		if (p->half[side].state == HEAD)
			http1_lose(p, (enum side)side, p->half[side].e);
	/* What is left of many is not small, and such a connection is nobody's we look for. */
	if (p->n_open <= SHELLS_MAX)
		return;
	while (p->open)
		http1_remove(p, p->open);
	p->half[REQUEST].state = p->half[RESPONSE].state = DONE;
	p->hopeless = true;
}

static void http1_free(void *state)
{
	struct http1 *p = state;
	struct exchange *e, *next;

	for (e = p->open; e; e = next) {
		next = e->next;
		exchange_free(e);
	}
	for (int side = REQUEST; side <= RESPONSE; side++)
		http1_drop_head(p, &p->half[side]);
	free(p);
}

static void http1_close(void *state, enum http_end why)
{
	struct http1 *p = state;
	struct http1_half *response = &p->half[RESPONSE];
	struct exchange *e;

	/* A server ends such a body by closing: that is no cut. */
	if (response->state == BODY_UNTIL_CLOSE && why == HTTP_END_CUT &&
	    p->request_dir == SONDE_DIR_IN)
		end_message(p, RESPONSE, p->conn->http->now_ns);
	if ((response->state == LOST || response->state == BODY_RESYNC) && why == HTTP_END_CUT)
		why = HTTP_END_LOST;
	for (int side = REQUEST; side <= RESPONSE; side++)
		if (p->half[side].e)
			exchange_damage(p->half[side].e, side,
					why == HTTP_END_RECORDING ? "recording ended" : "cut");
	for (e = p->open; e; e = e->next)
		exchange_finish(e, why);
	http1_free(p);
}

const struct http_protocol http1 = {
	.name = "http/1.1",
	.detect = http1_detect,
	.open = http1_open,
	.feed = http1_feed,
	.evict = http1_evict,
	.close = http1_close,
	.free = http1_free,
};
