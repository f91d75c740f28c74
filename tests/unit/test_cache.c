/* SPDX-License-Identifier: BSD-2-Clause */
/* What was remembered counts only for the file that it was found in, and only from root's folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/cache.h"
#include "probe/late.h"

#define OTHER 65534

static char root[64], dir[96], library[96];

static const char *system_libssl(void)
{
	static const char *const paths[] = { "/usr/lib/x86_64-linux-gnu/libssl.so.3",
					     "/usr/lib/aarch64-linux-gnu/libssl.so.3",
					     "/usr/lib64/libssl.so.3" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (access(paths[i], R_OK) == 0)
			return paths[i];
	fail();
	return NULL;
}

static void copy(const char *from, const char *to)
{
	_cleanup_(closep) int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_(closep) int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char bytes[65536];
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(out, bytes, (size_t)n), n);
}

/* Entries are not made for files that have changed a moment ago. */
static void grow_old(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 150000000 }, NULL);
}

static int begin(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	snprintf(root, sizeof(root), "/dev/shm/sonde-cache-XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(dir, sizeof(dir), "%s/cache", root);
	snprintf(library, sizeof(library), "%s/libssl.so.3", root);
	copy(system_libssl(), library);
	grow_old();
	return 0;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return root[0] ? system(command) : 0;
}

/* One question to a cache that was opened for it; whether it knew the answer. */
static bool known(void)
{
	_cleanup_(closep) int fd = open(library, O_RDONLY | O_CLOEXEC);
	struct cache *c = cache_open(dir);
	struct probe_target t;
	bool hit;

	assert_true(fd >= 0);
	assert_int_equal(cache_examine(c, fd, library, NULL, &t), 1);
	assert_string_equal(t.path, library);
	assert_string_equal(t.library, "openssl");
	hit = cache_hits(c) > 0;
	cache_free(c);
	return hit;
}

static void only_entry(char ret[512])
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.') {
			snprintf(ret, 512, "%s/%s", dir, e->d_name);
			n++;
		}
	closedir(d);
	assert_int_equal(n, 1);
}

/* With one good entry in a folder of its own. */
static void fresh(char ret_entry[512])
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
	assert_false(known());
	assert_true(known());
	only_entry(ret_entry);
}

static void an_answer_is_remembered_whole(void **state)
{
	_cleanup_(closep) int fd = open(library, O_RDONLY | O_CLOEXEC);
	struct probe_target found, remembered;
	char entry[512];
	struct cache *c;

	(void)state;
	if (geteuid() != 0)
		skip();
	fresh(entry);
	assert_int_equal(target_examine(fd, library, &found), 1);
	c = cache_open(dir);
	assert_int_equal(cache_examine(c, fd, library, NULL, &remembered), 1);
	assert_int_equal(cache_hits(c), 1);
	cache_free(c);
	assert_memory_equal(&remembered.points, &found.points, sizeof(found.points));
	assert_string_equal(remembered.version, found.version);
	assert_string_equal(remembered.build_id, found.build_id);
	assert_int_equal(remembered.inode, found.inode);
}

static void a_proof_is_remembered(void **state)
{
	const struct selftest_user nobody = { .uid = OTHER, .gid = OTHER };
	_cleanup_(closep) int fd = open(system_libssl(), O_RDONLY | O_CLOEXEC);
	struct probe_target t;
	char entry[512];
	struct cache *c;

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	return; /* see selftest.c */
#endif
	if (geteuid() != 0)
		skip();
	fresh(entry);
	for (int i = 0; i < 2; i++) {
		c = cache_open(dir);
		assert_int_equal(cache_examine(c, fd, system_libssl(), &nobody, &t), 1);
		assert_non_null(strstr(t.points[0].evidence, "self-tested"));
		assert_null(strstr(strstr(t.points[0].evidence, "self-tested") + 1, "self-tested"));
		cache_free(c);
	}
	/* The proof itself, not just the question: it is there for whoever does not ask for one. */
	c = cache_open(dir);
	assert_int_equal(cache_examine(c, fd, system_libssl(), NULL, &t), 1);
	assert_non_null(strstr(t.points[0].evidence, "self-tested"));
	cache_free(c);
}

/* --- entries that are not what they should be --- */

static void entry_of_another_user(const char *entry)
{
	assert_int_equal(chown(entry, OTHER, OTHER), 0);
}

static void entry_that_all_may_write(const char *entry)
{
	assert_int_equal(chmod(entry, 0666), 0);
}

static void entry_behind_a_link(const char *entry)
{
	char elsewhere[256];

	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", root);
	assert_int_equal(rename(entry, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, entry), 0);
}

