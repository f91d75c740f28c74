/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "alloc.h"
#include "events.h"
#include "stream/halves.h"

#define OUT  SONDE_DIR_OUT
#define IN   SONDE_DIR_IN
#define SOCK 100

/* What came out, as text: "o1 1>0:ab l1-100 c1 x7 t". A half connection's opening has an h. */
struct seen {
	char text[4096];
	size_t n;
	struct halves *h;
	struct stats stats;
};

__attribute__((format(printf, 2, 3))) static void say(struct seen *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s->text + s->n, sizeof(s->text) - s->n, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < sizeof(s->text) - s->n);
	s->n += (size_t)n;
}

static void on_event(void *ctx, const struct sonde_event *e)
{
	const struct sonde_data_event *d = (const void *)e;
	const struct sonde_gap_event *g = (const void *)e;
	const struct sonde_conn_event *c = (const void *)e;
	const struct sonde_link_event *l = (const void *)e;

	switch (e->kind) {
	case SONDE_EV_DATA:
		say(ctx, "%lu%c%lu:%.*s ", (long)d->conn, d->dir == OUT ? '>' : '<', (long)d->pos,
		    d->len > 8 ? 3 : (int)d->len, (const char *)d->data);
		break;
	case SONDE_EV_GAP:
		say(ctx, "%lu~%lu+%lu ", (long)g->conn, (long)g->pos, (long)g->len);
		break;
	case SONDE_EV_CONN_OPEN:
		say(ctx, "o%lu%s ", (long)c->conn, c->flags & SONDE_CONN_HALF ? "h" : "");
		break;
	case SONDE_EV_CONN_CLOSE:
		say(ctx, "c%lu ", (long)c->conn);
		break;
	case SONDE_EV_CONN_LINK:
		say(ctx, "l%lu-%lu ", (long)l->tls, (long)l->sock);
		break;
	case SONDE_EV_EXIT:
		say(ctx, "x%u ", e->tgid);
		break;
	default:
		say(ctx, "t ");
	}
}

static union test_event ev;

static void give(struct seen *s, const struct sonde_event *e)
{
	halves_feed(s->h, e);
}

static void open_half(struct seen *s, uint32_t pid, uint64_t id)
{
	ev_conn(&ev, SONDE_EV_CONN_OPEN, pid, id, 0, 0);
	ev.conn.flags = SONDE_CONN_HALF;
	give(s, &ev.hdr);
}

static void data(struct seen *s, uint32_t pid, uint64_t id, enum sonde_dir dir, uint64_t pos,
		 const char *text)
{
	give(s, ev_data(&ev, pid, id, dir, pos, slice_of(text)));
}

static void link_half(struct seen *s, uint64_t id, uint64_t sock, enum sonde_dir dir)
{
	ev_link(&ev, id, sock);
	ev.link.evidence = dir == OUT ? SONDE_LINK_NEXT_CALL : SONDE_LINK_SAME_MEMORY;
	give(s, &ev.hdr);
}

static void close_conn(struct seen *s, uint64_t id)
{
	give(s, ev_conn(&ev, SONDE_EV_CONN_CLOSE, 1, id, 0, 0));
}

static void expect(struct seen *s, const char *text)
{
	assert_string_equal(s->text, text);
	s->n = 0;
	s->text[0] = 0;
}

static int begin(void **state)
{
	struct seen *s = calloc(1, sizeof(*s));

	*state = s;
	return s ? halves_new(on_event, s, &s->stats, &s->h) : -1;
}

static int end(void **state)
{
	struct seen *s = *state;

	halves_free(s->h);
	free(s);
	return 0;
}

static void a_request_and_its_answer_become_one_connection(void **state)
{
	struct seen *s = *state;

	open_half(s, 1, 1);
	data(s, 1, 1, OUT, 0, "ask");
	expect(s, "");
	link_half(s, 1, SOCK, OUT);
	expect(s, "o1 1>0:ask l1-100 ");
	open_half(s, 1, 2);
	link_half(s, 2, SOCK, IN);
	data(s, 1, 2, IN, 0, "yes");
	data(s, 1, 1, OUT, 3, "more");
	give(s, ev_gap(&ev, 1, 2, IN, 3, 5, SONDE_GAP_LOST));
	expect(s, "1<0:yes 1>3:more 1~3+5 ");
	close_conn(s, SOCK);
	expect(s, "c1 c100 ");
}

static void an_answer_waits_for_what_may_be_its_request(void **state)
{
	struct seen *s = *state;

	open_half(s, 1, 1);
	data(s, 1, 1, OUT, 0, "ask");
	open_half(s, 1, 2);
	link_half(s, 2, SOCK, IN);
	data(s, 1, 2, IN, 0, "yes");
	expect(s, "");
	link_half(s, 1, SOCK, OUT);
	expect(s, "o1 1>0:ask l1-100 1<0:yes ");
}

static void another_process_s_request_is_not_waited_for(void **state)
{
	struct seen *s = *state;

	open_half(s, 1, 1);
	data(s, 1, 1, OUT, 0, "ask");
	open_half(s, 2, 2);
	link_half(s, 2, SOCK, IN);
	data(s, 2, 2, IN, 0, "hi");
	expect(s, "o2 l2-100 2<0:hi ");
}

static void crowds_are_not_mixed_up(void **state)
{
	struct seen *s = *state;

	for (uint64_t i = 1; i <= 3; i++) {
		open_half(s, 1, i);
		data(s, 1, i, OUT, 0, "q");
	}
	for (uint64_t i = 3; i >= 1; i--)
		link_half(s, i, SOCK + i, OUT);
	expect(s, "o3 3>0:q l3-103 o2 2>0:q l2-102 o1 1>0:q l1-101 ");
	for (uint64_t i = 1; i <= 3; i++) {
		open_half(s, 1, 10 + i);
		link_half(s, 10 + i, SOCK + 4 - i, IN);
		data(s, 1, 10 + i, IN, 0, "a");
	}
	expect(s, "3<0:a 2<0:a 1<0:a ");
}

