/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes that run already are found by what a user calls them, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/running.h"
#include "probe/container.h"

#define ID "4f5a1c0d2b3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c"

static void a_container_is_known_by_its_cgroup(void **state)
{
	static const struct {
		const char *cgroup, *name, *part; /* part: "" where it is another's */
	} cases[] = {
		{ "/docker/" ID, "4f5a1c", "/docker/" ID },
		{ "/docker/" ID "/inner", ID, "/docker/" ID },
		{ "/system.slice/docker-" ID ".scope", "4f5a1c0d2b3e",
		  "/system.slice/docker-" ID ".scope" },
		{ "/user.slice/user-1000.slice/libpod-" ID ".scope/container", "4f5a",
		  "/user.slice/user-1000.slice/libpod-" ID ".scope" },
		{ "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope", ID,
		  "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope" },
		{ "/machine.slice/machine-box.scope", "box", "/machine.slice/machine-box.scope" },
		{ "/system.slice/crun-box.scope", "box", "/system.slice/crun-box.scope" },
		{ "/lxc.payload.box", "box", "/lxc.payload.box" },
		{ "/box/payload", "box", "/box" },
		/* Too short for an id, another id, a part of another's name, no container at all.
		 */
		{ "/docker/" ID, "4f5", "" },
		{ "/docker/" ID, "5f5a1c", "" },
		{ "/docker/" ID, "f5a1c", "" },
		{ "/system.slice/crun-my-box.scope", "box", "" },
		{ "/user.slice/user-1000.slice/session-1.scope", "user", "" },
		{ "/", "box", "" },
		{ "", "box", "" },
		{ "/docker/" ID, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(container_in_path(cases[i].cgroup, cases[i].name),
				 strlen(cases[i].part));
}

static void pids_are_a_list_of_numbers(void **state)
{
	static const char *const wrong[] = { "",   ",", "x",   "1,",  ",1",	     "1,,2",
					     "-1", "0", "1 2", "1.5", "99999999999", "1x" };
	struct running r;

	(void)state;
	assert_int_equal(running_find(&(struct running_query){ .pids = "12,7,12" }, &r), 0);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.pids[0], 12);
	assert_int_equal(r.pids[1], 7);
	assert_int_equal(r.cgroup_fd, -1);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(running_find(&(struct running_query){ .pids = wrong[i] }, &r),
				 -EINVAL);
}

/* A child that is called so; it ends with its pipe. */
static pid_t start(const char *name, int *ret_fd)
{
	int fds[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NAME, name);
		close(fds[1]);
		_exit(read(fds[0], &byte, 1) != 0);
	}
	close(fds[0]);
	*ret_fd = fds[1];
	return pid;
}

static void a_program_is_found_by_name_or_pattern(void **state)
{
	struct running r;
	char name[16], pattern[32];
	int fd, n = 0;
	pid_t pid;

	(void)state;
	snprintf(name, sizeof(name), "so%dx", (int)getpid());
	snprintf(pattern, sizeof(pattern), "so%d?", (int)getpid());
	pid = start(name, &fd);
	/* It may not have taken its name yet. */
	while (running_find(&(struct running_query){ .program = name }, &r) < 0 && n++ < 1000)
		usleep(1000);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.pids[0], pid);
	assert_int_equal(running_find(&(struct running_query){ .program = pattern }, &r), 0);
	assert_int_equal(r.pids[0], pid);
	close(fd);
	waitpid(pid, NULL, 0);
	assert_int_equal(running_find(&(struct running_query){ .program = name }, &r), -ESRCH);
}

static void only_one_way_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(running_asked(&(struct running_query){ 0 }), 0);
	assert_int_equal(running_asked(&(struct running_query){ .pids = "1", .cgroup = "/" }), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_container_is_known_by_its_cgroup),
		cmocka_unit_test(pids_are_a_list_of_numbers),
		cmocka_unit_test(a_program_is_found_by_name_or_pattern),
		cmocka_unit_test(only_one_way_is_asked_for),
	};

	return cmocka_run_group_tests_name("running", tests, NULL, NULL);
}