static void entry_with_a_second_name(const char *entry)
{
	char elsewhere[256];

	snprintf(elsewhere, sizeof(elsewhere), "%s/second", root);
	unlink(elsewhere);
	assert_int_equal(link(entry, elsewhere), 0);
}

static void entry_cut_short(const char *entry)
{
	struct stat st;

	assert_int_equal(stat(entry, &st), 0);
	assert_int_equal(truncate(entry, st.st_size - 1), 0);
}

static void entry_too_long(const char *entry)
{
	struct stat st;

	assert_int_equal(stat(entry, &st), 0);
	assert_int_equal(truncate(entry, st.st_size + 1), 0);
}

static void flip(const char *entry, off_t at)
{
	_cleanup_(closep) int fd = open(entry, O_RDWR | O_CLOEXEC);
	char byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void entry_of_another_format(const char *entry)
{
	flip(entry, 0);
}

static void entry_of_another_build(const char *entry)
{
	flip(entry, 8);
}

static void entry_with_a_wrong_sum(const char *entry)
{
	flip(entry, 16);
}

static void entry_with_one_bit_wrong(const char *entry)
{
	struct stat st;

	assert_int_equal(stat(entry, &st), 0);
	flip(entry, st.st_size / 2);
}

static void entry_that_is_a_fifo(const char *entry)
{
	assert_int_equal(unlink(entry), 0);
	assert_int_equal(mkfifo(entry, 0600), 0);
}

static void a_bad_entry_is_as_good_as_none(void **state)
{
	static void (*const spoil[])(const char *entry) = {
		entry_of_another_user,	  entry_that_all_may_write, entry_behind_a_link,
		entry_with_a_second_name, entry_cut_short,	    entry_too_long,
		entry_of_another_format,  entry_of_another_build,   entry_with_a_wrong_sum,
		entry_with_one_bit_wrong, entry_that_is_a_fifo,
	};
	char entry[512];

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(spoil); i++) {
		fresh(entry);
		spoil[i](entry);
		assert_false(known());
		assert_true(known()); /* a good one has taken its place */
	}
}

/* --- folders that anybody else could have a hand in --- */

static void folder_of_another_user(void)
{
	assert_int_equal(chown(dir, OTHER, OTHER), 0);
}

static void folder_that_all_may_write(void)
{
	assert_int_equal(chmod(dir, 0777), 0);
}

static void folder_that_all_may_read(void)
{
	assert_int_equal(chmod(dir, 0755), 0);
}

static void folder_behind_a_link(void)
{
	char elsewhere[96];

	snprintf(elsewhere, sizeof(elsewhere), "%s/real", root);
	assert_int_equal(rename(dir, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, dir), 0);
}

static void folder_in_a_folder_that_all_may_write(void)
{
	assert_int_equal(chmod(root, 0777), 0);
}

static void a_folder_that_others_can_change_is_not_used(void **state)
{
	static void (*const spoil[])(void) = {
		folder_of_another_user,
		folder_that_all_may_write,
		folder_that_all_may_read,
		folder_behind_a_link,
		folder_in_a_folder_that_all_may_write,
	};
	char entry[512];

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(spoil); i++) {
		fresh(entry);
		spoil[i]();
		assert_null(cache_open(dir));
		assert_int_equal(chmod(root, 0755), 0);
	}
}

/* --- files that are no longer what they were --- */

static void touched(void)
{
	struct timespec then[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
	struct stat st;

	/* The time of modification can be set back, that of change cannot. */
	assert_int_equal(stat(library, &st), 0);
	flip(library, st.st_size - 1);
	then[1] = st.st_mtim;
	assert_int_equal(utimensat(AT_FDCWD, library, then, 0), 0);
}

static void replaced(void)
{
	char other[128];

	snprintf(other, sizeof(other), "%s.new", library);
	copy(system_libssl(), other);
	assert_int_equal(rename(other, library), 0);
}

static void a_changed_file_is_examined_anew(void **state)
{
	static void (*const change[])(void) = { touched, replaced };
	char entry[512];

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(change); i++) {
		replaced();
		grow_old();
		fresh(entry);
		change[i]();
		assert_false(known());
	}
}

