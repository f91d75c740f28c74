/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ipc.h"
#include "probe/privileges.h"

#define NOBODY 65534

/* Whether @uid, as the launcher's user, may have @pid traced; -1 where it could not be tried. */
static int may(uid_t uid, pid_t pid)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		int fds[2];

		if (setresuid(uid, uid, uid) < 0 || ipc_pair(fds) < 0)
			_exit(2);
		_exit(privileges_may_trace(fds[0], pid ? pid : getpid()));
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) < 2 ? WEXITSTATUS(status) : -1;
}

static void a_user_may_have_only_own_processes_traced(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(may(NOBODY, 0), 1);
	assert_int_equal(may(NOBODY, getppid()), 0);
	assert_int_equal(may(NOBODY, 1), 0);
	assert_int_equal(may(NOBODY, 0x7ffffff0), 0); /* no such process */
	assert_int_equal(may(0, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_may_have_only_own_processes_traced),
	};

	return cmocka_run_group_tests_name("privileges", tests, NULL, NULL);
}
