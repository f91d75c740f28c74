/* SPDX-License-Identifier: BSD-2-Clause */
/* The proof of probe points must fail where the points are wrong: on the system's libssl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/selftest.h"
#include "probe/trust.h"

static const struct selftest_user nobody = { .uid = 65534, .gid = 65534 };

static int open_libssl(struct probe_target *ret)
{
	static const char *const paths[] = { "/usr/lib/x86_64-linux-gnu/libssl.so.3",
					     "/usr/lib/aarch64-linux-gnu/libssl.so.3",
					     "/usr/lib64/libssl.so.3" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		assert_int_equal(target_examine(fd, paths[i], ret), 1);
		return fd;
	}
	return -1;
}

/* Without the cache of earlier answers: each case is a question of its own. */
static int prove(const struct probe_target *t, int fd, char why[160])
{
	struct selftest_verdict v = { 0 };
	int r = selftest_ask(t, fd, &nobody, &v);

	snprintf(why, 160, "%s", v.why);
	return r < 0 ? r : v.r;
}

static bool can_run(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return false;
#else
	return geteuid() == 0;
#endif
}

static void what_cannot_be_tested_says_so(void **state)
{
	struct probe_target t;
	_cleanup_(closep) int fd = open_libssl(&t);
	char why[160];

	(void)state;
	assert_true(fd >= 0);
	snprintf(t.path, sizeof(t.path), "/usr/bin/node");
	assert_int_equal(selftest_target(&t, fd, &nobody, why), -EOPNOTSUPP);
	assert_int_not_equal(strlen(why), 0);
	t.n_points = 0;
	assert_int_equal(selftest_target(&t, fd, &nobody, why), -EINVAL);
}

static void real_points_are_proved(void **state)
{
	struct probe_target t;
	_cleanup_(closep) int fd = open_libssl(&t);
	char why[160];

	(void)state;
	if (!can_run()) {
		assert_int_equal(selftest_target(&t, fd, &nobody, why), -EOPNOTSUPP);
		return;
	}
	assert_int_equal(prove(&t, fd, why), 1);
	assert_int_equal(target_examine_classic(fd, t.path, &t), 1);
	assert_int_equal(prove(&t, fd, why), 1);
	/* And remembered. */
	assert_int_equal(selftest_target(&t, fd, &nobody, why), 1);
	assert_int_equal(selftest_target(&t, fd, &nobody, why), 1);
}

static struct probe_point *first(struct probe_target *t, bool write)
{
	for (size_t i = 0; i < t->n_points; i++)
		if (t->points[i].write == write && t->points[i].abi != PROBE_ABI_FREE)
			return &t->points[i];
	return NULL;
}

static void entry_of_another_function(struct probe_target *t)
{
	first(t, true)->entry = first(t, false)->entry;
}

static void the_other_signature(struct probe_target *t)
{
	first(t, true)->abi = PROBE_ABI_RW_EX2;
}

static void an_exit_that_is_never_reached(struct probe_target *t)
{
	first(t, false)->exit = 0x1000;
}

static void an_exit_with_something_else_in_the_result(struct probe_target *t)
{
	first(t, true)->exit = first(t, true)->entry;
}

static void one_function_twice(struct probe_target *t)
{
	t->points[t->n_points] = *first(t, true);
	snprintf(t->points[t->n_points].function, sizeof(t->points[0].function), "SSL_write");
	t->n_points++;
}

static void wrong_points_are_refuted(void **state)
{
	static void (*const break_it[])(struct probe_target *) = {
		entry_of_another_function,
		the_other_signature,
		an_exit_that_is_never_reached,
		an_exit_with_something_else_in_the_result,
		one_function_twice,
	};

	(void)state;
	if (!can_run())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(break_it); i++) {
		struct probe_target t;
		_cleanup_(closep) int fd = open_libssl(&t);
		char why[160];

		break_it[i](&t);
		assert_int_equal(prove(&t, fd, why), 0);
		assert_int_not_equal(strlen(why), 0);
	}
}

/* --- whose code is run --- */

static char folder[] = "/tmp/sonde-trust-XXXXXX";

/* A libssl of its own, anybody's to read. */
static void copy_libssl(struct probe_target *ret, int *ret_fd)
{
	_cleanup_(closep) int from = open_libssl(ret);
	char path[64];
	struct stat st;
	int to;

	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/libssl.so.3", folder);
	to = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_true(to >= 0);
	assert_int_equal(fchmod(to, 0644), 0);
	assert_int_equal(fstat(from, &st), 0);
	assert_int_equal(sendfile(to, from, NULL, (size_t)st.st_size), st.st_size);
	close(to);
	/* One that may be written to is not run. */
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(target_examine(*ret_fd, path, ret), 1);
}

static void what_others_may_have_written_is_not_loaded(void **state)
{
	static const struct {
		uid_t file_owner, folder_owner;
		mode_t file_mode, folder_mode;
		bool own;
		int proved;
	} cases[] = {
		{ 0, 0, 0644, 0755, false, 1 },
		{ 0, 0, 0644, 01777, false, 1 },
		{ 0, 0, 0666, 0755, false, -EOPNOTSUPP },
		{ 0, 0, 0664, 0755, false, -EOPNOTSUPP },
		{ 0, 0, 0644, 0777, false, -EOPNOTSUPP },
		/* That user's own, and another's. */
		{ 65534, 0, 0644, 0755, false, -EOPNOTSUPP },
		{ 65534, 65534, 0644, 0755, true, 1 },
		{ 0, 65534, 0644, 0755, false, -EOPNOTSUPP },
		{ 65533, 0, 0644, 0755, true, -EOPNOTSUPP },
		{ 0, 65533, 0644, 0755, true, -EOPNOTSUPP },
	};
	struct selftest_user as = nobody;
	_cleanup_(closep) int fd = -1;
	struct probe_target t;

	(void)state;
	if (!can_run())
		return;
	copy_libssl(&t, &fd);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct selftest_verdict v = { 0 };

		assert_int_equal(chown(t.path, cases[i].file_owner, 0), 0);
		assert_int_equal(chmod(t.path, cases[i].file_mode), 0);
		assert_int_equal(chown(folder, cases[i].folder_owner, 0), 0);
		assert_int_equal(chmod(folder, cases[i].folder_mode), 0);
		as.own = cases[i].own;
		assert_int_equal(selftest_ask(&t, fd, &as, &v), 0);
		if (v.r != cases[i].proved)
			fail_msg("case %zu: %d, %s", i, v.r, v.why);
	}
	assert_int_equal(unlink(t.path), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* Where paths mean something else nothing is loaded: not even this process' files are, there. */
static void a_process_in_another_place_is_known(void **state)
{
	int fds[2], status;
	char c = 0;
	pid_t pid;

	(void)state;
	assert_true(trust_process(getpid()));
	if (geteuid() != 0)
		return;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		c = (char)(unshare(CLONE_NEWNS) == 0);
		_exit(write(fds[1], &c, 1) == 1 && pause() == 0);
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	assert_true(c);
	assert_false(trust_process(pid));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_tested_says_so),
		cmocka_unit_test(real_points_are_proved),
		cmocka_unit_test(wrong_points_are_refuted),
		cmocka_unit_test(what_others_may_have_written_is_not_loaded),
		cmocka_unit_test(a_process_in_another_place_is_known),
	};

	return cmocka_run_group_tests_name("selftest", tests, NULL, NULL);
}
