/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "alloc.h"
#include "base/buf.h"
#include "base/util.h"
#include "proto/http.h"

#define UPGRADE                                                                       \
	"GET /v1/responses HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: " \
	"Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Extensions: "               \
	"permessage-deflate\r\n\r\n"
#define SWITCH(extensions) \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n" extensions "\r\n"
#define DEFLATE	    "Sec-WebSocket-Extensions: permessage-deflate\r\n"
#define NO_TAKEOVER "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"

/* A conversation under construction: pieces of either direction. */
struct piece {
	enum sonde_dir dir;
	size_t gap; /* bytes missing before it */
	struct buf bytes;
};

#define PIECES_MAX 32
static struct piece pieces[PIECES_MAX];
static size_t n_pieces;

static void begin(void)
{
	for (size_t i = 0; i < n_pieces; i++)
		buf_done(&pieces[i].bytes);
	n_pieces = 0;
}

static struct piece *put(enum sonde_dir dir, struct slice s)
{
	struct piece *p = &pieces[n_pieces++];

	assert_true(n_pieces <= PIECES_MAX);
	*p = (struct piece){ .dir = dir };
	assert_int_equal(buf_add(&p->bytes, s, SIZE_MAX), 0);
	return p;
}

static void upgrade(struct slice answer)
{
	begin();
	put(SONDE_DIR_OUT, SLICE(UPGRADE));
	put(SONDE_DIR_IN, answer);
}

/* One frame, masked where the client sends it. */
static struct piece *frame(enum sonde_dir dir, uint8_t first, struct slice s)
{
	static const char mask[] = { 1, 2, 3, 4 };
	char head[14] = { (char)first }, m = dir == SONDE_DIR_OUT ? (char)0x80 : 0;
	struct piece *p;
	size_t n = 2;

	if (s.n < 126) {
		head[1] = (char)(m | (char)s.n);
	} else if (s.n < 65536) {
		head[1] = (char)(m | 126);
		head[n++] = (char)(s.n >> 8);
		head[n++] = (char)s.n;
	} else {
		head[1] = (char)(m | 127);
		for (int i = 7; i >= 0; i--)
			head[n++] = (char)((uint64_t)s.n >> i * 8);
	}
	if (m) {
		memcpy(head + n, mask, 4);
		n += 4;
	}
	p = put(dir, (struct slice){ head, n });
	assert_int_equal(buf_add(&p->bytes, s, SIZE_MAX), 0);
	for (size_t i = 0; m && i < s.n; i++)
		p->bytes.p[n + i] ^= mask[i % 4];
	return p;
}

static z_stream deflater;

/* A message as permessage-deflate has it; the window goes on. */
static struct piece *packed(enum sonde_dir dir, const char *text)
{
	static char out[4096];

	deflater.next_in = (Bytef *)(uintptr_t)text;
	deflater.avail_in = (uInt)strlen(text);
	deflater.next_out = (Bytef *)out;
	deflater.avail_out = sizeof(out);
	assert_int_equal(deflate(&deflater, Z_SYNC_FLUSH), Z_OK);
	return frame(dir, 0xc1, (struct slice){ out, sizeof(out) - deflater.avail_out - 4 });
}

/* --- what is reported --- */

