/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "alloc.h"
#include "events.h"
#include "stream/peer.h"
#include "stream/stream.h"

#define OUT SONDE_DIR_OUT
#define IN  SONDE_DIR_IN

/* What a reader saw, as text: "o1 1>abc 1>~5(1)d 1>. l1 c1". */
struct seen {
	char text[4096];
	size_t n;
	struct stats stats;
};

__attribute__((format(printf, 2, 3))) static void say(struct seen *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s->text + s->n, sizeof(s->text) - s->n, fmt, ap);
	va_end(ap);
	s->n = n < 0 || s->n + (size_t)n >= sizeof(s->text) ? sizeof(s->text) - 1
							    : s->n + (size_t)n;
}

static void on_open(void *ctx, struct connection *conn)
{
	say(ctx, "o%lu%s ", conn->id, conn->flags & SONDE_CONN_MIDWAY ? "m" : "");
}

static void on_chunk(void *ctx, const struct stream_chunk *c)
{
	assert_true(c->bytes.n || c->gap || c->eof);
	assert_true(c->conn->bytes[c->dir] == c->pos + c->bytes.n);
	say(ctx, "%lu%c", c->conn->id, c->dir == OUT ? '>' : '<');
	if (c->gap)
		say(ctx, "~%lu(%d)", c->gap, c->gap_reason);
	say(ctx, "%.*s%s ", SLICE_ARG(c->bytes), c->eof ? "." : "");
}

static void on_linked(void *ctx, struct connection *conn)
{
	say(ctx, "l%lu:%u ", conn->id, conn->remote_port);
}

static void on_close(void *ctx, struct connection *conn, uint64_t ts_ns)
{
	(void)ts_ns;
	say(ctx, "c%lu ", conn->id);
}

static const struct stream_reader reader = {
	.open = on_open, .chunk = on_chunk, .linked = on_linked, .close = on_close
};

static struct stream *begin(struct seen *seen)
{
	struct stream *s;

	*seen = (struct seen){ 0 };
	assert_int_equal(stream_new(&reader, seen, &seen->stats, &s), 0);
	return s;
}

static void data(struct stream *s, uint64_t conn, int dir, uint64_t pos, const char *bytes)
{
	static union test_event ev;

	stream_feed(s, ev_data(&ev, 1, conn, (uint8_t)dir, pos, slice_of(bytes)));
}

static void gap(struct stream *s, uint64_t conn, uint64_t pos, uint64_t len, int reason)
{
	static union test_event ev;

	stream_feed(s, ev_gap(&ev, 1, conn, OUT, pos, len, (uint8_t)reason));
}

static void eof(struct stream *s, uint64_t conn, uint64_t pos)
{
	static union test_event ev;

	ev_data(&ev, 1, conn, OUT, pos, (struct slice){ 0 });
	ev.data.flags = SONDE_DATA_EOF;
	stream_feed(s, &ev.hdr);
}

static void conn_open(struct stream *s, uint64_t conn, uint32_t pid, uint8_t family, uint16_t port)
{
	static union test_event ev;

	stream_feed(s, ev_conn(&ev, SONDE_EV_CONN_OPEN, pid, conn, family, port));
}

static void conn_close(struct stream *s, uint64_t conn)
{
	static union test_event ev;

	stream_feed(s, ev_conn(&ev, SONDE_EV_CONN_CLOSE, 1, conn, 0, 0));
}

static void bytes_come_in_order_of_position(void **state)
{
	struct seen seen;
	struct stream *s = begin(&seen);

	(void)state;
	conn_open(s, 7, 1, 2, 443);
	data(s, 7, OUT, 0, "ab");
	data(s, 7, IN, 0, "xy");
	data(s, 7, OUT, 2, "cd");
	conn_close(s, 7);
	assert_string_equal(seen.text, "o7 7>ab 7<xy 7>cd c7 ");
	assert_int_equal(seen.stats.n[STAT_STREAM_BYTES_IN], 2);
	assert_int_equal(seen.stats.n[STAT_STREAM_BYTES_OUT], 4);
	assert_null(stream_find(s, 7));
	stream_free(s);
}

