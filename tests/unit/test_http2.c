/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "base/buf.h"
#include "base/util.h"
#include "proto/http.h"

/* Two nghttp2 sessions talk with each other; what crosses between them is what is read. */

#define PIECES_MAX 64

struct piece {
	enum sonde_dir dir;
	struct buf bytes;
};

struct wire {
	nghttp2_session *side[2]; /* by enum sonde_dir of what it sends, seen from the client */
	struct piece piece[PIECES_MAX];
	size_t n;
	size_t padding;
	bool silent; /* the server does not answer */
	bool turn;   /* what follows is a piece of its own */
};

/* A body that is sent from @at to the end. */
struct body {
	const char *text;
	size_t at, n;
};

static struct body bodies[PIECES_MAX];
static size_t n_bodies;

static struct body *body(const char *text, size_t n)
{
	struct body *b = &bodies[n_bodies++];

	assert_true(n_bodies < ARRAY_SIZE(bodies));
	*b = (struct body){ text, 0, n };
	return b;
}

static ssize_t read_body(nghttp2_session *s, int32_t id, uint8_t *buf, size_t n, uint32_t *flags,
			 nghttp2_data_source *source, void *user)
{
	struct body *b = source->ptr;
	size_t part = b->n - b->at < n ? b->n - b->at : n;

	(void)s;
	(void)id;
	(void)user;
	memcpy(buf, b->text + b->at, part);
	b->at += part;
	if (b->at == b->n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)part;
}

static nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
			     strlen(value), NGHTTP2_NV_FLAG_NONE };
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *f, void *user)
{
	struct wire *w = user;
	nghttp2_nv nv[] = { field(":status", "200"), field("content-type", "text/plain"),
			    field("x-server", "a rather long value that is worth a table entry") };
	nghttp2_data_provider data = { .read_callback = read_body };

	if (w->silent || s != w->side[SONDE_DIR_IN] || !(f->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
	    (f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA))
		return 0;
	data.source.ptr = body("answer", 6);
	return nghttp2_submit_response(s, f->hd.stream_id, nv, ARRAY_SIZE(nv), &data);
}

static ssize_t pad(nghttp2_session *s, const nghttp2_frame *f, size_t max, void *user)
{
	const struct wire *w = user;
	size_t n = f->hd.length + w->padding;

	(void)s;
	return (ssize_t)(n < max ? n : max);
}

static void wire_open(struct wire *w, size_t padding)
{
	nghttp2_session_callbacks *callbacks;

	*w = (struct wire){ .padding = padding };
	n_bodies = 0;
	assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_select_padding_callback(callbacks, pad);
	assert_int_equal(nghttp2_session_client_new(&w->side[SONDE_DIR_OUT], callbacks, w), 0);
	assert_int_equal(nghttp2_session_server_new(&w->side[SONDE_DIR_IN], callbacks, w), 0);
	nghttp2_session_callbacks_del(callbacks);
	for (int i = 0; i < 2; i++)
		assert_int_equal(nghttp2_submit_settings(w->side[i], NGHTTP2_FLAG_NONE, NULL, 0),
				 0);
}

static void wire_close(struct wire *w)
{
	for (int i = 0; i < 2; i++)
		nghttp2_session_del(w->side[i]);
	for (size_t i = 0; i < w->n; i++)
		buf_done(&w->piece[i].bytes);
}

static void add_piece(struct wire *w, enum sonde_dir dir, const uint8_t *p, size_t n)
{
	struct piece *last = w->n ? &w->piece[w->n - 1] : NULL;

	if (!last || last->dir != dir || w->turn) {
		w->turn = false;
		assert_true(w->n < PIECES_MAX);
		last = &w->piece[w->n++];
		last->dir = dir;
	}
	assert_int_equal(buf_add(&last->bytes, (struct slice){ (const char *)p, n }, SIZE_MAX), 0);
}

/* Until neither has anything to say. */
static void pump(struct wire *w)
{
	w->turn = true;
	for (bool more = true; more;) {
		more = false;
		for (int dir = 1; dir >= 0; dir--) {
			const uint8_t *p;
			ssize_t n;

			while ((n = nghttp2_session_mem_send(w->side[dir], &p)) > 0) {
				add_piece(w, (enum sonde_dir)dir, p, (size_t)n);
				assert_int_equal(
					nghttp2_session_mem_recv(w->side[!dir], p, (size_t)n), n);
				more = true;
			}
		}
	}
}

static int32_t ask(struct wire *w, const char *path, const char *text, const char *extra)
{
	nghttp2_nv nv[] = { field(":method", text ? "POST" : "GET"),
			    field(":scheme", "https"),
			    field(":authority", "api.example.org:443"),
			    field(":path", path),
			    field("x-client", "another long value, for the client's own table"),
			    field("x-extra", extra) };
	nghttp2_data_provider data = { .read_callback = read_body };

	if (text)
		data.source.ptr = body(text, strlen(text));
	return nghttp2_submit_request(w->side[SONDE_DIR_OUT], NULL, nv, ARRAY_SIZE(nv),
				      text ? &data : NULL, NULL);
}

/* --- what is reported, a line an exchange when it ends --- */

struct log {
	char text[4096], body[2][65536];
	size_t n, n_body[2];
	unsigned not_http;
};

struct seen { /* of one exchange */
	struct buf body[2];
};

__attribute__((format(printf, 2, 3))) static void put(struct log *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	l->n += (size_t)vsnprintf(l->text + l->n, sizeof(l->text) - l->n, fmt, ap);
	va_end(ap);
	assert_true(l->n < sizeof(l->text));
}

static void put_message(struct log *l, const struct http_message *m, const struct buf *bytes)
{
	if (bytes->n > 40)
		put(l, " [%zu]", bytes->n);
	else
		put(l, " [%.*s]", SLICE_ARG(buf_slice(bytes)));
	put(l, " h%zu", m->n_headers);
	if (m->lost_bytes)
		put(l, " lost=%llu", (unsigned long long)m->lost_bytes);
	if (m->damage)
		put(l, " (%s)", m->damage);
}

static void record(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	static const char *const ends[] = { "none", "complete", "cut",
					    "lost", "evicted",	"recording" };
	struct log *l = ctx;
	struct seen *s = x->user;

	if (!s)
		x->user = s = arena_alloc(x->mem, sizeof(*s));
	if (!s)
		return;
	if (ev == HTTP_REQUEST_BODY)
		arena_add(x->mem, &s->body[0], piece);
	if (ev == HTTP_RESPONSE_BODY)
		arena_add(x->mem, &s->body[1], piece);
	if (ev != HTTP_FINISHED)
		return;
	put(l, "%.*s %.*s%.*s", SLICE_ARG(x->method), SLICE_ARG(x->host), SLICE_ARG(x->path));
	put_message(l, &x->request, &s->body[0]);
	put(l, " -> %d", x->status);
	put_message(l, &x->response, &s->body[1]);
	put(l, " %s\n", ends[x->end]);
}

static void not_http(void *ctx, struct connection *conn)
{
	(void)conn;
	put(ctx, "not http\n");
}

static const struct http_reader reader = { .exchange = record, .not_http = not_http };

/* How the pieces are handed over. */
struct reading {
	size_t first, cut; /* the first piece; bytes at a time */
	uint32_t flags;
	bool as_server;
	size_t gap_piece, gap_at, gap_n; /* bytes missing in one piece */
	size_t unseen;			 /* a piece that is not told of; 0: none */
	bool close;
};

static void feed(struct http *h, struct connection *conn, uint64_t pos[2], const struct reading *r,
		 const struct wire *w, size_t i)
{
	const struct piece *p = &w->piece[i];
	enum sonde_dir dir = r->as_server ? !p->dir : p->dir;

	for (size_t at = 0; at < p->bytes.n;) {
		struct stream_chunk c = { .conn = conn, .dir = dir, .ts_ns = i + 1 };
		size_t n = p->bytes.n - at < r->cut ? p->bytes.n - at : r->cut;

		if (r->gap_n && i == r->gap_piece && at < r->gap_at && at + n > r->gap_at)
			n = r->gap_at - at;
		if (r->gap_n && i == r->gap_piece && at == r->gap_at) {
			c.gap = r->gap_n;
			c.gap_reason = SONDE_GAP_LOST;
			at += r->gap_n;
			n = p->bytes.n - at;
		}
		pos[dir] += c.gap;
		c.pos = pos[dir];
		c.bytes = (struct slice){ p->bytes.p + at, n };
		http_feed(h, &c);
		pos[dir] += n;
		at += n;
	}
}

static const char *read_wire(const struct wire *w, const struct reading *r)
{
	static struct log l;
	struct stats stats = { 0 };
	struct connection conn = { .id = 7, .flags = r->flags };
	uint64_t pos[2] = { 0 };
	struct http *h;

	l = (struct log){ 0 };
	if (http_new(&reader, &l, NULL, &stats, &h) < 0)
		return "";
	for (size_t i = r->first; i < w->n; i++)
		if (!r->unseen || i != r->unseen)
			feed(h, &conn, pos, r, w, i);
	if (r->close)
		http_close(h, &conn, HTTP_END_CUT, 1000);
	http_free(h);
	return l.text;
}

/* --- tests --- */

static char long_text[70000], long_value[40000];

static void http2_streams_are_exchanges(void **state)
{
	static const size_t paddings[] = { 0, 1, 200 };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(paddings); k++) {
		struct wire w;

		wire_open(&w, paddings[k]);
		ask(&w, "/v1/messages?beta=true", "hello", "1");
		ask(&w, "/v1/models", NULL, "2");
		pump(&w);
		ask(&w, "/v1/messages?beta=true", "again", "3");
		pump(&w);
		for (size_t cut = 1; cut < 300; cut++) {
			struct reading r = { .cut = cut, .as_server = cut % 2 };

			assert_string_equal(
				read_wire(&w, &r),
				"GET api.example.org/v1/models [] h2 -> 200 [answer] h2 complete\n"
				"POST api.example.org/v1/messages?beta=true [hello] h2 -> 200 "
				"[answer] h2 complete\n"
				"POST api.example.org/v1/messages?beta=true [again] h2 -> 200 "
				"[answer] h2 complete\n");
		}
		wire_close(&w);
	}
}

