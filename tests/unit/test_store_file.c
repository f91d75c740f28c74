/* SPDX-License-Identifier: BSD-2-Clause */
/* The file as a whole: whose it is, bad ones, damaged ones, those of other versions, copies. */
#include <fcntl.h>
#include <sqlite3.h>

#include "store/schema.h"
#include "store_make.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
#define NOBODY	   65534

static void exec_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(db_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

static void write_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

/* --- opening --- */

static void a_store_is_for_its_owner_alone(void **state)
{
	const char *path = in_dir(state, "db"), *deep = in_dir(state, "a/b/db");
	struct stat st;
	mode_t mask = umask(0);

	store_close(open_store(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	chmod(path, 0644);
	store_close(open_store(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	store_close(open_store(deep));
	assert_int_equal(stat(in_dir(state, "a/b"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	unlink(deep);
	rmdir(in_dir(state, "a/b"));
	rmdir(in_dir(state, "a"));
	umask(mask);
}

static void assert_refused(const char *path, int reading, int writing, const char *text)
{
	struct store_reader *r = NULL;
	struct store *s = NULL;
	struct store_error err = { "" };

	assert_int_equal(store_reader_open(path, &r, &err), reading);
	assert_null(r);
	if (!strstr(err.text, text))
		fail_msg("reading: '%s' lacks '%s'", err.text, text);
	if (!writing)
		return;
	err.text[0] = '\0';
	assert_int_equal(store_open(path, NULL, &s, &err), writing);
	assert_null(s);
	if (!strstr(err.text, text))
		fail_msg("writing: '%s' lacks '%s'", err.text, text);
}

static void what_is_no_store_is_refused_and_left_alone(void **state)
{
	const char *path = in_dir(state, "db");
	char big[8192];

	assert_refused(path, -ENOENT, 0, "no store at");
	assert_refused(*state, -EBADMSG, -EBADMSG, "is no file");
	memset(big, 'x', sizeof(big));
	write_file(path, big, sizeof(big));
	assert_refused(path, -EBADMSG, -EBADMSG, "no store of sonde");
	write_file(path, "SQLite format 3", 15);
	assert_refused(path, -EBADMSG, -EBADMSG, "no store of sonde");
	unlink(path);
	exec_sql(path, "CREATE TABLE mine (x); INSERT INTO mine VALUES (1)");
	assert_refused(path, -EBADMSG, -EBADMSG, "a database, but no store of sonde");
	exec_sql(path, "SELECT x FROM mine"); /* it is still there */
	unlink(path);
	store_close(open_store(path));
	exec_sql(path, "PRAGMA user_version = 99");
	assert_refused(path, -ENOTSUP, -ENOTSUP, "was written by a newer sonde (store version 99");
	unlink(path);
	write_file(path, "", 0);
	assert_refused(path, -EBADMSG, 0, "is empty");
	store_close(open_store(path)); /* but it can become one */
	assert_sound(path);
	assert_refused("/proc/sonde/db", -ENOENT, -ENOENT, "/proc/sonde");
}

/* As somebody without rights, in a child. */
static int as_nobody(int (*fn)(const char *path), const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		CHILD_CHECK(geteuid() != 0 || setuid(NOBODY) == 0, 99);
		_exit(fn(path));
	}
	return wait_for(pid);
}

static int open_fails(const char *path)
{
	struct store_reader *r;
	struct store *s;
	struct store_error err;

	CHILD_CHECK(store_reader_open(path, &r, &err) == -EACCES, 1);
	CHILD_CHECK(strstr(err.text, "readable for") || strstr(err.text, "ermission"), 2);
	CHILD_CHECK(store_open(path, NULL, &s, &err) < 0, 3);
	CHILD_CHECK(strstr(err.text, "ermission"), 4);
	return 0;
}

static int reading_is_explained(const char *path)
{
	struct store_reader *r;
	struct store_error err;

	CHILD_CHECK(store_reader_open(path, &r, &err) == -EACCES, 1);
	CHILD_CHECK(strstr(err.text, "you may not write beside it"), 2);
	return 0;
}

static int reading_works(const char *path)
{
	struct store_reader *r;
	struct store_info info;
	struct store_error err;

	CHILD_CHECK(store_reader_open(path, &r, &err) == 0, 1);
	CHILD_CHECK(store_info(r, &info) == 0, 2);
	CHILD_CHECK(info.runs == 1 && info.spans == 3 && info.sound, 3);
	store_reader_close(r);
	return 0;
}

static void who_may_not_read_is_told_why(void **state)
{
	const char *path = in_dir(state, "db"), *copy = in_dir(state, "copy");
	struct store *s = open_store(path);
	struct store_error err;
	struct stat st;

	if (geteuid() != 0)
		skip();
	put_calls(s, 1, 0, 3);
	store_close(s);
	chmod(*state, 0755);
	assert_int_equal(as_nobody(open_fails, path), 0);
	chmod(path, 0644); /* readable, but nobody has it open: the files beside it are missing */
	assert_int_equal(as_nobody(reading_is_explained, path), 0);
	assert_int_equal(store_backup(path, copy, &err), 0);
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	chmod(copy, 0644); /* a copy can be read anywhere */
	assert_int_equal(as_nobody(reading_works, copy), 0);
	assert_int_equal(store_backup(path, copy, &err), -EEXIST);
	assert_non_null(strstr(err.text, "cannot create"));
}

static void a_reader_writes_nothing(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct stat before, after;

	put_calls(s, 1, 0, 3);
	store_close(s);
	assert_int_equal(stat(path, &before), 0);
	r = open_reader(path);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_spans"), 3);
	store_reader_close(TAKE(r));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(before.st_size, after.st_size);
}

/* --- versions --- */

static void a_migration_happens_whole_or_not_at_all(void **state)
{
	static const struct schema_step good[] = {
		{ "CREATE TABLE a (x); INSERT INTO a VALUES (1)" },
		{ "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1" },
	};
	static const struct schema_step bad[] = {
		{ "CREATE TABLE a (x); INSERT INTO a VALUES (1)" },
		{ "UPDATE a SET x = 99; ALTER TABLE no_such ADD COLUMN y" },
	};
	const char *path = in_dir(state, "db");
	struct store_error err = { "" };
	int64_t v = -1;
	sqlite3 *db;

	assert_int_equal(db_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &db), SQLITE_OK);
	assert_int_equal(schema_migrate(db, path, good, 1, &err), 0);
	assert_true(schema_migrate(db, path, bad, 2, &err) < 0);
	assert_int_equal(db_int(db, "SELECT x FROM a", &v), SQLITE_OK);
	assert_int_equal(v, 1);
	assert_int_equal(db_int(db, "PRAGMA user_version", &v), SQLITE_OK);
	assert_int_equal(v, 1);
	assert_int_equal(schema_migrate(db, path, good, 2, &err), 0);
	assert_int_equal(schema_migrate(db, path, good, 2, &err), 0); /* nothing to do */
	assert_int_equal(db_int(db, "SELECT y FROM a", &v), SQLITE_OK);
	assert_int_equal(v, 2);
	assert_int_equal(db_int(db, "PRAGMA user_version", &v), SQLITE_OK);
	assert_int_equal(v, 2);
	db_close(db);
}

static void copy_file(const char *from, const char *to)
{
	char buf[65536];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t n;

	if (!in)
		fail_msg("no '%s'", from);
	assert_non_null(out);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		assert_int_equal(fwrite(buf, 1, n, out), n);
	fclose(in);
	fclose(out);
}

/*
 * A store of each version is kept in tests/unit/kept, made when that version was current (by this
 * program with SONDE_KEEP=DIRECTORY). All must be readable after migration, and writable.
 */
static void stores_of_every_version_are_carried_over(void **state)
{
	for (int v = 1; v <= schema_version; v++) {
		const char *path = in_dir(state, "db");
		_cleanup_(store_reader_closep) struct store_reader *r = NULL;
		struct store *s;
		char kept[64];

		snprintf(kept, sizeof(kept), "tests/unit/kept/store-%d.db", v);
		copy_file(kept, path);
		s = open_store(path);
		put_calls(s, 7, 0, 2);
		assert_int_equal(store_close(s), 0);
		r = open_reader(path);
		assert_int_equal(sql_int(r, "SELECT count(*) FROM v_spans"), 5);
		assert_int_equal(sql_int(r, "SELECT sum(output_tokens) FROM v_minutes"), 50);
		assert_int_equal(sql_int(r, "SELECT count(*) FROM v_messages WHERE message LIKE"
					    " '%message 2 of run 1%'"),
				 1);
		assert_int_equal(sql_int(r, "SELECT max(seq) FROM v_spans"), 5);
		assert_sound(path);
		store_reader_close(TAKE(r));
		unlink(path);
	}
}

/* --- check --- */

static void count_problem(void *ctx, const char *text)
{
	(void)text;
	++*(int *)ctx;
}

static void damage_is_found(void **state)
{
	static const char *const damages[] = {
		"DELETE FROM blobs WHERE rowid = 1",
		"UPDATE blobs SET bytes = x'00' WHERE rowid = 1",
		"UPDATE blobs SET codec = 9 WHERE rowid = 1",
		"UPDATE blobs SET size = 1000000000 WHERE rowid = 1",
		"UPDATE blobs SET id = zeroblob(16) WHERE rowid = 1",
		"UPDATE nodes SET parent = zeroblob(16)",
		"DELETE FROM nodes",
		"DELETE FROM runs",
		"UPDATE spans SET args_blob = zeroblob(16) WHERE n = 1",
		"UPDATE spans SET seq = NULL WHERE n = 1",
		"UPDATE counters SET value = 1",
		"UPDATE rollups SET input = input + 1",
		"DELETE FROM rollups",
		"UPDATE spans SET cost_pico_usd = 5 WHERE n = 1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		const char *path = in_dir(state, "db");
		struct store *s = open_store(path);
		struct store_error err = { "" };
		int n = 0;

		put_calls(s, 1, 0, 3);
		store_close(s);
		assert_int_equal(store_check(path, count_problem, &n, &err), 0);
		exec_sql(path, damages[i]);
		if (store_check(path, count_problem, &n, &err) != 1 || n == 0)
			fail_msg("not found: %s", damages[i]);
		unlink(path);
	}
}

static int count_message(void *ctx, const struct id128 *node, struct slice json)
{
	(void)node;
	(void)json;
	++*(int *)ctx;
	return 0;
}

/* Ids are hashes, so only damage or malice makes circles. */
static void a_conversation_that_goes_round_ends(void **state)
{
	const char *path = in_dir(state, "db");
	struct id128 node = make_id("node", 100002);
	struct store *s = open_store(path);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	int n = 0;

	put_calls(s, 1, 0, 3);
	store_close(s);
	exec_sql(path, "UPDATE nodes SET parent = id, depth = 5");
	r = open_reader(path);
	alarm(120);
	assert_int_equal(store_conversation(r, &node, count_message, &n), 0);
	alarm(0);
	assert_int_equal(n, 1);
}

/* Bytes of the file turned over, everywhere: nothing crashes, whatever is asked. */
static int ignore_span(void *ctx, const struct span *span)
{
	(void)ctx;
	(void)span;
	return 0;
}

static int ignore_message(void *ctx, const struct id128 *node, struct slice json)
{
	(void)ctx;
	(void)node;
	(void)json;
	return 0;
}

static void a_damaged_file_is_survived(void **state)
{
	const char *path = in_dir(state, "db"), *bad = in_dir(state, "bad");
	struct id128 node = make_id("node", 100002);
	struct store *s = open_store(path);
	struct stat st;
	int n = 0;

	put_calls(s, 1, 0, 20);
	store_close(s);
	assert_int_equal(stat(path, &st), 0);
	for (off_t at = 0; at < st.st_size; at += 331) {
		struct store_reader *r;
		struct store_error err;
		struct store_info info;
		uint8_t byte;
		int fd;

		copy_file(path, bad);
		fd = open(bad, O_RDWR);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0xff;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
		if (store_reader_open(bad, &r, &err) == 0) {
			store_spans(r, &(struct store_filter){ 0 }, ignore_span, NULL);
			store_conversation(r, &node, ignore_message, NULL);
			store_info(r, &info);
			store_reader_close(r);
		}
		store_check(bad, count_problem, &n, &err);
		unlink(bad);
	}
	assert_true(n > 10);
}

static void a_backup_is_a_store_of_its_own(void **state)
{
	const char *path = in_dir(state, "db"), *copy = in_dir(state, "copy");
	struct store *s = open_store(path);
	struct store_error err;
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;

	put_calls(s, 1, 0, 3);
	store_flush(s);
	assert_int_equal(store_backup(path, copy, &err), 0); /* while it is open for writing */
	put_calls(s, 1, 3, 5);
	store_close(s);
	r = open_reader(copy);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_spans"), 3);
	assert_sound(copy);
	assert_int_equal(store_backup(in_dir(state, "none"), in_dir(state, "x"), &err), -ENOENT);
	assert_int_equal(access(in_dir(state, "x"), F_OK), -1);
}

/* --- where it is --- */

static void one_rule_finds_the_store(void **state)
{
	char *path = NULL, want[600];

	setenv("SONDE_DB", "/x/env.db", 1);
	assert_int_equal(store_find("/x/option.db", false, &path), 0);
	assert_string_equal(path, "/x/option.db");
	free(path);
	assert_int_equal(store_find(NULL, false, &path), 0);
	assert_string_equal(path, "/x/env.db");
	free(path);
	unsetenv("SONDE_DB");
	setenv("XDG_DATA_HOME", *state, 1);
	assert_int_equal(store_find(NULL, false, &path), 0);
	snprintf(want, sizeof(want), "%s/sonde/sonde.db", (char *)*state);
	assert_string_equal(path, want);
	free(path);
	setenv("XDG_DATA_HOME", "relative", 1);
	unsetenv("SUDO_USER");
	setenv("HOME", *state, 1);
	assert_int_equal(store_find(NULL, true, &path), 0);
	snprintf(want, sizeof(want), "%s/.local/share/sonde/sonde.db", (char *)*state);
	assert_string_equal(path, want);
	free(path);
	unsetenv("XDG_DATA_HOME");
	if (geteuid() == 0) {
		setenv("SUDO_USER", "daemon", 1); /* /usr/sbin, says every passwd database */
		assert_int_equal(store_find(NULL, false, &path), 0);
		assert_string_equal(path, "/usr/sbin/.local/share/sonde/sonde.db");
		free(path);
		unsetenv("SUDO_USER");
	}
}

/* Makes the file that a later version will have to carry over. */
static int keep(const char *dir)
{
	char path[512];
	struct store_error err;
	struct store *s;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/store-%d.db", dir, schema_version);
	if (store_open(path, NULL, &s, &err) < 0)
		return 1;
	put_calls(s, 1, 0, 3);
	if (store_close(s) < 0 || sqlite3_open(path, &db) != SQLITE_OK)
		return 1;
	return sqlite3_exec(db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_store_is_for_its_owner_alone),
		TEST(what_is_no_store_is_refused_and_left_alone),
		TEST(who_may_not_read_is_told_why),
		TEST(a_reader_writes_nothing),
		TEST(a_migration_happens_whole_or_not_at_all),
		TEST(stores_of_every_version_are_carried_over),
		TEST(damage_is_found),
		TEST(a_conversation_that_goes_round_ends),
		TEST(a_damaged_file_is_survived),
		TEST(a_backup_is_a_store_of_its_own),
		TEST(one_rule_finds_the_store),
	};
	const char *dir = getenv("SONDE_KEEP");

	if (dir)
		return keep(dir);
	return cmocka_run_group_tests_name("store_file", tests, NULL, NULL);
}