static void bytes_seen_twice_are_dropped_and_counted(void **state)
{
	static const struct {
		uint64_t pos;
		const char *bytes, *want;
		uint64_t overlap;
	} cases[] = {
		{ 0, "abcd", "o7 7>abcd ", 4 },	     /* the same again */
		{ 2, "cdef", "o7 7>abcd 7>ef ", 2 }, /* some of it */
		{ 1, "b", "o7 7>abcd ", 1 },
		{ 4, "e", "o7 7>abcd 7>e ", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seen seen;
		struct stream *s = begin(&seen);

		conn_open(s, 7, 1, 2, 443);
		data(s, 7, OUT, 0, "abcd");
		data(s, 7, OUT, cases[i].pos, cases[i].bytes);
		assert_string_equal(seen.text, cases[i].want);
		assert_int_equal(seen.stats.n[STAT_STREAM_OVERLAP], cases[i].overlap);
		stream_free(s);
	}
}

static void missing_bytes_become_a_gap_with_its_reason(void **state)
{
	struct seen seen;
	struct stream *s = begin(&seen);

	(void)state;
	conn_open(s, 7, 1, 2, 443);
	data(s, 7, OUT, 3, "d");	     /* a jump: lost */
	gap(s, 7, 4, 10, SONDE_GAP_VERDICT); /* told */
	gap(s, 7, 4, 10, SONDE_GAP_VERDICT); /* and told again */
	gap(s, 7, 16, 4, SONDE_GAP_CAP);     /* told, and more is missing before it */
	data(s, 7, OUT, 18, "xxe");	     /* part of a gap turns up late: it has gone */
	data(s, 7, OUT, 25, "z");
	assert_string_equal(seen.text, "o7 7>~3(1)d 7>~10(4) 7>~2(1) 7>~4(3) 7>e 7>~4(1)z ");
	stream_free(s);
}

static void an_end_is_told_once_and_nothing_follows_it(void **state)
{
	struct seen seen;
	struct stream *s = begin(&seen);

	(void)state;
	conn_open(s, 7, 1, 2, 443);
	data(s, 7, OUT, 0, "a");
	eof(s, 7, 1);
	eof(s, 7, 1);
	data(s, 7, OUT, 1, "b");
	data(s, 7, IN, 0, "c");
	assert_string_equal(seen.text, "o7 7>a 7>. 7<c ");
	assert_int_equal(seen.stats.n[STAT_EVENTS_BAD], 1);
	conn_open(s, 8, 1, 2, 443);
	eof(s, 8, 4); /* an end that shows a loss */
	assert_string_equal(seen.text, "o7 7>a 7>. 7<c o8 8>~4(1). ");
	stream_free(s);
}

static void a_connection_never_opened_is_joined_midway_without_a_gap(void **state)
{
	struct seen seen;
	struct stream *s = begin(&seen);

	(void)state;
	data(s, 7, OUT, 100, "a");
	data(s, 7, IN, 50, "b");
	data(s, 7, IN, 52, "c");
	assert_string_equal(seen.text, "o7m 7>a 7<b 7<~1(1)c ");
	stream_free(s);
}

static void a_socket_gives_its_peer_to_the_tls_stream_in_any_order(void **state)
{
	static const char *const orders[] = { "stL", "tsL", "Lst", "Lts", "sLt", "tLs" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		static union test_event ev;
		struct seen seen;
		struct stream *s = begin(&seen);
		const struct connection *tls;

		for (const char *c = orders[i]; *c; c++) {
			if (*c == 's')
				conn_open(s, 1, 1, 2, 443);
			else if (*c == 't')
				conn_open(s, 2, 1, 0, 0);
			else
				stream_feed(s, ev_link(&ev, 2, 1));
		}
		tls = stream_find(s, 2);
		assert_int_equal(tls->family, 2);
		assert_int_equal(tls->remote_port, 443);
		assert_int_equal(tls->linked, 1);
		assert_int_equal(stream_find(s, 1)->linked, 2);
		assert_non_null(strstr(seen.text, "l2:443"));
		stream_feed(s, ev_link(&ev, 2, 1)); /* told once */
		assert_null(strstr(strstr(seen.text, "l2:443") + 1, "l2:443"));
		stream_free(s);
	}
}

static void an_address_that_comes_late_reaches_the_tls_stream(void **state)
{
	static union test_event ev;
	struct seen seen;
	struct stream *s = begin(&seen);

	(void)state;
	data(s, 1, OUT, 9, "x"); /* the socket, joined midway: no address */
	conn_open(s, 2, 1, 0, 0);
	stream_feed(s, ev_link(&ev, 2, 1));
	conn_open(s, 1, 1, 2, 443);
	assert_int_equal(stream_find(s, 2)->remote_port, 443);
	assert_true(stream_find(s, 1)->flags & SONDE_CONN_MIDWAY);
	stream_free(s);
}

/* A ClientHello with an extension before and behind the server's name. */
#define HELLO_HEAD                                     \
	"\x16\x03\x01\x00\x60\x01\x00\x00\x5c\x03\x03" \
	"0123456789abcdef0123456789abcdef"             \
	"\x02ss\x00\x04\x13\x01\x13\x02\x01\x00\x00\x28\x00\x17\x00\x00"
#define HELLO_NAME(name) "\x00\x00\x00\x14\x00\x12\x00\x00\x0f" name
#define HELLO_TAIL	 "\x00\x10\x00\x02\x00\x00"
#define HELLO		 HELLO_HEAD HELLO_NAME("api.example.com") HELLO_TAIL

static void a_tls_client_says_whom_it_wants(void **state)
{
	static const struct {
		struct slice hello;
		const char *name;
	} cases[] = {
		{ SLICE(HELLO), "api.example.com" },
		/* Not a host name: what came in is not repeated. */
		{ SLICE(HELLO_HEAD HELLO_NAME("api.example\ncom") HELLO_TAIL), "" },
		{ SLICE(HELLO_HEAD HELLO_NAME("api.example\0com") HELLO_TAIL), "" },
		{ SLICE(HELLO_HEAD HELLO_TAIL), "" },
		{ SLICE("\x16\x03\x01\x00\x04\x02\x00\x00\x00"), "" },
		{ SLICE("\x17\x03\x03\x00\x04" HELLO), "" },
	};
	/* The name is all there from here on. */
	const size_t whole = sizeof(HELLO) - sizeof(HELLO_TAIL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t n = 0; n <= cases[i].hello.n; n++) {
			char *cut = malloc(n ? n : 1), name[SERVER_NAME_SIZE] = "";
			bool found;

			memcpy(cut, cases[i].hello.p, n);
			found = peer_server_name((struct slice){ cut, n }, name);
			assert_string_equal(name, i == 0 && n < whole ? "" : cases[i].name);
			assert_int_equal(found, name[0] != 0);
			free(cut);
		}
	}
}

