/* SPDX-License-Identifier: BSD-2-Clause */
/* Retention: what goes, what stays, beside writers, and when it is killed. */
#include <signal.h>
#include <time.h>

#include "alloc.h"
#include "store_alloc.h"
#include "store_make.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
#define CALLS	   20

/* A message behind that of the call before. */
static struct id128 put_turn(struct store *s, uint64_t run, uint64_t n)
{
	struct id128 blob, node = make_id("turn", run * 100000 + n),
			   before = make_id("turn", run * 100000 + n - 1);
	char text[64];

	snprintf(text, sizeof(text), "{\"turn %llu of run %llu\":1}", (unsigned long long)n,
		 (unsigned long long)run);
	blob = id_of_bytes(slice_of(text));
	store_blob(s, &blob, "message", slice_of(text));
	store_node(s, &node, n ? &before : NULL, &blob, (uint32_t)n);
	return node;
}

/* A finished run: a conversation of @calls calls, with a system prompt that all runs have. */
static void put_finished(struct store *s, uint64_t n, uint64_t calls)
{
	static const struct slice common = { "{\"role\":\"system\",\"parts\":[]}", 28 };
	const struct id128 system = id_of_bytes(common);
	struct run run = make_run(n);

	run.status = RUN_COMPLETED;
	run.end_ns = run.start_ns + 30 * SEC;
	store_run(s, &run);
	store_blob(s, &system, "system", common);
	for (uint64_t i = 0; i < calls; i++) {
		struct span span = make_call(n, i);

		span.input_node = put_turn(s, n, i);
		span.system_blob = system;
		store_span(s, &span);
	}
}

static void fill(const char *path, uint64_t runs)
{
	struct store *s = open_store(path);

	for (uint64_t i = 0; i < runs; i++)
		put_finished(s, i, CALLS);
	assert_int_equal(store_close(s), 0);
}

static struct store_gc_result collect(const char *path, struct store_gc_options o)
{
	struct store_gc_result res;
	struct store_error err = { "" };

	if (store_gc(path, &o, &res, &err) < 0)
		fail_msg("%s", err.text);
	return res;
}

static int64_t count(const char *path, const char *sql)
{
	_cleanup_(store_reader_closep) struct store_reader *r = open_reader(path);

	return sql_int(r, sql);
}

/* --- what goes --- */

static void old_runs_go_with_what_only_they_had(void **state)
{
	const char *path = in_dir(state, "db");
	struct store_gc_result res;

	fill(path, 5);
	res = collect(path, (struct store_gc_options){ .runs_before_ns = START + 100 * SEC });
	assert_int_equal(res.runs, 2); /* that ended at 30 and at 90 s */
	assert_int_equal(res.spans, 2 * CALLS);
	assert_int_equal(res.nodes, 2 * CALLS);
	assert_int_equal(res.blobs, 2 * CALLS);
	assert_int_equal(count(path, "SELECT count(*) FROM v_runs"), 3);
	assert_int_equal(count(path, "SELECT count(*) FROM v_messages WHERE message IS NULL"), 0);
	assert_int_equal(count(path, "SELECT count(*) FROM v_messages"), 3 * CALLS);
	assert_int_equal(count(path, "SELECT sum(llm_calls) FROM v_minutes"), 5 * CALLS);
	assert_sound(path);
}

static void a_count_alone_removes_nothing(void **state)
{
	const char *path = in_dir(state, "db");
	struct store_gc_result res;

	fill(path, 3);
	res = collect(path, (struct store_gc_options){ .runs_before_ns = START + 100 * SEC,
						       .content_before_ns = START + 100 * SEC,
						       .dry_run = true });
	assert_int_equal(res.runs, 2);
	assert_int_equal(res.content_spans, 2 * CALLS);
	assert_int_equal(count(path, "SELECT count(*) FROM v_spans"), 3 * CALLS);
	assert_int_equal(count(path, "SELECT count(*) FROM v_messages"), 3 * CALLS);
}