/* A page that is dirty already is written to without a new time of change. */
static void a_write_through_a_mapping_is_noticed(void **state)
{
	_cleanup_(closep) int fd = -1;
	struct stat before, after;
	struct probe_target t;
	char entry[512], *p;

	(void)state;
	if (geteuid() != 0)
		skip();
	replaced();
	fd = open(library, O_RDWR | O_CLOEXEC);
	assert_int_equal(target_examine(fd, library, &t), 1);
	assert_int_equal(fstat(fd, &before), 0);
	p = mmap(NULL, (size_t)before.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	p[t.points[0].entry + 40] ^= 1;
	p[t.points[0].entry + 40] ^= 1;
	grow_old();
	fresh(entry);
	assert_int_equal(fstat(fd, &before), 0);
	p[t.points[0].entry + 40] ^= 1;
	assert_int_equal(fstat(fd, &after), 0);
	munmap(p, (size_t)before.st_size);
	assert_memory_equal(&before.st_ctim, &after.st_ctim, sizeof(before.st_ctim));
	assert_false(known());
}

static void a_file_that_has_just_changed_gets_no_entry(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	replaced();
	assert_false(known());
	assert_false(known());
	grow_old();
	assert_false(known());
	assert_true(known());
}

static void there_are_never_more_than_so_many(void **state)
{
	char entry[512];
	size_t n = 0;
	DIR *d;

	(void)state;
	if (geteuid() != 0)
		skip();
	grow_old();
	fresh(entry);
	for (size_t i = 0; i < CACHE_ENTRIES_MAX + 3; i++) {
		char name[160];
		int fd;

		snprintf(name, sizeof(name), "%s/%032zx", dir, i);
		fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		close(fd);
	}
	unlink(entry);
	for (int i = 0; i < 4; i++) {
		assert_false(known());
		unlink(entry);
	}
	d = opendir(dir);
	while (readdir(d))
		n++;
	closedir(d);
	assert_true(n - 2 <= CACHE_ENTRIES_MAX);
}

static void without_a_cache_files_are_examined(void **state)
{
	_cleanup_(closep) int fd = open(system_libssl(), O_RDONLY | O_CLOEXEC);
	struct probe_target t;

	(void)state;
	assert_null(cache_open("off"));
	assert_int_equal(cache_examine(NULL, fd, system_libssl(), NULL, &t), 1);
	assert_int_equal(cache_hits(NULL), 0);
	cache_free(NULL);
}

/* --- files that were met late --- */

static char seen[LATE_FILES_MAX + 8][128];
static size_t n_seen;

static void see(void *ctx, const char *path)
{
	(void)ctx;
	assert_true(n_seen < ARRAY_SIZE(seen));
	snprintf(seen[n_seen++], sizeof(seen[0]), "%s", path);
}

static size_t list(int at, uid_t uid)
{
	n_seen = 0;
	late_each(at, uid, see, NULL);
	return n_seen;
}

static void what_came_late_is_remembered_for_its_user(void **state)
{
	char path[128], command[128];
	struct cache *c;
	int at;

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
	c = cache_open(dir);
	at = cache_dir(c);
	assert_true(at >= 0);
	assert_int_equal(list(at, 1), 0);
	late_remember(at, 1, "/a b/x.node");
	late_remember(at, 1, "/y.so");
	late_remember(at, 1, "/a b/x.node");
	assert_int_equal(list(at, 1), 2);
	assert_string_equal(seen[0], "/a b/x.node");
	assert_string_equal(seen[1], "/y.so");
	assert_int_equal(list(at, 2), 0);
	/* What is no path of a file that is there. */
	late_remember(at, 2, "relative");
	late_remember(at, 2, "/gone.so (deleted)");
	late_remember(at, 2, "/line\nbreak");
	late_remember(at, 2, "/escaped\\012");
	late_remember(-1, 2, "/nowhere");
	assert_int_equal(list(at, 2), 0);
	for (int i = 0; i < LATE_FILES_MAX + 5; i++) {
		snprintf(path, sizeof(path), "/lib/%d.so", i);
		late_remember(at, 1, path);
	}
	assert_int_equal(list(at, 1), LATE_FILES_MAX);
	assert_string_equal(seen[0], path);
	/* A list that somebody else could have written is none. */
	assert_int_equal(fchmodat(at, ".late-1", 0666, 0), 0);
	assert_int_equal(list(at, 1), 0);
	late_remember(at, 1, "/new.so");
	assert_int_equal(list(at, 1), 1);
	assert_int_equal(unlinkat(at, ".late-1", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", at, ".late-1"), 0);
	assert_int_equal(list(at, 1), 0);
	cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_remembered_whole),
		cmocka_unit_test(a_proof_is_remembered),
		cmocka_unit_test(a_bad_entry_is_as_good_as_none),
		cmocka_unit_test(a_folder_that_others_can_change_is_not_used),
		cmocka_unit_test(a_changed_file_is_examined_anew),
		cmocka_unit_test(a_write_through_a_mapping_is_noticed),
		cmocka_unit_test(a_file_that_has_just_changed_gets_no_entry),
		cmocka_unit_test(there_are_never_more_than_so_many),
		cmocka_unit_test(without_a_cache_files_are_examined),
		cmocka_unit_test(what_came_late_is_remembered_for_its_user),
	};

	return cmocka_run_group_tests_name("cache", tests, begin, end);
}
