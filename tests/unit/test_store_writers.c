/* SPDX-License-Identifier: BSD-2-Clause */
/* Several writers at once, writers that are killed, disks that are full or read-only. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <time.h>

#include "store_make.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- several at once --- */

#define WRITERS 8
#define CALLS	300

static void write_many(const char *path, uint64_t run)
{
	struct stats stats = { 0 };
	struct store *s;
	struct store_error err;

	CHILD_CHECK(store_open(path, &stats, &s, &err) == 0, 1);
	for (uint64_t i = 0; i < CALLS; i += 5) {
		put_calls(s, run, i, i + 5);
		store_tick(s, (i + 1) * SEC); /* each makes a transaction of its own */
	}
	CHILD_CHECK(store_close(s) == 0, 2);
	CHILD_CHECK(stats.n[STAT_STORE_ERRORS] == 0, 3);
	_exit(0);
}

static void many_writers_and_a_reader_do_not_disturb_each_other(void **state)
{
	const char *path = in_dir(state, "new/db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	int running = WRITERS, status;
	struct store_error err;
	int64_t spans = 0;

	for (uint64_t i = 0; i < WRITERS; i++) { /* they make the file, too */
		pid_t pid = fork();

		if (pid == 0)
			write_many(path, i);
	}
	while (running) {
		if (!r && store_reader_open(path, &r, &err) < 0)
			r = NULL; /* not made yet */
		if (r) {	  /* what is seen is whole batches, and never becomes less */
			int64_t n = sql_int(r, "SELECT count(*) FROM v_spans");

			assert_true(n >= spans && n % 5 == 0);
			spans = n;
			assert_int_equal(sql_int(r, "SELECT coalesce(sum(llm_calls), 0) - (SELECT"
						    " count(*) FROM v_spans) FROM v_minutes"),
					 0);
		}
		if (waitpid(-1, &status, WNOHANG) > 0) {
			running--;
			assert_int_equal(status, 0);
		}
	}
	store_reader_close(TAKE(r));
	r = open_reader(path);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_spans"), WRITERS * CALLS);
	assert_int_equal(sql_int(r, "SELECT count(DISTINCT seq) FROM v_spans"), WRITERS * CALLS);
	assert_int_equal(sql_int(r, "SELECT max(seq) FROM v_spans"), WRITERS * CALLS);
	assert_int_equal(sql_int(r, "SELECT sum(input_tokens) FROM v_minutes"),
			 WRITERS * CALLS * 100);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_messages"), WRITERS * CALLS);
	assert_sound(path);
	store_reader_close(TAKE(r));
	for (const char *const *f =
		     (const char *const[]){ "new/db", "new/db-wal", "new/db-shm", NULL };
	     *f; f++)
		unlink(in_dir(state, *f));
	rmdir(in_dir(state, "new"));
}

static void open_only(const char *path)
{
	struct store *s;
	struct store_error err;

	CHILD_CHECK(store_open(path, NULL, &s, &err) == 0, 1);
	CHILD_CHECK(store_close(s) == 0, 2);
	_exit(0);
}

static void many_may_make_the_store_at_once(void **state)
{
	const char *path = in_dir(state, "db");
	pid_t pid[WRITERS];

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < WRITERS; i++) {
			pid[i] = fork();
			if (pid[i] == 0)
				open_only(path);
		}
		for (int i = 0; i < WRITERS; i++)
			assert_int_equal(wait_for(pid[i]), 0);
		unlink(path);
	}
}

static void a_lock_delays_and_loses_nothing(void **state)
{
	const char *path = in_dir(state, "db");
	struct stats stats = { 0 };
	struct store *s;
	struct store_error err;
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	uint64_t start;
	sqlite3 *db;

	assert_int_equal(store_open(path, &stats, &s, &err), 0);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	start = now_ms();
	for (uint64_t i = 0; i < 20; i++) {
		put_calls(s, 1, i, i + 1);
		store_tick(s, (i + 1) * SEC);
	}
	assert_true(now_ms() - start < 5000); /* 20 ticks of 50 ms each, and room for a slow disk */
	assert_true(stats.n[STAT_STORE_RETRIES] > 10);
	assert_int_equal(stats.n[STAT_STORE_ERRORS], 0);
	assert_int_equal(store_failure(s, &err), -EBUSY);
	assert_non_null(strstr(err.text, "locked by another process"));
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	store_tick(s, 100 * SEC);
	assert_int_equal(store_failure(s, &err), 0);
	r = open_reader(path);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_spans"), 20);
	assert_int_equal(store_close(s), 0);
	sqlite3_close(db);
	assert_sound(path);
}

static void what_waits_is_bounded_and_what_is_dropped_is_counted(void **state)
{
	const char *path = in_dir(state, "db");
	struct stats stats = { 0 };
	struct store *s;
	struct store_error err;
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	uint64_t start;
	int64_t stored;
	sqlite3 *db;

	assert_int_equal(store_open(path, &stats, &s, &err), 0);
	store_bound(s, 1 << 20, 300);
	put_calls(s, 1, 0, 1);
	store_flush(s); /* the bound holds from the next batch on */
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	start = now_ms();
	put_calls(s, 1, 1, 5000);
	assert_true(now_ms() - start < 10000); /* waited once, not for each */
	assert_true(stats.n[STAT_STORE_ERRORS] > 100);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_flush(s), 0);
	assert_int_equal(store_failure(s, &err), -ENOBUFS);
	assert_non_null(strstr(err.text, "left out"));
	assert_int_equal(store_close(s), -ENOBUFS);
	r = open_reader(path);
	stored = sql_int(r, "SELECT count(*) FROM v_spans");
	assert_true(stored > 100 && stored < 5000);
}

/* --- killed --- */