static void a_run_in_progress_stays(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);
	struct run paused = make_run(2);
	struct store_gc_result res;

	put_calls(s, 1, 0, 3); /* running */
	paused.status = RUN_PAUSED;
	store_run(s, &paused);
	put_finished(s, 3, 1);
	assert_int_equal(store_close(s), 0);
	res = collect(path, (struct store_gc_options){ .runs_before_ns = START + 9999 * SEC,
						       .content_before_ns = START + 9999 * SEC,
						       .max_bytes = 1 });
	assert_int_equal(res.runs, 1);
	assert_int_equal(res.running, 2);
	assert_true(res.too_large);
	assert_int_equal(count(path, "SELECT count(*) FROM v_runs"), 2);
	assert_int_equal(count(path, "SELECT count(*) FROM v_messages"), 3);
	assert_sound(path);
}

static void what_was_said_goes_and_the_steps_stay(void **state)
{
	const char *path = in_dir(state, "db");
	struct store_gc_result res;

	fill(path, 3);
	res = collect(path, (struct store_gc_options){ .content_before_ns = START + 100 * SEC });
	assert_int_equal(res.runs, 0);
	assert_int_equal(res.content_spans, 2 * CALLS);
	assert_int_equal(count(path, "SELECT count(*) FROM v_spans"), 3 * CALLS);
	assert_int_equal(count(path, "SELECT count(*) FROM v_messages"), CALLS);
	assert_int_equal(count(path, "SELECT count(input_node) FROM v_spans"), CALLS);
	assert_int_equal(count(path, "SELECT sum(input_tokens) FROM v_calls"), 300 * CALLS);
	assert_sound(path);
}

static void the_oldest_go_until_the_store_is_small(void **state)
{
	const char *path = in_dir(state, "db");
	struct store_gc_result res;
	int64_t limit;

	fill(path, 60);
	res = collect(path, (struct store_gc_options){ .dry_run = true, .max_bytes = 1 });
	limit = res.used_bytes_before / 2;
	res = collect(path, (struct store_gc_options){ .max_bytes = (uint64_t)limit });
	assert_true(res.used_bytes <= limit && !res.too_large);
	assert_true(res.runs > 10 && res.runs < 55);
	assert_true(res.shrinks);
	assert_true(res.file_bytes < res.file_bytes_before);
	/* the newest are those that stay */
	assert_int_equal(count(path, "SELECT count(*) FROM v_runs WHERE started >="
				     " '2025-11-20T12:59:00'"),
			 1);
	assert_sound(path);
}

/* The other answers of a call are known to its attributes alone. */
static void what_attributes_refer_to_stays(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);
	struct run run = make_run(1);
	struct span call = make_call(1, 1), other = { 0 };
	char hex[ID128_HEX_SIZE], list[64];
	struct attr attr = { .name = "sonde.output.alternatives", .type = ATTR_STRINGS };

	put_message(s, 1, 7, &other);
	id128_hex(&other.input_node, hex);
	snprintf(list, sizeof(list), "[\"%s\"]", hex);
	attr.s = slice_of(list);
	call.attrs = &attr;
	call.n_attrs = 1;
	store_run(s, &run);
	store_span(s, &call);
	put_message(s, 1, 8, &other); /* that nothing refers to */
	assert_int_equal(store_close(s), 0);
	assert_int_equal(collect(path, (struct store_gc_options){ 0 }).nodes, 1);
	assert_int_equal(count(path, "SELECT count(*) FROM v_messages"), 1);
	assert_sound(path);
}

/* --- beside writers --- */

/* An engine does not give again what it has given: it is told, and a link that hangs is left out.
 */
static void content_that_was_given_before_a_sweep_is_missed(void **state)
{
	const char *path = in_dir(state, "db");
	struct stats stats = { 0 };
	struct store *s = NULL;
	struct store_error err;
	struct run run = make_run(2);
	struct span old = make_call(1, 0), late = make_call(2, 0);

	assert_int_equal(store_open(path, &stats, &s, &err), 0);
	put_finished(s, 1, 1);
	old.input_node = put_turn(s, 1, 0);
	assert_int_equal(store_flush(s), 0);
	assert_false(store_swept(s));
	collect(path, (struct store_gc_options){ .runs_before_ns = START + 9999 * SEC });
	late.input_node = old.input_node;
	store_run(s, &run);
	store_span(s, &late);
	assert_int_equal(store_flush(s), 0);
	assert_int_equal(stats.n[STAT_STORE_ERRORS], 1);
	assert_true(store_swept(s));
	assert_false(store_swept(s));
	assert_int_equal(count(path, "SELECT count(input_node) FROM v_spans"), 0);
	put_turn(s, 1, 0); /* again */
	late.span_id.b[0] ^= 1;
	store_span(s, &late);
	assert_int_equal(store_close(s), 0);
	assert_int_equal(count(path, "SELECT count(input_node) FROM v_spans"), 1);
	assert_sound(path);
}