struct log {
	char text[4096];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void say(struct log *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	l->n += (size_t)vsnprintf(l->text + l->n, sizeof(l->text) - l->n, fmt, ap);
	va_end(ap);
	assert_true(l->n < sizeof(l->text));
}

static void on_exchange(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	(void)piece;
	if (ev == HTTP_FINISHED)
		say(ctx, "%d\n", x->status);
}

static void on_socket(void *ctx, struct http_socket *s, const struct http_socket_message *m,
		      enum http_end why)
{
	if (!m) {
		say(ctx, "closed %d\n", why);
		return;
	}
	say(ctx, "%.*s %s%s ", SLICE_ARG(s->path), m->from_client ? ">" : "<",
	    m->text ? "" : " binary");
	if (m->damage)
		say(ctx, "(%s) lost=%llu\n", m->damage, (unsigned long long)m->lost_bytes);
	else if (m->data.n > 60)
		say(ctx, "[%zu]\n", m->data.n);
	else
		say(ctx, "%.*s\n", SLICE_ARG(m->data));
}

static void on_not_http(void *ctx, struct connection *conn)
{
	(void)conn;
	say(ctx, "not http\n");
}

static const char *talk(size_t cut)
{
	static const struct http_reader reader = { on_exchange, on_socket, on_not_http };
	static struct log l;
	struct connection conn = { .id = 1 };
	uint64_t pos[2] = { 0 };
	struct http *h;

	l = (struct log){ 0 };
	if (http_new(&reader, &l, NULL, NULL, &h) < 0)
		return "";
	for (size_t i = 0; i < n_pieces; i++) {
		const struct piece *p = &pieces[i];
		struct stream_chunk c = { .conn = &conn, .dir = p->dir, .ts_ns = i + 1 };

		c.gap = p->gap;
		c.gap_reason = p->gap ? SONDE_GAP_LOST : 0;
		pos[p->dir] += p->gap;
		for (size_t at = 0; at < p->bytes.n; at += c.bytes.n, c.gap = 0) {
			size_t n = p->bytes.n - at < cut ? p->bytes.n - at : cut;

			c.pos = pos[p->dir];
			pos[p->dir] += n;
			c.bytes = (struct slice){ p->bytes.p + at, n };
			http_feed(h, &c);
		}
	}
	http_close(h, &conn, HTTP_END_CUT, 100);
	http_free(h);
	return l.text;
}

static void check(const char *want)
{
	for (size_t cut = 1; cut < 150; cut++)
		assert_string_equal(talk(cut), want);
	assert_string_equal(talk(SIZE_MAX), want);
}

/* --- tests --- */

static void messages_are_whole(void **state)
{
	(void)state;
	upgrade(SLICE(SWITCH("")));
	frame(SONDE_DIR_OUT, 0x81, SLICE("hello"));
	frame(SONDE_DIR_IN, 0x01, SLICE("in "));
	frame(SONDE_DIR_IN, 0x89, SLICE("ping"));
	frame(SONDE_DIR_IN, 0x00, SLICE("three "));
	frame(SONDE_DIR_IN, 0x80, SLICE("parts"));
	frame(SONDE_DIR_OUT, 0x8a, SLICE("ping"));
	frame(SONDE_DIR_OUT, 0x82, SLICE(""));
	frame(SONDE_DIR_IN, 0x88, SLICE("\3\xe8"));
	frame(SONDE_DIR_IN, 0x81, SLICE("behind the end"));
	check("101\n/v1/responses > hello\n/v1/responses < in three parts\n/v1/responses > binary "
	      "\nclosed 2\n");
}

static void long_messages(void **state)
{
	static char text[70000];

	(void)state;
	memset(text, 'x', sizeof(text));
	upgrade(SLICE(SWITCH("")));
	frame(SONDE_DIR_OUT, 0x81, (struct slice){ text, 125 });
	frame(SONDE_DIR_OUT, 0x81, (struct slice){ text, 126 });
	frame(SONDE_DIR_IN, 0x81, (struct slice){ text, 65535 });
	frame(SONDE_DIR_IN, 0x81, (struct slice){ text, 65536 });
	check("101\n/v1/responses > [125]\n/v1/responses > [126]\n/v1/responses < "
	      "[65535]\n/v1/responses < [65536]\nclosed 2\n");
}

static void compressed_messages_share_a_window(void **state)
{
	(void)state;
	upgrade(SLICE(SWITCH(DEFLATE)));
	deflateReset(&deflater);
	packed(SONDE_DIR_IN, "the same words, the same words");
	packed(SONDE_DIR_IN, "the same words, again");
	frame(SONDE_DIR_IN, 0x81, SLICE("plain"));
	check("101\n/v1/responses < the same words, the same words\n/v1/responses < the same "
	      "words, "
	      "again\n/v1/responses < plain\nclosed 2\n");
}

static void a_gap_damages_what_depends_on_it(void **state)
{
	struct piece *p;

	(void)state;
	upgrade(SLICE(SWITCH("")));
	p = frame(SONDE_DIR_IN, 0x81, SLICE("0123456789"));
	p->bytes.n = 6; /* a head of two and four */
	put(SONDE_DIR_IN, SLICE("89"))->gap = 4;
	frame(SONDE_DIR_IN, 0x81, SLICE("next"));
	check("101\n/v1/responses < (gap) lost=4\n/v1/responses < next\nclosed 2\n");

	/* Without its window the second cannot be read. */
	upgrade(SLICE(SWITCH(DEFLATE)));
	deflateReset(&deflater);
	p = packed(SONDE_DIR_IN, "the same words, the same words");
	packed(SONDE_DIR_IN, "the same words, again")->gap = p->bytes.n - 4;
	p->bytes.n = 4;
	check("101\n/v1/responses < (gap) lost=19\n/v1/responses < (gap) lost=0\nclosed 2\n");

	upgrade(SLICE(SWITCH(NO_TAKEOVER)));
	deflateReset(&deflater);
	p = packed(SONDE_DIR_IN, "the same words, the same words");
	deflateReset(&deflater);
	packed(SONDE_DIR_IN, "the same words, again")->gap = p->bytes.n - 4;
	p->bytes.n = 4;
	check("101\n/v1/responses < (gap) lost=19\n/v1/responses < the same words, again\nclosed "
	      "2\n");
}

static void a_lost_direction_is_found_again(void **state)
{
	(void)state;
	upgrade(SLICE(SWITCH("")));
	frame(SONDE_DIR_IN, 0x81, SLICE("first"));
	frame(SONDE_DIR_IN, 0x81, SLICE("found"))->gap = 100;
	assert_string_equal(talk(SIZE_MAX),
			    "101\n/v1/responses < first\n/v1/responses < (gap) lost=100\n"
			    "/v1/responses < found\nclosed 2\n");
}

static void what_is_no_frame_is_skipped(void **state)
{
	(void)state;
	upgrade(SLICE(SWITCH("")));
	put(SONDE_DIR_OUT, SLICE("\x81\x05hello")); /* a client must mask */
	put(SONDE_DIR_IN, SLICE("\xf1\x01x"));	    /* reserved bits */
	frame(SONDE_DIR_IN, 0x81, SLICE("sound"));
	assert_string_equal(talk(SIZE_MAX), "101\n/v1/responses < sound\nclosed 2\n");
}

static void other_upgrades_are_not_read(void **state)
{
	(void)state;
	upgrade(SLICE("HTTP/1.1 101 Switching Protocols\r\nUpgrade: spdy\r\n\r\n"));
	put(SONDE_DIR_IN, SLICE("\x81\x05hello"));
	assert_string_equal(talk(SIZE_MAX), "101\nnot http\n");
}

static void survives_refused_memory(void **state)
{
	(void)state;
	upgrade(SLICE(SWITCH(DEFLATE)));
	deflateReset(&deflater);
	frame(SONDE_DIR_OUT, 0x81, SLICE("hello"));
	packed(SONDE_DIR_IN, "the same words, the same words");
	for (long n = 1;; n++) {
		alloc_refuse(n);
		talk(SIZE_MAX);
		if (!alloc_allow())
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_whole),
		cmocka_unit_test(long_messages),
		cmocka_unit_test(compressed_messages_share_a_window),
		cmocka_unit_test(a_gap_damages_what_depends_on_it),
		cmocka_unit_test(a_lost_direction_is_found_again),
		cmocka_unit_test(what_is_no_frame_is_skipped),
		cmocka_unit_test(other_upgrades_are_not_read),
		cmocka_unit_test(survives_refused_memory),
	};
	int r;

	if (deflateInit2(&deflater, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return 1;
	r = cmocka_run_group_tests_name("websocket", tests, NULL, NULL);
	begin();
	deflateEnd(&deflater);
	return r;
}