static void write_for_ever(const char *path, uint64_t run)
{
	struct store *s;
	struct store_error err;

	CHILD_CHECK(store_open(path, NULL, &s, &err) == 0, 1);
	for (uint64_t i = 0;; i++) {
		put_calls(s, run, i, i + 3);
		store_tick(s, (i + 1) * 2 * SEC);
	}
}

static void a_writer_killed_at_any_moment_leaves_a_sound_store(void **state)
{
	const char *path = in_dir(state, "db");
	unsigned seed = 1;

	store_close(open_store(path));
	for (uint64_t i = 0; i < 25; i++) {
		pid_t pid = fork();

		if (pid == 0)
			write_for_ever(path, i);
		seed = seed * 1103515245 + 12345;
		nanosleep(&(struct timespec){ .tv_nsec = (long)(seed >> 8 & 31) * 1000000 }, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(wait_for(pid), -SIGKILL);
		if (i % 5 == 4)
			assert_sound(path);
	}
	store_close(open_store(path)); /* and it can be written further */
	assert_sound(path);
}

/* --- disks --- */

static void fill_until_full(const char *path, bool *ret_refused)
{
	struct stats stats = { 0 };
	struct store *s;
	struct store_error err = { "" };
	int r;

	CHILD_CHECK(store_open(path, &stats, &s, &err) == 0, 1);
	for (uint64_t i = 0; i < 400 && store_failure(s, &err) == 0; i++) {
		put_calls(s, 1, i * 20, i * 20 + 20);
		store_tick(s, (i + 1) * SEC);
	}
	*ret_refused = store_failure(s, &err) == -ENOSPC;
	CHILD_CHECK(!*ret_refused || strstr(err.text, "no space left for the store"), 2);
	CHILD_CHECK(!*ret_refused || stats.n[STAT_STORE_ERRORS] > 0, 3);
	r = store_close(s);
	CHILD_CHECK(r == (*ret_refused ? -ENOSPC : 0), 4);
}

static void limit_and_fill(const char *path)
{
	bool refused;

	signal(SIGXFSZ, SIG_IGN);
	CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 600000, 600000 }) == 0, 10);
	fill_until_full(path, &refused);
	_exit(refused ? 0 : 11);
}

static void a_file_that_may_not_grow_is_reported_and_stays_sound(void **state)
{
	const char *path = in_dir(state, "db");
	pid_t pid = fork();

	if (pid == 0)
		limit_and_fill(path);
	assert_int_equal(wait_for(pid), 0);
	assert_sound(path);
}

/* A disk of one megabyte, filled, then made room on: what waited is written. */
static void fill_small_disk(const char *dir)
{
	char path[512], ballast[512];
	struct store *s;
	struct store_reader *r;
	struct store_error err;
	uint64_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/db", dir);
	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	CHILD_CHECK(unshare(CLONE_NEWNS) == 0, 77);
	CHILD_CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, 77);
	CHILD_CHECK(mount("tmpfs", dir, "tmpfs", 0, "size=4m") == 0, 77);
	fd = open(ballast, O_RDWR | O_CREAT, 0600);
	CHILD_CHECK(posix_fallocate(fd, 0, 2500000) == 0, 1);
	CHILD_CHECK(store_open(path, NULL, &s, &err) == 0, 2);
	for (; n < 100000 && store_failure(s, &err) == 0; n += 50) {
		put_calls(s, 1, n, n + 50);
		store_tick(s, (n + 1) * SEC);
	}
	CHILD_CHECK(store_failure(s, &err) == -ENOSPC, 3);
	unlink(ballast);
	close(fd);
	store_tick(s, (n + 100) * SEC);
	CHILD_CHECK(store_failure(s, &err) == 0, 4);
	CHILD_CHECK(store_close(s) == 0, 5);
	CHILD_CHECK(store_check(path, print_problem, NULL, &err) == 0, 6);
	CHILD_CHECK(store_reader_open(path, &r, &err) == 0, 7);
	CHILD_CHECK((uint64_t)sql_int(r, "SELECT count(*) FROM v_spans") == n, 8);
	_exit(0);
}

static void a_full_disk_delays_until_there_is_room(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		fill_small_disk(*state);
	status = wait_for(pid);
	if (status == 77)
		skip(); /* may not mount */
	assert_int_equal(status, 0);
}

static void open_read_only(const char *path, const char *dir)
{
	struct store *s;
	struct store_error err;

	CHILD_CHECK(unshare(CLONE_NEWNS) == 0, 77);
	CHILD_CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, 77);
	CHILD_CHECK(mount(dir, dir, NULL, MS_BIND, NULL) == 0, 77);
	CHILD_CHECK(mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0, 77);
	CHILD_CHECK(store_open(path, NULL, &s, &err) == -EROFS, 1);
	CHILD_CHECK(strstr(err.text, "read-only"), 2);
	_exit(0);
}

static void a_read_only_disk_is_named(void **state)
{
	const char *path = in_dir(state, "db");
	pid_t pid;
	int status;

	store_close(open_store(path));
	pid = fork();
	if (pid == 0)
		open_read_only(path, *state);
	status = wait_for(pid);
	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_writers_and_a_reader_do_not_disturb_each_other),
		TEST(many_may_make_the_store_at_once),
		TEST(a_lock_delays_and_loses_nothing),
		TEST(what_waits_is_bounded_and_what_is_dropped_is_counted),
		TEST(a_writer_killed_at_any_moment_leaves_a_sound_store),
		TEST(a_file_that_may_not_grow_is_reported_and_stays_sound),
		TEST(a_full_disk_delays_until_there_is_room),
		TEST(a_read_only_disk_is_named),
	};

	return cmocka_run_group_tests_name("store_writers", tests, NULL, NULL);
}