/* What becomes known of a run that was removed does not bring a part of it back. */
static void a_late_step_of_a_removed_run_is_left_out(void **state)
{
	const char *path = in_dir(state, "db");
	struct stats stats = { 0 };
	struct store *s = NULL;
	struct store_error err;
	struct span late = make_call(1, 70);

	assert_int_equal(store_open(path, &stats, &s, &err), 0);
	put_finished(s, 1, 1);
	assert_int_equal(store_flush(s), 0);
	collect(path, (struct store_gc_options){ .runs_before_ns = START + 9999 * SEC });
	store_span(s, &late);
	assert_int_equal(store_close(s), 0);
	assert_int_equal(stats.n[STAT_STORE_ERRORS], 1);
	assert_int_equal(count(path, "SELECT count(*) FROM v_spans"), 0);
	assert_sound(path);
}

/* The last of it may not be written yet. */
static void a_run_that_has_just_ended_stays(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);
	struct run run = make_run(1);

	run.status = RUN_COMPLETED;
	run.end_ns = (uint64_t)time(NULL) * SEC;
	store_run(s, &run);
	assert_int_equal(store_close(s), 0);
	collect(path,
		(struct store_gc_options){ .runs_before_ns = UINT64_MAX / 4, .max_bytes = 1 });
	assert_int_equal(count(path, "SELECT count(*) FROM v_runs"), 1);
}

/* Comes between two transactions of a sweep, when it has decided what is without use. */
static void refer_again(void *ctx, const char *doing, int64_t done, int64_t of)
{
	struct store *s = ctx;
	struct run run = make_run(9);
	struct span span = make_call(9, 0);

	(void)of;
	if (strcmp(doing, "removing content") != 0 || done)
		return;
	store_run(s, &run);
	span.input_node = put_turn(s, 1, 5); /* and so the five before it */
	store_span(s, &span);
	assert_int_equal(store_flush(s), 0);
}

static void what_is_referred_to_again_meanwhile_stays(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s;
	struct store_gc_result res;

	fill(path, 2);
	s = open_store(path);
	res = collect(path, (struct store_gc_options){ .runs_before_ns = START + 9999 * SEC,
						       .progress = refer_again,
						       .ctx = s });
	assert_int_equal(res.runs, 2);
	assert_int_equal(res.nodes, 2 * CALLS - 6);
	assert_int_equal(store_close(s), 0);
	assert_int_equal(count(path, "SELECT count(input_node) FROM v_spans"), 1);
	assert_int_equal(count(path, "SELECT count(message) FROM v_messages"), 6);
	assert_sound(path);
}

/* Finished runs whose content is that of runs which are removed meanwhile. */
static void write_the_same(const char *path, uint64_t first)
{
	struct stats stats = { 0 };
	struct store *s;
	struct store_error err;

	CHILD_CHECK(store_open(path, &stats, &s, &err) == 0, 1);
	for (uint64_t i = 0; i < 40; i++) {
		struct run run = make_run(first + i);

		run.status = RUN_COMPLETED;
		store_run(s, &run);
		for (uint64_t k = 0; k < 10; k++) {
			struct span span = make_call(first + i, k);

			put_message(s, k % 3, i % 5, &span);
			store_span(s, &span);
		}
		store_tick(s, (i + 1) * SEC);
	}
	CHILD_CHECK(store_close(s) == 0, 2);
	CHILD_CHECK(stats.n[STAT_STORE_ERRORS] == 0, 3);
	_exit(0);
}

