/* SPDX-License-Identifier: BSD-2-Clause */
/* Peers who want to cost memory: what they send is bounded, and what is not kept is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <endian.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "llm/llm.h"
#include "proto/http.h"

#define MIB	    (1ull << 20)
#define MEMORY_MAX  (700 * MIB) /* the bodies of calls, and what framing and heads cost */
#define STREAMS	    10000
#define BOMBS	    3
#define CONNECTIONS 800

struct engine {
	struct llm *llm;
	struct http *http;
	struct stats stats;
	unsigned cut, damaged, finished, fed;
	size_t most; /* bytes of the heap */
	size_t start;
};

static size_t heap(void)
{
	const struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void on_call(void *ctx, enum llm_event ev, struct llm_call *call)
{
	struct engine *e = ctx;

	e->cut += ev == LLM_END && (call->cut || call->body_cut);
}

static void on_exchange(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	struct engine *e = ctx;

	llm_feed(e->llm, ev, x, piece);
	if (ev != HTTP_FINISHED)
		return;
	e->finished++;
	e->damaged += x->request.damage || x->response.damage || x->end != HTTP_END_COMPLETE;
}

static void not_http(void *ctx, struct connection *conn)
{
	(void)ctx, (void)conn;
}

static const struct http_reader reader = { on_exchange, NULL, not_http };

static void engine_start(struct engine *e)
{
	*e = (struct engine){ .start = heap() };
	assert_int_equal(llm_new(on_call, e, &e->stats, &e->llm), 0);
	assert_int_equal(http_new(&reader, e, NULL, &e->stats, &e->http), 0);
}

static void engine_stop(struct engine *e)
{
	http_free(e->http);
	llm_free(e->llm);
}

static void feed(struct engine *e, struct connection *conn, enum sonde_dir dir, struct slice s)
{
	const struct stream_chunk c = {
		.conn = conn, .dir = dir, .pos = conn->bytes[dir], .ts_ns = 1, .bytes = s
	};
	size_t now;

	http_feed(e->http, &c);
	conn->bytes[dir] += s.n;
	if (e->fed++ % 16) /* asking takes time */
		return;
	now = heap();
	if (now - e->start > e->most && now > e->start)
		e->most = now - e->start;
}

static void put(struct buf *b, struct slice s)
{
	assert_int_equal(buf_add(b, s, SIZE_MAX / 2), 0);
}

static void put_frame(struct buf *b, uint8_t type, uint8_t flags, uint32_t stream, struct slice s)
{
	const char head[] = { (char)(s.n >> 16), (char)(s.n >> 8), (char)s.n, (char)type,
			      (char)flags };
	const uint32_t id = htobe32(stream);

	put(b, (struct slice){ head, sizeof(head) });
	put(b, (struct slice){ (const char *)&id, sizeof(id) });
	put(b, s);
}

/* POST https://a/v1/messages, as HPACK without its tables. */
static const char post[] = "\x83\x87\x04\x0c/v1/messages\x41\x01"
			   "a";

static void ten_thousand_streams_are_bounded(void **state)
{
	static char body[16384] = "{\"model\":\"m\",\"messages\":[\"";
	_cleanup_(buf_done) struct buf b = { 0 };
	struct connection conn = { .id = 1 };
	struct engine e;

	(void)state;
	memset(body + 26, 'x', sizeof(body) - 26);
	engine_start(&e);
	feed(&e, &conn, SONDE_DIR_OUT, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
	put_frame(&b, 4, 0, 0, SLICE(""));
	feed(&e, &conn, SONDE_DIR_OUT, buf_slice(&b));
	for (uint32_t i = 0; i < STREAMS; i++) {
		b.n = 0;
		put_frame(&b, 1, 4, 2 * i + 1, SLICE(post)); /* none of them ends */
		for (int k = 0; k < 8; k++)
			put_frame(&b, 0, 0, 2 * i + 1, (struct slice){ body, sizeof(body) });
		feed(&e, &conn, SONDE_DIR_OUT, buf_slice(&b));
	}
	assert_true(e.most < MEMORY_MAX);
	http_close(e.http, &conn, HTTP_END_CUT, 2);
	assert_true(e.damaged >= 1);
	assert_int_equal(e.damaged, e.finished);
	assert_true(e.stats.n[STAT_HTTP_OVER_LIMIT] > 0);
	engine_stop(&e);
	assert_true(heap() < e.start + 8 * MIB);
}

/* A GiB of blanks, as a megabyte of gzip. */
static void put_bomb(struct buf *b)
{
	static unsigned char zeros[1 << 20], out[1 << 16];
	z_stream z = { 0 };
	int r;

	memset(zeros, ' ', sizeof(zeros));
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
	for (int i = 0; i < 1024; i++) {
		z.next_in = zeros;
		z.avail_in = sizeof(zeros);
		do {
			z.next_out = out;
			z.avail_out = sizeof(out);
			r = deflate(&z, i == 1023 ? Z_FINISH : Z_NO_FLUSH);
			put(b, (struct slice){ (const char *)out, sizeof(out) - z.avail_out });
		} while (z.avail_out == 0);
	}
	assert_int_equal(r, Z_STREAM_END);
	deflateEnd(&z);
}

static void a_bomb_is_bounded(void **state)
{
	_cleanup_(buf_done) struct buf bomb = { 0 };
	char head[256];
	struct engine e;

	(void)state;
	put_bomb(&bomb);
	engine_start(&e);
	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
		 "Content-Length: %zu\r\n\r\n",
		 bomb.n);
	for (uint64_t i = 1; i <= BOMBS; i++) {
		struct connection conn = { .id = i };

		feed(&e, &conn, SONDE_DIR_OUT,
		     SLICE("POST /v1/messages HTTP/1.1\r\nHost: "
			   "api.anthropic.com\r\nContent-Length: 26\r\n\r\n"
			   "{\"model\":\"m\",\"messages\":[]}"));
		feed(&e, &conn, SONDE_DIR_IN, slice_of(head));
		feed(&e, &conn, SONDE_DIR_IN, buf_slice(&bomb));
		http_close(e.http, &conn, HTTP_END_CUT, 2);
	}
	assert_true(e.most < 200 * MIB);
	assert_int_equal(e.cut, BOMBS);
	assert_int_equal(e.damaged, BOMBS);
	engine_stop(&e);
}

/* Streams whose first event does not end: a MiB of each is kept until it is too much of all. */
static void many_streams_of_one_event_are_bounded(void **state)
{
	static struct connection conns[CONNECTIONS];
	static char line[1 << 20] = "data: ";
	struct engine e;

	(void)state;
	memset(line + 6, 'x', sizeof(line) - 6);
	engine_start(&e);
	for (uint64_t i = 0; i < CONNECTIONS; i++) {
		conns[i].id = i + 1;
		feed(&e, &conns[i], SONDE_DIR_OUT,
		     SLICE("POST /v1/messages HTTP/1.1\r\nHost: "
			   "api.anthropic.com\r\nContent-Length: 26\r\n\r\n"
			   "{\"model\":\"m\",\"messages\":[]}"));
		feed(&e, &conns[i], SONDE_DIR_IN,
		     SLICE("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"));
		feed(&e, &conns[i], SONDE_DIR_IN, (struct slice){ line, sizeof(line) });
	}
	assert_true(e.most < MEMORY_MAX);
	for (uint64_t i = 0; i < CONNECTIONS; i++)
		http_close(e.http, &conns[i], HTTP_END_CUT, 2);
	assert_int_equal(e.cut, CONNECTIONS);
	engine_stop(&e);
	assert_true(heap() < e.start + 8 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_streams_are_bounded),
		cmocka_unit_test(a_bomb_is_bounded),
		cmocka_unit_test(many_streams_of_one_event_are_bounded),
	};

	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