static void the_name_reaches_the_tls_stream_over_the_socket(void **state)
{
	static const char *const orders[] = { "hL", "Lh" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		static union test_event ev;
		struct seen seen;
		struct stream *s = begin(&seen);

		conn_open(s, 1, 1, 2, 443);
		conn_open(s, 2, 1, 0, 0);
		for (const char *c = orders[i]; *c; c++)
			stream_feed(s, *c == 'h' ? ev_hello(&ev, 1, SLICE(HELLO))
						 : ev_link(&ev, 2, 1));
		assert_string_equal(stream_find(s, 1)->server_name, "api.example.com");
		assert_string_equal(stream_find(s, 2)->server_name, "api.example.com");
		ev_hello(&ev, 1, SLICE(HELLO));
		ev.hello.len++; /* more than there is */
		stream_feed(s, &ev.hdr);
		stream_free(s);
	}
}

static void what_passed_on_the_socket_before_passed_on_the_stream(void **state)
{
	static union test_event ev;
	struct seen seen;
	struct stream *s = begin(&seen);

	(void)state;
	ev_conn(&ev, SONDE_EV_CONN_OPEN, 1, 1, 2, 443);
	ev.conn.flags |= SONDE_CONN_MIDWAY;
	stream_feed(s, &ev.hdr);
	conn_open(s, 2, 1, 0, 0);
	assert_false(stream_find(s, 2)->flags & SONDE_CONN_MIDWAY);
	stream_feed(s, ev_link(&ev, 2, 1));
	assert_true(stream_find(s, 2)->flags & SONDE_CONN_MIDWAY);
	stream_free(s);
}

static void connections_end_with_the_process_that_used_them_last(void **state)
{
	static union test_event ev;
	struct seen seen;
	struct stream *s = begin(&seen);

	(void)state;
	conn_open(s, 7, 1, 2, 443);
	conn_open(s, 8, 1, 2, 443);
	conn_open(s, 9, 2, 2, 443);
	stream_feed(s, ev_data(&ev, 2, 8, OUT, 0, SLICE("a"))); /* a child goes on with 8 */
	stream_feed(s, ev_exit(&ev, 1, 0, 0));
	assert_string_equal(seen.text, "o7 o8 o9 8>a c7 ");
	stream_feed(s, ev_exit(&ev, 1, 0, 0));
	stream_feed(s, ev_exit(&ev, 2, 0, 0));
	assert_string_equal(seen.text, "o7 o8 o9 8>a c7 c9 c8 ");
	stream_free(s);
}

static void the_end_closes_everything(void **state)
{
	struct seen seen;
	struct stream *s = begin(&seen);

	(void)state;
	conn_open(s, 7, 1, 2, 443);
	conn_open(s, 8, 0, 2, 443);
	stream_end(s, 5);
	assert_string_equal(seen.text, "o7 o8 c7 c8 ");
	stream_free(s);
}

static void too_many_connections_push_out_the_one_idle_longest(void **state)
{
	struct seen seen;
	struct stream *s = begin(&seen);

	(void)state;
	for (uint64_t i = 1; i <= STREAM_CONNECTIONS_MAX; i++)
		conn_open(s, i, (uint32_t)(1 + i % 100), 2, 443);
	data(s, 1, OUT, 0, "a"); /* used again */
	conn_open(s, 1000000, 1, 2, 443);
	assert_non_null(stream_find(s, 1));
	assert_null(stream_find(s, 2));
	assert_int_equal(seen.stats.n[STAT_STREAM_EVICTED], 1);
	stream_free(s);
}