static void writers_beside_it_lose_nothing(void **state)
{
	const char *path = in_dir(state, "db");
	struct store_gc_options o = { .runs_before_ns = START + 500 * SEC };
	pid_t pid[3];
	int running = 3, status;

	fill(path, 3);
	for (uint64_t i = 0; i < 3; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			write_the_same(path, 1000 * (i + 1));
	}
	while (running) {
		collect(path, o);
		while (waitpid(-1, &status, WNOHANG) > 0) {
			running--;
			assert_int_equal(status, 0);
		}
	}
	collect(path, o);
	assert_int_equal(count(path, "SELECT count(*) FROM v_spans"), 3 * 40 * 10);
	assert_int_equal(count(path, "SELECT count(input_node) FROM v_spans"), 3 * 40 * 10);
	assert_int_equal(count(path, "SELECT count(*) FROM v_messages"), 15);
	assert_sound(path);
}

/* Two at once: one ends, or says that the other is at it. */
static void collect_beside(const char *path)
{
	struct store_gc_options o = { .runs_before_ns = START + 9999 * SEC };
	struct store_gc_result res;
	struct store_error err;
	int r = store_gc(path, &o, &res, &err);

	_exit(r < 0 && r != -EBUSY);
}

static void two_at_once_do_no_harm(void **state)
{
	const char *path = in_dir(state, "db");
	pid_t pid[2];

	fill(path, 100);
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			collect_beside(path);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(wait_for(pid[i]), 0);
	assert_sound(path);
}

/* --- killed --- */

static void die_at(void *ctx, const char *doing, int64_t done, int64_t of)
{
	int *left = ctx;

	(void)doing;
	(void)done;
	(void)of;
	if (--*left == 0)
		kill(getpid(), SIGKILL);
}

/* At each place between two transactions, of which every kind comes more than once. */
static void killed_anywhere_it_leaves_a_sound_store(void **state)
{
	const char *path = in_dir(state, "db"), *copy = in_dir(state, "copy");
	struct store_gc_options o = { .runs_before_ns = START + 99999 * SEC };
	int killed = 0, r = -SIGKILL;

	fill(path, 250);
	for (int nth = 1; r != 0; nth++) {
		struct store_error err;
		pid_t pid;

		assert_int_equal(store_backup(path, copy, &err), 0);
		pid = fork();
		if (pid == 0) {
			struct store_gc_result res;

			o.progress = die_at;
			o.ctx = &nth;
			_exit(store_gc(copy, &o, &res, &err) < 0);
		}
		r = wait_for(pid);
		assert_true(r == 0 || r == -SIGKILL);
		assert_sound(copy);
		collect(copy, o); /* goes on */
		assert_sound(copy);
		assert_int_equal(count(copy, "SELECT count(*) FROM v_messages"), 0);
		assert_int_equal(count(copy, "SELECT sum(llm_calls) FROM v_minutes"), 250 * CALLS);
		unlink(copy);
		killed += r != 0;
	}
	assert_true(killed >= 8);
}

static void refused_memory_is_an_error_and_harmless(void **state)
{
	const char *path = in_dir(state, "db");
	struct store_gc_options o = { .runs_before_ns = START + 100 * SEC };
	long nth;

	fill(path, 3);
	for (nth = 1; nth < 100000; nth += nth < 40 ? 3 : 61) {
		struct store_gc_result res;
		struct store_error err;
		int r;

		alloc_refuse(nth);
		r = store_gc(path, &o, &res, &err);
		if (!alloc_allow()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_true(r == -ENOMEM || r == 0);
	}
	assert_true(nth > 100 && nth < 100000);
	assert_int_equal(count(path, "SELECT count(*) FROM v_runs"), 1);
	assert_sound(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(old_runs_go_with_what_only_they_had),
		TEST(a_count_alone_removes_nothing),
		TEST(a_run_in_progress_stays),
		TEST(what_was_said_goes_and_the_steps_stay),
		TEST(the_oldest_go_until_the_store_is_small),
		TEST(what_attributes_refer_to_stays),
		TEST(content_that_was_given_before_a_sweep_is_missed),
		TEST(a_late_step_of_a_removed_run_is_left_out),
		TEST(a_run_that_has_just_ended_stays),
		TEST(what_is_referred_to_again_meanwhile_stays),
		TEST(writers_beside_it_lose_nothing),
		TEST(two_at_once_do_no_harm),
		TEST(killed_anywhere_it_leaves_a_sound_store),
		TEST(refused_memory_is_an_error_and_harmless),
	};

	wrap_sqlite_memory();
	return cmocka_run_group_tests_name("store_gc", tests, NULL, NULL);
}
