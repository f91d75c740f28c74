/* SPDX-License-Identifier: BSD-2-Clause */
/* What captures tell, handed on to each user: only theirs, numbered so that it tells no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "api/feed.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/live_hub.h"

#define ALICE 1000
#define BOB   1001

/* A capture that serves while a feed listens. */
struct world {
	char dir[64], db[128];
	struct live_hub *hub;
	pthread_mutex_t lock;
	pthread_t thread;
	bool stop;
	struct feed *feed;
};

static void *serve(void *ctx)
{
	struct world *w = ctx;
	bool stop;

	do {
		pthread_mutex_lock(&w->lock);
		live_hub_serve(w->hub);
		stop = w->stop;
		pthread_mutex_unlock(&w->lock);
		usleep(2000);
	} while (!stop);
	return NULL;
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	snprintf(w->dir, sizeof(w->dir), "/tmp/sonde-feed-XXXXXX");
	if (!w || !mkdtemp(w->dir))
		return -1;
	snprintf(w->db, sizeof(w->db), "%s/sonde.db", w->dir);
	pthread_mutex_init(&w->lock, NULL);
	if (live_hub_open(w->db, &w->hub) < 0 || feed_start(w->db, &w->feed) < 0)
		return -1;
	return pthread_create(&w->thread, NULL, serve, w);
}

static int end(void **state)
{
	struct world *w = *state;
	char live[128];

	feed_stop(w->feed);
	w->stop = true;
	pthread_join(w->thread, NULL);
	live_hub_close(w->hub);
	snprintf(live, sizeof(live), "%s/live", w->dir);
	rmdir(live);
	rmdir(w->dir);
	free(w);
	return 0;
}

static void tell_run(struct world *w, uint32_t uid, unsigned n, const char *task)
{
	struct run run = { .status = RUN_RUNNING, .uid = uid, .task = slice_of(task) };

	run.run_id.b[0] = (uint8_t)uid;
	run.run_id.b[1] = 1;
	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < n; i++)
		live_hub_sink.run(w->hub, &run);
	pthread_mutex_unlock(&w->lock);
}

static void tell_piece(struct world *w, uint32_t uid, const char *text)
{
	struct live_piece piece = { .kind = LIVE_TEXT, .text = slice_of(text) };

	piece.run_id.b[0] = (uint8_t)uid;
	piece.run_id.b[1] = 1;
	pthread_mutex_lock(&w->lock);
	live_hub_sink.live_piece(w->hub, &piece);
	pthread_mutex_unlock(&w->lock);
}

/* The next line; NULL where none comes. */
static cJSON *next(struct world *w, struct feed_reader *r, int wait_ms)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	uint64_t n = 0;

	if (feed_next(w->feed, r, wait_ms, &b, &n) <= 0)
		return NULL;
	assert_int_equal(b.p[b.n - 1], '\n');
	assert_true(json_valid(buf_slice(&b)));
	assert_false(slice_has(buf_slice(&b), SLICE("\"n\":"))); /* the capture's own number */
	return json_parse(buf_slice(&b));
}

static void assert_next(struct world *w, struct feed_reader *r, const char *type, unsigned number)
{
	_cleanup_(cJSON_Deletep) cJSON *j = next(w, r, 5000);
	char id[64];

	assert_non_null(j);
	snprintf(id, sizeof(id), "%s-%u", feed_epoch(w->feed), number);
	assert_string_equal(json_str(j, "type").p, type);
	assert_string_equal(json_str(j, "id").p, id);
}

static struct feed_reader reader_of(struct world *w, uint32_t uid, const char *after)
{
	struct feed_reader r = { .viewer = { .uid = uid } };

	feed_seek(w->feed, &r, slice_of(after));
	return r;
}

static void each_gets_its_own(void **state)
{
	struct world *w = *state;
	struct feed_reader alice = reader_of(w, ALICE, ""), bob = reader_of(w, BOB, "");
	struct feed_reader all = { .viewer = { .all = true } };

	feed_seek(w->feed, &all, SLICE(""));
	tell_run(w, ALICE, 1, "alice's");
	tell_run(w, BOB, 3, "bob's");
	tell_piece(w, BOB, "for bob");
	tell_piece(w, ALICE, "for alice");
	tell_piece(w, 77, "nobody knows whose");
	for (unsigned i = 1; i <= 4; i++)
		assert_next(w, &all, "run", i);
	for (unsigned i = 5; i <= 7; i++)
		assert_next(w, &all, "piece", i);
	/* Numbers have no holes where others did something. */
	assert_next(w, &alice, "run", 1);
	assert_next(w, &alice, "piece", 2);
	assert_null(next(w, &alice, 20));
	for (unsigned i = 1; i <= 3; i++)
		assert_next(w, &bob, "run", i);
	assert_next(w, &bob, "piece", 4);
	assert_null(next(w, &bob, 20));
}

static void a_listener_goes_on_where_it_was(void **state)
{
	struct world *w = *state;
	struct feed_reader r;
	char id[64];

	tell_run(w, ALICE, 2, "one");
	tell_run(w, BOB, 2, "two");
	tell_run(w, ALICE, 2, "three");
	r = reader_of(w, ALICE, "");
	for (unsigned i = 1; i <= 4; i++)
		assert_next(w, &r, "run", i);
	snprintf(id, sizeof(id), "%s-2", feed_epoch(w->feed));
	r = reader_of(w, ALICE, id);
	assert_next(w, &r, "run", 3);
	r = reader_of(w, ALICE, "00000000x-2"); /* of another daemon's life */
	assert_next(w, &r, "run", 1);
	r = reader_of(w, ALICE, "nonsense");
	assert_next(w, &r, "run", 1);
}

static void who_is_too_slow_is_told_what_it_missed(void **state)
{
	static char task[100000];
	struct world *w = *state;
	struct feed_reader r = reader_of(w, ALICE, ""), all = { .viewer = { .all = true } };
	_cleanup_(cJSON_Deletep) cJSON *missed = NULL;

	tell_run(w, ALICE, 1, "first");
	assert_next(w, &r, "run", 1);
	memset(task, 'x', sizeof(task) - 1);
	feed_seek(w->feed, &all, SLICE(""));
	for (int i = 0; i < 300; i++) { /* 30 MB, of which 16 are kept */
		_cleanup_(cJSON_Deletep) cJSON *j = NULL;

		tell_run(w, ALICE, 1, task);
		j = next(w, &all, 5000); /* so that the capture's own ring loses nothing */
		assert_non_null(j);
	}
	missed = next(w, &r, 5000);
	assert_non_null(missed);
	assert_string_equal(json_str(missed, "type").p, "missed");
	assert_int_equal(json_int(missed, "from"), 2);
	assert_true(json_int(missed, "to") > 100);
	assert_next(w, &r, "run", (unsigned)json_int(missed, "to") + 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_gets_its_own),
		TEST(a_listener_goes_on_where_it_was),
		TEST(who_is_too_slow_is_told_what_it_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