static void malformed_events_are_counted(void **state)
{
	static union test_event ev;
	struct seen seen;
	struct stream *s = begin(&seen);

	(void)state;
	ev_data(&ev, 1, 7, OUT, 0, SLICE("abc"));
	ev.data.len = 4; /* more than there is */
	stream_feed(s, &ev.hdr);
	ev_data(&ev, 1, 7, 2, 0, SLICE("abc")); /* a third direction */
	stream_feed(s, &ev.hdr);
	ev_data(&ev, 1, 7, OUT, UINT64_MAX - 1, SLICE("abc")); /* past the end of numbers */
	stream_feed(s, &ev.hdr);
	ev_gap(&ev, 1, 7, OUT, 2, UINT64_MAX - 1, 1);
	stream_feed(s, &ev.hdr);
	ev_gap(&ev, 1, 7, OUT, 2, 3, 1)->size = 40; /* shorter than its kind */
	stream_feed(s, &ev.hdr);
	assert_int_equal(seen.stats.n[STAT_EVENTS_BAD], 5);
	assert_string_equal(seen.text, "");
	stream_free(s);
}

/* However a direction is cut, and whatever is said twice, its bytes are equal. */
static void bytes_are_equal_however_they_are_cut(void **state)
{
	static const char text[] = "the quick brown fox jumps over the lazy dog";

	(void)state;
	for (size_t size = 1; size < sizeof(text); size++)
		for (size_t back = 0; back < size; back++) {
			static union test_event ev;
			struct seen seen;
			struct stream *s = begin(&seen);
			char got[sizeof(text)] = "";

			conn_open(s, 1, 1, 2, 443);
			for (size_t at = 0; at < sizeof(text) - 1; at += size) {
				size_t from = at > back ? at - back : 0;
				size_t to =
					at + size < sizeof(text) - 1 ? at + size : sizeof(text) - 1;

				stream_feed(s, ev_data(&ev, 1, 1, OUT, from,
						       (struct slice){ text + from, to - from }));
			}
			/* "o1 1>the q 1>uick ...": what stands after each '>' up to the blank that
			 * on_chunk() adds. */
			for (char *p = strstr(seen.text, "1>"); p; p = strstr(p, "1>")) {
				char *end = strstr(p, " 1>");

				p += 2;
				strncat(got, p, end ? (size_t)(end - p) : strlen(p) - 1);
			}
			assert_string_equal(got, text);
			stream_free(s);
		}
}

static void refused_memory_loses_a_connection_and_nothing_else(void **state)
{
	(void)state;
	for (long n = 1;; n++) {
		static union test_event ev;
		struct seen seen = { 0 };
		struct stream *s = NULL;

		alloc_refuse(n);
		if (stream_new(&reader, &seen, &seen.stats, &s) == 0) {
			conn_open(s, 1, 1, 2, 443);
			data(s, 1, OUT, 0, "a");
			conn_open(s, 2, 2, 0, 0);
			stream_feed(s, ev_link(&ev, 2, 1));
			stream_feed(s, ev_exit(&ev, 1, 0, 0));
			stream_end(s, 9);
		}
		stream_free(s);
		if (!alloc_allow())
			break;
		assert_true(n < 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_in_order_of_position),
		cmocka_unit_test(bytes_seen_twice_are_dropped_and_counted),
		cmocka_unit_test(missing_bytes_become_a_gap_with_its_reason),
		cmocka_unit_test(an_end_is_told_once_and_nothing_follows_it),
		cmocka_unit_test(a_connection_never_opened_is_joined_midway_without_a_gap),
		cmocka_unit_test(a_socket_gives_its_peer_to_the_tls_stream_in_any_order),
		cmocka_unit_test(an_address_that_comes_late_reaches_the_tls_stream),
		cmocka_unit_test(a_tls_client_says_whom_it_wants),
		cmocka_unit_test(the_name_reaches_the_tls_stream_over_the_socket),
		cmocka_unit_test(what_passed_on_the_socket_before_passed_on_the_stream),
		cmocka_unit_test(connections_end_with_the_process_that_used_them_last),
		cmocka_unit_test(the_end_closes_everything),
		cmocka_unit_test(too_many_connections_push_out_the_one_idle_longest),
		cmocka_unit_test(malformed_events_are_counted),
		cmocka_unit_test(bytes_are_equal_however_they_are_cut),
		cmocka_unit_test(refused_memory_loses_a_connection_and_nothing_else),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
