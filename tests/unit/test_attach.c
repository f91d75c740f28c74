/* SPDX-License-Identifier: BSD-2-Clause */
/* Which files are looked at, and when again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "base/util.h"
#include "probe/attach.h"

static struct attachments *a;

static int begin(void **state)
{
	(void)state;
	return attachments_new(NULL, &a);
}

static int end(void **state)
{
	(void)state;
	attachments_free(a);
	return 0;
}

static struct stat file(ino_t inode, off_t size, time_t changed)
{
	return (struct stat){ .st_ino = inode, .st_size = size, .st_ctim.tv_sec = changed };
}

static int seen(ino_t inode, off_t size, time_t changed)
{
	const struct stat st = file(inode, size, changed);

	return attach_seen(a, &st);
}

static void a_file_is_looked_at_once_and_again_when_it_has_changed(void **state)
{
	(void)state;
	assert_int_equal(seen(1, 10, 1), 0);
	assert_int_equal(seen(1, 10, 1), 1);
	assert_int_equal(seen(2, 10, 1), 0);
	assert_int_equal(seen(1, 11, 1), 0);
	assert_int_equal(seen(1, 11, 2), 0);
	assert_int_equal(seen(1, 11, 2), 1);
	assert_int_equal(seen(2, 10, 1), 1);
}

static void one_that_changes_all_the_time_is_given_up_with_a_word(void **state)
{
	int looks = 0, refused = 0;

	(void)state;
	for (int i = 0; i < 10 * ATTACH_LOOKS_MAX; i++) {
		const int r = seen(1, i, i);

		looks += r == 0;
		refused += r == -EAGAIN;
	}
	assert_int_equal(looks, ATTACH_LOOKS_MAX);
	assert_int_equal(refused, 1);
	assert_int_equal(seen(2, 10, 1), 0); /* others are not */
}

static void there_are_only_so_many(void **state)
{
	(void)state;
	for (ino_t i = 0; i < ATTACH_FILES_MAX; i++)
		assert_int_equal(seen(i, 10, 1), 0);
	assert_int_equal(seen(ATTACH_FILES_MAX, 10, 1), -ENOSPC);
	assert_int_equal(seen(0, 10, 1), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	static const struct CMUnitTest tests[] = {
		TEST(a_file_is_looked_at_once_and_again_when_it_has_changed),
		TEST(one_that_changes_all_the_time_is_given_up_with_a_word),
		TEST(there_are_only_so_many),
	};

	return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}