static void without_a_link_each_goes_its_own_way(void **state)
{
	struct seen *s = *state;

	open_half(s, 1, 1);
	data(s, 1, 1, OUT, 0, "ask");
	give(s, ev_plain(&ev, SONDE_EV_TICK, 1000000 + HALF_WAIT_NS - 1));
	expect(s, "t ");
	give(s, ev_plain(&ev, SONDE_EV_TICK, 1000000 + HALF_WAIT_NS));
	expect(s, "o1h 1>0:ask t ");
	data(s, 1, 1, OUT, 3, "more");
	expect(s, "1>3:more ");
	link_half(s, 1, SOCK, OUT); /* too late to join, but it has an address now */
	expect(s, "l1-100 ");
	close_conn(s, 1);
	expect(s, "c1 ");
}

static void an_end_before_the_link_loses_nothing(void **state)
{
	struct seen *s = *state;

	open_half(s, 1, 1);
	data(s, 1, 1, OUT, 0, "ask");
	close_conn(s, 1);
	expect(s, "o1h 1>0:ask c1 ");
	open_half(s, 7, 2);
	data(s, 7, 2, OUT, 0, "ask");
	give(s, ev_exit(&ev, 7, 0, 0));
	expect(s, "o2h 2>0:ask x7 ");
	open_half(s, 1, 3);
	data(s, 1, 3, OUT, 0, "ask");
	halves_end(s->h);
	expect(s, "o3h 3>0:ask ");
}

/* New keys: another object goes on where the first one stopped. */
static void positions_go_on_behind_a_replaced_object(void **state)
{
	struct seen *s = *state;

	open_half(s, 1, 1);
	data(s, 1, 1, OUT, 0, "abc");
	link_half(s, 1, SOCK, OUT);
	open_half(s, 1, 2);
	data(s, 1, 2, OUT, 0, "def");
	link_half(s, 2, SOCK, OUT);
	data(s, 1, 2, OUT, 3, "ghi");
	expect(s, "o1 1>0:abc l1-100 1>3:def 1>6:ghi ");
	close_conn(s, 1);
	expect(s, "");
	data(s, 1, 2, OUT, 6, "j");
	give(s, ev_exit(&ev, 1, 0, 0));
	expect(s, "1>9:j x1 ");
	close_conn(s, SOCK);
	expect(s, "c100 ");
}

static void too_much_that_waits_waits_no_longer(void **state)
{
	static char text[SONDE_CHUNK_MAX + 1];
	struct seen *s = *state;
	unsigned int n = 0;

	memset(text, 'x', SONDE_CHUNK_MAX);
	open_half(s, 1, 1);
	for (; s->n == 0 && n < 1000; n++)
		data(s, 1, 1, OUT, (uint64_t)n * SONDE_CHUNK_MAX, text);
	assert_in_range(n, HALF_BYTES_MAX / SONDE_CHUNK_MAX - 2, HALF_BYTES_MAX / SONDE_CHUNK_MAX);
	assert_memory_equal(s->text, "o1h 1>0:xxx 1>16384:xxx ", 24);
}

static void verdicts_concern_both_halves(void **state)
{
	struct seen *s = *state;
	uint64_t ids[2];

	open_half(s, 1, 1);
	data(s, 1, 1, OUT, 0, "ask");
	link_half(s, 1, SOCK, OUT);
	assert_int_equal(halves_ids(s->h, 1, ids), 1);
	open_half(s, 1, 2);
	link_half(s, 2, SOCK, IN);
	assert_int_equal(halves_ids(s->h, 1, ids), 2);
	assert_int_equal(ids[IN], 2);
	assert_int_equal(ids[OUT], 1);
	assert_int_equal(halves_ids(s->h, 77, ids), 1);
	assert_int_equal(ids[0], 77);
}

static void what_is_no_half_passes(void **state)
{
	struct seen *s = *state;

	give(s, ev_conn(&ev, SONDE_EV_CONN_OPEN, 1, 5, 2, 443));
	data(s, 1, 5, OUT, 0, "ask");
	give(s, ev_link(&ev, 6, 5));
	data(s, 1, 9, IN, 7, "?");
	close_conn(s, 5);
	expect(s, "o5 5>0:ask l6-5 9<7:? c5 ");
}

static void refused_memory_loses_no_bytes(void **state)
{
	struct seen *s = *state;

	(void)state;
	for (int nth = 1; nth < 8; nth++) {
		uint64_t id = (uint64_t)nth * 10;

		alloc_refuse(nth);
		open_half(s, 1, id);
		data(s, 1, id, OUT, 0, "ask");
		link_half(s, id, SOCK + id, OUT);
		data(s, 1, id, OUT, 3, "more");
		alloc_allow();
		assert_non_null(strstr(s->text, ">0:ask"));
		assert_non_null(strstr(s->text, ">3:more"));
		s->n = 0;
		s->text[0] = 0;
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_request_and_its_answer_become_one_connection),
		TEST(an_answer_waits_for_what_may_be_its_request),
		TEST(another_process_s_request_is_not_waited_for),
		TEST(crowds_are_not_mixed_up),
		TEST(without_a_link_each_goes_its_own_way),
		TEST(an_end_before_the_link_loses_nothing),
		TEST(positions_go_on_behind_a_replaced_object),
		TEST(too_much_that_waits_waits_no_longer),
		TEST(verdicts_concern_both_halves),
		TEST(what_is_no_half_passes),
		TEST(refused_memory_loses_no_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
