/* SPDX-License-Identifier: BSD-2-Clause */
/* The proof of probe points must fail where the points are wrong: on the system's libssl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "probe/selftest.h"

static const struct selftest_user nobody = { 65534, 65534 };

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_tested_says_so),
		cmocka_unit_test(real_points_are_proved),
		cmocka_unit_test(wrong_points_are_refuted),
	};

	return cmocka_run_group_tests_name("selftest", tests, NULL, NULL);
}