static void add_text(struct wire *w, enum sonde_dir dir, const char *text)
{
	add_piece(w, dir, (const uint8_t *)text, strlen(text));
	w->turn = true;
}

/* A client that speaks HTTP/1.1 first asks for it; the answer to that request is stream 1. */
static void http2_goes_on_with_a_request_of_http1(void **state)
{
	static const char *const got =
		"POST api.example.org/v1/messages [hello] h6 -> 200 [answer] h2 complete\n"
		"POST api.example.org/v1/messages?beta=true [again] h2 -> 200 [answer] h2 "
		"complete\n";
	nghttp2_nv nv[] = { field(":status", "200"), field("content-type", "text/plain"),
			    field("x-server", "a rather long value that is worth a table entry") };
	nghttp2_data_provider data = { .read_callback = read_body };
	struct wire w;

	(void)state;
	wire_open(&w, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(nghttp2_session_upgrade2(w.side[i], NULL, 0, 0, NULL), 0);
	add_text(&w, SONDE_DIR_OUT,
		 "POST /v1/messages HTTP/1.1\r\nHost: api.example.org\r\nContent-Length: 5\r\n"
		 "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
		 "AAMAAABk\r\n"
		 "X-Client: 1\r\n\r\nhello");
	add_text(&w, SONDE_DIR_IN,
		 "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
	data.source.ptr = body("answer", 6);
	assert_int_equal(
		nghttp2_submit_response(w.side[SONDE_DIR_IN], 1, nv, ARRAY_SIZE(nv), &data), 0);
	pump(&w);
	ask(&w, "/v1/messages?beta=true", "again", "3");
	pump(&w);
	for (int joined = 0; joined < 2; joined++) {
		for (size_t cut = 1; cut < 600; cut++) {
			struct reading r = { .cut = cut, .as_server = cut % 2 };

			assert_string_equal(read_wire(&w, &r), got);
		}
		/* and once more, with the server's first frames in one piece with its consent */
		for (size_t i = 2; i < w.n && !joined; i++)
			if (w.piece[i].dir == SONDE_DIR_IN) {
				buf_add(&w.piece[1].bytes, buf_slice(&w.piece[i].bytes), SIZE_MAX);
				w.piece[i].bytes.n = 0;
				break;
			}
	}
	wire_close(&w);
}

static ssize_t read_before_trailers(nghttp2_session *s, int32_t id, uint8_t *buf, size_t n,
				    uint32_t *flags, nghttp2_data_source *source, void *user)
{
	nghttp2_nv nv[] = { field("grpc-status", "8"), field("grpc-message", "too much") };
	ssize_t got = read_body(s, id, buf, n, flags, source, user);

	*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	assert_int_equal(nghttp2_submit_trailer(s, id, nv, ARRAY_SIZE(nv)), 0);
	return got;
}

static void http2_trailers_are_told_at_the_end(void **state)
{
	nghttp2_nv nv[] = { field(":status", "200"), field("content-type", "application/grpc") };
	nghttp2_data_provider data = { .read_callback = read_before_trailers };
	struct wire w;

	(void)state;
	wire_open(&w, 0);
	w.silent = true;
	ask(&w, "/x.Chat/Complete", "hello", "1");
	pump(&w);
	data.source.ptr = body("answer", 6);
	assert_int_equal(
		nghttp2_submit_response(w.side[SONDE_DIR_IN], 1, nv, ARRAY_SIZE(nv), &data), 0);
	pump(&w);
	for (size_t cut = 1; cut < 200; cut++) {
		struct reading r = { .cut = cut };

		assert_string_equal(read_wire(&w, &r),
				    "POST api.example.org/x.Chat/Complete [hello] h2 -> 200 "
				    "[answer] h3 complete\n");
	}
	wire_close(&w);
}

static void http2_long_heads_and_bodies(void **state)
{
	struct wire w;

	(void)state;
	wire_open(&w, 0);
	ask(&w, "/long", long_text, long_value); /* CONTINUATION, several DATA frames */
	pump(&w);
	for (size_t cut = 1; cut < 40000; cut = cut * 3 + 1) {
		struct reading r = { .cut = cut };

		assert_string_equal(read_wire(&w, &r),
				    "POST api.example.org/long [69999] h2 -> 200 [answer] h2 "
				    "complete\n");
	}
	wire_close(&w);
}

static void http2_joined_midway_reads_what_comes_new(void **state)
{
	struct wire w;
	size_t first;

	(void)state;
	wire_open(&w, 0);
	ask(&w, "/first", "hello", "1");
	pump(&w);
	first = w.n;
	ask(&w, "/second", "again", "2");
	pump(&w);
	ask(&w, "/second", "more", "3");
	pump(&w);
	/* The authority and the long fields were added to the table before. */
	for (int k = 0; k < 2; k++) {
		struct reading r = { .first = first,
				     .cut = SIZE_MAX,
				     .as_server = k,
				     .flags = SONDE_CONN_MIDWAY | (k ? SONDE_CONN_SERVER : 0) };

		assert_string_equal(read_wire(&w, &r),
				    "POST /second [again] h0 -> 200 [answer] h0 complete\n"
				    "POST /second [more] h0 -> 200 [answer] h0 complete\n");
	}
	wire_close(&w);
}

/* Nothing says who is who: the first header block does. */
static void http2_joined_midway_finds_the_client(void **state)
{
	struct wire w;
	size_t first;

	(void)state;
	wire_open(&w, 0);
	ask(&w, "/first", NULL, "1");
	pump(&w);
	first = w.n;
	ask(&w, "/second", NULL, "2");
	pump(&w);
	{
		struct reading r = { .first = first,
				     .cut = SIZE_MAX,
				     .as_server = true,
				     .flags = SONDE_CONN_MIDWAY };

		assert_string_equal(read_wire(&w, &r),
				    "GET /second [] h0 -> 200 [answer] h0 complete\n");
	}
	wire_close(&w);
}

/* The index of the piece that holds @text, and where in it. */
static size_t find_piece(const struct wire *w, const char *text, size_t *ret_at)
{
	for (size_t i = 0; i < w->n; i++) {
		const char *hit =
			memmem(w->piece[i].bytes.p, w->piece[i].bytes.n, text, strlen(text));

		if (!hit)
			continue;
		*ret_at = (size_t)(hit - w->piece[i].bytes.p);
		return i;
	}
	fail_msg("not on the wire: %s", text);
	return 0;
}

static void http2_a_gap_in_data_damages_one_body(void **state)
{
	struct reading r = { .cut = SIZE_MAX };
	struct wire w;

	(void)state;
	wire_open(&w, 0);
	ask(&w, "/a", "0123456789", "1");
	pump(&w);
	ask(&w, "/b", "abc", "2");
	pump(&w);
	r.gap_piece = find_piece(&w, "0123456789", &r.gap_at);
	r.gap_at += 2;
	r.gap_n = 5;
	assert_string_equal(read_wire(&w, &r),
			    "POST api.example.org/a [01789] h2 lost=5 (gap) -> 200 [answer] h2 "
			    "complete\n"
			    "POST api.example.org/b [abc] h2 -> 200 [answer] h2 complete\n");
	wire_close(&w);
}

static void http2_a_lost_direction_is_found_again(void **state)
{
	struct reading r = { .cut = SIZE_MAX, .close = true };
	struct wire w;
	size_t at;

	(void)state;
	wire_open(&w, 0);
	ask(&w, "/a", "0123456789", "1");
	pump(&w);
	ask(&w, "/b", "abc", "2");
	pump(&w);
	r.gap_piece = find_piece(&w, "0123456789", &at);
	r.gap_at = at - 20; /* from within the head's block to the end */
	r.gap_n = w.piece[r.gap_piece].bytes.n - r.gap_at;
	assert_string_equal(read_wire(&w, &r), "  [] h0 -> 200 [answer] h2 complete\n"
					       "POST /b [abc] h0 -> 200 [answer] h2 complete\n");
	wire_close(&w);
}

static void http2_an_answer_to_what_nobody_asked_says_that_it_was_missed(void **state)
{
	struct reading r = { .cut = SIZE_MAX };
	struct wire w;
	size_t at;

	(void)state;
	wire_open(&w, 0);
	ask(&w, "/a", "0123456789", "1");
	pump(&w);
	ask(&w, "/b", "abc", "2");
	pump(&w);
	r.unseen = find_piece(&w, "abc", &at);
	assert_string_equal(read_wire(&w, &r),
			    "POST api.example.org/a [0123456789] h2 -> 200 [answer] h2 complete\n"
			    "  [] h0 -> 200 [answer] h2 complete\n");
	wire_close(&w);
}

static void http2_a_reset_cuts_its_stream(void **state)
{
	struct reading r = { .cut = SIZE_MAX };
	struct wire w;
	int32_t id;

	(void)state;
	wire_open(&w, 0);
	w.silent = true;
	id = ask(&w, "/a", NULL, "1");
	pump(&w);
	w.silent = false;
	nghttp2_submit_rst_stream(w.side[SONDE_DIR_OUT], NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
	ask(&w, "/b", NULL, "2");
	pump(&w);
	assert_string_equal(read_wire(&w, &r),
			    "GET api.example.org/a [] h2 -> 0 [] h0 cut\n"
			    "GET api.example.org/b [] h2 -> 200 [answer] h2 complete\n");
	wire_close(&w);
}

static void http2_what_is_open_at_the_end_is_cut(void **state)
{
	struct reading r = { .cut = SIZE_MAX, .close = true };
	struct wire w;
	size_t n;

	(void)state;
	wire_open(&w, 0);
	ask(&w, "/a", "hello", "1");
	pump(&w);
	n = w.n;
	w.n = 1; /* only what the client said first */
	assert_string_equal(read_wire(&w, &r),
			    "POST api.example.org/a [hello] h2 -> 0 [] h0 cut\n");
	w.n = n;
	wire_close(&w);
}

static void http2_text_is_none(void **state)
{
	static const char *const texts[] = { "hello", "PRI * HTTP/1.1\r\n\r\n......", "{}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct wire w = { 0 };
		struct reading r = { .cut = SIZE_MAX };

		add_piece(&w, SONDE_DIR_OUT, (const uint8_t *)texts[i], strlen(texts[i]));
		assert_string_equal(read_wire(&w, &r), "not http\n");
		buf_done(&w.piece[0].bytes);
	}
}

static void http2_survives_refused_memory(void **state)
{
	struct reading r = { .cut = SIZE_MAX, .close = true };
	struct wire w;

	(void)state;
	wire_open(&w, 3);
	ask(&w, "/a", "hello", "1");
	ask(&w, "/b", NULL, long_value);
	pump(&w);
	for (long n = 1;; n++) {
		alloc_refuse(n);
		read_wire(&w, &r);
		if (!alloc_allow())
			break;
	}
	wire_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http2_streams_are_exchanges),
		cmocka_unit_test(http2_trailers_are_told_at_the_end),
		cmocka_unit_test(http2_goes_on_with_a_request_of_http1),
		cmocka_unit_test(http2_long_heads_and_bodies),
		cmocka_unit_test(http2_joined_midway_reads_what_comes_new),
		cmocka_unit_test(http2_joined_midway_finds_the_client),
		cmocka_unit_test(http2_a_gap_in_data_damages_one_body),
		cmocka_unit_test(http2_a_lost_direction_is_found_again),
		cmocka_unit_test(http2_an_answer_to_what_nobody_asked_says_that_it_was_missed),
		cmocka_unit_test(http2_a_reset_cuts_its_stream),
		cmocka_unit_test(http2_what_is_open_at_the_end_is_cut),
		cmocka_unit_test(http2_text_is_none),
		cmocka_unit_test(http2_survives_refused_memory),
	};

	memset(long_text, 't', sizeof(long_text) - 1);
	memset(long_value, 'v', sizeof(long_value) - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
